package eval

import (
	"context"
	"fmt"
	"slices"
	"time"

	"bongsu"
	"bongsu/models"
)

// AnyPerson names the row in which a person is one whether standing or fallen.
const AnyPerson = "any person"

// FewThings is the number of things under which an average precision says nothing: a condition's
// mean leaves such classes out.
const FewThings = 20

// Candidate is a model that is scored.
type Candidate struct {
	Detector models.Detector
	Knows    []bongsu.Class // the classes of its labels
}

// Options of a scoring.
type Options struct {
	Limits   Limits // zero means DefaultLimits
	Max      int    // pictures that are looked at, evenly spread; 0: all
	Progress func(done, all int)
	Now      func() time.Time     // nil means time.Now
	CPU      func() time.Duration // processor time of this process so far; nil: not told
}

// Report is what one model scored.
type Report struct {
	Model      string         `json:"model"`
	Version    string         `json:"version"`
	SHA256     string         `json:"sha256"`
	Pictures   int            `json:"pictures"`
	MAP50      float64        `json:"map50"` // mean over the classes that the model knows and that are there
	Classes    []ClassScore   `json:"classes"`
	Conditions []ClassesScore `json:"conditions"`
	Time       Timing         `json:"time"`
}

// ClassScore is what a model scored on one class.
type ClassScore struct {
	Class  string  `json:"class"`
	Things int     `json:"things"` // to be found
	AP50   float64 `json:"ap50"`
	At90   Point   `json:"at_precision_90"` // the greatest recall at precision 0.9
}

// ClassesScore is what a model scored where a condition holds.
type ClassesScore struct {
	Condition string       `json:"condition"` // time, weather or size
	Value     string       `json:"value"`
	Pictures  int          `json:"pictures"`
	MAP50     float64      `json:"map50"` // mean over the classes with FewThings things at least
	Classes   []ClassScore `json:"classes"`
}

// Timing is what a picture costs from its planes to boxes.
type Timing struct {
	Median time.Duration `json:"median_ns"`
	P90    time.Duration `json:"p90_ns"`
	CPU    time.Duration `json:"cpu_median_ns"` // processor time, which other programs do not lengthen; 0: not told
}

// sizes are the conditions by height of a thing, pixels of a picture 360 rows high.
var sizes = []struct {
	name        string
	least, till float64
}{{"under 48 px", 0, 48}, {"48 to 96 px", 48, 96}, {"from 96 px", 96, 0}}

