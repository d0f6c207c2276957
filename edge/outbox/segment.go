package outbox

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
)

const (
	journalDir = "journal"
	clipDir    = "clips"
)

// segmentName is the file of a segment.
func segmentName(number uint32) string { return fmt.Sprintf("%s/%010d.log", journalDir, number) }

// damagedName is where a segment with damage in it is kept when it is not needed any more.
func damagedName(number uint32) string { return fmt.Sprintf("%s/%010d.damaged", journalDir, number) }

// listSegments gives the segments in the folder, oldest first.
func listSegments(fs FS) ([]segmentInfo, error) {
	list, err := fs.ReadDir(journalDir)
	if err != nil {
		return nil, err
	}
	var out []segmentInfo
	for _, e := range list {
		var n uint32
		if _, err := fmt.Sscanf(e.Name, "%010d.log", &n); err != nil || journalDir+"/"+e.Name != segmentName(n) {
			continue
		}
		out = append(out, segmentInfo{number: n, bytes: e.Bytes})
	}
	slices.SortFunc(out, func(a, b segmentInfo) int { return int(int64(a.number) - int64(b.number)) })
	return out, nil
}

// window reads a file through a buffer, forward.
type window struct {
	r    io.ReaderAt
	size int64
	buf  []byte
	from int64
}

const windowBytes = 64 << 10

// at gives n bytes from off on, fewer at the file's end. They are valid until the next call.
func (w *window) at(off, n int64) ([]byte, error) {
	n = min(n, w.size-off)
	if n <= 0 {
		return nil, nil
	}
	if off < w.from || off+n > w.from+int64(len(w.buf)) {
		want := min(max(n, windowBytes), w.size-off)
		if int64(cap(w.buf)) < want {
			w.buf = make([]byte, want)
		}
		w.buf = w.buf[:want]
		got, err := w.r.ReadAt(w.buf, off)
		if err != nil && !errors.Is(err, io.EOF) {
			w.buf = w.buf[:0]
			return nil, err
		}
		w.buf, w.from = w.buf[:got], off
		n = min(n, int64(got))
	}
	return w.buf[off-w.from : off-w.from+n], nil
}

// scanned says what a scan found besides records.
type scanned struct {
	end     int64   // behind the last good record
	badAt   []int64 // where something that is no record lies before a good one
	badBody []place // records before end whose body is damaged
	torn    bool    // something that is neither a good record nor zeros follows the last one
}

// scan gives the records of a segment in order. With bodies it reads and checks them too; a
// record with a bad body is not given. Only a failure to read is an error: whatever the bytes
// are, scan finds the next good record.
func scan(f io.ReaderAt, number uint32, size int64, bodies bool, give func(*record)) (scanned, error) {
	w := &window{r: f, size: size}
	var s scanned
	var off, odd int64
	odd = -1 // where something odd began after the last good record
	for off < size {
		r, err := readRecord(w, number, off)
		if errors.Is(err, errNoRecord) {
			next, zeros, err := resync(w, off)
			if err != nil {
				return s, err
			}
			if odd < 0 && (!zeros || next < size) {
				odd = off
			}
			off = next
			continue
		}
		if err != nil {
			return s, err
		}
		off += r.at.size
		if bodies {
			good, err := bodyIsGood(w, r.at)
			if err != nil {
				return s, err
			}
			if !good {
				s.badBody = append(s.badBody, r.at)
				continue
			}
		}
		if odd >= 0 {
			s.badAt, odd = append(s.badAt, odd), -1
		}
		s.end = off
		give(r)
	}
	n := len(s.badBody)
	s.badBody = slices.DeleteFunc(s.badBody, func(at place) bool { return at.offset >= s.end })
	s.torn = odd >= 0 || len(s.badBody) < n
	return s, nil
}

// readRecord reads head and meta of the record at off.
func readRecord(w *window, number uint32, off int64) (*record, error) {
	h, err := w.at(off, headBytes)
	if err != nil {
		return nil, err
	}
	kind, at, err := parseHead(h, number, off)
	if err != nil {
		return nil, err
	}
	if off+at.size > w.size {
		return nil, fmt.Errorf("%w: it reaches beyond the file's end", errNoRecord)
	}
	if h, err = w.at(off, int64(headBytes+at.metaLen)); err != nil {
		return nil, err
	}
	r := &record{kind: kind, at: at}
	if len(h) < headBytes+at.metaLen {
		return nil, errNoRecord
	}
	return r, parseMeta(h, r)
}

// resync gives the next place after off where a record could begin, or size. zeros tells
// whether all bytes from off to there are 0.
func resync(w *window, off int64) (next int64, zeros bool, err error) {
	zeros = true
	for at, first := off, true; at < w.size; first = false {
		b, err := w.at(at, windowBytes)
		if err != nil {
			return 0, false, err
		}
		if len(b) == 0 {
			break
		}
		for i := 0; i+4 <= len(b); i += alignment {
			if first && i == 0 {
				continue // what lies at off itself is known to be no record
			}
			if b[i] == magic[0] && [4]byte(b[i:i+4]) == magic {
				return at + int64(i), zeros && allZero(b[:i]), nil
			}
		}
		zeros = zeros && allZero(b)
		at += max(int64(len(b))&^(alignment-1), alignment)
	}
	return w.size, zeros, nil
}

