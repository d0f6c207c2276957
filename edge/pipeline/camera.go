// Package pipeline is one camera from Source to event sink; the only place where the stages
// meet. camera.go is the way of a frame; queues.go holds the two queues on it, ledger.go the
// sums that must hold, age.go what happens while no picture comes that can be trusted, and
// status.go what is told about the camera.
package pipeline

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"bongsu"
	"bongsu/streams"
)

// Camera runs one camera. Make it with New.
type Camera struct {
	o      Options // set before Run
	counts ledger
	status statusBoard
	work   workClock

	exchange atomic.Pointer[func(time.Time) (Rules, Events)] // in: to be taken over with the next picture

	// owned by Run, and by the detect goroutine while a run lasts
	epoch time.Time
	last  time.Duration
	dets  []bongsu.Detection
	seen  sighting
}

// New makes a camera's pipeline; nothing starts before Run.
func New(o Options) *Camera {
	o.defaults()
	c := &Camera{o: o, dets: make([]bongsu.Detection, 0, 256)}
	c.work.steady = o.Steady
	c.seen.at = o.Steady()
	c.status.init(o.Camera, o.Name, o.Now(), o.Log)
	if o.Detector != nil {
		c.status.model = o.Detector.Model().Name
	}
	return c
}

// Counts reads the camera's sums.
func (c *Camera) Counts() Counts { return c.counts.Read() }

// Run connects, analyses, and connects again for as long as ctx lasts. It blocks until all it
// began has ended, and returns ctx's error, or with Once the error that ended the run (nil at
// the end of a recording).
func (c *Camera) Run(ctx context.Context) error {
	var beside sync.WaitGroup
	defer beside.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	beside.Go(func() { _ = c.status.faults.Run(ctx) }) // ends with ctx only
	if c.o.OpenDetect != nil {
		beside.Go(func() { c.runClips(ctx) })
	}
	for {
		live, err := c.run(ctx)
		if c.o.Once || ctx.Err() != nil {
			return ended(ctx, err)
		}
		c.status.failed(c.o.Now(), err)
		c.o.Log.Warn("camera run ended", "camera", c.o.Camera, "error", err)
		c.counts.add(&c.counts.c.Reconnects, 1)
		if !c.pause(ctx, c.o.Backoff(live, err)) {
			return ctx.Err()
		}
	}
}

func ended(ctx context.Context, err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// pause waits d; events go on ageing meanwhile, since no detect goroutine runs now.
func (c *Camera) pause(ctx context.Context, d time.Duration) bool {
	end := time.NewTimer(d)
	defer end.Stop()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-end.C:
			return true
		case <-tick.C:
			c.age()
		}
	}
}

// run is one session with the stream that detection runs on. live reports that pictures came.
func (c *Camera) run(ctx context.Context) (live bool, err error) {
	open := c.o.Open
	if c.o.OpenDetect != nil {
		open = c.o.OpenDetect
	}
	c.status.set(c.o.Now(), bongsu.CameraStarting, "", "")
	source, err := c.connect(ctx, open)
	if err != nil {
		return false, err
	}
	defer source.Close()
	c.status.set(c.o.Now(), bongsu.CameraWaitingKey, "", "")

	r := c.newRun()
	before := c.Counts().FramesDecoded
	var stages sync.WaitGroup
	stages.Go(func() { r.decode(ctx, source) })
	stages.Go(func() { r.detect(ctx) })
	err = r.read(ctx, source)
	r.units.Close()
	stages.Wait()
	r.settle()
	if r.decodeErr != nil {
		err = r.decodeErr
	}
	return c.Counts().FramesDecoded > before, err
}

// run holds what one session shares between its three goroutines.
type run struct {
	c      *Camera
	units  *unitQueue
	frames *frameQueue

	decodeErr error // owned by decode until it ends
}

func (c *Camera) newRun() *run {
	return &run{c: c, units: newUnitQueue(unitSpan, c.o.Lossless), frames: newFrameQueue(c.o.Lossless)}
}

// settle accounts for what is left in the queues, and releases it, after all stages have ended:
// at a stop they end in any order, and the decoder may still give pictures after the one that
// takes them has gone.
func (r *run) settle() {
	c := r.c
	c.counts.unit(&c.counts.c.UnitsDropped, r.units.drain())
	for f := r.frames.take(); f != nil; f = r.frames.take() {
		c.counts.frame(&c.counts.c.FramesSkipped)
		f.Release()
	}
}

// read takes units from the source until the run ends. It never waits for the decoder.
func (r *run) read(ctx context.Context, source streams.Source) error {
	c := r.c
	for {
		au, err := source.Next(ctx)
		if err != nil {
			return err
		}
		c.counts.received(au.Lost)
		if c.o.OpenDetect == nil {
			c.keep(au) // before anything can drop it
		}
		if n := r.units.Push(ctx, au); n > 0 {
			c.counts.unit(&c.counts.c.UnitsDropped, n)
		}
	}
}

// keep gives a unit of the main stream to the ring and to the open clips.
func (c *Camera) keep(au *streams.AccessUnit) {
	c.o.Ring.Add(au)
	c.o.Clips.Add(au)
	c.o.Live.Add(au)
}

