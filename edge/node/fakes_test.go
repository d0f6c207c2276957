package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"bongsu"
	"bongsu/edge/link"
	"bongsu/edge/outbox"
)

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		os.Exit(runChild())
	}
	goleak.VerifyTestMain(m)
}

// fakeWorker is a worker process in this process.
type fakeWorker struct {
	pid  int
	link *link.Conn
	conn net.Conn
	done chan struct{} // the "process" has ended
	once sync.Once

	mu       sync.Mutex
	err      error
	cameras  map[bongsu.CameraID]link.Assignment
	open     map[bongsu.CameraID][]bongsu.Event
	log      []string                 // what it was told, in order
	answers  map[uint64]*link.Message // by the message answered
	sigterms int
	deaf     bool // ignores SIGTERM
	mute     bool // sends no health
}

func (w *fakeWorker) PID() int { return w.pid }

func (w *fakeWorker) Wait() error {
	<-w.done
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

func (w *fakeWorker) Signal(s os.Signal) error {
	w.mu.Lock()
	deaf := w.deaf
	if s == syscall.SIGTERM {
		w.sigterms++
	}
	w.mu.Unlock()
	if s == syscall.SIGTERM && deaf {
		return nil
	}
	w.die(fmt.Errorf("signal: %v", s))
	return nil
}

// die ends the process and, with it, its end of the connection.
func (w *fakeWorker) die(err error) {
	w.once.Do(func() {
		w.mu.Lock()
		w.err = err
		w.mu.Unlock()
		w.conn.Close()
		close(w.done)
	})
}

func (w *fakeWorker) dead() bool {
	select {
	case <-w.done:
		return true
	default:
		return false
	}
}

// send sends a message and gives its number; 0 when the worker is dead.
func (w *fakeWorker) send(m link.Message) uint64 {
	seq, err := w.link.Send(m)
	if err != nil {
		return 0
	}
	return seq
}

// ask sends a message and waits for its answer; nil when the worker dies before.
func (w *fakeWorker) ask(t testing.TB, m link.Message) *link.Message {
	t.Helper()
	seq := w.send(m)
	var a *link.Message
	eventually(t, "an answer", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		a = w.answers[seq]
		return a != nil || w.dead()
	})
	return a
}

func (w *fakeWorker) told() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.log)
}

func (w *fakeWorker) has(id bongsu.CameraID) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, ok := w.cameras[id]
	return ok && !w.dead()
}

// health reports all its cameras as live.
func (w *fakeWorker) health() {
	w.mu.Lock()
	if w.mute {
		w.mu.Unlock()
		return
	}
	m := link.Message{Type: link.TypeHealth}
	for id := range w.cameras {
		m.Health = append(m.Health, bongsu.CameraStatus{ID: id, State: bongsu.CameraLive, Since: time.Now().UTC(), FPS: 10})
		m.Looks = append(m.Looks, link.Look{Camera: id, JPEG: []byte("boxes")})
	}
	w.mu.Unlock()
	w.send(m)
}

// fleet starts fake workers and remembers them.
type fleet struct {
	mu      sync.Mutex
	all     []*fakeWorker
	refuse  error
	onStart func(*fakeWorker)                // before it says hello
	onTold  func(*fakeWorker, *link.Message) // from its receiving goroutine
	noHello bool
	running sync.WaitGroup
}

func (f *fleet) start(context.Context) (net.Conn, Process, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.refuse != nil {
		return nil, nil, f.refuse
	}
	ours, theirs, err := link.Pair()
	if err != nil {
		return nil, nil, err
	}
	c, err := net.FileConn(theirs)
	theirs.Close()
	if err != nil {
		return nil, nil, err
	}
	w := &fakeWorker{pid: 1000 + len(f.all), conn: c, link: link.NewConn(c, link.Worker), done: make(chan struct{}),
		cameras: map[bongsu.CameraID]link.Assignment{}, open: map[bongsu.CameraID][]bongsu.Event{}, answers: map[uint64]*link.Message{}}
	f.all = append(f.all, w)
	if f.onStart != nil {
		f.onStart(w)
	}
	noHello := f.noHello
	f.running.Go(func() { f.serve(w, noHello) })
	return ours, w, nil
}

