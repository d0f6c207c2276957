package node

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"bongsu"
	"bongsu/edge/link"
	"bongsu/edge/obs"
	"bongsu/edge/outbox"
)

func TestEventIsDurableBeforeItsAck(t *testing.T) {
	r := newRig(t, nil)
	r.Assign(assignments("yard"))
	w := r.worker(t, "yard")
	ev := anEvent("yard", 1, bongsu.EventClosed)
	a := w.ask(t, link.Message{Type: link.TypeEvent, Event: ev, Snapshot: []byte("jpeg")})
	if a == nil || a.Type != link.TypeAck {
		t.Fatalf("got %+v", a)
	}
	recs := r.pending(t)
	if len(recs) != 1 {
		t.Fatalf("%d records", len(recs))
	}
	got := recs[0].Event
	if got.ID != ev.ID || got.Edge != "edge-1" || got.CameraName != "name of yard" || got.Clock.WallQuality != "synchronised" ||
		got.Stamps.DurableUS == 0 || string(recs[0].Snapshot) != "jpeg" {
		t.Errorf("got %+v", recs[0])
	}
	if a := w.ask(t, link.Message{Type: link.TypeEvent, Event: ev}); a == nil || a.Type != link.TypeAck {
		t.Errorf("the same revision again: %+v", a)
	}
	if c := r.box.Counts().Events; c.Created != 1 {
		t.Errorf("%+v", c)
	}
}

func TestClipThroughTheNode(t *testing.T) {
	r := newRig(t, nil)
	r.Assign(assignments("yard"))
	w := r.worker(t, "yard")
	clip := bongsu.Clip{Event: bongsu.NewEventID(time.Now()), Camera: "yard", State: bongsu.ClipWriting}
	a := w.ask(t, link.Message{Type: link.TypeClipOpen, Clip: &clip})
	if a == nil || a.Type != link.TypeAck || filepath.Dir(filepath.Dir(a.Path)) != r.dir {
		t.Fatalf("got %+v", a)
	}
	if again := w.ask(t, link.Message{Type: link.TypeClipOpen, Clip: &clip}); again.Type != link.TypeNack || again.Code != bongsu.CodeConflict || !strings.Contains(again.Message, "exists already") {
		t.Errorf("the same part again: %+v", again)
	}
	if err := os.WriteFile(a.Path, []byte("video"), 0o600); err != nil {
		t.Fatal(err)
	}
	clip.State, clip.Bytes, clip.SHA256 = bongsu.ClipReady, 5, strings.Repeat("ab", 32)
	if a := w.ask(t, link.Message{Type: link.TypeClipClosed, Clip: &clip}); a.Type != link.TypeAck {
		t.Fatalf("got %+v", a)
	}
	if got := r.box.PendingClips(10, nil); len(got) != 1 || got[0].State != bongsu.ClipReady {
		t.Errorf("got %+v", got)
	}
	other := clip
	other.Part = 7
	if a := w.ask(t, link.Message{Type: link.TypeClipClosed, Clip: &other}); a.Type != link.TypeNack {
		t.Errorf("a part that was not opened: %+v", a)
	}
	foreign := bongsu.Clip{Event: clip.Event, Part: 9, Camera: "elsewhere"}
	if a := w.ask(t, link.Message{Type: link.TypeClipOpen, Clip: &foreign}); a.Type != link.TypeNack {
		t.Errorf("a camera of somebody else: %+v", a)
	}
}

