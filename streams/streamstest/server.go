package streamstest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/auth"
	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/bluenviron/gortsplib/v4/pkg/liberrors"
)

// Auth says which logins the server offers when it has users.
type Auth int

// Logins that a server can offer.
const (
	AuthDigest   Auth = iota // digest with MD5
	AuthSHA256               // digest with SHA-256
	AuthBasic                // Basic alone
	AuthBasicToo             // Basic, then digest
)

// writeQueue is in packets: a stream that is served flat out must not lose any here.
const writeQueue = 1 << 14

// ServerOptions describe a camera, or several behind one address.
type ServerOptions struct {
	Listen      string            // 127.0.0.1:0 when empty
	Users       map[string]string // user name -> password; none = no login
	Auth        Auth
	MaxSessions int  // sessions above are refused with 453; 0 = no limit
	Silent      bool // accepts connections, and says nothing
	Paths       []*Path
}

// Server is an RTSP server in this process. NewServer opens its port, Run serves.
type Server struct {
	// set before Run
	o        ServerOptions
	listener net.Listener
	rtsp     *gortsplib.Server
	ready    chan struct{} // closed when Run serves

	feeds sync.WaitGroup

	mu       sync.Mutex
	ctx      context.Context // of Run; nil before it
	paths    map[string]*path
	requests []Request
	sessions map[*gortsplib.ServerSession]*reader
	plays    map[*gortsplib.ServerConn]*path // PLAY accepted, answer not yet sent
	stopped  bool
}

// Request is what a client asked for.
type Request struct {
	Method        string
	URL           string
	Authorization string // the header as it came, with whatever secret it shows
}

// NewServer opens the port. Paths must name different places.
func NewServer(o ServerOptions) (*Server, error) {
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0"
	}
	s := &Server{
		o: o, ready: make(chan struct{}), paths: map[string]*path{},
		sessions: map[*gortsplib.ServerSession]*reader{}, plays: map[*gortsplib.ServerConn]*path{},
	}
	for _, p := range o.Paths {
		if s.paths[p.Name] != nil {
			return nil, fmt.Errorf("streamstest: two paths are named %q", p.Name)
		}
		path, err := newPath(s, p)
		if err != nil {
			return nil, err
		}
		s.paths[p.Name] = path
	}
	l, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return nil, err
	}
	s.listener = l
	return s, nil
}

// Add brings another path, before Run or while it runs. It may be called from any goroutine.
func (s *Server) Add(o *Path) error {
	p, err := newPath(s, o)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.paths[o.Name] != nil:
		return fmt.Errorf("streamstest: two paths are named %q", o.Name)
	case s.stopped:
		return fmt.Errorf("streamstest: path %q comes after the server's end", o.Name)
	case s.ctx != nil:
		p.ctx = s.ctx
		if err := p.open(); err != nil {
			return err
		}
	}
	s.paths[o.Name] = p
	return nil
}

func (s *Server) all() []*path {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Values(s.paths))
}

// Addr is host:port.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// URL is the address of a path.
func (s *Server) URL(name string) string { return "rtsp://" + s.Addr() + "/" + name }

// Ready is closed when the server answers.
func (s *Server) Ready() <-chan struct{} { return s.ready }

// Run serves until ctx ends. It returns when all it began has ended.
func (s *Server) Run(ctx context.Context) error {
	if s.o.Silent {
		return s.holdSilently(ctx)
	}
	methods := map[Auth][]auth.VerifyMethod{
		AuthDigest:   {auth.VerifyMethodDigestMD5},
		AuthSHA256:   {auth.VerifyMethodDigestSHA256},
		AuthBasic:    {auth.VerifyMethodBasic},
		AuthBasicToo: {auth.VerifyMethodBasic, auth.VerifyMethodDigestMD5},
	}
	s.rtsp = &gortsplib.Server{
		RTSPAddress: s.Addr(), AuthMethods: methods[s.o.Auth], Handler: s, WriteQueueSize: writeQueue,
		DisableRTCPSenderReports: true, // the paths send their own
		Listen:                   func(string, string) (net.Listener, error) { return watchedListener{s.listener}, nil },
	}
	if err := s.rtsp.Start(); err != nil {
		s.listener.Close()
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.mu.Lock()
	s.ctx = ctx
	for _, p := range s.paths {
		p.ctx = ctx
		if err := p.open(); err != nil {
			s.mu.Unlock()
			s.rtsp.Close()
			return err
		}
	}
	s.mu.Unlock()
	close(s.ready)
	ended := make(chan error, 1)
	go func() { ended <- s.rtsp.Wait() }()
	var err error
	select {
	case err = <-ended:
	case <-ctx.Done():
	}
	s.mu.Lock()
	s.stopped = true
	s.mu.Unlock()
	cancel()
	s.feeds.Wait()
	s.rtsp.Close()
	for _, p := range s.all() {
		p.close()
	}
	if err == nil {
		<-ended //nolint:errcheck // the closing just done is its reason
	}
	return err
}

// holdSilently accepts connections and never answers.
func (s *Server) holdSilently(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { s.listener.Close() })
	defer stop()
	close(s.ready)
	var held []net.Conn
	defer func() {
		for _, c := range held {
			c.Close()
		}
	}()
	for {
		c, err := s.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		held = append(held, c)
	}
}

