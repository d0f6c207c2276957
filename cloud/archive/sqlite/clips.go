package sqlite

import (
	"context"
	"time"

	"bongsu"
	"bongsu/cloud/archive"
)

const clipColumns = "SELECT body, edge, object, declared_us, completed_us FROM clips "

func (t *tx) clips(query string, args ...any) ([]archive.ClipRow, error) {
	var out []archive.ClipRow
	err := t.each(query, args, func(scan func(...any) error) error {
		var c archive.ClipRow
		var body string
		var declared, completed int64
		if err := scan(&body, &c.Edge, &c.Object, &declared, &completed); err != nil {
			return err
		}
		c.Declared, c.Completed = instant(declared), instant(completed)
		out = append(out, c)
		return decode(body, &out[len(out)-1].Clip, "clip")
	})
	return out, err
}

// clip reads one part; nil without it.
func (t *tx) clip(k bongsu.ClipKey) (*archive.ClipRow, error) {
	rows, err := t.clips(clipColumns+"WHERE event = ? AND part = ?", k.Event, k.Part)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return &rows[0], nil
}

// DeclareClip implements archive.Clips.
func (a *Archive) DeclareClip(ctx context.Context, edge bongsu.EdgeID, clip bongsu.Clip, at time.Time) (archive.ClipRow, error) {
	var row archive.ClipRow
	err := a.write(ctx, "declare clip", func(t *tx) error {
		if err := t.seen(edge, at); err != nil {
			return err
		}
		if err := t.ownClip(edge, clip.Event); err != nil {
			return err
		}
		there, err := t.clip(clip.Key())
		if err != nil {
			return err
		}
		if there != nil && there.Edge != edge {
			return foreignClip(clip.Event)
		}
		if clip.Lost() {
			row, err = t.loseClip(edge, there, clip, at)
			return err
		}
		if there != nil && !there.Lost() && there.SHA256 == clip.SHA256 && there.Bytes == clip.Bytes {
			row = *there
			return nil
		}
		if there != nil && there.Complete() {
			return bongsu.Errorf(bongsu.CodeConflict, "part %d of the clip of event %s is complete with other bytes; it cannot be replaced", clip.Part, clip.Event)
		}
		if err := t.notCondemned(archive.ClipKey(clip.Key(), clip.SHA256)); err != nil {
			return err
		}
		row = archive.ClipRow{Clip: clip, Edge: edge, Declared: instant(micros(at))}
		return t.putClip(&row)
	})
	return row, err
}

// loseClip takes down that a part will never come, unless it has.
func (t *tx) loseClip(edge bongsu.EdgeID, there *archive.ClipRow, clip bongsu.Clip, at time.Time) (archive.ClipRow, error) {
	if there != nil && (there.Complete() || there.Lost()) {
		return *there, nil
	}
	row := archive.ClipRow{Clip: clip, Edge: edge, Declared: instant(micros(at))}
	if err := t.putClip(&row); err != nil {
		return row, err
	}
	return row, t.clipChanged(&row, at)
}

// ownClip refuses a clip to an event of another edge. An event that has not come yet is anybody's.
func (t *tx) ownClip(edge bongsu.EdgeID, event bongsu.EventID) error {
	owner, _, err := t.revisionOwner(bongsu.EventKey{ID: event})
	if err == nil && owner != "" && owner != edge {
		return foreignClip(event)
	}
	return err
}

func foreignClip(event bongsu.EventID) error {
	return bongsu.Errorf(bongsu.CodeForbidden, "event %s belongs to another edge", event)
}

func (t *tx) putClip(c *archive.ClipRow) error {
	body, err := encode(c.Clip)
	if err != nil {
		return err
	}
	kept := keptFrom(c.Start, c.Declared, true)
	_, err = t.exec(`INSERT INTO clips (event, part, edge, sha256, body, declared_us, kept_from_us) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (event, part) DO UPDATE SET sha256 = excluded.sha256, body = excluded.body, declared_us = excluded.declared_us,
			kept_from_us = min(kept_from_us, excluded.kept_from_us)`,
		c.Event, c.Part, c.Edge, c.SHA256, body, micros(c.Declared), micros(kept))
	return err
}

// CompleteClip implements archive.Clips.
func (a *Archive) CompleteClip(ctx context.Context, edge bongsu.EdgeID, key bongsu.ClipKey, sha256 string, at time.Time) (archive.ClipRow, error) {
	var row archive.ClipRow
	err := a.write(ctx, "complete clip", func(t *tx) error {
		if err := t.seen(edge, at); err != nil {
			return err
		}
		there, err := t.clip(key)
		if err != nil {
			return err
		}
		if there == nil || there.Edge != edge {
			return bongsu.Errorf(bongsu.CodeNotFound, "part %d of the clip of event %s was not declared by this edge", key.Part, key.Event)
		}
		if there.SHA256 != sha256 {
			return bongsu.Errorf(bongsu.CodeConflict, "part %d of the clip of event %s was declared anew with other bytes", key.Part, key.Event)
		}
		row = *there
		if there.Complete() {
			return nil
		}
		return t.completeClip(&row, at)
	})
	return row, err
}

func (t *tx) completeClip(row *archive.ClipRow, at time.Time) error {
	row.Object, row.Completed = archive.ClipKey(row.Key(), row.SHA256), instant(micros(at))
	if err := t.notCondemned(row.Object); err != nil {
		return err
	}
	if _, err := t.exec("UPDATE clips SET object = ?, completed_us = ? WHERE event = ? AND part = ?",
		row.Object, micros(at), row.Event, row.Part); err != nil {
		return err
	}
	return t.clipChanged(row, at)
}

// clipChanged tells streams that a part has come, or that it never will.
func (t *tx) clipChanged(row *archive.ClipRow, at time.Time) error {
	var alert bongsu.AlertID
	if _, err := t.found("SELECT alert FROM events WHERE id = ?", []any{row.Event}, &alert); err != nil {
		return err
	}
	_, err := t.change(archive.Change{At: at, Kind: archive.ChangeClip, Event: row.Event, Part: row.Part, Alert: alert})
	return err
}

// GetClip implements archive.Clips.
func (a *Archive) GetClip(ctx context.Context, key bongsu.ClipKey) (archive.ClipRow, error) {
	var row *archive.ClipRow
	err := a.read(ctx, "read clip", func(t *tx) (err error) {
		row, err = t.clip(key)
		return err
	})
	if err != nil {
		return archive.ClipRow{}, err
	}
	if row == nil {
		return archive.ClipRow{}, bongsu.Errorf(bongsu.CodeNotFound, "event %s has no clip part %d", key.Event, key.Part)
	}
	return *row, nil
}

// ListClips implements archive.Clips.
func (a *Archive) ListClips(ctx context.Context, event bongsu.EventID) ([]archive.ClipRow, error) {
	var rows []archive.ClipRow
	err := a.read(ctx, "list clips", func(t *tx) (err error) {
		rows, err = t.clips(clipColumns+"WHERE event = ? ORDER BY part", event)
		return err
	})
	return rows, err
}
