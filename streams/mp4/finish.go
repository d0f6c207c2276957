package mp4

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
)

// Close finishes the clip with all units added; see CloseAt.
func (w *Writer) Close() (Summary, error) { return w.CloseAt(w.Samples()) }

// CloseAt finishes the clip with its first n units and leaves out the rest: a file with its
// index first takes the place of the journal at the same path, in one step, durable on
// return. When that cannot be done (a full disk) the whole fragments of the journal stay in
// its place, durable too, and a Summary with Whole false comes with the error. When nothing
// can be saved the Summary is empty, and removing the file is the caller's. It blocks on the
// disk: the clip is copied once.
func (w *Writer) CloseAt(n int) (Summary, error) {
	if errors.Is(w.err, errClosed) {
		return Summary{}, w.err
	}
	if w.last != nil && w.err == nil {
		step := w.time.step
		if step == 0 {
			step = defaultStep
		}
		w.keep(step)
	}
	if w.err == nil {
		_ = w.flush(0) // sticky: it is told below
	}
	defer func() { w.err = errClosed }()
	j := &journal{path: w.path, files: w.files, file: w.file, track: w.track, samples: w.samples, frag: w.frag, end: w.end, bent: w.time.bent}
	return j.finish(n, w.err)
}

// journal is a clip before it is finished, by its writer or by Salvage.
type journal struct {
	path    string
	files   FS
	file    File
	track   clipTrack
	samples []sample
	frag    []fragment
	end     int64 // bytes that are whole
	at      int64 // ticks of all samples, while a file is read
	bent    int
	torn    bool // the writer did not come to its end
}

// finish is CloseAt, after an error of the writer if there was one.
func (j *journal) finish(n int, failed error) (Summary, error) {
	written := len(j.samples)
	for written > 0 && j.samples[written-1].off == 0 {
		written-- // these never reached the file
	}
	j.samples = j.samples[:written]
	n = min(n, written)
	if n == 0 {
		if failed == nil {
			failed = errors.New("mp4: the clip is empty")
		}
		return Summary{}, errors.Join(failed, j.file.Close())
	}
	if failed == nil {
		s, err := j.rewrite(n)
		if err == nil {
			return j.replace(s)
		}
		failed = errors.Join(err, removeTemp(j.files, j.path))
	}
	s, err := j.settle(n)
	return s, errors.Join(failed, err)
}

// rewrite makes a durable file with its index first beside the journal and gives it the
// journal's name.
func (j *journal) rewrite(n int) (Summary, error) {
	temp := j.path + tempSuffix
	if err := removeTemp(j.files, j.path); err != nil {
		return Summary{}, err
	}
	out, err := j.files.Create(temp)
	if err != nil {
		return Summary{}, fmt.Errorf("mp4: finishing a clip: %w", err)
	}
	s, err := j.write(out, j.samples[:n])
	if err == nil {
		err = out.Sync()
	}
	if err = errors.Join(err, out.Close()); err == nil {
		err = j.files.Rename(temp, j.path)
	}
	if err != nil {
		return Summary{}, fmt.Errorf("mp4: finishing a clip: %w", err)
	}
	return s, nil
}

// replace makes the new name durable. The journal is without a name now: what its closing says
// does not matter. When the folder cannot be synced nobody knows which of the two a power cut
// would leave, so that nothing is promised.
func (j *journal) replace(s Summary) (Summary, error) {
	_ = j.file.Close()
	if err := j.files.SyncDir(dirOf(j.path)); err != nil {
		return Summary{}, fmt.Errorf("mp4: finishing a clip: %w", err)
	}
	return s, nil
}

// write writes the finished file: ftyp, moov, mdat.
func (j *journal) write(out io.Writer, samples []sample) (Summary, error) {
	track := j.track
	s := Summary{Path: j.path, Samples: len(samples), Whole: !j.torn, Bent: j.bent}
	var media, shown, at int64
	for i := range samples {
		sm := &samples[i]
		track.taint = track.taint || sm.lost
		media += int64(sm.size)
		shown = max(shown, at+int64(sm.cts)+int64(sm.step)-track.first)
		at += int64(sm.step)
	}
	if media > MaxBytes || at > maxMedia+maxGap {
		return s, fmt.Errorf("%d bytes and %v of pictures are more than a clip may hold", media, fromTicks(at))
	}
	head := func(offset uint32) []byte {
		var o builder
		o.ftyp(&track, false)
		o.moov(&track, shown, at, func() { o.tables(samples, offset) })
		o.u32(uint32(8 + media))
		o.str("mdat")
		return o.b
	}
	size := len(head(0))
	sum := sha256.New()
	counted := &counter{w: io.MultiWriter(out, sum)}
	if _, err := counted.Write(head(uint32(size))); err != nil {
		return s, err
	}
	if err := j.copySamples(counted, samples); err != nil {
		return s, err
	}
	j.describe(&s, &track, shown)
	s.Bytes, s.SHA256 = counted.n, hexSum(sum)
	return s, nil
}

