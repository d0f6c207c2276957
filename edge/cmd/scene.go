package cmd

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"bongsu/streams"
	"bongsu/streams/scene"
	"bongsu/streams/scene/film"
	"bongsu/streams/scene/library"
	"bongsu/streams/scene/random"
	"bongsu/streams/scene/suite"
	"bongsu/streams/truth"
)

// looks is the version of what the renderer draws: cached films of another one are not played.
const looks = "2"

type sceneOpts struct {
	out, dir, codec, listen, cache *string
	seed                           *uint64
	width, fps, jobs               *int
	noWords, noClock               *bool
	data                           *datasetOpts
	suite                          *suiteOpts
}

func (o *sceneOpts) define(fs *flag.FlagSet) {
	fs.StringVar(o.out, "out", *o.out, "render: the MP4 to write; without it NAME.mp4. dataset: the new folder")
	fs.StringVar(o.dir, "truth", *o.dir, "render, truth: the folder for what really happens in it")
	fs.StringVar(o.codec, "codec", *o.codec, "h264 or h265")
	fs.StringVar(o.listen, "listen", *o.listen, "serve: where to listen")
	fs.StringVar(o.cache, "cache", *o.cache, "serve: the folder for rendered films; without it the user's cache folder")
	fs.Uint64Var(o.seed, "seed", *o.seed, "another seed than the scene's own")
	fs.IntVar(o.width, "width", *o.width, "another width, pixels; the height follows")
	fs.IntVar(o.fps, "fps", *o.fps, "another number of pictures a second")
	fs.IntVar(o.jobs, "jobs", *o.jobs, "serve, dataset: how many scenes are rendered at a time; without it one a core")
	o.data.define(fs)
	o.suite.define(fs)
	fs.BoolVar(o.noWords, "no-words", *o.noWords, "leave out the words 모의 영상: for training and scoring only")
	fs.BoolVar(o.noClock, "no-clock", *o.noClock, "leave out date and time")
}

func newSceneOpts() *sceneOpts {
	codec, listen := "h264", "127.0.0.1:8554"
	return &sceneOpts{new(string), new(string), &codec, &listen, new(string), new(uint64), new(int), new(int), new(int), new(bool), new(bool), &datasetOpts{look: random.LookTrain, scenes: 100, frames: 20},
		&suiteOpts{purpose: suite.PurposeTuning, category: "all", clips: 12}}
}

func sceneVerb() *verb {
	return &verb{name: "scene", summary: "simulated cameras: render, serve, tell what really happens", usage: "list | render SCENE | truth SCENE | serve SCENE ... | dataset --out DIR | suite --out DIR [flags]",
		about: `A scene is the name of one that comes with the program, or a YAML file (docs/design/scene.md).
list prints the scenes that come with the program. render writes an MP4, and with --truth DIR what
really happens in it: JSON, COCO, MOT, clip XML and zone map. truth writes the latter alone. serve
plays scenes in a loop as RTSP cameras, each at rtsp://HOST:PORT/NAME, and prints "serving NAME URL" for
each that is ready: a scene is rendered once, at its first time, and played from a file from then on;
what is not used for 30 days is removed. dataset draws random places with random actors for training or
scoring: dataset.json, labels.jsonl and frames.i420. suite makes clips of events, and of what may be
mistaken for them, to tune rules with or to score them (docs/design/suites.md); what is there already is
kept, so a call that was stopped goes on where it was. Progress goes to standard error.`,
		example: `bongsu-edge scene list
bongsu-edge scene render intruder-night --out intruder.mp4 --truth truth/
bongsu-edge scene render my-yard.yaml --seed 12 --width 1280 --codec h265
bongsu-edge scene truth intruder-night --truth truth/
bongsu-edge scene serve intruder-night traffic-noon --listen 127.0.0.1:8554
bongsu-edge scene dataset --out train --scenes 700 --frames 25 --seed 1
bongsu-edge scene suite --purpose tuning --category Intrusion,Falldown --clips 24 --seed 1 --out tuning`,
		flags: func(fs *flag.FlagSet) any {
			o := newSceneOpts()
			o.define(fs)
			return o
		},
		run: runScene}
}

func runScene(ctx context.Context, m *Main, c *call) error {
	o := c.opts.(*sceneOpts)
	word, names, err := wordsAndFlags(c, o.define)
	if err != nil {
		return err
	}
	switch {
	case word == "list" && len(names) == 0:
		return listScenes(m.Stdout)
	case word == "render" && len(names) == 1:
		return renderScene(ctx, m, o, names[0])
	case word == "truth" && len(names) == 1:
		return sceneTruth(ctx, m, o, names[0])
	case word == "serve" && len(names) > 0:
		return serveScenes(ctx, m, o, names)
	case word == "dataset" && len(names) == 0:
		return sceneDataset(ctx, m, o)
	case word == "suite" && len(names) == 0:
		return sceneSuite(ctx, m, o)
	}
	return usageError{"say list, render SCENE, truth SCENE, serve SCENE ..., dataset --out DIR or suite --out DIR"}
}

