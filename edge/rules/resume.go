package rules

import (
	"slices"
	"time"

	"bongsu"
)

// resumed is a stay that another Set, in a worker that was lost, has reported already.
type resumed struct {
	since time.Time
	class bongsu.Class
	box   bongsu.Box // where the thing was last
}

// resumeReach is how much farther than after an ordinary loss, in square, a thing may be found:
// it had the time of a restart to move.
const resumeReach = 9

// Resume tells of events that a lost worker left open, at the box's time at. Who is found in
// the zone of one of them within 10 s, near where its thing was last, has been there
// since it began: a loitering rule then fires at once instead of after another dwell. Events of
// rules that are not there any more, and of lines, are left alone.
func (s *Set) Resume(at time.Time, open []bongsu.Event) {
	s.advance(at, true)
	s.resume = s.clock + resumeFor
	for i := range open {
		ev := &open[i]
		for j := range s.zones {
			z := &s.zones[j]
			if z.ID != ev.Rule || z.Kind != ev.Kind || !slices.Equal(z.Zone, ev.Zone) {
				continue
			}
			r := resumed{since: ev.Start, class: ev.Class, box: ev.Box}
			if n := len(ev.Trail); n > 0 {
				r.box = ev.Trail[n-1].Box
			}
			z.resumed = append(z.resumed, r)
		}
	}
}

// came is when a stay that is first seen now began: now, or when a lost worker saw it begin.
func (z *zoneRule) came(s *Set, g *subject) moment {
	now := s.moment()
	for i, r := range z.resumed {
		if !r.class.Alike(g.track.Class) || apart(r.box, g.track.Box) > resumeReach {
			continue
		}
		z.resumed = slices.Delete(z.resumed, i, i+1)
		now.wall, now.clock = r.since, now.clock-max(0, s.at.Sub(r.since))
		return now
	}
	return now
}

func (s *Set) forgetResumed() {
	for i := range s.zones {
		s.zones[i].resumed = nil
	}
}
