package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	"bongsu"
	"bongsu/edge/link"
	"bongsu/edge/rules"
	"bongsu/edge/score"
	"bongsu/edge/worker"
	detectors "bongsu/models"
	"bongsu/models/catalog"
	"bongsu/streams"
	"bongsu/streams/replay"
	"bongsu/streams/rtsp"
	"bongsu/streams/scene/suite"
	"bongsu/streams/streamstest"
	"bongsu/streams/truth"
)

// Detectors of a run.
const (
	detectModel = "model" // the model that is named
	detectTruth = "truth" // the clip's truth, with stated noise
	detectNone  = "none"  // one that sees nothing
)

// player plays clips of a suite through the pipeline that a camera has.
type player struct {
	// set before use
	suite    *suite.Suite
	detector string
	model    *catalog.Model // of detectModel
	models   *worker.Models
	cache    sightCache
	inferPS  float64
	offset   time.Duration // nothing is seen before
	rtsp     bool
	tune     tuning
	seqs     *truths
	minScore float32               // of all rules, in place of theirs; 0 leaves them
	seen     map[string][]sighting // of clips, by name: what is known of their pictures already
	log      *slog.Logger
}

// alarm is what a rule said about a clip.
type alarm struct {
	At    time.Duration // on the clip's clock, when the rule was sure
	Since time.Duration // when what it found began
	Event bongsu.Event
}

// played is what came out of one clip.
type played struct {
	clip   *suite.Clip
	alarms []alarm
	seen   []sighting
	fresh  int // pictures that were not in the cache
	took   time.Duration

	skipped int // pictures that came too fast to be looked at
}

// play plays one clip with rules. It blocks until the clip is over.
func (p *player) play(ctx context.Context, c *suite.Clip, rs []bongsu.Rule) (*played, error) {
	began := time.Now()
	out := &played{clip: c}
	e, file, err := p.eye(c)
	if err != nil {
		return nil, err
	}
	defer e.close()
	e.from = p.offset
	a := link.Assignment{Camera: bongsu.CameraID(c.Name), Name: c.Name, InferPS: p.inferPS, MaxPixels: 3840 * 2160, Rules: rs}
	a.Ground, a.Timezone = c.Ground, c.Location
	src, stop, err := p.source(ctx, c)
	if err != nil {
		return nil, err
	}
	defer stop()
	var mu sync.Mutex
	var events []bongsu.Event
	put := func(ev bongsu.Event, _ *bongsu.Frame) {
		mu.Lock()
		defer mu.Unlock()
		if ev.Revision == 1 {
			events = append(events, ev)
		}
	}
	var origin time.Time
	high, low := p.thresholds()
	b := &worker.Builder{Models: p.models, WallQuality: wallQuality, Monotonic: sinceBoot}
	counts, err := b.ReplayWith(ctx, a, src, !p.rtsp, worker.Env{Put: put, Log: p.log}, worker.Sight{Detector: e, High: high, Low: low,
		Look: func(f *bongsu.Frame, tracks []bongsu.Track) {
			if origin.IsZero() {
				origin = f.Wall.Add(-f.PTS)
			}
			e.look(f, tracks)
		}})
	if err != nil {
		return nil, fmt.Errorf("clip %s: %w", c.Name, err)
	}
	for _, ev := range events {
		out.alarms = append(out.alarms, alarm{At: ev.Fired.Sub(origin), Since: ev.Start.Sub(origin), Event: ev})
	}
	out.skipped = int(counts.FramesSkipped + counts.UnitsDropped)
	out.seen, out.fresh, out.took = e.seen, e.fresh, time.Since(began)
	return out, p.cache.save(file, e)
}

func (p *player) thresholds() (high, low float32) {
	high, low = truthHigh, truthLow
	if p.detector == detectModel {
		high, low = p.model.Manifest.Thresholds.High, p.model.Manifest.Thresholds.Low
	}
	if p.tune.Detector.High > 0 {
		high = p.tune.Detector.High
	}
	if p.tune.Detector.Low > 0 {
		low = p.tune.Detector.Low
	}
	return high, low
}

// eye makes the detector of one clip; file is where what it sees is kept, "" for nowhere.
func (p *player) eye(c *suite.Clip) (e *eye, file string, err error) {
	fixed := func(d detectors.Detector) (*eye, string, error) {
		return &eye{model: d.Model(), asked: d}, "", nil
	}
	switch p.detector {
	case detectNone:
		return fixed(blind{})
	case detectTruth:
		seq, err := p.seqs.of(sequenceFile(p.suite, c))
		if err != nil {
			return nil, "", fmt.Errorf("clip %s: a detector that knows the truth needs it picture by picture: %w", c.Name, err)
		}
		return fixed(newTruthful(seq))
	}
	ref := p.model.Manifest.Ref()
	if seen, ok := p.seen[c.Name]; ok {
		known := map[int64][]sighting{}
		for _, s := range seen {
			known[s.PTSUS] = []sighting{s}
		}
		return modelEye(p.models, ref.Name, ref, bongsu.CameraID(c.Name), known), "", nil
	}
	if !p.rtsp {
		file = p.cache.file(c.SHA256, ref.SHA256)
	}
	return modelEye(p.models, ref.Name, ref, bongsu.CameraID(c.Name), p.cache.load(file)), file, nil
}

