package events

import (
	"math/rand/v2"
	"testing"
	"time"

	"bongsu"
)

func foldingBox(t *testing.T) *box { return newBox(t, func(o *Options) { o.Fold = 0 }) }

// TestFold plays what chatters, and what only looks like it.
func TestFold(t *testing.T) {
	elsewhere := bongsu.Box{X0: 0.7, Y0: 0.4, X1: 0.8, Y1: 0.7}
	for _, c := range []struct {
		name   string
		again  float64 // when the rule finds something again, 8 s after its begin at 2 s having ended
		change func(*bongsu.Firing)
		same   bool
	}{
		{"at once", 8.2, nil, true},
		{"within the window", 12.9, nil, true},
		{"a little beside", 10, func(f *bongsu.Firing) { f.Track.Box.X0 += 0.02; f.Track.Box.X1 += 0.02 }, true},
		{"after the window", 13, nil, false},
		{"elsewhere", 10, func(f *bongsu.Firing) { f.Track.Box = elsewhere }, false},
		{"another rule", 10, func(f *bongsu.Firing) { f.Rule = "bench" }, false},
		{"another kind", 10, func(f *bongsu.Firing) { f.Kind = bongsu.KindLoitering }, false},
		{"another zone", 10, func(f *bongsu.Firing) { f.Zone = zone[:2] }, false},
		{"a pulse", 10, func(f *bongsu.Firing) { f.Phase = bongsu.FiringPulse }, false},
	} {
		b := foldingBox(t)
		first := b.one(b.apply(2, b.firing(bongsu.FiringBegin, 1, 2)))
		if evs := b.apply(8.1, b.firing(bongsu.FiringEnd, 1, 8)); len(evs) != 0 {
			t.Fatalf("%s: closed at once: %+v", c.name, evs)
		}
		if open := b.m.Open(); len(open) != 1 || open[0].State != bongsu.EventOpen {
			t.Fatalf("%s: %+v", c.name, open)
		}
		f := b.firing(bongsu.FiringBegin, 2, c.again)
		if c.change != nil {
			c.change(&f)
		}
		opened := 0
		for _, ev := range b.apply(c.again, f) {
			if ev.ID != first.ID {
				opened++
			}
		}
		if (opened == 0) != c.same || (b.m.Folded() == 1) != c.same {
			t.Errorf("%s: %d more events, %d folded", c.name, opened, b.m.Folded())
		}
		if !c.same {
			continue
		}
		b.apply(20, b.firing(bongsu.FiringEnd, 2, 19))
		ev := b.one(b.apply(24))
		if ev.ID != first.ID || ev.State != bongsu.EventClosed || ev.CloseReason != bongsu.CloseEnded || ev.End != b.at(19).UTC() || ev.Fired != first.Fired {
			t.Errorf("%s: %+v", c.name, ev)
		}
	}
}

func TestFoldClosesWithoutPictures(t *testing.T) {
	b := foldingBox(t)
	b.apply(2, b.firing(bongsu.FiringBegin, 1, 2))
	b.apply(8, b.firing(bongsu.FiringEnd, 1, 7))
	b.now = b.at(12.9)
	if evs := b.m.Tick(b.now); len(evs) != 0 {
		t.Fatalf("%+v", evs)
	}
	b.now = b.at(13.1)
	ev := b.one(b.m.Tick(b.now))
	if ev.State != bongsu.EventClosed || ev.End != b.at(7).UTC() || ev.Revision != 2 {
		t.Errorf("%+v", ev)
	}
	if len(b.m.Open()) != 0 {
		t.Error("still open")
	}
}

// TestFoldAtTheEnd: who closes everything gets the end that is known, and nothing is left open.
func TestFoldAtTheEnd(t *testing.T) {
	b := foldingBox(t)
	b.apply(2, b.firing(bongsu.FiringBegin, 1, 2), b.firing(bongsu.FiringBegin, 2, 2))
	b.apply(8, b.firing(bongsu.FiringEnd, 1, 7))
	evs := b.m.CloseAll(b.at(9), bongsu.CloseInterrupted)
	if len(evs) != 2 || evs[0].CloseReason != bongsu.CloseEnded || evs[0].End != b.at(7).UTC() || evs[1].CloseReason != bongsu.CloseInterrupted || len(b.m.Open()) != 0 {
		t.Errorf("%+v", evs)
	}
}

