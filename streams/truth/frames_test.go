package truth

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"bongsu"
)

func sampleSequence() *Sequence {
	return &Sequence{Name: "yard", Seed: 7, WidthPX: 640, HeightPX: 360, FPS: 15, DurationUS: 133333,
		Frames: []Frame{
			{Index: 0, PTSUS: 0, Objects: []Object{
				{ID: 1, Actor: "a", Class: bongsu.ClassPerson, State: StateWalking, Box: bongsu.Box{X0: 0.25, Y0: 0.25, X1: 0.5, Y1: 0.75}, Seen: bongsu.Box{X0: 0.25, Y0: 0.25, X1: 0.5, Y1: 0.5}, Visibility: 0.5},
				{ID: 2, Actor: "b", Class: bongsu.ClassCar, Kind: "van", State: StateParked, Box: bongsu.Box{X0: 0, Y0: 0, X1: 0.125, Y1: 0.5}, Visibility: 1, Truncated: true},
			}},
			{Index: 1, PTSUS: 66666, Objects: []Object{{ID: 1, Actor: "a", Class: bongsu.ClassPerson, State: StateFallen, Box: bongsu.Box{X0: 0.5, Y0: 0.5, X1: 1, Y1: 1}, Visibility: 1}}},
		},
		Events: []Event{{Kind: "fall", Category: Falldown, StartUS: 66666, EndUS: 133333, Objects: []int{1}}},
	}
}

func TestJSONRoundTrip(t *testing.T) {
	s := sampleSequence()
	var a, b bytes.Buffer
	if err := errors.Join(s.WriteJSON(&a), s.WriteJSON(&b)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Error("the same sequence gave different bytes")
	}
	got, err := ReadJSON(&a)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, s) {
		t.Errorf("read %+v\nwrote %+v", got, s)
	}
	if e := &s.Events[0]; e.Start().Microseconds() != e.StartUS || e.End() != s.Duration() {
		t.Error("times of the event")
	}
}

var jsonRefusals = map[string]struct{ in, want string }{
	"empty":       {"", "the file is empty"},
	"no JSON":     {"{", "line 1, column 1: not readable as JSON: unexpected end of JSON input"},
	"type":        {`{"fps":"x"}`, "line 1, column 10: fps: not readable as JSON: json: cannot unmarshal string into Go struct field Sequence.fps of type int"},
	"size":        {`{"width_px":0,"height_px":1,"fps":1}`, "line 1: width_px, height_px and fps must be at least 1, duration_us at least 0"},
	"frames":      {`{"width_px":1,"height_px":1,"fps":1,"frames":[{"index":0}]}`, "line 1: frames: frames stand on lines of their own"},
	"order":       {`{"width_px":1,"height_px":1,"fps":1}` + "\n" + `{"index":1}`, "line 2: index: the frame has number 1, 0 was expected"},
	"box":         {`{"width_px":1,"height_px":1,"fps":1}` + "\n" + `{"index":0,"objects":[{"box":{"x0":2}}]}`, "line 2: objects[0]: the box does not lie in the picture (0..1)"},
	"frame error": {`{"width_px":1,"height_px":1,"fps":1}` + "\n" + `[`, "line 2, column 1: not readable as JSON: unexpected end of JSON input"},
}

