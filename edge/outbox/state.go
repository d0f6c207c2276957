package outbox

import (
	"cmp"
	"slices"

	"bongsu"
)

// keepClosed is how many closed and acknowledged events are remembered, so that a revision
// that comes twice is known and a clip finds its event's priority.
const keepClosed = 1024

// entry is one revision that the log still has to hold: it waits to be sent, was refused, or
// is the newest of an event that is open.
type entry struct {
	key       bongsu.EventKey
	camera    bongsu.CameraID
	open      bool
	order     uint64
	durableUS int64
	at        place
	pending   bool // not acknowledged; includes rejected
	rejected  bool
}

// memory is what is known of an event over all its revisions.
type memory struct {
	newest *entry // nil when the newest revision needs no keeping
	latest int    // highest revision stored
	open   bool
	rank   int
	parts  int // clip parts seen: one more than the highest
	held   int // entries of this event
}

// row is one clip part.
type row struct {
	clip  bongsu.Clip
	rank  int
	order uint64
	at    place
}

// segmentInfo is what is known of one log file.
type segmentInfo struct {
	number  uint32
	bytes   int64
	damaged bool
}

// state is what the log says, in memory. apply is the only thing that changes it, both when
// a record has just become durable and when it is read again at start.
type state struct {
	events   map[bongsu.EventKey]*entry
	memories map[bongsu.EventID]*memory
	closed   []bongsu.EventID // forgotten oldest first
	queue    []*entry         // those to send, by order; acknowledged ones are taken out lazily
	stale    int              // entries in queue that are not to send
	clips    map[bongsu.ClipKey]*row
	lost     map[bongsu.ClipKey]*row // parts that were evicted or failed, of which the cloud was not told yet
	sum      Counts                  // the rising sums only
	rejected int64
	next     uint64
	live     map[uint32]liveSum // by segment
	segs     []segmentInfo      // oldest first, the one being written last
}

// liveSum is what of a segment is still needed.
type liveSum struct {
	records int
	bytes   int64
}

func newState() *state {
	return &state{
		events:   map[bongsu.EventKey]*entry{},
		memories: map[bongsu.EventID]*memory{},
		clips:    map[bongsu.ClipKey]*row{},
		lost:     map[bongsu.ClipKey]*row{},
		live:     map[uint32]liveSum{},
		next:     1,
	}
}

func (s *state) takeOrder() uint64 {
	s.next++
	return s.next - 1
}

// checkpoint is the first record's content of a segment that begins now.
func (s *state) checkpoint() checkpoint { return checkpoint{Counts: s.sum, Next: s.next} }

func (s *state) journalIs(segs []segmentInfo) { s.segs = segs }

func (s *state) hold(p place, n int) {
	l := s.live[p.segment]
	l.records += n
	l.bytes += int64(n) * p.size
	if l.records == 0 {
		delete(s.live, p.segment)
		return
	}
	s.live[p.segment] = l
}

// admission is what the records admitted to one batch so far will do.
type admission struct {
	latest  map[bongsu.EventID]int
	settled map[bongsu.EventKey]bool
	parts   map[bongsu.ClipKey]bool // true: its row ends
}

// admit gives those of recs that still mean something when they are written, after what was
// applied since they were made and after those before them in the batch. The log so holds no
// record that a replay would have to doubt.
func (s *state) admit(recs []*record) []*record {
	a := admission{map[bongsu.EventID]int{}, map[bongsu.EventKey]bool{}, map[bongsu.ClipKey]bool{}}
	var out []*record
	for _, r := range recs {
		if r.void = !r.m.Moved && !a.admits(s, r); !r.void {
			out = append(out, r)
		}
	}
	return out
}

func (a admission) admits(s *state, r *record) bool {
	switch r.kind {
	case kindEvent:
		latest := a.latest[r.m.ID]
		if mem := s.memories[r.m.ID]; mem != nil {
			latest = max(latest, mem.latest)
		}
		if r.m.Revision <= latest {
			return false
		}
		a.latest[r.m.ID] = r.m.Revision
	case kindAck, kindReject, kindDamaged:
		r.m.Keys = slices.DeleteFunc(slices.Clone(r.m.Keys), func(k bongsu.EventKey) bool {
			e := s.events[k]
			if e == nil || a.settled[k] || (!e.pending && r.kind != kindDamaged) {
				return true
			}
			a.settled[k] = r.kind != kindReject
			return false
		})
		return len(r.m.Keys) > 0
	case kindClip:
		key := r.m.Clip.Key()
		ends, inBatch := a.parts[key]
		if told(&r.m) {
			a.parts[key] = true
			return s.lost[key] != nil && !inBatch
		}
		there := s.clips[key] != nil || inBatch
		if (r.m.Clip.State == bongsu.ClipWriting) == there || ends {
			return false
		}
		a.parts[key] = ended(&r.m)
	}
	return true
}

