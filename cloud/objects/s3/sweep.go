package s3

import (
	"context"
	"regexp"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"bongsu"
)

var idForm = regexp.MustCompile(`^[0-9a-f]{32}$`)

// Sweep implements objects.Store. It finds uploads by what they have written, and on servers that
// list all multipart uploads those too that were opened and never noted.
func (s *Store) Sweep(ctx context.Context, before time.Time) (int, error) {
	root, newest := s.o.Prefix+"uploads/", map[string]time.Time{}
	see := func(name string, at time.Time) {
		id, _, _ := strings.Cut(strings.TrimPrefix(name, root), "/")
		if idForm.MatchString(id) && !at.Before(newest[id]) {
			newest[id] = at
		}
	}
	if err := s.walk(ctx, root, func(o *minio.ObjectInfo) error { see(o.Key, o.LastModified); return nil }); err != nil {
		return 0, err
	}
	err := s.ask(ctx, "list all uploads", func(ctx context.Context) error {
		for _, prefix := range []string{root, ""} { // MinIO lists all uploads, or those of one name
			all, err := s.multiparts(ctx, prefix)
			if err != nil {
				return err
			}
			for _, m := range all {
				if strings.HasPrefix(m.Key, root) {
					see(m.Key, m.Initiated)
				}
			}
			if len(all) > 0 {
				break
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	aborted := 0
	for id, at := range newest {
		if !at.Before(before) {
			continue
		}
		gone, err := s.abort(ctx, id, before)
		if err != nil {
			return aborted, err
		}
		if gone {
			aborted++
		}
	}
	return aborted, s.walk(ctx, s.o.Prefix+"probe/", func(o *minio.ObjectInfo) error {
		if !o.LastModified.Before(before) {
			return nil
		}
		return s.remove(ctx, o.Key) // its process was killed meanwhile
	})
}

// abort removes an upload unless a part of it was written since before.
func (s *Store) abort(ctx context.Context, id string, before time.Time) (bool, error) {
	mu := s.lock(&s.uploads, id)
	if !mu.TryLock() {
		return false, nil // in use
	}
	defer mu.Unlock()
	name := s.uploadName(id, "data")
	all, err := s.openOf(ctx, name)
	if err != nil {
		return false, err
	}
	for _, m := range all {
		parts, err := s.partsOf(ctx, name, m.UploadID)
		if err != nil && bongsu.CodeOf(err) != bongsu.CodeNotFound {
			return false, err
		}
		for _, p := range parts {
			if !p.LastModified.Before(before) {
				return false, nil
			}
		}
	}
	return true, s.discard(ctx, id)
}

// discard removes all that there is of an upload. The note goes last, so that a sweep that was cut
// short is gone on with by the next one.
func (s *Store) discard(ctx context.Context, id string) error {
	name := s.uploadName(id, "data")
	all, err := s.openOf(ctx, name)
	if err != nil {
		return err
	}
	for _, m := range all {
		err := s.ask(ctx, "abort an upload", func(ctx context.Context) error {
			return s.client.AbortMultipartUpload(ctx, s.o.Bucket, name, m.UploadID)
		})
		if err != nil && bongsu.CodeOf(err) != bongsu.CodeNotFound {
			return err
		}
	}
	var left []string
	if err := s.walk(ctx, s.uploadName(id, ""), func(o *minio.ObjectInfo) error { left = append(left, o.Key); return nil }); err != nil {
		return err
	}
	begun := s.uploadName(id, "begun")
	for _, n := range left {
		if n != begun {
			if err := s.remove(ctx, n); err != nil {
				return err
			}
		}
	}
	return s.remove(ctx, begun)
}
