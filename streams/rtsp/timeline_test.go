package rtsp

import (
	"math/rand/v2"
	"testing"
	"time"

	"bongsu/streams"
	"bongsu/streams/streamstest"
)

const step = 3600 // ticks of a picture at 25 a second

// playLine places stamps that arrive every 40 ms.
func playLine(reorder int, stamps []uint32) (pts, dts []int64, fresh []bool, st Stats) {
	l := &timeline{count: &st}
	l.begin(25, reorder, reorder > 0)
	at := time.Unix(5000, 0)
	for _, s := range stamps {
		p, d, f := l.place(s, at)
		pts, dts, fresh = append(pts, p), append(dts, d), append(fresh, f)
		at = at.Add(40 * time.Millisecond)
	}
	return pts, dts, fresh, st
}

func regularStamps(from uint32, n int) []uint32 {
	out := make([]uint32, n)
	for i := range out {
		out[i] = from + uint32(i)*step
	}
	return out
}

func TestTimelineWraps(t *testing.T) {
	pts, dts, _, st := playLine(0, regularStamps(1<<32-5*step, 10))
	for i := range pts {
		if pts[i] != int64(i)*step || dts[i] != pts[i] {
			t.Fatalf("unit %d is at %d, decoded at %d", i, pts[i], dts[i])
		}
	}
	if st != (Stats{}) {
		t.Fatalf("%+v", st)
	}
}

// TestTimelineQuirks: equal and backward stamps, single outliers, lasting jumps (Q16, Q17, R35).
func TestTimelineQuirks(t *testing.T) {
	hour := uint32(3600 * ticksPerSecond)
	edit := func(change func(s []uint32)) []uint32 {
		s := regularStamps(1000, 20)
		change(s)
		return s
	}
	jump := func(by uint32) []uint32 {
		return edit(func(s []uint32) {
			for i := 10; i < len(s); i++ {
				s[i] += by
			}
		})
	}
	for name, c := range map[string]struct {
		stamps    []uint32
		restamped uint64
		timelines uint64
		span      int64 // from the first unit to the last
	}{
		"equal stamps":           {edit(func(s []uint32) { s[7] = s[6] }), 1, 0, 19 * step},
		"a small step back":      {edit(func(s []uint32) { s[7] = s[6] - 900 }), 1, 0, 19 * step},
		"one stamp hours ahead":  {edit(func(s []uint32) { s[7] += hour }), 1, 0, 19 * step},
		"one stamp hours back":   {edit(func(s []uint32) { s[7] -= hour + hour }), 1, 0, 19 * step},
		"two wild stamps":        {edit(func(s []uint32) { s[7] += hour; s[8] -= hour }), 2, 0, 19 * step},
		"jump ahead for good":    {jump(hour), 3, 1, 19 * step},
		"jump back for good":     {jump(-hour - hour - hour), 3, 1, 19 * step},
		"jump by half the range": {jump(1 << 31), 3, 1, 19 * step},
		"a second back for good": {jump(1<<32 - ticksPerSecond), 3, 1, 19 * step},
	} {
		t.Run(name, func(t *testing.T) {
			pts, dts, fresh, st := playLine(0, c.stamps)
			if st.Restamped != c.restamped || st.Timelines != c.timelines {
				t.Errorf("%d restamped, %d timelines", st.Restamped, st.Timelines)
			}
			n := uint64(0)
			for i := 1; i < len(pts); i++ {
				if pts[i] <= pts[i-1] || dts[i] != pts[i] {
					t.Fatalf("unit %d is at %d after %d", i, pts[i], pts[i-1])
				}
				if pts[i]-pts[i-1] > 3*step {
					t.Fatalf("unit %d lies %d ticks after the one before", i, pts[i]-pts[i-1])
				}
				if fresh[i] {
					n++
				}
			}
			if n != c.timelines {
				t.Errorf("%d timelines were told of", n)
			}
			if d := pts[len(pts)-1] - pts[0] - c.span; d < -step || d > step {
				t.Errorf("the units span %d ticks, not %d", pts[len(pts)-1]-pts[0], c.span)
			}
		})
	}
}

