package archivetest

import (
	"errors"
	"slices"
	"time"

	"bongsu"
	"bongsu/cloud/archive"
)

var alertTests = []test{
	{"AlertSituation", alertSituation},
	{"AlertPages", alertPages},
	{"AlertUpdate", alertUpdate},
	{"AlertIdle", alertIdle},
}

// alertSituation looks at what routers are given.
func alertSituation(s *suite) {
	var seen []archive.Situation
	apply := func(ev bongsu.Event) {
		s.put(EdgeA, T0.Add(time.Hour), ev)
		o := s.options(ev.Key(), T0.Add(2*time.Hour))
		o.Route = func(x archive.Situation) (archive.Decision, error) {
			seen = append(seen, x)
			return s.route(x)
		}
		_, err := s.a.Apply(s.Context(), ev.Key(), o)
		s.ok(err)
	}
	last := func() archive.Situation { return seen[len(seen)-1] }
	apply(Event(0, 1))
	if x := last(); x.Alert != nil || len(x.Candidates) != 0 || x.Event.Edge != EdgeA || !x.At.Equal(T0.Add(2*time.Hour)) || !x.Received.Equal(T0.Add(time.Hour)) {
		s.Fatalf("first: %+v", x)
	}
	apply(Event(60, 1)) // starts 59 s after the first fired
	if x := last(); len(x.Candidates) != 1 || x.Candidates[0].OpenEvents != 1 || !x.Candidates[0].First.Equal(T0) || !x.Candidates[0].Last.Equal(T0.Add(time.Second)) {
		s.Fatalf("within the window: %+v", x)
	}
	closed := Event(0, 2)
	closed.State, closed.End = bongsu.EventClosed, T0.Add(30*time.Second)
	apply(closed)
	if x := last(); x.Alert == nil || x.Alert.OpenEvents != 1 || len(x.Candidates) != 0 || !x.Alert.Last.Equal(T0.Add(61*time.Second)) {
		s.Fatalf("a revision of a known event: %+v", x)
	}
	apply(Event(123, 1)) // 62 s after the second fired
	if x := last(); len(x.Candidates) != 0 {
		s.Fatalf("beyond the window: %+v", x)
	}
	for _, other := range []func(*bongsu.Event){
		func(e *bongsu.Event) { e.Camera = "cam2" },
		func(e *bongsu.Event) { e.Rule = "r2" },
	} {
		ev := Event(200+len(seen), 1)
		ev.Start, ev.Fired = T0, T0
		other(&ev)
		apply(ev)
		if x := last(); len(x.Candidates) != 0 {
			s.Fatalf("of another camera or rule: %+v", x)
		}
	}
	late := Event(300, 1) // a backlog that comes after all
	late.Start, late.Fired = T0.Add(-30*time.Second), T0.Add(-20*time.Second)
	apply(late)
	if x := last(); len(x.Candidates) != 1 {
		s.Fatalf("late, but within the window: %+v", x)
	}
}

func alertPages(s *suite) {
	var want []bongsu.AlertID
	for i := range 9 {
		want = append(want, s.add(Event(i*600, 1)).Alert)
	}
	_, err := s.a.UpdateAlert(s.Context(), want[4], change("kim", T0, bongsu.WorkClosed, bongsu.VerdictTraining))
	s.ok(err)
	slices.Reverse(want)
	list := func(state archive.AlertState, limit int) (got []bongsu.AlertID) {
		q := archive.AlertQuery{State: state, Limit: limit}
		for {
			page, err := s.a.ListAlerts(s.Context(), q)
			s.ok(err)
			_, latest, err := s.a.ChangeBounds(s.Context())
			s.ok(err)
			if page.Seq != latest {
				s.Fatalf("page reflects %d, latest is %d", page.Seq, latest)
			}
			for _, a := range page.Alerts {
				got = append(got, a.ID)
			}
			if q.After = page.Next; q.After.IsZero() {
				return got
			}
		}
	}
	if got := list("", 4); !slices.Equal(got, want) {
		s.Fatalf("all: %v, want %v", got, want)
	}
	if got := list(archive.AlertsClosed, 4); !slices.Equal(got, want[4:5]) {
		s.Fatalf("closed: %v", got)
	}
	if got := list(archive.AlertsOpen, 3); !slices.Equal(got, slices.Concat(want[:4], want[5:])) {
		s.Fatalf("open: %v", got)
	}
}

func alertUpdate(s *suite) {
	id := s.add(Event(1, 1)).Alert
	s.add(Event(2, 1))
	_, before, err := s.a.ChangeBounds(s.Context())
	s.ok(err)
	row, err := s.a.UpdateAlert(s.Context(), id, change("kim", T0.Add(time.Minute), bongsu.WorkClosed, bongsu.VerdictFalseAnimal))
	s.ok(err)
	if row.Work != bongsu.WorkClosed || row.Owner != "kim" || row.Seq <= before || len(row.Events) != 2 {
		s.Fatalf("row %+v", row)
	}
	changes, err := s.a.ChangesSince(s.Context(), before, 10)
	s.ok(err)
	if len(changes) != 3 {
		s.Fatalf("changes %+v: want both events and the alert", changes)
	}
	s.reopen()
	stored, err := s.a.GetAlert(s.Context(), id)
	s.ok(err)
	if stored.Seq != row.Seq || stored.Verdict != bongsu.VerdictFalseAnimal {
		s.Fatalf("stored %+v", stored)
	}
	for _, n := range []int{1, 2} {
		ev, err := s.a.GetEvent(s.Context(), ID(n))
		s.ok(err)
		if ev.Verdict != bongsu.VerdictFalseAnimal {
			s.Fatalf("event %d has verdict %q", n, ev.Verdict)
		}
	}
	history, err := s.a.AlertHistory(s.Context(), id)
	s.ok(err)
	if len(history) != 3 || history[2].Actor != "kim" || history[2].From != bongsu.WorkUnclaimed || !history[2].At.Equal(T0.Add(time.Minute)) {
		s.Fatalf("history %+v", history)
	}
	alertNoUpdate(s, id, row.Seq)
}

