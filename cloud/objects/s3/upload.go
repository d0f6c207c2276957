package s3

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/minio/minio-go/v7"

	"bongsu"
	"bongsu/cloud/objects"
)

// begun is what stands in uploads/<id>/begun.
type begun struct {
	Key    string    `json:"key"`
	Type   string    `json:"type"`
	Bytes  int64     `json:"bytes"`
	SHA256 string    `json:"sha256"`
	At     time.Time `json:"at"`
}

// upload is one resumable upload; all its state is in the bucket. All parts but the last have
// PartBytes, so that two writers of the same bytes write the same parts, and an upload of the same
// key and hash can be gone on with by whoever finds it.
type upload struct {
	s    *Store
	id   string
	b    begun
	done bool

	offset int64  // bytes held: whole parts and the tail
	multi  string // ID of the multipart upload; "" before the first part
	parts  []minio.CompletePart
	tail   int64 // bytes in the tail, which begins after the parts
	whole  bool  // data is an object: all parts were joined already
}

var _ objects.Direct = (*upload)(nil)

// uploadID names the upload of one key and hash, so that the open one is found without a search.
func uploadID(key, hash string) string {
	h := sha256.Sum256([]byte(key + "\n" + hash))
	return hex.EncodeToString(h[:16])
}

// Begin implements objects.Store. It writes nothing: an upload that nobody sends a byte to leaves
// no trace.
func (s *Store) Begin(ctx context.Context, key, mediaType string, size int64, hash string) (objects.Upload, error) {
	if err := objects.CheckNew(key, size, hash); err != nil {
		return nil, err
	}
	u := &upload{s: s, id: uploadID(key, hash), b: begun{Key: key, Type: mediaType, Bytes: size, SHA256: hash}}
	done, err := s.there(ctx, key, hash)
	if err != nil {
		return nil, err
	}
	if done {
		u.done, u.offset = true, size
		return u, nil
	}
	return u, u.look(ctx)
}

// ID implements objects.Upload.
func (u *upload) ID() string { return u.id }

// Done implements objects.Upload.
func (u *upload) Done() bool { return u.done }

// Offset implements objects.Upload.
func (u *upload) Offset() int64 { return u.offset }

func (s *Store) uploadName(id, what string) string { return s.o.Prefix + "uploads/" + id + "/" + what }

func (u *upload) name(what string) string { return u.s.uploadName(u.id, what) }

func (u *upload) data() string { return u.name("data") }

func (u *upload) tailName(at int64) string { return u.name(fmt.Sprintf("tail-%d", at)) }

// inParts reports that the object is too large for one request.
func (u *upload) inParts() bool { return u.b.Bytes > PartBytes }

func (u *upload) what() string { return "object " + u.b.Key }

// held is where the parts end and the tail begins.
func (u *upload) held() int64 { return min(int64(len(u.parts))*PartBytes, u.b.Bytes) }

// look finds out what the bucket holds of the upload.
func (u *upload) look(ctx context.Context) error {
	u.multi, u.parts, u.tail, u.whole = "", nil, 0, false
	if u.inParts() {
		if err := u.findParts(ctx); err != nil {
			return err
		}
	}
	if u.whole || u.held() == u.b.Bytes {
		u.offset = u.b.Bytes
		return nil
	}
	o, err := u.s.stat(ctx, u.tailName(u.held()))
	if err == nil && (o.Size < u.partSize() || o.Size == u.partSize() && !u.inParts()) {
		u.tail = o.Size // one of the size of a part would have become a part
	}
	u.offset = u.held() + u.tail
	if bongsu.CodeOf(err) == bongsu.CodeNotFound {
		return nil
	}
	return err
}

// stat looks at a name in the bucket.
func (s *Store) stat(ctx context.Context, name string) (o minio.ObjectInfo, err error) {
	err = s.ask(ctx, "look at "+name, func(ctx context.Context) (err error) {
		o, err = s.client.StatObject(ctx, s.o.Bucket, name, minio.StatObjectOptions{})
		return err
	})
	return o, err
}

