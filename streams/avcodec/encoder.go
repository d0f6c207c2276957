//go:build cgo

package avcodec

// #include <stdlib.h>
// #include "native.h"
import "C"

import (
	"errors"
	"fmt"
	"strconv"
	"time"
	"unsafe"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"

	"bongsu"
	"bongsu/streams"
)

// Encoder codes pictures with libx264 or libx265. It serves simulated cameras and tests; what
// a real camera sends is never coded again. One goroutine uses it.
type Encoder struct {
	opt     EncoderOptions
	c       *C.bg_encoder // nil after Close
	stamps  [256]time.Duration
	next    int64
	params  streams.Params
	drained bool
}

// NewEncoder opens an encoder. Close frees it.
func NewEncoder(opt EncoderOptions) (*Encoder, error) {
	opt.fill()
	if opt.Width < 2 || opt.Height < 2 || opt.Width%2 != 0 || opt.Height%2 != 0 {
		return nil, fmt.Errorf("avcodec: a picture of %d×%d cannot be coded: both must be even", opt.Width, opt.Height)
	}
	id, ok := codecID(opt.Codec)
	if !ok {
		return nil, fmt.Errorf("avcodec: codec %v cannot be coded: H.264 and H.265 can", opt.Codec)
	}
	quiet()
	var text [C.BG_TEXT]C.char
	c := openEncoder(&opt, id, &text)
	if c == nil {
		return nil, fmt.Errorf("avcodec: %v encoder: %s", opt.Codec, C.GoString(&text[0]))
	}
	return &Encoder{opt: opt, c: c, params: streams.Params{Codec: opt.Codec}}, nil
}

func openEncoder(opt *EncoderOptions, id C.int, text *[C.BG_TEXT]C.char) *C.bg_encoder {
	name, params := "libx264", "scenecut=0:open-gop=0"
	if opt.Codec == streams.H265 {
		name = "libx265"
		params = "log-level=none:scenecut=0:frame-threads=1:pools=none:open-gop=" + strconv.Itoa(int(flag(opt.OpenGOP)))
	}
	o := (*C.bg_encoder_options)(C.calloc(1, C.sizeof_bg_encoder_options))
	defer C.free(unsafe.Pointer(o))
	o.codec_id, o.width, o.height = id, C.int(opt.Width), C.int(opt.Height)
	o.fps, o.gop, o.bframes = C.int(opt.FPS), C.int(opt.GOP), C.int(opt.BFrames)
	o.full_range, o.matrix = flag(opt.FullRange), C.int(opt.Matrix)
	o.slices, o.bits = C.int(opt.Slices), C.int(opt.Bits)
	words := [...]struct {
		to **C.char
		s  string
	}{{&o.name, name}, {&o.preset, opt.Preset}, {&o.crf, strconv.Itoa(opt.CRF)}, {&o.params, params}, {&o.tune, "zerolatency"}}
	for i, w := range words {
		if i == len(words)-1 && opt.BFrames > 0 {
			break // that tuning forbids B pictures
		}
		*w.to = C.CString(w.s)
		defer C.free(unsafe.Pointer(*w.to))
	}
	return C.bg_encoder_new(o, &text[0])
}

// Close frees the encoder. It may be called more than once.
func (e *Encoder) Close() {
	if e.c != nil {
		C.bg_encoder_free(e.c)
		e.c = nil
	}
}

// Params are the parameter sets of the key unit that came last; incomplete before the first.
func (e *Encoder) Params() *streams.Params {
	p := e.params
	return &p
}

// Encode takes one I420 picture of the encoder's size and returns the units that are ready, in
// decoding order: one at once without B pictures, later with them. The picture is copied.
func (e *Encoder) Encode(f *bongsu.Frame) ([]Coded, error) {
	if e.c == nil || e.drained {
		return nil, ErrClosed
	}
	if f.Format != bongsu.FormatI420 || f.Width != e.opt.Width || f.Height != e.opt.Height {
		return nil, fmt.Errorf("avcodec: the encoder takes I420 of %d×%d, not %d×%d", e.opt.Width, e.opt.Height, f.Width, f.Height)
	}
	if C.bg_encoder_writable(e.c) != C.BG_OK {
		return nil, errNoMemory
	}
	e.fillPicture(f)
	e.stamps[e.next%int64(len(e.stamps))] = f.PTS
	if C.bg_encoder_send(e.c, C.int64_t(e.next), 0) != C.BG_OK {
		return nil, errors.New("avcodec: encode: " + C.GoString(&e.c.text[0]))
	}
	e.next++
	return e.collect(nil)
}

// Flush returns the units that are left. Encode cannot be called afterwards.
func (e *Encoder) Flush() ([]Coded, error) {
	if e.c == nil || e.drained {
		return nil, ErrClosed
	}
	e.drained = true
	if C.bg_encoder_send(e.c, 0, 1) != C.BG_OK {
		return nil, errors.New("avcodec: encode: " + C.GoString(&e.c.text[0]))
	}
	return e.collect(nil)
}

func (e *Encoder) fillPicture(f *bongsu.Frame) {
	for i := range 3 {
		w, h := f.Width, f.Height
		if i > 0 {
			w, h = w/2, h/2
		}
		stride := int(e.c.frame.linesize[i])
		to := unsafe.Slice((*byte)(e.c.frame.data[i]), stride*h)
		for y := range h {
			row := f.Planes[i].Data[y*f.Planes[i].Stride:][:w]
			if e.opt.Bits == 8 {
				copy(to[y*stride:], row)
				continue
			}
			for x, v := range row { // little-endian 10-bit samples
				to[y*stride+2*x], to[y*stride+2*x+1] = v<<2, v>>6
			}
		}
	}
}

func (e *Encoder) collect(out []Coded) ([]Coded, error) {
	for {
		switch C.bg_encoder_receive(e.c) {
		case C.BG_NEED_MORE, C.BG_END:
			return out, nil
		case C.BG_OK:
			u, err := e.coded()
			if err != nil {
				return out, err
			}
			out = append(out, u)
		default:
			return out, errors.New("avcodec: encode: " + C.GoString(&e.c.text[0]))
		}
	}
}

func (e *Encoder) coded() (Coded, error) {
	p := e.c.packet
	var nals h264.AnnexB // H.265 has the same byte stream form
	if err := nals.Unmarshal(C.GoBytes(unsafe.Pointer(p.data), p.size)); err != nil {
		return Coded{}, fmt.Errorf("avcodec: encode: %w", err)
	}
	u := Coded{NALs: nals, PTS: e.stamp(int64(p.pts)), DTS: e.stamp(int64(p.dts)), Key: p.flags&C.AV_PKT_FLAG_KEY != 0}
	for _, nal := range u.NALs {
		switch kindOf(e.opt.Codec, nal) {
		case kindVPS:
			e.params.VPS = nal
		case kindSPS:
			e.params.SPS = nal
		case kindPPS:
			e.params.PPS = nal
		}
	}
	return u, nil
}

// stamp gives the time of picture n; before the first picture, time goes back at the nominal rate.
func (e *Encoder) stamp(n int64) time.Duration {
	if n < 0 {
		return e.stamps[0] + time.Duration(n)*time.Second/time.Duration(e.opt.FPS)
	}
	return e.stamps[n%int64(len(e.stamps))]
}
