package scene

import (
	"fmt"
	"math"

	"bongsu"
	"bongsu/streams/truth"
)

// player is one actor with all that chance and the file decided about it. Everything that it does
// is a function of time: no frame depends on the one before.
type player struct {
	id       uint16 // of its first object
	actor    *Actor
	name     string
	time     *timeline
	person   *person
	vehicle  *vehicle
	animal   *animal
	bag      *bag
	plume    *plume
	partner  *player // in a fight
	buffer   []bone
	panelBuf []panel
	things   [2]thing
}

// assemble makes the players of the scene: crowds become persons.
func (r *Renderer) assemble() {
	next := uint16(1)
	for i := range r.scene.Actors {
		a := &r.scene.Actors[i]
		if a.Kind != KindCrowd {
			p := r.newPlayer(a, a.ID)
			p.id, next = next, next+uint16(p.objects())
			r.cast = append(r.cast, p)
			continue
		}
		for k := range a.Count {
			one := crowdMember(a, k, r.casting, r.scene.DurationS)
			p := r.newPlayer(one, one.ID)
			p.id, next = next, next+1
			r.cast = append(r.cast, p)
		}
	}
	for _, p := range r.cast {
		p.meet(r.cast)
	}
}

func (r *Renderer) newPlayer(a *Actor, name string) *player {
	c := newChance(r.casting, name)
	p := &player{actor: a, name: name, time: newTimeline(a, r.scene.DurationS, newChance(r.casting, name+"/steps"))}
	switch a.Kind {
	case KindPerson:
		p.person = newPerson(c, a.Look)
		r.look().dress(p.person, name, a.Look)
	case KindBicycle, KindMotorcycle:
		p.vehicle, p.person = r.look().vehicle(c, a, name), newPerson(c, a.Look)
		r.look().dress(p.person, name, a.Look)
	case KindCar, KindVan, KindTruck, KindBus:
		p.vehicle = r.look().vehicle(c, a, name)
	case KindDog, KindCat, KindBoar, KindDeer:
		p.animal = r.look().animal(c, a, name)
	case KindBag, KindLitter:
		p.bag = r.look().bag(c, a, name)
	case KindFire, KindSmoke:
		p.plume = newPlume(a, mix64(r.casting^c.next()))
		r.look().plume(p.plume, name)
	}
	return p
}

// look is the style of the actors, whose chances follow the casting.
func (r *Renderer) look() style { return style{r.style.name, r.casting} }

// objects is how many objects of the truth the player is: a rider and what is ridden are two.
func (p *player) objects() int {
	if p.vehicle != nil && p.person != nil {
		return 2
	}
	return 1
}

// meet finds whom a player fights and who carries a bag.
func (p *player) meet(cast []*player) {
	find := func(id string) *player {
		for _, o := range cast {
			if o.actor.ID == id {
				return o
			}
		}
		return nil
	}
	for i := range p.time.acts {
		if p.time.acts[i].word == ActFight {
			p.partner = find(p.time.acts[i].with)
		}
	}
	if p.bag != nil && p.actor.CarriedBy != "" {
		p.bag.owner = find(p.actor.CarriedBy)
	}
	if p.bag != nil {
		for _, o := range cast {
			for i := range o.time.acts {
				if a := &o.time.acts[i]; a.with == p.actor.ID && (a.word == ActLeave || a.word == ActTake) {
					p.bag.turns = append(p.bag.turns, turnOver{at: (a.from + a.to) / 2, who: o, take: a.word == ActTake})
				}
			}
		}
		sortTurns(p.bag.turns)
	}
}

// crowdMember is person k of a crowd: from somewhere in the area to somewhere else, and on.
func crowdMember(a *Actor, k int, seed uint64, end float64) *Actor {
	id := fmt.Sprintf("%s-%d", a.ID, k+1)
	c := newChance(seed, id+"/way")
	one := &Actor{ID: id, Kind: KindPerson, FromS: a.FromS, UntilS: a.UntilS, Look: a.Look}
	one.At = placeIn(a.Area, c)
	t := 0.0
	for at := one.At; t < end; {
		if c.float() < 0.3 {
			stand := c.between(2, 9)
			one.Do = append(one.Do, Step{Act: ActStand, ForS: stand})
			t += stand
			continue
		}
		to, speed := placeIn(a.Area, c), c.between(0.8, 1.6)
		one.Do = append(one.Do, Step{Act: ActWalk, To: []Place{to}, SpeedMS: speed})
		t += math.Hypot(to.X()-at.X(), to.Y()-at.Y()) / speed
		at = to
	}
	return one
}

