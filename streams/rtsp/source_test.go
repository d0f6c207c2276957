package rtsp

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"
	"go.uber.org/goleak"

	"bongsu"
	"bongsu/streams"
	"bongsu/streams/streamstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func serve(t testing.TB, p *streamstest.Path) *streamstest.Server {
	t.Helper()
	if p.Name == "" {
		p.Name = "cam"
	}
	return streamstest.Start(t, streamstest.ServerOptions{Paths: []*streamstest.Path{p}})
}

func open(t testing.TB, o Options) *Source {
	t.Helper()
	if o.Camera == "" {
		o.Camera = "gate"
	}
	src, err := Open(t.Context(), o)
	if err != nil {
		t.Fatalf("%v (%v)", err, errors.Unwrap(errors.Unwrap(err)))
	}
	t.Cleanup(func() { src.Close() })
	return src
}

// drain reads to the end.
func drain(t testing.TB, src *Source) ([]*streams.AccessUnit, *streams.Error) {
	t.Helper()
	var got []*streams.AccessUnit
	for {
		au, err := src.Next(t.Context())
		if err != nil {
			var e *streams.Error
			if !errors.As(err, &e) {
				t.Fatalf("the end is no *streams.Error: %v", err)
			}
			return got, e
		}
		got = append(got, au)
	}
}

func TestSourceSuite(t *testing.T) {
	streamstest.SourceSuite{
		Flat: func(t *testing.T, units []*streams.AccessUnit) streams.Source {
			return open(t, Options{URL: serve(t, &streamstest.Path{Units: units, Flat: true}).URL("cam")})
		},
		Slow: func(t *testing.T, units []*streams.AccessUnit) streams.Source {
			return open(t, Options{URL: serve(t, &streamstest.Path{Units: units, Hold: true}).URL("cam"), StallAfter: time.Hour})
		},
	}.Run(t)
}

func TestParameterSetsFromWherever(t *testing.T) {
	for _, codec := range []streams.Codec{streams.H264, streams.H265} {
		for name, p := range map[string]*streamstest.Path{
			"in SDP only":      {NoBand: true},
			"in band only":     {NoSDP: true},
			"in SDP and band":  {},
			"beside audio":     {Audio: true},
			"wrap of RTP time": {RTPStart: 1<<32 - 90000},
		} {
			t.Run(codec.String()+" "+name, func(t *testing.T) {
				want := streamstest.Synthetic(streamstest.SyntheticOptions{Codec: codec})
				p := *p
				p.Units, p.Flat = want, true
				srv := serve(t, &p)
				got, end := drain(t, open(t, Options{URL: srv.URL("cam")}))
				if len(got) != len(want) || end.Code != streams.ReasonEnded {
					t.Fatalf("%d units of %d, then %v", len(got), len(want), end)
				}
				if string(got[0].Params.SPS) != string(want[0].Params.SPS) {
					t.Fatal("another SPS than was sent")
				}
				for i := 1; i < len(got); i++ {
					if step := got[i].PTS - got[i-1].PTS; (step - 40*time.Millisecond).Abs() > time.Millisecond {
						t.Fatalf("unit %d comes %v after the one before", i, step)
					}
				}
				if n := setups(srv); n != 1 {
					t.Fatalf("%d tracks were set up, not the video alone", n)
				}
			})
		}
	}
}

func setups(srv *streamstest.Server) int {
	n := 0
	for _, r := range srv.Requests() {
		if r.Method == "SETUP" {
			n++
		}
	}
	return n
}

func TestParamsChangeInBand(t *testing.T) {
	a := streamstest.Synthetic(streamstest.SyntheticOptions{Units: 10})
	b := streamstest.Synthetic(streamstest.SyntheticOptions{Units: 10})
	for i, au := range b {
		au.PTS += a[9].PTS + 40*time.Millisecond
		au.DTS = au.PTS
		if i == 0 {
			other := streamstest.SyntheticParams(streams.H264, 2)
			au.NALs = append(streamstest.ParamNALs(other), au.NALs[2:]...)
		}
	}
	got, _ := drain(t, open(t, Options{URL: serve(t, &streamstest.Path{Units: append(a, b...), Flat: true}).URL("cam")}))
	if len(got) != 20 {
		t.Fatalf("%d units", len(got))
	}
	for i := 1; i < 20; i++ {
		if changed := got[i].Params != got[i-1].Params; changed != (i == 10) {
			t.Fatalf("unit %d: parameter sets changed: %v", i, changed)
		}
	}
}

