// Package docs_test holds pages against the code that they speak of.
package docs_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const troubleshooting = "guide/troubleshooting.md"

// speakers are the folders whose sentences reach a user: on a terminal, in an answer of the API, as a
// camera's reason, as a reason of /healthz. plain tells that their errors without a code do, too; in
// the other folders those are causes within, of which the log holds the whole chain.
var speakers = []struct {
	folder string
	plain  bool
}{
	{"edge/cmd", true}, {"edge/config", true}, {"edge/uplink", true}, {"edge/live", true}, {"edge/outbox", false}, {"edge/outbox/fs.go", true}, {"edge/node", false},
	{"streams/rtsp", true}, {"streams/replay", true},
	{"models/manifest", true}, {"models/catalog", true}, {"models/ort", false}, {"models/onnx", true}, {"models/yolo", true}, {"models/yolox", true}, {"models/nanodet", true}, {"models/fetch", true},
	{"cloud/cmd", false}, {"cloud/config", true}, {"cloud/auth", false}, {"cloud/console", false}, {"cloud/ingest", false}, {"cloud/live", false},
	{"cloud/alerts", false}, {"cloud/audit", false}, {"cloud/archive", false}, {"cloud/objects", false}, {"cloud/queue", false}, {"cloud/worker", false},
}

// inner are sentences in those folders that no user meets, by what they begin with, and why.
var inner = map[string]string{
	"camera … is not this worker's": "between node and worker", "part … of event … was not opened by this worker": "between node and worker",
	"a clip needs its event's UUID": "between node and worker", "part … of event … exists already": "between node and worker",
	"part … of event … is not being written": "between node and worker", "a clip cannot be closed as": "between node and worker",
	"part … of event … is not held any more": "between outbox and uplink", "an event's ID must be a UUID": "between node and worker",
	"event …: revision …, the first is 1": "between node and worker", "event …: … is no camera's name": "between node and worker",
	"event …: unknown state": "between node and worker", "event …: snapshot of": "between node and worker", "event … has … bytes, the limit is": "between node and worker",
	"ONNX Runtime is not loaded: call": "a caller's defect", "the outbox is closed": "while the program ends", "the queue is closed": "while the program ends",
	"auth: route": "found when the program starts, by its tests", "auth: handlers": "found when the program starts, by its tests",
	"no other thing": "the gate between lanes", "console: seek before": "a caller's defect", "revision … of event … is not in the inbox": "between queue and worker",
	"this program's own path": "Linux knows it",
	"message beyond bounds":   "becomes the reason protocol", "another node has begun": "the next start says so itself",
}

// said is a sentence and where it stands.
type said struct{ sentence, where string }

var (
	verbForm = regexp.MustCompile(`%[-+# 0-9.]*[a-zA-Z]`)
	words    = regexp.MustCompile(`[A-Za-z]{2,}`)
)

// plainText turns a format into the sentence as its heading has it.
func plainText(format string) string {
	s := strings.ReplaceAll(format, "%%", "\x00")
	s = strings.ReplaceAll(verbForm.ReplaceAllString(s, "…"), "\x00", "%")
	s = strings.TrimSuffix(strings.TrimSuffix(strings.TrimSpace(s), ": …"), " (…)")
	return strings.TrimPrefix(s, "…: ")
}

// literal gives a constant text; what is put together at run time stands as … in it.
func literal(e ast.Expr) (string, bool) {
	switch v := e.(type) {
	case *ast.BasicLit:
		if v.Kind == token.STRING {
			s, err := strconv.Unquote(v.Value)
			return s, err == nil
		}
	case *ast.BinaryExpr:
		a, okA := literal(v.X)
		b, okB := literal(v.Y)
		if !okA {
			a = "%s"
		}
		if !okB {
			b = "%s"
		}
		return a + b, okA || okB
	}
	return "", false
}

// errorCalls are the functions that make sentences; true for those without a code.
var errorCalls = map[string]bool{"bongsu.Errorf": false, "bongsu.Wrap": false, "usagef": false, "fail": false, "failure": false, "failf": false,
	"fmt.Errorf": true, "errors.New": true}

// sentencesIn collects what a file says to a user.
func sentencesIn(path string, file *ast.File, plain bool) []said {
	var all []said
	add := func(e ast.Expr) bool {
		s, ok := literal(e)
		if !ok {
			return false
		}
		if s = plainText(s); len(words.FindAllString(s, -1)) < 3 || strings.Count(s, " ") < 2 {
			return false
		}
		all = append(all, said{s, path})
		return true
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch v := n.(type) {
		case *ast.CallExpr:
			without, known := errorCalls[callee(v)]
			for _, a := range v.Args {
				if known && (plain || !without) && add(a) {
					break
				}
			}
		case *ast.KeyValueExpr:
			if id, ok := v.Key.(*ast.Ident); ok && id.Name == "Message" {
				add(v.Value)
			}
		case *ast.CompositeLit:
			if id, ok := v.Type.(*ast.Ident); ok && id.Name == "usageError" && len(v.Elts) == 1 {
				add(v.Elts[0])
			}
		}
		return true
	})
	return all
}

