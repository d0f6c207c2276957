package cmd

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"bongsu/edge/outbox"
	"bongsu/streams/streamstest"
)

// seen is a camera as the debug port shows it.
type seen struct {
	ID      string
	State   string
	InferPS float64 `json:"infer_ps"`
	PID     int
	Deaths  int
}

func (r *running) site() map[string]seen {
	r.t.Helper()
	var answer struct{ Cameras []seen }
	if err := json.Unmarshal([]byte(r.get("/debug/cameras")), &answer); err != nil {
		r.t.Fatal(err)
	}
	all := map[string]seen{}
	for _, c := range answer.Cameras {
		all[c.ID] = c
	}
	return all
}

// within waits for ok, which may take longer than what Eventually grants.
func within(t *testing.T, d time.Duration, what string, ok func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	deadline := time.After(d)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("not after %s: %s", d, what)
		case <-tick.C:
		}
	}
	return time.Since(began)
}

// TestSite runs a whole site as it is: sixteen cameras get their power in one instant, a worker
// crashes under load, the edge is asked to stop under load, and starts again.
func TestSite(t *testing.T) {
	const cameras = 16
	dir := t.TempDir()
	film := video(t, dir, "libx264", 4)
	var paths []*streamstest.Path
	var yaml strings.Builder
	for i := range cameras {
		p, err := streamstest.FilePath(fmt.Sprintf("c%d", i), film)
		if err != nil {
			t.Fatal(err)
		}
		p.Loop = true
		paths = append(paths, p)
	}
	s := streamstest.Start(t, streamstest.ServerOptions{Paths: paths})
	for i := range cameras {
		fmt.Fprintf(&yaml, "  - id: c%d\n    url: %s\n%s", i, s.URL(fmt.Sprintf("c%d", i)), zoneRule)
	}
	data, folder := filepath.Join(dir, "data"), models(t, dir)
	config := put(t, dir, "edge.yaml", zoneYAML(data, folder, yaml.String()))

	began := time.Now()
	r := startRun(t, config)
	all := func(ok func(seen) bool) bool {
		n := 0
		for _, c := range r.site() {
			if ok(c) {
				n++
			}
		}
		return n == cameras
	}
	var first, last time.Time
	within(t, time.Minute, "all cameras are called", func() bool {
		n := connections(s)
		if last = time.Now(); n > 0 && first.IsZero() {
			first = last
		}
		return n >= cameras
	})
	within(t, time.Minute, "all cameras infer", func() bool { return all(func(c seen) bool { return c.State == "live" && c.InferPS > 0 }) })
	up := time.Since(began)
	t.Logf("figure R40: %d cameras of one site all infer %s after the start; their connections spread over %s", cameras, up.Round(10*time.Millisecond), last.Sub(first).Round(10*time.Millisecond))

	crashed := r.crash(t, data)
	within(t, time.Minute, "an event of every camera", func() bool { return r.metric("bongsu_events_stored_total") >= cameras })

	began = time.Now()
	if code := r.end(); code != ExitOK {
		t.Fatalf("exit code %d\n%s", code, r.stderr)
	}
	stopped := time.Since(began)
	rep, err := outbox.Check(filepath.Join(data, "outbox"))
	if err != nil || len(rep.Violations) != 0 || rep.Counts.Clips.Writing != 0 {
		t.Errorf("after the stop: %+v, %v", rep, err)
	}
	if strings.Contains(r.stderr.String(), "there was no time to stop in good order") {
		t.Error("a worker had to leave something behind")
	}
	again := startRun(t, config)
	within(t, time.Minute, "live again", func() bool { return again.site()["c0"].State == "live" })
	if code := again.end(); code != ExitOK {
		t.Fatalf("exit code %d\n%s", code, again.stderr)
	}
	for _, repair := range []string{"salvage", "damaged", "without a row", "torn"} {
		if strings.Contains(again.stderr.String(), repair) {
			t.Errorf("the next start had to repair something (%q):\n%s", repair, again.stderr)
		}
	}
	t.Logf("figure R47: %d cameras with open events and clips: stopped %s after it was asked to, %d revisions and %d clip parts in order, 0 left writing, the next start repairs nothing",
		cameras, stopped.Round(10*time.Millisecond), rep.Counts.Events.Created, rep.Counts.Clips.Created)
	t.Logf("%s", crashed)
}

// connections counts the DESCRIBEs so far.
func connections(s *streamstest.Server) (n int) {
	for _, q := range s.Requests() {
		if q.Method == "DESCRIBE" {
			n++
		}
	}
	return n
}

var metricLine = regexp.MustCompile(`(?m)^(\w+) (\S+)$`)

// metric gives a metric without labels.
func (r *running) metric(name string) (v int) {
	r.t.Helper()
	for _, m := range metricLine.FindAllStringSubmatch(r.get("/metrics"), -1) {
		if m[1] == name {
			_, _ = fmt.Sscan(m[2], &v)
		}
	}
	return v
}

// crash kills one worker as a fault in C does and holds the memory of all against their bound.
func (r *running) crash(t *testing.T, data string) string {
	t.Helper()
	before := r.site()
	victim, peak, capped := before["c0"].PID, 0, 0
	for _, c := range before {
		kib, limit := processMemory(t, c.PID)
		peak = max(peak, kib>>10)
		if limit == "2147483648" {
			capped++
		}
	}
	if capped != len(before) {
		t.Errorf("%d of %d cameras are in a worker whose memory is capped", capped, len(before))
	}
	if err := syscall.Kill(victim, syscall.SIGSEGV); err != nil {
		t.Fatal(err)
	}
	took := within(t, time.Minute, "the cameras of the crashed worker are back", func() bool {
		now := r.site()["c0"]
		return now.State == "live" && now.PID != victim && now.InferPS > 0
	})
	others := 0
	for id, c := range r.site() {
		if before[id].PID != victim {
			others++
			if c.PID != before[id].PID || c.State != "live" {
				t.Errorf("camera %s was touched: %+v", id, c)
			}
		}
	}
	kept, err := filepath.Glob(filepath.Join(data, "crash", "*.h264"))
	if err != nil || len(kept) == 0 {
		t.Errorf("no last input is kept: %v\n%s", err, r.stderr)
	}
	for _, file := range kept {
		b, err := os.ReadFile(file)
		if err != nil || len(b) < 100 || !strings.HasPrefix(string(b), "\x00\x00\x00\x01\x67") {
			t.Errorf("%s: %d bytes that begin with no parameter set, %v", file, len(b), err)
		}
		if !strings.Contains(r.stderr.String(), file) {
			t.Errorf("the log does not name %s", file)
		}
	}
	return fmt.Sprintf("real pipelines: worker killed by SIGSEGV, its cameras infer again %s later (the rate is told each second), %d others untouched; last input of %d cameras kept; workers' peak memory %d MiB, capped",
		took.Round(10*time.Millisecond), others, len(kept), peak)
}

// processMemory gives a process's peak resident set in KiB and its limit of data.
func processMemory(t *testing.T, pid int) (peakKiB int, dataLimit string) {
	t.Helper()
	field := func(file, name string) []string {
		f, err := os.Open(fmt.Sprintf("/proc/%d/%s", pid, file))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			if rest, ok := strings.CutPrefix(lines.Text(), name); ok {
				return strings.Fields(rest)
			}
		}
		return []string{"", ""}
	}
	_, _ = fmt.Sscan(field("status", "VmHWM:")[0], &peakKiB)
	return peakKiB, field("limits", "Max data size")[0]
}
