package suite

import (
	"fmt"
	"math"

	"bongsu/streams/scene"
)

// Places.
const (
	placeYard    = "yard"
	placeStreet  = "street"
	placePlaza   = "plaza"
	placeHall    = "station hall"
	placeAlley   = "alley"
	placePorch   = "porch"
	placeCarPark = "car park"
	placePark    = "park"
	placeRoad    = "road"
)

var (
	hardGrounds = []string{"asphalt", "paving", "concrete", "tile"}
	wallKinds   = []string{"brick", "plaster", "concrete", "metal", "wood"}
	paint       = []string{"red", "blue", "white", "yellow", "green", "black", "purple"}
)

// lay builds a place around the hub. What it builds stands behind and beside the zone: the camera was
// hung so that nothing is in its way.
func (s *site) lay(place string) {
	s.turn = s.between(-20, 20) * math.Pi / 180
	switch place {
	case placeYard:
		s.yard()
	case placeStreet:
		s.street()
	case placePlaza:
		s.plaza()
	case placeHall:
		s.hall()
	case placeAlley:
		s.alley()
	case placePorch:
		s.porch()
	case placeCarPark:
		s.carPark()
	case placePark:
		s.park()
	case placeRoad:
		s.layRoad()
	}
	s.lamps()
}

// lamps light the zone when it is dark.
func (s *site) lamps() {
	t := s.s.Light.Time
	if s.room || t != scene.TimeDawn && t != scene.TimeEvening && t != scene.TimeNight {
		return
	}
	for _, side := range []float64{-1, 1} {
		s.add(scene.Structure{Kind: scene.StructureLamp, At: s.at(side*s.between(0.5, 1.1)*s.zw, s.zd+s.between(0.9, 2.2)), HeightM: s.between(5.5, 8), YawDeg: s.degrees(180 - 20*side), Color: pick(s.dice, "", "", "sodium")})
	}
	if t == scene.TimeNight {
		s.add(scene.Structure{Kind: scene.StructureLamp, At: s.at(s.side()*(s.zw+s.between(1.5, 3)), s.between(-0.2, 0.4)*s.zd), HeightM: s.between(5.5, 7.5), YawDeg: s.degrees(s.between(-90, 90))})
	}
}

// houses stand in a row behind y.
func (s *site) houses(y float64) {
	for x := -1.2*s.wide + s.between(-4, 4); x < 1.4*s.wide; {
		w, deep := s.between(9, 24), s.between(7, 12)
		if s.maybe(0.85) {
			s.add(scene.Structure{Kind: scene.StructureBuilding, At: s.at(x+w/2, y+deep/2+s.between(0, 2)), WidthM: w, DepthM: deep, HeightM: s.between(4, 16), YawDeg: s.degrees(0), Material: pick(s.dice, wallKinds...), Blind: s.maybe(0.25)})
		}
		x += w + s.between(0, 4)
	}
}

// beside is a place to the left or right of the zone, where nobody has to walk.
func (s *site) beside(side float64) scene.Place {
	return s.at(side*(s.zw+s.between(1.6, 4.2)), s.between(-0.3, 1.1)*s.zd)
}

// clutter puts small things beside and behind the zone.
func (s *site) clutter(n int, kinds ...string) {
	for range n {
		p := s.beside(s.side())
		if s.maybe(0.4) {
			p = s.at(s.between(-1.3, 1.3)*s.zw, s.zd+s.between(4, 7))
		}
		s.put(pick(s.dice, kinds...), p)
	}
}

const benchKind = "bench"

func (s *site) put(kind string, p scene.Place) {
	st := scene.Structure{Kind: kind, At: p, YawDeg: s.degrees(pick(s.dice, 0.0, 90, s.between(0, 180)))}
	switch kind {
	case scene.StructurePole:
		st.HeightM = s.between(0.8, 4)
	case scene.StructureTree:
		st.HeightM = s.between(3, 6.5)
	case scene.StructureFlag:
		st.HeightM, st.Color = s.between(4, 7), pick(s.dice, paint...)
	case scene.StructurePoster:
		st.WidthM, st.HeightM, st.Material, st.YawDeg = s.between(0.9, 1.8), s.between(1.5, 2.4), pick(s.dice, wallKinds...), s.between(-30, 30)
	case benchKind:
		st.Kind, st.WidthM, st.DepthM, st.HeightM, st.Material = scene.StructureBlock, s.between(1.5, 2.2), s.between(0.4, 0.55), 0.45, pick(s.dice, "wood", "concrete", "metal")
	case scene.StructureBlock:
		st.WidthM, st.DepthM, st.HeightM, st.Material = s.between(0.6, 2.4), s.between(0.5, 1.4), s.between(0.5, 1.5), pick(s.dice, wallKinds...)
	case scene.StructureHedge:
		q := scene.Place{p.X() + s.between(1, 3), p.Y() + s.between(-0.5, 0.5)}
		st.HeightM, st.Path = s.between(0.6, 1.2), []scene.Place{p, q}
	}
	s.add(st)
}

