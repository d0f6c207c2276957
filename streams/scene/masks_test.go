package scene

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"slices"
	"strings"
	"testing"

	"bongsu"
	"bongsu/streams/truth"
)

// parade is a scene with something of every class and kind, some of it behind other things and some
// of it cut by the picture's edge. Nothing in it depends on others, so that each may stand alone.
const parade = `schema: 1
name: parade
title: 시험
seed: 11
duration_s: 6
camera: {height_m: 6, tilt_deg: 18, focal_mm: 3.6, width_px: 480, height_px: 270, fps: 5, distortion: 0, noise: 0}
light: {time: morning}
`

// paradeHides is what stands about and hides actors.
const paradeHides = `structures:
  - {kind: wall, path: [[-7, 12], [-4.5, 12]], height_m: 1.1}
  - {kind: block, at: [3.2, 10.5], width_m: 0.5, depth_m: 0.5, height_m: 2}
  - {kind: pole, at: [0.4, 14], height_m: 6}
`

// paradeActors are the actors, a line each.
var paradeActors = []string{
	`{id: walker, kind: person, at: [-6, 13], do: [{act: walk, to: [[-3, 13]]}]}`,
	`{id: fallen, kind: person, at: [-1.5, 9], do: [{act: fall}]}`,
	`{id: sitter, kind: person, at: [2, 9], facing_deg: 180, do: [{act: sit}]}`,
	`{id: umbrella, kind: person, at: [3.3, 12], look: {umbrella: true, backpack: true}}`,
	`{id: bicycle, kind: bicycle, at: [-5, 17], do: [{act: drive, to: [[4, 17]], speed_ms: 2}]}`,
	`{id: moto, kind: motorcycle, at: [6, 15.5], do: [{act: drive, to: [[-3, 15.5]], speed_ms: 2}]}`,
	`{id: car, kind: car, at: [-9, 19.5], facing_deg: 90, do: [{act: drive, to: [[3, 19.5]], speed_ms: 3}]}`,
	`{id: van, kind: van, at: [9.5, 12], facing_deg: 20}`,
	`{id: truck, kind: truck, at: [8, 26], facing_deg: 270, do: [{act: drive, to: [[-4, 26]], speed_ms: 3}]}`,
	`{id: bus, kind: bus, at: [-17, 23], facing_deg: 90, do: [{act: drive, to: [[-8, 23]], speed_ms: 2}]}`,
	`{id: bag, kind: bag, at: [-0.5, 10.5], look: {color: red}}`,
	`{id: dog, kind: dog, at: [0, 12], do: [{act: walk, to: [[4, 12.4]], speed_ms: 1}]}`,
	`{id: cat, kind: cat, at: [1, 8.5]}`,
	`{id: boar, kind: boar, at: [5, 18], do: [{act: walk, to: [[0, 18]], speed_ms: 1}]}`,
	`{id: deer, kind: deer, at: [-3, 15], facing_deg: 80}`,
	`{id: fire, kind: fire, at: [-2.6, 11], size_m: 1}`,
	`{id: smoke, kind: smoke, at: [6.2, 13], size_m: 1}`,
}

// paradeClasses must all be seen, as COCO names them.
var paradeClasses = []string{"person", "fallen person", "bicycle", "motorcycle", "car", "truck", "bus", "bag", "animal", "fire", "smoke"}

func paradeScene(t *testing.T, text string, actors ...string) *Scene {
	t.Helper()
	return parsed(t, text+"actors:\n  - "+strings.Join(actors, "\n  - ")+"\n")
}

