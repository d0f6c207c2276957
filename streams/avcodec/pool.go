//go:build cgo

package avcodec

// #include "native.h"
import "C"

import (
	"sync"
	"sync/atomic"

	"bongsu"
)

// slot is one AVFrame and the Frame that shows it. It implements bongsu.FrameOwner.
type slot struct {
	frame bongsu.Frame
	av    *C.AVFrame
	refs  atomic.Int32
	pool  *pool
}

// Retain adds a reference. It panics when the frame has none: its memory is gone.
func (s *slot) Retain() {
	if s.refer(1) == 0 {
		panic("avcodec: Retain of a frame that was released") //nolint:forbidigo // a defect of ours; going on would show other memory
	}
}

// Release gives a reference back; the last one gives the picture's memory back to libavcodec.
// It panics when the frame has none.
func (s *slot) Release() {
	switch s.refer(-1) {
	case 0:
		panic("avcodec: Release of a frame that was released") //nolint:forbidigo // as above
	case 1:
		s.pool.put(s)
	}
}

// refer changes the references by n and gives how many there were; none stay none.
func (s *slot) refer(n int32) (before int32) {
	for {
		if before = s.refs.Load(); before == 0 || s.refs.CompareAndSwap(before, before+n) {
			return before
		}
	}
}

// pool holds the slots of one decoder. It outlives the decoder for as long as frames are held.
type pool struct {
	mu     sync.Mutex
	free   []*slot
	size   int
	closed bool
}

func newPool(n int) (*pool, error) {
	p := &pool{free: make([]*slot, 0, n), size: n}
	for range n {
		av := C.bg_frame_new()
		if av == nil {
			p.close()
			return nil, errNoMemory
		}
		p.free = append(p.free, &slot{av: av, pool: p})
	}
	return p, nil
}

// take gives a slot with one reference, or nil when all are held.
func (p *pool) take() *slot {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.free) == 0 {
		return nil
	}
	s := p.free[len(p.free)-1]
	p.free = p.free[:len(p.free)-1]
	s.refs.Store(1)
	return s
}

// put takes back a slot whose picture nobody needs any more.
func (p *pool) put(s *slot) {
	s.frame = bongsu.Frame{}
	C.bg_frame_unref(s.av)
	p.back(s)
}

// back takes back a slot without a picture.
func (p *pool) back(s *slot) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		C.bg_frame_free(s.av)
		s.av = nil
		return
	}
	p.free = append(p.free, s)
}

func (p *pool) held() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.size - len(p.free)
}

// close frees the slots that are not held; the others follow when they are released.
func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, s := range p.free {
		C.bg_frame_free(s.av)
		s.av = nil
	}
	p.size -= len(p.free)
	p.free = nil
}