// TestTimelinePause: stamps that jump because time did pass are right.
func TestTimelinePause(t *testing.T) {
	var st Stats
	l := &timeline{count: &st}
	l.begin(25, 0, false)
	at := time.Unix(5000, 0)
	l.place(0, at)
	if pts, _, fresh := l.place(8*ticksPerSecond, at.Add(8*time.Second)); pts != 8*ticksPerSecond || fresh || st.Restamped != 0 {
		t.Fatalf("after a pause of 8 s a unit is at %d", pts)
	}
}

// TestDecodingTimes: rising, never after display, and the display times kept, whether the
// depth of reordering is declared too deep, exactly, too shallow or not at all.
func TestDecodingTimes(t *testing.T) {
	for _, declared := range []int{0, 1, 2, 4} {
		units := streamstest.Synthetic(streamstest.SyntheticOptions{Units: 61, GOP: 20, BFrames: 2})
		var st Stats
		l := &timeline{count: &st}
		l.begin(25, declared, declared > 0)
		last := int64(-1)
		late := 0
		var first int64
		for i, au := range units {
			l.begin(25, 0, kindOf(streams.H264, au.NALs[len(au.NALs)-1]).b)
			stamp := uint32(int64(au.PTS) * 9 / 100000)
			pts, dts, _ := l.place(stamp, time.Unix(5000, 0).Add(au.DTS))
			if i == 0 {
				first = pts
			}
			if want := int64(stamp) - int64(uint32(int64(units[0].PTS)*9/100000)); pts-first != want {
				t.Fatalf("declared %d: unit %d is shown at %d, not %d", declared, i, pts-first, want)
			}
			if dts <= last {
				t.Fatalf("declared %d: unit %d is decoded at %d after %d", declared, i, dts, last)
			}
			if dts > pts {
				late++
			}
			last = dts
		}
		if limit := map[bool]int{true: 2, false: 0}[declared == 0]; late > limit {
			t.Errorf("declared %d: %d units are decoded after they are shown", declared, late)
		}
		if st.Restamped != 0 {
			t.Errorf("declared %d: %d units were restamped", declared, st.Restamped)
		}
	}
}

// FuzzTimeline: whatever a camera stamps, decoding times rise strictly, places stay near the
// time that passed, and without B pictures they rise too.
func FuzzTimeline(f *testing.F) {
	f.Add(uint8(0), uint64(1))
	f.Add(uint8(2), uint64(2))
	f.Fuzz(func(t *testing.T, reorder uint8, seed uint64) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		var st Stats
		l := &timeline{count: &st}
		l.begin(25, int(reorder%17), reorder%3 > 0)
		at, raw := time.Unix(5000, 0), rnd.Uint32()
		begin := at
		lastPTS, lastDTS := int64(-1), int64(-1)
		for i := range 300 {
			pts, dts, _ := l.place(raw, at)
			if dts <= lastDTS {
				t.Fatalf("seed %d: decoding time %d after %d at unit %d", seed, dts, lastDTS, i)
			}
			if !l.back && pts <= lastPTS {
				t.Fatalf("seed %d: place %d after %d at unit %d", seed, pts, lastPTS, i)
			}
			passed := int64(at.Sub(begin)) * ticksPerSecond / int64(time.Second)
			if limit := passed + int64(i+1)*(maxJumpAhead+ticksPerSecond); pts > limit || pts < -limit-maxReorderBack {
				t.Fatalf("seed %d: place %d of unit %d, %d ticks after the beginning", seed, pts, i, passed)
			}
			lastPTS, lastDTS = pts, dts
			switch rnd.IntN(10) {
			case 0:
				raw = rnd.Uint32()
			case 1:
				raw -= uint32(rnd.IntN(10 * step))
			case 2:
			default:
				raw += step
			}
			at = at.Add(time.Duration(rnd.IntN(80)) * time.Millisecond)
		}
	})
}
