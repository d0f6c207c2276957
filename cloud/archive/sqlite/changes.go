package sqlite

import (
	"context"

	"bongsu/cloud/archive"
)

// change appends one change row and gives its number. Numbers are given inside the one writing
// transaction that runs at a time: that is what makes them readable in commit order.
func (t *tx) change(c archive.Change) (int64, error) {
	t.wake = true
	var seq int64
	err := t.row("INSERT INTO changes (at_us, kind, alert, event, part) VALUES (?, ?, ?, ?, ?) RETURNING seq",
		[]any{micros(c.At), c.Kind, c.Alert, c.Event, c.Part}, &seq)
	return seq, err
}

// ChangesSince implements archive.Changes.
func (a *Archive) ChangesSince(ctx context.Context, after int64, limit int) ([]archive.Change, error) {
	var out []archive.Change
	err := a.read(ctx, "read changes", func(t *tx) error {
		return t.each("SELECT seq, at_us, kind, alert, event, part FROM changes WHERE seq > ? ORDER BY seq LIMIT ?",
			[]any{after, limit}, func(scan func(...any) error) error {
				var c archive.Change
				var us int64
				err := scan(&c.Seq, &us, &c.Kind, &c.Alert, &c.Event, &c.Part)
				c.At = instant(us)
				out = append(out, c)
				return err
			})
	})
	return out, err
}

// ChangeBounds implements archive.Changes.
func (a *Archive) ChangeBounds(ctx context.Context) (oldest, latest int64, err error) {
	err = a.read(ctx, "read changes", func(t *tx) (err error) {
		oldest, latest, err = t.changeBounds()
		return err
	})
	return oldest, latest, err
}

func (t *tx) changeBounds() (oldest, latest int64, err error) {
	if _, err = t.found("SELECT seq FROM sqlite_sequence WHERE name = 'changes'", nil, &latest); err != nil {
		return 0, 0, err
	}
	there, err := t.found("SELECT seq FROM changes ORDER BY seq LIMIT 1", nil, &oldest)
	if err == nil && !there {
		oldest = latest + 1
	}
	return oldest, latest, err
}
