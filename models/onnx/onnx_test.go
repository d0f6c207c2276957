package onnx_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"bongsu/models/modelstest"
	"bongsu/models/onnx"
)

var tiny = modelstest.Tiny{Width: 64, Height: 32, Classes: 3, Things: []modelstest.Thing{{X: 20, Y: 20, W: 10, H: 10, Score: 1}}}

func change(f func(*modelstest.Tiny)) modelstest.Tiny {
	t := tiny
	f(&t)
	return t
}

func TestRead(t *testing.T) {
	info, err := onnx.Read(tiny.YOLOX())
	if err != nil {
		t.Fatal(err)
	}
	if info.Opset != 11 || info.IRVersion != 6 || info.Nodes != 6 {
		t.Errorf("%+v", info)
	}
	if len(info.Inputs) != 1 || info.Inputs[0].Name != "images" || info.Inputs[0].Elem != onnx.Float || !slices.Equal(info.Inputs[0].Shape(), []int64{1, 3, 32, 64}) {
		t.Errorf("inputs %+v", info.Inputs)
	}
	if len(info.Outputs) != 1 || info.Outputs[0].Name != "output" || !slices.Equal(info.Outputs[0].Shape(), []int64{1, 42, 8}) {
		t.Errorf("outputs %+v", info.Outputs)
	}
	open, err := onnx.Read(change(func(t *modelstest.Tiny) { t.OpenBatch = true }).YOLOX())
	if err != nil || open.Inputs[0].Dims[0] != (onnx.Dim{Value: -1, Param: "batch"}) {
		t.Errorf("%+v, %v", open, err)
	}
}

// Old exports list weights among the inputs: they are not asked for.
func TestWeightsAreNoInputs(t *testing.T) {
	listed := change(func(t *modelstest.Tiny) { t.Extra = modelstest.Field(11, modelstest.Field(1, []byte("mask_output"))) })
	info, err := onnx.Read(listed.YOLOX())
	if err != nil || len(info.Inputs) != 1 || info.Inputs[0].Name != "images" {
		t.Errorf("%+v, %v", info, err)
	}
}

func TestReadSaysWhatAFileIsInstead(t *testing.T) {
	model := tiny.YOLOX()
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"empty":      {nil, "it is empty"},
		"text":       {[]byte("this is not a model\nat all\n"), "it is a text file, not an ONNX model: give the file that the export wrote"},
		"korean":     {[]byte("모델이 아닌 글\n"), "it is a text file, not an ONNX model: give the file that the export wrote"},
		"page":       {[]byte("\n<!DOCTYPE html><html>"), "it is a web page, not an ONNX model: download the file itself"},
		"pointer":    {[]byte("version https://git-lfs.github.com/spec/v1\noid sha256:12\n"), "it is a Git LFS pointer, not the model: fetch the real file (git lfs pull)"},
		"zip":        {[]byte("PK\x03\x04\x00\x00"), "it is a zip or PyTorch file, not an ONNX model: export the model to ONNX"},
		"zeros":      {make([]byte, 100), "it is not an ONNX model, or damaged (byte 0 of a message of 100: no field can begin so)"},
		"short":      {model[:len(model)/2], "it is not an ONNX model, or damaged (byte 20 of a message of %d: it ends in the middle of a field)"},
		"no graph":   {[]byte{0x08, 0x06}, "it is not an ONNX model, or damaged (there is no graph in it)"},
		"no nodes":   {[]byte{0x08, 0x06, 0x3a, 0x00}, "it is not an ONNX model, or damaged (its graph has no nodes)"},
		"two graphs": {append(slices.Clone(model), model...), "it is not an ONNX model, or damaged (there are two graphs in it)"},
		"external": {change(func(t *modelstest.Tiny) { t.Extra = modelstest.ExternalWeights() }).YOLOX(),
			"its weights stand in other files (ONNX external data): save the model as one file and add that"},
	} {
		want := c.want
		if strings.Contains(want, "%d") {
			want = fmt.Sprintf(want, len(c.data))
		}
		if _, err := onnx.Read(c.data); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", name, err, want)
		}
	}
}

var plain = onnx.Ahead{Input: "images", Width: 64, Height: 32, Mul: [3]float64{1, 1, 1}}

func with(f func(*onnx.Ahead)) onnx.Ahead {
	a := plain
	f(&a)
	return a
}

func TestPutAhead(t *testing.T) {
	full := with(func(a *onnx.Ahead) { a.Mul, a.Add = [3]float64{0.5, 1, 1}, [3]float64{0, -3, 0} })
	for name, c := range map[string]struct {
		model modelstest.Tiny
		ahead onnx.Ahead
		nodes int
		batch int64
	}{
		"cast only":     {tiny, plain, 1, 1},
		"cast and mul":  {tiny, with(func(a *onnx.Ahead) { a.Mul[1] = 2 }), 3, 1},
		"cast mul add":  {tiny, full, 5, 1},
		"open batch":    {change(func(t *modelstest.Tiny) { t.OpenBatch = true }), full, 5, -1},
		"channels last": {change(func(t *modelstest.Tiny) { t.ChannelsLast = true }), with(func(a *onnx.Ahead) { a.ChannelsLast = true }), 2, 1},
		"half":          {change(func(t *modelstest.Tiny) { t.InputType = onnx.Float16 }), plain, 2, 1},
	} {
		t.Run(name, func(t *testing.T) {
			data := c.model.YOLOX()
			before, err := onnx.Read(data)
			if err != nil {
				t.Fatal(err)
			}
			r, err := onnx.PutAhead(data, c.ahead)
			if err != nil {
				t.Fatal(err)
			}
			if r.Input != "images_u8" || r.Batch != c.batch {
				t.Errorf("%q, batch %d", r.Input, r.Batch)
			}
			after, err := onnx.Read(r.Model)
			if err != nil {
				t.Fatal(err)
			}
			if after.Nodes != before.Nodes+c.nodes || after.Opset != before.Opset {
				t.Errorf("%d nodes of %d, opset %d", after.Nodes, before.Nodes, after.Opset)
			}
			in := after.Inputs[0]
			if in.Elem != onnx.Uint8 || !slices.Equal(in.Shape(), []int64{c.batch, 3, 32, 64}) {
				t.Errorf("input %+v", in)
			}
			if fmt.Sprint(after.Outputs) != fmt.Sprint(before.Outputs) {
				t.Errorf("outputs %+v", after.Outputs)
			}
			again, err := onnx.PutAhead(data, c.ahead)
			if err != nil || !bytes.Equal(again.Model, r.Model) {
				t.Error("the same input gave other bytes")
			}
		})
	}
}

