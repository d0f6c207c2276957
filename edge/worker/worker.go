// Package worker runs pipelines for a group of cameras in a process of its own: what reads a
// camera's hostile bytes crashes here and nowhere else. worker.go speaks with the node,
// handover.go keeps events until they are durable, build.go makes a camera's pipeline of its
// parts, and model.go shares one inference session between cameras.
package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"time"

	"bongsu"
	"bongsu/edge/crash"
	"bongsu/edge/link"
)

// Runner is one camera at work. Run blocks until ctx ends and all it began has ended.
type Runner interface {
	Run(ctx context.Context) error
	Status() bongsu.CameraStatus
	Counters() []link.Counter
	// Stills gives pictures made since the last call: a plain one for the cloud and one with
	// boxes for the box's own page. Either may be nil.
	Stills() (plain, boxed []byte, at time.Time)
	// Open gives the events that are still open, for the camera's next run. It is called
	// after Run has returned.
	Open() []bongsu.Event
	// Stuck names a stage whose call does not come back, and for how long; "" while all is well.
	Stuck() (stage string, since time.Duration)
	// Retire closes the camera's open events because it leaves the configuration. It is
	// called after Run has returned.
	Retire()
}

// Env is what a camera's pipeline gets from its worker.
type Env struct {
	Put       func(ev bongsu.Event, f *bongsu.Frame)
	OpenClip  func(ctx context.Context, c bongsu.Clip) (path string, err error)
	CloseClip func(ctx context.Context, c bongsu.Clip) error
	Open      []bongsu.Event  // that a lost worker left open
	Tapes     *crash.Recorder // nil keeps no last input
	Live      *Tap            // for those who look on; nil without a media channel
	Log       *slog.Logger
}

// Options are what a worker is made of.
type Options struct {
	Conn    *link.Conn
	Program string // version of this program
	Build   func(a link.Assignment, env Env) (Runner, error)
	JPEG    func(*bongsu.Frame) ([]byte, error) // of at most bongsu.MaxSnapshotBytes
	// Media is the channel for live pictures, which Run closes; nil: nobody can look on. LiveJPEG
	// makes its stills, of at most bongsu.MaxLiveJPEGBytes.
	Media    net.Conn
	LiveJPEG func(*bongsu.Frame) ([]byte, error)
	// HandoverBytes bounds events that the node has not acknowledged; 8 MiB by default.
	HandoverBytes int
	// Rebuild is how long a camera that could not be built waits for another try, and how long
	// its open events wait for it; 10 s by default.
	Rebuild time.Duration
	// StartSpread is the mean time between the starts of two cameras, 150 ms by default: those of a
	// site that gets its power back are not all called in one instant.
	StartSpread time.Duration
	// GiveBack is called each GiveBackEvery, a minute by default, to give the system back what C libraries keep
	// of memory that was freed; nil gives nothing back.
	GiveBack      func()
	GiveBackEvery time.Duration
	// Tapes keep the last input of the decoders; nil keeps none. Abort ends the process at once
	// when a call into C does not come back: os.Exit by default.
	Tapes *crash.Recorder
	Abort func(status int)
	Log   *slog.Logger
}

// Worker is one worker process's work. Make it with New.
type Worker struct {
	o    Options // set before Run
	hand *handover
	live *live // nil without a media channel

	mu      sync.Mutex
	cameras map[bongsu.CameraID]*slot          // guarded by mu
	open    map[bongsu.CameraID][]bongsu.Event // guarded by mu: for the next assignment
	waiting map[uint64]chan *link.Message      // guarded by mu: clip messages to be answered; nil when nobody will
	starts  time.Time                          // guarded by mu: when the next camera may start

	asking  sync.Mutex     // as handover.sending, for waiting
	running sync.WaitGroup // cameras
	jobs    sync.WaitGroup // the rest
}

