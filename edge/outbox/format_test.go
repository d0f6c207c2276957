package outbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"bongsu"
)

var updateGolden = flag.String("update-golden", "", "name of a golden spool to write anew as this release writes it, such as v1-lost: only for a new one")

// goldenDirs hold spools as releases wrote them; every later release must read them (row R9 of
// the faults). v1 is the first; v1-lost has parts that the cloud is still to be told of, and a
// revision that went past the disk.
const goldenDirs = "testdata/golden-"

// golden is what a golden spool must be read as.
type golden struct {
	Counts  Counts
	Pending []bongsu.EventRecord
	Open    []bongsu.Event
	Clips   []bongsu.Clip
	Lost    []bongsu.Clip `json:",omitempty"`
}

func readAll(t *testing.T, o *Outbox) golden {
	t.Helper()
	g := golden{Counts: o.Counts(), Clips: o.PendingClips(100, nil), Lost: o.LostClips(100)}
	var err error
	if g.Pending, err = o.PendingEvents(false, 100, 1<<20, nil); err != nil {
		t.Fatal(err)
	}
	if g.Open, err = o.OpenEvents(""); err != nil {
		t.Fatal(err)
	}
	return g
}

// goldenCopy opens a copy of a golden spool and gives what is in it.
func goldenCopy(t *testing.T, from string) []byte {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	o, err := Open(dir, goldenOptions())
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.MarshalIndent(readAll(t, o), "", " ")
	if err := errors.Join(err, o.Close()); err != nil {
		t.Fatal(err)
	}
	return b
}

func goldenOptions() Options {
	return Options{SegmentBytes: 4096, ReserveBytes: -1, MinFreeBytes: -1, Now: func() time.Time { return testTime }}
}

