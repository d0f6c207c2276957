package s3

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"bongsu"
	"bongsu/cloud/objects"
)

// Presign implements objects.Direct. What fits into one part is one PUT of the object itself, good
// for exactly this key, size and SHA-256; more goes part by part, each address good for one part of
// the upload, its size and its SHA-256, and Complete checks the whole.
func (u *upload) Presign(ctx context.Context, ttl time.Duration, pieces []string) (objects.Address, bool, error) {
	if !u.s.o.Presign || u.done || !u.s.can.Checksums || u.inParts() && len(pieces) != objects.Pieces(u.b.Bytes) {
		return objects.Address{}, false, nil
	}
	if ttl <= 0 || ttl > MaxPresign {
		ttl = MaxPresign
	}
	if !u.inParts() {
		to, err := u.presignObject(ctx, ttl)
		return to, err == nil, err
	}
	if err := u.opened(ctx); err != nil {
		return objects.Address{}, false, err
	}
	if u.whole || u.held() == u.b.Bytes {
		return objects.Address{Offset: u.b.Bytes}, true, nil
	}
	h := http.Header{}
	h.Set(sumHeader, sum64(pieces[len(u.parts)]))
	to, err := u.sign(ctx, ttl, u.data(), h, url.Values{
		"partNumber": {strconv.Itoa(len(u.parts) + 1)}, "uploadId": {u.multi},
	}, objects.Address{Offset: u.held(), Bytes: u.partSize()})
	return to, err == nil, err
}

// opened makes sure that there is a multipart upload to send parts to.
func (u *upload) opened(ctx context.Context) error {
	if u.whole || u.multi != "" {
		return nil
	}
	mu := u.s.lock(&u.s.uploads, u.id)
	mu.Lock()
	defer mu.Unlock()
	if err := u.look(ctx); err != nil || u.whole {
		return err
	}
	return u.start(ctx)
}

func (u *upload) presignObject(ctx context.Context, ttl time.Duration) (objects.Address, error) {
	h := http.Header{}
	h.Set("Content-Type", u.b.Type)
	h.Set(sumHeader, sum64(u.b.SHA256))
	if u.s.can.CreateOnce {
		h.Set("If-None-Match", "*")
	}
	for k, v := range described(u.b.Bytes, u.b.SHA256) {
		h.Set(k, v)
	}
	return u.sign(ctx, ttl, u.s.name(u.b.Key), h, nil, objects.Address{Bytes: u.b.Bytes})
}

// sign completes an address. The length is signed too: the sender's HTTP client sets that header.
func (u *upload) sign(ctx context.Context, ttl time.Duration, name string, h http.Header, query url.Values, to objects.Address) (objects.Address, error) {
	to.Method, to.Headers = http.MethodPut, map[string]string{}
	for k := range h {
		to.Headers[k] = h.Get(k)
	}
	h.Set("Content-Length", strconv.FormatInt(to.Bytes, 10))
	at, err := u.s.public.PresignHeader(ctx, to.Method, u.s.o.Bucket, name, ttl, query, h)
	if err != nil {
		return to, bongsu.Wrap(bongsu.CodeInternal, err, "object %s: no address for its bytes could be signed", u.b.Key)
	}
	to.URL = at.String()
	return to, nil
}
