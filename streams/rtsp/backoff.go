package rtsp

import (
	"time"

	"bongsu/streams"
)

// Backoff says how long to wait before the next attempt to reach a camera. The zero value
// waits 1 s to 30 s without jitter. It is a plain value: keep one a camera.
type Backoff struct {
	Min  time.Duration    // first wait; 0 = 1 s
	Max  time.Duration    // longest wait; 0 = 30 s
	Rand func() float64   // 0 ≤ v < 1, such as math/rand/v2.Float64; nil = no jitter
	Now  func() time.Time // nil = time.Now

	n     int
	until time.Time // end of the wait given last
}

// steady is how long a camera must have worked for the next failure to be a first one: one
// that drops every session after a few pictures is not asked every second.
const steady = 10 * time.Second

// Next gives the wait after one more failure: twice the one before up to Max, of which the
// upper half is random, and never below Min. It never gives up.
func (b *Backoff) Next() time.Duration {
	low, high := b.bounds()
	d := low
	for range min(b.n, 30) {
		if d *= 2; d >= high {
			d = high
			break
		}
	}
	b.n++
	return b.wait(max(low, d-time.Duration(b.random()*float64(d)/2)))
}

// After gives the wait after a failure with code, one of streams.Reason…. A camera that
// refuses (busy, or the login) is asked at most twice a minute: otherwise it is kept busy, or
// locks the account. Anything else waits as Next says.
func (b *Backoff) After(code string) time.Duration {
	switch code {
	case streams.ReasonBusy, streams.ReasonWrongPassword, streams.ReasonNeedPassword, streams.ReasonBasicRefused:
		_, high := b.bounds()
		b.n++
		return b.wait(high + time.Duration(b.random()*float64(high)/10))
	}
	return b.Next()
}

// Reset is called at the end of a run that delivered: the next wait is the first one again,
// when the run lasted for 10 s.
func (b *Backoff) Reset() {
	if b.now().Sub(b.until) >= steady {
		b.n = 0
	}
}

func (b *Backoff) wait(d time.Duration) time.Duration {
	b.until = b.now().Add(d)
	return d
}

func (b *Backoff) now() time.Time {
	if b.Now == nil {
		return time.Now()
	}
	return b.Now()
}

func (b *Backoff) bounds() (low, high time.Duration) {
	low, high = b.Min, b.Max
	if low <= 0 {
		low = time.Second
	}
	if high <= 0 {
		high = 30 * time.Second
	}
	return low, max(low, high)
}

func (b *Backoff) random() float64 {
	if b.Rand == nil {
		return 0
	}
	return b.Rand()
}
