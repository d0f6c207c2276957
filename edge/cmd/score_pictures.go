package cmd

import (
	"context"
	"errors"
	"fmt"
	"image/color"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"bongsu"
	"bongsu/edge/score"
	"bongsu/edge/vision"
	"bongsu/streams"
	"bongsu/streams/avcodec"
	"bongsu/streams/replay"
	"bongsu/streams/truth"
)

// Pictures of a report.
const (
	pictureWidth = 640
	pictureBytes = 60 << 10
	mostMisses   = 3 // of a clip that are shown
	mostFalse    = 4
)

// shot is one picture that is wanted of a clip.
type shot struct {
	at      time.Duration
	file    string // below the report's folder, with slashes
	caption string
	marks   []vision.Mark
}

var colorTruth = color.RGBA{R: 90, G: 170, B: 255, A: 255}

// pictures makes the pictures of what went wrong in a clip, and of a category's first right alarm.
func (r *runReport) pictures(ctx context.Context, c *categoryScore, pl *played, cr *score.ClipResult, dir string) ([]score.Picture, error) {
	var shots []shot
	add := func(what string, at float64, caption string, fired *alarm) {
		shots = append(shots, shot{at: time.Duration(at * float64(time.Second)), file: fmt.Sprintf("pictures/%s-%s-%.0f.jpg", pl.clip.Name, what, 10*at),
			caption: caption, marks: r.ruleMarks(c, pl)})
		if fired != nil {
			last := &shots[len(shots)-1]
			last.marks = append(last.marks, vision.BoxMark(fired.Event.Box, string(fired.Event.Kind), vision.ColorFired))
		}
	}
	for _, at := range cr.Missed[:min(len(cr.Missed), mostMisses)] {
		for _, after := range []float64{-1, 2, 7} {
			if t := at + after; t >= 0 && t < pl.clip.DurationS {
				add("missed", t, fmt.Sprintf("missed at %.0f s: %+.0f s", at, after), nil)
			}
		}
	}
	for _, at := range cr.False[:min(len(cr.False), mostFalse)] {
		if a := pl.nearest(c.Kind, at); a != nil {
			add("false", a.At.Seconds(), fmt.Sprintf("false at %.1f s: %s", a.At.Seconds(), reasons(&a.Event)), a)
		} else {
			add("false", at, fmt.Sprintf("false at %.0f s", at), nil)
		}
	}
	if c.Picture == "" && cr.Verdict == "right" && len(cr.Alarms) > 0 {
		if a := pl.nearest(c.Kind, cr.Alarms[0]); a != nil {
			add("right", a.At.Seconds(), fmt.Sprintf("right at %.1f s: %s", a.At.Seconds(), reasons(&a.Event)), a)
			c.Picture = shots[len(shots)-1].file
		}
	}
	return r.take(ctx, pl, shots, dir)
}

// nearest is the alarm of a kind that stands in the answer at a whole second.
func (pl *played) nearest(k bongsu.EventKind, at float64) *alarm {
	var best *alarm
	for i := range pl.alarms {
		a := &pl.alarms[i]
		if a.Event.Kind == k && math.Abs(a.At.Seconds()-at) <= 0.5 && (best == nil || a.At < best.At) {
			best = a
		}
	}
	return best
}

func reasons(ev *bongsu.Event) string {
	out := string(ev.Class)
	for _, x := range ev.Reasons {
		out += fmt.Sprintf(", %s %.2f", x.Name, x.Value)
	}
	return out
}

// ruleMarks are the zones and lines of a category's rules.
func (r *runReport) ruleMarks(c *categoryScore, pl *played) []vision.Mark {
	var out []vision.Mark
	for i := range pl.clip.Rules {
		rule := &pl.clip.Rules[i]
		if c != nil && rule.Kind != c.Kind {
			continue
		}
		if len(rule.Zone) > 0 {
			out = append(out, vision.Mark{Points: rule.Zone, Closed: true, Color: vision.ColorRule})
		}
		if len(rule.Line) > 0 {
			out = append(out, vision.Mark{Points: rule.Line, Color: vision.ColorRule})
		}
	}
	return out
}

