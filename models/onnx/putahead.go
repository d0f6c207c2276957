package onnx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// Ahead says what turns 8-bit pixels into the model's own input. A pixel value v of channel c
// becomes v·Mul[c] + Add[c].
type Ahead struct {
	Input         string     // name of the model's input; "" when it has only one
	Width, Height int        // pixels
	ChannelsLast  bool       // the model's own input is NHWC
	Mul, Add      [3]float64 // by channel, in the order in which the tensor holds them
}

// Result names the input of the derived model.
type Result struct {
	Model []byte // the derived file
	Input string // uint8 NCHW
	Batch int64  // 1, or -1 when any number of pictures may be given at once
}

// minOpset is the first opset whose Add and Mul broadcast over any axis and whose Cast takes
// its type as a number (https://onnx.ai/onnx/operators/onnx__Cast.html).
const minOpset = 7

// PutAhead derives a model whose input is uint8 [N, 3, Height, Width]: the nodes Cast, Mul,
// Add and Transpose, as far as they do anything, stand ahead of the original's first node and
// give the original's input under its own name. All else is copied byte for byte. The same
// input gives the same bytes.
func PutAhead(data []byte, a Ahead) (*Result, error) {
	info, err := Read(data)
	if err != nil {
		return nil, err
	}
	in, err := info.pictureInput(a.Input)
	if err != nil {
		return nil, err
	}
	if info.Opset < minOpset {
		return nil, fmt.Errorf("it uses ONNX opset %d: export it with opset %d or later", info.Opset, minOpset)
	}
	batch, err := in.checkPicture(a)
	if err != nil {
		return nil, err
	}
	name := info.freshName(in.Name + "_u8")
	if in.Elem == Uint8 && !a.ChannelsLast && a.identity() {
		return &Result{Model: append([]byte(nil), data...), Input: in.Name, Batch: batch}, nil
	}
	nodes := a.nodes(info, in, name)
	model, err := rewrite(data, in, uint8Input(name, in, batch, a), nodes)
	if err != nil {
		return nil, err
	}
	return &Result{Model: model, Input: name, Batch: batch}, nil
}

func (a Ahead) identity() bool {
	return a.Mul == [3]float64{1, 1, 1} && a.Add == [3]float64{}
}

// pictureInput finds the input that takes the picture.
func (info *Info) pictureInput(name string) (Tensor, error) {
	if len(info.Inputs) != 1 {
		return Tensor{}, fmt.Errorf("it has %d inputs: only models with one input, the picture, can be used", len(info.Inputs))
	}
	in := info.Inputs[0]
	if name != "" && name != in.Name {
		return Tensor{}, fmt.Errorf("its input is called %q, the manifest says %q: write input.name: %s", in.Name, name, in.Name)
	}
	if in.Name == "" {
		return Tensor{}, errors.New("its input has no name: export it again")
	}
	return in, nil
}

// checkPicture compares the model's own input with what a says; it gives the batch size.
func (t Tensor) checkPicture(a Ahead) (batch int64, err error) {
	if t.Elem != Float && t.Elem != Float16 && t.Elem != Uint8 {
		return 0, fmt.Errorf("its input %q takes %s: only float32, float16 and uint8 inputs can be used", t.Name, TypeName(t.Elem))
	}
	want := []int64{-1, 3, int64(a.Height), int64(a.Width)}
	if a.ChannelsLast {
		want = []int64{-1, int64(a.Height), int64(a.Width), 3}
	}
	got := t.Shape()
	if len(got) != 4 {
		return 0, fmt.Errorf("its input %q has shape %v: a picture needs four axes (batch, channels, height, width)", t.Name, got)
	}
	for i := 1; i < 4; i++ {
		if got[i] != -1 && got[i] != want[i] {
			return 0, fmt.Errorf("its input %q has shape %v, the manifest says %v: write input.layout, width and height as the model has them", t.Name, got, want)
		}
	}
	if got[0] > 1 {
		return 0, fmt.Errorf("its input %q has a fixed batch of %d: export it with batch 1 or an open batch axis", t.Name, got[0])
	}
	return got[0], nil
}

func (info *Info) freshName(base string) string {
	name := base
	for i := 2; info.names[name]; i++ {
		name = fmt.Sprintf("%s_%d", base, i)
	}
	info.names[name] = true
	return name
}

