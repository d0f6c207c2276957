package worker

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
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
	"bongsu/cloud/objects"
	"bongsu/cloud/objects/disk"
	"bongsu/cloud/queue/memq"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(killDir); dir != "" {
		killChild(dir)
	}
	goleak.VerifyTestMain(m)
}

var t0 = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

const edge bongsu.EdgeID = "0190a000-0000-7000-8000-00000000000a"

// clock is a clock that tests turn.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = t
}

// world is a worker on real stores.
type world struct {
	*testing.T
	w       *Worker
	archive *sqlite.Archive
	objects *disk.Store
	queue   *memq.Queue
	clock   *clock
	dir     string
}

// newWorld makes a worker whose options a test may change.
func newWorld(t *testing.T, change func(*Options)) *world {
	t.Helper()
	x := &world{T: t, dir: t.TempDir(), clock: &clock{now: t0}, queue: memq.New(memq.Options{})}
	var err error
	if x.archive, err = sqlite.Open(t.Context(), sqlite.Options{Path: filepath.Join(x.dir, "a.db")}); err != nil {
		t.Fatal(err)
	}
	if x.objects, err = disk.Open(disk.Options{Dir: filepath.Join(x.dir, "objects"), Now: x.clock.Now}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		x.archive.Close()
		x.objects.Close()
		x.queue.Close()
	})
	if err := x.archive.PutEnrolToken(t.Context(), archive.EnrolToken{Hash: "h", Expires: t0.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	if err := x.archive.Enrol(t.Context(), "h", archive.Edge{ID: edge, Name: "a", CredentialHash: "c"}, t0); err != nil {
		t.Fatal(err)
	}
	o := Options{Archive: x.archive, Queue: x.queue, Objects: x.objects, Policy: alerts.DefaultPolicy(), Now: x.clock.Now, Backoff: time.Millisecond}
	if change != nil {
		change(&o)
	}
	x.w = New(o)
	return x
}

// run runs the worker until stop is called, which waits for its end.
func (x *world) run() (stop func()) {
	ctx, cancel := context.WithCancel(x.Context())
	ended := make(chan error, 1)
	go func() { ended <- x.w.Run(ctx) }()
	return func() {
		x.Helper()
		cancel()
		if err := <-ended; err != nil {
			x.Fatal(err)
		}
	}
}

// until waits for a condition.
func (x *world) until(what string, ok func() bool) {
	x.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline.C:
			x.Fatalf("%s: not after a minute; %+v", what, x.w.Stats())
		}
	}
}

func id(n int) bongsu.EventID {
	return bongsu.EventID(fmt.Sprintf("0190b000-0000-7000-8000-%012x", n))
}

func event(n, revision int) bongsu.Event {
	start := t0.Add(time.Duration(n) * time.Second)
	return bongsu.Event{
		ID: id(n), Revision: revision, Camera: "c", Rule: "r", Kind: bongsu.KindIntrusion, Priority: bongsu.PriorityHigh,
		State: bongsu.EventOpen, Start: start, Fired: start, Clock: bongsu.Clock{WallQuality: "synchronised"}, Class: bongsu.ClassPerson, Score: 0.5,
	}
}

// put stores an event and publishes it, as ingest does.
func (x *world) put(ev bongsu.Event, snapshot string) bongsu.EventKey {
	x.Helper()
	if _, err := x.archive.PutInbox(x.Context(), edge, x.clock.Now(), []bongsu.EventRecord{{Event: ev, Snapshot: []byte(snapshot)}}); err != nil {
		x.Fatal(err)
	}
	if err := x.queue.Publish(x.Context(), ev.Key()); err != nil {
		x.Fatal(err)
	}
	return ev.Key()
}

