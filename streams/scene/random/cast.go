package random

import (
	"fmt"
	"math"

	"bongsu/streams/scene"
)

// group is a kind of object that a cast draws, how often, how high it is in metres, and how high it
// may be on a picture of 360 lines.
type group struct {
	share  float64
	height float64
	lo, hi float64 // pixels
	add    func(*caster, scene.Place)
}

var groups = []group{
	{0.22, 1.7, 18, 240, (*caster).person},
	{0.13, 0.45, 15, 110, (*caster).fallen},
	{0.10, 1.25, 18, 170, (*caster).cycle},
	{0.10, 1.3, 18, 170, (*caster).motorcycle},
	{0.09, 1.45, 18, 130, (*caster).car},
	{0.08, 2.8, 24, 210, (*caster).large},
	{0.14, 0.6, 18, 110, (*caster).bag},
	{0.09, 1.3, 18, 150, (*caster).fire},
	{0.08, 2.6, 26, 200, (*caster).smoke},
	{0.12, 0.62, 16, 130, (*caster).animal},
}

// caster fills one picture with actors.
type caster struct {
	dice
	r      *scene.Renderer
	now    float64
	groups []group
	street bool    // the street mix
	scale  float64 // lines of the picture over 360
	actors []scene.Actor
	bodies []body // of vehicles: nothing stands in them
	last   scene.Place
	n      int
}

// body is the round place that a vehicle takes.
type body struct {
	at     scene.Place
	radius float64
}

// apart reports whether nothing of radius metres at p would stand in a vehicle.
func (c *caster) apart(p scene.Place, radius float64) bool {
	for _, b := range c.bodies {
		if math.Hypot(p.X()-b.at.X(), p.Y()-b.at.Y()) < radius+b.radius {
			return false
		}
	}
	return true
}

// Cast makes the actors of one picture of r's place, and the number of the frame in which they are
// where they are meant to be. Give the actors to r.Recast. mix is one of Mixes.
func Cast(r *scene.Renderer, mix string, seed uint64) (actors []scene.Actor, frame int) {
	d := newDice(seed, 77)
	frame = 10 * (28 + d.IntN(20))
	c := &caster{dice: d, r: r, groups: groups, now: float64(frame) / fps, scale: float64(r.Scene().Camera.HeightPX) / 360}
	if c.street = mix == MixStreet; c.street {
		c.groups = streetGroups
		c.obstacles()
	}
	c.litter()
	if d.maybe(0.07) { // nothing to find
		return c.actors, frame
	}
	most := 1 + d.IntN(9)
	if d.maybe(0.12) && !c.street {
		most += 8
	}
	for range most {
		g := c.group()
		if p, ok := c.spot(g); ok {
			g.add(c, p)
			c.last = p
		}
	}
	return c.actors, frame
}

func (c *caster) group() *group {
	k := c.Float64()
	all := 0.0
	for i := range c.groups {
		all += c.groups[i].share
	}
	k *= all
	for i := range c.groups {
		if k -= c.groups[i].share; k < 0 {
			return &c.groups[i]
		}
	}
	return &c.groups[0]
}

// spot finds a place on which a thing is as high on the picture as chance wants it.
func (c *caster) spot(g *group) (scene.Place, bool) {
	for try := range 40 {
		if len(c.actors) > 0 && c.last != (scene.Place{}) && try < 2 && c.maybe(0.17) { // near another: they overlap
			a, dist := c.between(0, 2*math.Pi), c.between(0.3, 1.6)
			p := scene.Place{c.last.X() + dist*math.Cos(a), c.last.Y() + dist*math.Sin(a)}
			if c.good(p, g.height, 0.3) {
				return p, true
			}
			continue
		}
		px := c.log(g.lo, g.hi) * c.scale
		if c.maybe(0.06) { // very near
			px *= 1.6
		}
		p, ok := c.r.Reach(c.r.FocalPX()*g.height/px, c.between(-1, 1))
		if ok && c.good(p, g.height, 0.35) {
			return p, true
		}
	}
	return scene.Place{}, false
}

