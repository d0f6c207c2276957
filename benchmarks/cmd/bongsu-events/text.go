package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"bongsu/edge/score"
)

// text writes the report: real clips first, then simulated ones.
func (r *report) text() {
	r.linef("# Events against truth\n\n`%s`, %s. KISA-style: the constants are those of `edge/score/kisa-2026.profile`; times are whole seconds, mode strict.", r.command, machine())
	r.linef("An F1 is always that of the clips that its table names; n counts their events. Intervals are bootstraps over clips. What the words mean stands in [docs/ref/score.md](../../docs/ref/score.md).\n")
	r.realTable()
	r.simulatedTable()
	r.soakTable()
	r.stabilityTable()
	r.linef("## Floors\n\n| | floor | reached | |\n|---|---|---|---|")
	for i := range r.floors {
		f := &r.floors[i]
		r.linef("| %s | %s | %s | %s |", f.name, f.want, f.got, f.verdict())
	}
	r.linef("")
	r.factorTables()
	r.gallery()
}

func (r *report) realTable() {
	r.linef("## Real clips\n")
	if r.real == nil {
		r.linef("Not measured: BONGSU_DATA is not set.\n")
		return
	}
	s := r.real
	r.linef("With %s %s, the best of the models tried (%s), %g pictures a second. The rules for falls, and the one for what hangs in from the upper edge, were worked on with these clips at hand: clips that nobody has seen judge better.\n", s.Model.Name, s.Model.Version, r.others(), s.InferPS)
	r.linef("| set | clips | events (n) | TP | FN | FP | F1 [95 %%] |\n|---|---:|---:|---:|---:|---:|---|")
	row := func(name string, t score.Tally, clips int, f *float64, ci *score.Interval) {
		r.linef("| %s | %d | %d | %d | %d | %d | %s%s |", name, clips, t.TP+t.FN, t.TP, t.FN, t.FP, points(f), interval(ci))
	}
	if c := s.of("Falldown"); c != nil {
		row("falls and daily life (GMDCSA24)", score.Tally{TP: c.Result.TP, FN: c.Result.FN, FP: c.Result.FP}, len(c.Result.Clips), c.Result.F1, c.Result.CI95)
	}
	for _, x := range []struct{ name, clip string }{{"vehicles over a line", "vehicle_survaillance"}, {"people over a line", "pedestrian_survaillance"}} {
		if c := s.clip(x.clip); c != nil {
			row(x.name, c.Tally, 1, c.F1(), nil)
		}
	}
	r.linef("| bottles, nobody in view: events of people | 1 | 0 | | | %d | |", len(s.eventsOf(bottleClip)))
	r.linef("| six people one at a time: loitering events (6 stay) | 1 | 6 | | | | %d events |\n", len(s.eventsOf(oneByOneClip)))
	r.linef("| clip | verdict | true alarm times, s | alarms, s |\n|---|---|---|---|")
	for i := range s.Categories {
		for _, c := range s.Categories[i].Result.Clips {
			verdict := c.Verdict
			if c.Name == oneByOneClip {
				verdict = "counted only"
			}
			r.linef("| %s | %s | %s | %s |", c.Name, verdict, seconds(c.Events), seconds(c.Alarms))
		}
	}
	r.linef("")
}

func (r *report) others() string {
	var words []string
	for _, s := range r.realOthers {
		words = append(words, fmt.Sprintf("%s: F1 %s of falls and crossings together", s.Model.Name, points(s.timed().F1())))
	}
	return strings.Join(words, "; ")
}

func poolF1(s *scored) *float64 {
	if s.Pooled == nil {
		return nil
	}
	return s.Pooled.F1
}

func (r *report) simulatedTable() {
	r.linef("## Simulated scoring suite\n")
	if r.main == nil {
		r.linef("Not measured.\n")
		return
	}
	s := r.main
	tuned := "no tuning suite was compared"
	if s.TunedOn != "" {
		tuned = "shares no film, layout or seed with the tuning suite"
	}
	r.linef("%d clips, %.1f camera-hours, %g pictures a second; %s. Model %s %s. Beside it the same rules with boxes from the truth, which tells the detector's faults from those of tracks and rules (%s).\n",
		s.Clips, s.Hours, s.InferPS, tuned, s.Model.Name, s.Model.Version, r.truthNote())
	if s.Cached > 0 {
		r.linef("Detections of %d of %d pictures came out of a cache that holds what this model found in these clips.\n", s.Cached, s.Cached+s.Fresh)
	}
	r.linef("| category | clips | n | TP | FN | FP | F1 [95 %%] | delay p50 / p95, s | F1, boxes from the truth | sees nothing | at random | anybody in the zone |\n|---|---:|---:|---:|---:|---:|---|---|---|---:|---:|---:|")
	for i := range s.Categories {
		c := &s.Categories[i]
		res, name, withTruth, delay := &c.Result, c.Result.Category+" "+c.KO, "–", "–"
		if c.Experimental {
			name += " (experimental)"
		}
		if t := r.withTruth.of(res.Category); t != nil {
			withTruth = points(t.Result.F1) + interval(t.Result.CI95)
		}
		if res.Delays.P95 != nil {
			delay = fmt.Sprintf("%.1f / %.1f", *res.Delays.P50, *res.Delays.P95)
		}
		r.linef("| %s | %d | %d | %d | %d | %d | %s%s | %s | %s | %s | %s | %s |", name, len(res.Clips), res.TP+res.FN, res.TP, res.FN, res.FP,
			points(res.F1), interval(res.CI95), delay, withTruth, points(c.None), points(c.Random), points(c.Zone.F1))
		if c.Picture != "" {
			r.pictures = append(r.pictures, picture{filepath.Join(s.dir, filepath.FromSlash(c.Picture)), res.Category + ".jpg", name})
		}
	}
	if s.Pooled != nil {
		r.linef("| pooled, without experimental ones | | %d | %d | %d | %d | %s%s | | %s | | | |\n", s.Pooled.TP+s.Pooled.FN, s.Pooled.TP, s.Pooled.FN, s.Pooled.FP,
			points(s.Pooled.F1), interval(s.Pooled.CI95), points(r.truthF1()))
	}
}

