package worker

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"bongsu"
	"bongsu/cloud/alerts"
	"bongsu/cloud/archive"
	"bongsu/cloud/archive/sqlite"
	"bongsu/cloud/ingest"
	"bongsu/cloud/objects"
	"bongsu/cloud/objects/disk"
	"bongsu/cloud/queue/memq"
)

// The environment of a child process that ingests until it kills itself.
const (
	killDir   = "BONGSU_TEST_KILL_DIR"
	killAt    = "BONGSU_TEST_KILL_AT"    // which of the steps it passes is its last
	killFirst = "BONGSU_TEST_KILL_FIRST" // number of its first event
)

// fuse kills the process at the nth step that it is told of.
type fuse struct{ left int }

func (f *fuse) step() {
	if f.left--; f.left == 0 {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // until it arrives
	}
}

// mined is a store, and minedArchive an archive, with steps before and after whatever makes a row
// name an object.
type mined struct {
	objects.Store
	*fuse
}

func (m mined) Put(ctx context.Context, key, mediaType string, size int64, sum string, r io.Reader) error {
	m.step()
	err := m.Store.Put(ctx, key, mediaType, size, sum, r)
	m.step()
	return err
}

func (m mined) Begin(ctx context.Context, key, mediaType string, size int64, sum string) (objects.Upload, error) {
	u, err := m.Store.Begin(ctx, key, mediaType, size, sum)
	m.step()
	return minedUpload{u, m.fuse}, err
}

type minedUpload struct {
	objects.Upload
	*fuse
}

func (m minedUpload) Write(ctx context.Context, offset int64, r io.Reader) (int64, error) {
	n, err := m.Upload.Write(ctx, offset, r)
	m.step()
	return n, err
}

func (m minedUpload) Complete(ctx context.Context) error {
	m.step()
	err := m.Upload.Complete(ctx)
	m.step()
	return err
}

type minedArchive struct {
	*sqlite.Archive
	*fuse
}

func (m minedArchive) Apply(ctx context.Context, key bongsu.EventKey, o archive.ApplyOptions) (archive.Applied, error) {
	m.step()
	a, err := m.Archive.Apply(ctx, key, o)
	m.step()
	return a, err
}

func (m minedArchive) CompleteClip(ctx context.Context, e bongsu.EdgeID, key bongsu.ClipKey, sum string, at time.Time) (archive.ClipRow, error) {
	m.step()
	row, err := m.Archive.CompleteClip(ctx, e, key, sum, at)
	m.step()
	return row, err
}

// site is what a child, and the test after it, works with.
type site struct {
	archive *sqlite.Archive
	objects *disk.Store
	queue   *memq.Queue
	worker  *Worker
	mux     *http.ServeMux
}

func openSite(ctx context.Context, dir string, f *fuse, now func() time.Time) (*site, error) {
	a, err := sqlite.Open(ctx, sqlite.Options{Path: filepath.Join(dir, "a.db")})
	if err != nil {
		return nil, err
	}
	o, err := disk.Open(disk.Options{Dir: filepath.Join(dir, "objects"), Now: now})
	if err != nil {
		return nil, err
	}
	s := &site{archive: a, objects: o, queue: memq.New(memq.Options{}), mux: http.NewServeMux()}
	store, arch := mined{o, f}, minedArchive{a, f}
	s.worker = New(Options{Archive: arch, Queue: s.queue, Objects: store, Policy: alerts.DefaultPolicy(), Now: now})
	for _, r := range ingest.New(ingest.Options{Archive: arch, Queue: s.queue, Objects: store, Now: now}).Routes() {
		s.mux.Handle(r.Pattern, r.Handler)
	}
	return s, nil
}

func (s *site) close() {
	s.queue.Close()
	s.objects.Close()
	s.archive.Close()
}

