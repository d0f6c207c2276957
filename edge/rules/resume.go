package rules

import (
	"slices"
	"time"

	"bongsu"
)

// resumed is an occurrence that another Set, in a worker that was lost, has reported already.
type resumed struct {
	since time.Time
	class bongsu.Class
	box   bongsu.Box // where the thing was last
}

// resumeReach is how much farther than after an ordinary loss, in square, a thing may be found:
// it had the time of a restart to move.
const resumeReach = 9

// Resume tells of events that a lost worker left open, at the box's time at. What is found within
// 10 s where one of them was last has been there since it began: its rule then fires as soon as it
// sees it instead of after another dwell. Events of rules that are not there any more are left alone.
func (s *Set) Resume(at time.Time, open []bongsu.Event) {
	s.advance(at, true)
	s.resume = s.clock + resumeFor
	for i := range open {
		for _, j := range s.judges {
			j.resume(&open[i])
		}
	}
}

// came is when something that is first found now began: now, or when a lost worker saw it begin.
func (r *watcher) came(s *Set, k *bongsu.Track) (since moment, known bool) {
	now := s.moment()
	for i, was := range r.resumed {
		if !was.class.Alike(k.Class) || apart(was.box, k.Box) > resumeReach {
			continue
		}
		r.resumed = slices.Delete(r.resumed, i, i+1)
		now.wall, now.clock = was.since, now.clock-max(0, s.at.Sub(was.since))
		return now, true
	}
	return now, false
}
