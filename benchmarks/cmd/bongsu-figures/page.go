package main

import (
	"fmt"
	"slices"
	"strings"
)

// write makes the page and reports whether every row with tests was run and passed.
func write(rows []row, res *results, note string) (page string, ok bool) {
	var b strings.Builder
	ok = true
	b.WriteString("# Faults: what is promised and what was reached\n\n")
	if note != "" {
		b.WriteString(note + "\n\n")
	}
	b.WriteString("| row | promise | test | result | figure reached | seen at |\n|---|---|---|---|---|---|\n")
	passed := 0
	for _, r := range rows {
		state, good := r.state(res)
		if good {
			passed++
		}
		ok = ok && (good || len(r.Tests) == 0)
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", r.Row, cell(r.Promise), r.testCell(), state, cell(r.figures(res)), r.seenAt(res))
	}
	fmt.Fprintf(&b, "\n%d of %d rows have tests that passed.\n", passed, len(rows))
	return b.String(), ok
}

// state says in a word how a row's tests ended.
func (r *row) state(res *results) (word string, good bool) {
	if len(r.Tests) == 0 {
		return "not tested", false
	}
	word, good = "pass", true
	for _, t := range r.Tests {
		switch res.ended["bongsu/"+t] {
		case "pass":
		case "fail":
			return "**FAIL**", false
		case "skip":
			word, good = "skipped: "+cell(res.why["bongsu/"+t]), false
		default:
			word, good = "not run", false
		}
	}
	return word, good
}

// figures joins what the row's tests printed, and what is open.
func (r *row) figures(res *results) string {
	var out []string
	for _, t := range r.Tests {
		out = append(out, res.figures[r.Row]["bongsu/"+t]...)
	}
	if r.Open != "" {
		out = append(out, "*open:* "+r.Open)
	}
	return strings.Join(out, "; ")
}

func (r *row) testCell() string {
	var out []string
	for _, t := range r.Tests {
		out = append(out, "`"+t+"`")
	}
	return strings.Join(out, ", ")
}

// seenAt names the commits at which the row's tests were run.
func (r *row) seenAt(res *results) string {
	var out []string
	for _, t := range r.Tests {
		if at := res.at["bongsu/"+t]; at != "" && !slices.Contains(out, at) {
			out = append(out, at)
		}
	}
	return strings.Join(out, ", ")
}

// cell makes text fit for a cell of a table.
func cell(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\n", " "), "|", "\\|")
}
