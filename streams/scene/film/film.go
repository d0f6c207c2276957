// Package film makes files of rendered scenes: an MP4 by the encoder of streams/avcodec, and the
// truth beside it in every format that truth knows.
package film

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"bongsu"
	"bongsu/streams"
	"bongsu/streams/avcodec"
	"bongsu/streams/mp4"
	"bongsu/streams/scene"
	"bongsu/streams/truth"
)

// Options say how a scene becomes a file.
type Options struct {
	Codec    streams.Codec // 0: H.264
	Preset   string        // of libx264 or libx265; "": "veryfast"
	CRF      int           // 0: 24
	Start    time.Time     // wall clock of the first picture; zero: 2026-03-01 00:00 UTC
	Progress func(done, all int)
}

// epoch is the wall clock of the first picture when none is asked for: the same call gives the same
// file.
var epoch = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

func (o *Options) fill() {
	if o.Codec == streams.CodecNone {
		o.Codec = streams.H264
	}
	if o.Preset == "" {
		o.Preset = "veryfast"
	}
	if o.CRF == 0 {
		o.CRF = 24
	}
	if o.Start.IsZero() {
		o.Start = epoch
	}
	if o.Progress == nil {
		o.Progress = func(int, int) {}
	}
}

// Write renders all pictures of r into an MP4 at path and gives the truth about them. It blocks
// until done or until ctx ends; then, and after an error, no file is left. A file that is there
// already is replaced at the end, in one step.
func Write(ctx context.Context, path string, r *scene.Renderer, o Options) (*truth.Sequence, error) {
	o.fill()
	part := path + ".part"
	if err := os.Remove(part); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	seq, err := write(ctx, part, r, &o)
	if err == nil {
		err = os.Rename(part, path)
	}
	if err != nil {
		return nil, err
	}
	return seq, nil
}

func write(ctx context.Context, part string, r *scene.Renderer, o *Options) (*truth.Sequence, error) {
	f := r.NewFrame()
	cam := &r.Scene().Camera
	enc, err := avcodec.NewEncoder(avcodec.EncoderOptions{Codec: o.Codec, Width: f.Width, Height: f.Height, FPS: cam.FPS, GOP: 2 * cam.FPS,
		Matrix: f.Color.Matrix, Preset: o.Preset, CRF: o.CRF})
	if err != nil {
		return nil, err
	}
	defer enc.Close()
	w, err := mp4.Create(part, mp4.WriterOptions{})
	if err != nil {
		return nil, err
	}
	reel := &reel{w: w, enc: enc, o: o}
	seq, err := reel.shoot(ctx, r, f)
	if err != nil {
		return nil, errors.Join(err, w.Abort())
	}
	if _, err := w.Close(); err != nil {
		return nil, fmt.Errorf("film: %w", err)
	}
	return seq, nil
}

// reel is a file that is being written.
type reel struct {
	w      *mp4.Writer
	enc    *avcodec.Encoder
	o      *Options
	params *streams.Params
	n      uint64
}

func (e *reel) shoot(ctx context.Context, r *scene.Renderer, f *bongsu.Frame) (*truth.Sequence, error) {
	seq := r.NewSequence()
	for n := range r.Frames() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		seq.Frames = append(seq.Frames, r.Draw(n, f))
		coded, err := e.enc.Encode(f)
		if err != nil {
			return nil, err
		}
		if err := e.add(coded); err != nil {
			return nil, err
		}
		e.o.Progress(n+1, r.Frames())
	}
	coded, err := e.enc.Flush()
	if err != nil {
		return nil, err
	}
	if err := e.add(coded); err != nil {
		return nil, err
	}
	seq.Events = r.Events(seq)
	return seq, nil
}

func (e *reel) add(coded []avcodec.Coded) error {
	for _, c := range coded {
		if e.params == nil {
			e.params = e.enc.Params()
		}
		au := &streams.AccessUnit{Seq: e.n, Codec: e.o.Codec, Params: e.params, NALs: c.NALs, PTS: c.PTS, DTS: c.DTS, Wall: e.o.Start.Add(c.PTS), Arrived: e.o.Start.Add(c.PTS), Key: c.Key}
		e.n++
		if err := e.w.Add(au); err != nil {
			return fmt.Errorf("film: %w", err)
		}
	}
	return nil
}

// WriteTruth writes the truth about a clip into dir: NAME.truth.json, NAME.mot.txt, NAME.coco.json,
// NAME.map when there are zones, and for each category of event NAME.CATEGORY.xml. It returns
// the files' names.
func WriteTruth(dir, name string, r *scene.Renderer, seq *truth.Sequence) ([]string, error) {
	coco := &truth.COCO{}
	coco.Add(seq)
	var out []string
	put := func(file string, write func(f *os.File) error) error {
		out = append(out, file)
		return create(filepath.Join(dir, file), write)
	}
	zones := r.ZoneMap()
	err := errors.Join(
		put(name+".truth.json", func(f *os.File) error { return seq.WriteJSON(f) }),
		put(name+".mot.txt", func(f *os.File) error { return seq.WriteMOT(f) }),
		put(name+".coco.json", func(f *os.File) error { return coco.Write(f) }))
	if len(zones.Areas) > 0 {
		err = errors.Join(err, put(truth.MapName(name), func(f *os.File) error { return zones.Write(f) }))
	}
	for _, c := range truth.Categories {
		if clip := r.Clip(seq, c, name+".mp4"); len(clip.Alarms) > 0 {
			err = errors.Join(err, put(name+"."+string(c)+".xml", func(f *os.File) error { return clip.Write(f) }))
		}
	}
	return out, err
}

func create(path string, write func(*os.File) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}
