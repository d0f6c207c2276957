package console

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"bongsu"
	"bongsu/cloud/alerts"
	"bongsu/cloud/archive"
	"bongsu/cloud/archive/sqlite"
	"bongsu/cloud/audit"
	"bongsu/cloud/auth"
	"bongsu/cloud/objects/disk"
	"bongsu/deploy/faults/witness"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// site is the whole server but for ingest and its worker, over the real stores.
type site struct {
	t        *testing.T
	dir      string
	archive  *sqlite.Archive
	objects  *disk.Store
	auth     *auth.Service
	console  *Console
	handlers map[string]http.Handler
	server   *httptest.Server
	stop     func() // ends Run; may be called again
	clock    *clock
	log      *buffer
	edge     bongsu.EdgeID
	made     int // events made, to keep their times apart
}

type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// buffer is a log that many may write.
type buffer = witness.Output

const password = "canary-Pa55word-봉수"

// newSite starts a site; change may alter its options.
func newSite(t *testing.T, change ...func(*Options)) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir(), clock: &clock{t: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)}, log: &buffer{}}
	log := slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var err error
	if s.archive, err = sqlite.Open(t.Context(), sqlite.Options{Path: filepath.Join(s.dir, "cloud.db"), Log: log}); err != nil {
		t.Fatal(err)
	}
	if s.objects, err = disk.Open(disk.Options{Dir: filepath.Join(s.dir, "objects"), Now: s.clock.now}); err != nil {
		t.Fatal(err)
	}
	recorder := audit.New(audit.Options{Store: s.archive, Now: s.clock.now, Log: log})
	s.auth = auth.New(auth.Options{
		Store: s.archive, Audit: recorder, Now: s.clock.now, Log: log, SetupFile: filepath.Join(s.dir, "setup-code"),
		Hasher: auth.NewHasher(auth.Params{MemoryKiB: 64, Passes: 1, Lanes: 1}, 4),
	})
	o := Options{
		Archive: s.archive, Objects: s.objects, Auth: s.auth, Audit: recorder, Policy: alerts.DefaultPolicy(),
		Version: "1.2.3", Now: s.clock.now, Log: log, PingEvery: 20 * time.Millisecond,
	}
	for _, f := range change {
		f(&o)
	}
	s.console = New(o)
	s.handlers = s.console.Handlers()
	for _, name := range []string{"edge.events", "edge.cameras", "edge.clips", "edge.clip.data", "edge.clip.complete", "edge.live", "edge.live.media", "edge.command", "live.view",
		"edges.setup", "edges.probe", "edges.setup.put", "edges.setup.remove"} {
		s.handlers[name] = http.NotFoundHandler()
	}
	h, err := auth.NewGuard(s.auth, auth.GuardOptions{Secure: o.Secure, Log: log}).Mux(s.handlers)
	if err != nil {
		t.Fatal(err)
	}
	s.start(h)
	s.enrol()
	return s
}

func (s *site) start(h http.Handler) {
	s.server = httptest.NewServer(h)
	ctx, cancel := context.WithCancel(s.t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.console.Run(ctx)
	}()
	s.stop = func() { cancel(); <-ended }
	s.t.Cleanup(func() {
		s.stop()
		s.server.CloseClientConnections()
		s.server.Close()
		http.DefaultClient.CloseIdleConnections()
		s.archive.Close()
		s.objects.Close()
	})
}

func (s *site) enrol() {
	s.t.Helper()
	token, _, err := s.auth.EdgeToken(s.t.Context(), auth.CLI, "정문")
	if err != nil {
		s.t.Fatal(err)
	}
	e, err := s.auth.Enrol(s.t.Context(), "192.0.2.1", bongsu.EnrolRequest{Token: token, Name: "정문"})
	if err != nil {
		s.t.Fatal(err)
	}
	s.edge = e.Edge
}

// user is somebody who talks to the site with a token.
type user struct {
	*site
	token string
}

func (s *site) user(username string, role archive.Role) *user {
	s.t.Helper()
	if _, err := s.auth.AddUser(s.t.Context(), auth.CLI, auth.NewUser{Username: username, Name: "김 " + username, Role: role, Password: password}); err != nil {
		s.t.Fatal(err)
	}
	token, err := s.auth.UserToken(s.t.Context(), auth.CLI, username, "test", 0)
	if err != nil {
		s.t.Fatal(err)
	}
	return &user{s, token}
}

func (u *user) request(method, path string, in any, header ...string) *http.Request {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			panic(err)
		}
		body = bytes.NewReader(b)
	}
	r, err := http.NewRequest(method, u.server.URL+path, body)
	if err != nil {
		panic(err)
	}
	r.Header.Set("Authorization", "Bearer "+u.token)
	if in != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

type answer struct {
	status int
	header http.Header
	body   []byte
}

func (u *user) ask(method, path string, in any, header ...string) answer {
	u.t.Helper()
	resp, err := http.DefaultClient.Do(u.request(method, path, in, header...))
	if err != nil {
		u.t.Error(err)
		return answer{}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		u.t.Error(err)
	}
	return answer{resp.StatusCode, resp.Header, body}
}

