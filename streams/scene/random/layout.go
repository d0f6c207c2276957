package random

import (
	"math"

	"bongsu/streams/scene"
)

// site is a place that is being laid out. Its own axes are turned about a point of the ground, so
// that no wall and no road keeps to the camera's.
type site struct {
	dice
	scene *scene.Scene
	turn  float64 // radians
	hub   scene.Place
	room  bool // walls are all around and near: none is in the way
}

// layouts are the kinds of place.
var layouts = []func(*site){(*site).street, (*site).yard, (*site).plaza, (*site).forecourt, (*site).park, (*site).hall, (*site).carPark, (*site).alley, (*site).jumble, (*site).chamber}

var (
	grounds = []string{"asphalt", "paving", "grass", "dirt", "concrete", "tile"}
	hard    = []string{"asphalt", "paving", "concrete", "tile"}
	walls   = []string{"brick", "plaster", "concrete", "metal", "wood"}
	colors  = []string{"", "red", "blue", "white", "yellow", "green", "black", "purple"}
)

// at turns a place of the site's own axes into the scene's.
func (s *site) at(x, y float64) scene.Place {
	sn, cs := math.Sincos(s.turn)
	return scene.Place{s.hub.X() + x*cs + y*sn, s.hub.Y() + y*cs - x*sn}
}

// begin turns the site by up to most degrees about where the camera looks.
func (s *site) begin(base string, most float64) {
	c := &s.scene.Camera
	away := c.HeightM / math.Tan(c.TiltDeg*math.Pi/180)
	s.hub = scene.Place{0, math.Min(away, 25)}
	s.turn = s.between(-most, most) * math.Pi / 180
	s.scene.Ground.Base = base
}

func (s *site) add(st scene.Structure) { s.scene.Structures = append(s.scene.Structures, st) }

func (s *site) area(material string, kerb bool, pts ...scene.Place) {
	s.scene.Ground.Areas = append(s.scene.Ground.Areas, scene.GroundArea{Material: material, Polygon: pts, Kerb: kerb})
}

// band is a strip of ground across the site from y0 to y1 of its own axes.
func (s *site) band(material string, y0, y1 float64, kerb bool) {
	s.area(material, kerb, s.at(-90, y0), s.at(90, y0), s.at(90, y1), s.at(-90, y1))
}

func (s *site) line(color string, width, dash float64, pts ...scene.Place) {
	s.scene.Ground.Marks = append(s.scene.Ground.Marks, scene.Mark{Path: pts, WidthM: width, Color: color, DashM: dash})
}

// degrees is the site's turn plus more.
func (s *site) degrees(more float64) float64 { return s.turn*180/math.Pi + more }

// clear reports whether a place is far enough from the camera for something to stand there.
func clear(p scene.Place, most float64) bool {
	return math.Hypot(p.X(), p.Y()) > most && math.Abs(p.Y()) < 120 && math.Abs(p.X()) < 120
}

// houses stand in a row at y of the site's own axes.
func (s *site) houses(y float64) {
	for x := -60 + s.between(-5, 5); x < 60; {
		w, deep := s.between(8, 26), s.between(6, 14)
		st := scene.Structure{Kind: scene.StructureBuilding, At: s.at(x+w/2, y+deep/2+s.between(0, 3)), WidthM: w, DepthM: deep,
			HeightM: s.log(4, 22), YawDeg: s.degrees(0), Material: pick(s.dice, walls...), Blind: s.maybe(0.25)}
		if clear(st.At, deep/2+w/2+3) && s.maybe(0.85) {
			s.add(st)
		}
		x += w + s.between(-0.5, 5)
	}
}

// scatter puts up to n small things between y0 and y1 of the site's own axes.
func (s *site) scatter(n int, y0, y1 float64, kinds ...string) {
	for range s.IntN(n + 1) {
		p := s.at(s.between(-18, 18), s.between(y0, y1))
		if !clear(p, 3.5) {
			continue
		}
		s.put(pick(s.dice, kinds...), p)
	}
}

