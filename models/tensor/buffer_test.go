//go:build cgo

package tensor

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"unsafe"

	"bongsu"
)

// yuv is the value of a colour at a place of 0..1 of the picture.
type yuv func(x, y float64) (Y, U, V float64)

// smooth changes slowly, so that any good filter gives the same.
func smooth(x, y float64) (Y, U, V float64) {
	return 60 + 120*x + 30*math.Sin(6*y), 100 + 50*y, 120 + 40*math.Cos(5*x)
}

// paint makes a picture in Go memory, its rows longer than its width.
func paint(w, h int, format bongsu.PixelFormat, at yuv) *bongsu.Frame {
	f := &bongsu.Frame{Width: w, Height: h, Format: format, Color: bongsu.Color{Matrix: 6, SampleAspectW: 1, SampleAspectH: 1}}
	cw, ch := (w+1)/2, (h+1)/2
	stride, cs := w+5, cw+3
	y, u, v := make([]byte, stride*h), make([]byte, cs*ch), make([]byte, cs*ch)
	for j := range h {
		for i := range w {
			Y, _, _ := at((float64(i)+0.5)/float64(w), (float64(j)+0.5)/float64(h))
			y[j*stride+i] = byte(Y + 0.5)
		}
	}
	for j := range ch {
		for i := range cw {
			_, U, V := at((float64(i)+0.5)/float64(cw), (float64(j)+0.5)/float64(ch))
			u[j*cs+i], v[j*cs+i] = byte(U+0.5), byte(V+0.5)
		}
	}
	f.Planes = [3]bongsu.Plane{{Data: y, Stride: stride}, {Data: u, Stride: cs}, {Data: v, Stride: cs}}
	if format == bongsu.FormatNV12 {
		uv := make([]byte, 2*cs*ch)
		for i := range u {
			uv[2*i], uv[2*i+1] = u[i], v[i]
		}
		f.Planes[1], f.Planes[2] = bongsu.Plane{Data: uv, Stride: 2 * cs}, bongsu.Plane{}
	}
	return f
}

// rgb converts by ITU-R BT.601 or BT.709, video or full range.
func rgb(Y, U, V float64, c bongsu.Color) [3]float64 {
	kr, kb := 0.299, 0.114
	if c.Matrix == 1 {
		kr, kb = 0.2126, 0.0722
	}
	y, cb, cr := (Y-16)/219, (U-128)/224, (V-128)/224
	if c.FullRange {
		y, cb, cr = Y/255, (U-128)/255, (V-128)/255
	}
	r, b := y+2*(1-kr)*cr, y+2*(1-kb)*cb
	g := (y - kr*r - kb*b) / (1 - kr - kb)
	clip := func(v float64) float64 { return min(max(v*255, 0), 255) }
	return [3]float64{clip(r), clip(g), clip(b)}
}

// reference is the slot that the picture should give, by evaluating it at every input pixel.
func reference(s Spec, w, h int, at yuv, c bongsu.Color) []float64 {
	r := s.place(w, h, c)
	out := make([]float64, s.SlotBytes())
	for i := range out {
		out[i] = float64(s.Pad)
	}
	for y := range r.h {
		for x := range r.w {
			Y, U, V := at((float64(x)+0.5)/float64(r.w), (float64(y)+0.5)/float64(r.h))
			v := rgb(Y, U, V, c)
			if s.Channels == BGR {
				v[0], v[2] = v[2], v[0]
			}
			for k := range v {
				out[(k*s.Height+r.y+y)*s.Width+r.x+x] = v[k]
			}
		}
	}
	return out
}

// compare demands equal padding, and a picture within a few steps of the reference.
func compare(t *testing.T, s Spec, got []byte, want []float64, r rect) {
	t.Helper()
	worst, sum, n := 0.0, 0.0, 0
	for i, v := range got {
		x, y := i%s.Width, i/s.Width%s.Height
		d := math.Abs(float64(v) - want[i])
		if x < r.x || x >= r.x+r.w || y < r.y || y >= r.y+r.h {
			if v != s.Pad {
				t.Fatalf("padding at %d,%d of plane %d is %d", x, y, i/s.Width/s.Height, v)
			}
			continue
		}
		worst = max(worst, d)
		sum, n = sum+d, n+1
	}
	if mean := sum / float64(n); mean > 1.2 || worst > 8 {
		t.Errorf("mean difference %.2f, worst %.1f", mean, worst)
	}
}

// buffer makes one that the test closes, and checks guard and C objects.
func buffer(t testing.TB, s Spec) *Buffer {
	t.Helper()
	before := Live()
	b, err := NewBuffer(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if !b.Intact() {
			t.Error("something wrote past the tensor")
		}
		b.Close()
		b.Close()
		if n := Live() - before; n != 0 {
			t.Errorf("%d C objects are left", n)
		}
	})
	return b
}

