// Package disk keeps objects as plain files in one folder, for one machine.
//
//	objects/<key>        the bytes, unchanged
//	objects/<key>~meta   JSON: bytes, sha256, type, stored; '~' cannot be part of a key
//	uploads/<id>/meta    JSON of an open resumable upload; data beside it grows
//	tmp/                 files on their way; nothing there is of worth after a crash
//
// An object is there when its ~meta is there. The bytes are written to a file of their own,
// fsynced, renamed into place and the folder fsynced before the same is done for ~meta, which is
// removed first on deletion: at no instant does a ~meta stand beside wrong bytes.
package disk

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash/maphash"
	"io"
	"io/fs"
	"os"
	"path"
	"sync"
	"syscall"
	"time"

	"bongsu"
	"bongsu/cloud/objects"
)

// Options says where the store is.
type Options struct {
	// Dir is the store's folder; it is made when it is not there, readable by its owner only.
	Dir string
	// Now stamps what is stored; nil is time.Now.
	Now func() time.Time
}

// Store is an objects.Store in a folder. Close it.
type Store struct {
	// set before use
	root *os.Root
	now  func() time.Time
	// write and sync are the file's own; tests make them fail
	write func(*os.File, []byte) (int, error)
	sync  func(*os.File) error

	seed    maphash.Seed
	folders sync.RWMutex // held for reading while an object appears, for writing while empty folders go
	// by key and by upload, so that the steps of two writers do not mix; who needs both takes
	// the upload's first
	keys, uploads [64]sync.Mutex
}

var _ objects.Store = (*Store)(nil)

const metaSuffix = "~meta"

// Open opens or makes a store. Close frees it.
func Open(o Options) (*Store, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, diskError(err, "objects: cannot make the folder %s", o.Dir)
	}
	root, err := os.OpenRoot(o.Dir)
	if err != nil {
		return nil, diskError(err, "objects: cannot open the folder %s", o.Dir)
	}
	s := &Store{root: root, now: o.Now, write: (*os.File).Write, sync: (*os.File).Sync, seed: maphash.MakeSeed()}
	for _, d := range []string{"objects", "uploads", "tmp"} {
		if err := s.mkdir(d); err != nil {
			root.Close()
			return nil, diskError(err, "objects: cannot make the folder %s/%s", o.Dir, d)
		}
	}
	return s, nil
}

// Close frees the store; open readers stay usable.
func (s *Store) Close() error { return s.root.Close() }

// meta is what stands in a ~meta file.
type meta struct {
	Bytes  int64     `json:"bytes"`
	SHA256 string    `json:"sha256"`
	Type   string    `json:"type"`
	Stored time.Time `json:"stored"`
}

func (s *Store) lock(stripes *[64]sync.Mutex, name string) *sync.Mutex {
	return &stripes[maphash.String(s.seed, name)%uint64(len(stripes))]
}

// diskError gives an error of the file system a code and a sentence.
func diskError(err error, format string, args ...any) error {
	var known *bongsu.Error
	switch {
	case err == nil, errors.As(err, &known):
		return err
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return bongsu.Wrap(bongsu.CodeUnavailable, err, format+": the disk is full; free space on it", args...)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return bongsu.Wrap(bongsu.CodeUnavailable, err, format+": given up", args...)
	}
	return bongsu.Wrap(bongsu.CodeUnavailable, err, format, args...)
}

// mkdir makes a folder and those above it, and makes each new one durable in the one above.
func (s *Store) mkdir(dir string) error {
	if dir == "." {
		return nil
	}
	if st, err := s.root.Stat(dir); err == nil && st.IsDir() {
		return nil
	}
	if err := s.mkdir(path.Dir(dir)); err != nil {
		return err
	}
	if err := s.root.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return s.syncDir(path.Dir(dir))
}

func (s *Store) syncDir(dir string) error {
	d, err := s.root.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(s.sync(d), d.Close())
}

