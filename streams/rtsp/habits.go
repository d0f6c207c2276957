package rtsp

import (
	"time"

	"bongsu/streams"
)

// What a camera's habits are judged by.
const (
	longGOP      = 10 * time.Second
	reportsBy    = 10 * time.Second // media time by which a sender report is expected
	rateUnits    = 50               // units over which a rate is measured
	rateOff      = 0.2              // by which declared and delivered rate may differ
	clockWindow  = 3 * time.Second  // of arrival, over which the camera's clock is measured
	clockOff     = 0.01             // by which it may run slow or fast
	clockWindows = 2                // in a row that must agree
)

// habits watches how a camera delivers, for what its owner should know.
type habits struct {
	key     time.Duration // media time of the last key unit
	hasKey  bool
	units   int // of the rate being measured
	begin   time.Duration
	rate    float64   // pictures a second of media time, by the measurement before
	from    time.Time // arrival and media time at which the window begins
	fromPTS time.Duration
	off     int // windows in a row in which the clock ran off in one direction
	forward bool
}

// see takes the unit that is delivered next. declared is the rate that the camera tells, 0
// when it does not.
func (h *habits) see(au *streams.AccessUnit, declared float64, count *Stats) {
	q := &count.Quirks
	if au.Key {
		if h.hasKey && au.PTS-h.key > longGOP {
			q[QuirkLongGOP]++
		}
		h.key, h.hasKey = au.PTS, true
	}
	if au.PTS > reportsBy && count.Reports == 0 {
		q.once(QuirkNoReports)
	}
	h.measure(au, declared, q)
	h.clock(au, q)
}

// measure judges the rate of pictures.
func (h *habits) measure(au *streams.AccessUnit, declared float64, q *QuirkCounts) {
	if h.units == 0 {
		h.begin = au.DTS
	}
	if h.units++; h.units <= rateUnits {
		return
	}
	span := (au.DTS - h.begin).Seconds()
	h.units, h.begin = 1, au.DTS
	if span <= 0 {
		return
	}
	rate := rateUnits / span
	if declared > 0 && (rate < declared*(1-rateOff) || rate > declared*(1+rateOff)) {
		q.once(QuirkRateMismatch)
	}
	if h.rate > 0 && (rate < h.rate*0.6 || rate > h.rate*1.7) {
		q[QuirkRateChange]++
	}
	h.rate = rate
}

// clock judges whether the camera's clock runs slow or fast against this box's.
func (h *habits) clock(au *streams.AccessUnit, q *QuirkCounts) {
	if h.from.IsZero() {
		h.from, h.fromPTS = au.Arrived, au.PTS
		return
	}
	passed := au.Arrived.Sub(h.from)
	if passed < clockWindow {
		return
	}
	r := float64(au.PTS-h.fromPTS)/float64(passed) - 1
	h.from, h.fromPTS = au.Arrived, au.PTS
	if r < clockOff && r > -clockOff {
		h.off = 0
		return
	}
	if h.off > 0 && h.forward != (r > 0) {
		h.off = 0
	}
	h.forward = r > 0
	if h.off++; h.off >= clockWindows {
		q.once(QuirkClockRate)
	}
}
