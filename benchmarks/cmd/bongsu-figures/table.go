package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// row is one promise and the tests that show it.
type row struct {
	Row     string   `yaml:"row"`     // such as R14
	Promise string   `yaml:"promise"` // in a few words
	Tests   []string `yaml:"tests"`   // "edge/outbox.TestPowerCutAtEveryStep"
	Open    string   `yaml:"open"`    // what of the promise is not shown, in plain words; "" when all is
}

// readRows reads and checks the file of rows.
func readRows(file string) ([]row, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var table struct {
		Rows []row `yaml:"rows"`
	}
	if err := yaml.UnmarshalWithOptions(b, &table, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	seen := map[string]bool{}
	for i, r := range table.Rows {
		switch {
		case r.Row == "" || r.Promise == "":
			return nil, fmt.Errorf("%s: rows[%d]: row and promise must be there", file, i)
		case seen[r.Row]:
			return nil, fmt.Errorf("%s: rows[%d]: %s is there twice", file, i, r.Row)
		case len(r.Tests) == 0 && r.Open == "":
			return nil, fmt.Errorf("%s: rows[%d]: %s has no test and does not say why (open)", file, i, r.Row)
		}
		for _, t := range r.Tests {
			if _, _, err := split(t); err != nil {
				return nil, fmt.Errorf("%s: %s: %w", file, r.Row, err)
			}
		}
		seen[r.Row] = true
	}
	if len(table.Rows) == 0 {
		return nil, errors.New(file + ": there are no rows")
	}
	return table.Rows, nil
}

// split takes "edge/outbox.TestX" apart.
func split(test string) (pkg, name string, err error) {
	i := strings.LastIndexByte(test, '.')
	if i <= 0 || !strings.HasPrefix(test[i+1:], "Test") {
		return "", "", fmt.Errorf("%q is no test: write it as folder.TestName", test)
	}
	return "bongsu/" + test[:i], test[i+1:], nil
}

// printPackages prints what is to be run: each package once, with a regular expression.
func printPackages(w io.Writer, rows []row) error {
	var order []string
	names := map[string][]string{}
	for _, r := range rows {
		for _, t := range r.Tests {
			pkg, name, err := split(t)
			if err != nil {
				return err
			}
			if names[pkg] == nil {
				order = append(order, pkg)
			}
			if !slices.Contains(names[pkg], name) {
				names[pkg] = append(names[pkg], name)
			}
		}
	}
	for _, pkg := range order {
		if _, err := fmt.Fprintf(w, "%s\t^(%s)$\n", pkg, strings.Join(names[pkg], "|")); err != nil {
			return err
		}
	}
	return nil
}
