package scene

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"bongsu"
	"bongsu/streams/truth"
)

// stage is a small scene with one of most things, for tests that need pictures.
const stage = `schema: 1
name: stage
title: 시험
seed: 4
duration_s: 18
camera: {height_m: 4, tilt_deg: 20, focal_mm: 4, width_px: 160, height_px: 90, fps: 10}
light: {time: LIGHT}
weather: {wind: 0.4}
ground:
  base: grass
  areas: [{material: asphalt, polygon: [[-30, 8], [30, 8], [30, 14], [-30, 14]], kerb: true}]
  marks: [{path: [[-30, 11], [30, 11]], color: yellow, dash_m: 2}]
structures:
  - {kind: building, at: [0, 30], width_m: 20, depth_m: 6, height_m: 6}
  - {kind: wall, path: [[3, 9], [7, 9]], height_m: 1.2}
  - {kind: fence, path: [[-20, 18], [20, 18]], height_m: 1.5}
  - {kind: lamp, at: [-3, 15], height_m: 5}
  - {kind: tree, at: [5, 17], height_m: 5}
  - {kind: flag, at: [-5, 16], height_m: 5}
actors:
  - {id: walker, kind: person, at: [-5, 9], do: [{act: walk, to: [[0, 9]]}, {act: leave, with: bag}, {act: walk, to: [[5, 10]]}]}
  - {id: bag, kind: bag, carried_by: walker}
  - {id: one, kind: person, at: [-2, 12], do: [{act: fight, with: two, for_s: 3}, {act: fall}]}
  - {id: two, kind: person, at: [-1, 12], do: [{act: fight, with: one, for_s: 3}, {act: run, to: [[6, 14]]}]}
  - {id: car, kind: car, at: [-8, 13], from_s: 1, do: [{act: drive, to: [[8, 13]], speed_ms: 4}]}
  - {id: rider, kind: bicycle, at: [7, 11], do: [{act: drive, to: [[-7, 11]], speed_ms: 2}]}
  - {id: dog, kind: dog, at: [-3, 7.5], do: [{act: walk, to: [[3, 7.5]], speed_ms: 1}]}
  - {id: fire, kind: fire, at: [3, 15], size_m: 1, from_s: 2}
  - {id: smoke, kind: smoke, at: [3, 15.2], size_m: 1, from_s: 2}
zones:
  - {name: road, kind: intrusion, polygon: [[0.3, 0.4], [0.7, 0.4], [0.7, 0.95], [0.3, 0.95]]}
lines:
  - {name: gate, points: [[0.5, 0.2], [0.5, 1]], forbidden: both}
`

