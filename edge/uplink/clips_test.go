package uplink

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"bongsu"
)

// TestClipGoesOnWhereItWasCut: the connection dies in the middle again and again; what is sent
// in all stays near the clip's size (row R13).
func TestClipGoesOnWhereItWasCut(t *testing.T) {
	c, s := newFakeCloud(t), newFakeStore(t)
	content := bytes.Repeat([]byte("0123456789abcdef"), 1<<16) // 1 MiB
	cuts := 0
	var mu sync.Mutex
	c.setFault(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == "PUT" {
			mu.Lock()
			defer mu.Unlock()
			if cuts < 5 {
				cuts++
				r.Body = struct {
					io.Reader
					io.Closer
				}{&cutReader{r: r.Body, n: 150 << 10}, r.Body}
			}
		}
		return false
	})
	start(t, c, s, nil)
	clip := s.putClip(t, 1, content)
	eventually(t, "acknowledged", func() bool { return s.clipEnded(clip.Key()) == "acked" })
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.wire > int64(len(content))*3/2 {
		t.Errorf("%d bytes were taken for a clip of %d", c.wire, len(content))
	}
}

// cutReader kills the connection after n bytes.
type cutReader struct {
	r io.Reader
	n int
}

func (c *cutReader) Read(p []byte) (int, error) {
	if c.n <= 0 {
		panic(http.ErrAbortHandler)
	}
	n, err := c.r.Read(p[:min(len(p), c.n)])
	c.n -= n
	return n, err
}

func TestClipThatRottedOnDiskIsSentAsTorn(t *testing.T) {
	c, s := newFakeCloud(t), newFakeStore(t)
	clip := s.putClip(t, 1, []byte("as it was written"))
	if err := os.WriteFile(s.ClipPath(clip.Key()), []byte("as it is now here"), 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, c, s, nil)
	eventually(t, "acknowledged", func() bool { return s.clipEnded(clip.Key()) == "acked" })
	c.mu.Lock()
	defer c.mu.Unlock()
	torn := 0
	for _, u := range c.clips {
		if u.done && u.clip.State == bongsu.ClipTorn {
			torn++
		}
	}
	if torn != 1 {
		t.Errorf("%d torn parts are in the cloud", torn)
	}
}

func TestClipThatNeverArrivesWholeIsGivenUp(t *testing.T) {
	c, s := newFakeCloud(t), newFakeStore(t)
	c.setFault(func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/complete") {
			refuse(w, bongsu.CodeHashMismatch, "others")
			return true
		}
		return false
	})
	start(t, c, s, nil)
	clip := s.putClip(t, 1, []byte("x"))
	eventually(t, "failed", func() bool { return strings.HasPrefix(s.clipEnded(clip.Key()), "failed: its bytes do not arrive") })
}

func TestClipRefusedForGood(t *testing.T) {
	c, s := newFakeCloud(t), newFakeStore(t)
	c.setFault(func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/clips") {
			refuse(w, bongsu.CodeTooLarge, "too long")
			return true
		}
		return false
	})
	start(t, c, s, nil)
	clip := s.putClip(t, 1, []byte("x"))
	eventually(t, "failed", func() bool { return strings.Contains(s.clipEnded(clip.Key()), "too long") })
}

func TestClipWhoseFileIsGone(t *testing.T) {
	c, s := newFakeCloud(t), newFakeStore(t)
	clip := s.putClip(t, 1, []byte("x"))
	if err := os.Remove(s.ClipPath(clip.Key())); err != nil {
		t.Fatal(err)
	}
	other := s.putClip(t, 2, []byte("y"))
	start(t, c, s, nil)
	eventually(t, "failed", func() bool { return s.clipEnded(clip.Key()) == "failed: its file is gone" })
	eventually(t, "the other went", func() bool { return s.clipEnded(other.Key()) == "acked" })
}

