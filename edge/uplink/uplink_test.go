package uplink

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bongsu"
)

// start runs an uplink until the test ends and gives what it logs.
func start(t *testing.T, c *fakeCloud, s *fakeStore, change func(*Options)) (*Uplink, *logged) {
	t.Helper()
	log := new(logged)
	client, err := NewClient("")
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Store: s, URL: c.URL, Credential: credential, Version: "test", Client: client, ReportEvery: time.Hour,
		MinBackoff: 5 * time.Millisecond, MaxBackoff: 20 * time.Millisecond, Log: slog.New(slog.NewTextHandler(log, nil))}
	if change != nil {
		change(&o)
	}
	u, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- u.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run: %v", err)
		}
		if strings.Contains(log.String(), credential) {
			t.Error("the log shows the credential")
		}
	})
	return u, log
}

type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (s *fakeStore) ackedEvents() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.acked)
}

func (s *fakeStore) clipEnded(k bongsu.ClipKey) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.clipEnd[k]
}

func TestEventsArriveAndAreStamped(t *testing.T) {
	c, s := newFakeCloud(t), newFakeStore(t)
	u, _ := start(t, c, s, nil)
	k := s.put(1)
	eventually(t, "acknowledged", func() bool { return s.ackedEvents() == 1 })
	c.mu.Lock()
	ev := c.rows[k]
	c.mu.Unlock()
	if ev.Stamps.SentUS == 0 {
		t.Error("no stamp of when it was sent")
	}
	eventually(t, "online", func() bool { st := u.Status(); return st.State == stateOnline && st.Sent.Events == 1 })
}

func TestBacklogIsFilledInWhileTheNewestGoFirst(t *testing.T) {
	c, s := newFakeCloud(t), newFakeStore(t)
	const n = 500
	for i := range n {
		s.put(i)
	}
	start(t, c, s, nil)
	eventually(t, "all acknowledged", func() bool { return s.ackedEvents() == n })
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.order) != n {
		t.Errorf("%d rows for %d events", len(c.order), n)
	}
	first := map[int]bool{}
	for _, k := range c.order[:liveBatch+bongsu.MaxEventsPerPost] {
		var i int
		fmt.Sscanf(string(k.ID[24:]), "%d", &i)
		first[i] = true
	}
	if !first[n-1] {
		t.Error("the newest was not among the first")
	}
}

// TestRepliesLost: the cloud stores and then the connection dies; the retry is known (row R14).
func TestRepliesLost(t *testing.T) {
	c, s := newFakeCloud(t), newFakeStore(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	var mu sync.Mutex
	lost := 0
	c.after = func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if rng.IntN(2) == 0 {
			lost++
			panic(http.ErrAbortHandler)
		}
	}
	const n = 300
	for i := range n {
		s.put(i)
	}
	u, _ := start(t, c, s, nil)
	clip := s.putClip(t, 1, bytes.Repeat([]byte("clip"), 5000))
	eventually(t, "all acknowledged", func() bool { return s.ackedEvents() == n && s.clipEnded(clip.Key()) == "acked" })
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.order) != n {
		t.Errorf("%d rows for %d events", len(c.order), n)
	}
	mu.Lock()
	defer mu.Unlock()
	if lost > 0 && u.Status().Sent.Known == 0 && c.posts > n/liveBatch*2 {
		t.Error("replies were lost, but nothing was known on the retry")
	}
}

