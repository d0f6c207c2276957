package sqlite

import (
	"context"
	"strings"

	"bongsu"
	"bongsu/cloud/archive"
)

// eventColumns reads an event with its latest revision and the snapshot that stands for it.
const eventColumns = `SELECT r.body, e.received_us, e.alert, e.verdict, s.snapshot, s.snapshot_sha256, s.snapshot_bytes
	FROM events e
	JOIN revisions r ON r.event = e.id AND r.revision = e.revision
	LEFT JOIN revisions s ON s.event = e.id AND s.revision = e.snapshot_revision `

// ListEvents implements archive.Events.
func (a *Archive) ListEvents(ctx context.Context, q archive.EventQuery) (archive.EventPage, error) {
	var page archive.EventPage
	where, args := eventFilter(q)
	limit := pageSize(q.Limit)
	err := a.read(ctx, "list events", func(t *tx) (err error) {
		page.Events, err = t.events(eventColumns+where+"ORDER BY e.start_us DESC, e.id DESC LIMIT ?", append(args, limit+1)...)
		return err
	})
	if err != nil {
		return archive.EventPage{}, err
	}
	if len(page.Events) > limit {
		page.Events = page.Events[:limit]
		last := &page.Events[limit-1]
		page.Next = archive.Cursor{At: last.Start, ID: string(last.ID)}
	}
	return page, nil
}

func pageSize(limit int) int { return min(max(limit, 1), archive.MaxPage) }

// eventFilter turns a query into a WHERE clause of constant pieces.
func eventFilter(q archive.EventQuery) (string, []any) {
	var pieces []string
	var args []any
	add := func(on bool, piece string, a ...any) {
		if on {
			pieces, args = append(pieces, piece), append(args, a...)
		}
	}
	add(!q.After.IsZero(), "(e.start_us, e.id) < (?, ?)", micros(q.After.At), q.After.ID)
	add(q.Edge != "", "e.edge = ?", q.Edge)
	add(q.Camera != "", "e.camera = ?", q.Camera)
	add(q.Kind != "", "e.kind = ?", q.Kind)
	add(!q.From.IsZero(), "e.start_us >= ?", micros(q.From))
	add(!q.To.IsZero(), "e.start_us < ?", micros(q.To))
	add(q.Verdict != "", "e.verdict = ?", q.Verdict)
	add(q.Unjudged, "e.verdict = ''")
	if len(pieces) == 0 {
		return "", nil
	}
	return "WHERE " + strings.Join(pieces, " AND ") + " ", args
}

// GetEvent implements archive.Events.
func (a *Archive) GetEvent(ctx context.Context, id bongsu.EventID) (archive.EventRow, error) {
	var rows []archive.EventRow
	err := a.read(ctx, "read event", func(t *tx) (err error) {
		rows, err = t.events(eventColumns+"WHERE e.id = ?", id)
		return err
	})
	if err != nil {
		return archive.EventRow{}, err
	}
	if len(rows) == 0 {
		return archive.EventRow{}, bongsu.Errorf(bongsu.CodeNotFound, "there is no event %s", id)
	}
	return rows[0], nil
}

// events reads rows of eventColumns with their clips.
func (t *tx) events(query string, args ...any) ([]archive.EventRow, error) {
	var out []archive.EventRow
	err := t.each(query, args, func(scan func(...any) error) error {
		var e archive.EventRow
		var body string
		var received int64
		var key, hash *string
		var size *int64
		if err := scan(&body, &received, &e.Alert, &e.Verdict, &key, &hash, &size); err != nil {
			return err
		}
		e.Received = instant(received)
		if key != nil {
			e.Snapshot = &archive.Snapshot{Key: *key, SHA256: *hash, Bytes: *size}
		}
		out = append(out, e)
		return decode(body, &out[len(out)-1].Event, "event")
	})
	if err != nil {
		return nil, err
	}
	return out, t.addClips(out)
}

// addClips reads the clips of many events at once. Clips of another edge do not belong to them.
func (t *tx) addClips(events []archive.EventRow) error {
	if len(events) == 0 {
		return nil
	}
	index := make(map[bongsu.EventID]*archive.EventRow, len(events))
	ids := make([]bongsu.EventID, len(events))
	for i := range events {
		index[events[i].ID], ids[i] = &events[i], events[i].ID
	}
	list, err := encode(ids)
	if err != nil {
		return err
	}
	clips, err := t.clips(clipColumns+"WHERE event IN (SELECT value FROM json_each(?)) ORDER BY event, part", list)
	for _, c := range clips {
		if e := index[c.Event]; e.Edge == c.Edge {
			e.Clips = append(e.Clips, c)
		}
	}
	return err
}

// Revisions implements archive.Events.
func (a *Archive) Revisions(ctx context.Context, id bongsu.EventID) ([]archive.Revision, error) {
	var out []archive.Revision
	err := a.read(ctx, "list revisions", func(t *tx) error {
		return t.each("SELECT body, received_us, applied_us, snapshot, snapshot_sha256, snapshot_bytes FROM revisions WHERE event = ? ORDER BY revision",
			[]any{id}, func(scan func(...any) error) error {
				var r archive.Revision
				var s archive.Snapshot
				var body string
				var received, applied int64
				if err := scan(&body, &received, &applied, &s.Key, &s.SHA256, &s.Bytes); err != nil {
					return err
				}
				r.Received, r.Applied = instant(received), instant(applied)
				if s.Key != "" {
					r.Snapshot = &s
				}
				out = append(out, r)
				return decode(body, &out[len(out)-1].Event, "revision")
			})
	})
	if err == nil && len(out) == 0 {
		err = bongsu.Errorf(bongsu.CodeNotFound, "there is no event %s", id)
	}
	return out, err
}
