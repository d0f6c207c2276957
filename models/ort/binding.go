//go:build cgo

package ort

import (
	"fmt"
	"unsafe"

	"bongsu"
	"bongsu/models"

	"github.com/yalue/onnxruntime_go"
)

// Outputs is memory for what a model says about up to Batch pictures. Bindings of different
// batch sizes over one buffer share it.
type Outputs struct {
	batch    int
	blocks   [][]byte
	pictures [][]models.Output
}

// NewOutputs reserves memory for batch pictures. It lives as long as the session.
func (s *Session) NewOutputs(batch int) (*Outputs, error) {
	if batch < 1 || batch > 1 && s.FixedBatch() {
		return nil, fmt.Errorf("ort: %d pictures a run: %s takes one", batch, s.path)
	}
	o := &Outputs{batch: batch, pictures: make([][]models.Output, batch)}
	for _, v := range s.outputs {
		n := volume(v.Shape)
		b, err := allocate(n * batch * 4)
		if err != nil {
			o.free()
			return nil, err
		}
		o.blocks = append(o.blocks, b)
		for i := range o.pictures {
			o.pictures[i] = append(o.pictures[i], models.Output{
				Name: v.Name, Shape: v.Shape[1:], Data: floats(b)[i*n : (i+1)*n : (i+1)*n],
			})
		}
	}
	if err := s.own(o.free); err != nil {
		return nil, err
	}
	return o, nil
}

func (o *Outputs) free() {
	for _, b := range o.blocks {
		free(b)
	}
	o.blocks, o.pictures = nil, nil
}

// Picture gives the outputs of picture i of a batch, i from 0. The slices are the memory that
// the next run writes to.
func (o *Outputs) Picture(i int) []models.Output { return o.pictures[i] }

// NewInput reserves aligned memory for batch pictures of the model's input. It lives as long
// as the session. Pictures of cameras go into models/tensor buffers instead.
func (s *Session) NewInput(batch int) ([]byte, error) {
	b, err := allocate(batch * s.pictureBytes())
	if err != nil {
		return nil, err
	}
	if err := s.own(func() { free(b) }); err != nil {
		return nil, err
	}
	return b, nil
}

func (s *Session) pictureBytes() int { return volume(s.input.Shape) }

// Binding is one way to run a session: from one buffer, for one batch size, into one Outputs.
type Binding struct {
	s    *onnxruntime_go.DynamicAdvancedSession
	io   *onnxruntime_go.IoBinding
	held []interface{ Destroy() error }
}

// Bind makes a Binding of the first batch pictures of input to out. The memory of input must
// not be the Go heap's and must stay where it is until the session is closed.
func (s *Session) Bind(input []byte, batch int, out *Outputs) (*Binding, error) {
	if batch < 1 || batch > out.batch || batch > 1 && s.FixedBatch() {
		return nil, fmt.Errorf("ort: a batch of %d cannot be bound: %s and its outputs have room for %d", batch, s.path, out.batch)
	}
	if need := batch * s.pictureBytes(); len(input) < need {
		return nil, fmt.Errorf("ort: a buffer of %d bytes is too small for %d pictures of %v", len(input), batch, s.input.Shape[1:])
	}
	b := &Binding{s: s.s}
	if err := b.bind(s, input, batch, out); err != nil {
		b.destroy()
		return nil, fmt.Errorf("ort: binding %s: %w", s.path, err)
	}
	if err := s.own(b.destroy); err != nil {
		return nil, err
	}
	return b, nil
}

func (b *Binding) bind(s *Session, input []byte, batch int, out *Outputs) error {
	io, err := s.s.CreateIoBinding()
	if err != nil {
		return err
	}
	live.Add(1)
	b.io = io
	in, err := tensor(s.input.Shape, batch, input[:batch*s.pictureBytes()])
	if err != nil {
		return err
	}
	b.hold(in)
	if err := io.BindInput(s.input.Name, in); err != nil {
		return err
	}
	for i, v := range s.outputs {
		t, err := tensor(v.Shape, batch, floats(out.blocks[i])[:batch*volume(v.Shape)])
		if err != nil {
			return err
		}
		b.hold(t)
		if err := io.BindOutput(v.Name, t); err != nil {
			return err
		}
	}
	return nil
}

func tensor[T uint8 | float32](shape []int64, batch int, data []T) (*onnxruntime_go.Tensor[T], error) {
	dims := append(onnxruntime_go.Shape{int64(batch)}, shape[1:]...)
	return onnxruntime_go.NewTensor(dims, data)
}

func (b *Binding) hold(t interface{ Destroy() error }) {
	live.Add(1)
	b.held = append(b.held, t)
}

func (b *Binding) destroy() {
	if b.io != nil {
		_ = b.io.Destroy() // fails only where it was never made
		live.Add(-1)
	}
	for _, t := range b.held {
		_ = t.Destroy()
		live.Add(-1)
	}
	b.io, b.held = nil, nil
}

// Run runs the model once and blocks until the outputs are written. It allocates nothing. One
// Binding runs once at a time.
func (b *Binding) Run() error {
	if err := b.s.RunWithBinding(b.io); err != nil {
		return bongsu.Wrap(bongsu.CodeInternal, err, "the model's run failed")
	}
	return nil
}

// Aligned reports whether b begins at a multiple of 64 bytes, as buffers of the C homes do.
func Aligned(b []byte) bool {
	return uintptr(unsafe.Pointer(unsafe.SliceData(b)))%align == 0
}
