package yolox

import (
	"math"
	"strings"
	"testing"

	"bongsu"
	"bongsu/models"
	"bongsu/models/modelstest"
)

// small is an input of 64×32: 8·4 points of stride 8, 4·2 of 16, 2·1 of 32.
func small() models.HeadSpec {
	return models.HeadSpec{
		Width: 64, Height: 32, Classes: []bongsu.Class{"person", "", "truck"}, Low: 0.1, IoU: 0.45,
		Outputs: []models.OutputSpec{{Name: "output", Shape: []int64{1, 42, 8}}},
	}
}

var whole = models.Geometry{PictureW: 64, PictureH: 32, ScaleX: 1, ScaleY: 1}

func output(rows map[int][]float32) []models.Output {
	data := make([]float32, 42*8)
	for r, values := range rows {
		copy(data[r*8:], values)
	}
	return []models.Output{{Name: "output", Shape: []int64{42, 8}, Data: data}}
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
		3:  {0.5, 0.5, 0, 0, 0.9, 0.9, 0, 0.1},
		20: {0.5, 0.5, 0.2, 0.2, 0.8, 0.1, 0, 0.9},
		41: {0.1, 0.1, -1, -1, 0.5, 0.5, 0, 0},
	})
	modelstest.Head(t, head(t, small()), outs, output(nil), whole, 0.1)
}

// The values of x, y, w, h by hand: x = (v + column)·stride, w = exp(v)·stride.
func TestDecodeByHand(t *testing.T) {
	ln := func(v float64) float32 { return float32(math.Log(v)) }
	for name, c := range map[string]struct {
		row    int
		values []float32
		want   bongsu.Box // in pixels
		class  bongsu.Class
		score  float32
	}{
		"first point of stride 8":   {0, []float32{1, 1, ln(2), ln(1), 0.8, 0.5, 0, 0}, bongsu.Box{X0: 0, Y0: 4, X1: 16, Y1: 12}, "person", 0.4},
		"last point of stride 8":    {31, []float32{0, 0.5, ln(1), ln(0.5), 1, 0, 0, 0.5}, bongsu.Box{X0: 52, Y0: 26, X1: 60, Y1: 30}, "truck", 0.5},
		"second row of stride 16":   {32 + 4 + 1, []float32{0.5, 0, ln(1), ln(1), 0.5, 0.5, 0, 0}, bongsu.Box{X0: 16, Y0: 8, X1: 32, Y1: 24}, "person", 0.25},
		"second point of stride 32": {41, []float32{0, 0.5, ln(0.5), ln(0.5), 1, 0.2, 0, 0.3}, bongsu.Box{X0: 24, Y0: 8, X1: 40, Y1: 24}, "truck", 0.3},
		"at the threshold":          {0, []float32{1, 1, 0, 0, 0.1, 1, 0, 0}, bongsu.Box{X0: 4, Y0: 4, X1: 12, Y1: 12}, "person", 0.1},
	} {
		dets := head(t, small()).Decode(output(map[int][]float32{c.row: c.values}), whole, nil)
		if len(dets) != 1 {
			t.Errorf("%s: %v", name, dets)
			continue
		}
		px := bongsu.Box{X0: dets[0].Box.X0 * 64, Y0: dets[0].Box.Y0 * 32, X1: dets[0].Box.X1 * 64, Y1: dets[0].Box.Y1 * 32}
		for i, d := range []float32{px.X0 - c.want.X0, px.Y0 - c.want.Y0, px.X1 - c.want.X1, px.Y1 - c.want.Y1, dets[0].Score - c.score} {
			if d < -1e-4 || d > 1e-4 {
				t.Errorf("%s: value %d is off by %v: %+v", name, i, d, dets[0])
			}
		}
		if dets[0].Class != c.class {
			t.Errorf("%s: %s", name, dets[0].Class)
		}
	}
}

