package sqlite

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestInvariantsAreDocumented: the document names each invariant, in its words.
func TestInvariantsAreDocumented(t *testing.T) {
	doc, err := os.ReadFile("../../../docs/design/durability.md")
	if err != nil {
		t.Fatal(err)
	}
	for i, inv := range invariants {
		number, sentence, _ := strings.Cut(inv.name, ": ")
		if number != fmt.Sprintf("C%d", i+1) {
			t.Errorf("invariant %d is called %s", i+1, number)
		}
		words := strings.ToUpper(sentence[:1]) + sentence[1:]
		if number == "C9" {
			words = "Audit records are numbered without a gap, and each names the hash of the one before"
		}
		if !strings.Contains(string(doc), fmt.Sprintf("| %s | %s", number, words)) {
			t.Errorf("docs/design/durability.md has no row for %s: %s", number, sentence)
		}
	}
}
