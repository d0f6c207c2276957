package live

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"

	"bongsu"
	"bongsu/cloud/archive"
	"bongsu/cloud/archive/sqlite"
	"bongsu/cloud/audit"
	"bongsu/cloud/auth"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const password = "canary-Pa55word-봉수"

// theatre is a hub behind the real guard, accounts and audit.
type theatre struct {
	t       *testing.T
	archive *sqlite.Archive
	auth    *auth.Service
	hub     *Hub
	server  *httptest.Server
	edge    bongsu.EdgeID
	secret  string      // the edge's credential
	mute    atomic.Bool // audit is down
}

// Record implements Auditor.
func (th *theatre) Record(ctx context.Context, e audit.Entry) error {
	if th.mute.Load() {
		return bongsu.Errorf(bongsu.CodeUnavailable, "the audit record cannot be written")
	}
	return audit.New(audit.Options{Store: th.archive}).Record(ctx, e)
}

func newTheatre(t *testing.T, change func(*Options)) *theatre {
	t.Helper()
	th := &theatre{t: t}
	var err error
	dir := t.TempDir()
	if th.archive, err = sqlite.Open(t.Context(), sqlite.Options{Path: filepath.Join(dir, "cloud.db")}); err != nil {
		t.Fatal(err)
	}
	th.auth = auth.New(auth.Options{Store: th.archive, Audit: audit.New(audit.Options{Store: th.archive}), SetupFile: filepath.Join(dir, "code"),
		Hasher: auth.NewHasher(auth.Params{MemoryKiB: 64, Passes: 1, Lanes: 1}, 4)})
	o := Options{Auth: th.auth, Audit: th, Linger: 300 * time.Millisecond, Again: 50 * time.Millisecond,
		Known: func(_ context.Context, edge bongsu.EdgeID, camera bongsu.CameraID) (bool, error) {
			if camera == "broken" {
				return false, errors.New("the archive is away")
			}
			return edge == th.edge && camera != "cellar", nil
		}}
	if change != nil {
		change(&o)
	}
	th.hub = New(o)
	handlers := th.hub.Handlers()
	for _, r := range auth.Routes() {
		if handlers[r.Name] == nil {
			handlers[r.Name] = http.NotFoundHandler()
		}
	}
	guarded, err := auth.NewGuard(th.auth, auth.GuardOptions{PublicURL: "https://cctv.example"}).Mux(handlers)
	if err != nil {
		t.Fatal(err)
	}
	th.server = httptest.NewServer(guarded)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- th.hub.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		th.server.Close()
		th.archive.Close()
		http.DefaultClient.CloseIdleConnections()
	})
	th.edge, th.secret = th.enrol("정문")
	return th
}

func (th *theatre) enrol(name string) (bongsu.EdgeID, string) {
	th.t.Helper()
	token, _, err := th.auth.EdgeToken(th.t.Context(), auth.CLI, name)
	if err != nil {
		th.t.Fatal(err)
	}
	e, err := th.auth.Enrol(th.t.Context(), "192.0.2.1", bongsu.EnrolRequest{Token: token, Name: name})
	if err != nil {
		th.t.Fatal(err)
	}
	return e.Edge, e.Credential
}

// user makes an operator and logs in; it gives the cookie's value.
func (th *theatre) user(name string) string {
	th.t.Helper()
	if _, err := th.auth.AddUser(th.t.Context(), auth.CLI, auth.NewUser{Username: name, Name: name, Role: archive.RoleOperator, Password: password}); err != nil {
		th.t.Fatal(err)
	}
	_, secret, err := th.auth.Login(th.t.Context(), "192.0.2.1", name, password)
	if err != nil {
		th.t.Fatal(err)
	}
	return secret
}

func (th *theatre) metric(name string) string {
	var b bytes.Buffer
	th.hub.WriteMetrics(&b)
	if m := regexp.MustCompile(`(?m)^` + name + ` (\S+)$`).FindStringSubmatch(b.String()); m != nil {
		return m[1]
	}
	return "none"
}

