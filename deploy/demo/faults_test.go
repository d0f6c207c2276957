package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"bongsu"
)

// Bounds of the fault tests. What is reached is printed, and is what the promises are read from:
// 2 s and a key frame for a killed worker's cameras, 1 s for workers without their node, a report
// a second. These bounds say only "not at all", on a machine that is busy with other things.
const (
	backWithin  = 20 * time.Second // a killed worker's cameras
	gapWithin   = 8 * time.Second  // between two rises of a counter that is reported once a second
	orphansGone = 30 * time.Second // workers after their node
)

// TestFaults runs four cameras that make four events a second together, and does to their edge
// and their cloud all that must not lose or double an event. At the end the archive is held
// against everything that the edge ever recorded.
func TestFaults(t *testing.T) {
	faults(t, startSystem(t, tinyModel(t, "tiny", 0.9)), nil)
}

// TestFaultsOnRedisAndS3 does the same to a system that stands on Redis and S3 with two processes
// that take from edges and work the queue; both stores fail too.
func TestFaultsOnRedisAndS3(t *testing.T) {
	r := startRegion(t)
	faults(t, startSystemOn(t, tinyModel(t, "tiny", 0.9), r), r)
}

// ordeal is one thing that is done to a system under load.
type ordeal struct {
	name string
	run  func(t *testing.T)
}

