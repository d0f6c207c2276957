package rules

import (
	"math"

	"bongsu"
)

// bodyHeight is that of a person, metres, where nothing better is known.
const bodyHeight = 1.7

// foreshortened is by how much farther, in metres, a way up the picture leads than a way across it,
// where no ground plane says so: a camera that looks down by half a right angle's third.
const foreshortened = 2

// metres is how far two places on the ground lie apart. Without a ground plane it is guessed from
// the height in the picture of a person who stands there.
func (s *Set) metres(a, b bongsu.Point, tall float32) float32 {
	if d, ok := s.o.Ground.Distance(a, b); ok {
		return float32(d)
	}
	if tall <= 0 {
		return math.MaxFloat32
	}
	dx, dy := (a.X-b.X)*s.aspect, (a.Y-b.Y)*foreshortened
	return float32(math.Hypot(float64(dx), float64(dy))) / tall * bodyHeight
}

// standing is how much of the picture's height a person takes who stands at p; 0 when nobody knows.
func (s *Set) standing(p bongsu.Point) float32 {
	per, ok := s.o.Ground.PerMetre(p)
	if !ok {
		return 0
	}
	return float32(per) * bodyHeight
}

// tall is how much of the picture's height a person takes who stands where g is: by the ground plane,
// or as g itself is.
func (s *Set) tall(g *subject) float32 {
	if h := s.standing(g.foot()); h > 0 {
		return h
	}
	if g.track.Class.Is(bongsu.ClassPerson) {
		return max(g.upright, g.track.Box.Height())
	}
	return 0
}
