package rules

import (
	"testing"
	"time"

	"bongsu"
)

func TestLoiteringTable(t *testing.T) {
	tell(t, Rule{ID: "bench", Kind: bongsu.KindLoitering, Zone: square}, Options{},
		tale{name: "stays", play: func(s *scene) {
			s.stand(20, at{id: 1, x: 0.5, y: 0.7})
			s.stand(32)
		}, want: []string{"bench 1 begin 10.0", "bench 1 end 19.9"}},
		tale{name: "passes", play: func(s *scene) { s.walk(9, at{id: 1, x: 0.2, y: 0.7}, at{x: 0.8, y: 0.7}) }},
		tale{name: "walks to and fro", play: func(s *scene) {
			for i := range 4 {
				from, to := at{id: 1, x: 0.35, y: 0.7}, at{x: 0.65, y: 0.7}
				if i%2 == 1 {
					from.x, to.x = to.x, from.x
				}
				s.walk(float64(i+1)*5, from, to)
			}
		}, want: []string{"bench 1 begin 10.0"}},
		tale{name: "twice for less than the dwell", play: func(s *scene) {
			s.stand(7, at{id: 1, x: 0.5, y: 0.7})
			s.stand(12, at{id: 1, x: 0.15, y: 0.7})
			s.stand(19, at{id: 1, x: 0.5, y: 0.7})
			s.stand(25)
		}},
		tale{name: "three people one after the other", play: func(s *scene) {
			for i := range 3 {
				k, from := bongsu.TrackID(i+1), float64(i)*11
				s.walk(from+2, at{id: k, x: 0.1, y: 0.7}, at{x: 0.5, y: 0.7})
				s.stand(from+5, at{id: k, x: 0.5, y: 0.7})
				s.walk(from+8, at{id: k, x: 0.5, y: 0.7}, at{x: 0.95, y: 0.7})
				s.stand(from + 11)
			}
		}},
		tale{name: "another number every two seconds", play: func(s *scene) {
			for i := 0; s.now < 15*time.Second; i++ {
				s.picture(at{id: bongsu.TrackID(1 + i/20), x: 0.5, y: 0.7})
			}
		}, want: []string{"bench 1 begin 10.0"}},
		tale{name: "a cleaner who stays an hour is one event", play: func(s *scene) {
			s.step = 500 * time.Millisecond
			for i := 0; s.now < time.Hour; i++ {
				s.picture(at{id: bongsu.TrackID(1 + i/200), x: 0.4 + 0.2*abs(float32(i%240)/120-1), y: 0.7})
			}
			s.stand(3620)
		}, want: []string{"bench 1 begin 10.0", "bench 1 end 3599.5"}, quiet: true},
	)
}
