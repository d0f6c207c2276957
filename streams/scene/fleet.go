package scene

import (
	"math"

	"bongsu"
)

// Other bodies than the plain look's: for each kind some to learn from and some held out.
var buildsTrain = map[string][]build{
	KindCar: {
		{bongsu.ClassCar, []station{ // a small one with a steep back
			{-1.92, 0.72, 0.60, 0.62, 0.68, 0.36, false}, {-1.85, 0.83, 0.92, 1.15, 0.70, 0.24, false}, {-1.55, 0.86, 0.95, 1.42, 0.62, 0.20, true}, {-0.7, 0.87, 0.94, 1.50, 0.61, 0.20, true},
			{0.2, 0.87, 0.93, 1.47, 0.60, 0.20, true}, {0.95, 0.86, 0.92, 0.98, 0.70, 0.20, false}, {1.75, 0.82, 0.74, 0.80, 0.66, 0.22, false}, {1.98, 0.70, 0.56, 0.58, 0.60, 0.34, false}},
			[]float64{-1.2, 1.25}, 0.30, false},
		{bongsu.ClassCar, []station{ // a high one with large wheels
			{-2.2, 0.80, 0.75, 0.78, 0.76, 0.45, false}, {-2.15, 0.90, 1.05, 1.20, 0.78, 0.34, false}, {-1.9, 0.92, 1.08, 1.62, 0.70, 0.30, true}, {-0.8, 0.93, 1.06, 1.70, 0.69, 0.30, true},
			{0.3, 0.93, 1.05, 1.67, 0.68, 0.30, true}, {1.0, 0.92, 1.04, 1.10, 0.76, 0.30, false}, {2.0, 0.90, 0.95, 1.0, 0.76, 0.32, false}, {2.25, 0.80, 0.72, 0.75, 0.70, 0.42, false}},
			[]float64{-1.35, 1.42}, 0.37, false},
	},
	KindTruck: {
		{bongsu.ClassTruck, []station{ // a light one with a flat bed
			{0.75, 0.86, 1.15, 1.92, 0.78, 0.42, true}, {1.75, 0.88, 1.15, 1.98, 0.78, 0.36, false}, {2.25, 0.86, 1.1, 1.16, 0.76, 0.36, false}, {2.4, 0.82, 0.8, 0.82, 0.74, 0.38, false}},
			[]float64{-1.4, 1.55}, 0.36, false},
	},
}

