package events

import (
	"math/rand/v2"
	"testing"
	"time"

	"bongsu"
)

// TestRuleStorm has one rule fire 1,000 times a second for ten seconds beside one that fires now
// and then: the first is gathered into one event with its first and last instant and its count,
// the other is not touched, and all counts together are what was fired.
func TestRuleStorm(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 4))
	b := newBox(t, nil)
	last := map[bongsu.EventID]bongsu.Event{}
	revisions := 0
	take := func(evs []bongsu.Event) {
		for _, ev := range evs {
			if was, known := last[ev.ID]; known && (ev.Revision != was.Revision+1 || was.State == bongsu.EventClosed) {
				t.Fatalf("revision %d after %d (%s)", ev.Revision, was.Revision, was.State)
			}
			last[ev.ID] = ev
			revisions++
		}
	}
	const seconds, perPicture = 10, 100 // at 10 pictures a second
	fired, severe, stay := 0, 0, uint64(0)
	var going []uint64
	for p := range seconds * 10 {
		at := 1 + float64(p)/10
		var fs []bongsu.Firing
		for range perPicture {
			stay++
			f := b.firing(bongsu.FiringBegin, stay, at)
			if f.Priority = bongsu.PriorityLow; rng.IntN(2) == 0 {
				f.Phase = bongsu.FiringPulse
			} else {
				going = append(going, stay)
			}
			fs = append(fs, f)
			fired++
		}
		for len(going) > 50 { // those who came first leave
			fs = append(fs, b.firing(bongsu.FiringEnd, going[0], at))
			going = going[1:]
		}
		if p%10 == 3 {
			severe++
			f := b.firing(bongsu.FiringPulse, uint64(severe), at)
			f.Rule, f.Priority = "vault", bongsu.PriorityCritical
			fs = append(fs, f)
		}
		take(b.apply(at, fs...))
	}
	b.now = b.at(60)
	take(b.m.Tick(b.now))
	for _, id := range going {
		take(b.apply(61, b.firing(bongsu.FiringEnd, id, 61)))
	}
	b.now = b.at(90)
	take(b.m.Tick(b.now))

	counted, critical, gathered := 0, 0, bongsu.Event{}
	for _, ev := range last {
		switch {
		case ev.State != bongsu.EventClosed:
			t.Errorf("%s is still open", ev.ID)
		case ev.Rule == "vault":
			critical++
			if ev.Count != 0 || ev.Priority != bongsu.PriorityCritical {
				t.Errorf("what is critical was gathered: %+v", ev)
			}
			continue
		case ev.Count > 0:
			gathered = ev
		}
		counted += max(1, ev.Count)
	}
	if counted != fired || critical != severe {
		t.Errorf("%d of %d and %d of %d critical ones are accounted for", counted, fired, critical, severe)
	}
	if gathered.Count != fired-50 || gathered.Priority != bongsu.PriorityLow || !gathered.Fired.Equal(b.at(1)) || !gathered.End.Equal(b.at(61)) || len(gathered.Reasons) != 1 {
		t.Errorf("gathered: %+v", gathered)
	}
	if b.m.Gathered() != uint64(gathered.Count) {
		t.Errorf("counted %d", b.m.Gathered())
	}
	if len(last) > 51+severe || revisions > 200 {
		t.Errorf("%d events in %d revisions", len(last), revisions)
	}
	if len(b.m.Open())+len(b.m.storms["yard"].stays) != 0 {
		t.Error("something is remembered of what is over")
	}
	t.Logf("figure R43: %d findings in %d s became %d events and %d revisions, one of them with count %d, first and last; the sum is %d; %d of %d critical ones stand alone",
		fired, seconds, len(last)-critical, revisions-critical, gathered.Count, counted, critical, severe)
}

