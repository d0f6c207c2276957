package pipeline

import (
	"context"
	"log/slog"
	"time"

	"bongsu"
	"bongsu/models"
	"bongsu/streams"
)

// Decoder turns access units into pictures; streams/avcodec implements it.
type Decoder interface {
	// Send takes one unit; MarkLoss says that units before the next one were dropped.
	Send(au *streams.AccessUnit) error
	MarkLoss()
	// Receive gives the next picture in display order, streams.ErrNeedMore when it needs
	// input first, and io.EOF after Drain when none is left. The caller releases it.
	Receive() (*bongsu.Frame, error)
	Drain() error
	Close()
}

// Tracker follows detections from picture to picture; edge/track implements it. The slice is
// valid until the next call.
type Tracker interface {
	Update(at time.Duration, dets []bongsu.Detection) []bongsu.Track
	// Pan says, before Update, that the picture's contents moved by so many widths and heights of it
	// since the picture before, because the camera did.
	Pan(dx, dy float32)
	Reset() // forgets all tracks
}

// Motion measures how far the camera moved between two pictures that are looked at; edge/vision
// implements it. 0, 0 means that it hangs still, or that nobody can tell.
type Motion interface {
	Look(f *bongsu.Frame) (dx, dy float32)
}

// Rules judge tracks; edge/rules implements it. The slice is valid until the next call.
type Rules interface {
	Evaluate(p bongsu.Picture, tracks []bongsu.Track) []bongsu.Firing
	// Shift says that the box's clock was set by d.
	Shift(d time.Duration)
}

// Events turn firings into events; edge/events implements it.
type Events interface {
	// Apply takes the firings of one picture; f may be nil when no picture is behind them.
	Apply(now time.Time, f *bongsu.Frame, inferred time.Time, firings []bongsu.Firing) []bongsu.Event
	// Tick closes what nothing continued.
	Tick(now time.Time) []bongsu.Event
	// Shift says that the box's clock was set by d.
	Shift(d time.Duration)
}

// Ring keeps the last seconds of the main stream for pre-rolls; streams/ring implements it.
type Ring interface {
	Add(au *streams.AccessUnit)
}

// Clips records the video of events; edge/clips implements it. Neither call blocks.
type Clips interface {
	Add(au *streams.AccessUnit)
	Event(ev bongsu.Event)
}

// Sink takes events over. Put returns at once; it retains f when it keeps it. f is nil when an
// event changes without a picture.
type Sink interface {
	Put(ev bongsu.Event, f *bongsu.Frame)
}

// Tape keeps the last units that a decoder was given, so that what crashed it can be studied;
// edge/crash implements it. Begin is called before a unit is decoded, End when its pictures are
// out. Neither keeps the unit.
type Tape interface {
	Begin(au *streams.AccessUnit)
	End()
}

// Options are what one camera's pipeline is made of. Tracker, Rules and Events are used by
// one goroutine at a time.
type Options struct {
	Camera bongsu.CameraID
	Name   string

	// Open begins a run. OpenDetect, when set, opens the sub-stream that detection runs on;
	// then Open's stream feeds clips only.
	Open       func(ctx context.Context, run bongsu.RunID) (streams.Source, error)
	OpenDetect func(ctx context.Context, run bongsu.RunID) (streams.Source, error)
	NewDecoder func(c streams.Codec) (Decoder, error)
	// Backoff says how long to wait after a run that ended with err; live reports that it
	// delivered. It is called by one goroutine a stream; BackoffClips serves the main stream
	// when OpenDetect is set.
	Backoff      func(live bool, err error) time.Duration
	BackoffClips func(live bool, err error) time.Duration

	Detector models.Detector
	Motion   Motion // nil: the camera is taken to hang still
	Tracker  Tracker
	Rules    Rules
	Events   Events
	Ring     Ring
	Clips    Clips
	Sink     Sink
	Live     Live // nil: nobody can look on

	InferPS  float64                                      // pictures looked at per second; 0 looks at all
	Lossless bool                                         // queues wait instead of dropping: for recordings as fast as possible
	Once     bool                                         // Run returns after the first run: for recordings
	Look     func(f *bongsu.Frame, tracks []bongsu.Track) // sees each picture after the rules; may be nil

	Tape   Tape                 // may be nil
	Steady func() time.Duration // a clock that nobody sets; since New by default

	Now func() time.Time // time.Now by default
	Log *slog.Logger     // discards by default
}

// unitSpan is how much media time queue 1 holds.
const unitSpan = 2 * time.Second

func (o *Options) defaults() {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Steady == nil {
		began := time.Now()
		o.Steady = func() time.Duration { return time.Since(began) }
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Live == nil {
		o.Live = noLive{}
	}
	second := func(bool, error) time.Duration { return time.Second }
	if o.Backoff == nil {
		o.Backoff = second
	}
	if o.BackoffClips == nil {
		o.BackoffClips = second
	}
}
