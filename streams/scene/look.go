package scene

import "math"

// Looks of a scene: sets of materials, bodies and vehicles. The plain one is what scene files have
// unless they ask for another. Train varies it for a detector to learn from; held-out shares no
// material, no body and no vehicle with the others, so that what was learned can be tried on it.
const (
	LookPlain   = "plain"
	LookTrain   = "train"
	LookHeldOut = "held-out"
)

// SceneLooks lists them.
var SceneLooks = []string{LookPlain, LookTrain, LookHeldOut}

// style is a scene's look, with the chances that go with it.
type style struct {
	name string
	seed uint64
}

func (s style) train() bool   { return s.name == LookTrain }
func (s style) heldOut() bool { return s.name == LookHeldOut }

// chance of a named part of the look; nothing of the plain look depends on it.
func (s style) chance(name string) *chance { return newChance(s.seed^0x100c, name) }

// ground is the material of a name in this look. Each area has its own tint and grain.
func (s style) ground(name, area string) material {
	switch {
	case s.train():
		return s.varied(groundMaterials[name], area)
	case s.heldOut():
		return s.tinted(groundsHeldOut[name], area, 0.75, 1.25)
	}
	return groundMaterials[name]
}

// wall is the same for walls.
func (s style) wall(name, piece string) material {
	switch {
	case s.train():
		return s.varied(wallMaterials[name], piece)
	case s.heldOut():
		return s.tinted(wallsHeldOut[name], piece, 0.75, 1.25)
	}
	return wallMaterials[name]
}

// varied is a material of the train look: mostly the usual one in other colours and sizes, sometimes
// a motley that is like nothing, so that what lies behind a thing is nothing to rely on.
func (s style) varied(m material, name string) material {
	c := s.chance("varied/" + name)
	if c.float() < 0.2 {
		return motley(c)
	}
	return s.tinted(m, name, 0.5, 1.9)
}

// tinted is a material in another colour and size, with stains.
func (s style) tinted(m material, name string, least, most float64) material {
	c := s.chance("tint/" + name)
	tone := math.Exp(c.between(math.Log(least), math.Log(most)))
	tint := vec{tone * c.between(0.86, 1.14), tone * c.between(0.93, 1.07), tone * c.between(0.86, 1.14)}
	size := c.between(0.75, 1.35)
	stains, reach := c.between(0, 0.45)*float64(c.pick(2)), c.between(0.6, 4)
	return func(seed uint32, u, v, foot float64) patch {
		p := m(seed, u*size, v*size, foot*size)
		k := 1.0
		if stains > 0 {
			k -= stains * smooth(0.5, 0.75, noise(seed+201, u/reach, v/reach))
		}
		p.albedo = p.albedo.times(tint).mul(k)
		p.albedo = vec{math.Min(0.85, p.albedo.x), math.Min(0.85, p.albedo.y), math.Min(0.85, p.albedo.z)}
		if p.ir > 0 {
			p.ir = clamp(p.ir*k*tone, 0.05, 0.8)
		}
		return p
	}
}

// motley is a texture of random colours, sizes and grains.
func motley(c *chance) material {
	var colors [4]vec
	base := math.Exp(c.between(math.Log(0.06), math.Log(0.5)))
	for i := range colors {
		k := base * c.between(0.55, 1.6)
		colors[i] = vec{k * c.between(0.75, 1.25), k * c.between(0.85, 1.1), k * c.between(0.7, 1.25)}
	}
	large, small, warp := c.between(0.5, 5), c.between(0.04, 0.4), c.between(0, 1.5)
	hard, grain := c.between(0.03, 0.4), c.between(0.05, 0.35)
	grid, joint := c.between(0.15, 1.5), c.between(-0.4, 0.35)
	return func(seed uint32, u, v, foot float64) patch {
		wu := u + warp*(noise(seed+1, u/large, v/large)-0.5)*large
		wv := v + warp*(noise(seed+2, u/large, v/large)-0.5)*large
		a := smooth(0.5-hard, 0.5+hard, noise(seed+3, wu/large, wv/large))
		b := smooth(0.5-hard, 0.5+hard, noise(seed+4, wu*2.7/large, wv*2.7/large))
		col := colors[0].to(colors[1], a).to(colors[2].to(colors[3], a), b)
		k := 1 + grain*2*octaves(seed+5, u, v, small*4, foot, 4)
		if joint > 0 {
			eu, ev := math.Mod(math.Abs(u), grid), math.Mod(math.Abs(v), grid)
			if math.Min(math.Min(eu, grid-eu), math.Min(ev, grid-ev)) < 0.008+foot/3 {
				k *= 1 - joint*clamp(0.2*grid/foot, 0, 1)
			}
		}
		return patch{albedo: col.mul(math.Max(0.3, k))}
	}
}
