package rules

import (
	"math"
	"time"

	"bongsu"
)

// fightRule (experimental): two or more people are close together and move fast and without going
// anywhere, for seconds. Play, dance and greeting look alike; it does not know what a blow is.
type fightRule struct {
	watcher
	stirs    []stir
	scuffles []scuffle
}

// stir is how one person moves: path is the way its box's middle and edges go in a second, net what
// is left of it when it goes to and fro; heights of its body.
type stir struct {
	subject uint64
	box     bongsu.Box
	at      time.Duration // watched
	path    float32
	nx, ny  float32
}

// scuffle is a place where people may fight.
type scuffle struct {
	occurrence
	box     bongsu.Box
	now     bool
	present time.Duration
	stir    float32 // of the liveliest, smoothed
}

// What a fight is known by.
const (
	fightStir     = 0.35 // heights of a body in a second, to and fro
	fightSmooth   = 0.8  // seconds
	fightPatience = 1500 * time.Millisecond
	fightPresent  = 0.5
)

func newFight(w watcher, _ Options) judge { return &fightRule{watcher: w} }

func (r *fightRule) evaluate(s *Set) {
	for i := range r.scuffles {
		r.scuffles[i].now = false
	}
	if r.open(s) {
		for i := range s.subjects {
			if g := &s.subjects[i]; g.now && r.counts(s, g) && r.inZone(g.foot()) {
				r.move(s, g)
			}
		}
		r.pair(s)
	}
	kept := r.stirs[:0]
	for i := range r.stirs {
		if s.watched-r.stirs[i].at <= time.Second {
			kept = append(kept, r.stirs[i])
		}
	}
	r.stirs = kept
	r.settle(s)
}

// move follows how g moves.
func (r *fightRule) move(s *Set, g *subject) {
	d := r.stirOf(g.id)
	if d == nil {
		r.stirs = append(r.stirs, stir{subject: g.id, box: g.track.Box, at: s.watched})
		return
	}
	dt := float32((s.watched - d.at).Seconds())
	tall := s.tall(g)
	if dt <= 0 || tall <= 0 {
		return
	}
	p, q := d.box.Centre(), g.track.Box.Centre()
	vx, vy := (q.X-p.X)*s.aspect/tall/dt, (q.Y-p.Y)/tall/dt
	grow := (abs(g.track.Box.Width()-d.box.Width())*s.aspect + abs(g.track.Box.Height()-d.box.Height())) / tall / dt
	k := min(1, dt/fightSmooth)
	d.path += (float32(math.Hypot(float64(vx), float64(vy))) + grow/2 - d.path) * k
	d.nx += (vx - d.nx) * k
	d.ny += (vy - d.ny) * k
	d.box, d.at = g.track.Box, s.watched
}

// irregular is the part of the way that leads nowhere.
func (d *stir) irregular() float32 {
	return max(0, d.path-float32(math.Hypot(float64(d.nx), float64(d.ny))))
}

func (r *fightRule) stirOf(subject uint64) *stir {
	for i := range r.stirs {
		if r.stirs[i].subject == subject {
			return &r.stirs[i]
		}
	}
	return nil
}

// pair looks for people who are close together and lively.
func (r *fightRule) pair(s *Set) {
	for i := range r.stirs {
		a := &r.stirs[i]
		ga := s.find(a.subject)
		if ga == nil || !ga.now {
			continue
		}
		for j := i + 1; j < len(r.stirs); j++ {
			b := &r.stirs[j]
			gb := s.find(b.subject)
			if gb == nil || !gb.now || s.metres(ga.foot(), gb.foot(), s.tall(ga)) > r.Near {
				continue
			}
			if lively := (a.irregular() + b.irregular()) / 2; lively >= fightStir {
				r.take(s, ga, union(ga.track.Box, gb.track.Box), lively)
			}
		}
		if a.irregular() >= fightStir && r.at(ga.track.Box) != nil { // two who fight are one box for a while
			r.take(s, ga, ga.track.Box, a.irregular())
		}
	}
}

func (r *fightRule) at(box bongsu.Box) *scuffle {
	for i := range r.scuffles {
		if touches(grown(r.scuffles[i].box), box) {
			return &r.scuffles[i]
		}
	}
	return nil
}

func (r *fightRule) take(s *Set, g *subject, box bongsu.Box, lively float32) {
	b := r.at(box)
	if b == nil {
		r.scuffles = append(r.scuffles, scuffle{occurrence: r.begin(s, &g.track)})
		b = &r.scuffles[len(r.scuffles)-1]
	}
	if !b.now {
		b.present += min(s.watched-b.last.watched, longestStep)
		b.now, b.box = true, box
		b.stir += (lively - b.stir) * 0.3
		b.note(s, &g.track)
	}
	b.box = union(b.box, box)
}

// settle fires what has lasted, and ends what is over.
func (r *fightRule) settle(s *Set) {
	kept := r.scuffles[:0]
	for i := range r.scuffles {
		b := &r.scuffles[i]
		away := s.watched - b.last.watched
		switch {
		case b.number > 0 && away > r.Linger:
			r.tell(s, b, bongsu.FiringEnd)
			continue
		case b.number == 0 && away > fightPatience:
			continue
		case b.now && b.due(s):
			r.tell(s, b, bongsu.FiringHold)
		case b.now && b.number == 0 && r.sure(b):
			r.tell(s, b, bongsu.FiringBegin)
		}
		kept = append(kept, *b)
	}
	r.scuffles = kept
}

func (r *fightRule) sure(b *scuffle) bool {
	return b.best >= r.MinScore && (b.known || b.lasted() >= r.Confirm && part(b.present, b.lasted()) >= fightPresent)
}

func (r *fightRule) tell(s *Set, b *scuffle, phase bongsu.FiringPhase) {
	b.track.Box = b.box
	f := r.fire(s, &b.occurrence, phase, nil)
	reason(f, "lasted_s", b.lasted().Seconds(), r.Confirm.Seconds())
	reason(f, "stir_heights_per_s", float64(b.stir), fightStir)
}

// doubt implements judge.
func (r *fightRule) doubt() {
	r.stirs = r.stirs[:0]
	kept := r.scuffles[:0]
	for i := range r.scuffles {
		if r.scuffles[i].number > 0 {
			kept = append(kept, r.scuffles[i])
		}
	}
	r.scuffles = kept
}

// lose implements judge.
func (r *fightRule) lose(s *Set) {
	for i := range r.scuffles {
		if b := &r.scuffles[i]; b.number > 0 {
			r.tell(s, b, bongsu.FiringLost)
		}
	}
	r.stirs, r.scuffles, r.resumed = r.stirs[:0], r.scuffles[:0], nil
}

// shift implements judge.
func (r *fightRule) shift(d time.Duration) {
	for i := range r.scuffles {
		r.scuffles[i].shift(d)
	}
	r.shiftResumed(d)
}

func (r *fightRule) empty() bool { return len(r.stirs)+len(r.scuffles) == 0 }
