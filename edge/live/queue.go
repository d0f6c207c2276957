package live

import (
	"sync"
	"time"

	"bongsu"
)

// queued is an item and when it was put.
type queued struct {
	bongsu.LiveItem
	at time.Time
}

// queue holds what one session still has to send. put never blocks: what waits for too long, or
// is too much, is dropped up to the next key frame. The latest format, initialisation segment
// and state are never dropped.
type queue struct {
	now   func() time.Time // set before use
	limit int              // bytes
	late  time.Duration    // a key frame that comes when the oldest has waited for so long takes its place
	drops func(n int)
	wake  chan struct{} // in: something was put

	mu    sync.Mutex
	items []queued // guarded by mu
	bytes int      // guarded by mu
	skip  bool     // guarded by mu: until the next key frame
}

func newQueue(limit int, now func() time.Time, drops func(int)) *queue {
	return &queue{now: now, limit: limit, late: time.Second, drops: drops, wake: make(chan struct{}, 1)}
}

// put takes an item in.
func (q *queue) put(it bongsu.LiveItem) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now()
	if it.Kind == bongsu.LiveNote {
		q.oldNotes()
	}
	if isPicture(it.Kind) {
		key := it.Flags&bongsu.LiveKey != 0
		switch {
		case key:
			if q.waited(now) > q.late || q.bytes+len(it.Payload) > q.limit {
				q.clear()
			}
			q.skip = false
		case q.skip:
			q.drops(1)
			return
		case q.waited(now) > 3*q.late || q.bytes > 0 && q.bytes+len(it.Payload) > q.limit:
			q.clear()
			q.skip = true
			q.drops(1)
			return
		}
	}
	if it.Kind == bongsu.LiveNone {
		q.forget(func(o *queued) bool { return o.Kind == bongsu.LiveNone })
	}
	q.items = append(q.items, queued{it, now})
	q.bytes += len(it.Payload)
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// isPicture reports whether an item of that kind is one, and counts as dropped when it is.
func isPicture(k bongsu.LiveKind) bool { return k == bongsu.LiveFragment || k == bongsu.LiveJPEG }

// maxNotes is how many pictures' findings may wait: older ones are of no use to anybody.
const maxNotes = 4

// oldNotes makes room for one more.
func (q *queue) oldNotes() {
	n := 0
	for i := range q.items {
		if q.items[i].Kind == bongsu.LiveNote {
			n++
		}
	}
	if n < maxNotes {
		return
	}
	q.forget(func(o *queued) bool {
		old := o.Kind == bongsu.LiveNote && n >= maxNotes
		if old {
			n--
		}
		return old
	})
}

// waited is for how long the oldest picture has.
func (q *queue) waited(now time.Time) time.Duration {
	for i := range q.items {
		if isPicture(q.items[i].Kind) {
			return now.Sub(q.items[i].at)
		}
	}
	return 0
}

// clear drops all pictures, and initialisation segments that a later one replaces.
func (q *queue) clear() {
	last := -1
	for i := range q.items {
		if q.items[i].Kind == bongsu.LiveInit {
			last = i
		}
	}
	i, n := -1, 0
	q.forget(func(o *queued) bool {
		i++
		if isPicture(o.Kind) {
			n++
			return true
		}
		return o.Kind == bongsu.LiveNote || o.Kind == bongsu.LiveInit && i != last
	})
	if n > 0 {
		q.drops(n)
	}
}

// forget removes items.
func (q *queue) forget(gone func(*queued) bool) {
	kept := q.items[:0]
	for i := range q.items {
		if gone(&q.items[i]) {
			q.bytes -= len(q.items[i].Payload)
			continue
		}
		kept = append(kept, q.items[i])
	}
	clear(q.items[len(kept):])
	q.items = kept
}

// take gives the next item; ok is false when none waits. With keysOnly pictures that are no key
// frames are dropped, and what follows them up to the next one.
func (q *queue) take(keysOnly bool) (it queued, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.items) > 0 {
		it = q.items[0]
		q.items[0] = queued{}
		q.items = q.items[1:]
		q.bytes -= len(it.Payload)
		if !keysOnly || it.Kind != bongsu.LiveFragment || it.Flags&bongsu.LiveKey != 0 {
			return it, true
		}
		q.drops(1)
		q.skipRest()
	}
	return it, false
}

// skipRest drops what follows a dropped picture, up to the next key frame.
func (q *queue) skipRest() {
	q.skip = true
	n, over := 0, false
	q.forget(func(o *queued) bool {
		if o.Kind == bongsu.LiveFragment && o.Flags&bongsu.LiveKey != 0 {
			over, q.skip = true, false
		}
		gone := !over && o.Kind == bongsu.LiveFragment
		if gone {
			n++
		}
		return gone
	})
	if n > 0 {
		q.drops(n)
	}
}

// jam drops all that waits, up to the next key frame: the link holds more than it should.
func (q *queue) jam() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.clear()
	q.skip = true
}

// way knows how long bytes are on the way to the cloud and its answer back, from pings that
// queue behind the pictures. A nil way knows nothing.
type way struct {
	mu   sync.Mutex
	last time.Duration
	sent time.Time // of the ping that is out; zero when none is
}

func (w *way) out(now time.Time) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent = now
}

func (w *way) back(now time.Time) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last, w.sent = now.Sub(w.sent), time.Time{}
}

// takes is an upper bound of the way as far as it is known now.
func (w *way) takes(now time.Time) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.sent.IsZero() {
		return max(w.last, now.Sub(w.sent))
	}
	return w.last
}
