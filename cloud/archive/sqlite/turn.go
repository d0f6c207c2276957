package sqlite

import (
	"context"
	"os"
	"syscall"
	"time"
)

// turnSuffix names the file beside the database that writers of several processes queue at. It is
// empty and stays.
const turnSuffix = "-turn"

// turn waits for this process's turn to write. SQLite lets writers that find the database busy look
// again now and then, and whoever looks at the right moment is next: under load one of them may wait
// for seconds. The kernel's queue at a locked file is in order. It is a courtesy only: who
// cannot have the lock within the limit, or whose file system knows none, goes on, and SQLite
// decides.
func turn(ctx context.Context, path string, limit time.Duration) (done func()) {
	f, err := os.OpenFile(path+turnSuffix, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return func() {}
	}
	leave := func() { _ = f.Close() } // gives the lock back
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != syscall.EWOULDBLOCK {
		return leave
	}
	got := make(chan struct{})
	go func() {
		defer close(got)
		for syscall.Flock(int(f.Fd()), syscall.LOCK_EX) == syscall.EINTR {
		}
	}()
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case <-got:
		return leave
	case <-t.C:
	case <-ctx.Done():
	}
	go func() { // its turn comes, and passes
		<-got
		leave()
	}()
	return func() {}
}
