package scene

import "math"

// The materials of the held-out look: for each of the usual ones another of the same name.
var groundsHeldOut = map[string]material{
	matAsphalt: chippings, matPaving: hexagons, matGrass: meadow, matDirt: gravel, matConcrete: slabs, matTile: chequer,
}

var wallsHeldOut = map[string]material{
	matBrick: blocks, matPlaster: stucco, matConcrete: formwork, matMetal: cladding, matWood: boards, matHedge: ivy,
}

// chippings are asphalt of coarse stones, with seams of tar and cut-out repairs.
func chippings(seed uint32, u, v, foot float64) patch {
	k := 0.16 + 0.07*octaves(seed+3, u, v, 0.05, foot, 2) + 0.025*octaves(seed, u, v, 9, foot, 3)
	if rnd(seed+8, int32(math.Floor(u/3.7)), int32(math.Floor(v/2.3))) > 0.88 { // a repair with straight edges
		k *= 0.66
	}
	wander := 0.25 * octaves(seed+21, u, v, 2, 0.01, 2)
	if w := math.Abs(math.Mod(math.Abs(v+wander), 4.1) - 2); w < 0.03+foot/4 {
		k *= 1 - 0.5*clamp(0.08/foot, 0, 1)
	}
	track := 0.5 + 0.5*math.Cos(2*math.Pi*v/1.8)
	k *= 1 - 0.08*track
	return patch{albedo: vec{k * 1.02, k, k * 0.94}}
}

// hexagons are paving stones with six sides in two tones.
func hexagons(seed uint32, u, v, foot float64) patch {
	const side = 0.16
	q, s := u/(1.5*side), v/(math.Sqrt(3)*side)-u/(3*side)
	cq, cs, edge := hexCell(q, s)
	tone := rnd(seed, cq, cs)
	c := vec{0.34, 0.31, 0.27}
	if (cq+2*cs)%5 == 0 {
		c = vec{0.24, 0.15, 0.12}
	}
	k := 1 + 0.3*(tone-0.5)*clamp(0.2/foot, 0, 1) + 0.16*octaves(seed+2, u, v, 2.2, foot, 3)
	k *= 1 - 0.4*clamp(0.05/foot-0.3, 0, 1)*(1-smooth(0.02, 0.07+foot*2, edge))
	return patch{albedo: c.mul(k)}
}

// hexCell rounds axial places to the nearest cell of a grid of hexagons, and tells how far the edge
// is, 0 to about 0.5.
func hexCell(q, r float64) (cq, cr int32, edge float64) {
	s := -q - r
	rq, rr, rs := math.Round(q), math.Round(r), math.Round(s)
	dq, dr, ds := math.Abs(rq-q), math.Abs(rr-r), math.Abs(rs-s)
	switch {
	case dq > dr && dq > ds:
		rq = -rr - rs
	case dr > ds:
		rr = -rq - rs
	}
	a, b, c := q-rq, r-rr, -(q-rq)-(r-rr)
	far := math.Max(math.Abs(a-b), math.Max(math.Abs(b-c), math.Abs(c-a)))
	return int32(rq), int32(rr), 0.5 * (1 - math.Min(1, far))
}

// meadow is long grass: blades in tufts, clover, bare places.
func meadow(seed uint32, u, v, foot float64) patch {
	blades := octaves(seed+1, u*2.4, v*0.8, 0.3, foot, 3)
	tufts := noise(seed+2, u/0.9, v/0.9)
	mown := 0.06 * math.Copysign(1, math.Sin(u*2*math.Pi/2.4))
	k := clamp(0.45+0.9*blades+0.5*(tufts-0.5)+mown, 0, 1)
	c := vec{0.045, 0.10, 0.035}.to(vec{0.13, 0.20, 0.055}, k)
	if bare := noise(seed+4, u/1.9, v/1.9); bare > 0.7 {
		c = c.to(vec{0.19, 0.14, 0.09}, clamp(4*(bare-0.7), 0, 1))
	}
	return patch{albedo: c, ir: 0.36 + 0.24*(k-0.5)}
}

