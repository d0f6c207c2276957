package bongsu

import (
	"fmt"
	"time"
)

// PixelFormat says how the planes of a Frame are laid out.
type PixelFormat uint8

// Pixel formats that decoders deliver. The zero value is no format.
const (
	FormatNone PixelFormat = iota
	FormatI420             // three planes: Y, then U and V at half width and half height
	FormatNV12             // two planes: Y, then U and V interleaved at half width and half height
)

// Color describes how sample values map to colour (ITU-T H.273) and the shape of a sample.
type Color struct {
	FullRange     bool  // true: 0..255; false: 16..235 (video range)
	Matrix        uint8 // H.273 MatrixCoefficients; 2 when the stream does not say
	SampleAspectW int   // sample aspect ratio, 1:1 when the stream does not say
	SampleAspectH int
}

// Plane is one plane of a picture. Data is the decoder's own memory and must not be kept
// beyond the Frame it belongs to, nor written to.
type Plane struct {
	Data   []byte // Stride × rows bytes
	Stride int    // bytes from one row to the next
}

// Picture is what rules know of a picture that was looked at, or of an instant at which there was none
// to be trusted (Tainted, and no size).
type Picture struct {
	At            time.Time     // frame time (Frame.Wall)
	PTS           time.Duration // media clock since the run began
	Seq           uint64        // of the access unit within the run
	Tainted       bool          // it confirms nothing
	Width, Height int           // pixels
}

// Picture says what rules need to know of f.
func (f *Frame) Picture() Picture {
	return Picture{At: f.Wall, PTS: f.PTS, Seq: f.Seq, Tainted: f.Tainted, Width: f.Width, Height: f.Height}
}

// FrameOwner counts references to the memory behind a Frame. The decoder implements it.
type FrameOwner interface {
	Retain()
	Release()
}

// Frame is one decoded picture. Its planes are the decoder's own memory, reference-counted.
// Whoever keeps a Frame beyond the call it was passed to calls Retain, and Release exactly once.
type Frame struct {
	Camera      CameraID
	Run         RunID
	Seq         uint64        // of the access unit within the run; a gap equals a counted drop
	PTS         time.Duration // media clock since the run began
	Wall        time.Time     // this box's clock for the same instant
	Arrived     time.Time     // when the last packet of the access unit came in, this box's clock
	Decoded     time.Time     // when the picture left the decoder, this box's clock
	CameraClock time.Time     // what the camera claims for this instant; zero when it claims nothing
	Tainted     bool          // data was lost since the last key frame: libavcodec does not tell
	Key         bool          // the picture of a key frame

	Width, Height int // pixels
	Format        PixelFormat
	Color         Color
	Planes        [3]Plane

	Owner FrameOwner // set by whoever made the frame; nil for a frame in plain Go memory
}

// Retain keeps the picture's memory until one more Release.
func (f *Frame) Retain() {
	if f.Owner != nil {
		f.Owner.Retain()
	}
}

// Release gives one reference back. The planes must not be read afterwards.
func (f *Frame) Release() {
	if f.Owner != nil {
		f.Owner.Release()
	}
}

// maxSide is the longest side of a picture that is read, in pixels.
const maxSide = 1 << 14

// Check refuses a frame that must not be read: sides out of range, an unknown format, or planes
// shorter than its size says. C code that is given the planes trusts them.
func (f *Frame) Check() error {
	if f.Width < 1 || f.Height < 1 || f.Width > maxSide || f.Height > maxSide {
		return fmt.Errorf("a picture of %d×%d cannot be read: sides of 1 to %d pixels are taken", f.Width, f.Height, maxSide)
	}
	cw, ch, planes := (f.Width+1)/2, (f.Height+1)/2, 3
	switch f.Format {
	case FormatI420:
	case FormatNV12:
		cw, planes = 2*cw, 2
	default:
		return fmt.Errorf("pixel format %d is unknown: I420 and NV12 are taken", f.Format)
	}
	for i := range planes {
		w, h := f.Width, f.Height
		if i > 0 {
			w, h = cw, ch
		}
		if p := f.Planes[i]; p.Stride < w || len(p.Data) < p.Stride*(h-1)+w {
			return fmt.Errorf("plane %d of a picture of %d×%d has %d bytes in rows of %d: too few", i, f.Width, f.Height, len(p.Data), p.Stride)
		}
	}
	return nil
}
