package scene

import "math"

// Recast puts other actors into the scene, whose looks follow from seed: what does not move stays
// as it is drawn. It checks nothing: who makes actors in a program answers for them.
func (r *Renderer) Recast(actors []Actor, seed uint64) {
	r.scene.Actors, r.casting, r.cast = actors, seed, r.cast[:0]
	r.assemble()
}

// Reach is the place on the ground that lies depth metres into the picture, across -1 (left edge)
// to 1; ok is false when the picture does not show it.
func (r *Renderer) Reach(depth, across float64) (p Place, ok bool) {
	v := r.view
	if v.forward.y < 1e-6 {
		return Place{}, false
	}
	y := (depth + v.eye.z*v.forward.z) / v.forward.y
	p = Place{across * depth * v.cx / v.focal, y}
	px, py, z := v.project(vec{p.X(), p.Y(), 0})
	return p, z > nearest && px >= -0.1*float64(v.w) && px < 1.1*float64(v.w) && py >= 0 && py < 1.25*float64(v.h)
}

// FocalPX is the focal length in pixels: something of a metre at a depth of a metre is as large.
func (r *Renderer) FocalPX() float64 { return r.view.focal }

// OnPicture is where a point up metres over p lies on the picture, in pixels, and its depth in
// metres, which is not positive behind the camera.
func (r *Renderer) OnPicture(p Place, up float64) (x, y, depth float64) {
	return r.view.project(vec{p.X(), p.Y(), up})
}

// Free reports whether nothing stands within radius metres of p.
func (r *Renderer) Free(p Place, radius float64) bool {
	for i := range r.light.solids {
		s := &r.light.solids[i]
		l := s.local(vec{p.X(), p.Y(), 0}.sub(s.mid))
		if s.mid.z < 2 && math.Abs(l.x) < s.half.x+radius && math.Abs(l.y) < s.half.y+radius {
			return false
		}
	}
	return true
}

// InSight reports whether no wall hides from the camera what is up metres over p.
func (r *Renderer) InSight(p Place, up float64) bool {
	d := vec{p.X(), p.Y(), up}.sub(r.view.eye)
	return !r.light.blocked(r.view.eye, d.unit(), d.len()-0.05)
}

// draft traces one ray a pixel, and all four where neighbours differ in depth or brightness.
func (r *Renderer) draft(p *plate, linear []vec) {
	for y := range p.h {
		for x := range p.w {
			i := y*p.w + x
			s := r.trace(float64(x)+0.5, float64(y)+0.5, i&3)
			linear[i], p.depth[i], p.kind[i] = s.color, float32(s.depth), s.kind
			if s.kind >= onGround {
				if g, ok := r.view.ground(float64(x)+0.5, float64(y)+0.5); ok {
					p.gx[i], p.gy[i] = float32(g.x), float32(g.y)
				}
			}
		}
	}
	edge := make([]bool, len(linear))
	for y := 1; y < p.h; y++ {
		for x := 1; x < p.w; x++ {
			i := y*p.w + x
			for _, j := range [2]int{i - 1, i - p.w} {
				a, b := linear[i].luma(), linear[j].luma()
				if math.Abs(a-b) > 0.22*(a+b) || (p.kind[i] > onSolid) != (p.kind[j] > onSolid) || p.depth[i] > 1.15*p.depth[j] || p.depth[j] > 1.15*p.depth[i] {
					edge[i], edge[j] = true, true
				}
			}
		}
	}
	for i, e := range edge {
		if e {
			linear[i] = r.pixel(p, i%p.w, i/p.w)
		}
	}
}

// Noise is the sensor's, as a standard deviation of shown brightness in steps of 255.
func (r *Renderer) Noise() float64 { return r.light.noise * r.scene.Camera.Noise }

// Discernible tells, for each object of the picture drawn last, by its ID, the share of its pixels
// that differ from what is behind them by at least so many steps of 255 that one could see it: what is black before black,
// or grey in fog, is hidden though nothing stands before it.
func (r *Renderer) Discernible(least int) []float64 {
	most := 0
	for _, t := range r.things {
		most = max(most, int(t.id))
	}
	seen, all := make([]float64, most+1), make([]float64, most+1)
	c, p := r.canvas, r.plate
	for i, id := range c.id {
		if id == 0 || int(id) > most {
			continue
		}
		all[id]++
		j := i/c.w/2*(c.w/2) + i%c.w/2
		if abs(int(c.y[i])-int(p.y[i]))+abs(int(c.u[j])-int(p.u[j]))+abs(int(c.v[j])-int(p.v[j])) >= least {
			seen[id]++
		}
	}
	for i := range seen {
		seen[i] /= max(1, all[i])
	}
	return seen
}
