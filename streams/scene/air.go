package scene

import "math"

// air draws what is neither actor nor ground: light of lamps and fires on the ground, rain, snow,
// and what is on the lens.
type air struct {
	seed    uint64
	rain    float64
	snow    float64
	drops   []drop
	insects int
	dirt    []drop
	inverse [256]float64 // linear light, exposed, of a shown luma

	beams []beam
	fires []firelight
	flash []sprite
}

type drop struct{ x, y, r float64 }

// beam is the light of a vehicle's lamps on the road.
type beam struct {
	at      vec
	heading float64
}

type firelight struct {
	at    vec
	power float64
}

func newAir(r *Renderer) *air {
	w := &r.scene.Weather
	a := &air{seed: mix64(r.seed + 77), rain: w.Rain, snow: w.Snow, insects: r.scene.Lens.Insects}
	for i := range a.inverse {
		y := clamp((float64(i)-16)/219*255, 0, 255)
		lo := 0
		for lo < len(r.light.tones)-1 && float64(r.light.tones[lo]) < y {
			lo++
		}
		a.inverse[i] = float64(lo) / 1024
	}
	c := newChance(r.seed, "lens")
	scale := float64(r.view.w) / 640
	for range r.scene.Lens.Drops {
		a.drops = append(a.drops, drop{c.between(0, float64(r.view.w)), c.between(0, float64(r.view.h)), c.between(6, 20) * scale})
	}
	for range int(r.scene.Lens.Dirt * 40) {
		a.dirt = append(a.dirt, drop{c.between(0, float64(r.view.w)), c.between(0, float64(r.view.h)), c.between(3, 26) * scale})
	}
	return a
}

// lit notes a vehicle whose lamps are on.
func (a *air) lit(t *thing, v *vehicle) {
	front := vec{}
	if len(v.lamps) > 0 {
		front = t.place(v.lamps[0].add(v.lamps[len(v.lamps)-1]).mul(0.5))
	}
	a.beams = append(a.beams, beam{front, t.heading})
	for _, l := range v.lamps {
		a.flare(t, l, 1)
	}
	for _, l := range v.tails {
		a.flare(t, l, -1)
	}
}

// flare is the bloom around a lamp that looks into the camera; its place is set when it is drawn.
func (a *air) flare(t *thing, l vec, dir float64) {
	s := sprite{tex: puffs[0], x: dir}
	p := t.place(l.add(vec{0, dir * 0.1, 0}))
	s.x, s.y, s.z = p.x, p.y, p.z
	head := vec{0, dir, 0}.turn(t.heading)
	s.alpha, s.stretch = head.x, head.y
	s.color = 235<<16 | 118<<8 | 134
	if dir < 0 {
		s.color = 120<<16 | 100<<8 | 205
	}
	a.flash = append(a.flash, s)
}

// burning notes a fire: it lights the ground around it.
func (a *air) burning(t *thing, size, now float64) {
	flicker := 1 + 0.25*math.Sin(now*13) + 0.2*math.Sin(now*7.3+1)
	a.fires = append(a.fires, firelight{t.at.add(vec{0, 0, 0.6 * size}), size * size * flicker})
}

// glowing adds the noted light to the ground, before actors are drawn.
func (a *air) glowing(r *Renderer, _ float64) {
	for _, b := range a.beams {
		s, c := math.Sincos(b.heading)
		ahead := func(d, side float64) vec { return vec{b.at.x + s*d + c*side, b.at.y + c*d - s*side, 0} }
		r.illuminate([]vec{ahead(0.6, -1), ahead(0.6, 1), ahead(18, 6), ahead(18, -6)}, func(x, y float64) float64 {
			dx, dy := x-b.at.x, y-b.at.y
			along, across := dx*s+dy*c, dx*c-dy*s
			if along < 0.3 {
				return 0
			}
			cone := across / (0.7 + 0.24*along)
			return 0.5 * math.Exp(-cone*cone*1.6) * smooth(0.3, 2.5, along) * 30 / (along*along + 30) * (1 - smooth(13, 18, along))
		})
	}
	for _, f := range a.fires {
		reach := 5 * math.Sqrt(f.power)
		r.illuminate([]vec{f.at.add(vec{-reach, -reach, 0}), f.at.add(vec{reach, -reach, 0}), f.at.add(vec{reach, reach, 0}), f.at.add(vec{-reach, reach, 0})},
			func(x, y float64) float64 {
				d2 := (x-f.at.x)*(x-f.at.x) + (y-f.at.y)*(y-f.at.y)
				return 0.55 * f.power / (d2 + 1 + f.at.z*f.at.z) * (1 - smooth(0.6*reach, reach, math.Sqrt(d2)))
			})
	}
	a.beams, a.fires = a.beams[:0], a.fires[:0]
}

