package track

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"bongsu"
	"bongsu/streams/scene"
	"bongsu/streams/truth"
)

// crowd is a simulated scene of people who cross each other's ways.
type crowd struct {
	name   string
	tuning bool // looked at while the tracker was made; the floors are held by the others
	text   string
}

const crowdHead = `schema: 1
name: %s
title: 서로 엇갈려 지나는 사람들
seed: %d
duration_s: 24
%s
light: {time: noon}
ground: {base: paving}
`

func newCrowd(name string, tuning bool, seed int, camera, rest string) crowd {
	return crowd{name, tuning, fmt.Sprintf(crowdHead, name, seed, "camera: {"+camera+", width_px: 640, height_px: 360, fps: 25}") + rest}
}

// passers are people who walk to and fro across the picture in lanes, n of them.
func passers(seed uint64, n int, near, far, wide float64) string {
	rng := rand.New(rand.NewPCG(seed, 7))
	var b strings.Builder
	for i := range n {
		x, y0 := wide*(2*rng.Float64()-1), near+(far-near)*rng.Float64()
		to := -math.Copysign(wide, x)
		y1 := near + (far-near)*rng.Float64()
		speed := 0.8 + 0.9*rng.Float64()
		fmt.Fprintf(&b, "  - {id: p%d, kind: person, at: [%.2f, %.2f], do: [{act: walk, to: [[%.2f, %.2f], [%.2f, %.2f], [%.2f, %.2f]], speed_ms: %.2f}]}\n",
			i, x, y0, to, y1, -to, y0, to, y1, speed)
	}
	return b.String()
}

// crowds are the scenes: half of them to look at, half to hold the floors, with other seeds, other
// cameras, other obstacles.
func crowds() []crowd {
	return []crowd{
		newCrowd("lanes", true, 11, "height_m: 5, tilt_deg: 20, focal_mm: 4", "actors:\n"+passers(1, 9, 10, 17, 8)),
		newCrowd("square", true, 12, "height_m: 7, tilt_deg: 24, focal_mm: 4",
			"structures:\n  - {kind: tree, at: [-4, 17], height_m: 6}\nactors:\n  - {id: crowd, kind: crowd, count: 16, area: [[-8, 10], [8, 10], [11, 23], [-11, 23]]}\n"),
		newCrowd("car-park", true, 13, "height_m: 4, tilt_deg: 14, focal_mm: 4.5",
			"actors:\n  - {id: car, kind: car, at: [-2, 11], facing_deg: 90}\n  - {id: van, kind: van, at: [4.5, 12], facing_deg: 90}\n"+passers(2, 6, 13.5, 18, 9)),
		newCrowd("hall", true, 14, "height_m: 3.2, tilt_deg: 18, focal_mm: 3.4",
			"structures:\n  - {kind: block, at: [0, 11], width_m: 0.8, depth_m: 0.8, height_m: 4, material: concrete}\nactors:\n"+passers(7, 7, 8, 15, 7)),
		newCrowd("street", true, 15, "height_m: 5.5, tilt_deg: 17, focal_mm: 4.5",
			"structures:\n  - {kind: tree, at: [-3, 15], height_m: 5}\nactors:\n  - {id: car, kind: car, at: [5, 13.5], facing_deg: 90}\n"+passers(8, 10, 13, 24, 10)),
		newCrowd("passage", false, 21, "height_m: 3.6, tilt_deg: 16, focal_mm: 3.6",
			"structures:\n  - {kind: block, at: [-2.5, 10], width_m: 0.6, depth_m: 0.6, height_m: 4, material: concrete}\n  - {kind: block, at: [2.5, 10], width_m: 0.6, depth_m: 0.6, height_m: 4, material: concrete}\nactors:\n"+passers(3, 8, 8.5, 14, 7)),
		newCrowd("market", false, 22, "height_m: 6, tilt_deg: 22, focal_mm: 4.2",
			"actors:\n  - {id: crowd, kind: crowd, count: 18, area: [[-6, 10], [6, 10], [9, 20], [-9, 20]]}\n"),
		newCrowd("kerb", false, 23, "height_m: 4.5, tilt_deg: 15, focal_mm: 4.2",
			"actors:\n  - {id: bus, kind: van, at: [-4, 12], facing_deg: 90}\n  - {id: car, kind: car, at: [2.5, 11.5], facing_deg: 90}\n"+passers(4, 7, 13.8, 19, 9)),
		newCrowd("far-square", false, 24, "height_m: 8, tilt_deg: 20, focal_mm: 5",
			"structures:\n  - {kind: tree, at: [3, 22], height_m: 6}\nactors:\n"+passers(5, 12, 18, 28, 10)),
		newCrowd("windy", false, 25, "height_m: 5, tilt_deg: 20, focal_mm: 4, shake_px: 6", "actors:\n"+passers(6, 8, 10, 17, 8)),
	}
}

// crowdWidth is how wide the scenes are rendered: the truth's boxes are whole pixels of it.
const crowdWidth = 480

var crowdTruths sync.Map // name -> *truth.Sequence: each is rendered once

