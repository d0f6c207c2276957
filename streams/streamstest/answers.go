package streamstest

import (
	"crypto/md5" //nolint:gosec // RFC 2617
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"bongsu/streams"
)

// rtspAnswer is an answer in the making.
type rtspAnswer struct {
	status string
	head   []string // whole lines
	body   string
}

func (a *rtspAnswer) set(line string) {
	name, _, _ := strings.Cut(line, ":")
	a.omit(name)
	a.head = append(a.head, line)
}

func (a *rtspAnswer) omit(name string) {
	a.head = slices.DeleteFunc(a.head, func(l string) bool {
		n, _, _ := strings.Cut(l, ":")
		return strings.EqualFold(n, name)
	})
}

func (a *rtspAnswer) text() string {
	if a.body != "" && !slices.ContainsFunc(a.head, func(l string) bool { return strings.HasPrefix(l, "Content-Length") }) {
		a.set("Content-Length: " + strconv.Itoa(len(a.body)))
	}
	out := "RTSP/1.0 " + a.status + "\r\n"
	for _, l := range a.head {
		out += l + "\r\n"
	}
	return out + "\r\n" + a.body
}

// answer deals with one request. It reports false when the connection is to end.
func (k *cameraConn) answer(q *rtspRequest) bool {
	own, n := k.camera.note(q, k.playing)
	a := &rtspAnswer{status: "200 OK", head: []string{"CSeq: " + q.head["cseq"]}}
	granted := own != nil && own.Status != "" || k.camera.permits(q, a)
	if granted && (own == nil || own.Status == "" || strings.HasPrefix(own.Status, "200")) {
		k.usual(q, a)
	}
	text := a.text()
	if own != nil {
		if own.Never {
			return true
		}
		if own.Frames > 0 {
			k.prepare()
			k.sendMedia(own.Frames)
		}
		text = unquote(own.Before) + k.altered(a, own) + unquote(own.After)
	}
	ends := q.method == "TEARDOWN" && strings.HasPrefix(a.status, "200")
	if ends { // before anybody can know
		k.camera.release(k)
	}
	if _, err := k.write([]byte(k.filled(text, q, n))); err != nil || own != nil && own.Close {
		return false
	}
	if ends {
		return false
	}
	if q.method == "PLAY" && strings.HasPrefix(a.status, "200") && !k.playing {
		k.play()
	}
	return true
}

// altered applies what a script says about one answer.
func (k *cameraConn) altered(a *rtspAnswer, own *Answer) string {
	if own.Raw != "" {
		return unquote(own.Raw)
	}
	if own.Status != "" {
		a.status = own.Status
	}
	for _, l := range own.Set {
		a.set(l)
	}
	for _, name := range own.Omit {
		a.omit(name)
	}
	out := a.text()
	if strings.HasSuffix(own.Status, " ") || own.Status != "" && !strings.Contains(own.Status, " ") {
		out = strings.Replace(out, "RTSP/1.0 "+own.Status+"\r\n", "RTSP/1.0 "+strings.TrimSpace(own.Status)+"\r\n", 1)
	}
	return out
}

// filled puts what only the running camera knows into a text.
func (k *cameraConn) filled(text string, q *rtspRequest, n int) string {
	if !strings.Contains(text, "{{") {
		return text
	}
	host := k.camera.l.Addr().String()
	return strings.NewReplacer("{{cseq}}", q.head["cseq"], "{{session}}", k.session, "{{url}}", k.camera.URL(),
		"{{host}}", host, "{{method}}", q.method, "{{n}}", strconv.Itoa(n), "{{nonce}}", k.camera.currentNonce(),
		"{{channels}}", fmt.Sprintf("%d-%d", k.channels[0], k.channels[1])).Replace(text)
}

// usual is what an ordinary camera answers.
func (k *cameraConn) usual(q *rtspRequest, a *rtspAnswer) {
	switch q.method {
	case "OPTIONS":
		a.set("Public: OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER, TEARDOWN")
	case "DESCRIBE":
		a.set("Content-Type: application/sdp")
		a.set("Content-Base: " + k.camera.URL() + "/")
		a.body = k.camera.description()
	case "SETUP":
		k.setup(q, a)
		return
	case "PLAY":
		a.set(fmt.Sprintf("RTP-Info: url=%s/trackID=1;seq=%d;rtptime=%d", k.camera.URL(), firstSequence, k.camera.script.Media.Start))
	}
	if k.session != "" {
		a.set("Session: " + k.session)
	}
}

func (k *cameraConn) setup(q *rtspRequest, a *rtspAnswer) {
	if !k.camera.take(k) {
		a.status = "453 Not Enough Bandwidth"
		if r := k.camera.script.Sessions.Refusal; r != "" {
			a.status = r
		}
		return
	}
	session := "Session: " + k.session
	if t := k.camera.script.Sessions.Timeout; t > 0 {
		session += ";timeout=" + strconv.Itoa(int(t.Seconds()))
	}
	a.set(session)
	n := len(k.tracks)
	k.tracks[n] = true
	if asked := q.head["transport"]; !strings.Contains(asked, "interleaved=") {
		k.setupUDP(n, asked, a)
		return
	}
	channels := [2]int{2 * n, 2*n + 1}
	if n == 0 {
		k.channels = channels
	}
	a.set(fmt.Sprintf("Transport: RTP/AVP/TCP;unicast;interleaved=%d-%d;ssrc=%08X", channels[0], channels[1], k.ssrc()))
}

func (k *cameraConn) ssrc() uint32 {
	if s := k.camera.script.Media.SSRC; s != nil {
		return *s
	}
	return 0x1234abcd
}

