package events

import (
	"maps"
	"slices"
	"time"

	"bongsu"
)

// storm is how often one rule of the camera fires, and while that is too often for anybody to look
// at, the one event that stands for all of it. Each rule has its own, so that what is critical is
// never hidden in something less.
type storm struct {
	begins []time.Time // frame times of the latest begins, a ring of StormLimit
	next   int

	r     *running        // nil in calm
	stays map[uint64]bool // that r stands for and that go on
	last  time.Time       // frame time of the latest finding
	heard time.Time       // when that was, on the machine's clock
}

// gather takes a firing that belongs to a storm. It gives a revision when there is one to tell.
func (m *Machine) gather(now time.Time, f *bongsu.Frame, inferred time.Time, fi *bongsu.Firing) (ev bongsu.Event, news, taken bool) {
	s := m.storms[fi.Rule]
	switch fi.Phase {
	case bongsu.FiringBegin, bongsu.FiringPulse:
		if s == nil {
			s = &storm{begins: make([]time.Time, m.o.StormLimit), stays: map[uint64]bool{}}
			m.storms[fi.Rule] = s
		}
		many := s.begin(fi.At, m.o.StormWindow)
		if !s.blows() && (!many || m.awaited(fi)) {
			return ev, false, false
		}
		if !s.blows() {
			s.r = m.fresh(f, fi)
			m.open = append(m.open, s.r)
		}
		s.r.ev.Count++
		m.gathered.Add(1)
		if fi.Phase == bongsu.FiringBegin {
			s.stays[fi.Stay] = true
		}
	default:
		if s == nil || !s.stays[fi.Stay] {
			return ev, false, false
		}
		if fi.Phase != bongsu.FiringHold {
			delete(s.stays, fi.Stay)
		}
	}
	s.heard = m.o.Now()
	if fi.At.After(s.last) {
		s.last = fi.At
	}
	if !s.blows() { // it was closed from outside; its stays have no event any more
		return ev, false, true
	}
	s.r.ev.Score = max(s.r.ev.Score, fi.Track.Score)
	s.r.ev.Reasons = []bongsu.Reason{{Name: "coalesced", Value: float64(s.r.ev.Count), Threshold: float64(m.o.StormLimit)}}
	if s.r.ev.Revision > 0 && !m.due(s.r, now) {
		return ev, false, true
	}
	return m.stamp(s.r, now, f, inferred), true, true
}

// Gathered is how many findings stand in events of many so far. It may be called at any time.
func (m *Machine) Gathered() uint64 { return m.gathered.Load() }

// awaited reports whether an event of a lost worker waits for this firing.
func (m *Machine) awaited(fi *bongsu.Firing) bool {
	return slices.ContainsFunc(m.adopted, func(r *running) bool {
		return r.ev.Rule == fi.Rule && r.ev.Kind == fi.Kind && slices.Equal(r.ev.Zone, fi.Zone)
	})
}

// begin notes a begin and reports whether there were too many within window.
func (s *storm) begin(at time.Time, window time.Duration) bool {
	oldest := s.begins[s.next]
	s.begins[s.next] = at
	s.next = (s.next + 1) % len(s.begins)
	return !oldest.IsZero() && at.Sub(oldest) < window
}

func (s *storm) blows() bool { return s.r != nil && s.r.ev.State == bongsu.EventOpen }

// calm closes the storms that are over: all they stand for has ended, and nothing new came.
func (m *Machine) calm(now time.Time) []bongsu.Event {
	var out []bongsu.Event
	for _, rule := range slices.Sorted(maps.Keys(m.storms)) {
		s := m.storms[rule]
		if !s.blows() || len(s.stays) > 0 || m.o.Now().Sub(s.heard) < m.o.StormWindow {
			continue
		}
		s.r.close(s.last, bongsu.CloseEnded)
		m.open = slices.DeleteFunc(m.open, func(o *running) bool { return o == s.r })
		out = append(out, m.stamp(s.r, now, nil, time.Time{}))
	}
	return out
}

func (s *storm) shift(d time.Duration) {
	s.last = s.last.Add(d)
	for i, t := range s.begins {
		if !t.IsZero() {
			s.begins[i] = t.Add(d)
		}
	}
}
