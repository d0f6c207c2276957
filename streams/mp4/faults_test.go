package mp4

import (
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"bongsu/streams"
)

// brokenFS is a memFS in which the n-th call of one operation fails, once or from then on.
type brokenFS struct {
	*memFS
	op     string // create, write, read, sync, truncate, close, rename, remove, syncdir
	nth    int
	stays  bool
	err    error
	counts map[string]int
}

func newBrokenFS(op string, nth int, stays bool, err error) *brokenFS {
	return &brokenFS{memFS: newMemFS(), op: op, nth: nth, stays: stays, err: err, counts: map[string]int{}}
}

func (b *brokenFS) fails(op string) error {
	b.counts[op]++
	if n := b.counts[op]; op == b.op && (n == b.nth || b.stays && n > b.nth) {
		return b.err
	}
	return nil
}

func (b *brokenFS) Create(path string) (File, error) {
	if err := b.fails("create"); err != nil {
		return nil, err
	}
	f, err := b.memFS.Create(path)
	if err != nil {
		return nil, err
	}
	return &brokenFile{f, b}, nil
}

func (b *brokenFS) Open(path string) (File, int64, error) {
	f, size, err := b.memFS.Open(path)
	if err != nil {
		return nil, 0, err
	}
	return &brokenFile{f, b}, size, nil
}

func (b *brokenFS) Rename(from, to string) error {
	if err := b.fails("rename"); err != nil {
		return err
	}
	return b.memFS.Rename(from, to)
}

func (b *brokenFS) Remove(path string) error {
	if err := b.fails("remove"); err != nil {
		return err
	}
	return b.memFS.Remove(path)
}

func (b *brokenFS) SyncDir(dir string) error {
	if err := b.fails("syncdir"); err != nil {
		return err
	}
	return b.memFS.SyncDir(dir)
}

type brokenFile struct {
	File
	fs *brokenFS
}

func (f *brokenFile) Write(p []byte) (int, error) {
	if err := f.fs.fails("write"); err != nil {
		n, _ := f.File.Write(p[:len(p)/2]) // a disk that gets full takes the first half
		return n, err
	}
	return f.File.Write(p)
}

func (f *brokenFile) ReadAt(p []byte, off int64) (int, error) {
	if err := f.fs.fails("read"); err != nil {
		return 0, err
	}
	return f.File.ReadAt(p, off)
}

func (f *brokenFile) Sync() error {
	if err := f.fs.fails("sync"); err != nil {
		return err
	}
	return f.File.Sync()
}

func (f *brokenFile) Truncate(size int64) error {
	if err := f.fs.fails("truncate"); err != nil {
		return err
	}
	return f.File.Truncate(size)
}

func (f *brokenFile) Close() error {
	return errors.Join(f.fs.fails("close"), f.File.Close())
}

// TestEachOperationFails breaks every call of every operation, once and for good. Whatever
// fails: no panic, an error that says so, and what the Summary promises is in the file.
func TestEachOperationFails(t *testing.T) {
	units := fakeUnits(newRand(t), 60, 10, 100*time.Millisecond)
	const path = "d/clip.mp4"
	tried, kept := 0, 0
	for _, op := range []string{"create", "write", "read", "sync", "truncate", "close", "rename", "syncdir"} {
		for nth := 1; nth <= 12; nth++ {
			for _, stays := range []bool{false, true} {
				files := newBrokenFS(op, nth, stays, syscall.EIO)
				s, err := recordOn(files, path, units)
				if files.counts[op] < nth {
					continue // it was not called as often
				}
				tried++
				if err == nil && op == "close" && s.Whole {
					continue // of the journal, which was replaced already
				}
				if err == nil {
					t.Fatalf("%s number %d failed, and nobody heard of it", op, nth)
				}
				if !errors.Is(err, syscall.EIO) {
					t.Fatalf("%s number %d: %v does not name its cause", op, nth, err)
				}
				if s.Samples == 0 {
					continue
				}
				kept++
				if s.Whole {
					t.Fatalf("%s number %d: whole, with error %v", op, nth, err)
				}
				checkSettled(t, files.memFS, path, s, units)
			}
		}
	}
	t.Logf("%d failures, %d left a clip that is torn", tried, kept)
	if kept == 0 {
		t.Error("no failure left a clip")
	}
}

