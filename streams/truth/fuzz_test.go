package truth

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// FuzzAnswer feeds hostile answers: what is accepted keeps its promises and survives being written.
func FuzzAnswer(f *testing.F) {
	var b bytes.Buffer
	if err := sampleAnswer().Write(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.String())
	f.Add(example)
	f.Add(oneAlarm("9999:59:59"))
	lines, _ := manyAlarms(3)
	f.Add(strings.Join(lines, "\r\n"))
	for _, c := range clipRefusals {
		f.Add(c.in)
	}
	f.Fuzz(func(t *testing.T, in string) {
		a, err := ReadAnswer(strings.NewReader(in))
		if err != nil {
			var fe *FormatError
			if !errors.As(err, &fe) || fe.Message == "" || !utf8.ValidString(fe.Path) {
				t.Fatalf("not a *FormatError with a sentence: %v", err)
			}
			return
		}
		for i, al := range a.Alarms {
			if al.Category == "" || al.Start < 0 || al.Duration < 0 || al.Start%time.Second != 0 {
				t.Fatalf("alarm %d was accepted: %+v", i, al)
			}
		}
		var out bytes.Buffer
		if err := a.Write(&out); err != nil {
			t.Fatal(err)
		}
		again, err := ReadAnswer(&out)
		if err != nil || !reflect.DeepEqual(again.Alarms, a.Alarms) {
			t.Fatalf("read %+v, then %+v, %v", a, again, err)
		}
	})
}

// FuzzForms turns what was read as JSON into MOT and COCO and reads those back.
func FuzzForms(f *testing.F) {
	var b bytes.Buffer
	if err := sampleSequence().WriteJSON(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.String())
	const head = `{"width_px":64,"height_px":36,"fps":5}` + "\n" + `{"index":0,"objects":[`
	for _, c := range frameRefusals {
		f.Add(head + c.in + "]}")
	}
	f.Add(head + `{"id":9999999,"class":"kite","box":{"x0":0.1,"y0":1,"x1":0.1,"y1":1},"visibility":1e-30}]}`)
	f.Fuzz(func(t *testing.T, in string) {
		s, err := ReadJSON(strings.NewReader(in))
		if err != nil {
			var fe *FormatError
			if !errors.As(err, &fe) {
				t.Fatalf("not a *FormatError: %v", err)
			}
			return
		}
		checkMOT(t, s)
		checkCOCO(t, s)
	})
}

func checkMOT(t *testing.T, s *Sequence) {
	t.Helper()
	var b bytes.Buffer
	if err := s.WriteMOT(&b); err != nil {
		t.Fatal(err)
	}
	rows, err := ReadMOT(&b)
	if err != nil {
		t.Fatalf("what was written as MOT is refused: %v", err)
	}
	i := 0
	for _, fr := range s.Frames {
		for _, o := range fr.Objects {
			if i >= len(rows) || rows[i].Frame != fr.Index+1 || rows[i].ID != o.ID || math.Abs(rows[i].Visibility-float64(o.Visibility)) > 0.001 {
				t.Fatalf("row %d of %d is not %+v", i, len(rows), o)
			}
			i++
		}
	}
	if i != len(rows) {
		t.Fatalf("%d objects became %d rows", i, len(rows))
	}
}

func checkCOCO(t *testing.T, s *Sequence) {
	t.Helper()
	c := &COCO{}
	c.Add(s)
	var b bytes.Buffer
	if err := c.Write(&b); err != nil {
		t.Fatal(err)
	}
	var file cocoFile
	if err := json.Unmarshal(b.Bytes(), &file); err != nil {
		t.Fatalf("what was written as COCO is no JSON: %v", err)
	}
	if len(file.Images) != len(s.Frames) {
		t.Fatalf("%d frames became %d images", len(s.Frames), len(file.Images))
	}
	known := map[int]bool{}
	for _, k := range file.Categories {
		known[k.ID] = true
	}
	for _, a := range file.Annotations {
		right, low := a.BBox[0]+a.BBox[2], a.BBox[1]+a.BBox[3]
		if !known[a.Category] || a.Image < 1 || a.Image > len(file.Images) || a.BBox[0] < 0 || a.BBox[1] < 0 || right > float64(s.WidthPX)+0.02 || low > float64(s.HeightPX)+0.02 {
			t.Fatalf("annotation %+v in a picture of %d×%d", a, s.WidthPX, s.HeightPX)
		}
	}
}
