// Package scenario holds scenes that a system gets wrong when it takes each picture for itself: someone
// who comes twice, two who change places, a bag whose owner comes back. With each stands, as data, what
// must be an event and what must not.
package scenario

import (
	"embed"
	"fmt"
	"math"
	"time"

	"bongsu"
	"bongsu/streams/scene"
)

//go:embed *.yaml
var files embed.FS

// Scenario is a scene, what happens in it, and by what a detector is deceived.
type Scenario struct {
	Name     string
	Why      string // what a simple system would say
	Must     []Must
	Mistakes []Mistake
}

// Must is an event that has to be announced once, in a window of time. What is not in the list must
// not be announced.
type Must struct {
	Kind bongsu.EventKind
	From float64 // seconds of the clip in which it may be announced first
	To   float64 // and last
}

// Mistake is something that is not there and that a detector sees nevertheless, in a share of the
// pictures.
type Mistake struct {
	Class  bongsu.Class
	Box    bongsu.Box
	From   float64 // seconds
	To     float64
	Share  float32 // of the pictures, 0..1
	Score  float32
	Reason string
}

// All are the scenarios.
var All = []Scenario{
	{Name: "same-person-twice", Why: "one track with two stays, or a dwell that adds up to loitering",
		Must: []Must{{bongsu.KindIntrusion, 6, 12}, {bongsu.KindIntrusion, 28, 36}}},
	{Name: "two-swap-places", Why: "a swapped identity begins both stays anew",
		Must: []Must{{bongsu.KindLoitering, 14, 24}, {bongsu.KindLoitering, 14, 24}}},
	{Name: "one-relieves-another", Why: "the second person inherits the first one's stay"},
	{Name: "bag-in-a-crowd", Why: "passers-by hide the owner, and the bag seems to be alone"},
	{Name: "fall-behind-a-car", Why: "most of who lies there is hidden; who passes behind the car seems to sink",
		Must: []Must{{bongsu.KindFall, 17, 28}}},
	{Name: "fire-in-a-window", Why: "the reflection counts as a second fire",
		Must:     []Must{{bongsu.KindFire, 15.5, 28}},
		Mistakes: []Mistake{{bongsu.ClassFire, bongsu.Box{X0: 0.36, Y0: 0.33, X1: 0.43, Y1: 0.43}, 10, 40, 0.5, 0.5, "the fire's image in the window"}}},
	{Name: "fire-only-in-a-window", Why: "an image in glass is taken for a fire",
		Mistakes: []Mistake{{bongsu.ClassFire, bongsu.Box{X0: 0.14, Y0: 0.3, X1: 0.21, Y1: 0.42}, 8, 40, 0.2, 0.45, "the fire's image in the window"}}},
	{Name: "cyclist-on-the-pavement", Why: "what rides against the arrow beside the road counts as on it"},
	{Name: "cleaner-for-an-hour", Why: "an hour's stay becomes many events, bending down a fall, the bucket an abandoned bag",
		Must: []Must{{bongsu.KindLoitering, 18, 28}}},
	{Name: "two-cross-a-line", Why: "both directions count, or a swapped identity crosses twice",
		Must: []Must{{bongsu.KindLineCrossing, 6, 12}}},
}

// Open reads a scenario's scene.
func (s *Scenario) Open() (*scene.Scene, error) {
	data, err := files.ReadFile(s.Name + ".yaml")
	if err != nil {
		return nil, fmt.Errorf("scenario: %w", err)
	}
	return scene.Parse(s.Name+".yaml", data)
}

// Rules are those that a camera in front of a scene has: one of each zone and line, and those that need
// none.
func Rules(s *scene.Scene) []bongsu.Rule {
	var out []bongsu.Rule
	add := func(k bongsu.EventKind, name string, classes ...bongsu.Class) *bongsu.Rule {
		out = append(out, bongsu.Rule{ID: bongsu.RuleID(string(k) + "-" + name), Kind: k, Priority: bongsu.DefaultPriority(k), Classes: classes})
		return &out[len(out)-1]
	}
	motors := []bongsu.Class{bongsu.ClassCar, bongsu.ClassBus, bongsu.ClassTruck, bongsu.ClassMotorcycle, bongsu.ClassBicycle}
	for i := range s.Zones {
		z := &s.Zones[i]
		var r *bongsu.Rule
		switch z.Kind {
		case scene.ZoneIntrusion:
			r = add(bongsu.KindIntrusion, z.Name, bongsu.ClassPerson)
		case scene.ZoneLoitering:
			r = add(bongsu.KindLoitering, z.Name, bongsu.ClassPerson)
			r.Dwell = 10 * time.Second
		case scene.ZoneNoStopping:
			r = add(bongsu.KindStoppedVehicle, z.Name, motors...)
			r.Dwell = 10 * time.Second
		case scene.ZoneWrongWay:
			r = add(bongsu.KindWrongWay, z.Name, motors...)
			r.Line = points(z.Points[:])
		default:
			continue
		}
		r.Zone = points(z.Polygon)
	}
	for i := range s.Lines {
		l := &s.Lines[i]
		r := add(bongsu.KindLineCrossing, l.Name, bongsu.ClassPerson)
		r.Line, r.Direction = points(l.Points[:]), l.Forbidden
	}
	add(bongsu.KindFall, "anywhere", bongsu.ClassPerson)
	add(bongsu.KindAbandonment, "anywhere", bongsu.ClassBag)
	add(bongsu.KindFire, "anywhere", bongsu.ClassFire, bongsu.ClassSmoke)
	return out
}

func points(of [][2]float32) []bongsu.Point {
	out := make([]bongsu.Point, len(of))
	for i, p := range of {
		out[i] = bongsu.Point{X: p[0], Y: p[1]}
	}
	return out
}

// Ground is the calibration of a scene's camera.
func Ground(s *scene.Scene) (*bongsu.Ground, error) {
	c := &s.Camera
	return bongsu.GroundFromCamera(c.HeightM, c.TiltDeg, c.RollDeg, 2*math.Atan(5.37/2/c.FocalMM)*180/math.Pi, float64(c.WidthPX)/float64(c.HeightPX))
}
