package config

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"bongsu"
	"bongsu/edge/link"
)

// yaml writes a configuration down as a person might. Only what Parse reads is written.
func (c Config) yaml() string {
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	s := func(d time.Duration) float64 { return d.Seconds() }
	p("edge: {name: %s}", c.Edge.Name)
	p("data_dir: %q\nmodels_dir: %q", c.DataDir, c.ModelsDir)
	p("cloud: {url: %q, credential_file: %q, enrol_token_file: %q, ca_file: %q}", c.Cloud.URL, c.Cloud.CredentialFile, c.Cloud.EnrolTokenFile, c.Cloud.CertificateFile)
	p("debug: {listen: %q}\nworkers: {cameras_per_worker: %d}", c.Debug.Listen, c.Workers.CamerasPerWorker)
	p("outbox: {max_bytes: %d, reserve_bytes: %d}\ncameras:", c.Outbox.MaxBytes, c.Outbox.ReserveBytes)
	for _, k := range c.Cameras {
		p("  - id: %q\n    name: %q\n    url: %q\n    detect_url: %q", k.ID, k.Name, k.URL, k.DetectURL)
		p("    username: %q\n    password_file: %q\n    allow_basic: %t\n    model: %q", k.Username, k.PasswordFile, k.AllowBasic, k.Model)
		p("    transport: %s\n    any_udp_port: %t\n    all_tracks: %t\n    tls: {ca_file: %q, pin_sha256: %q}", k.Transport, k.AnyUDPPort, k.AllTracks, k.TLS.CAFile, k.TLS.PinSHA256)
		p("    infer_per_s: %v\n    pre_roll_s: %v\n    post_roll_s: %v\n    max_clip_s: %v", k.InferPerS, s(k.PreRoll), s(k.PostRoll), s(k.MaxClip))
		p("    stall_s: %v\n    ring_bytes: %d\n    max_pixels: %d\n    rules:", s(k.Stall), k.RingBytes, k.MaxPixels)
		for _, r := range k.Rules {
			p("      - {id: %s, kind: %s, priority: %s, min_score: %v, linger_s: %v,", r.ID, r.Kind, r.Priority, r.MinScore, s(r.Linger))
			p("         classes: [%s],", strings.Join(words(r.Classes), ", "))
			switch r.Kind {
			case bongsu.KindLineCrossing:
				p("         line: %s, direction: %s}", pairs(r.Line), r.Direction)
			case bongsu.KindLoitering:
				p("         zone: %s, dwell_s: %v}", pairs(r.Zone), s(r.Dwell))
			default:
				p("         zone: %s, confirm_s: %v}", pairs(r.Zone), s(r.Confirm))
			}
		}
	}
	return b.String()
}

func words(cs []bongsu.Class) []string {
	var out []string
	for _, c := range cs {
		out = append(out, string(c))
	}
	return out
}

func pairs(ps []bongsu.Point) string {
	var out []string
	for _, p := range ps {
		out = append(out, fmt.Sprintf("[%v, %v]", p.X, p.Y))
	}
	return "[" + strings.Join(out, ", ") + "]"
}

// random is some right configuration.
func random(rng *rand.Rand) Config {
	c := Default()
	tenths := func(low, high int) time.Duration {
		return time.Duration(low+rng.IntN(high-low+1)) * 100 * time.Millisecond
	}
	c.Edge.Name = fmt.Sprintf("box-%d", rng.IntN(100))
	c.DataDir = fmt.Sprintf("/data %d", rng.IntN(10))
	c.ModelsDir, c.Cloud.CredentialFile = c.DataDir+"/models", "/etc/자격"
	c.Workers.CamerasPerWorker = 1 + rng.IntN(20)
	for i := range rng.IntN(4) {
		k := Camera{
			ID: bongsu.CameraID(fmt.Sprintf("c%d", i)), Name: []string{"정문", `a "gate": #1`, "- x", "yes"}[rng.IntN(4)],
			URL: fmt.Sprintf("rtsp://h%d:8554/a?b=%d", i, rng.IntN(9)), Model: "m", InferPerS: float64(1 + rng.IntN(30)),
			PreRoll: tenths(0, 600), PostRoll: tenths(0, 600), MaxClip: tenths(10, 6000), Stall: tenths(20, 1000),
			RingBytes: 1<<20 + rng.Int64N(1<<30), MaxPixels: 10000 + rng.IntN(1<<20), AllowBasic: rng.IntN(2) == 0, Transport: TransportTCP, AllTracks: rng.IntN(2) == 0,
		}
		switch rng.IntN(3) {
		case 0:
			k.Transport, k.AnyUDPPort = TransportUDP, rng.IntN(2) == 0
		case 1:
			k.URL, k.TLS.PinSHA256 = "rtsps"+strings.TrimPrefix(k.URL, "rtsp"), strings.Repeat("0a", 32)
		}
		if rng.IntN(2) == 0 {
			k.Username, k.PasswordFile = "u: v", "p 'q'"
		}
		for j := range rng.IntN(4) {
			k.Rules = append(k.Rules, randomRule(rng, j, tenths))
		}
		c.Cameras = append(c.Cameras, k)
	}
	return c
}

