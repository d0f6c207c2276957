package sqlite

import (
	"context"

	"bongsu"
)

// migrations bring the schema from one version to the next; the file's version is how many of
// them it has seen. One that has been released is never edited.
var migrations = []string{schema1}

// migrate runs what the file lacks, each step in its own transaction with the version.
func (a *Archive) migrate(ctx context.Context) error {
	if _, err := a.writer.db.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS schema (version INTEGER NOT NULL) STRICT"); err != nil {
		return failure("open "+a.path, err)
	}
	for {
		version, err := a.step(ctx)
		if err != nil {
			return err
		}
		if version == len(migrations) {
			return nil
		}
		a.log.Info("archive: schema brought up to date", "path", a.path, "version", version+1)
	}
}

// step runs one migration and gives the version that was there before.
func (a *Archive) step(ctx context.Context) (int, error) {
	version := 0
	err := a.write(ctx, "migrate", func(t *tx) error {
		there, err := t.found("SELECT version FROM schema", nil, &version)
		if err != nil {
			return err
		}
		if version > len(migrations) {
			return bongsu.Errorf(bongsu.CodeConflict, "archive %s: it was written by a newer version of this program (schema %d, this one knows %d); use that version", a.path, version, len(migrations))
		}
		if version == len(migrations) {
			return nil
		}
		if _, err := t.tx.ExecContext(ctx, migrations[version]); err != nil {
			return err
		}
		if !there {
			_, err = t.exec("INSERT INTO schema (version) VALUES (?)", version+1)
			return err
		}
		_, err = t.exec("UPDATE schema SET version = ?", version+1)
		return err
	})
	return version, err
}

