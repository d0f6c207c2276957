package deploy_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	cloud "bongsu/cloud/cmd"
	"bongsu/deploy/faults/witness"
	edge "bongsu/edge/cmd"
	"bongsu/models/modelstest"
)

// TestMain is the worker process, too, when the edge under test starts this binary as one.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "worker" {
		w := edge.Main{Args: os.Args[1:], Stdout: os.Stdout, Stderr: os.Stderr}
		os.Exit(w.Run(context.Background()))
	}
	goleak.VerifyTestMain(m)
}

// buffer is an output that many may write.
type buffer = witness.Output

var (
	readyLine  = regexp.MustCompile(`(?m)^ready (http://\S+)$`)
	metricType = regexp.MustCompile(`(?m)^# TYPE (\S+) (\S+)$`)
)

// program is one of the two, running within this process.
type program struct {
	out, errs buffer
	stop      context.CancelFunc
	exit      chan int
	url       string
}

func run(t *testing.T, start func(ctx context.Context, out, errs io.Writer) int) *program {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	p := &program{stop: stop, exit: make(chan int, 1)}
	go func() { p.exit <- start(ctx, &p.out, &p.errs) }()
	t.Cleanup(p.end)
	eventually(t, "the program is ready", func() bool {
		if m := readyLine.FindStringSubmatch(p.out.String()); m != nil {
			p.url = m[1]
		}
		return p.url != "" || len(p.exit) > 0
	})
	if p.url == "" {
		t.Fatalf("it ended before it was ready\n%s%s", p.out.String(), p.errs.String())
	}
	return p
}

func (p *program) end() {
	http.DefaultClient.CloseIdleConnections()
	p.stop()
	<-p.exit
	p.exit <- 0 // it may be asked again
}

// metrics gives the type of every metric that the program exposes.
func (p *program) metrics(t *testing.T) map[string]string {
	t.Helper()
	resp, err := http.Get(p.url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("/metrics: %d, %v", resp.StatusCode, err)
	}
	all := map[string]string{}
	for _, m := range metricType.FindAllStringSubmatch(string(b), -1) {
		all[m[1]] = m[2]
	}
	return all
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	late := time.NewTimer(time.Minute)
	defer late.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-late.C:
			t.Fatalf("in vain: %s", what)
		}
	}
}

func put(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// edgeMetrics starts an edge with a camera that is not there, and waits until its worker counts.
func edgeMetrics(t *testing.T) map[string]string {
	t.Helper()
	dir := t.TempDir()
	tiny := modelstest.Tiny{Width: 64, Height: 64, Classes: 2}
	file, err := tiny.YOLOXPackage("tiny").Write(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out buffer
	add := edge.Main{Args: []string{"model", "--models", filepath.Join(dir, "models"), "add", file}, Stdout: &out, Stderr: &out}
	if add.Run(t.Context()) != 0 {
		t.Fatal(out.String())
	}
	config := put(t, dir, "edge.yaml", fmt.Sprintf(`
edge: {name: box}
data_dir: %s/data
models_dir: %s/models
debug: {listen: "127.0.0.1:0"}
cameras:
  - {id: gate, url: "rtsp://127.0.0.1:9/x", model: tiny, rules: [{id: yard, kind: intrusion, zone: [[0, 0], [1, 0], [1, 1]]}]}
`, dir, dir))
	p := run(t, func(ctx context.Context, out, errs io.Writer) int {
		m := edge.Main{Args: []string{"run", "--config", config}, Stdout: out, Stderr: errs}
		return m.Run(ctx)
	})
	eventually(t, "the worker's counts", func() bool { return p.metrics(t)["bongsu_units_received_total"] != "" })
	defer p.end()
	return p.metrics(t)
}

func cloudMetrics(t *testing.T) map[string]string {
	t.Helper()
	data := t.TempDir()
	p := run(t, func(ctx context.Context, out, errs io.Writer) int {
		var m cloud.Main
		return m.Run(ctx, []string{"serve", "--data", data, "--listen", "127.0.0.1:0"}, strings.NewReader(""), out, errs, func(string) string { return "" })
	})
	defer p.end()
	return p.metrics(t)
}