func randomRule(rng *rand.Rand, j int, tenths func(low, high int) time.Duration) Rule {
	r := Rule{
		ID: bongsu.RuleID(fmt.Sprintf("r%d", j)), Priority: bongsu.PriorityLow, Classes: []bongsu.Class{"person", "car"}[:1+rng.IntN(2)],
		MinScore: float32(rng.IntN(100)) / 100, Linger: tenths(1, 100), Confirm: Default().Defaults.Confirm,
	}
	x, y := rng.Float32()*0.4, rng.Float32()*0.4
	zone := []bongsu.Point{{X: x, Y: y}, {X: x + 0.5, Y: y}, {X: x + 0.5, Y: y + 0.5}, {X: x, Y: y + 0.5}}
	switch rng.IntN(3) {
	case 0:
		r.Kind, r.Zone, r.Confirm = bongsu.KindIntrusion, zone, tenths(0, 100)
	case 1:
		r.Kind, r.Zone, r.Dwell = bongsu.KindLoitering, zone, tenths(10, 3000)
	default:
		r.Kind, r.Line = bongsu.KindLineCrossing, zone[1:3]
		r.Direction = []string{bongsu.DirectionBoth, bongsu.DirectionLeftToRight, bongsu.DirectionRightToLeft}[rng.IntN(3)]
	}
	return r
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 6))
	for range 300 {
		want := random(rng)
		file := want.yaml()
		got, err := Parse("edge.yaml", []byte(file))
		if err != nil {
			t.Fatalf("%v\n%s", err, file)
		}
		got = anonymous(got)
		for i := range got.Cameras {
			got.Cameras[i].origin = origin{}
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got  %+v\nwant %+v\n%s", got, want, file)
		}
	}
}

// TestDiffIsExact changes random configurations: what Diff says, done to the old cameras, gives
// the new ones, and it says no more than that.
func TestDiffIsExact(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 7))
	files := newMemory()
	files.set("p 'q'", "s3cret", 0o600)
	for range 300 {
		a, b := assignmentsOf(t, random(rng), files), assignmentsOf(t, random(rng), files)
		if rng.IntN(3) == 0 && len(a) > 0 { // mostly the same
			b = append([]link.Assignment(nil), a...)
			b[rng.IntN(len(b))].InferPS++
		}
		d := Diff(a, b)
		now := map[bongsu.CameraID]link.Assignment{}
		for _, k := range a {
			now[k.Camera] = k
		}
		for _, k := range d.Added {
			if _, there := now[k.Camera]; there {
				t.Fatalf("%s is said to be new", k.Camera)
			}
			now[k.Camera] = k
		}
		for _, k := range d.Changed {
			if was, there := now[k.Camera]; !there || reflect.DeepEqual(was, k) {
				t.Fatalf("%s is said to have changed", k.Camera)
			}
			now[k.Camera] = k
		}
		for _, id := range d.Removed {
			delete(now, id)
		}
		want := map[bongsu.CameraID]link.Assignment{}
		for _, k := range b {
			want[k.Camera] = k
		}
		if !reflect.DeepEqual(now, want) {
			t.Fatalf("got  %+v\nwant %+v", now, want)
		}
	}
}

func assignmentsOf(t *testing.T, c Config, files Files) []link.Assignment {
	t.Helper()
	as, errs := c.Assignments(files)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	return as
}

// TestReloadOnDisk is the whole way on a real file system: an editor replaces the file, one camera
// differs, then a password does, then the file is broken and mended.
func TestReloadOnDisk(t *testing.T) {
	dir := t.TempDir()
	path, password := filepath.Join(dir, "edge.yaml"), filepath.Join(dir, "gate.password")
	write := func(path, text string, mode os.FileMode) {
		t.Helper()
		fresh := path + ".new"
		if err := os.WriteFile(fresh, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(fresh, path); err != nil {
			t.Fatal(err)
		}
	}
	file := func(rate int) string {
		return fmt.Sprintf("defaults: {model: m}\ncameras:\n  - {id: gate, url: 'rtsp://h/1', username: u, password_file: %q}\n  - {id: yard, url: 'rtsp://h/2', infer_per_s: %d}\n", password, rate)
	}
	write(password, "one", 0o600)
	write(path, file(5), 0o644)
	loaded, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	running := assignmentsOf(t, loaded, OS)

	type news struct {
		c   Config
		err error
	}
	heard := make(chan news)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- Watch(ctx, WatchOptions{Path: path, Every: time.Millisecond}, loaded, func(c Config, err error) {
			select {
			case heard <- news{c, err}:
			case <-ctx.Done():
			}
		})
	}()
	defer func() {
		stop()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}()
	next := func() news {
		t.Helper()
		select {
		case n := <-heard:
			return n
		case <-time.After(10 * time.Second):
			t.Fatal("nothing heard within 10 s")
			return news{}
		}
	}
	changed := func(want bongsu.CameraID) {
		t.Helper()
		n := next()
		if n.err != nil {
			t.Fatal(n.err)
		}
		fresh := assignmentsOf(t, n.c, OS)
		d := Diff(running, fresh)
		if len(d.Changed) != 1 || d.Changed[0].Camera != want || len(d.Added)+len(d.Removed) != 0 {
			t.Errorf("%+v, want only %s changed", d, want)
		}
		running = fresh
	}
	write(path, file(6), 0o644)
	changed("yard")
	write(password, "two", 0o600)
	changed("gate")
	write(path, "cameras: {}\n", 0o644)
	if n := next(); n.err == nil || !strings.Contains(n.err.Error(), "edge.yaml:1: cameras: this must be a list") {
		t.Errorf("%v", n.err)
	}
	write(path, file(7), 0o644)
	changed("yard")
	if running[0].Password != "two" || running[1].InferPS != 7 {
		t.Errorf("%+v", running)
	}
}
