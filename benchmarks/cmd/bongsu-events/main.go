// Command bongsu-events belongs to make score: it lays out the real clips of BONGSU_DATA as a suite
// that bongsu-edge score run can play, and puts the runs together into one report with its floors.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

// errFloor says that a floor is not met; the exit code is 3.
var errFloor = errors.New("a floor is not met")

func main() {
	err := run(os.Args[1:], os.Stdout)
	switch {
	case err == nil:
	case errors.Is(err, errFloor):
		os.Exit(3)
	default:
		fmt.Fprintln(os.Stderr, "bongsu-events:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	if len(args) == 0 {
		return errors.New("say real or report")
	}
	fs := flag.NewFlagSet(args[0], flag.ContinueOnError)
	data := fs.String("data", "", "real: the folder that BONGSU_DATA names")
	dir := fs.String("dir", "", "real: the folder for the suite; report: the folder with the runs")
	to := fs.String("out", "", "report: the Markdown file; pictures go beside it")
	command := fs.String("command", "make score", "report: what was called")
	short := fs.Bool("short", false, "report: the short form: it judges the machinery, not the model")
	if err := fs.Parse(args[1:]); err != nil {
		return err
	}
	switch {
	case args[0] == "real" && *data != "" && *dir != "":
		return makeReal(*data, *dir)
	case args[0] == "report" && *dir != "":
		return writeReport(out, *dir, *to, *command, *short)
	}
	return fmt.Errorf("bongsu-events %s: flags are missing: real --data DIR --dir DIR, or report --dir DIR [--out FILE]", args[0])
}
