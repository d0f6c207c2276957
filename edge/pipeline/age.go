package pipeline

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"bongsu"
	"bongsu/streams"
)

// sighting is the last picture that rules were asked about.
type sighting struct {
	wall          time.Time     // its frame time; zero before the first
	at            time.Duration // on Options.Steady, when it was looked at
	run           bongsu.RunID
	width, height int // pixels
}

// How long a camera is without a picture to be trusted before something comes of it.
const (
	blindAfter = 2 * time.Second  // its rules are told
	tellBlind  = 10 * time.Second // its operator is
)

// clockSet is the least step of the box's clock between two runs that is told to rules and events.
// A smaller one cannot be told from the delay of a first picture, and does no harm.
const clockSet = 5 * time.Second

// sight notes a picture that can be trusted, before the tracker sees it. Between two runs the
// box's clock may have been set (a run ends by that): what is remembered moves with it. A picture
// of another size begins new tracks; rules find their subjects again.
func (c *Camera) sight(f *bongsu.Frame) {
	now, was := c.o.Steady(), c.seen
	c.seen = sighting{wall: f.Wall, at: now, run: f.Run, width: f.Width, height: f.Height}
	if was.wall.IsZero() {
		return
	}
	if step := f.Wall.Sub(was.wall) - (now - was.at); f.Run != was.run && step.Abs() > clockSet {
		c.o.Log.Warn("the box's clock was set; events that are open are marked", "camera", c.o.Camera, "by", step.Round(time.Second))
		c.epoch = c.epoch.Add(step)
		c.o.Rules.Shift(step)
		c.o.Events.Shift(step)
	}
	if f.Width != was.width || f.Height != was.height {
		c.o.Tracker.Reset()
	}
}

// age lets events age while no picture comes that can be trusted: none at all, tainted ones, or
// ones that the model does not answer for. Rules are told how long that has lasted, on the clock
// of the pictures, so that an event does not stay open for ever; the operator is told why.
func (c *Camera) age() {
	now := c.o.Now()
	c.exchanged(now)
	if blind := c.o.Steady() - c.seen.at; !c.seen.wall.IsZero() && !c.o.Lossless && blind > blindAfter {
		at := c.seen.wall.Add(blind)
		if firings := c.o.Rules.Evaluate(bongsu.Picture{At: at, Tainted: true}, nil); len(firings) > 0 {
			c.emit(c.o.Events.Apply(at, nil, time.Time{}, firings), nil)
		}
		if blind > tellBlind {
			c.status.blind(now)
		}
	}
	c.emit(c.o.Events.Tick(now), nil)
}

// connect opens the stream; events go on ageing meanwhile.
func (c *Camera) connect(ctx context.Context, open func(context.Context, bongsu.RunID) (streams.Source, error)) (streams.Source, error) {
	var beside sync.WaitGroup
	opened := make(chan struct{})
	beside.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-opened:
				return
			case <-tick.C:
				c.age()
			}
		}
	})
	source, err := open(ctx, bongsu.NewRunID(c.o.Now()))
	close(opened)
	beside.Wait()
	return source, err
}

// workClock tells since when a stage has been in a call that cannot be cancelled. Times are on
// Options.Steady, 0 for idle.
type workClock struct {
	steady         func() time.Duration // set before Run
	decode, detect atomic.Int64
}

func (w *workClock) begin(at *atomic.Int64) { at.Store(max(1, int64(w.steady()))) }
func (w *workClock) end(at *atomic.Int64)   { at.Store(0) }

// How long one call may take before it counts as hanging. A 4K picture is decoded in tenths of a
// second; a model may have the pictures of many cameras before this one.
const (
	decodeHangs = 6 * time.Second
	detectHangs = time.Minute
)

// Stuck names the stage that has not come back for too long: nobody in this process can help it.
// It is "" while all is well.
func (c *Camera) Stuck() (stage string, since time.Duration) {
	now := c.o.Steady()
	for _, s := range []struct {
		name  string
		at    *atomic.Int64
		hangs time.Duration
	}{{"decoding", &c.work.decode, decodeHangs}, {"inference", &c.work.detect, detectHangs}} {
		if at := time.Duration(s.at.Load()); at > 0 && now-at > s.hangs {
			return s.name, now - at
		}
	}
	return "", 0
}
