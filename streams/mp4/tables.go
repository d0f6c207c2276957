package mp4

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"
)

// ticks converts n units of a time scale to a Duration; ok is false beyond 292 years.
func ticks(n int64, scale uint32) (d time.Duration, ok bool) {
	s := int64(scale)
	if s == 0 || n/s > math.MaxInt64/int64(time.Second)-1 || n/s < math.MinInt64/int64(time.Second)+1 {
		return 0, false
	}
	return time.Duration(n/s*int64(time.Second) + n%s*int64(time.Second)/s), true
}

// table is a full box that holds a count and so many rows of a fixed width.
type table struct {
	*box
	version uint8
	rows    int
	width   int
	data    []byte
}

// openTable checks that all rows of t are there. A nil box gives an empty table.
func openTable(b *box, width int) (table, error) {
	t := table{box: b, width: width}
	if b == nil {
		return t, nil
	}
	c := newCursor(b)
	t.version, _ = c.full()
	n := c.u32()
	if c.err != nil {
		return t, c.err
	}
	if int64(n)*int64(width) > int64(len(c.p)) {
		return t, b.errorf("says it has %d rows of %d bytes, %d bytes are left", n, width, len(c.p))
	}
	t.rows, t.data = int(n), c.p
	return t, nil
}

// u32 gives column col (of 4 bytes each) of a row.
func (t *table) u32(row, col int) uint32 {
	return binary.BigEndian.Uint32(t.data[row*t.width+4*col:])
}

// sampleSizes reads stsz (ISO/IEC 14496-12, 8.7.3.2) into samples with their sizes set.
func sampleSizes(b *box, fileSize int64) ([]Sample, error) {
	c := newCursor(b)
	c.full()
	same, n := c.u32(), c.u32()
	if c.err != nil {
		return nil, c.err
	}
	switch {
	case n > maxSamples:
		return nil, b.errorf("says there are %d samples, more than the %d that are read", n, maxSamples)
	case same == 0 && int64(n)*4 > int64(len(c.p)):
		return nil, b.errorf("says there are %d samples, but only %d bytes of sizes are left", n, len(c.p))
	case same != 0 && int64(n) > fileSize/int64(same):
		return nil, b.errorf("says there are %d samples of %d bytes in a file of %d", n, same, fileSize)
	}
	out := make([]Sample, n)
	for i := range out {
		if out[i].Size = int(same); same == 0 {
			out[i].Size = int(c.u32())
		}
	}
	return out, nil
}

// sampleOffsets fills in where samples lie, from stsc and stco or co64 (8.7.4, 8.7.5).
func sampleOffsets(stbl *box, boxes []box, samples []Sample) error {
	stscBox, err := must(stbl, boxes, "stsc")
	if err != nil {
		return err
	}
	stsc, err := openTable(stscBox, 12)
	if err != nil {
		return err
	}
	chunkBox, width := find(boxes, "stco"), 4
	if chunkBox == nil {
		chunkBox, width = find(boxes, "co64"), 8
	}
	if chunkBox == nil {
		return stbl.errorf("holds neither stco nor co64")
	}
	chunks, err := openTable(chunkBox, width)
	if err != nil {
		return err
	}
	next, row := 0, -1
	for chunk := 0; chunk < chunks.rows && next < len(samples); chunk++ {
		if row+1 < stsc.rows && stsc.u32(row+1, 0) == uint32(chunk)+1 {
			row++
			if d := stsc.u32(row, 2); d != 1 {
				return stscBox.errorf("uses sample description %d; only the first is read", d)
			}
		}
		if row < 0 {
			return stscBox.errorf("does not say how many samples the first chunk has")
		}
		off := uint64(chunks.u32(chunk, 0))
		if width == 8 {
			off = off<<32 | uint64(chunks.u32(chunk, 1))
		}
		for range stsc.u32(row, 1) {
			if next == len(samples) {
				break
			}
			if off > math.MaxInt64-math.MaxUint32 {
				return chunkBox.errorf("puts chunk %d at byte %d", chunk, off)
			}
			samples[next].Offset = int64(off)
			off += uint64(samples[next].Size)
			next++
		}
	}
	if next < len(samples) {
		return chunkBox.errorf("has room for %d of %d samples", next, len(samples))
	}
	return nil
}

