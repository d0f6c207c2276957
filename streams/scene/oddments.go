package scene

// animal makes one in the scene's look.
func (s style) animal(c *chance, a *Actor, name string) *animal {
	out := newAnimal(c, a)
	if !s.train() && !s.heldOut() {
		return out
	}
	k := s.chance("animal/" + name)
	coat := []vec{{0.30, 0.20, 0.11}, {0.05, 0.045, 0.04}, {0.48, 0.42, 0.33}, {0.22, 0.21, 0.20}, {0.55, 0.53, 0.50}, {0.14, 0.09, 0.06}}
	size, legs, thick := k.between(0.75, 1.3), k.between(0.88, 1.12), k.between(0.85, 1.2)
	if s.heldOut() {
		coat = []vec{{0.36, 0.25, 0.16}, {0.09, 0.08, 0.075}, {0.42, 0.40, 0.36}, {0.20, 0.13, 0.085}, {0.60, 0.58, 0.52}}
		legs, thick = legs*1.14, thick*1.22
		out.neck, out.snout, out.tail = out.neck*1.25, out.snout*0.75, out.tail*0.6
	}
	main := vary(coat[k.pick(len(coat))], k)
	out.color[partSkin], out.color[partTop], out.color[partTrim] = main, main.mul(k.between(0.5, 1.1)), vary(coat[k.pick(len(coat))], k)
	out.spots = s.heldOut() && k.float() < 0.6 || s.train() && k.float() < 0.15
	if s.train() {
		legs, thick = legs*k.between(0.9, 1.1), thick*k.between(0.9, 1.1)
		out.neck, out.snout, out.tail, out.head = out.neck*k.between(0.75, 1.3), out.snout*k.between(0.65, 1.4), out.tail*k.between(0.4, 1.5), out.head*k.between(0.85, 1.2)
	}
	out.long, out.high, out.leg = out.long*size, out.high*size*legs, out.leg*size
	out.thick, out.neck, out.head, out.snout, out.tail = out.thick*size*thick, out.neck*size, out.head*size, out.snout*size, out.tail*size
	return out
}

// bag makes a bag or litter in the scene's look.
func (s style) bag(c *chance, a *Actor, name string) *bag {
	b := newBag(c, a)
	if !s.train() && !s.heldOut() {
		return b
	}
	if b.litter {
		s.junk(b, name)
		return b
	}
	k := s.chance("bag/" + name)
	usual := clothes
	if s.heldOut() {
		usual = clothesHeldOut
	}
	col := s.paint(k, usual)
	b.color = [parts]vec{partSkin: col, partTop: col.mul(k.between(0.45, 0.9)), partHair: grey(k.between(0.02, 0.1)), partTrim: s.paint(k, usual)}
	b.shape = k.pick(4)
	if s.heldOut() {
		b.shape = 4 + k.pick(3)
	} else if k.float() < 0.4 {
		b.shape, b.form = 7, formless(k)
	}
	return b
}

// formless is a bag of no kind: a soft or a stiff body, perhaps a lid, pockets and handles, of a size
// of one metre.
func formless(k *chance) []bone {
	wide, deep, high := k.between(0.1, 0.34), k.between(0.1, 0.22), k.between(0.12, 0.62)
	var out []bone
	for range 2 + k.pick(3) {
		x, z := k.between(-wide, wide), deep
		if k.float() < 0.6 {
			z = k.between(deep, deep+high)
		}
		out = append(out, bone{vec{-x, k.between(-0.04, 0.04), deep}, vec{x, k.between(-0.04, 0.04), z}, deep * k.between(0.85, 1.1), deep * k.between(0.8, 1.1), []int{partSkin, partSkin, partTop, partTrim}[k.pick(4)]})
	}
	top := deep + high
	out = append(out, bone{vec{0, 0, deep}, vec{k.between(-0.08, 0.08), 0, top}, deep, deep * k.between(0.6, 1), partSkin})
	if k.float() < 0.6 { // a handle
		w, up := k.between(0.05, 0.16), top+k.between(0.05, 0.4)
		out = append(out, bone{vec{-w, 0, top}, vec{-w * k.between(0.5, 1), 0, up}, 0.025, 0.025, partHair}, bone{vec{w, 0, top}, vec{w * k.between(0.5, 1), 0, up}, 0.025, 0.025, partHair}, bone{vec{-w, 0, up}, vec{w, 0, up}, 0.028, 0.028, partHair})
	}
	return out
}