// decode decodes every unit, since later ones depend on it. A change of codec gets a new decoder.
func (r *run) decode(ctx context.Context, source streams.Source) {
	defer r.frames.Close()
	var dec Decoder
	var codec streams.Codec
	take := newSampler(r.c.o.InferPS)
	finish := func() {
		if dec != nil && dec.Drain() == nil {
			r.pictures(ctx, dec, take)
		}
		if dec != nil {
			dec.Close()
		}
		dec = nil
	}
	defer finish()
	for {
		au, after, ok := r.units.Pop(ctx)
		if !ok {
			return
		}
		if dec == nil || au.Codec != codec {
			finish()
			if dec, r.decodeErr = r.c.o.NewDecoder(au.Codec); r.decodeErr != nil {
				r.c.counts.unit(&r.c.counts.c.UnitsDropped, 1)
				r.units.Close() // read may wait for room
				source.Close()
				return
			}
			codec = au.Codec
			r.c.status.codec(codec)
		}
		if after {
			dec.MarkLoss()
		}
		r.decodeUnit(ctx, dec, au, take)
	}
}

func (r *run) decodeUnit(ctx context.Context, dec Decoder, au *streams.AccessUnit, take *sampler) {
	c := r.c
	if c.o.Tape != nil {
		c.o.Tape.Begin(au)
		defer c.o.Tape.End()
	}
	c.work.begin(&c.work.decode)
	err := dec.Send(au)
	c.work.end(&c.work.decode)
	if err != nil {
		c.counts.unit(&c.counts.c.UnitsDropped, 1)
		c.status.fault(err)
	} else {
		c.counts.unit(&c.counts.c.UnitsDecoded, 1)
	}
	r.pictures(ctx, dec, take)
}

// pictures takes what the decoder has to give and passes on what is to be looked at.
func (r *run) pictures(ctx context.Context, dec Decoder, take *sampler) {
	c := r.c
	for {
		c.work.begin(&c.work.decode)
		f, err := dec.Receive()
		c.work.end(&c.work.decode)
		if err != nil {
			if errors.Is(err, streams.ErrNeedMore) || errors.Is(err, io.EOF) {
				return
			}
			c.status.fault(err)
			var se *streams.Error
			if !errors.As(err, &se) {
				return // not of this picture: the decoder itself gave up
			}
			continue
		}
		c.counts.decoded()
		c.status.picture(c.o.Now(), f)
		c.o.Live.Picture(f)
		switch {
		case f.Tainted:
			c.counts.frame(&c.counts.c.FramesTainted)
			f.Release()
		case !take.Take(f):
			c.counts.frame(&c.counts.c.SampledOut)
			f.Release()
		default:
			if old := r.frames.Push(ctx, f); old != nil {
				c.counts.frame(&c.counts.c.FramesSkipped)
				old.Release()
			}
		}
	}
}

// detect is the rest of the way: model, tracks, rules, events.
func (r *run) detect(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		f, closed := r.frames.Pop(ctx, tick.C)
		if closed {
			return
		}
		if f == nil {
			r.c.age()
			continue
		}
		r.c.look(ctx, f)
		f.Release()
	}
}

// look takes one picture from the model to the sink.
func (c *Camera) look(ctx context.Context, f *bongsu.Frame) {
	c.work.begin(&c.work.detect)
	dets, err := c.o.Detector.Detect(ctx, f, c.dets[:0])
	c.work.end(&c.work.detect)
	if err != nil {
		c.counts.frame(&c.counts.c.FramesFailed)
		c.status.modelFault(ctx, c.o.Now(), err)
		return
	}
	inferred := c.o.Now()
	c.counts.frame(&c.counts.c.Inferred)
	c.status.inferred(inferred)
	c.dets = dets[:0]
	c.sight(f)
	c.exchanged(f.Wall)
	c.steady(f)
	tracks := c.o.Tracker.Update(c.mediaTime(f.Wall), dets)
	firings := c.o.Rules.Evaluate(f.Picture(), tracks)
	if len(firings) > 0 {
		c.emit(c.o.Events.Apply(f.Wall, f, inferred, firings), f)
	}
	if c.o.Look != nil {
		c.o.Look(f, tracks)
	}
}

// steady tells the tracker that the camera moved: wind on its pole is not everybody's motion.
func (c *Camera) steady(f *bongsu.Frame) {
	if c.o.Motion == nil {
		return
	}
	if dx, dy := c.o.Motion.Look(f); dx != 0 || dy != 0 {
		c.o.Tracker.Pan(dx, dy)
	}
}

// mediaTime is the tracker's clock: the box's clock since the first picture, strictly rising
// also where a reconnect sets the mapping anew.
func (c *Camera) mediaTime(wall time.Time) time.Duration {
	if c.epoch.IsZero() {
		c.epoch = wall.Add(-time.Millisecond)
	}
	c.last = max(wall.Sub(c.epoch), c.last+time.Microsecond)
	return c.last
}

// emit hands events over and returns: the disk never stops the loop.
func (c *Camera) emit(events []bongsu.Event, f *bongsu.Frame) {
	for _, ev := range events {
		c.counts.add(&c.counts.c.Events, 1)
		if !ev.Kind.Alarm() { // figures: there is nothing to look at
			c.o.Sink.Put(ev, nil)
			continue
		}
		c.o.Sink.Put(ev, f) // before its clip: the node must hear of the event first
		c.o.Clips.Event(ev)
	}
}

// runClips keeps the main stream flowing into ring and clips when detection runs on another.
func (c *Camera) runClips(ctx context.Context) {
	for ctx.Err() == nil {
		got, err := c.readClips(ctx)
		if ctx.Err() == nil {
			c.o.Log.Warn("main stream ended; clips wait for it", "camera", c.o.Camera, "error", err)
		}
		wait := time.NewTimer(c.o.BackoffClips(got, err))
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
		}
	}
}

func (c *Camera) readClips(ctx context.Context) (got bool, err error) {
	source, err := c.o.Open(ctx, bongsu.NewRunID(c.o.Now()))
	if err != nil {
		return false, err
	}
	defer source.Close()
	for {
		au, err := source.Next(ctx)
		if err != nil {
			return got, err
		}
		got = true
		c.keep(au)
	}
}
