// Package obs shows how the edge is: metrics in Prometheus' text format, errors folded so that
// a log stays readable at frame rate, and a debug port that only this machine can reach.
package obs

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// Kind is what Prometheus calls a metric's type.
type Kind string

// Kinds of metric.
const (
	KindCounter   Kind = "counter"   // only rises
	KindGauge     Kind = "gauge"     // goes up and down
	KindHistogram Kind = "histogram" // made by Histogram only
)

// Label is one label of a sample.
type Label struct{ Name, Value string }

// Sample is one value at the time of a scrape.
type Sample struct {
	Name   string // begins with bongsu_; with _total for a counter
	Help   string // one sentence; the first one given for a name is shown
	Kind   Kind
	Labels []Label
	Value  float64
	suffix string // of a histogram's lines
}

// Registry gathers metrics for a scrape. It is safe for use by many goroutines.
type Registry struct {
	mu         sync.Mutex
	collectors []func(emit func(Sample))
}

// NewRegistry makes an empty Registry.
func NewRegistry() *Registry { return new(Registry) }

// Collect registers a function that gives its samples at each scrape. It must not block.
func (r *Registry) Collect(f func(emit func(Sample))) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.collectors = append(r.collectors, f)
}

// Counter is a number that only rises.
type Counter struct{ n atomic.Int64 }

// Add adds n, which must not be negative.
func (c *Counter) Add(n int64) { c.n.Add(n) }

// Value is the sum so far.
func (c *Counter) Value() int64 { return c.n.Load() }

// Counter registers and gives a counter.
func (r *Registry) Counter(name, help string, labels ...Label) *Counter {
	c := new(Counter)
	r.Collect(func(emit func(Sample)) {
		emit(Sample{Name: name, Help: help, Kind: KindCounter, Labels: labels, Value: float64(c.Value())})
	})
	return c
}

// Gauge registers a gauge that is read by f at each scrape. f must not block.
func (r *Registry) Gauge(name, help string, f func() float64, labels ...Label) {
	r.Collect(func(emit func(Sample)) {
		emit(Sample{Name: name, Help: help, Kind: KindGauge, Labels: labels, Value: f()})
	})
}

// Histogram counts observations in buckets.
type Histogram struct {
	bounds []float64

	mu    sync.Mutex
	count []uint64 // of each bucket alone, the last beyond all bounds
	sum   float64
}

// Histogram registers and gives a histogram with rising upper bounds, in the unit that its
// name ends with.
func (r *Registry) Histogram(name, help string, bounds []float64, labels ...Label) *Histogram {
	h := &Histogram{bounds: bounds, count: make([]uint64, len(bounds)+1)}
	r.Collect(func(emit func(Sample)) { h.emit(name, help, labels, emit) })
	return h
}

// Observe counts one value.
func (h *Histogram) Observe(v float64) {
	i, _ := slices.BinarySearch(h.bounds, v)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.count[i]++
	h.sum += v
}

func (h *Histogram) emit(name, help string, labels []Label, emit func(Sample)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var n uint64
	for i, c := range h.count {
		n += c
		le := "+Inf"
		if i < len(h.bounds) {
			le = number(h.bounds[i])
		}
		emit(Sample{Name: name, Help: help, Kind: KindHistogram, Labels: append(slices.Clip(labels), Label{"le", le}),
			Value: float64(n), suffix: "_bucket"})
	}
	emit(Sample{Name: name, Kind: KindHistogram, Labels: labels, Value: h.sum, suffix: "_sum"})
	emit(Sample{Name: name, Kind: KindHistogram, Labels: labels, Value: float64(n), suffix: "_count"})
}

// WriteText writes all metrics in Prometheus' text exposition format 0.0.4, by name, the
// samples of one name in the order in which they came.
func (r *Registry) WriteText(w io.Writer) error {
	r.mu.Lock()
	collectors := slices.Clone(r.collectors)
	r.mu.Unlock()
	byName := map[string][]Sample{}
	for _, f := range collectors {
		f(func(s Sample) {
			if validMetric(s.Name) {
				byName[s.Name] = append(byName[s.Name], s)
			}
		})
	}
	names := make([]string, 0, len(byName))
	for n := range byName {
		names = append(names, n)
	}
	slices.Sort(names)
	b := bufio.NewWriter(w)
	for _, n := range names {
		writeFamily(b, n, byName[n])
	}
	return b.Flush()
}

func writeFamily(b *bufio.Writer, name string, samples []Sample) {
	if help := samples[0].Help; help != "" {
		fmt.Fprintf(b, "# HELP %s %s\n", name, strings.NewReplacer(`\`, `\\`, "\n", `\n`).Replace(help))
	}
	fmt.Fprintf(b, "# TYPE %s %s\n", name, samples[0].Kind)
	for _, s := range samples {
		labels := ""
		if len(s.Labels) > 0 {
			pairs := make([]string, len(s.Labels))
			for i, l := range s.Labels {
				pairs[i] = l.Name + `="` + labelEscapes.Replace(l.Value) + `"`
			}
			labels = "{" + strings.Join(pairs, ",") + "}"
		}
		fmt.Fprintf(b, "%s%s%s %s\n", name, s.suffix, labels, number(s.Value)) // Flush reports errors
	}
}

var labelEscapes = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)

func number(v float64) string {
	switch {
	case math.IsInf(v, 1):
		return "+Inf"
	case math.IsInf(v, -1):
		return "-Inf"
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// validMetric holds a name that a worker sent against the format's rules, so that it cannot
// write lines of its own.
func validMetric(s string) bool {
	for i, c := range []byte(s) {
		letter := c == '_' || c == ':' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if digit := c >= '0' && c <= '9'; !letter && (i == 0 || !digit) {
			return false
		}
	}
	return s != ""
}
