package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"bongsu"
	"bongsu/cloud/archive"
	"bongsu/cloud/archive/archivetest"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		crashChild(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

func open(t *testing.T, path string) *Archive {
	t.Helper()
	a, err := Open(t.Context(), Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

func fresh(t *testing.T) *Archive { return open(t, filepath.Join(t.TempDir(), "archive.db")) }

func TestConformance(t *testing.T) {
	archivetest.Run(t, archivetest.Factory{
		New: func(t *testing.T) archive.Archive { return fresh(t) },
		Reopen: func(t *testing.T, a archive.Archive) archive.Archive {
			if err := a.Close(); err != nil {
				t.Fatal(err)
			}
			return open(t, a.(*Archive).path)
		},
	})
}

func TestPragmas(t *testing.T) {
	a := fresh(t)
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "secure_delete": "1", "auto_vacuum": "2", "foreign_keys": "1"} {
		var got string
		if err := a.writer.db.QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s = %q, %v; want %q", pragma, got, err, want)
		}
	}
	if _, err := a.reader.db.Exec("DELETE FROM events"); err == nil {
		t.Error("a reader can write")
	}
	st, err := os.Stat(a.path)
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("file mode %v, %v", st.Mode(), err)
	}
}

func TestOddPath(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a b?c#d%e")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	open(t, filepath.Join(dir, "보관 #1.db"))
	if _, err := os.Stat(filepath.Join(dir, "보관 #1.db-wal")); err != nil {
		t.Fatalf("the database is elsewhere: %v", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text.db")
	if err := os.WriteFile(text, []byte(strings.Repeat("this is no database ", 500)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Options{Path: text}); bongsu.CodeOf(err) != bongsu.CodeInternal || !strings.Contains(err.Error(), "no archive") {
		t.Errorf("a text file: %v", err)
	}
	if _, err := Open(t.Context(), Options{Path: filepath.Join(dir, "none", "a.db")}); bongsu.CodeOf(err) != bongsu.CodeUnavailable {
		t.Errorf("a folder that is not there: %v", err)
	}
	newer := filepath.Join(dir, "newer.db")
	a := open(t, newer)
	if _, err := a.writer.db.Exec("UPDATE schema SET version = 99"); err != nil {
		t.Fatal(err)
	}
	a.Close()
	if _, err := Open(t.Context(), Options{Path: newer}); bongsu.CodeOf(err) != bongsu.CodeConflict || !strings.Contains(err.Error(), "newer version") {
		t.Errorf("a newer schema: %v", err)
	}
}

// TestDeletedBytesAreGone looks for a deleted event's words in the files themselves.
func TestDeletedBytesAreGone(t *testing.T) {
	a := fresh(t)
	secret := "GEHEIMNIS-GEHEIMNIS-GEHEIMNIS"
	enrol(t, a)
	ev := archivetest.Event(1, 1)
	ev.CameraName = secret
	put(t, a, ev, []byte(strings.Repeat(secret, 1000)))
	if _, err := a.Apply(t.Context(), ev.Key(), archive.ApplyOptions{At: archivetest.T0}); err != nil {
		t.Fatal(err)
	}
	if !onDisk(t, a.path, secret) {
		t.Fatal("the test looks in the wrong place")
	}
	if _, err := a.DeleteBefore(t.Context(), archivetest.T0.Add(time.Hour), archivetest.T0, 10); err != nil {
		t.Fatal(err)
	}
	if err := a.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	if onDisk(t, a.path, secret) {
		t.Fatal("deleted bytes are still in the files")
	}
}

func onDisk(t *testing.T, path, word string) bool {
	t.Helper()
	found := false
	for _, suffix := range []string{"", "-wal"} {
		b, err := os.ReadFile(path + suffix)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		found = found || bytes.Contains(b, []byte(word))
	}
	return found
}

func enrol(t *testing.T, a *Archive) {
	t.Helper()
	if err := a.PutEnrolToken(t.Context(), archive.EnrolToken{Hash: "h", Created: archivetest.T0, Expires: archivetest.T0.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	if err := a.Enrol(t.Context(), "h", archive.Edge{ID: archivetest.EdgeA, Name: "a", CredentialHash: "c", Enrolled: archivetest.T0}, archivetest.T0); err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, a *Archive, ev bongsu.Event, snapshot []byte) {
	t.Helper()
	if _, err := a.PutInbox(t.Context(), archivetest.EdgeA, archivetest.T0, []bongsu.EventRecord{{Event: ev, Snapshot: snapshot}}); err != nil {
		t.Fatal(err)
	}
}

// TestDiskFull bounds the database's pages: writes fail with a sentence, reads go on, and after
// space is there again writes do.
func TestDiskFull(t *testing.T) {
	a := fresh(t)
	enrol(t, a)
	var pages int
	if err := a.writer.db.QueryRow("PRAGMA page_count").Scan(&pages); err != nil {
		t.Fatal(err)
	}
	limit := func(n int) {
		if _, err := a.writer.db.Exec(fmt.Sprintf("PRAGMA max_page_count = %d", n)); err != nil {
			t.Fatal(err)
		}
	}
	limit(pages + 5)
	_, err := a.PutInbox(t.Context(), archivetest.EdgeA, archivetest.T0, []bongsu.EventRecord{{Event: archivetest.Event(1, 1), Snapshot: make([]byte, 64<<10)}})
	if bongsu.CodeOf(err) != bongsu.CodeUnavailable || !strings.Contains(err.Error(), "disk is full") {
		t.Fatalf("PutInbox on a full disk: %v", err)
	}
	if keys, err := a.PendingInbox(t.Context(), archivetest.T0.Add(time.Hour), archive.Pending{}, 10); err != nil || len(keys) != 0 {
		t.Fatalf("after the failure: %v, %v", keys, err)
	}
	limit(1 << 30)
	put(t, a, archivetest.Event(1, 1), make([]byte, 64<<10))
	if err := a.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestCheckFinds breaks each invariant by hand.
func TestCheckFinds(t *testing.T) {
	for name, harm := range map[string]string{
		"C1":  "UPDATE events SET revision = 7",
		"C2":  "INSERT INTO inbox SELECT event, revision, '', 0, '', NULL FROM revisions",
		"C3":  "DELETE FROM events",
		"C4":  "UPDATE events SET alert = 'nothing'",
		"C5":  "UPDATE events SET verdict = 'training'",
		"C6":  "UPDATE clips SET object = 'x'",
		"C7":  "INSERT INTO tombstones SELECT snapshot, 0 FROM revisions",
		"C8":  "UPDATE alert_history SET n = 9",
		"C9":  "UPDATE audit SET hash = 'forged' WHERE seq = 1",
		"C10": "UPDATE alerts SET seq = 1000",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := fresh(t)
			fill(t, a)
			if err := a.Check(t.Context()); err != nil {
				t.Fatalf("before any harm: %v", err)
			}
			if _, err := a.writer.db.Exec(harm); err != nil {
				t.Fatal(err)
			}
			if err := a.Check(t.Context()); bongsu.CodeOf(err) != bongsu.CodeInternal || !strings.Contains(err.Error(), name+":") {
				t.Errorf("Check says %v", err)
			}
		})
	}
}

// fill puts one row of everything that Check looks at.
func fill(t *testing.T, a *Archive) {
	t.Helper()
	enrol(t, a)
	ev := archivetest.Event(1, 1)
	put(t, a, ev, nil)
	_, err := a.Apply(t.Context(), ev.Key(), archive.ApplyOptions{
		At: archivetest.T0, Snapshot: &archive.Snapshot{Key: "k", SHA256: "h"},
		Route: func(archive.Situation) (archive.Decision, error) {
			return archive.Decision{
				Alert:   &bongsu.Alert{ID: "a1", Event: ev.ID, Events: []bongsu.EventID{ev.ID}},
				History: []archive.HistoryEntry{{Action: archive.ActionRaise}},
			}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.DeclareClip(t.Context(), archivetest.EdgeA, archivetest.Clip(1, 0, "aa"), archivetest.T0); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := a.AppendAudit(t.Context(), archive.AuditRecord{}, func(r archive.AuditRecord) string { return fmt.Sprint("hash", r.Seq) }); err != nil {
			t.Fatal(err)
		}
	}
}

// TestBusyWithAnotherProcess holds the write lock as another program would.
func TestBusyWithAnotherProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	a, err := Open(t.Context(), Options{Path: path, Busy: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	other, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	hold, err := other.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if err := a.SetMeta(t.Context(), "k", "v"); bongsu.CodeOf(err) != bongsu.CodeUnavailable || !strings.Contains(err.Error(), "busy") {
		t.Fatalf("while another process writes: %v", err)
	}
	if _, err := a.GetMeta(t.Context(), "k"); bongsu.CodeOf(err) != bongsu.CodeNotFound {
		t.Fatalf("reading while another process writes: %v", err)
	}
	if err := hold.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := a.SetMeta(t.Context(), "k", "v"); err != nil {
		t.Fatal(err)
	}
}

func TestEndedContext(t *testing.T) {
	a := fresh(t)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := a.SetMeta(ctx, "k", "v"); bongsu.CodeOf(err) != bongsu.CodeUnavailable {
		t.Fatalf("write: %v", err)
	}
	if _, err := a.GetMeta(ctx, "k"); bongsu.CodeOf(err) != bongsu.CodeUnavailable {
		t.Fatalf("read: %v", err)
	}
	if err := a.SetMeta(t.Context(), "k", "v"); err != nil {
		t.Fatalf("afterwards: %v", err)
	}
}

// TestBrokenDisk: after an I/O error nothing is written any more.
func TestBrokenDisk(t *testing.T) {
	a := fresh(t)
	a.broken.Store(true)
	if err := a.SetMeta(t.Context(), "k", "v"); bongsu.CodeOf(err) != bongsu.CodeUnavailable || !strings.Contains(err.Error(), "check the disk") {
		t.Fatalf("write after an I/O error: %v", err)
	}
	if _, err := a.GetMeta(t.Context(), "k"); bongsu.CodeOf(err) != bongsu.CodeNotFound {
		t.Fatalf("read after an I/O error: %v", err)
	}
}

func BenchmarkPutAndApply(b *testing.B) {
	a, err := Open(b.Context(), Options{Path: filepath.Join(b.TempDir(), "a.db")})
	if err != nil {
		b.Fatal(err)
	}
	defer a.Close()
	if err := a.PutEnrolToken(b.Context(), archive.EnrolToken{Hash: "h", Expires: archivetest.T0}); err != nil {
		b.Fatal(err)
	}
	if err := a.Enrol(b.Context(), "h", archive.Edge{ID: archivetest.EdgeA, CredentialHash: "c"}, archivetest.T0.Add(-time.Hour)); err != nil {
		b.Fatal(err)
	}
	snapshot := make([]byte, 20<<10)
	for i := 0; b.Loop(); i++ {
		ev := archivetest.Event(i, 1)
		if _, err := a.PutInbox(b.Context(), archivetest.EdgeA, archivetest.T0, []bongsu.EventRecord{{Event: ev, Snapshot: snapshot}}); err != nil {
			b.Fatal(err)
		}
		if _, err := a.Apply(b.Context(), ev.Key(), archive.ApplyOptions{At: archivetest.T0}); err != nil {
			b.Fatal(err)
		}
	}
}
