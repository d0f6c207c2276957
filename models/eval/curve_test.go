package eval

import (
	"encoding/xml"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"bongsu"
)

func everything(bongsu.Class) bool { return true }

// near compares to a millionth: the published figures have no more digits.
func near(a, b float64) bool { return math.Abs(a-b) < 1e-6 }

// The worked example of R. Padilla et al., "A Comparative Analysis of Object Detection Metrics
// with a Companion Open-Source Toolkit", Electronics 2021, and of its program's documents: 24
// boxes, 15 things, found at an IoU of 0.3; average precision over all points 24.57 %.
func TestPublishedCurve(t *testing.T) {
	c := Curve{Truths: 15}
	for _, v := range []struct {
		percent float32
		hit     bool
	}{{95, true}, {95, false}, {91, true}, {88, false}, {84, false}, {80, false}, {78, false}, {74, false}, {71, false}, {70, true}, {67, false}, {62, true},
		{54, true}, {48, true}, {45, false}, {45, false}, {44, false}, {44, false}, {43, false}, {38, false}, {35, false}, {23, false}, {18, true}, {14, false}} {
		c.verdicts = append(c.verdicts, verdict{v.percent / 100, v.hit})
	}
	tied := c
	// Three scores stand there twice; the example takes its boxes one by one as listed.
	c.verdicts = slices.Clone(c.verdicts)
	for i := range c.verdicts {
		c.verdicts[i].score -= float32(i) * 1e-5
	}
	if got := c.AP(); math.Abs(got-0.2456866804) > 1e-9 {
		t.Errorf("average precision %v, published is 0.2456866804", got)
	}
	if p := c.AtPrecision(0.4); !near(p.Recall, 6./15) || !near(p.Precision, 6./14) || math.Abs(p.Score-0.48) > 1e-3 {
		t.Errorf("at precision 0.4: %+v", p)
	}
	// The two at 0.95 cannot be told apart: no score gives precision 1.
	if p := tied.AtPrecision(1); p != (Point{}) {
		t.Errorf("at precision 1: %+v", p)
	}
	if p := tied.AtScore(0.7); !near(p.Recall, 0.2) || !near(p.Precision, 0.3) {
		t.Errorf("from 0.7: %+v", p)
	}
}

// px is a box in pixels of a picture of 640×360.
func px(x, y, w, h float64) bongsu.Box { return pixels(x, y, x+w, y+h, 640, 360) }

func person(b bongsu.Box) Truth { return Truth{Class: "person", Box: b, Visibility: 1} }

func seen(class bongsu.Class, score float32, b bongsu.Box) bongsu.Detection {
	return bongsu.Detection{Class: class, Score: score, Box: b}
}

