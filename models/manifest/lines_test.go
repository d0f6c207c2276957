package manifest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// The same file as other editors and people write it.
func TestWaysToWriteTheSame(t *testing.T) {
	want, err := Parse("m.yaml", []byte(good))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"windows lines":   strings.ReplaceAll(good, "\n", "\r\n"),
		"byte order mark": "\ufeff" + good,
		"comments":        strings.ReplaceAll(good, "\n", " # a comment\n"),
		"quotes":          strings.Replace(strings.Replace(good, "name: tiny", `"name": 'tiny'`, 1), "version: 1.10", `version: "1.10"`, 1),
		"document marker": "---\n" + good,
		"block style":     strings.Replace(good, "{index: 0, class: person, ko: 사람, en: person}", "index: 0\n    class: person\n    ko: 사람\n    en: person", 1),
		"flow style":      strings.Replace(good, "- name: output\n    shape: [-1, 42, 8]", "- {name: output, shape: [-1, 42, 8]}", 1),
	} {
		got, err := Parse("m.yaml", []byte(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s:\n got %v\nwant %v", name, got, want)
		}
	}
}

// Lines are those of the file, also behind comments, blank lines and blocks.
func TestLinesBehindComments(t *testing.T) {
	block := strings.Replace(good, "{index: 0, class: person, ko: 사람, en: person}", "index: 0\n    # people\n\n    class: Person\n    ko: 사람\n    en: person", 1)
	for text, want := range map[string]string{
		"# one\n# two\n\n" + strings.Replace(good, "pad: 0", "pad: 300", 1):              "m.yaml:21: input.pad: ",
		strings.ReplaceAll(strings.Replace(good, "pad: 0", "pad: 300", 1), "\n", "\r\n"): "m.yaml:18: input.pad: ",
		block: "m.yaml:26: labels[0].class: ",
		strings.Replace(good, "thresholds: {low: 0.1, high: 0.5,", "thresholds: {low: 0.1,\n  high: 7,", 1): "m.yaml:26: thresholds.high: ",
	} {
		_, err := Parse("m.yaml", []byte(text))
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s…", err, want)
		}
	}
}

// Every key is needed or has a default: leaving out any line gives a sentence with its place,
// or a manifest, and never something else.
func TestEveryLineLeftOut(t *testing.T) {
	lines := strings.Split(strings.TrimSpace(good), "\n")
	accepted := map[string]bool{}
	for i := range lines {
		text := strings.Join(append(append([]string{}, lines[:i]...), lines[i+1:]...), "\n") + "\n"
		m, err := Parse("m.yaml", []byte(text))
		if (m == nil) == (err == nil) {
			t.Fatalf("%v, %v", m, err)
		}
		if err == nil {
			accepted[strings.TrimSpace(lines[i])] = true
			continue
		}
		if !strings.HasPrefix(err.Error(), "m.yaml:") {
			t.Errorf("without %q: %v", lines[i], err)
		}
	}
	for _, line := range []string{"scale: 0.5", "mean: [10, 0, 30]", "std: [2, 1, 4]", "pad: 0"} {
		if !accepted[line] {
			t.Errorf("%q has a default and may be left out", line)
		}
		delete(accepted, line)
	}
	for _, line := range []string{"- {index: 0, class: person, ko: 사람, en: person}", "- {index: 2, class: car, ko: 자동차, en: car}"} {
		delete(accepted, line)
	}
	if len(accepted) != 0 {
		t.Errorf("accepted without %v", accepted)
	}
}

// Lines that were doubled, swapped or cut are refused or read, never a panic, and what is read
// can be used.
func TestShuffledLines(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 3))
	base := strings.SplitAfter(good, "\n")
	for range 300 {
		lines := append([]string{}, base...)
		for range 1 + rnd.IntN(3) {
			i, j := rnd.IntN(len(lines)), rnd.IntN(len(lines))
			switch rnd.IntN(3) {
			case 0:
				lines[i], lines[j] = lines[j], lines[i]
			case 1:
				lines[i] = lines[j] + lines[i]
			default:
				lines[i] = lines[i][:rnd.IntN(len(lines[i])+1)]
			}
		}
		m, err := Parse("m.yaml", []byte(strings.Join(lines, "")))
		if (m == nil) == (err == nil) {
			t.Fatalf("%v, %v", m, err)
		}
		if m != nil {
			if err := m.HeadSpec().Check(); err != nil {
				t.Error(err)
			}
		}
	}
}
