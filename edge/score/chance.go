package score

import (
	"math"
	"math/rand/v2"
	"slices"
)

// Interval is a range that holds the true figure at a stated level.
type Interval [2]float64

// Bootstrap draws as many clips again and again, with replacement, and gives the range that the
// middle share level of the F1s fills (percentile method, Efron 1979). Draws in which there is
// nothing to score are left out; nil when no draw has anything. Equal seeds give equal answers.
func Bootstrap(clips []Tally, resamples int, level float64, seed uint64) *Interval {
	if len(clips) == 0 {
		return nil
	}
	rng := rand.New(rand.NewPCG(seed, 0x6b697361))
	f1s := make([]float64, 0, resamples)
	for range resamples {
		var t Tally
		for range clips {
			t.Add(clips[rng.IntN(len(clips))])
		}
		if f := t.F1(); f != nil {
			f1s = append(f1s, *f)
		}
	}
	if len(f1s) == 0 {
		return nil
	}
	slices.Sort(f1s)
	tail := (1 - level) / 2
	return &Interval{Quantile(f1s, tail), Quantile(f1s, 1-tail)}
}

// PoissonBounds gives the exact two-sided interval of a Poisson mean of which n were counted
// (Garwood 1936), at a level such as 0.95. With n = 0 the lower bound is 0.
func PoissonBounds(n int, level float64) (low, high float64) {
	tail := (1 - level) / 2
	if n > 0 {
		// P(X >= n | low) = tail
		low = bisect(float64(n)+1, func(mean float64) bool { return 1-poissonAtMost(n-1, mean) < tail })
	}
	// P(X <= n | high) = tail
	high = bisect(4*float64(n)+40, func(mean float64) bool { return poissonAtMost(n, mean) > tail })
	return low, high
}

// PoissonUpper gives the exact one-sided upper bound of a Poisson mean of which n were counted.
func PoissonUpper(n int, level float64) float64 {
	return bisect(4*float64(n)+40, func(mean float64) bool { return poissonAtMost(n, mean) > 1-level })
}

// bisect finds where below stops being true between 0 and most.
func bisect(most float64, below func(float64) bool) float64 {
	low, high := 0.0, most
	for range 200 {
		mid := (low + high) / 2
		if below(mid) {
			low = mid
		} else {
			high = mid
		}
	}
	return (low + high) / 2
}

// poissonAtMost is P(X <= n) of a Poisson variable. Terms are summed from logarithms, so that
// large means do not underflow.
func poissonAtMost(n int, mean float64) float64 {
	if mean <= 0 {
		return 1
	}
	sum := 0.0
	for k := 0; k <= n; k++ {
		lg, _ := math.Lgamma(float64(k) + 1)
		sum += math.Exp(float64(k)*math.Log(mean) - mean - lg)
	}
	return min(sum, 1)
}
