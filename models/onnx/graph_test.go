package onnx_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"bongsu/models/modelstest"
	"bongsu/models/onnx"

	"google.golang.org/protobuf/encoding/protowire"
)

// dump reads a model's main graph with a reader of its own, one line a node, so that what
// PutAhead writes is not checked by what wrote it.
func dump(t *testing.T, model []byte) (lines []string) {
	t.Helper()
	each(t, one(t, model, 7), func(n protowire.Number, body []byte, _ uint64) {
		if n == 1 {
			lines = append(lines, dumpNode(t, body))
		}
	})
	return lines
}

// each calls f for the fields of a message.
func each(t *testing.T, b []byte, f func(n protowire.Number, body []byte, v uint64)) {
	t.Helper()
	for len(b) > 0 {
		n, kind, k := protowire.ConsumeTag(b)
		if k < 0 {
			t.Fatalf("no field begins with % x", b[:min(8, len(b))])
		}
		b = b[k:]
		var body []byte
		var v uint64
		switch kind {
		case protowire.BytesType:
			body, k = protowire.ConsumeBytes(b)
		case protowire.VarintType:
			v, k = protowire.ConsumeVarint(b)
		default:
			k = protowire.ConsumeFieldValue(n, kind, b)
		}
		if k < 0 {
			t.Fatalf("field %d is cut", n)
		}
		f(n, body, v)
		b = b[k:]
	}
}

// one gives the only field of a number.
func one(t *testing.T, b []byte, want protowire.Number) (found []byte) {
	t.Helper()
	count := 0
	each(t, b, func(n protowire.Number, body []byte, _ uint64) {
		if n == want {
			found, count = body, count+1
		}
	})
	if count != 1 {
		t.Fatalf("field %d stands %d times", want, count)
	}
	return found
}

func dumpNode(t *testing.T, b []byte) string {
	var ins, outs, attrs []string
	var op string
	each(t, b, func(n protowire.Number, body []byte, _ uint64) {
		switch n {
		case 1:
			ins = append(ins, string(body))
		case 2:
			outs = append(outs, string(body))
		case 4:
			op = string(body)
		case 5:
			attrs = append(attrs, dumpAttr(t, body))
		}
	})
	return strings.Join(outs, ",") + " = " + op + "(" + strings.Join(append(ins, attrs...), ", ") + ")"
}

func dumpAttr(t *testing.T, b []byte) string {
	var name, value string
	each(t, b, func(n protowire.Number, body []byte, v uint64) {
		switch n {
		case 1:
			name = string(body)
		case 3, 8:
			value += fmt.Sprint(" ", v)
		case 5:
			each(t, body, func(n protowire.Number, raw []byte, v uint64) {
				switch n {
				case 1:
					value += fmt.Sprintf(" [%d]", v)
				case 9:
					for ; len(raw) >= 4; raw = raw[4:] {
						value += fmt.Sprint(" ", math.Float32frombits(binary.LittleEndian.Uint32(raw)))
					}
				}
			})
		}
	})
	return name + ":" + value
}

