package rtsp

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"bongsu"
	"bongsu/streams"
	"bongsu/streams/streamstest"
)

const (
	user   = "wächter"
	secret = "p@ss#w^o!r%d/?" // no colon: the test server cannot read one in a Basic login
)

func TestLogin(t *testing.T) {
	units := streamstest.Synthetic(streamstest.SyntheticOptions{Units: 5})
	for name, c := range map[string]struct {
		auth  streamstest.Auth
		o     Options
		code  string // "" = it plays
		state bongsu.CameraState
	}{
		"digest":                     {streamstest.AuthDigest, Options{Username: user, Password: secret}, "", ""},
		"digest with SHA-256":        {streamstest.AuthSHA256, Options{Username: user, Password: secret}, "", ""},
		"digest beside Basic":        {streamstest.AuthBasicToo, Options{Username: user, Password: secret}, "", ""},
		"Basic, allowed":             {streamstest.AuthBasic, Options{Username: user, Password: secret, AllowBasic: true}, "", ""},
		"Basic, not allowed":         {streamstest.AuthBasic, Options{Username: user, Password: secret}, streams.ReasonBasicRefused, bongsu.CameraDenied},
		"wrong password":             {streamstest.AuthDigest, Options{Username: user, Password: secret + "x"}, streams.ReasonWrongPassword, bongsu.CameraDenied},
		"wrong user":                 {streamstest.AuthDigest, Options{Username: "nobody", Password: secret}, streams.ReasonWrongPassword, bongsu.CameraDenied},
		"no password":                {streamstest.AuthDigest, Options{}, streams.ReasonNeedPassword, bongsu.CameraDenied},
		"no password, Basic":         {streamstest.AuthBasic, Options{}, streams.ReasonNeedPassword, bongsu.CameraDenied},
		"wrong password, but worked": {streamstest.AuthDigest, Options{Username: user, Password: secret + "x", WorkedBefore: true}, streams.ReasonBusy, bongsu.CameraBusy},
	} {
		t.Run(name, func(t *testing.T) {
			srv := streamstest.Start(t, streamstest.ServerOptions{
				Users: map[string]string{user: secret}, Auth: c.auth,
				Paths: []*streamstest.Path{{Name: "cam", Units: units, Flat: true}},
			})
			var logged bytes.Buffer
			o := c.o
			o.Camera, o.URL, o.Log = "gate", srv.URL("cam"), slog.New(slog.NewTextHandler(&logged, nil))
			src, err := Open(t.Context(), o)
			if err == nil {
				drain(t, src)
				src.Close()
			}
			checkCode(t, err, c.code, c.state)
			checkSecrets(t, srv, o, logged.String()+fmt.Sprintf("%v %+v", err, err), c.o.AllowBasic)
		})
	}
}

func checkCode(t *testing.T, err error, code string, state bongsu.CameraState) {
	t.Helper()
	if code == "" {
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	var e *streams.Error
	if !errors.As(err, &e) || e.Code != code || e.State != state {
		t.Fatalf("not %s: %+v (%v)", code, e, err)
	}
	if e.Camera != "gate" || e.Op == "" || e.Err == nil {
		t.Fatalf("the error does not say where: %+v", e)
	}
}

// checkSecrets looks for the password in what was logged and said, and in what the camera
// received.
func checkSecrets(t *testing.T, srv *streamstest.Server, o Options, said string, basic bool) {
	t.Helper()
	for _, form := range []string{o.Password, base64.StdEncoding.EncodeToString([]byte(o.Username + ":" + o.Password))} {
		if o.Password == "" {
			continue
		}
		if strings.Contains(said, form) {
			t.Fatalf("the password was logged or said: %s", said)
		}
		for _, r := range srv.Requests() {
			if strings.Contains(r.URL, form) || strings.Contains(r.Authorization, form) && !basic {
				t.Fatalf("the camera got the password: %+v", r)
			}
		}
	}
	for _, r := range srv.Requests() {
		if strings.HasPrefix(r.Authorization, "Basic") && !basic {
			t.Fatalf("the camera got a Basic login: %+v", r)
		}
	}
}

func TestBadURL(t *testing.T) {
	for text, says := range map[string]string{
		"":                                      "no URL",
		"rtsp://admin:hunter2@10.0.0.1/s":       "user name or password",
		"rtsp://hunter2@10.0.0.1/s":             "user name or password",
		"rtsp://admin:hunter2#%@10.0.0.1/s":     "cannot be read",
		"rtsp://admin:hun%zzhunter2@10.0.0.1/s": "user name or password",
		"http://10.0.0.1/s":                     "must begin with rtsp://",
		"10.0.0.1:554/s":                        "",
		"rtsp:///s":                             "names no host",
		"rtsp://10.0.0.1/s#1":                   "%23",
		"rtsp://10.0.0.1:x/s":                   "cannot be read",
		"rtsp://10.0.0.1/%zzhunter2":            "cannot be read",
	} {
		_, err := Open(t.Context(), Options{Camera: "gate", URL: text})
		checkCode(t, err, streams.ReasonBadURL, bongsu.CameraFailed)
		if !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", text, err)
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: the secret is repeated: %v", text, err)
		}
	}
	_, err := Open(t.Context(), Options{Camera: "gate", URL: "rtsp://10.0.0.1/", Username: "a", Password: "b\r\nX: y"})
	checkCode(t, err, streams.ReasonBadURL, bongsu.CameraFailed)
}

