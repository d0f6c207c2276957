package mp4

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"bongsu/streams"
)

// FuzzOpen: whatever the bytes, Open and Sample return, and a film that opens has samples
// whose bytes lie in the file.
func FuzzOpen(f *testing.F) {
	f.Add(plainFilm().bytes())
	for _, kind := range []string{"stsz", "stts", "stsc", "stco", "elst", "avcC", "moov"} {
		film := plainFilm()
		film.replace[kind] = swap(kind, func(o *builder) { o.u32(0, 0xffffffff, 1) })
		f.Add(film.bytes())
	}
	for _, alter := range []func(f *film){func(f *film) { f.co64 = true }, func(f *film) { f.tail = true }, func(f *film) { f.entry = "hvc1" }} {
		film := plainFilm()
		alter(film)
		f.Add(film.bytes())
	}
	dir := f.TempDir()
	path := filepath.Join(dir, "clip.mp4")
	units := fakeUnits(rand.New(rand.NewPCG(1, 1)), 20, 5, 100*time.Millisecond)
	record(f, path, units)
	f.Add(readAll(f, path))
	f.Fuzz(func(t *testing.T, p []byte) {
		rd, err := openBytes(p)
		if err != nil {
			return
		}
		if rd.Len() == 0 || rd.Len() > len(p) {
			t.Fatalf("%d samples in %d bytes", rd.Len(), len(p))
		}
		for i := range min(rd.Len(), 50) {
			nals, err := rd.Sample(i)
			for _, nal := range nals {
				if err != nil || len(nal) == 0 {
					t.Fatalf("sample %d: an empty unit, or units with error %v", i, err)
				}
			}
		}
		rd.CodecString()
		rd.FPS()
	})
}

// FuzzSalvage: whatever a dead writer left, Salvage returns, and what it calls a clip opens.
func FuzzSalvage(f *testing.F) {
	units := fakeUnits(rand.New(rand.NewPCG(1, 1)), 20, 5, 100*time.Millisecond)
	journal := journalOf(f, units)
	f.Add(journal, false)
	f.Add(journal, true)
	f.Add(journal[:len(journal)/2], true)
	path := filepath.Join(f.TempDir(), "clip.mp4")
	record(f, path, units)
	f.Add(readAll(f, path), false)
	f.Fuzz(func(t *testing.T, p []byte, mended bool) {
		if mended {
			mend(p)
		}
		mem := newMemFS()
		mem.put("d/clip.mp4", p)
		s, err := Salvage(mem, "d/clip.mp4")
		if err != nil {
			return
		}
		q := mem.files["d/clip.mp4"].data
		if int64(len(q)) != s.Bytes {
			t.Fatalf("%d bytes, %+v", len(q), s)
		}
		if _, err := openBytes(q); err != nil {
			t.Fatalf("%v in what was salvaged: %+v", err, s)
		}
	})
}

// FuzzSPS: whatever the bytes, parseSPS returns, and what it believes is within bounds.
func FuzzSPS(f *testing.F) {
	f.Add(testSPS, false)
	for _, tc := range spsCases {
		f.Add(unhex(f, tc.sps), tc.codec == streams.H265)
	}
	f.Fuzz(func(t *testing.T, p []byte, hevc bool) {
		codec := streams.H264
		if hevc {
			codec = streams.H265
		}
		pic, err := parseSPS(codec, p)
		if err == nil && (pic.width < 1 || pic.width > maxSide || pic.height < 1 || pic.height > maxSide) {
			t.Fatalf("%+v", pic)
		}
		c := clipTrack{codec: codec, sets: [][]byte{p, testPPS}, pic: pic}
		if setKind(codec, p) == 1 && codec == streams.H265 {
			var o builder
			o.hvcC(&c)
		}
		if setKind(codec, p) == 1 && codec == streams.H264 {
			var o builder
			o.avcC(&c)
		}
	})
}

// mend puts the right check sums in, so that what lies behind them is tried too.
func mend(p []byte) {
	size := int64(len(p))
	moof := box{}
	scanTop(bytes.NewReader(p), size, func(h header, off, boxSize int64) bool {
		body := p[off+int64(h.head) : off+boxSize]
		switch {
		case h.kind == "moov" && len(body) >= 4:
			setSum(&box{kind: "moov", body: body, head: h.head}, nil)
		case h.kind == "moof" && len(body) >= 4:
			moof = box{kind: "moof", body: body, head: h.head}
		case h.kind == "mdat" && moof.body != nil:
			setSum(&moof, body)
		}
		return true
	})
}

func setSum(b *box, data []byte) {
	var o builder
	o.u32(uint32(len(b.body) + b.head))
	o.str(b.kind)
	end := len(b.body) - 4
	o.u8(b.body[:end]...)
	o.u32(0)
	sum := crc32.Update(crc32.Checksum(o.b, castagnoli), castagnoli, data)
	binary.BigEndian.PutUint32(b.body[end:], sum)
}
