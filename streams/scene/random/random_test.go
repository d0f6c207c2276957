package random

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bongsu"
	"bongsu/streams/scene"
	"bongsu/streams/truth"
)

func small(dir, look string) Options {
	return Options{Dir: dir, Look: look, Scenes: 3, Frames: 2, Seed: 4, Width: 160, Height: 90}
}

func read(t *testing.T, dir, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestSameOptionsSameBytesWhateverTheJobs(t *testing.T) {
	a, b := filepath.Join(t.TempDir(), "a"), t.TempDir()
	calls := 0
	o := small(a, LookTrain)
	o.Progress = func(done, all int) {
		if calls++; done != calls || all != 3 {
			t.Errorf("told %d of %d at call %d", done, all, calls)
		}
	}
	if err := Write(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	o = small(b, LookTrain)
	o.Jobs = 3
	if err := Write(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"frames.i420", "labels.jsonl", "dataset.json"} {
		if !bytes.Equal(read(t, a, name), read(t, b, name)) {
			t.Errorf("%s differs between one job and three", name)
		}
	}
	if calls != 3 {
		t.Errorf("progress was told %d times, want 3", calls)
	}
	checkSet(t, a, LookTrain)
}

// checkSet demands that a small data set holds what its files say.
func checkSet(t *testing.T, dir, look string) {
	t.Helper()
	var h head
	if err := json.Unmarshal(read(t, dir, "dataset.json"), &h); err != nil {
		t.Fatal(err)
	}
	if h.Schema != 1 || h.Look != look || h.Width != 160 || h.Height != 90 || h.Format != "i420" || h.Frames != 6 || !slices.Equal(h.Classes, Classes) {
		t.Errorf("dataset.json says %+v", h)
	}
	if n := len(read(t, dir, "frames.i420")); n != 6*160*90*3/2 {
		t.Errorf("frames.i420 has %d bytes", n)
	}
	lines := bytes.Split(bytes.TrimSpace(read(t, dir, "labels.jsonl")), []byte("\n"))
	if len(lines) != 6 {
		t.Fatalf("%d lines of labels", len(lines))
	}
	for i, line := range lines {
		var l Label
		if err := json.Unmarshal(line, &l); err != nil {
			t.Fatal(err)
		}
		if l.Frame != i || !strings.HasPrefix(l.Scene, look+"-") || !slices.Contains(scene.Times, l.Time) || l.Boxes == nil {
			t.Errorf("line %d says %+v", i, l)
		}
		for _, b := range l.Boxes {
			if !slices.Contains(Classes, b.Class) || b.X < 0 || b.Y < 0 || b.W <= 0 || b.H <= 0 || b.X+b.W > 160.01 || b.Y+b.H > 90.01 || b.Visibility < 0 || b.Visibility > 1 {
				t.Errorf("line %d has the box %+v", i, b)
			}
		}
	}
}

func TestHeldOutIsAnotherSet(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "h")
	if err := Write(t.Context(), small(dir, LookHeldOut)); err != nil {
		t.Fatal(err)
	}
	checkSet(t, dir, LookHeldOut)
}

func TestRefusals(t *testing.T) {
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "x"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		change func(*Options)
		says   string
	}{
		{func(o *Options) { o.Dir = full }, "the folder is not empty"},
		{func(o *Options) { o.Look = "plain" }, `there is no look "plain": say train or held-out`},
		{func(o *Options) { o.Mix = "zoo" }, `there is no mix "zoo": say any or street`},
		{func(o *Options) { o.Scenes = 0 }, "both must be at least 1"},
		{func(o *Options) { o.Frames = -1 }, "both must be at least 1"},
		{func(o *Options) { o.Width = 161 }, "both sides must be even"},
		{func(o *Options) { o.Height = 0 }, "both sides must be even"},
	} {
		o := small(filepath.Join(t.TempDir(), "d"), LookTrain)
		c.change(&o)
		if err := Write(t.Context(), o); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("got %v, want an error that says %q", err, c.says)
		}
	}
}

func TestACancelledSetEnds(t *testing.T) {
	o := small(filepath.Join(t.TempDir(), "d"), LookTrain)
	o.Scenes = 1000
	ctx, cancel := newCancel(t)
	o.Progress = func(int, int) { cancel() }
	if err := Write(ctx, o); err == nil {
		t.Error("a cancelled data set was written")
	}
	if _, err := os.Stat(filepath.Join(o.Dir, "dataset.json")); err == nil {
		t.Error("a cancelled data set has its dataset.json")
	}
}

