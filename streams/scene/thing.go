package scene

import (
	"math"

	"bongsu"
)

// thing is one object as it stands in one frame.
type thing struct {
	id        uint16 // 0: not part of the truth
	actor     string
	class     bongsu.Class
	kind      string
	state     string
	at        vec
	heading   float64
	bias      float64 // metres by which it is drawn later than its place says
	velocity  vec     // metres a second
	bones     []bone
	colors    []vec // reflectance by part
	panels    []panel
	sprites   []sprite
	rough     float64
	base      float64 // radius on the ground, metres; 0: throws no shadow
	footprint []vec   // of a vehicle, in its own axes
	truncated bool
	window    *bounds // its sprites are seen through this part of the picture alone

	spot spot // light on it
}

// panel is a flat face of a thing, in the thing's own axes, corners in order.
type panel struct {
	pts    []vec
	normal vec
	albedo vec
	glow   vec
	shine  float64 // share of the sky that it mirrors
	double bool    // seen from both sides
}

// place turns a point of the thing's own axes into the world.
func (t *thing) place(p vec) vec { return t.at.add(p.turn(t.heading)) }

// drawThing draws one object over the canvas.
func (r *Renderer) drawThing(t *thing) mask {
	if len(t.sprites) > 0 {
		return r.drawSprites(t)
	}
	box, ok := r.extent(t)
	if !ok || !r.tile.begin(box, r.view.w, r.view.h) {
		return mask{}
	}
	t.truncated = box.x0 < 0 || box.y0 < 0 || box.x1 > float64(r.view.w) || box.y1 > float64(r.view.h)
	depth := t.at.sub(r.view.eye).dot(r.view.forward)
	r.drawBones(t, depth)
	r.drawPanels(t, depth)
	sx, sy := r.smear(t)
	return r.canvas.resolve(&r.tile, t.id, sx, sy, 1)
}

// extent bounds a thing on the picture; ok is false when part of it is behind the camera.
func (r *Renderer) extent(t *thing) (bounds, bool) {
	box := noBounds()
	for i := range t.bones {
		for _, e := range [2]struct {
			p vec
			r float64
		}{{t.bones[i].a, t.bones[i].ra}, {t.bones[i].b, t.bones[i].rb}} {
			b, ok := r.view.ball(t.place(e.p), e.r)
			if !ok {
				return box, false
			}
			box.grow(b.x, b.y, b.r)
		}
	}
	for i := range t.panels {
		for _, p := range t.panels[i].pts {
			x, y, z := r.view.project(t.place(p))
			if z < nearest {
				return box, false
			}
			box.grow(x, y, 0)
		}
	}
	return box, box.x0 <= box.x1
}

func (r *Renderer) drawBones(t *thing, depth float64) {
	var ramps [8]ramp
	var made [8]bool
	for i := range t.bones {
		b := &t.bones[i]
		part, other, stripes := b.part&15, b.part>>4&15, b.part>>8
		for _, k := range [2]int{part, other} {
			if !made[k] {
				ramps[k], made[k] = r.light.ramp(t.colors[k], &t.spot, depth, 0.6), true
			}
		}
		a, okA := r.view.ball(t.place(b.a), b.ra)
		c, okB := r.view.ball(t.place(b.b), b.rb)
		if okA && okB {
			r.tile.limb(a, c, t.spot.dir, &ramps[part], &ramps[other], float64(stripes), t.rough)
		}
	}
}

func (r *Renderer) drawPanels(t *thing, depth float64) {
	var pts [16]corner
	for i := range t.panels {
		p := &t.panels[i]
		n := p.normal.turn(t.heading)
		mid := t.place(p.pts[0])
		away := n.dot(r.view.eye.sub(mid))
		if away <= 0 {
			if !p.double {
				continue
			}
			n = n.mul(-1)
		}
		count := min(len(p.pts), len(pts))
		for k := range count {
			pts[k].x, pts[k].y, pts[k].z = r.view.project(t.place(p.pts[k]))
		}
		r.tile.face(pts[:count], r.light.yuv(r.panelColor(t, p, n, mid, depth)))
	}
}

func (r *Renderer) panelColor(t *thing, p *panel, n, mid vec, depth float64) vec {
	albedo := p.albedo
	if r.light.ir {
		albedo = grey(0.12 + 0.7*albedo.luma())
	}
	light := t.spot.ambient.mul(0.6 + 0.4*n.z).add(t.spot.key.mul(math.Max(0, n.dot(t.spot.world))))
	c := albedo.times(light)
	if p.shine > 0 {
		in := mid.sub(r.view.eye).unit()
		out := in.sub(n.mul(2 * in.dot(n)))
		sky := r.light.sky.mul(0.8 + 0.9*clamp(out.z, -0.7, 1))
		if k := out.dot(t.spot.world); k > 0.8 {
			sky = sky.add(t.spot.key.mul(0.7 * smooth(0.85, 1, k)))
		}
		c = c.to(sky, p.shine)
	}
	return r.light.haze(c.add(p.glow), depth)
}

// smear is how far the thing moves on the picture while the shutter is open, in pixels.
func (r *Renderer) smear(t *thing) (dx, dy float64) {
	open := r.scene.Camera.Shutter * r.light.shutter() / float64(r.scene.Camera.FPS)
	if open == 0 || t.velocity == (vec{}) {
		return 0, 0
	}
	mid := t.at.add(vec{0, 0, 0.8})
	x0, y0, z0 := r.view.project(mid)
	x1, y1, z1 := r.view.project(mid.add(t.velocity.mul(open)))
	if z0 < nearest || z1 < nearest {
		return 0, 0
	}
	return clamp(x1-x0, -24, 24), clamp(y1-y0, -24, 24)
}

