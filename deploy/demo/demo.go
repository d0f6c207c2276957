// Package demo starts the built programs as one system on this machine: cameras over RTSP, an
// edge with its workers, a cloud. `make demo` and the end-to-end tests use the same code.
// demo.go is the command, system.go starts and stops the parts, story.go says which videos are
// shown with which rules, process.go holds one program.
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
	Bin  string // folder of the built programs
	Dir  string // data of this run; made anew
	Addr string // host:port of the console
	Data string // folder with models/ and videos/; may be "" when Model and Videos or Camera are given

	Model                          string   // path of an ONNX file; "" takes the data folder's YOLOX-nano
	Videos                         []string // paths of MP4 files; none takes the data folder's
	Camera                         string   // rtsp:// address of a real camera, or ""
	CameraUser, CameraPasswordFile string

	Out io.Writer // what the person reads
}

// marker is in a folder that a demo made: only such a folder is emptied.
const marker = ".bongsu-demo"

// Run starts everything, writes demo.json when the cameras are live, and blocks until ctx ends
// or one of the programs does. Everything is stopped when it returns.
func Run(ctx context.Context, o Options) error {
	model, shows, err := o.plan()
	if err != nil {
		return err
	}
	dir, err := freshDir(o.Dir)
	if err != nil {
		return err
	}
	s := NewSystem(o.Bin, dir, o.Addr)
	defer s.Stop()
	fmt.Fprintln(o.Out, "demo: starting the cloud")
	if err := s.StartCloud(ctx); err != nil {
		return err
	}
	if err := s.MakeAccounts(ctx); err != nil {
		return err
	}
	fmt.Fprintln(o.Out, "demo: installing the model", filepath.Base(model))
	if s.Model, err = s.AddModel(ctx, model); err != nil {
		return err
	}
	if err := s.StartCameras(ctx, shows, true); err != nil {
		return err
	}
	if o.Camera != "" {
		shows = append(shows, realCamera(o))
	}
	fmt.Fprintln(o.Out, "demo: starting the edge with", len(shows), "cameras")
	if err := s.StartEdge(ctx, shows); err != nil {
		return err
	}
	if err := s.WaitLive(ctx, shows, startPatience); err != nil {
		return err
	}
	if err := s.WriteState(shows); err != nil {
		return err
	}
	defer s.RemoveState()
	fmt.Fprintf(o.Out, "\n  console   %s\n  user      %s\n  password  %s\n\n  data and logs are in %s; Ctrl-C stops everything\n\n",
		s.ConsoleURL, s.User, s.Password, dir)
	if err := s.Wait(ctx); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	fmt.Fprintln(o.Out, "demo: stopping")
	return nil
}

// plan finds the model and the videos, or says what is missing.
func (o Options) plan() (model string, shows []Show, err error) {
	model = o.Model
	needData := errors.New("a model and videos are needed: set BONGSU_DATA to a folder that holds models/ and videos/, or give MODEL=file.onnx and VIDEOS or CAMERA")
	if model == "" {
		if o.Data == "" {
			return "", nil, needData
		}
		model = filepath.Join(o.Data, "models", "yolox_nano_416.onnx")
	}
	if model, err = existing("MODEL", model); err != nil {
		return "", nil, err
	}
	videos := o.Videos
	if len(videos) == 0 && o.Data != "" {
		for _, name := range storyVideos {
			videos = append(videos, filepath.Join(o.Data, "videos", name))
		}
	}
	if len(videos) == 0 && o.Camera == "" {
		return "", nil, needData
	}
	if u, err := url.Parse(o.Camera); err == nil && u.User != nil {
		return "", nil, errors.New("CAMERA holds a user name or password: take it out and give CAMERA_USER and CAMERA_PASSWORD_FILE")
	}
	for _, v := range videos {
		path, err := existing("VIDEOS", v)
		if err != nil {
			return "", nil, err
		}
		shows = append(shows, showOf(path, shows))
	}
	return model, shows, nil
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
