package vision

import (
	"math"
	"math/rand/v2"
	"testing"

	"bongsu"
)

// wall is a picture much larger than a camera's, of soft blots, to look at through a window.
type wall struct {
	w, h int
	px   []byte
}

func newWall(rng *rand.Rand, w, h int) *wall {
	k := &wall{w, h, make([]byte, w*h)}
	for i := range k.px {
		k.px[i] = 110
	}
	for range w * h / 900 {
		x0, y0, bw, bh, v := rng.IntN(w), rng.IntN(h), 6+rng.IntN(60), 6+rng.IntN(60), byte(40+rng.IntN(170))
		for y := y0; y < min(h, y0+bh); y++ {
			for x := x0; x < min(w, x0+bw); x++ {
				k.px[y*w+x] = v
			}
		}
	}
	return k
}

// view is what a camera sees whose left upper corner is at x, y, with noise.
func (k *wall) view(rng *rand.Rand, x, y, w, h int, noise float64) *bongsu.Frame {
	stride := w + 32
	f := &bongsu.Frame{Width: w, Height: h, Format: bongsu.FormatI420}
	f.Planes[0] = bongsu.Plane{Data: make([]byte, stride*(h-1)+w), Stride: stride}
	var grain [4096]int // normal deviates are dear
	for i := range grain {
		grain[i] = int(math.Round(noise * rng.NormFloat64()))
	}
	for j := range h {
		at := rng.IntN(len(grain))
		for i := range w {
			v := int(k.px[(y+j)*k.w+x+i]) + grain[(at+i)%len(grain)]
			f.Planes[0].Data[j*stride+i] = byte(min(max(v, 16), 235))
		}
	}
	return f
}

// paint puts a striped rectangle into a picture, its stripes beginning at phase.
func paint(f *bongsu.Frame, x0, y0, w, h, phase int) {
	for y := max(y0, 0); y < min(y0+h, f.Height); y++ {
		for x := max(x0, 0); x < min(x0+w, f.Width); x++ {
			f.Planes[0].Data[y*f.Planes[0].Stride+x] = byte(60 + 120*((x-phase)/9%2))
		}
	}
}

func TestMotionMeasuresTheCamera(t *testing.T) {
	rng := seeded(t)
	for _, size := range [][2]int{{640, 360}, {1280, 720}, {704, 576}, {352, 288}} {
		w, h := size[0], size[1]
		k := newWall(rng, w+200, h+200)
		m := &Motion{}
		x, y, unclear := 100, 100, 0
		m.Look(k.view(rng, x, y, w, h, 3))
		for range 8 {
			limit := (reachY - 1) * m.Step()
			nx, ny := 100+rng.IntN(limit)-limit/2, 100+rng.IntN(limit)-limit/2
			dx, dy := m.Look(k.view(rng, nx, ny, w, h, 3))
			gx, gy := float64(dx)*float64(w), float64(dy)*float64(h)
			wx, wy := float64(x-nx), float64(y-ny) // the camera goes right, the contents left
			switch off := 0.5*float64(m.Step()) + 0.5; {
			case dx == 0 && dy == 0: // too few held on to something: said to be still rather than guessed
				unclear++
			case math.Abs(gx-wx) > off || math.Abs(gy-wy) > off:
				t.Errorf("%d×%d: moved %g, %g pixels, measured %.2f, %.2f", w, h, wx, wy, gx, gy)
			}
			x, y = nx, ny
		}
		if unclear > 2 {
			t.Errorf("%d×%d: nothing measured in %d of 8 pictures", w, h, unclear)
		}
	}
}

