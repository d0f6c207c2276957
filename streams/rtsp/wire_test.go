package rtsp

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v4/pkg/base"

	"bongsu/streams"
	"bongsu/streams/streamstest"
)

// tape is a connection whose other end has said all that it will say.
type tape struct {
	in  *bytes.Reader
	out bytes.Buffer
}

func (c *tape) Read(p []byte) (int, error)       { return c.in.Read(p) }
func (c *tape) Write(p []byte) (int, error)      { return c.out.Write(p) }
func (c *tape) Close() error                     { return nil }
func (c *tape) LocalAddr() net.Addr              { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }
func (c *tape) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }
func (c *tape) SetDeadline(time.Time) error      { return nil }
func (c *tape) SetReadDeadline(time.Time) error  { return nil }
func (c *tape) SetWriteDeadline(time.Time) error { return nil }

// played makes a wire on which the session has been asked for up to PLAY, and a camera that
// says what is given.
func played(t testing.TB, codec streams.Codec, said []byte) (*wire, *tape, *Source) {
	t.Helper()
	s := &Source{o: Options{Username: "u", Password: secret}.withDefaults(), queue: newUnitQueue()}
	s.target, _ = parseTarget("rtsp://cam/path")
	s.mapping = s.o.Clock.Attach()
	s.offer = &offer{codec: codec, payload: 96}
	s.in.payload = 96
	s.listen()
	for _, nal := range streamstest.ParamNALs(streamstest.SyntheticParams(codec, 0)) {
		s.sets.add(nal)
	}
	c := &tape{in: bytes.NewReader(said)}
	w := newWire(s, c)
	w.channels[0], w.channels[1] = channelRTP, channelRTCP
	for i, m := range []string{"OPTIONS", "DESCRIBE", "SETUP", "PLAY"} {
		q := message{method: m, url: "rtsp://cam/path", fields: []field{{"CSeq", string(rune('1' + i))}}}
		if _, err := w.Write(q.marshal()); err != nil {
			t.Fatal(err)
		}
	}
	return w, c, s
}

// TestRepair: what gortsplib gets is what it reads, whatever the camera wrote.
func TestRepair(t *testing.T) {
	sdp := "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:rtsp://10.9.9.9/x\r\n"
	for said, want := range map[string]string{
		"RTSP/1.0 200\nCSeq:1\nPublic: describe,get_parameter\n\n":                                         "RTSP/1.0 200 OK\r\nPublic: GET_PARAMETER\r\nCSeq: 1\r\n\r\n",
		"RTSP/1.0 404 Not Found\r\nCSeq: 1\r\n\r\n":                                                        "RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n",
		"RTSP/1.0 302 Moved\r\nCSeq: 2\r\nLocation: rtsp://elsewhere/\r\n\r\n":                             "RTSP/1.0 302 Moved\r\nCSeq: 2\r\n\r\n",
		"RTSP/1.0 200 OK\r\nCSeq: 3\r\nSession: a b;timeout=60 \r\nTransport: RTP/AVP/TCP;interleaved=4-5": "",
		"RTSP/1.0 200 OK\r\nCSeq: 3\r\nSession: 7 ; timeout = 60\r\nTransport: x;interleaved=4\r\n\r\n":    "RTSP/1.0 200 OK\r\nSession: 7;timeout=37\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nCSeq: 3\r\n\r\n",
		"junk\r\nRTSP/2.0  200 OK\r\nCSeq: 2\r\n\r\n" + sdp:                                                "RTSP/1.0 200 OK\r\nCSeq: 2\r\n\r\n",
	} {
		w, _, _ := played(t, streams.H264, []byte(said))
		got, err := io.ReadAll(w)
		if string(got) != want || (want == "") != (err != nil) {
			t.Errorf("%q gives %q, %v", said, got, err)
		}
	}
}