// TestLostIsNotHeldBack: nobody can find again what nobody can see.
func TestLostIsNotHeldBack(t *testing.T) {
	b := foldingBox(t)
	b.apply(2, b.firing(bongsu.FiringBegin, 1, 2))
	if ev := b.one(b.apply(40, b.firing(bongsu.FiringLost, 1, 9))); ev.CloseReason != bongsu.CloseInterrupted {
		t.Errorf("%+v", ev)
	}
}

// TestFoldSurvivesAClockThatIsSet: the window is as long as it was.
func TestFoldSurvivesAClockThatIsSet(t *testing.T) {
	for _, d := range []time.Duration{time.Hour, -time.Hour} {
		b := foldingBox(t)
		first := b.one(b.apply(2, b.firing(bongsu.FiringBegin, 1, 2)))
		b.apply(8, b.firing(bongsu.FiringEnd, 1, 8))
		b.m.Shift(d)
		b.start, b.now = b.start.Add(d), b.now.Add(d)
		b.apply(10, b.firing(bongsu.FiringBegin, 2, 10))
		if open := b.m.Open(); len(open) != 1 || open[0].ID != first.ID {
			t.Errorf("%s: %+v", d, open)
		}
	}
}

// TestChatterIsOneEvent: a rule that fires and ends every few seconds for an hour is one event.
func TestChatterIsOneEvent(t *testing.T) {
	b := foldingBox(t)
	ids := map[bongsu.EventID]bool{}
	revisions := 0
	take := func(evs []bongsu.Event) {
		for _, ev := range evs {
			ids[ev.ID] = true
			revisions++
		}
	}
	stay := uint64(0)
	for s := 2.0; s < 3600; s += 4 {
		stay++
		take(b.apply(s, b.firing(bongsu.FiringBegin, stay, s)))
		take(b.apply(s+1, b.firing(bongsu.FiringEnd, stay, s+1)))
		take(b.m.Tick(b.now))
	}
	b.now = b.now.Add(time.Minute)
	take(b.m.Tick(b.now))
	if len(ids) != 1 || len(b.m.Open()) != 0 || revisions > 60 {
		t.Errorf("%d events in %d revisions", len(ids), revisions)
	}
	t.Logf("%d findings of a rule that chatters are 1 event in %d revisions", stay, revisions)
}

// TestFoldInvariants plays random firings: revisions have no gap, nothing follows a close, and every
// event closes at last.
func TestFoldInvariants(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 7))
	for range 50 {
		b := foldingBox(t)
		latest := map[bongsu.EventID]bongsu.Event{}
		take := func(evs []bongsu.Event) {
			for _, ev := range evs {
				before := latest[ev.ID]
				if ev.Revision != before.Revision+1 || before.State == bongsu.EventClosed {
					t.Fatalf("%s: revision %d after %d (%s)", ev.ID, ev.Revision, before.Revision, before.State)
				}
				if ev.State == bongsu.EventClosed && ev.End.Before(ev.Fired) {
					t.Fatalf("%+v", ev)
				}
				latest[ev.ID] = ev
			}
		}
		going := map[uint64]bool{}
		stay, now := uint64(0), 2.0
		for range 300 {
			now += rng.Float64() * 3
			switch n := rng.IntN(4); {
			case n < 2:
				stay++
				f := b.firing(bongsu.FiringBegin, stay, now)
				f.Track.Box.X1 = 0.45 + 0.5*rng.Float32()
				going[stay] = true
				take(b.apply(now, f))
			case n == 2:
				for k := range going {
					take(b.apply(now, b.firing([]bongsu.FiringPhase{bongsu.FiringEnd, bongsu.FiringLost, bongsu.FiringHold}[rng.IntN(3)], k, now)))
					delete(going, k)
					break
				}
			default:
				take(b.m.Tick(b.at(now)))
			}
		}
		take(b.m.CloseAll(b.at(now), bongsu.CloseRuleRemoved))
		for id, ev := range latest {
			if ev.State != bongsu.EventClosed {
				t.Errorf("%s is open for ever", id)
			}
		}
	}
}