// TestLoss drops, doubles and swaps packets. Each picture of the stream is three packets or
// more; what is marked must be exactly what is incomplete or follows a gap.
func TestLoss(t *testing.T) {
	units := streamstest.Synthetic(streamstest.SyntheticOptions{Bytes: 3000})
	// Unit 0: SPS and PPS in one packet, then a key slice in 7; the others 3 packets each.
	unit := func(n int) int { return 8 + 3*(n-1) }
	for name, c := range map[string]struct {
		mangle func(int, *rtp.Packet) []*rtp.Packet
		lost   []int // indices of units that must be marked
		absent []int // indices of units that cannot be there
	}{
		"nothing":               {},
		"first packet":          {streamstest.Drop(unit(5)), []int{6}, []int{5}},
		"middle packet":         {streamstest.Drop(unit(5) + 1), []int{6}, []int{5}},
		"last packet":           {streamstest.Drop(unit(5) + 2), []int{6}, []int{5}},
		"whole unit":            {streamstest.Drop(unit(5), unit(5)+1, unit(5)+2), []int{6}, []int{5}},
		"end and next begin":    {streamstest.Drop(unit(5)+2, unit(6)), []int{7}, []int{5, 6}},
		"doubled packets":       {streamstest.Double(3, unit(4), unit(5)+1, unit(6)+2), nil, nil},
		"swapped within a unit": {streamstest.Swap(unit(5)), []int{6}, []int{5}},
	} {
		t.Run(name, func(t *testing.T) {
			src := open(t, Options{URL: serve(t, &streamstest.Path{Units: units, Flat: true, Mangle: c.mangle}).URL("cam")})
			got, _ := drain(t, src)
			if want := len(units) - len(c.absent); len(got) != want {
				t.Fatalf("%d units were delivered, not %d: %+v", len(got), want, src.Stats())
			}
			for _, au := range got {
				i := streamstest.Index(au)
				if contains(c.absent, i) {
					t.Errorf("unit %d was delivered", i)
				}
				if au.Lost != contains(c.lost, i) {
					t.Errorf("unit %d: Lost is %v", i, au.Lost)
				}
			}
		})
	}
}

func contains(list []int, v int) bool {
	for _, x := range list {
		if x == v {
			return true
		}
	}
	return false
}

// TestSlowConsumer: what Next takes too late is dropped and counted, the number of units
// shows the gap, and the next unit is marked.
func TestSlowConsumer(t *testing.T) {
	const n = queueUnits + 200
	units := streamstest.Synthetic(streamstest.SyntheticOptions{Units: n, Bytes: 40})
	src := open(t, Options{URL: serve(t, &streamstest.Path{Units: units, Flat: true}).URL("cam")})
	streamstest.Eventually(t, "all units assembled", func() bool { return src.Stats().Units == n })
	got, _ := drain(t, src)
	st := src.Stats()
	if uint64(len(got))+st.Dropped != n || st.Dropped != 200 {
		t.Fatalf("%d delivered and %d dropped of %d", len(got), st.Dropped, n)
	}
	for i, au := range got {
		if au.Seq != uint64(i) {
			t.Fatalf("unit %d has number %d before anything was dropped", i, au.Seq)
		}
	}
}

func TestUnitAfterDroppedIsLost(t *testing.T) {
	q := newUnitQueue()
	begin := time.Now()
	if !q.push(&streams.AccessUnit{Arrived: begin}) || !q.push(&streams.AccessUnit{Arrived: begin.Add(queueAge)}) {
		t.Fatal("a queue with room refused a unit")
	}
	if q.push(&streams.AccessUnit{Arrived: begin.Add(queueAge + time.Millisecond)}) {
		t.Fatal("a unit was taken while one waits that is older than the queue may be")
	}
	if one, two := q.pop(), q.pop(); one == nil || two == nil || q.pop() != nil || q.bytes != 0 {
		t.Fatal("the queue did not give what it took")
	}
	s := &Source{o: Options{}.withDefaults(), queue: newUnitQueue(), offer: &offer{codec: streams.H264}, sets: newParamSets(streams.H264)}
	s.line.count = &s.stats
	s.mapping = s.o.Clock.Attach()
	for i, au := range streamstest.Synthetic(streamstest.SyntheticOptions{Units: 3}) {
		at := begin.Add(time.Duration(i) * 40 * time.Millisecond)
		if i == 1 { // nobody took the first unit for long
			at = begin.Add(queueAge + time.Second)
		}
		s.unit(&rawUnit{nals: au.NALs, key: au.Key, rtp: uint32(au.PTS * 9 / 100000), arrived: at})
		if i == 1 {
			s.queue.pop()
		}
	}
	au := s.queue.pop()
	if au == nil || au.Seq != 2 || !au.Lost || s.stats.Dropped != 1 {
		t.Fatalf("after a dropped unit came %+v, %+v", au, s.stats)
	}
}

