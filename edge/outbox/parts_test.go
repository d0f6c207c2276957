package outbox

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"bongsu"
)

// TestDisk holds the file system's promises that the outbox leans on.
func TestDisk(t *testing.T) {
	dir := t.TempDir()
	d := Disk(dir)
	if err := errors.Join(d.MkdirAll("a/b"), d.MkdirAll("a/b")); err != nil {
		t.Fatal(err)
	}
	f, err := d.Create("a/x")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Create("a/x"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a file that is there: %v", err)
	}
	if err := f.Allocate(10000); err != nil {
		t.Fatal(err)
	}
	if n, err := d.Size("a/x"); err != nil || n != 10000 {
		t.Errorf("size %d, %v", n, err)
	}
	if _, err := f.WriteAt([]byte("end"), 9997); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Sync(), d.SyncDir("a"), f.Close()); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("x", filepath.Join(dir, "a", "link")); err != nil {
		t.Fatal(err)
	}
	list, err := d.ReadDir("a")
	if err != nil || len(list) != 1 || list[0] != (Entry{"x", 10000}) {
		t.Errorf("plain files: %v, %v", list, err)
	}
	if err := d.Rename("a/x", "a/y"); err != nil {
		t.Fatal(err)
	}
	f, err = d.Open("a/y")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := make([]byte, 4)
	if _, err := f.ReadAt(b, 9996); err != nil || string(b) != "\x00end" {
		t.Errorf("%q, %v", b, err)
	}
	if err := errors.Join(d.Remove("a/y"), d.Remove("a/y")); err != nil {
		t.Errorf("removing twice: %v", err)
	}
	if err := d.Remove("a"); err == nil {
		t.Error("a folder with things in it was removed")
	}
	for name, err := range map[string]error{
		"size":   second(d.Size("a/none")),
		"open":   second(d.Open("a/none")),
		"rename": d.Rename("a/none", "a/other"),
		"sync":   d.SyncDir("none"),
		"read":   second(d.ReadDir("none")),
	} {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s of what is not there: %v", name, err)
		}
	}
	if n, err := d.Free(); err != nil || n <= 0 {
		t.Errorf("free %d, %v", n, err)
	}
	if _, err := Disk(filepath.Join(dir, "none")).Free(); err == nil {
		t.Error("free space of no folder")
	}
	if got := d.Path("a/b"); got != filepath.Join(dir, "a", "b") {
		t.Errorf("path %s", got)
	}
}

func second[T any](_ T, err error) error { return err }

func TestWriteZerosWhereNothingCanBeAllocated(t *testing.T) {
	d := Disk(t.TempDir())
	f, err := d.Create("x")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const size = 3<<20 - 5
	if err := f.(diskFile).writeZeros(size); err != nil {
		t.Fatal(err)
	}
	if n, err := d.Size("x"); err != nil || n != size {
		t.Errorf("%d, %v", n, err)
	}
}

