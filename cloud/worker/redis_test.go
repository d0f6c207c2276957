package worker

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"bongsu"
	"bongsu/cloud/queue/queuetest/redistest"
	"bongsu/deploy/faults/powercut"
)

// more waits until the edges were told of so many more events.
func (x *region) more(n int) {
	x.Helper()
	begin, _ := x.count()
	deadline := time.Now().Add(60 * time.Second)
	for {
		if now, _ := x.count(); now >= begin+n {
			return
		}
		if time.Now().After(deadline) {
			x.Fatal("the edges get nothing through")
		}
		wait(x.Context(), 5*time.Millisecond)
	}
}

// fresh sends one event and gives how long it took until it was in the archive.
func (x *region) fresh() time.Duration {
	x.Helper()
	begin := time.Now()
	records := x.records(1)
	for x.post(x.nodes[0], records) != 200 {
		wait(x.Context(), 10*time.Millisecond)
	}
	for {
		if _, err := x.nodes[0].archive.GetEvent(x.Context(), records[0].Event.ID); err == nil {
			return time.Since(begin)
		}
		if time.Since(begin) > 2*time.Minute {
			x.Fatal("a new event does not arrive")
		}
		wait(x.Context(), 5*time.Millisecond)
	}
}

// TestRedisEmptied is R21: the server loses all its data under load, by hand or with its machine.
func TestRedisEmptied(t *testing.T) {
	s := redistest.Start(t, redistest.Options{Fsync: "everysec"})
	x := newRegion(t, s, 2)
	rounds := 6
	if long() {
		rounds = 60
	}
	var worst time.Duration
	x.during(func() {
		for i := range rounds {
			x.more(20)
			if i%3 < 2 {
				if got := s.Do("FLUSHALL"); got != "+OK" {
					t.Fatal(got)
				}
			} else {
				s.Kill()
				s.Wipe()
				s.Restart()
			}
			worst = max(worst, x.fresh())
		}
	}, append(x.all(), x.edges(4, 2, 40)...)...)
	x.during(x.settle, x.all()...)
	acked, _ := x.count()
	events := x.once()
	if events < acked {
		t.Fatalf("%d of %d acknowledged events", events, acked)
	}
	t.Logf("figure R21: Redis emptied %d times under load (every third time restarted without data): 0 of %d acknowledged events lost, 0 doubled; a new event in the archive %v after it at worst", rounds, acked, worst.Round(time.Millisecond))
}

// TestRedisPowerCut is R20: the server's machine loses its power under load, with either
// appendfsync. On a disk of its own where that can be made, else the process is killed.
func TestRedisPowerCut(t *testing.T) {
	rounds := 2
	if long() {
		rounds = 50
	}
	var said []string
	total := 0
	for _, how := range []string{"killed", "powerless"} {
		for _, fsync := range []string{"everysec", "always"} {
			t.Run(how+" "+fsync, func(t *testing.T) {
				var d *powercut.Disk
				if how == "powerless" {
					d = powercut.New(t, 256)
				}
				acked, worst := cuts(t, d, fsync, rounds)
				total += acked
				said = append(said, fmt.Sprintf("%s with %s, at worst %v", how, fsync, worst.Round(time.Millisecond)))
			})
		}
	}
	t.Logf("figure R20: Redis cut off %d times each (time until a new event is in the archive: %s): 0 of %d acknowledged events missing", rounds, strings.Join(said, "; "), total)
}

// cuts gives how many events were acknowledged, and how long a new one took after a cut at worst.
func cuts(t *testing.T, d *powercut.Disk, fsync string, rounds int) (acked int, worst time.Duration) {
	t.Helper()
	o := redistest.Options{Fsync: fsync}
	if d != nil {
		o.Dir = d.Path
	}
	s := redistest.Start(t, o)
	x := newRegion(t, s, 2)
	x.during(func() {
		for range rounds {
			x.more(20)
			powerCut(t, s, d)
			worst = max(worst, x.fresh())
		}
	}, append(x.all(), x.edges(4, 2, 40)...)...)
	x.during(x.settle, x.all()...)
	acked, _ = x.count()
	x.once()
	s.Kill() // before its disk goes
	return acked, worst
}

// powerCut takes a server's power and starts it again.
func powerCut(t *testing.T, s *redistest.Server, d *powercut.Disk) {
	t.Helper()
	if d != nil {
		if err := d.Cut(); err != nil {
			t.Fatal(err)
		}
	}
	s.Kill()
	if d != nil {
		if err := d.Remount(); err != nil {
			t.Fatal(err)
		}
	}
	s.Restart()
}

