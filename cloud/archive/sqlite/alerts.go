package sqlite

import (
	"context"
	"time"

	"bongsu"
	"bongsu/cloud/archive"
)

// alertColumns reads an alert with what its card shows beside it.
const alertColumns = `SELECT a.body,
	EXISTS (SELECT 1 FROM events e WHERE e.id = a.first_event AND e.snapshot_revision > 0),
	(SELECT count(*) FROM clips c WHERE c.event = a.first_event AND c.edge = a.edge AND c.object <> '')
	FROM alerts a `

func (t *tx) alerts(query string, args ...any) ([]archive.AlertRow, error) {
	var out []archive.AlertRow
	err := t.each(query, args, func(scan func(...any) error) error {
		var r archive.AlertRow
		var body string
		if err := scan(&body, &r.Snapshot, &r.ClipParts); err != nil {
			return err
		}
		out = append(out, r)
		return decode(body, &out[len(out)-1].Alert, "alert")
	})
	return out, err
}

func (t *tx) alert(id bongsu.AlertID) (archive.AlertRow, error) {
	rows, err := t.alerts(alertColumns+"WHERE a.id = ?", id)
	if err != nil {
		return archive.AlertRow{}, err
	}
	if len(rows) == 0 {
		return archive.AlertRow{}, bongsu.Errorf(bongsu.CodeNotFound, "there is no alert %s", id)
	}
	return rows[0], nil
}

// ListAlerts implements archive.Alerts.
func (a *Archive) ListAlerts(ctx context.Context, q archive.AlertQuery) (archive.AlertPage, error) {
	where := "WHERE true"
	switch q.State {
	case archive.AlertsOpen:
		where = "WHERE a.work <> 'closed'"
	case archive.AlertsClosed:
		where = "WHERE a.work = 'closed'"
	}
	var args []any
	if !q.After.IsZero() {
		where += " AND (a.raised_us, a.id) < (?, ?)"
		args = append(args, micros(q.After.At), q.After.ID)
	}
	limit := pageSize(q.Limit)
	var page archive.AlertPage
	err := a.read(ctx, "list alerts", func(t *tx) (err error) {
		if page.Alerts, err = t.alerts(alertColumns+where+" ORDER BY a.raised_us DESC, a.id DESC LIMIT ?", append(args, limit+1)...); err != nil {
			return err
		}
		_, page.Seq, err = t.changeBounds()
		return err
	})
	if err != nil {
		return archive.AlertPage{}, err
	}
	if len(page.Alerts) > limit {
		page.Alerts = page.Alerts[:limit]
		last := &page.Alerts[limit-1]
		page.Next = archive.Cursor{At: last.Raised, ID: string(last.ID)}
	}
	return page, nil
}

// GetAlert implements archive.Alerts.
func (a *Archive) GetAlert(ctx context.Context, id bongsu.AlertID) (archive.AlertRow, error) {
	var row archive.AlertRow
	err := a.read(ctx, "read alert", func(t *tx) (err error) {
		row, err = t.alert(id)
		return err
	})
	return row, err
}

// AlertHistory implements archive.Alerts.
func (a *Archive) AlertHistory(ctx context.Context, id bongsu.AlertID) ([]archive.HistoryEntry, error) {
	var out []archive.HistoryEntry
	err := a.read(ctx, "read alert history", func(t *tx) (err error) {
		out, err = t.history(id)
		return err
	})
	if err == nil && len(out) == 0 {
		err = bongsu.Errorf(bongsu.CodeNotFound, "there is no alert %s", id)
	}
	return out, err
}

