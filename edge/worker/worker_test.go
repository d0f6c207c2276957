package worker

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"bongsu"
	"bongsu/edge/link"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeRunner is one camera that does what the test says through its environment.
type fakeRunner struct {
	env     Env
	a       link.Assignment
	open    []bongsu.Event
	retired chan struct{}
	stuck   atomic.Bool
	quits   bool                                       // owned by Run: it ends with its script
	adjust  atomic.Pointer[func(link.Assignment) bool] // nil takes nothing
	script  func(ctx context.Context, r *fakeRunner)
}

func (r *fakeRunner) Run(ctx context.Context) error {
	if r.script != nil {
		r.script(ctx, r)
	}
	if r.quits {
		return errors.New("it gave up")
	}
	<-ctx.Done()
	return ctx.Err()
}
func (r *fakeRunner) Status() bongsu.CameraStatus {
	return bongsu.CameraStatus{ID: r.a.Camera, Name: r.a.Name, State: bongsu.CameraLive}
}
func (r *fakeRunner) Counters() []link.Counter {
	return []link.Counter{{Name: "bongsu_frames_inferred_total", Camera: r.a.Camera, Value: 7}}
}
func (r *fakeRunner) Stills() (plain, boxed []byte, at time.Time) {
	return []byte("plain"), []byte("boxed"), time.Unix(9, 0)
}
func (r *fakeRunner) Stuck() (stage string, since time.Duration) {
	if r.stuck.Load() {
		return "decoding", 7 * time.Second
	}
	return "", 0
}
func (r *fakeRunner) setAdjust(f func(link.Assignment) bool) { r.adjust.Store(&f) }

// Adjust implements adjuster.
func (r *fakeRunner) Adjust(a link.Assignment) bool {
	f := r.adjust.Load()
	return f != nil && (*f)(a)
}
func (r *fakeRunner) Open() []bongsu.Event { return r.open }
func (r *fakeRunner) Retire()              { close(r.retired) }

// nodeSide is the node's end of a worker under test.
type nodeSide struct {
	t    *testing.T
	conn *link.Conn
	got  chan *link.Message
	done chan error

	mu    sync.Mutex
	built []*fakeRunner
}

func start(t *testing.T, script func(ctx context.Context, r *fakeRunner), build func(link.Assignment) error) *nodeSide {
	t.Helper()
	return startUnder(t.Context(), t, script, build)
}

func startUnder(ctx context.Context, t *testing.T, script func(ctx context.Context, r *fakeRunner), build func(link.Assignment) error) *nodeSide {
	t.Helper()
	a, b := net.Pipe()
	n := &nodeSide{t: t, conn: link.NewConn(a, link.Node), got: make(chan *link.Message, 1000), done: make(chan error, 1)}
	w := New(Options{Conn: link.NewConn(b, link.Worker), Program: "test",
		JPEG:    func(*bongsu.Frame) ([]byte, error) { return []byte("jpeg"), nil },
		Rebuild: 20 * time.Millisecond,
		Build: func(as link.Assignment, env Env) (Runner, error) {
			if build != nil {
				if err := build(as); err != nil {
					return nil, err
				}
			}
			r := &fakeRunner{env: env, a: as, script: script, retired: make(chan struct{})}
			n.mu.Lock()
			n.built = append(n.built, r)
			n.mu.Unlock()
			return r, nil
		}})
	go func() { n.done <- w.Run(ctx) }()
	go func() {
		for {
			m, err := n.conn.Receive()
			if err != nil {
				close(n.got)
				return
			}
			n.got <- m
		}
	}()
	return n
}

func (n *nodeSide) next(typ string) *link.Message {
	n.t.Helper()
	return n.either(typ)
}

// either gives the next message of one of these types.
func (n *nodeSide) either(types ...string) *link.Message {
	n.t.Helper()
	deadline := time.After(time.Minute)
	for {
		select {
		case m, ok := <-n.got:
			if !ok {
				n.t.Fatalf("the worker closed before one of %q", types)
			}
			if slices.Contains(types, m.Type) {
				return m
			}
		case <-deadline:
			n.t.Fatalf("none of %q in a minute", types)
		}
	}
}

func (n *nodeSide) send(m link.Message) {
	n.t.Helper()
	if _, err := n.conn.Send(m); err != nil {
		n.t.Fatal(err)
	}
}

func (n *nodeSide) stop() {
	n.t.Helper()
	n.conn.Close()
	if err := <-n.done; err != nil {
		n.t.Errorf("Run returned %v", err)
	}
	for range n.got {
	}
}

