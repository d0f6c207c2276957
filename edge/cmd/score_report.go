package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"bongsu"
	"bongsu/edge/score"
	"bongsu/streams/scene/suite"
	"bongsu/streams/truth"
)

// runReport is what score run writes as score.json.
type runReport struct {
	Schema       int             `json:"schema"`
	Suite        string          `json:"suite"`
	Purpose      string          `json:"purpose"`
	SuiteProgram string          `json:"suite_program_version"`
	TunedOn      string          `json:"tuned_on,omitempty"` // the suite that is known not to overlap
	Version      string          `json:"version"`
	Profile      string          `json:"profile"`
	ProfileSHA   string          `json:"profile_sha256"`
	Model        bongsu.ModelRef `json:"model"`
	Detector     string          `json:"detector"`
	DetectorNote string          `json:"detector_note,omitempty"`
	Baseline     string          `json:"baseline,omitempty"`
	Changes      string          `json:"changes,omitempty"` // a file that changed rules
	Transport    string          `json:"transport"`         // file or rtsp
	OffsetS      float64         `json:"offset_s"`
	InferPS      float64         `json:"infer_per_s"`
	Clips        int             `json:"clips"`
	Hours        float64         `json:"camera_hours"`
	TookS        float64         `json:"took_s"`
	Cached       int             `json:"cached_pictures"` // whose detections came out of the cache
	Fresh        int             `json:"fresh_pictures"`
	Skipped      int             `json:"skipped_pictures"` // came faster than they could be looked at; none from a file

	Pooled     *pooled         `json:"pooled,omitempty"` // of what decides
	Categories []categoryScore `json:"categories"`
	Soak       *soakScore      `json:"soak,omitempty"`
	Curve      []curvePoint    `json:"curve,omitempty"` // over the rules' least score
	Events     []runEvent      `json:"events"`          // all that the rules said

	player *player
	all    []*played
	prof   *score.Profile
}

type pooled struct {
	score.Tally
	F1   *float64        `json:"f1"`
	CI95 *score.Interval `json:"ci95"`
}

// runEvent is one event of the run.
type runEvent struct {
	Clip string           `json:"clip"`
	Kind bongsu.EventKind `json:"kind"`
	AtS  float64          `json:"at_s"` // when the rule was sure
}

// categoryScore is one category of a run.
type categoryScore struct {
	Kind         bongsu.EventKind `json:"kind"`
	KO           string           `json:"ko"`
	Experimental bool             `json:"experimental"`
	Result       *score.Result    `json:"result"`
	FloatF1      *float64         `json:"float_f1"` // times as they are; null when the truth has whole seconds only
	None         *float64         `json:"none_f1"`  // of a detector that sees nothing
	Random       *float64         `json:"random_f1"`
	Zone         *pooled          `json:"zone"`     // of the plain rule
	TooEasy      bool             `json:"too_easy"` // the plain rule does well
	Picture      string           `json:"picture,omitempty"`

	played []*played
}

// report scores what was played.
func (o *runCall) report(p *player, profile *score.Profile, all []*played) (*runReport, error) {
	r := &runReport{Schema: 1, Suite: p.suite.Name, Purpose: p.suite.Purpose, SuiteProgram: p.suite.Program, Version: Version, Profile: profile.Name,
		ProfileSHA: profile.SHA256, Detector: p.detector, Baseline: o.baseline, Transport: "file", OffsetS: o.offset, InferPS: o.inferPS,
		Clips: len(all), Events: []runEvent{}, Categories: []categoryScore{}, player: p, all: all, prof: profile}
	switch {
	case p.model != nil:
		r.Model = p.model.Manifest.Ref()
	case p.detector == detectTruth:
		r.DetectorNote = truthNoise
	}
	if o.rtsp {
		r.Transport = "rtsp"
	}
	if o.tuning != "" {
		r.TunedOn = filepath.Base(filepath.Clean(o.tuning))
	}
	if o.changes != "" {
		r.Changes = filepath.Base(o.changes)
	}
	for _, pl := range all {
		r.Hours += pl.clip.DurationS / 3600
		r.TookS += pl.took.Seconds()
		r.Fresh += pl.fresh
		r.Skipped += pl.skipped
		r.Cached += len(pl.seen) - pl.fresh
		for _, a := range pl.alarms {
			r.Events = append(r.Events, runEvent{pl.clip.Name, a.Event.Kind, round3(a.At.Seconds())})
		}
	}
	if p.detector != detectModel {
		r.Cached = 0
	}
	if p.suite.Purpose == suite.PurposeSoak {
		r.Soak = r.soak()
		return r, nil
	}
	return r, r.categories(o)
}

