// Package memq is the queue inside one process. What it holds is lost with the process; ingest's
// sweeper publishes again from the archive's inbox.
package memq

import (
	"container/heap"
	"context"
	"sync"
	"time"

	"bongsu"
	"bongsu/cloud/queue"
)

// Options sizes the queue.
type Options struct {
	// Capacity is how many messages it holds, delivered ones included; 0 is 100,000.
	Capacity int
	// Lease is how long a receiver may hold a message before it is delivered again; 0 is 60 s.
	Lease time.Duration
	// Now is the clock that stamps messages and counts leases; nil is time.Now.
	Now func() time.Time
}

// Queue is a queue.Queue in memory.
type Queue struct {
	// set before use
	capacity int
	lease    time.Duration
	now      func() time.Time

	mu      sync.Mutex
	items   map[bongsu.EventKey]*item
	ready   []*item // first in, first out
	timed   timed   // held or delayed, by when they are due
	changed chan struct{}
	closed  bool
}

var _ queue.Queue = (*Queue)(nil)

// item is one message. It is in ready, or in timed, or gone.
type item struct {
	m     queue.Message
	due   time.Time
	index int  // in timed; -1 when not there
	held  bool // by a receiver; in timed and not held means given back
	gone  bool
}

// New makes an empty queue.
func New(o Options) *Queue {
	if o.Capacity <= 0 {
		o.Capacity = 100_000
	}
	if o.Lease <= 0 {
		o.Lease = 60 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Queue{
		capacity: o.Capacity, lease: o.Lease, now: o.Now,
		items: map[bongsu.EventKey]*item{}, changed: make(chan struct{}),
	}
}

// Publish implements queue.Queue.
func (q *Queue) Publish(_ context.Context, keys ...bongsu.EventKey) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return closed()
	}
	added := false
	for _, key := range keys {
		if q.items[key] != nil {
			continue
		}
		if err := q.room(); err != nil {
			if added {
				q.wake()
			}
			return err
		}
		it := &item{m: queue.Message{Key: key, Published: q.now()}, index: -1}
		q.items[key] = it
		q.ready = append(q.ready, it)
		added = true
	}
	if added {
		q.wake()
	}
	return nil
}

// room says whether one more message fits. The caller holds mu.
func (q *Queue) room() error {
	if len(q.items) >= q.capacity {
		return bongsu.Errorf(bongsu.CodeUnavailable, "the queue is full (%d messages); it is tried again from the inbox", q.capacity)
	}
	return nil
}

// Ready implements queue.Queue.
func (q *Queue) Ready(context.Context) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return closed()
	}
	return q.room()
}

// Depth implements queue.Queue.
func (q *Queue) Depth(context.Context) (queue.Depth, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	var d queue.Depth
	for _, it := range q.items {
		switch {
		case it.index < 0:
			d.Waiting++
		case it.held:
			d.Held++
		default:
			d.Delayed++
		}
	}
	return d, nil
}

func closed() error { return bongsu.Errorf(bongsu.CodeUnavailable, "the queue is closed") }

// wake lets all waiting receivers look again. The caller holds mu.
func (q *Queue) wake() {
	close(q.changed)
	q.changed = make(chan struct{})
}

// Receive implements queue.Queue.
func (q *Queue) Receive(ctx context.Context) (queue.Delivery, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		d, changed, wait, err := q.next()
		if d != nil || err != nil {
			return d, err
		}
		if err := sleep(ctx, changed, wait); err != nil {
			return nil, err
		}
	}
}

// sleep waits for a change, or for wait to pass when it is not negative.
func sleep(ctx context.Context, changed <-chan struct{}, wait time.Duration) error {
	var due <-chan time.Time
	if wait >= 0 {
		t := time.NewTimer(wait)
		defer t.Stop()
		due = t.C
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-changed:
	case <-due:
	}
	return nil
}

// next hands out a message, or says what to wait for.
func (q *Queue) next() (queue.Delivery, <-chan struct{}, time.Duration, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return nil, nil, 0, closed()
	}
	now := q.now()
	for len(q.timed) > 0 && !q.timed[0].due.After(now) {
		it := heap.Pop(&q.timed).(*item)
		if it.held { // its holder said nothing
			it.m.Lapsed++
			it.held = false
		}
		q.ready = append(q.ready, it)
	}
	for len(q.ready) > 0 {
		it := q.ready[0]
		q.ready[0] = nil
		if q.ready = q.ready[1:]; it.gone {
			continue // acked by a holder that had lost it
		}
		it.m.Deliveries++
		it.due, it.held = now.Add(q.lease), true
		heap.Push(&q.timed, it)
		return &delivery{q: q, it: it, m: it.m}, nil, 0, nil
	}
	wait := time.Duration(-1)
	if len(q.timed) > 0 {
		wait = q.timed[0].due.Sub(now)
	}
	return nil, q.changed, wait, nil
}

// Close implements queue.Queue.
func (q *Queue) Close() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return nil
	}
	q.closed = true
	q.items, q.ready, q.timed = nil, nil, nil
	q.wake()
	return nil
}

// Len is how many messages the queue holds, delivered ones included.
func (q *Queue) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items)
}

// delivery is one handing-out of an item.
type delivery struct {
	q  *Queue
	it *item
	m  queue.Message
}

// Message implements queue.Delivery.
func (d *delivery) Message() queue.Message { return d.m }

// Lease implements queue.Delivery.
func (d *delivery) Lease() time.Duration { return d.q.lease }

// Renew implements queue.Delivery.
func (d *delivery) Renew(context.Context) (bool, error) {
	q := d.q
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false, closed()
	}
	if !d.mine() {
		return false, nil
	}
	d.it.due = q.now().Add(q.lease)
	heap.Fix(&q.timed, d.it.index)
	return true, nil
}

// mine tells whether this delivery still holds the message. The caller holds mu.
func (d *delivery) mine() bool {
	return !d.it.gone && d.it.held && d.it.m.Deliveries == d.m.Deliveries
}

// Ack implements queue.Delivery. It counts also after the lease ran out: the work is done.
func (d *delivery) Ack(context.Context) error {
	q := d.q
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || d.it.gone {
		return nil
	}
	d.it.gone = true
	delete(q.items, d.m.Key)
	if d.it.index >= 0 {
		heap.Remove(&q.timed, d.it.index)
	}
	return nil
}

// Nack implements queue.Delivery. After the lease ran out the message is not this holder's any
// more and nothing happens.
func (d *delivery) Nack(_ context.Context, delay time.Duration) error {
	q := d.q
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || !d.mine() {
		return nil
	}
	d.it.due, d.it.held, d.it.m.Lapsed = q.now().Add(max(delay, 0)), false, 0
	heap.Fix(&q.timed, d.it.index)
	q.wake()
	return nil
}

// timed is a heap by due time.
type timed []*item

func (h timed) Len() int           { return len(h) }
func (h timed) Less(i, j int) bool { return h[i].due.Before(h[j].due) }
func (h timed) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push implements heap.Interface.
func (h *timed) Push(x any) {
	it := x.(*item)
	it.index = len(*h)
	*h = append(*h, it)
}

// Pop implements heap.Interface.
func (h *timed) Pop() any {
	old := *h
	it := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	it.index = -1
	return it
}