func TestTargetHidesQueries(t *testing.T) {
	at, why := parseTarget("rtsp://cam.local/live?user=a&password=hunter2")
	if why != "" || at.host != "cam.local:554" || at.path != "/live?…" {
		t.Fatalf("%+v %s", at, why)
	}
	if at, _ := parseTarget("rtsp://[fe80::1]:8554"); at.host != "[fe80::1]:8554" || at.path != "/" {
		t.Fatalf("%+v", at)
	}
}

func TestRefusals(t *testing.T) {
	units := streamstest.Synthetic(streamstest.SyntheticOptions{Units: 5})
	srv := streamstest.Start(t, streamstest.ServerOptions{MaxSessions: 1, Paths: []*streamstest.Path{
		{Name: "cam", Units: units, Hold: true}, {Name: "sound", Params: units[0].Params, NoVideo: true},
	}})
	quiet := streamstest.Start(t, streamstest.ServerOptions{Silent: true})
	open(t, Options{URL: srv.URL("cam")})
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := "rtsp://" + free.Addr().String() + "/cam"
	free.Close()
	for name, c := range map[string]struct {
		o     Options
		code  string
		state bongsu.CameraState
		says  string
	}{
		"no session left": {Options{URL: srv.URL("cam")}, streams.ReasonBusy, bongsu.CameraBusy, "no session left (453)"},
		"no such path":    {Options{URL: srv.URL("other")}, streams.ReasonNotFound, bongsu.CameraFailed, "/other"},
		"no video":        {Options{URL: srv.URL("sound")}, streams.ReasonNoVideo, bongsu.CameraFailed, "audio"},
		"nobody listens":  {Options{URL: closed}, streams.ReasonUnreachable, bongsu.CameraOffline, "refuses connections"},
		"no such name":    {Options{URL: "rtsp://no-such-camera.invalid/x"}, streams.ReasonUnreachable, bongsu.CameraOffline, "not known"},
		"says nothing":    {Options{URL: quiet.URL("cam"), StallAfter: time.Second}, streams.ReasonSilent, bongsu.CameraOffline, "did not answer in 1s"},
		"never connected": {Options{URL: srv.URL("cam"), StallAfter: time.Second, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}}, streams.ReasonUnreachable, bongsu.CameraOffline, "did not answer in 1s"},
	} {
		t.Run(name, func(t *testing.T) {
			c.o.Camera = "gate"
			_, err := Open(t.Context(), c.o)
			checkCode(t, err, c.code, c.state)
			if !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v does not say %q", err, c.says)
			}
		})
	}
}

// hangUp at the end of an answer closes the connection behind it.
const hangUp = "\x00hang up"

// script is a camera that answers each request with what reply gives; an empty answer closes
// the connection. It keeps what it received.
type script struct {
	l     net.Listener
	reply func(method, cseq string) string

	mu   sync.Mutex
	got  string
	done sync.WaitGroup
}

func startScript(t *testing.T, reply func(method, cseq string) string) *script {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &script{l: l, reply: reply}
	s.done.Go(s.accept)
	t.Cleanup(func() {
		l.Close()
		s.done.Wait()
	})
	return s
}

func (s *script) url() string { return "rtsp://" + s.l.Addr().String() + "/cam" }

func (s *script) received() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.got
}

func (s *script) accept() {
	for {
		c, err := s.l.Accept()
		if err != nil {
			return
		}
		s.done.Go(func() { s.serve(c) })
	}
}

func (s *script) serve(c net.Conn) {
	defer c.Close()
	r := bufio.NewReader(c)
	method, cseq := "", ""
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		s.mu.Lock()
		s.got += line
		s.mu.Unlock()
		line = strings.TrimRight(line, "\r\n")
		switch name, value, _ := strings.Cut(line, ": "); {
		case line == "":
			answer := s.reply(method, cseq)
			if answer == "" {
				return
			}
			answer, last := strings.CutSuffix(answer, hangUp)
			if _, err := c.Write([]byte(answer)); err != nil || last {
				return
			}
			method, cseq = "", ""
		case method == "":
			method, _, _ = strings.Cut(line, " ")
		case name == "CSeq":
			cseq = value
		}
	}
}

