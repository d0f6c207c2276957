package rules

import (
	"math/rand/v2"
	"testing"
	"time"

	"bongsu"
)

func TestNewRefuses(t *testing.T) {
	for want, r := range map[string]Rule{
		`rule r: "dance" is no kind of rule: use intrusion, closed-area, loitering, line-crossing, line-counting, wrong-way, stopped-vehicle, abandonment, fall, fire, fight or crowd`: {ID: "r", Kind: "dance"},
		"rule r: a zone needs at least 3 points, this has 0":                                                            {ID: "r", Kind: bongsu.KindIntrusion},
		"rule r: exclude 1: a zone needs at least 3 points, this has 2":                                                 {ID: "r", Kind: bongsu.KindFall, Exclude: [][]bongsu.Point{square[:2]}},
		"rule r: schedule 1: it is on no day of the week":                                                               {ID: "r", Kind: bongsu.KindClosedArea, Zone: square, Schedule: []bongsu.Span{{From: 1, To: 2}}},
		"rule r: min_score is 2: it must be from 0 to 1":                                                                {ID: "r", Kind: bongsu.KindFire, MinScore: 2},
		"rule r: near_m is -1: it must be from 0 to 100 m":                                                              {ID: "r", Kind: bongsu.KindAbandonment, Near: -1},
		"rule r: count is -4: it must be above 0":                                                                       {ID: "r", Kind: bongsu.KindCrowd, Zone: square, Count: -4},
		"rule r: period is 1ms: it must be at least 1 s":                                                                {ID: "r", Kind: bongsu.KindLineCounting, Line: square[:2], Period: time.Millisecond},
		"rule r: a fire rule has no per_m2: it is for crowd":                                                            {ID: "r", Kind: bongsu.KindFire, PerM2: []float32{3}},
		"rule r: a line-counting rule has no zone: give it a line of two points":                                        {ID: "r", Kind: bongsu.KindLineCounting, Zone: square, Line: square[:2]},
		"rule r: a fall rule has no line: give it a zone of at least three points":                                      {ID: "r", Kind: bongsu.KindFall, Line: square[:2]},
		"rule r: a line needs exactly 2 points, this has 0":                                                             {ID: "r", Kind: bongsu.KindWrongWay, Zone: square},
		"rule r: point 3, [0.7, 1.1], is outside the picture: coordinates are 0..1 of its width and height, not pixels": {ID: "r", Kind: bongsu.KindFall, Zone: []bongsu.Point{{X: 0.3, Y: 0.3}, {X: 0.7, Y: 0.3}, {X: 0.7, Y: 1.1}}},
		"rule r: dwell is -1s: it must be above 0":                                                                      {ID: "r", Kind: bongsu.KindLoitering, Zone: square, Dwell: -time.Second},
		`rule r: "left" is no direction: use left-to-right, right-to-left or both`:                                      {ID: "r", Kind: bongsu.KindLineCrossing, Direction: "left"},
		"rule r: a line needs exactly 2 points, this has 4":                                                             {ID: "r", Kind: bongsu.KindLineCrossing, Direction: bongsu.DirectionBoth, Line: square},
		"rule r: point 1, [2, 0], is outside the picture: coordinates are 0..1 of its width and height, not pixels":     {ID: "r", Kind: bongsu.KindIntrusion, Zone: []bongsu.Point{{X: 2}, {X: 0}, {Y: 1}}},
	} {
		_, err := New(Options{Rules: []Rule{r}})
		if err == nil || err.Error() != want || bongsu.CodeOf(err) != bongsu.CodeInvalid {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
	_, err := New(Options{Rules: []Rule{intrusion(), intrusion()}})
	if err == nil || err.Error() != "rule yard: another rule of this camera has the same id" {
		t.Error(err)
	}
}

func TestRulesAreIndependent(t *testing.T) {
	second := intrusion()
	second.ID, second.Confirm = "slow", 2*time.Second
	s := newScene(t, intrusion(), second, upright())
	s.walk(3, at{id: 1, x: 0.65, y: 0.5}, at{x: 0.35, y: 0.5})
	s.stand(14)
	s.want("yard 1 begin 0.4", "line 1 left-to-right 1.5", "slow 1 begin 2.0", "yard 1 end 2.9", "slow 1 end 2.9")
}

func TestNoRules(t *testing.T) {
	s := newScene(t)
	s.stand(5, at{id: 1, x: 0.5, y: 0.5})
	s.want()
}

func TestCrowd(t *testing.T) {
	s := newScene(t, intrusion())
	var crowd []at
	for i := range 40 {
		crowd = append(crowd, at{id: bongsu.TrackID(i + 1), x: 0.32 + 0.09*float32(i%5), y: 0.35 + 0.065*float32(i/5), w: 0.04, h: 0.05})
	}
	s.stand(3, crowd...)
	s.stand(14)
	if len(s.log) != 80 {
		t.Errorf("%d begins and ends of 40 people", len(s.log))
	}
	if n := len(s.set.subjects); n != 0 {
		t.Errorf("%d subjects are remembered", n)
	}
}

// TestInvariants plays random pictures: every stay begins once and ends once, in order, never on
// a tainted picture, and no memory is left in the end.
func TestInvariants(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 2))
	for range 30 {
		s := newScene(t, append([]Rule{intrusion(), loitering(), upright()}, others()...)...)
		classes := []bongsu.Class{"", bongsu.ClassFallenPerson, bongsu.ClassCar, bongsu.ClassBag, bongsu.ClassFire}
		type key struct {
			rule bongsu.RuleID
			stay uint64
		}
		phase := map[key]bongsu.FiringPhase{}
		seen := 0
		for range 600 {
			tainted := rng.IntN(10) == 0
			var things []at
			for id := range 6 {
				if rng.IntN(4) > 0 {
					things = append(things, at{id: bongsu.TrackID(id + 1 + rng.IntN(2)*6), x: rng.Float32(), y: rng.Float32(),
						state: bongsu.TrackState(rng.IntN(3)), score: rng.Float32(), class: classes[rng.IntN(len(classes))]})
				}
			}
			s.step = time.Duration(rng.IntN(300)) * time.Millisecond
			s.judge(tainted, things...)
			for _, f := range s.fired[seen:] {
				k := key{f.Rule, f.Stay}
				before, known := phase[k]
				switch f.Phase {
				case bongsu.FiringBegin, bongsu.FiringPulse:
					if known || tainted {
						t.Fatalf("%v begins again, or on a tainted picture (%v)", k, tainted)
					}
				case bongsu.FiringHold, bongsu.FiringEnd, bongsu.FiringLost:
					if !known || before == bongsu.FiringEnd || before == bongsu.FiringLost {
						t.Fatalf("%v: %d after %d", k, f.Phase, before)
					}
				}
				if f.Since.After(f.At) || (f.Rule == "line") != (f.Direction != "") || len(f.Trail) > bongsu.MaxTrail || len(f.Reasons) == 0 {
					t.Fatalf("%+v", f)
				}
				phase[k] = f.Phase
			}
			seen = len(s.fired)
		}
		s.step = time.Second
		for range 130 { // a place where a bag lay is remembered longest
			s.picture()
		}
		for _, f := range s.fired[seen:] {
			phase[key{f.Rule, f.Stay}] = f.Phase
		}
		for k, p := range phase {
			if p != bongsu.FiringEnd && p != bongsu.FiringPulse && p != bongsu.FiringLost {
				t.Errorf("%v never ended", k)
			}
		}
		for i, j := range s.set.judges {
			if !j.empty() {
				t.Errorf("%s remembers something of what is long gone", s.set.o.Rules[i].ID)
			}
		}
		if len(s.set.subjects) != 0 {
			t.Errorf("%d subjects are remembered", len(s.set.subjects))
		}
	}
}

