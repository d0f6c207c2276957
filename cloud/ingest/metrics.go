package ingest

import (
	"fmt"
	"io"
	"sync/atomic"
)

// counts are what came from edges since the start.
type counts struct {
	stored, known, rejected atomic.Int64 // revisions of events
	clips, bytes            atomic.Int64 // parts completed, and their sizes
	addresses               atomic.Int64 // given to edges, straight to the object store
	failed                  atomic.Int64 // requests
	republished             atomic.Int64 // revisions that the sweeper found left over
}

// WriteMetrics writes the counts in Prometheus' text format 0.0.4.
func (g *Ingest) WriteMetrics(w io.Writer) {
	fmt.Fprint(w, "# HELP bongsu_cloud_ingest_events_total Revisions of events that edges sent, by what was answered.\n# TYPE bongsu_cloud_ingest_events_total counter\n")
	for _, r := range []struct {
		result string
		n      *atomic.Int64
	}{{"stored", &g.counts.stored}, {"known", &g.counts.known}, {"rejected", &g.counts.rejected}} {
		fmt.Fprintf(w, "bongsu_cloud_ingest_events_total{result=%q} %d\n", r.result, r.n.Load())
	}
	for _, m := range []struct {
		name, help string
		n          *atomic.Int64
	}{
		{"bongsu_cloud_ingest_clips_total", "Parts of clips completed.", &g.counts.clips},
		{"bongsu_cloud_ingest_clip_bytes_total", "Bytes of completed parts.", &g.counts.bytes},
		{"bongsu_cloud_ingest_addresses_total", "Addresses given to edges that lead straight to the object store.", &g.counts.addresses},
		{"bongsu_cloud_ingest_failed_total", "Requests of edges answered with an error.", &g.counts.failed},
		{"bongsu_cloud_ingest_republished_total", "Revisions published again, because they were left in the inbox.", &g.counts.republished},
	} {
		fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s counter\n%s %d\n", m.name, m.help, m.name, m.name, m.n.Load())
	}
}
