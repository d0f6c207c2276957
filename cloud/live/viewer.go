package live

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"

	"bongsu"
	"bongsu/cloud/audit"
	"bongsu/cloud/auth"
)

// viewer is one screen that looks at one camera. It is owned by the goroutine of its request.
type viewer struct {
	hub   *Hub
	conn  *websocket.Conn
	queue *queue
	way   way
	began time.Time
	boxes bool // it wants what is found in the pictures, too
	buf   []byte
}

// Reasons for which the hub ends a view.
var (
	errTooSlow = errors.New("too slow")
	errStopped = errors.New("the server stops")
)

// getView shows a camera until the viewer goes, is too slow for too long, logs out or is shut
// out, or the hub ends. What is wrong with the request is an answer; what is wrong later is a
// state message before the end.
func (h *Hub) getView(w http.ResponseWriter, r *http.Request) error {
	k, err := h.viewKey(r)
	if err != nil {
		return err
	}
	boxes, err := wantsBoxes(r)
	if err != nil {
		return err
	}
	if err := h.begin(); err != nil {
		return err
	}
	defer h.working.Done()
	if h.viewers.Add(1) > int64(h.o.MaxViewers) {
		h.viewers.Add(-1)
		return bongsu.Errorf(bongsu.CodeUnavailable, "too many live views are open: close some")
	}
	defer h.viewers.Add(-1)
	who := auth.From(r.Context())
	if err := h.o.Audit.Record(r.Context(), entry(who, audit.LiveOpen, k, "mode "+k.mode)); err != nil {
		return err
	}
	began := h.o.Now()
	var why error
	defer func() { h.recordEnd(who, k, began, why) }()
	conn, err := accept(w, r, bongsu.MaxLiveTextBytes)
	if err != nil {
		why = err
		return nil // answered
	}
	defer func() { _ = conn.CloseNow() }()
	h.opened.Add(1)
	why = h.serve(r.Context(), conn, who, k, boxes)
	return nil
}

// viewKey reads what is asked for, and refuses a browser that another site sent.
func (h *Hub) viewKey(r *http.Request) (key, error) {
	k := key{bongsu.EdgeID(r.PathValue("edge")), bongsu.CameraID(r.PathValue("camera")), r.URL.Query().Get("mode")}
	if err := upgrade(r); err != nil {
		return k, err
	}
	if k.mode == "" {
		k.mode = bongsu.LiveVideo
	}
	if k.mode != bongsu.LiveVideo && k.mode != bongsu.LiveStill {
		return k, bongsu.Errorf(bongsu.CodeInvalid, "mode: must be video or still, not %.20q", k.mode)
	}
	// Browsers always say which page opens a WebSocket, and send the cookie whichever it is. The
	// guard has compared the two; one that says nothing is no browser and has a token.
	if auth.From(r.Context()).Token == "" && r.Header.Get("Origin") == "" {
		return k, bongsu.Errorf(bongsu.CodeForbidden, "the header Origin is missing: a live view with a cookie is for browsers, scripts use a token")
	}
	known, err := h.o.Known(r.Context(), k.edge, k.camera)
	if err != nil {
		return k, err
	}
	if !known {
		return k, bongsu.Errorf(bongsu.CodeNotFound, "there is no camera %.80q at edge %.80q", k.camera, k.edge)
	}
	return k, nil
}

// wantsBoxes reads whether what is found in the pictures is wanted, too.
func wantsBoxes(r *http.Request) (bool, error) {
	switch b := r.URL.Query().Get("boxes"); b {
	case "", "0":
		return false, nil
	case "1":
		return true, nil
	default:
		return false, bongsu.Errorf(bongsu.CodeInvalid, "boxes: must be 0 or 1, not %.20q", b)
	}
}

func entry(who *auth.Principal, action string, k key, detail string) audit.Entry {
	if who.Token != "" {
		detail = strings.TrimSpace(detail + " with token " + who.Token)
	}
	return audit.Entry{Actor: who.User.Username, Client: who.Client(), Action: action,
		Target: fmt.Sprintf("camera %s/%s", k.edge, k.camera), Detail: detail}
}

