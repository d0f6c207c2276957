package obs

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"bongsu"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTextFormat(t *testing.T) {
	r := NewRegistry()
	c := r.Counter("bongsu_b_total", "Things, with a \\ and\na new line.", Label{"camera", "마당"}, Label{"why", "a\"b\\c\nd"})
	c.Add(2)
	c.Add(1)
	r.Gauge("bongsu_a", "A level.", func() float64 { return math.Inf(1) })
	h := r.Histogram("bongsu_h_seconds", "Times.", []float64{0.1, 1}, Label{"camera", "x"})
	for _, v := range []float64{0.05, 0.1, 0.5, 7} {
		h.Observe(v)
	}
	r.Collect(func(emit func(Sample)) {
		emit(Sample{Name: "bongsu_b_total", Kind: KindCounter, Value: 1e21})
		emit(Sample{Name: "bad name\n", Kind: KindGauge, Value: 1})
		emit(Sample{Name: "", Kind: KindGauge, Value: 1})
		emit(Sample{Name: "9lives", Kind: KindGauge, Value: 1})
		emit(Sample{Name: "bongsu_minus", Kind: KindGauge, Value: math.Inf(-1)})
	})
	var b bytes.Buffer
	if err := r.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	want := `# HELP bongsu_a A level.
# TYPE bongsu_a gauge
bongsu_a +Inf
# HELP bongsu_b_total Things, with a \\ and\na new line.
# TYPE bongsu_b_total counter
bongsu_b_total{camera="마당",why="a\"b\\c\nd"} 3
bongsu_b_total 1e+21
# HELP bongsu_h_seconds Times.
# TYPE bongsu_h_seconds histogram
bongsu_h_seconds_bucket{camera="x",le="0.1"} 2
bongsu_h_seconds_bucket{camera="x",le="1"} 3
bongsu_h_seconds_bucket{camera="x",le="+Inf"} 4
bongsu_h_seconds_sum{camera="x"} 7.65
bongsu_h_seconds_count{camera="x"} 4
# TYPE bongsu_minus gauge
bongsu_minus -Inf
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestManyGoroutinesCount(t *testing.T) {
	r := NewRegistry()
	c, h := r.Counter("bongsu_x_total", ""), r.Histogram("bongsu_y", "", []float64{1})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				c.Add(1)
				h.Observe(0.5)
				_ = r.WriteText(io.Discard)
			}
		})
	}
	wg.Wait()
	if c.Value() != 800 {
		t.Errorf("got %d", c.Value())
	}
}

// lines is a log that tests can wait for.
type lines struct {
	mu  sync.Mutex
	all []string
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, string(p))
	return len(p), nil
}

func (l *lines) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.all, "")
}

func TestFold(t *testing.T) {
	l := new(lines)
	f := NewFold(slog.New(slog.NewTextHandler(l, nil)), time.Hour)
	for i := range 213 {
		f.Error("decode", errors.New("bad slice"), "n", i)
	}
	f.Error("other", errors.New("once"))
	if n := strings.Count(l.text(), "\n"); n != 2 {
		t.Errorf("%d lines at once, want the first of each kind:\n%s", n, l.text())
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- f.Run(ctx) }()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if !strings.Contains(l.text(), `msg="212 decode errors in 1h0m0s, last: bad slice" n=212`) || strings.Count(l.text(), "\n") != 3 {
		t.Errorf("got:\n%s", l.text())
	}
	f.endPeriod()
	f.Error("decode", errors.New("again"))
	if strings.Count(l.text(), "\n") != 4 {
		t.Errorf("after a quiet period the first is told at once:\n%s", l.text())
	}
}

func TestFoldRunEndsPeriods(t *testing.T) {
	l := new(lines)
	f := NewFold(slog.New(slog.NewTextHandler(l, nil)), time.Millisecond)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- f.Run(ctx) }()
	deadline := time.Now().Add(10 * time.Second)
	for !strings.Contains(l.text(), "errors in 1ms") && time.Now().Before(deadline) {
		f.Error("decode", errors.New("x"))
	}
	cancel()
	<-done
	if !strings.Contains(l.text(), "errors in 1ms") {
		t.Error("no period ended")
	}
}

func TestListenRefuses(t *testing.T) {
	for addr, want := range map[string]string{
		"0.0.0.0:0":         "reached from other machines",
		":0":                "reached from other machines",
		"192.0.2.1:9090":    "reached from other machines",
		"example.org:9090":  "reached from other machines",
		"nonsense":          "is no address",
		"127.0.0.1:1000000": "debug port",
	} {
		if s, err := NewServer(ServerOptions{Listen: addr}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v", addr, s, err)
		}
	}
}

// serve starts a server for the test and gives a function that gets a page.
func serve(t *testing.T, o ServerOptions) func(path string, header ...string) (int, string, http.Header) {
	t.Helper()
	o.Listen = "127.0.0.1:0"
	s, err := NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run: %v", err)
		}
	})
	return func(path string, header ...string) (int, string, http.Header) {
		t.Helper()
		req, _ := http.NewRequest("GET", "http://"+s.Addr()+path, nil)
		for i := 0; i+1 < len(header); i += 2 {
			if header[i] == "Host" {
				req.Host = header[i+1]
			}
			req.Header.Set(header[i], header[i+1])
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(b), resp.Header
	}
}

func TestPages(t *testing.T) {
	var mu sync.Mutex
	var reasons []Reason
	r := NewRegistry()
	r.Counter("bongsu_x_total", "X.").Add(5)
	get := serve(t, ServerOptions{
		Registry: r,
		Health:   func() []Reason { mu.Lock(); defer mu.Unlock(); return reasons },
		Notes:    func() []Reason { return []Reason{{Code: "cloud-offline", Message: "the cloud does not answer"}} },
		Cameras: func() []Camera {
			return []Camera{{CameraStatus: bongsu.CameraStatus{ID: "yard", Name: "<script>alert(1)</script>", State: bongsu.CameraLive, Still: []byte("x")}, Worker: 1}}
		},
		Frame: func(id bongsu.CameraID) ([]byte, time.Time) {
			if id != "yard" {
				return nil, time.Time{}
			}
			return []byte("\xff\xd8jpeg"), time.Unix(1e9, 0)
		},
		Status: func() any { return map[string]int{"pending": 3} },
	})
	if code, body, _ := get("/healthz"); code != 200 || !strings.Contains(body, `"ok": true`) || !strings.Contains(body, `"reasons": []`) || !strings.Contains(body, "cloud-offline") {
		t.Errorf("healthz: %d %s", code, body)
	}
	mu.Lock()
	reasons = []Reason{{Code: "disk-full", Message: "the disk is full"}}
	mu.Unlock()
	if code, body, _ := get("/healthz"); code != 503 || !strings.Contains(body, "disk-full") || !strings.Contains(body, `"ok": false`) {
		t.Errorf("healthz: %d %s", code, body)
	}
	if code, body, h := get("/metrics"); code != 200 || !strings.Contains(body, "bongsu_x_total 5\n") || !strings.Contains(h.Get("Content-Type"), "version=0.0.4") {
		t.Errorf("metrics: %d %s", code, body)
	}
	if code, body, _ := get("/debug/status"); code != 200 || !strings.Contains(body, `"pending": 3`) {
		t.Errorf("status: %d %s", code, body)
	}
	code, body, _ := get("/debug/cameras")
	var list struct{ Cameras []Camera }
	if err := json.Unmarshal([]byte(body), &list); code != 200 || err != nil || len(list.Cameras) != 1 || list.Cameras[0].Still != nil {
		t.Errorf("cameras: %d %s %v", code, body, err)
	}
	if code, body, h := get("/debug/cameras", "Accept", "text/html"); code != 200 || strings.Contains(body, "<script>") || !strings.Contains(body, "/debug/cameras/yard/frame") || h.Get("Content-Security-Policy") == "" {
		t.Errorf("page: %d %s", code, body)
	}
	if code, body, h := get("/debug/cameras/yard/frame"); code != 200 || !strings.HasPrefix(body, "\xff\xd8") || h.Get("Content-Type") != "image/jpeg" {
		t.Errorf("frame: %d %s", code, body)
	}
	if code, _, _ := get("/debug/cameras/other/frame"); code != 404 {
		t.Errorf("no frame: %d", code)
	}
	if code, body, _ := get("/debug/pprof/goroutine?debug=1"); code != 200 || !strings.Contains(body, "goroutine profile") {
		t.Errorf("pprof: %d", code)
	}
	if runtime.MemProfileRate != 8<<20 {
		t.Errorf("the heap's profile notes an allocation in %d bytes", runtime.MemProfileRate)
	}
	if code, _, _ := get("/healthz", "Host", "evil.example:9090"); code != 403 {
		t.Errorf("a foreign name: %d", code)
	}
	if code, _, _ := get("/healthz", "Host", "localhost"); code != 503 {
		t.Errorf("localhost: %d", code)
	}
}

func TestEmptyServer(t *testing.T) {
	get := serve(t, ServerOptions{})
	for path, want := range map[string]int{"/healthz": 200, "/metrics": 200, "/debug/status": 200, "/debug/cameras": 200, "/debug/cameras/x/frame": 404, "/other": 404} {
		if code, _, _ := get(path); code != want {
			t.Errorf("%s: %d, want %d", path, code, want)
		}
	}
	if _, body, _ := get("/debug/cameras", "Accept", "text/html"); !strings.Contains(body, "No cameras") {
		t.Error(body)
	}
}

// TestSlowFoldedKinds: kinds are folded each for itself, and args of the last are kept.
func TestKindsAreFoldedApart(t *testing.T) {
	l := new(lines)
	f := NewFold(slog.New(slog.NewTextHandler(l, nil)), time.Minute)
	for i := range 10 {
		f.Error("decode", errors.New("d"), "camera", "a", "i", i)
		if i%2 == 0 {
			f.Error("rtp", errors.New("r"), "camera", "b", "i", i)
		}
	}
	f.endPeriod()
	for _, want := range []string{`msg="9 decode errors in 1m0s, last: d" camera=a i=9`, `msg="4 rtp errors in 1m0s, last: r" camera=b i=8`} {
		if !strings.Contains(l.text(), want) {
			t.Errorf("%q is missing in\n%s", want, l.text())
		}
	}
	if n := strings.Count(l.text(), "\n"); n != 4 {
		t.Errorf("%d lines", n)
	}
}

func TestFoldUnderManyGoroutines(t *testing.T) {
	l := new(lines)
	f := NewFold(slog.New(slog.NewTextHandler(l, nil)), time.Hour)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 500 {
				f.Error("decode", errors.New("x"))
			}
		})
	}
	wg.Wait()
	f.endPeriod()
	if !strings.Contains(l.text(), "3999 decode errors") {
		t.Errorf("the sum is not exact:\n%s", l.text())
	}
}

func TestHistogramEdges(t *testing.T) {
	r := NewRegistry()
	h := r.Histogram("bongsu_h", "", []float64{1, 2, 4})
	for _, v := range []float64{-5, 0, 1, 1.0001, 2, 4, 4.1, math.Inf(1)} {
		h.Observe(v)
	}
	var b bytes.Buffer
	if err := r.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`le="1"} 3`, `le="2"} 5`, `le="4"} 6`, `le="+Inf"} 8`, "bongsu_h_sum +Inf", "bongsu_h_count 8"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is missing in\n%s", want, b.String())
		}
	}
}

func TestMetricNames(t *testing.T) {
	for name, want := range map[string]bool{"bongsu_x_total": true, "a:b": true, "_x": true, "A9": true, "": false, "9a": false, "a b": false, "a-b": false,
		"a{b=\"c\"}": false, "a\n# TYPE": false, "é": false} {
		if got := validMetric(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}

// failing is a reader that hangs up.
type failing struct{ n int }

func (f *failing) Write(p []byte) (int, error) {
	if f.n -= len(p); f.n < 0 {
		return 0, errors.New("hung up")
	}
	return len(p), nil
}

func TestReaderThatHangsUp(t *testing.T) {
	r := NewRegistry()
	for i := range 1000 {
		r.Counter("bongsu_x_total", "X.", Label{"n", strings.Repeat("y", i%50)})
	}
	if err := r.WriteText(&failing{5000}); err == nil {
		t.Error("no error")
	}
}

func TestPortInUse(t *testing.T) {
	first, err := NewServer(ServerOptions{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewServer(ServerOptions{Listen: first.Addr()}); err == nil || !strings.Contains(err.Error(), "debug.listen") {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := first.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Run after the end: %v", err)
	}
}

func TestPageThatCannotBeWritten(t *testing.T) {
	get := serve(t, ServerOptions{Status: func() any { return math.Inf(1) }})
	if code, body, _ := get("/debug/status"); code != 500 || !strings.Contains(body, "cannot be written") {
		t.Errorf("%d %s", code, body)
	}
	if code, _, h := get("/healthz"); code != 200 || h.Get("Cache-Control") != "no-store" || h.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%d %v", code, h)
	}
}

func TestHostOfARequest(t *testing.T) {
	for host, want := range map[string]int{"127.0.0.1:9090": 200, "127.0.0.1": 200, "[::1]:80": 200, "[::1]": 200, "localhost:1": 200,
		"127.0.0.1.evil.example": 403, "192.0.2.1": 403, "evil": 403} {
		get := serve(t, ServerOptions{})
		if code, _, _ := get("/healthz", "Host", host); code != want {
			t.Errorf("%s: %d, want %d", host, code, want)
		}
	}
}