func (c *caster) good(p scene.Place, height, radius float64) bool {
	if math.Hypot(p.X(), p.Y()) < 1.2 || p.Y() > 90 || !c.r.Free(p, radius) || !c.apart(p, radius) {
		return false
	}
	_, y, z := c.r.OnPicture(p, height/2)
	if z < 1 || y < 0 || y > float64(c.r.Scene().Camera.HeightPX) {
		return false
	}
	return c.r.InSight(p, 0.8*height) || c.maybe(0.1)
}

func (c *caster) add(a scene.Actor) *scene.Actor {
	c.n++
	a.ID = fmt.Sprintf("%s-%d", a.Kind, c.n)
	c.actors = append(c.actors, a)
	return &c.actors[len(c.actors)-1]
}

// going makes an actor that passes p at now.
func (c *caster) going(kind, act string, p scene.Place, speed float64) *scene.Actor {
	a, age := c.between(0, 2*math.Pi), c.between(0.4, 1.2)
	way := func(t float64) scene.Place {
		return scene.Place{p.X() + t*speed*math.Sin(a), p.Y() + t*speed*math.Cos(a)}
	}
	return c.add(scene.Actor{Kind: kind, At: way(-age), FromS: c.now - age, Do: []scene.Step{{Act: act, To: []scene.Place{way(3)}, SpeedMS: speed}}})
}

// resting makes an actor that does one thing at p, since age seconds.
func (c *caster) resting(kind, act string, p scene.Place, age float64) *scene.Actor {
	a := scene.Actor{Kind: kind, At: p, FacingDeg: c.between(0, 360), FromS: c.now - age}
	if act != "" {
		a.Do = []scene.Step{{Act: act, ForS: 30}}
	}
	return c.add(a)
}

func (c *caster) dress(a *scene.Actor) {
	l := &scene.Look{Hat: c.maybe(0.2), Backpack: c.maybe(0.15)}
	if c.maybe(0.15) {
		l.HeightM = c.between(1.0, 1.5)
	}
	if w := &c.r.Scene().Weather; (w.Rain > 0 || w.Snow > 0.5) && c.maybe(0.5) || c.maybe(0.02) || c.street && c.maybe(0.04) {
		l.Umbrella = true
	}
	a.Look = l
}

func (c *caster) person(p scene.Place) {
	k := c.Float64()
	switch {
	case k < 0.34:
		c.dress(c.going(scene.KindPerson, scene.ActWalk, p, c.between(0.7, 1.8)))
	case k < 0.46:
		c.dress(c.going(scene.KindPerson, scene.ActRun, p, c.between(2.4, 4.5)))
	case k < 0.60:
		c.dress(c.resting(scene.KindPerson, scene.ActStand, p, 5))
	case k < 0.67:
		c.plainly(c.resting(scene.KindPerson, scene.ActCrouch, p, c.between(0.2, 3)))
	case k < 0.74:
		c.sitting(p)
	case k < 0.80:
		c.climbing(p)
	case k < 0.87:
		c.fighting(p)
	case k < 0.93:
		c.carrying(p)
	default:
		c.many(p)
	}
}

// plainly dresses somebody whose pose an umbrella does not fit.
func (c *caster) plainly(a *scene.Actor) {
	c.dress(a)
	a.Look.Umbrella = false
}

// sitting puts a person on a bench, or has it crouch when there is none.
func (c *caster) sitting(p scene.Place) {
	var benches []scene.Structure
	for _, st := range c.r.Scene().Structures {
		if st.Kind == scene.StructureBlock && st.HeightM >= 0.4 && st.HeightM <= 0.52 && st.DepthM < 0.7 {
			benches = append(benches, st)
		}
	}
	if len(benches) == 0 {
		c.plainly(c.resting(scene.KindPerson, scene.ActCrouch, p, 3))
		return
	}
	b := pick(c.dice, benches...)
	yaw, along := b.YawDeg*math.Pi/180, c.between(-0.35, 0.35)*b.WidthM
	front := pick(c.dice, -1.0, 1)
	sn, cs := math.Sincos(yaw)
	q := scene.Place{b.At.X() + along*cs + front*0.05*sn, b.At.Y() - along*sn + front*0.05*cs}
	if _, y, z := c.r.OnPicture(q, 1); z < 1.5 || y < 0 || !c.r.InSight(q, 1.2) {
		return
	}
	a := c.resting(scene.KindPerson, scene.ActSit, q, c.between(1, 8))
	a.FacingDeg = b.YawDeg
	if front < 0 {
		a.FacingDeg += 180
	}
	c.plainly(a)
}

