package outbox

import (
	"errors"

	"bongsu"
)

// spareSegments is how many segments may lie about before live records are copied forward.
const spareSegments = 4

// compact removes segments from the oldest on. One that nothing needs goes at once; when the
// log is more than twice what is needed of it, the live records of the oldest are copied to
// the newest first. Segments go strictly in order, so that an acknowledgement never goes
// before the event it is about.
func (o *Outbox) compact() error {
	o.turn.Lock()
	defer o.turn.Unlock()
	for !o.closed {
		number, live, move := o.oldest()
		if number == 0 {
			return nil
		}
		if live > 0 && !move {
			return nil
		}
		if err := o.moveForward(number); err != nil {
			return err
		}
		o.reading.Lock()
		err := o.journal.dropOldest()
		o.reading.Unlock()
		if err != nil {
			return bongsu.Wrap(bongsu.CodeUnavailable, err, "the outbox cannot give up an old segment")
		}
		o.mu.Lock()
		o.state.journalIs(o.journal.segments())
		o.mu.Unlock()
	}
	return nil
}

// oldest gives the oldest segment's number, how many of its records are needed and whether
// they are worth moving; 0 when there is nothing to give up.
func (o *Outbox) oldest() (number uint32, live int, move bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	segs := o.state.segs
	if len(segs) < 2 {
		return 0, 0, false
	}
	var have, need int64
	for _, s := range segs {
		have += s.bytes
		need += o.state.live[s.number].bytes
	}
	return segs[0].number, o.state.live[segs[0].number].records, len(segs) > spareSegments && have > 2*need+4*o.opt.SegmentBytes
}

// movedEvent is the head of an event's record that is written again. Records of later revisions
// may go before the copy does, so it says that there were some: an event that has closed would
// else be open again after the next start.
func movedEvent(e *entry, mem *memory) meta {
	m := meta{At: e.durableUS, ID: e.key.ID, Revision: e.key.Revision, Camera: e.camera, Rank: mem.rank, Open: e.open,
		Order: e.order, Moved: true, Acked: !e.pending, Rejected: e.rejected, Parts: mem.parts}
	if mem.latest > e.key.Revision {
		m.Latest = mem.latest
	}
	return m
}

// moveForward writes the live records of a segment again, behind a checkpoint: the sums then
// do not depend any more on what acknowledgements say about records that go with the segment.
// The caller holds turn, so that nothing is acknowledged in between.
func (o *Outbox) moveForward(segment uint32) error {
	o.mu.Lock()
	point := o.state.checkpoint()
	recs := []*record{{kind: kindCheckpoint, m: meta{Point: &point}}}
	var gone []bongsu.EventKey
	for _, e := range o.state.events {
		if e.at.segment == segment {
			recs = append(recs, &record{kind: kindEvent, at: e.at, m: movedEvent(e, o.state.memories[e.key.ID])})
		}
	}
	for _, rows := range []map[bongsu.ClipKey]*row{o.state.clips, o.state.lost} {
		for _, r := range rows {
			if r.at.segment == segment {
				rec := clipRecord(r.clip, r)
				rec.m.Moved = true
				recs = append(recs, rec)
			}
		}
	}
	o.mu.Unlock()
	kept := recs[:0]
	for _, r := range recs {
		if r.kind == kindEvent {
			body, err := readBody(o.fs, r.at)
			if errors.Is(err, errBody) {
				gone = append(gone, r.m.key())
				continue
			}
			if err != nil {
				return err
			}
			r.body = body
		}
		kept = append(kept, r)
	}
	if len(gone) > 0 {
		kept = append(kept, &record{kind: kindDamaged, m: meta{Keys: gone}})
		o.log.Error("stored events are damaged and cannot be sent", "events", len(gone), "segment", segment)
	}
	return o.commit(kept)
}
