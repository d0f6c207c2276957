package cmd

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bongsu"
	"bongsu/edge/score"
	"bongsu/streams/scene/suite"
	"bongsu/streams/truth"
)

// plainFilm makes a film of one colour.
func plainFilm(t *testing.T, path, color string, seconds int) {
	t.Helper()
	c := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-f", "lavfi", "-i", fmt.Sprintf("color=%s:s=320x240:r=10:d=%d", color, seconds),
		"-c:v", "libx264", "-g", "10", "-pix_fmt", "yuv420p", "-y", path)
	if out, err := c.CombinedOutput(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("ffmpeg: %v\n%s", err, out)
		}
		t.Skipf("ffmpeg is needed: %v", err)
	}
}

// made is a clip of a suite that a test makes. White films show tiny's person all the time, black
// ones nobody.
type made struct {
	name, color string
	event       int // second of the true alarm; -1 for none
}

var square = []bongsu.Point{{X: 0.1, Y: 0.1}, {X: 0.9, Y: 0.1}, {X: 0.9, Y: 0.9}, {X: 0.1, Y: 0.9}}

const madeSeconds = 8

// makeSuite writes a suite of intrusions.
func makeSuite(t *testing.T, purpose string, seed uint64, clips ...made) string {
	t.Helper()
	dir := t.TempDir()
	s := suite.Suite{Schema: suite.Schema, Name: "made", Purpose: purpose, Program: "test"}
	if err := os.Mkdir(filepath.Join(dir, "Intrusion"), 0o755); err != nil {
		t.Fatal(err)
	}
	for i, c := range clips {
		file := "Intrusion/" + c.name + ".mp4"
		path := filepath.Join(dir, file)
		plainFilm(t, path, c.color, madeSeconds)
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(data)
		n := 0
		gt := truth.Clip{Scenario: "Intrusion", File: c.name + ".mp4", Duration: madeSeconds * time.Second}
		seq := truth.Sequence{Name: c.name, WidthPX: 320, HeightPX: 240, FPS: 10, DurationUS: madeSeconds * 1e6, Events: []truth.Event{}}
		if c.event >= 0 {
			n = 1
			gt.Alarms = alarmsOf("Intrusion", c.event)
			seq.Events = append(seq.Events, truth.Event{Kind: "intrusion", Category: truth.Intrusion, StartUS: int64(c.event) * 1e6, EndUS: madeSeconds * 1e6})
		}
		for f := range 10 * madeSeconds {
			frame := truth.Frame{Index: f, PTSUS: int64(f) * 100_000, Objects: []truth.Object{}}
			if c.event >= 0 && f >= 10*c.event {
				frame.Objects = append(frame.Objects, truth.Object{ID: 1, Class: bongsu.ClassPerson, State: truth.StateStanding, Box: bongsu.Box{X0: 0.4, Y0: 0.3, X1: 0.55, Y1: 0.8}, Visibility: 1})
			}
			seq.Frames = append(seq.Frames, frame)
		}
		var text strings.Builder
		if err := gt.Write(&text); err != nil {
			t.Fatal(err)
		}
		put(t, filepath.Join(dir, "Intrusion"), c.name+".xml", text.String())
		text.Reset()
		if err := seq.WriteJSON(&text); err != nil {
			t.Fatal(err)
		}
		put(t, filepath.Join(dir, "Intrusion"), c.name+".json", text.String())
		s.Clips = append(s.Clips, suite.Clip{Name: c.name, Category: truth.Intrusion, EventKind: bongsu.KindIntrusion, File: file, SHA256: hex.EncodeToString(sum[:]),
			Look: "plain", Seed: seed + uint64(i), Layout: fmt.Sprint("layout", seed, i), DurationS: madeSeconds, FPS: 10, Events: n,
			Factors: suite.Factors{Time: "noon", Weather: "dry", Distractor: []string{"none"}}, Rules: []bongsu.Rule{{ID: "yard", Kind: bongsu.KindIntrusion, Zone: square}}})
	}
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	put(t, dir, suite.File, string(text))
	return dir
}

