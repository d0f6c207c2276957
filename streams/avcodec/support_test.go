//go:build cgo

package avcodec

import (
	"errors"
	"io"
	"math"
	"testing"
	"time"

	"bongsu"
	"bongsu/streams"
)

// pattern is picture n of a moving scene in Go memory: a gradient, a bright square that moves
// and some texture.
func pattern(w, h, n int) *bongsu.Frame {
	cw, ch := (w+1)/2, (h+1)/2
	f := &bongsu.Frame{
		Width: w, Height: h, Format: bongsu.FormatI420, PTS: time.Duration(n) * 100 * time.Millisecond,
		Color: bongsu.Color{Matrix: 2, SampleAspectW: 1, SampleAspectH: 1},
	}
	y, u, v := make([]byte, w*h), make([]byte, cw*ch), make([]byte, cw*ch)
	bx, by := n*5%(w*3/4), n*3%(h*3/4)
	for j := range h {
		for i := range w {
			p := 40 + 100*i/w + 40*j/h + (i^j)&7
			if i >= bx && i < bx+w/4 && j >= by && j < by+h/4 {
				p = 210 - (i-bx)*2%32
			}
			y[j*w+i] = byte(p)
		}
	}
	for j := range ch {
		for i := range cw {
			u[j*cw+i] = byte(90 + (i+n)*60/cw%80)
			v[j*cw+i] = byte(110 + j*60/ch)
		}
	}
	f.Planes = [3]bongsu.Plane{{Data: y, Stride: w}, {Data: u, Stride: cw}, {Data: v, Stride: cw}}
	return f
}

// units encodes n pictures of the pattern.
func units(t testing.TB, opt EncoderOptions, n int) []*streams.AccessUnit {
	t.Helper()
	e, err := NewEncoder(opt)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	var coded []Coded
	for i := range n {
		c, err := e.Encode(pattern(opt.Width, opt.Height, i))
		if err != nil {
			t.Fatal(err)
		}
		coded = append(coded, c...)
	}
	c, err := e.Flush()
	if err != nil {
		t.Fatal(err)
	}
	coded = append(coded, c...)
	if len(coded) != n {
		t.Fatalf("%d pictures gave %d units", n, len(coded))
	}
	return accessUnits(opt.Codec, e.Params(), coded)
}

var epoch = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

func accessUnits(codec streams.Codec, p *streams.Params, coded []Coded) []*streams.AccessUnit {
	aus := make([]*streams.AccessUnit, len(coded))
	for i, c := range coded {
		aus[i] = &streams.AccessUnit{
			Camera: "cam", Run: "run", Seq: uint64(i), Codec: codec, Params: p, NALs: c.NALs,
			PTS: c.PTS, DTS: c.DTS, Key: c.Key, Wall: epoch.Add(c.PTS), Arrived: epoch.Add(c.PTS + time.Millisecond),
			CameraClock: epoch.Add(c.PTS - time.Hour),
		}
	}
	return aus
}

// decoder opens one that the test closes, and checks that no C object is left.
func decoder(t testing.TB, opt Options) *Decoder {
	t.Helper()
	before := Live()
	d, err := NewDecoder(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		d.Close()
		if n := Live() - before; n != 0 {
			t.Errorf("%d C objects are left", n)
		}
	})
	return d
}

// picture is what a test keeps of a frame.
type picture struct {
	bongsu.Frame
	y, u, v []byte
}

func snap(f *bongsu.Frame) picture {
	p := picture{Frame: *f}
	cw, ch := (f.Width+1)/2, (f.Height+1)/2
	p.y = packed(f.Planes[0], f.Width, f.Height)
	p.u, p.v = packed(f.Planes[1], cw, ch), packed(f.Planes[2], cw, ch)
	p.Planes, p.Owner = [3]bongsu.Plane{}, nil
	return p
}

func packed(p bongsu.Plane, w, h int) []byte {
	out := make([]byte, 0, w*h)
	for y := range h {
		out = append(out, p.Data[y*p.Stride:][:w]...)
	}
	return out
}

// decode runs units through d and returns every picture; errors of single units go to fail.
func decode(t testing.TB, d *Decoder, aus []*streams.AccessUnit, fail func(error)) []picture {
	t.Helper()
	var out []picture
	receive := func() {
		for {
			f, err := d.Receive()
			if errors.Is(err, ErrNeedMore) || errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				fail(err)
				continue
			}
			out = append(out, snap(f))
			f.Release()
		}
	}
	for _, au := range aus {
		if err := d.Send(au); err != nil {
			fail(err)
		}
		receive()
	}
	if err := d.Drain(); err != nil {
		fail(err)
	}
	receive()
	return out
}

func fatal(t testing.TB) func(error) { return func(err error) { t.Helper(); t.Fatal(err) } }

// psnr of two planes in dB.
func psnr(a, b []byte) float64 {
	if len(a) != len(b) {
		return 0
	}
	var sum float64
	for i := range a {
		d := float64(a[i]) - float64(b[i])
		sum += d * d
	}
	if sum == 0 {
		return math.Inf(1)
	}
	return 10 * math.Log10(255*255*float64(len(a))/sum)
}
