package suite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"bongsu"
	"bongsu/streams/scene"
	"bongsu/streams/scene/film"
	"bongsu/streams/truth"
)

// Options say what suite is to be made.
type Options struct {
	Dir        string           // the suite's folder; what is there already and fits is kept
	Purpose    string           // one of Purposes
	Categories []truth.Category // none: all; a soak has none
	Clips      int              // of each category; of a soak in all
	Seed       uint64
	Jobs       int              // clips at a time; 0: one a core
	Width      int              // of the pictures, for a quick look; 0: 640
	Program    string           // version of the program, for the index
	Progress   func(Progress)   // nil: nobody is told
	Now        func() time.Time // nil: time.Now
}

// Progress is how far a suite is.
type Progress struct {
	Clip     string // that was done last
	Done     int
	All      int
	Kept     int // of those done: were there already
	Pictures int // rendered so far
	Elapsed  time.Duration
	Left     time.Duration // as it looks; 0 before the first clip
}

// maxAttempts is how many drafts of one clip are made before it is given up.
const maxAttempts = 120

// Make renders the clips that are not there yet, writes suite.json after each, and gives the suite. It
// blocks until all is done or ctx ends; what is done then stays, and another call goes on from there.
// Other categories' clips in the folder stay as they are.
func Make(ctx context.Context, o Options) (*Suite, error) {
	m, err := newMaker(&o)
	if err != nil {
		return nil, err
	}
	jobs := make(chan job)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	for range m.o.Jobs {
		wg.Go(func() {
			for j := range jobs {
				if err := m.one(ctx, j); err != nil {
					cancel(err)
				}
			}
		})
	}
	for _, j := range m.jobs() {
		select {
		case jobs <- j:
		case <-ctx.Done():
		}
	}
	close(jobs)
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	return m.suite, nil
}

// job is one clip: its name, and its drafts.
type job struct {
	name  string
	draft func(attempt int) *plan
}

// jobs are the clips in the order in which they are rendered.
func (m *maker) jobs() []job {
	var out []job
	if m.o.Purpose == PurposeSoak {
		for n := range m.o.Clips {
			out = append(out, job{soakName(n), func(k int) *plan { return draftSoak(m.o.Seed, n, k) }})
		}
		return out
	}
	for _, c := range m.o.Categories {
		for n := range m.o.Clips {
			out = append(out, job{name(m.o.Purpose, genres[c], n), func(k int) *plan { return draft(m.o.Purpose, c, m.o.Seed, n, k) }})
		}
	}
	return out
}

// maker makes one suite.
type maker struct {
	o     *Options // set before
	began time.Time

	mu       sync.Mutex
	suite    *Suite // guarded by mu
	progress Progress
}

func newMaker(o *Options) (*maker, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Jobs <= 0 {
		o.Jobs = runtime.NumCPU()
	}
	if len(o.Categories) == 0 {
		o.Categories = Categories
	}
	switch {
	case o.Dir == "":
		return nil, errors.New("suite: no folder is named")
	case !slices.Contains(Purposes, o.Purpose):
		return nil, fmt.Errorf("suite: there is no purpose %q: say one of %v", o.Purpose, Purposes)
	case o.Clips < 1 || o.Clips > 999:
		return nil, fmt.Errorf("suite: %d clips: it must be 1 to 999", o.Clips)
	}
	all := o.Clips
	if o.Purpose != PurposeSoak {
		all *= len(o.Categories)
	}
	for _, c := range o.Categories {
		if genres[c] == nil {
			return nil, fmt.Errorf("suite: there is no category %q: say one of %v", c, Categories)
		}
	}
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("suite: %w", err)
	}
	m := &maker{o: o, began: o.Now(), progress: Progress{All: all}}
	var err error
	m.suite, err = continueOrBegin(o.Dir, o.Purpose, o.Program)
	return m, err
}

