package random

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"bongsu"
	"bongsu/streams/scene"
	"bongsu/streams/truth"
)

// Classes of a data set, in the order of the detector's outputs.
var Classes = []string{"person", "fallen person", "bicycle", "motorcycle", "car", "large vehicle", "bag", "fire", "smoke", "animal"}

// ClassOf is the data set's word for an object of the truth, "" for one that is not learned.
func ClassOf(o *truth.Object) string {
	switch o.Class {
	case bongsu.ClassPerson:
		if o.State == truth.StateFallen {
			return "fallen person"
		}
	case bongsu.ClassTruck, bongsu.ClassBus:
		return "large vehicle"
	}
	if slices.Contains(Classes, string(o.Class)) {
		return string(o.Class)
	}
	return ""
}

// Options say what data set to write.
type Options struct {
	Dir           string // must be empty or not there
	Look          string // one of Looks
	Mix           string // one of Mixes; empty: MixAny
	Scenes        int    // places
	Frames        int    // pictures of each, each with other actors
	Seed          uint64
	Width, Height int                    // pixels, even; 0: 640×360
	Jobs          int                    // scenes drawn at once; 0: one
	Progress      func(done, scenes int) // may be nil; called from one goroutine at a time
}

// head is dataset.json.
type head struct {
	Schema  int      `json:"schema"` // 1
	Look    string   `json:"look"`
	Mix     string   `json:"mix,omitempty"` // what it shows, unless it is anything
	Seed    uint64   `json:"seed"`
	Width   int      `json:"width"`
	Height  int      `json:"height"`
	Format  string   `json:"format"` // i420
	Frames  int      `json:"frames"`
	Classes []string `json:"classes"`
}

// Label is a line of labels.jsonl: what one picture shows.
type Label struct {
	Frame   int    `json:"frame"`
	Scene   string `json:"scene"`
	Time    string `json:"time"`
	Weather string `json:"weather"` // clear, cloud, rain, snow or fog
	Boxes   []Box  `json:"boxes"`
}

// Box is what is seen of one object, in pixels.
type Box struct {
	Class      string  `json:"class"`
	X          float64 `json:"x"`
	Y          float64 `json:"y"`
	W          float64 `json:"w"`
	H          float64 `json:"h"`
	Visibility float64 `json:"visibility"` // share of its pixels in the picture that nothing hides; less when it has the colour of what is behind
	Truncated  bool    `json:"truncated"`  // the picture's edge cuts it
}

func (o *Options) check() error {
	if o.Width == 0 && o.Height == 0 {
		o.Width, o.Height = 640, 360
	}
	o.Jobs = max(1, o.Jobs)
	switch {
	case !slices.Contains(Looks, o.Look):
		return fmt.Errorf("data set %s: there is no look %q: say train or held-out", o.Dir, o.Look)
	case o.Mix != "" && !slices.Contains(Mixes, o.Mix):
		return fmt.Errorf("data set %s: there is no mix %q: say any or street", o.Dir, o.Mix)
	case o.Scenes < 1 || o.Scenes > 1e6 || o.Frames < 1 || o.Frames > 10000:
		return fmt.Errorf("data set %s: %d scenes of %d frames: both must be at least 1", o.Dir, o.Scenes, o.Frames)
	case o.Width%2 != 0 || o.Height%2 != 0 || o.Width < 64 || o.Height < 64 || o.Width > 1920 || o.Height > 1920:
		return fmt.Errorf("data set %s: pictures of %d×%d: both sides must be even, 64 to 1920", o.Dir, o.Width, o.Height)
	}
	if found, err := os.ReadDir(o.Dir); err == nil && len(found) > 0 {
		return fmt.Errorf("data set %s: the folder is not empty: name a new one, or empty it", o.Dir)
	} else if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.MkdirAll(o.Dir, 0o755)
}

