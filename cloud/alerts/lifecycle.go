package alerts

import (
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"bongsu"
	"bongsu/cloud/archive"
)

// MaxNote is the most characters that a verdict's note has.
const MaxNote = 1000

// Actor is who does something to an alert.
type Actor struct {
	Username string
	Name     string
	Client   string // address the request came from
	Admin    bool
}

// HeldError is inside the error of a step that failed because somebody else holds the alert.
type HeldError struct {
	Owner     string
	OwnerName string
}

// Error names the holder.
func (e *HeldError) Error() string {
	if e.OwnerName == "" {
		return "held by " + e.Owner
	}
	return fmt.Sprintf("held by %s (%s)", e.OwnerName, e.Owner)
}

func held(a *bongsu.Alert, code bongsu.Code, what string) error {
	e := &HeldError{Owner: a.Owner, OwnerName: a.OwnerName}
	return &bongsu.Error{Code: code, Message: fmt.Sprintf("alert %s is %s; %s", a.ID, e.Error(), what), Err: e}
}

func closed(a *bongsu.Alert) error {
	return bongsu.Errorf(bongsu.CodeConflict, "alert %s was closed by %s with verdict %s", a.ID, a.Owner, a.Verdict)
}

// change makes an archive.AlertChange of a function that says which entries follow; the alert
// is what they make of it. The fold starts from the history, not from the stored row, so that
// the row can never drift from it.
func (p Policy) change(f func(a *bongsu.Alert, history []archive.HistoryEntry) ([]archive.HistoryEntry, error)) archive.AlertChange {
	return func(a bongsu.Alert, history []archive.HistoryEntry) (bongsu.Alert, []archive.HistoryEntry, error) {
		st := p.fold(a.ID, history)
		entries, err := f(&st.Alert, history)
		if err != nil {
			return a, nil, err
		}
		for _, h := range entries {
			p.step(st, h)
		}
		return st.Alert, entries, nil
	}
}

// by makes an entry of a person.
func (b Actor) by(action string, at time.Time, from, to bongsu.WorkState) archive.HistoryEntry {
	return archive.HistoryEntry{At: micro(at), Actor: b.Username, ActorName: b.Name, Client: b.Client, Action: action, From: from, To: to}
}

func one(h archive.HistoryEntry) []archive.HistoryEntry { return []archive.HistoryEntry{h} }

// Claim gives the alert to an operator. It is compare-and-set: of many at once the first wins,
// the others get CodeConflict with a HeldError. Claiming what one holds changes nothing.
func (p Policy) Claim(by Actor, at time.Time) archive.AlertChange {
	return p.change(func(a *bongsu.Alert, _ []archive.HistoryEntry) ([]archive.HistoryEntry, error) {
		switch {
		case a.Work == bongsu.WorkClosed:
			return nil, closed(a)
		case a.Work == bongsu.WorkUnclaimed:
			return one(by.by(archive.ActionClaim, at, a.Work, bongsu.WorkClaimed)), nil
		case a.Owner == by.Username:
			return nil, nil
		}
		return nil, held(a, bongsu.CodeConflict, "it cannot be claimed before it is released")
	})
}

// Release gives the alert back to all. Only its owner or an admin may (else CodeForbidden), and
// only before the verdict (else CodeConflict). Releasing what nobody holds changes nothing.
func (p Policy) Release(by Actor, at time.Time) archive.AlertChange {
	return p.change(func(a *bongsu.Alert, _ []archive.HistoryEntry) ([]archive.HistoryEntry, error) {
		switch {
		case a.Work == bongsu.WorkClosed:
			return nil, closed(a)
		case a.Work == bongsu.WorkUnclaimed:
			return nil, nil
		case a.Owner != by.Username && !by.Admin:
			return nil, held(a, bongsu.CodeForbidden, "only the holder or an administrator releases it")
		case a.Work == bongsu.WorkConfirmed:
			return nil, bongsu.Errorf(bongsu.CodeConflict, "alert %s is confirmed; close it with a verdict", a.ID)
		}
		return one(by.by(archive.ActionRelease, at, a.Work, bongsu.WorkUnclaimed)), nil
	})
}

// evidenceAgain is how soon opening the same evidence again is worth no new record; a longer
// look keeps the lease alive.
const evidenceAgain = 10 * time.Second

// Evidence records that somebody opened the evidence. The owner's claim becomes a review.
func (p Policy) Evidence(by Actor, at time.Time) archive.AlertChange {
	return p.change(func(a *bongsu.Alert, history []archive.HistoryEntry) ([]archive.HistoryEntry, error) {
		if a.Work == bongsu.WorkClosed {
			return nil, nil
		}
		to := a.Work
		if a.Work == bongsu.WorkClaimed && a.Owner == by.Username {
			to = bongsu.WorkReviewing
		}
		if i := lastPersons(history); to == a.Work && i >= 0 {
			if h := &history[i]; h.Action == archive.ActionEvidence && h.Actor == by.Username && at.Sub(h.At) < evidenceAgain {
				return nil, nil
			}
		}
		return one(by.by(archive.ActionEvidence, at, a.Work, to)), nil
	})
}

