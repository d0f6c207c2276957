package node

import (
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"bongsu"
	"bongsu/edge/link"
	"bongsu/edge/outbox"
)

// gate is a disk whose writes wait while it is shut.
type gate struct {
	mu   sync.Mutex
	open sync.Cond
	shut bool
}

func newGate() *gate {
	g := &gate{}
	g.open.L = &g.mu
	return g
}

func (g *gate) set(shut bool) {
	g.mu.Lock()
	g.shut = shut
	g.mu.Unlock()
	g.open.Broadcast()
}

func (g *gate) pass() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.shut {
		g.open.Wait()
	}
}

type gatedFS struct {
	outbox.FS
	g *gate
}

func (f gatedFS) Create(name string) (outbox.File, error) {
	f.g.pass()
	file, err := f.FS.Create(name)
	return gatedFile{file, f.g}, err
}

type gatedFile struct {
	outbox.File
	g *gate
}

func (f gatedFile) WriteAt(p []byte, off int64) (int, error) {
	f.g.pass()
	return f.File.WriteAt(p, off)
}

func (f gatedFile) Sync() error {
	f.g.pass()
	return f.File.Sync()
}

// TestDiskHangs stops the disk while a worker sends events with pictures as fast as it may: no
// worker is taken for hung, reports go on, memory stays bounded, the operator hears of it, and
// when the disk goes on nothing is lost.
func TestDiskHangs(t *testing.T) {
	t.Parallel()
	hang := 12 * time.Second
	if os.Getenv("BONGSU_LONG") != "" {
		hang = time.Minute
	}
	dir, g := t.TempDir(), newGate()
	box, err := outbox.Open(dir, outbox.Options{FS: gatedFS{outbox.Disk(dir), g}, SegmentBytes: 64 << 20, ReserveBytes: -1, MinFreeBytes: -1})
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, func(o *Options, _ *fleet) { o.Outbox, o.CamerasPerWorker, o.HealthTimeout = box, 1, 6*time.Second })
	r.Assign(assignments("yard", "gate"))
	w, other := r.worker(t, "yard"), r.worker(t, "gate")
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapInuse
	}
	before := heap()
	g.set(true)
	shut := time.Now()
	const events = 450
	picture := make([]byte, 60<<10)
	const window = 40 // unanswered: more than a worker's hand-over sends
	var sending sync.WaitGroup
	sending.Go(func() {
		for sent := range events {
			for tick := time.NewTicker(time.Millisecond); ; {
				w.mu.Lock()
				answered := len(w.answers)
				w.mu.Unlock()
				if sent-answered < window || w.dead() {
					tick.Stop()
					break
				}
				<-tick.C
			}
			w.send(link.Message{Type: link.TypeEvent, Event: anEvent("yard", 1, bongsu.EventClosed), Snapshot: picture})
		}
	})
	alarm := time.Duration(0)
	var gap time.Duration
	most, last := before, time.Now()
	for time.Since(shut) < hang {
		for _, h := range r.Health() {
			if h.Code == "disk-hangs" && alarm == 0 {
				alarm = time.Since(shut)
			}
		}
		select {
		case <-r.Changed():
		case <-time.After(50 * time.Millisecond):
		}
		if r.state("gate").State == bongsu.CameraLive {
			gap, last = max(gap, time.Since(last)), time.Now()
		}
		most = max(most, heap())
	}
	if alarm == 0 {
		t.Errorf("no alarm in %s", hang)
	}
	if w.dead() || other.dead() {
		t.Error("a worker was taken for hung because the disk hangs")
	}
	g.set(false)
	sending.Wait()
	eventually(t, "all stored", func() bool { return box.Counts().Events.Created == events || w.dead() })
	if n := box.Counts().Events.Created; n != events {
		t.Errorf("the worker was taken for hung after the disk went on, with %d of %d events stored", n, events)
	}
	if more := int64(most) - int64(before); more > 64<<20 {
		t.Errorf("memory grew by %d MiB", more>>20)
	}
	t.Logf("figure R6: the disk hung for %s under %d events with pictures: alarm after %s, heap grew by %d MiB, longest gap between looks at a live camera %s, 0 of %d events lost, no worker killed",
		hang, events, alarm.Round(100*time.Millisecond), (int64(most)-int64(before))>>20, gap.Round(time.Millisecond), events)
}
