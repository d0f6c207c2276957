package scene

import (
	"math"
	"strconv"
)

// What a pixel of the plate shows, as far as moving things care.
const (
	onSky    = iota
	onSolid  // walls and everything that stands
	onGround // ground in open light: shadows darken it
	onShade  // ground that is in a shadow already
)

// plate is the scene without anything that moves: drawn once, copied for each frame.
type plate struct {
	w, h  int
	color []uint32 // 0xYYUUVV
	depth []float32
	kind  []byte
	gx    []float32 // place on the ground, where kind says that it is ground
	gy    []float32
	y     []byte // the same as planes, I420
	u, v  []byte
}

// sample is one ray's find.
type sample struct {
	color vec
	depth float64
	kind  byte
}

// drawPlate traces the static scene, four rays a pixel, finds the exposure, and turns light into
// shown colours.
func (r *Renderer) drawPlate() {
	w, h := r.view.w, r.view.h
	p := &plate{w: w, h: h, color: make([]uint32, w*h), depth: make([]float32, w*h), kind: make([]byte, w*h), gx: make([]float32, w*h), gy: make([]float32, w*h)}
	linear := make([]vec, w*h)
	if r.opt.Rays == 1 {
		r.draft(p, linear)
	} else {
		for y := range h {
			for x := range w {
				linear[y*w+x] = r.pixel(p, x, y)
			}
		}
	}
	r.expose(linear)
	for i, c := range linear {
		p.color[i] = r.light.yuv(c)
	}
	p.split()
	r.plate = p
}

var pixelOffsets = [4][2]float64{{0.375, 0.125}, {0.875, 0.375}, {0.125, 0.625}, {0.625, 0.875}}

func (r *Renderer) pixel(p *plate, x, y int) vec {
	var sum vec
	i := y*p.w + x
	shades := 0
	for k, o := range pixelOffsets {
		s := r.trace(float64(x)+o[0], float64(y)+o[1], k)
		sum = sum.add(s.color)
		if s.kind == onShade {
			shades++
		}
		if k == 0 || s.depth < float64(p.depth[i]) {
			p.depth[i], p.kind[i] = float32(s.depth), s.kind
		}
	}
	if p.kind[i] >= onGround {
		if g, ok := r.view.ground(float64(x)+0.5, float64(y)+0.5); ok {
			p.gx[i], p.gy[i] = float32(g.x), float32(g.y)
		}
		p.kind[i] = onGround
		if shades >= 2 {
			p.kind[i] = onShade
		}
	}
	return sum.mul(0.25)
}

// trace follows one ray to the first surface. k varies the direction to the sun: soft shadows.
func (r *Renderer) trace(x, y float64, k int) sample {
	d := r.view.ray(x, y)
	o := r.view.eye
	best, at := math.Inf(1), -1
	if d.z < -1e-4 {
		best = -o.z / d.z
	}
	if best > 400 {
		best = 400
	}
	seen := patch{}
	var normal vec
	for i := range r.light.solids {
		s := &r.light.solids[i]
		t, f := s.hit(o, d)
		if t <= 0 || t >= best {
			continue
		}
		foot := t / r.view.focal
		if out, n, ok := s.look(o.add(d.mul(t)), f, foot); ok {
			best, at, seen, normal = t, i, out, n
		}
	}
	jitter := vec{(float64(k&1) - 0.5) * 0.012, (float64(k>>1) - 0.5) * 0.012, 0}
	if at >= 0 {
		return r.solidSample(seen, normal, o.add(d.mul(best)), best, jitter)
	}
	if d.z >= -1e-4 || best >= 400 {
		return sample{color: r.skyColor(d), depth: 1e6, kind: onSky}
	}
	return r.groundSample(o.add(d.mul(best)), d, best, jitter)
}

func (r *Renderer) solidSample(seen patch, n, p vec, depth float64, jitter vec) sample {
	c, _ := r.light.surface(r.filter(seen), p, n, jitter)
	c = c.add(seen.glow)
	corner := 0.75 + 0.25*smooth(0, 0.7, p.z) // less light comes to the foot of a wall
	return sample{color: r.light.haze(c.mul(corner), depth), depth: depth, kind: onSolid}
}

// filter turns reflectance into what the sensor sees by infra-red light.
func (r *Renderer) filter(p patch) vec {
	if !r.light.ir {
		return p.albedo
	}
	if p.ir > 0 {
		return grey(p.ir)
	}
	return grey(0.08 + 0.85*p.albedo.luma())
}

