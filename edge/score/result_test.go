package score

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"bongsu"
	"bongsu/streams/truth"
)

// TestProfileKnowsTheTaxonomy: every category of the taxonomy that is scored by alarms has a word in
// the profile, and the kinds of event behind both are the same.
func TestProfileKnowsTheTaxonomy(t *testing.T) {
	p := kisa(t)
	for _, c := range bongsu.Categories() {
		if c.Scoring != bongsu.ScoringF1 || c.ClipWord == "" {
			continue
		}
		got, err := p.Category(c.ClipWord)
		if err != nil {
			t.Errorf("%s: %v", c.ID, err)
			continue
		}
		if got.Method != MethodWindow || len(c.Kinds) > 0 && got.Kind != c.Kinds[0] {
			t.Errorf("%s: the profile has %+v, the taxonomy %v", c.ID, got, c.Kinds)
		}
	}
}

// chanceClips are clips with random events and alarms.
func chanceClips(rng *rand.Rand, n int) []Clip {
	some := func() []time.Duration {
		out := make([]time.Duration, rng.IntN(4))
		for i := range out {
			out[i] = time.Duration(rng.IntN(60_000)) * time.Millisecond
		}
		return out
	}
	out := make([]Clip, n)
	for i := range out {
		out[i] = Clip{Name: fmt.Sprint("clip", i), Events: some(), Alarms: some(), Factors: map[string][]string{"time": {[]string{"day", "night"}[rng.IntN(2)]}}}
	}
	return out
}

// TestResultAddsUp: sums over clips, over the values of a factor and over both are one and the same,
// and the order of clips, events and alarms changes nothing.
func TestResultAddsUp(t *testing.T) {
	p := kisa(t)
	c, _ := p.Category("Intrusion")
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 2))
	for range 200 {
		clips := chanceClips(rng, 1+rng.IntN(12))
		mode, form := []Mode{ModeStrict, ModeFirst}[rng.IntN(2)], []Form{FormXML, FormFloat}[rng.IntN(2)]
		r := p.Score(c, clips, mode, form, "test")
		var perClip, perFactor Tally
		n := 0
		for i := range r.Clips {
			perClip.Add(r.Clips[i].Tally)
			if len(r.Clips[i].Delays) != r.Clips[i].TP || len(r.Clips[i].Missed) != r.Clips[i].FN || len(r.Clips[i].False) != r.Clips[i].FP {
				t.Fatalf("seed %d: %+v", seed, r.Clips[i])
			}
		}
		for _, f := range r.Factors["time"] {
			perFactor.Add(f.Tally)
			n += f.Clips
		}
		if whole := (Tally{r.TP, r.FN, r.FP}); perClip != whole || perFactor != whole || n != len(clips) || r.Delays.N != r.TP {
			t.Fatalf("seed %d: %+v %+v %+v, %d clips", seed, whole, perClip, perFactor, n)
		}
		if f, s := r.Modes[ModeFirst], r.Modes[ModeStrict]; f.FP > s.FP || f.TP > s.TP || (mode == ModeStrict && s.TP != r.TP) || (mode == ModeFirst && f.FP != r.FP) {
			t.Fatalf("seed %d: first %+v, strict %+v", seed, f, s)
		}
		if r.CI95 != nil && (r.CI95[0] > r.CI95[1] || r.CI95[0] < 0 || r.CI95[1] > 100) {
			t.Fatalf("seed %d: %v", seed, *r.CI95)
		}
		mixed := slices.Clone(clips)
		for i := range mixed {
			mixed[i].Events, mixed[i].Alarms = slices.Clone(mixed[i].Events), slices.Clone(mixed[i].Alarms)
			slices.Reverse(mixed[i].Events)
			slices.Reverse(mixed[i].Alarms)
		}
		slices.Reverse(mixed)
		if m := p.Score(c, mixed, mode, form, "test"); m.TP != r.TP || m.FN != r.FN || m.FP != r.FP {
			t.Fatalf("seed %d: the order matters: %+v, %+v", seed, m, r)
		}
	}
}

// TestMoreAlarmsNeverHelpTwice: one alarm more finds at most one event more, and is false otherwise.
func TestMoreAlarmsNeverHelpTwice(t *testing.T) {
	p := kisa(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 3))
	for range 2000 {
		c := chanceClips(rng, 1)[0]
		was := p.Match(c.Events, c.Alarms, ModeStrict, FormXML)
		is := p.Match(c.Events, append(slices.Clone(c.Alarms), time.Duration(rng.IntN(60))*time.Second), ModeStrict, FormXML)
		found := is.TP - was.TP
		if found < 0 || found > 1 || is.FP-was.FP != 1-found || is.FN-was.FN != -found {
			t.Fatalf("seed %d: %+v, then %+v", seed, was.Tally, is.Tally)
		}
	}
}