func faults(t *testing.T, s *System, r *region) {
	t.Helper()
	s.CamerasPerWorker = 2
	shows := blinkers(t, 4, 3)
	ctx := within(t, 4*time.Minute*patience())
	random := dice(t)
	if err := s.StartCameras(ctx, shows, true); err != nil {
		t.Fatal(err)
	}
	k := newKeeper(t, filepath.Join(s.Dir, "edge", "outbox"))
	keeping, stop := context.WithCancel(ctx)
	kept := make(chan error, 1)
	go func() { kept <- k.run(keeping) }()
	defer stop()
	if err := s.StartEdge(ctx, shows); err != nil {
		t.Fatal(err)
	}
	s.waitLive(t, ctx, len(shows))
	steps := []ordeal{
		{"worker killed", func(t *testing.T) { s.killWorkers(t, ctx) }},
		{"strangers", func(t *testing.T) { s.refuseStrangers(t, ctx) }},
		{"cloud away", func(t *testing.T) { s.cloudAway(t, ctx) }},
		{"worker outlives its node", func(t *testing.T) { s.slowOrphan(t, ctx, len(shows)) }},
		{"all killed", func(t *testing.T) { s.killStorm(t, ctx, random, len(shows), s.victims(t, nil)) }},
	}
	if r != nil { // what does not depend on the stores has been shown without them
		steps = []ordeal{
			{"stores fail", func(t *testing.T) { s.storesFail(t, ctx, r) }},
			{"all killed", func(t *testing.T) { s.killStorm(t, ctx, random, len(shows), s.victims(t, r)) }},
		}
	}
	for _, step := range steps {
		if !t.Run(step.name, step.run) {
			return
		}
	}
	s.drain(t, ctx)
	st, err := s.edgeStatus(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("the outbox's own sums: %+v", st.Outbox)
	s.Process("edge").Stop(10 * time.Second)
	gone(t, within(t, orphansGone), s.workers(t)...)
	stop()
	if err := <-kept; err != nil {
		t.Fatal(err)
	}
	l := k.read(t)
	if int64(len(l.events)) != st.Outbox.Events.Created {
		t.Errorf("the outbox counts %d revisions, its log holds %d", st.Outbox.Events.Created, len(l.events))
	}
	s.checkLedger(t, ctx, l)
	s.checkClips(t, ctx, l)
	s.checkAlerts(t, ctx)
	s.stopClouds()
	s.checkStores(t, ctx)
	on := "SQLite, memory and disk"
	if r != nil {
		on = "Redis and S3"
	}
	t.Logf("figure R1: on %s, %d kills under load: %d revisions recorded, 0 lost, 0 doubled, %d clip parts whole or marked torn", on, s.deaths.Load(), len(l.events), len(l.clips))
}

// checkStores runs the programs' own checks over what they left on disk.
func (s *System) checkStores(t *testing.T, ctx context.Context) {
	t.Helper()
	for _, c := range []struct{ program, config string }{{"bongsu-edge", s.edgeConfig()}, {"bongsu-cloud", s.cloudConfig()}} {
		out, err := s.tool(ctx, "", c.program, "check", "--config", c.config)
		if err != nil {
			t.Errorf("%s check: %v\n%s", c.program, err, out)
		}
	}
}

// checkAlerts says whether alerts and events are of one mind: each event is in exactly the one
// alert that it names, and what is over is shown as over.
func (s *System) checkAlerts(t *testing.T, ctx context.Context) {
	t.Helper()
	events, err := s.events(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	alerts, err := s.alerts(ctx, "all")
	if err != nil {
		t.Fatal(err)
	}
	in := map[bongsu.EventID][]bongsu.AlertID{}
	for _, a := range alerts {
		// The event that raised it need not be the oldest: after an outage the newest come first.
		if a.Count != len(a.Events) || !slices.Contains(a.Events, a.Event) {
			t.Errorf("alert %s counts %d events and names %d; was raised by %s", a.ID, a.Count, len(a.Events), a.Event)
		}
		if a.Condition != bongsu.ConditionCleared {
			t.Errorf("alert %s of %s is %s, but all its events are closed", a.ID, a.Camera, a.Condition)
		}
		for _, id := range a.Events {
			in[id] = append(in[id], a.ID)
		}
	}
	for _, e := range events {
		if got := in[e.ID]; len(got) != 1 || got[0] != e.Alert {
			t.Errorf("event %s says that it is in alert %q; the alerts that name it: %v", e.ID, e.Alert, got)
		}
		delete(in, e.ID)
	}
	for id, who := range in {
		t.Errorf("alerts %v name event %s, which is not there", who, id)
	}
	t.Logf("%d alerts of %d events", len(alerts), len(events))
}

// rises notes when each camera's count of inferred pictures was seen to rise.
type rises struct {
	count map[string]int
	at    map[string][]time.Time
	by    map[string][]int // the count after each rise
}

// watch reads the counters twenty times a second until done says so or ctx ends.
func (s *System) watch(ctx context.Context, done func(*rises) bool) (*rises, error) {
	r := &rises{count: map[string]int{}, at: map[string][]time.Time{}, by: map[string][]int{}}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		now, err := s.inferred(ctx)
		if err != nil {
			return r, err
		}
		for id, n := range now {
			if before, known := r.count[id]; known && n > before {
				r.at[id], r.by[id] = append(r.at[id], time.Now()), append(r.by[id], n)
			}
			r.count[id] = n
		}
		if done(r) {
			return r, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return r, errors.New("the counters did not rise in time")
		}
	}
}

// killWorkers kills each worker once and sees its cameras come back while the others go on.
func (s *System) killWorkers(t *testing.T, ctx context.Context) {
	for number := 1; number <= 2; number++ {
		cams, err := s.edgeCameras(ctx)
		if err != nil {
			t.Fatal(err)
		}
		pids, victims := map[string]int{}, map[string]bool{}
		for _, c := range cams {
			pids[string(c.ID)] = c.PID
			victims[string(c.ID)] = c.Worker == number
		}
		pid := 0
		for id, v := range victims {
			if v {
				pid = pids[id]
			}
		}
		if pid == 0 || len(cams) != 4 {
			t.Fatalf("worker %d has no process; cameras: %+v", number, cams)
		}
		before, err := s.inferred(ctx)
		if err != nil {
			t.Fatal(err)
		}
		killed := time.Now()
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		gone(t, within(t, orphansGone), pid)
		r, err := s.watch(within(t, 20*time.Second), func(r *rises) bool {
			for id, v := range victims {
				if v && len(r.at[id]) < 3 {
					return false
				}
			}
			return time.Since(killed) > 4*time.Second
		})
		if err != nil {
			t.Fatalf("worker %d: %v; %v", number, err, r.count)
		}
		s.judgeWorkerKill(t, ctx, r, killed, before, pids, victims)
	}
}

// judgeWorkerKill prints how long the cameras of a killed worker were away and how evenly the
// others went on.
func (s *System) judgeWorkerKill(t *testing.T, ctx context.Context, r *rises, killed time.Time, before, pids map[string]int, victims map[string]bool) {
	t.Helper()
	cams, err := s.edgeCameras(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cams {
		id := string(c.ID)
		at := r.at[id]
		if victims[id] {
			// The counter comes once a second; at ten pictures a second it tells when the first was.
			seen := at[0].Sub(killed)
			first := seen - time.Duration(r.by[id][0]-before[id])*100*time.Millisecond
			t.Logf("%s: worker killed, inferring again after %.1f s (first seen in the counters at %.1f s)", id, max(first, 0).Seconds(), seen.Seconds())
			if seen > backWithin || c.PID == pids[id] {
				t.Errorf("%s: back after %v in process %d (before: %d), want within %v in another", id, seen, c.PID, pids[id], backWithin)
			}
			continue
		}
		widest, last := time.Duration(0), killed
		for _, a := range append(slices.Clone(at), time.Now()) {
			widest, last = max(widest, a.Sub(last)), a
		}
		rate := float64(r.count[id]-before[id]) / time.Since(killed).Seconds()
		t.Logf("%s: untouched, %.1f inferences/s, widest gap between reports %.1f s", id, rate, widest.Seconds())
		if widest > gapWithin || c.PID != pids[id] || rate < 1 {
			t.Errorf("%s is another worker's and was touched: gap %v, %.1f inferences/s, process %d, before %d", id, widest, rate, c.PID, pids[id])
		}
	}
}

// cloudAway stops the cloud for a while: the edge says so and keeps everything, and when the
// cloud is back it shows nothing as live that it has not heard of.
func (s *System) cloudAway(t *testing.T, ctx context.Context) {
	away := 16 * time.Second
	if os.Getenv("BONGSU_LONG") == "1" {
		away = time.Minute
	}
	t.Logf("the cloud is away for %v (BONGSU_LONG=1: 1m)", away)
	s.Process("cloud").Stop(10 * time.Second)
	left := time.Now()
	waiting := within(t, away)
	eventually(t, waiting, "the edge says that the cloud is away", func() (bool, string) {
		st, err := s.edgeStatus(ctx)
		h, herr := s.edgeHealth(ctx)
		ok := err == nil && herr == nil && st.Uplink.State == "offline" && st.Uplink.Reason != "" && h.has("cloud-offline") && h.OK
		return ok, fmt.Sprintf("%+v %+v %v %v", st.Uplink, h, err, herr)
	})
	t.Logf("the edge said so after %.1f s", time.Since(left).Seconds())
	waits(ctx, away-time.Since(left))
	st, err := s.edgeStatus(ctx)
	if err != nil || st.Outbox.Events.Pending == 0 {
		t.Fatalf("nothing waits on the edge: %+v, %v", st.Outbox, err)
	}
	// The node stands still for a moment, so that the cloud can be asked before it has reported.
	edge := s.Process("edge")
	edge.Signal(syscall.SIGSTOP)
	err = s.StartCloud(ctx)
	stale := s.staleCameras(t, ctx)
	edge.Signal(syscall.SIGCONT)
	if err != nil || stale != "" {
		t.Errorf("the cloud that came back: %v; it shows as live what it has not heard of: %s", err, stale)
	}
	back := time.Now()
	eventually(t, ctx, "everything that waited has arrived", func() (bool, string) {
		now, err := s.edgeStatus(ctx)
		return err == nil && now.Outbox.Events.Acked >= st.Outbox.Events.Created && now.Outbox.Events.Pending <= 4,
			fmt.Sprintf("%+v %+v %v", now.Outbox.Events, now.Uplink, err)
	})
	t.Logf("%d revisions and %d clip parts had waited; the revisions had arrived %.1f s after the cloud was back", st.Outbox.Events.Pending,
		st.Outbox.Clips.Pending-st.Outbox.Clips.Writing, time.Since(back).Seconds())
}

// staleCameras names the cameras that the cloud shows as something that it cannot know.
func (s *System) staleCameras(t *testing.T, ctx context.Context) (wrong string) {
	t.Helper()
	var page struct {
		Cameras []struct {
			ID         string             `json:"id"`
			EdgeOnline bool               `json:"edge_online"`
			State      bongsu.CameraState `json:"state"`
			FPS        float64            `json:"fps"`
			LastReport time.Time          `json:"last_report"`
		} `json:"cameras"`
	}
	if err := s.API(ctx, "GET", "/cameras", nil, &page); err != nil || len(page.Cameras) == 0 {
		return fmt.Sprintf("no cameras, %v", err)
	}
	for _, c := range page.Cameras {
		if c.EdgeOnline || c.State != bongsu.CameraOffline || c.FPS != 0 {
			wrong += fmt.Sprintf("%+v ", c)
		}
	}
	return wrong
}

// slowOrphan kills the node as if one of its workers needed long to end. A new node must not
// touch the files that the old worker may still write: it waits for its end.
func (s *System) slowOrphan(t *testing.T, ctx context.Context, cameras int) {
	lock, err := os.Open(filepath.Join(s.Dir, "edge", "workers.lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); !errors.Is(err, syscall.EWOULDBLOCK) {
		t.Fatalf("the workers do not hold their lock: %v", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_SH|syscall.LOCK_NB); err != nil {
		t.Fatal(err)
	}
	workers := s.workers(t)
	killNow(t, ctx, s.Process("edge"))
	early, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if err := s.StartEdge(early, nil); err == nil {
		t.Error("a node began while a worker of the one before could still write its files")
	}
	t.Logf("all workers were gone at most %.1f s after their node", (2*time.Second + gone(t, within(t, orphansGone), workers...)).Seconds())
	began := time.Now()
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.edgeReady(ctx); err != nil {
		t.Fatal(err)
	}
	t.Logf("the new node was ready %.2f s after the last worker of the former run had ended", time.Since(began).Seconds())
	s.waitLive(t, ctx, cameras)
}
