//go:build cgo

package avcodec

import (
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"bongsu"
	"bongsu/streams"
)

func TestDecodeGivesBackThePictures(t *testing.T) {
	cases := []struct {
		name string
		enc  EncoderOptions
	}{
		{"h264", EncoderOptions{Codec: streams.H264, Width: 320, Height: 180, GOP: 10}},
		{"h264 with B pictures", EncoderOptions{Codec: streams.H264, Width: 320, Height: 180, GOP: 10, BFrames: 3}},
		{"h264 portrait, four slices", EncoderOptions{Codec: streams.H264, Width: 178, Height: 322, GOP: 10, Slices: 4}},
		{"h264 full range", EncoderOptions{Codec: streams.H264, Width: 320, Height: 180, FullRange: true, Matrix: 1}},
		{"h265", EncoderOptions{Codec: streams.H265, Width: 320, Height: 184, GOP: 10}},
		{"h265 with B pictures", EncoderOptions{Codec: streams.H265, Width: 320, Height: 184, GOP: 10, BFrames: 3}},
		{"h265 open GOP", EncoderOptions{Codec: streams.H265, Width: 320, Height: 184, GOP: 10, BFrames: 3, OpenGOP: true}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			const n = 25
			aus := units(t, c.enc, n)
			now := epoch.Add(time.Minute)
			d := decoder(t, Options{Codec: c.enc.Codec, Now: func() time.Time { return now }})
			got := decode(t, d, aus, fatal(t))
			if len(got) != n {
				t.Fatalf("%d pictures of %d", len(got), n)
			}
			for i, p := range got {
				checkPicture(t, c.enc, aus, p, i, now)
			}
			want := Stats{Units: n, Pictures: n}
			if s := d.Stats(); s != want {
				t.Errorf("stats %+v, want %+v", s, want)
			}
		})
	}
}

// checkPicture compares picture i in display order with the pattern and with its unit.
func checkPicture(t *testing.T, enc EncoderOptions, aus []*streams.AccessUnit, p picture, i int, now time.Time) {
	t.Helper()
	want := pattern(enc.Width, enc.Height, i)
	if v := min(psnr(p.y, want.Planes[0].Data), psnr(p.u, want.Planes[1].Data), psnr(p.v, want.Planes[2].Data)); v < 32 {
		t.Errorf("picture %d: %.1f dB", i, v)
	}
	au := aus[p.Seq]
	if p.PTS != want.PTS || au.PTS != want.PTS {
		t.Errorf("picture %d: PTS %v, its unit's %v, want %v", i, p.PTS, au.PTS, want.PTS)
	}
	if p.Camera != "cam" || p.Run != "run" || !p.Wall.Equal(au.Wall) || !p.Arrived.Equal(au.Arrived) ||
		!p.CameraClock.Equal(au.CameraClock) || !p.Decoded.Equal(now) || p.Key != au.Key || p.Tainted {
		t.Errorf("picture %d carries %+v of unit %+v", i, p.Frame, au)
	}
	matrix := enc.Matrix
	if matrix == 0 {
		matrix = 2
	}
	color := bongsu.Color{FullRange: enc.FullRange, Matrix: matrix, SampleAspectW: 1, SampleAspectH: 1}
	if p.Format != bongsu.FormatI420 || p.Color != color || p.Width != enc.Width || p.Height != enc.Height {
		t.Errorf("picture %d: %d×%d format %d colour %+v", i, p.Width, p.Height, p.Format, p.Color)
	}
}

func TestNoDelayWithoutBPictures(t *testing.T) {
	for _, codec := range []streams.Codec{streams.H264, streams.H265} {
		aus := units(t, EncoderOptions{Codec: codec, Width: 160, Height: 96}, 5)
		d := decoder(t, Options{Codec: codec})
		for i, au := range aus {
			if err := d.Send(au); err != nil {
				t.Fatal(err)
			}
			f, err := d.Receive()
			if err != nil {
				t.Fatalf("%v unit %d: %v", codec, i, err)
			}
			f.Release()
			if _, err := d.Receive(); !errors.Is(err, streams.ErrNeedMore) {
				t.Fatalf("%v unit %d: %v", codec, i, err)
			}
		}
	}
}

