// Package track follows detections from picture to picture. It associates in ByteTrack's two stages
// (Y. Zhang et al., "ByteTrack: Multi-Object Tracking by Associating Every Detection Box", ECCV 2022),
// with every quantity in seconds instead of pictures, so that it behaves the same at 5 and at 30
// pictures a second and over gaps; it weighs place, size and motion where ByteTrack weighs overlap
// (match.go), and gives a thing that was hidden its ID back by place and time (relink.go). It is a
// pure function of its state and the media clock: no goroutine, no wall clock, and no allocation
// once its buffers have grown. docs/design/tracks.md has the table of what each part is worth.
package track

import (
	"time"

	"bongsu"
)

// Options tune a Tracker. The zero value of each field means its default.
type Options struct {
	High  float32 // detections of at least this score are matched first and begin tracks; 0.5
	Low   float32 // those between Low and High only continue tracks that are there; 0.1
	Birth float32 // score that a detection needs to begin a track; High

	ConfirmHits  int           // pictures in which a track must be seen before rules hear of it; 3
	ConfirmAfter time.Duration // or this long after its first, when it was seen at least twice; 300 ms
	ConfirmScore float32       // or twice, when its scores add up to this; 1.7
	TentativeFor time.Duration // an unconfirmed track is forgotten when unseen this long; 350 ms
	LostFor      time.Duration // a confirmed one is reported as lost for this long; 2 s
	RelinkFor    time.Duration // and has its ID back if a new one begins where it may be within this time, a vehicle within LostFor; 6 s
	MaxTracks    int           // most tracks at once; further detections begin none; 256
}

func (o *Options) defaults() {
	setFloat(&o.High, 0.5)
	setFloat(&o.Low, 0.1)
	setFloat(&o.Birth, o.High)
	setFloat(&o.ConfirmScore, 1.7)
	setInt(&o.ConfirmHits, 3)
	setInt(&o.ConfirmAfter, 300*time.Millisecond)
	setInt(&o.TentativeFor, 350*time.Millisecond)
	setInt(&o.LostFor, 2*time.Second)
	setInt(&o.RelinkFor, 6*time.Second)
	setInt(&o.MaxTracks, 256)
}

func setFloat(v *float32, def float32) {
	if *v <= 0 {
		*v = def
	}
}

func setInt[T int | time.Duration](v *T, def T) {
	if *v <= 0 {
		*v = def
	}
}

// Tracker follows the things in one camera's pictures. It is used by one goroutine at a time.
type Tracker struct {
	o       Options
	targets []target // in order of ID
	last    time.Duration
	begun   bool
	nextID  bongsu.TrackID
	faints  []faint

	out   []bongsu.Track
	high  []int // indices of detections still to be matched
	low   []int
	free  []int // indices of targets still to be matched
	taken []bool
	solve solver
}

// New makes a tracker without tracks.
func New(o Options) *Tracker {
	o.defaults()
	return &Tracker{o: o, targets: make([]target, 0, o.MaxTracks), out: make([]bongsu.Track, 0, o.MaxTracks),
		faints: make([]faint, 0, faintMost), nextID: 1}
}

// Update takes the detections of the picture at the media time at and returns all tracks as they
// stand now, in order of ID: those seen in it confirmed or tentative, those missed lost with a
// predicted box. Detections below Low are ignored. The slice is valid until the next call. A
// time that is not after the last one counts as no time having passed.
func (t *Tracker) Update(at time.Duration, dets []bongsu.Detection) []bongsu.Track {
	var dt time.Duration
	if t.begun {
		dt = max(0, at-t.last)
	}
	t.begun, t.last = true, max(at, t.last)
	t.forget()
	for i := range t.targets {
		t.targets[i].predict(float32(dt.Seconds()))
	}
	t.split(dets)
	t.associate(dets)
	t.vanish()
	t.relink()
	t.merge()
	t.begin(dets)
	t.persist(dets)
	return t.report()
}

// Pan tells the tracker, before Update, that the picture's contents moved by dx of its width and dy
// of its height since the last picture because the camera did. All that is remembered moves along;
// velocities are those of the things and stay. What is no number or a whole picture away is ignored.
func (t *Tracker) Pan(dx, dy float32) {
	if !(dx > -1 && dx < 1 && dy > -1 && dy < 1) {
		return
	}
	for i := range t.targets {
		t.targets[i].shift(dx, dy)
	}
	for i := range t.faints {
		b := &t.faints[i].box
		*b = bongsu.Box{X0: b.X0 + dx, Y0: b.Y0 + dy, X1: b.X1 + dx, Y1: b.Y1 + dy}
	}
}

// Reset forgets all tracks, for a new session with the camera. IDs go on counting.
func (t *Tracker) Reset() {
	t.targets, t.faints = t.targets[:0], t.faints[:0]
	t.begun, t.last = false, 0
}

// split sorts the detections into confident and weak ones.
func (t *Tracker) split(dets []bongsu.Detection) {
	t.high, t.low, t.taken = t.high[:0], t.low[:0], t.taken[:0]
	for i := range dets {
		t.taken = append(t.taken, false)
		switch d := &dets[i]; {
		case !usable(d.Box):
		case d.Score >= t.o.High:
			t.high = append(t.high, i)
		case d.Score >= t.o.Low:
			t.low = append(t.low, i)
		}
	}
}

// usable refuses empty boxes and numbers that no picture can give: one NaN would spoil every
// sum it enters.
func usable(b bongsu.Box) bool {
	return b.X0 >= -1 && b.Y0 >= -1 && b.X1 <= 2 && b.Y1 <= 2 && b.Area() > 0
}

