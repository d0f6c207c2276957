// Command bongsu-figures makes the table of fault rows: what is promised, which test shows it, and
// the figure that the test reached in this run. `make soak` calls it; benchmarks/faults.yaml holds
// the rows.
//
// main.go reads the words of the call; table.go the rows; events.go what `go test -json` printed;
// record.go keeps what was seen, so that rows can be run in parts; page.go writes the result.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

const help = `usage: bongsu-figures [--rows FILE] [--out FILE] [--record FILE --at COMMIT] [--note TEXT] [--packages] [LOG ...]

Reads what "go test -json" printed (LOG ..., or standard input) and writes a table with a line for
each row of FILE: the promise, its tests, whether they passed, and the figures that they printed in
lines of the form "figure R14: 10000 of 10000". With --record, tests that are not in the logs are as
FILE remembers them, and it then remembers these. With --packages it prints instead the packages and
tests of the rows, one "package<TAB>regular expression" a line, to be run.

Example:
  go test -json -v ./edge/outbox | bongsu-figures --rows benchmarks/faults.yaml

Exit codes: 0 every row was run and passed, 1 a file cannot be read or written, 2 wrong words,
3 a row failed or was not run.

flags:
`

// options are the words of a call.
type options struct {
	rows, out, note string
	record, at      string
	packages        bool
	logs            []string
}

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// run is main with its world given.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	var o options
	flags := flag.NewFlagSet("bongsu-figures", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.rows, "rows", "benchmarks/faults.yaml", "file with the rows")
	flags.StringVar(&o.out, "out", "", "file for the result, besides standard output")
	flags.StringVar(&o.note, "note", "", "a line above the table: on what and with which options it was run")
	flags.StringVar(&o.record, "record", "", "file that remembers how each test ended, and at which commit; read and written")
	flags.StringVar(&o.at, "at", "", "the commit that the logs are of")
	flags.BoolVar(&o.packages, "packages", false, "print what is to be run")
	flags.Usage = func() { fmt.Fprint(stderr, help); flags.PrintDefaults() }
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	}
	o.logs = flags.Args()
	ok, err := work(o, stdin, stdout)
	if err != nil {
		fmt.Fprintln(stderr, "bongsu-figures:", err)
		return 1
	}
	if !ok {
		return 3
	}
	return 0
}

// work does what the words ask for and reports whether every row was run and passed.
func work(o options, stdin io.Reader, stdout io.Writer) (bool, error) {
	rows, err := readRows(o.rows)
	if err != nil {
		return false, err
	}
	if o.packages {
		return true, printPackages(stdout, rows)
	}
	res := newResults()
	if len(o.logs) == 0 {
		if err := res.read(stdin); err != nil {
			return false, fmt.Errorf("standard input: %w", err)
		}
	}
	for _, name := range o.logs {
		if err := res.readFile(name); err != nil {
			return false, err
		}
	}
	res.ranAt(o.at)
	if o.record != "" {
		if err := errors.Join(res.remember(o.record), res.record(o.record, rows)); err != nil {
			return false, err
		}
	}
	page, ok := write(rows, res, o.note)
	if _, err := io.WriteString(stdout, page); err != nil {
		return false, err
	}
	if o.out != "" {
		err = os.WriteFile(o.out, []byte(page), 0o644)
	}
	return ok, err
}
