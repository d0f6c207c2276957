package cmd

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"bongsu/edge/score"
	"bongsu/edge/worker"
	"bongsu/models/catalog"
	"bongsu/models/manifest"
	"bongsu/models/ort"
	"bongsu/streams/scene/suite"
)

// runCall are the flags of score run.
type runCall struct {
	suite, tuning, category, model, models, config, manifest string
	out, cache, changes, profile, baseline, detector, only   string
	curve                                                    string
	rtsp, noPictures                                         bool
	offset, inferPS                                          float64
	jobs, threads, sample                                    int
}

func (o *runCall) define(fs *flag.FlagSet) {
	fs.StringVar(&o.suite, "suite", "", "the folder of the suite (bongsu-edge scene suite makes one)")
	fs.StringVar(&o.tuning, "tuning", "", "the suite that was tuned on: an overlap is refused")
	fs.StringVar(&o.category, "category", "all", "a category such as Loitering, several with commas, or all")
	fs.StringVar(&o.model, "model", "", "an installed model, one of the program, a folder with a manifest, or a file")
	fs.StringVar(&o.manifest, "manifest", "", "the manifest of a model file")
	fs.StringVar(&o.models, "models", "", "the model folder; without it the configuration's")
	fs.StringVar(&o.config, "edge-config", "/etc/bongsu/edge.yaml", "the configuration that names the model folder")
	fs.StringVar(&o.out, "out", "", "the folder for the report: index.html, score.json, answers/, pictures/")
	fs.StringVar(&o.cache, "cache", "", "a folder that keeps what the model found, by hashes of clip and model")
	fs.StringVar(&o.changes, "config", "", "a JSON file that changes rules and thresholds, to tune with")
	fs.StringVar(&o.profile, "profile", score.DefaultProfile, "the constants of the scoring")
	fs.StringVar(&o.baseline, "baseline", "", "score none, random or zone in place of the rules")
	fs.StringVar(&o.detector, "detector", detectModel, "model, or truth: boxes from the clips' truth, with stated noise")
	fs.StringVar(&o.curve, "curve", "", "least scores such as 0.3,0.5,0.7: the same detections judged with each in place of the rules' own")
	fs.StringVar(&o.only, "clips", "", "play clips only whose name holds this")
	fs.BoolVar(&o.rtsp, "rtsp", false, "serve the clips as RTSP cameras and watch them in real time")
	fs.BoolVar(&o.noPictures, "no-pictures", false, "leave out the pictures of misses and false alarms")
	fs.Float64Var(&o.offset, "offset", 0, "see nothing of a clip's first seconds, 0 to 0.9, as if switched on late")
	fs.Float64Var(&o.inferPS, "infer-per-second", 5, "pictures looked at per second")
	fs.IntVar(&o.jobs, "jobs", 0, "clips at a time; without it one a core, with --rtsp two a core")
	fs.IntVar(&o.threads, "threads", 1, "threads of one inference")
	fs.IntVar(&o.sample, "sample", 0, "play so many clips only, evenly spread over the categories; 0 plays all")
}

func scoreRunVerb() *verb {
	return &verb{name: "score run", usage: "--suite DIR --model NAME --out DIR [flags]",
		about: `Plays every clip of a suite through the pipeline that a camera has, writes what the rules said as answer
files, scores them against the clips' truth, and writes a report: index.html with timelines and the
pictures of every miss and every false alarm, and score.json. Beside ours it scores a detector that sees
nothing, one that fires at random, and the plain rule "anybody in the zone": a suite on which that
reaches F1 70 is too easy, and is said to be. Experimental kinds are scored and do not decide.
Exit codes: 0 every category is at or above the mark, 3 one is below it or nothing was scored, 2 a suite
or file that cannot be used.`,
		example: `bongsu-edge scene suite --purpose scoring --out suites/scoring
bongsu-edge score run --suite suites/scoring --tuning suites/tuning --model bongsu-nano --out report/
bongsu-edge score run --suite suites/scoring --category Falldown --detector truth --out report-truth/
bongsu-edge score run --suite suites/scoring --sample 40 --rtsp --model bongsu-nano --out report-rtsp/`}
}

