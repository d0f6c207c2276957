package worker

import (
	"strings"
	"testing"
	"time"

	"bongsu"
	"bongsu/edge/link"
)

// TestJudgesKnowGroundAndTime: what an assignment says of ground and time zone reaches the rules.
func TestJudgesKnowGroundAndTime(t *testing.T) {
	ground, err := bongsu.GroundFromCamera(10, 90, 0, 90, 16.0/9) // straight down: 20 m wide
	if err != nil {
		t.Fatal(err)
	}
	zone := []bongsu.Point{{X: 0, Y: 0}, {X: 1, Y: 0}, {X: 1, Y: 1}, {X: 0, Y: 1}}
	a := link.Assignment{Camera: "a", Timezone: "Asia/Seoul", Ground: ground, Rules: []link.Rule{
		{ID: "court", Kind: bongsu.KindClosedArea, Zone: zone, Schedule: []bongsu.Span{{Days: 127, From: 0, To: 6 * 60}}, MinPXPerM: 30}}}
	// 18:00 UTC is 03:00 in Seoul. In a picture 640 wide a metre has 32 pixels, in one of 320 it has 16.
	for _, c := range []struct {
		name  string
		zone  string
		at    time.Time
		width int
		fires bool
	}{
		{"at night", "Asia/Seoul", time.Date(2026, 11, 22, 18, 0, 0, 0, time.UTC), 640, true},
		{"by day", "Asia/Seoul", time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC), 640, false},
		{"at night elsewhere", "", time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC), 640, true},
		{"too small to judge", "Asia/Seoul", time.Date(2026, 11, 22, 18, 0, 0, 0, time.UTC), 320, false},
	} {
		a.Timezone = c.zone
		set, whole, err := judgesOf(a)
		if err != nil {
			t.Fatal(err)
		}
		if len(whole) != 1 || whole[0].Confirm == 0 || len(whole[0].Classes) == 0 || a.Rules[0].Confirm != 0 {
			t.Fatalf("%+v of %+v", whole, a.Rules)
		}
		fired := false
		for i := range 100 {
			pts := time.Duration(i) * 100 * time.Millisecond
			p := bongsu.Picture{At: c.at.Add(pts), PTS: pts, Seq: uint64(i), Width: c.width, Height: c.width * 9 / 16}
			track := bongsu.Track{ID: 1, State: bongsu.TrackConfirmed, Class: bongsu.ClassPerson, Score: 0.9, Last: pts, Hits: i + 1,
				Box: bongsu.Box{X0: 0.45, Y0: 0.4, X1: 0.5, Y1: 0.6}}
			fired = fired || len(set.Evaluate(p, []bongsu.Track{track})) > 0
		}
		if fired != c.fires {
			t.Errorf("%s: fires %v", c.name, fired)
		}
	}
}

func TestJudgesRefuse(t *testing.T) {
	for want, a := range map[string]link.Assignment{
		`camera a: "Mars/Olympus" is no time zone`: {Camera: "a", Timezone: "Mars/Olympus"},
		"rule r": {Camera: "a", Rules: []link.Rule{{ID: "r", Kind: "dance"}}},
	} {
		if _, _, err := judgesOf(a); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// TestWatchingTheWholePicture: a rule without zone and line is about every place but those left out.
func TestWatchingTheWholePicture(t *testing.T) {
	rules := []link.Rule{
		{ID: "all", Kind: bongsu.KindFall, Classes: []bongsu.Class{bongsu.ClassPerson}, Exclude: [][]bongsu.Point{{{X: 0, Y: 0}, {X: 0.5, Y: 0}, {X: 0.5, Y: 1}, {X: 0, Y: 1}}}},
		{ID: "line", Kind: bongsu.KindLineCrossing, Classes: []bongsu.Class{bongsu.ClassPerson}, Line: []bongsu.Point{{X: 0.5}, {X: 0.5, Y: 1}}},
	}
	right := bongsu.Track{Class: bongsu.ClassFallenPerson, Box: bongsu.Box{X0: 0.7, X1: 0.8, Y0: 0.5, Y1: 0.6}}
	left := bongsu.Track{Class: bongsu.ClassPerson, Box: bongsu.Box{X0: 0.1, X1: 0.2, Y0: 0.5, Y1: 0.6}}
	if got := watching(&right, rules); len(got) != 1 || got[0] != "all" {
		t.Errorf("%v", got)
	}
	if got := watching(&left, rules); len(got) != 0 {
		t.Errorf("%v", got)
	}
}
