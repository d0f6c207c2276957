package cmd

import (
	"context"
	"flag"
	"fmt"
	"runtime"

	"bongsu/streams/scene/random"
)

// datasetOpts are the flags that the data set alone has.
type datasetOpts struct {
	look, mix              string
	height, scenes, frames int
}

func (o *datasetOpts) define(fs *flag.FlagSet) {
	fs.StringVar(&o.look, "look", o.look, "dataset: train, or held-out: textures, bodies, vehicles and cameras that train never shows")
	fs.StringVar(&o.mix, "mix", o.mix, "dataset: any, or street: what municipal cameras show at 7 to 30 m")
	fs.IntVar(&o.scenes, "scenes", o.scenes, "dataset: how many places")
	fs.IntVar(&o.frames, "frames", o.frames, "dataset: how many pictures of each place")
	fs.IntVar(&o.height, "height", o.height, "dataset: the pictures' height, with --width; without both 640x360")
}

// sceneDataset draws random places with random actors, and what is in the pictures.
func sceneDataset(ctx context.Context, m *Main, o *sceneOpts) error {
	if *o.out == "" {
		return usageError{"--out is missing: the folder for the data set"}
	}
	jobs := *o.jobs
	if jobs <= 0 {
		jobs = runtime.NumCPU()
	}
	last := 0
	return random.Write(ctx, random.Options{Dir: *o.out, Look: o.data.look, Mix: o.data.mix, Scenes: o.data.scenes, Frames: o.data.frames, Seed: *o.seed, Width: *o.width, Height: o.data.height, Jobs: jobs,
		Progress: func(done, all int) {
			if t := 50 * done / all; t > last || done == all {
				last = t
				fmt.Fprintf(m.Stderr, "%s: %d of %d scenes, %d pictures\n", *o.out, done, all, done*o.data.frames)
			}
		}})
}
