package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"bongsu"
	"bongsu/cloud/archive"
	"bongsu/cloud/audit"
	"bongsu/cloud/auth"
	"bongsu/cloud/live"
	"bongsu/cloud/setup"
	"bongsu/edge/uplink"
	"bongsu/streams/streamstest"
)

// liveCloud is the part of a cloud that live view needs: the hub, the guard's findings, and an
// ingest that takes every event.
type liveCloud struct {
	t      *testing.T
	hub    *live.Hub
	server *httptest.Server

	mu      sync.Mutex
	records []audit.Entry
	revoked atomic.Bool
}

// Still implements live.Sessions.
func (c *liveCloud) Still(context.Context, *auth.Principal) error {
	if c.revoked.Load() {
		return bongsu.Errorf(bongsu.CodeUnauthorized, "the session has ended")
	}
	return nil
}

// Record implements live.Auditor.
func (c *liveCloud) Record(_ context.Context, e audit.Entry) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.records = append(c.records, e)
	return nil
}

func startLiveCloud(t *testing.T) *liveCloud {
	t.Helper()
	c := &liveCloud{t: t}
	c.hub = live.New(live.Options{Auth: c, Audit: c, Linger: 500 * time.Millisecond, Again: 300 * time.Millisecond,
		Known: func(context.Context, bongsu.EdgeID, bongsu.CameraID) (bool, error) { return true, nil }})
	handlers := c.hub.Handlers()
	as := func(p *auth.Principal, h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(w, r.WithContext(auth.With(r.Context(), p))) })
	}
	edge, kim := &auth.Principal{Edge: "e1"}, &auth.Principal{User: archive.User{Username: "kim", Role: archive.RoleOperator}, Token: "test"}
	mux := http.NewServeMux()
	mux.Handle("GET /api/v1/edge/live", as(edge, handlers["edge.live"]))
	mux.Handle("GET /api/v1/edge/live/{session}", as(edge, handlers["edge.live.media"]))
	mux.Handle("GET /api/v1/cameras/{edge}/{camera}/live", as(kim, handlers["live.view"]))
	mux.Handle("POST /api/v1/edge/commands/{id}", as(edge, handlers["edge.command"]))
	for _, route := range auth.Routes() {
		if h := setup.New(setup.Options{Edges: c.hub, Known: c.knownEdges(), Audit: c}).Handlers()[route.Name]; h != nil {
			mux.Handle(route.Method+" "+route.Pattern, as(kim, h))
		}
	}
	mux.HandleFunc("POST /api/v1/edge/events", func(w http.ResponseWriter, r *http.Request) {
		var in bongsu.EventsRequest
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		var out bongsu.EventsResponse
		for _, e := range in.Events {
			out.Results = append(out.Results, bongsu.EventResult{EventKey: e.Event.Key(), Status: bongsu.EventStored})
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(out)
	})
	c.server = httptest.NewServer(mux)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.hub.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("hub: %v", err)
		}
		c.server.Close()
	})
	return c
}

// metric reads one number of the hub.
func (c *liveCloud) metric(name string) string {
	var b bytes.Buffer
	c.hub.WriteMetrics(&b)
	if m := regexp.MustCompile(`(?m)^` + name + ` (\S+)$`).FindStringSubmatch(b.String()); m != nil {
		return m[1]
	}
	return "none"
}

// screen is a viewer.
type screen struct {
	opened time.Time
	conn   *websocket.Conn
	ended  chan struct{}

	mu       sync.Mutex
	first    time.Duration // to the first picture; 0 before
	current  time.Duration // to the first picture that came from the camera less than 200 ms ago
	states   []bongsu.LiveText
	formats  []bongsu.LiveText
	film     bytes.Buffer // init segments and fragments
	pictures []bongsu.LiveHeader
	stills   [][]byte
	boxes    []bongsu.LiveBoxes
	at       []time.Time // of pictures
	wrong    string
}

