package outbox

import (
	"cmp"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"time"

	"bongsu"
)

// PutEvent stores one revision and returns when it is fsynced; until then it blocks, together
// with whoever else waits for the same fsync. Revisions of one event come in rising order; one
// that is not above those stored is known, and nothing is done. An error means that the
// revision is not durable: put it again. The instant it became durable is what the record has
// in Stamps.DurableUS when it is read to be sent.
func (o *Outbox) PutEvent(rec bongsu.EventRecord) (known bool, err error) {
	ev := &rec.Event
	if err := checkEvent(&rec); err != nil {
		return false, err
	}
	o.mu.Lock()
	past := o.wentPast(ev.Key())
	o.mu.Unlock()
	if past {
		return true, nil
	}
	return o.storeEvent(rec)
}

// storeEvent is PutEvent after its checks.
func (o *Outbox) storeEvent(rec bongsu.EventRecord) (known bool, err error) {
	ev := &rec.Event
	o.mu.Lock()
	mem := o.state.memories[ev.ID]
	known = mem != nil && ev.Revision <= mem.latest
	o.mu.Unlock()
	if known {
		return true, nil
	}
	body, err := encodeEvent(&rec)
	if err != nil {
		return false, err
	}
	r := &record{kind: kindEvent, body: body, m: meta{ID: ev.ID, Revision: ev.Revision,
		Camera: ev.Camera, Rank: ev.Priority.Rank(), Open: ev.State == bongsu.EventOpen}}
	err = o.submit(r)
	return err == nil && r.void, err
}

func checkEvent(rec *bongsu.EventRecord) error {
	ev := &rec.Event
	switch {
	case !bongsu.ValidUUID(string(ev.ID)):
		return bongsu.Errorf(bongsu.CodeInvalid, "an event's ID must be a UUID, not %.80q", ev.ID)
	case ev.Revision < 1:
		return bongsu.Errorf(bongsu.CodeInvalid, "event %s: revision %d, the first is 1", ev.ID, ev.Revision)
	case !bongsu.ValidName(string(ev.Camera)):
		return bongsu.Errorf(bongsu.CodeInvalid, "event %s: %.80q is no camera's name", ev.ID, ev.Camera)
	case ev.State != bongsu.EventOpen && ev.State != bongsu.EventClosed:
		return bongsu.Errorf(bongsu.CodeInvalid, "event %s: unknown state %.80q", ev.ID, ev.State)
	case len(rec.Snapshot) > bongsu.MaxSnapshotBytes:
		return bongsu.Errorf(bongsu.CodeTooLarge, "event %s: snapshot of %d bytes, the limit is %d", ev.ID, len(rec.Snapshot), bongsu.MaxSnapshotBytes)
	}
	return nil
}

// AckEvents says that the cloud has these revisions. They are deleted; an event that is open
// keeps its newest revision until it closes. Keys that do not wait are ignored.
func (o *Outbox) AckEvents(keys ...bongsu.EventKey) error {
	if err := o.submitKeys(meta{Keys: keys}, kindAck); err != nil {
		return err
	}
	return o.compact()
}

// RejectEvent says that the cloud refused a revision for good. It is kept and counted, and
// not given out to be sent again.
func (o *Outbox) RejectEvent(key bongsu.EventKey, code bongsu.Code, message string) error {
	if len(message) > 500 {
		message = message[:500]
	}
	return o.submitKeys(meta{Keys: []bongsu.EventKey{key}, Code: code, Message: message}, kindReject)
}

// submitKeys stores a record about those of m.Keys that wait.
func (o *Outbox) submitKeys(m meta, kind byte) error {
	if len(m.Keys) == 0 {
		return nil
	}
	return o.submit(&record{kind: kind, m: m})
}

// PendingEvents reads revisions that wait to be sent, the newest first for what happens now, or
// the oldest first for what had to wait: at most limit, and together about maxBytes as JSON, but
// at least one. Those for which skip is true are left out; skip is
// called with the outbox locked and must not call it. A record that turns out to be damaged
// is counted, reported by Health and left out.
func (o *Outbox) PendingEvents(newestFirst bool, limit, maxBytes int, skip func(bongsu.EventKey) bool) ([]bongsu.EventRecord, error) {
	var out []bongsu.EventRecord
	for _, key := range o.pendingKeys(newestFirst, limit, maxBytes, skip) {
		rec, err := o.readEvent(key)
		if errors.Is(err, errBody) {
			err = o.dropDamaged(key, err)
		}
		if err != nil {
			return nil, err
		}
		if rec != nil {
			out = append(out, *rec)
		}
	}
	return out, nil
}

