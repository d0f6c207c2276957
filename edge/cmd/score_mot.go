package cmd

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"bongsu/edge/score"
	"bongsu/streams/truth"
)

// scoreMOTAbout is what the verb score says of its word mot.
const scoreMOTAbout = `mot scores the tracks of a MOTChallenge file against truth of the same form: MOTA, MOTP, switches,
false and missed boxes (CLEAR MOT), IDF1, and HOTA with DetA, AssA and LocA. Boxes count as one from an
IoU of 0.5, for HOTA from 0.05 to 0.95. Both files are needed: --gt FILE --result FILE; --json prints JSON.`

// motFlags are the flags of score mot.
type motFlags struct {
	gt, result string
	json       bool
}

func (o *motFlags) define(fs *flag.FlagSet) {
	fs.StringVar(&o.gt, "gt", o.gt, "mot: the file of what was there: frame, id, left, top, width, height, 1 or 0 …")
	fs.StringVar(&o.result, "result", o.result, "mot: the file of the tracks that were found")
	fs.BoolVar(&o.json, "json", o.json, "mot: print JSON")
}

// scoreMOT is score mot; args are the words behind mot. It prints the figures to standard output.
func scoreMOT(m *Main, args []string) error {
	var o motFlags
	fs := flag.NewFlagSet("score mot", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	o.define(fs)
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return usageError{err.Error()}
	}
	switch {
	case fs.NArg() > 0:
		return usageError{fmt.Sprintf("%q is not expected: score mot takes flags only", fs.Arg(0))}
	case o.gt == "":
		return usageError{"--gt is missing: the file of what was there"}
	case o.result == "":
		return usageError{"--result is missing: the file of the tracks that were found"}
	}
	gt, err := readMOTFile(o.gt)
	if err != nil {
		return err
	}
	result, err := readMOTFile(o.result)
	if err != nil {
		return err
	}
	s, err := score.Tracks(gt, result)
	if err != nil {
		return o.placed(err)
	}
	if o.json {
		return json.NewEncoder(m.Stdout).Encode(s)
	}
	return printMOT(m.Stdout, s)
}

func readMOTFile(path string) ([]truth.MOTRow, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	rows, err := truth.ReadMOT(f)
	var bad *truth.FormatError
	if errors.As(err, &bad) && bad.Line > 0 {
		inner := *bad
		inner.Line, inner.Column = 0, 0
		return nil, fmt.Errorf("%s:%d: %s", path, bad.Line, inner.Error())
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return rows, nil
}

// placed names the file and line of the row that a score refuses.
func (o *motFlags) placed(err error) error {
	var bad *score.MOTError
	if !errors.As(err, &bad) {
		return err
	}
	path := o.gt
	if bad.Result {
		path = o.result
	}
	data, readErr := os.ReadFile(path)
	if readErr != nil {
		return err
	}
	row := -1
	for i, line := range strings.Split(string(data), "\n") {
		if strings.TrimSpace(line) == "" {
			continue
		}
		if row++; row == bad.Row {
			return fmt.Errorf("%s:%d: %s", path, i+1, bad.Message)
		}
	}
	return err
}

func printMOT(w io.Writer, s score.MOT) error {
	_, err := fmt.Fprintf(w, `frames %d, boxes %d of %d objects, answers %d of %d tracks
MOTA %.1f %%  MOTP %.3f  FP %d  FN %d  switches %d  fragments %d  mostly tracked %d  mostly lost %d
IDF1 %.1f %%  IDP %.1f %%  IDR %.1f %%
HOTA %.1f %%  DetA %.1f %%  AssA %.1f %%  LocA %.1f %%
`, s.Frames, s.Boxes, s.Objects, s.Answers, s.Tracks,
		100*s.MOTA, s.MOTP, s.FP, s.FN, s.Switches, s.Fragments, s.MostlyTracked, s.MostlyLost,
		100*s.IDF1, 100*s.IDP, 100*s.IDR, 100*s.HOTA, 100*s.DetA, 100*s.AssA, 100*s.LocA)
	return err
}
