package live

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"

	"bongsu"
	"bongsu/deploy/faults/relay"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	credential = "bongsu-edge-canary"
	sessionA   = "01890a5d-ac96-774b-bcce-b302099a8057"
	sessionB   = "01890a5d-ac96-774b-bcce-b302099a8058"
)

// fakeCloud is the cloud's side: one control connection, and what comes on media connections.
type fakeCloud struct {
	t      *testing.T
	server *httptest.Server

	mu       sync.Mutex
	refuse   int             // status instead of a WebSocket
	control  *websocket.Conn // the newest
	controls int
	media    map[string]*websocket.Conn // by session
	texts    []bongsu.LiveText          // of both
	pictures map[string][]received
	lag      bongsu.LiveLag
}

type received struct {
	bongsu.LiveHeader
	at      time.Time
	payload int
}

func newFakeCloud(t *testing.T) *fakeCloud {
	t.Helper()
	c := &fakeCloud{t: t, media: map[string]*websocket.Conn{}, pictures: map[string][]received{}}
	c.server = httptest.NewServer(c)
	t.Cleanup(func() {
		c.drop()
		c.server.Close()
	})
	return c
}

// ServeHTTP takes both kinds of connection.
func (c *fakeCloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	refuse := c.refuse
	c.mu.Unlock()
	session, media := strings.CutPrefix(r.URL.Path, "/api/v1/edge/live/")
	switch {
	case r.Header.Get("Authorization") != "Bearer "+credential:
		refuse = http.StatusUnauthorized
	case !media && r.URL.Path != "/api/v1/edge/live":
		refuse = http.StatusNotFound
	}
	if refuse != 0 {
		w.WriteHeader(refuse)
		return
	}
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer conn.CloseNow()
	conn.SetReadLimit(bongsu.MaxLiveMessageBytes)
	c.mu.Lock()
	if media {
		c.media[session] = conn
	} else {
		c.control = conn
		c.controls++
	}
	c.mu.Unlock()
	for {
		typ, b, err := conn.Read(context.Background())
		if err != nil {
			return
		}
		c.take(session, typ, b)
	}
}

func (c *fakeCloud) take(session string, typ websocket.MessageType, b []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if typ == websocket.MessageText {
		text, err := bongsu.ParseLiveText(b)
		if err != nil {
			c.t.Errorf("the edge says %s: %v", b, err)
		}
		c.texts = append(c.texts, text)
		return
	}
	h, p, err := bongsu.ParseLiveHeader(b)
	if err != nil {
		c.t.Errorf("the edge sends %x: %v", b[:16], err)
	}
	now := time.Now()
	h.Age += c.lag.Late(h.Sent, now) // as the hub does
	c.pictures[session] = append(c.pictures[session], received{h, now, len(p)})
}

// say sends a text over the control connection.
func (c *fakeCloud) say(t bongsu.LiveText) {
	c.t.Helper()
	c.raw(t.Encode())
}

func (c *fakeCloud) raw(b []byte) {
	c.t.Helper()
	c.mu.Lock()
	conn := c.control
	c.mu.Unlock()
	if err := conn.Write(c.t.Context(), websocket.MessageText, b); err != nil {
		c.t.Fatal(err)
	}
}

// drop ends all connections as a dying cloud does.
func (c *fakeCloud) drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.control != nil {
		c.control.CloseNow()
	}
	for _, m := range c.media {
		m.CloseNow()
	}
}

func (c *fakeCloud) got(session string) []received {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]received{}, c.pictures[session]...)
}

// heard counts texts that match.
func (c *fakeCloud) heard(match func(bongsu.LiveText) bool) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range c.texts {
		if match(t) {
			n++
		}
	}
	return n
}

func code(code string) func(bongsu.LiveText) bool {
	return func(t bongsu.LiveText) bool { return t.Code == code }
}

// fakeCameras is the node's side.
type fakeCameras struct {
	mu      sync.Mutex
	sinks   map[string]func(bongsu.LiveItem)
	started int
	boxes   []string
}

