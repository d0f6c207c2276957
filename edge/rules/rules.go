// Package rules judges tracks: who is in a zone, who stays too long, who crosses a line. It is a
// pure function of its state and frame time: no goroutine, no wall clock of its own, and no
// allocation while nothing fires. docs/design/events.md has the drawings and the reasons.
package rules

import (
	"fmt"
	"slices"
	"time"

	"bongsu"
)

// Rule is one rule of a camera.
type Rule = bongsu.Rule

// Options are the rules of one camera and what they share. The zero value of a duration means
// its default.
type Options struct {
	Rules []Rule
	Hold  time.Duration // between two firings of phase Hold of one stay; 1 s
	Blind time.Duration // without a picture that can be trusted all stays are lost after this; 30 s
}

// Set holds the rules of one camera and what they remember. It is used by one goroutine at a
// time.
type Set struct {
	o        Options
	zones    []zoneRule
	lines    []lineRule
	relink   time.Duration // how long a subject that is out of sight waits for its return
	subjects []subject
	nextID   uint64

	begun   bool
	at      time.Time     // of the latest picture
	clock   time.Duration // frame time that has passed; never goes back
	watched time.Duration // the part of it in which there were pictures to be trusted
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
	s := &Set{o: o, relink: leastRelink, nextID: 1}
	var ids []bongsu.RuleID
	for _, r := range o.Rules {
		if err := check(r); err != nil {
			return nil, bongsu.Errorf(bongsu.CodeInvalid, "rule %s: %v", r.ID, err)
		}
		if slices.Contains(ids, r.ID) {
			return nil, bongsu.Errorf(bongsu.CodeInvalid, "rule %s: another rule of this camera has the same id", r.ID)
		}
		ids = append(ids, r.ID)
		s.relink = max(s.relink, r.Linger)
		if r.Kind == bongsu.KindLineCrossing {
			s.lines = append(s.lines, newLineRule(r))
		} else {
			s.zones = append(s.zones, zoneRule{watcher: watcher{r}})
		}
	}
	return s, nil
}

func check(r Rule) error {
	switch r.Kind {
	case bongsu.KindIntrusion:
		return bongsu.CheckZone(r.Zone)
	case bongsu.KindLoitering:
		if r.Dwell <= 0 {
			return fmt.Errorf("a loitering rule needs a dwell above 0")
		}
		return bongsu.CheckZone(r.Zone)
	case bongsu.KindLineCrossing:
		if !bongsu.ValidDirection(r.Direction) {
			return fmt.Errorf("%q is no direction: use left-to-right, right-to-left or both", r.Direction)
		}
		return bongsu.CheckLine(r.Line)
	}
	return fmt.Errorf("%q is no kind of rule: use intrusion, line-crossing or loitering", r.Kind)
}

// Evaluate judges the tracks of one picture and returns what fired. A tainted picture, and a call without a picture while a camera is away (tainted and no
// tracks), confirms nothing and ends nothing: what was there is held. After Options.Blind of
// nothing else it is lost: each stay that has fired gives a firing of phase FiringLost. The slice is valid until the next call; what its elements point to may be kept but not changed.
func (s *Set) Evaluate(p bongsu.Picture, tracks []bongsu.Track) []bongsu.Firing {
	s.out = s.out[:0]
	s.advance(p.At, p.Tainted)
	switch blind := s.clock - s.clear; {
	case blind > s.o.Blind:
		s.loseAll()
	case blind > doubtAfter:
		s.doubt()
	}
	if p.Tainted {
		return s.out
	}
	s.clear = s.clock
	if s.clock >= s.resume {
		s.forgetResumed()
	}
	s.follow(tracks)
	for i := range s.zones {
		s.zones[i].evaluate(s)
	}
	for i := range s.lines {
		s.lines[i].evaluate(s)
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
	if !tainted {
		s.watched += min(step, longestStep)
	}
}

// Shift says that the box's clock was set by d: what is remembered is dated on the clock as it is
// now, and no time has passed.
func (s *Set) Shift(d time.Duration) {
	s.at = s.at.Add(d)
	for i := range s.subjects {
		s.subjects[i].trail.shift(d)
	}
	for i := range s.zones {
		s.zones[i].shift(d)
	}
	for i := range s.lines {
		for j := range s.lines[i].sides {
			k := &s.lines[i].sides[j]
			k.at.wall, k.when = k.at.wall.Add(d), k.when.Add(d)
		}
	}
}

// doubt gives up what was about to fire: what nobody saw for so long does not count towards it.
func (s *Set) doubt() {
	for i := range s.zones {
		z := &s.zones[i]
		z.stays = slices.DeleteFunc(z.stays, func(t stay) bool { return t.number == 0 })
	}
}

// loseAll gives up every stay and forgets every subject: nobody knows what happened meanwhile.
func (s *Set) loseAll() {
	for i := range s.zones {
		s.zones[i].loseAll(s)
	}
	for i := range s.lines {
		s.lines[i].sides = s.lines[i].sides[:0]
	}
	s.subjects = s.subjects[:0]
}

// watcher is a rule at work.
type watcher struct{ Rule }

// watches reports whether the rule is about class.
func (r *watcher) watches(class bongsu.Class) bool {
	return len(r.Classes) == 0 || slices.ContainsFunc(r.Classes, class.Is)
}

// firing fills what all firings have in common.
func (r *watcher) firing(s *Set, g *subject, phase bongsu.FiringPhase, stay uint64) bongsu.Firing {
	return bongsu.Firing{
		Rule: r.ID, Kind: r.Kind, Priority: r.Priority, Phase: phase, Stay: stay,
		At: s.at, Since: s.at, Track: g.track, Zone: r.Zone, Line: r.Line, Trail: g.trail.points(),
	}
}
