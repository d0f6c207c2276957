package sqlite

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	sqlite3 "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"bongsu"
	"bongsu/cloud/archive"
)

// invariants are queries that find a violation, with the sentence that says what it is. The
// numbers are those of docs/design/durability.md.
var invariants = []struct{ name, query string }{
	{"C1: an event's latest view is its highest revision",
		"SELECT id FROM events e WHERE revision IS NOT (SELECT max(revision) FROM revisions r WHERE r.event = e.id)"},
	{"C2: no revision is both in the inbox and applied",
		"SELECT i.event FROM inbox i JOIN revisions r ON r.event = i.event AND r.revision = i.revision"},
	{"C3: every revision belongs to an event",
		"SELECT event FROM revisions r WHERE NOT EXISTS (SELECT 1 FROM events e WHERE e.id = r.event)"},
	{"C4: an event's alert exists and lists the event",
		"SELECT id FROM events e WHERE alert <> '' AND NOT EXISTS (SELECT 1 FROM alerts a, json_each(a.body, '$.events') j WHERE a.id = e.alert AND j.value = e.id)"},
	{"C5: an event carries its alert's verdict",
		"SELECT e.id FROM events e JOIN alerts a ON a.id = e.alert WHERE e.verdict <> coalesce(a.body ->> '$.verdict', '')"},
	{"C6: a clip names an object exactly when it is complete",
		"SELECT event FROM clips WHERE (object = '') <> (completed_us = 0)"},
	{"C7: no row names a condemned object",
		"SELECT key FROM tombstones WHERE EXISTS (SELECT 1 FROM clips WHERE object <> '' AND object = key) OR EXISTS (SELECT 1 FROM revisions WHERE snapshot <> '' AND snapshot = key)"},
	{"C8: an alert's history has no gap",
		"SELECT alert FROM alert_history GROUP BY alert HAVING max(n) <> count(*)"},
	{"C9: audit records are numbered without a gap and chained",
		"SELECT seq FROM audit a WHERE seq <> 1 AND prev IS NOT (SELECT hash FROM audit b WHERE b.seq = a.seq - 1)"},
	{"C10: no alert is newer than the change sequence",
		"SELECT id FROM alerts WHERE seq > (SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'changes')"},
}

// Check implements archive.Archive.
func (a *Archive) Check(ctx context.Context) error {
	found, err := a.Breaches(ctx)
	if err != nil || len(found) == 0 {
		return err
	}
	b := found[0]
	return bongsu.Errorf(bongsu.CodeInternal, "archive %s: %s: %s: violated by %s", a.path, b.Invariant, b.What, b.Where)
}

// sound is the invariant of the file itself; when it is violated the others cannot be asked.
const sound = "C0"

// Breaches holds one state of the archive against every invariant that can be seen from the
// database alone and gives each that is violated, once. It reads everything and may run beside
// the server.
func (a *Archive) Breaches(ctx context.Context) ([]archive.Breach, error) {
	var found []archive.Breach
	err := a.read(ctx, "check", func(t *tx) error {
		found = nil
		said, err := t.strings("PRAGMA integrity_check(1)")
		if err != nil {
			return err
		}
		if len(said) != 1 || said[0] != "ok" {
			found = append(found, archive.Breach{Invariant: sound, Where: fmt.Sprint(said), What: "the file is sound; restore it from a backup"})
			return nil
		}
		for _, inv := range invariants {
			bad, err := t.strings(fmt.Sprintf("SELECT * FROM (%s) LIMIT 1", inv.query))
			if err != nil {
				return err
			}
			if len(bad) > 0 {
				number, sentence, _ := strings.Cut(inv.name, ": ")
				found = append(found, archive.Breach{Invariant: number, Where: bad[0], What: sentence})
			}
		}
		return nil
	})
	var e *sqlite3.Error
	if errors.As(err, &e) && (e.Code()&0xff == lib.SQLITE_CORRUPT || e.Code()&0xff == lib.SQLITE_NOTADB) {
		return []archive.Breach{{Invariant: sound, Where: e.Error(), What: "the file is sound; restore it from a backup"}}, nil
	}
	return found, err
}

// Inspect opens an archive to look at it: nothing in it is changed and nothing can be. Beside
// the file of one that was not closed SQLite makes its index of the write-ahead log anew.
// CodeConflict: its schema is of another version of the program.
func Inspect(ctx context.Context, o Options) (*Archive, error) {
	o.Busy = max(o.Busy, 5*time.Second)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	settings := reading + "&mode=ro"
	if wal, err := os.Stat(o.Path + "-wal"); err != nil || wal.Size() == 0 {
		if _, err := os.Stat(o.Path + "-shm"); err != nil {
			settings += "&immutable=1" // nobody has it open: not even an index is made
		}
	}
	p, err := openPool(o, 2, settings)
	if err != nil {
		return nil, err
	}
	a := &Archive{path: o.Path, log: o.Log, reader: p, writer: p, writes: make(chan struct{}, 1)}
	a.broken.Store(true)
	version := 0
	err = a.read(ctx, "open", func(t *tx) error { return t.row("SELECT version FROM schema", nil, &version) })
	if err == nil && version != len(migrations) {
		err = bongsu.Errorf(bongsu.CodeConflict, "archive %s: its schema is %d, this program's is %d: check it with the program that serves it, or bring it up to date with `bongsu-cloud migrate`", o.Path, version, len(migrations))
	}
	if err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

// Names gives objects that rows name, in order of their keys, at most limit, behind the key after.
func (a *Archive) Names(ctx context.Context, after string, limit int) ([]archive.Named, error) {
	var all []archive.Named
	err := a.read(ctx, "names of objects", func(t *tx) error {
		all = nil
		return t.each(namesQuery, []any{after, limit, after, limit, limit}, func(scan func(...any) error) error {
			var n archive.Named
			err := scan(&n.Key, &n.SHA256, &n.What)
			all = append(all, n)
			return err
		})
	})
	return all, err
}

const namesQuery = `SELECT * FROM (
	SELECT * FROM (SELECT snapshot AS key, snapshot_sha256, 'snapshot of revision ' || revision || ' of event ' || event FROM revisions
		WHERE snapshot <> '' AND snapshot > ? ORDER BY snapshot LIMIT ?)
	UNION ALL
	SELECT * FROM (SELECT object AS key, sha256, 'clip part ' || part || ' of event ' || event FROM clips
		WHERE object <> '' AND object > ? ORDER BY object LIMIT ?)
) ORDER BY key LIMIT ?`

// IsNamed reports whether a row names the object now.
func (a *Archive) IsNamed(ctx context.Context, key string) (bool, error) {
	named := false
	err := a.read(ctx, "name of an object", func(t *tx) error {
		return t.row("SELECT EXISTS (SELECT 1 FROM revisions WHERE snapshot <> '' AND snapshot = ?1) OR EXISTS (SELECT 1 FROM clips WHERE object <> '' AND object = ?1)", []any{key}, &named)
	})
	return named, err
}
