package events

import (
	"slices"
	"time"

	"bongsu"
)

// Adopt takes over the events that a lost worker left open. The same rule and zone firing within
// Options.Adoption continues an event under its ID at the next revision; Tick closes the others
// as interrupted. Events of other cameras, closed ones, and IDs that are known already are left
// alone.
func (m *Machine) Adopt(open []bongsu.Event) {
	expires := m.o.Now().Add(m.o.Adoption)
	for _, ev := range open {
		if ev.Camera != m.o.Camera || ev.State != bongsu.EventOpen || m.knows(ev.ID) {
			continue
		}
		m.adopted = append(m.adopted, &running{ev: ev, revised: ev.Fired, expires: expires, offset: m.offset()})
	}
}

func (m *Machine) knows(id bongsu.EventID) bool {
	same := func(r *running) bool { return r.ev.ID == id }
	return slices.ContainsFunc(m.adopted, same) || slices.ContainsFunc(m.ended, same) || slices.ContainsFunc(m.open, same)
}

// adopt finds the waiting event that a firing continues: of the same rule and zone, and of those
// the one whose thing was last seen nearest.
func (m *Machine) adopt(fi *bongsu.Firing) *running {
	best, nearest := -1, float32(0)
	for i, r := range m.adopted {
		if r.ev.Rule != fi.Rule || r.ev.Kind != fi.Kind || !slices.Equal(r.ev.Zone, fi.Zone) {
			continue
		}
		if d := distance(lastBox(&r.ev), fi.Track.Box); best < 0 || d < nearest {
			best, nearest = i, d
		}
	}
	if best < 0 {
		return nil
	}
	r := m.adopted[best]
	m.adopted = slices.Delete(m.adopted, best, best+1)
	return r
}

func lastBox(ev *bongsu.Event) bongsu.Box {
	if n := len(ev.Trail); n > 0 {
		return ev.Trail[n-1].Box
	}
	return ev.Box
}

func distance(a, b bongsu.Box) float32 {
	p, q := a.Foot(), b.Foot()
	return (p.X-q.X)*(p.X-q.X) + (p.Y-q.Y)*(p.Y-q.Y)
}

// Tick closes adopted events that nothing has continued in time, at the last instant at which
// anything is known of them, and storms that are over.
func (m *Machine) Tick(now time.Time) []bongsu.Event {
	out := m.expire(now, m.calm(now))
	m.adopted = slices.DeleteFunc(m.adopted, func(r *running) bool {
		if now.Before(r.expires) {
			return false
		}
		end := r.ev.Fired
		if n := len(r.ev.Trail); n > 0 {
			end = r.ev.Trail[n-1].At
		}
		r.close(end, bongsu.CloseInterrupted)
		out = append(out, m.stamp(r, now, nil, time.Time{}))
		return true
	})
	return out
}

// framesUTC copies deciding frames with their times in UTC.
func framesUTC(frames []bongsu.DecidingFrame) []bongsu.DecidingFrame {
	out := slices.Clone(frames)
	for i := range out {
		out[i].At = utc(out[i].At)
	}
	return out
}

// trailUTC copies a trail with its times in UTC.
func trailUTC(trail []bongsu.TrailPoint) []bongsu.TrailPoint {
	out := slices.Clone(trail)
	for i := range out {
		out[i].At = utc(out[i].At)
	}
	return out
}

// joinTrails continues an event's way. A new trail that begins at or before the old one's end is
// that trail grown longer, and replaces it from there on. What is more than bongsu.MaxTrail is
// thinned in its older half.
func joinTrails(old, more []bongsu.TrailPoint) []bongsu.TrailPoint {
	if len(more) == 0 {
		return old
	}
	before := 0
	for before < len(old) && old[before].At.Before(more[0].At) {
		before++
	}
	out := slices.Concat(old[:before], more)
	for len(out) > bongsu.MaxTrail {
		thin := make([]bongsu.TrailPoint, 0, len(out))
		for i, p := range out {
			if i >= len(out)/2 || i%2 == 0 {
				thin = append(thin, p)
			}
		}
		out = thin
	}
	return out
}
