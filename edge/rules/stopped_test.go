package rules

import (
	"testing"
	"time"

	"bongsu"
)

func TestStoppedVehicle(t *testing.T) {
	comes := func(s *scene) { s.walk(3, car(1, 0.1, 0.7), at{x: 0.5, y: 0.7}) }
	tell(t, Rule{ID: "stop", Kind: bongsu.KindStoppedVehicle, Zone: wholeRoad, Dwell: 10 * time.Second}, Options{},
		tale{name: "comes and stays", play: func(s *scene) {
			comes(s)
			s.stand(30, car(1, 0.5, 0.7))
		}, want: []string{"stop 1 begin 12.5"}, late: 2},
		tale{name: "stays and drives on", play: func(s *scene) {
			comes(s)
			s.stand(20, car(1, 0.5, 0.7))
			s.walk(22, car(1, 0.5, 0.7), at{x: 0.9, y: 0.7})
			s.stand(30)
		}, want: []string{"stop 1 begin 12.5", "stop 1 end 19.9"}, late: 2},
		tale{name: "stops for a moment", play: func(s *scene) {
			comes(s)
			s.stand(11, car(1, 0.5, 0.7))
			s.walk(14, car(1, 0.5, 0.7), at{x: 0.9, y: 0.7})
		}},
		tale{name: "was parked there from the beginning", play: func(s *scene) { s.stand(60, car(1, 0.5, 0.7)) }},
		tale{name: "was parked, and is seen now and then only", play: func(s *scene) {
			for s.now < 2*time.Minute {
				s.stand(s.now.Seconds()+4, car(bongsu.TrackID(1+s.now/time.Second), 0.5, 0.7))
				s.stand(s.now.Seconds() + 8)
			}
		}},
		tale{name: "drives slowly", play: func(s *scene) { s.walk(25, car(1, 0.1, 0.7), at{x: 0.9, y: 0.7}) }},
		tale{name: "stops outside", play: func(s *scene) {
			s.walk(3, car(1, 0.1, 0.4), at{x: 0.5, y: 0.4})
			s.stand(30, car(1, 0.5, 0.4))
		}},
		tale{name: "is hidden by another for a moment", play: func(s *scene) {
			comes(s)
			s.stand(8, car(1, 0.5, 0.7))
			s.stand(10, car(2, 0.4, 0.8)) // a bus passes in front
			s.stand(25, car(3, 0.5, 0.7))
		}, want: []string{"stop 1 begin 12.5"}, late: 2.5},
		tale{name: "a person stands there", play: func(s *scene) {
			s.walk(3, at{id: 1, x: 0.1, y: 0.7}, at{x: 0.5, y: 0.7})
			s.stand(40, at{id: 1, x: 0.5, y: 0.7})
		}},
	)
}
