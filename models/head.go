package models

import (
	"fmt"
	"slices"

	"bongsu"
)

// OutputSpec says what one output tensor must look like.
type OutputSpec struct {
	Name  string
	Shape []int64 // the batch axis first; -1 where the model leaves an axis open
}

// HeadSpec is what a family's head needs to know of a model; the manifest gives it.
type HeadSpec struct {
	Width, Height int            // of the model's input, pixels
	Outputs       []OutputSpec   // in the order in which Decode gets them
	Classes       []bongsu.Class // by the model's own index; "" where the index is not used
	Low           float32        // scores under this are not delivered, 0..1
	IoU           float32        // a box that overlaps a better one by more is suppressed, 0..1
	Rivals        Rivals         // which boxes suppress each other
}

// Rivals says between which classes boxes suppress each other.
type Rivals uint8

// Kinds of Rivals.
const (
	RivalsAll   Rivals = iota // all classes
	RivalsAlike               // those that one thing can be called, see bongsu.Class.Alike
	RivalsSame                // the same class only
)

// Between reports whether a box of class a and one of class b can be one thing seen twice.
func (r Rivals) Between(a, b bongsu.Class) bool {
	return r == RivalsAll || a == b || r == RivalsAlike && a.Alike(b)
}

// Check finds what no head can work with.
func (s HeadSpec) Check() error {
	if s.Width <= 0 || s.Height <= 0 {
		return fmt.Errorf("input of %d×%d pixels: width and height must be positive", s.Width, s.Height)
	}
	if !(s.Low > 0 && s.Low < 1) {
		return fmt.Errorf("low threshold %v: it must lie between 0 and 1", s.Low)
	}
	if !(s.IoU > 0 && s.IoU <= 1) {
		return fmt.Errorf("suppression IoU %v: it must lie between 0 and 1", s.IoU)
	}
	if !slices.ContainsFunc(s.Classes, func(c bongsu.Class) bool { return c != "" }) {
		return fmt.Errorf("no label names a class: nothing could ever be detected")
	}
	return nil
}
