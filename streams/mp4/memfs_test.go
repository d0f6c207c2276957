package mp4

import (
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"testing"
	"time"
)

// memFS is a file system in memory that can lose power: it knows which bytes and which folder
// entries are durable, and stops before the operation it is told.
type memFS struct {
	files   map[string]*memFile // as the programs see them
	durable map[string]*memFile // entries that a power cut leaves
	ops     int                 // operations so far
	stopAt  int                 // this operation and all later ones fail; 0: none
}

type memFile struct {
	fs     *memFS
	data   []byte
	synced []byte // what a power cut leaves at least
}

var errPower = errors.New("the power is gone")

func newMemFS() *memFS {
	return &memFS{files: map[string]*memFile{}, durable: map[string]*memFile{}}
}

// put makes a durable file.
func (m *memFS) put(path string, p []byte) {
	f := &memFile{fs: m, data: append([]byte{}, p...), synced: append([]byte{}, p...)}
	m.files[path], m.durable[path] = f, f
}

// open reads a file as a clip.
func (m *memFS) open(t testing.TB, path string) *Reader {
	t.Helper()
	rd, err := openBytes(m.files[path].data)
	if err != nil {
		t.Fatal(err)
	}
	return rd
}

func (m *memFS) op() error {
	m.ops++
	if m.stopAt > 0 && m.ops >= m.stopAt {
		return errPower
	}
	return nil
}

func (m *memFS) Create(path string) (File, error) {
	if err := m.op(); err != nil {
		return nil, err
	}
	if m.files[path] != nil {
		return nil, fs.ErrExist
	}
	m.files[path] = &memFile{fs: m}
	return m.files[path], nil
}

func (m *memFS) Open(path string) (File, int64, error) {
	f := m.files[path]
	if f == nil {
		return nil, 0, fs.ErrNotExist
	}
	return f, int64(len(f.data)), nil
}

func (m *memFS) Rename(from, to string) error {
	if err := m.op(); err != nil {
		return err
	}
	m.files[to] = m.files[from]
	delete(m.files, from)
	return nil
}

func (m *memFS) Remove(path string) error {
	if m.files[path] == nil {
		return fs.ErrNotExist
	}
	if err := m.op(); err != nil {
		return err
	}
	delete(m.files, path)
	return nil
}

func (m *memFS) SyncDir(string) error {
	if err := m.op(); err != nil {
		return err
	}
	m.durable = map[string]*memFile{}
	for k, f := range m.files {
		m.durable[k] = f
	}
	return nil
}

func (f *memFile) Write(p []byte) (int, error) {
	if err := f.fs.op(); err != nil {
		return 0, err
	}
	f.data = append(f.data, p...)
	return len(p), nil
}

func (f *memFile) ReadAt(p []byte, off int64) (int, error) {
	if off >= int64(len(f.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *memFile) Sync() error {
	if err := f.fs.op(); err != nil {
		return err
	}
	f.synced = append([]byte{}, f.data...)
	return nil
}

func (f *memFile) Truncate(size int64) error {
	if err := f.fs.op(); err != nil {
		return err
	}
	f.data = f.data[:size]
	return nil
}

func (f *memFile) Close() error { return nil }

// cut gives the file system that comes up after the power failed: of what was not durable,
// part of 2 parts of the bytes are there (0, 1 or 2), and the folder's entries are the old or
// the new ones.
func (m *memFS) cut(part int, entries bool) *memFS {
	after := newMemFS()
	names := m.durable
	if entries {
		names = m.files
	}
	for path, f := range names {
		keep := len(f.data)
		if len(f.synced) <= keep {
			keep = len(f.synced) + (keep-len(f.synced))*part/2
		}
		after.put(path, f.data[:keep])
	}
	return after
}

// TestPowerCutAtEveryOperation stops a writer before each of its operations, keeps nothing,
// half or all of what was not durable, and looks at what Salvage makes of it: never a wrong
// picture, never less than was there before, and the same again when repeated or cut itself.
func TestPowerCutAtEveryOperation(t *testing.T) {
	units := fakeUnits(newRand(t), 60, 10, 100*time.Millisecond)
	const path = "d/clip.mp4"
	play := func(m *memFS) (Summary, error) {
		w, err := Create(path, WriterOptions{FS: m})
		if err != nil {
			return Summary{}, err
		}
		for _, au := range units {
			if err := w.Add(au); err != nil {
				break // Close tells
			}
		}
		return w.Close()
	}
	whole := newMemFS()
	if _, err := play(whole); err != nil {
		t.Fatal(err)
	}
	points, saved, finished := 0, 0, 0
	for stop := 1; stop <= whole.ops+1; stop++ {
		for part := range 3 {
			for _, entries := range []bool{false, true} {
				points++
				m := newMemFS()
				m.stopAt = stop
				closed, closeErr := play(m)
				after := m.cut(part, entries)
				s, err := Salvage(after, path)
				if closeErr == nil && (err != nil || s != closed) {
					t.Fatalf("stop %d: a closed clip %+v is now %+v, %v", stop, closed, s, err)
				}
				if err != nil {
					if !errors.Is(err, ErrNothingWhole) && !errors.Is(err, fs.ErrNotExist) {
						t.Fatalf("stop %d, part %d: %v", stop, part, err)
					}
					continue
				}
				saved++
				if s.Whole {
					finished++
				}
				rd, err := openBytes(after.files[path].data)
				if err != nil {
					t.Fatalf("stop %d: %v", stop, err)
				}
				sameUnits(t, rd, units[:s.Samples])
				if len(after.files) != 1 {
					t.Fatalf("stop %d: %d files are left", stop, len(after.files))
				}
				cutAgain(t, m.cut(part, entries), path, s)
			}
		}
	}
	t.Logf("%d crash points: %d gave a clip, %d of them the finished one", points, saved, finished)
	if saved == 0 || finished == 0 {
		t.Error("the test saw no clip")
	}
}

// cutAgain lets the power fail during Salvage, at each of its operations.
func cutAgain(t *testing.T, m *memFS, path string, want Summary) {
	t.Helper()
	for stop := 1; ; stop++ {
		again := m.cut(2, true)
		again.stopAt = stop
		_, err := Salvage(again, path)
		after := again.cut(0, false)
		s, err2 := Salvage(after, path)
		// A journal that was finished before the second cut is whole now; its pictures are the same.
		s.Whole, s.Bytes, s.SHA256, s.Bent, want.Whole, want.Bytes, want.SHA256, want.Bent = false, 0, "", 0, false, 0, "", 0
		if err2 != nil || s != want {
			t.Fatalf("cut again at %d: %+v, %v\nwant %+v", stop, s, err2, want)
		}
		if err == nil && again.ops < stop {
			return
		}
	}
}

func TestMemFSPaths(t *testing.T) {
	if dirOf("d/clip.mp4") != filepath.Clean("d") {
		t.Error("the folder to sync is not the file's")
	}
}
