package mp4

import (
	"bytes"
	"crypto/sha256"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"bongsu/streams"
)

// framesOf decodes a file with ffmpeg and gives a hash of each picture in the order shown.
func framesOf(t *testing.T, path string) []string {
	t.Helper()
	out, err := exec.Command("ffmpeg", "-v", "error", "-i", path, "-map", "0:v", "-fps_mode", "passthrough", "-f", "framemd5", "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	var sums []string
	for line := range strings.Lines(string(out)) {
		if f := strings.Split(strings.TrimSpace(line), ","); len(f) == 6 && line[0] != '#' {
			sums = append(sums, f[5])
		}
	}
	return sums
}

// TestPartsShowWhatTheSourceShows: two parts, cut at a key unit, decode to the very pictures
// of the source, in its order, none missing and none twice.
func TestPartsShowWhatTheSourceShows(t *testing.T) {
	for _, tc := range []struct{ name, codec, bframes string }{
		{"H.264", "libx264", "0"}, {"H.264 with B-frames", "libx264", "3"}, {"H.265 with B-frames", "libx265", "3"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			args := []string{"-g", "25", "-keyint_min", "25", "-bf", tc.bframes, "-b_strategy", "0", "-sc_threshold", "0"}
			if tc.codec == "libx265" {
				args = []string{"-x265-params", "log-level=none:keyint=25:min-keyint=25:open-gop=0:scenecut=0:bframes=" + tc.bframes}
			}
			units, source := encode(t, tc.codec, args...)
			cut := 0
			for i, au := range units {
				if au.Key && i > 30 && cut == 0 {
					cut = i
				}
			}
			dir := t.TempDir()
			first, second := filepath.Join(dir, "0.mp4"), filepath.Join(dir, "1.mp4")
			a, b := record(t, first, units[:cut]), record(t, second, units[cut:])
			if gap := b.Start.Sub(a.Start.Add(a.Duration)); gap > 50*time.Microsecond || gap < -50*time.Microsecond {
				t.Errorf("the second part begins %v after the end of the first", gap)
			}
			want, got := framesOf(t, source), append(framesOf(t, first), framesOf(t, second)...)
			if len(want) != 100 || strings.Join(want, " ") != strings.Join(got, " ") {
				t.Errorf("%d pictures of the source, %d of the parts, or they differ", len(want), len(got))
			}
		})
	}
}

// TestMediaSignatureSurvives: SEI units, of which camera signatures are made, come back byte
// for byte and in their place, those with start codes and escapes inside too.
func TestMediaSignatureSurvives(t *testing.T) {
	units := fakeUnits(newRand(t), 50, 10, 40*time.Millisecond)
	before := sha256.New()
	for i, au := range units {
		sei := append([]byte{0x06, 5, 32}, bytes.Repeat([]byte{0, 0, 3, byte(i)}, 8)...)
		au.NALs = append([][]byte{{0x09, 0xf0}, sei}, append(au.NALs, []byte{0x06, 0, 0, 1, 0, 0, 0, 1, 0x80})...)
		for _, nal := range au.NALs {
			before.Write(nal)
			before.Write([]byte{'|'})
		}
	}
	path := filepath.Join(t.TempDir(), "clip.mp4")
	record(t, path, units)
	rd := openFile(t, path)
	after := sha256.New()
	for i := range rd.Len() {
		nals, err := rd.Sample(i)
		if err != nil {
			t.Fatal(err)
		}
		for _, nal := range nals {
			after.Write(nal)
			after.Write([]byte{'|'})
		}
	}
	if hexSum(before) != hexSum(after) {
		t.Error("the NAL units' hash changed")
	}
}

// TestReadersShareAReader is for the race detector.
func TestReadersShareAReader(t *testing.T) {
	units := fakeUnits(newRand(t), 100, 10, 40*time.Millisecond)
	path := filepath.Join(t.TempDir(), "clip.mp4")
	record(t, path, units)
	rd := openFile(t, path)
	var wg sync.WaitGroup
	for k := range 4 {
		wg.Go(func() {
			for i := k; i < rd.Len(); i += 2 {
				nals, err := rd.Sample(i)
				if err != nil {
					t.Error(err)
					return
				}
				if err := sameUnit(&streams.AccessUnit{NALs: nals, Key: rd.Samples()[i].Key}, units[i]); err != nil {
					t.Errorf("sample %d: %v", i, err)
				}
			}
		})
	}
	wg.Wait()
}

