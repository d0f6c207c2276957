package scene

import "math"

// clump is a bunch of a tree's leaves.
type clump struct {
	at   vec // from the tree's foot
	r    float64
	tex  *texture
	tone float64
	lag  float64
}

// tree is a crown of clumps that sway; its trunk is a solid.
type tree struct {
	at     vec
	height float64
	crown  float64
	clumps []clump
	colors []uint32
	hue    float64
	thing  thing
	buf    []sprite
	wind   float64
	view   *view
}

func newTree(st *Structure, seed uint32) *tree {
	t := &tree{at: vec{st.At.X(), st.At.Y(), 0}, height: st.HeightM, crown: st.HeightM * 0.34}
	if st.WidthM > 0 {
		t.crown = st.WidthM / 2
	}
	c := newChance(uint64(seed), "tree")
	t.hue = c.float()
	for range 64 {
		u, a := c.between(-1, 1), c.between(0, 2*math.Pi)
		d := math.Sqrt(1-u*u) * math.Cbrt(c.float())
		at := vec{t.crown * d * math.Cos(a), t.crown * d * math.Sin(a), st.HeightM*0.66 + st.HeightM*0.32*u*math.Cbrt(c.float())}
		t.clumps = append(t.clumps, clump{at: at, r: t.crown * c.between(0.30, 0.5), tex: leaves[c.pick(len(leaves))], tone: c.between(0.75, 1.25), lag: c.between(0, 1.5)})
	}
	return t
}

// prepare lights the crown: what is high and towards the light is brighter.
func (t *tree) prepare(r *Renderer) {
	t.view, t.wind = r.view, r.scene.Weather.Wind
	s := r.light.at(t.at.add(vec{0, 0, t.height * 0.5}))
	for i := range t.clumps {
		k := &t.clumps[i]
		out := vec{k.at.x / t.crown, k.at.y / t.crown, (k.at.z - t.height*0.66) / (t.height * 0.32)}
		lit := clamp(0.35+0.6*out.dot(s.world), 0.08, 1)
		c := vec{0.055, 0.085, 0.022}.to(vec{0.10, 0.10, 0.02}, t.hue*0.6).mul(k.tone * 1.2)
		if r.light.ir {
			c = grey(0.32 * k.tone)
		}
		c = c.times(s.ambient.mul(0.55 + 0.35*clamp(out.z, -1, 1)).add(s.key.mul(lit)))
		depth := t.at.add(k.at).sub(r.view.eye).dot(r.view.forward)
		t.colors = append(t.colors, r.light.yuv(r.light.haze(c, depth)))
	}
}

// shade is what is left of the light on the ground under the crown.
func (t *tree) shade(p vec, l *lights) float64 {
	d := l.sunDir
	if l.sun.luma() == 0 || d.z < 0.1 {
		return 1 - 0.25*(1-smooth(0, t.crown, math.Hypot(p.x-t.at.x, p.y-t.at.y)))
	}
	k := t.height * 0.66 / d.z
	x, y := p.x+d.x*k-t.at.x, p.y+d.y*k-t.at.y
	rim := math.Hypot(x, y)/t.crown - 0.5*(noise(17, p.x*1.4, p.y*1.4)-0.5)
	leafy := 0.62 + 0.38*smooth(0.5, 0.75, noise(18, p.x*3.1, p.y*3.1))
	return lerp(leafy*0.72, 1, smooth(0.75, 1.05, rim))
}

func (t *tree) perform(now float64) *thing {
	t.thing = thing{at: t.at}
	t.buf = t.buf[:0]
	for i := range t.clumps {
		k := &t.clumps[i]
		gust := math.Sin(now*1.3+t.hue*6) + 0.5*math.Sin(now*2.9+k.lag*2)
		up := k.at.z / t.height
		bend := (0.02 + 0.16*t.wind) * gust * up * up
		p := t.at.add(k.at).add(vec{bend + 0.03*(0.3+t.wind)*math.Sin(now*6+k.lag*9), 0, 0.02 * math.Sin(now*5+k.lag*7)})
		x, y, z := t.view.project(p)
		if z < nearest {
			continue
		}
		t.buf = append(t.buf, sprite{x: x, y: y, z: z, r: k.r * t.view.focal / z, tex: k.tex, color: t.colors[i], alpha: 0.97})
	}
	t.thing.sprites = t.buf
	return &t.thing
}

// flag is a cloth that waves at the top of a pole.
type flag struct {
	at     vec
	height float64
	color  vec
	thing  thing
}

func newFlag(st *Structure, seed uint32) *flag {
	f := &flag{at: vec{st.At.X(), st.At.Y(), 0}, height: st.HeightM}
	c := newChance(uint64(seed), "flag")
	f.color = clothes[5+c.pick(4)]
	if n, ok := named[st.Color]; ok {
		f.color = n
	}
	return f
}

func (f *flag) perform(r *Renderer, now float64) *thing {
	f.thing = thing{at: f.at}
	wind := 0.25 + r.scene.Weather.Wind
	f.thing.spot = r.light.at(f.at)
	const strips = 7
	at := func(i int) vec {
		k := float64(i) / strips
		wave := 0.16 * k * math.Sin(now*(3+5*wind)-k*7)
		droop := (1 - math.Min(1, wind)) * 0.7 * k
		return vec{1.2 * k * math.Min(1, 0.4+wind), wave, f.height - 0.1 - droop + 0.05*k*math.Sin(now*4-k*5)}
	}
	for i := range strips {
		a, b := at(i), at(i+1)
		down := vec{0, 0, -0.75}
		n := b.sub(a).cross(down).unit()
		shade := 1 + 0.35*n.x
		f.thing.panels = append(f.thing.panels, panel{pts: []vec{a, b, b.add(down), a.add(down)}, normal: n, albedo: f.color.mul(shade), double: true})
	}
	return &f.thing
}
