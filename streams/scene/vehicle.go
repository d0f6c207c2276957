package scene

import (
	"math"

	"bongsu"
	"bongsu/streams/truth"
)

// station is a cross-section of a vehicle's body: how it looks at one place along it.
type station struct {
	y      float64 // metres ahead of the middle
	wide   float64 // half width at the belt
	belt   float64 // height of the lower edge of the windows
	roof   float64 // height
	narrow float64 // half width of the roof
	low    float64 // height of the lower edge
	glass  bool    // the side windows begin here and go on to the next station
}

// build is a kind of vehicle.
type build struct {
	class    bongsu.Class
	stations []station
	wheels   []float64 // along it
	wheel    float64   // radius
	box      bool      // a cargo box stands behind the cab
}

var builds = map[string]build{
	KindCar: {bongsu.ClassCar, []station{
		{-2.22, 0.74, 0.62, 0.64, 0.70, 0.38, false}, {-2.12, 0.84, 0.86, 0.90, 0.74, 0.26, false}, {-1.62, 0.88, 0.93, 0.97, 0.74, 0.22, false},
		{-0.92, 0.89, 0.93, 1.40, 0.60, 0.20, true}, {-0.45, 0.89, 0.92, 1.46, 0.60, 0.20, true}, {0.28, 0.89, 0.91, 1.43, 0.59, 0.20, true},
		{1.02, 0.88, 0.90, 0.96, 0.70, 0.21, false}, {1.95, 0.85, 0.76, 0.80, 0.68, 0.23, false}, {2.24, 0.72, 0.58, 0.60, 0.62, 0.34, false}},
		[]float64{-1.35, 1.38}, 0.32, false},
	KindVan: {bongsu.ClassCar, []station{
		{-2.52, 0.86, 1.00, 1.88, 0.76, 0.34, false}, {-2.45, 0.92, 1.02, 1.97, 0.80, 0.28, true}, {-1.0, 0.93, 1.02, 2.0, 0.81, 0.26, true},
		{0.4, 0.93, 1.02, 2.0, 0.80, 0.26, true}, {1.35, 0.93, 1.02, 1.93, 0.77, 0.26, true}, {2.15, 0.90, 1.02, 1.12, 0.74, 0.27, false}, {2.55, 0.80, 0.72, 0.78, 0.68, 0.32, false}},
		[]float64{-1.55, 1.6}, 0.34, false},
	KindTruck: {bongsu.ClassTruck, []station{
		{1.55, 1.02, 1.35, 2.32, 0.92, 0.55, true}, {2.75, 1.05, 1.35, 2.38, 0.92, 0.45, false}, {3.1, 1.03, 1.28, 1.36, 0.90, 0.45, false}, {3.2, 0.98, 0.9, 0.92, 0.86, 0.45, false}},
		[]float64{-1.9, 2.3}, 0.44, true},
	KindBus: {bongsu.ClassBus, []station{
		{-5.4, 1.16, 1.1, 2.9, 1.08, 0.45, false}, {-5.3, 1.25, 1.3, 3.05, 1.12, 0.35, true}, {-3.6, 1.25, 1.3, 3.1, 1.13, 0.32, true}, {-1.8, 1.25, 1.3, 3.1, 1.13, 0.32, true},
		{0, 1.25, 1.3, 3.1, 1.13, 0.32, true}, {1.8, 1.25, 1.3, 3.1, 1.13, 0.32, true}, {3.6, 1.25, 1.3, 3.1, 1.13, 0.32, true}, {5.25, 1.25, 1.05, 3.05, 1.12, 0.32, false}, {5.45, 1.18, 0.95, 1.0, 1.08, 0.36, false}},
		[]float64{-3.1, 3.4}, 0.5, false},
}

// vehicle is one vehicle's body, built once.
type vehicle struct {
	kind   string
	class  bongsu.Class
	panels []panel
	bones  []bone
	color  [parts]vec
	foot   []vec
	lamps  []vec // in front
	tails  []vec
	base   float64
}

var paints = []vec{{0.60, 0.60, 0.59}, {0.60, 0.60, 0.59}, {0.03, 0.03, 0.035}, {0.10, 0.105, 0.11}, {0.32, 0.33, 0.34}, {0.05, 0.07, 0.14}, {0.30, 0.04, 0.035}, {0.08, 0.13, 0.30}, {0.22, 0.20, 0.15}}

var glass = vec{0.035, 0.042, 0.048}

