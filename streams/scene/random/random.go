// Package random makes scenes of chance to learn from and to be tried on: Scene gives a place with
// its camera, light and weather, Cast puts actors into it, Finish treats the picture as cheap
// cameras do, and Write makes a data set of it all. Everything is a function of seeds.
//
// What the pictures have in common is only what matters: what the ten classes look like. All else
// varies more than it does in front of real cameras (Tobin et al., "Domain randomization for
// transferring deep neural networks from simulation to the real world", 2017).
package random

import (
	"fmt"
	"math"
	"math/rand/v2"

	"bongsu/streams/scene"
)

// Looks a data set may have. They share no texture, no body, no vehicle and no camera.
const (
	LookTrain   = scene.LookTrain
	LookHeldOut = scene.LookHeldOut
)

// Looks lists them.
var Looks = []string{LookTrain, LookHeldOut}

// dice are the chances of one scene or picture.
type dice struct{ *rand.Rand }

func newDice(seed uint64, stream uint64) dice {
	return dice{rand.New(rand.NewPCG(seed, stream))}
}

func (d dice) between(lo, hi float64) float64 { return lo + (hi-lo)*d.Float64() }

// log is between lo and hi, small values as often as large ones.
func (d dice) log(lo, hi float64) float64 { return lo * math.Pow(hi/lo, d.Float64()) }

func (d dice) maybe(p float64) bool { return d.Float64() < p }

func pick[T any](d dice, of ...T) T { return of[d.IntN(len(of))] }

// longS is how long a random scene goes on, fps its rate: any of its frames may be drawn.
const (
	longS = 60
	fps   = 10
)

// Scene makes the place of number n under a seed, without actors. mix is one of Mixes.
func Scene(seed uint64, n int, look, mix string, width, height int) *scene.Scene {
	d := newDice(seed, uint64(n)*2+lookStream(look))
	s := &scene.Scene{Schema: 1, Name: fmt.Sprintf("%s-%06d", look, n), Title: "임의의 장면", Seed: d.Uint64()>>1 | 1, Look: look, DurationS: longS}
	if mix == MixStreet {
		s.Camera = streetCamera(d, look, width, height)
	} else {
		s.Camera = camera(d, look, width, height)
	}
	s.Light.Time = scene.Times[n%len(scene.Times)]
	if d.maybe(0.6) {
		s.Light.Sun = &scene.Sun{AzimuthDeg: d.between(-180, 180), ElevationDeg: elevation(d, s.Light.Time)}
	}
	s.Light.Exposure = d.between(-0.25, 0.35)
	s.Weather, s.Lens = weather(d), glass(d)
	at := &site{dice: d, scene: s}
	layouts[d.IntN(len(layouts))](at)
	at.dropAround()
	at.foreground()
	return s
}

func lookStream(look string) uint64 {
	if look == LookHeldOut {
		return 1
	}
	return 0
}

// camera hangs a camera so that the middle of its picture is some way off.
func camera(d dice, look string, width, height int) scene.Camera {
	c := scene.Camera{WidthPX: width, HeightPX: height, FPS: fps}
	c.HeightM = d.outside(look, heldOutHeights, func() float64 { return d.between(2.5, 9) })
	if look == LookTrain && d.maybe(0.12) { // beside a door: people are near, and cut by the picture's edge
		c.HeightM = d.between(1.4, 2.5)
	}
	away := d.log(0.9*c.HeightM+1.5, 5.5*c.HeightM)
	c.TiltDeg = min(50, max(8, math.Atan2(c.HeightM, away)*180/math.Pi))
	c.RollDeg = d.NormFloat64() * 1.2
	c.FocalMM = d.outside(look, heldOutFocals, func() float64 { return d.log(2.6, 7.5) })
	c.Distortion = -d.between(0, 0.15)
	if look == LookHeldOut {
		c.Distortion = -d.between(0.155, 0.22)
	}
	c.Noise = d.log(0.25, 1.4)
	c.Shutter = d.between(0, 0.5)
	return c
}

// Heights in metres and focal lengths in mm at which held-out cameras hang, and no others.
var (
	heldOutHeights = [][2]float64{{2.8, 3.1}, {3.9, 4.4}, {5.8, 6.4}, {7.6, 8.1}}
	heldOutFocals  = [][2]float64{{2.75, 2.9}, {3.4, 3.7}, {4.6, 4.95}, {6.1, 6.6}}
)

// outside draws until a value lies in one of the bands for held-out, in none for other looks.
func (d dice) outside(look string, bands [][2]float64, draw func() float64) float64 {
	for {
		v := draw()
		in := false
		for _, b := range bands {
			in = in || v >= b[0] && v <= b[1]
		}
		if in == (look == LookHeldOut) {
			return v
		}
	}
}

// elevation is where the sun may stand at a time of day, degrees.
func elevation(d dice, time string) float64 {
	switch time {
	case scene.TimeDawn, scene.TimeEvening:
		return d.between(5, 18)
	case scene.TimeMorning:
		return d.between(18, 45)
	}
	return d.between(35, 75)
}

func weather(d dice) scene.Weather {
	w := scene.Weather{Wind: d.Float64()}
	if d.maybe(0.5) {
		w.Cloud = d.Float64()
	}
	switch k := d.Float64(); {
	case k < 0.10:
		w.Rain = d.between(0.2, 1)
	case k < 0.18:
		w.Snow = d.between(0.2, 1)
	case k < 0.27:
		w.Fog = d.between(0.12, 0.45)
	}
	return w
}

func glass(d dice) scene.Lens {
	var l scene.Lens
	if d.maybe(0.08) {
		l.Drops = 1 + d.IntN(8)
	}
	if d.maybe(0.12) {
		l.Insects = 1 + d.IntN(4)
	}
	if d.maybe(0.25) {
		l.Dirt = d.between(0, 0.7)
	}
	return l
}
