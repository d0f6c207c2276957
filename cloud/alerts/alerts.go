// Package alerts decides what an event means for the operators and how an alert lives: which
// events fold into one card, how urgent it is, who may claim, judge and take back. It is pure:
// it gets states and times and gives states and history entries; cloud/archive runs it inside
// its transactions. An alert is a fold over its history: Rebuild gives what is stored.
//
// Raised, ClaimBy and VerdictBy are on the cloud's clock, for that is when operators could know;
// LastSeen is on the edge's wall clock, like all times of events. Folding compares event times
// only, so that a backlog that arrives late folds as it would have live.
package alerts

import (
	"slices"
	"time"

	"bongsu"
	"bongsu/cloud/archive"
)

// SLA is a service level: how long after an alert was raised it is to be claimed and judged.
// 0 is no limit.
type SLA struct {
	Claim   time.Duration
	Verdict time.Duration
}

// Policy holds what may be chosen. The zero value folds nothing; see DefaultPolicy.
type Policy struct {
	// Fold is how far apart, in event time, repeats of one camera and rule may be to join
	// one alert.
	Fold time.Duration
	// MaxEvents is how many events one alert takes in; the next repeat raises another, so that
	// a camera that chatters for days does not make one endless card. 0 is no limit.
	MaxEvents int
	// Lease is how long an alert stays with an owner who does nothing.
	Lease time.Duration
	// UndoWithin is how long a verdict may be taken back by who gave it.
	UndoWithin time.Duration
	// Levels are the service levels; a priority that is absent has none.
	Levels map[bongsu.Priority]SLA
	// NewID makes alert IDs; nil is bongsu.NewAlertID.
	NewID func(time.Time) bongsu.AlertID
}

// DefaultPolicy is the policy of the console's specification: repeats within 60 s fold (1000 at most), a lease
// of 120 s, 10 s to undo, service levels by priority.
func DefaultPolicy() Policy {
	return Policy{
		Fold:       60 * time.Second,
		Lease:      120 * time.Second,
		UndoWithin: 10 * time.Second,
		Levels: map[bongsu.Priority]SLA{
			bongsu.PriorityCritical: {15 * time.Second, 60 * time.Second},
			bongsu.PriorityHigh:     {60 * time.Second, 3 * time.Minute},
			bongsu.PriorityMedium:   {5 * time.Minute, 15 * time.Minute},
		},
	}
}

// Route is an archive.Router: an event of a known alert updates it, a repeat within the window
// joins an alert that is not closed, anything else raises a new alert. What has been judged and
// closed takes no more events in: a repeat after the verdict is news. A kind that is a record, such
// as counted passages, is kept and calls nobody.
func (p Policy) Route(s archive.Situation) (archive.Decision, error) {
	if s.Alert != nil {
		return p.seen(s), nil
	}
	if !s.Event.Kind.Alarm() {
		return archive.Decision{}, nil
	}
	for i := range s.Candidates {
		c := &s.Candidates[i]
		full := p.MaxEvents > 0 && len(c.Events) >= p.MaxEvents
		if c.Work != bongsu.WorkClosed && !full && gap(c, &s.Event) <= p.Fold {
			return p.decide(c.Alert, entry(archive.ActionFold, s, c.OpenEvents, c.Work)), nil
		}
	}
	return p.raise(s), nil
}

func (p Policy) raise(s archive.Situation) archive.Decision {
	newID := p.NewID
	if newID == nil {
		newID = bongsu.NewAlertID
	}
	h := entry(archive.ActionRaise, s, 0, "")
	h.To = bongsu.WorkUnclaimed
	return p.decide(bongsu.Alert{ID: newID(s.At)}, h)
}

// seen updates an alert from a revision of an event that it has. Revisions that say nothing new
// about the alert leave no entry.
func (p Policy) seen(s archive.Situation) archive.Decision {
	d := p.decide(s.Alert.Alert, entry(archive.ActionSeen, s, s.Alert.OpenEvents, s.Alert.Work))
	a, b := s.Alert.Alert, *d.Alert
	if a.LastSeen.Equal(b.LastSeen) && a.Condition == b.Condition && a.Priority == b.Priority && a.Score == b.Score && a.Class == b.Class {
		return archive.Decision{}
	}
	return d
}

func (p Policy) decide(a bongsu.Alert, h archive.HistoryEntry) archive.Decision {
	st := state{Alert: a}
	st.Events = slices.Clone(a.Events)
	p.step(&st, h)
	return archive.Decision{Alert: &st.Alert, History: []archive.HistoryEntry{h}}
}

// gap is how far an event is from what an alert covers, 0 when they meet.
func gap(c *archive.Span, ev *bongsu.Event) time.Duration {
	return max(0, ev.Start.Sub(c.Last), c.First.Sub(lastOf(ev)))
}

// lastOf is the latest instant that an event speaks of.
func lastOf(ev *bongsu.Event) time.Time {
	last := ev.Start
	for _, t := range []time.Time{ev.Fired, ev.End} {
		if t.After(last) {
			last = t
		}
	}
	return last
}

