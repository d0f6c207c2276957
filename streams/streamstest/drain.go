package streamstest

import (
	"net"
	"sync"
	"time"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/pion/rtcp"
)

// drainLimit is how long the end of a stream waits for a reader to take what is queued.
const drainLimit = 30 * time.Second

// watchedListener wraps what is accepted, so that the end of a stream can be seen to have
// left: gortsplib drops what is queued when a session is closed.
type watchedListener struct{ net.Listener }

func (l watchedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &watchedConn{Conn: c, bye: make(chan struct{})}, nil
}

// watchedConn closes bye when an RTCP BYE has been written, or the connection is closed.
type watchedConn struct {
	net.Conn
	bye  chan struct{}
	once sync.Once
}

func (c *watchedConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	if err != nil || len(b) > 5 && b[0] == '$' && b[1]&1 == 1 && b[5] == 203 {
		c.once.Do(func() { close(c.bye) })
	}
	return n, err
}

func (c *watchedConn) Close() error {
	c.once.Do(func() { close(c.bye) })
	return c.Conn.Close()
}

// goodbye tells the readers that the stream has ended, and waits until they were told.
func (p *path) goodbye() {
	p.stream.WritePacketRTCP(p.video, &rtcp.Goodbye{Sources: []uint32{1}}) //nolint:errcheck // a reader that left is no matter
	p.server.mu.Lock()
	var readers []*watchedConn
	for _, r := range p.server.sessions {
		if r.path == p && r.conn != nil {
			readers = append(readers, r.conn)
		}
	}
	p.server.mu.Unlock()
	limit := time.NewTimer(drainLimit)
	defer limit.Stop()
	for _, c := range readers {
		select {
		case <-c.bye:
		case <-p.ctx.Done():
			return
		case <-limit.C:
			return
		}
	}
}

// reader is one session.
type reader struct {
	path *path
	conn *watchedConn // nil until it plays
}

// connOf gives the connection under a gortsplib one.
func connOf(c *gortsplib.ServerConn) *watchedConn {
	w, _ := c.NetConn().(*watchedConn)
	return w
}
