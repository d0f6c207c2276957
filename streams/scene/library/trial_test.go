package library

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bongsu"
	"bongsu/streams/scene"
)

// moment is a piece of a scene for the trial with fresh eyes: seconds of it, and what a stranger
// should be able to say who sees pictures of those seconds and nothing else.
type moment struct {
	scene  string
	at     []float64
	answer string
}

// even spreads n instants from one second to another.
func even(from, to float64, n int) []float64 {
	at := make([]float64, n)
	for i := range at {
		at[i] = from + (to-from)*float64(i)/float64(n-1)
	}
	return at
}

// moments are the twenty clips of the trial. docs/design/scene.md tells how it went.
var moments = []moment{
	{"fall-noon", []float64{7, 9, 11.5, 12.4, 12.8, 13.4, 17, 20}, "a person walking on a path falls and stays down"},
	{"fall-night-ir", []float64{6, 8, 9.5, 10.3, 10.8, 11.3, 14, 18}, "at night, a person falls and stays down"},
	{"fight-night", even(8, 22, 8), "two people fight in an alley at night"},
	{"fight-plaza-noon", even(2, 20, 8), "two people fight in a plaza"},
	{"abandoned-bag-station", []float64{4, 7, 10, 11.2, 14, 17, 20, 26}, "someone puts down a bag in a station, and leaves without it"},
	{"bag-put-down", []float64{3, 6, 7.2, 9, 11, 12.4, 14, 17}, "someone puts down a bag and takes it along again"},
	{"fire-evening", even(6, 24, 8), "a fire with smoke, someone runs away from it"},
	{"fire-night-yard", even(5, 20, 8), "a fire at night in a yard"},
	{"smoke-noon", even(3, 20, 8), "smoke rises by day"},
	{"intruder-night", []float64{4.8, 7.6, 8.4, 9.2, 10.3, 10.9, 13.5, 17}, "someone climbs over a wall into a yard at night"},
	{"loiterer-evening", even(6, 24, 8), "someone hangs about in front of an entrance"},
	{"wrong-way-morning", []float64{4.4, 6, 7.4, 12.4, 16.6, 18, 19.5, 21.5}, "cars come down a one-way street, then one drives up it, against the arrow"},
	{"traffic-noon", even(1, 17, 8), "ordinary traffic by day: cars, a bus, a truck, a motorcycle"},
	{"crowd-plaza", even(2, 16, 8), "many people walk about in a plaza"},
	{"animals-night-ir", even(8, 26, 8), "wild boars and a deer at night"},
	{"crowd-umbrellas-rain", even(2, 16, 8), "people with umbrellas in the rain"},
	{"park-sitting-noon", even(2, 16, 8), "people in a park: one sits on a bench, one crouches, a child runs"},
	{"yard-quiet-snow", even(4, 20, 8), "snow falls in a yard, someone passes behind the wall, nothing happens"},
	{"bus-stop-morning", even(3, 20, 8), "a bus comes to a stop where people wait"},
	{"street-dog-evening", even(8, 27, 8), "a dog walks about a street without anybody"},
}

// trialOrder shuffles the sheets: their numbers tell nothing.
const trialOrder = 20260301

// TestTrialSheets checks that the trial's moments are there. With BONGSU_SCREENSHOTS=trial it draws
// a sheet of each, without names and boxes, into the folder BONGSU_TRIAL, and the key beside that
// folder: BONGSU_TRIAL=/tmp/trial makes /tmp/trial/01.jpg to 20.jpg and /tmp/trial-key.txt.
// BONGSU_TRIAL_ONLY names scenes, separated by commas, that are drawn alone.
func TestTrialSheets(t *testing.T) {
	write := os.Getenv("BONGSU_SCREENSHOTS") == "trial"
	dir, only := os.Getenv("BONGSU_TRIAL"), os.Getenv("BONGSU_TRIAL_ONLY")
	if write && dir == "" {
		t.Fatal("BONGSU_TRIAL names no folder for the sheets")
	}
	var key strings.Builder
	for i, k := range rand.New(rand.NewPCG(trialOrder, 0)).Perm(len(moments)) {
		m := moments[k]
		s, err := Open(m.scene)
		if err != nil {
			t.Fatal(err)
		}
		if last := m.at[len(m.at)-1]; last >= s.DurationS {
			t.Errorf("%s ends after %v s, the trial wants a picture of %v s", m.scene, s.DurationS, last)
		}
		fmt.Fprintf(&key, "%02d %s: %s (seconds %v)\n", i+1, m.scene, m.answer, m.at)
		if !write || only != "" && !strings.Contains(","+only+",", ","+m.scene+",") {
			continue
		}
		if err := writeSheet(filepath.Join(dir, fmt.Sprintf("%02d.jpg", i+1)), s, m.at); err != nil {
			t.Fatal(err)
		}
	}
	if write {
		if err := os.WriteFile(strings.TrimRight(dir, "/")+"-key.txt", []byte(key.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// sheetWide is the width of each picture on a sheet, in pixels: enough to see what people do.
const sheetWide = 704

// writeSheet draws a scene's moments, two beside each other, from left to right and from above.
func writeSheet(path string, s *scene.Scene, at []float64) error {
	r, err := scene.New(s, scene.Options{Width: sheetWide})
	if err != nil {
		return err
	}
	f := r.NewFrame()
	const gap = 6
	rows := (len(at) + 1) / 2
	sheet := image.NewRGBA(image.Rect(0, 0, 2*f.Width+gap, rows*(f.Height+gap)-gap))
	draw.Draw(sheet, sheet.Bounds(), image.White, image.Point{}, draw.Src)
	for i, second := range at {
		r.Draw(int(second*float64(r.Scene().Camera.FPS)), f)
		corner := image.Pt(i%2*(f.Width+gap), i/2*(f.Height+gap))
		draw.Draw(sheet, image.Rectangle{corner, corner.Add(image.Pt(f.Width, f.Height))}, rgb(f), image.Point{}, draw.Src)
	}
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := jpeg.Encode(out, sheet, &jpeg.Options{Quality: 86}); err != nil {
		return err
	}
	return out.Close()
}

// rgb turns a rendered frame (BT.601, video range) into an image.
func rgb(f *bongsu.Frame) image.Image {
	img := image.NewRGBA(image.Rect(0, 0, f.Width, f.Height))
	in := func(v int) uint8 { return uint8(min(max(v, 0), 255)) }
	for y := range f.Height {
		for x := range f.Width {
			c := y/2*f.Planes[1].Stride + x/2
			luma := (int(f.Planes[0].Data[y*f.Planes[0].Stride+x]) - 16) * 255 / 219
			cb, cr := int(f.Planes[1].Data[c])-128, int(f.Planes[2].Data[c])-128
			img.SetRGBA(x, y, color.RGBA{in(luma + 1596*cr/1000), in(luma - (392*cb+813*cr)/1000), in(luma + 2017*cb/1000), 255})
		}
	}
	return img
}
