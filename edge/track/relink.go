package track

// How far from where it may be a thing can come into sight again.
const (
	reachWidths   = 0.8  // to the side, of its width
	reachASecond  = 0.3  // and more for each second that it was out of sight
	reachHeights  = 0.25 // up or down, of its height
	relinkHeights = 1.7  // ratio of the heights at most
	turnedShare   = 0.3  // for coming out where it went in: two who pass behind a car do not swap
)

// relink gives targets that this picture confirms the ID of one that was lost where they began:
// somebody went behind a car and comes out again. It asks for place, size and time only; what
// people look like is not kept. The target that is continued lives on with its first sighting and
// its count of pictures, so that its stay goes on.
func (t *Tracker) relink() {
	for i := 0; i < len(t.targets); i++ {
		if !t.targets[i].fresh {
			continue
		}
		k := t.before(i)
		if k < 0 {
			continue
		}
		g, old := t.targets[i], &t.targets[k]
		g.id, g.first, g.hits, g.fresh = old.id, old.first, old.hits+g.hits, false
		g.whole.w, g.whole.h = max(g.whole.w, old.whole.w), max(g.whole.h, old.whole.h)
		*old = g // its place keeps the order of IDs
		t.drop(i)
		i--
	}
}

// before finds the target out of sight that target i most likely continues; -1 when there is none.
// One that was still in sight when i began is somebody else.
func (t *Tracker) before(i int) int {
	g := &t.targets[i]
	best, nearest := -1, float32(1)
	for k := range t.targets[:i] {
		o := &t.targets[k]
		if o.now || !o.confirmed || o.seen >= g.first || !o.class().Alike(g.class()) {
			continue
		}
		if d := o.apart(g, float32((t.last - o.seen).Seconds())); d < nearest {
			best, nearest = k, d
		}
	}
	return best
}

// apart is how far target g is from where the lost target o may be, 1 at the end of the reach: o may
// have stopped where it vanished, or gone on as it did, or be anywhere between. When something stands
// before g only its upper or its lower edge is where it should be.
func (o *target) apart(g *target, seconds float32) float32 {
	w, h := max(g.whole.w, o.whole.w), max(g.whole.h, o.whole.h)
	if h > relinkHeights*min(g.h.x, o.h.x) {
		return 2
	}
	expected, box := o.box(), g.box()
	reach := w * (reachWidths + reachASecond*seconds)
	now := o.left.x + o.whole.v*seconds
	dx := outside(g.cx.x, o.left.x, now) / reach
	top := outside(box.Y0, o.left.top, expected.Y0)
	bottom := outside(box.Y1, o.left.top+h, expected.Y1)
	dy := min(top, bottom) / (h * reachHeights)
	turned := (g.cx.x - now) / (reach + max(now-o.left.x, o.left.x-now))
	return square(dx) + square(dy) + turnedShare*square(turned)
}

// outside is how far z is from the stretch between a and b.
func outside(z, a, b float32) float32 {
	return max(0, min(a, b)-z, z-max(a, b))
}
