package events

import (
	"slices"
	"time"

	"bongsu"
)

// What chatters (a box that comes and goes, somebody who sways on the edge of a zone) is told once: an
// event whose rule says that it has ended stays open for Options.Fold, and what the rule finds at the
// same place meanwhile goes on with it. A closed event is never opened again.

// samePlace is the overlap from which on two boxes are at the same place.
const samePlace = 0.3

// holdBack keeps an event that has ended open for a while.
func (m *Machine) holdBack(r *running, fi *bongsu.Firing) bool {
	if m.o.Fold < 0 || fi.Phase != bongsu.FiringEnd {
		return false
	}
	r.end, r.heard = fi.At, m.o.Now()
	m.open = slices.DeleteFunc(m.open, func(o *running) bool { return o == r })
	m.ended = append(m.ended, r)
	return true
}

// fold goes on with an event that has just ended when its rule finds something at the same place; nil
// when there is none.
func (m *Machine) fold(fi *bongsu.Firing) *running {
	i := slices.IndexFunc(m.ended, func(r *running) bool {
		return r.ev.Rule == fi.Rule && r.ev.Kind == fi.Kind && slices.Equal(r.ev.Zone, fi.Zone) && fi.At.Sub(r.end) < m.o.Fold && at(r, fi)
	})
	if i < 0 {
		return nil
	}
	r := m.ended[i]
	m.ended = slices.Delete(m.ended, i, i+1)
	m.open = append(m.open, r)
	m.folded.Add(1)
	r.stay = fi.Stay
	r.take(fi)
	return r
}

// at reports whether a firing is where an event was last.
func at(r *running, fi *bongsu.Firing) bool {
	last := lastBox(&r.ev)
	return last == fi.Track.Box || last.IoU(fi.Track.Box) >= samePlace
}

// settle closes what was held back for long enough, by frame time.
func (m *Machine) settle(now time.Time, out []bongsu.Event) []bongsu.Event {
	return m.release(now, out, func(r *running) bool { return now.Sub(r.end) >= m.o.Fold })
}

// expire closes what was held back for long enough where no frame time passes.
func (m *Machine) expire(now time.Time, out []bongsu.Event) []bongsu.Event {
	return m.release(now, out, func(r *running) bool { return m.o.Now().Sub(r.heard) >= m.o.Fold })
}

func (m *Machine) release(now time.Time, out []bongsu.Event, over func(*running) bool) []bongsu.Event {
	if len(m.ended) == 0 {
		return out
	}
	m.ended = slices.DeleteFunc(m.ended, func(r *running) bool {
		if !over(r) {
			return false
		}
		out = append(out, m.conclude(now, r))
		return true
	})
	return out
}

// conclude closes an event whose close was held back.
func (m *Machine) conclude(now time.Time, r *running) bongsu.Event {
	r.close(r.end, bongsu.CloseEnded)
	return m.stamp(r, now, nil, time.Time{})
}

// Folded is how many findings went on with an event that had ended. It may be called at any time.
func (m *Machine) Folded() uint64 { return m.folded.Load() }
