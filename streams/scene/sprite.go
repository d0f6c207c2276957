package scene

import (
	"math"

	"bongsu"
	"bongsu/streams/truth"
)

// sprite is a soft patch on the picture: a puff of smoke, a flame, a clump of leaves.
type sprite struct {
	x, y, r float64 // pixels
	z       float64 // metres
	tex     *texture
	color   uint32
	alpha   float64
	stretch float64 // height over width; 0 is 1
}

const textureSide = 48

// texture is how dense a sprite is, 0..255.
type texture [textureSide * textureSide]byte

func newTexture(seed uint32, density func(x, y, radius float64) float64) *texture {
	t := &texture{}
	for i := range t {
		x, y := float64(i%textureSide)/(textureSide-1)*2-1, float64(i/textureSide)/(textureSide-1)*2-1
		t[i] = byte(255 * clamp(density(x+float64(seed)*10, y, math.Hypot(x, y)), 0, 1))
	}
	return t
}

// puffs are lumpy round clouds, leaves are full of holes.
var puffs, leaves = makeTextures()

func makeTextures() (p, l []*texture) {
	for i := range uint32(6) {
		p = append(p, newTexture(i, func(x, y, r float64) float64 {
			lump := octaves(i+900, x, y, 0.7, 0.02, 4)
			return smooth(1, 0.15, r-0.45*lump) * (0.75 + 0.4*lump)
		}))
		l = append(l, newTexture(i, func(x, y, r float64) float64 {
			n := noise(i+700, x*5, y*5)*0.6 + noise(i+701, x*11, y*11)*0.4
			return smooth(-0.06, 0.06, n-0.30-0.45*r*r*r)
		}))
	}
	return p, l
}

// drawSprites blends a thing's sprites, in order, and finds its mask: pixels that they hide more
// than 45 % of.
func (r *Renderer) drawSprites(t *thing) mask {
	box := noBounds()
	for i := range t.sprites {
		s := &t.sprites[i]
		box.grow(s.x, s.y, s.r*math.Max(1, s.stretch))
	}
	if !r.tile.begin(box.within(t.window), r.view.w, r.view.h) {
		return mask{}
	}
	t.truncated = box.x0 < 0 || box.y0 < 0 || box.x1 > float64(r.view.w) || box.y1 > float64(r.view.h)
	for i := range t.sprites {
		r.blend(&t.sprites[i], t.id != 0)
	}
	if t.id == 0 {
		return mask{}
	}
	return r.spriteMask(t.id)
}

// blend lays one sprite over the canvas. count notes in the tile's first sample of each pixel how
// much it hides, as a negative depth.
func (r *Renderer) blend(s *sprite, count bool) {
	c, t := r.canvas, &r.tile
	ry := s.r
	if s.stretch > 0 {
		ry *= s.stretch
	}
	x0, x1 := max(t.x0, int(s.x-s.r)), min(t.x1-1, int(s.x+s.r))
	y0, y1 := max(t.y0, int(s.y-ry)), min(t.y1-1, int(s.y+ry))
	kx, ky := textureSide/(2*s.r), textureSide/(2*ry)
	alpha := int(s.alpha * 256)
	sy, su, sv := int(s.color>>16), int(s.color>>8&255), int(s.color&255)
	z := float32(s.z)
	for y := y0; y <= y1; y++ {
		ty := int((float64(y) + 0.5 - s.y + ry) * ky)
		if ty < 0 || ty >= textureSide {
			continue
		}
		row := s.tex[ty*textureSide:][:textureSide]
		for x := x0; x <= x1; x++ {
			tx := int((float64(x) + 0.5 - s.x + s.r) * kx)
			i := y*c.w + x
			if tx < 0 || tx >= textureSide || c.depth[i] < z {
				continue
			}
			a := int(row[tx]) * alpha >> 8
			if a < 4 {
				continue
			}
			c.y[i] = byte((int(c.y[i])*(256-a) + sy*a) >> 8)
			if x&1 == 0 && y&1 == 0 {
				j := y/2*(c.w/2) + x/2
				c.u[j] = byte((int(c.u[j])*(256-a) + su*a) >> 8)
				c.v[j] = byte((int(c.v[j])*(256-a) + sv*a) >> 8)
			}
			if count {
				t.hide(x, y, a)
			}
		}
	}
}

// hide adds up how much of a pixel sprites cover: the tile's first sample of the pixel holds what
// is left free, as a depth in 0..1.
func (t *tile) hide(x, y, a int) {
	i := (y-t.y0)*over*t.w + (x-t.x0)*over
	left := t.depth[i]
	if left == far {
		left = 1
	}
	t.depth[i] = left * float32(256-a) / 256
}

func (r *Renderer) spriteMask(id uint16) mask {
	var m mask
	t := &r.tile
	for y := t.y0; y < t.y1; y++ {
		for x := t.x0; x < t.x1; x++ {
			if left := t.depth[(y-t.y0)*over*t.w+(x-t.x0)*over]; left < 0.55 {
				m.add(x, y)
				r.canvas.id[y*r.canvas.w+x] = id
			}
		}
	}
	return m
}

// plume is a fire or a column of smoke: particles whose lives follow each other, each a function
// of time and of its number.
type plume struct {
	seed  uint64
	size  float64
	smoke bool
	buf   []sprite

	tex                       []*texture
	stretch, tone, warm, wide float64 // of flames, of smoke, of their colour
	dense                     float64
}