func (k *cameraConn) setupUDP(n int, asked string, a *rtspAnswer) {
	_, ports, _ := strings.Cut(asked, "client_port=")
	low, _, _ := strings.Cut(ports, "-")
	port, err := strconv.Atoi(low)
	if n == 0 {
		if err == nil {
			k.udp, err = openUDP(k.conn, port, k.camera.script.Media.FromPort)
		}
		if err != nil {
			a.status = "461 Unsupported Transport"
			return
		}
	}
	a.set(fmt.Sprintf("Transport: RTP/AVP;unicast;client_port=%s;server_port=%s;ssrc=%08X", ports, k.udp.ports(), k.ssrc()))
}

// description is the SDP.
func (c *Camera) description() string {
	sets := &streams.Params{Codec: c.script.Video.codec()}
	if units := c.described(); len(units) > 0 {
		sets = units[0].Params
	}
	b64 := base64.StdEncoding.EncodeToString
	sprop := "sprop-parameter-sets=" + b64(sets.SPS) + "," + b64(sets.PPS)
	fmtp := "packetization-mode=1; " + sprop
	if sets.Codec == streams.H265 {
		sprop = "sprop-vps=" + b64(sets.VPS) + "; sprop-sps=" + b64(sets.SPS) + "; sprop-pps=" + b64(sets.PPS)
		fmtp = sprop
	}
	if c.script.Media.NoSprop {
		fmtp = "packetization-mode=1"
	}
	text := c.script.SDP
	if p := c.o.Published; p != nil {
		text = p.SDP
	}
	if text == "" {
		text = "v=0\no=- 1 1 IN IP4 127.0.0.1\ns=Camera\nc=IN IP4 0.0.0.0\nt=0 0\na=control:*\n" +
			"m=video 0 RTP/AVP 96\na=rtpmap:96 {{codec}}/90000\na=fmtp:96 {{fmtp}}\na=control:trackID=1\n"
	}
	text = strings.NewReplacer("{{codec}}", strings.ToUpper(sets.Codec.String()), "{{fmtp}}", fmtp, "{{sprop}}", sprop,
		"{{sps}}", b64(sets.SPS), "{{pps}}", b64(sets.PPS), "{{url}}", c.URL(), "{{host}}", c.l.Addr().String(),
		"{{annexb-sps}}", b64(append([]byte{0, 0, 0, 1}, sets.SPS...))).Replace(text)
	return strings.ReplaceAll(text, "\n", "\r\n")
}

var authField = regexp.MustCompile(`(\w+)=("((?:[^"\\]|\\.)*)"|[^,\s]*)`)

// permits checks the login of a request, and asks for one where it is not right.
func (c *Camera) permits(q *rtspRequest, a *rtspAnswer) bool {
	l := c.script.Login
	if l == nil {
		return true
	}
	auth := q.head["authorization"]
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.nonce == "" {
		c.renew()
	}
	scheme, rest, _ := strings.Cut(auth, " ")
	if strings.EqualFold(scheme, "basic") {
		raw, _ := base64.StdEncoding.DecodeString(strings.TrimSpace(rest))
		c.passwords = append(c.passwords, string(raw))
		if string(raw) == l.User+":"+l.Password {
			return true
		}
	}
	stale := ""
	if strings.EqualFold(scheme, "digest") && l.fits(rest, q.method, c.nonce) {
		if c.uses++; l.NonceUses == 0 || c.uses <= l.NonceUses {
			return true
		}
		c.renew()
		if l.Stale {
			stale = ", stale=true"
		}
	}
	a.status = "401 Unauthorized"
	if len(l.Challenges) == 0 {
		line := `WWW-Authenticate: Digest realm="camera", nonce="` + c.nonce + `"` + stale
		if l.Algorithm != "" {
			line += ", algorithm=" + l.Algorithm
		}
		a.head = append(a.head, line)
	}
	for _, v := range l.Challenges {
		a.head = append(a.head, "WWW-Authenticate: "+strings.ReplaceAll(v, "{{nonce}}", c.nonce))
	}
	return false
}

// renew makes another nonce. The lock is held.
func (c *Camera) renew() {
	c.nonces++
	c.nonce, c.uses = fmt.Sprintf("nonce%04d", c.nonces), 0
}

func (c *Camera) currentNonce() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.nonce
}

// fits checks a digest: RFC 7616, section 3.4.1.
func (l *Login) fits(fields, method, nonce string) bool {
	f := map[string]string{}
	for _, m := range authField.FindAllStringSubmatch(fields, -1) {
		f[m[1]] = strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(strings.Trim(m[2], `"`))
	}
	h := func(s string) string { sum := md5.Sum([]byte(s)); return hex.EncodeToString(sum[:]) } //nolint:gosec // as above
	if strings.HasPrefix(strings.ToUpper(f["algorithm"]), "SHA-256") {
		h = func(s string) string { sum := sha256.Sum256([]byte(s)); return hex.EncodeToString(sum[:]) }
	}
	secret := h(l.User + ":" + f["realm"] + ":" + l.Password)
	if strings.HasSuffix(strings.ToLower(f["algorithm"]), "-sess") {
		secret = h(secret + ":" + f["nonce"] + ":" + f["cnonce"])
	}
	want := h(secret + ":" + f["nonce"] + ":" + h(method+":"+f["uri"]))
	if f["qop"] != "" {
		want = h(strings.Join([]string{secret, f["nonce"], f["nc"], f["cnonce"], f["qop"], h(method + ":" + f["uri"])}, ":"))
	}
	return f["username"] == l.User && f["nonce"] == nonce && f["response"] == want
}
