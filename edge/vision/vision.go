// Package vision makes pictures for people from frames: the JPEG that goes with an event, and
// the debug picture with boxes. It uses OpenCV (gocv) and runs beside the loop, never in it.
//
// This is a C home: without cgo its functions return bongsu.ErrNoCgo.
package vision

import (
	"fmt"
	"image"
	"image/color"
	"math"

	"bongsu"
)

// DefaultMaxWidth is the widest picture that is made, in pixels, where Options says nothing.
const DefaultMaxWidth = 1280

// Options bound a JPEG.
type Options struct {
	MaxBytes int // 0: bongsu.MaxSnapshotBytes
	MaxWidth int // pixels; 0: DefaultMaxWidth
}

func (o *Options) fill() {
	if o.MaxBytes <= 0 {
		o.MaxBytes = bongsu.MaxSnapshotBytes
	}
	if o.MaxWidth <= 0 {
		o.MaxWidth = DefaultMaxWidth
	}
}

// Mark is something to be drawn: a box, a zone or a line.
type Mark struct {
	Points []bongsu.Point // in 0..1 of the picture
	Closed bool           // the last point is joined to the first
	Label  string         // beside the first point; what is not ASCII is shown as '?'
	Color  color.RGBA
}

// Colours that marks are usually drawn in.
var (
	ColorTrack = color.RGBA{R: 80, G: 220, B: 100, A: 255}
	ColorRule  = color.RGBA{R: 255, G: 190, B: 60, A: 255}
	ColorFired = color.RGBA{R: 255, G: 70, B: 70, A: 255}
)

// BoxMark is a mark around b.
func BoxMark(b bongsu.Box, label string, c color.RGBA) Mark {
	return Mark{
		Points: []bongsu.Point{{X: b.X0, Y: b.Y0}, {X: b.X1, Y: b.Y0}, {X: b.X1, Y: b.Y1}, {X: b.X0, Y: b.Y1}},
		Closed: true, Label: label, Color: c,
	}
}

// TrackMark is a mark around t's box, with its number, class and score.
func TrackMark(t bongsu.Track) Mark {
	return BoxMark(t.Box, fmt.Sprintf("%d %s %.2f", t.ID, t.Class, t.Score), ColorTrack)
}

// target is the size in pixels of the picture that is made: square samples, at most so wide.
func target(f *bongsu.Frame, maxWidth int) image.Point {
	w, h := float64(f.Width), float64(f.Height)
	if c := f.Color; c.SampleAspectW > 0 && c.SampleAspectH > 0 {
		if a := float64(c.SampleAspectW) / float64(c.SampleAspectH); a >= 0.25 && a <= 4 {
			w *= a
		}
	}
	if k := float64(maxWidth) / w; k < 1 {
		w, h = w*k, h*k
	}
	return image.Pt(max(int(w+0.5), 1), max(int(h+0.5), 1))
}

// conversion is the affine map from Y, U, V to blue, green, red, all 0..255: ITU-T H.273
// equations 41 to 43 turned around. A stream that does not name its matrix is taken as players
// take it: BT.709 for high definition, BT.601 below.
func conversion(c bongsu.Color, height int) [3][4]float64 {
	kr, kb := 0.299, 0.114
	switch {
	case c.Matrix == 1, c.Matrix == 2 && height >= 720:
		kr, kb = 0.2126, 0.0722
	case c.Matrix == 7:
		kr, kb = 0.212, 0.087
	case c.Matrix == 9, c.Matrix == 10:
		kr, kb = 0.2627, 0.0593
	}
	kg := 1 - kr - kb
	ys, yo, cs := 255.0/219, 16.0, 255.0/224
	if c.FullRange {
		ys, yo, cs = 1, 0, 1
	}
	row := func(u, v float64) [4]float64 {
		u, v = u*cs, v*cs
		return [4]float64{ys, u, v, -ys*yo - 128*(u+v)}
	}
	return [3][4]float64{
		row(2*(1-kb), 0),
		row(-2*kb*(1-kb)/kg, -2*kr*(1-kr)/kg),
		row(0, 2*(1-kr)),
	}
}

// ascii makes a label that OpenCV's font can show.
func ascii(s string) string {
	out := make([]byte, 0, len(s))
	for _, r := range s {
		if r < ' ' || r > '~' {
			r = '?'
		}
		out = append(out, byte(r))
	}
	return string(out)
}

// pixel turns a place in 0..1 into pixels; what lies far outside stays within what can be drawn.
func pixel(p bongsu.Point, size image.Point) image.Point {
	at := func(v float32, n int) int {
		x := float64(v)
		if math.IsNaN(x) {
			return 0
		}
		return int(math.Round(min(max(x, -1), 2) * float64(n-1)))
	}
	return image.Pt(at(p.X, size.X), at(p.Y, size.Y))
}

// ground is what labels are drawn on.
var ground = color.RGBA{R: 20, G: 20, B: 20, A: 255}
