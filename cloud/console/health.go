package console

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"bongsu"
)

// MetricsFunc writes numbers in the Prometheus text format (version 0.0.4); names begin with
// bongsu_.
type MetricsFunc func(io.Writer)

// counts are the console's own numbers.
type counts struct {
	streamLimit int64 // set before use
	streams     atomic.Int64
	streamsCut  atomic.Int64
	damaged     atomic.Int64

	mu       sync.Mutex
	requests map[[2]string]int64 // handler and code → how many
}

func (c *counts) request(name string, code bongsu.Code) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.requests == nil {
		c.requests = map[[2]string]int64{}
	}
	if code == "" {
		code = "ok"
	}
	c.requests[[2]string{name, string(code)}]++
}

func (c *counts) write(w io.Writer) {
	single := func(name, kind, help string, v int64) {
		fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n%s %d\n", name, help, name, kind, name, v)
	}
	single("bongsu_cloud_streams", "gauge", "Live streams that are open.", c.streams.Load())
	single("bongsu_cloud_streams_cut_total", "counter", "Live streams cut off because their reader was too slow.", c.streamsCut.Load())
	single("bongsu_cloud_objects_damaged_total", "counter", "Requests for a picture or clip that is damaged or missing.", c.damaged.Load())
	c.mu.Lock()
	defer c.mu.Unlock()
	fmt.Fprint(w, "# HELP bongsu_cloud_requests_total Requests answered.\n# TYPE bongsu_cloud_requests_total counter\n")
	keys := slices.SortedFunc(maps.Keys(c.requests), func(a, b [2]string) int { return strings.Compare(a[0]+" "+a[1], b[0]+" "+b[1]) })
	for _, k := range keys {
		fmt.Fprintf(w, "bongsu_cloud_requests_total{handler=%q,code=%q} %d\n", k[0], k[1], c.requests[k])
	}
}

func (c *Console) getMetrics(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	c.counts.write(w)
	if n, err := c.archive.CountLetters(r.Context()); err == nil {
		fmt.Fprintf(w, "# HELP bongsu_cloud_dead_letters Revisions of events that could not be applied and wait for an admin.\n"+
			"# TYPE bongsu_cloud_dead_letters gauge\nbongsu_cloud_dead_letters %d\n", n)
	}
	for _, f := range c.metrics {
		f(w)
	}
	return nil
}

// healthFor is how long an answer about health is good: anybody may ask, and asking writes.
const healthFor = 2 * time.Second

// Reason is one thing that is not as it should be while the server works.
type Reason struct {
	Code    string `json:"code"`
	Message string `json:"message"` // says nothing that the public may not know
}

// HealthFunc gives what is not as it should be now, none when all is well. It returns within a
// second or two.
type HealthFunc func(context.Context) []Reason

// health is the answer of /healthz. Status is ok, or degraded with the reasons.
type health struct {
	Status  string   `json:"status"`
	Version string   `json:"version"`
	Reasons []Reason `json:"reasons,omitempty"`
}

func (c *Console) getHealth(w http.ResponseWriter, r *http.Request) error {
	unwell, err := c.healthy(r.Context())
	if err != nil {
		return bongsu.Wrap(bongsu.CodeUnavailable, err, "the archive cannot be written to: see the server's log")
	}
	out := health{Status: "ok", Version: c.version, Reasons: unwell}
	if len(unwell) > 0 {
		out.Status = "degraded"
	}
	return writeJSON(w, out)
}

func (c *Console) healthy(ctx context.Context) ([]Reason, error) {
	c.healthMu.Lock()
	defer c.healthMu.Unlock()
	if now := c.now(); c.healthAt.IsZero() || now.Sub(c.healthAt) > healthFor {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		c.healthAt, c.health, c.unwell = now, c.archive.Ping(ctx), nil
		if c.health == nil {
			c.unwell = c.letterHealth(ctx)
			for _, f := range c.reasons {
				c.unwell = append(c.unwell, f(ctx)...)
			}
		}
	}
	return c.unwell, c.health
}
