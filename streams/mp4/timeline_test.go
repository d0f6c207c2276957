package mp4

import (
	"math/rand/v2"
	"testing"
	"time"

	"bongsu/streams"
)

// stamp makes a unit of which only the times count.
func stamp(dts, pts time.Duration, key bool) *streams.AccessUnit {
	return &streams.AccessUnit{DTS: dts, PTS: pts, Key: key}
}

// TestTimelineKeepsStamps: sane stamps come back to half a tick, however long the stream and
// wherever its clock begins.
func TestTimelineKeepsStamps(t *testing.T) {
	rnd := newRand(t)
	for range 50 {
		begin := time.Duration(rnd.Int64N(int64(1000 * time.Hour)))
		var line timeline
		dts := begin
		for i := range 500 {
			reorder := time.Duration(rnd.IntN(5)) * 33 * time.Millisecond
			at, step, cts := line.next(stamp(dts, dts+reorder, i%30 == 0))
			if d := fromTicks(at) - (dts - begin); d > 6*time.Microsecond || d < -6*time.Microsecond {
				t.Fatalf("unit %d at %v is put at %v", i, dts-begin, fromTicks(at))
			}
			if d := fromTicks(at+cts) - (dts + reorder - begin); d > 6*time.Microsecond || d < -6*time.Microsecond {
				t.Fatalf("unit %d is shown %v off", i, d)
			}
			if i > 0 && step < 1 {
				t.Fatalf("unit %d: a step of %d", i, step)
			}
			dts += time.Duration(1+rnd.IntN(900)) * time.Millisecond
		}
		if line.bent != 0 {
			t.Fatalf("%d steps were bent", line.bent)
		}
	}
}

// TestTimelineNeverRunsBack: whatever the stamps, every step is at least a tick and at most
// the bound, and no picture is shown before it is decoded.
func TestTimelineNeverRunsBack(t *testing.T) {
	rnd := newRand(t)
	for range 200 {
		var line timeline
		last := int64(-1)
		dts := time.Duration(0)
		for i := range 300 {
			switch rnd.IntN(12) {
			case 0:
				dts += time.Duration(rnd.Int64N(int64(10*time.Hour))) - 5*time.Hour
			case 1:
				dts -= time.Duration(rnd.IntN(200)) * time.Millisecond
			default:
				dts += 40 * time.Millisecond
			}
			pts := dts + time.Duration(rnd.IntN(400)-200)*time.Millisecond
			if rnd.IntN(50) == 0 {
				pts += time.Duration(rnd.Int64N(int64(4*time.Hour))) - 2*time.Hour
			}
			limit := line.limit()
			at, step, cts := line.next(stamp(dts, pts, rnd.IntN(25) == 0))
			if at <= last || i > 0 && (step < 1 || step > limit || at-last != step) || cts < 0 || cts > maxReorder {
				t.Fatalf("unit %d: at %d after %d, step %d of at most %d, shown after %d", i, at, last, step, limit, cts)
			}
			last = at
		}
	}
}

// TestTimelineLimits: the bound grows with the GOP, and has a floor and a ceiling.
func TestTimelineLimits(t *testing.T) {
	for _, tc := range []struct {
		gop  time.Duration
		want int64
	}{
		{100 * time.Millisecond, leastGap},
		{2 * time.Second, 4 * timescale},
		{4 * time.Second, 8 * timescale},
	} {
		var line timeline
		if line.limit() != firstGap {
			t.Errorf("before the first GOP the bound is %d", line.limit())
		}
		line.next(stamp(0, 0, true))
		line.next(stamp(tc.gop, tc.gop, true))
		if line.limit() != tc.want {
			t.Errorf("a GOP of %v: the bound is %d, want %d", tc.gop, line.limit(), tc.want)
		}
	}
	long := timeline{started: true, gop: 3600 * timescale}
	if long.limit() != maxGap {
		t.Errorf("an hour's GOP: the bound is %d", long.limit())
	}
}

// TestTimelineGoesOnAfterAJump: after a jump of either kind the steps are again as stamped.
func TestTimelineGoesOnAfterAJump(t *testing.T) {
	for _, jump := range []time.Duration{-3 * time.Hour, -2 * time.Second, 90 * time.Second, 26*time.Hour + 30*time.Minute} {
		var line timeline
		dts := 10 * time.Hour
		for i := range 100 {
			if i == 50 {
				dts += jump
			}
			_, step, cts := line.next(stamp(dts, dts+80*time.Millisecond, i%25 == 0))
			if i > 50 && (step != 3600 || cts != 7200) {
				t.Fatalf("jump of %v: unit %d has a step of %d, shown after %d", jump, i, step, cts)
			}
			dts += 40 * time.Millisecond
		}
		if line.bent != 1 {
			t.Errorf("jump of %v: %d steps were bent", jump, line.bent)
		}
	}
}

// TestTimelineSmallStepBack: a jitter backwards is caught up with, it does not lengthen the clip.
func TestTimelineSmallStepBack(t *testing.T) {
	var line timeline
	rnd := rand.New(rand.NewPCG(1, 1))
	var at int64
	for i := range 1000 {
		d := time.Duration(i) * 40 * time.Millisecond
		if i > 0 && i < 999 {
			d += time.Duration(rnd.IntN(100)-50) * time.Millisecond
		}
		at, _, _ = line.next(stamp(d, d, i%25 == 0))
	}
	if at != 999*3600 {
		t.Errorf("the last of 1,000 units is at %d, want %d", at, 999*3600)
	}
	if line.bent == 0 {
		t.Error("the test made no step back")
	}
}

// TestNext tells where Add would put a unit, without putting it there.
func TestNext(t *testing.T) {
	units := fakeUnits(newRand(t), 10, 5, 100*time.Millisecond)
	w, err := Create("d/clip.mp4", WriterOptions{FS: newMemFS()})
	if err != nil {
		t.Fatal(err)
	}
	for i, au := range units {
		at, step := w.Next(au)
		at2, step2 := w.Next(au)
		if at != time.Duration(i)*100*time.Millisecond || at != at2 || step != step2 || i > 0 && step != 100*time.Millisecond {
			t.Errorf("unit %d: at %v, step %v; again %v, %v", i, at, step, at2, step2)
		}
		if err := w.Add(au); err != nil {
			t.Fatal(err)
		}
		if w.At() != at {
			t.Errorf("unit %d was to be at %v and is at %v", i, at, w.At())
		}
	}
	if err := w.Leave(); err != nil {
		t.Error(err)
	}
}
