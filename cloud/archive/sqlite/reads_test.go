package sqlite

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bongsu"
	"bongsu/cloud/archive"
	"bongsu/cloud/archive/archivetest"
)

// TestLongReader holds a read while much is written (row R10): the log stays bounded, the read is
// ended with a sentence that says why, short reads go on.
func TestLongReader(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	a := open(t, path)
	enrol(t, a)
	total := int64(48 << 20)
	if os.Getenv("BONGSU_LONG") != "" {
		total = 4 << 30
	}
	holding := make(chan struct{})
	held := make(chan error, 1)
	go func() {
		held <- a.read(t.Context(), "a long one", func(tx *tx) error {
			var n int
			if err := tx.row("SELECT count(*) FROM inbox", nil, &n); err != nil {
				return err
			}
			close(holding)
			<-tx.ctx.Done()
			return tx.row("SELECT count(*) FROM inbox", nil, &n)
		})
	}()
	<-holding
	var stop atomic.Bool
	var reading sync.WaitGroup
	short, ended := 0, 0
	reading.Go(func() {
		for ; !stop.Load(); short++ {
			// On a busy machine one of them may take long as well, and is told so.
			if _, err := a.PendingInbox(t.Context(), archivetest.T0.Add(time.Hour), archive.Pending{}, 10); errors.Is(err, errTooLong) {
				ended++
			} else if err != nil {
				t.Error(err)
			}
		}
	})
	var took []time.Duration
	var largest, written int64
	for n := 0; written < total; n++ {
		var recs []bongsu.EventRecord
		for k := range 8 {
			recs = append(recs, bongsu.EventRecord{Event: archivetest.Event(n*8+k, 1), Snapshot: make([]byte, 48<<10)})
			written += 48 << 10
		}
		began := time.Now()
		if _, err := a.PutInbox(t.Context(), archivetest.EdgeA, archivetest.T0, recs); err != nil {
			t.Fatal(err)
		}
		took = append(took, time.Since(began))
		if wal, err := os.Stat(path + "-wal"); err == nil {
			largest = max(largest, wal.Size())
		}
	}
	stop.Store(true)
	reading.Wait()
	select {
	case err := <-held:
		held <- err
	case <-time.After(time.Minute):
		t.Fatalf("the long read goes on, the log has %d MiB", largest>>20)
	}
	if err := <-held; !errors.Is(err, errTooLong) || bongsu.CodeOf(err) != bongsu.CodeUnavailable {
		t.Errorf("the long read ended with %v", err)
	}
	if largest > 64<<20 {
		t.Errorf("the log grew to %d MiB", largest>>20)
	}
	slices.Sort(took)
	t.Logf("figure R10: a read held while %d MiB were written: log %d MiB at most, the read was ended; write p99 %v (8 revisions with pictures each), %d short reads meanwhile, %d of them ended too",
		written>>20, largest>>20, took[len(took)*99/100].Round(time.Millisecond), short, ended)
}
