package suite

import (
	"math"
	"slices"
	"testing"

	"bongsu"
	"bongsu/streams/scene"
)

// TestSoakPlan reads the plan of fifty camera-hours without rendering it.
func TestSoakPlan(t *testing.T) {
	s := &Suite{Purpose: PurposeSoak}
	layouts := map[string]string{}
	for n := range 300 {
		p := draftSoak(3, n, 0)
		if p.clip.Scene == "" || len(p.clip.Rules) < 4 {
			t.Fatalf("%s: %d rules, hash %q", p.clip.Name, len(p.clip.Rules), p.clip.Scene)
		}
		if o, ok := layouts[p.clip.Scene]; ok {
			t.Errorf("%s and %s are the same", o, p.clip.Name)
		}
		layouts[p.clip.Scene] = p.clip.Name
		if again := draftSoak(3, n, 0); again.clip.Scene != p.clip.Scene {
			t.Errorf("%s comes out in two ways", p.clip.Name)
		}
		last := -math.MaxFloat64
		for _, x := range p.clip.Incidents {
			if x.FromS <= last || x.ToS <= x.FromS || x.FromS > soakSeconds {
				t.Errorf("%s: %s from %v to %v s", p.clip.Name, x.Kind, x.FromS, x.ToS)
			}
			last = x.FromS
		}
		s.Clips = append(s.Clips, p.clip)
	}
	if h := s.Hours(); math.Abs(h-50) > 1e-9 {
		t.Errorf("%v camera-hours, want 50", h)
	}
	counts := s.Incidents()
	for i := range lures {
		if n := counts[lures[i].kind]; n < 10 {
			t.Errorf("%q happens %d times in 50 camera-hours: at least 10 are wanted", lures[i].kind, n)
		}
	}
	if len(counts) != len(lures) {
		t.Errorf("%d kinds of incident, the plan has %d: %v", len(counts), len(lures), counts)
	}
}

func TestSoakCamerasKeepTheirPlace(t *testing.T) {
	for cam := range soakCameras {
		a, b := draftSoak(3, cam, 0), draftSoak(3, cam+4*soakCameras, 0)
		if a.scene.Camera != b.scene.Camera || !slices.EqualFunc(a.clip.Rules, b.clip.Rules, func(x, y bongsu.Rule) bool {
			return x.Kind == y.Kind && slices.Equal(x.Zone, y.Zone) && slices.Equal(x.Line, y.Line)
		}) {
			t.Errorf("camera %d hangs elsewhere in another clip, or has other rules", cam)
		}
	}
}

// TestSoakIsQuiet plays one clip of two cameras in small pictures: nothing in it is an event.
func TestSoakIsQuiet(t *testing.T) {
	for _, n := range []int{1, 2} {
		why := ""
		for k := range 10 {
			p := draftSoak(3, n, k)
			r, err := scene.New(p.scene, scene.Options{NoWords: true, NoClock: true, Width: 64, FPS: 2, Rays: 1})
			if err != nil {
				t.Fatal(err)
			}
			seq, err := r.Truth(nil)
			if err != nil {
				t.Fatal(err)
			}
			if why = p.judge(seq); why == "" {
				break
			}
		}
		if why != "" {
			t.Errorf("clip %d: %s", n, why)
		}
	}
}
