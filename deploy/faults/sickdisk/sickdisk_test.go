package sickdisk

import (
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

func TestAWellDiskIsAFolder(t *testing.T) {
	d := New(t)
	name := filepath.Join(d.Path, "a")
	if err := os.WriteFile(name, []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(d.Path, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	moved := filepath.Join(d.Path, "sub", "b")
	if err := os.Rename(name, moved); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{moved, filepath.Join(d.Real, "sub", "b")} {
		if b, err := os.ReadFile(p); err != nil || string(b) != "content" {
			t.Errorf("%s: %q, %v", p, b, err)
		}
	}
	if err := os.Truncate(moved, 3); err != nil {
		t.Error(err)
	}
	if info, err := os.Stat(moved); err != nil || info.Size() != 3 {
		t.Errorf("%v, %v", info, err)
	}
	if err := os.Remove(moved); err != nil {
		t.Error(err)
	}
	if d.Failed() != 0 || d.Waiting() != 0 {
		t.Errorf("%d calls failed, %d wait", d.Failed(), d.Waiting())
	}
}

func TestFail(t *testing.T) {
	d := New(t)
	f, err := os.Create(filepath.Join(d.Path, "a"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, errno := range []syscall.Errno{syscall.EROFS, syscall.ENOSPC, syscall.EIO} {
		d.Fail(errno)
		for what, err := range map[string]error{
			"write": second(f.Write([]byte("x"))), "fsync": f.Sync(), "remove": os.Remove(f.Name()),
			"rename": os.Rename(f.Name(), f.Name()+"2"), "folder": os.Mkdir(filepath.Join(d.Path, "d"), 0o700),
			"create": second(os.Create(filepath.Join(d.Path, "b"))), "truncate": f.Truncate(10),
			"allocate": syscall.Fallocate(int(f.Fd()), 0, 0, 4096),
		} {
			if !errors.Is(err, errno) {
				t.Errorf("%s: %v, want %v", what, err, errno)
			}
		}
	}
	d.Fail(0)
	if _, err := f.Write([]byte("well")); err != nil {
		t.Error(err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestFailSyncOnce(t *testing.T) {
	d := New(t)
	f, err := os.Create(filepath.Join(d.Path, "a"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	d.FailSync(2)
	for n, want := range []error{nil, syscall.EIO, nil} {
		if err := f.Sync(); !errors.Is(err, want) {
			t.Errorf("fsync %d: %v", n+1, err)
		}
	}
}

func TestHang(t *testing.T) {
	d := New(t)
	f, err := os.Create(filepath.Join(d.Path, "a"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	d.Hang(true)
	done := make(chan error, 1)
	go func() { _, err := f.Write([]byte("x")); done <- err }()
	for deadline := time.Now().Add(10 * time.Second); d.Waiting() == 0 && time.Now().Before(deadline); {
		select {
		case err := <-done:
			t.Fatalf("the write did not hang: %v", err)
		case <-time.After(time.Millisecond):
		}
	}
	if _, err := os.ReadDir(d.Path); err != nil {
		t.Errorf("reading hangs or fails: %v", err)
	}
	d.Hang(false)
	if err := <-done; err != nil || d.Waiting() != 0 {
		t.Errorf("%v, %d wait", err, d.Waiting())
	}
}

// TestNothingStaysMounted, also when a test ends while its disk hangs.
func TestNothingStaysMounted(t *testing.T) {
	var path string
	t.Run("ends sick", func(t *testing.T) {
		d := New(t)
		path = d.Path
		d.Hang(true)
		d.Fail(syscall.EIO)
	})
	b, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil || path != "" && strings.Contains(string(b), path) {
		t.Errorf("%s is still mounted, %v", path, err)
	}
}