// slot is one camera's place; a new assignment waits for the old one's end.
type slot struct {
	assignment link.Assignment
	cancel     context.CancelFunc
	done       chan struct{}
	retire     bool            // guarded by Worker.mu
	current    link.Assignment // guarded by Worker.mu: with the rules that it goes on with

	mu     sync.Mutex
	runner Runner              // guarded by mu; nil until built
	broken bongsu.CameraStatus // guarded by mu: why it could not be built
}

// New makes a worker; nothing starts before Run.
func New(o Options) *Worker {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.HandoverBytes == 0 {
		o.HandoverBytes = 8 << 20
	}
	if o.StartSpread <= 0 {
		o.StartSpread = 150 * time.Millisecond
	}
	if o.Abort == nil {
		o.Abort = os.Exit
	}
	if o.GiveBackEvery <= 0 {
		o.GiveBackEvery = time.Minute
	}
	if o.Rebuild == 0 {
		o.Rebuild = 10 * time.Second
	}
	w := &Worker{o: o, cameras: map[bongsu.CameraID]*slot{}, open: map[bongsu.CameraID][]bongsu.Event{},
		waiting: map[uint64]chan *link.Message{}}
	w.hand = newHandover(o.HandoverBytes, o.JPEG, o.Conn.Send, o.Log)
	if o.Media != nil {
		w.live = newLive(o.Media, o.LiveJPEG, o.Log)
	}
	return w
}

// stopWithin is what cameras get to end, and the node to acknowledge what they leave behind. The
// node gives a worker a little more.
const stopWithin = 4 * time.Second

// Run greets the node and obeys it until the connection or ctx ends; it blocks until every
// camera has stopped. At the end of ctx it goes on speaking with the node until what the cameras
// leave behind is acknowledged. The end of the connection in good order is nil.
func (w *Worker) Run(ctx context.Context) error {
	defer w.jobs.Wait()
	defer w.running.Wait()
	defer w.hangUp()
	if _, err := w.o.Conn.Send(link.Message{Type: link.TypeHello, PID: os.Getpid(), Program: w.o.Program}); err != nil {
		return fmt.Errorf("greet the node: %w", err)
	}
	talk, endTalk := context.WithCancel(context.WithoutCancel(ctx))
	defer endTalk()
	ctx, endCameras := context.WithCancel(ctx)
	defer endCameras()
	w.jobs.Go(func() {
		if err := w.hand.run(talk); err != nil && talk.Err() == nil {
			w.o.Log.Error("events cannot be handed over", "error", err)
			w.o.Conn.Close()
		}
	})
	w.jobs.Go(func() { w.report(talk) })
	w.jobs.Go(func() { w.watch(talk) })
	if w.o.GiveBack != nil {
		w.jobs.Go(func() { w.giveBack(talk) })
	}
	if w.live != nil {
		w.jobs.Go(func() { w.live.run(talk) })
	}
	in := make(chan heard)
	w.jobs.Go(func() { w.listen(talk, in) })
	for {
		select {
		case <-ctx.Done():
			return w.settle(ctx, in)
		case h := <-in:
			if errors.Is(h.err, io.EOF) || h.err != nil && ctx.Err() != nil {
				return nil
			}
			if h.err != nil {
				return fmt.Errorf("the node's messages: %w", h.err)
			}
			if err := w.obey(ctx, h.m); err != nil {
				return err
			}
		}
	}
}

// heard is a message of the node, or why there are no more.
type heard struct {
	m   *link.Message
	err error
}