// LiveStart implements Cameras: there is one camera, gate.
func (f *fakeCameras) LiveStart(camera bongsu.CameraID, session, _ string, sink func(bongsu.LiveItem)) error {
	if camera != "gate" {
		return bongsu.Errorf(bongsu.CodeNotFound, "this edge has no camera %q", camera)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sinks[session] = sink
	f.started++
	return nil
}

// LiveBoxes implements Cameras.
func (f *fakeCameras) LiveBoxes(session string, on bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.boxes = append(f.boxes, fmt.Sprintf("%s %v", session, on))
}

// LiveStop implements Cameras.
func (f *fakeCameras) LiveStop(session string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.sinks, session)
}

// film hands an item to a session; false when it is not looked at.
func (f *fakeCameras) film(session string, it bongsu.LiveItem) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	sink := f.sinks[session]
	if sink != nil {
		sink(it)
	}
	return sink != nil
}

func (f *fakeCameras) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.sinks)
}

// startLive runs the edge's side against url until the test ends.
func startLive(t *testing.T, url string, change func(*Options)) (*Live, *fakeCameras) {
	t.Helper()
	cameras := &fakeCameras{sinks: map[string]func(bongsu.LiveItem){}}
	client := Client(&http.Client{Transport: &http.Transport{}})
	o := Options{URL: url, Credential: credential, Client: client, Cameras: cameras, MinBackoff: 10 * time.Millisecond, MaxBackoff: 100 * time.Millisecond}
	if change != nil {
		change(&o)
	}
	l, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run: %v", err)
		}
		client.CloseIdleConnections()
		if n := cameras.count(); n != 0 {
			t.Errorf("%d sessions are left after the end", n)
		}
	})
	return l, cameras
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline, tick := time.After(time.Minute), time.NewTicker(2*time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("not in time: %s", what)
		case <-tick.C:
		}
	}
}

func picture(key bool, bytes int) bongsu.LiveItem {
	it := bongsu.LiveItem{Kind: bongsu.LiveFragment, Payload: make([]byte, bytes)}
	if key {
		it.Flags = bongsu.LiveKey
	}
	return it
}

func start(session string, camera bongsu.CameraID) bongsu.LiveText {
	return bongsu.LiveText{Type: bongsu.LiveTypeStart, Camera: camera, Session: session, Mode: bongsu.LiveVideo}
}

func TestSession(t *testing.T) {
	c := newFakeCloud(t)
	l, cameras := startLive(t, c.server.URL, nil)
	eventually(t, "control", func() bool { return l.Status().Connected })
	c.raw([]byte(`{"type":"later"}`)) // a cloud of a later release
	c.say(start(sessionA, "gate"))
	c.say(start(sessionA, "gate")) // told twice
	c.say(start(sessionB, "cellar"))
	eventually(t, "the camera is looked at", func() bool { return cameras.count() == 1 })
	format := &bongsu.LiveText{Type: bongsu.LiveTypeFormat, MIME: "video/mp4", Codec: "h264"}
	cameras.film(sessionA, bongsu.LiveItem{Kind: bongsu.LiveInit, Text: format, Payload: []byte("ftypmoov")})
	for i := range 20 {
		it := picture(i%10 == 0, 1000)
		it.Age = 7 * time.Millisecond
		cameras.film(sessionA, it)
	}
	eventually(t, "all pictures", func() bool { return len(c.got(sessionA)) == 21 })
	for i, m := range c.got(sessionA) {
		want := bongsu.LiveFragment
		if i == 0 {
			want = bongsu.LiveInit
		}
		if m.Kind != want || m.Seq != uint64(i) || i > 0 && (m.Age < 7*time.Millisecond || m.Age > 10*time.Second) {
			t.Errorf("message %d: %+v", i, m)
		}
	}
	eventually(t, "the camera that is not there is refused", func() bool {
		return c.heard(func(t bongsu.LiveText) bool {
			return t.Type == bongsu.LiveTypeRefused && t.Session == sessionB && t.Code == bongsu.LiveNoSuchCamera
		}) == 1
	})
	if c.heard(func(t bongsu.LiveText) bool { return t.State == bongsu.LiveLive }) != 1 || c.heard(func(t bongsu.LiveText) bool { return t == *format }) != 1 {
		t.Errorf("texts %+v", c.texts)
	}
	if s := l.Status(); s.Sessions != 1 || s.Bytes < 20_000 || s.Dropped != 0 {
		t.Errorf("%+v", s)
	}
	c.say(bongsu.LiveText{Type: bongsu.LiveTypeStop, Session: sessionA})
	c.say(bongsu.LiveText{Type: bongsu.LiveTypeStop, Session: sessionB})
	eventually(t, "nobody looks", func() bool { return cameras.count() == 0 && l.Status().Sessions == 0 })
	if cameras.started != 1 {
		t.Errorf("%d sessions were begun", cameras.started)
	}
}

