package fetch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"bongsu"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// content is n bytes that repeat nowhere.
func content(n int) []byte {
	var b bytes.Buffer
	for i := 0; b.Len() < n; i++ {
		h := sha256.Sum256(fmt.Append(nil, i))
		b.Write(h[:])
	}
	return b.Bytes()[:n]
}

func sum(data []byte) string {
	h := sha256.Sum256(data)
	return hex.EncodeToString(h[:])
}

// source is a server whose behaviour a test changes; it notes what it was asked.
type source struct {
	*httptest.Server
	mu     sync.Mutex
	data   []byte
	tag    string // ETag
	cut    int    // bytes after which the connection is cut; 0 never
	asked  []string
	handle http.HandlerFunc // instead of data
}

func serve(t *testing.T, data []byte) *source {
	t.Helper()
	s := &source{data: data, tag: `"one"`}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *source) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	data, tag, cut, handle := s.data, s.tag, s.cut, s.handle
	s.asked = append(s.asked, r.Header.Get("Range"))
	s.mu.Unlock()
	if handle != nil {
		handle(w, r)
		return
	}
	if tag != "" {
		w.Header().Set("ETag", tag)
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	if cut > 0 {
		w = &cutter{ResponseWriter: w, left: cut}
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
}

// cutter breaks the connection after some bytes.
type cutter struct {
	http.ResponseWriter
	left int
}

func (c *cutter) Write(p []byte) (int, error) {
	if len(p) <= c.left {
		c.left -= len(p)
		return c.ResponseWriter.Write(p)
	}
	c.ResponseWriter.Write(p[:c.left])
	if err := http.NewResponseController(c.ResponseWriter).Flush(); err != nil {
		return 0, err
	}
	panic(http.ErrAbortHandler)
}

func (s *source) set(change func(*source)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

func (s *source) ranges() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

func options(t *testing.T) Options {
	return Options{Dir: filepath.Join(t.TempDir(), "parts"), MaxBytes: 1 << 20}
}

func get(t *testing.T, address string, o Options) (string, error) {
	t.Helper()
	f, err := Get(t.Context(), address, o)
	if err != nil {
		if f != nil {
			t.Error("a file and an error")
		}
		return "", err
	}
	data, readErr := os.ReadFile(f.Path)
	if readErr != nil || sum(data) != f.SHA256 || int64(len(data)) != f.Bytes {
		t.Errorf("%d bytes, %s: the file has %d, %s, %v", f.Bytes, f.SHA256, len(data), sum(data), readErr)
	}
	if err := f.Remove(); err != nil {
		t.Error(err)
	}
	nothingLeft(t, o.Dir)
	return f.SHA256, nil
}

func nothingLeft(t *testing.T, dir string) {
	t.Helper()
	if list, err := os.ReadDir(dir); err != nil || len(list) != 0 {
		t.Errorf("left in the folder: %v, %v", list, err)
	}
}

func TestGet(t *testing.T) {
	data := content(300_000)
	s := serve(t, data)
	var last [2]int64
	calls := 0
	o := options(t)
	o.Progress = func(done, total int64) {
		if calls++; done <= last[0] {
			t.Errorf("%d bytes after %d", done, last[0])
		}
		last = [2]int64{done, total}
	}
	if got, err := get(t, s.URL+"/model.onnx?token=1", o); err != nil || got != sum(data) {
		t.Errorf("%s, %v", got, err)
	}
	if calls == 0 || last != [2]int64{300_000, 300_000} {
		t.Errorf("%d calls, the last %v", calls, last)
	}
}

// A connection that is cut again and again brings the file whole, each byte once.
func TestCutInTheMiddle(t *testing.T) {
	data := content(300_000)
	s := serve(t, data)
	s.cut = 70_000
	if got, err := get(t, s.URL+"/m", options(t)); err != nil || got != sum(data) {
		t.Errorf("%s, %v", got, err)
	}
	if r := s.ranges(); len(r) != 5 || r[0] != "" || r[1] != "bytes=70000-" || r[4] != "bytes=280000-" {
		t.Errorf("asked for %q", r)
	}
}

// What came before the program ended is not loaded again.
func TestNextCallGoesOn(t *testing.T) {
	data := content(300_000)
	for name, c := range map[string]struct {
		between func(s *source)
		asked   int // requests of the second call
	}{
		"same file":          {func(*source) {}, 1},
		"changed file":       {func(s *source) { s.data, s.tag = content(280_000)[1:], `"two"` }, 1},
		"no answer to range": {func(s *source) { s.handle = plain(s.data) }, 1},
		"weak tag by now":    {func(s *source) { s.tag = "" }, 1},
		"shorter by now": {func(s *source) {
			short := content(1000)
			s.data = short
			s.handle = func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Range") != "" {
					w.Header().Set("Content-Range", "bytes */1000")
					w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
					return
				}
				w.Write(short)
			}
		}, 2},
		"another range than asked": {func(s *source) {
			s.handle = func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Range") != "" {
					w.Header().Set("Content-Range", "bytes 0-299999/300000")
					w.WriteHeader(http.StatusPartialContent)
				}
				w.Write(data)
			}
		}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, data)
			o := options(t)
			ctx, cancel := context.WithCancel(t.Context())
			o.Progress = func(done, _ int64) {
				if done >= 100_000 {
					cancel()
				}
			}
			_, err := Get(ctx, s.URL+"/m?key=secret", o)
			if err == nil || errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "of 300000 bytes: the same command goes on from there") || strings.Contains(err.Error(), "secret") {
				t.Fatalf("%v", err)
			}
			o.Progress = nil
			s.set(func(s *source) { c.between(s); s.asked = nil })
			got, err := get(t, s.URL+"/m?key=secret", o)
			if want := sum(s.data); err != nil || got != want {
				t.Errorf("%s, want %s, %v", got, want, err)
			}
			if r := s.ranges(); len(r) != c.asked || !strings.HasPrefix(r[0], "bytes=") {
				t.Errorf("asked for %q", r)
			}
		})
	}
}

