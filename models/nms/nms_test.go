package nms

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"bongsu"
	"bongsu/models"
)

var spec = models.HeadSpec{Classes: []bongsu.Class{"car", "truck", "car", "person"}, IoU: 0.5}

var square = models.Geometry{PictureW: 100, PictureH: 100, ScaleX: 1, ScaleY: 1}

type box struct {
	cx, cy, w, h, score float32
	class               int
}

func suppress(s *Suppressor, g models.Geometry, boxes ...box) []bongsu.Detection {
	s.Begin()
	for i, b := range boxes {
		s.AddCentre(b.cx, b.cy, b.w, b.h, b.score, b.class, i)
	}
	return s.Finish(g, nil)
}

func scores(dets []bongsu.Detection) (s []float32) {
	for _, d := range dets {
		s = append(s, d.Score)
	}
	return s
}

func TestSuppression(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	a := box{20, 20, 20, 20, 0.9, 0}
	for name, c := range map[string]struct {
		rivals models.Rivals
		boxes  []box
		want   []float32
	}{
		"nothing":                         {},
		"best first":                      {boxes: []box{{20, 20, 10, 10, 0.3, 0}, {60, 60, 10, 10, 0.8, 0}}, want: []float32{0.8, 0.3}},
		"an equal box goes":               {boxes: []box{a, {20, 20, 20, 20, 0.8, 0}}, want: []float32{0.9}},
		"as car and as truck: once":       {boxes: []box{a, {21, 20, 20, 20, 0.8, 1}}, want: []float32{0.9}},
		"per class: twice":                {rivals: models.RivalsSame, boxes: []box{a, {21, 20, 20, 20, 0.8, 1}}, want: []float32{0.9, 0.8}},
		"per class means the domain word": {rivals: models.RivalsSame, boxes: []box{a, {21, 20, 20, 20, 0.8, 2}}, want: []float32{0.9}},
		"among alike, a car and a truck":  {rivals: models.RivalsAlike, boxes: []box{a, {21, 20, 20, 20, 0.8, 1}}, want: []float32{0.9}},
		"among alike, a car and a driver": {rivals: models.RivalsAlike, boxes: []box{a, {21, 20, 20, 20, 0.8, 3}}, want: []float32{0.9, 0.8}},
		"a car and a driver":              {boxes: []box{a, {21, 20, 20, 20, 0.8, 3}}, want: []float32{0.9}},
		"at the threshold it stays":       {boxes: []box{{10, 10, 20, 20, 0.9, 0}, {10, 15, 20, 10, 0.8, 0}}, want: []float32{0.9, 0.8}}, // IoU is 0.5 exactly
		"beyond the threshold it goes":    {boxes: []box{{10, 10, 20, 20, 0.9, 0}, {10, 14.5, 20, 11, 0.8, 0}}, want: []float32{0.9}},
		"the suppressed suppress nothing": {boxes: []box{a, {28, 20, 20, 20, 0.8, 0}, {26, 20, 20, 20, 0.85, 0}, {34, 20, 20, 20, 0.7, 0}}, want: []float32{0.9, 0.8}},
		"no numbers, no box":              {boxes: []box{{nan, 20, 20, 20, 0.9, 0}, {20, 20, nan, 20, 0.9, 0}, {20, inf, 20, 20, 0.9, 0}, {20, 20, inf, inf, 0.9, 0}}},
		"empty boxes":                     {boxes: []box{{20, 20, 0, 20, 0.9, 0}, {20, 20, 20, -4, 0.9, 0}}},
		"wholly in the padding":           {boxes: []box{{150, 20, 20, 20, 0.9, 0}}},
		"scores over 1 are 1":             {boxes: []box{{20, 20, 20, 20, 1.0001, 0}}, want: []float32{1}},
	} {
		sp := spec
		sp.Rivals = c.rivals
		if got := scores(suppress(New(sp, 8), square, c.boxes...)); !slices.Equal(got, c.want) {
			t.Errorf("%s: scores %v, want %v", name, got, c.want)
		}
	}
}

