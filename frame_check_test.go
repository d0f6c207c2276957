package bongsu_test

import (
	"strings"
	"testing"

	"bongsu"
)

func picture(format bongsu.PixelFormat, w, h int, planes ...int) *bongsu.Frame {
	f := &bongsu.Frame{Width: w, Height: h, Format: format}
	for i, n := range planes {
		f.Planes[i] = bongsu.Plane{Data: make([]byte, n), Stride: []int{w, (w + 1) / 2, (w + 1) / 2}[i]}
		if format == bongsu.FormatNV12 && i == 1 {
			f.Planes[i].Stride = 2 * ((w + 1) / 2)
		}
	}
	return f
}

func TestFrameCheck(t *testing.T) {
	for _, c := range []struct {
		name, says string // says is "" for a frame that may be read
		f          *bongsu.Frame
	}{
		{"I420", "", picture(bongsu.FormatI420, 6, 4, 24, 6, 6)},
		{"I420 with odd sides", "", picture(bongsu.FormatI420, 5, 3, 15, 6, 6)},
		{"NV12", "", picture(bongsu.FormatNV12, 5, 3, 15, 12)},
		{"a luma plane one byte short", "plane 0", picture(bongsu.FormatI420, 6, 4, 23, 6, 6)},
		{"a chroma plane one byte short", "plane 2", picture(bongsu.FormatI420, 6, 4, 24, 6, 5)},
		{"interleaved chroma too short", "plane 1", picture(bongsu.FormatNV12, 5, 3, 15, 11)},
		{"no format", "pixel format 0", picture(bongsu.FormatNone, 6, 4, 24, 6, 6)},
		{"no width", "0×4", picture(bongsu.FormatI420, 0, 4)},
		{"sides beyond any camera", "16385", picture(bongsu.FormatI420, 16385, 1)},
	} {
		err := c.f.Check()
		if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v, want an error that says %q", c.name, err, c.says)
		}
	}
}