// A camera that hangs still measures exactly nothing, whatever goes on before it; a bus that is all it
// sees deceives it for a moment.
func TestMotionOfAStillCameraIsZero(t *testing.T) {
	rng := seeded(t)
	const w, h = 640, 360
	k := newWall(rng, w, h)
	for _, c := range []struct {
		name string
		draw func(n int, f *bongsu.Frame)
		most int // pictures in which it may be deceived
	}{
		{"nothing happens", func(int, *bongsu.Frame) {}, 0},
		{"people walk", func(n int, f *bongsu.Frame) {
			for i := range 6 {
				paint(f, 40+90*i+7*n, 90+30*i, 36, 110, 7*n)
			}
		}, 0},
		{"a lorry drives past and fills half of it", func(n int, f *bongsu.Frame) { paint(f, -300+14*n, 80, 400, 200, 14*n) }, 0},
		{"a bus fills nearly all of it", func(n int, f *bongsu.Frame) { paint(f, -600+14*n, 20, 1000, 320, 14*n) }, 6},
		{"the light changes", func(n int, f *bongsu.Frame) {
			for i, v := range f.Planes[0].Data {
				f.Planes[0].Data[i] = byte(min(235, int(v)*(100+n%8*4)/100))
			}
		}, 0},
		{"it is dark", func(_ int, f *bongsu.Frame) {
			for i := range f.Planes[0].Data {
				f.Planes[0].Data[i] = byte(24 + rng.IntN(12))
			}
		}, 0},
	} {
		m, moved := &Motion{}, 0
		for n := range 30 {
			f := k.view(rng, 0, 0, w, h, 3)
			c.draw(n, f)
			if dx, dy := m.Look(f); dx != 0 || dy != 0 {
				moved++
			}
		}
		if moved > c.most {
			t.Errorf("%s: the camera is said to have moved in %d of 30 pictures", c.name, moved)
		}
	}
}

// People who walk do not hide that the camera shakes.
func TestMotionBehindPeople(t *testing.T) {
	rng := seeded(t)
	const w, h = 640, 360
	k := newWall(rng, w+100, h+100)
	m, right := &Motion{}, 0
	x := 50
	for n := range 24 {
		nx := 50 + int(12*math.Sin(float64(n)*1.9))
		f := k.view(rng, nx, 50, w, h, 3)
		for i := range 5 {
			paint(f, 40+110*i+6*n, 120+20*i, 40, 120, 6*n)
		}
		dx, dy := m.Look(f)
		if n > 0 && math.Abs(float64(dx)*w-float64(x-nx)) < 1.6 && math.Abs(float64(dy)*h) < 1 {
			right++
		}
		x = nx
	}
	if right < 21 {
		t.Errorf("measured rightly in %d of 23 pictures", right)
	}
}

func TestMotionOddPictures(t *testing.T) {
	rng := seeded(t)
	m := &Motion{}
	if dx, dy := m.Look(newWall(rng, 64, 48).view(rng, 0, 0, 64, 48, 1)); dx != 0 || dy != 0 || m.Step() != 0 || m.Reads() != 0 {
		t.Errorf("too small to be measured: %v, %v, %d", dx, dy, m.Step())
	}
	k := newWall(rng, 900, 600)
	look := func(x, y, w, h int) (float32, float32) { return m.Look(k.view(rng, x, y, w, h, 1)) }
	look(0, 0, 640, 360)
	if dx, dy := look(9, 9, 704, 400); dx != 0 || dy != 0 {
		t.Errorf("the first of another size: %v, %v", dx, dy)
	}
	if dx, _ := look(0, 9, 704, 400); dx <= 0 {
		t.Errorf("the second: %v", dx)
	}
	m.Reset()
	if dx, dy := look(9, 0, 704, 400); dx != 0 || dy != 0 {
		t.Errorf("after Reset: %v, %v", dx, dy)
	}
	if m.Reads() != 4 {
		t.Errorf("%d reads", m.Reads())
	}
	flat := &bongsu.Frame{Width: 640, Height: 360, Planes: [3]bongsu.Plane{{Data: make([]byte, 640*360), Stride: 640}}}
	m.Look(flat)
	if dx, dy := m.Look(flat); dx != 0 || dy != 0 {
		t.Errorf("a flat picture: %v, %v", dx, dy)
	}
}

func TestMotionAllocatesNothing(t *testing.T) {
	rng := seeded(t)
	f := newWall(rng, 640, 360).view(rng, 0, 0, 640, 360, 3)
	m := &Motion{}
	m.Look(f)
	if n := testing.AllocsPerRun(50, func() { m.Look(f) }); n != 0 {
		t.Errorf("%.1f allocations a picture", n)
	}
}

func BenchmarkMotion(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, c := range []struct {
		name string
		w, h int
		by   int
	}{{"still-640", 640, 360, 0}, {"shaking-640", 640, 360, 9}, {"still-1920", 1920, 1080, 0}} {
		k := newWall(rng, c.w+16, c.h)
		two := [2]*bongsu.Frame{k.view(rng, 0, 0, c.w, c.h, 3), k.view(rng, c.by, 0, c.w, c.h, 3)}
		b.Run(c.name, func(b *testing.B) {
			m, n := &Motion{}, 0
			b.ReportAllocs()
			for b.Loop() {
				m.Look(two[n%2])
				n++
			}
		})
	}
}

func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 1))
}
