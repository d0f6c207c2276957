package worker

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"bongsu"
	"bongsu/edge/clips"
	"bongsu/edge/crash"
	"bongsu/edge/events"
	"bongsu/edge/link"
	"bongsu/edge/pipeline"
	"bongsu/edge/rules"
	"bongsu/edge/track"
	"bongsu/edge/vision"
	"bongsu/models/batch"
	"bongsu/models/catalog"
	"bongsu/streams"
	"bongsu/streams/avcodec"
	"bongsu/streams/ring"
	"bongsu/streams/rtsp"
)

// Builder makes cameras' pipelines of the real parts.
type Builder struct {
	Models      *Models
	WallQuality func() string        // of this box's clock
	Monotonic   func() time.Duration // since the box's boot
}

// camera is a Runner of real parts.
type camera struct {
	pipe     *pipeline.Camera
	clips    *clips.Recorder
	ring     *ring.Ring
	detector *batch.Detector
	stills   *stills
	tape     *crash.Tape
	env      Env
	id       bongsu.CameraID

	eventOptions events.Options // set before Run
	rules        []link.Rule    // owned by the goroutine that judges

	mu       sync.Mutex
	machine  *events.Machine // guarded by mu to change, and to read outside of the goroutine that judges
	gathered uint64          // guarded by mu: of machines that were exchanged

	main   *rtsp.Source // guarded by mu: of the run that goes on
	detect *rtsp.Source // guarded by mu
	past   rtsp.Stats   // guarded by mu: sums of ended runs
}

// Build makes the pipeline of one assignment. It may take as long as loading a model does.
func (b *Builder) Build(a link.Assignment, env Env) (Runner, error) {
	batcher, model, err := b.Models.Get(a.Model)
	if err != nil {
		return nil, err
	}
	set, whole, err := judgesOf(a)
	if err != nil {
		return nil, err
	}
	a.Rules = whole
	detector, err := batcher.Detector(a.Camera)
	if err != nil {
		return nil, err
	}
	c := &camera{env: env, id: a.Camera, rules: a.Rules, detector: detector, stills: newStills(a.Rules)}
	c.ring = ring.New(ring.Options{Keep: ringKeep(a), MaxBytes: a.RingBytes})
	c.eventOptions = events.Options{Camera: a.Camera, CameraName: a.Name, Model: model.Manifest.Ref(),
		WallQuality: b.WallQuality, Monotonic: b.Monotonic}
	c.machine = events.New(c.eventOptions)
	c.adopt(time.Now(), env.Open, a.Rules, set)
	c.clips = clips.New(clips.Options{Camera: a.Camera, Ring: c.ring, Open: env.OpenClip, Closed: env.CloseClip,
		PreRoll: a.PreRoll, PostRoll: a.PostRoll, MaxClip: a.MaxClip, FirstPart: a.PreRoll + firstPart, Log: env.Log})
	c.tape = env.Tapes.Tape(a.Camera)
	c.pipe = pipeline.New(c.options(a, model, set))
	return c, nil
}

// firstPart is how much of an event its first part shows: an operator is not to wait for the end
// of a long event to see how it began.
const firstPart = 8 * time.Second

// adopt takes over the events that the camera's former run, or its former rules, left open. Those
// whose rule is not there any more are closed.
func (c *camera) adopt(now time.Time, open []bongsu.Event, with []link.Rule, set *rules.Set) {
	c.machine.Adopt(open)
	set.Resume(now, open)
	for _, ev := range c.machine.Close(now, bongsu.CloseRuleRemoved, closes(with)) {
		c.env.Put(ev, nil)
		if c.pipe != nil {
			c.clips.Event(ev) // it may be recording
		}
	}
}

// ringMargin is held beyond the pre-roll: an event is known a little after it began.
const ringMargin = 5 * time.Second

// ringKeep is how much video a camera's ring is to hold: a loitering event is known only when
// its dwell has passed, a fire when it was seen for long, and the clip begins before that. ring_bytes
// bounds it all the same. What is only counted has no clip of its beginning.
func ringKeep(a link.Assignment) time.Duration {
	late := time.Duration(0)
	for _, r := range a.Rules {
		late = max(late, r.Dwell+r.Confirm)
	}
	return a.PreRoll + late + ringMargin
}