var buildsHeldOut = map[string][]build{
	KindCar: {
		{bongsu.ClassCar, []station{ // one volume
			{-2.3, 0.82, 0.7, 0.74, 0.76, 0.36, false}, {-2.25, 0.92, 1.0, 1.1, 0.8, 0.26, false}, {-2.1, 0.93, 1.02, 1.66, 0.74, 0.24, true}, {-0.6, 0.94, 1.0, 1.78, 0.74, 0.22, true},
			{0.6, 0.94, 0.98, 1.74, 0.72, 0.22, true}, {1.7, 0.92, 0.96, 1.12, 0.74, 0.22, false}, {2.2, 0.86, 0.8, 0.86, 0.70, 0.26, false}, {2.38, 0.74, 0.6, 0.62, 0.62, 0.36, false}},
			[]float64{-1.4, 1.45}, 0.33, false},
		{bongsu.ClassCar, []station{ // low and wide
			{-2.15, 0.74, 0.66, 0.68, 0.70, 0.34, false}, {-2.0, 0.86, 0.88, 0.94, 0.74, 0.22, false}, {-1.2, 0.90, 0.90, 1.10, 0.64, 0.18, true}, {-0.35, 0.91, 0.88, 1.31, 0.56, 0.18, true},
			{0.25, 0.91, 0.86, 1.28, 0.56, 0.18, true}, {0.95, 0.90, 0.84, 0.88, 0.70, 0.18, false}, {2.0, 0.84, 0.68, 0.72, 0.66, 0.20, false}, {2.25, 0.70, 0.52, 0.54, 0.60, 0.30, false}},
			[]float64{-1.3, 1.4}, 0.34, false},
		{bongsu.ClassCar, []station{ // a long roof
			{-2.42, 0.76, 0.64, 0.66, 0.72, 0.36, false}, {-2.36, 0.86, 0.92, 1.02, 0.74, 0.26, false}, {-2.1, 0.88, 0.94, 1.36, 0.64, 0.22, true}, {-1.0, 0.89, 0.94, 1.46, 0.62, 0.20, true},
			{0.1, 0.89, 0.92, 1.44, 0.61, 0.20, true}, {0.95, 0.88, 0.91, 0.97, 0.70, 0.20, false}, {2.0, 0.85, 0.80, 0.84, 0.68, 0.22, false}, {2.3, 0.74, 0.60, 0.62, 0.62, 0.32, false}},
			[]float64{-1.42, 1.45}, 0.32, false},
	},
	KindVan: {
		{bongsu.ClassCar, []station{ // a tall one without windows at the sides
			{-2.9, 0.92, 1.1, 2.35, 0.86, 0.34, false}, {-2.82, 0.98, 1.12, 2.48, 0.90, 0.28, false}, {0.9, 0.98, 1.12, 2.50, 0.90, 0.26, true}, {1.6, 0.98, 1.12, 2.30, 0.84, 0.26, true},
			{2.35, 0.94, 1.12, 1.25, 0.80, 0.28, false}, {2.8, 0.86, 0.80, 0.86, 0.72, 0.32, false}},
			[]float64{-1.8, 1.9}, 0.36, false},
	},
	KindTruck: {
		{bongsu.ClassTruck, []station{ // a bonnet before the cab
			{0.5, 1.0, 1.45, 2.30, 0.88, 0.6, true}, {1.5, 1.02, 1.45, 2.36, 0.90, 0.55, false}, {1.85, 1.0, 1.42, 1.52, 0.86, 0.55, false}, {3.0, 0.94, 1.25, 1.32, 0.80, 0.55, false}, {3.2, 0.84, 0.95, 0.98, 0.74, 0.55, false}},
			[]float64{-2.3, 2.3}, 0.48, false},
		{bongsu.ClassTruck, []station{ // a high flat cab
			{1.6, 1.15, 1.75, 2.95, 1.05, 0.7, true}, {3.0, 1.17, 1.75, 3.0, 1.06, 0.6, false}, {3.12, 1.15, 1.5, 1.6, 1.05, 0.55, false}, {3.18, 1.12, 0.95, 0.97, 1.0, 0.5, false}},
			[]float64{-3.4, -2.2, 2.4}, 0.5, false},
	},
	KindBus: {
		{bongsu.ClassBus, []station{ // a coach
			{-5.9, 1.18, 1.5, 3.3, 1.1, 0.5, false}, {-5.8, 1.26, 1.75, 3.42, 1.15, 0.4, true}, {-3.4, 1.26, 1.75, 3.45, 1.16, 0.36, true}, {-1.0, 1.26, 1.75, 3.45, 1.16, 0.36, true},
			{1.4, 1.26, 1.75, 3.45, 1.16, 0.36, true}, {3.8, 1.26, 1.75, 3.45, 1.16, 0.36, true}, {5.5, 1.25, 1.35, 3.35, 1.12, 0.36, false}, {5.95, 1.15, 1.0, 1.1, 1.0, 0.42, false}},
			[]float64{-3.2, 3.7}, 0.52, false},
		{bongsu.ClassBus, []station{ // a small one
			{-3.2, 0.98, 1.0, 2.5, 0.92, 0.4, false}, {-3.1, 1.04, 1.15, 2.64, 0.96, 0.32, true}, {-1.6, 1.04, 1.15, 2.68, 0.97, 0.3, true}, {0, 1.04, 1.15, 2.68, 0.97, 0.3, true},
			{1.7, 1.04, 1.15, 2.62, 0.96, 0.3, true}, {2.6, 1.0, 1.1, 1.6, 0.86, 0.32, false}, {3.3, 0.9, 0.85, 0.92, 0.8, 0.4, false}},
			[]float64{-1.9, 2.0}, 0.38, false},
	},
}

