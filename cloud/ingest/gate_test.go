package ingest

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"bongsu"
	"bongsu/cloud/queue/memq"
)

// TestGate: while the queue takes nothing posts are answered 503 and stay with their edges; what had
// been stored before is not lost, and the gate opens when the queue takes what it refused.
func TestGate(t *testing.T) {
	w := newWorldWith(t, Limits{}, memq.Options{Capacity: 2})
	post := func(n int) int {
		r := w.post(edgeA, "/api/v1/edge/events", bongsu.EventsRequest{Events: []bongsu.EventRecord{{Event: event(n, 1)}}})
		if r.Code == http.StatusServiceUnavailable && (r.Header().Get("Retry-After") == "" || !strings.Contains(r.Body.String(), "the queue takes nothing at the moment")) {
			t.Errorf("%v %s", r.Header(), r.Body)
		}
		return r.Code
	}
	for n, want := range []int{200, 200, 200, 503, 503} { // the third finds out
		if got := post(n); got != want {
			t.Fatalf("post %d: %d, want %d", n, got, want)
		}
	}
	if _, err := w.archive.GetInbox(t.Context(), bongsu.EventKey{ID: eventID(3), Revision: 1}); bongsu.CodeOf(err) != bongsu.CodeNotFound {
		t.Fatalf("a refused post was stored: %v", err)
	}
	take := func() bongsu.EventID {
		d, err := w.queue.Receive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Ack(t.Context()); err != nil {
			t.Fatal(err)
		}
		return d.Message().Key.ID
	}
	take()
	if got := post(3); got != 200 { // with it goes the third's message, so the queue is full again
		t.Fatalf("there is room: %d", got)
	}
	if got := post(4); got != 503 {
		t.Fatalf("full again: %d", got)
	}
	if a, b := take(), take(); a != eventID(1) || b != eventID(2) {
		t.Fatalf("the queue held %s and %s", a, b)
	}
	w.now = t0.Add(time.Minute) // the sweeper opens the gate as well
	if err := w.g.republish(t.Context()); err == nil {
		t.Fatal("four messages fit into a queue of two")
	}
}

// TestGateAtOnce: many posts at a shut gate; one of them asks, the others are refused at once.
func TestGateAtOnce(t *testing.T) {
	w := newWorldWith(t, Limits{Posts: 100}, memq.Options{Capacity: 1})
	w.events(edgeA, bongsu.EventRecord{Event: event(0, 1)})
	w.events(edgeA, bongsu.EventRecord{Event: event(1, 1)})
	slow := &slowQueue{Queue: w.queue, asked: make(chan struct{}), answer: make(chan struct{})}
	w.g.queue = slow
	var wg sync.WaitGroup
	first := make(chan int, 1)
	wg.Go(func() {
		first <- w.post(edgeA, "/api/v1/edge/events", bongsu.EventsRequest{Events: []bongsu.EventRecord{{Event: event(2, 1)}}}).Code
	})
	<-slow.asked
	for n := range 5 {
		if got := w.post(edgeA, "/api/v1/edge/events", bongsu.EventsRequest{Events: []bongsu.EventRecord{{Event: event(3+n, 1)}}}).Code; got != 503 {
			t.Errorf("while another asks: %d", got)
		}
	}
	close(slow.answer)
	if got := <-first; got != 503 {
		t.Errorf("who asked: %d", got)
	}
	wg.Wait()
}

// slowQueue answers when it is told to.
type slowQueue struct {
	*memq.Queue
	asked, answer chan struct{}
}

func (q *slowQueue) Publish(ctx context.Context, keys ...bongsu.EventKey) error {
	close(q.asked)
	<-q.answer
	return q.Queue.Publish(ctx, keys...)
}