// TestBadAnswers: whatever answers in the cloud's place, nothing is taken for delivered, the
// reason is shown, and all of it arrives afterwards (rows R17, R18).
func TestBadAnswers(t *testing.T) {
	html := func(status int) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(status)
			io.WriteString(w, "<html>Please log in</html>")
			return true
		}
	}
	for name, tc := range map[string]struct {
		fault  func(http.ResponseWriter, *http.Request) bool
		state  string
		reason string
	}{
		"login page":  {html(200), stateOffline, "not Bongsu's cloud"},
		"html 404":    {html(404), stateOffline, "not Bongsu's cloud"},
		"proxy's 502": {html(502), stateOffline, "status 502"},
		"captive 302": {func(w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
			return true
		}, stateOffline, "not Bongsu's cloud"},
		"500": {func(w http.ResponseWriter, r *http.Request) bool {
			refuse(w, bongsu.CodeInternal, "a defect")
			return true
		}, stateOffline, "a defect"},
		"401": {func(w http.ResponseWriter, r *http.Request) bool {
			refuse(w, bongsu.CodeUnauthorized, "who?")
			return true
		}, stateDenied, "who?"},
		"throttled": {func(w http.ResponseWriter, r *http.Request) bool {
			refuse(w, bongsu.CodeThrottled, "too many")
			return true
		}, stateThrottled, "too many"},
		"hangs up":      {func(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) }, stateOffline, "cannot be reached"},
		"wrong results": {func(w http.ResponseWriter, r *http.Request) bool { json200(w, `{"results":[]}`); return true }, stateOffline, "not Bongsu's cloud"},
		"other's results": {func(w http.ResponseWriter, r *http.Request) bool {
			json200(w, `{"results":[{"id":"x","revision":1,"status":"stored"}]}`)
			return true
		}, stateOffline, "not sent"},
		"not JSON": {func(w http.ResponseWriter, r *http.Request) bool { json200(w, `<html>`); return true }, stateOffline, "not Bongsu's cloud"},
		"endless answer": {func(w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Content-Type", "application/json")
			w.Write(make([]byte, maxAnswerBytes+2))
			return true
		}, stateOffline, "not Bongsu's cloud"},
	} {
		t.Run(name, func(t *testing.T) {
			c, s := newFakeCloud(t), newFakeStore(t)
			onlyEvents := func(w http.ResponseWriter, r *http.Request) bool {
				return strings.HasSuffix(r.URL.Path, "/events") && tc.fault(w, r)
			}
			c.setFault(onlyEvents)
			s.put(1)
			u, log := start(t, c, s, nil)
			eventually(t, "the log tells why", func() bool { return strings.Contains(log.String(), tc.reason) })
			if s.ackedEvents() != 0 {
				t.Fatal("taken for delivered")
			}
			eventually(t, tc.state, func() bool {
				st := u.Status()
				return st.State == tc.state && strings.Contains(st.Reason, tc.reason) || st.State == stateOnline // a report came between
			})
			c.setFault(nil)
			eventually(t, "delivered afterwards", func() bool { return s.ackedEvents() == 1 })
			c.mu.Lock()
			defer c.mu.Unlock()
			for _, r := range c.requests {
				if strings.Contains(r, "elsewhere") {
					t.Error("a redirect was followed")
				}
				if strings.Contains(r, credential) {
					t.Error("the credential is in an address")
				}
			}
		})
	}
}

func json200(w http.ResponseWriter, body string) {
	w.Header().Set("Content-Type", "application/json")
	io.WriteString(w, body)
}

func TestRetryAfterIsHonoured(t *testing.T) {
	c, s := newFakeCloud(t), newFakeStore(t)
	var calls atomic.Int64
	c.setFault(func(w http.ResponseWriter, r *http.Request) bool {
		calls.Add(1)
		w.Header().Set("Retry-After", "3600")
		refuse(w, bongsu.CodeUnavailable, "later")
		return true
	})
	s.put(1)
	u, _ := start(t, c, s, nil)
	eventually(t, "throttled", func() bool { return u.Status().State == stateThrottled })
	if at := u.Status().RetryAt; time.Until(at) > maxRetryAfter+time.Minute || time.Until(at) < maxRetryAfter-time.Minute {
		t.Errorf("the next try is at %v", at)
	}
	if n := calls.Load(); n > 4 { // each lane may have had one on the way
		t.Errorf("%d requests after being asked to wait", n)
	}
}

func TestParseRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for in, want := range map[string]time.Duration{"": 0, "7": 7 * time.Second, "-1": 0, "999999999": maxRetryAfter, "soon": 0,
		now.Add(30 * time.Second).Format(http.TimeFormat): 30 * time.Second, now.Add(-time.Hour).Format(http.TimeFormat): 0} {
		if got := parseRetryAfter(in, now); got != want {
			t.Errorf("%q: got %v, want %v", in, got, want)
		}
	}
}

func TestRejectedEventsAreSetAside(t *testing.T) {
	c, s := newFakeCloud(t), newFakeStore(t)
	bad := s.put(3)
	s.put(4)
	c.setFault(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/events") {
			return false
		}
		b, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(b))
		if bytes.Contains(b, []byte(bad.ID)) {
			refuse(w, bongsu.CodeInvalid, "poison") // the whole post is refused
			return true
		}
		return false
	})
	u, _ := start(t, c, s, nil)
	eventually(t, "one rejected, one acknowledged", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.rejected[bad] == bongsu.CodeInvalid && len(s.acked) == 1
	})
	eventually(t, "counted", func() bool { return u.Status().Sent.Rejected == 1 })
}

func TestRejectedByResult(t *testing.T) {
	c, s := newFakeCloud(t), newFakeStore(t)
	k := s.put(3)
	c.setFault(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/events") {
			return false
		}
		b, _ := json.Marshal(bongsu.EventsResponse{Results: []bongsu.EventResult{{EventKey: k, Status: bongsu.EventRejected, Code: bongsu.CodeInvalid}}})
		json200(w, string(b))
		return true
	})
	start(t, c, s, nil)
	eventually(t, "rejected", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return s.rejected[k] == bongsu.CodeInvalid })
}

