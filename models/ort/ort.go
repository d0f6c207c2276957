//go:build cgo

package ort

import (
	"errors"
	"fmt"
	"sync"

	"bongsu"
	"bongsu/models"

	"github.com/yalue/onnxruntime_go"
)

// environment is process-wide because ONNX Runtime's is.
var environment struct {
	sync.Mutex
	path string
}

// Load opens the library at path (see Locate) and makes the process-wide environment. Later
// calls with the same path do nothing; another path is an error, because a process has one.
func Load(path string) error {
	environment.Lock()
	defer environment.Unlock()
	if environment.path == path && path != "" {
		return nil
	}
	if environment.path != "" {
		return bongsu.Errorf(bongsu.CodeConflict, "ONNX Runtime is already loaded from %s; %s cannot be loaded beside it", environment.path, path)
	}
	if err := checkLibrary(path); err != nil {
		return err
	}
	onnxruntime_go.SetSharedLibraryPath(path)
	if err := onnxruntime_go.InitializeEnvironment(onnxruntime_go.WithLogLevelError()); err != nil {
		return bongsu.Wrap(bongsu.CodeUnavailable, err,
			"ONNX Runtime at %s cannot be loaded: run `make deps`, or name another file in %s", path, LibraryEnv)
	}
	environment.path = path
	return nil
}

// Version gives the library's version, "" before Load.
func Version() string {
	if !onnxruntime_go.IsInitialized() {
		return ""
	}
	return onnxruntime_go.GetVersion()
}

// Session is one model on the CPU. Bindings of one session may run at the same time.
type Session struct {
	path    string
	input   Value
	outputs []Value
	s       *onnxruntime_go.DynamicAdvancedSession

	mu     sync.Mutex
	closed bool
	owned  []func() // frees bindings and outputs, newest last
}

// NewSession loads a model. It takes as long as reading and optimising the file does. Load
// must have been called. The caller closes the session.
func NewSession(o Options) (*Session, error) {
	if !onnxruntime_go.IsInitialized() {
		return nil, bongsu.Errorf(bongsu.CodeUnavailable, "ONNX Runtime is not loaded: call ort.Load first")
	}
	opts, err := sessionOptions(max(o.Threads, 1))
	if err != nil {
		return nil, fmt.Errorf("ort: %w", err)
	}
	defer func() { _ = opts.Destroy() }()
	s := &Session{path: o.Path}
	if err := s.describe(opts, o.Outputs); err != nil {
		return nil, err
	}
	s.s, err = onnxruntime_go.NewDynamicAdvancedSession(o.Path, nil, nil, opts)
	if err != nil {
		return nil, bongsu.Wrap(bongsu.CodeInvalid, err, "model %s cannot be loaded by ONNX Runtime %s", o.Path, Version())
	}
	live.Add(1)
	return s, nil
}

func sessionOptions(threads int) (*onnxruntime_go.SessionOptions, error) {
	opts, err := onnxruntime_go.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	err = errors.Join(
		opts.SetIntraOpNumThreads(threads),
		opts.SetInterOpNumThreads(1),
		// A spinning pool would take the cores that the decoders need.
		opts.AddSessionConfigEntry("session.intra_op.allow_spinning", "0"),
	)
	if err != nil {
		return nil, errors.Join(err, opts.Destroy())
	}
	return opts, nil
}

// describe reads the model's inputs and outputs and compares the latter with specs.
func (s *Session) describe(opts *onnxruntime_go.SessionOptions, specs []models.OutputSpec) error {
	ins, outs, err := onnxruntime_go.GetInputOutputInfoWithOptions(s.path, opts)
	if err != nil {
		return bongsu.Wrap(bongsu.CodeInvalid, err, "model %s cannot be loaded by ONNX Runtime %s", s.path, Version())
	}
	if len(ins) != 1 {
		return bongsu.Errorf(bongsu.CodeInvalid, "model %s has %d inputs: only models with one input can be run", s.path, len(ins))
	}
	s.input = value(ins[0])
	if sh := s.input.Shape; s.input.Type != "uint8" || len(sh) != 4 || sh[1] != 3 || sh[2] <= 0 || sh[3] <= 0 || sh[0] > 1 {
		return bongsu.Errorf(bongsu.CodeInvalid,
			"model %s takes %s %v: a model is run in the form that `bongsu-edge model add` derives, uint8 [N, 3, height, width]", s.path, s.input.Type, sh)
	}
	all := make([]Value, len(outs))
	for i, o := range outs {
		all[i] = value(o)
	}
	s.outputs, err = pick(all, specs)
	if err != nil {
		return bongsu.Errorf(bongsu.CodeInvalid, "model %s: %v", s.path, err)
	}
	return nil
}

func value(i onnxruntime_go.InputOutputInfo) Value {
	t := map[onnxruntime_go.TensorElementDataType]string{
		onnxruntime_go.TensorElementDataTypeFloat: "float32",
		onnxruntime_go.TensorElementDataTypeUint8: "uint8",
	}[i.DataType]
	if t == "" {
		t = i.DataType.String()
	}
	return Value{Name: i.Name, Type: t, Shape: append([]int64(nil), i.Dimensions...)}
}

// Input describes the model's input.
func (s *Session) Input() Value { return s.input }

// Outputs describes the outputs that are delivered, in order.
func (s *Session) Outputs() []Value { return s.outputs }

// FixedBatch reports whether the model takes exactly one picture a run.
func (s *Session) FixedBatch() bool { return s.input.Shape[0] == 1 }

// Close frees the session and everything that was made from it, in the order that the library
// needs: bindings, then tensors, then the session. Nothing may run any more.
func (s *Session) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	for i := len(s.owned) - 1; i >= 0; i-- {
		s.owned[i]()
	}
	s.owned = nil
	live.Add(-1)
	return s.s.Destroy()
}

// own has f called when the session is closed.
func (s *Session) own(f func()) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		f()
		return fmt.Errorf("ort: the session of %s is closed", s.path)
	}
	s.owned = append(s.owned, f)
	return nil
}
