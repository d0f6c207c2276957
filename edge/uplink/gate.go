package uplink

import (
	"context"
	"sync"
	"time"

	"bongsu"
)

// gate lets the lanes through while the cloud answers, and holds all of them back together,
// for a growing and jittered time, when it does not.
type gate struct {
	// set before use
	min, max time.Duration
	now      func() time.Time
	rand     func() float64

	mu     sync.Mutex
	delay  time.Duration // guarded by mu: the next wait's upper bound
	opens  time.Time     // guarded by mu: when the next try may be made
	state  string
	reason string
	since  time.Time
	lastOK time.Time
}

// States of the uplink.
const (
	stateStarting  = "starting"
	stateOnline    = "online"
	stateOffline   = "offline"
	stateDenied    = "denied"
	stateThrottled = "throttled"
)

// quickMax bounds the wait after failures of the network, which come and go; a cloud that
// answers with errors is given up to max.
const quickMax = 4 * time.Second

// deniedWait is the wait after the credential was refused: only a person can mend that.
const deniedWait = 15 * time.Second

func newGate(lo, hi time.Duration, now func() time.Time, rnd func() float64) *gate {
	return &gate{min: lo, max: hi, now: now, rand: rnd, state: stateStarting, since: now()}
}

// wait blocks until a try may be made, or ctx ends.
func (g *gate) wait(ctx context.Context) error {
	for {
		g.mu.Lock()
		d := g.opens.Sub(g.now())
		g.mu.Unlock()
		if d <= 0 {
			return ctx.Err()
		}
		if err := pause(ctx, d); err != nil {
			return err
		}
	}
}

// pause blocks for d or until ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ok notes that the cloud has answered as it should. It reports whether it had not before.
func (g *gate) ok() (back bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	g.delay, g.opens, g.lastOK = 0, time.Time{}, now
	if g.state == stateOnline {
		return false
	}
	g.state, g.reason, g.since = stateOnline, "", now
	return true
}

// failed notes a failure and closes the gate for a while. It reports whether the state is new.
func (g *gate) failed(err error) (news bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	state, ceiling := stateOffline, min(quickMax, g.max)
	after := retryAfter(err)
	switch code := bongsu.CodeOf(err); {
	case code == bongsu.CodeUnauthorized, code == bongsu.CodeForbidden:
		state, after = stateDenied, max(after, min(deniedWait, g.max))
	case code == bongsu.CodeThrottled || after > 0:
		state, ceiling = stateThrottled, g.max
	case answered(err):
		ceiling = g.max
	}
	if !g.opens.After(now) { // one of the lanes failed before us: that is one failure, not two
		g.delay = min(max(2*g.delay, g.min), ceiling)
		// Half of the wait is sure, half is chance: edges that lost the cloud at the same
		// instant do not come back at the same instant.
		g.opens = now.Add(after + g.delay/2 + time.Duration(g.rand()*float64(g.delay)/2))
	} else if at := now.Add(after); at.After(g.opens) {
		g.opens = at
	}
	news = g.state != state || g.reason != err.Error()
	if g.state != state {
		g.since = now
	}
	g.state, g.reason = state, err.Error()
	return news
}

func (g *gate) status() Status {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := Status{State: g.state, Reason: g.reason, Since: g.since, LastOK: g.lastOK}
	if g.opens.After(g.now()) {
		s.RetryAt = g.opens
	}
	return s
}

// politeness lets clip uploads step aside while events are on the wire.
type politeness struct {
	mu   sync.Mutex
	busy int
	idle chan struct{} // closed when busy returns to 0
}

func (p *politeness) enter() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.busy == 0 {
		p.idle = make(chan struct{})
	}
	p.busy++
}

func (p *politeness) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.busy--; p.busy == 0 {
		close(p.idle)
	}
}

// yield blocks while events are on the wire, at most a second, so that a clip's connection
// does not look dead.
func (p *politeness) yield() {
	p.mu.Lock()
	busy, idle := p.busy, p.idle
	p.mu.Unlock()
	if busy == 0 {
		return
	}
	t := time.NewTimer(time.Second)
	defer t.Stop()
	select {
	case <-idle:
	case <-t.C:
	}
}
