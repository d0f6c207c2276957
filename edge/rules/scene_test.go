package rules

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"bongsu"
)

// scene drives a Set through made-up pictures and writes down what fires.
type scene struct {
	t     *testing.T
	set   *Set
	start time.Time
	now   time.Duration
	step  time.Duration
	log   []string
	fired []bongsu.Firing
	noise *rand.Rand // when set, three of ten sightings are missing and boxes tremble
}

func newScene(t *testing.T, rules ...Rule) *scene {
	t.Helper()
	return newSceneWith(t, Options{Rules: rules})
}

func newSceneWith(t *testing.T, o Options) *scene {
	t.Helper()
	set, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return &scene{t: t, set: set, start: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC), step: 100 * time.Millisecond}
}

// at is one thing in one picture: a track ID, the foot point, and what differs from a person.
type at struct {
	id    bongsu.TrackID
	x, y  float32
	class bongsu.Class
	score float32
	state bongsu.TrackState
	w, h  float32
}

func (a at) track() bongsu.Track {
	k := bongsu.Track{ID: a.id, State: a.state, Class: a.class, Score: a.score}
	if a.state == bongsu.TrackTentative {
		k.State = bongsu.TrackConfirmed // the usual
	}
	if a.class == "" {
		k.Class = bongsu.ClassPerson
	}
	if a.score == 0 {
		k.Score = 0.8
	}
	if a.w == 0 {
		a.w, a.h = 0.05, 0.2
	}
	k.Box = bongsu.Box{X0: a.x - a.w/2, X1: a.x + a.w/2, Y0: a.y - a.h, Y1: a.y}
	return k
}

// picture judges one picture and moves the clock on.
func (s *scene) picture(things ...at) { s.judge(false, things...) }

// tainted judges one that cannot be trusted.
func (s *scene) tainted(things ...at) { s.judge(true, things...) }

func (s *scene) judge(tainted bool, things ...at) {
	tracks := make([]bongsu.Track, len(things))
	for i, a := range things {
		if s.noise != nil {
			a = s.disturbed(a)
		}
		tracks[i] = a.track()
	}
	s.evaluate(tainted, tracks)
}

// disturbed is a thing as a poor detector gives it.
func (s *scene) disturbed(a at) at {
	if s.noise.Float32() < 0.3 && a.state == bongsu.TrackTentative {
		a.state = bongsu.TrackLost
	}
	if a.w == 0 {
		a.w, a.h = 0.05, 0.2
	}
	tremble := func(size float32) float32 { return size * 0.03 * float32(s.noise.NormFloat64()) }
	a.x, a.y = a.x+tremble(a.w), a.y+tremble(a.h)
	a.w, a.h = a.w+tremble(a.w), a.h+tremble(a.h)
	return a
}

func (s *scene) evaluate(tainted bool, tracks []bongsu.Track) {
	for _, f := range s.set.Evaluate(bongsu.Picture{At: s.start.Add(s.now), PTS: s.now, Seq: uint64(s.now / time.Millisecond), Tainted: tainted, Width: 640, Height: 360}, tracks) {
		s.fired = append(s.fired, f)
		if f.Phase == bongsu.FiringHold {
			continue
		}
		word := map[bongsu.FiringPhase]string{bongsu.FiringBegin: "begin", bongsu.FiringEnd: "end", bongsu.FiringLost: "lost", bongsu.FiringPulse: f.Direction}[f.Phase]
		s.log = append(s.log, fmt.Sprintf("%s %d %s %.1f", f.Rule, f.Stay, word, f.At.Sub(s.start).Seconds()))
	}
	s.now += s.step
}

// stand keeps the things where they are until the clock shows so many seconds.
func (s *scene) stand(until float64, things ...at) {
	for s.now.Seconds() < until-1e-9 {
		s.picture(things...)
	}
}

// walk moves one thing evenly from one point to another until the clock shows so many seconds.
func (s *scene) walk(until float64, from, to at) {
	n := int((until-s.now.Seconds())/s.step.Seconds() + 0.5)
	for i := 1; i <= n; i++ {
		p := from
		part := float32(i) / float32(n)
		p.x, p.y = from.x+part*(to.x-from.x), from.y+part*(to.y-from.y)
		s.picture(p)
	}
}

func (s *scene) want(lines ...string) {
	s.t.Helper()
	if !slices.Equal(s.log, lines) {
		s.t.Errorf("fired:\n  %s\nwant:\n  %s", strings.Join(s.log, "\n  "), strings.Join(lines, "\n  "))
	}
}

// tale is one row of a kind's table: what is played, and what fires. Each is played again under noise,
// where as many begins are asked for, each within late of the time in want.
type tale struct {
	name  string
	rule  func(r *Rule) // changes the table's rule
	play  func(s *scene)
	want  []string
	late  float64 // seconds; 1.5 when 0
	quiet bool    // noise would make another tale of it
}

