package track

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"bongsu"
)

// walker is a thing that moves evenly through the picture.
type walker struct {
	x, y, vx, vy, w, h float32 // centre at 0 s, per second, size
	class              bongsu.Class
	hidden             func(at float64) bool
	score              func(at float64) float32
}

func (k walker) at(s float64) (bongsu.Detection, bool) {
	if k.hidden != nil && k.hidden(s) {
		return bongsu.Detection{}, false
	}
	x, y := k.x+k.vx*float32(s), k.y+k.vy*float32(s)
	d := bongsu.Detection{Box: bongsu.Box{X0: x - k.w/2, Y0: y - k.h/2, X1: x + k.w/2, Y1: y + k.h/2}, Class: k.class, Score: 0.8}
	if k.score != nil {
		d.Score = k.score(s)
	}
	return d, true
}

func person(x, y, vx, vy float32) walker {
	return walker{x: x, y: y, vx: vx, vy: vy, w: 0.06, h: 0.3, class: bongsu.ClassPerson}
}

// play runs walkers for so many seconds with the given times and returns, per walker, the IDs of
// the confirmed tracks that lay on it, in order, without repeats.
func play(t *testing.T, tr *Tracker, times []float64, rng *rand.Rand, walkers ...walker) [][]bongsu.TrackID {
	t.Helper()
	ids := make([][]bongsu.TrackID, len(walkers))
	for _, s := range times {
		var dets []bongsu.Detection
		var who []int
		for i, k := range walkers {
			if d, seen := k.at(s); seen {
				if rng != nil { // a detector's unsteady edges
					j := func(size float32) float32 { return float32(rng.NormFloat64()) * 0.04 * size }
					d.Box.X0, d.Box.X1 = d.Box.X0+j(k.w), d.Box.X1+j(k.w)
					d.Box.Y0, d.Box.Y1 = d.Box.Y0+j(k.h), d.Box.Y1+j(k.h)
				}
				dets = append(dets, d)
				who = append(who, i)
			}
		}
		tracks := tr.Update(time.Duration(s*float64(time.Second)), dets)
		for di, d := range dets {
			if crowded(dets, di) {
				continue // which box is whose cannot be told while they lie over each other
			}
			best, overlap := -1, float32(0.5)
			for ti := range tracks {
				if o := tracks[ti].Box.IoU(d.Box); tracks[ti].State == bongsu.TrackConfirmed && o > overlap {
					best, overlap = ti, o
				}
			}
			if best < 0 {
				continue
			}
			list := &ids[who[di]]
			if n := len(*list); n == 0 || (*list)[n-1] != tracks[best].ID {
				*list = append(*list, tracks[best].ID)
			}
		}
	}
	return ids
}

func crowded(dets []bongsu.Detection, i int) bool {
	for j := range dets {
		if j != i && dets[j].Box.IoU(dets[i].Box) > 0.3 {
			return true
		}
	}
	return false
}

func evenly(from, to, perSecond float64) []float64 {
	var out []float64
	for i := 0; ; i++ {
		s := from + float64(i)/perSecond
		if s > to {
			return out
		}
		out = append(out, s)
	}
}

func seeded(t *testing.T) *rand.Rand {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 1))
}

// one wants exactly one ID per walker, and no ID twice.
func one(t *testing.T, ids [][]bongsu.TrackID) {
	t.Helper()
	seen := map[bongsu.TrackID]bool{}
	for i, list := range ids {
		if len(list) != 1 || seen[list[0]] {
			t.Errorf("walker %d has the IDs %v, all: %v", i, list, ids)
			return
		}
		seen[list[0]] = true
	}
}

func TestCrossingPathsKeepTheirIDs(t *testing.T) {
	rng := seeded(t)
	for _, rate := range []float64{5, 10, 15, 30} {
		// Two people walk past each other, one a little farther away.
		one(t, play(t, New(Options{}), evenly(0, 6, rate), rng,
			person(0.2, 0.5, 0.1, 0), person(0.8, 0.58, -0.1, 0)))
	}
}

