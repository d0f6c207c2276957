package rules

import (
	"time"

	"bongsu"
)

// abandonmentRule: a bag lies still and whoever brought it has gone. A place where a bag lies is
// remembered by itself, because models see a bag on the ground only now and then. Its owner is who was
// nearest when it came to rest; somebody who is found where a lost owner was takes the owner's part.
type abandonmentRule struct {
	watcher
	spots []spot
}

// spot is a place where a bag is, or was seen.
type spot struct {
	occurrence // since: alone
	subject    uint64
	box        bongsu.Box
	first      moment        // seen
	seen       time.Duration // watched, latest
	sightings  int
	rest       rest
	old        bool // it was there from the first pictures on, or nobody brought it

	owner     uint64 // subject; 0 when there is none
	nearest   float32
	ownerFoot bongsu.Point
	ownerSeen time.Duration
	distance  float32 // of the owner, when last seen
	alone     bool
	lost      bool // the owner is out of sight
}

// What a bag that was put down is known by.
const (
	bagRests     = 800 * time.Millisecond  // it lies when it was still for so long
	bagBrought   = 1500 * time.Millisecond // around its coming to rest the nearest person is its owner
	bagRemember  = 45 * time.Second        // a place is remembered so long after the bag was last seen
	bagRecent    = 4 * time.Second         // an alarm needs a sighting no older, see usual
	bagSightings = 3
	bagClear     = 0.4                    // a score from which on a bag may be seen now and then;
	bagSteady    = 500 * time.Millisecond // below it one sighting must follow the other within this, on average
	ownerReach   = 3.0                    // metres: who was farther off did not bring it
	ownerBefore  = 8 * time.Second        // who was there so long before the bag was seen may have brought it
	ownerBlink   = time.Second            // an owner out of sight for less is where it was
	ownerHidden  = 4 * time.Second        // one who was lost near the bag may be hidden for so long
	settling     = 3 * time.Second        // what is seen in the first pictures belongs to the place
)

func newAbandonment(w watcher, _ Options) judge { return &abandonmentRule{watcher: w} }

func (r *abandonmentRule) evaluate(s *Set) {
	if r.open(s) {
		for i := range s.subjects {
			g := &s.subjects[i]
			if g.now && r.counts(s, g) && r.inZone(g.foot()) && s.small(g) {
				r.see(s, g)
			}
		}
	}
	kept := r.spots[:0]
	for i := range r.spots {
		p := &r.spots[i]
		if r.judge(s, p) {
			kept = append(kept, *p)
		}
	}
	r.spots = kept
}

// largestBag is how high and wide a bag can be, heights of a person who stands there.
const largestBag = 0.7

// small reports whether g is no larger than a bag, where a ground plane tells.
func (s *Set) small(g *subject) bool {
	tall := s.standing(g.foot())
	return tall == 0 || g.track.Box.Height() <= largestBag*tall && g.track.Box.Width()*s.aspect <= largestBag*tall
}

// see takes in that a bag is seen.
func (r *abandonmentRule) see(s *Set, g *subject) {
	p := r.spotOf(g)
	if p == nil {
		r.spots = append(r.spots, spot{occurrence: r.begin(s, &g.track), first: s.moment(), box: g.track.Box})
		p = &r.spots[len(r.spots)-1]
		p.old = s.watched < settling && !p.known
	}
	p.subject, p.box, p.seen = g.id, g.track.Box, s.watched
	p.sightings++
	before := p.rest.since.clock
	p.rest.take(s, g.track.Box)
	if p.rest.since.clock != before && p.number == 0 && p.sightings > 1 { // it is carried, or carried on
		p.owner, p.alone, p.old = 0, false, p.old && p.rest.moved < arrived
	}
	p.note(s, &g.track)
}

// spotOf finds the place that a bag belongs to: where it was last, or where one lay that is not seen.
func (r *abandonmentRule) spotOf(g *subject) *spot {
	var best *spot
	nearest := float32(1.5)
	for i := range r.spots {
		p := &r.spots[i]
		if p.subject == g.id {
			return p
		}
		if d := sizes(p.box.Foot(), g.track.Box.Foot(), union(p.box, g.track.Box)); d < nearest/2 {
			best, nearest = p, 2*d
		}
	}
	return best
}

// judge decides about one place, and whether it is kept.
func (r *abandonmentRule) judge(s *Set, p *spot) bool {
	unseen := s.watched - p.seen
	switch {
	case p.number > 0 && unseen > r.Linger:
		r.tell(s, p, bongsu.FiringEnd)
		return false
	case p.number == 0 && unseen > bagRemember, p.number == 0 && unseen > 2*time.Second && p.sightings < bagSightings && !p.old:
		return false
	case p.old && !p.known:
		return true
	}
	if s.clock-p.rest.since.clock < bagRests && !p.known {
		return true
	}
	r.follow(s, p)
	switch {
	case p.number > 0 && unseen == 0 && p.due(s):
		r.tell(s, p, bongsu.FiringHold)
	case p.number > 0 || unseen > p.usual() || p.sightings < bagSightings || p.best < r.MinScore || p.faint():
	case p.known, p.alone && s.clock-p.since.clock >= r.patience(p):
		p.last = s.moment()
		r.tell(s, p, bongsu.FiringBegin)
	}
	return true
}