// fileWriter writes through the store's write function.
type fileWriter struct {
	s   *Store
	f   *os.File
	ctx context.Context
}

func (w fileWriter) Write(b []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.s.write(w.f, b)
}

// temp writes a file under tmp, fsynced and closed, and gives its name and how many bytes and
// which hash it has. After an error nothing is left.
func (s *Store) temp(ctx context.Context, r io.Reader) (name string, size int64, hash string, err error) {
	name = "tmp/" + rand.Text()
	f, err := s.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return "", 0, "", err
	}
	h := sha256.New()
	size, err = io.Copy(io.MultiWriter(fileWriter{s, f, ctx}, h), r)
	if err == nil {
		err = s.sync(f)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		s.discard(name)
		return "", 0, "", err
	}
	return name, size, hex.EncodeToString(h.Sum(nil)), nil
}

// discard removes a temporary file; one that stays is removed at the next start.
func (s *Store) discard(name string) { _ = s.root.Remove(name) }

// Put implements objects.Store.
func (s *Store) Put(ctx context.Context, key, mediaType string, size int64, hash string, r io.Reader) error {
	if err := objects.CheckNew(key, size, hash); err != nil {
		return err
	}
	if done, err := s.there(key, hash); err != nil || done {
		return err
	}
	name, n, got, err := s.temp(ctx, io.LimitReader(r, size+1))
	if err != nil {
		return diskError(err, "object %s cannot be stored", key)
	}
	if n != size || got != hash {
		s.discard(name)
		return bongsu.Errorf(bongsu.CodeHashMismatch, "object %s: the bytes do not have the declared size and SHA-256; send them again", key)
	}
	mu := s.lock(&s.keys, key)
	mu.Lock()
	defer mu.Unlock()
	if done, err := s.there(key, hash); err != nil || done {
		s.discard(name)
		return err
	}
	if err := s.appear(ctx, name, key, meta{size, hash, mediaType, s.now().UTC()}); err != nil {
		s.discard(name)
		return diskError(err, "object %s cannot be stored", key)
	}
	return nil
}

// there reports that the object exists with this hash; with another it is CodeConflict.
func (s *Store) there(key, hash string) (bool, error) {
	m, err := s.meta(key)
	if bongsu.CodeOf(err) == bongsu.CodeNotFound {
		return false, nil
	}
	if err == nil && m.SHA256 != hash {
		return false, bongsu.Errorf(bongsu.CodeConflict, "object %s is there already with other bytes; objects are never changed", key)
	}
	return err == nil, err
}

// appear moves a durable file to its key and makes it an object. The caller holds the key's lock.
func (s *Store) appear(ctx context.Context, name, key string, m meta) error {
	file := "objects/" + key
	dir := path.Dir(file)
	s.folders.RLock()
	defer s.folders.RUnlock()
	if err := s.mkdir(dir); err != nil {
		return err
	}
	if err := s.root.Rename(name, file); err != nil {
		return err
	}
	if err := s.syncDir(dir); err != nil {
		return err
	}
	return s.putJSON(ctx, file+metaSuffix, m)
}

// putJSON writes a small file whole or not at all.
func (s *Store) putJSON(ctx context.Context, file string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	name, _, _, err := s.temp(ctx, bytes.NewReader(b))
	if err != nil {
		return err
	}
	if err := s.root.Rename(name, file); err != nil {
		s.discard(name)
		return err
	}
	return s.syncDir(path.Dir(file))
}

func (s *Store) meta(key string) (meta, error) {
	var m meta
	b, err := s.root.ReadFile("objects/" + key + metaSuffix)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return m, bongsu.Errorf(bongsu.CodeNotFound, "there is no object %s", key)
	}
	if err != nil {
		return m, diskError(err, "object %s cannot be read", key)
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return m, bongsu.Wrap(bongsu.CodeHashMismatch, err, "object %s is damaged: its description cannot be read", key)
	}
	return m, nil
}

