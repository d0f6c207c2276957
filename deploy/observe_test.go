package deploy_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// documented is a row of docs/ref/metrics.md.
type documented struct {
	kind, labels, when string
}

var metricRow = regexp.MustCompile("(?m)^\\| `(bongsu_[a-z0-9_]+)` \\| (counter|gauge|histogram) \\| ([a-z, ]*)\\| [^|]+\\|([^|]*)\\|$")

// documentedMetrics gives the rows of one program's table.
func documentedMetrics(t *testing.T, program string) map[string]documented {
	t.Helper()
	b, err := os.ReadFile("../docs/ref/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(b), "\n## "+program+"\n")
	if !ok {
		t.Fatalf("there is no section %s", program)
	}
	rest, _, _ = strings.Cut(rest, "\n## ")
	all := map[string]documented{}
	for _, m := range metricRow.FindAllStringSubmatch(rest, -1) {
		all[m[1]] = documented{m[2], strings.TrimSpace(m[3]), strings.TrimSpace(m[4])}
	}
	if rows := strings.Count(rest, "\n| `"); rows != len(all) || rows == 0 {
		t.Errorf("%s: %d rows, of which %d can be read", program, rows, len(all))
	}
	return all
}

// literals gives the names of metrics that stand in the code below a folder.
func literals(t *testing.T, folder string) map[string]bool {
	t.Helper()
	name := regexp.MustCompile(`bongsu_[a-z0-9_]+`)
	all := map[string]bool{}
	goFiles(t, folder, func(_ string, file *ast.File) {
		ast.Inspect(file, func(n ast.Node) bool {
			lit, ok := n.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			s, err := strconv.Unquote(lit.Value)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range name.FindAllString(s, -1) {
				all[m] = true
			}
			return true
		})
	})
	delete(all, "bongsu_session") // the cookie
	delete(all, "bongsu_")
	return all
}

// goFiles parses the Go files of ours below a folder of the repository, tests left out.
func goFiles(t *testing.T, folder string, f func(path string, file *ast.File)) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join("..", folder), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && len(d.Name()) > 2) {
			return fs.SkipDir
		}
		if filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
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

// TestMetrics holds docs/ref/metrics.md, the rules and the dashboard against what both programs
// expose when they run.
func TestMetrics(t *testing.T) {
	known := map[string]string{}
	for program, exposed := range map[string]map[string]string{"bongsu-edge": edgeMetrics(t), "bongsu-cloud": cloudMetrics(t)} {
		docs := documentedMetrics(t, program)
		code := literals(t, strings.TrimPrefix(program, "bongsu-"))
		for name, kind := range exposed {
			if docs[name].kind != kind {
				t.Errorf("%s exposes %s, a %s; docs/ref/metrics.md says %q", program, name, kind, docs[name].kind)
			}
		}
		for name, d := range docs {
			known[name] = d.kind
			switch {
			case !code[name]:
				t.Errorf("docs/ref/metrics.md, %s: %s is not in the code", program, name)
			case d.when == "" && exposed[name] == "":
				t.Errorf("docs/ref/metrics.md, %s: %s is not exposed: remove it, or say with what it is", program, name)
			}
		}
		for name := range code {
			if _, ok := docs[name]; !ok {
				t.Errorf("%s has the metric %s, which docs/ref/metrics.md does not describe", program, name)
			}
		}
		t.Logf("%s: %d metrics exposed, %d described", program, len(exposed), len(docs))
	}
	for where, expressions := range map[string][]string{"rules": ruleExpressions(t), "dashboard": dashboardExpressions(t)} {
		for _, e := range expressions {
			if err := checkExpression(e, known); err != nil {
				t.Errorf("%s: %v in %s", where, err, e)
			}
		}
		t.Logf("%s: %d expressions", where, len(expressions))
	}
}

var (
	metricName = regexp.MustCompile(`bongsu_[a-z0-9_]+`)
	rising     = regexp.MustCompile(`\b(?:rate|increase)\((bongsu_[a-z0-9_]+)`)
)

// checkExpression holds the names in an expression against the metrics that there are.
func checkExpression(e string, known map[string]string) error {
	for _, pair := range []string{"()", "{}", "[]"} {
		if strings.Count(e, pair[:1]) != strings.Count(e, pair[1:]) {
			return fmt.Errorf("%s are not in pairs", pair)
		}
	}
	names := metricName.FindAllString(e, -1)
	if len(names) == 0 && !strings.Contains(e, "up{job=") {
		return fmt.Errorf("there is no metric")
	}
	base := func(name string) (string, string) {
		if known[name] != "" {
			return name, known[name]
		}
		for _, suffix := range []string{"_bucket", "_sum", "_count"} {
			if b, ok := strings.CutSuffix(name, suffix); ok && known[b] == "histogram" {
				return b, "counter"
			}
		}
		return name, ""
	}
	for _, name := range names {
		if strings.HasPrefix(e[strings.Index(e, name)+len(name):], "=") {
			continue // a label
		}
		if _, kind := base(name); kind == "" {
			return fmt.Errorf("%s does not exist", name)
		}
	}
	for _, m := range rising.FindAllStringSubmatch(e, -1) {
		if _, kind := base(m[1]); kind != "counter" {
			return fmt.Errorf("%s is a %s: no rate can be taken of it", m[1], kind)
		}
	}
	return nil
}

