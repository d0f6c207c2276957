package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"bongsu"
	"bongsu/streams"
)

// bench is a pipeline of fakes.
type bench struct {
	source   *fakeSource
	decoder  *fakeDecoder
	detector *fakeDetector
	stages   *fakeStages
	sinks    *fakeSinks
	live     atomic.Int64
	o        Options
}

func newBench(n int) *bench {
	b := &bench{source: &fakeSource{n: n}, detector: &fakeDetector{}, stages: &fakeStages{}, sinks: &fakeSinks{}}
	b.decoder = &fakeDecoder{live: &b.live}
	b.o = Options{Camera: "c", Name: "문", Once: true, Lossless: true,
		Open:       func(context.Context, bongsu.RunID) (streams.Source, error) { return b.source, nil },
		NewDecoder: func(streams.Codec) (Decoder, error) { return b.decoder, nil },
		Backoff:    func(bool, error) time.Duration { return time.Millisecond },
		Detector:   b.detector, Tracker: b.stages, Rules: b.stages, Events: b.stages,
		Ring: fakeRing{b.sinks}, Clips: fakeClips{b.sinks}, Sink: b.sinks}
	return b
}

// checkSums holds a reading against the two sums of the architecture.
func checkSums(c Counts) error {
	if got := c.UnitsDecoded + c.UnitsDropped + c.UnitsSkipped + c.UnitsInFlight; got != c.Received {
		return fmt.Errorf("units: received %d, accounted for %d: %+v", c.Received, got, c)
	}
	if got := c.Inferred + c.SampledOut + c.Gated + c.FramesSkipped + c.FramesTainted + c.FramesFailed + c.FramesInFlight; got != c.FramesDecoded {
		return fmt.Errorf("frames: decoded %d, accounted for %d: %+v", c.FramesDecoded, got, c)
	}
	return nil
}

func (b *bench) settled(t *testing.T, c *Camera) Counts {
	t.Helper()
	got := c.Counts()
	if err := checkSums(got); err != nil {
		t.Error(err)
	}
	if got.UnitsInFlight != 0 || got.FramesInFlight != 0 {
		t.Errorf("in flight after the end: %+v", got)
	}
	if n := b.live.Load(); n != 0 {
		t.Errorf("%d references to pictures were never released", n)
	}
	return got
}

func TestEveryPictureOfARecordingIsLookedAt(t *testing.T) {
	b := newBench(95)
	b.stages.fire = func(n int) bool { return n == 3 || n == 50 }
	c := New(b.o)
	if err := c.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := b.settled(t, c)
	if got.Received != 95 || got.Inferred != 95 || got.Events != 2 {
		t.Errorf("counts %+v, want 95 units looked at and 2 events", got)
	}
	if len(b.sinks.units) != 95 || len(b.sinks.clips) != 95 || b.sinks.clipEv != 2 {
		t.Errorf("ring %d, clips %d units, %d events, want 95, 95, 2", len(b.sinks.units), len(b.sinks.clips), b.sinks.clipEv)
	}
	if fmt.Sprint(b.sinks.seqs) != "[2 49]" {
		t.Errorf("pictures behind the events %v, want those that the rule fired on", b.sinks.seqs)
	}
	for i := 1; i < len(b.stages.times); i++ {
		if b.stages.times[i] <= b.stages.times[i-1] {
			t.Fatalf("the tracker's clock went from %s to %s", b.stages.times[i-1], b.stages.times[i])
		}
	}
	if !b.decoder.closed || !b.source.closed.Load() {
		t.Error("decoder or source was left open")
	}
}

func TestSamplingKeepsTheRate(t *testing.T) {
	b := newBench(100) // 10 pictures a second for 10 s
	b.o.InferPS = 4
	c := New(b.o)
	if err := c.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := b.settled(t, c); got.Inferred < 38 || got.Inferred > 42 {
		t.Errorf("%d of 100 pictures looked at in 10 s, want about 40", got.Inferred)
	}
}

