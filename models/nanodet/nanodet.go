// Package nanodet reads the raw output of NanoDet models (github.com/RangiLyu/nanodet): for
// each of the strides 8, 16 and 32 one tensor of class scores, already between 0 and 1, and
// one of distances from the point to the four sides of its box. A distance is no number but a
// distribution over whole strides, whose expectation it is: Li et al., "Generalized Focal
// Loss: Learning Qualified and Distributed Bounding Boxes for Dense Object Detection", NeurIPS
// 2020, arXiv:2006.04388, equations 3 to 5.
package nanodet

import (
	"fmt"
	"math"
	"slices"

	"bongsu"
	"bongsu/models"
	"bongsu/models/nms"
)

// strides are the input pixels of one cell of each level, in the order of the outputs.
var strides = [...]int{8, 16, 32}

// Head implements models.Head.
type Head struct {
	spec   models.HeadSpec
	levels [len(strides)]level
	used   []int // indices of the classes that are looked at
	sup    *nms.Suppressor
}

// level is the grid of one stride.
type level struct {
	stride  float32 // input pixels
	columns int     // points in a row of the grid
	points  int
	classes int // scores of a point
	bins    int // of the distribution of each distance: 0 to bins-1 strides
	first   int // number of the level's first point in the picture
}

// New checks that the model's six outputs have the shapes that its input size demands: the
// scores of strides 8, 16 and 32, then the distances of the same.
func New(spec models.HeadSpec) (*Head, error) {
	if err := spec.Check(); err != nil {
		return nil, fmt.Errorf("nanodet: %w", err)
	}
	if spec.Width%32 != 0 || spec.Height%32 != 0 {
		return nil, fmt.Errorf("nanodet: input of %d×%d pixels: width and height must be multiples of 32", spec.Width, spec.Height)
	}
	if len(spec.Outputs) != 2*len(strides) {
		return nil, fmt.Errorf("nanodet: the manifest lists %d outputs: this family has six, the class scores of strides 8, 16 and 32, then the distances of the same", len(spec.Outputs))
	}
	h := &Head{spec: spec}
	points := 0
	for i, s := range strides {
		l, err := h.level(i, s, points)
		if err != nil {
			return nil, err
		}
		h.levels[i] = l
		points += l.points
	}
	for i, c := range spec.Classes {
		if c != "" {
			h.used = append(h.used, i)
		}
	}
	h.sup = nms.New(spec, points)
	return h, nil
}

func (h *Head) level(i, stride, first int) (level, error) {
	columns, rows := h.spec.Width/stride, h.spec.Height/stride
	l := level{stride: float32(stride), columns: columns, points: columns * rows, first: first}
	classes, err := h.lastAxis(i, l.points, "classes")
	if err != nil {
		return l, err
	}
	distances, err := h.lastAxis(i+len(strides), l.points, "4 · bins")
	if err != nil {
		return l, err
	}
	if distances%4 != 0 || distances < 8 {
		return l, h.shapeError(i+len(strides), l.points, "4 · bins")
	}
	if n := len(h.spec.Classes); n > classes {
		return l, fmt.Errorf("nanodet: label index %d: output %q has only %d classes", n-1, h.spec.Outputs[i].Name, classes)
	}
	l.classes, l.bins = classes, distances/4
	return l, nil
}

// lastAxis checks an output's shape [1, points, n] and gives n.
func (h *Head) lastAxis(output, points int, axis string) (int, error) {
	s := h.spec.Outputs[output].Shape
	if len(s) != 3 || s[1] != int64(points) || s[2] < 1 {
		return 0, h.shapeError(output, points, axis)
	}
	return int(s[2]), nil
}

func (h *Head) shapeError(output, points int, axis string) error {
	o := h.spec.Outputs[output]
	return fmt.Errorf("nanodet: outputs[%d] %q has shape %v: an input of %d×%d pixels demands [1, %d, %s] there, scores of strides 8, 16 and 32 first, distances after them",
		output, o.Name, o.Shape, h.spec.Width, h.spec.Height, points, axis)
}

// Decode implements models.Head. Outputs of another size than New was told give nothing.
func (h *Head) Decode(outs []models.Output, g models.Geometry, dst []bongsu.Detection) []bongsu.Detection {
	if len(outs) != 2*len(strides) {
		return dst
	}
	for i, l := range h.levels {
		if len(outs[i].Data) != l.points*l.classes || len(outs[i+len(strides)].Data) != l.points*4*l.bins {
			return dst
		}
	}
	h.sup.Begin()
	for i := range h.levels {
		h.decodeLevel(&h.levels[i], outs[i].Data, outs[i+len(strides)].Data)
	}
	return h.sup.Finish(g, dst)
}

func (h *Head) decodeLevel(l *level, scores, distances []float32) {
	for p := range l.points {
		best, class := h.best(scores[p*l.classes : (p+1)*l.classes])
		if class < 0 {
			continue
		}
		// A point is the middle of its cell, in pixels counted from the middle of the first one.
		x := float32(p%l.columns)*l.stride + (l.stride-1)/2
		y := float32(p/l.columns)*l.stride + (l.stride-1)/2
		sides := distances[p*4*l.bins : (p+1)*4*l.bins]
		left, top := expectation(sides[:l.bins])*l.stride, expectation(sides[l.bins:2*l.bins])*l.stride
		right, bottom := expectation(sides[2*l.bins:3*l.bins])*l.stride, expectation(sides[3*l.bins:])*l.stride
		h.sup.AddCentre(x+(right-left)/2, y+(bottom-top)/2, left+right, top+bottom, best, class, l.first+p)
	}
}

// best gives the best of the classes that are looked at, if its score is not too low; -1 for
// none.
func (h *Head) best(scores []float32) (float32, int) {
	low := h.spec.Low
	// Nearly no point has a score at all; this loop is what a picture costs.
	if !slices.ContainsFunc(scores, func(s float32) bool { return s >= low }) {
		return 0, -1
	}
	best, class := low, -1
	for _, c := range h.used {
		if s := scores[c]; s >= best && (s > best || class < 0) {
			best, class = s, c
		}
	}
	return best, class
}

// expectation is the mean of 0, 1, 2, … under the softmax of v. It is no number when v holds
// none, and then the box is left out.
func expectation(v []float32) float32 {
	top := v[0]
	for _, x := range v[1:] {
		top = max(top, x)
	}
	var sum, mean float64
	for i, x := range v {
		e := math.Exp(float64(x - top))
		sum += e
		mean += e * float64(i)
	}
	return float32(mean / sum)
}
