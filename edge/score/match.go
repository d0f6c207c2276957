// Package score holds what a system said against what happened: alarms against the truth of
// clips, KISA-style. It is pure: it reads files through fs.FS and plays nothing. Every constant
// stands in a profile; docs/ref/score.md says what each figure means.
package score

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"
)

// Mode says which alarms of a clip are judged.
type Mode string

// Modes.
const (
	ModeStrict Mode = "strict" // every alarm; this decides
	ModeFirst  Mode = "first"  // of a clip with at most one event the first alarm only
)

// ParseMode reads a mode.
func ParseMode(s string) (Mode, error) {
	if m := Mode(s); m == ModeStrict || m == ModeFirst {
		return m, nil
	}
	return "", fmt.Errorf("%q is no mode: use %s or %s", s, ModeStrict, ModeFirst)
}

// Form says how times are given.
type Form string

// Forms.
const (
	FormXML   Form = "xml"   // whole seconds, rounded half up, as a test house sees them
	FormFloat Form = "float" // times as they are, for development
)

// ParseForm reads a form.
func ParseForm(s string) (Form, error) {
	if f := Form(s); f == FormXML || f == FormFloat {
		return f, nil
	}
	return "", fmt.Errorf("%q is no form: use %s or %s", s, FormXML, FormFloat)
}

// Seconds gives a time as the form has it: in whole seconds, rounded half up, or as it is.
func (f Form) Seconds(d time.Duration) time.Duration {
	if f == FormFloat {
		return d
	}
	return (max(d, 0) + time.Second/2) / time.Second * time.Second
}

// Tally counts what was right, missed and false.
type Tally struct {
	TP int `json:"tp"`
	FN int `json:"fn"`
	FP int `json:"fp"`
}

// Add adds another tally.
func (t *Tally) Add(o Tally) { t.TP, t.FN, t.FP = t.TP+o.TP, t.FN+o.FN, t.FP+o.FP }

// Scored says whether there is anything to score.
func (t Tally) Scored() bool { return t.TP+t.FN+t.FP > 0 }

// Cents is F1 = 200·TP / (2·TP + FN + FP) in hundredths of a point, rounded half up; false when
// there is nothing to score.
func (t Tally) Cents() (int64, bool) {
	d := int64(2*t.TP + t.FN + t.FP)
	if d == 0 {
		return 0, false
	}
	return (2*20000*int64(t.TP) + d) / (2 * d), true
}

// F1 is F1 in points with two decimals, nil when there is nothing to score.
func (t Tally) F1() *float64 {
	c, ok := t.Cents()
	if !ok {
		return nil
	}
	f := float64(c) / 100
	return &f
}

// Passes compares F1 with a mark in hundredths of a point, before rounding. Nothing to score is
// never a pass.
func (t Tally) Passes(markCents int64) bool {
	d := int64(2*t.TP + t.FN + t.FP)
	return d > 0 && 20000*int64(t.TP) >= markCents*d
}

// Text is F1 as people read it.
func (t Tally) Text() string {
	c, ok := t.Cents()
	if !ok {
		return "n/a"
	}
	return fmt.Sprintf("%d.%02d", c/100, c%100)
}

// Pair is one match of a true event and an alarm, as positions in the sorted lists.
type Pair struct{ Truth, Alarm int }

// Matching is how the alarms of one clip fit its truth.
type Matching struct {
	Tally
	Truth  []time.Duration // sorted
	Alarms []time.Duration // those that were judged, sorted
	Pairs  []Pair          // by rising Truth
}

// Match fits alarms to the truth of one clip: each event takes the earliest alarm that is left in
// its window. All windows have one length, so no other choice finds more pairs.
func (p *Profile) Match(events, alarms []time.Duration, mode Mode, form Form) Matching {
	m := Matching{Truth: inForm(events, form), Alarms: inForm(alarms, form)}
	if mode == ModeFirst && len(m.Truth) <= 1 {
		m.Alarms = m.Alarms[:min(1, len(m.Alarms))]
	}
	eps, used := p.Eps(form), make([]bool, len(m.Alarms))
	for i, g := range m.Truth {
		for j, a := range m.Alarms {
			if !used[j] && a >= g-p.Before-eps && a <= g+p.After+eps {
				used[j] = true
				m.Pairs = append(m.Pairs, Pair{i, j})
				break
			}
		}
	}
	m.TP = len(m.Pairs)
	m.FN, m.FP = len(m.Truth)-m.TP, len(m.Alarms)-m.TP
	return m
}

func inForm(times []time.Duration, form Form) []time.Duration {
	out := make([]time.Duration, len(times))
	for i, t := range times {
		out[i] = form.Seconds(t)
	}
	slices.SortFunc(out, cmp.Compare[time.Duration])
	return out
}

// Delays are how long after their events the matched alarms came, in seconds.
func (m *Matching) Delays() []float64 {
	out := make([]float64, len(m.Pairs))
	for i, p := range m.Pairs {
		out[i] = (m.Alarms[p.Alarm] - m.Truth[p.Truth]).Seconds()
	}
	return out
}

// Missed are the events without an alarm, False the alarms without an event.
func (m *Matching) Missed() []time.Duration {
	return without(m.Truth, func(p Pair) int { return p.Truth }, m.Pairs)
}

// False are the alarms without an event.
func (m *Matching) False() []time.Duration {
	return without(m.Alarms, func(p Pair) int { return p.Alarm }, m.Pairs)
}

func without(all []time.Duration, which func(Pair) int, pairs []Pair) []time.Duration {
	var out []time.Duration
	for i, t := range all {
		if !slices.ContainsFunc(pairs, func(p Pair) bool { return which(p) == i }) {
			out = append(out, t)
		}
	}
	return out
}

// Quantile is the smallest value that the share q of all are at or below (nearest rank); NaN of
// none.
func Quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	return sorted[min(max(int(math.Ceil(q*float64(len(sorted))))-1, 0), len(sorted)-1)]
}
