package uplink

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"bongsu"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const credential = "cred-canary-7f3a"

// fakeStore is an outbox in memory.
type fakeStore struct {
	lost     []bongsu.Clip
	mu       sync.Mutex
	dir      string
	events   []bongsu.EventRecord
	clips    []bongsu.Clip
	acked    map[bongsu.EventKey]int
	rejected map[bongsu.EventKey]bongsu.Code
	clipEnd  map[bongsu.ClipKey]string
	changed  chan struct{}
}

func newFakeStore(t testing.TB) *fakeStore {
	return &fakeStore{dir: t.TempDir(), acked: map[bongsu.EventKey]int{}, rejected: map[bongsu.EventKey]bongsu.Code{},
		clipEnd: map[bongsu.ClipKey]string{}, changed: make(chan struct{})}
}

func (s *fakeStore) news() {
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *fakeStore) put(n int) bongsu.EventKey {
	s.mu.Lock()
	defer s.mu.Unlock()
	ev := bongsu.Event{ID: bongsu.EventID(fmt.Sprintf("01890a5d-ac96-774b-bcce-%012d", n)), Revision: 1, Camera: "yard"}
	s.events = append(s.events, bongsu.EventRecord{Event: ev})
	s.news()
	return ev.Key()
}

// putSized puts an event with a picture of so many bytes.
func (s *fakeStore) putSized(n, picture int) bongsu.EventKey {
	k := s.put(n)
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.events {
		if s.events[i].Event.Key() == k {
			s.events[i].Snapshot = make([]byte, picture)
		}
	}
	return k
}

func (s *fakeStore) isAcked(k bongsu.EventKey) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.acked[k] > 0
}

func (s *fakeStore) putClip(t testing.TB, n int, content []byte) bongsu.Clip {
	t.Helper()
	h := sha256.Sum256(content)
	c := bongsu.Clip{Event: bongsu.EventID(fmt.Sprintf("01890a5d-ac96-774b-bcce-%012d", n)), State: bongsu.ClipReady, Camera: "yard",
		Bytes: int64(len(content)), SHA256: hex.EncodeToString(h[:])}
	if err := os.WriteFile(s.ClipPath(c.Key()), content, 0o600); err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clips = append(s.clips, c)
	s.news()
	return c
}

func (s *fakeStore) PendingEvents(newest bool, limit, _ int, skip func(bongsu.EventKey) bool) ([]bongsu.EventRecord, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := slices.Clone(s.events)
	if newest {
		slices.Reverse(all)
	}
	var out []bongsu.EventRecord
	for _, r := range all {
		if len(out) < limit && !skip(r.Event.Key()) {
			out = append(out, r)
		}
	}
	return out, nil
}

func (s *fakeStore) drop(k bongsu.EventKey) {
	s.events = slices.DeleteFunc(s.events, func(r bongsu.EventRecord) bool { return r.Event.Key() == k })
}

func (s *fakeStore) AckEvents(keys ...bongsu.EventKey) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range keys {
		s.acked[k]++
		s.drop(k)
	}
	return nil
}

func (s *fakeStore) RejectEvent(k bongsu.EventKey, code bongsu.Code, _ string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rejected[k] = code
	s.drop(k)
	return nil
}

func (s *fakeStore) PendingClips(limit int, _ func(bongsu.ClipKey) bool) []bongsu.Clip {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.clips[:min(limit, len(s.clips))])
}

func (s *fakeStore) ClipPath(k bongsu.ClipKey) string {
	return filepath.Join(s.dir, fmt.Sprintf("%s-%d", k.Event, k.Part))
}

func (s *fakeStore) endClip(k bongsu.ClipKey, how string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clipEnd[k] = how
	s.clips = slices.DeleteFunc(s.clips, func(c bongsu.Clip) bool { return c.Key() == k })
	return nil
}

func (s *fakeStore) AckClip(k bongsu.ClipKey) error              { return s.endClip(k, "acked") }
func (s *fakeStore) FailClip(k bongsu.ClipKey, why string) error { return s.endClip(k, "failed: "+why) }

