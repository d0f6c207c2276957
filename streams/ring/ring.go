// Package ring keeps the last seconds of a camera's access units in memory, whole groups of
// pictures (GOPs) at a time, so that a clip can begin before its event. It is fed before
// anything can drop a unit, allocates nothing but slices of pointers, and never blocks for
// longer than a copy of those.
package ring

import (
	"sync"
	"time"

	"bongsu/streams"
)

// Options are the bounds of a Ring.
type Options struct {
	Keep     time.Duration // media time to hold at least, when MaxBytes allows; 0: only the newest GOP
	MaxBytes int64         // bytes of NAL units to hold at most; 0: 64 MiB
}

// DefaultMaxBytes holds 30 s of 16 Mbit/s.
const DefaultMaxBytes = 64 << 20

// Stats says what a ring holds and what it could not.
type Stats struct {
	Units          int
	Bytes          int64
	Oldest, Newest time.Time     // wall clock of the oldest key unit and of the newest unit; zero when empty
	Span           time.Duration // media time held
	DroppedUnits   uint64        // never held, or removed before their time: see Ring
}

// Ring holds units from the oldest key unit on. A GOP leaves as a whole when what remains
// without it is still Keep long, or when MaxBytes is exceeded. A GOP that is longer than Keep
// is held whole.
//
// When one GOP alone exceeds MaxBytes it is given up: its units are dropped, and those that
// follow too until the next key unit, because without their beginning nothing could decode
// them. These units, and units without a key unit before them, are counted as dropped; what
// leaves by age or to make room for newer GOPs is not.
//
// One goroutine may call Add while others call From and Stats.
type Ring struct {
	maxBytes int64 // set before Add

	mu      sync.Mutex
	keep    time.Duration // guarded by mu
	gops    []gop         // oldest first
	units   int
	bytes   int64
	span    time.Duration // sum of the spans of all GOPs
	dropped uint64
}

// gop is a key unit and what follows it in the same run.
type gop struct {
	units []*streams.AccessUnit
	bytes int64
	span  time.Duration // from its first unit to the next GOP's, or to its last unit
}

// New makes an empty ring.
func New(o Options) *Ring {
	if o.MaxBytes <= 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	return &Ring{keep: max(o.Keep, 0), maxBytes: o.MaxBytes}
}

// Add appends the next unit in decoding order; a unit of another run than the one before it
// must be a key unit to be held.
func (r *Ring) Add(au *streams.AccessUnit) {
	r.mu.Lock()
	defer r.mu.Unlock()
	follows := len(r.gops) > 0 && r.newest().Run == au.Run
	if !au.Key && !follows {
		r.dropped++
		return
	}
	if follows {
		r.stretch(au.DTS)
	}
	if au.Key {
		r.gops = append(r.gops, gop{})
	}
	g := &r.gops[len(r.gops)-1]
	size := int64(au.Size())
	g.units = append(g.units, au)
	g.bytes += size
	r.bytes += size
	r.units++
	r.evict()
}

// newest is the unit added last; the ring must not be empty.
func (r *Ring) newest() *streams.AccessUnit {
	g := &r.gops[len(r.gops)-1]
	return g.units[len(g.units)-1]
}

// stretch lets the newest GOP last until dts. A step back counts as none.
func (r *Ring) stretch(dts time.Duration) {
	g := &r.gops[len(r.gops)-1]
	d := max(dts-g.units[0].DTS, g.span)
	r.span += d - g.span
	g.span = d
}

// Lengthen has the ring hold at least that much media time from now on, when MaxBytes allows and it
// does not hold more already.
func (r *Ring) Lengthen(keep time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keep = max(r.keep, keep)
}

// evict removes what is over the bounds.
func (r *Ring) evict() {
	n := 0
	for n < len(r.gops)-1 && (r.span-r.gops[n].span >= r.keep || r.bytes > r.maxBytes) {
		r.forget(&r.gops[n])
		n++
	}
	if last := len(r.gops) - 1; n == last && r.bytes > r.maxBytes {
		r.dropped += uint64(len(r.gops[last].units))
		r.forget(&r.gops[last])
		n++
	}
	if n == 0 {
		return
	}
	rest := copy(r.gops, r.gops[n:])
	clear(r.gops[rest:])
	r.gops = r.gops[:rest]
}

func (r *Ring) forget(g *gop) {
	r.units -= len(g.units)
	r.bytes -= g.bytes
	r.span -= g.span
}

// From gives all units held from the newest key unit at or before t (by AccessUnit.Wall) on,
// oldest first. When t is older than all that is held it begins with the oldest key unit: the
// caller sees that from the first unit's Wall. The slice is the caller's; the units are shared
// and immutable. It is empty only when nothing is held.
func (r *Ring) From(t time.Time) []*streams.AccessUnit {
	r.mu.Lock()
	defer r.mu.Unlock()
	first := 0
	for i := len(r.gops) - 1; i > 0; i-- {
		if !r.gops[i].units[0].Wall.After(t) {
			first = i
			break
		}
	}
	n := 0
	for i := first; i < len(r.gops); i++ {
		n += len(r.gops[i].units)
	}
	out := make([]*streams.AccessUnit, 0, n)
	for i := first; i < len(r.gops); i++ {
		out = append(out, r.gops[i].units...)
	}
	return out
}

// Stats says how things stand now.
func (r *Ring) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := Stats{Units: r.units, Bytes: r.bytes, Span: r.span, DroppedUnits: r.dropped}
	if len(r.gops) > 0 {
		s.Oldest, s.Newest = r.gops[0].units[0].Wall, r.newest().Wall
	}
	return s
}
