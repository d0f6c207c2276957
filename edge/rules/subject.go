package rules

import (
	"time"

	"bongsu"
)

// subject is one thing that rules reason about. It outlives its track: when a tracker loses a
// thing and finds it again under another ID, the new track continues the subject that stood
// there. Rules remember subjects, never track IDs.
type subject struct {
	id       uint64
	track    bongsu.Track  // as last seen
	expected bongsu.Box    // where the tracker thinks it is while it is out of sight
	born     time.Duration // watched, when it was first seen
	seen     time.Duration
	now      bool    // in this picture
	best     float32 // best score so far
	rest     rest
	upright  float32 // height of its box while it stood, slowly forgotten; 0 when it never did
	whole    bool    // its upper end was seen, in a picture at least
	trail    trail
}

// foot is where the subject touches the ground. What is cut off by the lower or right edge of the
// picture stands just inside it, so that a zone drawn to the edge holds it.
func (g *subject) foot() bongsu.Point {
	return inPicture(g.track.Box.Foot())
}

// Of who is cut off by the picture's upper edge: upperEdge is where that ends, and lowest is how far down a box
// must reach of somebody so near that no picture holds all of him.
const (
	upperEdge = 0.02
	lowest    = 0.8
)

// stands reports whether g can stand on the ground that is seen. A person whose upper end was in no
// picture, and who does not reach down to the picture's lower part either, hangs into it from above: an arm
// over a counter, a sleeve before the lens. Who walks in from the far side is whole after a step.
func (g *subject) stands() bool {
	return !g.track.Class.Is(bongsu.ClassPerson) || g.whole || g.track.Box.Y1 >= lowest
}

// inPicture is the nearest point to p that lies inside the picture.
func inPicture(p bongsu.Point) bongsu.Point {
	const edge = 1 - 1.0/4096
	return bongsu.Point{X: min(max(p.X, 0), edge), Y: min(max(p.Y, 0), edge)}
}

// follow gives every confirmed track that is seen in this picture its subject.
func (s *Set) follow(tracks []bongsu.Track) {
	for i := range s.subjects {
		s.subjects[i].now = false
	}
	for i := range tracks {
		k := &tracks[i]
		g := s.subjectOf(k.ID)
		switch {
		case g == nil:
		case k.State == bongsu.TrackConfirmed:
			s.see(g, k)
		case k.State == bongsu.TrackLost:
			g.expected = k.Box
		}
	}
	s.relinked(tracks)
	for i := range tracks { // newcomers last: those who are where they were are known by now
		k := &tracks[i]
		if k.State != bongsu.TrackConfirmed || s.subjectOf(k.ID) != nil || s.doubled(k) {
			continue
		}
		s.subjects = append(s.subjects, subject{id: s.nextID, born: s.watched})
		s.nextID++
		s.see(&s.subjects[len(s.subjects)-1], k)
	}
}

// relinked gives new tracks the subjects out of sight that they continue, the nearest pair first.
func (s *Set) relinked(tracks []bongsu.Track) {
	for {
		var track *bongsu.Track
		var best *subject
		nearest := float32(1)
		for i := range tracks {
			k := &tracks[i]
			if k.State != bongsu.TrackConfirmed || s.subjectOf(k.ID) != nil || s.doubled(k) {
				continue
			}
			if g, d := s.returned(k, nearest); g != nil {
				track, best, nearest = k, g, d
			}
		}
		if best == nil {
			return
		}
		s.see(best, track)
	}
}

func (s *Set) subjectOf(id bongsu.TrackID) *subject {
	for i := range s.subjects {
		if s.subjects[i].track.ID == id {
			return &s.subjects[i]
		}
	}
	return nil
}

func (s *Set) see(g *subject, k *bongsu.Track) {
	g.track, g.expected = *k, k.Box
	g.seen, g.now = s.watched, true
	g.best = max(g.best, k.Score)
	if k.Box.Y0 > upperEdge {
		g.whole = true
	}
	g.rest.take(s, k.Box)
	g.stretch(s)
	g.trail.add(s.clock, bongsu.TrailPoint{At: s.at, Box: k.Box})
}

// sameThing is the overlap above which two boxes of one class are one thing seen twice.
const sameThing = 0.7

// doubled reports whether a new track lies over a subject that is in the picture: the model or
// the tracker sees one thing twice. If they part, the track becomes a subject then.
func (s *Set) doubled(k *bongsu.Track) bool {
	for i := range s.subjects {
		g := &s.subjects[i]
		if g.now && g.track.Class.Alike(k.Class) && g.track.Box.IoU(k.Box) > sameThing {
			return true
		}
	}
	return false
}

// returned finds the subject out of sight that a new track continues: of a like class and size, and
// standing where that was last seen or is expected, nearer than so much. nil when it is somebody new.
// The longer ago a subject was seen, the less is where that was.
func (s *Set) returned(k *bongsu.Track, nearest float32) (best *subject, d float32) {
	for i := range s.subjects {
		g := &s.subjects[i]
		away := s.watched - g.seen
		if g.now || away > s.brief && (away > s.relink || g.left()) || !g.track.Class.Alike(k.Class) {
			continue
		}
		was := apart(g.track.Box, k.Box)
		if was < 1 {
			was = min(was+stale*float32(away.Seconds()), 0.99)
		}
		if d := min(was, apart(g.expected, k.Box)); d < nearest {
			best, nearest = g, d
		}
	}
	return best, nearest
}

