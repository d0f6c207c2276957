// Package clips writes the video that belongs to events: what came before from the ring, what
// comes after as it arrives, in parts of at most a minute. One Recorder serves one camera.
// Its inputs never wait for the disk; its Run does all the writing. docs/design/clips.md says
// why it is as it is.
package clips

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"bongsu"
	"bongsu/streams"
	"bongsu/streams/mp4"
	"bongsu/streams/ring"
)

// Options are what a Recorder needs. Ring, Open and Closed must be set.
type Options struct {
	Camera bongsu.CameraID
	Ring   *ring.Ring // units are in it before they are given to Add
	FS     mp4.FS     // nil: the disk

	// Open is called before a part's file is made: it records the part (state writing) and
	// gives the path to create. It may block; an error with bongsu.CodeConflict says that the
	// part's number is taken, and the next one is tried.
	Open func(ctx context.Context, c bongsu.Clip) (path string, err error)
	// Closed is called when a part is durable (ready), was cut short by a fault but is
	// durable and playable (torn), or is gone (failed). It may block.
	Closed func(ctx context.Context, c bongsu.Clip) error

	PreRoll  time.Duration // before Event.Start; what the ring does not hold any more is missing
	PostRoll time.Duration // after Event.End
	MaxPart  time.Duration // 0: 60 s. Only a GOP that is longer makes a longer part
	// FirstPart is MaxPart for the first part of each event: a short one can be shown while a
	// long event goes on. 0: MaxPart.
	FirstPart time.Duration
	MaxClip   time.Duration // of one event over all parts, in media time; 0: 10 min

	MaxEvents  int           // recorded at one time; 0: 16
	QueueBytes int64         // waiting to be written; 0: 64 MiB
	IdleAfter  time.Duration // without a unit a part is closed; 0: 5 s
	RetryAfter time.Duration // after a failed part, before the next try; 0: 5 s
	StopWithin time.Duration // Run ends this long after its context at the latest, unless the disk hangs; 0: 5 s

	Now    func() time.Time                                        // nil: time.Now
	Ticker func(d time.Duration) (c <-chan time.Time, stop func()) // nil: time.NewTicker
	Log    *slog.Logger                                            // nil: silent
}

// hardParts is how many times MaxPart a part of one endless GOP may last before it is ended
// and the rest of that GOP is left out.
const hardParts = 5

// maxPartBytes ends a part before it is more than the wire takes.
const maxPartBytes = bongsu.MaxClipBytes - 16<<20

// rememberedEvents is how many finished events are remembered, so that a late revision does
// not begin a second clip.
const rememberedEvents = 256

// refusalEvery folds the log lines about events that are not recorded.
const refusalEvery = 10 * time.Second

// Stats counts since New. Parts = Ready + Torn + Failed + Left + those open now.
type Stats struct {
	Events       uint64 // whose recording began
	Refused      uint64 // not recorded: MaxEvents were going on
	Parts        uint64 // files begun
	Ready        uint64
	Torn         uint64
	Failed       uint64
	Left         uint64 // not finished for want of time when Run ended
	OpenErrors   uint64 // Open or the file system refused a part; nothing was begun
	ClosedErrors uint64 // Closed returned an error; the part is salvaged at the next start
	DroppedUnits uint64 // the queue was full: the parts they belong to are tainted
	CutPreRolls  uint64 // the queue was too full for what came before the event
	SkippedUnits uint64 // waiting for a key unit, or between a failed part and the next try
	LongParts    uint64 // longer than MaxPart, because a GOP is
	Live         int    // events being recorded
	QueueBytes   int64  // waiting now
}

// Recorder records the events of one camera.
type Recorder struct {
	opt  Options       // set before Run
	wake chan struct{} // in: something is queued

	mu       sync.Mutex
	queue    []item                      // in
	known    map[bongsu.EventID]*episode // in
	finished []bongsu.EventID            // in: oldest first, at most rememberedEvents
	skipping bool                        // in: the queue was full; units are dropped up to a key unit
	told     time.Time                   // in: when a refusal was last logged
	stats    Stats                       // out

	takes []*take // owned by Run
}

// episode is what the input side knows of an event.
type episode struct {
	live    bool // its take has not ended
	closing bool // its end is known
	parts   int  // begun so far, earlier lives included
}

