package mp4

import (
	"encoding/binary"
	"time"

	"bongsu/streams"
)

// builder appends boxes to b.
type builder struct{ b []byte }

// box writes one box whose body is what body appends.
func (o *builder) box(kind string, body func()) {
	start := len(o.b)
	o.u32(0)
	o.b = append(o.b, kind...)
	body()
	binary.BigEndian.PutUint32(o.b[start:], uint32(len(o.b)-start))
}

// full writes a full box.
func (o *builder) full(kind string, version uint8, flags uint32, body func()) {
	o.box(kind, func() {
		o.u32(uint32(version)<<24 | flags)
		body()
	})
}

func (o *builder) u8(v ...byte) { o.b = append(o.b, v...) }
func (o *builder) u16(v uint16) { o.b = binary.BigEndian.AppendUint16(o.b, v) }
func (o *builder) u64(v uint64) { o.b = binary.BigEndian.AppendUint64(o.b, v) }
func (o *builder) zero(n int)   { o.b = append(o.b, make([]byte, n)...) }
func (o *builder) str(s string) { o.b = append(o.b, s...) }

func (o *builder) u32(v ...uint32) {
	for _, x := range v {
		o.b = binary.BigEndian.AppendUint32(o.b, x)
	}
}

// clipTrack is everything that the index of a clip says, apart from its samples.
type clipTrack struct {
	codec  streams.Codec
	sets   [][]byte // parameter sets of the sample entry
	pic    picture
	inBand bool      // samples hold parameter sets too
	start  time.Time // wall clock of the first sample
	first  int64     // ticks, by which the first sample is shown after its decoding
	taint  bool
}

// mark is the extended type of the box in which a clip carries what the format has no place
// for: the exact start and the taint (ISO/IEC 14496-12, 4.2 and 11.1).
var mark = [16]byte{0x6f, 0x0d, 0x4f, 0x6e, 0x3a, 0x7c, 0x4d, 0x7e, 0x9a, 0x54, 0x6f, 0x2b, 0x1c, 0x8e, 0x5d, 0x21}

// epoch is where the format's clock begins: 1904-01-01 UTC, in Unix seconds.
const epoch = -2082844800

// entryName is the kind of the sample entry: ISO/IEC 14496-15 allows parameter sets within
// samples in avc3 and hev1 only.
func (c *clipTrack) entryName() string {
	switch {
	case c.codec == streams.H264 && c.inBand:
		return "avc3"
	case c.codec == streams.H264:
		return "avc1"
	case c.inBand:
		return "hev1"
	}
	return "hvc1"
}

// codecString is the codecs parameter of RFC 6381.
func (c *clipTrack) codecString() string {
	p := streams.Params{Codec: c.codec}
	for _, s := range c.sets {
		addSet(&p, s)
	}
	var general []byte
	if c.codec == streams.H265 {
		general = h265General(p.SPS)
	}
	return codecString(c.entryName(), p.SPS, general)
}

func (o *builder) ftyp(c *clipTrack, fragmented bool) {
	o.box("ftyp", func() {
		brand := "isom"
		if fragmented {
			brand = "iso6"
		}
		o.str(brand)
		o.u32(0x200)
		o.str("isomiso6mp42")
		if c.codec == streams.H264 {
			o.str("avc1")
		}
	})
}

// moov writes the movie box. In a journal tables is nil: the samples follow in fragments.
func (o *builder) moov(c *clipTrack, shown, decoded int64, tables func()) {
	created := uint64(c.start.Unix() - epoch)
	o.box("moov", func() {
		o.full("mvhd", 1, 0, func() {
			o.u64(created)
			o.u64(created)
			o.u32(timescale)
			o.u64(uint64(shown))
			o.u32(0x10000)
			o.u16(0x100)
			o.zero(10)
			o.matrix()
			o.zero(24)
			o.u32(2)
		})
		o.box("trak", func() { o.trak(c, created, shown, decoded, tables) })
		if tables == nil {
			o.box("mvex", func() {
				o.full("trex", 0, 0, func() { o.u32(1, 1, 0, 0, 0) })
			})
		}
		o.box("uuid", func() {
			o.u8(mark[:]...)
			flags := byte(0)
			if c.taint {
				flags = 1
			}
			o.u8(1, flags)
			o.u64(uint64(c.start.UnixMicro()))
			o.u32(0) // a journal has its check sum here
		})
	})
}

// matrix is the unity transformation.
func (o *builder) matrix() { o.u32(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000) }