func TestPutAheadLeavesWhatNeedsNothing(t *testing.T) {
	data := change(func(t *modelstest.Tiny) { t.InputType = onnx.Uint8 }).YOLOX()
	r, err := onnx.PutAhead(data, plain)
	if err != nil || r.Input != "images" || !bytes.Equal(r.Model, data) {
		t.Errorf("%v", err)
	}
}

// A model that already uses the name gets another one, not a damaged graph.
func TestPutAheadTakesFreeNames(t *testing.T) {
	data := change(func(t *modelstest.Tiny) { t.Extra = modelstest.Field(11, modelstest.Field(1, []byte("images_u8"))) }).YOLOX()
	if _, err := onnx.PutAhead(data, plain); err == nil || !strings.Contains(err.Error(), "it has 2 inputs") {
		t.Errorf("%v", err)
	}
	taken := change(func(t *modelstest.Tiny) {
		t.Extra = modelstest.Field(1, slices.Concat(modelstest.Field(1, []byte("images")), modelstest.Field(2, []byte("images_u8")), modelstest.Field(4, []byte("Identity"))))
	}).YOLOX()
	r, err := onnx.PutAhead(taken, plain)
	if err != nil || r.Input != "images_u8_2" {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestPutAheadRefuses(t *testing.T) {
	for want, c := range map[string]struct {
		model modelstest.Tiny
		ahead onnx.Ahead
	}{
		`its input is called "images", the manifest says "input": write input.name: images`:                                                    {tiny, with(func(a *onnx.Ahead) { a.Input = "input" })},
		"it uses ONNX opset 6: export it with opset 7 or later":                                                                                {change(func(t *modelstest.Tiny) { t.Opset = 6 }), plain},
		`its input "images" takes int64: only float32, float16 and uint8 inputs can be used`:                                                   {change(func(t *modelstest.Tiny) { t.InputType = 7 }), plain},
		`its input "images" takes element type 99: only float32, float16 and uint8 inputs can be used`:                                         {change(func(t *modelstest.Tiny) { t.InputType = 99 }), plain},
		`its input "images" has shape [1 3 32 64], the manifest says [-1 3 32 32]: write input.layout, width and height as the model has them`: {tiny, with(func(a *onnx.Ahead) { a.Width = 32 })},
		`its input "images" has shape [1 3 32 64], the manifest says [-1 32 64 3]: write input.layout, width and height as the model has them`: {tiny, with(func(a *onnx.Ahead) { a.ChannelsLast = true })},
	} {
		if _, err := onnx.PutAhead(c.model.YOLOX(), c.ahead); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if _, err := onnx.PutAhead([]byte("no model"), plain); err == nil || !strings.Contains(err.Error(), "text file") {
		t.Errorf("%v", err)
	}
}

// FuzzONNX: whatever the bytes, Read and PutAhead return; what PutAhead derives can be read
// again, and takes 8-bit pixels.
func FuzzONNX(f *testing.F) {
	for _, t := range []modelstest.Tiny{tiny, change(func(t *modelstest.Tiny) { t.OpenBatch = true }), change(func(t *modelstest.Tiny) { t.ChannelsLast = true }),
		change(func(t *modelstest.Tiny) { t.InputType = onnx.Float16 }), change(func(t *modelstest.Tiny) { t.Extra = modelstest.ExternalWeights() })} {
		t.Things, t.Classes, t.Width, t.Height = nil, 1, 32, 32
		f.Add(t.YOLOX(), false)
		f.Add(t.YOLO(1), true)
	}
	f.Add([]byte("text"), false)
	f.Add([]byte{0x3a, 0x02, 0x0a, 0x00}, false)
	f.Fuzz(func(t *testing.T, data []byte, last bool) {
		info, err := onnx.Read(data)
		if (info == nil) == (err == nil) {
			t.Fatalf("%v, %v", info, err)
		}
		a := onnx.Ahead{Width: 32, Height: 32, ChannelsLast: last, Mul: [3]float64{2, 1, 1}, Add: [3]float64{0, 1, 0}}
		r, err := onnx.PutAhead(data, a)
		if err != nil {
			return
		}
		after, err := onnx.Read(r.Model)
		if err != nil {
			t.Fatalf("the derived model cannot be read: %v", err)
		}
		if len(after.Inputs) != 1 || after.Inputs[0].Elem != onnx.Uint8 || after.Inputs[0].Name != r.Input {
			t.Errorf("derived inputs %+v", after.Inputs)
		}
		if len(after.Outputs) != len(info.Outputs) {
			t.Errorf("%d outputs became %d", len(info.Outputs), len(after.Outputs))
		}
	})
}
