package rules

import (
	"testing"
	"time"

	"bongsu"
)

// bagAt is a bag on the ground; people here are 0.2 high, so that two metres are 0.13 across and 0.12
// along the picture.
func bagAt(id bongsu.TrackID, x, y float32) at {
	return at{id: id, x: x, y: y, w: 0.03, h: 0.04, class: bongsu.ClassBag, score: 0.6}
}

// flickers shows the bag in one picture of so many only.
func flickers(s *scene, bag at, every int) []at {
	if int(s.now/s.step)%every != 0 {
		return nil
	}
	return []at{bag}
}

// goes walks a person away from or to somewhere while a bag lies there.
func goes(s *scene, until float64, from at, to at, others ...at) {
	n := int((until-s.now.Seconds())/s.step.Seconds() + 0.5)
	for i := 1; i <= n; i++ {
		p, part := from, float32(i)/float32(n)
		p.x, p.y = from.x+part*(to.x-from.x), from.y+part*(to.y-from.y)
		s.picture(append([]at{p}, others...)...)
	}
}

func TestAbandonment(t *testing.T) {
	owner := at{id: 1, x: 0.5, y: 0.7}
	bag := bagAt(9, 0.52, 0.7)
	arrives := func(s *scene) {
		s.stand(5)
		goes(s, 8, at{id: 1, x: 0.1, y: 0.7}, owner)
		s.stand(10, owner, bag)
	}
	tell(t, Rule{ID: "bag", Kind: bongsu.KindAbandonment}, Options{},
		tale{name: "the owner walks out of the picture", play: func(s *scene) {
			arrives(s)
			goes(s, 14, owner, at{x: 0.95, y: 0.7}, bag)
			s.stand(40, bag)
			s.stand(60)
		}, want: []string{"bag 1 begin 15.3", "bag 1 end 39.9"}, late: 2},
		tale{name: "the owner stays in sight, far off", play: func(s *scene) {
			arrives(s)
			goes(s, 14, owner, at{x: 0.9, y: 0.7}, bag)
			s.stand(40, at{id: 1, x: 0.9, y: 0.7}, bag)
		}, want: []string{"bag 1 begin 16.5"}, late: 2},
		tale{name: "the owner waits beside it", play: func(s *scene) {
			arrives(s)
			s.stand(60, owner, bag)
		}},
		tale{name: "the owner goes a few steps and comes back", play: func(s *scene) {
			arrives(s)
			goes(s, 12, owner, at{x: 0.7, y: 0.7}, bag)
			goes(s, 14, at{id: 1, x: 0.7, y: 0.7}, owner, bag)
			s.stand(16, owner, bag)
			goes(s, 20, owner, at{x: 0.9, y: 0.7})
		}},
		tale{name: "it was always there", play: func(s *scene) {
			s.stand(20, bag)
			goes(s, 26, at{id: 1, x: 0.1, y: 0.72}, at{x: 0.9, y: 0.72}, bag)
			s.stand(60, bag)
		}},
		tale{name: "it was always there and is seen now and then", play: func(s *scene) {
			for s.now < 80*time.Second {
				x := float32(s.now.Seconds()-20) / 6
				things := []at{}
				if x > 0.05 && x < 0.95 {
					things = append(things, at{id: 1, x: x, y: 0.72})
				}
				if int(s.now.Seconds())%9 < 4 {
					things = append(things, bag)
				}
				s.picture(things...)
			}
		}},
		tale{name: "nobody brought it", play: func(s *scene) {
			s.stand(20)
			s.stand(60, bag)
		}},
		tale{name: "the tracker loses its owner and finds another number there", play: func(s *scene) {
			arrives(s)
			s.stand(11.5, bag)
			s.stand(60, at{id: 5, x: 0.5, y: 0.71}, bag)
		}},
		tale{name: "others pass while the owner is gone", play: func(s *scene) {
			arrives(s)
			goes(s, 13, owner, at{x: 0.95, y: 0.7}, bag)
			goes(s, 19, at{id: 3, x: 0.1, y: 0.75}, at{x: 0.95, y: 0.75}, bag)
			s.stand(30, bag)
		}, want: []string{"bag 1 begin 15.0"}, late: 2},
		tale{name: "put down in a crowd and picked up by its owner", play: func(s *scene) {
			crowd := []at{{id: 11, x: 0.44, y: 0.68}, {id: 12, x: 0.6, y: 0.74}, {id: 13, x: 0.56, y: 0.62}}
			s.stand(5, crowd...)
			goes(s, 8, at{id: 1, x: 0.1, y: 0.7}, owner, crowd...)
			s.stand(14, append(crowd, owner, bag)...)
			goes(s, 16, owner, at{x: 0.6, y: 0.7}, append(crowd, bag)...)
			goes(s, 18, at{id: 1, x: 0.6, y: 0.7}, owner, append(crowd, bag)...)
			goes(s, 24, owner, at{x: 0.95, y: 0.7}, crowd...)
			s.stand(40, crowd...)
		}},
		tale{name: "carried past", play: func(s *scene) {
			s.stand(5)
			for i := range 60 {
				x := 0.1 + 0.014*float32(i)
				s.picture(at{id: 1, x: x, y: 0.7}, bagAt(9, x+0.02, 0.66))
			}
			s.stand(20)
		}},
		tale{name: "taken away before it is sure", play: func(s *scene) {
			arrives(s)
			goes(s, 12, owner, at{x: 0.75, y: 0.7}, bag)
			s.stand(40)
		}},
	)
}

// TestAbandonmentWithAPoorDetector: a bag that is seen in one picture of six is left all the same.
func TestAbandonmentWithAPoorDetector(t *testing.T) {
	s := newScene(t, Rule{ID: "bag", Kind: bongsu.KindAbandonment})
	owner := at{id: 1, x: 0.5, y: 0.7}
	s.stand(5)
	goes(s, 8, at{id: 1, x: 0.1, y: 0.7}, owner)
	for s.now < 10*time.Second {
		s.picture(append(flickers(s, bagAt(9, 0.52, 0.7), 6), owner)...)
	}
	goes(s, 12, owner, at{x: 0.95, y: 0.7})
	for i := 0; s.now < 30*time.Second; i++ {
		s.picture(flickers(s, bagAt(bongsu.TrackID(20+i/30), 0.52, 0.7), 6)...)
	}
	if len(s.fired) == 0 || s.fired[0].Phase != bongsu.FiringBegin || s.fired[0].At.Sub(s.start) > 18*time.Second {
		t.Errorf("%v", s.log)
	}
	checkWhy(t, s, s.fired[0])
}