func TestTaintedPicturesAreNotLookedAt(t *testing.T) {
	b := newBench(40)
	b.source.lostAt = 15 // tainted until the key unit 20
	c := New(b.o)
	if err := c.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := b.settled(t, c)
	if got.FramesTainted != 5 || got.Inferred != 35 || got.LostUnits != 1 {
		t.Errorf("counts %+v, want 5 tainted, 35 looked at, 1 lost", got)
	}
	for _, s := range b.detector.seqs {
		if s >= 15 && s < 20 {
			t.Errorf("tainted picture %d reached the model", s)
		}
	}
}

func TestUnitThatTheDecoderRefusesCostsOnlyItself(t *testing.T) {
	b := newBench(30)
	b.decoder.refuse = func(au *streams.AccessUnit) error {
		if au.Seq == 12 {
			return errors.New("no slice in this unit")
		}
		return nil
	}
	c := New(b.o)
	if err := c.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := b.settled(t, c)
	if got.UnitsDropped != 1 || got.UnitsDecoded != 29 || got.FramesTainted != 7 {
		t.Errorf("counts %+v, want 1 dropped, 29 decoded, 7 tainted", got)
	}
}

func TestFailingModelIsCountedAndSaid(t *testing.T) {
	b := newBench(20)
	b.detector.failEvery = 1
	var log strings.Builder
	b.o.Log = slog.New(slog.NewTextHandler(&log, nil))
	c := New(b.o)
	if err := c.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := b.settled(t, c)
	if got.FramesFailed != 20 || got.Inferred != 0 {
		t.Errorf("counts %+v, want 20 failed", got)
	}
	if s := c.Status(); s.State != bongsu.CameraFailed || s.Code != "model" {
		t.Errorf("status %+v, want failed by the model", s)
	}
	// One line at once, and one for the other nineteen.
	if lines := strings.Split(strings.TrimSpace(log.String()), "\n"); len(lines) != 2 || !strings.Contains(lines[1], "19 inference errors") {
		t.Errorf("logged:\n%s", log.String())
	}
}

func TestNewestPictureWins(t *testing.T) {
	b := newBench(15) // 1.5 s: queue 1 holds all of it
	b.o.Lossless = false
	answer := make(chan struct{})
	b.detector.slow = answer
	c := New(b.o)
	done := make(chan error, 1)
	go func() { done <- c.Run(t.Context()) }()
	// The model answers only when every picture has come: one is with it, two wait.
	waitFor(t, func() bool { k := c.Counts(); return k.FramesDecoded == 15 && k.FramesInFlight <= 3 })
	close(answer)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	got := b.settled(t, c)
	if got.Inferred > 3 || got.Inferred+got.FramesSkipped != got.FramesDecoded {
		t.Errorf("counts %+v, want at most three looked at and the others skipped", got)
	}
	if last := b.detector.seqs[len(b.detector.seqs)-1]; uint64(b.source.n-1) != last {
		t.Errorf("the last picture looked at is %d, want the newest, %d", last, b.source.n-1)
	}
}

func TestSlowDecoderLosesUpToAKeyUnitAndTaints(t *testing.T) {
	b := newBench(100)
	b.o.Lossless = false
	step := make(chan struct{})
	b.decoder.slow = step
	c := New(b.o)
	done := make(chan error, 1)
	go func() { done <- c.Run(t.Context()) }()
	waitFor(t, func() bool { return c.Counts().Received == 100 })
	close(step)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	got := b.settled(t, c)
	if got.UnitsDropped == 0 {
		t.Fatalf("counts %+v: ten seconds went through a queue of two with a stopped decoder, and nothing was dropped", got)
	}
	if got.FramesTainted != 0 {
		t.Errorf("%d tainted pictures: after a drop the next unit must be a key unit", got.FramesTainted)
	}
}

