package rules

import (
	"time"

	"bongsu"
)

// zoneRule is an intrusion or loitering rule with the stays in its zone.
type zoneRule struct {
	watcher
	stays    []stay
	resumed  []resumed
	nextStay uint64
}

// stay is one subject's time in a zone, from its first picture in it until it has been out of it
// or out of sight for Linger.
type stay struct {
	subject uint64
	number  uint64 // 0 until it has fired
	since   moment // first picture in the zone
	last    moment // latest picture in the zone
	inside  time.Duration
	best    float32
	held    time.Duration // clock at the latest firing
	final   subjectView
}

// moment is one instant on the three clocks.
type moment struct {
	wall    time.Time
	clock   time.Duration
	watched time.Duration
}

func (s *Set) moment() moment { return moment{s.at, s.clock, s.watched} }

// subjectView is what an End needs of a subject that may be forgotten by then.
type subjectView struct {
	track bongsu.Track
}

// breakFor is how long an intrusion that has not fired yet may be out of its zone or out of
// sight. A loitering one may for Linger: losses within a long dwell are common.
const breakFor = 700 * time.Millisecond

// longestGap is the most time between two pictures in a zone that counts towards Confirm.
const longestGap = 250 * time.Millisecond

func (z *zoneRule) evaluate(s *Set) {
	for i := range s.subjects {
		g := &s.subjects[i]
		if g.now && z.watches(g.track.Class) && bongsu.InZone(z.Zone, g.foot()) {
			z.inside(s, g)
		}
	}
	kept := z.stays[:0]
	for i := range z.stays {
		t := &z.stays[i]
		away := s.watched - t.last.watched
		switch {
		case t.number == 0 && away > z.patience():
			continue
		case t.number > 0 && away > z.Linger:
			z.end(s, t, bongsu.FiringEnd)
			continue
		}
		kept = append(kept, *t)
	}
	z.stays = kept
}

// patience is how long a stay that has not fired may be away.
func (z *zoneRule) patience() time.Duration {
	if z.Kind == bongsu.KindLoitering {
		return z.Linger
	}
	return min(breakFor, z.Linger)
}

// inside takes in that g is in the zone.
func (z *zoneRule) inside(s *Set, g *subject) {
	t := z.stayOf(g.id)
	if t == nil {
		z.stays = append(z.stays, stay{subject: g.id, since: z.came(s, g), last: s.moment()})
		t = &z.stays[len(z.stays)-1]
	}
	t.inside += min(s.watched-t.last.watched, longestGap)
	t.last = s.moment()
	t.best = max(t.best, g.track.Score)
	t.final.track = g.track
	switch {
	case t.number > 0:
		if s.clock-t.held >= s.o.Hold {
			z.fire(s, g, t, bongsu.FiringHold)
		}
	case t.best >= z.MinScore && z.confirmed(t):
		z.nextStay++
		t.number = z.nextStay
		z.fire(s, g, t, bongsu.FiringBegin)
	}
}

// confirmed reports whether the stay is long enough to fire. Confirm counts time in which the
// thing could be seen, Dwell frame time since it came.
func (z *zoneRule) confirmed(t *stay) bool {
	if z.Kind == bongsu.KindLoitering {
		return t.last.clock-t.since.clock >= z.Dwell
	}
	return t.inside >= z.Confirm
}

func (z *zoneRule) stayOf(subject uint64) *stay {
	for i := range z.stays {
		if z.stays[i].subject == subject {
			return &z.stays[i]
		}
	}
	return nil
}

func (z *zoneRule) fire(s *Set, g *subject, t *stay, phase bongsu.FiringPhase) {
	t.held = s.clock
	f := z.firing(s, g, phase, t.number)
	z.describe(&f, t)
	s.out = append(s.out, f)
}

// end closes a stay that has fired. At is when the thing was last in the zone.
func (z *zoneRule) end(s *Set, t *stay, phase bongsu.FiringPhase) {
	g := s.find(t.subject)
	if g == nil {
		g = &subject{}
	}
	f := z.firing(s, g, phase, t.number)
	f.At, f.Track = t.last.wall, t.final.track
	z.describe(&f, t)
	s.out = append(s.out, f)
}

func (z *zoneRule) loseAll(s *Set) {
	for i := range z.stays {
		if t := &z.stays[i]; t.number > 0 {
			z.end(s, t, bongsu.FiringLost)
		}
	}
	z.stays, z.resumed = z.stays[:0], nil
}

// shift moves what is remembered on the box's clock.
func (z *zoneRule) shift(d time.Duration) {
	for i := range z.stays {
		t := &z.stays[i]
		t.since.wall, t.last.wall = t.since.wall.Add(d), t.last.wall.Add(d)
	}
	for i := range z.resumed {
		z.resumed[i].since = z.resumed[i].since.Add(d)
	}
}

// describe adds what was measured, beside what it had to reach.
func (z *zoneRule) describe(f *bongsu.Firing, t *stay) {
	f.Dwell = t.last.clock - t.since.clock
	f.Since = t.since.wall
	if f.Since.After(f.At) { // the box's clock was set back meanwhile
		f.Since = f.At
	}
	f.Reasons = append(make([]bongsu.Reason, 0, 2), bongsu.Reason{Name: "score", Value: float64(t.best), Threshold: float64(z.MinScore)})
	if z.Kind == bongsu.KindLoitering {
		f.Reasons = append(f.Reasons, bongsu.Reason{Name: "dwell_s", Value: f.Dwell.Seconds(), Threshold: z.Dwell.Seconds()})
	} else {
		f.Reasons = append(f.Reasons, bongsu.Reason{Name: "inside_s", Value: t.inside.Seconds(), Threshold: z.Confirm.Seconds()})
	}
}
