//go:build !cgo

package tensor

import (
	"errors"
	"testing"

	"bongsu"
)

func TestWithoutCgo(t *testing.T) {
	if _, err := NewBuffer(Spec{Width: 64, Height: 64}); !errors.Is(err, bongsu.ErrNoCgo) {
		t.Error(err)
	}
}