// strictYAML reads a file into v; a key that v does not have is an error.
func strictYAML(t *testing.T, path string, v any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.NewDecoder(bytes.NewReader(b), yaml.Strict(), yaml.DisallowUnknownField()).Decode(v); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

func ruleExpressions(t *testing.T) []string {
	t.Helper()
	var file struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	strictYAML(t, "prometheus/rules.yaml", &file)
	guide, err := os.ReadFile("../docs/guide/operate.md")
	if err != nil {
		t.Fatal(err)
	}
	forms, names := regexp.MustCompile(`^[0-9]+[smh]$`), map[string]bool{}
	var all []string
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			all = append(all, r.Expr)
			if names[r.Alert] || !strings.HasPrefix(r.Alert, "Bongsu") || r.For != "" && !forms.MatchString(r.For) {
				t.Errorf("%s, for %q: each alert has a name of its own that begins with Bongsu, and a time such as 5m", r.Alert, r.For)
			}
			names[r.Alert] = true
			if !slices.Contains([]string{"critical", "warning", "info"}, r.Labels["severity"]) || r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
				t.Errorf("%s: it needs a severity, a summary and a description", r.Alert)
			}
			if !strings.Contains(string(guide), r.Alert) {
				t.Errorf("%s: docs/guide/operate.md does not say what to do about it", r.Alert)
			}
			if !strings.Contains(r.Expr, `job="`+g.Name+`"`) {
				t.Errorf("%s: it does not ask for the job %s", r.Alert, g.Name)
			}
		}
	}
	var scrape struct {
		RuleFiles     []string `yaml:"rule_files"`
		ScrapeConfigs []struct {
			JobName       string                       `yaml:"job_name"`
			Interval      string                       `yaml:"scrape_interval"`
			StaticConfigs []struct{ Targets []string } `yaml:"static_configs"`
		} `yaml:"scrape_configs"`
	}
	strictYAML(t, "prometheus/scrape.yaml", &scrape)
	for i, g := range file.Groups {
		if i >= len(scrape.ScrapeConfigs) || scrape.ScrapeConfigs[i].JobName != g.Name {
			t.Errorf("prometheus/scrape.yaml has no job %s", g.Name)
		}
	}
	return all
}

// dashboard is as much of Grafana's model as ours uses.
type dashboard struct {
	UID, Title, Description, Refresh, Timezone string
	Tags                                       []string
	Editable                                   bool
	SchemaVersion, Version                     int
	Time                                       struct{ From, To string }
	Templating                                 struct {
		List []struct {
			Name, Type, Label, Query string
			Datasource               *source
			IncludeAll, Multi        bool
			Refresh                  int
		}
	}
	Panels []struct {
		ID                       int
		Type, Title, Description string
		Collapsed                bool
		Panels                   []struct{}
		Datasource               *source
		GridPos                  struct{ H, W, X, Y int }
		FieldConfig              struct {
			Defaults struct {
				Unit string
				Min  int
			}
			Overrides []struct{}
		}
		Options map[string]any
		Targets []struct {
			RefID, Expr, LegendFormat string
			Datasource                *source
		}
	}
}

type source struct{ Type, UID string }

func dashboardExpressions(t *testing.T) []string {
	t.Helper()
	b, err := os.ReadFile("grafana/bongsu.json")
	if err != nil {
		t.Fatal(err)
	}
	var d dashboard
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&d); err != nil {
		t.Fatalf("grafana/bongsu.json: %v", err)
	}
	var all []string
	ids := map[int]bool{}
	for _, v := range d.Templating.List {
		if v.Type == "query" {
			all = append(all, v.Query)
		}
	}
	for _, p := range d.Panels {
		if ids[p.ID] || p.Title == "" || p.GridPos.X+p.GridPos.W > 24 || p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("panel %d, %q: its own number, a title, a place and something to show are needed", p.ID, p.Title)
		}
		ids[p.ID] = true
		for _, target := range p.Targets {
			all = append(all, strings.ReplaceAll(target.Expr, "$edge", ""))
		}
	}
	return all
}
