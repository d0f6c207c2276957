package bongsu

import (
	"errors"
	"fmt"
	"math"
)

// Ground tells where a place of the picture lies on the ground, which is taken to be flat and level.
// A nil Ground is a camera that was not calibrated: every method then says that it does not know.
// docs/ref/rules.md has the geometry.
type Ground struct {
	H      [9]float64 `json:"h"`      // by rows: (x, y, 1) of the picture, 0..1, to metres X, Y and 1, up to a factor that is positive below the horizon
	Aspect float64    `json:"aspect"` // width over height of the picture in pixels
}

// farthest is where the ground ends for us, metres: nearer to the horizon a pixel is wider than any
// street, and what is computed from it means nothing.
const farthest = 1000

// errNotGround refuses what is no plane seen from above.
var errNotGround = errors.New("these are no numbers of a ground plane: calibrate the camera anew")

// GroundFromCamera is the ground under a camera that hangs heightM metres above it, looks down by
// tiltDeg from the level (0..90), is turned by rollDeg about its axis (positive: its right-hand side is
// up) and sees hfovDeg degrees from the left edge to the right. Aspect is the picture's width over its
// height; pixels are square and the lens is taken to draw straight lines. X is to the right of the
// camera and Y away from it, both from the point below it.
func GroundFromCamera(heightM, tiltDeg, rollDeg, hfovDeg, aspect float64) (*Ground, error) {
	switch {
	case !within(heightM, 0.5, 200):
		return nil, fmt.Errorf("a camera %g m above the ground: it must be from 0.5 to 200 m", heightM)
	case !within(tiltDeg, 0, 90):
		return nil, fmt.Errorf("a tilt of %g degrees: it is measured from the level down and must be from 0 to 90", tiltDeg)
	case !within(rollDeg, -45, 45):
		return nil, fmt.Errorf("a roll of %g degrees: it must be from -45 to 45", rollDeg)
	case !within(hfovDeg, 1, 150):
		return nil, fmt.Errorf("a field of view of %g degrees: it must be from 1 to 150, from the left edge of the picture to the right", hfovDeg)
	case !within(aspect, 0.2, 5):
		return nil, errAspect(aspect)
	}
	st, ct := math.Sincos(tiltDeg * math.Pi / 180)
	sr, cr := math.Sincos(rollDeg * math.Pi / 180)
	f := 0.5 / math.Tan(hfovDeg*math.Pi/360) // of the picture's width
	// The ray through (x, y) is u·right + v·down + f·forward with u = x - 1/2, v = (y - 1/2)/aspect;
	// turned by the roll, r = right part and d = down part are linear in (x, y, 1).
	r := [3]float64{cr, sr / aspect, -cr/2 - sr/(2*aspect)}
	d := [3]float64{-sr, cr / aspect, sr/2 - cr/(2*aspect)}
	g := &Ground{Aspect: aspect}
	for i := range 3 {
		var one float64
		if i == 2 {
			one = f
		}
		g.H[i] = heightM * r[i]
		g.H[3+i] = heightM * (ct*one - st*d[i])
		g.H[6+i] = ct*d[i] + st*one
	}
	return g, g.Check()
}

func errAspect(aspect float64) error {
	return fmt.Errorf("a picture %g times as wide as it is high: from 0.2 to 5 times can be", aspect)
}

// within is false for NaN as well.
func within(v, low, high float64) bool { return v >= low && v <= high }

// GroundFromPoints is the ground on which four points of the picture lie at four places, X metres to
// the right and Y metres away from any spot. Both lists go around the same quadrangle in the same
// order. The solution is the homography through four pairs (Hartley and Zisserman, Multiple View
// Geometry, 2nd ed., section 4.1, with the scale of H fixed).
func GroundFromPoints(picture [4]Point, metres [4][2]float64, aspect float64) (*Ground, error) {
	if !within(aspect, 0.2, 5) {
		return nil, errAspect(aspect)
	}
	var seen [4][2]float64
	if err := checkPoints(picture[:]); err != nil {
		return nil, err
	}
	for i, p := range picture {
		seen[i] = [2]float64{float64(p.X), float64(p.Y)}
		for _, m := range metres[i] {
			if !within(m, -farthest, farthest) {
				return nil, fmt.Errorf("place %d, [%g, %g], is more than %d m away: give metres", i+1, metres[i][0], metres[i][1], int(farthest))
			}
		}
	}
	if err := checkQuad("in the picture", seen); err != nil {
		return nil, err
	}
	if err := checkQuad("on the ground", metres); err != nil {
		return nil, err
	}
	// The picture's y grows downwards, which is towards the camera: going around turns the other way.
	if doubleArea(seen[0], seen[1], seen[2]) > 0 == (doubleArea(metres[0], metres[1], metres[2]) > 0) {
		return nil, errors.New("on the ground the points go around the other way than in the picture: X grows to the right and Y away from the camera")
	}
	h, ok := homography(seen, metres)
	if !ok {
		return nil, errors.New("no plane goes through these four points: measure them anew")
	}
	g := &Ground{H: h, Aspect: aspect}
	return g, g.Check()
}