// alertNoUpdate: what changes nothing and what fails writes nothing.
func alertNoUpdate(s *suite, id bongsu.AlertID, seq int64) {
	boom := errors.New("boom")
	for _, fail := range []error{nil, boom} {
		row, err := s.a.UpdateAlert(s.Context(), id, func(a bongsu.Alert, h []archive.HistoryEntry) (bongsu.Alert, []archive.HistoryEntry, error) {
			if len(h) != 3 {
				s.Errorf("history of %d entries, want 3", len(h))
			}
			a.Work = bongsu.WorkUnclaimed
			return a, nil, fail
		})
		if !errors.Is(err, fail) || fail == nil && row.Work != bongsu.WorkClosed {
			s.Fatalf("UpdateAlert: %+v, %v", row, err)
		}
	}
	row, err := s.a.GetAlert(s.Context(), id)
	s.ok(err)
	if row.Seq != seq {
		s.Fatal("an update that changed nothing was written")
	}
	_, err = s.a.UpdateAlert(s.Context(), "nothing", change("kim", T0, bongsu.WorkClosed, ""))
	s.code(err, bongsu.CodeNotFound, "UpdateAlert")
	_, err = s.a.GetAlert(s.Context(), "nothing")
	s.code(err, bongsu.CodeNotFound, "GetAlert")
	_, err = s.a.AlertHistory(s.Context(), "nothing")
	s.code(err, bongsu.CodeNotFound, "AlertHistory")
}

func alertIdle(s *suite) {
	held := s.add(Event(1, 1)).Alert
	s.add(Event(1000, 1))
	_, err := s.a.UpdateAlert(s.Context(), held, change("kim", T0.Add(time.Minute), bongsu.WorkClaimed, ""))
	s.ok(err)
	s.add(Event(2, 1)) // an event that joins is no deed of the owner
	for _, c := range []struct {
		before time.Duration
		want   int
	}{{time.Minute, 0}, {time.Minute + time.Microsecond, 1}} {
		ids, err := s.a.IdleAlerts(s.Context(), T0.Add(c.before), 10)
		s.ok(err)
		if len(ids) != c.want {
			s.Fatalf("idle since %v: %v, want %d", c.before, ids, c.want)
		}
	}
}

var changeTests = []test{
	{"ChangeBounds", changeBounds},
	{"ChangeWake", changeWake},
}

func changeBounds(s *suite) {
	bounds := func(wantOldest, wantLatest int64) {
		s.Helper()
		oldest, latest, err := s.a.ChangeBounds(s.Context())
		s.ok(err)
		if oldest != wantOldest || latest != wantLatest {
			s.Fatalf("bounds %d to %d, want %d to %d", oldest, latest, wantOldest, wantLatest)
		}
	}
	bounds(1, 0)
	s.add(Event(1, 1))
	s.add(Event(600, 1))
	bounds(1, 4)
	changes, err := s.a.ChangesSince(s.Context(), 1, 2)
	s.ok(err)
	if len(changes) != 2 || changes[0].Seq != 2 || changes[1].Seq != 3 || changes[0].Kind != archive.ChangeAlert || changes[1].Event != ID(600) {
		s.Fatalf("changes %+v", changes)
	}
	s.ok(s.a.TrimChanges(s.Context(), T0.Add(300*time.Second)))
	bounds(3, 4)
	s.ok(s.a.TrimChanges(s.Context(), T0.Add(time.Hour)))
	bounds(5, 4)
	s.reopen()
	bounds(5, 4)
	if done := s.add(Event(1200, 1)); done.Seq != 6 {
		s.Fatalf("after all were trimmed the next number is %d", done.Seq)
	}
}

func changeWake(s *suite) {
	wake, cancel := s.a.Subscribe()
	other, cancelOther := s.a.Subscribe()
	defer cancelOther()
	waiting := func(c <-chan struct{}) bool {
		select {
		case <-c:
			return true
		default:
			return false
		}
	}
	s.put(EdgeA, T0, Event(1, 1))
	if waiting(wake) {
		s.Fatal("woken by the inbox, which changes nothing that is shown")
	}
	s.apply(Key(1, 1), T0)
	s.add(Event(2, 1))
	if !waiting(wake) || waiting(wake) || !waiting(other) {
		s.Fatal("want one wake for each subscriber")
	}
	s.ok(s.a.ReportCameras(s.Context(), EdgeA, T0, bongsu.CamerasRequest{}))
	if !waiting(wake) {
		s.Fatal("not woken by a camera report")
	}
	cancel()
	s.add(Event(3, 1))
	if waiting(wake) || !waiting(other) {
		s.Fatal("a cancelled subscriber was woken, or another was not")
	}
}
