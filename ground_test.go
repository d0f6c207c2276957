package bongsu

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

const wide = 16.0 / 9

func mustGround(t *testing.T, height, tilt, roll, hfov float64) *Ground {
	t.Helper()
	g, err := GroundFromCamera(height, tilt, roll, hfov, wide)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// about reports whether two numbers agree to a thousandth of the larger, or of 1.
func about(a, b float64) bool {
	return math.Abs(a-b) <= 1e-3*max(1, math.Abs(a), math.Abs(b))
}

func TestGroundFromCamera(t *testing.T) {
	// 5 m up, 30 degrees down, 60 degrees wide: f = 0.5/tan 30° = 0.866 widths.
	g := mustGround(t, 5, 30, 0, 60)
	half := 0.5 / wide // of the picture's height, in widths
	low := math.Atan(half / (0.5 / math.Tan(math.Pi/6)))
	for _, c := range []struct {
		name string
		p    Point
		x, y float64
	}{
		{"middle: 5/tan 30°", Point{0.5, 0.5}, 0, 5 / math.Tan(math.Pi/6)},
		{"lower edge", Point{0.5, 1}, 0, 5 / math.Tan(math.Pi/6+low)},
		{"upper edge", Point{0.5, 0}, 0, 5 / math.Tan(math.Pi/6-low)},
		{"right edge, at 10 m along the ray: 10·tan 30° to the side", Point{1, 0.5}, 10 * math.Tan(math.Pi/6), 5 / math.Tan(math.Pi/6)},
		{"left edge", Point{0, 0.5}, -10 * math.Tan(math.Pi/6), 5 / math.Tan(math.Pi/6)},
	} {
		x, y, ok := g.At(c.p)
		if !ok || !about(x, c.x) || !about(y, c.y) {
			t.Errorf("%s: %.4f, %.4f, %v, want %.4f, %.4f", c.name, x, y, ok, c.x, c.y)
		}
		back, ok := g.Picture(c.x, c.y)
		if !ok || !about(float64(back.X), float64(c.p.X)) || !about(float64(back.Y), float64(c.p.Y)) {
			t.Errorf("%s: back to %v, %v", c.name, back, ok)
		}
	}
}

func TestGroundHorizon(t *testing.T) {
	g := mustGround(t, 6, 10, 0, 90) // f = half the width: the horizon is tan 10° above the middle
	horizon := 0.5 - 0.5*math.Tan(10*math.Pi/180)*wide
	if _, _, ok := g.At(Point{0.5, float32(horizon) - 0.001}); ok {
		t.Error("ground above the horizon")
	}
	if _, ok := g.PerMetre(Point{0.5, float32(horizon) - 0.2}); ok {
		t.Error("a metre in the sky")
	}
	if _, _, ok := g.At(Point{0.5, float32(horizon) + 0.02}); !ok {
		t.Error("no ground below the horizon")
	}
	if _, ok := g.Area([]Point{{0.4, 0.1}, {0.6, 0.9}, {0.4, 0.9}}); ok {
		t.Error("an area that reaches into the sky")
	}
	if _, ok := g.Distance(Point{0.5, 0.9}, Point{0.5, 0.1}); ok {
		t.Error("a distance into the sky")
	}
	if _, ok := g.Picture(0, -5); ok {
		t.Error("a place behind the camera is seen")
	}
}

func TestGroundScale(t *testing.T) {
	// Straight down from 10 m, 90 degrees wide: 20 m across the picture, which is 16/9 heights.
	g := mustGround(t, 10, 90, 0, 90)
	for _, p := range []Point{{0.5, 0.5}, {0, 0}, {0.9, 0.7}} {
		if per, ok := g.PerMetre(p); !ok || !about(per, wide/20) {
			t.Errorf("%v: %g, want %g", p, per, wide/20)
		}
	}
	area, ok := g.Area([]Point{{0, 0}, {1, 0}, {1, 1}, {0, 1}})
	if !ok || !about(area, 20*20/wide) {
		t.Errorf("area %g", area)
	}
	// Along the middle column a metre across takes f/distance, whatever the roll.
	for _, roll := range []float64{0, 12, -30} {
		g = mustGround(t, 5, 30, roll, 60)
		if per, ok := g.PerMetre(Point{0.5, 0.5}); !ok || !about(per, 0.5/math.Tan(math.Pi/6)*wide/10) {
			t.Errorf("roll %g: %g", roll, per)
		}
	}
	d, ok := mustGround(t, 5, 30, 0, 60).Distance(Point{0, 0.5}, Point{1, 0.5})
	if !ok || !about(d, 20*math.Tan(math.Pi/6)) {
		t.Errorf("distance %g", d)
	}
}

func TestGroundRoll(t *testing.T) {
	// The right-hand side of the camera is up: on its right it looks higher, farther away.
	g := mustGround(t, 5, 30, 10, 60)
	_, left, _ := g.At(Point{0.2, 0.5})
	_, right, _ := g.At(Point{0.8, 0.5})
	if !(right > left+1) {
		t.Errorf("left %g m, right %g m", left, right)
	}
}

// TestGroundFromPoints: four places measured under a known camera give that camera's ground back, in
// whatever direction and from whatever spot they were measured.
func TestGroundFromPoints(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	for range 200 {
		known := mustGround(t, 3+9*r.Float64(), 20+40*r.Float64(), 10*r.Float64()-5, 40+50*r.Float64())
		picture := [4]Point{{0.2, 0.9}, {0.85, 0.95}, {0.8, 0.55}, {0.25, 0.6}}
		turn, dx, dy := 2*math.Pi*r.Float64(), 20*r.Float64(), 20*r.Float64()
		s, c := math.Sincos(turn)
		var metres [4][2]float64
		for i, p := range picture {
			x, y, ok := known.At(p)
			if !ok {
				t.Fatal("the sky")
			}
			metres[i] = [2]float64{c*x - s*y + dx, s*x + c*y + dy}
		}
		g, err := GroundFromPoints(picture, metres, wide)
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			p, q := Point{r.Float32(), 0.5 + r.Float32()/2}, Point{r.Float32(), 0.5 + r.Float32()/2}
			want, _ := known.Distance(p, q)
			got, ok := g.Distance(p, q)
			a, _ := known.PerMetre(p)
			b, _ := g.PerMetre(p)
			if !ok || !about(got, want) || !about(a, b) {
				t.Fatalf("%v to %v: %g m, want %g m; scale %g, want %g", p, q, got, want, b, a)
			}
			x, y, _ := g.At(p)
			if back, ok := g.Picture(x, y); !ok || !about(float64(back.X), float64(p.X)) || !about(float64(back.Y), float64(p.Y)) {
				t.Fatalf("%v comes back as %v", p, back)
			}
		}
		if _, _, ok := g.At(Point{0.5, -20}); ok {
			t.Fatal("ground high in the sky")
		}
	}
}

