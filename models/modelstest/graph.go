package modelstest

import (
	"encoding/binary"
	"fmt"
	"math"

	"bongsu/models"

	"google.golang.org/protobuf/encoding/protowire"
)

// Thing is something that a tiny model sees in every picture that is bright enough.
type Thing struct {
	X, Y, W, H float64 // centre and size, pixels of the model's input
	Class      int     // the model's index
	Score      float64 // in a white picture; it falls to 0 with the picture's brightness
}

// Tiny describes a model made for tests: its answer is a constant table of boxes whose scores
// are multiplied with the brightness of the picture, the weighted sum of the channels' means
// over 255.
type Tiny struct {
	Width, Height int // pixels
	Classes       int
	Things        []Thing
	Weights       [3]float64 // of the channels in the tensor's order; zero means a third each
	OpenBatch     bool       // any number of pictures a run
	ChannelsLast  bool       // the model's own input is NHWC
	Opset         int64      // 0 means 11
	InputType     int64      // onnx.proto's element type; 0 means float32
	InputName     string     // "" means images
	Extra         []byte     // appended to the graph's fields
}

// YOLOX builds a model with the raw output of the YOLOX family, [N, points, 5 + Classes],
// named output. Things lie on the points of the finest level.
func (t Tiny) YOLOX() []byte {
	cols := 5 + t.Classes
	base, mask := make([]float32, t.Points()*cols), make([]float32, t.Points()*cols)
	for _, th := range t.Things {
		const stride = 8
		cx, cy := int(th.X/stride), int(th.Y/stride)
		row := (cy*(t.Width/stride) + cx) * cols
		base[row] = float32(th.X/stride - float64(cx))
		base[row+1] = float32(th.Y/stride - float64(cy))
		base[row+2] = float32(math.Log(th.W / stride))
		base[row+3] = float32(math.Log(th.H / stride))
		base[row+5+th.Class] = 1
		mask[row+4] = float32(th.Score)
	}
	return t.build(table{"output", base, mask, int64(t.Points()), int64(cols)})
}

// Points is the number of rows of YOLOX's output.
func (t Tiny) Points() int {
	n := 0
	for _, s := range []int{8, 16, 32} {
		n += (t.Width / s) * (t.Height / s)
	}
	return n
}

// YOLO builds a model with the raw output of the yolo family, [N, 4 + Classes, anchors], named
// output; thing i is anchor i. anchors must be as many as Things, at least.
func (t Tiny) YOLO(anchors int) []byte {
	rows := 4 + t.Classes
	base, mask := make([]float32, rows*anchors), make([]float32, rows*anchors)
	for i, th := range t.Things {
		for r, v := range []float64{th.X, th.Y, th.W, th.H} {
			base[r*anchors+i] = float32(v)
		}
		mask[(4+th.Class)*anchors+i] = float32(th.Score)
	}
	return t.build(table{"output", base, mask, int64(rows), int64(anchors)})
}

// NanoDetBins is the number of bins of a distance in the models that NanoDet builds.
const NanoDetBins = 8

// NanoDet builds a model with the six raw outputs of the nanodet family, in the order in which
// NanoDetOutputs lists them. Things lie on the points of the finest level, at most 56 pixels
// from each of their sides.
func (t Tiny) NanoDet() []byte {
	specs := t.NanoDetOutputs()
	outs := make([]table, len(specs))
	for i, s := range specs {
		n := s.Shape[1] * s.Shape[2]
		outs[i] = table{name: s.Name, base: make([]float32, n), mask: make([]float32, n), rows: s.Shape[1], cols: s.Shape[2]}
	}
	for _, th := range t.Things {
		const stride = 8
		cx, cy := int(th.X/stride), int(th.Y/stride)
		point := cy*(t.Width/stride) + cx
		outs[0].mask[point*t.Classes+th.Class] = float32(th.Score)
		x, y := float64(cx*stride)+3.5, float64(cy*stride)+3.5
		for side, d := range []float64{x - (th.X - th.W/2), y - (th.Y - th.H/2), th.X + th.W/2 - x, th.Y + th.H/2 - y} {
			logits(outs[3].base[(point*4+side)*NanoDetBins:][:NanoDetBins], d/stride)
		}
	}
	return t.build(outs...)
}

// logits fills v so that the mean of 0, 1, 2, … under its softmax is mean.
func logits(v []float32, mean float64) {
	for i := range v {
		v[i] = -40
	}
	low, part := math.Modf(mean)
	v[int(low)] = float32(math.Log(max(1-part, 1e-12)))
	v[int(low)+1] = float32(math.Log(max(part, 1e-12)))
}

// NanoDetOutputs are the outputs of NanoDet's model: class scores of strides 8, 16 and 32,
// then distances.
func (t Tiny) NanoDetOutputs() []models.OutputSpec {
	var specs []models.OutputSpec
	for _, kind := range []struct {
		name string
		cols int
	}{{"cls", t.Classes}, {"dis", 4 * NanoDetBins}} {
		for _, s := range []int{8, 16, 32} {
			points := int64((t.Width / s) * (t.Height / s))
			specs = append(specs, models.OutputSpec{Name: fmt.Sprintf("%s_pred_stride_%d", kind.name, s), Shape: []int64{t.batch(), points, int64(kind.cols)}})
		}
	}
	return specs
}

