package scene

import (
	"math"

	"bongsu/streams/truth"
)

// span of a timeline: what an actor does from one instant to another.
type act struct {
	from, to float64 // seconds
	word     string  // one of the Acts
	state    string
	path     *path // nil: stays at at
	speed    float64
	at       vec
	heading  float64
	height   float64 // climb
	run      float64 // metres walked before
	with     string
	before   string // the act before: a fall from standing differs from one from running
}

// moment is what an actor does at one instant.
type moment struct {
	act     *act
	at      vec
	heading float64
	age     float64 // seconds since the act began
	share   float64 // 0..1 of the act
	run     float64 // metres walked in all
	speed   float64
	lift    float64
}

// path is a line through points, walked at an even pace.
type path struct {
	pts  []vec
	runs []float64 // metres from the beginning to each
}

func newPath(pts []vec, round bool) *path {
	if round {
		for range 3 {
			pts = chaikin(pts)
		}
	}
	p := &path{pts: pts, runs: make([]float64, len(pts))}
	for i := 1; i < len(pts); i++ {
		p.runs[i] = p.runs[i-1] + pts[i].sub(pts[i-1]).len()
	}
	return p
}

// chaikin cuts corners (Chaikin, "An algorithm for high-speed curve generation", 1974), and keeps
// both ends.
func chaikin(pts []vec) []vec {
	if len(pts) < 3 {
		return pts
	}
	out := []vec{pts[0]}
	for i := 1; i < len(pts); i++ {
		out = append(out, pts[i-1].to(pts[i], 0.25), pts[i-1].to(pts[i], 0.75))
	}
	return append(out, pts[len(pts)-1])
}

func (p *path) length() float64 { return p.runs[len(p.runs)-1] }

// at is the place after run metres.
func (p *path) at(run float64) vec {
	n := len(p.pts)
	if run <= 0 || n == 1 {
		return p.pts[0]
	}
	for i := 1; i < n; i++ {
		if run <= p.runs[i] {
			return p.pts[i-1].to(p.pts[i], (run-p.runs[i-1])/math.Max(p.runs[i]-p.runs[i-1], 1e-9))
		}
	}
	return p.pts[n-1]
}

// heading is the direction in which the path goes after run metres, seen over reach metres.
func (p *path) heading(run, reach float64) float64 {
	lo, hi := math.Max(0, run-reach), math.Min(p.length(), run+reach)
	d := p.at(hi).sub(p.at(lo))
	return math.Atan2(d.x, d.y)
}

// usual speeds (metres a second) and times (seconds) of acts.
var usualSpeed = map[string]float64{ActWalk: 1.3, ActRun: 3.4, ActDrive: 8, ActClimb: 0}

var usualTime = map[string]float64{ActStand: 4, ActLoiter: 15, ActSit: 10, ActCrouch: 2, ActFall: 1.3, ActLie: 10, ActRise: 2.2, ActFight: 8, ActClimb: 3.6, ActLeave: 1.8, ActTake: 1.6}

var stateOfAct = map[string]string{
	ActWalk: truth.StateWalking, ActRun: truth.StateRunning, ActDrive: truth.StateMoving, ActStand: truth.StateStanding,
	ActLoiter: truth.StateLoitering, ActSit: truth.StateSitting, ActCrouch: truth.StateCrouching, ActFall: truth.StateFalling,
	ActLie: truth.StateFallen, ActRise: truth.StateCrouching, ActFight: truth.StateFighting, ActClimb: truth.StateClimbing,
	ActLeave: truth.StateCrouching, ActTake: truth.StateCrouching,
}

// timeline is all that an actor does.
type timeline struct {
	from, until float64
	acts        []act
}

// builder strings acts together.
type builder struct {
	t       timeline
	clock   float64
	at      vec
	heading float64
	run     float64
	last    string
	rolling bool // a vehicle: corners are rounded
	chance  *chance
}

func newTimeline(a *Actor, end float64, c *chance) *timeline {
	until := end
	if a.UntilS > 0 {
		until = a.UntilS
	}
	b := &builder{t: timeline{from: a.FromS, until: until}, clock: a.FromS, at: vec{a.At.X(), a.At.Y(), 0}, heading: a.FacingDeg * math.Pi / 180, chance: c}
	b.rolling = a.Kind != KindPerson && a.Kind != KindCrowd
	for i := range a.Do {
		b.step(&a.Do[i], i == len(a.Do)-1, end)
	}
	if len(b.t.acts) == 0 || b.clock < end {
		b.rest(end)
	}
	return &b.t
}

