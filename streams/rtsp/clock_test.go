package rtsp

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"bongsu/streams"
	"bongsu/streams/streamstest"
)

var t0 = time.Date(2025, 6, 1, 12, 0, 0, 0, time.UTC)

// camera plays a stream into a mapping: pictures taken every 40 ms by a clock that runs off by
// drift, arriving after delay().
type camera struct {
	m     *Mapping
	drift float64 // media seconds a real second, minus 1
	delay func() time.Duration
	prev  time.Time
}

// play gives the error of each wall time against when the picture was really taken.
func (c *camera) play(t *testing.T, from, length time.Duration) []time.Duration {
	t.Helper()
	var out []time.Duration
	for at := from; at < from+length; at += 40 * time.Millisecond {
		pts := time.Duration(float64(at) * (1 + c.drift))
		taken := t0.Add(at)
		arrived := taken.Add(c.delay())
		wall := c.m.Observe(pts, arrived)
		if wall.After(arrived) {
			t.Fatalf("at %v: the wall time is %v after the arrival", at, wall.Sub(arrived))
		}
		if wall.Before(c.prev) {
			t.Fatalf("at %v: the wall time goes back by %v", at, c.prev.Sub(wall))
		}
		c.prev = wall
		out = append(out, wall.Sub(taken))
	}
	return out
}

func within(t *testing.T, what string, errs []time.Duration, low, high time.Duration) {
	t.Helper()
	lo, hi := time.Duration(math.MaxInt64), time.Duration(math.MinInt64)
	for _, e := range errs {
		lo, hi = min(lo, e), max(hi, e)
	}
	t.Logf("%s: %v to %v", what, lo, hi)
	if lo < low || hi > high {
		t.Errorf("%s: errors from %v to %v, allowed are %v to %v", what, lo, hi, low, high)
	}
}

// jitter is a network: at least 5 ms, mostly little more, now and then much.
func jitter(rnd *rand.Rand) func() time.Duration {
	return func() time.Duration {
		d := 5*time.Millisecond + time.Duration(rnd.ExpFloat64()*float64(10*time.Millisecond))
		if rnd.IntN(50) == 0 {
			d += time.Duration(rnd.IntN(300)) * time.Millisecond
		}
		return d
	}
}

func TestClockFollowsDrift(t *testing.T) {
	const seed = 7
	t.Logf("seed %d", seed)
	for _, drift := range []float64{0, 50e-6, -50e-6, 200e-6, -200e-6, 400e-6, -400e-6} {
		rnd := rand.New(rand.NewPCG(seed, 0))
		c := &camera{m: NewClock().Attach(), drift: drift, delay: jitter(rnd)}
		c.play(t, 0, 20*time.Second)
		within(t, time.Duration(drift*float64(time.Second)).String()+" a second", c.play(t, 20*time.Second, time.Hour), 0, 30*time.Millisecond)
	}
}

// TestClockStampsRunOff: stamps that run 10 % fast or slow (Q18) keep their wall times near.
func TestClockStampsRunOff(t *testing.T) {
	for _, drift := range []float64{0.1, -0.1} {
		c := &camera{m: NewClock().Attach(), drift: drift, delay: func() time.Duration { return 5 * time.Millisecond }}
		within(t, "10 % off", c.play(t, 0, 5*time.Minute), -2*time.Second, 10*time.Millisecond)
	}
}

// TestClockBurst: a camera that begins with its buffered GOP does not stay two seconds late.
func TestClockBurst(t *testing.T) {
	m := NewClock().Attach()
	arrived := t0
	for pts := time.Duration(0); pts < 2*time.Second; pts += 40 * time.Millisecond {
		arrived = arrived.Add(100 * time.Microsecond)
		if w := m.Observe(pts, arrived); w.After(arrived) {
			t.Fatalf("the wall time is %v after the arrival", w.Sub(arrived))
		}
	}
	// Now live: the picture at 2 s is taken as it is sent.
	for pts := 2 * time.Second; pts < 4*time.Second; pts += 40 * time.Millisecond {
		at := arrived.Add(pts - 2*time.Second)
		if d := m.Observe(pts, at).Sub(at); d.Abs() > 10*time.Millisecond {
			t.Fatalf("%v after the burst the wall time is off by %v", pts-2*time.Second, d)
		}
	}
}

// TestClockDelayGrows: a path that becomes 200 ms longer is followed by at most 500 ppm.
func TestClockDelayGrows(t *testing.T) {
	delay := 5 * time.Millisecond
	c := &camera{m: NewClock().Attach(), delay: func() time.Duration { return delay }}
	c.play(t, 0, 20*time.Second)
	delay = 205 * time.Millisecond
	errs := c.play(t, 20*time.Second, 60*time.Second)
	if last := errs[len(errs)-1]; last > 5*time.Millisecond+30*time.Millisecond {
		t.Errorf("in 60 s the mapping moved to %v", last)
	}
}

