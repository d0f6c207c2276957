package live

import (
	"context"
	"sync"
	"time"

	"bongsu"
)

// pull is one camera's pictures in one mode on their way to all who look at them. Its session is
// guarded by Hub.mu, the rest by its own.
type pull struct {
	// set before use
	key   key
	hub   *Hub
	cache int // bytes of the group of pictures that is kept for the next viewer

	// guarded by Hub.mu
	session string    // that the edge was asked for last; "" when there is none
	askedAt time.Time // and when
	nextAsk time.Time // not before
	boxes   bool      // the session was asked for what is found in the pictures, too

	mu      sync.Mutex
	viewers map[*viewer]bool // guarded by mu
	empty   time.Time        // guarded by mu: since when nobody looks
	live    string           // guarded by mu: the session whose connection is up; "" when none is
	hangUp  context.CancelFunc
	format  *message // guarded by mu
	init    *message // guarded by mu
	state   *message // guarded by mu
	said    bongsu.LiveText
	group   []*message // guarded by mu: from the newest key frame on; nil when it became too large
	bytes   int        // guarded by mu: of group
	lastAt  time.Time  // guarded by mu: when the last picture came
}

func newPull(k key, h *Hub) *pull {
	p := &pull{key: k, hub: h, cache: h.o.CacheBytes, viewers: map[*viewer]bool{}}
	p.setState(bongsu.LiveState(bongsu.LiveWaiting, bongsu.LiveStarting, ""))
	return p
}

// add lets a viewer in: it gets what is at hand, then what comes.
func (p *pull) add(v *viewer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.viewers[v] = true
	p.empty = time.Time{}
	have := []*message{p.state}
	for _, m := range []*message{p.format, p.init} {
		if m != nil {
			have = append(have, m)
		}
	}
	have = append(have, p.group...)
	v.queue.prime(have)
}

func (p *pull) remove(v *viewer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.viewers, v)
	if len(p.viewers) == 0 {
		p.empty = p.hub.o.Now()
	}
}

// over reports whether nobody has looked for long enough.
func (p *pull) over(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.viewers) == 0 && now.Sub(p.empty) >= p.hub.o.Linger
}