// recordOn writes units as a clip on files; errors of Add are left to Close.
func recordOn(files FS, path string, units []*streams.AccessUnit) (Summary, error) {
	w, err := Create(path, WriterOptions{FS: files})
	if err != nil {
		return Summary{}, err
	}
	for _, au := range units {
		if err := w.Add(au); err != nil {
			break
		}
	}
	return w.Close()
}

// checkSettled compares a clip that stayed a journal with its Summary and its units.
func checkSettled(t *testing.T, files *memFS, path string, s Summary, units []*streams.AccessUnit) {
	t.Helper()
	data := files.files[path].synced
	if int64(len(data)) != s.Bytes || len(s.SHA256) != 64 {
		t.Fatalf("%d bytes are durable, %+v", len(data), s)
	}
	again := newMemFS()
	again.put(path, data)
	saved, err := Salvage(again, path)
	if err != nil || saved.Samples != s.Samples || saved.Duration != s.Duration || !saved.Start.Equal(s.Start) || saved.Tainted != s.Tainted {
		t.Fatalf("salvaged %+v, %v\nwant %+v", saved, err, s)
	}
	sameUnits(t, again.open(t, path), units[:s.Samples])
}

// TestFullDiskKeepsTheJournal: there is no room for the finished file, but the clip is there.
func TestFullDiskKeepsTheJournal(t *testing.T) {
	units := fakeUnits(newRand(t), 60, 10, 100*time.Millisecond)
	units[30].Lost = true
	files := newBrokenFS("write", 8, true, syscall.ENOSPC) // head, 5 to 6 fragments, then the copy
	s, err := recordOn(files, "d/clip.mp4", units)
	if !errors.Is(err, syscall.ENOSPC) || s.Samples != 60 || s.Whole || !s.Tainted || s.Codec != "avc3.4d400d" || s.Duration != 6*time.Second {
		t.Fatalf("%+v, %v", s, err)
	}
	if len(files.files) != 1 {
		t.Errorf("%d files are left", len(files.files))
	}
	checkSettled(t, files.memFS, "d/clip.mp4", s, units)
	s, err = Salvage(newFull(t, files), "d/clip.mp4")
	if err != nil || s.Samples != 60 || s.Whole {
		t.Errorf("salvaged on a full disk: %+v, %v", s, err)
	}
}

// newFull is the same disk, on which no write succeeds.
func newFull(t *testing.T, files *brokenFS) FS {
	t.Helper()
	full := newBrokenFS("write", 1, true, syscall.ENOSPC)
	full.memFS = files.cut(2, true)
	return full
}

// TestCloseAtOnAFullDisk: the fragments after the cut go, those before stay.
func TestCloseAtOnAFullDisk(t *testing.T) {
	units := fakeUnits(newRand(t), 60, 10, 100*time.Millisecond)
	files := newBrokenFS("rename", 1, true, syscall.EROFS)
	w, err := Create("d/clip.mp4", WriterOptions{FS: files})
	if err != nil {
		t.Fatal(err)
	}
	for _, au := range units {
		if err := w.Add(au); err != nil {
			t.Fatal(err)
		}
	}
	s, err := w.CloseAt(40)
	if !errors.Is(err, syscall.EROFS) || s.Samples != 40 || s.Duration != 4*time.Second {
		t.Fatalf("%+v, %v", s, err)
	}
	checkSettled(t, files.memFS, "d/clip.mp4", s, units)
}

// TestWriterAfterAnError: the first error is the one that stays.
func TestWriterAfterAnError(t *testing.T) {
	units := fakeUnits(newRand(t), 30, 5, time.Second)
	files := newBrokenFS("write", 3, false, syscall.ENOSPC)
	w, err := Create("d/clip.mp4", WriterOptions{FS: files})
	if err != nil {
		t.Fatal(err)
	}
	var first error
	for _, au := range units {
		err := w.Add(au)
		if first == nil {
			first = err
		} else if !errors.Is(err, first) {
			t.Fatalf("after %v came %v", first, err)
		}
	}
	if !errors.Is(first, syscall.ENOSPC) {
		t.Fatalf("got %v", first)
	}
	if s, err := w.Close(); !errors.Is(err, syscall.ENOSPC) || s.Samples == 0 {
		t.Errorf("%+v, %v", s, err)
	}
	if err := w.Leave(); !errors.Is(err, errClosed) {
		t.Errorf("left after closing: %v", err)
	}
}