func scoreRun(ctx context.Context, m *Main, args []string) error {
	var o runCall
	fs := flag.NewFlagSet("score run", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	o.define(fs)
	switch err := fs.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		scoreRunVerb().help(m.Stdout, fs)
		return nil
	case err != nil:
		return usageError{err.Error()}
	case fs.NArg() > 0:
		return usageError{fmt.Sprintf("%q is not expected: score run takes flags only", fs.Arg(0))}
	}
	if err := o.check(); err != nil {
		return err
	}
	r, err := o.run(ctx, m)
	if err != nil {
		return brokenError{err}
	}
	return r.verdict()
}

func (o *runCall) check() error {
	switch {
	case o.suite == "":
		return usageError{"--suite is missing: the folder of the suite"}
	case o.out == "":
		return usageError{"--out is missing: the folder for the report"}
	case !slices.Contains([]string{"", baseNone, baseRandom, baseZone}, o.baseline):
		return usageError{fmt.Sprintf("--baseline %q: say none, random or zone", o.baseline)}
	case !slices.Contains([]string{detectModel, detectTruth, detectNone}, o.detector):
		return usageError{fmt.Sprintf("--detector %q: say model or truth", o.detector)}
	case o.needsModel() && o.model == "":
		return usageError{"--model is missing: name one, such as bongsu-nano"}
	case !(o.offset >= 0 && o.offset <= 0.9):
		return usageError{fmt.Sprintf("--offset %v: it goes from 0 to 0.9 s", o.offset)}
	case !(o.inferPS > 0 && o.inferPS <= 60):
		return usageError{fmt.Sprintf("--infer-per-second %v: it goes up to 60", o.inferPS)}
	case o.jobs < 0 || o.threads < 1 || o.sample < 0:
		return usageError{"--jobs, --threads and --sample are counts"}
	case o.curve != "" && o.rtsp:
		return usageError{"--curve plays clips again from what was seen: leave --rtsp out"}
	}
	_, err := o.thresholds()
	return err
}

func (o *runCall) needsModel() bool { return o.detector == detectModel && o.baseline != baseNone }

// run plays, scores and writes the report.
func (o *runCall) run(ctx context.Context, m *Main) (*runReport, error) {
	profile, err := openProfile(o.profile)
	if err != nil {
		return nil, err
	}
	s, err := suite.Load(o.suite)
	if err != nil {
		return nil, err
	}
	if o.tuning != "" {
		tuned, err := suite.Load(o.tuning)
		if err != nil {
			return nil, err
		}
		if err := overlap(s, tuned); err != nil {
			return nil, err
		}
	}
	clips, err := o.choose(s, profile)
	if err != nil {
		return nil, err
	}
	p, stop, err := o.player(ctx, m, s)
	if err != nil {
		return nil, err
	}
	defer stop()
	all, err := o.playAll(ctx, m, p, clips)
	if err != nil {
		return nil, err
	}
	r, err := o.report(p, profile, all)
	if err != nil {
		return nil, err
	}
	if err := o.addCurve(ctx, m, r); err != nil {
		return nil, err
	}
	if err := r.write(ctx, o.out, !o.noPictures); err != nil {
		return nil, err
	}
	return r, r.print(m.Stdout)
}

