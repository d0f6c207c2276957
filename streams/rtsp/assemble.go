package rtsp

import (
	"time"

	"github.com/pion/rtp"

	"bongsu/streams"
)

// rawUnit is one access unit as it came off the wire, before it has a place in time.
type rawUnit struct {
	nals    [][]byte
	bytes   int
	rtp     uint32    // RTP timestamp
	arrived time.Time // of its last packet
	vcl     bool      // holds a slice
	key     bool
	b       bool // holds a B slice (H.264)
	torn    bool // packets are missing within it
	after   bool // packets are missing before it
	bad     bool // useless: headless or too large
}

// trustAfter is how many units must end cleanly at their marker bit, before a unit is handed
// on at its marker without waiting for the next packet. It costs the first units of a run one
// picture interval, and spares the first key picture of a camera that sets the marker on every
// slice.
const trustAfter = 3

// Where a sequence number may lie (RFC 3550, appendix A.1: MAX_MISORDER and MAX_DROPOUT): up
// to oldPackets back it is a duplicate or late, up to newPackets ahead those between are
// missing. Anywhere else it is a stray packet, and two in a row a restart of the sequence.
const (
	oldPackets = 100
	newPackets = 3000
)

// assembler joins RTP packets into access units. A unit ends at the marker bit or where the
// timestamp changes. Loss is decided from the sequence numbers of the packets that were
// delivered, and from nothing else.
type assembler struct {
	// set before use
	codec  streams.Codec
	emit   func(*rawUnit)
	fields func() bool // pictures may come as two fields of one timestamp
	count  *Stats
	loss   Quirk // that a gap is counted as

	// sequence
	begun bool
	ssrc  uint32
	next  uint16 // expected
	odd   int    // last sequence number far outside, or -1

	// unit under way
	packets depacketizer
	cur     *rawUnit
	ended   bool   // its marker came, but markers are not trusted yet
	gap     bool   // packets are missing before what comes next
	trust   int    // units that ended cleanly at their marker
	joins   bool   // this camera sets markers inside pictures: only timestamps end a unit
	lastRTP uint32 // of the unit handed on last
	handed  bool
	nals    [][]byte // scratch
}

func newAssembler(codec streams.Codec, count *Stats, emit func(*rawUnit)) *assembler {
	return &assembler{
		codec: codec, emit: emit, count: count, odd: -1, loss: QuirkLossTCP,
		fields:  func() bool { return false },
		packets: depacketizer{codec: codec, quirks: &count.Quirks},
	}
}

// push takes one packet in the order of its arrival.
func (a *assembler) push(pkt *rtp.Packet, arrived time.Time) {
	a.count.Packets++
	if !a.inSequence(pkt) {
		a.count.Duplicates++
		return
	}
	if a.cur != nil && pkt.Timestamp != a.cur.rtp {
		a.endByTime(pkt.Timestamp)
	}
	if a.gap && a.cur != nil && !a.ended {
		a.cur.torn, a.gap = true, false
	}
	nals, torn := a.packets.push(pkt.Payload, a.nals[:0])
	if torn {
		a.count.Damaged++
		a.spoil()
	}
	for _, nal := range nals {
		a.add(nal, pkt.Timestamp, arrived)
	}
	clear(nals)
	a.nals = nals[:0]
	if a.cur != nil && a.cur.rtp == pkt.Timestamp {
		a.cur.arrived = arrived
	}
	if pkt.Marker {
		a.endByMarker()
	}
}

// inSequence reports whether pkt is to be used, and notes what is missing before it.
func (a *assembler) inSequence(pkt *rtp.Packet) bool {
	seq := pkt.SequenceNumber
	if !a.begun || pkt.SSRC != a.ssrc {
		if a.begun { // a restart of the sender is no loss; a picture cut by it is
			a.count.Restarts++
			a.count.Quirks[QuirkSSRCChange]++
			a.cut()
		}
		if pkt.SSRC == 0 {
			a.count.Quirks.once(QuirkSSRCZero)
		}
		a.begun, a.ssrc, a.next, a.odd = true, pkt.SSRC, seq+1, -1
		return true
	}
	ahead := int16(seq - a.next)
	switch {
	case ahead == 0:
	case ahead > 0 && ahead <= newPackets:
		a.missing(uint64(ahead))
	case ahead < 0 && ahead >= -oldPackets:
		return false
	case int(seq) == a.odd: // the second in a row: the sequence did restart
		a.count.Restarts++
		a.missing(0)
	default:
		a.odd = int(seq + 1)
		return false
	}
	a.next, a.odd = seq+1, -1
	return true
}

