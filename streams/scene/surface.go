package scene

import "math"

// Materials of ground and walls.
const (
	matAsphalt  = "asphalt"
	matPaving   = "paving"
	matGrass    = "grass"
	matDirt     = "dirt"
	matConcrete = "concrete"
	matBrick    = "brick"
	matPlaster  = "plaster"
	matMetal    = "metal"
	matWood     = "wood"
	matHedge    = "hedge"
	matTile     = "tile"
)

// patch is what a surface looks like at one place: reflectance, and light of its own.
type patch struct {
	albedo vec
	glow   vec
	ir     float64 // reflectance in infra-red, 0: that of the luma
}

// material gives the patch at u, v metres on the surface, where a pixel covers foot metres.
type material func(seed uint32, u, v, foot float64) patch

var groundMaterials = map[string]material{
	matAsphalt: asphalt, matPaving: paving, matGrass: grass, matDirt: dirt, matConcrete: concrete, matTile: floorTile,
}

var wallMaterials = map[string]material{
	matBrick: brick, matPlaster: plaster, matConcrete: concrete, matMetal: metal, matWood: wood, matHedge: hedge,
}

func asphalt(seed uint32, u, v, foot float64) patch {
	k := 0.115 + 0.022*octaves(seed, u, v, 6, foot, 4) + 0.03*octaves(seed+9, u, v, 0.11, foot, 3)
	if noise(seed+31, u/7, v/5) > 0.66 { // patched places are darker and smoother
		k *= 0.84
	}
	crack := math.Abs(noise(seed+50, u/2.6, v/2.6) - 0.5)
	if w := 0.006 + foot/14; crack < w && noise(seed+51, u/9, v/9) > 0.52 {
		k *= 1 - 0.45*(1-crack/w)*clamp(0.05/foot, 0, 1)
	}
	return patch{albedo: vec{k, k * 0.995, k * 1.01}}
}

func paving(seed uint32, u, v, foot float64) patch {
	const w, h = 0.4, 0.2
	row := math.Floor(v / h)
	uu := u + math.Mod(row, 2)*w/2
	tone := rnd(seed, int32(math.Floor(uu/w)), int32(row))
	k := 0.27 + 0.06*(tone-0.5)*clamp(0.3/foot, 0, 1) + 0.05*octaves(seed, u, v, 3, foot, 4)
	eu, ev := math.Mod(math.Abs(uu), w), math.Mod(math.Abs(v), h)
	joint := math.Min(math.Min(eu, w-eu), math.Min(ev, h-ev))
	fade := clamp(0.06/foot-0.3, 0, 1)
	k *= 1 - 0.35*fade*(1-smooth(0.004, 0.014+foot/2, joint))
	return patch{albedo: vec{k * 1.04, k * 0.98, k * 0.92}}
}

func floorTile(seed uint32, u, v, foot float64) patch {
	const w = 0.6
	tone := rnd(seed, int32(math.Floor(u/w)), int32(math.Floor(v/w)))
	k := 0.44 + 0.03*(tone-0.5) + 0.02*octaves(seed, u, v, 0.7, foot, 3)
	eu, ev := math.Mod(math.Abs(u), w), math.Mod(math.Abs(v), w)
	joint := math.Min(math.Min(eu, w-eu), math.Min(ev, w-ev))
	k *= 1 - 0.3*clamp(0.12/foot-0.3, 0, 1)*(1-smooth(0.003, 0.01+foot/2, joint))
	return patch{albedo: vec{k, k * 0.99, k * 0.95}}
}

func grass(seed uint32, u, v, foot float64) patch {
	n := octaves(seed, u, v, 5, foot, 3)
	fine := octaves(seed+5, u, v*0.6, 0.35, foot, 4)
	k := clamp(0.5+0.9*n+0.8*fine, 0, 1)
	c := vec{0.055, 0.085, 0.025}.to(vec{0.17, 0.19, 0.065}, k)
	if dry := noise(seed+3, u/3, v/3); dry > 0.62 {
		c = c.to(vec{0.24, 0.20, 0.10}, (dry-0.62)*1.6)
	}
	return patch{albedo: c, ir: 0.40 + 0.20*(k-0.5)}
}

func dirt(seed uint32, u, v, foot float64) patch {
	k := 0.2 + 0.07*octaves(seed, u, v, 4, foot, 4) + 0.06*octaves(seed+5, u, v, 0.25, foot, 3)
	return patch{albedo: vec{k * 1.15, k * 0.95, k * 0.7}}
}

func concrete(seed uint32, u, v, foot float64) patch {
	k := 0.31 + 0.06*octaves(seed, u, v, 4, foot, 5) + 0.03*octaves(seed+8, u*3, v*0.4, 1.5, foot, 3)
	eu := math.Mod(math.Abs(u), 3)
	if math.Min(eu, 3-eu) < 0.012+foot/2 {
		k *= 1 - 0.25*clamp(0.05/foot, 0, 1)
	}
	return patch{albedo: vec{k * 1.01, k, k * 0.96}}
}

