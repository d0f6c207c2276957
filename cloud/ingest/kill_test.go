package ingest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	"bongsu"
	"bongsu/cloud/archive"
	"bongsu/cloud/objects"
	"bongsu/cloud/objects/objectstest/s3servers"
	"bongsu/cloud/objects/s3"
	"bongsu/cloud/worker"
)

var errKilled = errors.New("killed here")

// failpoint ends a process at one of its steps: before the step is done, or when it is done and
// nobody was told. After that nothing is done any more.
type failpoint struct {
	mu    sync.Mutex
	left  int // steps until the end; negative: none
	after bool
	dead  bool
}

func (f *failpoint) set(left int, after bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left, f.after, f.dead = left, after, false
}

// enter reports whether the step is done and whether its doer lives to tell.
func (f *failpoint) enter() (do, lives bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dead {
		return false, false
	}
	if f.left--; f.left == 0 {
		f.dead = true
		return f.after, false
	}
	return true, true
}

func step[T any](f *failpoint, g func() (T, error)) (T, error) {
	var none T
	do, lives := f.enter()
	if !do {
		return none, errKilled
	}
	v, err := g()
	if !lives {
		return none, errKilled
	}
	return v, err
}

// mortalArchive and mortalStore have a failpoint at each step of a clip's way.
type mortalArchive struct {
	Archive
	f *failpoint
}

// DeclareClip implements archive.Clips.
func (a mortalArchive) DeclareClip(ctx context.Context, e bongsu.EdgeID, c bongsu.Clip, at time.Time) (archive.ClipRow, error) {
	return step(a.f, func() (archive.ClipRow, error) { return a.Archive.DeclareClip(ctx, e, c, at) })
}

// CompleteClip implements archive.Clips.
func (a mortalArchive) CompleteClip(ctx context.Context, e bongsu.EdgeID, k bongsu.ClipKey, hash string, at time.Time) (archive.ClipRow, error) {
	return step(a.f, func() (archive.ClipRow, error) { return a.Archive.CompleteClip(ctx, e, k, hash, at) })
}

type mortalStore struct {
	objects.Store
	f *failpoint
}

// Begin implements objects.Store.
func (s mortalStore) Begin(ctx context.Context, key, kind string, n int64, hash string) (objects.Upload, error) {
	u, err := step(s.f, func() (objects.Upload, error) { return s.Store.Begin(ctx, key, kind, n, hash) })
	if err != nil {
		return nil, err
	}
	return mortalUpload{u, s.f}, nil
}

type mortalUpload struct {
	objects.Upload
	f *failpoint
}

// Write implements objects.Upload.
func (u mortalUpload) Write(ctx context.Context, at int64, r io.Reader) (int64, error) {
	return step(u.f, func() (int64, error) { return u.Upload.Write(ctx, at, r) })
}

// Complete implements objects.Upload.
func (u mortalUpload) Complete(ctx context.Context) error {
	_, err := step(u.f, func() (struct{}, error) { return struct{}{}, u.Upload.Complete(ctx) })
	return err
}

// mortalServer is an S3 server whose client dies at one of its requests.
func mortalServer(t *testing.T, srv *s3servers.Server, f *failpoint) string {
	t.Helper()
	target, err := url.Parse(srv.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	tr := &http.Transport{DisableCompression: true}
	proxy := &httputil.ReverseProxy{Transport: tr, ErrorLog: log.New(io.Discard, "", 0), Rewrite: func(p *httputil.ProxyRequest) {
		p.SetURL(target)
		p.Out.Host = p.In.Host
	}}
	web := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		do, lives := f.enter()
		switch {
		case lives:
			proxy.ServeHTTP(w, r)
			return
		case do:
			proxy.ServeHTTP(httptest.NewRecorder(), r)
		}
		panic(http.ErrAbortHandler)
	}))
	web.Config.ErrorLog = proxy.ErrorLog
	web.Start()
	t.Cleanup(func() {
		web.Close()
		tr.CloseIdleConnections()
	})
	return web.URL
}

// s3Options are those of a store on a server.
func s3Options(t *testing.T, srv *s3servers.Server, endpoint string) s3.Options {
	t.Helper()
	o := s3.Options{
		Endpoint: endpoint, PublicEndpoint: srv.Endpoint, Region: "us-east-1", Bucket: srv.Bucket, PathStyle: true, Presign: true,
		Backoff: time.Millisecond,
	}
	o.AccessKeyFile, o.SecretKeyFile = srv.KeyFiles()
	return o
}

