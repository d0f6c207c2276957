package auth

import (
	"fmt"
	"testing"
	"time"
)

type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

func (c *clock) add(d time.Duration) { c.t = c.t.Add(d) }

func newClock() *clock { return &clock{time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)} }

func TestThrottleByAccount(t *testing.T) {
	c := newClock()
	th := newThrottle(c.now)
	for i := range userFailures {
		if w := th.begin("kim", fmt.Sprint("192.0.2.", i)); w != 0 {
			t.Fatalf("failure %d: wait %s", i, w)
		}
	}
	if w := th.begin("kim", "198.51.100.1"); w != userRefill {
		t.Errorf("one too many: wait %s, want %s", w, userRefill)
	}
	if w := th.begin("lee", "198.51.100.1"); w != 0 {
		t.Errorf("another account must wait %s", w)
	}
	c.add(userRefill)
	if w := th.begin("kim", "198.51.100.1"); w != 0 {
		t.Errorf("after the refill: wait %s", w)
	}
	guesses := 0
	for range 60 { // whoever tries each second gets no more than the refill gives
		c.add(time.Second)
		if th.begin("kim", "198.51.100.1") == 0 {
			guesses++
		}
	}
	if guesses > 10 {
		t.Errorf("%d guesses in a minute", guesses)
	}
}

func TestThrottleByAddress(t *testing.T) {
	c := newClock()
	th := newThrottle(c.now)
	for i := range addressFailures {
		if w := th.begin(fmt.Sprint("user", i), "192.0.2.1"); w != 0 {
			t.Fatalf("failure %d: wait %s", i, w)
		}
	}
	if w := th.begin("fresh", "192.0.2.1"); w != addressRefill {
		t.Errorf("one too many: wait %s, want %s", w, addressRefill)
	}
	if w := th.begin("fresh", "192.0.2.2"); w != 0 {
		t.Errorf("another address must wait %s", w)
	}
}

func TestThrottleForgivesSuccess(t *testing.T) {
	th := newThrottle(newClock().now)
	for i := range 100 {
		if w := th.begin("kim", "192.0.2.1"); w != 0 {
			t.Fatalf("login %d: wait %s", i, w)
		}
		th.succeed("kim", "192.0.2.1")
	}
}

func TestThrottleStaysSmall(t *testing.T) {
	c := newClock()
	th := newThrottle(c.now)
	for range userFailures {
		th.begin("kim", "192.0.2.1")
	}
	for i := range throttleKeys { // a flood of invented names from many addresses
		th.begin(fmt.Sprint("user", i), fmt.Sprint("address", i))
	}
	if n := len(th.buckets); n > throttleKeys {
		t.Errorf("%d buckets", n)
	}
	if th.begin("kim", "192.0.2.9") == 0 {
		t.Error("the flood made the account forget its failures: those with the fewest failures must go first")
	}
	c.add(time.Hour)
	for i := range throttleKeys {
		th.begin(fmt.Sprint("late", i), "192.0.2.10")
	}
	if n := len(th.buckets); n > throttleKeys {
		t.Errorf("%d buckets", n)
	}
}
