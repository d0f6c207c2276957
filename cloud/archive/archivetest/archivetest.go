// Package archivetest is the conformance suite of archive.Archive: a backend is done when it
// passes.
package archivetest

import (
	"fmt"
	"testing"
	"time"

	"bongsu"
	"bongsu/cloud/archive"
)

// Factory makes archives for the suite.
type Factory struct {
	// New gives an empty archive; it is closed with the test.
	New func(t *testing.T) archive.Archive
	// Reopen closes the archive and opens what it has stored, as after a restart.
	Reopen func(t *testing.T, a archive.Archive) archive.Archive
}

// T0 is the suite's beginning of time. Clocks are the caller's: nothing here is the real one.
var T0 = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// EdgeA and EdgeB are enrolled in every archive that the suite works with.
const (
	EdgeA bongsu.EdgeID = "0190a000-0000-7000-8000-00000000000a"
	EdgeB bongsu.EdgeID = "0190a000-0000-7000-8000-00000000000b"
)

// Run runs the whole suite. Each test ends with Check.
func Run(t *testing.T, f Factory) {
	for _, group := range [][]test{inboxTests, eventTests, clipTests, alertTests, changeTests, edgeTests, userTests, retentionTests, concurrencyTests, modelTests} {
		for _, c := range group {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel() // most of the time goes into waiting for the disk
				s := &suite{T: t, f: f, a: f.New(t)}
				s.enrol(EdgeA, "a")
				s.enrol(EdgeB, "b")
				c.run(s)
				if err := s.a.Check(t.Context()); err != nil {
					t.Fatalf("Check: %v", err)
				}
			})
		}
	}
}

type test struct {
	name string
	run  func(*suite)
}

// suite is one test's archive with the words that the tests share.
type suite struct {
	*testing.T
	f Factory
	a archive.Archive
	n int // alert IDs given
}

func (s *suite) enrol(id bongsu.EdgeID, name string) {
	s.Helper()
	token := archive.EnrolToken{Hash: "token-" + name, Name: name, By: "admin", Created: T0, Expires: T0.Add(time.Hour)}
	s.ok(s.a.PutEnrolToken(s.Context(), token))
	s.ok(s.a.Enrol(s.Context(), token.Hash, archive.Edge{ID: id, Name: name, CredentialHash: "credential-" + name, Enrolled: T0}, T0))
}

func (s *suite) ok(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *suite) code(err error, want bongsu.Code, what string) {
	s.Helper()
	if got := bongsu.CodeOf(err); got != want {
		s.Fatalf("%s: code %q (%v), want %q", what, got, err, want)
	}
}

// ID makes an event ID that sorts by n.
func ID(n int) bongsu.EventID {
	return bongsu.EventID(fmt.Sprintf("0190b000-0000-7000-8000-%012x", n))
}

// Event makes an event of camera cam1, rule r1, that begins n seconds after T0.
func Event(n, revision int) bongsu.Event {
	start := T0.Add(time.Duration(n) * time.Second)
	return bongsu.Event{
		ID: ID(n), Revision: revision, Camera: "cam1", CameraName: "정문", Rule: "r1", Kind: bongsu.KindIntrusion,
		Priority: bongsu.PriorityHigh, State: bongsu.EventOpen, Start: start, Fired: start.Add(time.Second),
		Clock: bongsu.Clock{WallQuality: "synchronised"}, Class: bongsu.ClassPerson, Score: 0.8,
		Box: bongsu.Box{X0: 0.1, Y0: 0.2, X1: 0.3, Y1: 0.9},
	}
}

// Key is the key of Event(n, revision).
func Key(n, revision int) bongsu.EventKey { return bongsu.EventKey{ID: ID(n), Revision: revision} }

// put stores events of an edge in its inbox.
func (s *suite) put(edge bongsu.EdgeID, at time.Time, events ...bongsu.Event) []archive.PutStatus {
	s.Helper()
	records := make([]bongsu.EventRecord, len(events))
	for i := range events {
		records[i] = bongsu.EventRecord{Event: events[i], Snapshot: []byte("jpeg of " + string(events[i].ID))}
	}
	status, err := s.a.PutInbox(s.Context(), edge, at, records)
	s.ok(err)
	return status
}

// apply applies one revision with a snapshot.
func (s *suite) apply(key bongsu.EventKey, at time.Time) archive.Applied {
	s.Helper()
	done, err := s.a.Apply(s.Context(), key, s.options(key, at))
	s.ok(err)
	return done
}

func (s *suite) options(key bongsu.EventKey, at time.Time) archive.ApplyOptions {
	return archive.ApplyOptions{
		At: at, Window: time.Minute, Route: s.route,
		Snapshot: &archive.Snapshot{Key: archive.SnapshotKey(key), SHA256: "hash", Bytes: 7},
	}
}

// add puts and applies.
func (s *suite) add(ev bongsu.Event) archive.Applied {
	s.Helper()
	s.put(EdgeA, ev.Fired, ev)
	return s.apply(ev.Key(), ev.Fired)
}

// route is the simplest router: events join the first candidate.
func (s *suite) route(x archive.Situation) (archive.Decision, error) {
	h := archive.HistoryEntry{At: x.At, Action: archive.ActionFold, To: bongsu.WorkUnclaimed}
	var al bongsu.Alert
	switch {
	case x.Alert != nil:
		al, h.Action = x.Alert.Alert, archive.ActionSeen
	case len(x.Candidates) > 0:
		al = x.Candidates[0].Alert
		al.Events = append(al.Events, x.Event.ID)
	default:
		s.n++
		h.Action = archive.ActionRaise
		al = bongsu.Alert{
			ID:   bongsu.AlertID(fmt.Sprintf("0190c000-0000-7000-8000-%012x", s.n)),
			Edge: x.Event.Edge, Camera: x.Event.Camera, Rule: x.Event.Rule, Kind: x.Event.Kind, Work: bongsu.WorkUnclaimed,
			Event: x.Event.ID, Events: []bongsu.EventID{x.Event.ID}, Raised: x.At,
		}
	}
	al.Count = len(al.Events)
	return archive.Decision{Alert: &al, History: []archive.HistoryEntry{h}}, nil
}

// change makes an AlertChange that sets a work state, as a person.
func change(actor string, at time.Time, to bongsu.WorkState, v bongsu.Verdict) archive.AlertChange {
	return func(a bongsu.Alert, _ []archive.HistoryEntry) (bongsu.Alert, []archive.HistoryEntry, error) {
		h := archive.HistoryEntry{At: at, Actor: actor, Action: archive.ActionClaim, From: a.Work, To: to, Verdict: v}
		a.Work, a.Owner, a.Verdict = to, actor, v
		return a, []archive.HistoryEntry{h}, nil
	}
}

func (s *suite) reopen() {
	s.Helper()
	s.a = s.f.Reopen(s.T, s.a)
}
