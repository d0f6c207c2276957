package suite

import (
	"fmt"

	"bongsu"
	"bongsu/streams/scene"
)

// everywhere gives the camera a rule that needs no zone of its own.
func (s *site) everywhere(kind bongsu.EventKind, classes ...bongsu.Class) {
	s.guard(scene.ZoneDetect, kind, s.all(), classes...)
}

// faller comes in, stands about so that the fall comes late enough, and falls.
func (s *site) faller(fall float64, before ...scene.Step) {
	spot := s.in(s.between(-0.6, 0.6), s.between(-0.5, 0.5))
	side := s.side()
	from := s.edge(side, s.between(-0.4, 0.4)*s.zd)
	speed := s.between(1, 1.4)
	took := dist(from, spot) / speed
	for _, b := range before {
		took += b.ForS
	}
	do := append([]scene.Step{walk(speed, spot)}, before...)
	s.somebody(from, max(0, fall-took), append(do, act(scene.ActFall, 0))...)
}

func (s *site) fallZone() {
	s.everywhere(bongsu.KindFall, bongsu.ClassPerson)
	s.passers(1 + s.IntN(2))
	if s.maybe(0.5) {
		s.through(s.between(0, 0.6*s.seconds))
	}
}

// onset is when a fall, a fire or the like begins.
func (s *site) onset() float64 { return s.between(12, 19) }

var fallEvents = []story{
	{"falls while walking", func(s *site) { s.faller(s.onset()) }},
	{"stands, then collapses", func(s *site) { s.faller(s.onset(), act(scene.ActStand, s.between(2, 4))) }},
	{"crouches, rises and falls", func(s *site) {
		s.faller(s.onset(), act(scene.ActCrouch, 2.5), act(scene.ActStand, 1.5))
		s.name("someone crouches")
	}},
	{"falls while others sit", func(s *site) {
		s.faller(s.onset())
		s.somebody(s.beside(1), 0, act(scene.ActSit, 0))
		s.name("someone sits")
	}},
}

var fallTemptations = []story{
	{"someone ties a shoe", func(s *site) {
		s.somebody(s.edge(s.side(), 0), s.between(2, 8), walk(1.3, s.in(s.between(-0.5, 0.5), 0)), act(scene.ActCrouch, s.between(4, 7)), walk(1.3, s.edge(s.side(), 0.3*s.zd)))
		s.name("a shoe is tied")
	}},
	{"someone sits down and stays", func(s *site) {
		spot := s.in(s.between(-0.5, 0.5), 0.4)
		s.add(scene.Structure{Kind: scene.StructureBlock, At: scene.Place{spot.X(), spot.Y() + 0.1}, WidthM: 1.8, DepthM: 0.45, HeightM: 0.44, Material: "wood", YawDeg: 0})
		a := s.somebody(s.edge(s.side(), 0.2*s.zd), s.between(2, 8), walk(1.3, scene.Place{spot.X(), spot.Y() - 0.35}), act(scene.ActSit, 0))
		a.FacingDeg = 180
		s.name("someone sits")
	}},
	{"someone cleans the ground", func(s *site) { s.cleaner(s.between(1, 4)) }},
	{"someone puts a bag down and takes it", func(s *site) { s.bagTaken(s.between(3, 8), 6) }},
}

// cleaner works his way along the zone, bending down here and there.
func (s *site) cleaner(from float64) {
	do := []scene.Step{}
	for i := range 4 {
		do = append(do, walk(0.9, s.in(-0.7+0.45*float64(i), s.between(-0.5, 0.5))), act(scene.ActCrouch, s.between(2, 3.5)), act(scene.ActStand, 1))
	}
	s.somebody(s.edge(-1, 0), from, do...)
	s.name("a cleaner")
}

// fireZone: it may burn anywhere.
func (s *site) fireZone() {
	s.everywhere(bongsu.KindFire, bongsu.ClassFire, bongsu.ClassSmoke)
	s.passers(2 + s.IntN(2))
	if s.maybe(0.5) {
		s.through(s.between(0, 0.7*s.seconds))
	}
}