// source opens the clip: its file, or an RTSP camera that shows it in real time.
func (p *player) source(ctx context.Context, c *suite.Clip) (streams.Source, func(), error) {
	camera := bongsu.CameraID(c.Name)
	if !p.rtsp {
		src, err := replay.Open(p.suite.Video(c), replay.Options{Camera: camera, Start: startOf(c)})
		if err != nil {
			return nil, nil, err
		}
		return src, func() { src.Close() }, nil
	}
	path, err := streamstest.FilePath("clip", p.suite.Video(c))
	if err != nil {
		return nil, nil, err
	}
	srv, err := streamstest.NewServer(streamstest.ServerOptions{Paths: []*streamstest.Path{path}})
	if err != nil {
		return nil, nil, err
	}
	serving, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- srv.Run(serving) }()
	stop := func() {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			p.log.Warn("the RTSP server of a clip did not end well", "clip", c.Name, "error", err)
		}
	}
	select {
	case <-srv.Ready():
	case <-ctx.Done():
		stop()
		return nil, nil, ctx.Err()
	}
	src, err := rtsp.Open(ctx, rtsp.Options{Camera: camera, URL: srv.URL("clip"), Log: p.log})
	if err != nil {
		stop()
		return nil, nil, err
	}
	return &endingSource{Source: src, start: startOf(c)}, func() { src.Close(); stop() }, nil
}

// startOf is the wall clock of a clip's first picture.
func startOf(c *suite.Clip) time.Time {
	if c.Start.IsZero() {
		return time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)
	}
	return c.Start
}

// endingSource takes the end of a camera's session for the end of the recording, and gives its units
// the wall clock of the clip, so that schedules hold.
type endingSource struct {
	streams.Source
	start time.Time     // of the clip's first picture
	shift time.Duration // 0 before the first unit
}

func (s *endingSource) Next(ctx context.Context) (*streams.AccessUnit, error) {
	au, err := s.Source.Next(ctx)
	var se *streams.Error
	if errors.As(err, &se) && se.Code == streams.ReasonEnded {
		return nil, io.EOF
	}
	if err != nil {
		return nil, err
	}
	if s.shift == 0 {
		s.shift = s.start.Sub(au.Wall.Add(-au.PTS))
	}
	moved := *au
	moved.Wall = au.Wall.Add(s.shift)
	return &moved, nil
}

// sequenceFile is the truth of a clip, picture by picture.
func sequenceFile(s *suite.Suite, c *suite.Clip) string {
	v := s.Video(c)
	return v[:len(v)-len(".mp4")] + ".json"
}

// rulesOf are a clip's rules as a camera would have them: with the defaults of their kinds, and what
// the run changes.
func (p *player) rulesOf(c *suite.Clip) ([]bongsu.Rule, error) {
	out := make([]bongsu.Rule, 0, len(c.Rules))
	for i, r := range c.Rules {
		if r.ID == "" {
			r.ID = bongsu.RuleID(fmt.Sprintf("rule-%d", i+1))
		}
		r = rules.Complete(r)
		if err := p.tune.apply(&r); err != nil {
			return nil, err
		}
		if p.minScore > 0 {
			r.MinScore = p.minScore
		}
		out = append(out, r)
	}
	return out, nil
}

// answer writes what a system would have answered about the clip.
func answer(path string, c *suite.Clip, word truth.Category, alarms []time.Duration) error {
	a := truth.Answer{File: c.Name + ".mp4"}
	whole := time.Duration(c.DurationS * float64(time.Second))
	for _, at := range alarms {
		a.Alarms = append(a.Alarms, truth.Alarm{Start: at, Category: word, Duration: max(whole-at, 0)})
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(a.Write(f), f.Close())
}

// times are when the alarms of a kind were given, sorted.
func (pl *played) times(k bongsu.EventKind) []time.Duration {
	var out []time.Duration
	for _, a := range pl.alarms {
		if a.Event.Kind == k {
			out = append(out, max(a.At, 0))
		}
	}
	slices.Sort(out)
	return out
}

// floatEvents are the true alarm times of a clip as they are, not rounded; nil, false when only whole
// seconds are known.
func (p *player) floatEvents(c *suite.Clip, cat score.Category) ([]time.Duration, bool) {
	seq, err := p.seqs.of(sequenceFile(p.suite, c))
	if err != nil {
		return nil, false
	}
	var out []time.Duration
	for i := range seq.Events {
		if seq.Events[i].Category == cat.Word {
			out = append(out, seq.Events[i].Start()+cat.Offset)
		}
	}
	return out, true
}