func TestJSONRefusals(t *testing.T) {
	for name, c := range jsonRefusals {
		t.Run(name, func(t *testing.T) {
			_, err := ReadJSON(strings.NewReader(c.in))
			if err == nil || err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
	cause := errors.New("the disk is gone")
	if _, err := ReadJSON(iotest.ErrReader(cause)); !errors.Is(err, cause) {
		t.Errorf("the reader's error is lost: %v", err)
	}
}

func FuzzJSON(f *testing.F) {
	var b bytes.Buffer
	if err := sampleSequence().WriteJSON(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.String())
	for _, c := range jsonRefusals {
		f.Add(c.in)
	}
	f.Fuzz(func(t *testing.T, in string) {
		s, err := ReadJSON(strings.NewReader(in))
		if err != nil {
			return
		}
		coco := &COCO{}
		coco.Add(s)
		if err := errors.Join(s.WriteMOT(io.Discard), coco.Write(io.Discard)); err != nil {
			t.Fatal(err)
		}
	})
}

func TestMOT(t *testing.T) {
	var b bytes.Buffer
	if err := sampleSequence().WriteMOT(&b); err != nil {
		t.Fatal(err)
	}
	want := "1,1,161,91,160,180,1,1,0.5\n1,2,1,1,80,180,1,3,1\n2,1,321,181,320,180,1,1,1\n"
	if b.String() != want {
		t.Errorf("wrote\n%swant\n%s", b.String(), want)
	}
	rows, err := ReadMOT(strings.NewReader(want))
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 3 || rows[1] != (MOTRow{Frame: 1, ID: 2, Left: 0, Top: 0, W: 80, H: 180, Conf: 1, Class: 3, Visibility: 1}) {
		t.Errorf("read %+v", rows)
	}
	var again bytes.Buffer
	if err := WriteMOT(&again, rows); err != nil || again.String() != want {
		t.Errorf("%v\n%s", err, again.String())
	}
}

func TestMOTDetections(t *testing.T) {
	rows, err := ReadMOT(strings.NewReader("\n3,-1,10.5,20,30,40,0.87,-1,-1,-1\n\n4,-1,1,1,2,2,-0.5\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []MOTRow{{Frame: 3, ID: -1, Left: 9.5, Top: 19, W: 30, H: 40, Conf: 0.87, Class: -1, Visibility: -1}, {Frame: 4, ID: -1, W: 2, H: 2, Conf: -0.5, Class: -1, Visibility: -1}}
	if !reflect.DeepEqual(rows, want) {
		t.Errorf("got %+v", rows)
	}
}

var motRefusals = map[string]struct{ in, want string }{
	"short":      {"1,2,3", "line 1: the row has 3 columns; 7 to 10 are read, separated by commas"},
	"word":       {"1,1,1,1,1,1,1\n1,x,3,4,5,6,7", `line 2, column 2: id: "x" is no number that fits here`},
	"NaN":        {"1,1,NaN,4,5,6,7", `line 1, column 3: bb_left: "NaN" is no number that fits here`},
	"huge":       {"1,1,1e300,4,5,6,7", `line 1, column 3: bb_left: "1e300" is no number that fits here`},
	"frame 0":    {"0,1,3,4,5,6,7", "line 1, column 1: frame: frames are counted from 1, this is 0"},
	"half":       {"1.5,1,3,4,5,6,7", "line 1, column 1: frame: 1.5 must be a whole number"},
	"negative":   {"1,1,3,4,5,-6,7", "line 1, column 6: bb_height: -6 is negative"},
	"class":      {"1,1,3,4,5,6,7,1.5", "line 1, column 8: class: 1.5 must be a whole number"},
	"visibility": {"1,1,3,4,5,6,7,1,2", "line 1, column 9: visibility: 2 is no share: 0 to 1, or -1"},
	"long line":  {strings.Repeat("1", 70000), "line 1: not readable: bufio.Scanner: token too long"},
}

func TestMOTRefusals(t *testing.T) {
	for name, c := range motRefusals {
		t.Run(name, func(t *testing.T) {
			_, err := ReadMOT(strings.NewReader(c.in))
			if err == nil || err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

func FuzzMOT(f *testing.F) {
	f.Add("1,1,161,91,160,180,1,1,0.5\n")
	for name, c := range motRefusals {
		if name != "long line" {
			f.Add(c.in)
		}
	}
	f.Fuzz(func(t *testing.T, in string) {
		rows, err := ReadMOT(strings.NewReader(in))
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := WriteMOT(&b, rows); err != nil {
			t.Fatal(err)
		}
		again, err := ReadMOT(&b)
		if err != nil || len(again) != len(rows) {
			t.Fatalf("%d rows became %d: %v", len(rows), len(again), err)
		}
		for i := range rows {
			if again[i].Frame != rows[i].Frame || again[i].ID != rows[i].ID || math.Abs(again[i].Left-rows[i].Left) > 0.001 {
				t.Fatalf("row %+v became %+v", rows[i], again[i])
			}
		}
	})
}

func TestMOTClasses(t *testing.T) {
	for c := range motClasses {
		if got := ClassOfMOT(MOTClass(c)); got != c {
			t.Errorf("%s became %s", c, got)
		}
	}
	if MOTClass("kite") != motDistractor || ClassOfMOT(motDistractor) != "" || ClassOfMOT(7) != bongsu.ClassPerson {
		t.Error("classes that have no number")
	}
}

func TestCOCO(t *testing.T) {
	c := &COCO{}
	c.Add(sampleSequence())
	c.Add(sampleSequence())
	var b bytes.Buffer
	if err := c.Write(&b); err != nil {
		t.Fatal(err)
	}
	var f cocoFile
	if err := json.Unmarshal(b.Bytes(), &f); err != nil {
		t.Fatal(err)
	}
	if len(f.Images) != 4 || len(f.Annotations) != 6 || f.Images[3].FileName != "yard/000001.jpg" {
		t.Fatalf("%d images, %d annotations, the last image is %+v", len(f.Images), len(f.Annotations), f.Images[len(f.Images)-1])
	}
	names := map[int]string{}
	for _, k := range f.Categories {
		names[k.ID] = k.Name
	}
	first, fallen := f.Annotations[0], f.Annotations[2]
	if first.BBox != [4]float64{160, 90, 160, 180} || first.Area != 160*180 || names[first.Category] != "person" || first.Track != 1 {
		t.Errorf("first annotation %+v", first)
	}
	if names[fallen.Category] != "fallen person" || fallen.Image != 2 {
		t.Errorf("who lies is %q in image %d", names[fallen.Category], fallen.Image)
	}
	ids := map[int]bool{}
	for _, a := range f.Annotations {
		if ids[a.ID] {
			t.Errorf("annotation %d is there twice", a.ID)
		}
		ids[a.ID] = true
	}
}

func TestCOCOChoices(t *testing.T) {
	c := &COCO{Name: func(clip string, i int) string { return clip + "!" }, Class: func(o *Object) string {
		if o.Class == bongsu.ClassCar {
			return ""
		}
		return "thing"
	}}
	c.Add(sampleSequence())
	if len(c.file.Annotations) != 2 || c.file.Images[0].FileName != "yard!" {
		t.Errorf("%+v", c.file)
	}
	var b bytes.Buffer
	if err := (&COCO{}).Write(&b); err != nil || !strings.Contains(b.String(), `"images":[],"annotations":[],"categories":[]`) {
		t.Errorf("an empty file: %v %s", err, b.String())
	}
}

// TestRandomSequences writes and reads random truth in every form and compares.
func TestRandomSequences(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	classes := []bongsu.Class{bongsu.ClassPerson, bongsu.ClassCar, bongsu.ClassBus, bongsu.ClassFire, bongsu.ClassBag}
	for range 50 {
		s := &Sequence{Name: "r", WidthPX: 32 + rng.IntN(2000), HeightPX: 32 + rng.IntN(2000), FPS: 1 + rng.IntN(60), Events: []Event{}}
		for i := range rng.IntN(30) {
			f := Frame{Index: i, PTSUS: int64(i) * 40000, Objects: []Object{}}
			for id := range rng.IntN(6) {
				x0, y0 := rng.Float32(), rng.Float32()
				b := bongsu.Box{X0: x0, Y0: y0, X1: x0 + (1-x0)*rng.Float32(), Y1: y0 + (1-y0)*rng.Float32()}
				f.Objects = append(f.Objects, Object{ID: id + 1, Class: classes[rng.IntN(len(classes))], State: StateMoving, Box: b, Visibility: rng.Float32()})
			}
			s.Frames = append(s.Frames, f)
		}
		checkForms(t, s)
	}
}

func checkForms(t *testing.T, s *Sequence) {
	t.Helper()
	var b, m bytes.Buffer
	if err := errors.Join(s.WriteJSON(&b), s.WriteMOT(&m)); err != nil {
		t.Fatal(err)
	}
	again, err := ReadJSON(&b)
	if err != nil {
		t.Fatal(err)
	}
	if again.Frames == nil {
		again.Frames = s.Frames[:0]
	}
	if len(s.Frames) > 0 && !reflect.DeepEqual(again, s) {
		t.Fatalf("read %+v\nwrote %+v", again, s)
	}
	rows, err := ReadMOT(&m)
	if err != nil {
		t.Fatal(err)
	}
	i := 0
	for _, f := range s.Frames {
		for _, o := range f.Objects {
			r := rows[i]
			i++
			if r.Frame != f.Index+1 || r.ID != o.ID || ClassOfMOT(r.Class) != o.Class || math.Abs(r.W-float64(o.Box.Width())*float64(s.WidthPX)) > 0.001 {
				t.Fatalf("row %+v of %+v", r, o)
			}
		}
	}
	if i != len(rows) {
		t.Fatalf("%d objects became %d rows", i, len(rows))
	}
}