// apply takes one durable record in and reports whether there is something new to send.
func (s *state) apply(r *record) bool {
	switch r.kind {
	case kindCheckpoint:
		s.sum = r.m.Point.Counts
		s.next = max(s.next, r.m.Point.Next)
	case kindEvent:
		return s.applyEvent(r)
	case kindAck:
		for _, k := range r.m.Keys {
			s.settle(k, &s.sum.Events.Acked)
		}
	case kindDamaged:
		for _, k := range r.m.Keys {
			if mem := s.memories[k.ID]; mem != nil && mem.newest != nil && mem.newest.key == k {
				mem.newest, mem.open = nil, false // nobody can continue what cannot be read
			}
			s.settle(k, &s.sum.Events.Damaged)
			if e := s.events[k]; e != nil {
				s.dropIfDone(e)
			}
		}
	case kindReject:
		for _, k := range r.m.Keys {
			if e := s.events[k]; e != nil && e.pending && !e.rejected {
				e.rejected = true
				s.rejected++
				s.outOfQueue()
			}
		}
	case kindClip:
		return s.applyClip(r)
	}
	return false
}

func (s *state) applyEvent(r *record) bool {
	s.next = max(s.next, r.m.Order+1)
	key := r.m.key()
	if e := s.events[key]; e != nil { // written again, after a failed write or a move
		s.hold(e.at, -1)
		e.at = r.at
		s.hold(e.at, 1)
		return false
	}
	mem := s.memoryOf(key.ID)
	mem.parts = max(mem.parts, r.m.Parts)
	if r.m.Latest > mem.latest { // later revisions went with their segments
		mem.latest, mem.rank = r.m.Latest, r.m.Rank
	}
	if !r.m.Moved {
		if key.Revision <= mem.latest {
			return false // it was here and is settled
		}
		s.sum.Events.Created++
	}
	e := &entry{key: key, camera: r.m.Camera, open: r.m.Open, order: r.m.Order, durableUS: r.m.At, at: r.at,
		pending: !r.m.Acked, rejected: r.m.Rejected}
	s.events[key] = e
	s.hold(e.at, 1)
	mem.held++
	if key.Revision >= mem.latest {
		s.becomesNewest(mem, e, r.m.Rank)
	}
	if e.rejected {
		s.rejected++
	}
	if !e.pending || e.rejected {
		s.dropIfDone(e)
		return false
	}
	s.enqueue(e)
	return true
}

func (s *state) memoryOf(id bongsu.EventID) *memory {
	mem := s.memories[id]
	if mem == nil {
		mem = &memory{rank: unknownRank}
		s.memories[id] = mem
	}
	return mem
}

// becomesNewest makes e the revision that open events are told by, and lets go of the one
// before if nothing else needs it.
func (s *state) becomesNewest(mem *memory, e *entry, rank int) {
	before := mem.newest
	mem.latest, mem.open, mem.rank, mem.newest = e.key.Revision, e.open, rank, e
	if !e.open {
		mem.newest = nil
	}
	if before != nil {
		s.dropIfDone(before)
	}
}

// enqueue keeps the queue in order; a moved entry of a replay is the only one that may come
// out of order.
func (s *state) enqueue(e *entry) {
	if n := len(s.queue); n == 0 || s.queue[n-1].order < e.order {
		s.queue = append(s.queue, e)
		return
	}
	i, _ := slices.BinarySearchFunc(s.queue, e.order, func(e *entry, o uint64) int {
		if e.order < o {
			return -1
		}
		return 1
	})
	s.queue = slices.Insert(s.queue, i, e)
}

// outOfQueue notes that one more entry of the queue is not to be sent, and tidies up.
func (s *state) outOfQueue() {
	s.stale++
	if s.stale*2 > len(s.queue) {
		s.queue = slices.DeleteFunc(s.queue, func(e *entry) bool { return !e.waits() })
		s.stale = 0
	}
}

// refused lists the revisions that the cloud refused, the oldest first, with what it said.
func (s *state) refused(said map[bongsu.EventKey]Refusal) []Refusal {
	var out []Refusal
	for k, e := range s.events {
		if e.pending && e.rejected {
			r := said[k]
			r.Key = k
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b Refusal) int {
		return cmp.Compare(s.events[a.Key].order, s.events[b.Key].order)
	})
	return out
}

func (e *entry) waits() bool { return e.pending && !e.rejected }

