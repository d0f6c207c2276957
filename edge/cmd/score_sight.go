package cmd

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"bongsu"
	"bongsu/edge/worker"
	detectors "bongsu/models"
	"bongsu/models/batch"
	"bongsu/streams/truth"
)

// sighting is what was found in one picture.
type sighting struct {
	PTSUS  int64              `json:"pts_us"`
	Dets   []bongsu.Detection `json:"dets"`
	tracks []bongsu.Track     // not kept: other rules make others of them
}

// eye is a detector that remembers what it answered. Before it asks, it looks into what it knows.
type eye struct {
	open  func() (detectors.Detector, error) // of what it does not know
	model bongsu.ModelRef
	from  time.Duration // it is shut before

	asked detectors.Detector   // nil until needed
	known map[int64][]sighting // by media time, µs; of a cache: one each
	seen  []sighting
	fresh int // pictures that were not known
}

// Model implements models.Detector.
func (e *eye) Model() bongsu.ModelRef { return e.model }

// Detect implements models.Detector.
func (e *eye) Detect(ctx context.Context, f *bongsu.Frame, dst []bongsu.Detection) ([]bongsu.Detection, error) {
	if f.PTS < e.from {
		return dst, nil
	}
	at := f.PTS.Microseconds()
	if k := e.known[at]; len(k) > 0 {
		e.seen = append(e.seen, sighting{PTSUS: at, Dets: k[0].Dets})
		return append(dst, k[0].Dets...), nil
	}
	if e.asked == nil {
		d, err := e.open()
		if err != nil {
			return dst, err
		}
		e.asked = d
	}
	from := len(dst)
	dst, err := e.asked.Detect(ctx, f, dst)
	if err == nil {
		e.fresh++
		e.seen = append(e.seen, sighting{PTSUS: at, Dets: slices.Clone(dst[from:])})
	}
	return dst, err
}

// look keeps the tracks of the picture that was answered last.
func (e *eye) look(f *bongsu.Frame, tracks []bongsu.Track) {
	if n := len(e.seen); n > 0 && e.seen[n-1].PTSUS == f.PTS.Microseconds() {
		e.seen[n-1].tracks = slices.Clone(tracks)
	}
}

// close lets the model go.
func (e *eye) close() error {
	if d, ok := e.asked.(*batch.Detector); ok {
		return d.Close()
	}
	return nil
}

// sightCache keeps what a model found in a clip, so that rules can be tried without it. The zero value
// keeps nothing.
type sightCache struct{ dir string }

// file is where the answers of a model about a clip lie; both by what is in them.
func (c sightCache) file(clipSHA, modelSHA string) string {
	if c.dir == "" || clipSHA == "" || modelSHA == "" {
		return ""
	}
	return filepath.Join(c.dir, clipSHA[:min(24, len(clipSHA))]+"-"+modelSHA[:min(16, len(modelSHA))]+".json")
}

// load reads what is known; nothing when there is none. A file that cannot be read is as good as none.
func (c sightCache) load(file string) map[int64][]sighting {
	known := map[int64][]sighting{}
	data, err := os.ReadFile(file)
	if file == "" || err != nil {
		return known
	}
	var all []sighting
	if json.Unmarshal(data, &all) != nil {
		return known
	}
	for _, s := range all {
		known[s.PTSUS] = []sighting{s}
	}
	return known
}

// save adds what was seen to what is known.
func (c sightCache) save(file string, e *eye) error {
	if file == "" || e.fresh == 0 {
		return nil
	}
	for _, s := range e.seen {
		e.known[s.PTSUS] = []sighting{s}
	}
	all := make([]sighting, 0, len(e.known))
	for _, s := range e.known {
		all = append(all, s[0])
	}
	slices.SortFunc(all, func(a, b sighting) int { return cmp.Compare(a.PTSUS, b.PTSUS) })
	text, err := json.Marshal(all)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.dir, 0o755); err != nil {
		return err
	}
	part := file + ".part"
	if err := os.WriteFile(part, text, 0o644); err != nil {
		return err
	}
	return os.Rename(part, file)
}

// modelEye gives eyes that ask a model, which is loaded when the first picture needs it.
func modelEye(ms *worker.Models, name string, ref bongsu.ModelRef, camera bongsu.CameraID, known map[int64][]sighting) *eye {
	return &eye{model: ref, known: known, open: func() (detectors.Detector, error) {
		b, _, err := ms.Get(name)
		if err != nil {
			return nil, err
		}
		return b.Detector(camera)
	}}
}