// entry describes what the situation's event does to an alert that has others open beside it.
func entry(action string, s archive.Situation, othersOpen int, work bongsu.WorkState) archive.HistoryEntry {
	ev := &s.Event
	condition := bongsu.ConditionCleared
	if ev.State == bongsu.EventOpen || othersOpen > 0 {
		condition = bongsu.ConditionActive
	}
	return archive.HistoryEntry{
		At: micro(s.At), Action: action, From: work, To: work, Condition: condition,
		Event: &archive.Occurrence{
			Event: ev.ID, Revision: ev.Revision, Edge: ev.Edge, Camera: ev.Camera, CameraName: ev.CameraName,
			Rule: ev.Rule, Kind: ev.Kind, Priority: ev.Priority, Fired: ev.Fired, Last: lastOf(ev), Class: ev.Class, Score: ev.Score,
		},
	}
}

// micro cuts to what every backend keeps.
func micro(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// work is the part of an alert that people move.
type work struct {
	state     bongsu.WorkState
	owner     string
	ownerName string
	verdict   bongsu.Verdict
	note      string
	closed    time.Time
}

// state is an alert on its way through its history.
type state struct {
	bongsu.Alert
	before *work // as it was ahead of the last verdict, for undo
}

func (s *state) work() work {
	return work{s.Work, s.Owner, s.OwnerName, s.Verdict, s.Note, s.ClosedAt}
}

func (s *state) setWork(w work) {
	s.Work, s.Owner, s.OwnerName, s.Verdict, s.Note, s.ClosedAt = w.state, w.owner, w.ownerName, w.verdict, w.note, w.closed
}

// Rebuild folds an alert's whole history, oldest first. It equals the stored alert but for Seq,
// which the archive gives.
func (p Policy) Rebuild(id bongsu.AlertID, history []archive.HistoryEntry) bongsu.Alert {
	return p.fold(id, history).Alert
}

func (p Policy) fold(id bongsu.AlertID, history []archive.HistoryEntry) *state {
	st := &state{Alert: bongsu.Alert{ID: id}}
	for _, h := range history {
		p.step(st, h)
	}
	return st
}

// step takes one entry in. It is the only place where an alert changes.
func (p Policy) step(s *state, h archive.HistoryEntry) {
	switch h.Action {
	case archive.ActionRaise:
		p.stepRaise(s, h)
	case archive.ActionFold, archive.ActionSeen:
		p.stepEvent(s, h)
	case archive.ActionClaim:
		s.Work, s.Owner, s.OwnerName = h.To, h.Actor, h.ActorName
	case archive.ActionRelease, archive.ActionExpire:
		s.Work, s.Owner, s.OwnerName = h.To, "", ""
	case archive.ActionEvidence:
		s.Work = h.To
	case archive.ActionVerdict:
		before := s.work()
		s.before = &before
		closed := time.Time{}
		if h.To == bongsu.WorkClosed {
			closed = h.At
		}
		s.setWork(work{h.To, h.Actor, h.ActorName, h.Verdict, h.Note, closed})
	case archive.ActionUndo:
		if s.before != nil {
			s.setWork(*s.before)
			s.before = nil
		}
	}
}

func (p Policy) stepRaise(s *state, h archive.HistoryEntry) {
	o := h.Event
	s.Edge, s.Camera, s.CameraName, s.Rule, s.Kind = o.Edge, o.Camera, o.CameraName, o.Rule, o.Kind
	s.Event, s.Events, s.Count = o.Event, []bongsu.EventID{o.Event}, 1
	s.Raised, s.LastSeen = h.At, o.Last
	s.Condition, s.Work = h.Condition, h.To
	s.Class, s.Score = o.Class, o.Score
	p.setPriority(s, o.Priority, h.At)
}

// stepEvent counts an event in, keeps the best score, and raises the priority if the event's is
// higher; it is never lowered.
func (p Policy) stepEvent(s *state, h archive.HistoryEntry) {
	o := h.Event
	if !slices.Contains(s.Events, o.Event) {
		s.Events = append(s.Events, o.Event)
		slices.Sort(s.Events) // UUIDv7 sorts by time
		s.Count = len(s.Events)
	}
	s.Condition = h.Condition
	if o.Last.After(s.LastSeen) {
		s.LastSeen = o.Last
	}
	if o.Score > s.Score {
		s.Class, s.Score = o.Class, o.Score
	}
	if o.Priority.Rank() < s.Priority.Rank() {
		p.setPriority(s, o.Priority, h.At)
	}
}

// setPriority starts the service level's clock: when the alert is raised, and anew when it
// becomes more urgent.
func (p Policy) setPriority(s *state, priority bongsu.Priority, at time.Time) {
	s.Priority, s.ClaimBy, s.VerdictBy = priority, time.Time{}, time.Time{}
	level := p.Levels[priority]
	if level.Claim > 0 {
		s.ClaimBy = at.Add(level.Claim)
	}
	if level.Verdict > 0 {
		s.VerdictBy = at.Add(level.Verdict)
	}
}