func round3(v float64) float64 { return float64(int64(v*1000+0.5)) / 1000 }

// categories scores each category by its own clips.
func (r *runReport) categories(o *runCall) error {
	var sum score.Tally
	var tallies []score.Tally
	for _, word := range suite.Categories {
		cat, err := r.prof.Category(string(word))
		if err != nil {
			return err
		}
		c := categoryScore{Kind: cat.Kind, Experimental: cat.Kind.Experimental(), KO: nameOf(cat.Kind)}
		for _, pl := range r.all {
			if pl.clip.Category == word {
				c.played = append(c.played, pl)
			}
		}
		if len(c.played) == 0 {
			continue
		}
		if err := r.scoreCategory(o, cat, &c); err != nil {
			return err
		}
		r.Categories = append(r.Categories, c)
		if c.Experimental {
			continue
		}
		for i := range c.Result.Clips {
			sum.Add(c.Result.Clips[i].Tally)
			tallies = append(tallies, c.Result.Clips[i].Tally)
		}
	}
	r.Pooled = &pooled{Tally: sum, F1: sum.F1(), CI95: score.Bootstrap(tallies, r.prof.Resamples, r.prof.Level, r.prof.Seed)}
	return nil
}

func nameOf(k bongsu.EventKind) string {
	if c := bongsu.CategoryOf(k); c != nil {
		return c.KO
	}
	return string(k)
}

// scoreCategory writes the answers of a category and scores them, as files, beside the baselines.
func (r *runReport) scoreCategory(o *runCall, cat score.Category, c *categoryScore) error {
	answers := filepath.Join(o.out, "answers")
	folders := &score.Folders{Truth: os.DirFS(r.player.suite.Dir), Answers: os.DirFS(answers), TruthName: r.player.suite.Dir, AnswersName: answers}
	high, _ := r.player.thresholds()
	var clips, float, zone []score.Clip
	var whole []time.Duration
	exact := true
	for i, pl := range c.played {
		rs, err := r.player.rulesOf(pl.clip)
		if err != nil {
			return err
		}
		plain := plainAlarms(rs, cat, pl.seen, high)
		alarms := pl.times(cat.Kind)
		switch o.baseline {
		case baseNone:
			alarms = nil
		case baseZone:
			alarms = plain
		case baseRandom:
			alarms = randomAlarms(randomOf(r.prof, i), float64(pl.clip.Events), length(pl.clip))
		}
		name := strings.TrimSuffix(pl.clip.File, filepath.Ext(pl.clip.File))
		path := filepath.Join(answers, filepath.FromSlash(name)+".xml")
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := answer(path, pl.clip, cat.Word, alarms); err != nil {
			return err
		}
		scored, err := folders.Clip(name, cat, score.FormXML, func(string) {})
		if err != nil {
			return err
		}
		scored.Name, scored.Factors = pl.clip.Name, factorsOf(pl.clip)
		clips, whole = append(clips, scored), append(whole, length(pl.clip))
		zone = append(zone, score.Clip{Events: scored.Events, Alarms: plain})
		events, ok := r.player.floatEvents(pl.clip, cat)
		exact = exact && ok && len(events) == len(scored.Events)
		float = append(float, score.Clip{Events: events, Alarms: alarms})
	}
	c.Result = r.prof.Score(cat, clips, score.ModeStrict, score.FormXML, Version)
	if exact {
		c.FloatF1 = r.prof.Score(cat, float, score.ModeStrict, score.FormFloat, Version).F1
	}
	none := slices.Clone(clips)
	for i := range none {
		none[i].Alarms = nil
	}
	c.None = r.prof.Score(cat, none, score.ModeStrict, score.FormXML, Version).F1
	if f, ok := randomScore(r.prof, clips, whole); ok {
		c.Random = &f
	}
	z := r.prof.Score(cat, zone, score.ModeStrict, score.FormXML, Version)
	c.Zone = &pooled{Tally: score.Tally{TP: z.TP, FN: z.FN, FP: z.FP}, F1: z.F1, CI95: z.CI95}
	c.TooEasy = z.F1 != nil && *z.F1 >= tooEasy
	return nil
}

func length(c *suite.Clip) time.Duration { return time.Duration(c.DurationS * float64(time.Second)) }

// plainAlarms are what the plain rule says, of the category's rules.
func plainAlarms(rs []bongsu.Rule, cat score.Category, seen []sighting, high float32) []time.Duration {
	var out []time.Duration
	for i := range rs {
		if rs[i].Kind == cat.Kind {
			out = append(out, zoneAlarms(&rs[i], seen, high, cat.Offset)...)
		}
	}
	slices.Sort(out)
	return out
}

