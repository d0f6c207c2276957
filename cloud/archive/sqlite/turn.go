package sqlite

import (
	"context"
	"os"
	"sync"
	"syscall"
	"time"
)

// turnSuffix names the file beside the database that writers of several processes queue at. It is
// empty and stays.
const turnSuffix = "-turn"

// turns waits for this process's turn to write. SQLite lets writers that find the database busy look
// again now and then, and whoever looks at the right moment is next: under load one of them may wait
// for seconds. The kernel's queue at a locked file is in order. It is a courtesy only: who
// cannot have the lock within the limit, or whose file system knows none, goes on, and SQLite
// decides. It is for one writer at a time.
type turns struct {
	left *place // where a writer gave up waiting; nil: nowhere
}

// place is one place in the kernel's queue.
type place struct {
	f   *os.File
	got chan struct{} // closed when the lock is ours

	mu     sync.Mutex
	wanted bool // guarded by mu: a writer waits
	over   bool // guarded by mu: the turn came when no writer waited, and passed
}

// take waits for the turn; done passes it on.
func (t *turns) take(ctx context.Context, path string, limit time.Duration) (done func()) {
	// A place that a writer left is taken by the next one: it stands further in front, and while
	// another process hangs with the lock in its hands, writers must not queue up in threads.
	p := t.left
	t.left = nil
	if p == nil || !p.again() {
		f, err := os.OpenFile(path+turnSuffix, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return func() {}
		}
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != syscall.EWOULDBLOCK {
			return func() { _ = f.Close() }
		}
		p = &place{f: f, got: make(chan struct{}), wanted: true}
		go p.queue()
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-p.got:
		return p.leave
	case <-timer.C:
	case <-ctx.Done():
	}
	if p.giveUp() {
		t.left = p
		return func() {}
	}
	return p.leave // it came at the last moment
}

// queue blocks until the lock is ours, and passes it on when nobody wants it any more.
func (p *place) queue() {
	for syscall.Flock(int(p.f.Fd()), syscall.LOCK_EX) == syscall.EINTR {
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over = !p.wanted; p.over {
		p.leave()
		return
	}
	close(p.got)
}

// again takes a place that was given up; false when its turn has passed.
func (p *place) again() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wanted = true
	return !p.over
}

// giveUp leaves the place to the next writer; false when the lock is ours by now.
func (p *place) giveUp() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.got:
		return false
	default:
	}
	p.wanted = false
	return true
}

// leave gives the lock back.
func (p *place) leave() { _ = p.f.Close() }
