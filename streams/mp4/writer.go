package mp4

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"bongsu/streams"
)

// MaxBytes is the most that one clip may hold; Add refuses what goes beyond.
const MaxBytes = 1 << 31

// ErrNotKey says that the first unit of a clip is not one at which decoding can start.
var ErrNotKey = errors.New("mp4: a clip must begin with a key unit")

// ErrNoParams says that a clip's first unit came without complete parameter sets.
var ErrNoParams = errors.New("mp4: the parameter sets are not complete: nothing could decode the clip")

// ErrCodecChanged says that a unit's coding differs from that of the clip: begin a new one.
var ErrCodecChanged = errors.New("mp4: the codec changed within a clip")

// WriterOptions are the choices of Create.
type WriterOptions struct {
	FS  FS           // nil: Disk
	Log *slog.Logger // nil: silent
}

// Summary says what a clip holds.
type Summary struct {
	Path          string
	Bytes         int64
	SHA256        string        // of all bytes, lower-case hex
	Start         time.Time     // wall clock of the first sample, UTC
	Duration      time.Duration // from the first picture shown to the end of the last
	Samples       int
	Codec         string // RFC 6381
	Width, Height int    // pixels; 0 when the SPS could not be read
	Tainted       bool   // data was lost within the clip, or before its end
	Whole         bool   // closed as meant: index first, every sample there
	Bent          int    // steps of time that were not taken as stamped (docs/design/clips.md)
}

// sample is one unit of a clip as the index needs it.
type sample struct {
	off  int64 // in the journal
	size int
	step uint32 // ticks to the next sample
	cts  uint32 // ticks from decoding to showing
	key  bool
	lost bool
}

// Writer writes one clip. Its methods block on the disk, and are for one goroutine. Until
// Close the file is a fragmented MP4 (ISO/IEC 14496-12, 8.8), so that what a dead writer
// leaves is whole but for its last second: Salvage finishes it.
type Writer struct {
	path    string
	files   FS
	log     *slog.Logger
	file    File
	track   clipTrack
	time    timeline
	samples []sample   // all but the last, whose step is not known
	last    *sample    // not yet in samples
	lastAt  int64      // ticks, of last
	pending [][]byte   // NAL units of last
	units   [][]byte   // NAL units of the open fragment
	frag    []fragment // the closed ones
	open    fragment   // the open one
	end     int64      // bytes of the journal that are whole
	media   int64      // bytes of all samples
	buf     []byte     // reused for fragments
	err     error      // the first one; sticky
}

// fragment is one moof and its mdat.
type fragment struct {
	off   int64 // in the journal
	first int   // its first sample
	begin int64 // ticks of its first sample
	bytes int64 // of its samples
}

