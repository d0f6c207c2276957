//go:build cgo

package avcodec

// #cgo pkg-config: libavcodec libavutil
// #include "native.h"
import "C"

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"bongsu"
	"bongsu/streams"
)

var (
	errNoMemory = errors.New("avcodec: out of memory")
	errFull     = errors.New("avcodec: call Receive until it returns ErrNeedMore before the next Send")
	quiet       = sync.OnceFunc(func() { C.bg_quiet() })
)

// Live is the number of C objects (contexts, frames, packets, buffers) that this package
// holds in this process. It is zero when every Decoder and Encoder is closed and every Frame
// released.
func Live() int64 { return int64(C.bg_live()) }

// ringSize is how many units libavcodec may hold back; both codecs reorder at most 16 pictures.
const ringSize = 64

// meta is what a picture inherits from its access unit.
type meta struct {
	index       int64
	camera      bongsu.CameraID
	run         bongsu.RunID
	seq         uint64
	pts         time.Duration
	wall        time.Time
	arrived     time.Time
	cameraClock time.Time
	key         bool
	mark        mark
}

// Decoder decodes the access units of one camera. One goroutine uses it: Send a unit, then
// Receive until ErrNeedMore. Stats and the frames may be used from anywhere.
type Decoder struct {
	opt     Options
	c       *C.bg_decoder // nil after Close
	pool    *pool
	ring    [ringSize]meta // by index of the unit
	next    int64          // index of the next unit
	taint   taint
	sizes   sizes
	refused error // why units are skipped until a key unit with other parameters

	units, refusals, pictures, tainted, failures, noFrame atomic.Uint64
}

// NewDecoder opens a decoder. Close frees it.
func NewDecoder(opt Options) (*Decoder, error) {
	opt.fill()
	id, ok := codecID(opt.Codec)
	if !ok {
		return nil, fmt.Errorf("avcodec: codec %v cannot be decoded: H.264 and H.265 can", opt.Codec)
	}
	quiet()
	p, err := newPool(opt.Frames)
	if err != nil {
		return nil, err
	}
	c := C.bg_decoder_new(id, C.int64_t(opt.coded()))
	if c == nil {
		p.close()
		return nil, fmt.Errorf("avcodec: libavcodec gives no %v decoder: install a build of FFmpeg that has it", opt.Codec)
	}
	return &Decoder{opt: opt, c: c, pool: p}, nil
}

func codecID(c streams.Codec) (C.int, bool) {
	switch c {
	case streams.H264:
		return C.AV_CODEC_ID_H264, true
	case streams.H265:
		return C.AV_CODEC_ID_HEVC, true
	}
	return 0, false
}

// Close frees the decoder. Frames that are held stay valid until they are released. It may be
// called more than once.
func (d *Decoder) Close() {
	if d.c == nil {
		return
	}
	C.bg_decoder_free(d.c)
	d.c = nil
	d.pool.close()
	Trim()
}

// Trim gives the system back what the C library keeps of memory that was freed. It takes about a
// millisecond for each ten MiB and may be called from any goroutine at any time.
func Trim() { C.bg_trim() }

// MarkLoss says that units before the next one were dropped: pictures are tainted until the
// next key unit. A gap in AccessUnit.Seq is noticed without it.
func (d *Decoder) MarkLoss() { d.taint.lose() }

// Stats may be called from any goroutine.
func (d *Decoder) Stats() Stats {
	return Stats{
		Units: d.units.Load(), Refused: d.refusals.Load(), Pictures: d.pictures.Load(),
		Tainted: d.tainted.Load(), Errors: d.failures.Load(), NoFrame: d.noFrame.Load(), Held: d.pool.held(),
	}
}

// Send decodes one unit. An *streams.Error says what is wrong with it; the stream may go on
// with the next unit, and pictures are tainted until the next key unit. Receive is to be
// called until ErrNeedMore after every Send, also after one that failed.
func (d *Decoder) Send(au *streams.AccessUnit) error {
	if d.c == nil {
		return ErrClosed
	}
	d.units.Add(1)
	has := contentOf(au)
	if err := d.admit(au, has); err != nil {
		d.refusals.Add(1)
		d.taint.lose()
		return d.fail(au, err)
	}
	m := d.remember(au, has)
	add := missing(au, has)
	size := packedSize(au, add)
	if size == 0 {
		return d.broken(m, au, errors.New("the unit is empty"))
	}
	if size > d.opt.MaxUnitBytes {
		return d.broken(m, au, &limitError{ReasonTooLarge, fmt.Sprintf("the unit has %d bytes, allowed are %d", size, d.opt.MaxUnitBytes)})
	}
	room := C.bg_decoder_room(d.c, C.int64_t(size))
	if room == nil {
		return d.broken(m, au, errNoMemory)
	}
	pack(unsafe.Slice((*byte)(room), size), au, add)
	if code := C.bg_decoder_send(d.c, C.int64_t(size), C.int64_t(m.index), flag(au.Key)); code != C.BG_OK {
		return d.broken(m, au, d.reason(code))
	}
	return nil
}

