package streamstest

import (
	"context"
	"strings"
	"testing"
	"time"

	"bongsu/streams"
)

// StartCamera runs a fake camera until the test ends.
func StartCamera(t testing.TB, script *Script, o CameraOptions) *Camera {
	t.Helper()
	if o.Units == nil && o.Published == nil {
		o.Units = Film(t, script)
	}
	c, err := NewCamera(script, o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("fake camera: %v", err)
		}
	})
	return c
}

// Film makes the video of a script.
func Film(t testing.TB, s *Script) []*streams.AccessUnit {
	t.Helper()
	var out []*streams.AccessUnit
	for _, v := range append([]Video{s.Video}, s.Video.Then...) {
		out = Join(out, v.units(t))
	}
	return out
}

func (v Video) units(t testing.TB) []*streams.AccessUnit {
	t.Helper()
	if v.Source != "ffmpeg" {
		return Synthetic(SyntheticOptions{Codec: v.codec(), Units: v.Units, FPS: v.FPS, GOP: v.GOP, BFrames: v.BFrames, Slices: v.Slices, Bytes: v.Bytes})
	}
	gop := v.GOP
	if gop == 0 {
		gop = 10
	}
	return Encode(t, EncodeOptions{
		Codec: v.codec(), Width: v.Width, Height: v.Height, FPS: int(v.FPS), Units: v.Units, GOP: gop, BFrames: v.BFrames,
		Slices: v.Slices, More: strings.TrimSpace(v.Encoder),
	})
}

// Join puts b behind a on one line of time.
func Join(a, b []*streams.AccessUnit) []*streams.AccessUnit {
	if len(a) == 0 || len(b) == 0 {
		return append(a, b...)
	}
	var end, step time.Duration
	for i, au := range a {
		end = max(end, au.PTS)
		if i > 0 && au.DTS > a[i-1].DTS {
			step = au.DTS - a[i-1].DTS
		}
	}
	shift := end + step
	for _, au := range b {
		c := *au
		c.PTS, c.DTS, c.Seq = au.PTS-b[0].DTS+shift, au.DTS-b[0].DTS+shift, uint64(len(a))
		a = append(a, &c)
	}
	return a
}
