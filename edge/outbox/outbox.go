// Package outbox is the edge's durable, bounded, ordered store of events and clips: what the
// node has acknowledged to a worker is in here until the cloud has acknowledged it. Events lie
// in a checksummed append log (journal.go), clips are files of their own with rows in the same
// log. docs/design/durability.md holds the format, the numbered invariants and the measurement
// by which a log was chosen instead of SQLite.
package outbox

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"bongsu"
)

// Defaults of Options.
const (
	DefaultSegmentBytes = 8 << 20
	DefaultReserveBytes = 4 * DefaultSegmentBytes
	DefaultMaxClipBytes = 20 << 30
	DefaultMinFreeBytes = 1 << 30
)

// Options are what an Outbox needs. The zero value of each field means its default.
type Options struct {
	FS           FS    // nil: the disk, below the folder given to Open
	SegmentBytes int64 // size of one log file
	ReserveBytes int64 // held back so that events go on when the disk is full; negative: none
	MaxClipBytes int64 // all clip files together; beyond it clips are evicted
	MinFreeBytes int64 // of the file system; below it clips are evicted; negative: no limit
	Salvage      Salvage
	Now          func() time.Time
	Log          *slog.Logger // nil: discard
}

// Salvage looks at the file of a clip part whose writer died and gives the part as it is to be
// kept: ready (the file was finished) or torn (what could be saved is a finished file now), with
// Bytes, SHA256, Codec and DurationUS of the file as it then durably is; or failed, when there is
// nothing to keep. An error beside a part that is still writing means that the disk did not let
// it look: it is asked again. nil in Options keeps files as they stand, as torn.
type Salvage func(path string, clip bongsu.Clip) (bongsu.Clip, error)

// Counts are the sums of the outbox since it was made. They hold exactly at any instant:
// for events Created = Acked + Pending + Damaged, for clips
// Created = Acked + Pending + Evicted + Failed.
type Counts struct {
	Events EventCounts `json:"events"`
	Clips  ClipCounts  `json:"clips"`
}

// EventCounts counts revisions of events.
type EventCounts struct {
	Created  int64 `json:"created"`
	Acked    int64 `json:"acked"`
	Pending  int64 `json:"pending"`
	Rejected int64 `json:"rejected"` // of Pending: refused by the cloud, kept, not sent again
	Damaged  int64 `json:"damaged"`  // found unreadable by their checksum
}

// ClipCounts counts clip parts.
type ClipCounts struct {
	Created      int64 `json:"created"`
	Acked        int64 `json:"acked"`
	Pending      int64 `json:"pending"`
	Writing      int64 `json:"writing"`          // of Pending: their files are open
	PendingBytes int64 `json:"pending_bytes"`    // of those that wait to be sent
	Evicted      int64 `json:"evicted"`          // removed for lack of space before they were sent
	Failed       int64 `json:"failed"`           // could not be written, salvaged or accepted
	Untold       int64 `json:"untold,omitempty"` // of Evicted and Failed: the cloud has not heard of them yet
}

// Outbox is the store. It is safe for use by many goroutines and starts none; Close it when
// all of them are done.
type Outbox struct {
	// set before use
	opt  Options
	fs   FS
	log  *slog.Logger
	lock io.Closer

	// group commit: the callers that wait join next, one of them commits for all
	joining sync.Mutex
	next    *batch

	// owned by whoever holds turn
	turn    sync.Mutex
	journal *journal
	closed  bool

	// guarded by mu
	mu      sync.Mutex
	state   *state
	changed chan struct{} // closed and replaced when there is something new to send
	health  health
	sent    sentPast

	watch   *watch       // has a lock of its own: it is asked while mu is held
	reading sync.RWMutex // held for writing while a segment's file is removed
}

// Open opens or makes the outbox in dir and recovers what a crash left: rows of clips that
// were being written are salvaged or marked, files without a row are removed. It fails when
// another process has it open, or when the disk cannot be written. Damaged records do not
// make it fail: they are counted and reported by Health.
func Open(dir string, opt Options) (*Outbox, error) {
	opt = opt.withDefaults(dir)
	w := &watch{now: opt.Now, began: map[uint64]time.Time{}}
	o := &Outbox{opt: opt, fs: watchedFS{opt.FS, w}, watch: w, log: opt.Log, changed: make(chan struct{})}
	if err := o.open(); err != nil {
		return nil, fmt.Errorf("outbox %s: %w", dir, err)
	}
	return o, nil
}

