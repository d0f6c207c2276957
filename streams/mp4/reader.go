package mp4

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"bongsu/streams"
)

// ErrFragmented says that a file is fragmented: its index is spread over it. Open does not
// read such files; Salvage finishes those that this package began.
var ErrFragmented = errors.New("mp4: the file is fragmented: finish it first (ffmpeg -i in.mp4 -c copy out.mp4)")

// Sample is one coded picture of a file, in decoding order.
type Sample struct {
	PTS, DTS time.Duration // on the presentation time line, edit list applied; negative: decoded but not shown
	Offset   int64         // bytes from the start of the file
	Size     int           // bytes
	Key      bool          // decoding can start here
}

// Reader gives the samples of the first H.264 or H.265 track of an MP4 file (ISO/IEC
// 14496-12). It holds the index in memory and reads samples from the file when asked; it may
// be used by several goroutines when the io.ReaderAt may.
type Reader struct {
	r        io.ReaderAt
	size     int64
	samples  []Sample
	cfg      *config
	params   streams.Params
	entry    string // avc1, avc3, hvc1 or hev1
	width    int
	height   int
	duration time.Duration
}

// Open reads the index of a file of size bytes. Other tracks, audio among them, are ignored,
// rotation too. It needs memory in proportion to the index (at most 64 MiB of it are read,
// and 2 Mi samples). Errors are *FormatError, ErrFragmented or what r returned; nothing is
// kept open, closing r is the caller's.
func Open(r io.ReaderAt, size int64) (*Reader, error) {
	moov, err := findMoov(r, size)
	if err != nil {
		return nil, err
	}
	top, err := moov.children(0)
	if err != nil {
		return nil, err
	}
	if find(top, "mvex") != nil {
		return nil, ErrFragmented
	}
	mvhd, err := must(moov, top, "mvhd")
	if err != nil {
		return nil, err
	}
	movieScale, err := timeScale(mvhd)
	if err != nil {
		return nil, err
	}
	var seen []string
	for i := range top {
		if top[i].kind != "trak" {
			continue
		}
		rd := &Reader{r: r, size: size}
		kind, err := rd.openTrack(&top[i], movieScale)
		if err != nil {
			return nil, err
		}
		if rd.cfg != nil {
			return rd, rd.completeParams()
		}
		seen = append(seen, kind)
	}
	if len(seen) == 0 {
		return nil, moov.errorf("holds no track")
	}
	return nil, moov.errorf("holds no H.264 or H.265 video track, only %s", strings.Join(seen, ", "))
}

// findMoov loads the movie box. A box at the end that is cut off does not matter when the
// movie box came before it.
func findMoov(r io.ReaderAt, size int64) (*box, error) {
	var moov *box
	var inner error
	where, err := scanTop(r, size, func(h header, off, boxSize int64) bool {
		if h.kind != "moov" {
			return true
		}
		moov, inner = load(r, h, off, boxSize)
		return false
	})
	if inner != nil || moov != nil {
		return moov, inner
	}
	if err != nil {
		return nil, err
	}
	return nil, &FormatError{Message: fmt.Sprintf("no index (moov) in the first %d of %d bytes: the file is no MP4, or its writer was cut off", where, size)}
}

// timeScale reads the units a second of mvhd or mdhd (8.2.2, 8.4.2).
func timeScale(b *box) (uint32, error) {
	c := newCursor(b)
	version, _ := c.full()
	c.word(version)
	c.word(version)
	scale := c.u32()
	if c.err != nil {
		return 0, c.err
	}
	return scale, checkScale(b, scale)
}

// openTrack reads one track. When it is none that is read, kind says what it holds and cfg
// stays nil.
func (rd *Reader) openTrack(trak *box, movieScale uint32) (kind string, err error) {
	boxes, err := trak.children(0)
	if err != nil {
		return "", err
	}
	mdia, err := must(trak, boxes, "mdia")
	if err != nil {
		return "", err
	}
	hdlr, err := mdia.descend("hdlr")
	if err != nil {
		return "", err
	}
	c := newCursor(hdlr)
	c.take(8)
	if media := string(c.take(4)); media != "vide" || c.err != nil {
		return fmt.Sprintf("a track of type %q", printable(media)), c.err
	}
	stbl, err := mdia.descend("minf", "stbl")
	if err != nil {
		return "", err
	}
	tables, err := stbl.children(0)
	if err != nil {
		return "", err
	}
	if kind, err = rd.openEntry(stbl, tables); rd.cfg == nil || err != nil {
		return kind, err
	}
	mdhd, err := mdia.descend("mdhd")
	if err != nil {
		return "", err
	}
	mediaScale, err := timeScale(mdhd)
	if err != nil {
		return "", err
	}
	shift, err := editShift(boxes, movieScale, mediaScale)
	if err != nil {
		return "", err
	}
	return kind, rd.openTables(stbl, tables, shift, mediaScale)
}

