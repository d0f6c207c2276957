package scene

import "math"

// vec is a place or direction in metres (x to the right of the camera, y away from it, z up), or a
// colour in linear light (x red, y green, z blue).
type vec struct{ x, y, z float64 }

func (a vec) add(b vec) vec           { return vec{a.x + b.x, a.y + b.y, a.z + b.z} }
func (a vec) sub(b vec) vec           { return vec{a.x - b.x, a.y - b.y, a.z - b.z} }
func (a vec) mul(k float64) vec       { return vec{a.x * k, a.y * k, a.z * k} }
func (a vec) times(b vec) vec         { return vec{a.x * b.x, a.y * b.y, a.z * b.z} }
func (a vec) dot(b vec) float64       { return a.x*b.x + a.y*b.y + a.z*b.z }
func (a vec) len() float64            { return math.Sqrt(a.dot(a)) }
func (a vec) luma() float64           { return 0.299*a.x + 0.587*a.y + 0.114*a.z }
func (a vec) to(b vec, t float64) vec { return a.add(b.sub(a).mul(t)) }

func (a vec) cross(b vec) vec {
	return vec{a.y*b.z - a.z*b.y, a.z*b.x - a.x*b.z, a.x*b.y - a.y*b.x}
}

func (a vec) unit() vec {
	l := a.len()
	if l == 0 {
		return vec{0, 0, 1}
	}
	return a.mul(1 / l)
}

// grey is a colour without hue.
func grey(v float64) vec { return vec{v, v, v} }

// turn rotates a about the vertical so that what pointed away from the camera points to heading
// (radians, clockwise seen from above).
func (a vec) turn(heading float64) vec {
	s, c := math.Sincos(heading)
	return vec{a.x*c + a.y*s, a.y*c - a.x*s, a.z}
}

func clamp(v, lo, hi float64) float64 { return math.Max(lo, math.Min(hi, v)) }

// smooth goes from 0 to 1 as v goes from lo to hi, without corners.
func smooth(lo, hi, v float64) float64 {
	t := clamp((v-lo)/(hi-lo), 0, 1)
	return t * t * (3 - 2*t)
}

func lerp(a, b, t float64) float64 { return a + (b-a)*t }

// mix64 is the finaliser of SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number
// generators", 2014): every chance in a scene is a pure function of the seed and of names.
func mix64(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// chance is a stream of random numbers that a name under a seed has.
type chance struct{ state uint64 }

func newChance(seed uint64, name string) *chance {
	h := mix64(seed)
	for _, c := range []byte(name) {
		h = mix64(h ^ uint64(c))
	}
	return &chance{h}
}

func (c *chance) next() uint64 {
	c.state++
	return mix64(c.state * 0x9e3779b97f4a7c15)
}

// float is in [0, 1).
func (c *chance) float() float64 { return float64(c.next()>>11) / (1 << 53) }

func (c *chance) between(lo, hi float64) float64 { return lo + (hi-lo)*c.float() }

func (c *chance) pick(n int) int { return int(c.next() % uint64(n)) }

// rnd is the number in [0, 1) at a place of a grid.
func rnd(seed uint32, x, y int32) float64 {
	h := uint32(x)*0x85ebca6b ^ uint32(y)*0xc2b2ae35 ^ seed*0x27d4eb2f
	h ^= h >> 15
	h *= 0x2c1b3c6d
	h ^= h >> 12
	h *= 0x297a2d39
	h ^= h >> 15
	return float64(h>>8) / (1 << 24)
}

// noise is value noise in 0..1: random numbers on a grid of step 1, smooth between.
func noise(seed uint32, x, y float64) float64 {
	fx, fy := math.Floor(x), math.Floor(y)
	ix, iy := int32(fx), int32(fy)
	tx, ty := x-fx, y-fy
	tx, ty = tx*tx*(3-2*tx), ty*ty*(3-2*ty)
	a, b := rnd(seed, ix, iy), rnd(seed, ix+1, iy)
	c, d := rnd(seed, ix, iy+1), rnd(seed, ix+1, iy+1)
	return lerp(lerp(a, b, tx), lerp(c, d, tx), ty)
}

// octaves sums noise from the wavelength size (metres) down, and leaves out what is finer than
// foot, the size of a pixel there. The result is about -1..1.
func octaves(seed uint32, x, y, size, foot float64, n int) float64 {
	sum, amp := 0.0, 0.5
	for i := range n {
		fade := clamp(size/(2*foot)-0.5, 0, 1)
		if fade == 0 {
			break
		}
		sum += amp * fade * (2*noise(seed+uint32(i)*77, x/size, y/size) - 1)
		amp, size = amp*0.6, size/2.3
	}
	return sum
}