func TestControlComesBack(t *testing.T) {
	c := newFakeCloud(t)
	l, cameras := startLive(t, c.server.URL, nil)
	for i := range 3 {
		eventually(t, "control", func() bool {
			c.mu.Lock()
			defer c.mu.Unlock()
			return c.controls == i+1
		})
		c.say(start(sessionA, "gate"))
		eventually(t, "the camera is looked at", func() bool { return cameras.count() == 1 && l.Status().Sessions == 1 })
		c.drop()
		eventually(t, "its end with the control connection", func() bool { return cameras.count() == 0 })
	}
	c.mu.Lock()
	c.refuse = http.StatusNotFound
	c.mu.Unlock()
	c.drop()
	eventually(t, "the reason", func() bool { return strings.Contains(l.Status().Reason, "knows no live view") })
	c.mu.Lock()
	c.refuse = http.StatusBadGateway
	c.mu.Unlock()
	eventually(t, "the reason", func() bool { return strings.Contains(l.Status().Reason, "status 502") })
	c.mu.Lock()
	c.refuse = http.StatusUnauthorized
	c.mu.Unlock()
	eventually(t, "the reason", func() bool { return strings.Contains(l.Status().Reason, "refuses this edge's credential") })
	if strings.Contains(l.Status().Reason, credential) {
		t.Error("the credential is in the reason")
	}
}

