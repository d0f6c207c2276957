package sqlite

import (
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"bongsu"
	"bongsu/cloud/archive/archivetest"
)

// TestWritersOfTwoProcesses: handles of several processes take turns; none waits for long.
func TestWritersOfTwoProcesses(t *testing.T) {
	dir := t.TempDir()
	const handles, each = 3, 150
	var as []*Archive
	for range handles {
		a, err := Open(t.Context(), Options{Path: filepath.Join(dir, "a.db"), Busy: 20 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		as = append(as, a)
	}
	enrol(t, as[0])
	var mu sync.Mutex
	var waits []time.Duration
	var wg sync.WaitGroup
	begin := time.Now()
	for i, a := range as {
		wg.Go(func() {
			for n := range each {
				at := time.Now()
				_, err := a.PutInbox(t.Context(), archivetest.EdgeA, archivetest.T0, []bongsu.EventRecord{{Event: archivetest.Event(i*each+n, 1), Snapshot: make([]byte, 8<<10)}})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				waits = append(waits, time.Since(at))
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	slices.Sort(waits)
	t.Logf("%d handles: %.0f writes/s, median %v, p99 %v, worst %v", handles, float64(len(waits))/time.Since(begin).Seconds(),
		waits[len(waits)/2], waits[len(waits)*99/100], waits[len(waits)-1])
}
