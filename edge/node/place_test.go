package node

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"bongsu"
	"bongsu/edge/link"
	"bongsu/edge/outbox"
)

// still makes a node that does not run, on a clock that a test moves.
func still(cameras int) (*Node, *time.Time) {
	now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	n := New(Options{CamerasPerWorker: cameras, Now: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler)})
	return n, &now
}

func (n *Node) layout() string {
	var out []string
	for _, s := range n.slots {
		var ids []string
		for _, id := range s.cameras {
			ids = append(ids, string(id))
		}
		out = append(out, fmt.Sprintf("%d:%s", s.number, strings.Join(ids, "")))
	}
	return strings.Join(out, " ")
}

func TestPlacement(t *testing.T) {
	n, _ := still(3)
	n.apply(assignments("a", "b", "c", "d"))
	if got := n.layout(); got != "1:abc 2:d" {
		t.Errorf("filled one after the other: %s", got)
	}
	n.apply(assignments("a", "c", "d", "e"))
	if got := n.layout(); got != "1:ace 2:d" {
		t.Errorf("the free place is used: %s", got)
	}
	n.slots[1].suspect = true
	n.apply(assignments("a", "c", "d", "e", "f"))
	if got := n.layout(); got != "1:ace 2:d 3:f" {
		t.Errorf("nobody is put beside a suspect: %s", got)
	}
	n.apply(nil)
	n.startDue(t.Context())
	if len(n.slots) != 0 {
		t.Errorf("empty places stay: %s", n.layout())
	}
}

func TestCameraGoesBackToTheWorkerThatKnowsIt(t *testing.T) {
	n, _ := still(2)
	n.apply(assignments("a", "b", "c"))
	n.slots[1].proc = newProcess(n, n.slots[1])
	n.slots[1].proc.tell(command{assign: &link.Assignment{Camera: "c"}})
	n.apply(assignments("b", "x"))
	n.apply(assignments("b", "x", "c"))
	if got := n.layout(); got != "1:bx 2:c" {
		t.Errorf("got %s", got)
	}
}

// TestDeathsOfAWorker walks through what happens when a worker dies again and again.
func TestDeathsOfAWorker(t *testing.T) {
	n, now := still(8)
	n.apply(assignments("a", "b", "c", "d"))
	die := func(s *slot) {
		p := newProcess(n, s)
		p.because("signal: killed")
		s.proc = p
		n.workerEnded(p)
	}
	s := n.slots[0]
	for i, want := range []time.Duration{100 * time.Millisecond, 200 * time.Millisecond} {
		die(s)
		if got := s.notBefore.Sub(*now); got != want {
			t.Errorf("after death %d the next start is in %v, want %v", i+1, got, want)
		}
		*now = now.Add(time.Second)
	}
	if s.notBefore.Sub(*now) > 300*time.Millisecond {
		t.Error("the first restarts are to be fast")
	}
	die(s)
	if got := n.layout(); got != "1:ab 2:cd" {
		t.Fatalf("after the third death in a minute: %s", got)
	}
	die(n.slots[0])
	if got := n.layout(); got != "1:a 2:cd 3:b" {
		t.Fatalf("after the suspect's next death: %s", got)
	}
	die(n.slots[0])
	if got := n.slots[0].notBefore.Sub(*now); got != time.Minute {
		t.Errorf("after five deaths the pause is %v", got)
	}
	if st := n.Cameras()[0]; st.Code != "worker-crashes" || !strings.Contains(st.Reason, "signal: killed") {
		t.Errorf("%+v", st)
	}
	if st := n.Cameras()[3]; st.Code == "worker-crashes" {
		t.Errorf("d: %+v", st)
	}
	*now = now.Add(crashWindow + time.Second)
	die(n.slots[0])
	if got := n.slots[0].notBefore.Sub(*now); got != 100*time.Millisecond {
		t.Errorf("deaths of long ago still count: %v", got)
	}
}