// usual is how long the bag may be unseen and still be taken to lie there: a few times as long as it
// usually is.
func (p *spot) usual() time.Duration {
	mean := (p.seen - p.first.watched) / time.Duration(max(1, p.sightings-1))
	return min(bagRecent, max(time.Second, 3*mean))
}

// faint reports whether the bag was only seen badly, and not even in most pictures.
func (p *spot) faint() bool {
	mean := (p.seen - p.first.watched) / time.Duration(max(1, p.sightings-1))
	return p.best < bagClear && mean > bagSteady
}

// patience is how long a bag must be alone: longer while its owner is in sight and may come back.
func (r *abandonmentRule) patience(p *spot) time.Duration {
	if p.lost {
		return r.Dwell
	}
	return max(r.Dwell, r.Owner)
}

// follow looks where the owner is.
func (r *abandonmentRule) follow(s *Set, p *spot) {
	if p.owner == 0 || s.clock-p.rest.since.clock <= bagBrought {
		r.choose(s, p)
	}
	if p.owner == 0 {
		return
	}
	g := s.find(p.owner)
	if g != nil && g.now {
		p.ownerFoot, p.ownerSeen, p.lost = g.foot(), s.watched, false
		p.distance = s.metres(p.ownerFoot, p.box.Foot(), s.tall(g))
	} else if heir := r.heir(s, p); heir != nil {
		p.owner = heir.id
		return
	}
	away := s.watched - p.ownerSeen
	p.lost = away > ownerBlink
	gone := p.distance > r.Near && p.distance < 1e6
	if p.lost && !gone {
		gone = away > ownerHidden
	}
	if gone && !p.alone {
		p.alone = true
		if !p.known {
			p.since = s.moment()
			if p.lost { // it has gone since it was last seen
				p.since.clock -= away
				p.since.wall = p.since.wall.Add(-away)
			}
		}
	}
	if !gone {
		p.alone = false
	}
}

// choose takes the person for the owner who is nearest now, or was there just before the bag was seen.
func (r *abandonmentRule) choose(s *Set, p *spot) {
	for i := range s.subjects {
		g := &s.subjects[i]
		if !g.track.Class.Is(bongsu.ClassPerson) || g.id == p.owner {
			continue
		}
		if d := r.closest(s, p, g); d <= ownerReach && (p.owner == 0 || d < p.nearest) {
			p.owner, p.nearest, p.alone = g.id, d, false
			p.ownerFoot, p.ownerSeen = g.foot(), g.seen
			p.distance = s.metres(p.ownerFoot, p.box.Foot(), s.tall(g))
		}
	}
}

// closest is how near g was to the bag in the time before it came to rest, metres.
func (r *abandonmentRule) closest(s *Set, p *spot, g *subject) float32 {
	bag, tall := p.box.Foot(), s.tall(g)
	nearest := s.metres(g.foot(), bag, tall)
	from := p.rest.since.wall.Add(-ownerBefore)
	for i := g.trail.n - 1; i >= 0 && !g.trail.p[i].At.Before(from); i-- {
		nearest = min(nearest, s.metres(inPicture(g.trail.p[i].Box.Foot()), bag, tall))
	}
	return nearest
}

// heir is who is found where the owner was lost: the tracker gave it another number.
func (r *abandonmentRule) heir(s *Set, p *spot) *subject {
	for i := range s.subjects {
		g := &s.subjects[i]
		if !g.now || g.born < p.ownerSeen || !g.track.Class.Is(bongsu.ClassPerson) {
			continue
		}
		if s.metres(g.foot(), p.ownerFoot, s.tall(g)) <= 1.5 {
			return g
		}
	}
	return nil
}

func (r *abandonmentRule) tell(s *Set, p *spot, phase bongsu.FiringPhase) {
	f := r.fire(s, &p.occurrence, phase, nil)
	reason(f, "alone_s", p.lasted().Seconds(), r.patience(p).Seconds())
	reason(f, "owner_m", float64(min(p.distance, 1000)), float64(r.Near))
	reason(f, "still_s", (p.last.clock - p.rest.since.clock).Seconds(), bagRests.Seconds())
	reason(f, "sightings", float64(p.sightings), bagSightings)
}

// doubt implements judge: the owner may have come back unseen.
func (r *abandonmentRule) doubt() {
	for i := range r.spots {
		if p := &r.spots[i]; p.number == 0 {
			p.alone = false
		}
	}
}

// lose implements judge. What lay there before anybody could not see is no news afterwards.
func (r *abandonmentRule) lose(s *Set) {
	for i := range r.spots {
		if p := &r.spots[i]; p.number > 0 {
			r.tell(s, p, bongsu.FiringLost)
		}
	}
	r.spots, r.resumed = r.spots[:0], nil
}

// shift implements judge.
func (r *abandonmentRule) shift(d time.Duration) {
	for i := range r.spots {
		p := &r.spots[i]
		p.shift(d)
		p.rest.since.wall = p.rest.since.wall.Add(d)
	}
	r.shiftResumed(d)
}

func (r *abandonmentRule) empty() bool { return len(r.spots) == 0 }