// checkQuad refuses four places that do not span a plane: three of them on a line, or a way around
// that crosses itself or turns in.
func checkQuad(where string, q [4][2]float64) error {
	var longest float64
	for i := range q {
		for j := range i {
			longest = max(longest, math.Hypot(q[i][0]-q[j][0], q[i][1]-q[j][1]))
		}
	}
	var left, right int
	for i := range 4 {
		a, b, c := q[i], q[(i+1)%4], q[(i+2)%4]
		area := doubleArea(a, b, c)
		if math.Abs(area) <= 0.01*longest*longest {
			return fmt.Errorf("points %d, %d and %d lie on one line %s: choose the corners of an area, far apart", i+1, (i+1)%4+1, (i+2)%4+1, where)
		}
		if area > 0 {
			left++
		} else {
			right++
		}
	}
	if left > 0 && right > 0 {
		return fmt.Errorf("the way through the four points crosses itself or turns inwards %s: list the corners in order around an area", where)
	}
	return nil
}

// doubleArea is twice that of the triangle, positive when it turns from the first axis to the second.
func doubleArea(a, b, c [2]float64) float64 {
	return (b[0]-a[0])*(c[1]-a[1]) - (b[1]-a[1])*(c[0]-a[0])
}

// homography solves for the eight numbers that take four places to four others.
func homography(from, to [4][2]float64) (h [9]float64, ok bool) {
	var m [8][9]float64
	for i := range 4 {
		x, y, u, v := from[i][0], from[i][1], to[i][0], to[i][1]
		m[2*i] = [9]float64{x, y, 1, 0, 0, 0, -u * x, -u * y, u}
		m[2*i+1] = [9]float64{0, 0, 0, x, y, 1, -v * x, -v * y, v}
	}
	if !solve(&m) {
		return h, false
	}
	for i := range 8 {
		h[i] = m[i][8]
	}
	h[8] = 1
	if h[6]*from[0][0]+h[7]*from[0][1]+1 < 0 { // below the horizon the factor is positive
		for i := range h {
			h[i] = -h[i]
		}
	}
	return h, true
}

// solve is Gauss and Jordan's elimination with partial pivoting; the last column becomes the solution.
func solve(m *[8][9]float64) bool {
	for col := range 8 {
		best := col
		for row := col + 1; row < 8; row++ {
			if math.Abs(m[row][col]) > math.Abs(m[best][col]) {
				best = row
			}
		}
		if math.Abs(m[best][col]) < 1e-12 {
			return false
		}
		m[col], m[best] = m[best], m[col]
		for row := range 8 {
			if row == col {
				continue
			}
			k := m[row][col] / m[col][col]
			for i := col; i < 9; i++ {
				m[row][i] -= k * m[col][i]
			}
		}
	}
	for i := range 8 {
		m[i][8] /= m[i][i]
	}
	return true
}

// Check refuses numbers that are no plane seen from above: not finite, without a way back, or with no
// ground in the lower half of the picture. What crossed a process border is held against it.
func (g *Ground) Check() error {
	if g == nil {
		return nil
	}
	if !within(g.Aspect, 0.2, 5) {
		return errAspect(g.Aspect)
	}
	for _, v := range g.H {
		if math.IsNaN(v) || math.Abs(v) > 1e9 {
			return errNotGround
		}
	}
	if _, ok := g.inverse(); !ok {
		return errNotGround
	}
	for i := range 5 {
		if _, _, ok := g.At(Point{X: 0.5, Y: 1 - float32(i)/8}); ok {
			return nil
		}
	}
	return fmt.Errorf("no ground within %d m is seen in the lower half of the picture: the horizon lies too low", int(farthest))
}

// At is where on the ground p is seen, metres to the right and away. It is false at and above the
// horizon, beyond 1000 m, and without a calibration.
func (g *Ground) At(p Point) (x, y float64, ok bool) {
	if g == nil {
		return 0, 0, false
	}
	px, py := float64(p.X), float64(p.Y)
	w := g.H[6]*px + g.H[7]*py + g.H[8]
	if !(w > 0) {
		return 0, 0, false
	}
	x, y = (g.H[0]*px+g.H[1]*py+g.H[2])/w, (g.H[3]*px+g.H[4]*py+g.H[5])/w
	return x, y, math.Abs(x) <= farthest && math.Abs(y) <= farthest
}

