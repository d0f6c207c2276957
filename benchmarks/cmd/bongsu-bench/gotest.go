package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// goTest runs tests or benchmarks of one package and returns what they printed.
func (b *bench) goTest(ctx context.Context, pkg string, args ...string) (string, error) {
	args = append(append([]string{"test", "-count=1"}, args...), pkg) // a later -count wins
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Env = append(os.Environ(), "BONGSU_DATA="+b.o.data)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return string(out), nil
}

// figures are what a benchmark printed, by unit: "ns/op", "allocs/op", "puts/s", ...
type figures map[string]float64

// benchmarks reads the lines of Go's benchmark format, by name without the number of CPUs
// (https://go.dev/design/14313-benchmark-format). Of several runs the fastest counts: other work
// on the machine only ever adds time.
func benchmarks(out string) map[string]figures {
	all := map[string]figures{}
	lines := bufio.NewScanner(strings.NewReader(out))
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) < 4 || !strings.HasPrefix(f[0], "Benchmark") {
			continue
		}
		name := strings.TrimPrefix(f[0], "Benchmark")
		if i := strings.LastIndexByte(name, '-'); i > 0 {
			if _, err := strconv.Atoi(name[i+1:]); err == nil {
				name = name[:i]
			}
		}
		one := figures{}
		for i := 2; i+1 < len(f); i += 2 {
			if v, err := strconv.ParseFloat(f[i], 64); err == nil {
				one[f[i+1]] = v
			}
		}
		if before := all[name]; before == nil || one["ns/op"] < before["ns/op"] {
			all[name] = one
		}
	}
	return all
}

// loopLine reads the line that TestLoop of edge/worker logs for one model.
func loopLine(out, model string) (pictures, passes, allocs float64, ok bool) {
	lines := bufio.NewScanner(strings.NewReader(out))
	for lines.Scan() {
		_, rest, found := strings.Cut(lines.Text(), "loop model="+model+" ")
		if !found {
			continue
		}
		var tracks float64
		n, err := fmt.Sscanf(rest, "pictures=%g passes=%g allocs_per_unit=%g tracks=%g", &pictures, &passes, &allocs, &tracks)
		return pictures, passes, allocs, n == 4 && err == nil && pictures > 0
	}
	return 0, 0, 0, false
}

// measureLoop counts passes and allocations on the real chain, by the test that asserts them.
func measureLoop(ctx context.Context, b *bench) error {
	out, err := b.goTest(ctx, "./edge/worker", "-v", "-run", "TestLoop")
	if err != nil {
		return err
	}
	model := "yolox_nano_416"
	if b.o.synthetic {
		model = "tiny"
	}
	pictures, passes, allocs, ok := loopLine(out, model)
	if !ok {
		return fmt.Errorf("TestLoop of edge/worker said nothing about %s:\n%s", model, out)
	}
	b.report.add(
		floor{"pixel passes for each picture that is looked at", "1", fmt.Sprintf("%g, over %.0f pictures", passes/pictures, pictures), passes == pictures},
		floor{"Go allocations from a complete access unit to rules without a firing", "≤ 2", fmt.Sprintf("%g", allocs), allocs <= 2},
	)
	return nil
}

// stage is one of a picture's stages and the benchmark that tells its cost.
type stage struct{ name, pkg, bench, only, sub string }

var stages = []stage{
	{"packets → access unit (12 kB)", "./streams/rtsp", "Unit", "", "Unit"},
	{"decode, H.264 768×432", "./streams/avcodec", "Decode", "/^h264$", "Decode/h264"},
	{"fill: scale, convert, into the tensor", "./models/tensor", "Fill", "/768x432", "Fill/768x432"},
	{"run the model, one thread", "./models/ort", "YOLOXNano", "/threads=1", "YOLOXNano/threads=1"},
	{"head: raw output → detections", "./models/yolox", "Decode", "", "Decode"},
	{"hand a picture to the shared session and back", "./models/batch", "HandOver", "", "HandOver"},
	{"track, 50 detections", "./edge/track", "Update", "", "Update"},
	{"rules, three over 20 tracks", "./edge/rules", "Evaluate", "", "Evaluate"},
}

