package worker

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bongsu"
	"bongsu/cloud/archive"
	"bongsu/cloud/objects"
)

// secret stands in everything that must be gone.
const secret = "SECRET-FACE-OF-SOMEBODY"

const day = 24 * time.Hour

// fill puts an event with a snapshot and a clip, a clip without event, a letter and a still.
func (x *world) fill() {
	x.Helper()
	ev := event(0, 1)
	ev.CameraName = secret
	if err := x.w.apply(x.Context(), x.put(ev, secret+" snapshot")); err != nil {
		x.Fatal(err)
	}
	x.clip(0, secret+" clip")
	x.clip(7, secret+" clip without event")
	if _, err := x.archive.PutInbox(x.Context(), edge, t0, []bongsu.EventRecord{{Event: event(8, 1), Snapshot: []byte(secret)}}); err != nil {
		x.Fatal(err)
	}
	if err := x.archive.Bury(x.Context(), bongsu.EventKey{ID: id(8), Revision: 1}, secret, 5, t0); err != nil {
		x.Fatal(err)
	}
	report := bongsu.CamerasRequest{Cameras: []bongsu.CameraStatus{{ID: "c", Name: "camera", Still: []byte(secret), StillAt: t0}}}
	if err := x.archive.ReportCameras(x.Context(), edge, t0, report); err != nil {
		x.Fatal(err)
	}
}

// clip stores a complete clip part.
func (x *world) clip(n int, content string) {
	x.Helper()
	h := sha256.Sum256([]byte(content))
	c := bongsu.Clip{Event: id(n), Camera: "c", State: bongsu.ClipReady, SHA256: hex.EncodeToString(h[:]), Bytes: int64(len(content)), Start: t0}
	if _, err := x.archive.DeclareClip(x.Context(), edge, c, t0); err != nil {
		x.Fatal(err)
	}
	if err := x.objects.Put(x.Context(), archive.ClipKey(c.Key(), c.SHA256), "video/mp4", c.Bytes, c.SHA256, strings.NewReader(content)); err != nil {
		x.Fatal(err)
	}
	if _, err := x.archive.CompleteClip(x.Context(), edge, c.Key(), c.SHA256, t0); err != nil {
		x.Fatal(err)
	}
}

func (x *world) retain() Report {
	x.Helper()
	r, err := x.w.Retain(x.Context())
	if err != nil {
		x.Fatal(err)
	}
	return r
}

// where lists the files that hold a word.
func (x *world) where(word string) []string {
	x.Helper()
	var out []string
	err := filepath.WalkDir(x.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err == nil && bytes.Contains(b, []byte(word)) {
			out = append(out, path)
		}
		return err
	})
	if err != nil {
		x.Fatal(err)
	}
	return out
}

