package archivetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"bongsu"
	"bongsu/cloud/archive"
)

var inboxTests = []test{
	{"InboxPut", inboxPut},
	{"InboxAllOrNone", inboxAllOrNone},
	{"InboxPending", inboxPending},
	{"ApplyMovesTheRow", applyMovesTheRow},
	{"ApplyAgain", applyAgain},
	{"ApplyLowerAfterHigher", applyLowerAfterHigher},
	{"ApplyRouterFails", applyRouterFails},
	{"ApplyWithoutRouter", applyWithoutRouter},
	{"DeadLetters", deadLetters},
	{"InboxPages", inboxPages},
	{"LetterDropped", letterDropped},
	{"Leases", leases},
}

func inboxPut(s *suite) {
	first := s.put(EdgeA, T0, Event(1, 1), Event(1, 2), Event(2, 1), Event(1, 1))
	if want := []archive.PutStatus{archive.PutStored, archive.PutStored, archive.PutStored, archive.PutKnown}; !slices.Equal(first, want) {
		s.Fatalf("statuses %v, want %v", first, want)
	}
	s.reopen()
	again := s.put(EdgeA, T0.Add(time.Second), Event(1, 1), Event(3, 1))
	if want := []archive.PutStatus{archive.PutKnown, archive.PutStored}; !slices.Equal(again, want) {
		s.Fatalf("statuses %v, want %v", again, want)
	}
	if got := s.put(EdgeB, T0, Event(1, 5)); got[0] != archive.PutForeign {
		s.Fatalf("another edge's event: %v", got)
	}
	row, err := s.a.GetInbox(s.Context(), Key(1, 1))
	s.ok(err)
	want := Event(1, 1)
	want.Edge = EdgeA
	if row.Edge != EdgeA || !row.Received.Equal(T0) || !reflect.DeepEqual(row.Record.Event, want) || string(row.Record.Snapshot) != "jpeg of "+string(ID(1)) {
		s.Fatalf("row %+v", row)
	}
	e, err := s.a.GetEdge(s.Context(), EdgeA)
	s.ok(err)
	if !e.LastSeen.Equal(T0.Add(time.Second)) {
		s.Fatalf("edge was seen at %v", e.LastSeen)
	}
}

func inboxAllOrNone(s *suite) {
	_, err := s.a.PutInbox(s.Context(), "nobody", T0, []bongsu.EventRecord{{Event: Event(1, 1)}})
	s.code(err, bongsu.CodeUnauthorized, "PutInbox of an unknown edge")
	s.ok(s.a.SetEdgeDisabled(s.Context(), EdgeA, true))
	_, err = s.a.PutInbox(s.Context(), EdgeA, T0, []bongsu.EventRecord{{Event: Event(1, 1)}})
	s.code(err, bongsu.CodeUnauthorized, "PutInbox of a disabled edge")
	keys, err := s.a.PendingInbox(s.Context(), T0.Add(time.Hour), archive.Pending{}, 10)
	s.ok(err)
	if len(keys) != 0 {
		s.Fatalf("stored all the same: %v", keys)
	}
	none, err := s.a.PutInbox(s.Context(), EdgeB, T0, nil)
	s.ok(err)
	if len(none) != 0 {
		s.Fatalf("statuses of nothing: %v", none)
	}
}

func inboxPending(s *suite) {
	for i := range 5 {
		s.put(EdgeA, T0.Add(time.Duration(i)*time.Second), Event(i, 1))
	}
	keys, err := s.a.PendingInbox(s.Context(), T0.Add(3*time.Second), archive.Pending{}, 2)
	s.ok(err)
	if want := []archive.Pending{{Key: Key(0, 1), Received: T0}, {Key: Key(1, 1), Received: T0.Add(time.Second)}}; !slices.Equal(keys, want) {
		s.Fatalf("pending %v, want %v", keys, want)
	}
	keys, err = s.a.PendingInbox(s.Context(), T0.Add(3*time.Second), archive.Pending{}, 10)
	s.ok(err)
	if len(keys) != 3 {
		s.Fatalf("%d rows are older than 3 s, want 3", len(keys))
	}
}

