package archivetest

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"bongsu"
	"bongsu/cloud/archive"
)

var retentionTests = []test{
	{"RetentionLeavesNothing", retentionLeavesNothing},
	{"RetentionByWhat", retentionByWhat},
	{"RetentionKeepsTheYoung", retentionKeepsTheYoung},
	{"Condemn", condemn},
	{"CondemnedCannotBeNamed", condemnedCannotBeNamed},
}

func (s *suite) stones() []string {
	s.Helper()
	var keys []string
	var after archive.Tombstone
	for {
		page, err := s.a.Tombstones(s.Context(), after, 2)
		s.ok(err)
		if len(page) == 0 {
			return keys
		}
		for _, p := range page {
			keys = append(keys, p.Key)
		}
		after = page[len(page)-1]
	}
}

func retentionLeavesNothing(s *suite) {
	for n := range 3 {
		s.add(Event(n*600, 1))
		c := Clip(n*600, 0, fmt.Sprintf("hash%d", n))
		_, err := s.a.DeclareClip(s.Context(), EdgeA, c, T0)
		s.ok(err)
		if n > 0 { // the first stays declared: its object may be there all the same
			_, err = s.a.CompleteClip(s.Context(), EdgeA, c.Key(), c.SHA256, T0)
			s.ok(err)
		}
	}
	loose := Clip(7, 0, "loose")
	_, err := s.a.DeclareClip(s.Context(), EdgeA, loose, T0)
	s.ok(err)
	s.put(EdgeA, T0, Event(8, 1), Event(9, 1))
	s.ok(s.a.Bury(s.Context(), Key(9, 1), "poison", 5, T0))
	s.ok(s.a.ReportCameras(s.Context(), EdgeA, T0, bongsu.CamerasRequest{Cameras: []bongsu.CameraStatus{{ID: "c", Still: []byte("x"), StillAt: T0}}}))
	later := T0.Add(31 * 24 * time.Hour)
	var sum archive.Deleted
	for range 10 {
		d, err := s.a.DeleteBefore(s.Context(), T0.Add(time.Hour), later, 2)
		s.ok(err)
		sum.Events, sum.Alerts, sum.Clips, sum.Stills, sum.Letters, sum.Objects = sum.Events+d.Events, sum.Alerts+d.Alerts, sum.Clips+d.Clips, sum.Stills+d.Stills, sum.Letters+d.Letters, sum.Objects+d.Objects
		if !d.More {
			break
		}
	}
	if want := (archive.Deleted{Events: 3, Alerts: 3, Clips: 4, Stills: 1, Letters: 2, Objects: 7}); sum != want {
		s.Fatalf("deleted %+v, want %+v", sum, want)
	}
	s.reopen()
	var want []string
	for n := range 3 {
		want = append(want, archive.SnapshotKey(Key(n*600, 1)), archive.ClipKey(bongsu.ClipKey{Event: ID(n * 600)}, fmt.Sprintf("hash%d", n)))
	}
	want = append(want, archive.ClipKey(loose.Key(), "loose"))
	got := s.stones()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		s.Fatalf("condemned %q\nwant      %q", got, want)
	}
	nothingLeft(s)
	s.ok(s.a.Forget(s.Context(), got))
	s.ok(s.a.Forget(s.Context(), nil))
	if left := s.stones(); len(left) != 0 {
		s.Fatalf("not forgotten: %q", left)
	}
	s.ok(s.a.Compact(s.Context()))
}

