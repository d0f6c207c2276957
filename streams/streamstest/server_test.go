package streamstest_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"
	"go.uber.org/goleak"

	"bongsu/streams"
	"bongsu/streams/mp4"
	"bongsu/streams/rtsp"
	"bongsu/streams/streamstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// read gives the indices of the units that a path delivers until its session ends.
func read(t *testing.T, url string, most int) ([]int, []*streams.AccessUnit, error) {
	t.Helper()
	src, err := rtsp.Open(t.Context(), rtsp.Options{Camera: "cam", URL: url, StallAfter: 5 * time.Second})
	if err != nil {
		return nil, nil, err
	}
	defer src.Close()
	var index []int
	var units []*streams.AccessUnit
	for len(index) < most {
		au, err := src.Next(t.Context())
		if err != nil {
			return index, units, err
		}
		index, units = append(index, streamstest.Index(au)), append(units, au)
	}
	return index, units, nil
}

func count(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// TestOnce: a path plays once, and is gone.
func TestOnce(t *testing.T) {
	units := streamstest.Synthetic(streamstest.SyntheticOptions{Units: 20})
	srv := streamstest.Start(t, streamstest.ServerOptions{Paths: []*streamstest.Path{{Name: "once", Units: units, Flat: true}}})
	got, _, err := read(t, srv.URL("once"), 100)
	var e *streams.Error
	if !slices.Equal(got, count(20)) || !errors.As(err, &e) || e.Code != streams.ReasonEnded {
		t.Fatalf("%v %v", got, err)
	}
	streamstest.Eventually(t, "the path is gone", func() bool {
		_, _, err := read(t, srv.URL("once"), 1)
		return errors.As(err, &e) && e.Code == streams.ReasonNotFound
	})
}

// TestAgain: a path that may play again does so from its beginning.
func TestAgain(t *testing.T) {
	units := streamstest.Synthetic(streamstest.SyntheticOptions{Units: 20})
	srv := streamstest.Start(t, streamstest.ServerOptions{Paths: []*streamstest.Path{{Name: "again", Units: units, Flat: true, Again: true}}})
	for range 3 {
		streamstest.Eventually(t, "all units of a round", func() bool {
			got, _, _ := read(t, srv.URL("again"), 100)
			return slices.Equal(got, count(20))
		})
	}
}

// TestLoop: a loop goes on in time.
func TestLoop(t *testing.T) {
	units := streamstest.Synthetic(streamstest.SyntheticOptions{Units: 10})
	srv := streamstest.Start(t, streamstest.ServerOptions{Paths: []*streamstest.Path{{Name: "loop", Units: units, Loop: true, Reports: time.Second}}})
	got, aus, err := read(t, srv.URL("loop"), 35)
	if err != nil || !slices.Equal(got[:21], append(append(count(10), count(10)...), 0)) {
		t.Fatalf("%v %v", got, err)
	}
	for i := 1; i < len(aus); i++ {
		if d := aus[i].PTS - aus[i-1].PTS; (d - 40*time.Millisecond).Abs() > time.Millisecond {
			t.Fatalf("unit %d comes %v after the one before", i, d)
		}
	}
}

// TestRealPace: units leave in real time, on all paths of a group from the same instant.
func TestRealPace(t *testing.T) {
	a := streamstest.Synthetic(streamstest.SyntheticOptions{Units: 25})
	srv := streamstest.Start(t, streamstest.ServerOptions{Paths: []*streamstest.Path{
		{Name: "a", Units: a, Group: "g"}, {Name: "b", Units: a, Group: "g"},
	}})
	first := make(chan []*streams.AccessUnit, 1)
	go func() {
		_, aus, _ := read(t, srv.URL("a"), 100)
		first <- aus
	}()
	streamstest.Eventually(t, "the first reader plays", func() bool { return srv.Sessions("a") == 1 })
	_, b, _ := read(t, srv.URL("b"), 100)
	both := <-first
	if len(both) != 25 || len(b) != 25 {
		t.Fatalf("%d and %d units of 25", len(both), len(b))
	}
	span := b[24].Arrived.Sub(b[0].Arrived)
	if span < 900*time.Millisecond || span > 3*time.Second {
		t.Errorf("a second of pictures took %v", span)
	}
	if d := both[0].Arrived.Sub(b[0].Arrived).Abs(); d > 500*time.Millisecond {
		t.Errorf("the paths of a group began %v apart", d)
	}
}

func TestFilePath(t *testing.T) {
	path := filepath.Join(t.TempDir(), "film.mp4")
	w, err := mp4.Create(path, mp4.WriterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, au := range streamstest.Synthetic(streamstest.SyntheticOptions{Units: 30, BFrames: 2}) {
		c := *au
		c.Run, c.Wall = "r", time.Unix(1e9, 0).Add(c.PTS)
		if err := w.Add(&c); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Close(); err != nil {
		t.Fatal(err)
	}
	p, err := streamstest.FilePath("film", path)
	if err != nil {
		t.Fatal(err)
	}
	p.Flat = true
	srv := streamstest.Start(t, streamstest.ServerOptions{Paths: []*streamstest.Path{p}})
	got, _, err := read(t, srv.URL("film"), 100)
	if !slices.Equal(got, count(30)) {
		t.Fatalf("%v %v", got, err)
	}
	if _, err := streamstest.FilePath("film", path+".absent"); err == nil {
		t.Fatal("a file that is not there can be served")
	}
}

func TestServerOptions(t *testing.T) {
	units := streamstest.Synthetic(streamstest.SyntheticOptions{Units: 1})
	for name, paths := range map[string][]*streamstest.Path{
		"two of one name":   {{Name: "a", Units: units}, {Name: "a", Units: units}},
		"no parameter sets": {{Name: "a"}},
	} {
		if _, err := streamstest.NewServer(streamstest.ServerOptions{Paths: paths}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := streamstest.NewServer(streamstest.ServerOptions{Listen: "256.0.0.1:1"}); err == nil {
		t.Error("an address that is none was accepted")
	}
	srv, err := streamstest.NewServer(streamstest.ServerOptions{Paths: []*streamstest.Path{{Name: "a", Units: units}}})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(srv.URL("a"), "rtsp://127.0.0.1:") {
		t.Error(srv.URL("a"))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := srv.Run(ctx); err != nil {
		t.Fatal(err)
	}
}

// TestSynthetic: the same every time, in both orders, and each unit knows its place.
func TestSynthetic(t *testing.T) {
	for _, codec := range []streams.Codec{streams.H264, streams.H265} {
		for _, b := range []int{0, 1, 2} {
			o := streamstest.SyntheticOptions{Codec: codec, BFrames: b, Units: 53, GOP: 12, Slices: 2}
			units, again := streamstest.Synthetic(o), streamstest.Synthetic(o)
			seen := map[time.Duration]bool{}
			for i, au := range units {
				if streamstest.Index(au) != i || au.PTS < au.DTS || seen[au.PTS] || au.Key != (i%12 == 0) {
					t.Fatalf("%v, %d B pictures: unit %d is %+v", codec, b, i, au)
				}
				seen[au.PTS] = true
				if !slices.EqualFunc(au.NALs, again[i].NALs, func(x, y []byte) bool { return string(x) == string(y) }) {
					t.Fatalf("unit %d differs from run to run", i)
				}
				for _, nal := range au.NALs {
					if streamstest.IsSlice(codec, nal) && strings.Contains(string(nal), "\x00\x00") {
						t.Fatalf("unit %d could be taken for two", i)
					}
				}
			}
		}
	}
	if streamstest.Index(&streams.AccessUnit{Codec: streams.H264, NALs: [][]byte{{0x67, 1}, nil}}) != -1 {
		t.Error("parameter sets have a place")
	}
}

func TestEncode(t *testing.T) {
	for _, codec := range []streams.Codec{streams.H264, streams.H265} {
		units := streamstest.Encode(t, streamstest.EncodeOptions{Codec: codec, Units: 24, GOP: 8, BFrames: 2})
		if len(units) != 24 {
			t.Fatalf("%v: %d units", codec, len(units))
		}
		back := false
		for i, au := range units {
			if au.Params == nil || !au.Params.Complete() || au.DTS > au.PTS || au.Key != (i%8 == 0) {
				t.Fatalf("%v: unit %d: key %v, decoded at %v, shown at %v", codec, i, au.Key, au.DTS, au.PTS)
			}
			back = back || i > 0 && au.PTS < units[i-1].PTS
		}
		if !back {
			t.Errorf("%v: no B pictures", codec)
		}
	}
}

func TestMangling(t *testing.T) {
	play := func(f func(int, *rtp.Packet) []*rtp.Packet) []int {
		var out []int
		for i := range 6 {
			for _, p := range f(i, &rtp.Packet{Header: rtp.Header{SequenceNumber: uint16(i)}}) {
				out = append(out, int(p.SequenceNumber))
			}
		}
		return out
	}
	for name, c := range map[string]struct {
		f    func(int, *rtp.Packet) []*rtp.Packet
		want []int
	}{
		"drop":   {streamstest.Drop(1, 4), []int{0, 2, 3, 5}},
		"double": {streamstest.Double(2), []int{0, 1, 2, 2, 3, 4, 5}},
		"swap":   {streamstest.Swap(1), []int{0, 2, 1, 3, 4, 5}},
	} {
		if got := play(c.f); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestSplitAnnexB(t *testing.T) {
	want := [][]byte{{0x67, 1, 2}, {0x68, 3}, {0x65, 0, 0, 3, 1}}
	got := streamstest.SplitAnnexB(append(streamstest.AnnexB(want), 0, 0))
	if !slices.EqualFunc(got, want, func(x, y []byte) bool { return string(x) == string(y) }) {
		t.Fatalf("% x", got)
	}
}
