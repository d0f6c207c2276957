package rules

import (
	"math"
	"testing"

	"bongsu"
)

// brawl moves two people about each other as those do who fight.
func brawl(s *scene, until float64) {
	for s.now.Seconds() < until {
		v := s.now.Seconds()
		a := at{id: 1, x: 0.48 + 0.02*float32(math.Sin(9*v)), y: 0.7, w: 0.06 + 0.02*float32(math.Sin(13*v)), h: 0.2 + 0.02*float32(math.Sin(7*v))}
		b := at{id: 2, x: 0.53 + 0.02*float32(math.Sin(8*v+1)), y: 0.7, w: 0.06 + 0.02*float32(math.Cos(11*v)), h: 0.2 + 0.02*float32(math.Cos(9*v))}
		s.picture(a, b)
	}
}

func TestFight(t *testing.T) {
	tell(t, Rule{ID: "fight", Kind: bongsu.KindFight}, Options{},
		tale{name: "two fight", play: func(s *scene) {
			s.stand(3, at{id: 1, x: 0.48, y: 0.7}, at{id: 2, x: 0.53, y: 0.7})
			brawl(s, 15)
			s.stand(30, at{id: 1, x: 0.3, y: 0.7}, at{id: 2, x: 0.7, y: 0.7})
		}, want: []string{"fight 1 begin 6.1", "fight 1 end 14.9"}, late: 2.5},
		tale{name: "two talk", play: func(s *scene) { s.stand(30, at{id: 1, x: 0.48, y: 0.7}, at{id: 2, x: 0.53, y: 0.7}) }, quiet: true},
		tale{name: "two run side by side", play: func(s *scene) {
			for i := range 50 {
				x := 0.1 + 0.016*float32(i)
				s.picture(at{id: 1, x: x, y: 0.7}, at{id: 2, x: x + 0.04, y: 0.72})
			}
		}, quiet: true},
		tale{name: "one alone", play: func(s *scene) {
			for s.now.Seconds() < 20 {
				s.picture(at{id: 1, x: 0.48 + 0.03*float32(math.Sin(9*s.now.Seconds())), y: 0.7})
			}
		}},
		tale{name: "two far apart", play: func(s *scene) {
			for s.now.Seconds() < 20 {
				d := 0.03 * float32(math.Sin(9*s.now.Seconds()))
				s.picture(at{id: 1, x: 0.3 + d, y: 0.7}, at{id: 2, x: 0.7 + d, y: 0.7})
			}
		}},
	)
}