func (opt Options) withDefaults(dir string) Options {
	if opt.FS == nil {
		opt.FS = Disk(dir)
	}
	if opt.SegmentBytes == 0 {
		opt.SegmentBytes = DefaultSegmentBytes
	}
	if opt.ReserveBytes == 0 {
		opt.ReserveBytes = DefaultReserveBytes
	}
	if opt.MaxClipBytes == 0 {
		opt.MaxClipBytes = DefaultMaxClipBytes
	}
	if opt.MinFreeBytes == 0 {
		opt.MinFreeBytes = DefaultMinFreeBytes
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	return opt
}

func (o *Outbox) open() (err error) {
	for _, d := range []string{".", journalDir, clipDir} {
		if err := o.fs.MkdirAll(d); err != nil {
			return err
		}
	}
	if o.lock, err = o.fs.Lock("lock"); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = o.lock.Close()
		}
	}()
	re, err := replay(o.fs, false, nil)
	if err != nil {
		return err
	}
	if err := re.dropUnbegun(o.fs); err != nil {
		return err
	}
	o.state = re.state
	o.noteDamage(re)
	if o.journal, err = newJournal(o.fs, o.opt.SegmentBytes, re); err != nil {
		return err
	}
	o.journal.onRoom = o.releaseReserve
	o.makeReserve()
	if err := o.submit(); err != nil { // a new segment begins with what replay found
		return err
	}
	if err := o.recoverClips(re.damaged > 0); err != nil {
		return err
	}
	return o.compact()
}

// Close ends the outbox. Nothing is lost when it is not called.
func (o *Outbox) Close() error {
	o.turn.Lock()
	defer o.turn.Unlock()
	if o.closed {
		return nil
	}
	o.closed = true
	return errors.Join(o.journal.close(), o.lock.Close())
}

// errClosed is what every call gets after Close.
var errClosed = bongsu.Errorf(bongsu.CodeUnavailable, "the outbox is closed")

// batch is what goes to disk with one fsync.
type batch struct {
	recs []*record
	done bool
	err  error
}

// submit makes recs durable and then visible, together with those of all callers that wait at
// the same time. It returns after the fsync. Records are applied in the order of the log, so
// that a replay gives the same state.
func (o *Outbox) submit(recs ...*record) error {
	o.joining.Lock()
	if o.next == nil {
		o.next = new(batch)
	}
	mine := o.next
	mine.recs = append(mine.recs, recs...)
	o.joining.Unlock()

	o.turn.Lock()
	defer o.turn.Unlock()
	if mine.done { // somebody before us has taken our records along
		return mine.err
	}
	o.joining.Lock()
	o.next = nil
	o.joining.Unlock()
	mine.err, mine.done = o.commit(mine.recs), true
	return mine.err
}

// commit writes and fsyncs recs, then applies them. The caller holds turn.
func (o *Outbox) commit(recs []*record) error {
	if o.closed {
		return errClosed
	}
	now := o.opt.Now().UnixMicro()
	o.mu.Lock()
	asked := len(recs)
	recs = o.state.admit(recs)
	for _, r := range recs {
		if !r.m.Moved {
			r.m.At = now
		}
		if (r.kind == kindEvent || r.kind == kindClip) && r.m.Order == 0 {
			r.m.Order = o.state.takeOrder()
		}
	}
	point := o.state.checkpoint()
	if asked > 0 && len(recs) == 0 {
		o.mu.Unlock()
		return nil
	}
	o.mu.Unlock()

	err := o.journal.append(recs, point)
	if isNoSpace(err) {
		recs, err = o.commitByEvicting(recs, point, err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.noteWrite(o.journal.takeFailure(), err)
	if err != nil {
		return bongsu.Wrap(bongsu.CodeUnavailable, err, "the outbox cannot write")
	}
	durable := o.opt.Now().UnixMicro()
	news := false
	for _, r := range recs {
		if !r.m.Moved {
			r.m.At = durable
		}
		news = o.state.apply(r) || news
	}
	o.state.journalIs(o.journal.segments())
	if news {
		close(o.changed)
		o.changed = make(chan struct{})
	}
	return nil
}

// Changed gives a channel that is closed when something new waits to be sent. Take it before
// looking at what is pending.
func (o *Outbox) Changed() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.changed
}

// Counts gives the sums as they are now.
func (o *Outbox) Counts() Counts {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.state.sums()
}

// Backlog says what waits to be sent, for the edge's report.
func (o *Outbox) Backlog() bongsu.Backlog {
	c := o.Counts()
	return bongsu.Backlog{
		Events:       int(c.Events.Pending - c.Events.Rejected),
		Clips:        int(c.Clips.Pending - c.Clips.Writing),
		ClipBytes:    c.Clips.PendingBytes,
		ClipsEvicted: c.Clips.Evicted,
	}
}