// gravel is stones the size of a fist on pale earth.
func gravel(seed uint32, u, v, foot float64) patch {
	c := vec{0.27, 0.25, 0.22}.mul(1 + 0.4*octaves(seed, u, v, 3, foot, 3))
	const step = 0.11
	iu, iv := math.Floor(u/step), math.Floor(v/step)
	r := rnd(seed+6, int32(iu), int32(iv))
	du, dv := u/step-iu-0.3-0.4*rnd(seed+7, int32(iu), int32(iv)), v/step-iv-0.3-0.4*rnd(seed+8, int32(iu), int32(iv))
	if d := math.Hypot(du, dv); d < 0.42 {
		stone := grey(0.16 + 0.34*r).times(vec{1.03, 1, 0.95}).mul(1 - 0.8*dv*smooth(0, 0.4, d))
		c = c.to(stone, clamp(0.12/foot, 0, 1)*(1-smooth(0.3, 0.42, d)))
	}
	return patch{albedo: c}
}

// slabs are large plates of brushed concrete, some newer than others, with grooves both ways.
func slabs(seed uint32, u, v, foot float64) patch {
	const w, h = 1.8, 2.6
	tone := rnd(seed+3, int32(math.Floor(u/w)), int32(math.Floor(v/h)))
	k := 0.25 + 0.13*tone + 0.035*octaves(seed, u, v, 1.1, foot, 4) + 0.02*octaves(seed+4, u*14, v*0.7, 0.9, foot, 2)
	eu, ev := math.Mod(math.Abs(u), w), math.Mod(math.Abs(v), h)
	if math.Min(math.Min(eu, w-eu), math.Min(ev, h-ev)) < 0.015+foot/2 {
		k *= 1 - 0.35*clamp(0.06/foot, 0, 1)
	}
	spot := noise(seed+9, u/0.7, v/0.7)
	k *= 1 - 0.3*smooth(0.75, 0.85, spot)
	return patch{albedo: vec{k * 0.97, k, k * 1.03}}
}

// chequer is tiles in two colours, large, with a shine of dirt.
func chequer(seed uint32, u, v, foot float64) patch {
	const w = 0.9
	iu, iv := int32(math.Floor(u/w)), int32(math.Floor(v/w))
	a, b := vec{0.38, 0.30, 0.23}, vec{0.26, 0.19, 0.15}
	if rnd(seed, 5, 5) > 0.5 {
		a, b = vec{0.30, 0.32, 0.33}, vec{0.19, 0.20, 0.21}
	}
	c := a
	if (iu+iv)&1 == 0 {
		c = a.to(b, clamp(0.9/foot, 0, 1)*0.45)
	}
	return patch{albedo: c.mul(1 + 0.12*octaves(seed+1, u, v, 1.6, foot, 4) + 0.07*(rnd(seed+2, iu, iv)-0.5))}
}

// blocks are a wall of large pale stones, each third row thinner.
func blocks(seed uint32, u, v, foot float64) patch {
	const h = 0.3
	row := math.Floor(v / h)
	w := 0.5 + 0.3*rnd(seed+4, int32(row), 1)
	uu := u + 3*rnd(seed+5, int32(row), 2)
	tone := rnd(seed, int32(math.Floor(uu/w)), int32(row)) - 0.5
	k := 1 + 0.35*tone*clamp(0.25/foot, 0, 1) + 0.2*octaves(seed+1, u, v, 0.8, foot, 4)
	c := vec{0.36, 0.33, 0.28}.mul(k)
	eu, ev := math.Mod(math.Abs(uu), w), math.Mod(math.Abs(v), h)
	joint := math.Min(math.Min(eu, w-eu), math.Min(ev, h-ev))
	return patch{albedo: c.to(vec{0.17, 0.16, 0.15}, 0.7*(1-smooth(0.006, 0.02+foot/2, joint))*clamp(0.1/foot, 0.1, 1))}
}

