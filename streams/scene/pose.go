package scene

import "math"

// stride is how far a person gets with two steps at a speed.
func stride(height, speed float64) float64 { return height * (0.52 + 0.24*speed) }

// strike poses a person for a moment. now lets those who stand sway.
func (p *person) strike(m *moment, now float64) pose {
	q := pose{}
	switch m.act.word {
	case ActWalk, ActRun:
		p.stepping(&q, m)
	case ActDrive:
		riding(&q, m)
	case ActSit:
		q.sit(smooth(0, 0.9, m.age))
	case ActCrouch:
		q.crouch(smooth(0, 0.6, m.age))
	case ActLeave, ActTake:
		q.crouch(math.Sin(math.Pi * m.share))
		q.shoulder[1], q.elbow[1] = lerp(0.1, 0.9, math.Sin(math.Pi*m.share)), 0.2
	case ActFall:
		p.falling(&q, smooth(0, 1, m.share), now)
	case ActLie:
		p.falling(&q, 1, now)
	case ActRise:
		p.rising(&q, m.share, now)
	case ActFight:
		p.fighting(&q, m.age)
	case ActClimb:
		q.climb(m.share)
	default:
		p.idle(&q, now)
	}
	q.lift += m.lift
	return q
}

// stepping is the gait, after the curves in Winter, "The Biomechanics and Motor Control of Human
// Gait": while a foot bears the body its leg goes back as fast as the body goes ahead, then it
// swings to the front with a bent knee. Legs are half a cycle apart, arms against them.
func (p *person) stepping(q *pose, m *moment) {
	s := stride(p.height, m.speed)
	cycle := m.run/s + p.phase
	fast := smooth(1.9, 3.2, m.speed)
	stance := lerp(0.6, 0.38, fast)
	reach := clamp(stance*s/2/(0.49*p.height), 0, 0.8) // sine of the leg's largest angle
	for i := range 2 {
		u := cycle + float64(i)/2
		u -= math.Floor(u)
		sin := math.Cos(2 * math.Pi * u) // 1 when the leg is in front
		bent := 0.0
		if u < stance {
			q.hip[i] = math.Asin(reach * (1 - 2*u/stance))
		} else {
			w := (u - stance) / (1 - stance)
			q.hip[i] = math.Asin(reach * (2*smooth(0, 1, w) - 1))
			bent = math.Pow(math.Sin(math.Pi*math.Pow(w, 0.8)), 1.3)
			q.hip[i] += 0.35 * bent
		}
		q.knee[i] = 0.06 + lerp(1.0, 1.8, fast)*bent + 0.22*fast
		q.hip[i] += 0.03 + 0.10*fast
		q.shoulder[i] = -0.42*p.gait*sin + 0.02
		q.elbow[i] = lerp(0.22+0.18*math.Max(0, -sin), 1.45+0.2*sin, fast)
		q.out[i] = 0.05
	}
	q.lean = 0.04 + 0.16*fast
	q.twist = 0.09 * math.Cos(2*math.Pi*cycle)
	q.lift = fast * 0.05 * math.Abs(math.Sin(2*math.Pi*cycle+0.6))
}

func riding(q *pose, m *moment) {
	turn := 2 * math.Pi * m.run / 4.8
	for i := range 2 {
		a := turn + float64(i)*math.Pi
		q.hip[i] = 1.05 + 0.36*math.Sin(a)
		q.knee[i] = 1.35 + 0.45*math.Sin(a+0.6)
		q.shoulder[i], q.elbow[i], q.out[i] = 0.92, 0.25, 0.05
	}
	q.lean = 0.42
}

func (p *person) idle(q *pose, now float64) {
	a := now*0.9 + 10*p.phase
	for i, sgn := range [2]float64{-1, 1} {
		q.hip[i], q.knee[i] = 0.03*math.Sin(a), 0.05
		q.shoulder[i], q.elbow[i] = 0.05+0.06*math.Sin(0.7*a+sgn), 0.18+0.08*math.Sin(0.4*a)
		q.spread[i], q.out[i] = 0.06, 0.06
	}
	q.twist = 0.22 * math.Sin(0.33*a)
	q.lean = 0.03 + 0.02*math.Sin(a)
	q.head = 0.12 * math.Sin(0.21*a)
	if p.phase > 0.6 { // looks at a phone
		q.shoulder[1], q.elbow[1], q.head = 0.55, 1.75, 0.45
	}
}

func (q *pose) sit(k float64) {
	for i := range 2 {
		q.hip[i], q.knee[i] = 1.45*k, 1.5*k
		q.shoulder[i], q.elbow[i], q.spread[i] = 0.45*k, 0.6*k, 0.1*k
	}
	q.lean = 0.12 * k
}

func (q *pose) crouch(k float64) {
	for i := range 2 {
		q.hip[i], q.knee[i], q.spread[i] = 1.75*k, 2.2*k, 0.15*k
		q.shoulder[i], q.elbow[i] = 0.7*k, 0.4*k
	}
	q.lean = 0.75 * k
	q.head = -0.2 * k
}

// Ways to fall.
const (
	ontoFront = iota
	ontoBack
	ontoSide
)