// continueOrBegin reads the index that is there, or begins one.
func continueOrBegin(dir, purpose, program string) (*Suite, error) {
	s := &Suite{Schema: Schema, Name: "bongsu-" + purpose, Purpose: purpose, Program: program, Dir: dir}
	if _, err := os.Stat(filepath.Join(dir, File)); errors.Is(err, os.ErrNotExist) {
		return s, nil
	}
	old, err := Load(dir)
	if err != nil {
		return nil, err
	}
	if old.Purpose != purpose {
		return nil, fmt.Errorf("suite: %s holds a suite for %s: name another folder for one for %s", dir, old.Purpose, purpose)
	}
	old.Program = program
	return old, nil
}

// one makes a clip, unless it is there.
func (m *maker) one(ctx context.Context, j job) error {
	if ctx.Err() != nil {
		return nil
	}
	old := m.find(j.name)
	why := ""
	for k := range maxAttempts {
		p := j.draft(k)
		if old != nil && old.Scene == p.clip.Scene && m.suite.Verify(old) == nil {
			m.told(old, 0, true)
			return nil
		}
		if why = p.try(); why != "" {
			continue
		}
		pictures, err := m.render(ctx, p)
		var unfair unfairError
		if errors.As(err, &unfair) {
			why = unfair.why
			continue
		}
		if err != nil {
			return err
		}
		if err := m.keep(&p.clip); err != nil {
			return err
		}
		m.told(&p.clip, pictures, false)
		return nil
	}
	return fmt.Errorf("suite: %s does not come out right in %d attempts; the last: %s", j.name, maxAttempts, why)
}

// unfairError says why a clip that was rendered is left out.
type unfairError struct{ why string }

func (e unfairError) Error() string { return e.why }

// tryWide is the width of the pictures that a draft is judged by.
const tryWide = 192

// try plays a draft in small pictures and judges it.
func (p *plan) try() string {
	for i := range p.clip.Rules {
		r := &p.clip.Rules[i]
		if err := errors.Join(checkRule(r)); err != nil {
			return err.Error()
		}
	}
	r, err := scene.New(p.scene, scene.Options{NoWords: true, NoClock: true, Width: tryWide, Rays: 1})
	if err != nil {
		return err.Error()
	}
	seq, err := r.Truth(nil)
	if err != nil {
		return err.Error()
	}
	if why := p.judge(seq); why != "" {
		return why
	}
	return p.discern(r, seq)
}

// discern demands that who is meant stands out from what is behind: nobody finds what is black before
// black.
func (p *plan) discern(r *scene.Renderer, seq *truth.Sequence) string {
	f := r.NewFrame()
	for _, e := range p.alarms(seq) {
		first, n, share := int(e.StartUS*int64(seq.FPS)/1e6), 0, 0.0
		for i := first; i < min(first+4*seq.FPS, len(seq.Frames)); i += 3 {
			r.Draw(i, f)
			told := r.Discernible(int(max(8, 2.2*r.Noise())))
			for _, id := range e.Objects {
				if id < len(told) && told[id] > 0 {
					n++
					share += told[id]
				}
			}
		}
		if n == 0 && len(e.Objects) > 0 || share < 0.45*float64(n) {
			return "it does not stand out from what is behind"
		}
	}
	return ""
}

func checkRule(r *bongsu.Rule) error {
	var err error
	if len(r.Zone) > 0 {
		err = bongsu.CheckZone(r.Zone)
	}
	for _, e := range r.Exclude {
		err = errors.Join(err, bongsu.CheckZone(e))
	}
	if len(r.Line) > 0 {
		err = errors.Join(err, bongsu.CheckLine(r.Line))
	}
	return err
}

// render writes a clip's film and truth.
func (m *maker) render(ctx context.Context, p *plan) (pictures int, err error) {
	r, err := scene.New(p.scene, scene.Options{NoWords: true, Rays: 1, Width: m.o.Width})
	if err != nil {
		return 0, err
	}
	video := filepath.Join(m.o.Dir, filepath.FromSlash(p.clip.File))
	if err := os.MkdirAll(filepath.Dir(video), 0o755); err != nil {
		return 0, fmt.Errorf("suite: %w", err)
	}
	o := film.Options{Start: p.clip.Start, Preset: "superfast"}
	if p.soak {
		o.Preset, o.CRF = "ultrafast", 29 // a hundred thousand pictures: cheap ones
	}
	seq, err := film.Write(ctx, video, r, o)
	if err != nil {
		return 0, err
	}
	if why := p.judge(seq); why != "" {
		return 0, errors.Join(unfairError{why}, os.Remove(video))
	}
	if err := p.finish(video, r, seq); err != nil {
		return 0, err
	}
	return r.Frames(), nil
}

