package worker

import (
	"fmt"
	"log/slog"
	"net"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"bongsu"
	"bongsu/edge/link"
	"bongsu/edge/vision"
	"bongsu/models/catalog"
	"bongsu/models/modelstest"
	"bongsu/models/ort"
	"bongsu/models/tensor"
	"bongsu/streams"
	"bongsu/streams/avcodec"
	"bongsu/streams/streamstest"
)

// whole is a worker of real parts, its node in this test.
type whole struct {
	t    *testing.T
	node *link.Conn
	done chan error
	live sync.WaitGroup

	mu      sync.Mutex
	runners map[bongsu.CameraID]*camera // guarded by mu: the latest of each camera
	built   int                         // guarded by mu
}

func newWhole(t *testing.T, models *Models) *whole {
	a, b := net.Pipe()
	h := &whole{t: t, node: link.NewConn(a, link.Node), done: make(chan error, 1), runners: map[bongsu.CameraID]*camera{}}
	build := &Builder{Models: models}
	w := New(Options{Conn: link.NewConn(b, link.Worker), StartSpread: time.Microsecond,
		JPEG: func(f *bongsu.Frame) ([]byte, error) {
			return vision.JPEG(f, vision.Options{MaxBytes: bongsu.MaxSnapshotBytes})
		},
		Build: func(as link.Assignment, env Env) (Runner, error) {
			r, err := build.Build(as, env)
			if err == nil {
				h.mu.Lock()
				h.runners[as.Camera] = r.(*camera)
				h.built++
				h.mu.Unlock()
			}
			return r, err
		}})
	go func() { h.done <- w.Run(t.Context()) }()
	h.live.Go(func() {
		for {
			m, err := h.node.Receive()
			if err != nil {
				return
			}
			switch m.Type {
			case link.TypeEvent:
				_, err = h.node.Send(link.Message{Type: link.TypeAck, Ref: m.Seq})
			case link.TypeClipOpen, link.TypeClipClosed:
				_, err = h.node.Send(link.Message{Type: link.TypeNack, Ref: m.Seq, Message: "no clips here", Code: bongsu.CodeUnavailable})
			}
			if err != nil {
				return
			}
		}
	})
	return h
}

func (h *whole) send(m link.Message) {
	h.t.Helper()
	if _, err := h.node.Send(m); err != nil {
		h.t.Fatal(err)
	}
}

// runs waits until the n-th runner of all was built and camera id's latest has looked at pictures.
func (h *whole) runs(id bongsu.CameraID, n int) {
	h.t.Helper()
	streamstest.Eventually(h.t, "camera "+string(id)+" looks at pictures", func() bool {
		h.mu.Lock()
		r, built := h.runners[id], h.built
		h.mu.Unlock()
		return built >= n && r != nil && r.pipe.Counts().Inferred > 0
	})
}

func (h *whole) end() {
	h.node.Close()
	if err := <-h.done; err != nil {
		h.t.Error(err)
	}
	h.live.Wait()
}

// holdings is what a process holds that must come back.
//
// scalers are the tensor's: one a buffer and shape, so that there are at most as many as buffers.
type holdings struct{ goroutines, fds, threads, objects, scalers int }

