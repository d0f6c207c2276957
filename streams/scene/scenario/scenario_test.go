package scenario

import (
	"slices"
	"testing"

	"bongsu"
	"bongsu/streams/scene"
	"bongsu/streams/truth"
)

// kinds are the words of the truth for what rules find.
var kinds = map[string]bongsu.EventKind{
	scene.EventIntrusion: bongsu.KindIntrusion, scene.EventLoitering: bongsu.KindLoitering, scene.EventFall: bongsu.KindFall, scene.EventFire: bongsu.KindFire,
	scene.EventAbandonment: bongsu.KindAbandonment, scene.EventLineCrossing: bongsu.KindLineCrossing, scene.EventWrongWay: bongsu.KindWrongWay, scene.EventStopped: bongsu.KindStoppedVehicle,
}

// dwell is how much later than its beginning an event may be announced, seconds.
var dwell = map[bongsu.EventKind]float64{bongsu.KindLoitering: 8, bongsu.KindFire: 7.5}

func open(t *testing.T, s *Scenario, o scene.Options) (*scene.Renderer, *truth.Sequence) {
	t.Helper()
	file, err := s.Open()
	if err != nil {
		t.Fatal(err)
	}
	if file.Name != s.Name || file.Title == "" {
		t.Errorf("the file holds the scene %q, %q", file.Name, file.Title)
	}
	r, err := scene.New(file, o)
	if err != nil {
		t.Fatal(err)
	}
	seq, err := r.Truth(nil)
	if err != nil {
		t.Fatal(err)
	}
	return r, seq
}

// TestTruthIsWhatIsDemanded compares what must be announced with what happens.
func TestTruthIsWhatIsDemanded(t *testing.T) {
	for i := range All {
		s := &All[i]
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			_, seq := open(t, s, scene.Options{Width: 96, FPS: 2, Rays: 1})
			var left []Must
			left = append(left, s.Must...)
			for i := range seq.Events {
				e := &seq.Events[i]
				k := kinds[e.Kind]
				at := e.Start().Seconds() + dwell[k]
				j := slices.IndexFunc(left, func(m Must) bool { return m.Kind == k && at >= m.From-1.5 && at <= m.To })
				if j < 0 {
					t.Errorf("%s at %v is not in the list", e.Kind, e.Start())
					continue
				}
				left = slices.Delete(left, j, j+1)
			}
			if len(left) > 0 {
				t.Errorf("these do not happen: %v", left)
			}
			if s.Why == "" {
				t.Error("nothing says why it is there")
			}
		})
	}
}

// TestFireShowsInTheWindow compares pictures before and after a fire begins, where the window is: it
// must show, and must be no object.
func TestFireShowsInTheWindow(t *testing.T) {
	for i := range All {
		s := &All[i]
		if len(s.Mistakes) == 0 {
			continue
		}
		file, err := s.Open()
		if err != nil {
			t.Fatal(err)
		}
		r, err := scene.New(file, scene.Options{NoWords: true, NoClock: true, Width: 320, FPS: 5})
		if err != nil {
			t.Fatal(err)
		}
		box := s.Mistakes[0].Box
		bright := func(second int) (n int) {
			f := r.NewFrame()
			frame := r.Draw(second*5, f)
			for _, o := range frame.Objects {
				if o.Class == bongsu.ClassFire && o.Box.IoU(box) > 0.1 {
					t.Errorf("%s: at %d s the image is an object, %v", s.Name, second, o.Box)
				}
			}
			for y := int(box.Y0 * float32(f.Height)); y < int(box.Y1*float32(f.Height)); y++ {
				for x := int(box.X0 * float32(f.Width)); x < int(box.X1*float32(f.Width)); x++ {
					if f.Planes[0].Data[y*f.Planes[0].Stride+x] > 110 && f.Planes[2].Data[y/2*f.Planes[2].Stride+x/2] > 140 {
						n++
					}
				}
			}
			return n
		}
		if before, after := bright(2), bright(25); before > 5 || after < 40 {
			t.Errorf("%s: %d pixels like fire before, %d after", s.Name, before, after)
		}
	}
}

func TestRules(t *testing.T) {
	for i := range All {
		s, err := All[i].Open()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Ground(s); err != nil {
			t.Errorf("%s: %v", s.Name, err)
		}
		have := map[bongsu.EventKind]bool{}
		ids := map[bongsu.RuleID]bool{}
		for _, r := range Rules(s) {
			have[r.Kind] = true
			if ids[r.ID] {
				t.Errorf("%s: two rules %s", s.Name, r.ID)
			}
			ids[r.ID] = true
		}
		for _, m := range All[i].Must {
			if !have[m.Kind] {
				t.Errorf("%s must find %s and has no rule for it", s.Name, m.Kind)
			}
		}
	}
	if _, err := (&Scenario{Name: "none"}).Open(); err == nil {
		t.Error("a scenario that is not there was opened")
	}
}
