package sqlite

import (
	"context"
	"database/sql"
	"time"

	"bongsu"
	"bongsu/cloud/archive"
)

// notCondemned refuses to let a row name an object that is being deleted.
func (t *tx) notCondemned(key string) error {
	var one int
	there, err := t.found("SELECT 1 FROM tombstones WHERE key = ?", []any{key}, &one)
	if err == nil && there {
		return bongsu.Errorf(bongsu.CodeUnavailable, "object %s is being deleted; send it again later", key)
	}
	return err
}

// DeleteBefore implements archive.Retention.
func (a *Archive) DeleteBefore(ctx context.Context, before, now time.Time, limit int) (archive.Deleted, error) {
	var d archive.Deleted
	err := a.write(ctx, "delete what is old", func(t *tx) error {
		d = archive.Deleted{}
		ids, err := t.strings("SELECT id FROM events WHERE kept_from_us < ? ORDER BY kept_from_us LIMIT ?", micros(before), max(limit, 1))
		if err != nil {
			return err
		}
		d.Events, d.More = len(ids), len(ids) == max(limit, 1)
		alerts, err := t.deleteEvents(ids, micros(now), &d)
		if err != nil {
			return err
		}
		if err := t.deleteAlerts(alerts, &d); err != nil {
			return err
		}
		return t.deleteLoose(micros(before), micros(now), &d)
	})
	return d, err
}

// deletion is one statement of DeleteBefore and where its number of rows is counted.
type deletion struct {
	query string
	args  []any
	count *int
}

func (t *tx) deleteAll(all []deletion) error {
	for _, d := range all {
		n, err := t.exec(d.query, d.args...)
		if err != nil {
			return err
		}
		if d.count != nil {
			*d.count += int(n)
		}
	}
	return nil
}

// condemn puts tombstones on keys that a query finds. A part that is declared but not complete
// may have its object already: the key it would get is condemned too.
const (
	condemnSnapshots = "INSERT INTO tombstones (key, condemned_us) SELECT snapshot, ? FROM revisions WHERE snapshot <> '' AND "
	condemnClips     = "INSERT INTO tombstones (key, condemned_us) SELECT 'events/' || event || '/clip-' || part || '-' || substr(sha256, 1, 16) || '.mp4', ? FROM clips WHERE "
	onceOnly         = " ON CONFLICT DO NOTHING"
)

// deleteEvents removes events with all that hangs on them and gives the alerts they belonged to.
func (t *tx) deleteEvents(ids []string, now int64, d *archive.Deleted) ([]string, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	list, err := encode(ids)
	if err != nil {
		return nil, err
	}
	const these = "IN (SELECT value FROM json_each(?))"
	alerts, err := t.strings("SELECT DISTINCT alert FROM events WHERE alert <> '' AND id "+these, list)
	if err != nil {
		return nil, err
	}
	return alerts, t.deleteAll([]deletion{
		{condemnSnapshots + "event " + these + onceOnly, []any{now, list}, &d.Objects},
		{condemnClips + "event " + these + onceOnly, []any{now, list}, &d.Objects},
		{"DELETE FROM clips WHERE event " + these, []any{list}, &d.Clips},
		{"DELETE FROM revisions WHERE event " + these, []any{list}, nil},
		{"DELETE FROM inbox WHERE event " + these, []any{list}, &d.Letters},
		{"DELETE FROM dead_letters WHERE event " + these, []any{list}, &d.Letters},
		{"DELETE FROM changes WHERE event " + these, []any{list}, nil},
		{"DELETE FROM events WHERE id " + these, []any{list}, nil},
	})
}

// deleteAlerts removes those of the alerts that have no event left.
func (t *tx) deleteAlerts(ids []string, d *archive.Deleted) error {
	if len(ids) == 0 {
		return nil
	}
	list, err := encode(ids)
	if err != nil {
		return err
	}
	const gone = " IN (SELECT value FROM json_each(?) WHERE NOT EXISTS (SELECT 1 FROM events e WHERE e.alert = value))"
	return t.deleteAll([]deletion{
		{"DELETE FROM alert_history WHERE alert" + gone, []any{list}, nil},
		{"DELETE FROM changes WHERE alert" + gone, []any{list}, nil},
		{"DELETE FROM alerts WHERE id" + gone, []any{list}, &d.Alerts},
	})
}

