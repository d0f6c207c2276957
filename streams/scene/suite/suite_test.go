package suite

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"bongsu"
	"bongsu/streams/scene"
	"bongsu/streams/truth"
)

func asJSON(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// clip drafts clip n and gives what Make would write about it before it is rendered.
func drafted(t *testing.T, purpose string, c truth.Category, seed uint64, n int) *plan {
	t.Helper()
	p := draft(purpose, c, seed, n, 0)
	if p.clip.Layout == "" || p.clip.Scene == "" {
		t.Fatalf("%s clip %d of %s has no hashes: a number in it is none", purpose, n, c)
	}
	return p
}

func TestSameSeedSameClip(t *testing.T) {
	for _, c := range Categories {
		a, b := drafted(t, PurposeTuning, c, 7, 3), drafted(t, PurposeTuning, c, 7, 3)
		if asJSON(t, a.clip) != asJSON(t, b.clip) {
			t.Errorf("%s: two drafts with the same seed differ", c)
		}
		for what, o := range map[string]*plan{"purpose": drafted(t, PurposeScoring, c, 7, 3), "seed": drafted(t, PurposeTuning, c, 8, 3), "number": drafted(t, PurposeTuning, c, 7, 4)} {
			if o.clip.Layout == a.clip.Layout || o.clip.Seed == a.clip.Seed {
				t.Errorf("%s: another %s has the same layout or seed", c, what)
			}
		}
	}
}

func TestSameSeedSameTruth(t *testing.T) {
	once := func() []byte {
		p := drafted(t, PurposeScoring, truth.Falldown, 5, 1)
		r, err := scene.New(p.scene, scene.Options{NoWords: true, Width: 96, FPS: 2, Rays: 1})
		if err != nil {
			t.Fatal(err)
		}
		seq, err := r.Truth(nil)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := errors.Join(seq.WriteJSON(&b), p.groundTruth(r, seq).Write(&b)); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	if !bytes.Equal(once(), once()) {
		t.Error("the truth of two renderings differs")
	}
}

func TestFactorsAreEven(t *testing.T) {
	for _, c := range Categories {
		times, distances, looks := map[string]int{}, map[string]int{}, map[string]int{}
		happens := 0
		for n := range 60 {
			p := drafted(t, PurposeScoring, c, 2, n)
			times[p.clip.Factors.Time]++
			distances[p.clip.Factors.Distance]++
			looks[p.clip.Look]++
			if p.events {
				happens++
			}
			if d := p.clip.DurationS; d < 30 || d > 45 {
				t.Errorf("%s lasts for %v s", p.clip.Name, d)
			}
			if tuned := drafted(t, PurposeTuning, c, 1, n); tuned.clip.Look == scene.LookHeldOut {
				t.Errorf("%s: a tuning clip has the look that is held out", tuned.clip.Name)
			}
		}
		if happens != 45 || looks[scene.LookHeldOut] != 20 {
			t.Errorf("%s: %d of 60 with an event, %d held out: 45 and 20 are wanted", c, happens, looks[scene.LookHeldOut])
		}
		for _, w := range scene.Times {
			if times[w] != 10 {
				t.Errorf("%s: %d clips at %s, want 10", c, times[w], w)
			}
		}
		for w, n := range distances {
			if n != 20 {
				t.Errorf("%s: %d clips at %s m, want 20", c, n, w)
			}
		}
	}
}

func TestTuningAndScoringShareNoLayout(t *testing.T) {
	tuning, scoring := &Suite{}, &Suite{}
	for _, c := range Categories {
		for n := range 24 {
			tuning.Clips = append(tuning.Clips, drafted(t, PurposeTuning, c, 1, n).clip)
		}
		for n := range 60 {
			scoring.Clips = append(scoring.Clips, drafted(t, PurposeScoring, c, 2, n).clip)
		}
	}
	seen := map[string]string{}
	for i := range scoring.Clips {
		c := &scoring.Clips[i]
		c.SHA256 = c.Scene
		if o, ok := seen[c.Layout]; ok {
			t.Errorf("%s and %s have one layout", o, c.Name)
		}
		seen[c.Layout] = c.Name
	}
	if common := Overlap(tuning, scoring); len(common) > 0 {
		t.Errorf("in common: %v", common)
	}
	scoring.Clips[5].Layout = tuning.Clips[9].Layout
	scoring.Clips[6].SHA256 = tuning.Clips[3].SHA256
	if common := Overlap(tuning, scoring); len(common) != 2 {
		t.Errorf("two clips in common are told as %v", common)
	}
}

// TestStoriesComeOut tells each story of each category in some attempt.
func TestStoriesComeOut(t *testing.T) {
	if testing.Short() {
		t.Skip("renders small pictures of many clips")
	}
	for _, c := range []truth.Category{truth.Intrusion, truth.Abandonment, truth.LineCrossing, truth.ClosedArea} {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			for _, n := range []int{0, 1, 2} {
				why := ""
				for k := range 25 {
					if why = draft(PurposeTuning, c, 3, n, k).try(); why == "" {
						break
					}
				}
				if why != "" {
					t.Errorf("clip %d does not come out right: %s", n, why)
				}
			}
		})
	}
}