func TestByHand(t *testing.T) {
	a, b := px(100, 100, 40, 100), px(300, 100, 40, 100)
	small := Truth{Class: "person", Box: px(500, 100, 8, 23), Visibility: 1}
	hidden := Truth{Class: "person", Box: px(500, 100, 40, 100), Visibility: 0.49}
	down := Truth{Class: "fallen-person", Box: px(500, 200, 100, 40), Visibility: 1}
	dim := Truth{Class: "fallen-person", Box: px(500, 200, 100, 40), Visibility: 0.3}
	hard := Truth{Class: "person", Box: px(500, 100, 40, 100), Visibility: 1, Difficult: true}
	for name, c := range map[string]struct {
		truths []Truth
		found  []bongsu.Detection
		things int
		ap     float64
		wrong  int
		blind  bool // the detector has no word for the fallen
	}{
		"nothing there, nothing seen": {},
		"both found":                  {truths: []Truth{person(a), person(b)}, found: []bongsu.Detection{seen("person", 0.9, a), seen("person", 0.8, b)}, things: 2, ap: 1},
		"one found":                   {truths: []Truth{person(a), person(b)}, found: []bongsu.Detection{seen("person", 0.9, a)}, things: 2, ap: 0.5},
		"one twice":                   {truths: []Truth{person(a), person(b)}, found: []bongsu.Detection{seen("person", 0.9, a), seen("person", 0.8, a), seen("person", 0.7, b)}, things: 2, ap: 0.5 + 0.5*2/3, wrong: 1},
		"a better wrong one":          {truths: []Truth{person(a)}, found: []bongsu.Detection{seen("person", 0.9, b), seen("person", 0.8, a)}, things: 1, ap: 0.5, wrong: 1},
		"another class":               {truths: []Truth{person(a)}, found: []bongsu.Detection{seen("car", 0.9, a)}, things: 1},
		"half of it":                  {truths: []Truth{person(a)}, found: []bongsu.Detection{seen("person", 0.9, px(100, 100, 40, 50))}, things: 1, ap: 1},
		"less than half of it":        {truths: []Truth{person(a)}, found: []bongsu.Detection{seen("person", 0.9, px(100, 100, 40, 49))}, things: 1, wrong: 1},
		"too small, found":            {truths: []Truth{person(a), small}, found: []bongsu.Detection{seen("person", 0.9, small.Box), seen("person", 0.8, a)}, things: 1, ap: 1},
		"too small, missed":           {truths: []Truth{person(a), small}, found: []bongsu.Detection{seen("person", 0.8, a)}, things: 1, ap: 1},
		"small and nobody":            {truths: []Truth{person(a)}, found: []bongsu.Detection{seen("person", 0.9, small.Box), seen("person", 0.8, a)}, things: 1, ap: 0.5, wrong: 1},
		"hidden, a half seen":         {truths: []Truth{person(a), hidden}, found: []bongsu.Detection{seen("person", 0.9, px(500, 100, 40, 50)), seen("person", 0.8, a)}, things: 1, ap: 1},
		"beside the hidden":           {truths: []Truth{person(a), hidden}, found: []bongsu.Detection{seen("person", 0.9, px(521, 100, 40, 100)), seen("person", 0.8, a)}, things: 1, ap: 0.5, wrong: 1},
		"called hard":                 {truths: []Truth{person(a), hard}, found: []bongsu.Detection{seen("person", 0.9, hard.Box), seen("person", 0.8, a)}, things: 1, ap: 1},
		"who lies does not stand":     {truths: []Truth{person(a), down}, found: []bongsu.Detection{seen("person", 0.9, down.Box), seen("person", 0.8, a)}, things: 1, ap: 0.5, wrong: 1},
		"who lies, hardly to be seen": {truths: []Truth{person(a), dim}, found: []bongsu.Detection{seen("person", 0.9, dim.Box), seen("person", 0.8, a)}, things: 1, ap: 1},
		"no word for who lies":        {truths: []Truth{person(a), down}, found: []bongsu.Detection{seen("person", 0.9, down.Box), seen("person", 0.8, a)}, things: 1, ap: 1, blind: true},
		"nobody there":                {found: []bongsu.Detection{seen("person", 0.9, a)}, wrong: 1},
	} {
		q := question{classes: []bongsu.Class{"person"}, least: 24, limits: DefaultLimits, known: func(k bongsu.Class) bool { return !c.blind || k == "person" }}
		got := q.ask([]Result{{Picture: &Picture{Width: 640, Height: 360, Truths: c.truths}, Found: c.found}})
		wrong := 0
		for _, v := range got.verdicts {
			if !v.hit {
				wrong++
			}
		}
		if got.Truths != c.things || !near(got.AP(), c.ap) || wrong != c.wrong {
			t.Errorf("%s: %d things, average precision %v, %d wrong; want %d, %v, %d", name, got.Truths, got.AP(), wrong, c.things, c.ap, c.wrong)
		}
	}
}

// Against the definition: the area under the highest precision at this recall or a greater one.
func TestAPAgainstTheDefinition(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	for range 200 { // no two scores alike
		c := Curve{Truths: 1 + r.IntN(30)}
		hits := 0
		for i := range r.IntN(60) {
			hit := r.IntN(2) == 0 && hits < c.Truths
			if hit {
				hits++
			}
			c.verdicts = append(c.verdicts, verdict{1 - float32(i)/100, hit})
		}
		var sum float64
		for k := range hits { // between k and k+1 of the things found
			best, n := 0.0, 0
			for i, v := range c.verdicts {
				if v.hit {
					n++
				}
				if n > k {
					best = max(best, float64(n)/float64(i+1))
				}
			}
			sum += best / float64(c.Truths)
		}
		if !near(sum, c.AP()) {
			t.Fatalf("%v, by the definition %v", c.AP(), sum)
		}
	}
}

