package rtsp

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bongsu"
	"bongsu/streams"
	"bongsu/streams/mp4"
	"bongsu/streams/streamstest"
)

// long says that the long form of the fault tests is wanted.
func long() bool { return os.Getenv("BONGSU_LONG") != "" }

func simple(media streamstest.Media, video streamstest.Video) *streamstest.Script {
	return &streamstest.Script{ID: "fault", Title: "fault", Video: video, Media: media}
}

// TestSilentCamera: a camera that goes silent without closing is noticed, and read again soon
// after it returns: R33.
func TestSilentCamera(t *testing.T) {
	t.Parallel()
	stall, rounds := 3*time.Second, 1
	if long() {
		stall, rounds = 8*time.Second, 5
	}
	cam := streamstest.StartCamera(t, simple(streamstest.Media{Speed: 1, Reports: streamstest.Reports{Every: 25}}, streamstest.Video{Units: 5000}), streamstest.CameraOptions{})
	var noticed, back time.Duration
	for range rounds {
		src := open(t, Options{URL: cam.URL(), StallAfter: stall})
		for range 10 {
			if _, err := src.Next(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		resume := cam.Pause()
		quiet := time.Now()
		_, end := drain(t, src)
		noticed = max(noticed, time.Since(quiet))
		if end.Code != streams.ReasonSilent || end.State != bongsu.CameraOffline {
			t.Fatalf("silence ends as %v", end)
		}
		src.Close()
		if _, err := Open(t.Context(), Options{URL: cam.URL(), StallAfter: stall}); err == nil {
			t.Fatal("a camera that says nothing was opened")
		}
		resume()
		returned := time.Now()
		wait := (&Backoff{Rand: rand.Float64}).Next() // the longest that the first attempt may come after the return
		timer := time.NewTimer(wait)
		<-timer.C
		again := open(t, Options{URL: cam.URL(), StallAfter: stall})
		if _, err := again.Next(t.Context()); err != nil {
			t.Fatal(err)
		}
		back = max(back, time.Since(returned))
		again.Close()
		streamstest.Eventually(t, "no session is left", func() bool { return cam.Sessions() == 0 })
	}
	t.Logf("figure R33: silence noticed after %v with a limit of %v, first unit %v after the return", noticed.Round(time.Millisecond), stall, back.Round(time.Millisecond))
}

// TestOneSession: a camera with one session, which ends with TEARDOWN alone, is never asked
// for two, and not stormed when another has it: R34.
func TestOneSession(t *testing.T) {
	s := simple(streamstest.Media{Speed: 1}, streamstest.Video{Units: 5000})
	s.Sessions = streamstest.Sessions{Limit: 1, Linger: true}
	cam := streamstest.StartCamera(t, s, streamstest.CameraOptions{})
	const runs = 10
	for range runs {
		src := open(t, Options{URL: cam.URL()})
		if _, err := src.Next(t.Context()); err != nil {
			t.Fatal(err)
		}
		src.Close()
		streamstest.Eventually(t, "the camera has its session back", func() bool { return cam.Sessions() == 0 })
	}
	holder := open(t, Options{URL: cam.URL()})
	tries := attempts(t, Options{Camera: "gate", URL: cam.URL()}, 10*time.Minute)
	perMinute := map[int]int{}
	for _, at := range tries {
		perMinute[int(at/time.Minute)]++
	}
	for m, n := range perMinute {
		if m == 0 && n > 4 || m > 0 && n > 2 {
			t.Errorf("%d attempts in minute %d", n, m)
		}
	}
	if cam.Most() != 1 {
		t.Errorf("%d sessions at once", cam.Most())
	}
	_, err := Open(t.Context(), Options{Camera: "gate", URL: cam.URL()})
	checkCode(t, err, streams.ReasonBusy, bongsu.CameraBusy)
	holder.Close()
	t.Logf("figure R34: %d sessions one after another, 1 at once at most; %d attempts in the first minute of refusals, %d in ten", runs+1, perMinute[0], len(tries))
}

// TestStampsInClips: whatever the camera stamps, no picture in a file lasts for long, and the
// file plays: R35.
func TestStampsInClips(t *testing.T) {
	var worst time.Duration
	cases := map[string]streamstest.Media{
		"an hour ahead for good":   {Changes: []streamstest.Change{{Do: "stamp", From: 30, Value: 3600 * ticksPerSecond}}},
		"an hour back for good":    {Changes: []streamstest.Change{{Do: "stamp", From: 30, Value: -3600 * ticksPerSecond}}},
		"single ones hours away":   {Changes: []streamstest.Change{{Do: "stamp", At: []int{20, 33, 50}, Value: 7200 * ticksPerSecond}}},
		"there and back":           {Changes: []streamstest.Change{{Do: "stamp", From: 30, To: 45, Value: 3600 * ticksPerSecond}}},
		"across the counter's end": {Start: 1<<32 - 2*ticksPerSecond},
		"each twice":               {Changes: []streamstest.Change{{Do: "stamp", From: 1, Every: 2, Value: -3600}}},
		"back by 100 ms":           {Changes: []streamstest.Change{{Do: "stamp", From: 3, Every: 6, Value: -9000}}},
	}
	for name, m := range cases {
		t.Run(name, func(t *testing.T) {
			m.Speed = 12
			cam := streamstest.StartCamera(t, simple(m, streamstest.Video{Units: 75}), streamstest.CameraOptions{})
			got, _ := drain(t, open(t, Options{URL: cam.URL()}))
			if len(got) != 75 {
				t.Fatalf("%d units of 75", len(got))
			}
			path := film(t, got)
			longest := longestSample(t, path)
			worst = max(worst, longest)
			if longest <= 0 || longest > 250*time.Millisecond { // 40 ms each, and two of them where one is restamped
				t.Errorf("a picture lasts %v", longest)
			}
			probeFile(t, path)
		})
	}
	t.Logf("figure R35: %d kinds of stamps, 0 negative steps, no picture longer than %v at 25 a second, all files play", len(cases), worst.Round(time.Millisecond))
}

// longestSample gives the longest time between two pictures of a file in decoding order.
func longestSample(t *testing.T, path string) time.Duration {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	r, err := mp4.Open(f, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	var longest time.Duration
	samples := r.Samples()
	for i := 1; i < len(samples); i++ {
		d := samples[i].DTS - samples[i-1].DTS
		if d <= 0 {
			t.Fatalf("picture %d is %v after the one before", i, d)
		}
		longest = max(longest, d)
	}
	return longest
}

// probeFile lets ffprobe count the pictures, where it is installed.
func probeFile(t *testing.T, path string) {
	t.Helper()
	probe, err := exec.LookPath("ffprobe")
	if err != nil {
		t.Log("ffprobe is not installed: not played by another implementation")
		return
	}
	out, err := exec.Command(probe, "-v", "error", "-select_streams", "v", "-count_packets", "-show_entries", "stream=nb_read_packets", "-of", "csv=p=0", path).Output()
	if n, _ := strconv.Atoi(strings.Trim(strings.TrimSpace(string(out)), ",")); err != nil || n != 75 {
		t.Errorf("ffprobe: %v, %q", err, out)
	}
}

// TestReports: sender reports that are absent, wrong or stepping move no wall time: R36.
func TestReports(t *testing.T) {
	var mu sync.Mutex
	var worst time.Duration
	cases := []string{"", "none", "years", "zero", "step", "hour", "fraction"}
	t.Run("clocks", func(t *testing.T) {
		for _, clock := range cases {
			t.Run(clock, func(t *testing.T) {
				t.Parallel()
				m := streamstest.Media{Speed: 1, Reports: streamstest.Reports{Every: 4, Clock: clock, From: 2}}
				if clock == "none" {
					m.Reports = streamstest.Reports{}
				}
				cam := streamstest.StartCamera(t, simple(m, streamstest.Video{Units: 25}), streamstest.CameraOptions{})
				got, _ := drain(t, open(t, Options{URL: cam.URL()}))
				if len(got) != 25 {
					t.Fatalf("%d units of 25", len(got))
				}
				for i, au := range got {
					truth := cam.Began().Add(time.Duration(i) * 40 * time.Millisecond)
					d := au.Wall.Sub(truth).Abs()
					mu.Lock()
					worst = max(worst, d)
					mu.Unlock()
					if d > 20*time.Second { // a loaded machine sends late; what these reports say is hours off
						t.Fatalf("unit %d was taken at %v and is dated %v off", i, truth, d)
					}
				}
			})
		}
	})
	t.Logf("figure R36: %d kinds of sender reports, wall time off by %v at most", len(cases), worst.Round(10*time.Microsecond))
}

// TestChangesMidStream: the size and the parameter sets change again and again within one
// session; the codec changes with a new run: R38.
func TestChangesMidStream(t *testing.T) {
	changes := 10
	if long() {
		changes = 100
	}
	small := streamstest.Encode(t, streamstest.EncodeOptions{Width: 320, Height: 240, Units: 10, GOP: 10})
	large := streamstest.Encode(t, streamstest.EncodeOptions{Width: 640, Height: 360, Units: 10, GOP: 10})
	film := small
	for n := range changes {
		film = streamstest.Join(film, [][]*streams.AccessUnit{large, small}[n%2])
	}
	cam := streamstest.StartCamera(t, simple(streamstest.Media{}, streamstest.Video{}), streamstest.CameraOptions{Units: film})
	src := open(t, Options{URL: cam.URL()})
	got, _ := drain(t, src)
	if len(got) != len(film) {
		t.Fatalf("%d units of %d", len(got), len(film))
	}
	stale := 0
	for i, au := range got {
		in := readSPS(au.Codec, au.Params.SPS)
		if want := []int{320, 640}[i/10%2]; in.width != want {
			stale++
		}
		if changed := i > 0 && au.Params != got[i-1].Params; changed != (i > 0 && i%10 == 0) {
			t.Fatalf("unit %d: parameter sets changed: %v", i, changed)
		}
	}
	if n := src.Stats().Quirks[QuirkSizeChange]; stale > 0 || n != uint64(changes) {
		t.Errorf("%d units with parameter sets of another size; %d changes counted of %d", stale, n, changes)
	}
	h265 := streamstest.Encode(t, streamstest.EncodeOptions{Codec: streams.H265, Units: 20, GOP: 10})
	both := streamstest.StartCamera(t, simple(streamstest.Media{Speed: 1}, streamstest.Video{}),
		streamstest.CameraOptions{Units: streamstest.Join(small, h265), Then: h265})
	first := open(t, Options{URL: both.URL()})
	_, end := drain(t, first)
	ended := time.Now()
	first.Close()
	if end.Code != streams.ReasonEnded || first.Stats().Quirks[QuirkCodecChange] != 1 {
		t.Fatalf("the codec changed, and the run ended as %v", end)
	}
	au, err := open(t, Options{URL: both.URL()}).Next(t.Context())
	if err != nil || au.Codec != streams.H265 {
		t.Fatalf("after a change of the codec: %+v, %v", au, err)
	}
	t.Logf("figure R38: %d changes of size within a session, %d units with stale parameter sets; a change of codec ends the run, and the next one reads it %v later", changes, stale, time.Since(ended).Round(time.Millisecond))
}

// TestMalformed plays sessions whose bytes are damaged at random: nothing panics, and every
// run ends or goes on: R39.
func TestMalformed(t *testing.T) {
	runs := 150
	if long() {
		runs = 10000
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	units := streamstest.Synthetic(streamstest.SyntheticOptions{Units: 20, Bytes: 300})
	h265 := streamstest.Synthetic(streamstest.SyntheticOptions{Codec: streams.H265, Units: 20, Slices: 2, Bytes: 300})
	var delivered, opened atomic.Int64
	var workers sync.WaitGroup
	next := atomic.Int64{}
	for range 8 {
		workers.Go(func() {
			for n := next.Add(1); n <= int64(runs); n = next.Add(1) {
				r := rand.New(rand.NewPCG(seed, uint64(n)))
				film := [][]*streams.AccessUnit{units, h265}[n%2]
				got, err := playDamaged(t, film, r)
				if err == nil {
					opened.Add(1)
				}
				delivered.Add(int64(got))
			}
		})
	}
	workers.Wait()
	if delivered.Load() == 0 || opened.Load() == 0 {
		t.Errorf("%d sessions opened, %d units: the damage hides everything", opened.Load(), delivered.Load())
	}
	t.Logf("figure R39: %d damaged sessions, 0 panics, %d opened, %d units read from them", runs, opened.Load(), delivered.Load())
}

// playDamaged reads one session whose bytes are changed.
func playDamaged(t *testing.T, film []*streams.AccessUnit, r *rand.Rand) (units int, err error) {
	damage := r.IntN(40) + 1
	var mu sync.Mutex
	cam := streamstest.StartCamera(t, simple(streamstest.Media{}, streamstest.Video{}), streamstest.CameraOptions{
		Units: film,
		Mangle: func(b []byte) []byte {
			mu.Lock()
			defer mu.Unlock()
			if r.IntN(40) >= damage {
				return b
			}
			return damaged(b, r)
		},
	})
	src, err := Open(t.Context(), Options{URL: cam.URL(), StallAfter: 300 * time.Millisecond})
	if err != nil {
		var e *streams.Error
		if !errors.As(err, &e) || e.Code == "" {
			t.Errorf("no *streams.Error: %v", err)
		}
		return 0, err
	}
	defer src.Close()
	last := time.Duration(-1)
	for {
		au, err := src.Next(t.Context())
		if err != nil {
			return units, nil
		}
		units++
		if au.DTS <= last || au.DTS > au.PTS+5*time.Second || !au.Params.Complete() {
			t.Errorf("unit %d: decoded at %v after %v, shown at %v", au.Seq, au.DTS, last, au.PTS)
		}
		last = au.DTS
	}
}

// damaged changes, cuts, doubles or adds bytes.
func damaged(b []byte, r *rand.Rand) []byte {
	if len(b) == 0 {
		return b
	}
	b = bytes.Clone(b)
	switch r.IntN(5) {
	case 0:
		for range 1 + r.IntN(4) {
			b[r.IntN(len(b))] = byte(r.Uint32())
		}
	case 1:
		return b[:r.IntN(len(b))]
	case 2:
		at := r.IntN(len(b))
		return append(b[:at:at], append([]byte(fmt.Sprintf("\r\n%x", r.Uint64())), b[at:]...)...)
	case 3:
		return append(b, b...)
	case 4:
		b[r.IntN(len(b))] ^= 1 << r.IntN(8)
	}
	return b
}
