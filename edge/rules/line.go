package rules

import (
	"math"
	"time"

	"bongsu"
)

// lineRule is a line-crossing rule with the side of the line on which each subject is.
type lineRule struct {
	watcher
	a, b     bongsu.Point
	nx, ny   float32 // how much of a box's width and height lies across the line
	sides    []side
	nextStay uint64
}

// clearBy is how far from the line a foot must be to count as clearly on one side: this part of
// the box's size across the line. Taking the box as the measure makes it right near and far, and
// in pictures of any shape.
const clearBy = 0.15

func newLineRule(r Rule) lineRule {
	l := lineRule{watcher: watcher{r}, a: r.Line[0], b: r.Line[1]}
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

	fired [2]time.Duration // clock at the latest firing to the left and to the right; 0 for never
}

func (l *lineRule) evaluate(s *Set) {
	for i := range s.subjects {
		g := &s.subjects[i]
		if g.now && l.watches(g.track.Class) {
			l.step(s, g)
		}
	}
	kept := l.sides[:0]
	for i := range l.sides {
		if s.watched-l.sides[i].at.watched <= s.relink {
			kept = append(kept, l.sides[i])
		}
	}
	l.sides = kept
}

// step takes in where g's foot is now.
func (l *lineRule) step(s *Set, g *subject) {
	foot := g.foot()
	offset := bongsu.SideOf(l.a, l.b, foot)
	d := l.sideOf(g.id)
	if d == nil {
		l.sides = append(l.sides, side{subject: g.id})
		d = &l.sides[len(l.sides)-1]
	} else if offset > 0 != (d.offset > 0) {
		l.pass(s, d, foot, offset)
	}
	d.foot, d.offset, d.at = foot, offset, s.moment()

	box := g.track.Box
	if float32(math.Abs(float64(offset))) < clearBy*(l.nx*box.Width()+l.ny*box.Height()) {
		return
	}
	now := int8(1)
	if offset < 0 {
		now = -1
	}
	before := d.settled
	d.settled = now
	if before != 0 && before != now && d.passed && d.within {
		l.fire(s, g, d, now)
	}
	d.passed = false
}

// pass notes where and when the straight way between two pictures meets the line.
func (l *lineRule) pass(s *Set, d *side, foot bongsu.Point, offset float32) {
	part := d.offset / (d.offset - offset)
	p := bongsu.Point{X: d.foot.X + part*(foot.X-d.foot.X), Y: d.foot.Y + part*(foot.Y-d.foot.Y)}
	along := bongsu.AlongLine(l.a, l.b, p)
	d.passed, d.within = true, along >= 0 && along <= 1
	d.when = d.at.wall.Add(time.Duration(float64(part) * float64(s.at.Sub(d.at.wall))))
}

func (l *lineRule) sideOf(subject uint64) *side {
	for i := range l.sides {
		if l.sides[i].subject == subject {
			return &l.sides[i]
		}
	}
	return nil
}

// fire reports a crossing towards side to, when the rule asks for that direction, the thing was
// seen well enough, and it has not just crossed the same way.
func (l *lineRule) fire(s *Set, g *subject, d *side, to int8) {
	direction, index := bongsu.DirectionLeftToRight, 1
	if to < 0 {
		direction, index = bongsu.DirectionRightToLeft, 0
	}
	if l.Direction != bongsu.DirectionBoth && l.Direction != direction || g.best < l.MinScore {
		return
	}
	if d.fired[index] != 0 && s.clock-d.fired[index] < l.Linger {
		return
	}
	d.fired[index] = max(s.clock, 1)
	l.nextStay++
	f := l.firing(s, g, bongsu.FiringPulse, l.nextStay)
	f.Direction = direction
	if d.when.Before(f.At) {
		f.Since = d.when
	}
	f.Reasons = []bongsu.Reason{{Name: "score", Value: float64(g.best), Threshold: float64(l.MinScore)}}
	s.out = append(s.out, f)
}