func TestGoldenSpoolsCanBeRead(t *testing.T) {
	if *updateGolden != "" {
		writeGolden(t, goldenDirs+*updateGolden)
	}
	dirs, err := filepath.Glob(goldenDirs + "*")
	if err != nil || len(dirs) < 2 {
		t.Fatalf("%d golden spools, %v", len(dirs), err)
	}
	records := 0
	for _, dir := range dirs {
		got := goldenCopy(t, dir)
		want, err := os.ReadFile(filepath.Join(dir, "expected.json"))
		if err != nil || !bytes.Equal(bytes.TrimSpace(want), got) {
			t.Errorf("%s, %v: got\n%s", dir, err, got)
		}
		rep, err := Check(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range rep.Violations {
			if v.Invariant != "I5" && v.Invariant != "I6" { // a part is as a crash left it
				t.Errorf("%s: %+v", dir, v)
			}
		}
		records += int(rep.Counts.Events.Created + rep.Counts.Clips.Created)
	}
	t.Logf("figure R9: %d golden spools, %d events and parts in them, 0 unreadable; records of a later release are left alone", len(dirs), records)
}

func writeGolden(t *testing.T, dir string) {
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	o, err := Open(dir, goldenOptions())
	if err != nil {
		t.Fatal(err)
	}
	put(t, o, anEvent(1, 1, bongsu.EventOpen), anEvent(2, 1, bongsu.EventOpen), anEvent(2, 2, bongsu.EventClosed), anEvent(3, 1, bongsu.EventClosed))
	o.TakeSent(anEvent(4, 1, bongsu.EventOpen))
	if err := o.AckEvents(bongsu.EventKey{ID: eventID(1), Revision: 1}, bongsu.EventKey{ID: eventID(2), Revision: 1}); err != nil {
		t.Fatal(err)
	}
	if err := o.RejectEvent(bongsu.EventKey{ID: eventID(3), Revision: 1}, bongsu.CodeInvalid, "no"); err != nil {
		t.Fatal(err)
	}
	for part := range 4 {
		goldenClip(t, o, part)
	}
	if err := errors.Join(o.FailClip(bongsu.ClipKey{Event: eventID(2), Part: 2}, "refused"), o.FailClip(bongsu.ClipKey{Event: eventID(2), Part: 3}, "refused"),
		o.LostClipTold(bongsu.ClipKey{Event: eventID(2), Part: 3}), o.Enforce(), o.Close()); err != nil {
		t.Fatal(err)
	}
	b := goldenCopy(t, dir)
	if err := os.WriteFile(filepath.Join(dir, "expected.json"), append(b, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

// goldenClip makes a part of event 2; part 1 stays as a crash leaves it.
func goldenClip(t *testing.T, o *Outbox, part int) {
	content := []byte("the bytes of a clip")
	clip := bongsu.Clip{Event: eventID(2), Part: part, Camera: "yard", Start: testTime}
	path, err := o.OpenClip(clip)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if part == 1 {
		return
	}
	clip.State, clip.Bytes, clip.SHA256 = bongsu.ClipReady, int64(len(content)), hashHex(content)
	if err := o.CloseClip(clip); err != nil {
		t.Fatal(err)
	}
}

// TestCheckFindsEachBreach spoils one thing at a time.
func TestCheckFindsEachBreach(t *testing.T) {
	build := func() *memFS {
		m := newMemFS()
		opt := testOptions(m)
		opt.SegmentBytes = 4096
		o, err := Open("mem", opt)
		if err != nil {
			t.Fatal(err)
		}
		for n := range 40 {
			put(t, o, anEvent(n, 1, bongsu.EventClosed))
		}
		if err := writeClip(o, m, eventID(0), 0, []byte("clip")); err != nil {
			t.Fatal(err)
		}
		o.Close()
		return m
	}
	seg := func(m *memFS, i int) *inode {
		segs, err := listSegments(m)
		if err != nil || len(segs) < 4 {
			t.Fatalf("%d segments, %v", len(segs), err)
		}
		return m.names[segmentName(segs[i].number)]
	}
	clip := clipName(bongsu.ClipKey{Event: eventID(0)})
	for name, c := range map[string]struct {
		invariant string
		spoil     func(*memFS)
	}{
		"a flipped head":    {"I1", func(m *memFS) { seg(m, 1).seen[300] ^= 1 }},
		"a flipped body":    {"I1", func(m *memFS) { b := seg(m, 1).seen; b[bytes.Index(b, []byte("jpeg"))] ^= 1 }},
		"a truncated log":   {"I1", func(m *memFS) { n := seg(m, 1); n.seen = n.seen[:1000] }},
		"flipped point":     {"I1", func(m *memFS) { seg(m, 2).seen[40] ^= 1 }},
		"a missing segment": {"I2", func(m *memFS) { delete(m.names, segmentName(2)) }},
		"a rotten clip":     {"I5", func(m *memFS) { m.names[clip].seen[0] ^= 1 }},
		"a missing clip":    {"I5", func(m *memFS) { delete(m.names, clip) }},
		"a stray clip":      {"I6", func(m *memFS) { m.names[clipDir+"/x.mp4"] = new(inode) }},
		"sums": {"I3", func(m *memFS) {
			forge(t, m, &record{kind: kindCheckpoint, m: meta{Point: &checkpoint{Counts: Counts{Events: EventCounts{Created: 999}}}}})
		}},
		"one number for two": {"I4", func(m *memFS) {
			forge(t, m, &record{kind: kindEvent, m: meta{ID: eventID(77), Revision: 1, Camera: "yard", Order: 3}})
		}},
		"a revision twice": {"I4", func(m *memFS) {
			forge(t, m, &record{kind: kindEvent, m: meta{ID: eventID(0), Revision: 1, Camera: "yard", Order: 9999}})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			m := build()
			if rep, err := check(m); err != nil || len(rep.Violations) != 0 {
				t.Fatalf("before: %+v, %v", rep, err)
			}
			c.spoil(m)
			rep, err := check(m)
			if err != nil || len(rep.Violations) == 0 || slices.ContainsFunc(rep.Violations, func(v Violation) bool { return v.Invariant != c.invariant }) {
				t.Errorf("got %+v, %v; want %s alone", rep, err, c.invariant)
			}
		})
	}
}

// forge appends a record with right checksums to the newest segment.
func forge(t *testing.T, m *memFS, r *record) {
	segs, _ := listSegments(m)
	last := segs[len(segs)-1]
	node := m.names[segmentName(last.number)]
	f, _ := m.Open(segmentName(last.number))
	s, err := scan(f, last.number, last.bytes, true, func(*record) {})
	if err != nil {
		t.Fatal(err)
	}
	b, err := appendRecord(nil, r, last.number, s.end)
	if err != nil {
		t.Fatal(err)
	}
	node.seen = memWrite{off: s.end, data: b}.apply(node.seen)
}

// TestSalvageVerdicts: what Salvage says about a dead writer's file is what the row says.
func TestSalvageVerdicts(t *testing.T) {
	for _, c := range []struct {
		state bongsu.ClipState
		err   error
		want  string // states of what is pending, and counts
	}{
		{bongsu.ClipReady, nil, "ready 0 0"},
		{bongsu.ClipTorn, nil, "torn 0 0"},
		{bongsu.ClipFailed, nil, " 0 1"},
		{bongsu.ClipWriting, errors.New("the disk is away"), " 1 0"},
	} {
		m := newMemFS()
		opt := testOptions(m)
		opt.Salvage = func(_ string, clip bongsu.Clip) (bongsu.Clip, error) {
			clip.State, clip.Bytes = c.state, 4
			return clip, c.err
		}
		o := mustOpen(t, opt)
		path, err := o.OpenClip(bongsu.Clip{Event: eventID(1), Camera: "yard"})
		if err != nil {
			t.Fatal(err)
		}
		f, _ := m.Create(strings.TrimPrefix(path, "mem/"))
		if _, err := f.WriteAt([]byte("left"), 0); err != nil {
			t.Fatal(err)
		}
		o.Close()
		o = mustOpen(t, opt)
		var states []string
		for _, clip := range o.PendingClips(10, nil) {
			states = append(states, string(clip.State))
		}
		k := o.Counts().Clips
		if got := fmt.Sprintf("%s %d %d", strings.Join(states, ","), k.Writing, k.Failed); got != c.want {
			t.Errorf("%s, %v: got %q, want %q", c.state, c.err, got, c.want)
		}
		sumsHold(t, o)
	}
}

// BenchmarkPutEvent stores revisions with a snapshot of 30 KiB from one caller, in
// BONGSU_BENCH_DIR or the temporary folder.
func BenchmarkPutEvent(b *testing.B) {
	dir, err := os.MkdirTemp(os.Getenv("BONGSU_BENCH_DIR"), "put")
	if err != nil {
		b.Fatal(err)
	}
	defer os.RemoveAll(dir)
	o, err := Open(dir, Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer o.Close()
	took := make([]time.Duration, 0, b.N)
	for n := 0; b.Loop(); n++ {
		rec := anEvent(n, 1, bongsu.EventClosed)
		rec.Snapshot = make([]byte, 30<<10)
		began := time.Now()
		put(b, o, rec)
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50_us")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99_us")
}

// BenchmarkOpenFull opens an outbox with 100,000 events pending, of 2 KiB each.
func BenchmarkOpenFull(b *testing.B) {
	dir, err := os.MkdirTemp(os.Getenv("BONGSU_BENCH_DIR"), "open")
	if err != nil {
		b.Fatal(err)
	}
	defer os.RemoveAll(dir)
	o, err := Open(dir, Options{})
	if err != nil {
		b.Fatal(err)
	}
	const events = 100_000
	recs := make([]*record, 0, 1000)
	for n := range events {
		rec := anEvent(n, 1, bongsu.EventClosed)
		rec.Snapshot = make([]byte, 1500)
		body, err := encodeEvent(&rec)
		if err != nil {
			b.Fatal(err)
		}
		recs = append(recs, &record{kind: kindEvent, body: body, m: meta{ID: rec.Event.ID, Revision: 1, Camera: "yard", Rank: 1}})
		if len(recs) == cap(recs) {
			if err := o.submit(recs...); err != nil {
				b.Fatal(err)
			}
			recs = recs[:0]
		}
	}
	for b.Loop() {
		if err := o.Close(); err != nil {
			b.Fatal(err)
		}
		if o, err = Open(dir, Options{}); err != nil {
			b.Fatal(err)
		}
	}
	if c := o.Counts().Events; c.Pending != events {
		b.Fatalf("%+v", c)
	}
	began, drained := time.Now(), 0
	for drained < events {
		got, err := o.PendingEvents(false, bongsu.MaxEventsPerPost, 4<<20, nil)
		if err != nil {
			b.Fatal(err)
		}
		if err := o.AckEvents(keysOf(got)...); err != nil {
			b.Fatal(err)
		}
		drained += len(got)
	}
	b.ReportMetric(float64(events)/time.Since(began).Seconds(), "drained/s")
	if err := o.Close(); err != nil {
		b.Fatal(err)
	}
}