// look opens a live view.
func (c *liveCloud) look(camera, mode string) *screen {
	c.t.Helper()
	s := &screen{opened: time.Now(), ended: make(chan struct{})}
	conn, _, err := websocket.Dial(c.t.Context(), c.server.URL+"/api/v1/cameras/e1/"+camera+"/live?mode="+mode, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	conn.SetReadLimit(bongsu.MaxLiveMessageBytes)
	s.conn = conn
	go s.read()
	c.t.Cleanup(s.close)
	return s
}

func (s *screen) close() {
	s.conn.CloseNow()
	<-s.ended
}

func (s *screen) read() {
	defer close(s.ended)
	for {
		typ, b, err := s.conn.Read(context.Background())
		if err != nil {
			return
		}
		s.mu.Lock()
		s.take(typ, b)
		s.mu.Unlock()
	}
}

// take files one message; the caller holds mu.
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
		switch {
		case err != nil:
			s.wrong = err.Error()
		case t.Type == bongsu.LiveTypeFormat:
			s.formats = append(s.formats, t)
		default:
			s.states = append(s.states, t)
		}
		return
	}
	h, payload, err := bongsu.ParseLiveHeader(b)
	if err != nil {
		s.wrong = err.Error()
		return
	}
	if h.Kind == bongsu.LiveJPEG {
		s.stills = append(s.stills, payload)
	} else {
		s.film.Write(payload)
	}
	if h.Kind == bongsu.LiveInit {
		return
	}
	if len(s.pictures) == 0 {
		s.first = time.Since(s.opened)
		if !h.Key() || len(s.formats) == 0 {
			s.wrong = "the first picture is no key frame, or has no format before it"
		}
	}
	if s.current == 0 && h.Age < 200*time.Millisecond {
		s.current = time.Since(s.opened)
	}
	s.pictures, s.at = append(s.pictures, h), append(s.at, time.Now())
}

func (s *screen) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.pictures)
}

// said reports whether a state with that code was told.
func (s *screen) said(code string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.states, func(t bongsu.LiveText) bool { return t.Code == code })
}

func (s *screen) last() bongsu.LiveText {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.states) == 0 {
		return bongsu.LiveText{}
	}
	return s.states[len(s.states)-1]
}

// p95 of so many values.
func p95(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[(len(all)*95+99)/100-1].Round(time.Millisecond)
}

// liveEdge writes the configuration of an edge with two cameras that nothing rings for.
func liveEdge(t *testing.T, c *liveCloud, dir, gate, yard string) string {
	t.Helper()
	credential := filepath.Join(dir, "credential")
	if err := uplink.SaveCredential(credential, bongsu.EnrolResponse{Edge: "e1", Credential: "bongsu-test"}); err != nil {
		t.Fatal(err)
	}
	camera := func(id, url string) string { return "  - id: " + id + "\n    url: " + url + "\n" + zoneRule }
	text := zoneYAML(filepath.Join(dir, "data"), models(t, dir), camera("gate", gate)+camera("yard", yard)) +
		"cloud: {url: \"" + c.server.URL + "\", credential_file: " + credential + "}\n"
	return put(t, dir, "edge.yaml", text)
}

// moving makes a film that is not all the same, a key picture each second.
func moving(t *testing.T, dir, codec string, extra ...string) string {
	t.Helper()
	path := filepath.Join(dir, "moving-"+codec+".mp4")
	args := []string{"-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=10:duration=6", "-c:v", codec, "-preset", "ultrafast", "-g", "10", "-pix_fmt", "yuv420p"}
	if out, err := exec.CommandContext(t.Context(), "ffmpeg", append(append(args, extra...), "-y", path)...).CombinedOutput(); err != nil {
		t.Skipf("ffmpeg with %s is needed: %v\n%s", codec, err, out)
	}
	return path
}

