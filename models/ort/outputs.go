package ort

import (
	"fmt"
	"slices"

	"bongsu/models"
)

// pick finds the outputs that specs name among all of the graph's and settles their shapes:
// what the graph leaves open takes the spec's size. Without specs all are taken.
func pick(all []Value, specs []models.OutputSpec) ([]Value, error) {
	if len(specs) == 0 {
		for _, v := range all {
			specs = append(specs, models.OutputSpec{Name: v.Name, Shape: v.Shape})
		}
	}
	var picked []Value
	for _, spec := range specs {
		i := slices.IndexFunc(all, func(v Value) bool { return v.Name == spec.Name })
		if i < 0 {
			return nil, fmt.Errorf("it has no output %q: its outputs are %s", spec.Name, names(all))
		}
		v, err := settle(all[i], spec)
		if err != nil {
			return nil, err
		}
		picked = append(picked, v)
	}
	return picked, nil
}

func names(vs []Value) string {
	s := ""
	for i, v := range vs {
		if i > 0 {
			s += ", "
		}
		s += fmt.Sprintf("%q", v.Name)
	}
	return s
}

func settle(v Value, spec models.OutputSpec) (Value, error) {
	if v.Type != "float32" {
		return Value{}, fmt.Errorf("its output %q is %s: only float32 outputs can be read", v.Name, v.Type)
	}
	// A graph may not know its output's rank; then the manifest is believed until the trial run.
	if len(v.Shape) != len(spec.Shape) && len(v.Shape) != 0 {
		return Value{}, fmt.Errorf("its output %q has shape %v, not %v as the manifest says", v.Name, v.Shape, spec.Shape)
	}
	shape := slices.Clone(spec.Shape)
	for i, d := range v.Shape {
		if i == 0 && d <= 1 {
			shape[0] = d
			continue
		}
		if d > 0 && shape[i] != d {
			return Value{}, fmt.Errorf("its output %q has shape %v, not %v as the manifest says", v.Name, v.Shape, spec.Shape)
		}
		if shape[i] <= 0 {
			return Value{}, fmt.Errorf("its output %q leaves axis %d open (%v): the manifest must say its size", v.Name, i, v.Shape)
		}
	}
	return Value{Name: v.Name, Type: v.Type, Shape: shape}, nil
}

// volume is the number of values of one picture.
func volume(shape []int64) int {
	n := 1
	for _, d := range shape[1:] {
		n *= int(d)
	}
	return n
}
