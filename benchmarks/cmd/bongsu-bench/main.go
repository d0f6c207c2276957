// Command bongsu-bench measures the floors of the system on the machine that it runs on and says
// for each whether it is met. `make bench` builds what it needs and calls it; benchmarks/README.md
// says how to read what it prints.
//
// main.go goes through the sections; spine.go is the way from a camera to a browser with hops.go
// for its sums and page.go for the browser, recovery.go kills workers, durability.go
// the node and the cloud, gotest.go runs Go's own
// benchmarks, scene.go makes the cameras, report.go prints and writes.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"bongsu/models/modelstest"
)

const help = `usage: bongsu-bench [flags]

Measures latency per hop with the real programs, counts passes and allocations, compares the
stages, and kills worker, node and cloud. Prints each floor with the figure reached.
Exit codes: 0 all floors met, 1 failed to measure, 2 wrong words, 3 a floor is not met.

flags:
`

// options are the words of a call.
type options struct {
	bin, dir, data, out, command string
	seconds, kills, deaths, away int
	seed                         uint64
	flood                        bool
	only                         string
	model, tiny                  string // paths of ONNX files; set by prepare
	synthetic                    bool   // set by prepare: there is no data folder
}

// section is one part of a run.
type section struct {
	name string
	run  func(context.Context, *bench) error
}

var sections = []section{
	{"latency", measureLatency},
	{"loop", measureLoop},
	{"recovery", measureRecovery},
	{"durability", measureDurability},
	{"stages", measureStages},
	{"stores", measureStores},
}

// bench is one run: what was asked, and what came out so far.
type bench struct {
	o      options
	stdout io.Writer
	report report
	began  time.Time
}

// say prints a line of progress, with the seconds since the beginning.
func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(b.stdout, "bench %4.0f s  %s\n", time.Since(b.began).Seconds(), fmt.Sprintf(format, args...))
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var o options
	fs := flag.NewFlagSet("bongsu-bench", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.Usage = func() { fmt.Fprint(stderr, help); fs.PrintDefaults() }
	fs.StringVar(&o.bin, "bin", "bin", "folder of the built programs")
	fs.StringVar(&o.dir, "dir", "", "folder for this run's data; a temporary one when empty, removed at the end")
	fs.StringVar(&o.data, "data", os.Getenv("BONGSU_DATA"), "folder with models/ and videos/; made-up films and a tiny model without it")
	fs.StringVar(&o.out, "out", "", "Markdown file to write; none when empty")
	fs.StringVar(&o.command, "command", "bongsu-bench "+strings.Join(args, " "), "command that the report names")
	fs.IntVar(&o.seconds, "seconds", 140, "length of the latency run")
	fs.IntVar(&o.kills, "kills", 12, "worker processes to kill, at most 16")
	fs.BoolVar(&o.flood, "flood", false, "events in bursts, which the console shows together")
	fs.IntVar(&o.deaths, "deaths", 20, "times to kill the node, and the cloud")
	fs.IntVar(&o.away, "away", 60, "seconds that the cloud is away")
	fs.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()), "seed of the instants of those deaths")
	fs.StringVar(&o.only, "only", "", "sections to run, separated by commas: latency,loop,recovery,durability,stages,stores; all when empty")
	if err := fs.Parse(args); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil || fs.NArg() > 0 || o.kills > mostKills {
		fs.Usage()
		return 2
	}
	b := &bench{o: o, stdout: stdout, began: time.Now()}
	if err := b.measure(ctx); err != nil {
		fmt.Fprintln(stderr, "bongsu-bench:", err)
		return 1
	}
	if !b.report.met() {
		return 3
	}
	return 0
}

// measure runs the sections in turn. One that fails is told in the report and does not keep the
// others from running; its floors are not met.
func (b *bench) measure(ctx context.Context) error {
	chosen, err := choose(b.o.only)
	if err != nil {
		return err
	}
	clean, err := b.prepare()
	if err != nil {
		return err
	}
	defer clean()
	b.report.machine, b.report.command = machineFacts(), b.o.command
	b.report.began, b.report.synthetic = b.began, b.o.synthetic
	for _, s := range chosen {
		b.say("%s: begins", s.name)
		if err := s.run(ctx, b); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			b.say("%s: %v", s.name, err)
			b.report.add(floor{name: s.name + " could be measured", got: firstLine(err.Error()), want: "it could"})
		}
	}
	b.report.took = time.Since(b.began)
	b.report.print(b.stdout)
	if b.o.out == "" {
		return nil
	}
	return os.WriteFile(b.o.out, []byte(b.report.markdown()), 0o644)
}

// firstLine is what a table has room for; the whole has been said before.
func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	if r := []rune(s); len(r) > 80 {
		return string(r[:80]) + "…"
	}
	return s
}

func choose(only string) ([]section, error) {
	if only == "" {
		return sections, nil
	}
	var chosen []section
	for _, name := range strings.Split(only, ",") {
		found := false
		for _, s := range sections {
			if s.name == name {
				chosen, found = append(chosen, s), true
			}
		}
		if !found {
			return nil, fmt.Errorf("--only %q: there is no section %q", only, name)
		}
	}
	return chosen, nil
}

// prepare makes the folder of this run and finds the model, or makes a tiny one.
func (b *bench) prepare() (clean func(), err error) {
	clean = func() {}
	if b.o.dir == "" {
		if b.o.dir, err = os.MkdirTemp("", "bongsu-bench"); err != nil {
			return clean, err
		}
		clean = func() { _ = os.RemoveAll(b.o.dir) } // what is left lies in the temporary folder
	} else if err = os.MkdirAll(b.o.dir, 0o700); err != nil {
		return clean, err
	}
	if b.o.bin, err = filepath.Abs(b.o.bin); err != nil {
		return clean, err
	}
	tiny := modelstest.Tiny{Width: 128, Height: 96, Classes: 2,
		Things: []modelstest.Thing{{X: 16.5, Y: 36, W: 32, H: 40, Class: 0, Score: 0.9}}} // of a picture of 16:9 in its upper 72 rows; who is lost at the edge has left
	if b.o.tiny, err = tiny.YOLOXPackage("tiny").Write(b.o.dir); err != nil {
		return clean, err
	}
	if b.o.data != "" {
		b.o.model = filepath.Join(b.o.data, "models", "yolox_nano_416.onnx")
		return clean, nil
	}
	b.o.synthetic, b.o.model = true, b.o.tiny
	b.say("BONGSU_DATA is not set: made-up films and a tiny model take the place of real ones")
	return clean, nil
}
