package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/jpeg"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"bongsu"
	"bongsu/cloud/alerts"
	"bongsu/cloud/archive"
	"bongsu/cloud/archive/sqlite"
	"bongsu/cloud/ingest"
	"bongsu/cloud/objects"
	"bongsu/cloud/objects/disk"
	"bongsu/cloud/queue/queuetest/redistest"
	"bongsu/cloud/queue/redisq"
)

// long reports whether the long form of the tests of faults is wanted.
func long() bool { return os.Getenv("BONGSU_LONG") != "" }

// region is several processes' worth of ingests and workers on one archive, one store and one
// Redis, each with handles of its own, and edges that send until they are told to stop.
type region struct {
	*testing.T
	dir   string
	redis *redistest.Server
	nodes []*node

	mu    sync.Mutex
	acked map[bongsu.EventKey]time.Time // what the edges were told is stored
	held  int                           // posts answered 503
	n     int                           // events made
}

// node is one of the region's processes.
type node struct {
	archive *sqlite.Archive
	objects *disk.Store
	queue   *redisq.Queue
	ingest  *ingest.Ingest
	mux     *http.ServeMux
	worker  *Worker
}

// sweep is how old an inbox row is here when it is published again.
const sweep = 500 * time.Millisecond

// memoryDir is a folder without a disk below it, where there is one: these tests break Redis, not the
// archive, and would mostly wait for fsyncs.
func memoryDir(t *testing.T) string {
	dir, err := os.MkdirTemp("/dev/shm", "bongsu-test-")
	if err != nil || long() { // the long form fills more than such a folder may hold
		os.RemoveAll(dir)
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func newRegion(t *testing.T, s *redistest.Server, nodes int) *region {
	t.Helper()
	x := &region{T: t, dir: memoryDir(t), redis: s, acked: map[bongsu.EventKey]time.Time{}}
	for range nodes {
		x.nodes = append(x.nodes, x.newNode())
	}
	a := x.nodes[0].archive
	now := time.Now().UTC()
	if err := a.PutEnrolToken(t.Context(), archive.EnrolToken{Hash: "h", Expires: now.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	if err := a.Enrol(t.Context(), "h", archive.Edge{ID: edge, Name: "a", CredentialHash: "c"}, now); err != nil {
		t.Fatal(err)
	}
	return x
}

func (x *region) newNode() *node {
	x.Helper()
	n := &node{mux: http.NewServeMux()}
	var err error
	if n.archive, err = sqlite.Open(x.Context(), sqlite.Options{Path: filepath.Join(x.dir, "a.db"), Busy: 20 * time.Second}); err != nil {
		x.Fatal(err)
	}
	if n.objects, err = disk.Open(disk.Options{Dir: filepath.Join(x.dir, "objects")}); err != nil {
		x.Fatal(err)
	}
	n.queue = redisq.New(redisq.Options{Address: x.redis.Address(), Lease: 2 * time.Second, Timeout: time.Second})
	x.Cleanup(func() {
		n.queue.Close()
		n.objects.Close()
		n.archive.Close()
	})
	n.ingest = ingest.New(ingest.Options{Archive: n.archive, Queue: n.queue, Objects: n.objects, Limits: ingest.Limits{Republish: sweep, Posts: 64}})
	for _, r := range n.ingest.Routes() {
		n.mux.Handle(r.Pattern, r.Handler)
	}
	n.worker = New(Options{Archive: n.archive, Queue: n.queue, Objects: n.objects, Policy: alerts.DefaultPolicy(), Backoff: 20 * time.Millisecond})
	return n
}

// during runs parts until f returns, and waits for their end.
func (x *region) during(f func(), parts ...func(context.Context) error) {
	ctx, stop := context.WithCancel(x.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	for _, p := range parts {
		wg.Go(func() {
			if err := p(ctx); err != nil {
				x.Error(err)
			}
		})
	}
	f()
}

// all are the parts of every node.
func (x *region) all() (parts []func(context.Context) error) {
	for _, n := range x.nodes {
		parts = append(parts, n.ingest.Run, n.worker.Run)
	}
	return parts
}

// small is a JPEG.
var small = func() []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 32, 18)), nil); err != nil {
		panic(err)
	}
	return b.Bytes()
}()

// records makes new events.
func (x *region) records(n int) []bongsu.EventRecord {
	x.mu.Lock()
	defer x.mu.Unlock()
	out := make([]bongsu.EventRecord, n)
	now := time.Now().UTC().Truncate(time.Microsecond)
	for i := range out {
		x.n++
		out[i] = bongsu.EventRecord{Snapshot: small, Event: bongsu.Event{
			ID: bongsu.NewEventID(now), Revision: 1, Camera: bongsu.CameraID(fmt.Sprint("cam", x.n%8)), Rule: "r", Kind: bongsu.KindIntrusion,
			Priority: bongsu.PriorityHigh, State: bongsu.EventOpen, Start: now, Fired: now, Clock: bongsu.Clock{WallQuality: "synchronised"},
			Class: bongsu.ClassPerson, Score: 0.5, Box: bongsu.Box{X0: 0.1, Y0: 0.1, X1: 0.2, Y1: 0.4}, Model: bongsu.ModelRef{Name: "m", Version: "1"},
		}}
	}
	return out
}

// post sends records to a node as an edge does and notes what was answered.
func (x *region) post(n *node, records []bongsu.EventRecord) (status int) {
	body, err := json.Marshal(bongsu.EventsRequest{Events: records})
	if err != nil {
		x.Error(err)
		return 0
	}
	r := httptest.NewRequest("POST", "/api/v1/edge/events", bytes.NewReader(body))
	rec := httptest.NewRecorder()
	n.mux.ServeHTTP(rec, r.WithContext(ingest.WithEdge(r.Context(), edge)))
	x.mu.Lock()
	defer x.mu.Unlock()
	if rec.Code != 200 {
		x.held++
		return rec.Code
	}
	var out bongsu.EventsResponse
	if err := json.Unmarshal(rec.Body.Bytes(), &out); err != nil {
		x.Error(err)
	}
	for _, res := range out.Results {
		if res.Status == bongsu.EventRejected {
			x.Errorf("rejected: %+v", res)
		}
		x.acked[res.EventKey] = time.Now()
	}
	return rec.Code
}

// behind is how many acknowledged events no worker has applied.
func (x *region) behind() int {
	n, _ := x.count()
	for _, o := range x.nodes {
		n -= int(o.worker.Stats().Applied)
	}
	return n
}

// edges are n senders; each sends its events to one node after the other until they are taken. They wait while the workers are more than ahead
// events behind, for more than workers can do would only measure how slow this machine is.
func (x *region) edges(n, batch, ahead int) (parts []func(context.Context) error) {
	for i := range n {
		parts = append(parts, func(ctx context.Context) error {
			for at := i; ctx.Err() == nil; {
				records := x.records(batch)
				for ; ctx.Err() == nil; at++ {
					if x.post(x.nodes[at%len(x.nodes)], records) == 200 {
						break
					}
					wait(ctx, 20*time.Millisecond)
				}
				for wait(ctx, 5*time.Millisecond); ctx.Err() == nil && x.behind() > ahead; {
					wait(ctx, 5*time.Millisecond)
				}
			}
			return nil
		})
	}
	return parts
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

func (x *region) count() (acked, held int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.acked), x.held
}

// settle waits until every acknowledged event is in the archive.
func (x *region) settle() {
	x.Helper()
	x.mu.Lock()
	keys := slices.Collect(maps.Keys(x.acked))
	x.mu.Unlock()
	deadline := time.Now().Add(60 * time.Second)
	for len(keys) > 0 {
		_, err := x.nodes[0].archive.GetEvent(x.Context(), keys[0].ID)
		switch {
		case err == nil:
			keys = keys[1:]
		case bongsu.CodeOf(err) != bongsu.CodeNotFound:
			x.Fatal(err)
		case time.Now().After(deadline):
			x.Fatalf("up to %d acknowledged events are not in the archive, such as %v", len(keys), keys[0])
		default:
			wait(x.Context(), 20*time.Millisecond)
		}
	}
}

// once checks that nothing is doubled and no row names a missing object, and gives the number of events.
func (x *region) once() int {
	x.Helper()
	a, objs := x.nodes[0].archive, x.nodes[0].objects
	if err := a.Check(x.Context()); err != nil {
		x.Fatal(err)
	}
	events, named := 0, map[string]bool{}
	for q := (archive.EventQuery{Limit: archive.MaxPage}); ; {
		page, err := a.ListEvents(x.Context(), q)
		if err != nil {
			x.Fatal(err)
		}
		for _, e := range page.Events {
			events++
			if revs, err := a.Revisions(x.Context(), e.ID); err != nil || len(revs) != 1 {
				x.Fatalf("event %s has %d revisions, %v", e.ID, len(revs), err)
			}
			if e.Snapshot == nil {
				x.Fatalf("event %s has no picture", e.ID)
			}
			if info, err := objs.Stat(x.Context(), e.Snapshot.Key); err != nil || info.SHA256 != e.Snapshot.SHA256 {
				x.Fatalf("event %s names %s: %v", e.ID, e.Snapshot.Key, err)
			}
			named[e.Snapshot.Key] = true
		}
		if q.After = page.Next; page.Next.IsZero() {
			break
		}
	}
	if err := objs.List(x.Context(), "events/", func(i objects.Info) error {
		if !named[i.Key] {
			x.Errorf("object %s has no row", i.Key)
		}
		return nil
	}); err != nil {
		x.Fatal(err)
	}
	return events
}

// rss is this process's resident memory in MiB.
func rss(t *testing.T) int {
	t.Helper()
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		var kib int
		if _, err := fmt.Sscanf(line, "VmRSS: %d kB", &kib); err == nil {
			return kib >> 10
		}
	}
	t.Fatal("no VmRSS")
	return 0
}
