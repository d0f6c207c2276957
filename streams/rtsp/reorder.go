package rtsp

import (
	"time"

	"github.com/pion/rtp"
)

// Bounds of putting datagrams back into their order.
const (
	reorderDistance = 64                     // packets that may overtake one
	reorderHold     = 250 * time.Millisecond // and how long they wait for it
	reorderAhead    = 32                     // packets that the first one to arrive may have overtaken
)

// arrival is one packet and when it came.
type arrival struct {
	pkt *rtp.Packet
	at  time.Time
}

// reorder puts the packets of one stream back into the order of their numbers (RFC 3550). A
// packet waits for those before it until reorderDistance others have come or reorderHold has
// passed. What is missing then, and what comes later or twice, is for the assembler to say.
type reorder struct {
	begun bool
	first bool // nothing was released yet
	ssrc  uint32
	next  uint16 // released next
	held  [reorderDistance]arrival
	n     int // of held
	odd   int // number after the last one far outside, or -1
	last  time.Time

	moved   uint64 // packets that came too early
	doubled uint64 // packets that came again while the first one waited
}

// push takes one packet and appends what is in order now to out.
func (r *reorder) push(pkt *rtp.Packet, at time.Time, out []arrival) []arrival {
	seq := pkt.SequenceNumber
	if !r.begun || pkt.SSRC != r.ssrc {
		out = r.flush(out)
		r.first = !r.begun
		r.begun, r.ssrc, r.next, r.odd = true, pkt.SSRC, seq, -1
		if r.first {
			r.next -= reorderAhead
		}
	}
	d := int(int16(seq - r.next))
	switch {
	case d < -oldPackets || d > newPackets:
		if int(seq) != r.odd {
			r.odd = int(seq + 1)
			return append(out, arrival{pkt, r.rising(at)})
		}
		out = r.flush(out)
		r.next, r.odd = seq+1, -1
		return append(out, arrival{pkt, r.rising(at)})
	case d < 0: // late, or a second time
		return append(out, arrival{pkt, r.rising(at)})
	}
	r.odd = -1
	for int(int16(seq-r.next)) >= reorderDistance {
		out = r.step(out)
	}
	slot := &r.held[seq%reorderDistance]
	if slot.pkt != nil {
		r.doubled++
		return out
	}
	*slot = arrival{pkt, at}
	r.n++
	if seq != r.next && !r.first {
		r.moved++
	}
	return r.release(out)
}

// release gives what is in order.
func (r *reorder) release(out []arrival) []arrival {
	for r.n > 0 && r.held[r.next%reorderDistance].pkt != nil {
		out = r.step(out)
	}
	return out
}

// step moves on by one number.
func (r *reorder) step(out []arrival) []arrival {
	slot := &r.held[r.next%reorderDistance]
	r.next++
	if slot.pkt == nil {
		return out
	}
	r.first = false
	out = append(out, arrival{slot.pkt, r.rising(slot.at)})
	*slot = arrival{}
	r.n--
	return out
}

func (r *reorder) flush(out []arrival) []arrival {
	for r.n > 0 {
		out = r.step(out)
	}
	return out
}

// expire gives up what packets have waited for too long.
func (r *reorder) expire(now time.Time, out []arrival) []arrival {
	for r.n > 0 {
		if wait, _ := r.wait(now); wait > 0 {
			return out
		}
		for r.held[r.next%reorderDistance].pkt == nil {
			out = r.step(out)
		}
		out = r.release(out)
	}
	return out
}

// wait says how long the packet that waits longest may still do so; false when none waits.
func (r *reorder) wait(now time.Time) (time.Duration, bool) {
	if r.n == 0 {
		return 0, false
	}
	oldest := now
	for i := range r.held {
		if h := &r.held[i]; h.pkt != nil && h.at.Before(oldest) {
			oldest = h.at
		}
	}
	return reorderHold - now.Sub(oldest), true
}

// rising keeps the times of arrival in order too.
func (r *reorder) rising(at time.Time) time.Time {
	if at.Before(r.last) {
		return r.last
	}
	r.last = at
	return at
}
