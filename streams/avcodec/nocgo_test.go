//go:build !cgo

package avcodec

import (
	"errors"
	"testing"

	"bongsu"
	"bongsu/streams"
)

func TestWithoutCgo(t *testing.T) {
	if _, err := NewDecoder(Options{Codec: streams.H264}); !errors.Is(err, bongsu.ErrNoCgo) {
		t.Error(err)
	}
	if _, err := NewEncoder(EncoderOptions{Codec: streams.H264, Width: 64, Height: 64}); !errors.Is(err, bongsu.ErrNoCgo) {
		t.Error(err)
	}
}
