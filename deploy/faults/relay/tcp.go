package relay

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// Sizes of what a connection holds. Little is kept on the way, so that a sender behind a slow
// line feels that it is slow.
const (
	pieceBytes     = 32 << 10
	slowPieceBytes = 1400 // one packet, when the line is slow: connections take turns
	slowBuffer     = 32 << 10
	piecesInFlight = 64
)

// TCP listens for connections and forwards each to target (host:port).
func TCP(target string, o Options) (*Relay, error) {
	l, err := net.Listen("tcp", listenAddr(o))
	if err != nil {
		return nil, fmt.Errorf("relay to %s: %w", target, err)
	}
	r := newRelay(target, o)
	r.addr, r.stop = l.Addr().String(), l.Close
	r.wg.Go(func() { r.accept(l.(*net.TCPListener)) })
	return r, nil
}

func (r *Relay) accept(l *net.TCPListener) {
	for {
		c, err := l.AcceptTCP()
		if err != nil {
			return // closed
		}
		lk := &link{r: r, ended: make(chan struct{}), client: c}
		if !r.admit(lk) {
			hangUp(c)
			continue
		}
		r.wg.Go(lk.run)
	}
}

// admit takes a new connection in, unless it is to be refused.
func (r *Relay) admit(lk *link) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.k.refuse || r.closed {
		r.stats.Refused++
		return false
	}
	r.links[lk] = true
	r.stats.Connections++
	return true
}

// hangUp closes a connection with a reset instead of an orderly end.
func hangUp(c *net.TCPConn) {
	_ = c.SetLinger(0)
	_ = c.Close()
}

// link is one TCP connection through the relay.
type link struct {
	// set before run
	r      *Relay
	client *net.TCPConn
	ended  chan struct{} // closed when either end is reset

	from string // set before the pumps: where the target sees it come from

	mu     sync.Mutex
	server *net.TCPConn // nil until dialled
	over   bool
	deaf   bool // bytes were swallowed: it never speaks again
}

func (l *link) run() {
	defer func() {
		l.reset()
		l.r.mu.Lock()
		delete(l.r.links, l)
		l.r.mu.Unlock()
	}()
	if l.swallows() { // the target never hears of it
		l.read(l.client, Up, nil)
		return
	}
	c, err := net.DialTimeout("tcp", l.r.target, 5*time.Second)
	if err != nil {
		return
	}
	server := c.(*net.TCPConn)
	l.mu.Lock()
	l.server, l.from = server, server.LocalAddr().String()
	over := l.over
	l.mu.Unlock()
	if over {
		hangUp(server)
		return
	}
	var pumps sync.WaitGroup
	pumps.Go(func() { l.pump(l.client, server, Up) })
	pumps.Go(func() { l.pump(server, l.client, Down) })
	pumps.Wait()
}

// swallows reports whether what comes now is dropped without a word.
func (l *link) swallows() bool {
	l.r.mu.Lock()
	half := l.r.k.halfOpen
	l.r.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.deaf = l.deaf || half
	return l.deaf
}

// reset ends both connections at once, with RST.
func (l *link) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		return
	}
	l.over = true
	close(l.ended)
	hangUp(l.client)
	if l.server != nil {
		hangUp(l.server)
	}
}

// piece is some bytes on their way.
type piece struct {
	data []byte
	due  time.Time
}

// pump brings the bytes of one direction over until an end or a reset.
func (l *link) pump(from, to *net.TCPConn, d Direction) {
	queue := make(chan piece, piecesInFlight)
	var writer sync.WaitGroup
	writer.Go(func() { l.write(to, d, queue) })
	l.read(from, d, queue)
	close(queue)
	writer.Wait()
}

// read takes bytes from one end until it ends. A nil queue swallows all.
func (l *link) read(from *net.TCPConn, d Direction, queue chan<- piece) {
	slow := false
	for {
		size := pieceBytes
		if l.r.rates[d].limited() {
			size = slowPieceBytes
			if !slow {
				slow = true
				_ = from.SetReadBuffer(slowBuffer)
			}
		}
		buf := make([]byte, size)
		n, err := from.Read(buf)
		if n > 0 && !l.take(buf[:n], d, queue) {
			return
		}
		if err != nil {
			if !errors.Is(err, io.EOF) && !l.swallows() {
				l.reset() // a reset at one end is one at the other
			}
			return
		}
	}
}

// take queues one piece, or swallows it. It reports false when the link is over.
func (l *link) take(b []byte, d Direction, queue chan<- piece) bool {
	if l.swallows() || queue == nil {
		l.r.count(func(s *Stats) { s.Swallowed += int64(len(b)) })
		return true
	}
	l.r.mu.Lock()
	due := time.Now().Add(l.r.lag(d))
	l.r.mu.Unlock()
	select {
	case queue <- piece{b, due}:
		return true
	case <-l.ended:
	case <-l.r.done:
	}
	return false
}

// write sends what is queued when it is due. After the last of it the other end is told that
// no more comes, unless the connection is one of those that say nothing.
func (l *link) write(to *net.TCPConn, d Direction, queue <-chan piece) {
	for p := range queue {
		if !l.r.until(p.due, l.ended) || !l.r.until(l.r.rates[d].book(len(p.data), time.Now()), l.ended) {
			l.reset()
			break
		}
		if l.swallows() {
			l.r.count(func(s *Stats) { s.Swallowed += int64(len(p.data)) })
			continue
		}
		pass, cut := l.r.pass(l, len(p.data), d)
		if _, err := to.Write(p.data[:pass]); err != nil || cut {
			l.reset()
			break
		}
	}
	for range queue { // the reader may still be putting in
	}
	if !l.swallows() {
		_ = to.CloseWrite()
		return
	}
	// The end is not told either. It waits until the relay or the peer has enough.
	select {
	case <-l.ended:
	case <-l.r.done:
	}
}

// pass books n bytes in a direction and says how many of them may go, and whether the
// connection is cut behind them.
func (r *Relay) pass(l *link, n int, d Direction) (may int, cut bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	may = n
	if d == Down && r.mute[l.from] {
		delete(r.mute, l.from)
		r.stats.Cuts++
		return 0, true
	}
	if left := r.k.cutAt[d]; left >= 0 {
		if int64(n) > left {
			may, cut = int(left), true
			r.k.cutAt[d] = -1
			r.stats.Cuts++
		} else {
			r.k.cutAt[d] = left - int64(n)
		}
	}
	if d == Up {
		r.stats.Up += int64(may)
	} else {
		r.stats.Down += int64(may)
	}
	return may, cut
}
