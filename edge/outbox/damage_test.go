package outbox

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"bongsu"
)

// spool is a log full of events, and what they must be given out as.
type spool struct {
	m    *memFS
	opt  func(*memFS) Options
	want map[bongsu.EventKey]string
}

// newSpool makes a log of about so many bytes.
func newSpool(t *testing.T, size int) spool {
	t.Helper()
	s := spool{m: newMemFS(), opt: testOptions, want: map[bongsu.EventKey]string{}}
	picture := 0
	if size > 1<<18 {
		picture = 8 << 10
		s.opt = func(m *memFS) Options {
			opt := testOptions(m)
			opt.SegmentBytes = 64 << 10
			return opt
		}
	}
	o := mustOpen(t, s.opt(s.m))
	for n, written := 0, 0; written < size; n++ {
		rec := anEvent(n, 1, bongsu.EventClosed)
		rec.Snapshot = append(rec.Snapshot, make([]byte, picture)...)
		put(t, o, rec)
		written += 800 + picture
		rec.Event.Stamps.DurableUS = testTime.UnixMicro()
		s.want[rec.Event.Key()] = fmt.Sprint(rec)
	}
	o.Close()
	return s
}

// damaged opens a copy in which one segment was spoilt. It gives whether an event is missing that
// nobody speaks of; up to may of them are no error. Every event that is given out must be one that was put.
func (s spool) damaged(t *testing.T, what string, may int, spoil func(segment int, b []byte) []byte, segment int) (silent bool) {
	t.Helper()
	c := s.m.cut(1)
	segs, err := listSegments(c)
	if err != nil {
		t.Fatal(err)
	}
	node := c.names[segmentName(segs[segment%len(segs)].number)]
	node.seen = spoil(segment%len(segs), node.seen)
	o, err := Open("mem", s.opt(c))
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	defer o.Close()
	recs, err := o.PendingEvents(false, 1<<20, 1<<30, nil)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	for i := range recs {
		if got := fmt.Sprint(recs[i]); got != s.want[recs[i].Event.Key()] {
			t.Fatalf("%s: a wrong event is given out: %.200s", what, got)
		}
	}
	sumsHold(t, o)
	if len(recs) == len(s.want) || len(o.Health()) > 0 {
		return false
	}
	if lost := len(s.want) - len(recs); lost > may {
		t.Errorf("%s: %d of %d events, and nobody says so", what, len(recs), len(s.want))
	}
	return true
}

// TestFlippedBytes damages single bits of a full log (row R8): every event that is given out is
// one that was put, what is missing is counted or reported, and nothing panics.
func TestFlippedBytes(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	rounds, size := 1500, 24<<10
	if raceOn {
		rounds = 300
	}
	if os.Getenv("BONGSU_LONG") != "" {
		rounds, size = 20_000, 1<<20
	}
	s := newSpool(t, size)
	// Only the very last record of the log can go unnoticed, as a write that was cut off.
	silent, slowest := 0, time.Duration(0)
	for range rounds {
		var at int
		bit := byte(1) << rng.IntN(8)
		began := time.Now()
		if s.damaged(t, "a flip", 1, func(_ int, b []byte) []byte {
			at = rng.IntN(len(b))
			b[at] ^= bit
			return b
		}, rng.Int()) {
			silent++
		}
		slowest = max(slowest, time.Since(began))
	}
	t.Logf("figure R8: %d flips in a log of %d KiB: 0 wrong events, 0 panics, %d taken for a write that was cut off at the very end; open and read after %v at most",
		rounds, size>>10, silent, slowest.Round(time.Millisecond))
}

// TestTruncatedAndZeroFilled cuts segments short, and fills parts of them with zeros as a file
// system may after a crash.
func TestTruncatedAndZeroFilled(t *testing.T) {
	s := newSpool(t, 24<<10)
	segs, err := listSegments(s.m)
	if err != nil {
		t.Fatal(err)
	}
	for n := range segs {
		may := 0
		if n == len(segs)-1 { // its end can be taken for a write that was cut off, and all of it for a file that was never begun
			may = len(s.want)
		}
		for _, size := range []int{0, 7, 33, 2000} {
			s.damaged(t, fmt.Sprintf("segment %d cut to %d", n, size), may, func(_ int, b []byte) []byte { return b[:min(size, len(b))] }, n)
			s.damaged(t, fmt.Sprintf("segment %d zero from %d on", n, size), may, func(_ int, b []byte) []byte {
				clear(b[min(size, len(b)):])
				return b
			}, n)
			s.damaged(t, fmt.Sprintf("segment %d zero up to %d", n, size), may, func(_ int, b []byte) []byte {
				clear(b[:min(size, len(b))])
				return b
			}, n)
		}
	}
}

// TestRecordsOfALaterRelease: what a later release adds to the log, kinds of record and fields,
// is left alone by this one, so that a box can go back with its log full (row R9).
func TestRecordsOfALaterRelease(t *testing.T) {
	m := newMemFS()
	o := mustOpen(t, testOptions(m))
	put(t, o, anEvent(1, 1, bongsu.EventClosed), anEvent(2, 1, bongsu.EventClosed))
	o.Close()
	forge(t, m, &record{kind: 99, m: meta{Message: "what nobody knows yet"}, body: []byte("and its body")})
	if rep, err := check(m); err != nil || len(rep.Violations) != 0 {
		t.Errorf("%+v, %v", rep, err)
	}
	for range 2 {
		o := mustOpen(t, testOptions(m))
		if got := pendingKeys(t, o, false); len(got) != 2 || len(o.Health()) != 0 {
			t.Errorf("%v, %+v", got, o.Health())
		}
		put(t, o, anEvent(1, 1, bongsu.EventClosed))
		o.Close()
	}
}