// nodes gives the NodeProto bytes of what stands ahead, as fields of the graph.
func (a Ahead) nodes(info *Info, in Tensor, from string) []byte {
	type step struct {
		op    string
		attr  []byte
		konst *[3]float64
	}
	steps := []step{{op: "Cast", attr: intAttr("to", Float)}}
	if a.Mul != [3]float64{1, 1, 1} {
		steps = append(steps, step{op: "Mul", konst: &a.Mul})
	}
	if a.Add != [3]float64{} {
		steps = append(steps, step{op: "Add", konst: &a.Add})
	}
	if a.ChannelsLast {
		steps = append(steps, step{op: "Transpose", attr: intsAttr("perm", 0, 2, 3, 1)})
	}
	if in.Elem != Float {
		steps = append(steps, step{op: "Cast", attr: intAttr("to", int64(in.Elem))})
	}
	var out []byte
	value := from
	for i, s := range steps {
		next := in.Name
		if i < len(steps)-1 {
			next = info.freshName(fmt.Sprintf("%s_ahead_%d", in.Name, i+1))
		}
		inputs := []string{value}
		if s.konst != nil {
			c := info.freshName(fmt.Sprintf("%s_ahead_%d_const", in.Name, i+1))
			out = appendMessage(out, graphNode, node("Constant", nil, c, tensorAttr("value", *s.konst)))
			inputs = append(inputs, c)
		}
		out = appendMessage(out, graphNode, node(s.op, inputs, next, s.attr))
		value = next
	}
	return out
}

func node(op string, inputs []string, output string, attr []byte) []byte {
	var b []byte
	for _, in := range inputs {
		b = appendString(b, nodeInput, in)
	}
	b = appendString(b, nodeOutput, output)
	b = appendString(b, nodeName, "bongsu_"+output)
	b = appendString(b, nodeOpType, op)
	if attr != nil {
		b = appendMessage(b, nodeAttr, attr)
	}
	return b
}

func intAttr(name string, v int64) []byte {
	return appendInt(appendInt(appendString(nil, attrName, name), attrI, v), attrType, attrTypeInt)
}

func intsAttr(name string, vs ...int64) []byte {
	b := appendString(nil, attrName, name)
	for _, v := range vs {
		b = appendInt(b, attrInts, v)
	}
	return appendInt(b, attrType, attrTypeInts)
}

// tensorAttr is a float32 tensor of shape [1, 3, 1, 1], which broadcasts over NCHW.
func tensorAttr(name string, v [3]float64) []byte {
	var t, raw []byte
	for _, d := range []int64{1, 3, 1, 1} {
		t = appendInt(t, tensorDims, d)
	}
	t = appendInt(t, tensorDataType, Float)
	for _, x := range v {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(float32(x)))
	}
	t = appendMessage(t, tensorRawData, raw)
	b := appendMessage(appendString(nil, attrName, name), attrT, t)
	return appendInt(b, attrType, attrTypeTensor)
}

// uint8Input is the ValueInfoProto of the derived model's input. An open batch axis keeps the
// name it had, because outputs may refer to it.
func uint8Input(name string, in Tensor, batch int64, a Ahead) []byte {
	var shape []byte
	first := appendInt(nil, dimValue, 1)
	if batch < 0 {
		param := in.Dims[0].Param
		if param == "" {
			param = "batch"
		}
		first = appendString(nil, dimParam, param)
	}
	shape = appendMessage(shape, shapeDim, first)
	for _, v := range []int{3, a.Height, a.Width} {
		shape = appendMessage(shape, shapeDim, appendInt(nil, dimValue, int64(v)))
	}
	tensor := appendMessage(appendInt(nil, tensorTypeElem, Uint8), tensorTypeShape, shape)
	return appendMessage(appendString(nil, valueName, name), valueType, appendMessage(nil, typeTensor, tensor))
}

// rewrite copies data with the graph's input in replaced by the ValueInfoProto input and nodes
// put ahead of the first node.
func rewrite(data []byte, in Tensor, input, nodes []byte) ([]byte, error) {
	out := make([]byte, 0, len(data)+len(input)+len(nodes)+64)
	err := fields(data, func(f field) error {
		if f.number != modelGraph || f.body == nil {
			out = append(out, f.raw...)
			return nil
		}
		graph, err := rewriteGraph(f.body, in.Name, input, nodes)
		out = appendMessage(out, modelGraph, graph)
		return err
	})
	return out, err
}

func rewriteGraph(graph []byte, name string, input, nodes []byte) ([]byte, error) {
	out := make([]byte, 0, len(graph)+len(input)+len(nodes)+32)
	// Fields of one number keep their order whatever stands between them, so the new nodes
	// may come first of all.
	out = append(out, nodes...)
	err := fields(graph, func(f field) error {
		if f.number == graphInput && f.body != nil {
			if t, err := readValue(f.body); err != nil {
				return err
			} else if t.Name == name {
				out = appendMessage(out, graphInput, input)
				return nil
			}
		}
		out = append(out, f.raw...)
		return nil
	})
	return out, err
}
