package scene

import (
	"fmt"
	"math"
	"slices"
	"time"

	"bongsu"
	"bongsu/streams/truth"
)

// Options change how a scene is rendered.
type Options struct {
	Seed    uint64 // 0: the scene's own
	NoWords bool   // leave out the words 모의 영상: for training and scoring only
	NoClock bool   // leave out the date and time in the corner
	Width   int    // pixels; 0: the scene's. The height follows, both are rounded to even numbers
	FPS     int    // 0: the scene's
	Rays    int    // of each pixel of what does not move: 0 is four; 1 traces more only where edges are
}

// Renderer draws the frames of one scene, in any order. It is for one goroutine.
type Renderer struct {
	scene   *Scene
	opt     Options
	seed    uint64
	casting uint64 // the seed of the actors: the scene's until Recast
	style   style
	view    *view
	light   *lights
	plate   *plate
	base    material   // of the ground
	areas   []material // of its areas
	canvas  *canvas
	tile    tile
	cast    []*player
	trees   []*tree
	flags   []*flag
	panes   []pane
	sensor  *sensor
	air     *air

	things []*thing // of the frame that is being drawn, the farthest first
	masks  []mask   // by object
}

// New prepares a scene: it traces what does not move, which takes about a second at 640×360.
func New(s *Scene, opt Options) (*Renderer, error) {
	own := *s
	r := &Renderer{scene: &own, opt: opt, seed: opt.Seed}
	if r.seed == 0 {
		r.seed = s.Seed
	}
	r.casting, r.style = r.seed, style{own.Look, r.seed}
	if opt.Width > 0 {
		own.Camera.HeightPX = (s.Camera.HeightPX*opt.Width/s.Camera.WidthPX + 1) &^ 1
		own.Camera.WidthPX = (opt.Width + 1) &^ 1
	}
	if opt.FPS > 0 {
		own.Camera.FPS = opt.FPS
	}
	if w, h := own.Camera.WidthPX, own.Camera.HeightPX; w < 32 || h < 32 || w > maxSide || h > maxSide {
		return nil, fmt.Errorf("scene %s: a picture of %d×%d cannot be rendered: sides of 32 to %d pixels can", s.Name, w, h, maxSide)
	}
	r.view = newView(&own.Camera)
	r.light = newLights(&own, r.view)
	r.buildSolids()
	r.layGround()
	r.drawPlate()
	for _, t := range r.trees {
		t.prepare(r)
	}
	r.canvas = newCanvas(r.view.w, r.view.h)
	r.assemble()
	r.sensor = newSensor(&own, r.seed, r.light, opt)
	r.air = newAir(r)
	return r, nil
}

// Scene is what is rendered, with the size and rate of the options.
func (r *Renderer) Scene() *Scene { return r.scene }

// Frames is the number of pictures.
func (r *Renderer) Frames() int { return r.scene.Frames() }

// PTS is the time of picture n.
func (r *Renderer) PTS(n int) time.Duration {
	return time.Duration(n) * time.Second / time.Duration(r.scene.Camera.FPS)
}

// NewFrame makes a picture of the scene's size in Go's memory: I420, BT.601, video range.
func (r *Renderer) NewFrame() *bongsu.Frame {
	w, h := r.view.w, r.view.h
	f := &bongsu.Frame{Width: w, Height: h, Format: bongsu.FormatI420, Color: bongsu.Color{Matrix: 6, SampleAspectW: 1, SampleAspectH: 1}}
	f.Planes[0] = bongsu.Plane{Data: make([]byte, w*h), Stride: w}
	for i := 1; i < 3; i++ {
		f.Planes[i] = bongsu.Plane{Data: make([]byte, w*h/4), Stride: w / 2}
	}
	return f
}

