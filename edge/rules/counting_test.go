package rules

import (
	"math"
	"testing"
	"time"

	"bongsu"
)

func counting() Rule {
	return Rule{ID: "count", Kind: bongsu.KindLineCounting, Line: []bongsu.Point{{X: 0.5, Y: 0.2}, {X: 0.5, Y: 0.9}}, Period: time.Minute}
}

// cross sends somebody over the line within a second and a half.
func cross(s *scene, id bongsu.TrackID, right bool, class bongsu.Class) {
	from, to := at{id: id, x: 0.6, y: 0.5, class: class}, at{x: 0.4, y: 0.5}
	if right {
		from.x, to.x = to.x, from.x
	}
	s.walk(s.now.Seconds()+1.5, from, to)
}

func TestLineCounting(t *testing.T) {
	s := newScene(t, counting())
	for i := range 5 {
		cross(s, bongsu.TrackID(i+1), false, bongsu.ClassPerson)
	}
	cross(s, 10, true, bongsu.ClassPerson)
	cross(s, 11, true, bongsu.ClassCar)
	s.stand(130)
	if len(s.fired) != 2 {
		t.Fatalf("%v", s.log)
	}
	f := s.fired[0]
	checkWhy(t, s, f)
	if f.Phase != bongsu.FiringPulse || f.Since != s.start || f.At != s.start.Add(time.Minute) || f.Track.Class != bongsu.ClassPerson || f.Track.Box != (bongsu.Box{X0: 0.5, Y0: 0.2, X1: 0.5, Y1: 0.9}) {
		t.Errorf("%+v", f)
	}
	for name, want := range map[string]float64{"count_left-to-right": 5, "count_right-to-left": 2, "count_left-to-right_person": 5,
		"count_right-to-left_person": 1, "count_right-to-left_car": 1, "period_s": 60, "watched_s": 60} {
		found := false
		for _, r := range f.Reasons {
			if r.Name == name {
				found = true
				if math.Abs(r.Value-want) > 0.2 {
					t.Errorf("%s is %g, want %g", name, r.Value, want)
				}
			}
		}
		if !found {
			t.Errorf("no %s in %+v", name, f.Reasons)
		}
	}
	near(t, s.fired[1].Reasons, "count_left-to-right", 0, 0) // nothing is told as well
}

// TestCountingPeriods: periods begin at local midnight, and the day after summer time began as well.
func TestCountingPeriods(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Skip("no time zones on this machine: ", err)
	}
	for _, c := range []struct {
		at     string
		period time.Duration
		want   string
	}{
		{"2026-03-01T09:07:00+01:00", 15 * time.Minute, "2026-03-01T09:15:00+01:00"},
		{"2026-03-01T09:15:00+01:00", 15 * time.Minute, "2026-03-01T09:30:00+01:00"},
		{"2026-03-01T23:50:00+01:00", 7 * time.Hour, "2026-03-02T00:00:00+01:00"},
		{"2026-03-01T01:00:00+01:00", 100 * time.Hour, "2026-03-02T00:00:00+01:00"},
		{"2026-03-29T23:30:00+02:00", time.Hour, "2026-03-30T00:00:00+02:00"},
		{"2026-10-25T23:30:00+01:00", time.Hour, "2026-10-26T00:00:00+01:00"},
	} {
		at, _ := time.Parse(time.RFC3339, c.at)
		want, _ := time.Parse(time.RFC3339, c.want)
		if got := endOfPeriod(at, c.period, paris); !got.Equal(want) {
			t.Errorf("%s, %s: %s, want %s", c.at, c.period, got, want)
		}
	}
}

func TestCountingLosesNothingWhileBlind(t *testing.T) {
	s := newScene(t, counting())
	cross(s, 1, false, "")
	s.step = time.Second
	for s.now < 100*time.Second {
		s.tainted()
	}
	s.step = 100 * time.Millisecond
	s.stand(121)
	if len(s.fired) != 2 {
		t.Fatalf("%v", s.log)
	}
	near(t, s.fired[0].Reasons, "count_left-to-right", 1, 0)
	for _, r := range s.fired[0].Reasons {
		if r.Name == "watched_s" && r.Value > 3 {
			t.Errorf("%g s were watched", r.Value)
		}
	}
}
