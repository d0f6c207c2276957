package worker

import (
	"context"
	"errors"
	"testing"
	"time"

	"bongsu/edge/link"
)

// TestClipIsOpenedBehindItsEvent: the picture of an event takes a while to encode. Its clip is
// opened when the event was sent, not before: a crash in between would leave a clip of no event.
func TestClipIsOpenedBehindItsEvent(t *testing.T) {
	var out []link.Message
	h := newHandover(1<<20, nil, func(m link.Message) (uint64, error) { out = append(out, m); return uint64(len(out)), nil }, nil)
	ev := event(1)
	if err := h.ahead(t.Context(), ev.ID); err != nil {
		t.Fatalf("an event of which nothing waits holds its clip up: %v", err)
	}
	h.Put(ev, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := h.ahead(ctx, ev.ID); !errors.Is(err, context.Canceled) {
		t.Fatalf("the clip was opened before its event was sent: %v", err)
	}
	opened := make(chan error, 1)
	go func() { opened <- h.ahead(t.Context(), ev.ID) }()
	it := h.next()
	select {
	case <-opened:
		t.Fatal("the clip was opened while its event's picture was still being encoded")
	default:
	}
	if err := h.post(it); err != nil {
		t.Fatal(err)
	}
	hasOpened(t, opened)
	ev.Revision++
	h.Put(ev, nil) // a later revision does not hold it up
	if err := h.ahead(t.Context(), ev.ID); err != nil {
		t.Error(err)
	}
	h.nacked(1)
	go func() { opened <- h.ahead(t.Context(), ev.ID) }()
	h.drop() // nothing will be sent any more: asking the node fails by itself
	hasOpened(t, opened)
}

func hasOpened(t *testing.T, c <-chan error) {
	t.Helper()
	select {
	case err := <-c:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the clip is not opened")
	}
}