func TestGroupWalkingTogether(t *testing.T) {
	rng := seeded(t)
	for _, rate := range []float64{5, 10, 30} {
		one(t, play(t, New(Options{}), evenly(0, 5, rate), rng,
			person(0.1, 0.5, 0.12, 0), person(0.17, 0.52, 0.12, 0), person(0.24, 0.5, 0.12, 0.01)))
	}
}

func TestOcclusionIsBridged(t *testing.T) {
	hidden := func(s float64) bool { return s > 2 && s < 3.4 }
	for _, rate := range []float64{5, 10, 30} {
		k := person(0.1, 0.5, 0.12, 0)
		k.hidden = hidden
		one(t, play(t, New(Options{}), evenly(0, 6, rate), seeded(t), k, person(0.7, 0.65, 0, 0)))
	}
}

func TestLostTooLongBecomesAnother(t *testing.T) {
	k := person(0.5, 0.5, 0, 0)
	k.hidden = func(s float64) bool { return s > 2 && s < 9 }
	ids := play(t, New(Options{}), evenly(0, 12, 10), nil, k)
	if len(ids[0]) != 2 || ids[0][0] == ids[0][1] {
		t.Errorf("IDs %v: out of sight for 7 s with RelinkFor 6 s", ids[0])
	}
}

// TestTheNextVehicleIsAnother: after 4 s a person behind a pillar is still the same one, a vehicle is not.
func TestTheNextVehicleIsAnother(t *testing.T) {
	for class, want := range map[bongsu.Class]int{bongsu.ClassPerson: 1, bongsu.ClassCar: 2, bongsu.ClassMotorcycle: 2} {
		k := person(0.5, 0.5, 0, 0)
		k.class, k.hidden = class, func(s float64) bool { return s > 2 && s < 6 }
		if ids := play(t, New(Options{}), evenly(0, 9, 10), nil, k); len(ids[0]) != want {
			t.Errorf("%s, 4 s out of sight: IDs %v, want %d", class, ids[0], want)
		}
	}
}

func TestVariableTimes(t *testing.T) {
	rng := seeded(t)
	var times []float64
	for s := 0.0; s < 8; s += 0.02 + min(0.6, rng.ExpFloat64()*0.12) {
		times = append(times, s)
	}
	one(t, play(t, New(Options{}), times, rng,
		person(0.1, 0.5, 0.1, 0), person(0.9, 0.6, -0.1, -0.01), person(0.5, 0.2, 0, 0.03)))
}

func TestGapInThePictures(t *testing.T) {
	times := append(evenly(0, 2, 10), evenly(3.5, 6, 10)...) // 1.5 s without a picture
	one(t, play(t, New(Options{}), times, seeded(t), person(0.2, 0.5, 0.1, 0), person(0.8, 0.5, 0, 0)))
}

func TestFastVehicleAtFewPictures(t *testing.T) {
	car := walker{x: -0.1, y: 0.5, vx: 0.5, w: 0.2, h: 0.15, class: bongsu.ClassCar}
	for _, rate := range []float64{5, 10} {
		one(t, play(t, New(Options{}), evenly(0, 2.2, rate), seeded(t), car))
	}
}

func TestFlickeringVehicleLabel(t *testing.T) {
	tr := New(Options{})
	car := walker{x: 0.2, y: 0.5, vx: 0.1, w: 0.2, h: 0.15, class: bongsu.ClassCar}
	var ids []bongsu.TrackID
	for i, s := range evenly(0, 4, 10) {
		d, _ := car.at(s)
		if i%3 == 2 {
			d.Class = bongsu.ClassTruck
		}
		for _, k := range tr.Update(time.Duration(s*1e9), []bongsu.Detection{d}) {
			if len(ids) == 0 || ids[len(ids)-1] != k.ID {
				ids = append(ids, k.ID)
			}
			if k.Hits > 3 && k.Class != bongsu.ClassCar {
				t.Errorf("at %.1f s the track is a %s", s, k.Class)
			}
		}
	}
	if len(ids) != 1 {
		t.Errorf("IDs %v", ids)
	}
}