// Stat implements objects.Store.
func (s *Store) Stat(_ context.Context, key string) (objects.Info, error) {
	if err := objects.CheckKey(key); err != nil {
		return objects.Info{}, err
	}
	m, err := s.meta(key)
	return m.info(key), err
}

func (m *meta) info(key string) objects.Info {
	return objects.Info{Key: key, Bytes: m.Bytes, SHA256: m.SHA256, Type: m.Type, Stored: m.Stored}
}

// Open implements objects.Store. The reader is an *os.File: it seeks.
func (s *Store) Open(ctx context.Context, key string, offset int64) (io.ReadCloser, objects.Info, error) {
	info, err := s.Stat(ctx, key)
	if err != nil {
		return nil, objects.Info{}, err
	}
	if offset < 0 || offset > info.Bytes {
		return nil, objects.Info{}, bongsu.Errorf(bongsu.CodeInvalid, "object %s has %d bytes; it cannot be read from %d on", key, info.Bytes, offset)
	}
	f, err := s.root.Open("objects/" + key)
	if errors.Is(err, fs.ErrNotExist) {
		if _, gone := s.meta(key); gone != nil {
			return nil, objects.Info{}, gone // deleted in between
		}
		return nil, objects.Info{}, bongsu.Errorf(bongsu.CodeHashMismatch, "object %s is damaged: its bytes are missing", key)
	}
	if err != nil {
		return nil, objects.Info{}, diskError(err, "object %s cannot be read", key)
	}
	st, err := f.Stat()
	if err == nil && st.Size() != info.Bytes {
		err = bongsu.Errorf(bongsu.CodeHashMismatch, "object %s is damaged: it has %d of %d bytes", key, st.Size(), info.Bytes)
	}
	if err == nil {
		_, err = f.Seek(offset, io.SeekStart)
	}
	if err != nil {
		f.Close()
		return nil, objects.Info{}, diskError(err, "object %s cannot be read", key)
	}
	return f, info, nil
}

// Delete implements objects.Store.
func (s *Store) Delete(_ context.Context, key string) error {
	if err := objects.CheckKey(key); err != nil {
		return err
	}
	mu := s.lock(&s.keys, key)
	mu.Lock()
	defer mu.Unlock()
	file := "objects/" + key
	removed := false
	for _, name := range []string{file + metaSuffix, file} {
		err := s.root.Remove(name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
			return diskError(err, "object %s cannot be deleted", key)
		}
		if err != nil {
			continue
		}
		removed = true
		if err := s.syncDir(path.Dir(file)); err != nil {
			return diskError(err, "object %s cannot be deleted durably", key)
		}
	}
	if removed {
		s.prune(path.Dir(file))
	}
	return nil
}

// prune removes folders that have become empty, while no writer is about to use them.
func (s *Store) prune(dir string) {
	s.folders.Lock()
	defer s.folders.Unlock()
	for ; dir != "objects"; dir = path.Dir(dir) {
		if s.root.Remove(dir) != nil {
			return // not empty
		}
	}
}

// Verify implements objects.Store.
func (s *Store) Verify(ctx context.Context, key string) error {
	r, info, err := s.Open(ctx, key, 0)
	if err != nil {
		return err
	}
	defer r.Close()
	h := sha256.New()
	if _, err := io.Copy(h, ctxReader{ctx, r}); err != nil {
		return diskError(err, "object %s cannot be read", key)
	}
	if hex.EncodeToString(h.Sum(nil)) != info.SHA256 {
		return bongsu.Errorf(bongsu.CodeHashMismatch, "object %s is damaged: its bytes do not have the SHA-256 they were stored with", key)
	}
	return nil
}

// ctxReader ends a long read with its context.
type ctxReader struct {
	ctx context.Context
	r   io.Reader
}

func (r ctxReader) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(b)
}