// TestRecordsReadBack: the decoder configuration records that are written are read again, and
// say what the parameter sets say.
func TestRecordsReadBack(t *testing.T) {
	vps := []byte{0x40, 0x01, 0x0c, 0x01}
	pps265 := []byte{0x44, 0x01, 0xc0}
	for _, tc := range spsCases {
		sps := unhex(t, tc.sps)
		c := &clipTrack{codec: tc.codec, sets: [][]byte{sps, testPPS}}
		if tc.codec == streams.H265 {
			c.sets = [][]byte{vps, sps, pps265}
		}
		var err error
		if c.pic, err = parseSPS(tc.codec, sps); err != nil {
			t.Fatal(err)
		}
		var o builder
		o.entry(c)
		kind := map[streams.Codec]string{streams.H264: "avcC", streams.H265: "hvcC"}[tc.codec]
		entry := &box{kind: c.entryName(), path: c.entryName(), body: o.b[8:], head: 8}
		boxes, err := entry.children(78)
		if err != nil {
			t.Fatal(err)
		}
		record, err := must(entry, boxes, kind)
		if err != nil {
			t.Fatal(err)
		}
		var cfg *config
		if tc.codec == streams.H264 {
			cfg, err = parseAvcC(record)
		} else {
			cfg, err = parseHvcC(record)
		}
		if err != nil || cfg.lengthSize != 4 || len(cfg.sets) != len(c.sets) {
			t.Fatalf("%s: %+v, %v", tc.name, cfg, err)
		}
		for i := range cfg.sets {
			if !bytes.Equal(cfg.sets[i], c.sets[i]) {
				t.Errorf("%s: set %d is % x", tc.name, i, cfg.sets[i])
			}
		}
		if p := cfg.params(); !p.Complete() || codecString(c.entryName(), p.SPS, cfg.general) != c.codecString() {
			t.Errorf("%s: codec %q", tc.name, c.codecString())
		}
		if (find(boxes, "pasp") != nil) != (tc.want.aspectW > 0 || c.pic.aspectW > 0) || (find(boxes, "colr") != nil) != c.pic.hasColour {
			t.Errorf("%s: aspect or colour is missing", tc.name)
		}
	}
}

func TestUnescape(t *testing.T) {
	for _, tc := range []struct{ in, want []byte }{
		{nil, []byte{}},
		{[]byte{1, 0, 0, 3, 1}, []byte{1, 0, 0, 1}},
		{[]byte{0, 0, 3, 0, 0, 3, 3}, []byte{0, 0, 0, 0, 3}},
		{[]byte{0, 3, 0, 3}, []byte{0, 3, 0, 3}},
		{[]byte{0, 0, 3}, []byte{0, 0}},
		{[]byte{0, 0, 0, 3, 1}, []byte{0, 0, 0, 1}},
	} {
		if got := unescape(tc.in, len(tc.in)); !bytes.Equal(got, tc.want) {
			t.Errorf("% x became % x, want % x", tc.in, got, tc.want)
		}
	}
	if got := unescape([]byte{1, 2, 3, 4}, 2); !bytes.Equal(got, []byte{1, 2}) {
		t.Errorf("% x", got)
	}
}

func TestSetKind(t *testing.T) {
	for _, tc := range []struct {
		codec streams.Codec
		nal   []byte
		want  int
	}{
		{streams.H264, nil, -1}, {streams.H264, []byte{0x67}, 1}, {streams.H264, []byte{0x68}, 2}, {streams.H264, []byte{0x65}, -1},
		{streams.H265, []byte{0x40, 1}, 0}, {streams.H265, []byte{0x42, 1}, 1}, {streams.H265, []byte{0x44, 1}, 2}, {streams.H265, []byte{0x26, 1}, -1},
	} {
		if got := setKind(tc.codec, tc.nal); got != tc.want {
			t.Errorf("%v % x is of kind %d, want %d", tc.codec, tc.nal, got, tc.want)
		}
	}
}

// TestHugeUnit: a single coded picture that is larger than a fragment.
func TestHugeUnit(t *testing.T) {
	units := fakeUnits(newRand(t), 4, 2, 40*time.Millisecond)
	units[2].NALs = [][]byte{bytes.Repeat([]byte{0x65, 1, 2, 3}, 1<<20)}
	path := filepath.Join(t.TempDir(), "clip.mp4")
	if s := record(t, path, units); s.Bytes < 4<<20 {
		t.Errorf("%d bytes", s.Bytes)
	}
	sameUnits(t, openFile(t, path), units)
}

// TestLongFilm reads an index of an hour and bounds what that costs.
func TestLongFilm(t *testing.T) {
	f := plainFilm()
	const n = 90000
	unit := f.sample([]byte{0x41})
	f.samples, f.sameSize, f.noStss = make([][]byte, n), true, true
	for i := range f.samples {
		f.samples[i] = unit
	}
	f.stts, f.ctts, f.perChunk = []uint32{n, 40}, nil, 250
	p := f.bytes()
	rd, err := openBytes(p)
	if err != nil {
		t.Fatal(err)
	}
	if rd.Len() != n || rd.Duration() != time.Hour || rd.FPS() != 25 {
		t.Errorf("%d samples, %v, %v pictures/s", rd.Len(), rd.Duration(), rd.FPS())
	}
	allocs := testing.AllocsPerRun(3, func() {
		if _, err := openBytes(p); err != nil {
			t.Error(err)
		}
	})
	if allocs > 200 {
		t.Errorf("%v allocations for an index of %d samples", allocs, n)
	}
}
