package worker

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"bongsu"
	"bongsu/cloud/archive"
	"bongsu/cloud/queue"
	"bongsu/cloud/queue/memq"
	"bongsu/cloud/queue/queuetest/redistest"
	"bongsu/cloud/queue/redisq"
)

// slow is an archive whose disk stands still: nothing is applied before it is let go.
type slow struct {
	Archive
	begun chan bongsu.EventKey
	let   chan struct{}
}

func (s *slow) Apply(ctx context.Context, key bongsu.EventKey, o archive.ApplyOptions) (archive.Applied, error) {
	s.begun <- key
	<-s.let
	return s.Archive.Apply(ctx, key, o)
}

// TestHangingDiskKeepsItsMessage: a worker that lives renews the lease on what it works on, so for all
// the leases that the disk stands still nobody else begins the same work, nothing lapses, and it
// is applied once.
func TestHangingDiskKeepsItsMessage(t *testing.T) {
	const lease = 300 * time.Millisecond
	hung := &slow{begun: make(chan bongsu.EventKey, 10), let: make(chan struct{})}
	x := newWorld(t, func(o *Options) {
		hung.Archive = o.Archive
		o.Archive = hung
	})
	s := redistest.Start(t, redistest.Options{})
	q := redisq.New(redisq.Options{Address: s.Address(), Lease: lease})
	defer q.Close()
	x.w.o.Queue, x.w.o.Receivers = q, 3
	key := x.put(event(1, 1), "jpeg")
	if err := q.Publish(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	stop := x.run()
	if got := <-hung.begun; got != key {
		t.Fatalf("%+v was begun", got)
	}
	over := time.NewTimer(7 * lease)
	defer over.Stop()
	select {
	case <-hung.begun:
		t.Error("the message was given to another while its holder lived")
	case <-over.C:
	}
	close(hung.let)
	x.until("it is applied", func() bool { return x.w.Stats().Applied == 1 })
	x.until("nothing is left", func() bool {
		d, err := q.Depth(t.Context())
		return err == nil && d.Held == 0 && d.Waiting == 0
	})
	stop()
	if st := x.w.Stats(); st != (Stats{Applied: 1}) || q.Stats().Reclaimed != 0 {
		t.Errorf("%+v, %d taken over", st, q.Stats().Reclaimed)
	}
}

// counted is a delivery that counts its renewals.
type counted struct {
	queue.Delivery
	n atomic.Int64
}

func (c *counted) Renew(ctx context.Context) (bool, error) {
	ok, err := c.Delivery.Renew(ctx)
	c.n.Add(1)
	return ok, err
}

// TestLostLease: a worker that hears that its message is another's goes on with its work, which
// does no harm twice, and renews nothing any more.
func TestLostLease(t *testing.T) {
	x := newWorld(t, nil)
	q := memq.New(memq.Options{Lease: 30 * time.Millisecond})
	defer q.Close()
	x.w.o.Queue = q
	if err := q.Publish(t.Context(), x.put(event(1, 1), "")); err != nil {
		t.Fatal(err)
	}
	receive := func(lapsed int) *counted {
		t.Helper()
		d, err := q.Receive(t.Context())
		if err != nil || d.Message().Lapsed != lapsed {
			t.Fatalf("%+v, %v", d.Message(), err)
		}
		return &counted{Delivery: d}
	}
	lost := receive(0)
	again := receive(1) // nobody renewed
	err := x.w.holding(t.Context(), lost, func() error {
		x.until("it hears of it", func() bool { return lost.n.Load() == 1 })
		third := receive(2)
		return third.Ack(t.Context())
	})
	if err != nil || lost.n.Load() != 1 {
		t.Fatalf("%v, asked %d times", err, lost.n.Load())
	}
	if ok, err := again.Renew(t.Context()); ok || err != nil || q.Len() != 0 {
		t.Fatalf("%v, %v: %d in the queue", ok, err, q.Len())
	}
}
