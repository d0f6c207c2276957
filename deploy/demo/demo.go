// Package demo starts the built programs as one system on this machine: cameras over RTSP, an
// edge with its workers, a cloud. `make demo` and the end-to-end tests use the same code.
// demo.go is the command, showing.go what it does while cameras come up, system.go starts and stops
// the parts, story.go says which cameras there are with which rules, films.go serves them, model.go
// finds the detector, watch.go measures, process.go holds one program.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Options are what a demo is made of.
type Options struct {
	Bin   string // folder of the built programs
	Dir   string // data of this run; made anew
	Addr  string // host:port of the console
	Cache string // folder of the simulated cameras' films; "" is the user's

	Model                          string   // path of an ONNX file or name of a public detector; "" is DefaultModel
	AcceptLicence                  bool     // of a public detector: the person is not asked
	Videos                         []string // paths of MP4 files instead of the simulated cameras
	Camera                         string   // rtsp:// address of a real camera besides, or ""
	CameraUser, CameraPasswordFile string

	fps int // of the simulated cameras; 0: each scene's own

	In  io.Reader // the person, who is asked about licences; may be nil
	Out io.Writer // what the person reads
}

// marker is in a folder that a demo made: only such a folder is emptied.
const marker = ".bongsu-demo"

// demoDefaults let eight cameras run on two cores with room to spare.
const demoDefaults = "  infer_per_s: 5\n"

// Run starts everything, writes demo.json when the cameras are live, and blocks until ctx ends
// or one of the programs does. Everything is stopped when it returns.
func Run(ctx context.Context, o Options) error {
	shows, err := o.plan()
	if err != nil {
		return err
	}
	dir, err := freshDir(o.Dir)
	if err != nil {
		return err
	}
	s := NewSystem(o.Bin, dir, o.Addr)
	s.Defaults, s.CamerasPerWorker = demoDefaults, 8
	defer s.Stop()
	run := &showing{o: &o, s: s, all: len(shows), live: map[string]bool{}}
	if err := run.start(ctx, shows); err != nil {
		return err
	}
	err = s.each(ctx, 200*time.Millisecond, func() (bool, error) { return run.look(ctx) })
	defer s.RemoveState()
	if err == nil {
		err = s.Wait(ctx)
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	fmt.Fprintln(o.Out, "demo: stopping")
	return nil
}

// plan says which cameras there will be, or what is missing.
func (o *Options) plan() ([]Show, error) {
	if u, err := url.Parse(o.Camera); err == nil && u.User != nil {
		return nil, errors.New("CAMERA holds a user name or password: take it out and give CAMERA_USER and CAMERA_PASSWORD_FILE")
	}
	if o.Model == "" && (o.Camera != "" || len(o.Videos) > 0) {
		if err := o.realPictures(); err != nil {
			return nil, err
		}
	}
	if o.Model != "" && isFile(o.Model) {
		model, err := existing("MODEL", o.Model)
		if err != nil {
			return nil, err
		}
		o.Model = model
	}
	if err := freePort(o.Addr); err != nil {
		return nil, err
	}
	var shows []Show
	if len(o.Videos) == 0 {
		if err := writable(o.Cache); err != nil {
			return nil, err
		}
		var err error
		if shows, err = showsOf(story); err != nil {
			return nil, err
		}
	}
	for _, v := range o.Videos {
		path, err := existing("VIDEOS", v)
		if err != nil {
			return nil, err
		}
		shows = append(shows, showOf(path, shows))
	}
	if o.Camera != "" {
		shows = append(shows, realCamera(*o))
	}
	return shows, nil
}

func existing(what, path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if info, err := os.Stat(abs); err != nil || info.IsDir() {
		return "", fmt.Errorf("%s: there is no file %s", what, path)
	}
	return abs, nil
}

// freshDir empties a folder that an earlier demo made, or makes one. A folder with other
// things in it is left alone.
func freshDir(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	entries, err := os.ReadDir(abs)
	switch {
	case errors.Is(err, os.ErrNotExist):
	case err != nil:
		return "", fmt.Errorf("DEMO_DIR %s: %w", dir, err)
	case len(entries) > 0 && !slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() == marker }):
		return "", fmt.Errorf("DEMO_DIR %s holds other files; name an empty or a new folder", dir)
	}
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(abs, e.Name())); err != nil {
			return "", fmt.Errorf("DEMO_DIR %s: an earlier run's data cannot be removed: %w", dir, err)
		}
	}
	if err := os.MkdirAll(abs, 0o700); err != nil {
		return "", fmt.Errorf("DEMO_DIR %s: %w", dir, err)
	}
	return abs, os.WriteFile(filepath.Join(abs, marker), []byte("made by bongsu-demo; emptied at its next start\n"), 0o600)
}

// startPatience is how long each part may take to say that it is ready.
const startPatience = 60 * time.Second
