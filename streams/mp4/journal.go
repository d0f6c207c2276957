package mp4

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// castagnoli is the polynomial of the check sums of fragments.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Sample flags (ISO/IEC 14496-12, 8.8.3.1). A unit before which data was lost carries a
// degradation priority of 1, so that the taint survives its writer.
const (
	flagsKey    = 0x02000000
	flagsNotKey = 0x01010000
	flagLost    = 1
)

// boxSum checks a box that ends with a CRC-32C of itself (these four bytes zero) and of data.
func boxSum(b *box, data []byte) bool {
	if b.head != 8 || len(b.body) < 4 {
		return false
	}
	var o builder
	o.u32(uint32(len(b.body) + b.head))
	o.str(b.kind)
	end := len(b.body) - 4
	sum := crc32.Update(crc32.Checksum(o.b, castagnoli), castagnoli, b.body[:end])
	sum = crc32.Update(sum, castagnoli, []byte{0, 0, 0, 0})
	return crc32.Update(sum, castagnoli, data) == binary.BigEndian.Uint32(b.body[end:])
}

// writeHead writes what stands before the fragments: ftyp and moov, the latter with a check sum. Its sample entry allows parameter sets
// in band, whatever comes.
func (w *Writer) writeHead() error {
	head := w.track
	head.inBand = true
	o := builder{b: w.buf[:0]}
	o.ftyp(&head, true)
	start := len(o.b)
	o.moov(&head, 0, 0, nil)
	binary.BigEndian.PutUint32(o.b[len(o.b)-4:], crc32.Checksum(o.b[start:], castagnoli))
	return w.append(o.b)
}

// flush writes the open fragment; next is the time at which it ends.
func (w *Writer) flush(next int64) error {
	if len(w.units) == 0 {
		return nil
	}
	o := builder{b: w.buf[:0]}
	o.moof(uint32(len(w.frag)+1), w.open.begin, w.samples[w.open.first:])
	sum := crc32.Checksum(o.b, castagnoli)
	o.u32(uint32(8 + w.open.bytes))
	o.str("mdat")
	data := len(o.b)
	for _, nal := range w.units {
		o.u32(uint32(len(nal)))
		o.u8(nal...)
	}
	sum = crc32.Update(sum, castagnoli, o.b[data:])
	binary.BigEndian.PutUint32(o.b[data-8-4:], sum)
	off := w.end + int64(data)
	if err := w.append(o.b); err != nil {
		return err
	}
	for i := w.open.first; i < len(w.samples); i++ {
		w.samples[i].off = off
		off += int64(w.samples[i].size)
	}
	w.frag = append(w.frag, w.open)
	w.units, w.open = w.units[:0], fragment{off: w.end, first: len(w.samples), begin: next}
	return nil
}

// append writes p at the end of the journal, and keeps it for the next fragment.
func (w *Writer) append(p []byte) error {
	w.buf = p
	n, err := w.file.Write(p)
	if err == nil && n != len(p) {
		err = fmt.Errorf("%d of %d bytes were written", n, len(p))
	}
	if err != nil {
		return w.fail(fmt.Errorf("mp4: writing a clip: %w", err))
	}
	w.end += int64(n)
	return nil
}

// moof writes the head of a fragment (8.8.4 to 8.8.12). It ends with a box of ours, whose last
// 4 bytes are for the CRC-32C of all moof bytes (these four zero) and all sample bytes.
func (o *builder) moof(number uint32, begin int64, samples []sample) {
	start := len(o.b)
	offset := 0
	o.box("moof", func() {
		o.full("mfhd", 0, 0, func() { o.u32(number) })
		o.box("traf", func() {
			o.full("tfhd", 0, 0x020000, func() { o.u32(1) }) // offsets count from this moof
			o.full("tfdt", 1, 0, func() { o.u64(uint64(begin)) })
			o.full("trun", 0, 0xf01, func() {
				o.u32(uint32(len(samples)))
				offset = len(o.b)
				o.u32(0)
				for i := range samples {
					s := &samples[i]
					flags := uint32(flagsNotKey)
					if s.key {
						flags = flagsKey
					}
					if s.lost {
						flags |= flagLost
					}
					o.u32(s.step, uint32(s.size), flags, s.cts)
				}
			})
		})
		o.box("uuid", func() {
			o.u8(mark[:]...)
			o.u32(0)
		})
	})
	binary.BigEndian.PutUint32(o.b[offset:], uint32(len(o.b)-start+8))
}
