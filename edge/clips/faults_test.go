package clips

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"bongsu"
	"bongsu/streams/mp4"
)

// faultyFS is the disk, but full (room bytes left, when limited) and failing where it is told.
type faultyFS struct {
	mp4.Disk
	mu      sync.Mutex
	lazy    bool // does not wait for the disk: for tests of many small files
	limited bool
	room    int
	broken  map[string]error // by operation: create, sync, rename, syncdir, truncate, remove
}

func (f *faultyFS) fault(op string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.broken[op]
}

func (f *faultyFS) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

func (f *faultyFS) Create(path string) (mp4.File, error) {
	if err := f.fault("create"); err != nil {
		return nil, err
	}
	inner, err := f.Disk.Create(path)
	if err != nil {
		return nil, err
	}
	return &faultyFile{File: inner, fs: f, path: path}, nil
}

func (f *faultyFS) Rename(from, to string) error {
	if err := f.fault("rename"); err != nil {
		return err
	}
	return f.Disk.Rename(from, to)
}

func (f *faultyFS) SyncDir(dir string) error {
	if f.lazy {
		return nil
	}
	if err := f.fault("syncdir"); err != nil {
		return err
	}
	return f.Disk.SyncDir(dir)
}

func (f *faultyFS) Remove(path string) error {
	st, _ := os.Stat(path)
	if err := f.Disk.Remove(path); err != nil {
		return err
	}
	f.set(func() { f.room += int(st.Size()) })
	return nil
}

type faultyFile struct {
	mp4.File
	fs   *faultyFS
	path string
}

func (f *faultyFile) Write(p []byte) (int, error) {
	n := len(p)
	f.fs.set(func() {
		if f.fs.limited {
			n = min(n, f.fs.room)
			f.fs.room -= n
		}
	})
	n, err := f.File.Write(p[:n])
	if err == nil && n < len(p) {
		err = &fs.PathError{Op: "write", Path: f.path, Err: syscall.ENOSPC}
	}
	return n, err
}

func (f *faultyFile) Sync() error {
	if f.fs.lazy {
		return nil
	}
	if err := f.fs.fault("sync"); err != nil {
		return err
	}
	return f.File.Sync()
}

// TestDiskFull: the part that meets the full disk is kept as far as it is whole, the event
// goes on when there is room again, and nothing half is left.
func TestDiskFull(t *testing.T) {
	files := &faultyFS{limited: true, room: 9000}
	r := newRig(t, func(o *Options) { o.FS = files })
	c := newCamera(10)
	ev := open("e", base, base)
	r.rec.Event(ev)
	units := r.add(c, 400) // 25,600 bytes of pictures
	r.idle()
	s := r.rec.Stats()
	if s.Torn != 1 || s.Ready+s.Left != 0 {
		t.Fatalf("%+v", s)
	}
	torn := r.parts("e")[0]
	if torn.State != bongsu.ClipTorn || !torn.Tainted || torn.Bytes == 0 || len(torn.SHA256) != 64 {
		t.Errorf("%+v", torn)
	}
	path := r.path(torn.Key())
	if st, err := os.Stat(path); err != nil || st.Size() != torn.Bytes {
		t.Fatalf("the torn part has %v, its record says %d: %v", st, torn.Bytes, err)
	}
	files.set(func() { files.limited = false })
	saved, err := mp4.Salvage(nil, path) // what the file holds
	if err != nil || saved.Samples < 50 || saved.Duration != torn.Duration() {
		t.Errorf("%+v, %v, want %v", saved, err, torn.Duration())
	}
	r.advance(6 * second)
	more := r.add(c, 30)
	r.stop()
	last := r.parts("e")[len(r.parts("e"))-1]
	got, _ := r.held(last)
	if last.State != bongsu.ClipReady || got[len(got)-1] != string(more[29].NALs[0]) {
		t.Errorf("%+v", last)
	}
	_ = units
	onlyWhole(t, r)
}

// onlyWhole checks that every file in the rig's folder is that of a part with its size.
func onlyWhole(t *testing.T, r *rig) {
	t.Helper()
	entries, err := os.ReadDir(r.dir)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bongsu.Clip{}
	r.mu.Lock()
	for _, c := range r.closed {
		known[filepath.Base(r.path(c.Key()))] = c
	}
	r.mu.Unlock()
	for _, e := range entries {
		c, ok := known[e.Name()]
		if !ok || c.State == bongsu.ClipFailed || strings.HasSuffix(e.Name(), ".new") {
			t.Errorf("%s is left over", e.Name())
		}
	}
}

// TestDiskFails breaks each operation in turn.
func TestDiskFails(t *testing.T) {
	eio := syscall.EIO
	for _, tc := range []struct {
		op   string
		want bongsu.ClipState
	}{
		{"sync", bongsu.ClipFailed},    // nothing is known to be durable
		{"syncdir", bongsu.ClipFailed}, // neither
		{"rename", bongsu.ClipTorn},    // the journal stays
		{"create", bongsu.ClipFailed},  // there is no file
	} {
		t.Run(tc.op, func(t *testing.T) {
			files := &faultyFS{broken: map[string]error{tc.op: eio}}
			r := newRig(t, func(o *Options) { o.FS = files })
			c := newCamera(10)
			r.rec.Event(open("e", base, base))
			r.add(c, 30)
			r.idle()
			r.stop()
			parts := r.parts("e")
			if len(parts) != 1 || parts[0].State != tc.want {
				t.Fatalf("%+v", parts)
			}
			if tc.op != "syncdir" {
				onlyWhole(t, r)
			}
		})
	}
}

// TestSalvageStates: what the node learns about a part that its writer left.
func TestSalvageStates(t *testing.T) {
	dir := t.TempDir()
	writing := bongsu.Clip{Event: "e", Part: 1, Camera: "cam", State: bongsu.ClipWriting}
	missing, err := Salvage(nil, writing, filepath.Join(dir, "none"))
	if missing.State != bongsu.ClipFailed || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%+v, %v", missing, err)
	}
	empty := filepath.Join(dir, "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if c, err := Salvage(nil, writing, empty); c.State != bongsu.ClipFailed || err == nil {
		t.Errorf("%+v, %v", c, err)
	}
	if _, err := os.Stat(empty); !os.IsNotExist(err) {
		t.Error("an empty file was left")
	}
	done := writing
	done.State = bongsu.ClipReady
	if c, err := Salvage(nil, done, filepath.Join(dir, "none")); c != done || err != nil {
		t.Errorf("%+v, %v", c, err)
	}
	if err := os.WriteFile(empty, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	stuck := &faultyFS{broken: map[string]error{"syncdir": syscall.EIO}}
	if c, err := Salvage(stuck, writing, empty); c.State != bongsu.ClipWriting || !errors.Is(err, syscall.EIO) {
		t.Errorf("a disk that fails decided about a clip: %+v, %v", c, err)
	}
}