func nothingLeft(s *suite) {
	s.Helper()
	events, err := s.a.ListEvents(s.Context(), archive.EventQuery{Limit: 10})
	s.ok(err)
	alerts, err := s.a.ListAlerts(s.Context(), archive.AlertQuery{Limit: 10})
	s.ok(err)
	pending, err := s.a.PendingInbox(s.Context(), T0.Add(time.Hour), archive.Pending{}, 10)
	s.ok(err)
	letters, err := s.a.DeadLetters(s.Context(), 10)
	s.ok(err)
	changes, err := s.a.ChangesSince(s.Context(), 0, 100)
	s.ok(err)
	if len(events.Events)+len(alerts.Alerts)+len(pending)+len(letters)+len(changes) != 0 {
		s.Fatalf("left: %d events, %d alerts, %d inbox rows, %d letters, %d changes", len(events.Events), len(alerts.Alerts), len(pending), len(letters), len(changes))
	}
	_, err = s.a.Revisions(s.Context(), ID(0))
	s.code(err, bongsu.CodeNotFound, "Revisions")
	_, err = s.a.AlertHistory(s.Context(), "0190c000-0000-7000-8000-000000000001")
	s.code(err, bongsu.CodeNotFound, "AlertHistory")
	_, err = s.a.GetClip(s.Context(), bongsu.ClipKey{Event: ID(600)})
	s.code(err, bongsu.CodeNotFound, "GetClip")
	_, _, err = s.a.CameraStill(s.Context(), EdgeA, "c")
	s.code(err, bongsu.CodeNotFound, "CameraStill")
}

// retentionByWhat: age counts from when the thing happened, but never on an edge's clock that is
// not synchronised or ahead.
func retentionByWhat(s *suite) {
	received := T0.Add(20 * 24 * time.Hour)
	for name, c := range map[string]struct {
		start   time.Duration
		quality string
		from    time.Time
	}{
		"late":           {0, "synchronised", T0},
		"unsynchronised": {-1000 * time.Hour, "unsynchronised", received},
		"unknown":        {0, "unknown", received},
		"ahead":          {1000 * time.Hour, "synchronised", received},
	} {
		ev := Event(1, 1)
		ev.Start, ev.Clock.WallQuality = T0.Add(c.start), c.quality
		ev.Fired = ev.Start
		s.put(EdgeA, received, ev)
		s.apply(ev.Key(), received)
		for _, step := range []struct {
			before time.Time
			want   int
		}{{c.from, 0}, {c.from.Add(time.Microsecond), 1}} {
			d, err := s.a.DeleteBefore(s.Context(), step.before, received, 10)
			s.ok(err)
			if d.Events != step.want {
				s.Fatalf("%s: before %v: deleted %d, want %d", name, step.before, d.Events, step.want)
			}
		}
		s.ok(s.a.Forget(s.Context(), s.stones()))
	}
}

func retentionKeepsTheYoung(s *suite) {
	old := s.add(Event(0, 1)).Alert
	s.add(Event(50, 1)) // same alert
	young := s.add(Event(5000, 1)).Alert
	d, err := s.a.DeleteBefore(s.Context(), T0.Add(10*time.Second), T0, 10)
	s.ok(err)
	if d.Events != 1 || d.Alerts != 0 {
		s.Fatalf("deleted %+v", d)
	}
	for _, id := range []bongsu.AlertID{old, young} {
		_, err := s.a.GetAlert(s.Context(), id)
		s.ok(err)
	}
	for _, n := range []int{50, 5000} {
		_, err := s.a.GetEvent(s.Context(), ID(n))
		s.ok(err)
	}
	if got := s.put(EdgeA, T0, Event(0, 1)); got[0] != archive.PutStored {
		s.Fatalf("an event that comes again after its deletion: %v", got)
	}
	_, err = s.a.Apply(s.Context(), Key(0, 1), s.options(Key(0, 1), T0))
	s.code(err, bongsu.CodeUnavailable, "Apply while its snapshot's key is condemned")
	s.ok(s.a.Forget(s.Context(), s.stones()))
	s.apply(Key(0, 1), T0)
}