// plain knows no ranges.
func plain(data []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.Write(data) }
}

// A whole file that waits is compared, not loaded.
func TestWholeFileWaits(t *testing.T) {
	data := content(5000)
	s := serve(t, data)
	o := options(t)
	f, err := Get(t.Context(), s.URL+"/m", o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Get(t.Context(), s.URL+"/m", o); bongsu.CodeOf(err) != bongsu.CodeConflict {
		t.Errorf("a second download of the same: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	o.Progress = func(int64, int64) { t.Error("it was loaded again") }
	if got, err := get(t, s.URL+"/m", o); err != nil || got != sum(data) {
		t.Errorf("%s, %v", got, err)
	}
}

func TestRefused(t *testing.T) {
	page := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, "<html>sign in</html>")
	}
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	to := func(where string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, where, http.StatusFound) }
	}
	for name, c := range map[string]struct {
		handle http.HandlerFunc
		says   string
		code   bongsu.Code
	}{
		"web page":         {page, "gives a web page, not a file: give the address of the file itself", bongsu.CodeInvalid},
		"gone":             {status(404), "answers 404 Not Found: the file is there no more, or the address has a mistake", bongsu.CodeNotFound},
		"login":            {status(403), "answers 403 Forbidden: the file is not public", bongsu.CodeForbidden},
		"busy":             {status(503), "answers 503 Service Unavailable: try again later", bongsu.CodeUnavailable},
		"range of nothing": {status(416), "answers 416", bongsu.CodeUnavailable},
		"redirect to http": {to("http://192.0.2.1/m.onnx?sig=secret"), "sends on to http://192.0.2.1/m.onnx, which is no https address: nothing was downloaded from there", bongsu.CodeInvalid},
		"redirect to file": {to("file:///etc/passwd"), "is no https address", bongsu.CodeInvalid},
		"redirect in ring": {to("/m"), "sends on and on, more than 5 times", bongsu.CodeInvalid},
		"too large, told":  {plain(content(2 << 20)), "at most 1048576 are downloaded: it is another file than it should be", bongsu.CodeTooLarge},
		"too large, not told": {func(w http.ResponseWriter, _ *http.Request) {
			for range 40 {
				w.Write(content(64 << 10))
				http.NewResponseController(w).Flush()
			}
		}, "has more bytes, at most 1048576", bongsu.CodeTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, nil)
			s.handle = c.handle
			o := options(t)
			_, err := get(t, s.URL+"/m?key=secret", o)
			if err == nil || !strings.Contains(err.Error(), c.says) || bongsu.CodeOf(err) != c.code {
				t.Errorf("%s %v\nwant %s %s", bongsu.CodeOf(err), err, c.code, c.says)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("a query is shown: %v", err)
			}
			nothingLeft(t, o.Dir)
		})
	}
}

