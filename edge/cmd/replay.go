package cmd

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"bongsu"
	"bongsu/edge/config"
	"bongsu/edge/link"
	"bongsu/edge/worker"
	"bongsu/models/catalog"
	"bongsu/streams"
	"bongsu/streams/replay"
)

type replayOpts struct {
	config, camera, models, start *string
	realTime                      *bool
}

func replayVerb() *verb {
	return &verb{name: "replay", summary: "run a recorded file through a camera's pipeline", usage: "[flags] FILE.mp4",
		about: `Takes the model and the rules of a camera in edge.yaml, runs the file through the same pipeline,
as fast as it goes, and prints each revision of each event as one line of JSON. Progress goes to
standard error. Nothing is sent and nothing is kept.`,
		example: "bongsu-edge replay --config edge.yaml --camera gate clip.mp4 | jq .event.kind",
		flags: func(fs *flag.FlagSet) any {
			return &replayOpts{
				config:   fs.String("config", "/etc/bongsu/edge.yaml", "configuration that names the camera's model and rules"),
				camera:   fs.String("camera", "", "the camera; may be left out when there is only one"),
				models:   fs.String("models", "", "the model folder; without it the configuration's"),
				start:    fs.String("start", "", "wall clock of the first picture, RFC 3339; without it now"),
				realTime: fs.Bool("real-time", false, "play at the file's own pace"),
			}
		},
		run: runReplay}
}

func runReplay(ctx context.Context, m *Main, c *call) error {
	o := c.opts.(*replayOpts)
	if len(c.args) != 1 {
		return usageError{"name one file"}
	}
	cfg, err := config.Load(*o.config)
	if err != nil {
		return err
	}
	a, err := pickCamera(cfg, *o.camera)
	if err != nil {
		return err
	}
	start := time.Now()
	if *o.start != "" {
		if start, err = time.Parse(time.RFC3339, *o.start); err != nil {
			return usageError{fmt.Sprintf("--start %q is not a time like 2026-03-01T09:00:00Z", *o.start)}
		}
	}
	if *o.models == "" {
		*o.models = cfg.ModelsDir
	}
	src, err := replay.Open(c.args[0], replay.Options{Camera: a.Camera, RealTime: *o.realTime, Start: start})
	if err != nil {
		return err
	}
	defer src.Close()
	log := m.logger(slog.LevelWarn)
	models := &worker.Models{Catalog: catalog.Open(catalog.Options{Dir: *o.models}), Threads: 2, Log: log}
	defer models.Close()
	out := &eventLines{w: json.NewEncoder(m.Stdout)}
	progress := &progressSource{Source: src, name: filepath.Base(c.args[0]), whole: src.Length(), w: m.Stderr}
	b := &worker.Builder{Models: models, WallQuality: wallQuality, Monotonic: sinceBoot}
	counts, err := b.Replay(ctx, a, progress, !*o.realTime, worker.Env{Put: out.put, Log: log})
	fmt.Fprintf(m.Stderr, "%s: %d pictures, %d looked at, %d event revisions\n", progress.name, counts.FramesDecoded, counts.Inferred, out.n)
	if err != nil {
		return err
	}
	return out.err
}

func pickCamera(cfg config.Config, id string) (link.Assignment, error) {
	if id == "" && len(cfg.Cameras) != 1 {
		return link.Assignment{}, usageError{fmt.Sprintf("--camera is missing: the configuration has %d cameras", len(cfg.Cameras))}
	}
	for i := range cfg.Cameras {
		cam := &cfg.Cameras[i]
		if id == "" || string(cam.ID) == id {
			cam.PasswordFile = "" // a file needs no login
			one := cfg
			one.Cameras = cfg.Cameras[i : i+1]
			as, errs := one.Assignments(config.OS)
			if len(errs) > 0 {
				return link.Assignment{}, errs[0]
			}
			return as[0], nil
		}
	}
	return link.Assignment{}, usageError{fmt.Sprintf("there is no camera %q in the configuration", id)}
}

// eventLines prints wire events.
type eventLines struct {
	mu  sync.Mutex
	w   *json.Encoder
	n   int
	err error
}

func (l *eventLines) put(ev bongsu.Event, _ *bongsu.Frame) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.n++
	if err := l.w.Encode(bongsu.EventRecord{Event: ev}); err != nil && l.err == nil {
		l.err = err
	}
}

// progressSource tells how far a file has been read, at every tenth of it.
type progressSource struct {
	streams.Source
	name  string
	whole time.Duration
	w     io.Writer
	tenth int
}

func (p *progressSource) Next(ctx context.Context) (*streams.AccessUnit, error) {
	au, err := p.Source.Next(ctx)
	if err == nil && p.whole > 0 {
		if tenth := int(10 * au.PTS / p.whole); tenth > p.tenth {
			p.tenth = tenth
			fmt.Fprintf(p.w, "%s: %d %%\n", p.name, 10*tenth)
		}
	}
	return au, err
}