// climbing puts a person on a wall, or runs when there is none.
func (c *caster) climbing(p scene.Place) {
	var over []scene.Structure
	for _, st := range c.r.Scene().Structures {
		if len(st.Path) == 2 && st.HeightM < 2.7 {
			over = append(over, st)
		}
	}
	if len(over) == 0 {
		c.dress(c.going(scene.KindPerson, scene.ActRun, p, 3))
		return
	}
	st := pick(c.dice, over...)
	k := c.Float64()
	a, b := st.Path[0], st.Path[1]
	m := scene.Place{a.X() + k*(b.X()-a.X()), a.Y() + k*(b.Y()-a.Y())}
	l := math.Hypot(b.X()-a.X(), b.Y()-a.Y())
	nx, ny := (b.Y()-a.Y())/l*0.55, -(b.X()-a.X())/l*0.55
	if x, y, z := c.r.OnPicture(m, st.HeightM); z < 2 || y < 0 || x < 0 || x > float64(c.r.Scene().Camera.WidthPX) || !c.r.InSight(m, st.HeightM+0.3) {
		return
	}
	if c.maybe(0.5) {
		nx, ny = -nx, -ny
	}
	who := c.add(scene.Actor{Kind: scene.KindPerson, At: scene.Place{m.X() - nx, m.Y() - ny}, FromS: c.now - c.between(0.3, 3.3),
		Do: []scene.Step{{Act: scene.ActClimb, To: []scene.Place{{m.X() + nx, m.Y() + ny}}, HeightM: st.HeightM}}})
	c.plainly(who)
}

func (c *caster) fighting(p scene.Place) {
	a := c.between(0, 2*math.Pi)
	q := scene.Place{p.X() + 0.9*math.Cos(a), p.Y() + 0.9*math.Sin(a)}
	age := c.between(0.5, 9)
	one := c.resting(scene.KindPerson, scene.ActFight, p, age)
	c.plainly(one)
	id := one.ID
	other := c.resting(scene.KindPerson, scene.ActFight, q, age)
	other.Do[0].With = id
	c.plainly(other)
	c.actors[len(c.actors)-2].Do[0].With = other.ID
}

func (c *caster) carrying(p scene.Place) {
	who := c.going(scene.KindPerson, scene.ActWalk, p, c.between(0.8, 1.6))
	c.dress(who)
	c.add(scene.Actor{Kind: scene.KindBag, At: p, CarriedBy: who.ID, SizeM: c.between(0.35, 0.75)})
}

// many are people who stand or walk close together.
func (c *caster) many(p scene.Place) {
	for range 2 + c.IntN(7) {
		q := scene.Place{p.X() + 1.3*c.NormFloat64(), p.Y() + 1.3*c.NormFloat64()}
		if !c.good(q, 1.7, 0.3) {
			continue
		}
		if c.maybe(0.5) {
			c.dress(c.resting(scene.KindPerson, scene.ActStand, q, 5))
		} else {
			c.dress(c.going(scene.KindPerson, scene.ActWalk, q, c.between(0.6, 1.6)))
		}
	}
}

// fallen lies in any direction, sometimes half behind something or under somebody.
func (c *caster) fallen(p scene.Place) {
	if c.maybe(0.2) {
		c.plainly(c.resting(scene.KindPerson, scene.ActFall, p, c.between(1.4, 20)))
		c.actors[len(c.actors)-1].Do[0].ForS = 1.3
	} else {
		c.plainly(c.resting(scene.KindPerson, scene.ActLie, p, c.between(1, 20)))
	}
	if c.maybe(0.15) { // somebody bends over
		q := scene.Place{p.X() + c.between(-0.8, 0.8), p.Y() - c.between(0.3, 0.9)}
		if c.good(q, 1.2, 0.3) {
			c.plainly(c.resting(scene.KindPerson, pick(c.dice, scene.ActCrouch, scene.ActStand), q, 3))
		}
	}
}

