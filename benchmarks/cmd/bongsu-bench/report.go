package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"
)

// floor is one promise and what was reached.
type floor struct {
	name, want, got string
	ok              bool
}

func (f floor) verdict() string {
	if f.ok {
		return "PASS"
	}
	return "FAIL"
}

// part is one section's figures.
type part struct {
	title string
	notes []string
	table table
}

// report is all that a run prints.
type report struct {
	began     time.Time
	took      time.Duration
	machine   []string
	command   string
	synthetic bool
	floors    []floor
	parts     []part
}

func (r *report) add(f ...floor)  { r.floors = append(r.floors, f...) }
func (r *report) show(p part)     { r.parts = append(r.parts, p) }
func (r *report) footage() string { return map[bool]string{true: madeUp, false: realData}[r.synthetic] }

const (
	madeUp   = "made-up films and a tiny model (BONGSU_DATA is not set): the model costs next to nothing"
	realData = "one-by-one-person-detection.mp4 and yolox_nano_416 of BONGSU_DATA"
)

// met reports whether every floor is.
func (r *report) met() bool {
	for _, f := range r.floors {
		if !f.ok {
			return false
		}
	}
	return len(r.floors) > 0
}

func (r *report) floorTable() table {
	t := table{head: []string{"floor", "promised", "reached", ""}}
	for _, f := range r.floors {
		t.rows = append(t.rows, []string{f.name, f.want, f.got, f.verdict()})
	}
	return t
}

func (r *report) print(w io.Writer) {
	for _, p := range r.parts {
		fmt.Fprintf(w, "\n%s\n", p.title)
		for _, n := range p.notes {
			fmt.Fprintf(w, "  %s\n", n)
		}
		if len(p.table.rows) > 0 {
			fmt.Fprint(w, p.table.text())
		}
	}
	fmt.Fprintf(w, "\nfloors, with %s\n%s\n", r.footage(), r.floorTable().text())
}

// markdown is the report as a file: what was measured, where, when and by which command.
func (r *report) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# The spine, measured\n\nWritten by `%s` on %s in %.0f s, with %s.\n\n",
		r.command, r.began.UTC().Format("2006-01-02"), r.took.Seconds(), r.footage())
	for _, m := range r.machine {
		fmt.Fprintf(&b, "- %s\n", m)
	}
	fmt.Fprintf(&b, "\n## Floors\n\n%s", r.floorTable().markdown())
	for _, p := range r.parts {
		fmt.Fprintf(&b, "\n## %s\n\n", p.title)
		for _, n := range p.notes {
			fmt.Fprintf(&b, "- %s\n", n)
		}
		if len(p.table.rows) > 0 {
			fmt.Fprintf(&b, "\n%s", p.table.markdown())
		}
	}
	return b.String()
}

// machineFacts say what the figures were measured on. They hold no names of hosts or folders.
func machineFacts() []string {
	facts := []string{fmt.Sprintf("%d × %s", runtime.NumCPU(), procField("/proc/cpuinfo", "model name", "unknown CPU"))}
	if kb := procField("/proc/meminfo", "MemTotal", ""); kb != "" {
		var n float64
		if _, err := fmt.Sscan(kb, &n); err == nil {
			facts = append(facts, fmt.Sprintf("%.0f GiB of memory", n/(1<<20)))
		}
	}
	facts = append(facts, runtime.GOOS+"/"+runtime.GOARCH+", "+runtime.Version())
	if load, err := os.ReadFile("/proc/loadavg"); err == nil && len(strings.Fields(string(load))) > 2 {
		facts = append(facts, "load average when it began (other work on the machine): "+strings.Join(strings.Fields(string(load))[:3], " "))
	}
	return facts
}

// procField reads "name : value" of a file in /proc.
func procField(file, name, otherwise string) string {
	data, err := os.ReadFile(file)
	if err != nil {
		return otherwise
	}
	for _, line := range strings.Split(string(data), "\n") {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == name {
			return strings.TrimSpace(v)
		}
	}
	return otherwise
}
