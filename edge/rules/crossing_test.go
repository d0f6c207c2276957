package rules

import (
	"math"
	"testing"
	"time"

	"bongsu"
)

func TestDirections(t *testing.T) {
	// As the drawing has it: who looks from A to B sees what crosses go from one hand to the other.
	a, b := bongsu.Point{X: 0.5, Y: 0.2}, bongsu.Point{X: 0.5, Y: 0.9}
	l, r := bongsu.Point{X: 0.2, Y: 0.5}, bongsu.Point{X: 0.8, Y: 0.5}
	for _, c := range []struct {
		name     string
		line     []bongsu.Point
		from, to at
		want     string
	}{
		{"line down, walks left", []bongsu.Point{a, b}, at{x: 0.8, y: 0.5}, at{x: 0.2, y: 0.5}, bongsu.DirectionLeftToRight},
		{"line down, walks right", []bongsu.Point{a, b}, at{x: 0.2, y: 0.5}, at{x: 0.8, y: 0.5}, bongsu.DirectionRightToLeft},
		{"line up, walks left", []bongsu.Point{b, a}, at{x: 0.8, y: 0.5}, at{x: 0.2, y: 0.5}, bongsu.DirectionRightToLeft},
		{"line right, comes nearer", []bongsu.Point{l, r}, at{x: 0.5, y: 0.3}, at{x: 0.5, y: 0.8}, bongsu.DirectionLeftToRight},
		{"line right, goes away", []bongsu.Point{l, r}, at{x: 0.5, y: 0.8}, at{x: 0.5, y: 0.3}, bongsu.DirectionRightToLeft},
		{"line left, comes nearer", []bongsu.Point{r, l}, at{x: 0.5, y: 0.3}, at{x: 0.5, y: 0.8}, bongsu.DirectionRightToLeft},
		{"aslant", []bongsu.Point{{X: 0.2, Y: 0.2}, {X: 0.8, Y: 0.8}}, at{x: 0.7, y: 0.4}, at{x: 0.3, y: 0.6}, bongsu.DirectionLeftToRight},
	} {
		for _, asked := range []string{bongsu.DirectionBoth, bongsu.DirectionLeftToRight, bongsu.DirectionRightToLeft} {
			rule := upright()
			rule.Line, rule.Direction = c.line, asked
			s := newScene(t, rule)
			c.from.id = 1
			s.walk(4, c.from, c.to)
			s.stand(8, at{id: 1, x: c.to.x, y: c.to.y})
			count := 0
			if asked == bongsu.DirectionBoth || asked == c.want {
				count = 1
			}
			if len(s.fired) != count || count == 1 && s.fired[0].Direction != c.want {
				t.Errorf("%s, asked for %s: %v", c.name, asked, s.log)
			}
		}
	}
}

func TestCrossingSaysWhenAndWhy(t *testing.T) {
	s := newScene(t, upright())
	s.walk(4, at{id: 3, x: 0.7, y: 0.5}, at{x: 0.3, y: 0.5})
	if len(s.fired) != 1 {
		t.Fatal(s.log)
	}
	f := s.fired[0]
	// x = 0.7 - 0.01·(1+s·10): on the line at 1.9 s, clear of it by 0.15·0.05 one picture later.
	if d := f.Since.Sub(s.start).Seconds(); math.Abs(d-1.9) > 0.02 {
		t.Errorf("crossed at %.3f s", d)
	}
	if d := f.At.Sub(s.start).Seconds(); math.Abs(d-2.0) > 0.02 {
		t.Errorf("sure at %.3f s", d)
	}
	if f.Phase != bongsu.FiringPulse || f.Track.ID != 3 || f.Zone != nil || len(f.Line) != 2 || len(f.Trail) < 15 || f.Stay != 1 {
		t.Errorf("%+v", f)
	}
	near(t, f.Reasons, "score", 0.8, 0.5)
}

func TestStandingOnTheLineDoesNotFire(t *testing.T) {
	s := newScene(t, upright())
	s.walk(2, at{id: 1, x: 0.7, y: 0.5}, at{x: 0.505, y: 0.5})
	for i := 0; s.now < 20*time.Second; i++ { // the box's edges tremble
		s.picture(at{id: 1, x: 0.5 + 0.006*float32(i%3-1), y: 0.5})
	}
	s.walk(22, at{id: 1, x: 0.5, y: 0.5}, at{x: 0.7, y: 0.5}) // and it goes back
	s.want()
	s.walk(24, at{id: 1, x: 0.7, y: 0.5}, at{x: 0.3, y: 0.5})
	if len(s.log) != 1 {
		t.Errorf("%v", s.log)
	}
}

