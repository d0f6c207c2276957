package random

import (
	"bytes"
	"encoding/json"
	"image"
	"image/color"
	"image/jpeg"
	"os"
	"path/filepath"
	"testing"
)

const sheetsDir = "../../../docs/screenshots/scene"

// maxSheet is the most that a sheet may have, in bytes.
const maxSheet = 160 << 10

// TestSheets checks that the documents have twelve pictures of each look;
// BONGSU_SCREENSHOTS=write draws them again, with the labels' boxes.
func TestSheets(t *testing.T) {
	for _, look := range Looks {
		path := filepath.Join(sheetsDir, "look-"+look+".jpg")
		if os.Getenv("BONGSU_SCREENSHOTS") == "write" {
			if err := os.WriteFile(path, drawSheet(t, look), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() > maxSheet {
			t.Errorf("%s has %d bytes: at most %d belong into the documents", path, info.Size(), maxSheet)
		}
	}
}

// drawSheet puts one picture of each of twelve places beside each other.
func drawSheet(t *testing.T, look string) []byte {
	t.Helper()
	const w, h, cols, rows = 400, 226, 3, 4
	o := Options{Dir: filepath.Join(t.TempDir(), "set"), Look: look, Scenes: cols * rows, Frames: 2, Seed: 12, Width: w, Height: h, Jobs: 2}
	if err := Write(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	data := read(t, o.Dir, "frames.i420")
	lines := bytes.Split(read(t, o.Dir, "labels.jsonl"), []byte("\n"))
	sheet := image.NewYCbCr(image.Rect(0, 0, cols*w, rows*h), image.YCbCrSubsampleRatio420)
	full := func(v byte) byte { return byte(min(max((int(v)-16)*255/219, 0), 255)) }
	for k := range cols * rows {
		n, x0, y0 := 2*k+1, k%cols*w, k/cols*h
		p := data[n*w*h*3/2:][:w*h*3/2]
		for i, v := range p[:w*h] {
			sheet.Y[sheet.YOffset(x0+i%w, y0+i/w)] = full(v)
		}
		for i := range w * h / 4 {
			c := sheet.COffset(x0+2*(i%(w/2)), y0+2*(i/(w/2)))
			sheet.Cb[c], sheet.Cr[c] = p[w*h+i], p[w*h*5/4+i]
		}
		var l Label
		if err := json.Unmarshal(lines[n], &l); err != nil {
			t.Fatal(err)
		}
		for _, b := range l.Boxes {
			if b.Visibility >= 0.3 {
				frame(sheet, image.Rect(x0+int(b.X), y0+int(b.Y), x0+int(b.X+b.W), y0+int(b.Y+b.H)))
			}
		}
	}
	for quality := 80; ; quality -= 5 {
		var b bytes.Buffer
		if err := jpeg.Encode(&b, sheet, &jpeg.Options{Quality: quality}); err != nil {
			t.Fatal(err)
		}
		if b.Len() <= maxSheet || quality < 30 {
			return b.Bytes()
		}
	}
}

// frame draws a thin green box.
func frame(img *image.YCbCr, r image.Rectangle) {
	y, cb, cr := color.RGBToYCbCr(90, 255, 90)
	dot := func(px, py int) {
		if image.Pt(px, py).In(img.Rect) {
			img.Y[img.YOffset(px, py)] = y
			img.Cb[img.COffset(px, py)], img.Cr[img.COffset(px, py)] = cb, cr
		}
	}
	for px := r.Min.X; px < r.Max.X; px++ {
		dot(px, r.Min.Y)
		dot(px, r.Max.Y-1)
	}
	for py := r.Min.Y; py < r.Max.Y; py++ {
		dot(r.Min.X, py)
		dot(r.Max.X-1, py)
	}
}
