package nanodet

import (
	"math"
	"strings"
	"testing"

	"bongsu"
	"bongsu/models"
	"bongsu/models/modelstest"
)

const bins = 8

// pointsOf are the points of an input of 64×32: 8·4 of stride 8, 4·2 of 16, 2·1 of 32.
var pointsOf = [3]int{32, 8, 2}

func small() models.HeadSpec {
	s := models.HeadSpec{Width: 64, Height: 32, Classes: []bongsu.Class{"person", "", "truck"}, Low: 0.1, IoU: 0.45}
	for _, kind := range []struct {
		name string
		last int64
	}{{"cls", 3}, {"dis", 4 * bins}} {
		for i, n := range pointsOf {
			s.Outputs = append(s.Outputs, models.OutputSpec{Name: kind.name + []string{"_8", "_16", "_32"}[i], Shape: []int64{1, int64(n), kind.last}})
		}
	}
	return s
}

var whole = models.Geometry{PictureW: 64, PictureH: 32, ScaleX: 1, ScaleY: 1}

// at is what a model says of one point.
type at struct {
	level, point int
	scores       [3]float32
	sides        [4]float64 // left, top, right, bottom in strides
}

// output is what a model puts out that says only what is listed.
func output(said ...at) []models.Output {
	var outs []models.Output
	for _, s := range small().Outputs {
		outs = append(outs, models.Output{Name: s.Name, Shape: s.Shape[1:], Data: make([]float32, s.Shape[1]*s.Shape[2])})
	}
	for _, a := range said {
		copy(outs[a.level].Data[a.point*3:], a.scores[:])
		for i, d := range a.sides {
			v := outs[a.level+3].Data[(a.point*4+i)*bins:][:bins]
			for j := range v {
				v[j] = -60
			}
			// Two bins beside each other share the distance, as a trained model's do.
			low, part := math.Modf(d)
			v[int(low)] = float32(math.Log(1 - part))
			if part > 0 {
				v[int(low)+1] = float32(math.Log(part))
			}
		}
	}
	return outs
}