// item is one thing to do, in the order in which it came: exactly one of unit, begin, end and
// lost is set.
type item struct {
	unit  *streams.AccessUnit
	begin *take
	end   bongsu.EventID
	limit time.Time // of end
	lost  bool      // units are missing from here to the next key unit
	bytes int64     // counted in Stats.QueueBytes
}

// New makes a Recorder; nothing happens before Run.
func New(o Options) *Recorder {
	def := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	def(&o.MaxPart, time.Minute)
	def(&o.FirstPart, o.MaxPart)
	def(&o.MaxClip, 10*time.Minute)
	def(&o.IdleAfter, 5*time.Second)
	def(&o.RetryAfter, 5*time.Second)
	def(&o.StopWithin, 5*time.Second)
	if o.MaxEvents <= 0 {
		o.MaxEvents = 16
	}
	if o.QueueBytes <= 0 {
		o.QueueBytes = 64 << 20
	}
	if o.FS == nil {
		o.FS = mp4.Disk{}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Ticker == nil {
		o.Ticker = func(d time.Duration) (<-chan time.Time, func()) {
			t := time.NewTicker(d)
			return t.C, t.Stop
		}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Recorder{opt: o, wake: make(chan struct{}, 1), known: make(map[bongsu.EventID]*episode)}
}

// Add takes the next unit of the camera's main stream, in decoding order. It never waits for
// the disk. Without an event going on it costs a lock.
func (r *Recorder) Add(au *streams.AccessUnit) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stats.Live == 0 {
		r.skipping = false
		return
	}
	size := int64(au.Size())
	if r.skipping && !au.Key || r.stats.QueueBytes+size > r.opt.QueueBytes {
		r.stats.DroppedUnits++
		if !r.skipping {
			r.skipping = true
			r.push(item{lost: true})
		}
		return
	}
	r.skipping = false
	r.push(item{unit: au, bytes: size})
}

// Event takes a revision of one of the camera's events. The first of an open event begins its
// clip at the key unit at or before Start − PreRoll, the closing one ends it at the first unit
// beyond End + PostRoll; both in one is a clip of fixed length. A record, such as counted passages,
// has no clip: nobody is to be kept who has only passed. It never waits for the disk.
func (r *Recorder) Event(ev bongsu.Event) {
	if !ev.Kind.Alarm() {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.known[ev.ID]
	if e == nil {
		e = &episode{parts: ev.ClipParts}
		r.known[ev.ID] = e
		r.begin(&ev, e)
	}
	if e.live && !e.closing && ev.State == bongsu.EventClosed {
		e.closing = true
		r.push(item{end: ev.ID, limit: r.limit(&ev)})
	}
}

// limit is where the clip of a closed event ends.
func (r *Recorder) limit(ev *bongsu.Event) time.Time {
	if ev.End.IsZero() {
		return ev.Fired.Add(r.opt.PostRoll)
	}
	return ev.End.Add(r.opt.PostRoll)
}

// begin queues the start of an event's clip with what the ring holds.
func (r *Recorder) begin(ev *bongsu.Event, e *episode) {
	if r.stats.Live >= r.opt.MaxEvents {
		r.stats.Refused++
		r.forget(ev.ID)
		if now := r.opt.Now(); now.Sub(r.told) >= refusalEvery {
			r.told = now
			r.opt.Log.Error("events are not recorded: too many are going on at one time", "camera", r.opt.Camera, "event", ev.ID, "most", r.opt.MaxEvents, "refused_so_far", r.stats.Refused)
		}
		return
	}
	from := ev.Start
	if from.IsZero() || ev.Fired.Before(from) {
		from = ev.Fired
	}
	from = from.Add(-r.opt.PreRoll)
	t := &take{rec: r, id: ev.ID, part: e.parts, units: since(r.opt.Ring.From(from), from)}
	bytes := int64(0)
	for _, au := range t.units {
		bytes += int64(au.Size())
	}
	if r.stats.QueueBytes > 0 && r.stats.QueueBytes+bytes > r.opt.QueueBytes {
		r.stats.CutPreRolls++
		t.units, t.lost, bytes = nil, true, 0
	}
	if ev.State == bongsu.EventClosed {
		t.limit, e.closing = r.limit(ev), true
	}
	e.live = true
	r.stats.Events++
	r.stats.Live++
	r.push(item{begin: t, bytes: bytes})
	if r.skipping {
		r.push(item{lost: true}) // the ring is whole, but what follows it will not be
	}
}

// since leaves out runs at the start that ended before from: a camera that was away has
// nothing to show for that time, and its last minute before is not what was asked for.
func since(units []*streams.AccessUnit, from time.Time) []*streams.AccessUnit {
	for i := 1; i < len(units); i++ {
		if units[i].Run != units[i-1].Run && units[i-1].Wall.Before(from) {
			return since(units[i:], from)
		}
	}
	return units
}

// push queues and wakes Run; the lock is held.
func (r *Recorder) push(it item) {
	r.queue = append(r.queue, it)
	r.stats.QueueBytes += it.bytes
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// forget keeps the event among the finished ones; the lock is held.
func (r *Recorder) forget(id bongsu.EventID) {
	r.finished = append(r.finished, id)
	if len(r.finished) > rememberedEvents {
		delete(r.known, r.finished[0])
		r.finished = append(r.finished[:0], r.finished[1:]...)
	}
}

// Parts is how many parts of an event were begun, those of an earlier worker included when
// its revision said so; 0 for an event that is not known.
func (r *Recorder) Parts(id bongsu.EventID) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e := r.known[id]; e != nil {
		return e.parts
	}
	return 0
}

// Stats says how things stand now.
func (r *Recorder) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stats
}

// count changes the statistics under the lock.
func (r *Recorder) count(change func(s *Stats)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.stats)
}

