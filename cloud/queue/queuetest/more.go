package queuetest

import (
	"testing"
	"time"

	"bongsu"
	"bongsu/cloud/queue"
)

// heldOnce: a key that the queue holds is not added again, wherever it is held; after Ack it is.
func heldOnce(t *testing.T, q queue.Queue) {
	k := Key(1)
	publish(t, q, k, k)
	publish(t, q, k)
	d := receive(t, q)
	publish(t, q, k) // while it is held
	nothing(t, q, Lease/3)
	if err := d.Nack(t.Context(), Lease/2); err != nil {
		t.Fatal(err)
	}
	publish(t, q, k) // while it is delayed
	if d = receive(t, q); d.Message().Deliveries != 2 {
		t.Fatalf("after Nack: %+v", d.Message())
	}
	ack(t, d)
	nothing(t, q, Lease/3)
	publish(t, q, k)
	if d = receive(t, q); d.Message().Deliveries != 1 {
		t.Fatalf("published again after Ack: %+v", d.Message())
	}
	ack(t, d)
}

// publishMany: more keys at once than a backend may take in one step, some of them known.
func publishMany(t *testing.T, q queue.Queue) {
	want := map[bongsu.EventKey]bool{}
	var keys []bongsu.EventKey
	for i := range 700 {
		k := Key(i)
		want[k], keys = true, append(keys, k)
	}
	publish(t, q, keys[300:400]...)
	publish(t, q, keys...)
	publish(t, q) // nothing
	for len(want) > 0 {
		d := receive(t, q)
		if k := d.Message().Key; !want[k] {
			t.Fatalf("%+v came twice, or is unknown", k)
		}
		delete(want, d.Message().Key)
		ack(t, d)
	}
	nothing(t, q, Lease/3)
}

// lapsesAreCounted: holders that say nothing are told from those that give back.
func lapsesAreCounted(t *testing.T, q queue.Queue) {
	publish(t, q, Key(1))
	for i, want := range []queue.Message{{Deliveries: 1}, {Deliveries: 2, Lapsed: 1}, {Deliveries: 3, Lapsed: 2}} {
		if m := receive(t, q).Message(); m.Deliveries != want.Deliveries || m.Lapsed != want.Lapsed {
			t.Fatalf("delivery %d: %+v", i+1, m)
		}
	}
	d := receive(t, q)
	if m := d.Message(); m.Deliveries != 4 || m.Lapsed != 3 {
		t.Fatalf("delivery 4: %+v", m)
	}
	if err := d.Nack(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	d = receive(t, q)
	if m := d.Message(); m.Deliveries != 5 || m.Lapsed != 0 {
		t.Fatalf("after Nack: %+v", m)
	}
	ack(t, d)
}

func renew(t *testing.T, d queue.Delivery, want bool) {
	t.Helper()
	if ok, err := d.Renew(t.Context()); err != nil || ok != want {
		t.Fatalf("Renew of %+v: %v, %v; want %v", d.Message(), ok, err, want)
	}
}

// renewHolds: a slow holder that renews keeps its message for many leases, and no delivery is
// counted; once it says nothing any more the message comes to another.
func renewHolds(t *testing.T, q queue.Queue) {
	publish(t, q, Key(1))
	d := receive(t, q)
	if d.Lease() != Lease {
		t.Fatalf("the lease is %v, the suite wants %v", d.Lease(), Lease)
	}
	for range 9 {
		nothing(t, q, Lease/3)
		renew(t, d, true)
	}
	again := receive(t, q)
	if m := again.Message(); m.Deliveries != 2 || m.Lapsed != 1 {
		t.Fatalf("after nine renewals: %+v", m)
	}
	ack(t, again)
	nothing(t, q, 2*Lease)
}

// lateRenew: a holder that lost the message neither gets it back nor keeps it from the one that has
// it now; and nobody holds what was acknowledged.
func lateRenew(t *testing.T, q queue.Queue) {
	publish(t, q, Key(1))
	lost := receive(t, q)
	again := receive(t, q)
	renew(t, lost, false)
	renew(t, again, true)
	third := receive(t, q)
	if m := third.Message(); m.Deliveries != 3 || m.Lapsed != 2 {
		t.Fatalf("%+v", m)
	}
	renew(t, again, false)
	if err := third.Nack(t.Context(), time.Hour); err != nil {
		t.Fatal(err)
	}
	renew(t, third, false)
	ack(t, lost)
	renew(t, again, false)
}

// lateNack: a holder that lost the message does not take it from the one that has it now.
func lateNack(t *testing.T, q queue.Queue) {
	publish(t, q, Key(1))
	lost := receive(t, q)
	again := receive(t, q)
	if err := lost.Nack(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	nothing(t, q, Lease/3)
	ack(t, again)
	nothing(t, q, 2*Lease)
}

// lateAckOfDelayed: the work was done after all, by a holder that lost the message, while it waits
// for its delay to pass.
func lateAckOfDelayed(t *testing.T, q queue.Queue) {
	publish(t, q, Key(1))
	lost := receive(t, q)
	again := receive(t, q)
	if err := again.Nack(t.Context(), Lease); err != nil {
		t.Fatal(err)
	}
	ack(t, lost)
	nothing(t, q, 2*Lease)
	if d, err := q.Depth(t.Context()); err != nil || d != (queue.Depth{}) {
		t.Fatalf("left over: %+v, %v", d, err)
	}
}

func depth(t *testing.T, q queue.Queue) {
	want := func(w queue.Depth) {
		t.Helper()
		if d, err := q.Depth(t.Context()); err != nil || d != w {
			t.Fatalf("depth %+v, %v; want %+v", d, err, w)
		}
	}
	want(queue.Depth{})
	if err := q.Ready(t.Context()); err != nil {
		t.Fatalf("Ready: %v", err)
	}
	publish(t, q, Key(1), Key(2), Key(3), Key(4))
	want(queue.Depth{Waiting: 4})
	a, b := receive(t, q), receive(t, q)
	want(queue.Depth{Waiting: 2, Held: 2})
	if err := a.Nack(t.Context(), time.Hour); err != nil {
		t.Fatal(err)
	}
	want(queue.Depth{Waiting: 2, Held: 1, Delayed: 1})
	ack(t, b)
	want(queue.Depth{Waiting: 2, Delayed: 1})
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	if err := q.Ready(t.Context()); bongsu.CodeOf(err) != bongsu.CodeUnavailable {
		t.Fatalf("Ready of a closed queue: %v", err)
	}
}
