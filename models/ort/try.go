//go:build cgo

package ort

import (
	"fmt"
	"math"

	"bongsu"
	"bongsu/models"
)

// Try loads the model at path, runs it once on a grey picture and checks that the outputs are
// those of specs and hold numbers. Load must have been called.
func Try(path string, specs []models.OutputSpec) error {
	s, err := NewSession(Options{Path: path, Outputs: specs})
	if err != nil {
		return err
	}
	defer s.Close()
	in, err := s.NewInput(1)
	if err != nil {
		return err
	}
	for i := range in {
		in[i] = 114
	}
	outs, err := s.NewOutputs(1)
	if err != nil {
		return err
	}
	b, err := s.Bind(in, 1, outs)
	if err != nil {
		return err
	}
	if err := b.Run(); err != nil {
		return bongsu.Wrap(bongsu.CodeInvalid, err, "a trial run of %s failed: the manifest's outputs may not be the model's", path)
	}
	for _, o := range outs.Picture(0) {
		if err := checkNumbers(o); err != nil {
			return bongsu.Errorf(bongsu.CodeInvalid, "a trial run of %s: %v", path, err)
		}
	}
	return nil
}

func checkNumbers(o models.Output) error {
	for i, v := range o.Data {
		if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
			return fmt.Errorf("value %d of output %q is no number: the model is damaged or its scale, mean and std are wrong", i, o.Name)
		}
	}
	return nil
}
