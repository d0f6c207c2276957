package rules

import (
	"math"
	"time"

	"bongsu"
)

// wrongWayRule: something goes against the arrow that its line draws, in its zone. The way against the
// arrow is added up, and taken back by steps along it, so that who stands and trembles, turns around
// in the street or rolls back a little goes no wrong way.
type wrongWayRule struct {
	stays
	ways []way
}

// way is how far one subject has gone against the arrow.
type way struct {
	subject uint64
	foot    bongsu.Point
	at      moment
	since   moment  // against was 0
	against float32 // metres
}

// wrongWayMetres is how far against the arrow a thing must go.
const wrongWayMetres = 3

func newWrongWay(w watcher, _ Options) judge {
	v := &wrongWayRule{}
	v.stays = stays{watcher: w, of: v, patience: min(breakFor, w.Linger)}
	return v
}

func (v *wrongWayRule) evaluate(s *Set) {
	for i := range s.subjects {
		if g := &s.subjects[i]; g.now && v.counts(s, g) && bongsu.InZone(v.Zone, g.foot()) {
			v.step(s, g)
		}
	}
	kept := v.ways[:0]
	for i := range v.ways {
		if s.watched-v.ways[i].at.watched <= v.Linger {
			kept = append(kept, v.ways[i])
		}
	}
	v.ways = kept
	v.stays.evaluate(s)
}

// step adds what g has gone since it was last seen in the zone.
func (v *wrongWayRule) step(s *Set, g *subject) {
	w := v.wayOf(g.id)
	if w == nil {
		v.ways = append(v.ways, way{subject: g.id, foot: g.foot(), at: s.moment(), since: s.moment()})
		return
	}
	to := g.foot()
	w.against -= v.along(s, w.foot, to, g)
	if w.against <= 0 {
		w.against, w.since = 0, s.moment()
	}
	w.foot, w.at = to, s.moment()
}

// along is how far the way from a to b leads along the arrow, metres.
func (v *wrongWayRule) along(s *Set, a, b bongsu.Point, g *subject) float32 {
	ax, ay, okA := s.o.Ground.At(a)
	bx, by, okB := s.o.Ground.At(b)
	px, py, okP := s.o.Ground.At(v.Line[0])
	qx, qy, okQ := s.o.Ground.At(v.Line[1])
	if okA && okB && okP && okQ {
		n := math.Hypot(qx-px, qy-py)
		if n > 0 {
			return float32(((bx-ax)*(qx-px) + (by-ay)*(qy-py)) / n)
		}
	}
	// Without a ground plane the box is the measure: a vehicle is about as high as a person.
	dx, dy := float64(v.Line[1].X-v.Line[0].X)*float64(s.aspect), float64(v.Line[1].Y-v.Line[0].Y)*foreshortened
	n := math.Hypot(dx, dy)
	mx, my := float64(b.X-a.X)*float64(s.aspect), float64(b.Y-a.Y)*foreshortened
	tall := max(float64(g.track.Box.Height()), 1e-3)
	return float32((mx*dx + my*dy) / n / tall * bodyHeight)
}

func (v *wrongWayRule) wayOf(subject uint64) *way {
	for i := range v.ways {
		if v.ways[i].subject == subject {
			return &v.ways[i]
		}
	}
	return nil
}

// holds implements condition.
func (v *wrongWayRule) holds(s *Set, g *subject) bool {
	w := v.wayOf(g.id)
	return w != nil && w.at.clock == s.clock && w.against >= wrongWayMetres && s.clock-w.since.clock >= v.Confirm
}

// full implements condition.
func (v *wrongWayRule) full(*Set, *subject) bool { return true }

// sure implements condition: it began when the thing first went against the arrow.
func (v *wrongWayRule) sure(_ *Set, g *subject, t *stay) bool {
	if w := v.wayOf(g.id); w != nil && !t.known {
		t.since = w.since
	}
	return true
}

// explain implements condition.
func (v *wrongWayRule) explain(_ *Set, f *bongsu.Firing, t *stay) {
	if w := v.wayOf(t.subject); w != nil {
		gone := w.at.clock - w.since.clock
		reason(f, "against_m", float64(w.against), wrongWayMetres)
		reason(f, "against_s", seconds(gone), v.Confirm.Seconds())
		if gone > 0 {
			reason(f, "speed_m_per_s", float64(w.against)/gone.Seconds(), 0)
		}
	}
}

// doubt implements judge: what nobody saw is no way.
func (v *wrongWayRule) doubt() { v.ways = v.ways[:0]; v.stays.doubt() }

// lose implements judge.
func (v *wrongWayRule) lose(s *Set) { v.ways = v.ways[:0]; v.stays.lose(s) }

// shift implements judge.
func (v *wrongWayRule) shift(d time.Duration) {
	for i := range v.ways {
		v.ways[i].since.wall = v.ways[i].since.wall.Add(d)
	}
	v.stays.shift(d)
}

func (v *wrongWayRule) empty() bool { return len(v.ways) == 0 && v.stays.empty() }

// seconds is t for reasons, not below 0.
func seconds(t time.Duration) float64 { return max(0, t.Seconds()) }
