package track

import (
	"math"
	"testing"
)

// cheapest tries every assignment of rows to different columns.
func cheapest(cost []float32, rows, columns int) float32 {
	used := make([]bool, columns)
	var try func(row, left int) float32
	try = func(row, left int) float32 {
		if row == rows {
			return 0
		}
		best := float32(math.Inf(1))
		for j := range columns {
			if !used[j] {
				used[j] = true
				best = min(best, cost[row*columns+j]+try(row+1, left))
				used[j] = false
			}
		}
		if left > 0 { // more rows than columns: so many rows stay empty
			best = min(best, try(row+1, left-1))
		}
		return best
	}
	return try(0, max(0, rows-columns))
}

func TestAssignIsOptimal(t *testing.T) {
	rng := seeded(t)
	var s solver
	for round := range 2000 {
		rows, columns := 1+rng.IntN(5), 1+rng.IntN(5)
		cost := s.matrix(rows, columns)
		for i := range cost {
			cost[i] = rng.Float32()
			if rng.IntN(4) == 0 {
				cost[i] = 0.8 // as limits are: many equal ones
			}
		}
		want := cheapest(cost, rows, columns)
		var got float32
		used := map[int]bool{}
		for i, j := range s.assign(rows, columns) {
			if j < 0 {
				continue
			}
			if used[j] {
				t.Fatalf("round %d: column %d twice", round, j)
			}
			used[j] = true
			got += cost[i*columns+j]
		}
		if len(used) != min(rows, columns) || math.Abs(float64(got-want)) > 1e-5 {
			t.Fatalf("round %d, %d×%d: %d pairs cost %f, the cheapest %f", round, rows, columns, len(used), got, want)
		}
	}
}