func TestReports(t *testing.T) {
	c, s := newFakeCloud(t), newFakeStore(t)
	changed := make(chan struct{})
	at := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	start(t, c, s, func(o *Options) {
		o.CamerasChanged = changed
		o.Cameras = func() []bongsu.CameraStatus {
			return []bongsu.CameraStatus{{ID: "yard", State: bongsu.CameraLive, Still: []byte("jpeg"), StillAt: at}}
		}
	})
	reports := func() int { c.mu.Lock(); defer c.mu.Unlock(); return len(c.reports) }
	eventually(t, "the first report", func() bool { return reports() == 1 })
	changed <- struct{}{}
	eventually(t, "a report on change", func() bool { return reports() == 2 })
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.reports[0].Cameras[0].Still) == 0 || len(c.reports[1].Cameras[0].Still) != 0 {
		t.Error("a still is to be sent once")
	}
	if c.reports[0].Version != "test" {
		t.Errorf("%+v", c.reports[0])
	}
}

func TestNewRefuses(t *testing.T) {
	for in, want := range map[string]string{
		"http://cloud.example":      "must begin with https://",
		"cloud":                     "is no URL",
		"https://u:hunter2@cloud.x": "user and password",
		"ftp://127.0.0.1":           "must begin with https://",
		"https://ok.example":        "not enrolled",
	} {
		_, err := New(Options{URL: in})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", in, err)
		}
	}
	if _, err := NewClient(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a missing file of authorities")
	}
	empty := filepath.Join(t.TempDir(), "empty")
	os.WriteFile(empty, []byte("no PEM"), 0o600)
	if _, err := NewClient(empty); err == nil || !strings.Contains(err.Error(), "no PEM certificate") {
		t.Errorf("%v", err)
	}
}

// TestUnknownAuthority: a server whose certificate nobody vouches for gets no payload.
func TestUnknownAuthority(t *testing.T) {
	c, s := newFakeCloud(t), newFakeStore(t)
	c.Close()
	got := atomic.Int64{}
	srv := newTLSServer(t, func(http.ResponseWriter, *http.Request) { got.Add(1) })
	c.URL = srv
	s.put(1)
	u, _ := start(t, c, s, nil)
	eventually(t, "the reason is shown", func() bool { return strings.Contains(u.Status().Reason, "ca_file") })
	if got.Load() != 0 {
		t.Error("a request reached a server that was not verified")
	}
}

// TestSilentPeer: a peer that takes the connection and says nothing holds nobody for ever.
func TestSilentPeer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := NewClient("")
	if err != nil {
		t.Fatal(err)
	}
	client.Transport.(*http.Transport).ResponseHeaderTimeout = 50 * time.Millisecond
	c, s := &fakeCloud{}, newFakeStore(t)
	c.Server = newFakeCloud(t).Server
	c.URL = "http://" + l.Addr().String()
	s.put(1)
	u, _ := start(t, c, s, func(o *Options) { o.Client = client })
	eventually(t, "noticed", func() bool { return u.Status().State == stateOffline })
}

func TestEnrolAndCredentialFile(t *testing.T) {
	c := newFakeCloud(t)
	if _, err := Enrol(t.Context(), nil, c.URL, "used", "box"); bongsu.CodeOf(err) != bongsu.CodeUnauthorized {
		t.Errorf("a used token: %v", err)
	}
	client, _ := NewClient("")
	defer client.CloseIdleConnections()
	got, err := Enrol(t.Context(), client, c.URL, "once", "box")
	if err != nil || got.Credential != credential {
		t.Fatalf("%v, %v", got, err)
	}
	path := filepath.Join(t.TempDir(), "credential")
	if _, err := LoadCredential(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("never enrolled: %v", err)
	}
	for range 2 {
		if err := SaveCredential(path, got); err != nil {
			t.Fatal(err)
		}
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	if again, err := LoadCredential(path); err != nil || again != got {
		t.Errorf("%v, %v", again, err)
	}
	if list, _ := os.ReadDir(filepath.Dir(path)); len(list) != 1 {
		t.Errorf("files are left: %v", list)
	}
	os.Chmod(path, 0o644)
	if _, err := LoadCredential(path); err == nil || !strings.Contains(err.Error(), "read by others") {
		t.Errorf("%v", err)
	}
	os.WriteFile(path, []byte("{"), 0o600)
	os.Chmod(path, 0o600)
	if _, err := LoadCredential(path); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("%v", err)
	}
	if err := SaveCredential(filepath.Join(path, "no folder"), got); err == nil {
		t.Error("saved into a file")
	}
}