// camera serves a film until stop is called, on an address that can be given again.
func camera(t *testing.T, listen, film string) (s *streamstest.Server, stop func()) {
	t.Helper()
	p, err := streamstest.FilePath("gate", film)
	if err != nil {
		t.Fatal(err)
	}
	p.Loop = true
	if s, err = streamstest.NewServer(streamstest.ServerOptions{Listen: listen, Paths: []*streamstest.Path{p}}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	<-s.Ready()
	stop = sync.OnceFunc(func() {
		cancel()
		<-done
	})
	t.Cleanup(stop)
	return s, stop
}

// TestLive goes the whole way, from an RTSP camera over a worker process, the node and the cloud's
// hub to a WebSocket viewer, and breaks it in between.
func TestLive(t *testing.T) {
	dir := t.TempDir()
	gate, stopGate := camera(t, "", moving(t, dir, "libx264", "-bf", "2"))
	yard, _ := camera(t, "", moving(t, dir, "libx265", "-x265-params", "log-level=none"))
	c := startLiveCloud(t)
	config := liveEdge(t, c, dir, gate.URL("gate"), yard.URL("gate"))
	r := startRun(t, config)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(r.stderr.String())
		}
	})
	ready := func() bool {
		all := r.cameras()
		return all["gate"] == "live" && all["yard"] == "live" && c.metric("bongsu_live_edges") == "1"
	}
	streamstest.Eventually(t, "cameras and the control connection", ready)
	c.firstFrames(t)
	c.onePullForMany(t, r)
	c.otherForms(t)
	c.cameraOff(t, gate, stopGate, filepath.Join(dir, "moving-libx264.mp4"))
	s := c.look("gate", "video")
	streamstest.Eventually(t, "pictures", func() bool { return s.count() > 0 })
	if code := r.end(); code != ExitOK {
		t.Fatalf("the edge ended with %d", code)
	}
	streamstest.Eventually(t, "the edge is gone", func() bool { return s.said(bongsu.LiveEdgeOffline) })
	n := s.count()
	back := time.Now()
	r = startRun(t, config)
	streamstest.Eventually(t, "pictures after the edge's restart", func() bool { return s.count() > n && s.last().State == bongsu.LiveLive })
	t.Logf("figure LIVE: edge started anew, picture on the same view after %v", time.Since(back).Round(time.Millisecond))
	s.close()
	if code := r.end(); code != ExitOK {
		t.Fatalf("the edge ended with %d", code)
	}
	if s.wrong != "" {
		t.Error(s.wrong)
	}
	c.audited(t)
}

// firstFrames opens a view again and again, each time a new pull.
func (c *liveCloud) firstFrames(t *testing.T) {
	const opens = 6
	var firsts, currents, ages []time.Duration
	for i := range opens {
		s := c.look("gate", "video")
		want := 1
		if i == opens-1 {
			want = 40
		}
		streamstest.Eventually(t, "pictures", func() bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			return len(s.pictures) >= want && s.current > 0
		})
		s.close()
		firsts, currents = append(firsts, s.first), append(currents, s.current)
		if want > 1 {
			for _, h := range s.pictures[15:] { // those before are of the ring
				ages = append(ages, h.Age)
			}
			playable(t, &s.film, want)
			f := s.formats[0] // the rate is not known when the ring held one picture only
			if !regexp.MustCompile(`^video/mp4; codecs="avc1\.4d40[0-9a-f]{2}"$`).MatchString(f.MIME) || f.Width != 320 || f.Height != 240 || f.FPS != 0 && (f.FPS < 9 || f.FPS > 11) {
				t.Errorf("format %+v", f)
			}
		}
		if s.wrong != "" {
			t.Error(s.wrong)
		}
		streamstest.Eventually(t, "the pull ends", func() bool { return c.metric("bongsu_live_pulls") == "0" })
	}
	t.Logf("figure LIVE: first frame p95 %v, first frame less than 200 ms old p95 %v, of %d cold openings", p95(firsts), p95(currents), len(firsts))
	t.Logf("figure LIVE: age p95 %v at the viewer, from the frame's last packet", p95(ages))
}

// playable lets ffmpeg decode what a viewer got.
func playable(t *testing.T, film *bytes.Buffer, least int) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "seen.mp4")
	if err := os.WriteFile(path, film.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("ffprobe", "-v", "error", "-count_frames", "-show_entries", "stream=nb_read_frames", "-of", "csv=p=0", path).CombinedOutput()
	var n int
	if _, serr := fmt.Sscanf(strings.TrimSpace(string(out)), "%d", &n); err != nil || serr != nil || n < least-3 {
		t.Errorf("ffprobe says %q, %v: want %d frames", out, err, least)
	}
}

