package batch

import (
	"context"
	"fmt"
	"slices"
	"time"

	"bongsu"
	"bongsu/models"
)

// state is where a camera's picture is.
type state uint8

const (
	idle     state = iota
	waiting        // for a place
	placed         // has one, not written yet
	written        // waits for the run
	answered       // the run is over
)

// Detector answers one camera; it implements models.Detector.
type Detector struct {
	// set before use
	b      *Batcher
	camera bongsu.CameraID
	head   models.Head
	signal chan struct{} // capacity 1: the state became placed or answered

	// guarded by b.mu
	state      state
	bank       *bank
	slot       int
	next, prev *Detector // in the queue of those who wait
	stats      CameraStats
}

// Detector makes the detector of one camera; Close takes it away again.
func (b *Batcher) Detector(camera bongsu.CameraID) (*Detector, error) {
	head, err := b.o.Head()
	if err != nil {
		return nil, fmt.Errorf("batch: camera %s: %w", camera, err)
	}
	d := &Detector{b: b, camera: camera, head: head, signal: make(chan struct{}, 1)}
	d.stats.Camera = camera
	b.mu.Lock()
	defer b.mu.Unlock()
	b.cameras = append(b.cameras, d)
	return d, nil
}

// Close forgets the camera's statistics. No Detect may be under way.
func (d *Detector) Close() error {
	d.b.mu.Lock()
	defer d.b.mu.Unlock()
	d.b.cameras = slices.DeleteFunc(d.b.cameras, func(o *Detector) bool { return o == d })
	return nil
}

// Model implements models.Detector.
func (d *Detector) Model() bongsu.ModelRef { return d.b.o.Model }

// tell moves d on and wakes its camera. The channel has room: a camera is told of a state only
// after it has taken note of the one before.
func (d *Detector) tell(s state) {
	d.state = s
	d.signal <- struct{}{}
}

// Detect implements models.Detector. A picture whose ctx ends before its answer is there is
// counted as skipped.
func (d *Detector) Detect(ctx context.Context, f *bongsu.Frame, dst []bongsu.Detection) ([]bongsu.Detection, error) {
	d.b.life.RLock()
	defer d.b.life.RUnlock()
	if d.b.freed {
		return dst, ErrStopped
	}
	asked := d.b.o.Now()
	d.ask()
	if err := d.wait(ctx); err != nil {
		return dst, err
	}
	if err := ctx.Err(); err != nil {
		d.leave(&d.stats.Skipped)
		return dst, err
	}
	g, err := d.bank.mem.Fill(d.slot, f)
	if err != nil {
		d.leave(&d.stats.Failed)
		return dst, fmt.Errorf("camera %s: picture %d cannot be given to model %s: %w", d.camera, f.Seq, d.b.o.Model.Name, err)
	}
	d.filled()
	if err := d.wait(ctx); err != nil {
		return dst, err
	}
	if err := d.bank.err; err != nil {
		d.leave(&d.stats.Failed)
		return dst, fmt.Errorf("camera %s: picture %d: model %s: %w", d.camera, f.Seq, d.b.o.Model.Name, err)
	}
	dst = d.head.Decode(d.bank.mem.Outputs(d.slot), g, dst)
	d.answer(d.b.o.Now().Sub(asked))
	return dst, nil
}

// ask queues the camera for a place.
func (d *Detector) ask() {
	b := d.b
	b.mu.Lock()
	defer b.mu.Unlock()
	d.stats.Asked++
	d.state = waiting
	b.waiting.push(d)
	b.handOut()
}

// wait blocks until d was told something, ctx ends or Run does; in the last two cases the
// camera has left.
func (d *Detector) wait(ctx context.Context) error {
	select {
	case <-d.signal:
		return nil
	case <-ctx.Done():
		d.leave(&d.stats.Skipped)
		return ctx.Err()
	case <-d.b.stopped:
		d.leave(&d.stats.Skipped)
		return ErrStopped
	}
}

// filled says that the picture is written.
func (d *Detector) filled() {
	b := d.b
	b.mu.Lock()
	d.state = written
	d.bank.filling--
	b.mu.Unlock()
	b.poke()
}

// leave gives back whatever the camera holds, in any state, and counts the picture.
func (d *Detector) leave(count *uint64) {
	b := d.b
	b.mu.Lock()
	defer b.mu.Unlock()
	*count++
	select {
	case <-d.signal: // told meanwhile
	default:
	}
	d.depart()
}

// answer counts an answered picture and gives its place back.
func (d *Detector) answer(took time.Duration) {
	b := d.b
	b.mu.Lock()
	defer b.mu.Unlock()
	d.stats.Answered++
	d.stats.Took += took
	d.stats.TookMax = max(d.stats.TookMax, took)
	d.depart()
}

// depart makes d idle. b.mu is held.
func (d *Detector) depart() {
	b, k := d.b, d.bank
	switch d.state {
	case waiting:
		b.waiting.remove(d)
	case placed:
		k.filling--
		k.places[d.slot] = nil
		b.poke()
	case written:
		k.places[d.slot] = nil
	}
	d.state, d.bank = idle, nil
	if k == nil {
		return
	}
	k.users--
	if k == b.open {
		// What was handed out last can be handed out again.
		for k.claimed > 0 && k.places[k.claimed-1] == nil {
			k.claimed--
		}
	}
	b.recycle(k)
}

// queue is a list of those who wait, linked through themselves so that waiting allocates
// nothing and leaving costs nothing.
type queue struct{ first, last *Detector }

func (q *queue) empty() bool { return q.first == nil }

func (q *queue) push(d *Detector) {
	d.prev, d.next = q.last, nil
	if q.last != nil {
		q.last.next = d
	} else {
		q.first = d
	}
	q.last = d
}

func (q *queue) pop() *Detector {
	d := q.first
	q.remove(d)
	return d
}

func (q *queue) remove(d *Detector) {
	if d.prev != nil {
		d.prev.next = d.next
	} else {
		q.first = d.next
	}
	if d.next != nil {
		d.next.prev = d.prev
	} else {
		q.last = d.prev
	}
	d.next, d.prev = nil, nil
}
