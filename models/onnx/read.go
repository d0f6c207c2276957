package onnx

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"
)

// Dim is one axis of a tensor: Value is positive when the size is fixed. When it is open,
// Value is -1 and Param may name it.
type Dim struct {
	Value int64
	Param string
}

// Tensor is an input or output of the graph.
type Tensor struct {
	Name string
	Elem int32 // Float, Uint8, ...; 0 when it is no tensor
	Dims []Dim
}

// Shape gives the sizes of the axes, -1 for an open one.
func (t Tensor) Shape() []int64 {
	s := make([]int64, len(t.Dims))
	for i, d := range t.Dims {
		s[i] = d.Value
	}
	return s
}

// Info is what installing a model needs to know of its file.
type Info struct {
	IRVersion int64
	Opset     int64    // of the ai.onnx domain
	Nodes     int      // of the main graph
	Inputs    []Tensor // those that a caller must give: initializers are left out
	Outputs   []Tensor

	names map[string]bool // every value name of the main graph
}

// Read walks the bytes of an ONNX file. It fails when data is something else, says what it
// looks like, and when weights stand in other files.
func Read(data []byte) (*Info, error) {
	info, graph, err := readModel(data)
	if err != nil {
		return nil, notONNX(data, err)
	}
	if graph == nil {
		return nil, notONNX(data, errors.New("there is no graph in it"))
	}
	if err := info.readGraph(graph); err != nil {
		if errors.Is(err, errExternal) {
			return nil, err
		}
		return nil, notONNX(data, err)
	}
	if info.Nodes == 0 {
		return nil, notONNX(data, errors.New("its graph has no nodes"))
	}
	return info, nil
}

// readModel gives the fields of the ModelProto that matter, and the graph's bytes.
func readModel(data []byte) (*Info, []byte, error) {
	info := &Info{names: map[string]bool{}}
	var graph []byte
	err := fields(data, func(f field) error {
		switch {
		case f.number == modelIRVersion && f.body == nil:
			info.IRVersion = int64(f.num)
		case f.number == modelGraph && f.body != nil:
			if graph != nil {
				return errors.New("there are two graphs in it")
			}
			graph = f.body
		case f.number == modelOpset && f.body != nil:
			return info.readOpset(f.body)
		}
		return nil
	})
	return info, graph, err
}

func (info *Info) readOpset(b []byte) error {
	var domain string
	var version int64
	err := fields(b, func(f field) error {
		switch f.number {
		case opsetDomain:
			domain = f.text()
		case opsetVersion:
			version = int64(f.num)
		}
		return nil
	})
	if domain == "" || domain == "ai.onnx" {
		info.Opset = version
	}
	return err
}

var errExternal = errors.New("its weights stand in other files (ONNX external data): save the model as one file and add that")

func (info *Info) readGraph(graph []byte) error {
	initial := map[string]bool{}
	var inputs []Tensor
	err := fields(graph, func(f field) error {
		if f.body == nil {
			return nil
		}
		switch f.number {
		case graphNode:
			info.Nodes++
			return info.readNode(f.body)
		case graphInitializer:
			name, err := readInitializer(f.body)
			initial[name], info.names[name] = true, true
			return err
		case graphInput:
			t, err := readValue(f.body)
			inputs, info.names[t.Name] = append(inputs, t), true
			return err
		case graphOutput:
			t, err := readValue(f.body)
			info.Outputs, info.names[t.Name] = append(info.Outputs, t), true
			return err
		}
		return nil
	})
	for _, t := range inputs {
		if !initial[t.Name] {
			info.Inputs = append(info.Inputs, t)
		}
	}
	return err
}

func (info *Info) readNode(b []byte) error {
	return fields(b, func(f field) error {
		if f.number == nodeInput || f.number == nodeOutput {
			info.names[f.text()] = true
		}
		return nil
	})
}

func readInitializer(b []byte) (name string, err error) {
	err = fields(b, func(f field) error {
		switch {
		case f.number == tensorName:
			name = f.text()
		case f.number == tensorDataLocation && f.num == 1:
			return errExternal
		}
		return nil
	})
	return name, err
}

func readValue(b []byte) (Tensor, error) {
	var t Tensor
	err := fields(b, func(f field) error {
		switch f.number {
		case valueName:
			t.Name = f.text()
		case valueType:
			return fields(f.body, func(f field) error {
				if f.number != typeTensor {
					return nil
				}
				return t.readTensorType(f.body)
			})
		}
		return nil
	})
	return t, err
}

func (t *Tensor) readTensorType(b []byte) error {
	return fields(b, func(f field) error {
		switch f.number {
		case tensorTypeElem:
			t.Elem = int32(f.num)
		case tensorTypeShape:
			return fields(f.body, func(f field) error {
				if f.number != shapeDim {
					return nil
				}
				d, err := readDim(f.body)
				t.Dims = append(t.Dims, d)
				return err
			})
		}
		return nil
	})
}

func readDim(b []byte) (Dim, error) {
	d := Dim{Value: -1}
	err := fields(b, func(f field) error {
		switch f.number {
		case dimValue:
			if v := int64(f.num); f.body == nil && v > 0 {
				d.Value = v
			}
		case dimParam:
			d.Param = f.text()
		}
		return nil
	})
	return d, err
}

// notONNX says what data looks like instead, when that can be told from its beginning.
func notONNX(data []byte, cause error) error {
	head := data[:min(len(data), 512)]
	switch {
	case len(data) == 0:
		return errors.New("it is empty")
	case bytes.HasPrefix(head, []byte("version https://git-lfs")):
		return errors.New("it is a Git LFS pointer, not the model: fetch the real file (git lfs pull)")
	case bytes.Contains(bytes.ToLower(head), []byte("<html")), bytes.Contains(bytes.ToLower(head), []byte("<!doctype html")):
		return errors.New("it is a web page, not an ONNX model: download the file itself")
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return errors.New("it is a zip or PyTorch file, not an ONNX model: export the model to ONNX")
	case looksLikeText(head):
		return errors.New("it is a text file, not an ONNX model: give the file that the export wrote")
	}
	return fmt.Errorf("it is not an ONNX model, or damaged (%w)", cause)
}

func looksLikeText(b []byte) bool {
	for len(b) > 0 && len(b) >= utf8.UTFMax {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 || r < ' ' && r != '\n' && r != '\r' && r != '\t' {
			return false
		}
		b = b[n:]
	}
	for _, c := range b {
		if c < ' ' && c != '\n' && c != '\r' && c != '\t' {
			return false
		}
	}
	return true
}
