package suite

import (
	"time"

	"bongsu"
	"bongsu/streams/scene"
)

// story is one way in which a category's event, or what tempts its rule, comes about.
type story struct {
	name string
	tell func(s *site)
}

// passers are n of them at times of chance.
func (s *site) passers(n int) {
	for range n {
		s.passer(s.between(0, 0.8*s.seconds))
	}
}

// intrusion: nobody may be in the zone. Two zones of three have a footpath across, which is masked.
func (s *site) intrusionZone() {
	s.zw = max(s.zw, 3.4)
	z, r := s.guard(scene.ZoneIntrusion, bongsu.KindIntrusion, s.mustPolygon(s.corners()...), bongsu.ClassPerson)
	if !s.maybe(0.7) {
		s.passers(2 + s.IntN(3))
		return
	}
	c, half := s.pathX(), 1.25
	mask := s.mustPolygon(s.at(c-half, -s.zd-0.3), s.at(c-half, s.zd+0.3), s.at(c+half, s.zd+0.3), s.at(c+half, -s.zd-0.3))
	z.Exclude = [][][2]float32{mask}
	r.Exclude = [][]bongsu.Point{points(mask)}
	s.area(pick(s.dice, hardGrounds...), false, s.at(c-half, -s.zd-6), s.at(c-half, s.zd+0.4), s.at(c+half, s.zd+0.4), s.at(c+half, -s.zd-6))
	for i := range 2 + s.IntN(2) {
		s.pathWalker(c, s.between(0, 6)+float64(i)*s.between(9, 13))
	}
	s.passers(1 + s.IntN(2))
	s.name("walkers on a masked footpath through the zone")
}

// pathX is where the footpath of a zone lies.
func (s *site) pathX() float64 { return 0.95*s.zw - 1.25 }

// pathWalker comes along the footpath from the camera's side and goes back there, or waits on it.
func (s *site) pathWalker(c, from float64) {
	y := s.below(c)
	wait := []scene.Step{act(scene.ActStand, s.between(2, 6))}
	if s.maybe(0.3) {
		wait = nil
	}
	do := append([]scene.Step{walk(s.pace(), s.at(c, s.between(-0.3, 0.6)*s.zd))}, wait...)
	a := s.somebody(s.at(c, y), from, append(do, walk(s.pace(), s.at(c, y)))...)
	s.dressForRain(a)
}

var intrusionEvents = []story{
	{"walks in and stays", func(s *site) {
		side := -1.0
		s.somebody(s.edge(side, 0), s.between(5, 15), walk(s.pace(), s.in(-0.4, s.between(-0.3, 0.4))), act(scene.ActStand, s.between(2, 5)), walk(s.pace(), s.in(-0.1, s.between(-0.4, 0.3))), act(scene.ActStand, 0))
	}},
	{"climbs over the wall", func(s *site) {
		if !s.walled {
			s.somebody(s.edge(-1, 0.5*s.zd), s.between(5, 14), walk(1.2, s.in(-0.3, 0.1)), act(scene.ActStand, 0))
			return
		}
		x := -s.between(0.2, 0.6) * s.zw
		s.somebody(s.at(x-2, s.zd+2.2), s.between(4, 11), walk(1.1, s.at(x, s.zd+1.6)), scene.Step{Act: scene.ActClimb, To: []scene.Place{s.at(x, s.zd-0.8)}, HeightM: 1.9},
			walk(s.pace(), s.in(-0.3, s.between(-0.3, 0.2))), act(scene.ActStand, s.between(2, 5)), walk(s.pace(), s.in(-0.6, -0.2)))
	}},
	{"runs across", func(s *site) {
		y := s.between(-0.4, 0.4)
		s.somebody(s.edge(-1, y*s.zd), s.between(7, 16), scene.Step{Act: scene.ActRun, To: []scene.Place{s.in(-0.2, y), s.in(-0.35, -0.2)}, SpeedMS: s.between(2, 2.6)}, act(scene.ActStand, s.between(1.5, 3)), scene.Step{Act: scene.ActRun, To: []scene.Place{s.edge(-1, y*s.zd)}, SpeedMS: s.between(2, 2.6)})
	}},
	{"walks in and crouches", func(s *site) {
		s.somebody(s.edge(-1, 0.3*s.zd), s.between(5, 14), walk(s.between(0.9, 1.2), s.in(-0.5, 0.2)), act(scene.ActCrouch, s.between(3, 6)), walk(s.pace(), s.in(-0.1, -0.2)), act(scene.ActStand, 0))
	}},
	{"two, one after the other", func(s *site) {
		at := s.between(4, 10)
		s.somebody(s.edge(-1, 0.2*s.zd), at, walk(1.3, s.in(-0.1, 0.3)), act(scene.ActStand, 0))
		s.somebody(s.edge(-1, -0.2*s.zd), at+s.between(12, 15), walk(1.2, s.in(-0.6, -0.3)), act(scene.ActStand, 0))
	}},
	{"comes from the camera's side", func(s *site) {
		x := s.between(-0.7, -0.2) * s.zw
		s.somebody(s.at(x, s.below(x)), s.between(5, 14), walk(s.pace(), s.at(x, 0.1*s.zd)), act(scene.ActStand, s.between(3, 6)), walk(s.pace(), s.in(-0.5, 0.6)), act(scene.ActStand, 0))
	}},
}

