package outbox

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"bongsu"
	"bongsu/deploy/faults/sickdisk"
)

// segmentCount counts the segments in the folder of an outbox.
func segmentCount(t *testing.T, dir string) int {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, journalDir, "*.log"))
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// alarmed waits until Health shows a problem and gives how long that took.
func alarmed(t *testing.T, o *Outbox, code string) time.Duration {
	t.Helper()
	began := time.Now()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		if slices.ContainsFunc(o.Health(), func(p Problem) bool { return p.Code == code }) {
			break
		}
		if time.Since(began) > time.Minute {
			t.Fatalf("no alarm %s: %+v", code, o.Health())
		}
	}
	return time.Since(began)
}

// TestFailedSyncOnASickDisk is TestFailedSyncIsNeverTrusted on a disk below the kernel (row R4):
// after a failed fsync its segment is never written again, and all that was acknowledged is there.
func TestFailedSyncOnASickDisk(t *testing.T) {
	d := sickdisk.New(t)
	dir := filepath.Join(d.Path, "outbox")
	o, err := Open(dir, Options{SegmentBytes: 64 << 10, ReserveBytes: -1, MinFreeBytes: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	const events, every = 200, 10
	var slowest time.Duration
	segments := map[string][]byte{} // as they were when they were given up
	for n := range events {
		if n%every == 0 {
			before := segmentCount(t, dir)
			spoilt := filepath.Join(dir, segmentName(o.journal.number()))
			d.FailSync(1)
			put(t, o, anEvent(n, 1, bongsu.EventClosed))
			slowest = max(slowest, alarmed(t, o, problemWrite))
			given, err := os.ReadFile(spoilt)
			if err != nil {
				t.Fatal(err)
			}
			segments[spoilt] = given
			if segmentCount(t, dir) <= before {
				t.Fatalf("event %d: no new segment after a failed fsync", n)
			}
			continue
		}
		put(t, o, anEvent(n, 1, bongsu.EventClosed))
	}
	for name, was := range segments {
		if now, err := os.ReadFile(name); err != nil || !bytes.Equal(now, was) {
			t.Errorf("%s was written again after its fsync had failed, %v", name, err)
		}
	}
	if d.Failed() != events/every {
		t.Errorf("%d fsyncs failed", d.Failed())
	}
	o.Close()
	again, err := Open(dir, Options{SegmentBytes: 64 << 10, ReserveBytes: -1, MinFreeBytes: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if got := len(pendingKeys(t, again, false)); got != events {
		t.Errorf("%d of %d events are there", got, events)
	}
	if rep, err := Check(dir); err != nil || len(rep.Violations) != 0 {
		t.Errorf("%+v, %v", rep, err)
	}
	t.Logf("figure R4: %d failed fsyncs: 0 acknowledged on one, a new segment each, alarm after %v at most, %d of %d events there", d.Failed(), slowest.Round(time.Millisecond), events, events)
}

// TestHangingSickDisk is TestDiskHangs through the kernel, with real time (row R6).
func TestHangingSickDisk(t *testing.T) {
	t.Parallel()
	d := sickdisk.New(t)
	o, err := Open(filepath.Join(d.Path, "outbox"), Options{ReserveBytes: -1, MinFreeBytes: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	d.Hang(true)
	hung := time.Now()
	const callers = 16
	results := make(chan error, callers)
	for n := range callers {
		go func() { _, err := o.PutEvent(anEvent(n, 1, bongsu.EventClosed)); results <- err }()
	}
	before := heap()
	alarm := alarmed(t, o, problemHang)
	for os.Getenv("BONGSU_LONG") != "" && time.Since(hung) < time.Minute {
		alarmed(t, o, problemHang)
	}
	grown := heap() - before
	d.Hang(false)
	for range callers {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	if got := len(pendingKeys(t, o, false)); got != callers || len(o.Health()) != 0 {
		t.Errorf("%d of %d events, %+v", got, callers, o.Health())
	}
	t.Logf("figure R6: outbox on a disk that hangs for %v: alarm after %v, %d KiB more in memory, 0 of %d events lost",
		time.Since(hung).Round(time.Second), alarm.Round(100*time.Millisecond), grown>>10, callers)
}

// TestReadOnlySickDisk: EROFS and EIO through the kernel, and back (rows R4, R7).
func TestReadOnlySickDisk(t *testing.T) {
	d := sickdisk.New(t)
	dir := filepath.Join(d.Path, "outbox")
	o, err := Open(dir, Options{SegmentBytes: 64 << 10, ReserveBytes: -1, MinFreeBytes: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	n := 0
	for _, errno := range []syscall.Errno{syscall.EROFS, syscall.EIO} {
		put(t, o, anEvent(n, 1, bongsu.EventClosed))
		d.Fail(errno)
		for range 20 {
			if _, err := o.PutEvent(anEvent(n+1, 1, bongsu.EventClosed)); !errors.Is(err, errno) {
				t.Fatalf("%v, want %v", err, errno)
			}
		}
		alarmed(t, o, problemWrite)
		if got := len(pendingKeys(t, o, false)); got != n+1 {
			t.Errorf("%v: %d events can be read, not %d", errno, got, n+1)
		}
		d.Fail(0)
		put(t, o, anEvent(n+1, 1, bongsu.EventClosed))
		n += 2
	}
	o.Close()
	if rep, err := Check(dir); err != nil || len(rep.Violations) != 0 || rep.Counts.Events.Pending != int64(n) {
		t.Errorf("%+v, %v", rep, err)
	}
}
