package ingest

import (
	"context"
	"time"

	"bongsu"
	"bongsu/cloud/archive"
)

// batch is how many inbox rows are published at once.
const batch = 1000

// Run is the sweeper, until ctx ends: it publishes inbox rows again that no worker has applied in
// time, and aborts uploads that nobody goes on with. Publishing twice is harmless.
func (g *Ingest) Run(ctx context.Context) error {
	tick := time.NewTicker(g.limits.Republish / 2)
	defer tick.Stop()
	var uploads time.Time
	for {
		if err := g.republish(ctx); err != nil && ctx.Err() == nil {
			g.log.Warn("ingest: inbox cannot be swept", "err", err)
		}
		if now := g.now(); now.Sub(uploads) >= g.limits.Upload/6 {
			uploads = now
			g.abort(ctx, now)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// republish publishes all that has waited for too long; the queue knows what it holds already. It
// stops when the queue takes nothing.
func (g *Ingest) republish(ctx context.Context) error {
	before := g.now().Add(-g.limits.Republish)
	var after archive.Pending
	for {
		rows, err := g.archive.PendingInbox(ctx, before, after, batch)
		if err != nil || len(rows) == 0 {
			return err
		}
		keys := make([]bongsu.EventKey, len(rows))
		for i, r := range rows {
			keys[i] = r.Key
		}
		if err := g.publish(ctx, keys...); err != nil {
			return err
		}
		g.counts.republished.Add(int64(len(keys)))
		after = rows[len(rows)-1]
	}
}

func (g *Ingest) abort(ctx context.Context, now time.Time) {
	n, err := g.objects.Sweep(ctx, now.Add(-g.limits.Upload))
	if err != nil && ctx.Err() == nil {
		g.log.Warn("ingest: uploads cannot be swept", "code", bongsu.CodeOf(err), "err", err)
	}
	if n > 0 {
		g.log.Info("ingest: uploads aborted", "n", n)
	}
}
