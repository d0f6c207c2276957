package disk

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"bongsu"
	"bongsu/cloud/objects"
	"bongsu/cloud/objects/objectstest"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		crashChild(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

func open(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestConformance(t *testing.T) {
	objectstest.Run(t, objectstest.Factory{
		New: func(t *testing.T) objects.Store { return open(t, t.TempDir()) },
		Reopen: func(t *testing.T, s objects.Store) objects.Store {
			return open(t, s.(*Store).root.Name())
		},
	})
}

func put(s *Store, key string, b []byte) error {
	return s.Put(context.Background(), key, "image/jpeg", int64(len(b)), objectstest.Hash(b), bytes.NewReader(b))
}

// files lists what lies under a folder, folders left out.
func files(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			rel, _ := filepath.Rel(dir, path)
			out = append(out, rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	left := 600
	s.write = func(f *os.File, b []byte) (int, error) {
		n := min(left, len(b))
		n, err := f.Write(b[:n])
		if left -= n; err == nil && n < len(b) {
			err = syscall.ENOSPC
		}
		return n, err
	}
	b := objectstest.Bytes(t, 1000)
	err := put(s, "k", b)
	if bongsu.CodeOf(err) != bongsu.CodeUnavailable || !strings.Contains(err.Error(), "disk is full") {
		t.Fatalf("Put on a full disk: %v", err)
	}
	if got := files(t, dir); len(got) != 0 {
		t.Fatalf("left behind: %q", got)
	}
	left = 1000 // enough for the description and a part of the bytes
	u, err := s.Begin(t.Context(), "k", "video/mp4", 1000, objectstest.Hash(b))
	if err != nil {
		t.Fatal(err)
	}
	n, err := u.Write(t.Context(), 0, bytes.NewReader(b))
	if bongsu.CodeOf(err) != bongsu.CodeUnavailable || n == 0 || n >= 1000 {
		t.Fatalf("Write on a full disk = %d, %v", n, err)
	}
	left = 1 << 20
	if n, err = u.Write(t.Context(), n, bytes.NewReader(b[n:])); err != nil || n != 1000 {
		t.Fatalf("Write after space was freed = %d, %v", n, err)
	}
	if err := u.Complete(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Verify(t.Context(), "k"); err != nil {
		t.Fatal(err)
	}
}

func TestFailedSync(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	b := objectstest.Bytes(t, 1000)
	u, err := s.Begin(t.Context(), "up", "video/mp4", 1000, objectstest.Hash(b))
	if err != nil {
		t.Fatal(err)
	}
	s.sync = func(*os.File) error { return syscall.EIO }
	if err := put(s, "k", b); bongsu.CodeOf(err) != bongsu.CodeUnavailable {
		t.Fatalf("Put: %v", err)
	}
	if n, err := u.Write(t.Context(), 0, bytes.NewReader(b)); err == nil || n != 0 {
		t.Fatalf("Write = %d, %v: bytes whose sync failed must not be counted", n, err)
	}
	s.sync = (*os.File).Sync
	if got := files(t, dir); len(got) != 0 {
		t.Fatalf("left behind: %q", got)
	}
}

// TestEverySyncFails cuts Put at each of its steps in turn: either the object is there whole,
// or it is not there and the next Put makes it.
func TestEverySyncFails(t *testing.T) {
	b := objectstest.Bytes(t, 1000)
	for step := 0; ; step++ {
		s := open(t, t.TempDir())
		n := 0
		s.sync = func(f *os.File) error {
			if n++; n-1 == step {
				return errors.New("cut")
			}
			return f.Sync()
		}
		err := put(s, "a/b/k", b)
		if err == nil {
			if step < 4 {
				t.Fatalf("only %d syncs in Put", n)
			}
			return
		}
		if verr := s.Verify(t.Context(), "a/b/k"); verr != nil && bongsu.CodeOf(verr) != bongsu.CodeNotFound {
			t.Fatalf("step %d: %v", step, verr)
		}
		if err := put(s, "a/b/k", b); err != nil {
			t.Fatalf("step %d, again: %v", step, err)
		}
		if err := s.Verify(t.Context(), "a/b/k"); err != nil {
			t.Fatalf("step %d, again: %v", step, err)
		}
	}
}

func TestDamageIsSeen(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	b := objectstest.Bytes(t, 1000)
	for name, harm := range map[string]func(file string) error{
		"flipped":   func(f string) error { return os.WriteFile(f, append([]byte{b[0] ^ 1}, b[1:]...), 0o600) },
		"short":     func(f string) error { return os.Truncate(f, 10) },
		"missing":   os.Remove,
		"meta torn": func(f string) error { return os.WriteFile(f+metaSuffix, []byte(`{"bytes":1`), 0o600) },
	} {
		if err := put(s, "k", b); err != nil {
			t.Fatal(err)
		}
		if err := harm(filepath.Join(dir, "objects/k")); err != nil {
			t.Fatal(err)
		}
		if err := s.Verify(t.Context(), "k"); bongsu.CodeOf(err) != bongsu.CodeHashMismatch {
			t.Errorf("%s: Verify: %v", name, err)
		}
		if name != "flipped" {
			if _, _, err := s.Open(t.Context(), "k", 0); bongsu.CodeOf(err) != bongsu.CodeHashMismatch {
				t.Errorf("%s: Open: %v", name, err)
			}
		}
		if err := s.Delete(t.Context(), "k"); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCrashBetweenTheTwoFiles: bytes at a key without description are no object, do not disturb
// and are swept.
func TestCrashBetweenTheTwoFiles(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	b := objectstest.Bytes(t, 1000)
	for _, k := range []string{"a/k", "a/other"} {
		if err := put(s, k, b); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(dir, "objects", k+metaSuffix)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Stat(t.Context(), "a/k"); bongsu.CodeOf(err) != bongsu.CodeNotFound {
		t.Fatalf("Stat: %v", err)
	}
	if err := put(s, "a/k", b); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Sweep(t.Context(), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if got := files(t, dir); len(got) != 2 {
		t.Fatalf("after the sweep: %q", got)
	}
	if err := s.Verify(t.Context(), "a/k"); err != nil {
		t.Fatal(err)
	}
}

// TestCrashAfterTheBytesMoved: the upload's bytes went to the key, its folder stayed.
func TestCrashAfterTheBytesMoved(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	b := objectstest.Bytes(t, 1000)
	u, err := s.Begin(t.Context(), "k", "video/mp4", 1000, objectstest.Hash(b))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "uploads", u.ID(), "data"), filepath.Join(dir, "objects/k")); err != nil {
		t.Fatal(err)
	}
	if u, err = s.Begin(t.Context(), "k", "video/mp4", 1000, objectstest.Hash(b)); err != nil || u.Offset() != 0 {
		t.Fatalf("Begin: %v", err)
	}
	if _, err := u.Write(t.Context(), 0, bytes.NewReader(b)); err != nil {
		t.Fatal(err)
	}
	if err := u.Complete(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestDeleteLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if err := put(s, "events/1/snapshot-1.jpg", []byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(t.Context(), "events/1/snapshot-1.jpg"); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(filepath.Join(dir, "objects"))
	if err != nil || len(left) != 0 {
		t.Fatalf("left: %v, %v", left, err)
	}
}

func TestLinksDoNotLeadOut(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	s := open(t, dir)
	if err := os.Symlink(outside, filepath.Join(dir, "objects/out")); err != nil {
		t.Fatal(err)
	}
	if err := put(s, "out/k", []byte("x")); err == nil {
		t.Fatal("Put went through a link out of the folder")
	}
	if got := files(t, outside); len(got) != 0 {
		t.Fatalf("outside: %q", got)
	}
}

func TestFilesArePrivate(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if err := put(s, "k", []byte("x")); err != nil {
		t.Fatal(err)
	}
	for _, f := range files(t, dir) {
		st, err := os.Stat(filepath.Join(dir, f))
		if err != nil || st.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v", f, st.Mode(), err)
		}
	}
}

func FuzzKey(f *testing.F) {
	for _, k := range []string{"a", "events/1/clip-0.mp4", "../a", "a//b", "a~meta", ".", "a/.b"} {
		f.Add(k)
	}
	f.Fuzz(func(t *testing.T, key string) {
		if objects.CheckKey(key) == nil && (!filepath.IsLocal(key) || filepath.Clean(key) != key || strings.Contains(key, "~")) {
			t.Fatalf("%q was let through", key)
		}
	})
}
