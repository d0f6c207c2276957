package worker

import (
	"context"
	"time"

	"bongsu/cloud/archive"
	"bongsu/cloud/objects"
)

// Retention says how long things are kept. Zero fields take the defaults.
type Retention struct {
	// Keep is how long events with their clips and pictures, and stills, are kept. Default 30
	// days: what Korean guidelines ask for where no minimum can be set.
	Keep time.Duration
	// Changes is how long the change sequence is kept for screens that were away. Default 24 h.
	Changes time.Duration
	// Every is how often it is looked for what is too old. Default 15 min.
	Every time.Duration
	// Grace is how long a deleted object's key stays condemned: longer than any request that
	// may have found the object just before. Default 10 min.
	Grace time.Duration
	// Orphan is how old an object that no row names has to be to be deleted. Default 30 min:
	// with Every it is gone within the hour.
	Orphan time.Duration
	// Batch is how many events are deleted in one transaction. Default 200.
	Batch int
}

func (r *Retention) setDefaults() {
	setDefault(&r.Keep, 30*24*time.Hour)
	setDefault(&r.Changes, 24*time.Hour)
	setDefault(&r.Every, 15*time.Minute)
	setDefault(&r.Grace, 10*time.Minute)
	setDefault(&r.Orphan, 30*time.Minute)
	setDefault(&r.Batch, 200)
}

// Report counts what one pass of Retain did.
type Report struct {
	archive.Deleted
	Orphans   int // objects that no row named
	Removed   int // objects deleted from the store
	Forgotten int // tombstones whose grace is over
}

// Retain is one pass: rows that are too old go with their objects, then objects that no row names,
// then the bytes of both in the stores' own files. It may be stopped anywhere and called again.
func (w *Worker) Retain(ctx context.Context) (Report, error) {
	var r Report
	if err := w.deleteOld(ctx, &r); err != nil {
		return r, err
	}
	if err := w.o.Archive.TrimChanges(ctx, w.o.Now().Add(-w.o.Retention.Changes)); err != nil {
		return r, err
	}
	if err := w.condemnOrphans(ctx, &r); err != nil {
		return r, err
	}
	if err := w.removeObjects(ctx, &r); err != nil {
		return r, err
	}
	if r.Events+r.Alerts+r.Clips+r.Stills+r.Letters+r.Removed+r.Forgotten == 0 {
		return r, nil
	}
	w.o.Log.Info("worker: deleted what is old", "events", r.Events, "alerts", r.Alerts, "clips", r.Clips, "stills", r.Stills,
		"letters", r.Letters, "orphans", r.Orphans, "objects", r.Removed)
	return r, w.o.Archive.Compact(ctx)
}

func (w *Worker) deleteOld(ctx context.Context, r *Report) error {
	for {
		now := w.o.Now()
		d, err := w.o.Archive.DeleteBefore(ctx, now.Add(-w.o.Retention.Keep), now, w.o.Retention.Batch)
		if err != nil {
			return err
		}
		r.Events += d.Events
		r.Alerts += d.Alerts
		r.Clips += d.Clips
		r.Stills += d.Stills
		r.Letters += d.Letters
		r.Objects += d.Objects
		if !d.More {
			return nil
		}
	}
}

// Of the lease that one of several workers has on deleting: how long it is good for without being
// prolonged, in looks.
const (
	leaseName  = "retention"
	leaseLooks = 6
)

// retention gives the look that Run repeats: it takes or prolongs the lease, and with it makes a pass
// whenever one is due. The lease spares the others the work; two passes at once would do no
// harm. Run gives it back at its end.
func (w *Worker) retention() func(context.Context) error {
	var last time.Time
	has := false
	return func(ctx context.Context) error {
		now := w.o.Now()
		var err error
		if has, err = w.o.Archive.TakeLease(ctx, leaseName, w.o.Name, now, leaseLooks*w.o.Idle); err != nil || !has {
			return err
		}
		if !last.IsZero() && now.Sub(last) < w.o.Retention.Every {
			return nil
		}
		_, err = w.Retain(ctx)
		last = now
		return err
	}
}

// page is how many keys are handled at once.
const page = 500

// condemnOrphans looks at every object that is older than Orphan.
func (w *Worker) condemnOrphans(ctx context.Context, r *Report) error {
	before := w.o.Now().Add(-w.o.Retention.Orphan)
	var keys []string
	condemn := func() error {
		if len(keys) == 0 {
			return nil
		}
		orphans, err := w.o.Archive.Condemn(ctx, keys, w.o.Now())
		r.Orphans += len(orphans)
		keys = keys[:0]
		return err
	}
	err := w.o.Objects.List(ctx, "events/", func(i objects.Info) error {
		if i.Stored.Before(before) {
			keys = append(keys, i.Key)
		}
		if len(keys) < page {
			return nil
		}
		return condemn()
	})
	if err != nil {
		return err
	}
	return condemn()
}

// removeObjects deletes what is condemned; where the grace is over, for the last time.
func (w *Worker) removeObjects(ctx context.Context, r *Report) error {
	over := w.o.Now().Add(-w.o.Retention.Grace)
	var after archive.Tombstone
	for {
		stones, err := w.o.Archive.Tombstones(ctx, after, page)
		if err != nil || len(stones) == 0 {
			return err
		}
		after = stones[len(stones)-1]
		var forget []string
		for _, s := range stones {
			if _, err := w.o.Objects.Stat(ctx, s.Key); err == nil {
				r.Removed++
			}
			if err := w.o.Objects.Delete(ctx, s.Key); err != nil {
				return err
			}
			if s.Condemned.Before(over) {
				forget = append(forget, s.Key)
			}
		}
		if err := w.o.Archive.Forget(ctx, forget); err != nil {
			return err
		}
		r.Forgotten += len(forget)
	}
}