// TestRedisFull is R23: a server of 64 MiB that evicts nothing, and no worker runs. Most of it is
// filled beforehand, for an hour of events would not fit into a test.
func TestRedisFull(t *testing.T) {
	s := redistest.Start(t, redistest.Options{MaxMemory: "64mb"})
	x := newRegion(t, s, 2)
	x.during(func() { x.fresh() }, x.all()...) // the group is there, then the workers stop
	fill(t, s)
	var ingests []func(ctx context.Context) error
	for _, n := range x.nodes {
		ingests = append(ingests, n.ingest.Run)
	}
	x.during(func() {
		deadline := time.Now().Add(60 * time.Second)
		for _, held := x.count(); held < 40; _, held = x.count() {
			if time.Now().After(deadline) {
				t.Fatalf("it is never full: %d held", held)
			}
			wait(t.Context(), 20*time.Millisecond)
		}
	}, append(ingests, x.edges(2, 2, 1<<20)...)...)
	full, held := x.count()
	depth, err := x.nodes[0].queue.Depth(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// What the server needs for connections comes and goes, so it may have room for one more.
	deadline := time.Now().Add(60 * time.Second)
	for status := 0; status != http.StatusServiceUnavailable; {
		if status = x.post(x.nodes[0], x.records(1)); time.Now().After(deadline) {
			t.Fatalf("ingest answers %d, want 503", status)
		}
	}
	memory := rss(t)
	x.during(x.settle, x.all()...)
	var after time.Duration
	x.during(func() { after = x.fresh() }, x.all()...)
	x.once()
	acked, _ := x.count()
	t.Logf("figure R23: Redis of 64 MiB full, %d messages in it, none trimmed, workers stopped: ingest answered 503 %d times, its process has %d MiB; then 0 of %d acknowledged events lost, and the next one took %v", depth.Waiting, held, memory, acked, after.Round(time.Millisecond))
	if full == 0 {
		t.Fatal("nothing was taken before it was full")
	}
}

// fill fills a server. About 2 MiB of what it holds are messages, large ones that name events long
// gone: without them it would stay full when the workers are back.
func fill(t *testing.T, s *redistest.Server) {
	t.Helper()
	s.Do("SET", "slack", strings.Repeat("x", 2200<<10))
	for size := 1 << 20; size > 4<<10; {
		switch got := s.Do("RPUSH", "ballast", strings.Repeat("x", size)); {
		case got[0] == ':':
		case strings.HasPrefix(got, "-OOM"):
			size /= 2
		default:
			t.Fatal(got)
		}
	}
	s.Do("DEL", "slack")
	for n := 0; ; n++ {
		key := string(bongsu.NewEventID(t0)) + ".1"
		switch got := s.Do("XADD", "bongsu", "*", "k", key, "p", "1", "n", "0", "padding", strings.Repeat("x", 8<<10)); {
		case got[0] == '$':
		case strings.HasPrefix(got, "-OOM") && n > 50:
			return
		default:
			t.Fatalf("message %d: %s", n, got)
		}
	}
}

// TestSameEventFromMany is R27: one event comes to several ingests at once, again and again.
func TestSameEventFromMany(t *testing.T) {
	s := redistest.Start(t, redistest.Options{})
	x := newRegion(t, s, 3)
	const senders, keys = 64, 8
	total := 1500
	if long() {
		total = 10_000
	}
	records := x.records(keys)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	x.during(func() {
		var wg sync.WaitGroup
		for g := range senders {
			r := rand.New(rand.NewPCG(seed, uint64(g)))
			wg.Go(func() {
				for range total / senders {
					n := x.nodes[r.IntN(len(x.nodes))]
					if status := x.post(n, []bongsu.EventRecord{records[r.IntN(keys)]}); status != 200 && status != http.StatusTooManyRequests && status != http.StatusServiceUnavailable {
						t.Errorf("answered %d", status)
					}
				}
			})
		}
		wg.Wait()
		x.settle()
	}, x.all()...)
	if events := x.once(); events != keys {
		t.Fatalf("%d events, want %d", events, keys)
	}
	t.Logf("figure R27: %d posts of the same %d events by %d senders to 3 ingests at once: %d rows, %d objects", total/senders*senders, keys, senders, keys, keys)
}
