package batch

import (
	"errors"
	"log/slog"
	"time"

	"bongsu"
	"bongsu/models"
	"bongsu/models/catalog"
	"bongsu/models/ort"
	"bongsu/models/tensor"
)

// Defaults of OpenOptions.
const (
	DefaultBanks    = 3 // one runs, one is written, one is read
	DefaultMaxBatch = 4
)

// OpenOptions say how an installed model is run.
type OpenOptions struct {
	Model    *catalog.Model
	Library  string           // ONNX Runtime, see ort.Locate; "" looks for it
	Threads  int              // of one run; 0 means 1
	MaxBatch int              // pictures of one run, of models with an open batch axis; 0 means DefaultMaxBatch
	Banks    int              // 0 means DefaultBanks
	Late     time.Duration    // see Options
	Now      func() time.Time // see Options
	Log      *slog.Logger     // see Options
}

// Open loads an installed model and makes its tensors, bindings and heads: a Batcher that
// waits for Run. It takes as long as loading the model does. The caller closes it, after Run.
func Open(o OpenOptions) (*Batcher, error) {
	lib, err := ort.Locate(o.Library)
	if err != nil {
		return nil, err
	}
	if err := ort.Load(lib); err != nil {
		return nil, err
	}
	m := o.Model.Manifest
	s, err := ort.NewSession(ort.Options{Path: o.Model.Path(), Threads: o.Threads, Outputs: m.HeadSpec().Outputs})
	if err != nil {
		return nil, err
	}
	size := o.MaxBatch
	if size <= 0 {
		size = DefaultMaxBatch
	}
	if s.FixedBatch() {
		size = 1
	}
	banks := o.Banks
	if banks <= 0 {
		banks = DefaultBanks
	}
	buffer, err := tensor.NewBuffer(tensor.Spec{
		Width: m.Input.Width, Height: m.Input.Height, Pad: uint8(m.Input.Pad), Batch: banks * size,
		Channels: tensor.Channels(m.Input.Channels), Resize: tensor.Resize(m.Input.Resize),
	})
	if err != nil {
		s.Close()
		return nil, err
	}
	free := func() error {
		err := s.Close() // the bindings point into the buffer
		buffer.Close()
		return err
	}
	b, err := assemble(o, s, buffer, banks, size, free)
	if err != nil {
		return nil, errors.Join(err, free())
	}
	return b, nil
}

func assemble(o OpenOptions, s *ort.Session, buffer *tensor.Buffer, banks, size int, free func() error) (*Batcher, error) {
	opts := Options{
		Model: o.Model.Manifest.Ref(), Size: size, Late: o.Late, Now: o.Now, Log: o.Log, Free: free,
		Head: func() (models.Head, error) { return catalog.NewHead(o.Model.Manifest) },
	}
	for i := range banks {
		k, err := newSessionBank(s, buffer, i*size, size)
		if err != nil {
			return nil, err
		}
		opts.Banks = append(opts.Banks, k)
	}
	return New(opts)
}

// sessionBank is a Bank of consecutive slots of a tensor, with a binding for each batch size.
type sessionBank struct {
	buffer   *tensor.Buffer
	first    int // slot of place 0
	outs     *ort.Outputs
	bindings []*ort.Binding // by pictures, less one
}

func newSessionBank(s *ort.Session, buffer *tensor.Buffer, first, size int) (*sessionBank, error) {
	outs, err := s.NewOutputs(size)
	if err != nil {
		return nil, err
	}
	k := &sessionBank{buffer: buffer, first: first, outs: outs}
	in := buffer.Bytes()[first*buffer.Spec().SlotBytes():]
	for n := 1; n <= size; n++ {
		b, err := s.Bind(in, n, outs)
		if err != nil {
			return nil, err
		}
		k.bindings = append(k.bindings, b)
	}
	return k, nil
}

// Fill implements Bank.
func (k *sessionBank) Fill(slot int, f *bongsu.Frame) (models.Geometry, error) {
	return k.buffer.Slot(k.first + slot).Fill(f)
}

// Run implements Bank.
func (k *sessionBank) Run(n int) error { return k.bindings[n-1].Run() }

// Outputs implements Bank.
func (k *sessionBank) Outputs(slot int) []models.Output { return k.outs.Picture(slot) }