var intrusionTemptations = []story{
	{"someone waits at the zone's edge", func(s *site) { s.onlooker(s.between(3, 10)); s.passers(1) }},
	{"an animal in the zone", func(s *site) { s.animal(s.between(4, 12)); s.passers(1) }},
	{"people pass close before the zone", func(s *site) { s.passers(3) }},
	{"a poster of a person in the zone", func(s *site) {
		s.put(scene.StructurePoster, s.in(s.between(-0.7, 0), s.between(0.5, 0.9)))
		s.name("posters of people")
		s.passers(2)
	}},
}

// loiteringZone: to pass is allowed, to stay is not.
func (s *site) loiteringZone() {
	s.zw, s.zd = max(s.zw, 3.4), max(s.zd, 3)
	s.guard(scene.ZoneLoitering, bongsu.KindLoitering, s.mustPolygon(s.corners()...), bongsu.ClassPerson)
	s.rules[0].Dwell = 10 * time.Second
	for range 2 + s.IntN(2) {
		s.through(s.between(0, 0.75*s.seconds))
	}
	s.passers(1 + s.IntN(2))
}

// through crosses the zone without stopping.
func (s *site) through(from float64) {
	y, side := s.between(-0.7, 0.7)*s.zd, s.side()
	speed := max(s.pace(), 2*s.zw/6.2)
	a := s.somebody(s.edge(side, y), from, walk(speed, s.edge(-side, y)))
	s.dressForRain(a)
	s.name("passers-by through the zone")
}

// visit goes into the zone for so many seconds in all, and out again where it came from.
func (s *site) visit(from, stay float64) {
	side := s.side()
	y := s.between(-0.5, 0.5) * s.zd
	const speed = 1.5
	deep := min(0.9*s.zw, speed*stay*0.3)
	s.somebody(s.edge(side, y), from, walk(speed, s.at(side*(s.zw-deep), y)), act(scene.ActStand, max(0.2, stay-2*deep/speed)), walk(speed, s.edge(side, y+0.4)))
	s.name("people who stop for a moment")
}

var loiteringEvents = []story{
	{"walks to and fro", func(s *site) {
		s.somebody(s.edge(s.side(), 0), s.between(1, 6), walk(1.4, s.in(0, 0)), act(scene.ActLoiter, 0))
	}},
	{"stands and waits", func(s *site) {
		s.somebody(s.edge(s.side(), 0.3*s.zd), s.between(1, 6), walk(1.4, s.in(s.between(-0.4, 0.4), 0.2)), act(scene.ActStand, 0))
	}},
	{"sits down", func(s *site) {
		x, y := s.between(-0.4, 0.4), s.between(0.1, 0.4)
		s.somebody(s.edge(s.side(), -0.3*s.zd), s.between(1, 6), walk(1.4, s.in(x, y)), act(scene.ActStand, 3), act(scene.ActCrouch, 5), act(scene.ActStand, 0))
	}},
	{"paces along the front", func(s *site) {
		y := s.between(-0.3, 0.4)
		s.somebody(s.edge(-1, y*s.zd), s.between(1, 5), walk(1.4, s.in(0.5, y)), walk(1, s.in(-0.5, y+0.2)), act(scene.ActStand, 2), walk(1, s.in(0.5, y)), walk(1, s.in(-0.4, y)), act(scene.ActStand, 0))
	}},
	{"two stay together", func(s *site) {
		at := s.between(1, 4)
		s.somebody(s.edge(-1, 0.4*s.zd), at, walk(1.4, s.in(-0.3, 0.2)), act(scene.ActStand, 0))
		s.somebody(s.edge(1, -0.2*s.zd), at+s.between(1, 3), walk(1.4, s.in(0.3, 0)), act(scene.ActStand, 0))
	}},
}

var loiteringTemptations = []story{
	{"someone stops for a moment", func(s *site) { s.visit(s.between(3, 8), 5.5); s.visit(s.between(17, 22), 5) }},
	{"one after the other at the same place", func(s *site) {
		for i := range 3 {
			s.visit(2+float64(i)*11, s.between(4.5, 5.8))
		}
	}},
	{"someone waits beside the zone", func(s *site) { s.onlooker(s.between(2, 8)); s.through(s.between(12, 20)) }},
	{"the same person twice", func(s *site) {
		side, y := s.side(), s.between(-0.3, 0.3)*s.zd
		in, out := s.at(side*(s.zw-1.6), y), s.at(side*(s.zw+1.8), y)
		s.somebody(s.edge(side, y), s.between(2, 5), walk(1.5, in), act(scene.ActStand, 2.4), walk(1.5, out), act(scene.ActStand, 7), walk(1.5, in), act(scene.ActStand, 2.4), walk(1.5, s.edge(side, y)))
	}},
}

