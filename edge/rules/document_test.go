package rules

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"bongsu"
)

// TestDocument holds the tables of docs/ref/rules.md against Defaults, and asks for what a page of a
// kind must say.
func TestDocument(t *testing.T) {
	data, err := os.ReadFile("../../docs/ref/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	pages := map[string]string{}
	for _, part := range strings.Split(string(data), "\n## ")[1:] {
		title, text, _ := strings.Cut(part, "\n")
		id, _, _ := strings.Cut(title, " · ")
		pages[id] = text
	}
	for _, k := range Kinds() {
		page, ok := pages[string(k)]
		if !ok {
			t.Errorf("%s has no page", k)
			continue
		}
		if !strings.Contains(page, "**What it cannot see.**") || !strings.Contains(page, "Reasons:") {
			t.Errorf("%s: the page does not say what it cannot see, or what its reasons are", k)
		}
		experimental := k == bongsu.KindFight || k == bongsu.KindCrowd
		if strings.Contains(page, "**Experimental") != experimental {
			t.Errorf("%s: experimental is %v", k, experimental)
		}
		if got, want := documented(page), parameters(Defaults(k)); !slices.Equal(got, want) {
			t.Errorf("%s:\nthe page has %v\nthe code has %v", k, got, want)
		}
	}
}

var tableRow = regexp.MustCompile("(?m)^\\| `([a-z0-9_]+)` \\| ([^|]+) \\|")

// documented gives the parameters of a page's table as "key value", sorted.
func documented(page string) []string {
	var out []string
	for _, m := range tableRow.FindAllStringSubmatch(page, -1) {
		out = append(out, m[1]+" "+strings.TrimSpace(m[2]))
	}
	slices.Sort(out)
	return out
}

// parameters gives those of a rule's defaults alike.
func parameters(r Rule) []string {
	var out []string
	add := func(key string, v any) { out = append(out, fmt.Sprintf("%s %v", key, v)) }
	var words []string
	for _, c := range r.Classes {
		words = append(words, string(c))
	}
	add("classes", strings.Join(words, ", "))
	if r.Direction != "" {
		add("direction", r.Direction)
	}
	for key, d := range map[string]time.Duration{"dwell_s": r.Dwell, "confirm_s": r.Confirm, "linger_s": r.Linger, "period_s": r.Period, "owner_s": r.Owner} {
		if d > 0 {
			add(key, d.Seconds())
		}
	}
	for key, v := range map[string]float32{"min_score": r.MinScore, "near_m": r.Near} {
		if v > 0 {
			add(key, v)
		}
	}
	if r.Count > 0 {
		add("count", r.Count)
	}
	slices.Sort(out)
	return out
}

func TestDefaults(t *testing.T) {
	for _, k := range Kinds() {
		d := Defaults(k)
		if d.Kind != k || d.Priority != bongsu.DefaultPriority(k) || len(d.Classes) == 0 || d.MinScore <= 0 || d.Linger <= 0 {
			t.Errorf("%+v", d)
		}
		d.Classes[0] = "changed"
		if Defaults(k).Classes[0] == "changed" {
			t.Errorf("%s: the defaults can be changed from outside", k)
		}
	}
	if d := Defaults("dance"); d.Kind != "dance" || len(d.Classes) != 0 || d.Linger != 0 {
		t.Errorf("%+v", d)
	}
	own := Rule{Kind: bongsu.KindFall, Priority: bongsu.PriorityLow, Classes: cars, MinScore: 0.9, Confirm: time.Minute}
	full := Complete(own)
	if full.Priority != bongsu.PriorityLow || !slices.Equal(full.Classes, cars) || full.MinScore != 0.9 || full.Confirm != time.Minute || full.Dwell != Defaults(bongsu.KindFall).Dwell {
		t.Errorf("%+v", full)
	}
	if c := Complete(Rule{Kind: bongsu.KindCrowd, PerM2: []float32{3}}); c.Count != 0 {
		t.Errorf("levels of density, and a count of %d", c.Count)
	}
}

// TestVersion: the same rule judged alike has the same version; whatever changes a judgement changes it.
func TestVersion(t *testing.T) {
	r := Complete(intrusion())
	first := version(r, nil)
	if len(first) != 12 || version(Complete(intrusion()), nil) != first {
		t.Errorf("%q, then %q", first, version(r, nil))
	}
	for name, change := range map[string]func(*Rule){
		"confirm":  func(r *Rule) { r.Confirm *= 2 },
		"zone":     func(r *Rule) { r.Zone = square[:3] },
		"kind":     func(r *Rule) { r.Kind = bongsu.KindLoitering },
		"schedule": func(r *Rule) { r.Schedule = []bongsu.Span{{Days: 1, To: 5}} },
	} {
		other := r
		change(&other)
		if version(other, nil) == first {
			t.Errorf("another %s, the same version", name)
		}
	}
	if version(r, groundOf(t, 10)) == first {
		t.Error("a ground plane, the same version")
	}
}
