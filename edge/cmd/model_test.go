package cmd

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bongsu"
)

func TestModelVerbs(t *testing.T) {
	dir := t.TempDir()
	folder := models(t, dir)
	model := func(args ...string) (int, string, string) {
		return tool(t, append([]string{"model", "--models", folder}, args...)...)
	}
	if out := must(t, "model", "--models", folder, "list"); !strings.Contains(out, "tiny  1.0      yolox   64x64  Apache-2.0") {
		t.Errorf("list:\n%s", out)
	}
	if out := must(t, "model", "--models", folder, "verify"); out != "tiny: good\n" {
		t.Errorf("verify: %s", out)
	}
	other := put(t, t.TempDir(), "words.onnx", "no model at all\n")
	forged := filepath.Join(dir, "forged.yaml")
	text, err := os.ReadFile(filepath.Join(dir, "manifest.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	at := strings.Index(string(text), "sha256: ") + len("sha256: ")
	put(t, dir, "forged.yaml", string(text[:at])+strings.Repeat("0", 64)+string(text[at+64:]))
	for _, c := range []struct {
		code int
		says string
		args []string
	}{
		{ExitFailed, "is already in " + folder, []string{"add", filepath.Join(dir, "tiny.onnx")}},
		{ExitFailed, "it is a text file, not an ONNX model", []string{"add", other}},
		{ExitFailed, "it is another file or damaged", []string{"add", "--manifest", forged, filepath.Join(dir, "tiny.onnx")}},
		{ExitFailed, `model "none" is not installed`, []string{"remove", "none"}},
		{ExitFound, "1 of 1 models cannot be used", []string{"verify", "none"}},
		{ExitOK, "", []string{"remove", "tiny"}},
		{ExitOK, "NAME", []string{"list"}},
	} {
		if code, out, errs := model(c.args...); code != c.code || !strings.Contains(out+errs, c.says) {
			t.Errorf("%v: exit code %d, want %d and %q\n%s%s", c.args, code, c.code, c.says, out, errs)
		}
	}
	if out := must(t, "model", "--models", folder, "list"); strings.Contains(out, "tiny") {
		t.Errorf("after remove:\n%s", out)
	}
}

// zoneYAML is a configuration whose cameras hold rules that the tiny model's person meets.
func zoneYAML(dataDir, models, cameras string) string {
	return "edge: {name: box}\ndata_dir: " + dataDir + "\nmodels_dir: " + models + "\ndebug: {listen: \"127.0.0.1:0\"}\n" +
		"defaults: {model: tiny, infer_per_s: 5, pre_roll_s: 1, post_roll_s: 1}\ncameras:\n" + cameras
}

const zoneRule = "    rules: [{id: all, kind: intrusion, zone: [[0, 0], [1, 0], [1, 1], [0, 1]]}]\n"

func TestReplayPrintsWireEvents(t *testing.T) {
	dir := t.TempDir()
	film := video(t, dir, "libx264", 6)
	config := put(t, dir, "edge.yaml", zoneYAML(dir, models(t, dir),
		"  - id: gate\n    url: rtsp://127.0.0.1/gate\n    username: viewer\n    password_file: /none/at/all\n"+zoneRule+
			"  - id: yard\n    url: rtsp://127.0.0.1/yard\n"+zoneRule))
	code, out, errs := tool(t, "replay", "--config", config, "--camera", "gate", "--start", "2026-03-01T09:00:00Z", film)
	if code != ExitOK {
		t.Fatalf("exit code %d\n%s", code, errs)
	}
	var revisions []bongsu.Event
	for _, line := range strings.Split(strings.TrimSpace(out), "\n") {
		var rec bongsu.EventRecord
		if err := json.Unmarshal([]byte(line), &rec); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		revisions = append(revisions, rec.Event)
	}
	last := revisions[len(revisions)-1]
	start := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	if last.State != bongsu.EventClosed || last.Camera != "gate" || last.Kind != bongsu.KindIntrusion || last.Revision != len(revisions) ||
		last.Start.Before(start) || last.Fired.After(start.Add(2*time.Second)) || last.End.Before(start.Add(5*time.Second)) {
		t.Errorf("%d revisions, the last %+v", len(revisions), last)
	}
	for _, want := range []string{"libx264.mp4: 50 %", "60 pictures, 30 looked at"} {
		if !strings.Contains(errs, want) {
			t.Errorf("%q is not in\n%s", want, errs)
		}
	}
	for _, c := range []struct {
		code int
		says string
		args []string
	}{
		{ExitUsage, "--camera is missing: the configuration has 2 cameras", []string{film}},
		{ExitUsage, `there is no camera "cellar"`, []string{"--camera", "cellar", film}},
		{ExitUsage, `--start "noon" is not a time like`, []string{"--camera", "gate", "--start", "noon", film}},
		{ExitFailed, "/none.mp4", []string{"--camera", "gate", "/none.mp4"}},
		{ExitFailed, "edge.yaml", []string{"--camera", "gate", config}},
	} {
		if code, out, errs := tool(t, append([]string{"replay", "--config", config}, c.args...)...); code != c.code || !strings.Contains(errs, c.says) || out != "" {
			t.Errorf("%v: exit code %d, want %d and %q\n%s%s", c.args, code, c.code, c.says, out, errs)
		}
	}
}
