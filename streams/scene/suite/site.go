package suite

import (
	"hash/fnv"
	"math"
	"math/rand/v2"

	"bongsu"
	"bongsu/streams/scene"
)

// dice are the chances of one clip.
type dice struct{ *rand.Rand }

// newDice gives the dice of what the words name, under a seed.
func newDice(seed uint64, words ...string) dice {
	h := fnv.New64a()
	for _, w := range words {
		h.Write([]byte(w + "\x00"))
	}
	return dice{rand.New(rand.NewPCG(seed, h.Sum64()))}
}

func (d dice) between(lo, hi float64) float64 { return lo + (hi-lo)*d.Float64() }

func (d dice) maybe(p float64) bool { return d.Float64() < p }

// side is -1 or 1.
func (d dice) side() float64 { return float64(2*d.IntN(2) - 1) }

func pick[T any](d dice, of ...T) T { return of[d.IntN(len(of))] }

// Size and rate of all clips.
const (
	widthPX  = 640
	heightPX = 360
	fps      = 5
)

// tall is a person's height, metres.
const tall = 1.68

// site is a place that is being laid out around its hub, where things happen. Its own axes lie at the
// hub, x to the right and y away from the camera, and are turned a little.
type site struct {
	dice
	s    *scene.Scene
	hub  scene.Place
	turn float64 // radians
	away float64 // metres from the camera's foot to the hub
	wide float64 // metres that the picture shows at the hub
	zw   float64 // half the zone's width, metres
	zd   float64 // half its depth

	road    *road    // of places with one
	names   []string // of distractors that are there
	rules   []bongsu.Rule
	room    bool    // no sky over it
	walled  bool    // a wall that one can climb stands behind the zone
	n       int     // of actors so far
	seconds float64 // length of the clip
	opens   float64 // seconds after 23:00 at which the clip begins; 0: nobody asks
	inward  bool    // the line must not be crossed away from the camera
	comes   float64 // the side from which one may drive
	flow    float64 // metres a second of those who drive there
}

// aim hangs the camera so that a person at the hub is rows high of a picture of 360 rows.
func (s *site) aim(away, rows float64) {
	c := &s.s.Camera
	c.WidthPX, c.HeightPX, c.FPS = widthPX, heightPX, fps
	c.HeightM = s.between(0.30, 0.40)*away + s.between(0, 1)
	c.HeightM = math.Min(9.5, math.Max(3.6, c.HeightM))
	slant := math.Hypot(away, c.HeightM-tall/2)
	down := math.Atan2(c.HeightM-tall/2, away)
	focal := rows * slant / (tall * math.Cos(down))
	c.FocalMM = math.Min(12, math.Max(2.6, focal*5.37/widthPX))
	focal = c.FocalMM / 5.37 * widthPX
	low := s.between(0.02, 0.10)
	c.TiltDeg = (math.Atan2(c.HeightM, away) - math.Atan(low*heightPX/focal)) * 180 / math.Pi
	c.TiltDeg = math.Max(4, c.TiltDeg)
	c.RollDeg = s.between(-0.6, 0.6)
	c.Distortion = -s.between(0, 0.04)
	c.Noise, c.Shutter = s.between(0.6, 1.2), s.between(0.15, 0.4)
	s.away, s.hub = away, scene.Place{s.between(-0.06, 0.06) * away, away}
	s.wide = widthPX / focal * slant
	s.zw = s.between(0.19, 0.27) * s.wide
	s.zd = math.Max(2.6, math.Min(s.between(0.17, 0.26)*away, 5))
}

// at turns a place of the site's own axes into the scene's.
func (s *site) at(x, y float64) scene.Place {
	sn, cs := math.Sincos(s.turn)
	return scene.Place{s.hub.X() + x*cs + y*sn, s.hub.Y() + y*cs - x*sn}
}

// in is a place of the zone: -1..1 across and -1..1 away.
func (s *site) in(u, v float64) scene.Place { return s.at(u*s.zw, v*s.zd) }

// edge is a place outside the picture, beyond its left (-1) or right (1) side, at y of the site's own axes.
func (s *site) edge(side, y float64) scene.Place {
	x := side * 0.4 * s.wide
	for range 200 {
		p := s.at(x, y)
		if q, depth := s.s.Camera.OnPicture(p, 0.9); depth < 1 || q.X < -0.06 || q.X > 1.06 {
			break
		}
		x += side * 0.4
	}
	return s.at(x, y)
}

// near is how far before the hub, metres of the site's own axes, one still sees the feet of a person.
func (s *site) near() float64 {
	for y := -s.away; y < 0; y += 0.25 {
		if q, depth := s.s.Camera.OnPicture(s.at(0, y), 0); depth > 0.5 && q.Y < 0.97 {
			return y
		}
	}
	return 0
}

