package rules

import (
	"time"

	"bongsu"
)

// fallRule: someone went down and stays down. Models lose people who lie, so there are three kinds of
// evidence: what the model calls a fallen person; the box of a person that has become low and wide;
// and a person whose head dropped quickly and who was then lost although nobody walked out of the
// picture or behind anything. Who sits, crouches or bends is neither low nor wide enough, or is up
// again before Confirm.
type fallRule struct {
	watcher
	bodies []body
}

// body is one person, whatever the tracker makes of it on the way down.
type body struct {
	occurrence // of lying: since it went down
	subject    uint64
	class      bongsu.Class
	box        bongsu.Box
	seen       time.Duration // watched, latest
	upright    float32       // height in the picture while it stands
	stood      time.Duration // watched, latest upright; below 0 when it was never seen so
	up         time.Duration // upright without a break, since it was down
	down       bool          // it lies, or was lost on its way down
	lying      time.Duration // seen to lie
	lain       time.Duration // watched, latest seen to lie
	vanished   bool          // it was lost on its way down
	drop       float32       // of its head, heights of its body
	low        float32       // how high it is while it lies, heights of its body, smoothed; 0 when nobody knows
	edge       edge          // by which the box is cut off
	alias      uint64        // a subject of another class that appeared where it was lost: what a model calls who lies
	covered    bool          // something stands in front of it
	leaving    bool          // it walks, and would be out of the picture soon
	score      float32       // of the latest sighting
	heads      heads
}

// edge says by which edge of the picture a box is cut off.
type edge uint8

const (
	inside  edge = iota
	below        // by the lower one, and perhaps the upper: a camera that hangs near
	outside      // by another one
)

// What a fall is known by. Heights are parts of the height of the person standing.
const (
	fallLow      = 0.65 // who lies across the line of sight is lower than this
	fallWide     = 1.1  // and so much wider than high
	fallShape    = 0.15 // score from which on a box's shape means anything
	fallFlat     = 0.45 // who lies along it is lower than this
	fallDeep     = 0.45 // whose head dropped by this has not crouched
	fallPlain    = 0.50 // who is lower than this lies; who is not may crouch, and must stay so twice as long
	fallUpright  = 0.75 // who stands is higher than this
	fallDrop     = 0.20 // a head that drops by this
	fallHide     = 0.35 // or by this, behind something
	fallEdge     = 0.40 // or by this, cut off by the picture's lower edge,
	fallLeft     = 0.35 // if so much is still seen of it: who walks out is lost when there is less
	fallRenamed  = 0.3  // overlap of what appears where somebody was lost
	fallShrunk   = 0.80 // who is higher than this when it is lost has not gone down: the whole of it moved
	fallWithin   = 1200 * time.Millisecond
	fallLost     = time.Second      // beyond Confirm, who vanished must stay away for this
	fallBreak    = 3 * time.Second  // a body that is not sure to lie may be out of sight for this
	fallStood    = 12 * time.Second // who stood so lately and lies now has fallen
	fallUp       = 1200 * time.Millisecond
	fallPart     = 0.4 // of the time, so much must be seen to lie
	fallReach    = 0.9 // heights of a body from where it was last
	bodyRemember = 5 * time.Second
)

func newFall(w watcher, _ Options) judge { return &fallRule{watcher: w} }

func (r *fallRule) evaluate(s *Set) {
	if r.open(s) {
		for i := range s.subjects { // those who are known first: who is new may be one of them who was lost
			if g := &s.subjects[i]; g.now && r.counts(s, g) && r.inZone(g.foot()) {
				if b := r.bodyOf(g.id); b != nil {
					r.see(s, b, g)
				}
			}
		}
		for i := range s.subjects {
			if g := &s.subjects[i]; g.now && r.counts(s, g) && r.inZone(g.foot()) && r.bodyOf(g.id) == nil {
				r.see(s, r.bodyFor(s, g), g)
			}
		}
	}
	kept := r.bodies[:0]
	for i := range r.bodies {
		r.renamed(s, &r.bodies[i])
		if r.judge(s, &r.bodies[i]) {
			kept = append(kept, r.bodies[i])
		}
	}
	r.bodies = kept
}

func (r *fallRule) bodyOf(subject uint64) *body {
	for i := range r.bodies {
		if r.bodies[i].subject == subject {
			return &r.bodies[i]
		}
	}
	return nil
}