// describe fills in what does not depend on the form of the file.
func (j *journal) describe(s *Summary, track *clipTrack, shown int64) {
	s.Start, s.Duration, s.Codec = track.start, fromTicks(shown), track.codecString()
	s.Width, s.Height, s.Tainted = track.pic.width, track.pic.height, track.taint
}

// copySamples copies the samples' bytes from the journal, neighbours together.
func (j *journal) copySamples(out io.Writer, samples []sample) error {
	buf := make([]byte, 256<<10)
	for i := 0; i < len(samples); {
		from, to := samples[i].off, samples[i].off
		for ; i < len(samples) && samples[i].off == to; i++ {
			to += int64(samples[i].size)
		}
		n, err := io.CopyBuffer(onlyWriter{out}, io.NewSectionReader(j.file, from, to-from), buf)
		if err == nil && n != to-from {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// onlyWriter hides other methods, so that the copy uses its own buffer.
type onlyWriter struct{ io.Writer }

// counter counts the bytes written.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

func hexSum(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }

// settle makes of the journal's whole fragments the clip as it stays: players read it, though
// it cannot be searched as fast. Fragments with samples from n on are cut off.
func (j *journal) settle(n int) (Summary, error) {
	end, kept := j.end, len(j.samples)
	for _, f := range j.frag {
		if f.first >= n {
			end, kept = f.off, f.first
			break
		}
	}
	s := Summary{Path: j.path, Samples: kept, Bytes: end, Bent: j.bent}
	track := j.track
	track.inBand = true // what the head of a journal says
	var shown, at int64
	for i := range j.samples[:kept] {
		sm := &j.samples[i]
		track.taint = track.taint || sm.lost
		shown = max(shown, at+int64(sm.cts)+int64(sm.step)-track.first)
		at += int64(sm.step)
	}
	j.describe(&s, &track, shown)
	sum := sha256.New()
	err := j.file.Truncate(end)
	if err == nil {
		err = j.file.Sync()
	}
	if err == nil {
		_, err = io.Copy(sum, io.NewSectionReader(j.file, 0, end))
	}
	if err = errors.Join(err, j.file.Close(), j.files.SyncDir(dirOf(j.path))); err != nil {
		return Summary{}, err
	}
	s.SHA256 = hexSum(sum)
	return s, nil
}

// tables writes the sample tables (8.6, 8.7); all samples are one chunk at offset.
func (o *builder) tables(samples []sample, offset uint32) {
	step := func(i int) uint32 { return samples[i].step }
	cts := func(i int) uint32 { return samples[i].cts }
	o.full("stts", 0, 0, func() { o.runs(len(samples), step) })
	keys, reordered := 0, false
	for i := range samples {
		if samples[i].key {
			keys++
		}
		reordered = reordered || samples[i].cts != 0
	}
	if reordered {
		o.full("ctts", 0, 0, func() { o.runs(len(samples), cts) })
	}
	if keys < len(samples) {
		o.full("stss", 0, 0, func() {
			o.u32(uint32(keys))
			for i := range samples {
				if samples[i].key {
					o.u32(uint32(i + 1))
				}
			}
		})
	}
	o.full("stsc", 0, 0, func() { o.u32(1, 1, uint32(len(samples)), 1) })
	o.full("stsz", 0, 0, func() {
		o.u32(0, uint32(len(samples)))
		for i := range samples {
			o.u32(uint32(samples[i].size))
		}
	})
	o.full("stco", 0, 0, func() { o.u32(1, offset) })
}

// runs writes a run-length table of n values.
func (o *builder) runs(n int, value func(int) uint32) {
	count := len(o.b)
	o.u32(0)
	rows := uint32(0)
	for i := 0; i < n; {
		k := i
		for k < n && value(k) == value(i) {
			k++
		}
		o.u32(uint32(k-i), value(i))
		rows++
		i = k
	}
	o.b[count], o.b[count+1], o.b[count+2], o.b[count+3] = byte(rows>>24), byte(rows>>16), byte(rows>>8), byte(rows)
}
