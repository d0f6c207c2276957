// Package node runs an edge box: it places cameras on worker processes, starts and restarts
// them, makes what they report durable in the outbox before it says so, and knows how every
// camera is. It is pure Go: whatever a camera sends can crash a worker, but not the node.
//
// node.go is the loop that owns placement, place.go decides it, process.go is the life of one
// worker process, intake.go stores what a worker sends, view.go is what others may see.
package node

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"bongsu"
	"bongsu/edge/config"
	"bongsu/edge/link"
	"bongsu/edge/obs"
	"bongsu/edge/outbox"
)

// Process is a worker process that has been started.
type Process interface {
	PID() int
	// Signal sends os.Kill, or syscall.SIGTERM to ask it to end.
	Signal(os.Signal) error
	// Wait blocks until the process has ended. It is called once.
	Wait() error
}

// Options are what a Node needs. Durations of zero mean their defaults.
type Options struct {
	Outbox *outbox.Outbox
	// StartWorker starts a worker process and gives the node's end of its connection. The
	// process lives on when ctx ends.
	StartWorker      func(ctx context.Context) (net.Conn, Process, error)
	Edge             func() bongsu.EdgeID // as enrolled; may be nil, may give "" until then
	CamerasPerWorker int                  // 0: 8
	WallQuality      func() string        // of this box's clock; fills in what a worker left out
	Registry         *obs.Registry        // nil: no metrics
	// SendNow brings a revision that the disk refuses to the cloud, durable there when it returns
	// nil; may be nil. See uplink.SendNow.
	SendNow func(context.Context, bongsu.EventRecord) error

	// CrashDir is the folder that the last input of workers that died is kept in, for study;
	// "" keeps none. See package crash.
	CrashDir string

	HealthTimeout  time.Duration // 8 s: a worker that reports nothing for so long hangs
	AdoptTimeout   time.Duration // 15 s: open events of a camera without worker are closed after it
	StopTimeout    time.Duration // 5 s: what a worker gets to end by itself
	RestartBackoff time.Duration // 100 ms: before the first restart; grows with every death
	CrashPause     time.Duration // 60 s: after five deaths within five minutes
	IdleTimeout    time.Duration // 15 s: a worker without cameras stays so long, so that what its last camera had to say is heard
	StoreTimeout   time.Duration // 15 s: for which revisions of a dead worker are tried again when the disk refuses them

	Now func() time.Time
	Log *slog.Logger // nil: discard
}

// Node is one edge box at work. Make it with New.
type Node struct {
	// set before Run
	opt Options
	log *slog.Logger

	assign chan []link.Assignment // in: what is to run from now on; the last one counts
	ended  chan *process          // in: a worker's life is over
	news   chan struct{}          // out: a camera's state has changed

	// owned by run
	assigned []link.Assignment // as configured
	wanted   map[bongsu.CameraID]link.Assignment
	order    []bongsu.CameraID // of wanted, as configured
	slots    []*slot
	lives    sync.WaitGroup

	view  view
	hold  holders
	shows shows
}