// sampleTimes fills in DTS and PTS, in units of the media, from stts and ctts (8.6.1), and
// gives the sum of all durations.
func sampleTimes(stbl *box, boxes []box, samples []Sample, shift int64, scale uint32) (total time.Duration, err error) {
	sttsBox, err := must(stbl, boxes, "stts")
	if err != nil {
		return 0, err
	}
	stts, err := openTable(sttsBox, 8)
	if err != nil {
		return 0, err
	}
	ctts, err := openTable(find(boxes, "ctts"), 8)
	if err != nil {
		return 0, err
	}
	durations, offsets := newRuns(&stts), newRuns(&ctts)
	dts := int64(0)
	for i := range samples {
		delta, ok := durations.next()
		if !ok {
			return 0, sttsBox.errorf("gives times for %d of %d samples", i, len(samples))
		}
		cts, _ := offsets.next() // without a row the picture is shown when it is decoded
		// Version 0 is unsigned by the letter, but writers use it for negative offsets too.
		var ok1, ok2 bool
		samples[i].DTS, ok1 = ticks(dts-shift, scale)
		samples[i].PTS, ok2 = ticks(dts+int64(int32(cts))-shift, scale)
		if !ok1 || !ok2 {
			return 0, sttsBox.errorf("puts sample %d beyond 292 years", i)
		}
		dts += int64(delta)
	}
	total, ok := ticks(dts, scale)
	if !ok {
		return 0, sttsBox.errorf("sums up to more than 292 years")
	}
	return total, nil
}

// runs reads a run-length table of (count, value) row by row.
type runs struct {
	t    *table
	row  int
	left uint32
}

func newRuns(t *table) *runs { return &runs{t: t, row: -1} }

func (r *runs) next() (value uint32, ok bool) {
	for r.left == 0 {
		if r.row+1 >= r.t.rows {
			return 0, false
		}
		r.row++
		r.left = r.t.u32(r.row, 0)
	}
	r.left--
	return r.t.u32(r.row, 1), true
}

// sampleKeys marks the samples that stss lists (8.6.2); without stss all are key samples.
func sampleKeys(boxes []box, samples []Sample) error {
	b := find(boxes, "stss")
	if b == nil {
		for i := range samples {
			samples[i].Key = true
		}
		return nil
	}
	stss, err := openTable(b, 4)
	if err != nil {
		return err
	}
	for row := range stss.rows {
		n := stss.u32(row, 0)
		if n == 0 || int64(n) > int64(len(samples)) {
			return b.errorf("names sample %d of %d", n, len(samples))
		}
		samples[n-1].Key = true
	}
	return nil
}

// editShift reads elst (8.6.6): how many units of the media come before presentation time 0.
// Empty edits at the start delay the track; the first edit with media sets the offset; what
// follows it is not looked at.
func editShift(boxes []box, movieScale, mediaScale uint32) (int64, error) {
	edts := find(boxes, "edts")
	if edts == nil {
		return 0, nil
	}
	children, err := edts.children(0)
	if err != nil {
		return 0, err
	}
	b := find(children, "elst")
	if b == nil {
		return 0, nil
	}
	c := newCursor(b)
	version, _ := c.full()
	delay := int64(0)
	for range c.u32() {
		length := c.word(version)
		media := int64(int32(c.u32()))
		if version == 1 {
			media = media<<32 | int64(c.u32())
		}
		c.u32() // rate
		if c.err != nil {
			return 0, c.err
		}
		if media == -1 {
			d, ok := ticks(int64(min(length, math.MaxInt64)), movieScale)
			if !ok || d > 24*time.Hour {
				return 0, b.errorf("delays the track by %d units of 1/%d s", length, movieScale)
			}
			delay += int64(d.Seconds() * float64(mediaScale))
			continue
		}
		if media < 0 || media > math.MaxInt64/4 {
			return 0, b.errorf("begins at media time %d", media)
		}
		return media - delay, nil
	}
	return -delay, nil
}

// checkScale refuses a time scale of zero.
func checkScale(b *box, scale uint32) error {
	if scale == 0 {
		return b.errorf("has a time scale of 0 units a second")
	}
	return nil
}

// describe names what a sample entry of a kind that is not read holds.
func describe(kind string) string {
	switch kind {
	case "encv":
		return "encrypted video (encv)"
	case "mp4v":
		return "MPEG-4 part 2 video (mp4v)"
	case "av01", "vp08", "vp09":
		return fmt.Sprintf("AV1 or VP8/9 video (%s)", kind)
	}
	return fmt.Sprintf("%q", printable(kind))
}