func newVehicle(c *chance, a *Actor) *vehicle {
	v := &vehicle{kind: a.Kind}
	body := vary(paints[c.pick(len(paints))], c)
	if a.Kind == KindBus {
		body = []vec{{0.10, 0.30, 0.12}, {0.08, 0.16, 0.40}, {0.42, 0.06, 0.05}}[c.pick(3)]
	}
	if a.Look != nil {
		if n, ok := named[a.Look.Color]; ok {
			body = n
		}
	}
	v.color = [parts]vec{partSkin: body, partHair: grey(0.03), partTop: grey(0.30), partLegs: body, partShoes: grey(0.035), partExtra: grey(0.10)}
	switch a.Kind {
	case KindBicycle:
		v.bicycle()
	case KindMotorcycle:
		v.motorcycle()
	default:
		v.loft(builds[a.Kind], body)
	}
	return v
}

// loft skins the stations of a build.
func (v *vehicle) loft(b build, body vec) {
	v.class = b.class
	s := b.stations
	for i := 1; i < len(s); i++ {
		v.skin(&s[i-1], &s[i], body)
	}
	v.cap(&s[0], -1, body)
	v.cap(&s[len(s)-1], 1, body)
	half, back, front := s[1].wide, s[0].y, s[len(s)-1].y
	if b.box {
		cargo := grey(0.55).to(body, 0.25)
		v.cuboid(vec{-1.1, -3.2, 0.95}, vec{1.1, 1.4, 2.75}, cargo)
		v.cuboid(vec{-1.0, -3.1, 0.55}, vec{1.0, 1.6, 0.95}, grey(0.05))
		half, back = 1.1, -3.2
	}
	for _, y := range b.wheels {
		v.tyre(-half+0.02, y, b.wheel, -1)
		v.tyre(half-0.02, y, b.wheel, 1)
	}
	v.foot = []vec{{-half, back, 0}, {half, back, 0}, {half, front, 0}, {-half, front, 0}}
	v.base = half
	v.lights(b, half, back, front)
}

// skin joins two cross-sections: sills, doors, windows and roof, left and right.
func (v *vehicle) skin(a, b *station, body vec) {
	steep := math.Abs(b.roof-a.roof) > 0.28*math.Abs(b.y-a.y) && math.Max(a.roof, b.roof) > 1.1
	for _, sgn := range [2]float64{-1, 1} {
		at := func(s *station, k int) vec {
			switch k {
			case 0:
				return vec{sgn * s.wide * 0.93, s.y, s.low}
			case 1:
				return vec{sgn * s.wide, s.y, lerp(s.low, s.belt, 0.55)}
			case 2:
				return vec{sgn * s.wide * 0.985, s.y, s.belt}
			case 3:
				return vec{sgn * s.narrow, s.y, s.roof}
			}
			return vec{0, s.y, s.roof + 0.03}
		}
		for k := range 4 {
			pts := []vec{at(a, k), at(b, k), at(b, k+1), at(a, k+1)}
			albedo, shine := body, 0.16
			switch {
			case k == 0:
				albedo = body.mul(0.8)
			case k == 2 && (a.glass || steep && b.glass):
				albedo, shine = glass, 0.28
			case k == 3 && steep:
				albedo, shine = glass, 0.38
			case k == 3:
				shine = 0.28
			}
			v.add(pts, vec{sgn, 0, 0.3}, albedo, shine)
			if k == 2 && a.glass {
				v.pillar(at(b, 2), at(b, 3), body)
			}
		}
	}
}

// pillar is the post between two windows.
func (v *vehicle) pillar(low, high, body vec) {
	out := vec{math.Copysign(0.012, low.x), 0, 0}
	w := vec{0, 0.05, 0}
	v.add([]vec{low.sub(w).add(out), low.add(w).add(out), high.add(w).add(out), high.sub(w).add(out)}, vec{out.x, 0, 0}, body.mul(0.7), 0.05)
}

// add appends a panel whose normal looks to the side of hint.
func (v *vehicle) add(pts []vec, hint, albedo vec, shine float64) {
	n := pts[1].sub(pts[0]).cross(pts[3].sub(pts[0])).unit()
	if n.dot(hint) < 0 {
		n = n.mul(-1)
	}
	v.panels = append(v.panels, panel{pts: pts, normal: n, albedo: albedo, shine: shine})
}

