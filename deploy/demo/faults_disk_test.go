package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"bongsu"
)

// diskBytes is the small disk: the log's reserve is 32 MiB, segments are 8 MiB, and clips have to
// leave 16 MiB free.
const diskBytes = 96 << 20

// smallDisk mounts a tmpfs where the system's edge will have its data, or skips loudly.
func (s *System) smallDisk(t *testing.T, dir string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED: the full disk needs root, for a small tmpfs")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("bongsu-test", dir, "tmpfs", 0, fmt.Sprintf("size=%d", diskBytes)); err != nil {
		t.Skipf("NOT TESTED: the full disk needs a small tmpfs, and none can be mounted here: %v", err)
	}
	t.Cleanup(func() {
		s.Stop() // nobody has it open any more
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("unmount %s: %v", dir, err)
		}
	})
}

// fill takes all the space that is left, and gives the bytes.
func fill(t *testing.T, path string) (taken int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, size := range []int{1 << 20, 4 << 10} {
		block := make([]byte, size)
		for {
			n, err := f.Write(block)
			taken += int64(n)
			if errors.Is(err, syscall.ENOSPC) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	return taken
}

// TestFullDisk fills the disk of an edge whose cloud is away. Cameras go on and events are stored
// in the blocks that the log holds already, then, after a kill, in the reserve; the edge says
// which. When not even the reserve is there a start is refused in words. With space and the cloud
// back all events arrive, once, and nothing is left half written.
func TestFullDisk(t *testing.T) {
	t.Parallel() // it mostly waits
	s := startSystem(t, tinyModel(t, "tiny", 0.9))
	data := filepath.Join(s.Dir, "edge")
	s.smallDisk(t, data)
	ctx := within(t, 2*time.Minute)
	s.EdgeMore = "outbox:\n  reserve_bytes: 16777216\n"
	shows := blinkers(t, 2, 2)
	if err := s.StartCameras(ctx, shows, true); err != nil {
		t.Fatal(err)
	}
	if err := s.StartEdge(ctx, shows); err != nil {
		t.Fatal(err)
	}
	s.waitLive(t, ctx, len(shows))
	eventually(t, ctx, "events and clips arrive", func() (bool, string) {
		st, err := s.edgeStatus(ctx)
		return err == nil && st.Outbox.Events.Acked > 3 && st.Outbox.Clips.Acked > 0, fmt.Sprintf("%+v %v", st.Outbox, err)
	})
	s.fullDisk(t, ctx, data)
	s.drain(t, ctx)
	st, err := s.edgeStatus(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("the outbox's own sums: %+v", st.Outbox)
	s.Process("edge").Stop(10 * time.Second)
	s.checkFullDisk(t, ctx, st, data)
	s.Process("cloud").Stop(10 * time.Second)
	s.checkStores(t, ctx)
}

// fullDisk fills the disk, watches, starts the edge anew on it, and empties it.
func (s *System) fullDisk(t *testing.T, ctx context.Context, data string) {
	t.Helper()
	s.Process("cloud").Stop(10 * time.Second)
	filler := filepath.Join(data, "filler")
	filled := time.Now()
	taken := fill(t, filler)
	s.says(t, ctx, "disk-low")
	said := time.Since(filled)
	t.Logf("%d MiB taken; /healthz said disk-low after %.1f s", taken>>20, said.Seconds())
	if said > 10*time.Second {
		t.Errorf("the edge said so after %v, want 10 s at most", said)
	}
	s.storedOnFullDisk(t, ctx, filler)
	s.lookedAtOnFullDisk(t, 5*time.Second)

	// A start begins a new file of the log: that takes the reserve.
	killNow(t, ctx, s.Process("edge"))
	fill(t, filler)
	if err := s.StartEdge(ctx, nil); err != nil {
		t.Fatal(err)
	}
	s.says(t, ctx, "disk-full")
	s.waitLive(t, ctx, 2)
	s.storedOnFullDisk(t, ctx, filler)
	// And the next one finds nothing any more: it is refused in words, and nothing is spoiled.
	killNow(t, ctx, s.Process("edge"))
	fill(t, filler)
	if err := s.StartEdge(ctx, nil); err == nil {
		t.Log("the edge started even though there was no reserve left")
		killNow(t, ctx, s.Process("edge"))
	} else {
		t.Logf("without any space left a start is refused: %.300s", err)
		if !errors.Is(err, ErrEnded) || !strings.Contains(err.Error(), "no space left") {
			t.Errorf("a start without any space: %v", err)
		}
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	s.wellAgain(t, ctx)
}

// says waits until the edge is unwell for this reason.
func (s *System) says(t *testing.T, ctx context.Context, code string) {
	t.Helper()
	eventually(t, ctx, "the edge says "+code, func() (bool, string) {
		h, err := s.edgeHealth(ctx)
		return err == nil && !h.OK && h.has(code), fmt.Sprintf("%+v %v", h, err)
	})
}

// storedOnFullDisk waits until more events are durable, taking at once whatever space appears.
func (s *System) storedOnFullDisk(t *testing.T, ctx context.Context, filler string) {
	t.Helper()
	before, err := s.edgeStatus(ctx)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, ctx, "events are stored on the full disk", func() (bool, string) {
		fill(t, filler)
		st, err := s.edgeStatus(ctx)
		return err == nil && st.Outbox.Events.Created >= before.Outbox.Events.Created+8, fmt.Sprintf("%+v %v", st.Outbox, err)
	})
}

// lookedAtOnFullDisk watches the cameras for d.
func (s *System) lookedAtOnFullDisk(t *testing.T, d time.Duration) {
	t.Helper()
	began := time.Now()
	r, err := s.watch(within(t, 4*d), func(*rises) bool { return time.Since(began) > d })
	if err != nil {
		t.Fatal(err)
	}
	for id, at := range r.at {
		widest := time.Duration(0)
		for i := 1; i < len(at); i++ {
			widest = max(widest, at[i].Sub(at[i-1]))
		}
		t.Logf("%s on the full disk: widest gap between reports %.1f s", id, widest.Seconds())
		if widest > gapWithin || len(at) < 2 {
			t.Errorf("%s did not go on while the disk was full: %d reports, widest gap %v", id, len(at), widest)
		}
	}
}

// wellAgain starts what was down after there is space, and waits until nothing is wrong.
func (s *System) wellAgain(t *testing.T, ctx context.Context) {
	t.Helper()
	began := time.Now()
	if err := s.StartCloud(ctx); err != nil {
		t.Fatal(err)
	}
	if err := s.StartEdge(ctx, nil); err != nil {
		t.Fatal(err)
	}
	st, err := s.edgeStatus(ctx)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, ctx, "the edge is well again and sends events and clips", func() (bool, string) {
		now, err := s.edgeStatus(ctx)
		h, herr := s.edgeHealth(ctx)
		ok := err == nil && herr == nil && h.OK && now.Outbox.Events.Acked > st.Outbox.Events.Created && now.Outbox.Clips.Acked > st.Outbox.Clips.Acked
		return ok, fmt.Sprintf("%+v %+v %v %v", now.Outbox, h, err, herr)
	})
	t.Logf("well again, with new events and clips in the cloud, %.1f s after there was space", time.Since(began).Seconds())
}

// checkFullDisk holds the archive against the outbox's sums, and looks for half files.
func (s *System) checkFullDisk(t *testing.T, ctx context.Context, st edgeStatus, data string) {
	t.Helper()
	events, err := s.events(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	revisions, lost := 0, 0
	for _, e := range events {
		var page struct {
			Revisions []bongsu.Event `json:"revisions"`
		}
		if err := s.API(ctx, "GET", "/events/"+string(e.ID)+"/revisions", nil, &page); err != nil {
			t.Fatal(err)
		}
		revisions += len(page.Revisions)
		for _, c := range e.Clips {
			switch {
			case c.State == bongsu.ClipWriting:
				t.Errorf("part %d of event %s is %s in the cloud", c.Part, e.ID, c.State)
			case c.State != bongsu.ClipReady && c.State != bongsu.ClipTorn:
				lost++
			}
		}
	}
	if int64(revisions) != st.Outbox.Events.Created {
		t.Errorf("%d revisions in the archive, the edge recorded %d", revisions, st.Outbox.Events.Created)
	}
	if clips := st.Outbox.Clips; int64(lost) != clips.Evicted+clips.Failed {
		t.Errorf("the cloud knows of %d lost parts of clips, the edge of %d evicted and %d failed", lost, clips.Evicted, clips.Failed)
	}
	s.checkThings(t, events)
	left, err := filepath.Glob(filepath.Join(data, "outbox", "clips", "*"))
	if err != nil || len(left) > 0 {
		t.Errorf("files of clips are left on the edge: %v, %v", left, err)
	}
	t.Logf("%d revisions of %d events recorded, %d in the archive", st.Outbox.Events.Created, len(events), revisions)
}
