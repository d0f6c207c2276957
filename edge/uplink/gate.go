package uplink

import (
	"context"
	"errors"
	"sync"
	"time"

	"bongsu"
)

// gate lets the lanes through while the cloud answers, and holds all of them back together,
// for a growing and jittered time, when it does not. After a failure of the network, and when
// the cloud asks to be left alone, it opens by a probe only: one small request at a time asks
// whether the cloud is back, and nobody else waits on a dead connection meanwhile.
type gate struct {
	// set before use
	min, max time.Duration
	now      func() time.Time
	rand     func() float64

	mu      sync.Mutex
	delay   time.Duration // guarded by mu: the next wait's upper bound
	opens   time.Time     // guarded by mu: when the next try may be made
	probing bool          // guarded by mu: only a probe may try
	turned  chan struct{} // guarded by mu: closed and replaced when probing changes
	state   string
	reason  string
	since   time.Time
	lastOK  time.Time
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

// maxSpread bounds what chance adds to a wait that the cloud asked for.
const maxSpread = 30 * time.Second

// deniedWait is the wait after the credential was refused: only a person can mend that.
const deniedWait = 15 * time.Second

func newGate(lo, hi time.Duration, now func() time.Time, rnd func() float64) *gate {
	return &gate{min: lo, max: hi, now: now, rand: rnd, turned: make(chan struct{}), state: stateStarting, since: now()}
}

// wait blocks until the lanes may try, or ctx ends.
func (g *gate) wait(ctx context.Context) error {
	for ctx.Err() == nil {
		g.mu.Lock()
		d, probing, turned := g.opens.Sub(g.now()), g.probing, g.turned
		g.mu.Unlock()
		if probing {
			d = never
		}
		if d <= 0 || g.pause(ctx, d, turned) != nil {
			break
		}
	}
	return ctx.Err()
}

// never is longer than anybody waits.
const never = time.Duration(1<<63 - 1)

// errOpen says that there is nothing to probe.
var errOpen = errors.New("the gate is open")

// waitProbe blocks until the next probe is due, and books the one after: it does not matter
// whether the answer to this one ever comes. It gives errOpen when no probe is wanted any more.
func (g *gate) waitProbe(ctx context.Context) error {
	for {
		g.mu.Lock()
		d, probing, turned := g.opens.Sub(g.now()), g.probing, g.turned
		if probing && d <= 0 {
			g.delay = min(max(2*g.delay, g.min), min(quickMax, g.max))
			g.opens = g.now().Add(g.jittered(g.delay))
			g.mu.Unlock()
			return ctx.Err()
		}
		g.mu.Unlock()
		if !probing {
			return errOpen
		}
		if err := g.pause(ctx, d, turned); err != nil {
			return err
		}
	}
}

// shut gives a channel that is closed when the gate changes between probing and not, and how
// it is now.
func (g *gate) shut() (<-chan struct{}, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.turned, g.probing
}

// open reports whether a try may be made now.
func (g *gate) open() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return !g.probing && !g.opens.After(g.now())
}

// pause blocks for d, or until turned is closed; an error when ctx ends before.
func (g *gate) pause(ctx context.Context, d time.Duration, turned <-chan struct{}) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-turned:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// jittered is half of d for sure and half by chance: edges that lost the cloud at the same
// instant do not come back at the same instant.
func (g *gate) jittered(d time.Duration) time.Duration {
	return d/2 + time.Duration(g.rand()*float64(d)/2)
}

// probe sets whether only probes may try. The caller holds mu.
func (g *gate) probe(on bool) {
	if g.probing != on {
		g.probing = on
		close(g.turned)
		g.turned = make(chan struct{})
	}
}

// ok notes that a lane has got through: waits begin small again. It reports whether the cloud
// was not well before.
func (g *gate) ok() (back bool) {
	g.mu.Lock()
	g.delay = 0
	g.mu.Unlock()
	return g.reached()
}

// reached notes that the cloud has answered as it should. The next wait is as long as it would
// have been: small requests may get through where large ones do not. It reports whether the
// cloud was not well before.
func (g *gate) reached() (back bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	g.opens, g.lastOK = time.Time{}, now
	g.probe(false)
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
	switch {
	case g.probing: // the next probe is booked
	case !g.opens.After(now): // else one of the lanes failed before us: that is one failure, not two
		g.delay = min(max(2*g.delay, g.min), ceiling)
		g.opens = now.Add(g.jittered(g.delay))
	}
	if after > 0 { // all who were asked to wait were asked at the same instant: spread them
		spread := min(max(after/2, g.delay, min(quickMax, g.max)), maxSpread)
		if at := now.Add(after + time.Duration(g.rand()*float64(spread))); at.After(g.opens) {
			g.opens = at
		}
	}
	g.probe(!answered(err) || state == stateThrottled)
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