// TestGateJitterAndGrowth checks the waits as numbers, on a clock that stands still.
func TestGateJitterAndGrowth(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, r := range []float64{0, 0.5, 0.999} {
		g := newGate(time.Second, 30*time.Second, func() time.Time { return now }, func() float64 { return r })
		want := time.Second
		for i := range 8 {
			if i == 0 {
				g.failed(errors.New("no route"))
			} else if err := g.waitProbe(t.Context()); err != nil { // a probe books the one after it
				t.Fatal(err)
			}
			wait := g.opens.Sub(now)
			if wait < want/2 || wait > want {
				t.Errorf("rand %v: wait %v, want %v to %v", r, wait, want/2, want)
			}
			g.failed(errors.New("another lane")) // counts as the same failure
			if g.opens.Sub(now) != wait {
				t.Error("one outage counted twice")
			}
			now = g.opens
			want = min(2*want, quickMax)
		}
		if g.open() || !g.ok() || g.ok() || !g.open() {
			t.Error("coming back is told once")
		}
		if err := g.waitProbe(t.Context()); !errors.Is(err, errOpen) {
			t.Errorf("a probe of an open gate: %v", err)
		}
		refused := &cloudError{bongsu.Errorf(bongsu.CodeInternal, "x"), 0}
		for range 8 {
			now = now.Add(time.Hour)
			g.failed(refused)
		}
		if wait := g.opens.Sub(now); wait < 15*time.Second || wait > 30*time.Second {
			t.Errorf("a cloud that answers with errors is left alone for %v", wait)
		}
	}
}

func TestClipsStepAside(t *testing.T) {
	var p politeness
	p.yield() // nobody is there
	p.enter()
	p.enter()
	released := make(chan struct{})
	go func() { p.yield(); close(released) }()
	p.leave()
	select {
	case <-released:
		t.Error("went on while events were on the wire")
	default:
	}
	p.leave()
	<-released
}

// troubledStore fails where a test wants.
type troubledStore struct {
	*fakeStore
	pending, ack atomic.Bool
}

func (s *troubledStore) PendingEvents(newest bool, limit, maxBytes int, skip func(bongsu.EventKey) bool) ([]bongsu.EventRecord, error) {
	if s.pending.Load() {
		return nil, errors.New("disk trouble while reading")
	}
	return s.fakeStore.PendingEvents(newest, limit, maxBytes, skip)
}

func (s *troubledStore) AckEvents(keys ...bongsu.EventKey) error {
	if s.ack.Load() {
		return errors.New("disk trouble while acknowledging")
	}
	return s.fakeStore.AckEvents(keys...)
}

// TestStoreTrouble: an outbox that cannot be read or written is shown, and all goes on when it
// can again; what the cloud has twice it knows.
func TestStoreTrouble(t *testing.T) {
	c, inner := newFakeCloud(t), newFakeStore(t)
	s := &troubledStore{fakeStore: inner}
	s.pending.Store(true)
	inner.put(1)
	u, log := start(t, c, inner, func(o *Options) { o.Store = s })
	eventually(t, "reading fails", func() bool { return strings.Contains(log.String(), "disk trouble while reading") })
	s.ack.Store(true)
	s.pending.Store(false)
	eventually(t, "acknowledging fails", func() bool { return strings.Contains(log.String(), "disk trouble while acknowledging") })
	s.ack.Store(false)
	if st := u.Status(); st.State != stateOnline {
		t.Errorf("trouble with the disk is taken for trouble with the cloud: %+v", st)
	}
	eventually(t, "acknowledged", func() bool { return inner.ackedEvents() == 1 })
	eventually(t, "sent once", func() bool { return u.Status().Sent.Events == 1 })
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.order) != 1 {
		t.Errorf("%d rows", len(c.order))
	}
}

// TestSlowAnswers: a cloud that takes its time is not a cloud that is away, and new events wait
// for one post at most.
func TestSlowAnswers(t *testing.T) {
	c, s := newFakeCloud(t), newFakeStore(t)
	c.after = func(http.ResponseWriter, *http.Request) {
		t := time.NewTimer(30 * time.Millisecond)
		defer t.Stop()
		<-t.C
	}
	u, _ := start(t, c, s, nil)
	for i := range 60 {
		s.put(i)
	}
	eventually(t, "all acknowledged", func() bool { return s.ackedEvents() == 60 })
	eventually(t, "online", func() bool { return u.Status().State == stateOnline })
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.posts > 30 {
		t.Errorf("%d posts for 60 events: they are to go together", c.posts)
	}
}
