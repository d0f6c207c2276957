package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"bongsu"
	"bongsu/cloud/archive"
	"bongsu/cloud/archive/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T) *sqlite.Archive {
	t.Helper()
	a, err := sqlite.Open(t.Context(), sqlite.Options{Path: filepath.Join(t.TempDir(), "cloud.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

func newClock() *clock { return &clock{t: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)} }

func rows(t *testing.T, s archive.Audits) []archive.AuditRecord {
	t.Helper()
	out, err := s.ListAudit(t.Context(), archive.AuditQuery{Limit: archive.MaxPage})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestChainHolds(t *testing.T) {
	store, c := open(t), newClock()
	r := New(Options{Store: store, Now: c.now})
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			if err := r.Record(t.Context(), Entry{Actor: "kim", Client: "192.0.2.1", Action: Login, Target: fmt.Sprint(i), Detail: "문 \"x\"\n\x00"}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	v, err := Verify(t.Context(), store, "")
	if err != nil || v.Records != 40 {
		t.Fatalf("%+v, %v", v, err)
	}
	if _, err := Verify(t.Context(), store, fmt.Sprintf("%d:%s", v.Head.Seq, v.Head.Hash)); err != nil {
		t.Error(err)
	}
	if _, err := Verify(t.Context(), store, "41:"+v.Head.Hash); err == nil {
		t.Error("a chain that was cut behind a noted head passed")
	}
}

func TestEmptyChain(t *testing.T) {
	store := open(t)
	if v, err := Verify(t.Context(), store, ""); err != nil || v.Records != 0 {
		t.Errorf("%+v, %v", v, err)
	}
	if head, err := Head(t.Context(), store); err != nil || head.Seq != 0 {
		t.Errorf("%+v, %v", head, err)
	}
}

// held is a chain in memory that a test can damage.
type held []archive.AuditRecord

func (h *held) AppendAudit(_ context.Context, r archive.AuditRecord, seal func(archive.AuditRecord) string) (archive.AuditRecord, error) {
	r.Seq = int64(len(*h) + 1)
	if len(*h) > 0 {
		r.Prev = (*h)[len(*h)-1].Hash
	}
	r.Hash = seal(r)
	*h = append(*h, r)
	return r, nil
}

func (h *held) ListAudit(_ context.Context, q archive.AuditQuery) ([]archive.AuditRecord, error) {
	var out []archive.AuditRecord
	for _, r := range *h {
		if r.Seq > q.After && len(out) < q.Limit {
			out = append(out, r)
		}
	}
	return out, nil
}

func TestEveryDamageIsFound(t *testing.T) {
	for name, damage := range map[string]func(h held) held{
		"time":   func(h held) held { h[4].At = h[4].At.Add(time.Microsecond); return h },
		"actor":  func(h held) held { h[4].Actor = "lee"; return h },
		"client": func(h held) held { h[4].Client = "192.0.2.2"; return h },
		"action": func(h held) held { h[4].Action = Logout; return h },
		"target": func(h held) held { h[4].Target = ""; return h },
		"detail": func(h held) held { h[4].Detail = "x"; return h },
		"hash":   func(h held) held { h[4].Hash = strings.Repeat("0", 64); return h },
		"prev":   func(h held) held { h[4].Prev = ""; return h },
		"moved":  func(h held) held { h[4].Actor, h[4].Client = h[4].Actor+h[4].Client[:1], h[4].Client[1:]; return h },
		"sealed": func(h held) held { h[4].Actor = "lee"; h[4].Hash = Seal(h[4]); return h },
		"gone":   func(h held) held { return append(h[:4], h[5:]...) },
		"twice":  func(h held) held { return append(h[:5:5], h[4:]...) },
		"swap":   func(h held) held { h[4], h[5] = h[5], h[4]; return h },
		"renumbered": func(h held) held {
			h = append(h[:4], h[5:]...)
			for i := range h {
				h[i].Seq = int64(i + 1)
			}
			return h
		},
	} {
		t.Run(name, func(t *testing.T) {
			h, c := &held{}, newClock()
			r := New(Options{Store: h, Now: c.now})
			for i := range 10 {
				if err := r.Record(t.Context(), Entry{"kim", "192.0.2.1", Login, fmt.Sprint(i), ""}); err != nil {
					t.Fatal(err)
				}
			}
			*h = damage(*h)
			_, err := Verify(t.Context(), h, "")
			if bongsu.CodeOf(err) != bongsu.CodeInternal || err == nil || !strings.HasPrefix(err.Error(), "audit: record ") {
				t.Errorf("not found: %v", err)
			}
		})
	}
}

func TestViewsFold(t *testing.T) {
	store, c := open(t), newClock()
	tick := make(chan time.Time)
	r := New(Options{Store: store, Now: c.now, Tick: tick})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()

	clip := Entry{"kim", "192.0.2.1", ClipView, "event 1 clip 0", ""}
	for i := range 50 { // a player asks for many ranges
		if err := r.View(ctx, clip); err != nil {
			t.Fatal(err)
		}
		if n := len(rows(t, store)); n != 1 {
			t.Fatalf("after access %d: %d records, want 1, from the first access on", i, n)
		}
	}
	lee := clip
	lee.Actor = "lee"
	if err := r.View(ctx, lee); err != nil || len(rows(t, store)) != 2 {
		t.Fatalf("another user: %v, %d records", err, len(rows(t, store)))
	}
	c.add(time.Minute)
	tick <- c.now()
	tick <- c.now() // the first one is done when the second is taken
	got := rows(t, store)
	if len(got) != 3 || got[2].Detail != "49 more since 2026-11-21T09:00:00Z" || got[2].Actor != "kim" {
		t.Fatalf("records: %+v", got)
	}
	if err := r.View(ctx, clip); err != nil || len(rows(t, store)) != 4 {
		t.Fatalf("a new minute: %v, %d records", err, len(rows(t, store)))
	}
	if err := r.View(ctx, clip); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if got := rows(t, store); len(got) != 5 || !strings.HasPrefix(got[4].Detail, "1 more since") {
		t.Errorf("at the end: %+v", got)
	}
}

func TestViewAfterAMinuteWithoutRun(t *testing.T) {
	store, c := open(t), newClock()
	r := New(Options{Store: store, Now: c.now})
	e := Entry{"kim", "192.0.2.1", ClipView, "x", ""}
	for range 3 {
		if err := r.View(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	c.add(2 * time.Minute)
	if err := r.View(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	if got := rows(t, store); len(got) != 3 || !strings.HasPrefix(got[1].Detail, "2 more") {
		t.Errorf("records: %+v", got)
	}
}

func TestViewersAtOnceHaveOneRecord(t *testing.T) {
	store, c := open(t), newClock()
	r := New(Options{Store: store, Now: c.now})
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if err := r.View(t.Context(), Entry{"kim", "192.0.2.1", SnapshotView, "x", ""}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := len(rows(t, store)); n != 1 {
		t.Errorf("%d records", n)
	}
}

// full is a store whose disk is full, for a while.
type full struct {
	archive.Audits
	err error
}

func (f *full) AppendAudit(ctx context.Context, r archive.AuditRecord, seal func(archive.AuditRecord) string) (archive.AuditRecord, error) {
	if f.err != nil {
		return archive.AuditRecord{}, f.err
	}
	return f.Audits.AppendAudit(ctx, r, seal)
}

func TestUnrecordedIsRefused(t *testing.T) {
	var log bytes.Buffer
	c := newClock()
	store := &full{Audits: open(t), err: errors.New("disk full")}
	r := New(Options{Store: store, Now: c.now, Log: slog.New(slog.NewTextHandler(&log, nil))})
	e := Entry{"kim", "192.0.2.1", SnapshotView, "x", ""}
	for range 3 {
		if err := r.View(t.Context(), e); bongsu.CodeOf(err) != bongsu.CodeUnavailable {
			t.Fatalf("got %v", err)
		}
	}
	store.err = nil
	for range 2 {
		if err := r.View(t.Context(), e); err != nil {
			t.Fatalf("after it was mended: %v", err)
		}
	}
	if n := len(rows(t, store)); n != 1 {
		t.Errorf("%d records", n)
	}
	store.err = errors.New("disk full")
	c.add(time.Hour)
	r.flush(t.Context(), c.now()) // the count is lost, and that is said
	if !strings.Contains(log.String(), "count of further views was not recorded") {
		t.Errorf("log: %s", &log)
	}
}

func TestHeadIsLogged(t *testing.T) {
	var log bytes.Buffer
	store, c := open(t), newClock()
	r := New(Options{Store: store, Now: c.now, Log: slog.New(slog.NewTextHandler(&log, nil))})
	r.logHead(t.Context())
	if log.Len() != 0 {
		t.Errorf("without a record: %s", &log)
	}
	if err := r.Record(t.Context(), Entry{"kim", "192.0.2.1", Login, "", ""}); err != nil {
		t.Fatal(err)
	}
	r.logHead(t.Context())
	if !strings.Contains(log.String(), "head=1:"+rows(t, store)[0].Hash) {
		t.Errorf("log: %s", &log)
	}
}