func (r *report) truthNote() string {
	if r.withTruth == nil {
		return "not measured"
	}
	return r.withTruth.Note
}

func (r *report) truthF1() *float64 {
	if r.withTruth == nil {
		return nil
	}
	return poolF1(r.withTruth)
}

func (r *report) soakTable() {
	r.linef("## Soak\n")
	if r.soak == nil || r.soak.Soak == nil {
		r.linef("Not measured.\n")
		return
	}
	s := r.soak.Soak
	r.linef("%.1f camera-hours of simulated ordinary life, all rules on: %d false alarms in the operators' queue, %.3f per camera-hour (exact Poisson 95 %%: %.3f to %.3f). By kind: %s.\n",
		s.Hours, s.Alarms, s.PerHour, s.Bounds[0], s.Bounds[1], counts(s.ByKind))
	r.linef("| what might tempt a rule | count | per camera-hour | false alarms beside it |\n|---|---:|---:|---:|")
	for _, k := range score.SortedKeys(s.Incidents) {
		x := s.Incidents[k]
		few := ""
		if x.Count < 10 {
			few = " (fewer than 10)"
		}
		r.linef("| %s | %d%s | %.2f | %d |", k, x.Count, few, x.PerHour, x.Alarms)
	}
	r.linef("")
}

func counts(m map[string]int) string {
	if len(m) == 0 {
		return "none"
	}
	var words []string
	for _, k := range score.SortedKeys(m) {
		words = append(words, fmt.Sprintf("%s %d", k, m[k]))
	}
	return strings.Join(words, ", ")
}

func (r *report) stabilityTable() {
	if len(r.repeats)+len(r.offsets)+len(r.net) == 0 {
		return
	}
	r.linef("## Stability\n\n| run | clips | pooled F1 | pictures that came too fast |\n|---|---:|---:|---:|")
	for i, s := range r.repeats {
		r.linef("| from file, run %d | %d | %s | %d |", i+1, s.Clips, points(poolF1(s)), s.Skipped)
	}
	for _, s := range r.offsets {
		r.linef("| from file, switched on %.1f s late | %d | %s | %d |", s.OffsetS, s.Clips, points(poolF1(s)), s.Skipped)
	}
	for _, s := range r.net {
		r.linef("| over RTSP in real time | %d | %s | %d |", s.Clips, points(poolF1(s)), s.Skipped)
	}
	r.linef("")
}

// factorTables list what the conditions do to each category.
func (r *report) factorTables() {
	if r.main == nil {
		return
	}
	r.linef("## Conditions, simulated scoring suite\n\nFactors with fewer than %d events are printed and not judged.\n\n| category | condition | clips | n | TP | FN | FP | F1 |\n|---|---|---:|---:|---:|---:|---:|---:|", factorEvents)
	for i := range r.main.Categories {
		res := &r.main.Categories[i].Result
		for _, factor := range score.SortedKeys(res.Factors) {
			for _, v := range score.SortedKeys(res.Factors[factor]) {
				f := res.Factors[factor][v]
				r.linef("| %s | %s: %s | %d | %d | %d | %d | %d | %s |", res.Category, factor, v, f.Clips, f.TP+f.FN, f.TP, f.FN, f.FP, points(f.F1))
			}
		}
	}
	r.linef("")
}

// gallery shows a right alarm of each category, of simulated clips.
func (r *report) gallery() {
	if len(r.pictures) == 0 {
		return
	}
	r.linef("## A right alarm of each category\n\nSimulated. Orange is the rule, blue what is there, green what was followed, red what the rule fired on.\n")
	for _, p := range r.pictures {
		r.linef("![%s](events/%s)\n", p.caption, p.name)
	}
}
