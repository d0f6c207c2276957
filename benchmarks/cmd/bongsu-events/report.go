package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"bongsu/edge/score"
)

// floor is one promise and what was reached.
type floor struct {
	name, want, got string
	met, measured   bool
}

func (f *floor) verdict() string {
	switch {
	case !f.measured:
		return "not measured"
	case f.met:
		return "PASS"
	}
	return "FAIL"
}

// report is put together from the runs in a folder.
type report struct {
	main, withTruth, soak, real *scored
	realOthers                  []*scored
	repeats, offsets, film, net []*scored
	command                     string
	short                       bool

	floors   []floor
	b        strings.Builder
	pictures []picture
}

type picture struct{ from, name, caption string }

// Floors, as promised for the default model.
const (
	leastF1        = 90.0
	leastBound     = 85.0
	leastFactor    = 80.0
	factorEvents   = 15
	mostDelay      = 6.0
	mostPerHour    = 0.06
	mostSpread     = 1.0
	leastRealFalls = 70.0
	leastTruth     = 95.0 // of the short form: boxes from the truth
)

// writeReport reads the runs in dir, prints the floors, and writes the report when to is given.
func writeReport(out io.Writer, dir, to, command string, short bool) error {
	r, err := open(dir)
	if err != nil {
		return err
	}
	r.command, r.short = command, short
	if short {
		r.judgeShort()
	} else {
		r.judge()
	}
	for i := range r.floors {
		f := &r.floors[i]
		fmt.Fprintf(out, "%-12s  %-74s %-34s %s\n", f.verdict(), f.name, f.want, f.got)
	}
	if to != "" {
		if err := r.write(to); err != nil {
			return err
		}
		fmt.Fprintln(out, "score: the report is", to)
	}
	for i := range r.floors {
		if f := &r.floors[i]; f.measured && !f.met {
			return errFloor
		}
	}
	return nil
}

// open reads the runs that are there. Their folders' names are those that score.sh gives.
func open(dir string) (*report, error) {
	r := &report{}
	var errs []error
	one := func(name string) *scored {
		s, err := load(dir, name)
		errs = append(errs, err)
		return s
	}
	all := func(prefix string) []*scored {
		s, err := loadAll(dir, prefix)
		errs = append(errs, err)
		return s
	}
	r.main, r.withTruth, r.soak = one("scoring-model"), one("scoring-truth"), one("soak")
	r.repeats, r.offsets, r.net = all("repeat-"), all("offset-"), all("rtsp")
	if len(r.repeats) > 0 {
		r.film = r.repeats[:1]
	}
	for _, s := range all("real-") {
		if r.real == nil || better(s, r.real) {
			r.real = s
		}
		r.realOthers = append(r.realOthers, s)
	}
	err := errors.Join(errs...)
	if err == nil && r.main == nil && r.withTruth == nil && r.real == nil {
		err = fmt.Errorf("%s holds no run", dir)
	}
	return r, err
}

// better compares two models by what they find in the real clips with timed events.
func better(a, b *scored) bool { return f1of(a.timed()) > f1of(b.timed()) }

func f1of(t score.Tally) float64 {
	if f := t.F1(); f != nil {
		return *f
	}
	return -1
}

func f1(p *pool) float64 {
	if p == nil || p.F1 == nil {
		return -1
	}
	return *p.F1
}

func (r *report) add(name, want, got string, met bool) {
	r.floors = append(r.floors, floor{name: name, want: want, got: got, met: met, measured: true})
}

func (r *report) missing(name, want string) {
	r.floors = append(r.floors, floor{name: name, want: want, got: "–"})
}

