package score

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Clip is one clip to be scored: what happened, what was said, and under which conditions.
type Clip struct {
	Name    string
	Events  []time.Duration     // true alarm times of the category, offset included
	Alarms  []time.Duration     // of the category
	Factors map[string][]string // such as "weather": rain; one factor may have several values
}

// ClipResult is the verdict on one clip.
type ClipResult struct {
	Name string `json:"name"`
	Tally
	Delays  []float64 `json:"delays_s"` // of the right alarms, after their events
	Verdict string    `json:"verdict"`  // right, missed, false, mistimed (both), or quiet where there was nothing
	Events  []float64 `json:"events_s"`
	Alarms  []float64 `json:"alarms_s"` // those that were judged
	Missed  []float64 `json:"missed_s"`
	False   []float64 `json:"false_s"`
}

// FactorScore is the score of the clips of one condition.
type FactorScore struct {
	Clips int `json:"clips"`
	Tally
	F1 *float64 `json:"f1"`
}

// ModeScore is the score in one mode.
type ModeScore struct {
	Tally
	F1   *float64  `json:"f1"`
	CI95 *Interval `json:"ci95"`
	Pass bool      `json:"pass"`
}

// Delays are the delays of right alarms, in seconds; nil where there are none.
type Delays struct {
	N   int      `json:"n"`
	P50 *float64 `json:"p50_s"`
	P95 *float64 `json:"p95_s"`
}

// BootstrapNote says how the interval was made.
type BootstrapNote struct {
	Resamples int     `json:"resamples"`
	Seed      uint64  `json:"seed"`
	Level     float64 `json:"level"`
}

// Result is the score of one category. F1 and the interval are null when there is nothing to score.
type Result struct {
	Profile       string    `json:"profile"`
	ProfileSHA256 string    `json:"profile_sha256"`
	Version       string    `json:"version"` // of the program
	Category      string    `json:"category"`
	Mode          Mode      `json:"mode"`
	Form          Form      `json:"form"`
	TP            int       `json:"tp"`
	FN            int       `json:"fn"`
	FP            int       `json:"fp"`
	F1            *float64  `json:"f1"` // points, two decimals, half up
	CI95          *Interval `json:"ci95"`
	Pass          bool      `json:"pass"` // compared before rounding

	Clips   []ClipResult                      `json:"clips"`
	Factors map[string]map[string]FactorScore `json:"factors"`

	Method     string             `json:"method"`
	OffsetS    float64            `json:"offset_s"`
	Mark       float64            `json:"mark"`
	Modes      map[Mode]ModeScore `json:"modes"` // both
	Delays     Delays             `json:"delays"`
	Bootstrap  BootstrapNote      `json:"bootstrap"`
	IoU        *IoUResult         `json:"iou,omitempty"`
	Assumption []string           `json:"assumptions"`
	Warnings   []string           `json:"warnings"`
}

// Score scores the clips of one category. version is the program's.
func (p *Profile) Score(c Category, clips []Clip, mode Mode, form Form, version string) *Result {
	r := &Result{
		Profile: p.Name, ProfileSHA256: p.SHA256, Version: version, Category: string(c.Word), Mode: mode, Form: form,
		Clips: []ClipResult{}, Factors: map[string]map[string]FactorScore{}, Modes: map[Mode]ModeScore{},
		Method: c.Method, OffsetS: c.Offset.Seconds(), Mark: float64(p.MarkCents) / 100,
		Bootstrap: BootstrapNote{p.Resamples, p.Seed, p.Level}, Assumption: append([]string{}, c.Assumptions...), Warnings: []string{},
	}
	var delays []float64
	for i := range clips {
		m := p.Match(clips[i].Events, clips[i].Alarms, mode, form)
		r.Clips = append(r.Clips, clipResult(clips[i].Name, &m))
		delays = append(delays, m.Delays()...)
		r.count(clips[i].Factors, m.Tally)
	}
	r.Delays = delaysOf(delays)
	for _, each := range []Mode{ModeStrict, ModeFirst} {
		r.Modes[each] = p.modeScore(clips, each, form)
	}
	s := r.Modes[mode]
	r.TP, r.FN, r.FP, r.F1, r.CI95, r.Pass = s.TP, s.FN, s.FP, s.F1, s.CI95, s.Pass
	return r
}

func (p *Profile) modeScore(clips []Clip, mode Mode, form Form) ModeScore {
	var s ModeScore
	tallies := make([]Tally, len(clips))
	for i := range clips {
		tallies[i] = p.Match(clips[i].Events, clips[i].Alarms, mode, form).Tally
		s.Add(tallies[i])
	}
	s.F1, s.Pass = s.Tally.F1(), s.Passes(p.MarkCents)
	if s.F1 != nil {
		s.CI95 = Bootstrap(tallies, p.Resamples, p.Level, p.Seed)
	}
	return s
}

