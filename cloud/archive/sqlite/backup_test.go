package sqlite

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"bongsu"
	"bongsu/cloud/archive"
	"bongsu/cloud/archive/archivetest"
)

// TestBackup copies an archive while a read and a write go on, and reads the copy.
func TestBackup(t *testing.T) {
	dir := t.TempDir()
	a := open(t, filepath.Join(dir, "a.db"))
	enrol(t, a)
	put := func(n int) {
		ev := archivetest.Event(n, 1)
		if _, err := a.PutInbox(t.Context(), archivetest.EdgeA, archivetest.T0, []bongsu.EventRecord{{Event: ev, Snapshot: make([]byte, 4<<10)}}); err != nil {
			t.Fatal(err)
		}
		if n%2 == 0 {
			if _, err := a.Apply(t.Context(), ev.Key(), archive.ApplyOptions{At: archivetest.T0}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for n := range 20 {
		put(n)
	}
	copied := filepath.Join(dir, "copy.db")
	if err := a.Backup(t.Context(), copied); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(copied); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	put(20) // after it
	if err := a.Backup(t.Context(), copied); bongsu.CodeOf(err) != bongsu.CodeUnavailable {
		t.Errorf("over another: %v", err)
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := a.Backup(canceled, filepath.Join(dir, "half.db")); err == nil {
		t.Error("a backup that was called off")
	}
	if _, err := os.Stat(filepath.Join(dir, "half.db")); err == nil {
		t.Error("it left a file")
	}
	b := open(t, copied)
	if err := b.Check(t.Context()); err != nil {
		t.Error(err)
	}
	for n := range 21 {
		_, inbox := b.GetInbox(t.Context(), archivetest.Key(n, 1))
		_, event := b.GetEvent(t.Context(), archivetest.ID(n))
		if here := inbox == nil || event == nil; here != (n < 20) {
			t.Errorf("event %d: in the inbox %v, applied %v", n, inbox, event)
		}
	}
	b.Close()
	if err := b.Backup(t.Context(), filepath.Join(dir, "late.db")); bongsu.CodeOf(err) != bongsu.CodeUnavailable {
		t.Errorf("of a closed archive: %v", err)
	}
}
