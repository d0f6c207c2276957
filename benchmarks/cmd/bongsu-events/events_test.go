package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"bongsu"
	"bongsu/edge/score"
	"bongsu/streams/scene/suite"
)

// made is a run with one category of so many right, missed and false alarms.
func made(word string, kind bongsu.EventKind, tp, fn, fp int) *scored {
	f := score.Tally{TP: tp, FN: fn, FP: fp}
	c := category{Kind: kind, Zone: &pool{F1: f.F1()}, TooEasy: false, Result: score.Result{Category: word, TP: tp, FN: fn, FP: fp, F1: f.F1(), CI95: &score.Interval{80, 99},
		Pass: f.Passes(9000), Factors: map[string]map[string]score.FactorScore{"time": {"night": {Clips: 20, Tally: score.Tally{TP: 10, FN: 10}, F1: score.Tally{TP: 10, FN: 10}.F1()}}}}}
	low := 40.0
	c.Zone.F1 = &low
	p95 := 3.0
	c.Result.Delays = score.Delays{N: tp, P50: &p95, P95: &p95}
	return &scored{Suite: "made", Clips: 5, Fresh: 10, Categories: []category{c}, Pooled: &pool{Tally: f, F1: f.F1()}}
}

func save(t *testing.T, dir, name string, s *scored) {
	t.Helper()
	text, err := json.Marshal(s)
	if err == nil {
		err = os.MkdirAll(filepath.Join(dir, name), 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name, "score.json"), text, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestReport(t *testing.T) {
	dir := t.TempDir()
	model := made("Intrusion", bongsu.KindIntrusion, 95, 5, 5)
	model.Categories[0].Picture = "right.jpg"
	save(t, dir, "scoring-model", model)
	if err := os.WriteFile(filepath.Join(dir, "scoring-model", "right.jpg"), []byte("picture"), 0o644); err != nil {
		t.Fatal(err)
	}
	save(t, dir, "scoring-truth", made("Intrusion", bongsu.KindIntrusion, 99, 1, 0))
	real := made("Falldown", bongsu.KindFall, 4, 2, 0)
	real.Model.Name = "good"
	real.Categories[0].Result.Clips = []score.ClipResult{{Name: bottleClip}, {Name: "vehicle_survaillance", Tally: score.Tally{TP: 4}}, {Name: "pedestrian_survaillance", Tally: score.Tally{TP: 3, FN: 1, FP: 1}}}
	real.Events = []event{{bottleClip, bongsu.KindIntrusion, 3}, {bottleClip, bongsu.KindLineCounting, 4}}
	save(t, dir, "real-good", real)
	save(t, dir, "real-bad", made("Falldown", bongsu.KindFall, 1, 5, 0))
	for i := range 5 {
		run := made("Intrusion", bongsu.KindIntrusion, 90+i%2, 10, 10)
		run.Events = []event{{"a", bongsu.KindFall, 5}, {"b", bongsu.KindFall, 5}}
		save(t, dir, fmt.Sprint("repeat-", i), run)
	}
	net := made("Intrusion", bongsu.KindIntrusion, 90, 10, 10)
	net.Events = []event{{"a", bongsu.KindFall, 5.9}, {"b", bongsu.KindFall, 6.5}}
	save(t, dir, "rtsp", net)
	save(t, dir, "soak", &scored{Hours: 50, Soak: &soak{Hours: 50, Alarms: 2, PerHour: 0.04, Bounds: [2]float64{0.005, 0.144}}})
	var out bytes.Buffer
	to := filepath.Join(t.TempDir(), "events.md")
	if err := writeReport(&out, dir, to, "make score", false); !errors.Is(err, errFloor) {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, want := range []string{
		"PASS          real clips: falls and daily life, F1", "PASS          real clips: vehicles over the line", "FAIL          real clips: people over the line",
		"FAIL          real clips: events on the bottle clip", "PASS          simulated scoring suite: Intrusion, F1", "FAIL          simulated scoring suite: Intrusion, lower 95 % bound",
		"FAIL          simulated scoring suite: Intrusion, time night (20 events)", "PASS          false alarms in the queue per camera-hour", "PASS          pooled F1 of 5 clips, five runs",
		"not measured  pooled F1 of 0 clips, five start offsets", "1 the same, 1 from file only, 1 over RTSP only",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the floors lack %q:\n%s", want, out.String())
		}
	}
	text, err := os.ReadFile(to)
	if err != nil {
		t.Fatal(err)
	}
	figures, err := os.ReadFile(strings.TrimSuffix(to, ".md") + ".json")
	if err != nil || !json.Valid(figures) || !strings.Contains(string(figures), `"verdict": "FAIL"`) {
		t.Errorf("%v\n%s", err, figures)
	}
	real1, simulated := strings.Index(string(text), "## Real clips"), strings.Index(string(text), "## Simulated scoring suite")
	if real1 < 0 || simulated < real1 || !strings.Contains(string(text), "With good") || !strings.Contains(string(text), "99.50") {
		t.Errorf("%s", text)
	}
	if pic, err := os.ReadFile(filepath.Join(filepath.Dir(to), "events", "Intrusion.jpg")); err != nil || string(pic) != "picture" {
		t.Error(err)
	}
}

func TestShort(t *testing.T) {
	dir := t.TempDir()
	save(t, dir, "scoring-truth", made("Intrusion", bongsu.KindIntrusion, 99, 1, 0))
	save(t, dir, "scoring-model", made("Intrusion", bongsu.KindIntrusion, 1, 5, 9))
	var out bytes.Buffer
	if err := writeReport(&out, dir, "", "", true); err != nil {
		t.Errorf("a weak model fails the machinery: %v\n%s", err, out.String())
	}
	save(t, dir, "scoring-truth", made("Intrusion", bongsu.KindIntrusion, 9, 1, 1))
	if err := writeReport(&out, dir, "", "", true); !errors.Is(err, errFloor) {
		t.Errorf("rules that miss pass: %v", err)
	}
	empty := made("Intrusion", bongsu.KindIntrusion, 0, 0, 0)
	empty.Clips, empty.Fresh = 0, 0
	save(t, dir, "scoring-truth", made("Intrusion", bongsu.KindIntrusion, 99, 1, 0))
	save(t, dir, "scoring-model", empty)
	if err := writeReport(&out, dir, "", "", true); !errors.Is(err, errFloor) {
		t.Errorf("nothing was scored, and that passes: %v", err)
	}
	if err := writeReport(&out, t.TempDir(), "", "", true); err == nil || !strings.Contains(err.Error(), "holds no run") {
		t.Error(err)
	}
}

func TestRealSuite(t *testing.T) {
	data, dir := t.TempDir(), t.TempDir()
	write := func(file, text string) {
		t.Helper()
		path := filepath.Join(data, filepath.FromSlash(file))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("gt/events/events.json", `{"clips":{"vehicle_survaillance.mp4":{"size":[640,352],"line":[[250,230],[639,230]],"crossings":[{"t":1.52}]},
		"pedestrian_survaillance.mp4":{"size":[626,360],"line":[[313,0],[313,359]],"crossings":[{"t":2.7},{"t":3.2}]}}}`)
	write("gt/gmdcsa24/clips.json", `{"clips":{"s1_Fall_1.mp4":{"kind":"Fall","time_of_day":"Night","segments":[{"label":"Falling (BW)","start":2.5},{"label":"Walking","start":0}]},
		"s1_ADL_1.mp4":{"kind":"ADL","segments":[{"label":"Sitting","start":0}]},"not_there.mp4":{"kind":"ADL"}}}`)
	for _, v := range []string{"vehicle_survaillance.mp4", "pedestrian_survaillance.mp4", bottleClip + ".mp4", oneByOneClip + ".mp4", "gmdcsa24/s1_Fall_1.mp4", "gmdcsa24/s1_ADL_1.mp4"} {
		write("videos/"+v, "")
		c := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=s=64x48:r=12:d=2", "-c:v", "libx264", "-y", filepath.Join(data, "videos", filepath.FromSlash(v)))
		if msg, err := c.CombinedOutput(); err != nil {
			t.Skipf("ffmpeg is needed: %v\n%s", err, msg)
		}
	}
	for range 2 { // again, over what is there
		if err := run([]string{"real", "--data", data, "--dir", dir}, os.Stdout); err != nil {
			t.Fatal(err)
		}
	}
	s, err := suite.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Clips) != 6 {
		t.Fatalf("%+v", s.Clips)
	}
	for i := range s.Clips {
		c := &s.Clips[i]
		if err := s.Verify(c); err != nil || c.FPS != 12 || c.DurationS < 1.9 || c.DurationS > 2.1 {
			t.Errorf("%+v: %v", c, err)
		}
		if want := map[string]int{"s1_Fall_1": 1, "pedestrian_survaillance": 2, "vehicle_survaillance": 1}[c.Name]; c.Events != want {
			t.Errorf("%s has %d events", c.Name, c.Events)
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "Falldown", "s1_Fall_1.xml"))
	if err != nil || !strings.Contains(string(text), "<StartTime>00:00:04</StartTime>") { // 2.5 s and the offset of 1 s, half up
		t.Errorf("%v\n%s", err, text)
	}
	if err := run([]string{"real", "--data", t.TempDir(), "--dir", dir}, os.Stdout); err == nil {
		t.Error("a folder without clips was taken")
	}
	if err := run([]string{"walk"}, os.Stdout); err == nil || !strings.Contains(err.Error(), "flags are missing") {
		t.Error(err)
	}
}

func TestSameEvents(t *testing.T) {
	a := &scored{Events: []event{{"a", bongsu.KindFall, 5}, {"a", bongsu.KindFall, 5.5}, {"b", bongsu.KindFire, 3}}}
	b := &scored{Events: []event{{"a", bongsu.KindFall, 6}, {"b", bongsu.KindFall, 3}, {"a", bongsu.KindFall, 4.5}}}
	if same, onlyA, onlyB := sameEvents(a, b); same != 2 || onlyA != 1 || onlyB != 1 {
		t.Error(same, onlyA, onlyB)
	}
}
