package cmd

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bongsu/streams/truth"
)

// alarmsOf are alarms of one category at whole seconds.
func alarmsOf(word string, at ...int) []truth.Alarm {
	var out []truth.Alarm
	for _, s := range at {
		out = append(out, truth.Alarm{Start: time.Duration(s) * time.Second, Category: truth.Category(word), Duration: 10 * time.Second})
	}
	return out
}

// putClip writes truth and answer of one clip; answer nil leaves the file away.
func putClip(t *testing.T, gt, sa, name, word string, events, answer []int) {
	t.Helper()
	var text strings.Builder
	clip := truth.Clip{Scenario: word, File: name + ".mp4", Duration: 5 * time.Minute, Alarms: alarmsOf(word, events...), Weather: truth.Weather{TimeOfDay: "Night"}}
	if err := clip.Write(&text); err != nil {
		t.Fatal(err)
	}
	put(t, gt, name+".xml", text.String())
	if answer == nil {
		return
	}
	text.Reset()
	if err := (&truth.Answer{File: name + ".mp4", Alarms: alarmsOf(word, answer...)}).Write(&text); err != nil {
		t.Fatal(err)
	}
	put(t, sa, name+".xml", text.String())
}

// twoFolders are a folder for truth, one for answers, and a file for the figures.
func twoFolders(t *testing.T) (gt, sa, out string) {
	t.Helper()
	dir := t.TempDir()
	gt, sa = filepath.Join(dir, "gt"), filepath.Join(dir, "sa")
	for _, d := range []string{gt, sa} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return gt, sa, filepath.Join(dir, "out.json")
}

func scored(t *testing.T, path string) map[string]any {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]any{}
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestScore(t *testing.T) {
	for _, c := range []struct {
		name       string
		gt, sa     []int // sa nil: no file
		flags      []string
		tp, fn, fp int
		code       int
		f1         string
	}{
		{"inside", []int{100}, []int{105}, nil, 1, 0, 0, ExitOK, "100"},
		{"early edge", []int{100}, []int{98}, nil, 1, 0, 0, ExitOK, "100"},
		{"late edge", []int{100}, []int{110}, nil, 1, 0, 0, ExitOK, "100"},
		{"late", []int{100}, []int{111}, nil, 0, 1, 1, ExitFound, "0"},
		{"silent", []int{100}, []int{}, nil, 0, 1, 0, ExitFound, "0"},
		{"no answer", []int{100}, nil, nil, 0, 1, 0, ExitFound, "0"},
		{"normal, alarm", []int{}, []int{50}, nil, 0, 0, 1, ExitFound, "0"},
		{"normal, quiet", []int{}, []int{}, nil, 0, 0, 0, ExitFound, "null"},
		{"duplicate", []int{100}, []int{101, 104}, nil, 1, 0, 1, ExitFound, "66.67"},
		{"duplicate, first", []int{100}, []int{101, 104}, []string{"--mode", "first"}, 1, 0, 0, ExitOK, "100"},
		{"wrong then right", []int{100}, []int{50, 101}, []string{"--mode", "first"}, 0, 1, 1, ExitFound, "0"},
		{"two events", []int{100, 105}, []int{104, 106}, nil, 2, 0, 0, ExitOK, "100"},
		{"two events, one alarm", []int{100, 105}, []int{104}, nil, 1, 1, 0, ExitFound, "66.67"},
	} {
		t.Run(c.name, func(t *testing.T) {
			gt, sa, out := twoFolders(t)
			putClip(t, gt, sa, "C00_001_0001", "Loitering", c.gt, c.sa)
			args := append([]string{"score", "--profile", "kisa-2026", "--category", "Loitering", "--gt", gt, "--sa", sa, "--json", out}, c.flags...)
			code, stdout, stderr := tool(t, args...)
			if code != c.code {
				t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
			}
			r := scored(t, out)
			f1, _ := json.Marshal(r["f1"])
			if fmt.Sprint(r["tp"], r["fn"], r["fp"], string(f1), r["pass"]) != fmt.Sprint(c.tp, c.fn, c.fp, c.f1, c.code == ExitOK) {
				t.Errorf("%v %v %v %s %v", r["tp"], r["fn"], r["fp"], f1, r["pass"])
			}
			if !strings.Contains(stdout, "strict") || !strings.Contains(stdout, "first") {
				t.Errorf("both modes belong into the report:\n%s", stdout)
			}
		})
	}
}