// cap closes the front or the back.
func (v *vehicle) cap(s *station, dir float64, body vec) {
	w, n := s.wide*0.93, vec{0, dir, 0}
	v.add([]vec{{-w, s.y, s.low}, {w, s.y, s.low}, {s.wide, s.y, s.belt}, {-s.wide, s.y, s.belt}}, n, body.mul(0.9), 0.1)
	if s.roof > s.belt+0.2 {
		v.add([]vec{{-s.wide, s.y, s.belt}, {s.wide, s.y, s.belt}, {s.narrow, s.y, s.roof}, {-s.narrow, s.y, s.roof}}, n, glass, 0.3)
	}
	y := s.y + dir*0.015
	v.add([]vec{{-0.26, y, 0.42}, {0.26, y, 0.42}, {0.26, y, 0.54}, {-0.26, y, 0.54}}, n, grey(0.6), 0)
}

func (v *vehicle) cuboid(lo, hi, c vec) {
	x0, y0, z0, x1, y1, z1 := lo.x, lo.y, lo.z, hi.x, hi.y, hi.z
	v.add([]vec{{x0, y0, z0}, {x1, y0, z0}, {x1, y0, z1}, {x0, y0, z1}}, vec{0, -1, 0}, c.mul(0.95), 0.03)
	v.add([]vec{{x0, y1, z0}, {x1, y1, z0}, {x1, y1, z1}, {x0, y1, z1}}, vec{0, 1, 0}, c.mul(0.95), 0.03)
	v.add([]vec{{x0, y0, z0}, {x0, y1, z0}, {x0, y1, z1}, {x0, y0, z1}}, vec{-1, 0, 0}, c, 0.03)
	v.add([]vec{{x1, y0, z0}, {x1, y1, z0}, {x1, y1, z1}, {x1, y0, z1}}, vec{1, 0, 0}, c, 0.03)
	v.add([]vec{{x0, y0, z1}, {x1, y0, z1}, {x1, y1, z1}, {x0, y1, z1}}, vec{0, 0, 1}, c, 0.06)
}

// tyre is a wheel seen from its side: the arch, the rubber and the rim.
func (v *vehicle) tyre(x, y, radius, dir float64) {
	for i, ring := range []struct {
		r float64
		c vec
	}{{radius * 1.16, grey(0.012)}, {radius, grey(0.028)}, {radius * 0.62, grey(0.30)}, {radius * 0.2, grey(0.08)}} {
		pts := make([]vec, 12)
		for k := range pts {
			s, c := math.Sincos(float64(k) * math.Pi / 6)
			pts[k] = vec{x + dir*(0.03+0.012*float64(i)), y + ring.r*s, radius + ring.r*c}
			pts[k].z = math.Max(pts[k].z, 0)
		}
		v.panels = append(v.panels, panel{pts: pts, normal: vec{dir, 0, 0}, albedo: ring.c})
	}
}

func (v *vehicle) lights(b build, half, back, front float64) {
	z := 0.66
	if b.class != bongsu.ClassCar {
		z = 0.85
	}
	for _, sgn := range [2]float64{-1, 1} {
		x := sgn * (half - 0.24)
		v.lamps = append(v.lamps, vec{x, front - 0.04, z})
		v.tails = append(v.tails, vec{x, back + 0.02, z + 0.12})
	}
}

// bicycle is thin limbs: two wheels and a frame.
func (v *vehicle) bicycle() {
	v.class, v.base = bongsu.ClassBicycle, 0.2
	v.hoop(-0.52, 0.34, 0.016, partShoes)
	v.hoop(0.52, 0.34, 0.016, partShoes)
	seat, crank, head := vec{0, -0.22, 0.88}, vec{0, -0.06, 0.30}, vec{0, 0.36, 0.86}
	back, front := vec{0, -0.52, 0.34}, vec{0, 0.52, 0.34}
	for _, l := range [][2]vec{{back, crank}, {back, seat}, {crank, seat}, {crank, head}, {seat, head}, {head, front}} {
		v.bones = append(v.bones, bone{l[0], l[1], 0.02, 0.02, partSkin})
	}
	v.bones = append(v.bones, bone{vec{-0.24, 0.38, 0.98}, vec{0.24, 0.38, 0.98}, 0.016, 0.016, partShoes}, bone{vec{0, -0.3, 0.92}, vec{0, -0.12, 0.92}, 0.05, 0.03, partShoes})
	v.foot = []vec{{-0.2, -0.8, 0}, {0.2, -0.8, 0}, {0.2, 0.8, 0}, {-0.2, 0.8, 0}}
}