// factorsOf are the conditions of a clip.
func factorsOf(c *suite.Clip) map[string][]string {
	out := map[string][]string{}
	for factor, v := range map[string]string{"time": c.Factors.Time, "weather": c.Factors.Weather, "distance": c.Factors.Distance, "place": c.Factors.Place,
		"story": c.Factors.Story, "look": c.Look} {
		if v != "" {
			out[factor] = []string{v}
		}
	}
	if len(c.Factors.Distractor) > 0 {
		out["distractor"] = c.Factors.Distractor
	}
	return out
}

// verdict is what the exit code says: experimental kinds do not decide.
func (r *runReport) verdict() error {
	var short []string
	scored := false
	for i := range r.Categories {
		c := &r.Categories[i]
		scored = scored || c.Result.F1 != nil
		if !c.Experimental && c.Result.F1 != nil && !c.Result.Pass {
			short = append(short, below(c.Result))
		}
	}
	switch {
	case r.Soak != nil:
		return nil
	case !scored:
		return foundError{"nothing was scored"}
	case len(short) > 0:
		return foundError{strings.Join(short, "; ")}
	}
	return nil
}

// print is the report for a terminal.
func (r *runReport) print(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "suite %s (%s), %d clips, %.2f camera-hours, %s, %s, profile %s\n", r.Suite, r.Purpose, r.Clips, r.Hours, r.seenWith(), r.Transport, r.Profile)
	if r.Cached > 0 {
		fmt.Fprintf(&b, "detections of %d of %d pictures came out of the cache\n", r.Cached, r.Cached+r.Fresh)
	}
	if r.Skipped > 0 {
		fmt.Fprintf(&b, "%d pictures came faster than they could be looked at: this machine is too slow for so many cameras\n", r.Skipped)
	}
	if len(r.Categories) > 0 {
		fmt.Fprintf(&b, "%-16s %5s %7s %5s %5s %5s  %-28s %7s %7s %7s %7s\n", "category", "clips", "events", "TP", "FN", "FP", "F1 [95 %]", "p95 s", "none", "random", "zone")
	}
	for i := range r.Categories {
		row := r.Categories[i].row()
		fmt.Fprintf(&b, "%-16s %5s %7s %5s %5s %5s  %-28s %7s %7s %7s %7s\n", row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7], row[8], row[9], row[10])
	}
	if r.Pooled != nil {
		fmt.Fprintf(&b, "pooled, without experimental kinds: TP %d  FN %d  FP %d  F1 %s%s\n", r.Pooled.TP, r.Pooled.FN, r.Pooled.FP, r.Pooled.Text(), interval(r.Pooled.CI95))
	}
	if r.Soak != nil {
		b.WriteString(r.Soak.text())
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *runReport) seenWith() string {
	switch {
	case r.Detector == detectTruth:
		return "boxes from the truth with noise"
	case r.Model.Name == "":
		return "no detector"
	}
	return "model " + r.Model.Name + " " + r.Model.Version
}

func interval(i *score.Interval) string {
	if i == nil {
		return ""
	}
	return fmt.Sprintf(" [%.2f, %.2f]", i[0], i[1])
}

func points(f *float64) string {
	if f == nil {
		return "n/a"
	}
	return fmt.Sprintf("%.2f", *f)
}

var rowHead = []string{"category", "clips", "events", "TP", "FN", "FP", "F1 [95 %]", "delay p95, s", "sees nothing", "at random", "anybody in the zone"}

func (c *categoryScore) row() []string {
	s := c.Result
	delay := "–"
	if s.Delays.P95 != nil {
		delay = fmt.Sprintf("%.1f", *s.Delays.P95)
	}
	name := s.Category
	if c.Experimental {
		name += " *"
	}
	easy := points(c.Zone.F1)
	if c.TooEasy {
		easy += "!"
	}
	return []string{name, fmt.Sprint(len(s.Clips)), fmt.Sprint(s.TP + s.FN), fmt.Sprint(s.TP), fmt.Sprint(s.FN), fmt.Sprint(s.FP),
		points(s.F1) + interval(s.CI95), delay, points(c.None), points(c.Random), easy}
}

