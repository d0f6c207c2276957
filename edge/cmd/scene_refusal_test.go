package cmd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSceneFilesAreRefusedWithLineAndKey spoils one line of a scene: every word that reads scenes
// must name the file, the line, the key and what is wrong, and leave nothing behind.
func TestSceneFilesAreRefusedWithLineAndKey(t *testing.T) {
	for _, c := range []struct{ name, old, with, want string }{
		{"unknown actor", "do: [{act: fall}]", "do: [{act: fight, with: ghost}]", `tiny.yaml:7: actors[0].do[0].with: there is no actor "ghost" in this scene`},
		{"unknown kind", "kind: person", "kind: dragon", `tiny.yaml:7: actors[0].kind: there is no kind of actor "dragon"`},
		{"negative size", "kind: person", "kind: fire, size_m: -1", "tiny.yaml:7: actors[0].size_m: -1 is out of range"},
		{"negative height", "height_m: 4", "height_m: -4", "tiny.yaml:5: camera.height_m: -4 is out of range"},
		{"path outside", "do: [{act: fall}]", "do: [{act: walk, to: [[0, 10], [90, 10]]}]", "tiny.yaml:7: actors[0].do[0].to[1]: [90, 10] lies outside the picture"},
		{"unknown key", "title:", "headline:", "tiny.yaml:3: headline: the key \"headline\" is not known here"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, "tiny.yaml")
			if err := os.WriteFile(file, []byte(strings.Replace(tinyScene, c.old, c.with, 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			out, told := filepath.Join(dir, "out.mp4"), filepath.Join(dir, "truth")
			for _, args := range [][]string{{"render", file, "--out", out, "--truth", told}, {"truth", file, "--truth", told}} {
				code, _, errs := tool(t, append([]string{"scene"}, args...)...)
				if code != ExitFailed || !strings.Contains(errs, c.want) {
					t.Errorf("scene %s: exit code %d, %q; want %q", args[0], code, errs, c.want)
				}
			}
			if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 1 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// TestSceneHelpShowsExamples runs no example; each word of the verb must have one.
func TestSceneHelpShowsExamples(t *testing.T) {
	_, out, errs := tool(t, "scene", "--help")
	_, examples, ok := strings.Cut(out+errs, "example:")
	if !ok {
		t.Fatalf("no examples: %s", out+errs)
	}
	for _, word := range []string{"list", "render", "truth", "serve", "dataset"} {
		if !strings.Contains(examples, "bongsu-edge scene "+word) {
			t.Errorf("there is no example of scene %s", word)
		}
	}
}