// TestKilledWorker: its cameras are analysed again soon, its open events and clips are dealt
// with, and the cameras of others are not touched.
func TestKilledWorker(t *testing.T) {
	r := newRig(t, func(o *Options, _ *fleet) { o.CamerasPerWorker = 1 })
	r.Assign(assignments("yard", "gate"))
	w, other := r.worker(t, "yard"), r.worker(t, "gate")
	if w == other {
		t.Fatal("two cameras in a worker for one")
	}
	ev := anEvent("yard", 1, bongsu.EventOpen)
	w.ask(t, link.Message{Type: link.TypeEvent, Event: ev})
	clip := bongsu.Clip{Event: ev.ID, Camera: "yard"}
	path := w.ask(t, link.Message{Type: link.TypeClipOpen, Clip: &clip}).Path
	if err := os.WriteFile(path, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	killed := time.Now()
	w.die(errors.New("signal: killed"))
	next := r.worker(t, "yard")
	t.Logf("assigned again after %v", time.Since(killed))
	if want := []string{"open_events yard 1", "assign yard"}; !slices.Equal(next.told(), want) {
		t.Errorf("the next worker was told %v, want %v", next.told(), want)
	}
	if got := next.open["yard"]; len(got) != 1 || got[0].ID != ev.ID || got[0].ClipParts != 1 {
		t.Errorf("open events: %+v", got)
	}
	if got := r.box.PendingClips(10, nil); len(got) != 1 || got[0].State != bongsu.ClipTorn {
		t.Errorf("clips: %+v", got)
	}
	if !other.has("gate") || !slices.Equal(other.told(), []string{"open_events gate 0", "assign gate"}) {
		t.Errorf("the other worker was told %v", other.told())
	}
	eventually(t, "live again", func() bool { return r.state("yard").State == bongsu.CameraLive })
	if d := r.DebugCameras(); d[0].Deaths != 1 || d[1].Deaths != 0 {
		t.Errorf("%+v", d)
	}
}

func TestHungWorkerIsKilled(t *testing.T) {
	first := true
	r := newRig(t, func(o *Options, f *fleet) {
		o.HealthTimeout = 200 * time.Millisecond
		f.onStart = func(w *fakeWorker) { w.mute, w.deaf, first = first, true, false }
	})
	r.Assign(assignments("yard"))
	eventually(t, "killed and replaced", func() bool { return len(r.fleet.workers()) == 2 })
	if w := r.fleet.workers()[0]; !w.dead() || !strings.Contains(w.err.Error(), "killed") {
		t.Errorf("%v", w.err)
	}
	eventually(t, "live", func() bool { return r.state("yard").State == bongsu.CameraLive })
}

func TestWorkerThatNeverGreetsIsKilled(t *testing.T) {
	r := newRig(t, func(o *Options, f *fleet) {
		o.HealthTimeout = 100 * time.Millisecond
		f.noHello = true
		f.onStart = func(w *fakeWorker) { w.mute = true }
	})
	r.Assign(assignments("yard"))
	eventually(t, "killed", func() bool { ws := r.fleet.workers(); return len(ws) > 0 && ws[0].dead() })
	if told := r.fleet.workers()[0].told(); len(told) != 0 {
		t.Errorf("it was told %v before it said hello", told)
	}
}

func TestBrokenProtocolEndsAWorker(t *testing.T) {
	for name, m := range map[string][]link.Message{
		"hello twice": {{Type: link.TypeHello, PID: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil)
			r.Assign(assignments("yard"))
			w := r.worker(t, "yard")
			for _, x := range m {
				w.send(x)
			}
			eventually(t, "ended", w.dead)
		})
	}
	t.Run("rubbish", func(t *testing.T) {
		r := newRig(t, nil)
		r.Assign(assignments("yard"))
		w := r.worker(t, "yard")
		if _, err := w.conn.Write([]byte{0xff, 0xff, 0xff, 0xff}); err != nil {
			t.Fatal(err)
		}
		eventually(t, "ended", w.dead)
		eventually(t, "replaced", func() bool { return len(r.fleet.workers()) > 1 })
	})
}

func TestEventOfAForeignCameraIsRefused(t *testing.T) {
	r := newRig(t, nil)
	r.Assign(assignments("yard"))
	w := r.worker(t, "yard")
	if a := w.ask(t, link.Message{Type: link.TypeEvent, Event: anEvent("elsewhere", 1, bongsu.EventOpen)}); a.Type != link.TypeAck {
		t.Errorf("got %+v: an ack keeps the worker from sending it for ever", a)
	}
	if c := r.box.Counts().Events; c.Created != 0 {
		t.Errorf("%+v", c)
	}
}

