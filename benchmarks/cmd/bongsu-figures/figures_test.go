package main

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const rowsText = `rows:
  - row: R1
    promise: nothing | lost
    tests: [edge/x.TestA, edge/y.TestB]
  - row: R2
    promise: whole
    tests: [edge/y.TestB]
  - row: R3
    promise: never
    tests: []
    open: needs a second machine
`

func rowsFile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "rows.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

const passing = `not json
{"Action":"output","Package":"bongsu/edge/x","Test":"TestA","Output":"    x_test.go:5: figure R1: 50 kills, 0 lost\n"}
{"Action":"output","Package":"bongsu/edge/x","Test":"TestA/deep","Output":"    x_test.go:5: figure R1: 7 more\n"}
{"Action":"pass","Package":"bongsu/edge/x","Test":"TestA/deep"}
{"Action":"pass","Package":"bongsu/edge/x","Test":"TestA"}
`

func TestPage(t *testing.T) {
	pass := `{"Action":"pass","Package":"bongsu/edge/y","Test":"TestB"}` + "\n"
	for name, c := range map[string]struct {
		log  string
		code int
		want []string
	}{
		"all":    {passing + pass, 0, []string{`| R1 | nothing \| lost | ` + "`edge/x.TestA`, `edge/y.TestB`" + ` | pass | 50 kills, 0 lost; 7 more |`, "| R3 | never |  | not tested | *open:* needs a second machine |", "2 of 3 rows"}},
		"absent": {passing, 3, []string{"| not run |"}},
		"sub": {passing + `{"Action":"fail","Package":"bongsu/edge/y","Test":"TestB/one"}` + "\n" + pass, 3,
			[]string{"| R2 | whole | `edge/y.TestB` | **FAIL** |"}},
		"skipped": {passing + `{"Action":"output","Package":"bongsu/edge/y","Test":"TestB","Output":"    y_test.go:9: no root here\n"}` + "\n" +
			`{"Action":"skip","Package":"bongsu/edge/y","Test":"TestB"}` + "\n", 3, []string{"skipped: 9: no root here"}},
	} {
		t.Run(name, func(t *testing.T) {
			var out, errs bytes.Buffer
			file := filepath.Join(t.TempDir(), "out.md")
			code := run([]string{"--rows", rowsFile(t, rowsText), "--out", file, "--note", "On this machine."}, strings.NewReader(c.log), &out, &errs)
			if code != c.code || errs.Len() > 0 {
				t.Errorf("exit %d, want %d; %s", code, c.code, errs.String())
			}
			written, err := os.ReadFile(file)
			if err != nil || string(written) != out.String() {
				t.Errorf("the file is not what was printed: %v", err)
			}
			for _, w := range append(c.want, "On this machine.") {
				if !strings.Contains(out.String(), w) {
					t.Errorf("%q is not in\n%s", w, out.String())
				}
			}
		})
	}
}

// TestRecord runs the rows in two parts: the page is of both, and a test that is run again is as
// it ended the last time.
func TestRecord(t *testing.T) {
	folder := t.TempDir()
	rows, record, page := rowsFile(t, rowsText), filepath.Join(folder, "faults.jsonl"), filepath.Join(folder, "faults.md")
	part := func(at, log string) (int, string) {
		var out, errs bytes.Buffer
		code := run([]string{"--rows", rows, "--record", record, "--at", at, "--out", page}, strings.NewReader(log), &out, &errs)
		if errs.Len() > 0 {
			t.Error(errs.String())
		}
		return code, out.String()
	}
	if code, text := part("one", passing); code != 3 || !strings.Contains(text, "| R2 | whole | `edge/y.TestB` | not run |  |  |") {
		t.Errorf("exit %d\n%s", code, text)
	}
	second := `{"Action":"output","Package":"bongsu/edge/y","Test":"TestB","Output":"    y_test.go:5: figure R2: 3 < 4\n"}` + "\n" + `{"Action":"pass","Package":"bongsu/edge/y","Test":"TestB"}` + "\n"
	if code, text := part("two", second); code != 0 || !strings.Contains(text, "| pass | 50 kills, 0 lost; 7 more | one, two |") || !strings.Contains(text, "| 3 < 4 | two |") {
		t.Errorf("exit %d\n%s", code, text)
	}
	if code, text := part("three", `{"Action":"fail","Package":"bongsu/edge/x","Test":"TestA"}`); code != 3 || !strings.Contains(text, "| **FAIL** |  | three, two |") {
		t.Errorf("exit %d\n%s", code, text)
	}
	if err := os.WriteFile(record, []byte("{}\nhalf"), 0o600); err != nil {
		t.Fatal(err)
	}
	var errs bytes.Buffer
	if code := run([]string{"--rows", rows, "--record", record}, strings.NewReader(passing), new(bytes.Buffer), &errs); code != 1 || !strings.Contains(errs.String(), "faults.jsonl:2: ") {
		t.Errorf("exit %d, %s", code, errs.String())
	}
}

