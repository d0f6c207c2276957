package s3

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"strconv"

	"github.com/minio/minio-go/v7"

	"bongsu"
	"bongsu/cloud/objects"
)

// Metadata of an object; the server sends it back with every answer.
const (
	metaHash  = "X-Amz-Meta-Sha256"
	metaBytes = "X-Amz-Meta-Bytes"
	sumHeader = "X-Amz-Checksum-Sha256"
)

// sum64 gives a hash as S3 wants it.
func sum64(hexHash string) string {
	b, err := hex.DecodeString(hexHash)
	if err != nil {
		return "" // its form was checked
	}
	return base64.StdEncoding.EncodeToString(b)
}

// described is the metadata of an object.
func described(size int64, sha256 string) map[string]string {
	return map[string]string{metaHash: sha256, metaBytes: strconv.FormatInt(size, 10)}
}

// putOptions are those of the PUT by which an object appears.
func (s *Store) putOptions(mediaType string, size int64, sha256 string) minio.PutObjectOptions {
	o := minio.PutObjectOptions{ContentType: mediaType, UserMetadata: described(size, sha256), DisableContentSha256: true}
	if s.can.Checksums {
		o.UserMetadata[sumHeader] = sum64(sha256)
	}
	o.SetMatchETagExcept("*")
	return o
}

// info reads what an answer says of an object. Size is what the server has.
func info(key string, o *minio.ObjectInfo) (objects.Info, error) {
	i := objects.Info{Key: key, SHA256: o.Metadata.Get(metaHash), Type: o.ContentType, Stored: o.LastModified.UTC()}
	var err error
	if i.Bytes, err = strconv.ParseInt(o.Metadata.Get(metaBytes), 10, 64); err != nil || len(i.SHA256) != 2*sha256.Size {
		return i, bongsu.Errorf(bongsu.CodeHashMismatch, "object %s is damaged: the server has lost its size or SHA-256", key)
	}
	return i, nil
}

// Stat implements objects.Store.
func (s *Store) Stat(ctx context.Context, key string) (objects.Info, error) {
	if err := objects.CheckKey(key); err != nil {
		return objects.Info{}, err
	}
	var o minio.ObjectInfo
	err := s.ask(ctx, "look at object "+key, func(ctx context.Context) (err error) {
		o, err = s.client.StatObject(ctx, s.o.Bucket, s.name(key), minio.StatObjectOptions{})
		return err
	})
	if err != nil {
		return objects.Info{}, noObject(err, key)
	}
	return info(key, &o)
}

func noObject(err error, key string) error {
	if bongsu.CodeOf(err) == bongsu.CodeNotFound {
		return bongsu.Errorf(bongsu.CodeNotFound, "there is no object %s", key)
	}
	return err
}

// there reports that the object exists with this hash; with another it is CodeConflict.
func (s *Store) there(ctx context.Context, key, hash string) (bool, error) {
	i, err := s.Stat(ctx, key)
	if bongsu.CodeOf(err) == bongsu.CodeNotFound {
		return false, nil
	}
	if err == nil && i.SHA256 != hash {
		return false, bongsu.Errorf(bongsu.CodeConflict, "object %s is there already with other bytes; objects are never changed", key)
	}
	return err == nil, err
}

// Put implements objects.Store. What fits into one part is held in memory and sent again when the
// server fails; of more the server gets one attempt, because r can be read once only.
func (s *Store) Put(ctx context.Context, key, mediaType string, size int64, hash string, r io.Reader) error {
	if err := objects.CheckNew(key, size, hash); err != nil {
		return err
	}
	if size > PartBytes {
		return s.putOnce(ctx, key, mediaType, size, hash, r)
	}
	buf, err := s.buffers.take(ctx, size)
	if err != nil {
		return s.failed(ctx, "store object "+key, err)
	}
	defer s.buffers.free(buf)
	n, err := io.ReadFull(io.LimitReader(r, size+1), buf[:size])
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return bongsu.Wrap(bongsu.CodeUnavailable, err, "object %s cannot be stored: its bytes did not arrive", key)
	}
	h := sha256.Sum256(buf[:n])
	more, err := extra(r, int64(n) == size)
	if err != nil {
		return bongsu.Wrap(bongsu.CodeUnavailable, err, "object %s cannot be stored: its bytes did not arrive", key)
	}
	if int64(n) != size || more || hex.EncodeToString(h[:]) != hash {
		return wrongBytes(key)
	}
	return s.put(ctx, key, mediaType, hash, buf[:n])
}

