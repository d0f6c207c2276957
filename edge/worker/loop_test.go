package worker

import (
	"context"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"bongsu"
	"bongsu/edge/events"
	"bongsu/edge/pipeline"
	"bongsu/edge/rules"
	"bongsu/edge/track"
	"bongsu/edge/vision"
	"bongsu/models"
	"bongsu/models/batch"
	"bongsu/models/catalog"
	"bongsu/models/modelstest"
	"bongsu/models/ort"
	"bongsu/models/tensor"
	"bongsu/streams"
	"bongsu/streams/avcodec"
	"bongsu/streams/replay"
	"bongsu/streams/ring"
)

// The floors of the loop, for each picture that is looked at.
const (
	passesAPicture = 1
	readsAPicture  = 1 // of luma, apart from the passes: for the camera's motion
	mostAllocs     = 2 // of Go, from a complete access unit to rules without a firing
)

// TestLoop sends access units one by one through the real chain: ring, queues, decoder,
// sampler, tensor, ONNX Runtime, head, tracker, rules. Each unit is looked at before the next
// is given, so what is counted between belongs to it, whichever goroutine did it. With
// BONGSU_DATA a real model also looks at real people. The lines that it logs are read by
// benchmarks/cmd/bongsu-bench.
func TestLoop(t *testing.T) {
	tiny := modelstest.Tiny{Width: 128, Height: 96, Classes: 2,
		Things: []modelstest.Thing{{X: 64, Y: 48, W: 30, H: 60, Class: 0, Score: 0.9}}}
	path, err := tiny.YOLOXPackage("tiny").Write(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Run("tiny", func(t *testing.T) { measureLoop(t, path, brightUnits(t, 240)) })
	t.Run("yolox", func(t *testing.T) {
		data := os.Getenv("BONGSU_DATA")
		if data == "" {
			t.Skip("needs BONGSU_DATA, the folder of real data")
		}
		film := filepath.Join(data, "videos", "one-by-one-person-detection.mp4")
		measureLoop(t, filepath.Join(data, "models", "yolox_nano_416.onnx"), realUnits(t, film, 100))
	})
}

func measureLoop(t *testing.T, model string, units []*streams.AccessUnit) {
	in, looked := make(chan *streams.AccessUnit), make(chan int, 1)
	put := 0
	detector, ref := openDetector(t, model)
	motion := &vision.Motion{}
	c := pipeline.New(pipeline.Options{
		Camera: "gate", InferPS: 10, Once: true, Detector: detector,
		Open: func(context.Context, bongsu.RunID) (streams.Source, error) { return handSource(in), nil },
		NewDecoder: func(c streams.Codec) (pipeline.Decoder, error) {
			return avcodec.NewDecoder(avcodec.Options{Codec: c, Frames: decoderFrames})
		},
		Motion: motion, Tracker: track.New(track.Options{}), Rules: cornerRules(t), Events: events.New(events.Options{Camera: "gate", Model: ref}),
		Ring: ring.New(ring.Options{Keep: 5 * time.Second}), Clips: noClips{},
		Sink: sink(func(bongsu.Event, *bongsu.Frame) { put++ }),
		Look: func(_ *bongsu.Frame, tracks []bongsu.Track) { looked <- len(tracks) },
	})
	done := make(chan error, 1)
	go func() { done <- c.Run(t.Context()) }()
	tracks, next := 0, 0
	deadline := time.After(time.Minute)
	step := func() {
		in <- units[next]
		next++
		select {
		case n := <-looked:
			tracks += n
		case <-deadline:
			t.Fatalf("unit %d was not looked at in time: %+v", next-1, c.Counts())
		}
	}
	for range len(units) / 4 { // slices reach their size
		step()
	}
	passes, before, seen, reads := tensor.TotalPasses(), c.Counts(), tracks, motion.Reads()
	runs := len(units) - next - 1 // AllocsPerRun calls once more, uncounted
	allocs := testing.AllocsPerRun(runs, step)
	after := c.Counts()
	passed, inferred := tensor.TotalPasses()-passes, after.Inferred-before.Inferred
	close(in)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	t.Logf("loop model=%s pictures=%d passes=%d allocs_per_unit=%.0f tracks=%d", ref.Name, inferred, passed, allocs, tracks-seen)
	if int(inferred) != runs+1 || passed != passesAPicture*inferred {
		t.Errorf("%d passes over %d pictures of %d units, want exactly %d a picture", passed, inferred, runs+1, passesAPicture)
	}
	if read := motion.Reads() - reads; read > readsAPicture*inferred {
		t.Errorf("luma was read %d times besides for %d pictures, at most %d a picture is allowed", read, inferred, readsAPicture)
	}
	if allocs > mostAllocs {
		t.Errorf("%.2f Go allocations an access unit, at most %d are allowed", allocs, mostAllocs)
	}
	if tracks == seen || put != 0 {
		t.Errorf("%d tracks and %d events: the loop is to be measured with tracks and without a firing", tracks-seen, put)
	}
}

// handSource delivers what the test hands it, and ends when the test closes it.
type handSource chan *streams.AccessUnit

func (s handSource) Next(ctx context.Context) (*streams.AccessUnit, error) {
	select {
	case au, ok := <-s:
		if !ok {
			return nil, io.EOF
		}
		return au, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (handSource) Close() error { return nil }

type noClips struct{}

func (noClips) Add(*streams.AccessUnit) {}
func (noClips) Event(bongsu.Event)      {}

// cornerRules are one rule of each kind, all drawn where nobody stands.
func cornerRules(t *testing.T) *rules.Set {
	t.Helper()
	corner := []bongsu.Point{{X: 0, Y: 0}, {X: 0.02, Y: 0}, {X: 0.02, Y: 0.02}, {X: 0, Y: 0.02}}
	base := rules.Rule{MinScore: 0.5, Confirm: 400 * time.Millisecond, Linger: 2 * time.Second, Zone: corner}
	in, stay, line := base, base, base
	in.ID, in.Kind = "in", bongsu.KindIntrusion
	stay.ID, stay.Kind, stay.Dwell = "stay", bongsu.KindLoitering, time.Second
	line.ID, line.Kind, line.Zone = "line", bongsu.KindLineCrossing, nil
	line.Line, line.Direction = corner[:2], bongsu.DirectionBoth
	set, err := rules.New(rules.Options{Rules: []rules.Rule{in, stay, line}})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// openDetector installs a model and runs it until the test ends.
func openDetector(t *testing.T, path string) (models.Detector, bongsu.ModelRef) {
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
	d, err := b.Detector("gate")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d, model.Manifest.Ref()
}

// coder codes pictures without reordering: a unit in, a picture out.
type coder struct {
	t     *testing.T
	enc   *avcodec.Encoder
	units []*streams.AccessUnit
	epoch time.Time
}

func newCoder(t *testing.T, width, height int) *coder {
	t.Helper()
	enc, err := avcodec.NewEncoder(avcodec.EncoderOptions{Codec: streams.H264, Width: width, Height: height, FPS: 10, GOP: 10})
	if errors.Is(err, bongsu.ErrNoCgo) {
		t.Skip("needs cgo")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(enc.Close)
	return &coder{t: t, enc: enc, epoch: time.Now()}
}

func (c *coder) add(f *bongsu.Frame) {
	c.t.Helper()
	f.PTS = time.Duration(len(c.units)) * 100 * time.Millisecond
	coded, err := c.enc.Encode(f)
	if err != nil || len(coded) != 1 {
		c.t.Fatalf("%d units of one picture, %v", len(coded), err)
	}
	u, at := coded[0], c.epoch.Add(coded[0].PTS)
	params := c.enc.Params()
	if len(c.units) > 0 {
		params = c.units[0].Params
	}
	c.units = append(c.units, &streams.AccessUnit{Camera: "gate", Seq: uint64(len(c.units)), Codec: streams.H264, Params: params,
		NALs: u.NALs, PTS: u.PTS, DTS: u.DTS, Wall: at, Arrived: at, Key: u.Key})
}

// brightUnits codes a bright picture with a dark square that moves, 768×432.
func brightUnits(t *testing.T, n int) []*streams.AccessUnit {
	const w, h, side = 768, 432, 64
	c := newCoder(t, w, h)
	luma, chroma := make([]byte, w*h), make([]byte, w*h/4)
	for i := range chroma {
		chroma[i] = 128
	}
	for k := range n {
		for i := range luma {
			luma[i] = 235
		}
		x0 := int(float64(w-side) * (0.5 + 0.5*math.Sin(float64(k)/10)))
		for y := h - side; y < h; y++ {
			clear(luma[y*w+x0 : y*w+x0+side])
		}
		c.add(&bongsu.Frame{Width: w, Height: h, Format: bongsu.FormatI420,
			Planes: [3]bongsu.Plane{{Data: luma, Stride: w}, {Data: chroma, Stride: w / 2}, {Data: chroma, Stride: w / 2}}})
	}
	return c.units
}

// realUnits codes pictures of a recording anew, from its tenth second on, where someone stands.
func realUnits(t *testing.T, film string, n int) []*streams.AccessUnit {
	t.Helper()
	src, err := replay.Open(film, replay.Options{Camera: "gate"})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	dec, err := avcodec.NewDecoder(avcodec.Options{Codec: streams.H264})
	if err != nil {
		t.Fatal(err)
	}
	defer dec.Close()
	var c *coder
	for c == nil || len(c.units) < n {
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
			if c == nil {
				c = newCoder(t, f.Width, f.Height)
			}
			if f.PTS >= 10*time.Second {
				c.add(f)
			}
			f.Release()
		}
	}
	return c.units
}