// settle ends a revision's waiting and counts it.
func (s *state) settle(k bongsu.EventKey, count *int64) {
	e := s.events[k]
	if e == nil || !e.pending {
		return
	}
	*count++
	e.pending = false
	if e.rejected {
		e.rejected = false
		s.rejected--
	} else {
		s.outOfQueue()
	}
	s.dropIfDone(e)
}

// dropIfDone forgets an entry that nothing needs any more.
func (s *state) dropIfDone(e *entry) {
	mem := s.memories[e.key.ID]
	if e.pending || mem.newest == e || s.events[e.key] != e {
		return
	}
	delete(s.events, e.key)
	s.hold(e.at, -1)
	mem.held--
	s.forgetLater(e.key.ID, mem)
}

// forgetLater puts an event that is over in line to be forgotten.
func (s *state) forgetLater(id bongsu.EventID, mem *memory) {
	if mem.open || mem.held > 0 {
		return
	}
	s.closed = append(s.closed, id)
	for len(s.closed) > keepClosed {
		old := s.closed[0]
		s.closed = s.closed[1:]
		if m := s.memories[old]; m != nil && !m.open && m.held == 0 {
			delete(s.memories, old)
		}
	}
}

// ended reports whether a clip part in this state needs no row any more.
func ended(m *meta) bool {
	return m.Acked || m.Clip.State == bongsu.ClipEvicted || m.Clip.State == bongsu.ClipFailed
}

// told reports whether a record says that the cloud knows of a part that is lost.
func told(m *meta) bool { return m.Acked && m.Clip.Lost() }

func (s *state) applyClip(r *record) bool {
	key := r.m.Clip.Key()
	old := s.clips[key]
	s.next = max(s.next, r.m.Order+1)
	switch {
	case told(&r.m):
		s.forgetLost(key)
		return false
	case old != nil:
		s.hold(old.at, -1)
	case r.m.Clip.State == bongsu.ClipWriting && !r.m.Moved:
		s.sum.Clips.Created++
	case ended(&r.m):
		// Its row lay in a segment that is gone, or it was moved; a checkpoint has counted it.
		return r.m.Clip.Lost() && s.keepLost(r)
	}
	mem := s.memoryOf(key.Event)
	mem.parts = max(mem.parts, key.Part+1)
	if ended(&r.m) {
		delete(s.clips, key)
		s.forgetLater(key.Event, mem)
		switch {
		case r.m.Acked:
			s.sum.Clips.Acked++
		case r.m.Clip.State == bongsu.ClipEvicted:
			s.sum.Clips.Evicted++
		default:
			s.sum.Clips.Failed++
		}
		return r.m.Clip.Lost() && s.keepLost(r)
	}
	s.clips[key] = &row{clip: *r.m.Clip, rank: r.m.Rank, order: r.m.Order, at: r.at}
	s.hold(r.at, 1)
	return r.m.Clip.State != bongsu.ClipWriting
}

// keepLost remembers a part that is lost until the cloud has been told. It gives true: there is
// something new to send.
func (s *state) keepLost(r *record) bool {
	s.forgetLost(r.m.Clip.Key())
	s.lost[r.m.Clip.Key()] = &row{clip: *r.m.Clip, rank: r.m.Rank, order: r.m.Order, at: r.at}
	s.hold(r.at, 1)
	return true
}

func (s *state) forgetLost(key bongsu.ClipKey) {
	if old := s.lost[key]; old != nil {
		s.hold(old.at, -1)
		delete(s.lost, key)
	}
}

// sums completes the rising sums with what pends.
func (s *state) sums() Counts {
	c := s.sum
	c.Events.Rejected = s.rejected
	c.Events.Pending = int64(len(s.queue)-s.stale) + s.rejected
	c.Clips.Pending, c.Clips.Untold = int64(len(s.clips)), int64(len(s.lost))
	for _, r := range s.clips {
		if r.clip.State == bongsu.ClipWriting {
			c.Clips.Writing++
		} else {
			c.Clips.PendingBytes += r.clip.Bytes
		}
	}
	return c
}

// reconcile makes the sums hold again after records were lost to damage: revisions that are
// neither acknowledged nor here are damaged, and an acknowledgement that was lost happens
// again. It reports whether anything had to change.
func (s *state) reconcile() bool {
	c := s.sums()
	lost := c.Events.Created - c.Events.Acked - c.Events.Damaged - c.Events.Pending
	if lost > 0 {
		s.sum.Events.Damaged += lost
	} else {
		s.sum.Events.Acked += lost
	}
	clips := c.Clips.Created - c.Clips.Acked - c.Clips.Evicted - c.Clips.Failed - c.Clips.Pending
	if clips > 0 {
		s.sum.Clips.Failed += clips
	} else {
		s.sum.Clips.Created -= clips
	}
	return lost != 0 || clips != 0
}
