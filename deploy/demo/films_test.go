package demo

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"bongsu/models/nano"
)

func TestRenderingAddsUp(t *testing.T) {
	var told []int
	r := &rendering{all: 4, percent: map[string]int{}, tell: func(p int) { told = append(told, p) }}
	for _, line := range []string{"a: drawing what does not move", "a: 40 %", "b: 100 %", "nonsense", ": %", "c: -%", "c: many %"} {
		r.hear(line)
	}
	r.set("b", 100)
	r.set("a", 100)
	r.set("c", 100)
	r.set("d", 100)
	if want := []int{10, 34, 35, 50, 75, 100}; !slices.Equal(told, want) {
		t.Errorf("told %v, want %v", told, want)
	}
}

// TestScenesThatDoNotStart ends the wait for cameras with what their program said.
func TestScenesThatDoNotStart(t *testing.T) {
	s := NewSystem(bin, t.TempDir(), "")
	t.Cleanup(s.Stop)
	served, err := s.StartScenes([]Show{{ID: "a", Scene: "no-such-scene"}, {ID: "file", File: "x.mp4"}}, t.TempDir(), 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = s.each(within(t, time.Minute), time.Second, func() (bool, error) { return len(served) > 0, nil })
	if err == nil || !strings.Contains(err.Error(), `there is no scene "no-such-scene"`) {
		t.Errorf("got %v", err)
	}
	none, err := s.StartScenes([]Show{{ID: "file", File: "x.mp4"}}, "", 0, nil)
	if _, more := <-none; more || err != nil {
		t.Errorf("cameras without scenes: %v", err)
	}
}

func TestPlanRefuses(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	free := "127.0.0.1:0"
	for _, c := range []struct {
		name string
		o    Options
		want string
	}{
		{"a port that is taken", Options{Addr: taken.Addr().String(), Cache: dir}, "another program listens there, perhaps an earlier demo; stop it, or take another port: make demo ADDR=127.0.0.1:"},
		{"a port that is none", Options{Addr: "127.0.0.1:99999", Cache: dir}, "ADDR 127.0.0.1:99999: nothing can listen there"},
		{"a cache that is a file", Options{Addr: free, Cache: file}, "the cameras' films cannot be kept in " + file},
		{"a cache under a file", Options{Addr: free, Cache: filepath.Join(file, "x")}, "DEMO_CACHE="},
		{"a model that is not there", Options{Addr: free, Cache: dir, Model: "missing.onnx"}, "MODEL: there is no file missing.onnx"},
		{"a video that is not there", Options{Addr: free, Model: "yolox-nano", Videos: []string{"missing.mp4"}}, "VIDEOS: there is no file missing.mp4"},
		{"a password in CAMERA", Options{Addr: free, Model: "yolox-nano", Camera: "rtsp://u:p@192.0.2.1/x"}, "CAMERA holds a user name or password"},
	} {
		if _, err := c.o.plan(); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "u:p") {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	o := Options{Addr: free, Cache: dir, Model: "yolox-nano", Camera: "rtsp://192.0.2.1/x"}
	if shows, err := o.plan(); err != nil || len(shows) != len(story)+1 || shows[len(story)].URL != o.Camera {
		t.Errorf("with a real camera: %v, %v", shows, err)
	}
}

// TestRealPicturesNeedAModelThatDoes asks for a real camera without saying with which model.
func TestRealPicturesNeedAModelThatDoes(t *testing.T) {
	real, err := nano.OnReal()
	if err != nil {
		t.Fatal(err)
	}
	met, why := real.Met()
	for _, o := range []Options{{Camera: "rtsp://192.0.2.1/x"}, {Videos: []string{"missing.mp4"}}} {
		o.Addr, o.Cache = "127.0.0.1:0", t.TempDir()
		_, err := o.plan()
		if met {
			if err != nil && strings.Contains(err.Error(), DefaultModel) {
				t.Errorf("%+v: %v, but the model is good enough", o, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), why) || !strings.Contains(err.Error(), "MODEL="+PublicModel) || !strings.Contains(err.Error(), "Apache-2.0") {
			t.Errorf("%+v: %v, want the reason, a command and its licence", o, err)
		}
		o.Model = DefaultModel
		if _, err := o.plan(); err != nil && strings.Contains(err.Error(), why) {
			t.Errorf("%+v: refused though asked for: %v", o, err)
		}
	}
	// What is said of the public model is what the catalogue knows.
	s := NewSystem(bin, t.TempDir(), "")
	list, err := s.tool(within(t, time.Minute), "", "bongsu-edge", "model", "catalogue")
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range strings.Split(publicLicence, ", ")[1:] {
		if !strings.Contains(list, word) {
			t.Errorf("the catalogue does not know %q", word)
		}
	}
}

func TestInstalledModel(t *testing.T) {
	list := "NAME             VERSION  FAMILY\nbongsu-nano      0.1.0    yolo\nyolox_nano_416   0.1.1rc0 yolox"
	for model, want := range map[string]string{"yolox-nano": "yolox_nano_416", "YOLOX_nano_416": "yolox_nano_416", "bongsu-nano": "bongsu-nano", "yolox-tiny": "", "yolox": "yolox_nano_416", "yol": ""} {
		if got := installed(list, model); got != want {
			t.Errorf("%s: %q, want %q", model, got, want)
		}
	}
	for model, want := range map[string]bool{"yolox-nano": false, "a.onnx": true, "./x": true} {
		if isFile(model) != want {
			t.Errorf("%s is a file: %v", model, !want)
		}
	}
}

// TestMeasure reads figures from an edge that says the same each time.
func TestMeasure(t *testing.T) {
	answers := make(chan string, 2)
	answers <- "bongsu_frames_decoded_total{camera=\"a\"} 100\nbongsu_frames_decoded_total{camera=\"b\"} 10\nbongsu_frames_skipped_total{camera=\"a\"} 1\n"
	answers <- "# HELP x\nbongsu_frames_decoded_total{camera=\"a\"} 200\nbongsu_frames_decoded_total{camera=\"b\"} 20\nbongsu_frames_skipped_total{camera=\"a\"} 3\nbongsu_units_in_flight{camera=\"a\"} 4\n"
	edge := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if len(answers) == 0 {
			http.Error(w, "gone", http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte(<-answers))
	}))
	defer edge.Close()
	s := NewSystem(bin, t.TempDir(), "")
	s.DebugURL = edge.URL
	f, err := s.Measure(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if rate := f.Decoded * f.Over.Seconds(); f.Cameras != 2 || rate < 109 || rate > 111 || f.Behind != 2 || f.Waiting != 4 || f.Growing != 4 {
		t.Errorf("figures %+v", f)
	}
	if line := f.String(); !strings.Contains(line, "2 cameras over") || !strings.Contains(line, "at most 4 wait, 2 were left out") {
		t.Errorf("they are told as %q", line)
	}
	if _, err := s.Measure(t.Context(), 0); err == nil {
		t.Error("an edge that answers with an error is measured")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.metrics(ctx); err == nil {
		t.Error("metrics come from an edge that nobody asked")
	}
}

// TestProcessorTime finds what a program uses that works.
func TestProcessorTime(t *testing.T) {
	s := NewSystem(bin, t.TempDir(), "")
	p, err := StartProcess("busy", filepath.Join(s.Dir, "busy.log"), nil, "sh", "-c", "while :; do :; done & wait")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	s.keep(p)
	eventually(t, within(t, time.Minute), "the child's time counts", func() (bool, string) {
		used := s.processorTime()["busy"]
		return used > 50*time.Millisecond, used.String()
	})
}
