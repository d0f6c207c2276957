package console

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bongsu"
	"bongsu/cloud/archive"
	"bongsu/cloud/audit"
	"bongsu/cloud/objects"
)

// send is ask with a body as it is.
func (u *user) send(r *http.Request, body string) answer {
	u.t.Helper()
	r.Body = io.NopCloser(strings.NewReader(body))
	r.ContentLength = int64(len(body))
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		u.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		u.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, b}
}

func TestSnapshotIsShownAndRecorded(t *testing.T) {
	s := newSite(t)
	kim := s.user("kim", archive.RoleOperator)
	id, _ := s.event()
	path := "/api/v1/events/" + string(id) + "/snapshot"
	for range 3 {
		a := kim.ask("GET", path, nil)
		if a.status != 200 || !bytes.Equal(a.body, jpeg) || a.header.Get("Content-Type") != "image/jpeg" || a.header.Get("Cache-Control") != "no-store" {
			t.Fatalf("%d %v", a.status, a.header)
		}
	}
	want := fmt.Sprintf("kim snapshot.view camera %s/cam1 event %s with token test", s.edge, id)
	if got := s.records(); len(got) != 1 || got[0] != want {
		t.Errorf("records %q, want %q", got, want)
	}
	bare := s.newEvent()
	s.deliver(bare, nil)
	if a := kim.ask("GET", "/api/v1/events/"+string(bare.ID)+"/snapshot", nil); a.status != 404 {
		t.Errorf("without a picture: %s", a.sentence())
	}
	if n := len(s.records()); n != 1 {
		t.Errorf("what was not shown was recorded: %q", s.records())
	}
}

func TestClipWithRanges(t *testing.T) {
	s := newSite(t)
	kim, lee := s.user("kim", archive.RoleOperator), s.user("lee", archive.RoleOperator)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	body := make([]byte, 300_000)
	for i := range body {
		body[i] = byte(rnd.Uint32())
	}
	id, _ := s.event()
	s.clip(id, 0, body, true)
	path := "/api/v1/events/" + string(id) + "/clips/0"
	a := kim.ask("GET", path, nil)
	if a.status != 200 || !bytes.Equal(a.body, body) || a.header.Get("Accept-Ranges") != "bytes" || a.header.Get("Content-Type") != "video/mp4" || a.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("whole: %d %v", a.status, a.header)
	}
	tag := a.header.Get("ETag")
	for range 100 {
		from := rnd.IntN(len(body))
		to := min(len(body)-1, from+rnd.IntN(50_000))
		a := kim.ask("GET", path, nil, "Range", fmt.Sprintf("bytes=%d-%d", from, to))
		if a.status != 206 || !bytes.Equal(a.body, body[from:to+1]) || a.header.Get("Content-Range") != fmt.Sprintf("bytes %d-%d/%d", from, to, len(body)) {
			t.Fatalf("bytes %d-%d: %d, %d bytes, %v", from, to, a.status, len(a.body), a.header)
		}
	}
	for header, want := range map[string]int{"bytes=-100": 206, "bytes=299999-": 206, "bytes=300000-": 416, "bytes=5-1": 416, "bytes=0-9,20-29": 206} {
		if a := kim.ask("GET", path, nil, "Range", header); a.status != want {
			t.Errorf("%s: %d, want %d", header, a.status, want)
		}
	}
	if a := kim.ask("GET", path, nil, "If-None-Match", tag); a.status != 304 || len(a.body) != 0 {
		t.Errorf("unchanged: %d", a.status)
	}
	if a := kim.ask("HEAD", path, nil); a.status != 200 || a.header.Get("Content-Length") != "300000" {
		t.Errorf("HEAD: %d %v", a.status, a.header)
	}
	if n := len(s.records()); n != 1 {
		t.Errorf("%d records for one user and clip within a minute, want 1", n)
	}
	lee.ask("GET", path, nil, "Range", "bytes=0-1")
	if n := len(s.records()); n != 2 {
		t.Errorf("%d records after another user, want 2", n)
	}
	s.clock.add(time.Minute)
	kim.ask("GET", path, nil, "Range", "bytes=0-1")
	got := s.records()
	if len(got) != 4 || !strings.Contains(got[2], "more since 2026-11-21T09:00:00Z") || !strings.HasPrefix(got[3], "kim clip.view") {
		t.Errorf("after a minute: %q", got)
	}
}

