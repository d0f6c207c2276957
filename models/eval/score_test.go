package eval

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"bongsu"
)

// shelf is a Source of pictures without planes.
type shelf struct {
	classes  []bongsu.Class
	pictures []Picture
}

func (s *shelf) Classes() []bongsu.Class { return s.classes }
func (s *shelf) Len() int                { return len(s.pictures) }
func (s *shelf) Close() error            { return nil }
func (s *shelf) Read(i int) (*Picture, *bongsu.Frame, error) {
	if s.pictures[i].Name == "torn" {
		return nil, nil, errors.New("torn")
	}
	return &s.pictures[i], &bongsu.Frame{Seq: uint64(i)}, nil
}

// seer sees what it is told to see in picture Seq, and takes its time on a false clock.
type seer struct {
	name  string
	sees  map[uint64][]bongsu.Detection
	clock *time.Duration
	takes time.Duration
	looks int
}

func (s *seer) Model() bongsu.ModelRef {
	return bongsu.ModelRef{Name: s.name, Version: "1", SHA256: strings.Repeat("a", 64)}
}

func (s *seer) Detect(ctx context.Context, f *bongsu.Frame, dst []bongsu.Detection) ([]bongsu.Detection, error) {
	if err := ctx.Err(); err != nil {
		return dst, err
	}
	s.looks++
	*s.clock += s.takes
	return append(dst, s.sees[f.Seq]...), nil
}

// street is forty pictures: a person in each, lying in the second half; every fourth with a bus.
func street() *shelf {
	s := &shelf{classes: []bongsu.Class{"person", "fallen-person", "large-vehicle", "fire"}}
	for i := range 40 {
		p := Picture{Time: "noon", Weather: "clear", Width: 640, Height: 360, Truths: []Truth{person(px(100, 100, 30, 60))}}
		if i%2 == 1 {
			p.Time = "night"
		}
		if i >= 20 {
			p.Truths[0] = Truth{Class: "fallen-person", Box: px(100, 200, 100, 40), Visibility: 1}
		}
		if i%4 == 0 {
			p.Truths = append(p.Truths, Truth{Class: "large-vehicle", Box: px(300, 100, 200, 120), Visibility: 1})
		}
		s.pictures = append(s.pictures, p)
	}
	return s
}

func TestScore(t *testing.T) {
	src := street()
	var clock time.Duration
	own := &seer{name: "own", clock: &clock, takes: 4 * time.Millisecond, sees: map[uint64][]bongsu.Detection{}}
	public := &seer{name: "public", clock: &clock, takes: 9 * time.Millisecond, sees: map[uint64][]bongsu.Detection{}}
	for i := range src.pictures {
		for _, tr := range src.pictures[i].Truths {
			own.sees[uint64(i)] = append(own.sees[uint64(i)], seen(tr.Class, 0.9, tr.Box))
			if tr.Class != "large-vehicle" {
				tr.Class = "person" // it has no other word for who lies
			} else {
				tr.Class = "bus"
			}
			if i%4 != 3 {
				public.sees[uint64(i)] = append(public.sees[uint64(i)], seen(tr.Class, 0.8, tr.Box), seen("zebra", 0.7, tr.Box))
			}
		}
	}
	calls := 0
	reports, err := Score(t.Context(), src, []Candidate{
		{Detector: own, Knows: []bongsu.Class{"person", "fallen-person", "large-vehicle"}},
		{Detector: public, Knows: []bongsu.Class{"person", "bus", "truck", "zebra"}},
	}, Options{Progress: func(done, all int) {
		if calls++; done != calls || all != 40 {
			t.Errorf("%d of %d", done, all)
		}
	}, Now: func() time.Time { return time.Unix(0, int64(clock)) }, CPU: func() time.Duration { return clock / 2 }})
	if err != nil || calls != 40 {
		t.Fatal(err, calls)
	}
	type row struct {
		things     int
		ap, recall float64
	}
	for i, want := range []map[string]row{
		{"person": {20, 1, 1}, "fallen-person": {20, 1, 1}, "large-vehicle": {10, 1, 1}, AnyPerson: {40, 1, 1}},
		{"person": {20, 0.75, 0.75}, "large-vehicle": {10, 1, 1}, AnyPerson: {40, 0.75, 0.75}},
	} {
		got := map[string]row{}
		for _, c := range reports[i].Classes {
			got[c.Class] = row{c.Things, c.AP50, c.At90.Recall}
		}
		if len(got) != len(want) {
			t.Errorf("%+v", got)
		}
		for k, w := range want {
			if g := got[k]; g.things != w.things || !near(g.ap, w.ap) || !near(g.recall, w.recall) {
				t.Errorf("%s: %s %+v, want %+v", reports[i].Model, k, g, w)
			}
		}
	}
	if a, b := reports[0].Time, reports[1].Time; a.Median != 4*time.Millisecond || a.CPU != 2*time.Millisecond || b.P90 != 9*time.Millisecond {
		t.Errorf("%+v, %+v", a, b)
	}
	if !near(reports[0].MAP50, 1) || !near(reports[1].MAP50, 0.875) {
		t.Errorf("means %v, %v", reports[0].MAP50, reports[1].MAP50)
	}
	checkConditions(t, reports[0])
	checkPrint(t, reports)
}

