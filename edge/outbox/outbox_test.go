package outbox

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"bongsu"
)

func TestMain(m *testing.M) {
	if runChild() {
		return
	}
	goleak.VerifyTestMain(m)
}

var testTime = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// testOptions are small, so that segments turn over in a test.
func testOptions(m *memFS) Options {
	return Options{FS: m, SegmentBytes: 4096, ReserveBytes: 16 << 10, MaxClipBytes: 1 << 20, MinFreeBytes: -1,
		Now: func() time.Time { return testTime }}
}

func mustOpen(t testing.TB, opt Options) *Outbox {
	t.Helper()
	o, err := Open("mem", opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.Close() })
	return o
}

// anEvent makes revision rev of the n-th event.
func anEvent(n, rev int, state bongsu.EventState) bongsu.EventRecord {
	return bongsu.EventRecord{
		Event: bongsu.Event{ID: bongsu.EventID(fmt.Sprintf("01890a5d-ac96-774b-bcce-%012d", n)), Revision: rev,
			Camera: "yard", Rule: "fence", Kind: bongsu.KindIntrusion, Priority: bongsu.PriorityHigh, State: state,
			Start: testTime, Fired: testTime.Add(time.Second), Score: float32(n)},
		Snapshot: []byte(fmt.Sprintf("jpeg %d %d", n, rev)),
	}
}

func put(t testing.TB, o *Outbox, recs ...bongsu.EventRecord) {
	t.Helper()
	for _, r := range recs {
		if _, err := o.PutEvent(r); err != nil {
			t.Fatal(err)
		}
	}
}

func keysOf(recs []bongsu.EventRecord) (keys []bongsu.EventKey) {
	for i := range recs {
		keys = append(keys, recs[i].Event.Key())
	}
	return keys
}

func pendingKeys(t testing.TB, o *Outbox, newestFirst bool) []bongsu.EventKey {
	t.Helper()
	recs, err := o.PendingEvents(newestFirst, 1<<20, 1<<30, nil)
	if err != nil {
		t.Fatal(err)
	}
	return keysOf(recs)
}

// sumsHold fails the test when the sums do not.
func sumsHold(t testing.TB, o *Outbox) {
	t.Helper()
	c := o.Counts()
	if e := c.Events; e.Created != e.Acked+e.Pending+e.Damaged {
		t.Errorf("events: %+v does not add up", e)
	}
	if k := c.Clips; k.Created != k.Acked+k.Pending+k.Evicted+k.Failed {
		t.Errorf("clips: %+v does not add up", k)
	}
}

func TestEventsComeBackAsTheyWerePut(t *testing.T) {
	m := newMemFS()
	o := mustOpen(t, testOptions(m))
	want := anEvent(1, 1, bongsu.EventOpen)
	put(t, o, want)
	want.Event.Stamps.DurableUS = testTime.UnixMicro()
	for _, reopened := range []bool{false, true} {
		if reopened {
			o.Close()
			o = mustOpen(t, testOptions(m))
		}
		got, err := o.PendingEvents(true, 10, 1<<20, nil)
		if err != nil || len(got) != 1 {
			t.Fatalf("got %d records, %v", len(got), err)
		}
		if fmt.Sprint(got[0]) != fmt.Sprint(want) {
			t.Errorf("reopened %v: got %v, want %v", reopened, got[0], want)
		}
	}
}

func TestPutIsIdempotent(t *testing.T) {
	m := newMemFS()
	o := mustOpen(t, testOptions(m))
	r1, r2 := anEvent(1, 1, bongsu.EventOpen), anEvent(1, 2, bongsu.EventClosed)
	put(t, o, r1, r2)
	if err := o.AckEvents(r1.Event.Key(), r2.Event.Key()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for _, r := range []bongsu.EventRecord{r1, r2} {
			if known, err := o.PutEvent(r); err != nil || !known {
				t.Errorf("revision %d: known %v, %v", r.Event.Revision, known, err)
			}
		}
		o.Close()
		o = mustOpen(t, testOptions(m))
	}
	if c := o.Counts().Events; c.Created != 2 || c.Acked != 2 || c.Pending != 0 {
		t.Errorf("got %+v", c)
	}
}

