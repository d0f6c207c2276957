package bongsu

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestTaxonomyHasEveryCategory: those of KISA's test, under their Korean names and in their group.
func TestTaxonomyHasEveryCategory(t *testing.T) {
	for group, names := range map[string][]string{
		"kisa":        {"배회", "침입", "유기", "쓰러짐", "싸움", "방화", "마케팅", "낙상"},
		"kisa-safety": {"스토킹 예방", "무인매장", "무인경비로봇", "치매노인 수색", "요양병원", "도시철도", "학교생활", "고속·일반철도"},
		"kisa-iou":    {"실종자", "익수자", "드론 화재"},
		"bongsu":      {"선 통과", "통행량", "역주행", "정지 차량", "폐쇄 구역", "밀집"},
	} {
		var got []string
		for _, c := range Categories() {
			if c.Group == group {
				got = append(got, c.KO)
				if want := ScoringIoU; (group == "kisa-iou") != (c.Scoring == want) {
					t.Errorf("%s is scored by %s", c.ID, c.Scoring)
				}
			}
		}
		if !slices.Equal(got, names) {
			t.Errorf("%s: %q, want %q", group, got, names)
		}
	}
}

// TestTaxonomyIsWhole: every word of it is one that is known, and every name is there once.
func TestTaxonomyIsWhole(t *testing.T) {
	seen := map[string]string{}
	once := func(what, id string) {
		if id == "" || seen[id] == what {
			t.Errorf("%s %q is empty or there twice", what, id)
		}
		seen[id] = what
	}
	for _, c := range Categories() {
		once("category", c.ID)
		once("Korean name", c.KO)
		once("English name", c.EN)
		if c.ClipWord != "" {
			once("clip word", c.ClipWord)
		}
		if err := CheckName(c.ID); err != nil {
			t.Error(err)
		}
		if c.Priority.Rank() > 3 || !slices.Contains([]Scoring{ScoringF1, ScoringIoU, ScoringNone}, c.Scoring) ||
			!slices.Contains([]CategoryStatus{StatusImplemented, StatusExperimental, StatusPlanned, StatusNotPlanned}, c.Status) {
			t.Errorf("%+v", c)
		}
		if c.Runs() && c.ClipWord == "" {
			t.Errorf("%s runs and has no word in the files of a test", c.ID)
		}
		for _, p := range c.Purposes {
			if !KnownPurpose(p) {
				t.Errorf("%s is for the unknown purpose %q", c.ID, p)
			}
		}
	}
	for _, p := range Purposes() {
		once("purpose", string(p.ID))
		if p.KO == "" || p.EN == "" || !strings.HasPrefix(p.Law, "개인정보 보호법 제25조제1항제") {
			t.Errorf("%+v", p)
		}
		if !slices.ContainsFunc(Categories(), func(c Category) bool { return slices.Contains(c.Purposes, p.ID) }) {
			t.Errorf("nothing can be watched for with the purpose %s", p.ID)
		}
	}
}

// TestEveryKindHasOneCategory reads the constants of EventKind from the source, so that none is
// forgotten here.
func TestEveryKindHasOneCategory(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "event.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	constants := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if name, ok := spec.Type.(*ast.Ident); !ok || name.Name != "EventKind" {
			return true
		}
		word, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		constants++
		if CategoryOf(EventKind(word)) == nil {
			t.Errorf("kind %s has no category", word)
		}
		return true
	})
	if constants < 12 || constants != len(Kinds()) {
		t.Errorf("%d kinds in event.go, %d in the taxonomy", constants, len(Kinds()))
	}
}

func TestKinds(t *testing.T) {
	for _, c := range []struct {
		kind                EventKind
		alarm, experimental bool
	}{{KindFall, true, false}, {KindLineCounting, false, false}, {KindFight, true, true}, {KindCrowd, true, true}, {"of-tomorrow", true, false}} {
		if c.kind.Alarm() != c.alarm || c.kind.Experimental() != c.experimental {
			t.Errorf("%s: alarm %v, experimental %v", c.kind, c.kind.Alarm(), c.kind.Experimental())
		}
	}
	if DefaultPriority(KindFire) != PriorityCritical || DefaultPriority(KindLineCounting) != PriorityLow || DefaultPriority("of-tomorrow") != PriorityLow {
		t.Error("priorities")
	}
}

func TestCovers(t *testing.T) {
	for _, c := range []struct {
		purposes []Purpose
		kind     EventKind
		want     bool
	}{
		{nil, KindIntrusion, true},
		{[]Purpose{"crime-prevention"}, KindIntrusion, true},
		{[]Purpose{"traffic-information"}, KindIntrusion, false},
		{[]Purpose{"traffic-information", "facility-safety"}, KindIntrusion, true},
		{[]Purpose{"traffic-enforcement"}, KindWrongWay, true},
		{[]Purpose{"crime-prevention"}, KindWrongWay, false},
		{[]Purpose{"crime-prevention"}, "of-tomorrow", false},
	} {
		if got := Covers(c.purposes, c.kind); got != c.want {
			t.Errorf("%v covers %s: %v", c.purposes, c.kind, got)
		}
	}
}

func TestTaxonomyRefusals(t *testing.T) {
	for name, text := range map[string]string{
		"no JSON":           `{`,
		"kind twice":        `{"categories":[{"id":"a","status":"implemented","kinds":["fall"],"purposes":["p"]},{"id":"b","status":"implemented","kinds":["fall"],"purposes":["p"]}]}`,
		"planned with kind": `{"categories":[{"id":"a","status":"planned","kinds":["fall"]}]}`,
		"runs without kind": `{"categories":[{"id":"a","status":"experimental","purposes":["p"]}]}`,
		"for nothing":       `{"categories":[{"id":"a","status":"implemented","kinds":["fall"]}]}`,
	} {
		if _, err := parseTaxonomy([]byte(text)); err == nil {
			t.Errorf("%s passes", name)
		}
	}
}
