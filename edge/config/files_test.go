package config

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"bongsu"
	"bongsu/edge/link"
)

// memory is a file system that a test changes while it is watched.
type memory struct {
	mu sync.Mutex
	m  fstest.MapFS
}

func (f *memory) set(name, data string, mode fs.FileMode) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.m[name] = &fstest.MapFile{Data: []byte(data), Mode: mode}
}

func (f *memory) remove(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.m, name)
}

func (f *memory) ReadFile(name string) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.m.ReadFile(name)
}

func (f *memory) Stat(name string) (fs.FileInfo, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.m.Stat(name)
}

func newMemory() *memory { return &memory{m: fstest.MapFS{}} }

const withPassword = `cameras:
  - id: gate
    url: rtsp://192.0.2.10/s
    model: m
    username: viewer
    password_file: gate.password
  - id: yard
    url: rtsp://192.0.2.11/s
    model: m
`

func TestAssignments(t *testing.T) {
	c, err := Parse("edge.yaml", []byte(withPassword))
	if err != nil {
		t.Fatal(err)
	}
	files := newMemory()
	files.set("gate.password", "s3cret word \r\n", 0o600)
	as, errs := c.Assignments(files)
	if len(errs) > 0 || len(as) != 2 {
		t.Fatal(as, errs)
	}
	d := Default().Defaults
	want := link.Assignment{
		Camera: "gate", Name: "gate", URL: "rtsp://192.0.2.10/s", Username: "viewer", Password: "s3cret word ", Model: "m",
		InferPS: d.InferPerS, PreRoll: d.PreRoll, PostRoll: d.PostRoll, MaxClip: d.MaxClip, RingBytes: d.RingBytes,
		StallAfter: d.Stall, MaxPixels: d.MaxPixels, Rules: []link.Rule{}, Timezone: "Asia/Seoul", Transport: TransportTCP,
	}
	if !reflect.DeepEqual(as[0], want) {
		t.Errorf("got  %+v\nwant %+v", as[0], want)
	}
}

func TestPasswordFileMistakesStopOneCamera(t *testing.T) {
	c, err := Parse("edge.yaml", []byte(withPassword))
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []struct {
		name, data string
		mode       fs.FileMode
		want       string
	}{
		{"missing", "", 0, "cannot read gate.password: file does not exist; create it with the password as its only line and mode 0600"},
		{"open to all", "s3cret", 0o644, "everybody on this machine can read gate.password (mode 0644): run `chmod 600 gate.password`"},
		{"empty", "\n", 0o600, "gate.password is empty: write the password into it as its only line"},
		{"two lines", "s3cret\ns3cret\n", 0o600, "gate.password has more than one line or over 1024 bytes: write only the password into it"},
		{"long", strings.Repeat("s3cret", 1000), 0o640, "gate.password has more than one line or over 1024 bytes: write only the password into it"},
	} {
		files := newMemory()
		if k.mode != 0 {
			files.set("gate.password", k.data, k.mode)
		}
		as, errs := c.Assignments(files)
		if len(as) != 1 || as[0].Camera != "yard" {
			t.Errorf("%s: the other camera is not there: %+v", k.name, as)
		}
		want := "edge.yaml:2: cameras[0].password_file: camera gate: " + k.want
		if len(errs) != 1 || errs[0].Error() != want {
			t.Errorf("%s: got %v\nwant %s", k.name, errs, want)
		}
		if len(errs) > 0 && strings.Contains(errs[0].Error(), "s3cret") {
			t.Errorf("%s: the password stands in the error", k.name)
		}
	}
}

