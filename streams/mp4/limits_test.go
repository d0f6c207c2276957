package mp4

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"bongsu/streams"
)

// TestWriterLimits: a clip is refused beyond its bounds in bytes and time, and what was
// within them is kept.
func TestWriterLimits(t *testing.T) {
	units := fakeUnits(newRand(t), 3000, 1, 2*time.Second)
	w, err := Create("d/clip.mp4", WriterOptions{FS: newMemFS()})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for ; n < len(units) && err == nil; n++ {
		err = w.Add(units[n])
	}
	if err == nil || !strings.Contains(err.Error(), "longer than 1h0m0s") || n != 1802 {
		t.Errorf("unit %d: %v", n, err)
	}
	s, err := w.Close()
	if err == nil || s.Samples == 0 {
		t.Errorf("%+v, %v", s, err)
	}
	w, err = Create("d/large.mp4", WriterOptions{FS: newMemFS()})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Add(units[0]); err != nil {
		t.Fatal(err)
	}
	w.media = MaxBytes - 10 // as if so much had been written
	if err := w.Add(units[1]); err == nil || !strings.Contains(err.Error(), "would grow beyond") {
		t.Errorf("got %v", err)
	}
}

// TestLongSets: parameter sets that no record can hold are refused, or left in band.
func TestLongSets(t *testing.T) {
	long := append([]byte{0x68}, make([]byte, 70000)...)
	au := *fakeUnits(newRand(t), 1, 1, time.Second)[0]
	au.Params = &streams.Params{Codec: streams.H264, SPS: testSPS, PPS: long}
	w, err := Create("d/clip.mp4", WriterOptions{FS: newMemFS()})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Add(&au); !errors.Is(err, ErrNoParams) {
		t.Errorf("got %v", err)
	}
	swapped := au
	swapped.Params = &streams.Params{Codec: streams.H264, SPS: testPPS, PPS: testPPS}
	if err := w.Add(&swapped); !errors.Is(err, ErrNoParams) {
		t.Errorf("sets that are none: %v", err)
	}
	c := &clipTrack{codec: streams.H264, sets: [][]byte{testSPS, testPPS}}
	many := [][]byte{long}
	for i := range 40 {
		many = append(many, []byte{0x68, byte(i)})
	}
	c.addInBand(many)
	if n := len(c.ofKind(2)); n != 16 {
		t.Errorf("%d picture parameter sets are kept", n)
	}
}

func TestCursor(t *testing.T) {
	b := &box{kind: "test", path: "moov/test", off: 7, body: []byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}}
	c := newCursor(b)
	if c.u8() != 1 || c.u16() != 0x0203 || c.u32() != 0x04050607 || c.u64() != 0x08090a0b0c0d0e0f || c.err != nil {
		t.Errorf("read wrongly: %v", c.err)
	}
	if c.u8() != 0 || c.u16() != 0 || c.u32() != 0 || c.u64() != 0 || c.take(0) != nil {
		t.Error("something came from behind the end")
	}
	if want := "mp4: moov/test at byte 7: is cut off: 1 more bytes are needed, 0 are left"; c.err == nil || c.err.Error() != want {
		t.Errorf("got %v, want %q", c.err, want)
	}
	c = newCursor(b)
	if c.take(-1) != nil || c.err == nil {
		t.Error("a negative number of bytes was taken")
	}
	c = newCursor(b)
	if v, flags := c.full(); v != 1 || flags != 0x020304 {
		t.Errorf("version %d, flags %#x", v, flags)
	}
	if c.word(0) != 0x05060708 {
		t.Error("a word of version 0 has 4 bytes")
	}
	c = newCursor(b)
	if c.word(1) != 0x0102030405060708 {
		t.Error("a word of version 1 has 8 bytes")
	}
}

func TestChildren(t *testing.T) {
	var o builder
	o.box("abcd", func() { o.u32(1) })
	o.u32(1)
	o.str("long")
	o.u64(17)
	o.u8(9)
	o.u32(0)
	o.str("rest")
	o.u8(1, 2, 3)
	b := &box{kind: "root", path: "root", body: o.b}
	boxes, err := b.children(0)
	if err != nil || len(boxes) != 3 {
		t.Fatalf("%d boxes, %v", len(boxes), err)
	}
	for i, want := range []struct {
		kind string
		off  int64
		body []byte
	}{{"abcd", 0, []byte{0, 0, 0, 1}}, {"long", 12, []byte{9}}, {"rest", 29, []byte{1, 2, 3}}} {
		if got := boxes[i]; got.kind != want.kind || got.off != want.off || !bytes.Equal(got.body, want.body) || got.path != "root/"+want.kind {
			t.Errorf("box %d: %+v", i, got)
		}
	}
	if _, err := b.children(len(o.b) + 1); err == nil {
		t.Error("more was left out than is there")
	}
	cut := &box{path: "root", body: []byte{0, 0, 0, 1, 'l', 'o', 'n', 'g', 0, 0}}
	if _, err := cut.children(0); err == nil {
		t.Error("a cut-off long header was taken")
	}
	if end := (&box{body: []byte{0, 0, 0, 0}}); true {
		if boxes, err := end.children(0); err != nil || len(boxes) != 0 {
			t.Errorf("a zero word at the end: %v, %v", boxes, err)
		}
	}
}

// TestOwnBox: a box of somebody else's with the same kind is not taken for ours.
func TestOwnBox(t *testing.T) {
	other := box{kind: "uuid", body: make([]byte, 40)}
	short := box{kind: "uuid", body: mark[:8]}
	ours := box{kind: "uuid", body: append(append([]byte{}, mark[:]...), 1, 2)}
	if p := ownBox([]box{other, short, ours}); !bytes.Equal(p, []byte{1, 2}) {
		t.Errorf("% x", p)
	}
	if p := ownBox([]box{other, short}); p != nil {
		t.Errorf("% x", p)
	}
	// A film that is not ours is not salvaged as if it were.
	files := newMemFS()
	files.put("d/clip.mp4", plainFilm().bytes())
	if _, err := Salvage(files, "d/clip.mp4"); err == nil || !strings.Contains(err.Error(), "mark of a Bongsu clip") {
		t.Errorf("got %v", err)
	}
}

// BenchmarkOpen reads the index of a clip of a minute.
func BenchmarkOpen(b *testing.B) {
	files := newMemFS()
	if _, err := recordOn(files, "d/clip.mp4", fakeUnits(rand.New(rand.NewPCG(1, 1)), 1500, 50, 40*time.Millisecond)); err != nil {
		b.Fatal(err)
	}
	p := files.files["d/clip.mp4"].data
	b.ReportAllocs()
	for b.Loop() {
		if _, err := openBytes(p); err != nil {
			b.Fatal(err)
		}
	}
}
