package rtsp

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"bongsu/streams"
	"bongsu/streams/streamstest"
)

// overUDP plays a video over a network and gives what was delivered, the counts and the truth.
func overUDP(t *testing.T, s *streamstest.Script) ([]*streams.AccessUnit, []time.Time, Stats, streamstest.Fate) {
	t.Helper()
	s.ID, s.Title, s.Ingest.Transport = "udp", "udp", "udp"
	cam := streamstest.StartCamera(t, s, streamstest.CameraOptions{})
	o := optionsOf(s, cam.URL())
	if s.Media.Speed == 0 { // as fast as it goes: a machine that halts the camera for a while is not to count as its network's loss
		began := time.Now()
		o.Now = func() time.Time { return began.Add(time.Since(began) / 20) }
	}
	src := open(t, o)
	var got []*streams.AccessUnit
	var at []time.Time
	for {
		au, err := src.Next(t.Context())
		if err != nil {
			break
		}
		got, at = append(got, au), append(at, time.Now())
	}
	src.Close()
	return got, at, src.Stats(), cam.Fate()
}

// TestLossUDP holds what is marked, and what is counted, against what was really lost: R31.
func TestLossUDP(t *testing.T) {
	var figures []string
	for _, c := range []struct {
		name  string
		path  streamstest.Network
		clean float64 // least share of units in whole groups that are delivered unmarked
	}{
		{"0.1 %", streamstest.Network{Loss: 0.001, Seed: 1}, 0.95},
		{"1 %", streamstest.Network{Loss: 0.01, Seed: 2}, 0.95},
		{"5 %", streamstest.Network{Loss: 0.05, Seed: 3}, 0},
		{"20 %", streamstest.Network{Loss: 0.2, Seed: 4}, 0},
		{"bursts of 30, 5 %", streamstest.Network{Loss: 0.05, Burst: 30, Seed: 5}, 0},
		{"1 % and disorder", streamstest.Network{Loss: 0.01, Reorder: 50, Share: 0.05, Duplicate: 0.02, Seed: 6}, 0.95},
	} {
		t.Run(c.name, func(t *testing.T) {
			units := 1500
			s := &streamstest.Script{Video: streamstest.Video{Units: units, GOP: 25, Slices: 3, Bytes: 500}, Media: streamstest.Media{Path: c.path}}
			got, _, st, fate := overUDP(t, s)
			unmarked := checkMarks(t, got, fate)
			truth := 0
			for place := range fate.Dropped {
				if place > fate.First && place < fate.Last {
					truth++
				}
			}
			if off := float64(st.Missing) - float64(truth); off*off > (0.01*float64(truth))*(0.01*float64(truth)) {
				t.Errorf("%d packets are counted missing, %d are", st.Missing, truth)
			}
			if sum := st.Packets - st.Duplicates + st.Missing; sum != uint64(fate.Last-fate.First+1) {
				t.Errorf("the sum: %d packets - %d duplicates + %d missing are %d, and %d were sent", st.Packets, st.Duplicates, st.Missing, sum, fate.Last-fate.First+1)
			}
			share := wholeGroups(got, fate, units, 25)
			if share < c.clean {
				t.Errorf("%.1f %% of the units in whole groups came unmarked", 100*share)
			}
			figures = append(figures, fmt.Sprintf("%s: %d of %d missing counted, %d marked, %d tainted unmarked, %.1f %% of whole groups", c.name, st.Missing, truth, st.Tainted, unmarked, 100*share))
		})
	}
	t.Logf("figure R31: %s", strings.Join(figures, "; "))
}

// checkMarks: what is torn, or follows what never came, is marked. It gives how many are not.
func checkMarks(t *testing.T, got []*streams.AccessUnit, fate streamstest.Fate) (unmarked int) {
	t.Helper()
	before := -1
	for i, au := range got {
		n := streamstest.Index(au)
		if i > 0 && !au.Lost && (fate.Torn[n] || n != before+1) {
			unmarked++
			t.Errorf("unit %d (after %d) is not marked", n, before)
		}
		before = n
	}
	return unmarked
}

// wholeGroups gives the share of units in groups without a lost packet that came unmarked.
// The first of a group may be marked for the end of the one before.
func wholeGroups(got []*streams.AccessUnit, fate streamstest.Fate, units, gop int) float64 {
	fine := map[int]bool{}
	for i, au := range got {
		if n := streamstest.Index(au); !au.Lost || n%gop == 0 && i > 0 {
			fine[n] = true
		}
	}
	all, good := 0, 0
	for g := streamstest.Index(got[0]); g+gop < units; g += gop {
		torn := false
		for n := g; n < g+gop; n++ {
			torn = torn || fate.Torn[n]
		}
		for n := g; n < g+gop && !torn; n++ {
			all++
			if fine[n] {
				good++
			}
		}
	}
	if all == 0 {
		return 1
	}
	return float64(good) / float64(all)
}