// put sets up one small structure of a usual size.
func (s *site) put(kind string, p scene.Place) {
	st := scene.Structure{Kind: kind, At: p, YawDeg: s.degrees(pick(s.dice, 0.0, 90, s.between(0, 180)))}
	switch kind {
	case scene.StructureLamp:
		st.HeightM, st.Color = s.between(4, 8.5), pick(s.dice, "", "sodium")
	case scene.StructurePole:
		st.HeightM = s.between(0.8, 7)
	case scene.StructureTree:
		st.HeightM = s.between(2.5, 9)
	case scene.StructureFlag:
		st.HeightM, st.Color = s.between(4, 9), pick(s.dice, colors[1:]...)
	case scene.StructurePoster:
		st.WidthM, st.HeightM, st.Material = s.between(0.8, 2.2), s.between(1.2, 2.6), pick(s.dice, walls...)
		st.YawDeg = s.between(-50, 50)
	case benchKind:
		st.Kind, st.WidthM, st.DepthM, st.HeightM, st.Material = scene.StructureBlock, s.between(1.4, 2.4), s.between(0.4, 0.6), s.between(0.4, 0.5), pick(s.dice, "wood", "concrete", "metal")
	case scene.StructureBlock:
		st.WidthM, st.DepthM, st.HeightM, st.Material = s.log(0.4, 4), s.log(0.4, 2), s.log(0.3, 2.4), pick(s.dice, walls...)
	case scene.StructureHedge:
		a := s.between(0, 2*math.Pi)
		l := s.between(1, 7)
		st.HeightM, st.Path = s.between(0.5, 1.8), []scene.Place{p, {p.X() + l*math.Cos(a), p.Y() + l*math.Sin(a)}}
		if !clear(st.Path[1], 3.5) {
			return
		}
	}
	s.add(st)
}

// benchKind is a block to sit on.
const benchKind = "bench"

// wall draws a wall, fence or hedge between two places.
func (s *site) wall(kind string, height float64, pts ...scene.Place) {
	for _, p := range pts {
		if math.Abs(p.X()) > 280 || math.Abs(p.Y()) > 280 {
			return
		}
	}
	s.add(scene.Structure{Kind: kind, Path: pts, HeightM: height, Material: pick(s.dice, walls...)})
}

func (s *site) street() {
	s.begin(pick(s.dice, hard...), 40)
	if s.maybe(0.3) {
		s.turn += math.Pi / 2 * s.between(0.8, 1.2)
	}
	half := s.between(2.6, 8)
	s.band(pick(s.dice, "asphalt", "asphalt", "concrete"), -half, half, s.maybe(0.8))
	s.line(pick(s.dice, "yellow", "white"), 0.13, pick(s.dice, 0, 0, 3.0), s.at(-90, 0), s.at(90, 0))
	for _, k := range []float64{-0.95, 0.95, -0.5, 0.5} {
		if s.maybe(0.7) {
			s.line("white", 0.12, pick(s.dice, 0, 3.0), s.at(-90, k*half), s.at(90, k*half))
		}
	}
	if s.maybe(0.35) { // a crossing
		x := s.between(-6, 6)
		for i := range 6 {
			y := -half + (float64(i)+0.5)*half/3
			s.line("white", half/6, 0, s.at(x-1.6, y), s.at(x+1.6, y))
		}
	}
	walk := half + s.between(2.5, 7)
	if s.maybe(0.4) {
		s.band(pick(s.dice, grounds...), walk, walk+20, s.maybe(0.5))
	}
	s.houses(walk + s.between(0, 4))
	s.scatter(5, half+0.6, walk, scene.StructureLamp, scene.StructureTree, scene.StructurePole, scene.StructurePoster, benchKind)
	s.scatter(3, -walk, -half-0.6, scene.StructureLamp, scene.StructureTree, scene.StructurePole)
}

func (s *site) yard() {
	s.begin(pick(s.dice, "concrete", "asphalt", "dirt", "paving"), 60)
	deep := s.between(4, 16)
	s.band(pick(s.dice, grounds...), deep, deep+60, false)
	s.wall(pick(s.dice, scene.StructureWall, scene.StructureFence, scene.StructureHedge), s.between(1.1, 2.6), s.at(-s.between(6, 30), deep), s.at(s.between(6, 30), deep))
	if s.maybe(0.5) {
		x := pick(s.dice, -1.0, 1) * s.between(5, 14)
		s.wall(pick(s.dice, scene.StructureWall, scene.StructureFence), s.between(1.1, 2.4), s.at(x, deep), s.at(x, -4))
	}
	if s.maybe(0.7) {
		s.houses(deep + s.between(4, 15))
	}
	s.scatter(7, -6, deep-0.8, scene.StructureBlock, scene.StructureBlock, scene.StructurePole, scene.StructureLamp, benchKind)
	s.scatter(4, deep+1, deep+12, scene.StructureTree, scene.StructureHedge, scene.StructureLamp)
}

