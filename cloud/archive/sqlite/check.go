package sqlite

import (
	"context"
	"fmt"

	"bongsu"
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
	return a.read(ctx, "check", func(t *tx) error {
		said, err := t.strings("PRAGMA integrity_check(1)")
		if err != nil {
			return err
		}
		if len(said) != 1 || said[0] != "ok" {
			return bongsu.Errorf(bongsu.CodeInternal, "archive %s: the file is damaged (%v); restore it from a backup", a.path, said)
		}
		for _, inv := range invariants {
			bad, err := t.strings(fmt.Sprintf("SELECT * FROM (%s) LIMIT 1", inv.query))
			if err != nil {
				return err
			}
			if len(bad) > 0 {
				return bongsu.Errorf(bongsu.CodeInternal, "archive %s: %s: violated by %s", a.path, inv.name, bad[0])
			}
		}
		return nil
	})
}
