package bongsu

import (
	"fmt"
	"math"
)

// Directions in which a line can be crossed. Stand at the line's first point A and look at its
// second point B: what walks from your left-hand side to your right-hand side crosses
// left-to-right. docs/design/events.md has the drawing.
const (
	DirectionLeftToRight = "left-to-right"
	DirectionRightToLeft = "right-to-left"
	DirectionBoth        = "both" // of a rule only: a firing names the direction in which the line was crossed
)

// ValidDirection reports whether s is one of the three words.
func ValidDirection(s string) bool {
	return s == DirectionLeftToRight || s == DirectionRightToLeft || s == DirectionBoth
}

// MaxZonePoints is the most corners that a zone may have.
const MaxZonePoints = 64

// minZoneArea, in 0..1 of the picture, is about a square of 1 % of its sides.
const minZoneArea = 1e-4

// minLineLength, in 0..1 of the picture, is below what anything visible can cross.
const minLineLength = 0.01

// CheckZone says what is wrong with the corners of a zone, or nothing: 3 to MaxZonePoints
// different points inside the picture, in order around an area, no edge crossing another.
func CheckZone(zone []Point) error {
	if len(zone) < 3 {
		return fmt.Errorf("a zone needs at least 3 points, this has %d", len(zone))
	}
	if len(zone) > MaxZonePoints {
		return fmt.Errorf("a zone has at most %d points, this has %d", MaxZonePoints, len(zone))
	}
	if err := checkPoints(zone); err != nil {
		return err
	}
	if zone[0] == zone[len(zone)-1] {
		return fmt.Errorf("the last point repeats the first: leave it out, a zone closes itself")
	}
	for i, p := range zone {
		for j := i + 1; j < len(zone); j++ {
			if p == zone[j] {
				return fmt.Errorf("points %d and %d are the same: leave one out", i+1, j+1)
			}
		}
	}
	if i, j, crosses := selfCrossing(zone); crosses {
		return fmt.Errorf("polygon crosses itself: the edge after point %d meets the edge after point %d; list the points in order around the zone", i+1, j+1)
	}
	if a := polygonArea(zone); a < minZoneArea {
		return fmt.Errorf("the zone is only %.6f of the picture: draw it larger than %.4f", a, minZoneArea)
	}
	return nil
}

// CheckLine says what is wrong with a line, or nothing: two different points inside the
// picture, from A to B.
func CheckLine(line []Point) error {
	if len(line) != 2 {
		return fmt.Errorf("a line needs exactly 2 points, this has %d", len(line))
	}
	if err := checkPoints(line); err != nil {
		return err
	}
	dx, dy := float64(line[1].X-line[0].X), float64(line[1].Y-line[0].Y)
	if math.Hypot(dx, dy) < minLineLength {
		return fmt.Errorf("the line has no length: its two points must be at least %.2f of the picture apart", minLineLength)
	}
	return nil
}

func checkPoints(ps []Point) error {
	for i, p := range ps {
		if !(p.X >= 0 && p.X <= 1 && p.Y >= 0 && p.Y <= 1) { // false for NaN as well
			return fmt.Errorf("point %d, [%g, %g], is outside the picture: coordinates are 0..1 of its width and height, not pixels", i+1, p.X, p.Y)
		}
	}
	return nil
}

// InZone reports whether p lies inside the zone, by the crossing number of a ray to the right.
// A point on a left or upper edge is inside, on a right or lower edge outside, so that two
// zones that share an edge never both hold one point.
func InZone(zone []Point, p Point) bool {
	in := false
	for i, j := 0, len(zone)-1; i < len(zone); j, i = i, i+1 {
		a, b := zone[i], zone[j]
		if (a.Y > p.Y) != (b.Y > p.Y) && p.X < (b.X-a.X)*(p.Y-a.Y)/(b.Y-a.Y)+a.X {
			in = !in
		}
	}
	return in
}

// SideOf is the distance of p from the endless line through a and b, in 0..1 of the picture:
// positive on the right-hand side of who looks from a to b, negative on the left, 0 on the line.
func SideOf(a, b, p Point) float32 {
	dx, dy := b.X-a.X, b.Y-a.Y
	n := float32(math.Hypot(float64(dx), float64(dy)))
	if n == 0 {
		return 0
	}
	return (dx*(p.Y-a.Y) - dy*(p.X-a.X)) / n
}

// AlongLine is where p stands along the line from a to b: 0 beside a, 1 beside b.
func AlongLine(a, b, p Point) float32 {
	dx, dy := b.X-a.X, b.Y-a.Y
	n := dx*dx + dy*dy
	if n == 0 {
		return 0
	}
	return ((p.X-a.X)*dx + (p.Y-a.Y)*dy) / n
}

// polygonArea is the shoelace formula, in 0..1 of the picture's area.
func polygonArea(ps []Point) float64 {
	var sum float64
	for i, j := 0, len(ps)-1; i < len(ps); j, i = i, i+1 {
		sum += float64(ps[j].X)*float64(ps[i].Y) - float64(ps[i].X)*float64(ps[j].Y)
	}
	return math.Abs(sum) / 2
}

// selfCrossing finds two edges of a closed polygon that meet anywhere but in a shared corner.
func selfCrossing(ps []Point) (first, second int, crosses bool) {
	n := len(ps)
	for i := range n {
		for j := i + 1; j < n; j++ {
			a, b, c, d := ps[i], ps[(i+1)%n], ps[j], ps[(j+1)%n]
			switch {
			case j == i+1: // they share b == c: only folding back is wrong
				crosses = foldsBack(a, b, d)
			case i == 0 && j == n-1: // they share a == d
				crosses = foldsBack(c, a, b)
			default:
				crosses = segmentsMeet(a, b, c, d)
			}
			if crosses {
				return i, j, true
			}
		}
	}
	return 0, 0, false
}

// foldsBack reports whether the way a, corner, b returns along itself.
func foldsBack(a, corner, b Point) bool {
	ux, uy := float64(a.X)-float64(corner.X), float64(a.Y)-float64(corner.Y)
	vx, vy := float64(b.X)-float64(corner.X), float64(b.Y)-float64(corner.Y)
	return ux*vy-uy*vx == 0 && ux*vx+uy*vy > 0
}

// segmentsMeet reports whether segments ab and cd have a point in common.
func segmentsMeet(a, b, c, d Point) bool {
	o1, o2 := turn(a, b, c), turn(a, b, d)
	o3, o4 := turn(c, d, a), turn(c, d, b)
	if o1*o2 < 0 && o3*o4 < 0 {
		return true
	}
	return o1 == 0 && between(a, b, c) || o2 == 0 && between(a, b, d) ||
		o3 == 0 && between(c, d, a) || o4 == 0 && between(c, d, b)
}

// turn is -1, 0 or 1: to which side of ab the point p lies.
func turn(a, b, p Point) int {
	v := (float64(b.X)-float64(a.X))*(float64(p.Y)-float64(a.Y)) - (float64(b.Y)-float64(a.Y))*(float64(p.X)-float64(a.X))
	switch {
	case v > 0:
		return 1
	case v < 0:
		return -1
	}
	return 0
}

// between reports whether p, known to be on the line through a and b, lies on the segment.
func between(a, b, p Point) bool {
	return min(a.X, b.X) <= p.X && p.X <= max(a.X, b.X) && min(a.Y, b.Y) <= p.Y && p.Y <= max(a.Y, b.Y)
}
