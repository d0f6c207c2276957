package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"bongsu"
	"bongsu/edge/link"
	"bongsu/streams"
	"bongsu/streams/mp4"
	"bongsu/streams/ring"
)

// Bounds of live view in a worker.
const (
	liveQueueBytes = 16 << 20 // of one session; the units are shared with the ring
	liveQueueUnits = 2000
	liveFresh      = 3 * time.Second // a ring whose newest unit is older begins nothing
	liveStillEvery = time.Second
)

// live sends cameras' pictures to the node for those who look on. The pipeline hands over
// pointers and goes on; one goroutine, run, turns them into fragments and writes them to the
// media channel. A channel that does not take them costs pictures, never the pipeline's time.
type live struct {
	// set before run
	conn net.Conn
	jpeg func(*bongsu.Frame) ([]byte, error)
	now  func() time.Time
	log  *slog.Logger
	wake chan struct{} // in: something waits

	dropped atomic.Int64 // units that no session got in time
	sent    atomic.Int64 // payload bytes

	mu       sync.Mutex
	taps     map[bongsu.CameraID]*Tap // guarded by mu
	sessions map[string]*showing      // guarded by mu

	// owned by run
	buf, head []byte
}

func newLive(conn net.Conn, jpeg func(*bongsu.Frame) ([]byte, error), log *slog.Logger) *live {
	return &live{conn: conn, jpeg: jpeg, now: time.Now, log: log, wake: make(chan struct{}, 1),
		taps: map[bongsu.CameraID]*Tap{}, sessions: map[string]*showing{}}
}

// Tap is where one camera's pictures leave its pipeline for those who look on. It outlives the
// camera's runs. Its methods never block.
type Tap struct {
	live   *live
	camera bongsu.CameraID
	eyes   atomic.Int32 // sessions; the way of a frame looks at no more while it is 0
	boxed  atomic.Int32 // those that want what is found, too

	mu       sync.Mutex
	ring     *ring.Ring    // guarded by mu: of the run that goes on; nil without
	showings []*showing    // guarded by mu
	frame    *bongsu.Frame // guarded by mu: to become a still; one reference is ours
	stillAt  time.Time     // guarded by mu: when the last one was kept
}

// showing is one session.
type showing struct {
	id   string
	mode string
	tap  *Tap

	// guarded by tap.mu
	queue []*streams.AccessUnit
	bytes int
	skip  bool         // until the next key unit
	run   bongsu.RunID // of the unit added last
	seq   uint64
	begun bool // a unit was taken
	keyed bool // there was a key unit: what is missing from there on is counted
	boxes bool // what is found is wanted, too
	notes []note

	// owned by run
	film    mp4.Live
	tainted bool
	named   bool // the format of its stills was told
}

// tapOf gives a camera's tap.
func (l *live) tapOf(camera bongsu.CameraID) *Tap {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.taps[camera]
	if t == nil {
		t = &Tap{live: l, camera: camera}
		l.taps[camera] = t
	}
	return t
}

// start begins a session with the newest group of pictures that the ring holds, so that the
// first picture is there at once. A session that is known already goes on; whether it wants what is
// found, too, is said anew.
func (l *live) start(camera bongsu.CameraID, session, mode string, boxes bool) {
	t := l.tapOf(camera)
	l.mu.Lock()
	if s := l.sessions[session]; s != nil {
		l.mu.Unlock()
		s.want(boxes)
		return
	}
	s := &showing{id: session, mode: mode, tap: t, skip: true}
	l.sessions[session] = s
	l.mu.Unlock()
	t.mu.Lock()
	t.eyes.Add(1) // before the ring is read: a unit that is not in it comes to Add
	if t.ring != nil && mode == bongsu.LiveVideo {
		units := t.ring.From(time.Unix(1<<40, 0))
		if n := len(units); n > 0 && l.now().Sub(units[n-1].Arrived) < liveFresh {
			for _, au := range units {
				s.add(au)
			}
		}
	}
	t.showings = append(t.showings, s)
	t.stillAt = time.Time{}
	t.mu.Unlock()
	s.want(boxes)
	l.poke()
}

// stop ends a session; one that is not known has ended.
func (l *live) stop(session string) {
	l.mu.Lock()
	s := l.sessions[session]
	delete(l.sessions, session)
	l.mu.Unlock()
	if s == nil {
		return
	}
	t := s.tap
	s.want(false)
	t.mu.Lock()
	defer t.mu.Unlock()
	s.queue, s.bytes = nil, 0
	for i, other := range t.showings {
		if other == s {
			t.showings = append(t.showings[:i:i], t.showings[i+1:]...)
			t.eyes.Add(-1)
			break
		}
	}
	if len(t.showings) == 0 {
		t.dropFrame()
	}
}

