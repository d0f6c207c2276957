package rtsp

import (
	"bytes"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"

	"bongsu/streams"
)

// paramSets keeps the parameter sets in force. The set handed out is never changed
// afterwards: a difference makes a new one.
type paramSets struct {
	codec   streams.Codec
	now     *streams.Params // handed out; nil before the first set
	next    streams.Params  // as seen so far
	info    spsInfo
	changed bool
	size    [2]int // of the pictures, by the sets handed out last
	quirks  *QuirkCounts
}

// spsInfo is what timing and display need of a sequence parameter set.
type spsInfo struct {
	known         bool // the SPS could be read
	profile       string
	width, height int     // pixels, cropped
	fps           float64 // declared; 0 when not
	reorder       int     // pictures that may stand before one in decoding order and after it in display order
	reorderKnown  bool    // declared, or impossible by profile; otherwise a bound
	rich          bool    // H.265 with what simple readers stumble on
	fields        bool    // pictures may be coded as two fields
}

func newParamSets(codec streams.Codec) *paramSets {
	return &paramSets{codec: codec, next: streams.Params{Codec: codec}, quirks: &QuirkCounts{}}
}

// add notes a parameter set. Anything else is ignored. What is noted is in force from the
// next call of current on.
func (p *paramSets) add(nal []byte) {
	k := kindOf(p.codec, nal)
	switch {
	case k.vps && p.codec == streams.H265:
		p.put(&p.next.VPS, nal)
	case k.sps && len(nal) >= 4:
		if p.put(&p.next.SPS, nal) {
			p.info = readSPS(p.codec, nal)
			if p.info.rich {
				p.quirks.once(QuirkRichSPS)
			}
			if trailing(p.codec, nal) {
				p.quirks.once(QuirkSPSTrailing)
			}
		}
	case k.pps && len(nal) >= 2:
		// A picture may use one of several; the set that the decoder starts with holds one.
		// The others reach the decoder in band.
		if p.next.PPS == nil || ppsID(p.codec, nal) <= ppsID(p.codec, p.next.PPS) {
			p.put(&p.next.PPS, nal)
		}
	}
}

func (p *paramSets) put(place *[]byte, nal []byte) bool {
	if bytes.Equal(*place, nal) {
		return false
	}
	*place = bytes.Clone(nal)
	p.changed = true
	return true
}

// current gives the sets in force, nil while they are incomplete. The pointer is the same
// until they change.
func (p *paramSets) current() *streams.Params {
	if p.changed && p.next.Complete() {
		v := p.next
		p.now = &v
		p.size = [2]int{p.info.width, p.info.height}
		p.changed = false
	}
	return p.now
}

// ppsID reads pic_parameter_set_id: H.264 section 7.3.2.2, H.265 section 7.3.2.3.
func ppsID(codec streams.Codec, nal []byte) uint32 {
	header := 1
	if codec == streams.H265 {
		header = 2
	}
	if len(nal) <= header {
		return 0
	}
	r := bitReader{data: nal[header:]}
	id, _ := r.golomb()
	return id
}

func readSPS(codec streams.Codec, nal []byte) spsInfo {
	if codec == streams.H264 {
		return readSPS264(nal)
	}
	return readSPS265(nal)
}

func readSPS264(nal []byte) spsInfo {
	var sps h264.SPS
	if sps.Unmarshal(nal) != nil {
		return spsInfo{}
	}
	in := spsInfo{
		known: true, profile: profile264(sps.ProfileIdc),
		width: sps.Width(), height: sps.Height(), fps: sane(sps.FPS()),
		fields: !sps.FrameMbsOnlyFlag,
	}
	switch v := sps.VUI; {
	case v != nil && v.BitstreamRestriction != nil:
		in.reorder, in.reorderKnown = min(int(v.BitstreamRestriction.MaxNumReorderFrames), 16), true
	case sps.ProfileIdc == 66 || sps.PicOrderCntType == 2: // baseline; output order = decoding order
		in.reorderKnown = true
	case sps.MaxNumRefFrames > 1: // B pictures need two
		in.reorder = min(int(sps.MaxNumRefFrames), maxUndeclared)
	}
	return in
}

// maxUndeclared bounds the reordering that is allowed for where the stream does not declare
// any: encoders of cameras and files do with less.
const maxUndeclared = 4

func readSPS265(nal []byte) spsInfo {
	var sps h265.SPS
	if sps.Unmarshal(nal) != nil {
		return spsInfo{}
	}
	in := spsInfo{
		known: true, profile: profile265(sps.ProfileTierLevel.GeneralProfileIdc),
		width: sps.Width(), height: sps.Height(), fps: sane(sps.FPS()), reorderKnown: true,
	}
	in.rich = sps.MaxSubLayersMinus1 > 0 || sps.ScalingListEnabledFlag || len(sps.ShortTermRefPicSets) > 0
	if n := len(sps.MaxNumReorderPics); n > 0 {
		in.reorder = min(int(sps.MaxNumReorderPics[n-1]), 16)
	}
	return in
}

// trailing reports whether bytes stand behind the end of an SPS: it can be read as well
// without them. The last byte that is needed may hold nothing but the stop bit.
func trailing(codec streams.Codec, nal []byte) bool {
	want := readSPS(codec, nal)
	if !want.known || len(nal) < 3 {
		return false
	}
	last := nal[len(nal)-1]
	return readSPS(codec, nal[:len(nal)-2]) == want && last != 0x80 || last == 0
}

// sane drops a declared rate that no camera has.
func sane(fps float64) float64 {
	if fps >= 0.1 && fps <= 1000 {
		return fps
	}
	return 0
}

func profile264(idc uint8) string {
	switch idc {
	case 66:
		return "Baseline"
	case 77:
		return "Main"
	case 88:
		return "Extended"
	case 100:
		return "High"
	case 110:
		return "High 10"
	}
	return "other"
}

func profile265(idc uint8) string {
	switch idc {
	case 1:
		return "Main"
	case 2:
		return "Main 10"
	case 3:
		return "Main Still Picture"
	}
	return "other"
}