func (r *Renderer) groundSample(p, d vec, depth float64, jitter vec) sample {
	foot := depth / r.view.focal * 1.3
	seen := r.groundPatch(p, foot)
	up := vec{0, 0, 1}
	albedo := r.filter(seen)
	if wet := r.light.wet; wet > 0 {
		albedo = albedo.mul(1 - 0.35*wet)
	}
	c, sunny := r.light.surface(albedo, p, up, jitter)
	if r.scene.Weather.Snow > 0 && !r.light.ir {
		cover := smooth(0.35, 0.6, noise(5, p.x/2.2, p.y/2.2)+0.5*r.scene.Weather.Snow-0.25)
		white, _ := r.light.surface(vec{0.62, 0.65, 0.70}, p, up, jitter)
		c = c.to(white, 0.75*cover*r.scene.Weather.Snow)
	}
	c = c.mul(r.contact(p))
	if wet := r.light.wet; wet > 0 {
		c = c.add(r.mirror(p, d).mul(wet * 0.30 * math.Pow(1-math.Abs(d.unit().z), 3) * smooth(0.3, 0.7, noise(77, p.x/1.7, p.y/1.7))))
	}
	kind := byte(onGround)
	if !sunny && r.light.sun.luma() > 0 {
		kind = onShade
	}
	return sample{color: r.light.haze(c, depth), depth: depth, kind: kind}
}

// mirror is what a wet ground reflects at p.
func (r *Renderer) mirror(p, d vec) vec {
	up := vec{d.x, d.y, -d.z}
	if r.light.blocked(p.add(vec{0, 0, 0.02}), up, sunAway) {
		return r.light.sky.mul(0.25)
	}
	c := r.skyColor(up)
	for i := range r.light.lampList {
		m := &r.light.lampList[i]
		if a := m.at.sub(p).unit().dot(up.unit()); a > 0.985 {
			c = c.add(m.color.mul(14 * smooth(0.985, 1, a)))
		}
	}
	return c
}

// contact darkens the ground at the foot of what stands on it.
func (r *Renderer) contact(p vec) float64 {
	k := 1.0
	for i := range r.light.solids {
		s := &r.light.solids[i]
		if s.mid.z > 0.1 || s.mesh || s.half.z < 0.3 {
			continue
		}
		l := s.local(p.sub(s.mid))
		dx, dy := math.Max(0, math.Abs(l.x)-s.half.x), math.Max(0, math.Abs(l.y)-s.half.y)
		reach := math.Min(0.8, s.half.x+s.half.y)
		k *= 1 - 0.45*(1-smooth(0, reach, math.Hypot(dx, dy)))
	}
	for i := range r.trees {
		k *= r.trees[i].shade(p, r.light)
	}
	return k
}

// layGround finds the materials of the ground.
func (r *Renderer) layGround() {
	g := &r.scene.Ground
	r.base, r.areas = r.style.ground(g.Base, "base"), make([]material, len(g.Areas))
	for i := range g.Areas {
		r.areas[i] = r.style.ground(g.Areas[i].Material, "area"+strconv.Itoa(i))
	}
}

// groundPatch is the ground at p: the last area that holds it, with what is painted on it.
func (r *Renderer) groundPatch(p vec, foot float64) patch {
	g := &r.scene.Ground
	out := r.base(uint32(r.seed), p.x, p.y, foot)
	for i := range g.Areas {
		if a := &g.Areas[i]; within(a.Polygon, p.x, p.y) {
			out = r.areas[i](uint32(r.seed)+uint32(i)*13, p.x, p.y, foot)
			edge := edgeDistance(a.Polygon, p.x, p.y)
			if a.Kerb && edge < 0.18 { // a kerb of pale stone
				k := 0.34 + 0.08*noise(3, p.x*2, p.y*2)
				out = patch{albedo: grey(k)}
			}
		}
	}
	for i := range g.Marks {
		m := &g.Marks[i]
		if k := m.cover(p.x, p.y, foot); k > 0 {
			worn := 0.55 + 0.45*smooth(0.25, 0.6, noise(uint32(i)+99, p.x*1.5, p.y*1.5))
			out.albedo = out.albedo.to(paint(m.Color), k*worn)
		}
	}
	return out
}

func paint(name string) vec {
	switch name {
	case "yellow":
		return vec{0.60, 0.40, 0.06}
	case "red":
		return vec{0.42, 0.09, 0.06}
	case "blue":
		return vec{0.08, 0.16, 0.42}
	}
	return grey(0.62)
}