// TestLeave: a writer without time leaves a journal with all its units.
func TestLeave(t *testing.T) {
	units := fakeUnits(newRand(t), 33, 10, 100*time.Millisecond)
	files := newMemFS()
	w, err := Create("d/clip.mp4", WriterOptions{FS: files})
	if err != nil {
		t.Fatal(err)
	}
	for _, au := range units {
		if err := w.Add(au); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Leave(); err != nil {
		t.Fatal(err)
	}
	if err := w.Add(units[0]); !errors.Is(err, errClosed) {
		t.Errorf("added after leaving: %v", err)
	}
	s, err := Salvage(files, "d/clip.mp4")
	if err != nil || s.Samples != 33 || s.Duration != 3300*time.Millisecond {
		t.Errorf("%+v, %v", s, err)
	}
	sameUnits(t, files.open(t, "d/clip.mp4"), units)
}

// TestSalvageOnABrokenDisk: an error of the disk is told as one, and decides nothing.
func TestSalvageOnABrokenDisk(t *testing.T) {
	units := fakeUnits(newRand(t), 30, 5, 100*time.Millisecond)
	journal := journalOf(t, units)
	for nth := 1; nth < 60; nth++ {
		files := newBrokenFS("read", nth, true, syscall.EIO)
		files.put("d/clip.mp4", journal)
		s, err := Salvage(files, "d/clip.mp4")
		if files.counts["read"] < nth {
			return
		}
		if errors.Is(err, ErrNothingWhole) || err != nil && !errors.Is(err, syscall.EIO) {
			t.Errorf("read number %d failed, and the clip was given up: %v", nth, err)
		}
		if err == nil && s.Samples == 0 {
			t.Errorf("read number %d: %+v without an error", nth, s)
		}
		if files.files["d/clip.mp4"] == nil {
			t.Fatal("the file is gone")
		}
	}
	t.Error("Salvage never ended its reading")
}

// TestDisk is the real file system.
func TestDisk(t *testing.T) {
	dir, disk := t.TempDir(), Disk{}
	path := filepath.Join(dir, "a")
	f, err := disk.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := disk.Create(path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a file was made twice: %v", err)
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("video is readable by others: %v, %v", st.Mode(), err)
	}
	if _, err := f.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Sync(), f.Truncate(4), f.Close(), disk.Rename(path, path+"b"), disk.SyncDir(dir)); err != nil {
		t.Fatal(err)
	}
	g, size, err := disk.Open(path + "b")
	if err != nil || size != 4 {
		t.Fatalf("%d bytes, %v", size, err)
	}
	if _, err := g.Write([]byte("!")); err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 9)
	if n, err := g.ReadAt(p, 0); n != 5 || !errors.Is(err, io.EOF) || string(p[:5]) != "hell!" {
		t.Errorf("%q, %v", p[:n], err)
	}
	if err := errors.Join(g.Close(), disk.Remove(path+"b")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := disk.Open(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
	if err := disk.SyncDir(path); err == nil {
		t.Error("a folder that is not there was synced")
	}
	if err := removeTemp(disk, path); err != nil {
		t.Errorf("nothing to remove: %v", err)
	}
}

// BenchmarkWriter records and closes a minute of 4 Mbit/s at 25 pictures a second.
func BenchmarkWriter(b *testing.B) {
	units := fakeUnits(rand.New(rand.NewPCG(1, 1)), 1500, 50, 40*time.Millisecond)
	for _, au := range units {
		au.NALs = [][]byte{make([]byte, 20000)}
		au.NALs[0][0] = 0x41
	}
	dir := b.TempDir()
	b.SetBytes(1500 * 20004)
	b.ReportAllocs()
	for b.Loop() {
		path := filepath.Join(dir, "clip.mp4")
		record(b, path, units)
		if err := os.Remove(path); err != nil {
			b.Fatal(err)
		}
	}
}
