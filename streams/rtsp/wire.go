package rtsp

import (
	"bufio"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// wire stands between a camera and gortsplib. gortsplib decides what to ask, and when; wire
// logs in, repairs what cameras answer so that a strict reader takes it, answers what cameras
// ask, and takes the media packets off, which gortsplib never sees: it would drop some that
// can be used. Over UDP gortsplib believes that media come over TCP.
type wire struct {
	net.Conn
	s *Source

	// owned by Read
	br       *bufio.Reader
	out      []byte // for gortsplib
	skipping bool   // what came belongs to nothing
	channels map[byte]channel
	early    map[uint32]bool // senders that were there before this session
	others   bool            // another one came since

	mu       sync.Mutex // guards what follows, and writes to the camera
	session  string     // its name, last seen
	base     string     // its address
	leaving  bool       // TEARDOWN was sent
	seq      int        // of the last request
	asked    map[int]*request
	login    *challenge
	answers  int  // to this challenge
	accepted bool // it was answered well
	quiet    int  // keepalives without answer
	avoid    map[string]bool
	media    *datagrams
	mediaSet int // tracks set up

	asks     atomic.Bool   // PLAY was sent
	plays    atomic.Bool   // PLAY was answered
	left     chan struct{} // closed when TEARDOWN was answered, or nothing will be
	leftOnce sync.Once
}

// channel says what comes on an interleaved channel.
type channel uint8

const (
	channelNone channel = iota
	channelRTP
	channelRTCP
	channelOther // of a track that is not listened to
)

// request is one request on its way.
type request struct {
	message
	number    string // CSeq that gortsplib gave it
	keepalive bool
	tried     []string // nonces that were answered
	track     int      // of SETUP
}

// leaveWithin is how long the end of a session waits for the answer to TEARDOWN: a camera
// whose connection is cut instead may keep the session, and have none left for the next.
const leaveWithin = 500 * time.Millisecond

func newWire(s *Source, conn net.Conn) *wire {
	return &wire{
		Conn: conn, s: s, br: bufio.NewReaderSize(conn, 64<<10),
		channels: map[byte]channel{}, early: map[uint32]bool{},
		asked: map[int]*request{}, avoid: map[string]bool{}, left: make(chan struct{}),
	}
}

// Close closes the connection, after the answer to TEARDOWN when there was a session.
func (w *wire) Close() error {
	w.leave()
	err := w.Conn.Close()
	w.mu.Lock()
	d := w.media
	w.media = nil
	w.mu.Unlock()
	if d != nil {
		d.close()
	}
	return err
}

// leave waits for the answer to TEARDOWN. Where gortsplib sent none, because it never got the
// answer that began the session, it is sent here.
func (w *wire) leave() {
	w.mu.Lock()
	late := w.session != "" && !w.leaving
	if late {
		w.leaving = true
		r := &request{message: message{method: "TEARDOWN", url: w.base, fields: []field{{"Session", w.session}}}}
		late = w.send(r) == nil
	}
	waits := w.leaving
	w.mu.Unlock()
	if !waits {
		return
	}
	limit := time.NewTimer(leaveWithin)
	defer limit.Stop()
	select {
	case <-w.left: // answered, or nobody reads any more
	case <-limit.C:
		return
	}
	if late {
		w.SetReadDeadline(time.Now().Add(leaveWithin)) //nolint:errcheck // it is closed then
		io.Copy(io.Discard, w.Conn)                    //nolint:errcheck // as above
	}
}

// Read gives gortsplib the next bytes: answers alone, repaired.
func (w *wire) Read(p []byte) (int, error) {
	for len(w.out) == 0 {
		if err := w.next(); err != nil {
			w.leftOnce.Do(func() { close(w.left) })
			w.mu.Lock()
			d := w.media
			w.mu.Unlock()
			if d != nil {
				d.finish()
			}
			return 0, err
		}
	}
	n := copy(p, w.out)
	w.out = w.out[n:]
	return n, nil
}

// next takes one thing off the connection.
func (w *wire) next() error {
	head, err := w.br.Peek(1)
	if err != nil {
		return err
	}
	switch b := head[0]; {
	case b == '$' && w.framed():
		w.skipping = false
		return w.frame()
	case b == 'R' && w.begins("RTSP/"):
		w.skipping = false
		m, err := readMessage(w.br)
		if err != nil {
			return err
		}
		return w.answered(m)
	case b >= 'A' && b <= 'Z' && w.isRequest():
		w.skipping = false
		m, err := readMessage(w.br)
		if err != nil {
			return err
		}
		return w.ask(m)
	}
	if _, err := w.br.Discard(1); err != nil {
		return err
	}
	if !w.skipping && head[0] != '\r' && head[0] != '\n' || !w.skipping && w.plays.Load() {
		w.s.quirk(QuirkJunkBytes)
	}
	w.skipping = true
	return nil
}

// framed reports whether the '$' that comes begins a frame. After junk it must look like one
// of a channel that is known.
func (w *wire) framed() bool {
	if !w.skipping {
		return true
	}
	b, err := w.br.Peek(5)
	return err == nil && w.channels[b[1]] != channelNone && b[4]>>6 == 2
}

func (w *wire) begins(word string) bool {
	b, err := w.br.Peek(len(word))
	return err == nil && string(b) == word
}

// methods are those that a camera might send.
var methods = []string{"OPTIONS ", "GET_PARAMETER ", "SET_PARAMETER ", "ANNOUNCE ", "REDIRECT ", "TEARDOWN ", "DESCRIBE ", "SETUP ", "PLAY ", "PAUSE ", "RECORD "}

func (w *wire) isRequest() bool {
	for _, m := range methods {
		if w.begins(m) {
			return true
		}
	}
	return false
}

// frame takes one interleaved packet.
func (w *wire) frame() error {
	var head [4]byte
	if _, err := io.ReadFull(w.br, head[:]); err != nil {
		return err
	}
	payload := make([]byte, int(head[2])<<8|int(head[3]))
	if _, err := io.ReadFull(w.br, payload); err != nil {
		return err
	}
	kind := w.channels[head[1]]
	if !w.asks.Load() { // of a session that should be over
		w.s.quirk(QuirkStaleData)
		if len(payload) >= 12 && kind != channelRTCP && len(w.early) < maxEarly {
			w.early[ssrcOf(payload)] = true
		}
		return nil
	}
	if !w.plays.Load() {
		w.s.quirk(QuirkEarlyRTP)
	}
	switch kind {
	case channelRTP:
		if len(w.early) > 0 && len(payload) >= 12 && w.stale(ssrcOf(payload)) {
			return nil
		}
		w.s.rtp(payload, w.s.o.Now())
	case channelRTCP:
		w.s.rtcp(payload)
	case channelNone:
		w.s.quirk(QuirkUnknownChannel)
	}
	return nil
}

// stale reports whether a packet is of a sender that was there before this session, while
// another is there too. A camera that began to send too early is used.
func (w *wire) stale(ssrc uint32) bool {
	if !w.early[ssrc] {
		w.others = true
		return false
	}
	if w.others {
		w.s.quirk(QuirkStaleData)
	}
	return w.others
}

// maxEarly bounds the senders of former sessions that are known apart: a camera may have a few.
const maxEarly = 16

func ssrcOf(payload []byte) uint32 {
	return uint32(payload[8])<<24 | uint32(payload[9])<<16 | uint32(payload[10])<<8 | uint32(payload[11])
}

// ask answers a request of the camera's. What it announces or where it sends is not followed.
func (w *wire) ask(m *message) error {
	w.s.quirk(QuirkCameraRequest)
	answer := &message{status: 200, text: "OK"}
	switch m.method {
	case "OPTIONS", "GET_PARAMETER", "SET_PARAMETER", "TEARDOWN":
	case "REDIRECT":
		w.s.quirk(QuirkRedirect)
		answer.status, answer.text = 501, "Not Implemented"
	default:
		answer.status, answer.text = 501, "Not Implemented"
	}
	for _, name := range []string{"CSeq", "Session"} {
		if v := m.get(name); v != "" {
			answer.set(name, v)
		}
	}
	w.mu.Lock()
	err := w.put(answer.marshal())
	w.mu.Unlock()
	if err == nil && m.method == "TEARDOWN" {
		err = io.EOF
	}
	return err
}

// Write takes one request from gortsplib.
func (w *wire) Write(p []byte) (int, error) {
	m, err := readMessage(bufio.NewReader(strings.NewReader(string(p))))
	if err != nil || m.method == "" {
		return len(p), nil // it has nothing else to say
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	r := &request{message: *m, number: m.get("CSeq"), track: w.mediaSet}
	r.keepalive = w.plays.Load() && (m.method == "OPTIONS" || m.method == "GET_PARAMETER")
	switch r.method {
	case "SETUP":
		if err := w.prepare(r); err != nil {
			return 0, err
		}
	case "PLAY":
		w.asks.Store(true)
		if w.media != nil {
			w.media.punch()
		}
	case "TEARDOWN":
		w.leaving = true
	}
	if r.keepalive {
		w.alive(r)
	}
	if err := w.send(r); err != nil {
		return 0, err
	}
	return len(p), nil
}

// prepare makes a SETUP ask for datagrams, when they are wanted.
func (w *wire) prepare(r *request) error {
	if w.s.o.Transport != UDP {
		return nil
	}
	if r.track > 0 { // a track that is not listened to: its packets go nowhere
		r.set("Transport", "RTP/AVP/UDP;unicast;client_port="+w.media.ports())
		return nil
	}
	d, err := listenDatagrams(w.s, w.Conn)
	if err != nil {
		return err
	}
	w.media = d
	r.set("Transport", "RTP/AVP;unicast;client_port="+d.ports())
	return nil
}

// alive picks the method of a keepalive: what the camera listed, and never what it refused.
func (w *wire) alive(r *request) {
	if w.quiet > 0 {
		w.s.quirk(QuirkKeepaliveUnanswered)
	}
	w.quiet++
	for _, m := range append([]string{r.method}, keepalives...) {
		if !w.avoid[m] {
			r.method = m
			return
		}
	}
}

// keepalives are the methods that keep a session, in the order in which they are tried.
var keepalives = []string{"GET_PARAMETER", "OPTIONS", "SET_PARAMETER"}

// send writes r with a number of its own, and with a login when the camera asked for one.
func (w *wire) send(r *request) error {
	w.seq++
	r.set("CSeq", strconv.Itoa(w.seq))
	r.drop("Authorization")
	if c := w.login; c != nil && w.s.o.Username != "" {
		w.answers++
		r.tried = append(r.tried, c.nonce)
		r.set("Authorization", c.authorization(r.method, r.url, w.s.o.Username, w.s.o.Password, w.answers))
	}
	if len(w.asked) > maxAsked { // a camera that answers nothing
		clear(w.asked)
	}
	w.asked[w.seq] = r
	return w.put(r.marshal())
}

// put writes to the camera. The limit that gortsplib set for its own last request has passed
// when something is answered in between. The lock is held.
func (w *wire) put(b []byte) error {
	if err := w.SetWriteDeadline(time.Now().Add(writeWithin)); err != nil {
		return err
	}
	_, err := w.Conn.Write(b)
	return err
}

// writeWithin is how long the camera may refuse to take what is written.
const writeWithin = 5 * time.Second

// maxAsked bounds the requests whose answer is waited for.
const maxAsked = 64

// answered deals with an answer of the camera's.
func (w *wire) answered(m *message) error {
	if m.odd {
		w.s.quirk(QuirkOddStatusLine)
	}
	r := w.match(m)
	if r == nil {
		w.s.quirk(QuirkStrayAnswer)
		return nil
	}
	if m.status == 401 {
		again, err := w.authenticate(r, m)
		if again || err != nil {
			return err
		}
	} else if m.status < 300 {
		w.s.loggedIn(w.grants(r))
	}
	switch {
	case r.method == "TEARDOWN":
		w.leftOnce.Do(func() { close(w.left) })
		return nil
	case r.keepalive:
		return w.kept(r, m)
	}
	w.mu.Lock()
	out, err := w.repair(r, m)
	w.mu.Unlock()
	if err != nil {
		return err
	}
	out.set("CSeq", r.number)
	out.bound()
	w.out = out.marshal()
	return nil
}

// grants notes that the camera granted r. It reports whether by digest.
func (w *wire) grants(r *request) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.accepted = w.accepted || len(r.tried) > 0
	return w.login != nil && !w.login.basic
}

// match finds the request that m answers, nil for a stray answer.
func (w *wire) match(m *message) *request {
	w.mu.Lock()
	defer w.mu.Unlock()
	number, err := strconv.Atoi(m.get("CSeq"))
	r := w.asked[number]
	if r == nil && (err != nil || number <= 0 || number > w.seq) {
		// The number is missing or cannot be: it answers what waits, keepalives last.
		for n, waiting := range w.asked {
			if r == nil || r.keepalive && !waiting.keepalive {
				number, r = n, waiting
			}
		}
		w.s.quirk(QuirkOddCSeq)
	}
	delete(w.asked, number)
	return r
}

// authenticate answers a 401 by asking again with a login. It reports whether it did.
func (w *wire) authenticate(r *request, m *message) (again bool, err error) {
	known, odd := readChallenges(m.all("WWW-Authenticate"))
	w.mu.Lock()
	defer w.mu.Unlock()
	best := strongest(known, w.s.o.AllowBasic || w.s.tls != nil) // behind TLS nobody can read it
	w.s.challenged(known, best, odd, len(r.tried) == 0)
	if best == nil || w.s.o.Username == "" || len(r.tried) > 2 {
		return false, nil
	}
	for _, nonce := range r.tried {
		if nonce == best.nonce {
			return false, nil
		}
	}
	if len(r.tried) > 0 && !best.stale && !w.accepted {
		return false, nil // a new nonce for a wrong password
	}
	if w.login != nil && len(r.tried) > 0 {
		w.s.quirk(QuirkNonceRenewed)
	}
	w.login, w.answers = best, 0
	return true, w.send(r)
}

// kept deals with the answer to a keepalive. One that is refused is sent again at once, by
// another method.
func (w *wire) kept(r *request, m *message) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.quiet = 0
	if m.status < 400 || m.status == 401 {
		return nil
	}
	w.s.quirk(QuirkKeepaliveRefused)
	w.avoid[r.method] = true
	if len(w.avoid) >= len(keepalives) {
		clear(w.avoid) // all were refused: from the beginning, in its time
		return nil
	}
	again := &request{message: r.message, keepalive: true}
	w.alive(again)
	return w.send(again)
}

// errTransport says that the way of the media is not to be had.
var errTransport = errors.New("the camera's answer to SETUP names no way that can be used")
