// Package live shows cameras to operators as they are now. An edge keeps a control connection
// open (edge.go); the first viewer of a camera makes the hub ask for its pictures, which come
// over a connection of their own, once, however many look on (pull.go); each viewer gets what
// its own way can carry (viewer.go, queue.go). docs/design/live.md has the protocol and why it
// is so.
package live

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"bongsu"
	"bongsu/cloud/audit"
	"bongsu/cloud/auth"
)

// Sessions tells whether who looks on still may; *auth.Service does.
type Sessions interface {
	Still(ctx context.Context, p *auth.Principal) error
}

// Auditor records who looked; *audit.Recorder does.
type Auditor interface {
	Record(ctx context.Context, e audit.Entry) error
}

// Options of a Hub. Durations and numbers of zero mean their defaults.
type Options struct {
	Auth  Sessions
	Audit Auditor
	// Known reports whether an edge has told of a camera.
	Known func(ctx context.Context, edge bongsu.EdgeID, camera bongsu.CameraID) (bool, error)

	Linger       time.Duration // 5 s: a pull goes on for so long after its last viewer
	PingEvery    time.Duration // 5 s: of control connections
	Dead         time.Duration // 10 s: a ping unanswered for so long ends a connection
	ViewerPing   time.Duration // 1 s: of viewers, to know how long their bytes are on the way
	Recheck      time.Duration // 3 s: how often a viewer's session is asked after
	SlowViewer   time.Duration // 2 s: bytes on the way for longer: up to the next key frame nothing is sent
	CutAfter     time.Duration // 30 s: a viewer that was too slow for so long is cut off
	Stall        time.Duration // 15 s: a viewer that takes nothing at all for so long is cut off
	StaleAfter   time.Duration // 4 s: no message from the edge for so long is said to be so
	AnswerWithin time.Duration // 10 s: an edge that was asked has to connect
	Again        time.Duration // 2 s: before an edge is asked again
	QueueBytes   int           // 1 MiB: of one viewer; a group of pictures that is larger still gets through
	CacheBytes   int           // 8 MiB: of one pull's group of pictures
	MaxViewers   int           // 500

	CommandWithin     time.Duration // 20 s: an edge has to answer a command
	MaxCommands       int           // 4: of one edge, under way at once
	CommandsPerMinute int           // 120: of one edge

	Now func() time.Time
	Log *slog.Logger
}

// key names what is pulled.
type key struct {
	edge   bongsu.EdgeID
	camera bongsu.CameraID
	mode   string
}

// Hub joins edges and viewers. Make it with New; it is safe for many goroutines.
type Hub struct {
	o    Options       // set before Run
	done chan struct{} // closed when Run ends

	mu       sync.Mutex
	closed   bool                          // guarded by mu: no more connections
	edges    map[bongsu.EdgeID]*line       // guarded by mu
	pulls    map[key]*pull                 // guarded by mu
	sessions map[string]*pull              // guarded by mu: by the session they have asked for
	commands map[string]*pending           // guarded by mu: that are not answered, by id
	asked    map[bongsu.EdgeID][]time.Time // guarded by mu: when commands were sent, within a minute
	working  sync.WaitGroup                // connections; Add under mu while not closed

	viewers   atomic.Int64
	opened    atomic.Int64
	started   atomic.Int64
	cut       atomic.Int64
	dropped   atomic.Int64 // pictures that viewers were too slow for
	received  atomic.Int64 // bytes from edges
	delivered atomic.Int64 // bytes to viewers
}

// New makes a Hub. Connections are taken while Run runs.
func New(o Options) *Hub {
	for _, d := range []struct {
		at  *time.Duration
		def time.Duration
	}{
		{&o.Linger, 5 * time.Second}, {&o.PingEvery, 5 * time.Second}, {&o.Dead, 10 * time.Second}, {&o.ViewerPing, time.Second},
		{&o.Recheck, 3 * time.Second}, {&o.SlowViewer, 2 * time.Second}, {&o.CutAfter, 30 * time.Second}, {&o.Stall, 15 * time.Second},
		{&o.StaleAfter, 4 * time.Second}, {&o.AnswerWithin, 10 * time.Second}, {&o.Again, 2 * time.Second}, {&o.CommandWithin, 20 * time.Second},
	} {
		if *d.at == 0 {
			*d.at = d.def
		}
	}
	for _, n := range []struct {
		at  *int
		def int
	}{{&o.QueueBytes, 1 << 20}, {&o.CacheBytes, 8 << 20}, {&o.MaxViewers, 500}, {&o.MaxCommands, 4}, {&o.CommandsPerMinute, 120}} {
		if *n.at == 0 {
			*n.at = n.def
		}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Hub{o: o, done: make(chan struct{}), edges: map[bongsu.EdgeID]*line{}, pulls: map[key]*pull{}, sessions: map[string]*pull{},
		commands: map[string]*pending{}, asked: map[bongsu.EdgeID][]time.Time{}}
}

// Handlers gives each handler by its name in the route table.
func (h *Hub) Handlers() map[string]http.Handler {
	named := map[string]func(http.ResponseWriter, *http.Request) error{
		"live.view":       h.getView,
		"edge.live":       h.getControl,
		"edge.live.media": h.getMedia,
		"edge.command":    h.postAnswer,
	}
	out := make(map[string]http.Handler, len(named))
	for name, f := range named {
		out[name] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := f(w, r); err != nil {
				auth.WriteError(w, err, h.o.Log)
			}
		})
	}
	return out
}

