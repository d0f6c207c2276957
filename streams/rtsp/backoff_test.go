package rtsp

import (
	"math/rand/v2"
	"testing"
	"time"

	"bongsu/streams"
)

func TestBackoffDoubles(t *testing.T) {
	now := t0
	b := Backoff{Now: func() time.Time { return now }}
	for i, want := range []time.Duration{1, 2, 4, 8, 16, 30, 30, 30} {
		if got := b.Next(); got != want*time.Second {
			t.Fatalf("wait %d is %v", i, got)
		}
	}
	now = now.Add(30*time.Second + steady)
	b.Reset()
	if got := b.Next(); got != time.Second {
		t.Fatalf("after Reset the wait is %v", got)
	}
	// A camera that drops every session after a second is not asked every second.
	tries := 0
	for begin := now; now.Sub(begin) < time.Minute; tries++ {
		now = now.Add(b.Next() + time.Second)
		b.Reset()
	}
	if tries > 6 {
		t.Fatalf("%d sessions in a minute that lasted a second each", tries)
	}
}

func TestBackoffJitter(t *testing.T) {
	const seed = 3
	rnd := rand.New(rand.NewPCG(seed, 0))
	b := Backoff{Rand: rnd.Float64}
	seen := map[time.Duration]bool{}
	for i := range 200 {
		d := b.Next()
		if d < time.Second || d > 30*time.Second || i > 10 && d < 15*time.Second {
			t.Fatalf("seed %d: wait %d is %v", seed, i, d)
		}
		seen[d] = true
	}
	if len(seen) < 190 {
		t.Fatalf("seed %d: only %d different waits", seed, len(seen))
	}
}

// TestBackoffRefused: no more than four attempts in the first minute, two a minute after (R34).
func TestBackoffRefused(t *testing.T) {
	for _, code := range []string{streams.ReasonBusy, streams.ReasonWrongPassword} {
		b := Backoff{Rand: rand.New(rand.NewPCG(1, 0)).Float64}
		at, perMinute := time.Duration(0), map[int]int{}
		for at < 10*time.Minute {
			perMinute[int(at/time.Minute)]++
			at += b.After(code)
		}
		for m, n := range perMinute {
			if n > 2 {
				t.Fatalf("%s: %d attempts in minute %d", code, n, m)
			}
		}
	}
	var b Backoff
	if d := b.After(streams.ReasonUnreachable); d != time.Second {
		t.Fatalf("after one failure to connect the wait is %v", d)
	}
}
