// Package worker takes received events from the queue into the archive, raises their alerts,
// returns alerts whose owners fell idle, and deletes what is too old. Any number of workers may
// run: every step may be repeated without harm.
package worker

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"bongsu"
	"bongsu/cloud/alerts"
	"bongsu/cloud/archive"
	"bongsu/cloud/objects"
	"bongsu/cloud/queue"
)

// Archive is what a worker needs of the archive.
type Archive interface {
	archive.Inbox
	archive.Alerts
	archive.Retention
	archive.Leases
}

// Options is what a worker works with. Zero numbers take the defaults.
type Options struct {
	Archive Archive
	Queue   queue.Queue
	Objects objects.Store
	Policy  alerts.Policy
	Now     func() time.Time // nil is time.Now
	Log     *slog.Logger     // nil discards

	// Receivers is how many messages are worked on at once. Default 2.
	Receivers int
	// Deliveries is after how many deliveries a message that cannot be applied goes to the
	// dead letters. Failures of the disk or the database do not bury it. So does one whose
	// holders ended without a word so often in a row. Default 5.
	Deliveries int
	// Backoff is the delay after the first failure; it doubles up to a minute. Default 1 s.
	Backoff time.Duration
	// Idle is how often idle owners are looked for. Default 5 s.
	Idle time.Duration

	Retention Retention
	// Name tells this worker from others on the same archive; one of them deletes what is too
	// old. Default: a random one.
	Name string
}

// Worker is running while Run does.
type Worker struct {
	// set before Run
	o Options

	// out
	applied, known, retried, buried atomic.Int64
}

// New makes a Worker; it starts nothing.
func New(o Options) *Worker {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	setDefault(&o.Receivers, 2)
	setDefault(&o.Deliveries, 5)
	setDefault(&o.Backoff, time.Second)
	setDefault(&o.Idle, 5*time.Second)
	if o.Name == "" {
		o.Name = bongsu.NewUUID(time.Now())
	}
	o.Retention.setDefaults()
	return &Worker{o: o}
}

func setDefault[T int | time.Duration](field *T, value T) {
	if *field <= 0 {
		*field = value
	}
}

// Stats counts since the start.
type Stats struct {
	Applied int64 // revisions taken into the archive
	Known   int64 // messages about what was applied already
	Retried int64 // given back after a failure
	Buried  int64 // moved to the dead letters
}

// Stats reads the counters; it may be called at any time.
func (w *Worker) Stats() Stats {
	return Stats{Applied: w.applied.Load(), Known: w.known.Load(), Retried: w.retried.Load(), Buried: w.buried.Load()}
}

// Run works until ctx ends and everything it began has ended. A message being worked on when ctx
// ends is finished or given back.
func (w *Worker) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for range w.o.Receivers {
		wg.Go(func() { w.receive(ctx) })
	}
	wg.Go(func() { w.every(ctx, w.o.Idle, "idle owners", w.expire) })
	wg.Go(func() { w.every(ctx, w.o.Idle, "retention", w.retention()) })
	wg.Wait()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if _, err := w.o.Archive.TakeLease(ctx, leaseName, w.o.Name, w.o.Now(), 0); err != nil {
		w.o.Log.Debug("worker: the lease on retention runs out by itself", "err", err)
	}
	return nil
}

// every calls f now and then at intervals, until ctx ends. Errors are logged, not fatal.
func (w *Worker) every(ctx context.Context, interval time.Duration, what string, f func(context.Context) error) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		if err := f(ctx); err != nil && ctx.Err() == nil {
			w.o.Log.Error("worker: "+what+" failed; tried again later", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// queueAway is the longest wait before the queue is asked again: what waits in it rings as soon as
// it is back.
const queueAway = 2 * time.Second

// receive works through the queue until ctx ends or the queue is closed.
func (w *Worker) receive(ctx context.Context) {
	failures := 0
	for ctx.Err() == nil {
		d, err := w.o.Queue.Receive(ctx)
		if err == nil {
			failures = 0
			w.handle(ctx, d)
			continue
		}
		if ctx.Err() != nil {
			return
		}
		if failures++; failures == 1 || failures%30 == 0 {
			w.o.Log.Error("worker: the queue gives nothing; trying again", "err", err, "failures", failures)
		}
		select {
		case <-ctx.Done():
		case <-time.After(min(w.delay(failures), queueAway)):
		}
	}
}

// delay is the back-off after n failures.
func (w *Worker) delay(n int) time.Duration {
	return min(w.o.Backoff<<min(max(n-1, 0), 16), time.Minute)
}

// handle applies one message and acks it, gives it back, or buries it.
func (w *Worker) handle(ctx context.Context, d queue.Delivery) {
	m := d.Message()
	var err error
	if m.Lapsed < w.o.Deliveries {
		err = w.holding(ctx, d, func() error { return w.apply(ctx, m.Key) })
	} else { // it is not tried once more: it may have ended the processes that tried
		err = bongsu.Errorf(bongsu.CodeInternal, "%d workers in turn ended, or hung, while they worked on it", m.Lapsed)
	}
	if err == nil {
		if err := d.Ack(ctx); err != nil {
			w.o.Log.Warn("worker: not acknowledged, it will come again", "event", m.Key.ID, "revision", m.Key.Revision, "err", err)
		}
		return
	}
	if ctx.Err() != nil { // this worker stops: another one need not wait for the lease
		if err := d.Nack(ctx, 0); err != nil {
			w.o.Log.Debug("worker: not given back, the lease will", "event", m.Key.ID, "err", err)
		}
		return
	}
	if m.Deliveries >= w.o.Deliveries && bongsu.CodeOf(err) != bongsu.CodeUnavailable && w.bury(ctx, m, err) {
		if err := d.Ack(ctx); err != nil {
			w.o.Log.Warn("worker: not acknowledged, it will come again", "event", m.Key.ID, "revision", m.Key.Revision, "err", err)
		}
		return
	}
	w.retried.Add(1)
	w.o.Log.Warn("worker: not applied, it comes again", "event", m.Key.ID, "revision", m.Key.Revision, "deliveries", m.Deliveries, "err", err)
	if err := d.Nack(ctx, w.delay(m.Deliveries)); err != nil {
		w.o.Log.Warn("worker: not given back, the lease will", "event", m.Key.ID, "err", err)
	}
}

// renewals is how often within a lease it is renewed: two may fail.
const renewals = 3

// holding does work and renews the lease on its message meanwhile. As long as this process lives the
// message is its own, however slow or hung the disk is: another worker would wait for the same
// disk. Nothing is renewed any more when holding returns.
func (w *Worker) holding(ctx context.Context, d queue.Delivery, work func() error) error {
	renewing, stop := context.WithCancel(context.WithoutCancel(ctx)) // a worker that stops still finishes
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.renew(renewing, d)
	}()
	defer func() { stop(); <-ended }()
	return work()
}

// renew renews the lease on a message until ctx ends or the message is another holder's.
func (w *Worker) renew(ctx context.Context, d queue.Delivery) {
	tick := time.NewTicker(max(d.Lease()/renewals, time.Millisecond))
	defer tick.Stop()
	key := d.Message().Key
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		ok, err := d.Renew(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			w.o.Log.Warn("worker: the lease on a message was not renewed; another worker may take it, too", "event", key.ID, "revision", key.Revision, "err", err)
		case !ok:
			w.o.Log.Warn("worker: a message is not held any more while it is worked on; another worker may take it, too", "event", key.ID, "revision", key.Revision)
			return
		case n%(10*renewals) == 0:
			w.o.Log.Warn("worker: a message takes long", "event", key.ID, "revision", key.Revision, "for", time.Duration(n)*d.Lease()/renewals)
		}
	}
}