// What was damaged or lost on the disk is said to be so, and never served as good.
func TestDamagedAndMissing(t *testing.T) {
	s := newSite(t)
	kim := s.user("kim", archive.RoleOperator)
	file := func(body []byte) (string, string) {
		id, _ := s.event()
		s.clip(id, 0, body, true)
		var found string
		filepath.Walk(filepath.Join(s.dir, "objects"), func(p string, info os.FileInfo, err error) error {
			if err == nil && !info.IsDir() {
				if b, _ := os.ReadFile(p); bytes.Equal(b, body) {
					found = p
				}
			}
			return nil
		})
		if found == "" {
			t.Fatal("the clip's file was not found")
		}
		return "/api/v1/events/" + string(id) + "/clips/0", found
	}
	path, name := file([]byte("to be damaged: secret pictures"))
	if err := os.WriteFile(name, []byte("to be damaged: secret picturez"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		a := kim.ask("GET", path, nil)
		if a.status != 422 || !strings.Contains(a.sentence(), "is damaged") || strings.Contains(string(a.body), "secret pict") {
			t.Errorf("damaged: %d %s", a.status, a.body)
		}
	}
	path, name = file([]byte("to be lost"))
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	if a := kim.ask("GET", path, nil); a.status != 404 && a.status != 422 || !strings.Contains(a.sentence(), "clip part 0 of event") {
		t.Errorf("missing: %s", a.sentence())
	}
	id, _ := s.event()
	s.clip(id, 0, []byte("on its way"), false)
	if a := kim.ask("GET", "/api/v1/events/"+string(id)+"/clips/0", nil); a.status != 404 || !strings.Contains(a.sentence(), "has not arrived yet") {
		t.Errorf("on its way: %s", a.sentence())
	}
	if got := s.records(); len(got) != 0 {
		t.Errorf("nothing was shown, but recorded: %q", got)
	}
	if n := s.console.counts.damaged.Load(); n != 3 {
		t.Errorf("%d counted as damaged, want 3", n)
	}
}

// counting is a store that counts checks and can hold them.
type counting struct {
	objects.Store
	checks atomic.Int64
	hold   chan struct{}
}

func (c *counting) Verify(ctx context.Context, key string) error {
	c.checks.Add(1)
	if c.hold != nil {
		<-c.hold
	}
	return c.Store.Verify(ctx, key)
}

func TestBytesAreCheckedOnce(t *testing.T) {
	store := &counting{hold: make(chan struct{})}
	s := newSite(t, func(o *Options) { store.Store = o.Objects; o.Objects = store })
	kim := s.user("kim", archive.RoleOperator)
	id, _ := s.event()
	s.clip(id, 0, []byte("pictures"), true)
	path := "/api/v1/events/" + string(id) + "/clips/0"
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if a := kim.ask("GET", path, nil); a.status != 200 {
				t.Error(a.sentence())
			}
		})
	}
	until(t, "a check begins", func() bool { return store.checks.Load() > 0 })
	close(store.hold)
	wg.Wait()
	if n := store.checks.Load(); n != 1 {
		t.Errorf("%d checks, want 1", n)
	}
	s.clock.add(verifiedFor + time.Second)
	kim.ask("GET", path, nil)
	if n := store.checks.Load(); n != 2 {
		t.Errorf("%d checks after an hour, want 2", n)
	}
}

