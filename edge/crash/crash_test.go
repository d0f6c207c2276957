package crash

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"bongsu"
)

func region(t testing.TB) (*Region, *Recorder) {
	t.Helper()
	r, err := NewRegion()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	rec, err := OpenFD(r.File().Fd())
	if err != nil {
		t.Fatal(err)
	}
	return r, rec
}

func unit(i, n int) *Unit {
	return &Unit{Codec: "h264", Seq: uint64(i), PTSUS: int64(i) * 40000, Key: i%10 == 0, Lost: i%7 == 3,
		Sets: [3][]byte{nil, []byte("sps"), []byte("pps")}, NALs: [][]byte{bytes.Repeat([]byte{byte(i)}, n), {9}}}
}

// stream is what the units must be on a tape.
func stream(us ...*Unit) []byte {
	var out []byte
	for _, u := range us {
		if u.Key {
			out = append(out, "\x00\x00\x00\x01sps\x00\x00\x00\x01pps"...)
		}
		for _, nal := range u.NALs {
			out = append(append(out, startCode...), nal...)
		}
	}
	return out
}

func TestLastInputIsThere(t *testing.T) {
	r, rec := region(t)
	if got := r.Read(); got != nil {
		t.Errorf("an empty region holds %+v", got)
	}
	tape := rec.Tape("gate")
	var sent []*Unit
	for i := range 25 {
		u := unit(i, 100+i)
		tape.Begin(u)
		sent = append(sent, u)
		tape.End()
	}
	got := r.Read()
	if len(got) != 1 || got[0].Camera != "gate" || got[0].Codec != "h264" || got[0].Busy || len(got[0].Units) != 25 {
		t.Fatalf("%+v", got)
	}
	if !bytes.Equal(got[0].Data, stream(sent...)) {
		t.Error("the bytes are others")
	}
	if u := got[0].Units[3]; u.Seq != 3 || u.PTSUS != 120000 || u.Key || !u.Lost {
		t.Errorf("%+v", u)
	}
}

// TestOnlyWhatFits fills the ring many times over with units of any size: what is read is always
// the newest, whole, and begins with a key unit.
func TestOnlyWhatFits(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 5))
	r, rec := region(t)
	tape := rec.Tape("gate")
	var sent []*Unit
	for i := range 2000 {
		u := unit(i, rng.IntN(30000))
		tape.Begin(u)
		sent = append(sent, u)
		if i%97 != 0 {
			continue
		}
		got := r.Read()[0]
		n := len(got.Units)
		if !got.Units[0].Key || got.Units[n-1].Seq != uint64(i) || !bytes.Equal(got.Data, stream(sent[len(sent)-n:]...)) {
			t.Fatalf("after unit %d: %d units, the first %+v", i, n, got.Units[0])
		}
		if i > 200 && n < 30 {
			t.Fatalf("only %d units are kept", n)
		}
	}
	tape.Begin(unit(2000, ringSize+1))
	if got := r.Read()[0].Units; got[len(got)-1].Bytes != 0 {
		t.Errorf("%+v", got[len(got)-1])
	}
}

func TestTheGuiltyCameraOnly(t *testing.T) {
	r, rec := region(t)
	var tapes []*Tape
	for i := range slots {
		tape := rec.Tape(bongsu.CameraID(fmt.Sprintf("c%d", i)))
		tape.Begin(unit(0, 10))
		tape.End()
		tapes = append(tapes, tape)
	}
	if rec.Tape("more") != nil {
		t.Error("more tapes than places")
	}
	if got := r.Read(); len(got) != slots {
		t.Errorf("%d cameras", len(got))
	}
	tapes[5].Begin(unit(1, 10))
	if got := r.Read(); len(got) != 1 || got[0].Camera != "c5" || !got[0].Busy || len(got[0].Units) != 2 {
		t.Errorf("%+v", got)
	}
	tapes[5].Close()
	again := rec.Tape("new")
	if got := r.Read(); len(got) != slots-1 {
		t.Errorf("%d cameras: a tape without a unit counts, or an old one does", len(got))
	}
	again.Close()
	var none *Tape
	none.Begin(unit(0, 1))
	none.End()
	none.Close()
	var nobody *Recorder
	if nobody.Tape("x") != nil {
		t.Error("a tape of nothing")
	}
}

func TestFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "crash")
	r, rec := region(t)
	tape := rec.Tape("gate")
	tape.Begin(unit(0, 1000))
	tape.Begin(unit(1, 1000))
	f := Folder{Dir: dir, Keep: 3}
	at := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	for i := range 6 {
		paths, err := f.Save(Death{At: at.Add(time.Duration(i) * time.Second), PID: 7, Reason: "signal:\nsegmentation fault"}, r.Read())
		if err != nil || len(paths) != 1 {
			t.Fatal(paths, err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 6 || entries[0].Name() != "20260301T090003.000-gate.h264" {
		t.Fatalf("%v, %v", entries, err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", e.Name(), info.Mode(), err)
		}
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	data, err := os.ReadFile(filepath.Join(dir, entries[0].Name()))
	if err != nil || !bytes.Equal(data, stream(unit(0, 1000), unit(1, 1000))) {
		t.Errorf("%d bytes, %v", len(data), err)
	}
	text, err := os.ReadFile(filepath.Join(dir, entries[1].Name()))
	for _, want := range []string{"camera gate, h264", "worker process 7", "signal: segmentation fault", "the last unit was being decoded", "\n1 40000 1009\n"} {
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	f.Keep, f.MaxBytes = 100, 3000 // one of 2 kB and its text
	if err := os.WriteFile(filepath.Join(dir, "notes.md"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Save(Death{At: at.Add(time.Hour)}, r.Read()); err != nil {
		t.Fatal(err)
	}
	if entries, _ = os.ReadDir(dir); len(entries) != 3 {
		t.Errorf("%v", entries)
	}
	if paths, err := f.Save(Death{}, nil); paths != nil || err != nil {
		t.Errorf("%v, %v", paths, err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := (Folder{Dir: file}).Save(Death{At: at}, r.Read()); err == nil {
		t.Error("a file was used as a folder")
	}
}

func TestMemoryOfTheWrongSize(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "short"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, _ := region(t)
	if r.File().Truncate(0) == nil {
		t.Error("a worker can make the node's memory shorter")
	}
	if _, err := OpenFD(f.Fd()); err == nil {
		t.Error("memory of no size was taken")
	}
	if _, err := OpenFD(9999); err == nil {
		t.Error("no memory was taken")
	}
}

// TestTapeTakesItsRoomAtOnce: what a tape takes of memory it takes when its camera begins, not page by
// page over the hour in which a quiet camera fills it; and nothing of the camera before is left.
func TestTapeTakesItsRoomAtOnce(t *testing.T) {
	r, rec := region(t)
	before := rec.Tape("before")
	before.Begin(unit(0, ringSize/2))
	before.Close()
	tape := rec.Tape("gate")
	if bytes.ContainsFunc(tape.mem[atIndex:], func(c rune) bool { return c != 0 }) {
		t.Error("a camera's input is left on the next one's tape")
	}
	first := taken(t, r)
	if first < slotBytes/1024 {
		t.Errorf("a new tape has %d KiB of %d", first, slotBytes/1024)
	}
	for i := range 3 * ringSize / 10000 {
		tape.Begin(unit(i, 10000))
		tape.End()
	}
	if now := taken(t, r); now > first {
		t.Errorf("a tape grew from %d to %d KiB", first, now)
	}
}

// taken is how much memory the region takes, in KiB.
func taken(t *testing.T, r *Region) int64 {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Fstat(int(r.File().Fd()), &st); err != nil {
		t.Fatal(err)
	}
	return st.Blocks / 2
}

func TestTapeAllocatesNothing(t *testing.T) {
	_, rec := region(t)
	tape, u := rec.Tape("gate"), unit(0, 5000)
	if n := testing.AllocsPerRun(100, func() { tape.Begin(u); tape.End() }); n != 0 {
		t.Errorf("%.1f allocations a unit", n)
	}
}

// FuzzReadSlot gives the reader the memory of a worker that was broken in any way.
func FuzzReadSlot(f *testing.F) {
	r, rec := region(f)
	tape := rec.Tape("gate")
	for i := range 3 {
		tape.Begin(unit(i, 40))
	}
	f.Add(bytes.Clone(r.mem[:atRing+200]))
	f.Add([]byte{1, 0, 0, 0})
	f.Fuzz(func(t *testing.T, head []byte) {
		m := make([]byte, slotBytes)
		copy(m, head)
		l, ok := readSlot(m)
		sum := 0
		for _, u := range l.Units {
			sum += u.Bytes
		}
		if ok != (len(l.Units) > 0) || sum != len(l.Data) || len(l.Data) > ringSize || len(l.Units) > indexed {
			t.Errorf("%d units, %d bytes", len(l.Units), len(l.Data))
		}
	})
}