func (c *caster) cycle(p scene.Place) { c.ridden(scene.KindBicycle, p, c.between(2, 7)) }

func (c *caster) motorcycle(p scene.Place) { c.ridden(scene.KindMotorcycle, p, c.between(3, 12)) }

// ridden is in motion or stands without a rider.
func (c *caster) ridden(kind string, p scene.Place, speed float64) {
	if c.maybe(0.55) {
		c.plainly(c.going(kind, scene.ActDrive, p, speed))
		return
	}
	n := 1
	if c.maybe(0.25) {
		n += c.IntN(5) // a row of them
	}
	face, step := c.between(0, 360), c.between(0.5, 0.8)
	sn, cs := math.Sincos(face * math.Pi / 180)
	for i := range n {
		a := c.resting(kind, "", scene.Place{p.X() + float64(i)*step*cs, p.Y() - float64(i)*step*sn}, 20)
		a.FacingDeg = face + c.between(-5, 5)
	}
}

func (c *caster) vehicle(p scene.Place, kinds ...string) {
	kind := pick(c.dice, kinds...)
	radius := map[string]float64{scene.KindCar: 1.3, scene.KindVan: 1.6, scene.KindTruck: 2.4, scene.KindBus: 3.2}[kind]
	if !c.r.Free(p, 1.6) || !c.apart(p, radius) {
		return
	}
	c.bodies = append(c.bodies, body{p, radius})
	if c.maybe(0.5) {
		c.going(kind, scene.ActDrive, p, c.between(2, 14))
		return
	}
	facing := c.resting(kind, "", p, 20).FacingDeg
	if !c.maybe(0.3) {
		return
	}
	face := facing * math.Pi / 180
	for i := range 1 + c.IntN(3) { // a row of parked ones
		step := c.between(2, 2.4) * (0.6 + 0.4*radius) * float64(i+1)
		q := scene.Place{p.X() + step*math.Cos(face), p.Y() - step*math.Sin(face)}
		if !c.r.Free(q, 1.6) || math.Hypot(q.X(), q.Y()) < 4 {
			return
		}
		c.bodies = append(c.bodies, body{q, radius})
		c.resting(kind, "", q, 20).FacingDeg = facing + pick(c.dice, 0.0, 180)
	}
}

func (c *caster) car(p scene.Place) {
	c.vehicle(p, scene.KindCar, scene.KindCar, scene.KindCar, scene.KindVan)
}

func (c *caster) large(p scene.Place) { c.vehicle(p, scene.KindTruck, scene.KindBus) }

func (c *caster) bag(p scene.Place) {
	if c.maybe(0.25) {
		c.carrying(p)
		return
	}
	c.resting(scene.KindBag, "", p, 20).SizeM = c.log(0.3, 0.95)
}

func (c *caster) fire(p scene.Place) {
	size := c.log(0.4, 2.2)
	c.resting(scene.KindFire, "", p, c.between(2, 25)).SizeM = size
	if c.maybe(0.4) {
		c.resting(scene.KindSmoke, "", p, c.between(3, 25)).SizeM = c.between(0.8, 1.4) * size
	}
}

func (c *caster) smoke(p scene.Place) {
	c.resting(scene.KindSmoke, "", p, c.between(4, 25)).SizeM = c.log(0.5, 2.2)
}

func (c *caster) animal(p scene.Place) {
	kind := pick(c.dice, scene.KindDog, scene.KindDog, scene.KindCat, scene.KindBoar, scene.KindDeer)
	switch {
	case c.maybe(0.35):
		c.resting(kind, "", p, 5)
	case c.maybe(0.7):
		c.going(kind, scene.ActWalk, p, c.between(0.4, 1.6))
	default:
		c.going(kind, scene.ActRun, p, c.between(2, 5))
	}
}

// litter lies about and is nothing to find.
func (c *caster) litter() {
	if c.maybe(0.4) {
		return
	}
	for range c.IntN(9) {
		if p, ok := c.spot(&group{height: 0.5, lo: 6, hi: 110}); ok {
			c.resting(scene.KindLitter, "", p, 20).SizeM = c.log(0.1, 1.1)
		}
	}
}