func (s *site) plaza() {
	s.begin(pick(s.dice, "paving", "tile", "concrete"), 90)
	if s.maybe(0.6) {
		x, y, r := s.between(-8, 8), s.between(-4, 9), s.between(2, 7)
		pts := make([]scene.Place, 10)
		for i := range pts {
			a := float64(i) * math.Pi / 5
			pts[i] = s.at(x+r*math.Sin(a), y+r*math.Cos(a))
		}
		s.area(pick(s.dice, grounds...), s.maybe(0.7), pts...)
	}
	if s.maybe(0.8) {
		s.houses(s.between(10, 26))
	}
	s.scatter(9, -6, 14, scene.StructureTree, scene.StructureFlag, scene.StructureLamp, benchKind, benchKind, scene.StructurePoster, scene.StructureBlock, scene.StructureHedge, scene.StructurePole)
}

func (s *site) forecourt() {
	s.begin(pick(s.dice, "tile", "paving", "concrete"), 30)
	far := s.between(6, 16)
	s.houses(far)
	for range s.IntN(6) {
		st := scene.Structure{Kind: scene.StructureBlock, At: s.at(s.between(-14, 14), s.between(-2, far-1)), WidthM: s.between(0.4, 0.9), HeightM: s.between(3, 6), Material: pick(s.dice, walls...), YawDeg: s.degrees(0)}
		st.DepthM = st.WidthM
		if clear(st.At, 4.5) {
			s.add(st)
		}
	}
	for _, y := range []float64{s.between(-4, 0), s.between(1, far-1)} {
		s.line(pick(s.dice, "yellow", "white", "blue", "red"), s.between(0.15, 0.45), pick(s.dice, 0, 0.4), s.at(-40, y), s.at(40, y))
	}
	s.scatter(8, -5, far-0.6, scene.StructurePoster, scene.StructurePoster, benchKind, scene.StructureBlock, scene.StructureLamp, scene.StructurePole)
}

func (s *site) park() {
	s.begin(pick(s.dice, "grass", "grass", "dirt"), 90)
	y, w := s.between(-4, 4), s.between(0.8, 2.5)
	s.band(pick(s.dice, "dirt", "paving", "asphalt", "concrete"), y-w, y+w, s.maybe(0.4))
	s.scatter(11, -8, 25, scene.StructureTree, scene.StructureTree, scene.StructureHedge, benchKind, scene.StructureLamp, scene.StructurePole)
	if s.maybe(0.4) {
		s.houses(s.between(18, 30))
	}
	if s.maybe(0.3) {
		s.wall(pick(s.dice, scene.StructureFence, scene.StructureWall), s.between(1, 2), s.at(-25, s.between(5, 12)), s.at(25, s.between(5, 12)))
	}
}

// hall is a place with walls all around and light without a sun.
func (s *site) hall() {
	s.begin(pick(s.dice, "tile", "concrete", "tile", "paving"), 45)
	s.scene.Weather = scene.Weather{Cloud: 1}
	s.scene.Lens.Drops, s.scene.Lens.Insects = 0, 0
	if t := &s.scene.Light.Time; *t == scene.TimeDawn || *t == scene.TimeEvening {
		*t = scene.TimeNoon
	}
	w, far, high := s.between(5, 14), s.between(5, 16), s.between(3, 5)
	high = math.Max(high, s.scene.Camera.HeightM+0.5)
	m := pick(s.dice, walls...)
	for _, b := range []struct{ x, y, w, d float64 }{{0, far + 1, 2*w + 4, 2}, {-w - 1, 0, 2, 2*far + 30}, {w + 1, 0, 2, 2*far + 30}} {
		st := scene.Structure{Kind: scene.StructureBuilding, At: s.at(b.x, b.y), WidthM: b.w, DepthM: b.d, HeightM: high, YawDeg: s.degrees(0), Material: m, Blind: s.maybe(0.6)}
		s.add(st)
	}
	s.scatter(8, -4, far-1, scene.StructureBlock, scene.StructurePoster, benchKind, benchKind, scene.StructurePole)
}

