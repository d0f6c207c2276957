package scene

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"os"
	"path/filepath"
	"testing"

	"bongsu"
	"bongsu/streams/truth"
)

// shots are the pictures of docs/screenshots/scene: a scene of the library and a second of it.
var shots = []struct {
	name string
	at   float64
}{
	{"intruder-night", 24}, {"loiterer-evening", 20}, {"wrong-way-morning", 18.5}, {"traffic-noon", 6}, {"fall-noon", 20},
	{"abandoned-bag-station", 20}, {"fight-night", 14}, {"fire-evening", 30}, {"crowd-plaza", 10}, {"animals-night-ir", 20},
}

const shotsDir = "../../docs/screenshots/scene"

// maxShot is the most that a picture in the documents may have, in bytes.
const maxShot = 60 << 10

// TestScreenshots checks that the documents have these pictures; BONGSU_SCREENSHOTS=write draws
// them again, with the boxes of the truth.
func TestScreenshots(t *testing.T) {
	for _, s := range shots {
		path := filepath.Join(shotsDir, s.name+".jpg")
		if os.Getenv("BONGSU_SCREENSHOTS") == "write" {
			if err := os.WriteFile(path, shoot(t, s.name, s.at), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() > maxShot {
			t.Errorf("%s has %d bytes: at most %d belong into the documents", path, info.Size(), maxShot)
		}
	}
}

func shoot(t *testing.T, name string, at float64) []byte {
	t.Helper()
	s, err := Load("library/" + name + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	r, err := New(s, Options{})
	if err != nil {
		t.Fatal(err)
	}
	f := r.NewFrame()
	fr := r.Draw(int(at*float64(s.Camera.FPS)), f)
	for quality := 82; ; quality -= 6 {
		var b bytes.Buffer
		if err := jpeg.Encode(&b, withBoxes(f, &fr), &jpeg.Options{Quality: quality}); err != nil {
			t.Fatal(err)
		}
		if b.Len() <= maxShot || quality < 30 {
			return b.Bytes()
		}
	}
}

// withBoxes is the picture in RGB with a thin frame around each object: green, red for those that
// lie, fight, burn or were left, grey for those that other things hide.
func withBoxes(f *bongsu.Frame, fr *truth.Frame) image.Image {
	img := image.NewRGBA(image.Rect(0, 0, f.Width, f.Height))
	for y := range f.Height {
		for x := range f.Width {
			c := y/2*f.Planes[1].Stride + x/2
			luma := (int(f.Planes[0].Data[y*f.Planes[0].Stride+x]) - 16) * 255 / 219
			cb, cr := int(f.Planes[1].Data[c])-128, int(f.Planes[2].Data[c])-128
			in := func(v int) uint8 { return uint8(min(max(v, 0), 255)) }
			img.SetRGBA(x, y, color.RGBA{in(luma + 1596*cr/1000), in(luma - (392*cb+813*cr)/1000), in(luma + 2017*cb/1000), 255})
		}
	}
	for _, o := range fr.Objects {
		c := color.RGBA{80, 255, 80, 255}
		switch o.State {
		case truth.StateFallen, truth.StateFalling, truth.StateFighting, truth.StateBurning, truth.StateLeft:
			c = color.RGBA{255, 60, 40, 255}
		}
		if o.Visibility < 0.1 {
			c = color.RGBA{150, 150, 150, 255}
		}
		outline(img, o.Box, c)
	}
	return img
}

// rectOf is a box in pixels of a picture.
func rectOf(b bongsu.Box, w, h int) image.Rectangle {
	at := func(v float32, side int) int { return int(v*float32(side) + 0.5) }
	return image.Rect(at(b.X0, w), at(b.Y0, h), at(b.X1, w), at(b.Y1, h))
}

// outline draws the outermost pixels of a box.
func outline(img *image.RGBA, b bongsu.Box, c color.RGBA) {
	r := rectOf(b, img.Rect.Dx(), img.Rect.Dy())
	for x := r.Min.X; x < r.Max.X; x++ {
		img.SetRGBA(x, r.Min.Y, c)
		img.SetRGBA(x, r.Max.Y-1, c)
	}
	for y := r.Min.Y; y < r.Max.Y; y++ {
		img.SetRGBA(r.Min.X, y, c)
		img.SetRGBA(r.Max.X-1, y, c)
	}
}
