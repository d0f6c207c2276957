//go:build !cgo

package vision

import (
	"errors"
	"testing"

	"bongsu"
)

func TestWithoutCgo(t *testing.T) {
	f := &bongsu.Frame{Width: 2, Height: 2, Format: bongsu.FormatI420, Planes: [3]bongsu.Plane{
		{Data: make([]byte, 4), Stride: 2}, {Data: make([]byte, 1), Stride: 1}, {Data: make([]byte, 1), Stride: 1}}}
	if _, err := JPEG(f, Options{}); !errors.Is(err, bongsu.ErrNoCgo) {
		t.Error(err)
	}
}