func TestRedirectToAFile(t *testing.T) {
	data := content(3000)
	s := serve(t, data)
	first := httptest.NewServer(http.RedirectHandler(s.URL+"/stored?sig=1", http.StatusFound))
	defer first.Close()
	if got, err := get(t, first.URL+"/release/m.onnx", options(t)); err != nil || got != sum(data) {
		t.Errorf("%s, %v", got, err)
	}
}

func TestAddresses(t *testing.T) {
	for address, says := range map[string]string{
		"http://example.com/m.onnx":            "http://example.com/m.onnx is no https address: models are downloaded over https only (http from this machine itself)",
		"ftp://example.com/m.onnx":             "is no https address",
		"https://me:secret@example.com/m.onnx": "the address of https://example.com/m.onnx holds a user name or password",
		"https:///m.onnx":                      "this is no web address",
		"::":                                   "this is no web address",
	} {
		if _, err := Get(t.Context(), address, options(t)); err == nil || !strings.Contains(err.Error(), says) || bongsu.CodeOf(err) != bongsu.CodeInvalid || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", address, err)
		}
	}
	for _, address := range []string{"https://example.com/m.onnx", "http://127.0.0.1:1/m", "http://[::1]/m"} {
		if _, err := Parse(address); err != nil {
			t.Error(err)
		}
	}
}

func TestOverTLS(t *testing.T) {
	data := content(3000)
	s := httptest.NewTLSServer(plain(data))
	defer s.Close()
	o := options(t)
	if _, err := get(t, s.URL+"/m", o); err == nil || !strings.Contains(err.Error(), "cannot be reached") || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("an unknown certificate: %v", err)
	}
	o.Client = s.Client()
	if got, err := get(t, s.URL+"/m", o); err != nil || got != sum(data) {
		t.Errorf("%s, %v", got, err)
	}
}

// An address on the network may not send the program to what runs on this machine.
func TestRedirectFromTLSToPlain(t *testing.T) {
	inside := serve(t, content(10))
	s := httptest.NewTLSServer(http.RedirectHandler(inside.URL+"/m", http.StatusFound))
	defer s.Close()
	o := options(t)
	o.Client = s.Client()
	if _, err := get(t, s.URL+"/m", o); err == nil || !strings.Contains(err.Error(), "which is no https address") || len(inside.ranges()) != 0 {
		t.Errorf("%v, asked %q", err, inside.ranges())
	}
}

func TestOffline(t *testing.T) {
	s := httptest.NewServer(nil)
	s.Close()
	o := options(t)
	_, err := get(t, s.URL+"/m?key=secret", o)
	if err == nil || bongsu.CodeOf(err) != bongsu.CodeUnavailable || strings.Contains(err.Error(), "secret") ||
		!strings.Contains(err.Error(), "/m cannot be reached: look at this machine's network, name server and HTTPS_PROXY, or fetch the file elsewhere and install the file: ") {
		t.Errorf("%v", err)
	}
	nothingLeft(t, o.Dir)
}

