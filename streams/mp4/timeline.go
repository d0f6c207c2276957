package mp4

import (
	"time"

	"bongsu/streams"
)

// timescale is the units a second of all times in the files written here: that of RTP video
// (RFC 3551), so that a camera's own stamps survive unrounded.
const timescale = 90000

// Bounds of the time from one sample to the next.
const (
	firstGap    = 5 * timescale    // most before a whole GOP was seen
	leastGap    = 1 * timescale    // least value of the cap of 2 × GOP
	backStep    = 1 * timescale    // a step back from which on the stamps count as a new time line
	defaultStep = timescale / 25   // for a clip of one sample
	maxGap      = 600 * timescale  // most, however long the GOP
	maxReorder  = 16 * leastGap    // most that a picture may wait to be shown
	maxMedia    = 3600 * timescale // most of one file
)

// timeline lays the units of a stream on a track: it begins at 0, every step is at least one
// tick, and a step is at most twice the longest GOP seen, so that a jump of the camera's clock
// cannot make a clip of hours.
type timeline struct {
	base    time.Duration // DTS of the first unit
	started bool
	at      int64 // ticks, of the last unit
	shift   int64 // ticks, what was added to the stamps
	step    int64 // the last one
	key     int64 // at of the last key unit
	gop     int64 // the longest seen
	bent    int   // steps that were not taken as stamped
}

// toTicks rounds d to the nearest tick.
func toTicks(d time.Duration) int64 {
	const unit = int64(time.Second) / 10000 // 9 ticks
	n := int64(d)
	whole, rest := n/unit, n%unit
	r := rest * 9
	if r >= 0 {
		return whole*9 + (r+unit/2)/unit
	}
	return whole*9 + (r-unit/2)/unit
}

// fromTicks gives the Duration of n ticks.
func fromTicks(n int64) time.Duration {
	d, _ := ticks(n, timescale)
	return d
}

// limit is the longest step allowed now.
func (t *timeline) limit() int64 {
	if t.gop == 0 {
		return firstGap
	}
	return min(max(2*t.gop, leastGap), maxGap)
}

// next places au: at is its decoding time on the track, step the time since the unit before
// it, cts how much later than at it is shown.
func (t *timeline) next(au *streams.AccessUnit) (at, step, cts int64) {
	if !t.started {
		t.started, t.base = true, au.DTS
		return 0, 0, t.reorder(au)
	}
	want := toTicks(au.DTS-t.base) + t.shift
	step = want - t.at
	switch {
	case step <= -backStep:
		step = max(t.step, 1)
		t.shift += t.at + step - want
		t.bent++
	case step < 1:
		step = 1 // the stamps are expected to catch up
		t.bent++
	case step > t.limit():
		t.shift -= step - t.limit()
		step = t.limit()
		t.bent++
	}
	t.at += step
	t.step = step
	if au.Key {
		t.gop = max(t.gop, t.at-t.key)
		t.key = t.at
	}
	return t.at, step, t.reorder(au)
}

// reorder is how long after its decoding a picture is shown; never negative.
func (t *timeline) reorder(au *streams.AccessUnit) int64 {
	if au.PTS-au.DTS > time.Minute {
		return 0 // a wild stamp: shown when decoded
	}
	return min(max(toTicks(au.PTS-t.base)+t.shift-t.at, 0), maxReorder)
}
