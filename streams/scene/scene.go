// Package scene makes simulated cameras: a scene is a YAML file and a seed, and the same pair gives
// the same pictures, pixel by pixel, and the same truth about them, byte by byte.
//
// Parse reads a file (parse.go, check.go), New prepares a Renderer (render.go), which draws any
// frame by its number: everything that moves is a function of time. The static scene is traced
// once (plate.go) and copied for each frame; what moves is drawn over it as round limbs and flat
// faces with a depth buffer (raster.go, resolve.go), and the truth comes from the same masks.
// docs/design/scene.md tells how and why.
package scene

import (
	"time"
)

// Scene is what a scene file says. Lengths are in metres on the ground, whose origin is the foot
// of the camera's pole: x to the right, y away from the camera.
type Scene struct {
	Schema     int         `yaml:"schema"`     // 1
	Name       string      `yaml:"name"`       // lower-case words joined by hyphens
	Title      string      `yaml:"title"`      // one Korean sentence: what happens
	Seed       uint64      `yaml:"seed"`       // what the renderer uses when it is given none
	Look       string      `yaml:"look"`       // one of SceneLooks; none is plain
	DurationS  float64     `yaml:"duration_s"` // up to an hour
	Camera     Camera      `yaml:"camera"`
	Light      Light       `yaml:"light"`
	Weather    Weather     `yaml:"weather"`
	Lens       Lens        `yaml:"lens"`
	Ground     Ground      `yaml:"ground"`
	Structures []Structure `yaml:"structures"`
	Actors     []Actor     `yaml:"actors"`
	Zones      []Zone      `yaml:"zones"`
	Lines      []Line      `yaml:"lines"`

	file string
	doc  *document
}

// Duration is the scene's length.
func (s *Scene) Duration() time.Duration {
	return time.Duration(s.DurationS * float64(time.Second))
}

// Frames is the number of pictures.
func (s *Scene) Frames() int { return int(s.DurationS*float64(s.Camera.FPS) + 0.5) }

// Camera is where the camera hangs and what it is like.
type Camera struct {
	HeightM    float64 `yaml:"height_m"`
	TiltDeg    float64 `yaml:"tilt_deg"` // below the horizon
	RollDeg    float64 `yaml:"roll_deg"`
	FocalMM    float64 `yaml:"focal_mm"` // on a 1/2.8" sensor
	WidthPX    int     `yaml:"width_px"`
	HeightPX   int     `yaml:"height_px"`
	FPS        int     `yaml:"fps"`
	Distortion float64 `yaml:"distortion"` // share by which the corner moves; negative: barrel
	Noise      float64 `yaml:"noise"`      // times what the light gives; default 1
	Shutter    float64 `yaml:"shutter"`    // share of the frame's time that it is open: motion blur
	ShakePX    float64 `yaml:"shake_px"`   // how far wind moves the pole, at a width of 640
	StepsS     float64 `yaml:"exposure_steps_s"`
}

// Light is the time of day.
type Light struct {
	Time     string  `yaml:"time"` // one of Times
	Sun      *Sun    `yaml:"sun"`
	Exposure float64 `yaml:"exposure"` // -0.9 to 2: darker or brighter than right
}

// Sun puts the sun elsewhere than the time of day does.
type Sun struct {
	AzimuthDeg   float64 `yaml:"azimuth_deg"` // 0 straight ahead, 90 to the right
	ElevationDeg float64 `yaml:"elevation_deg"`
}

// Weather has shares of 0 to 1.
type Weather struct {
	Cloud float64 `yaml:"cloud"`
	Rain  float64 `yaml:"rain"`
	Snow  float64 `yaml:"snow"`
	Fog   float64 `yaml:"fog"`
	Wind  float64 `yaml:"wind"`
}

// Lens is what sits on or flies before the glass.
type Lens struct {
	Drops   int     `yaml:"drops"`
	Insects int     `yaml:"insects"`
	Dirt    float64 `yaml:"dirt"` // 0 to 1
}

// Place is a point of the ground: [x, y] in metres.
type Place [2]float64

// X is to the right of the camera, metres.
func (p Place) X() float64 { return p[0] }

// Y is away from the camera, metres.
func (p Place) Y() float64 { return p[1] }

// Ground is what lies on it.
type Ground struct {
	Base  string       `yaml:"base"` // a material
	Areas []GroundArea `yaml:"areas"`
	Marks []Mark       `yaml:"marks"`
}

// GroundArea is a polygon of another material; a later one lies over an earlier one.
type GroundArea struct {
	Material string  `yaml:"material"`
	Polygon  []Place `yaml:"polygon"`
	Kerb     bool    `yaml:"kerb"`
}

// Mark is a line of paint.
type Mark struct {
	Path   []Place `yaml:"path"`
	WidthM float64 `yaml:"width_m"`
	Color  string  `yaml:"color"` // white, yellow, red, blue
	DashM  float64 `yaml:"dash_m"`
}

// Kinds of structure.
const (
	StructureBuilding = "building"
	StructureBlock    = "block"
	StructureWall     = "wall"
	StructureFence    = "fence"
	StructureHedge    = "hedge"
	StructureLamp     = "lamp"
	StructurePole     = "pole"
	StructureTree     = "tree"
	StructurePoster   = "poster"
	StructureFlag     = "flag"
	StructureWindow   = "window" // mirrors fires
)

