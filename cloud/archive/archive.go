// Package archive says what the durable memory of the cloud promises: the inbox that a 2xx to an
// edge stands on, events with all their revisions, clips, alerts with their history, the change
// sequence that live screens follow, edges, cameras, users, audit records, and deletion that
// deletes. Bytes of pictures and clips live in cloud/objects; a row never names a missing object.
// Backends run the suite in archivetest.
//
// Every method is safe for use by many goroutines. A method that changes something has
// committed, fsync included, when it returns nil, and has changed nothing when it returns an
// error. Errors carry bongsu codes: CodeNotFound where there is no such row, CodeConflict where
// the state does not allow it, CodeUnavailable when it may work later (disk full, busy,
// closed). Times are UTC with microseconds; clocks are the caller's, the archive asks none.
package archive

import (
	"context"
	"time"

	"bongsu"
)

// Archive is the whole of it. Consumers declare or take the part they need.
type Archive interface {
	Inbox
	Events
	Clips
	Alerts
	Changes
	Edges
	Users
	Audits
	Retention
	Meta
	Leases

	// Ping reports whether the archive can be written to now.
	Ping(ctx context.Context) error
	// Check verifies the store's own integrity and the numbered invariants of
	// docs/design/durability.md that can be seen from the database alone. It reads
	// everything: it is for `bongsu-cloud check`, not for health probes. The first
	// violation is named in the error, CodeInternal.
	Check(ctx context.Context) error
	// Close waits for running calls and frees everything. Later calls fail with
	// CodeUnavailable.
	Close() error
}

// PutStatus says what became of one record in PutInbox.
type PutStatus string

// Statuses of PutInbox.
const (
	PutStored  PutStatus = "stored"
	PutKnown   PutStatus = "known"   // this revision is in the inbox, the archive or the dead letters already
	PutForeign PutStatus = "foreign" // another edge's event has this ID; nothing was stored
)

// InboxRow is one received revision that no worker has applied yet.
type InboxRow struct {
	Edge     bongsu.EdgeID
	Record   bongsu.EventRecord // Event.Edge is set to Edge
	Received time.Time
}

// Pending is an inbox row's key and when it came.
type Pending struct {
	Key      bongsu.EventKey
	Received time.Time
}

// DeadLetter is a received revision that could not be applied. Its record is kept.
type DeadLetter struct {
	Key        bongsu.EventKey `json:"key"`
	Edge       bongsu.EdgeID   `json:"edge"`
	Received   time.Time       `json:"received"`
	Buried     time.Time       `json:"buried"`
	Deliveries int             `json:"deliveries"`
	Reason     string          `json:"reason"`
}

// Snapshot names the object that holds a revision's JPEG.
type Snapshot struct {
	Key    string // as SnapshotKey gives it
	SHA256 string
	Bytes  int64
}

// ApplyOptions is what Apply needs beside the inbox row.
type ApplyOptions struct {
	At       time.Time     // now
	Snapshot *Snapshot     // object already stored; nil when the record has no JPEG
	Window   time.Duration // how far apart in event time an alert may be to be a candidate
	Route    Router        // decides about the alert; nil: no alert
}

// Span is an alert with the event time that its events cover.
type Span struct {
	bongsu.Alert
	First      time.Time // earliest Start of its events
	Last       time.Time // latest Start, Fired or End of its events
	OpenEvents int       // its events that are still open, the situation's own event left out
}

// Situation is what a Router decides on. It is read and written in one transaction.
type Situation struct {
	At         time.Time
	Event      bongsu.Event // the latest revision, after this one was taken in
	Received   time.Time    // when the cloud received the revision
	Alert      *Span        // the alert that the event belongs to; nil when it has none
	Candidates []Span       // alerts of the same edge, camera and rule within the window, latest first; empty when Alert is set
}

// Decision is what a Router wants stored. Alert nil changes nothing. An ID that the archive
// does not know makes a new alert. The archive sets Alert.Seq.
type Decision struct {
	Alert   *bongsu.Alert
	History []HistoryEntry
}

