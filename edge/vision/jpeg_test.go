//go:build cgo

package vision

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"math/rand/v2"
	"testing"

	"bongsu"
)

// quarters is a picture of four flat colours, given as Y, U, V: upper left, upper right, lower
// left, lower right. Rows are longer than the picture is wide.
func quarters(w, h int, format bongsu.PixelFormat, c bongsu.Color, v [4][3]byte) *bongsu.Frame {
	f := &bongsu.Frame{Width: w, Height: h, Format: format, Color: c}
	cw, ch := (w+1)/2, (h+1)/2
	plane := func(w, h, k int) bongsu.Plane {
		p := bongsu.Plane{Data: make([]byte, (w+7)*h), Stride: w + 7}
		for y := range h {
			for x := range w {
				q := 0
				if x >= w/2 {
					q++
				}
				if y >= h/2 {
					q += 2
				}
				p.Data[y*p.Stride+x] = v[q][k]
			}
		}
		return p
	}
	f.Planes = [3]bongsu.Plane{plane(w, h, 0), plane(cw, ch, 1), plane(cw, ch, 2)}
	if format == bongsu.FormatNV12 {
		u, v := f.Planes[1], f.Planes[2]
		uv := bongsu.Plane{Data: make([]byte, 2*len(u.Data)), Stride: 2 * u.Stride}
		for i := range u.Data {
			uv.Data[2*i], uv.Data[2*i+1] = u.Data[i], v.Data[i]
		}
		f.Planes[1], f.Planes[2] = uv, bongsu.Plane{}
	}
	return f
}

var patches = [4][3]byte{{81, 90, 240}, {145, 54, 34}, {41, 240, 110}, {180, 128, 128}}

