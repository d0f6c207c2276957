//go:build !cgo

package tensor

import (
	"fmt"
	"unsafe"

	"bongsu"
	"bongsu/models"
)

// Live is zero without cgo.
func Live() int64 { return 0 }

// TotalPasses is zero without cgo.
func TotalPasses() uint64 { return 0 }

// Buffer cannot be made without cgo.
type Buffer struct{ spec Spec }

// NewBuffer returns bongsu.ErrNoCgo, or what is wrong with the Spec.
func NewBuffer(spec Spec) (*Buffer, error) {
	if err := spec.fill(); err != nil {
		return nil, err
	}
	return nil, bongsu.ErrNoCgo
}

// Close does nothing.
func (*Buffer) Close() {}

// Spec is what the tensor was made for.
func (b *Buffer) Spec() Spec { return b.spec }

// Bytes are none.
func (*Buffer) Bytes() []byte { return nil }

// Pointer is nil.
func (*Buffer) Pointer() unsafe.Pointer { return nil }

// Slot gives a slot that cannot be filled.
func (*Buffer) Slot(int) *Slot { return &Slot{} }

// Passes is zero.
func (*Buffer) Passes() uint64 { return 0 }

// Intact is true: there is nothing to write past.
func (*Buffer) Intact() bool { return true }

// Slot cannot be filled without cgo.
type Slot struct{}

// Bytes are none.
func (*Slot) Bytes() []byte { return nil }

// Fill returns bongsu.ErrNoCgo.
func (*Slot) Fill(f *bongsu.Frame) (models.Geometry, error) {
	if err := f.Check(); err != nil {
		return models.Geometry{}, fmt.Errorf("tensor: %w", err)
	}
	return models.Geometry{}, bongsu.ErrNoCgo
}