// illuminate adds light to the ground inside a polygon.
func (r *Renderer) illuminate(poly []vec, light func(x, y float64) float64) {
	box := noBounds()
	for _, p := range poly {
		p.z = 0
		if x, y, z := r.view.project(p); z > nearest {
			box.grow(x, y, 4)
		} else {
			box.grow(r.view.cx, float64(r.view.h), float64(r.view.w)/2)
		}
	}
	x0, x1 := max(0, int(box.x0)), min(r.view.w-1, int(box.x1))
	y0, y1 := max(0, int(box.y0)), min(r.view.h-1, int(box.y1))
	for y := y0; y <= y1; y++ {
		for x := x0; x <= x1; x++ {
			i := y*r.view.w + x
			if r.plate.kind[i] < onGround {
				continue
			}
			if k := light(float64(r.plate.gx[i]), float64(r.plate.gy[i])); k > 0.004 {
				v := r.air.inverse[r.canvas.y[i]]/r.light.exposure + 0.12*k
				r.canvas.y[i] = byte(16 + int(r.light.tone(v))*219/255)
			}
		}
	}
}

// draw adds flares, weather and the lens, over everything.
func (a *air) draw(r *Renderer, now float64) {
	for i := range a.flash {
		a.drawFlare(r, &a.flash[i])
	}
	a.flash = a.flash[:0]
	if a.rain > 0 {
		a.drawRain(r, now)
	}
	if a.snow > 0 {
		a.drawSnow(r, now)
	}
	a.drawInsects(r, now)
	for _, d := range a.dirt {
		r.spot(d.x, d.y, d.r, 90<<16|128<<8|128, 0.10)
	}
	for i, d := range a.drops {
		a.drawDrop(r, i, d)
	}
}

func (a *air) drawFlare(r *Renderer, s *sprite) {
	p := vec{s.x, s.y, s.z}
	to := r.view.eye.sub(p).unit()
	facing := to.x*s.alpha + to.y*s.stretch
	x, y, z := r.view.project(p)
	if facing < 0.1 || z < nearest {
		return
	}
	size := math.Max(1.2, 0.55*r.view.focal/z) * (0.4 + 0.8*facing)
	if px, py := int(x), int(y); px < 0 || py < 0 || px >= r.view.w || py >= r.view.h || r.canvas.depth[py*r.canvas.w+px] < float32(z-0.6) {
		return
	}
	color := s.color
	if r.light.ir {
		color = color&0xff0000 | 128<<8 | 128
	}
	r.spot(x, y, size, color, 0.55*facing)
	r.spot(x, y, size*0.4, color, 0.9*facing)
}

// spot blends a soft disc over the picture.
func (r *Renderer) spot(x, y, radius float64, color uint32, alpha float64) {
	c := r.canvas
	x0, x1 := max(0, int(x-radius)), min(c.w-1, int(x+radius))
	y0, y1 := max(0, int(y-radius)), min(c.h-1, int(y+radius))
	sy, su, sv := int(color>>16), int(color>>8&255), int(color&255)
	for py := y0; py <= y1; py++ {
		for px := x0; px <= x1; px++ {
			dx, dy := (float64(px)+0.5-x)/radius, (float64(py)+0.5-y)/radius
			d := 1 - dx*dx - dy*dy
			if d <= 0 {
				continue
			}
			k := int(256 * alpha * d * d)
			i := py*c.w + px
			c.y[i] = byte((int(c.y[i])*(256-k) + sy*k) >> 8)
			if px&1 == 0 && py&1 == 0 {
				j := py/2*(c.w/2) + px/2
				c.u[j] = byte((int(c.u[j])*(256-k) + su*k) >> 8)
				c.v[j] = byte((int(c.v[j])*(256-k) + sv*k) >> 8)
			}
		}
	}
}