func TestGroundRefusals(t *testing.T) {
	square := [4][2]float64{{0, 0}, {4, 0}, {4, 8}, {0, 8}}
	seen := [4]Point{{0.2, 0.9}, {0.8, 0.9}, {0.7, 0.4}, {0.3, 0.4}}
	nan := math.NaN()
	for name, c := range map[string]struct {
		picture [4]Point
		metres  [4][2]float64
		aspect  float64
		want    string
	}{
		"good":                {seen, square, wide, ""},
		"picture on a line":   {[4]Point{{0.1, 0.1}, {0.5, 0.5}, {0.9, 0.9}, {0.1, 0.9}}, square, wide, "points 1, 2 and 3 lie on one line in the picture: choose the corners of an area, far apart"},
		"last on a line":      {[4]Point{{0.1, 0.1}, {0.9, 0.1}, {0.9, 0.9}, {0.1, 0.5}}, [4][2]float64{{0, 0}, {4, 0}, {4, 8}, {4, 4}}, wide, "points 2, 3 and 4 lie on one line on the ground: choose the corners of an area, far apart"},
		"ground on a line":    {seen, [4][2]float64{{0, 0}, {4, 0}, {8, 0}, {0, 8}}, wide, "points 1, 2 and 3 lie on one line on the ground: choose the corners of an area, far apart"},
		"one place":           {seen, [4][2]float64{}, wide, "points 1, 2 and 3 lie on one line on the ground: choose the corners of an area, far apart"},
		"crossing in picture": {[4]Point{{0.2, 0.9}, {0.8, 0.9}, {0.3, 0.4}, {0.7, 0.4}}, square, wide, "the way through the four points crosses itself or turns inwards in the picture: list the corners in order around an area"},
		"crossing on ground":  {seen, [4][2]float64{{0, 0}, {4, 0}, {0, 8}, {4, 8}}, wide, "the way through the four points crosses itself or turns inwards on the ground: list the corners in order around an area"},
		"turning in":          {seen, [4][2]float64{{0, 0}, {4, 0}, {1, 2}, {0, 8}}, wide, "the way through the four points crosses itself or turns inwards on the ground: list the corners in order around an area"},
		"mirrored":            {seen, [4][2]float64{{4, 0}, {0, 0}, {0, 8}, {4, 8}}, wide, "on the ground the points go around the other way than in the picture: X grows to the right and Y away from the camera"},
		"pixels":              {[4]Point{{200, 900}, {0.8, 0.9}, {0.7, 0.4}, {0.3, 0.4}}, square, wide, "point 1, [200, 900], is outside the picture: coordinates are 0..1 of its width and height, not pixels"},
		"millimetres":         {seen, [4][2]float64{{0, 0}, {4000, 0}, {4000, 8000}, {0, 8000}}, wide, "place 2, [4000, 0], is more than 1000 m away: give metres"},
		"no number":           {seen, [4][2]float64{{0, nan}, {4, 0}, {4, 8}, {0, 8}}, wide, "place 1, [0, NaN], is more than 1000 m away: give metres"},
		"aspect":              {seen, square, 0, "a picture 0 times as wide as it is high: from 0.2 to 5 times can be"},
	} {
		_, err := GroundFromPoints(c.picture, c.metres, c.aspect)
		if got := sentence(err); got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, c.want)
		}
	}
	for want, v := range map[string][5]float64{
		"a camera 0 m above the ground: it must be from 0.5 to 200 m":                                              {0, 30, 0, 60, wide},
		"a camera NaN m above the ground: it must be from 0.5 to 200 m":                                            {nan, 30, 0, 60, wide},
		"a tilt of -5 degrees: it is measured from the level down and must be from 0 to 90":                        {5, -5, 0, 60, wide},
		"a roll of 90 degrees: it must be from -45 to 45":                                                          {5, 30, 90, 60, wide},
		"a field of view of 180 degrees: it must be from 1 to 150, from the left edge of the picture to the right": {5, 30, 0, 180, wide},
		"a picture 9 times as wide as it is high: from 0.2 to 5 times can be":                                      {5, 30, 0, 60, 9},
		"no ground within 1000 m is seen in the lower half of the picture: the horizon lies too low":               {200, 0, 0, 1, wide},
	} {
		if _, err := GroundFromCamera(v[0], v[1], v[2], v[3], v[4]); sentence(err) != want {
			t.Errorf("%v:\ngot  %s\nwant %s", v, sentence(err), want)
		}
	}
}