func checkConditions(t *testing.T, r Report) {
	t.Helper()
	var got []string
	for _, c := range r.Conditions {
		got = append(got, c.Condition+" "+c.Value)
		if c.Value == "noon" && (c.Pictures != 20 || c.find("person").Things != 10 || c.find("large-vehicle").Things != 10 || c.judged() != 0) {
			t.Errorf("%+v", c) // twenty people, but too few in each posture
		}
		// The bus alone is larger than 96 rows, who lies is lower than 48.
		if c.Value == "from 96 px" && (c.find("person").Things != 0 || c.find("large-vehicle").Things != 10) {
			t.Errorf("%+v", c)
		}
		if c.Value == "under 48 px" && (c.find("fallen-person").Things != 20 || c.find("fallen-person").AP50 != 1 || c.MAP50 != 1) {
			t.Errorf("%+v", c)
		}
	}
	if want := []string{"time night", "time noon", "weather clear", "size under 48 px", "size 48 to 96 px", "size from 96 px"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func checkPrint(t *testing.T, reports []Report) {
	t.Helper()
	var b bytes.Buffer
	if err := reports[0].Write(&b); err != nil {
		t.Fatal(err)
	}
	if err := WriteBeside(&b, &reports[0], &reports[1]); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"own 1 (aaaaaaaaaaaa) on 40 pictures\n", "large-vehicle", "10 (few)  1.000  1.000", "mean of classes            1.000",
		"time night        20        -          1.000        -", "size under 48 px  40        1.000", "AP50: own  public   recall at precision 0.9: own  public\n", "person                  20        1.000      0.750",
		"one picture  4.00 ms median  4.00 ms nine in ten  2.00 ms of a processor",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in\n%s", want, b.String())
		}
	}
	text, err := json.Marshal(reports[0])
	if err != nil || !strings.Contains(string(text), `"at_precision_90":{"score":0.`) {
		t.Errorf("%s, %v", text, err)
	}
}

func TestScoreEnds(t *testing.T) {
	src := street()
	var clock time.Duration
	s := &seer{name: "own", clock: &clock}
	if r, err := Score(t.Context(), src, []Candidate{{Detector: s, Knows: []bongsu.Class{"person"}}}, Options{Max: 7}); err != nil || s.looks != 7 || r[0].Pictures != 7 || r[0].Find("fire") != (ClassScore{Class: "fire"}) {
		t.Errorf("%v, %d looks", err, s.looks)
	}
	if got := spread(10, 4); !slices.Equal(got, []int{0, 2, 5, 7}) {
		t.Errorf("%v", got)
	}
	src.pictures[3].Name = "torn"
	if _, err := Score(t.Context(), src, nil, Options{}); err == nil || err.Error() != "torn" {
		t.Errorf("%v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Score(ended, src, []Candidate{{Detector: s}}, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestAsked(t *testing.T) {
	ten := []bongsu.Class{"person", "fallen-person", "bicycle", "motorcycle", "car", "large-vehicle", "bag", "fire", "smoke", "animal"}
	voc := []bongsu.Class{"person", "car", "bus", "animal"}
	for _, c := range []struct {
		class   bongsu.Class
		classes []bongsu.Class
		want    bongsu.Class
	}{{"truck", ten, "large-vehicle"}, {"bus", ten, "large-vehicle"}, {"person", ten, "person"}, {"fallen-person", ten, "fallen-person"},
		{"fallen-person", voc, "person"}, {"large-vehicle", voc, "bus"}, {"bus", voc, "bus"}, {"fire", voc, ""}, {"boat", ten, ""}} {
		if got := Asked(c.class, c.classes); got != c.want {
			t.Errorf("%s: %s, want %s", c.class, got, c.want)
		}
	}
}
