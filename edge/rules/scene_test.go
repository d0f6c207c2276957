package rules

import (
	"fmt"
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
}

func newScene(t *testing.T, rules ...Rule) *scene {
	t.Helper()
	set, err := New(Options{Rules: rules})
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
		tracks[i] = a.track()
	}
	s.evaluate(tainted, tracks)
}

func (s *scene) evaluate(tainted bool, tracks []bongsu.Track) {
	for _, f := range s.set.Evaluate(bongsu.Picture{At: s.start.Add(s.now), PTS: s.now, Tainted: tainted, Width: 640, Height: 360}, tracks) {
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
