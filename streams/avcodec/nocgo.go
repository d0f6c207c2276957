//go:build !cgo

package avcodec

import (
	"bongsu"
	"bongsu/streams"
)

// Live is zero without cgo.
func Live() int64 { return 0 }

// Trim does nothing without cgo.
func Trim() {}

// Decoder cannot be made without cgo.
type Decoder struct{}

// NewDecoder returns bongsu.ErrNoCgo.
func NewDecoder(Options) (*Decoder, error) { return nil, bongsu.ErrNoCgo }

// Close does nothing.
func (*Decoder) Close() {}

// MarkLoss does nothing.
func (*Decoder) MarkLoss() {}

// Stats are zero.
func (*Decoder) Stats() Stats { return Stats{} }

// Send returns bongsu.ErrNoCgo.
func (*Decoder) Send(*streams.AccessUnit) error { return bongsu.ErrNoCgo }

// Drain returns bongsu.ErrNoCgo.
func (*Decoder) Drain() error { return bongsu.ErrNoCgo }

// Receive returns bongsu.ErrNoCgo.
func (*Decoder) Receive() (*bongsu.Frame, error) { return nil, bongsu.ErrNoCgo }

// Encoder cannot be made without cgo.
type Encoder struct{}

// NewEncoder returns bongsu.ErrNoCgo.
func NewEncoder(EncoderOptions) (*Encoder, error) { return nil, bongsu.ErrNoCgo }

// Close does nothing.
func (*Encoder) Close() {}

// Params are empty.
func (*Encoder) Params() *streams.Params { return &streams.Params{} }

// Encode returns bongsu.ErrNoCgo.
func (*Encoder) Encode(*bongsu.Frame) ([]Coded, error) { return nil, bongsu.ErrNoCgo }

// Flush returns bongsu.ErrNoCgo.
func (*Encoder) Flush() ([]Coded, error) { return nil, bongsu.ErrNoCgo }