func TestNoAllocationsWithoutFiring(t *testing.T) {
	far := intrusion()
	far.Zone = []bongsu.Point{{X: 0.9, Y: 0.9}, {X: 1, Y: 0.9}, {X: 1, Y: 1}}
	long := loitering()
	long.Dwell = 24 * time.Hour
	quiet := others()
	for i := range quiet { // they look at everything and find nothing
		quiet[i].MinScore = 1
		quiet[i].Period = 24 * time.Hour
		quiet[i].Count = 100
	}
	s := newScene(t, append(quiet, far, long, upright())...)
	tracks := make([]bongsu.Track, 8)
	i := 0
	now := s.start
	step := func() {
		for k := range tracks {
			id := bongsu.TrackID(k + 1)
			if k > 5 {
				id += bongsu.TrackID(i / 40 * 8) // some come and go
			}
			tracks[k] = at{id: id, x: 0.1 + 0.05*float32(k), y: 0.5 + 0.001*float32(i%50), state: bongsu.TrackState(1 + i/40*k%2)}.track()
		}
		now = now.Add(100 * time.Millisecond)
		if n := len(s.set.Evaluate(bongsu.Picture{At: now, Tainted: i%17 == 0}, tracks)); n != 0 {
			t.Fatalf("%d firings", n)
		}
		i++
	}
	for range 400 {
		step()
	}
	if n := testing.AllocsPerRun(500, step); n != 0 {
		t.Errorf("%.2f allocations a picture", n)
	}
}

func BenchmarkEvaluate(b *testing.B) {
	set, err := New(Options{Rules: []Rule{intrusion(), loitering(), upright()}})
	if err != nil {
		b.Fatal(err)
	}
	tracks := make([]bongsu.Track, 20)
	for k := range tracks {
		tracks[k] = at{id: bongsu.TrackID(k + 1), x: 0.05 + 0.01*float32(k), y: 0.2 + 0.03*float32(k)}.track()
	}
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		now = now.Add(100 * time.Millisecond)
		set.Evaluate(bongsu.Picture{At: now}, tracks)
	}
}