// TestMessageBounds: a camera cannot make a message grow without end.
func TestMessageBounds(t *testing.T) {
	for name, text := range map[string]string{
		"line":    "RTSP/1.0 200 " + strings.Repeat("x", maxLine+1),
		"header":  "RTSP/1.0 200 OK\r\nA: " + strings.Repeat("x", maxLine+1),
		"headers": "RTSP/1.0 200 OK\r\n" + strings.Repeat("a: b\r\n", maxFields+1) + "\r\n",
		"content": "RTSP/1.0 200 OK\r\nContent-Length: 9999999\r\n\r\n",
	} {
		if _, err := readMessage(bufio.NewReader(strings.NewReader(text))); !errors.Is(err, errMessage) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestChallenges(t *testing.T) {
	for name, c := range map[string]struct {
		values []string
		n      int
		best   string // algorithm, or "basic", or "" for none
		odd    bool
	}{
		"plain":           {[]string{`Digest realm="a", nonce="n"`}, 1, "", false},
		"no commas":       {[]string{`Digest realm="a" nonce="n" algorithm=SHA-256`}, 1, "SHA-256", true},
		"two in a line":   {[]string{`Basic realm="a, b", Digest realm="c", nonce="n", algorithm=MD5`}, 2, "MD5", false},
		"stronger second": {[]string{`Digest realm="a", nonce="n", algorithm=MD5`, `Digest realm="a", nonce="m", algorithm="SHA-256"`}, 2, "SHA-256", false},
		"unknown":         {[]string{`Digest realm="a", nonce="n", algorithm=SHA-512-256`, `NTLM x`}, 0, "", true},
		"no nonce":        {[]string{`Digest realm="a"`}, 0, "", true},
		"Basic":           {[]string{`basic realm=a`}, 1, "", false},
		"line break":      {[]string{"Digest realm=\"a\rX: y\", nonce=\"n\""}, 0, "", true},
		"open quotes":     {[]string{`Digest nonce="n", realm="a`}, 1, "", true},
	} {
		known, odd := readChallenges(c.values)
		best := strongest(known, false)
		if len(known) != c.n || odd != c.odd || best != nil && best.algorithm != c.best || best == nil && c.best != "" {
			t.Errorf("%s: %d known, odd %v, best %+v", name, len(known), odd, best)
		}
	}
	// RFC 7616, section 3.9.1, without qop: computed by hand from its user and nonce.
	c := &challenge{realm: "testrealm@host.com", nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093"}
	if got := c.authorization("GET", "/dir/index.html", "Mufasa", "Circle Of Life", 1); !strings.Contains(got, `response="670fd8c2df070c60b045671b8b24ff02"`) {
		t.Errorf("RFC 2069's example, as errata 749 has it, gives %s", got)
	}
}

func TestTransportAnswers(t *testing.T) {
	for v, c := range map[string]struct {
		tcp, udp bool
		channels [2]int
		ports    [2]int
		odd      bool
	}{
		"RTP/AVP/TCP;unicast;interleaved=0-1":                   {tcp: true, channels: [2]int{0, 1}},
		"RTP/AVP;unicast;client_port=1-2;server_port=6970-6971": {udp: true, channels: [2]int{-1, -1}, ports: [2]int{6970, 6971}},
		"RTP/AVP;unicast;interleaved=2-3":                       {tcp: true, channels: [2]int{2, 3}},
		"interleaved=6;RTP/AVP/TCP":                             {tcp: true, channels: [2]int{6, 7}, odd: true},
		"RTP/AVP;server_port=70000-3;ssrc=zz":                   {udp: true, channels: [2]int{-1, -1}, ports: [2]int{-1, -1}, odd: true},
		"":                                                      {channels: [2]int{-1, -1}, odd: true},
		"RTP/AVP/TCP;interleaved=0-1;ssrc=01020304,RTP/AVP;unicast":     {tcp: true, channels: [2]int{0, 1}, odd: true},
		"RTP/AVP/TCP;unicast;interleaved=0-1;mode=\"PLAY\";ssrc=0A0B0C": {tcp: true, channels: [2]int{0, 1}, odd: true},
	} {
		got, odd := readTransport(v)
		if got.tcp != c.tcp || got.udp != c.udp || got.channels != c.channels || got.serverPorts != c.ports || odd != c.odd {
			t.Errorf("%q: %+v, odd %v", v, got, odd)
		}
	}
}

// FuzzAnswers: what a camera writes into headers names no other host, and ends no line of ours.
func FuzzAnswers(f *testing.F) {
	f.Add("rtsp://rtsp://x//y/", "*", "trackID=1", `Digest realm="a",, nonce=b`, "ssrc= 1;interleaved=0-1")
	f.Add("/a?b=c", "rtsp://u:p@h/", "?x", `Basic, Digest nonce="\"", realm=x qop="auth"`, "RTP/AVP;server_port=1-2")
	f.Add("cam:554/x", "", "rtsps://[::1]/%zz", "", "")
	f.Fuzz(func(t *testing.T, base, session, control, auth, transport string) {
		asked, _ := parseTarget("rtsp://cam/path?q=1")
		var at addresses
		if !safeControl(control) || !safeControl(session) {
			control, session = "", ""
		}
		at.join(asked.url, base, session, control)
		for _, u := range []string{at.base, at.media} {
			if !strings.HasPrefix(u, "rtsp://cam/") && !strings.HasPrefix(u, "rtsp://cam?") && u != "rtsp://cam" || strings.ContainsAny(u, "\r\n ") {
				t.Fatalf("an address elsewhere: %q", u)
			}
		}
		known, _ := readChallenges([]string{auth})
		for _, c := range known {
			if a := c.authorization("PLAY", "rtsp://cam/path", "user", secret, 1); strings.ContainsAny(a, "\r\n\x00") {
				t.Fatalf("a header that ends: %q", a)
			}
		}
		if got, _ := readTransport(transport); got.channels[0] > 65535 || got.serverPorts[1] > 65535 {
			t.Fatalf("%+v", got)
		}
	})
}

// FuzzWire: whatever a camera sends, gortsplib gets answers that it can read, and units are
// whole.
func FuzzWire(f *testing.F) {
	for _, codec := range []streams.Codec{streams.H264, streams.H265} {
		var said bytes.Buffer
		said.WriteString("RTSP/1.0 200 OK\r\nCSeq: 4\r\nSession: 1\r\n\r\n")
		for _, p := range rtpFrames(f, streamstest.Synthetic(streamstest.SyntheticOptions{Codec: codec, Units: 3, Bytes: 60}), nil) {
			said.WriteString(p)
		}
		f.Add(codec == streams.H265, said.Bytes())
	}
	f.Add(false, []byte("RTSP/1.0 401 x\r\nCSeq: 2\r\nWWW-Authenticate: Digest realm=a nonce=b\r\n\r\nOPTIONS * RTSP/1.0\r\n\r\n$\x00\x00\x01a"))
	f.Add(true, []byte("$\x01\x00\x04\x80\xc8\x00\x00junk$RTSP/1.0 200\r\nCSeq: 3\r\nTransport: interleaved=0-1\r\n\r\n"))
	f.Fuzz(func(t *testing.T, h265 bool, said []byte) {
		codec := streams.H264
		if h265 {
			codec = streams.H265
		}
		w, c, s := played(t, codec, said)
		got, _ := io.ReadAll(w)
		for r := bufio.NewReader(bytes.NewReader(got)); ; {
			if _, err := r.Peek(1); err != nil {
				break
			}
			var res base.Response
			if err := res.Unmarshal(r); err != nil {
				t.Fatalf("gortsplib gets what it cannot read: %v in %q", err, got)
			}
		}
		if bytes.Contains(c.out.Bytes(), []byte(secret)) {
			t.Fatal("the password was sent")
		}
		s.asm.flush()
		for au := s.queue.pop(); au != nil; au = s.queue.pop() {
			if !au.Params.Complete() || au.DTS > au.PTS+5*time.Second || len(au.NALs) == 0 {
				t.Fatalf("%+v", au)
			}
		}
	})
}

// TestAnswersBetweenRequests: what a camera asks long after the last request is answered, for
// the limit that was set for writing that request has passed by then.
func TestAnswersBetweenRequests(t *testing.T) {
	s := &Source{o: (&Options{}).withDefaults(), queue: newUnitQueue()}
	near, far := net.Pipe()
	defer far.Close()
	w := newWire(s, near)
	defer w.Close()
	if err := w.SetWriteDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := w.Read(make([]byte, 1))
		ended <- err
	}()
	if err := far.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(far, "OPTIONS rtsp://x/ RTSP/1.0\r\nCSeq: 7\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	m, err := readMessage(bufio.NewReader(far))
	if err != nil || m.status != 200 || m.get("CSeq") != "7" {
		t.Errorf("the camera's OPTIONS was answered with %+v, %v", m, err)
	}
	far.Close()
	<-ended
}

// TestEarlySendersAreBounded: a camera that changes its SSRC in each packet does not fill the
// memory, and is heard.
func TestEarlySendersAreBounded(t *testing.T) {
	var said bytes.Buffer
	frames := func(n int, first uint32) {
		for i := range n {
			p := []byte{'$', 0, 0, 12, 0x80, 96, 0, 0, 0, 0, 0, 0}
			said.Write(binary.BigEndian.AppendUint32(p, first+uint32(i)))
		}
	}
	frames(1000, 1)
	w, _, s := played(t, streams.H264, nil)
	w.br.Reset(&said)
	w.asks.Store(false)
	io.Copy(io.Discard, w) //nolint:errcheck // it ends with what was said
	if n := len(w.early); n == 0 || n > maxEarly {
		t.Errorf("%d senders are remembered", n)
	}
	w.asks.Store(true)
	frames(2, 1)       // of before
	frames(1000, 5000) // new ones
	frames(2, 1)
	io.Copy(io.Discard, w) //nolint:errcheck // as above
	if st := s.Stats(); len(w.early) > maxEarly || st.Packets != 1002 || st.Quirks[QuirkStaleData] != 1002 {
		t.Errorf("%d senders are remembered; %d packets used, %d stale", len(w.early), st.Packets, st.Quirks[QuirkStaleData])
	}
}