// burn lights a fire at a second, with smoke or without.
func (s *site) burn(at float64, fire, smoke bool) {
	p := s.in(s.between(-0.8, 0.8), s.between(-0.4, 0.8))
	size := s.between(0.9, 1.5)
	if fire {
		s.actor(scene.Actor{ID: "fire", Kind: scene.KindFire, At: p, SizeM: size, FromS: at})
	}
	if smoke {
		s.actor(scene.Actor{ID: "smoke", Kind: scene.KindSmoke, At: scene.Place{p.X(), p.Y() + 0.2}, SizeM: s.between(0.8, 1.2) * size, FromS: at})
	}
	if s.maybe(0.6) {
		s.n++
		s.actor(scene.Actor{ID: fmt.Sprintf("litter-%d", s.n), Kind: scene.KindLitter, At: p, SizeM: s.between(0.4, 0.7)})
	}
}

// early is when a fire begins: its window ends twenty seconds later.
func (s *site) early() float64 { return s.between(8, 15) }

var fireEvents = []story{
	{"fire and smoke", func(s *site) { s.burn(s.early(), true, true) }},
	{"fire alone", func(s *site) { s.burn(s.early(), true, false) }},
	{"smoke alone", func(s *site) { s.burn(s.early(), false, true) }},
	{"someone lights it and runs", func(s *site) {
		at := s.early()
		s.burn(at, true, true)
		p := s.s.Actors[len(s.s.Actors)-1].At
		q := scene.Place{p.X() - 0.9, p.Y() - 0.2}
		from := s.edge(-1, -0.2*s.zd)
		s.somebody(from, max(0, at-2-dist(from, q)/1.4), walk(1.4, q), act(scene.ActCrouch, 3), scene.Step{Act: scene.ActRun, To: []scene.Place{s.edge(-1, 0.3*s.zd)}})
	}},
}

// orange is somebody in the colours of a fire.
func (s *site) orange(from float64) {
	a := s.somebody(s.edge(s.side(), 0), from, walk(1.2, s.in(s.between(-0.5, 0.5), 0)), act(scene.ActStand, 6), walk(1.2, s.edge(s.side(), 0.3*s.zd)))
	a.Look = &scene.Look{Top: pick(s.dice, "orange", "red", "yellow"), Legs: pick(s.dice, "red", "black", "yellow")}
	s.name("clothes in the colours of fire")
}

// oncoming is a vehicle that comes towards the camera with its lamps on and stops.
func (s *site) oncoming(from float64) {
	x := s.between(-0.6, 0.6) * s.zw
	s.n++
	s.actor(scene.Actor{ID: fmt.Sprintf("car-%d", s.n), Kind: pick(s.dice, scene.KindCar, scene.KindVan), At: s.at(x+4, s.zd+24), FromS: from,
		Do: []scene.Step{{Act: scene.ActDrive, To: []scene.Place{s.at(x+1, s.zd+8), s.at(x, 0.2*s.zd)}, SpeedMS: 5}, act(scene.ActStand, 4), {Act: scene.ActDrive, To: []scene.Place{s.at(x-s.wide*0.4, -s.zd), beyond(s.edge(-1, -s.zd-2), s.hub, 4)}, SpeedMS: 4}}})
	s.name("headlights")
}

var fireTemptations = []story{
	{"clothes in the colours of fire", func(s *site) { s.orange(s.between(3, 8)); s.orange(s.between(14, 20)) }},
	{"headlights", func(s *site) { s.oncoming(s.between(3, 8)) }},
	{"a red flag in the wind", func(s *site) {
		s.add(scene.Structure{Kind: scene.StructureFlag, At: s.in(s.between(-0.8, 0.8), 0.9), HeightM: s.between(3, 5), Color: pick(s.dice, "red", "yellow", "orange")})
		s.s.Weather.Wind = 0.9
		s.name("flag in the wind")
	}},
	{"cones and cartons", func(s *site) { s.litter(); s.litter(); s.orange(s.between(4, 9)) }},
}

