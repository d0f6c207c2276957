package bongsu

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

var unit = []Point{{0, 0}, {1, 0}, {1, 1}, {0, 1}}

func TestCheckZone(t *testing.T) {
	nan := float32(math.NaN())
	many := make([]Point, MaxZonePoints+1)
	for i := range many {
		a := 2 * math.Pi * float64(i) / float64(len(many))
		many[i] = Point{0.5 + 0.4*float32(math.Cos(a)), 0.5 + 0.4*float32(math.Sin(a))}
	}
	for name, c := range map[string]struct {
		zone []Point
		want string
	}{
		"whole picture":  {unit, ""},
		"triangle":       {[]Point{{0.1, 0.1}, {0.9, 0.1}, {0.5, 0.9}}, ""},
		"other way":      {[]Point{{0, 1}, {1, 1}, {1, 0}, {0, 0}}, ""},
		"hollow":         {[]Point{{0.1, 0.1}, {0.9, 0.1}, {0.9, 0.9}, {0.5, 0.3}, {0.1, 0.9}}, ""},
		"64 corners":     {many[:MaxZonePoints], ""},
		"none":           {nil, "a zone needs at least 3 points, this has 0"},
		"two":            {unit[:2], "a zone needs at least 3 points, this has 2"},
		"too many":       {many, "a zone has at most 64 points, this has 65"},
		"outside":        {[]Point{{0, 0}, {1.1, 0}, {1, 1}}, "point 2, [1.1, 0], is outside the picture: coordinates are 0..1 of its width and height, not pixels"},
		"no number":      {[]Point{{0, 0}, {1, 0}, {1, nan}}, "point 3, [1, NaN], is outside the picture: coordinates are 0..1 of its width and height, not pixels"},
		"closed":         {[]Point{{0, 0}, {1, 0}, {1, 1}, {0, 0}}, "the last point repeats the first: leave it out, a zone closes itself"},
		"same point":     {[]Point{{0, 0}, {1, 0}, {1, 0}, {1, 1}}, "points 2 and 3 are the same: leave one out"},
		"bow tie":        {[]Point{{0, 0}, {1, 1}, {1, 0}, {0, 1}}, "polygon crosses itself: the edge after point 1 meets the edge after point 3; list the points in order around the zone"},
		"touches itself": {[]Point{{0, 0}, {1, 0}, {1, 1}, {0.5, 0}, {0, 1}}, "polygon crosses itself: the edge after point 1 meets the edge after point 3; list the points in order around the zone"},
		"folds back":     {[]Point{{0, 0}, {0.5, 0}, {0.25, 0}, {0.25, 1}}, "polygon crosses itself: the edge after point 1 meets the edge after point 2; list the points in order around the zone"},
		"on one line":    {[]Point{{0, 0}, {0.5, 0.5}, {1, 1}}, "polygon crosses itself: the edge after point 1 meets the edge after point 3; list the points in order around the zone"},
		"sliver":         {[]Point{{0, 0}, {1, 0}, {0.5, 0.0001}}, "the zone is only 0.000050 of the picture: draw it larger than 0.0001"},
	} {
		got := ""
		if err := CheckZone(c.zone); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, c.want)
		}
	}
}

func TestCheckLine(t *testing.T) {
	for name, c := range map[string]struct {
		line []Point
		want string
	}{
		"good":      {unit[:2], ""},
		"one":       {unit[:1], "a line needs exactly 2 points, this has 1"},
		"three":     {unit[:3], "a line needs exactly 2 points, this has 3"},
		"no length": {[]Point{{0.5, 0.5}, {0.5, 0.505}}, "the line has no length: its two points must be at least 0.01 of the picture apart"},
		"outside":   {[]Point{{-0.1, 0}, {1, 0}}, "point 1, [-0.1, 0], is outside the picture: coordinates are 0..1 of its width and height, not pixels"},
	} {
		got := ""
		if err := CheckLine(c.line); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, c.want)
		}
	}
}

