package scene

import (
	"math"

	"bongsu"
)

// sensorWidth is that of a 1/2.8" sensor, in mm: focal lengths are those on the camera's label.
const sensorWidth = 5.37

// view is the camera's geometry for one size of picture.
type view struct {
	eye                vec
	right, up, forward vec
	w, h               int
	focal              float64 // pixels
	cx, cy             float64
	distort            float64 // share by which the corner moves; negative: barrel
	corner2            float64 // squared distance of the corner from the middle, pixels
}

func newView(c *Camera) *view {
	tilt, roll := c.TiltDeg*math.Pi/180, c.RollDeg*math.Pi/180
	st, ct := math.Sincos(tilt)
	v := &view{eye: vec{0, 0, c.HeightM}, forward: vec{0, ct, -st}, w: c.WidthPX, h: c.HeightPX, distort: c.Distortion}
	right, up := vec{1, 0, 0}, vec{0, st, ct}
	sr, cr := math.Sincos(roll)
	v.right, v.up = right.mul(cr).add(up.mul(sr)), up.mul(cr).sub(right.mul(sr))
	v.focal = c.FocalMM / sensorWidth * float64(c.WidthPX)
	v.cx, v.cy = float64(c.WidthPX)/2, float64(c.HeightPX)/2
	v.corner2 = v.cx*v.cx + v.cy*v.cy
	return v
}

// nearest is the shortest depth at which something is drawn.
const nearest = 0.3

// project gives the picture's place of p in pixels and its depth in metres; depth below nearest
// means behind the camera.
func (v *view) project(p vec) (x, y, depth float64) {
	d := p.sub(v.eye)
	depth = d.dot(v.forward)
	z := math.Max(depth, nearest)
	x, y = v.focal*d.dot(v.right)/z, -v.focal*d.dot(v.up)/z
	k := 1 + v.distort*math.Min((x*x+y*y)/v.corner2, 2)
	return v.cx + x*k, v.cy + y*k, depth
}

// ray gives the direction in which the camera sees the picture's place x, y; its part along
// forward is 1.
func (v *view) ray(x, y float64) vec {
	dx, dy := x-v.cx, y-v.cy
	ux, uy := dx, dy
	for range 4 {
		k := 1 + v.distort*math.Min((ux*ux+uy*uy)/v.corner2, 2)
		ux, uy = dx/k, dy/k
	}
	return v.forward.add(v.right.mul(ux / v.focal)).sub(v.up.mul(uy / v.focal))
}

// OnPicture is where a point up metres over p lies on the picture, 0..1, and its depth in metres;
// a depth that is not positive means behind the camera.
func (c *Camera) OnPicture(p Place, up float64) (at bongsu.Point, depth float64) {
	v := newView(c)
	x, y, z := v.project(vec{p.X(), p.Y(), up})
	return bongsu.Point{X: float32(x / float64(v.w)), Y: float32(y / float64(v.h))}, z
}

// onCamera turns a direction into the camera's own axes: right, down, away.
func (v *view) onCamera(d vec) vec {
	return vec{d.dot(v.right), -d.dot(v.up), d.dot(v.forward)}
}

// ground is where the camera sees the ground at the picture's place x, y; ok is false above the
// horizon.
func (v *view) ground(x, y float64) (p vec, ok bool) {
	r := v.ray(x, y)
	if r.z > -1e-4 {
		return vec{}, false
	}
	return v.eye.add(r.mul(-v.eye.z / r.z)), true
}