func wrongBytes(key string) error {
	return bongsu.Errorf(bongsu.CodeHashMismatch, "object %s: the bytes do not have the declared size and SHA-256; nothing was kept, send them again", key)
}

// extra reports that r goes on after what was declared.
func extra(r io.Reader, whole bool) (bool, error) {
	if !whole {
		return false, nil
	}
	n, err := io.ReadFull(r, make([]byte, 1))
	if n > 0 {
		return true, nil
	}
	if err == io.EOF {
		return false, nil
	}
	return false, err
}

// put makes an object of bytes that have the hash.
func (s *Store) put(ctx context.Context, key, mediaType, hash string, b []byte) error {
	return s.create(ctx, key, hash, func() error {
		return s.try(ctx, "store object "+key, func(ctx context.Context) error {
			return s.send(ctx, bytes.NewReader(b), func(ctx context.Context, body io.Reader) error {
				_, err := s.client.PutObject(ctx, s.o.Bucket, s.name(key), body, int64(len(b)), "", hash, s.putOptions(mediaType, int64(len(b)), hash))
				return err
			})
		})
	})
}

// send does one request with a body, which may be slow but not stand still.
func (s *Store) send(ctx context.Context, body io.Reader, f func(context.Context, io.Reader) error) error {
	ctx, w := watched(ctx, s.o.Stall)
	defer w.stop()
	w.r, w.sends = body, true
	return stalled(ctx, f(ctx, w))
}

// create runs the PUT of an object: one that is there already with the same hash is success. When
// the server knows no conditions, a look goes before the PUT, and writers of this process go one
// after the other.
func (s *Store) create(ctx context.Context, key, hash string, put func() error) error {
	if !s.can.CreateOnce {
		mu := s.lock(&s.keys, key)
		mu.Lock()
		defer mu.Unlock()
		if done, err := s.there(ctx, key, hash); done || err != nil {
			return err
		}
	}
	err := put()
	if bongsu.CodeOf(err) != bongsu.CodeConflict {
		return err
	}
	done, looked := s.there(ctx, key, hash)
	if looked == nil && !done { // deleted in between
		return err
	}
	return looked
}

// putOnce streams an object; the server compares its hash before it appears.
func (s *Store) putOnce(ctx context.Context, key, mediaType string, size int64, hash string, r io.Reader) error {
	if done, err := s.there(ctx, key, hash); done || err != nil {
		return err
	}
	h := newCount(io.LimitReader(r, size+1))
	err := s.create(ctx, key, hash, func() error {
		s.counts.requests.Add(1)
		err := s.send(ctx, io.LimitReader(h, size), func(ctx context.Context, body io.Reader) error {
			_, err := s.client.PutObject(ctx, s.o.Bucket, s.name(key), body, size, "", hash, s.putOptions(mediaType, size, hash))
			return err
		})
		if err != nil {
			return s.failed(ctx, "store object "+key, err)
		}
		return nil
	})
	switch {
	case h.err != nil && !errors.Is(h.err, io.EOF):
		return bongsu.Wrap(bongsu.CodeUnavailable, h.err, "object %s cannot be stored: its bytes did not arrive", key)
	case h.err != nil && (h.n != size || h.sum() != hash):
		return wrongBytes(key)
	}
	return err
}

// count hashes and counts what goes through it, and remembers how it ended.
type count struct {
	r   io.Reader
	h   hash.Hash
	n   int64
	err error
}

func newCount(r io.Reader) *count { return &count{r: r, h: sha256.New()} }

// Read implements io.Reader.
func (c *count) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.h.Write(b[:n])
	c.n += int64(n)
	if err != nil {
		c.err = err
	}
	return n, err
}

func (c *count) sum() string { return hex.EncodeToString(c.h.Sum(nil)) }

