package events

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"bongsu"
)

// box is the machine's surroundings, made up.
type box struct {
	t     *testing.T
	m     *Machine
	start time.Time
	now   time.Time // the box's clock
	ids   int
}

var zone = []bongsu.Point{{X: 0.1, Y: 0.1}, {X: 0.9, Y: 0.1}, {X: 0.9, Y: 0.9}}

func newBox(t *testing.T, change func(*Options)) *box {
	seoul := time.FixedZone("KST", 9*3600)
	b := &box{t: t, start: time.Date(2026, 3, 1, 18, 0, 0, 0, seoul)}
	b.now = b.start
	o := Options{
		Camera: "gate", CameraName: "정문", Model: bongsu.ModelRef{Name: "m", Version: "1"},
		NewID:     func(time.Time) bongsu.EventID { b.ids++; return bongsu.EventID(fmt.Sprintf("id-%d", b.ids)) },
		Now:       func() time.Time { return b.now },
		Monotonic: func() time.Duration { return 1000*time.Second + b.now.Sub(b.start) },
		Fold:      -1, // fold_test.go is about it
	}
	if change != nil {
		change(&o)
	}
	b.m = New(o)
	return b
}

func (b *box) at(s float64) time.Time { return b.start.Add(time.Duration(s * float64(time.Second))) }

// firing is of an intrusion that began at 1 s.
func (b *box) firing(phase bongsu.FiringPhase, stay uint64, at float64) bongsu.Firing {
	return bongsu.Firing{
		Rule: "yard", Kind: bongsu.KindIntrusion, Priority: bongsu.PriorityHigh, Phase: phase, Stay: stay,
		At: b.at(at), Since: b.at(1), Zone: zone,
		Track:   bongsu.Track{ID: 7, Class: bongsu.ClassPerson, Score: 0.7, Box: bongsu.Box{X0: 0.4, Y0: 0.4, X1: 0.5, Y1: 0.7}},
		Trail:   []bongsu.TrailPoint{{At: b.at(1), Box: bongsu.Box{X1: 0.1, Y1: 0.1}}, {At: b.at(at), Box: bongsu.Box{X0: 0.4, Y0: 0.4, X1: 0.5, Y1: 0.7}}},
		Reasons: []bongsu.Reason{{Name: "inside_s", Value: at - 1, Threshold: 0.4}},
	}
}

func (b *box) frame(at float64) *bongsu.Frame {
	return &bongsu.Frame{
		Camera: "gate", Run: "run-1", Seq: 9, PTS: time.Duration(at * float64(time.Second)), Wall: b.at(at),
		Arrived: b.at(at + 0.01), Decoded: b.at(at + 0.02), CameraClock: b.at(at - 3), Tainted: true,
	}
}

// apply runs one picture's firings 50 ms after its frame time.
func (b *box) apply(at float64, firings ...bongsu.Firing) []bongsu.Event {
	b.now = b.at(at + 0.05)
	return b.m.Apply(b.at(at), b.frame(at), b.at(at+0.03), firings)
}

func (b *box) one(evs []bongsu.Event) bongsu.Event {
	b.t.Helper()
	if len(evs) != 1 {
		b.t.Fatalf("%d events, want 1: %+v", len(evs), evs)
	}
	return evs[0]
}