// A person who falls stays one track, called fallen half a second later, and a person again once
// up, however long each lasted.
func TestFallIsOneTrack(t *testing.T) {
	tr := New(Options{})
	walk := walker{x: 0.2, y: 0.5, vx: 0.05, w: 0.06, h: 0.2, class: bongsu.ClassPerson}
	lie := bongsu.Detection{Box: bongsu.Box{X0: 0.68, Y0: 0.52, X1: 0.82, Y1: 0.6}, Class: bongsu.ClassFallenPerson, Score: 0.8}
	var changes []float64
	last := bongsu.ClassPerson
	for _, s := range evenly(0, 40, 10) {
		d, _ := walk.at(s)
		if s >= 10 && s < 30 {
			k := float32(min(1, s-10)) // a second from standing to lying
			from, _ := walk.at(10)
			mix := func(a, b float32) float32 { return a + k*(b-a) }
			d = bongsu.Detection{Class: lie.Class, Score: 0.8, Box: bongsu.Box{X0: mix(from.Box.X0, lie.Box.X0), Y0: mix(from.Box.Y0, lie.Box.Y0),
				X1: mix(from.Box.X1, lie.Box.X1), Y1: mix(from.Box.Y1, lie.Box.Y1)}}
		}
		if s >= 30 {
			d = bongsu.Detection{Class: bongsu.ClassPerson, Score: 0.8, Box: lie.Box}
		}
		tracks := tr.Update(time.Duration(s*1e9), []bongsu.Detection{d})
		if len(tracks) != 1 || tracks[0].ID != 1 {
			t.Fatalf("at %.1f s: %+v", s, tracks)
		}
		if tracks[0].Class != last {
			last = tracks[0].Class
			changes = append(changes, s)
		}
	}
	if len(changes) != 2 || math.Abs(changes[0]-10.5) > 0.2 || math.Abs(changes[1]-30.5) > 0.2 {
		t.Errorf("it is called otherwise at %v s", changes)
	}
}

func TestPersonAndCarNeverMix(t *testing.T) {
	tr := New(Options{})
	box := bongsu.Box{X0: 0.4, Y0: 0.4, X1: 0.6, Y1: 0.6}
	for i := range 10 {
		tr.Update(time.Duration(i)*100*time.Millisecond, []bongsu.Detection{{Box: box, Class: bongsu.ClassPerson, Score: 0.9}})
	}
	tracks := tr.Update(time.Second, []bongsu.Detection{{Box: box, Class: bongsu.ClassCar, Score: 0.9}})
	if len(tracks) != 2 || tracks[0].State != bongsu.TrackLost || tracks[1].Class != bongsu.ClassCar || tracks[1].State != bongsu.TrackTentative {
		t.Errorf("%+v", tracks)
	}
}

func TestWeakDetectionsHoldButDoNotBegin(t *testing.T) {
	tr := New(Options{})
	k := person(0.3, 0.5, 0.05, 0)
	k.score = func(s float64) float32 {
		if s > 1 {
			return 0.2 // half hidden, far below High
		}
		return 0.8
	}
	ghost := person(0.8, 0.5, 0, 0)
	ghost.score = func(float64) float32 { return 0.45 }
	ids := play(t, tr, evenly(0, 6, 10), seeded(t), k, ghost)
	if len(ids[0]) != 1 || len(ids[1]) != 0 {
		t.Errorf("IDs %v: one for the first, none for weak detections alone", ids)
	}
	if n := len(tr.targets); n != 1 {
		t.Errorf("%d targets", n)
	}
}

