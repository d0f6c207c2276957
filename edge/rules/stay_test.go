package rules

import (
	"math"
	"testing"
	"time"

	"bongsu"
)

func TestIntrusion(t *testing.T) {
	s := newScene(t, intrusion())
	s.stand(1, at{id: 1, x: 0.1, y: 0.5})
	s.stand(6, at{id: 1, x: 0.5, y: 0.5})
	s.stand(10, at{id: 1, x: 0.1, y: 0.5})
	s.want("yard 1 begin 1.4", "yard 1 end 5.9")

	begin, end := s.fired[0], s.fired[len(s.fired)-1]
	if begin.Since != s.start.Add(time.Second) || begin.Kind != bongsu.KindIntrusion || begin.Priority != bongsu.PriorityHigh || begin.Track.ID != 1 || len(begin.Zone) != 4 || begin.Line != nil {
		t.Errorf("begin: %+v", begin)
	}
	near(t, begin.Reasons, "score", 0.8, 0.5)
	near(t, begin.Reasons, "inside_s", 0.4, 0.4)
	near(t, end.Reasons, "inside_s", 4.9, 0.4)
	if end.Dwell.Round(time.Millisecond) != 4900*time.Millisecond || end.Since != begin.Since || !bongsu.InZone(square, end.Track.Box.Foot()) {
		t.Errorf("end: %+v", end)
	}
	holds := 0
	for i, f := range s.fired {
		if f.Phase == bongsu.FiringHold {
			holds++
			if gap := f.At.Sub(s.fired[i-1].At); gap < time.Second {
				t.Errorf("hold %s after the one before", gap)
			}
		}
	}
	if holds != 4 {
		t.Errorf("%d holds in 4.5 s", holds)
	}
}

func near(t *testing.T, reasons []bongsu.Reason, name string, value, threshold float64) {
	t.Helper()
	for _, r := range reasons {
		if r.Name == name {
			if math.Abs(r.Value-value) > 1e-4 || math.Abs(r.Threshold-threshold) > 1e-4 {
				t.Errorf("%+v, want %g against %g", r, value, threshold)
			}
			return
		}
	}
	t.Errorf("no reason %s in %+v", name, reasons)
}

func TestPassingTooQuickly(t *testing.T) {
	s := newScene(t, intrusion())
	s.stand(0.3, at{id: 1, x: 0.5, y: 0.5})
	s.stand(3, at{id: 1, x: 0.1, y: 0.5})
	s.stand(3.3, at{id: 1, x: 0.5, y: 0.5})
	s.stand(8, at{id: 1, x: 0.1, y: 0.5})
	s.want()
}

func TestEdgeOfZoneDoesNotChatter(t *testing.T) {
	s := newScene(t, intrusion())
	for i := 0; s.now < 20*time.Second; i++ {
		x := float32(0.33)
		if i/7%2 == 1 { // out for 0.7 s of every 1.4 s
			x = 0.29
		}
		s.picture(at{id: 1, x: x, y: 0.5})
	}
	s.stand(25)
	s.stand(s.now.Seconds() + 12)
	s.want("yard 1 begin 0.4", "yard 1 end 19.9")
}

func TestWhatDoesNotCount(t *testing.T) {
	for name, thing := range map[string]at{
		"class":          {id: 1, x: 0.5, y: 0.5, class: bongsu.ClassCar},
		"weak":           {id: 1, x: 0.5, y: 0.5, score: 0.49},
		"lost":           {id: 1, x: 0.5, y: 0.5, state: bongsu.TrackLost},
		"foot outside":   {id: 1, x: 0.5, y: 0.95},
		"body in, below": {id: 1, x: 0.72, y: 0.5, w: 0.2, h: 0.3},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, intrusion())
			s.stand(5, thing)
			s.want()
		})
	}
	s := newScene(t, intrusion())
	k := at{id: 1, x: 0.5, y: 0.5}.track()
	k.State = bongsu.TrackTentative
	for range 50 {
		s.evaluate(false, []bongsu.Track{k})
	}
	s.want()
}

