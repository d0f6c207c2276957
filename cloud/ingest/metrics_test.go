package ingest

import (
	"strings"
	"testing"

	"bongsu"
)

func TestMetrics(t *testing.T) {
	w := newWorld(t)
	e := event(1, 1)
	good[bongsu.EventsResponse](t, w.post(edgeA, eventsPath, bongsu.EventsRequest{Events: []bongsu.EventRecord{{Event: e}, {Event: bongsu.Event{ID: "x"}}}}))
	good[bongsu.EventsResponse](t, w.post(edgeA, eventsPath, bongsu.EventsRequest{Events: []bongsu.EventRecord{{Event: e}}}))
	good[bongsu.EventsResponse](t, w.post(edgeB, eventsPath, bongsu.EventsRequest{Events: []bongsu.EventRecord{{Event: e}}}))
	bad(t, w.post(edgeA, eventsPath, bongsu.EventsRequest{}), bongsu.CodeInvalid, "none")
	var b strings.Builder
	w.g.WriteMetrics(&b)
	for _, want := range []string{
		`bongsu_cloud_ingest_events_total{result="stored"} 1`,
		`bongsu_cloud_ingest_events_total{result="known"} 1`,
		`bongsu_cloud_ingest_events_total{result="rejected"} 2`,
		"bongsu_cloud_ingest_failed_total 1",
		"bongsu_cloud_ingest_clips_total 0",
	} {
		if !strings.Contains(b.String(), want+"\n") {
			t.Errorf("%s is not in\n%s", want, b.String())
		}
	}
}
