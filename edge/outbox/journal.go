package outbox

import (
	"errors"
	"fmt"
	"slices"
)

// journal appends records to the newest segment. It is owned by whoever holds Outbox.turn.
type journal struct {
	fs     FS
	size   int64 // of a segment
	segs   []segmentInfo
	last   uint32 // highest segment number used, also by one that could not be begun
	file   File   // of the newest segment; nil: a new one is due
	off    int64  // end of what is durable in the newest segment
	begun  int64  // end of its checkpoint
	buf    []byte
	failed error       // the last failed write, until takeFailure
	onRoom func() bool // gives room when the disk is full; reports whether it did
}

// newJournal continues behind what replay found. It never appends to an old segment: what
// follows the last good record there is unknown.
func newJournal(fs FS, size int64, re *replayed) (*journal, error) {
	if size < 4096 || size > 1<<30 {
		return nil, fmt.Errorf("a segment of %d bytes is not possible: use 4096 to 1073741824", size)
	}
	j := &journal{fs: fs, size: size, segs: re.segments, off: re.end, onRoom: func() bool { return false }}
	if len(j.segs) > 0 {
		j.last = j.number()
	}
	return j, nil
}

// append writes recs and fsyncs them. When a write or an fsync fails the segment is given up,
// because nothing is known any more about what lies behind its durable end, and recs are
// written to a new one; when that fails too, the error is returned and none of recs counts as
// durable. point must be the state without recs.
func (j *journal) append(recs []*record, point checkpoint) error {
	first := j.write(recs, point)
	if first == nil {
		return nil
	}
	j.abandon()
	j.failed = first
	if isNoSpace(first) && !j.onRoom() {
		return first
	}
	if err := j.write(recs, point); err != nil {
		j.abandon()
		return errors.Join(first, err)
	}
	return nil
}

// write writes and fsyncs recs into one segment: a new one when the newest has no room. Its
// checkpoint then stands before all of recs, so that the sums in it are right.
func (j *journal) write(recs []*record, point checkpoint) error {
	if j.file == nil {
		if err := j.rotate(point); err != nil {
			return err
		}
	}
	if err := j.encode(recs); err != nil {
		return err
	}
	if j.off+int64(len(j.buf)) > j.size && !j.fresh() {
		if err := j.rotate(point); err != nil {
			return err
		}
		if err := j.encode(recs); err != nil {
			return err
		}
	}
	return j.flush()
}

func (j *journal) encode(recs []*record) (err error) {
	j.buf = j.buf[:0]
	for _, r := range recs {
		if j.buf, err = appendRecord(j.buf, r, j.number(), j.off+int64(len(j.buf))); err != nil {
			return err
		}
	}
	return nil
}

// fresh reports whether the newest segment holds nothing but its checkpoint, so that a batch
// larger than a segment goes in all the same and makes it longer.
func (j *journal) fresh() bool { return j.off == j.begun }

func (j *journal) number() uint32 { return j.segs[len(j.segs)-1].number }

// flush writes the buffer and fsyncs.
func (j *journal) flush() error {
	if len(j.buf) == 0 {
		return nil
	}
	if _, err := j.file.WriteAt(j.buf, j.off); err != nil {
		return fmt.Errorf("write %s: %w", segmentName(j.number()), err)
	}
	if err := j.file.Sync(); err != nil {
		return fmt.Errorf("fsync %s: %w", segmentName(j.number()), err)
	}
	j.off += int64(len(j.buf))
	last := &j.segs[len(j.segs)-1]
	last.bytes = max(last.bytes, j.off)
	if cap(j.buf) > 4<<20 {
		j.buf = nil
	}
	j.buf = j.buf[:0]
	return nil
}

// rotate begins a new segment with a checkpoint, durable with its name.
func (j *journal) rotate(point checkpoint) error {
	if len(j.segs) > 0 {
		point.Prev, point.PrevEnd = j.number(), j.off
	}
	j.last++
	name := segmentName(j.last)
	f, err := j.fs.Create(name)
	if err != nil {
		return err
	}
	if err := j.begin(f, j.last, &point); err != nil {
		return errors.Join(err, f.Close(), j.fs.Remove(name))
	}
	if j.file != nil {
		_ = j.file.Close() // all of it that counts is fsynced
	}
	j.segs = append(j.segs, segmentInfo{number: j.last, bytes: j.size})
	j.file = f
	return nil
}

func (j *journal) begin(f File, number uint32, point *checkpoint) error {
	if err := f.Allocate(j.size); err != nil {
		return fmt.Errorf("allocate %s: %w", segmentName(number), err)
	}
	b, err := appendRecord(nil, &record{kind: kindCheckpoint, m: meta{Point: point}}, number, 0)
	if err != nil {
		return err
	}
	if _, err := f.WriteAt(b, 0); err != nil {
		return fmt.Errorf("write %s: %w", segmentName(number), err)
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("fsync %s: %w", segmentName(number), err)
	}
	if err := j.fs.SyncDir(journalDir); err != nil {
		return fmt.Errorf("fsync folder %s: %w", journalDir, err)
	}
	j.off = int64(len(b))
	j.begun = j.off
	return nil
}

// abandon gives the newest segment up for writing. What was acknowledged from it stays: its
// own fsync succeeded.
func (j *journal) abandon() {
	if j.file != nil {
		_ = j.file.Close()
		j.file = nil
	}
	j.buf = nil
}

// takeFailure gives the write failure since the last call, nil when there was none.
func (j *journal) takeFailure() error {
	err := j.failed
	j.failed = nil
	return err
}

// segments gives a copy of what the journal has.
func (j *journal) segments() []segmentInfo { return slices.Clone(j.segs) }

// dropOldest removes the oldest segment for good before it returns. One with damage in it is
// kept under another name, for study.
func (j *journal) dropOldest() error {
	old := j.segs[0]
	var err error
	if old.damaged {
		err = j.fs.Rename(segmentName(old.number), damagedName(old.number))
	} else {
		err = j.fs.Remove(segmentName(old.number))
	}
	if err != nil {
		return err
	}
	// The folder is synced before a younger segment can go: an old one that came back
	// without the acknowledgements in the younger would send its events again.
	if err := j.fs.SyncDir(journalDir); err != nil {
		return err
	}
	j.segs = slices.Delete(j.segs, 0, 1)
	return nil
}

func (j *journal) close() error {
	if j.file == nil {
		return nil
	}
	err := j.file.Close()
	j.file = nil
	return err
}