// goFiles parses the Go files of ours below a folder of the repository, or one file, tests left out.
func goFiles(t *testing.T, below string, f func(path string, file *ast.File)) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join("..", below), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == "testdata") {
			return fs.SkipDir
		}
		if filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		f(filepath.ToSlash(strings.TrimPrefix(path, "../")), file)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// callee is a call's function: "bongsu.Errorf", and "fail" for a method of any receiver.
func callee(c *ast.CallExpr) string {
	switch f := c.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		if x, ok := f.X.(*ast.Ident); ok && (x.Name == "bongsu" || x.Name == "fmt" || x.Name == "errors") {
			return x.Name + "." + f.Sel.Name
		}
		return f.Sel.Name
	}
	return ""
}

// allSentences gives every sentence with one place where it is said.
func allSentences(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	take := func(path string, file *ast.File, plain bool) {
		for _, s := range sentencesIn(path, file, plain) {
			internal := false
			for begin := range inner {
				internal = internal || strings.HasPrefix(s.sentence, begin)
			}
			if !internal {
				all[s.sentence] = s.where
			}
		}
	}
	for _, sp := range speakers {
		goFiles(t, sp.folder, func(path string, file *ast.File) {
			if !strings.Contains(path, "test/") {
				take(path, file, sp.plain)
			}
		})
	}
	for _, name := range []string{"geometry.go", "id.go", "error.go"} {
		goFiles(t, name, func(path string, file *ast.File) { take(path, file, true) })
	}
	return all
}

// messages are the console's words about what is wrong, by the beginnings of their keys.
var messages = regexp.MustCompile(`^(code\.|error\.|live\.code\.|live\.fallback\.|live\.(stale|delayed|late|lost|frozen|resting|tainted)$|login\.(failed|throttled)$|sound\.blocked$|stale\.badge$|` +
	`evi\.(noclip\.|torn|tainted|h265|error|nosnapshot)|why\.clock\.un|camera\.edge\.offline$|camera\.none$|camera\.unknown$|toast\.claimed$|toast\.undo\.failed$|events\.error$|` +
	`flood\.title$|flood\.sound$|letters\.about$|lock\.about$|queue\.empty\.blind$|state\.(offline|busy|denied|failed|waiting-key|starting)$)`)

// consoleMessages gives "Korean · English" by key.
func consoleMessages(t *testing.T) map[string]string {
	t.Helper()
	row := regexp.MustCompile(`(?m)^  '([a-z0-9_.-]+)':\s+'((?:[^'\\]|\\.)*)',`)
	read := func(lang string) map[string]string {
		b, err := os.ReadFile("../cloud/console/web/src/i18n/" + lang + ".ts")
		if err != nil {
			t.Fatal(err)
		}
		all := map[string]string{}
		for _, m := range row.FindAllStringSubmatch(string(b), -1) {
			if messages.MatchString(m[1]) {
				all[m[1]] = regexp.MustCompile(`\{[a-z]+\}`).ReplaceAllString(strings.ReplaceAll(m[2], `\'`, `'`), "…")
			}
		}
		return all
	}
	ko, en := read("ko"), read("en")
	if len(ko) < 50 {
		t.Errorf("only %d messages were found in the console's words", len(ko))
	}
	all := map[string]string{}
	for key := range ko {
		all[fmt.Sprintf("%s · %s", ko[key], en[key])] = "the console, " + key
	}
	return all
}

// headings gives the headings of the page that are sentences, and fails on one that nothing is
// said below. Sentences with the same answer stand one after the other above it.
func headings(t *testing.T) map[string]bool {
	t.Helper()
	b, err := os.ReadFile(troubleshooting)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]bool{}
	waiting := ""
	for line := range strings.SplitSeq(string(b), "\n") {
		h, is := strings.CutPrefix(line, "### ")
		switch {
		case is:
			if all[h] {
				t.Errorf("%s: the heading %q stands there twice", troubleshooting, h)
			}
			all[h], waiting = true, h
		case strings.HasPrefix(line, "#") && waiting != "":
			t.Errorf("%s: nothing is said below %q", troubleshooting, waiting)
		case strings.TrimSpace(line) != "":
			waiting = ""
		}
	}
	if waiting != "" {
		t.Errorf("%s: nothing is said below %q", troubleshooting, waiting)
	}
	return all
}

// TestTroubleshooting: each sentence that a user can meet has a heading, each heading is said
// somewhere. What a run prints as missing is what to write: "### " and the sentence.
func TestTroubleshooting(t *testing.T) {
	sentences := allSentences(t)
	maps.Copy(sentences, consoleMessages(t))
	there := headings(t)
	for _, s := range slices.Sorted(maps.Keys(sentences)) {
		if !there[s] {
			t.Errorf("no heading: ### %s  (%s)", s, sentences[s])
		}
	}
	for _, h := range slices.Sorted(maps.Keys(there)) {
		if _, ok := sentences[h]; !ok {
			t.Errorf("nobody says any more: ### %s", h)
		}
	}
	t.Logf("%d sentences, %d headings", len(sentences), len(there))
}
