package cmd

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bongsu/edge/score"
)

func writeMOT(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestScoreMOT(t *testing.T) {
	gt := writeMOT(t, "gt.txt", "1,1,1,1,10,10,1,1,1\n2,1,1,1,10,10,1,1,1\n\n1,2,50,1,10,10,1,1,1\n2,2,50,1,10,10,1,1,1\n")
	result := writeMOT(t, "res.txt", "1,7,1,1,10,10,-1,-1,-1,-1\n2,8,1,1,10,10,-1,-1,-1,-1\n2,9,50,1,10,10,-1,-1,-1,-1\n")
	var out bytes.Buffer
	m := &Main{Stdout: &out}
	if err := scoreMOT(m, []string{"--gt", gt, "--result", result}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"boxes 4 of 2 objects, answers 3 of 3 tracks", "MOTA 50.0 %", "FN 1", "switches 1", "IDF1 57.1 %"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, &out)
		}
	}
	out.Reset()
	if err := scoreMOT(m, []string{"--gt", gt, "--result", result, "--json"}); err != nil {
		t.Fatal(err)
	}
	var s score.MOT
	if err := json.Unmarshal(out.Bytes(), &s); err != nil || s.MOTA != 0.5 || s.Switches != 1 {
		t.Errorf("%s: %v", &out, err)
	}
}

func TestScoreMOTRefuses(t *testing.T) {
	good := writeMOT(t, "gt.txt", "1,1,1,1,10,10,1\n")
	word := writeMOT(t, "word.txt", "1,1,1,1,10,10,1\n\n2,1,one,1,10,10,1\n")
	twice := writeMOT(t, "twice.txt", "1,1,1,1,10,10,1\n\n\n1,1,5,1,10,10,1\n")
	detections := writeMOT(t, "det.txt", "1,-1,1,1,10,10,1\n")
	for _, c := range []struct {
		args  []string
		usage bool
		want  string
	}{
		{[]string{"--result", good}, true, "--gt is missing"},
		{[]string{"--gt", good}, true, "--result is missing"},
		{[]string{"--gt", good, "--result", good, "more"}, true, `"more" is not expected`},
		{[]string{"--colour"}, true, "colour"},
		{[]string{"--gt", good, "--result", good + "x"}, false, "no such file"},
		{[]string{"--gt", good, "--result", word}, false, word + ":3: bb_left:"},
		{[]string{"--gt", word, "--result", good}, false, word + ":3: bb_left:"},
		{[]string{"--gt", good, "--result", twice}, false, twice + ":4: id 1 stands in frame 1 already"},
		{[]string{"--gt", twice, "--result", good}, false, twice + ":4: id 1 stands in frame 1 already"},
		{[]string{"--gt", good, "--result", detections}, false, detections + ":1: id -1: these are detections"},
	} {
		var out bytes.Buffer
		err := scoreMOT(&Main{Stdout: &out}, c.args)
		var usage usageError
		if err == nil || !strings.Contains(err.Error(), c.want) || errors.As(err, &usage) != c.usage || out.Len() > 0 {
			t.Errorf("%v: %v", c.args, err)
		}
	}
}
