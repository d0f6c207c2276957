package batch_test

import (
	"context"
	"fmt"
	"image"
	_ "image/jpeg"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"bongsu"
	"bongsu/models/batch"
	"bongsu/models/catalog"
	"bongsu/models/modelstest"
	"bongsu/models/onnx"
	"bongsu/models/ort"
	"bongsu/models/tensor"
)

// needRuntime skips the test where there is no ONNX Runtime.
func needRuntime(t testing.TB) {
	t.Helper()
	lib, err := ort.Locate("")
	if err == nil {
		err = ort.Load(lib)
	}
	switch bongsu.CodeOf(err) {
	case bongsu.CodeNoCgo, bongsu.CodeUnavailable:
		t.Skipf("needs ONNX Runtime: %v", err)
	case "":
	default:
		t.Fatal(err)
	}
}

// install adds a tiny model to a catalog of its own.
func install(t testing.TB, p modelstest.Package) *catalog.Model {
	t.Helper()
	path, err := p.Write(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return add(t, path)
}

func add(t testing.TB, path string) *catalog.Model {
	t.Helper()
	m, err := catalog.Open(catalog.Options{Dir: filepath.Join(t.TempDir(), "models"), Try: ort.Try, Tool: "test"}).Add(t.Context(), path, "")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// run opens a model and runs it until the test ends, when all C memory must be given back.
func run(t testing.TB, o batch.OpenOptions) *batch.Batcher {
	t.Helper()
	b, err := batch.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-done
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		if a, c := ort.Live(), tensor.Live(); a != 0 || c != 0 {
			t.Errorf("%d objects of ort and %d of tensor are left", a, c)
		}
	})
	return b
}

