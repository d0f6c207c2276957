package demo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"bongsu/deploy/faults/relay"
)

// Numbers of a soak.
const (
	soakCameras = 8
	soakPause   = 12 * time.Second // between the end of one fault and the next, and up to as much again
	slopeBound  = 2.0              // MiB an hour
)

// soak is a system with a relay on each of its lines and one thing after the other going wrong.
type soak struct {
	*System
	random  *rand.Rand
	cloud   *relay.Relay   // between the edge and the cloud
	cameras []*relay.Relay // between the edge and each camera
	store   *region        // Redis and the S3 server
	done    map[string]int // faults by name
}

// TestSoak runs eight cameras for as long as BONGSU_SOAK says (such as 60m), on Redis and S3, with
// faults throughout. Node and cloud are killed at the beginning and at the end; in between they
// live, so that what they take of memory can be watched, and everything around them fails by turns.
// At the end the archive is held against all that the edge ever recorded.
func TestSoak(t *testing.T) {
	long := os.Getenv("BONGSU_SOAK")
	if long == "" {
		t.Skip("BONGSU_SOAK is not set (60m, say): this takes as long as it says; make soak runs it")
	}
	length, err := time.ParseDuration(long)
	if err != nil || length < 2*time.Minute {
		t.Fatalf("BONGSU_SOAK=%q: give two minutes or more, such as 60m", long)
	}
	ctx := within(t, length+15*time.Minute)
	x := newSoak(t, ctx)
	k := newKeeper(t, filepath.Join(x.Dir, "edge", "outbox"))
	keeping, stop := context.WithCancel(ctx)
	kept := make(chan error, 1)
	go func() { kept <- k.run(keeping) }()
	defer stop()
	x.start(t, ctx)
	x.killStorm(t, ctx, x.random, soakCameras, x.victims(t, x.store))

	m := x.meter(t)
	measuring, ended := context.WithTimeout(ctx, length)
	defer ended()
	metered := make(chan struct{})
	go func() { defer close(metered); m.run(measuring) }()
	x.trouble(t, measuring)
	<-metered
	x.waitLive(t, ctx, soakCameras)
	x.killStorm(t, ctx, x.random, soakCameras, x.victims(t, x.store))
	x.drain(t, ctx)
	st, err := x.edgeStatus(ctx)
	if err != nil {
		t.Fatal(err)
	}
	x.Process("edge").Stop(10 * time.Second)
	gone(t, within(t, orphansGone), x.workers(t)...)
	stop()
	if err := <-kept; err != nil {
		t.Fatal(err)
	}
	l := k.read(t)
	x.checkLedger(t, ctx, l)
	x.checkClips(t, ctx, l)
	x.checkAlerts(t, ctx)
	x.stopClouds()
	x.checkStores(t, ctx)
	m.judge(t)
	if least := soakCameras * int(length/(30*time.Second)); len(l.events) < least {
		t.Errorf("%d revisions are too few for a soak to say anything: %d cameras that blink make %d at least", len(l.events), soakCameras, least)
	}
	t.Logf("figure SOAK: %v with %d cameras on Redis and S3; 100 kills of node, workers and both cloud processes, and faults %v; %d revisions and %d clip parts, sums %+v",
		length, soakCameras, x.done, len(l.events), len(l.clips), st.Outbox)
}

// newSoak starts stores, cloud and cameras, with a relay on each line.
func newSoak(t *testing.T, ctx context.Context) *soak {
	t.Helper()
	store := startRegion(t)
	x := &soak{System: startSystemOn(t, tinyModel(t, "tiny", 0.9), store), random: dice(t), store: store, done: map[string]int{}}
	x.CamerasPerWorker = 2
	x.cloud = tcpRelay(t, strings.TrimPrefix(x.EdgeCloudURL, "http://"))
	x.EdgeCloudURL = "http://" + x.cloud.Addr()
	return x
}