func TestBackoffHasACeiling(t *testing.T) {
	n, now := still(1)
	n.opt.RestartBackoff = 2 * time.Second
	n.apply(assignments("a"))
	s := n.slots[0]
	for range crashLimit - 1 {
		p := newProcess(n, s)
		n.workerEnded(p)
		if d := s.notBefore.Sub(*now); d > 3*time.Second {
			t.Errorf("%v", d)
		}
	}
}

func TestAskedEndIsNoDeath(t *testing.T) {
	n, _ := still(1)
	n.apply(assignments("a"))
	p := newProcess(n, n.slots[0])
	p.stop()
	p.stop()
	n.workerEnded(p)
	if len(n.slots[0].deaths) != 0 {
		t.Error("counted")
	}
}

func TestHolders(t *testing.T) {
	var h holders
	t0 := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	h.init(t0)
	p, q := new(process), new(process)
	at := func(s int) time.Time { return t0.Add(time.Duration(s) * time.Second) }
	ask := func(want bool, s int, when string) {
		t.Helper()
		if got := h.forsaken("a", at(s), 15*time.Second); got != want {
			t.Errorf("%s: forsaken %v", when, got)
		}
	}
	ask(false, 10, "soon after the start")
	ask(true, 16, "long after the start")
	h.take("a", p)
	ask(false, 100, "held")
	h.release(q, at(100))
	ask(false, 200, "somebody else has gone")
	h.release(p, at(200))
	ask(false, 210, "just released")
	h.take("a", q)
	h.release(p, at(220))
	ask(false, 300, "held by the next")
	h.release(q, at(300))
	ask(true, 316, "nobody came")
}

func TestIdleWorkerIsLetGo(t *testing.T) {
	r := newRig(t, func(o *Options, _ *fleet) { o.IdleTimeout = 50 * time.Millisecond })
	r.Assign(assignments("yard"))
	w := r.worker(t, "yard")
	r.Assign(nil)
	eventually(t, "ended", w.dead)
	if w.sigterms != 1 || !slices.Contains(w.told(), "unassign yard") {
		t.Errorf("%d SIGTERMs, told %v", w.sigterms, w.told())
	}
	if h := r.Health(); len(h) != 0 {
		t.Errorf("%+v", h)
	}
	r.Assign(assignments("yard"))
	if next := r.worker(t, "yard"); next == w {
		t.Error("the same worker")
	}
}

// TestWorkerThatClosesItsConnectionAndStays is killed.
func TestWorkerThatClosesItsConnectionAndStays(t *testing.T) {
	r := newRig(t, nil)
	r.Assign(assignments("yard"))
	w := r.worker(t, "yard")
	w.mu.Lock()
	w.deaf = true
	w.mu.Unlock()
	w.conn.Close()
	eventually(t, "replaced", func() bool { return len(r.fleet.workers()) == 2 })
	if !w.dead() {
		t.Error("it lives on")
	}
}

func TestWorkerSpeaksForItsOwnCamerasOnly(t *testing.T) {
	r := newRig(t, func(o *Options, _ *fleet) { o.CamerasPerWorker = 1 })
	r.Assign(assignments("a", "b"))
	wa := r.worker(t, "a")
	r.worker(t, "b")
	eventually(t, "live", func() bool { return r.state("b").State == bongsu.CameraLive })
	wa.send(link.Message{Type: link.TypeHealth, Health: []bongsu.CameraStatus{{ID: "b", State: bongsu.CameraDenied}, {ID: "a", State: bongsu.CameraBusy, Reason: "mark"}}})
	eventually(t, "heard", func() bool { return r.state("a").State == bongsu.CameraBusy || r.state("a").FPS > 0 })
	if s := r.state("b"); s.State != bongsu.CameraLive {
		t.Errorf("%+v", s)
	}
}