// judgeShort looks whether the machinery works: with boxes from the truth the rules must find what
// happens, and whatever the model is worth, it must have been asked.
func (r *report) judgeShort() {
	if r.withTruth == nil || r.withTruth.Pooled == nil {
		r.add("clips scored with boxes from the truth", "≥ 1", "0", false)
		return
	}
	r.add("clips scored with boxes from the truth", "≥ 1", fmt.Sprint(r.withTruth.Clips), r.withTruth.Clips > 0)
	r.add("pooled F1 on the short simulated suite, boxes from the truth with noise", fmt.Sprintf("≥ %g", leastTruth), points(r.withTruth.Pooled.F1), f1(r.withTruth.Pooled) >= leastTruth)
	if r.main == nil || r.main.Pooled == nil {
		r.add("clips scored with the default model", "≥ 1", "0", false)
		return
	}
	r.add("clips scored with the default model", "≥ 1", fmt.Sprint(r.main.Clips), r.main.Clips > 0)
	r.add("pictures that the default model looked at", "≥ 1", fmt.Sprint(r.main.Fresh+r.main.Cached), r.main.Fresh+r.main.Cached > 0)
	r.add("the default model finds something", "F1 > 0", points(r.main.Pooled.F1), f1(r.main.Pooled) > 0)
}

// judge compares with every floor.
func (r *report) judge() {
	r.judgeReal()
	r.judgeCategories()
	r.judgeSoak()
	r.judgeStability()
}

func (r *report) judgeReal() {
	const falls, cars, walkers, bottle = "real clips: falls and daily life, F1", "real clips: vehicles over the line", "real clips: people over the line", "real clips: events on the bottle clip"
	if r.real == nil {
		r.missing(falls, "≥ 70")
		r.missing(cars, "4 of 4, none false")
		r.missing(walkers, "≥ 3 of 4, none false")
		r.missing(bottle, "0")
		return
	}
	if c := r.real.of("Falldown"); c != nil {
		r.add(falls, fmt.Sprintf("≥ %g", leastRealFalls), points(c.Result.F1), c.Result.F1 != nil && *c.Result.F1 >= leastRealFalls)
	}
	cross := func(name, clip, want string, least int) {
		c := r.real.clip(clip)
		if c == nil {
			r.missing(name, want)
			return
		}
		r.add(name, want, fmt.Sprintf("%d of %d, %d false", c.TP, c.TP+c.FN, c.FP), c.TP >= least && c.FP == 0)
	}
	cross(cars, "vehicle_survaillance", "4 of 4, none false", 4)
	cross(walkers, "pedestrian_survaillance", "≥ 3 of 4, none false", 3)
	n := len(r.real.eventsOf(bottleClip))
	r.add(bottle, "0", fmt.Sprint(n), n == 0)
}

func (r *report) judgeCategories() {
	if r.main == nil {
		r.missing("simulated scoring suite: F1 of each category", "≥ 90")
		return
	}
	for i := range r.main.Categories {
		c := &r.main.Categories[i]
		if c.Experimental {
			continue
		}
		res, name := &c.Result, "simulated scoring suite: "+c.Result.Category
		r.add(name+", F1", fmt.Sprintf("≥ %g", leastF1), points(res.F1), res.Pass)
		r.add(name+", lower 95 % bound", fmt.Sprintf("≥ %g", leastBound), interval(res.CI95), res.CI95 != nil && res.CI95[0] >= leastBound)
		if res.Delays.P95 != nil {
			r.add(name+", delay p95", fmt.Sprintf("≤ %g s", mostDelay), fmt.Sprintf("%.1f s", *res.Delays.P95), *res.Delays.P95 <= mostDelay)
		}
		r.add(name+", the plain zone rule", fmt.Sprintf("F1 < %d", 70), points(c.Zone.F1), !c.TooEasy)
		for _, factor := range score.SortedKeys(res.Factors) {
			for _, v := range score.SortedKeys(res.Factors[factor]) {
				if f := res.Factors[factor][v]; f.TP+f.FN >= factorEvents && f.F1 != nil && *f.F1 < leastFactor {
					r.add(fmt.Sprintf("%s, %s %s (%d events)", name, factor, v, f.TP+f.FN), fmt.Sprintf("≥ %g", leastFactor), points(f.F1), false)
				}
			}
		}
	}
}

