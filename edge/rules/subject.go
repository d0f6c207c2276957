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
	track    bongsu.Track // as last seen
	expected bongsu.Box   // where the tracker thinks it is while it is out of sight
	seen     time.Duration
	now      bool    // in this picture
	best     float32 // best score so far
	trail    trail
}

// foot is where the subject touches the ground. What is cut off by the lower or right edge of the
// picture stands just inside it, so that a zone drawn to the edge holds it.
func (g *subject) foot() bongsu.Point {
	const edge = 1 - 1.0/4096
	p := g.track.Box.Foot()
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
	for i := range tracks { // newcomers last: those who are where they were are known by now
		k := &tracks[i]
		if k.State != bongsu.TrackConfirmed || s.subjectOf(k.ID) != nil || s.doubled(k) {
			continue
		}
		g := s.returned(k)
		if g == nil {
			s.subjects = append(s.subjects, subject{id: s.nextID})
			s.nextID++
			g = &s.subjects[len(s.subjects)-1]
		}
		s.see(g, k)
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

// returned finds the subject out of sight that a new track continues: of a like class and size,
// and standing where that was last seen or is expected. nil when it is somebody new.
func (s *Set) returned(k *bongsu.Track) *subject {
	var best *subject
	nearest := float32(1)
	for i := range s.subjects {
		g := &s.subjects[i]
		if g.now || s.watched-g.seen > s.relink || !g.track.Class.Alike(k.Class) {
			continue
		}
		if d := min(apart(g.track.Box, k.Box), apart(g.expected, k.Box)); d < nearest {
			best, nearest = g, d
		}
	}
	return best
}

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
