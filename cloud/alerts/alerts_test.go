package alerts

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"bongsu"
	"bongsu/cloud/archive"
)

var t0 = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

func at(seconds int) time.Time { return t0.Add(time.Duration(seconds) * time.Second) }

func policy() Policy {
	p := DefaultPolicy()
	n := 0
	p.NewID = func(time.Time) bongsu.AlertID {
		n++
		return bongsu.AlertID(fmt.Sprintf("alert-%d", n))
	}
	return p
}

func event(id string, start int) bongsu.Event {
	return bongsu.Event{
		ID: bongsu.EventID(id), Revision: 1, Edge: "e", Camera: "c", CameraName: "정문", Rule: "r", Kind: bongsu.KindIntrusion,
		Priority: bongsu.PriorityHigh, State: bongsu.EventOpen, Start: at(start), Fired: at(start + 1), Class: bongsu.ClassPerson, Score: 0.5,
	}
}

func route(t *testing.T, p Policy, s archive.Situation) archive.Decision {
	t.Helper()
	d, err := p.Route(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestServiceLevels is the console specification's table.
func TestServiceLevels(t *testing.T) {
	for priority, want := range map[bongsu.Priority]SLA{
		bongsu.PriorityCritical: {15 * time.Second, time.Minute},
		bongsu.PriorityHigh:     {time.Minute, 3 * time.Minute},
		bongsu.PriorityMedium:   {5 * time.Minute, 15 * time.Minute},
	} {
		ev := event("1", 0)
		ev.Priority = priority
		a := route(t, policy(), archive.Situation{At: at(7), Event: ev}).Alert
		if !a.Raised.Equal(at(7)) || a.ClaimBy.Sub(a.Raised) != want.Claim || a.VerdictBy.Sub(a.Raised) != want.Verdict {
			t.Errorf("%s: raised %v, claim by %v, verdict by %v", priority, a.Raised, a.ClaimBy, a.VerdictBy)
		}
	}
	ev := event("1", 0)
	ev.Priority = bongsu.PriorityLow
	if a := route(t, policy(), archive.Situation{At: at(7), Event: ev}).Alert; !a.ClaimBy.IsZero() || !a.VerdictBy.IsZero() {
		t.Errorf("low has a service level: %+v", a)
	}
}

func TestRaise(t *testing.T) {
	d := route(t, policy(), archive.Situation{At: at(7), Event: event("1", 0)})
	want := bongsu.Alert{
		ID: "alert-1", Edge: "e", Camera: "c", CameraName: "정문", Rule: "r", Kind: bongsu.KindIntrusion, Priority: bongsu.PriorityHigh,
		Condition: bongsu.ConditionActive, Work: bongsu.WorkUnclaimed, Event: "1", Events: []bongsu.EventID{"1"}, Count: 1,
		Raised: at(7), LastSeen: at(1), ClaimBy: at(67), VerdictBy: at(187), Class: bongsu.ClassPerson, Score: 0.5,
	}
	if !reflect.DeepEqual(*d.Alert, want) || len(d.History) != 1 || d.History[0].Action != archive.ActionRaise {
		t.Fatalf("raised %+v\nwant   %+v\nhistory %+v", *d.Alert, want, d.History)
	}
}

// TestRecordsCallNobody: of all kinds only those that the taxonomy calls records raise no alert.
func TestRecordsCallNobody(t *testing.T) {
	for _, kind := range append(bongsu.Kinds(), "of-a-later-release") {
		ev := event("1", 0)
		ev.Kind = kind
		d, err := policy().Route(archive.Situation{At: at(7), Event: ev})
		if err != nil {
			t.Fatal(err)
		}
		if raised, want := d.Alert != nil, kind != bongsu.KindLineCounting; raised != want || (len(d.History) > 0) != want {
			t.Errorf("%s: raised %v", kind, raised)
		}
	}
}

func TestFoldWindow(t *testing.T) {
	for name, c := range map[string]struct {
		start int
		work  bongsu.WorkState
		folds bool
	}{
		"at once":          {100, bongsu.WorkUnclaimed, true},
		"59 s later":       {169, bongsu.WorkUnclaimed, true},
		"60 s later":       {170, bongsu.WorkUnclaimed, true},
		"61 s later":       {171, bongsu.WorkUnclaimed, false},
		"60 s before":      {39, bongsu.WorkUnclaimed, true},
		"61 s before":      {38, bongsu.WorkUnclaimed, false},
		"while claimed":    {100, bongsu.WorkClaimed, true},
		"while reviewing":  {100, bongsu.WorkReviewing, true},
		"while confirmed":  {100, bongsu.WorkConfirmed, true},
		"after it closed":  {100, bongsu.WorkClosed, false},
		"inside the alert": {105, bongsu.WorkUnclaimed, true},
	} {
		s := archive.Situation{At: at(500), Event: event("2", c.start), Candidates: []archive.Span{{
			Alert: bongsu.Alert{ID: "old", Work: c.work, Event: "1", Events: []bongsu.EventID{"1"}, Priority: bongsu.PriorityHigh, LastSeen: at(110)},
			First: at(100), Last: at(110),
		}}}
		d := route(t, policy(), s)
		if folds := d.Alert.ID == "old"; folds != c.folds {
			t.Errorf("%s: folds %v, want %v", name, folds, c.folds)
		} else if folds && (d.Alert.Count != 2 || d.Alert.Work != c.work || len(s.Candidates[0].Events) != 1) {
			t.Errorf("%s: %+v", name, d.Alert)
		}
	}
}

func TestFoldIsBounded(t *testing.T) {
	p := policy()
	p.MaxEvents = 3
	full := bongsu.Alert{ID: "full", Work: bongsu.WorkUnclaimed, Events: []bongsu.EventID{"1", "2", "3"}}
	open := bongsu.Alert{ID: "open", Work: bongsu.WorkUnclaimed, Events: []bongsu.EventID{"4"}}
	spans := []archive.Span{{Alert: full, First: at(0), Last: at(0)}, {Alert: open, First: at(0), Last: at(0)}}
	if d := route(t, p, archive.Situation{At: at(1), Event: event("5", 0), Candidates: spans}); d.Alert.ID != "open" || d.Alert.Count != 2 {
		t.Errorf("beside a full alert: %+v", d.Alert)
	}
	if d := route(t, p, archive.Situation{At: at(1), Event: event("5", 0), Candidates: spans[:1]}); d.Alert.Count != 1 {
		t.Errorf("with a full alert only: %+v", d.Alert)
	}
}

// TestFoldRaisesPriority: a more urgent event makes the alert more urgent and starts its clock
// anew; a less urgent one changes neither.
func TestFoldRaisesPriority(t *testing.T) {
	p := policy()
	first := route(t, p, archive.Situation{At: at(0), Event: event("1", 0)}).Alert
	fold := func(a *bongsu.Alert, id string, priority bongsu.Priority) *bongsu.Alert {
		ev := event(id, 5)
		ev.Priority = priority
		return route(t, p, archive.Situation{At: at(10), Event: ev, Candidates: []archive.Span{{Alert: *a, First: at(0), Last: at(1)}}}).Alert
	}
	low := fold(first, "2", bongsu.PriorityLow)
	if low.Priority != bongsu.PriorityHigh || !low.ClaimBy.Equal(first.ClaimBy) || low.Count != 2 {
		t.Errorf("after a lower one: %+v", low)
	}
	critical := fold(low, "3", bongsu.PriorityCritical)
	if critical.Priority != bongsu.PriorityCritical || !critical.ClaimBy.Equal(at(25)) || !critical.Raised.Equal(at(0)) {
		t.Errorf("after a higher one: %+v", critical)
	}
}

func TestCondition(t *testing.T) {
	p := policy()
	a := route(t, p, archive.Situation{At: at(0), Event: event("1", 0)}).Alert
	ended := event("1", 0)
	ended.Revision, ended.State, ended.End = 2, bongsu.EventClosed, at(20)
	seen := func(others int) archive.Decision {
		return route(t, p, archive.Situation{At: at(21), Event: ended, Alert: &archive.Span{Alert: *a, First: at(0), Last: at(20), OpenEvents: others}})
	}
	if d := seen(0); d.Alert.Condition != bongsu.ConditionCleared || !d.Alert.LastSeen.Equal(at(20)) || d.Alert.Work != bongsu.WorkUnclaimed {
		t.Errorf("after its only event ended: %+v", d.Alert)
	}
	if d := seen(1); d.Alert.Condition != bongsu.ConditionActive {
		t.Errorf("while another goes on: %+v", d.Alert)
	}
	if d := route(t, p, archive.Situation{At: at(1), Event: ended}); d.Alert.Condition != bongsu.ConditionCleared {
		t.Errorf("raised by an event that had ended: %+v", d.Alert)
	}
	*a = *seen(0).Alert
	if d := seen(0); d.Alert != nil || d.History != nil {
		t.Errorf("a revision that says nothing new: %+v", d)
	}
}

// story plays the archive for one alert.
type story struct {
	*testing.T
	p       Policy
	a       bongsu.Alert
	history []archive.HistoryEntry
}

func begin(t *testing.T) *story {
	p := policy()
	d := route(t, p, archive.Situation{At: at(0), Event: event("1", 0)})
	return &story{T: t, p: p, a: *d.Alert, history: d.History}
}

// do makes a change and checks that a rebuild gives what is stored.
func (s *story) do(c archive.AlertChange) error {
	s.Helper()
	a, entries, err := c(s.a, s.history)
	if err != nil || len(entries) == 0 {
		return err
	}
	s.a, s.history = a, append(s.history, entries...)
	if built := s.p.Rebuild(s.a.ID, s.history); !reflect.DeepEqual(built, s.a) {
		s.Fatalf("rebuilt %+v\nstored  %+v", built, s.a)
	}
	return nil
}

func (s *story) want(err error, code bongsu.Code, work bongsu.WorkState, owner string) {
	s.Helper()
	if bongsu.CodeOf(err) != code || s.a.Work != work || s.a.Owner != owner {
		s.Fatalf("error %v, work %s, owner %q; want code %q, %s, %q", err, s.a.Work, s.a.Owner, code, work, owner)
	}
}

var (
	kim   = Actor{Username: "kim", Name: "김", Client: "10.0.0.1"}
	lee   = Actor{Username: "lee", Name: "이"}
	admin = Actor{Username: "park", Name: "박", Admin: true}
)

// TestRebuild folds random lives: what is stored equals what the history gives, at every step.
func TestRebuild(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	actors := []Actor{kim, lee, admin}
	for range 300 {
		s := begin(t)
		now := at(0)
		for range 30 {
			now = now.Add(time.Duration(r.IntN(40)) * time.Second)
			by := actors[r.IntN(3)]
			var change archive.AlertChange
			switch r.IntN(8) {
			case 0:
				change = s.p.Claim(by, now)
			case 1:
				change = s.p.Release(by, now)
			case 2, 3:
				change = s.p.Evidence(by, now)
			case 4:
				change = s.p.Verdict(by, now, bongsu.Verdicts()[r.IntN(12)], "note")
			case 5:
				change = s.p.Undo(by, now)
			case 6:
				change = s.p.Expire(now)
			case 7:
				s.event(r, now)
				continue
			}
			if code := bongsu.CodeOf(s.do(change)); code != "" && code != bongsu.CodeConflict && code != bongsu.CodeForbidden {
				t.Fatalf("code %s", code)
			}
			if held := s.a.Owner != ""; held != (s.a.Work != bongsu.WorkUnclaimed) {
				t.Fatalf("work %s with owner %q", s.a.Work, s.a.Owner)
			}
			if s.a.ClosedAt.IsZero() != (s.a.Work != bongsu.WorkClosed) {
				t.Fatalf("work %s, closed at %v", s.a.Work, s.a.ClosedAt)
			}
		}
	}
}

// event lets an event join or be revised.
func (s *story) event(r *rand.Rand, now time.Time) {
	ev := event(fmt.Sprint(1+r.IntN(5)), r.IntN(100))
	ev.Score = r.Float32()
	ev.Priority = []bongsu.Priority{bongsu.PriorityCritical, bongsu.PriorityHigh, bongsu.PriorityLow}[r.IntN(3)]
	span := archive.Span{Alert: s.a, First: at(0), Last: at(100), OpenEvents: r.IntN(2)}
	x := archive.Situation{At: now, Event: ev, Candidates: []archive.Span{span}}
	if slices.Contains(s.a.Events, ev.ID) {
		x.Alert, x.Candidates = &span, nil
	}
	d := route(s.T, s.p, x)
	if d.Alert == nil || d.Alert.ID != s.a.ID {
		return
	}
	s.a, s.history = *d.Alert, append(s.history, d.History...)
	if built := s.p.Rebuild(s.a.ID, s.history); !reflect.DeepEqual(built, s.a) {
		s.Fatalf("rebuilt %+v\nstored  %+v", built, s.a)
	}
}
