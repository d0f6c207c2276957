package cmd

import (
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"bongsu/edge/score"
)

// scoreCall are the flags of score.
type scoreCall struct {
	profile, category, gt, sa, json, mode, form string
}

func (o *scoreCall) define(fs *flag.FlagSet) {
	fs.StringVar(&o.profile, "profile", score.DefaultProfile, "the constants: one that the program brings, or a .profile file")
	fs.StringVar(&o.category, "category", "", "the category, such as Loitering")
	fs.StringVar(&o.gt, "gt", "", "the folder of ground truth: <clip>.xml, zone maps beside them")
	fs.StringVar(&o.sa, "sa", "", "the folder of answers: <clip>.xml; a missing one is no alarm")
	fs.StringVar(&o.json, "json", "", "the file for the figures as JSON")
	fs.StringVar(&o.mode, "mode", string(score.ModeStrict), "strict judges every alarm, first only the first of a clip; both are shown")
	fs.StringVar(&o.form, "form", string(score.FormXML), "xml: whole seconds; float: times may have decimals, for development")
}

func scoreVerb() *verb {
	return &verb{name: "score", summary: "score alarms against truth, KISA-style", usage: "--category WORD --gt DIR --sa DIR [flags] | run --suite DIR [flags] | mot --gt FILE --result FILE",
		about: `Holds the alarms in answer files against ground truth, one category a call: F1 with a 95 % interval over
clips, delays, and a table per condition. An alarm is right from 2 s before its event until 10 s after
it. An answer that is not there is one without alarms; one that cannot be read ends the call. Alarms of
other categories are left out with a warning. Exit codes: 0 at or above the mark, 3 below it or nothing to
score, 2 a folder or file that cannot be used.

run plays a suite of clips through the real pipeline and scores what comes out: score run --help.
` + scoreMOTAbout,
		example: `bongsu-edge score --profile kisa-2026 --category Loitering --gt truth/ --sa answers/ --json out.json
bongsu-edge score run --suite suites/scoring --category all --model bongsu-nano --out report/
bongsu-edge score mot --gt gt.txt --result tracks.txt`,
		flags: func(fs *flag.FlagSet) any {
			o := &scoreCall{}
			o.define(fs)
			return o
		},
		run: runScore}
}

func runScore(ctx context.Context, m *Main, c *call) error {
	if len(c.args) > 0 {
		switch c.args[0] {
		case "mot":
			return scoreMOT(m, c.args[1:])
		case "run":
			return scoreRun(ctx, m, c.args[1:])
		}
		return usageError{fmt.Sprintf("%q is not expected: give flags, or one of the words run and mot first", c.args[0])}
	}
	r, err := c.opts.(*scoreCall).score(m)
	if err != nil {
		return brokenError{err}
	}
	if !r.Pass {
		return foundError{below(r)}
	}
	return nil
}

func below(r *score.Result) string {
	switch {
	case r.IoU != nil && r.IoU.Area != nil:
		return fmt.Sprintf("%s: the means do not hold", r.Category)
	case r.F1 == nil:
		return fmt.Sprintf("%s: there is nothing to score: no event and no alarm", r.Category)
	}
	return fmt.Sprintf("%s: F1 %.2f is below the mark of %.2f", r.Category, *r.F1, r.Mark)
}

// score does what the flags say and prints the report.
func (o *scoreCall) score(m *Main) (*score.Result, error) {
	p, err := openProfile(o.profile)
	if err != nil {
		return nil, err
	}
	if o.category == "" {
		return nil, usageError{"--category is missing: name one, such as Loitering"}
	}
	c, err := p.Category(o.category)
	if err != nil {
		return nil, usageError{"--category: " + err.Error()}
	}
	mode, err := score.ParseMode(o.mode)
	if err != nil {
		return nil, usageError{"--mode: " + err.Error()}
	}
	form, err := score.ParseForm(o.form)
	if err != nil {
		return nil, usageError{"--form: " + err.Error()}
	}
	if err := cmp.Or(isFolder("--gt", o.gt), isFolder("--sa", o.sa)); err != nil {
		return nil, err
	}
	folders := &score.Folders{Truth: os.DirFS(o.gt), Answers: os.DirFS(o.sa), TruthName: filepath.Clean(o.gt), AnswersName: filepath.Clean(o.sa)}
	r, err := scoreFolders(m, p, c, folders, mode, form)
	if err != nil {
		return nil, err
	}
	fmt.Fprint(m.Stdout, r.Text())
	if o.json != "" {
		err = writeJSON(o.json, r)
	}
	return r, err
}

func scoreFolders(m *Main, p *score.Profile, c score.Category, d *score.Folders, mode score.Mode, form score.Form) (*score.Result, error) {
	var warnings []string
	warn := func(line string) {
		warnings = append(warnings, line)
		fmt.Fprintln(m.Stderr, "bongsu-edge score: warning:", line)
	}
	if c.Method == score.MethodIoU {
		clips, err := d.ReadBoxes(p, c)
		if err != nil {
			return nil, err
		}
		r := p.Score(c, nil, mode, form, Version)
		r.IoU = p.PoolIoU(clips)
		r.Pass = r.IoU.Pass
		return r, nil
	}
	clips, err := d.Read(c, form, warn)
	if err != nil {
		return nil, err
	}
	r := p.Score(c, clips, mode, form, Version)
	r.Warnings = append(r.Warnings, warnings...)
	return r, nil
}

// openProfile takes a profile of the program, or a file when the word looks like one.
func openProfile(word string) (*score.Profile, error) {
	if !strings.ContainsAny(word, "./"+string(filepath.Separator)) {
		p, err := score.LoadProfile(word)
		if err != nil {
			return nil, usageError{"--profile: " + err.Error()}
		}
		return p, nil
	}
	data, err := os.ReadFile(word)
	if err != nil {
		return nil, fmt.Errorf("--profile: %w", err)
	}
	return score.ParseProfile(word, data)
}

func isFolder(flag, dir string) error {
	if dir == "" {
		return usageError{flag + " is missing: name a folder"}
	}
	st, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("%s: %w", flag, err)
	}
	if !st.IsDir() {
		return fmt.Errorf("%s: %s is no folder", flag, dir)
	}
	return nil
}

// writeJSON replaces a file in one step.
func writeJSON(path string, v any) error {
	text, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return err
	}
	part := path + ".part"
	if err := os.WriteFile(part, append(text, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(part, path)
}
