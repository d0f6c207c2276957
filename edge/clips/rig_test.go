package clips

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"bongsu"
	"bongsu/streams"
	"bongsu/streams/mp4"
	"bongsu/streams/ring"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var base = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// sets are parameter sets that a decoder of the size in their name would take.
var sets = []*streams.Params{
	{Codec: streams.H264, SPS: []byte{0x67, 0x4d, 0x40, 0x0d, 0xec, 0xa0, 0xa0, 0xfd, 0x80, 0x88, 0x00, 0x00, 0x03, 0x00, 0x08, 0x00, 0x00, 0x03, 0x01, 0x90, 0x78, 0xa1, 0x4c, 0xb0}, PPS: []byte{0x68, 0xeb, 0xe3, 0xcb, 0x20}},
	{Codec: streams.H264, SPS: []byte{0x67, 0x42, 0xc0, 0x0d, 0xec, 0xa0, 0xa0, 0xfd, 0x80, 0x88, 0x00, 0x00, 0x03, 0x00, 0x08, 0x00, 0x00, 0x03, 0x01, 0x90, 0x78, 0xa1, 0x4c, 0xb0}, PPS: []byte{0x68, 0xeb, 0xe3, 0xcb, 0x20}},
}

// camera makes units: a picture every 100 ms, a key unit every gop, each unit's bytes its own.
type camera struct {
	gop    int
	size   int // bytes of a unit, at least 32
	step   time.Duration
	run    int
	seq    uint64
	dts    time.Duration
	wall   time.Time // of dts
	params *streams.Params
	delay  time.Duration // from decoding to showing
}

func newCamera(gop int) *camera {
	return &camera{gop: gop, size: 64, step: 100 * time.Millisecond, wall: base, params: sets[0]}
}

func (c *camera) next() *streams.AccessUnit {
	return c.unit(c.seq%uint64(c.gop) == 0)
}

func (c *camera) unit(key bool) *streams.AccessUnit {
	nal := make([]byte, c.size)
	copy(nal, fmt.Sprintf("\x41 run %d unit %d", c.run, c.seq))
	if key {
		nal[0] = 0x65
	}
	au := &streams.AccessUnit{Camera: "cam", Run: bongsu.RunID(fmt.Sprint("run-", c.run)), Seq: c.seq, Codec: streams.H264, Params: c.params,
		NALs: [][]byte{nal}, DTS: c.dts, PTS: c.dts + c.delay, Wall: c.wall.Add(c.delay), Key: key}
	c.seq++
	c.dts, c.wall = c.dts+c.step, c.wall.Add(c.step)
	return au
}

// reconnect begins a new run after a gap.
func (c *camera) reconnect(gap time.Duration) {
	c.run++
	c.seq, c.dts, c.wall = 0, 0, c.wall.Add(gap)
}

// rig is a recorder with everything around it in the test's hands.
type rig struct {
	t    testing.TB
	ring *ring.Ring
	rec  *Recorder
	dir  string
	tick chan time.Time
	stop func() // ends Run and waits

	mu     sync.Mutex
	now    time.Time
	opened []bongsu.Clip
	closed []bongsu.Clip
}

// newRig starts a recorder; change alters its options.
func newRig(t testing.TB, change func(o *Options)) *rig {
	r := &rig{t: t, ring: ring.New(ring.Options{Keep: 10 * time.Second}), dir: t.TempDir(), tick: make(chan time.Time), now: base}
	o := Options{
		Camera: "cam", Ring: r.ring, Open: r.open, Closed: r.close, PreRoll: 3 * time.Second, PostRoll: 2 * time.Second,
		MaxPart: 10 * time.Second, Now: r.clock,
		Ticker: func(time.Duration) (<-chan time.Time, func()) { return r.tick, func() {} },
	}
	if change != nil {
		change(&o)
	}
	r.ring = o.Ring
	r.rec = New(o)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.rec.Run(ctx) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(r.stop)
	return r
}

