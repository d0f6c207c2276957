//go:build cgo

package ort_test

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"bongsu"
	"bongsu/models"
	"bongsu/models/modelstest"
	"bongsu/models/onnx"
	"bongsu/models/ort"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// The child of TestLibraryThatIsNone.
	if path := os.Getenv("BONGSU_TEST_LOAD"); path != "" {
		fmt.Println(ort.Load(path))
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

func needRuntime(t testing.TB) {
	t.Helper()
	lib, err := ort.Locate("")
	if err != nil {
		t.Skipf("needs ONNX Runtime: %v", err)
	}
	if err := ort.Load(lib); err != nil {
		t.Fatal(err)
	}
}

var tiny = modelstest.Tiny{Width: 32, Height: 32, Classes: 1, Things: []modelstest.Thing{{X: 12, Y: 12, W: 8, H: 8, Score: 1}}}

var output = []models.OutputSpec{{Name: "output", Shape: []int64{1, 21, 6}}}

// derived writes the form that is run.
func derived(t testing.TB, m modelstest.Tiny) string {
	t.Helper()
	r, err := onnx.PutAhead(m.YOLOX(), onnx.Ahead{Width: m.Width, Height: m.Height, ChannelsLast: m.ChannelsLast, Mul: [3]float64{1, 1, 1}})
	if err != nil {
		t.Fatal(err)
	}
	return file(t, r.Model)
}

func file(t testing.TB, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "model.onnx")
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func session(t testing.TB, path string) *ort.Session {
	t.Helper()
	s, err := ort.NewSession(ort.Options{Path: path, Outputs: output})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if n := ort.Live(); n != 0 {
			t.Errorf("%d C objects are left", n)
		}
	})
	return s
}

func fill(b []byte, v byte) {
	for i := range b {
		b[i] = v
	}
}

// objectness is the value that tiny models multiply with the brightness.
func objectness(o []models.Output) float64 { return float64(o[0].Data[(1*4+1)*6+4]) }