func condemn(s *suite) {
	s.add(Event(1, 1))
	s.put(EdgeA, T0, Event(2, 1), Event(3, 1))
	s.ok(s.a.Bury(s.Context(), Key(3, 1), "poison", 5, T0))
	complete, declared := Clip(1, 0, "aa"), Clip(1, 1, "bb")
	for _, c := range []bongsu.Clip{complete, declared} {
		_, err := s.a.DeclareClip(s.Context(), EdgeA, c, T0)
		s.ok(err)
	}
	_, err := s.a.CompleteClip(s.Context(), EdgeA, complete.Key(), "aa", T0)
	s.ok(err)
	orphan := archive.SnapshotKey(bongsu.EventKey{ID: ID(9), Revision: 1})
	named := []string{
		archive.SnapshotKey(Key(1, 1)), archive.SnapshotKey(Key(2, 1)), archive.SnapshotKey(Key(3, 1)),
		archive.ClipKey(complete.Key(), "aa"),
	}
	unnamed := []string{archive.ClipKey(declared.Key(), "bb"), orphan}
	slices.Sort(unnamed)
	for range 2 {
		got, err := s.a.Condemn(s.Context(), slices.Concat(named, unnamed), T0)
		s.ok(err)
		slices.Sort(got)
		if !slices.Equal(got, unnamed) {
			s.Fatalf("condemned %q, want %q", got, unnamed)
		}
	}
	got := s.stones()
	slices.Sort(got)
	if !slices.Equal(got, unnamed) {
		s.Fatalf("tombstones %q", got)
	}
}

func condemnedCannotBeNamed(s *suite) {
	c := Clip(1, 0, "aa")
	_, err := s.a.DeclareClip(s.Context(), EdgeA, c, T0)
	s.ok(err)
	_, err = s.a.Condemn(s.Context(), []string{archive.ClipKey(c.Key(), "aa"), archive.ClipKey(c.Key(), "bb")}, T0)
	s.ok(err)
	_, err = s.a.CompleteClip(s.Context(), EdgeA, c.Key(), "aa", T0)
	s.code(err, bongsu.CodeUnavailable, "CompleteClip")
	_, err = s.a.DeclareClip(s.Context(), EdgeA, Clip(1, 0, "bb"), T0)
	s.code(err, bongsu.CodeUnavailable, "DeclareClip")
	s.ok(s.a.Forget(s.Context(), s.stones()))
	_, err = s.a.CompleteClip(s.Context(), EdgeA, c.Key(), "aa", T0)
	s.ok(err)
}

var concurrencyTests = []test{
	{"SameEventAtOnce", sameEventAtOnce},
	{"ClaimAtOnce", claimAtOnce},
	{"ChangesInCommitOrder", changesInCommitOrder},
	{"EnrolAtOnce", enrolAtOnce},
	{"AuditAtOnce", auditAtOnce},
	{"ClosedRefuses", closedRefuses},
}

// at runs f n times at once.
func (s *suite) at(n int, f func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { f(i) })
	}
	wg.Wait()
}

// sameEventAtOnce: of many posts and workers with one event, one stores and one applies.
func sameEventAtOnce(s *suite) {
	const n, events = 16, 20
	var mu sync.Mutex
	stored, applied := 0, 0
	s.at(n, func(int) {
		for e := range events {
			ev := Event(e*600, 1)
			status, err := s.a.PutInbox(s.Context(), EdgeA, T0, []bongsu.EventRecord{{Event: ev}})
			if err != nil {
				s.Error(err)
				return
			}
			done, err := s.a.Apply(s.Context(), ev.Key(), archive.ApplyOptions{At: T0})
			if err != nil {
				s.Error(err)
				return
			}
			mu.Lock()
			if status[0] == archive.PutStored {
				stored++
			}
			if !done.Known {
				applied++
			}
			mu.Unlock()
		}
	})
	if stored != events || applied != events {
		s.Fatalf("stored %d, applied %d, want %d each", stored, applied, events)
	}
}

func claimAtOnce(s *suite) {
	id := s.add(Event(1, 1)).Alert
	taken := bongsu.Errorf(bongsu.CodeConflict, "taken")
	var mu sync.Mutex
	won := 0
	s.at(50, func(i int) {
		_, err := s.a.UpdateAlert(s.Context(), id, func(a bongsu.Alert, h []archive.HistoryEntry) (bongsu.Alert, []archive.HistoryEntry, error) {
			if a.Work != bongsu.WorkUnclaimed {
				return a, nil, taken
			}
			return change(fmt.Sprint("user", i), T0, bongsu.WorkClaimed, "")(a, h)
		})
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			won++
		} else if bongsu.CodeOf(err) != bongsu.CodeConflict {
			s.Error(err)
		}
	})
	history, err := s.a.AlertHistory(s.Context(), id)
	s.ok(err)
	if won != 1 || len(history) != 2 {
		s.Fatalf("%d of 50 won, history has %d entries", won, len(history))
	}
}

