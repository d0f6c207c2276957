package mp4

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"bongsu/streams"
)

// TestRoundTrip records encoded pictures and compares the clip with them, and ffprobe's view
// of the clip with ours.
func TestRoundTrip(t *testing.T) {
	for _, tc := range []struct {
		name, codec string
		args        []string
		inBand      bool
		wantEntry   string
	}{
		{"h264", "libx264", []string{"-g", "25", "-bf", "0"}, false, "avc1"},
		{"h264 in band", "libx264", []string{"-g", "25", "-bf", "0"}, true, "avc3"},
		{"h264 B-frames", "libx264", []string{"-g", "50", "-bf", "3", "-b_strategy", "0"}, true, "avc3"},
		{"h264 colour and aspect", "libx264", []string{"-preset", "veryfast", "-profile:v", "high", "-vf", "setsar=4/3", "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"}, false, "avc1"},
		{"h265", "libx265", []string{"-g", "25", "-x265-params", "log-level=error:bframes=0"}, false, "hvc1"},
		{"h265 B-frames in band", "libx265", []string{"-g", "25", "-x265-params", "log-level=error:bframes=3"}, true, "hev1"},
		{"h264 variable rate", "libx264", []string{"-g", "25", "-vf", "settb=1/90000,setpts='PTS+0.013/TB*random(1)'", "-enc_time_base", "1:90000", "-fps_mode", "vfr", "-bf", "0"}, false, "avc1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			units, _ := encode(t, tc.codec, tc.args...)
			if tc.inBand {
				for _, au := range units {
					if au.Key {
						p := au.Params
						sets := [][]byte{p.VPS, p.SPS, p.PPS}
						if p.VPS == nil {
							sets = sets[1:]
						}
						au.NALs = append(sets, au.NALs...)
					}
				}
			}
			path := filepath.Join(t.TempDir(), "clip.mp4")
			s := record(t, path, units)
			checkSummary(t, s, path)
			rd := openFile(t, path)
			sameUnits(t, rd, units)
			probe := ffprobe(t, path)
			if got := probe.Streams[0].Tag; got != tc.wantEntry || rd.CodecString()[:4] != tc.wantEntry || rd.CodecString() != s.Codec {
				t.Errorf("sample entry %q, codec %q and %q, want %q", got, rd.CodecString(), s.Codec, tc.wantEntry)
			}
			compareWithFFprobe(t, path)
			if first := seconds(t, probe.Packets[0].PTS); first != 0 {
				t.Errorf("the first picture is shown at %v s", first)
			}
			if d := seconds(t, probe.Format.Duration) - s.Duration.Seconds(); math.Abs(d) > 0.002 {
				t.Errorf("lasts %v, ffprobe says %s s", s.Duration, probe.Format.Duration)
			}
			if probe.Format.Tags["creation_time"] != "2026-03-01T09:30:00.000000Z" {
				t.Errorf("made at %q", probe.Format.Tags["creation_time"])
			}
			decodesClean(t, path, len(units))
			if tc.name == "h264 colour and aspect" && (probe.Streams[0].SAR != "4:3" || probe.Streams[0].Matrix != "bt709") {
				t.Errorf("aspect %q, matrix %q", probe.Streams[0].SAR, probe.Streams[0].Matrix)
			}
		})
	}
}

// decodesClean decodes every picture with ffmpeg, which must not complain.
func decodesClean(t *testing.T, path string, want int) {
	t.Helper()
	r := ffprobe(t, path, "-count_frames")
	if n, _ := strconv.Atoi(r.Streams[0].Frames); n != want {
		t.Errorf("%s of %d pictures could be decoded", r.Streams[0].Frames, want)
	}
}

func checkSummary(t *testing.T, s Summary, path string) {
	t.Helper()
	p := readAll(t, path)
	sum := sha256.Sum256(p)
	if s.SHA256 != hex.EncodeToString(sum[:]) || s.Bytes != int64(len(p)) || !s.Whole || !s.Start.Equal(testStart) || s.Width != 320 || s.Height != 240 {
		t.Errorf("summary %+v does not fit the file of %d bytes, %x", s, len(p), sum)
	}
	kinds := topBoxes(t, path)
	if len(kinds) != 3 || kinds[0] != "ftyp" || kinds[1] != "moov" || kinds[2] != "mdat" {
		t.Errorf("boxes %q: the index must come before the media", kinds)
	}
	if _, err := os.Stat(path + tempSuffix); !os.IsNotExist(err) {
		t.Errorf("the temporary file is still there: %v", err)
	}
}

