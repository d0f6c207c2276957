// Package objectstest is the conformance suite of objects.Store: a backend is done when it passes.
package objectstest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"bongsu"
	"bongsu/cloud/objects"
)

// Factory makes stores for the suite.
type Factory struct {
	// New gives an empty store; it is closed with the test.
	New func(t *testing.T) objects.Store
	// Reopen gives a second store on what the first one holds, as after a restart; nil when
	// the backend has no state of its own.
	Reopen func(t *testing.T, s objects.Store) objects.Store
}

// Run runs the whole suite.
func Run(t *testing.T, f Factory) {
	for _, c := range []struct {
		name string
		test func(*testing.T, Factory)
	}{
		{"PutAndRead", putAndRead},
		{"PutAgain", putAgain},
		{"PutWrongBytes", putWrongBytes},
		{"Keys", keys},
		{"Missing", missing},
		{"Delete", deleteObject},
		{"List", list},
		{"UploadResumes", uploadResumes},
		{"UploadLimits", uploadLimits},
		{"UploadWrongHash", uploadWrongHash},
		{"UploadBrokenReader", uploadBrokenReader},
		{"UploadOfWhatIsThere", uploadOfWhatIsThere},
		{"UploadsAtOnce", uploadsAtOnce},
		{"PutsAtOnce", putsAtOnce},
		{"Sweep", sweep},
		{"Verify", verify},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, f) })
	}
}

// Hash is the lower-case hex SHA-256 of b.
func Hash(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// Bytes makes n random bytes; the seed is printed when the test fails.
func Bytes(t *testing.T, n int) []byte {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("seed %d", seed)
		}
	})
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte(binary.LittleEndian.AppendUint64(make([]byte, 24, 32), seed)))
	if _, err := r.Read(b); err != nil {
		t.Fatal(err)
	}
	return b
}

func put(t *testing.T, s objects.Store, key string, b []byte) {
	t.Helper()
	if err := s.Put(t.Context(), key, "video/mp4", int64(len(b)), Hash(b), bytes.NewReader(b)); err != nil {
		t.Fatalf("Put(%q): %v", key, err)
	}
}

func wantBytes(t *testing.T, s objects.Store, key string, offset int64, want []byte) {
	t.Helper()
	r, _, err := s.Open(t.Context(), key, offset)
	if err != nil {
		t.Fatalf("Open(%q, %d): %v", key, offset, err)
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("Open(%q, %d): %d bytes, %v; want the %d bytes that were stored", key, offset, len(got), err, len(want))
	}
}

func wantCode(t *testing.T, err error, want bongsu.Code, what string) {
	t.Helper()
	if got := bongsu.CodeOf(err); got != want {
		t.Fatalf("%s: code %q (%v), want %q", what, got, err, want)
	}
}

func putAndRead(t *testing.T, f Factory) {
	s := f.New(t)
	for _, n := range []int{0, 1, 4096, 1 << 20} {
		key, b := fmt.Sprintf("events/a-%d/clip-0.mp4", n), Bytes(t, n)
		put(t, s, key, b)
		wantBytes(t, s, key, 0, b)
		wantBytes(t, s, key, int64(n/2), b[n/2:])
		wantBytes(t, s, key, int64(n), nil)
		info, err := s.Stat(t.Context(), key)
		if err != nil || info.Key != key || info.Bytes != int64(n) || info.SHA256 != Hash(b) || info.Type != "video/mp4" || info.Stored.IsZero() {
			t.Fatalf("Stat(%q) = %+v, %v", key, info, err)
		}
		_, _, err = s.Open(t.Context(), key, int64(n)+1)
		wantCode(t, err, bongsu.CodeInvalid, "Open beyond the end")
		_, _, err = s.Open(t.Context(), key, -1)
		wantCode(t, err, bongsu.CodeInvalid, "Open before the beginning")
	}
}

func putAgain(t *testing.T, f Factory) {
	s := f.New(t)
	b := []byte("first")
	put(t, s, "k", b)
	put(t, s, "k", b)
	other := []byte("other")
	err := s.Put(t.Context(), "k", "video/mp4", 5, Hash(other), bytes.NewReader(other))
	wantCode(t, err, bongsu.CodeConflict, "Put of other bytes")
	_, err = s.Begin(t.Context(), "k", "video/mp4", 5, Hash(other))
	wantCode(t, err, bongsu.CodeConflict, "Begin of other bytes")
	wantBytes(t, s, "k", 0, b)
}

