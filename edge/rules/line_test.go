package rules

import (
	"testing"

	"bongsu"
)

func TestLineCrossing(t *testing.T) {
	tell(t, Rule{ID: "line", Kind: bongsu.KindLineCrossing, Line: []bongsu.Point{{X: 0.5, Y: 0.2}, {X: 0.5, Y: 0.9}}}, Options{},
		tale{name: "to the left", play: func(s *scene) { s.walk(4, at{id: 1, x: 0.7, y: 0.5}, at{x: 0.3, y: 0.5}) }, want: []string{"line 1 left-to-right 2.0"}},
		tale{name: "to the right", play: func(s *scene) { s.walk(4, at{id: 1, x: 0.3, y: 0.5}, at{x: 0.7, y: 0.5}) }, want: []string{"line 1 right-to-left 2.0"}},
		tale{name: "the other way than asked", rule: func(r *Rule) { r.Direction = bongsu.DirectionLeftToRight }, play: func(s *scene) {
			s.walk(4, at{id: 1, x: 0.3, y: 0.5}, at{x: 0.7, y: 0.5})
		}},
		tale{name: "beside it", play: func(s *scene) { s.walk(4, at{id: 1, x: 0.7, y: 0.1}, at{x: 0.3, y: 0.1}) }},
		tale{name: "up to it and back", play: func(s *scene) {
			s.walk(3, at{id: 1, x: 0.7, y: 0.5}, at{x: 0.52, y: 0.5})
			s.walk(6, at{id: 1, x: 0.52, y: 0.5}, at{x: 0.7, y: 0.5})
		}},
		tale{name: "two, one behind the other", play: func(s *scene) {
			for i := range 60 {
				x := 0.75 - 0.01*float32(i)
				s.picture(at{id: 1, x: x, y: 0.5}, at{id: 2, x: x + 0.12, y: 0.55})
			}
		}, want: []string{"line 1 left-to-right 2.6", "line 2 left-to-right 3.8"}},
		tale{name: "at night only", rule: func(r *Rule) { r.Schedule = []bongsu.Span{{Days: 127, From: 0, To: 60}} }, play: func(s *scene) {
			s.walk(4, at{id: 1, x: 0.7, y: 0.5}, at{x: 0.3, y: 0.5})
		}},
		tale{name: "a dog", play: func(s *scene) {
			s.walk(4, at{id: 1, x: 0.7, y: 0.5, class: bongsu.ClassAnimal}, at{x: 0.3, y: 0.5})
		}},
	)
}
