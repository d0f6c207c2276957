package mp4

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"bongsu/streams"
)

// liveFilm makes what a browser would get of units: the segments one after the other.
func liveFilm(t testing.TB, l *Live, units []*streams.AccessUnit) (film []byte, inits int, last LiveInfo) {
	t.Helper()
	for i, au := range units {
		out, info, fresh, err := l.Init(film, au)
		if err != nil {
			t.Fatalf("unit %d: %v", i, err)
		}
		if fresh {
			inits, last = inits+1, info
		}
		film = out
		before := len(film)
		film = l.Fragment(film, au)
		if got := len(film) - before; got != FragmentBytes(au) {
			t.Fatalf("unit %d: a fragment of %d bytes, FragmentBytes says %d", i, got, FragmentBytes(au))
		}
	}
	return film, inits, last
}

// laid is where a fragment puts its unit, in ticks.
type laid struct {
	number                 uint32
	begin, lasts, cts, len int64
	key                    bool
	nals                   [][]byte
}

// readFragments reads the fragments of a film back, by the file reader's own tools.
func readFragments(t testing.TB, film []byte) (out []laid) {
	t.Helper()
	root := box{kind: "file", body: film}
	boxes, err := root.children(0)
	if err != nil {
		t.Fatal(err)
	}
	for i := range boxes {
		if boxes[i].kind != "moof" {
			continue
		}
		traf, err := boxes[i].descend("traf")
		if err != nil {
			t.Fatal(err)
		}
		inner, err := traf.children(0)
		if err != nil {
			t.Fatal(err)
		}
		mfhd, err := boxes[i].descend("mfhd")
		if err != nil {
			t.Fatal(err)
		}
		c := newCursor(mfhd)
		c.full()
		f := laid{number: c.u32()}
		c = newCursor(find(inner, "tfdt"))
		v, _ := c.full()
		f.begin = int64(c.word(v))
		c = newCursor(find(inner, "trun"))
		c.full()
		if n, off := c.u32(), c.u32(); n != 1 || int(off) != len(boxes[i].body)+8+8 {
			t.Fatalf("fragment %d: %d samples at offset %d of a moof of %d", f.number, n, off, len(boxes[i].body)+8)
		}
		f.lasts, f.len = int64(c.u32()), int64(c.u32())
		f.key = c.u32() == flagsKey
		f.cts = int64(c.u32())
		mdat := boxes[i+1]
		if c.err != nil || len(c.p) > 0 || mdat.kind != "mdat" || int64(len(mdat.body)) != f.len {
			t.Fatalf("fragment %d: %v, %d bytes left, then %q of %d bytes for %d", f.number, c.err, len(c.p), mdat.kind, len(mdat.body), f.len)
		}
		if f.nals, err = splitNALs(mdat.body, 4); err != nil {
			t.Fatal(err)
		}
		out = append(out, f)
	}
	return out
}

// TestLiveGolden compares the bytes of a short live film's boxes with what is committed.
func TestLiveGolden(t *testing.T) {
	units := fakeUnits(rand.New(rand.NewPCG(7, 7)), 4, 3, 100*time.Millisecond)
	units[1].PTS += 100 * time.Millisecond
	film, _, _ := liveFilm(t, &Live{}, units)
	golden := filepath.Join("testdata", "live.txt")
	got := outline(t, film)
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want := string(readAll(t, golden)); got != want {
		t.Errorf("live film is now\n%s\nand was\n%s", got, want)
	}
}

// TestLiveFfprobe holds times and pictures against what ffmpeg makes of them, B pictures too.
func TestLiveFfprobe(t *testing.T) {
	for _, tc := range []struct{ name, codec, want string }{
		{"no B pictures", "libx264 -g 25 -bf 0", "avc1.42c00d"},
		{"B pictures", "libx264 -g 25 -bf 3 -b_strategy 0", "avc1.4d400d"},
		{"H.265", "libx265 -g 25 -x265-params log-level=none", "hvc1.1.6.L60.90"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			words := bytes.Fields([]byte(tc.codec))
			var args []string
			for _, w := range words[1:] {
				args = append(args, string(w))
			}
			units, _ := encode(t, string(words[0]), args...)
			l := &Live{}
			l.Hint(40 * time.Millisecond)
			film, inits, info := liveFilm(t, l, units)
			if inits != 1 || info.String != tc.want || info.Width != 320 || info.Height != 240 || info.FPS != 25 {
				t.Errorf("%d init segments, %+v", inits, info)
			}
			path := filepath.Join(t.TempDir(), "live.mp4")
			if err := os.WriteFile(path, film, 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command("ffprobe", "-v", "error", "-show_entries", "frame=pts_time,pict_type", "-select_streams", "v", "-of", "json", path).CombinedOutput()
			var said struct {
				Frames []struct {
					PTS string `json:"pts_time"`
				}
			}
			if err != nil || json.Unmarshal(out, &said) != nil || len(said.Frames) != len(units) {
				t.Fatalf("ffprobe: %v, %d frames of %d units\n%.500s", err, len(said.Frames), len(units), out)
			}
			first, _ := strconv.ParseFloat(said.Frames[0].PTS, 64)
			for i, f := range said.Frames {
				if at, _ := strconv.ParseFloat(f.PTS, 64); at-first < 0.04*float64(i)-0.0011 || at-first > 0.04*float64(i)+0.0011 {
					t.Fatalf("picture %d is shown %.4f s after the first, want %.4f", i, at-first, 0.04*float64(i))
				}
			}
		})
	}
}