func topBoxes(t *testing.T, path string) (kinds []string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	st, _ := f.Stat()
	if _, err := scanTop(f, st.Size(), func(h header, _, _ int64) bool { kinds = append(kinds, h.kind); return true }); err != nil {
		t.Fatal(err)
	}
	return kinds
}

// TestTimesThatNoClipMayTrust puts odd stamps in and checks what the track makes of them.
func TestTimesThatNoClipMayTrust(t *testing.T) {
	ms := time.Millisecond
	for _, tc := range []struct {
		name  string
		stamp func(i int) (dts, pts time.Duration)
		want  time.Duration // of 100 units at 40 ms, keys every 25
		bent  bool
	}{
		{"regular", func(i int) (time.Duration, time.Duration) { d := time.Duration(i) * 40 * ms; return d, d }, 4 * time.Second, false},
		{"begins late in the run", func(i int) (time.Duration, time.Duration) { d := 50*time.Hour + time.Duration(i)*40*ms; return d, d }, 4 * time.Second, false},
		{"one pair of equal stamps", func(i int) (time.Duration, time.Duration) {
			if i == 50 {
				i = 49
			}
			d := time.Duration(i) * 40 * ms
			return d, d
		}, 4 * time.Second, true},
		{"an hour back", func(i int) (time.Duration, time.Duration) {
			d := 2*time.Hour + time.Duration(i)*40*ms
			if i >= 60 {
				d -= time.Hour
			}
			return d, d
		}, 4 * time.Second, true},
		{"an hour ahead: twice the GOP of 1 s is the most", func(i int) (time.Duration, time.Duration) {
			d := time.Duration(i) * 40 * ms
			if i >= 60 {
				d += time.Hour
			}
			return d, d
		}, 4*time.Second - 40*ms + 2*time.Second, true},
		{"an hour ahead in the first GOP", func(i int) (time.Duration, time.Duration) {
			d := time.Duration(i) * 40 * ms
			if i >= 10 {
				d += time.Hour
			}
			return d, d
		}, 4*time.Second - 40*ms + 5*time.Second, true},
		{"shown before decoded", func(i int) (time.Duration, time.Duration) {
			d := time.Duration(i) * 40 * ms
			return d, d - 100*ms
		}, 4 * time.Second, false},
		{"one picture shown hours later", func(i int) (time.Duration, time.Duration) {
			d := time.Duration(i) * 40 * ms
			if i == 30 {
				return d, d + 2*time.Hour
			}
			return d, d
		}, 4 * time.Second, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			units := fakeUnits(newRand(t), 100, 25, 40*ms)
			for i, au := range units {
				au.DTS, au.PTS = tc.stamp(i)
			}
			path := filepath.Join(t.TempDir(), "clip.mp4")
			s := record(t, path, units)
			if d := s.Duration - tc.want; d > ms || d < -ms {
				t.Errorf("lasts %v, want %v", s.Duration, tc.want)
			}
			if (s.Bent > 0) != tc.bent {
				t.Errorf("%d steps are said to be bent", s.Bent)
			}
			samples := openFile(t, path).Samples()
			for i := 1; i < len(samples); i++ {
				if samples[i].DTS <= samples[i-1].DTS || samples[i].PTS < samples[i].DTS {
					t.Fatalf("sample %d: DTS %v after %v, PTS %v", i, samples[i].DTS, samples[i-1].DTS, samples[i].PTS)
				}
			}
		})
	}
}

// TestOpenGOP: pictures that belong before the first key unit are decoded but not shown.
func TestOpenGOP(t *testing.T) {
	units := fakeUnits(newRand(t), 50, 25, 40*time.Millisecond)
	for i, au := range units {
		au.PTS = au.DTS + 80*time.Millisecond
		if i == 1 || i == 2 {
			au.PTS = au.DTS // leading: shown at 40 and 80 ms, the key unit at 80 ms
		}
	}
	path := filepath.Join(t.TempDir(), "clip.mp4")
	record(t, path, units)
	s := openFile(t, path).Samples()
	if s[0].PTS != 0 || s[0].DTS >= 0 || s[1].PTS >= 0 {
		t.Errorf("the first pictures are shown at %v and %v", s[0].PTS, s[1].PTS)
	}
}