// listen passes on what the node says until the connection or ctx ends.
func (w *Worker) listen(ctx context.Context, in chan<- heard) {
	for {
		m, err := w.o.Conn.Receive()
		select {
		case in <- heard{m, err}:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// settle waits, after ctx's end, until all cameras have stopped and the node has acknowledged
// all they handed over, for stopWithin at most: an event that just happened is not to be lost to
// a restart in good order.
func (w *Worker) settle(ctx context.Context, in <-chan heard) error {
	stopped := make(chan struct{})
	w.jobs.Go(func() {
		w.running.Wait()
		close(stopped)
	})
	limit := time.NewTimer(stopWithin)
	defer limit.Stop()
	for stopped != nil || w.hand.pending() > 0 {
		select {
		case <-stopped:
			stopped = nil
		case <-limit.C:
			w.o.Log.Warn("there was no time to stop in good order", "revisions", w.hand.pending(), "cameras", stopped != nil)
			return nil
		case h := <-in:
			if h.err != nil {
				return nil // the node is gone
			}
			if h.m.Type == link.TypeAssign {
				continue
			}
			if err := w.obey(ctx, h.m); err != nil {
				return err
			}
		}
	}
	return nil
}

// hangUp ends the waiting for answers when the node is not heard any more: what still has to be
// finished here is found by the next start.
func (w *Worker) hangUp() {
	w.o.Conn.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.waiting {
		close(c)
	}
	w.waiting = nil
}

func (w *Worker) obey(ctx context.Context, m *link.Message) error {
	switch m.Type {
	case link.TypeAssign:
		w.assign(ctx, *m.Assign)
	case link.TypeUnassign:
		w.unassign(m.Camera)
		if w.live != nil {
			w.live.forget(m.Camera)
		}
	case link.TypeOpenEvents:
		w.mu.Lock()
		w.open[m.Camera] = append(w.open[m.Camera], m.Open...)
		w.mu.Unlock()
	case link.TypeLiveStart, link.TypeLiveStop:
		w.look(m)
	case link.TypeAck:
		if !w.hand.acked(m.Ref) {
			w.answer(m)
		}
	case link.TypeNack:
		if !w.hand.nacked(m.Ref) {
			w.answer(m)
			break
		}
		w.o.Log.Warn("the node could not record an event; it is kept and offered again", "reason", m.Message)
		time.AfterFunc(time.Second, w.hand.retry)
	default:
		return fmt.Errorf("the node sent %q, which is not for a worker", m.Type)
	}
	return nil
}

// assign starts a camera, after the end of its former run when there is one. Where nothing but its
// rules is new, the run goes on.
func (w *Worker) assign(ctx context.Context, a link.Assignment) {
	w.mu.Lock()
	before := w.cameras[a.Camera]
	if w.adjust(before, a) {
		w.mu.Unlock()
		w.o.Log.Info("a camera goes on with other rules", "camera", a.Camera)
		return
	}
	run, cancel := context.WithCancel(ctx)
	s := &slot{assignment: a, current: a, cancel: cancel, done: make(chan struct{})}
	s.broken = bongsu.CameraStatus{ID: a.Camera, Name: a.Name, State: bongsu.CameraStarting, Since: time.Now().UTC()}
	w.cameras[a.Camera] = s
	wait := w.spread()
	w.mu.Unlock()
	if before != nil {
		before.cancel()
	}
	w.running.Go(func() {
		defer close(s.done)
		defer cancel()
		if before != nil {
			<-before.done
		}
		if wait > 0 {
			select {
			case <-time.After(wait):
			case <-run.Done():
			}
		}
		w.runSlot(run, s)
	})
}

// spread says how long a camera waits before it starts, with jitter; the first does not. It is
// called with mu held.
func (w *Worker) spread() time.Duration {
	now := time.Now()
	wait := max(0, w.starts.Sub(now))
	w.starts = now.Add(wait + w.o.StartSpread/2 + rand.N(w.o.StartSpread))
	return wait
}

func (w *Worker) unassign(id bongsu.CameraID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s := w.cameras[id]; s != nil {
		s.retire = true
		s.cancel()
		delete(w.cameras, id)
	}
}

// runSlot builds and runs one camera until ctx ends; one that cannot be built is tried again.
func (w *Worker) runSlot(ctx context.Context, s *slot) {
	left := w.takeOver(s.assignment.Camera)
	env := Env{Tapes: w.o.Tapes, Put: w.hand.Put, OpenClip: w.openClip, CloseClip: w.closeClip, Log: w.o.Log}
	if w.live != nil {
		env.Live = w.live.tapOf(s.assignment.Camera)
	}
	for ctx.Err() == nil {
		env.Open = left.Open()
		r, err := w.o.Build(s.assignment, env)
		if err == nil {
			s.mu.Lock()
			s.runner = r
			s.mu.Unlock()
			if err := r.Run(ctx); err != nil && ctx.Err() == nil {
				w.o.Log.Error("camera stopped", "camera", s.assignment.Camera, "error", err)
			}
			w.leave(s, r)
			return
		}
		w.o.Log.Error("camera cannot run", "camera", s.assignment.Camera, "error", err)
		s.mu.Lock()
		s.broken = failedStatus(s.broken, err)
		s.mu.Unlock()
		wait := time.NewTimer(w.o.Rebuild)
		select {
		case <-wait.C:
			left.expire(time.Now())
		case <-ctx.Done():
			wait.Stop()
		}
	}
	w.leave(s, left)
}

// leave hands the open events of a camera that has stopped, or was never built, to its next
// run, or closes them when it leaves the configuration.
func (w *Worker) leave(s *slot, r interface {
	Open() []bongsu.Event
	Retire()
}) {
	w.mu.Lock()
	retire := s.retire
	if !retire {
		w.open[s.assignment.Camera] = append(w.open[s.assignment.Camera], r.Open()...)
	}
	w.mu.Unlock()
	if retire {
		r.Retire()
	}
}

func failedStatus(s bongsu.CameraStatus, err error) bongsu.CameraStatus {
	if s.State != bongsu.CameraFailed {
		s.Since = time.Now().UTC()
	}
	s.State, s.Code, s.Reason = bongsu.CameraFailed, string(bongsu.CodeOf(err)), err.Error()
	return s
}

// ask sends a clip message and blocks for the node's answer. A refusal has the code that the
// node gave: a recorder goes on with the next part by it.
func (w *Worker) ask(ctx context.Context, m link.Message) (*link.Message, error) {
	c := make(chan *link.Message, 1)
	w.asking.Lock()
	seq, err := w.o.Conn.Send(m)
	if err == nil {
		w.mu.Lock()
		if w.waiting == nil {
			close(c)
		} else {
			w.waiting[seq] = c
		}
		w.mu.Unlock()
	}
	w.asking.Unlock()
	if err != nil {
		return nil, err
	}
	select {
	case a, heard := <-c:
		if !heard {
			return nil, fmt.Errorf("no answer to %s: the node is gone", m.Type)
		}
		if a.Type == link.TypeNack {
			return nil, bongsu.Errorf(a.Code, "the node refuses %s: %s", m.Type, a.Message)
		}
		return a, nil
	case <-ctx.Done():
		w.mu.Lock()
		delete(w.waiting, seq)
		w.mu.Unlock()
		return nil, ctx.Err()
	}
}

func (w *Worker) answer(m *link.Message) {
	w.asking.Lock()
	w.mu.Lock()
	c := w.waiting[m.Ref]
	delete(w.waiting, m.Ref)
	w.mu.Unlock()
	w.asking.Unlock()
	if c != nil {
		c <- m
	}
}

func (w *Worker) openClip(ctx context.Context, c bongsu.Clip) (string, error) {
	if err := w.hand.ahead(ctx, c.Event); err != nil {
		return "", err
	}
	a, err := w.ask(ctx, link.Message{Type: link.TypeClipOpen, Clip: &c})
	if err != nil {
		return "", err
	}
	return a.Path, nil
}

func (w *Worker) closeClip(ctx context.Context, c bongsu.Clip) error {
	_, err := w.ask(ctx, link.Message{Type: link.TypeClipClosed, Clip: &c})
	return err
}
