package cmd

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"bongsu/streams/scene/suite"
	"bongsu/streams/truth"
)

// suiteOpts are the flags that suites alone have.
type suiteOpts struct {
	purpose, category string
	clips             int
}

func (o *suiteOpts) define(fs *flag.FlagSet) {
	fs.StringVar(&o.purpose, "purpose", o.purpose, "suite: tuning, scoring or soak")
	fs.StringVar(&o.category, "category", o.category, "suite: categories of event, separated by commas, or all")
	fs.IntVar(&o.clips, "clips", o.clips, "suite: how many clips of each category; of a soak, how many in all")
}

// categories are those that the flag names.
func (o *suiteOpts) categories() ([]truth.Category, error) {
	if o.category == "all" {
		return suite.Categories, nil
	}
	var out []truth.Category
	for _, w := range strings.Split(o.category, ",") {
		c, _ := truth.ParseCategory(strings.TrimSpace(w))
		if !slices.Contains(suite.Categories, c) {
			return nil, usageError{fmt.Sprintf("--category %q: say all, or some of %v", w, suite.Categories)}
		}
		out = append(out, c)
	}
	return out, nil
}

// sceneSuite renders the clips of a suite that are not there yet.
func sceneSuite(ctx context.Context, m *Main, o *sceneOpts) error {
	if *o.out == "" {
		return usageError{"--out is missing: the suite's folder"}
	}
	categories, err := o.suite.categories()
	if err != nil {
		return err
	}
	so := suite.Options{Dir: *o.out, Purpose: o.suite.purpose, Categories: categories, Clips: o.suite.clips, Seed: *o.seed, Jobs: *o.jobs, Width: *o.width, Program: Version,
		Progress: func(p suite.Progress) {
			fmt.Fprintf(m.Stderr, "%s: %d of %d clips, %s, %d were there, %.0f pictures/s, %v left\n", *o.out, p.Done, p.All, p.Clip, p.Kept,
				float64(p.Pictures)/max(p.Elapsed.Seconds(), 1e-3), p.Left.Round(time.Second))
		}}
	s, err := suite.Make(ctx, so)
	if err != nil {
		return err
	}
	if _, err = fmt.Fprintf(m.Stdout, "%s: a suite for %s of %d clips\n", *o.out, s.Purpose, len(s.Clips)); err != nil || s.Purpose != suite.PurposeSoak {
		return err
	}
	counts := s.Incidents()
	for _, kind := range slices.Sorted(maps.Keys(counts)) {
		if _, err := fmt.Fprintf(m.Stdout, "%6d  %6.1f an hour  %s\n", counts[kind], float64(counts[kind])/s.Hours(), kind); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(m.Stdout, "%.1f camera-hours\n", s.Hours())
	return err
}
