package outbox

import (
	"fmt"
	"testing"

	"bongsu"
)

// lostOf lists the parts of which the cloud is still to be told, as event number and state.
func lostOf(o *Outbox) (out []string) {
	for _, c := range o.LostClips(1 << 20) {
		out = append(out, fmt.Sprintf("%s %s", c.Event[len(c.Event)-1:], c.State))
	}
	return out
}

// TestLostClipsAreToldOnce follows parts that never reach the cloud: they are remembered over
// restarts and while the log is given up behind them, until the cloud has been told.
func TestLostClipsAreToldOnce(t *testing.T) {
	m := newMemFS()
	opt := testOptions(m)
	opt.MaxClipBytes = 100
	o := mustOpen(t, opt)
	for n := range 3 {
		put(t, o, anEvent(n, 1, bongsu.EventClosed))
		if err := writeClip(o, m, eventID(n), 0, make([]byte, 90)); err != nil {
			t.Fatal(err)
		}
	}
	if err := o.FailClip(bongsu.ClipKey{Event: eventID(2)}, "refused"); err != nil {
		t.Fatal(err)
	}
	if err := o.Enforce(); err != nil {
		t.Fatal(err)
	}
	want := "[0 evicted 2 failed]"
	for n := 10; n < 200; n++ { // the log turns over
		r := anEvent(n, 1, bongsu.EventClosed)
		put(t, o, r)
		if err := o.AckEvents(r.Event.Key()); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if got := fmt.Sprint(lostOf(o)); got != want {
			t.Fatalf("to be told: %s, want %s", got, want)
		}
		sumsHold(t, o)
		o.Close()
		o = mustOpen(t, opt)
	}
	for range 2 { // an answer that was lost makes it be said twice
		if err := o.LostClipTold(bongsu.ClipKey{Event: eventID(0)}); err != nil {
			t.Fatal(err)
		}
	}
	want = "[2 failed]"
	for range 2 {
		if got := fmt.Sprint(lostOf(o)); got != want {
			t.Fatalf("after one was told: %s, want %s", got, want)
		}
		o.Close()
		o = mustOpen(t, opt)
	}
	if c := o.Counts().Clips; c.Evicted != 1 || c.Failed != 1 || c.Pending != 1 || c.Created != 3 {
		t.Errorf("%+v", c)
	}
	if rep, err := check(m); err != nil || len(rep.Violations) > 0 {
		t.Errorf("%+v, %v", rep, err)
	}
}

// TestLostClipsAreBounded: a cloud that never comes back does not make the log grow for ever.
func TestLostClipsAreBounded(t *testing.T) {
	m := newMemFS()
	opt := testOptions(m)
	opt.SegmentBytes = 1 << 20
	o := mustOpen(t, opt)
	o.mu.Lock()
	for n := range keepLost {
		c := bongsu.Clip{Event: eventID(n + 10), State: bongsu.ClipEvicted}
		o.state.lost[c.Key()] = &row{clip: c, order: 0}
	}
	o.mu.Unlock()
	for n := range 2 {
		if err := writeClip(o, m, eventID(n), 0, []byte("x")); err != nil {
			t.Fatal(err)
		}
		if err := o.FailClip(bongsu.ClipKey{Event: eventID(n)}, "refused"); err != nil {
			t.Fatal(err)
		}
	}
	if err := o.Enforce(); err != nil {
		t.Fatal(err)
	}
	if n := len(o.LostClips(1 << 20)); n > keepLost || n < keepLost/2 {
		t.Errorf("%d lost parts are kept, at most %d should be", n, keepLost)
	}
	newest := o.LostClips(1 << 20)
	if last := newest[len(newest)-1]; last.Event != eventID(1) {
		t.Errorf("the newest is %s", last.Event)
	}
}

// TestLockIsWaitedFor: a check that holds the lock for an instant does not keep an edge from
// starting.
func TestLockIsWaitedFor(t *testing.T) {
	d := Disk(t.TempDir())
	held, err := d.Lock("lock")
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan error, 1)
	go func() {
		l, err := d.Lock("lock")
		if err == nil {
			err = l.Close()
		}
		got <- err
	}()
	if err := held.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-got; err != nil {
		t.Errorf("a lock that was let go: %v", err)
	}
}
