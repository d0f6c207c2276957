package modelstest

import (
	"encoding/binary"
	"math"
	"testing"

	"bongsu/models"
)

// FuzzHead is the body of a head's fuzz target: whatever numbers a model puts out, wherever its
// input lay in the picture, Decode returns detections in order and within the picture. Each
// seed's Data is one output of the size that the head was told; low is its threshold.
func FuzzHead(f *testing.F, h models.Head, low float32, seeds ...[]models.Output) {
	size := len(seeds[0][0].Data)
	for _, s := range seeds {
		f.Add(floatBytes(s[0].Data), uint16(64), uint16(32), float32(1), float32(0))
		f.Add(floatBytes(s[0].Data), uint16(1920), uint16(1080), float32(0.0333), float32(-7))
	}
	f.Fuzz(func(t *testing.T, p []byte, w, ht uint16, scale, pad float32) {
		if w == 0 || ht == 0 || !(scale > 1e-4 && scale < 1e4) || !(pad > -1e5 && pad < 1e5) {
			return // no picture is fitted so
		}
		out := models.Output{Name: seeds[0][0].Name, Data: make([]float32, size)}
		for i := range out.Data {
			if len(p) < 4*(i+1) {
				break
			}
			out.Data[i] = math.Float32frombits(binary.LittleEndian.Uint32(p[4*i:]))
		}
		g := models.Geometry{PictureW: int(w), PictureH: int(ht), ScaleX: scale, ScaleY: scale, OffsetX: pad, OffsetY: pad}
		checkDetections(t, h.Decode([]models.Output{out}, g, nil), low)
	})
}

func floatBytes(values []float32) []byte {
	var b []byte
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}
