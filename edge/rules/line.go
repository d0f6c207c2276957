package rules

import (
	"bongsu"
)

// lineCrossingRule: something goes through a line.
type lineCrossingRule struct{ crossings }

func newLineCrossing(w watcher, _ Options) judge {
	l := &lineCrossingRule{newCrossings(w)}
	return l
}

func (l *lineCrossingRule) evaluate(s *Set) {
	if l.open(s) {
		for i := range s.subjects {
			g := &s.subjects[i]
			if !g.now || !l.counts(s, g) {
				continue
			}
			if d, direction := l.step(s, g); direction != "" {
				l.tell(s, g, d, direction)
			}
		}
	}
	l.forget(s)
}

// tell reports a crossing.
func (l *lineCrossingRule) tell(s *Set, g *subject, d *side, direction string) {
	o := occurrence{since: s.moment(), last: s.moment(), best: g.best, track: g.track, frames: d.frames}
	if d.when.Before(s.at) {
		o.since.wall = d.when
	}
	f := l.fire(s, &o, bongsu.FiringPulse, g.trail.points())
	f.Direction, f.Dwell = direction, 0
}