// inboxPages reads many rows of the same instant page by page.
func inboxPages(s *suite) {
	var events []bongsu.Event
	for i := range 10 {
		events = append(events, Event(i%5, 1+i/5))
	}
	s.put(EdgeA, T0, events...)
	s.put(EdgeA, T0.Add(time.Second), Event(7, 1))
	seen := map[bongsu.EventKey]bool{}
	var after archive.Pending
	for {
		rows, err := s.a.PendingInbox(s.Context(), T0.Add(time.Hour), after, 3)
		s.ok(err)
		if len(rows) == 0 {
			break
		}
		for _, r := range rows {
			if seen[r.Key] {
				s.Fatalf("%v came twice", r.Key)
			}
			seen[r.Key] = true
		}
		after = rows[len(rows)-1]
	}
	if len(seen) != 11 || after.Key != Key(7, 1) {
		s.Fatalf("%d rows, the last %v", len(seen), after)
	}
}

// letterDropped: what is dropped is gone for good; the count goes along.
func letterDropped(s *suite) {
	count := func(want int) {
		s.Helper()
		n, err := s.a.CountLetters(s.Context())
		s.ok(err)
		if n != want {
			s.Fatalf("%d dead letters, want %d", n, want)
		}
	}
	s.put(EdgeA, T0, Event(1, 1), Event(2, 1))
	s.code(s.a.DropLetter(s.Context(), Key(1, 1)), bongsu.CodeNotFound, "DropLetter of an inbox row")
	s.ok(s.a.Bury(s.Context(), Key(1, 1), "x", 5, T0))
	s.ok(s.a.Bury(s.Context(), Key(2, 1), "x", 5, T0))
	count(2)
	s.ok(s.a.DropLetter(s.Context(), Key(1, 1)))
	count(1)
	s.code(s.a.DropLetter(s.Context(), Key(1, 1)), bongsu.CodeNotFound, "DropLetter again")
	s.code(s.a.Revive(s.Context(), Key(1, 1)), bongsu.CodeNotFound, "Revive after DropLetter")
	s.reopen()
	count(1)
	letters, err := s.a.DeadLetters(s.Context(), 10)
	s.ok(err)
	if len(letters) != 1 || letters[0].Key != Key(2, 1) {
		s.Fatalf("letters %+v", letters)
	}
}

// leases: one holder at a time, by the caller's clock, also among many at once.
func leases(s *suite) {
	take := func(holder string, after, ttl time.Duration, want bool) {
		s.Helper()
		got, err := s.a.TakeLease(s.Context(), "sweep", holder, T0.Add(after), ttl)
		s.ok(err)
		if got != want {
			s.Fatalf("%s after %v: %t, want %t", holder, after, got, want)
		}
	}
	take("a", 0, time.Minute, true)
	take("b", 59*time.Second, time.Minute, false)
	take("a", 59*time.Second, time.Minute, true) // prolonged
	take("b", 61*time.Second, time.Minute, false)
	s.reopen()
	take("b", 118*time.Second, time.Minute, false)
	take("b", 119*time.Second, time.Minute, true) // a said nothing
	take("a", 120*time.Second, time.Minute, false)
	take("a", 120*time.Second, 0, false) // not its to give
	take("a", 121*time.Second, time.Minute, false)
	take("b", 122*time.Second, 0, false) // given back
	take("a", 122*time.Second, time.Minute, true)
	if got, err := s.a.TakeLease(s.Context(), "other", "b", T0, time.Minute); err != nil || !got {
		s.Fatalf("another name: %t, %v", got, err)
	}
	var has atomic.Int64
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			got, err := s.a.TakeLease(s.Context(), "at once", fmt.Sprint("holder", i), T0, time.Minute)
			if err != nil {
				s.Error(err)
			}
			if got {
				has.Add(1)
			}
		})
	}
	wg.Wait()
	if has.Load() != 1 {
		s.Fatalf("%d holders at once", has.Load())
	}
}

