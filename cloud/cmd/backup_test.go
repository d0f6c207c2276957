package cmd

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bongsu"
	"bongsu/deploy/faults/witness"
)

// archived lists all events of a server with the hashes of their parts, as the API tells them.
func archived(r *running, token string) map[bongsu.EventID]string {
	r.t.Helper()
	all := map[bongsu.EventID]string{}
	for after := ""; ; {
		var page struct {
			Events []struct {
				bongsu.Event
				Clips []struct {
					Part          int
					State, SHA256 string
					Bytes         int64
				} `json:"clips"`
			} `json:"events"`
			Next string `json:"next"`
		}
		r.must("GET", "/api/v1/events?limit=100&after="+after, token, nil, &page)
		for _, e := range page.Events {
			all[e.ID] = fmt.Sprintf("%d %s %s %v", e.Revision, e.Start, e.Camera, e.Clips)
		}
		if after = page.Next; after == "" || len(page.Events) == 0 {
			return all
		}
	}
}

// TestBackupUnderLoad makes backups beside a server that takes events with clips, restores each
// and holds it against what the edge was promised (row R11).
func TestBackupUnderLoad(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	r, token, credential := world(t, data)
	var mu sync.Mutex
	var promised []bongsu.EventID
	count := func() int { mu.Lock(); defer mu.Unlock(); return len(promised) }
	var stop atomic.Bool
	var work sync.WaitGroup
	work.Go(func() {
		for n := 0; !stop.Load(); n++ {
			id := r.deliver(credential, fmt.Appendf(nil, "moving picture %d", n))
			mu.Lock()
			promised = append(promised, id)
			mu.Unlock()
		}
	})
	defer func() { stop.Store(true); work.Wait() }()
	type made struct {
		dir      string
		promised int // before it began
	}
	var backups []made
	var slowest time.Duration
	for n := range 2 {
		until(t, "some more events", func() bool { return count() >= 10*(n+1) })
		b := made{filepath.Join(t.TempDir(), "backup"), count()}
		began := time.Now()
		if out := must(t, "", "backup", "--data", data, b.dir); !strings.Contains(out, "sound") {
			t.Errorf("%s", out)
		}
		slowest = max(slowest, time.Since(began))
		backups = append(backups, b)
	}
	stop.Store(true)
	work.Wait()
	whole := archived(r, token)
	r.stop()
	for _, b := range backups {
		if code, named, said := breaches(t, b.dir); code != ExitOK {
			t.Errorf("exit code %d, %v, %+v", code, named, said)
		}
		restored := start(t, b.dir)
		got := archived(restored, token)
		for _, id := range promised[:b.promised] {
			if got[id] != whole[id] {
				t.Errorf("event %s was promised before the backup: restored as %q, is %q", id, got[id], whole[id])
			}
		}
		for id := range got {
			if !slices.Contains(promised, id) {
				t.Errorf("event %s comes from nowhere", id)
			}
		}
		restored.deliver(credential, []byte("after the restore"))
		restored.stop()
	}
	t.Logf("figure R11: %d backups under load, each taken in %v at most: %d of %d restores sound and equal to the model of up to %d events with clips",
		len(backups), slowest.Round(time.Millisecond), len(backups), len(backups), backups[len(backups)-1].promised)
}

// TestBackupTellsWhatIsWrong: a backup is whole or there is none.
func TestBackupTellsWhatIsWrong(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	fillCloud(t, data)
	before := witness.Tree(t, data)
	taken := t.TempDir()
	if code, _, errs := tool(t, "", "backup", "--data", data, taken); code != ExitFailure || !strings.Contains(errs, "exists") {
		t.Errorf("%d, %s", code, errs)
	}
	for _, args := range [][]string{{}, {"a", "b"}, {""}} {
		if code, _, errs := tool(t, "", append([]string{"backup", "--data", data}, args...)...); code != ExitUsage {
			t.Errorf("%v: %d, %s", args, code, errs)
		}
	}
	if code, _, errs := tool(t, "", "backup", "--data", t.TempDir(), filepath.Join(taken, "x")); code != ExitFailure || !strings.Contains(errs, "no database") {
		t.Errorf("%d, %s", code, errs)
	}
	small := filepath.Join(taken, "small")
	must(t, "", "backup", "--data", data, "--no-objects", small)
	if list, err := os.ReadDir(small); err != nil || len(list) != 1 {
		t.Errorf("%v, %v", list, err)
	}
	good := filepath.Join(taken, "good")
	must(t, "", "backup", "--data", data, good)
	if after := witness.Tree(t, data); !maps.Equal(before, after) {
		t.Errorf("a backup changed the original:\n%v\n%v", before, after)
	}
	if info, err := os.Stat(filepath.Join(good, dbFile)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	object(".mp4", gone)(t, data)
	bad := filepath.Join(taken, "bad")
	if code, _, errs := tool(t, "", "backup", "--data", data, bad); code != ExitFailure || !strings.Contains(errs, "not whole") {
		t.Errorf("%d, %s", code, errs)
	}
	if _, err := os.Stat(bad); err == nil {
		t.Error("a backup that is not whole is there under its name")
	}
}