func allZero(b []byte) bool { return len(bytes.TrimLeft(b, "\x00")) == 0 }

func bodyIsGood(w *window, at place) (bool, error) {
	if at.bodyLen == 0 {
		return true, nil
	}
	b, err := w.at(at.offset+headBytes+int64(at.metaLen), int64(at.bodyLen))
	if err != nil {
		return false, err
	}
	return len(b) == at.bodyLen && crc32.Checksum(b, castagnoli) == at.bodyCRC, nil
}

// replayed is what the log says at start.
type replayed struct {
	state    *state
	segments []segmentInfo
	end      int64            // of the newest segment
	ends     map[uint32]int64 // of segments that one behind them tells the end of
	heldTo   map[uint32]int64 // where the last good record of a segment ends
	damaged  int              // records or stretches that could not be read
	torn     int              // segments that end in a half-written record
	uneven   bool             // the sums had to be put right
	notes    []string         // one sentence for each damage
	watch    func(*record)
}

// replay reads all segments into a state. Bodies are checked in the newest segment, where a
// power cut may have left a head without its body, and with all set everywhere; otherwise they
// are checked when they are read to be sent. watch, unless nil, sees each record before it is
// applied.
func replay(fs FS, all bool, watch func(*record)) (*replayed, error) {
	segs, err := listSegments(fs)
	if err != nil {
		return nil, err
	}
	re := &replayed{state: newState(), segments: segs, watch: watch, ends: map[uint32]int64{}, heldTo: map[uint32]int64{}}
	for i := range segs {
		point, err := readCheckpoint(fs, segs[i])
		if err != nil {
			return nil, err
		}
		if point != nil {
			re.ends[point.Prev] = point.PrevEnd
		}
	}
	for i := range segs {
		end, known := re.ends[segs[i].number]
		if !known {
			end = segs[i].bytes
		}
		if err := re.segment(fs, &segs[i], end, known, all || i == len(segs)-1); err != nil {
			return nil, fmt.Errorf("%s: %w", segmentName(segs[i].number), err)
		}
	}
	if re.state.reconcile() {
		re.uneven = true
		re.notes = append(re.notes, sumsNote)
	}
	re.state.journalIs(slices.Clone(segs))
	return re, nil
}

// sumsNote is the note of a replay whose sums did not hold.
const sumsNote = "the sums did not hold and were put right"

// readCheckpoint reads the first record of a segment; nil when it is no checkpoint.
func readCheckpoint(fs FS, seg segmentInfo) (*checkpoint, error) {
	f, err := fs.Open(segmentName(seg.number))
	if err != nil {
		return nil, err
	}
	r, err := readRecord(&window{r: f, size: min(seg.bytes, 4096)}, seg.number, 0)
	if cerr := f.Close(); cerr != nil {
		return nil, cerr
	}
	if errors.Is(err, errNoRecord) || (err == nil && r.kind != kindCheckpoint) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", segmentName(seg.number), err)
	}
	return r.m.Point, nil
}

// dropUnbegun removes the newest segments when the power went before their checkpoints were
// written, so that the next one follows the last that holds something.
func (re *replayed) dropUnbegun(fs FS) error {
	for n := len(re.segments) - 1; n >= 0 && re.end == 0; n-- {
		if err := fs.Remove(segmentName(re.segments[n].number)); err != nil {
			return err
		}
		re.segments = re.segments[:n]
		if n > 0 {
			re.end = re.heldTo[re.segments[n-1].number]
		}
	}
	re.state.journalIs(slices.Clone(re.segments))
	return nil
}

func (re *replayed) take(r *record) {
	if re.watch != nil {
		re.watch(r)
	}
	re.state.apply(r)
}

// segment replays one segment up to end. known tells that end comes from the segment after,
// so that anything missing before it is damage.
func (re *replayed) segment(fs FS, seg *segmentInfo, end int64, known, bodies bool) error {
	f, err := fs.Open(segmentName(seg.number))
	if err != nil {
		return err
	}
	s, err := scan(f, seg.number, min(end, seg.bytes), bodies, re.take)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	re.end = s.end
	re.heldTo[seg.number] = s.end
	bad := len(s.badAt) + len(s.badBody)
	for _, at := range s.badAt {
		re.notes = append(re.notes, fmt.Sprintf("%s: bytes from %d on are no record", segmentName(seg.number), at))
	}
	for _, at := range s.badBody {
		re.notes = append(re.notes, fmt.Sprintf("%s: the record at %d has a damaged body", segmentName(seg.number), at.offset))
	}
	if known && s.end != end {
		bad++
		re.notes = append(re.notes, fmt.Sprintf("%s: the records from %d to %d are missing", segmentName(seg.number), s.end, end))
	} else if s.torn {
		re.torn++
	}
	re.damaged += bad
	seg.damaged = bad > 0
	return nil
}
