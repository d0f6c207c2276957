package scene

import "math"

// outfit is what people wear in the looks for learning and trying. The plain look has none.
type outfit struct {
	shorts, vest, scarf, bareArms, boots bool    // train
	stripes                              int     // along trunk and sleeves
	block                                float64 // height of the chest's other colour, share of the body; 0 none
	hood, puffer, longCoat, longSkirt    bool    // held-out
	brim, belly, apron                   bool
	headSize, thick                      float64 // times the usual
	arms, legs                           float64 // times the usual, of the thickness of limbs
	lumps                                []lump  // train
	loose                                [14]float64
}

// lump is something shapeless on a body: a bundle, a rolled jacket, a wide cut. In shares of its height.
type lump struct {
	a, b   vec
	ra, rb float64
	part   int
}

// lumpsOf are those of somebody in the train look: mostly none.
func lumpsOf(c *chance) []lump {
	if c.float() < 0.7 {
		return nil
	}
	out := make([]lump, 1+c.pick(3))
	for i := range out {
		a := vec{c.between(-0.1, 0.1), c.between(-0.08, 0.08), c.between(-0.06, 0.28)}
		b := a.add(vec{c.between(-0.08, 0.08), c.between(-0.05, 0.05), c.between(-0.1, 0.08)})
		out[i] = lump{a, b, c.between(0.03, 0.08), c.between(0.03, 0.08), []int{partTop, partTrim, partExtra}[c.pick(3)]}
	}
	return out
}

// A bone's part may say that it is striped: the part of the other stripes in bits 4 to 7, their
// number above.
func striped(part, other, n int) int { return part | other<<4 | n<<8 }

// paint is a colour of cloth: half of them as clothes in the streets are, half of any colour.
func (s style) paint(c *chance, usual []vec) vec {
	if c.float() < 0.5 {
		return vary(usual[c.pick(len(usual))], c)
	}
	k := math.Exp(c.between(math.Log(0.03), math.Log(0.62)))
	hue, full := c.between(0, 2*math.Pi), math.Pow(c.float(), 1.5)
	col := vec{1 + full*math.Cos(hue), 1 + full*math.Cos(hue-2.09), 1 + full*math.Cos(hue+2.09)}
	return vec{math.Min(0.75, k*col.x), math.Min(0.75, k*col.y), math.Min(0.75, k*col.z)}
}

var (
	skinsHeldOut    = []vec{{0.49, 0.34, 0.26}, {0.40, 0.27, 0.19}, {0.54, 0.37, 0.28}, {0.28, 0.17, 0.11}, {0.16, 0.10, 0.07}}
	clothesHeldOut  = []vec{{0.04, 0.035, 0.03}, {0.16, 0.17, 0.19}, {0.45, 0.44, 0.40}, {0.20, 0.05, 0.06}, {0.04, 0.10, 0.11}, {0.26, 0.24, 0.14}, {0.42, 0.22, 0.17}, {0.24, 0.32, 0.42}, {0.50, 0.46, 0.30}, {0.07, 0.06, 0.12}}
	trousersHeldOut = []vec{{0.05, 0.05, 0.045}, {0.12, 0.14, 0.17}, {0.17, 0.14, 0.10}, {0.36, 0.34, 0.29}, {0.03, 0.035, 0.06}, {0.09, 0.10, 0.07}}
)

// dress gives somebody the clothes and the build of the look. look says what the scene asks for.
func (s style) dress(p *person, name string, look *Look) {
	if !s.train() && !s.heldOut() {
		return
	}
	c := s.chance("dress/" + name)
	o := &outfit{headSize: 1, thick: 1, arms: 1, legs: 1}
	p.outfit = o
	for i := range o.loose {
		o.loose[i] = (c.float() + c.float() + c.float() - 1.5) * 1.6 // -2.4 to 2.4, mostly small
	}
	if s.train() {
		s.dressToLearn(p, o, c)
	} else {
		s.dressHeldOut(p, o, c)
	}
	if look != nil {
		up := p.umbrella
		p.wear(&Look{Top: look.Top, Legs: look.Legs, HeightM: look.HeightM, Umbrella: up})
	}
}

