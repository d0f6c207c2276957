package config

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"bongsu"
)

func TestSuggestion(t *testing.T) {
	for key, want := range map[string]string{
		"detecturl":            `; did you mean "detect_url"?`,
		"detect_urls":          `; did you mean "detect_url"?`,
		"pasword_file":         `; did you mean "password_file"?`,
		"password":             `; did you mean "password_file"?`,
		"rule":                 `; did you mean "rules"?`,
		"infer":                `; did you mean "infer_per_s"?`,
		"nmae":                 `; did you mean "name"?`,
		"ID":                   "; known here: ", // two of two letters are not a typing error
		"fps":                  "; known here: ",
		"":                     "; known here: ",
		strings.Repeat("x", 5): "; known here: ",
	} {
		if got := suggestion(key, cameraKeys); !strings.HasPrefix(got, want) {
			t.Errorf("%q: %q, want %q", key, got, want)
		}
	}
}

// slowDistance is the definition of Levenshtein's distance.
func slowDistance(a, b string) int {
	if a == "" || b == "" {
		return len(a) + len(b)
	}
	cost := 1
	if a[0] == b[0] {
		cost = 0
	}
	return min(slowDistance(a[1:], b)+1, slowDistance(a, b[1:])+1, slowDistance(a[1:], b[1:])+cost)
}

func TestEditDistance(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 5))
	word := func() string {
		b := make([]byte, rng.IntN(6))
		for i := range b {
			b[i] = "abc"[rng.IntN(3)]
		}
		return string(b)
	}
	for range 500 {
		a, b := word(), word()
		if got, want := editDistance(a, b), slowDistance(a, b); got != want {
			t.Fatalf("%q, %q: %d, want %d", a, b, got, want)
		}
	}
	if d := editDistance(strings.Repeat("a", 1<<20), "a"); d < 3 {
		t.Errorf("a very long key is %d from a short one", d)
	}
}

// TestWaysOfWriting reads one camera in the ways that YAML offers.
func TestWaysOfWriting(t *testing.T) {
	for name, file := range map[string]string{
		"block":        "cameras:\n  - id: gate\n    name: Gate 1\n    url: rtsp://h/s\n    model: m\n    infer_per_s: 5\n",
		"no indent":    "cameras:\n- id: gate\n  name: Gate 1\n  url: rtsp://h/s\n  model: m\n  infer_per_s: 5\n",
		"flow":         `{cameras: [{id: gate, name: Gate 1, url: "rtsp://h/s", model: m, infer_per_s: 5}]}`,
		"JSON":         `{"cameras": [{"id": "gate", "name": "Gate 1", "url": "rtsp://h/s", "model": "m", "infer_per_s": 5.0}]}`,
		"quotes":       "cameras:\n  - 'id': 'gate'\n    \"name\": \"Gate\\x201\"\n    url: 'rtsp://h/s'\n    model: \"m\"\n    infer_per_s: 5.0\n",
		"folded":       "cameras:\n  - id: gate\n    name: >-\n      Gate\n      1\n    url: rtsp://h/s\n    model: m\n    infer_per_s: 0x5\n",
		"literal":      "cameras:\n  - id: gate\n    name: |-\n      Gate 1\n    url: rtsp://h/s\n    model: m\n    infer_per_s: 5\n",
		"CRLF":         "cameras:\r\n  - id: gate\r\n    name: Gate 1\r\n    url: rtsp://h/s\r\n    model: m\r\n    infer_per_s: 5\r\n",
		"comments":     "# top\ncameras: # here\n  # a camera\n  - id: gate # its id\n    # its name\n    name: Gate 1\n    url: rtsp://h/s\n    model: m\n    infer_per_s: 5 # slow\n# end\n",
		"marks":        "---\ncameras:\n  - id: gate\n    name: Gate 1\n    url: rtsp://h/s\n    model: m\n    infer_per_s: 5\n...\n",
		"order":        "cameras:\n  - infer_per_s: 5\n    model: m\n    url: rtsp://h/s\n    name: Gate 1\n    id: gate\n",
		"from default": "defaults: {model: m, infer_per_s: 5}\ncameras:\n  - {id: gate, name: Gate 1, url: 'rtsp://h/s'}\n",
		"default last": "cameras:\n  - {id: gate, name: Gate 1, url: 'rtsp://h/s'}\ndefaults: {model: m, infer_per_s: 5}\n",
	} {
		c, err := Parse("edge.yaml", []byte(file))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(c.Cameras) != 1 {
			t.Errorf("%s: %d cameras", name, len(c.Cameras))
			continue
		}
		if cam := c.Cameras[0]; cam.ID != "gate" || cam.Name != "Gate 1" || cam.URL != "rtsp://h/s" || cam.Model != "m" || cam.InferPerS != 5 {
			t.Errorf("%s: %+v", name, cam)
		}
	}
}