// records lists what the audit has about live view.
func (th *theatre) records() (out []string) {
	th.t.Helper()
	rows, err := th.archive.ListAudit(th.t.Context(), archive.AuditQuery{Limit: archive.MaxPage})
	if err != nil {
		th.t.Fatal(err)
	}
	for _, r := range rows {
		if strings.HasPrefix(r.Action, "live.") {
			out = append(out, strings.TrimSpace(r.Actor+" "+r.Action+" "+r.Target+" "+r.Detail))
		}
	}
	return out
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

// fakeEdge dials as an edge does, and films what it is asked for.
type fakeEdge struct {
	th      *theatre
	control *websocket.Conn
	done    chan struct{}
	every   time.Duration // between pictures
	size    int           // bytes of a picture
	refuse  string        // code
	manual  bool          // it hears what it is asked for, and does nothing

	mu       sync.Mutex
	sessions map[string]*websocket.Conn
	started  []bongsu.LiveText
	stopped  []string
	filming  sync.WaitGroup
}

// gopLength is how many pictures a fake edge sends from key frame to key frame.
const gopLength = 10

func (th *theatre) header(secret string) http.Header {
	return http.Header{"Authorization": {"Bearer " + secret}}
}

func (th *theatre) dialEdge(e *fakeEdge) *fakeEdge {
	th.t.Helper()
	return th.dialEdgeWith(e, "")
}

// dialEdgeWith dials as an edge that can do more than send pictures.
func (th *theatre) dialEdgeWith(e *fakeEdge, features string) *fakeEdge {
	th.t.Helper()
	if e.every == 0 {
		e.every = 10 * time.Millisecond
	}
	if e.size == 0 {
		e.size = 500
	}
	e.th, e.done, e.sessions = th, make(chan struct{}), map[string]*websocket.Conn{}
	h := th.header(th.secret)
	h.Set(bongsu.FeaturesHeader, features)
	conn, _, err := websocket.Dial(th.t.Context(), th.server.URL+"/api/v1/edge/live", &websocket.DialOptions{HTTPHeader: h})
	if err != nil {
		th.t.Fatal(err)
	}
	e.control = conn
	go e.obey()
	th.t.Cleanup(e.drop)
	return e
}

// drop ends the edge's connections, as a power cut does.
func (e *fakeEdge) drop() {
	e.control.CloseNow()
	<-e.done
	e.mu.Lock()
	for _, c := range e.sessions {
		c.CloseNow()
	}
	e.mu.Unlock()
	e.filming.Wait()
}

func (e *fakeEdge) obey() {
	defer close(e.done)
	for {
		_, b, err := e.control.Read(context.Background())
		if err != nil {
			return
		}
		t, err := bongsu.ParseLiveText(b)
		if err != nil {
			e.th.t.Errorf("the cloud says %s: %v", b, err)
			return
		}
		e.mu.Lock()
		if t.Type == bongsu.LiveTypeStart {
			known := slices.ContainsFunc(e.started, func(s bongsu.LiveText) bool { return s.Session == t.Session })
			e.started = append(e.started, t)
			switch {
			case e.manual || known:
			case e.refuse == "":
				e.filming.Go(func() { e.film(t) })
			default:
				no := bongsu.LiveText{Type: bongsu.LiveTypeRefused, Session: t.Session, Code: e.refuse, Message: "no"}
				_ = e.control.Write(context.Background(), websocket.MessageText, no.Encode())
			}
		} else {
			e.stopped = append(e.stopped, t.Session)
			if c := e.sessions[t.Session]; c != nil {
				c.CloseNow()
			}
		}
		e.mu.Unlock()
	}
}

func (e *fakeEdge) starts() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.started)
}

// films is how many sessions it was asked for.
func (e *fakeEdge) films() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := map[string]bool{}
	for _, t := range e.started {
		all[t.Session] = true
	}
	return len(all)
}

// say sends a text with the pictures of the session that it was asked for last.
func (e *fakeEdge) say(text []byte) {
	e.mu.Lock()
	c := e.sessions[e.started[len(e.started)-1].Session]
	e.mu.Unlock()
	if err := c.Write(context.Background(), websocket.MessageText, text); err != nil {
		e.th.t.Error(err)
	}
}

// dialMedia opens a session's connection.
func (e *fakeEdge) dialMedia(session string) (*websocket.Conn, error) {
	c, _, err := websocket.Dial(context.Background(), e.th.server.URL+"/api/v1/edge/live/"+session, &websocket.DialOptions{HTTPHeader: e.th.header(e.th.secret)})
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	e.sessions[session] = c
	e.mu.Unlock()
	return c, nil
}

var videoFormat = bongsu.LiveText{Type: bongsu.LiveTypeFormat, MIME: `video/mp4; codecs="avc1.64001f"`, Codec: "h264", Width: 320, Height: 240, FPS: 25}

// packet makes a binary message of the edge.
func packet(kind bongsu.LiveKind, flags uint8, sent time.Duration, seq int, payload []byte) []byte {
	h := bongsu.LiveHeader{Kind: kind, Flags: flags, Sent: uint16(sent.Milliseconds()), Age: 5 * time.Millisecond, Seq: uint64(seq)}
	return append(h.Append(nil), payload...)
}