func TestClosedAreaGoesByTheClock(t *testing.T) {
	zone, err := time.LoadLocation(seoul)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 12 {
		p := drafted(t, PurposeTuning, truth.ClosedArea, 1, n)
		r, z := p.clip.Rules[0], p.scene.Zones[0]
		closed := func(s float64) bool {
			at := p.clip.Start.Add(time.Duration(s * float64(time.Second))).In(zone)
			m := at.Hour()*60 + at.Minute()
			return m >= r.Schedule[0].From || m < r.Schedule[0].To
		}
		for s := 0.5; s < p.clip.DurationS; s++ {
			if want := s >= z.FromS; closed(s) != want {
				t.Fatalf("%s, %s: %v s after the beginning the schedule says closed %v, the truth %v", p.clip.Name, p.clip.Factors.Story, s, closed(s), want)
			}
		}
	}
}

func TestMakeAndGoOn(t *testing.T) {
	dir := t.TempDir()
	var last Progress
	o := Options{Dir: dir, Purpose: PurposeTuning, Categories: []truth.Category{truth.WrongWay}, Clips: 1, Seed: 4, Jobs: 1, Width: 128, Program: "v1", Progress: func(p Progress) { last = p }}
	s, err := Make(t.Context(), o)
	if errors.Is(err, bongsu.ErrNoCgo) {
		t.Skip("the encoder needs cgo")
	}
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Clips) != 1 || last.Done != 1 || last.Kept != 0 || last.Pictures == 0 {
		t.Fatalf("%d clips, progress %+v", len(s.Clips), last)
	}
	read, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	c := &read.Clips[0]
	if c.Name != "T06_001_0001" || c.EventKind != bongsu.KindWrongWay || c.Ground == nil || read.Verify(c) != nil {
		t.Errorf("%+v, %v", c, read.Verify(c))
	}
	seq, err := read.Sequence(c)
	if err != nil || len(seq.Frames) != int(c.DurationS)*fps || seq.Name != c.Name {
		t.Fatalf("truth: %v", err)
	}
	checkTruthFile(t, read, c)

	if _, err = Make(t.Context(), o); err != nil || last.Kept != 1 {
		t.Errorf("what is there was rendered again: %+v, %v", last, err)
	}
	if err := os.WriteFile(read.Video(c), []byte("torn"), 0o644); err != nil {
		t.Fatal(err)
	}
	if read.Verify(c) == nil {
		t.Error("a torn film was not noticed")
	}
	again, err := Make(t.Context(), o)
	if err != nil || last.Kept != 0 || again.Clips[0].SHA256 != c.SHA256 {
		t.Errorf("a torn film: %+v, %v", last, err)
	}
	if _, err := Make(t.Context(), Options{Dir: dir, Purpose: PurposeScoring, Clips: 1}); err == nil || !strings.Contains(err.Error(), "holds a suite for tuning") {
		t.Errorf("another purpose in the same folder: %v", err)
	}
}

func checkTruthFile(t *testing.T, s *Suite, c *Clip) {
	t.Helper()
	f, err := os.Open(s.Truth(c))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	clip, err := truth.ReadClip(f)
	if err != nil || len(clip.Alarms) != c.Events || clip.Scenario != string(c.Category) {
		t.Fatalf("%+v, %v", clip, err)
	}
	m, err := os.Open(filepath.Join(filepath.Dir(s.Video(c)), truth.MapName(c.Name)))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	zones, err := truth.ReadZoneMap(m)
	if err != nil || !slices.Equal(zones.Zone(c.Category), c.Rules[0].Zone) {
		t.Errorf("the zone map has %v, the rule %v: %v", zones.Zone(c.Category), c.Rules[0].Zone, err)
	}
}

