// Package batch lets many cameras share one session of one model. A camera's goroutine writes
// its own picture into a place that it was handed and reads its own answer; one goroutine runs
// the model. Places are handed out in the order of asking, and a camera asks for one picture at
// a time: so between two answers to one camera every other camera that waits is answered once,
// and none can starve another.
//
// Models with a fixed batch run picture by picture; others run what is waiting, up to the size
// of a bank.
package batch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"bongsu"
	"bongsu/models"
)

// Bank is memory for the pictures of one run, and for what the model says about them.
type Bank interface {
	// Fill writes f into place slot, in one pass. Places are filled by several goroutines
	// at the same time.
	Fill(slot int, f *bongsu.Frame) (models.Geometry, error)
	// Run runs the model on the first n places.
	Run(n int) error
	// Outputs gives what the last run said about place slot, until the next run.
	Outputs(slot int) []models.Output
}

// DefaultLate is how long a run may take before it is counted as late.
const DefaultLate = time.Second

// Options of a Batcher.
type Options struct {
	Model bongsu.ModelRef
	Banks []Bank // two at least, so that pictures are written while the model runs
	Size  int    // places of each bank; 1 for models with a fixed batch
	Head  func() (models.Head, error)
	Late  time.Duration    // a run that takes longer is counted and told; 0 means DefaultLate
	Now   func() time.Time // nil means time.Now
	Log   *slog.Logger     // nil discards
	Free  func() error     // called once by Close: frees the banks and the session; may be nil
}

// ErrStopped is returned by Detect when Run has ended.
var ErrStopped = &bongsu.Error{Code: bongsu.CodeUnavailable, Message: "the model's session has ended"}

// Batcher shares one session. Run must be running for its detectors to answer.
type Batcher struct {
	// set before Run
	o       Options
	stopped chan struct{} // closed when Run ends

	// in
	wake chan struct{} // capacity 1: a bank may have become runnable

	// life is read-locked by every Detect, so that Close frees no memory under one.
	life  sync.RWMutex
	freed bool // guarded by life

	mu      sync.Mutex
	started bool
	waiting queue
	free    []*bank
	open    *bank   // places of it are being handed out
	closed  []*bank // all places handed out, not run yet; oldest first
	cameras []*Detector
	stats   Stats
	runFrom time.Time // begin of the run in progress; zero between runs
}

// bank is a Bank with the state of its places. Guarded by Batcher.mu, but for mem.
type bank struct {
	mem     Bank
	places  []*Detector // who has place i; nil when it has left or could not fill it
	claimed int         // places handed out
	filling int         // of those, not written yet
	users   int         // who has not left yet
	ran     bool
	err     error // of the run
}

// New checks the options. It starts nothing: Run does.
func New(o Options) (*Batcher, error) {
	if len(o.Banks) < 1 || o.Size < 1 || o.Head == nil {
		return nil, fmt.Errorf("batch: %d banks of %d places: at least one of each and a head are needed", len(o.Banks), o.Size)
	}
	if _, err := o.Head(); err != nil {
		return nil, fmt.Errorf("batch: %w", err)
	}
	if o.Late == 0 {
		o.Late = DefaultLate
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	b := &Batcher{o: o, stopped: make(chan struct{}), wake: make(chan struct{}, 1)}
	for _, mem := range o.Banks {
		b.free = append(b.free, &bank{mem: mem, places: make([]*Detector, o.Size)})
	}
	b.closed = make([]*bank, 0, len(o.Banks))
	b.stats.Sizes = make([]uint64, o.Size+1)
	return b, nil
}

// Run runs the model for whoever asks, until ctx ends. It must be called once; afterwards
// every Detect returns ErrStopped.
func (b *Batcher) Run(ctx context.Context) error {
	b.mu.Lock()
	again := b.started
	b.started = true
	b.mu.Unlock()
	if again {
		return errors.New("batch: Run was called twice")
	}
	defer close(b.stopped)
	for {
		k, n := b.next()
		if k != nil {
			b.run(k, n)
		} else {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-b.wake:
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// Close frees the banks and the session. It is called after Run has ended, and blocks until
// every Detect has left. Further calls do nothing.
func (b *Batcher) Close() error {
	b.life.Lock()
	defer b.life.Unlock()
	if b.freed {
		return nil
	}
	b.freed = true
	if b.o.Free == nil {
		return nil
	}
	return b.o.Free()
}

// next takes the oldest bank whose places are all written: n of them are to be run. It gives
// nil when there is none.
func (b *Batcher) next() (*bank, int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := 0; i < len(b.closed); {
		k := b.closed[i]
		if k.filling > 0 {
			i++
			continue
		}
		copy(b.closed[i:], b.closed[i+1:])
		b.closed = b.closed[:len(b.closed)-1]
		if n := b.begin(k); n > 0 {
			return k, n
		}
	}
	if k := b.open; k != nil && k.filling == 0 && k.claimed > 0 {
		b.open = nil
		if n := b.begin(k); n > 0 {
			return k, n
		}
	}
	return nil, 0
}

// begin counts the places of k up to the last one that somebody still waits for. A bank that
// everybody has left is given back without a run.
func (b *Batcher) begin(k *bank) int {
	n := k.claimed
	for n > 0 && k.places[n-1] == nil {
		n--
	}
	if n == 0 {
		k.ran = true
		b.recycle(k)
		return 0
	}
	b.runFrom = b.o.Now()
	return n
}

// run runs the model and tells those who wait for it.
func (b *Batcher) run(k *bank, n int) {
	err := k.mem.Run(n)
	b.mu.Lock()
	now := b.o.Now()
	took := now.Sub(b.runFrom)
	b.runFrom = time.Time{}
	b.stats.ran(n, took, err)
	late := took > b.o.Late
	if late {
		b.stats.Late++
	}
	k.ran, k.err = true, err
	for _, d := range k.places[:n] {
		if d != nil {
			d.tell(answered)
		}
	}
	b.recycle(k)
	b.mu.Unlock()
	if late {
		b.o.Log.Warn("a run of the model took long", "model", b.o.Model.Name, "took", took, "pictures", n)
	}
}

// recycle makes k free once it was run and everybody has left.
func (b *Batcher) recycle(k *bank) {
	if !k.ran || k.users > 0 {
		return
	}
	clear(k.places)
	k.claimed, k.filling, k.ran, k.err = 0, 0, false, nil
	b.free = append(b.free, k)
	b.handOut()
}

// handOut gives places to those who wait, in the order of asking.
func (b *Batcher) handOut() {
	for !b.waiting.empty() {
		if b.open == nil {
			if len(b.free) == 0 {
				return
			}
			b.open = b.free[len(b.free)-1]
			b.free = b.free[:len(b.free)-1]
		}
		d := b.waiting.pop()
		k := b.open
		d.bank, d.slot = k, k.claimed
		k.places[k.claimed] = d
		k.claimed++
		k.filling++
		k.users++
		if k.claimed == len(k.places) {
			b.closed = append(b.closed, k)
			b.open = nil
		}
		d.tell(placed)
	}
}

// poke wakes Run.
func (b *Batcher) poke() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}
