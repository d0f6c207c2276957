package sqlite

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"bongsu"
	"bongsu/cloud/archive"
	"bongsu/cloud/archive/archivetest"
)

// TestPlans asks SQLite how it would answer the queries that run often: none reads a whole table,
// and pages come in order without sorting.
func TestPlans(t *testing.T) {
	a := fresh(t)
	event, eventArgs := eventFilter(archive.EventQuery{After: archive.Cursor{At: archivetest.T0, ID: "x"}})
	camera, cameraArgs := eventFilter(archive.EventQuery{Camera: "c", After: archive.Cursor{At: archivetest.T0, ID: "x"}})
	for name, c := range map[string]struct {
		query string
		args  []any
	}{
		"events":        {eventColumns + event + "ORDER BY e.start_us DESC, e.id DESC LIMIT 10", eventArgs},
		"camera events": {eventColumns + camera + "ORDER BY e.start_us DESC, e.id DESC LIMIT 10", cameraArgs},
		"one event":     {eventColumns + "WHERE e.id = ?", []any{"x"}},
		"alerts":        {alertColumns + "WHERE true AND (a.raised_us, a.id) < (?, ?) ORDER BY a.raised_us DESC, a.id DESC LIMIT 10", []any{1, "x"}},
		"open alerts":   {alertColumns + "WHERE a.work <> 'closed' ORDER BY a.raised_us DESC, a.id DESC LIMIT 10", nil},
		"candidates":    {spanColumns + "WHERE a.edge = ?2 AND a.camera = ?3 AND a.rule = ?4 AND a.last_us >= ?5 AND a.first_us <= ?6 ORDER BY a.last_us DESC, a.id DESC LIMIT 20", []any{"e", "e", "c", "r", 1, 2}},
		"idle":          {"SELECT id FROM alerts WHERE work IN ('claimed', 'reviewing') AND touched_us < ? ORDER BY touched_us LIMIT ?", []any{1, 2}},
		"pending":       {"SELECT event, revision, received_us FROM inbox WHERE received_us < ? AND (received_us, event, revision) > (?, ?, ?) ORDER BY received_us, event, revision LIMIT ?", []any{1, 0, "", 0, 2}},
		"changes":       {"SELECT seq, at_us, kind, alert, event, part FROM changes WHERE seq > ? ORDER BY seq LIMIT ?", []any{1, 2}},
		"old events":    {"SELECT id FROM events WHERE kept_from_us < ? ORDER BY kept_from_us LIMIT ?", []any{1, 2}},
		"tombstones":    {"SELECT key, condemned_us FROM tombstones WHERE (condemned_us, key) > (?, ?) ORDER BY condemned_us LIMIT ?", []any{1, "x", 2}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, step := range plan(t, a, c.query, c.args) {
				whole := strings.HasPrefix(step, "SCAN") && !strings.Contains(step, "INDEX") && !strings.Contains(step, "json_each")
				if whole || strings.Contains(step, "USE TEMP B-TREE FOR ORDER BY") {
					t.Errorf("%s", step)
				}
			}
		})
	}
}

func plan(t *testing.T, a *Archive, query string, args []any) []string {
	t.Helper()
	var steps []string
	err := a.read(t.Context(), "plan", func(x *tx) error {
		return x.each("EXPLAIN QUERY PLAN "+query, args, func(scan func(...any) error) error {
			var id, parent, unused int
			var detail string
			err := scan(&id, &parent, &unused, &detail)
			steps = append(steps, detail)
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return steps
}

// TestTwoProcesses: a second program on the same file, such as `bongsu-cloud user`, writes while
// the first does; both see all of it.
func TestTwoProcesses(t *testing.T) {
	a := fresh(t)
	b := open(t, a.path)
	var wg sync.WaitGroup
	for i, x := range []*Archive{a, b} {
		wg.Go(func() {
			for n := range 40 {
				if err := x.SetMeta(t.Context(), fmt.Sprintf("%d-%d", i, n), "v"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for i := range 2 {
		for n := range 40 {
			for _, x := range []*Archive{a, b} {
				if _, err := x.GetMeta(t.Context(), fmt.Sprintf("%d-%d", i, n)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// TestMigrationFails: a step that fails leaves the version before it, and the next start tries
// again.
func TestMigrationFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	open(t, path).Close()
	good := migrations
	defer func() { migrations = good }()
	migrations = append(good[:len(good):len(good)], "CREATE TABLE extra (x INTEGER); SELECT nonsense;")
	if _, err := Open(t.Context(), Options{Path: path}); err == nil {
		t.Fatal("a migration that fails was taken")
	}
	migrations = append(good[:len(good):len(good)], "CREATE TABLE extra (x INTEGER) STRICT;")
	a := open(t, path)
	var version int
	if err := a.writer.db.QueryRow("SELECT version FROM schema").Scan(&version); err != nil || version != len(good)+1 {
		t.Fatalf("version %d, %v", version, err)
	}
}

// TestLongReadDoesNotBlock: a list that is being read sees one state and holds up no writer.
func TestLongReadDoesNotBlock(t *testing.T) {
	a := fresh(t)
	enrol(t, a)
	err := a.read(t.Context(), "long read", func(x *tx) error {
		var before, after int
		if err := x.row("SELECT count(*) FROM inbox", nil, &before); err != nil {
			return err
		}
		put(t, a, archivetest.Event(1, 1), nil)
		if err := x.row("SELECT count(*) FROM inbox", nil, &after); err != nil {
			return err
		}
		if before != 0 || after != 0 {
			t.Errorf("a read saw %d rows, then %d", before, after)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.GetInbox(t.Context(), archivetest.Key(1, 1)); err != nil {
		t.Fatal(err)
	}
}

// TestTimesKeepMicroseconds: what is stored in columns comes back to the microsecond, in UTC.
func TestTimesKeepMicroseconds(t *testing.T) {
	for _, at := range []time.Time{{}, time.UnixMicro(1), time.UnixMicro(-1), time.Date(2026, 3, 1, 18, 0, 0, 123_456_000, time.FixedZone("KST", 9*3600))} {
		if got := instant(micros(at)); !got.Equal(at) || got.Location() != time.UTC {
			t.Errorf("%v became %v", at, got)
		}
	}
}

// TestStatementsAreKept: the second run of a query finds it prepared, on both sides.
func TestStatementsAreKept(t *testing.T) {
	a := fresh(t)
	for range 3 {
		if err := a.SetMeta(t.Context(), "k", "v"); err != nil {
			t.Fatal(err)
		}
		if _, err := a.GetMeta(t.Context(), "k"); err != nil {
			t.Fatal(err)
		}
	}
	for name, p := range map[string]*pool{"writer": a.writer, "reader": a.reader} {
		p.mu.Lock()
		n := len(p.stmts)
		p.mu.Unlock()
		if n == 0 {
			t.Errorf("the %s prepares every time", name)
		}
	}
}

// TestSentences: failures say what, where and what to do.
func TestSentences(t *testing.T) {
	a := fresh(t)
	_, err := a.PutInbox(t.Context(), "stranger", archivetest.T0, []bongsu.EventRecord{{Event: archivetest.Event(1, 1)}})
	for _, word := range []string{"stranger", "enrol"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q does not say %q", err, word)
		}
	}
	if err := a.Enrol(t.Context(), "h", archive.Edge{}, archivetest.T0); !strings.Contains(err.Error(), "administrator") {
		t.Errorf("%q does not say who helps", err)
	}
}
