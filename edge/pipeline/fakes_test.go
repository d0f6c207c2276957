package pipeline

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"bongsu"
	"bongsu/streams"
)

var epoch = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// fakeSource delivers n units, one a step of 100 ms of media time with a key every ten, then
// end (io.EOF by default). hold, when set, is waited on before each unit.
type fakeSource struct {
	n      int
	lostAt int // index of a unit that arrives with loss; 0 for none
	end    error
	hold   <-chan struct{}
	seq    int
	closed atomic.Bool
}

func (s *fakeSource) Next(ctx context.Context) (*streams.AccessUnit, error) {
	if s.hold != nil {
		select {
		case <-s.hold:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if s.seq == s.n {
		if s.end == nil {
			return nil, io.EOF
		}
		return nil, s.end
	}
	pts := time.Duration(s.seq) * 100 * time.Millisecond
	au := &streams.AccessUnit{Camera: "c", Seq: uint64(s.seq), Codec: streams.H264, Key: s.seq%10 == 0,
		PTS: pts, DTS: pts, Wall: epoch.Add(pts), Arrived: epoch.Add(pts), Lost: s.lostAt > 0 && s.seq == s.lostAt}
	s.seq++
	return au, nil
}

func (s *fakeSource) Close() error { s.closed.Store(true); return nil }

// fakeDecoder gives one picture a unit, with the taint that a real one would give. live counts
// the references that are out.
type fakeDecoder struct {
	live    *atomic.Int64
	slow    <-chan struct{} // when set, waited on before each picture
	out     []*bongsu.Frame
	tainted bool
	refuse  func(*streams.AccessUnit) error
	last    int // pictures that Drain gives, as a decoder does that reorders
	closed  bool
}

type fakeOwner struct{ live *atomic.Int64 }

func (o fakeOwner) Retain()  { o.live.Add(1) }
func (o fakeOwner) Release() { o.live.Add(-1) }

func (d *fakeDecoder) MarkLoss() { d.tainted = true }
func (d *fakeDecoder) Send(au *streams.AccessUnit) error {
	if d.slow != nil {
		<-d.slow
	}
	if d.refuse != nil {
		if err := d.refuse(au); err != nil {
			d.tainted = true
			return err
		}
	}
	if au.Lost {
		d.tainted = true
	}
	if au.Key && !au.Lost {
		d.tainted = false
	}
	d.live.Add(1)
	d.out = append(d.out, &bongsu.Frame{Camera: au.Camera, Seq: au.Seq, PTS: au.PTS, Wall: au.Wall,
		Tainted: d.tainted, Key: au.Key, Width: 64, Height: 48, Owner: fakeOwner{d.live}})
	return nil
}
func (d *fakeDecoder) Receive() (*bongsu.Frame, error) {
	if len(d.out) == 0 {
		return nil, streams.ErrNeedMore
	}
	f := d.out[0]
	d.out = d.out[1:]
	return f, nil
}
func (d *fakeDecoder) Drain() error {
	for range d.last {
		d.live.Add(1)
		d.out = append(d.out, &bongsu.Frame{Camera: "c", Wall: epoch.Add(time.Hour), Width: 64, Height: 48, Owner: fakeOwner{d.live}})
	}
	return nil
}
func (d *fakeDecoder) Close() { d.closed = true }

// fakeDetector answers with one person; every failEvery-th call fails.
type fakeDetector struct {
	failEvery int
	calls     int
	slow      <-chan struct{}
	seqs      []uint64
}

var errModel = errors.New("the model is ill")

func (d *fakeDetector) Model() bongsu.ModelRef { return bongsu.ModelRef{Name: "fake", Version: "1"} }
func (d *fakeDetector) Detect(ctx context.Context, f *bongsu.Frame, dst []bongsu.Detection) ([]bongsu.Detection, error) {
	if d.slow != nil {
		select {
		case <-d.slow:
		case <-ctx.Done():
			return dst, ctx.Err()
		}
	}
	d.calls++
	d.seqs = append(d.seqs, f.Seq)
	if d.failEvery > 0 && d.calls%d.failEvery == 0 {
		return dst, errModel
	}
	return append(dst, bongsu.Detection{Class: bongsu.ClassPerson, Score: 0.9, Box: bongsu.Box{X1: 1, Y1: 1}}), nil
}

// fakeStages are tracker, rules and events that pass one thing through; fire says on which
// pictures (by evaluation number) the rule fires.
type fakeStages struct {
	fire   func(n int) bool
	n      int
	times  []time.Duration
	nilFr  int
	ticks  int
	onTick func()

	resets int
	pans   [][2]float32
	shifts []time.Duration // twice each: rules and events are one here
}

func (s *fakeStages) Update(at time.Duration, dets []bongsu.Detection) []bongsu.Track {
	s.times = append(s.times, at)
	return []bongsu.Track{{ID: 1, State: bongsu.TrackConfirmed, Class: dets[0].Class, Box: dets[0].Box}}
}
func (s *fakeStages) Evaluate(p bongsu.Picture, tracks []bongsu.Track) []bongsu.Firing {
	s.n++
	if tracks != nil && s.fire != nil && s.fire(s.n) {
		return []bongsu.Firing{{Rule: "r", Kind: bongsu.KindIntrusion, At: p.At}}
	}
	return nil
}
func (s *fakeStages) Apply(now time.Time, f *bongsu.Frame, inferred time.Time, firings []bongsu.Firing) []bongsu.Event {
	if f == nil {
		s.nilFr++
	}
	out := make([]bongsu.Event, 0, len(firings))
	for range firings {
		out = append(out, bongsu.Event{ID: bongsu.NewEventID(now), Revision: 1, Camera: "c", Start: now})
	}
	return out
}
func (s *fakeStages) Pan(dx, dy float32)    { s.pans = append(s.pans, [2]float32{dx, dy}) }
func (s *fakeStages) Reset()                { s.resets++ }
func (s *fakeStages) Shift(d time.Duration) { s.shifts = append(s.shifts, d) }
func (s *fakeStages) Tick(time.Time) []bongsu.Event {
	s.ticks++
	if s.onTick != nil {
		s.onTick()
	}
	return nil
}

// fakeSinks collect what the pipeline hands over.
type fakeSinks struct {
	mu     sync.Mutex
	units  []uint64
	clips  []uint64
	clipEv int
	events []bongsu.Event
	seqs   []uint64 // of the pictures behind the events
}

type fakeRing struct{ s *fakeSinks }
type fakeClips struct{ s *fakeSinks }

func (r fakeRing) Add(au *streams.AccessUnit) {
	r.s.mu.Lock()
	r.s.units = append(r.s.units, au.Seq)
	r.s.mu.Unlock()
}
func (c fakeClips) Add(au *streams.AccessUnit) {
	c.s.mu.Lock()
	c.s.clips = append(c.s.clips, au.Seq)
	c.s.mu.Unlock()
}
func (c fakeClips) Event(bongsu.Event) {
	c.s.mu.Lock()
	c.s.clipEv++
	c.s.mu.Unlock()
}
func (s *fakeSinks) Put(ev bongsu.Event, f *bongsu.Frame) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, ev)
	if f != nil {
		s.seqs = append(s.seqs, f.Seq)
	}
}
