package auth

import (
	"math"
	"sync"
	"time"
)

// Limits of guessing. A bucket holds so many failures and gives one back each refill.
const (
	userFailures    = 5
	userRefill      = 12 * time.Second // 5 a minute for one account, wherever they come from
	addressFailures = 20
	addressRefill   = 3 * time.Second // 20 a minute for one address, whatever accounts it tries
	throttleKeys    = 10_000          // buckets held; those with the fewest failures go first
)

// throttle counts failures of guesses by account and by address. A full bucket refuses until
// time has emptied it; a success empties the account's bucket. It is safe for many goroutines.
type throttle struct {
	now func() time.Time // set before use

	mu      sync.Mutex
	buckets map[string]*bucket
}

type bucket struct {
	level  float64 // failures not yet forgotten
	filled time.Time
	limit  float64
	refill time.Duration
}

func newThrottle(now func() time.Time) *throttle {
	return &throttle{now: now, buckets: map[string]*bucket{}}
}

func (b *bucket) drain(now time.Time) {
	if d := now.Sub(b.filled); d > 0 {
		b.level = max(0, b.level-float64(d)/float64(b.refill))
	}
	b.filled = now
}

// wait is how long until one more failure fits.
func (b *bucket) wait() time.Duration {
	over := b.level + 1 - b.limit
	if over <= 0 {
		return 0
	}
	return time.Duration(over * float64(b.refill))
}

func (t *throttle) bucket(key string, limit int, refill time.Duration, now time.Time) *bucket {
	b := t.buckets[key]
	if b == nil {
		if len(t.buckets) >= throttleKeys {
			t.forget(now)
		}
		b = &bucket{filled: now, limit: float64(limit), refill: refill}
		t.buckets[key] = b
	}
	b.drain(now)
	return b
}

// forget makes room for a quarter, so that a flood of invented names takes bounded memory and
// little time: empty buckets go first, then those with a failure or two, then any.
func (t *throttle) forget(now time.Time) {
	for _, most := range []float64{0, 2, math.Inf(1)} {
		for k, b := range t.buckets {
			if len(t.buckets) <= throttleKeys*3/4 {
				return
			}
			if b.drain(now); b.level <= most {
				delete(t.buckets, k)
			}
		}
	}
}

// begin counts a guess before it is checked, as a failure: guesses that run at the same time
// cannot slip past the limit together. It returns how long to wait when there is no room, and
// nothing is counted then.
func (t *throttle) begin(user, address string) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	u := t.bucket("user "+user, userFailures, userRefill, now)
	a := t.bucket("address "+address, addressFailures, addressRefill, now)
	if w := max(u.wait(), a.wait()); w > 0 {
		return w
	}
	u.level++
	a.level++
	return 0
}

// succeed takes back what begin counted and forgives the account's earlier failures.
func (t *throttle) succeed(user, address string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.buckets, "user "+user)
	if a := t.buckets["address "+address]; a != nil {
		a.level = max(0, a.level-1)
	}
}