func TestVerdicts(t *testing.T) {
	p := kisa(t)
	c, _ := p.Category("Falldown")
	r := p.Score(c, []Clip{
		{Name: "right", Events: secs(10), Alarms: secs(12)}, {Name: "missed", Events: secs(10)}, {Name: "false", Alarms: secs(3)},
		{Name: "mistimed", Events: secs(10), Alarms: secs(40)}, {Name: "quiet"},
	}, ModeStrict, FormXML, "1.2.3")
	for _, x := range r.Clips {
		if x.Verdict != x.Name {
			t.Errorf("%s: %s", x.Name, x.Verdict)
		}
	}
	if r.Version != "1.2.3" || r.OffsetS != 1 || r.Mark != 90 || r.Bootstrap.Seed != p.Seed {
		t.Errorf("%+v", r)
	}
	text := r.Text()
	for _, want := range []string{"Falldown, KISA-style, profile kisa-2026", "F1 33.33", "below 90.00", "5 clips", "mistimed events 10  alarms 40"} {
		if !strings.Contains(text, want) {
			t.Errorf("the report lacks %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "quiet ") {
		t.Errorf("what went well is no line:\n%s", text)
	}
	none := p.Score(c, []Clip{{Name: "quiet"}}, ModeStrict, FormXML, "")
	if none.F1 != nil || none.CI95 != nil || none.Pass || !strings.Contains(none.Text(), "n/a: nothing to score") {
		t.Errorf("%s", none.Text())
	}
}

// TestResultJSON holds names and types of what other programs read.
func TestResultJSON(t *testing.T) {
	p := kisa(t)
	c, _ := p.Category("Falldown")
	text, err := json.Marshal(p.Score(c, []Clip{{Name: "a", Events: secs(10), Alarms: secs(12), Factors: map[string][]string{"time": {"night"}}}}, ModeStrict, FormXML, "v"))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"profile":"kisa-2026","profile_sha256":"` + p.SHA256 + `","version":"v","category":"Falldown","mode":"strict","form":"xml","tp":1,"fn":0,"fp":0,"f1":100,"ci95":[100,100],"pass":true,` +
		`"clips":[{"name":"a","tp":1,"fn":0,"fp":0,"delays_s":[2],"verdict":"right","events_s":[10],"alarms_s":[12],"missed_s":[],"false_s":[]}],` +
		`"factors":{"time":{"night":{"clips":1,"tp":1,"fn":0,"fp":0,"f1":100}}},"method":"window","offset_s":1,"mark":90,`
	if !strings.HasPrefix(string(text), want) {
		t.Errorf("%s\nwant %s", text, want)
	}
}

// TestEveryCategoryThroughFiles: each word that the profile has goes through files and comes back.
func TestEveryCategoryThroughFiles(t *testing.T) {
	p := kisa(t)
	for _, c := range p.Categories {
		if c.Method != MethodWindow {
			continue
		}
		var gt, sa strings.Builder
		alarms := []truth.Alarm{{Start: 100 * time.Second, Category: c.Word, Duration: 10 * time.Second}}
		if err := (&truth.Clip{Scenario: string(c.Word), File: "a.mp4", Alarms: alarms}).Write(&gt); err != nil {
			t.Fatal(err)
		}
		alarms[0].Start += 9500 * time.Millisecond // 109.5 is written as 110: the last second of the window
		if err := (&truth.Answer{File: "a.mp4", Alarms: alarms}).Write(&sa); err != nil {
			t.Fatal(err)
		}
		clips, warnings, err := read(t, fstest.MapFS{"a.xml": file(gt.String())}, fstest.MapFS{"a.xml": file(sa.String())}, strings.ToUpper(string(c.Word)), FormXML)
		if err != nil || warnings != "" {
			t.Errorf("%s: %v %s", c.Word, err, warnings)
			continue
		}
		if r := p.Score(c, clips, ModeStrict, FormXML, ""); r.TP != 1 || r.FN+r.FP != 0 || r.Clips[0].Delays[0] != 10 {
			t.Errorf("%s: %+v", c.Word, r)
		}
	}
}

// FuzzFolders: whatever stands in the files, reading ends with clips or with an error that names the file.
func FuzzFolders(f *testing.F) {
	f.Add(answerXML("00:01:40").Data, answerXML("00:01:45").Data, []byte("<a><DetectArea><Point>0,0</Point><Point>1280,0</Point><Point>0,720</Point></DetectArea></a>"))
	f.Add([]byte(weatherXML), []byte("<KisaLibraryIndex>"), []byte("<m/>"))
	f.Add([]byte(""), answerXML().Data, []byte("<m><DetectArea><Point>1300,0</Point></DetectArea></m>"))
	p := kisa(f)
	p.Resamples = 5 // the interval is not what is tried
	c, err := p.Category("Loitering")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, gt, sa, zones []byte) {
		d := &Folders{Truth: fstest.MapFS{"a_b_c.xml": {Data: gt}, "a_b.map": {Data: zones}}, Answers: fstest.MapFS{"a_b_c.xml": {Data: sa}}, TruthName: "gt", AnswersName: "sa"}
		for _, form := range []Form{FormXML, FormFloat} {
			clips, err := d.Read(c, form, func(string) {})
			if err != nil {
				if !strings.HasPrefix(err.Error(), "gt/a_b") && !strings.HasPrefix(err.Error(), "sa/a_b_c.xml:") {
					t.Errorf("the error names no file: %v", err)
				}
				continue
			}
			if r := p.Score(c, clips, ModeStrict, form, ""); len(r.Clips) != 1 || r.TP+r.FN != len(clips[0].Events) || r.TP+r.FP != len(clips[0].Alarms) {
				t.Errorf("%+v", r)
			}
		}
	})
}
