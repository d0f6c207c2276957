package powercut

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// write makes a file and leaves it open; with sync it is durable, name included.
func write(t *testing.T, d *Disk, name string, content []byte, sync bool) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(d.Path, name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(content); err != nil {
		t.Fatal(err)
	}
	if sync {
		dir, err := os.Open(d.Path)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(f.Sync(), dir.Sync(), dir.Close()); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// TestCutKeepsWhatWasSynced is the harness's own proof: what was fsynced stays, what was not is
// gone, and nothing can be written between the cut and the restart.
func TestCutKeepsWhatWasSynced(t *testing.T) {
	d := New(t, 16)
	content := bytes.Repeat([]byte("a page and more "), 1000)
	d.busy = 20 * time.Millisecond
	for round := range 3 {
		kept := write(t, d, "kept", content, true)
		gone := write(t, d, "gone", content, false)
		if err := d.Cut(); err != nil {
			t.Fatal(err)
		}
		if _, err := kept.Write([]byte("after")); err == nil {
			err = kept.Sync()
			if err == nil {
				t.Fatal("a write after the cut was taken as durable")
			}
		}
		if err := d.Remount(); !strings.Contains(errString(err), "still has files open") && round == 0 {
			t.Fatalf("remounted under open files: %v", err)
		}
		kept.Close()
		gone.Close()
		if err := d.Remount(); err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(filepath.Join(d.Path, "kept")); err != nil || !bytes.Equal(b, content) {
			t.Fatalf("round %d: what was synced has %d bytes, %v", round, len(b), err)
		}
		if b, err := os.ReadFile(filepath.Join(d.Path, "gone")); err == nil && len(b) > 0 {
			t.Fatalf("round %d: %d bytes that were never synced are there", round, len(b))
		}
		if err := os.Remove(filepath.Join(d.Path, "kept")); err != nil {
			t.Fatal(err)
		}
	}
	if d.Cuts() != 3 {
		t.Errorf("%d cuts counted", d.Cuts())
	}
}

func errString(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// TestNothingIsLeft: after a test has ended, failed or not, nothing is mounted and no file is
// left, even when somebody still has one open.
func TestNothingIsLeft(t *testing.T) {
	var where string
	var f *os.File
	if !t.Run("cut and leave", func(t *testing.T) {
		d := New(t, 16)
		where = d.Path
		f = write(t, d, "open", []byte("x"), false)
		if err := d.Cut(); err != nil {
			t.Fatal(err)
		}
	}) {
		return
	}
	if where == "" {
		t.Skip("SKIPPED: see above")
	}
	if _, err := os.Stat(where); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is left: %v", where, err)
	}
	b, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil || strings.Contains(string(b), where) {
		t.Errorf("still mounted, %v", err)
	}
	f.Close()
}

// TestSweep: a disk of a process that was killed is taken out by the next.
func TestSweep(t *testing.T) {
	dead := filepath.Join(os.TempDir(), prefix+"4194303-x") // above the largest process number
	mine := filepath.Join(os.TempDir(), prefix+"1-x")
	for _, dir := range []string{dead, mine} {
		if err := os.MkdirAll(filepath.Join(dir, "disk"), 0o700); err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
	}
	if os.Getuid() == 0 {
		if err := syscall.Mount("none", filepath.Join(dead, "disk"), "tmpfs", 0, "size=1m"); err != nil {
			t.Logf("no mount here: %v", err)
		}
	}
	sweep()
	if _, err := os.Stat(dead); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
	if _, err := os.Stat(mine); err != nil {
		t.Errorf("the folder of a living process was taken: %v", err)
	}
}
