package worker

import (
	"slices"
	"testing"
	"time"

	"bongsu"
	"bongsu/edge/link"
	"bongsu/streams/ring"
	"bongsu/streams/streamstest"
)

var boxRules = []link.Rule{
	{ID: "yard", Zone: []bongsu.Point{{X: 0, Y: 0.5}, {X: 1, Y: 0.5}, {X: 1, Y: 1}, {X: 0, Y: 1}}, Classes: []bongsu.Class{"person"}},
	{ID: "cars", Zone: []bongsu.Point{{X: 0, Y: 0.5}, {X: 1, Y: 0.5}, {X: 1, Y: 1}, {X: 0, Y: 1}}, Classes: []bongsu.Class{"car"}},
	{ID: "fence", Line: []bongsu.Point{{}, {X: 1, Y: 1}}, Classes: []bongsu.Class{"person"}},
}

var boxTracks = []bongsu.Track{
	{ID: 7, State: bongsu.TrackConfirmed, Class: bongsu.ClassFallenPerson, Score: 0.75, Box: bongsu.Box{X0: 0.4, Y0: 0.6, X1: 0.6, Y1: 0.9}},
	{ID: 8, State: bongsu.TrackConfirmed, Class: bongsu.ClassCar, Score: 0.5, Box: bongsu.Box{X0: 0.1, Y0: 0.1, X1: 0.2, Y1: 0.3}},
	{ID: 9, State: bongsu.TrackTentative, Class: bongsu.ClassPerson},
	{ID: 10, State: bongsu.TrackLost, Class: bongsu.ClassPerson},
	{ID: 11, State: bongsu.TrackConfirmed, Class: "not a word"},
}

// TestBoxesComeBesideThePictures for the sessions that want them, at the pictures' place on the time
// line, and end when they are wanted no more.
func TestBoxesComeBesideThePictures(t *testing.T) {
	l, node := startLive(t)
	w := watch(t, node)
	tap, r := l.tapOf("gate"), ring.New(ring.Options{Keep: 10 * time.Second})
	tap.follow(r)
	units := camUnits(20, streamstest.SyntheticOptions{GOP: 10})
	for _, au := range units {
		r.Add(au)
		tap.Add(au)
	}
	frame := func(i int) *bongsu.Frame {
		au := units[i]
		return &bongsu.Frame{Camera: "gate", Run: au.Run, PTS: au.PTS, Wall: au.Wall, Arrived: au.Arrived, Width: 640, Height: 360}
	}
	l.start("gate", sessionA, bongsu.LiveVideo, true)
	l.start("gate", sessionB, bongsu.LiveVideo, false)
	streamstest.Eventually(t, "pictures", func() bool {
		return len(w.of(sessionA, bongsu.LiveFragment)) == 10 && len(w.of(sessionB, bongsu.LiveFragment)) == 10
	})
	var media []int64
	for i, n := range []int{10, 12} {
		tap.found(frame(n), boxTracks, boxRules)
		streamstest.Eventually(t, "what was found", func() bool { return len(w.of(sessionA, bongsu.LiveNote)) == i+1 })
		note := w.of(sessionA, bongsu.LiveNote)[i]
		b, err := bongsu.ParseLiveBoxes(note.payload)
		if err != nil {
			t.Fatal(err)
		}
		if b.Width != 640 || b.Height != 360 || b.WallUS != units[n].Wall.UnixMicro() || b.PTSUS != units[n].PTS.Microseconds() || len(b.Boxes) != 2 || note.AgeUS < 0 || b.Media == nil {
			t.Fatalf("%s", note.payload)
		}
		if x := b.Boxes[0]; x.ID != "t7" || x.Class != bongsu.ClassFallenPerson || x.Score != 0.75 || x.Box != [4]float64{0.4, 0.6, 0.6, 0.9} || !slices.Equal(x.Rules, []bongsu.RuleID{"yard"}) {
			t.Errorf("%+v", x)
		}
		if x := b.Boxes[1]; x.ID != "t8" || len(x.Rules) != 0 {
			t.Errorf("%+v", x)
		}
		media = append(media, *b.Media)
	}
	if got, want := media[1]-media[0], (units[12].PTS - units[10].PTS).Microseconds(); got < want-20 || got > want+20 {
		t.Errorf("%d µs apart on the time line, %d in the stream", got, want)
	}
	other := frame(13)
	other.Run = "another"
	tap.found(other, nil, boxRules)
	streamstest.Eventually(t, "a picture that is not on the time line", func() bool {
		all := w.of(sessionA, bongsu.LiveNote)
		if len(all) != 3 {
			return false
		}
		b, err := bongsu.ParseLiveBoxes(all[2].payload)
		return err == nil && b.Media == nil && len(b.Boxes) == 0
	})
	if n := len(w.of(sessionB, bongsu.LiveNote)); n != 0 {
		t.Errorf("%d for who asked for none", n)
	}
	l.start("gate", sessionB, bongsu.LiveVideo, true) // said anew
	l.start("gate", sessionA, bongsu.LiveVideo, false)
	tap.found(frame(14), boxTracks, boxRules)
	streamstest.Eventually(t, "the other session's", func() bool { return len(w.of(sessionB, bongsu.LiveNote)) == 1 })
	if n := len(w.of(sessionA, bongsu.LiveNote)); n != 3 || tap.boxed.Load() != 1 {
		t.Errorf("%d after the end, %d want them", n, tap.boxed.Load())
	}
	l.stop(sessionB)
	l.stop(sessionA)
	if n := tap.boxed.Load(); n != 0 {
		t.Errorf("%d want boxes after the end", n)
	}
}

// TestNotesThatWaitGiveWay to newer ones.
func TestNotesThatWaitGiveWay(t *testing.T) {
	tap := &Tap{live: &live{wake: make(chan struct{}, 1)}}
	s := &showing{tap: tap}
	tap.showings = []*showing{s}
	s.want(true)
	s.want(true)
	for i := range 10 {
		tap.found(&bongsu.Frame{PTS: time.Duration(i)}, nil, nil)
	}
	if len(s.notes) != maxNotes || s.notes[0].pts != 6 || tap.boxed.Load() != 1 {
		t.Errorf("%d wait, the oldest is %v", len(s.notes), s.notes[0].pts)
	}
	s.want(false)
	if tap.found(&bongsu.Frame{}, nil, nil); len(s.notes) != 0 {
		t.Error("kept for nobody")
	}
}