// Router decides what an event's revision means for alerts. It must be a pure function of the
// situation (and of a source of new IDs): the archive may call it again when it retries.
type Router func(Situation) (Decision, error)

// Applied says what Apply did.
type Applied struct {
	Known  bool           // the revision had been applied before; nothing changed
	Latest bool           // the revision is the event's highest now
	Alert  bongsu.AlertID // alert made or changed; "" when none
	Seq    int64          // last change sequence written; 0 when none
}

// Inbox holds what ingest promised to the edges until a worker has applied it.
type Inbox interface {
	// PutInbox stores records of one edge in one transaction, all or none, and answers
	// each in order. An edge that is unknown or disabled is CodeUnauthorized. The
	// records' Event.Edge is overwritten with edge. It notes the edge as seen at received.
	PutInbox(ctx context.Context, edge bongsu.EdgeID, received time.Time, records []bongsu.EventRecord) ([]PutStatus, error)
	// PendingInbox lists what was received before a time, oldest first, and comes after one
	// (the zero Pending: from the first).
	PendingInbox(ctx context.Context, before time.Time, after Pending, limit int) ([]Pending, error)
	// GetInbox reads one row; CodeNotFound when it was applied, buried or never there.
	GetInbox(ctx context.Context, key bongsu.EventKey) (InboxRow, error)
	// Apply takes the inbox row into the archive in one transaction: the revision is
	// kept, the event's latest view follows unless a higher revision is there, the alert
	// is routed, change rows are appended, the inbox row goes. Without the inbox row it
	// answers Known when the revision was applied before, else CodeNotFound. A
	// snapshot whose key is condemned (see Retention) is CodeUnavailable.
	Apply(ctx context.Context, key bongsu.EventKey, o ApplyOptions) (Applied, error)
	// Bury moves an inbox row to the dead letters; CodeNotFound without the row.
	Bury(ctx context.Context, key bongsu.EventKey, reason string, deliveries int, at time.Time) error
	// DeadLetters lists them, newest first.
	DeadLetters(ctx context.Context, limit int) ([]DeadLetter, error)
	// Revive moves a dead letter back to the inbox; CodeNotFound without it.
	Revive(ctx context.Context, key bongsu.EventKey) error
	// DropLetter removes a dead letter for good; CodeNotFound without it.
	DropLetter(ctx context.Context, key bongsu.EventKey) error
	// CountLetters counts the dead letters.
	CountLetters(ctx context.Context) (int, error)
}

// EventRow is an event as the archive knows it: its highest revision and what hangs on it.
type EventRow struct {
	bongsu.Event
	Received time.Time      // of the first revision that was applied
	Alert    bongsu.AlertID // "" before it was routed, and for events without alert
	Verdict  bongsu.Verdict // of its alert, "" until judged
	Snapshot *Snapshot      // of the highest revision that has one; nil when none has
	Clips    []ClipRow      // by part; complete ones and ones still on their way
}

// EventQuery selects events. Zero fields select everything.
type EventQuery struct {
	After   Cursor // the last row of the page before
	Limit   int    // at least 1; at most MaxPage rows come
	Edge    bongsu.EdgeID
	Camera  bongsu.CameraID
	Kind    bongsu.EventKind
	From    time.Time // Start at or after
	To      time.Time // Start before
	Verdict bongsu.Verdict
	// Unjudged selects events without a verdict; Verdict must be "" then.
	Unjudged bool
}

// MaxPage is the most rows that one page has.
const MaxPage = 1000

// EventPage is one page of events.
type EventPage struct {
	Events []EventRow
	Next   Cursor // zero when this was the last page
}

// Revision is one revision as it was applied.
type Revision struct {
	bongsu.Event
	Received time.Time
	Applied  time.Time
	Snapshot *Snapshot
}