// wordsAndFlags takes the first word, and flags and names behind it in any order.
func wordsAndFlags(c *call, define func(*flag.FlagSet)) (word string, names []string, err error) {
	rest := c.args
	for len(rest) > 0 {
		if word == "" {
			word = rest[0]
		} else {
			names = append(names, rest[0])
		}
		fs := flag.NewFlagSet(c.verb.name, flag.ContinueOnError)
		fs.SetOutput(io.Discard)
		define(fs)
		switch err := fs.Parse(rest[1:]); {
		case errors.Is(err, flag.ErrHelp):
			return "", nil, err
		case err != nil:
			return "", nil, usageError{err.Error()}
		}
		rest = fs.Args()
	}
	if word == "" {
		return "", nil, usageError{"a word is missing: " + c.verb.usage}
	}
	return word, names, nil
}

func listScenes(w io.Writer) error {
	for _, name := range library.Names() {
		s, err := library.Open(name)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "%-24s %4.0f s  %-8s %s\n", name, s.DurationS, s.Light.Time, s.Title); err != nil {
			return err
		}
	}
	return nil
}

// openScene reads a scene of the library, or a file when the word looks like one.
func openScene(word string) (*scene.Scene, []byte, error) {
	if !strings.ContainsAny(word, "./"+string(filepath.Separator)) {
		data, err := library.Source(word)
		if err != nil {
			return nil, nil, err
		}
		s, err := scene.Parse(word+".yaml", data)
		return s, data, err
	}
	data, err := os.ReadFile(word)
	if err != nil {
		return nil, nil, err
	}
	s, err := scene.Parse(filepath.Base(word), data)
	return s, data, err
}

func (o *sceneOpts) renderer(told io.Writer, s *scene.Scene) (*scene.Renderer, error) {
	fmt.Fprintf(told, "%s: drawing what does not move\n", s.Name)
	return scene.New(s, scene.Options{Seed: *o.seed, NoWords: *o.noWords, NoClock: *o.noClock, Width: *o.width, FPS: *o.fps})
}

func (o *sceneOpts) codecOf() (streams.Codec, error) {
	switch *o.codec {
	case "h264":
		return streams.H264, nil
	case "h265":
		return streams.H265, nil
	}
	return streams.CodecNone, usageError{fmt.Sprintf("--codec %q: say h264 or h265", *o.codec)}
}

// tenths tells progress at every tenth.
func tenths(w io.Writer, name string) func(done, all int) {
	last := 0
	return func(done, all int) {
		if t := 10 * done / max(all, 1); t > last {
			last = t
			fmt.Fprintf(w, "%s: %d %%\n", name, 10*t)
		}
	}
}

func renderScene(ctx context.Context, m *Main, o *sceneOpts, word string) error {
	codec, err := o.codecOf()
	if err != nil {
		return err
	}
	s, _, err := openScene(word)
	if err != nil {
		return err
	}
	r, err := o.renderer(m.Stderr, s)
	if err != nil {
		return err
	}
	out := *o.out
	if out == "" {
		out = s.Name + ".mp4"
	}
	seq, err := film.Write(ctx, out, r, film.Options{Codec: codec, Progress: tenths(m.Stderr, s.Name)})
	if err != nil {
		return err
	}
	if *o.dir != "" {
		name := strings.TrimSuffix(filepath.Base(out), filepath.Ext(out))
		if err := putTruth(m, *o.dir, name, r, seq); err != nil {
			return err
		}
	}
	printEvents(m.Stdout, seq)
	return nil
}

func sceneTruth(ctx context.Context, m *Main, o *sceneOpts, word string) error {
	s, _, err := openScene(word)
	if err != nil {
		return err
	}
	r, err := o.renderer(m.Stderr, s)
	if err != nil {
		return err
	}
	told := tenths(m.Stderr, s.Name)
	seq, err := r.Truth(func(done int) error {
		told(done, r.Frames())
		return ctx.Err()
	})
	if err != nil {
		return err
	}
	if *o.dir != "" {
		if err := putTruth(m, *o.dir, s.Name, r, seq); err != nil {
			return err
		}
	}
	printEvents(m.Stdout, seq)
	return nil
}

func putTruth(m *Main, dir, name string, r *scene.Renderer, seq *truth.Sequence) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	files, err := film.WriteTruth(dir, name, r, seq)
	if err != nil {
		return err
	}
	for _, f := range files {
		fmt.Fprintln(m.Stderr, filepath.Join(dir, f))
	}
	return nil
}

func printEvents(w io.Writer, seq *truth.Sequence) {
	if len(seq.Events) == 0 {
		fmt.Fprintln(w, "nothing happens")
	}
	for i := range seq.Events {
		e := &seq.Events[i]
		fmt.Fprintf(w, "%7.2f s  %7.2f s  %-14s %s\n", e.Start().Seconds(), e.End().Seconds(), e.Kind, e.Zone)
	}
}
