package demo

import (
	"context"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"time"
)

// showing is a demo while its cameras come up: they are brought to the edge as their films are
// rendered, by edits of edge.yaml, which the edge takes while it runs.
type showing struct {
	// set before look
	o      *Options
	s      *System
	all    int         // cameras there will be
	served <-chan Show // those still to come

	// in, by rendered
	drawn atomic.Int64 // when the films went on, ns since 1970

	// owned by look
	shown []Show          // in edge.yaml
	live  map[string]bool // that were seen live
	first time.Time       // when the first was
	last  time.Time       // when something happened
	alert bool            // there was one
	told  bool            // demo.json is written
}

// start starts the cameras, the cloud and what the edge needs. Films take longest and begin first.
func (d *showing) start(ctx context.Context, shows []Show) error {
	var err error
	if d.o.asks() { // before anything else speaks
		if err = d.s.prepareModel(ctx, d.o); err != nil {
			return err
		}
	}
	if d.served, err = d.s.StartScenes(shows, d.o.Cache, d.o.fps, d.rendered); err != nil {
		return err
	}
	fmt.Fprintln(d.o.Out, "demo: starting the cloud")
	if err := d.s.StartCloud(ctx); err != nil {
		return err
	}
	if err := d.s.MakeAccounts(ctx); err != nil {
		return err
	}
	if d.s.Model == "" {
		if err := d.s.prepareModel(ctx, d.o); err != nil {
			return err
		}
	}
	if err := d.s.StartCameras(ctx, shows, true); err != nil {
		return err
	}
	for _, show := range shows {
		if show.URL != "" { // of a video or a real camera
			d.shown = append(d.shown, show)
		}
	}
	fmt.Fprintf(d.o.Out, "demo: starting the edge; %d cameras will come up\n", d.all)
	d.last = time.Now()
	return nil
}

// rendered is told how much of the films is there.
func (d *showing) rendered(percent int) {
	d.drawn.Store(time.Now().UnixNano())
	if percent < 100 && percent%10 == 0 {
		fmt.Fprintf(d.o.Out, "demo: drawing the cameras' films, %d %% (once: they are kept)\n", percent)
	}
}

// look brings new cameras to the edge and tells what is new. It is done when there is nothing more to
// tell.
func (d *showing) look(ctx context.Context) (done bool, err error) {
	if err := d.bring(ctx); err != nil {
		return false, err
	}
	if d.s.DebugURL == "" {
		return false, d.patient(0)
	}
	if err := d.seeLive(ctx); err != nil {
		return false, err
	}
	if !d.told && len(d.shown) == d.all && d.waiting() == 0 {
		d.told = true
		if err := d.s.WriteState(d.shown); err != nil {
			return false, err
		}
		fmt.Fprintf(d.o.Out, "demo: all cameras are up; data and logs are in %s; Ctrl-C stops everything\n", d.s.Dir)
	}
	if err := d.seeAlert(ctx); err != nil {
		return false, err
	}
	if !d.told {
		return false, d.patient(d.waiting())
	}
	if time.Since(d.last) < settling {
		return false, nil
	}
	f, err := d.s.Measure(ctx, measuring)
	if err == nil {
		fmt.Fprintln(d.o.Out, "demo:", f)
	}
	return true, err
}

// A machine is measured when the cameras have come up, over a time in which each scene plays once.
const (
	settling  = 15 * time.Second
	measuring = 45 * time.Second
)

// bring gives the edge the cameras that are served by now, and starts it with the first.
func (d *showing) bring(ctx context.Context) error {
	before := len(d.shown)
	for more := true; more; {
		select {
		case show, ok := <-d.served:
			if more = ok; ok {
				d.shown = append(d.shown, show)
			}
		default:
			more = false
		}
	}
	if len(d.shown) == 0 || len(d.shown) == before && d.s.DebugURL != "" {
		return nil
	}
	d.last = time.Now()
	if d.s.DebugURL == "" {
		return d.s.StartEdge(ctx, d.shown)
	}
	return d.s.WriteEdgeConfig(d.shown)
}

// seeLive tells of cameras that are live for the first time, and of the console with the first.
func (d *showing) seeLive(ctx context.Context) error {
	live, err := d.s.live(ctx)
	if err != nil {
		return err
	}
	for _, show := range d.shown {
		if !live[show.ID] || d.live[show.ID] {
			continue
		}
		d.live[show.ID], d.last = true, time.Now()
		if len(d.live) == 1 {
			d.first = time.Now()
			fmt.Fprintf(d.o.Out, "\n  console   %s\n  user      %s\n  password  %s\n\n", d.s.ConsoleURL, d.s.User, d.s.Password)
		}
		fmt.Fprintf(d.o.Out, "demo: camera %d of %d is up: %s\n", len(d.live), d.all, show.Name)
	}
	return nil
}

// seeAlert tells of the first alert.
func (d *showing) seeAlert(ctx context.Context) error {
	if d.alert || d.first.IsZero() {
		return nil
	}
	open, err := d.s.alertsNow(ctx)
	if err != nil || len(open) == 0 {
		return err
	}
	d.alert = true
	name := open[len(open)-1].Camera
	for _, show := range d.shown {
		if show.ID == name {
			name = show.Name
		}
	}
	fmt.Fprintf(d.o.Out, "demo: first alert, %.0f s after the first picture: %s, %s\n", time.Since(d.first).Seconds(), name, open[len(open)-1].Kind)
	return nil
}

// waiting counts the cameras of our own that are not live yet.
func (d *showing) waiting() int {
	n := 0
	for _, show := range d.shown {
		if (show.File != "" || show.Scene != "") && !d.live[show.ID] {
			n++
		}
	}
	return n
}

// patient is an error when nothing has happened for long.
func (d *showing) patient(waiting int) error {
	if time.Since(d.last) < startPatience || time.Since(time.Unix(0, d.drawn.Load())) < startPatience {
		return nil
	}
	if waiting == 0 {
		return fmt.Errorf("no film of a camera was rendered in %s; the log is %s", startPatience, filepath.Join(d.s.Dir, "cameras.log"))
	}
	return fmt.Errorf("%d cameras show no picture after %s; the edge's log is %s", waiting, startPatience, filepath.Join(d.s.Dir, "edge.log"))
}
