//go:build !cgo

package ort

import (
	"bongsu"
	"bongsu/models"
)

// Load returns bongsu.ErrNoCgo.
func Load(path string) error { return bongsu.ErrNoCgo }

// Version gives "".
func Version() string { return "" }

// Live gives 0.
func Live() int64 { return 0 }

// Session cannot be made without cgo.
type Session struct{}

// NewSession returns bongsu.ErrNoCgo.
func NewSession(Options) (*Session, error) { return nil, bongsu.ErrNoCgo }

// Input gives nothing.
func (s *Session) Input() Value { return Value{} }

// Outputs gives nothing.
func (s *Session) Outputs() []Value { return nil }

// FixedBatch reports true.
func (s *Session) FixedBatch() bool { return true }

// Close does nothing.
func (s *Session) Close() error { return nil }

// Outputs cannot be made without cgo.
type Outputs struct{}

// NewOutputs returns bongsu.ErrNoCgo.
func (s *Session) NewOutputs(batch int) (*Outputs, error) { return nil, bongsu.ErrNoCgo }

// Picture gives nothing.
func (o *Outputs) Picture(i int) []models.Output { return nil }

// NewInput returns bongsu.ErrNoCgo.
func (s *Session) NewInput(batch int) ([]byte, error) { return nil, bongsu.ErrNoCgo }

// Binding cannot be made without cgo.
type Binding struct{}

// Bind returns bongsu.ErrNoCgo.
func (s *Session) Bind(input []byte, batch int, out *Outputs) (*Binding, error) {
	return nil, bongsu.ErrNoCgo
}

// Run returns bongsu.ErrNoCgo.
func (b *Binding) Run() error { return bongsu.ErrNoCgo }

// Aligned reports false.
func Aligned(b []byte) bool { return false }

// Try returns bongsu.ErrNoCgo.
func Try(path string, specs []models.OutputSpec) error { return bongsu.ErrNoCgo }
