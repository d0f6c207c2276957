package rtsp

import (
	"bytes"
	"encoding/base64"
	"net/url"
	"strconv"
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
	tracks  []Track
	codec   streams.Codec // of the track that is used; CodecNone without one
	payload uint8         // its RTP payload type
	params  [][]byte      // parameter sets, no start codes
	packed  string        // why the track that would be used cannot be; "" otherwise
	fps     float64       // declared by a=framerate; 0 when it is not
	quirks  QuirkCounts

	session string   // control address of the session
	control string   // of the track that is used
	others  []string // of all other tracks that have one
}

// sdpMedia is one m= section.
type sdpMedia struct {
	kind    string
	profile string // such as RTP/AVP
	formats []string
	rtpmap  map[string]string // payload type -> encoding name
	fmtp    map[string]string // payload type -> parameters
	control string
	fps     float64
	odd     bool
}

// readSDP picks the first track in H.264 or H.265 and leaves all others aside, so that a
// broken audio or metadata section harms nothing. What cannot be read is skipped: parameter
// sets may still come in band.
func readSDP(body []byte) *offer {
	head, medias := sections(string(body))
	o := &offer{}
	o.head(head)
	for _, m := range medias {
		o.consider(m)
	}
	return o
}

func sections(body string) (head []string, medias []*sdpMedia) {
	var m *sdpMedia
	for line := range strings.SplitSeq(body, "\n") {
		line = strings.TrimRight(line, "\r\x00")
		switch {
		case strings.HasPrefix(line, "m="):
			m = newMedia(line[2:])
			medias = append(medias, m)
		case m == nil && line != "":
			head = append(head, line)
		case m != nil && strings.HasPrefix(line, "a="):
			m.attribute(line[2:])
		}
	}
	return head, medias
}

func newMedia(line string) *sdpMedia {
	f := strings.Fields(line)
	m := &sdpMedia{rtpmap: map[string]string{}, fmtp: map[string]string{}, odd: len(f) < 4}
	if len(f) > 0 {
		m.kind = strings.ToLower(f[0])
	}
	if len(f) > 3 {
		m.profile, m.formats = strings.ToUpper(f[2]), f[3:]
	}
	return m
}

// head reads the lines before the first track.
func (o *offer) head(lines []string) {
	var version, origin, name bool
	odd := false
	for _, line := range lines {
		key, value, _ := strings.Cut(line, "=")
		f := strings.Fields(value)
		switch key {
		case "v":
			version = true
		case "o":
			origin = true
			odd = odd || len(f) != 6 || strings.Trim(f[1]+f[2], "0123456789") != ""
		case "s":
			name = true
		case "c":
			odd = odd || len(f) != 3
		case "t":
			odd = odd || len(f) != 2 || strings.Trim(f[0]+f[1], "0123456789") != ""
		case "a":
			if u, ok := strings.CutPrefix(value, "control:"); ok && o.session == "" && safeControl(strings.TrimSpace(u)) {
				o.session = strings.TrimSpace(u)
			}
		}
	}
	if odd || !version || !origin || !name {
		o.quirks.once(QuirkOddSDP)
	}
}

func (m *sdpMedia) attribute(line string) {
	key, value, _ := strings.Cut(line, ":")
	trimmed := strings.TrimSpace(value)
	switch key {
	case "rtpmap":
		m.odd = m.odd || trimmed != value
		pt, name, _ := strings.Cut(trimmed, " ")
		name, rate, _ := strings.Cut(strings.TrimSpace(name), "/")
		m.odd = m.odd || rate == ""
		m.rtpmap[pt] = strings.TrimSpace(name)
	case "fmtp":
		pt, rest, _ := strings.Cut(trimmed, " ")
		m.odd = m.odd || strings.TrimSpace(rest) == ""
		m.fmtp[pt] = rest
	case "control":
		m.control = trimmed
	case "framerate":
		if v, err := strconv.ParseFloat(trimmed, 64); err == nil {
			m.fps = sane(v)
		}
	}
}