// forget ends all sessions of a camera that is not this worker's any more. Who still looks at it
// is told of anew by the node when it comes back.
func (l *live) forget(camera bongsu.CameraID) {
	l.mu.Lock()
	var of []string
	for id, s := range l.sessions {
		if s.tap.camera == camera {
			of = append(of, id)
		}
	}
	l.mu.Unlock()
	for _, id := range of {
		l.stop(id)
	}
}

func (l *live) poke() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// follow makes r the ring that sessions begin with; nil when the camera's run has ended.
func (t *Tap) follow(r *ring.Ring) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ring = r
	if r == nil {
		t.dropFrame()
	}
}

// dropFrame releases the picture that waits; the caller holds mu.
func (t *Tap) dropFrame() {
	if t.frame != nil {
		t.frame.Release()
		t.frame = nil
	}
}

// Add implements pipeline.Live.
func (t *Tap) Add(au *streams.AccessUnit) {
	if t == nil || t.eyes.Load() == 0 {
		return
	}
	t.mu.Lock()
	for _, s := range t.showings {
		if s.mode == bongsu.LiveVideo {
			s.add(au)
		}
	}
	t.mu.Unlock()
	t.live.poke()
}

// add queues a unit, or drops it when the channel has not taken those before. The caller holds
// tap.mu.
func (s *showing) add(au *streams.AccessUnit) {
	if au.Run == s.run && au.Seq <= s.seq && s.run != "" || len(au.NALs) == 0 {
		return // it came with the ring's
	}
	s.run, s.seq = au.Run, au.Seq
	if s.skip && !au.Key {
		s.drop(1)
		return
	}
	s.skip, s.keyed = false, true
	if size := au.Size(); s.bytes+size > liveQueueBytes || len(s.queue) >= liveQueueUnits {
		s.drop(len(s.queue))
		clear(s.queue)
		s.queue, s.bytes = s.queue[:0], 0
		if !au.Key {
			s.skip = true
			s.drop(1)
			return
		}
	}
	s.queue = append(s.queue, au)
	s.bytes += au.Size()
}

// drop counts units that this session does not get. Those before its first key unit were never
// promised.
func (s *showing) drop(n int) {
	if s.keyed {
		s.tap.live.dropped.Add(int64(n))
	}
}

// Picture implements pipeline.Live.
func (t *Tap) Picture(f *bongsu.Frame) {
	if t == nil || t.eyes.Load() == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.live.now()
	if t.frame != nil || now.Sub(t.stillAt) < liveStillEvery || !t.wants(bongsu.LiveStill) {
		return
	}
	f.Retain()
	t.frame, t.stillAt = f, now
	t.live.poke()
}

// wants reports whether a session has that mode; the caller holds mu.
func (t *Tap) wants(mode string) bool {
	for _, s := range t.showings {
		if s.mode == mode {
			return true
		}
	}
	return false
}

// run writes what the sessions want until ctx ends or the channel breaks. It closes the channel.
func (l *live) run(ctx context.Context) {
	defer l.conn.Close()
	broken := context.AfterFunc(ctx, func() { l.conn.Close() }) // a write that waits returns
	defer broken()
	for {
		more, err := l.round()
		if err != nil {
			if ctx.Err() == nil {
				l.log.Error("live pictures cannot be handed over any more by this worker", "error", err)
			}
			return
		}
		if more {
			continue
		}
		select {
		case <-l.wake:
		case <-ctx.Done():
			return
		}
	}
}

// round writes one unit of every session, and the stills that wait; more tells that it found
// something.
func (l *live) round() (more bool, err error) {
	l.mu.Lock()
	all := make([]*showing, 0, len(l.sessions))
	for _, s := range l.sessions {
		all = append(all, s)
	}
	taps := make([]*Tap, 0, len(l.taps))
	for _, t := range l.taps {
		taps = append(taps, t)
	}
	l.mu.Unlock()
	for _, s := range all {
		au := s.take()
		if au != nil {
			more = true
			if err := l.show(s, au); err != nil {
				return false, err
			}
			continue // what was found in a picture follows it
		}
		if err := l.tellNotes(s); err != nil {
			return false, err
		}
	}
	for _, t := range taps {
		if err := l.still(t); err != nil {
			return false, err
		}
	}
	return more, nil
}