func TestOneGoodLookIsEnough(t *testing.T) {
	s := newScene(t, intrusion())
	s.stand(2, at{id: 1, x: 0.5, y: 0.5, score: 0.3})
	s.picture(at{id: 1, x: 0.5, y: 0.5, score: 0.6})
	s.stand(3, at{id: 1, x: 0.5, y: 0.5, score: 0.3})
	s.want("yard 1 begin 2.0")
}

func TestNoClassesMeansPeople(t *testing.T) {
	r := intrusion()
	r.Classes = nil
	s := newScene(t, r)
	s.stand(1, at{id: 1, x: 0.5, y: 0.5, class: bongsu.ClassAnimal}, at{id: 2, x: 0.6, y: 0.8})
	s.want("yard 1 begin 0.4")
	if s.fired[0].Track.ID != 2 {
		t.Errorf("%+v", s.fired[0])
	}
}

func TestFootAtTheEdgeOfThePicture(t *testing.T) {
	r := intrusion()
	r.Zone = []bongsu.Point{{X: 0, Y: 0}, {X: 1, Y: 0}, {X: 1, Y: 1}, {X: 0, Y: 1}}
	s := newScene(t, r)
	s.stand(1, at{id: 1, x: 0.5, y: 1}, at{id: 2, x: 1, y: 0.5}, at{id: 3, x: 0, y: 0.3})
	s.want("yard 1 begin 0.4", "yard 2 begin 0.4", "yard 3 begin 0.4")
}

func TestTwoPeopleAreTwoStays(t *testing.T) {
	s := newScene(t, intrusion())
	s.stand(1, at{id: 1, x: 0.4, y: 0.5})
	s.stand(4, at{id: 1, x: 0.4, y: 0.5}, at{id: 2, x: 0.6, y: 0.5})
	s.stand(8, at{id: 2, x: 0.6, y: 0.5})
	s.stand(s.now.Seconds() + 12)
	s.want("yard 1 begin 0.4", "yard 2 begin 1.4", "yard 1 end 3.9", "yard 2 end 7.9")
}

func TestShortLossIsOneStay(t *testing.T) {
	s := newScene(t, intrusion())
	s.stand(3, at{id: 1, x: 0.5, y: 0.5})
	s.stand(4.8, at{id: 1, x: 0.5, y: 0.5, state: bongsu.TrackLost})
	s.stand(8, at{id: 1, x: 0.5, y: 0.5})
	s.stand(12)
	s.stand(s.now.Seconds() + 12)
	s.want("yard 1 begin 0.4", "yard 1 end 7.9")
}

func TestIDSwitchIsOneStay(t *testing.T) {
	for _, gap := range []float64{0, 0.5, 1.5} {
		s := newScene(t, intrusion(), loitering())
		s.stand(6, at{id: 1, x: 0.5, y: 0.5})
		s.stand(6 + gap)
		s.stand(12, at{id: 7, x: 0.52, y: 0.51})
		s.stand(20)
		s.stand(s.now.Seconds() + 12)
		s.want("yard 1 begin 0.4", "bench 1 begin 10.0", "yard 1 end 11.9", "bench 1 end 11.9")
	}
}

func TestManyIDSwitchesKeepTheDwell(t *testing.T) {
	r := loitering()
	r.Dwell = time.Minute
	s := newScene(t, r)
	for i := 0; s.now < 70*time.Second; i++ {
		if i%30 > 24 { // every 3 s unseen for half a second, then another ID
			s.picture()
			continue
		}
		s.picture(at{id: bongsu.TrackID(1 + i/30), x: 0.5, y: 0.5})
	}
	if len(s.log) != 1 || s.log[0] != "bench 1 begin 60.0" {
		t.Errorf("%v", s.log)
	}
	if f := s.fired[0]; f.Since != s.start || f.Dwell != time.Minute {
		t.Errorf("since %s, dwell %s", f.Since, f.Dwell)
	}
	near(t, s.fired[0].Reasons, "dwell_s", 60, 60)
}

func TestSwitchWhileWalking(t *testing.T) {
	s := newScene(t, intrusion())
	s.walk(2, at{id: 1, x: 0.32, y: 0.5}, at{x: 0.46, y: 0.5})
	for i := range 10 { // lost for 1 s; the tracker predicts
		s.picture(at{id: 1, x: 0.46 + 0.007*float32(i+1), y: 0.5, state: bongsu.TrackLost})
	}
	s.walk(5, at{id: 2, x: 0.53, y: 0.5}, at{x: 0.66, y: 0.5})
	s.stand(9)
	s.stand(s.now.Seconds() + 12)
	s.want("yard 1 begin 0.4", "yard 1 end 4.9")
}