// closedZone: nobody may be there while it is closed. The clip's clock decides.
func (s *site) closedZone(from, until float64) {
	z, r := s.guard(scene.ZoneClosed, bongsu.KindClosedArea, s.mustPolygon(s.corners()...), bongsu.ClassPerson)
	z.FromS, z.UntilS = from, until
	r.Schedule = []bongsu.Span{{Days: 127, From: 23 * 60, To: 5 * 60}}
	s.passers(1 + s.IntN(2))
}

// stray walks into the closed area and about in it.
func (s *site) stray(from float64) {
	s.somebody(s.edge(s.side(), 0.2*s.zd), from, walk(s.pace(), s.in(s.between(-0.5, 0), s.between(-0.4, 0.4))), act(scene.ActStand, s.between(3, 6)), walk(s.pace(), s.in(s.between(0.1, 0.6), s.between(-0.4, 0.4))), act(scene.ActStand, 0))
}

// Hours of closed areas: the clip begins so many seconds after 23:00, when the area closes.
const (
	longClosed = 95 * 60.0
	stillOpen  = -3 * 3600.0
)

var closedEvents = []story{
	{"someone comes after closing time", func(s *site) { s.opens = longClosed; s.closedZone(0, 0); s.stray(s.between(6, 14)) }},
	{"someone stays beyond closing time", func(s *site) {
		s.opens = -s.between(12, 17)
		s.closedZone(-s.opens, 0)
		s.stray(s.between(0, 2))
		s.through(s.between(0, 2))
	}},
	{"some leave, one comes late", func(s *site) {
		s.opens = -s.between(11, 13)
		s.closedZone(-s.opens, 0)
		s.through(s.between(0, 1))
		s.stray(-s.opens + s.between(3, 7))
	}},
}

var closedTemptations = []story{
	{"people while it is open", func(s *site) {
		s.opens = stillOpen
		s.closedZone(s.seconds+1, 0)
		s.stray(s.between(4, 10))
		s.through(s.between(4, 20))
	}},
	{"people outside while it is closed", func(s *site) { s.opens = longClosed; s.closedZone(0, 0); s.onlooker(s.between(4, 10)); s.passers(2) }},
	{"the last leave in time", func(s *site) {
		s.opens = -s.between(20, 24)
		s.closedZone(-s.opens, 0)
		s.through(0.5)
		s.visit(3, 6)
		s.passers(2)
	}},
}

// crowdZone: so many people are too many.
func (s *site) crowdZone() int {
	s.zw, s.zd = max(s.zw, 3.6), max(s.zd, 3)
	z, r := s.guard(scene.ZoneCrowd, bongsu.KindCrowd, s.mustPolygon(s.corners()...), bongsu.ClassPerson)
	n := 6 + s.IntN(3)
	z.Count, r.Count = n, n
	return n
}

// gather brings n people to places of their own in the zone, one every gap seconds.
func (s *site) gather(n int, from, gap float64) {
	k := 0
	for row := 0; k < n; row++ {
		for col := 0; col < 4 && k < n; col++ {
			u := -0.75 + 0.5*float64(col) + s.between(-0.08, 0.08) + 0.12*float64(row%2)
			v := 0.75 - 0.5*float64(row%4) + s.between(-0.08, 0.08)
			side := s.side()
			s.somebody(s.edge(side, v*s.zd), from+float64(k)*gap, walk(s.between(1.3, 1.7), s.in(u, v)), act(scene.ActStand, 0))
			k++
		}
	}
}

var crowdEvents = []story{
	{"a crowd gathers", func(s *site) { n := s.crowdZone(); s.gather(n+4, 1, s.between(0.8, 1.3)) }},
	{"a few, then many", func(s *site) { n := s.crowdZone(); s.gather(n+5, 0, s.between(1, 1.4)); s.passers(2) }},
}

var crowdTemptations = []story{
	{"a few people", func(s *site) { n := s.crowdZone(); s.gather(n-3, 1, 1.5); s.passers(2) }},
	{"many pass outside", func(s *site) { n := s.crowdZone(); s.gather(n-4, 1, 1.5); s.passers(6) }},
}

// mustPolygon is the polygon, with corners that lie outside the picture brought to its edge.
func (s *site) mustPolygon(pts ...scene.Place) [][2]float32 {
	if out, ok := s.polygon(pts...); ok {
		return out
	}
	return s.clipped(pts...)
}