// rest fills the time that is left: who has fallen stays down, who sits stays sitting.
func (b *builder) rest(end float64) {
	word := ActStand
	switch b.last {
	case ActFall, ActLie:
		word = ActLie
	case ActSit, ActFight, ActCrouch:
		word = b.last
	}
	b.add(act{word: word, to: math.Max(end, b.clock) + 1})
}

func (b *builder) add(a act) {
	a.from, a.before = b.clock, b.last
	if a.state == "" {
		a.state = stateOfAct[a.word]
	}
	if a.path == nil {
		a.at, a.heading = b.at, b.heading
	}
	a.run = b.run
	if a.path != nil {
		b.run += a.path.length()
		b.at, b.heading = a.path.at(math.Inf(1)), a.path.heading(a.path.length(), 0.3)
	}
	b.clock, b.last = a.to, a.word
	b.t.acts = append(b.t.acts, a)
}

func (b *builder) step(s *Step, last bool, end float64) {
	switch {
	case s.Act == ActLoiter:
		b.loiter(s, last, end)
	case len(s.To) > 0:
		b.travel(s)
	default:
		t := s.ForS
		if t == 0 {
			t = usualTime[s.Act]
			if last && s.Act != ActFall && s.Act != ActLeave && s.Act != ActTake && s.Act != ActRise {
				t = math.Max(t, end-b.clock)
			}
		}
		b.add(act{word: s.Act, to: b.clock + t, with: s.With})
	}
}

func (b *builder) travel(s *Step) {
	pts := []vec{b.at}
	for _, p := range s.To {
		pts = append(pts, vec{p.X(), p.Y(), 0})
	}
	way := newPath(pts, b.rolling || len(pts) > 2)
	speed := s.SpeedMS
	if speed == 0 {
		speed = usualSpeed[s.Act]
	}
	t := s.ForS
	if t == 0 {
		if t = usualTime[s.Act]; speed > 0 {
			t = way.length() / speed
		}
	}
	b.add(act{word: s.Act, to: b.clock + t, path: way, speed: way.length() / math.Max(t, 1e-3), height: s.HeightM})
}

// loiter walks a few steps to and fro around a place and stands in between, looking about.
func (b *builder) loiter(s *Step, last bool, end float64) {
	t := s.ForS
	if t == 0 {
		t = usualTime[ActLoiter]
		if last {
			t = math.Max(t, end-b.clock)
		}
	}
	home, stop := b.at, b.clock+t
	for b.clock < stop-0.5 {
		angle := b.chance.between(0, 2*math.Pi)
		dist := b.chance.between(0.6, 1.7)
		goal := home.add(vec{dist * math.Sin(angle), 0.8 * dist * math.Cos(angle), 0})
		way := newPath([]vec{b.at, goal}, false)
		walk := math.Min(way.length()/0.75, stop-b.clock)
		b.add(act{word: ActWalk, state: truth.StateLoitering, to: b.clock + walk, path: way, speed: 0.75})
		if pause := math.Min(b.chance.between(1, 3.5), stop-b.clock); pause > 0.05 {
			b.add(act{word: ActStand, state: truth.StateLoitering, to: b.clock + pause})
		}
	}
}

// present reports whether the actor is there.
func (t *timeline) present(now float64) bool { return now >= t.from && now < t.until }

// at gives the moment at now.
func (t *timeline) at(now float64) moment {
	i := 0
	for i+1 < len(t.acts) && now >= t.acts[i].to {
		i++
	}
	a := &t.acts[i]
	m := moment{act: a, at: a.at, heading: a.heading, age: math.Max(0, now-a.from), run: a.run}
	m.share = clamp(m.age/math.Max(a.to-a.from, 1e-6), 0, 1)
	if a.path == nil {
		return m
	}
	run := m.share * a.path.length()
	m.at, m.heading = a.path.at(run), a.path.heading(run, 0.35)
	m.run, m.speed = a.run+run, a.speed
	if a.word == ActClimb { // up, over, down
		m.lift = a.height * smooth(0, 0.45, m.share) * (1 - smooth(0.62, 1, m.share))
		m.at = a.path.at(a.path.length() * smooth(0.3, 0.75, m.share))
	}
	return m
}
