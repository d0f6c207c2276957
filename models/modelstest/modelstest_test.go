package modelstest

import (
	"errors"
	"testing"
	"time"

	"bongsu"
)

func TestFakePassesTheSuite(t *testing.T) {
	left, right := bongsu.Box{X0: 0, Y0: 0.4, X1: 0.2, Y1: 0.8}, bongsu.Box{X0: 0.8, Y0: 0.4, X1: 1, Y1: 0.8}
	fake := &Fake{Ref: bongsu.ModelRef{Name: "fake"}, Steps: Walk(bongsu.ClassPerson, 0.9, left, right, time.Second, 3*time.Second, 100*time.Millisecond)}
	Detector(t, fake, &bongsu.Frame{PTS: 2 * time.Second}, 0.1, true)
	for at, want := range map[time.Duration]int{0: 0, time.Second: 1, 2999 * time.Millisecond: 1, 3 * time.Second: 0, time.Hour: 0} {
		if got, err := fake.Detect(t.Context(), &bongsu.Frame{PTS: at}, nil); err != nil || len(got) != want {
			t.Errorf("at %v: %v, %v", at, got, err)
		}
	}
	got, err := fake.Detect(t.Context(), &bongsu.Frame{PTS: 2 * time.Second}, nil)
	if err != nil || got[0].Box.Centre().X < 0.49 || got[0].Box.Centre().X > 0.51 {
		t.Errorf("half way: %v, %v", got, err)
	}
	fake.Err = errors.New("broken")
	if _, err := fake.Detect(t.Context(), &bongsu.Frame{}, nil); !errors.Is(err, fake.Err) {
		t.Error(err)
	}
}

func TestSuiteFindsWrongDetections(t *testing.T) {
	good := bongsu.Detection{Box: bongsu.Box{X0: 0.1, Y0: 0.1, X1: 0.2, Y1: 0.2}, Class: bongsu.ClassCar, Score: 0.5}
	if err := checkDetection(good, 0.1); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*bongsu.Detection){
		"outside": func(d *bongsu.Detection) { d.Box.X1 = 1.1 },
		"empty":   func(d *bongsu.Detection) { d.Box.X1 = d.Box.X0 },
		"class":   func(d *bongsu.Detection) { d.Class = "" },
		"low":     func(d *bongsu.Detection) { d.Score = 0.05 },
		"high":    func(d *bongsu.Detection) { d.Score = 1.5 },
	} {
		d := good
		change(&d)
		if checkDetection(d, 0.1) == nil {
			t.Errorf("%s: %+v passed", name, d)
		}
	}
}