func TestFill(t *testing.T) {
	pictures := []struct{ w, h int }{{768, 432}, {432, 768}, {627, 361}, {414, 416}, {200, 150}, {416, 416}, {33, 900}, {1, 1}}
	formats := []bongsu.PixelFormat{bongsu.FormatI420, bongsu.FormatNV12}
	for k, resize := range []Resize{LetterboxTopLeft, LetterboxCentre, Stretch} {
		for j, size := range [][2]int{{416, 416}, {320, 240}, {300, 200}} {
			s := Spec{Width: size[0], Height: size[1], Channels: []Channels{RGB, BGR}[(j+k)%2], Resize: resize, Pad: 114}
			t.Run(fmt.Sprintf("%s %s %dx%d", resize, s.Channels, size[0], size[1]), func(t *testing.T) {
				b := buffer(t, s)
				for i, p := range pictures {
					checkFill(t, b, p.w, p.h, formats[(i+j)%2])
				}
			})
		}
	}
}

func checkFill(t *testing.T, b *Buffer, w, h int, format bongsu.PixelFormat) {
	t.Helper()
	s := b.Spec()
	at := yuv(smooth)
	if w < 100 || h < 100 {
		at = func(x, y float64) (float64, float64, float64) { return 90, 140, 110 }
	}
	f := paint(w, h, format, at)
	g, err := b.Slot(0).Fill(f)
	if err != nil {
		t.Fatalf("%d×%d: %v", w, h, err)
	}
	r := s.place(w, h, f.Color)
	if g != r.geometry(w, h) {
		t.Errorf("%d×%d: geometry %+v", w, h, g)
	}
	compare(t, s, b.Slot(0).Bytes(), reference(s, w, h, at, f.Color), r)
	if !b.Intact() {
		t.Fatalf("%d×%d: the guard was written to", w, h)
	}
}

func TestColour(t *testing.T) {
	b := buffer(t, Spec{Width: 64, Height: 64, Resize: Stretch})
	for _, c := range []bongsu.Color{{Matrix: 6}, {Matrix: 1}, {Matrix: 6, FullRange: true}, {Matrix: 1, FullRange: true}, {Matrix: 2}} {
		for _, v := range [][3]float64{{16, 128, 128}, {235, 128, 128}, {81, 90, 240}, {145, 54, 34}, {41, 240, 110}, {128, 100, 160}} {
			f := paint(80, 80, bongsu.FormatI420, func(x, y float64) (float64, float64, float64) { return v[0], v[1], v[2] })
			f.Color = c
			if _, err := b.Slot(0).Fill(f); err != nil {
				t.Fatal(err)
			}
			want := rgb(v[0], v[1], v[2], c)
			for k := range want {
				if got := b.Slot(0).Bytes()[k*64*64+64*32+32]; math.Abs(float64(got)-want[k]) > 2 {
					t.Errorf("%+v of %v: channel %d is %d, want %.1f", v, c, k, got, want[k])
				}
			}
		}
	}
}

func TestHighDefinitionIsBT709WhenUnsaid(t *testing.T) {
	b := buffer(t, Spec{Width: 64, Height: 64, Resize: Stretch})
	f := paint(1280, 720, bongsu.FormatI420, func(x, y float64) (float64, float64, float64) { return 81, 90, 240 })
	f.Color.Matrix = 2
	if _, err := b.Slot(0).Fill(f); err != nil {
		t.Fatal(err)
	}
	want := rgb(81, 90, 240, bongsu.Color{Matrix: 1})
	if got := b.Slot(0).Bytes()[64*64+100]; math.Abs(float64(got)-want[1]) > 2 {
		t.Errorf("green is %d, want %.1f", got, want[1])
	}
}

// TestSlotsSharedByShapes fills few slots with many shapes in random order: padding of a
// picture before never stays, and neighbours are not touched.
func TestSlotsSharedByShapes(t *testing.T) {
	const seed = 5
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, seed))
	for _, resize := range []Resize{LetterboxTopLeft, LetterboxCentre} {
		s := Spec{Width: 96, Height: 96, Resize: resize, Pad: 7, Batch: 3}
		b := buffer(t, s)
		flat := func(x, y float64) (float64, float64, float64) { return 90, 140, 110 }
		frames := make([]*bongsu.Frame, 20) // more shapes than the cache keeps
		for i := range frames {
			frames[i] = paint(20+r.IntN(300), 20+r.IntN(300), bongsu.FormatI420, flat)
		}
		var want [3][]byte
		for i := range want {
			want[i] = bytes.Clone(b.Slot(i).Bytes())
		}
		for range 150 {
			i, f := r.IntN(3), frames[r.IntN(len(frames))]
			if _, err := b.Slot(i).Fill(f); err != nil {
				t.Fatal(err)
			}
			compare(t, s, b.Slot(i).Bytes(), reference(s, f.Width, f.Height, flat, f.Color), s.place(f.Width, f.Height, f.Color))
			want[i] = bytes.Clone(b.Slot(i).Bytes())
			for k := range want {
				if !bytes.Equal(want[k], b.Slot(k).Bytes()) {
					t.Fatalf("filling slot %d changed slot %d", i, k)
				}
			}
		}
	}
}

