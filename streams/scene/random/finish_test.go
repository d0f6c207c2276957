package random

import (
	"bytes"
	"context"
	"testing"

	"bongsu"
)

func newCancel(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithCancel(t.Context())
}

// pattern is a picture with edges, slopes and colours.
func pattern(w, h int) *bongsu.Frame {
	f := &bongsu.Frame{Width: w, Height: h, Format: bongsu.FormatI420}
	f.Planes[0] = bongsu.Plane{Data: make([]byte, w*h), Stride: w}
	for i := range f.Planes[0].Data {
		x, y := i%w, i/w
		f.Planes[0].Data[i] = byte(40 + x + 60*(y/16%2))
	}
	for k := 1; k < 3; k++ {
		f.Planes[k] = bongsu.Plane{Data: make([]byte, w*h/4), Stride: w / 2}
		for i := range f.Planes[k].Data {
			f.Planes[k].Data[i] = byte(110 + 40*(i/8%2))
		}
	}
	return f
}

// TestFinishKeepsThePicture treats a pattern in many ways: what comes out depends on the seed alone,
// and is still the pattern.
func TestFinishKeepsThePicture(t *testing.T) {
	for _, look := range Looks {
		changed := 0
		for seed := range uint64(40) {
			one, two := pattern(96, 64), pattern(96, 64)
			newLens(newDice(seed, 1), look, MixAny).finish(one, newDice(seed, 2))
			newLens(newDice(seed, 1), look, MixAny).finish(two, newDice(seed, 2))
			was := pattern(96, 64)
			for k := range 3 {
				if !bytes.Equal(one.Planes[k].Data, two.Planes[k].Data) {
					t.Fatalf("%s, seed %d: plane %d differs between two runs", look, seed, k)
				}
			}
			if !bytes.Equal(one.Planes[0].Data, was.Planes[0].Data) {
				changed++
			}
			if c := likeness(one.Planes[0].Data, was.Planes[0].Data); c < 0.6 {
				t.Errorf("%s, seed %d: little is left of the picture: correlation %.2f", look, seed, c)
			}
		}
		if changed < 38 {
			t.Errorf("%s: only %d of 40 pictures are changed", look, changed)
		}
	}
}

// likeness is the correlation of two planes, squared.
func likeness(a, b []byte) float64 {
	var ma, mb, sab, saa, sbb float64
	for i := range a {
		ma, mb = ma+float64(a[i]), mb+float64(b[i])
	}
	ma, mb = ma/float64(len(a)), mb/float64(len(b))
	for i := range a {
		x, y := float64(a[i])-ma, float64(b[i])-mb
		sab, saa, sbb = sab+x*y, saa+x*x, sbb+y*y
	}
	return sab * sab / (saa*sbb + 1e-9)
}

func TestHadamardTwiceIsSixteenTimes(t *testing.T) {
	var b [16]int
	for i := range b {
		b[i] = i*i*7%93 - 20
	}
	was := b
	hadamard(&b)
	hadamard(&b)
	for i := range b {
		if b[i] != 16*was[i] {
			t.Fatalf("place %d: %d, want %d", i, b[i], 16*was[i])
		}
	}
}

func TestSquaresAndJPEGRoundMoreTheLowerTheQuality(t *testing.T) {
	for _, compress := range []func(*lens, *bongsu.Frame){(*lens).squares, func(l *lens, f *bongsu.Frame) { l.compress(f, l.quality) }} {
		last := -1.0
		for _, q := range []int{90, 50, 16} {
			f, was := pattern(64, 64), pattern(64, 64)
			for i := range f.Planes[0].Data { // noise, which compression takes away
				f.Planes[0].Data[i] += byte(i * 7919 % 13)
				was.Planes[0].Data[i] = f.Planes[0].Data[i]
			}
			compress(&lens{quality: q}, f)
			sum := 0.0
			for i, v := range f.Planes[0].Data {
				d := float64(v) - float64(was.Planes[0].Data[i])
				sum += d * d
			}
			if sum < last {
				t.Errorf("quality %d is nearer to the picture than a better one: %.0f, %.0f", q, sum, last)
			}
			last = sum
		}
	}
}

func TestNoiseHidesThings(t *testing.T) {
	l := &lens{gain: 1, grain: 2}
	if a, b := l.least(1), l.least(8); a >= b || a < 5 {
		t.Errorf("with little noise %d steps are enough, with much %d", a, b)
	}
}