// TestCameraThatKillsItsWorkerIsPutAlone: the others run on, and it is left alone for a while
// in the end.
func TestCameraThatKillsItsWorkerIsPutAlone(t *testing.T) {
	r := newRig(t, func(o *Options, f *fleet) {
		f.onTold = func(w *fakeWorker, m *link.Message) {
			if m.Type == link.TypeAssign && m.Assign.Camera == "bad" {
				w.die(errors.New("signal: segmentation fault"))
			}
		}
	})
	r.Assign(assignments("a", "b", "bad", "c"))
	eventually(t, "the bad one is left alone", func() bool { return r.state("bad").Code == "worker-crashes" })
	for _, id := range []bongsu.CameraID{"a", "b", "c"} {
		eventually(t, "live: "+string(id), func() bool { return r.state(id).State == bongsu.CameraLive })
	}
	if s := r.state("bad"); s.State != bongsu.CameraFailed || !strings.Contains(s.Reason, "segmentation fault") {
		t.Errorf("%+v", s)
	}
	if h := r.Health(); len(h) != 1 || h[0].Code != "camera-failed" || !strings.Contains(h[0].Message, "bad") {
		t.Errorf("%+v", h)
	}
	started := len(r.fleet.workers())
	if started > 20 {
		t.Errorf("%d workers were started", started)
	}
	fixed := assignments("a", "b", "bad", "c")
	fixed[2].URL = "rtsp://192.0.2.9/mended"
	r.Assign(fixed)
	eventually(t, "a changed camera is tried at once", func() bool { return len(r.fleet.workers()) > started })
}

func TestOnlyChangedCamerasAreTouched(t *testing.T) {
	r := newRig(t, func(o *Options, _ *fleet) { o.CamerasPerWorker = 2 })
	all := assignments("a", "b", "c")
	r.Assign(all)
	wa, wc := r.worker(t, "a"), r.worker(t, "c")
	r.worker(t, "b")
	all[1].InferPS = 5
	r.Assign(all)
	eventually(t, "b was told", func() bool {
		return changedB(wa)
	})
	r.Assign([]link.Assignment{all[0], all[2]})
	eventually(t, "b was taken away", func() bool { return slices.Contains(wa.told(), "unassign b") })
	r.Assign(all)
	eventually(t, "b is back where it was", func() bool { return wa.has("b") })
	want := []string{"open_events a 0", "assign a", "open_events b 0", "assign b", "assign b", "unassign b", "assign b"}
	if !slices.Equal(wa.told(), want) {
		t.Errorf("told %v,\nwant %v", wa.told(), want)
	}
	if got := wc.told(); !slices.Equal(got, []string{"open_events c 0", "assign c"}) {
		t.Errorf("the worker of c was told %v", got)
	}
	if len(r.fleet.workers()) != 2 {
		t.Errorf("%d workers", len(r.fleet.workers()))
	}
}

func changedB(w *fakeWorker) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.cameras["b"].InferPS == 5
}

func TestLastWishCounts(t *testing.T) {
	n := New(Options{})
	for i := range 100 {
		n.Assign(assignments(bongsu.CameraID(fmt.Sprintf("c%d", i))))
	}
	if got := <-n.assign; len(got) != 1 || got[0].Camera != "c99" {
		t.Errorf("got %v", got)
	}
}

// TestNobodyContinues: without a successor the node closes open events itself.
func TestNobodyContinues(t *testing.T) {
	r := newRig(t, func(o *Options, _ *fleet) { o.AdoptTimeout = 100 * time.Millisecond })
	r.Assign(assignments("yard"))
	w := r.worker(t, "yard")
	kept, gone := anEvent("yard", 3, bongsu.EventOpen), anEvent("yard", 1, bongsu.EventClosed)
	w.ask(t, link.Message{Type: link.TypeEvent, Event: kept})
	w.ask(t, link.Message{Type: link.TypeEvent, Event: gone})
	r.fleet.mu.Lock()
	r.fleet.refuse = errors.New("no such file")
	r.fleet.mu.Unlock()
	w.die(errors.New("signal: killed"))
	eventually(t, "closed", func() bool { open, err := r.box.OpenEvents(""); return err == nil && len(open) == 0 })
	recs := r.pending(t)
	last := recs[len(recs)-1].Event
	if len(recs) != 3 || last.ID != kept.ID || last.Revision != 4 || last.CloseReason != bongsu.CloseInterrupted {
		t.Errorf("%d records, last %+v", len(recs), last)
	}
	eventually(t, "the reason is shown", func() bool { return strings.Contains(r.state("yard").Reason, "no such file") })
}