func (r *report) judgeSoak() {
	const name = "false alarms in the queue per camera-hour of soak, all rules on"
	if r.soak == nil || r.soak.Soak == nil {
		r.missing(name, fmt.Sprintf("≤ %g", mostPerHour))
		return
	}
	s := r.soak.Soak
	r.add(name, fmt.Sprintf("≤ %g", mostPerHour), fmt.Sprintf("%.3f (%d in %.1f h, 95 %% %.3f to %.3f)", s.PerHour, s.Alarms, s.Hours, s.Bounds[0], s.Bounds[1]), s.PerHour <= mostPerHour)
	r.add("camera-hours of soak", "≥ 50", fmt.Sprintf("%.1f", s.Hours), s.Hours >= 50)
}

func (r *report) judgeStability() {
	spread := func(name string, runs []*scored) {
		if len(runs) < 5 {
			r.missing(name, fmt.Sprintf("spread ≤ %g", mostSpread))
			return
		}
		d, list := spreadOf(runs)
		r.add(name, fmt.Sprintf("spread ≤ %g", mostSpread), fmt.Sprintf("%.2f (%s)", d, strings.Join(list, ", ")), d <= mostSpread)
	}
	spread(fmt.Sprintf("pooled F1 of %d clips, five runs", clipsOf(r.repeats)), r.repeats)
	spread(fmt.Sprintf("pooled F1 of %d clips, five start offsets", clipsOf(r.offsets)), r.offsets)
	const name = "the same clips from file and over RTSP in real time"
	if len(r.film) == 0 || len(r.net) == 0 {
		r.missing(name, "same events ± 1 s")
		return
	}
	same, file, net := sameEvents(r.film[0], r.net[0])
	r.add(name, "same events ± 1 s", fmt.Sprintf("%d the same, %d from file only, %d over RTSP only", same, file, net), file+net == 0)
}

func clipsOf(runs []*scored) int {
	if len(runs) == 0 {
		return 0
	}
	return runs[0].Clips
}

// write puts the report and the pictures of each category beside it.
func (r *report) write(to string) error {
	r.text()
	dir := strings.TrimSuffix(to, filepath.Ext(to))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, p := range r.pictures {
		data, err := os.ReadFile(p.from)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, p.name), data, 0o644); err != nil {
			return err
		}
	}
	figures, err := json.MarshalIndent(r.figures(), "", " ")
	if err != nil {
		return err
	}
	return errors.Join(os.WriteFile(dir+".json", append(figures, '\n'), 0o644), os.WriteFile(to, []byte(r.b.String()), 0o644))
}

// figures are the floors and the runs behind them, for other programs.
func (r *report) figures() map[string]any {
	var floors []map[string]any
	for i := range r.floors {
		f := &r.floors[i]
		floors = append(floors, map[string]any{"name": f.name, "floor": f.want, "reached": f.got, "verdict": f.verdict()})
	}
	runs := map[string]any{}
	for name, s := range map[string]*scored{"scoring": r.main, "scoring_truth_boxes": r.withTruth, "real": r.real} {
		if s == nil {
			continue
		}
		f1s := map[string]any{}
		for i := range s.Categories {
			c := &s.Categories[i].Result
			f1s[c.Category] = map[string]any{"clips": len(c.Clips), "tp": c.TP, "fn": c.FN, "fp": c.FP, "f1": c.F1, "ci95": c.CI95, "delay_p95_s": c.Delays.P95}
		}
		runs[name] = map[string]any{"model": s.Model, "clips": s.Clips, "profile_sha256": s.ProfileSHA, "categories": f1s}
	}
	out := map[string]any{"schema": 1, "command": r.command, "floors": floors, "runs": runs}
	if r.soak != nil {
		out["soak"] = r.soak.Soak
	}
	return out
}

func (r *report) linef(format string, args ...any) { fmt.Fprintf(&r.b, format+"\n", args...) }

// timed pools the categories of real clips whose events have times.
func (s *scored) timed() score.Tally {
	var t score.Tally
	for _, word := range []string{"Falldown", "LineCrossing"} {
		if c := s.of(word); c != nil {
			t.Add(score.Tally{TP: c.Result.TP, FN: c.Result.FN, FP: c.Result.FP})
		}
	}
	return t
}

func machine() string {
	return fmt.Sprintf("%d processors, %s/%s", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH)
}