// Picture is where the place x metres to the right and y metres away is seen. It is false for what
// lies behind the camera, and without a calibration; the point may lie outside of the picture.
func (g *Ground) Picture(x, y float64) (Point, bool) {
	if g == nil {
		return Point{}, false
	}
	m, ok := g.inverse()
	w := m[6]*x + m[7]*y + m[8]
	if !ok || !(w > 0) {
		return Point{}, false
	}
	p := Point{X: float32((m[0]*x + m[1]*y + m[2]) / w), Y: float32((m[3]*x + m[4]*y + m[5]) / w)}
	return p, !math.IsInf(float64(p.X), 0) && !math.IsInf(float64(p.Y), 0)
}

// inverse takes the ground to the picture, with a factor that is positive in front of the camera.
func (g *Ground) inverse() (m [9]float64, ok bool) {
	h := &g.H
	m = [9]float64{
		h[4]*h[8] - h[5]*h[7], h[2]*h[7] - h[1]*h[8], h[1]*h[5] - h[2]*h[4],
		h[5]*h[6] - h[3]*h[8], h[0]*h[8] - h[2]*h[6], h[2]*h[3] - h[0]*h[5],
		h[3]*h[7] - h[4]*h[6], h[1]*h[6] - h[0]*h[7], h[0]*h[4] - h[1]*h[3],
	}
	det := h[0]*m[0] + h[1]*m[3] + h[2]*m[6]
	if !(math.Abs(det) > 1e-12) || math.IsInf(det, 0) {
		return m, false
	}
	// H·H⁻¹ = 1: w of the way back is 1/w of the way there, once the determinant is divided out.
	for i := range m {
		m[i] /= det
	}
	return m, true
}

// PerMetre is how much of the picture's height a metre takes that stands at p across the line of
// sight: 0.1 is 108 pixels per metre in a picture 1080 pixels high. It is the larger of the two
// scales at which the ground is seen there, which is that across the line of sight whatever way X
// and Y point. A metre that stands upright takes as much times the cosine of the angle at which the
// camera looks down on it. It is false where At is.
func (g *Ground) PerMetre(p Point) (float64, bool) {
	if _, _, ok := g.At(p); !ok {
		return 0, false
	}
	px, py := float64(p.X), float64(p.Y)
	w := g.H[6]*px + g.H[7]*py + g.H[8]
	x, y := (g.H[0]*px+g.H[1]*py+g.H[2])/w, (g.H[3]*px+g.H[4]*py+g.H[5])/w
	// Metres per height of the picture, along its x and its y.
	xx, xy := (g.H[0]-x*g.H[6])/w/g.Aspect, (g.H[1]-x*g.H[7])/w
	yx, yy := (g.H[3]-y*g.H[6])/w/g.Aspect, (g.H[4]-y*g.H[7])/w
	// The smaller singular value of that matrix is the larger scale of the way back.
	sum, det := xx*xx+xy*xy+yx*yx+yy*yy, math.Abs(xx*yy-xy*yx)
	small := sum/2 - math.Sqrt(math.Max(sum*sum/4-det*det, 0))
	if large := sum - small; large > 0 {
		small = det * det / large // the same, without the loss of two large numbers' difference
	}
	per := 1 / math.Sqrt(small)
	return per, !math.IsInf(per, 0) && !math.IsNaN(per)
}

// Distance is how far two places of the picture lie apart on the ground, metres. It is false when
// either is at or above the horizon.
func (g *Ground) Distance(a, b Point) (float64, bool) {
	ax, ay, okA := g.At(a)
	bx, by, okB := g.At(b)
	return math.Hypot(bx-ax, by-ay), okA && okB
}

// Area is that of a zone on the ground, square metres. It is false when a corner is at or above the
// horizon, where the zone would have no end.
func (g *Ground) Area(zone []Point) (m2 float64, ok bool) {
	if g == nil || len(zone) < 3 {
		return 0, false
	}
	x0, y0, ok := g.At(zone[len(zone)-1])
	for _, p := range zone {
		x, y, good := g.At(p)
		ok = ok && good
		m2 += x0*y - x*y0
		x0, y0 = x, y
	}
	if !ok {
		return 0, false
	}
	return math.Abs(m2) / 2, true
}
