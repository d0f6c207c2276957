package worker

import (
	"context"
	"log/slog"
	"slices"
	"sync"

	"bongsu"
	"bongsu/edge/link"
)

// handover keeps each revision of each event until the node has made it durable. It is bounded
// in bytes without losing events: when it is over its bound, older revisions of an event give
// way to newer ones (coalesced), then snapshots that wait go (bare); events never do.
type handover struct {
	// set before run
	limit int // bytes
	jpeg  func(*bongsu.Frame) ([]byte, error)
	send  func(link.Message) (uint64, error)
	log   *slog.Logger

	wake chan struct{}

	// sending is held while a message is written, so that its answer cannot be handled before
	// its entry in sent exists; it is taken before mu. Put takes mu only and never waits.
	sending sync.Mutex

	mu    sync.Mutex
	items []*handItem // guarded by mu, in the order of Put
	bytes int
	sent  map[uint64]*handItem // guarded by mu, by the sequence number awaiting an answer

	moved chan struct{} // guarded by mu: closed and replaced when a revision was sent, or none will be any more

	flying int  // guarded by mu: bytes sent and not answered
	frames int  // guarded by mu: pictures held for encoding
	ended  bool // guarded by mu: nothing is encoded any more

	coalesced, bare, handed uint64 // guarded by mu
}

type handItem struct {
	ev       bongsu.Event
	frame    *bongsu.Frame // until it is encoded
	snapshot []byte
	size     int
	inFlight bool // taken to be sent and not answered yet
	posted   bool // and sent
}

// maxHeldFrames bounds the decoder's pictures that wait for encoding: beyond it an event goes
// without a snapshot rather than starve the decoder.
const maxHeldFrames = 4

// window is how many bytes may be sent and not answered: what waits beyond it can still be
// coalesced, and does not fill the node's memory when its disk hangs.
const window = 2 << 20

// eventSize is what an event without snapshot is taken to weigh: measured JSON is 1 to 12 kB.
const eventSize = 8 << 10

func newHandover(limit int, jpeg func(*bongsu.Frame) ([]byte, error), send func(link.Message) (uint64, error), log *slog.Logger) *handover {
	return &handover{limit: limit, jpeg: jpeg, send: send, log: log,
		wake: make(chan struct{}, 1), moved: make(chan struct{}), sent: map[uint64]*handItem{}}
}

