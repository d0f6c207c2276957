//go:build cgo

package ort

// #include <stdlib.h>
import "C"

import (
	"fmt"
	"sync/atomic"
	"unsafe"
)

// align is a cache line, and what vector loads of every CPU like best.
const align = 64

var live atomic.Int64

// Live is the number of C objects (sessions, bindings, tensors, blocks) that this package
// holds; a test that closed everything sees 0.
func Live() int64 { return live.Load() }

// allocate gives n zeroed bytes of C memory, aligned to 64 bytes.
func allocate(n int) ([]byte, error) {
	var p unsafe.Pointer
	size := (n + align - 1) / align * align
	if rc := C.posix_memalign(&p, align, C.size_t(size)); rc != 0 || p == nil {
		return nil, fmt.Errorf("ort: no memory for a tensor of %d bytes", n)
	}
	live.Add(1)
	b := unsafe.Slice((*byte)(p), n)
	clear(b)
	return b, nil
}

func free(b []byte) {
	if b != nil {
		C.free(unsafe.Pointer(unsafe.SliceData(b)))
		live.Add(-1)
	}
}

// floats views b as float32 values.
func floats(b []byte) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/4)
}
