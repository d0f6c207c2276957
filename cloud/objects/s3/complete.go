package s3

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"time"

	"github.com/minio/minio-go/v7"

	"bongsu"
)

// Complete implements objects.Upload. With bytes missing it is CodeConflict, and they can still be
// sent. Parts were sent by anybody with an address, so they are joined under the upload's own name,
// read back and put to the key in one request that the server refuses when the hash is another.
func (u *upload) Complete(ctx context.Context) error {
	mu := u.s.lock(&u.s.uploads, u.id)
	mu.Lock()
	defer mu.Unlock()
	before := u.offset
	if done, err := u.s.there(ctx, u.b.Key, u.b.SHA256); err != nil || done {
		return u.finish(ctx, done, err)
	}
	if err := u.look(ctx); err != nil {
		return err
	}
	if before > 0 && u.offset == 0 {
		return u.gone()
	}
	if u.offset < u.b.Bytes {
		return bongsu.Errorf(bongsu.CodeConflict, "object %s: %d of %d bytes are held; send the rest first", u.b.Key, u.offset, u.b.Bytes)
	}
	var err error
	if u.inParts() {
		if err = u.join(ctx); err == nil {
			err = u.move(ctx)
		}
	} else {
		err = u.moveTail(ctx)
	}
	if bongsu.CodeOf(err) == bongsu.CodeNotFound { // another process has just completed it, or swept it
		if done, looked := u.s.there(ctx, u.b.Key, u.b.SHA256); done || looked != nil {
			return u.finish(ctx, done, looked)
		}
		return u.gone()
	}
	if bongsu.CodeOf(err) == bongsu.CodeHashMismatch {
		u.offset = 0
		if gone := u.s.discard(ctx, u.id); gone != nil {
			return gone
		}
	}
	return u.finish(ctx, err == nil, err)
}

// finish clears what is left of a completed upload; what stays is swept later.
func (u *upload) finish(ctx context.Context, done bool, err error) error {
	if u.done = done; !done {
		return err
	}
	u.offset = u.b.Bytes
	if err := u.clear(ctx); err != nil {
		u.s.log.Warn("s3: the rest of a completed upload stays until it is swept", "upload", u.id, "err", err)
	}
	return nil
}

// clear removes what this upload is known to have left.
func (u *upload) clear(ctx context.Context) error {
	if u.tail > 0 {
		if err := u.s.remove(ctx, u.tailName(u.held())); err != nil {
			return err
		}
	}
	if !u.inParts() {
		return nil
	}
	if err := u.s.remove(ctx, u.data()); err != nil {
		return err
	}
	return u.s.remove(ctx, u.name("begun"))
}

// join makes one object of the parts, under the upload's own name.
func (u *upload) join(ctx context.Context) error {
	if u.whole {
		return nil
	}
	err := u.s.ask(ctx, "join the parts of "+u.what(), func(ctx context.Context) error {
		_, err := u.s.client.CompleteMultipartUpload(ctx, u.s.o.Bucket, u.data(), u.multi, u.parts, minio.PutObjectOptions{})
		return err
	})
	if err == nil {
		u.whole = true
		return nil
	}
	if bongsu.CodeOf(err) != bongsu.CodeNotFound {
		return err
	}
	o, looked := u.s.stat(ctx, u.data()) // the answer of an earlier attempt may have been lost
	if looked == nil && o.Size == u.b.Bytes {
		u.whole = true
		return nil
	}
	return err
}

// move brings the joined parts to the key. An attempt reads them and sends them on; either half may
// fail, so the whole is tried again. The bytes are wrong when they were read twice with the same
// wrong hash; once may have been the way.
func (u *upload) move(ctx context.Context) error {
	pause, wrong := u.s.o.Backoff, ""
	for n := 1; ; n++ {
		sum, err := u.moveOnce(ctx)
		switch {
		case err != nil && sum != "" && sum != u.b.SHA256:
			if sum == wrong {
				return wrongBytes(u.b.Key)
			}
			wrong = sum
		case bongsu.CodeOf(err) != bongsu.CodeUnavailable:
			return err
		}
		if n == u.s.o.Tries {
			return err
		}
		u.s.counts.retries.Add(1)
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return err
		}
		pause = min(2*pause, maxBackoff)
	}
}

// moveOnce gives the hash of what it read, "" when that was not all.
func (u *upload) moveOnce(ctx context.Context) (string, error) {
	r := &reader{s: u.s, ctx: ctx, name: u.data(), what: u.what()}
	if _, err := r.open(); err != nil {
		return "", err
	}
	defer r.Close()
	body := newCount(r)
	err := u.s.create(ctx, u.b.Key, u.b.SHA256, func() error {
		u.s.counts.requests.Add(1)
		err := u.s.send(ctx, body, func(ctx context.Context, body io.Reader) error {
			_, err := u.s.client.PutObject(ctx, u.s.o.Bucket, u.s.name(u.b.Key), body, u.b.Bytes, "", u.b.SHA256,
				u.s.putOptions(u.b.Type, u.b.Bytes, u.b.SHA256))
			return err
		})
		if err != nil {
			return u.s.failed(ctx, "store "+u.what(), err)
		}
		return nil
	})
	if body.n != u.b.Bytes {
		return "", err
	}
	return body.sum(), err
}

// moveTail makes the object of an upload that is small enough for one request.
func (u *upload) moveTail(ctx context.Context) error {
	buf, err := u.s.buffers.take(ctx, min(u.b.Bytes, PartBytes))
	if err != nil {
		return u.s.failed(ctx, "store "+u.what(), err)
	}
	defer u.s.buffers.free(buf)
	n := 0
	if u.b.Bytes > 0 {
		if n, err = u.readTail(ctx, buf); err != nil {
			return err
		}
	}
	h := sha256.Sum256(buf[:n])
	if hex.EncodeToString(h[:]) != u.b.SHA256 {
		return wrongBytes(u.b.Key)
	}
	return u.s.put(ctx, u.b.Key, u.b.Type, u.b.SHA256, buf[:n])
}