// wantsStart reports whether the edge is to be asked, for the first time or again. The caller
// holds Hub.mu.
func (p *pull) wantsStart(now time.Time) bool {
	if now.Before(p.nextAsk) {
		return false
	}
	if p.session == "" {
		return true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.live == "" && now.Sub(p.askedAt) >= p.hub.o.AnswerWithin
}

// asked notes what the edge was asked for. The caller holds Hub.mu.
func (p *pull) asked(session string, now time.Time) {
	p.session, p.askedAt, p.nextAsk = session, now, now.Add(p.hub.o.Again)
}

// retry lets the edge be asked at once. The caller holds Hub.mu.
func (p *pull) retry(now time.Time) { p.nextAsk = now }

// refused takes an edge's refusal in, also of a session that had begun: the edge may know sooner
// than we that its connection is dead. It is asked again after a while. The caller holds Hub.mu.
func (p *pull) refused(t bongsu.LiveText, now time.Time) {
	p.close()
	p.nextAsk = now.Add(p.hub.o.Again)
	p.tell(bongsu.LiveState(bongsu.LiveWaiting, t.Code, t.Message))
}

// lost notes that a session's connection is over. The caller holds Hub.mu.
func (p *pull) lost(session string, now time.Time) {
	if p.session == session {
		p.session, p.nextAsk = "", now.Add(p.hub.o.Again)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.live == session {
		p.live = ""
		p.drop()
	}
}

// close forgets the session and hangs up its connection. The caller holds Hub.mu.
func (p *pull) close() {
	p.session = ""
	p.mu.Lock()
	defer p.mu.Unlock()
	p.live = ""
	if p.hangUp != nil {
		p.hangUp()
		p.hangUp = nil
	}
	p.drop()
}

// drop forgets what was kept for the next viewer: it is old. The caller holds mu.
func (p *pull) drop() { p.format, p.init, p.group, p.bytes = nil, nil, nil, 0 }

// attach makes a connection the one of its session; a session has one only.
func (p *pull) attach(session string, hangUp context.CancelFunc) bool {
	p.hub.mu.Lock()
	defer p.hub.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.session != session || p.live == session {
		return false
	}
	p.live, p.hangUp, p.lastAt = session, hangUp, p.hub.o.Now()
	p.drop()
	return true
}

// heard takes a text of the edge in.
func (p *pull) heard(session string, t bongsu.LiveText) {
	switch t.Type {
	case bongsu.LiveTypeFormat:
		p.mu.Lock()
		if p.live == session {
			p.format = &message{text: t.Encode(), format: true, at: p.hub.o.Now()}
			p.init, p.group, p.bytes = nil, nil, 0 // others follow
			p.pass(p.format)
		}
		p.mu.Unlock()
	case bongsu.LiveTypeState:
		if t.State == bongsu.LiveEnded {
			t.State = bongsu.LiveWaiting // for viewers it goes on: the edge is asked again
		}
		p.mu.Lock()
		if p.live == session && p.said != t {
			p.setState(t)
			p.pass(p.state)
		}
		p.mu.Unlock()
	}
}

// messageCost is what a message costs besides its payload, roughly: of an edge that sends empty ones
// no end would be kept otherwise.
const messageCost = 1 << 10

// picture takes a binary message of the edge in.
func (p *pull) picture(session string, head bongsu.LiveHeader, payload []byte, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.live != session {
		return
	}
	m := &message{head: head, payload: payload, at: now}
	if head.Kind == bongsu.LiveInit {
		p.init, p.group, p.bytes = m, nil, 0
		p.pass(m)
		return
	}
	p.lastAt = now
	if head.Key() {
		p.group, p.bytes = p.group[:0:0], 0
	}
	switch {
	case !head.Key() && p.group == nil: // its beginning is missing
	case p.bytes+len(payload)+messageCost > p.cache:
		p.group, p.bytes = nil, 0
	default:
		p.group = append(p.group, m)
		p.bytes += len(payload) + messageCost
	}
	if p.said.State != bongsu.LiveLive {
		p.setState(bongsu.LiveState(bongsu.LiveLive, "", ""))
		p.pass(p.state)
	}
	p.pass(m)
}

// found takes what the edge found in a picture, for the viewers that asked for it.
func (p *pull) found(session string, b bongsu.LiveBoxes, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.live != session {
		return
	}
	m := &message{boxes: &b, at: now}
	for v := range p.viewers {
		if v.boxes {
			v.queue.put(m)
		}
	}
}

// wantsBoxes reports whether a viewer wants what is found in the pictures, too.
func (p *pull) wantsBoxes() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for v := range p.viewers {
		if v.boxes {
			return true
		}
	}
	return false
}

// pass gives a message to all viewers; it does not block. The caller holds mu.
func (p *pull) pass(m *message) {
	for v := range p.viewers {
		v.queue.put(m)
	}
}

// tell says how things are, when that is another than before.
func (p *pull) tell(t bongsu.LiveText) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.said == t {
		return
	}
	p.setState(t)
	p.pass(p.state)
}

func (p *pull) setState(t bongsu.LiveText) {
	p.said = t
	p.state = &message{text: t.Encode(), at: p.hub.o.Now()}
}

// watch says so when the edge has sent no picture for long, though its connection is up and it
// has not said why.
func (p *pull) watch(now time.Time) {
	p.mu.Lock()
	silent := p.live != "" && p.said.State == bongsu.LiveLive && now.Sub(p.lastAt) > p.hub.o.StaleAfter
	p.mu.Unlock()
	if silent {
		p.tell(bongsu.LiveState(bongsu.LiveStale, bongsu.LiveTooSlow, "no picture has come from the edge for a while"))
	}
}