func TestConfirmation(t *testing.T) {
	det := []bongsu.Detection{{Box: bongsu.Box{X0: 0.4, Y0: 0.4, X1: 0.5, Y1: 0.7}, Class: bongsu.ClassPerson, Score: 0.9}}
	for _, c := range []struct {
		name  string
		times []int // ms
		want  bongsu.TrackState
	}{
		{"once", []int{0}, bongsu.TrackTentative},
		{"twice, soon and clear", []int{0, 100}, bongsu.TrackConfirmed},
		{"three times", []int{0, 30, 60}, bongsu.TrackConfirmed},
		{"twice, 300 ms apart", []int{0, 300}, bongsu.TrackConfirmed},
	} {
		tr := New(Options{})
		var tracks []bongsu.Track
		for _, ms := range c.times {
			tracks = tr.Update(time.Duration(ms)*time.Millisecond, det)
		}
		if len(tracks) != 1 || tracks[0].State != c.want || tracks[0].Hits != len(c.times) {
			t.Errorf("%s: %+v", c.name, tracks)
		}
	}
}

func TestTentativeIsForgottenSoon(t *testing.T) {
	tr := New(Options{})
	det := []bongsu.Detection{{Box: bongsu.Box{X0: 0.4, Y0: 0.4, X1: 0.5, Y1: 0.7}, Class: bongsu.ClassPerson, Score: 0.9}}
	tr.Update(0, det)
	if n := len(tr.Update(300*time.Millisecond, nil)); n != 1 {
		t.Errorf("after 300 ms: %d tracks", n)
	}
	if n := len(tr.Update(400*time.Millisecond, nil)); n != 0 {
		t.Errorf("after 400 ms: %d tracks", n)
	}
}

func TestIDsAreNeverReused(t *testing.T) {
	tr := New(Options{})
	det := []bongsu.Detection{{Box: bongsu.Box{X0: 0.4, Y0: 0.4, X1: 0.5, Y1: 0.7}, Class: bongsu.ClassPerson, Score: 0.9}}
	var last bongsu.TrackID
	for i := range 50 {
		if i%10 == 9 {
			tr.Reset()
		}
		k := tr.Update(time.Duration(i)*10*time.Second, det)
		if len(k) != 1 || k[0].ID <= last {
			t.Fatalf("round %d: %+v after ID %d", i, k, last)
		}
		last = k[0].ID
	}
}

func TestFewPicturesASecond(t *testing.T) {
	for _, rate := range []float64{0.5, 1, 2, 3} {
		slow := person(0.3, 0.5, 0.01, 0)
		one(t, play(t, New(Options{}), evenly(0, 20, rate), seeded(t), slow, person(0.7, 0.5, 0, 0)))
	}
	tr := New(Options{})
	det := []bongsu.Detection{{Box: bongsu.Box{X0: 0.4, Y0: 0.4, X1: 0.5, Y1: 0.7}, Class: bongsu.ClassPerson, Score: 0.9}}
	tr.Update(0, det)
	if k := tr.Update(6*time.Second, det); len(k) != 1 || k[0].ID != 2 {
		t.Errorf("after 6 s without a picture: %+v", k)
	}
}

func TestLostBoxIsPredicted(t *testing.T) {
	tr := New(Options{})
	k := person(0.2, 0.5, 0.2, 0)
	for _, s := range evenly(0, 2, 10) {
		d, _ := k.at(s)
		tr.Update(time.Duration(s*1e9), []bongsu.Detection{d})
	}
	lost := tr.Update(2500*time.Millisecond, nil)
	if len(lost) != 1 || lost[0].State != bongsu.TrackLost || lost[0].Last != 2*time.Second {
		t.Fatalf("%+v", lost)
	}
	if x := lost[0].Box.Centre().X; math.Abs(float64(x-0.7)) > 0.02 {
		t.Errorf("predicted at %.3f, walked to 0.7", x)
	}
	if v := lost[0].VX; math.Abs(float64(v-0.2)) > 0.03 || math.Abs(float64(lost[0].VY)) > 0.03 {
		t.Errorf("velocity %.3f, %.3f, walked at 0.2, 0", v, lost[0].VY)
	}
}

