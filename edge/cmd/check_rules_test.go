package cmd

import (
	"os"
	"strings"
	"testing"

	"bongsu"
	"bongsu/edge/config"
	"bongsu/edge/rules"
)

// example is the camera of deploy/edge.yaml that shows every kind of rule, in force.
func example(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("../../deploy/edge.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, shown, found := strings.Cut(string(data), "cameras: []\n")
	if !found {
		t.Fatal("no `cameras: []` in the shipped file")
	}
	var b strings.Builder
	for l := range strings.Lines(shown) {
		b.WriteString(strings.TrimPrefix(l, "# "))
	}
	return strings.ReplaceAll(b.String(), "    username: viewer\n    password_file: /etc/bongsu/gate.password   # one line, mode 0600\n", "")
}

// TestShippedRulesAreJudged: what the reader of edge.yaml takes, the stage that judges takes, and the
// numbers that the shipped example shows are those that a kind has by itself.
func TestShippedRulesAreJudged(t *testing.T) {
	cfg, err := config.Parse("edge.yaml", []byte(example(t)))
	if err != nil {
		t.Fatal(err)
	}
	as, errs := cfg.Assignments(config.OS)
	if len(errs) > 0 || len(as) != 1 {
		t.Fatal(errs)
	}
	if _, err := rules.New(rules.Options{Rules: as[0].Rules, Ground: as[0].Ground}); err != nil {
		t.Fatal(err)
	}
	seen := map[bongsu.EventKind]bool{}
	for _, r := range as[0].Rules {
		seen[r.Kind] = true
		usual := rules.Defaults(r.Kind)
		for _, n := range []struct {
			key           string
			shown, really any
			given         bool
		}{
			{"confirm_s", r.Confirm, usual.Confirm, r.Confirm != 0}, {"near_m", r.Near, usual.Near, r.Near != 0}, {"owner_s", r.Owner, usual.Owner, r.Owner != 0},
			{"period_s", r.Period, usual.Period, r.Period != 0}, {"min_score", r.MinScore, usual.MinScore, r.MinScore != 0},
			{"dwell_s", r.Dwell, usual.Dwell, r.Dwell != 0 && r.Kind != bongsu.KindLoitering},
		} {
			if n.given && n.shown != n.really {
				t.Errorf("%s: deploy/edge.yaml shows %s %v, the default is %v", r.Kind, n.key, n.shown, n.really)
			}
		}
	}
	for _, k := range rules.Kinds() {
		if !seen[k] {
			t.Errorf("deploy/edge.yaml shows no rule of kind %s", k)
		}
	}
}

func TestCheckNotesCamerasWithoutPurpose(t *testing.T) {
	edge := put(t, t.TempDir(), "edge.yaml", "defaults: {model: m}\ncameras:\n  - {id: gate, url: 'rtsp://192.0.2.1/s', purposes: [crime-prevention]}\n  - {id: yard, url: 'rtsp://192.0.2.2/s'}\n")
	out := must(t, "check", "--only", "config", "--config", edge)
	if !strings.Contains(out, "note   1 of 2 cameras do not say what they are there for (purposes): nobody checks whether their rules fit\n") {
		t.Error(out)
	}
}
