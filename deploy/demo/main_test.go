package demo

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// bin is where the programs under test are: the real ones, built once.
var bin string

func TestMain(m *testing.M) {
	code, err := buildAndRun(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func buildAndRun(m *testing.M) (int, error) {
	dir, err := os.MkdirTemp("", "bongsu-e2e")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	bin = dir
	for program, pkg := range map[string]string{
		"bongsu-edge":   "bongsu/edge/cmd/bongsu-edge",
		"bongsu-cloud":  "bongsu/cloud/cmd/bongsu-cloud",
		"bongsu-camera": "bongsu/deploy/demo/cmd/bongsu-camera",
	} {
		out, err := exec.Command("go", "build", "-o", filepath.Join(dir, program), pkg).CombinedOutput()
		if err != nil {
			return 1, fmt.Errorf("go build %s: %w\n%s", pkg, err, out)
		}
	}
	return m.Run(), nil
}

// within is a context that ends with the test or after d.
func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// eventually waits until ok says so, looking ten times a second.
func eventually(t *testing.T, ctx context.Context, what string, ok func() (bool, string)) {
	t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		done, now := ok()
		if done {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%s: not within the time given; now: %s", what, now)
		}
	}
}

// data gives the folder of real videos and models, or skips.
func data(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("BONGSU_DATA")
	if dir == "" {
		t.Skip("BONGSU_DATA is not set: this test needs real videos and a real model")
	}
	return dir
}

// startSystem starts a cloud with accounts and an installed model; the caller adds cameras and
// an edge. What the programs printed is shown when the test fails.
func startSystem(t *testing.T, model string) *System {
	t.Helper()
	s := NewSystem(bin, t.TempDir(), "127.0.0.1:0")
	s.begin(t, model)
	return s
}

// begin starts the cloud, makes accounts and installs the model.
func (s *System) begin(t *testing.T, model string) {
	t.Helper()
	t.Cleanup(func() {
		s.Stop()
		if t.Failed() {
			s.dumpLogs(t)
		}
	})
	ctx := within(t, 2*time.Minute)
	if err := s.StartCloud(ctx); err != nil {
		t.Fatal(err)
	}
	if err := s.MakeAccounts(ctx); err != nil {
		t.Fatal(err)
	}
	var err error
	if s.Model, err = s.AddModel(ctx, model); err != nil {
		t.Fatal(err)
	}
}

func (s *System) dumpLogs(t *testing.T) {
	for _, name := range []string{"cloud", "cloud-2", "edge", "cameras"} {
		log, err := os.ReadFile(filepath.Join(s.Dir, name+".log"))
		if err == nil {
			t.Logf("%s.log, its end:\n%s", name, log[max(0, len(log)-6000):])
		}
	}
}
