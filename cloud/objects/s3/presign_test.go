package s3

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"bongsu"
	"bongsu/cloud/objects"
	"bongsu/cloud/objects/objectstest"
	"bongsu/cloud/objects/objectstest/s3servers"
)

func plainTransport(t testing.TB) *http.Transport {
	tr := &http.Transport{}
	t.Cleanup(tr.CloseIdleConnections)
	return tr
}

// address declares an object and gives the address for its next bytes.
func address(t *testing.T, s *Store, key string, b []byte, ttl time.Duration) objects.Address {
	t.Helper()
	u, err := s.Begin(t.Context(), key, "video/mp4", int64(len(b)), objectstest.Hash(b))
	if err != nil {
		t.Fatal(err)
	}
	to, ok, err := u.(objects.Direct).Presign(t.Context(), ttl, pieces(b))
	if err != nil || !ok {
		t.Fatalf("Presign: %v, %v", ok, err)
	}
	return to
}

// TestAddressIsGoodForOneThing (S30): an address takes its own key, size and bytes, for its time,
// and nothing else.
func TestAddressIsGoodForOneThing(t *testing.T) {
	attempts, wrote := 0, 0
	servers(t, func(t *testing.T, srv *s3servers.Server) {
		o := options(t, srv)
		s := open(t, o)
		tr := plainTransport(t)
		b := []byte("the bytes that were declared")
		large := objectstest.Bytes(t, PartBytes+10)
		other := bytes.Clone(b)
		other[3] ^= 1
		objectKey, partKey := "events/1/clip-0.mp4", "events/2/clip-0.mp4"
		object, part := address(t, s, objectKey, b, time.Hour), address(t, s, partKey, large, time.Hour)
		for _, to := range []objects.Address{object, part} {
			u, err := url.Parse(to.URL)
			if err != nil {
				t.Fatal(err)
			}
			if n, err := strconv.Atoi(u.Query().Get("X-Amz-Expires")); err != nil || n > 300 {
				t.Errorf("an address is good for %d s", n)
			}
			if strings.Contains(to.URL, srv.Secret) {
				t.Error("the secret is in the address")
			}
		}
		if object.Offset != 0 || object.Bytes != int64(len(b)) || part.Offset != 0 || part.Bytes != PartBytes {
			t.Fatalf("addresses for %d from %d and %d from %d", object.Bytes, object.Offset, part.Bytes, part.Offset)
		}
		refused := func(what string, to objects.Address, body []byte) {
			t.Helper()
			attempts++
			if _, err := putTo(t.Context(), to, body, tr); err == nil {
				wrote++
				t.Errorf("%s is taken", what)
			}
		}
		change := func(to objects.Address, old, new string) objects.Address {
			to.URL = strings.Replace(to.URL, old, new, 1)
			return to
		}
		header := func(to objects.Address, name, value string) objects.Address {
			h := map[string]string{}
			for k, v := range to.Headers {
				h[k] = v
			}
			if h[name] = value; value == "" {
				delete(h, name)
			}
			to.Headers = h
			return to
		}
		refused("another hash", object, other)
		refused("another hash that says so", header(object, sumHeader, sum64(objectstest.Hash(other))), other)
		refused("no hash", header(object, sumHeader, ""), other)
		refused("no condition", header(object, "If-None-Match", ""), b)
		refused("another recorded hash", header(object, metaHash, objectstest.Hash(other)), b)
		refused("fewer bytes", object, b[:10])
		refused("more bytes", object, append(bytes.Clone(b), 'x'))
		refused("another key", change(object, "events/1", "events/3"), b)
		refused("another prefix", change(object, o.Prefix, "elsewhere/"), b)
		refused("another method", func() objects.Address { to := object; to.Method = http.MethodDelete; return to }(), nil)
		refused("a part with another hash", part, large[1:PartBytes+1])
		refused("a part without its hash", header(part, sumHeader, ""), large[:PartBytes])
		refused("a part of another size", part, large[:PartBytes-1])
		refused("another part number", change(part, "partNumber=1", "partNumber=2"), large[:PartBytes])
		refused("a part of another upload", change(part, "/data?", "/date?"), large[:PartBytes])
		short := address(t, s, objectKey, b, time.Second)
		expire(t, short)
		refused("an address that is over", short, b)
		if _, err := putTo(t.Context(), object, b, tr); err != nil {
			t.Fatalf("the bytes that were declared: %v", err)
		}
		refused("the same a second time", object, b)
		if err := s.Verify(t.Context(), objectKey); err != nil {
			t.Error(err)
		}
		wrongParts(t, s, tr, partKey, large)
		for _, n := range names(t, srv, "") {
			if !strings.HasPrefix(n, o.Prefix) {
				wrote++
				t.Errorf("written outside the prefix: %s", n)
			}
		}
	})
	t.Logf("figure S30: %d misuses of presigned addresses on two S3 servers, %d wrote anything; addresses good for 300 s at most", attempts, wrote)
}

// expire waits until an address is over.
func expire(t *testing.T, to objects.Address) {
	t.Helper()
	u, err := url.Parse(to.URL)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := time.Parse("20060102T150405Z", u.Query().Get("X-Amz-Date"))
	if err != nil {
		t.Fatal(err)
	}
	<-time.After(time.Until(signed.Add(2100 * time.Millisecond)))
}

