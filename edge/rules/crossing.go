package rules

import (
	"math"
	"time"

	"bongsu"
)

// crossings is the machinery of rules about a line: the side of it on which each subject is.
type crossings struct {
	watcher
	a, b   bongsu.Point
	nx, ny float32 // how much of a box's width and height lies across the line
	sides  []side
}

// clearBy is how far from the line a foot must be to count as clearly on one side: this part of
// the box's size across the line. Taking the box as the measure makes it right near and far, and
// in pictures of any shape.
const clearBy = 0.15

func newCrossings(w watcher) crossings {
	l := crossings{watcher: w, a: w.Line[0], b: w.Line[1]}
	dx, dy := float64(l.b.X-l.a.X), float64(l.b.Y-l.a.Y)
	n := math.Hypot(dx, dy)
	l.nx, l.ny = float32(math.Abs(dy)/n), float32(math.Abs(dx)/n)
	return l
}

// side is where a subject stands to the line: 1 right, -1 left of who looks from A to B.
type side struct {
	subject uint64
	settled int8 // side on which it was clearly last; 0 when it never was
	foot    bongsu.Point
	offset  float32 // of foot, see bongsu.SideOf
	at      moment  // of foot

	passed bool      // the foot has changed sides since it was settled
	within bool      // between A and B
	when   time.Time // frame time of that, interpolated between two pictures
	frames frames    // last on the old side, and those since

	fired [2]time.Duration // clock at the latest firing to the left and to the right; 0 for never
}

// step takes in where g's foot is now. When it has crossed the line in a direction that the rule asks
// for, was seen well enough, and has not just crossed the same way, that direction is given.
func (l *crossings) step(s *Set, g *subject) (d *side, direction string) {
	foot := g.foot()
	offset := bongsu.SideOf(l.a, l.b, foot)
	d = l.sideOf(g.id)
	if d == nil {
		l.sides = append(l.sides, side{subject: g.id})
		d = &l.sides[len(l.sides)-1]
	} else if offset > 0 != (d.offset > 0) {
		l.pass(s, d, foot, offset)
	}
	d.foot, d.offset, d.at = foot, offset, s.moment()

	box := g.track.Box
	if abs(offset) < clearBy*(l.nx*box.Width()+l.ny*box.Height()) {
		d.frames.add(s, box, g.track.Score)
		return d, ""
	}
	now := int8(1)
	if offset < 0 {
		now = -1
	}
	before := d.settled
	d.settled = now
	if before != 0 && before != now && d.passed && d.within {
		direction = l.crossed(s, g, d, now)
	}
	d.passed = false
	if direction == "" {
		d.frames = frames{}
		d.frames.add(s, box, g.track.Score)
	}
	return d, direction
}

// pass notes where and when the straight way between two pictures meets the line.
func (l *crossings) pass(s *Set, d *side, foot bongsu.Point, offset float32) {
	part := d.offset / (d.offset - offset)
	p := bongsu.Point{X: d.foot.X + part*(foot.X-d.foot.X), Y: d.foot.Y + part*(foot.Y-d.foot.Y)}
	along := bongsu.AlongLine(l.a, l.b, p)
	d.passed, d.within = true, along >= 0 && along <= 1
	d.when = d.at.wall.Add(time.Duration(float64(part) * float64(s.at.Sub(d.at.wall))))
}

// crossed gives the direction of a crossing that counts, "" of one that does not.
func (l *crossings) crossed(s *Set, g *subject, d *side, to int8) string {
	direction, index := bongsu.DirectionLeftToRight, 1
	if to < 0 {
		direction, index = bongsu.DirectionRightToLeft, 0
	}
	if l.Direction != bongsu.DirectionBoth && l.Direction != direction || g.best < l.MinScore {
		return ""
	}
	if d.fired[index] != 0 && s.clock-d.fired[index] < l.Linger {
		return ""
	}
	d.fired[index] = max(s.clock, 1)
	return direction
}

func (l *crossings) sideOf(subject uint64) *side {
	for i := range l.sides {
		if l.sides[i].subject == subject {
			return &l.sides[i]
		}
	}
	return nil
}

// forget drops subjects that have been out of sight for long.
func (l *crossings) forget(s *Set) {
	kept := l.sides[:0]
	for i := range l.sides {
		if s.watched-l.sides[i].at.watched <= s.relink {
			kept = append(kept, l.sides[i])
		}
	}
	l.sides = kept
}

// doubt implements judge: who was on which side is known all the same.
func (l *crossings) doubt() {}

// lose implements judge.
func (l *crossings) lose(*Set) { l.sides, l.resumed = l.sides[:0], nil }

// shift implements judge.
func (l *crossings) shift(d time.Duration) {
	for i := range l.sides {
		k := &l.sides[i]
		k.at.wall, k.when = k.at.wall.Add(d), k.when.Add(d)
		k.frames.shift(d)
	}
	l.shiftResumed(d)
}

func (l *crossings) empty() bool { return len(l.sides) == 0 }
