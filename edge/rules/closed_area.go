package rules

import "bongsu"

// closedAreaRule: people are in a place outside of its hours. Its schedule says when the place is closed;
// who is still there when it closes is in it from then on.
type closedAreaRule struct{ stays }

func newClosedArea(w watcher, _ Options) judge {
	c := &closedAreaRule{}
	c.stays = stays{watcher: w, of: c, patience: min(breakFor, w.Linger)}
	return c
}

// holds implements condition.
func (c *closedAreaRule) holds(_ *Set, g *subject) bool {
	return g.stands() && bongsu.InZone(c.Zone, g.foot())
}

// full implements condition.
func (c *closedAreaRule) full(*Set, *subject) bool { return true }

// sure implements condition.
func (c *closedAreaRule) sure(_ *Set, _ *subject, t *stay) bool { return t.inside >= c.Confirm }

// explain implements condition.
func (c *closedAreaRule) explain(s *Set, f *bongsu.Firing, t *stay) {
	reason(f, "inside_s", t.inside.Seconds(), c.Confirm.Seconds())
	reason(f, "in_closed_hours_s", t.lasted().Seconds(), 0)
	local := t.since.wall.In(s.o.Location)
	reason(f, "since_minute_of_day", float64(local.Hour()*60+local.Minute()), 0)
}