func decoded(t *testing.T, b []byte) image.Image {
	t.Helper()
	img, err := jpeg.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func near(c color.Color, r, g, b float64, tolerance float64) bool {
	cr, cg, cb, _ := c.RGBA()
	return math.Abs(float64(cr>>8)-r) <= tolerance && math.Abs(float64(cg>>8)-g) <= tolerance && math.Abs(float64(cb>>8)-b) <= tolerance
}

func clip(v float64) float64 { return min(max(v, 0), 255) }

func TestJPEGColours(t *testing.T) {
	for _, format := range []bongsu.PixelFormat{bongsu.FormatI420, bongsu.FormatNV12} {
		for _, c := range []bongsu.Color{{Matrix: 6}, {Matrix: 1}, {Matrix: 6, FullRange: true}, {Matrix: 2}} {
			for _, size := range [][2]int{{320, 180}, {321, 181}, {181, 321}} {
				f := quarters(size[0], size[1], format, c, patches)
				b, err := JPEG(f, Options{})
				if err != nil {
					t.Fatal(err)
				}
				img := decoded(t, b)
				if img.Bounds().Dx() != size[0] || img.Bounds().Dy() != size[1] {
					t.Fatalf("%v became %v", size, img.Bounds())
				}
				m := conversion(c, size[1])
				for q, p := range patches {
					x, y := size[0]/4+size[0]/2*(q%2), size[1]/4+size[1]/2*(q/2)
					var bgr [3]float64
					for i := range bgr {
						bgr[i] = clip(m[i][0]*float64(p[0]) + m[i][1]*float64(p[1]) + m[i][2]*float64(p[2]) + m[i][3])
					}
					if !near(img.At(x, y), bgr[2], bgr[1], bgr[0], 6) {
						t.Errorf("%v %+v patch %d is %v, want %.0f", size, c, q, img.At(x, y), bgr)
					}
				}
			}
		}
	}
}

// noise is the picture that no JPEG can make small.
func noise(w, h int) *bongsu.Frame {
	r := rand.New(rand.NewPCG(1, 2))
	f := quarters(w, h, bongsu.FormatI420, bongsu.Color{Matrix: 6}, patches)
	for _, p := range f.Planes {
		for i := range p.Data {
			p.Data[i] = byte(r.Uint32())
		}
	}
	return f
}

func TestJPEGFits(t *testing.T) {
	cases := []struct {
		f     *bongsu.Frame
		opt   Options
		wide  int // at most
		least int // width at least
	}{
		{quarters(1920, 1080, bongsu.FormatI420, bongsu.Color{}, patches), Options{}, 1280, 1280},
		{noise(1920, 1080), Options{}, 1280, 300},
		{noise(640, 360), Options{MaxBytes: 3000}, 640, 30},
		{noise(640, 360), Options{MaxWidth: 320, MaxBytes: 1 << 20}, 320, 320},
		{quarters(2, 1, bongsu.FormatI420, bongsu.Color{}, patches), Options{}, 2, 2},
	}
	for i, c := range cases {
		b, err := JPEG(c.f, c.opt)
		if err != nil {
			t.Fatalf("case %d: %v", i, err)
		}
		c.opt.fill()
		w := decoded(t, b).Bounds().Dx()
		if len(b) > c.opt.MaxBytes || w > c.wide || w < c.least {
			t.Errorf("case %d: %d bytes, %d wide", i, len(b), w)
		}
	}
	if _, err := JPEG(noise(640, 360), Options{MaxBytes: 100}); err == nil {
		t.Error("a picture went into 100 bytes")
	}
	if n := Live(); n != 0 {
		t.Errorf("%d OpenCV objects are left", n)
	}
}

func TestAnnotate(t *testing.T) {
	grey := [3]byte{100, 128, 128}
	f := quarters(640, 360, bongsu.FormatI420, bongsu.Color{Matrix: 6, FullRange: true}, [4][3]byte{grey, grey, grey, grey})
	before := bytes.Clone(f.Planes[0].Data)
	zone := Mark{Points: []bongsu.Point{{X: 0.1, Y: 0.9}, {X: 0.3, Y: 0.9}}, Label: "문 A", Color: ColorFired}
	track := TrackMark(bongsu.Track{ID: 7, Class: bongsu.ClassPerson, Score: 0.875, Box: bongsu.Box{X0: 0.5, Y0: 0.5, X1: 0.75, Y1: 0.75}})
	far := BoxMark(bongsu.Box{X0: -9, Y0: -9, X1: 9, Y1: float32(math.NaN())}, "", ColorRule)
	b, err := Annotate(f, []Mark{zone, track, far, {Label: "nowhere"}}, Options{MaxBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	img := decoded(t, b)
	for _, c := range []struct {
		x, y  int
		color color.RGBA
	}{{470, 180, ColorTrack}, {320, 225, ColorTrack}, {480, 225, ColorTrack}, {170, 323, ColorFired}} {
		if !found(img, c.x, c.y, c.color) {
			t.Errorf("no line of %v at %d,%d", c.color, c.x, c.y)
		}
	}
	if !near(img.At(400, 225), 100, 100, 100, 8) || !near(img.At(128, 340), 100, 100, 100, 8) {
		t.Error("the picture beside the marks is changed")
	}
	if !bytes.Equal(before, f.Planes[0].Data) {
		t.Error("the frame itself was drawn on")
	}
	if track.Label != "7 person 0.88" {
		t.Errorf("label %q", track.Label)
	}
}

// found looks for the colour within two pixels: JPEG blurs a line.
func found(img image.Image, x, y int, c color.RGBA) bool {
	for dy := -2; dy <= 2; dy++ {
		for dx := -2; dx <= 2; dx++ {
			if near(img.At(x+dx, y+dy), float64(c.R), float64(c.G), float64(c.B), 60) {
				return true
			}
		}
	}
	return false
}

// BenchmarkJPEG is one snapshot of 768×432.
func BenchmarkJPEG(b *testing.B) {
	f := quarters(768, 432, bongsu.FormatI420, bongsu.Color{Matrix: 6}, patches)
	b.ReportAllocs()
	for range b.N {
		if _, err := JPEG(f, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
