package track

import (
	"time"

	"bongsu"
)

// What lies or stands still and is seen faintly, picture after picture, is there all the same: a bag in
// the dark, somebody who fell. A single weak detection says little, many at one place say a lot. A
// place where weak detections persist gives a target back that was lost there, so that its stay goes
// on; for a bag, which nobody saw before it was put down, it begins one. It never begins a person or a
// vehicle: posters and shadows persist as well.

// faint is a place where weak detections persist.
type faint struct {
	box    bongsu.Box // mean
	class  bongsu.Class
	sum    float32 // of scores
	hits   int     // pictures with it
	misses int     // and without it, since
	first  time.Duration
	seen   time.Duration // last
	again  bool          // something was seen there before, and not: no bag that was just put down
	old    bool          // it has persisted and nothing was lost there: a part of the place
}

const (
	faintMost    = 48                      // places at once
	faintOverlap = 0.5                     // of a detection and its place
	faintHits    = 5                       // pictures at least
	faintFor     = 1200 * time.Millisecond // time at least
	faintShare   = 0.6                     // of the pictures since
	faintAbove   = 0.05                    // of the score above Low: what is weaker is noise
	faintForget  = 15 * time.Second        // what was here before a target was lost is something else, so it is remembered
	faintEarly   = 500 * time.Millisecond  // so long before a target was lost it may have begun
	faintReach   = 0.5                     // sizes of a lost target's box on each side, in which
	faintInside  = 0.6                     // this share of the place must lie
	faintHigher  = 1.7                     // it is higher than the target was by this at most
)

// persist takes in what is left of the weak detections.
func (t *Tracker) persist(dets []bongsu.Detection) {
	for i := range t.faints {
		t.faints[i].misses++
	}
	for _, j := range t.low {
		d := &dets[j]
		if d.Score < t.o.Low+faintAbove || t.covered(d) {
			continue
		}
		if f := t.faintAt(d); f != nil {
			if !f.old && t.last-f.seen > faintFor { // it begins anew
				*f = faint{box: d.Box, class: d.Class, first: t.last, misses: 1, again: true}
			}
			f.add(d, t.last)
		} else if t.faintRoom() {
			t.faints = append(t.faints, faint{box: d.Box, class: d.Class, sum: d.Score, hits: 1, first: t.last, seen: t.last})
		}
	}
	kept := t.faints[:0]
	for i := range t.faints {
		f := &t.faints[i]
		if away := t.last - f.seen; away > faintForget || away > faintFor && f.hits < faintHits/2 {
			continue
		}
		if f.ripe(t) {
			if t.awake(f) {
				continue
			}
			f.old = true
		}
		kept = append(kept, *f)
	}
	t.faints = kept
}

// faintRoom makes room for one more place if it can: what was seen longest ago gives way.
func (t *Tracker) faintRoom() bool {
	if len(t.faints) < faintMost {
		return true
	}
	oldest := 0
	for i := range t.faints {
		if t.faints[i].seen < t.faints[oldest].seen {
			oldest = i
		}
	}
	if t.faints[oldest].seen == t.last {
		return false
	}
	last := len(t.faints) - 1
	t.faints[oldest] = t.faints[last]
	t.faints = t.faints[:last]
	return true
}

// faintAt gives the place that a detection belongs to; nil when it is a new one.
func (t *Tracker) faintAt(d *bongsu.Detection) *faint {
	var best *faint
	most := float32(faintOverlap)
	for i := range t.faints {
		f := &t.faints[i]
		if !f.class.Alike(d.Class) || f.seen == t.last {
			continue
		}
		if o := f.box.IoU(d.Box); o >= most {
			best, most = f, o
		}
	}
	return best
}

func (f *faint) add(d *bongsu.Detection, at time.Duration) {
	const part = 0.2
	f.box.X0 += (d.Box.X0 - f.box.X0) * part
	f.box.Y0 += (d.Box.Y0 - f.box.Y0) * part
	f.box.X1 += (d.Box.X1 - f.box.X1) * part
	f.box.Y1 += (d.Box.Y1 - f.box.Y1) * part
	if d.Class == bongsu.ClassFallenPerson || f.class != bongsu.ClassFallenPerson {
		f.class = d.Class // who was called fallen once more than never is told so
	}
	f.sum += d.Score
	f.hits++
	f.misses--
	f.seen = at
}

// ripe reports whether a place has persisted, and is seen now.
func (f *faint) ripe(t *Tracker) bool {
	return f.seen == t.last && f.hits >= faintHits && t.last-f.first >= faintFor &&
		float32(f.hits) >= faintShare*float32(f.hits+f.misses)
}

// awake gives a place its target, and reports whether it has one now.
func (t *Tracker) awake(f *faint) bool {
	d := bongsu.Detection{Box: f.box, Class: f.class, Score: f.sum / float32(f.hits)}
	if g := t.lostAt(f); g != nil {
		whole := g.whole
		g.place(d.Box)
		g.whole = whole
		g.hidden, g.gone = false, false
		t.see(g, &d)
		return true
	}
	if f.class != bongsu.ClassBag || f.again || !t.room() {
		return false
	}
	t.targets = append(t.targets, target{id: t.nextID, first: f.first, confirmed: true, hits: f.hits, sum: f.sum, score: d.Score, seen: t.last, now: true})
	t.nextID++
	g := &t.targets[len(t.targets)-1]
	g.place(d.Box)
	g.vote(d.Class, d.Score, 0)
	return true
}

// lostAt finds the target out of sight that was last seen where a place began to persist: nil when
// there is none.
func (t *Tracker) lostAt(f *faint) *target {
	var best *target
	for i := range t.targets {
		g := &t.targets[i]
		if g.now || !g.confirmed || g.seen > f.first+faintEarly || !g.class().Alike(f.class) {
			continue
		}
		w, h := g.whole.w, g.whole.h
		last := grow(bongsu.Box{X0: g.left.x - w/2, Y0: g.left.top, X1: g.left.x + w/2, Y1: g.left.top + h}, faintReach)
		in := bongsu.Box{X0: max(last.X0, f.box.X0), Y0: max(last.Y0, f.box.Y0), X1: min(last.X1, f.box.X1), Y1: min(last.Y1, f.box.Y1)}
		if in.Area() < faintInside*f.box.Area() || f.box.Height() > faintHigher*h {
			continue
		}
		if best == nil || g.seen > best.seen {
			best = g
		}
	}
	return best
}