// serve is the fake process's main.
func (f *fleet) serve(w *fakeWorker, noHello bool) {
	var beat sync.WaitGroup
	defer beat.Wait()
	if !noHello {
		w.send(link.Message{Type: link.TypeHello, PID: w.pid, Program: "fake"})
	}
	beat.Go(func() {
		t := time.NewTicker(20 * time.Millisecond)
		defer t.Stop()
		for {
			select {
			case <-t.C:
				w.health()
			case <-w.done:
				return
			}
		}
	})
	for {
		m, err := w.link.Receive()
		if err != nil {
			w.die(errors.New("exit status 1"))
			return
		}
		w.mu.Lock()
		switch m.Type {
		case link.TypeAssign:
			w.cameras[m.Assign.Camera] = *m.Assign
			w.log = append(w.log, "assign "+string(m.Assign.Camera))
		case link.TypeUnassign:
			delete(w.cameras, m.Camera)
			w.log = append(w.log, "unassign "+string(m.Camera))
		case link.TypeOpenEvents:
			w.open[m.Camera] = append(w.open[m.Camera], m.Open...)
			w.log = append(w.log, fmt.Sprintf("open_events %s %d", m.Camera, len(m.Open)))
		case link.TypeAck, link.TypeNack:
			w.answers[m.Ref] = m
		}
		w.mu.Unlock()
		if f.onTold != nil {
			f.onTold(w, m)
		}
	}
}

func (f *fleet) workers() []*fakeWorker {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.all)
}

// with gives the living worker that runs a camera.
func (f *fleet) with(id bongsu.CameraID) *fakeWorker {
	for _, w := range f.workers() {
		if w.has(id) {
			return w
		}
	}
	return nil
}

// rig is a node with a fleet and a real outbox.
type rig struct {
	*Node
	fleet *fleet
	box   *outbox.Outbox
	dir   string
	stop  func()
}

func newRig(t testing.TB, change func(*Options, *fleet)) *rig {
	t.Helper()
	r := &rig{fleet: new(fleet), dir: t.TempDir()}
	box, err := outbox.Open(r.dir, outbox.Options{SegmentBytes: 256 << 10, ReserveBytes: -1, MinFreeBytes: -1})
	if err != nil {
		t.Fatal(err)
	}
	r.box = box
	opt := Options{Outbox: box, StartWorker: r.fleet.start, StopTimeout: 300 * time.Millisecond, RestartBackoff: 5 * time.Millisecond,
		Edge: func() bongsu.EdgeID { return "edge-1" }, WallQuality: func() string { return "synchronised" }}
	if testing.Verbose() {
		opt.Log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	if change != nil {
		change(&opt, r.fleet)
	}
	if opt.Outbox != box {
		box.Close()
		r.box = opt.Outbox
	}
	r.Node = New(opt)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	var once sync.Once
	r.stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; !errors.Is(err, context.Canceled) {
				t.Errorf("Run: %v", err)
			}
			r.fleet.running.Wait()
			r.box.Close()
		})
	}
	t.Cleanup(r.stop)
	return r
}

func assignments(ids ...bongsu.CameraID) (out []link.Assignment) {
	for _, id := range ids {
		out = append(out, link.Assignment{Camera: id, Name: "name of " + string(id), URL: "rtsp://192.0.2.1/" + string(id), Model: "m"})
	}
	return out
}

// worker waits until a living worker runs the camera.
func (r *rig) worker(t testing.TB, id bongsu.CameraID) (w *fakeWorker) {
	t.Helper()
	eventually(t, "a worker with "+string(id), func() bool { w = r.fleet.with(id); return w != nil })
	return w
}

func (r *rig) state(id bongsu.CameraID) bongsu.CameraStatus {
	for _, s := range r.Cameras() {
		if s.ID == id {
			return s
		}
	}
	return bongsu.CameraStatus{}
}

func (r *rig) pending(t testing.TB) []bongsu.EventRecord {
	t.Helper()
	recs, err := r.box.PendingEvents(false, 1<<20, 1<<30, nil)
	if err != nil {
		t.Fatal(err)
	}
	return recs
}

func anEvent(camera bongsu.CameraID, rev int, state bongsu.EventState) *bongsu.Event {
	now := time.Now().UTC()
	return &bongsu.Event{ID: bongsu.NewEventID(now), Revision: rev, Camera: camera, Rule: "r", Kind: bongsu.KindIntrusion,
		Priority: bongsu.PriorityHigh, State: state, Start: now, Fired: now, Stamps: bongsu.Stamps{PacketUS: now.UnixMicro()}}
}

// eventually waits until ok is true.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(3 * time.Minute) // a busy disk takes a second for a flush
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("after three minutes still not: %s", what)
		}
	}
}