// admit refuses what must not reach libavcodec: another codec, or pictures above MaxPixels.
func (d *Decoder) admit(au *streams.AccessUnit, has content) error {
	if au.Codec != d.opt.Codec {
		return &limitError{ReasonUnsupported, fmt.Sprintf("the unit is %v, the decoder was opened for %v", au.Codec, d.opt.Codec)}
	}
	if au.Key {
		d.refused = nil
	}
	if has.sps {
		for _, nal := range au.NALs {
			if kindOf(au.Codec, nal) == kindSPS {
				d.judge(au.Codec, nal)
			}
		}
	} else if au.Key && au.Params != nil && len(au.Params.SPS) > 0 {
		d.judge(au.Codec, au.Params.SPS)
	}
	return d.refused
}

func (d *Decoder) judge(c streams.Codec, sps []byte) {
	if pixels, text := d.sizes.check(c, sps); pixels > d.opt.coded() {
		d.refused = &limitError{ReasonTooLarge, fmt.Sprintf(
			"the picture is %s, %d pixels are allowed: lower the camera's resolution, or raise the limit", text, d.opt.MaxPixels)}
	}
}

// remember writes down what the unit's picture will carry.
func (d *Decoder) remember(au *streams.AccessUnit, has content) *meta {
	if d.next > 0 {
		last := &d.ring[(d.next-1)%ringSize]
		if au.Run != last.run || au.Seq != last.seq+1 {
			d.taint.lose()
		}
	}
	m := &d.ring[d.next%ringSize]
	*m = meta{
		index: d.next, camera: au.Camera, run: au.Run, seq: au.Seq, pts: au.PTS, wall: au.Wall,
		arrived: au.Arrived, cameraClock: au.CameraClock, key: au.Key,
		mark: d.taint.unit(au.Key, has.leading, au.Lost),
	}
	d.next++
	return m
}

// broken taints what a unit that failed leads to.
func (d *Decoder) broken(m *meta, au *streams.AccessUnit, err error) error {
	m.mark.tainted = true
	d.taint.damaged(m.mark)
	return d.fail(au, err)
}

// limitError is a refusal by a limit of ours, not by libavcodec.
type limitError struct{ code, text string }

func (e *limitError) Error() string { return e.text }

func (d *Decoder) fail(au *streams.AccessUnit, err error) error {
	d.failures.Add(1)
	e := &streams.Error{Camera: au.Camera, Run: au.Run, Seq: au.Seq, PTS: au.PTS, Op: "decode", Code: ReasonDecode, Err: err}
	var l *limitError
	if errors.As(err, &l) {
		e.Code, e.State = l.code, bongsu.CameraFailed
	}
	return e
}

func (d *Decoder) reason(code C.int) error {
	switch code {
	case C.BG_NO_MEMORY:
		return errNoMemory
	case C.BG_FULL:
		return errFull
	}
	return errors.New(C.GoString(&d.c.text[0]))
}

func flag(b bool) C.int {
	if b {
		return 1
	}
	return 0
}

// Drain says that no more units come: Receive gives what is left and then io.EOF.
func (d *Decoder) Drain() error {
	if d.c == nil {
		return ErrClosed
	}
	if code := C.bg_decoder_send(d.c, 0, 0, 0); code != C.BG_OK {
		return d.reason(code)
	}
	return nil
}

