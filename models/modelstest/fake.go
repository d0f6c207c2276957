package modelstest

import (
	"context"
	"time"

	"bongsu"
)

// Step is what a Fake sees from an instant on.
type Step struct {
	From time.Duration // PTS
	Sees []bongsu.Detection
}

// Fake is a Detector that follows a script on the pictures' media clock: it answers with the
// last step at or before a picture, and with nothing before the first. It looks at no pixels.
type Fake struct {
	Ref   bongsu.ModelRef
	Steps []Step // in the order of From
	Err   error  // when not nil, every answer
}

// Detect implements models.Detector.
func (d *Fake) Detect(ctx context.Context, f *bongsu.Frame, dst []bongsu.Detection) ([]bongsu.Detection, error) {
	if err := ctx.Err(); err != nil {
		return dst, err
	}
	if d.Err != nil {
		return dst, d.Err
	}
	for i := len(d.Steps) - 1; i >= 0; i-- {
		if d.Steps[i].From <= f.PTS {
			return append(dst, d.Steps[i].Sees...), nil
		}
	}
	return dst, nil
}

// Model implements models.Detector.
func (d *Fake) Model() bongsu.ModelRef { return d.Ref }

// Walk is the script of one thing that moves evenly from one box to another in the time from
// start to end, seen every interval, and then is gone.
func Walk(class bongsu.Class, score float32, from, to bongsu.Box, start, end, interval time.Duration) []Step {
	var steps []Step
	for at := start; at < end; at += interval {
		k := float32(at-start) / float32(end-start)
		mix := func(a, b float32) float32 { return a + k*(b-a) }
		steps = append(steps, Step{From: at, Sees: []bongsu.Detection{{
			Class: class, Score: score,
			Box: bongsu.Box{X0: mix(from.X0, to.X0), Y0: mix(from.Y0, to.Y0), X1: mix(from.X1, to.X1), Y1: mix(from.Y1, to.Y1)},
		}}})
	}
	return append(steps, Step{From: end})
}