// Requests lists what was asked for so far.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// Sessions counts the open sessions of a path.
func (s *Server) Sessions(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, r := range s.sessions {
		if r.path.o.Name == name {
			n++
		}
	}
	return n
}

// Kick closes all sessions of a path, as a camera does that restarts. Its feed goes on.
func (s *Server) Kick(name string) {
	s.mu.Lock()
	var out []*gortsplib.ServerSession
	for ss, r := range s.sessions {
		if r.path.o.Name == name {
			out = append(out, ss)
		}
	}
	s.mu.Unlock()
	for _, ss := range out {
		ss.Close()
	}
}

// OnRequest is called by gortsplib.
func (s *Server) OnRequest(_ *gortsplib.ServerConn, req *base.Request) {
	r := Request{Method: string(req.Method)}
	if req.URL != nil {
		r.URL = req.URL.String()
	}
	if v := req.Header["Authorization"]; len(v) > 0 {
		r.Authorization = v[0]
	}
	s.mu.Lock()
	s.requests = append(s.requests, r)
	s.mu.Unlock()
}

// admit answers what every request on a path needs: a login and the path.
func (s *Server) admit(conn *gortsplib.ServerConn, req *base.Request, name string) (*path, *base.Response, error) {
	ok := len(s.o.Users) == 0
	for user, password := range s.o.Users {
		ok = ok || conn.VerifyCredentials(req, user, password)
	}
	if !ok {
		return nil, &base.Response{StatusCode: base.StatusUnauthorized}, liberrors.ErrServerAuth{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(name) > 0 && name[0] == '/' {
		name = name[1:]
	}
	p := s.paths[name]
	if p == nil || p.stream == nil {
		return nil, &base.Response{StatusCode: base.StatusNotFound}, nil
	}
	return p, &base.Response{StatusCode: base.StatusOK}, nil
}

// OnDescribe is called by gortsplib.
func (s *Server) OnDescribe(ctx *gortsplib.ServerHandlerOnDescribeCtx) (*base.Response, *gortsplib.ServerStream, error) {
	p, res, err := s.admit(ctx.Conn, ctx.Request, ctx.Path)
	if p == nil {
		return res, nil, err
	}
	return res, p.current(), nil
}

// OnSetup is called by gortsplib.
func (s *Server) OnSetup(ctx *gortsplib.ServerHandlerOnSetupCtx) (*base.Response, *gortsplib.ServerStream, error) {
	p, res, err := s.admit(ctx.Conn, ctx.Request, ctx.Path)
	if p == nil {
		return res, nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.sessions[ctx.Session]; !known && s.o.MaxSessions > 0 && len(s.sessions) >= s.o.MaxSessions {
		return &base.Response{StatusCode: base.StatusNotEnoughBandwidth}, nil, nil
	}
	s.sessions[ctx.Session] = &reader{path: p}
	return res, p.stream, nil
}

// OnPlay is called by gortsplib.
func (s *Server) OnPlay(ctx *gortsplib.ServerHandlerOnPlayCtx) (*base.Response, error) {
	p, res, err := s.admit(ctx.Conn, ctx.Request, ctx.Path)
	if p != nil {
		s.mu.Lock()
		s.plays[ctx.Conn] = p
		if r := s.sessions[ctx.Session]; r != nil {
			r.conn = connOf(ctx.Conn)
		}
		s.mu.Unlock()
	}
	return res, err
}

// OnResponse is called by gortsplib just before an answer is sent: whoever asked to play
// gets every packet from now on.
func (s *Server) OnResponse(conn *gortsplib.ServerConn, _ *base.Response) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.plays[conn]; p != nil {
		delete(s.plays, conn)
		p.read = true
		s.startReady(p)
	}
}

// startReady starts the feed of p, and of its group once all of them are read. The lock is held.
func (s *Server) startReady(p *path) {
	group := []*path{p}
	if p.o.Group != "" {
		group = group[:0]
		for _, o := range s.paths {
			if o.o.Group != p.o.Group {
				continue
			}
			if !o.read {
				return
			}
			group = append(group, o)
		}
	}
	if s.stopped {
		return
	}
	begin := time.Now()
	for _, o := range group {
		if !o.feeding {
			o.feeding = true
			s.feeds.Go(func() { o.feed(begin) })
		}
	}
}

// OnSessionClose is called by gortsplib.
func (s *Server) OnSessionClose(ctx *gortsplib.ServerHandlerOnSessionCloseCtx) {
	s.mu.Lock()
	delete(s.sessions, ctx.Session)
	s.mu.Unlock()
}

// OnStreamWriteError is called by gortsplib when a reader is too slow.
func (s *Server) OnStreamWriteError(*gortsplib.ServerHandlerOnStreamWriteErrorCtx) {}

// OnPacketsLost is called by gortsplib.
func (s *Server) OnPacketsLost(*gortsplib.ServerHandlerOnPacketsLostCtx) {}

// OnDecodeError is called by gortsplib.
func (s *Server) OnDecodeError(*gortsplib.ServerHandlerOnDecodeErrorCtx) {}