func putWrongBytes(t *testing.T, f Factory) {
	s := f.New(t)
	b := []byte("the bytes")
	for name, c := range map[string]struct {
		size int64
		hash string
		r    io.Reader
		code bongsu.Code
	}{
		"hash":   {9, Hash([]byte("else")), bytes.NewReader(b), bongsu.CodeHashMismatch},
		"short":  {10, Hash(b), bytes.NewReader(b), bongsu.CodeHashMismatch},
		"long":   {8, Hash(b), bytes.NewReader(b), bongsu.CodeHashMismatch},
		"broken": {9, Hash(b), iotest.ErrReader(errors.New("gone")), bongsu.CodeUnavailable},
		"form":   {9, strings.ToUpper(Hash(b)), bytes.NewReader(b), bongsu.CodeInvalid},
		"size":   {-1, Hash(b), bytes.NewReader(b), bongsu.CodeInvalid},
	} {
		wantCode(t, s.Put(t.Context(), "k", "video/mp4", c.size, c.hash, c.r), c.code, name)
		_, err := s.Stat(t.Context(), "k")
		wantCode(t, err, bongsu.CodeNotFound, name+": Stat after a failed Put")
	}
	put(t, s, "k", b)
}

func keys(t *testing.T, f Factory) {
	s := f.New(t)
	b := []byte("x")
	for _, key := range []string{"", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../../b", "a/./b", ".hidden", "A", "a b", "a\x00b", "a\\b", "ä", "a~meta", strings.Repeat("a", 600)} {
		wantCode(t, s.Put(t.Context(), key, "", 1, Hash(b), bytes.NewReader(b)), bongsu.CodeInvalid, fmt.Sprintf("Put(%q)", key))
		_, err := s.Begin(t.Context(), key, "", 1, Hash(b))
		wantCode(t, err, bongsu.CodeInvalid, fmt.Sprintf("Begin(%q)", key))
		_, err = s.Stat(t.Context(), key)
		wantCode(t, err, bongsu.CodeInvalid, fmt.Sprintf("Stat(%q)", key))
		wantCode(t, s.Delete(t.Context(), key), bongsu.CodeInvalid, fmt.Sprintf("Delete(%q)", key))
	}
	for _, key := range []string{"a", "a-b/c.d_e", "0/1/2/3"} {
		put(t, s, "ok/"+key, b)
	}
}

func missing(t *testing.T, f Factory) {
	s := f.New(t)
	_, err := s.Stat(t.Context(), "none/at/all")
	wantCode(t, err, bongsu.CodeNotFound, "Stat")
	_, _, err = s.Open(t.Context(), "none/at/all", 0)
	wantCode(t, err, bongsu.CodeNotFound, "Open")
	wantCode(t, s.Verify(t.Context(), "none/at/all"), bongsu.CodeNotFound, "Verify")
	wantCode(t, s.Delete(t.Context(), "none/at/all"), "", "Delete")
}

func deleteObject(t *testing.T, f Factory) {
	s := f.New(t)
	b := Bytes(t, 100)
	put(t, s, "a/b/one", b)
	put(t, s, "a/b/two", b)
	for range 2 {
		if err := s.Delete(t.Context(), "a/b/one"); err != nil {
			t.Fatal(err)
		}
	}
	_, _, err := s.Open(t.Context(), "a/b/one", 0)
	wantCode(t, err, bongsu.CodeNotFound, "Open after Delete")
	wantBytes(t, s, "a/b/two", 0, b)
	put(t, s, "a/b/one", []byte("a new one may come"))
}

