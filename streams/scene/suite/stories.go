package suite

import (
	"fmt"

	"bongsu/streams/scene"
)

func walk(speed float64, to ...scene.Place) scene.Step {
	return scene.Step{Act: scene.ActWalk, To: to, SpeedMS: speed}
}

func act(word string, seconds float64) scene.Step { return scene.Step{Act: word, ForS: seconds} }

// somebody adds a person who is there from a second on.
func (s *site) somebody(at scene.Place, from float64, do ...scene.Step) *scene.Actor {
	s.n++
	return s.actor(scene.Actor{ID: fmt.Sprintf("person-%d", s.n), Kind: scene.KindPerson, At: at, FromS: from, Do: do})
}

// pace is how fast somebody walks, metres a second.
func (s *site) pace() float64 { return s.between(1.05, 1.55) }

// passer walks past the zone without touching it: behind it, or before it, so that the head is before
// the zone and the feet are not.
func (s *site) passer(from float64) {
	side, y := s.side(), s.zd+s.between(1.3, 1.9)
	if s.roomBefore() > 1.8 && s.maybe(0.6) {
		y = -s.zd - s.between(1.2, min(2.4, s.roomBefore()-0.4))
		s.name("passers-by close before the zone")
	} else if s.walled {
		y = s.zd + s.between(1.7, 2.6) // beyond the wall
	}
	a := s.somebody(s.edge(side, y), from, walk(s.pace(), s.edge(-side, y)))
	if s.maybe(0.2) {
		a.Do[0].Act, a.Do[0].SpeedMS = scene.ActRun, s.between(2.4, 3.2)
	}
	s.dressForRain(a)
	s.name("passers-by")
}

func (s *site) dressForRain(a *scene.Actor) {
	if (s.s.Weather.Rain > 0 || s.s.Weather.Snow > 0.5) && s.maybe(0.6) {
		a.Look = &scene.Look{Umbrella: true}
		s.name("umbrellas")
	}
}

// onlooker comes to the edge of the zone, stands there and goes back.
func (s *site) onlooker(from float64) {
	side := s.side()
	x, y := side*(s.zw+s.between(1.2, 1.8)), s.between(-0.5, 0.7)*s.zd
	s.somebody(s.edge(side, y+0.5), from, walk(s.pace(), s.at(x, y)), act(scene.ActStand, s.between(5, 10)), walk(s.pace(), s.edge(side, y-0.5)))
	s.name("someone waits at the zone's edge")
}

// animal crosses the place, also the zone.
func (s *site) animal(from float64) {
	side := s.side()
	kind := pick(s.dice, scene.KindDog, scene.KindCat, scene.KindDog)
	s.n++
	s.actor(scene.Actor{ID: fmt.Sprintf("animal-%d", s.n), Kind: kind, At: s.edge(side, s.between(-0.5, 0.5)*s.zd), FromS: from,
		Do: []scene.Step{walk(s.between(0.9, 1.6), s.in(side*0.3, s.between(-0.6, 0.6))), act(scene.ActStand, s.between(2, 5)), walk(s.between(1, 2), s.edge(-side, s.between(-0.5, 0.5)*s.zd))}})
	s.name("animals")
}

// litter lies in the zone: cartons and cones as large as a bag.
func (s *site) litter() {
	for range 1 + s.IntN(2) {
		s.n++
		s.actor(scene.Actor{ID: fmt.Sprintf("litter-%d", s.n), Kind: scene.KindLitter, At: s.in(s.between(-0.9, 0.9), s.between(-0.9, 0.9)), SizeM: s.between(0.3, 0.6)})
	}
	s.name("litter")
}

// traffic drives past behind the zone, on a street's road.
func (s *site) traffic(from float64) {
	if s.road == nil {
		return
	}
	s.n++
	side, y := -1.0, s.road.y
	if s.maybe(0.5) {
		side, y = 1, s.road.back
	}
	a := s.edge(side, y)
	s.actor(scene.Actor{ID: fmt.Sprintf("car-%d", s.n), Kind: pick(s.dice, scene.KindCar, scene.KindCar, scene.KindVan, scene.KindMotorcycle), At: beyond(a, s.edge(-side, y), 4), FromS: from,
		Do: []scene.Step{{Act: scene.ActDrive, To: []scene.Place{beyond(s.edge(-side, y), a, 4)}, SpeedMS: s.between(6, 10)}}})
	s.name("traffic")
	if s.s.Light.Time == scene.TimeNight || s.s.Light.Time == scene.TimeEvening || s.s.Light.Time == scene.TimeDawn || s.s.Light.Time == scene.TimeNightIR {
		s.name("headlights")
	}
}

// beyond is the place that lies more metres behind a, seen from b.
func beyond(a, b scene.Place, more float64) scene.Place {
	dx, dy := a.X()-b.X(), a.Y()-b.Y()
	n := max(1e-6, dist(a, b))
	return scene.Place{a.X() + dx*more/n, a.Y() + dy*more/n}
}

// posters of people and flags stand behind the zone.
func (s *site) posters() {
	s.put(scene.StructurePoster, s.at(s.between(-1, 1)*s.zw, s.zd+s.between(0.3, 0.5)))
	s.name("posters of people")
}

func (s *site) flag() {
	s.put(scene.StructureFlag, s.at(s.side()*(s.zw+s.between(0.8, 2.5)), s.zd+s.between(0.3, 1.5)))
	s.s.Weather.Wind = max(s.s.Weather.Wind, 0.6)
	s.name("flag in the wind")
}

func (s *site) tree() {
	s.put(scene.StructureTree, s.at(s.side()*(s.zw+s.between(1.5, 3)), s.zd+s.between(0.5, 2)))
	s.s.Weather.Wind = max(s.s.Weather.Wind, 0.6)
	s.name("swaying tree")
}

// backdrop adds what is on the lens and stands about: one or two of it.
func (s *site) backdrop() {
	if s.s.Weather.Rain > 0 {
		s.s.Lens.Drops = s.IntN(7)
		if s.s.Lens.Drops > 0 {
			s.name("drops on the lens")
		}
		s.name("reflections on wet ground")
	}
	dark := s.s.Light.Time == scene.TimeNight || s.s.Light.Time == scene.TimeNightIR
	if dark && !s.room && s.maybe(0.45) {
		s.s.Lens.Insects = 1 + s.IntN(4)
		s.name("insects")
	}
	things := []func(){s.posters, s.litter}
	if !s.room {
		things = append(things, s.flag, s.tree)
	}
	s.Shuffle(len(things), func(i, j int) { things[i], things[j] = things[j], things[i] })
	for _, f := range things[:1+s.IntN(2)] {
		f()
	}
}
