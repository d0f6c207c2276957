package benchmarks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"bongsu"
	"bongsu/edge/rules"
	"bongsu/edge/track"
	"bongsu/models/batch"
	"bongsu/models/catalog"
	"bongsu/models/ort"
	"bongsu/streams"
	"bongsu/streams/avcodec"
	"bongsu/streams/mp4"
)

// picture is what the model saw in one picture.
type picture struct {
	at   time.Duration
	dets []bongsu.Detection
}

// TestRulesAtEveryRate runs real video through decoder and model once, and what the model saw
// through tracker and rules with their defaults at many rates of looking and from many first
// pictures: what is found must not depend on them. It prints the table of docs/design/events.md.
func TestRulesAtEveryRate(t *testing.T) {
	data := os.Getenv("BONGSU_DATA")
	if data == "" {
		t.Skip("needs BONGSU_DATA, the folder of real data")
	}
	if testing.Short() {
		t.Skip("runs a model over 1,900 pictures: not with -short")
	}
	detector := openModel(t, filepath.Join(data, "models", "yolox_nano_416.onnx"))
	people, vehicles := []bongsu.Class{bongsu.ClassPerson}, []bongsu.Class{bongsu.ClassCar, bongsu.ClassBus, bongsu.ClassTruck}
	whole := []bongsu.Point{{X: 0, Y: 0}, {X: 1, Y: 0}, {X: 1, Y: 1}, {X: 0, Y: 1}}
	rule := rules.Rule{ID: "rule", MinScore: 0.5, Confirm: 400 * time.Millisecond, Linger: 2 * time.Second, Direction: bongsu.DirectionBoth}

	walk, drive, visit, stay := rule, rule, rule, rule
	walk.Kind, walk.Classes, walk.Line = bongsu.KindLineCrossing, people, []bongsu.Point{{X: 0.5, Y: 0}, {X: 0.5, Y: 359. / 360}}
	drive.Kind, drive.Classes, drive.Line = bongsu.KindLineCrossing, vehicles, []bongsu.Point{{X: 250. / 640, Y: 230. / 352}, {X: 639. / 640, Y: 230. / 352}}
	visit.Kind, visit.Classes, visit.Zone = bongsu.KindIntrusion, people, whole
	stay.Kind, stay.Classes, stay.Zone, stay.Dwell = bongsu.KindLoitering, people, whole, 8*time.Second

	street := []float64{1.52, 3.58, 5.87, 8.36} // gt/events
	path := []float64{2.7, 3.2, 7.1, 7.3}       // gt/events; the last two overlap at the line
	// By eye, of three pictures a second: the first that shows the person down to the hips.
	table := []float64{6.5, 23.1, 50.9, 75.1, 93.0, 124.3}
	for _, c := range []struct {
		video string
		rule  rules.Rule
		truth []float64
		least int // found at 5 pictures a second and more
		few   int // and at fewer
	}{
		{"pedestrian_survaillance", walk, path, 3, 3},
		{"vehicle_survaillance", drive, street, 4, 3},
		{"one-by-one-person-detection", visit, table, 6, 6},
		{"one-by-one-person-detection", stay, table, 6, 6},
	} {
		pictures := watch(t, detector, filepath.Join(data, "videos", c.video+".mp4"))
		for _, rate := range []float64{2, 3, 4, 5, 8, 10, 12, 15, math.Inf(1)} {
			counts := map[int]int{}
			for first := range 12 {
				starts := judge(t, c.rule, pictures[first:], rate)
				counts[len(starts)]++
				need, within := c.least, 1.0
				if rate < 5 { // a track takes three pictures to be sure of
					need, within = c.few, 1.5
				}
				if !explained(starts, c.truth, within) || len(starts) < need {
					t.Errorf("%s, %s at %g a second from picture %d: %.2f, truth %.2f", c.video, c.rule.Kind, rate, first, starts, c.truth)
				}
			}
			t.Logf("%-28s %-13s %4.0f a second: found×runs %v of %d", c.video, c.rule.Kind, rate, counts, len(c.truth))
		}
	}
}