// choose gives the clips that are to be played, in the order of the suite.
func (o *runCall) choose(s *suite.Suite, profile *score.Profile) ([]*suite.Clip, error) {
	var words []string
	if o.category != "all" && s.Purpose != suite.PurposeSoak {
		for _, w := range strings.Split(o.category, ",") {
			c, err := profile.Category(strings.TrimSpace(w))
			if err != nil {
				return nil, usageError{"--category: " + err.Error()}
			}
			words = append(words, string(c.Word))
		}
	}
	var out []*suite.Clip
	for i := range s.Clips {
		c := &s.Clips[i]
		if (len(words) == 0 || slices.Contains(words, string(c.Category))) && strings.Contains(c.Name, o.only) {
			if err := s.Verify(c); err != nil {
				return nil, err
			}
			out = append(out, c)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("the suite %s has no clip of %s", o.suite, o.category)
	}
	return spread(out, o.sample), nil
}

// spread takes n of the clips, evenly over the categories and within each; all for n = 0.
func spread(clips []*suite.Clip, n int) []*suite.Clip {
	if n == 0 || n >= len(clips) {
		return clips
	}
	sorted := slices.Clone(clips)
	slices.SortStableFunc(sorted, func(a, b *suite.Clip) int { return strings.Compare(string(a.Category), string(b.Category)) })
	out := make([]*suite.Clip, n)
	for i := range out {
		out[i] = sorted[(2*i+1)*len(sorted)/(2*n)]
	}
	return out
}

// player opens the model; stop lets it go.
func (o *runCall) player(ctx context.Context, m *Main, s *suite.Suite) (p *player, stop func(), err error) {
	changes, err := readTuning(o.changes)
	if err != nil {
		return nil, nil, err
	}
	p = &player{suite: s, detector: o.detector, cache: sightCache{o.cache}, inferPS: o.inferPS, rtsp: o.rtsp, tune: changes, seqs: &truths{},
		offset: time.Duration(o.offset * float64(time.Second)), log: m.logger(slog.LevelError)}
	if !o.needsModel() {
		if o.detector == detectModel {
			p.detector = detectNone
		}
		return p, func() {}, nil
	}
	temp, err := os.MkdirTemp("", "bongsu-score-")
	if err != nil {
		return nil, nil, err
	}
	stop = func() { os.RemoveAll(temp) }
	if p.model, err = o.installed(ctx, temp); err != nil {
		stop()
		return nil, nil, err
	}
	p.models = &worker.Models{Catalog: catalog.Open(catalog.Options{Dir: filepath.Dir(p.model.Dir)}), Threads: o.threads, Log: p.log}
	return p, func() { p.models.Close(); os.RemoveAll(temp) }, nil
}

// installed gives the model that --model means, put into the folder temp where it is not installed.
func (o *runCall) installed(ctx context.Context, temp string) (*catalog.Model, error) {
	if st, err := os.Stat(o.model); err == nil && st.IsDir() {
		if mf, err := manifest.Load(filepath.Join(o.model, catalog.ManifestFile)); err == nil {
			own := catalog.Open(catalog.Options{Dir: temp, Tool: "bongsu-edge " + Version, Try: ort.Try, BuiltIn: builtIns()})
			return own.Add(ctx, filepath.Join(o.model, mf.File), filepath.Join(o.model, catalog.ManifestFile))
		}
	}
	find := &modelOpts{models: &o.models, config: &o.config, manifest: &o.manifest}
	return find.find(ctx, o.model, temp)
}

// playAll plays the clips, some at a time, and shows how far it is.
func (o *runCall) playAll(ctx context.Context, m *Main, p *player, clips []*suite.Clip) ([]*played, error) {
	jobs := o.jobs
	if jobs == 0 {
		if jobs = runtime.NumCPU(); o.rtsp {
			jobs *= 2
		}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	out, next, bar := make([]*played, len(clips)), make(chan int), newBar(m.Stderr, clips)
	var players sync.WaitGroup
	for range min(jobs, len(clips)) {
		players.Go(func() {
			for i := range next {
				rs, err := p.rulesOf(clips[i])
				if err == nil {
					out[i], err = p.play(ctx, clips[i], rs)
				}
				if err != nil {
					cancel(err)
					return
				}
				bar.done(clips[i])
			}
		})
	}
feed:
	for i := range clips {
		select {
		case next <- i:
		case <-ctx.Done():
			break feed
		}
	}
	close(next)
	players.Wait()
	bar.end()
	if err := context.Cause(ctx); err != nil {
		if errors.Is(err, context.Canceled) {
			return nil, errors.New("the run was stopped; with --cache another one goes on from here")
		}
		return nil, err
	}
	return out, nil
}
