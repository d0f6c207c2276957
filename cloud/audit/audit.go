// Package audit records who saw or changed what, so that altering a record is found: each
// record carries the hash of the one before (Seal, Verify). Every picture and clip shown is
// recorded before its first byte goes out; what cannot be recorded is not shown.
package audit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"bongsu"
	"bongsu/cloud/archive"
)

// Actions that are recorded. They are stable: searches and reports match on them.
const (
	Login          = "login"
	LoginFailed    = "login.failed"
	LoginThrottled = "login.throttled" // at most once a minute for one address
	Logout         = "logout"
	Setup          = "setup" // the first admin was made
	SetupFailed    = "setup.failed"

	UserAdd      = "user.add"
	UserDisable  = "user.disable"
	UserPassword = "user.password"
	UserToken    = "user.token"

	EdgeToken       = "edge.token"
	EdgeEnrol       = "edge.enrol"
	EdgeEnrolFailed = "edge.enrol.failed"
	EdgeRevoke      = "edge.revoke"

	CameraProbe       = "camera.probe"        // an admin has an edge look at a camera
	CameraSetup       = "camera.setup"        // or make or change one
	CameraRemove      = "camera.remove"       // or take one away
	CameraSetupFailed = "camera.setup.failed" // which was not done, or it is not known whether it was

	SnapshotView = "snapshot.view"
	StillView    = "still.view"
	ClipView     = "clip.view"
	LiveOpen     = "live.open"  // somebody begins to look at a camera
	LiveClose    = "live.close" // and ends, with for how long
	EventsExport = "events.export"

	LetterRetry = "letter.retry" // an admin has a dead letter tried again
	LetterDrop  = "letter.drop"  // or removes it for good

	AlertClaim    = "alert.claim"
	AlertRelease  = "alert.release"
	AlertEvidence = "alert.evidence"
	AlertVerdict  = "alert.verdict"
	AlertUndo     = "alert.undo"
)

// Entry is what happened. It holds no secret.
type Entry struct {
	Actor  string // username; "" for somebody unknown; "edge:ID" for an edge; "cli" on the server's own machine
	Client string // address
	Action string
	Target string // what it happened to, such as "event 0193.../clip 0"
	Detail string
}

// Options of a Recorder.
type Options struct {
	Store archive.Audits
	Now   func() time.Time // nil: time.Now
	Log   *slog.Logger     // nil: discard
	// Fold is how long further views of one thing by one user are counted together; 0: a minute.
	Fold time.Duration
	// Tick wakes Run to write folded views; nil: a ticker of Fold.
	Tick <-chan time.Time
}

// Recorder writes audit records. It is safe for many goroutines.
type Recorder struct {
	// set before Run
	store archive.Audits
	now   func() time.Time
	log   *slog.Logger
	fold  time.Duration
	tick  <-chan time.Time

	mu    sync.Mutex
	views map[Entry]*view // shown within the last Fold
}

type view struct {
	recorded chan struct{} // closed when the first access is recorded, or has failed
	err      error         // why it could not be recorded
	from     time.Time
	more     int // further accesses since
}

// New makes a Recorder.
func New(o Options) *Recorder {
	r := &Recorder{store: o.Store, now: o.Now, log: o.Log, fold: o.Fold, tick: o.Tick, views: map[Entry]*view{}}
	if r.now == nil {
		r.now = time.Now
	}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	if r.fold == 0 {
		r.fold = time.Minute
	}
	return r
}

// Record writes one entry and returns when it is durable. The error is CodeUnavailable: what was
// to be recorded must not happen then.
func (r *Recorder) Record(ctx context.Context, e Entry) error {
	rec := archive.AuditRecord{
		At: r.now().UTC().Truncate(time.Microsecond), Actor: e.Actor, Client: e.Client,
		Action: e.Action, Target: e.Target, Detail: e.Detail,
	}
	if _, err := r.store.AppendAudit(ctx, rec, Seal); err != nil {
		return bongsu.Wrap(bongsu.CodeUnavailable, err, "the audit record cannot be written, so this is refused: try again")
	}
	return nil
}