func TestLoadWithoutFile(t *testing.T) {
	_, err := LoadFrom(newMemory(), "edge.yaml")
	if err == nil || err.Error() != "cannot read the configuration edge.yaml; deploy/edge.yaml is one to begin with: file does not exist" {
		t.Error(err)
	}
	if bongsu.CodeOf(err) != bongsu.CodeInvalid || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("code %s", bongsu.CodeOf(err))
	}
	if _, err := Load("no-such-folder/edge.yaml"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func TestDiff(t *testing.T) {
	of := func(id, url string) link.Assignment {
		return link.Assignment{Camera: bongsu.CameraID(id), URL: url, Rules: []link.Rule{{ID: "r", Classes: []bongsu.Class{"person"}}}}
	}
	a, b, c := of("a", "1"), of("b", "1"), of("c", "1")
	b2 := of("b", "1")
	b2.Password = "new"
	c2 := of("c", "1")
	c2.Rules[0].MinScore = 0.4
	d := of("d", "1")
	got := Diff([]link.Assignment{a, b, c, of("e", "1")}, []link.Assignment{d, c2, of("a", "1"), b2})
	want := Changes{Added: []link.Assignment{d}, Changed: []link.Assignment{c2, b2}, Removed: []bongsu.CameraID{"e"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if !Diff([]link.Assignment{a}, []link.Assignment{of("a", "1")}).Empty() || got.Empty() {
		t.Error("Empty is wrong")
	}
}

func TestNeedsRestart(t *testing.T) {
	old := Default()
	fresh := Default()
	fresh.Cameras = []Camera{{ID: "a"}}
	fresh.Defaults.InferPerS = 1
	if keys := NeedsRestart(old, fresh); len(keys) != 0 {
		t.Errorf("%v", keys)
	}
	fresh.DataDir, fresh.Cloud.URL, fresh.Workers.CamerasPerWorker = "/x", "https://c", 1
	if keys := NeedsRestart(old, fresh); !reflect.DeepEqual(keys, []string{"data_dir", "cloud", "workers"}) {
		t.Errorf("%v", keys)
	}
}

// watch runs Watch step by step: each step is one look.
type watch struct {
	t     *testing.T
	files *memory
	tick  chan time.Time
	asked chan time.Duration
	calls []string
	stop  context.CancelFunc
	done  chan error
}

func startWatch(t *testing.T, files *memory, loaded Config) *watch {
	ctx, stop := context.WithCancel(t.Context())
	w := &watch{t: t, files: files, tick: make(chan time.Time), asked: make(chan time.Duration), stop: stop, done: make(chan error, 1)}
	after := func(d time.Duration) <-chan time.Time {
		select {
		case w.asked <- d:
		case <-ctx.Done():
		}
		return w.tick
	}
	go func() {
		w.done <- Watch(ctx, WatchOptions{Path: "edge.yaml", Files: files, After: after}, loaded, func(c Config, err error) {
			if err != nil {
				w.calls = append(w.calls, "error: "+err.Error())
				return
			}
			w.calls = append(w.calls, "edge "+c.Edge.Name)
		})
	}()
	t.Cleanup(func() {
		stop()
		if err := <-w.done; !errors.Is(err, context.Canceled) {
			t.Errorf("Watch returned %v", err)
		}
	})
	w.expect()
	return w
}

// expect waits until a look is over and compares what was called during it.
func (w *watch) expect(want ...string) {
	w.t.Helper()
	select {
	case d := <-w.asked:
		if d != 2*time.Second && d != settle {
			w.t.Errorf("waits for %s", d)
		}
	case <-time.After(10 * time.Second):
		w.t.Fatal("no look within 10 s")
	}
	if len(w.calls) != len(want) || len(want) > 0 && !reflect.DeepEqual(w.calls, want) {
		w.t.Errorf("calls %q, want %q", w.calls, want)
	}
	w.calls = nil
}

func (w *watch) step(want ...string) {
	w.t.Helper()
	w.tick <- time.Time{}
	w.expect(want...)
}

func TestWatchKeepsLastGood(t *testing.T) {
	files := newMemory()
	files.set("edge.yaml", "edge: {name: one}\n", 0o644)
	loaded, err := LoadFrom(files, "edge.yaml")
	if err != nil {
		t.Fatal(err)
	}
	w := startWatch(t, files, loaded)
	w.step()
	files.set("edge.yaml", "edge: {name: two}\n", 0o644)
	w.step() // seen once
	w.step("edge two")
	w.step()
	files.set("edge.yaml", "edge: {nam: two}\n", 0o644)
	w.step()
	w.step(`error: edge.yaml:1: edge.nam: unknown key; did you mean "name"?`)
	w.step() // the same mistake is said once
	files.remove("edge.yaml")
	w.step()
	w.step("error: cannot read the configuration edge.yaml; deploy/edge.yaml is one to begin with: file does not exist")
	w.step()
	files.set("edge.yaml", "edge: {name: two}\n", 0o644)
	w.step() // seen once
	w.step("edge two")
}

func TestWatchSeesPasswords(t *testing.T) {
	files := newMemory()
	files.set("edge.yaml", withPassword, 0o644)
	loaded, err := LoadFrom(files, "edge.yaml")
	if err != nil {
		t.Fatal(err)
	}
	w := startWatch(t, files, loaded)
	files.set("gate.password", "a", 0o600)
	w.step("edge edge")
	w.step()
	files.set("gate.password", "b", 0o600)
	w.step("edge edge")
	files.set("gate.password", "b", 0o644)
	w.step("edge edge")
	w.step()
}

func TestWatchHearsOfWhatChangedBefore(t *testing.T) {
	files := newMemory()
	files.set("edge.yaml", "edge: {name: one}\n", 0o644)
	calls := make(chan string, 1)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	err := Watch(ctx, WatchOptions{Path: "edge.yaml", Files: files, Every: time.Second}, Config{}, func(c Config, err error) {
		calls <- c.Edge.Name
		stop()
	})
	if !errors.Is(err, context.Canceled) || <-calls != "one" {
		t.Error(err)
	}
}

// TestHalfWrittenFiles saves the documented example in pieces, as an editor does that writes the
// file itself: every cut is either refused as a whole, with its line, or never seen twice. What
// stays cut is used only when it is right by itself and still names cameras.
func TestHalfWrittenFiles(t *testing.T) {
	whole := strings.Replace(uncommented(t), "password_file: /etc/bongsu/gate.password", "password_file: gate.password", 1)
	files := newMemory()
	files.set("edge.yaml", whole, 0o644)
	files.set("gate.password", "s3cret", 0o600)
	good, err := LoadFrom(files, "edge.yaml")
	if err != nil {
		t.Fatal(err)
	}
	cuts, applied, refused, unnamed := 0, 0, 0, 0
	step := 5
	if os.Getenv("BONGSU_LONG") != "" {
		step = 1
	}
	for at := 0; at < len(whole); at += step {
		cuts++
		w := &watcher{o: WatchOptions{Path: "edge.yaml", Files: files}, good: good, config: good.digest, secrets: secretsDigest(files, good)}
		quiet := func(Config, error) { t.Errorf("a file that is being written was acted upon at byte %d", at) }
		files.set("edge.yaml", whole[:at], 0o644)
		if !w.look(quiet) {
			t.Fatalf("cut at byte %d: not seen", at)
		}
		files.set("edge.yaml", whole, 0o644)
		if w.look(quiet) { // whole again: nothing has changed
			t.Fatalf("byte %d: the whole file is taken for a change", at)
		}
		files.set("edge.yaml", whole[:at], 0o644) // and one that stays cut
		w.look(quiet)
		w.look(func(c Config, err error) {
			var es Errors
			switch {
			case err == nil && len(c.Cameras) == 0:
				t.Errorf("cut at byte %d: all cameras are gone", at)
			case err == nil:
				applied++
			case !errors.As(err, &es):
				unnamed++
			default:
				refused++
			}
		})
		if err := w.kept(good); err != nil && w.good.digest == good.digest {
			t.Error(err)
		}
	}
	if unnamed > 0 || refused < cuts/2 {
		t.Errorf("of %d cuts %d were refused, %d without a place", cuts, refused, unnamed)
	}
	t.Logf("figure R48: %d wrong files, each refused as a whole with its line and field named; a file cut at each of %d bytes: 0 seen while it is written, 0 partial applies; %d of those that stay cut are refused, %d are right by themselves",
		len(wrong), cuts, refused, applied)
}

// kept says whether the last good configuration was touched.
func (w *watcher) kept(good Config) error {
	if !reflect.DeepEqual(w.good, good) {
		return errors.New("the last good configuration is another")
	}
	return nil
}

func TestAuthorityMistakesStopOneCamera(t *testing.T) {
	c, err := Parse("edge.yaml", []byte("cameras:\n  - {id: gate, url: 'rtsps://h/1', model: m, tls: {ca_file: ca.pem}}\n  - {id: yard, url: 'rtsp://h/2', model: m}\n"))
	if err != nil {
		t.Fatal(err)
	}
	files := newMemory()
	for data, want := range map[string]string{
		"":     "edge.yaml:2: cameras[0].tls.ca_file: camera gate: cannot read ca.pem: file does not exist; put the certificate of the authority that signed the camera's there, as PEM",
		"none": "edge.yaml:2: cameras[0].tls.ca_file: camera gate: ca.pem holds no certificate: it must be PEM, with a line -----BEGIN CERTIFICATE-----",
	} {
		if data != "" {
			files.set("ca.pem", data, 0o644)
		}
		as, errs := c.Assignments(files)
		if len(as) != 1 || as[0].Camera != "yard" || len(errs) != 1 || errs[0].Error() != want {
			t.Errorf("%+v, %v", as, errs)
		}
		files.remove("ca.pem")
	}
}