// TestLiveTimes: whatever the stamps, decoding times follow each other without a hole and never
// go back; with good stamps every picture is shown at its own time.
func TestLiveTimes(t *testing.T) {
	rnd := newRand(t)
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	for name, change := range map[string]func(i int, au *streams.AccessUnit){
		"steady":   func(int, *streams.AccessUnit) {},
		"uneven":   func(i int, au *streams.AccessUnit) { au.DTS += ms(rnd.IntN(60)); au.PTS = au.DTS + ms(rnd.IntN(200)) },
		"gap":      func(i int, au *streams.AccessUnit) { skew(au, i >= 20, 90*time.Second) },
		"backward": func(i int, au *streams.AccessUnit) { skew(au, i >= 20, -time.Hour) },
		"frozen":   func(i int, au *streams.AccessUnit) { skew(au, i >= 20 && i < 25, -ms((i-19)*100)) },
		"new run": func(i int, au *streams.AccessUnit) {
			if i >= 20 {
				au.Run = "other"
				skew(au, true, -ms(2000))
			}
		},
		"wild": func(i int, au *streams.AccessUnit) {
			au.DTS, au.PTS = time.Duration(rnd.Int64()), time.Duration(rnd.Int64()-1<<62)
		},
	} {
		t.Run(name, func(t *testing.T) {
			units := fakeUnits(rnd, 60, 10, ms(100))
			for i, au := range units {
				change(i, au)
			}
			film, inits, _ := liveFilm(t, &Live{}, units)
			if inits != 1 {
				t.Errorf("%d init segments", inits)
			}
			got := readFragments(t, film)
			if len(got) != len(units) {
				t.Fatalf("%d fragments of %d units", len(got), len(units))
			}
			for i, f := range got {
				if f.number != uint32(i+1) || f.lasts < 1 || f.lasts > maxLiveStep || f.cts < 0 || f.cts > maxReorder {
					t.Fatalf("fragment %d: %+v", i, f)
				}
				if i > 0 && f.begin != got[i-1].begin+got[i-1].lasts {
					t.Fatalf("fragment %d begins at %d, the one before ends at %d", i, f.begin, got[i-1].begin+got[i-1].lasts)
				}
				if err := sameUnit(&streams.AccessUnit{NALs: f.nals, Key: f.key}, units[i]); err != nil {
					t.Fatalf("fragment %d: %v", i, err)
				}
				if name == "steady" || name == "uneven" {
					shown := f.begin + f.cts - got[0].begin - got[0].cts
					if want := toTicks(units[i].PTS - units[0].PTS); shown < want-1 || shown > want+1 {
						t.Fatalf("picture %d is shown %d ticks after the first, want %d", i, shown, want)
					}
				}
			}
			if name != "wild" && got[59].begin-got[0].begin > toTicks(12*time.Second) {
				t.Errorf("six seconds last %d ticks", got[59].begin-got[0].begin)
			}
		})
	}
}

func skew(au *streams.AccessUnit, on bool, by time.Duration) {
	if on {
		au.DTS, au.PTS = au.DTS+by, au.PTS+by
	}
}

// TestLiveTimeLinesFollow: a time line that begins later does not begin before the former ended.
func TestLiveTimeLinesFollow(t *testing.T) {
	units := fakeUnits(newRand(t), 20, 10, 100*time.Millisecond)
	first, _, _ := liveFilm(t, &Live{}, units[:10])
	second, _, _ := liveFilm(t, &Live{}, units[10:])
	a, b := readFragments(t, first), readFragments(t, second)
	if end := a[9].begin + a[9].lasts; b[0].begin < end-defaultStep*3 || b[0].begin > end+defaultStep*3 {
		t.Errorf("the second begins at %d, the first ended at %d", b[0].begin, end)
	}
}