// vehicle makes one in the scene's look.
func (s style) vehicle(c *chance, a *Actor, name string) *vehicle {
	if !s.train() && !s.heldOut() {
		return newVehicle(c, a)
	}
	k := s.chance("vehicle/" + name)
	v := &vehicle{kind: a.Kind}
	usual := paints
	if s.heldOut() {
		usual = []vec{{0.50, 0.51, 0.53}, {0.06, 0.06, 0.06}, {0.18, 0.19, 0.21}, {0.40, 0.37, 0.30}, {0.13, 0.03, 0.035}, {0.03, 0.09, 0.12}, {0.45, 0.45, 0.46}}
	}
	body := s.paint(k, usual)
	v.color = [parts]vec{partSkin: body, partHair: grey(0.03), partTop: grey(k.between(0.12, 0.45)), partLegs: s.paint(k, usual), partShoes: grey(0.035), partExtra: grey(0.10), partTrim: s.paint(k, usual)}
	switch {
	case a.Kind == KindBicycle && s.heldOut():
		v.roadster(k)
	case a.Kind == KindBicycle:
		v.bicycle()
	case a.Kind == KindMotorcycle && s.heldOut():
		v.scooter(k)
	case a.Kind == KindMotorcycle && k.float() < 0.5:
		v.roadBike()
	case a.Kind == KindMotorcycle:
		v.motorcycle()
	default:
		s.body(v, k, body)
	}
	if a.Kind == KindBicycle || a.Kind == KindMotorcycle {
		v.scale(k.between(0.94, 1.08), k.between(0.94, 1.08))
		for i := range v.bones { // paint and thickness of the tubes
			b := &v.bones[i]
			g := k.between(0.85, 1.25)
			b.ra, b.rb = b.ra*g, b.rb*g
		}
	}
	return v
}

// body skins a car, van, truck or bus, and puts on what it carries.
func (s style) body(v *vehicle, k *chance, paint vec) {
	set := append([]build{builds[v.kind]}, buildsTrain[v.kind]...)
	if s.heldOut() {
		set = buildsHeldOut[v.kind]
	}
	at := k.pick(len(set))
	b := set[at].stretched(k.between(0.92, 1.08), k.between(0.95, 1.06), k.between(0.93, 1.08))
	v.loft(b, paint)
	trim := v.color[partTrim]
	switch {
	case v.kind == KindBus:
		v.band(&b, k.between(0.1, 0.8), k.between(0.1, 0.4), trim)
	case v.kind == KindTruck && !s.heldOut() && at == 1:
		v.flatBed(k, trim)
	case v.kind == KindTruck && s.heldOut() && at == 0:
		v.tipper(trim)
	case v.kind == KindTruck && s.heldOut():
		v.tank(k)
	case v.kind == KindVan && k.float() < 0.4:
		v.band(&b, k.between(0.2, 0.8), k.between(0.1, 0.3), trim)
	}
	if v.kind == KindCar && k.float() < 0.06 { // a box on the roof
		v.cuboid(vec{-0.35, -0.8, 1.5}, vec{0.35, 0.6, 1.78}, grey(0.04))
	}
}

// stretched is the build in another size.
func (b build) stretched(long, wide, high float64) build {
	out := b
	out.stations, out.wheels = make([]station, len(b.stations)), make([]float64, len(b.wheels))
	for i, s := range b.stations {
		out.stations[i] = station{s.y * long, s.wide * wide, s.belt * high, s.roof * high, s.narrow * wide, s.low * high, s.glass}
	}
	for i, y := range b.wheels {
		out.wheels[i] = y * long
	}
	return out
}

// scale stretches what is made of limbs along and upwards.
func (v *vehicle) scale(long, high float64) {
	for i := range v.bones {
		b := &v.bones[i]
		b.a, b.b = vec{b.a.x, b.a.y * long, b.a.z * high}, vec{b.b.x, b.b.y * long, b.b.z * high}
	}
}

// band is a strip of another colour along the sides, from low upwards, as shares of the belt.
func (v *vehicle) band(b *build, low, high float64, c vec) {
	first, last := &b.stations[1], &b.stations[len(b.stations)-2]
	for _, sgn := range [2]float64{-1, 1} {
		x := sgn * (first.wide + 0.015)
		z0 := lerp(first.low, first.belt, low)
		z1 := math.Min(first.belt-0.02, z0+high)
		v.add([]vec{{x, first.y, z0}, {x, last.y, z0}, {x, last.y, z1}, {x, first.y, z1}}, vec{sgn, 0, 0}, c, 0.1)
	}
}