// send makes a request as the edge and decodes the answer.
func (s *site) send(method, path string, body []byte, out any, header ...string) error {
	r := httptest.NewRequest(method, path, bytes.NewReader(body))
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	s.mux.ServeHTTP(rec, r.WithContext(ingest.WithEdge(r.Context(), edge)))
	if rec.Code/100 != 2 {
		return fmt.Errorf("%s %s: %d %s", method, path, rec.Code, rec.Body)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(rec.Body.Bytes(), out)
}

// bring sends event n with its picture and its clip, as an edge does, and applies it.
func (s *site) bring(ctx context.Context, n int) error {
	ev := event(n, 1)
	ev.Box, ev.Model, ev.Clock = bongsu.Box{X0: 0.1, Y0: 0.1, X1: 0.2, Y1: 0.4}, bongsu.ModelRef{Name: "m", Version: "1"}, bongsu.Clock{WallQuality: "synchronised"}
	body, err := json.Marshal(bongsu.EventsRequest{Events: []bongsu.EventRecord{{Event: ev, Snapshot: small}}})
	if err != nil {
		return err
	}
	var stored bongsu.EventsResponse
	if err := s.send("POST", "/api/v1/edge/events", body, &stored); err != nil {
		return err
	}
	if stored.Results[0].Status == bongsu.EventRejected {
		return fmt.Errorf("rejected: %+v", stored.Results[0])
	}
	if err := s.worker.apply(ctx, ev.Key()); err != nil {
		return err
	}
	return s.bringClip(n, fmt.Sprint("moving pictures of event ", n))
}

func (s *site) bringClip(n int, content string) error {
	sum := sha256.Sum256([]byte(content))
	body, err := json.Marshal(bongsu.ClipRequest{Clip: bongsu.Clip{
		Event: id(n), Camera: "c", State: bongsu.ClipReady, SHA256: hex.EncodeToString(sum[:]), Bytes: int64(len(content)),
		Codec: "avc1.64001f", Start: t0, DurationUS: 5_000_000,
	}})
	if err != nil {
		return err
	}
	var where bongsu.ClipResponse
	if err := s.send("POST", "/api/v1/edge/clips", body, &where); err != nil || where.Done {
		return err
	}
	if err := s.send(where.Method, where.URL, []byte(content)[where.Offset:], nil, "Upload-Offset", strconv.FormatInt(where.Offset, 10)); err != nil {
		return err
	}
	return s.send("POST", "/api/v1/edge/clips/"+where.ID+"/complete", nil, nil)
}

// killChild ingests until its fuse is burnt and says what was finished.
func killChild(dir string) {
	fail := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	at, err := strconv.Atoi(os.Getenv(killAt))
	fail(err)
	n, err := strconv.Atoi(os.Getenv(killFirst))
	fail(err)
	s, err := openSite(context.Background(), dir, &fuse{left: at}, func() time.Time { return t0 })
	fail(err)
	for ; ; n++ {
		fail(s.bring(context.Background(), n))
		fmt.Println(n)
	}
}

// TestKilledBetweenObjectAndRow is R19: an ingest is killed at every step around the writing of an
// object and of the row that names it. No row names a missing object, edges that go on find
// their way, and what no row came to name is gone within the hour.
func TestKilledBetweenObjectAndRow(t *testing.T) {
	kills := 25
	if long() {
		kills = 500
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	dir, c := t.TempDir(), &clock{now: t0}
	setUp(t, dir)
	next, rows := 0, 0
	for k := range kills {
		at := 1 + r.IntN(22) // an event has 10 steps
		if k < 12 {
			at = 1 + k // each of them once
		}
		next = killOnce(t, dir, at, next)
		if k%2 == 0 {
			next++ // its edge never comes back: what it left are orphans
		}
		rows = audit(t, dir, c)
	}
	s, err := openSite(t.Context(), dir, &fuse{}, c.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	pending, err := s.archive.PendingInbox(t.Context(), t0.Add(time.Hour), archive.Pending{}, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pending {
		if err := s.worker.apply(t.Context(), p.Key); err != nil {
			t.Fatal(err)
		}
	}
	before := objectsOf(t, s)
	var report Report
	for _, at := range []time.Duration{31 * time.Minute, 46 * time.Minute, time.Hour} {
		c.set(t0.Add(at))
		d, err := s.worker.Retain(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		report.Orphans += d.Orphans
	}
	named, left := namedBy(t, s), objectsOf(t, s)
	if len(left) != len(named) || len(before)-len(left) != report.Orphans {
		t.Fatalf("%d objects before, %d orphans swept, %d left, %d named", len(before), report.Orphans, len(left), len(named))
	}
	if report.Orphans == 0 {
		t.Error("no kill left an orphan: the steps are not where they should be")
	}
	t.Logf("figure R19: %d kills between object and row: 0 of %d rows dangle; %d orphans, all gone within the hour", kills, max(rows, len(named)), report.Orphans)
}

func setUp(t *testing.T, dir string) {
	t.Helper()
	s, err := openSite(t.Context(), dir, &fuse{}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	if err := s.archive.PutEnrolToken(t.Context(), archive.EnrolToken{Hash: "h", Expires: t0.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	if err := s.archive.Enrol(t.Context(), "h", archive.Edge{ID: edge, Name: "a", CredentialHash: "c"}, t0); err != nil {
		t.Fatal(err)
	}
}

// killOnce runs a child to its death and gives the number of the first event that it did not finish.
func killOnce(t *testing.T, dir string, at, first int) int {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), killDir+"="+dir, fmt.Sprint(killAt, "=", at), fmt.Sprint(killFirst, "=", first))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	next := first
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if n, err := strconv.Atoi(lines.Text()); err == nil {
			next = n + 1
		}
	}
	_ = cmd.Wait() // it is judged by its state
	if ws, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || ws.Signal() != syscall.SIGKILL {
		t.Fatalf("the child ended by itself: %v", cmd.ProcessState)
	}
	return next
}

// namedBy lists the objects that rows name, with their hashes.
func namedBy(t *testing.T, s *site) map[string]string {
	t.Helper()
	named := map[string]string{}
	for q := (archive.EventQuery{Limit: archive.MaxPage}); ; {
		page, err := s.archive.ListEvents(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Events {
			if e.Snapshot != nil {
				named[e.Snapshot.Key] = e.Snapshot.SHA256
			}
			for _, c := range e.Clips {
				if c.Complete() {
					named[c.Object] = c.SHA256
				}
			}
		}
		if q.After = page.Next; page.Next.IsZero() {
			return named
		}
	}
}

func objectsOf(t *testing.T, s *site) (keys []string) {
	t.Helper()
	if err := s.objects.List(t.Context(), "events/", func(i objects.Info) error {
		keys = append(keys, i.Key)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return keys
}

// audit fails for a row that names an object that is not there, and gives how many are named.
func audit(t *testing.T, dir string, c *clock) int {
	t.Helper()
	s, err := openSite(t.Context(), dir, &fuse{}, c.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	named := namedBy(t, s)
	for key, sum := range named {
		if info, err := s.objects.Stat(t.Context(), key); err != nil || info.SHA256 != sum {
			t.Fatalf("a row names %s: %v", key, err)
		}
	}
	return len(named)
}
