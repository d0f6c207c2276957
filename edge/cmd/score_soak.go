package cmd

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"bongsu"
	"bongsu/edge/score"
	"bongsu/edge/vision"
)

// soakFold is within what time after the last one an alarm of the same rule joins its card, as in the
// operators' queue.
const soakFold = time.Minute

// soakScore is what hours of ordinary life made of alarms: every one is false.
type soakScore struct {
	Hours     float64                  `json:"camera_hours"`
	Alarms    int                      `json:"false_alarms"` // in the operators' queue, folded
	PerHour   float64                  `json:"per_camera_hour"`
	Bounds    [2]float64               `json:"ci95_per_camera_hour"` // exact Poisson
	Raw       int                      `json:"events"`               // before folding
	ByKind    map[string]int           `json:"by_kind"`
	Incidents map[string]soakIncident  `json:"incidents"`
	Trial     map[bongsu.EventKind]int `json:"experimental"` // alarms of experimental kinds, which no queue gets unless asked to
	shots     map[*played][]soakAlarm  // for the page
}

type soakAlarm struct {
	at   time.Duration
	a    *alarm
	near string // the incident at that time, "" for none
}

// soakIncident is one kind of what tempts a rule.
type soakIncident struct {
	Count   int     `json:"count"`
	PerHour float64 `json:"per_camera_hour"`
	Alarms  int     `json:"false_alarms"` // while one went on
}

// soak counts what the operators' queue would have got.
func (r *runReport) soak() *soakScore {
	s := &soakScore{Hours: r.Hours, ByKind: map[string]int{}, Incidents: map[string]soakIncident{}, Trial: map[bongsu.EventKind]int{}, shots: map[*played][]soakAlarm{}}
	for _, pl := range r.all {
		for _, in := range pl.clip.Incidents {
			x := s.Incidents[in.Kind]
			x.Count++
			s.Incidents[in.Kind] = x
		}
		s.clip(pl)
	}
	for kind, x := range s.Incidents {
		x.PerHour = float64(x.Count) / max(s.Hours, 1e-9)
		s.Incidents[kind] = x
	}
	low, high := score.PoissonBounds(s.Alarms, 0.95)
	s.PerHour, s.Bounds = float64(s.Alarms)/max(s.Hours, 1e-9), [2]float64{low / max(s.Hours, 1e-9), high / max(s.Hours, 1e-9)}
	return s
}

func (s *soakScore) clip(pl *played) {
	last := map[bongsu.RuleID]time.Duration{}
	alarms := slices.Clone(pl.alarms)
	slices.SortFunc(alarms, func(a, b alarm) int { return int(a.At - b.At) })
	for i := range alarms {
		a := &alarms[i]
		if !a.Event.Kind.Alarm() {
			continue
		}
		if a.Event.Kind.Experimental() {
			s.Trial[a.Event.Kind]++
			continue
		}
		s.Raw++
		before, ok := last[a.Event.Rule]
		last[a.Event.Rule] = a.At
		if ok && a.At-before <= soakFold {
			continue
		}
		s.Alarms++
		s.ByKind[string(a.Event.Kind)]++
		near := ""
		for _, in := range pl.clip.Incidents {
			if at := a.At.Seconds(); at >= in.FromS-2 && at <= in.ToS+10 {
				near = in.Kind
				x := s.Incidents[in.Kind]
				x.Alarms++
				s.Incidents[in.Kind] = x
				break
			}
		}
		s.shots[pl] = append(s.shots[pl], soakAlarm{a.At, a, near})
	}
}

func (s *soakScore) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "soak: %.1f camera-hours, %d false alarms in the queue: %.3f per camera-hour, exact Poisson 95 %% [%.3f, %.3f]; %d events before folding\n",
		s.Hours, s.Alarms, s.PerHour, s.Bounds[0], s.Bounds[1], s.Raw)
	for _, k := range score.SortedKeys(s.ByKind) {
		fmt.Fprintf(&b, "  %-18s %d\n", k, s.ByKind[k])
	}
	for _, k := range score.SortedKeys(s.Incidents) {
		x := s.Incidents[k]
		few := ""
		if x.Count < 10 {
			few = "  (fewer than 10)"
		}
		fmt.Fprintf(&b, "  incident %-22s %5d, %6.2f per camera-hour, false alarms beside it %d%s\n", k, x.Count, x.PerHour, x.Alarms, few)
	}
	return b.String()
}

func (s *soakScore) tables() []score.Table {
	head := score.Table{Title: "False alarms in the operators' queue, all rules on", Head: []string{"camera-hours", "alarms", "per camera-hour", "95 % (exact Poisson)"},
		Rows: [][]string{{fmt.Sprintf("%.1f", s.Hours), fmt.Sprint(s.Alarms), fmt.Sprintf("%.3f", s.PerHour), fmt.Sprintf("%.3f to %.3f", s.Bounds[0], s.Bounds[1])}}}
	in := score.Table{Title: "What might have tempted a rule", Head: []string{"incident", "count", "per camera-hour", "false alarms beside it"}}
	for _, k := range score.SortedKeys(s.Incidents) {
		x := s.Incidents[k]
		in.Rows = append(in.Rows, []string{k, fmt.Sprint(x.Count), fmt.Sprintf("%.2f", x.PerHour), fmt.Sprint(x.Alarms)})
	}
	return []score.Table{head, in}
}

// soakSection shows the clips with false alarms.
func (r *runReport) soakSection(ctx context.Context, dir string, pictures bool) score.Section {
	out := score.Section{Title: "False alarms"}
	for _, pl := range r.all {
		list := r.Soak.shots[pl]
		if len(list) == 0 {
			continue
		}
		strip := score.Strip{Name: pl.clip.Name, Verdict: "false", LengthS: pl.clip.DurationS}
		var shots []shot
		for i, x := range list {
			strip.Alarms = append(strip.Alarms, x.at.Seconds())
			if i < mostFalse && pictures {
				shots = append(shots, shot{at: x.at, file: fmt.Sprintf("pictures/%s-%s-%d.jpg", pl.clip.Name, x.a.Event.Kind, x.at.Milliseconds()/100),
					caption: fmt.Sprintf("%s at %.1f s: %s; beside: %s", x.a.Event.Kind, x.at.Seconds(), reasons(&x.a.Event), x.near),
					marks:   append(r.ruleMarks(nil, pl), vision.BoxMark(x.a.Event.Box, string(x.a.Event.Kind), vision.ColorFired))})
			}
		}
		strip.False = strip.Alarms
		var err error
		if strip.Pictures, err = r.take(ctx, pl, shots, dir); err != nil {
			strip.Caption = err.Error()
		}
		out.Strips = append(out.Strips, strip)
	}
	return out
}

// randomOf is the chance of one clip.
func randomOf(p *score.Profile, clip int) *rand.Rand {
	return rand.New(rand.NewPCG(p.Seed, uint64(clip)))
}
