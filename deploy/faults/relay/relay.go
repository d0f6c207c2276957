// Package relay is a network of the worst kind, for tests: it stands between a client and a
// server, over TCP or UDP, and delays, loses, reorders, doubles, throttles, cuts and swallows
// what passes, as told while it runs. What it draws by chance follows from a seed.
package relay

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// Direction is a way through the relay.
type Direction int

// The two ways.
const (
	Up   Direction = iota // from the client to the target
	Down                  // from the target to the client
)

func (d Direction) String() string { return [...]string{"up", "down"}[d] }

// Options are what a relay needs besides its target.
type Options struct {
	Listen string // address to listen on; "": a free port of 127.0.0.1
	Seed   uint64 // of all that is left to chance; a test prints it
}

// Stats count what has passed and what has not.
type Stats struct {
	Connections int64 // TCP connections, or UDP clients, taken
	Cuts        int64 // TCP connections cut by Cut or CutAfter
	Refused     int64 // TCP connections reset at once, by Refuse
	Up, Down    int64 // bytes forwarded
	Swallowed   int64 // bytes taken and dropped while half-open
	Packets     int64 // UDP packets forwarded, doubles included
	Lost        int64 // UDP packets dropped by SetLoss, or for want of room
	Reordered   int64 // UDP packets held back
	Duplicated  int64 // UDP packets sent twice
}

// knobs are what can be changed while the relay runs.
type knobs struct {
	delay, jitter time.Duration
	loss          float64
	reorder       float64
	distance      int
	duplicate     float64
	halfOpen      bool
	refuse        bool
	cutAt         [2]int64 // bytes still to pass before a cut; -1: none is due
}

// Relay stands between clients and one target. All methods may be called at any time and by
// many goroutines. Close it: until then it owns goroutines and sockets.
type Relay struct {
	// set before use
	target string
	addr   string
	stop   func() error // closes the listening socket
	done   chan struct{}
	wg     sync.WaitGroup
	rates  [2]bucket

	mu     sync.Mutex
	k      knobs
	rng    [2]*rand.Rand
	stats  Stats
	links  map[*link]bool  // TCP
	mute   map[string]bool // addresses whose connections are cut when the target answers
	closed bool
}

func newRelay(target string, o Options) *Relay {
	r := &Relay{target: target, done: make(chan struct{}), links: map[*link]bool{}, mute: map[string]bool{}}
	for d := range r.rng {
		r.rng[d] = rand.New(rand.NewPCG(o.Seed, uint64(d)))
		r.k.cutAt[d] = -1
	}
	return r
}

func listenAddr(o Options) string {
	if o.Listen == "" {
		return "127.0.0.1:0"
	}
	return o.Listen
}

// Addr is where clients connect, as host:port.
func (r *Relay) Addr() string { return r.addr }

// SetDelay makes everything take d longer in each direction, and up to jitter more by chance.
// Over UDP jitter reorders; bytes of TCP stay in order.
func (r *Relay) SetDelay(d, jitter time.Duration) {
	r.set(func(k *knobs) { k.delay, k.jitter = d, jitter })
}

// SetLoss drops this part (0..1) of the UDP packets. TCP knows no loss, only delay.
func (r *Relay) SetLoss(p float64) { r.set(func(k *knobs) { k.loss = p }) }

// SetReorder holds this part (0..1) of the UDP packets back until up to distance later ones
// have passed, or nothing has for 200 ms.
func (r *Relay) SetReorder(p float64, distance int) {
	r.set(func(k *knobs) { k.reorder, k.distance = p, max(distance, 1) })
}

// SetDuplicate sends this part (0..1) of the UDP packets twice.
func (r *Relay) SetDuplicate(p float64) { r.set(func(k *knobs) { k.duplicate = p }) }

// SetRate bounds each direction to so many bytes a second, shared fairly by all connections;
// 0: no bound.
func (r *Relay) SetRate(bytesPerSecond int64) {
	for d := range r.rates {
		r.rates[d].set(bytesPerSecond)
	}
}

// HalfOpen makes the relay take everything and pass nothing, without a word to either end, new
// connections included. A TCP connection that lost bytes so stays silent for ever, as behind a
// router that has forgotten it; after HalfOpen(false) new ones work.
func (r *Relay) HalfOpen(on bool) { r.set(func(k *knobs) { k.halfOpen = on }) }

// Refuse makes the relay reset new TCP connections at once. Those that are there stay: see Cut.
func (r *Relay) Refuse(on bool) { r.set(func(k *knobs) { k.refuse = on }) }

// CutAfter lets n more bytes pass in a direction, and when another one comes cuts the TCP
// connection that it comes on with a reset, once. 0 in direction Down loses a whole reply that
// the server has begun to give; -1 calls it off.
func (r *Relay) CutAfter(n int64, d Direction) { r.set(func(k *knobs) { k.cutAt[d] = n }) }

// LoseReply cuts the TCP connection that the target sees as coming from that address (host:port),
// as soon as the target says something on it, and lets nothing of that through. A server under
// test calls it after it has committed and before it answers.
func (r *Relay) LoseReply(from string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mute[from] = true
}

// Cut resets all TCP connections, at both ends, and gives how many there were.
func (r *Relay) Cut() int {
	r.mu.Lock()
	links := make([]*link, 0, len(r.links))
	for l := range r.links {
		links = append(links, l)
	}
	r.stats.Cuts += int64(len(links))
	r.mu.Unlock()
	for _, l := range links {
		l.reset()
	}
	return len(links)
}

// Stats gives what has passed so far.
func (r *Relay) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stats
}

// Close resets everything and waits until all that the relay began has ended.
func (r *Relay) Close() error {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return nil
	}
	r.closed = true
	close(r.done)
	r.mu.Unlock()
	err := r.stop()
	r.Cut()
	r.wg.Wait()
	if err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("relay to %s: %w", r.target, err)
	}
	return nil
}

func (r *Relay) set(f func(*knobs)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f(&r.k)
}

// count changes the stats.
func (r *Relay) count(f func(*Stats)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f(&r.stats)
}

// lag draws how long something in direction d takes. The caller holds mu.
func (r *Relay) lag(d Direction) time.Duration {
	if r.k.jitter <= 0 {
		return r.k.delay
	}
	return r.k.delay + time.Duration(r.rng[d].Int64N(int64(r.k.jitter)))
}

// until waits for an instant. It reports false when the relay was closed, or ended was,
// before.
func (r *Relay) until(at time.Time, ended <-chan struct{}) bool {
	d := time.Until(at)
	if d <= 0 {
		select {
		case <-r.done:
			return false
		case <-ended:
			return false
		default:
			return true
		}
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ended:
	case <-r.done:
	}
	return false
}

// bucket spreads bytes over time.
type bucket struct {
	mu   sync.Mutex
	rate int64     // bytes a second; 0: no bound
	free time.Time // when the line is free again
}

func (b *bucket) set(rate int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rate = rate
}

// limited reports whether there is a bound, so that the pieces are kept small.
func (b *bucket) limited() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.rate > 0
}

// book gives the instant at which n bytes have gone over the line, after all booked before.
func (b *bucket) book(n int, now time.Time) time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rate <= 0 {
		return now
	}
	if b.free.Before(now) {
		b.free = now
	}
	b.free = b.free.Add(time.Duration(int64(n) * int64(time.Second) / b.rate))
	return b.free
}
