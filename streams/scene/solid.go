package scene

import (
	"math"
	"strconv"
)

// solid is a static thing that rays meet: a box that stands upright, turned about the vertical.
type solid struct {
	mid       vec // of its base
	half      vec // half its width and depth; z is the whole height
	sin, cos  float64
	side, top material
	seed      uint32
	opaque    bool // throws shadows; a fence does not
	slim      bool // a pole: the lamp that hangs on it is not darkened by it
	mesh      bool // a fence: rays may pass between the wires
	textured  func(face int, u, v, foot float64) (patch, bool)
}

func newSolid(at vec, width, depth, height, yaw float64) solid {
	s, c := math.Sincos(yaw)
	return solid{mid: at, half: vec{width / 2, depth / 2, height}, sin: s, cos: c, opaque: true}
}

// local turns a direction of the world into the solid's own axes.
func (s *solid) local(d vec) vec { return vec{d.x*s.cos - d.y*s.sin, d.x*s.sin + d.y*s.cos, d.z} }

func (s *solid) world(d vec) vec { return vec{d.x*s.cos + d.y*s.sin, d.y*s.cos - d.x*s.sin, d.z} }

// hit is the distance from o along d to the solid, 0 when the ray misses it, and the face that is
// met: 0 left, 1 right, 2 near, 3 far, 4 bottom, 5 top.
func (s *solid) hit(o, d vec) (t float64, face int) {
	lo, ld := s.local(o.sub(s.mid)), s.local(d)
	near, far := 0.0, math.Inf(1)
	from, dir := [3]float64{lo.x, lo.y, lo.z}, [3]float64{ld.x, ld.y, ld.z}
	lows, highs := [3]float64{-s.half.x, -s.half.y, 0}, [3]float64{s.half.x, s.half.y, s.half.z}
	for i := range 3 {
		if math.Abs(dir[i]) < 1e-12 {
			if from[i] < lows[i] || from[i] > highs[i] {
				return 0, 0
			}
			continue
		}
		a, b := (lows[i]-from[i])/dir[i], (highs[i]-from[i])/dir[i]
		f := 2 * i
		if a > b {
			a, b, f = b, a, f+1
		}
		if a > near {
			near, face = a, f
		}
		far = math.Min(far, b)
		if near > far {
			return 0, 0
		}
	}
	return near, face
}

var faceNormals = [6]vec{{-1, 0, 0}, {1, 0, 0}, {0, -1, 0}, {0, 1, 0}, {0, 0, -1}, {0, 0, 1}}

// look gives the patch at p on a face; ok is false where a fence lets the view through.
func (s *solid) look(p vec, face int, foot float64) (out patch, n vec, ok bool) {
	l := s.local(p.sub(s.mid))
	n = s.world(faceNormals[face])
	u, v := l.x+s.half.x, l.z
	switch face {
	case 0, 1:
		u = l.y + s.half.y + 40
	case 3:
		u += 80
	case 4, 5:
		return s.top(s.seed+3, l.x, l.y, foot), n, true
	}
	if s.textured != nil {
		if out, ok := s.textured(face, u, v, foot); ok {
			return out, n, true
		}
	}
	if s.mesh {
		return s.wires(u, v, foot, n)
	}
	return s.side(s.seed, u, v, foot), n, true
}

// wires is a chain-link fence: posts, a rail and diagonal wires.
func (s *solid) wires(u, v, foot float64, n vec) (patch, vec, bool) {
	steel := patch{albedo: vec{0.40, 0.42, 0.42}}
	w := 0.012 + foot/3
	if post := math.Mod(u, 2.5); post < 0.06+foot/2 || v > s.half.z-0.06-foot/2 || v < 0.05 {
		return steel, n, true
	}
	a, b := math.Mod(u+v+100, 0.14), math.Mod(u-v+100, 0.14)
	return steel, n, a < w*0.5 || b < w*0.5
}

// solids builds the scene's structures, and the lamps among them.
func (r *Renderer) buildSolids() {
	for i := range r.scene.Structures {
		st := &r.scene.Structures[i]
		r.build(st, uint32(mix64(r.seed+uint64(i)*31)))
	}
}

func (r *Renderer) build(st *Structure, seed uint32) {
	yaw := st.YawDeg * math.Pi / 180
	at := vec{st.At.X(), st.At.Y(), 0}
	add := func(s solid) {
		s.seed = seed
		r.light.solids = append(r.light.solids, s)
	}
	plain := func(m material, s solid) solid { s.side, s.top = m, m; return s }
	switch st.Kind {
	case StructureBuilding:
		s := plain(r.wall(st, matPlaster, seed), newSolid(at, st.WidthM, st.DepthM, st.HeightM, yaw))
		if !st.Blind {
			s.side = r.facade(s.side, st.HeightM)
		}
		s.top = concrete
		add(s)
	case StructureBlock:
		add(plain(r.wall(st, matConcrete, seed), newSolid(at, st.WidthM, st.DepthM, st.HeightM, yaw)))
	case StructureWall, StructureFence, StructureHedge:
		for _, s := range r.wallAlong(st, seed) {
			add(s)
		}
	case StructureLamp:
		pole := plain(metal, newSolid(at, 0.14, 0.14, st.HeightM, 0))
		pole.slim = true
		add(pole)
		head := vec{st.At.X() + 0.5*math.Sin(yaw), st.At.Y() + 0.5*math.Cos(yaw), st.HeightM - 0.12}
		s := plain(lampHead, newSolid(head, 0.3, 0.9, 0.1, yaw))
		s.opaque = false
		add(s)
		if r.light.lamps {
			r.light.lampList = append(r.light.lampList, lamp{at: vec{head.x, head.y, head.z - 0.1}, color: lampColor(st.Color)})
		}
	case StructurePole:
		add(plain(metal, newSolid(at, 0.16, 0.16, st.HeightM, yaw)))
	case StructureTree:
		add(plain(bark, newSolid(at, 0.09*st.HeightM/2, 0.09*st.HeightM/2, st.HeightM*0.45, 0.4)))
		r.trees = append(r.trees, newTree(st, seed))
	case StructurePoster:
		s := plain(r.wall(st, matPlaster, seed), newSolid(at, st.WidthM, 0.06, st.HeightM, yaw))
		s.mid.z = 0.7
		s.textured = r.poster(seed, st.WidthM, st.HeightM)
		add(s)
	case StructureWindow:
		s := plain(r.wall(st, matMetal, seed), newSolid(at, st.WidthM, 0.06, st.HeightM, yaw))
		s.mid.z = paneFoot
		s.textured = windowPane(st.WidthM, st.HeightM)
		r.glaze(&s)
		add(s)
	case StructureFlag:
		add(plain(metal, newSolid(at, 0.09, 0.09, st.HeightM, 0)))
		r.flags = append(r.flags, newFlag(st, seed))
	}
}

