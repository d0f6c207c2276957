package suite

import (
	"fmt"
	"time"

	"bongsu"
	"bongsu/streams/scene"
)

// lineZone is a line across the hub that may be crossed one way only.
func (s *site) lineZone() {
	s.zw, s.zd = max(s.zw, 3), max(s.zd, 2.8)
	line := s.mustPolygon(s.at(-0.9*s.zw, 0), s.at(0.9*s.zw, 0))
	direction := pick(s.dice, bongsu.DirectionLeftToRight, bongsu.DirectionRightToLeft)
	s.inward = direction == bongsu.DirectionRightToLeft
	s.s.Lines = append(s.s.Lines, scene.Line{Name: "line", Kind: scene.LineCrossing, Points: [2][2]float32{line[0], line[1]}, Forbidden: direction})
	s.rules = append(s.rules, bongsu.Rule{ID: bongsu.RuleID(bongsu.KindLineCrossing), Kind: bongsu.KindLineCrossing, Priority: bongsu.DefaultPriority(bongsu.KindLineCrossing),
		Line: points(line), Direction: direction, Classes: []bongsu.Class{bongsu.ClassPerson}})
	s.line(pick(s.dice, "yellow", "white", "red"), 0.15, 0, s.at(-0.9*s.zw, 0), s.at(0.9*s.zw, 0))
	s.passers(1 + s.IntN(2))
}

// crosser crosses the line, away from the camera or towards it.
func (s *site) crosser(from float64, away bool) {
	x, bend := s.between(-0.6, 0.6)*s.zw, s.between(-0.15, 0.15)*s.zw
	a, b := s.edge(s.side(), -0.85*s.zd), s.edge(s.side(), 0.85*s.zd)
	low, high := s.at(x, -0.7*s.zd), s.at(x+bend, 0.7*s.zd)
	if !away {
		a, b, low, high = b, a, high, low
	}
	s.dressForRain(s.somebody(a, from, walk(s.pace(), low), walk(s.pace(), high), walk(s.pace(), b)))
}

// turner walks up to the line and turns back.
func (s *site) turner(from float64) {
	x, far := s.between(-0.6, 0.6)*s.zw, s.side()
	side := s.side()
	s.somebody(s.edge(side, far*0.8*s.zd), from, walk(s.pace(), s.at(x, far*1.1)), act(scene.ActStand, s.between(3, 7)), walk(s.pace(), s.edge(side, far*0.9*s.zd)))
	s.name("someone turns back at the line")
}

// along walks beside the line.
func (s *site) along(from float64) {
	side, y := s.side(), s.side()*s.between(1.1, 1.5)
	s.somebody(s.edge(side, y), from, walk(s.pace(), s.edge(-side, y)))
	s.name("people walk along the line")
}

var lineEvents = []story{
	{"one crosses", func(s *site) { s.lineZone(); s.crosser(s.between(2, 12), s.inward); s.along(s.between(4, 20)) }},
	{"one each way", func(s *site) {
		s.lineZone()
		s.crosser(s.between(0, 5), !s.inward)
		s.crosser(s.between(9, 14), s.inward)
		s.name("people cross the allowed way")
	}},
	{"two cross", func(s *site) {
		s.lineZone()
		s.crosser(s.between(0, 3), s.inward)
		s.crosser(s.between(14, 17), s.inward)
	}},
	{"one crosses, one turns back", func(s *site) { s.lineZone(); s.turner(s.between(0, 5)); s.crosser(s.between(6, 14), s.inward) }},
}

var lineTemptations = []story{
	{"people cross the allowed way", func(s *site) {
		s.lineZone()
		s.crosser(s.between(0, 4), !s.inward)
		s.crosser(s.between(10, 16), !s.inward)
	}},
	{"someone turns back at the line", func(s *site) { s.lineZone(); s.turner(s.between(0, 4)); s.turner(s.between(12, 16)) }},
	{"people walk along the line", func(s *site) {
		s.lineZone()
		s.along(2)
		s.along(s.between(8, 12))
		s.crosser(s.between(14, 18), !s.inward)
	}},
	{"an animal crosses", func(s *site) {
		s.lineZone()
		side := s.side()
		s.actor(scene.Actor{ID: "animal", Kind: scene.KindDog, At: s.edge(side, -0.8*s.zd), FromS: s.between(3, 8), Do: []scene.Step{walk(1.4, s.at(0, -0.5*s.zd)), walk(1.2, s.at(0.5, 0.7*s.zd)), walk(1.6, s.edge(-side, 0.8*s.zd))}})
		s.name("animals")
		s.along(s.between(10, 16))
	}},
}

