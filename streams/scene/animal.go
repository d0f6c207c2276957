package scene

import (
	"math"
	"slices"

	"bongsu"
	"bongsu/streams/truth"
)

// animal is a four-legged one: the sizes of its parts in metres.
type animal struct {
	kind              string
	long, high        float64 // trunk
	thick, leg        float64
	neck, neckUp      float64
	head, snout, tail float64
	color             [parts]vec
	spots             bool
}

var animals = map[string]animal{
	KindDog:  {KindDog, 0.55, 0.50, 0.10, 0.035, 0.16, 0.8, 0.085, 0.12, 0.28, [parts]vec{}, false},
	KindCat:  {KindCat, 0.34, 0.24, 0.065, 0.02, 0.08, 0.6, 0.055, 0.03, 0.26, [parts]vec{}, false},
	KindBoar: {KindBoar, 0.78, 0.52, 0.20, 0.045, 0.20, -0.25, 0.145, 0.30, 0.16, [parts]vec{}, false},
	KindDeer: {KindDeer, 0.75, 0.75, 0.15, 0.03, 0.34, 1.0, 0.085, 0.12, 0.06, [parts]vec{}, false},
}

var coats = map[string][]vec{
	KindDog:  {{0.30, 0.20, 0.11}, {0.05, 0.045, 0.04}, {0.48, 0.42, 0.33}},
	KindCat:  {{0.06, 0.055, 0.05}, {0.33, 0.22, 0.12}, {0.30, 0.29, 0.27}},
	KindBoar: {{0.07, 0.055, 0.045}},
	KindDeer: {{0.24, 0.16, 0.09}},
}

func newAnimal(c *chance, a *Actor) *animal {
	out := animals[a.Kind]
	coat := vary(coats[a.Kind][c.pick(len(coats[a.Kind]))], c)
	if a.Look != nil {
		if n, ok := named[a.Look.Color]; ok {
			coat = n
		}
	}
	out.color = [parts]vec{partSkin: coat, partTop: coat.mul(0.7), partHair: grey(0.02)}
	return &out
}

// bones sets the animal up: a trot, legs across from each other together.
func (a *animal) bones(m *moment, now float64, out []bone) []bone {
	out = out[:0]
	cycle := 2 * math.Pi * m.run / (1.7 * a.high)
	bob := 0.0
	if m.speed > 0 {
		bob = 0.02 * a.high * math.Sin(2*cycle)
	}
	back, front := vec{0, -a.long / 2, a.high + bob}, vec{0, a.long / 2, a.high + 0.03 + bob}
	trunk := partSkin
	if a.spots {
		trunk = striped(partSkin, partTrim, 5)
	}
	out = append(out, bone{back, front, a.thick * 0.92, a.thick * 1.08, trunk})
	if a.kind == KindBoar { // high withers
		out = append(out, bone{vec{0, -0.1 * a.long, a.high + 0.06 + bob}, vec{0, 0.42 * a.long, a.high + 0.13 + bob}, 0.15, 0.17, partTop})
	}
	for i, hip := range [4]vec{{-1, -1, 0}, {1, 1, 0}, {1, -1, 0}, {-1, 1, 0}} {
		phase := cycle + float64(i/2)*math.Pi
		swing, lift := 0.0, 0.0
		if m.speed > 0 {
			swing, lift = 0.34*a.high*math.Sin(phase), 0.14*a.high*math.Max(0, math.Cos(phase))
		}
		top := vec{hip.x * a.thick * 0.55, hip.y * a.long * 0.45, a.high - a.thick*0.3}
		foot := vec{top.x, top.y + swing, a.leg + lift}
		knee := top.to(foot, 0.5).add(vec{0, -hip.y * 0.06 * a.high, 0})
		out = append(out, bone{top, knee, a.leg * 1.9, a.leg * 1.1, partSkin}, bone{knee, foot, a.leg * 1.1, a.leg * 0.8, partTop})
	}
	look := 0.15 * math.Sin(now*0.8)
	head := front.add(vec{look * a.neck, a.neck * 0.7, a.neck * a.neckUp})
	out = append(out, bone{front, head, a.thick * 0.8, a.head, partSkin})
	out = append(out, bone{head, head.add(vec{look * a.snout, a.snout, -0.3 * a.snout}), a.head, a.head * 0.55, partSkin})
	for _, s := range [2]float64{-1, 1} {
		ear := head.add(vec{s * a.head * 0.6, -0.02, a.head * 0.7})
		out = append(out, bone{ear, ear.add(vec{s * 0.02, -0.01, a.head * 0.8}), a.head * 0.25, a.head * 0.08, partTop})
	}
	wag := 0.3 * math.Sin(now*7)
	return append(out, bone{back, back.add(vec{wag * a.tail, -0.8 * a.tail, 0.35 * a.tail}), a.thick * 0.25, a.thick * 0.14, partTop})
}

func (p *player) roam(r *Renderer, m *moment, now float64) *thing {
	state := truth.StateStanding
	switch m.act.word {
	case ActWalk:
		state = truth.StateWalking
	case ActRun:
		state = truth.StateRunning
	}
	t := p.begin(r, 0, m, bongsu.ClassAnimal, p.animal.kind, state)
	p.buffer = p.animal.bones(m, now, p.buffer)
	t.bones, t.colors, t.rough = p.buffer, p.animal.color[:], 0.5
	t.base = p.animal.long * 0.5
	t.footprint = capsuleOutline(vec{0, -p.animal.long / 2, 0}, vec{0, p.animal.long / 2, 0}, p.animal.thick, p.animal.thick)
	return t
}