// otherBones are the bags that the plain look does not have.
func (b *bag) otherBones(out []bone) []bone {
	s := b.size
	limb := func(a, c vec, ra, rb float64, part int) {
		out = append(out, bone{a.mul(s), c.mul(s), ra * s, rb * s, part})
	}
	for _, f := range b.form {
		limb(f.a, f.b, f.ra, f.rb, f.part)
	}
	switch b.shape {
	case 2: // a trolley case with a handle
		for _, x := range [3]float64{-0.18, 0, 0.18} {
			limb(vec{x, 0, 0.17}, vec{x, 0, 0.78}, 0.15, 0.14, partSkin)
		}
		limb(vec{-0.1, -0.08, 0.8}, vec{-0.1, -0.1, 1.15}, 0.018, 0.018, partHair)
		limb(vec{0.1, -0.08, 0.8}, vec{0.1, -0.1, 1.15}, 0.018, 0.018, partHair)
		limb(vec{-0.1, -0.1, 1.15}, vec{0.1, -0.1, 1.15}, 0.03, 0.03, partHair)
	case 3: // a handbag
		limb(vec{-0.28, 0, 0.22}, vec{0.28, 0, 0.22}, 0.2, 0.2, partSkin)
		limb(vec{-0.24, 0, 0.4}, vec{0.24, 0, 0.4}, 0.1, 0.1, partTrim)
		limb(vec{-0.22, 0, 0.45}, vec{-0.1, 0, 0.78}, 0.025, 0.025, partHair)
		limb(vec{-0.1, 0, 0.78}, vec{0.1, 0, 0.78}, 0.025, 0.025, partHair)
		limb(vec{0.1, 0, 0.78}, vec{0.22, 0, 0.45}, 0.025, 0.025, partHair)
	case 5: // a sack, tied at the top
		limb(vec{0, 0, 0.33}, vec{0.05, 0.02, 0.42}, 0.34, 0.3, partSkin)
		limb(vec{0.16, -0.1, 0.22}, vec{-0.15, 0.08, 0.24}, 0.24, 0.22, partTop)
		limb(vec{0.04, 0, 0.66}, vec{0.06, 0, 0.86}, 0.1, 0.14, partSkin)
	case 6: // a mountain rucksack with a roll
		limb(vec{-0.12, 0, 0.24}, vec{-0.1, 0, 0.85}, 0.2, 0.17, partSkin)
		limb(vec{0.12, 0, 0.24}, vec{0.1, 0, 0.85}, 0.2, 0.17, partSkin)
		limb(vec{-0.3, 0, 1.0}, vec{0.3, 0, 1.0}, 0.1, 0.1, partTrim)
		limb(vec{0.27, 0.02, 0.25}, vec{0.27, 0.02, 0.5}, 0.1, 0.09, partTop)
	}
	return out
}

// otherPanels are those of bags with flat sides: a hard case, which stands.
func (b *bag) otherPanels() []panel {
	if b.junk > 0 {
		return b.junkPanels()
	}
	if b.shape != 4 {
		return nil
	}
	var v vehicle
	s := b.size
	v.cuboid(vec{-0.36 * s, -0.15 * s, 0.06 * s}, vec{0.36 * s, 0.15 * s, 0.95 * s}, b.color[partSkin])
	v.cuboid(vec{-0.37 * s, -0.155 * s, 0.45 * s}, vec{0.37 * s, 0.155 * s, 0.52 * s}, b.color[partTop])
	v.cuboid(vec{-0.12 * s, -0.03 * s, 0.95 * s}, vec{0.12 * s, 0.03 * s, 1.02 * s}, b.color[partHair])
	return v.panels
}

// plume varies a fire or smoke.
func (s style) plume(p *plume, name string) {
	if !s.train() && !s.heldOut() {
		return
	}
	k := s.chance("plume/" + name)
	p.stretch, p.tone = k.between(1.15, 1.9), k.between(0.6, 1.6)
	p.warm, p.dense = k.between(-12, 12), k.between(0.8, 0.97)
	if s.heldOut() {
		p.tex, p.stretch, p.tone, p.wide = ragged, k.between(1.95, 2.5), k.between(0.5, 1.7), k.between(0.6, 0.8)
		p.warm = k.between(-22, -10)
	}
}

// ragged are the held-out look's puffs: torn, with many small lobes.
var ragged = raggedTextures()

func raggedTextures() (out []*texture) {
	for i := range uint32(5) {
		out = append(out, newTexture(i, func(x, y, r float64) float64 {
			n := noise(i+500, x*4, y*4)*0.55 + noise(i+501, x*9, y*9)*0.45
			return smooth(1.05, 0.35, r+0.7*(n-0.4)) * (0.55 + 0.6*n)
		}))
	}
	return out
}