func (o *builder) trak(c *clipTrack, created uint64, shown, decoded int64, tables func()) {
	o.full("tkhd", 1, 3, func() { // enabled, in movie
		o.u64(created)
		o.u64(created)
		o.u32(1, 0)
		o.u64(uint64(shown))
		o.zero(16)
		o.matrix()
		w := uint32(c.pic.width)
		if c.pic.aspectW > 0 && c.pic.aspectH > 0 {
			w = uint32(int64(w) * int64(c.pic.aspectW) / int64(c.pic.aspectH))
		}
		o.u32(min(w, maxSide-1)<<16, uint32(min(c.pic.height, maxSide-1))<<16)
	})
	o.box("edts", func() {
		o.full("elst", 1, 0, func() {
			o.u32(1)
			o.u64(uint64(shown))
			o.u64(uint64(c.first))
			o.u32(0x10000)
		})
	})
	o.box("mdia", func() {
		o.full("mdhd", 1, 0, func() {
			o.u64(created)
			o.u64(created)
			o.u32(timescale)
			o.u64(uint64(decoded))
			o.u16(0x55c4) // "und"
			o.u16(0)
		})
		o.full("hdlr", 0, 0, func() {
			o.u32(0)
			o.str("vide")
			o.zero(12)
			o.str("video\x00")
		})
		o.box("minf", func() { o.minf(c, tables) })
	})
}

func (o *builder) minf(c *clipTrack, tables func()) {
	o.full("vmhd", 0, 1, func() { o.zero(8) })
	o.box("dinf", func() {
		o.full("dref", 0, 0, func() {
			o.u32(1)
			o.full("url ", 0, 1, func() {})
		})
	})
	o.box("stbl", func() {
		o.full("stsd", 0, 0, func() {
			o.u32(1)
			o.entry(c)
		})
		if tables != nil {
			tables()
			return
		}
		o.full("stts", 0, 0, func() { o.u32(0) })
		o.full("stsc", 0, 0, func() { o.u32(0) })
		o.full("stsz", 0, 0, func() { o.u32(0, 0) })
		o.full("stco", 0, 0, func() { o.u32(0) })
	})
}

// entry writes the sample entry (ISO/IEC 14496-12, 12.1.3; 14496-15, 5.4.2 and 8.4.1).
func (o *builder) entry(c *clipTrack) {
	o.box(c.entryName(), func() {
		o.zero(6)
		o.u16(1)
		o.zero(16)
		o.u16(uint16(min(c.pic.width, maxSide-1)))
		o.u16(uint16(min(c.pic.height, maxSide-1)))
		o.u32(0x480000, 0x480000, 0) // 72 dpi
		o.u16(1)
		o.zero(32)
		o.u16(24)
		o.u16(0xffff)
		if c.codec == streams.H264 {
			o.box("avcC", func() { o.avcC(c) })
		} else {
			o.box("hvcC", func() { o.hvcC(c) })
		}
		if c.pic.aspectW > 0 && c.pic.aspectH > 0 {
			o.box("pasp", func() { o.u32(uint32(c.pic.aspectW), uint32(c.pic.aspectH)) })
		}
		if c.pic.hasColour {
			o.box("colr", func() {
				o.str("nclx")
				o.u16(c.pic.primaries)
				o.u16(c.pic.transfer)
				o.u16(c.pic.matrix)
				full := byte(0)
				if c.pic.fullRange {
					full = 0x80
				}
				o.u8(full)
			})
		}
	})
}

// ofKind picks the sets of one place: 0 VPS, 1 SPS, 2 PPS.
func (c *clipTrack) ofKind(kind int) (out [][]byte) {
	for _, s := range c.sets {
		if setKind(c.codec, s) == kind {
			out = append(out, s)
		}
	}
	return out
}

// avcC writes an AVCDecoderConfigurationRecord (14496-15, 5.3.3.1).
func (o *builder) avcC(c *clipTrack) {
	sps, pps := c.ofKind(1), c.ofKind(2)
	o.u8(1)
	o.u8(append(append([]byte{}, sps[0][1:min(4, len(sps[0]))]...), 0, 0, 0)[:3]...)
	o.u8(0xff, 0xe0|byte(len(sps)))
	o.sets(sps)
	o.u8(byte(len(pps)))
	o.sets(pps)
	if c.pic.profileSpecific && c.pic.width > 0 {
		o.u8(0xfc|sane(c.pic.chroma, 3), 0xf8|sane(c.pic.depth-8, 7), 0xf8|sane(c.pic.depthChroma-8, 7), 0)
	}
}

// hvcC writes an HEVCDecoderConfigurationRecord (14496-15, 8.3.3.1).
func (o *builder) hvcC(c *clipTrack) {
	general := h265General(c.ofKind(1)[0])
	if general == nil {
		general = make([]byte, 12)
	}
	o.u8(1)
	o.u8(general...)
	o.u16(0xf000)
	o.u8(0xfc, 0xfc|sane(c.pic.chroma, 3), 0xf8|sane(c.pic.depth-8, 7), 0xf8|sane(c.pic.depthChroma-8, 7))
	o.u16(0)
	nested := byte(0)
	if c.pic.nested {
		nested = 4
	}
	o.u8(sane(c.pic.layers, 7)<<3 | nested | 3)
	o.u8(3)
	complete := byte(0x80)
	if c.inBand {
		complete = 0
	}
	for kind, nal := range [3]byte{h265VPS, h265SPS, h265PPS} {
		sets := c.ofKind(kind)
		o.u8(complete | nal)
		o.u16(uint16(len(sets)))
		o.sets(sets)
	}
}

func (o *builder) sets(sets [][]byte) {
	for _, s := range sets {
		o.u16(uint16(len(s)))
		o.u8(s...)
	}
}