// Events reads events that were applied.
type Events interface {
	// ListEvents gives a page, newest Start first, ties by ID. Pages cut by Cursor
	// neither repeat nor skip a row that was there throughout.
	ListEvents(ctx context.Context, q EventQuery) (EventPage, error)
	// GetEvent reads one event; CodeNotFound without it.
	GetEvent(ctx context.Context, id bongsu.EventID) (EventRow, error)
	// Revisions lists all kept revisions of an event, lowest first; CodeNotFound when there is none.
	Revisions(ctx context.Context, id bongsu.EventID) ([]Revision, error)
}

// ClipRow is one clip part. Complete is set, and Object named, only after the object is in the
// store.
type ClipRow struct {
	bongsu.Clip
	Edge      bongsu.EdgeID
	Object    string // key in the object store; "" while it is not complete
	Declared  time.Time
	Completed time.Time // zero while it is not complete
}

// Complete reports that the part's bytes are in the object store.
func (c *ClipRow) Complete() bool { return !c.Completed.IsZero() }

// Clips keeps the rows of clip parts. A part is accepted before or after its event.
type Clips interface {
	// DeclareClip announces a part. The same part again with the same hash and size gives
	// the row that is there; others replace a declaration that is not complete and are
	// CodeConflict on a complete one. A part that its edge has lost (Clip.Lost) needs no hash; it
	// changes nothing on a complete one, and is a change that streams tell of. A part of another
	// edge's event is CodeForbidden. An object key that is condemned (see Retention) is
	// CodeUnavailable: declare again later.
	DeclareClip(ctx context.Context, edge bongsu.EdgeID, clip bongsu.Clip, at time.Time) (ClipRow, error)
	// CompleteClip marks the declared part as complete after its object, which has the key
	// ClipKey gives, is durable. Completing it again is success. CodeNotFound
	// without the declaration, CodeConflict when it was replaced by another hash,
	// CodeUnavailable when the object's key is condemned.
	CompleteClip(ctx context.Context, edge bongsu.EdgeID, key bongsu.ClipKey, sha256 string, at time.Time) (ClipRow, error)
	// GetClip reads one part; CodeNotFound without it.
	GetClip(ctx context.Context, key bongsu.ClipKey) (ClipRow, error)
	// ListClips lists an event's parts in order; none is an empty list.
	ListClips(ctx context.Context, event bongsu.EventID) ([]ClipRow, error)
}

// Actions of a HistoryEntry.
const (
	ActionRaise    = "raise"    // an event made the alert
	ActionFold     = "fold"     // another event joined it
	ActionSeen     = "seen"     // an event of it was revised
	ActionClaim    = "claim"    // unclaimed → claimed
	ActionRelease  = "release"  // back to unclaimed by its owner or an admin
	ActionExpire   = "expire"   // back to unclaimed, its owner was idle
	ActionEvidence = "evidence" // evidence was opened by Actor
	ActionVerdict  = "verdict"  // judged by Actor
	ActionUndo     = "undo"     // Actor took the last verdict back
)

// Occurrence is what an alert's history keeps of an event at one revision.
type Occurrence struct {
	Event      bongsu.EventID   `json:"event"`
	Revision   int              `json:"revision"`
	Edge       bongsu.EdgeID    `json:"edge"`
	Camera     bongsu.CameraID  `json:"camera"`
	CameraName string           `json:"camera_name,omitempty"`
	Rule       bongsu.RuleID    `json:"rule"`
	Kind       bongsu.EventKind `json:"kind"`
	Priority   bongsu.Priority  `json:"priority"`
	Fired      time.Time        `json:"fired"`
	Last       time.Time        `json:"last"`
	Class      bongsu.Class     `json:"class"`
	Score      float32          `json:"score"`
}

// HistoryEntry is one transition of an alert. The alert is a fold over its entries
// (alerts.Rebuild): what is stored equals what they give.
type HistoryEntry struct {
	At        time.Time        `json:"at"`
	Actor     string           `json:"actor"` // username; "" is the system
	ActorName string           `json:"actor_name,omitempty"`
	Client    string           `json:"client,omitempty"` // address the request came from
	Action    string           `json:"action"`
	From      bongsu.WorkState `json:"from"`
	To        bongsu.WorkState `json:"to"`
	Verdict   bongsu.Verdict   `json:"verdict,omitempty"`
	Note      string           `json:"note,omitempty"`
	Condition bongsu.Condition `json:"condition,omitempty"` // after raise, fold and seen
	Event     *Occurrence      `json:"event,omitempty"`     // of raise, fold and seen
}