func TestFramesOutliveTheDecoder(t *testing.T) {
	before := Live()
	aus := units(t, EncoderOptions{Codec: streams.H264, Width: 320, Height: 180}, 6)
	d, err := NewDecoder(Options{Codec: streams.H264, Frames: 6})
	if err != nil {
		t.Fatal(err)
	}
	var frames []*bongsu.Frame
	for _, au := range aus {
		if err := d.Send(au); err != nil {
			t.Fatal(err)
		}
		f, err := d.Receive()
		if err != nil {
			t.Fatal(err)
		}
		f.Retain()
		f.Release()
		frames = append(frames, f)
	}
	if held := d.Stats().Held; held != 6 {
		t.Errorf("%d frames are held", held)
	}
	d.Close()
	d.Close()
	if err := d.Send(aus[0]); !errors.Is(err, ErrClosed) {
		t.Errorf("Send after Close: %v", err)
	}
	if _, err := d.Receive(); !errors.Is(err, ErrClosed) {
		t.Errorf("Receive after Close: %v", err)
	}
	if err := d.Drain(); !errors.Is(err, ErrClosed) {
		t.Errorf("Drain after Close: %v", err)
	}
	for i, f := range frames {
		if v := psnr(snap(f).y, pattern(320, 180, i).Planes[0].Data); v < 32 {
			t.Errorf("frame %d after Close: %.1f dB", i, v)
		}
		f.Release()
	}
	if n := Live() - before; n != 0 {
		t.Errorf("%d C objects are left", n)
	}
}

// TestFramesHeldElsewhere lets other goroutines read and release frames while decoding goes on.
func TestFramesHeldElsewhere(t *testing.T) {
	aus := units(t, EncoderOptions{Codec: streams.H264, Width: 160, Height: 96, GOP: 10}, 60)
	d := decoder(t, Options{Codec: streams.H264, Frames: 3})
	frames := make(chan *bongsu.Frame, 2)
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for f := range frames {
				want := pattern(160, 96, int(f.Seq))
				if v := psnr(packed(f.Planes[0], f.Width, f.Height), want.Planes[0].Data); v < 32 {
					t.Errorf("picture %d: %.1f dB", f.Seq, v)
				}
				f.Release()
				d.Stats()
			}
		})
	}
	for _, au := range aus {
		if err := d.Send(au); err != nil {
			t.Error(err)
		}
		for {
			f, err := d.Receive()
			if err != nil {
				break
			}
			f.Retain()
			frames <- f
			f.Release()
		}
	}
	close(frames)
	readers.Wait()
	if s := d.Stats(); s.Pictures+s.NoFrame != 60 || s.Held != 0 {
		t.Errorf("stats %+v", s)
	}
}

func TestReleaseTwicePanics(t *testing.T) {
	d := decoder(t, Options{Codec: streams.H264})
	if err := d.Send(units(t, EncoderOptions{Codec: streams.H264, Width: 64, Height: 64}, 1)[0]); err != nil {
		t.Fatal(err)
	}
	f, err := d.Receive()
	if err != nil {
		t.Fatal(err)
	}
	owner := f.Owner
	f.Release()
	for name, call := range map[string]func(){"Release": owner.Release, "Retain": owner.Retain} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s of a released frame did not panic", name)
				}
			}()
			call()
		}()
	}
}

func TestAllFramesHeld(t *testing.T) {
	aus := units(t, EncoderOptions{Codec: streams.H264, Width: 64, Height: 64}, 5)
	d := decoder(t, Options{Codec: streams.H264, Frames: 2})
	var held []*bongsu.Frame
	for _, au := range aus {
		if err := d.Send(au); err != nil {
			t.Fatal(err)
		}
		f, err := d.Receive()
		if err == nil {
			held = append(held, f)
		} else if !errors.Is(err, ErrNeedMore) {
			t.Fatal(err)
		}
	}
	if s := d.Stats(); len(held) != 2 || s.Pictures != 2 || s.NoFrame != 3 || s.Held != 2 {
		t.Errorf("%d held, stats %+v", len(held), s)
	}
	for _, f := range held {
		f.Release()
	}
}