func TestLife(t *testing.T) {
	b := newBox(t, nil)
	ev := b.one(b.apply(2, b.firing(bongsu.FiringBegin, 1, 2)))
	want := bongsu.Event{
		ID: "id-1", Revision: 1, Camera: "gate", CameraName: "정문", Run: "run-1", Rule: "yard",
		Kind: bongsu.KindIntrusion, Priority: bongsu.PriorityHigh, State: bongsu.EventOpen,
		Start: b.at(1).UTC(), Fired: b.at(2).UTC(),
		Clock: bongsu.Clock{CameraClaim: b.at(-1).UTC(), MonotonicUS: 1002_000_000, WallQuality: "unknown", MediaPTSUS: 2_000_000},
		Class: bongsu.ClassPerson, Score: 0.7, Track: 7, Box: bongsu.Box{X0: 0.4, Y0: 0.4, X1: 0.5, Y1: 0.7}, Zone: zone,
		Trail:   []bongsu.TrailPoint{{At: b.at(1).UTC(), Box: bongsu.Box{X1: 0.1, Y1: 0.1}}, {At: b.at(2).UTC(), Box: bongsu.Box{X0: 0.4, Y0: 0.4, X1: 0.5, Y1: 0.7}}},
		Reasons: []bongsu.Reason{{Name: "inside_s", Value: 1, Threshold: 0.4}},
		Model:   bongsu.ModelRef{Name: "m", Version: "1"}, Tainted: true,
		Stamps: bongsu.Stamps{PacketUS: b.at(2.01).UnixMicro(), DecodedUS: b.at(2.02).UnixMicro(), InferredUS: b.at(2.03).UnixMicro(), FiredUS: b.at(2.05).UnixMicro()},
	}
	if !reflect.DeepEqual(ev, want) {
		t.Errorf("got  %+v\nwant %+v", ev, want)
	}
	if evs := b.apply(3, b.firing(bongsu.FiringHold, 1, 3)); len(evs) != 0 {
		t.Errorf("revised after 1 s: %+v", evs)
	}
	hold := b.firing(bongsu.FiringHold, 1, 12)
	hold.Track.Score = 0.9
	ev = b.one(b.apply(12, hold))
	if ev.Revision != 2 || ev.State != bongsu.EventOpen || ev.Score != 0.9 || ev.Fired != want.Fired || ev.Box != want.Box || ev.Clock != want.Clock || ev.Reasons[0].Value != 11 {
		t.Errorf("second revision: %+v", ev)
	}
	ev = b.one(b.apply(15, b.firing(bongsu.FiringEnd, 1, 13)))
	if ev.Revision != 3 || ev.State != bongsu.EventClosed || ev.CloseReason != bongsu.CloseEnded || ev.End != b.at(13).UTC() || ev.Score != 0.9 || ev.ID != "id-1" {
		t.Errorf("end: %+v", ev)
	}
	if evs := b.apply(16, b.firing(bongsu.FiringHold, 1, 16), b.firing(bongsu.FiringEnd, 1, 16)); len(evs) != 0 {
		t.Errorf("after its end: %+v", evs)
	}
	if n := len(b.m.Open()); n != 0 {
		t.Errorf("%d open", n)
	}
}

func TestPulse(t *testing.T) {
	b := newBox(t, nil)
	f := b.firing(bongsu.FiringPulse, 1, 2)
	f.Kind, f.Zone, f.Line, f.Direction = bongsu.KindLineCrossing, nil, zone[:2], bongsu.DirectionLeftToRight
	ev := b.one(b.apply(2, f))
	if ev.Revision != 1 || ev.State != bongsu.EventClosed || ev.CloseReason != bongsu.CloseEnded ||
		ev.Start != b.at(1).UTC() || ev.Fired != b.at(2).UTC() || ev.End != b.at(2).UTC() || ev.Direction != bongsu.DirectionLeftToRight || len(ev.Line) != 2 {
		t.Errorf("%+v", ev)
	}
	if len(b.m.Open()) != 0 {
		t.Error("a pulse stays open")
	}
}

func TestRevisionsGrowRare(t *testing.T) {
	b := newBox(t, nil)
	b.apply(2, b.firing(bongsu.FiringBegin, 1, 2))
	var revised []float64
	last := 0
	for s := 3.0; s < 86400; s++ {
		for _, ev := range b.apply(s, b.firing(bongsu.FiringHold, 1, s)) {
			revised, last = append(revised, s), ev.Revision
		}
	}
	if len(revised) < 30 || len(revised) > 40 || last != len(revised)+1 {
		t.Errorf("a day is %d revisions: %v", len(revised), revised)
	}
	t.Logf("a day of standing in a zone is %d revisions", last)
	if revised[0] != 12 || revised[1] != 22 || revised[2] != 32 {
		t.Errorf("the first: %v", revised[:3])
	}
}

