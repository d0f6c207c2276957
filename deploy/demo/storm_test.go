package demo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how many times more a long run does, and may take.
func patience() time.Duration {
	if os.Getenv("BONGSU_LONG") == "1" {
		return 10
	}
	return 1
}

// victim is a process, or one of several, that is killed at random instants.
type victim struct {
	name   string
	kills  int
	lo, hi int                         // milliseconds between a start and the next kill
	kill   func(context.Context) error // kills it and sees to it that it is there again
}

// victims are all that may die, 50 deaths in sum. On a region the second cloud process dies too.
func (s *System) victims(t *testing.T, r *region) []victim {
	worker := func(context.Context) error {
		pids := s.workers(t)
		if len(pids) == 0 {
			return nil // they are on their way up
		}
		if err := syscall.Kill(pids[len(pids)-1], syscall.SIGKILL); err != nil && err != syscall.ESRCH {
			return err
		}
		return nil
	}
	node := func(ctx context.Context) error { return s.killNode(t, ctx) }
	cloud := func(ctx context.Context) error {
		killNow(t, ctx, s.Process("cloud"))
		return s.StartCloud(ctx)
	}
	second := func(ctx context.Context) error {
		killNow(t, ctx, s.Process("cloud-2"))
		return s.startSecondCloud(ctx)
	}
	n := int(patience())
	if r == nil {
		return []victim{{"node", 20 * n, 300, 3200, node}, {"worker", 10 * n, 2000, 5000, worker}, {"cloud", 20 * n, 100, 3000, cloud}}
	}
	return []victim{{"node", 12 * n, 300, 3800, node}, {"worker", 12 * n, 1000, 4000, worker},
		{"cloud", 13 * n, 100, 3500, cloud}, {"second cloud", 13 * n, 100, 3500, second}}
}

// killNode kills the edge's node, sees its workers follow it, and starts it again at once.
func (s *System) killNode(t *testing.T, ctx context.Context) error {
	workers := s.workers(t)
	killNow(t, ctx, s.Process("edge"))
	orphans := make(chan time.Duration)
	go func() { orphans <- gone(t, within(t, orphansGone), workers...) }()
	err := s.StartEdge(ctx, nil)
	if took := <-orphans; took > time.Second {
		t.Logf("workers lived %v longer than their node", took)
	}
	return err
}

// killStorm kills all victims at random instants, independently of each other.
func (s *System) killStorm(t *testing.T, ctx context.Context, random *rand.Rand, cameras int, victims []victim) {
	t.Helper()
	began := time.Now()
	var all sync.WaitGroup
	var said []string
	total := 0
	for _, v := range victims {
		pauses := lots(random, v)
		total += v.kills
		said = append(said, fmt.Sprintf("%d of the %s", v.kills, v.name))
		all.Go(func() {
			for _, d := range pauses {
				waits(ctx, d)
				if err := v.kill(ctx); err != nil {
					t.Errorf("%s: %v", v.name, err)
					return
				}
				s.deaths.Add(1)
			}
		})
	}
	all.Wait()
	if t.Failed() {
		return
	}
	t.Logf("%d kills in %.0f s: %s", total, time.Since(began).Seconds(), strings.Join(said, ", "))
	s.waitLive(t, ctx, cameras)
	// A camera whose workers keep dying has one of its own, so there may be more than two; none of
	// another life may be left, and each camera's must be there.
	eventually(t, ctx, "each camera has a worker, and each worker a camera", func() (bool, string) {
		cams, err := s.edgeCameras(ctx)
		want := map[int]bool{}
		for _, c := range cams {
			want[c.PID] = true
		}
		run := s.workers(t)
		same := len(run) == len(want)
		for _, pid := range run {
			same = same && want[pid]
		}
		return err == nil && same, fmt.Sprintf("%v run, cameras have %v, %v", run, want, err)
	})
}

// lots are the pauses before each of a victim's deaths.
func lots(random *rand.Rand, v victim) []time.Duration {
	out := make([]time.Duration, v.kills)
	for i := range out {
		out[i] = time.Duration(v.lo+random.IntN(v.hi-v.lo)) * time.Millisecond
	}
	return out
}

// storesFail has each of the stores fail under load: events and clips go on arriving after it.
func (s *System) storesFail(t *testing.T, ctx context.Context, r *region) {
	t.Helper()
	for _, f := range []struct {
		row, name string
		make      func(context.Context) error
	}{{"R21", "Redis emptied", r.emptyQueue}, {"R20", "Redis killed", r.killQueue}, {"R25", "S3 away", r.objectsAway}} {
		if err := f.make(ctx); err != nil {
			t.Fatalf("%s: %v", f.name, err)
		}
		back := time.Now()
		st, err := s.edgeStatus(ctx)
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, ctx, f.name+": new events and clips arrive again", func() (bool, string) {
			now, err := s.edgeStatus(ctx)
			return err == nil && now.Outbox.Events.Acked > st.Outbox.Events.Created && now.Outbox.Clips.Acked > st.Outbox.Clips.Acked,
				fmt.Sprintf("%+v %+v %v", now.Outbox, now.Uplink, err)
		})
		t.Logf("figure %s: %s under load: new events and clips had arrived %.1f s after it was back", f.row, f.name, time.Since(back).Seconds())
	}
}

// stopClouds stops what there is of the cloud, in order.
func (s *System) stopClouds() {
	for _, name := range []string{"cloud-2", "cloud"} {
		if p := s.Process(name); p != nil {
			p.Stop(10 * time.Second)
		}
	}
}