// A server that falls silent does not hold the program.
func TestSilence(t *testing.T) {
	s := serve(t, nil)
	over := make(chan struct{})
	t.Cleanup(func() { close(over) })
	s.handle = func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Range") == "" {
			w.Header().Set("ETag", `"a"`)
			w.Header().Set("Content-Length", "1000")
			w.Write(content(400))
			http.NewResponseController(w).Flush()
		}
		select {
		case <-over:
		case <-r.Context().Done():
		}
	}
	o := options(t)
	o.Stall = 50 * time.Millisecond
	_, err := get(t, s.URL+"/m", o)
	if err == nil || !strings.Contains(err.Error(), "stopped after 400 of 1000 bytes: the same command goes on from there: nothing came any more") {
		t.Errorf("%v", err)
	}
	if r := s.ranges(); len(r) != 2 || r[1] != "bytes=400-" {
		t.Errorf("asked for %q", r)
	}
}

// A server that can neither continue nor finish is given up.
func TestNeverWhole(t *testing.T) {
	s := serve(t, content(1000))
	s.tag, s.cut = "", 500
	if _, err := get(t, s.URL+"/m", options(t)); err == nil || !strings.Contains(err.Error(), "stopped after 500 of 1000 bytes") {
		t.Errorf("%v", err)
	}
	if n := len(s.ranges()); n < 2 || n > 7 {
		t.Errorf("asked %d times", n)
	}
}

func TestFolderThatCannotBeWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := serve(t, content(10))
	if _, err := Get(t.Context(), s.URL+"/m", Options{Dir: file, MaxBytes: 100}); err == nil || !strings.Contains(err.Error(), "cannot be downloaded into "+file) {
		t.Errorf("%v", err)
	}
}

func TestOldPartsAreSwept(t *testing.T) {
	o := options(t)
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"old.part", "old.json", "other.txt"} {
		if err := os.WriteFile(filepath.Join(o.Dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := serve(t, content(10))
	o.Now = func() time.Time { return time.Now().Add(31 * 24 * time.Hour) }
	f, err := Get(t.Context(), s.URL+"/m", o)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Remove(); err != nil {
		t.Error(err)
	}
	if list, err := os.ReadDir(o.Dir); err != nil || len(list) != 1 || list[0].Name() != "other.txt" {
		t.Errorf("%v, %v", list, err)
	}
}

var ranges = map[string][3]int64{ // from, total, 1 when good
	"bytes 5-9/10": {5, 10, 1}, "bytes 0-0/1": {0, 1, 1}, "bytes */10": {0, 10, 1},
	"bytes 5-9/*": {}, "bytes 5-10/10": {}, "bytes 9-5/10": {}, "bytes -5-9/10": {}, "bytes 5-9": {}, "5-9/10": {},
	"bytes 5/10": {}, "bytes +5-9/10": {}, "bytes 5-9/99999999999999999999": {}, "": {},
}

func TestContentRange(t *testing.T) {
	for s, want := range ranges {
		from, total, ok := contentRange(s)
		if ok != (want[2] == 1) || ok && (from != want[0] || total != want[1]) {
			t.Errorf("%q: %d, %d, %v", s, from, total, ok)
		}
	}
}

func FuzzContentRange(f *testing.F) {
	for s := range ranges {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if from, total, ok := contentRange(s); ok && (from < 0 || total < 0 || from > total) {
			t.Errorf("%q: %d, %d", s, from, total)
		}
	})
}

// FuzzState: a damaged note of a part never harms more than that the download begins anew.
func FuzzState(f *testing.F) {
	f.Add([]byte(`{"validator":"\"one\"","total":10}`))
	f.Add([]byte(`{"total":-1}`))
	f.Add([]byte(`[`))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(dir, "state.json")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if s := readState(path); s.Total < 0 {
			t.Errorf("%+v", s)
		}
	})
}
