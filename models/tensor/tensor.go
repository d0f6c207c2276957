// Package tensor writes pictures into a model's input, in one pass: libswscale scales,
// converts to red, green and blue, and writes planes of 8-bit values straight into the memory
// that the model is bound to. What a model wants beyond that (32-bit values, means, factors)
// is done by nodes put in front of it when it is installed.
//
// This is a C home: without cgo NewBuffer returns bongsu.ErrNoCgo.
package tensor

import (
	"fmt"
	"math"

	"bongsu"
	"bongsu/models"
)

// Channels is the order of the colour planes.
type Channels string

// Orders of the colour planes, as manifests write them.
const (
	RGB Channels = "rgb"
	BGR Channels = "bgr"
)

// Resize says how a picture is fitted into the input.
type Resize string

// Ways to fit a picture, as manifests write them.
const (
	LetterboxTopLeft Resize = "letterbox-topleft" // shape kept, in the upper left corner, padding right and below
	LetterboxCentre  Resize = "letterbox-centre"  // shape kept, in the middle, padding around
	Stretch          Resize = "stretch"           // shape not kept, no padding
)

// Spec says what a model's input is: uint8, NCHW with three channels.
type Spec struct {
	Width, Height int      // pixels, 16 to 4096 each
	Channels      Channels // "" is RGB
	Resize        Resize   // "" is LetterboxTopLeft
	Pad           uint8    // value of the padding in every channel
	Batch         int      // slots: pictures in one tensor; 0 is 1
}

// Limits of a Spec.
const (
	minSide  = 16
	maxSide  = 4096
	maxBatch = 1024
)

func (s *Spec) fill() error {
	if s.Channels == "" {
		s.Channels = RGB
	}
	if s.Resize == "" {
		s.Resize = LetterboxTopLeft
	}
	if s.Batch == 0 {
		s.Batch = 1
	}
	switch {
	case s.Width < minSide || s.Height < minSide || s.Width > maxSide || s.Height > maxSide:
		return fmt.Errorf("tensor: an input of %d×%d: both must be %d to %d", s.Width, s.Height, minSide, maxSide)
	case s.Batch < 0 || s.Batch > maxBatch:
		return fmt.Errorf("tensor: a batch of %d: 1 to %d is possible", s.Batch, maxBatch)
	case s.Channels != RGB && s.Channels != BGR:
		return fmt.Errorf("tensor: channels %q: rgb or bgr is possible", s.Channels)
	case s.Resize != LetterboxTopLeft && s.Resize != LetterboxCentre && s.Resize != Stretch:
		return fmt.Errorf("tensor: resize %q: letterbox-topleft, letterbox-centre or stretch is possible", s.Resize)
	}
	return nil
}

// SlotBytes is the size of one picture in the tensor.
func (s Spec) SlotBytes() int { return 3 * s.Width * s.Height }

// rect is where a picture lies in a slot, in pixels of the slot.
type rect struct{ x, y, w, h int }

// step is how many pixels libswscale may write at once (8 were seen): its last step passes a
// width that is no multiple. What it writes there must be padding of the same row, never the
// next row, plane or picture.
const step = 16

// place fits a picture of w×h pixels with the sample aspect of c into the input, so that the
// last step stays within the row: the picture moves left or, where the input's own width is no
// multiple, gets narrower. The geometry tells.
func (s Spec) place(w, h int, c bongsu.Color) rect {
	r := rect{w: s.Width, h: s.Height}
	if s.Resize != Stretch {
		dw, dh := displayed(w, h, c)
		f := min(float64(s.Width)/dw, float64(s.Height)/dh)
		r.w, r.h = s.whole(dw*f, s.Width), s.whole(dh*f, s.Height)
	}
	if most := s.Width / step * step; r.w > most {
		if s.Resize != Stretch {
			r.h = max(r.h*most/r.w, 1)
		}
		r.w = most
	}
	if s.Resize == LetterboxCentre {
		reach := (r.w + step - 1) / step * step
		r.x, r.y = min(half(s.Width-r.w), s.Width-reach), half(s.Height-r.h)
	}
	return r
}

// whole rounds as the families' own preparation does: down with the picture in the corner
// (YOLOX), to the nearest with the picture in the middle (Ultralytics).
func (s Spec) whole(v float64, most int) int {
	const slip = 1e-6 // 416.0 may come out as 415.9999
	if s.Resize == LetterboxCentre {
		v += 0.5
	}
	return min(max(int(math.Floor(v+slip)), 1), most)
}

// half is the padding on the left or above when so much is left in all: round(room/2 - 0.1).
func half(room int) int { return (room*5 + 4) / 10 }

// displayed is the picture's size with square samples. An aspect beyond 1:4 is taken for a
// mistake of the stream.
func displayed(w, h int, c bongsu.Color) (float64, float64) {
	if c.SampleAspectW > 0 && c.SampleAspectH > 0 {
		if a := float64(c.SampleAspectW) / float64(c.SampleAspectH); a >= 0.25 && a <= 4 {
			return float64(w) * a, float64(h)
		}
	}
	return float64(w), float64(h)
}

// geometry says how to get from r back to a picture of w×h pixels.
func (r rect) geometry(w, h int) models.Geometry {
	return models.Geometry{
		PictureW: w, PictureH: h, OffsetX: float32(r.x), OffsetY: float32(r.y),
		ScaleX: float32(r.w) / float32(w), ScaleY: float32(r.h) / float32(h),
	}
}
