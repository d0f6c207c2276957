package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"bongsu"
	"bongsu/edge/crash"
	"bongsu/edge/link"
)

// command is what a worker is told.
type command struct {
	assign   *link.Assignment
	unassign bongsu.CameraID
	live     *link.Message // a live session begins or ends
}

// process is the life of one worker process. Make it with newProcess and call live once.
type process struct {
	// set before live
	node *Node
	slot *slot

	stopping chan struct{} // in: closed when it is to end
	wake     chan struct{} // in: there are commands
	inbox    chan *link.Message

	mu       sync.Mutex
	commands []command                // guarded by mu
	stopOnce sync.Once                // of stopping
	os       Process                  // guarded by mu; nil until it runs
	began    time.Time                // guarded by mu
	greeted  bool                     // guarded by mu: it has said hello
	heard    time.Time                // guarded by mu: last health
	why      string                   // guarded by mu: the first reason for its end
	wasAsked bool                     // guarded by mu: its end is our wish
	cameras  map[bongsu.CameraID]bool // guarded by mu: that it was ever told of
	queued   int                      // guarded by mu: bytes of messages in inbox, about
	drained  sync.Cond                // on mu: queued has become less

	// owned by the intake
	clips map[bongsu.ClipKey]bool // that it opened
}

// inboxSize is how many messages may wait for the disk. It is more than a worker's hand-over
// holds, so that a disk that hangs does not make a worker look hung.
const inboxSize = 4096

// inboxBytes is how much may wait there: a disk that hangs must not fill the memory. A worker's
// hand-over sends an eighth of it unasked, so that only one that is broken ever waits, and dies of it.
const inboxBytes = 16 << 20

// weight is about what a message takes in memory.
func weight(m *link.Message) int { return 8<<10 + len(m.Snapshot) }

// queue hands a message to the intake; it blocks while too much waits for the disk.
func (p *process) queue(m *link.Message) {
	p.mu.Lock()
	for p.queued > inboxBytes {
		p.drained.Wait()
	}
	p.queued += weight(m)
	p.mu.Unlock()
	p.inbox <- m
}

// dealt says that the intake has done with a message.
func (p *process) dealt(m *link.Message) {
	p.mu.Lock()
	p.queued -= weight(m)
	p.mu.Unlock()
	p.drained.Broadcast()
}

func newProcess(n *Node, s *slot) *process {
	p := &process{node: n, slot: s, stopping: make(chan struct{}), wake: make(chan struct{}, 1),
		inbox: make(chan *link.Message, inboxSize), began: n.opt.Now(), cameras: map[bongsu.CameraID]bool{}, clips: map[bongsu.ClipKey]bool{}}
	p.drained.L = &p.mu
	return p
}

// tell queues a command; it does not block.
func (p *process) tell(c command) {
	p.mu.Lock()
	p.commands = append(p.commands, c)
	if c.assign != nil {
		p.cameras[c.assign.Camera] = true
	}
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

func (p *process) takeCommands() []command {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.greeted {
		return nil
	}
	c := p.commands
	p.commands = nil
	return c
}

// knew reports whether the process was ever told of a camera.
func (p *process) knew(id bongsu.CameraID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cameras[id]
}

// stop asks the process to end in good order.
func (p *process) stop() {
	p.mu.Lock()
	p.wasAsked = true
	p.mu.Unlock()
	p.stopOnce.Do(func() { close(p.stopping) })
}

// asked reports whether the process ended because it was asked to.
func (p *process) asked() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.wasAsked
}

// kill ends the process at once.
func (p *process) kill(why string) {
	p.because(why)
	p.mu.Lock()
	proc := p.os
	p.mu.Unlock()
	if proc == nil {
		return
	}
	if err := proc.Signal(os.Kill); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.node.log.Error("a worker cannot be killed", "worker", p.slot.number, "pid", proc.PID(), "err", err)
	}
}

// because notes why the process ends; the first reason counts.
func (p *process) because(why string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.why == "" {
		p.why = why
	}
}

func (p *process) reason() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.why
}

func (p *process) pid() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.os == nil {
		return 0
	}
	return p.os.PID()
}

