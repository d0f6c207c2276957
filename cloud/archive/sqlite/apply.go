package sqlite

import (
	"context"
	"time"

	"bongsu"
	"bongsu/cloud/archive"
)

// Apply implements archive.Inbox.
func (a *Archive) Apply(ctx context.Context, key bongsu.EventKey, o archive.ApplyOptions) (archive.Applied, error) {
	var done archive.Applied
	err := a.write(ctx, "apply event", func(t *tx) error {
		done = archive.Applied{}
		row, err := t.inboxRow(key)
		if bongsu.CodeOf(err) == bongsu.CodeNotFound {
			return t.appliedBefore(key, &done, err)
		}
		if err != nil {
			return err
		}
		if err := t.putRevision(&row, o); err != nil {
			return err
		}
		if done.Latest, err = t.putEvent(&row, o); err != nil {
			return err
		}
		if err := t.route(&row, o, &done); err != nil {
			return err
		}
		_, err = t.exec("DELETE FROM inbox WHERE event = ? AND revision = ?", key.ID, key.Revision)
		return err
	})
	return done, err
}

// appliedBefore tells a redelivery from a message about nothing.
func (t *tx) appliedBefore(key bongsu.EventKey, done *archive.Applied, missing error) error {
	var latest int
	there, err := t.found("SELECT e.revision FROM revisions r JOIN events e ON e.id = r.event WHERE r.event = ? AND r.revision = ?",
		[]any{key.ID, key.Revision}, &latest)
	if err != nil {
		return err
	}
	if !there {
		return missing
	}
	done.Known, done.Latest = true, latest == key.Revision
	return nil
}

