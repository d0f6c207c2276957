package avcodec

import (
	"bytes"
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"

	"bongsu/streams"
)

// kind is what a NAL unit is to the decoder's input.
type kind uint8

const (
	kindOther kind = iota
	kindVPS
	kindSPS
	kindPPS
	kindSlice   // coded picture data
	kindLeading // coded picture data that refers to before the key unit (H.265 RASL)
)

// kindOf reads the NAL unit header: ITU-T H.264 table 7-1, ITU-T H.265 table 7-1.
func kindOf(c streams.Codec, nal []byte) kind {
	if len(nal) == 0 {
		return kindOther
	}
	if c == streams.H264 {
		switch t := h264.NALUType(nal[0] & 0x1f); {
		case t == h264.NALUTypeSPS:
			return kindSPS
		case t == h264.NALUTypePPS:
			return kindPPS
		case t >= h264.NALUTypeNonIDR && t <= h264.NALUTypeIDR:
			return kindSlice
		}
		return kindOther
	}
	switch t := h265.NALUType(nal[0] >> 1 & 0x3f); {
	case t == h265.NALUType_VPS_NUT:
		return kindVPS
	case t == h265.NALUType_SPS_NUT:
		return kindSPS
	case t == h265.NALUType_PPS_NUT:
		return kindPPS
	case t == h265.NALUType_RASL_N || t == h265.NALUType_RASL_R:
		return kindLeading
	case t < 32:
		return kindSlice
	}
	return kindOther
}

// content is what one pass over a unit's NAL unit headers finds.
type content struct {
	vps, sps, pps bool
	slice         bool
	leading       bool
}

func contentOf(au *streams.AccessUnit) content {
	var c content
	for _, nal := range au.NALs {
		switch kindOf(au.Codec, nal) {
		case kindVPS:
			c.vps = true
		case kindSPS:
			c.sps = true
		case kindPPS:
			c.pps = true
		case kindSlice:
			c.slice = true
		case kindLeading:
			c.slice, c.leading = true, true
		}
	}
	return c
}

// sets are the parameter sets to be put into a unit that lacks them: first goes before
// everything, last before the first coded slice (a PPS must follow the SPS it names).
type sets struct {
	first [2][]byte // VPS, SPS
	last  []byte    // PPS
}

// missing says which parameter sets a unit needs in addition: a key unit whose camera sends
// them by SDP only.
func missing(au *streams.AccessUnit, c content) sets {
	var s sets
	if !au.Key || au.Params == nil || au.Params.Codec != au.Codec {
		return s
	}
	if !c.vps && au.Codec == streams.H265 {
		s.first[0] = au.Params.VPS
	}
	if !c.sps {
		s.first[1] = au.Params.SPS
	}
	if !c.pps {
		s.last = au.Params.PPS
	}
	return s
}

// startCode is the byte stream's prefix of a NAL unit: ITU-T H.264 annex B.
var startCode = [4]byte{0, 0, 0, 1}

// packedSize is how many bytes pack writes.
func packedSize(au *streams.AccessUnit, s sets) int {
	n := 0
	for _, nal := range au.NALs {
		if len(nal) > 0 {
			n += len(startCode) + len(nal)
		}
	}
	for _, nal := range [...][]byte{s.first[0], s.first[1], s.last} {
		if len(nal) > 0 {
			n += len(startCode) + len(nal)
		}
	}
	return n
}

// pack writes the unit as a byte stream into dst, which has room for packedSize bytes.
func pack(dst []byte, au *streams.AccessUnit, s sets) {
	at := put(dst, 0, s.first[0])
	at = put(dst, at, s.first[1])
	last := s.last
	for _, nal := range au.NALs {
		if k := kindOf(au.Codec, nal); k == kindSlice || k == kindLeading {
			at = put(dst, at, last)
			last = nil
		}
		at = put(dst, at, nal)
	}
	put(dst, at, last)
}

func put(dst []byte, at int, nal []byte) int {
	if len(nal) == 0 {
		return at
	}
	at += copy(dst[at:], startCode[:])
	return at + copy(dst[at:], nal)
}

// sizes remembers the picture sizes of the sequence parameter sets seen last, so that a set
// that is sent again with every key frame is parsed once.
type sizes struct {
	known [4]struct {
		sps    []byte
		pixels int
		text   string
	}
	next int
}

// check gives the coded picture size of an SPS in pixels, and in words; 0 when it cannot be
// parsed: libavcodec, which has the same limit, is the judge then.
func (z *sizes) check(c streams.Codec, sps []byte) (pixels int, text string) {
	for i := range z.known {
		if k := &z.known[i]; k.sps != nil && bytes.Equal(k.sps, sps) {
			return k.pixels, k.text
		}
	}
	k := &z.known[z.next]
	z.next = (z.next + 1) % len(z.known)
	k.sps = bytes.Clone(sps)
	w, h := spsSize(c, sps)
	k.pixels, k.text = w*h, fmt.Sprintf("%d×%d", w, h)
	return k.pixels, k.text
}

// spsSize is the coded size, before cropping, in pixels; 0, 0 when the SPS cannot be parsed.
// It is the size that memory would be needed for.
func spsSize(c streams.Codec, sps []byte) (width, height int) {
	if c == streams.H264 {
		var s h264.SPS
		if s.Unmarshal(sps) != nil {
			return 0, 0
		}
		w, h := (int64(s.PicWidthInMbsMinus1)+1)*16, (int64(s.PicHeightInMapUnitsMinus1)+1)*16
		if !s.FrameMbsOnlyFlag {
			h *= 2
		}
		return clampSize(w), clampSize(h)
	}
	var s h265.SPS
	if s.Unmarshal(sps) != nil {
		return 0, 0
	}
	return clampSize(int64(s.PicWidthInLumaSamples)), clampSize(int64(s.PicHeightInLumaSamples))
}

// clampSize keeps a hostile size from overflowing a product of two.
func clampSize(v int64) int { return int(min(max(v, 0), 1<<20)) }