// bury moves a message that cannot be applied to the dead letters, where operators see it.
func (w *Worker) bury(ctx context.Context, m queue.Message, reason error) bool {
	err := w.o.Archive.Bury(ctx, m.Key, reason.Error(), m.Deliveries, w.o.Now())
	if err != nil && bongsu.CodeOf(err) != bongsu.CodeNotFound {
		w.o.Log.Error("worker: cannot be buried", "event", m.Key.ID, "revision", m.Key.Revision, "err", err)
		return false
	}
	w.buried.Add(1)
	w.o.Log.Error("worker: event buried in the dead letters", "event", m.Key.ID, "revision", m.Key.Revision, "deliveries", m.Deliveries, "err", reason)
	return true
}

// apply takes one revision in. A panic is an error of this message, not the end of the process.
func (w *Worker) apply(ctx context.Context, key bongsu.EventKey) (err error) {
	defer func() {
		if p := recover(); p != nil {
			w.o.Log.Error("worker: panic", "event", key.ID, "panic", p, "stack", string(debug.Stack()))
			err = bongsu.Errorf(bongsu.CodeInternal, "applying panicked: %v", p)
		}
	}()
	row, err := w.o.Archive.GetInbox(ctx, key)
	if bongsu.CodeOf(err) == bongsu.CodeNotFound {
		w.known.Add(1)
		return nil // applied, buried or deleted before
	}
	if err != nil {
		return err
	}
	snap, err := w.putSnapshot(ctx, key, row.Record.Snapshot)
	if err != nil {
		return err
	}
	done, err := w.o.Archive.Apply(ctx, key, archive.ApplyOptions{
		At: w.o.Now(), Snapshot: snap, Window: w.o.Policy.Fold, Route: w.o.Policy.Route,
	})
	if err != nil && bongsu.CodeOf(err) != bongsu.CodeNotFound {
		return err
	}
	if err != nil || done.Known {
		w.known.Add(1)
		return nil // another worker was faster
	}
	w.applied.Add(1)
	return nil
}

// putSnapshot stores the JPEG before the row that names it is written.
func (w *Worker) putSnapshot(ctx context.Context, key bongsu.EventKey, jpeg []byte) (*archive.Snapshot, error) {
	if len(jpeg) == 0 {
		return nil, nil
	}
	h := sha256.Sum256(jpeg)
	s := &archive.Snapshot{Key: archive.SnapshotKey(key), SHA256: hex.EncodeToString(h[:]), Bytes: int64(len(jpeg))}
	if err := w.o.Objects.Put(ctx, s.Key, "image/jpeg", s.Bytes, s.SHA256, bytes.NewReader(jpeg)); err != nil {
		return nil, fmt.Errorf("snapshot of event %s: %w", key.ID, err)
	}
	return s, nil
}

// expire returns alerts whose owners fell idle.
func (w *Worker) expire(ctx context.Context) error {
	now := w.o.Now()
	ids, err := w.o.Archive.IdleAlerts(ctx, now.Add(-w.o.Policy.Lease), archive.MaxPage)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if _, err := w.o.Archive.UpdateAlert(ctx, id, w.o.Policy.Expire(now)); err != nil && bongsu.CodeOf(err) != bongsu.CodeNotFound {
			return err
		}
	}
	return nil
}
