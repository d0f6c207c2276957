// Package avcodec turns access units into pictures with libavcodec, and pictures into access
// units for simulated cameras. A picture is not copied: a bongsu.Frame is a view of
// libavcodec's own memory and gives it back when it is released. libavformat is never used.
//
// This is a C home: without cgo every constructor returns bongsu.ErrNoCgo.
package avcodec

import (
	"errors"
	"time"

	"bongsu/streams"
)

// Limits that hold where Options leaves a field zero.
const (
	DefaultMaxPixels    = 4096 * 2304 // pixels; larger pictures are refused before they are decoded
	DefaultMaxUnitBytes = 8 << 20     // bytes; larger access units are refused
	DefaultFrames       = 8           // pictures that may be held at once
)

// Stable codes of *streams.Error from this package.
const (
	ReasonTooLarge    = "picture-too-large" // more pixels, or more bytes a unit, than allowed
	ReasonUnsupported = "unsupported-video" // another codec, or a pixel format other than 8-bit 4:2:0
	ReasonDecode      = "decode"            // libavcodec refuses the unit; later ones may be fine
)

// ErrNeedMore is streams.ErrNeedMore: Receive has nothing until another unit is sent.
var ErrNeedMore = streams.ErrNeedMore

// ErrClosed is what a closed Decoder or Encoder answers.
var ErrClosed = errors.New("avcodec: closed")

// Options say how to decode one camera.
type Options struct {
	Codec        streams.Codec
	MaxPixels    int              // width × height allowed; 0: DefaultMaxPixels
	MaxUnitBytes int              // of one access unit; 0: DefaultMaxUnitBytes
	Frames       int              // pictures that may be held unreleased; 0: DefaultFrames
	Now          func() time.Time // for Frame.Decoded; nil: time.Now
}

func (o *Options) fill() {
	if o.MaxPixels <= 0 {
		o.MaxPixels = DefaultMaxPixels
	}
	if o.MaxUnitBytes <= 0 {
		o.MaxUnitBytes = DefaultMaxUnitBytes
	}
	if o.Frames <= 0 {
		o.Frames = DefaultFrames
	}
	if o.Now == nil {
		o.Now = time.Now
	}
}

// coded is MaxPixels with room for the padding of coded pictures to whole blocks (1920×1080 is
// coded as 1920×1088).
func (o *Options) coded() int { return o.MaxPixels + o.MaxPixels/16 + 4096 }

// Stats count since the decoder was made.
type Stats struct {
	Units    uint64 // access units given to Send
	Refused  uint64 // units refused before libavcodec saw them: too large, wrong codec
	Pictures uint64 // pictures that Receive returned
	Tainted  uint64 // of those, how many were marked
	Errors   uint64 // errors that Send and Receive returned
	NoFrame  uint64 // pictures dropped because all Options.Frames were held
	Held     int    // pictures held now
}

// EncoderOptions say how a simulated camera codes its pictures.
type EncoderOptions struct {
	Codec         streams.Codec
	Width, Height int    // pixels, even
	FPS           int    // pictures per second that rate control and stamps assume; 0: 10
	GOP           int    // pictures from one key frame to the next; 0: 2 × FPS
	BFrames       int    // consecutive B pictures at most; 0: none, and no delay
	Slices        int    // per picture; 0: one (H.264 only)
	OpenGOP       bool   // H.265: key frames are CRA with leading pictures
	FullRange     bool   // sample values are 0..255
	Matrix        uint8  // H.273 MatrixCoefficients; 0: 2 (not said)
	Bits          int    // per sample: 8, or 10 to test what is refused; 0: 8
	Preset        string // of libx264 or libx265; "": "ultrafast"
	CRF           int    // constant rate factor; 0: 23
}

func (o *EncoderOptions) fill() {
	if o.FPS <= 0 {
		o.FPS = 10
	}
	if o.GOP <= 0 {
		o.GOP = 2 * o.FPS
	}
	if o.Matrix == 0 {
		o.Matrix = 2
	}
	if o.Bits == 0 {
		o.Bits = 8
	}
	if o.Preset == "" {
		o.Preset = "ultrafast"
	}
	if o.CRF == 0 {
		o.CRF = 23
	}
}

// Coded is one coded picture as an encoder gives it, in decoding order.
type Coded struct {
	NALs     [][]byte      // without start codes; key units carry their parameter sets
	PTS, DTS time.Duration // PTS as the picture had it
	Key      bool
}