// wall is the material that a structure asks for, in the scene's look.
func (r *Renderer) wall(st *Structure, otherwise string, seed uint32) material {
	name := st.Material
	if _, ok := wallMaterials[name]; !ok {
		name = otherwise
	}
	return r.style.wall(name, strconv.Itoa(int(seed)))
}

func (r *Renderer) facade(wall material, height float64) material {
	if r.style.heldOut() {
		return shopfront(wall, height, r.light.lamps)
	}
	return facade(wall, height, r.light.lamps)
}

func (r *Renderer) poster(seed uint32, w, h float64) func(int, float64, float64, float64) (patch, bool) {
	picture := poster(seed, w, h)
	if r.style.heldOut() {
		picture = advert(seed, w, h)
	}
	if r.style.name == LookPlain || r.style.name == "" || !r.light.lamps || rnd(seed, 9, 9) > 0.4 {
		return picture
	}
	return func(face int, u, v, foot float64) (patch, bool) { // lit from behind
		p, ok := picture(face, u, v, foot)
		p.glow = p.albedo.mul(0.35 + 0.5*rnd(seed, 8, 8))
		return p, ok
	}
}

// wallAlong makes a box of each piece of a path.
func (r *Renderer) wallAlong(st *Structure, seed uint32) []solid {
	var out []solid
	thick, m := 0.22, r.wall(st, matBrick, seed)
	if st.Kind == StructureFence {
		thick, m = 0.03, r.style.wall(matMetal, "fence")
	}
	if st.Kind == StructureHedge {
		thick, m = 0.8, r.style.wall(matHedge, "hedge")
	}
	for i := 1; i < len(st.Path); i++ {
		a, b := st.Path[i-1], st.Path[i]
		dx, dy := b.X()-a.X(), b.Y()-a.Y()
		s := newSolid(vec{(a.X() + b.X()) / 2, (a.Y() + b.Y()) / 2, 0}, math.Hypot(dx, dy)+thick, thick, st.HeightM, math.Atan2(-dy, dx))
		s.side, s.top = m, m
		if st.Kind == StructureFence {
			s.mesh, s.opaque = true, false
		}
		out = append(out, s)
	}
	return out
}

func lampHead(uint32, float64, float64, float64) patch {
	return patch{albedo: grey(0.5)}
}

func bark(seed uint32, u, v, foot float64) patch {
	k := 0.11 + 0.06*octaves(seed, u*6, v, 0.4, foot, 3)
	return patch{albedo: vec{k * 1.2, k, k * 0.8}}
}

func lampColor(name string) vec {
	if name == "sodium" {
		return vec{0.62, 0.36, 0.13}
	}
	return vec{0.46, 0.47, 0.44}
}

// poster is a picture of a person on a board: it must not be taken for one.
func poster(seed uint32, w, h float64) func(int, float64, float64, float64) (patch, bool) {
	back := vec{0.25 + 0.5*rnd(seed, 1, 0), 0.25 + 0.5*rnd(seed, 2, 0), 0.25 + 0.5*rnd(seed, 3, 0)}
	coat := vec{0.1 + 0.4*rnd(seed, 4, 0), 0.1 + 0.3*rnd(seed, 5, 0), 0.1 + 0.4*rnd(seed, 6, 0)}
	return func(face int, u, v, _ float64) (patch, bool) {
		if face != 2 && face != 3 {
			return patch{}, false
		}
		if face == 3 {
			u -= 80
		}
		x, y := (u-w/2)/h, v/h // y 0..1 from below
		if math.Min(math.Min(u, w-u), math.Min(v, h-v)) < 0.05 {
			return patch{albedo: grey(0.75)}, true
		}
		if hx, hy := x/0.075, (y-0.80)/0.095; hx*hx+hy*hy < 1 {
			if hy > 0.25 {
				return patch{albedo: vec{0.03, 0.025, 0.02}}, true
			}
			return patch{albedo: vec{0.50, 0.34, 0.26}}, true
		}
		if y < 0.70 && math.Abs(x) < 0.20*(1-0.35*smooth(0.5, 0.7, y)) && y > 0.22 {
			return patch{albedo: coat}, true
		}
		if y <= 0.22 && y > 0.10 { // lettering, too small to read
			line := math.Mod(y*60, 2) < 1
			if line && rnd(seed, int32(x*60), int32(y*30)) > 0.3 {
				return patch{albedo: grey(0.05)}, true
			}
		}
		return patch{albedo: back.mul(0.75 + 0.4*y)}, true
	}
}