// New makes a Node; nothing starts before Run.
func New(opt Options) *Node {
	if opt.CamerasPerWorker <= 0 {
		opt.CamerasPerWorker = 8
	}
	for _, d := range []struct {
		at  *time.Duration
		def time.Duration
	}{
		{&opt.HealthTimeout, 8 * time.Second}, {&opt.AdoptTimeout, 15 * time.Second}, {&opt.StopTimeout, 5 * time.Second},
		{&opt.RestartBackoff, 100 * time.Millisecond}, {&opt.CrashPause, time.Minute},
		{&opt.IdleTimeout, 15 * time.Second}, {&opt.StoreTimeout, 15 * time.Second},
	} {
		if *d.at == 0 {
			*d.at = d.def
		}
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	n := &Node{opt: opt, log: opt.Log, assign: make(chan []link.Assignment, 1), ended: make(chan *process),
		news: make(chan struct{}, 1), wanted: map[bongsu.CameraID]link.Assignment{}}
	n.view.init(opt.Now)
	n.hold.init(opt.Now())
	n.shows.byID = map[string]*show{}
	if opt.Registry != nil {
		n.register(opt.Registry)
	}
	return n
}

// Assign says which cameras are to run from now on. Cameras whose assignment is the same as
// before are not touched. It may be called at any time, also before Run, and does not block.
func (n *Node) Assign(all []link.Assignment) {
	all = slices.Clone(all)
	for {
		select {
		case n.assign <- all:
			return
		default:
		}
		select {
		case <-n.assign: // an older wish that nobody has looked at
		default:
		}
	}
}

// Changed gives a channel that has something when a camera's state has changed.
func (n *Node) Changed() <-chan struct{} { return n.news }

// tickEvery is how often the loop looks for what is due.
const tickEvery = 50 * time.Millisecond

// Run runs until ctx ends: then workers are asked to end, waited for, and killed if they do
// not. It blocks until all of them have ended and what they sent is stored.
func (n *Node) Run(ctx context.Context) error {
	// A worker's life ends later than ctx: it is asked to stop and heard out.
	lives, endLives := context.WithCancel(context.WithoutCancel(ctx))
	defer endLives()
	var keeper sync.WaitGroup
	keeper.Go(func() { n.housekeeping(ctx) })
	defer keeper.Wait()
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	for {
		select {
		case all := <-n.assign:
			n.apply(all)
		case p := <-n.ended:
			n.workerEnded(p)
		case <-tick.C:
		case <-ctx.Done():
			n.stopAll()
			return ctx.Err()
		}
		n.startDue(lives)
		n.killHung()
	}
}

// apply takes a new set of assignments in; cameras that are the same run on untouched.
func (n *Node) apply(all []link.Assignment) {
	changes := config.Diff(n.assigned, all)
	n.assigned = slices.Clone(all)
	n.order = n.order[:0]
	for _, a := range all {
		n.wanted[a.Camera] = a
		n.order = append(n.order, a.Camera)
	}
	for _, id := range changes.Removed {
		n.remove(id)
	}
	for _, a := range changes.Added {
		n.place(a.Camera)
		n.log.Info("camera added", "camera", a.Camera)
		n.tell(a)
	}
	for _, a := range changes.Changed {
		n.log.Info("camera changed", "camera", a.Camera)
		if s := n.tell(a); s.proc == nil {
			s.notBefore = time.Time{} // what is new may be what mends it
		}
	}
	n.view.cameras(n.order, n.wanted)
	n.tellNews()
}

// tell gives an assignment to the camera's worker; one that does not run gets it at its start.
func (n *Node) tell(a link.Assignment) *slot {
	s := n.slotOf(a.Camera)
	if s.proc != nil {
		s.proc.tell(command{assign: &a})
	}
	return s
}

// remove takes a camera out; its worker closes its open events.
func (n *Node) remove(id bongsu.CameraID) {
	n.log.Info("camera removed", "camera", id)
	delete(n.wanted, id)
	s := n.slotOf(id)
	s.drop(id)
	if s.proc != nil {
		s.proc.tell(command{unassign: id})
	}
	n.shows.gone(id)
}

// startDue starts the workers that are due.
func (n *Node) startDue(lives context.Context) {
	now := n.opt.Now()
	for _, s := range n.slots {
		if s.proc != nil || len(s.cameras) == 0 || now.Before(s.notBefore) {
			continue
		}
		p := newProcess(n, s)
		s.proc = p
		for _, id := range s.cameras {
			a := n.wanted[id]
			p.tell(command{assign: &a})
		}
		n.lives.Go(func() {
			p.live(lives)
			n.ended <- p
		})
	}
	n.slots = slices.DeleteFunc(n.slots, func(s *slot) bool { return s.proc == nil && len(s.cameras) == 0 })
}

// killHung kills workers that have said nothing for too long, and lets go of those that have
// no camera any more.
func (n *Node) killHung() {
	now := n.opt.Now()
	for _, s := range n.slots {
		if s.proc == nil {
			continue
		}
		if silent := s.proc.silence(now); silent > n.opt.HealthTimeout {
			s.proc.kill("it hangs: it has reported nothing for " + silent.Round(time.Second).String())
		}
		if len(s.cameras) > 0 {
			s.idleSince = time.Time{}
			continue
		}
		if s.idleSince.IsZero() {
			s.idleSince = now
		}
		if now.Sub(s.idleSince) > n.opt.IdleTimeout {
			s.proc.stop()
		}
	}
}

// stopAll asks all workers to end and waits until they have.
func (n *Node) stopAll() {
	alive := 0
	for _, s := range n.slots {
		if s.proc != nil {
			s.proc.stop()
			alive++
		}
	}
	for ; alive > 0; alive-- {
		<-n.ended
	}
	n.lives.Wait()
}

// housekeeping keeps the outbox within its bounds and closes events that nobody continues. It
// has a goroutine of its own, because it waits for the disk.
func (n *Node) housekeeping(ctx context.Context) {
	tick := time.NewTicker(min(time.Second, n.opt.AdoptTimeout/4))
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if err := n.opt.Outbox.Enforce(); err != nil {
			n.view.housekeeping(err)
			continue
		}
		n.view.housekeeping(n.closeForsaken())
	}
}