// changesInCommitOrder follows the sequence while many write: it never finds a number twice, out
// of order, or below one it has seen.
func changesInCommitOrder(s *suite) {
	const writers, each = 8, 25
	wake, cancel := s.a.Subscribe()
	defer cancel()
	followed := make(chan []int64, 1)
	go func() {
		var seen []int64
		defer func() { followed <- seen }()
		give := time.NewTimer(30 * time.Second)
		defer give.Stop()
		for len(seen) < writers*each {
			var last int64
			if len(seen) > 0 {
				last = seen[len(seen)-1]
			}
			changes, err := s.a.ChangesSince(s.Context(), last, 7)
			if err != nil {
				s.Error(err)
				return
			}
			for _, c := range changes {
				seen = append(seen, c.Seq)
			}
			if len(changes) > 0 {
				continue
			}
			select {
			case <-wake:
			case <-give.C:
				s.Error("the follower waits for ever")
				return
			}
		}
	}()
	s.at(writers, func(w int) {
		for i := range each {
			ev := Event(w*10_000+i, 1)
			if _, err := s.a.PutInbox(s.Context(), EdgeA, T0, []bongsu.EventRecord{{Event: ev}}); err != nil {
				s.Error(err)
			}
			if _, err := s.a.Apply(s.Context(), ev.Key(), archive.ApplyOptions{At: T0}); err != nil {
				s.Error(err)
			}
		}
	})
	for i, seq := range <-followed {
		if seq != int64(i+1) {
			s.Fatalf("change %d of those followed has number %d", i+1, seq)
		}
	}
}

func enrolAtOnce(s *suite) {
	s.ok(s.a.PutEnrolToken(s.Context(), archive.EnrolToken{Hash: "h", Created: T0, Expires: T0.Add(time.Hour)}))
	var mu sync.Mutex
	won := 0
	s.at(10, func(i int) {
		err := s.a.Enrol(s.Context(), "h", archive.Edge{ID: bongsu.EdgeID(fmt.Sprint("e", i)), CredentialHash: fmt.Sprint("c", i), Enrolled: T0}, T0)
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			won++
		} else if bongsu.CodeOf(err) != bongsu.CodeUnauthorized {
			s.Error(err)
		}
	})
	if won != 1 {
		s.Fatalf("%d edges enrolled with one token", won)
	}
}

func auditAtOnce(s *suite) {
	s.at(8, func(i int) {
		for range 10 {
			_, err := s.a.AppendAudit(s.Context(), archive.AuditRecord{At: T0, Actor: fmt.Sprint(i)}, func(r archive.AuditRecord) string {
				return fmt.Sprintf("%d after (%.20s)", r.Seq, r.Prev)
			})
			if err != nil {
				s.Error(err)
			}
		}
	})
	all, err := s.a.ListAudit(s.Context(), archive.AuditQuery{Limit: 1000})
	s.ok(err)
	prev := ""
	for i, r := range all {
		if r.Seq != int64(i+1) || r.Prev != prev {
			s.Fatalf("record %d: %+v", i+1, r)
		}
		prev = r.Hash
	}
	if len(all) != 80 {
		s.Fatalf("%d records, want 80", len(all))
	}
}

func closedRefuses(s *suite) {
	s.ok(s.a.Ping(s.Context()))
	other := s.f.New(s.T)
	s.ok(other.Close())
	s.ok(other.Close())
	s.code(other.Ping(s.Context()), bongsu.CodeUnavailable, "Ping of a closed archive")
	_, err := other.ListEvents(s.Context(), archive.EventQuery{Limit: 1})
	s.code(err, bongsu.CodeUnavailable, "ListEvents of a closed archive")
}