func TestInZone(t *testing.T) {
	hollow := []Point{{0.1, 0.1}, {0.9, 0.1}, {0.9, 0.9}, {0.5, 0.3}, {0.1, 0.9}}
	for _, c := range []struct {
		zone []Point
		p    Point
		want bool
	}{
		{unit, Point{0.5, 0.5}, true},
		{unit, Point{1.5, 0.5}, false},
		{unit, Point{0.5, -0.1}, false},
		{hollow, Point{0.5, 0.2}, true},
		{hollow, Point{0.5, 0.5}, false}, // in the notch
		{hollow, Point{0.2, 0.6}, true},
		{hollow, Point{0.8, 0.6}, true},
		{hollow, Point{0.05, 0.3}, false}, // level with a corner
		{unit, Point{0, 0}, true},         // upper left corner in, lower right out
		{unit, Point{1, 1}, false},
	} {
		if got := InZone(c.zone, c.p); got != c.want {
			t.Errorf("%v in %v: %v", c.p, c.zone, got)
		}
	}
}

// TestNeighboursShareNoPoint divides the picture in two at random: each point is in one half.
func TestNeighboursShareNoPoint(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 4))
	for range 2000 {
		x0, x1 := rng.Float32(), rng.Float32()
		left := []Point{{0, 0}, {x0, 0}, {x1, 1}, {0, 1}}
		right := []Point{{x0, 0}, {1, 0}, {1, 1}, {x1, 1}}
		p := Point{rng.Float32() * 0.999, rng.Float32() * 0.999}
		if rng.IntN(2) == 0 {
			p = Point{x0, 0} // on the edge that they share
		}
		if p.X < 1 && InZone(left, p) == InZone(right, p) {
			t.Fatalf("%v is in both or neither of %v and %v", p, left, right)
		}
	}
}

func TestSideOfAndAlongLine(t *testing.T) {
	a, b := Point{0.5, 0.2}, Point{0.5, 0.8} // from the top down: the picture's left is on the right hand
	for _, c := range []struct {
		p           Point
		side, along float64
	}{
		{Point{0.2, 0.5}, 0.3, 0.5},
		{Point{0.9, 0.2}, -0.4, 0},
		{Point{0.5, 0.8}, 0, 1},
		{Point{0.4, 1.1}, 0.1, 1.5},
	} {
		if got := float64(SideOf(a, b, c.p)); math.Abs(got-c.side) > 1e-6 {
			t.Errorf("side of %v: %g, want %g", c.p, got, c.side)
		}
		if got := float64(SideOf(b, a, c.p)); math.Abs(got+c.side) > 1e-6 {
			t.Errorf("side of %v the other way: %g, want %g", c.p, got, -c.side)
		}
		if got := float64(AlongLine(a, b, c.p)); math.Abs(got-c.along) > 1e-6 {
			t.Errorf("along %v: %g, want %g", c.p, got, c.along)
		}
	}
	if SideOf(a, a, b) != 0 || AlongLine(a, a, b) != 0 {
		t.Error("a line without length has sides")
	}
}

func TestValidDirection(t *testing.T) {
	for _, d := range []string{DirectionBoth, DirectionLeftToRight, DirectionRightToLeft} {
		if !ValidDirection(d) {
			t.Error(d)
		}
	}
	for _, d := range []string{"", "left", "a-to-b", "Both"} {
		if ValidDirection(d) {
			t.Error(d)
		}
	}
}

func TestBox(t *testing.T) {
	a := Box{0.1, 0.1, 0.3, 0.5}
	if a.Foot() != (Point{0.2, 0.5}) || a.Centre().X != 0.2 || math.Abs(float64(a.Area())-0.08) > 1e-6 {
		t.Errorf("foot %v, centre %v, area %g", a.Foot(), a.Centre(), a.Area())
	}
	for _, c := range []struct {
		o    Box
		want float64
	}{
		{a, 1},
		{Box{0.3, 0.1, 0.5, 0.5}, 0}, // they touch
		{Box{0.2, 0.1, 0.4, 0.5}, 1.0 / 3},
		{Box{0.5, 0.5, 0.1, 0.1}, 0}, // reversed
		{Box{}, 0},
	} {
		if got := float64(a.IoU(c.o)); math.Abs(got-c.want) > 1e-6 {
			t.Errorf("IoU with %v: %g, want %g", c.o, got, c.want)
		}
	}
	if (Box{}).IoU(Box{}) != 0 {
		t.Error("nothing overlaps nothing")
	}
}
