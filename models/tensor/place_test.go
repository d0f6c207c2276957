package tensor

import (
	"math"
	"math/rand/v2"
	"testing"

	"bongsu"
)

func TestPlace(t *testing.T) {
	square := bongsu.Color{SampleAspectW: 1, SampleAspectH: 1}
	cases := []struct {
		name         string
		resize       Resize
		w, h         int // input
		pw, ph       int // picture
		color        bongsu.Color
		x, y, rw, rh int
	}{
		{"landscape in the corner", LetterboxTopLeft, 416, 416, 768, 432, square, 0, 0, 416, 234},
		{"portrait in the corner", LetterboxTopLeft, 416, 416, 432, 768, square, 0, 0, 234, 416},
		{"odd picture in the corner", LetterboxTopLeft, 416, 416, 627, 361, square, 0, 0, 416, 239},
		{"landscape in the middle", LetterboxCentre, 640, 640, 1920, 1080, square, 0, 140, 640, 360},
		{"portrait in the middle", LetterboxCentre, 416, 416, 432, 768, square, 91, 0, 234, 416},
		{"one row of padding", LetterboxCentre, 416, 416, 416, 415, square, 0, 0, 416, 415},
		{"one column of padding moves left", LetterboxCentre, 416, 416, 414, 416, square, 0, 0, 414, 416},
		{"smaller picture grows", LetterboxTopLeft, 416, 416, 208, 100, square, 0, 0, 416, 200},
		{"stretch", Stretch, 320, 240, 768, 432, square, 0, 0, 320, 240},
		{"stretch into an uneven width", Stretch, 300, 240, 768, 432, square, 0, 0, 288, 240},
		{"letterbox into an uneven width", LetterboxTopLeft, 300, 300, 768, 432, square, 0, 0, 288, 161},
		{"a line", LetterboxTopLeft, 64, 64, 4000, 2, square, 0, 0, 64, 1},
		{"anamorphic", LetterboxTopLeft, 416, 416, 704, 480, bongsu.Color{SampleAspectW: 40, SampleAspectH: 33}, 0, 0, 416, 234},
		{"absurd aspect", LetterboxTopLeft, 416, 416, 416, 416, bongsu.Color{SampleAspectW: 999, SampleAspectH: 1}, 0, 0, 416, 416},
		{"unknown aspect", LetterboxTopLeft, 416, 416, 416, 208, bongsu.Color{}, 0, 0, 416, 208},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := Spec{Width: c.w, Height: c.h, Resize: c.resize}
			if got := s.place(c.pw, c.ph, c.color); got != (rect{c.x, c.y, c.rw, c.rh}) {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestPlaceStaysInside(t *testing.T) {
	const seed = 11
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, seed))
	for range 20000 {
		s := Spec{Width: 16 + r.IntN(700), Height: 16 + r.IntN(700), Resize: []Resize{LetterboxTopLeft, LetterboxCentre, Stretch}[r.IntN(3)]}
		w, h := 1+r.IntN(2000), 1+r.IntN(2000)
		c := bongsu.Color{SampleAspectW: r.IntN(5), SampleAspectH: r.IntN(5)}
		at := s.place(w, h, c)
		reach := at.x + (at.w+step-1)/step*step
		if at.x < 0 || at.y < 0 || at.w < 1 || at.h < 1 || reach > s.Width || at.y+at.h > s.Height {
			t.Fatalf("%+v with a picture of %d×%d (%+v): %+v", s, w, h, c, at)
		}
		g := at.geometry(w, h)
		b := g.Unmap(float32(at.x), float32(at.y), float32(at.x+at.w), float32(at.y+at.h))
		if math.Abs(float64(b.X0)) > 1e-4 || math.Abs(float64(b.Y1)-1) > 1e-4 || math.Abs(float64(b.X1)-1) > 1e-4 {
			t.Fatalf("%+v unmaps to %+v", at, b)
		}
	}
}

func TestSpecErrors(t *testing.T) {
	good := Spec{Width: 416, Height: 416}
	for _, change := range []func(*Spec){
		func(s *Spec) { s.Width = 8 },
		func(s *Spec) { s.Height = 0 },
		func(s *Spec) { s.Width = 1 << 20 },
		func(s *Spec) { s.Batch = -1 },
		func(s *Spec) { s.Batch = 1 << 20 },
		func(s *Spec) { s.Channels = "grey" },
		func(s *Spec) { s.Resize = "crop" },
	} {
		s := good
		change(&s)
		if b, err := NewBuffer(s); err == nil || b != nil {
			t.Errorf("%+v was accepted", s)
		}
	}
}

func TestCheckPicture(t *testing.T) {
	good := func() *bongsu.Frame {
		return &bongsu.Frame{Width: 5, Height: 3, Format: bongsu.FormatI420, Planes: [3]bongsu.Plane{
			{Data: make([]byte, 8*2+5), Stride: 8}, {Data: make([]byte, 6), Stride: 3}, {Data: make([]byte, 6), Stride: 3}}}
	}
	if err := good().Check(); err != nil {
		t.Error(err)
	}
	for i, spoil := range []func(*bongsu.Frame){
		func(f *bongsu.Frame) { f.Width = 0 },
		func(f *bongsu.Frame) { f.Height = 1 << 20 },
		func(f *bongsu.Frame) { f.Format = bongsu.FormatNone },
		func(f *bongsu.Frame) { f.Format = bongsu.FormatNV12 },
		func(f *bongsu.Frame) { f.Planes[0].Data = f.Planes[0].Data[:20] },
		func(f *bongsu.Frame) { f.Planes[1].Stride = 2 },
		func(f *bongsu.Frame) { f.Planes[2].Data = nil },
		func(f *bongsu.Frame) { f.Planes[0].Stride = -8 },
	} {
		f := good()
		spoil(f)
		if f.Check() == nil {
			t.Errorf("case %d was accepted", i)
		}
	}
}