func (o *Outbox) pendingKeys(newestFirst bool, limit, maxBytes int, skip func(bongsu.EventKey) bool) []bongsu.EventKey {
	o.mu.Lock()
	defer o.mu.Unlock()
	var keys []bongsu.EventKey
	size, n := 0, len(o.state.queue)
	for i := range n {
		e := o.state.queue[i]
		if newestFirst {
			e = o.state.queue[n-1-i]
		}
		if !e.waits() || (skip != nil && skip(e.key)) {
			continue
		}
		size += e.at.bodyLen * 4 / 3
		if len(keys) == limit || (len(keys) > 0 && size > maxBytes) {
			break
		}
		keys = append(keys, e.key)
	}
	return keys
}

// dropDamaged takes a revision out whose body is not what was written.
func (o *Outbox) dropDamaged(key bongsu.EventKey, why error) error {
	o.mu.Lock()
	o.health.note(problemDamaged, o.opt.Now(), fmt.Sprintf("revision %d of event %s cannot be read any more", key.Revision, key.ID))
	o.mu.Unlock()
	o.log.Error("a stored event is damaged and cannot be sent", "event", key.ID, "revision", key.Revision, "err", why)
	return o.submitKeys(meta{Keys: []bongsu.EventKey{key}}, kindDamaged)
}

// readEvent reads one revision from the log; nil when it is not held any more.
func (o *Outbox) readEvent(key bongsu.EventKey) (*bongsu.EventRecord, error) {
	o.reading.RLock() // its segment cannot go while we read
	defer o.reading.RUnlock()
	o.mu.Lock()
	e := o.state.events[key]
	if e == nil {
		o.mu.Unlock()
		return nil, nil
	}
	at, durable := e.at, e.durableUS
	o.mu.Unlock()
	body, err := readBody(o.fs, at)
	if err != nil {
		return nil, err
	}
	rec, err := decodeEvent(body)
	if err != nil {
		return nil, err
	}
	if rec.Event.Key() != key {
		return nil, fmt.Errorf("%w: it is about another event", errBody)
	}
	rec.Event.Stamps.DurableUS = durable
	return rec, nil
}

// readBody reads a record's body and checks it.
func readBody(fs FS, at place) ([]byte, error) {
	f, err := fs.Open(segmentName(at.segment))
	if err != nil {
		return nil, err
	}
	body := make([]byte, at.bodyLen)
	_, err = f.ReadAt(body, at.offset+headBytes+int64(at.metaLen))
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: the file is shorter than it was", errBody)
	}
	if err != nil {
		return nil, err
	}
	if crc32.Checksum(body, castagnoli) != at.bodyCRC {
		return nil, fmt.Errorf("%w: its checksum is wrong", errBody)
	}
	return body, nil
}

// OpenEvents gives the newest revision of each event that is open on a camera, on all cameras
// for "", oldest first. ClipParts is at least one more than the highest part that the outbox
// has seen, so that a successor does not use a number again.
func (o *Outbox) OpenEvents(camera bongsu.CameraID) ([]bongsu.Event, error) {
	type found struct {
		e     *entry
		parts int
	}
	o.mu.Lock()
	var list []found
	for _, mem := range o.state.memories {
		if mem.newest != nil && (camera == "" || mem.newest.camera == camera) {
			list = append(list, found{mem.newest, mem.parts})
		}
	}
	o.mu.Unlock()
	slices.SortFunc(list, func(a, b found) int { return cmp.Compare(a.e.order, b.e.order) })
	var out []bongsu.Event
	for _, f := range list {
		rec, err := o.readEvent(f.e.key)
		if errors.Is(err, errBody) {
			err = o.dropDamaged(f.e.key, err)
		}
		if err != nil {
			return nil, err
		}
		if rec == nil || rec.Event.State != bongsu.EventOpen {
			continue
		}
		rec.Event.ClipParts = max(rec.Event.ClipParts, f.parts)
		out = append(out, rec.Event)
	}
	return o.withSent(out, camera), nil
}

// CloseInterrupted closes events that nobody continues: for each it stores one more revision,
// closed for the reason given (bongsu.CloseInterrupted, bongsu.CloseRuleRemoved), that ends at
// the last instant known of it. Events that are closed or that somebody has revised since
// they were read are left alone. It returns how many it closed.
func (o *Outbox) CloseInterrupted(events []bongsu.Event, reason string) (closed int, err error) {
	for _, ev := range events {
		if ev.State != bongsu.EventOpen {
			continue
		}
		ev.Revision++
		ev.State, ev.CloseReason = bongsu.EventClosed, reason
		ev.End = lastKnown(&ev)
		ev.Stamps = bongsu.Stamps{FiredUS: o.opt.Now().UnixMicro()}
		known, err := o.PutEvent(bongsu.EventRecord{Event: ev})
		if err != nil {
			return closed, err
		}
		if !known {
			closed++
		}
	}
	return closed, nil
}

// lastKnown is the latest instant at which the event was seen to go on.
func lastKnown(ev *bongsu.Event) (at time.Time) {
	at = ev.Start
	if ev.Fired.After(at) {
		at = ev.Fired
	}
	for _, p := range ev.Trail {
		if p.At.After(at) {
			at = p.At
		}
	}
	return at
}
