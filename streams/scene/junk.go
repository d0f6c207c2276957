package scene

// What lies and stands about and is nothing to find, in the looks for learning and trying: things as
// large as a bag, as high as a person, as bright as a fire.

// Shapes of junk. The first five are the train look's, the others the held-out look's.
const (
	junkCone = iota
	junkCarton
	junkPlank
	junkBollard
	junkSheet
	junkBarrel
	junkCrate
	junkHydrant
	junkLog
	junkTyres
	junkShapes
)

const junkHeldOut = junkBarrel

// junk makes one piece out of litter.
func (s style) junk(b *bag, name string) {
	k := s.chance("junk/" + name)
	if b.size < 0.2 {
		return // paper and cans
	}
	b.junk = 1 + k.pick(junkHeldOut)
	if s.heldOut() {
		b.junk = 1 + junkHeldOut + k.pick(junkShapes-junkHeldOut)
	}
	main := s.paint(k, []vec{{0.28, 0.20, 0.13}, {0.30, 0.30, 0.29}, {0.12, 0.10, 0.08}, {0.45, 0.42, 0.36}})
	switch b.junk - 1 {
	case junkCone, junkBollard, junkHydrant:
		main = []vec{{0.62, 0.16, 0.03}, {0.60, 0.42, 0.04}, {0.50, 0.05, 0.04}, {0.30, 0.30, 0.32}}[k.pick(4)]
	case junkTyres:
		main = grey(0.03)
	}
	b.color = [parts]vec{partSkin: main, partTop: main.mul(k.between(0.5, 0.9)), partHair: grey(0.03), partTrim: grey(k.between(0.3, 0.7))}
	b.lean = k.between(-0.3, 0.3)
}

// junkBones are round junk, and junkPanels what has flat sides.
func (b *bag) junkBones(out []bone) []bone {
	s := b.size
	limb := func(a, c vec, ra, rb float64, part int) {
		out = append(out, bone{a.mul(s), c.mul(s), ra * s, rb * s, part})
	}
	switch b.junk - 1 {
	case junkCone:
		limb(vec{0, 0, 0.14}, vec{0, 0, 1.1}, 0.26, 0.05, partSkin)
		limb(vec{0, 0, 0.52}, vec{0, 0, 0.66}, 0.19, 0.165, partTrim)
	case junkBollard:
		limb(vec{0, 0, 0.14}, vec{0, 0, 1.7}, 0.14, 0.14, striped(partSkin, partTrim, 5))
	case junkSheet: // a tarpaulin over something
		limb(vec{-0.7, 0, 0.2}, vec{0.6, 0.1, 0.25}, 0.24, 0.28, partSkin)
		limb(vec{-0.3, 0.2, 0.25}, vec{0.2, -0.2, 0.3}, 0.26, 0.24, partTop)
	case junkBarrel:
		limb(vec{0, 0, 0.3}, vec{0, 0, 0.95}, 0.36, 0.36, striped(partSkin, partTop, 4))
	case junkHydrant:
		limb(vec{0, 0, 0.15}, vec{0, 0, 0.85}, 0.16, 0.14, partSkin)
		limb(vec{-0.2, 0, 0.6}, vec{0.2, 0, 0.6}, 0.08, 0.08, partSkin)
		limb(vec{0, 0, 0.9}, vec{0, 0, 1.0}, 0.18, 0.1, partTop)
	case junkLog:
		limb(vec{-1.1, 0, 0.18}, vec{1.1, 0.2, 0.18}, 0.18, 0.15, partSkin)
		limb(vec{0.3, 0.05, 0.25}, vec{0.55, -0.25, 0.55}, 0.07, 0.04, partTop)
	case junkTyres:
		for i := range 3 {
			z := 0.12 + 0.22*float64(i)
			limb(vec{-0.16, 0.02 * float64(i), z}, vec{0.16, 0, z}, 0.13, 0.13, partSkin)
			limb(vec{0, -0.16, z}, vec{0, 0.16, z}, 0.13, 0.13, partSkin)
		}
	}
	return out
}

func (b *bag) junkPanels() []panel {
	var v vehicle
	s := b.size
	box := func(lo, hi, c vec) { v.cuboid(lo.mul(s), hi.mul(s), c) }
	switch b.junk - 1 {
	case junkCarton:
		box(vec{-0.5, -0.35, 0}, vec{0.5, 0.35, 0.6 + b.lean}, b.color[partSkin])
	case junkPlank:
		box(vec{-1.4, -0.2, 0}, vec{1.4, 0.2 + 0.3*b.lean, 0.12}, b.color[partSkin])
		box(vec{-1.2, -0.1, 0.12}, vec{1.3, 0.12, 0.2}, b.color[partTop])
	case junkCrate:
		for i := range 4 {
			z := 0.18 * float64(i)
			box(vec{-0.6, -0.45, z}, vec{0.6, 0.45, z + 0.1}, b.color[partSkin])
			box(vec{-0.55, -0.4, z + 0.1}, vec{0.55, 0.4, z + 0.18}, b.color[partHair])
		}
	}
	return v.panels
}