// bagZone: no thing may be left behind.
func (s *site) bagZone() {
	s.everywhere(bongsu.KindAbandonment, bongsu.ClassBag)
	s.passers(1 + s.IntN(2))
	if s.maybe(0.5) {
		s.withBag(s.between(0, 0.6*s.seconds))
	}
	if s.maybe(0.25) {
		s.n++
		s.actor(scene.Actor{ID: fmt.Sprintf("bag-%d", s.n), Kind: scene.KindBag, At: s.beside(s.side()), SizeM: s.between(0.5, 0.7)})
		s.name("a bag that was always there")
	}
}

// bag is one that a person carries from the beginning.
func (s *site) bag(owner *scene.Actor) string {
	s.n++
	id := fmt.Sprintf("bag-%d", s.n)
	s.actor(scene.Actor{ID: id, Kind: scene.KindBag, CarriedBy: owner.ID, FromS: owner.FromS, SizeM: s.between(0.6, 0.8)})
	return id
}

// withBag passes with a bag in the hand.
func (s *site) withBag(from float64) {
	side, y := s.side(), s.between(-0.8, 0.8)*s.zd
	s.bag(s.somebody(s.edge(side, y), from, walk(s.pace(), s.edge(-side, y))))
	s.name("people with bags")
}

// carrier brings a bag to a place of the zone, puts it down and goes on with what comes then.
func (s *site) carrier(from float64, spot scene.Place, then ...scene.Step) {
	a := s.somebody(s.edge(s.side(), s.between(-0.5, 0.5)*s.zd), from, walk(s.between(1.2, 1.5), spot))
	at := len(s.s.Actors) - 1
	id := s.bag(a)
	for i := range then {
		if then[i].Act == scene.ActLeave || then[i].Act == scene.ActTake {
			then[i].With = id
		}
	}
	s.s.Actors[at].Do = append(s.s.Actors[at].Do, then...)
}

// bagTaken puts a bag down, stays with it and takes it along.
func (s *site) bagTaken(from, stay float64) {
	spot := s.in(s.between(-0.5, 0.5), s.between(-0.4, 0.4))
	s.carrier(from, spot, act(scene.ActLeave, 0), act(scene.ActStand, stay), act(scene.ActTake, 0), walk(1.3, s.edge(s.side(), 0)))
	s.name("a bag is put down and taken again")
}

func (s *site) spot() scene.Place { return s.in(s.between(-0.6, 0.6), s.between(-0.5, 0.5)) }

var bagEvents = []story{
	{"puts a bag down and goes", func(s *site) {
		s.carrier(s.between(2, 7), s.spot(), act(scene.ActLeave, 0), walk(1.4, s.edge(s.side(), s.between(-0.5, 0.5)*s.zd)))
	}},
	{"stands beside it first", func(s *site) {
		s.carrier(s.between(1, 4), s.spot(), act(scene.ActLeave, 0), act(scene.ActStand, s.between(3, 6)), walk(1.4, s.edge(s.side(), s.between(-0.5, 0.5)*s.zd)))
	}},
	{"runs away from it", func(s *site) {
		s.carrier(s.between(3, 8), s.spot(), act(scene.ActLeave, 0), scene.Step{Act: scene.ActRun, To: []scene.Place{s.edge(s.side(), s.between(-0.5, 0.5)*s.zd)}})
	}},
	{"leaves it while others pass", func(s *site) {
		s.carrier(s.between(2, 6), s.spot(), act(scene.ActLeave, 0), walk(1.3, s.edge(s.side(), 0.3*s.zd)))
		s.through(s.between(14, 22))
	}},
}