// bodyFor gives somebody new the body of one who was lost there, or a new one.
func (r *fallRule) bodyFor(s *Set, g *subject) *body {
	var best *body
	nearest := float32(fallReach)
	for i := range r.bodies {
		b := &r.bodies[i]
		if b.seen == s.watched || s.watched-b.seen > r.waits(b) || b.number > 0 && stretched(s, g) {
			continue // who stands beside somebody who lies is somebody else
		}
		tall := max(b.upright, b.box.Height(), s.standing(inPicture(b.box.Foot())))
		if d := between(s, b.box, g.track.Box) / max(tall, 1e-4); d < nearest {
			best, nearest = b, d
		}
	}
	if best == nil {
		r.bodies = append(r.bodies, body{stood: -1, seen: s.watched})
		best = &r.bodies[len(r.bodies)-1]
	}
	best.subject = g.id
	return best
}

// stretched reports whether g is much higher than wide.
func stretched(s *Set, g *subject) bool {
	return g.track.Class != bongsu.ClassFallenPerson && g.track.Box.Height() > uprightRatio*g.track.Box.Width()*s.aspect
}

// waits is how long a body out of sight is remembered.
func (r *fallRule) waits(b *body) time.Duration {
	if b.number > 0 || b.down {
		return r.Linger
	}
	return bodyRemember
}

// between is how far two boxes are apart in the picture, heights of the picture: from middle to
// middle, or less where they overlap.
func between(s *Set, a, b bongsu.Box) float32 {
	dx := max(0, a.X0-b.X1, b.X0-a.X1) * s.aspect
	dy := max(0, a.Y0-b.Y1, b.Y0-a.Y1)
	p, q := a.Centre(), b.Centre()
	mx, my := (p.X-q.X)*s.aspect, p.Y-q.Y
	return max(dx, dy) + 0.25*(abs(mx)+abs(my))
}

// see takes in a person.
func (r *fallRule) see(s *Set, b *body, g *subject) {
	gap := min(s.watched-b.seen, longestStep)
	b.box, b.class, b.seen = g.track.Box, g.track.Class, s.watched
	b.best = max(b.best, g.best)
	b.edge, b.alias = edgeOf(b.box), 0
	if tall := s.standing(g.foot()); tall > 0 {
		b.upright = tall
	} else if g.upright > 0 {
		b.upright = max(g.upright, b.upright*0.9)
	}
	b.heads.add(s.watched, b.box.Y0)
	b.covered, b.leaving, b.score = r.behind(s, g), g.left() && b.edge != below, g.track.Score
	switch r.posture(s, b) {
	case lies:
		b.up, b.vanished = 0, false
		if !b.down {
			b.fell(s, r, &g.track)
		}
		b.lying += gap
		b.lain = s.watched
		b.flatten()
		b.note(s, &g.track)
	case stands:
		b.stood, b.vanished = s.watched, false
		if b.down {
			b.up += gap
		}
	case unclear:
		if b.vanished && b.number == 0 { // it was not lost after all, and does not lie
			b.vanished, b.down = false, b.lying > 0
		}
	}
}

// flatten follows how high a body is that lies.
func (b *body) flatten() {
	if b.upright <= 0 {
		return
	}
	h := b.box.Height() / b.upright
	if b.low == 0 {
		b.low = h
	}
	b.low += (h - b.low) * 0.2
}

// plain reports whether its shape, or the way its head went, leaves no doubt: who crouches is not as low.
func (b *body) plain() bool { return b.low > 0 && b.low < fallPlain || b.drop >= fallDeep }

// fell notes that it went down just now.
func (b *body) fell(s *Set, r *fallRule, k *bongsu.Track) {
	number, frames, best := b.number, b.frames, b.best
	b.occurrence = r.begin(s, k)
	b.number, b.best = number, best
	if number > 0 {
		b.frames = frames
	}
	b.down, b.lying, b.lain, b.low = true, 0, s.watched, 0
	b.drop = max(b.drop, b.dropped())
}

type posture uint8

const (
	unclear posture = iota // sitting, crouching, bending, or not to be told
	lies
	stands
)

// posture judges the box of a body.
func (r *fallRule) posture(s *Set, b *body) posture {
	h, w := b.box.Height(), b.box.Width()*s.aspect
	switch {
	case b.class == bongsu.ClassFallenPerson:
		return lies
	case b.edge == outside || b.upright <= 0 || b.score < fallShape:
		return r.unknown(h, w)
	case b.edge == below:
		if h < fallLow*b.upright && w > fallWide*h && (b.down || b.dropped() >= fallDrop) {
			return lies
		}
		return r.unknown(h, w)
	case h < fallFlat*b.upright, h < fallLow*b.upright && w > fallWide*h:
		return lies
	case h >= fallUpright*b.upright && h > uprightRatio*w:
		return stands
	}
	return unclear
}

