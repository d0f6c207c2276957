package s3

import (
	"context"
	"errors"
	"io"

	"github.com/minio/minio-go/v7"

	"bongsu"
)

// reader reads one object, over several connections where one breaks. It is for one goroutine.
type reader struct {
	s    *Store
	ctx  context.Context
	name string // in the bucket
	what string // for errors

	at   int64 // where the next byte is
	left int64 // how many are to come
	etag string

	body   io.ReadCloser // nil: to be opened
	watch  *watch
	wctx   context.Context
	broken int // connections without a byte since the last one
}

// open asks for the rest of the object.
func (r *reader) open() (minio.ObjectInfo, error) {
	var o minio.ObjectInfo
	err := r.s.try(r.ctx, "read "+r.what, func(ctx context.Context) error {
		var opts minio.GetObjectOptions
		if r.at > 0 {
			if err := opts.SetRange(r.at, 0); err != nil {
				return err
			}
		}
		if r.etag != "" {
			if err := opts.SetMatchETag(r.etag); err != nil {
				return err
			}
		}
		ctx, w := watched(ctx, r.s.o.Request)
		body, info, _, err := r.s.client.GetObject(ctx, r.s.o.Bucket, r.name, opts)
		if err != nil {
			err = stalled(ctx, err)
			w.stop()
			return err
		}
		w.timer.Stop()
		w.after, w.r = r.s.o.Stall, body
		r.body, r.watch, r.wctx, o = body, w, ctx, info
		return nil
	})
	if err != nil {
		return o, r.unreadable(err)
	}
	if r.etag != "" && o.Size != r.left {
		r.Close()
		return o, bongsu.Errorf(bongsu.CodeHashMismatch, "%s was changed while it was read", r.what)
	}
	r.etag, r.left = o.ETag, o.Size
	return o, nil
}

// unreadable tells an object that the server itself finds damaged from a server that is not well.
// MinIO, which checks what it reads, says the same words to both; it can still describe the object
// when it is the object.
func (r *reader) unreadable(err error) error {
	if answerOf(err).Code != "SlowDownRead" {
		return err
	}
	if _, known := r.s.stat(r.ctx, r.name); known != nil {
		return err
	}
	return bongsu.Wrap(bongsu.CodeHashMismatch, err, "%s is damaged: the server has it and cannot read it", r.what)
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	for {
		if r.left == 0 {
			return 0, io.EOF
		}
		if r.body == nil {
			if _, err := r.open(); err != nil {
				return 0, err
			}
		}
		n, err := r.watch.Read(p[:min(int64(len(p)), r.left)])
		r.at += int64(n)
		r.left -= int64(n)
		if n > 0 {
			r.broken = 0
		}
		if err == nil || r.left == 0 {
			return n, nil
		}
		err = stalled(r.wctx, err)
		r.Close()
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		if r.broken++; r.broken > r.s.o.Tries || r.ctx.Err() != nil {
			return n, r.s.failed(r.ctx, "read "+r.what, err)
		}
		r.s.counts.retries.Add(1)
		if n > 0 {
			return n, nil
		}
	}
}

// Close implements io.Closer.
func (r *reader) Close() error {
	if r.body == nil {
		return nil
	}
	err := r.body.Close()
	r.watch.stop()
	r.body = nil
	return err
}