// Write makes a data set: dataset.json, labels.jsonl and frames.i420. The same options make the
// same bytes, whatever Jobs is. It returns when all is on disk or ctx ends.
func Write(ctx context.Context, o Options) (err error) {
	if err := o.check(); err != nil {
		return err
	}
	frames, err := os.Create(filepath.Join(o.Dir, "frames.i420"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, frames.Close()) }()
	lines := make([][]byte, o.Scenes)
	if err := o.drawAll(ctx, frames, lines); err != nil {
		return err
	}
	if err := writeLines(filepath.Join(o.Dir, "labels.jsonl"), lines); err != nil {
		return err
	}
	mix := o.Mix
	if mix == MixAny {
		mix = ""
	}
	h, err := json.Marshal(head{1, o.Look, mix, o.Seed, o.Width, o.Height, "i420", o.Scenes * o.Frames, Classes})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(o.Dir, "dataset.json"), append(h, '\n'), 0o644)
}

func writeLines(path string, lines [][]byte) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	for _, l := range lines {
		if _, err := f.Write(l); err != nil {
			return err
		}
	}
	return nil
}

// drawAll draws the scenes, Jobs at a time.
func (o *Options) drawAll(ctx context.Context, frames *os.File, lines [][]byte) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	var mu sync.Mutex
	next, done := 0, 0
	take := func() int {
		mu.Lock()
		defer mu.Unlock()
		next++
		return next - 1
	}
	for range o.Jobs {
		wg.Go(func() {
			for n := take(); n < o.Scenes && ctx.Err() == nil; n = take() {
				l, err := o.drawScene(ctx, n, frames)
				if err != nil {
					cancel(err)
					return
				}
				mu.Lock()
				lines[n] = l
				if done++; o.Progress != nil {
					o.Progress(done, o.Scenes)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// drawScene draws all pictures of one place to where they belong in the file, and gives its labels.
func (o *Options) drawScene(ctx context.Context, n int, frames *os.File) ([]byte, error) {
	s := Scene(o.Seed, n, o.Look, o.Mix, o.Width, o.Height)
	d := newDice(s.Seed, 5)
	r, err := scene.New(s, scene.Options{NoWords: true, NoClock: d.maybe(0.6), Rays: 1})
	if err != nil {
		return nil, err
	}
	f := r.NewFrame()
	buf := make([]byte, 0, o.Width*o.Height*3/2)
	var lines []byte
	camera := newLens(d, o.Look, o.Mix)
	for i := range o.Frames {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		seed := d.Uint64()
		actors, at := Cast(r, o.Mix, seed)
		r.Recast(actors, seed|1)
		t := r.Draw(at, f)
		camera.finish(f, newDice(seed, 9))
		frame := n*o.Frames + i
		buf = append(append(append(buf[:0], f.Planes[0].Data...), f.Planes[1].Data...), f.Planes[2].Data...)
		if _, err := frames.WriteAt(buf, int64(frame)*int64(len(buf))); err != nil {
			return nil, err
		}
		line, err := json.Marshal(label(frame, s, &t, r.Discernible(camera.least(r.Noise()))))
		if err != nil {
			return nil, err
		}
		lines = append(append(lines, line...), '\n')
	}
	return lines, nil
}

// discernible is the share of its pixels that must differ from what is behind for a thing to be as
// visible as if all did.
const discernible = 0.4

func label(frame int, s *scene.Scene, t *truth.Frame, clear []float64) Label {
	l := Label{Frame: frame, Scene: s.Name, Time: s.Light.Time, Weather: Weather(&s.Weather), Boxes: []Box{}}
	w, h := float64(s.Camera.WidthPX), float64(s.Camera.HeightPX)
	round := func(v float64) float64 { return math.Round(v*100) / 100 }
	for i := range t.Objects {
		o := &t.Objects[i]
		class := ClassOf(o)
		if class == "" || o.Seen.Area() <= 0 {
			continue
		}
		l.Boxes = append(l.Boxes, Box{class, round(float64(o.Seen.X0) * w), round(float64(o.Seen.Y0) * h), round(float64(o.Seen.Width()) * w), round(float64(o.Seen.Height()) * h), round(float64(o.Visibility) * min(1, clear[o.ID]/discernible)), o.Truncated})
	}
	return l
}

// Weather is one word for a weather: the strongest that it holds.
func Weather(w *scene.Weather) string {
	switch {
	case w.Rain > 0:
		return "rain"
	case w.Snow > 0:
		return "snow"
	case w.Fog > 0:
		return "fog"
	case w.Cloud > 0.5:
		return "cloud"
	}
	return "clear"
}
