package uplink

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bongsu"
	"bongsu/deploy/faults/relay"
)

// long reports whether the long form of a test is wanted.
func long() bool { return os.Getenv("BONGSU_LONG") != "" }

// behind puts a relay between an uplink and the cloud.
func behind(t *testing.T, c *fakeCloud, seed uint64) *relay.Relay {
	t.Helper()
	r, err := relay.TCP(strings.TrimPrefix(c.URL, "http://"), relay.Options{Seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func through(r *relay.Relay) func(*Options) {
	return func(o *Options) { o.URL = "http://" + r.Addr() }
}

// wait blocks for d. It is part of what is tested: how long a line is up or down.
func wait(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	<-t.C
}

func (c *fakeCloud) rowCount() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.order)
}

// TestEveryReplyLost: the cloud stores an event and the line is cut before its answer comes
// through, for each of 10,000 events once (row R14). There is one row for each.
func TestEveryReplyLost(t *testing.T) {
	const lines, each = 4, 2500
	c := newFakeCloud(t)
	relays := make([]*relay.Relay, lines)
	for i := range relays {
		relays[i] = behind(t, c, uint64(i))
	}
	var mu sync.Mutex
	lost := map[bongsu.EventKey]bool{}
	c.stored = func(r *http.Request, k bongsu.EventKey) {
		var n int
		if _, err := fmt.Sscanf(string(k.ID[24:]), "%d", &n); err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		if !lost[k] {
			lost[k] = true
			relays[n/each].LoseReply(r.RemoteAddr)
		}
	}
	began := time.Now()
	var wg sync.WaitGroup
	var known, cuts int64
	ups := make([]*Uplink, lines)
	for i := range lines {
		s := newFakeStore(t)
		ups[i], _ = start(t, c, s, func(o *Options) {
			through(relays[i])(o)
			o.MinBackoff, o.MaxBackoff = time.Millisecond, time.Millisecond
		})
		wg.Go(func() {
			for n := range each {
				s.put(i*each + n)
				eventually(t, "acknowledged", func() bool { return s.ackedEvents() == n+1 })
			}
		})
	}
	wg.Wait()
	for i := range lines {
		eventually(t, "counted", func() bool { return ups[i].Status().Sent.Events == each })
		known += ups[i].Status().Sent.Known
		cuts += relays[i].Stats().Cuts
	}
	if rows := c.rowCount(); rows != lines*each || cuts != lines*each || known != lines*each {
		t.Errorf("%d rows, %d replies lost, %d answered as known; each is to be %d", rows, cuts, known, lines*each)
	}
	t.Logf("figure R14: %d rows of %d events whose replies were all lost once after the commit, %d answered \"known\" when sent again; %v",
		c.rowCount(), cuts, known, time.Since(began).Round(time.Millisecond))
}

// TestFlappingLink: the line comes and goes; events arrive once, clips go on where they were
// (row R13).
func TestFlappingLink(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	unit, total, rate := 100*time.Millisecond, 5*time.Second, int64(4<<20)
	if long() {
		unit, total, rate = time.Second, 10*time.Minute, 1<<20
	}
	c, s := newFakeCloud(t), newFakeStore(t)
	r := behind(t, c, seed)
	r.SetRate(rate)
	u, _ := start(t, c, s, func(o *Options) {
		through(r)(o)
		o.MinBackoff, o.MaxBackoff = unit/4, 4*unit
	})
	var payload int64
	var last bongsu.ClipKey
	n, flaps := 0, 0
	for began := time.Now(); time.Since(began) < total; flaps++ {
		if flaps%2 == 0 {
			clip := s.putClip(t, n, bytes.Repeat([]byte{byte(n)}, int(rate*int64(unit)/int64(time.Second))*3))
			payload, last = payload+clip.Bytes, clip.Key()
		}
		for range 5 {
			s.put(n)
			n++
		}
		wait(unit + time.Duration(rng.Int64N(int64(4*unit))))
		r.Refuse(true)
		r.Cut()
		wait(unit + time.Duration(rng.Int64N(int64(4*unit)))/4)
		r.Refuse(false)
	}
	left := u.Status().Pending.Clips // many may wait, and the line is narrow: it must go on, however long that takes
	for done := false; !done; {
		before := r.Stats().Up
		eventually(t, "all there, or more on its way", func() bool {
			done = s.ackedEvents() == n && s.clipEnded(last) == "acked" && u.Status().Pending.Clips == 0
			return done || r.Stats().Up > before+rate
		})
	}
	sent := r.Stats().Up
	if rows := c.rowCount(); rows != n {
		t.Errorf("%d rows for %d events", rows, n)
	}
	if sent > payload*3/2 {
		t.Errorf("%d bytes were sent for %d of payload", sent, payload)
	}
	t.Logf("figure R13: line cut %d times in %v: %d events, 0 lost, 0 doubled; %.2f × the clips' bytes sent; %d clips waited when the line was steady again",
		flaps, total, n, float64(sent)/float64(payload), left)
}

// TestNarrowLink: at 64 kbit/s with 500 MB of clips waiting, events overtake them (row R15).
func TestNarrowLink(t *testing.T) {
	t.Parallel()
	c, s := newFakeCloud(t), newFakeStore(t)
	r := behind(t, c, 1)
	r.SetRate(64_000 / 8)
	for i := range 50 {
		clip := s.putClip(t, 1000+i, nil)
		if err := os.Truncate(s.ClipPath(clip.Key()), 10<<20); err != nil {
			t.Fatal(err)
		}
		s.mu.Lock()
		s.clips[i].Bytes = 10 << 20
		s.mu.Unlock()
	}
	u, _ := start(t, c, s, func(o *Options) { through(r)(o); o.ReportEvery = 5 * time.Second })
	eventually(t, "a clip is on the wire", func() bool { return u.Status().Sent.Bytes > 16<<10 })
	events := 4
	if long() {
		events = 200
	}
	var took []time.Duration
	for n := range events {
		began := time.Now()
		k := s.putSized(n, 8<<10)
		eventually(t, "acknowledged", func() bool { return s.isAcked(k) })
		took = append(took, time.Since(began))
		wait(300 * time.Millisecond)
	}
	slices.Sort(took)
	t.Logf("figure R15: 64 kbit/s, 500 MiB of clips queued: event with 8 KiB of picture p50 %v, p95 %v, worst %v over %d events; clips had %d bytes meanwhile",
		took[len(took)/2].Round(time.Millisecond), took[len(took)*95/100].Round(time.Millisecond), took[len(took)-1].Round(time.Millisecond), events, u.Status().Sent.Bytes)
	if st := u.Status(); st.State != stateOnline {
		t.Errorf("a narrow link is taken for a broken one: %+v", st)
	}
}

// TestHalfOpen: the line swallows everything without a word. That is noticed, and work goes on
// soon after it is lifted (row R16).
func TestHalfOpen(t *testing.T) {
	t.Parallel()
	c, s := newFakeCloud(t), newFakeStore(t)
	r := behind(t, c, 1)
	u, _ := start(t, c, s, func(o *Options) {
		through(r)(o)
		o.MinBackoff, o.MaxBackoff, o.ReportEvery = 0, 0, 0
	})
	content := bytes.Repeat([]byte("clip"), 1<<20)
	s.put(1)
	eventually(t, "acknowledged", func() bool { return s.ackedEvents() == 1 })
	r.SetRate(1 << 20)
	clip := s.putClip(t, 1, content)
	eventually(t, "a clip is on the wire", func() bool { return u.Status().Sent.Bytes > 0 })
	r.HalfOpen(true)
	began := time.Now()
	s.put(2)
	eventually(t, "noticed", func() bool { return u.Status().State == stateOffline })
	noticed := time.Since(began)
	eventually(t, "probes fail too", func() bool { return time.Since(began) > noticed+2*time.Second })
	r.HalfOpen(false)
	began = time.Now()
	eventually(t, "acknowledged after the line is back", func() bool { return s.ackedEvents() == 2 })
	resumed := time.Since(began)
	r.SetRate(0)
	eventually(t, "the clip goes on", func() bool { return s.clipEnded(clip.Key()) == "acked" })
	if rows := c.rowCount(); rows != 2 {
		t.Errorf("%d rows for 2 events", rows)
	}
	t.Logf("figure R16: half-open line noticed after %v, events go on %v after it is lifted", noticed.Round(time.Millisecond), resumed.Round(time.Millisecond))
}

// TestHerd: 200 edges lose the cloud and come back at once (row R17).
func TestHerd(t *testing.T) {
	const edges = 200
	c := newFakeCloud(t)
	var refusing atomic.Bool
	var mu sync.Mutex
	var at []time.Time // of each request
	c.setFault(func(w http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		at = append(at, time.Now())
		mu.Unlock()
		if refusing.Load() {
			w.Header().Set("Retry-After", "1")
			refuse(w, bongsu.CodeUnavailable, "restarting")
			return true
		}
		return false
	})
	stores := make([]*fakeStore, edges)
	ups := make([]*Uplink, edges)
	for i := range edges {
		stores[i] = newFakeStore(t)
		ups[i], _ = start(t, c, stores[i], func(o *Options) { o.MinBackoff, o.MaxBackoff, o.ReportEvery = 0, 0, 0 })
	}
	n := 0
	// feed gives each edge one event a second, evenly, and tells the most requests in any second.
	feed := func(d time.Duration) (peak int) {
		mu.Lock()
		at = at[:0]
		mu.Unlock()
		tick := time.NewTicker(time.Second / edges)
		defer tick.Stop()
		for began := time.Now(); time.Since(began) < d; n++ {
			<-tick.C
			stores[n%edges].put(n)
		}
		mu.Lock()
		defer mu.Unlock()
		return busiest(at)
	}
	steady := feed(3 * time.Second)
	refusing.Store(true)
	feed(1500 * time.Millisecond)
	eventually(t, "all have noticed", func() bool {
		for _, u := range ups {
			if u.Status().State != stateThrottled {
				return false
			}
		}
		return true
	})
	refusing.Store(false)
	began := time.Now()
	peak := feed(5 * time.Second)
	eventually(t, "all caught up", func() bool { return c.rowCount() == n })
	for _, s := range stores {
		eventually(t, "all acknowledged", func() bool { return s.Backlog().Events == 0 })
	}
	t.Logf("figure R17: %d edges come back at once: steady %d requests a second at most, on return %d (%.2f ×), all caught up %v after; %d of %d events",
		edges, steady, peak, float64(peak)/float64(steady), time.Since(began).Round(100*time.Millisecond), c.rowCount(), n)
}

// busiest counts the instants within the busiest second.
func busiest(at []time.Time) (most int) {
	from := 0
	for to := range at {
		for at[to].Sub(at[from]) > time.Second {
			from++
		}
		most = max(most, to-from+1)
	}
	return most
}

// TestEventsWhileClipsAreSent: no revision waits for a clip (row R15).
func TestEventsWhileClipsAreSent(t *testing.T) {
	c, s := newFakeCloud(t), newFakeStore(t)
	hold := make(chan struct{})
	c.setFault(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut {
			<-hold // the clip's upload does not end
		}
		return false
	})
	start(t, c, s, nil)
	clip := s.putClip(t, 9, bytes.Repeat([]byte("v"), 1<<20))
	for i := range 50 {
		s.put(i)
	}
	eventually(t, "events are acknowledged", func() bool { return s.ackedEvents() == 50 })
	if how := s.clipEnded(clip.Key()); how != "" {
		t.Errorf("the clip is %s", how)
	}
	close(hold)
	eventually(t, "the clip too", func() bool { return s.clipEnded(clip.Key()) == "acked" })
}

// TestCloudAwayAndBack: everything arrives afterwards, once.
func TestCloudAwayAndBack(t *testing.T) {
	c, s := newFakeCloud(t), newFakeStore(t)
	away := func(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) }
	u, _ := start(t, c, s, nil)
	total := 0
	for round := range 4 {
		c.setFault(away)
		for range 30 {
			s.put(total)
			total++
		}
		eventually(t, "offline", func() bool { return u.Status().State == stateOffline })
		c.setFault(nil)
		eventually(t, fmt.Sprintf("round %d", round), func() bool { return s.ackedEvents() == total })
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.order) != total {
		t.Errorf("%d rows for %d events", len(c.order), total)
	}
}
