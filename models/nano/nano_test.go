package nano_test

import (
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"image"
	"image/jpeg"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bongsu"
	"bongsu/models"
	"bongsu/models/batch"
	"bongsu/models/catalog"
	"bongsu/models/modelstest"
	"bongsu/models/nano"
	"bongsu/models/ort"
	"bongsu/models/tensor"
)

var update = flag.Bool("update", false, "write testdata/*.json anew")

var builtIn = catalog.BuiltIn{Manifest: nano.Manifest(), Model: nano.Model()}

func TestFiles(t *testing.T) {
	m, err := builtIn.Parse()
	if err != nil {
		t.Fatal(err)
	}
	const most = 4 << 20
	if n := len(nano.Model()); n > most {
		t.Errorf("the file has %d bytes; the budget is %d", n, most)
	}
	if m.Name != nano.Name || m.Licence != "Apache-2.0" || m.Thresholds.NMS != "alike" {
		t.Errorf("%+v", m)
	}
	want := []bongsu.Class{bongsu.ClassPerson, bongsu.ClassFallenPerson, bongsu.ClassBicycle, bongsu.ClassMotorcycle, bongsu.ClassCar,
		bongsu.ClassLargeVehicle, bongsu.ClassBag, bongsu.ClassFire, bongsu.ClassSmoke, bongsu.ClassAnimal}
	if got := m.HeadSpec().Classes; !slices.Equal(got, want) {
		t.Errorf("classes %v, want %v", got, want)
	}
}

