package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"bongsu"
	"bongsu/models/batch"
	"bongsu/models/catalog"
	"bongsu/models/eval"
	"bongsu/models/manifest"
	"bongsu/models/ort"
)

// scoreOpts are the flags that score alone has.
type scoreOpts struct {
	data, beside, json          string
	threads, pictures           int
	low, leastMean, leastPeople float64
}

func (o *scoreOpts) define(fs *flag.FlagSet) {
	fs.StringVar(&o.data, "data", o.data, "score: the folder of the data set")
	fs.StringVar(&o.beside, "beside", o.beside, "score: another model on the same pictures, as NAME|FILE|FOLDER")
	fs.StringVar(&o.json, "json", o.json, "score: a file for all figures as JSON")
	fs.IntVar(&o.threads, "threads", o.threads, "score: threads of one run")
	fs.IntVar(&o.pictures, "pictures", o.pictures, "score: at most so many pictures, evenly spread; 0 takes all")
	fs.Float64Var(&o.low, "low", o.low, "score: boxes from this score on are judged, whatever the manifest says")
	fs.Float64Var(&o.leastMean, "least-map50", o.leastMean, "score: exit code 3 when the mean average precision is lower")
	fs.Float64Var(&o.leastPeople, "least-recall", o.leastPeople, "score: exit code 3 when fewer people are found at precision 0.9")
}

func newScoreOpts() scoreOpts { return scoreOpts{threads: 1, low: 0.02} }

func (o *scoreOpts) check() error {
	switch {
	case o.data == "":
		return usageError{"--data is missing: the folder of the data set"}
	case o.threads < 1:
		return usageError{fmt.Sprintf("--threads %d: a run needs one at least", o.threads)}
	case !(o.low > 0 && o.low < 1):
		return usageError{fmt.Sprintf("--low %v: write a score above 0 and under 1", o.low)}
	}
	return nil
}

// scoreModel runs a model over a data set the way cameras do and prints what it scored.
func scoreModel(ctx context.Context, m *Main, o *modelOpts, word string) (err error) {
	if err := o.score.check(); err != nil {
		return err
	}
	src, err := eval.Open(o.score.data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	temp, err := os.MkdirTemp("", "bongsu-score-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	words := []string{word}
	if o.score.beside != "" {
		words = append(words, o.score.beside)
	}
	var cands []eval.Candidate
	for i, w := range words {
		model, err := o.find(ctx, w, filepath.Join(temp, fmt.Sprint(i)))
		if err != nil {
			return err
		}
		c, stop, err := o.score.start(model)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, stop()) }()
		cands = append(cands, c)
	}
	reports, err := eval.Score(ctx, src, cands, eval.Options{Max: o.score.pictures, Progress: tenths(m.Stderr, "scored"), CPU: processorTime})
	if errors.Is(err, context.Canceled) { // a plain one would count as done
		return bongsu.Errorf(bongsu.CodeUnavailable, "the scoring was stopped")
	}
	if err != nil {
		return err
	}
	if err := o.score.tell(m, reports); err != nil {
		return err
	}
	return o.score.floors(&reports[0])
}

// find gives the model that a word means: a file, a folder with a manifest, an installed model
// or one that comes with the program. What is not installed is put into the folder temp.
func (o *modelOpts) find(ctx context.Context, word, temp string) (*catalog.Model, error) {
	lib, err := ort.Locate("")
	if err != nil {
		return nil, err
	}
	if err := ort.Load(lib); err != nil {
		return nil, err
	}
	own := catalog.Open(catalog.Options{Dir: temp, Tool: "bongsu-edge " + Version, Try: ort.Try, BuiltIn: builtIns()})
	st, err := os.Stat(word)
	switch {
	case err == nil && st.IsDir():
		mf, err := manifest.Load(filepath.Join(word, catalog.ManifestFile))
		if err != nil {
			return nil, err
		}
		return own.Add(ctx, filepath.Join(word, mf.File), filepath.Join(word, catalog.ManifestFile))
	case err == nil || strings.ContainsAny(word, "./"):
		return own.Add(ctx, word, *o.manifest)
	}
	installed, err := openCatalog(*o.models, *o.config, false)
	if err == nil {
		var model *catalog.Model
		if model, err = installed.Get(word); err == nil {
			return model, nil
		}
	}
	if model, err := own.InstallBuiltIn(ctx, word); bongsu.CodeOf(err) != bongsu.CodeNotFound {
		return model, err
	}
	return nil, err
}

// start runs a model; stop ends it and frees its memory.
func (o *scoreOpts) start(model *catalog.Model) (c eval.Candidate, stop func() error, err error) {
	lower, mf := *model, *model.Manifest
	mf.Thresholds.Low, lower.Manifest = float32(o.low), &mf
	b, err := batch.Open(batch.OpenOptions{Model: &lower, Threads: o.threads, MaxBatch: 1, Banks: 2})
	if err != nil {
		return c, nil, err
	}
	d, err := b.Detector("score")
	if err != nil {
		return c, nil, errors.Join(err, b.Close())
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	stop = func() error {
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			return errors.Join(err, b.Close())
		}
		return b.Close()
	}
	c.Detector = d
	for _, l := range mf.Labels {
		c.Knows = append(c.Knows, l.Class)
	}
	return c, stop, nil
}

func (o *scoreOpts) tell(m *Main, reports []eval.Report) error {
	for i := range reports {
		if err := reports[i].Write(m.Stdout); err != nil {
			return err
		}
		fmt.Fprintln(m.Stdout)
	}
	if len(reports) > 1 {
		if err := eval.WriteBeside(m.Stdout, &reports[0], &reports[1]); err != nil {
			return err
		}
	}
	if o.json == "" {
		return nil
	}
	text, err := json.MarshalIndent(map[string]any{"schema": 1, "data": filepath.Base(filepath.Clean(o.data)), "threads": o.threads, "models": reports}, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(o.json, append(text, '\n'), 0o644)
}

// floors says what the scores are short of.
func (o *scoreOpts) floors(r *eval.Report) error {
	var short []string
	if r.MAP50 < o.leastMean {
		short = append(short, fmt.Sprintf("the mean average precision is %.3f, under %.3f", r.MAP50, o.leastMean))
	}
	if got := r.Find(string(bongsu.ClassPerson)).At90.Recall; got < o.leastPeople {
		short = append(short, fmt.Sprintf("people are found at %.3f with precision 0.9, under %.3f", got, o.leastPeople))
	}
	if len(short) > 0 {
		return foundError{strings.Join(short, "; ")}
	}
	return nil
}

// processorTime is what this process has used so far, on all cores.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