// openOf lists the multipart uploads of a name, oldest first. Two processes that begin at once may
// have made two; everybody takes the same one, the other is swept.
func (s *Store) openOf(ctx context.Context, name string) ([]minio.ObjectMultipartInfo, error) {
	var all []minio.ObjectMultipartInfo
	err := s.ask(ctx, "list the uploads of "+name, func(ctx context.Context) error {
		var err error
		all, err = s.multiparts(ctx, name)
		return err
	})
	all = slices.DeleteFunc(all, func(m minio.ObjectMultipartInfo) bool { return m.Key != name })
	slices.SortFunc(all, func(a, b minio.ObjectMultipartInfo) int {
		return cmp.Or(a.Initiated.Compare(b.Initiated), cmp.Compare(a.UploadID, b.UploadID))
	})
	return all, err
}

// multiparts is one attempt to list the multipart uploads whose names begin so.
func (s *Store) multiparts(ctx context.Context, prefix string) ([]minio.ObjectMultipartInfo, error) {
	var all []minio.ObjectMultipartInfo
	key, id := "", ""
	for {
		page, err := s.client.ListMultipartUploads(ctx, s.o.Bucket, prefix, key, id, "", listPage)
		if err != nil {
			return nil, err
		}
		all = append(all, page.Uploads...)
		if !page.IsTruncated || page.NextKeyMarker == key && page.NextUploadIDMarker == id {
			return all, nil
		}
		key, id = page.NextKeyMarker, page.NextUploadIDMarker
	}
}

// findParts finds the multipart upload and its parts, as far as they follow each other.
func (u *upload) findParts(ctx context.Context) error {
	all, err := u.s.openOf(ctx, u.data())
	if err != nil {
		return err
	}
	if len(all) == 0 {
		o, err := u.s.stat(ctx, u.data())
		u.whole = err == nil && o.Size == u.b.Bytes
		if bongsu.CodeOf(err) == bongsu.CodeNotFound {
			return nil
		}
		return err
	}
	u.multi = all[0].UploadID
	parts, err := u.s.partsOf(ctx, u.data(), u.multi)
	if bongsu.CodeOf(err) == bongsu.CodeNotFound { // gone in between
		u.multi = ""
		return nil
	}
	if err != nil {
		return err
	}
	slices.SortFunc(parts, func(a, b minio.ObjectPart) int { return cmp.Compare(a.PartNumber, b.PartNumber) })
	for _, p := range parts {
		if p.PartNumber != len(u.parts)+1 || p.Size != u.partSize() {
			break
		}
		u.parts = append(u.parts, minio.CompletePart{PartNumber: p.PartNumber, ETag: p.ETag, ChecksumSHA256: p.ChecksumSHA256})
	}
	return nil
}

// partSize is the size of the part that comes next.
func (u *upload) partSize() int64 { return min(PartBytes, u.b.Bytes-u.held()) }

func (s *Store) partsOf(ctx context.Context, name, multi string) ([]minio.ObjectPart, error) {
	var all []minio.ObjectPart
	err := s.ask(ctx, "list the parts of "+name, func(ctx context.Context) error {
		all = nil
		for after := 0; ; {
			page, err := s.client.ListObjectParts(ctx, s.o.Bucket, name, multi, after, listPage)
			if err != nil {
				return err
			}
			all = append(all, page.ObjectParts...)
			if !page.IsTruncated || page.NextPartNumberMarker <= after {
				return nil
			}
			after = page.NextPartNumberMarker
		}
	})
	return all, err
}

