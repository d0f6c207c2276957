package s3

import (
	"context"
	"errors"
	"testing"
)

// TestBuffers: memory is as large as it is asked for, so many are out at once, and of the large ones few
// are kept.
func TestBuffers(t *testing.T) {
	b := newBuffers(3)
	take := func(size int64) []byte {
		t.Helper()
		buf, err := b.take(t.Context(), size)
		if err != nil || int64(len(buf)) != size {
			t.Fatalf("%d bytes of %d, %v", len(buf), size, err)
		}
		return buf
	}
	small := take(20_000)
	if cap(small) > smallPart {
		t.Errorf("%d bytes made for 20,000", cap(small))
	}
	b.free(small)
	if len(b.idle) != 0 {
		t.Error("a small one is kept")
	}
	b.free(take(0))

	first := take(PartBytes)
	first[0] = 1
	b.free(first)
	if again := take(smallPart + 1); again[0] != 1 || cap(again) != PartBytes {
		t.Error("the large one is not used again")
	} else {
		b.free(again)
	}
	all := [][]byte{take(PartBytes), take(PartBytes), take(PartBytes)}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := b.take(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("a fourth at once: %v", err)
	}
	for _, buf := range all {
		b.free(buf)
	}
	if len(b.idle) != keptParts || len(b.places) != 0 {
		t.Errorf("%d kept, %d out", len(b.idle), len(b.places))
	}
}
