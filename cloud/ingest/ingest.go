// Package ingest is the HTTP API that edges call (root wire.go): events, camera reports
// and clips. Its promise is in its answers: what a 2xx names is durable in the archive
// or the object store, whatever the queue is doing.
//
// Who the edge is was found out before: cloud/auth checks the credential and puts the edge's ID
// into the request's context with WithEdge.
package ingest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"bongsu"
	"bongsu/cloud/archive"
	"bongsu/cloud/objects"
	"bongsu/cloud/queue"
)

// Archive is what ingest needs of the archive.
type Archive interface {
	archive.Inbox
	archive.Clips
	archive.Edges
}

// Limits bounds what edges may ask for at once. Zero fields take the defaults.
type Limits struct {
	// Posts is how many event posts and camera reports are worked on at once; more are
	// CodeThrottled. Each may hold MaxEventPostBytes. Default 8.
	Posts int
	// Body is how long a JSON body may take to arrive. Default 30 s.
	Body time.Duration
	// Idle is how long clip bytes may pause before the request ends. Default 20 s.
	Idle time.Duration
	// Cameras is how many cameras one edge may report. Default 256.
	Cameras int
	// Republish is how old an inbox row is when the sweeper publishes it again. Default 10 s.
	Republish time.Duration
	// Upload is how long nobody wrote to an upload when the sweeper aborts it. Default 1 h.
	Upload time.Duration
}

// Options is what ingest works with.
type Options struct {
	Archive Archive
	Queue   queue.Queue
	Objects objects.Store
	Now     func() time.Time // nil is time.Now
	Log     *slog.Logger     // nil discards
	Limits  Limits
}

// Ingest serves the edges. Its Run is the sweeper.
type Ingest struct {
	// set before Run
	archive Archive
	queue   queue.Queue
	objects objects.Store
	now     func() time.Time
	log     *slog.Logger
	limits  Limits

	posts  chan struct{} // one place for each post being worked on
	counts counts
	gate   gate
}

// New makes an Ingest; it starts nothing.
func New(o Options) *Ingest {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	l := &o.Limits
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{{&l.Body, 30 * time.Second}, {&l.Idle, 20 * time.Second}, {&l.Republish, 10 * time.Second}, {&l.Upload, time.Hour}} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	if l.Posts <= 0 {
		l.Posts = 8
	}
	if l.Cameras <= 0 {
		l.Cameras = 256
	}
	return &Ingest{
		archive: o.Archive, queue: o.Queue, objects: o.Objects, now: o.Now, log: o.Log, limits: *l,
		posts: make(chan struct{}, l.Posts),
	}
}

// Route is one route of the API, its pattern as http.ServeMux takes it.
type Route struct {
	Pattern string
	Handler http.Handler
}

// Routes lists all routes. They need WithEdge in the context, and answer 401 without it.
// Enrolment, by which an edge gets its credential, is cloud/auth's.
func (g *Ingest) Routes() []Route {
	return []Route{
		{"POST /api/v1/edge/events", g.handle(g.events)},
		{"POST /api/v1/edge/cameras", g.handle(g.cameras)},
		{"POST /api/v1/edge/clips", g.handle(g.declare)},
		{"PUT /api/v1/edge/clips/{id}/data", g.handle(g.data)},
		{"POST /api/v1/edge/clips/{id}/complete", g.handle(g.complete)},
	}
}

type edgeKey struct{}

// WithEdge says which edge makes the request. Only the middleware that checked the credential
// calls it.
func WithEdge(ctx context.Context, id bongsu.EdgeID) context.Context {
	return context.WithValue(ctx, edgeKey{}, id)
}

// EdgeFrom gives the edge that makes the request.
func EdgeFrom(ctx context.Context) (bongsu.EdgeID, bool) {
	id, ok := ctx.Value(edgeKey{}).(bongsu.EdgeID)
	return id, ok && id != ""
}

func edgeOf(r *http.Request) (bongsu.EdgeID, error) {
	if id, ok := EdgeFrom(r.Context()); ok {
		return id, nil
	}
	return "", bongsu.Errorf(bongsu.CodeUnauthorized, "send the credential that enrolment gave as \"Authorization: Bearer ...\"")
}

// handle makes a handler of a function that answers or fails. A nil answer is 204.
func (g *Ingest) handle(f func(http.ResponseWriter, *http.Request) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, err := f(w, r)
		if err != nil {
			g.fail(w, r, err)
			return
		}
		if answer == nil {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		g.write(w, http.StatusOK, answer)
	})
}

func (g *Ingest) write(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		g.log.Error("ingest: an answer cannot be written", "err", err)
		status, b = http.StatusInternalServerError, nil
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(b) // an edge that hangs up asks again
}

// fail answers with the error's code and sentence; inner causes go to the log only.
func (g *Ingest) fail(w http.ResponseWriter, r *http.Request, err error) {
	code := bongsu.CodeOf(err)
	var known *bongsu.Error
	message := "this is a defect of the cloud; its log says more"
	if errors.As(err, &known) {
		message = known.Message
	}
	status := bongsu.HTTPStatus(code)
	g.counts.failed.Add(1)
	edge, _ := EdgeFrom(r.Context())
	level := slog.LevelWarn
	if status == http.StatusInternalServerError {
		level = slog.LevelError
	}
	g.log.Log(r.Context(), level, "ingest: request failed", "edge", edge, "method", r.Method, "route", r.Pattern, "code", code, "err", err)
	if code == bongsu.CodeThrottled || code == bongsu.CodeUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	var body bongsu.WireError
	body.Error.Code, body.Error.Message = code, message
	g.write(w, status, body)
}

// enter takes a place among the posts that are worked on; leave gives it back.
func (g *Ingest) enter() (leave func(), err error) {
	select {
	case g.posts <- struct{}{}:
		return func() { <-g.posts }, nil
	default:
		return nil, bongsu.Errorf(bongsu.CodeThrottled, "%d requests are being worked on; try again", cap(g.posts))
	}
}

// body reads a JSON body of at most limit bytes within the time that Limits.Body gives.
func (g *Ingest) body(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	g.deadline(w, g.limits.Body)
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var big *http.MaxBytesError
	if errors.As(err, &big) {
		return nil, bongsu.Errorf(bongsu.CodeTooLarge, "the body has more than %d bytes", limit)
	}
	if err != nil {
		return nil, bongsu.Wrap(bongsu.CodeInvalid, err, "the body did not arrive whole")
	}
	return b, nil
}

// deadline ends the request's reading after d. Writers that know no deadlines (tests) do without.
func (g *Ingest) deadline(w http.ResponseWriter, d time.Duration) {
	if err := http.NewResponseController(w).SetReadDeadline(time.Now().Add(d)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		g.log.Debug("ingest: no read deadline", "err", err)
	}
}

// strict decodes exactly one JSON value without unknown fields.
func strict(b []byte, to any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(to); err != nil {
		return bongsu.Errorf(bongsu.CodeInvalid, "the JSON cannot be read: %v", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return bongsu.Errorf(bongsu.CodeInvalid, "the JSON cannot be read: something follows the value at byte %d", d.InputOffset())
	}
	return nil
}
