package uplink

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"bongsu"
	"bongsu/edge/outbox"
)

// anOutbox is a real one on disk with so many events and clips waiting.
func anOutbox(t *testing.T, events, clips int) *outbox.Outbox {
	t.Helper()
	o, err := outbox.Open(t.TempDir(), outbox.Options{ReserveBytes: -1, MinFreeBytes: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	})
	var wg sync.WaitGroup
	const callers = 64 // they share fsyncs
	for c := range callers {
		wg.Go(func() {
			for n := c; n < events; n += callers {
				if _, err := o.PutEvent(realEvent(n)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	content := bytes.Repeat([]byte("a clip of the backlog "), 3000)
	sum := sha256.Sum256(content)
	for n := range clips {
		clip := bongsu.Clip{Event: realEvent(n).Event.ID, Camera: "yard", Start: time.Now()}
		path, err := o.OpenClip(clip)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		clip.State, clip.Bytes, clip.SHA256 = bongsu.ClipReady, int64(len(content)), hex.EncodeToString(sum[:])
		if err := o.CloseClip(clip); err != nil {
			t.Fatal(err)
		}
	}
	wg.Wait()
	return o
}

func realEvent(n int) bongsu.EventRecord {
	now := time.Now()
	return bongsu.EventRecord{Snapshot: make([]byte, 1500), Event: bongsu.Event{
		ID: bongsu.EventID(fmt.Sprintf("01890a5d-ac96-774b-bcce-%012d", n)), Revision: 1, Camera: "yard", Rule: "fence",
		Kind: bongsu.KindIntrusion, Priority: bongsu.PriorityHigh, State: bongsu.EventClosed, Start: now, Fired: now, End: now}}
}

// TestDrain: the cloud comes back after long; what waits is filled in fast, and what happens
// meanwhile is not held up (row R12).
func TestDrain(t *testing.T) {
	events, clips := 10_000, 100
	if long() {
		events, clips = 100_000, 2_000
	}
	o := anOutbox(t, events, clips)
	c := newFakeCloud(t)
	began := time.Now()
	u, _ := start(t, c, nil, func(opt *Options) { opt.Store = o })
	var live []time.Duration
	n := events
	for o.Backlog().Events > 0 && time.Since(began) < 10*time.Minute {
		at := time.Now()
		rec := realEvent(n)
		n++
		if _, err := o.PutEvent(rec); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the live event is there", func() bool {
			c.mu.Lock()
			defer c.mu.Unlock()
			_, there := c.rows[rec.Event.Key()]
			return there
		})
		live = append(live, time.Since(at))
		wait(20 * time.Millisecond)
	}
	drained := time.Since(began)
	for deadline := time.Now().Add(10 * time.Minute); o.Backlog().Clips > 0 && time.Now().Before(deadline); {
		wait(10 * time.Millisecond)
	}
	all := time.Since(began)
	if rows := c.rowCount(); rows != n {
		t.Errorf("%d rows for %d events", rows, n)
	}
	if k := o.Counts(); k.Events.Pending != 0 || k.Clips.Pending != 0 || k.Clips.Acked != int64(clips) {
		t.Errorf("%+v", k)
	}
	slices.Sort(live)
	t.Logf("figure R12: %d events drained at %.0f a second, with %d clips after %v; live event p95 %v, worst %v of %d meanwhile; %d known",
		n, float64(n)/drained.Seconds(), clips, all.Round(time.Millisecond), live[len(live)*95/100].Round(time.Millisecond),
		live[len(live)-1].Round(time.Millisecond), len(live), u.Status().Sent.Known)
}
