package streamstest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"bongsu/streams"
)

// SourceSuite is what every streams.Source must do.
type SourceSuite struct {
	// Flat opens a source that delivers units as fast as it goes, then ends.
	Flat func(t *testing.T, units []*streams.AccessUnit) streams.Source
	// Slow opens a source that delivers the first of units soon, and blocks for more than a
	// minute at some later place.
	Slow func(t *testing.T, units []*streams.AccessUnit) streams.Source
}

// Run runs the suite as subtests.
func (s SourceSuite) Run(t *testing.T) {
	for name, o := range map[string]SyntheticOptions{
		"h264": {Codec: streams.H264}, "h265": {Codec: streams.H265},
		"h264 with B pictures": {Codec: streams.H264, BFrames: 2, Units: 41},
		"h265 with B pictures": {Codec: streams.H265, BFrames: 2, Units: 41},
		"h264 in large slices": {Codec: streams.H264, Bytes: 20000, Slices: 3},
		"h265 in large slices": {Codec: streams.H265, Bytes: 20000, Slices: 3},
	} {
		t.Run(name, func(t *testing.T) { s.delivers(t, Synthetic(o)) })
	}
	t.Run("ends once and for all", s.ends)
	t.Run("Next gives way to its context", s.context)
	t.Run("Close unblocks Next", s.closes)
}

func (s SourceSuite) delivers(t *testing.T, want []*streams.AccessUnit) {
	src := s.Flat(t, want)
	defer src.Close()
	var got []*streams.AccessUnit
	for {
		au, err := src.Next(t.Context())
		if err != nil {
			break
		}
		got = append(got, au)
	}
	if len(got) != len(want) {
		t.Fatalf("%d units were delivered of %d", len(got), len(want))
	}
	for i, au := range got {
		checkUnit(t, i, au, want[i])
		if i > 0 {
			checkNext(t, i, got[i-1], au)
			checkTime(t, i, au.PTS-got[0].PTS, want[i].PTS-want[0].PTS)
		}
	}
}

// checkUnit holds one unit against what was sent.
func checkUnit(t *testing.T, i int, au, want *streams.AccessUnit) {
	t.Helper()
	switch {
	case au.Seq != uint64(i):
		t.Fatalf("unit %d has number %d", i, au.Seq)
	case au.Codec != want.Codec || au.Params == nil || !au.Params.Complete() || au.Params.Codec != want.Codec:
		t.Fatalf("unit %d: codec %v with parameter sets %+v", i, au.Codec, au.Params)
	case !bytes.Equal(au.Params.SPS, want.Params.SPS) || !bytes.Equal(au.Params.PPS, want.Params.PPS) || !bytes.Equal(au.Params.VPS, want.Params.VPS):
		t.Fatalf("unit %d: other parameter sets than were sent", i)
	case au.Key != want.Key:
		t.Fatalf("unit %d: key is %v", i, au.Key)
	case au.Lost:
		t.Fatalf("unit %d is marked Lost, and nothing was", i)
	case au.Wall.IsZero() || au.Arrived.IsZero() || au.Wall.Location() != time.UTC:
		t.Fatalf("unit %d: wall %v, arrived %v", i, au.Wall, au.Arrived)
	case au.DTS > au.PTS:
		t.Fatalf("unit %d is decoded at %v and shown at %v", i, au.DTS, au.PTS)
	case au.Run == "":
		t.Fatalf("unit %d names no run", i)
	}
	a, b := pictureNALs(au), pictureNALs(want)
	if len(a) != len(b) {
		t.Fatalf("unit %d: %d slices, %d were sent", i, len(a), len(b))
	}
	for n := range a {
		if !bytes.Equal(a[n], b[n]) {
			t.Fatalf("unit %d: slice %d has other bytes than were sent", i, n)
		}
	}
}

func pictureNALs(au *streams.AccessUnit) [][]byte {
	var out [][]byte
	for _, nal := range au.NALs {
		if IsSlice(au.Codec, nal) {
			out = append(out, nal)
		}
	}
	return out
}

// checkNext holds a unit against the one before it.
func checkNext(t *testing.T, i int, before, au *streams.AccessUnit) {
	t.Helper()
	switch {
	case au.Params != before.Params:
		t.Fatalf("unit %d: parameter sets did not change, their pointer did", i)
	case au.DTS <= before.DTS:
		t.Fatalf("unit %d: decoding time %v after %v", i, au.DTS, before.DTS)
	case au.Run != before.Run || au.Camera != before.Camera:
		t.Fatalf("unit %d: another run or camera", i)
	case au.Arrived.Before(before.Arrived):
		t.Fatalf("unit %d arrived before the one before it", i)
	case au.PTS > before.PTS && au.Wall.Before(before.Wall):
		t.Fatalf("unit %d: wall time went back by %v while media time rose", i, before.Wall.Sub(au.Wall))
	}
}

func checkTime(t *testing.T, i int, got, want time.Duration) {
	t.Helper()
	if d := (got - want).Abs(); d > 50*time.Microsecond {
		t.Fatalf("unit %d is shown %v after the first one, not %v", i, got, want)
	}
}

func (s SourceSuite) ends(t *testing.T) {
	src := s.Flat(t, Synthetic(SyntheticOptions{Units: 5}))
	defer src.Close()
	var err error
	for err == nil {
		_, err = src.Next(t.Context())
	}
	var e *streams.Error
	if !errors.Is(err, io.EOF) && (!errors.As(err, &e) || e.Code == "" || e.State == "" || e.Op == "") {
		t.Fatalf("the end is neither io.EOF nor a full *streams.Error: %#v", err)
	}
	if _, again := src.Next(t.Context()); !errors.Is(again, err) {
		t.Fatalf("the end was %v, and then %v", err, again)
	}
}

func (s SourceSuite) context(t *testing.T) {
	src := s.Slow(t, Synthetic(SyntheticOptions{Units: 3}))
	defer src.Close()
	if _, err := src.Next(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		for {
			if _, err := src.Next(ctx); err != nil {
				ended <- err
				return
			}
		}
	}()
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Fatalf("Next with a cancelled context: %v", err)
	}
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	var err error
	for err == nil { // the run goes on: Next blocks again, or still gives units
		_, err = src.Next(short)
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("a context that ended was the end of the run: %v", err)
	}
}

func (s SourceSuite) closes(t *testing.T) {
	src := s.Slow(t, Synthetic(SyntheticOptions{Units: 3}))
	if _, err := src.Next(t.Context()); err != nil {
		t.Fatal(err)
	}
	blocked := make(chan error, 1)
	go func() {
		for {
			if _, err := src.Next(context.Background()); err != nil {
				blocked <- err
				return
			}
		}
	}()
	for range 2 {
		if err := src.Close(); err != nil {
			t.Fatal(err)
		}
	}
	var e *streams.Error
	if err := <-blocked; !errors.As(err, &e) || e.Code != streams.ReasonClosed {
		t.Fatalf("Next after Close: %v", err)
	}
}