// finish writes what lies beside a film, and fills in the clip.
func (p *plan) finish(video string, r *scene.Renderer, seq *truth.Sequence) (err error) {
	seq.Name = p.clip.Name
	p.clip.Events = len(p.alarms(seq))
	if p.clip.Ground, err = p.ground(); err != nil {
		return fmt.Errorf("suite: %w", err)
	}
	clip, zones := p.groundTruth(r, seq), p.zoneMap()
	err = errors.Join(
		put(beside(video, ".json"), seq.WriteJSON),
		put(beside(video, ".xml"), clip.Write),
		put(filepath.Join(filepath.Dir(video), truth.MapName(p.clip.Name)), zones.Write))
	if err != nil {
		return fmt.Errorf("suite: %w", err)
	}
	p.clip.SHA256, err = fileHash(video)
	return err
}

// groundTruth is the clip's file in the form of clip files, with alarms at the times at which the profile
// wants them.
func (p *plan) groundTruth(r *scene.Renderer, seq *truth.Sequence) *truth.Clip {
	c := r.Clip(seq, p.category, p.clip.Name+".mp4")
	c.Dataset, c.Stage, c.Location = "Bongsu simulated suite", p.clip.Factors.Story, p.clip.Factors.Place
	c.Zones = p.zoneMap()
	if p.soak {
		c.Scenario, c.Alarms = "Soak", nil
	}
	for i, d := range p.clip.Factors.Distractor {
		if i > 0 {
			c.Distraction += ", "
		}
		c.Distraction += d
	}
	for i := range c.Alarms {
		c.Alarms[i].Start = min(c.Alarms[i].Start+Offsets[p.category], c.Duration)
	}
	return c
}

// zoneMap is the clip's zone: by its category's name where zone maps have one, else the DetectArea.
func (p *plan) zoneMap() truth.ZoneMap {
	area := truth.AreaDetect
	switch p.category {
	case truth.Intrusion:
		area = truth.AreaIntrusion
	case truth.Loitering:
		area = truth.AreaLoitering
	}
	var m truth.ZoneMap
	full := []truth.Pixel{{X: 0, Y: 0}, {X: truth.ZoneWidth, Y: 0}, {X: truth.ZoneWidth, Y: truth.ZoneHeight}, {X: 0, Y: truth.ZoneHeight}}
	if zone := p.clip.Rules[0].Zone; len(zone) > 0 {
		full = full[:0]
		for _, q := range zone {
			full = append(full, truth.Pixel{X: int(q.X*truth.ZoneWidth + 0.5), Y: int(q.Y*truth.ZoneHeight + 0.5)})
		}
	}
	m.Areas = []truth.Area{{Name: area, Points: full}}
	return m
}

func (m *maker) find(name string) *Clip {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.suite.Clips {
		if m.suite.Clips[i].Name == name {
			c := m.suite.Clips[i]
			return &c
		}
	}
	return nil
}

// keep puts a clip into the index.
func (m *maker) keep(c *Clip) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.suite.Clips = slices.DeleteFunc(m.suite.Clips, func(o Clip) bool { return o.Name == c.Name })
	m.suite.Clips = append(m.suite.Clips, *c)
	return m.suite.save()
}

func (m *maker) told(c *Clip, pictures int, kept bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := &m.progress
	p.Clip, p.Done, p.Pictures, p.Elapsed = c.Name, p.Done+1, p.Pictures+pictures, m.o.Now().Sub(m.began)
	if kept {
		p.Kept++
	}
	if made := p.Done - p.Kept; made > 0 {
		p.Left = time.Duration(float64(p.Elapsed) / float64(made) * float64(p.All-p.Done))
	}
	if m.o.Progress != nil {
		m.o.Progress(*p)
	}
}