func detector(t testing.TB, b *batch.Batcher, camera bongsu.CameraID) *batch.Detector {
	t.Helper()
	d, err := b.Detector(camera)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// plain is an I420 picture of one colour, full range, BT.601.
func plain(w, h int, y, u, v byte) *bongsu.Frame {
	f := &bongsu.Frame{Width: w, Height: h, Format: bongsu.FormatI420, Color: bongsu.Color{FullRange: true, Matrix: 6}}
	for i, value := range []byte{y, u, v} {
		pw, ph := w, h
		if i > 0 {
			pw, ph = (w+1)/2, (h+1)/2
		}
		f.Planes[i] = bongsu.Plane{Data: make([]byte, pw*ph), Stride: pw}
		for j := range f.Planes[i].Data {
			f.Planes[i].Data[j] = value
		}
	}
	return f
}

func white(w, h int) *bongsu.Frame { return plain(w, h, 255, 128, 128) }
func black(w, h int) *bongsu.Frame { return plain(w, h, 0, 128, 128) }

// two is a model that sees a person on the left and a car on the right of a bright picture.
var two = modelstest.Tiny{Width: 64, Height: 64, Classes: 2, Things: []modelstest.Thing{
	{X: 16, Y: 32, W: 16, H: 32, Class: 0, Score: 0.9},
	{X: 48, Y: 32, W: 24, H: 16, Class: 1, Score: 0.7},
}}

func TestInstalledModelPassesTheSuite(t *testing.T) {
	needRuntime(t)
	open := two
	open.OpenBatch = true
	last := two
	last.ChannelsLast = true
	half := two
	half.InputType = onnx.Float16
	exact := two
	exact.InputType = onnx.Uint8
	for name, p := range map[string]modelstest.Package{
		"yolox":                two.YOLOXPackage("tiny"),
		"yolo":                 two.YOLOPackage("tiny", 21),
		"nanodet":              two.NanoDetPackage("tiny"),
		"nanodet, open batch":  open.NanoDetPackage("tiny"),
		"yolox, open batch":    open.YOLOXPackage("tiny"),
		"yolo, open batch":     open.YOLOPackage("tiny", 5),
		"yolox, half":          half.YOLOXPackage("tiny"),
		"yolox, 8 bit":         exact.YOLOXPackage("tiny"),
		"yolox, channels last": last.YOLOXPackage("tiny"),
	} {
		t.Run(name, func(t *testing.T) {
			b := run(t, batch.OpenOptions{Model: install(t, p)})
			d := detector(t, b, "gate")
			modelstest.Detector(t, d, white(128, 128), 0.1, true)
			dets, err := d.Detect(t.Context(), white(128, 128), nil)
			if err != nil || len(dets) != 2 {
				t.Fatalf("%v, %v", dets, err)
			}
			if dets[0].Class != bongsu.ClassPerson || math.Abs(float64(dets[0].Score)-0.9) > 0.01 || !near(dets[0].Box, bongsu.Box{X0: 8. / 64, Y0: 16. / 64, X1: 24. / 64, Y1: 48. / 64}) {
				t.Errorf("the person: %+v", dets[0])
			}
			if dets[1].Class != bongsu.ClassCar || math.Abs(float64(dets[1].Score)-0.7) > 0.01 {
				t.Errorf("the car: %+v", dets[1])
			}
			if dets, err := d.Detect(t.Context(), black(128, 128), nil); err != nil || len(dets) != 0 {
				t.Errorf("a black picture: %v, %v", dets, err)
			}
			if d.Model().SHA256 == "" {
				t.Error("the model's hash is not named")
			}
		})
	}
}

func near(a, b bongsu.Box) bool {
	const eps = 0.01
	d := func(x, y float32) bool { return math.Abs(float64(x-y)) < eps }
	return d(a.X0, b.X0) && d(a.Y0, b.Y0) && d(a.X1, b.X1) && d(a.Y1, b.Y1)
}

// The order of channels, scale, mean and std reach the model as the manifest says.
func TestPixelsReachTheModelAsTheManifestSays(t *testing.T) {
	needRuntime(t)
	first := two
	first.Weights = [3]float64{1, 0, 0} // looks at the first channel only
	blue, red := plain(64, 64, 29, 255, 107), plain(64, 64, 76, 85, 255)
	cases := []struct {
		name   string
		change []string // old, new in the manifest
		onBlue float64  // score of the first thing
		onRed  float64
	}{
		{"rgb", nil, 0, 0.9},
		{"bgr", []string{"channels: rgb", "channels: bgr"}, 0.9, 0},
		{"half scale", []string{"scale: 1", "scale: 0.5"}, 0, 0.45},
		{"mean", []string{"mean: [0, 0, 0]", "mean: [127.5, 0, 0]"}, 0, 0.45},
		{"std", []string{"std: [1, 1, 1]", "std: [2, 1, 1]"}, 0, 0.45},
		{"mean of another channel", []string{"mean: [0, 0, 0]", "mean: [0, 127.5, 127.5]"}, 0, 0.9},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := first.YOLOXPackage("tiny")
			if c.change != nil {
				p.Change = func(s string) string {
					out := strings.Replace(s, c.change[0], c.change[1], 1)
					if out == s {
						t.Fatalf("%q is not in the manifest", c.change[0])
					}
					return out
				}
			}
			d := detector(t, run(t, batch.OpenOptions{Model: install(t, p)}), "gate")
			for _, v := range []struct {
				f    *bongsu.Frame
				want float64
			}{{blue, c.onBlue}, {red, c.onRed}} {
				dets, err := d.Detect(t.Context(), v.f, nil)
				if err != nil {
					t.Fatal(err)
				}
				got := 0.0
				if len(dets) > 0 {
					got = float64(dets[0].Score)
				}
				if math.Abs(got-v.want) > 0.03 {
					t.Errorf("score %.3f, want %.3f", got, v.want)
				}
			}
		})
	}
}

// Cameras of other shapes share the session; each gets boxes of its own picture.
func TestCamerasOfOtherShapesShareASession(t *testing.T) {
	needRuntime(t)
	open := two
	open.OpenBatch = true
	for name, p := range map[string]modelstest.Package{"fixed batch": two.YOLOXPackage("tiny"), "open batch": open.YOLOXPackage("tiny")} {
		t.Run(name, func(t *testing.T) {
			b := run(t, batch.OpenOptions{Model: install(t, p), MaxBatch: 3})
			var wg sync.WaitGroup
			for i, f := range []*bongsu.Frame{white(64, 64), white(128, 64), white(64, 128), white(641, 359), white(768, 432)} {
				d := detector(t, b, bongsu.CameraID(fmt.Sprint("cam", i)))
				wg.Go(func() { sameAnswers(t, d, f) })
			}
			wg.Wait()
			t.Logf("batches: %v", b.Stats().Sizes)
		})
	}
}