// AlertRow is an alert with what a card shows beside it.
type AlertRow struct {
	bongsu.Alert
	Snapshot  bool // the first event has a snapshot
	ClipParts int  // complete parts of the first event
}

// AlertState selects alerts by whether work is left.
type AlertState string

// Values of AlertState; "" is AlertsAll.
const (
	AlertsOpen   AlertState = "open" // every work state but closed
	AlertsClosed AlertState = "closed"
	AlertsAll    AlertState = "all"
)

// AlertQuery selects alerts.
type AlertQuery struct {
	State AlertState
	After Cursor
	Limit int // at least 1; at most MaxPage rows come
}

// AlertPage is one page of alerts.
type AlertPage struct {
	Alerts []AlertRow
	Seq    int64  // change sequence that the page reflects: follow changes after it
	Next   Cursor // zero when this was the last page
}

// AlertChange is a step of an alert's life: from the alert and its whole history, oldest first,
// to the alert as it shall be and the entries that say so. No entries: nothing is written. An
// error aborts and is returned unchanged.
type AlertChange func(a bongsu.Alert, history []HistoryEntry) (bongsu.Alert, []HistoryEntry, error)

// Alerts reads alerts and moves them through their life.
type Alerts interface {
	// ListAlerts gives a page, newest Raised first, ties by ID.
	ListAlerts(ctx context.Context, q AlertQuery) (AlertPage, error)
	// GetAlert reads one; CodeNotFound without it.
	GetAlert(ctx context.Context, id bongsu.AlertID) (AlertRow, error)
	// AlertHistory lists an alert's transitions, oldest first.
	AlertHistory(ctx context.Context, id bongsu.AlertID) ([]HistoryEntry, error)
	// UpdateAlert reads, decides and writes in one transaction: no other change of the
	// alert comes between (compare-and-set). It appends the history and one change row
	// for the alert, and carries a changed verdict over to the alert's events, each with
	// a change row of its own. The row as it stands is returned, also when nothing changed.
	UpdateAlert(ctx context.Context, id bongsu.AlertID, change AlertChange) (AlertRow, error)
	// IdleAlerts lists alerts that are claimed or under review and whose owner did
	// nothing since before (the last history entry of a person is older).
	IdleAlerts(ctx context.Context, before time.Time, limit int) ([]bongsu.AlertID, error)
}

// ChangeKind says what a change is about.
type ChangeKind string

// Kinds of change.
const (
	ChangeAlert ChangeKind = "alert" // Alert was made or changed
	ChangeEvent ChangeKind = "event" // Event has a new latest revision or verdict
	ChangeClip  ChangeKind = "clip"  // Part of Event is complete; Alert is the event's, if it has one
)

// Change is one entry of the change sequence. It names what changed; read the thing itself for
// how it is now.
type Change struct {
	Seq   int64
	At    time.Time
	Kind  ChangeKind
	Alert bongsu.AlertID // of all kinds where there is one
	Event bongsu.EventID // of event and clip
	Part  int            // of clip
}

// Changes is the sequence that live screens follow. A reader that has seen seq N never finds
// a change ≤ N later: changes become readable in the order of their numbers.
type Changes interface {
	// ChangesSince lists changes after a sequence number, in order.
	ChangesSince(ctx context.Context, after int64, limit int) ([]Change, error)
	// ChangeBounds gives the lowest kept and the last given sequence number. With none
	// kept, oldest is latest + 1. A reader that asks for changes after a number below
	// oldest - 1, or above latest, must start anew.
	ChangeBounds(ctx context.Context) (oldest, latest int64, err error)
	// Subscribe gives a channel that gets a value after commits that wrote changes or
	// camera reports of this process; several commits may fold into one value. cancel
	// ends it; the channel is not closed.
	Subscribe() (wake <-chan struct{}, cancel func())
}