func answer(status, cseq string, lines ...string) string {
	out := "RTSP/1.0 " + status + "\r\nCSeq: " + cseq + "\r\n"
	body := ""
	for _, l := range lines {
		if rest, ok := strings.CutPrefix(l, "\n"); ok {
			body = rest
			continue
		}
		out += l + "\r\n"
	}
	if body != "" {
		out += fmt.Sprintf("Content-Type: application/sdp\r\nContent-Length: %d\r\n", len(body))
	}
	return out + "\r\n" + body
}

// TestScripted plays cameras that answer in odd ways.
func TestScripted(t *testing.T) {
	sdp := "v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:%s\r\n"
	describe := func(control string) func(string, string) string {
		return func(method, cseq string) string {
			if method == "DESCRIBE" {
				return answer("200 OK", cseq, "\n"+fmt.Sprintf(sdp, control))
			}
			if method == "OPTIONS" {
				return answer("200 OK", cseq, "Public: DESCRIBE, SETUP, PLAY")
			}
			return answer("503 Service Unavailable", cseq)
		}
	}
	other := startScript(t, func(_, cseq string) string { return answer("200 OK", cseq) })
	for name, c := range map[string]struct {
		reply func(method, cseq string) string
		o     Options
		code  string
		says  string
	}{
		"Basic only": {func(_, cseq string) string {
			return answer("401 Unauthorized", cseq, `WWW-Authenticate: Basic realm="cam"`)
		}, Options{}, streams.ReasonBasicRefused, "allow_basic"},
		"Basic first, then an unknown digest": {func(_, cseq string) string {
			return answer("401 Unauthorized", cseq, `WWW-Authenticate: Basic realm="cam"`, `WWW-Authenticate: Digest realm="cam", nonce="x", algorithm="SHA-512"`)
		}, Options{}, streams.ReasonBasicRefused, "digest"},
		"an unknown digest alone": {func(_, cseq string) string {
			return answer("401 Unauthorized", cseq, `WWW-Authenticate: Digest realm="cam", nonce="x", algorithm="SHA-512"`)
		}, Options{}, streams.ReasonProtocol, "authentication"},
		"basic in lower case": {func(_, cseq string) string {
			return answer("401 Unauthorized", cseq, `WWW-Authenticate: basic realm="cam"`)
		}, Options{}, streams.ReasonBasicRefused, "digest"},
		"sends elsewhere": {func(_, cseq string) string {
			return answer("302 Found", cseq, "Location: "+other.url())
		}, Options{}, streams.ReasonProtocol, "not followed"},
		"closes at once":                      {func(_, _ string) string { return "" }, Options{}, streams.ReasonEnded, "closed the connection"},
		"speaks HTTP":                         {func(_, _ string) string { return "HTTP/1.1 400 Bad Request\r\n\r\n" }, Options{StallAfter: 300 * time.Millisecond}, streams.ReasonSilent, "RTSP port"},
		"no session (503)":                    {describe("track1"), Options{}, streams.ReasonBusy, "no session left (503)"},
		"control address that cannot be read": {describe("%zz"), Options{}, streams.ReasonNoVideo, ""},
		"forbidden":                           {func(_, cseq string) string { return answer("403 Forbidden", cseq) }, Options{}, streams.ReasonWrongPassword, "403"},
		"odd status":                          {func(_, cseq string) string { return answer("418 Teapot", cseq) }, Options{}, streams.ReasonProtocol, "418"},
		"interleaved H.264": {func(method, cseq string) string {
			return answer("200 OK", cseq, "\nv=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=2\r\n")
		}, Options{}, streams.ReasonProtocol, "packetization-mode 2"},
		"H.265 out of order": {func(method, cseq string) string {
			return answer("200 OK", cseq, "\nv=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H265/90000\r\na=fmtp:96 sprop-max-don-diff=4\r\n")
		}, Options{}, streams.ReasonProtocol, "decoding order"},
		"no SDP": {func(method, cseq string) string {
			return answer("200 OK", cseq, "Content-Type: text/html", "Content-Length: 0")
		}, Options{}, streams.ReasonProtocol, "RTSP port"},
	} {
		t.Run(name, func(t *testing.T) {
			s := startScript(t, c.reply)
			o := c.o
			o.Camera, o.URL, o.Username, o.Password = "gate", s.url(), "admin", secret
			_, err := Open(t.Context(), o)
			var e *streams.Error
			if !errors.As(err, &e) || e.Code != c.code || !strings.Contains(e.Error(), c.says) {
				t.Fatalf("%v", err)
			}
			got := s.received() + err.Error()
			for _, form := range []string{secret, base64.StdEncoding.EncodeToString([]byte("admin:" + secret)), "Basic "} {
				if strings.Contains(strings.ReplaceAll(got, "(Basic)", ""), form) {
					t.Fatalf("the camera saw the password, or the error shows it:\n%s", got)
				}
			}
			if e.Code == streams.ReasonBusy && !strings.Contains(got, "SETUP") {
				t.Fatal("the camera was never asked to set up")
			}
		})
	}
	if other.received() != "" {
		t.Fatalf("a redirect was followed:\n%s", other.received())
	}
}
