package live

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/coder/websocket"

	"bongsu"
	"bongsu/cloud/auth"
)

// line is an edge's control connection.
type line struct {
	edge     bongsu.EdgeID
	features []string      // what it can do beyond live pictures
	out      chan []byte   // in: texts to say; closed never
	gone     chan struct{} // closed when the connection is over
	end      context.CancelFunc
}

// lineRoom is how many messages may wait for an edge. One that lets so many wait is cut off: it
// comes again, and is asked anew.
const lineRoom = 256

// say sends a message; it does not block.
func (l *line) say(t bongsu.LiveText) { l.write(t.Encode()) }

// write sends a text; it does not block.
func (l *line) write(text []byte) {
	select {
	case l.out <- text:
	default:
		l.end()
	}
}

// accept makes a WebSocket of a request. The guard has looked at its origin already, and knows
// the names that a proxy gives this server, which the library does not.
func accept(w http.ResponseWriter, r *http.Request, limit int64) (*websocket.Conn, error) {
	c, err := websocket.Accept(shallow{w}, r, &websocket.AcceptOptions{InsecureSkipVerify: true, CompressionMode: websocket.CompressionDisabled})
	if err != nil {
		return nil, err
	}
	c.SetReadLimit(limit)
	return c, nil
}

// kernelBytes is how much of what was written to a connection may wait in the kernel, which
// doubles it. What waits there can no longer be left out, and costs memory for viewers that read
// nothing; over a way of 100 ms it is enough for 20 Mbit/s.
const kernelBytes = 256 << 10

// shallow takes connections over with little room in the kernel.
type shallow struct{ http.ResponseWriter }

// Hijack implements http.Hijacker.
func (s shallow) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(s.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	inner := c
	if t, ok := c.(*tls.Conn); ok {
		inner = t.NetConn()
	}
	if tcp, ok := inner.(*net.TCPConn); ok {
		_ = tcp.SetWriteBuffer(kernelBytes) // more than that is no harm to anybody but slow viewers
	}
	return c, rw, nil
}

// upgrade refuses what asks for no WebSocket, with a sentence of ours.
func upgrade(r *http.Request) error {
	if r.Header.Get("Sec-WebSocket-Key") == "" || r.ProtoMajor != 1 {
		return bongsu.Errorf(bongsu.CodeInvalid, "this address speaks WebSocket (RFC 6455) over HTTP/1.1 only")
	}
	return nil
}

// getControl serves an edge's control connection until it breaks, another one of the same edge
// takes its place, the edge is shut out, or the hub ends.
func (h *Hub) getControl(w http.ResponseWriter, r *http.Request) error {
	who := auth.From(r.Context())
	if err := upgrade(r); err != nil {
		return err
	}
	if err := h.begin(); err != nil {
		return err
	}
	defer h.working.Done()
	conn, err := accept(w, r, bongsu.MaxLiveTextBytes)
	if err != nil {
		return nil // answered
	}
	defer func() { _ = conn.CloseNow() }()
	ctx, cancel := h.within(r.Context())
	defer cancel()
	l := &line{edge: who.Edge, features: features(r), out: make(chan []byte, lineRoom), gone: make(chan struct{}), end: cancel}
	h.connect(l)
	h.o.Log.Info("an edge can be asked for live pictures", "edge", l.edge)
	spoken := make(chan struct{})
	go func() {
		defer close(spoken)
		defer cancel()
		if err := h.speak(ctx, conn, l, who); err != nil && ctx.Err() == nil {
			h.o.Log.Info("an edge's control connection for live pictures broke", "edge", l.edge, "err", err)
		}
	}()
	h.listen(ctx, conn, l)
	cancel()
	<-spoken
	close(l.gone)
	h.disconnect(l)
	return nil
}

// connect makes l the edge's line; the former one ends. Pulls of the edge are asked for anew.
func (h *Hub) connect(l *line) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if former := h.edges[l.edge]; former != nil {
		former.end()
	}
	h.edges[l.edge] = l
	h.forget(l.edge)
	now := h.o.Now()
	for k, p := range h.pulls {
		if k.edge == l.edge {
			p.retry(now)
			h.ask(p, now)
		}
	}
}

// forget ends what an edge was asked for: it ends all sessions with the connection they were
// asked over. The caller holds h.mu.
func (h *Hub) forget(edge bongsu.EdgeID) {
	for k, p := range h.pulls {
		if k.edge == edge && p.session != "" {
			delete(h.sessions, p.session)
			p.close()
		}
	}
}