// TestDisorderUDP: packets that come out of order, twice and late are put right: R32.
func TestDisorderUDP(t *testing.T) {
	s := &streamstest.Script{
		Video: streamstest.Video{Units: 1500, Slices: 3, Bytes: 500},
		Media: streamstest.Media{Path: streamstest.Network{Reorder: 60, Share: 0.05, Duplicate: 0.03, Seed: 7}},
	}
	got, _, st, fate := overUDP(t, s)
	if len(got) != 1500 || st.Missing != 0 || st.Tainted != 0 || fate.Longest < 50 {
		t.Errorf("%d units of 1500, %d missing, %d marked, with packets late by up to %d places", len(got), st.Missing, st.Tainted, fate.Longest)
	}
	if st.Duplicates != uint64(fate.Doubled) || st.Quirks[QuirkReordered] == 0 {
		t.Errorf("%d duplicates counted of %d, %d out of order", st.Duplicates, fate.Doubled, st.Quirks[QuirkReordered])
	}
	const jitter = 200 * time.Millisecond
	j := &streamstest.Script{
		Video: streamstest.Video{Units: 60, Slices: 3, Bytes: 500},
		Media: streamstest.Media{Speed: 1, Path: streamstest.Network{Jitter: jitter, Seed: 8}},
	}
	late, at, jt, _ := overUDP(t, j)
	for again := 0; jt.Missing > 0 && again < 3; again++ { // a busy machine adds to 200 ms, and 250 ms are waited
		late, at, jt, _ = overUDP(t, j)
	}
	if len(late) != 60 || jt.Missing != 0 || jt.Tainted != 0 {
		t.Errorf("with jitter: %d units of 60, %d missing, %d marked", len(late), jt.Missing, jt.Tainted)
	}
	added := latencies(late, at)
	t.Logf("figure R32: 0 of %d units marked with %d packets up to %d places late and %d doubled; with jitter of %v 0 of %d, last packet to delivery p95 %v",
		len(got), fate.Late, fate.Longest, fate.Doubled, jitter, len(late), added[len(added)*95/100].Round(time.Millisecond))
}

// latencies gives how long each unit took from the arrival of its last packet, in order.
func latencies(units []*streams.AccessUnit, at []time.Time) []time.Duration {
	var out []time.Duration
	for i, au := range units {
		out = append(out, at[i].Sub(au.Arrived))
	}
	slices.SortFunc(out, cmp.Compare)
	return out
}

// TestSpoofedDatagrams: what comes from other ports is dropped, and counted: Q43.
func TestSpoofedDatagrams(t *testing.T) {
	s := &streamstest.Script{Video: streamstest.Video{Units: 100}, Media: streamstest.Media{Foreign: 2}}
	got, _, st, _ := overUDP(t, s)
	if len(got) != 100 || st.Tainted != 0 || st.Quirks[QuirkForeignSender] < 30 {
		t.Fatalf("%d units, %d marked, %d datagrams of others", len(got), st.Tainted, st.Quirks[QuirkForeignSender])
	}
	for i, au := range got {
		if streamstest.Index(au) != i {
			t.Fatalf("unit %d is not the camera's", i)
		}
	}
}

// TestSocketBuffer: at least 2 MiB is asked for, and what the kernel gave is told.
func TestSocketBuffer(t *testing.T) {
	for _, ask := range []int{0, 8192} {
		s := &streamstest.Script{ID: "b", Title: "b", Ingest: streamstest.Ingest{Transport: "udp", UDPBuffer: ask}, Media: streamstest.Media{Speed: 5}}
		cam := streamstest.StartCamera(t, s, streamstest.CameraOptions{})
		src := open(t, optionsOf(s, cam.URL()))
		st := src.Stats()
		want := max(ask, 0)
		if ask == 0 {
			want = 2 << 20
		}
		if short := st.SocketBuffer < want; st.SocketBuffer <= 0 || short != (st.Quirks[QuirkSmallBuffer] == 1) {
			t.Errorf("asked for %d, got %d, counted as small: %d", want, st.SocketBuffer, st.Quirks[QuirkSmallBuffer])
		}
		t.Logf("asked for %d bytes of receive buffer, the kernel gave %d", want, st.SocketBuffer)
		src.Close()
	}
}

// TestDatagramsAfterAStall: this process did not run for a while. What came meanwhile is used
// before anything is given up for lost.
func TestDatagramsAfterAStall(t *testing.T) {
	_, _, s := played(t, streams.H264, nil)
	began := time.Now()
	now := began
	s.o.Now, s.o.Transport = func() time.Time { return now }, UDP
	packet := func(seq byte) []byte {
		return []byte{0x80, 96, 1, seq, 0, 0, 0, seq, 0, 0, 0, 9, 0x41, 0x9a, 0, 0}
	}
	listen := func() *net.UDPConn {
		c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	camera := listen()
	d := &datagrams{s: s, socks: [2]*net.UDPConn{listen(), listen()}, peer: netip.MustParseAddr("127.0.0.1"),
		stop: make(chan struct{}), drained: make(chan struct{})}
	d.sends[0] = uint16(camera.LocalAddr().(*net.UDPAddr).Port)
	s.rtp(packet(100), now)
	if _, held := s.holds(); !held {
		t.Fatal("the first packet does not wait for those before it")
	}
	if _, err := camera.WriteTo(packet(90), d.socks[0].LocalAddr()); err != nil {
		t.Fatal(err)
	}
	now = began.Add(time.Minute)
	d.begun = true
	d.done.Go(d.readRTP)
	streamstest.Eventually(t, "both are used", func() bool { return s.Stats().Packets == 2 })
	d.finish()
	d.close()
	if st := s.Stats(); st.Duplicates != 0 || st.Missing != 9 {
		t.Errorf("a packet that had come in time was taken for late: %+v", st)
	}
}