func TestWhatIsNotSeen(t *testing.T) {
	nan := float32(math.NaN())
	for name, values := range map[string][]float32{
		"little objectness":       {0, 0, 0, 0, 0.09, 1, 0, 1},
		"little class score":      {0, 0, 0, 0, 0.9, 0.1, 0, 0.1},
		"a class without a label": {0, 0, 0, 0, 0.9, 0.05, 1, 0},
		"no number as score":      {0, 0, 0, 0, nan, 1, 0, 0},
		"no number as class":      {0, 0, 0, 0, 1, nan, nan, nan},
		"no number as width":      {0, 0, nan, 0, 1, 1, 0, 0},
		"endless width":           {0, 0, 1000, 0, 1, 1, 0, 0},
	} {
		if dets := head(t, small()).Decode(output(map[int][]float32{5: values}), whole, nil); len(dets) != 0 {
			t.Errorf("%s: %v", name, dets)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for want, change := range map[string]func(*models.HeadSpec){
		"yolox: input of 60×32 pixels: width and height must be multiples of 32":                           func(s *models.HeadSpec) { s.Width = 60 },
		"yolox: input of 0×32 pixels: width and height must be positive":                                   func(s *models.HeadSpec) { s.Width = 0 },
		"yolox: low threshold 0: it must lie between 0 and 1":                                              func(s *models.HeadSpec) { s.Low = 0 },
		"yolox: suppression IoU 2: it must lie between 0 and 1":                                            func(s *models.HeadSpec) { s.IoU = 2 },
		"yolox: no label names a class: nothing could ever be detected":                                    func(s *models.HeadSpec) { s.Classes = []bongsu.Class{""} },
		"yolox: the manifest lists 0 outputs: this family has one, of shape [1, 42, 5 + classes]":          func(s *models.HeadSpec) { s.Outputs = nil },
		`yolox: output "output" has shape [1 41 8]: an input of 64×32 pixels demands [1, 42, 5 + classes]`: func(s *models.HeadSpec) { s.Outputs[0].Shape = []int64{1, 41, 8} },
		`yolox: output "output" has shape [1 42]: an input of 64×32 pixels demands [1, 42, 5 + classes]`:   func(s *models.HeadSpec) { s.Outputs[0].Shape = []int64{1, 42} },
		`yolox: label index 3: output "output" has only 3 classes`:                                         func(s *models.HeadSpec) { s.Classes = append(s.Classes, "bus") },
	} {
		s := small()
		change(&s)
		if _, err := New(s); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if _, err := New(models.HeadSpec{}); err == nil || !strings.HasPrefix(err.Error(), "yolox: ") {
		t.Errorf("%v", err)
	}
}

// FuzzDecode: whatever a model puts out.
func FuzzDecode(f *testing.F) {
	inf := float32(math.Inf(1))
	modelstest.FuzzHead(f, head(f, small()), 0.1, output(nil), output(map[int][]float32{
		3:  {0.5, 0.5, 0, 0, 0.9, 0.9, 0, 0.1},
		20: {0.5, 0.5, 0.2, 0.2, 0.8, 0.1, 0, 0.9},
		41: {0.1, 0.1, -1, -1, 0.5, 0.5, 0, 0},
	}), output(map[int][]float32{0: {inf, -inf, 90, -90, 2, inf, inf, 1}}))
}

// BenchmarkDecode: a 416×416 input of 80 classes with 60 boxes above the threshold.
func BenchmarkDecode(b *testing.B) {
	s := small()
	s.Width, s.Height = 416, 416
	s.Outputs = []models.OutputSpec{{Name: "output", Shape: []int64{1, 3549, 85}}}
	s.Classes = nil
	for range 80 {
		s.Classes = append(s.Classes, "thing")
	}
	h := head(b, s)
	data := make([]float32, 3549*85)
	for i := range 60 {
		row := data[i*59*85:]
		row[4], row[5+i] = 0.9, 0.2+float32(i)/100
	}
	outs := []models.Output{{Data: data}}
	dst := make([]bongsu.Detection, 0, 300)
	b.ReportAllocs()
	for b.Loop() {
		h.Decode(outs, whole, dst)
	}
}
