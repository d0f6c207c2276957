package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// Bounds of the write-ahead log. It cannot begin anew while somebody reads a state that only
// stands in it, so it grows as long as the longest read.
const (
	walWanted  = 16 << 20 // above it the log is emptied, and reads older than readMay are ended
	walBound   = 32 << 20 // above it all but short reads are ended, and new ones wait until the log is empty
	readMay    = 2 * time.Second
	readShort  = 100 * time.Millisecond // what may finish even then
	emptyEvery = 100 * time.Millisecond // at most so often
	emptyWaits = 20                     // milliseconds that writers wait for readers to end
	boundWaits = 500                    // the same when the log is over its bound
)

// errTooLong is why a read was ended.
var errTooLong = errors.New("reading took too long while much was written, and was ended so that the log does not fill the disk: ask for less, or try again")

// reads knows the reads that go on, so that those that hold up the log can be ended.
type reads struct {
	mu    sync.Mutex
	all   map[*oneRead]bool // guarded by mu
	tried time.Time         // guarded by mu: when the log was last to be emptied
	ended int               // guarded by mu: reads ended so far
	gate  chan struct{}     // guarded by mu: closed when reads may begin again; nil when they may
}

// oneRead is one read.
type oneRead struct {
	began time.Time
	end   context.CancelCauseFunc
}

// begin notes a read; end must be called when it is over.
func (r *reads) begin(ctx context.Context) (inner context.Context, end func()) {
	inner, cancel := context.WithCancelCause(ctx)
	r.mu.Lock()
	for r.gate != nil && ctx.Err() == nil {
		gate := r.gate
		r.mu.Unlock()
		select {
		case <-gate:
		case <-ctx.Done():
		}
		r.mu.Lock()
	}
	defer r.mu.Unlock()
	one := &oneRead{time.Now(), cancel}
	if r.all == nil {
		r.all = map[*oneRead]bool{}
	}
	r.all[one] = true
	return inner, func() {
		r.mu.Lock()
		delete(r.all, one)
		r.mu.Unlock()
		cancel(nil)
	}
}

// hold keeps new reads from beginning until open is called: many short ones, one after the other,
// would never leave the log alone.
func (r *reads) hold() (open func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.gate != nil {
		return func() {} // another commit is at it
	}
	gate := make(chan struct{})
	r.gate = gate
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.gate = nil
		close(gate)
	}
}

// endOlder ends the reads that have gone on for longer than d.
func (r *reads) endOlder(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for one := range r.all {
		if time.Since(one.began) > d {
			one.end(errTooLong)
			delete(r.all, one)
			r.ended++
		}
	}
}

// due reports whether it is time to empty the log again.
func (r *reads) due() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Since(r.tried) < emptyEvery {
		return false
	}
	r.tried = time.Now()
	return true
}

// bound keeps the write-ahead log small. It is called after each commit, and costs one look at
// a file's size as long as there is nothing to do. Reads of other processes it cannot end: a
// check or a backup beside the server lets the log grow until it is done.
func (a *Archive) bound(ctx context.Context) {
	wal, err := os.Stat(a.path + "-wal")
	if err != nil || wal.Size() < walWanted {
		return
	}
	waits := int64(emptyWaits)
	if wal.Size() > walBound {
		defer a.reads.hold()()
		a.reads.endOlder(readShort)
		waits = boundWaits
	} else {
		a.reads.endOlder(readMay)
	}
	if !a.reads.due() && waits == emptyWaits {
		return
	}
	conn, err := a.writer.db.Conn(ctx)
	if err != nil {
		return // the caller's time is over; the next commit does it
	}
	defer conn.Close()
	if err := a.empty(ctx, conn, waits); err != nil {
		a.log.Warn("archive: the write-ahead log cannot be emptied now", "bytes", wal.Size(), "err", err)
	}
}

// empty moves what stands in the log into the file and cuts the log to nothing, when no read
// holds it. Writers wait so many milliseconds for readers; else the next try does it.
func (a *Archive) empty(ctx context.Context, conn *sql.Conn, waits int64) error {
	ctx = context.WithoutCancel(ctx) // the connection must not stay as it is in between
	wait := func(ms int64) error {
		return drain(conn.QueryContext(ctx, fmt.Sprintf("PRAGMA busy_timeout(%d)", ms)))
	}
	if err := wait(waits); err != nil {
		return err
	}
	var busy, frames, moved int
	err := conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &frames, &moved)
	return errors.Join(err, wait(a.busy.Milliseconds()))
}
