package mp4

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

// ErrNothingWhole says that a file has no whole picture that could be saved.
var ErrNothingWhole = errors.New("mp4: nothing in the file can be saved")

// Salvage looks at what a writer left at path when its process or machine died. A finished
// clip is hashed and described as it is (Whole true). Of a journal the fragments before the
// first that is not whole become a finished clip in its place (Whole false); when the disk is
// too full for that they stay as they are, cut to size. A file without one whole picture
// gives ErrNothingWhole, one that is no clip of ours a *FormatError, one that is not there
// fs.ErrNotExist; removing is the caller's. files may be nil: Disk. Salvage may be repeated:
// a machine that dies during it loses nothing.
func Salvage(files FS, path string) (Summary, error) {
	if files == nil {
		files = Disk{}
	}
	if err := removeTemp(files, path); err != nil {
		return Summary{}, fmt.Errorf("mp4: salvaging a clip: %w", err)
	}
	f, size, err := files.Open(path)
	if err != nil {
		return Summary{}, fmt.Errorf("mp4: salvaging a clip: %w", err)
	}
	rd, err := Open(f, size)
	switch {
	case err == nil:
		s, err := describeWhole(path, f, size, rd)
		// The finished file was renamed into place; whether its folder entry is durable is not known.
		return s, errors.Join(err, f.Close(), files.SyncDir(dirOf(path)))
	case !errors.Is(err, ErrFragmented):
		var format *FormatError
		if errors.As(err, &format) { // not when the disk cannot be read
			err = errors.Join(ErrNothingWhole, err)
		}
		return Summary{}, errors.Join(err, f.Close())
	}
	j := &journal{path: path, files: files, file: f, torn: true}
	if err := j.read(size); err != nil {
		return Summary{}, errors.Join(err, f.Close())
	}
	if len(j.samples) == 0 {
		return Summary{}, errors.Join(ErrNothingWhole, f.Close())
	}
	s, err := j.finish(len(j.samples), nil)
	if s.Samples > 0 {
		return s, nil // settled as it was: the form differs, the pictures are safe
	}
	return s, err
}

// describeWhole hashes a finished clip.
func describeWhole(path string, f io.ReaderAt, size int64, rd *Reader) (Summary, error) {
	for i, s := range rd.samples {
		if s.Offset > size || int64(s.Size) > size-s.Offset {
			return Summary{}, fmt.Errorf("mp4: sample %d of %s goes beyond its end: %w", i, path, ErrNothingWhole)
		}
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(f, 0, size)); err != nil {
		return Summary{}, err
	}
	track := clipTrack{}
	moov, err := findMoov(f, size)
	if err != nil {
		return Summary{}, err
	}
	if err := track.readMark(moov); err != nil {
		return Summary{}, err
	}
	return Summary{Path: path, Bytes: size, SHA256: hexSum(sum), Start: track.start, Duration: rd.duration, Samples: rd.Len(),
		Codec: rd.CodecString(), Width: rd.width, Height: rd.height, Tainted: track.taint, Whole: true}, nil
}

// readMark reads our own box of a movie box.
func (c *clipTrack) readMark(moov *box) error {
	boxes, err := moov.children(0)
	if err != nil {
		return err
	}
	p := ownBox(boxes)
	if len(p) < 14 || p[0] != 1 {
		return moov.errorf("does not carry the mark of a Bongsu clip")
	}
	c.taint = p[1]&1 != 0
	c.start = time.UnixMicro(int64(binary.BigEndian.Uint64(p[2:]))).UTC()
	return nil
}

// ownBox gives what follows our extended type in the first box that has it.
func ownBox(boxes []box) []byte {
	for i := range boxes {
		if p := boxes[i].body; boxes[i].kind == "uuid" && len(p) >= 16 && [16]byte(p[:16]) == mark {
			return p[16:]
		}
	}
	return nil
}

// read fills j from its file, up to the first fragment that is not whole.
func (j *journal) read(size int64) error {
	moov, err := findMoov(j.file, size)
	if err != nil {
		return err
	}
	if !boxSum(moov, nil) {
		return errors.Join(ErrNothingWhole, moov.errorf("does not have the check sum that its writer gave it"))
	}
	if err := j.readHead(moov); err != nil {
		return err
	}
	var moof *box
	var moofAt, inner = int64(0), error(nil)
	_, err = scanTop(j.file, size, func(h header, off, boxSize int64) bool {
		switch h.kind {
		case "ftyp":
			return true
		case "moov":
			j.end = off + boxSize
			return true
		case "moof":
			moofAt = off
			moof, inner = load(j.file, h, off, boxSize)
			return inner == nil
		case "mdat":
			if moof == nil {
				return false
			}
			var whole bool
			whole, inner = j.readFragment(moof, moofAt, off+int64(h.head), boxSize-int64(h.head))
			moof = nil
			return whole && inner == nil
		}
		return false
	})
	var format *FormatError
	if inner == nil && !errors.As(err, &format) { // a cut-off end is what is expected
		inner = err
	}
	return inner
}