func TestSomebodyElseIsSomebodyElse(t *testing.T) {
	for name, other := range map[string]at{
		"elsewhere": {id: 2, x: 0.62, y: 0.8},
		"smaller":   {id: 2, x: 0.4, y: 0.5, w: 0.02, h: 0.08},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, intrusion())
			s.stand(3, at{id: 1, x: 0.4, y: 0.5})
			s.stand(14, other)
			s.want("yard 1 begin 0.4", "yard 2 begin 3.4", "yard 1 end 2.9")
		})
	}
	s := newScene(t, func() Rule {
		r := intrusion()
		r.Classes = []bongsu.Class{bongsu.ClassPerson, bongsu.ClassAnimal}
		return r
	}())
	s.stand(3, at{id: 1, x: 0.4, y: 0.5})
	s.stand(4, at{id: 2, x: 0.4, y: 0.5, class: bongsu.ClassAnimal})
	s.want("yard 1 begin 0.4", "yard 2 begin 3.4")
}

func TestDoubledTrackIsNobody(t *testing.T) {
	s := newScene(t, intrusion())
	s.stand(1, at{id: 1, x: 0.5, y: 0.5})
	s.stand(4, at{id: 1, x: 0.5, y: 0.5}, at{id: 2, x: 0.503, y: 0.5})
	s.stand(7, at{id: 2, x: 0.503, y: 0.5}) // the first goes, the double stays
	s.stand(10)
	s.stand(s.now.Seconds() + 12)
	s.want("yard 1 begin 0.4", "yard 1 end 6.9")
}

func TestVehicleLabelsAreOneThing(t *testing.T) {
	r := intrusion()
	r.Classes = cars
	s := newScene(t, r)
	s.stand(2, at{id: 1, x: 0.5, y: 0.5, class: bongsu.ClassCar})
	s.stand(2.5)
	s.stand(5, at{id: 2, x: 0.5, y: 0.5, class: bongsu.ClassTruck})
	s.want("yard 1 begin 0.4")
}

// Who lies is still a person, also after the tracker lost who fell.
func TestFallenIsAPerson(t *testing.T) {
	r := intrusion()
	r.Classes = []bongsu.Class{bongsu.ClassPerson}
	s := newScene(t, r)
	s.stand(2, at{id: 1, x: 0.5, y: 0.5, class: bongsu.ClassPerson})
	s.stand(2.5)
	s.stand(5, at{id: 2, x: 0.5, y: 0.5, class: bongsu.ClassFallenPerson})
	s.want("yard 1 begin 0.4")
	r.Classes = []bongsu.Class{bongsu.ClassFallenPerson}
	s = newScene(t, r)
	s.stand(2, at{id: 1, x: 0.5, y: 0.5, class: bongsu.ClassPerson})
	s.want()
	s.stand(4, at{id: 1, x: 0.5, y: 0.5, class: bongsu.ClassFallenPerson})
	s.want("yard 1 begin 2.4")
}

func TestTaintConfirmsNothing(t *testing.T) {
	s := newScene(t, intrusion(), loitering(), upright())
	for s.now < 15*time.Second {
		s.tainted(at{id: 1, x: 0.3 + float32(s.now.Seconds())/40, y: 0.5})
	}
	s.want()
	s.picture(at{id: 1, x: 0.6, y: 0.5})
	s.want() // one clear picture is not 0.4 s
}

func TestTaintHoldsWhatWasThere(t *testing.T) {
	s := newScene(t, intrusion())
	s.stand(2, at{id: 1, x: 0.5, y: 0.5})
	for s.now < 28*time.Second {
		s.tainted()
	}
	s.stand(30, at{id: 9, x: 0.5, y: 0.5})
	s.stand(34)
	s.stand(s.now.Seconds() + 12)
	s.want("yard 1 begin 0.4", "yard 1 end 29.9")
}

