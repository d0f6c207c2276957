package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
)

// entry is a line of the record: how a test of the rows ended when it was last run, and where.
type entry struct {
	Test    string              `json:"test"`  // "edge/outbox.TestX"
	Ended   string              `json:"ended"` // pass, fail or skip
	At      string              `json:"at"`    // the commit it was run at
	Why     string              `json:"why,omitempty"`
	Figures map[string][]string `json:"figures,omitempty"` // by row
}

// remember takes in what the record of an earlier run says of the tests that were not run now.
// Rows take hours, so they may be run in parts; a record that is not there yet is empty.
func (r *results) remember(file string) error {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 4<<20)
	for n := 1; lines.Scan(); n++ {
		var e entry
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return fmt.Errorf("%s:%d: %w", file, n, err)
		}
		key := "bongsu/" + e.Test
		if r.ended[key] != "" {
			continue
		}
		r.ended[key], r.at[key], r.why[key] = e.Ended, e.At, e.Why
		for row, said := range e.Figures {
			if r.figures[row] == nil {
				r.figures[row] = map[string][]string{}
			}
			r.figures[row][key] = said
		}
	}
	return lines.Err()
}

// record writes what is known of the rows' tests, a line each, in their order.
func (r *results) record(file string, rows []row) error {
	entries := map[string]*entry{}
	for _, row := range rows {
		for _, t := range row.Tests {
			key := "bongsu/" + t
			if r.ended[key] == "" {
				continue
			}
			if entries[t] == nil {
				entries[t] = &entry{Test: t, Ended: r.ended[key], At: r.at[key], Figures: map[string][]string{}}
				if e := entries[t]; e.Ended == "skip" {
					e.Why = r.why[key]
				}
			}
			if said := r.figures[row.Row][key]; len(said) > 0 {
				entries[t].Figures[row.Row] = said
			}
		}
	}
	var b strings.Builder
	out := json.NewEncoder(&b)
	out.SetEscapeHTML(false)
	for _, e := range slices.SortedFunc(maps.Values(entries), func(a, b *entry) int { return cmp.Compare(a.Test, b.Test) }) {
		if err := out.Encode(e); err != nil {
			return err
		}
	}
	return os.WriteFile(file, []byte(b.String()), 0o644)
}

// ranAt notes the commit of every test that was run now.
func (r *results) ranAt(commit string) {
	for key := range r.ended {
		r.at[key] = commit
	}
}
