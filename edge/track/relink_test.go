package track

import (
	"testing"
	"time"

	"bongsu"
)

// behind hides a walker while its centre is between from and to, and cuts its box on the way in and
// out as a car of that width does.
func behind(k walker, from, to float32, rate, until float64) (frames [][]bongsu.Detection) {
	for _, s := range evenly(0, until, rate) {
		d, _ := k.at(s)
		d.Box.X0, d.Box.X1 = max(d.Box.X0, 0), min(d.Box.X1, 1)
		switch c := d.Box.Centre().X; {
		case c > from && c < to:
			frames = append(frames, nil)
			continue
		case c <= from:
			d.Box.X1 = min(d.Box.X1, from+k.w*0.1)
		case c >= to:
			d.Box.X0 = max(d.Box.X0, to-k.w*0.1)
		}
		if d.Box.Width() < 0.2*k.w {
			frames = append(frames, nil)
			continue
		}
		d.Score = min(0.85, 0.85*d.Box.Width()/k.w+0.1)
		frames = append(frames, []bongsu.Detection{d})
	}
	return frames
}

// TestWalksBehindACar hides one person for two to five seconds: the ID, the first sighting and the
// count of pictures go on.
func TestWalksBehindACar(t *testing.T) {
	for _, rate := range []float64{5, 10, 25} {
		for _, hidden := range []float64{2, 3, 5} {
			k := person(0.05, 0.5, 0.08, 0)
			tr := New(Options{})
			var last bongsu.Track
			var unseen time.Duration
			for i, dets := range behind(k, 0.35, 0.35+float32(hidden)*k.vx-k.w, rate, 11) {
				at := time.Duration(float64(i) / rate * float64(time.Second))
				for _, track := range tr.Update(at, dets) {
					if track.State == bongsu.TrackConfirmed {
						unseen = max(unseen, at-last.Last)
						last = track
					}
				}
			}
			if last.ID != 1 || last.First != 0 || last.Last < 10*time.Second {
				t.Errorf("%g a second, hidden for about %g s (%s unseen): %+v", rate, hidden, unseen, last)
			}
			if unseen < time.Duration((hidden-1)*float64(time.Second)) {
				t.Errorf("it was hidden for %s only", unseen)
			}
		}
	}
}

// gone is somebody who was seen for two seconds and is out of sight since.
func gone(t *testing.T, k walker) *Tracker {
	t.Helper()
	tr := New(Options{})
	for _, s := range evenly(0, 2, 10) {
		d, _ := k.at(s)
		tr.Update(time.Duration(s*1e9), []bongsu.Detection{d})
	}
	return tr
}

// comes shows k for half a second from the time from on, and returns the confirmed ID.
func comes(t *testing.T, tr *Tracker, from float64, k walker) bongsu.TrackID {
	t.Helper()
	var id bongsu.TrackID
	for _, s := range evenly(from, from+0.5, 10) {
		d, _ := k.at(s)
		for _, track := range tr.Update(time.Duration(s*1e9), []bongsu.Detection{d}) {
			if track.State == bongsu.TrackConfirmed {
				id = track.ID
			}
		}
	}
	return id
}

func TestRelinkByPlaceAndTime(t *testing.T) {
	walks, stands := person(0.2, 0.5, 0.08, 0), person(0.5, 0.5, 0, 0)
	child := stands
	child.h, child.y = 0.15, 0.575 // feet where the other's are
	car := walker{x: 0.5, y: 0.5, w: 0.2, h: 0.2, class: bongsu.ClassCar}
	at := func(k walker, x, y float32) walker { k.x, k.y, k.vx = x, y, 0; return k }
	for _, c := range []struct {
		name string
		was  walker
		from float64
		is   walker
		same bool
	}{
		{"where it stood", stands, 5, stands, true},
		{"a little beside", stands, 5, at(stands, 0.54, 0.5), true},
		{"where it would be", walks, 5, walks, true},
		{"where it vanished", walks, 5, at(walks, 0.36, 0.5), true},
		{"half way", walks, 5, at(walks, 0.48, 0.5), true},
		{"too late", stands, 9, stands, false},
		{"elsewhere", stands, 5, at(stands, 0.75, 0.5), false},
		{"behind where it came from", walks, 5, at(walks, 0.15, 0.5), false},
		{"much farther away", stands, 5, at(stands, 0.5, 0.2), false},
		{"somebody smaller", stands, 5, child, false},
		{"something else", stands, 5, car, false},
	} {
		tr := gone(t, c.was)
		for _, s := range evenly(2.1, c.from-0.1, 10) {
			tr.Update(time.Duration(s*1e9), nil)
		}
		if id := comes(t, tr, c.from, c.is); (id == 1) != c.same {
			t.Errorf("%s: ID %d", c.name, id)
		}
	}
}

