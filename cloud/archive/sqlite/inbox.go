package sqlite

import (
	"context"
	"encoding/json"
	"time"

	"bongsu"
	"bongsu/cloud/archive"
)

// PutInbox implements archive.Inbox.
func (a *Archive) PutInbox(ctx context.Context, edge bongsu.EdgeID, received time.Time, records []bongsu.EventRecord) ([]archive.PutStatus, error) {
	out := make([]archive.PutStatus, len(records))
	err := a.write(ctx, "store events", func(t *tx) error {
		if err := t.seen(edge, received); err != nil {
			return err
		}
		for i := range records {
			var err error
			if out[i], err = t.putInbox(edge, received, records[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// seen notes a request of an edge; CodeUnauthorized when it may not make one.
func (t *tx) seen(edge bongsu.EdgeID, at time.Time) error {
	n, err := t.exec("UPDATE edges SET last_seen_us = max(last_seen_us, ?) WHERE id = ? AND NOT disabled", micros(at), edge)
	if err == nil && n == 0 {
		return bongsu.Errorf(bongsu.CodeUnauthorized, "edge %s is not enrolled here or was disabled; enrol it again", edge)
	}
	return err
}

func (t *tx) putInbox(edge bongsu.EdgeID, received time.Time, r bongsu.EventRecord) (archive.PutStatus, error) {
	owner, there, err := t.revisionOwner(r.Event.Key())
	if err != nil {
		return "", err
	}
	if owner != "" && owner != edge {
		return archive.PutForeign, nil
	}
	if there {
		return archive.PutKnown, nil
	}
	r.Event.Edge = edge
	body, err := json.Marshal(r.Event)
	if err != nil {
		return "", bongsu.Wrap(bongsu.CodeInvalid, err, "event %s revision %d cannot be written as JSON", r.Event.ID, r.Event.Revision)
	}
	_, err = t.exec("INSERT INTO inbox (event, revision, edge, received_us, body, snapshot) VALUES (?, ?, ?, ?, ?, ?)",
		r.Event.ID, r.Event.Revision, edge, micros(received), string(body), r.Snapshot)
	return archive.PutStored, err
}

// revisionOwner says which edge an event belongs to, "" when nothing is known of it, and
// whether this revision of it is there.
func (t *tx) revisionOwner(k bongsu.EventKey) (owner bongsu.EdgeID, there bool, err error) {
	err = t.each(`
		SELECT edge, 0 FROM events WHERE id = ?1
		UNION ALL SELECT e.edge, 1 FROM revisions r JOIN events e ON e.id = r.event WHERE r.event = ?1 AND r.revision = ?2
		UNION ALL SELECT edge, revision = ?2 FROM inbox WHERE event = ?1
		UNION ALL SELECT edge, revision = ?2 FROM dead_letters WHERE event = ?1`,
		[]any{k.ID, k.Revision}, func(scan func(...any) error) error {
			var this bool
			if err := scan(&owner, &this); err != nil {
				return err
			}
			there = there || this
			return nil
		})
	return owner, there, err
}

// PendingInbox implements archive.Inbox.
func (a *Archive) PendingInbox(ctx context.Context, before time.Time, after archive.Pending, limit int) ([]archive.Pending, error) {
	var out []archive.Pending
	err := a.read(ctx, "list inbox", func(t *tx) error {
		return t.each("SELECT event, revision, received_us FROM inbox WHERE received_us < ? AND (received_us, event, revision) > (?, ?, ?)"+
			" ORDER BY received_us, event, revision LIMIT ?",
			[]any{micros(before), micros(after.Received), after.Key.ID, after.Key.Revision, limit}, func(scan func(...any) error) error {
				var p archive.Pending
				var us int64
				err := scan(&p.Key.ID, &p.Key.Revision, &us)
				p.Received = instant(us)
				out = append(out, p)
				return err
			})
	})
	return out, err
}

// GetInbox implements archive.Inbox.
func (a *Archive) GetInbox(ctx context.Context, key bongsu.EventKey) (archive.InboxRow, error) {
	var row archive.InboxRow
	err := a.read(ctx, "read inbox", func(t *tx) (err error) {
		row, err = t.inboxRow(key)
		return err
	})
	return row, err
}

func (t *tx) inboxRow(key bongsu.EventKey) (archive.InboxRow, error) {
	var row archive.InboxRow
	var us int64
	var body string
	there, err := t.found("SELECT edge, received_us, body, snapshot FROM inbox WHERE event = ? AND revision = ?",
		[]any{key.ID, key.Revision}, &row.Edge, &us, &body, &row.Record.Snapshot)
	if err != nil {
		return row, err
	}
	if !there {
		return row, bongsu.Errorf(bongsu.CodeNotFound, "revision %d of event %s is not in the inbox", key.Revision, key.ID)
	}
	row.Received = instant(us)
	return row, decode(body, &row.Record.Event, "inbox row of event "+string(key.ID))
}

// decode reads a body that this package wrote.
func decode(body string, to any, what string) error {
	if err := json.Unmarshal([]byte(body), to); err != nil {
		return bongsu.Wrap(bongsu.CodeInternal, err, "archive: the %s cannot be read; run `bongsu-cloud check`", what)
	}
	return nil
}

// encode writes a body; the types are this program's own and always can be.
func encode(v any) (string, error) {
	b, err := json.Marshal(v)
	return string(b), err
}

const moveColumns = "event, revision, edge, received_us, body, snapshot"

// Bury implements archive.Inbox.
func (a *Archive) Bury(ctx context.Context, key bongsu.EventKey, reason string, deliveries int, at time.Time) error {
	return a.write(ctx, "bury message", func(t *tx) error {
		n, err := t.exec("INSERT INTO dead_letters ("+moveColumns+", buried_us, deliveries, reason) SELECT "+moveColumns+
			", ?, ?, ? FROM inbox WHERE event = ? AND revision = ?", micros(at), deliveries, reason, key.ID, key.Revision)
		if err != nil {
			return err
		}
		if n == 0 {
			return bongsu.Errorf(bongsu.CodeNotFound, "revision %d of event %s is not in the inbox", key.Revision, key.ID)
		}
		_, err = t.exec("DELETE FROM inbox WHERE event = ? AND revision = ?", key.ID, key.Revision)
		return err
	})
}

// DeadLetters implements archive.Inbox.
func (a *Archive) DeadLetters(ctx context.Context, limit int) ([]archive.DeadLetter, error) {
	var out []archive.DeadLetter
	err := a.read(ctx, "list dead letters", func(t *tx) error {
		return t.each("SELECT event, revision, edge, received_us, buried_us, deliveries, reason FROM dead_letters ORDER BY buried_us DESC, event, revision LIMIT ?",
			[]any{limit}, func(scan func(...any) error) error {
				var d archive.DeadLetter
				var received, buried int64
				err := scan(&d.Key.ID, &d.Key.Revision, &d.Edge, &received, &buried, &d.Deliveries, &d.Reason)
				d.Received, d.Buried = instant(received), instant(buried)
				out = append(out, d)
				return err
			})
	})
	return out, err
}

// Revive implements archive.Inbox.
func (a *Archive) Revive(ctx context.Context, key bongsu.EventKey) error {
	return a.write(ctx, "revive dead letter", func(t *tx) error {
		n, err := t.exec("INSERT INTO inbox ("+moveColumns+") SELECT "+moveColumns+" FROM dead_letters WHERE event = ? AND revision = ?", key.ID, key.Revision)
		if err != nil {
			return err
		}
		if n == 0 {
			return bongsu.Errorf(bongsu.CodeNotFound, "revision %d of event %s is no dead letter", key.Revision, key.ID)
		}
		_, err = t.exec("DELETE FROM dead_letters WHERE event = ? AND revision = ?", key.ID, key.Revision)
		return err
	})
}

// DropLetter implements archive.Inbox.
func (a *Archive) DropLetter(ctx context.Context, key bongsu.EventKey) error {
	return a.write(ctx, "drop dead letter", func(t *tx) error {
		n, err := t.exec("DELETE FROM dead_letters WHERE event = ? AND revision = ?", key.ID, key.Revision)
		if err == nil && n == 0 {
			return bongsu.Errorf(bongsu.CodeNotFound, "revision %d of event %s is no dead letter", key.Revision, key.ID)
		}
		return err
	})
}

// CountLetters implements archive.Inbox.
func (a *Archive) CountLetters(ctx context.Context) (int, error) {
	n := 0
	err := a.read(ctx, "count dead letters", func(t *tx) error {
		return t.row("SELECT count(*) FROM dead_letters", nil, &n)
	})
	return n, err
}