func TestPutRefusesWhatNobodyCouldRead(t *testing.T) {
	o := mustOpen(t, testOptions(newMemFS()))
	for want, spoil := range map[string]func(*bongsu.EventRecord){
		"must be a UUID":    func(r *bongsu.EventRecord) { r.Event.ID = "../../x" },
		"the first is 1":    func(r *bongsu.EventRecord) { r.Event.Revision = 0 },
		"no camera's name":  func(r *bongsu.EventRecord) { r.Event.Camera = "a b" },
		"unknown state":     func(r *bongsu.EventRecord) { r.Event.State = "" },
		"snapshot of 65537": func(r *bongsu.EventRecord) { r.Snapshot = make([]byte, bongsu.MaxSnapshotBytes+1) },
		"the limit is":      func(r *bongsu.EventRecord) { r.Event.CameraName = strings.Repeat("x", bongsu.MaxMessageBytes) },
	} {
		r := anEvent(1, 1, bongsu.EventOpen)
		spoil(&r)
		if _, err := o.PutEvent(r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	sumsHold(t, o)
}

func TestLanes(t *testing.T) {
	o := mustOpen(t, testOptions(newMemFS()))
	for n := range 5 {
		put(t, o, anEvent(n, 1, bongsu.EventClosed))
	}
	old := pendingKeys(t, o, false)
	newest := pendingKeys(t, o, true)
	slices.Reverse(newest)
	if len(old) != 5 || !slices.Equal(old, newest) {
		t.Errorf("back-fill %v, live reversed %v", old, newest)
	}
	got, err := o.PendingEvents(false, 2, 1<<20, func(k bongsu.EventKey) bool { return k == old[0] })
	if err != nil || !slices.Equal(keysOf(got), old[1:3]) {
		t.Errorf("with a limit and one left out: %v, %v", keysOf(got), err)
	}
	if got, err = o.PendingEvents(true, 5, 1, nil); err != nil || len(got) != 1 {
		t.Errorf("with a byte budget of 1 there must be one record: %d, %v", len(got), err)
	}
}

func TestRejectedEventsStayAndAreNotGivenOut(t *testing.T) {
	m := newMemFS()
	o := mustOpen(t, testOptions(m))
	put(t, o, anEvent(1, 1, bongsu.EventClosed), anEvent(2, 1, bongsu.EventClosed))
	bad := anEvent(1, 1, bongsu.EventClosed)
	if err := o.RejectEvent(bad.Event.Key(), bongsu.CodeInvalid, strings.Repeat("no ", 300)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if keys := pendingKeys(t, o, true); len(keys) != 1 || keys[0] == bad.Event.Key() {
			t.Errorf("given out: %v", keys)
		}
		if c := o.Counts().Events; c.Pending != 2 || c.Rejected != 1 {
			t.Errorf("got %+v", c)
		}
		sumsHold(t, o)
		o.Close()
		if rep, err := check(m); err != nil || len(rep.Violations) != 0 || len(rep.Refused) != 1 ||
			rep.Refused[0].Key != bad.Event.Key() || rep.Refused[0].Code != bongsu.CodeInvalid || !strings.HasPrefix(rep.Refused[0].Message, "no no ") {
			t.Errorf("checked: %+v, %v", rep, err)
		}
		o = mustOpen(t, testOptions(m))
	}
}

func TestOpenEventsAreKeptUntilTheyClose(t *testing.T) {
	m := newMemFS()
	o := mustOpen(t, testOptions(m))
	put(t, o, anEvent(1, 1, bongsu.EventOpen), anEvent(1, 2, bongsu.EventOpen), anEvent(2, 1, bongsu.EventClosed))
	other := anEvent(3, 1, bongsu.EventOpen)
	other.Event.Camera = "gate"
	put(t, o, other)
	if _, err := o.OpenClip(bongsu.Clip{Event: other.Event.ID, Part: 1, Camera: "gate"}); err != nil {
		t.Fatal(err)
	}
	if err := o.AckEvents(pendingKeys(t, o, true)...); err != nil {
		t.Fatal(err)
	}
	for n := 10; n < 200; n++ { // turn the segments over
		r := anEvent(n, 1, bongsu.EventClosed)
		put(t, o, r)
		if err := o.AckEvents(r.Event.Key()); err != nil {
			t.Fatal(err)
		}
	}
	o.Close()
	o = mustOpen(t, testOptions(m))
	open, err := o.OpenEvents("yard")
	if err != nil || len(open) != 1 || open[0].Revision != 2 {
		t.Fatalf("yard: %v, %v", open, err)
	}
	if open, err = o.OpenEvents(""); err != nil || len(open) != 2 {
		t.Fatalf("all: %v, %v", open, err)
	}
	if open[1].ClipParts != 2 {
		t.Errorf("part 1 was opened, but the next is %d", open[1].ClipParts)
	}
	n, err := o.CloseInterrupted(open, bongsu.CloseInterrupted)
	if err != nil || n != 2 {
		t.Fatalf("closed %d, %v", n, err)
	}
	if n, err = o.CloseInterrupted(open, bongsu.CloseInterrupted); err != nil || n != 0 {
		t.Fatalf("the second time closed %d, %v", n, err)
	}
	recs, err := o.PendingEvents(false, 10, 1<<20, nil)
	if err != nil || len(recs) != 2 {
		t.Fatalf("%d closing revisions, %v", len(recs), err)
	}
	ev := recs[0].Event
	if ev.Revision != 3 || ev.State != bongsu.EventClosed || ev.CloseReason != bongsu.CloseInterrupted || !ev.End.Equal(testTime.Add(time.Second)) {
		t.Errorf("got %+v", ev)
	}
	if open, err = o.OpenEvents(""); err != nil || len(open) != 0 {
		t.Errorf("still open: %v, %v", open, err)
	}
	sumsHold(t, o)
}

func TestLogIsGivenUpWhenNothingNeedsIt(t *testing.T) {
	m := newMemFS()
	o := mustOpen(t, testOptions(m))
	pinned := anEvent(0, 1, bongsu.EventOpen)
	put(t, o, pinned)
	for n := 1; n < 500; n++ {
		r := anEvent(n, 1, bongsu.EventClosed)
		put(t, o, r)
		if err := o.AckEvents(r.Event.Key()); err != nil {
			t.Fatal(err)
		}
	}
	if segs, _ := listSegments(m); len(segs) > spareSegments+3 {
		t.Errorf("%d segments lie about for one open event", len(segs))
	}
	for range 20 { // restarts leave a segment each
		o.Close()
		o = mustOpen(t, testOptions(m))
	}
	if segs, _ := listSegments(m); len(segs) > spareSegments+3 {
		t.Errorf("%d segments lie about after restarts", len(segs))
	}
	if keys := pendingKeys(t, o, true); len(keys) != 1 || keys[0] != pinned.Event.Key() {
		t.Errorf("pending: %v", keys)
	}
	rep, err := check(m)
	if err != nil || len(rep.Violations) > 0 {
		t.Errorf("%v, %v", rep, err)
	}
}

func TestChangedTellsOfNewThings(t *testing.T) {
	o := mustOpen(t, testOptions(newMemFS()))
	ch := o.Changed()
	select {
	case <-ch:
		t.Fatal("told of nothing")
	default:
	}
	put(t, o, anEvent(1, 1, bongsu.EventClosed))
	<-ch
}

func TestSecondProcessIsRefused(t *testing.T) {
	dir := t.TempDir()
	o, err := Open(dir, Options{SegmentBytes: 4096, ReserveBytes: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	if _, err := Open(dir, Options{}); err == nil || !strings.Contains(err.Error(), "another process has it open") {
		t.Errorf("got %v", err)
	}
	if rep, err := Check(dir); err != nil || !rep.InUse || len(rep.Violations) > 0 {
		t.Errorf("check beside the owner: %+v, %v", rep, err)
	}
	if _, err := Check(t.TempDir()); err == nil || !strings.Contains(err.Error(), "there is no outbox") {
		t.Errorf("got %v", err)
	}
}

func TestClosedOutboxSaysSo(t *testing.T) {
	o := mustOpen(t, testOptions(newMemFS()))
	o.Close()
	if _, err := o.PutEvent(anEvent(1, 1, bongsu.EventOpen)); bongsu.CodeOf(err) != bongsu.CodeUnavailable {
		t.Errorf("got %v", err)
	}
	if err := o.Close(); err != nil {
		t.Error(err)
	}
}

// hashHex is a clip's hash as a worker says it.
func hashHex(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// writeClip opens a part, writes its file as a worker does and closes it as ready.
func writeClip(o *Outbox, m *memFS, event bongsu.EventID, part int, content []byte) error {
	clip := bongsu.Clip{Event: event, Part: part, Camera: "yard", Start: testTime}
	path, err := o.OpenClip(clip)
	if err != nil {
		return err
	}
	f, err := m.Create(strings.TrimPrefix(path, "mem/"))
	if err != nil {
		return err
	}
	half := len(content) / 2
	for _, w := range []struct {
		off int
		b   []byte
	}{{0, content[:half]}, {half, content[half:]}} {
		if _, err := f.WriteAt(w.b, int64(w.off)); err != nil {
			return err
		}
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := m.SyncDir(clipDir); err != nil {
		return err
	}
	clip.State, clip.Bytes, clip.SHA256 = bongsu.ClipReady, int64(len(content)), hashHex(content)
	return o.CloseClip(clip)
}

// TestAgainstModel runs random calls and restarts, and compares with a model that is a few maps.
func TestAgainstModel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	m := newMemFS()
	o := mustOpen(t, testOptions(m))
	pending, rejected, latest := map[bongsu.EventKey]bool{}, map[bongsu.EventKey]bool{}, map[int]int{}
	open := map[bongsu.EventID]int{}
	created := 0
	for range 1500 {
		switch n := rng.IntN(20); {
		case n < 9: // a revision of a new or an old event
			ev := rng.IntN(60)
			if latest[ev] < 0 {
				continue // closed
			}
			rec := anEvent(ev, latest[ev]+1, bongsu.EventOpen)
			if rng.IntN(3) == 0 {
				rec.Event.State = bongsu.EventClosed
			}
			put(t, o, rec)
			created++
			pending[rec.Event.Key()] = true
			latest[ev], open[rec.Event.ID] = rec.Event.Revision, rec.Event.Revision
			if rec.Event.State == bongsu.EventClosed {
				latest[ev] = -1
				delete(open, rec.Event.ID)
			}
		case n < 16: // some are acknowledged, some of them twice or unknown
			keys := []bongsu.EventKey{{ID: "nobody", Revision: 1}}
			for k := range pending {
				if rng.IntN(3) == 0 {
					keys = append(keys, k, k)
					delete(pending, k)
					delete(rejected, k)
				}
			}
			if err := o.AckEvents(keys...); err != nil {
				t.Fatal(err)
			}
		case n < 17:
			for k := range pending {
				if err := o.RejectEvent(k, bongsu.CodeInvalid, "no"); err != nil {
					t.Fatal(err)
				}
				rejected[k] = true
				break
			}
		case n < 19:
			o.Close()
			o = mustOpen(t, testOptions(m))
		default:
			if err := o.Enforce(); err != nil {
				t.Fatal(err)
			}
		}
		compareWithModel(t, o, pending, rejected, open, created)
		if t.Failed() {
			return
		}
	}
	if rep, err := check(m); err != nil || len(rep.Violations) > 0 {
		t.Errorf("%+v, %v", rep, err)
	}
}

func compareWithModel(t *testing.T, o *Outbox, pending, rejected map[bongsu.EventKey]bool, open map[bongsu.EventID]int, created int) {
	t.Helper()
	sumsHold(t, o)
	c := o.Counts().Events
	if int(c.Created) != created || int(c.Pending) != len(pending) || int(c.Rejected) != len(rejected) || c.Damaged != 0 {
		t.Errorf("counts %+v; model: %d created, %d pending, %d rejected", c, created, len(pending), len(rejected))
	}
	got := pendingKeys(t, o, false)
	if len(got) != len(pending)-len(rejected) {
		t.Errorf("%d are given out, want %d", len(got), len(pending)-len(rejected))
	}
	for _, k := range got {
		if !pending[k] || rejected[k] {
			t.Errorf("%v is given out", k)
		}
	}
	evs, err := o.OpenEvents("")
	if err != nil || len(evs) != len(open) {
		t.Errorf("%d events are open, want %d (%v)", len(evs), len(open), err)
	}
	for _, ev := range evs {
		if open[ev.ID] != ev.Revision {
			t.Errorf("event %s is open at %d, want %d", ev.ID, ev.Revision, open[ev.ID])
		}
	}
}

func TestBatchLargerThanASegment(t *testing.T) {
	m := newMemFS()
	o := mustOpen(t, testOptions(m))
	rec := anEvent(1, 1, bongsu.EventClosed)
	rec.Snapshot = bytes.Repeat([]byte{0xff}, bongsu.MaxSnapshotBytes)
	put(t, o, anEvent(0, 1, bongsu.EventClosed), rec, anEvent(2, 1, bongsu.EventClosed))
	o.Close()
	o = mustOpen(t, testOptions(m))
	recs, err := o.PendingEvents(false, 10, 1<<20, nil)
	if err != nil || len(recs) != 3 || !bytes.Equal(recs[1].Snapshot, rec.Snapshot) {
		t.Errorf("%d records, %v", len(recs), err)
	}
}