// openEntry reads the first sample entry (8.5.2, 12.1.3) and its decoder configuration.
func (rd *Reader) openEntry(stbl *box, tables []box) (kind string, err error) {
	stsd, err := must(stbl, tables, "stsd")
	if err != nil {
		return "", err
	}
	entries, err := stsd.children(8)
	if err != nil {
		return "", err
	}
	if len(entries) == 0 {
		return "", stsd.errorf("describes no sample")
	}
	e := &entries[0]
	want := map[string]string{"avc1": "avcC", "avc3": "avcC", "hvc1": "hvcC", "hev1": "hvcC"}[e.kind]
	if want == "" {
		return describe(e.kind), nil
	}
	boxes, err := e.children(78)
	if err != nil {
		return "", err
	}
	c := newCursor(e)
	c.take(24)
	rd.width, rd.height, rd.entry = int(c.u16()), int(c.u16()), e.kind
	record, err := must(e, boxes, want)
	if err != nil {
		return "", err
	}
	if want == "avcC" {
		rd.cfg, err = parseAvcC(record)
	} else {
		rd.cfg, err = parseHvcC(record)
	}
	return e.kind, err
}

// openTables expands the sample tables.
func (rd *Reader) openTables(stbl *box, tables []box, shift int64, scale uint32) error {
	stsz, err := must(stbl, tables, "stsz")
	if err != nil {
		return err
	}
	if rd.samples, err = sampleSizes(stsz, rd.size); err != nil {
		return err
	}
	if len(rd.samples) == 0 {
		return stsz.errorf("lists no samples: the track is empty")
	}
	if err := sampleOffsets(stbl, tables, rd.samples); err != nil {
		return err
	}
	if rd.duration, err = sampleTimes(stbl, tables, rd.samples, shift, scale); err != nil {
		return err
	}
	return sampleKeys(tables, rd.samples)
}

// completeParams looks for parameter sets in the first key sample when the sample entry does
// not have them all, as avc3 and hev1 allow.
func (rd *Reader) completeParams() error {
	rd.params = rd.cfg.params()
	if rd.params.Complete() {
		return nil
	}
	for i := range rd.samples {
		if !rd.samples[i].Key {
			continue
		}
		nals, err := rd.Sample(i)
		if err != nil {
			return err
		}
		for _, nal := range nals {
			addSet(&rd.params, nal)
		}
		break
	}
	return nil
}

// Samples lists all samples in decoding order. The slice is the reader's own: do not change it.
func (rd *Reader) Samples() []Sample { return rd.samples }

// Len is the number of samples.
func (rd *Reader) Len() int { return len(rd.samples) }

// Sample reads the NAL units of sample i (0 ≤ i < Len), without their length prefixes, bytes
// as they are in the file. The memory is the caller's.
func (rd *Reader) Sample(i int) ([][]byte, error) {
	if i < 0 || i >= len(rd.samples) {
		return nil, fmt.Errorf("mp4: there is no sample %d, the file has %d", i, len(rd.samples))
	}
	s := rd.samples[i]
	fail := func(format string, args ...any) error {
		return &FormatError{Path: "mdat", Offset: s.Offset, Message: fmt.Sprintf("sample %d: %s", i, fmt.Sprintf(format, args...))}
	}
	if s.Offset > rd.size || int64(s.Size) > rd.size-s.Offset {
		return nil, fail("its %d bytes go beyond the end of the file (%d bytes): the file is cut off", s.Size, rd.size)
	}
	if s.Size > maxSampleBytes {
		return nil, fail("it has %d bytes, more than the %d that are read", s.Size, maxSampleBytes)
	}
	p := make([]byte, s.Size)
	if err := readFull(rd.r, p, s.Offset); err != nil {
		return nil, err
	}
	nals, err := splitNALs(p, rd.cfg.lengthSize)
	if err != nil {
		return nil, fail("%v", err)
	}
	return nals, nil
}

// Params gives the first parameter set of each kind, from the sample entry or, where that has
// none, from the first key sample; Complete tells whether all were found.
func (rd *Reader) Params() streams.Params { return rd.params }

// ParameterSets lists all parameter sets of the sample entry in its order; a decoder needs
// them before the first key sample. Empty when they are in the samples only.
func (rd *Reader) ParameterSets() [][]byte { return rd.cfg.sets }

// Codec is the coding of the pictures.
func (rd *Reader) Codec() streams.Codec { return rd.cfg.codec }

// Width is the picture's width in pixels, as the sample entry says.
func (rd *Reader) Width() int { return rd.width }

// Height is the picture's height in pixels, as the sample entry says.
func (rd *Reader) Height() int { return rd.height }

// CodecString is the codecs parameter of RFC 6381, such as "avc1.64001f".
func (rd *Reader) CodecString() string {
	general := rd.cfg.general
	if general == nil && rd.cfg.codec == streams.H265 {
		general = h265General(rd.params.SPS)
	}
	return codecString(rd.entry, rd.params.SPS, general)
}

// Duration is the sum of all sample durations.
func (rd *Reader) Duration() time.Duration { return rd.duration }

// FPS is the mean number of pictures a second; 0 when the file does not say how long it is.
func (rd *Reader) FPS() float64 {
	if rd.duration <= 0 {
		return 0
	}
	return float64(len(rd.samples)) / rd.duration.Seconds()
}