// Open implements objects.Store. When the connection breaks in the middle, the reader goes on where
// it broke, with the same object only.
func (s *Store) Open(ctx context.Context, key string, offset int64) (io.ReadCloser, objects.Info, error) {
	if err := objects.CheckKey(key); err != nil {
		return nil, objects.Info{}, err
	}
	if offset != 0 { // S3 has no empty range, and a wrong one tells nothing about the object
		i, err := s.Stat(ctx, key)
		if err == nil && (offset < 0 || offset > i.Bytes) {
			err = bongsu.Errorf(bongsu.CodeInvalid, "object %s has %d bytes; it cannot be read from %d on", key, i.Bytes, offset)
		}
		if err != nil {
			return nil, objects.Info{}, err
		}
		if offset == i.Bytes {
			return io.NopCloser(bytes.NewReader(nil)), i, nil
		}
	}
	r := &reader{s: s, ctx: ctx, what: "object " + key, name: s.name(key), at: offset}
	o, err := r.open()
	if err != nil {
		return nil, objects.Info{}, noObject(err, key)
	}
	i, err := info(key, &o)
	if err == nil && offset+r.left != i.Bytes {
		err = bongsu.Errorf(bongsu.CodeHashMismatch, "object %s is damaged: the server has %d of its %d bytes", key, offset+r.left, i.Bytes)
	}
	if err != nil {
		r.Close()
		return nil, objects.Info{}, err
	}
	return r, i, nil
}

// Delete implements objects.Store.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := objects.CheckKey(key); err != nil {
		return err
	}
	return s.remove(ctx, s.name(key))
}

// remove deletes a name of the bucket; one that is not there is success.
func (s *Store) remove(ctx context.Context, name string) error {
	err := s.ask(ctx, "delete "+name, func(ctx context.Context) error {
		return s.client.RemoveObject(ctx, s.o.Bucket, name, minio.RemoveObjectOptions{})
	})
	if bongsu.CodeOf(err) == bongsu.CodeNotFound {
		return nil
	}
	return err
}

// Verify implements objects.Store. Damage is what two readings show; one may have been the way.
func (s *Store) Verify(ctx context.Context, key string) error {
	err := s.verify(ctx, key)
	if bongsu.CodeOf(err) == bongsu.CodeHashMismatch {
		err = s.verify(ctx, key)
	}
	return err
}

func (s *Store) verify(ctx context.Context, key string) error {
	r, i, err := s.Open(ctx, key, 0)
	if err != nil {
		return err
	}
	defer r.Close()
	h := newCount(r)
	if _, err := io.Copy(io.Discard, h); err != nil {
		return s.failed(ctx, "read object "+key, err)
	}
	if h.n != i.Bytes || h.sum() != i.SHA256 {
		return bongsu.Errorf(bongsu.CodeHashMismatch, "object %s is damaged: its bytes do not have the SHA-256 they were stored with", key)
	}
	return nil
}

// List implements objects.Store; a server's list tells neither hashes nor media types.
func (s *Store) List(ctx context.Context, prefix string, f func(objects.Info) error) error {
	if len(prefix) > 512 {
		return nil
	}
	root := s.name("")
	return s.walk(ctx, s.name(prefix), func(o *minio.ObjectInfo) error {
		return f(objects.Info{Key: o.Key[len(root):], Bytes: o.Size, Stored: o.LastModified.UTC()})
	})
}

// listPage is how many names one request lists.
const listPage = 1000

// walk calls f for each name in the bucket that begins so, in order.
func (s *Store) walk(ctx context.Context, prefix string, f func(*minio.ObjectInfo) error) error {
	last := ""
	for {
		var page []minio.ObjectInfo
		err := s.ask(ctx, "list "+prefix, func(ctx context.Context) error {
			page = page[:0]
			for o := range s.client.ListObjectsIter(ctx, s.o.Bucket, minio.ListObjectsOptions{
				Prefix: prefix, Recursive: true, StartAfter: last, MaxKeys: listPage,
			}) {
				if o.Err != nil {
					return o.Err
				}
				if page = append(page, o); len(page) == listPage {
					break
				}
			}
			return ctx.Err() // the list ends without an error then
		})
		if err != nil {
			return err
		}
		for i := range page {
			if err := ctx.Err(); err != nil {
				return s.failed(ctx, "list "+prefix, err)
			}
			if err := f(&page[i]); err != nil {
				return err
			}
		}
		if len(page) < listPage {
			return nil
		}
		last = page[len(page)-1].Key
	}
}
