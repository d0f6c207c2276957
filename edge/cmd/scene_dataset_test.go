package cmd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSceneDataset(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "set")
	args := []string{"scene", "dataset", "--out", dir, "--look", "held-out", "--scenes", "2", "--frames", "3", "--seed", "9", "--width", "128", "--height", "72", "--jobs", "2"}
	code, _, errs := tool(t, args...)
	if code != 0 || !strings.Contains(errs, "2 of 2 scenes, 6 pictures") {
		t.Fatalf("exit code %d, %q", code, errs)
	}
	if info, err := os.Stat(filepath.Join(dir, "frames.i420")); err != nil || info.Size() != 6*128*72*3/2 {
		t.Errorf("frames.i420: %v %v", info, err)
	}
	labels, err := os.ReadFile(filepath.Join(dir, "labels.jsonl"))
	if err != nil || strings.Count(string(labels), "\n") != 6 || !strings.Contains(string(labels), `"scene":"held-out-000001"`) {
		t.Errorf("labels.jsonl: %v %s", err, labels)
	}
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{args, ExitFailed, "the folder is not empty"},
		{[]string{"scene", "dataset"}, ExitUsage, "--out is missing"},
		{[]string{"scene", "dataset", "--out", filepath.Join(dir, "x"), "--look", "odd"}, ExitFailed, `there is no look "odd"`},
		{[]string{"scene", "dataset", "--out", filepath.Join(dir, "x"), "--mix", "odd"}, ExitFailed, `there is no mix "odd"`},
		{[]string{"scene", "dataset", "more", "--out", filepath.Join(dir, "x")}, ExitUsage, "dataset --out DIR"},
	} {
		if code, _, errs := tool(t, c.args...); code != c.code || !strings.Contains(errs, c.want) {
			t.Errorf("%v: exit code %d, %q; want %d and %q", c.args, code, errs, c.code, c.want)
		}
	}
}
