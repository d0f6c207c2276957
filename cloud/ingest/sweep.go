package ingest

import (
	"context"
	"time"

	"bongsu"
)

// batch is how many inbox rows one sweep publishes.
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

// republish publishes what has waited for too long. It stops when the queue is full.
func (g *Ingest) republish(ctx context.Context) error {
	keys, err := g.archive.PendingInbox(ctx, g.now().Add(-g.limits.Republish), batch)
	if err != nil {
		return err
	}
	for _, k := range keys {
		if err := g.queue.Publish(ctx, k); err != nil {
			return err
		}
		g.counts.republished.Add(1)
	}
	return nil
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
