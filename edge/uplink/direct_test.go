package uplink

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"bongsu"
)

func TestWhatAnObjectStoreAnswers(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		want   bongsu.Code
	}{
		{200, "", ""},
		{204, "", ""},
		{412, "<Error><Code>PreconditionFailed</Code></Error>", ""},
		{400, "<Error><Code>BadDigest</Code></Error>", bongsu.CodeHashMismatch},
		{400, "<Error><Code>XAmzContentChecksumMismatch</Code></Error>", bongsu.CodeHashMismatch},
		{400, "<Error><Code>RequestTimeout</Code></Error>", bongsu.CodeConflict},
		{403, "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>", bongsu.CodeConflict},
		{404, "<Error><Code>NoSuchUpload</Code></Error>", bongsu.CodeConflict},
		{403, "<html>a proxy", bongsu.CodeConflict},
		{408, "", bongsu.CodeUnavailable},
		{429, "", bongsu.CodeUnavailable},
		{503, "<Error><Code>SlowDown</Code></Error>", bongsu.CodeUnavailable},
		{302, "", bongsu.CodeUnavailable},
	} {
		rec := httptest.NewRecorder()
		rec.Header().Set("Retry-After", "7")
		rec.WriteHeader(c.status)
		rec.WriteString(c.body)
		err := readStoreAnswer(rec.Result(), time.Now())
		if bongsu.CodeOf(err) != c.want || err != nil && (!answered(err) || retryAfter(err) != 7*time.Second) {
			t.Errorf("status %d %s: %v", c.status, c.body, err)
		}
	}
}

// bucket is an object store that takes pieces, and the cloud's part in it.
type bucket struct {
	*httptest.Server
	t *testing.T

	mu       sync.Mutex
	held     []byte
	taken    int64 // bytes of bodies
	faults   []func(w http.ResponseWriter, r *http.Request)
	declared []bongsu.ClipRequest
}

func newBucket(t *testing.T, faults ...func(http.ResponseWriter, *http.Request)) *bucket {
	b := &bucket{t: t, faults: faults}
	b.Server = httptest.NewServer(b)
	t.Cleanup(b.Close)
	return b
}

// ServeHTTP takes a piece, or does what is next among the faults.
func (b *bucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if r.Header.Get("Authorization") != "" || r.Header.Get("X-Signed") != "yes" {
		b.t.Error("a credential is sent, or a signed header is not")
	}
	if len(b.faults) > 0 {
		fault := b.faults[0]
		if b.faults = b.faults[1:]; fault != nil {
			fault(w, r)
			return
		}
	}
	body, err := io.ReadAll(r.Body)
	b.taken += int64(len(body))
	if err != nil {
		return
	}
	if r.URL.Query().Get("at") == fmt.Sprint(len(b.held)) {
		b.held = append(b.held, body...)
	}
}

// declare answers a declaration as a cloud that gives addresses does.
func (b *bucket) declare(w http.ResponseWriter, r *http.Request) bool {
	if !strings.HasSuffix(r.URL.Path, "/clips") {
		if strings.HasSuffix(r.URL.Path, "/complete") {
			json200(w, `{"id":"a","done":true}`)
			return true
		}
		return false
	}
	var req bongsu.ClipRequest
	if err := json.NewDecoder(r.Body).Decode(&req); err != nil {
		b.t.Error(err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.declared = append(b.declared, req)
	at := int64(len(b.held))
	answer, err := json.Marshal(bongsu.ClipResponse{
		ID: "a", Method: "PUT", URL: fmt.Sprintf("%s/b/k?at=%d&sig=s", b.URL, at), Headers: map[string]string{"X-Signed": "yes"},
		Offset: at, Bytes: min(bongsu.ClipPieceBytes, req.Clip.Bytes-at),
	})
	if err != nil {
		b.t.Error(err)
	}
	json200(w, string(answer))
	return true
}

// TestPieceByPiece: a part goes straight to an object store, each piece with an address of its own;
// what is cut, refused or lost is sent again, and no more than that.
func TestPieceByPiece(t *testing.T) {
	status := func(code int, body string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			w.WriteHeader(code)
			io.WriteString(w, body)
		}
	}
	cut := func(_ http.ResponseWriter, r *http.Request) {
		io.CopyN(io.Discard, r.Body, 1<<20)
		panic(http.ErrAbortHandler)
	}
	b := newBucket(t, nil, cut, nil, status(403, "<Error><Code>AccessDenied</Code></Error>"), nil)
	c, s := newFakeCloud(t), newFakeStore(t)
	c.setFault(b.declare)
	start(t, c, s, nil)
	content := bytes.Repeat([]byte("0123456789abcdef"), (2*bongsu.ClipPieceBytes+160)/16)
	clip := s.putClip(t, 1, content)
	eventually(t, "acknowledged", func() bool { return s.clipEnded(clip.Key()) == "acked" })
	b.mu.Lock()
	defer b.mu.Unlock()
	if !bytes.Equal(b.held, content) || b.taken != int64(len(content)) {
		t.Errorf("%d bytes are held and %d were taken of %d", len(b.held), b.taken, len(content))
	}
	for _, req := range b.declared {
		if len(req.Pieces) != 3 {
			t.Fatalf("%d hashes of pieces", len(req.Pieces))
		}
		for i, got := range req.Pieces {
			h := sha256.Sum256(content[i*bongsu.ClipPieceBytes : min((i+1)*bongsu.ClipPieceBytes, len(content))])
			if got != hex.EncodeToString(h[:]) {
				t.Errorf("the hash of piece %d is another", i)
			}
		}
	}
}

// TestStoreThatForgets: an object store that says yes and keeps nothing does not make an edge send
// one piece for ever.
func TestStoreThatForgets(t *testing.T) {
	b, s := newBucket(t), newFakeStore(t)
	c := newFakeCloud(t)
	c.setFault(func(w http.ResponseWriter, r *http.Request) bool {
		b.mu.Lock()
		b.held = nil
		b.mu.Unlock()
		return b.declare(w, r)
	})
	clip := s.putClip(t, 1, make([]byte, 2*bongsu.ClipPieceBytes))
	u, err := New(Options{URL: c.URL, Credential: credential, Store: s, Client: c.Client()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.putAll(t.Context(), clip); bongsu.CodeOf(err) != bongsu.CodeUnavailable || !strings.Contains(err.Error(), "does not have them") {
		t.Errorf("putAll: %v", err)
	}
	if err := os.Remove(s.ClipPath(clip.Key())); err != nil {
		t.Fatal(err)
	}
	if _, err := u.putAll(t.Context(), clip); err == nil {
		t.Error("a file that is gone is sent")
	}
}
