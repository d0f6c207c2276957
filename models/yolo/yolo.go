// Package yolo reads the raw output of YOLOv8 and YOLO11 exports: one tensor [4 + classes,
// anchors] of boxes (centre and size in input pixels) and class scores between 0 and 1,
// without an objectness and without suppression inside.
package yolo

import (
	"fmt"

	"bongsu"
	"bongsu/models"
	"bongsu/models/nms"
)

// Head implements models.Head.
type Head struct {
	spec    models.HeadSpec
	rows    int // 4 and the classes
	anchors int
	used    []int // indices of the classes that are looked at

	best  []float32 // by anchor: the best score so far, at least spec.Low
	class []int32   // by anchor: whose it is; -1 for none
	sup   *nms.Suppressor
}

// New checks that the model's output has a shape that this family can have.
func New(spec models.HeadSpec) (*Head, error) {
	if err := spec.Check(); err != nil {
		return nil, fmt.Errorf("yolo: %w", err)
	}
	h := &Head{spec: spec}
	if err := h.checkOutput(); err != nil {
		return nil, err
	}
	for i, c := range spec.Classes {
		if c != "" {
			h.used = append(h.used, i)
		}
	}
	h.best, h.class = make([]float32, h.anchors), make([]int32, h.anchors)
	h.sup = nms.New(spec, h.anchors)
	return h, nil
}

func (h *Head) checkOutput() error {
	if len(h.spec.Outputs) != 1 {
		return fmt.Errorf("yolo: the manifest lists %d outputs: this family has one, of shape [1, 4 + classes, anchors]", len(h.spec.Outputs))
	}
	out := h.spec.Outputs[0]
	if len(out.Shape) != 3 || out.Shape[1] < 5 || out.Shape[2] < 1 {
		return fmt.Errorf("yolo: output %q has shape %v: this family has [1, 4 + classes, anchors]", out.Name, out.Shape)
	}
	h.rows, h.anchors = int(out.Shape[1]), int(out.Shape[2])
	if n := len(h.spec.Classes); n > h.rows-4 {
		return fmt.Errorf("yolo: label index %d: output %q of shape %v has only %d classes (an export of shape [1, anchors, 4 + classes] must be transposed)",
			n-1, out.Name, out.Shape, h.rows-4)
	}
	return nil
}

// Decode implements models.Head. An output of another size than New was told gives nothing.
func (h *Head) Decode(outs []models.Output, g models.Geometry, dst []bongsu.Detection) []bongsu.Detection {
	if len(outs) != 1 || len(outs[0].Data) != h.rows*h.anchors {
		return dst
	}
	data := outs[0].Data
	h.bestClasses(data)
	n := h.anchors
	cx, cy, w, ht := data[:n], data[n:2*n], data[2*n:3*n], data[3*n:4*n]
	h.sup.Begin()
	for i, c := range h.class {
		if c >= 0 {
			h.sup.AddCentre(cx[i], cy[i], w[i], ht[i], h.best[i], int(c), i)
		}
	}
	return h.sup.Finish(g, dst)
}

// bestClasses fills best and class. Classes are the outer loop because the scores of one class
// lie side by side.
func (h *Head) bestClasses(data []float32) {
	for i := range h.best {
		h.best[i], h.class[i] = h.spec.Low, -1
	}
	for _, c := range h.used {
		row := data[(4+c)*h.anchors : (5+c)*h.anchors]
		best := h.best[:len(row)]
		for i, s := range row {
			if s >= best[i] && (s > best[i] || h.class[i] < 0) {
				best[i], h.class[i] = s, int32(c)
			}
		}
	}
}