func newPlume(a *Actor, seed uint64) *plume {
	p := &plume{seed: seed, size: a.SizeM, smoke: a.Kind == KindSmoke, tex: puffs, stretch: 1.5, tone: 1, wide: 1, dense: 0.8}
	if p.size == 0 {
		p.size = 1
	}
	return p
}

// burn makes the plume's particles. A fire grows over its first ten seconds.
func (p *player) burn(r *Renderer, now float64) *thing {
	q := p.plume
	age := now - p.time.from
	m := moment{act: &act{}, at: vec{p.actor.At.X(), p.actor.At.Y(), 0}}
	class := bongsu.ClassFire
	if q.smoke {
		class = bongsu.ClassSmoke
	}
	t := p.begin(r, 0, &m, class, "", truth.StateBurning)
	q.buf = q.buf[:0]
	grow := 0.25 + 0.75*smooth(0, 10, age)
	n := 60
	if q.smoke {
		n = 64
	}
	for i := range n {
		if s, ok := q.particle(r, i, now, age, grow, t); ok {
			q.buf = append(q.buf, s)
		}
	}
	t.sprites, t.bias = q.buf, 0.6
	if q.smoke {
		t.bias = 0.4
	} else {
		r.air.burning(t, q.size*grow, now)
	}
	return t
}

// particle is one of the plume's particles at now.
func (q *plume) particle(r *Renderer, i int, now, age, grow float64, t *thing) (sprite, bool) {
	c := newChance(q.seed, string(rune('a'+i)))
	life := c.between(0.45, 0.95) * math.Sqrt(q.size)
	if q.smoke {
		life = c.between(4, 7)
	}
	clock := age/life + c.float()
	turn := math.Floor(clock)
	k := clock - turn
	if (1-k)*life+age < life && k*life > age {
		return sprite{}, false // it would have begun before the fire
	}
	c = &chance{mix64(q.seed ^ uint64(i)<<32 ^ uint64(turn))}
	angle, dist := c.between(0, 2*math.Pi), math.Sqrt(c.float())
	if q.smoke {
		return q.puff(r, c, k, angle, dist, grow, life, now, t)
	}
	base := 0.42 * q.size * grow * dist * (1 - 0.75*k)
	at := t.at.add(vec{base * math.Cos(angle), base * math.Sin(angle), q.size * grow * (0.06 + 1.25*k*(1-0.35*dist))})
	at.x += 0.10 * q.size * math.Sin(now*5+angle) * k
	x, y, z := r.view.project(at)
	if z < nearest {
		return sprite{}, false
	}
	heat := clamp(1.15-1.1*k-0.35*dist+c.between(-0.15, 0.15), 0, 1)
	s := sprite{x: x, y: y, z: z - 0.3, tex: q.tex[c.pick(len(q.tex))], stretch: q.stretch}
	s.r = q.size * grow * q.wide * c.between(0.16, 0.3) * (1 - 0.65*k) * r.view.focal / z
	s.alpha, s.color = 0.75*(1-k*k), q.hue(flame(heat, r.light.ir), r.light.ir)
	return s, s.r > 0.5
}

// hue turns a flame's colour to yellow or to red.
func (q *plume) hue(color uint32, ir bool) uint32 {
	if ir || q.warm == 0 {
		return color
	}
	u := clamp(float64(color>>8&255)+q.warm, 16, 240)
	v := clamp(float64(color&255)-0.5*q.warm, 16, 240)
	return color&0xff0000 | uint32(u)<<8 | uint32(v)
}

// flame is a fire's colour as the sensor shows it: it is brighter than all else, by day too.
func flame(heat float64, ir bool) uint32 {
	if ir {
		return uint32(140+90*heat)<<16 | 128<<8 | 128
	}
	if heat > 0.55 {
		k := (heat - 0.55) / 0.45
		return uint32(175+58*k)<<16 | uint32(45+45*k)<<8 | uint32(185-40*k)
	}
	k := heat / 0.55
	return uint32(70+105*k)<<16 | uint32(95-50*k)<<8 | uint32(190-5*k)
}

func (q *plume) puff(r *Renderer, c *chance, k, angle, dist, grow, life, now float64, t *thing) (sprite, bool) {
	wind := r.scene.Weather.Wind
	rise := (1.1 + 0.5*c.float()) * math.Sqrt(q.size) * k * life
	spread := q.size * grow * (0.3 + 1.1*k) * dist * 0.6
	at := t.at.add(vec{spread*math.Cos(angle) + (0.25+1.6*wind)*k*k*life, spread * math.Sin(angle), 0.3*q.size + rise})
	at.x += 0.3 * math.Sin(now*0.7+angle) * k
	x, y, z := r.view.project(at)
	if z < nearest {
		return sprite{}, false
	}
	tone := c.between(0.7, 1.3) * (0.035 + 0.03*k) // of burning oil and plastic: black
	if q.seed%3 != 0 {
		tone = c.between(0.8, 1.2) * (0.30 - 0.06*k) // of wood and paper: pale
	}
	s := sprite{x: x, y: y, z: z, tex: q.tex[c.pick(len(q.tex))]}
	s.r = q.size * grow * (0.35 + 1.1*k) * r.view.focal / z
	s.alpha = q.dense * smooth(0, 0.08, k) * math.Pow(1-k, 1.2) * math.Min(1, 0.5+grow)
	light := t.spot.ambient.mul(0.9).add(t.spot.key.mul(0.35))
	s.color = r.light.yuv(r.light.haze(light.mul(tone*2*q.tone), z))
	return s, s.r > 0.7
}