func TestBlindTooLongLosesAll(t *testing.T) {
	s := newScene(t, intrusion())
	s.stand(2, at{id: 1, x: 0.5, y: 0.5})
	s.step = time.Second
	for s.now < 34*time.Second {
		s.tainted()
	}
	s.want("yard 1 begin 0.4", "yard 1 lost 1.9")
	s.step = 100 * time.Millisecond
	s.stand(36, at{id: 9, x: 0.5, y: 0.5})
	s.want("yard 1 begin 0.4", "yard 1 lost 1.9", "yard 2 begin 34.4")
}

// TestBlindnessConfirmsNothing: time in which nobody could see does not add up to a dwell.
func TestBlindnessConfirmsNothing(t *testing.T) {
	s := newScene(t, loitering())
	s.stand(5, at{id: 1, x: 0.5, y: 0.5})
	s.step = time.Second
	for s.now < 20*time.Second {
		s.tainted()
	}
	s.step = 100 * time.Millisecond
	s.stand(29.9, at{id: 1, x: 0.5, y: 0.5})
	s.want()
	s.stand(31, at{id: 1, x: 0.5, y: 0.5})
	s.want("bench 1 begin 30.0")
}

// TestShift: after the box's clock was set, stays go on as if nothing had happened, on the clock
// as it is now.
func TestShift(t *testing.T) {
	for _, d := range []time.Duration{time.Hour, -time.Hour, 56 * 365 * 24 * time.Hour} {
		s := newScene(t, intrusion(), loitering(), upright())
		s.walk(3, at{id: 1, x: 0.4, y: 0.5}, at{id: 1, x: 0.45, y: 0.5})
		s.set.Shift(d)
		s.start = s.start.Add(d)
		s.walk(12, at{id: 1, x: 0.45, y: 0.5}, at{id: 1, x: 0.6, y: 0.5})
		s.stand(16)
		s.stand(s.now.Seconds() + 12)
		s.want("yard 1 begin 0.4", "line 1 right-to-left 6.4", "bench 1 begin 10.0", "yard 1 end 11.9", "bench 1 end 11.9")
		f := s.fired[len(s.fired)-1]
		if f.Dwell > 12*time.Second || f.Since.Before(s.start) || f.Trail[0].At.Before(s.start) || f.Trail[0].At.After(f.At) {
			t.Errorf("%s: %+v", d, f)
		}
	}
}

func TestStallInThePictures(t *testing.T) {
	s := newScene(t, intrusion(), loitering())
	s.stand(3, at{id: 1, x: 0.5, y: 0.5})
	s.now += 4 * time.Second // nothing at all comes for 4 s
	s.stand(12, at{id: 2, x: 0.5, y: 0.5})
	s.want("yard 1 begin 0.4", "bench 1 begin 10.0")
}

func TestClockSetBackAndForth(t *testing.T) {
	s := newScene(t, intrusion(), loitering())
	s.stand(3, at{id: 1, x: 0.5, y: 0.5})
	s.start = s.start.Add(-time.Hour)
	s.stand(5, at{id: 1, x: 0.5, y: 0.5})
	for _, f := range s.fired {
		if f.Since.After(f.At) {
			t.Errorf("%v began after it was found", f)
		}
	}
	s.start = s.start.Add(2 * time.Hour)
	s.picture(at{id: 1, x: 0.5, y: 0.5})
	for _, f := range s.fired {
		if f.Kind == bongsu.KindLoitering {
			t.Errorf("a step of the clock made a dwell: %+v", f)
		}
	}
}

func TestLoitering(t *testing.T) {
	s := newScene(t, loitering())
	s.stand(9.9, at{id: 1, x: 0.5, y: 0.5})
	s.want()
	s.stand(11, at{id: 1, x: 0.5, y: 0.5})
	s.stand(15, at{id: 1, x: 0.1, y: 0.5})
	s.want("bench 1 begin 10.0", "bench 1 end 10.9")
}

func TestPassersByDoNotAddUpToLoitering(t *testing.T) {
	s := newScene(t, loitering())
	for i := 0; s.now < 60*time.Second; i++ { // every 6 s somebody walks through in 4 s
		from := s.now.Seconds()
		s.walk(from+4, at{id: bongsu.TrackID(i + 1), x: 0.2, y: 0.5}, at{x: 0.8, y: 0.5})
		s.stand(from + 6)
	}
	s.want()
}