// stucco is a painted wall over a dark base, rough, with cracks.
func stucco(seed uint32, u, v, foot float64) patch {
	paint := []vec{{0.52, 0.41, 0.24}, {0.30, 0.38, 0.36}, {0.47, 0.30, 0.24}, {0.40, 0.44, 0.50}, {0.58, 0.55, 0.47}}[int(rnd(seed, 3, 3)*4.99)]
	k := 1 + 0.12*octaves(seed+1, u, v, 0.12, foot, 3) + 0.1*octaves(seed+2, u, v, 5, foot, 3)
	if v < 0.8 {
		return patch{albedo: grey(0.20 * k)}
	}
	if crack := math.Abs(noise(seed+7, u/1.4, v/2.1) - 0.5); crack < 0.008+foot/12 {
		k *= 0.75
	}
	return patch{albedo: paint.mul(k)}
}

// formwork is concrete with the marks of its boards, and holes in rows.
func formwork(seed uint32, u, v, foot float64) patch {
	board := math.Floor(v / 0.24)
	k := 0.27 + 0.05*(rnd(seed, 0, int32(board))-0.5) + 0.05*octaves(seed+2, u*0.5, v*3, 1.4, foot, 4)
	if e := math.Mod(math.Abs(v), 0.24); e < 0.01+foot/3 {
		k *= 0.86
	}
	hu, hv := math.Mod(math.Abs(u), 1.2)-0.6, math.Mod(math.Abs(v), 1.2)-0.6
	if math.Hypot(hu, hv) < 0.035+foot/3 {
		k *= 1 - 0.5*clamp(0.07/foot, 0, 1)
	}
	return patch{albedo: vec{k, k * 1.01, k * 0.99}}
}

// cladding is smooth painted plates with dark gaps.
func cladding(seed uint32, u, v, foot float64) patch {
	paint := []vec{{0.12, 0.20, 0.30}, {0.45, 0.46, 0.46}, {0.30, 0.12, 0.09}, {0.14, 0.24, 0.17}}[int(rnd(seed, 4, 4)*3.99)]
	const w, h = 1.15, 2.4
	k := 1 + 0.05*(rnd(seed+1, int32(math.Floor(u/w)), int32(math.Floor(v/h)))-0.5) + 0.06*octaves(seed+2, u, v, 3, foot, 2)
	eu, ev := math.Mod(math.Abs(u), w), math.Mod(math.Abs(v), h)
	if math.Min(math.Min(eu, w-eu), math.Min(ev, h-ev)) < 0.012+foot/2 {
		k *= 1 - 0.55*clamp(0.05/foot, 0, 1)
	}
	return patch{albedo: paint.mul(k)}
}

// boards lie across, painted, and overlap.
func boards(seed uint32, u, v, foot float64) patch {
	const h = 0.19
	row := math.Floor(v / h)
	in := v/h - row
	paint := []vec{{0.50, 0.50, 0.47}, {0.26, 0.13, 0.09}, {0.20, 0.25, 0.28}, {0.33, 0.25, 0.16}}[int(rnd(seed, 6, 6)*3.99)]
	k := 1 + 0.10*(rnd(seed, 1, int32(row))-0.5) + 0.08*octaves(seed+3, u*0.7, v*9, 0.9, foot, 3)
	k *= 1 - 0.35*clamp(0.1/foot, 0, 1)*smooth(0.85, 1, in)
	return patch{albedo: paint.mul(k)}
}

// ivy is large leaves with gaps of shade.
func ivy(seed uint32, u, v, foot float64) patch {
	n := noise(seed, u/0.13, v/0.13)*0.6 + 0.4*noise(seed+1, u/0.055, v/0.055)
	k := lerp(0.5, smooth(0.3, 0.7, n), clamp(0.12/foot, 0, 1)) * (0.7 + 0.5*noise(seed+2, u/1.1, v/1.1))
	return patch{albedo: vec{0.02, 0.032, 0.018}.to(vec{0.085, 0.15, 0.075}, k), ir: 0.2 + 0.45*k}
}

