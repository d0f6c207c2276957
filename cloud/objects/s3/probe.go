package s3

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"io"

	"github.com/minio/minio-go/v7"

	"bongsu"
)

// probe looks for the bucket and finds out what the server can do, with an object that nobody
// else has.
func (s *Store) probe(ctx context.Context) error {
	there := false
	err := s.ask(ctx, "look for bucket "+s.o.Bucket, func(ctx context.Context) (err error) {
		there, err = s.client.BucketExists(ctx, s.o.Bucket)
		return err
	})
	if err == nil && !there {
		err = bongsu.Errorf(bongsu.CodeUnavailable, "s3: there is no bucket %q on the S3 server; make it", s.o.Bucket)
	}
	if err != nil {
		return err
	}
	name := s.o.Prefix + "probe/" + hex.EncodeToString([]byte(rand.Text()))
	defer func() {
		if err := s.remove(context.WithoutCancel(ctx), name); err != nil {
			s.log.Warn("s3: a probe's object stays", "name", name, "err", err)
		}
	}()
	b := []byte("written by Bongsu to see what this server can do; it may be deleted")
	h := sha256.Sum256(b)
	hash := hex.EncodeToString(h[:])
	put := func(o minio.PutObjectOptions) error {
		return s.try(ctx, "write to bucket "+s.o.Bucket, func(ctx context.Context) error {
			return s.send(ctx, bytes.NewReader(b), func(ctx context.Context, body io.Reader) error {
				_, err := s.client.PutObject(ctx, s.o.Bucket, name, body, int64(len(b)), "", hash, o)
				return err
			})
		})
	}
	plain := minio.PutObjectOptions{DisableContentSha256: true}
	if err := put(plain); err != nil {
		return err
	}
	if s.can.CreateOnce, err = refuses(put(s.putOptions("text/plain", int64(len(b)), hash)), bongsu.CodeConflict); err != nil {
		return err
	}
	if s.can.Checksums, err = s.checksums(ctx, name, b, hash); err != nil {
		return err
	}
	return s.judge(ctx)
}

// refuses reports whether an error is the refusal that was hoped for; what else went wrong is an
// error.
func refuses(err error, want bongsu.Code) (bool, error) {
	if err == nil || bongsu.CodeOf(err) == want {
		return err != nil, nil
	}
	return false, err
}

// checksums finds out whether the server compares a body with its x-amz-checksum-sha256.
func (s *Store) checksums(ctx context.Context, name string, b []byte, hash string) (bool, error) {
	other := sha256.Sum256([]byte(name))
	refused := false
	err := s.try(ctx, "write to bucket "+s.o.Bucket, func(ctx context.Context) error {
		return s.send(ctx, bytes.NewReader(b), func(ctx context.Context, body io.Reader) error {
			o := minio.PutObjectOptions{DisableContentSha256: true, UserMetadata: map[string]string{sumHeader: sum64(hex.EncodeToString(other[:]))}}
			_, err := s.client.PutObject(ctx, s.o.Bucket, name, body, int64(len(b)), "", hash, o)
			if code := answerOf(err).StatusCode; code >= 400 && code < 500 && code != 403 && code != 429 && code != 408 {
				refused, err = true, nil
			}
			return err
		})
	})
	return refused, err
}

// judge says what the server lacks, and refuses it where that was asked for.
func (s *Store) judge(ctx context.Context) error {
	if !s.can.CreateOnce {
		if s.o.CreateOnce {
			return bongsu.Errorf(bongsu.CodeInvalid, "s3: this server ignores the condition \"If-None-Match: *\"; several processes cannot share it: run one, or use a server that knows conditional writes")
		}
		s.log.Warn("s3: this server ignores \"If-None-Match: *\": a look goes before every write, and two processes must not share the bucket", "bucket", s.o.Bucket)
	}
	if !s.can.Checksums && s.o.Presign {
		s.log.Warn("s3: this server does not compare x-amz-checksum-sha256: small clips come through this process instead of straight from the edges", "bucket", s.o.Bucket)
	}
	v, err := s.client.GetBucketVersioning(ctx, s.o.Bucket)
	if err == nil && v.Enabled() { // a server that knows no versions may answer with any error
		s.can.Versions = true
		s.log.Warn("s3: the bucket keeps old versions, so what retention deletes is not gone; suspend versioning, or let the server expire old versions", "bucket", s.o.Bucket)
	}
	return nil
}
