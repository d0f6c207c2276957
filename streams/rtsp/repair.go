package rtsp

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// repair makes of a camera's answer the one that gortsplib gets: nothing but what it needs,
// in the form that it reads. The lock is held. What it must not act on is not there: redirects, challenges, the
// addresses that the camera would be reached at, the way of the media.
func (w *wire) repair(r *request, m *message) (*message, error) {
	out := &message{status: m.status, text: m.text}
	w.name(m, out)
	if m.status >= 300 && m.status < 400 {
		w.s.quirk(QuirkRedirect)
	}
	if r.method == "OPTIONS" {
		w.public(m, out)
	}
	if m.status != 200 {
		if m.status > 200 && m.status < 300 {
			out.status = 200
		}
		return out, nil
	}
	switch r.method {
	case "DESCRIBE":
		w.describe(r, m, out)
	case "SETUP":
		if err := w.transport(r, m, out); err != nil {
			return nil, err
		}
	case "PLAY":
		w.info(m)
		w.plays.Store(true)
	}
	return out, nil
}

// name passes the session's name on, and the time that is left without keepalive: gortsplib
// sends one after 8/10 of it, and half of it is wanted.
func (w *wire) name(m, out *message) {
	id, params, _ := strings.Cut(m.get("Session"), ";")
	if id = strings.TrimSpace(id); id == "" {
		return
	}
	if w.session != "" && w.session != id {
		w.s.quirk(QuirkSessionChange)
	}
	w.session = id
	for p := range strings.SplitSeq(params, ";") {
		key, value, _ := strings.Cut(p, "=")
		seconds, err := strconv.Atoi(strings.TrimSpace(value))
		if !strings.EqualFold(strings.TrimSpace(key), "timeout") || err != nil || seconds <= 0 {
			continue
		}
		if seconds < 30 {
			w.s.quirkOnce(QuirkShortSession)
		}
		id += ";timeout=" + strconv.Itoa(max(1, min(seconds, 3600)*5/8))
	}
	out.set("Session", id)
}

// public passes the methods on. Not every camera knows OPTIONS; what follows will show.
func (w *wire) public(m, out *message) {
	if m.status != 401 {
		out.status, out.text = 200, "OK"
	}
	if list := strings.Join(m.all("Public"), ","); strings.Contains(strings.ToUpper(list), "GET_PARAMETER") {
		out.set("Public", "GET_PARAMETER")
	}
}

// describe passes on a description with the one track that is used, and its addresses.
func (w *wire) describe(r *request, m, out *message) {
	kind, _, _ := strings.Cut(m.get("Content-Type"), ";")
	if kind = strings.TrimSpace(kind); kind == "" {
		w.s.quirkOnce(QuirkNoContentType)
	} else if !strings.EqualFold(kind, "application/sdp") {
		return
	}
	if len(m.body) == 0 {
		return
	}
	o := readSDP(m.body)
	asked, err := url.Parse(r.url)
	if err != nil {
		return
	}
	base := m.get("Content-Base")
	if base == "" {
		base = m.get("Content-Location")
	}
	var at addresses
	at.join(asked, base, o.session, o.control)
	var others []string
	if w.s.o.AllTracks {
		for _, c := range o.others {
			var other addresses
			other.join(asked, base, o.session, c)
			others = append(others, other.media)
		}
	}
	if at.odd {
		o.quirks.once(QuirkOddBaseURL)
	}
	if at.foreign {
		o.quirks.once(QuirkForeignHost)
	}
	w.s.offers(o)
	w.base = at.base
	out.set("Content-Type", "application/sdp")
	out.set("Content-Base", at.base)
	out.body = o.clean(at.media, others)
	out.set("Content-Length", strconv.Itoa(len(out.body)))
}

