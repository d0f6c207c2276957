package mp4

import (
	"errors"
	"fmt"
	"math/bits"

	"bongsu/streams"
)

// picture is what a sequence parameter set says about its pictures.
type picture struct {
	width, height   int // pixels, cropped
	chroma          int // chroma_format_idc: 0 grey, 1 4:2:0, 2 4:2:2, 3 4:4:4
	depth           int // bits of a luma sample
	depthChroma     int
	layers          int // H.265: temporal sub-layers
	nested          bool
	aspectW         int // sample aspect ratio, 0 when not said
	aspectH         int
	hasColour       bool
	fullRange       bool
	primaries       uint16 // ITU-T H.273
	transfer        uint16
	matrix          uint16
	profileSpecific bool // H.264: the record carries chroma and depth
}

// maxSide bounds what is believed of a picture's width and height, in pixels.
const maxSide = 1 << 16

var errShortSPS = errors.New("mp4: the sequence parameter set is cut off")

// parseSPS reads the size, and what comes easily besides, from a sequence parameter set. It
// allocates in proportion to sps and looks at no more than is needed: bytes behind that are
// not judged, because cameras leave rubbish there.
func parseSPS(codec streams.Codec, sps []byte) (picture, error) {
	r := bitReader{p: unescape(sps, len(sps))}
	var p picture
	if codec == streams.H264 {
		p.readH264(&r)
	} else {
		p.readH265(&r)
	}
	switch {
	case r.short && p.width == 0:
		return p, errShortSPS
	case p.width <= 0 || p.height <= 0 || p.width > maxSide || p.height > maxSide:
		return p, fmt.Errorf("mp4: the sequence parameter set says %d by %d pixels", p.width, p.height)
	}
	return p, nil
}

// readH264 follows ITU-T H.264, 7.3.2.1.1.
func (p *picture) readH264(r *bitReader) {
	r.skip(8)
	profile := r.u(8)
	r.skip(16)
	r.ue() // id
	p.chroma, p.depth, p.depthChroma = 1, 8, 8
	separate := false
	switch profile {
	case 100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135:
		p.profileSpecific = true
		p.chroma = int(r.ue())
		separate = p.chroma == 3 && r.flag()
		p.depth, p.depthChroma = 8+int(r.ue()), 8+int(r.ue())
		r.skip(1)
		if r.flag() {
			skipScalingLists(r, p.chroma)
		}
	}
	r.ue() // frame number length
	switch r.ue() {
	case 0:
		r.ue()
	case 1:
		r.skip(1)
		r.ue()
		r.ue()
		for n := r.ue(); n > 0 && !r.short; n-- {
			r.ue()
		}
	}
	r.ue() // reference frames
	r.skip(1)
	w, h := (int(r.ue())+1)*16, (int(r.ue())+1)*16
	fields := 1
	if !r.flag() { // frames only
		fields = 2
		r.skip(1)
	}
	h *= fields
	r.skip(1)
	unitX, unitY := 1, fields
	if !separate && p.chroma > 0 {
		unitX, unitY = chromaStep(p.chroma, fields)
	}
	p.crop(r, w, h, unitX, unitY)
	if r.flag() {
		p.readVUI(r)
	}
}

// chromaStep gives the luma samples that a cropping unit has (H.264 table 6-1).
func chromaStep(chroma, fields int) (x, y int) {
	switch chroma {
	case 1:
		return 2, 2 * fields
	case 2:
		return 2, fields
	}
	return 1, fields
}

// crop reads the cropping flag and rectangle and sets the size.
func (p *picture) crop(r *bitReader, w, h, unitX, unitY int) {
	if r.flag() {
		left, right, top, bottom := int(r.ue()), int(r.ue()), int(r.ue()), int(r.ue())
		w -= (left + right) * unitX
		h -= (top + bottom) * unitY
	}
	if r.short {
		return
	}
	p.width, p.height = w, h
}

// skipScalingLists reads over seq_scaling_list (H.264, 7.3.2.1.1.1).
func skipScalingLists(r *bitReader, chroma int) {
	lists := 8
	if chroma == 3 {
		lists = 12
	}
	for i := range lists {
		if !r.flag() {
			continue
		}
		size := 16
		if i >= 6 {
			size = 64
		}
		last, next := 8, 8
		for range size {
			if next != 0 {
				next = (last + r.se() + 256) & 0xff
			}
			if next != 0 {
				last = next
			}
		}
	}
}