// readHead takes the track from the movie box.
func (j *journal) readHead(moov *box) error {
	if err := j.track.readMark(moov); err != nil {
		return err
	}
	trak, err := moov.descend("trak")
	if err != nil {
		return err
	}
	boxes, err := trak.children(0)
	if err != nil {
		return err
	}
	if j.track.first, err = editShift(boxes, timescale, timescale); err != nil {
		return err
	}
	if j.track.first < 0 || j.track.first > maxReorder {
		return trak.errorf("shows its first picture %d ticks late", j.track.first)
	}
	stbl, err := trak.descend("mdia", "minf", "stbl")
	if err != nil {
		return err
	}
	tables, err := stbl.children(0)
	if err != nil {
		return err
	}
	var rd Reader
	kind, err := rd.openEntry(stbl, tables)
	if err != nil {
		return err
	}
	if rd.cfg == nil || rd.cfg.lengthSize != 4 {
		return stbl.errorf("describes %s: not what a clip of ours holds", kind)
	}
	j.track.codec, j.track.sets = rd.cfg.codec, rd.cfg.sets
	params := rd.cfg.params()
	if !params.Complete() {
		return stbl.errorf("lacks parameter sets")
	}
	j.track.pic, err = parseSPS(params.Codec, params.SPS)
	if err != nil {
		j.track.pic = picture{} // as its writer did
	}
	return nil
}

// readFragment adds the samples of one fragment when all of it is there and its check sum
// holds.
func (j *journal) readFragment(moof *box, moofAt, dataAt, dataBytes int64) (whole bool, err error) {
	if moof.off != j.end || dataBytes > maxSampleBytes+fragmentBytes {
		return false, nil
	}
	data := make([]byte, dataBytes)
	if err := readFull(j.file, data, dataAt); err != nil {
		return false, err
	}
	if !boxSum(moof, data) {
		return false, nil
	}
	samples, begin, err := parseTrun(moof)
	if err != nil || len(samples) == 0 || begin != j.at || j.end > MaxBytes {
		return false, nil
	}
	at := j.at
	frag := fragment{off: moofAt, first: len(j.samples), begin: begin, bytes: dataBytes}
	off := dataAt
	for i := range samples {
		samples[i].off = off
		off += int64(samples[i].size)
		at += int64(samples[i].step)
		if off > dataAt+dataBytes || at > maxMedia+maxGap || samples[i].step > maxGap || samples[i].cts > maxReorder {
			return false, nil
		}
		nals, err := splitNALs(data[samples[i].off-dataAt:off-dataAt], 4)
		if err != nil {
			return false, nil
		}
		for _, nal := range nals {
			j.track.inBand = j.track.inBand || setKind(j.track.codec, nal) >= 0
		}
	}
	j.samples, j.frag = append(j.samples, samples...), append(j.frag, frag)
	j.end, j.at = dataAt+dataBytes, at
	return true, nil
}

// parseTrun reads the samples of a fragment in the one form in which moof writes them.
func parseTrun(moof *box) (samples []sample, begin int64, err error) {
	traf, err := moof.descend("traf")
	if err != nil {
		return nil, 0, err
	}
	tfdt, err := traf.descend("tfdt")
	if err != nil {
		return nil, 0, err
	}
	trun, err := traf.descend("trun")
	if err != nil {
		return nil, 0, err
	}
	t := newCursor(tfdt)
	version, _ := t.full()
	begin = int64(t.word(version))
	c := newCursor(trun)
	if _, flags := c.full(); flags != 0xf01 {
		return nil, 0, trun.errorf("has flags %#x, not those of a clip of ours", flags)
	}
	n := c.u32()
	c.u32()
	if int64(n)*16 > int64(len(c.p)) {
		return nil, 0, trun.errorf("says there are %d samples, %d bytes are left", n, len(c.p))
	}
	samples = make([]sample, n)
	for i := range samples {
		samples[i].step = c.u32()
		samples[i].size = int(c.u32())
		flags := c.u32()
		samples[i].key = flags&flagsNotKey == 0
		samples[i].lost = flags&flagLost != 0
		samples[i].cts = c.u32()
	}
	return samples, begin, errors.Join(c.err, t.err)
}
