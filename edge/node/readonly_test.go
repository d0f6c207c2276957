package node

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"bongsu"
	"bongsu/edge/link"
	"bongsu/edge/outbox"
)

// readOnlyFS is a disk that can be made read-only.
type readOnlyFS struct {
	outbox.FS
	on *atomic.Bool
}

func (f readOnlyFS) refuse() error {
	if f.on.Load() {
		return syscall.EROFS
	}
	return nil
}

func (f readOnlyFS) Create(name string) (outbox.File, error) {
	if err := f.refuse(); err != nil {
		return nil, err
	}
	file, err := f.FS.Create(name)
	return readOnlyFile{file, f}, err
}

type readOnlyFile struct {
	outbox.File
	fs readOnlyFS
}

func (f readOnlyFile) WriteAt(b []byte, off int64) (int, error) {
	if err := f.fs.refuse(); err != nil {
		return 0, err
	}
	return f.File.WriteAt(b, off)
}

// farCloud is a cloud that SendNow reaches.
type farCloud struct {
	mu   sync.Mutex
	keys []bongsu.EventKey
	away bool
}

func (c *farCloud) take(_ context.Context, rec bongsu.EventRecord) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.away {
		return errors.New("the cloud is away")
	}
	c.keys = append(c.keys, rec.Event.Key())
	return nil
}

func (c *farCloud) has(k bongsu.EventKey) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Contains(c.keys, k)
}

// TestReadOnlyDisk: while the disk is read-only events go to the cloud past it and their worker
// is acknowledged; what goes neither way waits. Afterwards all are known to the outbox, and an
// event that is open is handed to a successor as the cloud has it (row R7).
func TestReadOnlyDisk(t *testing.T) {
	var readOnly atomic.Bool
	cloud := new(farCloud)
	dir := t.TempDir()
	box, err := outbox.Open(dir, outbox.Options{FS: readOnlyFS{outbox.Disk(dir), &readOnly}, SegmentBytes: 256 << 10, ReserveBytes: -1, MinFreeBytes: -1})
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, func(o *Options, _ *fleet) {
		o.Outbox, o.SendNow, o.RestartBackoff = box, cloud.take, time.Millisecond
	})
	r.Assign(assignments("a"))
	w := r.worker(t, "a")
	spooled := anEvent("a", 1, bongsu.EventOpen)
	w.ask(t, link.Message{Type: link.TypeEvent, Event: spooled})
	readOnly.Store(true)
	var took []time.Duration
	for range 50 {
		ev := anEvent("a", 1, bongsu.EventClosed)
		began := time.Now()
		if a := w.ask(t, link.Message{Type: link.TypeEvent, Event: ev}); a == nil || a.Type != link.TypeAck || !cloud.has(ev.Key()) {
			t.Fatalf("%+v; in the cloud %v", a, cloud.has(ev.Key()))
		}
		took = append(took, time.Since(began))
	}
	next := *spooled
	next.Revision = 2
	w.ask(t, link.Message{Type: link.TypeEvent, Event: &next})
	if !slices.ContainsFunc(box.Health(), func(p outbox.Problem) bool { return p.Code == "write-failed" }) {
		t.Errorf("no alarm: %+v", box.Health())
	}
	cloud.mu.Lock()
	cloud.away = true
	cloud.mu.Unlock()
	waits := anEvent("a", 1, bongsu.EventClosed)
	seq := w.send(link.Message{Type: link.TypeEvent, Event: waits})
	eventually(t, "both ways were tried", func() bool { return box.Health()[0].Count > 60 })
	w.mu.Lock()
	if w.answers[seq] != nil {
		t.Errorf("acknowledged, and nobody has it: %+v", w.answers[seq])
	}
	w.mu.Unlock()
	readOnly.Store(false)
	eventually(t, "the last one is stored", func() bool { w.mu.Lock(); defer w.mu.Unlock(); return w.answers[seq] != nil })
	w.die(errors.New("signal: killed"))
	eventually(t, "a successor continues as the cloud has it", func() bool {
		s := r.fleet.with("a")
		if s == nil || s == w {
			return false
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.open["a"]) == 1 && s.open["a"][0].Revision == 2
	})
	eventually(t, "all are in the outbox", func() bool { return len(r.pending(t)) == 50+3 })
	slices.Sort(took)
	t.Logf("figure R7: node: 51 of 51 revisions brought to the cloud past a read-only disk and acknowledged, p95 %v; known to the outbox afterwards", took[len(took)*95/100].Round(time.Microsecond))
}