func clipResult(name string, m *Matching) ClipResult {
	c := ClipResult{Name: name, Tally: m.Tally, Delays: m.Delays(), Events: seconds(m.Truth), Alarms: seconds(m.Alarms),
		Missed: seconds(m.Missed()), False: seconds(m.False())}
	switch {
	case !m.Scored():
		c.Verdict = "quiet"
	case m.FN > 0 && m.FP > 0:
		c.Verdict = "mistimed"
	case m.FN > 0:
		c.Verdict = "missed"
	case m.FP > 0:
		c.Verdict = "false"
	default:
		c.Verdict = "right"
	}
	return c
}

func seconds(times []time.Duration) []float64 {
	out := make([]float64, len(times))
	for i, t := range times {
		out[i] = t.Seconds()
	}
	return out
}

func (r *Result) count(factors map[string][]string, t Tally) {
	for factor, values := range factors {
		for _, v := range values {
			if r.Factors[factor] == nil {
				r.Factors[factor] = map[string]FactorScore{}
			}
			s := r.Factors[factor][v]
			s.Clips++
			s.Add(t)
			s.F1 = s.Tally.F1()
			r.Factors[factor][v] = s
		}
	}
}

func delaysOf(delays []float64) Delays {
	d := Delays{N: len(delays)}
	if d.N > 0 {
		slices.Sort(delays)
		p50, p95 := Quantile(delays, 0.5), Quantile(delays, 0.95)
		d.P50, d.P95 = &p50, &p95
	}
	return d
}

// Text is the report for people.
func (r *Result) Text() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("%s, KISA-style, profile %s (sha256 %s…), times as %s", r.Category, r.Profile, r.ProfileSHA256[:min(12, len(r.ProfileSHA256))], formWords(r.Form))
	if r.IoU != nil {
		r.IoU.text(line)
		return b.String()
	}
	for _, m := range []Mode{ModeStrict, ModeFirst} {
		s := r.Modes[m]
		line("  %-6s  TP %d  FN %d  FP %d  F1 %s%s%s", m, s.TP, s.FN, s.FP, s.Text(), intervalText(s.CI95), verdictText(s, r.Mark))
	}
	line("  judged by mode %s; %d clips; 95 %% interval: bootstrap over clips, %d draws, seed %d", r.Mode, len(r.Clips), r.Bootstrap.Resamples, r.Bootstrap.Seed)
	if d := r.Delays; d.N > 0 {
		line("  delay of the right alarms: p50 %.1f s, p95 %.1f s (%d)", *d.P50, *d.P95, d.N)
	}
	for i := range r.Clips {
		if c := &r.Clips[i]; c.FN+c.FP > 0 {
			line("  %-24s %-8s events %s  alarms %s", c.Name, c.Verdict, times(c.Events), times(c.Alarms))
		}
	}
	for _, factor := range SortedKeys(r.Factors) {
		for _, v := range SortedKeys(r.Factors[factor]) {
			s := r.Factors[factor][v]
			line("  %-12s %-20s clips %3d  events %3d  TP %d  FN %d  FP %d  F1 %s", factor, v, s.Clips, s.TP+s.FN, s.TP, s.FN, s.FP, s.Text())
		}
	}
	return b.String()
}

func (r *IoUResult) text(line func(string, ...any)) {
	for i := range r.Clips {
		c := &r.Clips[i]
		line("  %-24s area accuracy %.3f  frame detection rate %.1f %%  pass %v", c.Name, c.Area, 100*c.Rate, c.Pass)
	}
	if r.Area == nil {
		line("  n/a: no clip has an event of the category")
		return
	}
	line("  mean over %d clips: area accuracy %.3f, frame detection rate %.1f %%, pass %v (assumed, not published: %s)",
		len(r.Clips), *r.Area, 100**r.Rate, r.Pass, strings.Join(r.Assumptions, ", "))
}

func formWords(f Form) string {
	if f == FormFloat {
		return "they are (float, for development)"
	}
	return "whole seconds (xml)"
}

func verdictText(s ModeScore, mark float64) string {
	switch {
	case s.F1 == nil:
		return ": nothing to score"
	case s.Pass:
		return fmt.Sprintf(": at or above %.2f", mark)
	}
	return fmt.Sprintf(": below %.2f", mark)
}

func intervalText(i *Interval) string {
	if i == nil {
		return ""
	}
	return fmt.Sprintf(" [%.2f, %.2f]", i[0], i[1])
}

func times(s []float64) string {
	if len(s) == 0 {
		return "none"
	}
	words := make([]string, len(s))
	for i, t := range s {
		words[i] = fmt.Sprintf("%g", t)
	}
	return strings.Join(words, " ")
}

// SortedKeys gives a map's keys in order.
func SortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
