package redisq

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"bongsu"
	"bongsu/cloud/queue/queuetest"
	"bongsu/cloud/queue/queuetest/redistest"
	"bongsu/deploy/faults/powercut"
)

// TestPowerCut is R20 with Redis alone, no archive behind it: what was confirmed under appendfsync
// always is there after each power cut; under everysec it is said how much was not.
func TestPowerCut(t *testing.T) {
	lost := map[string]string{"always": "not tested", "everysec": "not tested"}
	rounds := 3
	if os.Getenv("BONGSU_LONG") != "" {
		rounds = 30
	}
	for _, fsync := range []string{"always", "everysec"} {
		t.Run(fsync, func(t *testing.T) {
			d := powercut.New(t, 256)
			s := redistest.Start(t, redistest.Options{Dir: d.Path, Fsync: fsync})
			confirmed := map[bongsu.EventKey]bool{}
			for range rounds {
				for _, k := range untilCut(t, s, d, 300) {
					confirmed[k] = true
				}
				s.Kill()
				if err := d.Remount(); err != nil {
					t.Fatal(err)
				}
				s.Restart()
			}
			q := open(t, s, func(o *Options) { o.Lease = time.Minute })
			all := len(confirmed)
			for holds(t, q).Waiting > 0 {
				m := receive(t, q)
				delete(confirmed, m.Message().Key)
				ack(t, m)
			}
			if fsync == "always" && len(confirmed) > 0 {
				t.Fatalf("%d of %d confirmed messages are lost", len(confirmed), all)
			}
			s.Kill()
			lost[fsync] = fmt.Sprintf("%d of %d", len(confirmed), all)
		})
	}
	t.Logf("figure R20: Redis alone through %d power cuts each: always %s confirmed messages missing, everysec %s", rounds, lost["always"], lost["everysec"])
}

// untilCut publishes from several goroutines, takes the power away in the middle, and gives what was
// confirmed.
func untilCut(t *testing.T, s *redistest.Server, d *powercut.Disk, after int) (confirmed []bongsu.EventKey) {
	t.Helper()
	q := open(t, s, nil)
	defer q.Close()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var mu sync.Mutex
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				k := queuetest.Key(g*1_000_000 + i)
				if q.Publish(ctx, k) != nil {
					return
				}
				mu.Lock()
				confirmed = append(confirmed, k)
				mu.Unlock()
			}
		})
	}
	until(t, "messages", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(confirmed) >= after
	})
	// What is confirmed at this instant is what counts: the process goes on for a moment after its
	// disk is gone, and under everysec it may confirm out of its memory.
	mu.Lock()
	at := len(confirmed)
	err := d.Cut()
	mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	s.Kill()
	stop()
	wg.Wait()
	return confirmed[:at]
}