func TestFromQueueToAlert(t *testing.T) {
	x := newWorld(t, nil)
	stop := x.run()
	x.put(event(0, 1), "jpeg one")
	x.put(event(30, 1), "jpeg two")
	x.put(event(500, 1), "")
	x.until("three events applied", func() bool { return x.w.Stats().Applied == 3 })
	x.until("the queue is empty", func() bool { return x.queue.Len() == 0 })
	stop()
	page, err := x.archive.ListAlerts(t.Context(), archive.AlertQuery{Limit: 10})
	if err != nil || len(page.Alerts) != 2 {
		t.Fatalf("alerts %+v, %v", page.Alerts, err)
	}
	ev, err := x.archive.GetEvent(t.Context(), id(0))
	if err != nil || ev.Snapshot == nil {
		t.Fatalf("event %+v, %v", ev, err)
	}
	if err := x.objects.Verify(t.Context(), ev.Snapshot.Key); err != nil {
		t.Fatal(err)
	}
	r, info, err := x.objects.Open(t.Context(), ev.Snapshot.Key, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if b, _ := io.ReadAll(r); string(b) != "jpeg one" || info.Type != "image/jpeg" || info.SHA256 != ev.Snapshot.SHA256 {
		t.Fatalf("snapshot %q, %+v", b, info)
	}
	if err := x.archive.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestRecordsAreKeptAndCallNobody: what is only counted is in the archive, without an alert, and the
// archive's own check finds nothing amiss with that.
func TestRecordsAreKeptAndCallNobody(t *testing.T) {
	x := newWorld(t, nil)
	stop := x.run()
	counted := event(0, 1)
	counted.Kind, counted.Priority, counted.State, counted.End = bongsu.KindLineCounting, bongsu.PriorityLow, bongsu.EventClosed, counted.Fired
	x.put(counted, "")
	x.put(event(1, 1), "")
	x.until("both applied", func() bool { return x.w.Stats().Applied == 2 })
	stop()
	page, err := x.archive.ListAlerts(t.Context(), archive.AlertQuery{Limit: 10})
	if err != nil || len(page.Alerts) != 1 || page.Alerts[0].Event != id(1) {
		t.Fatalf("alerts %+v, %v", page.Alerts, err)
	}
	if ev, err := x.archive.GetEvent(t.Context(), id(0)); err != nil || ev.Kind != bongsu.KindLineCounting || ev.Alert != "" {
		t.Fatalf("%+v, %v", ev, err)
	}
	if err := x.archive.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestRedelivery delivers everything twice, to many receivers: nothing is doubled.
func TestRedelivery(t *testing.T) {
	x := newWorld(t, func(o *Options) { o.Receivers = 8 })
	var keys []bongsu.EventKey
	for n := range 30 {
		keys = append(keys, x.put(event(n*100, 1), fmt.Sprint("jpeg ", n)))
	}
	stop := x.run()
	x.until("all applied", func() bool { return x.w.Stats().Applied == 30 && x.queue.Len() == 0 })
	for _, k := range keys {
		if err := x.queue.Publish(t.Context(), k); err != nil {
			t.Fatal(err)
		}
	}
	x.until("all known", func() bool { return x.w.Stats().Known == 30 && x.queue.Len() == 0 })
	stop()
	if s := x.w.Stats(); s.Applied != 30 || s.Buried != 0 {
		t.Fatalf("%+v", s)
	}
	page, err := x.archive.ListAlerts(t.Context(), archive.AlertQuery{Limit: 100})
	if err != nil || len(page.Alerts) != 30 {
		t.Fatalf("%d alerts, %v", len(page.Alerts), err)
	}
}

// faults is an archive and a store with faults.
type faults struct {
	Archive
	objects.Store
	apply func(bongsu.EventKey) error
}

func (f *faults) Apply(ctx context.Context, k bongsu.EventKey, o archive.ApplyOptions) (archive.Applied, error) {
	if err := f.apply(k); err != nil {
		return archive.Applied{}, err
	}
	return f.Archive.Apply(ctx, k, o)
}

// TestPoison: a message that always fails is buried after five deliveries and does not stop its
// neighbours; one that panics likewise.
func TestPoison(t *testing.T) {
	poison := map[bongsu.EventID]func() error{
		id(100): func() error { return errors.New("cannot be read") },
		id(200): func() error { panic("index out of range") },
	}
	x := newWorld(t, func(o *Options) {
		o.Archive = &faults{Archive: o.Archive, apply: func(k bongsu.EventKey) error {
			if f := poison[k.ID]; f != nil {
				return f()
			}
			return nil
		}}
	})
	stop := x.run()
	for n := range 4 {
		x.put(event(n*100, 1), "")
	}
	x.until("the poison buried, the rest applied", func() bool {
		s := x.w.Stats()
		return s.Buried == 2 && s.Applied == 2 && x.queue.Len() == 0
	})
	stop()
	letters, err := x.archive.DeadLetters(t.Context(), 10)
	if err != nil || len(letters) != 2 {
		t.Fatalf("letters %+v, %v", letters, err)
	}
	reasons := letters[0].Reason + letters[1].Reason
	if letters[0].Deliveries != 5 || !strings.Contains(reasons, "cannot be read") || !strings.Contains(reasons, "index out of range") {
		t.Fatalf("letters %+v", letters)
	}
	if s := x.w.Stats(); s.Retried != 8 {
		t.Fatalf("%d retries, want four for each", s.Retried)
	}
}

// TestOutage: while the disk refuses, nothing is buried however often it is delivered.
func TestOutage(t *testing.T) {
	var mu sync.Mutex
	left := 20
	x := newWorld(t, func(o *Options) {
		o.Archive = &faults{Archive: o.Archive, apply: func(bongsu.EventKey) error {
			mu.Lock()
			defer mu.Unlock()
			if left--; left >= 0 {
				return bongsu.Errorf(bongsu.CodeUnavailable, "the disk is full")
			}
			return nil
		}}
		o.Backoff = time.Nanosecond
	})
	stop := x.run()
	x.put(event(1, 1), "")
	x.until("applied in the end", func() bool { return x.w.Stats().Applied == 1 })
	stop()
	if s := x.w.Stats(); s.Retried != 20 || s.Buried != 0 {
		t.Fatalf("%+v", s)
	}
}

// TestCrashBetweenObjectAndRow: the snapshot is stored, the row is not; the next delivery does the
// rest with the same object.
func TestCrashBetweenObjectAndRow(t *testing.T) {
	x := newWorld(t, nil)
	k := x.put(event(1, 1), "jpeg")
	if _, err := x.w.putSnapshot(t.Context(), k, []byte("jpeg")); err != nil {
		t.Fatal(err)
	}
	if err := x.w.apply(t.Context(), k); err != nil {
		t.Fatal(err)
	}
	if ev, err := x.archive.GetEvent(t.Context(), id(1)); err != nil || ev.Snapshot == nil {
		t.Fatalf("%+v, %v", ev, err)
	}
}

func TestIdleOwnerLosesTheAlert(t *testing.T) {
	x := newWorld(t, func(o *Options) { o.Idle = 5 * time.Millisecond })
	k := x.put(event(1, 1), "")
	if err := x.w.apply(t.Context(), k); err != nil {
		t.Fatal(err)
	}
	ev, err := x.archive.GetEvent(t.Context(), id(1))
	if err != nil {
		t.Fatal(err)
	}
	p := alerts.DefaultPolicy()
	if _, err := x.archive.UpdateAlert(t.Context(), ev.Alert, p.Claim(alerts.Actor{Username: "kim"}, t0)); err != nil {
		t.Fatal(err)
	}
	x.clock.set(t0.Add(p.Lease))
	if err := x.w.expire(t.Context()); err != nil {
		t.Fatal(err)
	}
	work := func() bongsu.WorkState {
		al, err := x.archive.GetAlert(t.Context(), ev.Alert)
		if err != nil {
			t.Fatal(err)
		}
		return al.Work
	}
	if got := work(); got != bongsu.WorkClaimed {
		t.Fatalf("after exactly the lease: %s", got)
	}
	stop := x.run()
	x.clock.set(t0.Add(p.Lease + time.Second))
	x.until("returned", func() bool { return work() == bongsu.WorkUnclaimed })
	stop()
}

// TestQueueGone: a queue that is closed under the worker does not end it, and it still stops.
func TestQueueGone(t *testing.T) {
	x := newWorld(t, nil)
	stop := x.run()
	x.queue.Close()
	stop()
}

func TestDelay(t *testing.T) {
	w := New(Options{Backoff: time.Second})
	for n, want := range map[int]time.Duration{0: time.Second, 1: time.Second, 2: 2 * time.Second, 4: 8 * time.Second, 7: time.Minute, 1000: time.Minute} {
		if got := w.delay(n); got != want {
			t.Errorf("delay(%d) = %v, want %v", n, got, want)
		}
	}
}

// object stores an object that no row names.
func (x *world) object(key, content string) {
	x.Helper()
	h := sha256.Sum256([]byte(content))
	if err := x.objects.Put(x.Context(), key, "video/mp4", int64(len(content)), hex.EncodeToString(h[:]), strings.NewReader(content)); err != nil {
		x.Fatal(err)
	}
}

// TestMessageThatKills: a message whose holders ended without a word five times in a row is buried
// without being tried once more.
func TestMessageThatKills(t *testing.T) {
	tried := 0
	x := newWorld(t, func(o *Options) {
		o.Archive = &faults{Archive: o.Archive, apply: func(bongsu.EventKey) error { tried++; return nil }}
	})
	now := t0
	x.queue.Close()
	x.queue = memq.New(memq.Options{Lease: time.Second, Now: func() time.Time { return now }})
	x.w.o.Queue = x.queue
	x.put(event(1, 1), "")
	for n := range 6 {
		d, err := x.queue.Receive(t.Context())
		if err != nil || d.Message().Lapsed != n {
			t.Fatalf("%+v, %v", d.Message(), err)
		}
		if n == 5 {
			x.w.handle(t.Context(), d)
		}
		now = now.Add(2 * time.Second) // its holder is gone
	}
	letters, err := x.archive.DeadLetters(t.Context(), 10)
	if err != nil || len(letters) != 1 || tried != 0 || x.queue.Len() != 0 || !strings.Contains(letters[0].Reason, "5 workers in turn ended") {
		t.Fatalf("letters %+v, %v; tried %d times, %d in the queue", letters, err, tried, x.queue.Len())
	}
	if err := x.archive.Revive(t.Context(), letters[0].Key); err != nil {
		t.Fatal(err)
	}
	if err := x.w.apply(t.Context(), letters[0].Key); err != nil || tried != 1 {
		t.Fatalf("tried again by hand: %v", err)
	}
}

// TestOneDeletes: of several workers one deletes what is too old; when it ends another does.
func TestOneDeletes(t *testing.T) {
	x := newWorld(t, func(o *Options) { o.Name = "first" })
	o := x.w.o
	o.Name = "second"
	second := New(o)
	looks := []func(context.Context) error{x.w.retention(), second.retention()}
	x.fill()
	for _, f := range looks {
		if err := f(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	held := func(name string) bool {
		has, err := x.archive.TakeLease(t.Context(), leaseName, name, x.clock.Now(), 30*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		return has
	}
	if held("second") || !held("first") {
		t.Fatal("the first to look has the lease")
	}
	x.clock.set(t0.Add(29 * time.Second))
	for _, f := range looks[1:] {
		if err := f(t.Context()); err != nil || held("second") {
			t.Fatalf("the lease runs, %v", err)
		}
	}
	looks = looks[1:] // the first is gone without a word
	x.clock.set(t0.Add(31 * day))
	if err := looks[0](t.Context()); err != nil || !held("second") {
		t.Fatalf("the second takes over, %v", err)
	}
	if left := x.where(secret); len(left) != 0 {
		t.Fatalf("the second deleted nothing: %q", left)
	}
}

// held is an archive that applies nothing before its caller stops.
type held struct {
	Archive
	begun chan struct{}
}

func (h *held) Apply(ctx context.Context, _ bongsu.EventKey, _ archive.ApplyOptions) (archive.Applied, error) {
	close(h.begun)
	<-ctx.Done()
	return archive.Applied{}, ctx.Err()
}

// TestStopGivesBack: what a worker that stops has in its hands is at once there for another one, and
// does not count as what ended it.
func TestStopGivesBack(t *testing.T) {
	begun := make(chan struct{})
	x := newWorld(t, func(o *Options) { o.Archive = &held{o.Archive, begun} })
	key := x.put(event(1, 1), "jpeg")
	stop := x.run()
	<-begun
	stop()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second) // less than the lease
	defer cancel()
	d, err := x.queue.Receive(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if m := d.Message(); m.Key != key || m.Lapsed != 0 {
		t.Fatalf("%+v", m)
	}
}