// below is a y of the site's own axes at x at which a person stands below the picture, head and all.
func (s *site) below(x float64) float64 {
	y := s.near()
	for ; y > -s.away-5; y -= 0.2 {
		if q, depth := s.s.Camera.OnPicture(s.at(x, y), 2.3); depth < 0.5 || q.Y > 1.03 {
			break
		}
	}
	return y
}

// front is a y before the zone: gap metres from it, as far as the picture reaches.
func (s *site) front(gap float64) float64 { return math.Max(-s.zd-gap, s.near()+0.3) }

// roomBefore tells how many metres one sees before the zone.
func (s *site) roomBefore() float64 { return -s.zd - s.near() }

func (s *site) add(st scene.Structure) { s.s.Structures = append(s.s.Structures, st) }

func (s *site) actor(a scene.Actor) *scene.Actor {
	s.s.Actors = append(s.s.Actors, a)
	return &s.s.Actors[len(s.s.Actors)-1]
}

// toTheRight and so on are headings of the scene.
func (s *site) degrees(more float64) float64 { return s.turn*180/math.Pi + more }

func (s *site) area(material string, kerb bool, pts ...scene.Place) {
	s.s.Ground.Areas = append(s.s.Ground.Areas, scene.GroundArea{Material: material, Polygon: pts, Kerb: kerb})
}

// band is a strip across the site from y0 to y1.
func (s *site) band(material string, y0, y1 float64, kerb bool) {
	s.area(material, kerb, s.at(-80, y0), s.at(80, y0), s.at(80, y1), s.at(-80, y1))
}

func (s *site) line(color string, width, dash float64, pts ...scene.Place) {
	s.s.Ground.Marks = append(s.s.Ground.Marks, scene.Mark{Path: pts, WidthM: width, Color: color, DashM: dash})
}

// name notes a distractor.
func (s *site) name(word string) {
	for _, n := range s.names {
		if n == word {
			return
		}
	}
	s.names = append(s.names, word)
}

// polygon puts corners of the ground on the picture, on the grid that zone maps have. ok is false when one
// lies outside.
func (s *site) polygon(pts ...scene.Place) (out [][2]float32, ok bool) {
	for _, p := range pts {
		q, depth := s.s.Camera.OnPicture(p, 0)
		if depth < 0.5 || q.X < 0 || q.X > 1 || q.Y < 0 || q.Y > 1 {
			return nil, false
		}
		out = append(out, grid(q.X, q.Y))
	}
	return out, true
}

// grid rounds a place of the picture to the pixels of zone maps.
func grid(x, y float32) [2]float32 {
	round := func(v, side float32) float32 {
		return float32(math.Round(float64(min(max(v, 0), 1)*side))) / side
	}
	return [2]float32{round(x, 1280), round(y, 720)}
}

// clipped is the polygon between two sides of the picture: corners beyond it are brought to its edge.
func (s *site) clipped(pts ...scene.Place) [][2]float32 {
	var out [][2]float32
	for _, p := range pts {
		q, _ := s.s.Camera.OnPicture(p, 0)
		g := grid(min(max(q.X, 0.01), 0.99), min(max(q.Y, 0.01), 0.985))
		if len(out) == 0 || out[len(out)-1] != g {
			out = append(out, g)
		}
	}
	return out
}

func dist(a, b scene.Place) float64 { return math.Hypot(a.X()-b.X(), a.Y()-b.Y()) }

func points(poly [][2]float32) []bongsu.Point {
	out := make([]bongsu.Point, len(poly))
	for i, p := range poly {
		out[i] = bongsu.Point{X: p[0], Y: p[1]}
	}
	return out
}

// corners are those of the zone on the ground.
func (s *site) corners() []scene.Place {
	return []scene.Place{s.in(-1, -1), s.in(-1, 1), s.in(1, 1), s.in(1, -1)}
}

// guard draws the zone and gives the camera its rule.
func (s *site) guard(kind string, event bongsu.EventKind, poly [][2]float32, classes ...bongsu.Class) (*scene.Zone, *bongsu.Rule) {
	s.s.Zones = append(s.s.Zones, scene.Zone{Name: "zone", Kind: kind, Polygon: poly})
	s.rules = append(s.rules, bongsu.Rule{ID: bongsu.RuleID(event), Kind: event, Priority: bongsu.DefaultPriority(event), Zone: points(poly), Classes: classes})
	return &s.s.Zones[len(s.s.Zones)-1], &s.rules[len(s.rules)-1]
}

// all is nearly the whole picture below the horizon: where what happens anywhere counts.
func (s *site) all() [][2]float32 {
	top := float32(0.04)
	for y := float32(0.9); y > 0.04; y -= 0.02 {
		if q, depth := s.s.Camera.OnPicture(s.at(0, s.zd+25), 0); depth > 0 && y < q.Y {
			top = y
			break
		}
	}
	return [][2]float32{grid(0.02, top), grid(0.98, top), grid(0.98, 0.98), grid(0.02, 0.98)}
}