func sentence(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestNoGround(t *testing.T) {
	var g *Ground
	_, _, at := g.At(Point{0.5, 0.9})
	_, picture := g.Picture(0, 5)
	_, per := g.PerMetre(Point{0.5, 0.9})
	_, area := g.Area(unit)
	_, distance := g.Distance(Point{0.5, 0.9}, Point{0.6, 0.9})
	if at || picture || per || area || distance || g.Check() != nil {
		t.Error("a camera that was not calibrated knows metres")
	}
}

func TestGroundOverTheWire(t *testing.T) {
	g := mustGround(t, 4, 25, 3, 70)
	b, err := json.Marshal(g)
	if err != nil || !strings.HasPrefix(string(b), `{"h":[`) {
		t.Fatalf("%s, %v", b, err)
	}
	var back Ground
	if err := json.Unmarshal(b, &back); err != nil || back != *g || back.Check() != nil {
		t.Errorf("%+v, %v", back, err)
	}
	for _, bad := range []Ground{{}, {Aspect: wide}, {Aspect: wide, H: [9]float64{1, 0, 0, 0, 1, 0, 0, 0, math.Inf(1)}},
		{Aspect: 1, H: [9]float64{1, 0, 0, 0, 1, 0, 0, 0, -1}}, {Aspect: wide, H: [9]float64{1, 1, 1, 1, 1, 1, 1, 1, 1}}} {
		if bad.Check() == nil {
			t.Errorf("%+v passes", bad)
		}
	}
}

// FuzzGround: whatever nine numbers, nothing panics, and what is known is finite and comes back.
func FuzzGround(f *testing.F) {
	for _, g := range []*Ground{must(GroundFromCamera(5, 30, 0, 60, wide)), must(GroundFromCamera(200, 90, 45, 1, 5))} {
		f.Add(g.H[0], g.H[1], g.H[2], g.H[3], g.H[4], g.H[5], g.H[6], g.H[7], g.H[8], float32(0.5), float32(0.9))
	}
	f.Fuzz(func(t *testing.T, a, b, c, d, e, ff, g, h, i float64, x, y float32) {
		plane := &Ground{H: [9]float64{a, b, c, d, e, ff, g, h, i}, Aspect: wide}
		if plane.Check() != nil {
			return
		}
		p := Point{X: x, Y: y}
		if mx, my, ok := plane.At(p); ok && (math.Abs(mx) > farthest || math.Abs(my) > farthest || math.IsNaN(mx+my)) {
			t.Errorf("%v is at %g, %g", p, mx, my)
		}
		if per, ok := plane.PerMetre(p); ok && (!(per >= 0) || math.IsInf(per, 0)) {
			t.Errorf("%v has %g a metre", p, per)
		}
		if m2, ok := plane.Area([]Point{p, {0.5, 0.9}, {0.2, 0.8}}); ok && !(m2 >= 0) {
			t.Errorf("an area of %g", m2)
		}
	})
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