func (s *fakeStore) RehashClip(k bongsu.ClipKey) (bongsu.Clip, bool, error) {
	b, err := os.ReadFile(s.ClipPath(k))
	if err != nil {
		return bongsu.Clip{}, false, err
	}
	h := sha256.Sum256(b)
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.clips {
		c := &s.clips[i]
		if c.Key() == k {
			sum := hex.EncodeToString(h[:])
			changed := c.SHA256 != sum || c.Bytes != int64(len(b))
			if changed {
				c.SHA256, c.Bytes, c.State = sum, int64(len(b)), bongsu.ClipTorn
			}
			return *c, changed, nil
		}
	}
	return bongsu.Clip{}, false, bongsu.Errorf(bongsu.CodeNotFound, "gone")
}

func (s *fakeStore) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

func (s *fakeStore) Backlog() bongsu.Backlog {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bongsu.Backlog{Events: len(s.events), Clips: len(s.clips)}
}

// fakeCloud does what wire.go says, and misbehaves where a test wants.
type fakeCloud struct {
	*httptest.Server
	mu       sync.Mutex
	rows     map[bongsu.EventKey]bongsu.Event
	order    []bongsu.EventKey
	posts    int
	clips    map[string]*upload
	reports  []bongsu.CamerasRequest
	wire     int64 // clip bytes received
	requests []string
	// fault, unless nil, may answer a request in place of the cloud; it reports whether it did.
	fault func(w http.ResponseWriter, r *http.Request) bool
	// stored, unless nil, runs for each revision that was stored or known, before it is answered.
	stored func(*http.Request, bongsu.EventKey)
	// after, unless nil, runs when the work is done and before the answer is written.
	after func(w http.ResponseWriter, r *http.Request)
}

type upload struct {
	clip bongsu.Clip
	data []byte
	done bool
}