// start notes that the upload is open, and opens the multipart upload that it needs.
func (u *upload) start(ctx context.Context) error {
	if u.multi != "" || !u.inParts() {
		return nil
	}
	u.b.At = u.s.o.Now().UTC()
	note, err := json.Marshal(u.b)
	if err != nil {
		return err
	}
	// The note comes first: from it the sweep finds the multipart upload on servers that list
	// those of one name only.
	if err := u.s.write(ctx, u.name("begun"), note); err != nil {
		return err
	}
	opts := minio.PutObjectOptions{ContentType: u.b.Type}
	if u.s.can.Checksums { // or the server takes parts without comparing them with theirs
		opts.UserMetadata = map[string]string{"X-Amz-Checksum-Algorithm": "SHA256"}
	}
	return u.s.ask(ctx, "begin "+u.what(), func(ctx context.Context) (err error) {
		u.multi, err = u.s.client.NewMultipartUpload(ctx, u.s.o.Bucket, u.data(), opts)
		return err
	})
}

// write makes or replaces a small object that is none of ours: a note or a tail.
func (s *Store) write(ctx context.Context, name string, b []byte) error {
	h := sha256.Sum256(b)
	hash := hex.EncodeToString(h[:])
	return s.try(ctx, "write "+name, func(ctx context.Context) error {
		return s.send(ctx, bytes.NewReader(b), func(ctx context.Context, body io.Reader) error {
			_, err := s.client.PutObject(ctx, s.o.Bucket, name, body, int64(len(b)), "", hash,
				minio.PutObjectOptions{UserMetadata: described(int64(len(b)), hash), DisableContentSha256: true})
			return err
		})
	})
}

// settle is how long what a client has sent may take to be stored after the client is gone.
const settle = time.Minute

// Write implements objects.Upload. Of two writers in one process the second gets CodeUnavailable;
// two in two processes write the same parts.
func (u *upload) Write(ctx context.Context, offset int64, r io.Reader) (int64, error) {
	mu := u.s.lock(&u.s.uploads, u.id)
	if !mu.TryLock() {
		return u.offset, bongsu.Errorf(bongsu.CodeUnavailable, "object %s: another request is writing it; try again", u.b.Key)
	}
	defer mu.Unlock()
	before := u.offset
	if err := u.look(ctx); err != nil {
		return before, err
	}
	if before > 0 && u.offset == 0 {
		return 0, u.gone()
	}
	if offset != u.offset {
		return u.offset, bongsu.Errorf(bongsu.CodeConflict, "object %s: %d bytes are held, yours begin at %d; send from %d on", u.b.Key, u.offset, offset, u.offset)
	}
	return u.append(ctx, r)
}

func (u *upload) gone() error {
	return bongsu.Errorf(bongsu.CodeNotFound, "the upload of object %s is over; declare it again", u.b.Key)
}

// append stores r's bytes part by part. What came before r failed is kept.
func (u *upload) append(ctx context.Context, r io.Reader) (int64, error) {
	buf, err := u.s.buffers.take(ctx, min(u.b.Bytes, PartBytes))
	if err != nil {
		return u.offset, u.s.failed(ctx, "store "+u.what(), err)
	}
	defer u.s.buffers.free(buf)
	n := 0
	if u.tail > 0 {
		if n, err = u.readTail(ctx, buf); err != nil {
			return u.offset, err
		}
	}
	var broken error
	for u.offset < u.b.Bytes && broken == nil {
		var more int
		more, broken = io.ReadFull(r, buf[n:u.partSize()])
		if n += more; more > 0 {
			if err := u.keep(ctx, buf[:n]); err != nil {
				return u.offset, errors.Join(err, atEnd(broken))
			}
		}
		if int64(n) == PartBytes {
			n = 0
		}
	}
	if err := atEnd(broken); err != nil {
		return u.offset, bongsu.Wrap(bongsu.CodeUnavailable, err, "object %s: its upload stopped at %d bytes", u.b.Key, u.offset)
	}
	if u.offset < u.b.Bytes {
		return u.offset, nil
	}
	if more, err := extra(r, true); more {
		return u.offset, bongsu.Errorf(bongsu.CodeTooLarge, "object %s: more bytes came than the %d that were declared", u.b.Key, u.b.Bytes)
	} else if err != nil {
		return u.offset, bongsu.Wrap(bongsu.CodeUnavailable, err, "object %s: its upload was cut after the last byte", u.b.Key)
	}
	return u.offset, nil
}