// View records that something is about to be shown. The first time within Fold it returns when
// the record is durable; after that it counts, and the count is recorded when Fold is over.
// Show nothing when it returns an error.
func (r *Recorder) View(ctx context.Context, e Entry) error {
	r.mu.Lock()
	v := r.views[e]
	if v != nil && r.now().Sub(v.from) < r.fold {
		v.more++
		r.mu.Unlock()
		select {
		case <-v.recorded:
			return v.err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	fresh := &view{recorded: make(chan struct{}), from: r.now()}
	r.views[e] = fresh
	r.mu.Unlock()
	if v != nil {
		r.writeMore(ctx, e, v)
	}
	// Others wait for this record, so it does not end with this one's caller.
	recording, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	fresh.err = r.Record(recording, e)
	if fresh.err != nil {
		r.mu.Lock()
		if r.views[e] == fresh {
			delete(r.views, e) // the next one tries anew
		}
		r.mu.Unlock()
	}
	close(fresh.recorded)
	return fresh.err
}

// writeMore records the further accesses of a view that is over.
func (r *Recorder) writeMore(ctx context.Context, e Entry, v *view) {
	select {
	case <-v.recorded:
	default:
		return // its own record still waits
	}
	if v.more == 0 || v.err != nil {
		return
	}
	e.Detail = fmt.Sprintf("%d more since %s", v.more, v.from.UTC().Format(time.RFC3339))
	if err := r.Record(ctx, e); err != nil {
		r.log.Error("the count of further views was not recorded; their first view was", "target", e.Target, "count", v.more, "err", err)
	}
}

// Run writes the counts of folded views as their time is over, and once an hour logs the head
// of the chain, so that a copy of it stands outside the database. It blocks until ctx ends, and
// writes what is still counted before it returns nil.
func (r *Recorder) Run(ctx context.Context) error {
	tick := r.tick
	if tick == nil {
		t := time.NewTicker(r.fold)
		defer t.Stop()
		tick = t.C
	}
	var headAt time.Time
	for {
		select {
		case <-tick:
			r.flush(ctx, r.now().Add(-r.fold))
			if now := r.now(); now.Sub(headAt) >= time.Hour {
				headAt = now
				r.logHead(ctx)
			}
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			r.flush(last, r.now())
			return nil
		}
	}
}

// flush writes and forgets the views that began at or before t.
func (r *Recorder) flush(ctx context.Context, t time.Time) {
	r.mu.Lock()
	over := map[Entry]*view{}
	for e, v := range r.views {
		if !v.from.After(t) {
			over[e] = v
			delete(r.views, e)
		}
	}
	r.mu.Unlock()
	for e, v := range over {
		select {
		case <-v.recorded:
			r.writeMore(ctx, e, v)
		case <-ctx.Done():
			return
		}
	}
}

func (r *Recorder) logHead(ctx context.Context) {
	head, err := Head(ctx, r.store)
	if err != nil {
		r.log.Error("the head of the audit chain cannot be read", "err", err)
		return
	}
	if head.Seq > 0 {
		r.log.Info("head of the audit chain; `bongsu-cloud check --audit-head` proves that nothing before it was changed", "head", fmt.Sprintf("%d:%s", head.Seq, head.Hash))
	}
}

// Head is the last record; the zero record when there is none.
func Head(ctx context.Context, store archive.Audits) (archive.AuditRecord, error) {
	last, err := store.ListAudit(ctx, archive.AuditQuery{Newest: true, Limit: 1})
	if err != nil || len(last) == 0 {
		return archive.AuditRecord{}, err
	}
	return last[0], nil
}

// Seal is the record's hash: SHA-256, in lower-case hex, over the JSON array of all its other
// fields in the order seq, at (RFC 3339, UTC, microseconds), actor, client, action, target,
// detail, prev.
func Seal(r archive.AuditRecord) string {
	body, err := json.Marshal([]any{r.Seq, r.At.UTC().Format("2006-01-02T15:04:05.000000Z"), r.Actor, r.Client, r.Action, r.Target, r.Detail, r.Prev})
	if err != nil {
		return "" // cannot be: an integer and texts
	}
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// Verified says what Verify read.
type Verified struct {
	Records int64
	Head    archive.AuditRecord // the last record
}

// Verify reads the whole chain and names the first record that was altered, removed, put in or
// moved. What it cannot see alone is a chain cut at its end or written anew as a whole: for
// that, compare with a head that was noted elsewhere: want is "SEQ:HASH", or "".
func Verify(ctx context.Context, store archive.Audits, want string) (Verified, error) {
	var v Verified
	seen := want == ""
	for {
		page, err := store.ListAudit(ctx, archive.AuditQuery{After: v.Head.Seq, Limit: archive.MaxPage})
		if err != nil {
			return v, err
		}
		for _, r := range page {
			if err := follows(v.Head, r); err != nil {
				return v, err
			}
			v.Head = r
			v.Records++
			seen = seen || want == fmt.Sprintf("%d:%s", r.Seq, r.Hash)
		}
		if len(page) == 0 {
			break
		}
	}
	if !seen {
		return v, bongsu.Errorf(bongsu.CodeInternal, "audit: the noted head %s is not in the chain of %d records: it was cut or written anew", want, v.Records)
	}
	return v, nil
}

func follows(prev, r archive.AuditRecord) error {
	switch {
	case r.Seq != prev.Seq+1:
		return bongsu.Errorf(bongsu.CodeInternal, "audit: record %d follows record %d: records between them are missing", r.Seq, prev.Seq)
	case r.Prev != prev.Hash:
		return bongsu.Errorf(bongsu.CodeInternal, "audit: record %d does not continue record %d: one of them was replaced", r.Seq, prev.Seq)
	case r.Hash != Seal(r):
		return bongsu.Errorf(bongsu.CodeInternal, "audit: record %d was altered: its hash does not fit its content", r.Seq)
	}
	return nil
}
