package film

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"bongsu"
	"bongsu/streams"
	"bongsu/streams/avcodec"
	"bongsu/streams/mp4"
	"bongsu/streams/scene"
	"bongsu/streams/truth"
)

const yard = `schema: 1
name: yard
title: 시험
duration_s: 2
camera: {height_m: 4, tilt_deg: 20, width_px: 160, height_px: 90, fps: 10}
light: {time: noon}
actors:
  - {id: a, kind: person, at: [-1, 10], do: [{act: fall}]}
zones:
  - {name: yard, kind: intrusion, polygon: [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9], [0.1, 0.9]]}
`

func renderer(t *testing.T) *scene.Renderer {
	t.Helper()
	s, err := scene.Parse("yard.yaml", []byte(yard))
	if err != nil {
		t.Fatal(err)
	}
	r, err := scene.New(s, scene.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func shot(t *testing.T, path string, o Options) *truth.Sequence {
	t.Helper()
	seq, err := Write(t.Context(), path, renderer(t), o)
	if errors.Is(err, bongsu.ErrNoCgo) {
		t.Skip("the encoder needs cgo")
	}
	if err != nil {
		t.Fatal(err)
	}
	return seq
}

func TestFilm(t *testing.T) {
	for _, codec := range []streams.Codec{streams.H264, streams.H265} {
		path := filepath.Join(t.TempDir(), "yard.mp4")
		last := 0
		seq := shot(t, path, Options{Codec: codec, Progress: func(done, all int) {
			if all != 20 || done != last+1 {
				t.Errorf("progress %d of %d after %d", done, all, last)
			}
			last = done
		}})
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		rd, err := mp4.Open(f, info.Size())
		if err != nil {
			t.Fatal(err)
		}
		if rd.Codec() != codec || rd.Len() != 20 || rd.Width() != 160 || rd.Height() != 90 || rd.FPS() < 9.9 || rd.FPS() > 10.1 {
			t.Errorf("%v: %d samples of %v, %d×%d at %v", codec, rd.Len(), rd.Codec(), rd.Width(), rd.Height(), rd.FPS())
		}
		if len(seq.Frames) != 20 || len(seq.Events) != 2 || last != 20 {
			t.Errorf("%d frames, events %+v", len(seq.Frames), seq.Events)
		}
		checkFirst(t, rd)
	}
}

// checkFirst decodes the first picture and compares it with the rendered one.
func checkFirst(t *testing.T, rd *mp4.Reader) {
	t.Helper()
	dec, err := avcodec.NewDecoder(avcodec.Options{Codec: rd.Codec()})
	if err != nil {
		t.Fatal(err)
	}
	defer dec.Close()
	nals, err := rd.Sample(0)
	if err != nil {
		t.Fatal(err)
	}
	params := rd.Params()
	if err := dec.Send(&streams.AccessUnit{Codec: rd.Codec(), Params: &params, NALs: nals, Key: true}); err != nil {
		t.Fatal(err)
	}
	if err := dec.Drain(); err != nil {
		t.Fatal(err)
	}
	got, err := dec.Receive()
	if err != nil {
		t.Fatal(err)
	}
	defer got.Release()
	r := renderer(t)
	want := r.NewFrame()
	r.Draw(0, want)
	sum := 0
	for y := range want.Height {
		for x := range want.Width {
			d := int(got.Planes[0].Data[y*got.Planes[0].Stride+x]) - int(want.Planes[0].Data[y*want.Planes[0].Stride+x])
			sum += max(d, -d)
		}
	}
	if mean := float64(sum) / float64(want.Width*want.Height); mean > 6 {
		t.Errorf("the decoded picture differs from the rendered one by %.1f on average", mean)
	}
}

func TestSameFilmTwice(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a.mp4"), filepath.Join(dir, "b.mp4")
	sa, sb := shot(t, a, Options{}), shot(t, b, Options{})
	da, errA := os.ReadFile(a)
	db, errB := os.ReadFile(b)
	if err := errors.Join(errA, errB); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(da, db) || !reflect.DeepEqual(sa, sb) {
		t.Error("the same scene gave different films")
	}
}

func TestStoppedFilmLeavesNothing(t *testing.T) {
	shot(t, filepath.Join(t.TempDir(), "probe.mp4"), Options{})
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Write(ctx, filepath.Join(dir, "yard.mp4"), renderer(t), Options{Progress: func(done, _ int) {
		if done == 5 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("files are left: %v", left)
	}
}

func TestWriteTruth(t *testing.T) {
	dir := t.TempDir()
	r := renderer(t)
	seq, err := r.Truth(nil)
	if err != nil {
		t.Fatal(err)
	}
	files, err := WriteTruth(dir, "C00_001_0001", r, seq)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"C00_001_0001.truth.json", "C00_001_0001.mot.txt", "C00_001_0001.coco.json", "C00_001.map", "C00_001_0001.Intrusion.xml", "C00_001_0001.Falldown.xml"}
	if !slices.Equal(files, want) {
		t.Errorf("got %v", files)
	}
	f, err := os.Open(filepath.Join(dir, want[0]))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	again, err := truth.ReadJSON(f)
	if err != nil || !reflect.DeepEqual(again, seq) {
		t.Errorf("the truth differs after reading: %v", err)
	}
	if _, err := WriteTruth(filepath.Join(dir, "none"), "x", r, seq); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing folder: %v", err)
	}
}