// aspects are the sample aspect ratios that have a number (H.264 table E-1).
var aspects = [...][2]int{{0, 0}, {1, 1}, {12, 11}, {10, 11}, {16, 11}, {40, 33}, {24, 11}, {20, 11}, {32, 11},
	{80, 33}, {18, 11}, {15, 11}, {64, 33}, {160, 99}, {4, 3}, {3, 2}, {2, 1}}

// readVUI reads the start of vui_parameters (H.264, E.1.1): sample aspect and colour.
func (p *picture) readVUI(r *bitReader) {
	w, h := 0, 0
	if r.flag() {
		if idc := r.u(8); idc == 255 {
			w, h = int(r.u(16)), int(r.u(16))
		} else if int(idc) < len(aspects) {
			w, h = aspects[idc][0], aspects[idc][1]
		}
	}
	if r.flag() {
		r.skip(1)
	}
	var full, described bool
	var colour [3]uint16
	if r.flag() {
		r.skip(3)
		full = r.flag()
		if described = r.flag(); described {
			colour = [3]uint16{uint16(r.u(8)), uint16(r.u(8)), uint16(r.u(8))}
		}
	}
	if r.short {
		return // a guess would be worse than nothing
	}
	p.aspectW, p.aspectH, p.fullRange, p.hasColour = w, h, full, described
	p.primaries, p.transfer, p.matrix = colour[0], colour[1], colour[2]
}

// readH265 follows ITU-T H.265, 7.3.2.2, up to the bit depths: the way to its VUI is long, and
// decoders read it from the bit stream.
func (p *picture) readH265(r *bitReader) {
	r.skip(16 + 4)
	p.layers = int(r.u(3)) + 1
	p.nested = r.flag()
	r.skip(88 + 8) // general profile and level
	skipSubLayers(r, p.layers-1)
	r.ue() // id
	p.chroma = int(r.ue())
	separate := p.chroma == 3 && r.flag()
	w, h := int(r.ue()), int(r.ue())
	unitX, unitY := 1, 1
	if !separate && p.chroma > 0 {
		unitX, unitY = chromaStep(p.chroma, 1)
	}
	p.crop(r, w, h, unitX, unitY)
	p.depth, p.depthChroma = 8+int(r.ue()), 8+int(r.ue())
}

// skipSubLayers reads over the sub-layers of profile_tier_level (H.265, 7.3.3).
func skipSubLayers(r *bitReader, n int) {
	if n == 0 {
		return
	}
	var profile, level [8]bool
	for i := range 8 {
		profile[i], level[i] = r.flag(), r.flag()
	}
	for i := range n {
		if profile[i] {
			r.skip(88)
		}
		if level[i] {
			r.skip(8)
		}
	}
}

// bitReader reads bits, the highest first; beyond the end it sets short and gives zeros.
type bitReader struct {
	p     []byte
	pos   int
	short bool
}

func (r *bitReader) u(n int) uint32 {
	if r.pos+n > 8*len(r.p) {
		r.short, r.pos = true, 8*len(r.p)
		return 0
	}
	v := uint32(0)
	for range n {
		v = v<<1 | uint32(r.p[r.pos/8]>>(7-r.pos%8)&1)
		r.pos++
	}
	return v
}

func (r *bitReader) flag() bool { return r.u(1) == 1 }

func (r *bitReader) skip(n int) {
	if r.pos += n; r.pos > 8*len(r.p) {
		r.short, r.pos = true, 8*len(r.p)
	}
}

// ue reads an Exp-Golomb code (H.264, 9.1).
func (r *bitReader) ue() uint32 {
	zeros := 0
	for !r.short && r.u(1) == 0 {
		zeros++
	}
	if r.short || zeros > 31 {
		r.short = true
		return 0
	}
	return 1<<zeros - 1 + r.u(zeros)
}

// se reads a signed Exp-Golomb code.
func (r *bitReader) se() int {
	v := int(r.ue())
	if v&1 == 1 {
		return v/2 + 1
	}
	return -v / 2
}

// sane keeps a number within a bit field of a decoder configuration record.
func sane(v, limit int) byte { return byte(min(max(v, 0), limit)) }

// compatFlags gives the general profile compatibility flags of 12 general bytes.
func compatFlags(general []byte) uint32 {
	return bits.Reverse32(uint32(general[1])<<24 | uint32(general[2])<<16 | uint32(general[3])<<8 | uint32(general[4]))
}