func TestMaxRevision(t *testing.T) {
	b := newBox(t, func(o *Options) { o.MaxRevision, o.Update = 5, time.Millisecond })
	b.apply(2, b.firing(bongsu.FiringBegin, 1, 2))
	for s := 3.0; s < 1000; s++ {
		b.apply(s, b.firing(bongsu.FiringHold, 1, s))
	}
	ev := b.one(b.apply(1000, b.firing(bongsu.FiringEnd, 1, 1000)))
	if ev.Revision != 6 || ev.State != bongsu.EventClosed {
		t.Errorf("%+v", ev)
	}
}

func TestRevisionsShareNothing(t *testing.T) {
	b := newBox(t, nil)
	f := b.firing(bongsu.FiringBegin, 1, 2)
	first := b.one(b.apply(2, f))
	f.Trail[0].Box.X1, f.Reasons[0].Value = 9, 9
	if first.Trail[0].Box.X1 == 9 || first.Reasons[0].Value == 9 {
		t.Error("an event leans on the firing's memory")
	}
	trail, reasons := slices.Clone(first.Trail), slices.Clone(first.Reasons)
	b.apply(12, b.firing(bongsu.FiringHold, 1, 12))
	b.apply(22, b.firing(bongsu.FiringEnd, 1, 22))
	if !reflect.DeepEqual(first.Trail, trail) || !reflect.DeepEqual(first.Reasons, reasons) || first.State != bongsu.EventOpen {
		t.Error("a later revision has changed an earlier one")
	}
}

func TestStaysOfTwoRules(t *testing.T) {
	b := newBox(t, nil)
	other := b.firing(bongsu.FiringBegin, 1, 2)
	other.Rule = "bench"
	evs := b.apply(2, b.firing(bongsu.FiringBegin, 1, 2), other, b.firing(bongsu.FiringBegin, 2, 2))
	if len(evs) != 3 || evs[0].ID == evs[1].ID || evs[1].ID == evs[2].ID {
		t.Fatalf("%+v", evs)
	}
	end := b.firing(bongsu.FiringEnd, 1, 3)
	end.Rule = "bench"
	if ev := b.one(b.apply(3, end)); ev.ID != evs[1].ID || ev.Rule != "bench" {
		t.Errorf("%+v", ev)
	}
	if open := b.m.Open(); len(open) != 2 || open[0].ID != evs[0].ID || open[1].ID != evs[2].ID {
		t.Errorf("%+v", open)
	}
}

func TestOddTimes(t *testing.T) {
	b := newBox(t, nil)
	f := b.firing(bongsu.FiringBegin, 1, 2)
	f.Since = b.at(5) // after it was found
	ev := b.one(b.apply(2, f))
	if ev.Start != ev.Fired {
		t.Errorf("start %s, fired %s", ev.Start, ev.Fired)
	}
	ev = b.one(b.apply(3, b.firing(bongsu.FiringEnd, 1, 0)))
	if ev.End.Before(ev.Start) || ev.End.Before(ev.Fired) {
		t.Errorf("ends %s, before it began", ev.End)
	}
	f = b.firing(bongsu.FiringBegin, 2, 2)
	f.Since = time.Time{}
	if ev := b.one(b.apply(2, f)); ev.Start != ev.Fired {
		t.Errorf("%+v", ev)
	}
}

func TestWithoutPicture(t *testing.T) {
	b := newBox(t, func(o *Options) { o.Monotonic, o.WallQuality = nil, func() string { return "synchronised" } })
	b.apply(2, b.firing(bongsu.FiringBegin, 1, 2))
	b.now = b.at(20)
	ev := b.one(b.m.Apply(b.at(20), nil, time.Time{}, []bongsu.Firing{b.firing(bongsu.FiringEnd, 1, 10)}))
	if ev.State != bongsu.EventClosed || ev.Stamps != (bongsu.Stamps{FiredUS: b.at(20).UnixMicro()}) || ev.Run != "run-1" || ev.Clock.MonotonicUS != 0 || ev.Clock.WallQuality != "synchronised" {
		t.Errorf("%+v", ev)
	}
}

