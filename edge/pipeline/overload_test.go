package pipeline

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bongsu"
	"bongsu/models"
	"bongsu/models/batch"
	"bongsu/streams"
)

// pacedSource delivers n units, one every step of real time.
type pacedSource struct {
	n, size int
	step    time.Duration
	seq     int
	tick    *time.Ticker
}

func (s *pacedSource) Next(ctx context.Context) (*streams.AccessUnit, error) {
	if s.seq == s.n {
		return nil, io.EOF
	}
	if s.tick == nil {
		s.tick = time.NewTicker(s.step)
	}
	select {
	case <-s.tick.C:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	now := time.Now()
	au := &streams.AccessUnit{Camera: "c", Seq: uint64(s.seq), Codec: streams.H264, Key: s.seq%10 == 0, PTS: time.Duration(s.seq) * s.step,
		NALs: [][]byte{make([]byte, s.size)}, Wall: now, Arrived: now, Lost: s.size > 0 && s.seq%37 == 36}
	s.seq++
	return au, nil
}
func (s *pacedSource) Close() error {
	if s.tick != nil {
		s.tick.Stop()
	}
	return nil
}

// slowDetector takes as long for every picture.
type slowDetector struct {
	fakeDetector
	takes time.Duration
}

func (d *slowDetector) Detect(ctx context.Context, f *bongsu.Frame, dst []bongsu.Detection) ([]bongsu.Detection, error) {
	wait := time.NewTimer(d.takes)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-ctx.Done():
		return dst, ctx.Err()
	}
	return append(dst, bongsu.Detection{Class: bongsu.ClassPerson, Score: 0.9, Box: bongsu.Box{X1: 1, Y1: 1}}), nil
}

// load runs a camera of n pictures, one every step, on a model that takes that long, and gives how
// long events took from their unit's arrival.
func load(t *testing.T, n int, step, takes time.Duration) (got Counts, most uint64, fired int, delays []time.Duration) {
	t.Helper()
	b := newBench(0)
	b.o.Lossless = false
	b.o.Open = func(context.Context, bongsu.RunID) (streams.Source, error) {
		return &pacedSource{n: n, step: step}, nil
	}
	b.o.Detector = &slowDetector{takes: takes}
	b.stages.fire = func(n int) bool { return n%5 == 0 }
	var mu sync.Mutex
	b.o.Sink = sinkFunc(func(_ bongsu.Event, f *bongsu.Frame) {
		mu.Lock()
		delays = append(delays, time.Since(f.Wall))
		mu.Unlock()
	})
	c := New(b.o)
	done := make(chan error, 1)
	go func() { done <- c.Run(t.Context()) }()
	for {
		now := c.Counts()
		most = max(most, now.FramesInFlight)
		if err := checkSums(now); err != nil {
			t.Error(err)
		}
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			return b.settled(t, c), most, b.stages.n / 5, delays
		case <-time.After(time.Millisecond):
		}
	}
}

func p95(all []time.Duration) time.Duration {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[len(all)*95/100]
}

// TestTwiceTheLoad gives a model twice the pictures that it can look at.
func TestTwiceTheLoad(t *testing.T) {
	const takes = 20 * time.Millisecond
	_, _, _, calm := load(t, 30, 2*takes, takes)
	got, most, fired, busy := load(t, 200, takes/2, takes)
	if most > 3+1 { // two queued, one with the model, one on its way between two queues
		t.Errorf("%d pictures in flight", most)
	}
	if len(busy) != fired || uint64(fired) != got.Events {
		t.Errorf("%d of %d events came through: %+v", len(busy), fired, got)
	}
	if got.FramesSkipped == 0 {
		t.Errorf("no overload: %+v", got)
	}
	t.Logf("figure R41: twice the load: %d pictures = %d looked at + %d skipped, at most %d in flight (2 queued, 1 with the model), %d of %d events through; event p95 %s, unloaded %s",
		got.FramesDecoded, got.Inferred, got.FramesSkipped, most, len(busy), fired, p95(busy).Round(time.Millisecond), p95(calm).Round(time.Millisecond))
}

// sleepyBank is a model that takes as long for each run.
type sleepyBank struct{ takes time.Duration }

func (sleepyBank) Fill(_ int, f *bongsu.Frame) (models.Geometry, error) {
	return models.Geometry{PictureW: f.Width, PictureH: f.Height, ScaleX: 1, ScaleY: 1}, nil
}
func (k sleepyBank) Run(int) error {
	<-time.After(k.takes)
	return nil
}
func (sleepyBank) Outputs(int) []models.Output { return nil }

type personHead struct{}

func (personHead) Decode(_ []models.Output, _ models.Geometry, dst []bongsu.Detection) []bongsu.Detection {
	return append(dst, bongsu.Detection{Class: bongsu.ClassPerson, Score: 0.9, Box: bongsu.Box{X1: 1, Y1: 1}})
}

// TestFlooder has seven ordinary cameras share a model, which is just enough for them, with one
// that sends six times the pictures, large ones, and with losses.
func TestFlooder(t *testing.T) {
	const normal, takes = 7, 4 * time.Millisecond
	const step = 50 * time.Millisecond // 20 pictures a second: eight cameras need 160 of 250 runs a second
	b, err := batch.New(batch.Options{Banks: []batch.Bank{sleepyBank{takes}, sleepyBank{takes}}, Size: 1,
		Head: func() (models.Head, error) { return personHead{}, nil }})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = b.Run(ctx) })
	cameras := make([]*Camera, normal+1)
	var ended atomic.Int32
	var all sync.WaitGroup
	for i := range cameras {
		r := newBench(0)
		n, every, size := 60, step, 0
		if i == normal {
			n, every, size = 360, step/6, 256<<10
		}
		d, err := b.Detector(bongsu.CameraID(fmt.Sprintf("c%d", i)))
		if err != nil {
			t.Fatal(err)
		}
		r.o.Lossless, r.o.Detector = false, d
		r.o.Open = func(context.Context, bongsu.RunID) (streams.Source, error) {
			return &pacedSource{n: n, step: every, size: size}, nil
		}
		cameras[i] = New(r.o)
		all.Go(func() {
			defer d.Close()
			if err := cameras[i].Run(ctx); err != nil {
				t.Error(err)
			}
			ended.Add(1)
		})
	}
	all.Wait()
	stop()
	running.Wait()
	var sum, squares float64
	least := 1.0
	for i, c := range cameras {
		k := c.Counts()
		if err := checkSums(k); err != nil {
			t.Error(err)
		}
		if i < normal {
			share := float64(k.Inferred) / 60
			sum, squares, least = sum+share, squares+share*share, min(least, share)
		}
	}
	jain := sum * sum / (normal * squares)
	if jain < 0.95 {
		t.Errorf("Jain's index of the ordinary cameras is %.3f", jain)
	}
	flood := cameras[normal].Counts()
	t.Logf("figure R42: one camera with %d pictures beside seven with 60: Jain's index of the seven %.4f, the least got %.0f %% of its rate; of the flood %d were looked at",
		flood.Received, jain, 100*least, flood.Inferred)
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}
