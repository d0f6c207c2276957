package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"bongsu"
	"bongsu/cloud/objects"
	"bongsu/cloud/objects/objectstest"
	"bongsu/cloud/objects/objectstest/s3servers"
)

// faultyServer stands before a real server and spoils half the calls.
type faultyServer struct {
	*httptest.Server
	proxy *httputil.ReverseProxy

	mu     sync.Mutex
	r      *rand.Rand
	rate   float64
	counts map[string]int
}

func newFaultyServer(t testing.TB, srv *s3servers.Server, seed uint64) *faultyServer {
	t.Helper()
	target, err := url.Parse(srv.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	tr := &http.Transport{DisableCompression: true}
	f := &faultyServer{r: rand.New(rand.NewPCG(seed, 25)), counts: map[string]int{}}
	f.proxy = &httputil.ReverseProxy{
		Transport: tr,
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(target)
			p.Out.Host = p.In.Host // it is signed
		},
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
		ErrorLog:     nil,
	}
	f.Server = httptest.NewUnstartedServer(f)
	f.Config.ErrorLog = discardLog()
	f.proxy.ErrorLog = discardLog()
	f.Start()
	t.Cleanup(func() {
		f.Close()
		tr.CloseIdleConnections()
	})
	return f
}

// pick chooses the fault of a call, and a number for it.
func (f *faultyServer) pick() (string, float64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.r.Float64() >= f.rate {
		return "", 0
	}
	all := []string{"503", "500", "reply lost", "body cut", "answer cut", "slow", "byte flipped on the way there", "byte flipped on the way back"}
	kind := all[f.r.IntN(len(all))]
	f.counts[kind]++
	return kind, f.r.Float64()
}

func (f *faultyServer) setRate(rate float64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rate = rate
}

// ServeHTTP implements http.Handler.
func (f *faultyServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	kind, at := f.pick()
	plain := r.URL.RawQuery == "" || r.URL.Query().Get("partNumber") != ""
	switch kind {
	case "503", "500":
		w.Header().Set("Content-Type", "application/xml")
		status, code := http.StatusServiceUnavailable, "SlowDown"
		if kind == "500" {
			status, code = http.StatusInternalServerError, "InternalError"
		}
		w.WriteHeader(status)
		fmt.Fprintf(w, "<Error><Code>%s</Code><Message>made up</Message></Error>", code)
		return
	case "reply lost":
		f.proxy.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	case "body cut":
		r.Body = io.NopCloser(io.MultiReader(io.LimitReader(r.Body, int64(at*float64(max(r.ContentLength, 1)))), errReader{}))
	case "answer cut":
		w = &spoiledAnswer{ResponseWriter: w, cut: true, at: at}
	case "slow":
		select {
		case <-time.After(time.Duration(at * float64(50*time.Millisecond))):
		case <-r.Context().Done():
		}
	case "byte flipped on the way there":
		if r.Method == http.MethodPut && plain {
			r.Body = io.NopCloser(&flipper{r: r.Body, at: int64(at * float64(r.ContentLength))})
		}
	case "byte flipped on the way back":
		if r.Method == http.MethodGet && plain {
			w = &spoiledAnswer{ResponseWriter: w, at: at}
		}
	}
	f.proxy.ServeHTTP(w, r)
}

type errReader struct{}

// Read implements io.Reader.
func (errReader) Read([]byte) (int, error) { return 0, errors.New("made up") }

// flipper changes one bit.
type flipper struct {
	r  io.Reader
	at int64
}

// Read implements io.Reader.
func (f *flipper) Read(b []byte) (int, error) {
	n, err := f.r.Read(b)
	if f.at >= 0 && f.at < int64(n) {
		b[f.at] ^= 4
	}
	f.at -= int64(n)
	return n, err
}

// spoiledAnswer cuts a good answer's body, or changes one bit of it.
type spoiledAnswer struct {
	http.ResponseWriter
	cut  bool
	at   float64
	left int64
	good bool
}

