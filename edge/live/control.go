package live

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"

	"bongsu"
)

// dial opens a WebSocket to the cloud.
func (l *Live) dial(ctx context.Context, url string) (*websocket.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, l.o.DialTimeout)
	defer cancel()
	header := l.header.Clone()
	header.Set(bongsu.FeaturesHeader, l.features())
	c, resp, err := websocket.Dial(ctx, url, &websocket.DialOptions{HTTPClient: l.o.Client, HTTPHeader: header}) //nolint:bodyclose // the library says that it needs no closing
	if err == nil {
		c.SetReadLimit(bongsu.MaxCommandBytes)
		return c, nil
	}
	if resp != nil && resp.StatusCode != http.StatusSwitchingProtocols {
		switch resp.StatusCode {
		case http.StatusUnauthorized, http.StatusForbidden:
			return nil, errors.New("the cloud refuses this edge's credential")
		case http.StatusNotFound:
			return nil, errors.New("the cloud knows no live view: it is of an earlier release, or a proxy in between does not pass it on")
		}
		return nil, fmt.Errorf("the cloud, or a proxy in between, answers with status %d instead of a WebSocket", resp.StatusCode)
	}
	return nil, fmt.Errorf("the cloud cannot be reached: %w", err)
}

// control is one control connection and the sessions that it began.
type control struct {
	live *Live
	conn *websocket.Conn

	commands chan struct{} // has one for each command that is being done

	mu       sync.Mutex
	sessions map[string]*asked // guarded by mu
	running  sync.WaitGroup
}

// asked is a session that the cloud has asked for.
type asked struct {
	stop  context.CancelFunc
	begun bool // guarded by control.mu: its camera hands pictures over
	boxes bool // guarded by control.mu: what is found in them is wanted, too
}

// serve keeps one control connection until it breaks or ctx ends, and ends its sessions.
func (l *Live) serve(ctx context.Context) error {
	conn, err := l.dial(ctx, l.control)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	c := &control{live: l, conn: conn, sessions: map[string]*asked{}, commands: make(chan struct{}, maxCommands)}
	defer c.running.Wait()
	defer func() { _ = conn.CloseNow() }()
	defer cancel(nil)
	l.connected.Store(true)
	l.o.Log.Info("the cloud can ask for live pictures")
	c.running.Go(func() { cancel(l.ping(ctx, conn, l.o.PingEvery, nil)) })
	for {
		_, b, err := conn.Read(ctx)
		if err != nil {
			if cause := context.Cause(ctx); cause != nil {
				err = cause
			}
			return fmt.Errorf("the control connection broke: %w", err)
		}
		if bongsu.TextType(b) == bongsu.LiveTypeCommand {
			c.command(ctx, b)
			continue
		}
		t, err := bongsu.ParseLiveText(b)
		if err != nil {
			l.o.Log.Warn("the cloud asks for something that this release does not know", "error", err)
			continue
		}
		c.obey(ctx, t)
	}
}

// ping asks for a sign of life again and again until there is none, and returns why. took, when
// not nil, is told what is known of the way: for how long the ping that is out has been, and
// how long the last one took.
func (l *Live) ping(ctx context.Context, conn *websocket.Conn, every time.Duration, took *way) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		took.out(l.o.Now())
		within, cancel := context.WithTimeout(ctx, l.o.Dead)
		err := conn.Ping(within)
		cancel()
		if err != nil {
			return fmt.Errorf("no sign of life for %v: %w", l.o.Dead, err)
		}
		took.back(l.o.Now())
	}
}

// obey begins or ends a session.
func (c *control) obey(ctx context.Context, t bongsu.LiveText) {
	switch t.Type {
	case bongsu.LiveTypeStart:
		c.start(ctx, t)
	case bongsu.LiveTypeStop:
		c.mu.Lock()
		a := c.sessions[t.Session]
		c.mu.Unlock()
		if a != nil {
			a.stop()
		}
	}
}

func (c *control) start(ctx context.Context, t bongsu.LiveText) {
	l := c.live
	c.mu.Lock()
	defer c.mu.Unlock()
	if a := c.sessions[t.Session]; a != nil {
		a.boxes = t.Boxes
		if a.begun {
			l.o.Cameras.LiveBoxes(t.Session, t.Boxes)
		}
		return
	}
	if len(c.sessions) >= l.o.MaxSessions {
		c.running.Go(func() {
			c.refuse(ctx, t.Session, bongsu.LiveRefused, fmt.Sprintf("this edge shows %d cameras at once already", l.o.MaxSessions))
		})
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	a := &asked{stop: cancel, boxes: t.Boxes}
	c.sessions[t.Session] = a
	c.running.Go(func() {
		defer cancel()
		l.sessions.Add(1)
		err := l.show(ctx, t, func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			a.begun = true
			if a.boxes {
				l.o.Cameras.LiveBoxes(t.Session, true)
			}
		})
		l.sessions.Add(-1)
		c.mu.Lock()
		delete(c.sessions, t.Session)
		c.mu.Unlock()
		if bongsu.CodeOf(err) == bongsu.CodeNotFound {
			c.refuse(ctx, t.Session, bongsu.LiveNoSuchCamera, err.Error())
		} else if err != nil && ctx.Err() == nil {
			l.o.Log.Info("live pictures ended", "camera", t.Camera, "error", err)
			c.refuse(ctx, t.Session, bongsu.LiveRefused, "the edge's connection for pictures broke")
		}
	})
}

// refuse tells the cloud that a session is not, or is over.
func (c *control) refuse(ctx context.Context, session, code, message string) {
	ctx, cancel := context.WithTimeout(ctx, c.live.o.WriteTimeout)
	defer cancel()
	t := bongsu.LiveText{Type: bongsu.LiveTypeRefused, Session: session, Code: code, Message: message}
	_ = c.conn.Write(ctx, websocket.MessageText, t.Encode()) // a broken connection is found by its reader
}
