package nanodet_test

import (
	"image"
	_ "image/jpeg"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"bongsu"
	"bongsu/models"
	"bongsu/models/catalog"
	"bongsu/models/nanodet"
	"bongsu/models/ort"
	"bongsu/models/tensor"
)

// reference decodes as the papers say it, in float64 and without a thought to speed: for each
// point the best class, its four distances as expectations, and greedy suppression across
// classes. It shares no code with the package.
func reference(s models.HeadSpec, outs []models.Output, g models.Geometry) []bongsu.Detection {
	type box struct {
		x0, y0, x1, y1, score float64
		class                 bongsu.Class
	}
	var boxes []box
	for l, stride := range []int{8, 16, 32} {
		classes, n := int(s.Outputs[l].Shape[2]), int(s.Outputs[l+3].Shape[2])/4
		for y := range s.Height / stride {
			for x := range s.Width / stride {
				p := y*(s.Width/stride) + x
				b := box{score: -1}
				for c, name := range s.Classes {
					if v := float64(outs[l].Data[p*classes+c]); name != "" && v > b.score {
						b.score, b.class = v, name
					}
				}
				var d [4]float64
				for side := range d {
					var sum float64
					for i := range n {
						sum += math.Exp(float64(outs[l+3].Data[(p*4+side)*n+i]))
					}
					for i := range n {
						d[side] += float64(i) * math.Exp(float64(outs[l+3].Data[(p*4+side)*n+i])) / sum * float64(stride)
					}
				}
				cx, cy := float64(x*stride)+0.5*float64(stride-1), float64(y*stride)+0.5*float64(stride-1)
				b.x0, b.y0, b.x1, b.y1 = cx-d[0], cy-d[1], cx+d[2], cy+d[3]
				if b.score >= float64(s.Low) {
					boxes = append(boxes, b)
				}
			}
		}
	}
	slices.SortStableFunc(boxes, func(a, b box) int {
		if a.score > b.score {
			return -1
		} else if a.score < b.score {
			return 1
		}
		return 0
	})
	var kept []box
	var dets []bongsu.Detection
	for _, b := range boxes {
		if slices.ContainsFunc(kept, func(k box) bool {
			w, h := math.Min(b.x1, k.x1)-math.Max(b.x0, k.x0), math.Min(b.y1, k.y1)-math.Max(b.y0, k.y0)
			in := math.Max(w, 0) * math.Max(h, 0)
			return in/((b.x1-b.x0)*(b.y1-b.y0)+(k.x1-k.x0)*(k.y1-k.y0)-in) > float64(s.IoU)
		}) {
			continue
		}
		in := g.Unmap(float32(b.x0), float32(b.y0), float32(b.x1), float32(b.y1))
		if in.Area() == 0 {
			continue
		}
		kept = append(kept, b)
		dets = append(dets, bongsu.Detection{Box: in, Class: b.class, Score: float32(b.score)})
	}
	return dets
}

// compare gives the largest difference of a side of a box, as a part of the picture, and fails
// when anything else differs.
func compare(t *testing.T, got, want []bongsu.Detection) float64 {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d detections, the reference has %d", len(got), len(want))
	}
	worst := 0.0
	for i, d := range got {
		w := want[i]
		if d.Class != w.Class || d.Score != w.Score {
			t.Errorf("detection %d: %+v, the reference has %+v", i, d, w)
		}
		for _, v := range []float32{d.Box.X0 - w.Box.X0, d.Box.Y0 - w.Box.Y0, d.Box.X1 - w.Box.X1, d.Box.Y1 - w.Box.Y1} {
			worst = max(worst, math.Abs(float64(v)))
		}
	}
	if worst > 1e-4 {
		t.Errorf("boxes differ by %v of the picture", worst)
	}
	return worst
}

// TestMadeUpTensors: outputs of the real model's shapes, drawn by chance as a model's are: few
// points with a score, distributions with one peak.
func TestMadeUpTensors(t *testing.T) {
	// The seed is fixed: by a chance of one in a thousand an overlap comes so near to the
	// threshold that float32 and float64 decide differently.
	const seed = 1
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	s := models.HeadSpec{Width: 160, Height: 96, Classes: []bongsu.Class{"person", "", "car", "truck"}, Low: 0.1, IoU: 0.45}
	for _, last := range []int64{4, 32} {
		for _, stride := range []int64{8, 16, 32} {
			s.Outputs = append(s.Outputs, models.OutputSpec{Name: "o", Shape: []int64{1, 160 / stride * (96 / stride), last}})
		}
	}
	h, err := nanodet.New(s)
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for range 20 {
		var outs []models.Output
		for i, o := range s.Outputs {
			data := make([]float32, o.Shape[1]*o.Shape[2])
			for j := range data {
				if i < 3 {
					data[j] = float32(math.Pow(r.Float64(), 20)) // most scores are next to nothing
				} else {
					data[j] = float32(r.NormFloat64() * 3)
				}
			}
			outs = append(outs, models.Output{Data: data})
		}
		g := models.Geometry{PictureW: 320, PictureH: 180, ScaleX: 0.5, ScaleY: 0.5, OffsetY: 3}
		got := h.Decode(outs, g, nil)
		seen += len(got)
		compare(t, got, reference(s, outs, g))
	}
	if seen < 20 {
		t.Errorf("only %d detections in all", seen)
	}
}