func (r *rig) path(k bongsu.ClipKey) string {
	return filepath.Join(r.dir, fmt.Sprintf("%s-%d.mp4", k.Event, k.Part))
}

func (r *rig) open(_ context.Context, c bongsu.Clip) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.opened = append(r.opened, c)
	return r.path(c.Key()), nil
}

func (r *rig) close(_ context.Context, c bongsu.Clip) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = append(r.closed, c)
	return nil
}

func (r *rig) clock() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now
}

// advance moves the clock and lets the recorder look at it.
func (r *rig) advance(d time.Duration) {
	r.mu.Lock()
	r.now = r.now.Add(d)
	r.mu.Unlock()
	r.tick <- r.now
}

// add gives n units of c to the ring and the recorder, as the pipeline does.
func (r *rig) add(c *camera, n int) (out []*streams.AccessUnit) {
	for range n {
		au := c.next()
		r.ring.Add(au)
		r.rec.Add(au)
		out = append(out, au)
	}
	return out
}

// wait waits for a condition that the recorder's goroutine brings about.
func (r *rig) wait(what string, cond func(s Stats) bool) {
	r.t.Helper()
	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()
	deadline := time.After(time.Minute)
	for !cond(r.rec.Stats()) {
		select {
		case <-poll.C:
		case <-deadline:
			r.t.Fatalf("waited in vain until %s: %+v", what, r.rec.Stats())
		}
	}
}

// idle waits until all that was queued is done.
func (r *rig) idle() {
	r.t.Helper()
	r.wait("the queue is empty", func(s Stats) bool {
		r.rec.mu.Lock()
		defer r.rec.mu.Unlock()
		return len(r.rec.queue) == 0 && s.QueueBytes == 0
	})
}

// parts gives the closed parts of an event in order.
func (r *rig) parts(id bongsu.EventID) (out []bongsu.Clip) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.closed {
		if c.Event == id {
			out = append(out, c)
		}
	}
	return out
}

// held reads the units of one part back: their first NAL unit and whether they are key.
func (r *rig) held(c bongsu.Clip) (nals []string, samples []mp4.Sample) {
	r.t.Helper()
	f, err := os.Open(r.path(c.Key()))
	if err != nil {
		r.t.Fatal(err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		r.t.Fatal(err)
	}
	rd, err := mp4.Open(f, st.Size())
	if err != nil {
		r.t.Fatal(err)
	}
	for i := range rd.Len() {
		p, err := rd.Sample(i)
		if err != nil {
			r.t.Fatal(err)
		}
		nals = append(nals, string(p[0]))
	}
	return nals, rd.Samples()
}

// all reads all parts of an event, in order.
func (r *rig) all(id bongsu.EventID) (nals []string) {
	r.t.Helper()
	for _, c := range r.parts(id) {
		n, _ := r.held(c)
		nals = append(nals, n...)
	}
	return nals
}

// wantUnits compares what an event's parts hold with units, none missing, none twice.
func (r *rig) wantUnits(id bongsu.EventID, units []*streams.AccessUnit) {
	r.t.Helper()
	got := r.all(id)
	for i := range min(len(got), len(units)) {
		if got[i] != string(units[i].NALs[0]) {
			r.t.Fatalf("event %s: unit %d is %.20q, want %.20q", id, i, got[i], units[i].NALs[0])
		}
	}
	if len(got) != len(units) {
		r.t.Fatalf("event %s: %d units, want %d", id, len(got), len(units))
	}
}

func open(id string, start, fired time.Time) bongsu.Event {
	return bongsu.Event{ID: bongsu.EventID(id), Revision: 1, State: bongsu.EventOpen, Start: start, Fired: fired}
}

func closing(ev bongsu.Event, end time.Time) bongsu.Event {
	ev.Revision++
	ev.State, ev.End = bongsu.EventClosed, end
	return ev
}

func newRand(t testing.TB) *rand.Rand {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 3))
}
