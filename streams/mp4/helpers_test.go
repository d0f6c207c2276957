package mp4

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"bongsu/streams"
)

// Parameter sets of libx264 (320×240, Main profile) and libx265 (320×240, Main profile).
var (
	testSPS = []byte{0x67, 0x4d, 0x40, 0x0d, 0xec, 0xa0, 0xa0, 0xfd, 0x80, 0x88, 0x00, 0x00, 0x03, 0x00, 0x08, 0x00, 0x00, 0x03, 0x01, 0x90, 0x78, 0xa1, 0x4c, 0xb0}
	testPPS = []byte{0x68, 0xeb, 0xe3, 0xcb, 0x20}
)

var testStart = time.Date(2026, 3, 1, 9, 30, 0, 123456000, time.UTC)

// encode makes a short H.264 or H.265 file with the ffmpeg program and gives its units.
func encode(t testing.TB, codec string, args ...string) ([]*streams.AccessUnit, string) {
	t.Helper()
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("ffmpeg is not installed: `make deps` does it")
	}
	path := filepath.Join(t.TempDir(), "source.mp4")
	all := []string{"-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25:duration=4", "-c:v", codec, "-threads", "1", "-pix_fmt", "yuv420p", "-preset", "ultrafast"}
	all = append(append(all, args...), path)
	if out, err := exec.Command("ffmpeg", all...).CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	return unitsOf(t, openFile(t, path)), path
}

// unitsOf reads a whole file as a camera would have sent it.
func unitsOf(t testing.TB, rd *Reader) []*streams.AccessUnit {
	t.Helper()
	params := rd.Params()
	var out []*streams.AccessUnit
	for i, s := range rd.Samples() {
		nals, err := rd.Sample(i)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, &streams.AccessUnit{Camera: "cam", Run: "run", Seq: uint64(i), Codec: rd.Codec(), Params: &params, NALs: nals,
			PTS: s.PTS, DTS: s.DTS, Wall: testStart.Add(s.PTS), Key: s.Key})
	}
	return out
}

// fakeUnits makes units that look like H.264 without being decodable: a key unit every gop,
// step apart, with bytes from the seed.
func fakeUnits(rnd *rand.Rand, n, gop int, step time.Duration) []*streams.AccessUnit {
	params := &streams.Params{Codec: streams.H264, SPS: testSPS, PPS: testPPS}
	out := make([]*streams.AccessUnit, n)
	for i := range out {
		nals := make([][]byte, 1+rnd.IntN(3))
		for k := range nals {
			nals[k] = make([]byte, 1+rnd.IntN(200))
			for b := range nals[k] {
				nals[k][b] = byte(rnd.Uint32())
			}
			nals[k][0] = 0x41
		}
		d := time.Duration(i) * step
		out[i] = &streams.AccessUnit{Camera: "cam", Run: "run", Seq: uint64(i), Codec: streams.H264, Params: params, NALs: nals,
			PTS: d, DTS: d, Wall: testStart.Add(d), Key: i%gop == 0}
		if out[i].Key {
			nals[0][0] = 0x65
		}
	}
	return out
}

// newRand is seeded from the clock; the seed is printed.
func newRand(t testing.TB) *rand.Rand {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 1))
}

// record writes units as a clip.
func record(t testing.TB, path string, units []*streams.AccessUnit) Summary {
	t.Helper()
	w, err := Create(path, WriterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i, au := range units {
		if err := w.Add(au); err != nil {
			t.Fatalf("unit %d: %v", i, err)
		}
	}
	s, err := w.Close()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// sameUnits compares what a clip holds with what was put in: number, bytes, key marks, and
// times relative to the first unit to half a tick of the 90 kHz clock.
func sameUnits(t testing.TB, rd *Reader, want []*streams.AccessUnit) {
	t.Helper()
	got := unitsOf(t, rd)
	if len(got) != len(want) {
		t.Fatalf("%d samples, want %d", len(got), len(want))
	}
	for i := range got {
		if err := sameUnit(got[i], want[i]); err != nil {
			t.Fatalf("sample %d: %v", i, err)
		}
		near := func(name string, a, b time.Duration) {
			if d := a - b; d > 12*time.Microsecond || d < -12*time.Microsecond {
				t.Fatalf("sample %d: %s %v, want %v", i, name, a, b)
			}
		}
		near("PTS", got[i].PTS, want[i].PTS-want[0].PTS)
		near("DTS", got[i].DTS, want[i].DTS-want[0].PTS)
	}
}

func sameUnit(got, want *streams.AccessUnit) error {
	if len(got.NALs) != len(want.NALs) || got.Key != want.Key {
		return fmt.Errorf("%d NAL units, key %v; want %d, %v", len(got.NALs), got.Key, len(want.NALs), want.Key)
	}
	for k := range got.NALs {
		if !bytes.Equal(got.NALs[k], want.NALs[k]) {
			return fmt.Errorf("NAL unit %d differs", k)
		}
	}
	return nil
}

func readAll(t testing.TB, path string) []byte {
	t.Helper()
	p, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
