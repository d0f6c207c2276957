package docs_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"bongsu"
)

// TestTaxonomyPage holds the page to the program's own list.
func TestTaxonomyPage(t *testing.T) {
	data, err := os.ReadFile("ref/taxonomy.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(data)
	groups := map[string]string{"kisa": "KISA, general", "kisa-safety": "KISA, safety", "kisa-iou": "KISA, by boxes", "bongsu": "ours"}
	for _, c := range bongsu.Categories() {
		var kinds, purposes []string
		for _, k := range c.Kinds {
			kinds = append(kinds, "`"+string(k)+"`")
		}
		for _, p := range c.Purposes {
			purposes = append(purposes, string(p))
		}
		priority := string(c.Priority)
		if !c.Alarm {
			priority = "a record"
		}
		row := fmt.Sprintf("| %s | %s | %s | %s | %s | %s | %s | %s |\n", c.KO, c.EN, groups[c.Group], c.Scoring, c.Status, orDash(kinds), orDash(purposes), priority)
		if strings.Count(page, row) != 1 {
			t.Errorf("the page does not have the row\n%s", row)
		}
		if c.Status == bongsu.StatusNotPlanned && strings.Count(page, c.KO) < 2 {
			t.Errorf("the page gives no reason for %s, which is not planned", c.KO)
		}
	}
	for _, p := range bongsu.Purposes() {
		if row := fmt.Sprintf("| `%s` | %s | %s | %s |\n", p.ID, p.KO, p.EN, p.Law); !strings.Contains(page, row) {
			t.Errorf("the page does not have the row\n%s", row)
		}
	}
}

func orDash(words []string) string {
	if len(words) == 0 {
		return "–"
	}
	return strings.Join(words, ", ")
}