// TestCamerasAreKeptApart draws cameras of both looks and demands that no held-out one could be one
// to learn from.
func TestCamerasAreKeptApart(t *testing.T) {
	in := func(v float64, bands [][2]float64) bool {
		return slices.ContainsFunc(bands, func(b [2]float64) bool { return v >= b[0] && v <= b[1] })
	}
	for n := range 400 {
		hang := camera
		if n%2 == 1 {
			hang = streetCamera
		}
		a, b := hang(newDice(uint64(n), 0), LookTrain, 640, 360), hang(newDice(uint64(n), 1), LookHeldOut, 640, 360)
		if in(a.HeightM, heldOutHeights) || in(a.FocalMM, heldOutFocals) || a.Distortion < -0.15 {
			t.Fatalf("train has the held-out camera %+v", a)
		}
		if !in(b.HeightM, heldOutHeights) || !in(b.FocalMM, heldOutFocals) || b.Distortion > -0.155 {
			t.Fatalf("held-out has the camera %+v of train", b)
		}
		for _, c := range []scene.Camera{a, b} {
			if c.HeightM < 1.4 || c.HeightM > 9 || c.TiltDeg < 8 || c.TiltDeg > 50 {
				t.Fatalf("the camera %+v hangs where none does", c)
			}
		}
	}
}

// TestEveryClassComesOften draws small pictures of random places and counts.
func TestEveryClassComesOften(t *testing.T) {
	for _, c := range []struct{ look, mix string }{{LookTrain, MixAny}, {LookHeldOut, MixAny}, {LookTrain, MixStreet}} {
		look, mix := c.look, c.mix
		count, empty, frames := map[string]int{}, 0, 0
		for n := range 14 {
			s := Scene(99, n, look, mix, 160, 90)
			r, err := scene.New(s, scene.Options{NoWords: true, Rays: 1})
			if err != nil {
				t.Fatal(err)
			}
			f := r.NewFrame()
			for k := range uint64(14) {
				actors, at := Cast(r, mix, uint64(n)*100+k)
				r.Recast(actors, k+1)
				seen := r.Draw(at, f)
				l := label(0, s, &seen, r.Discernible(5))
				if frames++; len(l.Boxes) == 0 {
					empty++
				}
				for _, b := range l.Boxes {
					if b.Visibility >= 0.3 && b.H >= 4 {
						count[b.Class]++
					}
				}
			}
		}
		t.Logf("%s, %s: %d frames, %d empty, %v", look, mix, frames, empty, count)
		for _, c := range Classes {
			if count[c] < frames/14 {
				t.Errorf("%s, %s: %d of the class %s in %d frames", look, mix, count[c], c, frames)
			}
		}
		if empty == 0 || empty > frames/3 {
			t.Errorf("%s, %s: %d of %d frames are empty", look, mix, empty, frames)
		}
	}
}

func TestClassOf(t *testing.T) {
	for _, c := range []struct {
		class bongsu.Class
		state string
		want  string
	}{
		{bongsu.ClassPerson, truth.StateWalking, "person"}, {bongsu.ClassPerson, truth.StateFalling, "person"}, {bongsu.ClassPerson, truth.StateFallen, "fallen person"},
		{bongsu.ClassTruck, truth.StateMoving, "large vehicle"}, {bongsu.ClassBus, truth.StateParked, "large vehicle"}, {bongsu.ClassCar, truth.StateParked, "car"},
		{bongsu.ClassBag, truth.StateCarried, "bag"}, {bongsu.ClassSmoke, truth.StateBurning, "smoke"}, {"balloon", "", ""},
	} {
		if got := ClassOf(&truth.Object{Class: c.class, State: c.state}); got != c.want {
			t.Errorf("%s %s: %q, want %q", c.class, c.state, got, c.want)
		}
	}
}

func TestWeather(t *testing.T) {
	for _, c := range []struct {
		w    scene.Weather
		want string
	}{{scene.Weather{}, "clear"}, {scene.Weather{Cloud: 0.9}, "cloud"}, {scene.Weather{Cloud: 1, Fog: 0.2}, "fog"}, {scene.Weather{Snow: 0.1}, "snow"}, {scene.Weather{Rain: 1, Fog: 1}, "rain"}} {
		if got := Weather(&c.w); got != c.want {
			t.Errorf("%+v: %q, want %q", c.w, got, c.want)
		}
	}
}