func (v *vehicle) motorcycle() {
	v.class, v.base = bongsu.ClassMotorcycle, 0.3
	v.hoop(-0.62, 0.28, 0.055, partShoes)
	v.hoop(0.64, 0.28, 0.05, partShoes)
	v.bones = append(v.bones,
		bone{vec{0, -0.35, 0.42}, vec{0, 0.25, 0.42}, 0.15, 0.17, partExtra}, bone{vec{0, -0.05, 0.78}, vec{0, 0.28, 0.84}, 0.14, 0.13, partSkin},
		bone{vec{0, -0.75, 0.78}, vec{0, -0.05, 0.76}, 0.09, 0.11, partShoes}, bone{vec{0, 0.34, 0.9}, vec{0, 0.64, 0.3}, 0.05, 0.04, partTop},
		bone{vec{-0.34, 0.34, 1.02}, vec{0.34, 0.34, 1.02}, 0.02, 0.02, partShoes}, bone{vec{0, 0.40, 0.92}, vec{0, 0.46, 0.92}, 0.12, 0.10, partSkin},
		bone{vec{0.12, -0.6, 0.34}, vec{0.12, 0.1, 0.3}, 0.05, 0.05, partTop}, bone{vec{0, -0.86, 0.98}, vec{0, -0.60, 0.98}, 0.19, 0.19, partLegs})
	v.foot = []vec{{-0.3, -0.9, 0}, {0.3, -0.9, 0}, {0.3, 0.9, 0}, {-0.3, 0.9, 0}}
	v.lamps, v.tails = []vec{{0, 0.58, 0.92}}, []vec{{0, -1.04, 0.8}}
}

// hoop is a wheel made of short limbs.
func (v *vehicle) hoop(y, radius, thick float64, part int) {
	const n = 14
	for i := range n {
		s0, c0 := math.Sincos(float64(i) * 2 * math.Pi / n)
		s1, c1 := math.Sincos(float64(i+1) * 2 * math.Pi / n)
		v.bones = append(v.bones, bone{vec{0, y + radius*s0, radius + radius*c0}, vec{0, y + radius*s1, radius + radius*c1}, thick, thick, part})
	}
}

// drive appends the vehicle, and whoever rides it.
func (p *player) drive(r *Renderer, m *moment, now float64, out []*thing) []*thing {
	v := p.vehicle
	state := truth.StateParked
	if m.speed > 0.1 {
		state = truth.StateMoving
	}
	t := p.begin(r, 0, m, v.class, "", state)
	if v.kind == KindVan {
		t.kind = KindVan
	}
	t.bones, t.colors, t.footprint, t.base = v.bones, v.color[:], v.foot, v.base
	p.panelBuf = append(p.panelBuf[:0], v.panels...)
	on := (r.light.lamps || r.light.ir) && state == truth.StateMoving
	p.panelBuf = v.lamplight(p.panelBuf, on, r.light.exposure)
	t.panels = p.panelBuf
	if on {
		r.air.lit(t, v)
	}
	out = append(out, t)
	if p.person == nil || state == truth.StateParked {
		return out
	}
	ride := *m
	seat := *m.act
	seat.word, seat.state = ActDrive, truth.StateRiding
	ride.act = &seat
	rider := p.walkOn(r, &ride, now, 1)
	rider.state, rider.base, rider.bias = truth.StateRiding, 0, 0.05
	back, up := -0.22, 0.10
	if v.kind == KindMotorcycle {
		back, up = -0.38, 0.02
	}
	s, c := math.Sincos(m.heading)
	rider.at = rider.at.add(vec{s * back, c * back, up})
	return append(out, rider)
}

// lamplight appends the lamps: glass by day, light when they are on.
func (v *vehicle) lamplight(out []panel, on bool, exposure float64) []panel {
	put := func(at vec, w, h, dir float64, albedo, glow vec) {
		if !on {
			glow = vec{}
		}
		y := at.y + dir*0.05
		out = append(out, panel{pts: []vec{{at.x - w, y, at.z - h}, {at.x + w, y, at.z - h}, {at.x + w, y, at.z + h}, {at.x - w, y, at.z + h}},
			normal: vec{0, dir, 0}, albedo: albedo, glow: glow, shine: 0.1})
	}
	for _, l := range v.lamps {
		put(l, 0.14, 0.07, 1, grey(0.6), vec{3, 2.9, 2.6}.mul(1/exposure))
	}
	for _, l := range v.tails {
		put(l, 0.11, 0.07, -1, vec{0.30, 0.02, 0.02}, vec{1.1, 0.06, 0.04}.mul(1/exposure))
	}
	return out
}