// silence is for how long the process has reported nothing; 0 while its messages wait for our
// own disk, because then the silence is ours.
func (p *process) silence(now time.Time) time.Duration {
	if len(p.inbox) == cap(p.inbox) {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.os == nil || p.queued > inboxBytes {
		return 0
	}
	if p.heard.IsZero() {
		return now.Sub(p.began)
	}
	return now.Sub(p.heard)
}

// live starts the process, speaks with it until it ends, and returns when it has ended, all it
// sent is stored, and its clips are dealt with.
func (p *process) live(ctx context.Context) {
	n := p.node
	defer func() { n.hold.release(p, n.opt.Now()) }()
	conn, proc, err := n.opt.StartWorker(ctx)
	if err != nil {
		p.because("it cannot be started: " + err.Error())
		return
	}
	p.mu.Lock()
	p.os, p.began = proc, n.opt.Now()
	p.mu.Unlock()
	c := link.NewConn(conn, link.Node)
	exited := make(chan struct{})
	var parts sync.WaitGroup
	parts.Go(func() {
		defer close(exited)
		if err := proc.Wait(); err != nil {
			p.because("its process ended: " + err.Error())
		} else {
			p.because("its process ended by itself")
		}
	})
	read := make(chan struct{})
	parts.Go(func() {
		defer close(read)
		defer close(p.inbox)
		p.receive(c)
	})
	parts.Go(func() { p.command(c, read) })
	parts.Go(func() { p.store(c, exited) })
	endMedia := p.showMedia(proc, &parts)
	p.end(conn, proc, exited, read)
	endMedia()
	parts.Wait()
	p.keepInput(proc)
	if err := n.opt.Outbox.AbandonClips(func(clip bongsu.Clip) bool { return p.clips[clip.Key()] }); err != nil {
		n.log.Error("clips of a worker that has ended cannot be dealt with now", "worker", p.slot.number, "err", err)
	}
	n.view.lostCounters(p.slot.number)
}

// keepInput writes down what the decoders of a worker were given last that ended without being
// asked to. The writing is beside the restart: the disk may hang.
func (p *process) keepInput(proc Process) {
	has, ok := proc.(interface{ LastInput() *crash.Region })
	if !ok {
		return
	}
	input := has.LastInput()
	defer input.Close()
	n := p.node
	if p.asked() || n.opt.CrashDir == "" {
		return
	}
	death, last := crash.Death{At: n.opt.Now(), PID: proc.PID(), Reason: p.reason()}, input.Read()
	n.lives.Go(func() {
		kept, err := crash.Folder{Dir: n.opt.CrashDir}.Save(death, last)
		if err != nil {
			n.log.Error("the last input of a worker that died cannot be kept whole", "worker", p.slot.number, "err", err)
		}
		if len(kept) > 0 {
			n.log.Warn("what a worker's decoders were given last before it died is kept for study", "worker", p.slot.number, "pid", death.PID, "files", kept)
		}
	})
}

// end waits for the end of the process and hastens it where need be. When it returns the
// process has ended and the connection is closed.
func (p *process) end(conn net.Conn, proc Process, exited, read <-chan struct{}) {
	grace := p.node.opt.StopTimeout
	select {
	case <-exited:
	case <-read: // it closed the connection, or broke the protocol
		p.expect(exited, min(grace, time.Second), "it closed its connection and did not end")
	case <-p.stopping:
		p.because("it was asked to end")
		if err := proc.Signal(syscall.SIGTERM); err != nil {
			p.node.log.Warn("a worker cannot be asked to end", "worker", p.slot.number, "err", err)
		}
		p.expect(exited, grace, "it was asked to end and did not")
	}
	// What it sent before its end is still in the socket; a child of its own might hold the
	// other end open, so this has a limit.
	t := time.NewTimer(grace)
	defer t.Stop()
	select {
	case <-read:
	case <-t.C:
	}
	_ = conn.Close()
}

// expect waits for the process to end, and kills it after a while.
func (p *process) expect(exited <-chan struct{}, grace time.Duration, why string) {
	t := time.NewTimer(grace)
	defer t.Stop()
	select {
	case <-exited:
	case <-t.C:
		p.kill(why)
		<-exited
	}
}

// receive takes the worker's messages until the connection ends.
func (p *process) receive(c *link.Conn) {
	for {
		m, err := c.Receive()
		if err != nil {
			if !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
				p.because(err.Error())
				if errors.Is(err, link.ErrProtocol) {
					p.kill(err.Error())
				}
			}
			return
		}
		if err := p.take(m); err != nil {
			p.kill(err.Error())
			_ = c.Close()
			return
		}
	}
}

// take deals with one message; those that need the disk go to the intake, in order.
func (p *process) take(m *link.Message) error {
	p.mu.Lock()
	greeted := p.greeted
	if m.Type == link.TypeHello {
		p.greeted, p.heard = true, p.node.opt.Now()
	}
	if m.Type == link.TypeHealth {
		p.heard = p.node.opt.Now()
	}
	p.mu.Unlock()
	if greeted == (m.Type == link.TypeHello) {
		return fmt.Errorf("%w: a worker says hello once, and first", link.ErrProtocol)
	}
	switch m.Type {
	case link.TypeHello:
		select {
		case p.wake <- struct{}{}:
		default:
		}
	case link.TypeHealth:
		mine := p.mine(m.Health)
		if p.node.view.health(p.slot.number, p.pid(), mine, m.Looks) {
			p.node.tellNews()
		}
		p.node.shows.health(mine...)
	case link.TypeCounters:
		p.node.view.count(p.slot.number, m.Counters)
	default:
		p.queue(m)
	}
	return nil
}

// mine leaves out what a worker says about cameras that are not its own.
func (p *process) mine(all []bongsu.CameraStatus) []bongsu.CameraStatus {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.DeleteFunc(all, func(s bongsu.CameraStatus) bool { return !p.cameras[s.ID] })
}

// command tells the worker what it is to do, once it has said hello, until the connection ends.
func (p *process) command(c *link.Conn, read <-chan struct{}) {
	told := map[bongsu.CameraID]bool{}
	for {
		for _, cmd := range p.takeCommands() {
			if err := p.obey(c, cmd, told); err != nil {
				p.because("it cannot be told anything: " + err.Error())
				_ = c.Close()
				return
			}
		}
		select {
		case <-p.wake:
		case <-read:
			return
		}
	}
}

// obey sends one command. Before a camera's first assignment the worker gets the events that
// its predecessor left open.
func (p *process) obey(c *link.Conn, cmd command, told map[bongsu.CameraID]bool) error {
	if cmd.live != nil {
		_, err := c.Send(*cmd.live)
		return err
	}
	if cmd.assign == nil {
		_, err := c.Send(link.Message{Type: link.TypeUnassign, Camera: cmd.unassign})
		return err
	}
	id := cmd.assign.Camera
	if !told[id] {
		told[id] = true
		p.node.hold.take(id, p)
		open, err := p.node.opt.Outbox.OpenEvents(id)
		if err != nil {
			return fmt.Errorf("open events of camera %s: %w", id, err)
		}
		for _, m := range link.SplitOpen(id, open) {
			if _, err := c.Send(m); err != nil {
				return err
			}
		}
	}
	if _, err := c.Send(link.Message{Type: link.TypeAssign, Assign: cmd.assign}); err != nil {
		return err
	}
	return p.resume(c, id)
}
