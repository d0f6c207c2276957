package demo

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bongsu"
	"bongsu/streams"
	"bongsu/streams/streamstest"
)

// TestBadCamerasHarmNobody gives an edge one good camera and one of each kind of bad one. Each
// bad one says what is wrong; the good one's events arrive.
func TestBadCamerasHarmNobody(t *testing.T) {
	t.Parallel()
	s := startSystem(t, tinyModel(t, "tiny", 0.9))
	good := Show{ID: "good", Name: "정상", File: film(t, "libx264", scene{3, false}, scene{3, true}, scene{60, false}), Rules: anyoneRule}
	shows := []Show{good}
	ctx := within(t, 3*time.Minute)
	if err := s.StartCameras(ctx, shows, false); err != nil {
		t.Fatal(err)
	}
	units := streamstest.Synthetic(streamstest.SyntheticOptions{Codec: streams.H264, Units: 600, GOP: 10})
	locked := streamstest.Start(t, streamstest.ServerOptions{Users: map[string]string{"viewer": "right"},
		Paths: []*streamstest.Path{{Name: "cam", Units: units, Loop: true}}})
	silent := streamstest.Start(t, streamstest.ServerOptions{Silent: true})
	bare := streamstest.Start(t, streamstest.ServerOptions{Paths: []*streamstest.Path{{Name: "cam", Units: units, Loop: true, NoSDP: true, NoBand: true}}})
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("wrong\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	bad := []struct {
		show         Show
		code, phrase string
	}{
		{Show{ID: "no-path", URL: strings.TrimSuffix(shows[0].URL, "good") + "elsewhere"}, streams.ReasonNotFound, "404"},
		{Show{ID: "no-host", URL: "rtsp://127.0.0.1:1/cam"}, streams.ReasonUnreachable, "refuses connections"},
		{Show{ID: "locked", URL: locked.URL("cam"), User: "viewer", PasswordFile: password}, streams.ReasonWrongPassword, "password"},
		{Show{ID: "silent", URL: silent.URL("cam")}, streams.ReasonSilent, "did not answer"},
		{Show{ID: "bare", URL: bare.URL("cam")}, streams.ReasonNoParameters, "parameter sets"},
	}
	for _, b := range bad {
		b.show.Name, b.show.Rules = b.show.ID, anyoneRule
		shows = append(shows, b.show)
	}
	if err := s.StartEdge(ctx, shows); err != nil {
		t.Fatal(err)
	}
	began := s.began(t, ctx, "good")
	checkTimes(t, "good", began, s.waitEvents(t, ctx, "good", 1), 3)
	for _, b := range bad {
		eventually(t, ctx, "camera "+b.show.ID+" says what is wrong", func() (bool, string) {
			state, code, reason, err := s.cameraState(ctx, b.show.ID)
			ok := err == nil && state != bongsu.CameraLive && code == b.code && strings.Contains(reason, b.phrase)
			return ok, fmt.Sprintf("want %s with %q; %s %s %q %v", b.code, b.phrase, state, code, reason, err)
		})
	}
	log, err := os.ReadFile(filepath.Join(s.Dir, "edge.log"))
	if err != nil || strings.Contains(string(log), "wrong\n") || strings.Contains(string(log), "password=wrong") {
		t.Errorf("the edge's log holds the camera's password, or cannot be read: %v", err)
	}
}

// TestBadConfigurationIsRefusedAndNothingChanges edits edge.yaml of a running edge in every way
// that the configuration refuses, and sees the camera go on; `check` names the line.
func TestBadConfigurationIsRefusedAndNothingChanges(t *testing.T) {
	t.Parallel()
	s := startSystem(t, tinyModel(t, "tiny", 0.9))
	shows := []Show{{ID: "good", Name: "정상", File: film(t, "libx264", scene{40, false}), Rules: anyoneRule}}
	ctx := within(t, 2*time.Minute)
	if err := s.StartCameras(ctx, shows, true); err != nil {
		t.Fatal(err)
	}
	if err := s.StartEdge(ctx, shows); err != nil {
		t.Fatal(err)
	}
	live := func() (bool, string) {
		state, code, _, err := s.cameraState(ctx, "good")
		return err == nil && state == bongsu.CameraLive, fmt.Sprintf("%s %s %v", state, code, err)
	}
	eventually(t, ctx, "the camera is live", live)
	goodYAML, err := os.ReadFile(s.edgeConfig())
	if err != nil {
		t.Fatal(err)
	}
	zone := "[[0, 0.01], [0.99, 0.01], [0.99, 0.99], [0, 0.99]]"
	for _, c := range []struct{ name, from, to, says string }{
		{"a zone that crosses itself", zone, "[[0.1, 0.1], [0.9, 0.9], [0.9, 0.1], [0.1, 0.9]]", "crosses itself"},
		{"an unknown key", "linger_s: 1", "lingers: 1", "lingers"},
		{"two cameras of one id", "cameras:\n", "cameras:\n  - {id: good, name: x, url: \"rtsp://127.0.0.1/x\"}\n", "good"},
	} {
		wrong := strings.Replace(string(goodYAML), c.from, c.to, 1)
		if wrong == string(goodYAML) {
			t.Fatalf("%s: the test's replacement does not apply", c.name)
		}
		if err := os.WriteFile(s.edgeConfig(), []byte(wrong), 0o600); err != nil {
			t.Fatal(err)
		}
		// The running edge says so, with the place, and goes on.
		if _, err := s.Process("edge").Line(ctx, func(l string) bool {
			return strings.Contains(l, c.says) && strings.Contains(l, "edge.yaml:")
		}); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		_, err := s.tool(ctx, "", "bongsu-edge", "check", "--only", "config", "--config", s.edgeConfig())
		if err == nil || !strings.Contains(err.Error(), "exit status 3") {
			t.Errorf("%s: check says %v, want exit code 3", c.name, err)
		}
		eventually(t, ctx, c.name+": the camera goes on", live)
	}
}

// TestBadModelsAreRefused tries what is no model, and a model that is not what its manifest says.
func TestBadModelsAreRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	good := tinyModel(t, "tiny", 0.9)
	text := filepath.Join(dir, "letter.onnx")
	if err := os.WriteFile(text, []byte("Dear Sir, this is not a model.\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	// The same model with a doc_string: still ONNX, but another file than the manifest names.
	other := filepath.Join(filepath.Dir(good), "changed.onnx")
	data, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(other, append(data, 0x32, 0x01, 0x78), 0o600); err != nil {
		t.Fatal(err)
	}
	s := NewSystem(bin, t.TempDir(), "")
	ctx := within(t, time.Minute)
	models := filepath.Join(dir, "models")
	for _, c := range []struct{ file, says string }{
		{text, "letter.onnx"},
		{other, "sha256"},
		{filepath.Join(dir, "missing.onnx"), "missing.onnx"},
	} {
		_, err := s.tool(ctx, "", "bongsu-edge", "model", "add", "--models", models, "--manifest", filepath.Join(filepath.Dir(good), "manifest.yaml"), c.file)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("model add %s: %v, want an error that names %q", filepath.Base(c.file), err, c.says)
		}
	}
	if out, err := s.tool(ctx, "", "bongsu-edge", "model", "--models", models, "list"); err != nil || strings.Count(out, "\n") != 0 {
		t.Errorf("after three refusals the list is %q, %v", out, err)
	}
}