// TestOpenEventsOfAFormerLife: after a restart of the node, events of cameras that are still
// there go to their workers, those of others are closed.
func TestOpenEventsOfAFormerLife(t *testing.T) {
	dir := t.TempDir()
	box, err := outbox.Open(dir, outbox.Options{SegmentBytes: 64 << 10, ReserveBytes: -1, MinFreeBytes: -1})
	if err != nil {
		t.Fatal(err)
	}
	here, gone := anEvent("yard", 1, bongsu.EventOpen), anEvent("sold", 1, bongsu.EventOpen)
	for _, ev := range []*bongsu.Event{here, gone} {
		if _, err := box.PutEvent(bongsu.EventRecord{Event: *ev}); err != nil {
			t.Fatal(err)
		}
	}
	r := newRig(t, func(o *Options, _ *fleet) { o.Outbox, o.AdoptTimeout = box, 200*time.Millisecond })
	r.Assign(assignments("yard"))
	w := r.worker(t, "yard")
	if len(w.open["yard"]) != 1 {
		t.Errorf("open: %+v", w.open)
	}
	eventually(t, "the other is closed", func() bool { open, err := box.OpenEvents(""); return err == nil && len(open) == 1 })
	recs := r.pending(t)
	if last := recs[len(recs)-1].Event; last.ID != gone.ID || last.CloseReason != bongsu.CloseRuleRemoved {
		t.Errorf("%+v", last)
	}
}

func TestShutdownEndsDeafWorkers(t *testing.T) {
	r := newRig(t, func(o *Options, f *fleet) {
		o.CamerasPerWorker = 1
		f.onStart = func(w *fakeWorker) { w.deaf = w.pid == 1000 }
	})
	r.Assign(assignments("a", "b"))
	r.worker(t, "a")
	r.worker(t, "b")
	r.stop()
	for _, w := range r.fleet.workers() {
		if w.sigterms != 1 || !w.dead() {
			t.Errorf("worker %d: %d SIGTERMs, dead: %v", w.pid, w.sigterms, w.dead())
		}
	}
	if len(r.fleet.workers()) != 2 {
		t.Errorf("%d workers: some were started again", len(r.fleet.workers()))
	}
}

// TestFlood: a worker that sends without pause keeps nobody else from being heard.
func TestFlood(t *testing.T) {
	r := newRig(t, func(o *Options, _ *fleet) { o.CamerasPerWorker = 1 })
	r.Assign(assignments("loud", "quiet"))
	loud, quiet := r.worker(t, "loud"), r.worker(t, "quiet")
	const n = 2000
	var sent sync.WaitGroup
	sent.Go(func() {
		for range n {
			loud.send(link.Message{Type: link.TypeEvent, Event: anEvent("loud", 1, bongsu.EventClosed)})
		}
	})
	began := time.Now()
	if a := quiet.ask(t, link.Message{Type: link.TypeEvent, Event: anEvent("quiet", 1, bongsu.EventClosed)}); a == nil || a.Type != link.TypeAck {
		t.Errorf("%+v", a)
	}
	t.Logf("the quiet camera's event took %v", time.Since(began))
	sent.Wait()
	eventually(t, "all stored", func() bool { return r.box.Counts().Events.Created == n+1 })
	if loud.dead() || quiet.dead() {
		t.Error("a worker was killed")
	}
}

// sickFS is a disk that refuses to write while sick is set.
type sickFS struct {
	outbox.FS
	sick *atomic.Bool
}

func (s sickFS) Create(name string) (outbox.File, error) {
	if s.sick.Load() {
		return nil, syscall.EIO
	}
	f, err := s.FS.Create(name)
	return sickFile{f, s.sick}, err
}