// WriteHeader implements http.ResponseWriter.
func (s *spoiledAnswer) WriteHeader(status int) {
	var n int64
	fmt.Sscan(s.Header().Get("Content-Length"), &n)
	s.good = status < 300 && n > 0
	s.left = int64(s.at * float64(n))
	s.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (s *spoiledAnswer) Write(b []byte) (int, error) {
	if s.good && s.left < int64(len(b)) && s.left >= 0 {
		if s.cut {
			s.ResponseWriter.Write(b[:s.left])
			panic(http.ErrAbortHandler)
		}
		b = bytes.Clone(b)
		b[s.left] ^= 4
	}
	s.left -= int64(len(b))
	return s.ResponseWriter.Write(b)
}

// TestHalfTheCallsFail (R25): objects come over whole or not at all, by all three ways, though half
// the calls go wrong; what was abandoned is swept.
func TestHalfTheCallsFail(t *testing.T) {
	n := 12
	if os.Getenv("BONGSU_LONG") != "" {
		n = 600
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	before := runtime.NumGoroutine()
	var total, wrong, faults int
	servers(t, func(t *testing.T, srv *s3servers.Server) {
		f := newFaultyServer(t, srv, seed)
		o := options(t, srv)
		clean := open(t, o)
		o.Endpoint = f.URL
		o.Log = nil
		s := open(t, o)
		f.setRate(0.5)
		r := rand.New(rand.NewPCG(seed, 1))
		for i := range n {
			key, b := fmt.Sprintf("events/%d/clip-0.mp4", i), objectstest.Bytes(t, 1+r.IntN(200_000))
			if i%6 == 4 {
				b = objectstest.Bytes(t, PartBytes+r.IntN(PartBytes))
			}
			abandoned := i%8 == 7
			bring(t, s, key, b, i%3, abandoned)
			if !abandoned {
				total++
				if err := clean.Verify(t.Context(), key); err != nil {
					wrong++
					t.Errorf("%s: %v", key, err)
				}
			}
		}
		err := clean.List(t.Context(), "", func(i objects.Info) error { return clean.Verify(t.Context(), i.Key) })
		if err != nil {
			wrong++
			t.Errorf("an object that was not promised: %v", err)
		}
		for tries := 0; ; tries++ {
			if _, err := s.Sweep(t.Context(), time.Now().Add(time.Hour)); err == nil {
				break
			} else if tries == 100 {
				t.Fatal(err)
			}
		}
		f.setRate(0)
		if left := names(t, srv, o.Prefix+"uploads/"); len(left) > 0 {
			t.Errorf("swept, and still there: %q", left)
		}
		f.mu.Lock()
		for _, k := range f.counts {
			faults += k
		}
		t.Logf("%v; %+v", f.counts, s.Counts())
		f.mu.Unlock()
	})
	deadline := time.Now().Add(10 * time.Second)
	for runtime.NumGoroutine() > before && time.Now().Before(deadline) {
		runtime.Gosched()
	}
	t.Logf("figure R25: %d objects brought over two S3 servers with %d calls of theirs spoiled: %d whose SHA-256 differs, 0 incomplete uploads after the sweep, goroutines %d before and %d after",
		total, faults, wrong, before, runtime.NumGoroutine())
}

// bring stores an object in one of three ways and does not give up, as an edge would; an abandoned
// one it leaves in the middle.
func bring(t *testing.T, s *Store, key string, b []byte, way int, abandoned bool) {
	t.Helper()
	for range 200 {
		var err error
		switch {
		case abandoned:
			var u objects.Upload
			if u, err = s.Begin(t.Context(), key, "video/mp4", int64(len(b)), objectstest.Hash(b)); err == nil {
				_, err = u.Write(t.Context(), u.Offset(), bytes.NewReader(b[u.Offset():len(b)*3/4]))
			}
		case way == 0:
			err = put(t.Context(), s, key, b)
		case way == 1:
			err = send(t.Context(), s, key, b, 2<<20)
		default:
			_, err = sendDirect(t.Context(), s, key, b, http.DefaultTransport)
		}
		if err == nil {
			return
		}
		if code := bongsu.CodeOf(err); code == bongsu.CodeInvalid || code == bongsu.CodeInternal && way != 2 {
			t.Fatalf("%s: %v", key, err)
		}
	}
	t.Fatalf("%s does not come over", key)
}

// sendDirect sends an object by addresses, as an edge does, and tells how many bytes it offered.
func sendDirect(ctx context.Context, s *Store, key string, b []byte, tr http.RoundTripper) (int64, error) {
	var sent int64
	for {
		u, err := s.Begin(ctx, key, "video/mp4", int64(len(b)), objectstest.Hash(b))
		if err != nil || u.Done() {
			return sent, err
		}
		to, ok, err := u.(objects.Direct).Presign(ctx, time.Minute, pieces(b))
		if err != nil || !ok {
			return sent, errors.Join(err, errors.New("no address"))
		}
		if to.Bytes == 0 {
			return sent, u.Complete(ctx)
		}
		n, err := putTo(ctx, to, b[to.Offset:to.Offset+to.Bytes], tr)
		sent += n
		if err != nil {
			return sent, err
		}
	}
}

// pieces hashes what addresses are given for.
func pieces(b []byte) []string {
	var all []string
	for ; len(b) > 0; b = b[min(len(b), PartBytes):] {
		all = append(all, objectstest.Hash(b[:min(len(b), PartBytes)]))
	}
	return all
}

// putTo sends bytes to an address.
func putTo(ctx context.Context, to objects.Address, b []byte, tr http.RoundTripper) (int64, error) {
	body := newCount(bytes.NewReader(b))
	_, w := watched(ctx, time.Minute)
	w.r = body
	req, err := http.NewRequestWithContext(ctx, to.Method, to.URL, w)
	if err != nil {
		return 0, err
	}
	req.ContentLength = int64(len(b))
	for k, v := range to.Headers {
		req.Header.Set(k, v)
	}
	resp, err := (&http.Client{Transport: tr}).Do(req)
	w.stop()
	if err != nil {
		return body.n, err
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d: %s", resp.StatusCode, strings.ReplaceAll(string(said), "\n", " "))
	}
	return body.n, err
}