// transport reads on which way the media come, and tells gortsplib of channels.
func (w *wire) transport(r *request, m, out *message) error {
	t, odd := readTransport(m.get("Transport"))
	if odd {
		w.s.quirkOnce(QuirkOddTransport)
	}
	first := r.track == 0
	w.mediaSet++
	if w.s.o.Transport == UDP {
		if t.tcp {
			return fmt.Errorf("%w: it insists on TCP", errTransport)
		}
		if first {
			if err := w.media.from(t); err != nil {
				return err
			}
		}
	} else {
		if t.udp {
			return fmt.Errorf("%w: it insists on UDP", errTransport)
		}
		if t.channels[0] < 0 { // not told: those that were asked for
			t.channels = [2]int{2 * r.track, 2*r.track + 1}
		}
		kinds := [2]channel{channelRTP, channelRTCP}
		if !first {
			kinds = [2]channel{channelOther, channelOther}
		}
		for i, c := range t.channels {
			if c >= 0 && c < 256 && w.channels[byte(c)] == channelNone {
				w.channels[byte(c)] = kinds[i]
			}
		}
	}
	if first {
		w.s.announced(t.ssrc)
	}
	out.set("Transport", fmt.Sprintf("RTP/AVP/TCP;unicast;interleaved=%d-%d", 2*r.track, 2*r.track+1))
	return nil
}

// info looks at RTP-Info, which is a hint that nothing depends on.
func (w *wire) info(m *message) {
	v := m.get("RTP-Info")
	if v == "" {
		return
	}
	odd := strings.HasSuffix(v, ";") || !strings.Contains(v, "url=")
	for p := range strings.SplitSeq(strings.ReplaceAll(v, ",", ";"), ";") {
		key, value, _ := strings.Cut(strings.TrimSpace(p), "=")
		n, err := strconv.ParseUint(value, 10, 32)
		switch key {
		case "url":
		case "seq":
			odd = odd || err != nil || n > 65535 || n <= 1
		case "rtptime":
			odd = odd || err != nil
		default:
			odd = true
		}
	}
	if odd {
		w.s.quirkOnce(QuirkOddRTPInfo)
	}
}

// transportAnswer is what a Transport header says: RFC 2326, section 12.39.
type transportAnswer struct {
	tcp, udp    bool
	channels    [2]int // -1 = not told
	serverPorts [2]int // 0 = not told
	source      string
	ssrc        *uint32
}

// readTransport reads a Transport header in whatever order and shape.
func readTransport(v string) (t transportAnswer, odd bool) {
	t.channels = [2]int{-1, -1}
	first, rest, several := strings.Cut(v, ",") // several: the first is meant
	odd = several && strings.TrimSpace(rest) != "" || v == ""
	for i, p := range strings.Split(first, ";") {
		p = strings.TrimSpace(p)
		key, value, _ := strings.Cut(p, "=")
		switch strings.ToLower(strings.TrimSpace(key)) {
		case "rtp/avp/tcp":
			t.tcp = true
			odd = odd || i > 0
		case "rtp/avp", "rtp/avp/udp":
			t.udp = true
			odd = odd || i > 0
		case "interleaved":
			t.channels, odd = pair(value, odd)
		case "server_port":
			t.serverPorts, odd = pair(value, odd)
		case "source":
			t.source = strings.TrimSpace(value)
		case "ssrc":
			odd = odd || strings.TrimSpace(value) != value || len(value) != 8
			if n, err := strconv.ParseUint(strings.TrimSpace(value), 16, 32); err == nil {
				id := uint32(n)
				t.ssrc = &id
			} else {
				odd = true
			}
		case "unicast", "client_port", "mode", "destination", "ttl", "port", "":
			odd = odd || p == "" && i == 0
		default:
			odd = true
		}
	}
	if t.channels[0] >= 0 {
		t.tcp, t.udp = true, false // some write RTP/AVP beside channels
	}
	return t, odd
}

// pair reads "a-b", or "a" for a and the number after it.
func pair(v string, odd bool) ([2]int, bool) {
	a, b, two := strings.Cut(strings.TrimSpace(v), "-")
	low, err := strconv.Atoi(strings.TrimSpace(a))
	if err != nil || low < 0 || low > 65534 {
		return [2]int{-1, -1}, true
	}
	high, err := strconv.Atoi(strings.TrimSpace(b))
	if !two || err != nil || high < 0 || high > 65535 {
		return [2]int{low, low + 1}, true
	}
	return [2]int{low, high}, odd || high != low+1
}