func TestFillConcurrently(t *testing.T) {
	s := Spec{Width: 96, Height: 96, Pad: 7, Batch: 4}
	b := buffer(t, s)
	before := TotalPasses()
	var wg sync.WaitGroup
	for i := range s.Batch {
		wg.Go(func() {
			for n := range 50 {
				f := paint(100+20*((n+i)%3), 80, bongsu.FormatI420, func(x, y float64) (float64, float64, float64) { return 90, 140, 110 })
				if _, err := b.Slot(i).Fill(f); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if b.Passes() != 200 || TotalPasses()-before != 200 {
		t.Errorf("%d passes, %d calls of libswscale", b.Passes(), TotalPasses()-before)
	}
}

func TestLayout(t *testing.T) {
	s := Spec{Width: 64, Height: 32, Batch: 3, Pad: 9}
	b := buffer(t, s)
	if len(b.Bytes()) != 3*s.SlotBytes() || uintptr(b.Pointer())%64 != 0 {
		t.Errorf("%d bytes at %p", len(b.Bytes()), b.Pointer())
	}
	for i := range 3 {
		if &b.Slot(i).Bytes()[0] != &b.Bytes()[i*s.SlotBytes()] || len(b.Slot(i).Bytes()) != s.SlotBytes() {
			t.Errorf("slot %d lies elsewhere", i)
		}
	}
	for i, v := range b.Bytes() {
		if v != 9 {
			t.Fatalf("byte %d is %d in an unused tensor", i, v)
		}
	}
	b.Bytes()[0] = 1
	if unsafe.Pointer(&b.Bytes()[0]) != b.Pointer() {
		t.Error("Bytes and Pointer differ")
	}
}

func TestFillRefuses(t *testing.T) {
	b := buffer(t, Spec{Width: 64, Height: 64})
	slot := b.Slot(0)
	if _, err := slot.Fill(&bongsu.Frame{Width: 64, Height: 64, Format: bongsu.FormatI420}); err == nil {
		t.Error("a frame without planes was accepted")
	}
	if b.Passes() != 0 {
		t.Errorf("%d passes", b.Passes())
	}
	b.Close()
	if _, err := slot.Fill(paint(64, 64, bongsu.FormatI420, smooth)); err == nil {
		t.Error("a closed buffer was filled")
	}
	if b.Bytes() != nil && len(b.Bytes()) > 0 {
		t.Error("a closed buffer has bytes")
	}
}

func TestFillAllocatesNothing(t *testing.T) {
	b := buffer(t, Spec{Width: 416, Height: 416, Pad: 114, Batch: 2})
	frames := []*bongsu.Frame{
		paint(768, 432, bongsu.FormatI420, smooth), paint(360, 640, bongsu.FormatI420, smooth), paint(640, 352, bongsu.FormatNV12, smooth),
	}
	n := 0
	fill := func() {
		if _, err := b.Slot(n % 2).Fill(frames[n%3]); err != nil {
			t.Fatal(err)
		}
		n++
	}
	for range 6 {
		fill()
	}
	if a := testing.AllocsPerRun(60, fill); a != 0 {
		t.Errorf("%v Go allocations a picture", a)
	}
}

// BenchmarkFill is one picture into an input of 416×416.
func BenchmarkFill(b *testing.B) {
	for _, p := range []struct{ w, h int }{{768, 432}, {1920, 1080}, {320, 240}, {432, 768}} {
		b.Run(fmt.Sprintf("%dx%d", p.w, p.h), func(b *testing.B) {
			buf := buffer(b, Spec{Width: 416, Height: 416, Channels: BGR, Pad: 114})
			f := paint(p.w, p.h, bongsu.FormatI420, smooth)
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				if _, err := buf.Slot(0).Fill(f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkAlgorithm compares libswscale's ways to scale, into 416×416.
func BenchmarkAlgorithm(b *testing.B) {
	for _, a := range Algorithms {
		for _, p := range []struct{ w, h int }{{768, 432}, {1920, 1080}} {
			b.Run(fmt.Sprintf("%s/%dx%d", a.Name, p.w, p.h), func(b *testing.B) {
				defer Scale(a.Flag)()
				buf := buffer(b, Spec{Width: 416, Height: 416, Channels: BGR, Pad: 114})
				f := paint(p.w, p.h, bongsu.FormatI420, smooth)
				b.ResetTimer()
				for range b.N {
					if _, err := buf.Slot(0).Fill(f); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkNewScaler is what a picture costs more whose shape the buffer has not seen.
func BenchmarkNewScaler(b *testing.B) {
	k := shape{w: 768, h: 432, format: bongsu.FormatI420}
	for range b.N {
		var c cache
		s, err := c.take(Spec{Width: 416, Height: 416}, k)
		if err != nil {
			b.Fatal(err)
		}
		c.give(s)
		c.close()
	}
}