func (s style) dressToLearn(p *person, o *outfit, c *chance) {
	p.height, p.wide = c.between(1.48, 1.92), c.between(0.84, 1.28)
	p.color[partTop], p.color[partLegs] = s.paint(c, clothes), s.paint(c, trousers)
	p.color[partExtra], p.color[partTrim] = s.paint(c, clothes), s.paint(c, clothes)
	p.color[partShoes] = s.paint(c, trousers)
	if c.float() < 0.35 { // hair of other colours
		p.color[partHair] = vec{0.13, 0.08, 0.045}.mul(c.between(0.4, 2.2))
	}
	o.shorts, o.bareArms, o.boots = c.float() < 0.18, c.float() < 0.12, c.float() < 0.15
	o.scarf = c.float() < 0.1
	o.thick = c.between(0.92, 1.18)
	switch k := c.float(); {
	case k < 0.12:
		o.vest = true
		p.color[partTrim] = []vec{{0.55, 0.60, 0.05}, {0.62, 0.25, 0.03}}[c.pick(2)]
	case k < 0.3:
		o.stripes = 3 + c.pick(5)
	case k < 0.5:
		o.block = c.between(0.12, 0.24)
	}
	p.skirt = !o.shorts && p.skirt
	o.headSize, o.arms, o.legs = c.between(0.88, 1.16), c.between(0.8, 1.3), c.between(0.82, 1.28)
	p.wide *= c.between(0.94, 1.08)
	o.lumps = lumpsOf(c)
}

// dressHeldOut: nobody here has the clothes or the proportions of the other looks.
func (s style) dressHeldOut(p *person, o *outfit, c *chance) {
	p.skirt, p.coat, p.hat = false, false, false
	p.height, p.wide = c.between(1.52, 1.86), c.between(0.86, 1.16)
	p.color[partSkin] = vary(skinsHeldOut[c.pick(len(skinsHeldOut))], c)
	p.color[partTop], p.color[partLegs] = s.paint(c, clothesHeldOut), s.paint(c, trousersHeldOut)
	p.color[partExtra], p.color[partTrim] = s.paint(c, clothesHeldOut), s.paint(c, clothesHeldOut)
	switch k := c.float(); {
	case k < 0.14: // a child
		p.height, o.headSize, p.wide = c.between(1.02, 1.4), 1.28, c.between(0.95, 1.1)
	case k < 0.34:
		o.belly, p.wide, o.thick = true, c.between(1.2, 1.38), 1.22
	}
	switch k := c.float(); {
	case k < 0.22:
		o.hood = true
		o.puffer = c.float() < 0.5
	case k < 0.4:
		o.puffer = true
	case k < 0.6:
		o.longCoat = true
	case k < 0.74:
		o.longSkirt = true
	case k < 0.84:
		o.apron = true
	default:
		o.thick *= 1.12 // wide clothes
	}
	o.brim = !o.hood && c.float() < 0.25
	p.gait *= c.between(0.7, 1.1)
}

// loosen bends the joints of a pose at random, those of who lies more than those of who walks: nobody
// holds himself as the curves of the gait have it.
func (o *outfit) loosen(q *pose, m *moment) {
	arm, leg, trunk := 0.22, 0.05, 0.06
	switch m.act.word {
	case ActStand:
		arm, leg, trunk = 0.4, 0.06, 0.08
	case ActSit, ActCrouch:
		arm, leg, trunk = 0.35, 0.14, 0.12
	case ActLie, ActFall:
		lying := 1.0
		if m.act.word == ActFall {
			lying = smooth(0.6, 1, m.share)
		}
		arm, leg, trunk = lerp(0.2, 0.75, lying), lerp(0.1, 0.4, lying), lerp(0.06, 0.15, lying)
		if o.loose[13] > 0.8 { // curled up
			for i := range 2 {
				q.hip[i], q.knee[i], q.elbow[i] = q.hip[i]+0.9*lying, q.knee[i]+1.1*lying, q.elbow[i]+0.8*lying
			}
		}
	case ActDrive:
		arm, leg, trunk = 0.05, 0.04, 0.08
	case ActClimb:
		arm, leg, trunk = 0.2, 0.15, 0.1
	}
	k := o.loose[:]
	for i := range 2 {
		q.shoulder[i] += arm * k[i]
		q.elbow[i] = math.Max(0, q.elbow[i]+arm*k[2+i])
		q.out[i] = math.Max(-0.1, q.out[i]+0.5*arm*math.Abs(k[4+i]))
		q.hip[i] += leg * k[6+i]
		q.knee[i] = math.Max(0, q.knee[i]+leg*math.Abs(k[8+i]))
	}
	q.lean += trunk * k[10]
	q.twist += 2 * trunk * k[11]
	q.head += 2 * trunk * k[12]
}

