//go:build !cgo

package vision

import "bongsu"

// Live is zero without cgo.
func Live() int64 { return 0 }

// JPEG returns bongsu.ErrNoCgo.
func JPEG(f *bongsu.Frame, opt Options) ([]byte, error) { return Annotate(f, nil, opt) }

// Annotate returns bongsu.ErrNoCgo, or what is wrong with the frame.
func Annotate(f *bongsu.Frame, _ []Mark, _ Options) ([]byte, error) {
	if err := check(f); err != nil {
		return nil, err
	}
	return nil, bongsu.ErrNoCgo
}