// take decodes the clip once and makes the shots that are wanted of it.
func (r *runReport) take(ctx context.Context, pl *played, shots []shot, dir string) ([]score.Picture, error) {
	if len(shots) == 0 {
		return nil, nil
	}
	if err := os.MkdirAll(filepath.Join(dir, "pictures"), 0o755); err != nil {
		return nil, err
	}
	seq := r.sequence(pl.clip)
	todo := slices.Clone(shots)
	slices.SortFunc(todo, func(a, b shot) int { return int(a.at - b.at) })
	err := r.frames(ctx, pl, func(f *bongsu.Frame) (bool, error) {
		for len(todo) > 0 && f.PTS+100*time.Millisecond >= todo[0].at {
			marks := slices.Concat(truthMarks(seq, f.PTS), pl.trackMarks(f.PTS), todo[0].marks)
			jpeg, err := vision.Annotate(f, marks, vision.Options{MaxBytes: pictureBytes, MaxWidth: pictureWidth})
			if err != nil {
				return false, err
			}
			if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(todo[0].file)), jpeg, 0o644); err != nil {
				return false, err
			}
			todo = todo[1:]
		}
		return len(todo) > 0, nil
	})
	var out []score.Picture
	for _, s := range shots {
		if !slices.ContainsFunc(todo, func(o shot) bool { return o.file == s.file }) {
			out = append(out, score.Picture{File: s.file, Caption: s.caption})
		}
	}
	return out, err
}

// frames gives the pictures of a clip until more says no.
func (r *runReport) frames(ctx context.Context, pl *played, more func(f *bongsu.Frame) (bool, error)) error {
	src, err := replay.Open(r.player.suite.Video(pl.clip), replay.Options{Camera: "report", Start: startOf(pl.clip)})
	if err != nil {
		return err
	}
	defer src.Close()
	dec, err := avcodec.NewDecoder(avcodec.Options{Codec: src.Params().Codec, MaxPixels: 3840 * 2160})
	if err != nil {
		return err
	}
	defer dec.Close()
	for {
		au, err := src.Next(ctx)
		ended := errors.Is(err, io.EOF)
		switch {
		case ended:
			err = dec.Drain()
		case err == nil:
			err = dec.Send(au)
		}
		if err != nil {
			return err
		}
		if goOn, err := receive(dec, more); err != nil || !goOn || ended {
			return err
		}
	}
}

func receive(dec *avcodec.Decoder, more func(f *bongsu.Frame) (bool, error)) (bool, error) {
	for {
		f, err := dec.Receive()
		if errors.Is(err, streams.ErrNeedMore) || errors.Is(err, io.EOF) {
			return true, nil
		}
		if err != nil {
			return false, err
		}
		goOn, err := more(f)
		f.Release()
		if err != nil || !goOn {
			return false, err
		}
	}
}

// truthMarks are what is there.
func truthMarks(seq *truth.Sequence, at time.Duration) []vision.Mark {
	if seq == nil {
		return nil
	}
	n := (&truthful{seq: seq}).frame(at)
	if n < 0 {
		return nil
	}
	var out []vision.Mark
	for i := range seq.Frames[n].Objects {
		if o := &seq.Frames[n].Objects[i]; o.Visibility > 0 && o.Box.Area() > 0 {
			out = append(out, vision.BoxMark(o.Box, "", colorTruth))
		}
	}
	return out
}

// trackMarks are what was followed.
func (pl *played) trackMarks(at time.Duration) []vision.Mark {
	for i := range pl.seen {
		if pl.seen[i].PTSUS < at.Microseconds()-1000 {
			continue
		}
		var out []vision.Mark
		for _, t := range pl.seen[i].tracks {
			if t.State == bongsu.TrackConfirmed {
				out = append(out, vision.TrackMark(t))
			}
		}
		return out
	}
	return nil
}
