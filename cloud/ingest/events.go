package ingest

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"

	"bongsu"
	"bongsu/cloud/archive"
)

// events is POST /edge/events: each record is judged by itself, the good ones are committed to
// the inbox in one transaction, then published, then answered.
func (g *Ingest) events(w http.ResponseWriter, r *http.Request) (any, error) {
	edge, err := edgeOf(r)
	if err != nil {
		return nil, err
	}
	if err := g.queueTakes(r.Context()); err != nil {
		return nil, err
	}
	leave, err := g.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	b, err := g.body(w, r, bongsu.MaxEventPostBytes)
	if err != nil {
		return nil, err
	}
	raw, err := splitEvents(b)
	if err != nil {
		return nil, err
	}
	now := g.now().UTC()
	out := bongsu.EventsResponse{Results: make([]bongsu.EventResult, len(raw))}
	var good []bongsu.EventRecord
	var index []int
	for i := range raw {
		rec, err := readEvent(raw[i], edge, now)
		if err != nil {
			out.Results[i] = g.rejected(keyOf(raw[i]), err)
			g.log.Warn("ingest: event rejected", "edge", edge, "event", out.Results[i].ID, "code", out.Results[i].Code, "reason", out.Results[i].Message)
			continue
		}
		rec.Event.Stamps.ReceivedUS, rec.Event.Stamps.AlertedUS = now.UnixMicro(), 0
		good, index = append(good, rec), append(index, i)
	}
	status, err := g.archive.PutInbox(r.Context(), edge, now, good)
	if err != nil {
		return nil, err
	}
	var fresh []bongsu.EventKey
	for j, s := range status {
		key := good[j].Event.Key()
		if out.Results[index[j]] = g.stored(key, s); s == archive.PutStored {
			fresh = append(fresh, key)
		}
	}
	// A queue that fails is no failure of the post, whose events are durable: the sweeper
	// publishes again. The posts after this one wait at the edges until the queue works.
	if err := g.publish(r.Context(), fresh...); err != nil {
		g.log.Warn("ingest: not published, the sweeper will", "events", len(fresh), "err", err)
	}
	return out, nil
}

// publish publishes and notes what the queue did not take.
func (g *Ingest) publish(ctx context.Context, keys ...bongsu.EventKey) error {
	if len(keys) == 0 {
		return nil
	}
	err := g.queue.Publish(ctx, keys...)
	if err != nil && ctx.Err() == nil {
		g.gate.shut(keys)
	} else if err == nil {
		g.gate.shutFor.Store(nil)
	}
	return err
}

// gate is shut while the queue takes nothing.
type gate struct {
	shutFor atomic.Pointer[[]bongsu.EventKey] // what was not taken; nil: open
	asking  sync.Mutex                        // held by who asks whether the queue works again
}

func (t *gate) shut(keys []bongsu.EventKey) {
	keys = slices.Clone(keys[:min(len(keys), bongsu.MaxEventsPerPost)])
	t.shutFor.Store(&keys)
}

// queueTakes refuses a post while the queue takes nothing, so that the edges hold their events and
// the inbox does not grow without end. One post at a time offers the queue again what it refused: a
// queue that is nearly full may take something smaller.
func (g *Ingest) queueTakes(ctx context.Context) error {
	refused := g.gate.shutFor.Load()
	if refused == nil {
		return nil
	}
	if !g.gate.asking.TryLock() {
		return bongsu.Errorf(bongsu.CodeUnavailable, "the queue takes nothing at the moment; send the events again later")
	}
	defer g.gate.asking.Unlock()
	if err := g.queue.Publish(ctx, *refused...); err != nil {
		return bongsu.Wrap(bongsu.CodeUnavailable, err, "the queue takes nothing at the moment; send the events again later")
	}
	g.gate.shutFor.CompareAndSwap(refused, nil)
	return nil
}

// stored answers for a record that reached the archive.
func (g *Ingest) stored(key bongsu.EventKey, s archive.PutStatus) bongsu.EventResult {
	switch s {
	case archive.PutForeign:
		return g.rejected(key, bongsu.Errorf(bongsu.CodeForbidden, "event %s belongs to another edge", key.ID))
	case archive.PutKnown:
		g.counts.known.Add(1)
		return bongsu.EventResult{EventKey: key, Status: bongsu.EventKnown}
	}
	g.counts.stored.Add(1)
	return bongsu.EventResult{EventKey: key, Status: bongsu.EventStored}
}

func (g *Ingest) rejected(key bongsu.EventKey, err error) bongsu.EventResult {
	g.counts.rejected.Add(1)
	return bongsu.EventResult{EventKey: key, Status: bongsu.EventRejected, Code: bongsu.CodeOf(err), Message: err.Error()}
}

// splitEvents reads the request's frame; its records stay as they are, so that one bad record
// does not take the others with it.
func splitEvents(b []byte) ([]json.RawMessage, error) {
	var req struct {
		Events []json.RawMessage `json:"events"`
	}
	if err := strict(b, &req); err != nil {
		return nil, err
	}
	if len(req.Events) == 0 {
		return nil, bongsu.Errorf(bongsu.CodeInvalid, "events: there is none")
	}
	if len(req.Events) > bongsu.MaxEventsPerPost {
		return nil, bongsu.Errorf(bongsu.CodeTooLarge, "events: %d in one request, at most %d are allowed", len(req.Events), bongsu.MaxEventsPerPost)
	}
	return req.Events, nil
}

// keyOf reads as much of a bad record's key as can be read, so that the edge knows which is meant.
func keyOf(raw json.RawMessage) bongsu.EventKey {
	var k struct {
		Event struct {
			ID       bongsu.EventID `json:"id"`
			Revision int            `json:"revision"`
		} `json:"event"`
	}
	if json.Unmarshal(raw, &k) != nil || len(k.Event.ID) > 64 {
		return bongsu.EventKey{}
	}
	return bongsu.EventKey{ID: k.Event.ID, Revision: k.Event.Revision}
}