// shopfront puts large windows, a sign above the ground floor and balconies into a wall: the
// held-out look's facade.
func shopfront(wall material, height float64, night bool) material {
	const storey, bay = 3.4, 4.3
	return func(seed uint32, u, v, foot float64) patch {
		fu, fv := math.Floor(u/bay), math.Floor(v/storey)
		lu, lv := u-fu*bay, v-fv*storey
		lit := rnd(seed+17, int32(fu), int32(fv))
		switch {
		case v > height-0.5 || (fv+1)*storey > height+0.4:
			return wall(seed, u, v, foot)
		case fv == 0 && lv > 2.55 && lv < 3.15: // signs
			r := rnd(seed+18, int32(fu), 0)
			sign := vec{0.15 + 0.4*r, 0.12 + 0.35*rnd(seed+19, int32(fu), 0), 0.1 + 0.4*rnd(seed+20, int32(fu), 0)}
			if rnd(seed+21, int32(math.Floor(u*7)), 0) > 0.55 && lv > 2.7 && lv < 3.0 {
				sign = grey(0.6)
			}
			p := patch{albedo: sign}
			if night {
				p.glow = sign.mul(0.5 * r)
			}
			return p
		case fv == 0 && lu > 0.3 && lu < 4.0 && lv > 0.25 && lv < 2.5:
			p := patch{albedo: vec{0.06, 0.07, 0.075}.to(vec{0.25, 0.25, 0.24}, 0.5*noise(seed+3, u*1.3, v*1.1))}
			if night && lit > 0.6 {
				p.glow = vec{0.34, 0.32, 0.27}.mul(0.4 + 0.6*noise(seed+4, u*2, v*2))
			}
			return p
		case fv > 0 && lv < 0.9 && lu > 0.5 && lu < 3.8: // a balcony's rail
			if math.Mod(u, 0.14) < 0.05+foot/4 || lv > 0.82 || lv < 0.1 {
				return patch{albedo: grey(0.33)}
			}
			return patch{albedo: grey(0.09)}
		case fv > 0 && lu > 0.7 && lu < 3.6 && lv < 2.6:
			p := patch{albedo: vec{0.08, 0.09, 0.10}.to(vec{0.34, 0.36, 0.38}, lit*0.6)}
			if math.Mod(lu-0.7, 0.97) < 0.06 {
				p.albedo = grey(0.14)
			}
			if night && lit > 0.65 {
				p.glow = vec{0.24, 0.21, 0.16}.mul(0.7 + 0.6*lu/bay)
			}
			return p
		}
		return wall(seed, u, v, foot)
	}
}

// advert is the held-out look's poster: faces larger than life, or shapes and lettering alone.
func advert(seed uint32, w, h float64) func(int, float64, float64, float64) (patch, bool) {
	pick := func(i int32) float64 { return rnd(seed+40, i, 7) }
	back, ink := vec{0.1 + 0.6*pick(1), 0.1 + 0.6*pick(2), 0.1 + 0.6*pick(3)}, vec{0.6 * pick(4), 0.6 * pick(5), 0.6 * pick(6)}
	face := pick(8) > 0.5
	return func(side int, u, v, _ float64) (patch, bool) {
		if side != 2 && side != 3 {
			return patch{}, false
		}
		if side == 3 {
			u -= 80
		}
		x, y := (u-w/2)/w, v/h-0.5
		if math.Max(math.Abs(x), math.Abs(y)) > 0.48 {
			return patch{albedo: grey(0.12)}, true
		}
		if face {
			if d := math.Hypot(x/0.3, (y-0.1)/0.3); d < 1 {
				if y > 0.25 || d > 0.88 {
					return patch{albedo: vec{0.05, 0.035, 0.03}}, true
				}
				return patch{albedo: vec{0.46, 0.31, 0.24}.mul(0.8 + 0.4*x)}, true
			}
		}
		if line := math.Mod((y+1)*9, 1); line < 0.5 && y < -0.15 && rnd(seed, int32(x*40+100), int32((y+1)*9)) > 0.35 {
			return patch{albedo: ink}, true
		}
		return patch{albedo: back.to(ink, 0.5*smooth(-0.1, 0.1, x*pick(9)+y))}, true
	}
}
