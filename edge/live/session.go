package live

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/coder/websocket"

	"bongsu"
)

// errOver ends a session in good order.
var errOver = errors.New("the session is over")

// session is one camera's pictures on their way to the cloud. It is owned by show.
type session struct {
	live  *Live
	conn  *websocket.Conn
	queue *queue
	way   *way
	began time.Time
	seq   uint64
	notes uint64 // sent
	buf   []byte
	shown bool // the last state told is live
	last  time.Time
}

// show sends a camera's pictures until the cloud wants no more (nil), the camera is not there
// (CodeNotFound) or the connection breaks. begun is called when the camera hands pictures over. Pictures are collected while it dials.
func (l *Live) show(ctx context.Context, t bongsu.LiveText, begun func()) error {
	q := newQueue(l.o.QueueBytes, l.o.Now, func(n int) { l.dropped.Add(int64(n)) })
	if err := l.o.Cameras.LiveStart(t.Camera, t.Session, t.Mode, q.put); err != nil {
		return err
	}
	defer l.o.Cameras.LiveStop(t.Session)
	begun()
	conn, err := l.dial(ctx, l.media+t.Session)
	if err != nil {
		return err
	}
	defer func() { _ = conn.CloseNow() }()
	now := l.o.Now()
	s := &session{live: l, conn: conn, queue: q, way: &way{}, began: now, last: now}
	ctx, cancel := context.WithCancelCause(conn.CloseRead(ctx))
	pinging := make(chan struct{})
	go func() {
		defer close(pinging)
		cancel(l.ping(ctx, conn, l.o.MediaPing, s.way))
	}()
	err = s.run(ctx)
	cancel(nil)
	<-pinging
	if errors.Is(err, errOver) {
		return conn.Close(websocket.StatusNormalClosure, "")
	}
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = cause
	}
	return err
}

// run sends what the queue has until ctx ends or sending fails.
func (s *session) run(ctx context.Context) error {
	tick := time.NewTicker(s.live.o.SlowLink / 8)
	defer tick.Stop()
	for {
		if err := s.drain(ctx); err != nil {
			return err
		}
		select {
		case <-s.queue.wake:
		case <-tick.C:
			if err := s.watch(ctx); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// drain sends what waits. While the link holds back what was sent before, what waits is dropped:
// a picture that comes late is worth less than one that comes in time.
func (s *session) drain(ctx context.Context) error {
	for {
		if s.way.takes(s.live.o.Now()) > s.live.o.SlowLink {
			s.queue.jam()
			return nil
		}
		it, ok := s.queue.take(s.live.o.Yield())
		if !ok {
			return nil
		}
		if err := s.send(ctx, it); err != nil {
			return err
		}
	}
}

// watch says so when pictures have stopped coming.
func (s *session) watch(ctx context.Context) error {
	if !s.shown || s.live.o.Now().Sub(s.last) < s.live.o.StaleAfter {
		return nil
	}
	code, why := bongsu.LiveCameraOffline, "the camera has sent no picture for a while"
	if s.way.takes(s.live.o.Now()) > s.live.o.SlowLink {
		code, why = bongsu.LiveTooSlow, "the link between edge and cloud is too slow for this camera"
	}
	s.shown = false
	return s.text(ctx, bongsu.LiveState(bongsu.LiveStale, code, why))
}

// send sends one item: its text, then its payload.
func (s *session) send(ctx context.Context, it queued) error {
	if it.Text != nil {
		if it.Text.Type == bongsu.LiveTypeState {
			s.shown = false
		}
		if err := s.text(ctx, *it.Text); err != nil {
			return err
		}
		if it.Text.State == bongsu.LiveEnded {
			return errOver
		}
	}
	switch it.Kind {
	case bongsu.LiveNone:
		return nil
	case bongsu.LiveNote:
		return s.note(ctx, it)
	}
	now := s.live.o.Now()
	if picture := it.Kind != bongsu.LiveInit; picture {
		s.last = now
		if !s.shown {
			s.shown = true
			if err := s.text(ctx, bongsu.LiveState(bongsu.LiveLive, "", "")); err != nil {
				return err
			}
		}
	}
	h := bongsu.LiveHeader{Kind: it.Kind, Flags: it.Flags, Sent: uint16(now.Sub(s.began).Milliseconds()), Seq: s.seq}
	s.seq++
	if it.Kind != bongsu.LiveInit {
		h.Age = it.Age + now.Sub(it.at)
	}
	s.buf = append(h.Append(s.buf[:0]), it.Payload...)
	s.live.sent.Add(int64(len(s.buf)))
	return s.write(ctx, websocket.MessageBinary, s.buf)
}

// note sends what was found in a picture. What a worker made wrong is left out: it reads what a camera
// sends, and nobody else is to suffer for that.
func (s *session) note(ctx context.Context, it queued) error {
	b, err := bongsu.ParseLiveBoxes(it.Payload)
	if err != nil {
		s.live.o.Log.Debug("boxes that cannot be sent", "error", err)
		return nil
	}
	b.Seq, b.AgeMS = s.notes, 0
	s.notes++
	text := b.Aged(it.Age + s.live.o.Now().Sub(it.at)).Encode()
	s.live.sent.Add(int64(len(text)))
	return s.write(ctx, websocket.MessageText, text)
}

func (s *session) text(ctx context.Context, t bongsu.LiveText) error {
	return s.write(ctx, websocket.MessageText, t.Encode())
}

func (s *session) write(ctx context.Context, typ websocket.MessageType, b []byte) error {
	ctx, cancel := context.WithTimeout(ctx, s.live.o.WriteTimeout)
	defer cancel()
	if err := s.conn.Write(ctx, typ, b); err != nil {
		return fmt.Errorf("sending live pictures: %w", err)
	}
	return nil
}