func (c *camera) options(a link.Assignment, model *catalog.Model, set *rules.Set) pipeline.Options {
	clock := rtsp.NewClock() // one mapping for both streams of the camera
	th := model.Manifest.Thresholds
	o := pipeline.Options{
		Camera: a.Camera, Name: a.Name, InferPS: a.InferPS, Log: c.env.Log,
		Open:    c.opener(a, a.URL, clock, &c.main),
		Backoff: backoff(), BackoffClips: backoff(),
		NewDecoder: func(codec streams.Codec) (pipeline.Decoder, error) {
			return avcodec.NewDecoder(avcodec.Options{Codec: codec, MaxPixels: a.MaxPixels, Frames: decoderFrames})
		},
		Detector: c.detector,
		Motion:   &vision.Motion{},
		Tracker:  track.New(track.Options{High: float32(th.High), Low: float32(th.Low)}),
		Rules:    set, Events: c.machine, Ring: c.ring, Clips: c.clips,
		Sink: sink(c.env.Put), Look: c.look, Live: c.env.Live,
	}
	if c.tape != nil {
		o.Tape = &tape{c.tape, crash.Unit{}}
	}
	if a.DetectURL != "" {
		o.OpenDetect = c.opener(a, a.DetectURL, clock, &c.detect)
	}
	return o
}

// look sees each picture after the rules: for stills, and for those who look on.
func (c *camera) look(f *bongsu.Frame, tracks []bongsu.Track) {
	c.stills.look(f, tracks)
	c.env.Live.found(f, tracks, c.rules)
}

// tape writes down what a decoder is given.
type tape struct {
	*crash.Tape
	u crash.Unit
}

// Begin implements pipeline.Tape.
func (t *tape) Begin(au *streams.AccessUnit) {
	t.u = crash.Unit{Codec: au.Codec.String(), Seq: au.Seq, PTSUS: au.PTS.Microseconds(), Key: au.Key, Lost: au.Lost, NALs: au.NALs}
	if au.Params != nil {
		t.u.Sets = [3][]byte{au.Params.VPS, au.Params.SPS, au.Params.PPS}
	}
	t.Tape.Begin(&t.u)
	t.u.NALs = nil
}

// decoderFrames is how many pictures of one camera may be held: two queued, one looked at, those
// that wait for encoding, one kept for the still, two for live stills, and what reordering holds.
const decoderFrames = 2 + 1 + maxHeldFrames + 1 + 2 + 2

type sink func(ev bongsu.Event, f *bongsu.Frame)

func (s sink) Put(ev bongsu.Event, f *bongsu.Frame) { s(ev, f) }

// opener connects to one stream of the camera. That the login worked before tells a camera
// that is full from a wrong password.
func (c *camera) opener(a link.Assignment, url string, clock *rtsp.Clock, at **rtsp.Source) func(context.Context, bongsu.RunID) (streams.Source, error) {
	worked := false
	return func(ctx context.Context, run bongsu.RunID) (streams.Source, error) {
		s, err := rtsp.Open(ctx, rtsp.Options{Camera: a.Camera, Run: run, URL: url, Username: a.Username, Password: a.Password,
			AllowBasic: a.AllowBasic, WorkedBefore: worked,
			Transport: rtsp.Transport(a.Transport), AnyPort: a.AnyUDPPort, AllTracks: a.AllTracks, TLS: rtsp.TLS{CAFile: a.CAFile, PinSHA256: a.PinSHA256},
			StallAfter: a.StallAfter, Clock: clock, Log: c.env.Log})
		if err != nil {
			return nil, err
		}
		worked = true
		c.mu.Lock()
		if *at != nil {
			c.past = addStats(c.past, (*at).Stats())
		}
		*at = s
		c.mu.Unlock()
		return s, nil
	}
}

func backoff() func(live bool, err error) time.Duration {
	b := &rtsp.Backoff{Rand: rand.Float64}
	return func(live bool, err error) time.Duration {
		if live {
			b.Reset()
		}
		var se *streams.Error
		if errors.As(err, &se) {
			return b.After(se.Code)
		}
		return b.Next()
	}
}

// Run runs the pipeline and the clip writer until ctx ends, then closes what is open.
func (c *camera) Run(ctx context.Context) error {
	defer c.detector.Close()
	defer c.stills.drop()
	defer c.tape.Close()
	c.env.Live.follow(c.ring)
	defer c.env.Live.follow(nil)
	var writing sync.WaitGroup
	var clipErr error
	writing.Go(func() { clipErr = c.clips.Run(ctx) })
	err := c.pipe.Run(ctx)
	writing.Wait()
	if clipErr != nil && ctx.Err() == nil {
		err = fmt.Errorf("camera %s: clips: %w", c.id, clipErr)
	}
	return err
}

// Status tells how the camera is.
func (c *camera) Status() bongsu.CameraStatus { return c.pipe.Status() }

// Stuck names a stage whose call does not come back.
func (c *camera) Stuck() (stage string, since time.Duration) { return c.pipe.Stuck() }

// Stills gives the pictures kept since the last call.
func (c *camera) Stills() (plain, boxed []byte, at time.Time) { return c.stills.take() }

// Open gives the events that are still open.
func (c *camera) Open() []bongsu.Event { return c.events().Open() }

// Retire closes the open events, because the camera leaves the configuration.
func (c *camera) Retire() {
	for _, ev := range c.events().CloseAll(time.Now(), bongsu.CloseRuleRemoved) {
		c.env.Put(ev, nil)
	}
}
