package scene

import "math"

// over is how many times finer than the picture actors are drawn, along each side.
const over = 2

// far is the depth of a place in a tile where nothing has been drawn.
const far = float32(math.MaxFloat32)

// ramp is a body's colour from no key light (0) to full key light, as shown.
type ramp [16]uint32

func (l *lights) ramp(albedo vec, s *spot, depth, up float64) ramp {
	if l.ir {
		albedo = grey(0.17 + 0.75*albedo.luma())
	}
	var out ramp
	base := s.ambient.mul(0.55 + 0.45*up)
	for i := range out {
		k := float64(i) / float64(len(out)-1)
		out[i] = l.yuv(l.haze(albedo.times(base.add(s.key.mul(k))), depth))
	}
	return out
}

// tile is a piece of the picture in which one object is drawn, finer than the picture: colours and
// depths of its nearest surface. It belongs to one Renderer and is used again for each object.
type tile struct {
	x0, y0, x1, y1 int // of the piece, in picture pixels; x1 and y1 lie outside
	w, h           int // samples
	color          []uint32
	depth          []float32
	left, right    []int // of each row, samples that are drawn: [left, right)
}

// begin clears the tile for the piece of the picture that box bounds; ok is false when nothing of
// it lies in the picture.
func (t *tile) begin(box bounds, w, h int) bool {
	t.x0, t.y0 = max(0, int(math.Floor(box.x0))-1)&^1, max(0, int(math.Floor(box.y0))-1)&^1
	t.x1, t.y1 = min(w, (int(math.Ceil(box.x1))+2)&^1), min(h, (int(math.Ceil(box.y1))+2)&^1)
	if t.x1 <= t.x0 || t.y1 <= t.y0 {
		return false
	}
	t.w, t.h = (t.x1-t.x0)*over, (t.y1-t.y0)*over
	if n := t.w * t.h; n > len(t.depth) {
		t.color, t.depth = make([]uint32, n), make([]float32, n)
	}
	if t.h > len(t.left) {
		t.left, t.right = make([]int, t.h), make([]int, t.h)
	}
	for i := range t.h {
		t.left[i], t.right[i] = t.w, 0
	}
	d := t.depth[:t.w*t.h]
	for i := range d {
		d[i] = far
	}
	return true
}

// bounds is a box in picture pixels that grows.
type bounds struct{ x0, y0, x1, y1 float64 }

func noBounds() bounds { return bounds{math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)} }

func (b *bounds) grow(x, y, r float64) {
	b.x0, b.y0 = math.Min(b.x0, x-r), math.Min(b.y0, y-r)
	b.x1, b.y1 = math.Max(b.x1, x+r), math.Max(b.y1, y+r)
}

// ball is one end of a limb, on the picture.
type ball struct {
	x, y, z float64
	r       float64 // pixels
	m       float64 // the same in metres
}

func (v *view) ball(p vec, radius float64) (ball, bool) {
	x, y, z := v.project(p)
	if z < nearest {
		return ball{}, false
	}
	return ball{x, y, z, radius * v.focal / z, radius}, true
}

