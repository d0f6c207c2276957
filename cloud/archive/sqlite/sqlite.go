// Package sqlite is the archive in one SQLite file, for one machine: pure Go, write-ahead log,
// synchronous=FULL, one connection that writes and a few that read. One writer makes commits
// a single file of transactions: change numbers become readable in their own order.
//
// Deleted content is overwritten with zeros (secure_delete), Compact empties the log and gives
// pages back (auto_vacuum=INCREMENTAL); what the file system or the disk itself keeps of
// overwritten blocks is outside of what a program can promise.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	sqlite3 "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"bongsu"
	"bongsu/cloud/archive"
)

// Options says where the archive is.
type Options struct {
	// Path of the database file. Its folder must exist; the file is made when it does not,
	// readable by its owner only.
	Path string
	// Readers is how many reads run at once, each on a connection of its own; 0 is one for each core that Go
	// uses, at least 2 and at most 4.
	Readers int
	// Busy is how long a call waits for another process that writes; 0 is 5 s.
	Busy time.Duration
	// Log gets one line per migration and per disk error; nil discards.
	Log *slog.Logger
}

// Archive is an open SQLite archive. Close it.
type Archive struct {
	// set before use
	path   string
	busy   time.Duration
	log    *slog.Logger
	writer *pool
	writes chan struct{} // holds one value while somebody writes
	turns  turns         // of who holds writes
	reader *pool
	wakes  wakes
	reads  reads

	// state of the whole
	broken atomic.Bool // a write failed on the disk: nothing is written until reopened
	closed atomic.Bool
}

var _ archive.Archive = (*Archive)(nil)

// Open opens or makes the archive and brings its schema up to date. A file made by a newer
// version of the program is CodeConflict and left alone; one that is no database, CodeInvalid.
func Open(ctx context.Context, o Options) (*Archive, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Readers <= 0 {
		o.Readers = min(max(2, runtime.GOMAXPROCS(0)), 4)
	}
	if o.Busy <= 0 {
		o.Busy = 5 * time.Second
	}
	if err := createPrivate(o.Path); err != nil {
		return nil, err
	}
	w, err := openPool(o, 1, writing)
	if err != nil {
		return nil, err
	}
	a := &Archive{path: o.Path, busy: o.Busy, log: o.Log, writer: w, writes: make(chan struct{}, 1)}
	if err := a.migrate(ctx); err != nil {
		w.close()
		return nil, err
	}
	if a.reader, err = openPool(o, o.Readers, reading); err != nil {
		w.close()
		return nil, err
	}
	if err := a.reader.warm(ctx, o.Readers); err != nil {
		a.Close()
		return nil, failure("open", err)
	}
	if err := syncFolder(filepath.Dir(o.Path)); err != nil {
		a.Close()
		return nil, bongsu.Wrap(bongsu.CodeUnavailable, err, "archive %s: cannot make its folder durable", o.Path)
	}
	return a, nil
}

// createPrivate makes the file before SQLite would, so that nobody else may read it.
func createPrivate(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return bongsu.Wrap(bongsu.CodeUnavailable, err, "archive %s: cannot open the file; check that its folder exists and is writable", path)
	}
	return f.Close()
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// pool is a set of connections with the statements prepared on them.
type pool struct {
	db *sql.DB

	mu    sync.Mutex
	stmts map[string]*sql.Stmt
}

// What connections are set to. auto_vacuum comes first: it counts only while the file is still
// empty. Readers leave alone what would want the write lock; the file remembers it. Page caches
// (1 MiB for the writer, 128 KiB for each reader) are what a busy quarter of an hour fills, once and for all, outside of
// Go's heap; the system's cache of the file lies behind them. They take twice that: a page
// and what SQLite notes about it is a little more than a power of two, to which its allocator rounds up.
const (
	writing = "_txlock=immediate&_pragma=cache_size(-1024)&_pragma=auto_vacuum(2)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=secure_delete(1)&_pragma=foreign_keys(1)"
	reading = "_pragma=cache_size(-128)&_pragma=query_only(1)"
)

// openPool opens conns connections.
func openPool(o Options, conns int, settings string) (*pool, error) {
	dsn := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: o.Path}).EscapedPath()}).String() +
		fmt.Sprintf("?_pragma=busy_timeout(%d)&_pragma=temp_store(MEMORY)&", o.Busy.Milliseconds()) + settings
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, failure("open", err)
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return &pool{db: db, stmts: map[string]*sql.Stmt{}}, nil
}

