package rules

import (
	"time"

	"bongsu"
)

// stoppedRule: a vehicle stands where none may. Only one that was seen to come is an event: who was parked
// there from the first picture on is part of the place, and so is a vehicle that the model sees only
// now and then and that never moved.
type stoppedRule struct{ stays }

// stillFor is how long a vehicle must be where it is to stand.
const stillFor = 3 * time.Second

// arrived is how far, in sizes of its box, a vehicle must have moved before its eyes.
const arrived = 0.5

func newStopped(w watcher, _ Options) judge {
	v := &stoppedRule{}
	v.stays = stays{watcher: w, of: v, patience: w.Linger}
	return v
}

// holds implements condition. What a lost worker has reported did arrive.
func (v *stoppedRule) holds(s *Set, g *subject) bool {
	if !bongsu.InZone(v.Zone, g.foot()) || s.watched-g.rest.since.watched < stillFor {
		return false
	}
	return g.rest.moved >= arrived || v.stayOf(g.id) != nil || v.awaited(g)
}

func (v *stoppedRule) awaited(g *subject) bool {
	for _, r := range v.resumed {
		if r.class.Alike(g.track.Class) && apart(r.box, g.track.Box) <= resumeReach {
			return true
		}
	}
	return false
}

// full implements condition.
func (v *stoppedRule) full(*Set, *subject) bool { return true }

// sure implements condition: it stands since it came to rest, not since that was sure.
func (v *stoppedRule) sure(_ *Set, g *subject, t *stay) bool {
	if !t.known && g.rest.since.clock < t.since.clock && t.present == 0 {
		t.since = g.rest.since
	}
	return t.lasted() >= v.Dwell
}

// explain implements condition.
func (v *stoppedRule) explain(_ *Set, f *bongsu.Firing, t *stay) {
	reason(f, "still_s", t.lasted().Seconds(), v.Dwell.Seconds())
}