// putRevision keeps the revision as it came.
func (t *tx) putRevision(row *archive.InboxRow, o archive.ApplyOptions) error {
	ev := &row.Record.Event
	if o.Snapshot == nil {
		o.Snapshot = &archive.Snapshot{}
	} else if err := t.notCondemned(o.Snapshot.Key); err != nil {
		return err
	}
	if ev.Stamps.ReceivedUS == 0 {
		ev.Stamps.ReceivedUS = micros(row.Received)
	}
	if o.Route != nil {
		ev.Stamps.AlertedUS = micros(o.At)
	}
	body, err := encode(ev)
	if err != nil {
		return err
	}
	_, err = t.exec(`INSERT INTO revisions (event, revision, received_us, applied_us, body, snapshot, snapshot_sha256, snapshot_bytes)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		ev.ID, ev.Revision, micros(row.Received), micros(o.At), body, o.Snapshot.Key, o.Snapshot.SHA256, o.Snapshot.Bytes)
	return err
}

// putEvent makes or renews the event's latest view and reports whether this revision is the
// highest. The snapshot follows its own highest revision, since few revisions carry one.
func (t *tx) putEvent(row *archive.InboxRow, o archive.ApplyOptions) (bool, error) {
	ev := &row.Record.Event
	snap := 0
	if o.Snapshot != nil {
		snap = ev.Revision
	}
	kept := keptFrom(ev.Start, row.Received, ev.Clock.WallQuality == "synchronised")
	n, err := t.exec(`INSERT INTO events (id, edge, camera, kind, state, start_us, last_us, kept_from_us, received_us, revision, snapshot_revision)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET camera = excluded.camera, kind = excluded.kind, state = excluded.state,
			start_us = excluded.start_us, last_us = excluded.last_us, revision = excluded.revision
		WHERE excluded.revision > events.revision`,
		ev.ID, row.Edge, ev.Camera, ev.Kind, ev.State, micros(ev.Start), micros(lastOf(ev)), micros(kept), micros(row.Received), ev.Revision, snap)
	if err != nil {
		return false, err
	}
	_, err = t.exec(`UPDATE events SET snapshot_revision = max(snapshot_revision, ?), received_us = min(received_us, ?),
		kept_from_us = min(kept_from_us, ?) WHERE id = ?`, snap, micros(row.Received), micros(kept), ev.ID)
	return n > 0, err
}

// lastOf is the latest instant that the event speaks of.
func lastOf(ev *bongsu.Event) time.Time {
	last := ev.Start
	for _, t := range []time.Time{ev.Fired, ev.End} {
		if t.After(last) {
			last = t
		}
	}
	return last
}

// keptFrom is the instant from which retention counts: when the thing happened, or when it came
// in where that is earlier or the edge's clock cannot be believed.
func keptFrom(start, received time.Time, believed bool) time.Time {
	if believed && start.Before(received) {
		return start
	}
	return received
}

// route asks the router and stores what it says. The event's change comes before the alert's, so
// that who follows the changes knows the event when its alert appears.
func (t *tx) route(row *archive.InboxRow, o archive.ApplyOptions, done *archive.Applied) error {
	id := row.Record.Event.ID
	situation, err := t.situation(row, o)
	if err != nil {
		return err
	}
	var d archive.Decision
	if o.Route != nil {
		if d, err = o.Route(situation); err != nil {
			return err
		}
	}
	alert := bongsu.AlertID("")
	if situation.Alert != nil {
		alert = situation.Alert.ID
	}
	if d.Alert != nil {
		alert = d.Alert.ID
		if _, err := t.exec("UPDATE events SET alert = ?, verdict = ? WHERE id = ?", alert, d.Alert.Verdict, id); err != nil {
			return err
		}
	}
	if done.Seq, err = t.change(archive.Change{At: o.At, Kind: archive.ChangeEvent, Event: id, Alert: alert}); err != nil {
		return err
	}
	if d.Alert == nil {
		return nil
	}
	done.Alert = alert
	done.Seq, err = t.putAlert(*d.Alert, d.History, o.At)
	return err
}

func (t *tx) situation(row *archive.InboxRow, o archive.ApplyOptions) (archive.Situation, error) {
	s := archive.Situation{At: o.At, Received: row.Received}
	var body, alert string
	err := t.row("SELECT r.body, e.alert FROM events e JOIN revisions r ON r.event = e.id AND r.revision = e.revision WHERE e.id = ?",
		[]any{row.Record.Event.ID}, &body, &alert)
	if err != nil {
		return s, err
	}
	if err := decode(body, &s.Event, "event "+string(row.Record.Event.ID)); err != nil {
		return s, err
	}
	if alert == "" {
		s.Candidates, err = t.candidates(&s.Event, o.Window)
		return s, err
	}
	own, err := t.spans(spanColumns+"WHERE a.id = ?2", s.Event.ID, alert)
	if err == nil && len(own) == 1 {
		s.Alert = &own[0]
	}
	return s, err
}

// spanColumns reads alerts with what Span adds; ?1 is the event that does not count as open.
const spanColumns = `SELECT a.body, a.first_us, a.last_us,
	(SELECT count(*) FROM events e WHERE e.alert = a.id AND e.id <> ?1 AND e.state = 'open') FROM alerts a `

// candidates are alerts whose span, widened by the window, meets the event's.
func (t *tx) candidates(ev *bongsu.Event, window time.Duration) ([]archive.Span, error) {
	return t.spans(spanColumns+`WHERE a.edge = ?2 AND a.camera = ?3 AND a.rule = ?4 AND a.last_us >= ?5 AND a.first_us <= ?6
		ORDER BY a.last_us DESC, a.id DESC LIMIT 20`,
		ev.ID, ev.Edge, ev.Camera, ev.Rule, micros(ev.Start.Add(-window)), micros(lastOf(ev).Add(window)))
}

func (t *tx) spans(query string, args ...any) ([]archive.Span, error) {
	var out []archive.Span
	err := t.each(query, args, func(scan func(...any) error) error {
		var s archive.Span
		var body string
		var first, last int64
		if err := scan(&body, &first, &last, &s.OpenEvents); err != nil {
			return err
		}
		s.First, s.Last = instant(first), instant(last)
		out = append(out, s)
		return decode(body, &out[len(out)-1].Alert, "alert")
	})
	return out, err
}
