package uplink

import (
	"context"
	"fmt"

	"bongsu"
)

// liveLane sends the newest revisions as soon as they are there.
func (u *Uplink) liveLane(ctx context.Context) {
	for ctx.Err() == nil {
		changed := u.o.Store.Changed()
		n, err := u.sendEvents(ctx, true, liveBatch, liveBytes)
		if err != nil || n > 0 {
			if n == liveBatch {
				u.wakeBackfill()
			}
			continue // a failure has closed the gate, which the next try waits for
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
}

func (u *Uplink) wakeBackfill() {
	select {
	case u.backfill <- struct{}{}:
	default:
	}
}

// backfillLane sends what had to wait, the oldest first, at the start and whenever the live
// lane cannot take it all.
func (u *Uplink) backfillLane(ctx context.Context) {
	for ctx.Err() == nil {
		n, err := u.sendEvents(ctx, false, bongsu.MaxEventsPerPost, backfillBytes)
		if err != nil || n > 0 {
			continue
		}
		select {
		case <-u.backfill:
		case <-ctx.Done():
		}
	}
}

// sendEvents takes one batch from the store, sends it and settles it. It returns how many
// revisions it took. Any error has been noted at the gate.
func (u *Uplink) sendEvents(ctx context.Context, newest bool, limit, maxBytes int) (int, error) {
	if err := u.gate.wait(ctx); err != nil {
		return 0, err
	}
	recs, err := u.take(newest, limit, maxBytes)
	if err != nil {
		u.trouble(ctx, storeErrorf("the outbox cannot be read: %w", err))
		return 0, err
	}
	if len(recs) == 0 {
		return 0, nil
	}
	defer u.giveBack(recs)
	u.polite.enter()
	defer u.polite.leave()
	err = u.post(ctx, recs)
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	if err != nil {
		u.trouble(ctx, err)
		return 0, err
	}
	u.well()
	return len(recs), nil
}

// take reads a batch and marks it, so that the other lane leaves it alone.
func (u *Uplink) take(newest bool, limit, maxBytes int) ([]bongsu.EventRecord, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	recs, err := u.o.Store.PendingEvents(newest, limit, maxBytes, func(k bongsu.EventKey) bool { return u.inFlight[k] || u.owed[k] })
	if err != nil {
		return nil, err
	}
	now := u.o.Now().UnixMicro()
	for i := range recs {
		key := recs[i].Event.Key()
		u.inFlight[key] = true
		if u.firstSent[key] == 0 {
			u.firstSent[key] = now
		}
		recs[i].Event.Stamps.SentUS = u.firstSent[key]
	}
	return recs, nil
}

func (u *Uplink) giveBack(recs []bongsu.EventRecord) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for i := range recs {
		delete(u.inFlight, recs[i].Event.Key())
	}
}

// post sends recs and settles each by its result. When the cloud refuses the request as a
// whole, its records are sent one by one, so that one that it cannot stand does not hold up
// the others.
func (u *Uplink) post(ctx context.Context, recs []bongsu.EventRecord) error {
	var resp bongsu.EventsResponse
	err := u.call(ctx, "events", bongsu.EventsRequest{Events: recs}, &resp)
	if answered(err) {
		switch code := bongsu.CodeOf(err); {
		case code != bongsu.CodeInvalid && code != bongsu.CodeTooLarge:
		case len(recs) == 1:
			return u.rejected(recs[0].Event.Key(), code, err.Error())
		default:
			for i := range recs {
				if err := u.post(ctx, recs[i:i+1]); err != nil {
					return err
				}
			}
			return nil
		}
	}
	if err != nil {
		return err
	}
	return u.settle(recs, resp.Results)
}

// settle acts on the cloud's results.
func (u *Uplink) settle(recs []bongsu.EventRecord, results []bongsu.EventResult) error {
	if len(results) != len(recs) {
		return fmt.Errorf("%w (%d results for %d events)", errNotOurs, len(results), len(recs))
	}
	var done []bongsu.EventKey
	known := 0
	for i, r := range results {
		if r.EventKey != recs[i].Event.Key() {
			return fmt.Errorf("%w (a result for an event that was not sent)", errNotOurs)
		}
		switch r.Status {
		case bongsu.EventKnown:
			known++
			done = append(done, r.EventKey)
		case bongsu.EventStored:
			done = append(done, r.EventKey)
		case bongsu.EventRejected:
			if err := u.rejected(r.EventKey, r.Code, r.Message); err != nil {
				return err
			}
		default:
			return fmt.Errorf("%w (result %.40q)", errNotOurs, r.Status)
		}
	}
	if err := u.o.Store.AckEvents(done...); err != nil {
		u.owe(done, err)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, k := range done {
		delete(u.firstSent, k)
	}
	u.sent.Events += int64(len(done))
	u.sent.Known += int64(known)
	return nil
}

// rejected puts a revision aside that the cloud refuses for good.
func (u *Uplink) rejected(key bongsu.EventKey, code bongsu.Code, message string) error {
	u.log.Error("the cloud refuses an event; it is kept and not sent again", "event", key.ID, "revision", key.Revision,
		"code", code, "message", message)
	if err := u.o.Store.RejectEvent(key, code, message); err != nil {
		return storeErrorf("the outbox cannot put a refused event aside: %w", err)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.firstSent, key)
	u.sent.Rejected++
	return nil
}

// call posts to the cloud as this edge.
func (u *Uplink) call(ctx context.Context, path string, in, out any) error {
	ctx, leave := u.line.join(ctx)
	defer leave()
	return call(ctx, u.o.Client, u.base, u.o.Credential, path, in, out, u.o.Now())
}
