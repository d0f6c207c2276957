package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"bongsu"
	"bongsu/edge/events"
	"bongsu/edge/rules"
	"bongsu/edge/track"
	"bongsu/streams"
	"bongsu/streams/avcodec"
)

// film codes n pictures of noise at 10 a second; its times go on from after.
func film(t *testing.T, o avcodec.EncoderOptions, n int, after time.Duration) []*streams.AccessUnit {
	t.Helper()
	o.FPS = 10
	enc, err := avcodec.NewEncoder(o)
	if errors.Is(err, bongsu.ErrNoCgo) {
		t.Skip("needs cgo")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer enc.Close()
	rng := rand.New(rand.NewPCG(1, 1))
	luma, chroma := make([]byte, o.Width*o.Height), make([]byte, o.Width*o.Height/4)
	var coded []avcodec.Coded
	for i := range n {
		for j := range luma {
			luma[j] = byte(j/7 + 3*i)
		}
		for range 200 {
			luma[rng.IntN(len(luma))] = byte(rng.Uint32())
		}
		c, err := enc.Encode(&bongsu.Frame{Width: o.Width, Height: o.Height, Format: bongsu.FormatI420, PTS: time.Duration(i) * 100 * time.Millisecond,
			Planes: [3]bongsu.Plane{{Data: luma, Stride: o.Width}, {Data: chroma, Stride: o.Width / 2}, {Data: chroma, Stride: o.Width / 2}}})
		if err != nil {
			t.Fatal(err)
		}
		coded = append(coded, c...)
	}
	params := enc.Params()
	out := make([]*streams.AccessUnit, len(coded))
	for i, c := range coded {
		at := after + c.PTS
		out[i] = &streams.AccessUnit{Camera: "c", Run: "run", Codec: o.Codec, Params: params, NALs: c.NALs, Key: c.Key,
			PTS: at, DTS: at, Wall: epoch.Add(at), Arrived: epoch.Add(at)}
	}
	return out
}

// sliceSource delivers units and then io.EOF; it numbers them.
type sliceSource struct {
	units []*streams.AccessUnit
	seq   uint64
}

func (s *sliceSource) Next(ctx context.Context) (*streams.AccessUnit, error) {
	if len(s.units) == 0 || ctx.Err() != nil {
		return nil, io.EOF
	}
	au := *s.units[0]
	au.Seq, s.units = s.seq, s.units[1:]
	s.seq++
	return &au, nil
}
func (*sliceSource) Close() error { return nil }

// lossyWire sends units in packets of 1,200 bytes over a wire that loses them, in bursts when it
// is told to, and says what a receiver makes of the rest. truth holds, by media time, whether the
// picture and all it leans on came whole.
type lossyWire struct {
	rng   *rand.Rand
	p     float64
	burst int
	left  int // of the burst under way

	sent, lost int
	truth      map[time.Duration]bool
}

func (w *lossyWire) loses() bool {
	w.sent++
	if w.left == 0 && w.rng.Float64() < w.p/float64(w.burst) {
		w.left = 1 + w.rng.IntN(2*w.burst-1)
	}
	if w.left > 0 {
		w.left--
		w.lost++
		return true
	}
	return false
}

func (w *lossyWire) send(aus []*streams.AccessUnit) (out []*streams.AccessUnit) {
	w.truth = map[time.Duration]bool{}
	clean, pending := false, false
	for _, au := range aus {
		got := *au
		got.NALs, got.Lost = nil, pending
		for _, nal := range au.NALs {
			whole := true
			for n := 0; n < len(nal); n += 1200 {
				whole = !w.loses() && whole
			}
			if whole {
				got.NALs = append(got.NALs, nal)
			} else {
				got.Lost = true
			}
		}
		clean = (clean || au.Key) && len(got.NALs) == len(au.NALs)
		w.truth[au.PTS] = clean
		pending = len(got.NALs) == 0
		if !pending {
			out = append(out, &got)
		} else if len(out) == 0 { // a run begins with a key unit that came
			pending = false
		}
	}
	for len(out) > 0 && !out[0].Key {
		w.truth[out[0].PTS] = false
		out = out[1:]
	}
	return out
}

// watchfulDetector sees a person for 3 of every 8 s, and notes which pictures it is shown.
type watchfulDetector struct {
	truth        map[time.Duration]bool
	shown, wrong int
}

func (*watchfulDetector) Model() bongsu.ModelRef { return bongsu.ModelRef{Name: "fake"} }
func (d *watchfulDetector) Detect(_ context.Context, f *bongsu.Frame, dst []bongsu.Detection) ([]bongsu.Detection, error) {
	d.shown++
	if !d.truth[f.PTS] {
		d.wrong++
	}
	if f.PTS%(8*time.Second) < 3*time.Second {
		dst = append(dst, bongsu.Detection{Class: bongsu.ClassPerson, Score: 0.9, Box: bongsu.Box{X0: 0.4, Y0: 0.4, X1: 0.5, Y1: 0.7}})
	}
	return dst, nil
}

func intrusionSet(t *testing.T) *rules.Set {
	t.Helper()
	set, err := rules.New(rules.Options{Rules: []rules.Rule{{ID: "yard", Kind: bongsu.KindIntrusion, Priority: bongsu.PriorityHigh,
		Zone: []bongsu.Point{{X: 0.1, Y: 0.1}, {X: 0.9, Y: 0.1}, {X: 0.9, Y: 0.9}, {X: 0.1, Y: 0.9}}, MinScore: 0.5,
		Confirm: 400 * time.Millisecond, Linger: time.Second}}})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// TestEventsUnderLoss sends a film over wires that lose packets, one by one and in bursts, through
// the real decoder, tracker, rules and events. What the sender knows decides.
func TestEventsUnderLoss(t *testing.T) {
	n := 600
	if os.Getenv("BONGSU_LONG") != "" {
		n = 6000
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 31))
	whole := film(t, avcodec.EncoderOptions{Codec: streams.H264, Width: 160, Height: 96, GOP: 10, Slices: 4}, n, 0)
	var figures []string
	for _, p := range []float64{0.001, 0.01, 0.05, 0.2} {
		for _, burst := range []int{1, 4} {
			wire := &lossyWire{rng: rng, p: p, burst: burst}
			source := &sliceSource{units: wire.send(whole)}
			units := uint64(len(source.units))
			clean := 0
			for _, ok := range wire.truth {
				if ok {
					clean++
				}
			}
			detector := &watchfulDetector{truth: wire.truth}
			b := newBench(0)
			b.o.Open = func(context.Context, bongsu.RunID) (streams.Source, error) { return source, nil }
			b.o.NewDecoder = func(c streams.Codec) (Decoder, error) { return avcodec.NewDecoder(avcodec.Options{Codec: c}) }
			b.o.Detector, b.o.Tracker, b.o.Rules = detector, track.New(track.Options{}), intrusionSet(t)
			machine := events.New(events.Options{Camera: "c"})
			b.o.Events = machine
			begun, unsure := 0, 0
			b.o.Sink = sinkFunc(func(ev bongsu.Event, f *bongsu.Frame) {
				if ev.Revision == 1 {
					begun++
					if ev.Tainted || f == nil || !wire.truth[f.PTS] {
						unsure++
					}
				}
			})
			c := New(b.o)
			if err := c.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			got := c.Counts()
			if err := checkSums(got); err != nil || got.Received != units || got.FramesInFlight+got.UnitsInFlight != 0 {
				t.Errorf("sums: %v, %+v, %d units", err, got, units)
			}
			if unsure > 0 || detector.wrong > 0 {
				t.Errorf("%.1f %%: %d events and %d looks rest on pictures that lost data", p*100, unsure, detector.wrong)
			}
			// A key unit right after a unit that is missing whole counts as lost, too: nobody knows
			// whose packets those were. Under heavy loss that costs clean pictures.
			if p <= 0.01 && float64(detector.shown) < 0.95*float64(clean) {
				t.Errorf("%.1f %%: %d of %d clean pictures were looked at", p*100, detector.shown, clean)
			}
			figures = append(figures, fmt.Sprintf("%.1f %% in bursts of %d (%d of %d packets): %d events, %d of %d clean pictures inferred, %d tainted",
				p*100, burst, wire.lost, wire.sent, begun, detector.shown, clean, got.FramesTainted))
		}
	}
	t.Logf("figure R31: 0 events of tainted pictures, every frame sum exact; loss %s", strings.Join(figures, "; "))
}

type sinkFunc func(ev bongsu.Event, f *bongsu.Frame)

func (s sinkFunc) Put(ev bongsu.Event, f *bongsu.Frame) { s(ev, f) }

// shapeDetector sees a person who stands still, and holds each picture against the size it was sent in.
type shapeDetector struct {
	sizes map[time.Duration][2]int
	stale int
	looks []time.Duration
}

func (*shapeDetector) Model() bongsu.ModelRef { return bongsu.ModelRef{Name: "fake"} }
func (d *shapeDetector) Detect(_ context.Context, f *bongsu.Frame, dst []bongsu.Detection) ([]bongsu.Detection, error) {
	if d.sizes[f.PTS] != [2]int{f.Width, f.Height} {
		d.stale++
	}
	d.looks = append(d.looks, f.PTS)
	return append(dst, bongsu.Detection{Class: bongsu.ClassPerson, Score: 0.9, Box: bongsu.Box{X0: 0.4, Y0: 0.4, X1: 0.5, Y1: 0.7}}), nil
}

// countingTracker counts how often it was made to begin anew.
type countingTracker struct {
	*track.Tracker
	resets int
}

func (k *countingTracker) Reset() { k.resets++; k.Tracker.Reset() }

// TestFormatChanges joins films of other sizes and codecs to one stream: the person in the zone
// stays one event of the same place, and no picture has the size of before.
func TestFormatChanges(t *testing.T) {
	changes := 10
	if os.Getenv("BONGSU_LONG") != "" {
		changes = 100
	}
	forms := []avcodec.EncoderOptions{{Codec: streams.H264, Width: 320, Height: 240}, {Codec: streams.H264, Width: 160, Height: 96},
		{Codec: streams.H265, Width: 160, Height: 96}, {Codec: streams.H265, Width: 256, Height: 144}}
	detector := &shapeDetector{sizes: map[time.Duration][2]int{}}
	source := &sliceSource{}
	resized := 0
	for i := range changes + 1 {
		o := forms[i%len(forms)]
		o.GOP = 10
		part := film(t, o, 12, time.Duration(i)*1200*time.Millisecond)
		for _, au := range part {
			detector.sizes[au.PTS] = [2]int{o.Width, o.Height}
		}
		source.units = append(source.units, part...)
		if last := forms[(i+len(forms)-1)%len(forms)]; i > 0 && (last.Width != o.Width || last.Height != o.Height) {
			resized++
		}
	}
	total := uint64(len(source.units))
	tracker := &countingTracker{Tracker: track.New(track.Options{})}
	b := newBench(0)
	b.o.Open = func(context.Context, bongsu.RunID) (streams.Source, error) { return source, nil }
	b.o.NewDecoder = func(c streams.Codec) (Decoder, error) { return avcodec.NewDecoder(avcodec.Options{Codec: c}) }
	b.o.Detector, b.o.Tracker, b.o.Rules = detector, tracker, intrusionSet(t)
	machine := events.New(events.Options{Camera: "c"})
	b.o.Events = machine
	c := New(b.o)
	if err := c.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := c.Counts()
	if err := checkSums(got); err != nil || got.Inferred != total || got.UnitsDropped+got.FramesTainted != 0 {
		t.Errorf("sums: %v, %+v of %d units", err, got, total)
	}
	open := machine.Open()
	if len(open) != 1 || b.sinks.events[0].ID != open[0].ID || open[0].Trail[len(open[0].Trail)-1].Box.IoU(open[0].Box) < 0.99 {
		t.Errorf("%d revisions, %d open events", len(b.sinks.events), len(open))
	}
	if detector.stale > 0 || tracker.resets != resized {
		t.Errorf("%d pictures of a stale size, %d new tracks of %d changes of size", detector.stale, tracker.resets, resized)
	}
	worst := time.Duration(0)
	for i := 1; i < len(detector.looks); i++ {
		worst = max(worst, detector.looks[i]-detector.looks[i-1])
	}
	if n := avcodec.Live(); n != 0 {
		t.Errorf("%d C objects are left", n)
	}
	t.Logf("figure R38: %d changes of size or codec: the longest gap between two looks is %s of media time, 0 pictures of a stale size, tracker reset %d times, one event all through", changes, worst, tracker.resets)
}