// One who is in sight when another begins beside him is not continued by the other, though he goes
// out of sight a moment later.
func TestRelinkNeedsAnAbsence(t *testing.T) {
	tr := gone(t, person(0.5, 0.5, 0, 0))
	a, b := person(0.5, 0.5, 0, 0), person(0.55, 0.5, 0, 0)
	da, _ := a.at(0)
	db, _ := b.at(0)
	db.Score = 0.55
	tr.Update(2100*time.Millisecond, []bongsu.Detection{da, db})
	for i := range 4 {
		tracks := tr.Update(time.Duration(2200+100*i)*time.Millisecond, []bongsu.Detection{db})
		for _, k := range tracks {
			if k.State == bongsu.TrackConfirmed && k.ID == 1 && k.Box.IoU(db.Box) > 0.9 {
				t.Errorf("the other has the ID: %+v", tracks)
			}
		}
	}
}

func TestGoneTracksAreNotReported(t *testing.T) {
	tr := gone(t, person(0.5, 0.5, 0, 0))
	if k := tr.Update(3900*time.Millisecond, nil); len(k) != 1 || k[0].State != bongsu.TrackLost {
		t.Errorf("after 1.9 s: %+v", k)
	}
	if k := tr.Update(4100*time.Millisecond, nil); len(k) != 0 {
		t.Errorf("after 2.1 s: %+v", k)
	}
	if len(tr.targets) != 1 {
		t.Errorf("%d remembered", len(tr.targets))
	}
	if tr.Update(8100*time.Millisecond, nil); len(tr.targets) != 0 {
		t.Errorf("after 6.1 s %d remembered", len(tr.targets))
	}
}

// What is only remembered takes nobody's place.
func TestGoneTracksGiveWay(t *testing.T) {
	tr := New(Options{MaxTracks: 2})
	box := func(x float32) bongsu.Detection {
		return bongsu.Detection{Class: bongsu.ClassPerson, Score: 0.9, Box: bongsu.Box{X0: x, Y0: 0.4, X1: x + 0.05, Y1: 0.6}}
	}
	for i := range 4 {
		tr.Update(time.Duration(i)*100*time.Millisecond, []bongsu.Detection{box(0.1), box(0.3)})
	}
	tr.Update(4*time.Second, nil)
	if k := tr.Update(4100*time.Millisecond, []bongsu.Detection{box(0.6), box(0.8)}); len(k) != 2 || len(tr.targets) != 2 {
		t.Errorf("%+v, %d remembered", k, len(tr.targets))
	}
}

// Two people in the same place for a moment have their own IDs when they have parted, but for one time
// in a hundred or so. Whose box the one is that is seen meanwhile nobody can tell.
func TestOneWalksBehindAnother(t *testing.T) {
	rng := seeded(t)
	for _, rate := range []float64{5, 10, 25} {
		a, b := person(0.2, 0.5, 0.1, 0), person(0.7, 0.505, -0.06, 0)
		b.hidden = func(s float64) bool { // while it lies under the other
			x, y := a.x+a.vx*float32(s), b.x+b.vx*float32(s)
			return x-y > -0.045 && x-y < 0.045
		}
		swapped := 0
		for range 20 {
			ids := play(t, New(Options{}), evenly(0, 5.5, rate), rng, a, b)
			for i, list := range ids {
				if len(list) == 0 || list[0] != list[len(list)-1] || list[0] == ids[1-i][0] {
					swapped++
					break
				}
			}
		}
		if swapped > 2 {
			t.Errorf("%g a second: swapped %d times of 20", rate, swapped)
		}
	}
}

// A bench before a person's legs does not move the person's feet while it is passed.
func TestLegsBehindABench(t *testing.T) {
	tr := New(Options{})
	k := person(0.2, 0.5, 0.05, 0)
	for _, s := range evenly(0, 4, 10) {
		d, _ := k.at(s)
		if s > 2 {
			d.Box.Y1 -= 0.3 * 0.4
		}
		tracks := tr.Update(time.Duration(s*1e9), []bongsu.Detection{d})
		if want := float32(0.65); s > 1 && s < 3.5 && (len(tracks) != 1 || tracks[0].Box.Y1 < want-0.09 || tracks[0].Box.Y1 > want+0.02) {
			t.Fatalf("at %.1f s: %+v, feet at %.2f", s, tracks, want)
		}
	}
	for _, s := range evenly(4.1, 14, 10) { // it has grown small for good
		d, _ := k.at(4)
		d.Box.Y1 -= 0.3 * 0.4
		tr.Update(time.Duration(s*1e9), []bongsu.Detection{d})
	}
	if b := tr.targets[0].box(); b.Height() > 0.22 {
		t.Errorf("after ten seconds it is still %.2f high", b.Height())
	}
}

