//go:build cgo

package tensor

// #cgo pkg-config: libswscale libavutil
// #include <libswscale/swscale.h>
// #include "native.h"
import "C"

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"unsafe"

	"bongsu"
	"bongsu/models"
)

// Live is the number of C objects that this package holds in this process. It is zero when
// every Buffer is closed.
func Live() int64 { return int64(C.bgt_live()) }

// TotalPasses is how often this process went over a picture's pixels to make a model's input:
// the calls of libswscale.
func TotalPasses() uint64 { return uint64(C.bgt_passes()) }

const (
	guardBytes = 64
	guardValue = 0xA5
)

// Buffer is one input tensor: Batch slots of uint8 planes in C memory aligned to 64 bytes.
// Different slots may be filled by different goroutines at the same time.
type Buffer struct {
	spec   Spec
	mem    []byte // the tensor, then the guard; nil after Close
	slots  []Slot
	cache  cache
	passes atomic.Uint64
}

// NewBuffer makes the tensor; every slot is padding. Close frees it.
func NewBuffer(spec Spec) (*Buffer, error) {
	if err := spec.fill(); err != nil {
		return nil, err
	}
	n := spec.Batch*spec.SlotBytes() + guardBytes
	p := C.bgt_alloc(C.int64_t(n))
	if p == nil {
		return nil, fmt.Errorf("tensor: no memory for %d bytes", n)
	}
	b := &Buffer{spec: spec, mem: unsafe.Slice((*byte)(p), n), slots: make([]Slot, spec.Batch)}
	body, guard := b.mem[:n-guardBytes], b.mem[n-guardBytes:]
	set(body, spec.Pad)
	set(guard, guardValue)
	for i := range b.slots {
		b.slots[i] = Slot{buffer: b, mem: body[i*spec.SlotBytes():][:spec.SlotBytes():spec.SlotBytes()]}
	}
	b.cache.init()
	return b, nil
}

func set(b []byte, v byte) {
	for i := range b {
		b[i] = v
	}
}

// Close frees the memory; nothing may use the tensor any more. It may be called more than once.
func (b *Buffer) Close() {
	if b.mem == nil {
		return
	}
	b.cache.close()
	C.bgt_free((*C.uint8_t)(unsafe.SliceData(b.mem)))
	b.mem = nil
	for i := range b.slots {
		b.slots[i].mem = nil
	}
}

// Spec is what the tensor was made for.
func (b *Buffer) Spec() Spec { return b.spec }

// Bytes is the whole tensor, NCHW, in C memory: what a session is bound to. It is gone after
// Close.
func (b *Buffer) Bytes() []byte {
	n := max(len(b.mem)-guardBytes, 0)
	return b.mem[:n:n]
}

// Pointer is where the tensor begins; nil after Close.
func (b *Buffer) Pointer() unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(b.mem)) }

// Slot gives place i, 0 to Batch-1.
func (b *Buffer) Slot(i int) *Slot { return &b.slots[i] }

// Passes is how often a picture was written into one of the slots: one pass each.
func (b *Buffer) Passes() uint64 { return b.passes.Load() }

// Intact reports whether the bytes behind the tensor are as they were: nothing wrote past it.
func (b *Buffer) Intact() bool {
	for _, v := range b.mem[max(len(b.mem)-guardBytes, 0):] {
		if v != guardValue {
			return false
		}
	}
	return true
}

// Slot is the place of one picture in a tensor. One goroutine fills it at a time.
type Slot struct {
	buffer *Buffer
	mem    []byte
	at     rect // where the last picture lies; zero: all is padding
}

// Bytes is the slot's part of the tensor, CHW.
func (s *Slot) Bytes() []byte { return s.mem }

var errClosed = errors.New("tensor: the buffer is closed")

