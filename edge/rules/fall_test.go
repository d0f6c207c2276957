package rules

import (
	"testing"

	"bongsu"
)

// lying is a person on the ground, seen from the side.
func lying(id bongsu.TrackID, x, y float32) at { return at{id: id, x: x, y: y, w: 0.11, h: 0.06} }

// sinks takes a person down to the ground within so many seconds, as the tracker's boxes do.
func sinks(s *scene, until float64, from, to at) {
	n := int((until-s.now.Seconds())/s.step.Seconds() + 0.5)
	if from.w == 0 {
		from.w, from.h = 0.05, 0.2
	}
	for i := 1; i <= n; i++ {
		p, part := from, float32(i)/float32(n)
		p.x, p.y = from.x+part*(to.x-from.x), from.y+part*(to.y-from.y)
		p.w, p.h = from.w+part*(to.w-from.w), from.h+part*(to.h-from.h)
		s.picture(p)
	}
}

func TestFall(t *testing.T) {
	who := at{id: 1, x: 0.5, y: 0.7}
	down := lying(1, 0.53, 0.7)
	walks := func(s *scene) { s.walk(5, at{id: 1, x: 0.2, y: 0.7}, who) }
	tell(t, Rule{ID: "fall", Kind: bongsu.KindFall}, Options{},
		tale{name: "falls and lies", play: func(s *scene) {
			walks(s)
			sinks(s, 5.8, who, down)
			s.stand(20, down)
		}, want: []string{"fall 1 begin 7.4"}},
		tale{name: "falls, lies and gets up", play: func(s *scene) {
			walks(s)
			sinks(s, 5.8, who, down)
			s.stand(12, down)
			s.stand(20, who)
		}, want: []string{"fall 1 begin 7.4", "fall 1 end 11.9"}},
		tale{name: "the tracker gives a new number to who lies", play: func(s *scene) {
			walks(s)
			sinks(s, 5.4, who, at{x: 0.51, y: 0.7, w: 0.07, h: 0.14})
			s.stand(6.2)
			d := down
			d.id = 7
			s.stand(20, d)
		}, want: []string{"fall 1 begin 7.4"}, late: 2},
		tale{name: "the model says so", play: func(s *scene) {
			walks(s)
			s.stand(5.6)
			s.stand(20, at{id: 4, x: 0.52, y: 0.7, w: 0.08, h: 0.09, class: bongsu.ClassFallenPerson})
		}, want: []string{"fall 1 begin 7.6"}, late: 2},
		tale{name: "is lost on the way down", play: func(s *scene) {
			walks(s)
			sinks(s, 5.8, who, at{x: 0.51, y: 0.7, w: 0.08, h: 0.1})
			s.stand(20)
		}, want: []string{"fall 1 begin 8.6"}, late: 2},
		tale{name: "falls behind a parked car", play: func(s *scene) {
			parked := at{id: 9, x: 0.5, y: 0.75, w: 0.25, h: 0.13, class: bongsu.ClassCar}
			upper := at{id: 1, x: 0.5, y: 0.63, w: 0.05, h: 0.13} // what is seen over the car
			for s.now.Seconds() < 5 {
				x := 0.2 + 0.06*float32(s.now.Seconds())
				if x < 0.38 {
					s.picture(at{id: 1, x: x, y: 0.7}, parked)
				} else {
					u := upper
					u.x = x
					s.picture(u, parked)
				}
			}
			for i := range 5 {
				u := upper
				u.h = 0.13 - 0.018*float32(i+1)
				s.picture(u, parked)
			}
			s.stand(20, parked)
		}, want: []string{"fall 1 begin 8.2"}, late: 2},
		tale{name: "the model calls who lies an animal", play: func(s *scene) {
			walks(s)
			sinks(s, 5.6, who, at{x: 0.52, y: 0.7, w: 0.08, h: 0.11})
			s.stand(20, at{id: 8, x: 0.53, y: 0.7, w: 0.1, h: 0.08, class: bongsu.ClassAnimal})
		}, want: []string{"fall 1 begin 7.5"}, late: 2},
		tale{name: "a dog runs to who sits down", play: func(s *scene) {
			walks(s)
			sinks(s, 6.5, who, at{x: 0.5, y: 0.7, w: 0.055, h: 0.145})
			s.stand(20, at{id: 1, x: 0.5, y: 0.7, w: 0.055, h: 0.145}, at{id: 8, x: 0.53, y: 0.7, w: 0.1, h: 0.08, class: bongsu.ClassAnimal})
		}},
		tale{name: "falls close before the camera, cut off by the lower edge", play: func(s *scene) {
			near := at{id: 1, x: 0.5, y: 1, w: 0.25, h: 0.95}
			s.stand(3, near)
			sinks(s, 4.2, near, at{x: 0.55, y: 1, w: 0.3, h: 0.3})
			s.stand(12, at{id: 1, x: 0.55, y: 1, w: 0.3, h: 0.3})
		}, want: []string{"fall 1 begin 5.8"}},
		tale{name: "is lost there on the way down", play: func(s *scene) {
			near := at{id: 1, x: 0.5, y: 1, w: 0.25, h: 0.95}
			s.stand(3, near)
			sinks(s, 3.8, near, at{x: 0.55, y: 1, w: 0.28, h: 0.45})
			s.stand(12)
		}, want: []string{"fall 1 begin 6.7"}, quiet: true}, // noise may take the pictures in which it drops
		tale{name: "comes up to the camera and walks out below it", play: func(s *scene) {
			for i := range 40 { // grows as it comes, then only its head is left
				p := float32(i) / 40
				h := 0.3 + 0.6*p
				top := 0.35 + 0.62*p*p
				y := min(top+h, 1)
				s.picture(at{id: 1, x: 0.5, y: y, h: y - top, w: 0.3 * h})
			}
			s.stand(20)
		}},
	)
}

