package scene

import "math"

// bone is a limb of a body in the body's own axes: x to its right, y ahead, z up, in metres.
type bone struct {
	a, b   vec
	ra, rb float64
	part   int
}

// Parts of a person, by what they are covered with.
const (
	partSkin = iota
	partHair
	partTop
	partLegs
	partShoes
	partExtra // hat, backpack, umbrella
	partTrim  // what else is on the clothes
	parts
)

// person is how somebody looks: drawn from chance once.
type person struct {
	height   float64
	wide     float64
	color    [parts]vec
	sleeve   bool // long sleeves
	skirt    bool
	coat     bool
	hat      bool
	pack     bool
	umbrella bool
	hair     float64 // length
	gait     float64 // how far arms swing
	phase    float64
	outfit   *outfit // nil in the plain look
}

var skins = []vec{{0.52, 0.36, 0.27}, {0.45, 0.30, 0.21}, {0.57, 0.41, 0.32}, {0.34, 0.22, 0.15}, {0.20, 0.12, 0.08}}

var clothes = []vec{{0.025, 0.025, 0.03}, {0.05, 0.055, 0.07}, {0.03, 0.045, 0.10}, {0.10, 0.10, 0.11}, {0.28, 0.28, 0.28}, {0.62, 0.61, 0.58},
	{0.36, 0.05, 0.04}, {0.06, 0.13, 0.30}, {0.08, 0.15, 0.08}, {0.33, 0.25, 0.15}, {0.45, 0.38, 0.26}, {0.55, 0.40, 0.08}, {0.30, 0.10, 0.20}, {0.14, 0.26, 0.33}}

var trousers = []vec{{0.03, 0.03, 0.035}, {0.04, 0.055, 0.10}, {0.07, 0.09, 0.15}, {0.10, 0.10, 0.10}, {0.30, 0.26, 0.19}, {0.20, 0.21, 0.22}, {0.05, 0.05, 0.05}}

// named are colours that a scene file may ask for.
var named = map[string]vec{"black": clothes[0], "dark": clothes[1], "navy": clothes[2], "grey": clothes[3], "light": clothes[4], "white": clothes[5],
	"red": clothes[6], "blue": clothes[7], "green": clothes[8], "brown": clothes[9], "beige": clothes[10], "yellow": clothes[11], "purple": clothes[12], "silver": {0.42, 0.43, 0.44}}

func newPerson(c *chance, look *Look) *person {
	p := &person{height: c.between(1.54, 1.84), wide: c.between(0.88, 1.2), sleeve: c.float() < 0.65, gait: c.between(0.8, 1.2), phase: c.float()}
	p.color[partSkin] = skins[c.pick(len(skins)-1)]
	if c.float() < 0.08 {
		p.color[partSkin] = skins[len(skins)-1]
	}
	hair := c.between(0.6, 1.6)
	p.color[partHair] = vec{0.022, 0.018, 0.016}.mul(hair)
	if c.float() < 0.15 {
		p.color[partHair] = grey(c.between(0.12, 0.4))
	}
	p.color[partTop] = vary(clothes[c.pick(len(clothes))], c)
	p.color[partLegs] = vary(trousers[c.pick(len(trousers))], c)
	p.color[partShoes] = grey(c.between(0.02, 0.3))
	p.color[partExtra] = vary(clothes[c.pick(len(clothes))], c)
	p.skirt, p.coat, p.hat, p.pack = c.float() < 0.12, c.float() < 0.2, c.float() < 0.15, c.float() < 0.2
	p.hair = c.float()
	p.wear(look)
	return p
}

func vary(v vec, c *chance) vec {
	return v.times(vec{c.between(0.8, 1.2), c.between(0.8, 1.2), c.between(0.8, 1.2)})
}

// wear puts on what the scene file asks for.
func (p *person) wear(look *Look) {
	if look == nil {
		return
	}
	if v, ok := named[look.Top]; ok {
		p.color[partTop] = v
	}
	if v, ok := named[look.Legs]; ok {
		p.color[partLegs] = v
	}
	if look.HeightM > 0 {
		p.height = look.HeightM
	}
	p.hat, p.pack = p.hat || look.Hat, p.pack || look.Backpack
	p.umbrella = look.Umbrella
}

// pose is a set of joint angles in radians. Angles of hips and shoulders swing ahead when positive.
type pose struct {
	pitch, roll   float64 // of the whole body: forward, to the right
	lean, twist   float64 // of the trunk
	head          float64 // nod
	hip, knee     [2]float64
	spread        [2]float64 // of the legs to the side
	shoulder, out [2]float64 // of the arms: ahead, to the side
	elbow         [2]float64
	toe           [2]float64 // of the feet: stretched
	lift          float64    // of the feet over the ground, metres
}

// rot2 turns (ahead, up) by an angle: positive swings what hangs down ahead.
func swing(v vec, a float64) vec {
	s, c := math.Sincos(a)
	return vec{v.x, v.y*c - v.z*s, v.z*c + v.y*s}
}

// side leans a to the right by an angle: what hangs down goes outward to the right.
func side(v vec, a float64) vec {
	s, c := math.Sincos(a)
	return vec{v.x*c - v.z*s, v.y, v.z*c + v.x*s}
}

