package batch

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bongsu"
	"bongsu/models"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeModel is the session behind fakeBanks: it answers a picture with its Seq, and can be
// held before a run or made to fail.
type fakeModel struct {
	mu      sync.Mutex
	order   []uint64 // Seq of every picture run, in order
	sizes   []int
	running atomic.Int32

	hold chan struct{}             // when not nil, every run takes one value first
	fail func(seqs []uint64) error // when not nil, decides the run's error
}

type fakeBank struct {
	m    *fakeModel
	in   []uint64
	outs [][]models.Output
}

func newBank(m *fakeModel, size int) *fakeBank {
	k := &fakeBank{m: m, in: make([]uint64, size)}
	for range size {
		k.outs = append(k.outs, []models.Output{{Name: "seq", Data: make([]float32, 1)}})
	}
	return k
}

var errFormat = errors.New("no such format")

func (k *fakeBank) Fill(slot int, f *bongsu.Frame) (models.Geometry, error) {
	if f.Format == bongsu.FormatNone {
		return models.Geometry{}, errFormat
	}
	k.in[slot] = f.Seq
	return models.Geometry{PictureW: f.Width, PictureH: f.Height, ScaleX: 1, ScaleY: 1}, nil
}

func (k *fakeBank) Run(n int) error {
	if k.m.running.Add(1) != 1 {
		panic("two runs at once")
	}
	defer k.m.running.Add(-1)
	if k.m.hold != nil {
		<-k.m.hold
	}
	if k.m.fail != nil {
		if err := k.m.fail(k.in[:n]); err != nil {
			return err
		}
	}
	for i := range n {
		k.outs[i][0].Data[0] = float32(k.in[i])
	}
	k.m.mu.Lock()
	defer k.m.mu.Unlock()
	if cap(k.m.order) > 0 {
		k.m.order = append(k.m.order, k.in[:n]...)
		k.m.sizes = append(k.m.sizes, n)
	}
	return nil
}

func (k *fakeBank) Outputs(slot int) []models.Output { return k.outs[slot] }

// seqHead answers with one detection whose score is the picture's Seq.
type seqHead struct{}

func (seqHead) Decode(outs []models.Output, g models.Geometry, dst []bongsu.Detection) []bongsu.Detection {
	return append(dst, bongsu.Detection{Class: bongsu.ClassPerson, Score: outs[0].Data[0]})
}

// rig is a Batcher that runs until the test ends.
type rig struct {
	*Batcher
	model  *fakeModel
	cancel context.CancelFunc
	done   chan error
}

