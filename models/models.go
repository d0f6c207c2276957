// Package models says what a detector promises. Model packages (a network and its manifest)
// are in manifest and catalog; sessions in ort; sharing them between cameras in batch.
package models

import (
	"context"

	"bongsu"
)

// Detector finds things in pictures of one camera.
type Detector interface {
	// Detect appends what the model sees in f to dst and returns the longer slice, the best
	// score first, suppressed, with every box down to the manifest's low threshold. It
	// blocks until an answer is there or ctx ends. It does not keep f, and allocates
	// nothing when dst has room. Calls for one camera do not overlap.
	Detect(ctx context.Context, f *bongsu.Frame, dst []bongsu.Detection) ([]bongsu.Detection, error)
	// Model names the model that answers.
	Model() bongsu.ModelRef
}

// Geometry says where a picture lies in a model's input: an input pixel (x, y) shows the
// picture at ((x-OffsetX)/ScaleX, (y-OffsetY)/ScaleY), in pixels of the picture.
type Geometry struct {
	PictureW, PictureH int     // pixels
	OffsetX, OffsetY   float32 // input pixels
	ScaleX, ScaleY     float32 // input pixels a picture pixel
}

// Unmap turns a box in input pixels into 0..1 of the picture, clamped to it.
func (g Geometry) Unmap(x0, y0, x1, y1 float32) bongsu.Box {
	w, h := float32(g.PictureW), float32(g.PictureH)
	c := func(v float32) float32 { return min(max(v, 0), 1) }
	return bongsu.Box{
		X0: c((x0 - g.OffsetX) / g.ScaleX / w), Y0: c((y0 - g.OffsetY) / g.ScaleY / h),
		X1: c((x1 - g.OffsetX) / g.ScaleX / w), Y1: c((y1 - g.OffsetY) / g.ScaleY / h),
	}
}

// Output is one output tensor of a model for one picture: Data is row-major.
type Output struct {
	Name  string
	Shape []int64 // without the batch axis
	Data  []float32
}

// Head turns a family's raw outputs into detections. Implementations hold scratch memory and
// are used by one goroutine at a time.
type Head interface {
	// Decode appends the suppressed detections of one picture to dst, best score first.
	Decode(outs []Output, g Geometry, dst []bongsu.Detection) []bongsu.Detection
}
