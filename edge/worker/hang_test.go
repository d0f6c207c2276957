package worker

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"bongsu"
	"bongsu/edge/link"
)

// TestHangEndsTheWorker: a call into C that does not come back cannot be cancelled; the process
// ends itself and says by its status why.
func TestHangEndsTheWorker(t *testing.T) {
	a, b := net.Pipe()
	node := link.NewConn(a, link.Node)
	aborted := make(chan int, 1)
	stuck := &fakeRunner{retired: make(chan struct{})}
	w := New(Options{Conn: link.NewConn(b, link.Worker), Build: func(link.Assignment, Env) (Runner, error) { return stuck, nil },
		Abort: func(status int) { aborted <- status }})
	done := make(chan error, 1)
	go func() { done <- w.Run(t.Context()) }()
	var reading sync.WaitGroup
	reading.Go(func() {
		for {
			if _, err := node.Receive(); err != nil {
				return
			}
		}
	})
	if _, err := node.Send(link.Message{Type: link.TypeAssign, Assign: assignment("a")}); err != nil {
		t.Fatal(err)
	}
	stuck.stuck.Store(true)
	select {
	case status := <-aborted:
		if status != link.ExitStuck {
			t.Errorf("ended with status %d", status)
		}
	case <-time.After(time.Minute):
		t.Error("a hanging worker goes on")
	}
	node.Close()
	<-done
	reading.Wait()
}

// TestHandoverUnderADiskThatHangs: the node answers nothing for long. Put never waits, what was
// sent is bounded, what waits is coalesced, and afterwards every event arrives with its last
// revision.
func TestHandoverUnderADiskThatHangs(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 6))
	const limit = 4 << 20
	sent := make(chan link.Message, 10000)
	var seq uint64
	h := newHandover(limit, func(*bongsu.Frame) ([]byte, error) { return make([]byte, 50<<10), nil },
		func(m link.Message) (uint64, error) { seq++; m.Seq = seq; sent <- m; return seq, nil }, slog.New(slog.DiscardHandler))
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var running sync.WaitGroup
	running.Go(func() { _ = h.run(ctx) })
	last := map[bongsu.EventID]int{}
	var open []bongsu.Event
	worst, most := time.Duration(0), 0
	for range 5000 {
		if len(open) == 0 || rng.IntN(20) == 0 {
			open = append(open, event(0))
		}
		ev := &open[rng.IntN(len(open))]
		ev.Revision++
		last[ev.ID] = ev.Revision
		began := time.Now()
		h.Put(*ev, nil)
		worst = max(worst, time.Since(began))
		h.mu.Lock()
		most = max(most, h.bytes)
		h.mu.Unlock()
	}
	if most > limit+limit/2 {
		t.Errorf("%d bytes are held, the bound is %d", most, limit)
	}
	got, deadline := map[bongsu.EventID]int{}, time.After(time.Minute)
	for h.pending() > 0 {
		select {
		case m := <-sent: // the disk goes on
			got[m.Event.ID] = max(got[m.Event.ID], m.Event.Revision)
			if !h.acked(m.Seq) && rng.IntN(2) == 0 {
				h.retry()
			}
		case <-deadline:
			t.Fatalf("%d revisions were never sent", h.pending())
		}
	}
	for id, rev := range last {
		if got[id] != rev {
			t.Errorf("event %s arrived at revision %d of %d", id, got[id], rev)
		}
	}
	h.mu.Lock()
	coalesced, flying := h.coalesced, h.flying
	h.mu.Unlock()
	if flying != 0 || coalesced == 0 {
		t.Errorf("%d bytes fly, %d revisions were coalesced", flying, coalesced)
	}
	stop()
	running.Wait()
	t.Logf("the worker's side of a disk that hangs: 5000 revisions of %d events while the node answers nothing: the loop waits %s at most, %d KiB held (bound %d), 0 events lost, %d revisions coalesced",
		len(last), worst.Round(time.Microsecond), most>>10, limit>>10, coalesced)
}

// TestStartsAreSpread: cameras that are assigned in one instant start one after the other, the
// first at once.
func TestStartsAreSpread(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	w := New(Options{Conn: link.NewConn(b, link.Worker)})
	defer b.Close()
	var waits []time.Duration
	for range 16 {
		waits = append(waits, w.spread())
	}
	if waits[0] != 0 || !slices.IsSorted(waits) || waits[15] < 15*w.o.StartSpread/2 || waits[15] > 15*w.o.StartSpread*3/2 {
		t.Errorf("%v", waits)
	}
	w.starts = time.Now().Add(-time.Minute)
	if d := w.spread(); d != 0 {
		t.Errorf("later, alone: %s", d)
	}
}