func TestDoubleDetectionBeginsNoSecondTrack(t *testing.T) {
	tr := New(Options{})
	car := walker{x: 0.2, y: 0.5, vx: 0.1, w: 0.2, h: 0.15, class: bongsu.ClassCar}
	for _, s := range evenly(0, 3, 10) {
		d, _ := car.at(s)
		again := d
		again.Class, again.Score = bongsu.ClassTruck, 0.6
		again.Box.X1 += 0.01
		dets := []bongsu.Detection{d}
		if s > 0.5 {
			dets = append(dets, again)
		}
		if n := len(tr.Update(time.Duration(s*1e9), dets)); n != 1 {
			t.Fatalf("at %.1f s: %d tracks", s, n)
		}
	}
}

func TestOddInput(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	tr := New(Options{MaxTracks: 3})
	boxes := []bongsu.Box{
		{X0: nan, Y0: 0, X1: 1, Y1: 1}, {X0: 0, Y0: 0, X1: inf, Y1: 1}, {X0: -inf, Y0: 0, X1: inf, Y1: 1},
		{X0: 0.5, Y0: 0.5, X1: 0.5, Y1: 0.9}, {X0: 0.9, Y0: 0, X1: 0.1, Y1: 1},
		{X0: 0.1, Y0: 0.1, X1: 0.2, Y1: 0.3},
	}
	var dets []bongsu.Detection
	for _, b := range boxes {
		dets = append(dets, bongsu.Detection{Box: b, Class: bongsu.ClassPerson, Score: 0.9})
	}
	dets = append(dets, bongsu.Detection{Box: boxes[5], Class: bongsu.ClassCar, Score: nan})
	for _, at := range []time.Duration{0, -time.Hour, time.Second, time.Second, math.MaxInt64 / 2, 5} {
		if tracks := tr.Update(at, dets); len(tracks) != 1 || tracks[0].Box.Area() <= 0 {
			t.Errorf("at %s: %+v", at, tracks)
		}
	}
	for i := range 10 {
		x := float32(i) / 10
		dets = append(dets, bongsu.Detection{Box: bongsu.Box{X0: x, Y0: 0.8, X1: x + 0.05, Y1: 0.9}, Class: bongsu.ClassBag, Score: 0.9})
	}
	if n := len(tr.Update(time.Hour, dets)); n != 3 {
		t.Errorf("%d tracks with MaxTracks 3", n)
	}
}

func TestNoAllocations(t *testing.T) {
	tr := New(Options{})
	walkers := []walker{person(0.1, 0.5, 0.01, 0), person(0.4, 0.5, -0.01, 0), person(0.6, 0.5, 0, 0.005), person(0.9, 0.3, 0, 0)}
	walkers[1].score = func(s float64) float32 { return 0.3 + 0.4*float32(math.Sin(s*3)) }
	walkers[2].hidden = func(s float64) bool { return int(s)%3 == 0 }
	dets := make([]bongsu.Detection, 0, 8)
	i := 0
	step := func() {
		s := float64(i) / 10
		dets = dets[:0]
		for _, k := range walkers {
			if d, seen := k.at(math.Mod(s, 10)); seen {
				dets = append(dets, d)
			}
		}
		tr.Update(time.Duration(s*1e9), dets)
		i++
	}
	for range 200 {
		step()
	}
	if n := testing.AllocsPerRun(500, step); n != 0 {
		t.Errorf("%.2f allocations an update", n)
	}
}

func BenchmarkUpdate(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	tr := New(Options{})
	dets := make([]bongsu.Detection, 50)
	for i := range dets {
		x, y := rng.Float32()*0.9, rng.Float32()*0.7
		dets[i] = bongsu.Detection{Box: bongsu.Box{X0: x, Y0: y, X1: x + 0.05, Y1: y + 0.2}, Class: bongsu.ClassPerson, Score: 0.3 + 0.6*rng.Float32()}
	}
	b.ReportAllocs()
	at := time.Duration(0)
	for b.Loop() {
		at += 100 * time.Millisecond
		tr.Update(at, dets)
	}
}
