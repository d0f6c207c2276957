package relay

import (
	"container/heap"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	maxPacket    = 64 << 10
	maxQueued    = 1024                   // packets of one client in one direction; more are lost
	releaseAfter = 200 * time.Millisecond // a packet held back goes then when no other passes it
	socketBuffer = 4 << 20                // so that the relay itself loses nothing in a burst
)

// UDP listens for packets and forwards those of each client to target (host:port) from a
// socket of its own, and the answers back.
func UDP(target string, o Options) (*Relay, error) {
	at, err := net.ResolveUDPAddr("udp", target)
	if err != nil {
		return nil, fmt.Errorf("relay to %s: %w", target, err)
	}
	here, err := net.ResolveUDPAddr("udp", listenAddr(o))
	if err != nil {
		return nil, fmt.Errorf("relay to %s: %w", target, err)
	}
	c, err := net.ListenUDP("udp", here)
	if err != nil {
		return nil, fmt.Errorf("relay to %s: %w", target, err)
	}
	_ = c.SetReadBuffer(socketBuffer)
	r := newRelay(target, o)
	r.addr, r.stop = c.LocalAddr().String(), c.Close
	r.wg.Go(func() { r.serve(c, at) })
	return r, nil
}

// serve reads the clients' packets until the socket is closed, and then waits for the sessions
// that it has begun.
func (r *Relay) serve(c *net.UDPConn, target *net.UDPAddr) {
	sessions := map[netip.AddrPort]*lane{}
	var running sync.WaitGroup
	defer running.Wait()
	buf := make([]byte, maxPacket)
	for {
		n, from, err := c.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // an ICMP answer to something sent before
		}
		up := sessions[from]
		if up == nil {
			server, err := net.DialUDP("udp", nil, target)
			if err != nil {
				continue
			}
			_ = server.SetReadBuffer(socketBuffer)
			r.count(func(s *Stats) { s.Connections++ })
			up = newLane(r, Up, func(b []byte) { _, _ = server.Write(b) })
			down := newLane(r, Down, func(b []byte) { _, _ = c.WriteToUDPAddrPort(b, from) })
			sessions[from] = up
			running.Go(up.run)
			running.Go(down.run)
			running.Go(func() { down.feed(server) })
			running.Go(func() { <-r.done; _ = server.Close() })
		}
		up.put(buf[:n])
	}
}

// lane is one direction of one client.
type lane struct {
	// set before run
	r    *Relay
	d    Direction
	send func([]byte)
	news chan struct{}

	mu    sync.Mutex
	queue packets // by due
	held  []held
	n     uint64
}

// packet is one on its way.
type packet struct {
	data []byte
	due  time.Time
	n    uint64 // breaks ties in order of arrival
}

// held is a packet that others are to overtake.
type held struct {
	data   []byte
	others int
	since  time.Time
}

func newLane(r *Relay, d Direction, send func([]byte)) *lane {
	return &lane{r: r, d: d, send: send, news: make(chan struct{}, 1)}
}

// feed puts in what the server answers until its socket is closed.
func (l *lane) feed(server *net.UDPConn) {
	buf := make([]byte, maxPacket)
	for {
		n, err := server.Read(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			l.put(buf[:n])
		}
	}
}

// verdict is what chance says about a packet.
type verdict struct {
	swallow, lose, hold, double bool
	others                      int
	lag                         time.Duration
}

// draw decides about one packet. The same seed and the same order of packets in a direction
// give the same verdicts.
func (l *lane) draw() verdict {
	r := l.r
	r.mu.Lock()
	defer r.mu.Unlock()
	v := verdict{swallow: r.k.halfOpen, lag: r.lag(l.d)}
	rng := r.rng[l.d]
	lose, hold, double := rng.Float64(), rng.Float64(), rng.Float64() // always three, so that knobs do not shift what follows
	v.lose, v.hold, v.double = lose < r.k.loss, hold < r.k.reorder, double < r.k.duplicate
	if v.hold {
		v.others = 1 + rng.IntN(r.k.distance)
	}
	return v
}

// put takes a packet from the wire. b is copied.
func (l *lane) put(b []byte) {
	v := l.draw()
	if v.swallow {
		l.r.count(func(s *Stats) { s.Swallowed += int64(len(b)) })
		return
	}
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if v.lose || len(l.queue)+len(l.held) >= maxQueued {
		l.r.count(func(s *Stats) { s.Lost++ })
		return
	}
	data := append([]byte{}, b...) // not nil, even when empty
	if v.double {
		l.r.count(func(s *Stats) { s.Duplicated++ })
		l.push(data, now.Add(v.lag))
	}
	if v.hold {
		l.r.count(func(s *Stats) { s.Reordered++ })
		l.held = append(l.held, held{data, v.others, now})
	} else {
		l.push(data, now.Add(v.lag))
	}
	select {
	case l.news <- struct{}{}:
	default:
	}
}

func (l *lane) push(data []byte, due time.Time) {
	l.n++
	heap.Push(&l.queue, packet{data, due, l.n})
}

// run sends what is due until the relay is closed.
func (l *lane) run() {
	t := time.NewTimer(time.Hour)
	defer t.Stop()
	for {
		b, next := l.take(time.Now())
		if b != nil {
			if !l.r.until(l.r.rates[l.d].book(len(b), time.Now()), nil) {
				return
			}
			l.send(b)
			l.r.count(func(s *Stats) {
				s.Packets++
				if l.d == Up {
					s.Up += int64(len(b))
				} else {
					s.Down += int64(len(b))
				}
			})
			continue
		}
		t.Reset(next)
		select {
		case <-l.r.done:
			return
		case <-l.news:
		case <-t.C:
		}
	}
}

// take gives the next packet that is due, or how long there is none.
func (l *lane) take(now time.Time) (b []byte, next time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	next = time.Hour
	for i, h := range l.held {
		if wait := h.since.Add(releaseAfter).Sub(now); h.others > 0 && wait > 0 {
			next = min(next, wait)
			continue
		}
		l.held = append(l.held[:i], l.held[i+1:]...)
		return h.data, 0
	}
	if len(l.queue) == 0 {
		return nil, next
	}
	if wait := l.queue[0].due.Sub(now); wait > 0 {
		return nil, min(next, wait)
	}
	p := heap.Pop(&l.queue).(packet)
	for i := range l.held {
		l.held[i].others--
	}
	return p.data, 0
}

// packets is a heap, the earliest first.
type packets []packet

func (q packets) Len() int      { return len(q) }
func (q packets) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q packets) Less(i, j int) bool {
	if !q[i].due.Equal(q[j].due) {
		return q[i].due.Before(q[j].due)
	}
	return q[i].n < q[j].n
}

// Push implements heap.Interface.
func (q *packets) Push(x any) { *q = append(*q, x.(packet)) }

// Pop implements heap.Interface.
func (q *packets) Pop() any {
	old := *q
	x := old[len(old)-1]
	*q = old[:len(old)-1]
	return x
}