func TestBoxesAreOfThePicture(t *testing.T) {
	// A 200×100 picture scaled by a half, in the middle of a 100×100 input.
	g := models.Geometry{PictureW: 200, PictureH: 100, OffsetY: 25, ScaleX: 0.5, ScaleY: 0.5}
	got := suppress(New(spec, 8), g, box{50, 50, 20, 10, 0.9, 1}, box{5, 30, 20, 20, 0.8, 0})
	want := []bongsu.Detection{
		{Box: bongsu.Box{X0: 0.4, Y0: 0.4, X1: 0.6, Y1: 0.6}, Class: "truck", Score: 0.9},
		{Box: bongsu.Box{X0: 0, Y0: 0, X1: 0.15, Y1: 0.3}, Class: "car", Score: 0.8},
	}
	if !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestEqualScoresKeepTheirOrder(t *testing.T) {
	s := New(spec, 8)
	first := suppress(s, square, box{20, 20, 10, 10, 0.5, 0}, box{60, 60, 10, 10, 0.5, 0}, box{80, 80, 10, 10, 0.5, 0})
	if len(first) != 3 || first[0].Box.X0 > first[1].Box.X0 || first[1].Box.X0 > first[2].Box.X0 {
		t.Errorf("%v", first)
	}
}

func TestLimits(t *testing.T) {
	s := New(spec, 2*MaxCandidates)
	var boxes []box
	for i := range 2 * MaxCandidates {
		boxes = append(boxes, box{float32(i%50)*2 + 1, float32(i/50)*2 + 1, 1, 1, 0.5 + float32(i)/1e4, 0})
	}
	got := suppress(s, square, boxes...)
	if len(got) != MaxDetections || got[0].Score != boxes[len(boxes)-1].score {
		t.Errorf("%d detections, the best %v", len(got), got[0])
	}
}

// Against the definition, on random boxes: whoever is kept overlaps no better one that is kept
// by more than the threshold, and whoever is not kept does.
func TestAgainstTheDefinition(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	for range 200 {
		n := rnd.IntN(40)
		s := New(spec, 64)
		var boxes []box
		for range n {
			boxes = append(boxes, box{20 + 60*rnd.Float32(), 20 + 60*rnd.Float32(), 5 + 30*rnd.Float32(), 5 + 30*rnd.Float32(), rnd.Float32(), rnd.IntN(3)})
		}
		got := suppress(s, models.Geometry{PictureW: 100, PictureH: 100, OffsetX: -100, OffsetY: -100, ScaleX: 3, ScaleY: 3}, boxes...)
		all := New(models.HeadSpec{Classes: spec.Classes, IoU: 1}, 64)
		every := suppress(all, models.Geometry{PictureW: 100, PictureH: 100, OffsetX: -100, OffsetY: -100, ScaleX: 3, ScaleY: 3}, boxes...)
		kept := map[bongsu.Detection]bool{}
		for _, d := range got {
			kept[d] = true
		}
		for _, d := range every {
			hit := slices.ContainsFunc(got, func(k bongsu.Detection) bool { return k != d && k.Score > d.Score && k.Box.IoU(d.Box) > spec.IoU+1e-5 })
			if kept[d] == hit {
				t.Fatalf("%+v: kept %v, overlapped by a better one %v", d, kept[d], hit)
			}
		}
	}
}

func TestNoAllocations(t *testing.T) {
	s := New(spec, 100)
	dst := make([]bongsu.Detection, 0, 100)
	got := testing.AllocsPerRun(100, func() {
		s.Begin()
		for i := range 100 {
			s.AddCentre(float32(i), float32(i), 10, 10, 0.5, 0, i)
		}
		s.Finish(square, dst)
	})
	if got != 0 {
		t.Errorf("%v allocations", got)
	}
}

// The worst case: every place of a broken model is a box of its own.
func BenchmarkWorstCase(b *testing.B) {
	s := New(spec, 3549)
	dst := make([]bongsu.Detection, 0, MaxDetections)
	for b.Loop() {
		s.Begin()
		for i := range 3549 {
			s.AddCentre(float32(i%60)*1.5+5, float32(i/60)*1.5+5, 1, 1, 0.2, 0, i)
		}
		s.Finish(square, dst)
	}
}
