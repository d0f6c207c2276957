package track

import (
	"math"
	"time"

	"bongsu"
)

// Noise of the motion model, as parts of the box's size, so that it means the same near and far.
// SORT's and ByteTrack's filters state theirs a picture at 30 a second: h/20 of place and h/160 of
// velocity, which is 0.27 and 1.03 in seconds (h/20·√30 and h/160·30·√30). What moves on the ground
// changes its way more gently than that (docs/design/tracks.md has the table).
const (
	placeNoise    = 0.27 // standard deviation of the place after 1 s, sizes
	velocityNoise = 0.6  // of the velocity after 1 s, sizes a second
	measureNoise  = 0.05 // of a detected edge, sizes
	firstVelocity = 1.0  // of a velocity that is not known yet, sizes a second
)

// axis is a Kalman filter of one coordinate with constant velocity (R. E. Kalman, 1960). The
// filters of SORT and ByteTrack have eight states but no covariance between coordinates, so that
// four of these are the same thing.
type axis struct {
	x, v          float32 // place, 0..1; velocity, 1/s
	pxx, pxv, pvv float32 // covariance
}

func (a *axis) place(x, size float32) {
	*a = axis{x: x, pxx: square(measureNoise * size), pvv: square(firstVelocity * size)}
}

// predict moves the state dt seconds on, with white noise in place and acceleration.
func (a *axis) predict(dt, size float32) {
	q := square(velocityNoise * size)
	a.x += a.v * dt
	a.pxx += dt*(2*a.pxv+dt*a.pvv) + square(placeNoise*size)*dt + q*dt*dt*dt/3
	a.pxv += dt*a.pvv + q*dt*dt/2
	a.pvv += q * dt
}

// correct takes a measured place in.
func (a *axis) correct(z, size float32) {
	s := a.pxx + square(measureNoise*size)
	kx, kv := a.pxx/s, a.pxv/s
	e := z - a.x
	a.x += kx * e
	a.v += kv * e
	a.pvv -= kv * a.pxv
	a.pxv -= kx * a.pxv
	a.pxx -= kx * a.pxx
}

func square(x float32) float32 { return x * x }

// target is one thing as the tracker knows it.
type target struct {
	id         bongsu.TrackID
	cx, cy     axis // centre of the box
	w, h       axis // its size
	confirmed  bool
	now        bool // seen in the latest picture
	fresh      bool // confirmed by the latest picture
	hidden     bool // not seen in the latest picture, and ready for that
	gone       bool // out of sight for so long that only relink asks for it
	hits       int
	score      float32
	sum        float32 // of all scores
	first      time.Duration
	seen       time.Duration // last
	candidates [4]struct {   // classes it was called, with the sum of their scores
		class  bongsu.Class
		weight float32
	}
	whole struct{ w, h, v float32 } // its size and its speed to the side when nothing hides it
	left  struct{ x, top float32 }  // where it was seen last: centre and upper edge
}

const smallest = 1e-4 // least size of a box: 0.01 % of the picture

func (g *target) place(b bongsu.Box) {
	c := b.Centre()
	w, h := max(b.Width(), smallest), max(b.Height(), smallest)
	g.cx.place(c.X, w)
	g.cy.place(c.Y, h)
	g.w.place(w, w)
	g.h.place(h, h)
	g.whole.w, g.whole.h, g.whole.v = w, h, 0
	g.left.x, g.left.top = c.X, b.Y0
}

// predict moves the target on. The size of one that is out of sight is held: extrapolated, it
// would shrink to nothing or swallow the picture.
func (g *target) predict(dt float32) {
	if dt == 0 {
		return
	}
	w, h := max(g.w.x, smallest), max(g.h.x, smallest)
	g.cx.predict(dt, w)
	g.cy.predict(dt, steadier(w, h))
	g.w.predict(dt, w)
	g.h.predict(dt, h)
	g.w.x, g.h.x = max(g.w.x, w/2), max(g.h.x, h/2)
	g.w.v, g.h.v = g.w.v*(1-min(dt, 1)), g.h.v*(1-min(dt, 1))
}

// steadier is the size that vertical noise is stated in: the camera looks down the ground, so that
// what stands upright moves less up and down in the picture than its height would say.
func steadier(w, h float32) float32 { return min(w, h) }

