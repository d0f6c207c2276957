package disk

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"time"

	"bongsu"
	"bongsu/cloud/objects"
)

// uploadMeta is what stands in uploads/<id>/meta.
type uploadMeta struct {
	Key    string `json:"key"`
	Type   string `json:"type"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// upload is one resumable upload; all its state is on the disk.
type upload struct {
	s      *Store
	id     string
	m      uploadMeta
	done   bool
	offset int64
}

// uploadID names the upload of one key and hash: the open one is found without a search, after a
// restart too.
func uploadID(key, hash string) string {
	h := sha256.Sum256([]byte(key + "\n" + hash))
	return hex.EncodeToString(h[:16])
}

// Begin implements objects.Store.
func (s *Store) Begin(ctx context.Context, key, mediaType string, size int64, hash string) (objects.Upload, error) {
	if err := objects.CheckNew(key, size, hash); err != nil {
		return nil, err
	}
	u := &upload{s: s, id: uploadID(key, hash), m: uploadMeta{key, mediaType, size, hash}}
	mu := s.lock(&s.uploads, u.id)
	mu.Lock()
	defer mu.Unlock()
	done, err := s.there(key, hash)
	if err != nil {
		return nil, err
	}
	if done {
		u.done, u.offset = true, size
		return u, nil
	}
	if err := u.open(ctx); err != nil {
		return nil, diskError(err, "object %s: its upload cannot be opened", key)
	}
	return u, nil
}

func (u *upload) dir() string  { return "uploads/" + u.id }
func (u *upload) data() string { return u.dir() + "/data" }

// open finds the upload's folder or makes it; the meta file comes last and makes it valid.
func (u *upload) open(ctx context.Context) error {
	var old uploadMeta
	b, err := u.s.root.ReadFile(u.dir() + "/meta")
	if err == nil && json.Unmarshal(b, &old) == nil && old.Bytes == u.m.Bytes {
		u.offset, err = u.held()
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		} // a crash took the bytes away on their way to the key
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := u.s.root.RemoveAll(u.dir()); err != nil {
		return err
	}
	if err := u.s.mkdir(u.dir()); err != nil {
		return err
	}
	f, err := u.s.root.OpenFile(u.data(), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(u.s.sync(f), f.Close()); err != nil {
		return err
	}
	return u.s.putJSON(ctx, u.dir()+"/meta", u.m)
}

// held is how many bytes the data file has. After a power cut some of them may not be what was
// sent; Complete finds that out and the upload begins anew.
func (u *upload) held() (int64, error) {
	st, err := u.s.root.Stat(u.data())
	if err != nil {
		return 0, err
	}
	return st.Size(), nil
}

// ID implements objects.Upload.
func (u *upload) ID() string { return u.id }

// Done implements objects.Upload.
func (u *upload) Done() bool { return u.done }

// Offset implements objects.Upload.
func (u *upload) Offset() int64 { return u.offset }

// Write implements objects.Upload. Of two writers at once the second gets CodeUnavailable.
func (u *upload) Write(ctx context.Context, offset int64, r io.Reader) (int64, error) {
	mu := u.s.lock(&u.s.uploads, u.id)
	if !mu.TryLock() {
		return u.offset, bongsu.Errorf(bongsu.CodeUnavailable, "object %s: another request is writing it; try again", u.m.Key)
	}
	defer mu.Unlock()
	held, err := u.held()
	if errors.Is(err, fs.ErrNotExist) {
		return 0, u.gone()
	}
	if err != nil {
		return u.offset, diskError(err, "object %s: its upload cannot be read", u.m.Key)
	}
	if u.offset = held; offset != held {
		return held, bongsu.Errorf(bongsu.CodeConflict, "object %s: %d bytes are held, yours begin at %d; send from %d on", u.m.Key, held, offset, held)
	}
	return u.append(ctx, r)
}

func (u *upload) gone() error {
	return bongsu.Errorf(bongsu.CodeNotFound, "the upload of object %s is over; declare it again", u.m.Key)
}

// append writes and fsyncs. Bytes that came before r failed are kept; after a failed fsync none
// are, for what of them is on the disk cannot be known.
func (u *upload) append(ctx context.Context, r io.Reader) (int64, error) {
	f, err := u.s.root.OpenFile(u.data(), os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return u.offset, diskError(err, "object %s: its upload cannot be written", u.m.Key)
	}
	n, err := io.Copy(fileWriter{u.s, f, ctx}, io.LimitReader(r, u.m.Bytes-u.offset))
	synced := u.s.sync(f)
	u.offset += n
	if synced != nil {
		u.offset = 0
		err = errors.Join(synced, u.s.root.RemoveAll(u.dir()))
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return u.offset, diskError(err, "object %s: its upload stopped at %d bytes", u.m.Key, u.offset)
	}
	if u.offset < u.m.Bytes {
		return u.offset, nil
	}
	if n, err := io.ReadFull(r, make([]byte, 1)); n > 0 {
		return u.offset, bongsu.Errorf(bongsu.CodeTooLarge, "object %s: more bytes came than the %d that were declared", u.m.Key, u.m.Bytes)
	} else if err != io.EOF {
		return u.offset, diskError(err, "object %s: its upload was cut after the last byte", u.m.Key)
	}
	return u.offset, nil
}

// Complete implements objects.Upload. With bytes missing it is CodeConflict, and they can still be
// sent.
func (u *upload) Complete(ctx context.Context) error {
	mu := u.s.lock(&u.s.uploads, u.id)
	mu.Lock()
	defer mu.Unlock()
	if done, err := u.s.there(u.m.Key, u.m.SHA256); err != nil || done {
		if u.done = done; done {
			_ = u.s.root.RemoveAll(u.dir()) // one that stays is aborted as an old one later
		}
		return err
	}
	held, err := u.held()
	if errors.Is(err, fs.ErrNotExist) {
		return u.gone()
	}
	if err != nil {
		return diskError(err, "object %s: its upload cannot be read", u.m.Key)
	}
	if u.offset = held; held < u.m.Bytes {
		return bongsu.Errorf(bongsu.CodeConflict, "object %s: %d of %d bytes are held; send the rest first", u.m.Key, held, u.m.Bytes)
	}
	hash, err := u.hash(ctx)
	if err != nil {
		return diskError(err, "object %s: its upload cannot be read", u.m.Key)
	}
	if held != u.m.Bytes || hash != u.m.SHA256 {
		err := bongsu.Errorf(bongsu.CodeHashMismatch, "object %s: the bytes do not have the declared size and SHA-256; nothing was kept, send them again", u.m.Key)
		if gone := u.s.root.RemoveAll(u.dir()); gone != nil {
			err.Err = gone
		}
		u.offset = 0
		return err
	}
	return u.finish(ctx)
}

func (u *upload) hash(ctx context.Context) (string, error) {
	f, err := u.s.root.Open(u.data())
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, ctxReader{ctx, f})
	return hex.EncodeToString(h.Sum(nil)), err
}

// finish makes the object appear.
func (u *upload) finish(ctx context.Context) error {
	key := u.s.lock(&u.s.keys, u.m.Key)
	key.Lock()
	defer key.Unlock()
	if err := u.s.appear(ctx, u.data(), u.m.Key, meta{u.m.Bytes, u.m.SHA256, u.m.Type, u.s.now().UTC()}); err != nil {
		return diskError(err, "object %s cannot be stored", u.m.Key)
	}
	u.done = true
	if err := u.s.root.RemoveAll(u.dir()); err != nil {
		return diskError(err, "object %s: its upload cannot be removed", u.m.Key)
	}
	return nil
}

var idForm = regexp.MustCompile(`^[0-9a-f]{32}$`)

// Sweep implements objects.Store. Files on their way that nobody can finish any more go with the
// uploads; they are not counted.
func (s *Store) Sweep(ctx context.Context, before time.Time) (int, error) {
	ids, err := s.entries("uploads")
	if err != nil {
		return 0, diskError(err, "objects: uploads cannot be listed")
	}
	aborted := 0
	for _, e := range ids {
		if err := ctx.Err(); err != nil {
			return aborted, diskError(err, "objects: sweep")
		}
		gone, err := s.abort(e.Name(), before)
		if err != nil {
			return aborted, diskError(err, "objects: upload %s cannot be removed", e.Name())
		}
		if gone {
			aborted++
		}
	}
	temps, err := s.entries("tmp")
	if err != nil {
		return aborted, diskError(err, "objects: temporary files cannot be listed")
	}
	for _, e := range temps {
		if st, err := e.Info(); err == nil && st.ModTime().Before(before) {
			s.discard("tmp/" + e.Name())
		}
	}
	return aborted, s.strays(ctx, before)
}

// strays removes bytes that stand at a key without being an object: a crash came between the two
// files.
func (s *Store) strays(ctx context.Context, before time.Time) error {
	err := fs.WalkDir(s.root.FS(), "objects", func(file string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // deleted in between
		}
		if err = errors.Join(err, ctx.Err()); err != nil || e.IsDir() || strings.HasSuffix(file, metaSuffix) {
			return err
		}
		mu := s.lock(&s.keys, strings.TrimPrefix(file, "objects/"))
		mu.Lock()
		defer mu.Unlock()
		st, err := e.Info()
		if err != nil || !st.ModTime().Before(before) {
			return nil
		}
		if _, err := s.root.Stat(file + metaSuffix); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return s.root.Remove(file)
	})
	return diskError(err, "objects: files without description cannot be removed")
}

// abort removes an upload that was not written to since before. Folders of other names are not
// ours.
func (s *Store) abort(id string, before time.Time) (bool, error) {
	if !idForm.MatchString(id) {
		return false, nil
	}
	mu := s.lock(&s.uploads, id)
	if !mu.TryLock() {
		return false, nil // in use
	}
	defer mu.Unlock()
	for _, name := range []string{"/data", "/meta", ""} {
		if st, err := s.root.Stat("uploads/" + id + name); err == nil && !st.ModTime().Before(before) {
			return false, nil
		}
	}
	return true, s.root.RemoveAll("uploads/" + id)
}

func (s *Store) entries(dir string) ([]fs.DirEntry, error) {
	d, err := s.root.Open(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.ReadDir(-1)
}
