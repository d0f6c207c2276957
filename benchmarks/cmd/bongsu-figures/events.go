package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
)

// figureLine is how a test prints what it reached; "figure CHECK-EDGE: ..." is of row CHECK.
var figureLine = regexp.MustCompile(`\bfigure ([A-Z]+[0-9]*)(?:-[A-Z]+)?: (.+)`)

// results is what tests said, by "package.Test".
type results struct {
	ended   map[string]string              // pass, fail or skip
	figures map[string]map[string][]string // row → test → figures
	why     map[string]string              // the last words of a test that was skipped
	at      map[string]string              // the commit at which it was run
}

func newResults() *results {
	return &results{ended: map[string]string{}, figures: map[string]map[string][]string{}, why: map[string]string{}, at: map[string]string{}}
}

// event is a line of `go test -json`; see `go doc test2json`.
type event struct {
	Action  string
	Package string
	Test    string
	Output  string
}

func (r *results) readFile(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := r.read(f); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// read takes in one stream. Lines that are no JSON, such as those of a compiler, are passed over.
func (r *results) read(in io.Reader) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil || e.Test == "" {
			continue
		}
		test, _, sub := strings.Cut(e.Test, "/")
		key := e.Package + "." + test
		switch e.Action {
		case "pass", "fail", "skip":
			if !sub || e.Action == "fail" {
				r.end(key, e.Action)
			}
		case "output":
			r.output(key, strings.TrimSpace(e.Output))
		}
	}
	return lines.Err()
}

// end notes how a test ended: once failed it stays failed.
func (r *results) end(key, how string) {
	if r.ended[key] != "fail" {
		r.ended[key] = how
	}
}

func (r *results) output(key, line string) {
	if _, text, ok := strings.Cut(line, ".go:"); ok {
		r.why[key] = text
	}
	m := figureLine.FindStringSubmatch(line)
	if m == nil {
		return
	}
	if r.figures[m[1]] == nil {
		r.figures[m[1]] = map[string][]string{}
	}
	if !slices.Contains(r.figures[m[1]][key], m[2]) {
		r.figures[m[1]][key] = append(r.figures[m[1]][key], m[2])
	}
}
