package rules

import (
	"time"

	"bongsu"
)

// lineCountingRule: how many cross a line, by class and direction, as one closed event for each Period. It
// is a record and no alarm. Periods begin at local midnight and at every Period after it.
type lineCountingRule struct {
	crossings
	tallies []tally
	from    time.Time // of the period, or when watching began in it; zero before the first picture
	until   time.Time
	seen    time.Duration // watched time in it
	best    float32
}

// tally is how many of one class have crossed in one direction.
type tally struct {
	class     bongsu.Class
	direction string
	n         int
}

func newLineCounting(w watcher, _ Options) judge {
	return &lineCountingRule{crossings: newCrossings(w), tallies: make([]tally, 0, 32)}
}

func (l *lineCountingRule) evaluate(s *Set) {
	switch {
	case l.from.IsZero():
		l.begin(s)
	case !s.at.Before(l.until):
		l.tell(s)
		l.begin(s)
	}
	l.seen += s.step
	if l.open(s) {
		for i := range s.subjects {
			g := &s.subjects[i]
			if !g.now || !l.counts(s, g) {
				continue
			}
			if _, direction := l.step(s, g); direction != "" {
				l.add(g.track.Class, direction)
				l.best = max(l.best, g.best)
			}
		}
	}
	l.forget(s)
}

// begin starts the period in which the present picture lies.
func (l *lineCountingRule) begin(s *Set) {
	l.from, l.until = s.at, endOfPeriod(s.at, l.Period, s.o.Location)
	l.tallies, l.seen, l.best = l.tallies[:0], 0, 0
}

// endOfPeriod is the next multiple of period after local midnight, midnight included.
func endOfPeriod(at time.Time, period time.Duration, in *time.Location) time.Time {
	y, m, d := at.In(in).Date()
	midnight := time.Date(y, m, d, 0, 0, 0, 0, in)
	next := time.Date(y, m, d+1, 0, 0, 0, 0, in)
	end := midnight.Add((at.Sub(midnight)/period + 1) * period)
	if end.After(next) {
		return next
	}
	return end
}

func (l *lineCountingRule) add(class bongsu.Class, direction string) {
	for i := range l.tallies {
		if t := &l.tallies[i]; t.class == class && t.direction == direction {
			t.n++
			return
		}
	}
	l.tallies = append(l.tallies, tally{class, direction, 1})
}

// tell reports the period that is over, at its end.
func (l *lineCountingRule) tell(s *Set) {
	end := moment{wall: l.until, clock: s.clock, watched: s.watched}
	o := occurrence{since: moment{wall: l.from, clock: s.clock - l.until.Sub(l.from)}, last: end, best: l.best,
		track: bongsu.Track{Class: l.most(), Score: l.best, Box: around(l.Line)}}
	f := l.fire(s, &o, bongsu.FiringPulse, nil)
	f.At, f.Frames = l.until, nil
	reason(f, "period_s", l.until.Sub(l.from).Seconds(), l.Period.Seconds())
	reason(f, "watched_s", min(l.seen, l.until.Sub(l.from)).Seconds(), 0)
	for _, direction := range []string{bongsu.DirectionLeftToRight, bongsu.DirectionRightToLeft} {
		if l.Direction != bongsu.DirectionBoth && l.Direction != direction {
			continue
		}
		total := 0
		for _, t := range l.tallies {
			if t.direction == direction {
				total += t.n
			}
		}
		reason(f, "count_"+direction, float64(total), 0)
	}
	for _, t := range l.tallies {
		reason(f, "count_"+t.direction+"_"+string(t.class), float64(t.n), 0)
	}
}

// most is the class that was counted most; the first that is counted when nothing was.
func (l *lineCountingRule) most() bongsu.Class {
	class, n := l.Classes[0], 0
	for _, t := range l.tallies {
		if t.n > n {
			class, n = t.class, t.n
		}
	}
	return class
}

// around is the box that holds all points.
func around(points []bongsu.Point) bongsu.Box {
	if len(points) == 0 {
		return bongsu.Box{X1: 1, Y1: 1}
	}
	b := bongsu.Box{X0: points[0].X, Y0: points[0].Y, X1: points[0].X, Y1: points[0].Y}
	for _, p := range points[1:] {
		b = union(b, bongsu.Box{X0: p.X, Y0: p.Y, X1: p.X, Y1: p.Y})
	}
	return b
}

func union(a, b bongsu.Box) bongsu.Box {
	return bongsu.Box{X0: min(a.X0, b.X0), Y0: min(a.Y0, b.Y0), X1: max(a.X1, b.X1), Y1: max(a.Y1, b.Y1)}
}

// shift implements judge: the period goes on, dated on the clock as it is now.
func (l *lineCountingRule) shift(d time.Duration) {
	if !l.from.IsZero() {
		l.from, l.until = l.from.Add(d), l.until.Add(d)
	}
	l.crossings.shift(d)
}