// shadow darkens the ground where a thing keeps the light away, and where it touches it.
func (r *Renderer) shadow(t *thing) {
	if t.base == 0 {
		return
	}
	if t.spot.key.luma() > 0.02*t.spot.ambient.luma() && !r.light.ir {
		r.castShadow(t)
	}
	r.touch(t)
}

// longest is how far a shadow reaches, in metres.
const longest = 14

// fallen is where the shadow of p lies.
func (t *thing) fallen(p vec) (vec, bool) {
	d := t.spot.world
	if d.z < 0.05 {
		return vec{}, false
	}
	q := p.sub(d.mul(p.z / d.z))
	q.z = 0
	off := q.sub(t.at)
	if l := math.Hypot(off.x, off.y); l > longest {
		return vec{t.at.x + off.x*longest/l, t.at.y + off.y*longest/l, 0}, true
	}
	return q, true
}

func (r *Renderer) castShadow(t *thing) {
	hulls := r.shadowHulls(t)
	k := shadeOf(t.spot.ambient.luma(), t.spot.key.luma()*math.Max(0.1, t.spot.world.z))
	r.darken(hulls, k, onGround)
}

// shadeOf is how much darker, as shown, ground is without its key light.
func shadeOf(ambient, key float64) float64 {
	return math.Pow(ambient/(ambient+key), 0.45)
}

// shadowHulls gives the outlines of a thing's shadow on the picture.
func (r *Renderer) shadowHulls(t *thing) [][]corner {
	var hulls [][]corner
	for i := range t.bones {
		b := &t.bones[i]
		p, okP := t.fallen(t.place(b.a))
		q, okQ := t.fallen(t.place(b.b))
		if okP && okQ {
			hulls = r.addOutline(hulls, capsuleOutline(p, q, b.ra, b.rb))
		}
	}
	for i := range t.panels {
		if p := &t.panels[i]; p.glow == (vec{}) {
			pts := make([]vec, 0, 8)
			for _, c := range p.pts {
				if q, ok := t.fallen(t.place(c)); ok {
					pts = append(pts, q)
				}
			}
			hulls = r.addOutline(hulls, pts)
		}
	}
	return hulls
}

func (r *Renderer) addOutline(hulls [][]corner, pts []vec) [][]corner {
	if len(pts) < 3 {
		return hulls
	}
	out := make([]corner, len(pts))
	for i, p := range pts {
		x, y, z := r.view.project(p)
		if z < nearest {
			return hulls
		}
		out[i] = corner{x, y, 1}
	}
	return append(hulls, out)
}

// capsuleOutline is the outline on the ground of a limb's shadow.
func capsuleOutline(p, q vec, ra, rb float64) []vec {
	dx, dy := q.x-p.x, q.y-p.y
	turn := math.Atan2(dx, dy)
	out := make([]vec, 0, 10)
	for i := range 5 {
		s, c := math.Sincos(turn + math.Pi/2 - math.Pi*float64(i)/4)
		out = append(out, vec{q.x + rb*s, q.y + rb*c, 0})
	}
	for i := range 5 {
		s, c := math.Sincos(turn - math.Pi/2 - math.Pi*float64(i)/4)
		out = append(out, vec{p.x + ra*s, p.y + ra*c, 0})
	}
	return out
}

// touch darkens the ground right under a thing: no sky reaches it.
func (r *Renderer) touch(t *thing) {
	if t.at.z > 0.3 {
		return
	}
	var hulls [][]corner
	for _, grow := range []float64{1.14, 1.04, 0.92} {
		pts := t.footprint
		if pts == nil {
			pts = capsuleOutline(vec{-0.01, 0, 0}, vec{0.01, 0, 0}, t.base, t.base)
		}
		world := make([]vec, len(pts))
		for i, p := range pts {
			world[i] = t.place(p.mul(grow))
			world[i].z = 0
		}
		hulls = r.addOutline(hulls[:0], world)
		r.darken(hulls, 0.86, onShade)
	}
}

// darken multiplies the ground within the outlines by k; most is the last kind of ground that it
// touches.
func (r *Renderer) darken(hulls [][]corner, k float64, most byte) {
	box := noBounds()
	for _, h := range hulls {
		for _, p := range h {
			box.grow(p.x, p.y, 1)
		}
	}
	t := &r.tile
	if len(hulls) == 0 || !t.begin(box, r.view.w, r.view.h) {
		return
	}
	for _, h := range hulls {
		t.face(h, 0)
	}
	cut := int(256 * (1 - k))
	for y := t.y0; y < t.y1; y++ {
		lo, hi := t.reach(y, 0)
		for x := lo; x < hi; x++ {
			i := y*r.canvas.w + x
			if kind := r.plate.kind[i]; kind < onGround || kind > most {
				continue
			}
			if n := t.count(x, y); n > 0 {
				r.canvas.y[i] -= byte(max(0, int(r.canvas.y[i])-16) * cut * n / 1024)
			}
		}
	}
}

// count is how many of a pixel's samples are drawn.
func (t *tile) count(px, py int) int {
	i := (py-t.y0)*over*t.w + (px-t.x0)*over
	n := 0
	for _, k := range [4]int{i, i + 1, i + t.w, i + t.w + 1} {
		if t.depth[k] != far {
			n++
		}
	}
	return n
}
