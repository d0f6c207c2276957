package live

import (
	"sync"
	"time"

	"bongsu"
)

// message is what viewers are sent; it is shared by all of them and never changed.
type message struct {
	text    []byte // JSON; nil for a binary message
	format  bool   // text is a format
	head    bongsu.LiveHeader
	payload []byte
	boxes   *bongsu.LiveBoxes // neither text nor binary: what was found in a picture, written when it is sent
	at      time.Time         // when it came from the edge
}

// picture reports whether m is one, and so may be dropped.
func (m *message) picture() bool {
	return m.text == nil && m.boxes == nil && m.head.Kind != bongsu.LiveInit
}

// queued is a message and when it was put.
type queued struct {
	*message
	put time.Time
}

// queue holds what one viewer has still to get. put never blocks: a viewer that does not take
// its pictures in time loses those up to the next key frame, and is told. Formats and
// initialisation segments are never lost, and states only for a later one.
type queue struct {
	now   func() time.Time // set before use
	limit int              // bytes; prime adds what it puts
	late  time.Duration    // a key frame that comes when the oldest has waited for so long takes its place
	drops func(n int)
	wake  chan struct{} // in: something was put

	mu    sync.Mutex
	items []queued
	bytes int
	skip  bool      // until the next key frame
	slow  time.Time // since when the viewer has been too slow; zero when it is not
}

func newQueue(limit int, now func() time.Time, drops func(int)) *queue {
	return &queue{now: now, limit: limit, late: time.Second, drops: drops, wake: make(chan struct{}, 1)}
}

// prime fills the queue of a viewer that has just come: format, initialisation segment and the
// group of pictures that the pull has at hand.
func (q *queue) prime(all []*message) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now()
	for _, m := range all {
		q.items = append(q.items, queued{m, now})
		q.bytes += len(m.payload)
	}
	q.limit += q.bytes
	q.poke()
}

func (q *queue) poke() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// put takes a message in.
func (q *queue) put(m *message) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now()
	switch {
	case m.boxes != nil:
		q.oldBoxes()
	case m.text != nil && !m.format:
		q.forget(func(o queued) bool { return o.text != nil && !o.format })
	case !m.picture():
		q.replace(m)
	case m.head.Key():
		if q.waited(now) > q.late || q.bytes+len(m.payload) > q.limit {
			q.fallBehind(now)
		}
		q.skip = false
	case q.skip:
		q.drops(1)
		return
	case q.waited(now) > 3*q.late || q.bytes+len(m.payload) > q.limit && q.waited(now) > 0:
		q.fallBehind(now)
		q.skip = true
		q.drops(1)
		return
	}
	q.items = append(q.items, queued{m, now})
	q.bytes += len(m.payload)
	q.poke()
}

// maxBoxes is how many pictures' findings may wait: older ones are of no use to anybody.
const maxBoxes = 4

// oldBoxes makes room for one more.
func (q *queue) oldBoxes() {
	n := 0
	for _, m := range q.items {
		if m.boxes != nil {
			n++
		}
	}
	if n < maxBoxes {
		return
	}
	q.forget(func(o queued) bool {
		old := o.boxes != nil && n >= maxBoxes
		if old {
			n--
		}
		return old
	})
}

// replace drops formats and initialisation segments that no picture follows, and that a later one
// makes needless: an edge may send any number of them.
func (q *queue) replace(by *message) {
	last := -1
	for i, m := range q.items {
		if m.picture() {
			last = i
		}
	}
	i := -1
	q.forget(func(m queued) bool {
		i++
		setup := m.format || m.text == nil && m.boxes == nil && m.head.Kind == bongsu.LiveInit
		return i > last && setup && (by.format || !m.format)
	})
}

// waited is for how long the oldest picture has.
func (q *queue) waited(now time.Time) time.Duration {
	for _, m := range q.items {
		if m.picture() {
			return now.Sub(m.put)
		}
	}
	return 0
}

// fallBehind drops all pictures and what a later initialisation segment replaces.
func (q *queue) fallBehind(now time.Time) {
	last := len(q.items)
	for i, m := range q.items {
		if m.format {
			last = i
		}
	}
	i, n := -1, 0
	q.forget(func(m queued) bool {
		i++
		if m.picture() {
			n++
			return true
		}
		return m.boxes != nil || i < last && (m.format || m.head.Kind == bongsu.LiveInit)
	})
	if n == 0 {
		return
	}
	q.drops(n)
	q.tooSlow(now)
}

// tooSlow tells the viewer, once.
func (q *queue) tooSlow(now time.Time) {
	if q.slow.IsZero() {
		q.slow = now
		q.items = append(q.items, queued{&message{text: tooSlow.Encode(), at: now}, now})
	}
}

var tooSlow = bongsu.LiveState(bongsu.LiveStale, bongsu.LiveTooSlow, "this screen's connection is too slow for the camera: pictures are left out")

// forget removes messages.
func (q *queue) forget(gone func(queued) bool) {
	kept := q.items[:0]
	for _, m := range q.items {
		if gone(m) {
			q.bytes -= len(m.payload)
			continue
		}
		kept = append(kept, m)
	}
	clear(q.items[len(kept):])
	q.items = kept
}

// take gives the next message, nil when none waits.
func (q *queue) take() *message {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.items) == 0 {
		return nil
	}
	m := q.items[0].message
	q.items[0] = queued{}
	q.items = q.items[1:]
	q.bytes -= len(m.payload)
	return m
}

// jam drops all that waits, up to the next key frame: the way holds more than it should.
func (q *queue) jam() {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now()
	q.fallBehind(now)
	q.skip = true
	q.tooSlow(now)
}

// caughtUp says that nothing waits and the way is free; was tells that it had not been so.
func (q *queue) caughtUp() (was bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.slow.IsZero() || q.skip || len(q.items) > 0 {
		return false
	}
	q.slow = time.Time{}
	return true
}

// slowFor is for how long the viewer has been too slow.
func (q *queue) slowFor(now time.Time) time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.slow.IsZero() {
		return 0
	}
	return now.Sub(q.slow)
}
