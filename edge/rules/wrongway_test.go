package rules

import (
	"testing"

	"bongsu"
)

var (
	wholeRoad = []bongsu.Point{{X: 0.05, Y: 0.5}, {X: 0.95, Y: 0.5}, {X: 0.95, Y: 0.95}, {X: 0.05, Y: 0.95}}
	toRight   = []bongsu.Point{{X: 0.3, Y: 0.7}, {X: 0.7, Y: 0.7}}
)

// car is one that stands with its wheels at x, y.
func car(id bongsu.TrackID, x, y float32) at {
	return at{id: id, x: x, y: y, w: 0.2, h: 0.15, class: bongsu.ClassCar}
}

func TestWrongWay(t *testing.T) {
	tell(t, Rule{ID: "way", Kind: bongsu.KindWrongWay, Zone: wholeRoad, Line: toRight}, Options{},
		tale{name: "against the arrow", play: func(s *scene) {
			s.walk(4, car(1, 0.9, 0.7), at{x: 0.1, y: 0.7})
			s.stand(9)
		}, want: []string{"way 1 begin 1.0", "way 1 end 3.9"}},
		tale{name: "along the arrow", play: func(s *scene) { s.walk(4, car(1, 0.1, 0.7), at{x: 0.9, y: 0.7}) }},
		tale{name: "across the road", play: func(s *scene) { s.walk(4, car(1, 0.5, 0.52), at{x: 0.5, y: 0.93}) }},
		tale{name: "stands", play: func(s *scene) { s.stand(30, car(1, 0.5, 0.7)) }},
		tale{name: "stands, and rolls back a little", play: func(s *scene) {
			s.walk(2, car(1, 0.2, 0.7), at{x: 0.6, y: 0.7})
			s.walk(5, car(1, 0.6, 0.7), at{x: 0.54, y: 0.7})
			s.walk(8, car(1, 0.54, 0.7), at{x: 0.9, y: 0.7})
		}},
		tale{name: "turns round in the zone", play: func(s *scene) {
			s.walk(3, car(1, 0.1, 0.7), at{x: 0.7, y: 0.7})
			s.walk(6, car(1, 0.7, 0.75), at{x: 0.2, y: 0.75})
		}, want: []string{"way 1 begin 3.9"}},
		tale{name: "outside of the zone", play: func(s *scene) { s.walk(4, car(1, 0.9, 0.4), at{x: 0.1, y: 0.4}) }},
		tale{name: "a pedestrian", play: func(s *scene) { s.walk(8, at{id: 1, x: 0.9, y: 0.7}, at{x: 0.1, y: 0.7}) }},
		tale{name: "a cyclist on the pavement beside it", play: func(s *scene) {
			s.walk(8, at{id: 1, x: 0.9, y: 0.45, w: 0.06, h: 0.15, class: bongsu.ClassBicycle}, at{x: 0.1, y: 0.45})
		}},
		tale{name: "two at once, one the right way", play: func(s *scene) {
			for i := range 40 {
				p := 0.02 * float32(i)
				s.picture(car(1, 0.1+p, 0.65), car(2, 0.9-p, 0.85))
			}
		}, want: []string{"way 1 begin 1.0"}},
	)
}

// TestWrongWayInMetres: with a ground plane three metres are three metres, near and far.
func TestWrongWayInMetres(t *testing.T) {
	ground, err := bongsu.GroundFromCamera(6, 20, 0, 60, 16.0/9)
	if err != nil {
		t.Fatal(err)
	}
	for _, away := range []float64{12, 30} {
		for metres, fires := range map[float64]bool{2.5: false, 6: true} {
			zone := []bongsu.Point{{X: 0, Y: 0.1}, {X: 1, Y: 0.1}, {X: 1, Y: 1}, {X: 0, Y: 1}}
			s := newSceneWith(t, Options{Ground: ground, Rules: []Rule{{ID: "way", Kind: bongsu.KindWrongWay, Zone: zone, Line: toRight}}})
			from, _ := ground.Picture(2, away)
			to, _ := ground.Picture(2-metres, away)
			a, b := car(1, from.X, from.Y), at{x: to.X, y: to.Y}
			a.w, a.h = 0.05, 0.04
			s.stand(0.5, a)
			s.walk(3, a, b)
			if (len(s.fired) > 0) != fires {
				t.Errorf("%g m against the arrow, %g m away: %v", metres, away, s.log)
			}
		}
	}
}
