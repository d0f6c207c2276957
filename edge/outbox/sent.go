package outbox

import (
	"slices"

	"bongsu"
)

// maxSent is how many events are remembered whose newest revision went past the disk. Without
// their pictures, which the cloud has, that is some megabytes.
const maxSent = 1000

// sentPast are the newest revisions that the cloud has and the log has not. Guarded by Outbox.mu.
type sentPast struct {
	recs  map[bongsu.EventID]bongsu.EventRecord
	order []bongsu.EventID // oldest first
}

// TakeSent takes in a revision that the cloud has, because it was sent past a disk that could
// not be written. It is kept in memory, known to PutEvent and OpenEvents, and Enforce stores it
// when the disk can be written again, so that its event goes on as any other; the cloud is then
// told once more, and knows it. Of more than 1,000 events the oldest are forgotten: the cloud
// has them all the same.
func (o *Outbox) TakeSent(rec bongsu.EventRecord) {
	o.mu.Lock()
	defer o.mu.Unlock()
	id := rec.Event.ID
	rec.Snapshot = nil
	rec.Event.Unspooled = true
	old, there := o.sent.recs[id]
	if there && old.Event.Revision >= rec.Event.Revision {
		return
	}
	if o.sent.recs == nil {
		o.sent.recs = map[bongsu.EventID]bongsu.EventRecord{}
	}
	o.sent.recs[id] = rec
	if there {
		return
	}
	o.sent.order = append(o.sent.order, id)
	if len(o.sent.order) > maxSent {
		delete(o.sent.recs, o.sent.order[0])
		o.sent.order = slices.Delete(o.sent.order, 0, 1)
	}
}

// wentPast reports whether the cloud has a revision, or a higher one, that went past the disk.
// The caller holds mu.
func (o *Outbox) wentPast(key bongsu.EventKey) bool {
	rec, there := o.sent.recs[key.ID]
	return there && rec.Event.Revision >= key.Revision
}

// withSent puts the revisions that went past the disk over those that the log has.
func (o *Outbox) withSent(events []bongsu.Event, camera bongsu.CameraID) []bongsu.Event {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.sent.recs) == 0 {
		return events
	}
	events = slices.DeleteFunc(events, func(ev bongsu.Event) bool { return o.wentPast(ev.Key()) })
	for _, id := range o.sent.order {
		ev := o.sent.recs[id].Event
		if ev.State != bongsu.EventOpen || (camera != "" && ev.Camera != camera) {
			continue
		}
		if mem := o.state.memories[id]; mem != nil {
			ev.ClipParts = max(ev.ClipParts, mem.parts)
		}
		events = append(events, ev)
	}
	return events
}

// unstorable reports whether trying to store a revision again would be the same again.
func unstorable(err error) bool {
	code := bongsu.CodeOf(err)
	return code == bongsu.CodeInvalid || code == bongsu.CodeTooLarge
}

// storeSent stores what went past the disk, as far as the disk lets it.
func (o *Outbox) storeSent() error {
	for {
		o.mu.Lock()
		if len(o.sent.order) == 0 {
			o.mu.Unlock()
			return nil
		}
		rec := o.sent.recs[o.sent.order[0]]
		o.mu.Unlock()
		if _, err := o.storeEvent(rec); err != nil && !unstorable(err) {
			return err
		}
		o.mu.Lock()
		if now, there := o.sent.recs[rec.Event.ID]; there && now.Event.Revision == rec.Event.Revision {
			delete(o.sent.recs, rec.Event.ID)
			o.sent.order = slices.DeleteFunc(o.sent.order, func(id bongsu.EventID) bool { return id == rec.Event.ID })
		}
		o.mu.Unlock()
	}
}