// bones sets up the person's limbs in a pose, standing on the ground. The joints' places are those
// of an average body (Winter, "Biomechanics and Motor Control of Human Movement", table 4.1).
func (p *person) bones(q *pose, out []bone) []bone {
	h, w := p.height, p.wide
	out = out[:0]
	trunk := func(v vec) vec {
		v = swing(v, -q.lean)
		return v.turn(q.twist)
	}
	chest, neck := trunk(vec{0, 0, 0.27 * h}), trunk(vec{0, 0.01 * h, 0.315 * h})
	for i, sgn := range [2]float64{-1, 1} {
		hip := vec{sgn * 0.05 * h * w, 0, 0}
		out = p.leg(out, q, i, sgn, hip)
		shoulder := trunk(vec{sgn * 0.105 * h * w, 0, 0.272 * h})
		out = p.arm(out, q, i, sgn, shoulder, trunk)
		out = append(out, bone{hip.add(vec{0, 0, 0.01}), trunk(vec{sgn * 0.062 * h * w, 0, 0.24 * h}), 0.056 * h * w, 0.060 * h * w, partTop})
	}
	out = append(out, bone{trunk(vec{-0.085 * h * w, 0, 0.262 * h}), trunk(vec{0.085 * h * w, 0, 0.262 * h}), 0.040 * h * w, 0.040 * h * w, partTop})
	out = append(out, bone{chest, neck, 0.035 * h, 0.03 * h, partSkin})
	out = p.headBones(out, q, trunk)
	if p.skirt || p.coat {
		part := partTop
		if p.skirt {
			part = partLegs
		}
		for i, sgn := range [2]float64{-1, 1} { // cloth goes part of the way with each leg
			hip := vec{sgn * 0.035 * h * w, 0, 0}
			hem := hip.add(swing(vec{sgn * 0.012 * h, 0, -0.22 * h}, 0.65*q.hip[i]+0.15*q.hip[1-i]))
			out = append(out, bone{hip, hem, 0.066 * h * w, 0.062 * h * w, part})
		}
	}
	if p.pack {
		out = append(out, bone{trunk(vec{0, -0.10 * h, 0.10 * h}), trunk(vec{0, -0.095 * h, 0.22 * h}), 0.075 * h, 0.065 * h, partExtra})
	}
	if p.outfit != nil {
		out = p.outfit.worn(p, out, q, trunk)
	}
	return settle(out, q)
}

func (p *person) leg(out []bone, q *pose, i int, sgn float64, hip vec) []bone {
	h, w := p.height, p.wide
	down := side(swing(vec{0, 0, -0.235 * h}, q.hip[i]), sgn*q.spread[i])
	knee := hip.add(down)
	ankle := knee.add(side(swing(vec{0, 0, -0.225 * h}, q.hip[i]-q.knee[i]), sgn*q.spread[i]))
	foot := swing(vec{0, 0.10 * h, 0}, clamp(q.hip[i]-q.knee[i], -1.2, 0.6)*0.7-q.toe[i])
	part := partLegs
	shin := part
	if p.skirt || p.outfit != nil && p.outfit.shorts {
		shin = partSkin
	}
	return append(out,
		bone{hip, knee, 0.052 * h * w, 0.036 * h * w, part},
		bone{knee, ankle, 0.034 * h * w, 0.024 * h * w, shin},
		bone{ankle.add(vec{0, -0.01 * h, -0.015 * h}), ankle.add(foot).add(vec{0, 0, -0.02 * h}), 0.024 * h, 0.019 * h, partShoes})
}

func (p *person) arm(out []bone, q *pose, i int, sgn float64, shoulder vec, trunk func(vec) vec) []bone {
	h, w := p.height, p.wide
	upper := trunk(side(swing(vec{0, 0, -0.165 * h}, q.shoulder[i]), sgn*(0.07+q.out[i])))
	elbow := shoulder.add(upper)
	lower := trunk(side(swing(vec{0, 0, -0.145 * h}, q.shoulder[i]+q.elbow[i]), sgn*(0.03+q.out[i])))
	wrist := elbow.add(lower)
	fore := partSkin
	if p.sleeve && (p.outfit == nil || !p.outfit.bareArms) {
		fore = partTop
	}
	return append(out,
		bone{shoulder, elbow, 0.034 * h * w, 0.027 * h * w, partTop},
		bone{elbow, wrist, 0.026 * h * w, 0.019 * h * w, fore},
		bone{wrist, wrist.add(lower.mul(0.35)), 0.021 * h, 0.018 * h, partSkin})
}

func (p *person) headBones(out []bone, q *pose, trunk func(vec) vec) []bone {
	h := p.height
	top := func(v vec) vec { return trunk(vec{0, 0.01 * h, 0.315 * h}.add(swing(v, -q.head))) }
	out = append(out, bone{top(vec{0, 0.012 * h, 0.045 * h}), top(vec{0, 0.008 * h, 0.088 * h}), 0.042 * h, 0.046 * h, partSkin})
	out = append(out, bone{top(vec{0, -0.012 * h, 0.10 * h}), top(vec{0, -0.022 * h, (0.085 - 0.06*p.hair) * h}), 0.049 * h, 0.043 * h, partHair})
	if p.hat {
		out = append(out, bone{top(vec{0, 0, 0.118 * h}), top(vec{0, 0.045 * h, 0.108 * h}), 0.052 * h, 0.028 * h, partExtra})
	}
	return out
}

// settle turns the whole body by the pose's pitch and roll and puts its lowest point on the ground.
func settle(out []bone, q *pose) []bone {
	low := math.Inf(1)
	for i := range out {
		b := &out[i]
		b.a, b.b = side(swing(b.a, -q.pitch), -q.roll), side(swing(b.b, -q.pitch), -q.roll)
		low = math.Min(low, math.Min(b.a.z-b.ra, b.b.z-b.rb))
	}
	for i := range out {
		out[i].a.z += q.lift - low
		out[i].b.z += q.lift - low
	}
	return out
}