func openS3(t *testing.T, o s3.Options) *s3.Store {
	t.Helper()
	s, err := s3.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// serve lets a new ingest on these stores answer, as after a restart.
func (w *world) serve(a Archive, s objects.Store) {
	w.g = New(Options{Archive: a, Queue: w.queue, Objects: s, Now: func() time.Time { return w.now }})
	w.mux = http.NewServeMux()
	for _, r := range w.g.Routes() {
		w.mux.Handle(r.Pattern, r.Handler)
	}
}

// bring sends a part as an edge does, piece by piece where the cloud says so. False: an answer was
// an error.
func (w *world) bring(c bongsu.Clip, b []byte) (bool, int64) {
	w.Helper()
	req := bongsu.ClipRequest{Clip: c}
	if len(b) > objects.PieceBytes {
		for rest := b; len(rest) > 0; rest = rest[min(len(rest), objects.PieceBytes):] {
			req.Pieces = append(req.Pieces, clip(rest[:min(len(rest), objects.PieceBytes)]).SHA256)
		}
	}
	var sent int64
	for {
		var d bongsu.ClipResponse
		rec := w.post(edgeA, clipsPath, req)
		if rec.Code/100 != 2 {
			return false, sent
		}
		if err := json.Unmarshal(rec.Body.Bytes(), &d); err != nil {
			w.Fatal(err)
		}
		if d.Done {
			return true, sent
		}
		n := int64(len(b)) - d.Offset
		if d.Bytes > 0 {
			n = d.Bytes
		}
		if n > 0 {
			if !w.putBytes(d, b[d.Offset:d.Offset+n]) {
				return false, sent
			}
			sent += n
		}
		if d.Offset+n == int64(len(b)) {
			return w.complete(d).Code/100 == 2, sent
		}
	}
}

// putBytes sends bytes where the cloud said.
func (w *world) putBytes(d bongsu.ClipResponse, b []byte) bool {
	w.Helper()
	at, err := url.Parse(d.URL)
	if err != nil {
		w.Fatal(err)
	}
	if !at.IsAbs() {
		return w.upload(d, d.Offset, bytes.NewReader(b)).Code/100 == 2
	}
	req, err := http.NewRequestWithContext(w.Context(), d.Method, d.URL, bytes.NewReader(b))
	if err != nil {
		w.Fatal(err)
	}
	for k, v := range d.Headers {
		req.Header.Set(k, v)
	}
	tr := &http.Transport{DisableKeepAlives: true}
	resp, err := (&http.Client{Transport: tr}).Do(req)
	if err != nil {
		w.Fatal(err)
	}
	defer resp.Body.Close()
	said, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusPreconditionFailed {
		w.Fatalf("the object store answers %d: %s", resp.StatusCode, said)
	}
	return true
}

// named counts rows that name an object, and those of them whose object is not there and whole.
func (w *world) named(s objects.Store, n int) (rows, dangling int) {
	w.Helper()
	for i := range n {
		row, err := w.archive.GetClip(w.Context(), bongsu.ClipKey{Event: eventID(i)})
		if bongsu.CodeOf(err) == bongsu.CodeNotFound {
			continue
		}
		if err != nil {
			w.Fatal(err)
		}
		if row.Complete() {
			if rows++; s.Verify(w.Context(), row.Object) != nil {
				dangling++
			}
		}
	}
	return rows, dangling
}

// TestKilledBetweenObjectAndRow (R19): whatever instant ingest dies at, no row names an object that
// is not there; what the edge sends again ends well; what nobody sends again is gone within the
// hour.
func TestKilledBetweenObjectAndRow(t *testing.T) {
	long := os.Getenv("BONGSU_LONG") != ""
	kills, dangling, orphans := 0, 0, 0
	run := func(t *testing.T, n, steps int, f *failpoint, w *world, clean objects.Store, restart func()) {
		seed := uint64(time.Now().UnixNano())
		t.Logf("seed %d", seed)
		r := rand.New(rand.NewPCG(seed, 19))
		w.now = time.Now()
		for i := range n {
			f.set(-1, false)
			restart()
			b := bytes.Repeat(fmt.Appendf(nil, "%08d", i), 1000)
			if i%20 == 19 && clean != objects.Store(w.objects) {
				b = bytes.Repeat(b, objects.PieceBytes/len(b)+1)
			}
			c := clip(b)
			c.Event, c.Start = eventID(i), w.now
			f.set(1+r.IntN(steps), r.IntN(2) == 0)
			ok, _ := w.bring(c, b)
			if !ok {
				kills++
			}
			f.set(-1, false)
			restart()
			if r.IntN(2) == 0 {
				if ok, _ := w.bring(c, b); !ok {
					t.Fatalf("kill %d: the part does not come over after the restart", i)
				}
			}
		}
		rows, missing := w.named(clean, n)
		dangling += missing
		w.now = w.now.Add(time.Hour)
		w.g.abort(t.Context(), w.now.Add(time.Second))
		keeper := worker.New(worker.Options{Archive: w.archive, Queue: w.queue, Objects: clean, Now: func() time.Time { return w.now }})
		report, err := keeper.Retain(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		orphans += report.Orphans
		left := 0
		if err := clean.List(t.Context(), "", func(objects.Info) error { left++; return nil }); err != nil {
			t.Fatal(err)
		}
		if again, missing := w.named(clean, n); left != rows || again != rows || missing > 0 {
			t.Errorf("%d objects for %d rows an hour later, %d of them missing or damaged", left, rows, missing)
		}
	}
	t.Run("disk", func(t *testing.T) {
		w, f := newWorld(t), &failpoint{}
		n := 200
		if long {
			n = 2000
		}
		run(t, n, 8, f, w, w.objects, func() { w.serve(mortalArchive{w.archive, f}, mortalStore{w.objects, f}) })
	})
	for _, kind := range s3servers.Kinds() {
		t.Run(kind, func(t *testing.T) {
			w, f, srv := newWorld(t), &failpoint{}, s3servers.Start(t, kind)
			clean := openS3(t, s3Options(t, srv, srv.Endpoint))
			f.set(-1, false)
			o := s3Options(t, srv, mortalServer(t, srv, f))
			o.Tries = 1
			store := openS3(t, o)
			n := 40
			if long {
				n = 500
			}
			run(t, n, 14, f, w, clean, func() { w.serve(mortalArchive{w.archive, f}, store) })
		})
	}
	if dangling > 0 {
		t.Errorf("%d rows name an object that is not there", dangling)
	}
	t.Logf("figure R19: %d kills at random steps between declaration and row, on disk and on two S3 servers: %d dangling rows; %d orphans, all gone within the hour", kills, dangling, orphans)
}

// TestStraightToTheStore: with a store that clients reach, parts go there in pieces, each byte once,
// and the row comes after the hash was checked.
func TestStraightToTheStore(t *testing.T) {
	for _, kind := range s3servers.Kinds() {
		t.Run(kind, func(t *testing.T) {
			w, srv := newWorld(t), s3servers.Start(t, kind)
			store := openS3(t, s3Options(t, srv, srv.Endpoint))
			w.serve(w.archive, store)
			for i, n := range []int{1000, objects.PieceBytes, 2*objects.PieceBytes + 1} {
				b := bytes.Repeat([]byte{byte(i), 7}, n/2+1)[:n]
				c := clip(b)
				c.Event = eventID(i)
				ok, sent := w.bring(c, b)
				if !ok || sent != int64(n) {
					t.Fatalf("%d bytes: %v, %d were sent", n, ok, sent)
				}
				if rows, missing := w.named(store, 3); rows != i+1 || missing > 0 {
					t.Fatalf("%d rows, %d objects missing", rows, missing)
				}
			}
			if got := w.g.counts.addresses.Load(); got != 5 {
				t.Errorf("%d addresses were given, want 5", got)
			}
			c := clip(bytes.Repeat([]byte("x"), 2*objects.PieceBytes))
			c.Event = eventID(9)
			if d := good[bongsu.ClipResponse](t, w.post(edgeA, clipsPath, bongsu.ClipRequest{Clip: c})); d.URL != clipsPath+"/"+d.ID+"/data" {
				t.Errorf("without the pieces' hashes the bytes go to %.40s", d.URL)
			}
			for _, pieces := range [][]string{{c.SHA256}, {c.SHA256, "x"}} {
				bad(t, w.post(edgeA, clipsPath, bongsu.ClipRequest{Clip: c, Pieces: pieces}), bongsu.CodeInvalid, "pieces")
			}
		})
	}
}