func TestVerifierStaysSmall(t *testing.T) {
	s := newSite(t)
	v := newVerifier(s.objects, s.clock.now)
	for i := range verifiedMost + 10 {
		done := make(chan struct{})
		close(done)
		v.mu.Lock()
		v.forget()
		v.seen[fmt.Sprint(i)] = &verified{done: done, at: s.clock.now()}
		v.mu.Unlock()
	}
	if n := len(v.seen); n > verifiedMost {
		t.Errorf("%d remembered", n)
	}
}

// mute is an audit store that can fail.
type mute struct {
	archive.Audits
	broken atomic.Bool
}

func (m *mute) AppendAudit(ctx context.Context, r archive.AuditRecord, seal func(archive.AuditRecord) string) (archive.AuditRecord, error) {
	if m.broken.Load() {
		return r, bongsu.Errorf(bongsu.CodeUnavailable, "disk full")
	}
	return m.Audits.AppendAudit(ctx, r, seal)
}

// Whatever shows a picture or takes data out is refused while it cannot be recorded.
func TestNothingIsShownUnrecorded(t *testing.T) {
	m := &mute{}
	s := newSite(t, func(o *Options) {
		m.Audits = o.Archive
		o.Audit = audit.New(audit.Options{Store: m, Now: o.Now})
	})
	kim := s.user("kim", archive.RoleOperator)
	id, _ := s.event()
	s.clip(id, 0, []byte("canary-picture in a clip"), true)
	s.report(bongsu.CameraStatus{ID: "cam1", State: bongsu.CameraLive, Still: jpeg, StillAt: s.clock.now()})
	paths := []string{"events/" + string(id) + "/snapshot", "events/" + string(id) + "/clips/0", "cameras/" + string(s.edge) + "/cam1/still", "events.csv"}
	m.broken.Store(true)
	for _, p := range paths {
		a := kim.ask("GET", "/api/v1/"+p, nil)
		if a.status != 503 || strings.Contains(string(a.body), "canary-picture") || strings.Contains(string(a.body), string(id)) || a.header.Get("Retry-After") == "" {
			t.Errorf("%s: %d %.80s", p, a.status, a.body)
		}
	}
	m.broken.Store(false)
	for _, p := range paths {
		if a := kim.ask("GET", "/api/v1/"+p, nil); a.status != 200 {
			t.Errorf("%s, mended: %s", p, a.sentence())
		}
	}
}

func TestStillOfACamera(t *testing.T) {
	s := newSite(t)
	kim := s.user("kim", archive.RoleOperator)
	s.report(bongsu.CameraStatus{ID: "cam1", Name: "정문", State: bongsu.CameraLive, Still: jpeg, StillAt: s.clock.now()}, bongsu.CameraStatus{ID: "cam2", State: bongsu.CameraLive})
	a := kim.ask("GET", "/api/v1/cameras/"+string(s.edge)+"/cam1/still?at=2026-11-21T09:00:00Z", nil)
	if a.status != 200 || !bytes.Equal(a.body, jpeg) || a.header.Get("Content-Type") != "image/jpeg" || a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %v", a.status, a.header)
	}
	if got := s.records(); len(got) != 1 || got[0] != fmt.Sprintf("kim still.view camera %s/cam1 with token test", s.edge) {
		t.Errorf("records: %q", got)
	}
	for _, path := range []string{string(s.edge) + "/cam2", string(s.edge) + "/cam9", "nobody/cam1"} {
		if a := kim.ask("GET", "/api/v1/cameras/"+path+"/still", nil); a.status != 404 {
			t.Errorf("%s: %s", path, a.sentence())
		}
	}
}

func (s *site) report(cameras ...bongsu.CameraStatus) {
	s.t.Helper()
	err := s.archive.ReportCameras(s.t.Context(), s.edge, s.clock.now(), bongsu.CamerasRequest{Version: "1", At: s.clock.now(), Cameras: cameras})
	if err != nil {
		s.t.Fatal(err)
	}
}
