package score

import (
	"math"
	"testing"
)

func TestBootstrap(t *testing.T) {
	clips := make([]Tally, 60)
	for i := range clips {
		clips[i] = Tally{TP: 1}
		if i%10 == 0 {
			clips[i] = Tally{FN: 1}
		}
	}
	a, b := Bootstrap(clips, 2000, 0.95, 7), Bootstrap(clips, 2000, 0.95, 7)
	if a == nil || *a != *b {
		t.Fatalf("one seed, two answers: %v %v", a, b)
	}
	// 54 of 60 found: F1 is 94.74, and F1 of a share q found is 200q/(1+q); q's own standard error is 0.0387.
	if a[0] < 88 || a[0] > 93 || a[1] < 96 || a[1] > 100 {
		t.Errorf("%v", *a)
	}
	if i := Bootstrap(nil, 100, 0.95, 1); i != nil {
		t.Error(i)
	}
	if i := Bootstrap(make([]Tally, 5), 100, 0.95, 1); i != nil {
		t.Error(i)
	}
	if i := Bootstrap([]Tally{{TP: 1}}, 100, 0.95, 1); i == nil || *i != (Interval{100, 100}) {
		t.Error(i)
	}
}

// Bounds from tables of the exact interval (Garwood 1936).
func TestPoissonBounds(t *testing.T) {
	for _, c := range []struct {
		n         int
		low, high float64
	}{{0, 0, 3.6889}, {1, 0.0253, 5.5716}, {2, 0.2422, 7.2247}, {3, 0.6187, 8.7673}, {5, 1.6235, 11.6683}, {10, 4.7954, 18.3904},
		{20, 12.2165, 30.8884}, {50, 37.1110, 65.9188}, {100, 81.3640, 121.6270}} {
		low, high := PoissonBounds(c.n, 0.95)
		if math.Abs(low-c.low) > 6e-4 || math.Abs(high-c.high) > 6e-4 {
			t.Errorf("n = %d: %.4f to %.4f, the table has %.4f to %.4f", c.n, low, high, c.low, c.high)
		}
	}
	if got := PoissonUpper(0, 0.95); math.Abs(got-2.9957) > 1e-3 {
		t.Error(got)
	}
	if low, high := PoissonBounds(5000, 0.95); low < 4850 || low > 4870 || high < 5130 || high > 5150 {
		t.Error(low, high)
	}
}