// TestNothingRemains is P6's clock-warp test: a day before the 30 days all is there; an hour after
// them no byte of it is, in no file.
func TestNothingRemains(t *testing.T) {
	x := newWorld(t, nil)
	x.fill()
	x.clock.set(t0.Add(29 * day))
	if r := x.retain(); r.Events+r.Clips+r.Stills+r.Letters+r.Removed != 0 {
		t.Fatalf("deleted too early: %+v", r)
	}
	if len(x.where(secret)) < 4 {
		t.Fatalf("the test looks in the wrong place: %q", x.where(secret))
	}
	x.clock.set(t0.Add(30*day + time.Hour))
	r := x.retain()
	if r.Events != 1 || r.Alerts != 1 || r.Clips != 2 || r.Stills != 1 || r.Letters != 1 || r.Removed != 3 {
		t.Fatalf("deleted %+v", r)
	}
	if left := x.where(secret); len(left) != 0 {
		t.Fatalf("left in %q", left)
	}
	x.clock.set(t0.Add(30*day + 2*time.Hour))
	if r := x.retain(); r.Forgotten != 3 {
		t.Fatalf("the next pass: %+v", r)
	}
	if left := x.where(string(id(0))); len(left) != 0 {
		t.Fatalf("the event's ID is left in %q", left)
	}
	if err := x.archive.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// cut makes every n-th call of Delete fail, as if the process died there.
type cut struct {
	objects.Store
	n int
}

func (c *cut) Delete(ctx context.Context, key string) error {
	if c.n--; c.n == 0 {
		return errors.New("cut")
	}
	return c.Store.Delete(ctx, key)
}

// TestRetentionIsCut ends a pass at each deletion in turn; the next one does the rest.
func TestRetentionIsCut(t *testing.T) {
	for n := 1; n <= 3; n++ {
		x := newWorld(t, nil)
		x.fill()
		x.clock.set(t0.Add(31 * day))
		x.w.o.Objects = &cut{x.objects, n}
		if _, err := x.w.Retain(t.Context()); err == nil {
			t.Fatal("not cut")
		}
		x.retain()
		if left := x.where(secret); len(left) != 0 {
			t.Fatalf("cut at %d: left in %q", n, left)
		}
	}
}

// TestOrphans: an object that no row names is gone within the hour (R19), one that a row names or
// is about to name stays.
func TestOrphans(t *testing.T) {
	x := newWorld(t, nil)
	if err := x.w.apply(t.Context(), x.put(event(1, 1), "named")); err != nil {
		t.Fatal(err)
	}
	waiting := x.put(event(2, 1), "about to be named")
	if _, err := x.w.putSnapshot(t.Context(), waiting, []byte("about to be named")); err != nil {
		t.Fatal(err)
	}
	x.object("events/"+string(id(9))+"/clip-0-0123456789abcdef.mp4", "orphan")
	x.clock.set(t0.Add(29 * time.Minute))
	if r := x.retain(); r.Orphans != 0 {
		t.Fatalf("too early: %+v", r)
	}
	x.clock.set(t0.Add(46 * time.Minute)) // the next of the passes, which come every 15 minutes
	if r := x.retain(); r.Orphans != 1 || r.Removed != 1 {
		t.Fatalf("within the hour: %+v", r)
	}
	if err := x.w.apply(t.Context(), waiting); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{1, 2} {
		ev, err := x.archive.GetEvent(t.Context(), id(n))
		if err != nil {
			t.Fatal(err)
		}
		if err := x.objects.Verify(t.Context(), ev.Snapshot.Key); err != nil {
			t.Fatalf("a row names a missing object: %v", err)
		}
	}
}

// TestOrphanIsNamedMeanwhile: a row that would name a condemned object is refused until the
// object was sent again.
func TestOrphanIsNamedMeanwhile(t *testing.T) {
	x := newWorld(t, nil)
	content := "clip whose completion was cut"
	h := sha256.Sum256([]byte(content))
	c := bongsu.Clip{Event: id(1), Camera: "c", State: bongsu.ClipReady, SHA256: hex.EncodeToString(h[:]), Bytes: int64(len(content)), Start: t0}
	if _, err := x.archive.DeclareClip(t.Context(), edge, c, t0); err != nil {
		t.Fatal(err)
	}
	key := archive.ClipKey(c.Key(), c.SHA256)
	if err := x.objects.Put(t.Context(), key, "video/mp4", c.Bytes, c.SHA256, strings.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	x.clock.set(t0.Add(time.Hour))
	if r := x.retain(); r.Removed != 1 {
		t.Fatalf("%+v", r)
	}
	if _, err := x.archive.CompleteClip(t.Context(), edge, c.Key(), c.SHA256, x.clock.Now()); bongsu.CodeOf(err) != bongsu.CodeUnavailable {
		t.Fatalf("named while it is being deleted: %v", err)
	}
	x.clock.set(t0.Add(time.Hour + 11*time.Minute))
	if r := x.retain(); r.Forgotten != 1 {
		t.Fatalf("%+v", r)
	}
	if err := x.objects.Put(t.Context(), key, "video/mp4", c.Bytes, c.SHA256, strings.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	if _, err := x.archive.CompleteClip(t.Context(), edge, c.Key(), c.SHA256, x.clock.Now()); err != nil {
		t.Fatal(err)
	}
}

// TestManyInBatches deletes more than one batch and one page.
func TestManyInBatches(t *testing.T) {
	x := newWorld(t, func(o *Options) { o.Retention.Batch = 7 })
	for n := range 40 {
		if err := x.w.apply(t.Context(), x.put(event(n, 1), "x")); err != nil {
			t.Fatal(err)
		}
	}
	x.clock.set(t0.Add(31 * day))
	if r := x.retain(); r.Events != 40 || r.Alerts != 1 || r.Removed != 40 {
		t.Fatalf("%+v", r)
	}
}
