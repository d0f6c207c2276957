package suite

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"bongsu"
	"bongsu/streams/scene"
	"bongsu/streams/truth"
)

const (
	sheetPath = "../../../docs/screenshots/scene/suites.jpg"
	maxSheet  = 200 << 10 // bytes
)

// TestSheet checks that the documents have a picture of each category, and one of the soak; BONGSU_SCREENSHOTS=write draws
// them again: the zone in yellow, what is masked in blue, a line in violet, who is meant in red.
func TestSheet(t *testing.T) {
	if os.Getenv("BONGSU_SCREENSHOTS") == "write" {
		if err := os.WriteFile(sheetPath, drawSheet(t), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(filepath.FromSlash(sheetPath))
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > maxSheet {
		t.Errorf("%s has %d bytes: at most %d belong into the documents", sheetPath, info.Size(), maxSheet)
	}
}

// drawSheet puts a moment of one clip of each category beside each other, in the order of Categories.
func drawSheet(t *testing.T) []byte {
	t.Helper()
	const w, h, cols = 400, 226, 3
	rows := (len(Categories) + cols - 1) / cols
	sheet := image.NewYCbCr(image.Rect(0, 0, cols*w, rows*h), image.YCbCrSubsampleRatio420)
	for k, c := range Categories {
		p, e := drawable(t, c, k)
		r, err := scene.New(p.scene, scene.Options{NoClock: true, Width: w})
		if err != nil {
			t.Fatal(err)
		}
		f := r.NewFrame()
		told := r.Draw(min(int(e.StartUS*fps/1e6)+4*fps, r.Frames()-1), f)
		if c == truth.LineCrossing || c == truth.WrongWay {
			told = r.Draw(int(e.StartUS*fps/1e6)+fps, f)
		}
		at := image.Pt(k%cols*w, k/cols*h)
		paste(sheet, f, at)
		mark(sheet.SubImage(image.Rectangle{at, at.Add(image.Pt(w, h))}).(*image.YCbCr), p, e, &told)
	}
	drawSoak(t, sheet, image.Pt((cols-1)*w, (rows-1)*h), w)
	for quality := 82; ; quality -= 4 {
		var b bytes.Buffer
		if err := jpeg.Encode(&b, sheet, &jpeg.Options{Quality: quality}); err != nil {
			t.Fatal(err)
		}
		if b.Len() <= maxSheet || quality < 30 {
			return b.Bytes()
		}
	}
}

// drawSoak puts a moment of ordinary life into the last place.
func drawSoak(t *testing.T, sheet *image.YCbCr, at image.Point, w int) {
	t.Helper()
	p := draftSoak(3, 1, 0)
	r, err := scene.New(p.scene, scene.Options{NoClock: true, Width: w})
	if err != nil {
		t.Fatal(err)
	}
	f := r.NewFrame()
	r.Draw(int(p.clip.Incidents[0].FromS+8)*fps, f)
	paste(sheet, f, at)
}

// drawable is a clip of the category with an event, and the event.
func drawable(t *testing.T, c truth.Category, from int) (*plan, *truth.Event) {
	t.Helper()
	for n := from; n < from+40; n++ {
		p := draft(PurposeTuning, c, 1, n, 0)
		if !p.events || p.clip.Factors.Weather == foggy || p.try() != "" {
			continue
		}
		r, err := scene.New(p.scene, scene.Options{Width: tryWide, Rays: 1})
		if err != nil {
			t.Fatal(err)
		}
		seq, err := r.Truth(nil)
		if err != nil {
			t.Fatal(err)
		}
		if alarms := p.alarms(seq); len(alarms) > 0 {
			return p, alarms[0]
		}
	}
	t.Fatalf("no clip of %s comes out right", c)
	return nil, nil
}

// paste copies a frame, video range, into the sheet, full range.
func paste(sheet *image.YCbCr, f *bongsu.Frame, at image.Point) {
	full := func(v byte) byte { return byte(min(max((int(v)-16)*255/219, 0), 255)) }
	for y := range f.Height {
		for x := range f.Width {
			sheet.Y[sheet.YOffset(at.X+x, at.Y+y)] = full(f.Planes[0].Data[y*f.Planes[0].Stride+x])
			c := sheet.COffset(at.X+x, at.Y+y)
			sheet.Cb[c], sheet.Cr[c] = f.Planes[1].Data[y/2*f.Planes[1].Stride+x/2], f.Planes[2].Data[y/2*f.Planes[2].Stride+x/2]
		}
	}
}

func mark(img *image.YCbCr, p *plan, e *truth.Event, f *truth.Frame) {
	for _, r := range p.clip.Rules {
		outline(img, r.Zone, true, color.RGBA{255, 220, 0, 255})
		outline(img, r.Line, false, color.RGBA{255, 0, 255, 255})
		for _, x := range r.Exclude {
			outline(img, x, true, color.RGBA{0, 220, 255, 255})
		}
	}
	for i := range f.Objects {
		if o := &f.Objects[i]; slices.Contains(e.Objects, o.ID) {
			b := o.Box
			outline(img, []bongsu.Point{{X: b.X0, Y: b.Y0}, {X: b.X1, Y: b.Y0}, {X: b.X1, Y: b.Y1}, {X: b.X0, Y: b.Y1}}, true, color.RGBA{255, 30, 30, 255})
		}
	}
}

// outline draws the edges between points of the picture, 0..1.
func outline(img *image.YCbCr, pts []bongsu.Point, closed bool, c color.RGBA) {
	y, cb, cr := color.RGBToYCbCr(c.R, c.G, c.B)
	size := img.Rect.Size()
	for i := range pts {
		if i == len(pts)-1 && !closed {
			return
		}
		a, b := pts[i], pts[(i+1)%len(pts)]
		for k := range 400 {
			s := float32(k) / 400
			q := image.Pt(int((a.X+(b.X-a.X)*s)*float32(size.X-1)), int((a.Y+(b.Y-a.Y)*s)*float32(size.Y-1))).Add(img.Rect.Min)
			img.Y[img.YOffset(q.X, q.Y)] = y
			img.Cb[img.COffset(q.X, q.Y)], img.Cr[img.COffset(q.X, q.Y)] = cb, cr
		}
	}
}