func TestReconnectsForEverAndTellsWhy(t *testing.T) {
	b := newBench(0)
	b.o.Once = false
	tries := make(chan int, 1)
	n := 0
	b.o.Open = func(ctx context.Context, run bongsu.RunID) (streams.Source, error) {
		n++
		select {
		case tries <- n:
		default:
		}
		if n%2 == 1 {
			return nil, &streams.Error{Camera: "c", Op: "connect", State: bongsu.CameraDenied, Code: streams.ReasonWrongPassword, Err: errors.New("the camera refuses the password")}
		}
		return &fakeSource{n: 12}, nil
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c := New(b.o)
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	waitFor(t, func() bool { return <-tries >= 7 })
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatalf("Run returned %v", err)
	}
	got := b.settled(t, c)
	if got.Reconnects < 6 || got.Received < 24 {
		t.Errorf("counts %+v after seven tries, every second of 12 units", got)
	}
}

// TestStoppingReleasesWhatTheDecoderStillGives: the decoder may give pictures after the stage
// behind it has seen the stop.
func TestStoppingReleasesWhatTheDecoderStillGives(t *testing.T) {
	b := newBench(3)
	b.o.Lossless = false
	b.decoder.last = 5
	c := New(b.o)
	r := c.newRun()
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.read(stopped, b.source); !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	r.detect(stopped) // has gone before the decoder
	r.decode(stopped, b.source)
	r.settle()
	if got := b.settled(t, c); got.FramesDecoded != 8 || got.FramesSkipped != 8 {
		t.Errorf("counts %+v, want eight pictures, all skipped", got)
	}
}

// TestDecoderThatCannotBeMadeEndsARecording: the reader must not wait for room that nobody makes.
func TestDecoderThatCannotBeMadeEndsARecording(t *testing.T) {
	b := newBench(100)
	none := errors.New("no such decoder")
	b.o.NewDecoder = func(streams.Codec) (Decoder, error) { return nil, none }
	c := New(b.o)
	if err := c.Run(t.Context()); !errors.Is(err, none) {
		t.Fatalf("Run returned %v", err)
	}
	b.settled(t, c)
}

func TestStatusKeepsTheReasonWhileTryingAgain(t *testing.T) {
	var s statusBoard
	s.init("c", "n", epoch, slog.New(slog.DiscardHandler))
	s.failed(epoch, &streams.Error{State: bongsu.CameraDenied, Code: streams.ReasonWrongPassword, Err: errors.New("the camera refuses the password")})
	s.set(epoch.Add(time.Second), bongsu.CameraStarting, "", "")
	if s.s.State != bongsu.CameraDenied || s.s.Code != streams.ReasonWrongPassword || !s.s.Since.Equal(epoch) {
		t.Errorf("status %+v, want the refusal since its first time", s.s)
	}
}

// TestSumsHoldAtAnyInstant reads the sums as fast as it can while units come in at random.
func TestSumsHoldAtAnyInstant(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	b := newBench(2000)
	b.o.Lossless = false
	b.o.InferPS = 7
	b.source.lostAt = 1 + rng.IntN(1999)
	b.detector.failEvery = 2 + rng.IntN(9)
	c := New(b.o)
	done := make(chan error, 1)
	go func() { done <- c.Run(t.Context()) }()
	for {
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			b.settled(t, c)
			return
		default:
			if err := checkSums(c.Counts()); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestClipsComeFromTheMainStreamWhenThereIsASubStream(t *testing.T) {
	b := newBench(50)
	main := &fakeSource{n: 80}
	b.o.OpenDetect = b.o.Open
	b.o.Open = func(context.Context, bongsu.RunID) (streams.Source, error) { return main, nil }
	b.o.Backoff = func(bool, error) time.Duration { return time.Hour }
	b.o.BackoffClips = b.o.Backoff
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	b.o.Once = false
	c := New(b.o)
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	waitFor(t, func() bool {
		b.sinks.mu.Lock()
		defer b.sinks.mu.Unlock()
		return len(b.sinks.clips) == 80 && c.Counts().Inferred == 50
	})
	cancel()
	<-done
	b.settled(t, c)
}

func waitFor(t *testing.T, cond func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-deadline:
			t.Fatal("the condition did not come true in a minute")
		case <-tick.C:
		}
	}
}