// Score runs the models over the data set, picture by picture one after another, and scores
// each. It blocks until all is done or ctx ends.
func Score(ctx context.Context, src Source, cands []Candidate, o Options) ([]Report, error) {
	if o.Limits == (Limits{}) {
		o.Limits = DefaultLimits
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &scoring{o: o, classes: src.Classes(), runs: make([]run, len(cands))}
	indices := spread(src.Len(), o.Max)
	for n, i := range indices {
		p, f, err := src.Read(i)
		if err != nil {
			return nil, err
		}
		for c := range cands {
			if err := s.look(ctx, &s.runs[c], cands[c], p, f); err != nil {
				return nil, fmt.Errorf("picture %d: %w", i, err)
			}
		}
		if o.Progress != nil {
			o.Progress(n+1, len(indices))
		}
	}
	reports := make([]Report, len(cands))
	for i := range cands {
		reports[i] = s.report(cands[i], &s.runs[i])
	}
	return reports, nil
}

// spread gives the indices of at most most of n pictures.
func spread(n, most int) []int {
	if most <= 0 || most > n {
		most = n
	}
	var out []int
	for i := range most {
		out = append(out, i*n/most)
	}
	return out
}

// scoring is one call of Score.
type scoring struct {
	o       Options
	classes []bongsu.Class // of the data set
	runs    []run
}

// run is what one model saw and how long it took.
type run struct {
	results   []Result
	wall, cpu []time.Duration
}

func (s *scoring) look(ctx context.Context, r *run, c Candidate, p *Picture, f *bongsu.Frame) error {
	var cpu time.Duration
	if s.o.CPU != nil {
		cpu = s.o.CPU()
	}
	begin := s.o.Now()
	found, err := c.Detector.Detect(ctx, f, nil)
	if err != nil {
		return err
	}
	r.wall = append(r.wall, s.o.Now().Sub(begin))
	if s.o.CPU != nil {
		r.cpu = append(r.cpu, s.o.CPU()-cpu)
	}
	kept := found[:0]
	for _, d := range found {
		if d.Class = Asked(d.Class, s.classes); d.Class != "" {
			kept = append(kept, d)
		}
	}
	r.results = append(r.results, Result{Picture: p, Found: kept})
	return nil
}

// Asked gives the class of a data set that a detector's class answers to: the same, or one that
// it is; "" when the set does not label it.
func Asked(c bongsu.Class, classes []bongsu.Class) bongsu.Class {
	if slices.Contains(classes, c) {
		return c
	}
	if i := slices.IndexFunc(classes, c.Is); i >= 0 {
		return classes[i]
	}
	return ""
}

func (s *scoring) report(c Candidate, r *run) Report {
	ref := c.Detector.Model()
	rep := Report{Model: ref.Name, Version: ref.Version, SHA256: ref.SHA256, Pictures: len(r.results),
		Time: Timing{Median: quantile(r.wall, 0.5), P90: quantile(r.wall, 0.9), CPU: quantile(r.cpu, 0.5)}}
	known := func(class bongsu.Class) bool {
		return slices.ContainsFunc(c.Knows, func(k bongsu.Class) bool { return Asked(k, s.classes) == class })
	}
	base := question{known: known, limits: s.o.Limits, least: s.o.Limits.Height}
	whole := s.score(base, r.results)
	rep.Classes, rep.MAP50 = whole.Classes, mean(whole.Classes, 1)
	for _, by := range []struct {
		name string
		of   func(*Picture) string
	}{{"time", func(p *Picture) string { return p.Time }}, {"weather", func(p *Picture) string { return p.Weather }}} {
		for _, v := range values(r.results, by.of) {
			q := base
			q.pictureOK = func(p *Picture) bool { return by.of(p) == v }
			rep.Conditions = append(rep.Conditions, s.condition(q, r.results, by.name, v))
		}
	}
	for _, z := range sizes {
		q := base
		q.least, q.under, q.sized = max(z.least, q.least), z.till, true
		rep.Conditions = append(rep.Conditions, s.condition(q, r.results, "size", z.name))
	}
	return rep
}

func (s *scoring) condition(q question, results []Result, name, value string) ClassesScore {
	sc := s.score(q, results)
	sc.Condition, sc.Value, sc.MAP50 = name, value, mean(sc.Classes, FewThings)
	return sc
}

// score asks a question of each class that the model has a word for, and of people in any
// posture where the set tells the two apart.
func (s *scoring) score(q question, results []Result) (sc ClassesScore) {
	var people []bongsu.Class
	for _, class := range s.classes {
		if class.Is(bongsu.ClassPerson) {
			people = append(people, class)
		}
		if !q.known(class) {
			continue
		}
		q.classes = []bongsu.Class{class}
		sc.add(string(class), q.ask(results))
	}
	if len(people) > 1 && q.known(bongsu.ClassPerson) {
		q.classes = people
		sc.add(AnyPerson, q.ask(results))
	}
	return sc
}

func (sc *ClassesScore) add(name string, c Curve) {
	sc.Pictures = c.Pictures
	sc.Classes = append(sc.Classes, ClassScore{Class: name, Things: c.Truths, AP50: c.AP(), At90: c.AtPrecision(0.9)})
}

// counts says whether a mean is over this class too.
func (c *ClassScore) counts(least int) bool { return c.Class != AnyPerson && c.Things >= least }

// mean is the mean average precision over classes with that many things; 0 without any.
func mean(classes []ClassScore, least int) float64 {
	sum, n := 0.0, 0
	for _, c := range classes {
		if c.counts(least) {
			sum += c.AP50
			n++
		}
	}
	return sum / float64(max(n, 1))
}

// values gives the different values in the order of their first appearance in the alphabet.
func values(results []Result, of func(*Picture) string) []string {
	var out []string
	for _, r := range results {
		if v := of(r.Picture); v != "" && !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	slices.Sort(out)
	return out
}

func quantile(v []time.Duration, q float64) time.Duration {
	if len(v) == 0 {
		return 0
	}
	v = slices.Sorted(slices.Values(v))
	return v[min(int(q*float64(len(v))), len(v)-1)]
}

// Find gives the score of a class; zero when the report has none.
func (r *Report) Find(class string) ClassScore {
	for _, c := range r.Classes {
		if c.Class == class {
			return c
		}
	}
	return ClassScore{Class: class}
}