// recordEnd writes how long somebody has looked.
func (h *Hub) recordEnd(who *auth.Principal, k key, began time.Time, why error) {
	detail := fmt.Sprintf("mode %s, %.0f s", k.mode, h.o.Now().Sub(began).Seconds())
	if errors.Is(why, errTooSlow) {
		h.cut.Add(1)
		detail += ", cut off because it was too slow"
		h.o.Log.Warn("a live view was cut off: its reader is too slow", "user", who.User.Username, "client", who.Client(), "camera", k.camera)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := h.o.Audit.Record(ctx, entry(who, audit.LiveClose, k, detail)); err != nil {
		h.o.Log.Error("the end of a live view was not recorded; its beginning was", "user", who.User.Username, "camera", k.camera, "err", err)
	}
}

// serve joins the pull and sends until something ends it.
func (h *Hub) serve(parent context.Context, conn *websocket.Conn, who *auth.Principal, k key, boxes bool) error {
	ctx, cancel := context.WithCancelCause(conn.CloseRead(context.WithoutCancel(parent)))
	v := &viewer{hub: h, conn: conn, boxes: boxes, began: h.o.Now(), queue: newQueue(h.o.QueueBytes, h.o.Now, func(n int) { h.dropped.Add(int64(n)) })}
	var beside sync.WaitGroup
	defer beside.Wait()
	defer func() { _ = conn.CloseNow() }()
	defer cancel(nil)
	beside.Go(func() { cancel(v.ping(ctx)) })
	beside.Go(func() { cancel(h.recheck(ctx, who)) })
	p := h.join(k, v)
	defer p.remove(v)
	err := v.run(ctx)
	if cause := context.Cause(ctx); cause != nil && (err == nil || ctx.Err() != nil && !errors.Is(err, errTooSlow)) {
		err = cause
	}
	v.farewell(err)
	return err
}

// recheck ends a view whose session has ended or was taken back, and all views with the hub.
func (h *Hub) recheck(ctx context.Context, who *auth.Principal) error {
	tick := time.NewTicker(h.o.Recheck)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := h.o.Auth.Still(ctx, who); err != nil {
				return err
			}
		case <-h.done:
			return errStopped
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// ping measures how long bytes are on the way to the viewer: pings queue behind pictures.
func (v *viewer) ping(ctx context.Context) error {
	tick := time.NewTicker(v.hub.o.ViewerPing)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		v.way.out(v.hub.o.Now())
		within, cancel := context.WithTimeout(context.WithoutCancel(ctx), v.hub.o.Stall) // see write
		err := v.conn.Ping(within)
		late := errors.Is(within.Err(), context.DeadlineExceeded)
		cancel()
		if err != nil && late {
			return errTooSlow
		}
		if err != nil {
			return err
		}
		v.way.back(v.hub.o.Now())
	}
}

// run sends what the queue has until ctx ends, sending fails, or the viewer was too slow for too
// long.
func (v *viewer) run(ctx context.Context) error {
	tick := time.NewTicker(v.hub.o.SlowViewer / 8)
	defer tick.Stop()
	for {
		if err := v.drain(ctx); err != nil {
			return err
		}
		select {
		case <-v.queue.wake:
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		if v.queue.slowFor(v.hub.o.Now()) > v.hub.o.CutAfter {
			return errTooSlow
		}
	}
}

func (v *viewer) drain(ctx context.Context) error {
	for {
		if v.way.takes(v.hub.o.Now()) > v.hub.o.SlowViewer {
			v.queue.jam()
			return nil
		}
		m := v.queue.take()
		if m == nil {
			if v.queue.caughtUp() {
				return v.write(ctx, websocket.MessageText, liveAgain)
			}
			return nil
		}
		if err := v.send(ctx, m); err != nil {
			return err
		}
	}
}

var liveAgain = bongsu.LiveState(bongsu.LiveLive, "", "").Encode()

// send sends one message. A picture's age grows by what it waited here, and by what the pings
// say of the way: none is to look younger than it is.
func (v *viewer) send(ctx context.Context, m *message) error {
	if m.text != nil {
		return v.write(ctx, websocket.MessageText, m.text)
	}
	if m.boxes != nil {
		now := v.hub.o.Now()
		return v.write(ctx, websocket.MessageText, m.boxes.Aged(now.Sub(m.at)+v.way.takes(now)).Encode())
	}
	head, now := m.head, v.hub.o.Now()
	head.Sent = uint16(now.Sub(v.began).Milliseconds())
	if m.picture() {
		head.Age += now.Sub(m.at) + v.way.takes(now)
	}
	v.buf = append(head.Append(v.buf[:0]), m.payload...)
	return v.write(ctx, websocket.MessageBinary, v.buf)
}

// lastWords is how long a view that is over may still send.
const lastWords = time.Second

// write sends within the time a viewer has. The library hangs up when the context of a write ends, and
// a view that is ended from here has still to say why: so what is being sent then gets a moment more.
func (v *viewer) write(ctx context.Context, typ websocket.MessageType, b []byte) error {
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), v.hub.o.Stall)
	defer cancel()
	defer context.AfterFunc(ctx, func() {
		soon := time.NewTimer(lastWords)
		defer soon.Stop()
		select {
		case <-soon.C:
			cancel()
		case <-within.Done():
		}
	})()
	err := v.conn.Write(within, typ, b)
	if err == nil {
		v.hub.delivered.Add(int64(len(b)))
		return nil
	}
	if errors.Is(within.Err(), context.DeadlineExceeded) {
		return errTooSlow
	}
	return err
}

// farewell says why the view ends, to a viewer that may still listen.
func (v *viewer) farewell(err error) {
	code, status := bongsu.LiveEndedCode, websocket.StatusPolicyViolation
	message := "the session has ended: log in again"
	switch {
	case errors.Is(err, errTooSlow):
		code, message = bongsu.LiveTooSlow, "this screen's connection is too slow for the camera"
	case errors.Is(err, errStopped):
		status, message = websocket.StatusGoingAway, "the server is stopping"
	case bongsu.CodeOf(err) != bongsu.CodeUnauthorized:
		return // it went by itself
	}
	ctx, cancel := context.WithTimeout(context.Background(), lastWords)
	defer cancel()
	if v.conn.Write(ctx, websocket.MessageText, bongsu.LiveState(bongsu.LiveEnded, code, message).Encode()) == nil {
		_ = v.conn.Close(status, message) // it has gone otherwise
	}
}

// way knows how long bytes are on the way to a viewer and its answer back.
type way struct {
	mu   sync.Mutex
	last time.Duration // guarded by mu
	sent time.Time     // guarded by mu: of the ping that is out; zero when none is
}

func (w *way) out(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent = now
}

func (w *way) back(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last, w.sent = now.Sub(w.sent), time.Time{}
}

// takes is an upper bound of the way as far as it is known now.
func (w *way) takes(now time.Time) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.sent.IsZero() {
		return max(w.last, now.Sub(w.sent))
	}
	return w.last
}