func (h *Hub) disconnect(l *line) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.edges[l.edge] != l {
		return
	}
	delete(h.edges, l.edge)
	h.forget(l.edge)
	for k, p := range h.pulls {
		if k.edge == l.edge {
			p.tell(bongsu.LiveState(bongsu.LiveWaiting, bongsu.LiveEdgeOffline, "the edge that has this camera has lost its connection"))
		}
	}
}

// speak sends what is to be said, and pings; an edge that was shut out ends.
func (h *Hub) speak(ctx context.Context, conn *websocket.Conn, l *line, who *auth.Principal) error {
	ping := time.NewTicker(h.o.PingEvery)
	defer ping.Stop()
	for {
		within, cancel := context.WithTimeout(ctx, h.o.Dead)
		var err error
		select {
		case t := <-l.out:
			err = conn.Write(within, websocket.MessageText, t)
		case <-ping.C:
			if err = h.o.Auth.Still(ctx, who); err == nil {
				err = conn.Ping(within)
			}
		case <-ctx.Done():
			err = ctx.Err()
		}
		cancel()
		if err != nil {
			return err
		}
	}
}

// listen reads what the edge says until the connection ends.
func (h *Hub) listen(ctx context.Context, conn *websocket.Conn, l *line) {
	for {
		_, b, err := conn.Read(ctx)
		if err != nil {
			return
		}
		t, err := bongsu.ParseLiveText(b)
		if err != nil || t.Type != bongsu.LiveTypeRefused {
			continue // of a later release
		}
		h.mu.Lock()
		if p := h.sessions[t.Session]; p != nil && p.key.edge == l.edge {
			delete(h.sessions, t.Session)
			p.refused(t, h.o.Now())
		}
		h.mu.Unlock()
	}
}

// getMedia takes a session's pictures from the edge that was asked for them.
func (h *Hub) getMedia(w http.ResponseWriter, r *http.Request) error {
	edge, session := auth.From(r.Context()).Edge, r.PathValue("session")
	if err := upgrade(r); err != nil {
		return err
	}
	if err := h.begin(); err != nil {
		return err
	}
	defer h.working.Done()
	h.mu.Lock()
	p := h.sessions[session]
	mine := p != nil && p.key.edge == edge
	h.mu.Unlock()
	if !mine {
		return bongsu.Errorf(bongsu.CodeNotFound, "nobody asks for this session any more")
	}
	conn, err := accept(w, r, bongsu.MaxLiveMessageBytes)
	if err != nil {
		return nil // answered
	}
	defer func() { _ = conn.CloseNow() }()
	ctx, cancel := h.within(r.Context())
	defer cancel()
	if !p.attach(session, cancel) {
		return nil
	}
	err = h.receive(ctx, conn, p, session)
	h.mu.Lock()
	if h.sessions[session] == p {
		delete(h.sessions, session)
		p.lost(session, h.o.Now())
	}
	h.mu.Unlock()
	if ctx.Err() == nil && websocket.CloseStatus(err) == -1 {
		h.o.Log.Info("live pictures of a camera broke off", "edge", edge, "camera", p.key.camera, "err", err)
	}
	return nil
}

// receive passes on what comes until the connection ends or the edge breaks the protocol; it says
// which.
func (h *Hub) receive(ctx context.Context, conn *websocket.Conn, p *pull, session string) error {
	var lag bongsu.LiveLag
	var late time.Duration
	for {
		typ, b, err := conn.Read(ctx)
		if err != nil {
			return err
		}
		h.received.Add(int64(len(b)))
		if typ == websocket.MessageText {
			if err := p.read(session, b, late, h.o.Now()); err != nil {
				return closeFor(conn, err)
			}
			continue
		}
		head, payload, err := bongsu.ParseLiveHeader(b)
		if err != nil {
			return closeFor(conn, err)
		}
		now := h.o.Now()
		late = lag.Late(head.Sent, now)
		head.Age += late
		p.picture(session, head, payload, now)
	}
}

// read takes a text of the edge in. Texts do not say when they were sent: they are as late as the
// picture before them.
func (p *pull) read(session string, text []byte, late time.Duration, now time.Time) error {
	if bongsu.TextType(text) == bongsu.LiveTypeBoxes {
		b, err := bongsu.ParseLiveBoxes(text)
		if err == nil {
			p.found(session, b.Aged(late), now)
		}
		return err
	}
	t, err := bongsu.ParseLiveText(text)
	if err == nil {
		p.heard(session, t)
	}
	return err
}

// closeFor ends a connection whose other side broke the protocol, and says why.
func closeFor(conn *websocket.Conn, err error) error {
	_ = conn.Close(websocket.StatusPolicyViolation, truncate(err.Error(), 120))
	return fmt.Errorf("the edge broke the protocol: %w", err)
}

func truncate(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}
