package sqlite

import (
	"context"
	"fmt"
	"time"
)

// TakeLease implements archive.Leases. A lease is a row of meta: until when in microseconds, then
// the holder.
func (a *Archive) TakeLease(ctx context.Context, name, holder string, now time.Time, ttl time.Duration) (bool, error) {
	key := "lease " + name
	var until int64
	var who string
	see := func(t *tx) error {
		until, who = 0, ""
		var value string
		there, err := t.found("SELECT value FROM meta WHERE key = ?", []any{key}, &value)
		if err != nil || !there {
			return err
		}
		_, err = fmt.Sscanf(value, "%d %s", &until, &who)
		return err
	}
	if err := a.read(ctx, "read lease", see); err != nil {
		return false, err
	}
	left := instant(until).Sub(now)
	switch {
	case who != holder && left > 0:
		return false, nil
	case who == holder && ttl > 0 && left > ttl/2:
		return true, nil
	case who != holder && ttl <= 0:
		return false, nil
	}
	has := false
	err := a.write(ctx, "take lease", func(t *tx) error {
		if err := see(t); err != nil { // another may have been faster
			return err
		}
		if has = who == holder || !instant(until).After(now); !has {
			return nil
		}
		_, err := t.exec("INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
			key, fmt.Sprintf("%d %s", micros(now.Add(ttl)), holder))
		return err
	})
	return has && ttl > 0, err
}
