// Package nms suppresses boxes that overlap a better one: greedy non-maximum suppression, as
// in Neubeck and Van Gool, "Efficient Non-Maximum Suppression" (ICPR 2006). The detector
// families share it.
package nms

import (
	"cmp"
	"slices"

	"bongsu"
	"bongsu/models"
)

// Limits of one picture. A picture that reaches them is a crowd or a broken model; the best
// scores are kept.
const (
	MaxCandidates = 1000 // boxes that enter the comparison
	MaxDetections = 300  // boxes that leave it
)

// Candidate is a box before suppression.
type Candidate struct {
	X0, Y0, X1, Y1 float32 // pixels of the model's input, X0 < X1 and Y0 < Y1
	Score          float32
	Class          int32 // the model's index
	Anchor         int32 // breaks ties, so that the same input gives the same order
}

func (c *Candidate) area() float32 { return (c.X1 - c.X0) * (c.Y1 - c.Y0) }

func (c *Candidate) iou(o *Candidate) float32 {
	w := min(c.X1, o.X1) - max(c.X0, o.X0)
	h := min(c.Y1, o.Y1) - max(c.Y0, o.Y0)
	if w <= 0 || h <= 0 {
		return 0
	}
	in := w * h
	return in / (c.area() + o.area() - in)
}

// Suppressor holds the scratch memory of one head. It is used by one goroutine at a time.
type Suppressor struct {
	classes []bongsu.Class
	iou     float32
	rivals  models.Rivals

	cand []Candidate
	kept []int32 // indices in cand
}

// New makes a Suppressor with room for capacity candidates: no picture with at most as many
// makes it allocate.
func New(spec models.HeadSpec, capacity int) *Suppressor {
	return &Suppressor{
		classes: spec.Classes, iou: spec.IoU, rivals: spec.Rivals,
		cand: make([]Candidate, 0, capacity), kept: make([]int32, 0, MaxDetections),
	}
}

// Begin forgets the last picture.
func (s *Suppressor) Begin() { s.cand = s.cand[:0] }

// AddCentre adds a box by its centre and size in input pixels. Boxes that are empty, not
// finite or beyond any picture are left out: a model that delivers them says nothing.
func (s *Suppressor) AddCentre(cx, cy, w, h, score float32, class, anchor int) {
	const far = 1 << 20
	// The comparisons are false for NaN.
	if !(w > 0 && w < far && h > 0 && h < far && cx > -far && cx < far && cy > -far && cy < far) {
		return
	}
	s.cand = append(s.cand, Candidate{
		X0: cx - w/2, Y0: cy - h/2, X1: cx + w/2, Y1: cy + h/2,
		Score: min(score, 1), Class: int32(class), Anchor: int32(anchor),
	})
}

func better(a, b Candidate) int {
	if c := cmp.Compare(b.Score, a.Score); c != 0 {
		return c
	}
	return cmp.Compare(a.Anchor, b.Anchor)
}

// Finish appends what survives to dst, the best score first, as boxes of the picture.
func (s *Suppressor) Finish(g models.Geometry, dst []bongsu.Detection) []bongsu.Detection {
	slices.SortFunc(s.cand, better)
	s.cand = s.cand[:min(len(s.cand), MaxCandidates)]
	s.kept = s.kept[:0]
	for i := range s.cand {
		c := &s.cand[i]
		if s.suppressed(c) {
			continue
		}
		box := g.Unmap(c.X0, c.Y0, c.X1, c.Y1)
		if box.Area() == 0 {
			continue // it lies in the padding
		}
		s.kept = append(s.kept, int32(i))
		dst = append(dst, bongsu.Detection{Box: box, Class: s.classes[c.Class], Score: c.Score})
		if len(s.kept) == MaxDetections {
			break
		}
	}
	return dst
}

func (s *Suppressor) suppressed(c *Candidate) bool {
	for _, k := range s.kept {
		b := &s.cand[k]
		if c.iou(b) > s.iou && s.rivals.Between(s.classes[b.Class], s.classes[c.Class]) {
			return true
		}
	}
	return false
}
