package cmd

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"bongsu/edge/outbox"
	"bongsu/streams/streamstest"
)

// running is a started `run`.
type running struct {
	t      *testing.T
	url    string // of the debug port
	stderr *buffer
	stop   context.CancelFunc
	exit   chan int
}

var readyLine = regexp.MustCompile(`(?m)^ready (http://\S+)$`)

func startRun(t *testing.T, config string) *running {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	var out buffer
	r := &running{t: t, stderr: &buffer{}, stop: stop, exit: make(chan int, 1)}
	go func() {
		m := Main{Args: []string{"run", "--config", config}, Stdout: &out, Stderr: r.stderr}
		r.exit <- m.Run(ctx)
	}()
	t.Cleanup(stop)
	streamstest.Eventually(t, "the edge is ready", func() bool {
		if m := readyLine.FindStringSubmatch(out.String()); m != nil {
			r.url = m[1]
		}
		return r.url != "" || len(r.exit) > 0
	})
	if r.url == "" {
		t.Fatalf("run ended with %d\n%s", <-r.exit, r.stderr)
	}
	return r
}

// end stops the edge and gives its exit code.
func (r *running) end() int {
	r.t.Helper()
	http.DefaultClient.CloseIdleConnections()
	r.stop()
	return <-r.exit
}

func (r *running) get(path string) string {
	r.t.Helper()
	resp, err := http.Get(r.url + path)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		r.t.Fatalf("%s: %d, %v\n%s", path, resp.StatusCode, err, b)
	}
	return string(b)
}

// cameras gives state by camera.
func (r *running) cameras() map[string]string {
	r.t.Helper()
	var answer struct {
		Cameras []struct{ ID, State string }
	}
	if err := json.Unmarshal([]byte(r.get("/debug/cameras")), &answer); err != nil {
		r.t.Fatal(err)
	}
	all := map[string]string{}
	for _, c := range answer.Cameras {
		all[c.ID] = c.State
	}
	return all
}

// TestRunFromCameraToOutbox runs the edge as it is, its worker a process of its own: an event
// with its clip gets into the outbox, a changed file takes effect, a wrong one does not, and the
// end is in good order.
func TestRunFromCameraToOutbox(t *testing.T) {
	dir := t.TempDir()
	s := served(t, streamstest.ServerOptions{Users: map[string]string{"viewer": canary}}, video(t, dir, "libx264", 4))
	put(t, dir, "password", canary)
	camera := func(id string) string {
		return "  - id: " + id + "\n    url: " + s.URL("gate") + "\n    username: viewer\n    password_file: " + filepath.Join(dir, "password") + "\n" + zoneRule
	}
	data, folder := filepath.Join(dir, "data"), models(t, dir)
	config := put(t, dir, "edge.yaml", zoneYAML(data, folder, camera("gate")))
	if out := must(t, "check", "--config", config); !strings.Contains(out, "good   model tiny") || !strings.Contains(out, "there is no outbox yet") {
		t.Errorf("check before the first start:\n%s", out)
	}
	r := startRun(t, config)
	streamstest.Eventually(t, "an event is in the outbox", func() bool {
		return regexp.MustCompile(`(?m)^bongsu_events_stored_total [1-9]`).MatchString(r.get("/metrics"))
	})
	if got := r.cameras(); len(got) != 1 || got["gate"] != "live" {
		t.Errorf("cameras %v", got)
	}
	if got := r.get("/"); !strings.Contains(got, `"gate"`) {
		t.Errorf("the address that `run` prints shows %.200s", got)
	}
	streamstest.Eventually(t, "a picture with boxes", func() bool {
		resp, err := http.Get(r.url + "/debug/cameras/gate/frame")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK && resp.Header.Get("Content-Type") == "image/jpeg"
	})

	put(t, dir, "edge.yaml", zoneYAML(data, folder, camera("gate"))+"nonsense: 1\n")
	streamstest.Eventually(t, "the mistake is named", func() bool {
		return strings.Contains(r.stderr.String(), "the changed configuration is not used: "+config) && strings.Contains(r.stderr.String(), "nonsense: unknown key")
	})
	put(t, dir, "edge.yaml", zoneYAML(data, folder, camera("gate")+camera("yard")))
	streamstest.Eventually(t, "a second camera is live", func() bool { return r.cameras()["yard"] == "live" })
	if strings.Contains(r.stderr.String(), "camera changed") {
		t.Errorf("the first camera was touched:\n%s", r.stderr)
	}
	if code := r.end(); code != ExitOK {
		t.Fatalf("exit code %d\n%s", code, r.stderr)
	}
	for _, bad := range []string{canary, "could not be recorded"} {
		if strings.Contains(r.stderr.String(), bad) {
			t.Errorf("%q is in the log:\n%s", bad, r.stderr)
		}
	}
	out := must(t, "check", "--config", config)
	if !regexp.MustCompile(`good   outbox: [1-9]\d* event revisions`).MatchString(out) || strings.Contains(out, canary) {
		t.Errorf("check afterwards:\n%s", out)
	}
	rep, err := outbox.Check(filepath.Join(data, "outbox"))
	if err != nil || rep.Counts.Clips.Created == 0 {
		t.Errorf("clips %+v, %v", rep, err)
	}
}

func TestCheckFindsDamage(t *testing.T) {
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	box, err := outbox.Open(filepath.Join(data, "outbox"), outbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := box.Close(); err != nil {
		t.Fatal(err)
	}
	folder := models(t, dir)
	config := put(t, dir, "edge.yaml", zoneYAML(data, folder, "  - id: gate\n    url: rtsp://127.0.0.1/gate\n    model: none\n"+zoneRule))
	if err := os.WriteFile(filepath.Join(data, "outbox", "clips", "stray.mp4"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := tool(t, "check", "--config", config)
	for _, want := range []string{`BAD    model none of camera gate: model "none" is not installed`, "BAD    outbox: I6, clips/stray.mp4"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	if code != ExitFound || !strings.Contains(errs, "2 found") {
		t.Errorf("exit code %d\n%s%s", code, out, errs)
	}
	put(t, dir, "edge.yaml", zoneYAML(data, folder, "  - id: gate\n    url: rtsp://127.0.0.1/gate\n    nmae: x\n"+zoneRule))
	if code, out, _ := tool(t, "check", "--config", config); code != ExitFound || !strings.Contains(out, `edge.yaml:9: cameras[0].nmae: unknown key; did you mean "name"?`) {
		t.Errorf("exit code %d\n%s", code, out)
	}
}