func assignment(id string) *link.Assignment {
	return &link.Assignment{Camera: bongsu.CameraID(id), Name: id}
}

func event(rev int) bongsu.Event {
	return bongsu.Event{ID: bongsu.NewEventID(time.Now()), Revision: rev, Camera: "a", State: bongsu.EventOpen}
}

func TestWorkerGreetsReportsAndEndsWithTheConnection(t *testing.T) {
	n := start(t, nil, nil)
	if m := n.next(link.TypeHello); m.PID == 0 || m.Program != "test" {
		t.Errorf("hello %+v", m)
	}
	n.send(link.Message{Type: link.TypeAssign, Assign: assignment("a")})
	for {
		m := n.next(link.TypeHealth)
		if len(m.Health) == 1 && m.Health[0].State == bongsu.CameraLive {
			if string(m.Health[0].Still) != "plain" || len(m.Looks) != 1 || string(m.Looks[0].JPEG) != "boxed" {
				t.Errorf("health without its pictures: %+v", m)
			}
			break
		}
	}
	if m := n.next(link.TypeCounters); len(m.Counters) == 0 {
		t.Error("no counters")
	}
	n.stop()
}

func TestEventIsOfferedUntilItIsAcknowledged(t *testing.T) {
	ev := event(1)
	n := start(t, func(_ context.Context, r *fakeRunner) { r.env.Put(ev, nil) }, nil)
	n.send(link.Message{Type: link.TypeAssign, Assign: assignment("a")})
	m := n.next(link.TypeEvent)
	n.send(link.Message{Type: link.TypeNack, Ref: m.Seq, Message: "disk full"})
	again := n.next(link.TypeEvent)
	if again.Event.ID != ev.ID || again.Seq == m.Seq {
		t.Errorf("offered again: %+v, want the same event under a new number", again)
	}
	n.send(link.Message{Type: link.TypeAck, Ref: again.Seq})
	for {
		c := n.next(link.TypeCounters)
		if value(c, "bongsu_handover_events_total") == 1 {
			if p := value(c, "bongsu_handover_pending"); p != 0 {
				t.Errorf("%v pending after the acknowledgement", p)
			}
			break
		}
	}
	n.stop()
}

func value(m *link.Message, name string) float64 {
	for _, c := range m.Counters {
		if c.Name == name {
			return c.Value
		}
	}
	return -1
}

func TestClipIsOpenedWhereTheNodeSays(t *testing.T) {
	paths := make(chan string, 1)
	refused := make(chan error, 1)
	clip := bongsu.Clip{Event: bongsu.NewEventID(time.Now()), Camera: "a"}
	n := start(t, func(ctx context.Context, r *fakeRunner) {
		p, _ := r.env.OpenClip(ctx, clip)
		paths <- p
		refused <- r.env.CloseClip(ctx, clip)
	}, nil)
	n.send(link.Message{Type: link.TypeAssign, Assign: assignment("a")})
	m := n.next(link.TypeClipOpen)
	n.send(link.Message{Type: link.TypeAck, Ref: m.Seq, Path: "/spool/x.mp4"})
	if p := <-paths; p != "/spool/x.mp4" {
		t.Errorf("path %q", p)
	}
	m = n.next(link.TypeClipClosed)
	n.send(link.Message{Type: link.TypeNack, Ref: m.Seq, Message: "no such clip", Code: bongsu.CodeNotFound})
	if err := <-refused; bongsu.CodeOf(err) != bongsu.CodeNotFound {
		t.Errorf("a refused clip_closed is %v, want the node's code", err)
	}
	n.stop()
}

func TestNewConfigurationKeepsOpenEventsAndRemovalClosesThem(t *testing.T) {
	left := event(3)
	n := start(t, func(_ context.Context, r *fakeRunner) {
		if r.a.Name == "first" {
			r.open = []bongsu.Event{left}
		}
	}, nil)
	first := assignment("a")
	first.Name = "first"
	n.send(link.Message{Type: link.TypeOpenEvents, Camera: "a", Open: []bongsu.Event{event(2)}})
	n.send(link.Message{Type: link.TypeAssign, Assign: first})
	n.runner(0)
	n.send(link.Message{Type: link.TypeAssign, Assign: assignment("a")})
	second := n.runner(1)
	if open := n.runner(0).env.Open; len(open) != 1 || open[0].Revision != 2 {
		t.Errorf("the first run was given %+v, want what the node sent", open)
	}
	if open := second.env.Open; len(open) != 1 || open[0].ID != left.ID {
		t.Errorf("the second run was given %+v, want what the first left open", open)
	}
	n.send(link.Message{Type: link.TypeUnassign, Camera: "a"})
	select {
	case <-second.retired:
	case <-time.After(time.Minute):
		t.Error("a removed camera did not close its events")
	}
	n.stop()
}

