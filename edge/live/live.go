// Package live brings the pictures that somebody looks at to the cloud. The edge only ever
// dials out: one WebSocket stays open for the cloud's wishes (control.go), and for each wish a
// second one carries that camera's pictures (session.go) until the cloud wants no more. What the
// way cannot carry in time is left out up to the next key frame (queue.go). docs/design/live.md
// has the protocol.
package live

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"bongsu"
)

// Cameras is where pictures come from; edge/node implements it.
type Cameras interface {
	// LiveStart begins to hand pictures to sink, which does not block, until LiveStop returns.
	// A camera that is not there is bongsu.CodeNotFound.
	LiveStart(camera bongsu.CameraID, session, mode string, sink func(bongsu.LiveItem)) error
	LiveStop(session string)
	// LiveBoxes says whether what is found in the pictures is wanted beside them, as items of kind
	// bongsu.LiveNote. It does not block.
	LiveBoxes(session string, on bool)
}

// Options are what a Live needs. Durations of zero mean their defaults.
type Options struct {
	URL        string // of the cloud, such as https://cloud.example:8443
	Credential string // from enrolment; goes into a header, never into a log
	Client     *http.Client
	Cameras    Cameras
	Commands   Commands // nil: this edge takes none
	// Yield reports that something more urgent needs the link: then only key frames are sent.
	// nil: never. It is asked for each message and must not block.
	Yield func() bool

	PingEvery    time.Duration // 5 s: of the control connection
	Dead         time.Duration // 10 s: a ping unanswered for so long ends a connection
	MediaPing    time.Duration // 1 s: of a media connection, to know how long its bytes are on the way
	SlowLink     time.Duration // 2 s: bytes on the way for longer than this: up to the next key frame nothing is sent
	StaleAfter   time.Duration // 3 s: no picture for so long is said to be so
	DialTimeout  time.Duration // 10 s
	WriteTimeout time.Duration // 20 s: of one message
	MinBackoff   time.Duration // 500 ms
	MaxBackoff   time.Duration // 30 s
	QueueBytes   int           // 8 MiB: of one session
	MaxSessions  int           // 64

	Now  func() time.Time
	Rand func() float64 // 0..1, for jitter
	Log  *slog.Logger   // nil: discard
}

// Live keeps the control connection and its sessions. Make it with New.
type Live struct {
	// set before Run
	o       Options
	control string // addresses
	media   string
	answers string
	header  http.Header

	sessions  atomic.Int64
	dropped   atomic.Int64
	sent      atomic.Int64
	connected atomic.Bool

	mu     sync.Mutex
	reason string // guarded by mu: why there is no control connection
}

// New checks the options and makes a Live; nothing starts before Run.
func New(o Options) (*Live, error) {
	base, err := socketURL(o.URL)
	if err != nil {
		return nil, err
	}
	if o.Credential == "" {
		return nil, errors.New("the edge is not enrolled: there is no credential for the cloud")
	}
	if o.Client == nil {
		o.Client = http.DefaultClient
	}
	for _, d := range []struct {
		at  *time.Duration
		def time.Duration
	}{
		{&o.PingEvery, 5 * time.Second}, {&o.Dead, 10 * time.Second}, {&o.MediaPing, time.Second}, {&o.SlowLink, 2 * time.Second},
		{&o.StaleAfter, 3 * time.Second}, {&o.DialTimeout, 10 * time.Second}, {&o.WriteTimeout, 20 * time.Second},
		{&o.MinBackoff, 500 * time.Millisecond}, {&o.MaxBackoff, 30 * time.Second},
	} {
		if *d.at == 0 {
			*d.at = d.def
		}
	}
	if o.QueueBytes == 0 {
		o.QueueBytes = 8 << 20
	}
	if o.MaxSessions == 0 {
		o.MaxSessions = 64
	}
	if o.Yield == nil {
		o.Yield = func() bool { return false }
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Float64
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	answers := *base
	answers.Scheme = map[string]string{"wss": "https", "ws": "http"}[base.Scheme]
	return &Live{o: o, control: base.String(), media: base.String() + "/", answers: answers.JoinPath("../commands").String() + "/",
		header: http.Header{"Authorization": {"Bearer " + o.Credential}}}, nil
}

// socketURL makes of the cloud's address that of the control connection. A credential goes over
// plain HTTP to this machine only.
func socketURL(s string) (*url.URL, error) {
	base, err := url.Parse(s)
	if err != nil || base.Host == "" || base.User != nil {
		return nil, errors.New("the cloud's address is no URL of the form https://host:port")
	}
	switch host := base.Hostname(); {
	case base.Scheme == "https":
		base.Scheme = "wss"
	case base.Scheme == "http" && (host == "localhost" || host == "127.0.0.1" || host == "::1"):
		base.Scheme = "ws"
	default:
		return nil, fmt.Errorf("the cloud's address %s must begin with https://, so that nobody on the way can read the credential", base.Redacted())
	}
	return base.JoinPath("/api/v1/edge/live"), nil
}

// Run keeps the control connection until ctx ends, and blocks until everything it began has
// ended. Trouble with the cloud is no error: it is tried again, for ever.
func (l *Live) Run(ctx context.Context) error {
	wait := l.o.MinBackoff
	for ctx.Err() == nil {
		began := l.o.Now()
		err := l.serve(ctx)
		l.connected.Store(false)
		if ctx.Err() != nil {
			break
		}
		l.say(err)
		if l.o.Now().Sub(began) > l.o.MaxBackoff {
			wait = l.o.MinBackoff
		}
		pause := time.NewTimer(time.Duration(float64(wait) * (0.5 + l.o.Rand())))
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
		}
		wait = min(2*wait, l.o.MaxBackoff)
	}
	return ctx.Err()
}

// say logs why there is no control connection, once for each reason.
func (l *Live) say(err error) {
	reason := "the cloud closed the connection"
	if err != nil {
		reason = err.Error()
	}
	l.mu.Lock()
	news := reason != l.reason
	l.reason = reason
	l.mu.Unlock()
	if news {
		l.o.Log.Warn("nobody can look at this edge's cameras for now; events go on", "reason", reason)
	}
}

// Status is how live view is.
type Status struct {
	Connected bool   `json:"connected"`        // the cloud can ask for pictures
	Reason    string `json:"reason,omitempty"` // why not
	Sessions  int    `json:"sessions"`         // cameras looked at now
	Dropped   int64  `json:"dropped"`          // fragments that the link did not carry in time
	Bytes     int64  `json:"bytes"`            // sent
}

// Status gives how things stand. It does not block on the network.
func (l *Live) Status() Status {
	s := Status{Connected: l.connected.Load(), Sessions: int(l.sessions.Load()), Dropped: l.dropped.Load(), Bytes: l.sent.Load()}
	if !s.Connected {
		l.mu.Lock()
		s.Reason = l.reason
		l.mu.Unlock()
	}
	return s
}
