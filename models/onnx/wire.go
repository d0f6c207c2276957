// Package onnx reads as much of an ONNX file as installing it needs (opset, inputs, outputs)
// and puts pre-processing nodes ahead of its input. It walks the protobuf wire format itself:
// an ONNX file is one ModelProto (onnx.proto, https://onnx.ai/onnx/repo-docs/IR.html), and a
// model of gigabytes is not worth a second copy as Go objects.
//
// It reads hostile bytes: every function returns an error rather than panic.
package onnx

import (
	"errors"
	"fmt"
	"io"

	"google.golang.org/protobuf/encoding/protowire"
)

// Field numbers of onnx.proto, by message.
const (
	modelIRVersion = 1 // int64
	modelGraph     = 7 // GraphProto
	modelOpset     = 8 // OperatorSetIdProto, repeated

	opsetDomain  = 1 // string; "" is the ai.onnx domain
	opsetVersion = 2 // int64

	graphNode        = 1  // NodeProto, repeated, in topological order
	graphName        = 2  // string
	graphInitializer = 5  // TensorProto, repeated
	graphInput       = 11 // ValueInfoProto, repeated
	graphOutput      = 12 // ValueInfoProto, repeated
	graphValueInfo   = 13 // ValueInfoProto, repeated

	nodeInput  = 1 // string, repeated
	nodeOutput = 2 // string, repeated
	nodeName   = 3 // string
	nodeOpType = 4 // string
	nodeAttr   = 5 // AttributeProto, repeated

	attrName = 1  // string
	attrI    = 3  // int64
	attrT    = 5  // TensorProto
	attrInts = 8  // int64, repeated
	attrType = 20 // AttributeType

	attrTypeInt    = 2
	attrTypeTensor = 4
	attrTypeInts   = 7

	tensorDims         = 1  // int64, repeated
	tensorDataType     = 2  // int32
	tensorName         = 8  // string
	tensorRawData      = 9  // bytes, little endian
	tensorDataLocation = 14 // 1: the data is in another file

	valueName = 1 // string
	valueType = 2 // TypeProto

	typeTensor = 1 // TypeProto.Tensor

	tensorTypeElem  = 1 // int32
	tensorTypeShape = 2 // TensorShapeProto

	shapeDim = 1 // Dimension, repeated

	dimValue = 1 // int64
	dimParam = 2 // string
)

// Element types of onnx.proto's TensorProto.DataType that Bongsu meets.
const (
	Float   = 1
	Uint8   = 2
	Float16 = 10
)

// TypeName gives the usual name of an element type, or its number.
func TypeName(elem int32) string {
	names := map[int32]string{1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64",
		8: "string", 9: "bool", 10: "float16", 11: "float64", 12: "uint32", 13: "uint64", 16: "bfloat16"}
	if n, ok := names[elem]; ok {
		return n
	}
	return fmt.Sprintf("element type %d", elem)
}

// field is one field of a message. raw is the whole of it, tag included; for a
// length-delimited one body is what it holds, otherwise num is its value.
type field struct {
	number protowire.Number
	kind   protowire.Type
	raw    []byte
	body   []byte
	num    uint64
}

// text gives a length-delimited field as a string.
func (f field) text() string { return string(f.body) }

// fields calls visit for each field of message in order, until it returns an error.
func fields(message []byte, visit func(field) error) error {
	for at := 0; at < len(message); {
		f, n, err := nextField(message[at:])
		if err != nil {
			return fmt.Errorf("byte %d of a message of %d: %w", at, len(message), err)
		}
		at += n
		if err := visit(f); err != nil {
			return err
		}
	}
	return nil
}

func nextField(b []byte) (field, int, error) {
	number, kind, n := protowire.ConsumeTag(b)
	if n < 0 {
		return field{}, 0, wireError(n)
	}
	f := field{number: number, kind: kind}
	var m int
	switch kind {
	case protowire.VarintType:
		f.num, m = protowire.ConsumeVarint(b[n:])
	case protowire.BytesType:
		f.body, m = protowire.ConsumeBytes(b[n:])
	default:
		m = protowire.ConsumeFieldValue(number, kind, b[n:])
	}
	if m < 0 {
		return field{}, 0, wireError(m)
	}
	f.raw = b[:n+m]
	return f, n + m, nil
}

// wireError says what protowire's negative length means; its own texts vary from run to run.
func wireError(n int) error {
	if errors.Is(protowire.ParseError(n), io.ErrUnexpectedEOF) {
		return errors.New("it ends in the middle of a field")
	}
	return errors.New("no field can begin so")
}

// appendMessage appends a length-delimited field.
func appendMessage(dst []byte, number protowire.Number, body []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(dst, number, protowire.BytesType), body)
}

func appendString(dst []byte, number protowire.Number, s string) []byte {
	return protowire.AppendString(protowire.AppendTag(dst, number, protowire.BytesType), s)
}

func appendInt(dst []byte, number protowire.Number, v int64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(dst, number, protowire.VarintType), uint64(v))
}