// start starts cameras and edge.
func (x *soak) start(t *testing.T, ctx context.Context) {
	t.Helper()
	shows := slowBlinkers(t, soakCameras)
	if err := x.StartCameras(ctx, shows, true); err != nil {
		t.Fatal(err)
	}
	for i := range shows {
		u, err := url.Parse(shows[i].URL)
		if err != nil {
			t.Fatal(err)
		}
		r := tcpRelay(t, u.Host)
		u.Host = r.Addr()
		shows[i].URL = u.String()
		x.cameras = append(x.cameras, r)
	}
	if err := x.StartEdge(ctx, shows); err != nil {
		t.Fatal(err)
	}
	x.waitLive(t, ctx, soakCameras)
}

// slowBlinkers make an event each ten seconds; each three with BONGSU_SOAK_BUSY, for whoever looks for what
// grows with them.
func slowBlinkers(t *testing.T, n int) []Show {
	t.Helper()
	scenes := []scene{{6, false}, {3, true}, {1, false}}
	if os.Getenv("BONGSU_SOAK_BUSY") != "" {
		scenes = []scene{{1, false}, {2, true}}
	}
	film := film(t, "libx264", scenes...)
	var shows []Show
	for i := range n {
		shows = append(shows, Show{ID: fmt.Sprintf("slow%d", i+1), Name: fmt.Sprintf("느린 점멸 %d", i+1), File: film, Rules: blinkRules(1)})
	}
	return shows
}

func tcpRelay(t *testing.T, target string) *relay.Relay {
	t.Helper()
	if _, _, err := net.SplitHostPort(target); err != nil {
		t.Fatal(err)
	}
	r, err := relay.TCP(target, relay.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// trouble makes one fault after the other, drawn by chance, until ctx ends. Each is over when it
// returns; that everything goes well again is seen in what arrives.
func (x *soak) trouble(t *testing.T, ctx context.Context) {
	t.Helper()
	faults := []struct {
		name string
		make func(context.Context) error
	}{
		{"worker killed", x.killFirstWorker},
		{"camera cut", func(context.Context) error { x.aCamera().Cut(); return nil }},
		{"camera silent", func(ctx context.Context) error { return for12(ctx, x.aCamera().HalfOpen) }},
		{"camera refuses", func(ctx context.Context) error { return for12(ctx, x.aCamera().Refuse) }},
		{"line cut", func(context.Context) error { x.cloud.Cut(); return nil }},
		{"line silent", func(ctx context.Context) error { return for12(ctx, x.cloud.HalfOpen) }},
		{"line narrow", func(ctx context.Context) error {
			x.cloud.SetRate(8 << 10)
			waits(ctx, 12*time.Second)
			x.cloud.SetRate(0)
			return nil
		}},
		{"cloud stands still", func(ctx context.Context) error {
			p := x.Process("cloud")
			p.Signal(syscall.SIGSTOP)
			waits(ctx, 8*time.Second)
			p.Signal(syscall.SIGCONT)
			return nil
		}},
		{"queue emptied", x.store.emptyQueue},
		{"queue killed", x.store.killQueue},
		{"object store away", x.store.objectsAway},
	}
	began := time.Now()
	for n := 1; ctx.Err() == nil; n++ {
		f := faults[x.random.IntN(len(faults))]
		if err := f.make(ctx); err != nil && ctx.Err() == nil {
			t.Errorf("%s: %v", f.name, err)
			return
		}
		x.done[f.name]++
		if n%20 == 0 {
			st, err := x.edgeStatus(ctx)
			t.Logf("%4.0f min: %d faults; %+v %v", time.Since(began).Minutes(), n, st.Outbox, err)
		}
		waits(ctx, soakPause+time.Duration(x.random.Int64N(int64(soakPause))))
	}
}

func (x *soak) aCamera() *relay.Relay { return x.cameras[x.random.IntN(len(x.cameras))] }

// for12 has something on for twelve seconds: longer than what counts as a stall.
func for12(ctx context.Context, set func(bool)) error {
	set(true)
	waits(ctx, 12*time.Second)
	set(false)
	return nil
}

// killFirstWorker kills the worker of the first camera; the others' memory is watched.
func (x *soak) killFirstWorker(ctx context.Context) error {
	cams, err := x.edgeCameras(ctx)
	if err != nil {
		return err
	}
	for _, c := range cams {
		if strings.HasSuffix(string(c.ID), "1") && c.PID > 0 {
			return syscall.Kill(c.PID, syscall.SIGKILL)
		}
	}
	return nil // it is being started just now
}