func TestRun(t *testing.T) {
	needRuntime(t)
	for _, last := range []bool{false, true} {
		m := tiny
		m.ChannelsLast = last
		s := session(t, derived(t, m))
		if !s.FixedBatch() || s.Input().Name != "images_u8" || s.Input().Type != "uint8" || s.Outputs()[0].Name != "output" {
			t.Errorf("%+v, %+v", s.Input(), s.Outputs())
		}
		in, err := s.NewInput(1)
		if err != nil || len(in) != 3*32*32 || !ort.Aligned(in) {
			t.Fatalf("%d bytes, aligned %v, %v", len(in), ort.Aligned(in), err)
		}
		outs, err := s.NewOutputs(1)
		if err != nil {
			t.Fatal(err)
		}
		b, err := s.Bind(in, 1, outs)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range []byte{0, 255, 51, 255} {
			fill(in, v)
			if err := b.Run(); err != nil {
				t.Fatal(err)
			}
			if got := objectness(outs.Picture(0)); math.Abs(got-float64(v)/255) > 1e-4 {
				t.Errorf("brightness %d gives %v", v, got)
			}
		}
		if n := testing.AllocsPerRun(200, func() {
			if err := b.Run(); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("a run allocates %v times", n)
		}
		if _, err := s.NewOutputs(2); err == nil {
			t.Error("two pictures a run of a model with a fixed batch")
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestBatchesShareMemory(t *testing.T) {
	needRuntime(t)
	m := tiny
	m.OpenBatch = true
	s := session(t, derived(t, m))
	in, err := s.NewInput(3)
	if err != nil {
		t.Fatal(err)
	}
	outs, err := s.NewOutputs(3)
	if err != nil {
		t.Fatal(err)
	}
	one := len(in) / 3
	for i := range 3 {
		fill(in[i*one:(i+1)*one], byte(51*(i+1)))
	}
	for n := 1; n <= 3; n++ {
		b, err := s.Bind(in, n, outs)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 3 {
			clear(outs.Picture(i)[0].Data)
		}
		if err := b.Run(); err != nil {
			t.Fatal(err)
		}
		for i := range 3 {
			want := 0.0
			if i < n {
				want = 0.2 * float64(i+1)
			}
			if got := objectness(outs.Picture(i)); math.Abs(got-want) > 1e-4 {
				t.Errorf("batch of %d, picture %d: %v, want %v", n, i, got, want)
			}
		}
	}
	if _, err := s.Bind(in, 4, outs); err == nil {
		t.Error("a batch beyond the outputs was bound")
	}
	if _, err := s.Bind(in[:one], 2, outs); err == nil {
		t.Error("a batch beyond the input was bound")
	}
}

func TestBindingsRunAtTheSameTime(t *testing.T) {
	needRuntime(t)
	s := session(t, derived(t, tiny))
	var wg sync.WaitGroup
	for i := range 4 {
		in, _ := s.NewInput(1)
		outs, _ := s.NewOutputs(1)
		b, err := s.Bind(in, 1, outs)
		if err != nil {
			t.Fatal(err)
		}
		fill(in, byte(51*(i+1)))
		wg.Go(func() {
			for range 200 {
				if err := b.Run(); err != nil {
					t.Error(err)
				}
				if got := objectness(outs.Picture(0)); math.Abs(got-0.2*float64(i+1)) > 1e-4 {
					t.Errorf("binding %d: %v", i, got)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestNewSessionRefuses(t *testing.T) {
	needRuntime(t)
	for name, c := range map[string]struct {
		path string
		want string
		outs []models.OutputSpec
	}{
		"no file":     {filepath.Join(t.TempDir(), "none.onnx"), "cannot be loaded by ONNX Runtime", nil},
		"text":        {file(t, []byte("hello")), "cannot be loaded by ONNX Runtime", nil},
		"not derived": {file(t, tiny.YOLOX()), "takes float32 [1 3 32 32]: a model is run in the form that `bongsu-edge model add` derives", nil},
		"outputs":     {derived(t, tiny), `it has no output "boxes": its outputs are "output"`, []models.OutputSpec{{Name: "boxes", Shape: []int64{1, 2}}}},
		"shape":       {derived(t, tiny), `its output "output" has shape [1 21 6], not [1 21 7] as the manifest says`, []models.OutputSpec{{Name: "output", Shape: []int64{1, 21, 7}}}},
	} {
		_, err := ort.NewSession(ort.Options{Path: c.path, Outputs: c.outs})
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.path) || bongsu.CodeOf(err) != bongsu.CodeInvalid {
			t.Errorf("%s: got %v, want %s", name, err, c.want)
		}
	}
	if n := ort.Live(); n != 0 {
		t.Errorf("%d C objects are left", n)
	}
}

func TestTry(t *testing.T) {
	needRuntime(t)
	if err := ort.Try(derived(t, tiny), output); err != nil {
		t.Error(err)
	}
	bad := tiny
	bad.Things = []modelstest.Thing{{X: 12, Y: 12, W: 0, H: 8, Score: 1}} // log 0
	err := ort.Try(derived(t, bad), output)
	if err == nil || !strings.Contains(err.Error(), `value 32 of output "output" is no number: the model is damaged or its scale, mean and std are wrong`) {
		t.Errorf("%v", err)
	}
	if n := ort.Live(); n != 0 {
		t.Errorf("%d C objects are left", n)
	}
}

func TestClosedSession(t *testing.T) {
	needRuntime(t)
	s := session(t, derived(t, tiny))
	in, _ := s.NewInput(1)
	outs, _ := s.NewOutputs(1)
	if _, err := s.Bind(in, 1, outs); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.NewInput(1); err == nil || !strings.Contains(err.Error(), "is closed") {
		t.Errorf("%v", err)
	}
}

func TestLoadTwice(t *testing.T) {
	needRuntime(t)
	lib, err := ort.Locate("")
	if err != nil {
		t.Fatal(err)
	}
	if err := ort.Load(lib); err != nil {
		t.Error(err)
	}
	if err := ort.Load("/another/lib.so"); bongsu.CodeOf(err) != bongsu.CodeConflict {
		t.Errorf("%v", err)
	}
	if ort.Version() == "" {
		t.Error("no version")
	}
}

// A process has one library, so that loading a wrong one is tried in another.
func TestLibraryThatIsNone(t *testing.T) {
	lib := filepath.Join(t.TempDir(), "lib.so")
	if err := os.WriteFile(lib, []byte("no library"), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "BONGSU_TEST_LOAD="+lib)
	out, err := cmd.CombinedOutput()
	if want := "ONNX Runtime at " + lib + " cannot be loaded: run `make deps`"; err != nil || !strings.HasPrefix(string(out), want) {
		t.Errorf("%v: %s, want %s", err, out, want)
	}
}

// resident gives the process's resident bytes.
func resident(t *testing.T) int {
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skipf("needs /proc: %v", err)
	}
	var size, pages int
	if _, err := fmt.Sscan(string(data), &size, &pages); err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}

func TestMemoryStaysConstant(t *testing.T) {
	needRuntime(t)
	path := derived(t, tiny)
	s := session(t, path)
	in, _ := s.NewInput(1)
	outs, _ := s.NewOutputs(1)
	b, err := s.Bind(in, 1, outs)
	if err != nil {
		t.Fatal(err)
	}
	runs := func(n int) {
		for range n {
			if err := b.Run(); err != nil {
				t.Fatal(err)
			}
		}
	}
	sessions := func(n int) {
		for range n {
			if err := ort.Try(path, output); err != nil {
				t.Fatal(err)
			}
		}
	}
	runs(1000)
	before := resident(t)
	runs(20000)
	if grown := resident(t) - before; grown > 4<<20 {
		t.Errorf("20000 runs: %d bytes more", grown)
	}
	sessions(20)
	before = resident(t)
	sessions(60)
	if grown := resident(t) - before; grown > 16<<20 {
		t.Errorf("60 sessions: %d bytes more", grown)
	}
}

// BenchmarkYOLOXNano is one run of the real model, without preparing and reading.
func BenchmarkYOLOXNano(b *testing.B) {
	dir := os.Getenv("BONGSU_DATA")
	if dir == "" {
		b.Skip("needs BONGSU_DATA, the folder of real data")
	}
	needRuntime(b)
	data, err := os.ReadFile(filepath.Join(dir, "models", "yolox_nano_416.onnx"))
	if err != nil {
		b.Fatal(err)
	}
	r, err := onnx.PutAhead(data, onnx.Ahead{Width: 416, Height: 416, Mul: [3]float64{1, 1, 1}})
	if err != nil {
		b.Fatal(err)
	}
	path := file(b, r.Model)
	for _, threads := range []int{1, 2} {
		b.Run(fmt.Sprintf("threads=%d", threads), func(b *testing.B) {
			s, err := ort.NewSession(ort.Options{Path: path, Threads: threads})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			in, _ := s.NewInput(1)
			outs, _ := s.NewOutputs(1)
			bind, err := s.Bind(in, 1, outs)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := bind.Run(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