var bagTemptations = []story{
	{"puts a bag down and takes it", func(s *site) { s.bagTaken(s.between(2, 6), s.between(8, 14)) }},
	{"waits beside the bag", func(s *site) {
		s.carrier(s.between(2, 6), s.spot(), act(scene.ActLeave, 0), act(scene.ActStand, 0))
		s.name("someone waits beside a bag")
	}},
	{"goes a few steps and comes back", func(s *site) {
		spot := s.spot()
		off := scene.Place{spot.X() + 2.6*s.side(), spot.Y()}
		s.carrier(s.between(2, 6), spot, act(scene.ActLeave, 0), walk(1.5, off), act(scene.ActStand, 0.5), walk(1.5, spot), act(scene.ActTake, 0), walk(1.3, s.edge(s.side(), 0)))
		s.name("a bag is put down and taken again")
	}},
	{"people with bags", func(s *site) { s.withBag(s.between(2, 6)); s.withBag(s.between(10, 16)); s.withBag(s.between(18, 24)) }},
}

func (s *site) fightZone() {
	s.everywhere(bongsu.KindFight, bongsu.ClassPerson)
	s.passers(1 + s.IntN(2))
}

// fighters meet at a second and fight until a later one.
func (s *site) fighters(at, until float64) {
	p := s.spot()
	q := scene.Place{p.X() + 0.95, p.Y()}
	from, to := s.edge(-1, 0.1*s.zd), s.edge(1, -0.1*s.zd)
	s.n++
	a, b := fmt.Sprintf("fighter-%d-a", s.n), fmt.Sprintf("fighter-%d-b", s.n)
	start := at - max(dist(from, p), dist(to, q))/1.4 - 1.5
	add := func(id, other string, from, spot, out scene.Place) {
		walked := dist(from, spot) / 1.4
		s.actor(scene.Actor{ID: id, Kind: scene.KindPerson, At: from, FromS: max(0, start), Do: []scene.Step{walk(1.4, spot), act(scene.ActStand, max(0.1, at-max(0, start)-walked)),
			{Act: scene.ActFight, ForS: until - at, With: other}, {Act: scene.ActRun, To: []scene.Place{out}}}})
	}
	add(a, b, from, p, s.edge(-1, 0.4*s.zd))
	add(b, a, to, q, s.edge(1, 0.4*s.zd))
}

var fightEvents = []story{
	{"two fight", func(s *site) { at := s.between(12, 16); s.fighters(at, at+s.between(12, 16)) }},
	{"two fight, one looks on", func(s *site) {
		at := s.between(12, 16)
		s.fighters(at, at+s.between(12, 16))
		s.onlooker(s.between(2, 8))
	}},
}

var fightTemptations = []story{
	{"two meet and talk", func(s *site) {
		p := s.spot()
		s.somebody(s.edge(-1, 0), 2, walk(1.3, p), act(scene.ActStand, s.between(10, 16)), walk(1.3, s.edge(-1, 0.3*s.zd)))
		s.somebody(s.edge(1, 0), 3, walk(1.3, scene.Place{p.X() + 0.9, p.Y()}), act(scene.ActStand, s.between(10, 16)), walk(1.3, s.edge(1, 0.3*s.zd)))
		s.name("two talk")
	}},
	{"people run", func(s *site) {
		for i := range 3 {
			y := s.between(-0.5, 0.5) * s.zd
			s.somebody(s.edge(-1, y), 4+float64(i)*1.2, scene.Step{Act: scene.ActRun, To: []scene.Place{s.edge(1, y)}, SpeedMS: s.between(2.6, 3.4)})
		}
		s.name("people run")
	}},
	{"someone crouches beside another", func(s *site) {
		p := s.spot()
		s.somebody(s.edge(-1, 0), 2, walk(1.3, p), act(scene.ActCrouch, 8), act(scene.ActStand, 0))
		s.somebody(s.edge(1, 0), 4, walk(1.3, scene.Place{p.X() + 1, p.Y()}), act(scene.ActStand, 0))
		s.name("someone crouches")
	}},
}