// atEnd drops the errors by which a reader says that it has no more.
func atEnd(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

// keep stores the bytes after the parts: as a part when they are one, else as the tail. It does so
// even when the client that sent them is gone.
func (u *upload) keep(ctx context.Context, b []byte) error {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), settle)
	defer stop()
	if u.inParts() && int64(len(b)) == u.partSize() {
		return u.keepPart(ctx, b)
	}
	if err := u.s.write(ctx, u.tailName(u.held()), b); err != nil {
		return err
	}
	u.tail = int64(len(b))
	u.offset = u.held() + u.tail
	return nil
}

func (u *upload) keepPart(ctx context.Context, b []byte) error {
	if err := u.start(ctx); err != nil {
		return err
	}
	h := sha256.Sum256(b)
	opts := minio.PutObjectPartOptions{Sha256Hex: hex.EncodeToString(h[:]), DisableContentSha256: true}
	if u.s.can.Checksums {
		opts.CustomHeader = http.Header{sumHeader: {sum64(opts.Sha256Hex)}}
	}
	n := len(u.parts) + 1
	var part minio.ObjectPart
	err := u.s.try(ctx, fmt.Sprintf("store part %d of %s", n, u.what()), func(ctx context.Context) error {
		return u.s.send(ctx, bytes.NewReader(b), func(ctx context.Context, body io.Reader) (err error) {
			part, err = u.s.client.PutObjectPart(ctx, u.s.o.Bucket, u.data(), u.multi, n, body, int64(len(b)), opts)
			return err
		})
	})
	if err != nil {
		if bongsu.CodeOf(err) == bongsu.CodeNotFound {
			return u.gone()
		}
		return err
	}
	if u.tail > 0 {
		if err := u.s.remove(ctx, u.tailName(u.held())); err != nil {
			u.s.log.Warn("s3: the tail of an upload stays until the upload is completed or swept", "upload", u.id, "err", err)
		}
	}
	u.parts = append(u.parts, minio.CompletePart{PartNumber: n, ETag: part.ETag, ChecksumSHA256: part.ChecksumSHA256})
	u.tail, u.offset = 0, u.held()
	return nil
}

// readTail reads the tail into b. One that twice has not the hash it was written with is removed.
func (u *upload) readTail(ctx context.Context, b []byte) (int, error) {
	n, good, err := u.readTailOnce(ctx, b)
	if err == nil && !good {
		n, good, err = u.readTailOnce(ctx, b)
	}
	if err == nil && !good {
		err = errors.Join(bongsu.Errorf(bongsu.CodeUnavailable, "object %s: the end of what is held is damaged; ask again from where to send", u.b.Key),
			u.s.remove(ctx, u.tailName(u.held())))
	}
	return n, err
}

func (u *upload) readTailOnce(ctx context.Context, b []byte) (n int, good bool, err error) {
	r := &reader{s: u.s, ctx: ctx, name: u.tailName(u.held()), what: "the tail of " + u.what()}
	o, err := r.open()
	if bongsu.CodeOf(err) == bongsu.CodeNotFound {
		err = u.gone()
	}
	if err != nil {
		return 0, false, err
	}
	defer r.Close()
	if o.Size != u.tail {
		return 0, false, bongsu.Errorf(bongsu.CodeUnavailable, "object %s: another request has written to it; ask again from where to send", u.b.Key)
	}
	h := newCount(r)
	if n, err = io.ReadFull(h, b[:u.tail]); err != nil {
		return 0, false, u.s.failed(ctx, "read the tail of "+u.what(), err)
	}
	return n, h.sum() == o.Metadata.Get(metaHash), nil
}
