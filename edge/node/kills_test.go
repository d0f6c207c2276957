package node

import (
	"errors"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"bongsu"
	"bongsu/edge/link"
	"bongsu/edge/outbox"
)

// TestRandomKills runs workers that make, revise and close events while they are killed at
// random, and compares with what they were promised: nothing acknowledged is lost, nothing is
// doubled, and every event is closed once.
func TestRandomKills(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	acked := &journal{keys: map[bongsu.EventKey]bool{}}
	kills := 30
	if os.Getenv("BONGSU_LONG") != "" {
		kills = 500
	}
	r := newRig(t, func(o *Options, f *fleet) {
		o.CamerasPerWorker, o.CrashPause, o.RestartBackoff = 2, time.Millisecond, time.Millisecond
		o.AdoptTimeout = time.Minute
		f.onTold = func(w *fakeWorker, m *link.Message) { acked.told(w, m) }
	})
	ids := []bongsu.CameraID{"a", "b", "c", "d"}
	r.Assign(assignments(ids...))
	for range kills {
		w := r.worker(t, ids[rng.IntN(len(ids))])
		before := acked.len()
		want := before + rng.IntN(40)
		eventually(t, "some work was done", func() bool { return acked.len() >= want || w.dead() })
		w.die(errors.New("signal: killed"))
	}
	for _, id := range ids {
		r.worker(t, id)
	}
	before := acked.len()
	eventually(t, "work goes on", func() bool { return acked.len() > before+50 })
	r.stop()
	box, err := outbox.Open(r.dir, outbox.Options{SegmentBytes: 256 << 10, ReserveBytes: -1, MinFreeBytes: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer box.Close()
	recs, err := box.PendingEvents(false, 1<<20, 1<<30, nil)
	if err != nil {
		t.Fatal(err)
	}
	stored, closed := map[bongsu.EventKey]bool{}, map[bongsu.EventID]int{}
	for i := range recs {
		ev := &recs[i].Event
		if stored[ev.Key()] {
			t.Errorf("%v is doubled", ev.Key())
		}
		stored[ev.Key()] = true
		if at, done := closed[ev.ID]; done {
			t.Errorf("event %s has revision %d after it was closed at %d", ev.ID, ev.Revision, at)
		}
		if ev.State == bongsu.EventClosed {
			closed[ev.ID] = ev.Revision
		}
	}
	for k := range acked.keys {
		if !stored[k] {
			t.Errorf("%v was acknowledged and is lost", k)
		}
	}
	rep, err := outbox.Check(r.dir)
	if err != nil || len(rep.Violations) != 0 {
		t.Errorf("%+v, %v", rep, err)
	}
	t.Logf("%d kills, %d revisions acknowledged, %d events closed", kills, len(acked.keys), len(closed))
}

// journal is what fake workers know: which revisions were acknowledged to them. They send the
// next message when the last one was acknowledged.
type journal struct {
	mu   sync.Mutex
	keys map[bongsu.EventKey]bool
	wait map[*fakeWorker]map[uint64]*bongsu.Event
}

func (j *journal) len() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.keys)
}

func (j *journal) told(w *fakeWorker, m *link.Message) {
	switch m.Type {
	case link.TypeAssign:
		w.mu.Lock()
		open := w.open[m.Assign.Camera]
		delete(w.open, m.Assign.Camera)
		w.mu.Unlock()
		for i := range open { // its machine continues what the lost one left
			open[i].Revision++
			j.send(w, &open[i])
		}
		j.send(w, anEvent(m.Assign.Camera, 1, bongsu.EventOpen))
	case link.TypeAck:
		j.mu.Lock()
		ev := j.wait[w][m.Ref]
		if ev != nil {
			delete(j.wait[w], m.Ref)
			j.keys[ev.Key()] = true
		}
		j.mu.Unlock()
		switch {
		case ev == nil:
		case ev.State == bongsu.EventClosed:
			j.send(w, anEvent(ev.Camera, 1, bongsu.EventOpen))
		default:
			next := *ev
			next.Revision++
			if next.Revision > 3 {
				next.State = bongsu.EventClosed
			}
			j.send(w, &next)
		}
	}
}

func (j *journal) send(w *fakeWorker, ev *bongsu.Event) {
	j.mu.Lock() // the ack is looked at only when the number is noted
	defer j.mu.Unlock()
	if seq := w.send(link.Message{Type: link.TypeEvent, Event: ev}); seq > 0 {
		if j.wait == nil {
			j.wait = map[*fakeWorker]map[uint64]*bongsu.Event{}
		}
		if j.wait[w] == nil {
			j.wait[w] = map[uint64]*bongsu.Event{}
		}
		j.wait[w][seq] = ev
	}
}