// flatBed is a low bed with boards, and mostly something on it.
func (v *vehicle) flatBed(k *chance, c vec) {
	v.cuboid(vec{-0.88, -2.45, 0.72}, vec{0.88, 0.7, 0.82}, grey(0.12))
	v.cuboid(vec{-0.92, -2.45, 0.8}, vec{-0.86, 0.7, 1.12}, v.color[partSkin])
	v.cuboid(vec{0.86, -2.45, 0.8}, vec{0.92, 0.7, 1.12}, v.color[partSkin])
	v.cuboid(vec{-0.9, -2.5, 0.8}, vec{0.9, -2.44, 1.12}, v.color[partSkin])
	v.cuboid(vec{-0.5, -2.3, 0.4}, vec{0.5, 1.6, 0.72}, grey(0.03))
	if k.float() < 0.6 {
		v.cuboid(vec{-0.8, k.between(-2.3, -1.2), 0.82}, vec{0.8, k.between(-0.4, 0.55), k.between(1.2, 2.1)}, c)
	}
	v.longer(0.92, -2.5)
}

// longer says that the vehicle reaches back behind its cab.
func (v *vehicle) longer(half, back float64) {
	front := v.foot[2].y
	v.foot = []vec{{-half, back, 0}, {half, back, 0}, {half, front, 0}, {-half, front, 0}}
	for i := range v.tails {
		v.tails[i].y = back + 0.02
	}
}

// tipper is a deep bed with sloping ends.
func (v *vehicle) tipper(c vec) {
	lo, hi := 1.0, 2.25
	for _, sgn := range [2]float64{-1, 1} {
		x := sgn * 1.12
		v.add([]vec{{x, -3.0, lo}, {x, 0.2, lo}, {x, 0.45, hi}, {x, -3.4, hi}}, vec{sgn, 0, 0}, c, 0.05)
	}
	v.add([]vec{{-1.12, -3.0, lo}, {1.12, -3.0, lo}, {1.12, -3.4, hi}, {-1.12, -3.4, hi}}, vec{0, -1, 0}, c.mul(0.9), 0.05)
	v.add([]vec{{-1.12, 0.2, lo}, {1.12, 0.2, lo}, {1.12, 0.45, hi}, {-1.12, 0.45, hi}}, vec{0, 1, 0}, c.mul(0.9), 0.05)
	v.add([]vec{{-1.1, -3.35, hi - 0.2}, {1.1, -3.35, hi - 0.2}, {1.1, 0.4, hi - 0.2}, {-1.1, 0.4, hi - 0.2}}, vec{0, 0, 1}, vec{0.16, 0.13, 0.10}, 0)
	v.cuboid(vec{-0.6, -3.2, 0.55}, vec{0.6, 1.0, 1.0}, grey(0.04))
	v.longer(1.12, -3.4)
}

// tank is a lying drum.
func (v *vehicle) tank(k *chance) {
	r := k.between(0.85, 1.05)
	v.bones = append(v.bones, bone{vec{0, -3.3, 1.15 + r}, vec{0, 0.55, 1.15 + r}, r, r, partTop})
	v.cuboid(vec{-0.7, -4.1, 0.7}, vec{0.7, 1.6, 1.2}, grey(0.05))
	v.cuboid(vec{-1.1, -4.2, 0.55}, vec{1.1, -4.05, 0.8}, grey(0.25))
	v.longer(1.1, -4.2)
}

// roadBike is a motorcycle with low bars and no box.
func (v *vehicle) roadBike() {
	v.class, v.base = bongsu.ClassMotorcycle, 0.3
	v.hoop(-0.68, 0.31, 0.065, partShoes)
	v.hoop(0.70, 0.31, 0.055, partShoes)
	v.bones = append(v.bones,
		bone{vec{0, -0.25, 0.45}, vec{0, 0.3, 0.45}, 0.16, 0.17, partTop}, bone{vec{0, 0.0, 0.82}, vec{0, 0.30, 0.88}, 0.15, 0.14, partSkin},
		bone{vec{0, -0.62, 0.82}, vec{0, -0.05, 0.76}, 0.07, 0.12, partShoes}, bone{vec{0, -0.85, 0.92}, vec{0, -0.55, 0.84}, 0.05, 0.10, partSkin},
		bone{vec{0, 0.42, 0.85}, vec{0, 0.70, 0.31}, 0.05, 0.05, partTop}, bone{vec{0, 0.42, 0.85}, vec{0, 0.62, 0.80}, 0.17, 0.12, partSkin},
		bone{vec{-0.3, 0.36, 0.92}, vec{0.3, 0.36, 0.92}, 0.022, 0.022, partShoes}, bone{vec{0.14, -0.75, 0.4}, vec{0.14, -0.1, 0.34}, 0.06, 0.045, partTop})
	v.foot = []vec{{-0.3, -1.0, 0}, {0.3, -1.0, 0}, {0.3, 1.0, 0}, {-0.3, 1.0, 0}}
	v.lamps, v.tails = []vec{{0, 0.66, 0.84}}, []vec{{0, -0.92, 0.9}}
}

