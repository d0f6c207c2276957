package cmd

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bongsu/edge/score"
	"bongsu/streams/scene/suite"
)

func TestSceneSuite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tuning")
	args := []string{"scene", "suite", "--purpose", "tuning", "--category", "wrongway", "--clips", "1", "--seed", "4", "--width", "96", "--jobs", "1", "--out", dir}
	code, out, errs := tool(t, args...)
	if code == ExitFailed && strings.Contains(errs, "cgo") {
		t.Skip("the encoder needs cgo")
	}
	if code != 0 || !strings.Contains(out, "a suite for tuning of 1 clips") || !strings.Contains(errs, "1 of 1 clips, T06_001_0001, 0 were there") {
		t.Fatalf("exit code %d, %q, %q", code, out, errs)
	}
	if code, _, errs := tool(t, args...); code != 0 || !strings.Contains(errs, "1 were there") {
		t.Errorf("again: exit code %d, %q", code, errs)
	}
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"scene", "suite"}, ExitUsage, "--out is missing"},
		{[]string{"scene", "suite", "--out", dir, "--category", "dancing"}, ExitUsage, `--category "dancing": say all`},
		{[]string{"scene", "suite", "--out", dir, "--category", "Queueing"}, ExitUsage, `--category "Queueing": say all`},
		{[]string{"scene", "suite", "--out", dir, "--purpose", "fun"}, ExitFailed, `there is no purpose "fun"`},
		{[]string{"scene", "suite", "--out", dir, "--purpose", "scoring"}, ExitFailed, "holds a suite for tuning"},
		{[]string{"scene", "suite", "more", "--out", dir}, ExitUsage, "suite --out DIR"},
	} {
		if code, _, errs := tool(t, c.args...); code != c.code || !strings.Contains(errs, c.want) {
			t.Errorf("%v: exit code %d, %q; want %d and %q", c.args, code, errs, c.code, c.want)
		}
	}
}

// TestSuitesAndProfileAgree holds the offsets of the suites' truth to those of the profile that scores it.
func TestSuitesAndProfileAgree(t *testing.T) {
	profile, err := score.LoadProfile("kisa-2026")
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range suite.Categories {
		c, err := profile.Category(string(word))
		if err != nil {
			t.Errorf("%s: %v", word, err)
			continue
		}
		if c.Offset != suite.Offsets[word] || c.Kind != suite.Kinds[word] {
			t.Errorf("%s: the profile has %v and %s, the suites %v and %s", word, c.Offset, c.Kind, suite.Offsets[word], suite.Kinds[word])
		}
	}
	for word := range suite.Offsets {
		if !slices.Contains(suite.Categories, word) {
			t.Errorf("there is an offset for %s, which no suite has", word)
		}
	}
}