// wrongParts declares pieces that do not make the whole, and sends them: the whole is refused,
// nothing appears, and the upload begins anew.
func wrongParts(t *testing.T, s *Store, tr http.RoundTripper, key string, b []byte) {
	t.Helper()
	bad := bytes.Clone(b)
	bad[100] ^= 1
	u, err := s.Begin(t.Context(), key, "video/mp4", int64(len(b)), objectstest.Hash(b))
	for err == nil && u.Offset() < int64(len(b)) {
		to, ok, noAddress := u.(objects.Direct).Presign(t.Context(), time.Minute, pieces(bad))
		if noAddress != nil || !ok {
			t.Fatal(ok, noAddress)
		}
		if _, err := putTo(t.Context(), to, bad[to.Offset:to.Offset+to.Bytes], tr); err != nil {
			t.Fatal(err)
		}
		u, err = s.Begin(t.Context(), key, "video/mp4", int64(len(b)), objectstest.Hash(b))
	}
	if err != nil {
		t.Fatal(err)
	}
	wantCode(t, u.Complete(t.Context()), bongsu.CodeHashMismatch, "Complete of other bytes")
	_, err = s.Stat(t.Context(), key)
	wantCode(t, err, bongsu.CodeNotFound, "Stat after it")
	if _, err := sendDirect(t.Context(), s, key, b, tr); err != nil {
		t.Fatalf("the right bytes after it: %v", err)
	}
}

// cutting is a connection that dies after so many bytes of a body, every other time.
type cutting struct {
	http.RoundTripper
	n    int
	cuts int
}

// RoundTrip implements http.RoundTripper.
func (c *cutting) RoundTrip(r *http.Request) (*http.Response, error) {
	if c.cuts++; c.cuts%2 == 1 {
		r.Body = io.NopCloser(io.MultiReader(io.LimitReader(r.Body, int64(c.n)), errReader{}))
	}
	return c.RoundTripper.RoundTrip(r)
}

// TestDirectGoesOn: of an upload by addresses that is cut again and again little is sent twice.
func TestDirectGoesOn(t *testing.T) {
	servers(t, func(t *testing.T, srv *s3servers.Server) {
		s := open(t, options(t, srv))
		b := objectstest.Bytes(t, 3*PartBytes)
		tr := &cutting{RoundTripper: plainTransport(t), n: PartBytes / 3}
		var sent int64
		var err error
		for range 20 {
			var n int64
			n, err = sendDirect(t.Context(), s, "events/1/clip-0.mp4", b, tr)
			if sent += n; err == nil {
				break
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		if sent > int64(len(b))*3/2 {
			t.Errorf("%d bytes were sent of %d", sent, len(b))
		}
		t.Logf("%d cuts: %.2f × the payload was sent", tr.cuts/2, float64(sent)/float64(len(b)))
		if err := s.Verify(t.Context(), "events/1/clip-0.mp4"); err != nil {
			t.Error(err)
		}
	})
}

// TestDirectAndThroughUs: what was begun in one way is gone on with in the other.
func TestDirectAndThroughUs(t *testing.T) {
	srv := s3servers.Start(t, s3servers.Versity)
	s := open(t, options(t, srv))
	b := objectstest.Bytes(t, 3*PartBytes-7)
	u, err := s.Begin(t.Context(), "k", "video/mp4", int64(len(b)), objectstest.Hash(b))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.Write(t.Context(), 0, bytes.NewReader(b[:PartBytes+1000])); err != nil {
		t.Fatal(err)
	}
	to := address(t, s, "k", b, time.Minute)
	if to.Offset != PartBytes || to.Bytes != PartBytes {
		t.Fatalf("the address is for %d bytes from %d on", to.Bytes, to.Offset)
	}
	if _, err := putTo(t.Context(), to, b[PartBytes:2*PartBytes], plainTransport(t)); err != nil {
		t.Fatal(err)
	}
	if err := send(t.Context(), s, "k", b, 1<<20); err != nil {
		t.Fatal(err)
	}
	if err := s.Verify(t.Context(), "k"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Sweep(t.Context(), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
}

// TestNoAddresses: where addresses are not wanted, or the server does not compare hashes, bytes
// come through us.
func TestNoAddresses(t *testing.T) {
	srv := s3servers.Start(t, s3servers.Versity)
	for name, change := range map[string]func(*Store){
		"not wanted":   func(s *Store) { s.o.Presign = false },
		"no checksums": func(s *Store) { s.can.Checksums = false },
	} {
		s := open(t, options(t, srv))
		change(s)
		b := []byte("small")
		u, err := s.Begin(t.Context(), "k", "video/mp4", int64(len(b)), objectstest.Hash(b))
		if err != nil {
			t.Fatal(err)
		}
		if _, ok, err := u.(objects.Direct).Presign(t.Context(), time.Minute, nil); ok || err != nil {
			t.Errorf("%s: %v, %v", name, ok, err)
		}
	}
	ended, end := context.WithCancelCause(t.Context())
	end(errors.New("over"))
	s := open(t, options(t, srv))
	_, err := s.Begin(ended, "k", "video/mp4", 1, objectstest.Hash([]byte("x")))
	wantCode(t, err, bongsu.CodeUnavailable, "Begin with a context that has ended")
}
