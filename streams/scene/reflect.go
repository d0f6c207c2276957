package scene

import "math"

// pane is a window that mirrors fires.
type pane struct {
	mid    vec // of its lower edge
	normal vec // to the side that mirrors
	across vec
	half   float64 // of its width
	height float64
}

// paneFoot is how high over the ground a window's lower edge is, metres.
const paneFoot = 0.5

// windowPane is dark glass in a frame.
func windowPane(w, h float64) func(face int, u, v, foot float64) (patch, bool) {
	return func(face int, u, v, _ float64) (patch, bool) {
		if face != 2 {
			return patch{}, false
		}
		if math.Min(math.Min(u, w-u), math.Min(v, h-v)) < 0.06 || math.Abs(u-w/2) < 0.03 {
			return patch{albedo: grey(0.42)}, true
		}
		return patch{albedo: vec{0.045, 0.055, 0.065}.mul(0.8 + 0.4*v/h)}, true
	}
}

// glaze notes a window for what it mirrors.
func (r *Renderer) glaze(s *solid) {
	r.panes = append(r.panes, pane{mid: s.mid, normal: s.world(vec{0, -1, 0}), across: s.world(vec{1, 0, 0}), half: s.half.x, height: s.half.z})
}

// corner is a place of the pane: -1..1 across and 0..1 up.
func (p *pane) corner(u, v float64) vec {
	return p.mid.add(p.across.mul(u * p.half)).add(vec{0, 0, v * p.height}).add(p.normal.mul(0.05))
}

// glints appends the fires that windows show. They are no objects of the truth: nothing burns there.
func (r *Renderer) glints(now float64, out []*thing) []*thing {
	for i := range r.panes {
		p := &r.panes[i]
		if r.view.eye.sub(p.mid).dot(p.normal) <= 0 {
			continue
		}
		for _, a := range r.cast {
			if a.plume != nil && !a.plume.smoke && a.time.present(now) {
				if t := r.image(p, a, now); t != nil {
					out = append(out, t)
				}
			}
		}
	}
	return out
}

// image is a fire as a window shows it: as if it burnt as far behind the glass.
func (r *Renderer) image(p *pane, a *player, now float64) *thing {
	at := vec{a.actor.At.X(), a.actor.At.Y(), 0}
	off := at.sub(p.mid).dot(p.normal)
	if off <= 0 {
		return nil
	}
	window := noBounds()
	for _, k := range [4][2]float64{{-1, 0}, {1, 0}, {-1, 1}, {1, 1}} {
		x, y, z := r.view.project(p.corner(k[0], k[1]))
		if z < nearest {
			return nil
		}
		window.grow(x, y, 0)
	}
	t := &thing{at: p.mid, bias: 0.3, window: &window}
	behind := &thing{at: at.sub(p.normal.mul(2 * off))}
	_, _, depth := r.view.project(p.corner(0, 0.5))
	age := now - a.time.from
	grow := 0.25 + 0.75*smooth(0, 10, age)
	for i := range 60 {
		if s, ok := a.plume.particle(r, i, now, age, grow, behind); ok {
			s.z, s.alpha = depth-0.4, 0.6*s.alpha
			t.sprites = append(t.sprites, s)
		}
	}
	if len(t.sprites) == 0 {
		return nil
	}
	return t
}

// within is the part of b that lies in o.
func (b bounds) within(o *bounds) bounds {
	if o == nil {
		return b
	}
	return bounds{math.Max(b.x0, o.x0), math.Max(b.y0, o.y0), math.Min(b.x1, o.x1), math.Min(b.y1, o.y1)}
}
