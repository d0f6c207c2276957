package outbox

import (
	"bytes"
	"testing"
	"time"

	"bongsu"
)

// TestReadyWithMuchPending opens an outbox in which 100,000 events wait (row R1).
func TestReadyWithMuchPending(t *testing.T) {
	dir := t.TempDir()
	opt := Options{ReserveBytes: -1, MinFreeBytes: -1}
	o, err := Open(dir, opt)
	if err != nil {
		t.Fatal(err)
	}
	events, name := 100_000, "figure R1"
	if raceOn { // ten times as slow
		events, name = 20_000, "with the race detector"
	}
	first := anEvent(0, 1, bongsu.EventClosed)
	body, err := encodeEvent(&first)
	if err != nil {
		t.Fatal(err)
	}
	recs := make([]*record, 0, 1000)
	for n := range events {
		id := eventID(n)
		b := bytes.Replace(body, []byte(first.Event.ID), []byte(id), 1)
		recs = append(recs, &record{kind: kindEvent, body: b, m: meta{ID: id, Revision: 1, Camera: "yard", Rank: 1}})
		if len(recs) == cap(recs) {
			if err := o.submit(recs...); err != nil {
				t.Fatal(err)
			}
			recs = recs[:0]
		}
	}
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if o, err = Open(dir, opt); err != nil {
		t.Fatal(err)
	}
	ready := time.Since(began)
	defer o.Close()
	if c := o.Counts().Events; c.Pending != int64(events) {
		t.Errorf("%+v", c)
	}
	if got, err := o.PendingEvents(true, 20, 1<<20, nil); err != nil || len(got) != 20 || got[0].Event.ID != eventID(events-1) {
		t.Errorf("%d, %v", len(got), err)
	}
	t.Logf("%s: outbox: ready %v after a start with %d events pending", name, ready.Round(time.Millisecond), events)
}