// lane is a way for vehicles from one side of the picture to the other, at y of the site's own axes.
func (s *site) lane(side, y float64) (from, to scene.Place) {
	a, b := s.edge(side, y), s.edge(-side, y)
	return beyond(a, b, 4), beyond(b, a, 4)
}

var vehicleKinds = []string{scene.KindCar, scene.KindCar, scene.KindVan, scene.KindTruck, scene.KindMotorcycle}

var vehicleClasses = []bongsu.Class{bongsu.ClassCar, bongsu.ClassBus, bongsu.ClassTruck, bongsu.ClassMotorcycle}

// drive sends a vehicle along the road; side is from where it comes.
func (s *site) drive(kind string, from, side, y, speed float64) {
	a, b := s.lane(side, y)
	s.n++
	s.actor(scene.Actor{ID: fmt.Sprintf("%s-%d", kind, s.n), Kind: kind, At: a, FromS: from, Do: []scene.Step{{Act: scene.ActDrive, To: []scene.Place{b}, SpeedMS: speed}}})
	if dark(s.s.Light.Time) {
		s.name("headlights")
	}
}

func dark(time string) bool { return time != scene.TimeMorning && time != scene.TimeNoon }

// carriageway is the road's area on the ground as far as one sees it well, more metres wider on the
// camera's side.
func (s *site) carriageway(most, more float64) [][2]float32 {
	h := s.road.half
	reach := func(side float64) float64 {
		x := 0.0
		for ; x < most; x += 0.25 {
			for _, y := range []float64{-h - more, h} {
				p := s.at(side*(x+0.25), y)
				if q, depth := s.s.Camera.OnPicture(p, 0); depth < 3 || p.Y() > 42 || q.X < 0.04 || q.X > 0.96 || q.Y < 0.05 || q.Y > 0.93 {
					return side * x
				}
			}
		}
		return side * x
	}
	x0, x1 := reach(-1), reach(1)
	return s.mustPolygon(s.at(x0, -h-more), s.at(x0, h), s.at(x1, h), s.at(x1, -h-more))
}

// oneWay is a road along which one may drive to one side only.
func (s *site) oneWay() {
	z, r := s.guard(scene.ZoneWrongWay, bongsu.KindWrongWay, s.carriageway(0.5*s.wide, 0.5), vehicleClasses...)
	s.comes = s.side()
	arrow := s.mustPolygon(s.at(s.comes*0.25*s.wide, 0), s.at(-s.comes*0.25*s.wide, 0))
	z.Points = [2][2]float32{arrow[0], arrow[1]}
	r.Line = points(arrow)
	head := -s.comes * 1.2
	s.line("white", 0.25, 0, s.at(s.comes*1.5, 0.1), s.at(head, 0.1))
	s.line("white", 0.25, 0, s.at(head+s.comes*0.9, 0.7), s.at(head, 0.1), s.at(head+s.comes*0.9, -0.5))
	s.pedestrian(s.between(0, 10))
}

func (s *site) pedestrian(from float64) {
	side, y := s.side(), s.road.half+s.between(0.9, 1.6)
	s.somebody(s.edge(side, y), from, walk(s.pace(), s.edge(-side, y)))
	s.name("passers-by")
}

// right drives the allowed way.
func (s *site) right(from float64) {
	if s.flow == 0 {
		s.flow = s.between(4.5, 7.5)
	}
	s.drive(pick(s.dice, vehicleKinds...), from, s.comes, s.road.back, s.flow)
	s.name("traffic the right way")
}

// wrong drives against the arrow.
func (s *site) wrong(from float64) {
	s.drive(pick(s.dice, vehicleKinds...), from, -s.comes, s.road.y, s.between(3.5, 5.5))
}

var wrongWayEvents = []story{
	{"one against the arrow", func(s *site) {
		s.oneWay()
		s.right(s.between(0, 3))
		s.wrong(s.between(8, 14))
		s.right(s.between(24, 28))
	}},
	{"among others", func(s *site) { s.oneWay(); s.right(0.5); s.right(s.between(5, 6)); s.wrong(s.between(14, 18)) }},
	{"two against the arrow", func(s *site) { s.oneWay(); s.wrong(s.between(2, 5)); s.wrong(s.between(20, 22)) }},
}

