package pipeline

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bongsu"
	"bongsu/edge/rules"
	"bongsu/edge/score"
	"bongsu/edge/track"
	"bongsu/edge/vision"
	"bongsu/streams"
	"bongsu/streams/avcodec"
	"bongsu/streams/replay"
	"bongsu/streams/scene"
	"bongsu/streams/truth"
)

// fakeMotion says that the camera moved with every third picture.
type fakeMotion struct{ n int }

func (m *fakeMotion) Look(*bongsu.Frame) (dx, dy float32) {
	if m.n++; m.n%3 == 0 {
		return 0.1, -0.05
	}
	return 0, 0
}

func TestCameraMotionReachesTheTracker(t *testing.T) {
	b := newBench(30)
	b.detector.failEvery = 5 // what the model did not see the tracker did not either
	motion := &fakeMotion{}
	b.o.Motion = motion
	c := New(b.o)
	if err := c.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := b.settled(t, c); motion.n != int(got.Inferred) || len(b.stages.pans) != motion.n/3 || b.stages.pans[0] != [2]float32{0.1, -0.05} {
		t.Errorf("%d looked at, %d measured, told %v", got.Inferred, motion.n, b.stages.pans)
	}
}

const walkersScene = `schema: 1
name: walkers
title: 지나는 사람들
seed: 31
duration_s: 12
camera: {height_m: 6, tilt_deg: 18, focal_mm: 6, width_px: 640, height_px: 360, fps: 5}
light: {time: noon}
weather: {wind: 0.9}
ground: {base: paving}
structures:
  - {kind: building, at: [-12, 38], width_m: 20, depth_m: 8, height_m: 12, material: brick}
  - {kind: block, at: [7, 20], width_m: 2, depth_m: 0.6, height_m: 0.5, material: wood}
actors:
  - {id: a, kind: person, at: [-5, 20], do: [{act: walk, to: [[6, 20], [-5, 20]]}]}
  - {id: b, kind: person, at: [5, 21.5], do: [{act: walk, to: [[-6, 21.5], [5, 21.5]]}]}
  - {id: c, kind: person, at: [0, 24], do: [{act: stand}]}
  - {id: d, kind: person, at: [0.8, 24], do: [{act: stand}]}
  - {id: e, kind: person, at: [-2, 26], do: [{act: walk, to: [[3, 18], [-2, 26]]}]}
  - {id: f, kind: person, at: [2, 28], do: [{act: walk, to: [[-5, 26], [2, 28]]}]}
`

// follow plays a scene: its truth, a little unsteady, is what the model sees. It returns the scores
// of the tracks of a tracker that is told of the camera's motion and of one that is not, and in how
// many pictures the camera was measured to move.
func follow(t *testing.T, text string, seed uint64) (told, untold score.MOT, moved int) {
	t.Helper()
	s, err := scene.Parse("walkers", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	r, err := scene.New(s, scene.Options{Rays: 1})
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(seed, 1))
	motion, f := &vision.Motion{}, r.NewFrame()
	trackers := [2]*track.Tracker{track.New(track.Options{}), track.New(track.Options{})}
	var gt []truth.MOTRow
	var results [2][]truth.MOTRow
	row := func(n, id int, b bongsu.Box) truth.MOTRow {
		return truth.MOTRow{Frame: n + 1, ID: id, Left: float64(b.X0), Top: float64(b.Y0), W: float64(b.Width()), H: float64(b.Height()), Conf: 1}
	}
	for n := range r.Frames() {
		what := r.Draw(n, f)
		var dets []bongsu.Detection
		for _, o := range what.Objects {
			gt = append(gt, row(n, o.ID, o.Box))
			if o.Visibility > 0.3 {
				j := func(size float32) float32 { return 0.04 * size * float32(rng.NormFloat64()) }
				b := bongsu.Box{X0: o.Box.X0 + j(o.Box.Width()), Y0: o.Box.Y0 + j(o.Box.Height()), X1: o.Box.X1 + j(o.Box.Width()), Y1: o.Box.Y1 + j(o.Box.Height())}
				dets = append(dets, bongsu.Detection{Class: o.Class, Box: b, Score: 0.8})
			}
		}
		dx, dy := motion.Look(f)
		if dx != 0 || dy != 0 {
			moved++
		}
		trackers[0].Pan(dx, dy)
		for i, tracker := range trackers {
			for _, k := range tracker.Update(r.PTS(n), dets) {
				if k.State == bongsu.TrackConfirmed {
					results[i] = append(results[i], row(n, int(k.ID), k.Box))
				}
			}
		}
	}
	var scores [2]score.MOT
	for i := range results {
		if scores[i], err = score.Tracks(gt, results[i]); err != nil {
			t.Fatal(err)
		}
	}
	return scores[0], scores[1], moved
}