// bag is a bag or a piece of litter: who has it changes.
type bag struct {
	size   float64
	litter bool
	color  [parts]vec
	owner  *player
	turns  []turnOver
	shape  int
	form   []bone // of a bag of no kind, of a size of one metre
	junk   int    // 1 more than a shape of junk; 0: none
	lean   float64
}

// turnOver is a moment at which a bag is put down or taken up.
type turnOver struct {
	at   float64
	who  *player
	take bool
}

func sortTurns(t []turnOver) {
	slices.SortFunc(t, func(a, b turnOver) int {
		switch {
		case a.at < b.at:
			return -1
		case a.at > b.at:
			return 1
		}
		return 0
	})
}

func newBag(c *chance, a *Actor) *bag {
	b := &bag{size: a.SizeM, litter: a.Kind == KindLitter, shape: c.pick(2)}
	if b.size == 0 {
		b.size = 0.45
		if b.litter {
			b.size = 0.16
		}
	}
	col := vary(clothes[c.pick(len(clothes))], c)
	if b.litter {
		col = grey(c.between(0.3, 0.6))
	}
	if a.Look != nil {
		if n, ok := named[a.Look.Color]; ok {
			col = n
		}
	}
	b.color = [parts]vec{partSkin: col, partTop: col.mul(0.7), partHair: grey(0.03)}
	return b
}

// whereabouts tells who holds the bag at now, and where and since when it lies if nobody does.
func (b *bag) whereabouts(now float64) (holder *player, left *turnOver) {
	holder = b.owner
	for i := range b.turns {
		if b.turns[i].at > now {
			break
		}
		left = &b.turns[i]
		if holder = nil; left.take {
			holder, left = left.who, nil
		}
	}
	return holder, left
}

func (p *player) lieAbout(r *Renderer, now float64) *thing {
	b := p.bag
	holder, left := b.whereabouts(now)
	m := moment{act: &act{}, at: vec{p.actor.At.X(), p.actor.At.Y(), 0}, heading: p.actor.FacingDeg * math.Pi / 180}
	state := truth.StateLeft
	switch {
	case holder != nil:
		state = truth.StateCarried
		m = b.carried(holder, now)
	case left != nil:
		m = b.carried(left.who, left.at)
		m.at.z = 0
	}
	if holder == nil && left == nil {
		state = truth.StateParked // it has always been there
	}
	class, kind := bongsu.ClassBag, ""
	t := p.begin(r, 0, &m, class, kind, state)
	if b.litter {
		t.id = 0
	}
	t.bones, t.colors, t.base, t.rough = b.bones(p.buffer), b.color[:], b.size*0.5, 0.3
	p.buffer, t.panels = t.bones, b.otherPanels()
	if state == truth.StateCarried {
		t.base = 0
	}
	return t
}

// carried is where a bag hangs from a person's right hand.
func (b *bag) carried(who *player, now float64) moment {
	m := who.time.at(now)
	s, c := math.Sincos(m.heading)
	m.at = m.at.add(vec{0.30*c + 0.04*s, -0.30*s + 0.04*c, 0.28})
	if m.act.word == ActLeave || m.act.word == ActTake {
		m.at = m.at.add(vec{0.25 * s, 0.25 * c, -0.26 * math.Sin(math.Pi*m.share)})
		m.at.z = math.Max(0, m.at.z)
	}
	return m
}

func (b *bag) bones(out []bone) []bone {
	s := b.size
	out = out[:0]
	if b.junk > 0 {
		return b.junkBones(out)
	}
	if b.litter {
		return append(out, bone{vec{-s / 3, 0, s / 3}, vec{s / 3, 0.05, s / 4}, s / 3, s / 4, partSkin})
	}
	if b.shape > 1 {
		return b.otherBones(out)
	}
	if b.shape == 0 { // a sports bag
		return append(out, bone{vec{-s * 0.4, 0, s * 0.3}, vec{s * 0.4, 0, s * 0.3}, s * 0.3, s * 0.3, partSkin},
			bone{vec{-s * 0.25, 0, s * 0.55}, vec{0, 0, s * 0.8}, 0.015, 0.015, partHair}, bone{vec{s * 0.25, 0, s * 0.55}, vec{0, 0, s * 0.8}, 0.015, 0.015, partHair},
			bone{vec{-s * 0.12, 0, s * 0.31}, vec{s * 0.12, 0, s * 0.31}, s * 0.305, s * 0.305, partTop})
	}
	return append(out, bone{vec{-s * 0.2, 0, s * 0.28}, vec{-s * 0.2, 0, s * 0.75}, s * 0.26, s * 0.22, partSkin}, // a rucksack
		bone{vec{s * 0.2, 0, s * 0.28}, vec{s * 0.2, 0, s * 0.75}, s * 0.26, s * 0.22, partSkin},
		bone{vec{0, s * 0.2, s * 0.25}, vec{0, s * 0.2, s * 0.45}, s * 0.18, s * 0.16, partTop})
}
