package console

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"bongsu"
	"bongsu/cloud/audit"
	"bongsu/cloud/objects"
)

// getSnapshot shows the JPEG of the deciding frame.
func (c *Console) getSnapshot(w http.ResponseWriter, r *http.Request) error {
	if q := newQuery(r); q.err != nil {
		return q.err
	}
	row, err := c.eventRow(r)
	if err != nil {
		return err
	}
	if row.Snapshot == nil {
		return bongsu.Errorf(bongsu.CodeNotFound, "event %s has no snapshot", row.ID)
	}
	what := fmt.Sprintf("the snapshot of event %s", row.ID)
	e := entry(r, audit.SnapshotView, fmt.Sprintf("camera %s/%s event %s", row.Edge, row.Camera, row.ID), "")
	return c.serveObject(w, r, what, row.Snapshot.Key, row.Snapshot.SHA256, "image/jpeg", e)
}

// getClip serves one part of a clip, with ranges.
func (c *Console) getClip(w http.ResponseWriter, r *http.Request) error {
	if q := newQuery(r); q.err != nil {
		return q.err
	}
	id, err := pathUUID(r, "event")
	if err != nil {
		return err
	}
	part, err := strconv.Atoi(r.PathValue("part"))
	if err != nil || part < 0 {
		return bongsu.Errorf(bongsu.CodeNotFound, "there is no clip part %q: parts are numbered from 0", r.PathValue("part"))
	}
	row, err := c.archive.GetClip(r.Context(), bongsu.ClipKey{Event: bongsu.EventID(id), Part: part})
	if err != nil {
		return missing(err, "event %s has no clip part %d", id, part)
	}
	if row.Lost() && !row.Complete() {
		return bongsu.Errorf(bongsu.CodeNotFound, "clip part %d of event %s will not come: its edge says %s", part, id, row.State)
	}
	if !row.Complete() {
		return bongsu.Errorf(bongsu.CodeNotFound, "clip part %d of event %s has not arrived yet: its edge still holds it", part, id)
	}
	what := fmt.Sprintf("clip part %d of event %s", part, id)
	e := entry(r, audit.ClipView, fmt.Sprintf("camera %s/%s event %s clip %d", row.Edge, row.Camera, id, part), "")
	return c.serveObject(w, r, what, row.Object, row.SHA256, "video/mp4", e)
}

// getStill shows the last still of a camera.
func (c *Console) getStill(w http.ResponseWriter, r *http.Request) error {
	if q := newQuery(r, "at"); q.err != nil { // at only tells one still from the next to browsers
		return q.err
	}
	edge, camera := r.PathValue("edge"), r.PathValue("camera")
	jpeg, at, err := c.archive.CameraStill(r.Context(), bongsu.EdgeID(edge), bongsu.CameraID(camera))
	if err != nil {
		return missing(err, "camera %q of edge %q has no still", camera, edge)
	}
	if err := c.audit.View(r.Context(), entry(r, audit.StillView, "camera "+edge+"/"+camera, "")); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "image/jpeg")
	http.ServeContent(w, r, "", at, bytes.NewReader(jpeg))
	return nil
}

// serveObject shows an object of the store after its bytes were found good and the view was
// recorded. A damaged or missing one is said to be so.
func (c *Console) serveObject(w http.ResponseWriter, r *http.Request, what, key, sha256, media string, e audit.Entry) error {
	info, err := c.verify.good(r.Context(), key, sha256)
	if err != nil {
		return c.badObject(err, what, key)
	}
	if err := c.audit.View(r.Context(), e); err != nil {
		return err
	}
	body := &objectReader{ctx: r.Context(), store: c.objects, key: key, size: info.Bytes}
	defer body.Close()
	w.Header().Set("Content-Type", media)
	w.Header().Set("ETag", `"`+sha256+`"`)
	http.ServeContent(w, r, "", time.Time{}, body)
	if body.err != nil && !errors.Is(body.err, context.Canceled) {
		c.log.Error("an object could not be read to its end", "object", key, "err", body.err)
	}
	return nil
}

