package sqlite

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"bongsu"
)

// Backup writes the archive as one instant shows it to a file that must not be there yet, readable
// by its owner only and durable when it returns. It blocks for as long as that takes; the server
// goes on meanwhile, in this process or another. What was deleted is not in the copy.
func (a *Archive) Backup(ctx context.Context, path string) error {
	const op = "backup"
	if err := a.usable(op); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) // SQLite takes an empty file
	if err != nil {
		return bongsu.Wrap(bongsu.CodeUnavailable, err, "archive: backup: cannot make %s", path)
	}
	if err := f.Close(); err != nil {
		return err
	}
	conn, err := a.reader.db.Conn(ctx)
	if err != nil {
		return errors.Join(failure(op, err), os.Remove(path))
	}
	// A connection that may only read may not even write another file.
	if _, err = conn.ExecContext(ctx, "PRAGMA query_only(0)"); err == nil {
		_, err = conn.ExecContext(ctx, "VACUUM INTO ?", path)
		_, qerr := conn.ExecContext(context.WithoutCancel(ctx), "PRAGMA query_only(1)")
		err = errors.Join(err, qerr)
	}
	if cerr := conn.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return errors.Join(failure(op, err), os.Remove(path))
	}
	if f, err = os.Open(path); err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close(), syncFolder(filepath.Dir(path)))
}
