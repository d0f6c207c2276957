package benchmarks

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"bongsu"
	"bongsu/edge/rules"
	"bongsu/edge/track"
	"bongsu/streams/scene"
	"bongsu/streams/scene/scenario"
	"bongsu/streams/truth"
)

// noise is a detector that is right about most things: of what is seen it misses one in fourteen, of who
// lies two in five, of what is carried half; boxes tremble by a fortieth of their size.
type noise struct{ *rand.Rand }

// sight is what the detector says of one picture.
func (n noise) sight(f *truth.Frame, mistakes []scenario.Mistake) []bongsu.Detection {
	var out []bongsu.Detection
	at := float64(f.PTSUS) / 1e6
	for i := range f.Objects {
		o := &f.Objects[i]
		class, share, score := o.Class, float32(0.93), float32(0.78)
		switch o.State {
		case truth.StateFallen:
			class, share, score = bongsu.ClassFallenPerson, 0.6, 0.6
		case truth.StateCarried:
			share, score = 0.5, 0.55
		}
		if o.Visibility < 0.25 || n.Float32() > share*min(1, 0.4+o.Visibility) {
			continue
		}
		box := o.Box
		if o.Seen.Area() > 0 {
			box = o.Seen
		}
		out = append(out, bongsu.Detection{Class: class, Score: min(0.97, max(0.3, score+0.1*float32(n.NormFloat64()))), Box: n.tremble(box)})
	}
	for _, m := range mistakes {
		if at >= m.From && at < m.To && n.Float32() < m.Share {
			out = append(out, bongsu.Detection{Class: m.Class, Score: min(0.9, max(0.1, m.Score+0.05*float32(n.NormFloat64()))), Box: n.tremble(m.Box)})
		}
	}
	return out
}

func (n noise) tremble(b bongsu.Box) bongsu.Box {
	by := func(size float32) float32 { return size * 0.025 * float32(n.NormFloat64()) }
	w, h := b.Width(), b.Height()
	return bongsu.Box{X0: max(0, b.X0+by(w)), Y0: max(0, b.Y0+by(h)), X1: min(1, b.X1+by(w)), Y1: min(1, b.Y1+by(h))}
}

// announced is a beginning that the rules told.
type announced struct {
	kind bongsu.EventKind
	at   float64
}

// TestScenariosAcrossTime plays each scenario through tracker and rules, with the noise above and all
// rules that a camera may have, and demands exactly the events that must be.
func TestScenariosAcrossTime(t *testing.T) {
	for i := range scenario.All {
		s := &scenario.All[i]
		t.Run(s.Name, func(t *testing.T) {
			file, err := s.Open()
			if err != nil {
				t.Fatal(err)
			}
			r, err := scene.New(file, scene.Options{Width: 160, FPS: 5, Rays: 1})
			if err != nil {
				t.Fatal(err)
			}
			seq, err := r.Truth(nil)
			if err != nil {
				t.Fatal(err)
			}
			for seed := range uint64(3) {
				got := heard(t, file, seq, s.Mistakes, seed)
				if wrong := compare(s.Must, got); wrong != "" {
					t.Errorf("noise %d: %s; %s", seed, wrong, s.Why)
				}
			}
		})
	}
}

func heard(t *testing.T, file *scene.Scene, seq *truth.Sequence, mistakes []scenario.Mistake, seed uint64) []announced {
	t.Helper()
	ground, err := scenario.Ground(file)
	if err != nil {
		t.Fatal(err)
	}
	set, err := rules.New(rules.Options{Rules: scenario.Rules(file), Ground: ground})
	if err != nil {
		t.Fatal(err)
	}
	tracker, n := track.New(track.Options{}), noise{rand.New(rand.NewPCG(seed, 77))}
	start := time.Date(2026, 3, 2, 3, 0, 0, 0, time.UTC)
	var out []announced
	for i := range seq.Frames {
		f := &seq.Frames[i]
		pts := time.Duration(f.PTSUS) * time.Microsecond
		p := bongsu.Picture{At: start.Add(pts), PTS: pts, Seq: uint64(i), Width: 640, Height: 360}
		for _, fired := range set.Evaluate(p, tracker.Update(pts, n.sight(f, mistakes))) {
			if fired.Phase == bongsu.FiringBegin || fired.Phase == bongsu.FiringPulse {
				out = append(out, announced{fired.Kind, pts.Seconds()})
			}
		}
	}
	return out
}

// compare says what was announced and must not be, and what was not and must be.
func compare(must []scenario.Must, got []announced) string {
	left := slices.Clone(must)
	wrong := ""
	for _, a := range got {
		i := slices.IndexFunc(left, func(m scenario.Must) bool { return m.Kind == a.kind && a.at >= m.From && a.at <= m.To })
		if i < 0 {
			wrong += fmt.Sprintf("%s at %.1f s is announced and must not be; ", a.kind, a.at)
			continue
		}
		left = slices.Delete(left, i, i+1)
	}
	for _, m := range left {
		wrong += fmt.Sprintf("%s between %.1f and %.1f s is not announced; ", m.Kind, m.From, m.To)
	}
	return wrong
}