func head(t testing.TB, s models.HeadSpec) *Head {
	t.Helper()
	h, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

var three = []at{
	{0, 3, [3]float32{0.9, 0, 0.1}, [4]float64{1, 0.5, 1, 1}},
	{1, 5, [3]float32{0.1, 0, 0.8}, [4]float64{0.5, 0.5, 0.5, 0.25}},
	{2, 1, [3]float32{0.3, 0, 0}, [4]float64{0, 0.2, 0.2, 0.2}},
}

func TestSuite(t *testing.T) {
	modelstest.Head(t, head(t, small()), output(three...), output(), whole, 0.1)
}

// The middle of the first cell of stride s is at (s-1)/2; a side is its distance in strides.
func TestDecodeByHand(t *testing.T) {
	for name, c := range map[string]struct {
		said  at
		want  bongsu.Box // in pixels
		class bongsu.Class
		score float32
	}{
		"second row and column of stride 8": {at{0, 9, [3]float32{0.4, 0, 0.3}, [4]float64{1, 0.5, 2, 1.25}},
			bongsu.Box{X0: 11.5 - 8, Y0: 11.5 - 4, X1: 11.5 + 16, Y1: 11.5 + 10}, "person", 0.4},
		"last point of stride 8": {at{0, 31, [3]float32{0, 0, 0.5}, [4]float64{0.5, 3, 0.5, 0.5}},
			bongsu.Box{X0: 59.5 - 4, Y0: 27.5 - 24, X1: 63.5, Y1: 31.5}, "truck", 0.5},
		"second row of stride 16": {at{1, 5, [3]float32{0.25, 0, 0}, [4]float64{0.5, 0.25, 1, 0.25}},
			bongsu.Box{X0: 23.5 - 8, Y0: 23.5 - 4, X1: 23.5 + 16, Y1: 23.5 + 4}, "person", 0.25},
		"second point of stride 32": {at{2, 1, [3]float32{0, 0, 0.3}, [4]float64{0.5, 0.25, 0.25, 0.125}},
			bongsu.Box{X0: 47.5 - 16, Y0: 15.5 - 8, X1: 47.5 + 8, Y1: 15.5 + 4}, "truck", 0.3},
		"at the threshold": {at{0, 9, [3]float32{0.1, 0, 0}, [4]float64{1, 1, 1, 1}},
			bongsu.Box{X0: 3.5, Y0: 3.5, X1: 19.5, Y1: 19.5}, "person", 0.1},
		"beyond the picture": {at{0, 0, [3]float32{1, 0, 0}, [4]float64{7, 7, 1, 1}},
			bongsu.Box{X0: 0, Y0: 0, X1: 11.5, Y1: 11.5}, "person", 1},
	} {
		dets := head(t, small()).Decode(output(c.said), whole, nil)
		if len(dets) != 1 {
			t.Errorf("%s: %v", name, dets)
			continue
		}
		b := dets[0].Box
		for i, d := range []float32{b.X0*64 - c.want.X0, b.Y0*32 - c.want.Y0, b.X1*64 - c.want.X1, b.Y1*32 - c.want.Y1, dets[0].Score - c.score} {
			if d < -1e-4 || d > 1e-4 {
				t.Errorf("%s: value %d is off by %v: %+v", name, i, d, dets[0])
			}
		}
		if dets[0].Class != c.class {
			t.Errorf("%s: %s", name, dets[0].Class)
		}
	}
}

func TestExpectation(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, c := range []struct {
		v    []float32
		want float64
	}{
		{[]float32{0, 0, 0, 0, 0, 0, 0, 0}, 3.5},
		{[]float32{-50, -50, 50, -50, -50, -50, -50, -50}, 2},
		{[]float32{1000, 0, 0, 0, 0, 0, 0, 1000}, 3.5}, // no overflow
		{[]float32{0, float32(math.Log(3))}, 0.75},
		{[]float32{-inf, 1, -inf}, 1},
		{[]float32{0, nan, 0}, math.NaN()},
		{[]float32{nan, 0, 0}, math.NaN()},
		{[]float32{inf, 0, 0}, math.NaN()},
		{[]float32{-inf, -inf}, math.NaN()},
	} {
		got := float64(expectation(c.v))
		if math.IsNaN(c.want) != math.IsNaN(got) || math.Abs(got-c.want) > 1e-6 {
			t.Errorf("%v: %v, want %v", c.v, got, c.want)
		}
	}
}

func TestWhatIsNotSeen(t *testing.T) {
	nan := float32(math.NaN())
	good := at{0, 9, [3]float32{0.9, 0, 0}, [4]float64{1, 1, 1, 1}}
	for name, change := range map[string]func(outs []models.Output){
		"little score":            func(o []models.Output) { o[0].Data[27] = 0.0999 },
		"a class without a label": func(o []models.Output) { o[0].Data[27], o[0].Data[28] = 0, 1 },
		"no number as score":      func(o []models.Output) { o[0].Data[27], o[0].Data[28], o[0].Data[29] = nan, nan, nan },
		"no number as distance":   func(o []models.Output) { o[3].Data[9*4*bins+3] = nan },
		"no size": func(o []models.Output) {
			for side := range 4 {
				copy(o[3].Data[(9*4+side)*bins:], []float32{0, -200, -200, -200, -200, -200, -200, -200})
			}
		},
		"a level too short": func(o []models.Output) { o[2].Data = o[2].Data[1:] },
		"distances missing": func(o []models.Output) { o[5].Data = nil },
	} {
		outs := output(good)
		if got := head(t, small()).Decode(outs, whole, nil); len(got) != 1 {
			t.Fatalf("%v", got)
		}
		change(outs)
		if dets := head(t, small()).Decode(outs, whole, nil); len(dets) != 0 {
			t.Errorf("%s: %v", name, dets)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	const demands = ", scores of strides 8, 16 and 32 first, distances after them"
	for want, change := range map[string]func(*models.HeadSpec){
		"nanodet: input of 60×32 pixels: width and height must be multiples of 32":                                                             func(s *models.HeadSpec) { s.Width = 60 },
		"nanodet: low threshold 0: it must lie between 0 and 1":                                                                                func(s *models.HeadSpec) { s.Low = 0 },
		"nanodet: the manifest lists 5 outputs: this family has six, the class scores of strides 8, 16 and 32, then the distances of the same": func(s *models.HeadSpec) { s.Outputs = s.Outputs[:5] },
		`nanodet: outputs[0] "cls_16" has shape [1 8 3]: an input of 64×32 pixels demands [1, 32, classes] there` + demands:                    func(s *models.HeadSpec) { s.Outputs[0], s.Outputs[1] = s.Outputs[1], s.Outputs[0] },
		`nanodet: outputs[5] "dis_32" has shape [1 2]: an input of 64×32 pixels demands [1, 2, 4 · bins] there` + demands:                      func(s *models.HeadSpec) { s.Outputs[5].Shape = []int64{1, 2} },
		`nanodet: outputs[4] "dis_16" has shape [1 8 30]: an input of 64×32 pixels demands [1, 8, 4 · bins] there` + demands:                   func(s *models.HeadSpec) { s.Outputs[4].Shape = []int64{1, 8, 30} },
		`nanodet: outputs[3] "cls_8" has shape [1 32 3]: an input of 64×32 pixels demands [1, 32, 4 · bins] there` + demands:                   func(s *models.HeadSpec) { s.Outputs[0], s.Outputs[3] = s.Outputs[3], s.Outputs[0] },
		`nanodet: label index 3: output "cls_8" has only 3 classes`:                                                                            func(s *models.HeadSpec) { s.Classes = append(s.Classes, "bus") },
		`nanodet: outputs[2] "cls_32" has shape [1 2 0]: an input of 64×32 pixels demands [1, 2, classes] there` + demands:                     func(s *models.HeadSpec) { s.Outputs[2].Shape = []int64{1, 2, 0} },
	} {
		s := small()
		change(&s)
		if strings.Contains(want, `"cls_8" has shape [1 32 3]`) {
			s.Classes = s.Classes[:3]
		}
		if _, err := New(s); err == nil || err.Error() != want {
			t.Errorf("got %v\nwant %s", err, want)
		}
	}
}

// An open batch axis and another number of bins are no hindrance.
func TestOtherShapes(t *testing.T) {
	s := small()
	for i := range s.Outputs {
		s.Outputs[i].Shape[0] = -1
		if i >= 3 {
			s.Outputs[i].Shape[2] = 4 * 17
		}
	}
	h := head(t, s)
	var outs []models.Output
	for _, o := range s.Outputs {
		outs = append(outs, models.Output{Data: make([]float32, o.Shape[1]*o.Shape[2])})
	}
	outs[0].Data[9*3] = 0.9
	outs[3].Data[9*4*17+16] = 100 // left: 16 strides, the others the middle of 17 bins, 8
	dets := h.Decode(outs, models.Geometry{PictureW: 6400, PictureH: 3200, ScaleX: 1, ScaleY: 1, OffsetX: -3200, OffsetY: -1600}, nil)
	if len(dets) != 1 {
		t.Fatal(dets)
	}
	if w := dets[0].Box.X1*6400 - dets[0].Box.X0*6400; math.Abs(float64(w)-24*8) > 0.01 {
		t.Errorf("%v pixels wide", w)
	}
}

// FuzzDecode: whatever a model puts out.
func FuzzDecode(f *testing.F) {
	inf := float32(math.Inf(1))
	broken := output(three...)
	for i := range broken {
		copy(broken[i].Data, []float32{inf, -inf, 90, -90, 2, inf, inf, 1, float32(math.NaN())})
	}
	modelstest.FuzzHead(f, head(f, small()), 0.1, output(), output(three...), broken)
}

// BenchmarkDecode: a 416×416 input of 80 classes with 60 boxes above the threshold.
func BenchmarkDecode(b *testing.B) {
	s := small()
	s.Width, s.Height = 416, 416
	s.Classes = nil
	for range 80 {
		s.Classes = append(s.Classes, "thing")
	}
	var outs []models.Output
	for i := range s.Outputs {
		n := int64([]int{2704, 676, 169}[i%3])
		last := int64(80)
		if i >= 3 {
			last = 4 * bins
		}
		s.Outputs[i].Shape = []int64{1, n, last}
		outs = append(outs, models.Output{Data: make([]float32, n*last)})
	}
	for i := range 60 {
		outs[0].Data[i*45*80+i] = 0.2 + float32(i)/100
	}
	h := head(b, s)
	dst := make([]bongsu.Detection, 0, 300)
	b.ReportAllocs()
	for b.Loop() {
		h.Decode(outs, whole, dst)
	}
}
