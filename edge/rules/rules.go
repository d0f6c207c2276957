// Package rules judges tracks: who is in a zone, who stays too long, what burns, what was left
// behind. It is a pure function of its state and frame time: no goroutine, no wall clock of its own,
// and no allocation while nothing fires. Each kind of rule is one file. docs/ref/rules.md says what
// each means, docs/design/events.md why.
package rules

import (
	"slices"
	"time"

	"bongsu"
)

// Rule is one rule of a camera.
type Rule = bongsu.Rule

// Options are the rules of one camera and what they share. The zero value of a duration means
// its default.
type Options struct {
	Rules    []Rule         // zero fields mean Defaults of the kind
	Ground   *bongsu.Ground // nil: the camera was not calibrated; lengths are then guessed from the size of people
	Location *time.Location // in which schedules and counting periods are read; UTC when nil
	Hold     time.Duration  // between two firings of phase Hold of one stay; 1 s
	Blind    time.Duration  // without a picture that can be trusted all stays are lost after this; 30 s
}

// judge is one rule at work.
type judge interface {
	evaluate(s *Set)         // takes in a picture that can be trusted
	doubt()                  // nobody could see for long: what has not fired begins anew
	lose(s *Set)             // nobody could see for too long: what has fired is lost, the rest forgotten
	shift(d time.Duration)   // the box's clock was set by d
	resume(ev *bongsu.Event) // a lost worker has left ev open
	forgetResumed()
	empty() bool // nothing is remembered
}

// Set holds the rules of one camera and what they remember. It is used by one goroutine at a
// time.
type Set struct {
	o        Options
	judges   []judge
	relink   time.Duration // how long a subject that is out of sight waits for its return
	brief    time.Duration // and one that was on its way
	subjects []subject
	nextID   uint64

	p       bongsu.Picture // the latest
	aspect  float32        // width over height of the latest picture that had a size
	height  float32        // pixels of that
	begun   bool
	at      time.Time     // of the latest picture
	clock   time.Duration // frame time that has passed; never goes back
	watched time.Duration // the part of it in which there were pictures to be trusted
	step    time.Duration // by which the latest picture has moved watched on
	clear   time.Duration // clock at the latest of those
	resume  time.Duration // clock at which what Resume told is given up

	out []bongsu.Firing
}

// Limits of the clocks.
const (
	longestStep = 500 * time.Millisecond // between two pictures that counts as watched
	leastRelink = 2 * time.Second
	doubtAfter  = 10 * time.Second // without trust, what has not fired yet begins anew
	resumeFor   = 10 * time.Second // a lost worker's events wait so long, as those of events.Machine do
)

// New checks the rules and makes a Set without memory. The error names the rule and what is
// wrong with it; its code is bongsu.CodeInvalid.
func New(o Options) (*Set, error) {
	if o.Hold <= 0 {
		o.Hold = time.Second
	}
	if o.Blind <= 0 {
		o.Blind = 30 * time.Second
	}
	if o.Location == nil {
		o.Location = time.UTC
	}
	s := &Set{o: o, relink: hiddenFor, brief: leastRelink, nextID: 1, aspect: 16.0 / 9, height: 720}
	var ids []bongsu.RuleID
	for _, r := range o.Rules {
		r = Complete(r)
		if err := Check(r, o.Ground); err != nil {
			return nil, bongsu.Errorf(bongsu.CodeInvalid, "rule %s: %v", r.ID, err)
		}
		if slices.Contains(ids, r.ID) {
			return nil, bongsu.Errorf(bongsu.CodeInvalid, "rule %s: another rule of this camera has the same id", r.ID)
		}
		ids = append(ids, r.ID)
		if kindOf(r.Kind).relinks {
			s.relink, s.brief = max(s.relink, r.Linger), max(s.brief, r.Linger)
		}
		s.judges = append(s.judges, kindOf(r.Kind).make(watcher{Rule: r, version: version(r, o.Ground)}, o))
	}
	return s, nil
}

// Evaluate judges the tracks of one picture and returns what fired. A tainted picture, and a call
// without a picture while a camera is away (tainted and no tracks), confirms nothing and ends
// nothing: what was there is held. After Options.Blind of nothing else it is lost: each stay that has
// fired gives a firing of phase FiringLost. The slice is valid until the next call; what its elements
// point to may be kept but not changed.
func (s *Set) Evaluate(p bongsu.Picture, tracks []bongsu.Track) []bongsu.Firing {
	s.out = s.out[:0]
	s.p = p
	if p.Width > 0 && p.Height > 0 {
		s.aspect, s.height = float32(p.Width)/float32(p.Height), float32(p.Height)
	}
	s.advance(p.At, p.Tainted)
	switch blind := s.clock - s.clear; {
	case blind > s.o.Blind:
		for _, j := range s.judges {
			j.lose(s)
		}
		s.subjects = s.subjects[:0]
	case blind > doubtAfter:
		for _, j := range s.judges {
			j.doubt()
		}
	}
	if p.Tainted {
		return s.out
	}
	s.clear = s.clock
	if s.clock >= s.resume {
		for _, j := range s.judges {
			j.forgetResumed()
		}
	}
	s.follow(tracks)
	for _, j := range s.judges {
		j.evaluate(s)
	}
	s.forget()
	return s.out
}

// advance moves the clocks on. A step of the box's clock back counts as no time.
func (s *Set) advance(at time.Time, tainted bool) {
	var step time.Duration
	if s.begun {
		step = max(0, at.Sub(s.at))
	}
	s.begun, s.at = true, at
	s.clock += step
	s.step = 0
	if !tainted {
		s.step = min(step, longestStep)
		s.watched += s.step
	}
}

// Shift says that the box's clock was set by d: what is remembered is dated on the clock as it is
// now, and no time has passed.
func (s *Set) Shift(d time.Duration) {
	s.at = s.at.Add(d)
	for i := range s.subjects {
		s.subjects[i].trail.shift(d)
		s.subjects[i].rest.since.wall = s.subjects[i].rest.since.wall.Add(d)
	}
	for _, j := range s.judges {
		j.shift(d)
	}
}

// moment is one instant on the three clocks.
type moment struct {
	wall    time.Time
	clock   time.Duration
	watched time.Duration
}

func (s *Set) moment() moment { return moment{s.at, s.clock, s.watched} }
