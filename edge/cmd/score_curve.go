package cmd

import (
	"context"
	"fmt"
	"strings"
	"time"

	"bongsu/edge/score"
	"bongsu/streams/scene/suite"
)

// curvePoint is what another least score of the rules makes of the same detections.
type curvePoint struct {
	MinScore   float64                `json:"min_score"`
	Categories map[string]curveFigure `json:"categories"`
}

type curveFigure struct {
	score.Tally
	F1         *float64 `json:"f1"`
	FalsePerHr float64  `json:"false_per_camera_hour"`
}

// thresholds reads --curve: scores between 0 and 1, with commas.
func (o *runCall) thresholds() ([]float64, error) {
	if o.curve == "" {
		return nil, nil
	}
	var out []float64
	for _, w := range strings.Split(o.curve, ",") {
		n, ok := score.ParseDecimal(strings.TrimSpace(w), 3)
		if !ok || n == 0 || n >= 1000 {
			return nil, usageError{fmt.Sprintf("--curve: %q is no score between 0 and 1", w)}
		}
		out = append(out, float64(n)/1000)
	}
	return out, nil
}

// addCurve plays what was played again with each threshold. The model is not asked again.
func (o *runCall) addCurve(ctx context.Context, m *Main, r *runReport) error {
	list, err := o.thresholds()
	if err != nil {
		return err
	}
	for _, t := range list {
		p := *r.player
		p.minScore, p.seen = float32(t), map[string][]sighting{}
		clips := make([]*suite.Clip, len(r.all))
		for i, pl := range r.all {
			clips[i], p.seen[pl.clip.Name] = pl.clip, pl.seen
		}
		fmt.Fprintf(m.Stderr, "again, with a least score of %g\n", t)
		all, err := o.playAll(ctx, m, &p, clips)
		if err != nil {
			return err
		}
		r.Curve = append(r.Curve, r.curvePoint(t, all))
	}
	return nil
}

func (r *runReport) curvePoint(t float64, all []*played) curvePoint {
	out := curvePoint{MinScore: t, Categories: map[string]curveFigure{}}
	byName := map[string]*played{}
	for _, pl := range all {
		byName[pl.clip.Name] = pl
	}
	for i := range r.Categories {
		c, f, hours := &r.Categories[i], curveFigure{}, 0.0
		for j := range c.Result.Clips {
			cr := &c.Result.Clips[j]
			pl := byName[cr.Name]
			events := make([]time.Duration, len(cr.Events))
			for k, s := range cr.Events {
				events[k] = time.Duration(s * float64(time.Second))
			}
			f.Add(r.prof.Match(events, pl.times(c.Kind), score.ModeStrict, score.FormXML).Tally)
			hours += pl.clip.DurationS / 3600
		}
		f.F1, f.FalsePerHr = f.Tally.F1(), round3(float64(f.FP)/max(hours, 1e-9))
		out.Categories[c.Result.Category] = f
	}
	return out
}

// curveTable shows F1 and false alarms over the threshold.
func (r *runReport) curveTable() score.Table {
	t := score.Table{Title: "F1 (false alarms per camera-hour) over the rules' least score", Head: []string{"least score"}}
	for i := range r.Categories {
		t.Head = append(t.Head, r.Categories[i].Result.Category)
	}
	for _, p := range r.Curve {
		row := []string{fmt.Sprintf("%.2f", p.MinScore)}
		for i := range r.Categories {
			f := p.Categories[r.Categories[i].Result.Category]
			row = append(row, fmt.Sprintf("%s (%.1f)", f.Text(), f.FalsePerHr))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}