func TestOffsetsAreInTheFile(t *testing.T) {
	p := drafted(t, PurposeTuning, truth.Falldown, 5, 0)
	r, err := scene.New(p.scene, scene.Options{NoWords: true, Width: 64, FPS: 2, Rays: 1})
	if err != nil {
		t.Fatal(err)
	}
	seq := r.NewSequence()
	seq.Events = []truth.Event{{Kind: scene.EventFall, Category: truth.Falldown, StartUS: 12e6, EndUS: 20e6}, {Kind: scene.EventFire, Category: truth.FireDetection, StartUS: 2e6, EndUS: 20e6}}
	clip := p.groundTruth(r, seq)
	if len(clip.Alarms) != 1 || clip.Alarms[0].Start != 13*time.Second {
		t.Errorf("a fall at 12 s is %v", clip.Alarms)
	}
}

func TestStopped(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Make(ctx, Options{Dir: t.TempDir(), Purpose: PurposeTuning, Clips: 3, Jobs: 2}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestRefusedOptions(t *testing.T) {
	for want, o := range map[string]Options{
		"no folder":                       {Purpose: PurposeTuning, Clips: 1},
		`there is no purpose "fun"`:       {Dir: t.TempDir(), Purpose: "fun", Clips: 1},
		"0 clips":                         {Dir: t.TempDir(), Purpose: PurposeTuning},
		`there is no category "Queueing"`: {Dir: t.TempDir(), Purpose: PurposeTuning, Clips: 1, Categories: []truth.Category{truth.Queueing}},
		"1000 clips":                      {Dir: t.TempDir(), Purpose: PurposeTuning, Clips: 1000},
	} {
		if _, err := Make(t.Context(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	hash := strings.Repeat("ab", 32)
	good := `{"schema":1,"purpose":"tuning","clips":[{"name":"T00_001_0001","category":"Intrusion","file":"a.mp4","sha256":"` + hash + `","layout":"x","duration_s":30,"fps":5,"location":"Asia/Seoul"}]}`
	for _, row := range []struct{ name, from, to, want string }{
		{"json", `{"schema"`, `{schema`, "not readable as JSON"},
		{"schema", `"schema":1`, `"schema":9`, "schema 9 is not known"},
		{"purpose", `"tuning"`, `"joy"`, `there is no purpose "joy"`},
		{"category", `"Intrusion"`, `"Dancing"`, `the category "Dancing" is none of`},
		{"name", `"T00_001_0001"`, `"../x"`, "no name that a file could have"},
		{"outside", `"a.mp4"`, `"../a.mp4"`, "does not lie in the suite's folder"},
		{"rate", `"fps":5`, `"fps":0`, "no clip"},
		{"hash", hash, "ab", "its hashes are missing"},
		{"location", `Asia/Seoul`, `Nowhere/Else`, "its location"},
		{"film", `"a.mp4"`, `"b.mp4"`, "render the suite again"},
		{"twice", `]}`, `,{"name":"T00_001_0001","category":"Intrusion","file":"a.mp4","sha256":"` + hash + `","layout":"x","duration_s":30,"fps":5,"location":"Asia/Seoul"}]}`, "there is another clip"},
		{"ground", `"layout":"x"`, `"layout":"x","ground":{"h":[0,0,0,0,0,0,0,0,0],"aspect":1.7}`, "its ground"},
		{"good", "", "", ""},
	} {
		dir := t.TempDir()
		put := func(name, data string) {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		put("a.mp4", "film")
		put(File, strings.Replace(good, row.from, row.to, 1))
		_, err := Load(dir)
		if row.want == "" && err != nil || row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)) {
			t.Errorf("%s: got %v, want %q", row.name, err, row.want)
		}
	}
	if _, err := Load(t.TempDir()); err == nil || !strings.Contains(err.Error(), "bongsu-edge scene suite") {
		t.Errorf("an empty folder: %v", err)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add([]byte(`{"schema":1,"purpose":"soak","clips":[]}`))
	f.Add([]byte(`{"schema":1,"purpose":"tuning","clips":[{"name":"T00_001_0001","file":"../../x","fps":5,"duration_s":1e300}]}`))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(filepath.Join(dir, File), data, 0o644); err != nil {
			t.Fatal(err)
		}
		s, err := Load(dir)
		if err != nil {
			return
		}
		for i := range s.Clips {
			if c := &s.Clips[i]; !filepath.IsLocal(c.File) || c.FPS < 1 {
				t.Errorf("%+v was taken", c)
			}
		}
	})
}