func TestWriterRefuses(t *testing.T) {
	dir := t.TempDir()
	units := fakeUnits(newRand(t), 3, 1, time.Second)
	h265 := *units[1]
	h265.Codec = streams.H265
	notKey := *units[0]
	notKey.Key = false
	bare := *units[0]
	bare.Params = &streams.Params{Codec: streams.H264, SPS: testSPS}
	w, err := Create(filepath.Join(dir, "a.mp4"), WriterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		au   *streams.AccessUnit
		want error
	}{{&notKey, ErrNotKey}, {&bare, ErrNoParams}, {units[0], nil}, {&h265, ErrCodecChanged}, {units[1], nil}} {
		if err := w.Add(tc.au); !errors.Is(err, tc.want) {
			t.Errorf("got %v, want %v", err, tc.want)
		}
	}
	if s, err := w.Close(); err != nil || s.Samples != 2 {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err := w.Close(); !errors.Is(err, errClosed) {
		t.Errorf("closed twice: %v", err)
	}
	if err := w.Add(units[2]); !errors.Is(err, errClosed) {
		t.Errorf("added after closing: %v", err)
	}
	if _, err := Create(filepath.Join(dir, "a.mp4"), WriterOptions{}); !os.IsExist(errors.Unwrap(err)) {
		t.Errorf("an existing clip was taken over: %v", err)
	}
	w, err = Create(filepath.Join(dir, "b.mp4"), WriterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Close(); err == nil {
		t.Error("an empty clip closed without an error")
	}
	w, err = Create(filepath.Join(dir, "c.mp4"), WriterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Abort(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "c.mp4")); !os.IsNotExist(err) {
		t.Error("Abort left the file")
	}
}

// TestCloseAt leaves out what was added after the cut, whatever fragment it is in.
func TestCloseAt(t *testing.T) {
	units := fakeUnits(newRand(t), 90, 30, 40*time.Millisecond)
	for _, n := range []int{1, 29, 30, 31, 60, 89, 90, 200} {
		path := filepath.Join(t.TempDir(), "clip.mp4")
		w, err := Create(path, WriterOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, au := range units {
			if err := w.Add(au); err != nil {
				t.Fatal(err)
			}
		}
		if w.Samples() != 90 || w.At() != 89*40*time.Millisecond || w.Bytes() == 0 {
			t.Errorf("%d units, %v, %d bytes", w.Samples(), w.At(), w.Bytes())
		}
		s, err := w.CloseAt(n)
		if err != nil {
			t.Fatal(err)
		}
		want := units[:min(n, 90)]
		sameUnits(t, openFile(t, path), want)
		if s.Duration != time.Duration(len(want))*40*time.Millisecond {
			t.Errorf("%d units last %v", len(want), s.Duration)
		}
	}
}

// TestTaint: a loss inside taints, a loss before the first unit does not.
func TestTaint(t *testing.T) {
	for lost, want := range map[int]bool{0: false, 1: true, 7: true, 59: true, 60: false} {
		units := fakeUnits(newRand(t), 61, 30, 40*time.Millisecond)
		units[lost].Lost = true
		path := filepath.Join(t.TempDir(), "clip.mp4")
		if s := record(t, path, units[:60]); s.Tainted != want {
			t.Errorf("unit %d lost: tainted %v", lost, s.Tainted)
		}
		if s, err := Salvage(nil, path); err != nil || s.Tainted != want || !s.Whole {
			t.Errorf("unit %d lost: read back %+v, %v", lost, s, err)
		}
	}
}

// TestSeveralPPS keeps all parameter sets that a camera sends with its first unit.
func TestSeveralPPS(t *testing.T) {
	units := fakeUnits(newRand(t), 5, 5, time.Second)
	second := append([]byte{}, testPPS...)
	second[1] ^= 0x10
	units[0].NALs = append([][]byte{testSPS, testPPS, second}, units[0].NALs...)
	path := filepath.Join(t.TempDir(), "clip.mp4")
	record(t, path, units)
	rd := openFile(t, path)
	if n := len(rd.ParameterSets()); n != 3 {
		t.Errorf("%d parameter sets, want 3", n)
	}
	sameUnits(t, rd, units)
}