// Fill writes a picture into the slot, in one pass over its planes, and says where it lies.
// The frame is not kept. In the steady state it allocates no Go memory; a picture of a shape
// that the buffer has not seen lately costs a new scaler (some 50 µs).
func (s *Slot) Fill(f *bongsu.Frame) (models.Geometry, error) {
	if s.mem == nil {
		return models.Geometry{}, errClosed
	}
	if err := f.Check(); err != nil {
		return models.Geometry{}, fmt.Errorf("tensor: %w", err)
	}
	b := s.buffer
	k := shape{w: f.Width, h: f.Height, format: f.Format, color: f.Color}
	sc, err := b.cache.take(b.spec, k)
	if err != nil {
		return models.Geometry{}, err
	}
	b.passes.Add(1)
	done := C.bgt_fill(sc.c,
		start(f.Planes[0]), C.int(f.Planes[0].Stride),
		start(f.Planes[1]), C.int(f.Planes[1].Stride),
		start(f.Planes[2]), C.int(f.Planes[2].Stride),
		(*C.uint8_t)(unsafe.SliceData(s.mem)), C.uint8_t(b.spec.Pad), flag(s.at != (rect{}) && s.at != sc.at))
	s.at = sc.at
	b.cache.give(sc)
	if done == 0 {
		return models.Geometry{}, fmt.Errorf("tensor: libswscale refuses a picture of %d×%d", f.Width, f.Height)
	}
	return sc.at.geometry(f.Width, f.Height), nil
}

// start is the plane's first byte. Planes are C memory, or Go memory that the call pins.
func start(p bongsu.Plane) *C.uint8_t { return (*C.uint8_t)(unsafe.SliceData(p.Data)) }

func flag(b bool) C.int {
	if b {
		return 1
	}
	return 0
}

// shape is what a scaler depends on besides the Spec.
type shape struct {
	w, h   int
	format bongsu.PixelFormat
	color  bongsu.Color
}

// algorithm averages what falls on one input pixel; docs/design/frames.md has what it was
// chosen by. Accurate rounding costs nothing and gives every CPU the same bytes. Tests change it.
var algorithm = C.SWS_AREA | C.SWS_ACCURATE_RND

// scaler is a libswscale context for one shape.
type scaler struct {
	c     *C.bgt_scaler
	shape shape
	at    rect
}

func newScaler(spec Spec, k shape) (*scaler, error) {
	at := spec.place(k.w, k.h, k.color)
	c := C.bgt_scaler_new(&C.bgt_shape{
		src_w: C.int(k.w), src_h: C.int(k.h), nv12: flag(k.format == bongsu.FormatNV12),
		full_range: flag(k.color.FullRange), matrix: C.int(k.color.Matrix),
		w: C.int(at.w), h: C.int(at.h), x: C.int(at.x), y: C.int(at.y),
		slot_w: C.int(spec.Width), slot_h: C.int(spec.Height), bgr: flag(spec.Channels == BGR), algorithm: C.int(algorithm),
	})
	if c == nil {
		return nil, fmt.Errorf("tensor: libswscale cannot scale %d×%d to %d×%d", k.w, k.h, at.w, at.h)
	}
	return &scaler{c: c, shape: k, at: at}, nil
}

// cacheSize is how many scalers a buffer keeps: shapes of cameras that share it, and one more
// of a shape for every goroutine that fills at the same time.
const cacheSize = 16

// cache keeps scalers that are not in use, the one used last at the end.
type cache struct {
	mu     sync.Mutex
	idle   []*scaler
	closed bool
}

func (c *cache) init() { c.idle = make([]*scaler, 0, cacheSize+1) }

// take gives a scaler for k that nobody else uses until give.
func (c *cache) take(spec Spec, k shape) (*scaler, error) {
	c.mu.Lock()
	for i := len(c.idle) - 1; i >= 0; i-- {
		if s := c.idle[i]; s.shape == k {
			copy(c.idle[i:], c.idle[i+1:])
			c.idle = c.idle[:len(c.idle)-1]
			c.mu.Unlock()
			return s, nil
		}
	}
	c.mu.Unlock()
	return newScaler(spec, k)
}

// give takes a scaler back; the one that was not used for longest goes when there are too many.
func (c *cache) give(s *scaler) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		C.bgt_scaler_free(s.c)
		return
	}
	c.idle = append(c.idle, s)
	if len(c.idle) > cacheSize {
		C.bgt_scaler_free(c.idle[0].c)
		copy(c.idle, c.idle[1:])
		c.idle = c.idle[:cacheSize]
	}
}

func (c *cache) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for _, s := range c.idle {
		C.bgt_scaler_free(s.c)
	}
	c.idle = nil
}
