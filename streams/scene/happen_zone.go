package scene

import (
	"bongsu"
	"bongsu/streams/truth"
)

// Kinds of zone.
const (
	ZoneIntrusion  = "intrusion"
	ZoneLoitering  = "loitering"
	ZoneDetect     = "detect" // where things count that need no zone of their own: it makes no event
	ZoneNoStopping = "no-stopping"
	ZoneWrongWay   = "wrong-way"
	ZoneClosed     = "closed-area"
	ZoneCrowd      = "crowd"
)

// ZoneKinds lists them.
var ZoneKinds = []string{ZoneIntrusion, ZoneLoitering, ZoneDetect, ZoneNoStopping, ZoneWrongWay, ZoneClosed, ZoneCrowd}

// Kinds of line.
const (
	LineWrongWay = "wrong-way" // everything that crosses it the forbidden way
	LineCrossing = "crossing"  // persons only
)

// LineKinds lists them.
var LineKinds = []string{LineWrongWay, LineCrossing}

// usualDwellS is how long one may stay or stop where the zone does not say it, seconds.
const usualDwellS = 10

// crowdS is how long a crowd must last, and how long it may be less in between, seconds.
const crowdS = 2

// shape is a polygon of the picture as places are.
func shape(points [][2]float32) []Place {
	out := make([]Place, len(points))
	for i, p := range points {
		out[i] = Place{float64(p[0]), float64(p[1])}
	}
	return out
}

// area tells what lies in the zone and in none of its exceptions.
func (z *Zone) area() func(b bongsu.Box) bool {
	poly := shape(z.Polygon)
	except := make([][]Place, len(z.Exclude))
	for i := range except {
		except[i] = shape(z.Exclude[i])
	}
	return func(b bongsu.Box) bool {
		f := b.Foot()
		x, y := float64(f.X), float64(f.Y)
		for _, e := range except {
			if within(e, x, y) {
				return false
			}
		}
		return within(poly, x, y)
	}
}

// onRoad reports whether what is seen drives on a road.
func onRoad(o *truth.Object) bool {
	switch o.Class {
	case bongsu.ClassCar, bongsu.ClassBus, bongsu.ClassTruck, bongsu.ClassMotorcycle, bongsu.ClassBicycle:
		return true
	}
	return false
}

func (r *Renderer) zoneEvents(seq *truth.Sequence, z *Zone) []truth.Event {
	in := z.area()
	dwell := z.DwellS
	if dwell == 0 {
		dwell = usualDwellS
	}
	person := func(_ int, o *truth.Object) bool { return o.Class == bongsu.ClassPerson && in(o.Box) }
	switch z.Kind {
	case ZoneIntrusion:
		return r.stays(seq, z, EventIntrusion, truth.Intrusion, 0.3, person)
	case ZoneLoitering:
		return r.stays(seq, z, EventLoitering, truth.Loitering, dwell, person)
	case ZoneNoStopping:
		return r.stays(seq, z, EventStopped, truth.StoppedVehicle, dwell, func(_ int, o *truth.Object) bool {
			return onRoad(o) && o.State == truth.StateParked && in(o.Box)
		})
	case ZoneClosed:
		return r.stays(seq, z, EventClosedArea, truth.ClosedArea, 0.3, func(n int, o *truth.Object) bool {
			now := r.PTS(n).Seconds()
			return now >= z.FromS && (z.UntilS == 0 || now < z.UntilS) && person(n, o)
		})
	case ZoneWrongWay:
		against := r.against(seq, z)
		return r.stays(seq, z, EventWrongWay, truth.WrongWay, 1, func(n int, o *truth.Object) bool {
			return onRoad(o) && o.State == truth.StateMoving && in(o.Box) && against(n, o)
		})
	case ZoneCrowd:
		return r.crowds(seq, z, in)
	}
	return nil
}

// stays are the events of what lasts at least so many seconds.
func (r *Renderer) stays(seq *truth.Sequence, z *Zone, kind string, c truth.Category, least float64, is func(int, *truth.Object) bool) []truth.Event {
	var out []truth.Event
	for _, s := range stretches(seq, is) {
		if float64(s.to-s.from)/float64(seq.FPS) >= least {
			out = append(out, r.event(seq, kind, c, s, z.Name))
		}
	}
	return out
}

// against tells whether an object goes against the zone's arrow from its picture to the next.
func (r *Renderer) against(seq *truth.Sequence, z *Zone) func(n int, o *truth.Object) bool {
	ax, ay := z.Points[1][0]-z.Points[0][0], z.Points[1][1]-z.Points[0][1]
	return func(n int, o *truth.Object) bool {
		other, sign := n+1, float32(1)
		if other == len(seq.Frames) {
			other, sign = n-1, -1
		}
		if other < 0 {
			return false
		}
		for i := range seq.Frames[other].Objects {
			if q := &seq.Frames[other].Objects[i]; q.ID == o.ID {
				a, b := o.Box.Foot(), q.Box.Foot()
				return sign*((b.X-a.X)*ax+(b.Y-a.Y)*ay) < 0
			}
		}
		return false
	}
}

// crowds are the times at which at least Count persons are in the zone.
func (r *Renderer) crowds(seq *truth.Sequence, z *Zone, in func(bongsu.Box) bool) []truth.Event {
	var out []truth.Event
	last := stretch{-1, -1, 0}
	end := func() {
		if last.from >= 0 && last.to-last.from >= crowdS*seq.FPS {
			e := r.event(seq, EventCrowd, truth.Crowd, last, z.Name)
			e.Objects = nil
			out = append(out, e)
		}
	}
	for i := range seq.Frames {
		n := 0
		for j := range seq.Frames[i].Objects {
			if o := &seq.Frames[i].Objects[j]; o.Class == bongsu.ClassPerson && in(o.Box) {
				n++
			}
		}
		switch {
		case n < z.Count:
		case last.from >= 0 && i-last.to <= crowdS*seq.FPS:
			last.to = i + 1
		default:
			end()
			last = stretch{i, i + 1, 0}
		}
	}
	end()
	return out
}

// lineEvents finds the foot points that cross a line in its forbidden direction.
func (r *Renderer) lineEvents(seq *truth.Sequence, l *Line) []truth.Event {
	last := map[int]bongsu.Point{}
	kind, category := EventWrongWay, truth.WrongWay
	if l.Kind == LineCrossing {
		kind, category = EventLineCrossing, truth.LineCrossing
	}
	var out []truth.Event
	for i := range seq.Frames {
		for j := range seq.Frames[i].Objects {
			o := &seq.Frames[i].Objects[j]
			foot := o.Box.Foot()
			before, ok := last[o.ID]
			last[o.ID] = foot
			if !ok || o.Class == bongsu.ClassFire || o.Class == bongsu.ClassSmoke || l.Kind == LineCrossing && o.Class != bongsu.ClassPerson {
				continue
			}
			if dir := crossing(l, before, foot); dir != "" && (l.Forbidden == dir || l.Forbidden == bongsu.DirectionBoth) {
				e := r.event(seq, kind, category, stretch{i, i, o.ID}, l.Name)
				e.EndUS = e.StartUS
				out = append(out, e)
			}
		}
	}
	return out
}
