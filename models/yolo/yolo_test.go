package yolo

import (
	"math"
	"testing"

	"bongsu"
	"bongsu/models"
	"bongsu/models/modelstest"
)

const anchors = 6

func small() models.HeadSpec {
	return models.HeadSpec{
		Width: 64, Height: 32, Classes: []bongsu.Class{"person", "", "truck"}, Low: 0.1, IoU: 0.45,
		Outputs: []models.OutputSpec{{Name: "output0", Shape: []int64{1, 7, anchors}}},
	}
}

var whole = models.Geometry{PictureW: 64, PictureH: 32, ScaleX: 1, ScaleY: 1}

// output transposes rows of x, y, w, h and scores into the family's layout.
func output(columns map[int][]float32) []models.Output {
	data := make([]float32, 7*anchors)
	for a, values := range columns {
		for r, v := range values {
			data[r*anchors+a] = v
		}
	}
	return []models.Output{{Name: "output0", Shape: []int64{7, anchors}, Data: data}}
}

func head(t testing.TB, s models.HeadSpec) *Head {
	t.Helper()
	h, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestSuite(t *testing.T) {
	outs := output(map[int][]float32{
		0: {16, 16, 8, 8, 0.9, 0, 0.1},
		3: {48, 16, 8, 16, 0.1, 0, 0.8},
		5: {30, 10, 20, 20, 0.3, 0, 0},
	})
	modelstest.Head(t, head(t, small()), outs, output(nil), whole, 0.1)
}

func TestDecodeByHand(t *testing.T) {
	dets := head(t, small()).Decode(output(map[int][]float32{
		1: {16, 8, 16, 8, 0.25, 1, 0.2},   // a person, whatever the class without a label says
		4: {48, 24, 32, 16, 0.5, 0, 0.75}, // a truck
		5: {47, 24, 32, 16, 0.6, 0, 0},    // the same thing as a person
	}), whole, nil)
	want := []bongsu.Detection{
		{Box: bongsu.Box{X0: 0.5, Y0: 0.5, X1: 1, Y1: 1}, Class: "truck", Score: 0.75},
		{Box: bongsu.Box{X0: 0.125, Y0: 0.125, X1: 0.375, Y1: 0.375}, Class: "person", Score: 0.25},
	}
	if len(dets) != 2 || dets[0] != want[0] || dets[1] != want[1] {
		t.Errorf("%+v, want %+v", dets, want)
	}
}

func TestWhatIsNotSeen(t *testing.T) {
	nan := float32(math.NaN())
	for name, values := range map[string][]float32{
		"little score":            {16, 16, 8, 8, 0.0999, 0, 0},
		"a class without a label": {16, 16, 8, 8, 0, 1, 0},
		"no number as score":      {16, 16, 8, 8, nan, nan, nan},
		"no number as place":      {nan, 16, 8, 8, 1, 0, 0},
		"no size":                 {16, 16, 0, 8, 1, 0, 0},
	} {
		if dets := head(t, small()).Decode(output(map[int][]float32{2: values}), whole, nil); len(dets) != 0 {
			t.Errorf("%s: %v", name, dets)
		}
	}
	if dets := head(t, small()).Decode(output(map[int][]float32{2: {16, 16, 8, 8, 0.1, 0, 0}}), whole, nil); len(dets) != 1 {
		t.Errorf("at the threshold: %v", dets)
	}
}

func TestNewRefuses(t *testing.T) {
	for want, change := range map[string]func(*models.HeadSpec){
		"yolo: low threshold 1: it must lie between 0 and 1":                                                                                          func(s *models.HeadSpec) { s.Low = 1 },
		"yolo: the manifest lists 2 outputs: this family has one, of shape [1, 4 + classes, anchors]":                                                 func(s *models.HeadSpec) { s.Outputs = append(s.Outputs, s.Outputs[0]) },
		`yolo: output "output0" has shape [1 4 6]: this family has [1, 4 + classes, anchors]`:                                                         func(s *models.HeadSpec) { s.Outputs[0].Shape = []int64{1, 4, 6} },
		`yolo: output "output0" has shape [1 7]: this family has [1, 4 + classes, anchors]`:                                                           func(s *models.HeadSpec) { s.Outputs[0].Shape = []int64{1, 7} },
		`yolo: label index 2: output "output0" of shape [1 6 7] has only 2 classes (an export of shape [1, anchors, 4 + classes] must be transposed)`: func(s *models.HeadSpec) { s.Outputs[0].Shape = []int64{1, 6, 7} },
	} {
		s := small()
		change(&s)
		if _, err := New(s); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// FuzzDecode: whatever a model puts out.
func FuzzDecode(f *testing.F) {
	modelstest.FuzzHead(f, head(f, small()), 0.1, output(nil), output(map[int][]float32{
		0: {16, 16, 8, 8, 0.9, 0, 0.1},
		3: {48, 16, 8, 16, 0.1, 0, 0.8},
		5: {30, 10, 20, 20, 0.3, 0, 0},
	}))
}

// BenchmarkDecode: a 640×640 input of 80 classes, 8400 anchors, 60 of them above the threshold.
func BenchmarkDecode(b *testing.B) {
	s := small()
	s.Outputs = []models.OutputSpec{{Name: "output0", Shape: []int64{1, 84, 8400}}}
	s.Classes = nil
	for range 80 {
		s.Classes = append(s.Classes, "thing")
	}
	h := head(b, s)
	data := make([]float32, 84*8400)
	for i := range 60 {
		at := i * 139
		data[at], data[8400+at], data[2*8400+at], data[3*8400+at] = float32(i), 16, 8, 8
		data[(4+i)*8400+at] = 0.5
	}
	outs := []models.Output{{Data: data}}
	dst := make([]bongsu.Detection, 0, 300)
	b.ReportAllocs()
	for b.Loop() {
		h.Decode(outs, whole, dst)
	}
}
