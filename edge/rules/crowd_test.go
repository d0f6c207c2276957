package rules

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"bongsu"
)

// gathered are n people in the zone, a little apart from each other.
func gathered(n int) []at {
	var out []at
	for i := range n {
		out = append(out, at{id: bongsu.TrackID(i + 1), x: 0.33 + 0.06*float32(i%6), y: 0.45 + 0.07*float32(i/6), w: 0.03, h: 0.1})
	}
	return out
}

func TestCrowdRule(t *testing.T) {
	tell(t, Rule{ID: "crowd", Kind: bongsu.KindCrowd, Zone: square, Count: 6}, Options{},
		tale{name: "many come and go", play: func(s *scene) {
			s.stand(5, gathered(4)...)
			s.stand(20, gathered(8)...)
			s.stand(40, gathered(2)...)
		}, want: []string{"crowd 1 begin 10.0", "crowd 1 end 20.9"}},
		tale{name: "one too few", play: func(s *scene) { s.stand(30, gathered(5)...) }},
		tale{name: "many for a moment", play: func(s *scene) { s.stand(4, gathered(8)...); s.stand(20, gathered(3)...) }},
		tale{name: "about the limit", play: func(s *scene) {
			s.stand(10, gathered(7)...)
			for i := 0; s.now < 40*time.Second; i++ {
				s.picture(gathered(6 + i/20%2)...)
			}
		}, want: []string{"crowd 1 begin 5.0"}},
		tale{name: "outside of the zone", play: func(s *scene) {
			all := gathered(12)
			for i := range all {
				all[i].x = 0.1 + all[i].x/10
			}
			s.stand(20, all...)
		}},
	)
}

// ground1 sees 25 square metres in the square.
func groundOf(t *testing.T, m2 float64) *bongsu.Ground {
	t.Helper()
	side := m2 / 5
	g, err := bongsu.GroundFromPoints([4]bongsu.Point{square[3], square[2], square[1], square[0]}, [4][2]float64{{0, 0}, {5, 0}, {5, side}, {0, side}}, 16.0/9)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// TestCrowdLevels: a density that rises through 3, 4 and 5 people per square metre raises exactly three
// levels, however it trembles about them, and each ends once.
func TestCrowdLevels(t *testing.T) {
	ground := groundOf(t, 10)
	rng := rand.New(rand.NewPCG(4, 4))
	s := newSceneWith(t, Options{Ground: ground, Rules: []Rule{{ID: "crowd", Kind: bongsu.KindCrowd, Zone: square, PerM2: []float32{3, 4, 5}}}})
	s.step = 500 * time.Millisecond
	set := func(n int) {
		var all []at
		for i := range n {
			all = append(all, at{id: bongsu.TrackID(i + 1), x: 0.32 + 0.036*float32(i%11), y: 0.4 + 0.07*float32(i/11), w: 0.01, h: 0.03})
		}
		s.picture(all...)
	}
	for people := 20.0; people < 55; people += 0.1 {
		set(int(people) + rng.IntN(3) - 1)
	}
	for people := 55.0; people > 10; people -= 0.1 {
		set(int(people) + rng.IntN(3) - 1)
	}
	begins, ends := 0, 0
	for _, f := range s.fired {
		switch f.Phase {
		case bongsu.FiringBegin:
			begins++
			near(t, f.Reasons, "level", float64(begins), 3)
		case bongsu.FiringEnd:
			ends++
		}
	}
	if begins != 3 || ends != 3 {
		t.Errorf("%d levels rose and %d fell: %v", begins, ends, s.log)
	}
}

func TestCrowdNeedsGround(t *testing.T) {
	rule := Rule{ID: "crowd", Kind: bongsu.KindCrowd, Zone: square, PerM2: []float32{3, 4, 5}}
	_, err := New(Options{Rules: []Rule{rule}})
	want := "rule crowd: people per square metre need a ground plane: calibrate the camera first (bongsu-edge camera calibrate, or in the browser's zone editor), or use count"
	if err == nil || err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
	rule.Zone = []bongsu.Point{{X: 0, Y: 0}, {X: 1, Y: 0}, {X: 1, Y: 1}, {X: 0, Y: 1}}
	ground, err := bongsu.GroundFromCamera(5, 10, 0, 70, 16.0/9)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(Options{Rules: []Rule{rule}, Ground: ground}); err == nil || fmt.Sprint(err) != "rule crowd: the zone's area on the ground is not known: keep it below the horizon and larger than 1 m²" {
		t.Error(err)
	}
	rule.PerM2 = []float32{3, 2}
	if _, err := New(Options{Rules: []Rule{rule}, Ground: ground}); err == nil || err.Error() != "rule crowd: per_m2: level 2 is 2 people per square metre: levels rise, above 0" {
		t.Error(err)
	}
}