func paradeOf(t *testing.T, text string, actors ...string) *Renderer {
	t.Helper()
	r, err := New(paradeScene(t, text, actors...), Options{NoWords: true, NoClock: true})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// idsOf are the objects of one actor in a frame: a rider and what is ridden are two.
func idsOf(fr *truth.Frame, actor string) (out []truth.Object) {
	for _, o := range fr.Objects {
		if o.Actor == actor {
			out = append(out, o)
		}
	}
	return out
}

// TestEveryClassAgainstItsMaskAlone renders each actor together with all others and alone. Alone,
// nothing hides it: its mask then gives the whole box, and the pixels of both masks the visibility.
func TestEveryClassAgainstItsMaskAlone(t *testing.T) {
	all := paradeOf(t, parade+paradeHides, paradeActors...)
	w, h := all.view.w, all.view.h
	seen, hidden, cut := map[string]bool{}, map[string]bool{}, map[string]bool{}
	frames := []int{1, 12, 24}
	drawn := map[int]truth.Frame{}
	masks := map[int][]uint16{}
	f := all.NewFrame()
	for _, n := range frames {
		drawn[n] = all.Draw(n, f)
		masks[n] = slices.Clone(all.Mask())
	}
	alone := paradeOf(t, parade, paradeActors[0])
	for _, text := range paradeActors {
		alone.Recast(paradeScene(t, parade, text).Actors, all.seed)
		for _, n := range frames {
			fr, whole := drawn[n], alone.Draw(n, f)
			objects := idsOf(&fr, alone.cast[0].name)
			if len(objects) != len(whole.Objects) {
				t.Errorf("picture %d: %s is %d objects among others, %d alone", n, alone.cast[0].name, len(objects), len(whole.Objects))
				continue
			}
			for i, o := range objects {
				class := truth.DefaultCOCOClass(&o)
				seen[class] = seen[class] || o.Visibility > 0
				hidden[class] = hidden[class] || o.Visibility < 0.95
				cut[class] = cut[class] || o.Truncated
				what := fmt.Sprintf("picture %d: %s %d", n, o.Actor, i)
				if o.Box != whole.Objects[i].Box || o.Truncated != whole.Objects[i].Truncated {
					t.Errorf("%s: box %v, truncated %v among others; %v, %v alone", what, o.Box, o.Truncated, whole.Objects[i].Box, whole.Objects[i].Truncated)
				}
				if soft := o.Class == bongsu.ClassFire || o.Class == bongsu.ClassSmoke; !soft && len(objects) == 1 {
					checkAlone(t, what, &o, masks[n], alone.Mask(), w, h)
				}
			}
		}
	}
	for _, c := range paradeClasses {
		if !seen[c] {
			t.Errorf("no %s was ever seen", c)
		}
	}
	if len(hidden) < 4 || len(cut) < 2 {
		t.Errorf("partly hidden were %v, cut by the edge %v: too few to tell", hidden, cut)
	}
}

// checkAlone compares an object with the pixels that it has among others and alone.
func checkAlone(t *testing.T, what string, o *truth.Object, among, alone []uint16, w, h int) {
	t.Helper()
	x0, y0, x1, y1, all := maskBox(alone, w, h, 1)
	want := image.Rect(x0, y0, x1, y1)
	// A row of pixels may be hidden by the ground that a tyre or a paw stands on.
	if got := rectOf(o.Box, w, h); !want.In(got) || !got.In(want.Inset(-1)) {
		t.Errorf("%s: box %v, alone its pixels are in %v", what, got, want)
	}
	_, _, _, _, left := maskBox(among, w, h, uint16(o.ID))
	if share := float64(left) / float64(all); math.Abs(share-float64(o.Visibility)) > 0.03 {
		t.Errorf("%s: visibility %v, %d of %d pixels are seen", what, o.Visibility, left, all)
	}
}

// TestDrawnBoxesHoldTheirPixels draws the boxes of what is seen on the picture of the masks: all
// pixels of an object lie inside its lines, and each of the four lines touches one.
func TestDrawnBoxesHoldTheirPixels(t *testing.T) {
	r := paradeOf(t, parade+paradeHides, paradeActors...)
	f := r.NewFrame()
	for _, n := range []int{0, 9, 18, 27} {
		fr := r.Draw(n, f)
		for _, o := range fr.Objects {
			if o.Visibility == 0 {
				continue
			}
			board := image.NewRGBA(image.Rect(0, 0, f.Width, f.Height))
			mark := color.RGBA{255, 0, 0, 255}
			outline(board, o.Seen, mark)
			inside := rectOf(o.Seen, f.Width, f.Height)
			touched := map[string]bool{}
			for i, id := range r.Mask() {
				p := image.Pt(i%f.Width, i/f.Width)
				if id != uint16(o.ID) {
					continue
				}
				if !p.In(inside) {
					t.Fatalf("picture %d: %s has a pixel at %v, outside its box %v", n, o.Actor, p, inside)
				}
				touched["left"] = touched["left"] || p.X == inside.Min.X
				touched["right"] = touched["right"] || p.X == inside.Max.X-1
				touched["top"] = touched["top"] || p.Y == inside.Min.Y
				touched["bottom"] = touched["bottom"] || p.Y == inside.Max.Y-1
				if edge := p.X == inside.Min.X || p.Y == inside.Min.Y || p.X == inside.Max.X-1 || p.Y == inside.Max.Y-1; edge && board.RGBAAt(p.X, p.Y) != mark {
					t.Fatalf("picture %d: %s: the drawn line is not at %v", n, o.Actor, p)
				}
			}
			for _, side := range []string{"left", "right", "top", "bottom"} {
				if !touched[side] {
					t.Errorf("picture %d: %s %s: no pixel touches the %s of %v", n, o.Actor, o.Class, side, inside)
				}
			}
		}
	}
}

// TestTruncationAgainstAWiderLens looks through a lens of half the focal length as well: from its
// picture follows what the longer lens cuts off, and where.
func TestTruncationAgainstAWiderLens(t *testing.T) {
	narrow := paradeOf(t, strings.Replace(parade, "focal_mm: 3.6", "focal_mm: 7.2", 1), paradeActors...)
	wide := paradeOf(t, parade, paradeActors...)
	fn, fw := narrow.NewFrame(), wide.NewFrame()
	cut, free := 0, 0
	for _, n := range []int{0, 10, 20} {
		a, b := narrow.Draw(n, fn), wide.Draw(n, fw)
		for _, o := range b.Objects {
			i := slices.IndexFunc(a.Objects, func(q truth.Object) bool { return q.ID == o.ID })
			if o.Truncated || i < 0 || o.Class == bongsu.ClassFire || o.Class == bongsu.ClassSmoke {
				continue
			}
			checkCut(t, &a.Objects[i], &o)
			if a.Objects[i].Truncated {
				cut++
			} else {
				free++
			}
		}
	}
	if cut < 4 || free < 8 {
		t.Errorf("%d objects were cut, %d were not: too few to tell", cut, free)
	}
}

// checkCut compares what a lens shows of an object with what one of half its focal length shows.
func checkCut(t *testing.T, got, wide *truth.Object) {
	t.Helper()
	const near = 5.0 / 480 // pixels of the longer lens, of which the wider one has half as many
	grow := func(v float32) float64 { return (float64(v)-0.5)*2 + 0.5 }
	x0, y0, x1, y1 := grow(wide.Box.X0), grow(wide.Box.Y0), grow(wide.Box.X1), grow(wide.Box.Y1)
	over := math.Max(math.Max(-x0, -y0), math.Max(x1-1, y1-1))
	if over > near && !got.Truncated || over < -near && got.Truncated {
		t.Errorf("%s at %.3f..%.3f × %.3f..%.3f: truncated %v", got.Actor, x0, x1, y0, y1, got.Truncated)
	}
	for k, v := range [4][2]float64{{x0, float64(got.Box.X0)}, {y0, float64(got.Box.Y0)}, {-x1, -float64(got.Box.X1)}, {-y1, -float64(got.Box.Y1)}} {
		low := 0.0
		if k > 1 {
			low = -1
		}
		want := math.Max(v[0], low)
		if v[1] < want-near || !got.Truncated && v[1] > want+near { // what is cut may be what reached farthest
			t.Errorf("%s: side %d of its box is at %.3f, the wider lens says %.3f", got.Actor, k, v[1], want)
		}
	}
}