func newFakeCloud(t testing.TB) *fakeCloud {
	c := &fakeCloud{rows: map[bongsu.EventKey]bongsu.Event{}, clips: map[string]*upload{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v1/edge/events", c.events)
	mux.HandleFunc("POST /api/v1/edge/cameras", c.cameras)
	mux.HandleFunc("POST /api/v1/edge/clips", c.declare)
	mux.HandleFunc("PUT /api/v1/edge/clips/{id}/data", c.data)
	mux.HandleFunc("POST /api/v1/edge/clips/{id}/complete", c.complete)
	mux.HandleFunc("POST /api/v1/edge/enrol", c.enrol)
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		c.requests = append(c.requests, r.Method+" "+r.URL.String())
		fault := c.fault
		c.mu.Unlock()
		if fault != nil && fault(w, r) {
			return
		}
		if !strings.HasSuffix(r.URL.Path, "/enrol") && r.Header.Get("Authorization") != "Bearer "+credential {
			refuse(w, bongsu.CodeUnauthorized, "unknown edge")
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(c.Close)
	return c
}

func refuse(w http.ResponseWriter, code bongsu.Code, message string) {
	var e bongsu.WireError
	e.Error.Code, e.Error.Message = code, message
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(bongsu.HTTPStatus(code))
	json.NewEncoder(w).Encode(e)
}

func (c *fakeCloud) answer(w http.ResponseWriter, r *http.Request, v any) {
	if c.after != nil {
		c.after(w, r)
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v)
}

func (c *fakeCloud) events(w http.ResponseWriter, r *http.Request) {
	var req bongsu.EventsRequest
	if err := json.NewDecoder(r.Body).Decode(&req); err != nil {
		refuse(w, bongsu.CodeInvalid, "not JSON")
		return
	}
	var resp bongsu.EventsResponse
	c.mu.Lock()
	c.posts++
	for _, rec := range req.Events {
		k := rec.Event.Key()
		res := bongsu.EventResult{EventKey: k, Status: bongsu.EventStored}
		if _, known := c.rows[k]; known {
			res.Status = bongsu.EventKnown
		} else {
			c.rows[k] = rec.Event
			c.order = append(c.order, k)
		}
		resp.Results = append(resp.Results, res)
	}
	c.mu.Unlock()
	if c.stored != nil {
		for _, rec := range req.Events {
			c.stored(r, rec.Event.Key())
		}
	}
	c.answer(w, r, resp)
}

func (c *fakeCloud) cameras(w http.ResponseWriter, r *http.Request) {
	var req bongsu.CamerasRequest
	json.NewDecoder(r.Body).Decode(&req)
	c.mu.Lock()
	c.reports = append(c.reports, req)
	c.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}

func (c *fakeCloud) declare(w http.ResponseWriter, r *http.Request) {
	var req bongsu.ClipRequest
	json.NewDecoder(r.Body).Decode(&req)
	id := fmt.Sprintf("%s-%d-%.8s", req.Clip.Event, req.Clip.Part, req.Clip.SHA256)
	c.mu.Lock()
	u := c.clips[id]
	if u == nil {
		u = &upload{clip: req.Clip}
		c.clips[id] = u
	}
	resp := bongsu.ClipResponse{ID: id, Done: u.done, Method: "PUT", URL: "/api/v1/edge/clips/" + id + "/data", Offset: int64(len(u.data))}
	c.mu.Unlock()
	c.answer(w, r, resp)
}

func (c *fakeCloud) data(w http.ResponseWriter, r *http.Request) {
	at, _ := strconv.ParseInt(r.Header.Get(offsetHeader), 10, 64)
	c.mu.Lock()
	u := c.clips[r.PathValue("id")]
	wrong := u == nil || at != int64(len(u.data))
	c.mu.Unlock()
	if wrong {
		refuse(w, bongsu.CodeConflict, "another offset")
		return
	}
	buf := make([]byte, 4096)
	for {
		n, err := r.Body.Read(buf)
		c.mu.Lock()
		u.data = append(u.data, buf[:n]...)
		c.wire += int64(n)
		c.mu.Unlock()
		if err == io.EOF {
			break
		}
		if err != nil {
			return
		}
	}
	w.WriteHeader(http.StatusNoContent)
}

func (c *fakeCloud) complete(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	u := c.clips[r.PathValue("id")]
	h := sha256.Sum256(u.data)
	good := hex.EncodeToString(h[:]) == u.clip.SHA256
	if good {
		u.done = true
	} else {
		u.data = nil
	}
	c.mu.Unlock()
	if !good {
		refuse(w, bongsu.CodeHashMismatch, "the bytes are others")
		return
	}
	c.answer(w, r, bongsu.ClipResponse{ID: r.PathValue("id"), Done: true})
}

func (c *fakeCloud) enrol(w http.ResponseWriter, r *http.Request) {
	var req bongsu.EnrolRequest
	json.NewDecoder(r.Body).Decode(&req)
	if req.Token != "once" {
		refuse(w, bongsu.CodeUnauthorized, "the token is used up")
		return
	}
	c.answer(w, r, bongsu.EnrolResponse{Edge: "edge-1", Credential: credential})
}

func (c *fakeCloud) setFault(f func(w http.ResponseWriter, r *http.Request) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fault = f
}

// eventually waits until ok is true.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("after a minute still not: %s", what)
		}
	}
}

// newTLSServer gives the address of a server with a certificate of its own making.
func newTLSServer(t testing.TB, h http.HandlerFunc) string {
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // it grumbles about the handshakes that this is about
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL
}

func (s *fakeStore) LostClips(limit int) []bongsu.Clip {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.lost[:min(limit, len(s.lost))])
}

func (s *fakeStore) LostClipTold(k bongsu.ClipKey) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lost = slices.DeleteFunc(s.lost, func(c bongsu.Clip) bool { return c.Key() == k })
	s.clipEnd[k] = "told"
	return nil
}