// cover is how much of a pixel at x, y the mark covers.
func (m *Mark) cover(x, y, foot float64) float64 {
	best, run := math.Inf(1), 0.0
	for i := 1; i < len(m.Path); i++ {
		ax, ay, bx, by := m.Path[i-1].X(), m.Path[i-1].Y(), m.Path[i].X(), m.Path[i].Y()
		dx, dy := bx-ax, by-ay
		l := math.Hypot(dx, dy)
		if l == 0 {
			continue
		}
		if math.Abs(dx*(y-ay)-dy*(x-ax)) > l*(m.WidthM+foot) { // too far off to be covered
			run += l
			continue
		}
		t := clamp(((x-ax)*dx+(y-ay)*dy)/(l*l), 0, 1)
		dist := math.Hypot(x-ax-t*dx, y-ay-t*dy)
		if m.DashM > 0 && math.Mod(run+t*l, 2*m.DashM) > m.DashM {
			dist = math.Inf(1)
		}
		best, run = math.Min(best, dist), run+l
	}
	return 1 - smooth(m.WidthM/2-foot/2, m.WidthM/2+foot/2, best)
}

// within reports whether x, y lies in the polygon (even-odd).
func within(poly []Place, x, y float64) bool {
	in := false
	for i, j := 0, len(poly)-1; i < len(poly); j, i = i, i+1 {
		a, b := poly[i], poly[j]
		if (a.Y() > y) != (b.Y() > y) && x < (b.X()-a.X())*(y-a.Y())/(b.Y()-a.Y())+a.X() {
			in = !in
		}
	}
	return in
}

func edgeDistance(poly []Place, x, y float64) float64 {
	best := math.Inf(1)
	for i, j := 0, len(poly)-1; i < len(poly); j, i = i, i+1 {
		ax, ay, dx, dy := poly[j].X(), poly[j].Y(), poly[i].X()-poly[j].X(), poly[i].Y()-poly[j].Y()
		t := clamp(((x-ax)*dx+(y-ay)*dy)/math.Max(dx*dx+dy*dy, 1e-9), 0, 1)
		best = math.Min(best, math.Hypot(x-ax-t*dx, y-ay-t*dy))
	}
	return best
}

// skyColor is the sky in a direction: from horizon to zenith, with clouds.
func (r *Renderer) skyColor(d vec) vec {
	u := d.unit()
	c := r.light.horizon.to(r.light.zenith, math.Pow(clamp(u.z, 0, 1), 0.5))
	if u.z > 0.01 && r.light.zenith.luma() > 0.05 {
		n := octaves(uint32(r.seed)+400, u.x/u.z*0.6, u.y/u.z*0.6, 1.4, 0.01, 4) + 0.5
		c = c.to(r.light.horizon.mul(1.12), 0.7*smooth(0.45, 0.8, n)*smooth(0.01, 0.12, u.z))
	}
	if u.z < r.skyline(math.Atan2(u.x, u.y)) {
		return r.light.haze(c.to(r.light.sky.mul(0.30), 0.55), 250)
	}
	return r.light.haze(c, 60+300*(1-clamp(u.z*4, 0, 1)))
}

// skyline is how high far houses and hills stand over the horizon in a direction.
func (r *Renderer) skyline(azimuth float64) float64 {
	hill := 0.015 + 0.03*noise(uint32(r.seed)+60, azimuth*3, 0)
	block := math.Floor(azimuth * 34)
	if h := rnd(uint32(r.seed)+61, int32(block), 0); h > 0.45 {
		return math.Max(hill, 0.02+0.06*h*rnd(uint32(r.seed)+62, int32(block), 0))
	}
	return hill
}

// expose sets the exposure so that the picture's mean brightness is what the time of day asks for.
func (r *Renderer) expose(linear []vec) {
	lo, hi := 0.02, 60.0
	for range 24 {
		r.light.exposure = math.Sqrt(lo * hi)
		sum := 0
		for i := 0; i < len(linear); i += 7 {
			sum += int(r.light.tone(linear[i].luma()))
		}
		if float64(sum)/float64((len(linear)+6)/7)/255 < r.light.target {
			lo = r.light.exposure
		} else {
			hi = r.light.exposure
		}
	}
	r.light.exposure = clamp(r.light.exposure*(1+r.scene.Light.Exposure), 0.02, 60)
}

// split writes the packed colours as I420 planes.
func (p *plate) split() {
	p.y, p.u, p.v = make([]byte, p.w*p.h), make([]byte, p.w*p.h/4), make([]byte, p.w*p.h/4)
	for i, c := range p.color {
		p.y[i] = byte(c >> 16)
	}
	for y := 0; y < p.h; y += 2 {
		for x := 0; x < p.w; x += 2 {
			i := y*p.w + x
			a, b, c, d := p.color[i], p.color[i+1], p.color[i+p.w], p.color[i+p.w+1]
			j := y/2*(p.w/2) + x/2
			p.u[j] = byte((a>>8&255 + b>>8&255 + c>>8&255 + d>>8&255 + 2) / 4)
			p.v[j] = byte((a&255 + b&255 + c&255 + d&255 + 2) / 4)
		}
	}
}
