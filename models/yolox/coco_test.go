package yolox_test

import (
	"bufio"
	"fmt"
	"image"
	_ "image/jpeg"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bongsu"
	"bongsu/models"
	"bongsu/models/catalog"
	"bongsu/models/ort"
)

// runtime loads ONNX Runtime or skips the test.
func runtime(t testing.TB) {
	t.Helper()
	lib, err := ort.Locate("")
	if err == nil {
		err = ort.Load(lib)
	}
	if bongsu.CodeOf(err) == bongsu.CodeNoCgo || bongsu.CodeOf(err) == bongsu.CodeUnavailable {
		t.Skipf("needs ONNX Runtime: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// dataFolder gives BONGSU_DATA or skips the test.
func dataFolder(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("BONGSU_DATA")
	if dir == "" {
		t.Skip("needs BONGSU_DATA, the folder of real data")
	}
	return dir
}

// letterbox writes img into a w×h BGR planar tensor, top left, bilinear, padded with 114. It
// is a second, slow implementation beside models/tensor.
func letterbox(img image.Image, w, h int, dst []byte) models.Geometry {
	b := img.Bounds()
	r := min(float64(w)/float64(b.Dx()), float64(h)/float64(b.Dy()))
	sw, sh := int(float64(b.Dx())*r), int(float64(b.Dy())*r)
	for i := range dst {
		dst[i] = 114
	}
	at := func(x, y, c int) float64 {
		x, y = min(max(x, 0), b.Dx()-1), min(max(y, 0), b.Dy()-1)
		cr, cg, cb, _ := img.At(b.Min.X+x, b.Min.Y+y).RGBA()
		return float64([3]uint32{cb, cg, cr}[c] >> 8)
	}
	for y := range sh {
		fy := (float64(y)+0.5)/r - 0.5
		y0 := int(fy)
		for x := range sw {
			fx := (float64(x)+0.5)/r - 0.5
			x0 := int(fx)
			ax, ay := fx-float64(x0), fy-float64(y0)
			for c := range 3 {
				top := at(x0, y0, c)*(1-ax) + at(x0+1, y0, c)*ax
				bottom := at(x0, y0+1, c)*(1-ax) + at(x0+1, y0+1, c)*ax
				dst[c*w*h+y*w+x] = byte(top*(1-ay) + bottom*ay + 0.5)
			}
		}
	}
	return models.Geometry{PictureW: b.Dx(), PictureH: b.Dy(), ScaleX: float32(r), ScaleY: float32(r)}
}

// people reads the boxes of a YOLO-pose label file.
func people(t *testing.T, path string) []bongsu.Box {
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
		var cx, cy, w, h float32
		if _, err := fmt.Sscan(sc.Text(), &class, &cx, &cy, &w, &h); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		boxes = append(boxes, bongsu.Box{X0: cx - w/2, Y0: cy - h/2, X1: cx + w/2, Y1: cy + h/2})
	}
	return boxes
}

func TestCOCOPeople(t *testing.T) {
	data := dataFolder(t)
	runtime(t)
	cat := catalog.Open(catalog.Options{Dir: t.TempDir(), Try: ort.Try, Tool: "test"})
	m, err := cat.Add(t.Context(), filepath.Join(data, "models", "yolox_nano_416.onnx"), "")
	if err != nil {
		t.Fatal(err)
	}
	spec := m.Manifest.HeadSpec()
	s, err := ort.NewSession(ort.Options{Path: m.Path(), Outputs: spec.Outputs, Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	in, _ := s.NewInput(1)
	outs, _ := s.NewOutputs(1)
	bind, err := s.Bind(in, 1, outs)
	if err != nil {
		t.Fatal(err)
	}
	head, err := catalog.NewHead(m.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	images, err := filepath.Glob(filepath.Join(data, "gt", "coco", "images", "*.jpg"))
	if err != nil || len(images) == 0 {
		t.Fatalf("no images: %v", err)
	}
	// One pass over the pictures serves every threshold.
	scores := []float32{0.1, 0.2, 0.3, 0.35, 0.4, 0.5}
	counts := make([][3]int, len(scores))
	for _, path := range images {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		img, _, err := image.Decode(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		g := letterbox(img, spec.Width, spec.Height, in)
		if err := bind.Run(); err != nil {
			t.Fatal(err)
		}
		dets := head.Decode(outs.Picture(0), g, nil)
		label := filepath.Join(data, "gt", "coco", "labels_person_kpts", strings.TrimSuffix(filepath.Base(path), ".jpg")+".txt")
		truth := people(t, label)
		for i, score := range scores {
			tp, fp, fn := match(dets, truth, score)
			counts[i][0], counts[i][1], counts[i][2] = counts[i][0]+tp, counts[i][1]+fp, counts[i][2]+fn
		}
	}
	for i, score := range scores {
		tp, fp, fn := float64(counts[i][0]), float64(counts[i][1]), float64(counts[i][2])
		recall, precision := tp/(tp+fn), tp/(tp+fp)
		t.Logf("score %.2f: recall %.3f, precision %.3f over %.0f labelled people", score, recall, precision, tp+fn)
		// Small people and crowds are not labelled, so the true precision is higher.
		if score == 0.35 && (recall < 0.66 || precision < 0.66) {
			t.Errorf("score %.2f: recall %.3f and precision %.3f: the model or its input is not what it was", score, recall, precision)
		}
	}
}

// match counts hits, false alarms and misses among people, at an overlap of 0.5.
func match(dets []bongsu.Detection, truth []bongsu.Box, score float32) (tp, fp, fn int) {
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
			fp++
			continue
		}
		used[at] = true
		tp++
	}
	return tp, fp, len(truth) - tp
}
