//go:build !cgo

package vision

import (
	"fmt"

	"bongsu"
)

// Live is zero without cgo.
func Live() int64 { return 0 }

// JPEG returns bongsu.ErrNoCgo.
func JPEG(f *bongsu.Frame, opt Options) ([]byte, error) { return Annotate(f, nil, opt) }

// Annotate returns bongsu.ErrNoCgo, or what is wrong with the frame.
func Annotate(f *bongsu.Frame, _ []Mark, _ Options) ([]byte, error) {
	if err := f.Check(); err != nil {
		return nil, fmt.Errorf("vision: %w", err)
	}
	return nil, bongsu.ErrNoCgo
}
