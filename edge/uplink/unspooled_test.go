package uplink

import (
	"bytes"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"bongsu"
	"bongsu/deploy/faults/sickdisk"
	"bongsu/edge/outbox"
)

// TestReadOnlyDisk: while the disk is read-only, what lies on it is sent once and what happens is
// sent past it, marked; when it can be written again nothing is owed (row R7).
func TestReadOnlyDisk(t *testing.T) {
	const before, live = 100, 50
	d := sickdisk.New(t)
	o, err := outbox.Open(filepath.Join(d.Path, "outbox"), outbox.Options{SegmentBytes: 1 << 20, ReserveBytes: -1, MinFreeBytes: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.Close() })
	for n := range before {
		if _, err := o.PutEvent(realEvent(n)); err != nil {
			t.Fatal(err)
		}
	}
	d.Fail(syscall.EROFS)
	c := newFakeCloud(t)
	u, _ := start(t, c, nil, func(opt *Options) { opt.Store = o })
	var took []time.Duration
	for n := range live {
		rec := realEvent(before + n)
		began := time.Now()
		if _, err := o.PutEvent(rec); err == nil {
			t.Fatal("stored on a read-only disk")
		}
		if err := u.SendNow(t.Context(), rec); err != nil {
			t.Fatal(err)
		}
		took = append(took, time.Since(began))
		o.TakeSent(rec)
	}
	eventually(t, "what lies on the disk is there too", func() bool { return c.rowCount() == before+live })
	if st := u.Status(); st.State != stateOnline || st.Sent.Direct != live || st.Sent.Known != 0 {
		t.Errorf("%+v", st)
	}
	d.Fail(0)
	if err := o.Enforce(); err != nil { // once a second on a node
		t.Fatal(err)
	}
	eventually(t, "nothing is owed", func() bool { return o.Backlog().Events == 0 })
	marked := 0
	c.mu.Lock()
	for _, ev := range c.rows {
		if ev.Unspooled {
			marked++
		}
	}
	posts := c.posts
	c.mu.Unlock()
	if marked != live || c.rowCount() != before+live {
		t.Errorf("%d of %d rows are marked as not spooled, %d are to be", marked, c.rowCount(), live)
	}
	slices.Sort(took)
	t.Logf("figure R7: uplink on a read-only disk: %d live events p95 %v, marked as not spooled; %d from the disk sent once; all settled afterwards, %d posts",
		live, took[live*95/100].Round(time.Microsecond), before, posts)
}

// TestSendNowTellsWhatHappened: nil is said for nothing but an event that the cloud has.
func TestSendNowTellsWhatHappened(t *testing.T) {
	for name, tc := range map[string]struct {
		answer string
		code   bongsu.Code
	}{
		"rejected": {`{"results":[{"id":"01890a5d-ac96-774b-bcce-000000000001","revision":1,"status":"rejected","code":"invalid"}]}`, bongsu.CodeInvalid},
		"another":  {`{"results":[{"id":"x","revision":1,"status":"stored"}]}`, bongsu.CodeInternal},
		"none":     {`{"results":[]}`, bongsu.CodeInternal},
		"strange":  {`{"results":[{"id":"01890a5d-ac96-774b-bcce-000000000001","revision":1,"status":"perhaps"}]}`, bongsu.CodeInternal},
	} {
		c := newFakeCloud(t)
		c.setFault(func(w http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, "/events") {
				json200(w, tc.answer)
				return true
			}
			return false
		})
		u, _ := start(t, c, newFakeStore(t), nil)
		if err := u.SendNow(t.Context(), realEvent(1)); bongsu.CodeOf(err) != tc.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	c := newFakeCloud(t)
	c.setFault(func(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) })
	u, _ := start(t, c, newFakeStore(t), nil)
	eventually(t, "offline", func() bool { return u.Status().State == stateOffline })
	if err := u.SendNow(t.Context(), realEvent(1)); bongsu.CodeOf(err) != bongsu.CodeUnavailable || !bytes.Contains([]byte(err.Error()), []byte("cannot be reached")) {
		t.Errorf("away: %v", err)
	}
}