// TestClockShared: the main stream comes 300 ms later than the sub-stream. With sender reports
// the same instant gets the same wall time within a picture, and keeps it.
func TestClockShared(t *testing.T) {
	for name, c := range map[string]struct {
		reports [2]bool
		late    time.Duration
		same    time.Duration
	}{
		"reports from both":         {[2]bool{true, true}, 300 * time.Millisecond, 2 * time.Millisecond},
		"no reports, equal delays":  {[2]bool{false, false}, 0, 2 * time.Millisecond},
		"no reports, unequal delay": {[2]bool{false, false}, 300 * time.Millisecond, 302 * time.Millisecond},
		"reports from one":          {[2]bool{true, false}, 0, 2 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			clock := NewClock()
			m, sub := clock.Attach(), clock.Attach()
			ahead := 17 * time.Hour // the camera's clock is wrong, and that is no matter
			var apart time.Duration
			for at := time.Duration(0); at < 60*time.Second; at += 40 * time.Millisecond {
				ptsM, ptsS := at+time.Second, at+3*time.Second // each run began elsewhere
				wm := m.Observe(ptsM, t0.Add(at+c.late+10*time.Millisecond))
				ws := sub.Observe(ptsS, t0.Add(at+10*time.Millisecond))
				if at%(5*time.Second) == 0 {
					if c.reports[0] {
						m.Report(ptsM, t0.Add(at+ahead))
					}
					if c.reports[1] {
						sub.Report(ptsS, t0.Add(at+ahead))
					}
				}
				if at > 10*time.Second {
					apart = max(apart, wm.Sub(ws).Abs())
				}
			}
			if apart > c.same {
				t.Errorf("the same instant is up to %v apart", apart)
			}
			if c.reports[1] {
				if got := sub.Claim(3 * time.Second); got.Sub(t0.Add(ahead)).Abs() > time.Millisecond {
					t.Errorf("the camera's claim for the first picture is %v", got)
				}
			}
			m.Detach()
			sub.Detach()
			if len(clock.streams) != 0 {
				t.Error("streams stay attached")
			}
		})
	}
}

// TestClaims: reports that contradict each other are no claim, and never move the wall time.
func TestClaims(t *testing.T) {
	clock := NewClock()
	m, other := clock.Attach(), clock.Attach()
	if m.Report(0, t0) {
		t.Fatal("a report before the first picture was believed")
	}
	m.Observe(0, t0)
	other.Observe(0, t0)
	for i, ntp := range []time.Duration{0, time.Hour, -400 * 24 * time.Hour, 30 * time.Second} {
		if m.Report(0, t0.Add(ntp)) || !m.Claim(0).IsZero() {
			t.Fatalf("report %d was believed", i)
		}
	}
	other.Report(0, t0)
	other.Report(0, t0)
	m.Report(0, t0.Add(30*time.Second+50*time.Millisecond))
	if got := m.Claim(time.Second); !got.Equal(t0.Add(31*time.Second + 50*time.Millisecond)) {
		t.Fatalf("claim %v", got)
	}
	// The streams now claim 30 s apart: that cannot be, so the arrival counts.
	if w := m.Observe(40*time.Millisecond, t0.Add(40*time.Millisecond)); !w.Equal(t0.Add(40 * time.Millisecond)) {
		t.Fatalf("wall time %v", w.Sub(t0))
	}
	m.Forget()
	if !m.Claim(0).IsZero() {
		t.Fatal("a forgotten claim stands")
	}
}

func TestNTPTime(t *testing.T) {
	for _, want := range []time.Time{
		time.Unix(0, 0), time.Date(2025, 6, 1, 12, 0, 0, 250e6, time.UTC), time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		v := uint64(want.Unix()+2208988800)<<32 | uint64(want.Nanosecond())<<32/1e9
		if got := ntpTime(v); got.Sub(want).Abs() > time.Microsecond {
			t.Errorf("%v was read as %v", want, got)
		}
	}
}

// TestSharedClockOverRTSP is the promise of the detection sub-stream: two sessions with one
// camera, the main stream 150 ms later than the other, and the same picture of both within
// one picture interval of each other.
func TestSharedClockOverRTSP(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes 6 s")
	}
	const interval = 40 * time.Millisecond
	ahead := 90 * time.Minute
	main := streamstest.Synthetic(streamstest.SyntheticOptions{Units: 150, Bytes: 5000})
	sub := streamstest.Synthetic(streamstest.SyntheticOptions{Units: 150, Codec: streams.H265})
	srv := streamstest.Start(t, streamstest.ServerOptions{Paths: []*streamstest.Path{
		{Name: "main", Units: main, Group: "camera", Reports: time.Second, CameraAhead: ahead, Delay: 150 * time.Millisecond, RTPStart: 12345},
		{Name: "sub", Units: sub, Group: "camera", Reports: time.Second, CameraAhead: ahead, RTPStart: 1<<32 - 100},
	}})
	clock := NewClock()
	walls := make(chan map[int]*streams.AccessUnit, 2)
	for _, name := range []string{"main", "sub"} {
		src := open(t, Options{URL: srv.URL(name), Clock: clock})
		go func() {
			got := map[int]*streams.AccessUnit{}
			for {
				au, err := src.Next(t.Context())
				if err != nil {
					walls <- got
					return
				}
				got[streamstest.Index(au)] = au
			}
		}()
	}
	a, b := <-walls, <-walls
	if len(a) != 150 || len(b) != 150 {
		t.Fatalf("%d and %d units of 150", len(a), len(b))
	}
	var worst, worstClaim time.Duration
	for i := 60; i < 150; i++ { // both have sent two reports, and the mapping has moved
		worst = max(worst, a[i].Wall.Sub(b[i].Wall).Abs())
		worstClaim = max(worstClaim, a[i].CameraClock.Sub(b[i].CameraClock).Abs(),
			(a[i].CameraClock.Sub(a[i].Wall) - ahead).Abs())
	}
	t.Logf("the same picture is at most %v apart on the shared clock; claims are off by at most %v", worst, worstClaim)
	if worst > interval {
		t.Errorf("the same picture is %v apart, a picture lasts %v", worst, interval)
	}
	if worstClaim > interval {
		t.Errorf("the camera's claim is off by %v", worstClaim)
	}
}
