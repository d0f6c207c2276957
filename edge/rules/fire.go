package rules

import (
	"math"
	"time"

	"bongsu"
)

// fireRule: flames or smoke that stay. Something is a fire when it was seen for Confirm, gaps included, in
// at least half of the pictures, does not travel, and lives: its outline flickers, or it grows. Lamps
// and the sun in a window do neither, headlights travel. One camera tells one fire at a time: what
// else burns then, or shines in a window, belongs to it.
type fireRule struct {
	watcher
	blazes []blaze
}

// blaze is something bright or grey that may be a fire.
type blaze struct {
	occurrence
	home    bongsu.Box // where it was first seen
	box     bongsu.Box // in the latest picture
	now     bool       // in this picture
	present time.Duration
	first   float32 // area at the beginning, smoothed
	area    float32 // now, smoothed
	flicker float32 // mean change of the outline from picture to picture, parts of its size
	n       int     // pictures
}

// What tells a fire from something that only looks like one.
const (
	firePatience = 3 * time.Second // how long one that is not sure yet may be out of sight
	firePresent  = 0.5             // part of the time in which it must be seen
	fireGrowth   = 1.3             // of its area, or
	fireFlicker  = 0.02            // of its outline
	fireTravel   = 1.5             // sizes from where it was first
)

func newFire(w watcher, _ Options) judge { return &fireRule{watcher: w} }

func (r *fireRule) evaluate(s *Set) {
	for i := range r.blazes {
		r.blazes[i].now = false
	}
	if r.open(s) {
		for i := range s.subjects {
			g := &s.subjects[i]
			if g.now && r.counts(s, g) && (r.inZone(g.track.Box.Centre()) || r.inZone(g.foot())) {
				r.take(s, g)
			}
		}
	}
	burning := false
	for i := range r.blazes {
		burning = burning || r.blazes[i].number > 0
	}
	kept := r.blazes[:0]
	for i := range r.blazes {
		b := &r.blazes[i]
		if b.now {
			b.live()
		}
		away := s.watched - b.last.watched
		switch {
		case b.number > 0 && away > r.Linger:
			r.tell(s, b, bongsu.FiringEnd)
			continue
		case b.number == 0 && (away > firePatience || b.now && sizes(b.home.Foot(), b.box.Foot(), b.largest()) > fireTravel):
			continue
		case b.due(s) && b.now:
			r.tell(s, b, bongsu.FiringHold)
		case b.number == 0 && !burning && b.now && r.sure(b):
			burning = true
			r.tell(s, b, bongsu.FiringBegin)
		}
		kept = append(kept, *b)
	}
	r.blazes = kept
}

// take adds what is seen in this picture to the blaze that it belongs to.
func (r *fireRule) take(s *Set, g *subject) {
	box := g.track.Box
	for i := range r.blazes {
		b := &r.blazes[i]
		if !touches(grown(b.box), box) {
			continue
		}
		if b.now {
			b.box = union(b.box, box)
			b.best = max(b.best, g.track.Score)
			return
		}
		b.present += min(s.watched-b.last.watched, longestStep)
		b.now, b.box = true, box
		b.note(s, &g.track)
		return
	}
	b := blaze{occurrence: r.begin(s, &g.track), home: box, box: box, now: true}
	b.note(s, &g.track)
	r.blazes = append(r.blazes, b)
}

// live follows how the outline changes.
func (b *blaze) live() {
	area := b.box.Area()
	b.n++
	if b.n <= 3 {
		b.first = max(b.first, area)
		b.area = b.first
		return
	}
	was := max(b.area, 1e-9)
	change := float32(math.Abs(math.Log(float64(max(area, 1e-9) / was))))
	b.flicker += (change - b.flicker) / float32(min(b.n-3, 20))
	b.area += (area - b.area) * 0.3
}

func (b *blaze) growth() float64 { return float64(b.area) / max(float64(b.first), 1e-9) }

// largest is the larger of what it was and is: a fire that grows does not travel.
func (b *blaze) largest() bongsu.Box {
	if b.box.Area() > b.home.Area() {
		return b.box
	}
	return b.home
}

func (r *fireRule) sure(b *blaze) bool {
	if b.best < r.MinScore || !b.known && b.lasted() < r.Confirm {
		return false
	}
	return b.known || float64(b.present) >= firePresent*float64(b.lasted()) && (b.growth() >= fireGrowth || b.flicker >= fireFlicker)
}

func (r *fireRule) tell(s *Set, b *blaze, phase bongsu.FiringPhase) {
	b.track.Box = b.box
	f := r.fire(s, &b.occurrence, phase, nil)
	reason(f, "present_s", b.lasted().Seconds(), r.Confirm.Seconds())
	reason(f, "seen_part", part(b.present, b.lasted()), firePresent)
	reason(f, "growth", b.growth(), fireGrowth)
	reason(f, "flicker", float64(b.flicker), fireFlicker)
}

// part is a of b, 1 at most.
func part(a, b time.Duration) float64 {
	if b <= 0 {
		return 0
	}
	return min(1, float64(a)/float64(b))
}

// grown is a box with what belongs to it: half its size more on each side, and at least a little.
func grown(b bongsu.Box) bongsu.Box {
	const least = 0.02
	dx, dy := max(b.Width()/2, least), max(b.Height()/2, least)
	return bongsu.Box{X0: b.X0 - dx, Y0: b.Y0 - dy, X1: b.X1 + dx, Y1: b.Y1 + dy}
}

func touches(a, b bongsu.Box) bool {
	return a.X0 <= b.X1 && b.X0 <= a.X1 && a.Y0 <= b.Y1 && b.Y0 <= a.Y1
}

// doubt implements judge.
func (r *fireRule) doubt() {
	kept := r.blazes[:0]
	for i := range r.blazes {
		if r.blazes[i].number > 0 {
			kept = append(kept, r.blazes[i])
		}
	}
	r.blazes = kept
}

// lose implements judge.
func (r *fireRule) lose(s *Set) {
	for i := range r.blazes {
		if b := &r.blazes[i]; b.number > 0 {
			r.tell(s, b, bongsu.FiringLost)
		}
	}
	r.blazes, r.resumed = r.blazes[:0], nil
}

// shift implements judge.
func (r *fireRule) shift(d time.Duration) {
	for i := range r.blazes {
		r.blazes[i].shift(d)
	}
	r.shiftResumed(d)
}

func (r *fireRule) empty() bool { return len(r.blazes) == 0 }
