package outbox

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bongsu"
)

// TestCheckBesideTheOwner checks an outbox again and again while events are stored and
// acknowledged, segments turn over and are given up, and clips come and go: nothing is found,
// until something is broken, and then that.
func TestCheckBesideTheOwner(t *testing.T) {
	dir := t.TempDir()
	o, err := Open(dir, Options{SegmentBytes: 32 << 10, ReserveBytes: -1, MinFreeBytes: -1, MaxClipBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	span := 2 * time.Second
	if os.Getenv("BONGSU_LONG") != "" {
		span = time.Minute
	}
	var stop atomic.Bool
	var work sync.WaitGroup
	for lane := range 3 {
		work.Go(func() { keepBusy(t, o, &stop, 1_000_000*(lane+1)) })
	}
	checks := 0
	for from := time.Now(); !t.Failed() && time.Since(from) < span; checks++ {
		rep, err := Check(dir)
		if err != nil || len(rep.Violations) > 0 || !rep.InUse {
			t.Errorf("check %d beside the owner: %+v, %v", checks, rep, err)
		}
	}
	keep := bongsu.Clip{Event: eventID(9999), Part: 0, Camera: "yard", State: bongsu.ClipReady}
	path := diskClip(t, o, keep, "evidence")
	if err := os.WriteFile(path, []byte("evidenca"), 0o600); err != nil {
		t.Error(err)
	}
	rep, err := Check(dir)
	stop.Store(true)
	work.Wait()
	if err != nil {
		t.Fatal(err)
	}
	if len(rep.Violations) != 1 || rep.Violations[0].Invariant != "I5" {
		t.Errorf("a clip was altered under load: %+v, %v", rep, err)
	}
	t.Logf("%d checks under load, the last over %d segments and %d clips; %+v", checks, rep.Segments, rep.ClipFiles, o.Counts())
}

// keepBusy stores events with clips and acknowledges most of what is older.
func keepBusy(t *testing.T, o *Outbox, stop *atomic.Bool, first int) {
	for n := first; !stop.Load(); n++ {
		open, closed := anEvent(n, 1, bongsu.EventOpen), anEvent(n, 2, bongsu.EventClosed)
		put(t, o, open, closed)
		if n%3 == 0 {
			diskClip(t, o, bongsu.Clip{Event: open.Event.ID, Camera: "yard", State: bongsu.ClipReady}, fmt.Sprint("clip ", n))
		}
		if n%40 == 0 {
			continue // stays
		}
		if err := o.AckEvents(open.Event.Key(), closed.Event.Key()); err != nil {
			t.Error(err)
		}
		if err := o.AckClip(bongsu.ClipKey{Event: open.Event.ID}); err != nil && n%3 == 0 {
			t.Error(err)
		}
	}
}

// diskClip writes a whole clip and gives its path.
func diskClip(t *testing.T, o *Outbox, c bongsu.Clip, content string) string {
	path, err := o.OpenClip(c)
	if err != nil {
		t.Error(err)
		return ""
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Error(err)
	}
	if c.SHA256, c.Bytes, err = hashFile(Disk(filepath.Dir(path)), filepath.Base(path)); err != nil {
		t.Error(err)
	}
	if err := o.CloseClip(c); err != nil {
		t.Error(err)
	}
	return path
}

// TestCheckMakesNoFile: not even where the lock is missing, as in a copy.
func TestCheckMakesNoFile(t *testing.T) {
	dir := t.TempDir()
	o, err := Open(dir, Options{SegmentBytes: 4096, ReserveBytes: -1})
	if err != nil {
		t.Fatal(err)
	}
	put(t, o, anEvent(1, 1, bongsu.EventClosed))
	o.Close()
	if err := os.Remove(filepath.Join(dir, "lock")); err != nil {
		t.Fatal(err)
	}
	before := names(t, dir)
	if rep, err := Check(dir); err != nil || len(rep.Violations) > 0 || rep.InUse || rep.Counts.Events.Pending != 1 {
		t.Errorf("%+v, %v", rep, err)
	}
	if after := names(t, dir); !slices.Equal(before, after) {
		t.Errorf("before %v, after %v", before, after)
	}
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	all, err := filepath.Glob(dir + "/*")
	if err != nil {
		t.Fatal(err)
	}
	inner, err := filepath.Glob(dir + "/*/*")
	if err != nil {
		t.Fatal(err)
	}
	return append(all, inner...)
}