func (k *crowd) truth(t testing.TB) *truth.Sequence {
	t.Helper()
	if s, ok := crowdTruths.Load(k.name); ok {
		return s.(*truth.Sequence)
	}
	s, err := scene.Parse(k.name, []byte(k.text))
	if err != nil {
		t.Fatal(err)
	}
	r, err := scene.New(s, scene.Options{Width: crowdWidth, Rays: 1, NoWords: true, NoClock: true})
	if err != nil {
		t.Fatal(err)
	}
	seq, err := r.Truth(nil)
	if err != nil {
		t.Fatal(err)
	}
	crowdTruths.Store(k.name, seq)
	return seq
}

// detector is how truth is spoiled into what a detector gives. Its mistakes last, as real ones do:
// how well a thing is seen wanders with half a second's memory.
type detector struct {
	rng   *rand.Rand
	mood  map[int]float64
	ghost [6]bongsu.Box // places that look like somebody
}

func newDetector(seed uint64) *detector {
	d := &detector{rng: rand.New(rand.NewPCG(seed, 2)), mood: map[int]float64{}}
	for i := range d.ghost {
		x, y, h := d.rng.Float32()*0.9, 0.2+d.rng.Float32()*0.4, 0.1+0.15*d.rng.Float32()
		d.ghost[i] = bongsu.Box{X0: x, Y0: y, X1: x + h*0.25, Y1: y + h}
	}
	return d
}

// look gives the detections of one picture, dt seconds after the last: scores fall with what is
// hidden and wander, below 0.1 a thing is missed; edges are off by 4 % of the size; a half hidden
// thing's box is drawn to what is seen of it; of two boxes that overlap by more than 0.65 only the
// better stays, as after non-maximum suppression; now and then something looks like a person.
func (d *detector) look(f *truth.Frame, dt float64) []bongsu.Detection {
	keep := math.Exp(-dt / 0.5)
	var out []bongsu.Detection
	for i := range f.Objects {
		o := &f.Objects[i]
		if o.Class != bongsu.ClassPerson {
			continue
		}
		d.mood[o.ID] = keep*d.mood[o.ID] + math.Sqrt(1-keep*keep)*d.rng.NormFloat64()
		seen := float64(o.Visibility)
		score := 0.93 - 1.0*math.Pow(1-seen, 1.3) + 0.13*d.mood[o.ID] + 0.05*d.rng.NormFloat64()
		if score < 0.1 || seen < 0.15 || d.rng.Float64() < 0.03 {
			continue
		}
		part := float32(min(1, 1.5*(1-seen)))
		box := bongsu.Box{X0: blend(o.Box.X0, o.Seen.X0, part), Y0: blend(o.Box.Y0, o.Seen.Y0, part), X1: blend(o.Box.X1, o.Seen.X1, part), Y1: blend(o.Box.Y1, o.Seen.Y1, part)}
		out = append(out, bongsu.Detection{Class: bongsu.ClassPerson, Score: float32(min(score, 0.99)), Box: d.jitter(box, 0.04)})
	}
	for _, g := range d.ghost {
		if d.rng.Float64() < 0.04 {
			out = append(out, bongsu.Detection{Class: bongsu.ClassPerson, Score: float32(0.1 + 0.6*math.Pow(d.rng.Float64(), 2)), Box: d.jitter(g, 0.08)})
		}
	}
	return suppressed(out)
}

func blend(a, b, part float32) float32 { return a + (b-a)*part }

func (d *detector) jitter(b bongsu.Box, share float32) bongsu.Box {
	w, h := b.Width()*share, b.Height()*share
	n := func(s float32) float32 { return s * float32(d.rng.NormFloat64()) }
	out := bongsu.Box{X0: b.X0 + n(w), Y0: b.Y0 + n(h), X1: b.X1 + n(w), Y1: b.Y1 + n(h)}
	if out.X1 <= out.X0 || out.Y1 <= out.Y0 {
		return b
	}
	return out
}

func suppressed(dets []bongsu.Detection) []bongsu.Detection {
	slices.SortFunc(dets, func(a, b bongsu.Detection) int {
		if a.Score > b.Score {
			return -1
		}
		return 1
	})
	var kept []bongsu.Detection
	for _, d := range dets {
		if !slices.ContainsFunc(kept, func(k bongsu.Detection) bool { return k.Box.IoU(d.Box) > 0.65 }) {
			kept = append(kept, d)
		}
	}
	return kept
}

// crowdRows is the truth as MOT rows: who is hidden to nine tenths or more counts neither way.
func crowdRows(seq *truth.Sequence, every int) (rows []truth.MOTRow) {
	w, h := float64(seq.WidthPX), float64(seq.HeightPX)
	for i := 0; i < len(seq.Frames); i += every {
		for _, o := range seq.Frames[i].Objects {
			if o.Class != bongsu.ClassPerson {
				continue
			}
			r := truth.MOTRow{Frame: i/every + 1, ID: o.ID, Left: float64(o.Box.X0) * w, Top: float64(o.Box.Y0) * h,
				W: float64(o.Box.Width()) * w, H: float64(o.Box.Height()) * h, Conf: 1, Class: 1}
			if o.Visibility < 0.1 {
				r.Conf, r.Class = 0, 8
			}
			rows = append(rows, r)
		}
	}
	return rows
}