// falling goes from standing (0) to lying (1): the knees give way, then the body goes over. Some
// fall forwards, some to the side, some on their backs.
func (p *person) falling(q *pose, k, now float64) {
	over, way := smooth(0.25, 1, k), int(p.phase*997)%3
	switch way {
	case ontoFront:
		q.pitch = 1.5 * over
	case ontoBack:
		q.pitch = -1.5 * over
	default:
		q.roll = 1.5 * over
	}
	give := math.Sin(math.Pi * clamp(k*1.1, 0, 1))
	for i := range 2 {
		rest := lying(way, i, i == int(p.phase*31)%2)
		q.hip[i], q.knee[i] = 0.7*give+rest.hip*k, 1.2*give+rest.knee*k
		q.shoulder[i], q.elbow[i] = 0.9*give+rest.shoulder*k, rest.elbow*k
		q.spread[i], q.out[i], q.toe[i] = rest.spread*k, rest.out*k, rest.toe*k
	}
	if k == 1 { // breathes, and moves an arm a little
		q.elbow[0] += 0.06 * math.Sin(now*1.1)
	}
}

// limbs are the angles of one arm and one leg, as in a pose.
type limbs struct{ hip, knee, spread, toe, shoulder, elbow, out float64 }

// lying is how an arm and a leg rest on the ground: on the front one arm lies beside the head and
// the feet are stretched, on the back one knee stands up, on the side all is kept together.
func lying(way, i int, one bool) limbs {
	switch {
	case way == ontoSide:
		return limbs{hip: 0.55 - 0.25*float64(i), knee: 0.8 - 0.4*float64(i), spread: 0.04, shoulder: 0.5 - 0.3*float64(i), elbow: 0.5}
	case way == ontoFront && one:
		return limbs{hip: 0.03, knee: 0.05, spread: 0.32, toe: 1.35, shoulder: 2.75, elbow: 0.3, out: -0.55}
	case way == ontoFront:
		return limbs{hip: 0.03, knee: 0.05, spread: 0.1, toe: 1.35, shoulder: 0.1, elbow: 0.05, out: 0.45}
	case one:
		return limbs{hip: 0.72, knee: 1.4, spread: 0.1, toe: 0.9, shoulder: 0.05, elbow: 0.1, out: 0.95}
	}
	return limbs{hip: 0.03, knee: 0.05, spread: 0.16, shoulder: 0.05, elbow: 0.2, out: 0.35}
}

func (p *person) rising(q *pose, share, now float64) {
	p.falling(q, 1-smooth(0, 0.75, share), now)
	var c pose
	c.crouch(math.Sin(math.Pi * clamp(share*1.2-0.2, 0, 1)))
	for i := range 2 {
		q.hip[i], q.knee[i] = math.Max(q.hip[i], c.hip[i]), math.Max(q.knee[i], c.knee[i])
	}
}

// fighting lunges, punches with alternate arms and gives way.
func (p *person) fighting(q *pose, age float64) {
	a := age*5.2 + 6*p.phase
	hit := [2]float64{math.Pow(math.Max(0, math.Sin(a)), 3), math.Pow(math.Max(0, math.Sin(a+2.4)), 3)}
	for i, sgn := range [2]float64{-1, 1} {
		q.shoulder[i] = 0.9 + 0.75*hit[i]
		q.elbow[i] = 1.9 - 1.75*hit[i]
		q.out[i] = 0.25 - 0.15*hit[i]
		q.hip[i] = sgn*0.42 + 0.22*math.Sin(a*0.5)
		q.knee[i] = 0.35 + 0.25*math.Sin(a*0.5+sgn)
		q.spread[i] = 0.14
	}
	q.twist = 0.5 * (hit[0] - hit[1])
	q.lean = 0.22 + 0.25*math.Sin(a*0.47)
	q.head = 0.1
}

// climb pulls itself up by the arms, crouches on top with the hands before the feet, jumps down with
// the arms held out and lands on bent knees.
func (q *pose) climb(k float64) {
	pull := smooth(0, 0.12, k) * (1 - smooth(0.28, 0.42, k))
	top := smooth(0.3, 0.44, k) * (1 - smooth(0.6, 0.72, k))
	down := smooth(0.62, 0.74, k) * (1 - smooth(0.88, 0.95, k))
	land := smooth(0.9, 0.95, k) * (1 - smooth(0.96, 1, k))
	work := math.Sin(k * 40)
	for i, sgn := range [2]float64{-1, 1} {
		q.shoulder[i] = (1.9+0.2*sgn*work)*pull + 0.75*top + 0.5*down + 0.4*land
		q.elbow[i] = (0.7-0.3*sgn*work)*pull + 0.1*top + 0.5*down
		q.out[i] = 0.2*top + 0.8*down
		q.hip[i] = (0.8-0.5*sgn*work)*pull + (1.9+0.2*sgn)*top + 0.6*down + 1.2*land
		q.knee[i] = (1.3-0.5*sgn*work)*pull + (2.1+0.2*sgn)*top + 0.9*down + 1.6*land
		q.spread[i] = 0.2*pull + 0.3*top
	}
	q.lean = 0.15*pull + 0.85*top + 0.5*land
}