// TestShakingCamera: wind shakes a pole so that the picture jumps by up to a body's width from one
// picture to the next. Measured and told, the tracks hold better; on a still camera nothing is told.
func TestShakingCamera(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	if told, untold, moved := follow(t, walkersScene, seed); moved != 0 || told != untold {
		t.Errorf("a still camera is said to have moved in %d pictures: %+v, untold %+v", moved, told, untold)
	}
	shaking := strings.Replace(walkersScene, "fps: 5}", "fps: 5, shake_px: 20}", 1)
	with, without, moved := follow(t, shaking, seed)
	t.Logf("shaking, measured to move in %d pictures: MOTA %.1f %%, IDF1 %.1f %%, %d switches; untold: MOTA %.1f %%, IDF1 %.1f %%, %d switches",
		moved, 100*with.MOTA, 100*with.IDF1, with.Switches, 100*without.MOTA, 100*without.IDF1, without.Switches)
	if with.IDF1 <= without.IDF1 || with.MOTA < without.MOTA || moved < with.Frames/2 {
		t.Errorf("telling the tracker did not help")
	}
}

// TestRealCamerasThatHangStill: two cameras on walls, one with people close by, one with cars that
// drive past, never seem to move.
func TestRealCamerasThatHangStill(t *testing.T) {
	data := os.Getenv("BONGSU_DATA")
	if data == "" {
		t.Skip("needs BONGSU_DATA, the folder of real data")
	}
	for _, name := range []string{"one-by-one-person-detection.mp4", "vehicle_survaillance.mp4"} {
		src, err := replay.Open(filepath.Join(data, "videos", name), replay.Options{Camera: "c"})
		if err != nil {
			t.Fatal(err)
		}
		defer src.Close()
		dec, err := avcodec.NewDecoder(avcodec.Options{Codec: streams.H264})
		if errors.Is(err, bongsu.ErrNoCgo) {
			t.Skip("needs cgo")
		}
		if err != nil {
			t.Fatal(err)
		}
		defer dec.Close()
		motion, moved := &vision.Motion{}, 0
		for motion.Reads() < 200 {
			au, err := src.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if err := dec.Send(au); err != nil {
				t.Fatal(err)
			}
			for {
				f, err := dec.Receive()
				if errors.Is(err, streams.ErrNeedMore) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				if dx, dy := motion.Look(f); dx != 0 || dy != 0 {
					moved++
				}
				f.Release()
			}
		}
		t.Logf("%s: %d patches of %d pictures were looked for elsewhere", name, motion.Searches(), motion.Reads())
		if moved > 0 {
			t.Errorf("%s: said to have moved in %d of %d pictures", name, moved, motion.Reads())
		}
	}
}

// TestStaysOutliveWhatHides: somebody loiters, and a car hides him for two to five seconds. Whether
// the tracker gives him his ID back or the rules continue his stay under a new one, he is announced
// once, when the dwell has passed since he came.
func TestStaysOutliveWhatHides(t *testing.T) {
	zone := []bongsu.Point{{X: 0.1, Y: 0.1}, {X: 0.9, Y: 0.1}, {X: 0.9, Y: 0.9}, {X: 0.1, Y: 0.9}}
	for _, c := range []struct {
		name   string
		relink time.Duration // of the tracker
		ids    int
	}{
		{"the tracker continues", 6 * time.Second, 1},
		{"the rules continue", time.Millisecond, 2},
	} {
		for _, hidden := range []float64{2.5, 4, 5} {
			set, err := rules.New(rules.Options{Rules: []rules.Rule{{ID: "stay", Kind: bongsu.KindLoitering, Zone: zone, MinScore: 0.5, Dwell: 10 * time.Second}}})
			if err != nil {
				t.Fatal(err)
			}
			tracker := track.New(track.Options{RelinkFor: c.relink})
			ids, begun := map[bongsu.TrackID]bool{}, []float64{}
			for n := range 80 { // 16 s at 5 pictures a second
				at := time.Duration(n) * 200 * time.Millisecond
				s := at.Seconds()
				x := float32(0.3 + 0.01*s) // he strolls
				var dets []bongsu.Detection
				if s < 4 || s > 4+hidden {
					dets = append(dets, bongsu.Detection{Class: bongsu.ClassPerson, Score: 0.85, Box: bongsu.Box{X0: x - 0.04, Y0: 0.4, X1: x + 0.04, Y1: 0.7}})
				}
				tracks := tracker.Update(at, dets)
				for _, k := range tracks {
					if k.State == bongsu.TrackConfirmed {
						ids[k.ID] = true
					}
				}
				for _, f := range set.Evaluate(bongsu.Picture{At: epoch.Add(at), PTS: at, Width: 640, Height: 360}, tracks) {
					if f.Phase == bongsu.FiringBegin {
						begun = append(begun, s)
					}
				}
			}
			if len(ids) != c.ids || len(begun) != 1 || begun[0] < 9.9 || begun[0] > 11 {
				t.Errorf("%s, hidden for %g s: IDs %v, announced at %v s; once, 10 s after he came", c.name, hidden, ids, begun)
			}
		}
	}
}