// chamber is a room of a house or an office, with furniture.
func (s *site) chamber() {
	c := &s.scene.Camera
	c.HeightM, c.TiltDeg = s.between(2.2, 2.7), s.between(14, 34)
	if s.scene.Look == LookHeldOut {
		c.HeightM = s.between(2.85, 3.05)
	}
	s.begin(pick(s.dice, "tile", "concrete", "paving", "dirt"), 30)
	s.room = true
	s.hub = scene.Place{0, 0}
	s.scene.Weather = scene.Weather{Cloud: 1}
	s.scene.Lens.Drops, s.scene.Lens.Insects = 0, 0
	if t := &s.scene.Light.Time; *t != scene.TimeNightIR {
		*t = pick(s.dice, scene.TimeMorning, scene.TimeNoon)
	}
	half, far, high := s.between(2.2, 4.5), s.between(4.5, 9), s.between(3.1, 3.5)
	m := pick(s.dice, "plaster", "plaster", "wood", "concrete", "brick")
	for _, b := range []struct{ x, y, w, d float64 }{{0, far + 0.2, 2*half + 1, 0.4}, {-half - 0.2, far / 2, 0.4, far + 6}, {half + 0.2, far / 2, 0.4, far + 6}} {
		s.add(scene.Structure{Kind: scene.StructureBlock, At: s.at(b.x, b.y), WidthM: b.w, DepthM: b.d, HeightM: high, YawDeg: s.degrees(0), Material: m})
	}
	for range s.IntN(4) { // pictures, doors and windows
		s.add(scene.Structure{Kind: scene.StructurePoster, At: s.at(s.between(-0.85, 0.85)*half, far-0.05), WidthM: s.between(0.5, 1.8), HeightM: s.between(0.5, 1.9), YawDeg: s.degrees(0), Material: m})
	}
	for range 2 + s.IntN(7) { // beds, tables, cupboards
		p := s.at(s.between(-1, 1)*(half-0.4), s.between(1.6, far-0.4))
		if clear(p, 1.8) {
			s.add(scene.Structure{Kind: scene.StructureBlock, At: p, WidthM: s.log(0.4, 2.1), DepthM: s.log(0.4, 1.1), HeightM: s.log(0.35, 1.9), YawDeg: s.degrees(pick(s.dice, 0.0, 90)), Material: pick(s.dice, walls...)})
		}
	}
}

// dropAround takes away what was built around the camera itself, or before what it looks at.
func (s *site) dropAround() {
	if s.room {
		return
	}
	kept := s.scene.Structures[:0]
	for _, st := range s.scene.Structures {
		if !s.before(&st) {
			kept = append(kept, st)
		}
	}
	s.scene.Structures = kept
}

// foreground is what often stands close to a camera: the pole of a sign, a branch.
func (s *site) foreground() {
	c := &s.scene.Camera
	for s.maybe(0.12) {
		y := s.between(1.2, 4)
		x := s.between(-0.9, 0.9) * y * 2.7 / c.FocalMM
		kind := pick(s.dice, scene.StructurePole, scene.StructurePole, scene.StructureBlock)
		st := scene.Structure{Kind: kind, At: scene.Place{x, y}, HeightM: s.between(0.3, 1.1) * c.HeightM, WidthM: s.log(0.05, 0.4), DepthM: 0.1, Material: pick(s.dice, walls...), YawDeg: s.between(0, 90)}
		if math.Abs(x) > 0.25*y*2.7/c.FocalMM {
			s.add(st)
		}
	}
}