func (t *tx) history(id bongsu.AlertID) ([]archive.HistoryEntry, error) {
	bodies, err := t.strings("SELECT body FROM alert_history WHERE alert = ? ORDER BY n", id)
	if err != nil {
		return nil, err
	}
	out := make([]archive.HistoryEntry, len(bodies))
	for i, b := range bodies {
		if err := decode(b, &out[i], "history of alert "+string(id)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// UpdateAlert implements archive.Alerts.
func (a *Archive) UpdateAlert(ctx context.Context, id bongsu.AlertID, change archive.AlertChange) (archive.AlertRow, error) {
	var row archive.AlertRow
	err := a.write(ctx, "update alert", func(t *tx) (err error) {
		if row, err = t.alert(id); err != nil {
			return err
		}
		history, err := t.history(id)
		if err != nil {
			return err
		}
		next, entries, err := change(row.Alert, history)
		if err != nil || len(entries) == 0 {
			return err
		}
		at := entries[len(entries)-1].At
		if next.ID = id; next.Verdict != row.Verdict {
			if err := t.spreadVerdict(&next, at); err != nil {
				return err
			}
		}
		if _, err := t.putAlert(next, entries, at); err != nil {
			return err
		}
		row, err = t.alert(id)
		return err
	})
	if err != nil {
		return archive.AlertRow{}, err
	}
	return row, nil
}

// spreadVerdict carries an alert's verdict over to its events.
func (t *tx) spreadVerdict(al *bongsu.Alert, at time.Time) error {
	ids, err := t.strings("UPDATE events SET verdict = ? WHERE alert = ? RETURNING id", al.Verdict, al.ID)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if _, err := t.change(archive.Change{At: at, Kind: archive.ChangeEvent, Event: bongsu.EventID(id), Alert: al.ID}); err != nil {
			return err
		}
	}
	return nil
}

// putAlert appends the change and the history and stores the alert as it is now.
func (t *tx) putAlert(al bongsu.Alert, entries []archive.HistoryEntry, at time.Time) (int64, error) {
	seq, err := t.change(archive.Change{At: at, Kind: archive.ChangeAlert, Alert: al.ID})
	if err != nil {
		return 0, err
	}
	touched, err := t.addHistory(al.ID, entries)
	if err != nil {
		return 0, err
	}
	al.Seq = seq
	body, err := encode(al)
	if err != nil {
		return 0, err
	}
	_, err = t.exec(`INSERT INTO alerts (id, edge, camera, rule, work, raised_us, first_us, last_us, touched_us, first_event, seq, body)
		SELECT ?1, ?2, ?3, ?4, ?5, ?6, coalesce(min(start_us), ?6), coalesce(max(last_us), ?6), ?7, ?8, ?9, ?10 FROM events WHERE alert = ?1
		ON CONFLICT (id) DO UPDATE SET work = excluded.work, raised_us = excluded.raised_us, first_us = excluded.first_us, last_us = excluded.last_us,
			touched_us = max(touched_us, excluded.touched_us), first_event = excluded.first_event, seq = excluded.seq, body = excluded.body`,
		al.ID, al.Edge, al.Camera, al.Rule, al.Work, micros(al.Raised), micros(touched), al.Event, seq, body)
	return seq, err
}

// addHistory appends entries and gives the time of the last one that a person made.
func (t *tx) addHistory(id bongsu.AlertID, entries []archive.HistoryEntry) (time.Time, error) {
	var touched time.Time
	for _, h := range entries {
		body, err := encode(h)
		if err != nil {
			return touched, err
		}
		if _, err := t.exec("INSERT INTO alert_history (alert, n, body) SELECT ?1, coalesce(max(n), 0) + 1, ?2 FROM alert_history WHERE alert = ?1", id, body); err != nil {
			return touched, err
		}
		if h.Actor != "" {
			touched = h.At
		}
	}
	return touched, nil
}

// IdleAlerts implements archive.Alerts.
func (a *Archive) IdleAlerts(ctx context.Context, before time.Time, limit int) ([]bongsu.AlertID, error) {
	var out []bongsu.AlertID
	err := a.read(ctx, "list idle alerts", func(t *tx) error {
		ids, err := t.strings("SELECT id FROM alerts WHERE work IN ('claimed', 'reviewing') AND touched_us < ? ORDER BY touched_us LIMIT ?", micros(before), limit)
		for _, id := range ids {
			out = append(out, bongsu.AlertID(id))
		}
		return err
	})
	return out, err
}
