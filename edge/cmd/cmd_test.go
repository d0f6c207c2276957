package cmd

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"bongsu/deploy/faults/witness"
	"bongsu/models/modelstest"
)

// TestMain is the worker process, too, when `run` under test starts this binary as one.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && slices.Contains([]string{"worker", "prober"}, os.Args[1]) {
		w := Main{Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}
		os.Exit(w.Run(context.Background()))
	}
	goleak.VerifyTestMain(m)
}

// buffer is an output that many may write.
type buffer = witness.Output

// tool runs one command line to its end.
func tool(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs buffer
	m := Main{Args: args, Stdout: &out, Stderr: &errs}
	code = m.Run(t.Context())
	return code, out.String(), errs.String()
}

// must is tool for what has to succeed.
func must(t *testing.T, args ...string) string {
	t.Helper()
	code, out, errs := tool(t, args...)
	if code != ExitOK {
		t.Fatalf("%v: exit code %d\n%s%s", args, code, out, errs)
	}
	return out
}

// put writes a file of the test's folder.
func put(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// video makes a white film of 10 pictures a second, in which the tiny model sees its things.
func video(t *testing.T, dir, codec string, seconds int) string {
	t.Helper()
	path := filepath.Join(dir, codec+".mp4")
	c := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-f", "lavfi", "-i", fmt.Sprintf("color=white:s=320x240:r=10:d=%d", seconds),
		"-c:v", codec, "-g", "10", "-pix_fmt", "yuv420p", "-y", path)
	if out, err := c.CombinedOutput(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("ffmpeg: %v\n%s", err, out)
		}
		t.Skipf("ffmpeg with %s is needed: %v", codec, err)
	}
	return path
}

// tiny is a model that sees one person in the middle of every white picture.
var tiny = modelstest.Tiny{Width: 64, Height: 64, Classes: 2,
	Things: []modelstest.Thing{{X: 32, Y: 28, W: 20, H: 24, Class: 0, Score: 0.95}}}

// models makes a model folder with tiny in it.
func models(t *testing.T, dir string) string {
	t.Helper()
	file, err := tiny.YOLOXPackage("tiny").Write(dir)
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(dir, "models")
	if got := must(t, "model", "--models", folder, "add", file); got != "tiny\n" {
		t.Fatalf("add printed %q", got)
	}
	return folder
}

func TestWords(t *testing.T) {
	good := put(t, t.TempDir(), "edge.yaml", "edge: {name: box}\n")
	for _, c := range []struct {
		code int
		says string
		args []string
	}{
		{ExitUsage, "watches cameras", nil},
		{ExitOK, "camera   find out what a camera offers", []string{"--help"}},
		{ExitOK, "--still", []string{"camera", "--help"}},
		{ExitOK, "--still", []string{"camera", "probe", "--help"}},
		{ExitOK, "--manifest", []string{"model", "add", "--help"}},
		{ExitOK, "bongsu-edge " + Version, []string{"version"}},
		{ExitUsage, "no words are expected", []string{"version", "1"}},
		{ExitUsage, `there is no verb "dance"`, []string{"dance"}},
		{ExitUsage, "a word is missing", []string{"camera"}},
		{ExitUsage, "say probe and one rtsp:// address", []string{"camera", "probe"}},
		{ExitUsage, "--seconds 0: say how long to listen", []string{"camera", "probe", "--seconds", "0", "rtsp://127.0.0.1/x"}},
		{ExitUsage, "flag provided but not defined: -password", []string{"camera", "probe", "--password", "x", "rtsp://127.0.0.1/x"}},
		{ExitUsage, "say list, catalogue, install", []string{"model", "--models", "x", "dance"}},
		{ExitUsage, "name one file", []string{"replay"}},
		{ExitFailed, "cannot read the configuration /none/edge.yaml", []string{"replay", "--config", "/none/edge.yaml", "x.mp4"}},
		{ExitUsage, "no words are expected", []string{"run", "now"}},
		{ExitFailed, "cannot read the configuration /none/edge.yaml", []string{"run", "--config", "/none/edge.yaml"}},
		{ExitUsage, `--only "dance": say config, models or outbox`, []string{"check", "--config", good, "--only", "dance"}},
		{ExitFound, "cannot read the configuration /none/edge.yaml", []string{"check", "--config", "/none/edge.yaml"}},
		{ExitUsage, "--models is missing", []string{"worker"}},
	} {
		code, out, errs := tool(t, c.args...)
		if code != c.code || !strings.Contains(out+errs, c.says) {
			t.Errorf("%v: exit code %d, want %d and %q\n%s%s", c.args, code, c.code, c.says, out, errs)
		}
	}
}

func TestEveryVerbHasHelp(t *testing.T) {
	all := must(t, "--help")
	for _, v := range verbs() {
		if out := must(t, v.name, "--help"); !strings.Contains(out, "example:\n  bongsu-edge "+v.name) {
			t.Errorf("%s --help:\n%s", v.name, out)
		}
		if strings.Contains(all, "\n  "+v.name+" ") == v.hidden {
			t.Errorf("%s: hidden is %v, and the list is\n%s", v.name, v.hidden, all)
		}
	}
}
