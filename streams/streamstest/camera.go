package streamstest

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"bongsu/streams"
)

// CameraOptions are what a script does not hold.
type CameraOptions struct {
	Units []*streams.AccessUnit // the video; nil = what the script says (StartCamera makes it)
	Then  []*streams.AccessUnit // the video from the second session on; nil = the same
	// Published is served as it is, instead of a video; nil = the video.
	Published *Published
	TLS       *tls.Config // nil = plain RTSP
	// Mangle changes what is written to the RTSP connection; nil = no change. It is called
	// by one goroutine of a connection at a time.
	Mangle func([]byte) []byte
	Epoch  time.Time // the camera's clock at media time 0; zero = when the media begin
}

// Camera is a fake camera that follows a Script: an RTSP server on 127.0.0.1 of its own, over
// TCP, TLS and UDP, that knows no rule it cannot break. NewCamera makes it, Run serves.
type Camera struct {
	// set before Run
	o      CameraOptions
	script *Script
	l      net.Listener

	mu        sync.Mutex
	conns     map[*cameraConn]bool
	asked     []Asked
	counts    map[string]int // requests by method
	opened    int            // connections ever
	sessions  map[string]bool
	most      int // sessions at once
	number    int // of the last session
	nonce     string
	uses      int // of the nonce
	nonces    int
	fate      Fate
	began     time.Time     // of the last session's media
	paused    chan struct{} // closed when the camera goes on; nil = it is not paused
	keptAlive time.Time
	passwords []string // logins that showed a password readable
}

// Asked is a request that a camera received.
type Asked struct {
	Method, URL, Authorization, Transport, Session string
	At                                             time.Time
}

// NewCamera opens the camera's port.
func NewCamera(script *Script, o CameraOptions) (*Camera, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	if o.TLS != nil {
		l = tls.NewListener(l, o.TLS)
	}
	return &Camera{o: o, script: script, l: l, conns: map[*cameraConn]bool{}, counts: map[string]int{}, sessions: map[string]bool{}, fate: Fate{Dropped: map[int]bool{}}}, nil
}

// URL is where it is reached.
func (c *Camera) URL() string {
	if c.o.TLS != nil {
		return "rtsps://" + c.l.Addr().String() + "/cam"
	}
	return "rtsp://" + c.l.Addr().String() + "/cam"
}

// Run serves until ctx ends.
func (c *Camera) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var done sync.WaitGroup
	defer done.Wait()
	stop := context.AfterFunc(ctx, func() { c.l.Close() })
	defer stop()
	for {
		conn, err := c.l.Accept()
		if err != nil {
			cancel()
			if errors.Is(err, net.ErrClosed) {
				return nil
			}
			return err
		}
		k := c.open(ctx, conn)
		done.Go(func() {
			k.serve()
			c.gone(k)
		})
	}
}

func (c *Camera) open(ctx context.Context, conn net.Conn) *cameraConn {
	k := &cameraConn{camera: c, conn: conn, tracks: map[int]bool{}}
	k.ctx, k.cancel = context.WithCancel(ctx)
	context.AfterFunc(k.ctx, func() { conn.Close() })
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conns[k] = true
	c.opened++
	return k
}

func (c *Camera) gone(k *cameraConn) {
	k.cancel()
	k.media.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.conns, k)
	if !c.script.Sessions.Linger {
		delete(c.sessions, k.session)
	}
}

// Asked gives the requests so far.
func (c *Camera) Asked() []Asked {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.asked)
}

// Opened is the number of connections ever made, Sessions of sessions now, Most of sessions at
// once.
func (c *Camera) Opened() int { c.mu.Lock(); defer c.mu.Unlock(); return c.opened }

// Sessions is the number of sessions that the camera holds.
func (c *Camera) Sessions() int { c.mu.Lock(); defer c.mu.Unlock(); return len(c.sessions) }

// Most is the largest number of sessions that there were at once.
func (c *Camera) Most() int { c.mu.Lock(); defer c.mu.Unlock(); return c.most }

// Passwords are the logins that showed the password readable.
func (c *Camera) Passwords() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.passwords)
}

// Fate is what became of the media packets of the last session.
func (c *Camera) Fate() Fate {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.fate
}

// Began is when the media of the last session began: media time 0 of what is sent in real time.
func (c *Camera) Began() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.began
}

// units gives the video of the session under way.
func (c *Camera) units() []*streams.AccessUnit {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.number > 1 && c.o.Then != nil {
		return c.o.Then
	}
	return c.o.Units
}

