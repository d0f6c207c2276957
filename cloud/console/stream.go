package console

import (
	"context"
	"errors"
	"net/http"
	"os"
	"strconv"
	"time"

	"bongsu"
	"bongsu/cloud/auth"
)

// pingMessage is an event, not a comment, for browsers do not tell a page of comments.
var pingMessage = []byte("event: ping\ndata: {}\n\n")

// stream is one live stream. It is owned by the goroutine of its request.
type stream struct {
	c       *Console
	w       http.ResponseWriter
	control *http.ResponseController
	who     *auth.Principal
	at      int64 // every change up to it was sent
	cameras int   // version of the message about cameras that was sent
}

// getStream answers with server-sent events until the caller goes, is too slow, logs out or is
// shut out, or the server stops. Errors before the first byte are answers; afterwards the
// stream just ends, and the caller resumes where it was.
func (c *Console) getStream(w http.ResponseWriter, r *http.Request) error {
	q := newQuery(r, "after")
	after := q.atLeast("after", 0, -1)
	if id := r.Header.Get("Last-Event-ID"); id != "" { // of a reconnect: later than the address says
		n, err := strconv.ParseInt(id, 10, 64)
		if err != nil || n < 0 {
			q.fail("Last-Event-ID: must be the id of an event of this stream, not %q", id)
		}
		after = n
	}
	if q.err != nil {
		return q.err
	}
	if c.counts.streams.Add(1) > c.counts.streamLimit {
		c.counts.streams.Add(-1)
		return bongsu.Errorf(bongsu.CodeUnavailable, "too many live streams are open: close some")
	}
	defer c.counts.streams.Add(-1)
	oldest, latest, err := c.archive.ChangeBounds(r.Context())
	if err != nil {
		return err
	}
	s := &stream{c: c, w: w, control: http.NewResponseController(w), who: auth.From(r.Context()), at: after, cameras: -1}
	reset := after >= 0 && (after < oldest-1 || after > latest || latest-after > catchUp)
	if after < 0 || reset {
		s.at = latest
	}
	err = s.serve(r.Context(), reset)
	_ = s.control.SetWriteDeadline(time.Time{}) // the connection may serve others
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.counts.streamsCut.Add(1)
		c.log.Warn("a live stream was cut off: its reader is too slow", "user", s.who.User.Username, "client", s.who.Client())
	} else if err != nil && r.Context().Err() == nil {
		c.log.Info("a live stream ended", "user", s.who.User.Username, "err", err)
	}
	return nil
}

// serve sends until something ends it: nil when the server stops.
func (s *stream) serve(ctx context.Context, reset bool) error {
	s.w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	s.w.Header().Set("X-Accel-Buffering", "no") // proxies must not hold it back
	if err := s.greet(reset); err != nil {
		return err
	}
	ping := time.NewTicker(s.c.ping)
	defer ping.Stop()
	for {
		n, err := s.send(ctx)
		if err != nil {
			return err
		}
		if n.behind {
			continue
		}
		select {
		case <-n.changed:
		case <-ping.C:
			if err := s.c.auth.Still(ctx, s.who); err != nil {
				return err
			}
			if err := s.write(pingMessage); err != nil {
				return err
			}
		case <-s.c.feed.done:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// greet sends the first event, with the sequence number from which the stream goes on. Its id
// makes a browser resume there, should it be cut off before anything changes.
func (s *stream) greet(reset bool) error {
	hello := struct {
		Seq     int64     `json:"seq"`
		Version string    `json:"version"`
		Now     time.Time `json:"now"`
	}{s.at, s.c.version, s.c.now().UTC()}
	data, err := render("hello", s.at, hello)
	if err == nil && reset {
		var more []byte
		more, err = render("reset", s.at, map[string]int64{"seq": s.at})
		data = append(data, more...)
	}
	if err != nil {
		return err
	}
	return s.write(data)
}

// send sends what is new: from the feed, or from the archive when the feed no longer has it.
func (s *stream) send(ctx context.Context) (news, error) {
	n := s.c.feed.after(s.at, s.cameras)
	if n.cameras != nil {
		if err := s.write(n.cameras); err != nil {
			return n, err
		}
	}
	s.cameras = n.version
	if n.behind {
		messages, last, err := s.c.messagesAfter(ctx, s.at, feedBatch)
		if err != nil {
			return n, err
		}
		if last == s.at { // trimmed away meanwhile: the caller starts anew by resuming
			return n, bongsu.Errorf(bongsu.CodeUnavailable, "the stream fell behind what is kept")
		}
		n.messages, n.at = messages, last
	}
	for _, m := range n.messages {
		if err := s.write(m.data); err != nil {
			return n, err
		}
	}
	s.at = n.at
	return n, nil
}

// write sends bytes within the time a reader has.
func (s *stream) write(data []byte) error {
	if err := s.control.SetWriteDeadline(time.Now().Add(s.c.within)); err != nil {
		return err
	}
	if _, err := s.w.Write(data); err != nil {
		return err
	}
	return s.control.Flush()
}
