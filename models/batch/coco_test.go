package batch_test

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bongsu"
	"bongsu/models/batch"
)

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

// score is what one threshold gives over all pictures.
type score struct {
	from       float32
	tp, fp, fn int
}

func (s *score) recall() float64    { return float64(s.tp) / float64(s.tp+s.fn) }
func (s *score) precision() float64 { return float64(s.tp) / float64(s.tp+s.fp) }

// TestPeopleOfCOCO goes the whole way from planes to detections, on 50 real pictures.
func TestPeopleOfCOCO(t *testing.T) {
	data := dataFolder(t)
	needRuntime(t)
	images, err := filepath.Glob(filepath.Join(data, "gt", "coco", "images", "*.jpg"))
	if err != nil || len(images) == 0 {
		t.Fatalf("no images: %v", err)
	}
	frames, truth := make([]*bongsu.Frame, len(images)), make([][]bongsu.Box, len(images))
	for i, path := range images {
		frames[i] = photo(t, path)
		truth[i] = people(t, filepath.Join(data, "gt", "coco", "labels_person_kpts", strings.TrimSuffix(filepath.Base(path), ".jpg")+".txt"))
	}
	for _, c := range []struct {
		file              string
		at                float32 // where the floors hold
		recall, precision float64
	}{
		{"yolox_nano_416.onnx", 0.35, 0.67, 0.67},
		{"light_person_detector.onnx", 0.35, 0.42, 0.66},
		{"nanodet_m_416.onnx", 0.35, 0.69, 0.61},
	} {
		t.Run(c.file, func(t *testing.T) {
			d := detector(t, run(t, batch.OpenOptions{Model: add(t, filepath.Join(data, "models", c.file)), Threads: 2}), "coco")
			for _, s := range measure(t, d, frames, truth) {
				t.Logf("score %.2f: recall %.3f, precision %.3f of %d labelled people", s.from, s.recall(), s.precision(), s.tp+s.fn)
				// Small people and crowds are not labelled: the true precision is higher.
				if s.from == c.at && (s.recall() < c.recall || s.precision() < c.precision) {
					t.Errorf("score %.2f: recall %.3f and precision %.3f: the model or its input is not what it was", s.from, s.recall(), s.precision())
				}
			}
		})
	}
}

// measure gives recall and precision at several thresholds in one pass over the pictures.
func measure(t *testing.T, d *batch.Detector, frames []*bongsu.Frame, truth [][]bongsu.Box) []score {
	scores := []score{{from: 0.1}, {from: 0.2}, {from: 0.3}, {from: 0.35}, {from: 0.4}, {from: 0.45}, {from: 0.5}, {from: 0.6}}
	for i, f := range frames {
		dets, err := d.Detect(t.Context(), f, nil)
		if err != nil {
			t.Fatal(err)
		}
		for j := range scores {
			s := &scores[j]
			tp, fp, fn := match(dets, truth[i], s.from)
			s.tp, s.fp, s.fn = s.tp+tp, s.fp+fp, s.fn+fn
		}
	}
	return scores
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