// closeForsaken closes the open events of cameras that no worker has taken over in time.
func (n *Node) closeForsaken() error {
	n.hold.mu.Lock() // nobody takes a camera over while its events are being closed
	defer n.hold.mu.Unlock()
	open, err := n.opt.Outbox.OpenEvents("")
	if err != nil {
		return err
	}
	now := n.opt.Now()
	var errs []error
	for _, ev := range open {
		if !n.hold.forsaken(ev.Camera, now, n.opt.AdoptTimeout) {
			continue
		}
		reason := bongsu.CloseInterrupted
		if !n.view.has(ev.Camera) {
			reason = bongsu.CloseRuleRemoved
		}
		closed, err := n.opt.Outbox.CloseInterrupted([]bongsu.Event{ev}, reason)
		if closed > 0 {
			n.log.Warn("an open event is closed, because no worker continues it", "event", ev.ID, "camera", ev.Camera, "reason", reason)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// tellNews wakes whoever reports cameras.
func (n *Node) tellNews() {
	select {
	case n.news <- struct{}{}:
	default:
	}
}

// holders knows which process has each camera's events in its hands. A camera has one holder,
// or none since some time.
type holders struct {
	mu    sync.Mutex                    // held while the disk is waited for
	look  sync.Mutex                    // taken after mu, for an instant only
	by    map[bongsu.CameraID]*process  // guarded by mu and look to write, by either to read
	since map[bongsu.CameraID]time.Time // guarded by mu: without holder since
	began time.Time                     // for cameras that never had one
}

func (h *holders) init(now time.Time) {
	h.by, h.since, h.began = map[bongsu.CameraID]*process{}, map[bongsu.CameraID]time.Time{}, now
}

// take makes p the holder.
func (h *holders) take(id bongsu.CameraID, p *process) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.look.Lock()
	h.by[id] = p
	h.look.Unlock()
	delete(h.since, id)
}

// release ends p's holding of all its cameras.
func (h *holders) release(p *process, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.look.Lock()
	defer h.look.Unlock()
	for id, by := range h.by {
		if by == p {
			delete(h.by, id)
			h.since[id] = now
		}
	}
}

// forsaken reports whether a camera has had no holder for longer than d. The caller holds mu.
func (h *holders) forsaken(id bongsu.CameraID, now time.Time, d time.Duration) bool {
	if h.by[id] != nil {
		return false
	}
	since, known := h.since[id]
	if !known {
		since = h.began
	}
	return now.Sub(since) > d
}