// deleteLoose removes what hangs on no event: clips whose event never came, letters, stills,
// sessions and tokens that are over.
func (t *tx) deleteLoose(before, now int64, d *archive.Deleted) error {
	const orphan = "kept_from_us < ? AND NOT EXISTS (SELECT 1 FROM events e WHERE e.id = event)"
	return t.deleteAll([]deletion{
		{condemnClips + orphan + onceOnly, []any{now, before}, &d.Objects},
		{"DELETE FROM changes WHERE kind = 'clip' AND event IN (SELECT event FROM clips WHERE " + orphan + ")", []any{before}, nil},
		{"DELETE FROM clips WHERE " + orphan, []any{before}, &d.Clips},
		{"DELETE FROM inbox WHERE received_us < ?", []any{before}, &d.Letters},
		{"DELETE FROM dead_letters WHERE received_us < ?", []any{before}, &d.Letters},
		{"UPDATE cameras SET still = NULL, still_us = 0 WHERE still IS NOT NULL AND still_us < ?", []any{before}, &d.Stills},
		{"DELETE FROM sessions WHERE expires_us <= ?", []any{now}, nil},
		{"DELETE FROM api_tokens WHERE expires_us <> 0 AND expires_us <= ?", []any{now}, nil},
		{"DELETE FROM enrol_tokens WHERE expires_us < ?", []any{before}, nil},
	})
}

// Condemn implements archive.Retention.
func (a *Archive) Condemn(ctx context.Context, keys []string, now time.Time) ([]string, error) {
	var out []string
	list, err := encode(keys)
	if err != nil {
		return nil, err
	}
	err = a.write(ctx, "condemn orphans", func(t *tx) error {
		if out, err = t.strings(`SELECT value FROM json_each(?) WHERE
			NOT EXISTS (SELECT 1 FROM revisions WHERE snapshot <> '' AND snapshot = value)
			AND NOT EXISTS (SELECT 1 FROM clips WHERE object <> '' AND object = value)
			AND NOT EXISTS (SELECT 1 FROM inbox WHERE value = 'events/' || event || '/snapshot-' || revision || '.jpg')
			AND NOT EXISTS (SELECT 1 FROM dead_letters WHERE value = 'events/' || event || '/snapshot-' || revision || '.jpg')
			ORDER BY value`, list); err != nil {
			return err
		}
		for _, k := range out {
			if _, err := t.exec("INSERT INTO tombstones (key, condemned_us) VALUES (?, ?) ON CONFLICT DO NOTHING", k, micros(now)); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

// Tombstones implements archive.Retention.
func (a *Archive) Tombstones(ctx context.Context, after archive.Tombstone, limit int) ([]archive.Tombstone, error) {
	var out []archive.Tombstone
	err := a.read(ctx, "list tombstones", func(t *tx) error {
		return t.each("SELECT key, condemned_us FROM tombstones WHERE (condemned_us, key) > (?, ?) ORDER BY condemned_us, key LIMIT ?",
			[]any{micros(after.Condemned), after.Key, limit}, func(scan func(...any) error) error {
				var s archive.Tombstone
				var us int64
				err := scan(&s.Key, &us)
				s.Condemned = instant(us)
				out = append(out, s)
				return err
			})
	})
	return out, err
}

// Forget implements archive.Retention.
func (a *Archive) Forget(ctx context.Context, keys []string) error {
	list, err := encode(keys)
	if err != nil {
		return err
	}
	return a.write(ctx, "forget tombstones", func(t *tx) error {
		_, err := t.exec("DELETE FROM tombstones WHERE key IN (SELECT value FROM json_each(?))", list)
		return err
	})
}

// TrimChanges implements archive.Retention.
func (a *Archive) TrimChanges(ctx context.Context, before time.Time) error {
	return a.write(ctx, "trim changes", func(t *tx) error {
		_, err := t.exec("DELETE FROM changes WHERE at_us < ?", micros(before))
		return err
	})
}

// Compact implements archive.Retention. Pages are zeroed when rows go (secure_delete); what is
// left of them stands in the write-ahead log until it is emptied here.
func (a *Archive) Compact(ctx context.Context) error {
	if err := a.usable("compact"); err != nil {
		return err
	}
	conn, err := a.writer.db.Conn(ctx)
	if err != nil {
		return failure("compact", err)
	}
	defer conn.Close()
	if err := drain(conn.QueryContext(ctx, "PRAGMA incremental_vacuum")); err != nil {
		return a.diskError("compact", err)
	}
	var busy, frames, moved int
	if err := conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &frames, &moved); err != nil {
		return a.diskError("compact", err)
	}
	if busy != 0 {
		return bongsu.Errorf(bongsu.CodeUnavailable, "archive: compact: a long read holds the log; it is tried again next time")
	}
	return nil
}

// drain steps a statement to its end: incremental_vacuum frees a page per step.
func drain(rows *sql.Rows, err error) error {
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
	}
	return rows.Err()
}
