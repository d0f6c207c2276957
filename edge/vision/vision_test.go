package vision

import (
	"image"
	"math"
	"testing"

	"bongsu"
)

func TestTarget(t *testing.T) {
	cases := []struct {
		w, h, max int
		c         bongsu.Color
		want      image.Point
	}{
		{768, 432, 1280, bongsu.Color{}, image.Pt(768, 432)},
		{1920, 1080, 1280, bongsu.Color{SampleAspectW: 1, SampleAspectH: 1}, image.Pt(1280, 720)},
		{704, 480, 1280, bongsu.Color{SampleAspectW: 40, SampleAspectH: 33}, image.Pt(853, 480)},
		{704, 480, 1280, bongsu.Color{SampleAspectW: 500, SampleAspectH: 1}, image.Pt(704, 480)},
		{10000, 1, 100, bongsu.Color{}, image.Pt(100, 1)},
	}
	for _, c := range cases {
		if got := target(&bongsu.Frame{Width: c.w, Height: c.h, Color: c.c}, c.max); got != c.want {
			t.Errorf("%d×%d at most %d wide: %v, want %v", c.w, c.h, c.max, got, c.want)
		}
	}
}

func TestConversion(t *testing.T) {
	cases := []struct {
		name    string
		c       bongsu.Color
		height  int
		y, u, v float64
		r, g, b float64
	}{
		{"video black", bongsu.Color{Matrix: 6}, 480, 16, 128, 128, 0, 0, 0},
		{"video white", bongsu.Color{Matrix: 6}, 480, 235, 128, 128, 255, 255, 255},
		{"full white", bongsu.Color{Matrix: 6, FullRange: true}, 480, 255, 128, 128, 255, 255, 255},
		{"full grey", bongsu.Color{Matrix: 1, FullRange: true}, 480, 100, 128, 128, 100, 100, 100},
		{"BT.601 red", bongsu.Color{Matrix: 6}, 480, 81.48, 90.20, 240, 255, 0, 0},
		{"BT.709 red", bongsu.Color{Matrix: 1}, 480, 62.56, 102.34, 240, 255, 0, 0},
		{"unsaid, high definition", bongsu.Color{Matrix: 2}, 1080, 62.56, 102.34, 240, 255, 0, 0},
		{"unsaid, standard definition", bongsu.Color{Matrix: 2}, 576, 81.48, 90.20, 240, 255, 0, 0},
		{"BT.2020 red", bongsu.Color{Matrix: 9}, 2160, 73.53, 96.72, 240, 255, 0, 0},
		{"SMPTE 240M red", bongsu.Color{Matrix: 7}, 1080, 62.43, 102.02, 240, 255, 0, 0},
	}
	for _, c := range cases {
		m := conversion(c.c, c.height)
		for i, want := range []float64{c.b, c.g, c.r} {
			got := m[i][0]*c.y + m[i][1]*c.u + m[i][2]*c.v + m[i][3]
			if math.Abs(got-want) > 0.6 {
				t.Errorf("%s: channel %d is %.2f, want %.0f", c.name, i, got, want)
			}
		}
	}
}

func TestPixelAndASCII(t *testing.T) {
	size := image.Pt(101, 51)
	for _, c := range []struct {
		p    bongsu.Point
		want image.Point
	}{
		{bongsu.Point{X: 0, Y: 0}, image.Pt(0, 0)},
		{bongsu.Point{X: 1, Y: 0.5}, image.Pt(100, 25)},
		{bongsu.Point{X: 1e30, Y: -1e30}, image.Pt(200, -50)},
		{bongsu.Point{X: float32(math.NaN()), Y: float32(math.Inf(1))}, image.Pt(0, 100)},
	} {
		if got := pixel(c.p, size); got != c.want {
			t.Errorf("%v: %v, want %v", c.p, got, c.want)
		}
	}
	if got := ascii("입구 gate\n~1"); got != "?? gate?~1" {
		t.Errorf("%q", got)
	}
}

func TestCheck(t *testing.T) {
	good := func() *bongsu.Frame {
		return &bongsu.Frame{Width: 5, Height: 3, Format: bongsu.FormatI420, Planes: [3]bongsu.Plane{
			{Data: make([]byte, 8*2+5), Stride: 8}, {Data: make([]byte, 6), Stride: 3}, {Data: make([]byte, 6), Stride: 3}}}
	}
	if err := good().Check(); err != nil {
		t.Error(err)
	}
	for i, spoil := range []func(*bongsu.Frame){
		func(f *bongsu.Frame) { f.Width = -1 },
		func(f *bongsu.Frame) { f.Height = 1 << 20 },
		func(f *bongsu.Frame) { f.Format = bongsu.FormatNone },
		func(f *bongsu.Frame) { f.Format = bongsu.FormatNV12 },
		func(f *bongsu.Frame) { f.Planes[0].Stride = 4 },
		func(f *bongsu.Frame) { f.Planes[2].Data = nil },
	} {
		f := good()
		spoil(f)
		if f.Check() == nil {
			t.Errorf("case %d was accepted", i)
		}
		if _, err := JPEG(f, Options{}); err == nil {
			t.Errorf("case %d was made a JPEG of", i)
		}
	}
}