func TestSilence(t *testing.T) {
	t.Parallel()
	units := streamstest.Synthetic(streamstest.SyntheticOptions{Units: 5})
	late := streamstest.Synthetic(streamstest.SyntheticOptions{Units: 80, GOP: 90})[1:]
	for name, c := range map[string]struct {
		path *streamstest.Path
		o    Options
		code string
		says string
		min  int
	}{
		"from the beginning": {&streamstest.Path{Params: units[0].Params, Units: nil, Hold: true}, Options{}, streams.ReasonSilent, "sent no picture", 0},
		"after some units":   {&streamstest.Path{Units: units, Hold: true}, Options{}, streams.ReasonSilent, "stopped sending", 5},
		"no parameter sets":  {&streamstest.Path{Units: units, Hold: true, NoSDP: true, NoBand: true}, Options{}, streams.ReasonNoParameters, "parameter sets", 0},
		"no key picture":     {&streamstest.Path{Units: late, Hold: true}, Options{KeyAfter: 3200 * time.Millisecond}, streams.ReasonSilent, "key frame interval", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := c.o
			o.URL, o.StallAfter = serve(t, c.path).URL("cam"), 3*time.Second
			src := open(t, o)
			got, end := drain(t, src)
			if len(got) != c.min || end.Code != c.code || !strings.Contains(end.Error(), c.says) || end.State != bongsu.CameraOffline {
				t.Fatalf("%d units, then %s %s: %v", len(got), end.State, end.Code, end)
			}
		})
	}
}

// TestLongGOP: pictures without a key picture are waited for longer than silence is.
func TestLongGOP(t *testing.T) {
	t.Parallel()
	units := streamstest.Synthetic(streamstest.SyntheticOptions{Units: 30, GOP: 25, FPS: 10})[1:]
	src := open(t, Options{URL: serve(t, &streamstest.Path{Units: units}).URL("cam"), StallAfter: 1500 * time.Millisecond, KeyAfter: 20 * time.Second})
	au, err := src.Next(t.Context())
	if err != nil || !au.Key || streamstest.Index(au) != 25 {
		t.Fatalf("%+v, %v", au, err)
	}
	if st := src.Stats(); st.Waiting != 24 {
		t.Fatalf("%d units were waited through", st.Waiting)
	}
}

func TestKicked(t *testing.T) {
	units := streamstest.Synthetic(streamstest.SyntheticOptions{Units: 1000})
	srv := serve(t, &streamstest.Path{Units: units})
	src := open(t, Options{URL: srv.URL("cam")})
	if _, err := src.Next(t.Context()); err != nil {
		t.Fatal(err)
	}
	srv.Kick("cam")
	if _, end := drain(t, src); end.Code != streams.ReasonEnded || end.State != bongsu.CameraOffline {
		t.Fatalf("%v", end)
	}
	again := open(t, Options{URL: srv.URL("cam")})
	au, err := again.Next(t.Context())
	if err != nil || !au.Key || au.PTS != 0 || au.Seq != 0 || au.Run == src.o.Run {
		t.Fatalf("a new run begins with %+v, %v", au, err)
	}
}

func TestTeardown(t *testing.T) {
	t.Parallel()
	srv := serve(t, &streamstest.Path{Units: streamstest.Synthetic(streamstest.SyntheticOptions{Units: 1000})})
	for range 5 {
		src := open(t, Options{URL: srv.URL("cam")})
		if _, err := src.Next(t.Context()); err != nil {
			t.Fatal(err)
		}
		src.Close()
		streamstest.Eventually(t, "the session is gone", func() bool { return srv.Sessions("cam") == 0 })
	}
	n := 0
	for _, r := range srv.Requests() {
		if r.Method == "TEARDOWN" {
			n++
		}
	}
	if n != 5 {
		t.Fatalf("%d TEARDOWNs for 5 sessions", n)
	}
}

// TestClockSet: a step of the wall clock against the steady one ends the run.
func TestClockSet(t *testing.T) {
	for _, c := range []struct {
		wall, steady time.Duration
		want         bool
	}{
		{40 * time.Millisecond, 40 * time.Millisecond, false},
		{9 * time.Second, 9 * time.Second, false},
		{540 * time.Millisecond, 40 * time.Millisecond, false}, // slewed or a small step: followed
		{time.Hour, 40 * time.Millisecond, true},
		{-time.Hour, 40 * time.Millisecond, true},
	} {
		if got := apart(c.wall, c.steady); got != c.want {
			t.Errorf("%v on the wall clock in %v: %v", c.wall, c.steady, got)
		}
	}
	s := &Source{}
	now := time.Now()
	if s.clockStepped(now) {
		t.Fatal("the first unit cannot show a step")
	}
	if s.lastIn = now; s.clockStepped(now.Add(5 * time.Second)) {
		t.Fatal("five seconds passed on both clocks, and that was called a step")
	}
}

func TestOpenGivesWay(t *testing.T) {
	srv := streamstest.Start(t, streamstest.ServerOptions{Silent: true})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Open(ctx, Options{URL: srv.URL("cam")})
	var e *streams.Error
	if !errors.As(err, &e) || e.Code != streams.ReasonClosed {
		t.Fatalf("%v", err)
	}
}
