package rtsp

import (
	"bytes"

	"bongsu/streams"
)

// nalKind is what the assembler needs to know of a NAL unit: ITU-T H.264 table 7-1 and
// ITU-T H.265 table 7-1.
type nalKind struct {
	vcl    bool // a slice of a picture
	key    bool // of an IDR picture, or an IRAP picture in H.265
	first  bool // the first slice of its picture
	begins bool // no slice, and can only stand before the slices of a picture
	vps    bool
	sps    bool
	pps    bool
	b      bool // a B slice; looked for in H.264 only
}

// kindOf classifies nal. An empty NAL unit has no property at all.
func kindOf(codec streams.Codec, nal []byte) nalKind {
	switch {
	case codec == streams.H264 && len(nal) >= 1:
		return kindOf264(nal)
	case codec == streams.H265 && len(nal) >= 2:
		return kindOf265(nal)
	}
	return nalKind{}
}

func kindOf264(nal []byte) nalKind {
	switch t := nal[0] & 0x1f; t {
	case 1, 5:
		k := nalKind{vcl: true, key: t == 5}
		r := bitReader{data: nal[1:]}
		firstMB, ok := r.golomb()
		k.first = ok && firstMB == 0
		if sliceType, ok := r.golomb(); ok {
			k.b = sliceType%5 == 1
		}
		return k
	case 2, 3, 4: // data partitioning: only A carries the slice header
		return nalKind{vcl: true, first: t == 2 && len(nal) > 1 && nal[1]&0x80 != 0}
	case 7:
		return nalKind{sps: true, begins: true}
	case 8:
		return nalKind{pps: true, begins: true}
	case 6, 9, 14, 15, 16, 17, 18:
		return nalKind{begins: true}
	}
	return nalKind{}
}

func kindOf265(nal []byte) nalKind {
	switch t := nal[0] >> 1 & 0x3f; {
	case t < 32:
		return nalKind{vcl: true, key: t >= 16 && t <= 23, first: len(nal) > 2 && nal[2]&0x80 != 0}
	case t == 32:
		return nalKind{vps: true, begins: true}
	case t == 33:
		return nalKind{sps: true, begins: true}
	case t == 34:
		return nalKind{pps: true, begins: true}
	case t == 35 || t == 39 || t >= 41 && t <= 44 || t >= 48 && t <= 55:
		return nalKind{begins: true}
	}
	return nalKind{}
}

// bitReader reads the first bits of a NAL unit. It knows nothing of emulation prevention:
// the fields read with it stand before the first place where that can matter, or are small.
type bitReader struct {
	data []byte
	pos  int
}

func (r *bitReader) bit() (uint32, bool) {
	if r.pos>>3 >= len(r.data) {
		return 0, false
	}
	b := r.data[r.pos>>3] >> (7 - r.pos&7) & 1
	r.pos++
	return uint32(b), true
}

// golomb reads an unsigned Exp-Golomb code, ue(v): H.264 section 9.1.
func (r *bitReader) golomb() (uint32, bool) {
	zeros := 0
	for {
		b, ok := r.bit()
		if !ok || zeros > 31 {
			return 0, false
		}
		if b == 1 {
			break
		}
		zeros++
	}
	v := uint32(1)
	for range zeros {
		b, ok := r.bit()
		if !ok {
			return 0, false
		}
		v = v<<1 | b
	}
	return v - 1, true
}

var (
	startCode     = []byte{0, 0, 1}
	longStartCode = []byte{0, 0, 0, 1}
)

// splitAnnexB cuts what some cameras put into one RTP payload or SDP field at Annex-B start
// codes, and drops the codes and the zeros around them (H.264 annex B). Within a proper NAL
// unit no start code can stand: nearly always the answer is nal itself, nothing allocated.
func splitAnnexB(nal []byte, out [][]byte) [][]byte {
	i := bytes.Index(nal, startCode)
	if i < 0 {
		return append(out, nal)
	}
	for {
		if head := bytes.TrimRight(nal[:i], "\x00"); len(head) > 0 {
			out = append(out, head)
		}
		nal = nal[i+len(startCode):]
		i = bytes.Index(nal, startCode)
		if i < 0 {
			if len(nal) > 0 {
				out = append(out, nal)
			}
			return out
		}
	}
}