func TestDefaults(t *testing.T) {
	m := New(Options{Camera: "c"})
	evs := m.Apply(time.Now(), nil, time.Time{}, []bongsu.Firing{{Rule: "r", At: time.Now(), Phase: bongsu.FiringBegin}})
	if len(evs) != 1 || !bongsu.ValidUUID(string(evs[0].ID)) || evs[0].Clock.WallQuality != "unknown" || evs[0].Start.Location() != time.UTC {
		t.Errorf("%+v", evs)
	}
}

func TestCloseAll(t *testing.T) {
	b := newBox(t, nil)
	b.apply(2, b.firing(bongsu.FiringBegin, 1, 2), b.firing(bongsu.FiringBegin, 2, 2))
	b.m.Adopt([]bongsu.Event{{ID: "old", Camera: "gate", State: bongsu.EventOpen, Revision: 4, Rule: "gone", Fired: b.at(-5).UTC()}})
	removed := b.m.Close(b.at(3), bongsu.CloseRuleRemoved, func(ev *bongsu.Event) bool { return ev.Rule == "gone" })
	if ev := b.one(removed); ev.ID != "old" || ev.Revision != 5 || ev.CloseReason != bongsu.CloseRuleRemoved || ev.End != b.at(3).UTC() {
		t.Errorf("%+v", ev)
	}
	evs := b.m.CloseAll(b.at(4), bongsu.CloseInterrupted)
	if len(evs) != 2 || evs[0].State != bongsu.EventClosed || evs[1].CloseReason != bongsu.CloseInterrupted || len(b.m.Open()) != 0 {
		t.Errorf("%+v", evs)
	}
	if evs := b.m.CloseAll(b.at(5), bongsu.CloseInterrupted); len(evs) != 0 {
		t.Errorf("closed twice: %+v", evs)
	}
}

// TestInvariants plays random firings, worker losses included: every ID has revisions 1, 2, 3,
// ... without a gap, nothing follows a close, and all is closed in the end.
func TestInvariants(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 3))
	for range 50 {
		b := newBox(t, func(o *Options) { o.Update = time.Second })
		latest := map[bongsu.EventID]bongsu.Event{}
		take := func(evs []bongsu.Event) {
			for _, ev := range evs {
				before, known := latest[ev.ID]
				if ev.Revision != before.Revision+1 || known && before.State == bongsu.EventClosed {
					t.Fatalf("%s: revision %d after %d (%s)", ev.ID, ev.Revision, before.Revision, before.State)
				}
				if ev.End.IsZero() != (ev.State == bongsu.EventOpen) || !ev.End.IsZero() && ev.End.Before(ev.Start) || len(ev.Trail) > bongsu.MaxTrail {
					t.Fatalf("%+v", ev)
				}
				latest[ev.ID] = ev
			}
		}
		s := 2.0
		for range 400 {
			s += rng.Float64() * 2
			f := b.firing(bongsu.FiringPhase(rng.IntN(4)), uint64(rng.IntN(4)), s)
			if f.Phase == bongsu.FiringBegin && b.m.find(&f) != nil {
				f.Phase = bongsu.FiringHold // rules begin a stay once
			}
			take(b.apply(s, f))
			take(b.m.Tick(b.now))
			if rng.IntN(40) == 0 { // the worker dies; its successor hears of what is open
				open := b.m.Open()
				b.m = New(b.m.o)
				b.m.Adopt(open)
			}
		}
		take(b.m.CloseAll(b.at(s+1), bongsu.CloseInterrupted))
		for id, ev := range latest {
			if ev.State != bongsu.EventClosed {
				t.Errorf("%s is still open", id)
			}
		}
	}
}
