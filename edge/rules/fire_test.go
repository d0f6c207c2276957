package rules

import (
	"math"
	"testing"
	"time"

	"bongsu"
)

// flame is one that flickers and grows.
func flame(s *scene, x, y, size float32) at {
	f := float32(1 + 0.15*math.Sin(11*s.now.Seconds()) + 0.1*math.Sin(23*s.now.Seconds()))
	return at{id: 1, x: x, y: y, w: size * 0.5, h: size * f, class: bongsu.ClassFire, score: 0.7}
}

func burns(s *scene, until float64, more ...at) {
	for s.now.Seconds() < until {
		s.picture(append([]at{flame(s, 0.5, 0.7, 0.08+0.002*float32(s.now.Seconds()))}, more...)...)
	}
}

func TestFire(t *testing.T) {
	tell(t, Rule{ID: "fire", Kind: bongsu.KindFire}, Options{},
		tale{name: "burns", play: func(s *scene) {
			s.stand(5)
			burns(s, 30)
			s.stand(60)
		}, want: []string{"fire 1 begin 13.5", "fire 1 end 29.9"}},
		tale{name: "is seen in half of the pictures", play: func(s *scene) {
			for i := 0; s.now < 20*time.Second; i++ {
				if i/10%2 == 0 {
					burns(s, s.now.Seconds()+0.05)
				} else {
					s.picture()
				}
			}
		}, want: []string{"fire 1 begin 8.5"}, late: 2},
		tale{name: "flares up for five seconds", play: func(s *scene) { burns(s, 5); s.stand(30) }},
		tale{name: "a lamp", play: func(s *scene) {
			s.stand(40, at{id: 1, x: 0.5, y: 0.3, w: 0.03, h: 0.03, class: bongsu.ClassFire})
		}, quiet: true}, // a box that trembles as noise does is what a flame looks like
		tale{name: "headlights", play: func(s *scene) {
			s.walk(12, at{id: 1, x: 0.1, y: 0.6, w: 0.04, h: 0.03, class: bongsu.ClassFire}, at{x: 0.9, y: 0.7})
		}},
		tale{name: "the sun goes over a window", play: func(s *scene) {
			s.walk(60, at{id: 1, x: 0.5, y: 0.3, w: 0.05, h: 0.05, class: bongsu.ClassFire}, at{x: 0.52, y: 0.3})
		}, quiet: true},
		tale{name: "with its reflection in a window it is one fire", play: func(s *scene) {
			for s.now < 40*time.Second {
				r := flame(s, 0.8, 0.5, 0.05)
				r.id = 2
				s.picture(flame(s, 0.5, 0.7, 0.1+0.002*float32(s.now.Seconds())), r)
			}
		}, want: []string{"fire 1 begin 8.5"}},
		tale{name: "smoke that grows and drifts", play: func(s *scene) {
			for s.now < 20*time.Second {
				v := float32(s.now.Seconds())
				s.picture(at{id: 1, x: 0.5 + 0.004*v, y: 0.7, w: 0.05 + 0.01*v, h: 0.08 + 0.012*v, class: bongsu.ClassSmoke, score: 0.5})
			}
		}, want: []string{"fire 1 begin 8.5"}},
		tale{name: "outside of the zone", rule: func(r *Rule) { r.Zone = []bongsu.Point{{X: 0.8, Y: 0.1}, {X: 1, Y: 0.1}, {X: 1, Y: 0.9}} }, play: func(s *scene) { burns(s, 30) }},
		tale{name: "in a polygon that is left out", rule: func(r *Rule) { r.Exclude = [][]bongsu.Point{square} }, play: func(s *scene) { burns(s, 30) }},
		tale{name: "somebody in red", play: func(s *scene) { s.stand(30, at{id: 1, x: 0.5, y: 0.7}) }},
	)
}