// measureStages compares the stages of the loop by their own benchmarks, one after the other.
func measureStages(ctx context.Context, b *bench) error {
	t := table{head: []string{"stage", "µs a picture", "share", "allocations"}}
	sum, times := 0.0, make([]figures, len(stages))
	for i, s := range stages {
		if s.pkg == "./models/ort" && b.o.synthetic {
			continue
		}
		out, err := b.goTest(ctx, s.pkg, "-run", "^$", "-bench", "^Benchmark"+s.bench+"$"+s.only, "-benchtime", "300ms", "-count", "3", "-benchmem")
		if err != nil {
			return err
		}
		name, f := pick(benchmarks(out), s.sub)
		if f == nil {
			return fmt.Errorf("%s: its benchmark %s printed no figure:\n%s", s.pkg, s.bench, out)
		}
		times[i], sum = f, sum+f["ns/op"]
		b.say("stages: %s, %.1f µs (%s of %s)", s.name, f["ns/op"]/1000, name, s.pkg)
	}
	for i, s := range stages {
		if f := times[i]; f != nil {
			t.rows = append(t.rows, []string{s.name, fmt.Sprintf("%.1f", f["ns/op"]/1000), fmt.Sprintf("%.1f %%", 100*f["ns/op"]/sum), fmt.Sprintf("%.0f", f["allocs/op"])})
		}
	}
	t.rows = append(t.rows, []string{"sum", fmt.Sprintf("%.1f", sum/1000), "100 %", ""})
	notes := []string{"each the fastest of three runs, one after the other in the same minute: the shares hold better than the times"}
	if b.o.synthetic {
		notes = append(notes, "the real model needs BONGSU_DATA and is left out")
	}
	b.report.show(part{title: "Cost of each stage", notes: notes, table: t})
	return nil
}

// pick finds a benchmark by its name or the first, in the order of names, that begins with it.
func pick(all map[string]figures, name string) (string, figures) {
	if f := all[name]; f != nil {
		return name, f
	}
	best := ""
	for n := range all {
		if strings.HasPrefix(n, name) && (best == "" || n < best) {
			best = n
		}
	}
	return best, all[best]
}

// stores are the benchmarks of the two stores that an event passes, and what a row shows of
// each.
var stores = []struct {
	name, pkg, bench, sub string
	row                   func(figures) []string
}{
	{"outbox: a revision with a snapshot of 30 KiB, one caller", "./edge/outbox", "^BenchmarkPutEvent$", "PutEvent", latencies},
	{"outbox's log: revisions of 2 KiB, 16 callers", "./edge/outbox", "^BenchmarkChoice$/^log$/^2KiB$/^16callers$", "Choice/log/2KiB/16callers", latencies},
	{"outbox: given out and acknowledged, 100 at a time", "./edge/outbox", "^BenchmarkOpenFull$", "OpenFull", func(f figures) []string {
		return []string{fmt.Sprintf("%.0f", f["drained/s"]), "", ""}
	}},
	{"archive: into the inbox and applied, two transactions, one caller", "./cloud/archive/sqlite", "^BenchmarkPutAndApply$", "PutAndApply", latencies},
}

// latencies shows what a benchmark of single writes printed: a rate, and quantiles where it has
// them.
func latencies(f figures) []string {
	row := []string{fmt.Sprintf("%.0f", f["puts/s"]), "", ""}
	if f["puts/s"] == 0 {
		row[0] = fmt.Sprintf("%.0f", 1e9/f["ns/op"])
	}
	for i, unit := range []string{"p50_us", "p99_us"} {
		if v, ok := f[unit]; ok {
			row[i+1] = fmt.Sprintf("%.2f", v/1000)
		}
	}
	return row
}

func measureStores(ctx context.Context, b *bench) error {
	t := table{head: []string{"store", "a second", "p50 ms", "p99 ms"}}
	for _, s := range stores {
		out, err := b.goTest(ctx, s.pkg, "-run", "^$", "-bench", s.bench, "-benchtime", "500ms", "-count", "3")
		if err != nil {
			return err
		}
		f := benchmarks(out)[s.sub]
		if f == nil {
			return fmt.Errorf("%s: its benchmark %s printed no figure:\n%s", s.pkg, s.bench, out)
		}
		t.rows = append(t.rows, append([]string{s.name}, s.row(f)...))
		b.say("stores: %s", s.name)
	}
	b.report.show(part{title: "Stores", table: t, notes: []string{
		"a write counts when it is on the disk (fsync); on the disk of the temporary folder; the fastest of three runs"}})
	return nil
}