func TestLiveFormatChange(t *testing.T) {
	units := fakeUnits(newRand(t), 30, 10, 100*time.Millisecond)
	other := &streams.Params{Codec: streams.H264, SPS: append(bytes.Clone(testSPS), 0), PPS: testPPS}
	same := *units[0].Params
	for i, au := range units {
		switch {
		case i >= 20:
			au.Params = other
		case i >= 10:
			au.Params = &same // told again
		}
	}
	if _, inits, _ := liveFilm(t, &Live{}, units); inits != 2 {
		t.Errorf("%d init segments, want 2", inits)
	}
	l := &Live{}
	liveFilm(t, l, units[:10])
	late := *units[21]
	if _, _, _, err := l.Init(nil, &late); !errors.Is(err, ErrNotKey) {
		t.Errorf("new parameter sets without a key unit: %v", err)
	}
	if _, _, _, err := (&Live{}).Init(nil, units[1]); !errors.Is(err, ErrNotKey) {
		t.Errorf("first unit no key unit: %v", err)
	}
	bare := *units[0]
	for _, p := range []*streams.Params{nil, {Codec: streams.H264}, {Codec: streams.H265, VPS: []byte{1}, SPS: testSPS, PPS: testPPS}, {Codec: streams.H264, SPS: []byte{1}, PPS: []byte{2}}} {
		bare.Params = p
		if _, _, _, err := (&Live{}).Init(nil, &bare); !errors.Is(err, ErrNoParams) {
			t.Errorf("parameter sets %+v: %v", p, err)
		}
	}
}

// TestShown: where a picture of a unit is said to stand on the time line is where its fragment shows it.
func TestShown(t *testing.T) {
	l := &Live{}
	if _, ok := l.Shown("run", 0); ok {
		t.Error("a picture stands on a time line without a unit")
	}
	for i, au := range fakeUnits(newRand(t), 50, 10, 40*time.Millisecond) {
		au.Run = "run"
		begin, _, cts := l.place(au)
		want := time.Duration(float64(begin+cts) / timescale * float64(time.Second))
		if at, ok := l.Shown("run", au.PTS); !ok || (at-want).Abs() > time.Microsecond {
			t.Errorf("unit %d: %v, want %v", i, at, want)
		}
		if _, ok := l.Shown("other", au.PTS); ok {
			t.Error("a picture of another run stands on it too")
		}
	}
}

// TestLiveAllocates: in steady state nothing, when the caller's buffer has room.
func TestLiveAllocates(t *testing.T) {
	units := fakeUnits(newRand(t), 100, 10, 40*time.Millisecond)
	l := &Live{}
	buf, _, _ := liveFilm(t, l, units)
	i := 0
	n := testing.AllocsPerRun(500, func() {
		au := units[i%len(units)]
		i++
		if _, _, _, err := l.Init(buf[:0], au); err != nil {
			t.Fatal(err)
		}
		buf = l.Fragment(buf[:0], au)
	})
	if n != 0 {
		t.Errorf("%v allocations a unit", n)
	}
}

// FuzzLive feeds units with any stamps and bytes: nothing panics, and what comes out can be read
// back, byte for byte.
func FuzzLive(f *testing.F) {
	f.Add([]byte{0x65, 1, 2, 3}, int64(0), int64(0), testSPS, true)
	f.Add([]byte{}, int64(-1), int64(1<<62), []byte{}, false)
	f.Add([]byte{0x67, 0x4d}, int64(time.Hour), int64(-time.Hour), []byte{0x67}, true)
	f.Add([]byte{0x68, 0xff}, int64(5), int64(1<<63-1), []byte{0x67, 0xff, 0xff, 0xff}, true)
	f.Fuzz(func(t *testing.T, nal []byte, dts, pts int64, sps []byte, h265 bool) {
		params := &streams.Params{Codec: streams.H264, SPS: sps, PPS: testPPS}
		if h265 {
			params = &streams.Params{Codec: streams.H265, VPS: []byte{0x40, 1}, SPS: append([]byte{0x42}, sps...), PPS: []byte{0x44, 1}}
		}
		l, film := &Live{}, []byte(nil)
		for i, key := range []bool{true, false, true} {
			au := &streams.AccessUnit{Codec: params.Codec, Params: params, NALs: [][]byte{nal, {0x41}}, Key: key,
				DTS: time.Duration(dts) * time.Duration(i), PTS: time.Duration(pts), Wall: time.Unix(0, pts)}
			out, _, _, err := l.Init(film, au)
			if err != nil {
				return
			}
			film = l.Fragment(out, au)
		}
		got := readFragments(t, film)
		if len(got) != 3 || len(nal) > 0 && !bytes.Equal(got[1].nals[0], nal) {
			t.Fatalf("%d fragments, %x", len(got), film)
		}
	})
}