// see corrects a target by its detection.
func (t *Tracker) see(g *target, d *bongsu.Detection) {
	g.correct(d.Box, float32((t.last - g.seen).Seconds()))
	g.vote(d.Class, d.Score, t.last-g.seen)
	g.score, g.seen, g.now = d.Score, t.last, true
	g.hits++
	g.sum += d.Score
	if !g.confirmed && t.enough(g) {
		g.confirmed, g.fresh = true, true
	}
}

// enough reports whether a target was seen often, long or clearly enough to be there.
func (t *Tracker) enough(g *target) bool {
	return g.hits >= t.o.ConfirmHits || g.hits >= 2 && (t.last-g.first >= t.o.ConfirmAfter || g.sum >= t.o.ConfirmScore)
}

// vanish readies the targets for being out of sight that this picture misses first.
func (t *Tracker) vanish() {
	for i := range t.targets {
		if g := &t.targets[i]; !g.now && !g.hidden {
			g.hidden = true
			g.vanish()
		}
	}
}

// begin makes tentative targets of confident detections that nothing explains.
func (t *Tracker) begin(dets []bongsu.Detection) {
	for _, j := range t.high {
		d := &dets[j]
		if d.Score < t.o.Birth || t.covered(d) || !t.room() {
			continue
		}
		t.targets = append(t.targets, target{id: t.nextID, first: t.last})
		t.nextID++
		g := &t.targets[len(t.targets)-1]
		g.place(d.Box)
		g.vote(d.Class, d.Score, 0)
		g.score, g.sum, g.seen, g.now, g.hits = d.Score, d.Score, t.last, true, 1
		g.confirmed = t.o.ConfirmHits <= 1
	}
}

// room makes room for one more target if it can: what is only remembered gives way.
func (t *Tracker) room() bool {
	if len(t.targets) < t.o.MaxTracks {
		return true
	}
	for i := range t.targets {
		if t.targets[i].gone {
			t.drop(i)
			return true
		}
	}
	return false
}

// drop takes target i out; the order stays.
func (t *Tracker) drop(i int) {
	copy(t.targets[i:], t.targets[i+1:])
	t.targets = t.targets[:len(t.targets)-1]
}

// covered reports whether a track seen in this picture lies over d: the model saw it twice.
func (t *Tracker) covered(d *bongsu.Detection) bool {
	for i := range t.targets {
		g := &t.targets[i]
		if g.now && g.confirmed && g.class().Alike(d.Class) && g.box().IoU(d.Box) > overlapCovered {
			return true
		}
	}
	return false
}

// merge drops young lost targets that lie under one that is seen: the model saw one thing twice. One
// that was followed for longer is somebody, and walks behind another just now.
func (t *Tracker) merge() {
	kept := t.targets[:0]
	for i := range t.targets {
		if !t.doubled(i) {
			kept = append(kept, t.targets[i])
		}
	}
	t.targets = kept
}

// doubled reports whether target i is lost, young, and lies under one that is seen. Those before i
// may have moved forward in the slice already; they are all still in it, none twice below i.
func (t *Tracker) doubled(i int) bool {
	g := &t.targets[i]
	if g.now || g.seen-g.first > youth {
		return false
	}
	for k := range t.targets {
		o := &t.targets[k]
		if o.id != g.id && o.now && o.confirmed && o.class().Alike(g.class()) && o.box().IoU(g.box()) > overlapCovered {
			return true
		}
	}
	return false
}

// chance is how long a target keeps for one more picture, however short its time: at few
// pictures a second the next one may come after TentativeFor, and after LostFor.
const chance = 5 * time.Second

// forget drops targets that were not seen for too long, and makes the rest unseen. Confirmed ones
// are remembered for relink when they are no longer reported.
func (t *Tracker) forget() {
	kept := t.targets[:0]
	for i := range t.targets {
		g := &t.targets[i]
		keep := t.o.LostFor
		if !g.confirmed {
			keep = t.o.TentativeFor
		}
		if g.now {
			keep = max(keep, chance)
		}
		unseen := t.last - g.seen
		g.gone = unseen > keep
		if !g.gone || g.confirmed && unseen <= t.relinkFor(g) {
			g.now, g.fresh = false, false
			kept = append(kept, *g)
		}
	}
	t.targets = kept
}

// relinkFor is how long g is remembered for relink. A vehicle is remembered for as long as it counts as lost only:
// at its speed the places where it may be after some seconds are half the road, and the next one is taken for it.
func (t *Tracker) relinkFor(g *target) time.Duration {
	if c := g.class(); c.Alike(bongsu.ClassCar) || c.Alike(bongsu.ClassMotorcycle) {
		return min(t.o.RelinkFor, t.o.LostFor)
	}
	return t.o.RelinkFor
}

// report writes the targets as the domain's tracks.
func (t *Tracker) report() []bongsu.Track {
	t.out = t.out[:0]
	for i := range t.targets {
		g := &t.targets[i]
		if g.gone {
			continue
		}
		state := bongsu.TrackLost
		switch {
		case !g.confirmed:
			state = bongsu.TrackTentative
		case g.now:
			state = bongsu.TrackConfirmed
		}
		vx, vy := g.velocity()
		t.out = append(t.out, bongsu.Track{
			ID: g.id, State: state, Class: g.class(), Score: g.score, Box: clamp(g.box()),
			First: g.first, Last: g.seen, Hits: g.hits, VX: vx, VY: vy,
		})
	}
	return t.out
}

func clamp(b bongsu.Box) bongsu.Box {
	c := func(v float32) float32 { return min(max(v, 0), 1) }
	return bongsu.Box{X0: c(b.X0), Y0: c(b.Y0), X1: c(b.X1), Y1: c(b.Y1)}
}