// before reports whether something high stands in the camera's line of sight before its middle.
func (s *site) before(st *scene.Structure) bool {
	at, yaw, w, deep := st.At, st.YawDeg*math.Pi/180, st.WidthM, st.DepthM
	if len(st.Path) == 2 {
		a, b := st.Path[0], st.Path[1]
		at = scene.Place{(a.X() + b.X()) / 2, (a.Y() + b.Y()) / 2}
		w, deep = math.Hypot(b.X()-a.X(), b.Y()-a.Y()), 0.8
		yaw = math.Atan2(-(b.Y() - a.Y()), b.X()-a.X())
	}
	if st.HeightM < 0.4*s.scene.Camera.HeightM && st.Kind != scene.StructureTree {
		return false
	}
	if st.Kind == scene.StructureTree {
		w, deep = 0.8*st.HeightM, 0.8*st.HeightM
	}
	sn, cs := math.Sincos(yaw)
	far := math.Max(5, 0.7*s.hub.Y())
	for y := 0.0; y <= far; y += 0.5 {
		dx, dy := -at.X(), y-at.Y()
		lx, ly := dx*cs-dy*sn, dx*sn+dy*cs
		gap := 0.8 + 0.2*y
		if math.Abs(lx) < w/2+gap && math.Abs(ly) < deep/2+gap {
			return true
		}
	}
	return false
}

func (s *site) carPark() {
	s.begin(pick(s.dice, "asphalt", "asphalt", "concrete"), 60)
	pitch, deep := s.between(2.3, 2.7), 5.2
	for _, y := range []float64{s.between(-6, -2), s.between(5, 8), s.between(16, 20)} {
		color := pick(s.dice, "white", "white", "yellow", "blue")
		for i := -9; i <= 9; i++ {
			s.line(color, 0.11, 0, s.at(float64(i)*pitch, y), s.at(float64(i)*pitch, y+deep))
		}
		s.line(color, 0.11, 0, s.at(-9*pitch, y), s.at(9*pitch, y))
	}
	if s.maybe(0.7) {
		s.houses(s.between(24, 32))
	}
	if s.maybe(0.5) {
		s.wall(pick(s.dice, scene.StructureFence, scene.StructureWall, scene.StructureHedge), s.between(0.8, 2.2), s.at(-40, 22.5), s.at(40, 22.5))
	}
	s.scatter(5, -6, 20, scene.StructureLamp, scene.StructurePole, scene.StructureTree, scene.StructureBlock)
}

func (s *site) alley() {
	s.begin(pick(s.dice, hard...), 25)
	half := s.between(2, 5)
	for _, side := range []float64{-1, 1} {
		for y := -2 + s.between(0, 4); y < 45; {
			l, deep := s.between(5, 14), s.between(5, 9)
			st := scene.Structure{Kind: scene.StructureBuilding, At: s.at(side*(half+deep/2+s.between(0, 0.8)), y+l/2), WidthM: deep, DepthM: l, HeightM: s.log(3.5, 12), YawDeg: s.degrees(0), Material: pick(s.dice, walls...), Blind: s.maybe(0.3)}
			if clear(st.At, 5) {
				s.add(st)
			}
			y += l + s.between(-0.2, 2)
		}
	}
	s.scatter(8, -4, 20, scene.StructurePole, scene.StructureBlock, scene.StructureLamp, scene.StructurePoster)
}

// jumble is no place at all: patches of everything, for what no designer of places thinks of.
func (s *site) jumble() {
	s.begin(pick(s.dice, grounds...), 180)
	for range 2 + s.IntN(6) {
		x, y := s.between(-14, 14), s.between(-8, 25)
		pts := make([]scene.Place, 3+s.IntN(4))
		for i := range pts {
			a, r := float64(i)*2*math.Pi/float64(len(pts)), s.log(1, 9)
			pts[i] = s.at(x+r*math.Sin(a), y+r*math.Cos(a))
		}
		s.area(pick(s.dice, grounds...), s.maybe(0.3), pts...)
	}
	for range s.IntN(7) {
		a, b := s.at(s.between(-20, 20), s.between(-8, 30)), s.at(s.between(-20, 20), s.between(-8, 30))
		s.line(pick(s.dice, "white", "yellow", "red", "blue"), s.log(0.08, 0.8), pick(s.dice, 0, 0, s.between(0.2, 3)), a, b)
	}
	if s.maybe(0.6) {
		s.houses(s.between(8, 30))
	}
	s.scatter(12, -6, 25, scene.StructureTree, scene.StructureHedge, scene.StructureBlock, scene.StructurePole, scene.StructurePoster, scene.StructureFlag, scene.StructureLamp, benchKind)
}