// onePullForMany lets many look at one camera, and then nobody.
func (c *liveCloud) onePullForMany(t *testing.T, r *running) {
	before := c.metric("bongsu_live_pulls_total")
	var screens []*screen
	for range 5 {
		s := c.look("gate", "video")
		streamstest.Eventually(t, "pictures", func() bool { return s.count() > 2 })
		screens = append(screens, s)
	}
	var a, b int
	fmt.Sscan(before, &a)
	fmt.Sscan(c.metric("bongsu_live_pulls_total"), &b)
	if b-a != 1 || c.metric("bongsu_live_viewers") != "5" {
		t.Errorf("%d pulls for %s viewers", b-a, c.metric("bongsu_live_viewers"))
	}
	var warm []time.Duration
	for _, s := range screens[1:] {
		warm = append(warm, s.first)
	}
	t.Logf("figure LIVE: first frame p95 %v of %d warm openings; one pull for %d viewers", p95(warm), len(warm), len(screens))
	for _, s := range screens {
		s.close()
	}
	left := time.Now()
	streamstest.Eventually(t, "the edge sends nothing", func() bool {
		return strings.Contains(r.get("/metrics"), "bongsu_live_sending 0\n")
	})
	t.Logf("figure LIVE: edge stopped sending %v after the last viewer left, with a linger of 500 ms", time.Since(left).Round(time.Millisecond))
}

// otherForms looks at H.265 as it is and as stills.
func (c *liveCloud) otherForms(t *testing.T) {
	video, still := c.look("yard", "video"), c.look("yard", "still")
	streamstest.Eventually(t, "video and stills", func() bool { return video.count() > 10 && still.count() > 3 })
	video.close()
	still.close()
	if f := video.formats[0]; f.Codec != "h265" || !strings.Contains(f.MIME, "hvc1.1.6.L") {
		t.Errorf("format %+v", f)
	}
	playable(t, &video.film, video.count())
	var gaps []time.Duration
	for i, s := range still.stills {
		if !bytes.HasPrefix(s, []byte{0xff, 0xd8}) || len(s) > bongsu.MaxLiveJPEGBytes {
			t.Errorf("a still of %d bytes", len(s))
		}
		if i > 0 {
			gaps = append(gaps, still.at[i].Sub(still.at[i-1]))
		}
	}
	if f := still.formats[0]; f.MIME != "image/jpeg" || f.Width != 320 {
		t.Errorf("format %+v", f)
	}
	t.Logf("figure LIVE: H.265 as stills, one every %v at most", p95(gaps))
}

// cameraOff takes the camera away from under a view, and gives it back.
func (c *liveCloud) cameraOff(t *testing.T, gate *streamstest.Server, stop func(), film string) {
	s := c.look("gate", "video")
	streamstest.Eventually(t, "pictures", func() bool { return s.count() > 0 })
	stop()
	off := time.Now()
	streamstest.Eventually(t, "the camera is said to be off", func() bool { return s.said(bongsu.LiveCameraOffline) })
	t.Logf("figure LIVE: camera off was told after %v", time.Since(off).Round(time.Millisecond))
	n := s.count()
	camera(t, gate.Addr(), film)
	streamstest.Eventually(t, "pictures again", func() bool { return s.count() > n && s.last().State == bongsu.LiveLive })
	s.close()
	if s.wrong != "" {
		t.Error(s.wrong)
	}
}

// audited holds the records against the views: each has a beginning and an end.
func (c *liveCloud) audited(t *testing.T) {
	t.Helper()
	streamstest.Eventually(t, "no viewer is left", func() bool { return c.metric("bongsu_live_viewers") == "0" })
	c.mu.Lock()
	defer c.mu.Unlock()
	var open, closed int
	for _, e := range c.records {
		switch {
		case e.Action == audit.LiveOpen && e.Actor == "kim" && strings.HasPrefix(e.Target, "camera e1/"):
			open++
		case e.Action == audit.LiveClose && regexp.MustCompile(`^mode (video|still), \d+ s with token test$`).MatchString(e.Detail):
			closed++
		default:
			t.Errorf("record %+v", e)
		}
	}
	if open != closed || open == 0 {
		t.Errorf("%d views were opened and %d closed", open, closed)
	}
}