// blind sees nothing.
type blind struct{}

func (blind) Model() bongsu.ModelRef { return bongsu.ModelRef{Name: "none", Version: "1"} }

func (blind) Detect(_ context.Context, _ *bongsu.Frame, dst []bongsu.Detection) ([]bongsu.Detection, error) {
	return dst, nil
}

// truthful is a detector that knows what is in the picture, and errs as stated in truthNoise: it
// tells mistakes of rules and tracks from those of a model.
type truthful struct {
	seq  *truth.Sequence
	seed uint64
}

// truthNoise is how a truthful detector errs.
const truthNoise = "detections from the truth: of what is seen to a quarter and 8 pixels high, 4 % are missed at random, of people who lie 40 %; " +
	"edges are off by 2 % of the box (one sigma), scores are 0.55 to 0.95 by what is seen"

// High and Low of a truthful detector's scores.
const (
	truthHigh = 0.5
	truthLow  = 0.1
)

// The noise of a truthful detector.
const (
	truthLeastSeen   = 0.25
	truthLeastHeight = 8 // pixels
	truthMiss        = 0.04
	truthMissLying   = 0.40
	truthJitter      = 0.02 // of a side
)

func newTruthful(seq *truth.Sequence) *truthful {
	h := fnv.New64a()
	h.Write([]byte(seq.Name))
	return &truthful{seq: seq, seed: h.Sum64()}
}

func (*truthful) Model() bongsu.ModelRef {
	return bongsu.ModelRef{Name: "truth", Version: "1"}
}

// Detect implements models.Detector. The same picture always gets the same answer.
func (d *truthful) Detect(_ context.Context, f *bongsu.Frame, dst []bongsu.Detection) ([]bongsu.Detection, error) {
	n := d.frame(f.PTS)
	if n < 0 {
		return dst, nil
	}
	from := len(dst)
	for i := range d.seq.Frames[n].Objects {
		o := &d.seq.Frames[n].Objects[i]
		rng := rand.New(rand.NewPCG(d.seed, uint64(n)<<32|uint64(o.ID)))
		if det, ok := detectionOf(o, d.seq.HeightPX, rng); ok {
			dst = append(dst, det)
		}
	}
	slices.SortFunc(dst[from:], func(a, b bongsu.Detection) int { return cmp.Compare(b.Score, a.Score) })
	return dst, nil
}

// frame is the number of the picture shown at a media time.
func (d *truthful) frame(at time.Duration) int {
	n := int((at.Seconds() * float64(d.seq.FPS)) + 0.5)
	if n < 0 || n >= len(d.seq.Frames) {
		return -1
	}
	return n
}

func detectionOf(o *truth.Object, heightPX int, rng *rand.Rand) (bongsu.Detection, bool) {
	miss, class := truthMiss, o.Class
	if o.State == truth.StateFallen {
		miss = truthMissLying
		if class == bongsu.ClassPerson {
			class = bongsu.ClassFallenPerson
		}
	}
	box := o.Box
	if o.Visibility < 0.6 && o.Seen.Area() > 0 {
		box = o.Seen // what a model sees of a thing that is mostly hidden
	}
	if rng.Float64() < miss || o.Visibility < truthLeastSeen || box.Height()*float32(heightPX) < truthLeastHeight {
		return bongsu.Detection{}, false
	}
	w, h := float64(box.Width()), float64(box.Height())
	off := func(v float32, side float64) float32 {
		return min(max(v+float32(rng.NormFloat64()*truthJitter*side), 0), 1)
	}
	b := bongsu.Box{X0: off(box.X0, w), Y0: off(box.Y0, h), X1: off(box.X1, w), Y1: off(box.Y1, h)}
	if b.X1 <= b.X0 || b.Y1 <= b.Y0 {
		return bongsu.Detection{}, false
	}
	return bongsu.Detection{Box: b, Class: class, Score: 0.5 + 0.4*o.Visibility + 0.05*rng.Float32()}, true
}

// truths reads the frame-by-frame truth of clips, each once.
type truths struct {
	mu   sync.Mutex
	held map[string]*truth.Sequence
}

// of gives the truth in a file.
func (t *truths) of(file string) (*truth.Sequence, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := t.held[file]; s != nil {
		return s, nil
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	s, err := truth.ReadJSON(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if t.held == nil {
		t.held = map[string]*truth.Sequence{}
	}
	t.held[file] = s
	return s, nil
}
