package memq

import (
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"bongsu"
	"bongsu/cloud/queue"
	"bongsu/cloud/queue/queuetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance(t *testing.T) {
	queuetest.Run(t, func(t *testing.T) queue.Queue {
		q := New(Options{Lease: queuetest.Lease})
		t.Cleanup(func() { q.Close() })
		return q
	})
}

func TestFull(t *testing.T) {
	q := New(Options{Capacity: 2})
	defer q.Close()
	for i := range 2 {
		if err := q.Publish(t.Context(), queuetest.Key(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := q.Publish(t.Context(), queuetest.Key(3)); bongsu.CodeOf(err) != bongsu.CodeUnavailable {
		t.Fatalf("Publish to a full queue: %v", err)
	}
	d, err := q.Receive(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := q.Publish(t.Context(), queuetest.Key(3)); err == nil {
		t.Fatal("a message that is held does not count")
	}
	if err := d.Ack(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := q.Publish(t.Context(), queuetest.Key(3)); err != nil {
		t.Fatalf("Publish after Ack: %v", err)
	}
}

func TestAKeyIsHeldOnce(t *testing.T) {
	q := New(Options{})
	defer q.Close()
	k := queuetest.Key(1)
	for range 3 {
		q.Publish(t.Context(), k)
	}
	d, err := q.Receive(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	q.Publish(t.Context(), k) // while it is held
	if n := q.Len(); n != 1 {
		t.Fatalf("%d messages, want 1", n)
	}
	d.Ack(t.Context())
	if n := q.Len(); n != 0 {
		t.Fatalf("%d messages after Ack, want 0", n)
	}
}

// TestDueTimes runs on a clock of its own: delays and leases end when they say.
func TestDueTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(Options{Lease: time.Minute})
		defer q.Close()
		q.Publish(t.Context(), queuetest.Key(1))
		begin := time.Now()
		d, err := q.Receive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		d.Nack(t.Context(), 7*time.Second)
		if _, err = q.Receive(t.Context()); err != nil || time.Since(begin) != 7*time.Second {
			t.Fatalf("came back after %v, %v; want 7s", time.Since(begin), err)
		}
		if _, err = q.Receive(t.Context()); err != nil || time.Since(begin) != 67*time.Second {
			t.Fatalf("lease ended after %v, %v; want 67s", time.Since(begin), err)
		}
	})
}

// TestLateAckOfAReadyMessage: the lease ran out, the message waits again, then the first holder
// acks after all.
func TestLateAckOfAReadyMessage(t *testing.T) {
	now := time.Unix(0, 0)
	q := New(Options{Lease: time.Second, Now: func() time.Time { return now }})
	defer q.Close()
	q.Publish(t.Context(), queuetest.Key(1))
	q.Publish(t.Context(), queuetest.Key(2))
	first, _ := q.Receive(t.Context())
	now = now.Add(2 * time.Second)
	q.Receive(t.Context()) // moves the first behind the second
	first.Ack(t.Context())
	q.Publish(t.Context(), queuetest.Key(3))
	d, err := q.Receive(t.Context())
	if err != nil || d.Message().Key.ID == first.Message().Key.ID {
		t.Fatalf("got %+v, %v; the acked message must not come", d.Message(), err)
	}
}