// unknown judges a box of which nobody knows how high it would be.
func (r *fallRule) unknown(h, w float32) posture {
	if h > uprightRatio*w {
		return stands
	}
	return unclear
}

// edgeOf says by which edge the picture cuts a box off.
func edgeOf(b bongsu.Box) edge {
	const near = 0.008
	switch {
	case b.X0 < near || b.X1 > 1-near:
		return outside
	case b.Y1 > 1-near:
		return below
	case b.Y0 < near:
		return outside
	}
	return inside
}

// atEdge reports whether the picture cuts a box off.
func atEdge(b bongsu.Box) bool { return edgeOf(b) != inside }

// behind reports whether something nearer to the camera covers a good part of g.
func (r *fallRule) behind(s *Set, g *subject) bool {
	own := g.track.Box
	for i := range s.subjects {
		o := &s.subjects[i]
		if !o.now || o.id == g.id || o.track.Box.Y1 < own.Y1 || !o.track.Class.Alike(bongsu.ClassPerson) && !o.track.Class.Alike(bongsu.ClassCar) {
			continue
		}
		if in := overlap(own, o.track.Box); in > 0.3*own.Area() {
			return true
		}
	}
	return false
}

func overlap(a, b bongsu.Box) float32 {
	return bongsu.Box{X0: max(a.X0, b.X0), Y0: max(a.Y0, b.Y0), X1: min(a.X1, b.X1), Y1: min(a.Y1, b.Y1)}.Area()
}

// dropped is how far the head came down within fallWithin before it was last seen, body heights.
func (b *body) dropped() float32 {
	if b.upright <= 0 {
		return 0
	}
	return b.heads.drop() / b.upright
}

// judge decides about one body, and whether it is kept.
func (r *fallRule) judge(s *Set, b *body) bool {
	away := s.watched - b.seen
	if away > 0 && b.number == 0 && !b.vanished {
		r.mislay(s, b)
	}
	switch {
	case b.number > 0 && (b.up >= fallUp || s.watched-b.lain > r.Linger):
		r.tell(s, b, bongsu.FiringEnd)
		b.number, b.down, b.vanished, b.lying = 0, false, false, 0
		return away <= bodyRemember
	case b.number > 0:
		if away == 0 && b.due(s) {
			r.tell(s, b, bongsu.FiringHold)
		}
		return true
	case b.down && (b.up >= fallUp || !b.vanished && s.watched-b.lain > fallBreak):
		b.down, b.vanished, b.lying, b.drop = false, false, 0, 0
	case b.down && r.sure(s, b):
		if r.told(s, b) {
			return false
		}
		b.last = s.moment()
		r.tell(s, b, bongsu.FiringBegin)
		b.lain = s.watched
		return true
	}
	return away <= bodyRemember || b.down && away <= r.Linger
}

// renamed takes in what appeared of another class where somebody was lost on the way down: models call
// people who lie by many words.
func (r *fallRule) renamed(s *Set, b *body) {
	if b.seen == s.watched || !b.down && !b.vanished && b.dropped() < fallDrop {
		return
	}
	for i := range s.subjects {
		g := &s.subjects[i]
		if !g.now || g.track.Class.Is(bongsu.ClassPerson) {
			continue
		}
		if g.id != b.alias && (g.born+renameEarly < b.seen || g.born > b.seen+renameLate || g.track.Box.IoU(b.box) < fallRenamed) {
			continue
		}
		if !b.down {
			k := g.track
			k.Class = b.class
			b.fell(s, r, &k)
			b.drop = max(b.drop, b.dropped())
		}
		b.alias = g.id
		b.lying += s.step
		b.lain = s.watched
		return
	}
}

// Around a loss, so early and so late something of another class appears that is the same.
const (
	renameEarly = 500 * time.Millisecond
	renameLate  = time.Second
)