func TestParameterSetsOutOfBand(t *testing.T) {
	for _, codec := range []streams.Codec{streams.H264, streams.H265} {
		for _, keep := range []kind{kindOther, kindSPS, kindPPS} {
			aus := units(t, EncoderOptions{Codec: codec, Width: 160, Height: 96, GOP: 5}, 10)
			for _, au := range aus {
				au.NALs = strip(codec, au.NALs, keep)
			}
			d := decoder(t, Options{Codec: codec})
			if got := decode(t, d, aus, fatal(t)); len(got) != 10 || got[9].Tainted {
				t.Errorf("%v, set %d in band: %d pictures of 10", codec, keep, len(got))
			}
		}
	}
}

// strip removes the parameter sets but one kind, as a camera that sends them by SDP does.
func strip(codec streams.Codec, nals [][]byte, keep kind) [][]byte {
	var out [][]byte
	for _, nal := range nals {
		if k := kindOf(codec, nal); k == kindOther || k == keep || k >= kindSlice {
			out = append(out, nal)
		}
	}
	return out
}

func TestNoParameterSets(t *testing.T) {
	aus := units(t, EncoderOptions{Codec: streams.H264, Width: 160, Height: 96}, 3)
	for _, au := range aus {
		au.Params, au.NALs = nil, strip(streams.H264, au.NALs, kindOther)
	}
	d := decoder(t, Options{Codec: streams.H264})
	var errs []error
	if got := decode(t, d, aus, func(err error) { errs = append(errs, err) }); len(got) != 0 {
		t.Errorf("%d pictures", len(got))
	}
	var e *streams.Error
	if len(errs) == 0 || !errors.As(errs[0], &e) || e.Op != "decode" || e.Code != ReasonDecode || e.Camera != "cam" {
		t.Errorf("errors %v", errs)
	}
	if !strings.Contains(errs[0].Error(), "PPS") {
		t.Errorf("%q does not say what is missing", errs[0])
	}
}

func TestSizeChangeMidStream(t *testing.T) {
	for _, codec := range []streams.Codec{streams.H264, streams.H265} {
		d := decoder(t, Options{Codec: codec})
		var all []*streams.AccessUnit
		sizes := [][2]int{{320, 180}, {160, 96}, {640, 360}, {96, 160}}
		for _, s := range sizes {
			all = append(all, units(t, EncoderOptions{Codec: codec, Width: s[0], Height: s[1]}, 4)...)
		}
		for i, au := range all {
			au.Seq = uint64(i)
		}
		got := decode(t, d, all, fatal(t))
		if len(got) != 16 {
			t.Fatalf("%v: %d pictures of 16", codec, len(got))
		}
		for i, p := range got {
			s := sizes[i/4]
			if p.Width != s[0] || p.Height != s[1] || p.Tainted || psnr(p.y, pattern(s[0], s[1], i%4).Planes[0].Data) < 32 {
				t.Errorf("%v picture %d: %d×%d, tainted %v", codec, i, p.Width, p.Height, p.Tainted)
			}
		}
	}
}

func TestPictureTooLarge(t *testing.T) {
	for _, codec := range []streams.Codec{streams.H264, streams.H265} {
		for _, inBand := range []bool{true, false} {
			big := units(t, EncoderOptions{Codec: codec, Width: 640, Height: 480}, 3)
			if !inBand {
				for _, au := range big {
					au.NALs = strip(codec, au.NALs, kindOther)
				}
			}
			small := units(t, EncoderOptions{Codec: codec, Width: 320, Height: 240}, 2)
			small[0].Seq, small[1].Seq = 3, 4
			d := decoder(t, Options{Codec: codec, MaxPixels: 320 * 240})
			var errs []error
			got := decode(t, d, append(big, small...), func(err error) { errs = append(errs, err) })
			var e *streams.Error
			if len(errs) != 3 || !errors.As(errs[0], &e) || e.Code != ReasonTooLarge || e.State != bongsu.CameraFailed {
				t.Fatalf("%v: errors %v", codec, errs)
			}
			if !strings.Contains(e.Error(), "640×480") || !strings.Contains(e.Error(), "76800") {
				t.Errorf("%q names neither the size nor the limit", e)
			}
			if s := d.Stats(); len(got) != 2 || got[1].Tainted || s.Refused != 3 {
				t.Errorf("%v: %d pictures afterwards, stats %+v", codec, len(got), s)
			}
		}
	}
}