func runScored(t *testing.T, out string) (r struct {
	Events     []runEvent
	Clips      int
	Cached     int `json:"cached_pictures"`
	Fresh      int `json:"fresh_pictures"`
	Pooled     *pooled
	Categories []struct {
		Result  score.Result
		FloatF1 *float64 `json:"float_f1"`
		Zone    *pooled
		TooEasy bool     `json:"too_easy"`
		None    *float64 `json:"none_f1"`
		Random  *float64 `json:"random_f1"`
		Picture string
	}
	Soak  *soakScore
	Curve []curvePoint
}) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(out, "score.json"))
	if err == nil {
		err = json.Unmarshal(data, &r)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestScoreRun(t *testing.T) {
	dir := makeSuite(t, suite.PurposeScoring, 10, made{"T00_001_0001", "white", 1}, made{"T00_002_0001", "black", -1}, made{"T00_003_0001", "0x080808", 2})
	work := t.TempDir()
	installed, out, cache := models(t, work), filepath.Join(work, "out"), filepath.Join(work, "cache")
	args := func(out string, more ...string) []string {
		return append([]string{"score", "run", "--suite", dir, "--model", "tiny", "--models", installed, "--out", out, "--jobs", "2"}, more...)
	}
	code, stdout, stderr := tool(t, args(out, "--cache", cache, "--curve", "0.5,0.97")...)
	if code != ExitFound || !strings.Contains(stderr, "Intrusion: F1 66.67 is below the mark of 90.00") || !strings.Contains(stderr, "3 of 3 clips, 0s left") {
		t.Fatalf("exit code %d\n%s%s", code, stdout, stderr)
	}
	r := runScored(t, out)
	c := r.Categories[0]
	if r.Clips != 3 || len(r.Categories) != 1 || c.Result.TP != 1 || c.Result.FN != 1 || c.Result.FP != 0 || *r.Pooled.F1 != 66.67 || *c.FloatF1 != 66.67 {
		t.Errorf("%+v", r)
	}
	if *c.None != 0 || *c.Random <= 0 || c.Zone.TP != 1 || c.TooEasy || r.Fresh == 0 || r.Cached != 0 {
		t.Errorf("%v %v %+v %v", *c.None, *c.Random, c.Zone, r.Fresh)
	}
	if _, ok := c.Result.Factors["time"]["noon"]; !ok {
		t.Errorf("%+v", c.Result.Factors)
	}
	if len(r.Curve) != 2 || r.Curve[0].Categories["Intrusion"].TP != 1 || r.Curve[1].Categories["Intrusion"].TP != 0 { // tiny's person has 0.95
		t.Errorf("%+v", r.Curve)
	}
	page, err := os.ReadFile(filepath.Join(out, "index.html"))
	if err != nil || !strings.Contains(string(page), "pictures/T00_003_0001-missed-") || !strings.Contains(string(page), c.Picture) || c.Picture == "" {
		t.Errorf("%v\n%s", err, page)
	}
	for _, pic := range []string{c.Picture, "pictures/T00_003_0001-missed-10.jpg", "pictures/T00_003_0001-missed-40.jpg"} {
		if st, err := os.Stat(filepath.Join(out, pic)); err != nil || st.Size() < 500 {
			t.Errorf("%s: %v", pic, err)
		}
	}
	// The answers are files that the verb itself scores alike.
	figures := filepath.Join(work, "again.json")
	if code, _, _ := tool(t, "score", "--category", "Intrusion", "--gt", filepath.Join(dir, "Intrusion"), "--sa", filepath.Join(out, "answers", "Intrusion"), "--json", figures); code != ExitFound {
		t.Errorf("exit code %d", code)
	}
	if s := scored(t, figures); s["tp"] != 1.0 || s["fn"] != 1.0 || s["fp"] != 0.0 {
		t.Errorf("%v", s)
	}
	again := filepath.Join(work, "again")
	_, stdout, _ = tool(t, args(again, "--cache", cache, "--no-pictures")...)
	if s := runScored(t, again); s.Fresh != 0 || s.Cached != r.Fresh || fmt.Sprint(s.Events) != fmt.Sprint(r.Events) || !strings.Contains(stdout, "came out of the cache") {
		t.Errorf("%+v\n%s", s, stdout)
	}
	t.Run("the same over RTSP", func(t *testing.T) {
		out := filepath.Join(work, "rtsp")
		tool(t, args(out, "--rtsp", "--clips", "T00_001", "--no-pictures")...)
		s := runScored(t, out)
		if len(s.Events) != 1 || len(r.Events) != 1 || s.Events[0].AtS < r.Events[0].AtS-1 || s.Events[0].AtS > r.Events[0].AtS+1 {
			t.Errorf("%+v, from the file %+v", s.Events, r.Events)
		}
	})
	t.Run("switched on late", func(t *testing.T) {
		out := filepath.Join(work, "late")
		tool(t, args(out, "--offset", "0.5", "--clips", "T00_001", "--no-pictures")...)
		if s := runScored(t, out); len(s.Events) != 1 || s.Events[0].AtS < r.Events[0].AtS+0.4 {
			t.Errorf("%+v, from the beginning %+v", s.Events, r.Events)
		}
	})
}

func TestScoreRunBaselines(t *testing.T) {
	dir := makeSuite(t, suite.PurposeTuning, 10, made{"T00_001_0001", "white", 3}, made{"T00_002_0001", "black", -1})
	work := t.TempDir()
	for name, c := range map[string]struct {
		flags []string
		code  int
		tp    int
	}{
		"truth": {[]string{"--detector", "truth"}, ExitOK, 1},
		"none":  {[]string{"--baseline", "none"}, ExitFound, 0},
		"zone":  {[]string{"--baseline", "zone", "--detector", "truth"}, ExitOK, 1},
		"dull":  {[]string{"--detector", "truth", "--config", put(t, work, "dull.json", `{"rules":{"intrusion":{"min_score":0.99}}}`)}, ExitFound, 0},
	} {
		out := filepath.Join(work, name)
		code, stdout, stderr := tool(t, append([]string{"score", "run", "--suite", dir, "--out", out, "--no-pictures"}, c.flags...)...)
		if r := runScored(t, out); code != c.code || r.Categories[0].Result.TP != c.tp {
			t.Errorf("%s: exit code %d, %+v\n%s%s", name, code, r.Categories[0].Result, stdout, stderr)
		} else if name != "none" && !r.Categories[0].TooEasy {
			t.Errorf("%s: the plain rule finds all: %+v", name, r.Categories[0].Zone)
		}
	}
	out := filepath.Join(work, "random")
	tool(t, "score", "run", "--suite", dir, "--out", out, "--no-pictures", "--baseline", "random", "--detector", "truth")
	if page, err := os.ReadFile(filepath.Join(out, "index.html")); err != nil || !strings.Contains(string(page), "those of the baseline random") {
		t.Error(err)
	}
}

func TestScoreRunRefuses(t *testing.T) {
	scoring := makeSuite(t, suite.PurposeScoring, 10, made{"T00_001_0001", "white", 1})
	tuned := makeSuite(t, suite.PurposeTuning, 10, made{"C00_001_0001", "gray", 1})
	work := t.TempDir()
	wrong := put(t, work, "wrong.json", `{"rules":{"intrusion":{"dwel_ns":1}}}`)
	base := []string{"score", "run", "--suite", scoring, "--detector", "truth", "--out", filepath.Join(work, "out")}
	for _, c := range []struct {
		args []string
		want string
	}{
		{append(base, "--tuning", tuned), "C00_001_0001 and T00_001_0001 have the same layout"},
		{append(base, "--tuning", scoring), "T00_001_0001 and T00_001_0001 are the same film"},
		{append(base, "--tuning", work), "holds no suite.json"},
		{append(base, "--category", "Falldown"), "has no clip of Falldown"},
		{append(base, "--category", "Parade"), `no category "Parade"`},
		{append(base, "--config", wrong), `unknown field "dwel_ns"`},
		{append(base, "--baseline", "best"), `--baseline "best"`},
		{append(base, "--detector", "eyes"), `--detector "eyes"`},
		{append(base, "--offset", "2"), "--offset 2"},
		{append(base, "--infer-per-second", "0"), "--infer-per-second 0"},
		{append(base, "--curve", "0.5,2"), `--curve: "2" is no score`},
		{append(base, "--curve", "0.5", "--rtsp"), "leave --rtsp out"},
		{append(base, "more"), `"more" is not expected`},
		{[]string{"score", "run", "--suite", scoring, "--out", work}, "--model is missing"},
		{[]string{"score", "run", "--out", work}, "--suite is missing"},
		{[]string{"score", "run", "--suite", scoring}, "--out is missing"},
	} {
		code, stdout, stderr := tool(t, c.args...)
		if code != ExitUsage || !strings.Contains(stderr, c.want) {
			t.Errorf("%v: exit code %d\n%s%s", c.args[2:], code, stdout, stderr)
		}
	}
	if err := os.WriteFile(filepath.Join(scoring, "Intrusion", "T00_001_0001.mp4"), []byte("another film"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := tool(t, base...); code != ExitUsage || !strings.Contains(stderr, "the film of T00_001_0001 is not the one") {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
	if out := must(t, "score", "run", "--help"); !strings.Contains(out, "--rtsp") || !strings.Contains(out, "example:") {
		t.Error(out)
	}
}

func TestSoakScore(t *testing.T) {
	clip := &suite.Clip{Name: "S1", DurationS: 1800, Incidents: []suite.Incident{{Kind: "dog", FromS: 100, ToS: 110}, {Kind: "dog", FromS: 900, ToS: 910}}}
	at := func(kind bongsu.EventKind, rule string, s float64) alarm {
		return alarm{At: time.Duration(s * float64(time.Second)), Event: bongsu.Event{Kind: kind, Rule: bongsu.RuleID(rule)}}
	}
	r := &runReport{Hours: 2, all: []*played{{clip: clip, alarms: []alarm{
		at(bongsu.KindIntrusion, "a", 170), at(bongsu.KindIntrusion, "a", 105), at(bongsu.KindIntrusion, "a", 400), // the second within a minute of none, the first folds
		at(bongsu.KindIntrusion, "a", 110), at(bongsu.KindLineCounting, "n", 5), at(bongsu.KindFight, "f", 7)}}}}
	s := r.soak()
	if s.Alarms != 2 || s.Raw != 4 || s.PerHour != 1 || s.Incidents["dog"].Count != 2 || s.Incidents["dog"].Alarms != 1 || s.Trial[bongsu.KindFight] != 1 {
		t.Errorf("%+v", s)
	}
	if s.Bounds[0] < 0.12 || s.Bounds[0] > 0.13 || s.Bounds[1] < 3.61 || s.Bounds[1] > 3.62 {
		t.Errorf("%v", s.Bounds)
	}
	if !strings.Contains(s.text(), "2 false alarms in the queue: 1.000 per camera-hour") {
		t.Error(s.text())
	}
}

func TestZoneAlarms(t *testing.T) {
	see := func(s, x float32, class bongsu.Class, p float32) sighting {
		return sighting{PTSUS: int64(s * 1e6), Dets: []bongsu.Detection{{Box: bongsu.Box{X0: x - 0.05, Y0: 0.3, X1: x + 0.05, Y1: 0.5}, Class: class, Score: p}}}
	}
	seen := []sighting{see(1, 0.95, bongsu.ClassPerson, 0.9), see(2, 0.5, bongsu.ClassAnimal, 0.9), see(3, 0.5, bongsu.ClassPerson, 0.3), see(4, 0.5, bongsu.ClassPerson, 0.8),
		see(8, 0.5, bongsu.ClassFallenPerson, 0.8), see(14, 0.5, bongsu.ClassPerson, 0.8)}
	rule := bongsu.Rule{Zone: square}
	if got := fmt.Sprint(zoneAlarms(&rule, seen, 0.5, time.Second)); got != "[5s 15s]" {
		t.Error(got)
	}
	line := bongsu.Rule{Line: []bongsu.Point{{X: 0.5, Y: 0.2}, {X: 0.5, Y: 0.9}}}
	if got := fmt.Sprint(zoneAlarms(&line, seen, 0.5, 0)); got != "[4s 14s]" {
		t.Error(got)
	}
	if got := zoneAlarms(&bongsu.Rule{}, seen, 0.5, 0); len(got) != 2 {
		t.Error(got)
	}
}

func TestTruthful(t *testing.T) {
	seq := &truth.Sequence{Name: "a", WidthPX: 640, HeightPX: 360, FPS: 5}
	box := bongsu.Box{X0: 0.4, Y0: 0.4, X1: 0.5, Y1: 0.7}
	for i := range 1000 {
		seq.Frames = append(seq.Frames, truth.Frame{Index: i, Objects: []truth.Object{
			{ID: 1, Class: bongsu.ClassPerson, State: truth.StateWalking, Box: box, Visibility: 1},
			{ID: 2, Class: bongsu.ClassPerson, State: truth.StateFallen, Box: box, Visibility: 1},
			{ID: 3, Class: bongsu.ClassCar, Box: box, Visibility: 0.1},
			{ID: 4, Class: bongsu.ClassBag, Box: bongsu.Box{X0: 0.4, Y0: 0.4, X1: 0.41, Y1: 0.41}, Visibility: 1}}})
	}
	d, n := newTruthful(seq), map[bongsu.Class]int{}
	for i := range 1000 {
		f := &bongsu.Frame{PTS: time.Duration(i) * 200 * time.Millisecond}
		dets, err := d.Detect(t.Context(), f, nil)
		again, _ := d.Detect(t.Context(), f, nil)
		if err != nil || fmt.Sprint(dets) != fmt.Sprint(again) {
			t.Fatal("one picture, two answers", err)
		}
		for _, x := range dets {
			n[x.Class]++
		}
	}
	if n[bongsu.ClassPerson] < 940 || n[bongsu.ClassPerson] > 980 || n[bongsu.ClassFallenPerson] < 550 || n[bongsu.ClassFallenPerson] > 650 || n[bongsu.ClassCar]+n[bongsu.ClassBag] != 0 {
		t.Errorf("%v", n)
	}
	if dets, err := d.Detect(t.Context(), &bongsu.Frame{PTS: time.Hour}, nil); err != nil || len(dets) != 0 {
		t.Error(dets, err)
	}
}

func TestRandomAlarms(t *testing.T) {
	rng, n := rand.New(rand.NewPCG(1, 2)), 0
	for range 2000 {
		for _, at := range randomAlarms(rng, 1.5, time.Minute) {
			if n++; at < 0 || at >= time.Minute {
				t.Fatal(at)
			}
		}
	}
	if n < 2800 || n > 3200 {
		t.Error(n)
	}
}

func TestSpread(t *testing.T) {
	var clips []*suite.Clip
	for i := range 60 {
		clips = append(clips, &suite.Clip{Name: fmt.Sprint(i), Category: []truth.Category{truth.Intrusion, truth.Falldown, truth.Loitering}[i%3]})
	}
	n := map[truth.Category]int{}
	for _, c := range spread(clips, 12) {
		n[c.Category]++
	}
	if n[truth.Intrusion] != 4 || n[truth.Falldown] != 4 || n[truth.Loitering] != 4 || len(spread(clips, 0)) != 60 || len(spread(clips, 100)) != 60 {
		t.Error(n)
	}
}
