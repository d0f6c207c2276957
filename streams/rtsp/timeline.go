package rtsp

import (
	"slices"
	"time"
)

// ticksPerSecond is the RTP clock of H.264 and H.265 (RFC 6184 and RFC 7798, section 5.1).
const ticksPerSecond = 90000

// Bounds of what one camera's timestamps may do from one unit to the next. Beyond them a
// stamp is an outlier: the unit is put next to its neighbour, and newTimelineAfter outliers
// that agree with each other begin a new timeline.
const (
	maxJumpAhead     = 5 * ticksPerSecond // beyond the time that passed since the unit before
	maxJumpBack      = ticksPerSecond / 2 // in a stream without B pictures
	maxReorderBack   = 2 * ticksPerSecond // in a stream with them
	newTimelineAfter = 3
	maxLate          = 4  // intervals by which a picture may be decoded after its display, while the depth is not known
	maxReorder       = 16 // H.264 annex A: no more pictures than this wait for display
)

// defaultStep stands in for the interval of pictures until it is known: 25 pictures a second.
const defaultStep = ticksPerSecond / 25

// timeline turns the camera's RTP timestamps into one media clock a run: ticks that begin at
// or shortly after 0, do not jump, and rise in every stream without B pictures, whatever the
// camera stamps. It also reconstructs decoding times, which RTP does not carry.
type timeline struct {
	count *Stats

	begun   bool
	raw     uint32    // stamp of the last unit whose stamp was believed
	ticks   int64     // its place
	out     int64     // highest place given
	arrived time.Time // of the last unit
	step    int64     // interval between units, the last plausible one

	strange    int // outliers in a row that agree with each other
	strangeRaw uint32

	back    bool    // stamps may go back: the stream holds B pictures
	reorder int     // pictures by which decoding order may differ from display order
	waiting []int64 // places not yet used as decoding times, ascending
	lastDTS int64
}

// begin tells the declared rate of pictures (0 when none is) and how deep they are reordered
// at most; back says that they are. It may be called again when the parameter sets change.
func (t *timeline) begin(fps float64, reorder int, back bool) {
	if fps > 0 && t.step == 0 {
		t.step = int64(ticksPerSecond / fps)
	}
	t.reorder = max(t.reorder, reorder)
	t.back = t.back || back
}

// place gives the unit stamped raw its presentation and decoding times in ticks. fresh says
// that a new timeline began: what was known about the camera's clock no longer holds.
func (t *timeline) place(raw uint32, arrived time.Time) (pts, dts int64, fresh bool) {
	if t.step <= 0 {
		t.step = defaultStep
	}
	if !t.begun {
		t.begun = true
		t.raw, t.arrived, t.lastDTS = raw, arrived, -1
		t.ticks = int64(t.reorder) * t.step
		t.out = t.ticks
		return t.out, t.decodingTime(t.out), false
	}
	passed := max(0, int64(arrived.Sub(t.arrived)*ticksPerSecond/time.Second))
	t.arrived = arrived
	d := int64(int32(raw - t.raw))
	back := int64(maxJumpBack)
	if t.back {
		back = maxReorderBack
	}
	if d > maxJumpAhead+passed || d < -back {
		pts, fresh = t.outlier(raw, passed)
	} else {
		pts = t.regular(raw, d)
	}
	dts = t.decodingTime(pts)
	if dts-pts > maxLate*t.step { // no depth that is still to be found explains it: the stamp is wrong
		t.count.Restamped++
		t.count.Quirks[QuirkStampNotRising]++
		pts = dts
	}
	t.out = max(t.out, pts)
	return pts, dts, fresh
}

func (t *timeline) regular(raw uint32, d int64) int64 {
	t.strange = 0
	t.raw = raw
	t.ticks += d
	if d > 0 && d < ticksPerSecond {
		t.step = d
	}
	if d < 0 && t.back {
		t.count.Quirks.once(QuirkReorderedPictures)
	}
	if !t.back && t.ticks <= t.out {
		t.count.Restamped++
		t.count.Quirks[QuirkStampNotRising]++
		return t.out + 1
	}
	return t.ticks
}

// outlier puts a unit with a stamp that cannot be right next to its neighbour.
func (t *timeline) outlier(raw uint32, passed int64) (pts int64, fresh bool) {
	t.count.Restamped++
	t.count.Quirks[QuirkStampOutlier]++
	pts = t.out + max(t.step, passed)
	if d := int64(int32(raw - t.strangeRaw)); t.strange > 0 && d >= -maxJumpAhead && d <= maxJumpAhead+passed {
		t.strange++
	} else {
		t.strange = 1
	}
	t.strangeRaw = raw
	if t.strange < newTimelineAfter {
		return pts, false
	}
	t.count.Timelines++
	t.count.Quirks[QuirkNewTimeline]++
	t.strange, t.raw, t.ticks = 0, raw, pts
	return pts, true
}

// at gives the place of another stamp of the same timeline, such as a sender report's.
func (t *timeline) at(raw uint32) int64 { return t.ticks + int64(int32(raw-t.raw)) }

// decodingTime gives the unit placed at pts its decoding time: the place of the unit that
// is displayed `reorder` pictures earlier. Those are known when they are needed: a unit is
// decoded at most that many pictures before it is displayed. Decoding times rise strictly. One
// after its display shows that the depth is larger than was thought.
func (t *timeline) decodingTime(pts int64) int64 {
	i, _ := slices.BinarySearch(t.waiting, pts)
	t.waiting = slices.Insert(t.waiting, i, pts)
	dts := t.waiting[0]
	if missing := t.reorder + 1 - len(t.waiting); missing > 0 { // the first units
		dts -= int64(missing) * t.step
	} else {
		t.waiting = slices.Delete(t.waiting, 0, len(t.waiting)-t.reorder)
	}
	t.lastDTS = max(t.lastDTS+1, dts)
	if t.lastDTS > pts && t.reorder < maxReorder {
		t.reorder++
	}
	return t.lastDTS
}

// duration converts ticks, rounded to the nanosecond below.
func duration(ticks int64) time.Duration {
	return time.Duration(ticks/ticksPerSecond)*time.Second +
		time.Duration(ticks%ticksPerSecond)*time.Second/ticksPerSecond
}