// Run writes until ctx ends; then it writes what is queued, closes all parts and returns nil,
// within StopWithin of ctx's end unless the file system blocks for longer. Parts for which
// there is no time stay as journals, which Salvage finishes. It is called once.
func (r *Recorder) Run(ctx context.Context) error {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	unhook := context.AfterFunc(ctx, func() { time.AfterFunc(r.opt.StopWithin, cancel) })
	defer unhook()
	tick, stop := r.opt.Ticker(time.Second)
	defer stop()
	for {
		r.drain(work)
		select {
		case <-r.wake:
		case <-tick:
			r.idle(work)
		case <-ctx.Done():
			r.drain(work)
			for len(r.takes) > 0 {
				r.finish(work, r.takes[0])
			}
			return nil
		}
	}
}

// drain does all that is queued.
func (r *Recorder) drain(ctx context.Context) {
	for {
		r.mu.Lock()
		items := r.queue
		r.queue = nil
		r.mu.Unlock()
		if len(items) == 0 {
			return
		}
		for i := range items {
			r.do(ctx, &items[i])
			r.count(func(s *Stats) { s.QueueBytes -= items[i].bytes })
			items[i] = item{} // its memory may go while the rest is written
		}
	}
}

// do does one thing.
func (r *Recorder) do(ctx context.Context, it *item) {
	switch {
	case it.unit != nil:
		for _, t := range append([]*take(nil), r.takes...) { // a take may end
			t.feed(ctx, it.unit)
		}
	case it.begin != nil:
		t := it.begin
		t.fed = r.opt.Now()
		r.takes = append(r.takes, t)
		units := t.units
		t.units = nil
		for _, au := range units {
			t.feed(ctx, au)
		}
	case it.lost:
		for _, t := range r.takes {
			t.breakOff(ctx)
		}
	default:
		for _, t := range r.takes {
			if t.id == it.end {
				t.limit = it.limit
			}
		}
	}
}

// idle closes what has waited too long for a unit: the camera is away.
func (r *Recorder) idle(ctx context.Context) {
	now := r.opt.Now()
	for _, t := range append([]*take(nil), r.takes...) {
		waited := now.Sub(t.fed)
		if waited < r.opt.IdleAfter {
			continue
		}
		t.closePart(ctx)
		if !t.limit.IsZero() || waited >= r.opt.MaxClip {
			r.finish(ctx, t)
		}
	}
}

// finish ends a take.
func (r *Recorder) finish(ctx context.Context, t *take) {
	t.closePart(ctx)
	t.done = true
	for i := range r.takes {
		if r.takes[i] == t {
			r.takes = append(r.takes[:i], r.takes[i+1:]...)
			break
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stats.Live--
	r.known[t.id].live = false
	r.forget(t.id)
}