// StructureKinds lists them.
var StructureKinds = []string{StructureBuilding, StructureBlock, StructureWall, StructureFence, StructureHedge, StructureLamp, StructurePole, StructureTree, StructurePoster, StructureFlag, StructureWindow}

// Structure is something that stands: most kinds at a place with a size, walls, fences and hedges
// along a path.
type Structure struct {
	Kind     string  `yaml:"kind"`
	At       Place   `yaml:"at"` // the middle of its base
	WidthM   float64 `yaml:"width_m"`
	DepthM   float64 `yaml:"depth_m"`
	HeightM  float64 `yaml:"height_m"`
	YawDeg   float64 `yaml:"yaw_deg"`
	Path     []Place `yaml:"path"`
	Material string  `yaml:"material"`
	Color    string  `yaml:"color"`
	Blind    bool    `yaml:"blind"` // without windows
}

// Kinds of actor.
const (
	KindPerson     = "person"
	KindCrowd      = "crowd" // Count persons who walk about in Area
	KindBicycle    = "bicycle"
	KindMotorcycle = "motorcycle"
	KindCar        = "car"
	KindVan        = "van"
	KindTruck      = "truck"
	KindBus        = "bus"
	KindDog        = "dog"
	KindCat        = "cat"
	KindBoar       = "boar"
	KindDeer       = "deer"
	KindBag        = "bag"
	KindLitter     = "litter"
	KindFire       = "fire"
	KindSmoke      = "smoke"
)

// ActorKinds lists them.
var ActorKinds = []string{KindPerson, KindCrowd, KindBicycle, KindMotorcycle, KindCar, KindVan, KindTruck, KindBus, KindDog, KindCat, KindBoar, KindDeer, KindBag, KindLitter, KindFire, KindSmoke}

// Actor is something that moves, or could.
type Actor struct {
	ID        string  `yaml:"id"`
	Kind      string  `yaml:"kind"`
	At        Place   `yaml:"at"`
	FacingDeg float64 `yaml:"facing_deg"` // 0 away from the camera, 90 to the right
	FromS     float64 `yaml:"from_s"`     // is not there before
	UntilS    float64 `yaml:"until_s"`    // 0: stays
	SizeM     float64 `yaml:"size_m"`     // of fire, smoke, bags, litter
	Look      *Look   `yaml:"look"`
	Count     int     `yaml:"count"`
	Area      []Place `yaml:"area"`
	CarriedBy string  `yaml:"carried_by"` // a bag: whose it is in the beginning
	Do        []Step  `yaml:"do"`
}

// Look is what chance does not choose.
type Look struct {
	Top      string  `yaml:"top"` // a colour
	Legs     string  `yaml:"legs"`
	Color    string  `yaml:"color"` // of a vehicle or an animal
	HeightM  float64 `yaml:"height_m"`
	Hat      bool    `yaml:"hat"`
	Backpack bool    `yaml:"backpack"`
	Umbrella bool    `yaml:"umbrella"`
}

// Acts of a Step.
const (
	ActWalk   = "walk"
	ActRun    = "run"
	ActDrive  = "drive"
	ActStand  = "stand"
	ActLoiter = "loiter"
	ActSit    = "sit"
	ActCrouch = "crouch"
	ActFall   = "fall"
	ActLie    = "lie"
	ActRise   = "rise"
	ActFight  = "fight"
	ActClimb  = "climb"
	ActLeave  = "leave"
	ActTake   = "take"
)

// Acts lists them.
var Acts = []string{ActWalk, ActRun, ActDrive, ActStand, ActLoiter, ActSit, ActCrouch, ActFall, ActLie, ActRise, ActFight, ActClimb, ActLeave, ActTake}

// Step is one thing that an actor does; steps follow each other.
type Step struct {
	Act     string  `yaml:"act"`
	To      []Place `yaml:"to"`       // walk, run, drive, climb: through these points
	SpeedMS float64 `yaml:"speed_ms"` // 0: usual for the act
	ForS    float64 `yaml:"for_s"`    // 0: usual for the act; the last step goes on
	With    string  `yaml:"with"`     // fight: the other; leave, take: the bag
	HeightM float64 `yaml:"height_m"` // climb: of what is climbed over
}

// Zone is a polygon of the picture, 0..1, in which a category of event counts.
type Zone struct {
	Name    string         `yaml:"name"`
	Kind    string         `yaml:"kind"` // one of ZoneKinds
	Polygon [][2]float32   `yaml:"polygon"`
	Exclude [][][2]float32 `yaml:"exclude"` // polygons within it that do not count
	DwellS  float64        `yaml:"dwell_s"` // loitering, no-stopping: how long is too long; 0 is 10
	FromS   float64        `yaml:"from_s"`  // closed-area: closed from this second of the clip
	UntilS  float64        `yaml:"until_s"` // to this; 0: to the end
	Points  [2][2]float32  `yaml:"points"`  // wrong-way: the arrow along which one may go
	Count   int            `yaml:"count"`   // crowd: so many persons are one
}

// Line is a line in the picture, 0..1, that may be crossed in one direction only.
type Line struct {
	Name      string        `yaml:"name"`
	Kind      string        `yaml:"kind"` // one of LineKinds; none is wrong-way
	Points    [2][2]float32 `yaml:"points"`
	Forbidden string        `yaml:"forbidden"` // left-to-right, right-to-left or both
}