// mislay judges one who has just gone out of sight: on the way down, or not.
func (r *fallRule) mislay(s *Set, b *body) {
	if b.edge == outside || b.leaving || b.box.Height() > fallShrunk*b.upright || b.stood < 0 || s.watched-b.stood > fallStood {
		return
	}
	least := float32(fallDrop)
	switch {
	case b.edge == below && b.box.Height() < fallLeft*b.upright:
		return
	case b.edge == below:
		least = fallEdge
	case b.covered:
		least = fallHide
	}
	d := b.dropped()
	switch {
	case d < least:
	case b.down:
		b.vanished, b.drop = true, d
	default:
		k := bongsu.Track{Class: b.class, Box: b.box, Score: b.best}
		g := s.find(b.subject)
		if g != nil {
			k = g.track
		}
		b.fell(s, r, &k)
		b.note(s, &k)
		b.vanished, b.drop = true, d
	}
}

// sure reports whether a body that is down has been so for long enough.
func (r *fallRule) sure(s *Set, b *body) bool {
	if b.best < r.MinScore {
		return false
	}
	lasted := s.clock - b.since.clock
	if b.known {
		return b.lying > 0
	}
	if b.vanished && s.watched > b.seen && lasted >= r.Confirm+fallLost {
		return true
	}
	if b.vanished && b.alias == 0 {
		return false
	}
	least := r.Dwell // nobody saw it stand
	if b.stood >= 0 && b.since.watched-b.stood <= fallStood {
		least = r.Confirm
		if !b.plain() {
			least *= 2
		}
	}
	if b.edge == below && b.alias == 0 && s.watched > b.seen {
		return false // it may have gone
	}
	return lasted >= least && b.lain > b.stood && float64(b.lying) >= fallPart*float64(least) && s.watched-b.lain <= fallBreak
}

// told reports whether an open event stands for this body already: it was taken for two.
func (r *fallRule) told(s *Set, b *body) bool {
	for i := range r.bodies {
		o := &r.bodies[i]
		tall := max(o.upright, b.upright, o.box.Height())
		if o.number > 0 && o.subject != b.subject && between(s, o.box, b.box) < fallReach*tall && s.watched-o.seen > longestStep {
			o.lain = s.watched
			return true
		}
	}
	return false
}

func (r *fallRule) tell(s *Set, b *body, phase bongsu.FiringPhase) {
	var trail []bongsu.TrailPoint
	if g := s.find(b.subject); g != nil {
		trail = g.trail.points()
	}
	f := r.fire(s, &b.occurrence, phase, trail)
	reason(f, "down_s", b.lasted().Seconds(), r.Confirm.Seconds())
	reason(f, "seen_lying_s", b.lying.Seconds(), 0)
	if b.upright > 0 {
		reason(f, "height_part", float64(b.box.Height()/b.upright), fallLow)
	}
	reason(f, "head_drop_part", float64(b.drop), fallDrop)
	if b.vanished {
		reason(f, "out_of_sight_s", seconds(s.watched-b.seen), (r.Confirm + fallLost).Seconds())
	}
}

// doubt implements judge.
func (r *fallRule) doubt() {
	kept := r.bodies[:0]
	for i := range r.bodies {
		if r.bodies[i].number > 0 {
			kept = append(kept, r.bodies[i])
		}
	}
	r.bodies = kept
}

// lose implements judge.
func (r *fallRule) lose(s *Set) {
	for i := range r.bodies {
		if b := &r.bodies[i]; b.number > 0 {
			r.tell(s, b, bongsu.FiringLost)
		}
	}
	r.bodies, r.resumed = r.bodies[:0], nil
}

// shift implements judge.
func (r *fallRule) shift(d time.Duration) {
	for i := range r.bodies {
		r.bodies[i].shift(d)
	}
	r.shiftResumed(d)
}

func (r *fallRule) empty() bool { return len(r.bodies) == 0 }

// heads are the latest heights of a head in the picture.
type heads struct {
	at  [16]time.Duration
	y   [16]float32
	n   int
	end int // where the next one goes
}

func (h *heads) add(at time.Duration, y float32) {
	if h.n > 0 && at-h.at[(h.end+15)%16] < 80*time.Millisecond {
		return
	}
	h.at[h.end], h.y[h.end] = at, y
	h.end = (h.end + 1) % 16
	h.n = min(h.n+1, 16)
}

// drop is how much lower the latest is than the highest within fallWithin before it.
func (h *heads) drop() float32 {
	if h.n == 0 {
		return 0
	}
	last := (h.end + 15) % 16
	top := h.y[last]
	for i := range h.n {
		k := (last - i + 16) % 16
		if h.at[last]-h.at[k] > fallWithin {
			break
		}
		top = min(top, h.y[k])
	}
	return h.y[last] - top
}