func TestUploadElsewhereGetsNoCredential(t *testing.T) {
	c, s := newFakeCloud(t), newFakeStore(t)
	got := make(chan *http.Request, 1)
	elsewhere := newFakeCloud(t)
	elsewhere.setFault(func(w http.ResponseWriter, r *http.Request) bool {
		io.Copy(io.Discard, r.Body)
		got <- r
		return true
	})
	c.setFault(func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/clips") {
			json200(w, `{"id":"a","method":"PUT","url":"`+elsewhere.URL+`/bucket?sig=1","headers":{"X-Amz-Meta":"m"},"offset":0}`)
			return true
		}
		if strings.HasSuffix(r.URL.Path, "/complete") {
			json200(w, `{"id":"a","done":true}`)
			return true
		}
		return false
	})
	start(t, c, s, nil)
	s.putClip(t, 1, []byte("x"))
	r := <-got
	if r.Header.Get("Authorization") != "" || r.Header.Get("X-Amz-Meta") != "m" || r.URL.Path != "/bucket" {
		t.Errorf("got %v %v", r.URL, r.Header)
	}
}

func TestTargetRefusesPlainHTTP(t *testing.T) {
	u, err := New(Options{URL: "https://cloud.example", Credential: "x", Store: newFakeStore(t)})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"http://cloud.example/x", "ftp://y/z", "%zz"} {
		if _, _, err := u.target(s); !errors.Is(err, errNotOurs) {
			t.Errorf("%s: %v", s, err)
		}
	}
	if at, ours, err := u.target("/api/v1/edge/clips/a/data"); err != nil || !ours || at != "https://cloud.example/api/v1/edge/clips/a/data" {
		t.Errorf("%s %v %v", at, ours, err)
	}
}

// TestLostClipsAreTold: the cloud hears of parts that will never come, and one that does not want
// to know does not hold up the others.
func TestLostClipsAreTold(t *testing.T) {
	c, s := newFakeCloud(t), newFakeStore(t)
	c.setFault(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/clips") {
			return false
		}
		var req bongsu.ClipRequest
		if err := json.NewDecoder(r.Body).Decode(&req); err != nil {
			t.Error(err)
		}
		if req.Clip.Part == 1 {
			refuse(w, bongsu.CodeInvalid, "clip.state: what is that?")
			return true
		}
		_ = json.NewEncoder(w).Encode(bongsu.ClipResponse{ID: "x", Done: true})
		return true
	})
	for part, state := range []bongsu.ClipState{bongsu.ClipEvicted, bongsu.ClipEvicted, bongsu.ClipFailed} {
		s.lost = append(s.lost, bongsu.Clip{Event: "01890a5d-ac96-774b-bcce-000000000001", Part: part, Camera: "yard", State: state})
	}
	start(t, c, s, nil)
	eventually(t, "all are told", func() bool { return len(s.LostClips(10)) == 0 })
	for part := range 3 {
		if got := s.clipEnded(bongsu.ClipKey{Event: "01890a5d-ac96-774b-bcce-000000000001", Part: part}); got != "told" {
			t.Errorf("part %d: %q", part, got)
		}
	}
}

// sickStore cannot give clips up: its disk is read-only.
type sickStore struct {
	*fakeStore
	tries chan struct{}
}

func (s sickStore) FailClip(bongsu.ClipKey, string) error {
	select {
	case s.tries <- struct{}{}:
	default: // nobody counts any more
	}
	return bongsu.Errorf(bongsu.CodeUnavailable, "the outbox cannot write")
}

// TestClipThatCannotBeGivenUp: while the disk is read-only a clip that the cloud refuses does not
// shut the way for events, which go past the disk then.
func TestClipThatCannotBeGivenUp(t *testing.T) {
	c, s := newFakeCloud(t), sickStore{newFakeStore(t), make(chan struct{}, 2)}
	c.setFault(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/clips") {
			return false
		}
		refuse(w, bongsu.CodeInvalid, "no such event")
		return true
	})
	u, _ := start(t, c, nil, func(o *Options) { o.Store = s })
	eventually(t, "online", func() bool { return u.Status().State == stateOnline })
	since := u.Status().Since
	s.putClip(t, 1, []byte("bytes"))
	for range 2 { // the second after the lane has dealt with the first
		<-s.tries
	}
	if st := u.Status(); st.State != stateOnline || st.Since != since {
		t.Errorf("trouble of the outbox is taken for the cloud's: %+v", st)
	}
	if err := u.SendNow(t.Context(), realEvent(1)); err != nil {
		t.Errorf("an event cannot go past the disk: %v", err)
	}
}