// leavesWithin is the time in which who walks on as it did would be out of the picture.
const leavesWithin = 2

// left reports whether the subject was about to leave the picture when it was last seen: then it has.
// Who was lost anywhere else must still be there.
func (g *subject) left() bool {
	p := g.track.Box.Foot()
	x, y := p.X+leavesWithin*g.track.VX, p.Y+leavesWithin*g.track.VY
	return x < 0 || x > 1 || y > 1 || atEdge(g.track.Box)
}

// stale is by how much farther a place counts for each second since something was seen there.
const stale = 0.1

// How far from where it was a thing may come back, and how much its size may differ.
const (
	reachWidths  = 0.8 // of the box
	reachHeights = 0.4
	sizeRatio    = 1.8
)

// apart is the distance of two boxes' foot points, 1 at the end of the reach, and above 1 when
// their sizes say that they are not one thing.
func apart(a, b bongsu.Box) float32 {
	w, h := max(a.Width(), b.Width()), max(a.Height(), b.Height())
	if w <= 0 || h <= 0 || w > sizeRatio*min(a.Width(), b.Width()) || h > sizeRatio*min(a.Height(), b.Height()) {
		return 2
	}
	p, q := a.Foot(), b.Foot()
	dx, dy := (p.X-q.X)/(w*reachWidths), (p.Y-q.Y)/(h*reachHeights)
	return dx*dx + dy*dy
}

// forget drops subjects that have been out of sight for longer than any rule cares.
func (s *Set) forget() {
	for i := 0; i < len(s.subjects); {
		if s.watched-s.subjects[i].seen <= s.relink {
			i++
			continue
		}
		last := len(s.subjects) - 1
		s.subjects[i] = s.subjects[last]
		s.subjects = s.subjects[:last]
	}
}

// find gives the subject of that number, nil when it is forgotten.
func (s *Set) find(id uint64) *subject {
	for i := range s.subjects {
		if s.subjects[i].id == id {
			return &s.subjects[i]
		}
	}
	return nil
}

// stretch remembers how high the subject is while it stands: a box that is higher than wide. A person
// who walks away grows smaller, so it follows slowly.
func (g *subject) stretch(s *Set) {
	h, w := g.track.Box.Height(), g.track.Box.Width()*s.aspect
	if g.track.Class == bongsu.ClassFallenPerson || h < uprightRatio*w {
		return
	}
	if h >= g.upright {
		g.upright = h
		return
	}
	g.upright -= (g.upright - h) * min(1, float32(s.step.Seconds())/uprightForget)
}

const (
	uprightRatio  = 1.5 // height over width of who stands
	uprightForget = 5   // seconds in which most of a larger height is forgotten
)

// rest knows since when a thing is where it is, and whether it was ever elsewhere.
type rest struct {
	home, anchor bongsu.Point // foot points: first seen, and where it came to rest
	since        moment       // at anchor
	moved        float32      // farthest from home, in sizes of the box
}

// restReach is how far, in sizes of its box, a thing may seem to move that lies still.
const restReach = 0.3

func (r *rest) take(s *Set, box bongsu.Box) {
	p := box.Foot()
	if r.since.wall.IsZero() {
		r.home, r.anchor, r.since = p, p, s.moment()
	}
	if sizes(r.anchor, p, box) > restReach {
		r.anchor, r.since = p, s.moment()
	}
	r.moved = max(r.moved, sizes(r.home, p, box))
}

// sizes is the distance of two points in sizes of a box, the larger of across and along.
func sizes(a, b bongsu.Point, box bongsu.Box) float32 {
	w, h := max(box.Width(), 1e-4), max(box.Height(), 1e-4)
	return max(abs(a.X-b.X)/w, abs(a.Y-b.Y)/h)
}

func abs(v float32) float32 { return max(v, -v) }

// trail is a subject's way. When it is full, every second point of its older half goes: the way
// stays whole and becomes coarser with age.
type trail struct {
	p    [bongsu.MaxTrail]bongsu.TrailPoint
	n    int
	last time.Duration
}

const trailStep = 100 * time.Millisecond // least between two points

func (t *trail) add(clock time.Duration, p bongsu.TrailPoint) {
	if t.n > 0 && clock-t.last < trailStep {
		return
	}
	if t.n == len(t.p) {
		kept := 0
		for i := 0; i < len(t.p); i++ {
			if i >= len(t.p)/2 || i%2 == 0 {
				t.p[kept] = t.p[i]
				kept++
			}
		}
		t.n = kept
	}
	t.p[t.n] = p
	t.n++
	t.last = clock
}

func (t *trail) shift(d time.Duration) {
	for i := range t.p[:t.n] {
		t.p[i].At = t.p[i].At.Add(d)
	}
}

// points is a copy, oldest first.
func (t *trail) points() []bongsu.TrailPoint {
	return append([]bongsu.TrailPoint(nil), t.p[:t.n]...)
}