// barrier is a wall or fence across the site behind the zone.
func (s *site) barrier(kind string, y, height float64) {
	s.add(scene.Structure{Kind: kind, Path: []scene.Place{s.at(-1.6*s.wide, y), s.at(1.6*s.wide, y)}, HeightM: height, Material: pick(s.dice, wallKinds...)})
}

func (s *site) yard() {
	s.s.Ground.Base = pick(s.dice, "concrete", "asphalt", "dirt", "paving")
	y := s.zd + s.between(0.5, 0.8)
	s.band(pick(s.dice, "grass", "paving", "asphalt"), y, y+40, false)
	kind := pick(s.dice, scene.StructureWall, scene.StructureFence, scene.StructureWall)
	s.barrier(kind, y, s.between(1.5, 2.1))
	s.walled = true
	s.houses(y + s.between(7, 14))
	if s.maybe(0.5) {
		side := s.side()
		x := side * (s.zw + s.between(4.5, 7))
		s.add(scene.Structure{Kind: scene.StructureBuilding, At: s.at(x+side*2, s.between(0, 2)), WidthM: 4, DepthM: s.between(4, 7), HeightM: s.between(2.6, 4), YawDeg: s.degrees(0), Material: pick(s.dice, wallKinds...), Blind: s.maybe(0.5)})
	}
	s.clutter(2+s.IntN(3), scene.StructureBlock, scene.StructureBlock, scene.StructurePole)
}

func (s *site) street() {
	s.s.Ground.Base = pick(s.dice, "paving", "concrete", "tile")
	y0 := s.zd + s.between(1.8, 2.6) // behind the zone is a pavement, and behind that a road
	y1 := y0 + s.between(5, 7)
	s.band("asphalt", y0, y1, true)
	s.line(pick(s.dice, "yellow", "white"), 0.13, pick(s.dice, 0.0, 3), s.at(-80, (y0+y1)/2), s.at(80, (y0+y1)/2))
	s.road = &road{y: y0 + 0.3*(y1-y0), back: y0 + 0.72*(y1-y0)}
	s.houses(y1 + s.between(2, 5))
	s.clutter(2+s.IntN(3), scene.StructurePole, scene.StructureTree, benchKind, scene.StructureHedge)
}

func (s *site) plaza() {
	s.s.Ground.Base = pick(s.dice, "paving", "tile", "concrete")
	if s.maybe(0.6) {
		r, pts := s.between(2, 5), make([]scene.Place, 10)
		x, y := s.between(-6, 6), s.zd+s.between(4, 8)
		for i := range pts {
			a := float64(i) * math.Pi / 5
			pts[i] = s.at(x+r*math.Sin(a), y+r*math.Cos(a))
		}
		s.area(pick(s.dice, "grass", "tile", "concrete"), true, pts...)
	}
	s.houses(s.zd + s.between(11, 22))
	s.clutter(3+s.IntN(4), scene.StructureTree, scene.StructureTree, benchKind, scene.StructureHedge, scene.StructurePole)
}

func (s *site) hall() {
	s.room = true
	s.s.Ground.Base = pick(s.dice, "tile", "tile", "concrete", "paving")
	s.s.Weather = scene.Weather{Cloud: 1}
	s.s.Lens = scene.Lens{}
	far, high := s.zd+s.between(4, 8), math.Max(s.s.Camera.HeightM+0.6, s.between(4, 6))
	m := pick(s.dice, wallKinds...)
	side := s.wide * s.between(0.75, 1.0)
	for _, b := range []struct{ x, y, w, d float64 }{{0, far + 1, 2*side + 6, 2}, {-side - 1, 0, 2, 2*far + 60}, {side + 1, 0, 2, 2*far + 60}} {
		s.add(scene.Structure{Kind: scene.StructureBuilding, At: s.at(b.x, b.y), WidthM: b.w, DepthM: b.d, HeightM: high, YawDeg: s.degrees(0), Material: m, Blind: s.maybe(0.6)})
	}
	for range s.IntN(4) {
		st := scene.Structure{Kind: scene.StructureBlock, At: s.at(s.side()*(s.zw+s.between(2, 5)), s.zd+s.between(1.6, 3)), WidthM: s.between(0.4, 0.8), HeightM: high, Material: pick(s.dice, wallKinds...), YawDeg: s.degrees(0)}
		st.DepthM = st.WidthM
		s.add(st)
	}
	s.line(pick(s.dice, "yellow", "white", "blue"), s.between(0.15, 0.4), pick(s.dice, 0, 0.4), s.at(-40, s.zd+s.between(0.8, 2)), s.at(40, s.zd+s.between(0.8, 2)))
	s.clutter(2+s.IntN(3), benchKind, benchKind, scene.StructureBlock)
}

