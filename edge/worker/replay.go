package worker

import (
	"context"
	"time"

	"bongsu"
	"bongsu/edge/events"
	"bongsu/edge/link"
	"bongsu/edge/pipeline"
	"bongsu/edge/track"
	"bongsu/edge/vision"
	"bongsu/models"
	"bongsu/streams"
	"bongsu/streams/avcodec"
)

// Replay runs a recording through the pipeline that a camera with this assignment would have,
// and closes what is open at its end. With lossless no picture is left out because the model
// is slower than the file. It blocks until the source ends.
func (b *Builder) Replay(ctx context.Context, a link.Assignment, source streams.Source, lossless bool, env Env) (pipeline.Counts, error) {
	batcher, model, err := b.Models.Get(a.Model)
	if err != nil {
		return pipeline.Counts{}, err
	}
	detector, err := batcher.Detector(a.Camera)
	if err != nil {
		return pipeline.Counts{}, err
	}
	defer detector.Close()
	th := model.Manifest.Thresholds
	return b.ReplayWith(ctx, a, source, lossless, env, Sight{Detector: detector, High: th.High, Low: th.Low})
}

// Sight is what a replay looks with.
type Sight struct {
	Detector  models.Detector
	High, Low float32                                      // thresholds of its scores, as a manifest has them
	Look      func(f *bongsu.Frame, tracks []bongsu.Track) // sees each picture after the rules; may be nil
}

// ReplayWith is Replay with another detector than the assignment's model: one that remembers, or one
// that knows the truth.
func (b *Builder) ReplayWith(ctx context.Context, a link.Assignment, source streams.Source, lossless bool, env Env, s Sight) (pipeline.Counts, error) {
	set, _, err := judgesOf(a)
	if err != nil {
		return pipeline.Counts{}, err
	}
	machine := events.New(events.Options{Camera: a.Camera, CameraName: a.Name, Model: s.Detector.Model(),
		WallQuality: b.WallQuality, Monotonic: b.Monotonic})
	last := time.Time{}
	cam := pipeline.New(pipeline.Options{
		Camera: a.Camera, Name: a.Name, InferPS: a.InferPS, Lossless: lossless, Once: true, Log: env.Log,
		Open: func(context.Context, bongsu.RunID) (streams.Source, error) { return source, nil },
		NewDecoder: func(c streams.Codec) (pipeline.Decoder, error) {
			return avcodec.NewDecoder(avcodec.Options{Codec: c, MaxPixels: a.MaxPixels, Frames: decoderFrames})
		},
		Detector: s.Detector, Motion: &vision.Motion{}, Tracker: track.New(track.Options{High: s.High, Low: s.Low}),
		Rules: set, Events: machine, Ring: nothing{}, Clips: nothing{}, Sink: sink(env.Put),
		Look: func(f *bongsu.Frame, tracks []bongsu.Track) {
			if last = f.Wall; s.Look != nil {
				s.Look(f, tracks)
			}
		},
	})
	err = cam.Run(ctx)
	for _, ev := range machine.CloseAll(last, bongsu.CloseEnded) {
		env.Put(ev, nil)
	}
	return cam.Counts(), err
}

// nothing keeps no units: a replay makes no clips.
type nothing struct{}

func (nothing) Add(*streams.AccessUnit) {}
func (nothing) Event(bongsu.Event)      {}