// Receive returns the next picture in display order, with one reference that the caller
// releases. It returns ErrNeedMore when another unit has to be sent first, and io.EOF after
// Drain. An *streams.Error is about one picture; call Receive again. When all Options.Frames
// are held the picture is dropped and counted (Stats.NoFrame).
func (d *Decoder) Receive() (*bongsu.Frame, error) {
	if d.c == nil {
		return nil, ErrClosed
	}
	for {
		s := d.pool.take()
		if s == nil {
			if err := d.discard(); err != nil {
				return nil, err
			}
			continue
		}
		switch code := C.bg_decoder_receive(d.c, s.av); code {
		case C.BG_OK:
			return d.deliver(s)
		case C.BG_NEED_MORE:
			d.pool.back(s)
			return nil, ErrNeedMore
		case C.BG_END:
			d.pool.back(s)
			return nil, io.EOF
		default:
			d.pool.back(s)
			last := &d.ring[max(d.next-1, 0)%ringSize]
			last.mark.tainted = true
			d.taint.damaged(last.mark)
			return nil, d.failPicture(last, ReasonDecode, "", d.reason(code))
		}
	}
}

// discard takes the next picture out of libavcodec without a slot to put it in.
func (d *Decoder) discard() error {
	av := C.bg_frame_new()
	if av == nil {
		return errNoMemory
	}
	defer C.bg_frame_free(av)
	switch code := C.bg_decoder_receive(d.c, av); code {
	case C.BG_OK:
		d.noFrame.Add(1)
		return nil
	case C.BG_NEED_MORE:
		return ErrNeedMore
	case C.BG_END:
		return io.EOF
	default:
		return d.reason(code)
	}
}

// deliver makes a Frame of the picture in s.
func (d *Decoder) deliver(s *slot) (*bongsu.Frame, error) {
	p := &d.c.picture
	m := d.metaOf(int64(p.index))
	if p.damaged != 0 {
		d.spread(m)
	}
	if p.format == C.BG_FORMAT_OTHER {
		d.pool.put(s)
		return nil, d.failPicture(m, ReasonUnsupported, bongsu.CameraFailed, fmt.Errorf(
			"pixel format %s: only 8-bit 4:2:0 is analysed, set the camera to H.264 High or H.265 Main", C.GoString(&d.c.text[0])))
	}
	f := &s.frame
	f.Camera, f.Run, f.Seq, f.PTS = m.camera, m.run, m.seq, m.pts
	f.Wall, f.Arrived, f.CameraClock = m.wall, m.arrived, m.cameraClock
	f.Decoded, f.Key, f.Tainted = d.opt.Now(), m.key, m.mark.tainted
	f.Owner = s
	show(f, p)
	d.pictures.Add(1)
	if f.Tainted {
		d.tainted.Add(1)
	}
	return f, nil
}

// metaOf finds the unit of a picture. A picture whose unit is unknown (libavcodec made it up
// from broken data) gets the last unit's place, tainted.
func (d *Decoder) metaOf(index int64) *meta {
	if index >= 0 && index < d.next {
		if m := &d.ring[index%ringSize]; m.index == index {
			return m
		}
	}
	m := &d.ring[max(d.next-1, 0)%ringSize]
	m.mark.tainted = true
	return m
}

// spread taints m, what was decoded after it in the same stretch, and what will be.
func (d *Decoder) spread(m *meta) {
	d.taint.damaged(m.mark)
	for i := range d.ring {
		if o := &d.ring[i]; o.index >= m.index && o.mark.run == m.mark.run {
			o.mark.tainted = true
		}
	}
}

func (d *Decoder) failPicture(m *meta, code string, state bongsu.CameraState, err error) error {
	d.failures.Add(1)
	return &streams.Error{Camera: m.camera, Run: m.run, Seq: m.seq, PTS: m.pts, Op: "decode", Code: code, State: state, Err: err}
}

// show points the Frame's planes at libavcodec's memory.
func show(f *bongsu.Frame, p *C.bg_picture) {
	f.Width, f.Height = int(p.width), int(p.height)
	f.Format = bongsu.FormatI420
	planes := 3
	if p.format == C.BG_FORMAT_NV12 {
		f.Format, planes = bongsu.FormatNV12, 2
	}
	f.Color = bongsu.Color{FullRange: p.full_range != 0, Matrix: uint8(p.matrix), SampleAspectW: 1, SampleAspectH: 1}
	if p.sar_w > 0 && p.sar_h > 0 {
		f.Color.SampleAspectW, f.Color.SampleAspectH = int(p.sar_w), int(p.sar_h)
	}
	for i := range planes {
		f.Planes[i] = bongsu.Plane{
			Data:   unsafe.Slice((*byte)(p.data[i]), int(p.bytes[i])),
			Stride: int(p.stride[i]),
		}
	}
}