func parsed(t testing.TB, text string) *Scene {
	t.Helper()
	s, err := Parse("stage.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func rendered(t testing.TB, light string, opt Options) *Renderer {
	t.Helper()
	r, err := New(parsed(t, strings.Replace(stage, "LIGHT", light, 1)), opt)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func pixels(f *bongsu.Frame) []byte {
	return slices.Concat(f.Planes[0].Data, f.Planes[1].Data, f.Planes[2].Data)
}

func TestSameSceneSameSeedSamePictures(t *testing.T) {
	small := Options{Width: 96, FPS: 4}
	a, b := rendered(t, TimeEvening, small), rendered(t, TimeEvening, small)
	fa, fb := a.NewFrame(), b.NewFrame()
	sa, sb := a.NewSequence(), b.NewSequence()
	order := []int{0, 35, 7, 44, 36} // in any order: no frame depends on the one before
	for _, n := range order {
		a.Draw(n, fa)
	}
	for n := range a.Frames() {
		sa.Frames, sb.Frames = append(sa.Frames, a.Draw(n, fa)), append(sb.Frames, b.Draw(n, fb))
		if !bytes.Equal(pixels(fa), pixels(fb)) {
			t.Fatalf("picture %d differs between two renderers", n)
		}
	}
	sa.Events, sb.Events = a.Events(sa), b.Events(sb)
	var wa, wb bytes.Buffer
	if sa.WriteJSON(&wa) != nil || sb.WriteJSON(&wb) != nil || !bytes.Equal(wa.Bytes(), wb.Bytes()) {
		t.Error("the truth differs between two renderers")
	}
	c := rendered(t, TimeEvening, Options{Seed: 99, Width: 96, FPS: 4})
	fc := c.NewFrame()
	c.Draw(35, fc)
	a.Draw(35, fa)
	if bytes.Equal(pixels(fa), pixels(fc)) {
		t.Error("another seed gave the same picture")
	}
}

// golden holds the hashes of one small picture of each time of day. BONGSU_GOLDEN=write renews
// the file: look at the pictures before that is committed.
const goldenFile = "testdata/golden.txt"

func TestGoldenPictures(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("other processors round products in another way: the pictures differ in the last bit")
	}
	var got strings.Builder
	for _, light := range Times {
		r := rendered(t, light, Options{Width: 96})
		f := r.NewFrame()
		r.Draw(45, f)
		sum := sha256.Sum256(pixels(f))
		fmt.Fprintf(&got, "%s %s\n", light, hex.EncodeToString(sum[:8]))
	}
	if os.Getenv("BONGSU_GOLDEN") == "write" {
		if err := os.WriteFile(goldenFile, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(goldenFile)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("the pictures have changed; when that is meant, look at them and renew the file with BONGSU_GOLDEN=write\ngot\n%swant\n%s", got.String(), want)
	}
}

// TestBoxesAgainstMasks compares each box with the pixels that show its object.
func TestBoxesAgainstMasks(t *testing.T) {
	r := rendered(t, TimeNoon, Options{})
	f := r.NewFrame()
	w, h := f.Width, f.Height
	seenClasses := map[bongsu.Class]bool{}
	for n := 0; n < r.Frames(); n += 4 {
		fr := r.Draw(n, f)
		for _, o := range fr.Objects {
			x0, y0, x1, y1, count := maskBox(r.Mask(), w, h, uint16(o.ID))
			if count == 0 {
				if o.Visibility > 0 {
					t.Fatalf("picture %d: %s %s has visibility %v and no pixel", n, o.Actor, o.Class, o.Visibility)
				}
				continue
			}
			seenClasses[o.Class] = true
			got := bongsu.Box{X0: float32(x0) / float32(w), Y0: float32(y0) / float32(h), X1: float32(x1) / float32(w), Y1: float32(y1) / float32(h)}
			if got != o.Seen {
				t.Errorf("picture %d: %s %s: seen box %v, its pixels are in %v", n, o.Actor, o.Class, o.Seen, got)
			}
			if o.Seen.X0 < o.Box.X0 || o.Seen.Y0 < o.Box.Y0 || o.Seen.X1 > o.Box.X1 || o.Seen.Y1 > o.Box.Y1 {
				t.Errorf("picture %d: %s: what is seen, %v, leaves the box %v", n, o.Actor, o.Seen, o.Box)
			}
			if o.Visibility == 1 && o.Class != bongsu.ClassFire && o.Class != bongsu.ClassSmoke && o.Seen != o.Box {
				t.Errorf("picture %d: %s is wholly seen, in %v, and its box is %v", n, o.Actor, o.Seen, o.Box)
			}
		}
	}
	for _, c := range []bongsu.Class{bongsu.ClassPerson, bongsu.ClassCar, bongsu.ClassBicycle, bongsu.ClassBag, bongsu.ClassAnimal, bongsu.ClassFire, bongsu.ClassSmoke} {
		if !seenClasses[c] {
			t.Errorf("no %s was ever seen", c)
		}
	}
}

func maskBox(ids []uint16, w, h int, id uint16) (x0, y0, x1, y1, count int) {
	x0, y0 = w, h
	for i, v := range ids {
		if v == id {
			x, y := i%w, i/w
			x0, y0, x1, y1, count = min(x0, x), min(y0, y), max(x1, x+1), max(y1, y+1), count+1
		}
	}
	return x0, y0, x1, y1, count
}

// TestBoxesAgainstPictures finds objects without the masks: the picture with the actor is compared
// to the one without. What changes is the actor and its shadow on the ground.
func TestBoxesAgainstPictures(t *testing.T) {
	const one = `schema: 1
name: one
title: 한 사람
duration_s: 6
camera: {height_m: 4, tilt_deg: 20, focal_mm: 4, noise: 0, width_px: 320, height_px: 180, shutter: 0}
light: {time: night-ir}
`
	with, err := New(parsed(t, one+"actors: [{id: a, kind: person, at: [-4, 10], do: [{act: walk, to: [[4, 10]]}]}]\n"), Options{NoWords: true, NoClock: true})
	if err != nil {
		t.Fatal(err)
	}
	without, err := New(parsed(t, one), Options{NoWords: true, NoClock: true})
	if err != nil {
		t.Fatal(err)
	}
	a, b := with.NewFrame(), without.NewFrame()
	for n := 5; n < 80; n += 10 {
		fr := with.Draw(n, a)
		without.Draw(n, b)
		x0, y0, x1, _, count := changed(a, b)
		if len(fr.Objects) != 1 || count == 0 {
			t.Fatalf("picture %d: %d objects, %d pixels changed", n, len(fr.Objects), count)
		}
		box := fr.Objects[0].Box
		for _, edge := range []struct {
			name      string
			got, want float32
		}{{"left", box.X0 * 320, float32(x0)}, {"top", box.Y0 * 180, float32(y0)}, {"right", box.X1 * 320, float32(x1)}} {
			if d := edge.got - edge.want; d < -2.5 || d > 2.5 {
				t.Errorf("picture %d: the box's %s is at %v, the picture changes from %v on", n, edge.name, edge.got, edge.want)
			}
		}
	}
}

func changed(a, b *bongsu.Frame) (x0, y0, x1, y1, count int) {
	x0, y0 = a.Width, a.Height
	for i := range a.Planes[0].Data {
		if d := int(a.Planes[0].Data[i]) - int(b.Planes[0].Data[i]); d < -20 || d > 20 {
			x, y := i%a.Width, i/a.Width
			x0, y0, x1, y1, count = min(x0, x), min(y0, y), max(x1, x+1), max(y1, y+1), count+1
		}
	}
	return x0, y0, x1, y1, count
}

func TestEventsOfTheStage(t *testing.T) {
	r := rendered(t, TimeMorning, Options{FPS: 5})
	seq, err := r.Truth(nil)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, e := range seq.Events {
		got[e.Kind]++
		if e.EndUS < e.StartUS || e.EndUS > seq.DurationUS {
			t.Errorf("%s from %d to %d", e.Kind, e.StartUS, e.EndUS)
		}
	}
	for _, kind := range []string{EventIntrusion, EventWrongWay, EventFall, EventFight, EventFire, EventAbandonment} {
		if got[kind] == 0 {
			t.Errorf("there is no event %s: %v", kind, got)
		}
	}
	if got[EventFight] != 1 || got[EventFall] != 1 || got[EventFire] != 1 {
		t.Errorf("one thing that happens is one event: %v", got)
	}
	clip := r.Clip(seq, truth.Falldown, "stage.mp4")
	var b bytes.Buffer
	if err := clip.Write(&b); err != nil {
		t.Fatal(err)
	}
	again, err := truth.ReadClip(&b)
	if err != nil || len(again.Alarms) != 1 || again.Zones.Area(truth.AreaIntrusion) == nil {
		t.Errorf("the clip file: %+v, %v", again, err)
	}
}

func TestStopRendering(t *testing.T) {
	stop := fmt.Errorf("enough")
	seq, err := rendered(t, TimeNoon, Options{Width: 64}).Truth(func(done int) error {
		if done == 3 {
			return stop
		}
		return nil
	})
	if err != stop || seq != nil {
		t.Errorf("got %v, %v", seq, err)
	}
}

func TestWordsAreBurntIn(t *testing.T) {
	with, without := rendered(t, TimeNoon, Options{}), rendered(t, TimeNoon, Options{NoWords: true, NoClock: true})
	a, b := with.NewFrame(), without.NewFrame()
	with.Draw(0, a)
	without.Draw(0, b)
	bright := func(f *bongsu.Frame) (n int) {
		for y := f.Height - 38; y < f.Height; y++ {
			for x := f.Width - 40; x < f.Width; x++ {
				if f.Planes[0].Data[y*f.Width+x] == 232 {
					n++
				}
			}
		}
		return n
	}
	if bright(a) < 150 || bright(b) > 20 {
		t.Errorf("white dots in the corner: %d with the words, %d without", bright(a), bright(b))
	}
}

func TestSizesAndRates(t *testing.T) {
	r := rendered(t, TimeNoon, Options{Width: 97, FPS: 5})
	if c := r.Scene().Camera; c.WidthPX != 98 || c.HeightPX != 54 || r.Frames() != 90 {
		t.Errorf("%d×%d, %d pictures", c.WidthPX, c.HeightPX, r.Frames())
	}
	if err := r.NewFrame().Check(); err != nil {
		t.Error(err)
	}
	if _, err := New(parsed(t, strings.Replace(stage, "LIGHT", TimeNoon, 1)), Options{Width: 9000}); err == nil {
		t.Error("a picture of 9000 pixels was taken")
	}
}

func TestLoadMissing(t *testing.T) {
	if _, err := Load(filepath.Join(t.TempDir(), "none.yaml")); !os.IsNotExist(err) {
		t.Errorf("got %v", err)
	}
}

func BenchmarkDraw(b *testing.B) {
	for _, name := range []string{"intruder-night", "traffic-noon", "crowd-plaza", "rain-evening", "fire-evening"} {
		b.Run(name, func(b *testing.B) {
			s, err := Load("library/" + name + ".yaml")
			if err != nil {
				b.Fatal(err)
			}
			r, err := New(s, Options{})
			if err != nil {
				b.Fatal(err)
			}
			f := r.NewFrame()
			n := 0
			for b.Loop() {
				r.Draw(n%r.Frames(), f)
				n++
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "frames/s")
		})
	}
}
