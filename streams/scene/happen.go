package scene

import (
	"math"
	"slices"
	"time"

	"bongsu"
	"bongsu/streams/truth"
)

// Kinds of event in the truth.
const (
	EventIntrusion    = "intrusion"
	EventLoitering    = "loitering"
	EventWrongWay     = "wrong-way"
	EventFall         = "fall"
	EventFight        = "fight"
	EventFire         = "fire"
	EventAbandonment  = "abandoned-bag"
	EventClimb        = "climb"
	EventLineCrossing = "line-crossing"
	EventStopped      = "stopped-vehicle"
	EventClosedArea   = "closed-area"
	EventCrowd        = "crowd"
)

const (
	abandonedS = 10 // how long a bag lies alone before it counts as left behind, seconds
	aloneM     = 2  // how far off its owner is then, metres on the ground
)

// stretch is a time during which something held for one object.
type stretch struct {
	from, to int // frames; to lies outside
	id       int
}

// Events finds what happened, from the truth of all frames: it follows the geometry, not the
// intention of the scene file.
func (r *Renderer) Events(seq *truth.Sequence) []truth.Event {
	out := []truth.Event{}
	for i := range r.scene.Zones {
		out = append(out, r.zoneEvents(seq, &r.scene.Zones[i])...)
	}
	for i := range r.scene.Lines {
		out = append(out, r.lineEvents(seq, &r.scene.Lines[i])...)
	}
	person := func(states ...string) func(int, *truth.Object) bool {
		return func(_ int, o *truth.Object) bool {
			return o.Class == bongsu.ClassPerson && slices.Contains(states, o.State)
		}
	}
	add := func(kind string, c truth.Category, merge bool, is func(int, *truth.Object) bool) {
		for _, s := range stretches(seq, is) {
			if kind == EventAbandonment && s.to-s.from < abandonedS*seq.FPS {
				continue // put down for a moment
			}
			e := r.event(seq, kind, c, s, "")
			if last := len(out) - 1; merge && last >= 0 && out[last].Kind == kind && e.StartUS <= out[last].EndUS {
				out[last].EndUS = max(out[last].EndUS, e.EndUS)
				out[last].Objects = append(out[last].Objects, e.Objects...)
				continue
			}
			out = append(out, e)
		}
	}
	add(EventFall, truth.Falldown, false, person(truth.StateFalling, truth.StateFallen))
	add(EventFight, truth.Violence, true, person(truth.StateFighting))
	add(EventClimb, "", false, person(truth.StateClimbing))
	add(EventFire, truth.FireDetection, true, func(_ int, o *truth.Object) bool { return o.Class == bongsu.ClassFire || o.Class == bongsu.ClassSmoke })
	add(EventAbandonment, truth.Abandonment, false, func(n int, o *truth.Object) bool {
		return o.Class == bongsu.ClassBag && o.State == truth.StateLeft && r.alone(o.ID, n)
	})
	slices.SortStableFunc(out, func(a, b truth.Event) int { return int(a.StartUS - b.StartUS) })
	return out
}

// alone reports whether who put a bag down is farther from it than aloneM in picture n.
func (r *Renderer) alone(bag, n int) bool {
	now := float64(n) / float64(r.scene.Camera.FPS)
	for _, p := range r.cast {
		if int(p.id) != bag || p.bag == nil {
			continue
		}
		_, left := p.bag.whereabouts(now)
		if left == nil {
			return false
		}
		if !left.who.time.present(now) {
			return true
		}
		lies, stands := p.bag.carried(left.who, left.at).at, left.who.time.at(now).at
		return math.Hypot(lies.x-stands.x, lies.y-stands.y) > aloneM
	}
	return false
}

func (r *Renderer) event(seq *truth.Sequence, kind string, c truth.Category, s stretch, zone string) truth.Event {
	return truth.Event{Kind: kind, Category: c, StartUS: r.PTS(s.from).Microseconds(), EndUS: min(r.PTS(s.to).Microseconds(), seq.DurationUS), Zone: zone, Objects: []int{s.id}}
}

// stretches finds for each object the pictures in which is holds; gaps of up to a second, in which it
// is hidden or steps out, do not count. They are in the order of their beginning.
func stretches(seq *truth.Sequence, is func(n int, o *truth.Object) bool) []stretch {
	open := map[int]int{}
	var out []stretch
	for i := range seq.Frames {
		for j := range seq.Frames[i].Objects {
			o := &seq.Frames[i].Objects[j]
			if !is(i, o) {
				continue
			}
			if k, ok := open[o.ID]; ok && i-out[k].to <= seq.FPS {
				out[k].to = i + 1
				continue
			}
			open[o.ID] = len(out)
			out = append(out, stretch{i, i + 1, o.ID})
		}
	}
	return out
}

// crossing tells in which direction the step from a to b crosses the line, "" when it does not.
func crossing(l *Line, a, b bongsu.Point) string {
	p, q := l.Points[0], l.Points[1]
	turn := func(ax, ay, bx, by, cx, cy float32) float32 { return (bx-ax)*(cy-ay) - (by-ay)*(cx-ax) }
	sa, sb := turn(p[0], p[1], q[0], q[1], a.X, a.Y), turn(p[0], p[1], q[0], q[1], b.X, b.Y)
	if (sa > 0) == (sb > 0) {
		return ""
	}
	if s, t := turn(a.X, a.Y, b.X, b.Y, p[0], p[1]), turn(a.X, a.Y, b.X, b.Y, q[0], q[1]); (s > 0) == (t > 0) {
		return ""
	}
	if sa > 0 { // y grows downwards: positive is to the right of the line
		return bongsu.DirectionRightToLeft
	}
	return bongsu.DirectionLeftToRight
}

// Clip is the ground-truth file of one category, with the zones in pixels of 1280×720.
func (r *Renderer) Clip(seq *truth.Sequence, c truth.Category, file string) *truth.Clip {
	clip := &truth.Clip{Scenario: string(c), Dataset: "Bongsu simulated scenes", LibVersion: "1", File: file, Duration: seq.Duration(), Zones: r.ZoneMap()}
	clip.Weather.TimeOfDay = r.scene.Light.Time
	words := func(v float64) string {
		if v > 0 {
			return "yes"
		}
		return ""
	}
	w := &r.scene.Weather
	clip.Weather.Rain, clip.Weather.Snow, clip.Weather.Fog = words(w.Rain), words(w.Snow), words(w.Fog)
	clip.Weather.Windy, clip.Weather.Clouds = words(w.Wind), words(w.Cloud)
	for i := range seq.Events {
		if e := &seq.Events[i]; e.Category == c {
			clip.Alarms = append(clip.Alarms, truth.Alarm{Start: e.Start(), Category: c, Duration: max(time.Second, e.End()-e.Start())})
		}
	}
	return clip
}

// ZoneMap is the scene's zones in pixels of 1280×720.
func (r *Renderer) ZoneMap() truth.ZoneMap {
	var m truth.ZoneMap
	names := map[string]string{ZoneIntrusion: truth.AreaIntrusion, ZoneLoitering: truth.AreaLoitering, ZoneDetect: truth.AreaDetect}
	for i := range r.scene.Zones {
		z := &r.scene.Zones[i]
		if m.Area(names[z.Kind]) != nil {
			continue // a map has one area of a name
		}
		a := truth.Area{Name: names[z.Kind]}
		for _, p := range z.Polygon {
			a.Points = append(a.Points, truth.Pixel{X: int(p[0]*truth.ZoneWidth + 0.5), Y: int(p[1]*truth.ZoneHeight + 0.5)})
		}
		m.Areas = append(m.Areas, a)
	}
	return m
}