// drawRain draws streaks that differ in every frame: rain is faster than the eye follows.
func (a *air) drawRain(r *Renderer, now float64) {
	c := &chance{mix64(a.seed ^ uint64(now*1000+0.5))}
	bright := 150
	if r.light.sun.luma() == 0 && r.light.sky.luma() < 0.1 {
		bright = 130
	}
	scale := float64(r.view.h) / 360
	for range int(760 * a.rain) {
		x, y := c.between(-20, float64(r.view.w)), c.between(-30, float64(r.view.h))
		long, k := c.between(7, 24)*scale, int(c.between(28, 95)*(0.5+0.5*a.rain))
		slant := -0.18 - 0.3*r.scene.Weather.Wind
		for i := range int(long) {
			px, py := int(x+slant*float64(i)), int(y)+i
			if px >= 0 && py >= 0 && px < r.canvas.w && py < r.canvas.h {
				j := py*r.canvas.w + px
				r.canvas.y[j] = byte((int(r.canvas.y[j])*(256-k) + bright*k) >> 8)
			}
		}
	}
}

// drawSnow lets flakes sink: near ones are large, fast and blurred.
func (a *air) drawSnow(r *Renderer, now float64) {
	w, h := float64(r.view.w), float64(r.view.h)
	for i := range int(420 * a.snow) {
		c := &chance{mix64(a.seed ^ uint64(i)*0x51ed27)}
		near := math.Pow(c.float(), 3)
		fall := h * (0.12 + 0.75*near)
		y := math.Mod(c.between(0, h)+now*fall, h+20) - 10
		x := math.Mod(c.between(0, w)+now*fall*(0.9*r.scene.Weather.Wind)+6*math.Sin(now*c.between(0.6, 2)+c.between(0, 6)), w)
		r.spot(x, y, (0.9+3.2*near)*w/640, 225<<16|128<<8|128, 0.85-0.45*near)
	}
}

// drawInsects lets moths fly before the lens: out of focus, bright by infra-red light.
func (a *air) drawInsects(r *Renderer, now float64) {
	w, h := float64(r.view.w), float64(r.view.h)
	for i := range a.insects {
		c := &chance{mix64(a.seed ^ uint64(i)*0x9127)}
		f, g, p := c.between(0.3, 0.8), c.between(0.3, 0.9), c.between(0, 6)
		x := w * (0.5 + 0.55*math.Sin(now*f+p) + 0.08*math.Sin(now*5*g+p))
		y := h * (0.5 + 0.55*math.Sin(now*g*1.3+2*p) + 0.08*math.Sin(now*6*f))
		color, alpha := uint32(30<<16|128<<8|128), 0.45
		if r.light.ir || r.light.sky.luma() < 0.1 {
			color, alpha = 215<<16|128<<8|128, 0.6
		}
		r.spot(x, y, w/640*c.between(4, 9)*(1+0.3*math.Sin(now*40)), color, alpha)
	}
}

// drawDrop shows the scene small and upside down, as a drop on the glass does.
func (a *air) drawDrop(r *Renderer, _ int, d drop) {
	c := r.canvas
	for y := max(0, int(d.y-d.r)); y <= min(c.h-1, int(d.y+d.r)); y++ {
		for x := max(0, int(d.x-d.r)); x <= min(c.w-1, int(d.x+d.r)); x++ {
			dx, dy := (float64(x)-d.x)/d.r, (float64(y)-d.y)/d.r
			q := dx*dx + dy*dy
			if q >= 1 {
				continue
			}
			sx := clamp(d.x-dx*float64(c.w)*0.3, 0, float64(c.w-1))
			sy := clamp(float64(c.h)*0.55-dy*float64(c.h)*0.35, 0, float64(c.h-1))
			k := int(165 * (1 - smooth(0.5, 1, q)))
			v := int(r.plate.y[int(sy)*c.w+int(sx)])
			v = v*(100-int(25*smooth(0.3, 1, q)))/100 + int(24*smooth(0.5, 0, (dx+0.4)*(dx+0.4)+(dy+0.4)*(dy+0.4)))
			i := y*c.w + x
			c.y[i] = byte((int(c.y[i])*(256-k) + min(235, v)*k) >> 8)
		}
	}
}