func (o *offer) consider(m *sdpMedia) {
	t := Track{Media: m.kind}
	secure := strings.Contains(m.profile, "SAVP")
	for _, pt := range m.formats {
		name := m.rtpmap[pt]
		if t.Codec == "" {
			t.Codec = name
		}
		codec := codecNamed(name)
		if m.kind != "video" || codec == streams.CodecNone || o.codec != streams.CodecNone || secure || !safeControl(m.control) || !digits(pt) {
			continue
		}
		number, _ := strconv.Atoi(pt)
		t.Codec, t.Used = name, true
		o.codec, o.payload, o.control, o.fps = codec, uint8(number), m.control, m.fps
		m.odd = m.odd || number < 35 // a static type of another codec
		o.read(m.fmtp[pt])
		o.sprop()
		break
	}
	o.note(m, secure)
	if !t.Used {
		t.Note = unused(t)
		if secure {
			t.Note = "encrypted media (SRTP) are not read"
		}
		if m.control != "" && safeControl(m.control) && !secure {
			o.others = append(o.others, m.control)
		}
	}
	o.tracks = append(o.tracks, t)
}

// note counts what is odd about one track.
func (o *offer) note(m *sdpMedia, secure bool) {
	switch {
	case secure:
		o.quirks.once(QuirkSecureProfile)
	case m.odd || !safeControl(m.control):
		o.quirks[QuirkOddTrack]++
	}
	if m.kind != "audio" && m.kind != "video" {
		o.quirks[QuirkExtraTrack]++
	}
}

// sprop judges the parameter sets of the description as a whole.
func (o *offer) sprop() {
	have := streams.Params{Codec: o.codec}
	for _, set := range o.params {
		switch k := kindOf(o.codec, set); {
		case k.vps:
			have.VPS = set
		case k.sps:
			have.SPS = set
		case k.pps:
			have.PPS = set
		}
	}
	if len(o.params) == 0 {
		o.quirks.once(QuirkNoSprop)
	} else if !have.Complete() {
		o.quirks.once(QuirkSpropIncomplete)
	}
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
				o.params = append(o.params, o.decodeSets(set)...)
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
func (o *offer) decodeSets(text string) [][]byte {
	text = strings.TrimRight(strings.TrimSpace(text), "=")
	if text == "" {
		return nil
	}
	raw, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil || len(raw) == 0 {
		o.quirks[QuirkSpropInvalid]++
		return nil
	}
	if bytes.Contains(raw, startCode) {
		o.quirks[QuirkSpropAnnexB]++
	}
	var sets [][]byte
	for _, nal := range splitAnnexB(raw, nil) {
		k := kindOf(o.codec, nal)
		if k.sps && !readSPS(o.codec, nal).known {
			o.quirks[QuirkSpropInvalid]++ // a decoder may still know what to do with it
		}
		if k.vps || k.sps || k.pps {
			sets = append(sets, nal)
		} else {
			o.quirks[QuirkSpropInvalid]++
		}
	}
	return sets
}

// clean writes a description that holds the used track at the address at, and others that are
// set up and not listened to, and nothing that a strict reader stumbles on.
func (o *offer) clean(at string, others []string) []byte {
	var b strings.Builder
	b.WriteString("v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns= \r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n")
	b.WriteString("m=video 0 RTP/AVP 96\r\na=rtpmap:96 " + strings.ToUpper(o.codec.String()) + "/90000\r\n")
	if o.codec == streams.H264 {
		b.WriteString("a=fmtp:96 packetization-mode=1\r\n")
	}
	b.WriteString("a=control:" + at + "\r\n")
	for _, other := range others {
		b.WriteString("m=application 0 RTP/AVP 97\r\na=rtpmap:97 private/90000\r\na=control:" + other + "\r\n")
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
	for absolute(control) {
		_, control, _ = strings.Cut(control, "://")
	}
	_, err := url.Parse("rtsp://camera/" + control)
	return err == nil && !strings.Contains(control, "#")
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