func (s *site) alley() {
	s.turn *= 0.5
	s.s.Ground.Base = pick(s.dice, hardGrounds...)
	half := s.zw + s.between(2.2, 4)
	for _, side := range []float64{-1, 1} {
		for y := -0.4 * s.away; y < 40; {
			l, deep := s.between(6, 13), s.between(5, 9)
			s.add(scene.Structure{Kind: scene.StructureBuilding, At: s.at(side*(half+deep/2+s.between(0, 0.8)), y+l/2), WidthM: deep, DepthM: l, HeightM: s.between(3.5, 9), YawDeg: s.degrees(0), Material: pick(s.dice, wallKinds...), Blind: s.maybe(0.3)})
			y += l + s.between(-0.2, 1.5)
		}
	}
	for range s.IntN(4) {
		s.put(pick(s.dice, scene.StructurePole, scene.StructureBlock), s.at(s.side()*(half-s.between(0.6, 1.1)), s.between(-0.5, 2)*s.zd+1))
	}
}

func (s *site) porch() {
	s.s.Ground.Base = pick(s.dice, hardGrounds...)
	y := s.zd + s.between(2.2, 3.2)
	m := pick(s.dice, wallKinds...)
	w := s.wide * s.between(0.7, 1.1)
	s.add(scene.Structure{Kind: scene.StructureBuilding, At: s.at(s.between(-2, 2), y+4), WidthM: w, DepthM: 8, HeightM: s.between(4, 9), YawDeg: s.degrees(0), Material: m})
	s.add(scene.Structure{Kind: scene.StructureBlock, At: s.at(s.between(-0.5, 0.5)*s.zw, y-0.1), WidthM: s.between(1.6, 2.6), DepthM: 0.3, HeightM: s.between(2.1, 2.5), YawDeg: s.degrees(0), Material: pick(s.dice, "metal", "wood")})
	s.clutter(2+s.IntN(3), scene.StructureBlock, benchKind, scene.StructurePole, scene.StructureHedge)
}

func (s *site) carPark() {
	s.s.Ground.Base = pick(s.dice, "asphalt", "asphalt", "concrete")
	pitch, y := s.between(2.4, 2.7), s.zd+s.between(1.8, 2.4)
	color := pick(s.dice, "white", "white", "yellow")
	for i := -9; i <= 9; i++ {
		s.line(color, 0.11, 0, s.at(float64(i)*pitch, y), s.at(float64(i)*pitch, y+5))
	}
	s.line(color, 0.11, 0, s.at(-9*pitch, y+5), s.at(9*pitch, y+5))
	for i := -5; i < 5; i++ {
		if s.maybe(0.55) {
			s.actor(scene.Actor{ID: fmt.Sprintf("parked-%d", i+6), Kind: pick(s.dice, scene.KindCar, scene.KindCar, scene.KindVan), At: s.at((float64(i)+0.5)*pitch, y+2.6), FacingDeg: s.degrees(pick(s.dice, 0.0, 180) + s.between(-3, 3))})
			s.name("parked vehicles")
		}
	}
	s.houses(y + s.between(12, 20))
	if s.maybe(0.5) {
		s.barrier(pick(s.dice, scene.StructureFence, scene.StructureWall, scene.StructureHedge), y+s.between(6, 8), s.between(0.8, 1.6))
	}
	s.clutter(s.IntN(3), scene.StructurePole, scene.StructureBlock)
}

func (s *site) park() {
	s.s.Ground.Base = pick(s.dice, "grass", "dirt", "grass")
	s.band(pick(s.dice, "dirt", "paving", "asphalt"), -0.8*s.zd, 0.8*s.zd, s.maybe(0.3))
	s.clutter(4+s.IntN(5), scene.StructureTree, scene.StructureTree, scene.StructureHedge, benchKind)
	s.houses(s.zd + s.between(16, 28))
	if s.maybe(0.4) {
		s.barrier(scene.StructureFence, s.zd+s.between(8, 12), s.between(1, 1.6))
	}
}

// road is where vehicles go: y of its two lanes, in the site's own axes.
type road struct {
	y, back float64 // the lane that is nearer to the camera, and the farther one
	half    float64 // half the width of a one-way road
}

// layRoad is a one-way road that passes the hub across the picture or slantwise.
func (s *site) layRoad() {
	s.turn = s.side() * s.between(12, 55) * math.Pi / 180
	s.s.Ground.Base = pick(s.dice, "paving", "concrete", "grass")
	half := s.between(3, 4.2)
	s.band("asphalt", -half, half, true)
	s.line(pick(s.dice, "white", "yellow"), 0.13, pick(s.dice, 0.0, 3), s.at(-80, 0), s.at(80, 0))
	for _, side := range []float64{-1, 1} {
		s.line("white", 0.13, 0, s.at(-80, side*(half-0.3)), s.at(80, side*(half-0.3)))
	}
	s.road = &road{y: -0.5 * half, back: 0.5 * half, half: half}
	s.houses(half + s.between(4, 9))
	s.zd = half
	s.clutter(2+s.IntN(3), scene.StructurePole, scene.StructureTree, scene.StructureHedge)
}
