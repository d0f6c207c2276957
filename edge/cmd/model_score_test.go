package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bongsu/models/nano"
)

// dataset is ten white pictures of 64×64, in which the tiny model sees its person at one place:
// there is one in eight of them.
func dataset(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	put(t, dir, "dataset.json", `{"schema":1,"look":"held-out","width":64,"height":64,"format":"i420","frames":10,"classes":["person","fallen person"]}`)
	picture := bytes.Repeat([]byte{235}, 64*64)
	picture = append(picture, bytes.Repeat([]byte{128}, 2*32*32)...)
	put(t, dir, "frames.i420", string(bytes.Repeat(picture, 10)))
	var labels strings.Builder
	for i := range 10 {
		boxes := `{"class":"person","x":22,"y":16,"w":20,"h":24,"visibility":1}`
		if i%5 == 4 {
			boxes = ""
		}
		fmt.Fprintf(&labels, `{"frame":%d,"scene":"s","time":"noon","weather":"clear","boxes":[%s]}`+"\n", i, boxes)
	}
	put(t, dir, "labels.jsonl", labels.String())
	return dir
}

func TestModelScore(t *testing.T) {
	dir := t.TempDir()
	folder, data := models(t, dir), dataset(t)
	file := filepath.Join(dir, "scores.json")
	code, out, errs := tool(t, "model", "score", "tiny", "--models", folder, "--data", data, "--beside", filepath.Join(dir, "tiny.onnx"), "--json", file)
	if code != ExitOK {
		t.Fatalf("exit code %d\n%s", code, errs)
	}
	// Eight of ten boxes are right, and no score tells them apart.
	for _, want := range []string{"tiny 1.0 (", " on 10 pictures\n", "person           8 (few)  0.800  0.000", "time noon         10        -", "the same pictures"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	if !strings.Contains(errs, "scored: 50 %\n") {
		t.Errorf("no progress:\n%s", errs)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var report struct {
		Threads int
		Models  []struct {
			Model string
			MAP50 float64
			Time  struct {
				CPU int64 `json:"cpu_median_ns"`
			}
		}
	}
	if err := json.Unmarshal(text, &report); err != nil || len(report.Models) != 2 || report.Models[1].MAP50 != 0.8 || report.Threads != 1 || report.Models[0].Time.CPU <= 0 {
		t.Errorf("%v: %s", err, text)
	}
	for _, c := range []struct {
		code int
		says string
		args []string
	}{
		{ExitUsage, "--data is missing", []string{"tiny"}},
		{ExitUsage, "say list, catalogue", []string{"--data", data}},
		{ExitUsage, "--threads 0: a run needs one at least", []string{"tiny", "--data", data, "--threads", "0"}},
		{ExitUsage, "--low 1: write a score above 0 and under 1", []string{"tiny", "--data", data, "--low", "1"}},
		{ExitFailed, "is no data set: it holds neither dataset.json", []string{"tiny", "--data", folder}},
		{ExitFailed, `model "none" is not installed in ` + folder, []string{"none", "--data", data}},
		{ExitFailed, "none.onnx", []string{"none.onnx", "--data", data}},
		{ExitFailed, "none.onnx", []string{"tiny", "--data", data, "--beside", "none.onnx"}},
		{ExitFailed, "manifest.yaml", []string{data, "--data", data}},
		{ExitFailed, "no/folder", []string{"tiny", "--data", data, "--json", filepath.Join(dir, "no/folder")}},
		{ExitFound, "the mean average precision is 0.800, under 0.810; people are found at 0.000 with precision 0.9, under 0.500", []string{dir, "--data", data, "--least-map50", "0.81", "--least-recall", "0.5"}},
		{ExitOK, "on 3 pictures", []string{dir, "--data", data, "--least-map50", "0.79", "--pictures", "3"}},
		{ExitOK, "bongsu-nano ", []string{nano.Name, "--data", data}},
	} {
		code, out, errs := tool(t, append([]string{"model", "--models", folder, "score"}, c.args...)...)
		if code != c.code || !strings.Contains(out+errs, c.says) {
			t.Errorf("%v: exit code %d, want %d and %q\n%s%s", c.args, code, c.code, c.says, out, errs)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	var stderr buffer
	stopped := Main{Args: []string{"model", "score", "tiny", "--models", folder, "--data", data}, Stdout: io.Discard, Stderr: &stderr}
	if code := stopped.Run(ended); code != ExitFailed || !strings.Contains(stderr.String(), "the scoring was stopped") {
		t.Errorf("exit code %d: %s", code, stderr.String())
	}
}

// The model that comes with the program is installed and verified where no network is.
func TestModelInstallBuiltIn(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "models")
	code, out, errs := tool(t, "model", "install", "--models", folder, "bongsu-nano")
	if code != ExitOK || out != "bongsu-nano\n" || !strings.Contains(errs, "licence Apache-2.0, family yolo") {
		t.Errorf("exit code %d\n%s%s", code, out, errs)
	}
	if out := must(t, "model", "--models", folder, "verify"); out != "bongsu-nano: good\n" {
		t.Errorf("%s", out)
	}
	if out := must(t, "model", "catalogue"); !strings.HasPrefix(out, "bongsu-nano\n  family   yolo\n") || !strings.Contains(out, "  from     built in: ") {
		t.Errorf("%s", out)
	}
}
