package track

import (
	"math/rand/v2"
	"testing"
	"time"

	"bongsu"
)

// shown plays the same detections, a picture each fifth of a second, and gives the tracks that are seen
// in the last one.
func shown(tr *Tracker, from, pictures int, dets func(i int) []bongsu.Detection) (seen []bongsu.Track, at int) {
	for i := range pictures {
		seen = seen[:0]
		for _, k := range tr.Update(time.Duration(from+i)*200*time.Millisecond, dets(i)) {
			if k.State == bongsu.TrackConfirmed {
				seen = append(seen, k)
			}
		}
	}
	return seen, from + pictures
}

func standing(class bongsu.Class, x float32, score float32) bongsu.Detection {
	return bongsu.Detection{Box: bongsu.Box{X0: x, Y0: 0.4, X1: x + 0.04, Y1: 0.56}, Class: class, Score: score}
}

func TestFaint(t *testing.T) {
	weak := func(class bongsu.Class) func(int) []bongsu.Detection {
		return func(int) []bongsu.Detection { return []bongsu.Detection{standing(class, 0.5, 0.2)} }
	}
	nothing := func(int) []bongsu.Detection { return nil }
	t.Run("a bag that persists begins", func(t *testing.T) {
		seen, _ := shown(New(Options{}), 0, 5, weak(bongsu.ClassBag))
		if len(seen) != 0 {
			t.Fatalf("after a second: %+v", seen)
		}
		tr := New(Options{})
		seen, at := shown(tr, 0, 10, weak(bongsu.ClassBag))
		if len(seen) != 1 || seen[0].Class != bongsu.ClassBag || seen[0].Score > 0.21 {
			t.Fatalf("after two: %+v", seen)
		}
		id := seen[0].ID
		if seen, _ = shown(tr, at, 50, weak(bongsu.ClassBag)); len(seen) != 1 || seen[0].ID != id {
			t.Errorf("later: %+v", seen)
		}
	})
	t.Run("nothing else does", func(t *testing.T) {
		for _, class := range []bongsu.Class{bongsu.ClassPerson, bongsu.ClassCar, bongsu.ClassFire, bongsu.ClassFallenPerson} {
			if seen, _ := shown(New(Options{}), 0, 100, weak(class)); len(seen) != 0 {
				t.Errorf("%s: %+v", class, seen)
			}
		}
	})
	t.Run("a bag that is seen now and then does not", func(t *testing.T) {
		seen, _ := shown(New(Options{}), 0, 100, func(i int) []bongsu.Detection {
			if i%3 > 0 {
				return nil
			}
			return weak(bongsu.ClassBag)(i)
		})
		if len(seen) != 0 {
			t.Errorf("%+v", seen)
		}
	})
	t.Run("one that moves does not", func(t *testing.T) {
		seen, _ := shown(New(Options{}), 0, 60, func(i int) []bongsu.Detection {
			return []bongsu.Detection{standing(bongsu.ClassBag, 0.1+0.012*float32(i), 0.2)}
		})
		if len(seen) != 0 {
			t.Errorf("%+v", seen)
		}
	})
	t.Run("who was lost there is back", func(t *testing.T) {
		for _, class := range []bongsu.Class{bongsu.ClassPerson, bongsu.ClassFallenPerson} {
			tr := New(Options{})
			seen, at := shown(tr, 0, 10, func(int) []bongsu.Detection { return []bongsu.Detection{standing(bongsu.ClassPerson, 0.5, 0.8)} })
			id := seen[0].ID
			_, at = shown(tr, at, 4, nothing)
			seen, _ = shown(tr, at, 10, func(int) []bongsu.Detection {
				return []bongsu.Detection{{Box: bongsu.Box{X0: 0.49, Y0: 0.49, X1: 0.55, Y1: 0.56}, Class: class, Score: 0.2}}
			})
			if len(seen) != 1 || seen[0].ID != id {
				t.Errorf("%s: %+v", class, seen)
			}
		}
	})
	t.Run("a poster that was there before is not who was lost before it", func(t *testing.T) {
		tr := New(Options{})
		poster := standing(bongsu.ClassPerson, 0.5, 0.2)
		_, at := shown(tr, 0, 20, func(int) []bongsu.Detection { return []bongsu.Detection{poster} })
		_, at = shown(tr, at, 20, func(int) []bongsu.Detection { return []bongsu.Detection{standing(bongsu.ClassPerson, 0.51, 0.8)} })
		_, at = shown(tr, at, 5, nothing)
		if seen, _ := shown(tr, at, 40, func(int) []bongsu.Detection { return []bongsu.Detection{poster} }); len(seen) != 0 {
			t.Errorf("%+v", seen)
		}
	})
}

func TestFaintIsBounded(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	tr := New(Options{})
	dets := make([]bongsu.Detection, 100)
	step := 0
	play := func() {
		for i := range dets {
			dets[i] = standing(bongsu.ClassBag, rng.Float32(), 0.15)
		}
		tr.Update(time.Duration(step)*200*time.Millisecond, dets)
		step++
	}
	for range 50 {
		play()
	}
	if len(tr.faints) > faintMost {
		t.Errorf("%d places", len(tr.faints))
	}
	if raceEnabled {
		return
	}
	if n := testing.AllocsPerRun(100, play); n > 0 {
		t.Errorf("%g allocations a picture", n)
	}
	tr.Reset()
	if len(tr.faints) != 0 {
		t.Error("a reset leaves places")
	}
}
