package rules

import (
	"time"

	"bongsu"
)

// stays is the machinery of rules that watch for something of single subjects, such as being in a
// zone. A stay is one subject's time in which it is so, from the first picture until it was not so, or
// could not be seen, for Linger.
type stays struct {
	watcher
	of       condition
	patience time.Duration // how long a stay that has not fired yet may be broken
	all      []stay
}

// condition is what a rule watches for.
type condition interface {
	holds(s *Set, g *subject) bool             // it is so of g in this picture, and lasts while it is
	full(s *Set, g *subject) bool              // it is so without doubt: this time counts towards Confirm
	sure(s *Set, g *subject, t *stay) bool     // it was so for long enough to fire
	explain(s *Set, f *bongsu.Firing, t *stay) // adds what was measured
}

type stay struct {
	occurrence
	subject uint64
	left    bool          // it was seen not to be so since, or about to leave the picture
	present time.Duration // watched time in which it held
	inside  time.Duration // the part of it in which it was full
}

// breakFor is how long a stay of seconds that has not fired yet may be broken.
const breakFor = 700 * time.Millisecond

// hiddenFor is how long somebody may be out of sight in the midst of a stay.
const hiddenFor = 10 * time.Second

// longestGap is the most time between two pictures that counts towards Confirm.
const longestGap = 250 * time.Millisecond

func (z *stays) evaluate(s *Set) {
	open := z.open(s)
	for i := range s.subjects {
		g := &s.subjects[i]
		if !g.now {
			continue
		}
		if open && z.counts(s, g) && z.of.holds(s, g) {
			z.inside(s, g)
		} else if t := z.stayOf(g.id); t != nil {
			t.left = true
		}
	}
	kept := z.all[:0]
	for i := range z.all {
		t := &z.all[i]
		away := s.watched - t.last.watched
		switch {
		case t.number == 0 && away > z.waits(t, z.patience):
			continue
		case t.number > 0 && away > z.waits(t, z.Linger):
			z.tell(s, t, bongsu.FiringEnd)
			continue
		}
		kept = append(kept, *t)
	}
	z.all = kept
}

// waits is how long a stay goes on without being seen: who was lost in the midst of it is there, until it
// is found elsewhere or has been out of sight for long. Who was about to leave the picture has left.
func (z *stays) waits(t *stay, usual time.Duration) time.Duration {
	if t.left || t.number == 0 && z.patience <= breakFor {
		return usual
	}
	return max(usual, hiddenFor)
}

// inside takes in that it is so of g.
func (z *stays) inside(s *Set, g *subject) {
	t := z.stayOf(g.id)
	if t == nil {
		z.all = append(z.all, stay{occurrence: z.begin(s, &g.track), subject: g.id})
		t = &z.all[len(z.all)-1]
	}
	t.left = g.left()
	gap := min(s.watched-t.last.watched, longestGap)
	t.present += gap
	if z.of.full(s, g) {
		t.inside += gap
	}
	t.note(s, &g.track)
	switch {
	case t.due(s):
		z.tell(s, t, bongsu.FiringHold)
	case t.number == 0 && t.best >= z.MinScore && z.of.sure(s, g, t):
		z.tell(s, t, bongsu.FiringBegin)
	}
}

func (z *stays) stayOf(subject uint64) *stay {
	for i := range z.all {
		if z.all[i].subject == subject {
			return &z.all[i]
		}
	}
	return nil
}

func (z *stays) tell(s *Set, t *stay, phase bongsu.FiringPhase) {
	var trail []bongsu.TrailPoint
	if g := s.find(t.subject); g != nil {
		trail = g.trail.points()
	}
	z.of.explain(s, z.fire(s, &t.occurrence, phase, trail), t)
}

// doubt implements judge.
func (z *stays) doubt() {
	kept := z.all[:0]
	for i := range z.all {
		if z.all[i].number > 0 {
			kept = append(kept, z.all[i])
		}
	}
	z.all = kept
}

// lose implements judge.
func (z *stays) lose(s *Set) {
	for i := range z.all {
		if t := &z.all[i]; t.number > 0 {
			z.tell(s, t, bongsu.FiringLost)
		}
	}
	z.all, z.resumed = z.all[:0], nil
}

// shift implements judge.
func (z *stays) shift(d time.Duration) {
	for i := range z.all {
		z.all[i].shift(d)
	}
	z.shiftResumed(d)
}

func (z *stays) empty() bool { return len(z.all) == 0 }