// Draw renders picture n into f, which has the scene's size, and tells what is in it. The objects
// of the answer are in the order of their IDs and belong to the caller.
func (r *Renderer) Draw(n int, f *bongsu.Frame) truth.Frame {
	now := float64(n) / float64(r.scene.Camera.FPS)
	r.canvas.reset(r.plate)
	r.gather(now)
	shift := r.sensor.shift(now)
	for _, t := range r.things {
		r.shadow(t)
	}
	r.air.glowing(r, now)
	r.masks = slices.Grow(r.masks[:0], len(r.things))[:len(r.things)]
	for i, t := range r.things {
		r.masks[i] = r.drawThing(t)
	}
	r.air.draw(r, now)
	r.sensor.expose(r.canvas, f, n, now, shift)
	f.PTS, f.Seq, f.Key = r.PTS(n), uint64(n), n == 0
	return r.truthOf(n, shift)
}

// Truth renders nothing that is kept, and tells what is in every picture and what happens. progress
// may be nil; it is told how many pictures are done.
func (r *Renderer) Truth(progress func(done int) error) (*truth.Sequence, error) {
	seq := r.NewSequence()
	f := r.NewFrame()
	for n := range r.Frames() {
		seq.Frames = append(seq.Frames, r.Draw(n, f))
		if progress != nil {
			if err := progress(n + 1); err != nil {
				return nil, err
			}
		}
	}
	seq.Events = r.Events(seq)
	return seq, nil
}

// NewSequence is the head of the scene's truth, without frames and events.
func (r *Renderer) NewSequence() *truth.Sequence {
	c := &r.scene.Camera
	return &truth.Sequence{Name: r.scene.Name, Seed: r.seed, WidthPX: c.WidthPX, HeightPX: c.HeightPX, FPS: c.FPS, DurationUS: r.PTS(r.Frames()).Microseconds()}
}

// gather collects what is there now, the farthest first.
func (r *Renderer) gather(now float64) {
	r.things = r.things[:0]
	for _, p := range r.cast {
		r.things = p.perform(r, now, r.things)
	}
	for _, t := range r.trees {
		r.things = append(r.things, t.perform(now))
	}
	for _, f := range r.flags {
		r.things = append(r.things, f.perform(r, now))
	}
	r.things = r.glints(now, r.things)
	slices.SortStableFunc(r.things, func(a, b *thing) int {
		da, db := a.at.sub(r.view.eye).dot(r.view.forward)-a.bias, b.at.sub(r.view.eye).dot(r.view.forward)-b.bias
		switch {
		case da > db:
			return -1
		case da < db:
			return 1
		}
		return 0
	})
}

// truthOf reads the frame's objects from their masks.
func (r *Renderer) truthOf(n int, shift offset) truth.Frame {
	out := truth.Frame{Index: n, PTSUS: r.PTS(n).Microseconds(), Objects: []truth.Object{}}
	w, h := r.view.w, r.view.h
	for i, t := range r.things {
		m := &r.masks[i]
		if t.id == 0 || m.pixels == 0 {
			continue
		}
		seen := r.seen(t.id, m)
		o := truth.Object{ID: int(t.id), Actor: t.actor, Class: t.class, Kind: t.kind, State: t.state, Truncated: t.truncated}
		o.Box, o.Seen = shift.box(m.share(w, h), w, h), shift.box(seen.share(w, h), w, h)
		o.Visibility = float32(math.Round(float64(min(seen.pixels, m.pixels))/float64(m.pixels)*1000) / 1000)
		if o.Box.Area() > 0 {
			out.Objects = append(out.Objects, o)
		}
	}
	slices.SortFunc(out.Objects, func(a, b truth.Object) int { return a.ID - b.ID })
	return out
}

// seen collects the pixels that show an object in the end.
func (r *Renderer) seen(id uint16, whole *mask) mask {
	var m mask
	for y := whole.y0; y < whole.y1; y++ {
		row := r.canvas.id[y*r.canvas.w:]
		for x := whole.x0; x < whole.x1; x++ {
			if row[x] == id {
				m.add(x, y)
			}
		}
	}
	return m
}

// Mask tells which object each pixel of the picture drawn last shows, 0 none: width × height
// numbers, rows from above. It is overwritten by the next Draw. The camera's shake is not in it.
func (r *Renderer) Mask() []uint16 { return r.canvas.id }
