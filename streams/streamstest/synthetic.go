// Package streamstest plays the camera in tests and in the demo: an RTSP server in this
// process that serves access units as a camera would, or as a faulty one would; test streams
// made on the spot; and the conformance suite that every streams.Source passes.
package streamstest

import (
	"encoding/binary"
	"encoding/hex"
	"slices"
	"time"

	"bongsu/streams"
)

// SyntheticOptions describe a stream of hand-made access units. Its parameter sets and slice
// headers are real (320×240); what is in the slices is not, so no decoder can show it. It is
// for tests of transport and time.
type SyntheticOptions struct {
	Codec    streams.Codec // CodecNone = H264
	Units    int           // 0 = 50
	FPS      float64       // 0 = 25
	GOP      int           // units from key to key; 0 = 10
	BFrames  int           // pictures between two reference pictures; 0 to 2
	Bytes    int           // of a slice; 0 = 600 (key pictures: three times that)
	Slices   int           // of each picture; 0 = 1
	NoInBand bool          // no parameter sets among the NAL units of key pictures
}

// Parameter sets as x264 and x265 write them for 320×240 at 25 pictures a second.
const (
	sps264  = "674d400dda0507ec0440000003004000000c83c50aa8"
	pps264  = "68ef0fc8"
	sps264b = "674d400de98283f60220000003002000000641e28527"
	pps264b = "68ef8fc8"
	vps265  = "40010c01ffff01600000030090000003000003003cba0240"
	sps265  = "42010101600000030090000003000003003ca00a080f165ba4a4c2f0168080000003008000000c84"
	vps265b = "40010c01ffff01600000030090000003000003003c959009"
	sps265b = "42010101600000030090000003000003003ca00a080f16595912930bc05a020000030002000003003210"
	pps265  = "4401c073c189"
)

// SyntheticParams gives the parameter sets of Synthetic's streams.
func SyntheticParams(codec streams.Codec, bframes int) *streams.Params {
	switch {
	case codec == streams.H265 && bframes > 0:
		return &streams.Params{Codec: codec, VPS: unhex(vps265b), SPS: unhex(sps265b), PPS: unhex(pps265)}
	case codec == streams.H265:
		return &streams.Params{Codec: codec, VPS: unhex(vps265), SPS: unhex(sps265), PPS: unhex(pps265)}
	case bframes > 0:
		return &streams.Params{Codec: streams.H264, SPS: unhex(sps264b), PPS: unhex(pps264b)}
	}
	return &streams.Params{Codec: streams.H264, SPS: unhex(sps264), PPS: unhex(pps264)}
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err) //nolint:forbidigo // a constant of this package
	}
	return b
}

// Synthetic makes such a stream, in decoding order. The same options give the same bytes.
// Index reads from a unit the place at which it was made.
func Synthetic(o SyntheticOptions) []*streams.AccessUnit {
	if o.Codec == streams.CodecNone {
		o.Codec = streams.H264
	}
	if o.Units == 0 {
		o.Units = 50
	}
	if o.FPS == 0 {
		o.FPS = 25
	}
	if o.GOP == 0 {
		o.GOP = 10
	}
	if o.Bytes == 0 {
		o.Bytes = 600
	}
	o.Slices = max(o.Slices, 1)
	params := SyntheticParams(o.Codec, o.BFrames)
	shown := displayOrder(o)
	units := make([]*streams.AccessUnit, o.Units)
	for i := range units {
		key := i%o.GOP == 0
		au := &streams.AccessUnit{
			Seq: uint64(i), Codec: o.Codec, Params: params, Key: key,
			PTS: o.at(shown[i].place + delay(o)), DTS: o.at(i),
		}
		if key && !o.NoInBand {
			au.NALs = append(au.NALs, ParamNALs(params)...)
		}
		for s := range o.Slices {
			au.NALs = append(au.NALs, slice(o, i, s, key, shown[i].b))
		}
		units[i] = au
	}
	return units
}

func (o *SyntheticOptions) at(place int) time.Duration {
	return time.Duration(float64(place) * float64(time.Second) / o.FPS)
}

type display struct {
	place int
	b     bool
}

