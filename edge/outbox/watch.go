package outbox

import (
	"io"
	"sync"
	"time"
)

// watch knows which calls to the file system have not returned yet, so that a disk that hangs
// is seen whatever the call is that hangs in it.
type watch struct {
	now func() time.Time // set before use

	mu    sync.Mutex
	began map[uint64]time.Time // guarded by mu: by number of the call
	next  uint64               // guarded by mu
}

// enter notes the beginning of a call; what it gives notes its end.
func (w *watch) enter() (leave func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.next++
	n := w.next
	w.began[n] = w.now()
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.began, n)
	}
}

// oldest gives when the call began that has not returned for the longest; zero when there is none.
func (w *watch) oldest() (at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, b := range w.began {
		if at.IsZero() || b.Before(at) {
			at = b
		}
	}
	return at
}

// watchedFS is an FS under watch.
type watchedFS struct {
	fs FS
	w  *watch
}

func (f watchedFS) Path(name string) string { return f.fs.Path(name) }

func (f watchedFS) MkdirAll(name string) error {
	defer f.w.enter()()
	return f.fs.MkdirAll(name)
}

func (f watchedFS) ReadDir(name string) ([]Entry, error) {
	defer f.w.enter()()
	return f.fs.ReadDir(name)
}

func (f watchedFS) Create(name string) (File, error) {
	defer f.w.enter()()
	return f.file(f.fs.Create(name))
}

func (f watchedFS) Open(name string) (File, error) {
	defer f.w.enter()()
	return f.file(f.fs.Open(name))
}

func (f watchedFS) file(file File, err error) (File, error) {
	if err != nil {
		return nil, err
	}
	return watchedFile{file, f.w}, nil
}

func (f watchedFS) Size(name string) (int64, error) {
	defer f.w.enter()()
	return f.fs.Size(name)
}

func (f watchedFS) Remove(name string) error {
	defer f.w.enter()()
	return f.fs.Remove(name)
}

func (f watchedFS) Rename(from, to string) error {
	defer f.w.enter()()
	return f.fs.Rename(from, to)
}

func (f watchedFS) SyncDir(name string) error {
	defer f.w.enter()()
	return f.fs.SyncDir(name)
}

func (f watchedFS) Free() (int64, error) {
	defer f.w.enter()()
	return f.fs.Free()
}

func (f watchedFS) Lock(name string) (io.Closer, error) {
	defer f.w.enter()()
	return f.fs.Lock(name)
}

// watchedFile is a File under watch.
type watchedFile struct {
	file File
	w    *watch
}

func (f watchedFile) ReadAt(p []byte, off int64) (int, error) {
	defer f.w.enter()()
	return f.file.ReadAt(p, off)
}

func (f watchedFile) WriteAt(p []byte, off int64) (int, error) {
	defer f.w.enter()()
	return f.file.WriteAt(p, off)
}

func (f watchedFile) Allocate(size int64) error {
	defer f.w.enter()()
	return f.file.Allocate(size)
}

func (f watchedFile) Sync() error {
	defer f.w.enter()()
	return f.file.Sync()
}

func (f watchedFile) Close() error {
	defer f.w.enter()()
	return f.file.Close()
}