func applyMovesTheRow(s *suite) {
	ev := Event(1, 1)
	s.put(EdgeA, T0, ev)
	done := s.apply(ev.Key(), T0.Add(time.Second))
	if done.Known || !done.Latest || done.Alert == "" || done.Seq != 2 {
		s.Fatalf("applied %+v", done)
	}
	s.reopen()
	_, err := s.a.GetInbox(s.Context(), ev.Key())
	s.code(err, bongsu.CodeNotFound, "GetInbox after Apply")
	row, err := s.a.GetEvent(s.Context(), ev.ID)
	s.ok(err)
	if row.Alert != done.Alert || row.Edge != EdgeA || row.Snapshot == nil || row.Snapshot.Key != archive.SnapshotKey(ev.Key()) ||
		!row.Received.Equal(T0) || row.Stamps.ReceivedUS != T0.UnixMicro() || row.Stamps.AlertedUS != T0.Add(time.Second).UnixMicro() {
		s.Fatalf("row %+v", row)
	}
	row.Stamps, ev.Edge = bongsu.Stamps{}, EdgeA
	if !reflect.DeepEqual(row.Event, ev) {
		s.Fatalf("event %+v\nwant  %+v", row.Event, ev)
	}
	if got := s.put(EdgeA, T0, ev); got[0] != archive.PutKnown {
		s.Fatalf("sent again after Apply: %v", got)
	}
	if got := s.put(EdgeB, T0, Event(1, 2)); got[0] != archive.PutForeign {
		s.Fatalf("sent by another edge after Apply: %v", got)
	}
}

func applyAgain(s *suite) {
	ev := Event(1, 1)
	s.add(ev)
	_, latest, err := s.a.ChangeBounds(s.Context())
	s.ok(err)
	done := s.apply(ev.Key(), T0)
	if !done.Known || !done.Latest || done.Seq != 0 {
		s.Fatalf("applied again: %+v", done)
	}
	if _, now, _ := s.a.ChangeBounds(s.Context()); now != latest {
		s.Fatal("a redelivery wrote changes")
	}
	_, err = s.a.Apply(s.Context(), bongsu.EventKey{ID: ID(9), Revision: 1}, s.options(ev.Key(), T0))
	s.code(err, bongsu.CodeNotFound, "Apply of what never came")
}

// applyLowerAfterHigher applies revisions in random orders: the latest view is the highest, every
// revision is kept.
func applyLowerAfterHigher(s *suite) {
	seed := uint64(time.Now().UnixNano())
	s.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	for n := range 10 {
		order := r.Perm(5)
		for i, rev := range order {
			ev := Event(n*100, rev+1)
			ev.Score = float32(rev+1) / 10
			s.put(EdgeA, T0, ev)
			o := s.options(ev.Key(), T0)
			if rev != 0 {
				o.Snapshot = nil
			}
			done, err := s.a.Apply(s.Context(), ev.Key(), o)
			s.ok(err)
			highest := slices.Max(order[:i+1]) + 1
			row, err := s.a.GetEvent(s.Context(), ev.ID)
			s.ok(err)
			if row.Revision != highest || row.Score != float32(highest)/10 || done.Latest != (highest == rev+1) {
				s.Fatalf("order %v step %d: revision %d, latest %v", order, i, row.Revision, done.Latest)
			}
		}
		revs, err := s.a.Revisions(s.Context(), ID(n*100))
		s.ok(err)
		for i, rev := range revs {
			if len(revs) != 5 || rev.Revision != i+1 || (rev.Snapshot != nil) != (i == 0) {
				s.Fatalf("order %v: revision %d of %d is %+v", order, i, len(revs), rev)
			}
		}
		row, err := s.a.GetEvent(s.Context(), ID(n*100))
		s.ok(err)
		if row.Snapshot == nil || row.Snapshot.Key != archive.SnapshotKey(bongsu.EventKey{ID: ID(n * 100), Revision: 1}) {
			s.Fatalf("order %v: snapshot %+v", order, row.Snapshot)
		}
	}
	_, err := s.a.Revisions(s.Context(), ID(9))
	s.code(err, bongsu.CodeNotFound, "Revisions of nothing")
}

