package rules

import (
	"testing"
	"time"

	"bongsu"
)

// TestResumeOfEveryKind: what a lost worker left open goes on in the next one well within the ten
// seconds for which its event waits, whatever the kind's dwell is.
func TestResumeOfEveryKind(t *testing.T) {
	person, bag := at{id: 1, x: 0.5, y: 0.7}, bagAt(1, 0.5, 0.7)
	for kind, c := range map[bongsu.EventKind]struct {
		thing func(s *scene) []at
		class bongsu.Class
	}{
		bongsu.KindIntrusion:      {func(*scene) []at { return []at{person} }, bongsu.ClassPerson},
		bongsu.KindClosedArea:     {func(*scene) []at { return []at{person} }, bongsu.ClassPerson},
		bongsu.KindLoitering:      {func(*scene) []at { return []at{person} }, bongsu.ClassPerson},
		bongsu.KindStoppedVehicle: {func(*scene) []at { return []at{car(1, 0.5, 0.7)} }, bongsu.ClassCar},
		bongsu.KindAbandonment:    {func(*scene) []at { return []at{bag} }, bongsu.ClassBag},
		bongsu.KindFall:           {func(*scene) []at { d := lying(1, 0.5, 0.7); d.class = bongsu.ClassFallenPerson; return []at{d} }, bongsu.ClassPerson},
		bongsu.KindFire:           {func(s *scene) []at { return []at{flame(s, 0.5, 0.7, 0.1)} }, bongsu.ClassFire},
	} {
		r := Rule{ID: "r", Kind: kind}
		if kindOf(kind).zone == needed {
			r.Zone = square
		}
		s := newScene(t, r)
		open := bongsu.Event{Rule: "r", Kind: kind, Zone: r.Zone, Class: c.class, Start: s.start.Add(-time.Minute), Box: c.thing(s)[0].track().Box}
		s.set.Resume(s.start, []bongsu.Event{open})
		s.now = 2 * time.Second
		for s.now < 11*time.Second {
			s.picture(c.thing(s)...)
		}
		if len(s.fired) == 0 || s.fired[0].Phase != bongsu.FiringBegin {
			t.Errorf("%s: %v", kind, s.log)
			continue
		}
		if f := s.fired[0]; f.At.Sub(s.start) > 8*time.Second || !f.Since.Equal(open.Start) {
			t.Errorf("%s goes on at %s since %s", kind, f.At.Sub(s.start), f.Since)
		}
	}
}