func TestLockIsGivenBack(t *testing.T) {
	d := Disk(t.TempDir())
	for range 2 {
		l, err := d.Lock("lock")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Lock("lock"); err == nil {
			t.Error("locked twice")
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.Lock("no/folder/lock"); err == nil {
		t.Error("a lock in no folder")
	}
}

func TestIsNoSpace(t *testing.T) {
	for err, want := range map[error]bool{syscall.ENOSPC: true, syscall.EDQUOT: true, syscall.EIO: false, nil: false} {
		if got := isNoSpace(err); got != want {
			t.Errorf("%v: %v", err, got)
		}
	}
}

// TestRecordRoundTrip and the table below hold the format of docs/design/durability.md.
func TestRecordRoundTrip(t *testing.T) {
	for _, bodyLen := range []int{0, 1, 7, 8, 9, 4096} {
		r := &record{kind: kindEvent, body: bytes.Repeat([]byte{0xAB}, bodyLen), m: meta{At: 5, ID: eventID(1), Revision: 2, Camera: "yard", Rank: 1, Open: true, Order: 9}}
		b, err := appendRecord([]byte("before"), r, 3, 64)
		if err != nil {
			t.Fatal(err)
		}
		b = b[len("before"):]
		if len(b)%alignment != 0 || int64(len(b)) != r.at.size {
			t.Errorf("%d bytes, said %d", len(b), r.at.size)
		}
		kind, at, err := parseHead(b, 3, 64)
		if err != nil || kind != kindEvent || at != r.at {
			t.Fatalf("head %v %+v, %v", kind, at, err)
		}
		got := &record{kind: kind, at: at}
		if err := parseMeta(b[:headBytes+at.metaLen], got); err != nil || fmt.Sprint(got.m) != fmt.Sprint(r.m) {
			t.Errorf("meta %+v, %v", got.m, err)
		}
	}
	long := &record{kind: kindAck, m: meta{Keys: make([]bongsu.EventKey, 1<<17)}}
	if b, err := appendRecord(nil, long, 1, 0); err == nil || len(b) != 0 {
		t.Error("a record without end was written")
	}
}

func TestWhatIsNoRecord(t *testing.T) {
	good, err := appendRecord(nil, &record{kind: kindEvent, m: meta{ID: eventID(1), Revision: 1, Order: 1}}, 3, 64)
	if err != nil {
		t.Fatal(err)
	}
	spoil := func(at int, v byte) []byte {
		b := slices.Clone(good)
		b[at] = v
		return b
	}
	for name, b := range map[string][]byte{
		"nothing":          nil,
		"short":            good[:headBytes-1],
		"other magic":      spoil(0, 'x'),
		"other version":    spoil(4, 2),
		"other segment":    spoil(8, 4),
		"other place":      spoil(12, 0),
		"meta too long":    spoil(19, 0x7f),
		"body too long":    spoil(23, 0x7f),
		"flipped body CRC": spoil(24, good[24]^1),
		"flipped head CRC": spoil(28, good[28]^1),
		"flipped meta":     spoil(headBytes+3, good[headBytes+3]^1),
		"flipped kind":     spoil(5, kindClip),
	} {
		kind, at, err := parseHead(b, 3, 64)
		if err == nil {
			err = parseMeta(b[:min(len(b), headBytes+at.metaLen)], &record{kind: kind, at: at})
		}
		if !errors.Is(err, errNoRecord) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, r := range map[string]*record{
		"event without ID":    {kind: kindEvent, m: meta{Revision: 1, Order: 1}},
		"event without rev":   {kind: kindEvent, m: meta{ID: eventID(1), Order: 1}},
		"clip without clip":   {kind: kindClip},
		"clip that escapes":   {kind: kindClip, m: meta{Clip: &bongsu.Clip{Event: "../../x"}}},
		"empty checkpoint":    {kind: kindCheckpoint},
		"clip with part -1":   {kind: kindClip, m: meta{Clip: &bongsu.Clip{Event: eventID(1), Part: -1}}},
		"event without order": {kind: kindEvent, m: meta{ID: eventID(1), Revision: 1}},
	} {
		if err := r.sound(); !errors.Is(err, errNoRecord) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestScanGoesOnBehindRubbish(t *testing.T) {
	rec := func(off int64) []byte {
		b, err := appendRecord(nil, &record{kind: kindAck, m: meta{Message: "x"}}, 1, off)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	size := int64(len(rec(0)))
	junk := bytes.Repeat([]byte{0xF5, 0x42, 0xFF, 0x4F, 1, 2, 3, 4}, 1000)
	zeros := make([]byte, 3*windowBytes)
	for name, c := range map[string]struct {
		parts        []any // bytes, or "record"
		records, bad int
		torn         bool
	}{
		"nothing":                {nil, 0, 0, false},
		"records":                {[]any{"record", "record"}, 2, 0, false},
		"zeros behind":           {[]any{"record", zeros}, 1, 0, false},
		"zeros between":          {[]any{"record", zeros, "record"}, 2, 1, false},
		"junk before":            {[]any{junk, "record"}, 1, 1, false},
		"junk between":           {[]any{"record", junk, "record", junk, "record"}, 3, 2, false},
		"junk behind":            {[]any{"record", junk}, 1, 0, true},
		"junk and zeros behind":  {[]any{"record", junk[:800], zeros}, 1, 0, true},
		"zeros, junk, record":    {[]any{zeros, junk, "record"}, 1, 1, false},
		"half a record":          {[]any{"record", rec(size)[:24]}, 1, 0, true},
		"an odd number of bytes": {[]any{"record", []byte{1, 2, 3}}, 1, 0, true},
	} {
		var b []byte
		for _, p := range c.parts {
			if raw, ok := p.([]byte); ok {
				b = append(b, raw...)
			} else {
				b = append(b, rec(int64(len(b)))...)
			}
		}
		n := 0
		s, err := scan(bytes.NewReader(b), 1, int64(len(b)), true, func(*record) { n++ })
		if err != nil || n != c.records || len(s.badAt) != c.bad || s.torn != c.torn {
			t.Errorf("%s: %d records, %+v, %v", name, n, s, err)
		}
	}
}

func TestListSegmentsLeavesOthersOut(t *testing.T) {
	m := newMemFS()
	for _, name := range []string{"0000000002.log", "0000000010.log", "0000000001.log", "1.log", "0000000003.damaged", "notes.txt", "00000000x1.log", "0000000004.log.bak"} {
		if _, err := m.Create(journalDir + "/" + name); err != nil {
			t.Fatal(err)
		}
	}
	segs, err := listSegments(m)
	var numbers []uint32
	for _, s := range segs {
		numbers = append(numbers, s.number)
	}
	if err != nil || !slices.Equal(numbers, []uint32{1, 2, 10}) {
		t.Errorf("%v, %v", numbers, err)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for _, size := range []int64{1, 4095, 2 << 30} {
		opt := testOptions(newMemFS())
		opt.SegmentBytes = size
		if _, err := Open("mem", opt); err == nil || !strings.Contains(err.Error(), "is not possible") {
			t.Errorf("segments of %d bytes: %v", size, err)
		}
	}
	opt := Options{}.withDefaults(t.TempDir())
	if opt.SegmentBytes != DefaultSegmentBytes || opt.ReserveBytes != DefaultReserveBytes || opt.MaxClipBytes != DefaultMaxClipBytes ||
		opt.MinFreeBytes != DefaultMinFreeBytes || opt.Now == nil || opt.Log == nil || opt.FS == nil {
		t.Errorf("%+v", opt)
	}
}

// TestForgetting: what is over is forgotten in the end, what is open or pending never.
func TestForgetting(t *testing.T) {
	s := newState()
	apply := func(n, rev int, open bool) {
		s.apply(&record{kind: kindEvent, m: meta{ID: eventID(n), Revision: rev, Camera: "yard", Open: open, Order: s.takeOrder()}, at: place{segment: 1}})
	}
	apply(0, 1, true)
	apply(1, 1, false)
	for n := 2; n < keepClosed+100; n++ {
		apply(n, 1, false)
		s.apply(&record{kind: kindAck, m: meta{Keys: []bongsu.EventKey{{ID: eventID(n), Revision: 1}}}})
	}
	if n := len(s.memories); n != keepClosed+2 {
		t.Errorf("%d events are remembered, want %d", n, keepClosed+2)
	}
	if s.memories[eventID(0)] == nil || s.memories[eventID(1)] == nil || s.memories[eventID(2)] != nil {
		t.Error("the wrong ones were forgotten")
	}
	if l := s.live[1]; l.records != 2 {
		t.Errorf("%d records are held", l.records)
	}
}

// TestQueueKeepsOrder: an entry that a replay finds late, because it was moved, goes where it
// belongs.
func TestQueueKeepsOrder(t *testing.T) {
	s := newState()
	for _, order := range []uint64{5, 7, 3, 9, 1, 8} {
		s.apply(&record{kind: kindEvent, m: meta{ID: eventID(int(order)), Revision: 1, Order: order, Moved: true}})
	}
	var got []uint64
	for _, e := range s.queue {
		got = append(got, e.order)
	}
	if !slices.Equal(got, []uint64{1, 3, 5, 7, 8, 9}) || s.next != 10 {
		t.Errorf("%v, next %d", got, s.next)
	}
}

// TestOneOfManyOpensAPart: of callers that want the same part at once exactly one gets it.
func TestOneOfManyOpensAPart(t *testing.T) {
	o := mustOpen(t, testOptions(newMemFS()))
	var got, refused atomic.Int64
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			switch _, err := o.OpenClip(bongsu.Clip{Event: eventID(1), Camera: "yard"}); {
			case err == nil:
				got.Add(1)
			case bongsu.CodeOf(err) == bongsu.CodeConflict:
				refused.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got.Load() != 1 || refused.Load() != 15 {
		t.Errorf("%d got it, %d were refused", got.Load(), refused.Load())
	}
	sumsHold(t, o)
}

// TestSameRevisionFromManyCallers: it is stored once, and known to all others.
func TestSameRevisionFromManyCallers(t *testing.T) {
	o := mustOpen(t, testOptions(newMemFS()))
	var known atomic.Int64
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			k, err := o.PutEvent(anEvent(1, 1, bongsu.EventOpen))
			if err != nil {
				t.Error(err)
			}
			if k {
				known.Add(1)
			}
		})
	}
	wg.Wait()
	if known.Load() != 15 || o.Counts().Events.Created != 1 {
		t.Errorf("%d knew it, %+v", known.Load(), o.Counts().Events)
	}
}

// TestEachStepFailsOnce lets each changing call of the script fail once with EIO, without a
// crash. A call may then fail; what was promised holds, before and after a restart.
func TestEachStepFailsOnce(t *testing.T) {
	stride := 1
	if raceOn {
		stride = 13
	}
	places := 0
	for at := 1; ; at += stride {
		m := newMemFS()
		step := 0
		m.fail = func(op, name string) error {
			if step++; step == at {
				return syscall.EIO
			}
			return nil
		}
		o, err := Open("mem", scriptOptions(m))
		if err != nil {
			continue // it says so, and nothing was promised
		}
		s := newScript()
		err = s.run(o, m)
		if step < at {
			o.Close()
			break
		}
		places++
		o.Close()
		m.fail = nil
		again, oerr := Open("mem", scriptOptions(m))
		if oerr != nil {
			t.Fatalf("step %d fails: %v", at, oerr)
		}
		if err := s.verify(again, m); err != nil {
			t.Fatalf("step %d fails: %v", at, err)
		}
		if err != nil && !errors.Is(err, syscall.EIO) {
			t.Fatalf("step %d fails: %v", at, err)
		}
		again.Close()
	}
	t.Logf("%d places", places)
}

// TestProblemsEnd: a failed write is shown for a while after all is well, and then no more.
func TestProblemsEnd(t *testing.T) {
	m := newMemFS()
	now := testTime
	opt := testOptions(m)
	opt.ReserveBytes = -1
	opt.Now = func() time.Time { return now }
	o := mustOpen(t, opt)
	for _, fault := range []syscall.Errno{syscall.EIO, syscall.ENOSPC} {
		failed := false
		m.fail = func(op, _ string) error {
			if op == "sync" && !failed {
				failed = true
				return fault
			}
			return nil
		}
		_, err := o.PutEvent(anEvent(int(fault), 1, bongsu.EventOpen))
		if fault == syscall.EIO && err != nil {
			t.Fatal(err)
		}
		if h := o.Health(); len(h) != 1 || h[0].Count != 1 || !h[0].Since.Equal(now) {
			t.Errorf("%v: %+v", fault, h)
		}
		m.fail = nil
		put(t, o, anEvent(int(now.Unix()%1e9), 1, bongsu.EventClosed))
		if h := o.Health(); len(h) != 1 {
			t.Errorf("%v: gone at once: %+v", fault, h)
		}
		now = now.Add(quietAfter + time.Second)
		put(t, o, anEvent(int(now.Unix()%1e9), 1, bongsu.EventClosed))
		if h := o.Health(); len(h) != 0 {
			t.Errorf("%v: still there: %+v", fault, h)
		}
	}
}