func TestPackages(t *testing.T) {
	var out, errs bytes.Buffer
	if code := run([]string{"--rows", rowsFile(t, rowsText), "--packages"}, nil, &out, &errs); code != 0 {
		t.Fatalf("exit %d: %s", code, errs.String())
	}
	if want := "bongsu/edge/x\t^(TestA)$\nbongsu/edge/y\t^(TestB)$\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}

func TestWrongWords(t *testing.T) {
	for text, want := range map[string]string{
		"rows:\n  - row: R1\n":                                 "promise must be there",
		"rows:\n  - row: R1\n    promise: x\n":                 "does not say why",
		"rows:\n  - row: R1\n    promise: x\n    tests: [y]\n": `"y" is no test`,
		"rows: []\n": "no rows",
		"rows:\n  - row: R1\n    promise: x\n    wrong: y\n": "unknown field",
		strings.Replace(rowsText, "row: R2", "row: R1", 1):   "R1 is there twice",
	} {
		var out, errs bytes.Buffer
		if code := run([]string{"--rows", rowsFile(t, text)}, strings.NewReader(""), &out, &errs); code != 1 || !strings.Contains(errs.String(), want) {
			t.Errorf("exit %d, %q; want %q", code, errs.String(), want)
		}
	}
	if code := run([]string{"--nonsense"}, nil, new(bytes.Buffer), new(bytes.Buffer)); code != 2 {
		t.Errorf("exit %d, want 2", code)
	}
	if code := run([]string{"--help"}, nil, new(bytes.Buffer), new(bytes.Buffer)); code != 0 {
		t.Errorf("exit %d, want 0", code)
	}
	if code := run([]string{"--rows", rowsFile(t, rowsText), "none.json"}, nil, new(bytes.Buffer), new(bytes.Buffer)); code != 1 {
		t.Errorf("exit %d, want 1", code)
	}
}

// TestRowsNameTestsThatExist holds the shipped table against the source: no row may rest on a
// test that is not there, and every row that is promised has a line.
func TestRowsNameTestsThatExist(t *testing.T) {
	root := "../../.."
	rows, err := readRows(filepath.Join(root, "benchmarks", "faults.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for _, r := range rows {
		there[r.Row] = true
		for _, test := range r.Tests {
			pkg, name, err := split(test)
			if err != nil {
				t.Fatal(err)
			}
			if !hasTest(t, filepath.Join(root, strings.TrimPrefix(pkg, "bongsu/")), name) {
				t.Errorf("%s: there is no %s", r.Row, test)
			}
		}
	}
	for _, r := range promised {
		if !there[r] {
			t.Errorf("row %s has no line in benchmarks/faults.yaml", r)
		}
	}
}

// promised are the rows that the table must have.
var promised = strings.Fields("R1 R2 R3 R4 R5 R6 R7 R8 R9 R10 R11 R12 R13 R14 R15 R16 R17 R18 R19 R20 R21 R22 R23 R25 R26 R27 " +
	"R28 R29 R30 R31 R32 R33 R34 R35 R36 R37 R38 R39 R40 R45 R46 R47 R48 Q LIVE SOAK")

// hasTest reports whether a folder's test files declare the test.
func hasTest(t *testing.T, folder, name string) bool {
	t.Helper()
	files, err := fs.Glob(os.DirFS(folder), "*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(folder, f), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == name {
				return true
			}
		}
	}
	return false
}