func (a *assembler) missing(n uint64) {
	a.count.Missing += n
	a.count.Gaps++
	a.count.Quirks[a.loss]++
	a.cut()
	a.gap = true
}

// cut notes that what is under way will not be completed.
func (a *assembler) cut() {
	broken := bool(a.packets.gap())
	if a.cur != nil && (broken || !a.ended) {
		a.cur.torn = true
	} else if broken {
		a.gap = true
	}
}

// spoil notes that data within the unit under way, or the one to come, could not be used.
func (a *assembler) spoil() {
	if a.cur != nil && !a.ended {
		a.cur.torn = true
		return
	}
	a.gap = true
}

func (a *assembler) add(nal []byte, stamp uint32, arrived time.Time) {
	k := kindOf(a.codec, nal)
	if a.cur != nil && a.cur.vcl && a.beginsNext(k) {
		a.handOn()
	}
	if a.ended { // more of a picture whose marker was there already
		a.ended, a.joins = false, true
		a.count.Quirks.once(QuirkMarkerInPicture)
	}
	if a.cur == nil {
		a.open(k, stamp, arrived)
	}
	u := a.cur
	if k.vcl {
		if !u.vcl && !k.first {
			a.headless(u)
		}
		u.vcl = true
		u.key = u.key || k.key
		u.b = u.b || k.b
	}
	u.bytes += len(nal)
	if len(u.nals) >= maxUnitNALs || u.bytes > maxUnitBytes {
		if !u.bad {
			a.count.Quirks[QuirkEndless]++
		}
		u.bad, u.nals = true, nil
		return
	}
	if !u.bad {
		u.nals = append(u.nals, nal)
	}
}

// beginsNext reports whether a NAL unit of the same timestamp belongs to another picture.
func (a *assembler) beginsNext(k nalKind) bool {
	return k.begins || k.vcl && k.first && !a.fields()
}

func (a *assembler) open(k nalKind, stamp uint32, arrived time.Time) {
	a.cur = &rawUnit{rtp: stamp, arrived: arrived, after: a.gap, nals: make([][]byte, 0, 4)}
	a.gap = false
	if k.vcl && !k.first && a.handed && stamp == a.lastRTP && !a.joins {
		// The picture went on after its marker: from now on timestamps end pictures.
		a.joins = true
		a.cur.torn = true
		a.count.Quirks.once(QuirkMarkerInPicture)
	}
}

// headless deals with a picture whose first slice is missing. An H.265 decoder cannot use it.
func (a *assembler) headless(u *rawUnit) {
	a.count.Headless++
	a.count.Quirks[QuirkHeadlessPicture]++
	u.torn = true
	if a.codec == streams.H265 {
		u.bad = true
	}
}

func (a *assembler) endByMarker() {
	if a.cur == nil || !a.cur.vcl {
		a.count.Quirks[QuirkEarlyMarker]++
	}
	if a.cur == nil || !a.cur.vcl || a.joins {
		return // a marker behind nothing but SEI or parameter sets ends no picture
	}
	if a.packets.gap() {
		a.cur.torn = true
	}
	if a.trust < trustAfter {
		a.ended = true
		return
	}
	a.handOn()
}

// endByTime ends the unit under way because a packet of another timestamp came.
func (a *assembler) endByTime(stamp uint32) {
	if a.packets.gap() {
		a.cur.torn = true
	}
	if !a.cur.vcl { // SEI or parameter sets ahead of their picture
		a.cur.rtp = stamp
		return
	}
	if a.ended {
		a.trust++
	} else if !a.joins && !a.gap && !a.cur.torn {
		a.count.Quirks[QuirkNoMarker]++
	}
	if a.gap && !a.ended {
		a.cur.torn = true
	}
	a.handOn()
}

func (a *assembler) handOn() {
	u := a.cur
	a.cur, a.ended = nil, false
	a.lastRTP, a.handed = u.rtp, true
	if u.bad {
		a.gap = true
		a.count.Discarded++
		return
	}
	a.emit(u)
}

// flush hands on what is under way when no packet will follow.
func (a *assembler) flush() {
	if a.cur == nil {
		return
	}
	if a.packets.gap() {
		a.cur.torn = true
	}
	if a.cur.vcl && a.ended {
		a.handOn()
	}
	a.cur = nil
}