// TestLinesAreRight puts one mistake under more and more comments.
func TestLinesAreRight(t *testing.T) {
	for n := range 20 {
		file := strings.Repeat("# comment\n\n", n) + "edge:\n" + strings.Repeat("  # comment\n", n) + "  nam: x\n"
		_, err := Parse("edge.yaml", []byte(file))
		want := fmt.Sprintf("edge.yaml:%d: edge.nam: unknown key; did you mean \"name\"?", 3*n+2)
		if err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

// shapes are values of every kind, by the name under which the sentences know it.
var shapes = map[string]string{
	"nothing":                   "",
	"true or false":             "true",
	"a number":                  "12",
	"text":                      "word",
	"a list":                    "[a]",
	"keys with values":          "{a: 1}",
	"an anchor or alias":        "&x word",
	"a tag (leave it out)":      "!!str word",
	"text, over several lines ": "|\n            word",
}

// TestEveryKeyRefusesOtherShapes gives each key each kind of value that it does not take: one
// mistake at that key, on its line, saying what it found.
func TestEveryKeyRefusesOtherShapes(t *testing.T) {
	const above = "cameras:\n  - id: gate\n    url: rtsp://h/s\n    model: m\n"
	const zoneRule = above + "    rules:\n      - id: r\n        kind: intrusion\n        zone: [[0, 0], [1, 0], [1, 1]]\n"
	const lineRule = above + "    rules:\n      - id: r\n        kind: line-crossing\n        line: [[0, 0], [1, 1]]\n"
	type place struct {
		prefix, indent, path, takes string
		keys                        []string
	}
	for _, p := range []place{
		{"edge:\n", "  ", "edge.", "text", []string{"name"}},
		{"", "", "", "text", []string{"data_dir", "models_dir"}},
		{"cloud:\n", "  ", "cloud.", "text", []string{"url", "credential_file", "enrol_token_file", "ca_file"}},
		{"debug:\n", "  ", "debug.", "text", []string{"listen"}},
		{"workers:\n", "  ", "workers.", "number", []string{"cameras_per_worker"}},
		{"outbox:\n", "  ", "outbox.", "number", []string{"max_bytes", "reserve_bytes"}},
		{"defaults:\n", "  ", "defaults.", "number", []string{"infer_per_s", "pre_roll_s", "post_roll_s", "max_clip_s", "stall_s", "ring_bytes", "max_pixels", "min_score", "confirm_s", "linger_s"}},
		{above, "    ", "cameras[0].", "text", []string{"name", "detect_url", "username", "password_file"}},
		{above, "    ", "cameras[0].", "bool", []string{"allow_basic"}},
		{above, "    ", "cameras[0].", "list", []string{"rules"}},
		{zoneRule, "        ", "cameras[0].rules[0].", "text", []string{"priority"}},
		{zoneRule, "        ", "cameras[0].rules[0].", "number", []string{"confirm_s", "linger_s", "min_score"}},
		{zoneRule, "        ", "cameras[0].rules[0].", "list", []string{"classes"}},
		{lineRule, "        ", "cameras[0].rules[0].", "text", []string{"direction"}},
	} {
		for _, key := range p.keys {
			for kind, shape := range shapes {
				if fits(p.takes, kind) {
					continue
				}
				file := p.prefix + p.indent + key + ": " + shape + "\n"
				_, err := Parse("edge.yaml", []byte(file))
				if err == nil {
					t.Errorf("accepted %s for %s%s", kind, p.path, key)
					continue
				}
				first, _, _ := strings.Cut(err.Error(), "\n")
				line := strings.Count(p.prefix, "\n") + 1
				if want := fmt.Sprintf("edge.yaml:%d: %s%s", line, p.path, key); !strings.HasPrefix(first, want) {
					t.Errorf("%s for %s%s: %s", kind, p.path, key, first)
				}
				if want := strings.TrimSuffix(strings.SplitN(kind, ",", 2)[0], " "); !strings.Contains(first, want) && !strings.Contains(first, "names no class") {
					t.Errorf("%s for %s%s is called something else: %s", kind, p.path, key, first)
				}
			}
		}
	}
}

// fits reports whether a key that takes one kind of value can read another.
func fits(takes, kind string) bool {
	switch takes {
	case "text": // a bare number is its digits; what the text says is checked elsewhere
		return strings.HasPrefix(kind, "text") || kind == "a number"
	case "number":
		return kind == "a number"
	case "bool":
		return kind == "true or false"
	case "list":
		return kind == "a list" || kind == "nothing"
	}
	return false
}

func TestErrorsAreSortedByLine(t *testing.T) {
	r := &reader{file: "f"}
	for _, line := range []int{5, 0, 3, 3, 9, 1} {
		r.fail(line, "p", "%d", len(r.errs))
	}
	want := "f: p: 1\nf:1: p: 5\nf:3: p: 2\nf:3: p: 3\nf:5: p: 0\nf:9: p: 4"
	if err := r.result(); err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if err := (&reader{}).result(); err != nil {
		t.Errorf("no mistakes give %v", err)
	}
	var es Errors = []*bongsu.FieldError{{File: "a"}, {File: "b"}}
	if n := len(es.Unwrap()); n != 2 {
		t.Errorf("%d unwrapped", n)
	}
}