func TestStillsStayUntilThereIsANewOne(t *testing.T) {
	n, now := still(1)
	n.apply(assignments("a"))
	report := func(s bongsu.CameraStatus) bool {
		s.ID = "a"
		return n.view.health(1, 7, []bongsu.CameraStatus{s, {ID: "unknown"}}, nil)
	}
	if !report(bongsu.CameraStatus{State: bongsu.CameraLive, Still: []byte("one"), StillAt: *now}) {
		t.Error("a change was not told")
	}
	if report(bongsu.CameraStatus{State: bongsu.CameraLive}) {
		t.Error("no change was told as one")
	}
	if !report(bongsu.CameraStatus{State: bongsu.CameraLive, Code: "slow", Still: make([]byte, bongsu.MaxSnapshotBytes+1)}) {
		t.Error("a change of reason was not told")
	}
	if s := n.Cameras()[0]; string(s.Still) != "one" || s.Name != "name of a" || s.Model != "m" {
		t.Errorf("%+v", s)
	}
}

// TestDeadWorkerAndDeadDisk: revisions that nobody was promised are given up in the end, so
// that a successor is not held up for ever, and that is counted.
func TestDeadWorkerAndDeadDisk(t *testing.T) {
	var sick atomic.Bool
	dir := t.TempDir()
	box, err := outbox.Open(dir, outbox.Options{FS: sickFS{outbox.Disk(dir), &sick}, SegmentBytes: 64 << 10, ReserveBytes: -1, MinFreeBytes: -1})
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, func(o *Options, _ *fleet) { o.Outbox, o.StoreTimeout = box, 50*time.Millisecond })
	r.Assign(assignments("yard"))
	w := r.worker(t, "yard")
	sick.Store(true)
	w.send(link.Message{Type: link.TypeEvent, Event: anEvent("yard", 1, bongsu.EventOpen)})
	eventually(t, "the disk refuses", func() bool { return len(r.box.Health()) > 0 })
	w.die(errors.New("signal: killed"))
	eventually(t, "given up", func() bool {
		r.view.mu.Lock()
		defer r.view.mu.Unlock()
		return r.view.sums.lost == 1
	})
	sick.Store(false)
	if next := r.worker(t, "yard"); next == w {
		t.Error("the same worker")
	}
	if a := r.worker(t, "yard").ask(t, link.Message{Type: link.TypeEvent, Event: anEvent("yard", 1, bongsu.EventOpen)}); a == nil || a.Type != link.TypeAck {
		t.Errorf("%+v", a)
	}
}

func TestHousekeepingTroubleIsShown(t *testing.T) {
	r := newRig(t, nil)
	now := time.Now()
	r.view.housekeeping(syscall.EIO)
	r.view.housekeeping(syscall.EIO)
	if h := r.Health(); len(h) == 1 && (h[0].Code != "outbox" || h[0].Since.Before(now)) {
		t.Errorf("%+v", h)
	}
	r.view.housekeeping(nil)
	if h := r.Health(); len(h) != 0 {
		t.Errorf("%+v", h)
	}
}

func TestLabels(t *testing.T) {
	for in, want := range map[string]string{"": "[{camera a}]", "reason=x=y": "[{camera a} {reason x=y}]", "no label": "[{camera a}]", "Bad Name=1": "[{camera a}]"} {
		if got := fmt.Sprint(labels("a", in)); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

// TestStartFails: a worker that cannot be started is no reason to stop, and is told.
func TestStartFails(t *testing.T) {
	r := newRig(t, func(_ *Options, f *fleet) { f.refuse = os.ErrPermission })
	r.Assign(assignments("yard"))
	eventually(t, "told", func() bool {
		s := r.state("yard")
		return s.State == bongsu.CameraFailed && strings.Contains(s.Reason, "cannot be started: permission denied")
	})
	r.fleet.mu.Lock()
	r.fleet.refuse = nil
	r.fleet.mu.Unlock()
	r.worker(t, "yard")
}
