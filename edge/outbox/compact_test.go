package outbox

import (
	"testing"

	"bongsu"
)

// TestClosedEventStaysClosedBesideARefusedRevision: of an event that has closed, an older revision
// that the cloud refused is all that is left in the log. It must not be open again.
func TestClosedEventStaysClosedBesideARefusedRevision(t *testing.T) {
	m := newMemFS()
	o := mustOpen(t, testOptions(m))
	old, end := anEvent(1, 1, bongsu.EventOpen), anEvent(1, 2, bongsu.EventClosed)
	put(t, o, old)
	if err := o.RejectEvent(old.Event.Key(), bongsu.CodeInvalid, "no"); err != nil {
		t.Fatal(err)
	}
	put(t, o, end)
	if err := o.AckEvents(end.Event.Key()); err != nil {
		t.Fatal(err)
	}
	for n := 2; n < 500; n++ { // until the segment of both is given up, and the first revision copied
		rec := anEvent(n, 1, bongsu.EventClosed)
		put(t, o, rec)
		if err := o.AckEvents(rec.Event.Key()); err != nil {
			t.Fatal(err)
		}
	}
	if segs, _ := listSegments(m); len(segs) == 0 || segs[0].number == 1 {
		t.Fatalf("the first segment is still here: %v", segs)
	}
	o.Close()
	o = mustOpen(t, testOptions(m))
	if evs, err := o.OpenEvents(""); err != nil || len(evs) != 0 {
		t.Errorf("%d events are open, %v", len(evs), err)
	}
	if known, err := o.PutEvent(end); err != nil || !known {
		t.Errorf("the closing revision is taken again: known %v, %v", known, err)
	}
	if c := o.Counts().Events; c.Pending != 1 || c.Rejected != 1 {
		t.Errorf("%+v", c)
	}
}
