package rtsp

import (
	"bytes"

	"bongsu/streams"
)

// maxUnitBytes bounds an access unit, and with it a fragmented NAL unit: a 4K key frame at
// the highest quality stays below half of it.
const maxUnitBytes = 8 << 20

// maxPayload is what a packet holds that fits into an Ethernet frame without being cut: 1500
// bytes less the headers of IPv4, UDP and RTP.
const maxPayload = 1460

// maxUnitNALs bounds the slices and other NAL units of one access unit.
const maxUnitNALs = 600

// depacketizer turns RTP payloads into NAL units: RFC 6184 (H.264: single NAL unit, STAP-A,
// FU-A) and RFC 7798 (H.265: single, aggregation, fragmentation). It is fed in sequence; who
// feeds it calls gap where packets are missing.
type depacketizer struct {
	codec     streams.Codec
	fragments [][]byte // of the NAL unit under way, its header first
	size      int
	skipping  bool // the fragment under way is too long, or its beginning is missing
	changed   bool // its fragments name different types
	quirks    *QuirkCounts
}

// damage says whether a payload, or the fragments before it, could not be used whole.
type damage bool

// gap drops the NAL unit under way. It reports whether there was one.
func (d *depacketizer) gap() damage {
	was := d.fragments != nil || d.skipping
	d.fragments, d.size, d.skipping, d.changed = nil, 0, false, false
	return damage(was)
}

// push takes one payload and appends the NAL units that it completes to out. They share
// memory with the payload, which must not be used again.
func (d *depacketizer) push(payload []byte, out [][]byte) ([][]byte, damage) {
	if len(payload) == 0 {
		d.quirks[QuirkFUEmpty]++
		return out, false
	}
	if len(payload) > maxPayload {
		d.quirks[QuirkLargePacket]++
	}
	if bytes.HasPrefix(payload, startCode) || bytes.HasPrefix(payload, longStartCode) {
		d.quirks[QuirkAnnexBInRTP]++
		bad := d.gap() // Annex B, no RTP packing
		return splitAnnexB(payload, out), bad
	}
	if d.codec == streams.H265 {
		return d.push265(payload, out)
	}
	return d.push264(payload, out)
}

func (d *depacketizer) push264(p []byte, out [][]byte) ([][]byte, damage) {
	switch t := p[0] & 0x1f; {
	case t == 28: // FU-A
		if len(p) < 2 {
			return out, true
		}
		header := [2]byte{p[0]&0x60 | p[1]&0x1f}
		return d.fragment(header[:1], p[1], p[2:], out)
	case t == 24: // STAP-A
		bad := d.gap()
		out, torn := aggregate(p[1:], 1, out)
		return out, bad || torn
	case t >= 1 && t <= 23:
		bad := d.gap()
		return splitAnnexB(p, out), bad
	default: // interleaved mode, or nothing that is known
		d.gap()
		return out, true
	}
}

func (d *depacketizer) push265(p []byte, out [][]byte) ([][]byte, damage) {
	if len(p) < 3 {
		return out, true
	}
	switch t := p[0] >> 1 & 0x3f; {
	case t == 49:
		header := [2]byte{p[0]&0x81 | p[2]&0x3f<<1, p[1]}
		return d.fragment(header[:], p[2], p[3:], out)
	case t == 48:
		bad := d.gap()
		out, torn := aggregate(p[2:], 2, out)
		return out, bad || torn
	case t < 48:
		bad := d.gap()
		return splitAnnexB(p, out), bad
	default: // PACI and what is unspecified
		d.gap()
		return out, true
	}
}

// fragment takes one piece. flags holds the start bit (0x80) and the end bit (0x40). The
// header of the first piece counts: some cameras change the type between pieces.
func (d *depacketizer) fragment(header []byte, flags byte, piece []byte, out [][]byte) ([][]byte, damage) {
	var bad damage
	if flags&0x80 != 0 {
		bad = d.gap()
		d.fragments = append(d.fragments, append([]byte(nil), header...))
		d.size = len(header)
	}
	if len(piece) == 0 {
		d.quirks[QuirkFUEmpty]++
	}
	if flags&0xc0 == 0xc0 {
		d.quirks[QuirkFUSingle]++
	}
	if d.fragments != nil && !d.changed && d.fragments[0][0] != header[0] {
		d.changed = true
		d.quirks[QuirkFUTypeChange]++
	}
	if d.fragments == nil {
		d.skipping = flags&0x40 == 0
		return out, true
	}
	d.size += len(piece)
	if d.size > maxUnitBytes {
		d.quirks[QuirkEndless]++
		d.gap()
		d.skipping = flags&0x40 == 0
		return out, true
	}
	d.fragments = append(d.fragments, piece)
	if flags&0x40 == 0 {
		return out, bad
	}
	nal := make([]byte, 0, d.size)
	for _, f := range d.fragments {
		nal = append(nal, f...)
	}
	d.gap()
	return splitAnnexB(nal, out), bad
}

// aggregate cuts an aggregation packet: 16 bits of size before each NAL unit. Zeros at the
// end are padding.
func aggregate(p []byte, header int, out [][]byte) ([][]byte, damage) {
	for len(p) > 0 {
		if len(p) < 2 {
			return out, damage(p[0] != 0)
		}
		n := int(p[0])<<8 | int(p[1])
		p = p[2:]
		if n == 0 {
			for _, b := range p {
				if b != 0 {
					return out, true
				}
			}
			return out, false
		}
		if n > len(p) {
			return out, true
		}
		if n >= header {
			out = splitAnnexB(p[:n], out)
		}
		p = p[n:]
	}
	return out, false
}