// install puts the model into a folder of its own.
func install(t *testing.T) *catalog.Model {
	t.Helper()
	lib, err := ort.Locate("")
	if err == nil {
		err = ort.Load(lib)
	}
	if err != nil {
		t.Skipf("needs ONNX Runtime: %v", err)
	}
	c := catalog.Open(catalog.Options{Dir: t.TempDir(), Try: ort.Try, Tool: "test", BuiltIn: []catalog.BuiltIn{builtIn}})
	m, err := c.InstallBuiltIn(t.Context(), nano.Name)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// pictures are rendered ones, named for what is in them.
func pictures(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.jpg")
	if err != nil || len(paths) < 2 {
		t.Fatalf("%v, %v", paths, err)
	}
	return paths
}

// read gives a JPEG with halved colours as a frame.
func read(t *testing.T, path string) *bongsu.Frame {
	t.Helper()
	r, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	img, err := jpeg.Decode(r)
	if err != nil {
		t.Fatal(err)
	}
	src, ok := img.(*image.YCbCr)
	if !ok || src.SubsampleRatio != image.YCbCrSubsampleRatio420 {
		t.Fatalf("%s is no JPEG with 4:2:0 colours", path)
	}
	return &bongsu.Frame{Width: src.Rect.Dx(), Height: src.Rect.Dy(), Format: bongsu.FormatI420, Color: bongsu.Color{FullRange: true, Matrix: 6},
		Planes: [3]bongsu.Plane{{Data: src.Y, Stride: src.YStride}, {Data: src.Cb, Stride: src.CStride}, {Data: src.Cr, Stride: src.CStride}}}
}

// detector runs the model until the test ends.
func detector(t *testing.T) *batch.Detector {
	t.Helper()
	b, err := batch.Open(batch.OpenOptions{Model: install(t)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-done
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	d, err := b.Detector("gate")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestSuite(t *testing.T) {
	d := detector(t)
	m, err := builtIn.Parse()
	if err != nil {
		t.Fatal(err)
	}
	modelstest.Detector(t, d, read(t, pictures(t)[0]), m.Thresholds.Low, false)
}

// TestGolden: what the committed file sees in rendered pictures, against what it saw when it
// was committed, and what is there to be seen.
func TestGolden(t *testing.T) {
	d := detector(t)
	for _, path := range pictures(t) {
		got, err := d.Detect(t.Context(), read(t, path), nil)
		if err != nil {
			t.Fatal(err)
		}
		got = slices.DeleteFunc(got, func(d bongsu.Detection) bool { return d.Score < 0.3 })
		golden := path[:len(path)-len(".jpg")] + ".json"
		if *update {
			text, err := json.MarshalIndent(got, "", " ")
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(golden, append(text, '\n'), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		text, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		var want []bongsu.Detection
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		if len(want) == 0 {
			t.Errorf("%s holds nothing", golden)
		}
		compare(t, path, got, want)
	}
}

// compare allows for processors that round otherwise: a box at 0.3 may be on either side.
func compare(t *testing.T, path string, got, want []bongsu.Detection) {
	t.Helper()
	missing := func(from, in []bongsu.Detection, which string) {
		for _, d := range from {
			same := func(o bongsu.Detection) bool {
				return o.Class == d.Class && o.Box.IoU(d.Box) > 0.95 && math.Abs(float64(o.Score-d.Score)) < 0.01
			}
			if d.Score > 0.31 && !slices.ContainsFunc(in, same) {
				t.Errorf("%s: %s %+v", path, which, d)
			}
		}
	}
	missing(want, got, "not seen any more:")
	missing(got, want, "not seen before:")
}

// TestRealTensors decodes what the model puts out and compares with a reference that shares no
// code with the head: each column's best class, then greedy suppression among alike classes.
func TestRealTensors(t *testing.T) {
	m := install(t)
	in, spec := m.Manifest.Input, m.Manifest.HeadSpec()
	const runs = 3
	buffer, err := tensor.NewBuffer(tensor.Spec{Width: in.Width, Height: in.Height, Pad: uint8(in.Pad), Batch: runs, Channels: tensor.Channels(in.Channels), Resize: tensor.Resize(in.Resize)})
	if err != nil {
		t.Fatal(err)
	}
	defer buffer.Close()
	s, err := ort.NewSession(ort.Options{Path: m.Path(), Threads: 2, Outputs: spec.Outputs})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.FixedBatch() {
		t.Error("the batch axis is not open")
	}
	outs, err := s.NewOutputs(runs)
	if err != nil {
		t.Fatal(err)
	}
	run, err := s.Bind(buffer.Bytes(), runs, outs)
	if err != nil {
		t.Fatal(err)
	}
	frames := []*bongsu.Frame{noise(t), read(t, pictures(t)[0]), read(t, pictures(t)[1])}
	var places [runs]models.Geometry
	for i, f := range frames {
		if places[i], err = buffer.Slot(i).Fill(f); err != nil {
			t.Fatal(err)
		}
	}
	if err := run.Run(); err != nil {
		t.Fatal(err)
	}
	h, err := catalog.NewHead(m.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for i := range frames {
		got, want := h.Decode(outs.Picture(i), places[i], nil), reference(spec, outs.Picture(i)[0].Data, places[i])
		if len(got) != len(want) {
			t.Fatalf("picture %d: %d detections, the reference has %d", i, len(got), len(want))
		}
		for j := range got {
			if g, w := got[j], want[j]; g.Class != w.Class || g.Score != w.Score || g.Box.IoU(w.Box) < 0.9999 {
				t.Errorf("picture %d: %+v, the reference has %+v", i, g, w)
			}
		}
		seen += len(got)
	}
	if seen < 2 {
		t.Errorf("only %d detections", seen)
	}
}

// noise is a picture of nothing. Its seed is fixed: by a small chance an overlap comes so near to
// the threshold that float32 and float64 decide differently.
func noise(t *testing.T) *bongsu.Frame {
	const seed = 1
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	f := &bongsu.Frame{Width: 512, Height: 288, Format: bongsu.FormatI420, Color: bongsu.Color{Matrix: 6}}
	for i, w := range []int{512, 256, 256} {
		f.Planes[i] = bongsu.Plane{Data: make([]byte, w*288), Stride: w}
		for j := range f.Planes[i].Data {
			f.Planes[i].Data[j] = byte(r.Uint32())
		}
	}
	return f
}

func reference(s models.HeadSpec, out []float32, g models.Geometry) []bongsu.Detection {
	n := int(s.Outputs[0].Shape[2])
	type column struct {
		x0, y0, x1, y1, score float64
		class                 bongsu.Class
	}
	var all []column
	for a := range n {
		v := func(row int) float64 { return float64(out[row*n+a]) }
		c := column{x0: v(0) - v(2)/2, y0: v(1) - v(3)/2, x1: v(0) + v(2)/2, y1: v(1) + v(3)/2}
		for k, name := range s.Classes {
			if p := v(4 + k); p > c.score {
				c.score, c.class = p, name
			}
		}
		if c.score >= float64(s.Low) {
			all = append(all, c)
		}
	}
	slices.SortStableFunc(all, func(a, b column) int { return cmp.Compare(b.score, a.score) })
	var kept []column
	var dets []bongsu.Detection
	for _, c := range all[:min(len(all), 1000)] {
		if slices.ContainsFunc(kept, func(k column) bool {
			w, h := math.Min(c.x1, k.x1)-math.Max(c.x0, k.x0), math.Min(c.y1, k.y1)-math.Max(c.y0, k.y0)
			in := math.Max(w, 0) * math.Max(h, 0)
			return k.class.Alike(c.class) && in/((c.x1-c.x0)*(c.y1-c.y0)+(k.x1-k.x0)*(k.y1-k.y0)-in) > float64(s.IoU)
		}) {
			continue
		}
		if box := g.Unmap(float32(c.x0), float32(c.y0), float32(c.x1), float32(c.y1)); box.Area() > 0 && len(kept) < 300 {
			kept = append(kept, c)
			dets = append(dets, bongsu.Detection{Box: box, Class: c.class, Score: float32(c.score)})
		}
	}
	return dets
}

// TestCard: the card speaks of the file that is there.
func TestCard(t *testing.T) {
	card, err := os.ReadFile("CARD.md")
	if err != nil {
		t.Fatal(err)
	}
	m, err := builtIn.Parse()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{m.SHA256, "version " + m.Version, fmt.Sprintf("%s %s (%.12s) on ", m.Name, m.Version, m.SHA256)} {
		if !strings.Contains(string(card), want) {
			t.Errorf("%q is not in CARD.md: WRITE=1 models/train/card.sh writes it anew", want)
		}
	}
}
