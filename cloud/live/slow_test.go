package live

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"bongsu"
	"bongsu/cloud/auth"
	"bongsu/deploy/faults/relay"
)

// stall opens a live view and never reads what comes.
func (th *theatre) stall(t *testing.T, cookie string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", th.server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.(*net.TCPConn).SetReadBuffer(4096)
	fmt.Fprintf(c, "GET /api/v1/cameras/%s/cam1/live HTTP/1.1\r\nHost: %s\r\nOrigin: %s\r\nCookie: %s=%s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", th.edge, c.RemoteAddr(), th.server.URL, auth.CookieName, cookie)
	return c
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// latest gives the ages of the pictures that a screen got since a number of them.
func (s *screen) latest(from int) (out []time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.heads[from:] {
		out = append(out, h.Age)
	}
	return out
}

func p95(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)*95/100]
}

// TestStalledViewers: 50 viewers that read nothing cost little, are cut off in time, and the
// others do not notice. BONGSU_LONG=1 leaves them the time that they have in the field.
func TestStalledViewers(t *testing.T) {
	const stalled, good = 50, 5
	th := newTheatre(t, func(o *Options) {
		if os.Getenv("BONGSU_LONG") == "" {
			o.Stall = 5 * time.Second // the good ones are to keep up on a busy machine
		}
	})
	th.dialEdge(&fakeEdge{every: 40 * time.Millisecond, size: 20_000}) // 4 Mbit/s
	kim := th.user("kim")
	var screens []*screen
	for range good {
		screens = append(screens, th.look(kim, "cam1"))
	}
	eventually(t, "pictures", func() bool { return screens[good-1].count() > 50 })
	ages := func(from int) (all []time.Duration) {
		for _, s := range screens {
			all = append(all, s.latest(from)...)
		}
		return all
	}
	before, base := p95(ages(20)), heap()
	began := time.Now()
	for range stalled {
		th.stall(t, kim)
	}
	eventually(t, "all of them look", func() bool { return th.metric("bongsu_live_viewers") == fmt.Sprint(stalled+good) })
	marks := screens[0].count()
	grown := heap() - base
	eventually(t, "the good ones go on", func() bool { return screens[0].count() > marks+50 })
	grown = max(grown, heap()-base)
	deadline := time.After(3 * time.Minute)
	for th.metric("bongsu_live_viewers") != fmt.Sprint(good) {
		select {
		case <-deadline:
			t.Fatalf("%s of %d stalled viewers are left", th.metric("bongsu_live_viewers"), stalled)
		case <-time.After(20 * time.Millisecond):
		}
	}
	cut := time.Since(began)
	after := p95(ages(marks))
	t.Logf("figure R49: %d stalled live viewers cut off within %v, %d KiB each; age p95 of %d others %v before and %v meanwhile",
		stalled, cut.Round(time.Millisecond), grown/stalled>>10, good, before, after)
	if grown/stalled > 1<<20 {
		t.Errorf("%d bytes for each stalled viewer", grown/stalled)
	}
	if th.metric("bongsu_live_cut_total") != fmt.Sprint(stalled) {
		t.Errorf("%s are counted as cut off", th.metric("bongsu_live_cut_total"))
	}
	for _, s := range screens {
		s.close()
		s.good(t)
		for i, n := range s.numbers {
			if i > 0 && n != s.numbers[i-1]+1 {
				t.Errorf("a good viewer missed pictures between %d and %d", s.numbers[i-1], n)
			}
		}
	}
	slow := 0
	for _, r := range th.records() {
		if strings.HasSuffix(r, "cut off because it was too slow") {
			slow++
		}
	}
	if slow != stalled {
		t.Errorf("%d records say so", slow)
	}
}

// TestSlowViewer: over a link that carries a quarter of the camera a viewer gets what it can,
// begins at key frames, is told, and no picture looks much younger than it is. When the link is
// wide again it has all.
func TestSlowViewer(t *testing.T) {
	th := newTheatre(t, func(o *Options) { o.ViewerPing, o.SlowViewer = 200*time.Millisecond, 800*time.Millisecond })
	th.dialEdge(&fakeEdge{every: 40 * time.Millisecond, size: 10_000})
	r, err := relay.TCP(th.server.Listener.Addr().String(), relay.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	kim := th.user("kim")
	wide, slow := th.look(kim, "cam1"), th.lookAt("http://"+r.Addr(), kim, "cam1")
	eventually(t, "pictures", func() bool { return slow.count() > 10 && wide.count() > 10 })
	r.SetRate(60_000)
	n := wide.count()
	eventually(t, "that it is slow", func() bool { return slow.last().Code == bongsu.LiveTooSlow })
	eventually(t, "many pictures elsewhere", func() bool { return wide.count() > n+100 })
	slow.mu.Lock()
	defer func() {
		slow.good(t)
		wide.good(t)
	}()
	wide.mu.Lock()
	born := map[int]time.Time{}
	for i, n := range wide.numbers {
		born[n] = wide.at[i]
	}
	wide.mu.Unlock()
	var worst, under time.Duration
	for i, n := range slow.numbers {
		if at, ok := born[n]; ok {
			worst, under = max(worst, slow.at[i].Sub(at)), max(under, slow.at[i].Sub(at)-slow.heads[i].Age)
		}
	}
	got := len(slow.numbers)
	slow.mu.Unlock()
	t.Logf("figure LIVE: viewer with a quarter of the rate: %d of %d pictures, the oldest %v late, looking at most %v younger than it was",
		got, wide.count(), worst.Round(time.Millisecond), under.Round(time.Millisecond))
	if th.metric("bongsu_live_dropped_total") == "0" {
		t.Error("nothing is counted as dropped")
	}
	if under > max(2*time.Second, worst/2) {
		t.Errorf("of pictures up to %v late one looked %v younger than it was", worst, under)
	}
	r.SetRate(0)
	eventually(t, "that it is live", func() bool { return slow.last().State == bongsu.LiveLive })
}
