// Package queuetest is the conformance suite of queue.Queue: a backend is done when it passes.
package queuetest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"bongsu"
	"bongsu/cloud/queue"
)

// Lease is the lease that the suite's queues must have: short, for it is waited for, and long enough
// for a busy machine not to let it pass between two steps.
const Lease = time.Second

// patience is how long the suite waits for what must come.
const patience = time.Minute

// Run runs the whole suite. open gives an empty queue with the lease above that holds at least
// 1,000 messages; it is closed with the test.
func Run(t *testing.T, open func(t *testing.T) queue.Queue) {
	for _, c := range []struct {
		name string
		test func(*testing.T, queue.Queue)
	}{
		{"DeliversAll", deliversAll},
		{"AckIsForGood", ackIsForGood},
		{"NackComesBack", nackComesBack},
		{"NackWaits", nackWaits},
		{"LeaseRunsOut", leaseRunsOut},
		{"ReceiveEnds", receiveEnds},
		{"CloseEndsReceivers", closeEndsReceivers},
		{"ManyAtOnce", manyAtOnce},
		{"HeldOnce", heldOnce},
		{"PublishMany", publishMany},
		{"LapsesAreCounted", lapsesAreCounted},
		{"RenewHolds", renewHolds},
		{"LateRenew", lateRenew},
		{"LateNack", lateNack},
		{"LateAckOfDelayed", lateAckOfDelayed},
		{"Depth", depth},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel() // they wait for leases, most of the time
			c.test(t, open(t))
		})
	}
}

// Key makes a key for tests; keys of other n differ.
func Key(n int) bongsu.EventKey {
	return bongsu.EventKey{ID: bongsu.NewEventID(time.UnixMilli(int64(n))), Revision: 1}
}

func publish(t *testing.T, q queue.Queue, keys ...bongsu.EventKey) {
	t.Helper()
	for _, k := range keys {
		if err := q.Publish(t.Context(), k); err != nil {
			t.Fatalf("Publish: %v", err)
		}
	}
}

func receive(t *testing.T, q queue.Queue) queue.Delivery {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	d, err := q.Receive(ctx)
	if err != nil {
		t.Fatalf("Receive: %v", err)
	}
	return d
}

// nothing asserts that nothing comes within d.
func nothing(t *testing.T, q queue.Queue, d time.Duration) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), d)
	defer stop()
	if got, err := q.Receive(ctx); err == nil {
		t.Fatalf("Receive gave %+v, want nothing", got.Message())
	} else if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("Receive: %v, want the context's error", err)
	}
}

func ack(t *testing.T, d queue.Delivery) {
	t.Helper()
	if err := d.Ack(t.Context()); err != nil {
		t.Fatalf("Ack: %v", err)
	}
}

func deliversAll(t *testing.T, q queue.Queue) {
	want := map[bongsu.EventKey]bool{}
	for i := range 100 {
		k := Key(i)
		want[k] = true
		publish(t, q, k)
	}
	for len(want) > 0 {
		d := receive(t, q)
		m := d.Message()
		if !want[m.Key] || m.Deliveries != 1 || m.Published.IsZero() {
			t.Fatalf("unexpected message %+v", m)
		}
		delete(want, m.Key)
		ack(t, d)
	}
	nothing(t, q, Lease/3)
}

func ackIsForGood(t *testing.T, q queue.Queue) {
	publish(t, q, Key(1))
	ack(t, receive(t, q))
	nothing(t, q, 2*Lease)
}

func nackComesBack(t *testing.T, q queue.Queue) {
	k := Key(1)
	publish(t, q, k)
	for i := range 3 {
		d := receive(t, q)
		if m := d.Message(); m.Key != k || m.Deliveries != i+1 {
			t.Fatalf("delivery %d: %+v", i+1, m)
		}
		if err := d.Nack(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
	}
	ack(t, receive(t, q))
	nothing(t, q, Lease/3)
}

func nackWaits(t *testing.T, q queue.Queue) {
	publish(t, q, Key(1))
	d := receive(t, q)
	nacked := time.Now()
	if err := d.Nack(t.Context(), 2*Lease); err != nil {
		t.Fatal(err)
	}
	ack(t, receive(t, q))
	if waited := time.Since(nacked); waited < 2*Lease-Lease/10 {
		t.Fatalf("it came back after %v, want %v", waited, 2*Lease)
	}
}

func leaseRunsOut(t *testing.T, q queue.Queue) {
	k := Key(1)
	publish(t, q, k)
	lost := receive(t, q)
	nothing(t, q, Lease/3)
	again := receive(t, q)
	if m := again.Message(); m.Key != k || m.Deliveries != 2 {
		t.Fatalf("after the lease: %+v", m)
	}
	if err := lost.Nack(t.Context(), 0); err != nil {
		t.Fatalf("Nack by a holder that lost it: %v", err)
	}
	ack(t, again)
	if err := lost.Ack(t.Context()); err != nil {
		t.Fatalf("Ack by a holder that lost it: %v", err)
	}
	nothing(t, q, 2*Lease)
}

func receiveEnds(t *testing.T, q queue.Queue) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := q.Receive(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("Receive with an ended context: %v", err)
	}
}

func closeEndsReceivers(t *testing.T, q queue.Queue) {
	ended := make(chan error, 4)
	for range cap(ended) {
		go func() {
			_, err := q.Receive(context.Background())
			ended <- err
		}()
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for range cap(ended) {
		select {
		case err := <-ended:
			if err == nil {
				t.Fatal("Receive of a closed queue gave no error")
			}
		case <-deadline.C:
			t.Fatal("a receiver still waits")
		}
	}
	if err := q.Publish(t.Context(), Key(1)); bongsu.CodeOf(err) != bongsu.CodeUnavailable {
		t.Fatalf("Publish to a closed queue: %v", err)
	}
}

// manyAtOnce: several publishers and receivers, some of which give messages back once. Every
// message is acked at least once and none is lost.
func manyAtOnce(t *testing.T, q queue.Queue) {
	const publishers, each = 4, 100
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	var wg sync.WaitGroup
	for p := range publishers {
		wg.Go(func() {
			for i := range each {
				if err := q.Publish(ctx, Key(p*each+i)); err != nil {
					t.Errorf("Publish: %v", err)
				}
			}
		})
	}
	var mu sync.Mutex
	acked := map[bongsu.EventKey]bool{}
	for range 4 {
		wg.Go(func() {
			for {
				d, err := q.Receive(ctx)
				if err != nil {
					return
				}
				if m := d.Message(); m.Deliveries == 1 && m.Key.ID[35]%3 == 0 {
					_ = d.Nack(ctx, time.Millisecond) // the lease gives it back, too
					continue
				}
				_ = d.Ack(ctx) // what is not acknowledged comes again
				mu.Lock()
				acked[d.Message().Key] = true
				if len(acked) == publishers*each {
					stop()
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(acked) != publishers*each {
		t.Fatalf("%d of %d messages came", len(acked), publishers*each)
	}
}