// TestScoreJSON holds the names and types of the figures.
func TestScoreJSON(t *testing.T) {
	gt, sa, out := twoFolders(t)
	for i := range 30 {
		answer := []int{103}
		if i < 4 {
			answer = nil
		}
		putClip(t, gt, sa, fmt.Sprintf("C00_%03d_0001", i), "Intrusion", []int{100}, answer)
	}
	code, stdout, stderr := tool(t, "score", "--category", "intrusion", "--gt", gt, "--sa", sa, "--json", out)
	if code != ExitOK || stderr != "" {
		t.Fatalf("exit code %d\n%s%s", code, stdout, stderr)
	}
	r := scored(t, out)
	if r["profile"] != "kisa-2026" || len(r["profile_sha256"].(string)) != 64 || r["version"] != Version || r["category"] != "Intrusion" ||
		r["mode"] != "strict" || r["form"] != "xml" || r["tp"] != 26.0 || r["fn"] != 4.0 || r["fp"] != 0.0 || r["f1"] != 92.86 || r["pass"] != true {
		t.Errorf("%v", r)
	}
	ci := r["ci95"].([]any)
	if len(ci) != 2 || ci[0].(float64) > 92.86 || ci[1].(float64) < 92.86 {
		t.Errorf("%v", ci)
	}
	clips := r["clips"].([]any)
	first, last := clips[0].(map[string]any), clips[29].(map[string]any)
	if len(clips) != 30 || first["name"] != "C00_000_0001" || first["fn"] != 1.0 || len(first["delays_s"].([]any)) != 0 ||
		last["tp"] != 1.0 || fmt.Sprint(last["delays_s"]) != "[3]" {
		t.Errorf("%v %v", first, last)
	}
	night := r["factors"].(map[string]any)["time"].(map[string]any)["night"].(map[string]any)
	if night["clips"] != 30.0 || night["f1"] != 92.86 {
		t.Errorf("%v", night)
	}
}

func TestScoreRefuses(t *testing.T) {
	gt, sa, out := twoFolders(t)
	putClip(t, gt, sa, "a", "Loitering", []int{10}, []int{12})
	broken, _, _ := twoFolders(t)
	put(t, broken, "a.xml", "<KisaLibraryIndex>\n<Library></Clip>")
	profile := put(t, t.TempDir(), "my.profile", "profile mine\nversion x\n")
	base := []string{"score", "--category", "Loitering", "--json", out}
	for _, c := range []struct {
		args []string
		want string
	}{
		{append(base, "--gt", gt, "--sa", broken), filepath.Join(broken, "a.xml") + ":2:"},
		{append(base, "--gt", broken, "--sa", sa), "mend the file and score again"},
		{append(base, "--gt", gt), "--sa is missing"},
		{append(base, "--gt", gt, "--sa", filepath.Join(sa, "none")), "no such file"},
		{append(base, "--gt", filepath.Join(gt, "a.xml"), "--sa", sa), "is no folder"},
		{append(base, "--gt", gt, "--sa", sa, "--mode", "best"), `"best" is no mode`},
		{append(base, "--gt", gt, "--sa", sa, "--form", "csv"), `"csv" is no form`},
		{append(base, "--gt", gt, "--sa", sa, "--profile", "kisa-1999"), "there is no profile"},
		{append(base, "--gt", gt, "--sa", sa, "--profile", profile), profile + `:2: version: "x" is no version`},
		{append(base, "--gt", gt, "--sa", sa, "--category", "Parade"), "no category"},
		{append(base, "--gt", gt, "--sa", sa, "walk"), `"walk" is not expected`},
		{[]string{"score", "--gt", gt, "--sa", sa}, "--category is missing"},
	} {
		code, stdout, stderr := tool(t, c.args...)
		if code != ExitUsage || !strings.Contains(stderr, c.want) {
			t.Errorf("%v: exit code %d\n%s%s", c.args, code, stdout, stderr)
		}
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("figures were written of what could not be scored")
	}
}

func TestScoreWarns(t *testing.T) {
	gt, sa, out := twoFolders(t)
	putClip(t, gt, sa, "a", "Loitering", []int{10}, []int{12})
	var text strings.Builder
	if err := (&truth.Answer{File: "a.mp4", Alarms: append(alarmsOf("Loitering", 12), alarmsOf("Falldown", 3)...)}).Write(&text); err != nil {
		t.Fatal(err)
	}
	put(t, sa, "a.xml", text.String())
	putClip(t, sa, sa, "b", "Loitering", nil, []int{3})
	code, _, stderr := tool(t, "score", "--category", "Loitering", "--gt", gt, "--sa", sa, "--json", out)
	if code != ExitOK || !strings.Contains(stderr, "1 alarms of other categories than Loitering are left out") || !strings.Contains(stderr, "b.xml has no ground truth") {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
	if r := scored(t, out); len(r["warnings"].([]any)) != 2 {
		t.Errorf("%v", r["warnings"])
	}
}

func TestScoreHelp(t *testing.T) {
	out := must(t, "score", "--help")
	for _, want := range []string{"example:\n  bongsu-edge score --profile kisa-2026 --category Loitering --gt", "Exit codes: 0 at or above the mark", "--sa"} {
		if !strings.Contains(out, want) {
			t.Errorf("the help lacks %q:\n%s", want, out)
		}
	}
}