// worn adds clothes to the limbs, which are in the person's own axes, not yet settled, and changes
// the limbs themselves.
func (o *outfit) worn(p *person, out []bone, q *pose, trunk func(vec) vec) []bone {
	h, w := p.height, p.wide
	for i := range out {
		o.limb(p, &out[i])
	}
	torso := func(z, r float64, part int) {
		out = append(out, bone{trunk(vec{-0.045 * h * w, 0.004 * h, z * h}), trunk(vec{0.045 * h * w, 0.004 * h, z * h}), r * h * w, r * h * w, part})
	}
	if o.vest {
		torso(0.20, 0.066, partTrim)
		torso(0.11, 0.066, partTrim)
	}
	if o.block > 0 {
		torso(o.block, 0.066*o.thick, partTrim)
	}
	if o.scarf {
		torso(0.305, 0.042, partTrim)
	}
	if o.belly {
		out = append(out, bone{trunk(vec{0, 0.035 * h, 0.06 * h}), trunk(vec{0, 0.03 * h, 0.14 * h}), 0.085 * h * w, 0.078 * h * w, partTop})
	}
	if o.apron {
		torso(0.12, 0.07, partTrim)
	}
	for i := range o.lumps {
		l := &o.lumps[i]
		out = append(out, bone{trunk(l.a.mul(h)), trunk(l.b.mul(h)), l.ra * h, l.rb * h, l.part})
	}
	out = o.cloth(p, out, q)
	top := func(v vec) vec { return trunk(vec{0, 0.01 * h, 0.315 * h}.add(swing(v, -q.head))) }
	if o.hood {
		out = append(out, bone{top(vec{0, -0.016 * h, 0.035 * h}), top(vec{0, -0.014 * h, 0.09 * h}), 0.056 * h, 0.059 * h, partTop})
	}
	if o.brim {
		out = append(out, bone{top(vec{-0.05 * h, 0.01 * h, 0.108 * h}), top(vec{0.05 * h, 0.01 * h, 0.108 * h}), 0.03 * h, 0.03 * h, partExtra},
			bone{top(vec{0, -0.01 * h, 0.112 * h}), top(vec{0, 0, 0.14 * h}), 0.05 * h, 0.04 * h, partExtra})
	}
	return out
}

// limb changes one limb.
func (o *outfit) limb(p *person, b *bone) {
	switch b.part {
	case partTop:
		k := o.thick
		if o.puffer {
			k *= 1.24
		}
		if b.ra < 0.036*p.height*p.wide { // not the trunk
			k *= o.arms
		}
		b.ra, b.rb = b.ra*k, b.rb*k
		if o.stripes > 0 {
			b.part = striped(partTop, partTrim, o.stripes)
		}
	case partLegs:
		b.ra, b.rb = b.ra*math.Sqrt(o.thick)*o.legs, b.rb*o.thick*o.legs
	case partShoes:
		if o.boots {
			b.ra, b.rb = b.ra*1.25, b.rb*1.25
		}
	case partHair:
		b.ra, b.rb = b.ra*o.headSize, b.rb*o.headSize
	}
}

// cloth hangs from the hips and goes part of the way with each leg.
func (o *outfit) cloth(p *person, out []bone, q *pose) []bone {
	var long, wide float64
	part := partTop
	switch {
	case o.longCoat:
		long, wide = 0.31, 0.075
	case o.longSkirt:
		long, wide, part = 0.40, 0.092, partLegs
	case o.apron:
		long, wide, part = 0.18, 0.072, partTrim
	default:
		return out
	}
	h, w := p.height, p.wide
	for i, sgn := range [2]float64{-1, 1} {
		hip := vec{sgn * 0.03 * h * w, 0, 0.01 * h}
		swung := 0.6*q.hip[i] + 0.25*q.hip[1-i] - 0.25*q.knee[i]
		hem := hip.add(swing(vec{sgn * 0.014 * h, 0, -long * h}, swung))
		out = append(out, bone{hip, hem, 0.064 * h * w, wide * h * w, part})
	}
	return out
}