// sameAnswers asks for one picture again and again.
func sameAnswers(t *testing.T, d *batch.Detector, f *bongsu.Frame) {
	want, err := d.Detect(t.Context(), f, nil)
	if err != nil || len(want) == 0 {
		t.Errorf("%d×%d: %v, %v", f.Width, f.Height, want, err)
	}
	for range 50 {
		got, err := d.Detect(t.Context(), f, nil)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%d×%d: %v, %v, before it was %v", f.Width, f.Height, got, err, want)
			return
		}
	}
}

func TestOpenSaysWhatIsMissing(t *testing.T) {
	_, err := batch.Open(batch.OpenOptions{Library: "/nowhere/libonnxruntime.so.1"})
	if code := bongsu.CodeOf(err); code != bongsu.CodeUnavailable || !strings.Contains(err.Error(), "run `make deps`") {
		t.Errorf("%v", err)
	}
}

// dataFolder gives BONGSU_DATA or skips the test.
func dataFolder(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("BONGSU_DATA")
	if dir == "" {
		t.Skip("needs BONGSU_DATA, the folder of real data")
	}
	return dir
}

// photo reads a JPEG as a frame: its planes are what a decoder would deliver.
func photo(t testing.TB, path string) *bongsu.Frame {
	t.Helper()
	r, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	img, _, err := image.Decode(r)
	if err != nil {
		t.Fatal(err)
	}
	src, ok := img.(*image.YCbCr)
	if !ok {
		t.Fatalf("%s is not a colour JPEG", path)
	}
	f := plain(src.Rect.Dx(), src.Rect.Dy(), 0, 0, 0)
	for y := range f.Height {
		for x := range f.Width {
			c := src.YCbCrAt(x, y)
			f.Planes[0].Data[y*f.Planes[0].Stride+x] = c.Y
			f.Planes[1].Data[y/2*f.Planes[1].Stride+x/2] = c.Cb
			f.Planes[2].Data[y/2*f.Planes[2].Stride+x/2] = c.Cr
		}
	}
	return f
}

// skier is a picture of one person.
func skier(t testing.TB) *bongsu.Frame {
	return photo(t, filepath.Join(dataFolder(t), "gt", "coco", "images", "000000000785.jpg"))
}

func TestRealModelOnARealPicture(t *testing.T) {
	data := dataFolder(t)
	needRuntime(t)
	for file, low := range map[string]float32{"yolox_nano_416.onnx": 0.5, "light_person_detector.onnx": 0.3, "nanodet_m_416.onnx": 0.4} {
		t.Run(file, func(t *testing.T) {
			d := detector(t, run(t, batch.OpenOptions{Model: add(t, filepath.Join(data, "models", file))}), "gate")
			f := skier(t)
			modelstest.Detector(t, d, f, 0.1, true)
			dets, err := d.Detect(t.Context(), f, nil)
			// A skier in the middle of the picture.
			want := bongsu.Box{X0: 0.44, Y0: 0.09, X1: 0.79, Y1: 0.93}
			if err != nil || len(dets) == 0 || dets[0].Class != bongsu.ClassPerson || dets[0].Score < low || dets[0].Box.IoU(want) < 0.5 {
				t.Errorf("%+v, %v", dets, err)
			}
		})
	}
}

func BenchmarkDetectYOLOXNano(b *testing.B) { benchmarkDetect(b, "yolox_nano_416.onnx") }

func BenchmarkDetectNanoDet(b *testing.B) { benchmarkDetect(b, "nanodet_m_416.onnx") }

func benchmarkDetect(b *testing.B, file string) {
	data := dataFolder(b)
	needRuntime(b)
	for _, threads := range []int{1, 2} {
		b.Run(fmt.Sprintf("threads=%d", threads), func(b *testing.B) {
			bt := run(b, batch.OpenOptions{Model: add(b, filepath.Join(data, "models", file)), Threads: threads})
			d := detector(b, bt, "gate")
			f := skier(b)
			dst := make([]bongsu.Detection, 0, 300)
			ctx := b.Context()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := d.Detect(ctx, f, dst); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