// session runs the real model and gives its raw outputs.
type session struct {
	m      *catalog.Model
	buffer *tensor.Buffer
	outs   *ort.Outputs
	run    *ort.Binding
}

func open(t *testing.T) *session {
	t.Helper()
	data := os.Getenv("BONGSU_DATA")
	if data == "" {
		t.Skip("needs BONGSU_DATA, the folder of real data")
	}
	lib, err := ort.Locate("")
	if err == nil {
		err = ort.Load(lib)
	}
	if err != nil {
		t.Skipf("needs ONNX Runtime: %v", err)
	}
	c := catalog.Open(catalog.Options{Dir: t.TempDir(), Try: ort.Try, Tool: "test"})
	m, err := c.Add(t.Context(), filepath.Join(data, "models", "nanodet_m_416.onnx"), "")
	if err != nil {
		t.Fatal(err)
	}
	in := m.Manifest.Input
	s := &session{m: m}
	if s.buffer, err = tensor.NewBuffer(tensor.Spec{Width: in.Width, Height: in.Height, Pad: uint8(in.Pad), Batch: 1,
		Channels: tensor.Channels(in.Channels), Resize: tensor.Resize(in.Resize)}); err != nil {
		t.Fatal(err)
	}
	os, err := ort.NewSession(ort.Options{Path: m.Path(), Threads: 2, Outputs: m.Manifest.HeadSpec().Outputs})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Close(); err != nil {
			t.Error(err)
		}
		s.buffer.Close()
	})
	if s.outs, err = os.NewOutputs(1); err != nil {
		t.Fatal(err)
	}
	if s.run, err = os.Bind(s.buffer.Bytes(), 1, s.outs); err != nil {
		t.Fatal(err)
	}
	return s
}

// photo reads a JPEG as a frame.
func photo(t *testing.T, path string) *bongsu.Frame {
	t.Helper()
	r, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	img, _, err := image.Decode(r)
	if err != nil {
		t.Fatal(err)
	}
	w, h := img.Bounds().Dx(), img.Bounds().Dy()
	f := &bongsu.Frame{Width: w, Height: h, Format: bongsu.FormatI420, Color: bongsu.Color{FullRange: true, Matrix: 6}}
	cw, ch := (w+1)/2, (h+1)/2
	for i, size := range []int{w * h, cw * ch, cw * ch} {
		f.Planes[i] = bongsu.Plane{Data: make([]byte, size), Stride: []int{w, cw, cw}[i]}
	}
	src, ok := img.(*image.YCbCr)
	if !ok {
		t.Fatalf("%s is not a colour JPEG", path)
	}
	for y := range h {
		for x := range w {
			c := src.YCbCrAt(x, y)
			f.Planes[0].Data[y*w+x] = c.Y
			f.Planes[1].Data[y/2*cw+x/2], f.Planes[2].Data[y/2*cw+x/2] = c.Cb, c.Cr
		}
	}
	return f
}

// TestRealTensors decodes what the real model puts out for real pictures and compares each
// detection with the reference's.
func TestRealTensors(t *testing.T) {
	s := open(t)
	images, err := filepath.Glob(filepath.Join(os.Getenv("BONGSU_DATA"), "gt", "coco", "images", "*.jpg"))
	if err != nil || len(images) == 0 {
		t.Fatalf("no images: %v", err)
	}
	if os.Getenv("BONGSU_LONG") == "" {
		images = images[:min(len(images), 10)]
	}
	h, err := catalog.NewHead(s.m.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	n, worst, top := 0, 0.0, float32(0)
	for _, path := range images {
		g, err := s.buffer.Slot(0).Fill(photo(t, path))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.run.Run(); err != nil {
			t.Fatal(err)
		}
		outs := s.outs.Picture(0)
		for _, o := range outs[:3] {
			top = max(top, slices.Max(o.Data))
			if least := slices.Min(o.Data); least < 0 {
				t.Fatalf("%s holds %v: scores are not between 0 and 1", o.Name, least)
			}
		}
		got := h.Decode(outs, g, nil)
		n += len(got)
		worst = max(worst, compare(t, got, reference(s.m.Manifest.HeadSpec(), outs, g)))
	}
	if n < len(images) || top > 1 {
		t.Errorf("%d detections in %d pictures, best score %v", n, len(images), top)
	}
	t.Logf("%d pictures, %d detections; boxes differ from the reference by at most %.2g of the picture", len(images), n, worst)
}