// lastPersons is the index of the last entry that a person made, -1 without one.
func lastPersons(history []archive.HistoryEntry) int {
	for i := len(history) - 1; i >= 0; i-- {
		if history[i].Actor != "" {
			return i
		}
	}
	return -1
}

// Verdict judges the alert. The judge must have opened its evidence (else CodeConflict). What
// nobody holds is claimed by it; what somebody else holds only an admin may judge (else
// CodeForbidden with a HeldError). real-dispatch makes an alert confirmed: it is still to be
// dealt with, and the next verdict on it closes it. Every other verdict closes at once.
func (p Policy) Verdict(by Actor, at time.Time, v bongsu.Verdict, note string) archive.AlertChange {
	return p.change(func(a *bongsu.Alert, history []archive.HistoryEntry) ([]archive.HistoryEntry, error) {
		if !slices.Contains(bongsu.Verdicts(), v) {
			return nil, bongsu.Errorf(bongsu.CodeInvalid, "verdict: %q is none of the codes; the API's documentation lists them", v)
		}
		if utf8.RuneCountInString(note) > MaxNote || !utf8.ValidString(note) {
			return nil, bongsu.Errorf(bongsu.CodeInvalid, "note: it must be text of at most %d characters", MaxNote)
		}
		switch {
		case a.Work == bongsu.WorkClosed:
			return nil, closed(a)
		case !openedBy(history, by.Username):
			return nil, bongsu.Errorf(bongsu.CodeConflict, "alert %s: open its evidence before you judge it", a.ID)
		case a.Owner != "" && a.Owner != by.Username && !by.Admin:
			return nil, held(a, bongsu.CodeForbidden, "only the holder or an administrator judges it")
		}
		var entries []archive.HistoryEntry
		from := a.Work
		if a.Work == bongsu.WorkUnclaimed {
			entries = one(by.by(archive.ActionClaim, at, from, bongsu.WorkClaimed))
			from = bongsu.WorkClaimed
		}
		h := by.by(archive.ActionVerdict, at, from, after(a.Work, v))
		h.Verdict, h.Note = v, note
		return append(entries, h), nil
	})
}

// after is the work state that a verdict leads to.
func after(work bongsu.WorkState, v bongsu.Verdict) bongsu.WorkState {
	if v == bongsu.VerdictRealDispatch && work != bongsu.WorkConfirmed {
		return bongsu.WorkConfirmed
	}
	return bongsu.WorkClosed
}

func openedBy(history []archive.HistoryEntry, username string) bool {
	return slices.ContainsFunc(history, func(h archive.HistoryEntry) bool {
		return h.Action == archive.ActionEvidence && h.Actor == username
	})
}

// Undo takes back the verdict that the same person gave at most Policy.UndoWithin ago, unless anything
// was done about the alert since (CodeConflict otherwise).
func (p Policy) Undo(by Actor, at time.Time) archive.AlertChange {
	return p.change(func(a *bongsu.Alert, history []archive.HistoryEntry) ([]archive.HistoryEntry, error) {
		i := lastPersons(history)
		for i >= 0 && history[i].Action == archive.ActionEvidence && history[i].To == a.Work {
			i = lastPersons(history[:i]) // looking at it again is no reason against
		}
		switch {
		case i < 0 || history[i].Action != archive.ActionVerdict:
			return nil, bongsu.Errorf(bongsu.CodeConflict, "alert %s: there is no verdict to take back", a.ID)
		case history[i].Actor != by.Username:
			return nil, bongsu.Errorf(bongsu.CodeForbidden, "alert %s: only %s can take that verdict back", a.ID, history[i].Actor)
		case at.Sub(history[i].At) > p.UndoWithin:
			return nil, bongsu.Errorf(bongsu.CodeConflict, "alert %s: a verdict can be taken back for %s only", a.ID, p.UndoWithin)
		}
		return one(by.by(archive.ActionUndo, at, a.Work, history[i].From)), nil
	})
}

// Expire returns an alert whose owner did nothing for Policy.Lease; otherwise it changes
// nothing.
func (p Policy) Expire(at time.Time) archive.AlertChange {
	return p.change(func(a *bongsu.Alert, history []archive.HistoryEntry) ([]archive.HistoryEntry, error) {
		if a.Work != bongsu.WorkClaimed && a.Work != bongsu.WorkReviewing {
			return nil, nil
		}
		if i := lastPersons(history); i >= 0 && at.Sub(history[i].At) <= p.Lease {
			return nil, nil
		}
		return one(Actor{}.by(archive.ActionExpire, at, a.Work, bongsu.WorkUnclaimed)), nil
	})
}
