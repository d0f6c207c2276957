package obs

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// Fold reports errors that may come at frame rate: the first of a kind at once, those that
// follow within a period as one line with their number and the last of them. Counting them
// exactly is a metric's work. Make it with NewFold.
type Fold struct {
	// set before use
	log   *slog.Logger
	every time.Duration

	mu    sync.Mutex
	kinds map[string]*folded // guarded by mu
}

// folded is what came of one kind in this period after the line at its beginning.
type folded struct {
	more int
	last error
	args []any
}

// NewFold makes a Fold that writes to log, at most one line per kind and period.
func NewFold(log *slog.Logger, every time.Duration) *Fold {
	return &Fold{log: log, every: every, kinds: map[string]*folded{}}
}

// Error reports one error of a kind, such as "decode"; args are slog's.
func (f *Fold) Error(kind string, err error, args ...any) {
	f.mu.Lock()
	k := f.kinds[kind]
	if k != nil {
		k.more++
		k.last, k.args = err, args
	} else {
		f.kinds[kind] = new(folded)
	}
	f.mu.Unlock()
	if k == nil {
		f.log.Error(kind+" error", append([]any{"err", err}, args...)...)
	}
}

// Run ends periods until ctx ends, and writes what is left then.
func (f *Fold) Run(ctx context.Context) error {
	t := time.NewTicker(f.every)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			f.endPeriod()
		case <-ctx.Done():
			f.endPeriod()
			return ctx.Err()
		}
	}
}

// endPeriod writes one line for each kind that came again, and forgets those that did not.
func (f *Fold) endPeriod() {
	f.mu.Lock()
	lines := map[string]folded{}
	for kind, k := range f.kinds {
		if k.more == 0 {
			delete(f.kinds, kind)
			continue
		}
		lines[kind] = *k
		*k = folded{}
	}
	f.mu.Unlock()
	for kind, k := range lines {
		f.log.Error(fmt.Sprintf("%d %s errors in %v, last: %v", k.more, kind, f.every, k.last), k.args...)
	}
}