// Create makes the file at path and prepares a clip. The caller calls Close, CloseAt or Abort,
// exactly once.
func Create(path string, o WriterOptions) (*Writer, error) {
	if o.FS == nil {
		o.FS = Disk{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	f, err := o.FS.Create(path)
	if err != nil {
		return nil, fmt.Errorf("mp4: creating a clip: %w", err)
	}
	return &Writer{path: path, files: o.FS, log: o.Log, file: f}, nil
}

// Add appends a unit; the first must be a key unit with complete parameter sets. The unit's
// bytes go to the file unchanged, within a second of media. After an error that is not
// ErrNotKey or ErrCodecChanged every later Add returns it again; Close saves what was whole.
func (w *Writer) Add(au *streams.AccessUnit) error {
	if w.err != nil {
		return w.err
	}
	if w.last == nil && len(w.samples) == 0 {
		if err := w.begin(au); err != nil {
			return err
		}
	}
	if au.Codec != w.track.codec {
		return ErrCodecChanged
	}
	size := au.Size() + 4*len(au.NALs)
	if w.media+int64(size) > MaxBytes {
		return w.fail(fmt.Errorf("mp4: clip %s would grow beyond %d bytes", filepath.Base(w.path), MaxBytes))
	}
	at, step, cts := w.time.next(au)
	if at > maxMedia {
		return w.fail(fmt.Errorf("mp4: clip %s would last longer than %v", filepath.Base(w.path), fromTicks(maxMedia)))
	}
	if w.last != nil {
		w.keep(step)
		if w.full(at, au.Key) {
			if err := w.flush(at); err != nil {
				return err
			}
		}
	} else {
		w.track.first = cts
		if err := w.writeHead(); err != nil {
			return err
		}
	}
	w.noteSets(au)
	w.last = &sample{size: size, cts: uint32(cts), key: au.Key, lost: au.Lost && len(w.samples) > 0}
	w.lastAt, w.pending = at, au.NALs
	w.media += int64(size)
	return nil
}

// begin takes from the first unit what the index needs.
func (w *Writer) begin(au *streams.AccessUnit) error {
	if !au.Key {
		return ErrNotKey
	}
	var err error
	if w.track, err = newTrack(au); err != nil {
		return err
	}
	w.track.start = au.Wall.UTC()
	w.track.addInBand(au.NALs)
	if w.track.pic, err = parseSPS(au.Codec, au.Params.SPS); err != nil {
		// Players read the SPS themselves: a size of 0 in the index hurts less than no clip.
		w.log.Warn("the clip's index will not know the size of its pictures", "err", err, "camera", au.Camera)
	}
	return nil
}

// newTrack takes the parameter sets in force for a unit.
func newTrack(au *streams.AccessUnit) (clipTrack, error) {
	t := clipTrack{codec: au.Codec}
	if au.Params == nil || !au.Params.Complete() || au.Params.Codec != au.Codec {
		return t, ErrNoParams
	}
	for _, s := range [][]byte{au.Params.VPS, au.Params.SPS, au.Params.PPS} {
		if len(s) > 0xffff {
			return t, fmt.Errorf("mp4: a parameter set has %d bytes: %w", len(s), ErrNoParams)
		}
		if s != nil {
			t.sets = append(t.sets, s)
		}
	}
	if len(t.ofKind(1)) == 0 || len(t.ofKind(2)) == 0 {
		return t, ErrNoParams
	}
	return t, nil
}

// addInBand adds the parameter sets of the first unit that are not known yet: some cameras
// have several PPS.
func (c *clipTrack) addInBand(nals [][]byte) {
	for _, nal := range nals {
		kind := setKind(c.codec, nal)
		if kind < 0 || len(nal) > 0xffff || len(c.ofKind(kind)) >= 16 {
			continue
		}
		known := false
		for _, s := range c.sets {
			known = known || string(s) == string(nal)
		}
		if !known {
			c.sets = append(c.sets, nal)
		}
	}
}

// noteSets remembers that parameter sets are among the samples.
func (w *Writer) noteSets(au *streams.AccessUnit) {
	for _, nal := range au.NALs {
		if setKind(au.Codec, nal) >= 0 {
			w.track.inBand = true
			return
		}
	}
}

// keep moves the last unit, whose step is known now, into the open fragment.
func (w *Writer) keep(step int64) {
	w.last.step = uint32(step)
	if len(w.units) == 0 {
		w.open = fragment{off: w.end, first: len(w.samples), begin: w.lastAt}
	}
	w.units = append(w.units, w.pending...)
	w.open.bytes += int64(w.last.size)
	w.samples = append(w.samples, *w.last)
	w.last, w.pending = nil, nil
}

// Bounds of a fragment: what a dead writer may lose, and what is held in memory.
const (
	fragmentTicks = 1 * timescale
	fragmentBytes = 1 << 20
)

// full reports whether the open fragment ends before a unit at that time.
func (w *Writer) full(at int64, key bool) bool {
	return key || at-w.open.begin >= fragmentTicks || w.open.bytes >= fragmentBytes
}

// fail makes err sticky.
func (w *Writer) fail(err error) error {
	w.err = err
	return err
}

// Samples is the number of units added.
func (w *Writer) Samples() int {
	if w.last != nil {
		return len(w.samples) + 1
	}
	return len(w.samples)
}

// At is the time on the track at which the last unit added is decoded; the first is at 0.
func (w *Writer) At() time.Duration { return fromTicks(w.lastAt) }

// Next is the time on the track at which au would be decoded if it were added now, and the
// step from the unit before it.
func (w *Writer) Next(au *streams.AccessUnit) (at, step time.Duration) {
	line := w.time
	a, s, _ := line.next(au)
	return fromTicks(a), fromTicks(s)
}

// Bytes is the size of all units added.
func (w *Writer) Bytes() int64 { return w.media }

// Leave writes what it holds and closes the file without finishing it: for a writer that has
// no time left. Salvage does the rest later.
func (w *Writer) Leave() error {
	if errors.Is(w.err, errClosed) {
		return w.err
	}
	if w.last != nil && w.err == nil {
		w.keep(max(w.time.step, 1))
		_ = w.flush(0) // sticky: it is told below
	}
	err := errors.Join(w.err, w.file.Close())
	w.err = errClosed
	return err
}

// Abort closes and removes the file.
func (w *Writer) Abort() error {
	err := errors.Join(w.file.Close(), w.files.Remove(w.path), w.files.SyncDir(dirOf(w.path)))
	w.err = errClosed
	return err
}

var errClosed = errors.New("mp4: the clip is closed")