// Put takes a revision over and returns at once. It retains f until its picture is encoded.
func (h *handover) Put(ev bongsu.Event, f *bongsu.Frame) {
	it := &handItem{ev: ev, size: eventSize}
	h.mu.Lock()
	if f != nil && ev.Revision == 1 {
		if h.frames < maxHeldFrames && !h.ended {
			f.Retain()
			it.frame = f
			h.frames++
		} else {
			h.bare++
		}
	}
	h.items = append(h.items, it)
	h.bytes += it.size
	if h.bytes > h.limit {
		h.shrink()
	}
	h.mu.Unlock()
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// shrink makes room by the declared order. It is called with mu held.
func (h *handover) shrink() {
	newest := map[bongsu.EventID]*handItem{}
	for _, it := range h.items {
		if n := newest[it.ev.ID]; n == nil || it.ev.Revision > n.ev.Revision {
			newest[it.ev.ID] = it
		}
	}
	kept := h.items[:0]
	for _, it := range h.items {
		if n := newest[it.ev.ID]; n != it && !it.inFlight && it.frame == nil {
			if n.snapshot == nil && n.frame == nil && !n.inFlight {
				n.snapshot, it.snapshot = it.snapshot, nil
				n.size += len(n.snapshot)
				h.bytes += len(n.snapshot)
			}
			h.bytes -= it.size
			h.coalesced++
			continue
		}
		kept = append(kept, it)
	}
	clear(h.items[len(kept):])
	h.items = kept
	for _, it := range h.items {
		if h.bytes <= h.limit {
			return
		}
		if it.snapshot != nil && !it.inFlight {
			h.bytes -= len(it.snapshot)
			it.size -= len(it.snapshot)
			it.snapshot = nil
			h.bare++
		}
	}
}

// run encodes and sends until ctx ends or sending fails; it blocks.
func (h *handover) run(ctx context.Context) error {
	defer h.drop()
	for {
		it := h.next()
		if it == nil {
			select {
			case <-h.wake:
				continue
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		h.encode(it)
		if err := h.post(it); err != nil {
			return err
		}
	}
}

func (h *handover) next() *handItem {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.flying > window {
		return nil
	}
	for _, it := range h.items {
		if !it.inFlight {
			it.inFlight = true
			h.flying += it.size
			return it
		}
	}
	return nil
}

// encode makes the snapshot, off the loop.
func (h *handover) encode(it *handItem) {
	if it.frame == nil {
		return
	}
	jpeg, err := h.jpeg(it.frame)
	if err != nil {
		h.log.Warn("no snapshot for an event", "event", it.ev.ID, "camera", it.ev.Camera, "error", err)
	}
	it.frame.Release()
	h.mu.Lock()
	defer h.mu.Unlock()
	it.frame = nil
	h.frames--
	it.snapshot = jpeg
	it.size += len(jpeg)
	h.bytes += len(jpeg)
	h.flying += len(jpeg)
}

func (h *handover) post(it *handItem) error {
	h.sending.Lock()
	defer h.sending.Unlock()
	seq, err := h.send(link.Message{Type: link.TypeEvent, Event: &it.ev, Snapshot: it.snapshot})
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sent[seq], it.posted = it, true
	h.move()
	return nil
}

// move wakes those who wait in ahead. It is called with mu held.
func (h *handover) move() {
	close(h.moved)
	h.moved = make(chan struct{})
}

// ahead waits until the node hears of an event before it hears of what is asked next about it: a
// revision of it is on the way, or none waits. The node deals with messages in their order, so the
// row of a clip can never be durable without its event, however the two of them end.
func (h *handover) ahead(ctx context.Context, id bongsu.EventID) error {
	for {
		h.mu.Lock()
		first, moved := h.first(id), h.moved
		h.mu.Unlock()
		if first {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (h *handover) first(id bongsu.EventID) bool {
	waits := false
	for _, it := range h.items {
		if it.ev.ID == id {
			if it.posted {
				return true
			}
			waits = true
		}
	}
	return !waits || h.ended
}

// answered takes the revision that ref numbers out of sent; nil when ref is not one of ours.
func (h *handover) answered(ref uint64) *handItem {
	h.sending.Lock()
	defer h.sending.Unlock()
	h.mu.Lock()
	defer h.mu.Unlock()
	it := h.sent[ref]
	delete(h.sent, ref)
	if it != nil {
		h.flying -= it.size
	}
	return it
}

// acked forgets a revision that is durable; it reports whether ref was one of ours.
func (h *handover) acked(ref uint64) bool {
	it := h.answered(ref)
	if it == nil {
		return false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.items = slices.DeleteFunc(h.items, func(o *handItem) bool { return o == it })
	h.bytes -= it.size
	h.handed++
	h.retry()
	return true
}

// nacked puts a revision back to be sent again; retry wakes the sender later.
func (h *handover) nacked(ref uint64) bool {
	it := h.answered(ref)
	if it == nil {
		return false
	}
	h.mu.Lock()
	it.inFlight, it.posted = false, false
	h.mu.Unlock()
	return true
}

// retry wakes the sender for what was put back.
func (h *handover) retry() {
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// drop releases the pictures that were never encoded, and lets no more be held: cameras may
// stop a little later than the sender.
func (h *handover) drop() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ended = true
	h.move()
	for _, it := range h.items {
		if it.frame != nil {
			it.frame.Release()
			it.frame = nil
			h.frames--
		}
	}
}

// pending is how many revisions the node has not acknowledged.
func (h *handover) pending() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.items)
}