// film sends pictures until the connection ends. The payload of each says its number.
func (e *fakeEdge) film(t bongsu.LiveText) {
	c, err := e.dialMedia(t.Session)
	if err != nil {
		return // the view is over already
	}
	defer c.CloseNow()
	ctx := c.CloseRead(context.Background())
	began := time.Now()
	write := func(typ websocket.MessageType, b []byte) bool { return c.Write(ctx, typ, b) == nil }
	if !write(websocket.MessageText, videoFormat.Encode()) || !write(websocket.MessageBinary, packet(bongsu.LiveInit, 0, 0, 0, []byte("init"))) {
		return
	}
	tick := time.NewTicker(e.every)
	defer tick.Stop()
	for n := 0; ; n++ {
		flags := uint8(0)
		if n%gopLength == 0 {
			flags = bongsu.LiveKey
		}
		payload := append(fmt.Appendf(nil, "%d ", n), make([]byte, e.size)...)
		if !write(websocket.MessageBinary, packet(bongsu.LiveFragment, flags, time.Since(began), n+1, payload)) {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// screen is a viewer that reads.
type screen struct {
	conn *websocket.Conn
	done chan struct{}

	mu      sync.Mutex
	texts   []bongsu.LiveText
	boxes   []bongsu.LiveBoxes
	heads   []bongsu.LiveHeader // of pictures
	numbers []int               // of pictures
	at      []time.Time
	lag     bongsu.LiveLag
	inits   int
	wrong   string
	status  websocket.StatusCode
}

// look opens a live view with a cookie, as a browser does.
func (th *theatre) look(cookie, camera string) *screen {
	th.t.Helper()
	return th.lookAt(th.server.URL, cookie, camera)
}

func (th *theatre) lookAt(base, cookie, camera string) *screen {
	th.t.Helper()
	camera, query, _ := strings.Cut(camera, "?")
	conn, _, err := websocket.Dial(th.t.Context(), base+"/api/v1/cameras/"+string(th.edge)+"/"+camera+"/live?"+query, &websocket.DialOptions{
		HTTPHeader: http.Header{"Cookie": {auth.CookieName + "=" + cookie}, "Origin": {base}}})
	if err != nil {
		th.t.Fatal(err)
	}
	conn.SetReadLimit(bongsu.MaxLiveMessageBytes)
	s := &screen{conn: conn, done: make(chan struct{})}
	go s.read()
	th.t.Cleanup(s.close)
	return s
}

func (s *screen) close() {
	s.conn.CloseNow()
	<-s.done
}

func (s *screen) read() {
	defer close(s.done)
	for {
		typ, b, err := s.conn.Read(context.Background())
		s.mu.Lock()
		if err != nil {
			s.status = websocket.CloseStatus(err)
			s.mu.Unlock()
			return
		}
		s.take(typ, b)
		s.mu.Unlock()
	}
}

func (s *screen) take(typ websocket.MessageType, b []byte) {
	if typ == websocket.MessageText && bongsu.TextType(b) == bongsu.LiveTypeBoxes {
		found, err := bongsu.ParseLiveBoxes(b)
		if err != nil {
			s.wrong = err.Error()
		}
		s.boxes = append(s.boxes, found)
		return
	}
	if typ == websocket.MessageText {
		t, err := bongsu.ParseLiveText(b)
		if err != nil {
			s.wrong = err.Error()
		}
		s.texts = append(s.texts, t)
		return
	}
	h, payload, err := bongsu.ParseLiveHeader(b)
	switch {
	case err != nil:
		s.wrong = err.Error()
	case h.Kind == bongsu.LiveInit:
		s.inits++
	default:
		var n int
		fmt.Sscan(string(payload[:min(len(payload), 8)]), &n)
		if last := len(s.numbers) - 1; s.inits == 0 || last < 0 && !h.Key() || last >= 0 && n != s.numbers[last]+1 && !h.Key() {
			s.wrong = fmt.Sprintf("picture %d after %v is no key frame, or stands before the init segment", n, s.numbers)
		}
		now := time.Now()
		h.Age += s.lag.Late(h.Sent, now)
		s.heads, s.numbers, s.at = append(s.heads, h), append(s.numbers, n), append(s.at, now)
	}
}

func (s *screen) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.numbers)
}

// found gives the boxes that came.
func (s *screen) found() []bongsu.LiveBoxes {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.boxes
}

// last is the last state told.
func (s *screen) last() bongsu.LiveText {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(s.texts) - 1; i >= 0; i-- {
		if s.texts[i].Type == bongsu.LiveTypeState {
			return s.texts[i]
		}
	}
	return bongsu.LiveText{}
}

func (s *screen) good(t *testing.T) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wrong != "" {
		t.Error(s.wrong)
	}
}