func listed(t *testing.T, s objects.Store, prefix string) []string {
	t.Helper()
	var got []string
	if err := s.List(t.Context(), prefix, func(i objects.Info) error {
		got = append(got, i.Key)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return got
}

func list(t *testing.T, f Factory) {
	s := f.New(t)
	all := []string{"a-b", "a/b", "a/b-c/d", "a/b.c", "a0", "b", "events/1/clip-0.mp4", "events/1/snapshot-1.jpg", "events/10/x", "events/2/x"}
	for _, k := range all {
		if k != "a/b" { // a key may be the folder of another in some stores only
			put(t, s, k, []byte(k))
		}
	}
	all = slices.DeleteFunc(all, func(k string) bool { return k == "a/b" })
	slices.Sort(all)
	for _, prefix := range []string{"", "a", "a/", "a/b", "events/", "events/1", "events/1/", "events/1/s", "z", "none/"} {
		var want []string
		for _, k := range all {
			if strings.HasPrefix(k, prefix) {
				want = append(want, k)
			}
		}
		if got := listed(t, s, prefix); !slices.Equal(got, want) {
			t.Errorf("List(%q) = %q, want %q", prefix, got, want)
		}
	}
	stop := errors.New("stop")
	n := 0
	if err := s.List(t.Context(), "", func(objects.Info) error { n++; return stop }); !errors.Is(err, stop) || n != 1 {
		t.Errorf("List with a callback that fails: %v after %d", err, n)
	}
}

func begin(t *testing.T, s objects.Store, key string, b []byte) objects.Upload {
	t.Helper()
	u, err := s.Begin(t.Context(), key, "video/mp4", int64(len(b)), Hash(b))
	if err != nil {
		t.Fatalf("Begin(%q): %v", key, err)
	}
	return u
}

func uploadResumes(t *testing.T, f Factory) {
	s := f.New(t)
	b := Bytes(t, 300_000)
	u := begin(t, s, "events/1/clip-0.mp4", b)
	if u.Done() || u.Offset() != 0 || u.ID() == "" {
		t.Fatalf("a new upload: done %v, offset %d, id %q", u.Done(), u.Offset(), u.ID())
	}
	n, err := u.Write(t.Context(), 0, bytes.NewReader(b[:100_000]))
	if err != nil || n != 100_000 {
		t.Fatalf("Write = %d, %v", n, err)
	}
	_, err = u.Write(t.Context(), 0, bytes.NewReader(b))
	wantCode(t, err, bongsu.CodeConflict, "Write at an old offset")
	_, err = s.Stat(t.Context(), "events/1/clip-0.mp4")
	wantCode(t, err, bongsu.CodeNotFound, "Stat before Complete")
	if f.Reopen != nil {
		s = f.Reopen(t, s)
	}
	again := begin(t, s, "events/1/clip-0.mp4", b)
	if again.ID() != u.ID() || again.Offset() != 100_000 {
		t.Fatalf("found upload %q at %d, want %q at 100000", again.ID(), again.Offset(), u.ID())
	}
	wantCode(t, again.Complete(t.Context()), bongsu.CodeConflict, "Complete with bytes missing")
	if n, err = again.Write(t.Context(), 100_000, bytes.NewReader(b[100_000:])); err != nil || n != 300_000 {
		t.Fatalf("Write = %d, %v", n, err)
	}
	for range 2 {
		if err := again.Complete(t.Context()); err != nil || !again.Done() {
			t.Fatalf("Complete: %v, done %v", err, again.Done())
		}
	}
	wantBytes(t, s, "events/1/clip-0.mp4", 0, b)
}

func uploadLimits(t *testing.T, f Factory) {
	s := f.New(t)
	b := Bytes(t, 1000)
	u := begin(t, s, "k", b)
	n, err := u.Write(t.Context(), 0, io.MultiReader(bytes.NewReader(b), strings.NewReader("more")))
	wantCode(t, err, bongsu.CodeTooLarge, "Write of more than was declared")
	if n > 1000 {
		t.Fatalf("%d bytes are held of 1000", n)
	}
	if err := begin(t, s, "k", b).Complete(t.Context()); err != nil {
		wantCode(t, err, bongsu.CodeConflict, "Complete after too many bytes")
	}
}

func uploadWrongHash(t *testing.T, f Factory) {
	s := f.New(t)
	b := Bytes(t, 1000)
	u := begin(t, s, "k", b)
	wrong := bytes.Clone(b)
	wrong[500] ^= 1
	if _, err := u.Write(t.Context(), 0, bytes.NewReader(wrong)); err != nil {
		t.Fatal(err)
	}
	wantCode(t, u.Complete(t.Context()), bongsu.CodeHashMismatch, "Complete")
	_, err := s.Stat(t.Context(), "k")
	wantCode(t, err, bongsu.CodeNotFound, "Stat after a wrong hash")
	u = begin(t, s, "k", b)
	if u.Offset() != 0 {
		t.Fatalf("the next upload begins at %d", u.Offset())
	}
	if _, err := u.Write(t.Context(), 0, bytes.NewReader(b)); err != nil {
		t.Fatal(err)
	}
	if err := u.Complete(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantBytes(t, s, "k", 0, b)
}

func uploadBrokenReader(t *testing.T, f Factory) {
	s := f.New(t)
	b := Bytes(t, 10_000)
	u := begin(t, s, "k", b)
	n, err := u.Write(t.Context(), 0, io.MultiReader(bytes.NewReader(b[:4000]), iotest.ErrReader(errors.New("cut"))))
	if err == nil || n > 4000 {
		t.Fatalf("Write from a broken reader = %d, %v", n, err)
	}
	u = begin(t, s, "k", b)
	if u.Offset() != n {
		t.Fatalf("Write said %d, the upload holds %d", n, u.Offset())
	}
	if _, err := u.Write(t.Context(), n, bytes.NewReader(b[n:])); err != nil {
		t.Fatal(err)
	}
	if err := u.Complete(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantBytes(t, s, "k", 0, b)
}

func uploadOfWhatIsThere(t *testing.T, f Factory) {
	s := f.New(t)
	b := Bytes(t, 10)
	put(t, s, "k", b)
	u := begin(t, s, "k", b)
	if !u.Done() || u.Offset() != 10 {
		t.Fatalf("done %v, offset %d", u.Done(), u.Offset())
	}
	if err := u.Complete(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// uploadsAtOnce: many clients push the same part; each goes on from what is held. One object
// comes of it.
func uploadsAtOnce(t *testing.T, f Factory) {
	s := f.New(t)
	b := Bytes(t, 200_000)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 1000 {
				if done, err := push(t.Context(), s, b); err != nil {
					t.Error(err)
					return
				} else if done {
					return
				}
			}
			t.Error("an upload never ends")
		})
	}
	wg.Wait()
	wantBytes(t, s, "k", 0, b)
	if got := listed(t, s, ""); len(got) != 1 {
		t.Fatalf("objects: %q", got)
	}
}

// push sends the next piece. What another client may cause is no error.
func push(ctx context.Context, s objects.Store, b []byte) (bool, error) {
	u, err := s.Begin(ctx, "k", "video/mp4", int64(len(b)), Hash(b))
	if err != nil || u.Done() {
		return err == nil, err
	}
	at := u.Offset()
	if at < int64(len(b)) {
		_, err = u.Write(ctx, at, bytes.NewReader(b[at:min(at+20_000, int64(len(b)))]))
	} else {
		err = u.Complete(ctx)
	}
	switch bongsu.CodeOf(err) {
	case "", bongsu.CodeConflict, bongsu.CodeUnavailable, bongsu.CodeNotFound, bongsu.CodeTooLarge:
		return false, nil
	}
	return false, err
}

func putsAtOnce(t *testing.T, f Factory) {
	s := f.New(t)
	b := Bytes(t, 50_000)
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for j := range 10 {
				key := fmt.Sprintf("events/%d/x", (i+j)%4)
				if err := s.Put(t.Context(), key, "image/jpeg", int64(len(b)), Hash(b), bytes.NewReader(b)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if got := listed(t, s, "events/"); len(got) != 4 {
		t.Fatalf("objects: %q", got)
	}
	wantBytes(t, s, "events/3/x", 0, b)
}

func sweep(t *testing.T, f Factory) {
	s := f.New(t)
	b := Bytes(t, 1000)
	put(t, s, "kept", b)
	u := begin(t, s, "k", b)
	if _, err := u.Write(t.Context(), 0, bytes.NewReader(b[:500])); err != nil {
		t.Fatal(err)
	}
	if n, err := s.Sweep(t.Context(), time.Now().Add(-time.Hour)); err != nil || n != 0 {
		t.Fatalf("Sweep of what is old = %d, %v", n, err)
	}
	if n, err := s.Sweep(t.Context(), time.Now().Add(time.Hour)); err != nil || n != 1 {
		t.Fatalf("Sweep of all = %d, %v", n, err)
	}
	_, err := u.Write(t.Context(), 500, bytes.NewReader(b[500:]))
	wantCode(t, err, bongsu.CodeNotFound, "Write to a swept upload")
	if u = begin(t, s, "k", b); u.Offset() != 0 {
		t.Fatalf("an upload after the sweep begins at %d", u.Offset())
	}
	wantBytes(t, s, "kept", 0, b)
}

func verify(t *testing.T, f Factory) {
	s := f.New(t)
	put(t, s, "k", Bytes(t, 1000))
	if err := s.Verify(t.Context(), "k"); err != nil {
		t.Fatal(err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if err := s.Verify(ended, "k"); err == nil || bongsu.CodeOf(err) == bongsu.CodeHashMismatch {
		t.Fatalf("Verify with a context that has ended: %v", err)
	}
}