func applyRouterFails(s *suite) {
	ev := Event(1, 1)
	s.put(EdgeA, T0, ev)
	o := s.options(ev.Key(), T0)
	boom := errors.New("boom")
	o.Route = func(archive.Situation) (archive.Decision, error) { return archive.Decision{}, boom }
	if _, err := s.a.Apply(s.Context(), ev.Key(), o); !errors.Is(err, boom) {
		s.Fatalf("Apply: %v", err)
	}
	_, err := s.a.GetEvent(s.Context(), ev.ID)
	s.code(err, bongsu.CodeNotFound, "GetEvent after a failed Apply")
	if _, err := s.a.GetInbox(s.Context(), ev.Key()); err != nil {
		s.Fatalf("the inbox row went: %v", err)
	}
	o.Route = func(archive.Situation) (archive.Decision, error) { panic("boom") } //nolint:forbidigo // what is tested
	func() {
		defer func() {
			if recover() == nil {
				s.Error("a router's panic was swallowed")
			}
		}()
		_, _ = s.a.Apply(s.Context(), ev.Key(), o)
	}()
	s.apply(ev.Key(), T0) // writers are not blocked by it
}

func applyWithoutRouter(s *suite) {
	ev := Event(1, 1)
	s.put(EdgeA, T0, ev)
	done, err := s.a.Apply(s.Context(), ev.Key(), archive.ApplyOptions{At: T0})
	s.ok(err)
	row, err := s.a.GetEvent(s.Context(), ev.ID)
	s.ok(err)
	if done.Alert != "" || row.Alert != "" || row.Snapshot != nil || done.Seq != 1 {
		s.Fatalf("applied %+v, row %+v", done, row)
	}
}

func deadLetters(s *suite) {
	ev := Event(1, 1)
	s.put(EdgeA, T0, ev)
	s.ok(s.a.Bury(s.Context(), ev.Key(), "cannot be read", 5, T0.Add(time.Minute)))
	s.code(s.a.Bury(s.Context(), ev.Key(), "again", 5, T0), bongsu.CodeNotFound, "Bury again")
	s.reopen()
	letters, err := s.a.DeadLetters(s.Context(), 10)
	s.ok(err)
	want := archive.DeadLetter{Key: ev.Key(), Edge: EdgeA, Received: T0, Buried: T0.Add(time.Minute), Deliveries: 5, Reason: "cannot be read"}
	if len(letters) != 1 || letters[0] != want {
		s.Fatalf("letters %+v", letters)
	}
	if got := s.put(EdgeA, T0, ev); got[0] != archive.PutKnown {
		s.Fatalf("sent again while buried: %v", got)
	}
	keys, err := s.a.PendingInbox(s.Context(), T0.Add(time.Hour), archive.Pending{}, 10)
	s.ok(err)
	if len(keys) != 0 {
		s.Fatalf("a buried row is pending: %v", keys)
	}
	s.ok(s.a.Revive(s.Context(), ev.Key()))
	s.code(s.a.Revive(s.Context(), ev.Key()), bongsu.CodeNotFound, "Revive again")
	s.apply(ev.Key(), T0)
}

var eventTests = []test{
	{"EventPages", eventPages},
	{"EventFilters", eventFilters},
}

// eventPages cuts a list into pages while newer events come in: none is missed or doubled.
func eventPages(s *suite) {
	var want []bongsu.EventID
	for i := range 25 {
		ev := Event(i, 1)
		ev.Start = T0.Add(time.Duration(i/3) * time.Second) // ties
		ev.Fired = ev.Start
		s.add(ev)
		want = append(want, ev.ID)
	}
	slices.Reverse(want)
	var got []bongsu.EventID
	q := archive.EventQuery{Limit: 4}
	for n := 0; ; n++ {
		page, err := s.a.ListEvents(s.Context(), q)
		s.ok(err)
		for _, e := range page.Events {
			got = append(got, e.ID)
		}
		if page.Next.IsZero() {
			break
		}
		q.After, err = archive.ParseCursor(page.Next.String())
		s.ok(err)
		s.add(Event(1000+n, 1))
	}
	if !slices.Equal(got, want) {
		s.Fatalf("got  %v\nwant %v", got, want)
	}
}

