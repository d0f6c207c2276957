package s3

import (
	"bytes"
	"context"
	"io"
	"log"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"go.uber.org/goleak"

	"bongsu"
	"bongsu/cloud/objects"
	"bongsu/cloud/objects/objectstest"
	"bongsu/cloud/objects/objectstest/s3servers"
)

func TestMain(m *testing.M) {
	if os.Getenv(crashEndpoint) != "" {
		crashChild()
	}
	goleak.VerifyTestMain(m)
}

// servers runs a test against each real server.
func servers(t *testing.T, f func(t *testing.T, srv *s3servers.Server)) {
	for _, kind := range s3servers.Kinds() {
		t.Run(kind, func(t *testing.T) { f(t, s3servers.Start(t, kind)) })
	}
}

var prefixes atomic.Int64

// options are those of a store on a server, below a prefix of its own.
func options(t testing.TB, srv *s3servers.Server) Options {
	t.Helper()
	access, secret := srv.KeyFiles()
	return Options{
		Endpoint: srv.Endpoint, Region: "us-east-1", Bucket: srv.Bucket, PathStyle: true, Presign: true,
		Prefix:        "t" + string(rune('a'+prefixes.Add(1)%26)) + "-" + strings.ToLower(time.Now().Format("150405.000000")) + "/",
		AccessKeyFile: access, SecretKeyFile: secret,
		Backoff: 5 * time.Millisecond,
		Log:     slog.New(slog.NewTextHandler(testLog{t}, &slog.HandlerOptions{Level: slog.LevelWarn})),
	}
}

// testLog writes log lines to a test.
type testLog struct{ t testing.TB }

// Write implements io.Writer.
func (l testLog) Write(b []byte) (int, error) {
	l.t.Helper()
	l.t.Logf("%s", bytes.TrimSpace(b))
	return len(b), nil
}

func open(t testing.TB, o Options) *Store {
	t.Helper()
	s, err := New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func put(ctx context.Context, s *Store, key string, b []byte) error {
	return s.Put(ctx, key, "video/mp4", int64(len(b)), objectstest.Hash(b), bytes.NewReader(b))
}

func wantCode(t *testing.T, err error, want bongsu.Code, what string) {
	t.Helper()
	if got := bongsu.CodeOf(err); got != want {
		t.Fatalf("%s: code %q (%v), want %q", what, got, err, want)
	}
}

// TestContract runs the suite against each server, and each server as if it knew no conditions.
func TestContract(t *testing.T) {
	servers(t, func(t *testing.T, srv *s3servers.Server) {
		var last Options
		factory := func(change func(*Store)) objectstest.Factory {
			return objectstest.Factory{
				New: func(t *testing.T) objects.Store {
					last = options(t, srv)
					s := open(t, last)
					change(s)
					return s
				},
				Reopen: func(t *testing.T, _ objects.Store) objects.Store {
					s := open(t, last)
					change(s)
					return s
				},
			}
		}
		t.Run("Full", func(t *testing.T) { objectstest.Run(t, factory(func(*Store) {})) })
		if srv.Kind != s3servers.Versity {
			return // what Plain leaves out is ours, not a server's
		}
		t.Run("Plain", func(t *testing.T) {
			objectstest.Run(t, factory(func(s *Store) { s.can = Abilities{} }))
		})
	})
}

// send brings bytes over as an upload in pieces.
func send(ctx context.Context, s *Store, key string, b []byte, piece int) error {
	u, err := s.Begin(ctx, key, "video/mp4", int64(len(b)), objectstest.Hash(b))
	if err != nil || u.Done() {
		return err
	}
	for at := u.Offset(); at < int64(len(b)); {
		if at, err = u.Write(ctx, at, bytes.NewReader(b[at:min(at+int64(piece), int64(len(b)))])); err != nil {
			return err
		}
	}
	return u.Complete(ctx)
}

// TestParts sends objects of one part and more in pieces that do and do not fit, with a new store
// in the middle.
func TestParts(t *testing.T) {
	servers(t, func(t *testing.T, srv *s3servers.Server) {
		o := options(t, srv)
		s := open(t, o)
		for i, c := range []struct{ bytes, piece int }{
			{PartBytes, PartBytes}, {PartBytes + 1, 3 << 20}, {2 * PartBytes, PartBytes}, {2*PartBytes + 100, 7 << 20},
		} {
			key, b := "events/"+string(rune('a'+i))+"/clip-0.mp4", objectstest.Bytes(t, c.bytes)
			u, err := s.Begin(t.Context(), key, "video/mp4", int64(len(b)), objectstest.Hash(b))
			if err != nil {
				t.Fatal(err)
			}
			n, err := u.Write(t.Context(), 0, bytes.NewReader(b[:len(b)/2]))
			if err != nil || n != int64(len(b)/2) {
				t.Fatalf("Write = %d, %v; want %d", n, err, len(b)/2)
			}
			if err := send(t.Context(), open(t, o), key, b, c.piece); err != nil {
				t.Fatalf("%d in pieces of %d: %v", c.bytes, c.piece, err)
			}
			if err := s.Verify(t.Context(), key); err != nil {
				t.Fatal(err)
			}
		}
		if left := names(t, srv, o.Prefix+"uploads/"); len(left) > 0 {
			t.Errorf("left behind: %q", left)
		}
	})
}

// names lists what the bucket holds, open multipart uploads too.
func names(t testing.TB, srv *s3servers.Server, prefix string) []string {
	t.Helper()
	s := &Store{o: Options{Bucket: srv.Bucket, Tries: 3, Request: 10 * time.Second}, log: slog.New(slog.DiscardHandler)}
	s.client.Client = srv.Client()
	var all []string
	if err := s.walk(t.Context(), prefix, func(o *minio.ObjectInfo) error { all = append(all, o.Key); return nil }); err != nil {
		t.Fatal(err)
	}
	for _, prefix := range []string{prefix, ""} {
		open, err := s.multiparts(t.Context(), prefix)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range open {
			all = append(all, "multipart "+m.Key)
		}
		if len(open) > 0 {
			break
		}
	}
	return all
}

func discardLog() *log.Logger { return log.New(io.Discard, "", 0) }