// scooter is the held-out motorcycle: small wheels, a shield before the legs, a flat floor.
func (v *vehicle) scooter(k *chance) {
	v.class, v.base = bongsu.ClassMotorcycle, 0.3
	v.hoop(-0.60, 0.22, 0.055, partShoes)
	v.hoop(0.62, 0.22, 0.05, partShoes)
	v.bones = append(v.bones,
		bone{vec{0, -0.62, 0.50}, vec{0, -0.18, 0.50}, 0.19, 0.17, partSkin}, bone{vec{0, -0.66, 0.76}, vec{0, -0.10, 0.74}, 0.10, 0.11, partShoes},
		bone{vec{0, -0.2, 0.27}, vec{0, 0.34, 0.27}, 0.12, 0.12, partSkin},
		bone{vec{-0.1, 0.40, 0.34}, vec{-0.1, 0.34, 0.84}, 0.11, 0.10, partSkin}, bone{vec{0.1, 0.40, 0.34}, vec{0.1, 0.34, 0.84}, 0.11, 0.10, partSkin},
		bone{vec{0, 0.42, 0.8}, vec{0, 0.62, 0.26}, 0.05, 0.05, partTop}, bone{vec{0, 0.36, 0.96}, vec{0, 0.42, 0.98}, 0.11, 0.08, partSkin},
		bone{vec{-0.33, 0.30, 1.04}, vec{0.33, 0.30, 1.04}, 0.025, 0.025, partShoes})
	if k.float() < 0.55 {
		v.cuboid(vec{-0.23, -1.08, 0.80}, vec{0.23, -0.58, 1.28}, v.color[partTrim])
	}
	v.foot = []vec{{-0.3, -0.85, 0}, {0.3, -0.85, 0}, {0.3, 0.85, 0}, {-0.3, 0.85, 0}}
	v.lamps, v.tails = []vec{{0, 0.50, 0.95}}, []vec{{0, -0.84, 0.62}}
}

// roadster is the held-out bicycle: one can step through its frame, with guards, a basket and a rack.
func (v *vehicle) roadster(k *chance) {
	v.class, v.base = bongsu.ClassBicycle, 0.2
	r := 0.32
	if k.float() < 0.35 {
		r = 0.24
	}
	v.hoop(-0.54, r, 0.02, partShoes)
	v.hoop(0.54, r, 0.02, partShoes)
	seat, crank, head := vec{0, -0.24, 0.90}, vec{0, -0.08, 0.28}, vec{0, 0.38, 0.80}
	for _, l := range [][2]vec{{{0, -0.54, r}, crank}, {{0, -0.54, r}, {0, -0.2, 0.62}}, {crank, seat}, {crank, {0, 0.28, 0.50}}, {{0, 0.28, 0.50}, head}, {head, {0, 0.54, r}}, {{0, -0.2, 0.7}, {0, -0.78, 0.7}}} {
		v.bones = append(v.bones, bone{l[0], l[1], 0.024, 0.024, partSkin})
	}
	v.bones = append(v.bones, bone{vec{-0.28, 0.26, 1.06}, vec{0.28, 0.26, 1.06}, 0.018, 0.018, partShoes}, bone{vec{0, 0.38, 0.8}, vec{0, 0.30, 1.06}, 0.02, 0.02, partTop},
		bone{vec{0, -0.34, 0.95}, vec{0, -0.12, 0.95}, 0.075, 0.04, partShoes})
	if k.float() < 0.65 {
		v.cuboid(vec{-0.17, 0.46, 0.78}, vec{0.17, 0.76, 1.0}, v.color[partTop])
	}
	v.foot = []vec{{-0.2, -0.85, 0}, {0.2, -0.85, 0}, {0.2, 0.85, 0}, {-0.2, 0.85, 0}}
}
