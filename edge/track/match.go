package track

import (
	"math"
	"time"

	"bongsu"
)

// Overlaps (IoU) that a match needs.
const (
	overlapHigh      = 0.2  // confident detection and predicted box; ByteTrack's 0.2
	overlapLow       = 0.4  // weak detection: it must lie where the track is expected
	overlapOwn       = 0.5  // second sighting where the first one was
	overlapTentative = 0.2  // second sighting, velocity not yet known
	overlapBuffered  = 0.1  // of boxes grown by buffer, see associate
	overlapCovered   = 0.75 // a new or young lost track that another one covers this much is the same thing
)

const (
	weakFor = 700 * time.Millisecond // after its last sighting a weak detection can continue a track
	youth   = time.Second            // a track followed for less may be another one's double
)

// associate matches in ByteTrack's order: confirmed tracks with confident detections, then those
// seen a moment ago with weak ones. What is left of the confident ones goes to tentative tracks that
// lie well under them, then to confirmed ones by grown boxes (the buffered IoU of F. Yang et al.,
// "Hard to Track Objects with Irregular Motions and Similar Appearances? Make It Easier by Buffering
// the Matching Space", WACV 2023), which is what holds fast things together at few pictures a
// second; last, to the other tentative ones.
func (t *Tracker) associate(dets []bongsu.Detection) {
	t.match(dets, &t.high, overlapHigh, 0, func(g *target) bool { return g.confirmed })
	t.match(dets, &t.low, overlapLow, 0, func(g *target) bool { return g.confirmed && t.last-g.seen <= weakFor })
	t.match(dets, &t.high, overlapOwn, 0, func(g *target) bool { return !g.confirmed })
	t.match(dets, &t.high, overlapBuffered, 0.4, func(g *target) bool { return g.confirmed })
	t.match(dets, &t.high, overlapTentative, 0.2, func(g *target) bool { return !g.confirmed })
}

// match assigns the detections of *pool to unseen targets that want allows, so that the sum of
// their affinities is the greatest possible, and takes the matched ones out of *pool. Boxes are
// grown by buffer of their size on each side before they are compared.
func (t *Tracker) match(dets []bongsu.Detection, pool *[]int, least, buffer float32, want func(*target) bool) {
	t.free = t.free[:0]
	for i := range t.targets {
		if g := &t.targets[i]; !g.now && !g.gone && want(g) {
			t.free = append(t.free, i)
		}
	}
	if len(t.free) == 0 || len(*pool) == 0 {
		return
	}
	cost := t.solve.matrix(len(t.free), len(*pool))
	for r, i := range t.free {
		g := &t.targets[i]
		box := grow(g.box(), buffer)
		for c, j := range *pool {
			cost[r*len(*pool)+c] = 1 - g.affinity(box, &dets[j], least, buffer)
		}
	}
	for r, c := range t.solve.assign(len(t.free), len(*pool)) {
		if c < 0 || cost[r*len(*pool)+c] >= 1 {
			continue
		}
		j := (*pool)[c]
		t.taken[j] = true
		t.see(&t.targets[t.free[r]], &dets[j])
	}
	rest := (*pool)[:0]
	for _, j := range *pool {
		if !t.taken[j] {
			rest = append(rest, j)
		}
	}
	*pool = rest
}

const (
	likelyShare  = 0.4  // of the affinity that the motion model decides; the rest is overlap
	likelyWidth  = 8.0  // squared distance, in squared standard deviations, at which likelihood is 1/e
	hiddenShare  = 0.9  // of the affinity of a target that the picture before missed: who is seen goes on being seen
	leastMatched = 0.01 // affinity of the worst pair that may match: any match is better than none
)

// affinity says how well a detection continues the target, whose predicted box, grown by buffer, is
// box: 0 when their classes differ or they overlap by less than least. Overlap alone confuses people
// who cross, since half a body's width to the side changes it more than standing two metres behind
// does. So it is multiplied by the overlap of their heights alone (the height-modulated IoU of
// M. Yang et al., "Hybrid-SORT: Weak Cues Matter for Online Multi-Object Tracking", AAAI 2024), and
// mixed with how likely the place and height are by the filter, which knows how long the target has
// been out of sight.
func (g *target) affinity(box bongsu.Box, d *bongsu.Detection, least, buffer float32) float32 {
	if !g.class().Alike(d.Class) {
		return 0
	}
	b := grow(d.Box, buffer)
	overlap := box.IoU(b)
	if overlap < least {
		return 0
	}
	overlap *= (min(box.Y1, b.Y1) - max(box.Y0, b.Y0)) / (max(box.Y1, b.Y1) - min(box.Y0, b.Y0))
	c, w, h := d.Box.Centre(), max(g.w.x, smallest), max(g.h.x, smallest)
	far := g.cx.distance(c.X, w) + g.cy.distance(c.Y, h)
	if buffer == 0 {
		far += g.h.distance(d.Box.Height(), h)
	}
	likely := float32(math.Exp(-float64(far) / likelyWidth))
	like := (1-likelyShare)*overlap + likelyShare*likely
	if g.hidden {
		like *= hiddenShare
	}
	return leastMatched + (1-leastMatched)*like
}

// distance is that of a measured place from the predicted one, in squared standard deviations.
func (a *axis) distance(z, size float32) float32 {
	return square(z-a.x) / (a.pxx + square(measureNoise*size))
}

func grow(b bongsu.Box, by float32) bongsu.Box {
	dx, dy := b.Width()*by, b.Height()*by
	return bongsu.Box{X0: b.X0 - dx, Y0: b.Y0 - dy, X1: b.X1 + dx, Y1: b.Y1 + dy}
}