// TestNoFall: what looks like one, and falls of which little is seen.
func TestNoFall(t *testing.T) {
	who := at{id: 1, x: 0.5, y: 0.7}
	down := lying(1, 0.53, 0.7)
	walks := func(s *scene) { s.walk(5, at{id: 1, x: 0.2, y: 0.7}, who) }
	tell(t, Rule{ID: "fall", Kind: bongsu.KindFall}, Options{},
		tale{name: "walks out of the picture", play: func(s *scene) {
			s.walk(8, at{id: 1, x: 0.5, y: 0.7}, at{x: 1, y: 0.75})
			s.stand(20)
		}},
		tale{name: "walks out at the bottom, cut off more and more", play: func(s *scene) {
			for i := range 40 {
				y := 0.7 + 0.012*float32(i)
				h := min(0.2, 1-(y-0.2))
				if h < 0.03 {
					break
				}
				s.picture(at{id: 1, x: 0.5, y: min(y, 1), h: h, w: 0.05})
			}
			s.stand(20)
		}},
		tale{name: "goes behind a wall", play: func(s *scene) {
			s.walk(5, at{id: 1, x: 0.3, y: 0.7}, at{x: 0.6, y: 0.7})
			s.stand(20)
		}},
		tale{name: "sits down", play: func(s *scene) {
			walks(s)
			sinks(s, 6.5, who, at{x: 0.5, y: 0.7, w: 0.055, h: 0.145})
			s.stand(30, at{id: 1, x: 0.5, y: 0.7, w: 0.055, h: 0.145})
		}},
		tale{name: "crouches and gets up", play: func(s *scene) {
			walks(s)
			sinks(s, 6, who, at{x: 0.5, y: 0.7, w: 0.05, h: 0.12})
			s.stand(11, at{id: 1, x: 0.5, y: 0.7, w: 0.05, h: 0.12})
			s.stand(14, who)
		}},
		tale{name: "bends over for a second", play: func(s *scene) {
			walks(s)
			sinks(s, 5.5, who, at{x: 0.51, y: 0.7, w: 0.075, h: 0.11})
			s.stand(6.5, at{id: 1, x: 0.51, y: 0.7, w: 0.075, h: 0.11})
			s.stand(12, who)
		}},
		tale{name: "lies from the first picture on", play: func(s *scene) {
			s.stand(20, at{id: 1, x: 0.5, y: 0.7, w: 0.11, h: 0.06, class: bongsu.ClassFallenPerson})
		}, want: []string{"fall 1 begin 8.0"}, late: 2},
		tale{name: "somebody helps", play: func(s *scene) {
			walks(s)
			sinks(s, 5.8, who, down)
			s.stand(10, down)
			s.stand(25, down, at{id: 2, x: 0.46, y: 0.7})
		}, want: []string{"fall 1 begin 7.4"}},
		tale{name: "who lies is seen now and then", play: func(s *scene) {
			walks(s)
			sinks(s, 5.8, who, down)
			for i := 0; s.now.Seconds() < 25; i++ {
				d := down
				d.id = bongsu.TrackID(10 + i/20)
				if i%20 < 8 {
					s.picture(d)
				} else {
					s.picture()
				}
			}
		}, want: []string{"fall 1 begin 7.8"}, late: 2.5},
	)
}

// TestFallWithGround: the height of who stands there comes from the ground plane.
func TestFallWithGround(t *testing.T) {
	ground, err := bongsu.GroundFromCamera(5, 20, 0, 60, 16.0/9)
	if err != nil {
		t.Fatal(err)
	}
	foot := bongsu.Point{X: 0.5, Y: 0.7}
	per, _ := ground.PerMetre(foot)
	tall := float32(per * bodyHeight)
	for name, c := range map[string]struct {
		w, h  float32 // metres
		fires bool
	}{"lies across": {1.6, 0.5, true}, "lies along": {0.6, 0.65, true}, "sits on the ground": {0.7, 0.95, false}, "sits on a chair": {0.6, 1.25, false}} {
		s := newSceneWith(t, Options{Ground: ground, Rules: []Rule{{ID: "fall", Kind: bongsu.KindFall}}})
		stands := at{id: 1, x: foot.X, y: foot.Y, h: tall, w: tall * 0.3 / (16.0 / 9)}
		s.stand(4, stands)
		low := at{id: 1, x: foot.X, y: foot.Y, h: tall * c.h / bodyHeight, w: tall * c.w / bodyHeight / (16.0 / 9)}
		sinks(s, 4.8, stands, low)
		s.stand(15, low)
		if (len(s.fired) > 0) != c.fires {
			t.Errorf("%s: %v", name, s.log)
		}
	}
}
