package outbox

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"bongsu"
)

// hangs makes the next call of a kind wait until goOn is closed, and tells on began that it does.
func hangs(m *memFS, kind string) (began, goOn chan struct{}) {
	began, goOn = make(chan struct{}), make(chan struct{})
	var once sync.Once
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail = func(op, _ string) error {
		if op == kind {
			once.Do(func() {
				m.mu.Unlock()
				close(began)
				<-goOn
				m.mu.Lock()
			})
		}
		return nil
	}
	return began, goOn
}

// TestDiskHangs: while a call of any kind does not return, Health says so and does not block,
// callers wait without anything growing, and all that they put is there when it goes on (row R6).
func TestDiskHangs(t *testing.T) {
	const callers = 32
	for _, kind := range []string{"write", "sync", "create", "allocate", "syncdir", "remove"} {
		m := newMemFS()
		var ahead atomic.Int64
		opt := testOptions(m)
		opt.Now = func() time.Time { return testTime.Add(time.Duration(ahead.Load())) }
		o := mustOpen(t, opt)
		put(t, o, anEvent(0, 1, bongsu.EventClosed))
		began, goOn := hangs(m, kind)
		var wg sync.WaitGroup
		for c := range callers {
			wg.Go(func() {
				for n := range 20 { // enough for segments to turn over and to be given up
					rec := anEvent(1+c*20+n, 1, bongsu.EventClosed)
					if _, err := o.PutEvent(rec); err != nil {
						t.Error(err)
					}
					if n%2 == 0 {
						if err := o.AckEvents(rec.Event.Key()); err != nil {
							t.Error(err)
						}
					}
				}
			})
		}
		<-began
		before := heap()
		ahead.Store(int64(hangAfter + time.Second))
		if h := o.Health(); len(h) != 1 || h[0].Code != problemHang {
			t.Errorf("%s hangs: %+v", kind, h)
		}
		sumsHold(t, o)
		if grown := heap() - before; grown > 8<<20 {
			t.Errorf("%s hangs: %d bytes more in memory", kind, grown)
		}
		close(goOn)
		wg.Wait()
		if h := o.Health(); len(h) != 0 {
			t.Errorf("%s goes on: %+v", kind, h)
		}
		if c := o.Counts().Events; c.Created != callers*20+1 || c.Acked != callers*10 {
			t.Errorf("%s goes on: %+v", kind, c)
		}
		after := m.cut(0)
		if got := pendingKeys(t, mustOpen(t, testOptions(after)), false); len(got) != callers*10+1 {
			t.Errorf("%s hung: %d of %d are durable", kind, len(got), callers*10+1)
		}
	}
	t.Logf("figure R6: outbox: each kind of call hangs under %d callers: alarm after %v, 0 events lost after it goes on", callers, hangAfter+time.Second)
}

func heap() int64 {
	var ms runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&ms)
	return int64(ms.HeapAlloc)
}

// TestReadOnlyDisk: revisions that went to the cloud past a disk that is read-only are known
// while it is, and stored when it can be written again (row R7).
func TestReadOnlyDisk(t *testing.T) {
	m := newMemFS()
	o := mustOpen(t, testOptions(m))
	put(t, o, anEvent(1, 1, bongsu.EventOpen), anEvent(2, 1, bongsu.EventOpen))
	if err := o.AckEvents(keysOf([]bongsu.EventRecord{anEvent(1, 1, bongsu.EventOpen), anEvent(2, 1, bongsu.EventOpen)})...); err != nil {
		t.Fatal(err)
	}
	m.mu.Lock()
	m.fail = func(string, string) error { return syscall.EROFS }
	m.mu.Unlock()
	for _, rec := range []bongsu.EventRecord{anEvent(1, 2, bongsu.EventClosed), anEvent(2, 2, bongsu.EventOpen),
		anEvent(3, 1, bongsu.EventOpen), anEvent(4, 1, bongsu.EventOpen), anEvent(4, 2, bongsu.EventClosed), anEvent(4, 1, bongsu.EventOpen)} {
		if known, err := o.PutEvent(rec); err == nil && !known {
			t.Fatal("stored on a read-only disk")
		} else if err != nil && !errors.Is(err, syscall.EROFS) {
			t.Fatal(err)
		}
		o.TakeSent(rec)
	}
	if h := o.Health(); len(h) != 1 || h[0].Code != problemWrite {
		t.Errorf("%+v", h)
	}
	want := map[bongsu.EventKey]bool{{ID: eventID(2), Revision: 2}: true, {ID: eventID(3), Revision: 1}: true}
	if err := isOpen(o, want); err != nil {
		t.Error("while it is read-only:", err)
	}
	if known, err := o.PutEvent(anEvent(4, 2, bongsu.EventClosed)); err != nil || !known {
		t.Errorf("what the cloud has is not known: %v", err)
	}
	if err := o.Enforce(); err == nil {
		t.Error("stored on a read-only disk")
	}
	m.mu.Lock()
	m.fail = nil
	m.mu.Unlock()
	put(t, o, anEvent(3, 2, bongsu.EventOpen)) // before the one before it
	if err := o.Enforce(); err != nil {
		t.Fatal(err)
	}
	delete(want, bongsu.EventKey{ID: eventID(3), Revision: 1})
	want[bongsu.EventKey{ID: eventID(3), Revision: 2}] = true
	again := mustOpen(t, testOptions(m.cut(0)))
	for name, box := range map[string]*Outbox{"now": o, "after a power cut": again} {
		if err := isOpen(box, want); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		sumsHold(t, box)
	}
	recs, err := again.PendingEvents(false, 100, 1<<20, nil)
	if err != nil || len(recs) != 4 {
		t.Fatalf("%d are told again, %v", len(recs), err)
	}
	for _, r := range recs {
		if late := r.Event.ID == eventID(3); r.Event.Unspooled == late {
			t.Errorf("%v: unspooled %v", r.Event.Key(), r.Event.Unspooled)
		}
	}
}

func isOpen(o *Outbox, want map[bongsu.EventKey]bool) error {
	open, err := o.OpenEvents("")
	if err != nil {
		return err
	}
	for i := range open {
		if !want[open[i].Key()] {
			return fmt.Errorf("%v is open", open[i].Key())
		}
	}
	if len(open) != len(want) {
		return fmt.Errorf("%d are open, not %d", len(open), len(want))
	}
	if other, err := o.OpenEvents("gate"); err != nil || len(other) != 0 {
		return fmt.Errorf("another camera's: %v, %w", other, err)
	}
	return nil
}

// TestSentIsBounded: of very many events that went past the disk the oldest are forgotten.
func TestSentIsBounded(t *testing.T) {
	o := mustOpen(t, testOptions(newMemFS()))
	for n := range maxSent + 10 {
		o.TakeSent(anEvent(n, 1, bongsu.EventOpen))
	}
	if open, err := o.OpenEvents(""); err != nil || len(open) != maxSent || open[0].ID != eventID(10) {
		t.Errorf("%d are remembered, %v", len(open), err)
	}
}