func start(t *testing.T, m *fakeModel, banks, size int, change func(*Options)) *rig {
	t.Helper()
	o := Options{Model: bongsu.ModelRef{Name: "fake"}, Size: size, Head: func() (models.Head, error) { return seqHead{}, nil }}
	for range banks {
		o.Banks = append(o.Banks, newBank(m, size))
	}
	if change != nil {
		change(&o)
	}
	b, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &rig{Batcher: b, model: m, cancel: cancel, done: make(chan error, 1)}
	go func() { r.done <- b.Run(ctx) }()
	t.Cleanup(func() {
		r.stop()
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func (r *rig) stop() {
	r.cancel()
	if r.model.hold != nil {
		select {
		case <-r.model.hold:
		default:
			close(r.model.hold)
		}
	}
	<-r.stopped
}

func (r *rig) camera(t *testing.T, name string) *Detector {
	t.Helper()
	d, err := r.Detector(bongsu.CameraID(name))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func frame(seq uint64) *bongsu.Frame {
	return &bongsu.Frame{Seq: seq, Width: 4, Height: 4, Format: bongsu.FormatI420}
}

// until waits for a condition on the statistics.
func (r *rig) until(t *testing.T, what string, ok func(Stats) bool) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok(r.Stats()) {
		select {
		case <-deadline:
			t.Fatalf("waited in vain until %s: %+v", what, r.Stats())
		case <-tick.C:
		}
	}
}

// inFlight counts the pictures under way.
func inFlight(s Stats) (n uint64) {
	for _, c := range s.Cameras {
		n += c.Asked - c.Answered - c.Skipped - c.Failed
	}
	return n
}

func TestEachCameraGetsItsOwnAnswer(t *testing.T) {
	for _, size := range []int{1, 4} {
		t.Run(fmt.Sprintf("banks of %d", size), func(t *testing.T) {
			r := start(t, &fakeModel{}, 3, size, nil)
			var wg sync.WaitGroup
			for c := range 7 {
				d := r.camera(t, fmt.Sprint("cam", c))
				wg.Go(func() {
					for i := range 200 {
						seq := uint64(c*1000 + i)
						dets, err := d.Detect(t.Context(), frame(seq), nil)
						if err != nil || len(dets) != 1 || dets[0].Score != float32(seq) {
							t.Errorf("camera %d picture %d: %v, %v", c, seq, dets, err)
							return
						}
					}
				})
			}
			wg.Wait()
			s := r.Stats()
			if s.Pictures != 1400 || inFlight(s) != 0 || s.Sizes[0] != 0 {
				t.Errorf("%+v", s)
			}
		})
	}
}

// While every camera always waits, each is answered once before any is answered again. (A
// picture that is still being written may be overtaken; here all are written first.)
func TestFairHandOut(t *testing.T) {
	const cameras, runs = 5, 60
	m := &fakeModel{hold: make(chan struct{}), order: make([]uint64, 0, 1000)}
	r := start(t, m, 3, 1, nil)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for c := range cameras {
		d := r.camera(t, fmt.Sprint("cam", c))
		wg.Go(func() {
			for ctx.Err() == nil {
				if _, err := d.Detect(ctx, frame(uint64(c)), nil); err != nil && ctx.Err() == nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range uint64(runs) {
		r.until(t, "all cameras wait", func(s Stats) bool {
			return s.Runs == i && s.Running > 0 && s.Waiting == cameras-3 && r.written() == 2
		})
		m.hold <- struct{}{}
	}
	cancel()
	m.mu.Lock()
	order := slices.Clone(m.order)
	m.mu.Unlock()
	close(m.hold)
	wg.Wait()
	for c := range uint64(cameras) {
		between := map[uint64]int{}
		for _, got := range order {
			if got == c {
				clear(between)
			} else if between[got]++; between[got] > 1 {
				t.Fatalf("camera %d was answered %d times between two answers to camera %d: %v", got, between[got], c, order)
			}
		}
	}
}

// written counts the banks that are handed out, written and wait for their run.
func (r *rig) written() (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, k := range r.closed {
		if k.filling == 0 {
			n++
		}
	}
	return n
}

func TestWaitingPicturesShareARun(t *testing.T) {
	m := &fakeModel{hold: make(chan struct{}), order: make([]uint64, 0, 16)}
	r := start(t, m, 2, 4, nil)
	var wg sync.WaitGroup
	ask := func(seq uint64) {
		d := r.camera(t, fmt.Sprint("cam", seq))
		wg.Go(func() {
			if dets, err := d.Detect(t.Context(), frame(seq), nil); err != nil || dets[0].Score != float32(seq) {
				t.Errorf("%v %v", dets, err)
			}
		})
	}
	ask(1)
	r.until(t, "the model runs", func(s Stats) bool { return s.Running > 0 })
	for seq := uint64(2); seq <= 6; seq++ {
		ask(seq)
	}
	// Four have a place in the second bank, the fifth waits for one.
	r.until(t, "one waits", func(s Stats) bool { return s.Waiting == 1 && inFlight(s) == 6 })
	for range 3 {
		m.hold <- struct{}{}
	}
	wg.Wait()
	if len(m.sizes) != 3 || m.sizes[0] != 1 || m.sizes[1] != 4 || m.sizes[2] != 1 {
		t.Errorf("batches of %v, want 1, 4, 1", m.sizes)
	}
}

func TestPictureWhoseTimeIsUpIsSkipped(t *testing.T) {
	m := &fakeModel{hold: make(chan struct{}), order: make([]uint64, 0, 16)}
	r := start(t, m, 2, 1, nil)
	var wg sync.WaitGroup
	first := r.camera(t, "first")
	wg.Go(func() {
		if _, err := first.Detect(t.Context(), frame(1), nil); err != nil {
			t.Error(err)
		}
	})
	r.until(t, "the model runs", func(s Stats) bool { return s.Running > 0 })
	// The second has a place, the third waits for one: both give up.
	ctx, giveUp := context.WithCancel(t.Context())
	for i, name := range []string{"second", "third"} {
		d := r.camera(t, name)
		wg.Go(func() {
			if _, err := d.Detect(ctx, frame(uint64(i+2)), nil); !errors.Is(err, context.Canceled) {
				t.Errorf("camera %s: %v", name, err)
			}
		})
	}
	r.until(t, "both are there", func(s Stats) bool { return inFlight(s) == 3 && s.Waiting == 1 })
	giveUp()
	r.until(t, "both left", func(s Stats) bool { return inFlight(s) == 1 })
	m.hold <- struct{}{}
	wg.Wait()
	wg.Go(func() { m.hold <- struct{}{} })
	if dets, err := first.Detect(t.Context(), frame(9), nil); err != nil || dets[0].Score != 9 {
		t.Errorf("%v %v", dets, err)
	}
	wg.Wait()
	if fmt.Sprint(m.order) != "[1 9]" {
		t.Errorf("pictures %v were run, want 1 and 9 only", m.order)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := first.Detect(ended, frame(10), nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	for _, c := range r.Stats().Cameras {
		if want := uint64(1); c.Skipped != want {
			t.Errorf("camera %s: %d skipped, want %d", c.Camera, c.Skipped, want)
		}
	}
}

func TestFailedRunConcernsItsPicturesOnly(t *testing.T) {
	m := &fakeModel{fail: func(seqs []uint64) error {
		for _, s := range seqs {
			if s == 13 {
				return errors.New("bad luck")
			}
		}
		return nil
	}}
	r := start(t, m, 2, 1, nil)
	d := r.camera(t, "gate")
	for seq := uint64(12); seq <= 14; seq++ {
		_, err := d.Detect(t.Context(), frame(seq), nil)
		if (err != nil) != (seq == 13) {
			t.Errorf("picture %d: %v", seq, err)
		}
		if seq == 13 && err.Error() != "camera gate: picture 13: model fake: bad luck" {
			t.Errorf("%q", err)
		}
	}
	if s := r.Stats(); s.Runs != 3 || s.Failed != 1 || s.Cameras[0].Failed != 1 || s.Cameras[0].Answered != 2 {
		t.Errorf("%+v", s)
	}
}

func TestPictureThatCannotBeWritten(t *testing.T) {
	for _, size := range []int{1, 3} {
		r := start(t, &fakeModel{}, 2, size, nil)
		d := r.camera(t, "gate")
		for range 5 {
			_, err := d.Detect(t.Context(), &bongsu.Frame{Seq: 7}, nil)
			if !errors.Is(err, errFormat) || !strings.Contains(err.Error(), "camera gate: picture 7 cannot be given to model fake") {
				t.Errorf("%v", err)
			}
		}
		if dets, err := d.Detect(t.Context(), frame(8), nil); err != nil || dets[0].Score != 8 {
			t.Errorf("%v %v", dets, err)
		}
		if s := r.Stats(); s.Cameras[0].Failed != 5 || s.Pictures != 1 {
			t.Errorf("%+v", s)
		}
	}
}

func TestLateRunIsCounted(t *testing.T) {
	var clock atomic.Int64
	m := &fakeModel{}
	m.fail = func([]uint64) error { clock.Add(int64(3 * time.Second)); return nil }
	r := start(t, m, 2, 1, func(o *Options) { o.Now = func() time.Time { return time.Unix(1, clock.Load()) } })
	d := r.camera(t, "gate")
	if _, err := d.Detect(t.Context(), frame(1), nil); err != nil {
		t.Fatal(err)
	}
	if s := r.Stats(); s.Late != 1 || s.RunMax != 3*time.Second || s.Cameras[0].TookMax != 3*time.Second {
		t.Errorf("%+v", s)
	}
}

func TestStopping(t *testing.T) {
	r := start(t, &fakeModel{}, 2, 1, nil)
	d := r.camera(t, "gate")
	if _, err := d.Detect(t.Context(), frame(1), nil); err != nil {
		t.Fatal(err)
	}
	r.stop()
	if err := <-r.done; !errors.Is(err, context.Canceled) {
		t.Errorf("Run: %v", err)
	}
	// A place may still be free: the picture waits for a run that never comes.
	for range 3 {
		if _, err := d.Detect(t.Context(), frame(2), nil); !errors.Is(err, ErrStopped) {
			t.Errorf("Detect after Run: %v", err)
		}
	}
	if err := r.Run(t.Context()); err == nil {
		t.Error("Run ran twice")
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if _, err := d.Detect(t.Context(), frame(3), nil); !errors.Is(err, ErrStopped) {
		t.Errorf("Detect after Close: %v", err)
	}
	if err := d.Close(); err != nil || len(r.Stats().Cameras) != 0 {
		t.Errorf("%v %+v", err, r.Stats())
	}
}

func TestNewRefuses(t *testing.T) {
	head := func() (models.Head, error) { return nil, errors.New("no family") }
	for want, o := range map[string]Options{
		"batch: 0 banks of 1 places: at least one of each and a head are needed": {Size: 1, Head: head},
		"batch: 1 banks of 0 places: at least one of each and a head are needed": {Banks: []Bank{&fakeBank{}}, Head: head},
		"batch: no family": {Banks: []Bank{&fakeBank{}}, Size: 1, Head: head},
	} {
		if _, err := New(o); err == nil || err.Error() != want {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// Cameras that give up at random moments, pictures that cannot be written and runs that fail:
// every picture has one end, nobody gets another's answer, and all places come back.
func TestRandomTroubleLosesNoPlace(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	for _, size := range []int{1, 3} {
		m := &fakeModel{fail: func(seqs []uint64) error {
			if seqs[0]%17 == 0 {
				return errors.New("bad luck")
			}
			return nil
		}}
		r := start(t, m, 2, size, nil)
		var wg sync.WaitGroup
		for c := range 6 {
			d := r.camera(t, fmt.Sprint("cam", c))
			rnd := rand.New(rand.NewPCG(seed, uint64(c)))
			wg.Go(func() { trouble(t, d, rnd) })
		}
		wg.Wait()
		r.until(t, "all places are free", func(s Stats) bool {
			r.mu.Lock()
			defer r.mu.Unlock()
			claimed := 0
			if r.open != nil {
				claimed = r.open.users
			}
			return inFlight(s) == 0 && s.Waiting == 0 && claimed == 0 && len(r.closed) == 0
		})
		last := r.camera(t, "last")
		if dets, err := last.Detect(t.Context(), frame(18), nil); err != nil || dets[0].Score != 18 {
			t.Errorf("after the trouble: %v %v", dets, err)
		}
	}
}

func trouble(t *testing.T, d *Detector, rnd *rand.Rand) {
	var dst []bongsu.Detection
	for range 2000 {
		seq := rnd.Uint64N(1 << 20)
		f := frame(seq)
		if rnd.IntN(20) == 0 {
			f.Format = bongsu.FormatNone
		}
		ctx, cancel := t.Context(), context.CancelFunc(func() {})
		if rnd.IntN(4) == 0 {
			ctx, cancel = context.WithTimeout(ctx, time.Duration(rnd.IntN(50))*time.Microsecond)
		}
		var err error
		dst, err = d.Detect(ctx, f, dst[:0])
		cancel()
		if err == nil && (len(dst) != 1 || dst[0].Score != float32(seq)) {
			t.Errorf("picture %d got %v", seq, dst)
		}
		if err != nil && len(dst) != 0 {
			t.Errorf("picture %d: %v with %v", seq, err, dst)
		}
	}
}

func TestDetectAllocatesNothing(t *testing.T) {
	r := start(t, &fakeModel{}, 2, 1, nil)
	d := r.camera(t, "gate")
	dst := make([]bongsu.Detection, 0, 4)
	f := frame(1)
	ctx := t.Context()
	detect := func() {
		if _, err := d.Detect(ctx, f, dst[:0]); err != nil {
			t.Fatal(err)
		}
	}
	detect()
	if n := testing.AllocsPerRun(500, detect); n != 0 {
		t.Errorf("%v allocations a picture", n)
	}
}

func BenchmarkHandOver(b *testing.B) {
	m := &fakeModel{}
	bt, err := New(Options{Banks: []Bank{newBank(m, 1), newBank(m, 1)}, Size: 1, Head: func() (models.Head, error) { return seqHead{}, nil }})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- bt.Run(ctx) }()
	d, err := bt.Detector("gate")
	if err != nil {
		b.Fatal(err)
	}
	dst := make([]bongsu.Detection, 0, 4)
	f := frame(1)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.Detect(ctx, f, dst[:0]); err != nil {
			b.Fatal(err)
		}
	}
	cancel()
	<-done
}
