package rules

import "bongsu"

// loiteringRule: someone stays in a zone longer than allowed. Time counts from the first picture in the
// zone, and what is bridged of losses and of steps out of it (up to Linger) counts as well: a stay is
// of a person, not of a track.
type loiteringRule struct{ stays }

func newLoitering(w watcher, _ Options) judge {
	l := &loiteringRule{}
	l.stays = stays{watcher: w, of: l, patience: w.Linger}
	return l
}

// holds implements condition.
func (l *loiteringRule) holds(_ *Set, g *subject) bool {
	return g.stands() && bongsu.InZone(l.Zone, g.foot())
}

// full implements condition.
func (l *loiteringRule) full(*Set, *subject) bool { return true }

// sure implements condition.
func (l *loiteringRule) sure(_ *Set, _ *subject, t *stay) bool { return t.lasted() >= l.Dwell }

// explain implements condition.
func (l *loiteringRule) explain(_ *Set, f *bongsu.Firing, t *stay) {
	reason(f, "dwell_s", t.lasted().Seconds(), l.Dwell.Seconds())
	reason(f, "seen_s", t.present.Seconds(), 0)
}