// write puts score.json, index.html and the pictures into the folder.
func (r *runReport) write(ctx context.Context, dir string, pictures bool) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	page := &score.Page{Title: "KISA-style scores of " + r.Suite, Notes: r.notes()}
	main := score.Table{Title: "F1 on this suite, strict mode, whole seconds (* experimental; ! the plain rule does too well: make the suite harder)", Head: rowHead}
	for i := range r.Categories {
		main.Rows = append(main.Rows, r.Categories[i].row())
	}
	if len(main.Rows) > 0 {
		page.Tables = append(page.Tables, main)
	}
	if len(r.Curve) > 0 {
		page.Tables = append(page.Tables, r.curveTable())
	}
	if r.Soak != nil {
		page.Tables = append(page.Tables, r.Soak.tables()...)
		page.Sections = append(page.Sections, r.soakSection(ctx, dir, pictures))
	}
	for i := range r.Categories {
		s, err := r.section(ctx, &r.Categories[i], dir, pictures)
		if err != nil {
			return err
		}
		page.Sections = append(page.Sections, s)
	}
	f, err := os.Create(filepath.Join(dir, "index.html"))
	if err != nil {
		return err
	}
	if err := errors.Join(page.Write(f), f.Close()); err != nil {
		return err
	}
	return writeJSON(filepath.Join(dir, "score.json"), r)
}

func (r *runReport) notes() []string {
	out := []string{fmt.Sprintf("%s suite, %d clips, %.2f camera-hours; %s, %g pictures a second, from %s; profile %s, sha256 %s; bongsu-edge %s. KISA-style: constants are the profile's.",
		r.Purpose, r.Clips, r.Hours, r.seenWith(), r.InferPS, r.Transport, r.Profile, r.ProfileSHA, r.Version)}
	if r.DetectorNote != "" {
		out = append(out, r.DetectorNote)
	}
	if r.Cached > 0 {
		out = append(out, fmt.Sprintf("Detections of %d of %d pictures came out of the cache, which holds what this model found in these very clips.", r.Cached, r.Cached+r.Fresh))
	}
	if r.Baseline != "" {
		out = append(out, "The answers are those of the baseline "+r.Baseline+", not of the rules.")
	}
	if r.Changes != "" {
		out = append(out, "Rules or thresholds were changed by "+r.Changes+".")
	}
	return out
}

// section is one category of the page.
func (r *runReport) section(ctx context.Context, c *categoryScore, dir string, pictures bool) (score.Section, error) {
	s := score.Section{Title: fmt.Sprintf("%s %s: F1 %s%s", c.Result.Category, c.KO, points(c.Result.F1), interval(c.Result.CI95))}
	if c.FloatF1 != nil {
		s.Notes = append(s.Notes, fmt.Sprintf("With times as they are, for development: F1 %s. First alarms only: %s.", points(c.FloatF1), points(c.Result.Modes[score.ModeFirst].F1)))
	}
	for _, factor := range score.SortedKeys(c.Result.Factors) {
		t := score.Table{Title: factor, Head: []string{factor, "clips", "events", "TP", "FN", "FP", "F1"}}
		for _, v := range score.SortedKeys(c.Result.Factors[factor]) {
			f := c.Result.Factors[factor][v]
			t.Rows = append(t.Rows, []string{v, fmt.Sprint(f.Clips), fmt.Sprint(f.TP + f.FN), fmt.Sprint(f.TP), fmt.Sprint(f.FN), fmt.Sprint(f.FP), points(f.F1)})
		}
		s.Tables = append(s.Tables, t)
	}
	for i := range c.Result.Clips {
		cr, pl := &c.Result.Clips[i], c.played[i]
		strip := score.Strip{Name: cr.Name, Verdict: cr.Verdict, LengthS: pl.clip.DurationS, BeforeS: r.prof.Before.Seconds(), AfterS: r.prof.After.Seconds(),
			Events: cr.Events, Missed: cr.Missed, Alarms: cr.Alarms, False: cr.False, Caption: caption(pl.clip, cr)}
		if pictures {
			var err error
			if strip.Pictures, err = r.pictures(ctx, c, pl, cr, dir); err != nil {
				return s, err
			}
		}
		s.Strips = append(s.Strips, strip)
	}
	return s, nil
}

func caption(c *suite.Clip, cr *score.ClipResult) string {
	words := []string{c.Factors.Time, c.Factors.Weather, c.Factors.Distance, c.Factors.Story, c.Look}
	words = append(words, c.Factors.Distractor...)
	words = slices.DeleteFunc(words, func(w string) bool { return w == "" })
	if len(cr.Delays) > 0 {
		words = append(words, fmt.Sprintf("delay %.0f s", cr.Delays[0]))
	}
	return strings.Join(words, ", ")
}

// sequence is what is in a clip, picture by picture; nil when only its alarms are known.
func (r *runReport) sequence(c *suite.Clip) *truth.Sequence {
	seq, err := r.player.seqs.of(sequenceFile(r.player.suite, c))
	if err != nil {
		return nil
	}
	return seq
}
