package replay_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"bongsu"
	"bongsu/streams"
	"bongsu/streams/mp4"
	"bongsu/streams/replay"
	"bongsu/streams/streamstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// write makes an MP4 file of units.
func write(t testing.TB, units []*streams.AccessUnit) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "clip.mp4")
	w, err := mp4.Create(path, mp4.WriterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	start := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, au := range units {
		c := *au
		c.Run, c.Wall = "r", start.Add(c.PTS)
		if err := w.Add(&c); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func open(t testing.TB, path string, o replay.Options) *replay.Source {
	t.Helper()
	src, err := replay.Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { src.Close() })
	return src
}

func all(t testing.TB, src streams.Source) []*streams.AccessUnit {
	t.Helper()
	var got []*streams.AccessUnit
	for {
		au, err := src.Next(t.Context())
		if errors.Is(err, io.EOF) {
			return got
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, au)
	}
}

func TestSourceSuite(t *testing.T) {
	streamstest.SourceSuite{
		Flat: func(t *testing.T, units []*streams.AccessUnit) streams.Source {
			return open(t, write(t, units), replay.Options{})
		},
		Slow: func(t *testing.T, units []*streams.AccessUnit) streams.Source {
			never := func(ctx context.Context, _ time.Duration) error { <-ctx.Done(); return ctx.Err() }
			return open(t, write(t, units), replay.Options{RealTime: true, Wait: never})
		},
	}.Run(t)
}

func TestWallIsStartAndMediaTime(t *testing.T) {
	start := time.Date(2025, 3, 1, 9, 30, 0, 0, time.UTC)
	path := write(t, streamstest.Synthetic(streamstest.SyntheticOptions{Units: 40, BFrames: 2}))
	got := all(t, open(t, path, replay.Options{Camera: "gate", Start: start}))
	lowest := time.Hour
	for _, au := range got {
		if !au.Wall.Equal(start.Add(au.PTS)) {
			t.Fatalf("unit %d: wall %v at media time %v", au.Seq, au.Wall, au.PTS)
		}
		if au.Camera != "gate" || au.Run != got[0].Run || !bongsu.ValidUUID(string(au.Run)) {
			t.Fatalf("unit %d: camera %q, run %q", au.Seq, au.Camera, au.Run)
		}
		lowest = min(lowest, au.PTS)
	}
	if lowest < 0 || lowest > 50*time.Millisecond {
		t.Fatalf("the first picture is shown at %v", lowest)
	}
}

// TestLoops: time goes on from round to round, one picture after the last.
func TestLoops(t *testing.T) {
	for _, b := range []int{0, 2} {
		path := write(t, streamstest.Synthetic(streamstest.SyntheticOptions{Units: 31, BFrames: b}))
		src := open(t, path, replay.Options{Loops: 2})
		got := all(t, src)
		if len(got) != 93 || src.Units() != 31 {
			t.Fatalf("%d units", len(got))
		}
		for i, au := range got {
			if au.Seq != uint64(i) || streamstest.Index(au) != i%31 {
				t.Fatalf("unit %d has number %d and index %d", i, au.Seq, streamstest.Index(au))
			}
			if i > 0 && au.DTS <= got[i-1].DTS {
				t.Fatalf("unit %d is decoded at %v after %v", i, au.DTS, got[i-1].DTS)
			}
		}
		if d := got[31].PTS - got[0].PTS - 31*40*time.Millisecond; d.Abs() > 5*time.Millisecond {
			t.Fatalf("the second round begins %v off", d)
		}
	}
}

// clock is a time that passes only when somebody waits.
type clock struct {
	now   time.Time
	waits []time.Duration
}

func (c *clock) wait(ctx context.Context, d time.Duration) error {
	c.waits = append(c.waits, d)
	c.now = c.now.Add(d)
	return ctx.Err()
}

func TestRealTime(t *testing.T) {
	path := write(t, streamstest.Synthetic(streamstest.SyntheticOptions{Units: 30, BFrames: 2}))
	c := &clock{now: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)}
	begin := c.now
	src := open(t, path, replay.Options{RealTime: true, Now: func() time.Time { return c.now }, Wait: c.wait})
	got := all(t, src)
	for _, au := range got {
		if due := begin.Add(au.DTS - got[0].DTS); au.Arrived.Sub(due).Abs() > time.Microsecond {
			t.Fatalf("unit %d came %v after its time", au.Seq, au.Arrived.Sub(due))
		}
	}
	if len(c.waits) != 29 {
		t.Fatalf("%d waits for 30 units", len(c.waits))
	}
	flat := open(t, path, replay.Options{Now: func() time.Time { return c.now }, Wait: c.wait})
	all(t, flat)
	if len(c.waits) != 29 {
		t.Fatal("flat out waits")
	}
}

// TestBytes: what comes out is what ffmpeg encoded.
func TestBytes(t *testing.T) {
	for _, codec := range []streams.Codec{streams.H264, streams.H265} {
		want := streamstest.Encode(t, streamstest.EncodeOptions{Codec: codec, Units: 30, GOP: 10, BFrames: 2})
		src := open(t, write(t, want), replay.Options{})
		got := all(t, src)
		if w, h := src.Size(); w != 320 || h != 240 || src.Codec() != codec || src.Length() < time.Second {
			t.Errorf("%d×%d %v %v", w, h, src.Codec(), src.Length())
		}
		if len(got) != len(want) || !bytes.Equal(src.Params().SPS, want[0].Params.SPS) {
			t.Fatalf("%v: %d units of %d", codec, len(got), len(want))
		}
		for i := range got {
			if !bytes.Equal(streamstest.AnnexB(got[i].NALs), streamstest.AnnexB(want[i].NALs)) || got[i].Key != want[i].Key {
				t.Fatalf("%v: unit %d differs from what was encoded", codec, i)
			}
		}
	}
}

func TestCannotPlay(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "notes.mp4")
	if err := os.WriteFile(text, []byte("this is a text file, not a film"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, code := range map[string]string{
		filepath.Join(dir, "absent.mp4"): streams.ReasonNotFound,
		text:                             streams.ReasonNoVideo,
		dir:                              streams.ReasonNoVideo,
	} {
		_, err := replay.Open(path, replay.Options{Camera: "gate"})
		var e *streams.Error
		if !errors.As(err, &e) || e.Code != code || e.State != bongsu.CameraFailed || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// TestTornFile: a file that ends early gives what it has, and then says where it ends.
func TestTornFile(t *testing.T) {
	path := write(t, streamstest.Synthetic(streamstest.SyntheticOptions{Units: 30}))
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, int64(len(whole))-3000); err != nil {
		t.Fatal(err)
	}
	src, err := replay.Open(path, replay.Options{})
	var e *streams.Error
	if err != nil { // the reader may refuse it at once
		if !errors.As(err, &e) {
			t.Fatal(err)
		}
		return
	}
	defer src.Close()
	n := 0
	for {
		if _, err = src.Next(t.Context()); err != nil {
			break
		}
		n++
	}
	if !errors.As(err, &e) || e.Seq != uint64(n) || n == 0 || n >= 30 {
		t.Fatalf("%d units, then %v", n, err)
	}
	if _, again := src.Next(t.Context()); !errors.Is(again, err) {
		t.Fatalf("then %v", again)
	}
}