func eventFilters(s *suite) {
	for i := range 8 {
		ev := Event(i*600, 1)
		if i%2 == 1 {
			ev.Camera = "cam2"
		}
		if i >= 4 {
			ev.Kind = bongsu.KindLoitering
		}
		s.add(ev)
	}
	row, err := s.a.GetEvent(s.Context(), ID(1200))
	s.ok(err)
	_, err = s.a.UpdateAlert(s.Context(), row.Alert, change("kim", T0, bongsu.WorkClosed, bongsu.VerdictFalseAnimal))
	s.ok(err)
	for name, c := range map[string]struct {
		q    archive.EventQuery
		want []int
	}{
		"all":         {archive.EventQuery{}, []int{7, 6, 5, 4, 3, 2, 1, 0}},
		"camera":      {archive.EventQuery{Camera: "cam2"}, []int{7, 5, 3, 1}},
		"edge":        {archive.EventQuery{Edge: EdgeB}, nil},
		"edge camera": {archive.EventQuery{Edge: EdgeA, Camera: "cam1"}, []int{6, 4, 2, 0}},
		"kind":        {archive.EventQuery{Kind: bongsu.KindLoitering}, []int{7, 6, 5, 4}},
		"from":        {archive.EventQuery{From: T0.Add(3000 * time.Second)}, []int{7, 6, 5}},
		"to":          {archive.EventQuery{To: T0.Add(1200 * time.Second)}, []int{1, 0}},
		"span":        {archive.EventQuery{From: T0.Add(600 * time.Second), To: T0.Add(1800 * time.Second)}, []int{2, 1}},
		"verdict":     {archive.EventQuery{Verdict: bongsu.VerdictFalseAnimal}, []int{2}},
		"unjudged":    {archive.EventQuery{Unjudged: true, Kind: bongsu.KindIntrusion}, []int{3, 1, 0}},
		"nothing":     {archive.EventQuery{Camera: "cam2", Verdict: bongsu.VerdictFalseAnimal}, nil},
	} {
		c.q.Limit = 100
		page, err := s.a.ListEvents(s.Context(), c.q)
		s.ok(err)
		var got []int
		for _, e := range page.Events {
			got = append(got, int(e.Start.Sub(T0)/(600*time.Second)))
		}
		if !slices.Equal(got, c.want) || !page.Next.IsZero() {
			s.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

var clipTests = []test{
	{"ClipBeforeItsEvent", clipBeforeItsEvent},
	{"ClipDeclaredAgain", clipDeclaredAgain},
	{"ClipLost", clipLost},
	{"ClipOfOthers", clipOfOthers},
}

// Clip makes a clip part of event n.
func Clip(n, part int, hash string) bongsu.Clip {
	return bongsu.Clip{Event: ID(n), Part: part, Camera: "cam1", State: bongsu.ClipReady, SHA256: hash, Bytes: 100,
		Codec: "avc1.64001f", Start: T0.Add(time.Duration(n) * time.Second), DurationUS: 5_000_000}
}

func clipBeforeItsEvent(s *suite) {
	c := Clip(1, 0, "aa")
	row, err := s.a.DeclareClip(s.Context(), EdgeA, c, T0)
	s.ok(err)
	if row.Complete() || row.Object != "" || row.Clip != c || row.Edge != EdgeA || !row.Declared.Equal(T0) {
		s.Fatalf("declared %+v", row)
	}
	for range 2 {
		row, err = s.a.CompleteClip(s.Context(), EdgeA, c.Key(), "aa", T0.Add(time.Second))
		s.ok(err)
		if !row.Complete() || row.Object != archive.ClipKey(c.Key(), "aa") {
			s.Fatalf("completed %+v", row)
		}
	}
	s.reopen()
	s.add(Event(1, 1))
	_, err = s.a.DeclareClip(s.Context(), EdgeA, Clip(1, 1, "bb"), T0)
	s.ok(err)
	ev, err := s.a.GetEvent(s.Context(), ID(1))
	s.ok(err)
	if len(ev.Clips) != 2 || ev.Clips[0] != row || ev.Clips[1].Complete() {
		s.Fatalf("clips of the event %+v", ev.Clips)
	}
	al, err := s.a.GetAlert(s.Context(), ev.Alert)
	s.ok(err)
	if al.ClipParts != 1 || !al.Snapshot {
		s.Fatalf("alert shows %d parts, snapshot %v", al.ClipParts, al.Snapshot)
	}
	listed, err := s.a.ListClips(s.Context(), ID(1))
	s.ok(err)
	if !slices.Equal(listed, ev.Clips) {
		s.Fatalf("ListClips %+v", listed)
	}
	_, err = s.a.GetClip(s.Context(), bongsu.ClipKey{Event: ID(1), Part: 7})
	s.code(err, bongsu.CodeNotFound, "GetClip")
	changes, err := s.a.ChangesSince(s.Context(), 0, 10)
	s.ok(err)
	if len(changes) != 3 || changes[0].Kind != archive.ChangeClip || changes[0].Event != ID(1) {
		s.Fatalf("changes %+v", changes)
	}
}

func clipDeclaredAgain(s *suite) {
	declare := func(hash string) (archive.ClipRow, error) {
		return s.a.DeclareClip(s.Context(), EdgeA, Clip(1, 0, hash), T0)
	}
	for _, hash := range []string{"aa", "aa", "bb"} {
		row, err := declare(hash)
		s.ok(err)
		if row.SHA256 != hash || row.Complete() {
			s.Fatalf("declared %+v", row)
		}
	}
	longer := Clip(1, 0, "bb")
	longer.Bytes++
	row, err := s.a.DeclareClip(s.Context(), EdgeA, longer, T0)
	s.ok(err)
	if row.Bytes != longer.Bytes {
		s.Fatalf("a corrected size was not taken: %+v", row)
	}
	key := bongsu.ClipKey{Event: ID(1)}
	_, err = s.a.CompleteClip(s.Context(), EdgeA, key, "aa", T0)
	s.code(err, bongsu.CodeConflict, "CompleteClip of a declaration that was replaced")
	_, err = s.a.CompleteClip(s.Context(), EdgeA, key, "bb", T0)
	s.ok(err)
	_, err = declare("cc")
	s.code(err, bongsu.CodeConflict, "DeclareClip of other bytes after completion")
	row, err = s.a.DeclareClip(s.Context(), EdgeA, longer, T0)
	s.ok(err)
	if !row.Complete() {
		s.Fatal("the complete part was declared open again")
	}
}

func clipOfOthers(s *suite) {
	s.add(Event(1, 1))
	_, err := s.a.DeclareClip(s.Context(), EdgeB, Clip(1, 0, "aa"), T0)
	s.code(err, bongsu.CodeForbidden, "DeclareClip to another edge's event")
	_, err = s.a.DeclareClip(s.Context(), EdgeA, Clip(2, 0, "aa"), T0)
	s.ok(err)
	_, err = s.a.DeclareClip(s.Context(), EdgeB, Clip(2, 0, "bb"), T0)
	s.code(err, bongsu.CodeForbidden, "DeclareClip of another edge's part")
	_, err = s.a.CompleteClip(s.Context(), EdgeB, bongsu.ClipKey{Event: ID(2)}, "aa", T0)
	s.code(err, bongsu.CodeNotFound, "CompleteClip of another edge's part")
	_, err = s.a.DeclareClip(s.Context(), "nobody", Clip(3, 0, "aa"), T0)
	s.code(err, bongsu.CodeUnauthorized, "DeclareClip of an unknown edge")
}