func TestUnitTooLarge(t *testing.T) {
	aus := units(t, EncoderOptions{Codec: streams.H264, Width: 320, Height: 240, GOP: 2}, 4)
	d := decoder(t, Options{Codec: streams.H264, MaxUnitBytes: 20000})
	aus[1].NALs = append(aus[1].NALs, make([]byte, 20000))
	var errs []error
	got := decode(t, d, aus, func(err error) { errs = append(errs, err) })
	var e *streams.Error
	if len(errs) != 1 || !errors.As(errs[0], &e) || e.Code != ReasonTooLarge || e.Seq != 1 {
		t.Errorf("errors %v", errs)
	}
	if len(got) != 3 || got[0].Tainted || got[1].Tainted || got[2].Tainted {
		t.Errorf("%d pictures", len(got))
	}
}

func TestUnsupportedPixelFormat(t *testing.T) {
	aus := units(t, EncoderOptions{Codec: streams.H265, Width: 160, Height: 96, Bits: 10}, 2)
	d := decoder(t, Options{Codec: streams.H265})
	var errs []error
	decode(t, d, aus, func(err error) { errs = append(errs, err) })
	var e *streams.Error
	if len(errs) != 2 || !errors.As(errs[0], &e) || e.Code != ReasonUnsupported || !strings.Contains(e.Error(), "yuv420p10le") {
		t.Errorf("errors %v", errs)
	}
}

func TestWrongCodecAndEmptyUnit(t *testing.T) {
	if _, err := NewDecoder(Options{}); err == nil {
		t.Error("a decoder without a codec was made")
	}
	d := decoder(t, Options{Codec: streams.H264})
	cases := []struct {
		au   streams.AccessUnit
		code string
	}{
		{streams.AccessUnit{Codec: streams.H265, Key: true, NALs: [][]byte{{0x26, 1, 2}}}, ReasonUnsupported},
		{streams.AccessUnit{Codec: streams.H264, Key: true}, ReasonDecode},
		{streams.AccessUnit{Codec: streams.H264, NALs: [][]byte{nil, {}}}, ReasonDecode},
		{streams.AccessUnit{Codec: streams.H264, NALs: [][]byte{{0x65}}}, ReasonDecode},
	}
	for i, c := range cases {
		var e *streams.Error
		if err := d.Send(&c.au); !errors.As(err, &e) || e.Code != c.code {
			t.Errorf("case %d: %v", i, err)
		}
		if _, err := d.Receive(); !errors.Is(err, ErrNeedMore) {
			t.Errorf("case %d: Receive: %v", i, err)
		}
	}
	if s := d.Stats(); s.Units != 4 || s.Errors != 4 || s.Refused != 1 {
		t.Errorf("stats %+v", s)
	}
}

func TestSendTwiceWithoutReceive(t *testing.T) {
	aus := units(t, EncoderOptions{Codec: streams.H264, Width: 64, Height: 64}, 6)
	d := decoder(t, Options{Codec: streams.H264})
	var failed error
	for _, au := range aus {
		if err := d.Send(au); err != nil {
			failed = err
		}
	}
	if !errors.Is(failed, errFull) {
		t.Errorf("Send without Receive: %v", failed)
	}
}

func TestEOFAfterDrain(t *testing.T) {
	d := decoder(t, Options{Codec: streams.H264})
	if err := d.Drain(); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Receive(); !errors.Is(err, io.EOF) {
		t.Errorf("Receive after Drain: %v", err)
	}
}

func TestDecodeAllocatesNothing(t *testing.T) {
	for _, codec := range []streams.Codec{streams.H264, streams.H265} {
		aus := units(t, EncoderOptions{Codec: codec, Width: 160, Height: 96, GOP: 5, BFrames: 2}, 40)
		d := decoder(t, Options{Codec: codec})
		next := uint64(0)
		step := func() {
			au := aus[next%uint64(len(aus))]
			au.Seq = next
			next++
			if err := d.Send(au); err != nil {
				t.Fatal(err)
			}
			for {
				f, err := d.Receive()
				if errors.Is(err, ErrNeedMore) {
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				f.Release()
			}
		}
		for range len(aus) {
			step()
		}
		if n := testing.AllocsPerRun(3*len(aus), step); n != 0 {
			t.Errorf("%v: %v Go allocations a unit", codec, n)
		}
	}
}
