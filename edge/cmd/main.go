// Package cmd is the program bongsu-edge: its verbs, and how they compose the edge. main.go
// dispatches; run.go composes the node, worker.go the worker process; every other verb has a
// file of its own name.
package cmd

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// Version is the release of this program; the build sets it.
var Version = "dev"

// Exit codes of every verb.
const (
	ExitOK     = 0 // done
	ExitFailed = 1 // could not be done; the reason is on standard error
	ExitUsage  = 2 // the call's words are wrong
	ExitFound  = 3 // a check ran and found something wrong
)

// Main is one call of the program.
type Main struct {
	Args   []string // without the program's name
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
	Env    func(string) string
}

// verb is one word after the program's name.
type verb struct {
	name    string
	summary string
	usage   string // the words after the verb
	about   string // what it does, exit codes beyond the common ones
	example string
	hidden  bool
	run     func(ctx context.Context, m *Main, c *call) error
	flags   func(*flag.FlagSet) any // defines the flags; what it returns comes back as call.opts
}

// call is a verb's parsed words.
type call struct {
	verb *verb
	args []string
	opts any
}

// usageError is a mistake in the call's words.
type usageError struct{ msg string }

func (e usageError) Error() string { return e.msg }

// foundError says that a check found something wrong.
type foundError struct{ msg string }

func (e foundError) Error() string { return e.msg }

// brokenError is something that a verb was given and cannot use, of verbs whose exit code says so.
type brokenError struct{ err error }

func (e brokenError) Error() string { return e.err.Error() }
func (e brokenError) Unwrap() error { return e.err }

func verbs() []*verb {
	return []*verb{runVerb(), checkVerb(), workerVerb(), proberVerb(), cameraVerb(), replayVerb(), modelVerb(), sceneVerb(), scoreVerb(), versionVerb()}
}

// Run does what the words ask and returns the exit code. It blocks until done or ctx ends.
func (m *Main) Run(ctx context.Context) int {
	if len(m.Args) == 0 || isHelp(m.Args[0]) {
		m.help(m.Stdout)
		if len(m.Args) == 0 {
			return ExitUsage
		}
		return ExitOK
	}
	for _, v := range verbs() {
		if v.name == m.Args[0] {
			return m.exit(v, m.runVerb(ctx, v))
		}
	}
	fmt.Fprintf(m.Stderr, "bongsu-edge: there is no verb %q; bongsu-edge --help lists them\n", m.Args[0])
	return ExitUsage
}

func isHelp(s string) bool { return s == "--help" || s == "-h" || s == "help" || s == "-help" }

func (m *Main) runVerb(ctx context.Context, v *verb) error {
	fs := flag.NewFlagSet(v.name, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	c := &call{verb: v}
	if v.flags != nil {
		c.opts = v.flags(fs)
	}
	err := fs.Parse(m.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		v.help(m.Stdout, fs)
		return nil
	}
	if err != nil {
		return usageError{err.Error()}
	}
	c.args = fs.Args()
	if err = v.run(ctx, m, c); errors.Is(err, flag.ErrHelp) {
		v.help(m.Stdout, fs)
		return nil
	}
	return err
}

func (m *Main) exit(v *verb, err error) int {
	var usage usageError
	var found foundError
	var broken brokenError
	switch {
	case err == nil:
		return ExitOK
	case errors.As(err, &usage):
		fmt.Fprintf(m.Stderr, "bongsu-edge %s: %s\nbongsu-edge %s --help shows how\n", v.name, usage.msg, v.name)
		return ExitUsage
	case errors.As(err, &broken):
		fmt.Fprintf(m.Stderr, "bongsu-edge %s: %s\n", v.name, strings.TrimSpace(broken.Error()))
		return ExitUsage
	case errors.As(err, &found):
		fmt.Fprintf(m.Stderr, "bongsu-edge %s: %s\n", v.name, found.msg)
		return ExitFound
	case errors.Is(err, context.Canceled):
		return ExitOK
	}
	fmt.Fprintf(m.Stderr, "bongsu-edge %s: %s\n", v.name, strings.TrimSpace(err.Error()))
	return ExitFailed
}

func (m *Main) help(w io.Writer) {
	fmt.Fprint(w, "bongsu-edge watches cameras and tells the cloud what happens in front of them.\n\n")
	for _, v := range verbs() {
		if !v.hidden {
			fmt.Fprintf(w, "  %-8s %s\n", v.name, v.summary)
		}
	}
	fmt.Fprint(w, "\nbongsu-edge VERB --help tells more. Exit codes: 0 done, 1 failed, 2 wrong words, 3 a check found something.\n")
}

func (v *verb) help(w io.Writer, fs *flag.FlagSet) {
	fmt.Fprintf(w, "usage: bongsu-edge %s %s\n\n%s\n", v.name, v.usage, strings.TrimSpace(v.about))
	n := 0
	fs.VisitAll(func(f *flag.Flag) {
		if n++; n == 1 {
			fmt.Fprint(w, "\nflags:\n")
		}
		def := ""
		if f.DefValue != "" && f.DefValue != "false" {
			def = " (default " + f.DefValue + ")"
		}
		fmt.Fprintf(w, "  --%-18s %s%s\n", f.Name, f.Usage, def)
	})
	fmt.Fprintf(w, "\nexample:\n  %s\n", strings.ReplaceAll(v.example, "\n", "\n  "))
}

// logger writes lines for a person or a journal to standard error.
func (m *Main) logger(level slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(m.Stderr, &slog.HandlerOptions{Level: level}))
}

func versionVerb() *verb {
	return &verb{name: "version", summary: "print the release", about: "Prints the release of this program.",
		example: "bongsu-edge version",
		run: func(_ context.Context, m *Main, c *call) error {
			if len(c.args) != 0 {
				return usageError{"no words are expected"}
			}
			_, err := fmt.Fprintln(m.Stdout, "bongsu-edge", Version)
			return err
		}}
}