// get asks and decodes what must be a 200.
func (u *user) get(path string, out any) {
	u.t.Helper()
	a := u.ask("GET", path, nil)
	if a.status != 200 {
		u.t.Fatalf("GET %s: %d %s", path, a.status, a.body)
	}
	if err := json.Unmarshal(a.body, out); err != nil {
		u.t.Fatalf("GET %s: %v in %s", path, err, a.body)
	}
}

// sentence is the message of a refusal.
func (a answer) sentence() string {
	var e bongsu.WireError
	if err := json.Unmarshal(a.body, &e); err != nil {
		return fmt.Sprintf("no WireError: %s", a.body)
	}
	return fmt.Sprintf("%d %s: %s", a.status, e.Error.Code, e.Error.Message)
}

// newEvent makes an event like an edge does; events are two minutes apart, so that each raises
// its own alert.
func (s *site) newEvent(change ...func(*bongsu.Event)) bongsu.Event {
	s.made++
	at := s.clock.now().Add(time.Duration(s.made) * 2 * time.Minute)
	e := bongsu.Event{
		ID: bongsu.NewEventID(at), Revision: 1, Camera: "cam1", CameraName: "정문 1", Rule: "zone1",
		Kind: bongsu.KindIntrusion, Priority: bongsu.PriorityHigh, State: bongsu.EventOpen,
		Start: at, Fired: at.Add(400 * time.Millisecond), Clock: bongsu.Clock{WallQuality: "synchronised"},
		Class: "person", Score: 0.87, Track: 7, Model: bongsu.ModelRef{Name: "yolox-s", Version: "1"},
		Stamps: bongsu.Stamps{},
	}
	for _, f := range change {
		f(&e)
	}
	return e
}

var jpeg = append([]byte{0xff, 0xd8, 0xff}, bytes.Repeat([]byte("canary-picture"), 100)...)

// deliver brings a revision all the way into the archive, as ingest and its worker do.
func (s *site) deliver(e bongsu.Event, picture []byte) bongsu.AlertID {
	ctx, now := s.t.Context(), s.clock.now()
	if _, err := s.archive.PutInbox(ctx, s.edge, now, []bongsu.EventRecord{{Event: e, Snapshot: picture}}); err != nil {
		s.t.Error(err)
		return ""
	}
	o := archive.ApplyOptions{At: now, Window: time.Minute, Route: alerts.DefaultPolicy().Route}
	if picture != nil {
		key, sum := archive.SnapshotKey(e.Key()), hash(picture)
		if err := s.objects.Put(ctx, key, "image/jpeg", int64(len(picture)), sum, bytes.NewReader(picture)); err != nil {
			s.t.Error(err)
		}
		o.Snapshot = &archive.Snapshot{Key: key, SHA256: sum, Bytes: int64(len(picture))}
	}
	done, err := s.archive.Apply(ctx, e.Key(), o)
	if err != nil {
		s.t.Error(err)
	}
	return done.Alert
}

func (s *site) event(change ...func(*bongsu.Event)) (bongsu.EventID, bongsu.AlertID) {
	e := s.newEvent(change...)
	return e.ID, s.deliver(e, jpeg)
}

func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// clip brings a clip part in; without bytes it is declared only.
func (s *site) clip(id bongsu.EventID, part int, body []byte, complete bool) {
	s.t.Helper()
	ctx, now := s.t.Context(), s.clock.now()
	c := bongsu.Clip{
		Event: id, Part: part, Camera: "cam1", State: bongsu.ClipReady, SHA256: hash(body), Bytes: int64(len(body)),
		Codec: "avc1.64001f", Start: now, DurationUS: 9_000_000,
	}
	if _, err := s.archive.DeclareClip(ctx, s.edge, c, now); err != nil {
		s.t.Fatal(err)
	}
	if !complete {
		return
	}
	if err := s.objects.Put(ctx, archive.ClipKey(c.Key(), c.SHA256), "video/mp4", c.Bytes, c.SHA256, bytes.NewReader(body)); err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.archive.CompleteClip(ctx, s.edge, c.Key(), c.SHA256, now); err != nil {
		s.t.Fatal(err)
	}
}

// records are the audit records as "actor action target detail", those of the set-up left out.
func (s *site) records() []string {
	s.t.Helper()
	rows, err := s.archive.ListAudit(s.t.Context(), archive.AuditQuery{Limit: archive.MaxPage})
	if err != nil {
		s.t.Fatal(err)
	}
	var out []string
	for _, r := range rows {
		if r.Actor != "cli" && r.Action != audit.EdgeEnrol {
			out = append(out, strings.Join([]string{r.Actor, r.Action, r.Target, r.Detail}, " "))
		}
	}
	return out
}

// until waits for a condition, with a deadline.
func until(t *testing.T, what string, f func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	for !f() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("in vain: %s", what)
		}
	}
}