// limb draws a round body between two balls, thicker at one end than at the other, lit from dir
// (camera's axes). With stripes every other of so many stripes along it has the colours of other.
func (t *tile) limb(a, b ball, dir vec, colors, other *ramp, stripes, rough float64) {
	ax, ay, ar := (a.x-float64(t.x0))*over, (a.y-float64(t.y0))*over, a.r*over
	bx, by, br := (b.x-float64(t.x0))*over, (b.y-float64(t.y0))*over, b.r*over
	dx, dy := bx-ax, by-ay
	inv := 1 / math.Max(dx*dx+dy*dy, 1e-9)
	y0, y1 := max(0, int(math.Min(ay-ar, by-br))), min(t.h-1, int(math.Max(ay+ar, by+br)))
	xl, xr := max(0, int(math.Min(ax-ar, bx-br))), min(t.w-1, int(math.Max(ax+ar, bx+br)))
	most := float64(len(colors) - 1)
	for y := y0; y <= y1; y++ {
		py := float64(y) + 0.5 - ay
		row := y * t.w
		for x := xl; x <= xr; x++ {
			px := float64(x) + 0.5 - ax
			k := (px*dx + py*dy) * inv
			if k < 0 {
				k = 0
			} else if k > 1 {
				k = 1
			}
			cx, cy, r := px-k*dx, py-k*dy, ar+(br-ar)*k
			d2, r2 := cx*cx+cy*cy, r*r
			if d2 >= r2 {
				continue
			}
			nz := math.Sqrt(1 - d2/r2)
			z := float32(a.z + (b.z-a.z)*k - nz*(a.m+(b.m-a.m)*k))
			i := row + x
			if z >= t.depth[i] {
				continue
			}
			lit := ((cx*dir.x+cy*dir.y)/r - nz*dir.z + 0.22) * (most / 1.22)
			if rough > 0 {
				lit += rough * (float64((x*7^y*13^int(k*9)*31)&15) - 7.5)
			}
			t.depth[i] = z
			if shade := int(math.Max(0, math.Min(most, lit))); stripes > 0 && int(k*stripes)&1 == 1 {
				t.color[i] = other[shade]
			} else {
				t.color[i] = colors[shade]
			}
			if x < t.left[y] {
				t.left[y] = x
			}
			if x >= t.right[y] {
				t.right[y] = x + 1
			}
		}
	}
}

// corner is a polygon's corner on the picture.
type corner struct{ x, y, z float64 }

// face draws a convex polygon of one colour. It is drawn from both sides.
func (t *tile) face(pts []corner, color uint32) {
	var ys, ye = math.Inf(1), math.Inf(-1)
	var q [16]corner
	n := min(len(pts), len(q))
	for i := range n {
		q[i] = corner{(pts[i].x - float64(t.x0)) * over, (pts[i].y - float64(t.y0)) * over, 1 / pts[i].z}
		ys, ye = math.Min(ys, q[i].y), math.Max(ye, q[i].y)
	}
	gx, gy, g0 := depthPlane(q[:n])
	for y := max(0, int(ys)); y <= min(t.h-1, int(ye)); y++ {
		py := float64(y) + 0.5
		lo, hi := span(q[:n], py)
		xl, xr := max(0, int(math.Ceil(lo-0.5))), min(t.w-1, int(math.Floor(hi-0.5)))
		if xl > xr {
			continue
		}
		t.left[y], t.right[y] = min(t.left[y], xl), max(t.right[y], xr+1)
		inv := g0 + gy*py + gx*(float64(xl)+0.5)
		for i := y*t.w + xl; i <= y*t.w+xr; i++ {
			if z := float32(1 / inv); z < t.depth[i] && inv > 0 {
				t.depth[i], t.color[i] = z, color
			}
			inv += gx
		}
	}
}

// span is where a row crosses a convex polygon.
func span(q []corner, py float64) (lo, hi float64) {
	lo, hi = math.Inf(1), math.Inf(-1)
	for i, j := 0, len(q)-1; i < len(q); j, i = i, i+1 {
		a, b := q[j], q[i]
		if (a.y > py) == (b.y > py) {
			continue
		}
		x := a.x + (b.x-a.x)*(py-a.y)/(b.y-a.y)
		lo, hi = math.Min(lo, x), math.Max(hi, x)
	}
	return lo, hi
}

// depthPlane gives 1/depth over the picture as a plane through the polygon's most spread corners.
func depthPlane(q []corner) (gx, gy, g0 float64) {
	best := 0.0
	for i := 1; i+1 < len(q); i++ {
		ax, ay, bx, by := q[i].x-q[0].x, q[i].y-q[0].y, q[i+1].x-q[0].x, q[i+1].y-q[0].y
		det := ax*by - ay*bx
		if math.Abs(det) <= best {
			continue
		}
		best = math.Abs(det)
		az, bz := q[i].z-q[0].z, q[i+1].z-q[0].z
		gx, gy = (az*by-bz*ay)/det, (bz*ax-az*bx)/det
	}
	return gx, gy, q[0].z - gx*q[0].x - gy*q[0].y
}