// placeIn is a random point of a polygon.
func placeIn(poly []Place, c *chance) Place {
	x0, y0, x1, y1 := math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
	for _, p := range poly {
		x0, y0, x1, y1 = math.Min(x0, p.X()), math.Min(y0, p.Y()), math.Max(x1, p.X()), math.Max(y1, p.Y())
	}
	for range 64 {
		if q := (Place{c.between(x0, x1), c.between(y0, y1)}); within(poly, q.X(), q.Y()) {
			return q
		}
	}
	return poly[0]
}

// perform appends the player's things at an instant.
func (p *player) perform(r *Renderer, now float64, out []*thing) []*thing {
	if !p.time.present(now) {
		return out
	}
	m := p.time.at(now)
	p.face(&m, now)
	switch {
	case p.vehicle != nil:
		return p.drive(r, &m, now, out)
	case p.person != nil:
		return append(out, p.walkOn(r, &m, now, 0))
	case p.animal != nil:
		return append(out, p.roam(r, &m, now))
	case p.bag != nil:
		return append(out, p.lieAbout(r, now))
	case p.plume != nil:
		return append(out, p.burn(r, now))
	}
	return out
}

// face turns a fighter towards the other, and lets both move to and fro.
func (p *player) face(m *moment, now float64) {
	if m.act.word != ActFight || p.partner == nil || !p.partner.time.present(now) {
		return
	}
	o := p.partner.time.at(now)
	d := o.at.sub(m.at)
	m.heading = math.Atan2(d.x, d.y)
	gap := math.Hypot(d.x, d.y)
	push := 0.16*math.Sin(now*2.3) + (gap-0.95)/2*smooth(0, 0.8, m.age)
	m.at = m.at.add(d.unit().mul(push * sign(p.id < p.partner.id, now)))
	m.at.x += 0.12 * math.Sin(now*1.7)
	m.at.y += 0.08 * math.Sin(now*1.3)
}

// sign lets one of two fighters come while the other gives way.
func sign(first bool, now float64) float64 {
	if first {
		return 1
	}
	return 1 - 0.4*math.Sin(now*1.9)
}

// begin prepares a thing of the player for this frame.
func (p *player) begin(r *Renderer, i int, m *moment, class bongsu.Class, kind, state string) *thing {
	t := &p.things[i]
	*t = thing{id: p.id + uint16(i), actor: p.name, class: class, kind: kind, state: state, at: m.at, heading: m.heading}
	if m.speed > 0 {
		s, c := math.Sincos(m.heading)
		t.velocity = vec{s, c, 0}.mul(m.speed)
	}
	t.spot = r.light.at(t.at)
	return t
}

func (p *player) walkOn(r *Renderer, m *moment, now float64, i int) *thing {
	q := p.person.strike(m, now)
	if o := p.person.outfit; o != nil {
		o.loosen(&q, m)
	}
	state := m.act.state
	if m.act.word == ActLie && m.act.before != ActFall && m.act.before != ActLie && m.act.before != "" {
		state = truth.StateFallen
	}
	t := p.begin(r, i, m, bongsu.ClassPerson, "", state)
	p.buffer = p.person.bones(&q, p.buffer)
	t.bones, t.colors, t.base, t.rough = p.buffer, p.person.color[:], 0.27, 0.16
	if p.person.umbrella {
		t.panels = p.person.canopy()
		t.bones = append(t.bones, bone{vec{0.16, 0.2, 1.15}, vec{0.16, 0.2, p.person.height + 0.38}, 0.012, 0.012, partShoes})
		p.buffer = t.bones
	}
	if state == truth.StateFighting {
		t.velocity = vec{}
	}
	return t
}

// canopy is an open umbrella: eight leaves that slope down from the tip.
func (p *person) canopy() []panel {
	tip := vec{0.16, 0.2, p.height + 0.42}
	var out []panel
	for i := range 8 {
		a, b := float64(i)*math.Pi/4, float64(i+1)*math.Pi/4
		q := tip.add(vec{0.58 * math.Sin(a), 0.58 * math.Cos(a), -0.22})
		s := tip.add(vec{0.58 * math.Sin(b), 0.58 * math.Cos(b), -0.22})
		n := q.sub(tip).cross(s.sub(tip)).unit()
		if n.z < 0 {
			n = n.mul(-1)
		}
		out = append(out, panel{pts: []vec{tip, q, s}, normal: n, albedo: p.color[partExtra], shine: 0.08, double: true})
	}
	return out
}
