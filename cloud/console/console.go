// Package console is the operators' HTTP API, documented at /api/openapi.json, and the web
// application that uses it (web/). Handlers read and change the archive; auth.Guard stands in
// front of each; every picture and clip is recorded by audit before its first byte goes out.
package console

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"bongsu"
	"bongsu/cloud/alerts"
	"bongsu/cloud/archive"
	"bongsu/cloud/audit"
	"bongsu/cloud/auth"
	"bongsu/cloud/objects"
	"bongsu/cloud/queue"
)

// Options of a Console.
type Options struct {
	Archive archive.Archive
	Objects objects.Store
	Auth    *auth.Service
	Audit   *audit.Recorder
	Policy  alerts.Policy    // how alerts live
	Version string           // shown to users
	Secure  bool             // browsers come over HTTPS: the cookie insists on it
	Now     func() time.Time // nil: time.Now
	Log     *slog.Logger     // nil: discard
	Metrics []MetricsFunc    // numbers of other parts, for /metrics
	Health  []HealthFunc     // what else is not as it should be, for /healthz
	Letters queue.Letters    // the queue's dead letters; nil when it has none

	// PingEvery is how often a live stream shows that it lives, and asks whether its
	// session does; 0: 5 s.
	PingEvery time.Duration
	// WriteWithin is how long a live stream may take to accept a message before it is cut
	// off; 0: 10 s.
	WriteWithin time.Duration
	// Streams is how many live streams there may be at once; 0: 500.
	Streams int

	keep int // messages that the feed keeps; 0: feedKeep
	room int // how large they are together; 0: feedBytes
}

// Console serves the API. It is safe for many goroutines.
type Console struct {
	// set before Run
	archive archive.Archive
	objects objects.Store
	auth    *auth.Service
	audit   *audit.Recorder
	policy  alerts.Policy
	version string
	secure  bool
	now     func() time.Time
	log     *slog.Logger
	metrics []MetricsFunc
	reasons []HealthFunc
	letters queue.Letters
	feed    *feed
	verify  *verifier
	files   http.Handler
	ping    time.Duration
	within  time.Duration
	counts  counts

	healthMu sync.Mutex
	healthAt time.Time
	health   error
	unwell   []Reason
}

// New makes a Console. Its streams begin to flow when Run does.
func New(o Options) *Console {
	c := &Console{
		archive: o.Archive, objects: o.Objects, auth: o.Auth, audit: o.Audit, policy: o.Policy, version: o.Version,
		secure: o.Secure, now: o.Now, log: o.Log, metrics: o.Metrics, reasons: o.Health, letters: o.Letters, ping: o.PingEvery, within: o.WriteWithin,
	}
	if c.now == nil {
		c.now = time.Now
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.ping == 0 {
		c.ping = 5 * time.Second
	}
	if c.within == 0 {
		c.within = 10 * time.Second
	}
	if o.Streams == 0 {
		o.Streams = 500
	}
	c.counts.streamLimit = int64(o.Streams)
	if o.keep == 0 {
		o.keep = feedKeep
	}
	if o.room == 0 {
		o.room = feedBytes
	}
	c.feed = newFeed(c, o.keep, o.room)
	c.verify = newVerifier(o.Objects, c.now)
	c.files = newFiles()
	return c
}

// Run feeds the live streams until ctx ends; then they end too. It returns nil.
func (c *Console) Run(ctx context.Context) error { return c.feed.run(ctx) }

// Handlers gives each handler by its name in the route table. Those of edges are not ours,
// but for enrolment.
func (c *Console) Handlers() map[string]http.Handler {
	named := map[string]func(http.ResponseWriter, *http.Request) error{
		"healthz":          c.getHealth,
		"metrics":          c.getMetrics,
		"openapi":          c.getOpenAPI,
		"setup.state":      c.getSetup,
		"setup.do":         c.postSetup,
		"login":            c.postLogin,
		"logout":           c.postLogout,
		"me":               c.getMe,
		"users.list":       c.getUsers,
		"users.add":        c.postUser,
		"users.disable":    c.postUserDisable,
		"edges.list":       c.getEdges,
		"edges.token":      c.postEdgeToken,
		"edges.revoke":     c.postEdgeRevoke,
		"edge.enrol":       c.postEnrol,
		"cameras.list":     c.getCameras,
		"cameras.still":    c.getStill,
		"alerts.list":      c.getAlerts,
		"alerts.get":       c.getAlert,
		"alerts.claim":     c.postClaim,
		"alerts.release":   c.postRelease,
		"alerts.evidence":  c.postEvidence,
		"alerts.verdict":   c.postVerdict,
		"alerts.undo":      c.postUndo,
		"events.list":      c.getEvents,
		"events.csv":       c.getEventsCSV,
		"events.get":       c.getEvent,
		"events.revisions": c.getRevisions,
		"events.snapshot":  c.getSnapshot,
		"events.clip":      c.getClip,
		"stream":           c.getStream,
		"audit.list":       c.getAudit,
		"letters.list":     c.getLetters,
		"letters.retry":    c.postLetterRetry,
		"letters.drop":     c.postLetterDrop,
	}
	out := make(map[string]http.Handler, len(named)+1)
	for name, f := range named {
		out[name] = c.handler(name, f)
	}
	out["static"] = c.files
	return out
}

// handler turns errors into answers and counts requests.
func (c *Console) handler(name string, f func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := f(w, r)
		c.counts.request(name, bongsu.CodeOf(err))
		if err != nil {
			auth.WriteError(w, err, c.log)
		}
	})
}

// writeJSON answers 200 with v.
func writeJSON(w http.ResponseWriter, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return bongsu.Wrap(bongsu.CodeInternal, err, "a defect of the server; it is in its log")
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_, _ = w.Write(append(body, '\n')) // what fails here is the caller's connection
	return nil
}
