package mp4

import (
	"encoding/hex"
	"fmt"
	"strings"

	"bongsu/streams"
)

// NAL unit types of parameter sets: ITU-T H.264 table 7-1, ITU-T H.265 table 7-1.
const (
	h264SPS = 7
	h264PPS = 8
	h265VPS = 32
	h265SPS = 33
	h265PPS = 34
)

// setKind gives the place of a parameter set among the others: 0 VPS, 1 SPS, 2 PPS; -1 for
// any other NAL unit.
func setKind(codec streams.Codec, nal []byte) int {
	if len(nal) == 0 {
		return -1
	}
	if codec == streams.H264 {
		switch nal[0] & 0x1f {
		case h264SPS:
			return 1
		case h264PPS:
			return 2
		}
		return -1
	}
	switch nal[0] >> 1 & 0x3f {
	case h265VPS:
		return 0
	case h265SPS:
		return 1
	case h265PPS:
		return 2
	}
	return -1
}

// config is what a decoder configuration record says (ISO/IEC 14496-15, 5.3.3 and 8.3.3).
type config struct {
	codec      streams.Codec
	lengthSize int      // bytes of a NAL unit's length: 1, 2 or 4
	sets       [][]byte // parameter sets in the order of the record
	general    []byte   // H.265: the 12 bytes of profile, compatibility, constraints and level
}

// params picks the first set of each kind.
func (c *config) params() streams.Params {
	p := streams.Params{Codec: c.codec}
	for _, s := range c.sets {
		addSet(&p, s)
	}
	return p
}

// addSet puts nal into its place in p when that is empty and nal is a parameter set.
func addSet(p *streams.Params, nal []byte) {
	slots := [3]*[]byte{&p.VPS, &p.SPS, &p.PPS}
	if k := setKind(p.Codec, nal); k >= 0 && *slots[k] == nil {
		*slots[k] = nal
	}
}

// parseAvcC reads an AVCDecoderConfigurationRecord.
func parseAvcC(b *box) (*config, error) {
	c := newCursor(b)
	version := c.u8()
	c.take(3) // profile, compatibility, level: repeated from the SPS
	cfg := &config{codec: streams.H264, lengthSize: int(c.u8()&3) + 1}
	for range c.u8() & 0x1f {
		cfg.sets = append(cfg.sets, c.take(int(c.u16())))
	}
	for range c.u8() {
		cfg.sets = append(cfg.sets, c.take(int(c.u16())))
	}
	return cfg, checkConfig(b, c, cfg, version)
}

// parseHvcC reads an HEVCDecoderConfigurationRecord.
func parseHvcC(b *box) (*config, error) {
	c := newCursor(b)
	version := c.u8()
	cfg := &config{codec: streams.H265, general: c.take(12)}
	c.take(8)
	cfg.lengthSize = int(c.u8()&3) + 1
	for range c.u8() {
		c.u8()
		for range c.u16() {
			if len(cfg.sets) == maxSets {
				return nil, b.errorf("holds more than %d parameter sets", maxSets)
			}
			nal := c.take(int(c.u16()))
			if c.err != nil {
				return nil, c.err
			}
			if setKind(streams.H265, nal) >= 0 { // SEI may stand here too
				cfg.sets = append(cfg.sets, nal)
			}
		}
	}
	return cfg, checkConfig(b, c, cfg, version)
}

func checkConfig(b *box, c *cursor, cfg *config, version uint8) error {
	switch {
	case c.err != nil:
		return c.err
	case version != 1:
		return b.errorf("has version %d, only 1 is known", version)
	case cfg.lengthSize == 3:
		return b.errorf("says that NAL unit lengths have 3 bytes; 1, 2 or 4 are allowed")
	}
	return nil
}

// codecString builds the codecs parameter of RFC 6381, section 3.3: for H.264 from the three
// bytes after the SPS header, for H.265 as ISO/IEC 14496-15, annex E says, from the 12 general
// bytes of a configuration record.
func codecString(entry string, sps, general []byte) string {
	switch entry {
	case "avc1", "avc3":
		if len(sps) < 4 {
			return entry
		}
		return entry + "." + hex.EncodeToString(sps[1:4])
	}
	if len(general) < 12 {
		return entry
	}
	s := entry + "." + [4]string{"", "A", "B", "C"}[general[0]>>6] + fmt.Sprint(general[0]&0x1f)
	s += fmt.Sprintf(".%X", compatFlags(general))
	s += "." + [2]string{"L", "H"}[general[0]>>5&1] + fmt.Sprint(general[11])
	limits := general[5:11]
	for len(limits) > 0 && limits[len(limits)-1] == 0 {
		limits = limits[:len(limits)-1]
	}
	for _, c := range limits {
		s += "." + strings.ToUpper(hex.EncodeToString([]byte{c}))
	}
	return s
}

// h265General takes the 12 bytes of profile, tier, compatibility, constraints and level from
// an SPS (ITU-T H.265, 7.3.3): they follow the 2-byte NAL header and one byte of
// sps_video_parameter_set_id and sub-layer count. nil when the SPS is too short.
func h265General(sps []byte) []byte {
	raw := unescape(sps, 15)
	if len(raw) < 15 {
		return nil
	}
	return raw[3:15]
}

// unescape removes emulation prevention bytes (0x03 after two zero bytes) from the start of a
// NAL unit, until n bytes are there.
func unescape(nal []byte, n int) []byte {
	out := make([]byte, 0, n)
	zeros := 0
	for _, c := range nal {
		if len(out) == n {
			break
		}
		if zeros >= 2 && c == 3 {
			zeros = 0
			continue
		}
		if c == 0 {
			zeros++
		} else {
			zeros = 0
		}
		out = append(out, c)
	}
	return out
}

// splitNALs cuts a sample at its length prefixes; empty units are left out. The units share
// p's memory.
func splitNALs(p []byte, lengthSize int) ([][]byte, error) {
	var out [][]byte
	for pos := 0; pos < len(p); {
		if len(p)-pos < lengthSize {
			return nil, fmt.Errorf("%d bytes are left over at byte %d of the sample", len(p)-pos, pos)
		}
		n := 0
		for range lengthSize {
			n = n<<8 | int(p[pos])
			pos++
		}
		if n > len(p)-pos {
			return nil, fmt.Errorf("a NAL unit of %d bytes begins at byte %d of a sample of %d", n, pos, len(p))
		}
		if n > 0 {
			out = append(out, p[pos:pos+n:pos+n])
		}
		pos += n
	}
	return out, nil
}