// tickEvery is how often the hub looks for what is due.
const tickEvery = 100 * time.Millisecond

// Run does what is due at its time until ctx ends; then it ends all connections and blocks until
// they have. It returns nil.
func (h *Hub) Run(ctx context.Context) error {
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			h.due()
		case <-ctx.Done():
			h.mu.Lock()
			h.closed = true
			h.mu.Unlock()
			close(h.done)
			h.working.Wait()
			return nil
		}
	}
}

// begin counts a connection in; the caller ends it with h.working.Done.
func (h *Hub) begin() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return bongsu.Errorf(bongsu.CodeUnavailable, "the server is stopping")
	}
	h.working.Add(1)
	return nil
}

// within gives a context that ends with the hub too. A request's own does not end with its
// connection once that was taken over.
func (h *Hub) within(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		select {
		case <-h.done:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// due starts, starts anew and ends pulls as their time comes.
func (h *Hub) due() {
	now := h.o.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	for k, p := range h.pulls {
		if p.over(now) {
			h.end(p)
			delete(h.pulls, k)
			continue
		}
		if p.wantsStart(now) {
			h.ask(p, now)
		}
		h.askBoxes(p)
		p.watch(now)
	}
}

// ask asks a pull's edge for pictures. The caller holds h.mu.
func (h *Hub) ask(p *pull, now time.Time) {
	l := h.edges[p.key.edge]
	if l == nil {
		p.tell(bongsu.LiveState(bongsu.LiveWaiting, bongsu.LiveEdgeOffline, "the edge that has this camera is not connected"))
		return
	}
	if p.session != "" {
		delete(h.sessions, p.session)
		l.say(bongsu.LiveText{Type: bongsu.LiveTypeStop, Session: p.session})
	}
	p.asked(bongsu.NewUUID(now), now)
	h.sessions[p.session] = p
	h.started.Add(1)
	p.boxes = p.wantsBoxes()
	l.say(p.start())
}

// start is what the pull's edge is told. The caller holds Hub.mu.
func (p *pull) start() bongsu.LiveText {
	return bongsu.LiveText{Type: bongsu.LiveTypeStart, Camera: p.key.camera, Session: p.session, Mode: p.key.mode, Boxes: p.boxes}
}

// askBoxes tells a pull's edge when the first viewer wants what is found in the pictures, and when
// none does any more. The caller holds h.mu.
func (h *Hub) askBoxes(p *pull) {
	l := h.edges[p.key.edge]
	if want := p.wantsBoxes(); p.session != "" && p.boxes != want && l != nil && l.can(bongsu.FeatureBoxes) {
		p.boxes = want
		l.say(p.start())
	}
}

// end stops a pull that nobody looks at. The caller holds h.mu.
func (h *Hub) end(p *pull) {
	if p.session == "" {
		return
	}
	delete(h.sessions, p.session)
	if l := h.edges[p.key.edge]; l != nil {
		l.say(bongsu.LiveText{Type: bongsu.LiveTypeStop, Session: p.session})
	}
	p.close()
}

// join adds a viewer to a pull, which begins when it is the first.
func (h *Hub) join(k key, v *viewer) *pull {
	now := h.o.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.pulls[k]
	if p == nil {
		p = newPull(k, h)
		h.pulls[k] = p
	}
	p.add(v)
	if p.wantsStart(now) {
		h.ask(p, now)
	}
	return p
}

// WriteMetrics writes the hub's numbers in the Prometheus text format.
func (h *Hub) WriteMetrics(w io.Writer) {
	h.mu.Lock()
	edges, pulls := len(h.edges), 0
	for _, p := range h.pulls {
		if p.session != "" {
			pulls++
		}
	}
	h.mu.Unlock()
	for _, m := range []struct {
		name, kind, help string
		value            int64
	}{
		{"bongsu_live_viewers", "gauge", "Live views that are open.", h.viewers.Load()},
		{"bongsu_live_pulls", "gauge", "Cameras pulled from edges, one for each camera and mode.", int64(pulls)},
		{"bongsu_live_edges", "gauge", "Edges that can be asked for pictures.", int64(edges)},
		{"bongsu_live_opened_total", "counter", "Live views opened.", h.opened.Load()},
		{"bongsu_live_pulls_total", "counter", "Times that an edge was asked for pictures.", h.started.Load()},
		{"bongsu_live_dropped_total", "counter", "Pictures that viewers were too slow for.", h.dropped.Load()},
		{"bongsu_live_cut_total", "counter", "Live views cut off because they were too slow.", h.cut.Load()},
		{"bongsu_live_received_bytes_total", "counter", "Bytes of pictures from edges.", h.received.Load()},
		{"bongsu_live_delivered_bytes_total", "counter", "Bytes of pictures to viewers.", h.delivered.Load()},
	} {
		fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n%s %d\n", m.name, m.help, m.name, m.kind, m.name, m.value)
	}
}