type sickFile struct {
	outbox.File
	sick *atomic.Bool
}

func (f sickFile) WriteAt(p []byte, off int64) (int, error) {
	if f.sick.Load() {
		return 0, syscall.EIO
	}
	return f.File.WriteAt(p, off)
}

// TestSickDisk: events wait for the disk, without an ack, in their order, and no worker is
// taken for hung.
func TestSickDisk(t *testing.T) {
	var sick atomic.Bool
	dir := t.TempDir()
	box, err := outbox.Open(dir, outbox.Options{FS: sickFS{outbox.Disk(dir), &sick}, SegmentBytes: 64 << 10, ReserveBytes: -1, MinFreeBytes: -1})
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, func(o *Options, _ *fleet) { o.Outbox = box })
	r.Assign(assignments("yard"))
	w := r.worker(t, "yard")
	sick.Store(true)
	ev := anEvent("yard", 1, bongsu.EventOpen)
	next := *ev
	next.Revision = 2
	first, second := w.send(link.Message{Type: link.TypeEvent, Event: ev}), w.send(link.Message{Type: link.TypeEvent, Event: &next})
	eventually(t, "unwell", func() bool { h := r.Health(); return len(h) > 0 && h[0].Code == "write-failed" })
	w.mu.Lock()
	if len(w.answers) != 0 {
		t.Errorf("answers while nothing is durable: %v", w.answers)
	}
	w.mu.Unlock()
	sick.Store(false)
	eventually(t, "both acknowledged", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.answers[first] != nil && w.answers[second] != nil
	})
	if recs := r.pending(t); len(recs) != 2 || recs[0].Event.Revision != 1 {
		t.Errorf("%d records", len(recs))
	}
}

func TestViewAndMetrics(t *testing.T) {
	reg := obs.NewRegistry()
	r := newRig(t, func(o *Options, _ *fleet) { o.Registry = reg })
	r.Assign(assignments("yard"))
	w := r.worker(t, "yard")
	<-r.Changed()
	eventually(t, "live", func() bool { return r.state("yard").State == bongsu.CameraLive })
	if jpeg, _ := r.Frame("yard"); string(jpeg) != "boxes" {
		t.Errorf("frame %q", jpeg)
	}
	if jpeg, _ := r.Frame("none"); jpeg != nil {
		t.Errorf("frame %q", jpeg)
	}
	w.ask(t, link.Message{Type: link.TypeEvent, Event: anEvent("yard", 1, bongsu.EventClosed)})
	count := func(v float64) {
		r.fleet.with("yard").send(link.Message{Type: link.TypeCounters, Counters: []link.Counter{
			{Name: "bongsu_units_dropped_total", Camera: "yard", Label: "reason=slow", Value: v},
			{Name: "bongsu_queue_units", Camera: "yard", Value: v, Gauge: true}}})
	}
	text := func() string {
		var b bytes.Buffer
		if err := reg.WriteText(&b); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	count(5)
	eventually(t, "counted", func() bool {
		return strings.Contains(text(), `bongsu_units_dropped_total{camera="yard",reason="slow"} 5`)
	})
	w.die(errors.New("signal: killed"))
	eventually(t, "past counts stay", func() bool {
		s := text()
		return strings.Contains(s, `{camera="yard",reason="slow"} 5`) && !strings.Contains(s, "bongsu_queue_units{")
	})
	next := r.worker(t, "yard")
	if next == w {
		t.Fatal("not replaced")
	}
	count(2)
	eventually(t, "counters go on from there", func() bool { return strings.Contains(text(), `{camera="yard",reason="slow"} 7`) })
	for _, want := range []string{"bongsu_events_stored_total 1\n", `bongsu_cameras{state="live"} 1`, "bongsu_outbox_events_pending 1\n",
		"bongsu_worker_deaths_total 1\n", "bongsu_event_durable_seconds_count 1\n", `bongsu_outbox_events_total{state="created"} 1`} {
		eventually(t, want, func() bool { return strings.Contains(text(), want) })
	}
}