// TestSampleOfPadilla: the sample detections of the toolkit named above, 98 files of them, and
// what an evaluator that shares no code with this one (podm 0.4) makes of each class.
func TestSampleOfPadilla(t *testing.T) {
	data := os.Getenv("BONGSU_DATA")
	if data == "" {
		t.Skip("needs BONGSU_DATA, the folder of real data")
	}
	dir := filepath.Join(data, "gt", "voc")
	names, err := os.ReadFile(filepath.Join(dir, "voc.names"))
	if err != nil {
		t.Fatal(err)
	}
	classes := strings.Fields(string(names))
	files, err := filepath.Glob(filepath.Join(dir, vocFolder, "*.xml"))
	if err != nil || len(files) != 100 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	var results []Result
	for _, f := range files {
		results = append(results, sampleOf(t, dir, strings.TrimSuffix(filepath.Base(f), ".xml"), classes))
	}
	for class, want := range map[string]struct {
		things int
		ap     float64
	}{
		"aeroplane": {15, 0.844193}, "bicycle": {14, 0.835165}, "bird": {6, 0.473545}, "boat": {11, 0.409091}, "bottle": {13, 0.531705},
		"bus": {6, 0.928571}, "car": {14, 0.177541}, "cat": {5, 1}, "chair": {15, 0.244608}, "cow": {14, 0.787589}, "diningtable": {7, 0.395604},
		"dog": {8, 0.517308}, "horse": {7, 0.836735}, "motorbike": {5, 0.266667}, "person": {91, 0.384350}, "pottedplant": {7, 0.678571},
		"sheep": {10, 0.6}, "sofa": {10, 0.754545}, "train": {6, 0.75}, "tvmonitor": {9, 0.802469},
	} {
		q := question{classes: []bongsu.Class{bongsu.Class(class)}, limits: Limits{IoU: 0.5}, known: everything}
		if c := q.ask(results); c.Truths != want.things || !near(c.AP(), want.ap) {
			t.Errorf("%s: %d things, average precision %.6f; want %d, %.6f", class, c.Truths, c.AP(), want.things, want.ap)
		}
	}
}

// sampleOf reads one picture with the boxes as they stand in the files.
func sampleOf(t *testing.T, dir, name string, classes []string) Result {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, vocFolder, name+".xml"))
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Objects []struct {
			Name string  `xml:"name"`
			X0   float64 `xml:"bndbox>xmin"`
			Y0   float64 `xml:"bndbox>ymin"`
			X1   float64 `xml:"bndbox>xmax"`
			Y1   float64 `xml:"bndbox>ymax"`
		} `xml:"object"`
	}
	if err := xml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	r := Result{Picture: &Picture{Name: name}}
	for _, o := range doc.Objects {
		r.Picture.Truths = append(r.Picture.Truths, Truth{Class: bongsu.Class(o.Name), Visibility: 1, Box: pixels(o.X0, o.Y0, o.X1, o.Y1, 512, 512)})
	}
	boxes, err := os.ReadFile(filepath.Join(dir, "dets", "abs_xyx2y2", name+".txt"))
	if err != nil {
		return r // nothing was found
	}
	for line := range strings.Lines(string(boxes)) {
		var v [6]float64
		for i, w := range strings.Fields(line) {
			if v[i], err = strconv.ParseFloat(w, 64); err != nil {
				t.Fatal(err)
			}
		}
		r.Found = append(r.Found, seen(bongsu.Class(classes[int(v[0])]), float32(v[1]), pixels(v[2], v[3], v[4], v[5], 512, 512)))
	}
	return r
}

func TestTiesAreOneStep(t *testing.T) {
	c := Curve{Truths: 4, verdicts: []verdict{{0.9, true}, {0.8, true}, {0.8, false}, {0.8, true}, {0.7, false}}}
	var got []Point
	c.points(func(p Point) { got = append(got, p) })
	want := []float64{0.25, 0.75, 0.75}
	if len(got) != 3 || !slices.EqualFunc(got, want, func(p Point, r float64) bool { return near(p.Recall, r) }) || !near(got[1].Precision, 0.75) {
		t.Errorf("%+v", got)
	}
	if p := (Curve{}).AtPrecision(0.9); p != (Point{}) {
		t.Errorf("of nothing: %+v", p)
	}
}