// schema1 is the first schema. Times are Unix microseconds, 0 for none; bodies are JSON.
const schema1 = `
CREATE TABLE meta (
	key   TEXT PRIMARY KEY,
	value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE edges (
	id              TEXT PRIMARY KEY,
	name            TEXT NOT NULL,
	credential_hash TEXT NOT NULL UNIQUE,
	enrolled_us     INTEGER NOT NULL,
	last_seen_us    INTEGER NOT NULL,
	disabled        INTEGER NOT NULL,
	version         TEXT NOT NULL,
	pending         TEXT NOT NULL
) STRICT;

CREATE TABLE enrol_tokens (
	hash       TEXT PRIMARY KEY,
	name       TEXT NOT NULL,
	made_by    TEXT NOT NULL,
	created_us INTEGER NOT NULL,
	expires_us INTEGER NOT NULL,
	used_us    INTEGER NOT NULL DEFAULT 0,
	used_edge  TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE TABLE cameras (
	edge        TEXT NOT NULL,
	camera      TEXT NOT NULL,
	body        TEXT NOT NULL,
	still       BLOB,
	still_us    INTEGER NOT NULL,
	reported_us INTEGER NOT NULL,
	PRIMARY KEY (edge, camera)
) STRICT;

-- what a 2xx to an edge promised and no worker has applied yet
CREATE TABLE inbox (
	event       TEXT NOT NULL,
	revision    INTEGER NOT NULL,
	edge        TEXT NOT NULL,
	received_us INTEGER NOT NULL,
	body        TEXT NOT NULL,
	snapshot    BLOB,
	PRIMARY KEY (event, revision)
) STRICT;
CREATE INDEX inbox_received ON inbox (received_us);

CREATE TABLE dead_letters (
	event       TEXT NOT NULL,
	revision    INTEGER NOT NULL,
	edge        TEXT NOT NULL,
	received_us INTEGER NOT NULL,
	body        TEXT NOT NULL,
	snapshot    BLOB,
	buried_us   INTEGER NOT NULL,
	deliveries  INTEGER NOT NULL,
	reason      TEXT NOT NULL,
	PRIMARY KEY (event, revision)
) STRICT;

-- kept_from_us is what retention counts from
CREATE TABLE events (
	id                TEXT PRIMARY KEY,
	edge              TEXT NOT NULL,
	camera            TEXT NOT NULL,
	kind              TEXT NOT NULL,
	state             TEXT NOT NULL,
	start_us          INTEGER NOT NULL,
	last_us           INTEGER NOT NULL, -- latest of start, fired and end
	kept_from_us      INTEGER NOT NULL,
	received_us       INTEGER NOT NULL,
	revision          INTEGER NOT NULL,
	alert             TEXT NOT NULL DEFAULT '',
	verdict           TEXT NOT NULL DEFAULT '',
	snapshot_revision INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX events_start ON events (start_us DESC, id DESC);
CREATE INDEX events_camera ON events (camera, start_us DESC, id DESC);
CREATE INDEX events_alert ON events (alert);
CREATE INDEX events_kept ON events (kept_from_us);

CREATE TABLE revisions (
	event           TEXT NOT NULL,
	revision        INTEGER NOT NULL,
	received_us     INTEGER NOT NULL,
	applied_us      INTEGER NOT NULL,
	body            TEXT NOT NULL,
	snapshot        TEXT NOT NULL DEFAULT '',
	snapshot_sha256 TEXT NOT NULL DEFAULT '',
	snapshot_bytes  INTEGER NOT NULL DEFAULT 0,
	PRIMARY KEY (event, revision)
) STRICT;
CREATE INDEX revisions_snapshot ON revisions (snapshot) WHERE snapshot <> '';

-- object is empty until the part is complete
CREATE TABLE clips (
	event        TEXT NOT NULL,
	part         INTEGER NOT NULL,
	edge         TEXT NOT NULL,
	sha256       TEXT NOT NULL,
	body         TEXT NOT NULL,
	object       TEXT NOT NULL DEFAULT '',
	declared_us  INTEGER NOT NULL,
	completed_us INTEGER NOT NULL DEFAULT 0,
	kept_from_us INTEGER NOT NULL,
	PRIMARY KEY (event, part)
) STRICT;
CREATE INDEX clips_object ON clips (object) WHERE object <> '';
CREATE INDEX clips_kept ON clips (kept_from_us);

CREATE TABLE alerts (
	id           TEXT PRIMARY KEY,
	edge         TEXT NOT NULL,
	camera       TEXT NOT NULL,
	rule         TEXT NOT NULL,
	work         TEXT NOT NULL,
	raised_us    INTEGER NOT NULL,
	first_us     INTEGER NOT NULL, -- event time that its events cover
	last_us      INTEGER NOT NULL,
	touched_us   INTEGER NOT NULL, -- last entry of a person
	first_event  TEXT NOT NULL,
	seq          INTEGER NOT NULL,
	body         TEXT NOT NULL
) STRICT;
CREATE INDEX alerts_raised ON alerts (raised_us DESC, id DESC);
CREATE INDEX alerts_rule ON alerts (edge, camera, rule, last_us);
CREATE INDEX alerts_open ON alerts (raised_us DESC, id DESC) WHERE work <> 'closed';
CREATE INDEX alerts_held ON alerts (touched_us) WHERE work IN ('claimed', 'reviewing');

CREATE TABLE alert_history (
	alert TEXT NOT NULL,
	n     INTEGER NOT NULL, -- 1, 2, ... within the alert
	body  TEXT NOT NULL,
	PRIMARY KEY (alert, n)
) STRICT, WITHOUT ROWID;

-- AUTOINCREMENT: a number is never given twice, even after all rows were trimmed
CREATE TABLE changes (
	seq   INTEGER PRIMARY KEY AUTOINCREMENT,
	at_us INTEGER NOT NULL,
	kind  TEXT NOT NULL,
	alert TEXT NOT NULL,
	event TEXT NOT NULL,
	part  INTEGER NOT NULL
) STRICT;
CREATE INDEX changes_at ON changes (at_us);

CREATE TABLE users (
	username      TEXT PRIMARY KEY,
	name          TEXT NOT NULL,
	role          TEXT NOT NULL,
	password_hash TEXT NOT NULL,
	created_us    INTEGER NOT NULL,
	disabled      INTEGER NOT NULL
) STRICT;

CREATE TABLE sessions (
	hash       TEXT PRIMARY KEY,
	username   TEXT NOT NULL REFERENCES users (username),
	created_us INTEGER NOT NULL,
	expires_us INTEGER NOT NULL
) STRICT;

CREATE TABLE api_tokens (
	hash       TEXT PRIMARY KEY,
	username   TEXT NOT NULL REFERENCES users (username),
	name       TEXT NOT NULL,
	created_us INTEGER NOT NULL,
	expires_us INTEGER NOT NULL
) STRICT;

CREATE TABLE audit (
	seq    INTEGER PRIMARY KEY,
	at_us  INTEGER NOT NULL,
	actor  TEXT NOT NULL,
	client TEXT NOT NULL,
	action TEXT NOT NULL,
	target TEXT NOT NULL,
	detail TEXT NOT NULL,
	prev   TEXT NOT NULL,
	hash   TEXT NOT NULL
) STRICT;

-- object keys that must go; no row may come to name one
CREATE TABLE tombstones (
	key          TEXT PRIMARY KEY,
	condemned_us INTEGER NOT NULL
) STRICT;
CREATE INDEX tombstones_age ON tombstones (condemned_us);
`
