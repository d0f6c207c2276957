package rtsp

import (
	"encoding/base64"
	"net/url"
	"strings"

	"bongsu/streams"
)

// Track is one media track that a camera offers.
type Track struct {
	Media string // "video", "audio", "application", as the camera says
	Codec string // as the camera says, such as "H264" or "MPEG4-GENERIC"; "" when it does not
	Used  bool   // Bongsu reads it
	Note  string // why not, in words; "" when it is used
}

// offer is what an SDP description (RFC 8866) holds for us.
type offer struct {
	tracks []Track
	codec  streams.Codec // of the track that is used; CodecNone without one
	params [][]byte      // parameter sets, no start codes
	packed string        // why the track that would be used cannot be; "" otherwise
	clean  []byte        // a description with that track alone, safe for strict readers
}

// sdpMedia is one m= section.
type sdpMedia struct {
	kind    string
	formats []string
	rtpmap  map[string]string // payload type -> encoding name
	fmtp    map[string]string // payload type -> parameters
	control string
}

// readSDP picks the first track in H.264 or H.265 and leaves all others aside, so that a
// broken audio or metadata section harms nothing. What cannot be read is skipped: parameter
// sets may still come in band.
func readSDP(body []byte) *offer {
	head, medias := sections(string(body))
	o := &offer{}
	for _, m := range medias {
		o.consider(m, head)
	}
	return o
}

func sections(body string) (head []string, medias []*sdpMedia) {
	var m *sdpMedia
	for line := range strings.SplitSeq(body, "\n") {
		line = strings.TrimRight(line, "\r \x00")
		switch {
		case strings.HasPrefix(line, "m="):
			f := strings.Fields(line[2:])
			m = &sdpMedia{rtpmap: map[string]string{}, fmtp: map[string]string{}}
			if len(f) > 0 {
				m.kind = strings.ToLower(f[0])
			}
			if len(f) > 3 {
				m.formats = f[3:]
			}
			medias = append(medias, m)
		case m == nil && line != "":
			head = append(head, line)
		case m != nil && strings.HasPrefix(line, "a="):
			m.attribute(line[2:])
		}
	}
	return head, medias
}

func (m *sdpMedia) attribute(line string) {
	key, value, _ := strings.Cut(line, ":")
	value = strings.TrimSpace(value)
	switch key {
	case "rtpmap":
		pt, name, _ := strings.Cut(value, " ")
		name, _, _ = strings.Cut(strings.TrimSpace(name), "/")
		m.rtpmap[pt] = strings.TrimSpace(name)
	case "fmtp":
		pt, rest, _ := strings.Cut(value, " ")
		m.fmtp[pt] = rest
	case "control":
		m.control = value
	}
}

func (o *offer) consider(m *sdpMedia, head []string) {
	t := Track{Media: m.kind}
	for _, pt := range m.formats {
		name := m.rtpmap[pt]
		if t.Codec == "" {
			t.Codec = name
		}
		codec := codecNamed(name)
		if m.kind != "video" || codec == streams.CodecNone || o.codec != streams.CodecNone || !safeControl(m.control) || !digits(pt) {
			continue
		}
		t.Codec, t.Used = name, true
		o.codec = codec
		o.read(m.fmtp[pt])
		o.clean = cleanSDP(head, m, pt, codec)
		break
	}
	if !t.Used {
		t.Note = unused(t)
	}
	o.tracks = append(o.tracks, t)
}

func unused(t Track) string {
	switch {
	case t.Media == "audio":
		return "audio is never read"
	case t.Media != "video":
		return "only video is read"
	case codecNamed(t.Codec) == streams.CodecNone:
		return "only H.264 and H.265 are read: set the camera's encoder to one of them"
	}
	return "another video track is used"
}

func codecNamed(name string) streams.Codec {
	switch strings.ToUpper(name) {
	case "H264":
		return streams.H264
	case "H265", "HEVC":
		return streams.H265
	}
	return streams.CodecNone
}

// read takes the format parameters: RFC 6184 section 8.1, RFC 7798 section 7.1.
func (o *offer) read(fmtp string) {
	for part := range strings.SplitSeq(fmtp, ";") {
		key, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch strings.ToLower(strings.TrimSpace(key)) {
		case "sprop-parameter-sets", "sprop-vps", "sprop-sps", "sprop-pps":
			for set := range strings.SplitSeq(value, ",") {
				o.params = append(o.params, decodeSets(o.codec, set)...)
			}
		case "packetization-mode":
			if value = strings.TrimSpace(value); o.codec == streams.H264 && value != "" && value != "0" && value != "1" {
				o.packed = "the camera sends H.264 in interleaved mode (packetization-mode " + clip(value) + ")"
			}
		case "sprop-max-don-diff":
			if value = strings.Trim(strings.TrimSpace(value), "0"); value != "" {
				o.packed = "the camera sends H.265 out of decoding order (sprop-max-don-diff)"
			}
		}
	}
}

// decodeSets decodes one base64 field. Whatever is no parameter set is left out.
func decodeSets(codec streams.Codec, field string) [][]byte {
	raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(strings.TrimSpace(field), "="))
	if err != nil || len(raw) == 0 {
		return nil
	}
	var sets [][]byte
	for _, nal := range splitAnnexB(raw, nil) {
		if k := kindOf(codec, nal); k.vps || k.sps || k.pps {
			sets = append(sets, nal)
		}
	}
	return sets
}

// cleanSDP writes a description with one track and nothing that a strict reader stumbles on.
func cleanSDP(head []string, m *sdpMedia, pt string, codec streams.Codec) []byte {
	var b strings.Builder
	b.WriteString("v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns= \r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n")
	for _, line := range head {
		if u, ok := strings.CutPrefix(line, "a=control:"); ok && strings.HasPrefix(u, "rtsp://") && safeControl(u) {
			b.WriteString(line + "\r\n")
			break
		}
	}
	b.WriteString("m=video 0 RTP/AVP " + pt + "\r\n")
	b.WriteString("a=rtpmap:" + pt + " " + strings.ToUpper(codec.String()) + "/90000\r\n")
	if codec == streams.H264 {
		b.WriteString("a=fmtp:" + pt + " packetization-mode=1\r\n")
	}
	if m.control != "" {
		b.WriteString("a=control:" + m.control + "\r\n")
	}
	return []byte(b.String())
}

// safeControl reports whether a control address can be joined to a URL.
func safeControl(control string) bool {
	for _, c := range control {
		if c <= ' ' || c == 0x7f {
			return false
		}
	}
	if _, err := url.Parse("rtsp://camera/" + control); err != nil {
		return false
	}
	if strings.HasPrefix(control, "rtsp://") || strings.HasPrefix(control, "rtsps://") {
		u, err := url.Parse(control)
		return err == nil && u.Opaque == "" && u.Fragment == ""
	}
	return !strings.Contains(control, "#")
}

func digits(s string) bool {
	return s != "" && len(s) <= 3 && strings.Trim(s, "0123456789") == ""
}

// clip shortens what a camera sent for a sentence.
func clip(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}
