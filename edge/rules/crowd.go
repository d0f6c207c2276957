package rules

import (
	"time"

	"bongsu"
)

// crowdRule (experimental): so many people are in a zone at once. With PerM2 each level of density is a
// stay of its own: a crowd that grows through three levels fires three times.
type crowdRule struct {
	watcher
	m2     float64 // area of the zone on the ground; 0 when levels are counts
	levels []level
	people int
}

// level is one number of people at which something begins.
type level struct {
	occurrence
	at      float64 // people, or people per square metre
	present time.Duration
	on      bool // reached, and not left for Linger yet
}

// crowdLeave is the part of its level below which a crowd is not that dense any more.
const crowdLeave = 0.85

// crowdGlimpse is how long a person counts who is not seen: people in a crowd hide each other.
const crowdGlimpse = time.Second

func newCrowd(w watcher, o Options) judge {
	r := &crowdRule{watcher: w}
	if len(w.PerM2) == 0 {
		r.levels = []level{{at: float64(w.Count)}}
		return r
	}
	r.m2, _ = o.Ground.Area(w.Zone)
	for _, v := range w.PerM2 {
		r.levels = append(r.levels, level{at: float64(v)})
	}
	return r
}

func (r *crowdRule) evaluate(s *Set) {
	track, n := r.look(s)
	r.people = n
	value := float64(n)
	if r.m2 > 0 {
		value /= r.m2
	}
	for i := range r.levels {
		r.levels[i].take(s, r, &track, value, i)
	}
}

// look counts the people in the zone; track stands for all of them.
func (r *crowdRule) look(s *Set) (track bongsu.Track, n int) {
	if !r.open(s) {
		return track, 0
	}
	for i := range s.subjects {
		g := &s.subjects[i]
		if s.watched-g.seen > crowdGlimpse || g.best < r.MinScore || !r.counts(s, g) || !bongsu.InZone(r.Zone, g.foot()) {
			continue
		}
		if n++; n == 1 {
			track = g.track
			continue
		}
		track.Box = union(track.Box, g.track.Box)
		track.Score = max(track.Score, g.track.Score)
	}
	return track, n
}

func (l *level) take(s *Set, r *crowdRule, track *bongsu.Track, value float64, index int) {
	over := value >= l.at || l.on && value >= l.at*crowdLeave
	if over {
		if !l.on {
			l.occurrence = r.begin(s, track)
			l.present, l.on = 0, true
		}
		l.present += min(s.watched-l.last.watched, longestGap)
		l.note(s, track)
	}
	away := s.watched - l.last.watched
	switch {
	case !l.on:
	case l.number == 0 && away > breakFor:
		l.on = false
	case l.number > 0 && away > r.Linger:
		r.tell(s, l, bongsu.FiringEnd, value, index)
		l.on, l.number = false, 0
	case over && l.due(s):
		r.tell(s, l, bongsu.FiringHold, value, index)
	case over && l.number == 0 && (l.known || l.present >= r.Confirm):
		r.tell(s, l, bongsu.FiringBegin, value, index)
	}
}

func (r *crowdRule) tell(s *Set, l *level, phase bongsu.FiringPhase, value float64, index int) {
	f := r.fire(s, &l.occurrence, phase, nil)
	if r.m2 > 0 {
		reason(f, "people_per_m2", value, l.at)
		reason(f, "level", float64(index+1), float64(len(r.levels)))
		reason(f, "area_m2", r.m2, 0)
	}
	reason(f, "people", float64(r.people), float64(r.Count))
	reason(f, "present_s", l.present.Seconds(), r.Confirm.Seconds())
}

// doubt implements judge.
func (r *crowdRule) doubt() {
	for i := range r.levels {
		if l := &r.levels[i]; l.number == 0 {
			l.on = false
		}
	}
}

// lose implements judge.
func (r *crowdRule) lose(s *Set) {
	for i := range r.levels {
		if l := &r.levels[i]; l.on && l.number > 0 {
			r.tell(s, l, bongsu.FiringLost, 0, i)
		}
		r.levels[i].on, r.levels[i].number = false, 0
	}
	r.resumed = nil
}

// shift implements judge.
func (r *crowdRule) shift(d time.Duration) {
	for i := range r.levels {
		r.levels[i].shift(d)
	}
	r.shiftResumed(d)
}

func (r *crowdRule) empty() bool {
	for i := range r.levels {
		if r.levels[i].on {
			return false
		}
	}
	return true
}