var wrongWayTemptations = []story{
	{"traffic the right way", func(s *site) {
		s.oneWay()
		s.right(1)
		s.right(s.between(6, 9))
		s.right(s.between(14, 18))
		s.right(s.between(24, 28))
	}},
	{"one stops and drives on", func(s *site) {
		s.oneWay()
		s.halt(s.between(3, 6), s.comes, s.between(4, 8))
		s.right(s.between(20, 24))
	}},
	{"a cyclist on the pavement", func(s *site) {
		s.oneWay()
		s.right(s.between(1, 3))
		s.drive(scene.KindBicycle, s.between(6, 12), -s.comes, s.road.half+1.3, s.between(3, 4))
		s.name("a cyclist on the pavement")
		s.right(s.between(18, 24))
	}},
}

// halt is a vehicle that comes, stands for so many seconds (0: for good) and drives on.
func (s *site) halt(from, side, stands float64) {
	a, b := s.lane(side, s.road.y)
	stop := s.at(s.between(-0.15, 0.15)*s.wide, s.road.y)
	s.n++
	do := []scene.Step{{Act: scene.ActDrive, To: []scene.Place{stop}, SpeedMS: s.between(5, 7)}, act(scene.ActStand, stands)}
	if stands > 0 {
		do = append(do, scene.Step{Act: scene.ActDrive, To: []scene.Place{b}, SpeedMS: s.between(4, 6)})
	}
	s.actor(scene.Actor{ID: fmt.Sprintf("halts-%d", s.n), Kind: pick(s.dice, scene.KindCar, scene.KindCar, scene.KindVan, scene.KindTruck), At: beyond(stop, a, -min(dist(stop, a), 45)), FromS: from, Do: do})
}

// noStopping is a road on which nobody may stand longer than ten seconds.
func (s *site) noStopping() {
	s.comes = s.side()
	s.guard(scene.ZoneNoStopping, bongsu.KindStoppedVehicle, s.carriageway(0.45*s.wide, 0.7), vehicleClasses...)
	s.rules[0].Dwell = 10 * time.Second
	s.pedestrian(s.between(0, 10))
	s.flow = s.between(5, 8)
	for i := range 2 + s.IntN(2) {
		s.drive(pick(s.dice, vehicleKinds...), s.between(0, 6)+float64(i)*s.between(9, 12), -s.comes, s.road.back, s.flow)
		s.name("moving traffic")
	}
}

// lay-by: vehicles that always stood beside the road.
func (s *site) layBy() {
	for i := range 1 + s.IntN(3) {
		s.n++
		s.actor(scene.Actor{ID: fmt.Sprintf("parked-%d", s.n), Kind: pick(s.dice, scene.KindCar, scene.KindVan), At: s.at(-0.25*s.wide+float64(i)*5.6, s.road.half+1.7), FacingDeg: s.degrees(90)})
	}
	s.name("parked vehicles")
}

var stoppedEvents = []story{
	{"one stops and stays", func(s *site) { s.noStopping(); s.halt(s.between(1, 6), s.comes, 0) }},
	{"one stops beside parked ones", func(s *site) { s.noStopping(); s.layBy(); s.halt(s.between(1, 6), s.comes, 0) }},
	{"one stops, the driver gets out", func(s *site) {
		s.noStopping()
		at := s.between(1, 4)
		s.halt(at, s.comes, 0)
		s.somebody(s.at(0, -s.road.half-0.9), at+12, act(scene.ActStand, 2), walk(1.3, s.edge(s.side(), -s.road.half-1)))
	}},
}

var stoppedTemptations = []story{
	{"one stops for a moment", func(s *site) { s.noStopping(); s.halt(s.between(1, 5), s.comes, s.between(3.5, 5.5)) }},
	{"parked beside the road", func(s *site) { s.noStopping(); s.layBy() }},
	{"one drives slowly", func(s *site) {
		s.noStopping()
		s.drive(scene.KindVan, s.between(1, 4), s.comes, s.road.y, s.between(1.5, 2.2))
		s.name("slow traffic")
	}},
}