// TestDeadControl: a cloud that says nothing any more is given up.
func TestDeadControl(t *testing.T) {
	c := newFakeCloud(t)
	r, err := relay.TCP(c.server.Listener.Addr().String(), relay.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	l, cameras := startLive(t, "http://"+r.Addr(), func(o *Options) { o.PingEvery, o.Dead = 50*time.Millisecond, 200*time.Millisecond })
	eventually(t, "control", func() bool { return l.Status().Connected })
	c.say(start(sessionA, "gate"))
	eventually(t, "the camera is looked at", func() bool { return cameras.count() == 1 })
	r.HalfOpen(true)
	began := time.Now()
	eventually(t, "nobody looks", func() bool { return cameras.count() == 0 && !l.Status().Connected })
	t.Logf("a silent cloud was given up after %v", time.Since(began).Round(time.Millisecond))
	r.HalfOpen(false)
	r.Cut()
	eventually(t, "control again", func() bool { return l.Status().Connected })
}

func TestTooManySessions(t *testing.T) {
	c := newFakeCloud(t)
	l, cameras := startLive(t, c.server.URL, func(o *Options) { o.MaxSessions = 1 })
	eventually(t, "control", func() bool { return l.Status().Connected })
	c.say(start(sessionA, "gate"))
	c.say(start(sessionB, "gate"))
	eventually(t, "a refusal", func() bool { return c.heard(code(bongsu.LiveRefused)) == 1 })
	if n := cameras.count(); n != 1 {
		t.Errorf("%d sessions", n)
	}
}

// TestNarrowLink: what the link cannot carry is dropped up to key frames; what arrives is young,
// and says how old it is.
func TestNarrowLink(t *testing.T) {
	c := newFakeCloud(t)
	r, err := relay.TCP(c.server.Listener.Addr().String(), relay.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	l, cameras := startLive(t, "http://"+r.Addr(), func(o *Options) { o.MediaPing, o.SlowLink = 200*time.Millisecond, 800*time.Millisecond })
	eventually(t, "control", func() bool { return l.Status().Connected })
	c.say(start(sessionA, "gate"))
	eventually(t, "the camera is looked at", func() bool { return cameras.count() == 1 })
	r.SetRate(60_000) // a camera of 250 kB/s
	const pictures = 130
	tick := time.NewTicker(40 * time.Millisecond)
	defer tick.Stop()
	born := map[int]time.Time{} // by size, which tells one picture from another
	for i := range pictures {
		<-tick.C
		it := picture(i%25 == 0, 10_000+i)
		born[len(it.Payload)] = time.Now()
		cameras.film(sessionA, it)
	}
	all := c.got(sessionA)
	var worst, under time.Duration
	for i, m := range all {
		real := m.at.Sub(born[m.payload])
		worst, under = max(worst, real), max(under, real-m.Age)
		if i > 0 && m.payload != all[i-1].payload+1 && m.Flags&bongsu.LiveKey == 0 {
			t.Errorf("picture %d follows picture %d and is no key frame", m.payload-10_000, all[i-1].payload-10_000)
		}
	}
	if len(all) == 0 || l.Status().Dropped == 0 {
		t.Fatalf("%d pictures, %d dropped", len(all), l.Status().Dropped)
	}
	t.Logf("figure LIVE: camera of 250 kB/s over a link of 60 kB/s: %d of %d pictures, the oldest %v old at the cloud, looking at most %v younger than it was",
		len(all), pictures, worst.Round(time.Millisecond), under.Round(time.Millisecond))
	if under > 10*time.Second { // a busy machine may take some; without dropping it would be 20 s
		t.Errorf("a picture was %v old when it arrived, and one looked %v younger than it was", worst, under)
	}
}

// TestYield: while events wait only key frames are sent.
func TestYield(t *testing.T) {
	c := newFakeCloud(t)
	var mu sync.Mutex
	yield := true
	l, cameras := startLive(t, c.server.URL, func(o *Options) {
		o.Yield = func() bool {
			mu.Lock()
			defer mu.Unlock()
			return yield
		}
	})
	eventually(t, "control", func() bool { return l.Status().Connected })
	c.say(start(sessionA, "gate"))
	eventually(t, "the camera is looked at", func() bool { return cameras.count() == 1 })
	feed := func(n int) {
		for i := range n {
			cameras.film(sessionA, picture(i%10 == 0, 100))
		}
	}
	feed(30)
	eventually(t, "three key frames", func() bool { return len(c.got(sessionA)) == 3 && l.Status().Dropped == 27 })
	mu.Lock()
	yield = false
	mu.Unlock()
	feed(10)
	eventually(t, "all pictures", func() bool { return len(c.got(sessionA)) == 13 })
}

func TestStaleAndEnded(t *testing.T) {
	c := newFakeCloud(t)
	l, cameras := startLive(t, c.server.URL, func(o *Options) { o.StaleAfter, o.SlowLink = 100*time.Millisecond, 800*time.Millisecond })
	eventually(t, "control", func() bool { return l.Status().Connected })
	c.say(start(sessionA, "gate"))
	eventually(t, "the camera is looked at", func() bool { return cameras.count() == 1 })
	state := func(s string) func(bongsu.LiveText) bool {
		return func(t bongsu.LiveText) bool { return t.State == s }
	}
	for i := range 2 {
		cameras.film(sessionA, picture(true, 10))
		eventually(t, "live", func() bool { return c.heard(state(bongsu.LiveLive)) == i+1 })
		eventually(t, "stale", func() bool { return c.heard(state(bongsu.LiveStale)) == i+1 })
	}
	cameras.film(sessionA, bongsu.LiveItem{Text: new(bongsu.LiveState(bongsu.LiveEnded, bongsu.LiveNoSuchCamera, "gone"))})
	eventually(t, "the end", func() bool { return cameras.count() == 0 && c.heard(state(bongsu.LiveEnded)) == 1 })
}

func TestNewRefuses(t *testing.T) {
	for url, want := range map[string]string{
		"":                      "no URL",
		"cloud.example":         "no URL",
		"https://u:p@x.example": "no URL",
		"http://cloud.example":  "https://",
		"ftp://cloud.example":   "https://",
	} {
		if _, err := New(Options{URL: url, Credential: credential}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", url, err)
		}
	}
	if _, err := New(Options{URL: "https://cloud.example"}); err == nil {
		t.Error("without a credential")
	}
	l, err := New(Options{URL: "https://cloud.example:8443/sub", Credential: credential})
	if err != nil || l.control != "wss://cloud.example:8443/sub/api/v1/edge/live" || l.media != l.control+"/" {
		t.Errorf("%+v, %v", l, err)
	}
}
