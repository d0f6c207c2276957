// Package yolox reads the raw output of YOLOX models (Ge et al., "YOLOX: Exceeding YOLO Series
// in 2021", arXiv:2107.08430) as their ONNX export gives it: one row an anchor point with
// x, y, w, h, objectness and the class scores; x and y in strides from the point's cell, w and
// h as logarithms of strides, scores already between 0 and 1.
package yolox

import (
	"fmt"
	"math"

	"bongsu"
	"bongsu/models"
	"bongsu/models/nms"
)

// strides are the input pixels of one cell of each level, in the order of the rows.
var strides = [...]int{8, 16, 32}

// Head implements models.Head.
type Head struct {
	spec    models.HeadSpec
	columns int     // of a row: 5 and the classes
	points  []point // by row
	used    []int   // indices of the classes that are looked at
	sup     *nms.Suppressor
}

// point is an anchor point: its cell's corner and stride in input pixels.
type point struct{ x, y, stride float32 }

// New checks that the model's output has the shape that its input size demands.
func New(spec models.HeadSpec) (*Head, error) {
	if err := spec.Check(); err != nil {
		return nil, fmt.Errorf("yolox: %w", err)
	}
	if spec.Width%32 != 0 || spec.Height%32 != 0 {
		return nil, fmt.Errorf("yolox: input of %d×%d pixels: width and height must be multiples of 32", spec.Width, spec.Height)
	}
	h := &Head{spec: spec, points: grid(spec.Width, spec.Height)}
	if err := h.checkOutput(); err != nil {
		return nil, err
	}
	for i, c := range spec.Classes {
		if c != "" {
			h.used = append(h.used, i)
		}
	}
	h.sup = nms.New(spec, len(h.points))
	return h, nil
}

func grid(w, h int) []point {
	var ps []point
	for _, s := range strides {
		for y := range h / s {
			for x := range w / s {
				ps = append(ps, point{float32(x * s), float32(y * s), float32(s)})
			}
		}
	}
	return ps
}

func (h *Head) checkOutput() error {
	rows := int64(len(h.points))
	if len(h.spec.Outputs) != 1 {
		return fmt.Errorf("yolox: the manifest lists %d outputs: this family has one, of shape [1, %d, 5 + classes]", len(h.spec.Outputs), rows)
	}
	s := h.spec.Outputs[0].Shape
	if len(s) != 3 || s[1] != rows || s[2] < 6 {
		return fmt.Errorf("yolox: output %q has shape %v: an input of %d×%d pixels demands [1, %d, 5 + classes]",
			h.spec.Outputs[0].Name, s, h.spec.Width, h.spec.Height, rows)
	}
	h.columns = int(s[2])
	if n := len(h.spec.Classes); n > h.columns-5 {
		return fmt.Errorf("yolox: label index %d: output %q has only %d classes", n-1, h.spec.Outputs[0].Name, h.columns-5)
	}
	return nil
}

// Decode implements models.Head. An output of another size than New was told gives nothing.
func (h *Head) Decode(outs []models.Output, g models.Geometry, dst []bongsu.Detection) []bongsu.Detection {
	if len(outs) != 1 || len(outs[0].Data) != len(h.points)*h.columns {
		return dst
	}
	data := outs[0].Data
	h.sup.Begin()
	for i := range h.points {
		row := data[i*h.columns : (i+1)*h.columns]
		// A class score is at most 1, so the objectness bounds the score: nearly every row
		// ends here.
		if obj := row[4]; obj >= h.spec.Low {
			h.row(i, row)
		}
	}
	return h.sup.Finish(g, dst)
}

func (h *Head) row(i int, row []float32) {
	scores := row[5:]
	best, class := float32(0), -1
	for _, c := range h.used {
		if s := scores[c]; s > best {
			best, class = s, c
		}
	}
	score := row[4] * best
	if class < 0 || !(score >= h.spec.Low) {
		return
	}
	p := h.points[i]
	h.sup.AddCentre(row[0]*p.stride+p.x, row[1]*p.stride+p.y,
		exp(row[2])*p.stride, exp(row[3])*p.stride, score, class, i)
}

func exp(v float32) float32 { return float32(math.Exp(float64(v))) }
