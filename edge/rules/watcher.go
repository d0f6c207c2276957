package rules

import (
	"slices"
	"time"

	"bongsu"
)

// watcher is what all rules at work have in common.
type watcher struct {
	Rule
	version  string
	numbered uint64    // occurrences that have fired
	resumed  []resumed // that a lost worker has reported
}

// watches reports whether the rule is about class.
func (r *watcher) watches(class bongsu.Class) bool {
	return slices.ContainsFunc(r.Classes, class.Is)
}

// counts reports whether the rule looks at a thing of that class that stands there: not at what it is
// not about, in a polygon that is left out, or too far off to be judged.
func (r *watcher) counts(s *Set, g *subject) bool {
	return r.watches(g.track.Class) && r.near(s, g.foot())
}

// near reports whether p is neither left out nor too far off.
func (r *watcher) near(s *Set, p bongsu.Point) bool {
	for _, polygon := range r.Exclude {
		if bongsu.InZone(polygon, p) {
			return false
		}
	}
	if r.MinPXPerM > 0 {
		per, ok := s.o.Ground.PerMetre(p)
		return ok && float32(per)*s.height >= r.MinPXPerM
	}
	return true
}

// inZone reports whether p is in the rule's zone; a rule without one has the whole picture.
func (r *watcher) inZone(p bongsu.Point) bool { return len(r.Zone) == 0 || bongsu.InZone(r.Zone, p) }

// open reports whether the rule watches now.
func (r *watcher) open(s *Set) bool { return scheduled(r.Schedule, s.at, s.o.Location) }

// resume implements judge: ev was left open by a lost worker.
func (r *watcher) resume(ev *bongsu.Event) {
	if r.ID != ev.Rule || r.Kind != ev.Kind || !slices.Equal(r.Zone, ev.Zone) || !slices.Equal(r.Line, ev.Line) {
		return
	}
	k := resumed{since: ev.Start, class: ev.Class, box: ev.Box}
	if n := len(ev.Trail); n > 0 {
		k.box = ev.Trail[n-1].Box
	}
	r.resumed = append(r.resumed, k)
}

func (r *watcher) forgetResumed() { r.resumed = nil }

func (r *watcher) shiftResumed(d time.Duration) {
	for i := range r.resumed {
		r.resumed[i].since = r.resumed[i].since.Add(d)
	}
}

// occurrence is one thing that a rule has found or is about to find.
type occurrence struct {
	number uint64 // 0 until it has fired
	since  moment // it began
	last   moment // latest picture in which it was so
	best   float32
	held   time.Duration // clock at the latest firing
	track  bongsu.Track  // as it was in the latest picture in which it was so
	frames frames
	known  bool // a lost worker has reported it already
}

// begin makes an occurrence of what is first found now: k is what it is about.
func (r *watcher) begin(s *Set, k *bongsu.Track) occurrence {
	o := occurrence{since: s.moment(), last: s.moment(), track: *k}
	o.since, o.known = r.came(s, k)
	return o
}

// note takes in that it is so in this picture.
func (o *occurrence) note(s *Set, k *bongsu.Track) {
	o.last, o.track = s.moment(), *k
	o.best = max(o.best, k.Score)
	if o.number == 0 {
		o.frames.add(s, k.Box, k.Score)
	}
}

// lasted is how long it was so, in frame time.
func (o *occurrence) lasted() time.Duration { return o.last.clock - o.since.clock }

// shift moves it on the box's clock.
func (o *occurrence) shift(d time.Duration) {
	o.since.wall, o.last.wall = o.since.wall.Add(d), o.last.wall.Add(d)
	o.frames.shift(d)
}

// due reports whether it is time for another firing of phase Hold.
func (o *occurrence) due(s *Set) bool { return o.number > 0 && s.clock-o.held >= s.o.Hold }

// fire appends a firing and gives it for its reasons to be added: score is there already. The pointer
// is good until the next one.
func (r *watcher) fire(s *Set, o *occurrence, phase bongsu.FiringPhase, trail []bongsu.TrailPoint) *bongsu.Firing {
	if o.number == 0 {
		r.numbered++
		o.number = r.numbered
		o.frames.decide(s, o.track.Box, o.track.Score)
	}
	o.held = s.clock
	f := bongsu.Firing{
		Rule: r.ID, Kind: r.Kind, Priority: r.Priority, Phase: phase, Stay: o.number,
		At: s.at, Since: o.since.wall, Track: o.track, Zone: r.Zone, Line: r.Line, Trail: trail,
		Dwell: o.lasted(), RuleVersion: r.version, Frames: o.frames.list(),
		Reasons: append(make([]bongsu.Reason, 0, 6), bongsu.Reason{Name: "score", Value: float64(o.best), Threshold: float64(r.MinScore)}),
	}
	if phase == bongsu.FiringEnd || phase == bongsu.FiringLost {
		f.At = o.last.wall
	}
	if f.Since.After(f.At) { // the box's clock was set back meanwhile
		f.Since = f.At
	}
	s.out = append(s.out, f)
	return &s.out[len(s.out)-1]
}

func reason(f *bongsu.Firing, name string, value, threshold float64) {
	f.Reasons = append(f.Reasons, bongsu.Reason{Name: name, Value: value, Threshold: threshold})
}

// frames are the pictures that a decision rests on: the first, the last, and some between.
type frames struct {
	f     [bongsu.MaxDecidingFrames]bongsu.DecidingFrame
	n     int
	clock time.Duration // at the latest
	apart time.Duration // least between two
}

func (a *frames) add(s *Set, box bongsu.Box, score float32) {
	if a.n > 0 && s.clock-a.clock < a.apart {
		return
	}
	if a.n == len(a.f) { // every second one goes, and from now on they are twice as far apart
		for i := range a.n / 2 {
			a.f[i] = a.f[2*i]
		}
		a.n /= 2
		a.apart = max(2*a.apart, 200*time.Millisecond)
	}
	a.f[a.n] = bongsu.DecidingFrame{At: s.at, PTSUS: s.p.PTS.Microseconds(), Seq: s.p.Seq, Box: box, Score: score}
	a.n++
	a.clock = s.clock
}

// decide adds this picture as the one that made it sure.
func (a *frames) decide(s *Set, box bongsu.Box, score float32) {
	if a.n > 0 && a.f[a.n-1].Seq == s.p.Seq && a.f[a.n-1].At.Equal(s.at) {
		return
	}
	a.apart = 0
	a.add(s, box, score)
}

func (a *frames) list() []bongsu.DecidingFrame {
	return append([]bongsu.DecidingFrame(nil), a.f[:a.n]...)
}

func (a *frames) shift(d time.Duration) {
	for i := range a.f[:a.n] {
		a.f[i].At = a.f[i].At.Add(d)
	}
}
