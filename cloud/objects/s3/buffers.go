package s3

import (
	"context"
	"sync"
)

// Memory for parts.
const (
	smallPart = 1 << 20 // up to here memory is made as large as it is needed, and given to the collector
	keptParts = 2       // how many large ones wait for their next use
)

// buffers hands out memory for parts: so many at once, and those who come later wait. Pictures and
// most clips are far smaller than a part, so each gets what it needs and no more; the large ones,
// which are dear to make, are used again, the last one first, so that few are ever made.
type buffers struct {
	places chan struct{} // one value for each that is in use

	mu   sync.Mutex
	idle [][]byte // of PartBytes
}

func newBuffers(n int) *buffers { return &buffers{places: make(chan struct{}, n)} }

// take gives memory of size bytes, PartBytes at most; it waits until there is room.
func (b *buffers) take(ctx context.Context, size int64) ([]byte, error) {
	select {
	case b.places <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if size <= smallPart {
		return make([]byte, size), nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	n := len(b.idle)
	if n == 0 {
		return make([]byte, PartBytes)[:size], nil
	}
	buf := b.idle[n-1]
	b.idle[n-1], b.idle = nil, b.idle[:n-1]
	return buf[:size], nil
}

// free takes back what take gave.
func (b *buffers) free(buf []byte) {
	if cap(buf) == PartBytes {
		b.mu.Lock()
		if len(b.idle) < keptParts {
			b.idle = append(b.idle, buf[:PartBytes])
		}
		b.mu.Unlock()
	}
	<-b.places
}