// delay is by how many pictures display lags behind decoding.
func delay(o SyntheticOptions) int {
	if o.BFrames > 0 {
		return 1
	}
	return 0
}

// displayOrder gives each unit, in decoding order, its place on the screen: within a GOP each
// group of B pictures is decoded after the picture that follows it.
func displayOrder(o SyntheticOptions) []display {
	out := make([]display, 0, o.Units)
	for gop := 0; gop < o.Units; gop += o.GOP {
		n := min(o.GOP, o.Units-gop)
		out = append(out, display{place: gop})
		for i := 1; i < n; {
			b := min(o.BFrames, n-i-1)
			out = append(out, display{place: gop + i + b})
			for j := range b {
				out = append(out, display{place: gop + i + j, b: true})
			}
			i += b + 1
		}
	}
	return out
}

// ParamNALs lists the sets of p in the order in which a stream carries them.
func ParamNALs(p *streams.Params) [][]byte {
	if p.Codec == streams.H265 {
		return [][]byte{p.VPS, p.SPS, p.PPS}
	}
	return [][]byte{p.SPS, p.PPS}
}

// slice makes one slice: a real header, the unit's index, and filling without zero bytes.
func slice(o SyntheticOptions, index, part int, key, b bool) []byte {
	head := slice264(part > 0, key, b)
	if o.Codec == streams.H265 {
		head = slice265(part > 0, key, b)
	}
	size := o.Bytes
	if key {
		size *= 3
	}
	nal := slices.Concat(head, indexBytes(index))
	for len(nal) < size {
		nal = append(nal, byte(1+(len(nal)*7+index*13+part)%255))
	}
	return nal
}

func slice264(later, key, b bool) []byte {
	switch {
	case key && later:
		return []byte{0x65, 0x30, 0x84}
	case key:
		return []byte{0x65, 0x88, 0x84}
	case b && later:
		return []byte{0x01, 0x31, 0xc1}
	case b:
		return []byte{0x01, 0x9e, 0x42}
	case later:
		return []byte{0x41, 0x31, 0x81}
	}
	return []byte{0x41, 0x9a, 0x26}
}

func slice265(later, key, b bool) []byte {
	head := []byte{0x02, 0x01, 0xd0}
	switch {
	case key:
		head = []byte{0x26, 0x01, 0xac}
	case b:
		head = []byte{0x00, 0x01, 0xe0}
	}
	if later {
		head[2] &= 0x7f
	}
	return head
}

// indexBytes writes a number in eight bytes none of which is 0 to 3.
func indexBytes(index int) []byte {
	out := make([]byte, 8)
	for i := range out {
		out[i] = 0x40 | byte(uint32(index)>>(28-4*i)&0xf)
	}
	return out
}

// Index gives the place in the stream at which Synthetic made au; -1 when au holds no slice
// of it.
func Index(au *streams.AccessUnit) int {
	for _, nal := range au.NALs {
		if !IsSlice(au.Codec, nal) || len(nal) < 11 {
			continue
		}
		v := uint32(0)
		for _, b := range nal[3:11] {
			v = v<<4 | uint32(b&0xf)
		}
		return int(v)
	}
	return -1
}

// IsSlice reports whether nal holds coded picture data.
func IsSlice(codec streams.Codec, nal []byte) bool {
	if len(nal) == 0 {
		return false
	}
	if codec == streams.H265 {
		return nal[0]>>1&0x3f < 32
	}
	t := nal[0] & 0x1f
	return t >= 1 && t <= 5
}

// IsParam reports whether nal is a parameter set.
func IsParam(codec streams.Codec, nal []byte) bool {
	if len(nal) == 0 {
		return false
	}
	if codec == streams.H265 {
		t := nal[0] >> 1 & 0x3f
		return t >= 32 && t <= 34
	}
	t := nal[0] & 0x1f
	return t == 7 || t == 8
}

// AnnexB writes NAL units with start codes, as decoders and files without a container take
// them.
func AnnexB(nals [][]byte) []byte {
	var out []byte
	for _, nal := range nals {
		out = binary.BigEndian.AppendUint32(out, 1)
		out = append(out, nal...)
	}
	return out
}