// warm opens all connections at once: each takes half a MiB, and would take it some hour in which as many
// reads happen to meet.
func (p *pool) warm(ctx context.Context, conns int) error {
	var all []*sql.Conn
	var errs []error
	for range conns {
		c, err := p.db.Conn(ctx)
		if err != nil {
			errs = append(errs, err)
			break
		}
		all = append(all, c)
		var n int
		errs = append(errs, c.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_schema`).Scan(&n))
	}
	for _, c := range all {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

// keep prepares queries that a transaction has met for the first time, so that the next one
// finds them compiled. It runs between transactions: inside one it could wait for a connection
// that only its own end sets free. The queries of this package are constants or assembled
// from few constants, so the set stays small.
func (p *pool) keep(ctx context.Context, queries []string) {
	for _, q := range queries {
		s, err := p.db.PrepareContext(ctx, q) //nolint:sqlclosecheck // kept for the pool's life, or closed below
		if err != nil {
			return // it worked without; the next transaction tries again
		}
		p.mu.Lock()
		if p.stmts[q] == nil {
			p.stmts[q], s = s, nil
		}
		p.mu.Unlock()
		if s != nil {
			_ = s.Close() // it was not used
		}
	}
}

func (p *pool) kept(query string) *sql.Stmt {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stmts[query]
}

func (p *pool) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	for _, s := range p.stmts {
		errs = append(errs, s.Close())
	}
	p.stmts = map[string]*sql.Stmt{}
	return errors.Join(append(errs, p.db.Close())...)
}

// tx is one transaction, alive for the length of one call: hence the context inside.
type tx struct {
	ctx  context.Context
	tx   *sql.Tx
	pool *pool
	wake bool     // subscribers are to be woken after the commit
	met  []string // queries that were not prepared before
}

// rollback ends the transaction without its writes. There is nothing to be done about its error:
// the connection is given up then.
func (t *tx) rollback() { _ = t.tx.Rollback() }

// write runs f in a transaction that commits when f returns nil.
func (a *Archive) write(ctx context.Context, op string, f func(*tx) error) error {
	if err := a.usable(op); err != nil {
		return err
	}
	if a.broken.Load() {
		return bongsu.Errorf(bongsu.CodeUnavailable, "archive: %s: an earlier write failed on the disk, so nothing more is written; check the disk and start again", op)
	}
	t, err := a.inTurn(ctx, f)
	if err != nil {
		return a.diskError(op, err)
	}
	if t.wake {
		a.wakes.wake()
	}
	a.writer.keep(ctx, t.met)
	a.bound(ctx)
	return nil
}

// inTurn runs f in a committed transaction, one at a time in this process and in turn with others.
func (a *Archive) inTurn(ctx context.Context, f func(*tx) error) (*tx, error) {
	select {
	case a.writes <- struct{}{}:
		defer func() { <-a.writes }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer a.turns.take(ctx, a.path, a.busy)()
	t, err := a.begin(ctx, a.writer, nil)
	if err != nil {
		return nil, err
	}
	defer t.rollback() // does nothing after a commit; f, which may be a caller's, may panic
	if err := f(t); err != nil {
		return nil, err
	}
	return t, t.tx.Commit()
}

// read runs f in a transaction that sees one state of the archive. One that takes long while
// much is written is ended: see bound.
func (a *Archive) read(ctx context.Context, op string, f func(*tx) error) error {
	if err := a.usable(op); err != nil {
		return err
	}
	inner, end := a.reads.begin(ctx)
	defer end()
	t, err := a.begin(inner, a.reader, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return failure(op, err)
	}
	err = f(t)
	t.rollback() // nothing was written; keep needs the connection
	if err != nil && errors.Is(context.Cause(inner), errTooLong) {
		return bongsu.Wrap(bongsu.CodeUnavailable, errTooLong, "archive: %s", op)
	}
	if err != nil {
		return failure(op, err)
	}
	a.reader.keep(ctx, t.met)
	return nil
}

func (a *Archive) usable(op string) error {
	if a.closed.Load() {
		return bongsu.Errorf(bongsu.CodeUnavailable, "archive: %s: it is closed", op)
	}
	return nil
}

func (a *Archive) begin(ctx context.Context, p *pool, o *sql.TxOptions) (*tx, error) {
	sqltx, err := p.db.BeginTx(ctx, o)
	if err != nil {
		return nil, err
	}
	return &tx{ctx: ctx, tx: sqltx, pool: p}, nil
}

// stmt gives the query's statement, bound to this transaction.
func (t *tx) stmt(query string) (*sql.Stmt, error) {
	if s := t.pool.kept(query); s != nil {
		return t.tx.StmtContext(t.ctx, s), nil
	}
	t.met = append(t.met, query)
	return t.tx.PrepareContext(t.ctx, query)
}

// exec runs a statement and gives the number of rows it changed.
func (t *tx) exec(query string, args ...any) (int64, error) {
	s, err := t.stmt(query)
	if err != nil {
		return 0, err
	}
	defer s.Close()
	r, err := s.ExecContext(t.ctx, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// row reads one row into dest; sql.ErrNoRows without it.
func (t *tx) row(query string, args []any, dest ...any) error {
	s, err := t.stmt(query)
	if err != nil {
		return err
	}
	defer s.Close()
	return s.QueryRowContext(t.ctx, args...).Scan(dest...)
}

// found is row for queries whose answer may be missing.
func (t *tx) found(query string, args []any, dest ...any) (bool, error) {
	err := t.row(query, args, dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// each calls f for every row. f must not use the transaction.
func (t *tx) each(query string, args []any, f func(scan func(...any) error) error) error {
	s, err := t.stmt(query)
	if err != nil {
		return err
	}
	defer s.Close()
	rows, err := s.QueryContext(t.ctx, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// strings reads a single column.
func (t *tx) strings(query string, args ...any) ([]string, error) {
	var out []string
	err := t.each(query, args, func(scan func(...any) error) error {
		var s string
		if err := scan(&s); err != nil {
			return err
		}
		out = append(out, s)
		return nil
	})
	return out, err
}

// failure gives err a bongsu code; errors that have one stay as they are.
func failure(op string, err error) error {
	var known *bongsu.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return bongsu.Wrap(bongsu.CodeUnavailable, err, "archive: %s was given up", op)
	}
	var e *sqlite3.Error
	if !errors.As(err, &e) {
		return bongsu.Wrap(bongsu.CodeInternal, err, "archive: %s failed", op)
	}
	switch e.Code() & 0xff {
	case lib.SQLITE_FULL:
		return bongsu.Wrap(bongsu.CodeUnavailable, err, "archive: %s: the disk is full; free space on it", op)
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED:
		return bongsu.Wrap(bongsu.CodeUnavailable, err, "archive: %s: another process keeps the database busy; try again", op)
	case lib.SQLITE_INTERRUPT:
		return bongsu.Wrap(bongsu.CodeUnavailable, err, "archive: %s was given up", op)
	case lib.SQLITE_IOERR, lib.SQLITE_READONLY, lib.SQLITE_CANTOPEN:
		return bongsu.Wrap(bongsu.CodeUnavailable, err, "archive: %s: the disk refuses; check it and the rights on the file", op)
	case lib.SQLITE_NOTADB, lib.SQLITE_CORRUPT:
		return bongsu.Wrap(bongsu.CodeInternal, err, "archive: %s: the file is damaged or no archive; restore it from a backup", op)
	}
	return bongsu.Wrap(bongsu.CodeInternal, err, "archive: %s failed", op)
}

// diskError is failure for writes: after an I/O error nothing is written any more, for a sync
// that failed once may succeed the second time without the bytes being there.
func (a *Archive) diskError(op string, err error) error {
	var e *sqlite3.Error
	if errors.As(err, &e) && e.Code()&0xff == lib.SQLITE_IOERR && !a.broken.Swap(true) {
		a.log.Error("archive: a write failed on the disk; no more writes until restart", "path", a.path, "op", op, "err", err)
	}
	return failure(op, err)
}

// Ping implements archive.Archive: it takes the writer's place for a moment.
func (a *Archive) Ping(ctx context.Context) error {
	return a.write(ctx, "ping", func(t *tx) error {
		var n int
		return t.row("SELECT version FROM schema", nil, &n)
	})
}

// Close implements archive.Archive.
func (a *Archive) Close() error {
	if a.closed.Swap(true) {
		return nil
	}
	var err error
	if a.reader != nil {
		err = a.reader.close()
	}
	return failure("close", errors.Join(err, a.writer.close()))
}

// wakes tells subscribers that something was committed.
type wakes struct {
	mu   sync.Mutex
	subs map[chan struct{}]struct{}
}

func (w *wakes) wake() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.subs {
		select {
		case c <- struct{}{}:
		default: // it has a value waiting already
		}
	}
}

// Subscribe implements archive.Changes.
func (a *Archive) Subscribe() (<-chan struct{}, func()) {
	c := make(chan struct{}, 1)
	w := &a.wakes
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.subs == nil {
		w.subs = map[chan struct{}]struct{}{}
	}
	w.subs[c] = struct{}{}
	return c, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.subs, c)
	}
}

// micros is how times are stored: Unix microseconds, 0 for the zero time.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// instant is the inverse of micros.
func instant(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}
