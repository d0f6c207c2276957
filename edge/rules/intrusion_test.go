package rules

import (
	"testing"

	"bongsu"
)

func TestIntrusionTable(t *testing.T) {
	flat := []bongsu.Point{{X: 0.3, Y: 0.6}, {X: 0.7, Y: 0.6}, {X: 0.7, Y: 0.66}, {X: 0.3, Y: 0.66}}
	path := []bongsu.Point{{X: 0.4, Y: 0.3}, {X: 0.5, Y: 0.3}, {X: 0.5, Y: 0.9}, {X: 0.4, Y: 0.9}}
	all := []bongsu.Point{{X: 0, Y: 0}, {X: 1, Y: 0}, {X: 1, Y: 1}, {X: 0, Y: 1}}
	tell(t, Rule{ID: "yard", Kind: bongsu.KindIntrusion, Zone: square}, Options{},
		tale{name: "walks in and stays", play: func(s *scene) {
			s.walk(4, at{id: 1, x: 0.1, y: 0.7}, at{x: 0.5, y: 0.7})
			s.stand(10, at{id: 1, x: 0.5, y: 0.7})
			s.stand(22)
		}, want: []string{"yard 1 begin 2.5", "yard 1 end 9.9"}},
		tale{name: "passes before the zone with the head in it", play: func(s *scene) {
			s.walk(6, at{id: 1, x: 0.1, y: 0.97}, at{x: 0.9, y: 0.97})
		}, quiet: true}, // the foot is 0.07 from the zone, noise of 0.006 never brings it in; see the next one
		tale{name: "passes well before the zone", play: func(s *scene) {
			s.walk(6, at{id: 1, x: 0.1, y: 0.98, h: 0.2, w: 0.05}, at{x: 0.9, y: 0.98})
		}},
		tale{name: "a zone too flat to hold a body", rule: func(r *Rule) { r.Zone = flat }, play: func(s *scene) {
			s.stand(6, at{id: 1, x: 0.5, y: 0.63})
		}, want: []string{"yard 1 begin 2.4"}, quiet: true},
		tale{name: "a touch of its edge", play: func(s *scene) {
			s.stand(0.6, at{id: 1, x: 0.31, y: 0.7})
			s.stand(6, at{id: 1, x: 0.2, y: 0.7})
		}},
		tale{name: "on a path that is left out", rule: func(r *Rule) { r.Exclude = [][]bongsu.Point{path} }, play: func(s *scene) {
			s.stand(6, at{id: 1, x: 0.45, y: 0.7})
		}},
		tale{name: "leaves the path", rule: func(r *Rule) { r.Exclude = [][]bongsu.Point{path} }, play: func(s *scene) {
			s.stand(3, at{id: 1, x: 0.45, y: 0.7})
			s.stand(8, at{id: 1, x: 0.6, y: 0.7})
		}, want: []string{"yard 1 begin 3.4"}},
		tale{name: "an animal", play: func(s *scene) { s.stand(6, at{id: 1, x: 0.5, y: 0.7, class: bongsu.ClassAnimal}) }},
		tale{name: "an arm that hangs in from above", rule: func(r *Rule) { r.Zone = all }, play: func(s *scene) {
			s.stand(6, at{id: 1, x: 0.4, y: 0.5, h: 0.5, w: 0.3})
		}, quiet: true},
		tale{name: "too near to be seen whole", rule: func(r *Rule) { r.Zone = all }, play: func(s *scene) {
			s.stand(6, at{id: 1, x: 0.4, y: 0.95, h: 0.95, w: 0.4})
		}, want: []string{"yard 1 begin 0.4"}, quiet: true},
		tale{name: "comes in over the upper edge", rule: func(r *Rule) { r.Zone = all }, play: func(s *scene) {
			s.walk(4, at{id: 1, x: 0.4, y: 0.02, h: 0.2, w: 0.06}, at{x: 0.4, y: 0.42})
		}, want: []string{"yard 1 begin 2.4"}, quiet: true},
		tale{name: "outside of its hours", rule: func(r *Rule) { r.Schedule = []bongsu.Span{{Days: 127, From: 20 * 60, To: 6 * 60}} }, play: func(s *scene) {
			s.stand(6, at{id: 1, x: 0.5, y: 0.7})
		}},
		tale{name: "the same person twice", play: func(s *scene) {
			s.stand(4, at{id: 1, x: 0.5, y: 0.7})
			s.stand(10, at{id: 1, x: 0.1, y: 0.7})
			s.stand(15, at{id: 1, x: 0.5, y: 0.7})
			s.stand(27)
		}, want: []string{"yard 1 begin 0.4", "yard 1 end 3.9", "yard 2 begin 10.4", "yard 2 end 14.9"}},
	)
}

// TestTooFarOff: with a ground plane, things of too few pixels a metre are not judged.
func TestTooFarOff(t *testing.T) {
	ground, err := bongsu.GroundFromCamera(5, 25, 0, 70, 16.0/9)
	if err != nil {
		t.Fatal(err)
	}
	per, _ := ground.PerMetre(bongsu.Point{X: 0.5, Y: 0.7})
	whole := []bongsu.Point{{X: 0, Y: 0.3}, {X: 1, Y: 0.3}, {X: 1, Y: 1}, {X: 0, Y: 1}}
	for least, fires := range map[float64]bool{per * 360 * 0.98: true, per * 360 * 1.02: false} {
		s := newSceneWith(t, Options{Ground: ground, Rules: []Rule{{ID: "yard", Kind: bongsu.KindIntrusion, Zone: whole, MinPXPerM: float32(least)}}})
		s.stand(5, at{id: 1, x: 0.5, y: 0.7})
		if (len(s.fired) > 0) != fires {
			t.Errorf("%.1f px/m asked for, %.1f are there: %v", least, per*360, s.log)
		}
	}
	_, err = New(Options{Rules: []Rule{{ID: "yard", Kind: bongsu.KindIntrusion, Zone: whole, MinPXPerM: 20}}})
	if want := "rule yard: min_px_per_m needs a ground plane: calibrate the camera first (bongsu-edge camera calibrate, or in the browser's zone editor)"; err == nil || err.Error() != want {
		t.Errorf("%v", err)
	}
}

// TestStayIsNotATrack: two people who swap places, and whose numbers the tracker swaps, are two stays
// as before.
func TestStayIsNotATrack(t *testing.T) {
	for name, ids := range map[string][2]bongsu.TrackID{"the numbers stay": {1, 2}, "the numbers are swapped": {2, 1}, "both get new ones": {7, 8}} {
		s := newScene(t, Rule{ID: "bench", Kind: bongsu.KindLoitering, Zone: square})
		s.stand(6, at{id: 1, x: 0.4, y: 0.7}, at{id: 2, x: 0.6, y: 0.7})
		for i := range 20 { // they pass each other; for half a second one hides the other
			p := float32(i) / 20
			a, b := at{id: 1, x: 0.4 + 0.2*p, y: 0.7}, at{id: 2, x: 0.6 - 0.2*p, y: 0.68}
			if i >= 8 && i < 13 {
				b.state = bongsu.TrackLost
			}
			if i >= 13 {
				a.id, b.id = ids[0], ids[1]
			}
			s.picture(a, b)
		}
		s.stand(25, at{id: ids[0], x: 0.6, y: 0.7}, at{id: ids[1], x: 0.4, y: 0.68})
		s.stand(37)
		s.want("bench 1 begin 10.0", "bench 2 begin 10.0", "bench 1 end 24.9", "bench 2 end 24.9")
		if t.Failed() {
			t.Fatal(name)
		}
	}
}