func TestPanMovesEverythingRemembered(t *testing.T) {
	// The camera swings by a body's width between two pictures: without the shift it is lost.
	for _, told := range []bool{true, false} {
		tr := New(Options{})
		k := person(0.5, 0.5, 0, 0)
		k.w = 0.03
		var before float32
		var last bongsu.Track
		for i := range 30 {
			swing := []float32{0, 0.07, 0, -0.07}[i%4]
			if told {
				tr.Pan(swing-before, 0)
			}
			before = swing
			d, _ := k.at(0)
			d.Box.X0 += swing
			d.Box.X1 += swing
			for _, track := range tr.Update(time.Duration(i)*200*time.Millisecond, []bongsu.Detection{d}) {
				if track.State == bongsu.TrackConfirmed {
					last = track
				}
			}
		}
		if held := last.ID == 1 && last.Hits == 30; held != told {
			t.Errorf("told %v: %+v", told, last)
		}
		if told && (last.VX > 0.02 || last.VX < -0.02) {
			t.Errorf("who stands has the velocity %.3f", last.VX)
		}
	}
}

func TestPanIgnoresNonsense(t *testing.T) {
	tr := gone(t, person(0.5, 0.5, 0, 0))
	nan := float32(0)
	nan /= nan
	for _, v := range []float32{nan, 1, -1, 1e30} {
		tr.Pan(v, 0)
		tr.Pan(0, v)
	}
	if k := tr.Update(2100*time.Millisecond, nil); len(k) != 1 || k[0].Box.X0 < 0.4 || k[0].Box.X1 > 0.6 {
		t.Errorf("%+v", k)
	}
}

// Two people meet behind a car, out of sight, and come out on the other's side each: the way that
// they went tells which is which.
func TestTwoPassBehindACar(t *testing.T) {
	for _, rate := range []float64{5, 10, 25} {
		for _, seconds := range []float32{2, 3, 4.5} {
			a, b := person(0.05, 0.5, 0.08, 0), person(0.95, 0.51, -0.08, 0)
			half := seconds * 0.08 / 2
			one := behind(a, 0.5-half, 0.5+half, rate, 11)
			other := behind(b, 0.5-half, 0.5+half, rate, 11)
			tr := New(Options{})
			var at [2][2]bongsu.TrackID // first and last ID of each
			for i := range one {
				s := float64(i) / rate
				for _, k := range tr.Update(time.Duration(s*1e9), append(one[i], other[i]...)) {
					if k.State != bongsu.TrackConfirmed {
						continue
					}
					for who, w := range []walker{a, b} {
						if x := k.Box.Centre().X - (w.x + w.vx*float32(s)); x < 0.03 && x > -0.03 {
							if at[who][0] == 0 {
								at[who][0] = k.ID
							}
							at[who][1] = k.ID
						}
					}
				}
			}
			if at[0][0] == 0 || at[1][0] == 0 || at[0][0] != at[0][1] || at[1][0] != at[1][1] || at[0][0] == at[1][0] {
				t.Errorf("%g a second, %g s behind it: IDs %v", rate, seconds, at)
			}
		}
	}
}

// A fall of half a second, at few pictures a second and at many, to the side and away from the camera,
// stays one track, and its box is the one that was seen: nothing is held up that has gone down.
func TestFallsAreFollowedDown(t *testing.T) {
	for _, rate := range []float64{5, 10, 25} {
		for _, lie := range []bongsu.Box{
			{X0: 0.33, Y0: 0.56, X1: 0.55, Y1: 0.67}, // to the side
			{X0: 0.36, Y0: 0.5, X1: 0.46, Y1: 0.64},  // away
		} {
			tr := New(Options{})
			stand := bongsu.Box{X0: 0.35, Y0: 0.35, X1: 0.42, Y1: 0.65}
			for _, s := range evenly(0, 4, rate) {
				k := float32(min(1, max(0, (s-2)/0.5)))
				mix := func(a, b float32) float32 { return a + k*(b-a) }
				d := bongsu.Detection{Class: bongsu.ClassPerson, Score: 0.8, Box: bongsu.Box{X0: mix(stand.X0, lie.X0), Y0: mix(stand.Y0, lie.Y0),
					X1: mix(stand.X1, lie.X1), Y1: mix(stand.Y1, lie.Y1)}}
				tracks := tr.Update(time.Duration(s*1e9), []bongsu.Detection{d})
				if len(tracks) != 1 || tracks[0].ID != 1 {
					t.Fatalf("%g a second, at %.2f s: %+v", rate, s, tracks)
				}
				if s > 3 && tracks[0].Box.IoU(lie) < 0.8 {
					t.Fatalf("%g a second, at %.2f s it lies at %v, the track at %v", rate, s, lie, tracks[0].Box)
				}
			}
		}
	}
}
