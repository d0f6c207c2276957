package score

import "math"

// motAssign gives each row the column that makes the sum of gains the greatest possible, or -1; pairs
// without gain are none. Shortest augmenting paths over dual prices (H. W. Kuhn, "The Hungarian
// method for the assignment problem", 1955; R. Jonker and A. Volgenant, 1987): rows² · columns steps.
// Gains must not be negative.
func motAssign(gain []float64, rows, columns int) []int {
	out := make([]int, rows)
	for i := range out {
		out[i] = -1
	}
	a := &motPaths{n: rows, m: columns, gain: func(i, j int) float64 { return gain[i*columns+j] }}
	if rows > columns {
		a.n, a.m, a.gain = columns, rows, func(i, j int) float64 { return gain[j*columns+i] }
	}
	a.run()
	for j := 1; j <= a.m; j++ {
		i := a.rowOf[j] - 1
		switch {
		case i < 0 || a.gain(i, j-1) <= 0:
		case rows > columns:
			out[j-1] = i
		default:
			out[i] = j - 1
		}
	}
	return out
}

// motPaths is one matching in the making; rows and columns count from 1, 0 is the path's beginning.
type motPaths struct {
	n, m               int
	gain               func(row, column int) float64
	rowPrice, colPrice []float64
	rowOf, from        []int
	distance           []float64
	done               []bool
}

func (a *motPaths) run() {
	a.rowPrice, a.colPrice = make([]float64, a.n+1), make([]float64, a.m+1)
	a.rowOf, a.from = make([]int, a.m+1), make([]int, a.m+1)
	a.distance, a.done = make([]float64, a.m+1), make([]bool, a.m+1)
	for i := 1; i <= a.n; i++ {
		a.rowOf[0] = i
		for j := range a.distance {
			a.distance[j], a.done[j] = math.Inf(1), false
		}
		column := 0
		for a.rowOf[column] != 0 {
			column = a.nearest(column)
		}
		for column != 0 {
			before := a.from[column]
			a.rowOf[column] = a.rowOf[before]
			column = before
		}
	}
}

// nearest settles column and gives the next one to be settled.
func (a *motPaths) nearest(column int) (next int) {
	a.done[column] = true
	row, least := a.rowOf[column], math.Inf(1)
	for j := 1; j <= a.m; j++ {
		if a.done[j] {
			continue
		}
		if d := -a.gain(row-1, j-1) - a.rowPrice[row] - a.colPrice[j]; d < a.distance[j] {
			a.distance[j], a.from[j] = d, column
		}
		if a.distance[j] < least {
			least, next = a.distance[j], j
		}
	}
	for j := 0; j <= a.m; j++ {
		if a.done[j] {
			a.rowPrice[a.rowOf[j]] += least
			a.colPrice[j] -= least
		} else {
			a.distance[j] -= least
		}
	}
	return next
}
