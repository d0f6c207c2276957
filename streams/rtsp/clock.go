package rtsp

import (
	"sync"
	"time"
)

// Bounds of the clock mapping. docs/design/time.md gives the reasons and the measurements.
const (
	slewSlow = 500e-6 // correction per second of media in steady state: 500 ppm
	slewFast = 0.2    // while a mapping is far off, or moves onto the shared clock
	farOff   = 500 * time.Millisecond

	stampStep = 250 * time.Millisecond // by which a picture ahead of the floor shows a moved stamp

	floorWindow = 5 * time.Second // the least delay is looked for over one to two of these

	reportsAgree = 100 * time.Millisecond // between two sender reports that confirm each other
	sharedWithin = 2 * time.Second        // by which two streams of one camera may be late against each other
)

// Clock maps the media times of one camera's streams to this box's wall clock. Two streams of
// one camera (the main stream and a detection sub-stream) share one Clock, so that the same
// instant gets the same wall time in both: by their sender reports when both send consistent
// ones, otherwise by their arrival. It outlives runs. Safe for concurrent use.
type Clock struct {
	mu      sync.Mutex
	epoch   time.Time // all offsets are from here; set by the first observation
	streams []*Mapping
}

// NewClock makes the clock of one camera.
func NewClock() *Clock { return &Clock{} }

// Attach adds one stream for the length of one run. Detach must be called at its end.
func (c *Clock) Attach() *Mapping {
	m := &Mapping{clock: c}
	c.mu.Lock()
	c.streams = append(c.streams, m)
	c.mu.Unlock()
	return m
}

// Mapping is the clock of one stream during one run: wall = epoch + media time + offset.
//
// The offset follows the floor: the least (arrival − media time) of the last seconds. A
// picture cannot arrive before it was taken, so an arrival ahead of the mapping moves it at
// once; a later floor is followed by at most 500 ppm. A wall time is thus never later than
// the arrival that it belongs to, and never goes back while the media time rises.
type Mapping struct {
	clock *Clock

	begun   bool
	offset  time.Duration // in force
	lastPTS time.Duration // highest seen

	floor       time.Duration // least arrival − media time, followed slowly upwards
	least       time.Duration // in the window under way
	leastBefore time.Duration // in the window before it
	windowEnd   time.Duration // arrival since epoch at which the window ends
	lastArrival time.Duration

	steps   uint64        // pictures far ahead of the floor
	reports int           // sender reports in a row that agree
	camera  time.Duration // camera's clock − media time, by the last one, from epoch
}

// Observe notes that the picture of media time pts arrived (its last packet), and gives the
// wall time of pts. Only the wall reading of arrived is used.
func (m *Mapping) Observe(pts time.Duration, arrived time.Time) time.Time {
	c := m.clock
	c.mu.Lock()
	defer c.mu.Unlock()
	arrived = arrived.Round(0)
	if c.epoch.IsZero() {
		c.epoch = arrived
	}
	at := arrived.Sub(c.epoch)
	late := at - pts
	if !m.begun {
		m.begun = true
		m.offset, m.floor, m.least, m.leastBefore = late, late, late, late
		m.windowEnd, m.lastArrival, m.lastPTS = at+floorWindow, at, pts
		return c.epoch.Add(pts + m.offset).UTC()
	}
	m.follow(late, at)
	passed := max(0, pts-m.lastPTS)
	m.lastPTS = max(m.lastPTS, pts)
	target := m.target()
	if d := target - m.offset; d < 0 {
		m.offset += max(d, -scale(passed, slewFast))
	} else {
		m.offset += min(d, scale(passed, rate(d)))
	}
	m.offset = min(m.offset, late)
	return c.epoch.Add(pts + m.offset).UTC()
}

// follow moves the floor to a new observation.
func (m *Mapping) follow(late, at time.Duration) {
	m.least = min(m.least, late)
	if at >= m.windowEnd {
		m.leastBefore, m.least = m.least, late
		m.windowEnd = at + floorWindow
	}
	passed := max(0, at-m.lastArrival)
	m.lastArrival = max(m.lastArrival, at)
	if late < m.floor-stampStep {
		m.steps++
	}
	if late <= m.floor {
		m.floor = late
		return
	}
	if d := min(m.least, m.leastBefore) - m.floor; d > 0 {
		m.floor += min(d, scale(passed, rate(d)))
	}
}

// target is where the offset should be. With sender reports it is the least floor of the
// camera's streams, carried over by the camera's own clock.
func (m *Mapping) target() time.Duration {
	if m.reports < 2 {
		return m.floor
	}
	best := m.floor
	for _, o := range m.clock.streams {
		if o == m || !o.begun || o.reports < 2 {
			continue
		}
		if t := o.floor + m.camera - o.camera; t < best && t > m.floor-sharedWithin {
			best = t
		}
	}
	return best
}

func rate(d time.Duration) float64 {
	if d > farOff {
		return slewFast
	}
	return slewSlow
}

func scale(d time.Duration, f float64) time.Duration { return time.Duration(float64(d) * f) }

// Report notes a sender report: at media time pts the camera's clock showed ntp. It reports
// whether the claim is believed: two in a row agree within 100 ms.
func (m *Mapping) Report(pts time.Duration, ntp time.Time) bool {
	c := m.clock
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.epoch.IsZero() {
		return false
	}
	camera := ntp.Sub(c.epoch) - pts
	if d := camera - m.camera; m.reports > 0 && d.Abs() <= reportsAgree {
		m.reports++
	} else {
		m.reports = 1
	}
	m.camera = camera
	return m.reports >= 2
}

// reported gives how many sender reports in a row agree.
func (m *Mapping) reported() int {
	m.clock.mu.Lock()
	defer m.clock.mu.Unlock()
	return m.reports
}

// Steps counts the pictures that arrived more than 250 ms ahead of all before them: the
// camera's stamps moved, for nothing arrives before it was taken.
func (m *Mapping) Steps() uint64 {
	m.clock.mu.Lock()
	defer m.clock.mu.Unlock()
	return m.steps
}

// Claim is what the camera says its clock showed at media time pts; zero while no two sender
// reports agree.
func (m *Mapping) Claim(pts time.Duration) time.Time {
	c := m.clock
	c.mu.Lock()
	defer c.mu.Unlock()
	if m.reports < 2 {
		return time.Time{}
	}
	return c.epoch.Add(pts + m.camera).UTC()
}

// Forget drops what sender reports have told: a new timeline began.
func (m *Mapping) Forget() {
	m.clock.mu.Lock()
	m.reports = 0
	m.clock.mu.Unlock()
}

// Detach takes the stream off the camera's clock.
func (m *Mapping) Detach() {
	c := m.clock
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, o := range c.streams {
		if o == m {
			c.streams = append(c.streams[:i], c.streams[i+1:]...)
			return
		}
	}
}

// ntpTime converts a 64-bit NTP timestamp (RFC 3550, section 4: seconds since 1900 and a
// binary fraction). The era is that of the years 1968 to 2104, as RFC 4330, section 3 reads it.
func ntpTime(v uint64) time.Time {
	sec := int64(v>>32) - 2208988800
	if v>>63 == 0 {
		sec += 1 << 32
	}
	return time.Unix(sec, int64(v&0xffffffff*1e9>>32)).UTC()
}