func plaster(seed uint32, u, v, foot float64) patch {
	k := 0.52 + 0.05*octaves(seed, u, v, 3, foot, 4) - 0.10*smooth(0.9, 0, v)*noise(seed+4, u/1.3, 1)
	k -= 0.09 * smooth(0.55, 0.9, noise(seed+2, u*1.7, v/6)) // streaks that rain left
	tint := rnd(seed, 1, 1)
	return patch{albedo: vec{k, k * lerp(0.93, 0.99, tint), k * lerp(0.78, 0.97, tint)}}
}

func brick(seed uint32, u, v, foot float64) patch {
	const w, h = 0.23, 0.075
	row := math.Floor(v / h)
	uu := u + math.Mod(math.Abs(row), 2)*w/2
	tone := rnd(seed, int32(math.Floor(uu/w)), int32(row)) - 0.5
	k := 1 + 0.5*tone*clamp(0.1/foot, 0, 1) + 0.2*octaves(seed, u, v, 2.5, foot, 4)
	c := vec{0.30, 0.135, 0.09}.mul(k)
	eu, ev := math.Mod(math.Abs(uu), w), math.Mod(math.Abs(v), h)
	joint := math.Min(math.Min(eu, w-eu), math.Min(ev, h-ev))
	f := (1 - smooth(0.004, 0.011+foot/2, joint)) * clamp(0.04/foot, 0.1, 1)
	return patch{albedo: c.to(vec{0.33, 0.31, 0.28}, 0.8*f)}
}

func metal(seed uint32, u, v, foot float64) patch {
	rib := 0.5 + 0.5*math.Sin(u*2*math.Pi/0.18)
	k := 0.34 + 0.10*(rib-0.5)*clamp(0.09/foot, 0, 1) + 0.05*octaves(seed, u, v, 2, foot, 3)
	tint := rnd(seed, 2, 2)
	return patch{albedo: vec{k * lerp(0.75, 1, tint), k * 0.95, k * lerp(1.1, 0.9, tint)}}
}

func wood(seed uint32, u, v, foot float64) patch {
	plank := math.Floor(u / 0.14)
	k := 0.19 + 0.05*(rnd(seed, int32(plank), 0)-0.5) + 0.05*octaves(seed, u*9, v, 0.8, foot, 3)
	if e := math.Mod(math.Abs(u), 0.14); e < 0.012 {
		k *= 1 - 0.5*clamp(0.05/foot, 0, 1)
	}
	return patch{albedo: vec{k * 1.2, k * 0.86, k * 0.55}}
}

func hedge(seed uint32, u, v, foot float64) patch {
	k := clamp(0.45+0.9*octaves(seed, u, v, 0.5, foot, 4)+0.5*octaves(seed+2, u, v, 2.2, foot, 2), 0, 1)
	return patch{albedo: vec{0.03, 0.05, 0.018}.to(vec{0.13, 0.17, 0.05}, k), ir: 0.25 + 0.4*k}
}

// facade puts windows into a wall: storeys of 3 m, axes of bay metres.
func facade(wall material, height float64, night bool) material {
	const storey, bay = 3.1, 2.9
	return func(seed uint32, u, v, foot float64) patch {
		p := wall(seed, u, v, foot)
		fu, fv := math.Floor(u/bay), math.Floor(v/storey)
		lu, lv := u-fu*bay, v-fv*storey
		if lu < 0.55 || lu > 2.35 || lv < 0.95 || lv > 2.5 || v > height-0.45 || (fv+1)*storey > height+0.5 {
			if lv < 0.12 && fv > 0 { // slab edges
				p.albedo = p.albedo.mul(0.88)
			}
			return p
		}
		frame := math.Min(math.Min(lu-0.55, 2.35-lu), math.Min(lv-0.95, math.Min(2.5-lv, math.Abs(lu-1.45))))
		if frame < 0.06 {
			return patch{albedo: grey(0.5)}
		}
		r := rnd(seed+71, int32(fu), int32(fv))
		glass := vec{0.05, 0.06, 0.07}.to(vec{0.30, 0.34, 0.38}, 0.35*r+0.35*(lv-0.95)/1.55)
		if r > 0.62 && lu > 1.45 { // a curtain
			glass = vec{0.42, 0.39, 0.34}.mul(0.75 + 0.25*math.Sin(u*30))
		}
		out := patch{albedo: glass}
		if night && r > 0.7 {
			out.glow = vec{0.30, 0.22, 0.12}.mul(0.5 + noise(seed, u, v))
		}
		return out
	}
}