// take gives the next unit; nil when none waits.
func (s *showing) take() *streams.AccessUnit {
	s.tap.mu.Lock()
	defer s.tap.mu.Unlock()
	if len(s.queue) == 0 {
		return nil
	}
	if !s.begun {
		if n := len(s.queue); n > 1 {
			s.film.Hint((s.queue[n-1].DTS - s.queue[0].DTS) / time.Duration(n-1))
		}
		s.begun = true
	}
	au := s.queue[0]
	s.queue[0] = nil
	s.queue = s.queue[1:]
	s.bytes -= au.Size()
	return au
}

// show writes one unit as a fragment, after a new initialisation segment where need be.
func (l *live) show(s *showing, au *streams.AccessUnit) error {
	init, info, fresh, err := s.film.Init(l.buf[:0], au)
	if err != nil {
		s.restart()
		if errors.Is(err, mp4.ErrNotKey) {
			return nil
		}
		return l.write(s, link.MediaHeader{Text: new(bongsu.LiveState(bongsu.LiveWaiting, bongsu.LiveWaitingKeyFrame,
			"the camera's stream cannot be shown: "+err.Error()))}, nil)
	}
	if fresh {
		l.buf = init
		if err := l.write(s, link.MediaHeader{Kind: bongsu.LiveInit, Text: formatOf(info)}, init); err != nil {
			return err
		}
	}
	h := link.MediaHeader{Kind: bongsu.LiveFragment, AgeUS: max(l.now().Sub(au.Arrived).Microseconds(), 0)}
	s.tainted = au.Lost || s.tainted && !au.Key
	if au.Key {
		h.Flags |= bongsu.LiveKey
	}
	if s.tainted {
		h.Flags |= bongsu.LiveTainted
	}
	l.buf = s.film.Fragment(l.buf[:0], au)
	return l.write(s, h, l.buf)
}

// restart lets a session wait for the next key unit.
func (s *showing) restart() {
	s.tap.mu.Lock()
	defer s.tap.mu.Unlock()
	s.queue, s.bytes, s.skip = nil, 0, true
}

// formatOf says what an initialisation segment announces.
func formatOf(i mp4.LiveInfo) *bongsu.LiveText {
	return new(bongsu.LiveFormat(fmt.Sprintf("video/mp4; codecs=%q", i.String), i.Codec.String(), i.Width, i.Height, math.Round(i.FPS*100)/100))
}

func (l *live) write(s *showing, h link.MediaHeader, payload []byte) error {
	h.Session, h.Camera = s.id, s.tap.camera
	head, err := link.WriteMedia(l.conn, l.head, &h, payload)
	l.head = head
	l.sent.Add(int64(len(payload)))
	return err
}

// still sends the picture that a camera's tap has kept to its still sessions. One that cannot be
// encoded is not shown; the next one may be.
func (l *live) still(t *Tap) error {
	t.mu.Lock()
	f := t.frame
	t.frame = nil
	var to []*showing
	for _, s := range t.showings {
		if s.mode == bongsu.LiveStill {
			to = append(to, s)
		}
	}
	t.mu.Unlock()
	if f == nil {
		return nil
	}
	jpeg, err := l.jpeg(f)
	arrived, tainted, wide, high := f.Arrived, f.Tainted, f.Width, f.Height
	f.Release()
	if err != nil {
		l.log.Debug("a still cannot be encoded", "camera", t.camera, "error", err)
		return nil
	}
	for _, s := range to {
		h := link.MediaHeader{Kind: bongsu.LiveJPEG, Flags: bongsu.LiveKey, AgeUS: max(l.now().Sub(arrived).Microseconds(), 0)}
		if tainted {
			h.Flags |= bongsu.LiveTainted
		}
		if !s.named {
			s.named = true
			h.Text = new(bongsu.LiveFormat("image/jpeg", "jpeg", wide, high, 1))
		}
		if err := l.write(s, h, jpeg); err != nil {
			return err
		}
	}
	return nil
}

// counters are the worker's numbers of live view.
func (l *live) counters() []link.Counter {
	l.mu.Lock()
	n := len(l.sessions)
	l.mu.Unlock()
	return []link.Counter{
		{Name: "bongsu_live_sessions", Value: float64(n), Gauge: true},
		{Name: "bongsu_live_dropped_total", Label: "at=worker", Value: float64(l.dropped.Load())},
		{Name: "bongsu_live_bytes_total", Value: float64(l.sent.Load())},
	}
}

// look begins or ends a live session as the node says. Without a media channel there is nothing
// to show it over; the node knows that, for it made none.
func (w *Worker) look(m *link.Message) {
	switch {
	case w.live == nil:
	case m.Type == link.TypeLiveStart:
		w.live.start(m.Camera, m.Session, m.Mode, m.Boxes)
	default:
		w.live.stop(m.Session)
	}
}