func (n *nodeSide) runner(i int) *fakeRunner {
	n.t.Helper()
	var r *fakeRunner
	deadline := time.Now().Add(time.Minute)
	for r == nil && time.Now().Before(deadline) {
		n.mu.Lock()
		if len(n.built) > i {
			r = n.built[i]
		}
		n.mu.Unlock()
		select {
		case <-n.got: // keep the pipe flowing
		case <-time.After(time.Millisecond):
		}
	}
	if r == nil {
		n.t.Fatalf("run %d was never built", i)
	}
	return r
}

func TestCameraThatCannotBeBuiltSaysWhy(t *testing.T) {
	n := start(t, nil, func(link.Assignment) error {
		return bongsu.Errorf(bongsu.CodeNotFound, "there is no model %q", "x")
	})
	n.send(link.Message{Type: link.TypeAssign, Assign: assignment("a")})
	for {
		m := n.next(link.TypeHealth)
		if len(m.Health) == 1 && m.Health[0].State == bongsu.CameraFailed {
			if m.Health[0].Reason != `there is no model "x"` || m.Health[0].Code != "not_found" {
				t.Errorf("health %+v", m.Health[0])
			}
			break
		}
	}
	n.stop()
}

func TestHandoverOverItsBoundCoalescesAndLosesNoEvent(t *testing.T) {
	h := newHandover(20*eventSize, nil, func(link.Message) (uint64, error) { return 0, errors.New("not used") }, nil)
	a, b := event(1), event(1)
	for rev := 1; rev <= 40; rev++ {
		a.Revision, b.Revision = rev, rev
		h.Put(a, nil)
		h.Put(b, nil)
	}
	newest := map[bongsu.EventID]int{}
	for _, it := range h.items {
		newest[it.ev.ID] = max(newest[it.ev.ID], it.ev.Revision)
	}
	if newest[a.ID] != 40 || newest[b.ID] != 40 {
		t.Errorf("newest revisions %v, want 40 of both", newest)
	}
	if h.bytes > h.limit || h.bytes != len(h.items)*eventSize {
		t.Errorf("%d bytes for %d revisions, the limit is %d", h.bytes, len(h.items), h.limit)
	}
	if int(h.coalesced)+len(h.items) != 80 {
		t.Errorf("%d coalesced and %d kept of 80", h.coalesced, len(h.items))
	}
}

type countedFrame struct{ refs int }

func (c *countedFrame) Retain()  { c.refs++ }
func (c *countedFrame) Release() { c.refs-- }

func TestHandoverKeepsTheSnapshotAndBoundsHeldPictures(t *testing.T) {
	var out []link.Message
	h := newHandover(1<<20, func(*bongsu.Frame) ([]byte, error) { return []byte("jpeg"), nil },
		func(m link.Message) (uint64, error) { out = append(out, m); return uint64(len(out)), nil }, nil)
	owner := &countedFrame{}
	f := &bongsu.Frame{Owner: owner}
	for range maxHeldFrames + 2 {
		h.Put(event(1), f)
	}
	if owner.refs != maxHeldFrames || h.bare != 2 {
		t.Errorf("%d pictures held and %d events bare, want %d and 2", owner.refs, h.bare, maxHeldFrames)
	}
	for it := h.next(); it != nil; it = h.next() {
		h.encode(it)
		if err := h.post(it); err != nil {
			t.Fatal(err)
		}
	}
	if owner.refs != 0 {
		t.Errorf("%d pictures still held after encoding", owner.refs)
	}
	with := 0
	for i, m := range out {
		if len(m.Snapshot) > 0 {
			with++
		}
		if !h.acked(uint64(i + 1)) {
			t.Errorf("answer %d was not ours", i+1)
		}
	}
	if with != maxHeldFrames || h.pending() != 0 || h.bytes != 0 {
		t.Errorf("%d snapshots, %d pending, %d bytes left, want %d, 0, 0", with, h.pending(), h.bytes, maxHeldFrames)
	}
	if h.acked(99) || h.nacked(1) {
		t.Error("an answer to nothing was taken for one of ours")
	}
}