func TestNodesThatStandAhead(t *testing.T) {
	rest := dump(t, tiny.YOLOX())
	for name, c := range map[string]struct {
		model modelstest.Tiny
		ahead onnx.Ahead
		want  []string
	}{
		"cast": {tiny, plain, []string{"images = Cast(images_u8, to: 1)"}},
		"scale and mean": {tiny, with(func(a *onnx.Ahead) { a.Mul, a.Add = [3]float64{0.5, 0.25, 2}, [3]float64{-1, 0, 3} }), []string{
			"images_ahead_1 = Cast(images_u8, to: 1)",
			"images_ahead_2_const = Constant(value: [1] [3] [1] [1] 0.5 0.25 2)",
			"images_ahead_2 = Mul(images_ahead_1, images_ahead_2_const)",
			"images_ahead_3_const = Constant(value: [1] [3] [1] [1] -1 0 3)",
			"images = Add(images_ahead_2, images_ahead_3_const)",
		}},
		"mean only": {tiny, with(func(a *onnx.Ahead) { a.Add = [3]float64{-1, -2, -3} }), []string{
			"images_ahead_1 = Cast(images_u8, to: 1)",
			"images_ahead_2_const = Constant(value: [1] [3] [1] [1] -1 -2 -3)",
			"images = Add(images_ahead_1, images_ahead_2_const)",
		}},
	} {
		r, err := onnx.PutAhead(c.model.YOLOX(), c.ahead)
		if err != nil {
			t.Fatal(err)
		}
		if got := dump(t, r.Model); !slices.Equal(got, append(slices.Clone(c.want), rest...)) {
			t.Errorf("%s:\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(append(c.want, rest...), "\n"))
		}
	}
	half := change(func(t *modelstest.Tiny) { t.InputType, t.ChannelsLast = onnx.Float16, true })
	r, err := onnx.PutAhead(half.YOLOX(), with(func(a *onnx.Ahead) { a.ChannelsLast = true }))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"images_ahead_1 = Cast(images_u8, to: 1)",
		"images_ahead_2 = Transpose(images_ahead_1, perm: 0 2 3 1)",
		"images = Cast(images_ahead_2, to: 10)",
	}
	if got := dump(t, r.Model); !slices.Equal(got[:3], want) {
		t.Errorf("half, channels last:\n%s", strings.Join(got[:3], "\n"))
	}
}

// Everything that is not the input or a new node is copied byte for byte, fields that this
// program knows nothing of as well.
func TestAllElseIsCopied(t *testing.T) {
	strange := modelstest.Field(200, []byte("unknown to us"))
	model := change(func(t *modelstest.Tiny) { t.Extra = strange }).YOLOX()
	model = append(model, modelstest.Field(14, []byte("\n\x03key\x12\x05value"))...)
	r, err := onnx.PutAhead(model, plain)
	if err != nil {
		t.Fatal(err)
	}
	collect := func(b []byte, skip ...protowire.Number) (out []string) {
		each(t, b, func(n protowire.Number, body []byte, v uint64) {
			if !slices.Contains(skip, n) {
				out = append(out, fmt.Sprint(n, string(body), v))
			}
		})
		return out
	}
	if got, want := collect(r.Model, 7), collect(model, 7); !slices.Equal(got, want) {
		t.Error("fields of the model changed")
	}
	if got, want := collect(one(t, r.Model, 7), 1, 11), collect(one(t, model, 7), 1, 11); !slices.Equal(got, want) {
		t.Error("fields of the graph changed")
	}
}

// A file that was cut anywhere, or has a bit flipped, is refused or read, never a panic; and
// a cut one is never taken for whole.
func TestDamagedFiles(t *testing.T) {
	small := modelstest.Tiny{Width: 32, Height: 32, Classes: 1}
	model := small.YOLO(1)
	for n := range len(model) {
		if info, err := onnx.Read(model[:n]); err == nil {
			t.Errorf("cut after %d of %d bytes it was read as %+v", n, len(model), info)
		}
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 2))
	ahead := onnx.Ahead{Width: 32, Height: 32, Mul: [3]float64{1, 1, 1}}
	refused := 0
	for range 5000 {
		bad := slices.Clone(model)
		for range 1 + rnd.IntN(3) {
			bad[rnd.IntN(len(bad))] ^= 1 << rnd.IntN(8)
		}
		if _, err := onnx.PutAhead(bad, ahead); err != nil {
			refused++
		}
	}
	t.Logf("%d of 5000 damaged files were refused; the others differ in weights or names, which the hash finds", refused)
}

func TestTypeName(t *testing.T) {
	for elem, want := range map[int32]string{1: "float32", 2: "uint8", 10: "float16", 0: "element type 0", 77: "element type 77"} {
		if got := onnx.TypeName(elem); got != want {
			t.Errorf("%d: %q, want %q", elem, got, want)
		}
	}
}

// BenchmarkPutAhead is the edit of a file of 20 MB.
func BenchmarkPutAhead(b *testing.B) {
	big := change(func(t *modelstest.Tiny) { t.Extra = modelstest.Field(5, modelstest.Field(9, make([]byte, 20<<20))) }).YOLOX()
	b.SetBytes(int64(len(big)))
	for b.Loop() {
		if _, err := onnx.PutAhead(big, plain); err != nil {
			b.Fatal(err)
		}
	}
}
