package track

import "math"

// solver finds the assignment of rows to columns with the least sum of costs, by shortest
// augmenting paths (R. Jonker and A. Volgenant, "A shortest augmenting path algorithm for dense
// and sparse linear assignment problems", Computing 38, 1987), in O(rows² · columns). It keeps
// its memory from call to call.
type solver struct {
	cost       []float32 // row-major
	turned     []float32 // transposed, when there are more rows than columns
	rowPrice   []float32 // dual variables; index 0 is the artificial row
	colPrice   []float32
	rowOf      []int // row that holds each column, 1-based; 0 for none
	way        []int // column from which each column was reached
	distance   []float32
	done       []bool
	assignment []int
}

// matrix gives room for rows × columns costs, row-major, to be filled before assign.
func (s *solver) matrix(rows, columns int) []float32 {
	s.cost = grown(s.cost, rows*columns)
	return s.cost
}

func grown[T any](v []T, n int) []T {
	if cap(v) < n {
		return make([]T, n, 2*n)
	}
	return v[:n]
}

// assign gives each row its column, or -1 where there are fewer columns than rows. The slice is
// valid until the next call. Costs must be finite.
func (s *solver) assign(rows, columns int) []int {
	s.assignment = grown(s.assignment, rows)
	if rows <= columns {
		s.run(s.cost, rows, columns)
		for j := 1; j <= columns; j++ {
			if s.rowOf[j] > 0 {
				s.assignment[s.rowOf[j]-1] = j - 1
			}
		}
		return s.assignment
	}
	s.turned = grown(s.turned, rows*columns)
	for i := range rows {
		for j := range columns {
			s.turned[j*rows+i] = s.cost[i*columns+j]
		}
	}
	s.run(s.turned, columns, rows)
	for i := 1; i <= rows; i++ {
		s.assignment[i-1] = s.rowOf[i] - 1
	}
	return s.assignment
}

// run solves for n ≤ m: row after row is brought in along the cheapest path.
func (s *solver) run(cost []float32, n, m int) {
	s.rowPrice, s.colPrice = grown(s.rowPrice, n+1), grown(s.colPrice, m+1)
	s.rowOf, s.way = grown(s.rowOf, m+1), grown(s.way, m+1)
	s.distance, s.done = grown(s.distance, m+1), grown(s.done, m+1)
	clear(s.rowPrice)
	clear(s.colPrice)
	clear(s.rowOf)
	for i := 1; i <= n; i++ {
		s.rowOf[0] = i
		for j := range s.distance {
			s.distance[j], s.done[j] = math.MaxFloat32, false
		}
		column := 0
		for s.rowOf[column] != 0 {
			column = s.step(cost, m, column)
		}
		for column != 0 {
			before := s.way[column]
			s.rowOf[column] = s.rowOf[before]
			column = before
		}
	}
}

// step settles one column of the shortest-path tree and gives the next nearest one.
func (s *solver) step(cost []float32, m, column int) (next int) {
	s.done[column] = true
	row := s.rowOf[column]
	var delta float32 = math.MaxFloat32
	for j := 1; j <= m; j++ {
		if s.done[j] {
			continue
		}
		if d := cost[(row-1)*m+j-1] - s.rowPrice[row] - s.colPrice[j]; d < s.distance[j] {
			s.distance[j], s.way[j] = d, column
		}
		if s.distance[j] < delta {
			delta, next = s.distance[j], j
		}
	}
	for j := 0; j <= m; j++ {
		if s.done[j] {
			s.rowPrice[s.rowOf[j]] += delta
			s.colPrice[j] -= delta
		} else {
			s.distance[j] -= delta
		}
	}
	return next
}