func TestMarginIsOfTheBox(t *testing.T) {
	// The same tremble of 0.02: much for a small box, nothing for a large one.
	for _, c := range []struct {
		w, h  float32
		fires bool
	}{{0.04, 0.1, true}, {0.4, 0.9, false}} {
		s := newScene(t, upright())
		for i := 0; s.now < 3*time.Second; i++ {
			x := float32(0.52)
			if i/10%2 == 1 {
				x = 0.48
			}
			s.picture(at{id: 1, x: x, y: 0.8, w: c.w, h: c.h})
		}
		if (len(s.fired) > 0) != c.fires {
			t.Errorf("box %g × %g: %v", c.w, c.h, s.log)
		}
	}
}

func TestBesideTheSegment(t *testing.T) {
	s := newScene(t, upright())
	s.walk(3, at{id: 1, x: 0.7, y: 0.1}, at{x: 0.3, y: 0.1})
	s.walk(6, at{id: 2, x: 0.7, y: 0.95}, at{x: 0.3, y: 0.95})
	s.want()
	// Past the end and back through the line is a crossing one way.
	s.walk(9, at{id: 2, x: 0.3, y: 0.5}, at{x: 0.7, y: 0.5})
	if len(s.fired) != 1 || s.fired[0].Direction != bongsu.DirectionRightToLeft {
		t.Errorf("%v", s.log)
	}
}

func TestToAndFro(t *testing.T) {
	rule := upright()
	rule.Direction = bongsu.DirectionLeftToRight
	s := newScene(t, rule)
	for i := range 8 { // each way takes 0.5 s
		from, to := at{id: 1, x: 0.55, y: 0.5}, at{x: 0.45, y: 0.5}
		if i%2 == 1 {
			from.x, to.x = to.x, from.x
		}
		s.walk(float64(i+1)/2, from, to)
	}
	// Four crossings to the left within 4 s: the first, and the one 2 s after it.
	if len(s.fired) != 2 {
		t.Errorf("%v", s.log)
	}
	rule.Direction = bongsu.DirectionBoth
	s = newScene(t, rule)
	s.walk(1, at{id: 1, x: 0.55, y: 0.5}, at{x: 0.45, y: 0.5})
	s.walk(2, at{id: 1, x: 0.45, y: 0.5}, at{x: 0.55, y: 0.5})
	if len(s.fired) != 2 || s.fired[0].Direction == s.fired[1].Direction {
		t.Errorf("%v", s.log)
	}
}

func TestBornOnTheLine(t *testing.T) {
	s := newScene(t, upright())
	s.stand(1, at{id: 1, x: 0.501, y: 0.5})
	s.walk(3, at{id: 1, x: 0.5, y: 0.5}, at{x: 0.3, y: 0.5})
	s.want() // nobody saw where it came from
}

func TestSwitchAtTheLine(t *testing.T) {
	for _, gap := range []float64{0, 0.5} {
		s := newScene(t, upright())
		s.walk(2, at{id: 1, x: 0.6, y: 0.5}, at{x: 0.505, y: 0.5})
		s.stand(2 + gap)
		s.walk(4, at{id: 2, x: 0.485, y: 0.5}, at{x: 0.4, y: 0.5})
		if len(s.fired) != 1 || s.fired[0].Direction != bongsu.DirectionLeftToRight {
			t.Errorf("gap %g: %v", gap, s.log)
		}
	}
}

func TestCrossingUnderTaint(t *testing.T) {
	s := newScene(t, upright())
	s.walk(1, at{id: 1, x: 0.6, y: 0.5}, at{x: 0.55, y: 0.5})
	for range 5 {
		s.tainted(at{id: 1, x: 0.5, y: 0.5})
	}
	s.want()
	s.picture(at{id: 1, x: 0.45, y: 0.5}) // the first that can be trusted tells
	if len(s.fired) != 1 || s.fired[0].At != s.start.Add(1500*time.Millisecond) {
		t.Errorf("%v", s.log)
	}
}

func TestLineClassesAndScore(t *testing.T) {
	rule := upright()
	rule.Classes = cars
	s := newScene(t, rule)
	s.walk(3, at{id: 1, x: 0.7, y: 0.5}, at{x: 0.3, y: 0.5})
	s.walk(6, at{id: 2, x: 0.7, y: 0.5, class: bongsu.ClassCar, score: 0.4}, at{x: 0.3, y: 0.5})
	s.want()
	s.walk(9, at{id: 3, x: 0.7, y: 0.5, class: bongsu.ClassTruck}, at{x: 0.3, y: 0.5})
	if len(s.fired) != 1 {
		t.Errorf("%v", s.log)
	}
}

func TestFewPictures(t *testing.T) {
	for _, step := range []time.Duration{33 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond, 400 * time.Millisecond} {
		s := newScene(t, upright())
		s.step = step
		s.walk(4, at{id: 1, x: 0.8, y: 0.5}, at{x: 0.2, y: 0.5})
		if len(s.fired) != 1 {
			t.Fatalf("every %s: %v", step, s.log)
		}
		if d := s.fired[0].Since.Sub(s.start).Seconds(); math.Abs(d-2) > 0.45 {
			t.Errorf("every %s: crossed at %.2f s", step, d)
		}
	}
}