func held(t *testing.T) holdings {
	t.Helper()
	count := func(dir string) int {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	runtime.GC()
	return holdings{runtime.NumGoroutine(), count("/proc/self/fd"), count("/proc/self/task"), int(avcodec.Live() + vision.Live()), int(tensor.Live())}
}

// TestCycles adds cameras, has them begin anew with another configuration, and removes them, again
// and again: a process that does this for years holds no more than at its first time.
func TestCycles(t *testing.T) {
	rounds, cameras := 7, 8
	if os.Getenv("BONGSU_LONG") != "" {
		rounds = 63
	}
	library, err := ort.Locate("")
	if err == nil {
		err = ort.Load(library)
	}
	if code := bongsu.CodeOf(err); code == bongsu.CodeNoCgo || code == bongsu.CodeUnavailable {
		t.Skipf("needs ONNX Runtime: %v", err)
	}
	models := &Models{Catalog: tinyCatalog(t), Library: library, Threads: 1, Log: slog.New(slog.DiscardHandler)}
	units := streamstest.Encode(t, streamstest.EncodeOptions{Codec: streams.H264, Width: 64, Height: 64, FPS: 25, GOP: 5, Units: 50})
	var paths []*streamstest.Path
	for i := range cameras {
		paths = append(paths, &streamstest.Path{Name: fmt.Sprintf("c%d", i), Units: units, Loop: true})
	}
	server := streamstest.Start(t, streamstest.ServerOptions{Paths: paths})
	h := newWhole(t, models)
	cycles := 0
	round := func() {
		h.mu.Lock()
		before := h.built
		h.mu.Unlock()
		for again := range 2 {
			for i := range cameras {
				name := fmt.Sprintf("c%d", i)
				h.send(link.Message{Type: link.TypeAssign, Assign: &link.Assignment{Camera: bongsu.CameraID(name), Name: name, URL: server.URL(name),
					Model: "tiny", InferPS: float64(10 + again), PreRoll: time.Second, PostRoll: time.Second, MaxClip: time.Minute,
					RingBytes: 1 << 20, StallAfter: 5 * time.Second, MaxPixels: 1 << 20,
					Rules: []link.Rule{{ID: "all", Kind: bongsu.KindIntrusion, Zone: []bongsu.Point{{}, {X: 1}, {X: 1, Y: 1}, {Y: 1}}}}}})
			}
			for i := range cameras {
				h.runs(bongsu.CameraID(fmt.Sprintf("c%d", i)), before+(again+1)*cameras)
				cycles++
			}
		}
		for i := range cameras {
			h.send(link.Message{Type: link.TypeUnassign, Camera: bongsu.CameraID(fmt.Sprintf("c%d", i))})
		}
		streamstest.Eventually(t, "every session has ended", func() bool {
			n := 0
			for i := range cameras {
				n += server.Sessions(fmt.Sprintf("c%d", i))
			}
			return n == 0
		})
	}
	round() // the session is made, pools and stacks reach their size
	var base holdings
	settled := func(ok func(holdings) bool) (now holdings) {
		deadline := time.After(time.Minute)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			if now = held(t); ok(now) {
				return now
			}
			select {
			case <-deadline:
				return now
			case <-tick.C:
			}
		}
	}
	last := held(t)
	base = settled(func(now holdings) bool { same := now == last; last = now; return same })
	for range rounds - 1 {
		round()
	}
	now := settled(func(now holdings) bool {
		return now.goroutines <= base.goroutines && now.fds <= base.fds && now.objects <= base.objects
	})
	if now.goroutines > base.goroutines || now.fds > base.fds || now.objects > base.objects || now.scalers > base.scalers+2 {
		t.Errorf("held after the first round %+v, after %d cycles %+v", base, cycles, now)
	}
	t.Logf("figure R45: %d cycles of add, change and remove of 8 cameras: goroutines %+d, file descriptors %+d, C objects %+d, threads %+d",
		cycles, now.goroutines-base.goroutines, now.fds-base.fds, now.objects-base.objects, now.threads-base.threads)
	h.end()
	models.Close()
}

// tinyCatalog has a model that sees one person in each bright picture.
func tinyCatalog(t *testing.T) *catalog.Catalog {
	t.Helper()
	tiny := modelstest.Tiny{Width: 64, Height: 64, Classes: 2, Things: []modelstest.Thing{{X: 32, Y: 28, W: 20, H: 24, Class: 0, Score: 0.95}}}
	path, err := tiny.YOLOXPackage("tiny").Write(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	c := catalog.Open(catalog.Options{Dir: t.TempDir(), Try: ort.Try, Tool: "test"})
	if _, err := c.Add(t.Context(), path, ""); err != nil {
		t.Fatal(err)
	}
	return c
}