// described gives the video of the session that comes next.
func (c *Camera) described() []*streams.AccessUnit {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.number > 0 && c.o.Then != nil {
		return c.o.Then
	}
	return c.o.Units
}

// Pause makes the camera go silent: connections stand, nothing is sent or answered, until the
// function that it gives is called.
func (c *Camera) Pause() (resume func()) {
	wait := make(chan struct{})
	c.mu.Lock()
	c.paused = wait
	c.mu.Unlock()
	return sync.OnceFunc(func() {
		c.mu.Lock()
		c.paused = nil
		c.mu.Unlock()
		close(wait)
	})
}

// pause waits while the camera is silent. It reports false when ctx ended.
func (c *Camera) pause(ctx context.Context) bool {
	c.mu.Lock()
	wait := c.paused
	c.mu.Unlock()
	if wait == nil {
		return ctx.Err() == nil
	}
	select {
	case <-wait:
		return true
	case <-ctx.Done():
		return false
	}
}

// Kick closes all connections.
func (c *Camera) Kick() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for k := range c.conns {
		k.cancel()
	}
}

// cameraConn is one connection of a reader.
type cameraConn struct {
	camera *Camera
	conn   net.Conn
	ctx    context.Context
	cancel context.CancelFunc
	media  sync.WaitGroup

	wmu sync.Mutex // writes

	// owned by serve
	session  string
	channels [2]int // of the first track
	tracks   map[int]bool
	udp      *cameraUDP
	playing  bool
	packets  []flight
	sent     int // of them, ahead of the answer to PLAY
	begin    time.Time
}

// rtspRequest is one request.
type rtspRequest struct {
	method, url string
	head        map[string]string // lower-case names
}

func (k *cameraConn) serve() {
	r := bufio.NewReader(k.conn)
	for {
		if b, err := r.Peek(1); err == nil && b[0] == '$' { // the reader's reports
			h, err := r.Peek(4)
			if err != nil {
				return
			}
			if _, err := r.Discard(4 + int(h[2])<<8 + int(h[3])); err != nil {
				return
			}
			continue
		}
		q, err := readRTSP(r)
		if err != nil || !k.camera.pause(k.ctx) {
			return
		}
		if q.method == "RTSP/1.0" {
			continue // an answer to something that the camera asked
		}
		if !k.answer(q) {
			return
		}
	}
}

func readRTSP(r *bufio.Reader) (*rtspRequest, error) {
	q := &rtspRequest{head: map[string]string{}}
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return nil, err
		}
		line = strings.TrimRight(line, "\r\n")
		name, value, ok := strings.Cut(line, ":")
		switch {
		case line == "" && q.method != "":
			return q, nil
		case q.method == "":
			f := strings.Fields(line)
			if len(f) > 0 {
				q.method = f[0]
			}
			if len(f) > 1 {
				q.url = f[1]
			}
		case ok:
			q.head[strings.ToLower(name)] = strings.TrimSpace(value)
		}
	}
}

// note records a request and gives the answer that the script has for it, nil for the usual.
func (c *Camera) note(q *rtspRequest, playing bool) (*Answer, int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = append(c.asked, Asked{
		Method: q.method, URL: q.url, Authorization: q.head["authorization"],
		Transport: q.head["transport"], Session: q.head["session"], At: time.Now(),
	})
	key := q.method
	if playing && (key == "OPTIONS" || key == "GET_PARAMETER" || key == "SET_PARAMETER") {
		if needs := c.script.Sessions.Needs; needs == "" || needs == key {
			c.keptAlive = time.Now()
		}
		if _, own := c.script.Answers["keepalive "+key]; own {
			key = "keepalive " + key
		} else {
			key = "keepalive"
		}
	}
	n := c.counts[key]
	c.counts[key]++
	list := c.script.Answers[key]
	if len(list) == 0 {
		return nil, n
	}
	return &list[min(n, len(list)-1)], n
}

// take begins a session, when the camera can serve one more.
func (c *Camera) take(k *cameraConn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k.session != "" && c.sessions[k.session] {
		return true
	}
	if l := c.script.Sessions.Limit; l > 0 && len(c.sessions) >= l {
		return false
	}
	c.number++
	k.session = strconv.Itoa(47110 + c.number)
	c.sessions[k.session] = true
	c.most = max(c.most, len(c.sessions))
	return true
}

func (c *Camera) release(k *cameraConn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.sessions, k.session)
}
