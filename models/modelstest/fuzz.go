package modelstest

import (
	"encoding/binary"
	"math"
	"testing"

	"bongsu/models"
)

// FuzzHead is the body of a head's fuzz target: whatever numbers a model puts out, wherever its
// input lay in the picture, Decode returns detections in order and within the picture. Each
// seed's outputs have the sizes that the head was told; low is its threshold.
func FuzzHead(f *testing.F, h models.Head, low float32, seeds ...[]models.Output) {
	for _, s := range seeds {
		var p []byte
		for _, o := range s {
			p = append(p, floatBytes(o.Data)...)
		}
		f.Add(p, uint16(64), uint16(32), float32(1), float32(0))
		f.Add(p, uint16(1920), uint16(1080), float32(0.0333), float32(-7))
	}
	f.Fuzz(func(t *testing.T, p []byte, w, ht uint16, scale, pad float32) {
		if w == 0 || ht == 0 || !(scale > 1e-4 && scale < 1e4) || !(pad > -1e5 && pad < 1e5) {
			return // no picture is fitted so
		}
		g := models.Geometry{PictureW: int(w), PictureH: int(ht), ScaleX: scale, ScaleY: scale, OffsetX: pad, OffsetY: pad}
		checkDetections(t, h.Decode(outputsOf(p, seeds[0]), g, nil), low)
	})
}

// outputsOf fills outputs of the sizes of like with the numbers in p, one after the other; what
// p does not reach is 0.
func outputsOf(p []byte, like []models.Output) []models.Output {
	outs := make([]models.Output, len(like))
	for i, o := range like {
		outs[i] = models.Output{Name: o.Name, Data: make([]float32, len(o.Data))}
		for j := range outs[i].Data {
			if len(p) < 4 {
				return append(outs[:i+1], empty(like[i+1:])...)
			}
			outs[i].Data[j] = math.Float32frombits(binary.LittleEndian.Uint32(p))
			p = p[4:]
		}
	}
	return outs
}

func empty(like []models.Output) []models.Output {
	var outs []models.Output
	for _, o := range like {
		outs = append(outs, models.Output{Name: o.Name, Data: make([]float32, len(o.Data))})
	}
	return outs
}

func floatBytes(values []float32) []byte {
	var b []byte
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}
