package bongsu

import "time"

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