// tell plays a kind's table.
func tell(t *testing.T, base Rule, o Options, tales ...tale) {
	t.Helper()
	for _, c := range tales {
		t.Run(c.name, func(t *testing.T) {
			r := base
			if c.rule != nil {
				c.rule(&r)
			}
			o.Rules = []Rule{r}
			s := newSceneWith(t, o)
			c.play(s)
			s.want(c.want...)
			for _, f := range s.fired {
				checkWhy(t, s, f)
			}
			if c.quiet {
				return
			}
			for seed := range uint64(8) {
				n := newSceneWith(t, o)
				n.noise = rand.New(rand.NewPCG(seed, 5))
				c.play(n)
				if !sameBegins(n.log, c.want, orElse(c.late, 1.5)) {
					t.Errorf("under noise %d:\n  %s\nwant about:\n  %s", seed, strings.Join(n.log, "\n  "), strings.Join(c.want, "\n  "))
				}
			}
		})
	}
}

func orElse(v, otherwise float64) float64 {
	if v == 0 {
		return otherwise
	}
	return v
}

// sameBegins compares begins and crossings in number and time.
func sameBegins(got, want []string, within float64) bool {
	times := func(lines []string) (out []float64) {
		for _, l := range lines {
			f := strings.Fields(l)
			if f[2] == "end" || f[2] == "lost" {
				continue
			}
			var v float64
			if _, err := fmt.Sscan(f[3], &v); err != nil {
				return nil
			}
			out = append(out, v)
		}
		return out
	}
	g, w := times(got), times(want)
	if len(g) != len(w) {
		return false
	}
	for i := range g {
		if math.Abs(g[i]-w[i]) > within {
			return false
		}
	}
	return true
}

// checkWhy demands that a firing says why: a score, the rule's version, and the pictures that decided.
func checkWhy(t *testing.T, s *scene, f bongsu.Firing) {
	t.Helper()
	if len(f.Reasons) < 1 || f.Reasons[0].Name != "score" || len(f.RuleVersion) != 12 || f.Since.After(f.At) {
		t.Errorf("%+v does not say why", f)
	}
	if f.Kind == bongsu.KindLineCounting {
		return
	}
	if len(f.Frames) == 0 || len(f.Frames) > bongsu.MaxDecidingFrames {
		t.Errorf("%d deciding frames", len(f.Frames))
		return
	}
	for i := 1; i < len(f.Frames); i++ {
		if !f.Frames[i].At.After(f.Frames[i-1].At) {
			t.Errorf("deciding frames are not in order: %+v", f.Frames)
		}
	}
	if (f.Phase == bongsu.FiringBegin || f.Phase == bongsu.FiringPulse) && !f.Frames[len(f.Frames)-1].At.Equal(f.At) {
		t.Errorf("the last deciding frame is at %s, the firing at %s", f.Frames[len(f.Frames)-1].At, f.At)
	}
}

var (
	square  = []bongsu.Point{{X: 0.3, Y: 0.3}, {X: 0.7, Y: 0.3}, {X: 0.7, Y: 0.9}, {X: 0.3, Y: 0.9}}
	persons = []bongsu.Class{bongsu.ClassPerson}
	cars    = []bongsu.Class{bongsu.ClassCar, bongsu.ClassBus, bongsu.ClassTruck}
)

func intrusion() Rule {
	return Rule{ID: "yard", Kind: bongsu.KindIntrusion, Priority: bongsu.PriorityHigh, Zone: square, Classes: persons,
		MinScore: 0.5, Confirm: 400 * time.Millisecond, Linger: 2 * time.Second}
}

func loitering() Rule {
	return Rule{ID: "bench", Kind: bongsu.KindLoitering, Priority: bongsu.PriorityMedium, Zone: square, Classes: persons,
		MinScore: 0.5, Dwell: 10 * time.Second, Linger: 2 * time.Second}
}

// upright is a line from the top down: who looks from A to B has the picture's right on the left.
func upright() Rule {
	return Rule{ID: "line", Kind: bongsu.KindLineCrossing, Line: []bongsu.Point{{X: 0.5, Y: 0.2}, {X: 0.5, Y: 0.9}},
		Direction: bongsu.DirectionBoth, MinScore: 0.5, Linger: 2 * time.Second}
}

// others is a rule of each kind that intrusion, loitering and upright are not.
func others() []Rule {
	var out []Rule
	for _, k := range Kinds() {
		d := kindOf(k)
		if k == bongsu.KindIntrusion || k == bongsu.KindLoitering || k == bongsu.KindLineCrossing {
			continue
		}
		r := Rule{ID: bongsu.RuleID(k), Kind: k}
		if d.zone != none {
			r.Zone = square
		}
		if d.line == needed {
			r.Line = []bongsu.Point{{X: 0.4, Y: 0.5}, {X: 0.6, Y: 0.5}}
		}
		if k == bongsu.KindCrowd {
			r.Count = 2
		}
		out = append(out, r)
	}
	return out
}