// table is one output: rows·cols values base, to which brightness·mask is added.
type table struct {
	name       string
	base, mask []float32
	rows, cols int64
}

// build makes images → mean by channel → weighted sum → [N,1,1] · mask + base → each output.
func (t Tiny) build(outs ...table) []byte {
	name, opset, elem := t.InputName, t.Opset, t.InputType
	if name == "" {
		name = "images"
	}
	if opset == 0 {
		opset = 11
	}
	if elem == 0 {
		elem = 1
	}
	w := t.Weights
	if w == [3]float64{} {
		w = [3]float64{1. / 3, 1. / 3, 1. / 3}
	}
	spatial, channel, wshape := []int64{2, 3}, int64(1), []int64{1, 3, 1, 1}
	in := []int64{1, 3, int64(t.Height), int64(t.Width)}
	if t.ChannelsLast {
		spatial, channel, wshape = []int64{1, 2}, 3, []int64{1, 1, 1, 3}
		in = []int64{1, int64(t.Height), int64(t.Width), 3}
	}
	in[0] = t.batch()
	weights := []float32{float32(w[0] / 255), float32(w[1] / 255), float32(w[2] / 255)}
	from := name
	var g []byte
	if elem != 1 {
		g = message(g, 1, nodeProto("Cast", []string{name}, "as_float", intAttr("to", 1)))
		from = "as_float"
	}
	g = message(g, 1, nodeProto("ReduceMean", []string{from}, "mean", intsAttr("axes", spatial)))
	g = message(g, 1, nodeProto("Mul", []string{"mean", "weights"}, "weighted"))
	g = message(g, 1, nodeProto("ReduceSum", []string{"weighted"}, "sum", intsAttr("axes", []int64{channel})))
	g = message(g, 1, nodeProto("Reshape", []string{"sum", "shape"}, "brightness"))
	for _, o := range outs {
		g = message(g, 1, nodeProto("Mul", []string{"brightness", "mask_" + o.name}, "scores_"+o.name))
		g = message(g, 1, nodeProto("Add", []string{"scores_" + o.name, "base_" + o.name}, o.name))
	}
	g = text(g, 2, "tiny")
	g = message(g, 5, floatTensor("weights", wshape, weights))
	g = message(g, 5, int64Tensor("shape", []int64{-1, 1, 1}))
	for _, o := range outs {
		g = message(g, 5, floatTensor("mask_"+o.name, []int64{1, o.rows, o.cols}, o.mask))
		g = message(g, 5, floatTensor("base_"+o.name, []int64{1, o.rows, o.cols}, o.base))
	}
	g = message(g, 11, valueInfo(name, elem, in))
	for _, o := range outs {
		g = message(g, 12, valueInfo(o.name, 1, []int64{t.batch(), o.rows, o.cols}))
	}
	g = append(g, t.Extra...)
	m := number(nil, 1, 6) // IR version
	m = text(m, 2, "modelstest")
	m = message(m, 8, number(text(nil, 1, ""), 2, opset))
	return message(m, 7, g)
}

// The numbers below are those of onnx.proto; models/onnx names them. They are written out here
// so that a wrong number there does not agree with itself.

func message(b []byte, n protowire.Number, body []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, n, protowire.BytesType), body)
}

func text(b []byte, n protowire.Number, s string) []byte { return message(b, n, []byte(s)) }

func number(b []byte, n protowire.Number, v int64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, n, protowire.VarintType), uint64(v))
}

func nodeProto(op string, inputs []string, output string, attrs ...[]byte) []byte {
	var b []byte
	for _, in := range inputs {
		b = text(b, 1, in)
	}
	b = text(text(b, 2, output), 4, op)
	for _, a := range attrs {
		b = message(b, 5, a)
	}
	return b
}

func intAttr(name string, v int64) []byte {
	return number(number(text(nil, 1, name), 3, v), 20, 2)
}

func intsAttr(name string, vs []int64) []byte {
	b := text(nil, 1, name)
	for _, v := range vs {
		b = number(b, 8, v)
	}
	return number(b, 20, 7)
}

func floatTensor(name string, dims []int64, data []float32) []byte {
	var raw []byte
	for _, v := range data {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	return tensorProto(name, 1, dims, raw)
}

func int64Tensor(name string, data []int64) []byte {
	var raw []byte
	for _, v := range data {
		raw = binary.LittleEndian.AppendUint64(raw, uint64(v))
	}
	return tensorProto(name, 7, []int64{int64(len(data))}, raw)
}

func tensorProto(name string, elem int64, dims []int64, raw []byte) []byte {
	var b []byte
	for _, d := range dims {
		b = number(b, 1, d)
	}
	return message(text(number(b, 2, elem), 8, name), 9, raw)
}

func valueInfo(name string, elem int64, dims []int64) []byte {
	var shape []byte
	for _, d := range dims {
		dim := number(nil, 1, d)
		if d < 0 {
			dim = text(nil, 2, "batch")
		}
		shape = message(shape, 1, dim)
	}
	tensor := message(number(nil, 1, elem), 2, shape)
	return message(text(nil, 1, name), 2, message(nil, 1, tensor))
}
