package crash

import (
	"sync"

	"bongsu"
)

// Recorder is a worker's end of the memory. A nil Recorder gives nil Tapes.
type Recorder struct {
	mu   sync.Mutex
	mem  []byte
	used [slots]bool // guarded by mu
}

// OpenFD takes the memory that a worker has inherited; it stays until the process ends.
func OpenFD(fd uintptr) (*Recorder, error) {
	mem, err := mapped(fd)
	if err != nil {
		return nil, err
	}
	return &Recorder{mem: mem}, nil
}

// Tape keeps the last input of one camera. A nil Tape keeps nothing. It is used by one goroutine
// at a time.
type Tape struct {
	rec  *Recorder
	slot int
	mem  []byte
}

// Tape begins a camera's tape; nil when all places are taken. Close it.
func (r *Recorder) Tape(camera bongsu.CameraID) *Tape {
	if r == nil || len(camera) > maxID {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.used {
		if r.used[i] {
			continue
		}
		r.used[i] = true
		t := &Tape{rec: r, slot: i, mem: r.mem[i*slotBytes : (i+1)*slotBytes]}
		// All of it at once: pages would come one by one as the ring fills for the first time, which
		// takes a quiet camera an hour and looks like a leak; and the camera before leaves nothing.
		clear(t.mem)
		t.mem[atIDLen] = byte(copy(t.mem[atID:atID+maxID], camera))
		order.PutUint32(t.mem[atUsed:], 1)
		return t
	}
	return nil
}

// Close gives the place back.
func (t *Tape) Close() {
	if t == nil {
		return
	}
	t.rec.mu.Lock()
	defer t.rec.mu.Unlock()
	order.PutUint32(t.mem[atUsed:], 0)
	t.rec.used[t.slot] = false
}

// Begin writes a unit down before it is decoded.
func (t *Tape) Begin(u *Unit) {
	if t == nil {
		return
	}
	place, n := order.Uint64(t.mem[atPlace:]), order.Uint64(t.mem[atUnits:])
	from, flags := place, byte(0)
	t.mem[atCodec] = 0
	for i, name := range codecs {
		if name == u.Codec {
			t.mem[atCodec] = byte(i)
		}
	}
	if u.Key {
		flags |= flagKey
	}
	if u.Lost {
		flags |= flagLost
	}
	if size(u) > ringSize {
		flags |= flagLarge
	} else {
		if u.Key {
			for _, set := range u.Sets {
				place = t.put(place, set)
			}
		}
		for _, nal := range u.NALs {
			place = t.put(place, nal)
		}
	}
	e := t.mem[atIndex+int(n%indexed)*entry:][:entry]
	order.PutUint64(e, from)
	order.PutUint64(e[8:], u.Seq)
	order.PutUint64(e[16:], uint64(u.PTSUS))
	order.PutUint32(e[24:], uint32(place-from))
	e[28] = flags
	order.PutUint64(t.mem[atPlace:], place)
	order.PutUint64(t.mem[atUnits:], n+1)
	order.PutUint32(t.mem[atBusy:], 1)
}

// End says that the unit's pictures are out.
func (t *Tape) End() {
	if t != nil {
		order.PutUint32(t.mem[atBusy:], 0)
	}
}

// startCode stands before each NAL unit: ITU-T H.264 annex B.
var startCode = []byte{0, 0, 0, 1}

// size is what a unit takes at most.
func size(u *Unit) int {
	n := 0
	for _, nal := range u.NALs {
		n += len(startCode) + len(nal)
	}
	for _, set := range u.Sets {
		n += len(startCode) + len(set)
	}
	return n
}

func (t *Tape) put(place uint64, nal []byte) uint64 {
	if len(nal) == 0 {
		return place
	}
	return t.write(t.write(place, startCode), nal)
}

func (t *Tape) write(place uint64, b []byte) uint64 {
	ring := t.mem[atRing:]
	for len(b) > 0 {
		n := copy(ring[place%ringSize:], b)
		b, place = b[n:], place+uint64(n)
	}
	return place
}
