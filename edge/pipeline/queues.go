package pipeline

import (
	"context"
	"sync"
	"time"

	"bongsu"
	"bongsu/streams"
)

// Bounds of queue 1 beside its span: a camera may send much in little media time.
const (
	queueUnits = 1024
	queueBytes = 64 << 20
)

// unitQueue is queue 1, read → decode: at most span of media time, queueUnits and queueBytes. When it is full, units are
// dropped up to the next key unit, and the unit after the gap says so. One pusher, one popper.
type unitQueue struct {
	span  time.Duration // set before use
	block bool          // wait for room instead of dropping: for recordings

	mu       sync.Mutex
	wake     chan struct{} // in: something changed for the popper; capacity 1
	room     chan struct{} // out: something was popped; capacity 1
	units    []*streams.AccessUnit
	bytes    int  // of units
	gap      bool // units were dropped behind the last one in units
	lostNext bool // the next unit popped follows a gap
	closed   bool
}

func newUnitQueue(span time.Duration, block bool) *unitQueue {
	return &unitQueue{span: span, block: block, wake: make(chan struct{}, 1), room: make(chan struct{}, 1)}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Push adds au and returns how many units were dropped for it, itself perhaps included.
func (q *unitQueue) Push(ctx context.Context, au *streams.AccessUnit) (dropped int) {
	for {
		q.mu.Lock()
		if q.closed {
			q.mu.Unlock()
			return 1
		}
		if !q.full(au) {
			break
		}
		if !q.block {
			dropped = q.makeRoom(au)
			break
		}
		q.mu.Unlock()
		select {
		case <-q.room:
		case <-ctx.Done():
			return 1
		}
	}
	if q.gap && !au.Key {
		q.mu.Unlock()
		return dropped + 1
	}
	if q.gap {
		q.gap = false
		if len(q.units) == 0 {
			q.lostNext = true
		}
	}
	q.units = append(q.units, au)
	q.bytes += au.Size()
	q.mu.Unlock()
	signal(q.wake)
	return dropped
}

func (q *unitQueue) full(au *streams.AccessUnit) bool { return !q.fits(q.units, q.bytes, au) }

// fits reports whether au has room behind units of so many bytes.
func (q *unitQueue) fits(units []*streams.AccessUnit, bytes int, au *streams.AccessUnit) bool {
	return len(units) == 0 ||
		len(units) < queueUnits && bytes+au.Size() <= queueBytes && au.Wall.Sub(units[0].Wall) <= q.span
}

// makeRoom drops from the front to the next key unit in the queue; without one it empties the
// queue, and everything up to the next key unit goes too.
func (q *unitQueue) makeRoom(au *streams.AccessUnit) (dropped int) {
	left := q.bytes
	for i, u := range q.units {
		if i > 0 && u.Key && q.fits(q.units[i:], left, au) {
			n := copy(q.units, q.units[i:])
			clear(q.units[n:])
			q.units, q.bytes = q.units[:n], left
			q.lostNext = true
			return i
		}
		left -= u.Size()
	}
	q.gap = true
	return q.empty()
}

// empty drops all that waits and tells how much it was. The lock is held.
func (q *unitQueue) empty() int {
	n := len(q.units)
	clear(q.units)
	q.units, q.bytes = q.units[:0], 0
	return n
}

// Pop blocks for the next unit. after reports that units were dropped just before it. ok is
// false when the queue is closed and empty, or ctx ended.
func (q *unitQueue) Pop(ctx context.Context) (au *streams.AccessUnit, after, ok bool) {
	for {
		q.mu.Lock()
		if len(q.units) > 0 {
			au, after = q.units[0], q.lostNext
			n := copy(q.units, q.units[1:])
			q.units[n] = nil
			q.units = q.units[:n]
			q.bytes -= au.Size()
			q.lostNext = false
			q.mu.Unlock()
			signal(q.room)
			return au, after, true
		}
		closed := q.closed
		q.mu.Unlock()
		if closed {
			return nil, false, false
		}
		select {
		case <-q.wake:
		case <-ctx.Done():
			return nil, false, false
		}
	}
}

// Close lets Pop return what is left and then false; what is pushed after it is dropped.
func (q *unitQueue) Close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	signal(q.wake)
	signal(q.room)
}

// drain empties the queue and returns how many units were in it.
func (q *unitQueue) drain() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.empty()
}

// frameQueue is queue 2, decode → detect: two pictures, the newest win. It owns one reference
// to each picture in it. One pusher, one popper.
type frameQueue struct {
	block bool // wait for room instead of dropping: for recordings

	mu     sync.Mutex
	wake   chan struct{}
	room   chan struct{}
	frames [2]*bongsu.Frame
	n      int
	closed bool
}

func newFrameQueue(block bool) *frameQueue {
	return &frameQueue{block: block, wake: make(chan struct{}, 1), room: make(chan struct{}, 1)}
}

// Push adds f and returns the picture that it displaced, if any, for the caller to release.
func (q *frameQueue) Push(ctx context.Context, f *bongsu.Frame) (displaced *bongsu.Frame) {
	for {
		q.mu.Lock()
		if q.n < len(q.frames) {
			break
		}
		if !q.block {
			displaced = q.frames[0]
			q.frames[0] = q.frames[1]
			q.n--
			break
		}
		q.mu.Unlock()
		select {
		case <-q.room:
		case <-ctx.Done():
			return f
		}
	}
	q.frames[q.n] = f
	q.n++
	q.mu.Unlock()
	signal(q.wake)
	return displaced
}

// Pop blocks for the oldest picture; the caller owns its reference. It returns nil when the
// queue is closed and empty, when ctx ended, or when tick fires.
func (q *frameQueue) Pop(ctx context.Context, tick <-chan time.Time) (f *bongsu.Frame, closed bool) {
	for {
		if f = q.take(); f != nil {
			return f, false
		}
		q.mu.Lock()
		closed = q.closed && q.n == 0
		q.mu.Unlock()
		if closed {
			return nil, true
		}
		select {
		case <-q.wake:
		case <-tick:
			return nil, false
		case <-ctx.Done():
			return nil, true
		}
	}
}

// take gives the oldest picture, nil when there is none; the caller owns its reference.
func (q *frameQueue) take() *bongsu.Frame {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.n == 0 {
		return nil
	}
	f := q.frames[0]
	q.frames[0], q.frames[1] = q.frames[1], nil
	q.n--
	signal(q.room)
	return f
}

// Close lets Pop return what is left and then nil.
func (q *frameQueue) Close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	signal(q.wake)
}
