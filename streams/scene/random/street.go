package random

import (
	"math"

	"bongsu/streams/scene"
)

// Mixes of what a data set shows.
const (
	// MixAny is all that a camera may show: scores of record are of this one.
	MixAny = "any"
	// MixStreet is what municipal cameras show: a picture whose middle is 7 to 24 m off, people 20 to
	// 160 of 360 lines high, mostly good cameras, few things at once, and what rules must tell apart:
	// who lies from who crouches, a bag that stands alone from one with its owner, bollards and
	// cartons from both.
	MixStreet = "street"
)

// Mixes lists them.
var Mixes = []string{MixAny, MixStreet}

// streetCamera hangs a camera on a pole or a wall beside a street.
func streetCamera(d dice, look string, width, height int) scene.Camera {
	c := scene.Camera{WidthPX: width, HeightPX: height, FPS: fps}
	c.HeightM = d.outside(look, heldOutHeights, func() float64 { return d.between(2.8, 8) })
	away := d.log(max(7, 1.3*c.HeightM), 24)
	c.TiltDeg = min(45, max(8, math.Atan2(c.HeightM, away)*180/math.Pi))
	c.RollDeg = d.NormFloat64() * 0.8
	c.FocalMM = d.outside(look, heldOutFocals, func() float64 { return d.log(2.8, 7) })
	c.Distortion = -d.between(0, 0.12)
	if look == LookHeldOut {
		c.Distortion = -d.between(0.155, 0.2)
	}
	c.Noise = d.log(0.25, 1.1)
	c.Shutter = d.between(0, 0.4)
	return c
}

// The lines of 360 that a person takes where street things stand: what is lower is as near.
const (
	streetLow  = 20
	streetHigh = 160
)

// asPerson is a group of things that stand where a person would be so high.
func asPerson(share, height float64, add func(*caster, scene.Place)) group {
	return group{share, height, streetLow * height / 1.7, streetHigh * height / 1.7, add}
}

var streetGroups = []group{
	asPerson(0.22, 1.7, (*caster).person),
	asPerson(0.17, 0.45, (*caster).fallen),
	asPerson(0.09, 0.55, (*caster).bag),
	asPerson(0.09, 0.55, (*caster).leftBag),
	asPerson(0.06, 1.25, (*caster).cycle),
	asPerson(0.08, 1.3, (*caster).motorcycle),
	asPerson(0.06, 1.45, (*caster).car),
	asPerson(0.05, 2.8, (*caster).large),
	asPerson(0.05, 1.1, (*caster).fire),
	asPerson(0.04, 2.4, (*caster).smoke),
	asPerson(0.09, 0.62, (*caster).animal),
}

// leftBag stands alone, with its owner beside it, or with who walks away from it.
func (c *caster) leftBag(p scene.Place) {
	c.resting(scene.KindBag, "", p, 20).SizeM = c.log(0.3, 0.8)
	a, far := c.between(0, 2*math.Pi), c.log(0.4, 6)
	q := scene.Place{p.X() + far*math.Sin(a), p.Y() + far*math.Cos(a)}
	if c.maybe(0.3) || !c.good(q, 1.7, 0.3) {
		return
	}
	switch k := c.Float64(); {
	case k < 0.5:
		who := c.going(scene.KindPerson, scene.ActWalk, q, c.between(0.7, 1.7))
		c.dress(who)
	case k < 0.75:
		c.dress(c.resting(scene.KindPerson, scene.ActStand, q, 5))
	default:
		c.plainly(c.resting(scene.KindPerson, scene.ActCrouch, q, 2))
	}
}

// obstacles stand and lie about like litter, but as large as bags and people.
func (c *caster) obstacles() {
	for range c.IntN(6) {
		if p, ok := c.spot(&group{height: 1.2, lo: streetLow * 0.7, hi: streetHigh * 0.7}); ok {
			c.resting(scene.KindLitter, "", p, 20).SizeM = c.log(0.21, 1)
		}
	}
}