func (c *Console) badObject(err error, what, key string) error {
	switch bongsu.CodeOf(err) {
	case bongsu.CodeHashMismatch:
		c.counts.damaged.Add(1)
		c.log.Error("an object is damaged; it is not shown", "object", key, "err", err)
		return bongsu.Errorf(bongsu.CodeHashMismatch, "%s is damaged: its bytes no longer have the hash they arrived with, so it is not shown", what)
	case bongsu.CodeNotFound:
		c.counts.damaged.Add(1)
		c.log.Error("an object is missing", "object", key, "err", err)
		return bongsu.Errorf(bongsu.CodeNotFound, "%s is missing from the store, though it had arrived: restore it from a backup", what)
	}
	return err
}

// objectReader makes an io.ReadSeeker of an object: it opens the object where it is first
// read after a seek. It is for one goroutine.
type objectReader struct {
	ctx   context.Context
	store objects.Store
	key   string
	size  int64
	at    int64
	body  io.ReadCloser
	err   error // the first failure but EOF
}

// Seek implements io.Seeker.
func (o *objectReader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += o.at
	case io.SeekEnd:
		offset += o.size
	}
	if offset < 0 {
		return 0, errors.New("console: seek before the beginning of an object")
	}
	if offset != o.at {
		o.Close()
		o.at = offset
	}
	return offset, nil
}

// Read implements io.Reader.
func (o *objectReader) Read(p []byte) (int, error) {
	if o.at >= o.size {
		return 0, io.EOF
	}
	if o.body == nil {
		body, _, err := o.store.Open(o.ctx, o.key, o.at)
		if err != nil {
			o.err = err
			return 0, err
		}
		o.body = body
	}
	n, err := o.body.Read(p)
	o.at += int64(n)
	if err != nil && err != io.EOF {
		o.err = err
	}
	return n, err
}

// Close implements io.Closer.
func (o *objectReader) Close() error {
	if o.body == nil {
		return nil
	}
	err := o.body.Close()
	o.body = nil
	return err
}

// Limits of what the verifier remembers.
const (
	verifiedFor  = time.Hour
	verifiedMost = 4096
)

// verifier checks an object's bytes against its hash the first time it is shown, and again
// after verifiedFor or when the store describes it otherwise. It is safe for many goroutines;
// several who ask for one object wait for one check.
type verifier struct {
	store objects.Store
	now   func() time.Time

	mu   sync.Mutex
	seen map[string]*verified
}

type verified struct {
	done chan struct{}
	at   time.Time
	info objects.Info
	err  error
}

func newVerifier(store objects.Store, now func() time.Time) *verifier {
	return &verifier{store: store, now: now, seen: map[string]*verified{}}
}

// good describes an object whose bytes have the hash: CodeHashMismatch when they do not,
// CodeNotFound when it is missing. Failures are not remembered: the next one looks again.
func (v *verifier) good(ctx context.Context, key, sha256 string) (objects.Info, error) {
	v.mu.Lock()
	known := v.seen[key+" "+sha256]
	if known != nil && v.now().Sub(known.at) < verifiedFor {
		v.mu.Unlock()
		select {
		case <-known.done:
		case <-ctx.Done():
			return objects.Info{}, ctx.Err()
		}
		// The store says without reading it whether the object was replaced or is gone.
		if now, err := v.store.Stat(ctx, key); known.err != nil || err == nil && now == known.info {
			return known.info, known.err
		}
		v.mu.Lock()
	}
	fresh := &verified{done: make(chan struct{}), at: v.now()}
	v.forget()
	v.seen[key+" "+sha256] = fresh
	v.mu.Unlock()

	// Others wait for this check, so it does not end with this one's caller.
	fresh.info, fresh.err = v.check(context.WithoutCancel(ctx), key, sha256)
	if fresh.err != nil {
		v.mu.Lock()
		if v.seen[key+" "+sha256] == fresh {
			delete(v.seen, key+" "+sha256)
		}
		v.mu.Unlock()
	}
	close(fresh.done)
	return fresh.info, fresh.err
}

func (v *verifier) check(ctx context.Context, key, sha256 string) (objects.Info, error) {
	info, err := v.store.Stat(ctx, key)
	if err != nil {
		return info, err
	}
	if info.SHA256 != sha256 {
		return info, bongsu.Errorf(bongsu.CodeHashMismatch, "object %s has another hash than its row", key)
	}
	return info, v.store.Verify(ctx, key)
}

// forget makes room; the caller holds mu.
func (v *verifier) forget() {
	for key, known := range v.seen {
		if len(v.seen) < verifiedMost {
			return
		}
		select {
		case <-known.done:
			delete(v.seen, key) // any will do: it is checked again when it is shown again
		default:
		}
	}
}
