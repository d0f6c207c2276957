package rules

import "bongsu"

// intrusionRule: something is in a zone where it must not be. Who stands in it with three corners of its box in the zone
// is in it (that is how KISA-style truth is made); so is, after Dwell, who has only its foot there,
// because a zone may be too flat in the picture to hold a body.
type intrusionRule struct{ stays }

func newIntrusion(w watcher, _ Options) judge {
	i := &intrusionRule{}
	i.stays = stays{watcher: w, of: i, patience: min(breakFor, w.Linger)}
	return i
}

// holds implements condition.
func (i *intrusionRule) holds(_ *Set, g *subject) bool {
	return g.stands() && bongsu.InZone(i.Zone, g.foot())
}

// full implements condition.
func (i *intrusionRule) full(_ *Set, g *subject) bool { return cornersIn(i.Zone, g.track.Box) >= 3 }

// sure implements condition.
func (i *intrusionRule) sure(_ *Set, _ *subject, t *stay) bool {
	return t.inside >= i.Confirm || t.present >= i.Dwell+i.Confirm
}

// explain implements condition.
func (i *intrusionRule) explain(_ *Set, f *bongsu.Firing, t *stay) {
	if t.inside >= i.Confirm {
		reason(f, "inside_s", t.inside.Seconds(), i.Confirm.Seconds())
		return
	}
	reason(f, "foot_inside_s", t.present.Seconds(), (i.Dwell + i.Confirm).Seconds())
}

// cornersIn counts the corners of a box that lie in a zone. Corners on the picture's right and lower
// edge count as just inside it, as foot points do.
func cornersIn(zone []bongsu.Point, b bongsu.Box) int {
	n := 0
	for _, p := range [4]bongsu.Point{{X: b.X0, Y: b.Y0}, {X: b.X1, Y: b.Y0}, {X: b.X0, Y: b.Y1}, {X: b.X1, Y: b.Y1}} {
		if bongsu.InZone(zone, inPicture(p)) {
			n++
		}
	}
	return n
}