// correct takes in a detection, dt seconds after the one before.
func (g *target) correct(b bongsu.Box, dt float32) {
	b = g.uncut(b, dt)
	c := b.Centre()
	w, h := max(b.Width(), smallest), max(b.Height(), smallest)
	g.cx.correct(c.X, w)
	g.cy.correct(c.Y, h)
	g.w.correct(w, w)
	g.h.correct(h, h)
	g.whole.w, g.whole.h = wholesome(g.whole.w, g.w.x, dt), wholesome(g.whole.h, g.h.x, dt)
	if g.w.x > (1-vanishOff)*g.whole.w {
		g.whole.v = g.cx.v
	}
	g.left.x, g.left.top = g.cx.x, g.cy.x-g.h.x/2
	g.hidden = false
}

const (
	cutShare  = 0.1 // of the height: what an edge must be off to count as cut, and may be off to count as seen
	cutFor    = 3.0 // seconds in which a size that stays cut is believed
	growsFor  = 0.3 // seconds in which a size that is larger than ever is believed
	vanishOff = 0.1 // share of the size that must be missing before it is given back
)

// uncut gives a box its lower part back when something stands before it: its upper edge is where it
// is expected, the lower one is not. A person who falls or sits down lowers the upper edge.
func (g *target) uncut(b bongsu.Box, dt float32) bongsu.Box {
	want, h := g.box(), g.h.x
	if off := b.Y0 - want.Y0; want.Y1-b.Y1 > cutShare*h && off < cutShare*h && off > -cutShare*h {
		b.Y1 += (b.Y0 + h - b.Y1) * (1 - min(1, dt/cutFor))
	}
	return b
}

// wholesome follows a size up at once and down slowly.
func wholesome(whole, x, dt float32) float32 {
	if x > whole {
		return whole + (x-whole)*min(1, dt/growsFor)
	}
	return whole + (x-whole)*min(1, dt/cutFor)
}

// vanish is called when the target is out of sight for the first time. Something slid before it,
// and cut its last boxes from the side that went first: it has its size back, and grows no more.
func (g *target) vanish() {
	if d := g.whole.w - g.w.x; d > vanishOff*g.whole.w {
		g.w.x = g.whole.w
		shrinks := min(g.w.v, 0) / 2 // the edge that is still seen moves on as the whole does; half of it is noise
		if g.cx.v < 0 {
			d, shrinks = -d, -shrinks
		}
		g.cx.x += d / 2
		g.cx.v -= shrinks / 2
	}
	if d := g.whole.h - g.h.x; d > vanishOff*g.whole.h {
		g.h.x = g.whole.h
		g.cy.x += d / 2
	}
	g.w.v, g.h.v = 0, 0
}

// shift moves the target with the picture.
func (g *target) shift(dx, dy float32) {
	g.cx.x += dx
	g.cy.x += dy
	g.left.x += dx
	g.left.top += dy
}

func (g *target) box() bongsu.Box {
	w, h := max(g.w.x, smallest)/2, max(g.h.x, smallest)/2
	return bongsu.Box{X0: g.cx.x - w, Y0: g.cy.x - h, X1: g.cx.x + w, Y1: g.cy.x + h}
}

// velocity is that of the foot point, per second.
func (g *target) velocity() (vx, vy float32) { return g.cx.v, g.cy.v + g.h.v/2 }

// postureHalf is how long what a person was called before counts for half.
const postureHalf = 500 * time.Millisecond

// vote adds a sighting as class, since after the last one. When all places are taken the least
// likely one is given up. A car does not become a truck: all its sightings count the same. A
// person falls and gets up, so the older ones count less.
func (g *target) vote(class bongsu.Class, score float32, since time.Duration) {
	if class.Is(bongsu.ClassPerson) {
		keep := float32(math.Exp2(-float64(since) / float64(postureHalf)))
		for i := range g.candidates {
			g.candidates[i].weight *= keep
		}
	}
	least := 0
	for i := range g.candidates {
		c := &g.candidates[i]
		if c.class == class || c.weight == 0 {
			c.class = class
			c.weight += score
			return
		}
		if c.weight < g.candidates[least].weight {
			least = i
		}
	}
	g.candidates[least].class, g.candidates[least].weight = class, score
}

// class is what it was called most, weighed by score.
func (g *target) class() bongsu.Class {
	best := 0
	for i := range g.candidates {
		if g.candidates[i].weight > g.candidates[best].weight {
			best = i
		}
	}
	return g.candidates[best].class
}
