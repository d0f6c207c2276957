package sqlite

import (
	"context"

	"bongsu/cloud/archive"
)

// AppendAudit implements archive.Audits.
func (a *Archive) AppendAudit(ctx context.Context, r archive.AuditRecord, seal func(archive.AuditRecord) string) (archive.AuditRecord, error) {
	err := a.write(ctx, "append audit record", func(t *tx) error {
		r.Seq, r.Prev = 0, ""
		if _, err := t.found("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1", nil, &r.Seq, &r.Prev); err != nil {
			return err
		}
		r.Seq++
		r.At = instant(micros(r.At)) // as it will be read, so that the hash can be checked
		r.Hash = seal(r)
		_, err := t.exec("INSERT INTO audit (seq, at_us, actor, client, action, target, detail, prev, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
			r.Seq, micros(r.At), r.Actor, r.Client, r.Action, r.Target, r.Detail, r.Prev, r.Hash)
		return err
	})
	return r, err
}

// ListAudit implements archive.Audits.
func (a *Archive) ListAudit(ctx context.Context, q archive.AuditQuery) ([]archive.AuditRecord, error) {
	order := "ORDER BY seq"
	if q.Newest {
		order = "ORDER BY seq DESC"
	}
	var out []archive.AuditRecord
	err := a.read(ctx, "list audit", func(t *tx) error {
		return t.each("SELECT seq, at_us, actor, client, action, target, detail, prev, hash FROM audit WHERE seq > ?1 AND (?2 = 0 OR seq < ?2) "+order+" LIMIT ?3",
			[]any{q.After, q.Before, pageSize(q.Limit)}, func(scan func(...any) error) error {
				var r archive.AuditRecord
				var us int64
				err := scan(&r.Seq, &us, &r.Actor, &r.Client, &r.Action, &r.Target, &r.Detail, &r.Prev, &r.Hash)
				r.At = instant(us)
				out = append(out, r)
				return err
			})
	})
	return out, err
}

// GetMeta implements archive.Meta.
func (a *Archive) GetMeta(ctx context.Context, key string) (string, error) {
	var values []string
	err := a.read(ctx, "read meta", func(t *tx) (err error) {
		values, err = t.strings("SELECT value FROM meta WHERE key = ?", key)
		return err
	})
	return only(values, err, "there is no value "+key)
}

// SetMeta implements archive.Meta.
func (a *Archive) SetMeta(ctx context.Context, key, value string) error {
	return a.write(ctx, "store meta", func(t *tx) error {
		_, err := t.exec("INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", key, value)
		return err
	})
}

// DeleteMeta implements archive.Meta.
func (a *Archive) DeleteMeta(ctx context.Context, key string) error {
	return a.write(ctx, "delete meta", func(t *tx) error {
		_, err := t.exec("DELETE FROM meta WHERE key = ?", key)
		return err
	})
}