// explained reports whether each start has a truth of its own within so many seconds.
func explained(starts, truth []float64, within float64) bool {
	left := slices.Clone(truth)
	for _, s := range starts {
		i := slices.IndexFunc(left, func(x float64) bool { return math.Abs(x-s) <= within })
		if i < 0 {
			return false
		}
		left = slices.Delete(left, i, i+1)
	}
	return true
}

// judge gives the seconds at which what a rule finds begins, when at most rate pictures a second
// are looked at.
func judge(t *testing.T, rule rules.Rule, pictures []picture, rate float64) (starts []float64) {
	t.Helper()
	tracker := track.New(track.Options{})
	set, err := rules.New(rules.Options{Rules: []rules.Rule{rule}})
	if err != nil {
		t.Fatal(err)
	}
	epoch := time.Unix(1_700_000_000, 0)
	next := pictures[0].at.Seconds()
	for _, p := range pictures {
		if p.at.Seconds() < next-1e-6 {
			continue
		}
		next += 1 / rate
		for _, f := range set.Evaluate(bongsu.Picture{At: epoch.Add(p.at), PTS: p.at}, tracker.Update(p.at, p.dets)) {
			if f.Phase == bongsu.FiringBegin || f.Phase == bongsu.FiringPulse {
				starts = append(starts, f.Since.Sub(epoch).Seconds())
			}
		}
	}
	return starts
}

// openModel installs a model and runs it until the test ends.
func openModel(t *testing.T, path string) *batch.Detector {
	t.Helper()
	library, err := ort.Locate("")
	if err == nil {
		err = ort.Load(library)
	}
	if code := bongsu.CodeOf(err); code == bongsu.CodeNoCgo || code == bongsu.CodeUnavailable {
		t.Skipf("needs ONNX Runtime: %v", err)
	}
	model, err := catalog.Open(catalog.Options{Dir: t.TempDir(), Try: ort.Try, Tool: "test"}).Add(t.Context(), path, "")
	if err != nil {
		t.Fatal(err)
	}
	b, err := batch.Open(batch.OpenOptions{Model: model})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		<-done
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	d, err := b.Detector("camera")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// seen keeps what the model saw in a video, for the next rule.
var seen = map[string][]picture{}

// watch looks at every picture of a video.
func watch(t *testing.T, d *batch.Detector, path string) []picture {
	t.Helper()
	if known, ok := seen[path]; ok {
		return known
	}
	var out []picture
	begin := time.Now()
	err := decode(path, func(f *bongsu.Frame) error {
		dets, err := d.Detect(t.Context(), f, nil)
		out = append(out, picture{f.PTS, dets})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: %d pictures, %.1f ms each", filepath.Base(path), len(out), float64(time.Since(begin).Milliseconds())/float64(len(out)))
	seen[path] = out
	return out
}

// decode calls see with each picture of an MP4 file, in display order.
func decode(path string, see func(*bongsu.Frame) error) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	r, err := mp4.Open(file, info.Size())
	if err != nil {
		return err
	}
	dec, err := avcodec.NewDecoder(avcodec.Options{Codec: r.Codec()})
	if err != nil {
		return err
	}
	defer dec.Close()
	params := r.Params()
	for i, s := range r.Samples() {
		nals, err := r.Sample(i)
		if err != nil {
			return err
		}
		au := &streams.AccessUnit{Seq: uint64(i), Codec: r.Codec(), Params: &params, NALs: nals, PTS: s.PTS, DTS: s.DTS, Wall: time.Unix(0, 0).Add(s.PTS), Key: s.Key}
		if err := dec.Send(au); err != nil {
			return fmt.Errorf("sample %d: %w", i, err)
		}
		if err := receive(dec, see); err != nil {
			return err
		}
	}
	if err := dec.Drain(); err != nil {
		return err
	}
	return receive(dec, see)
}

func receive(dec *avcodec.Decoder, see func(*bongsu.Frame) error) error {
	for {
		f, err := dec.Receive()
		if errors.Is(err, streams.ErrNeedMore) || errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		err = see(f)
		f.Release()
		if err != nil {
			return err
		}
	}
}