func TestLingerBridgesLosses(t *testing.T) {
	r := loitering()
	r.Linger = 6 * time.Second
	s := newScene(t, r)
	s.stand(4, at{id: 1, x: 0.5, y: 0.5})
	s.stand(9) // before it fires
	s.stand(12, at{id: 2, x: 0.5, y: 0.5})
	s.stand(17) // and after
	s.stand(20, at{id: 3, x: 0.5, y: 0.5})
	s.stand(32)
	s.want("bench 1 begin 10.0", "bench 1 end 19.9")

	s = newScene(t, r)
	s.stand(9, at{id: 1, x: 0.5, y: 0.5})
	s.stand(20)
	s.stand(29, at{id: 2, x: 0.5, y: 0.5})
	s.want() // away for longer: from the beginning
}

func TestResume(t *testing.T) {
	before := newScene(t, loitering(), intrusion())
	before.stand(30, at{id: 1, x: 0.5, y: 0.5})
	open := bongsu.Event{Rule: "bench", Kind: bongsu.KindLoitering, Zone: square, Class: bongsu.ClassPerson,
		Start: before.start, Trail: before.fired[len(before.fired)-1].Trail}

	s := newScene(t, loitering(), intrusion())
	s.set.Resume(s.start.Add(31*time.Second), []bongsu.Event{open})
	s.now = 34 * time.Second
	s.stand(36, at{id: 1, x: 0.55, y: 0.5})
	s.want("bench 1 begin 34.0", "yard 1 begin 34.4")
	if f := s.fired[0]; f.Since != s.start || f.Dwell != 34*time.Second {
		t.Errorf("since %s, dwell %s", f.Since, f.Dwell)
	}
}

func TestResumeIsNotForOthers(t *testing.T) {
	open := bongsu.Event{Rule: "bench", Kind: bongsu.KindLoitering, Zone: square, Class: bongsu.ClassPerson, Box: at{x: 0.35, y: 0.4}.track().Box}
	for name, c := range map[string]struct {
		thing at
		after time.Duration
		event func(*bongsu.Event)
	}{
		"far away":      {at{id: 1, x: 0.65, y: 0.85}, time.Second, nil},
		"too late":      {at{id: 1, x: 0.35, y: 0.4}, 11 * time.Second, nil},
		"another class": {at{id: 1, x: 0.35, y: 0.4}, time.Second, func(e *bongsu.Event) { e.Class = bongsu.ClassCar }},
		"another zone":  {at{id: 1, x: 0.35, y: 0.4}, time.Second, func(e *bongsu.Event) { e.Zone = square[:3] }},
		"another rule":  {at{id: 1, x: 0.35, y: 0.4}, time.Second, func(e *bongsu.Event) { e.Rule = "r" }},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, loitering())
			ev := open
			ev.Start = s.start.Add(-time.Hour)
			if c.event != nil {
				c.event(&ev)
			}
			s.set.Resume(s.start, []bongsu.Event{ev})
			s.now = c.after
			s.stand(s.now.Seconds()+5, c.thing)
			s.want()
		})
	}
}

func TestTrailIsWholeAndBounded(t *testing.T) {
	s := newScene(t, intrusion())
	s.walk(60, at{id: 1, x: 0.31, y: 0.5}, at{x: 0.69, y: 0.5})
	trail := s.fired[len(s.fired)-1].Trail
	if len(trail) > bongsu.MaxTrail || len(trail) < bongsu.MaxTrail/2 {
		t.Errorf("%d points", len(trail))
	}
	if first := trail[0].At.Sub(s.start); first > time.Second {
		t.Errorf("the way begins after %s", first)
	}
	for i := 1; i < len(trail); i++ {
		if !trail[i].At.After(trail[i-1].At) {
			t.Fatalf("point %d is not after the one before", i)
		}
	}
	if gap := trail[len(trail)-1].At.Sub(trail[len(trail)-2].At); gap > 150*time.Millisecond {
		t.Errorf("the newest points are %s apart", gap)
	}
}