// TestStormOfAClosedRule: what belonged to a storm whose event was closed says nothing any more.
func TestStormOfAClosedRule(t *testing.T) {
	b := newBox(t, func(o *Options) { o.StormLimit = 2 })
	for i := range 4 {
		b.apply(2, b.firing(bongsu.FiringBegin, uint64(i+1), 2))
	}
	evs := b.m.CloseAll(b.at(3), bongsu.CloseRuleRemoved)
	if len(evs) != 3 || evs[2].Count != 2 || evs[2].CloseReason != bongsu.CloseRuleRemoved {
		t.Fatalf("%+v", evs)
	}
	if evs := b.apply(4, b.firing(bongsu.FiringHold, 4, 4), b.firing(bongsu.FiringEnd, 4, 4)); len(evs) != 0 {
		t.Errorf("%+v", evs)
	}
	b.now = b.at(60)
	if evs := b.m.Tick(b.now); len(evs) != 0 {
		t.Errorf("%+v", evs)
	}
	if ev := b.one(b.apply(61, b.firing(bongsu.FiringBegin, 9, 61))); ev.Count != 0 {
		t.Errorf("calm again, but %+v", ev)
	}
}

// TestSteppedClock sets the box's clock while events are open: none is lost or put out of order,
// their times are those of the clock as it is now, and each says that they are in doubt.
func TestSteppedClock(t *testing.T) {
	steps := map[string]time.Duration{"one hour ahead": time.Hour, "one hour back": -time.Hour,
		"from 1970 to now": 56 * 365 * 24 * time.Hour, "a leap second": time.Second}
	doubtful, marked, disordered := 0, 0, 0
	for name, d := range steps {
		quality := "synchronised"
		var set time.Duration // what the wall clock was set by so far
		var b *box
		b = newBox(t, func(o *Options) {
			o.WallQuality = func() string { return quality }
			o.Monotonic = func() time.Duration { return 1000*time.Second + b.now.Sub(b.start) - set }
		})
		before := b.one(b.apply(2, b.firing(bongsu.FiringBegin, 1, 2)))
		whole := b.one(b.apply(3, b.firing(bongsu.FiringPulse, 2, 3)))
		set = d
		b.start, b.m.o.Monotonic = b.start.Add(d), func() time.Duration { return 1000*time.Second + b.now.Sub(b.start) }
		if d.Abs() > 5*time.Second { // what the pipeline tells; smaller steps move nothing
			b.m.Shift(d)
		}
		end := b.one(b.apply(6, b.firing(bongsu.FiringEnd, 1, 6)))
		after := b.one(b.apply(8, b.firing(bongsu.FiringPulse, 3, 8)))
		doubtful++
		if end.Clock.WallQuality == "unsynchronised" {
			marked++
		}
		if after.Clock.WallQuality != "synchronised" || whole.Clock.WallQuality != "synchronised" {
			t.Errorf("%s: events that the step did not cut are marked", name)
		}
		if before.Clock.MonotonicUS >= whole.Clock.MonotonicUS || whole.Clock.MonotonicUS >= after.Clock.MonotonicUS || end.Revision != before.Revision+1 || end.ID != before.ID {
			disordered++
		}
		if took := end.End.Sub(end.Start); took < 4*time.Second || took > 7*time.Second || end.Fired.Before(end.Start) || end.End.After(b.now) {
			t.Errorf("%s: from %s to %s, fired %s", name, end.Start, end.End, end.Fired)
		}
	}
	if marked != doubtful || disordered != 0 {
		t.Errorf("%d of %d doubtful intervals are marked, %d events are out of order", marked, doubtful, disordered)
	}
	t.Logf("figure R37: %d steps of the clock (1 h, -1 h, 1970 to now, a leap second): %d of %d doubtful intervals marked, %d events out of order by revision and monotonic time",
		len(steps), marked, doubtful, disordered)
}

// TestLost closes an event as interrupted where the camera cannot be trusted any more.
func TestLost(t *testing.T) {
	b := newBox(t, nil)
	b.apply(2, b.firing(bongsu.FiringBegin, 1, 2))
	b.now = b.at(40)
	f := b.firing(bongsu.FiringLost, 1, 5)
	ev := b.one(b.m.Apply(b.at(40), nil, time.Time{}, []bongsu.Firing{f}))
	if ev.State != bongsu.EventClosed || ev.CloseReason != bongsu.CloseInterrupted || !ev.End.Equal(b.at(5)) {
		t.Errorf("%+v", ev)
	}
}
