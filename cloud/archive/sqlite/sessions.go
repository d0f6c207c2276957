package sqlite

import (
	"context"
	"time"

	"bongsu"
)

// ExtendSession implements archive.Users.
func (a *Archive) ExtendSession(ctx context.Context, hash string, expires time.Time) error {
	return a.write(ctx, "extend session", func(t *tx) error {
		n, err := t.exec("UPDATE sessions SET expires_us = ? WHERE hash = ?", micros(expires), hash)
		if err == nil && n == 0 {
			err = bongsu.Errorf(bongsu.CodeNotFound, "archive: there is no such session")
		}
		return err
	})
}
