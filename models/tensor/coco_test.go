//go:build cgo

package tensor_test

import (
	"bufio"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bongsu"
	"bongsu/models/catalog"
	"bongsu/models/ort"
	"bongsu/models/tensor"
)

// TestPeopleThroughTensor measures what the scaler leaves of a detector's sight: YOLOX-nano
// on real pictures, people found at an overlap of 0.5. It is what the scaling algorithm was
// chosen by: docs/design/frames.md.
func TestPeopleThroughTensor(t *testing.T) {
	data := os.Getenv("BONGSU_DATA")
	if data == "" {
		t.Skip("needs BONGSU_DATA, the folder of real data")
	}
	images, err := filepath.Glob(filepath.Join(data, "gt", "coco", "images", "*.jpg"))
	if err != nil || len(images) == 0 {
		t.Fatalf("no images: %v", err)
	}
	for _, a := range tensor.Algorithms {
		t.Run(a.Name, func(t *testing.T) {
			if testing.Short() && a.Name != tensor.Algorithms[0].Name {
				t.Skip("the algorithm in use is enough")
			}
			defer tensor.Scale(a.Flag)()
			score(t, data, images, a.Name == tensor.Algorithms[0].Name)
		})
	}
}

func score(t *testing.T, data string, images []string, demand bool) {
	t.Helper()
	see := detector(t, filepath.Join(data, "models", "yolox_nano_416.onnx"))
	scores := []float32{0.1, 0.2, 0.3, 0.35, 0.4, 0.5}
	hits, alarms, misses := make([]float64, len(scores)), make([]float64, len(scores)), make([]float64, len(scores))
	for _, path := range images {
		dets := see(frame(t, path))
		name := strings.TrimSuffix(filepath.Base(path), ".jpg") + ".txt"
		truth := people(t, filepath.Join(data, "gt", "coco", "labels_person_kpts", name))
		for i, score := range scores {
			hit, alarm := match(dets, truth, score)
			hits[i], alarms[i], misses[i] = hits[i]+hit, alarms[i]+alarm, misses[i]+float64(len(truth))-hit
		}
	}
	for i, score := range scores {
		recall, precision := hits[i]/(hits[i]+misses[i]), hits[i]/(hits[i]+alarms[i])
		t.Logf("score %.2f: recall %.2f, precision %.2f of %.0f people", score, recall, precision, hits[i]+misses[i])
		if demand && score == 0.35 && (recall < 0.66 || precision < 0.66) {
			t.Errorf("score %.2f: recall %.2f, precision %.2f", score, recall, precision)
		}
	}
}

// detector gives a function that finds things in a frame by way of a Buffer.
func detector(t *testing.T, path string) func(*bongsu.Frame) []bongsu.Detection {
	t.Helper()
	lib, err := ort.Locate("")
	if err == nil {
		err = ort.Load(lib)
	}
	if bongsu.CodeOf(err) == bongsu.CodeUnavailable {
		t.Skipf("needs ONNX Runtime: %v", err)
	}
	m, err2 := catalog.Open(catalog.Options{Dir: t.TempDir(), Try: ort.Try, Tool: "test"}).Add(t.Context(), path, "")
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	spec := m.Manifest.HeadSpec()
	s, err := ort.NewSession(ort.Options{Path: m.Path(), Outputs: spec.Outputs, Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	b, err := tensor.NewBuffer(tensor.Spec{Width: spec.Width, Height: spec.Height, Channels: tensor.BGR, Pad: 114})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	outs, err := s.NewOutputs(1)
	bind, err2 := s.Bind(b.Bytes(), 1, outs)
	head, err3 := catalog.NewHead(m.Manifest)
	if err := errors.Join(err, err2, err3); err != nil {
		t.Fatal(err)
	}
	return func(f *bongsu.Frame) []bongsu.Detection {
		g, err := b.Slot(0).Fill(f)
		if err := errors.Join(err, bind.Run()); err != nil {
			t.Fatal(err)
		}
		return head.Decode(outs.Picture(0), g, nil)
	}
}

// frame reads a JPEG as I420, its chroma averaged to half the size.
func frame(t *testing.T, path string) *bongsu.Frame {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	img, err := jpeg.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	y, ok := img.(*image.YCbCr)
	if !ok {
		t.Fatalf("%s is not in colour", path)
	}
	w, h := y.Rect.Dx(), y.Rect.Dy()
	cw, ch := (w+1)/2, (h+1)/2
	u, v := make([]byte, cw*ch), make([]byte, cw*ch)
	for j := range ch {
		for i := range cw {
			su, sv := 2, 2
			for k := range 4 {
				at := y.COffset(min(2*i+k%2, w-1), min(2*j+k/2, h-1))
				su, sv = su+int(y.Cb[at]), sv+int(y.Cr[at])
			}
			u[j*cw+i], v[j*cw+i] = byte(su/4), byte(sv/4)
		}
	}
	return &bongsu.Frame{
		Width: w, Height: h, Format: bongsu.FormatI420, Color: bongsu.Color{FullRange: true, Matrix: 6},
		Planes: [3]bongsu.Plane{{Data: y.Y, Stride: y.YStride}, {Data: u, Stride: cw}, {Data: v, Stride: cw}},
	}
}

// people reads the boxes of a YOLO-pose label file; none when there is no file.
func people(t *testing.T, path string) []bongsu.Box {
	t.Helper()
	f, err := os.Open(path)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var boxes []bongsu.Box
	for sc := bufio.NewScanner(f); sc.Scan(); {
		var class int
		var x, y, w, h float32
		if _, err := fmt.Sscan(sc.Text(), &class, &x, &y, &w, &h); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		boxes = append(boxes, bongsu.Box{X0: x - w/2, Y0: y - h/2, X1: x + w/2, Y1: y + h/2})
	}
	return boxes
}

// match counts the people found and the detections without one.
func match(dets []bongsu.Detection, truth []bongsu.Box, score float32) (hits, alarms float64) {
	used := make([]bool, len(truth))
	for _, d := range dets {
		if d.Class != bongsu.ClassPerson || d.Score < score {
			continue
		}
		best, at := float32(0.5), -1
		for i, b := range truth {
			if v := d.Box.IoU(b); !used[i] && v >= best {
				best, at = v, i
			}
		}
		if at < 0 {
			alarms++
			continue
		}
		used[at] = true
		hits++
	}
	return hits, alarms
}
