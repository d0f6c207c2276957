// Package streams turns the bytes of a camera into access units and pictures. This file holds
// the words its folders share; a camera over RTSP is in rtsp, a recorded file in replay.
package streams

import (
	"context"
	"errors"
	"fmt"
	"time"

	"bongsu"
)

// Codec is a video coding format.
type Codec uint8

// Codecs that Bongsu reads.
const (
	CodecNone Codec = iota
	H264            // ITU-T H.264
	H265            // ITU-T H.265
)

// String gives "h264" or "h265".
func (c Codec) String() string {
	switch c {
	case H264:
		return "h264"
	case H265:
		return "h265"
	}
	return "none"
}

// Params are the parameter sets in force, NAL units without start codes.
type Params struct {
	Codec Codec
	VPS   []byte // H.265 only
	SPS   []byte
	PPS   []byte
}

// Complete reports whether a decoder can start with p.
func (p *Params) Complete() bool {
	return p.SPS != nil && p.PPS != nil && (p.Codec == H264 || p.Codec == H265 && p.VPS != nil)
}

// AccessUnit is the coded form of one picture. It is immutable once delivered and belongs to
// the garbage collector: it may be kept by as many as like.
type AccessUnit struct {
	Camera bongsu.CameraID
	Run    bongsu.RunID
	Seq    uint64 // within the run, from 0, one a unit
	Codec  Codec
	Params *Params  // in force for this unit; the same pointer until they change
	NALs   [][]byte // in decoding order, without start codes, bytes as the camera sent them

	PTS, DTS    time.Duration // media clock since the run began; DTS is reconstructed where the wire has none
	Wall        time.Time     // this box's clock for the instant PTS
	Arrived     time.Time     // when the last packet came in, this box's clock
	CameraClock time.Time     // the camera's claim for the instant PTS (sender reports); zero without
	Key         bool          // decoding can start here: IDR, or IRAP in H.265
	Lost        bool          // packets are missing within this unit or between it and the one before
}

// Size is the bytes of all NAL units.
func (au *AccessUnit) Size() int {
	n := 0
	for _, nal := range au.NALs {
		n += len(nal)
	}
	return n
}

// Source delivers the access units of one run of one camera, in decoding order.
type Source interface {
	// Next blocks for the next unit, until ctx ends or the run does. It returns io.EOF at
	// the end of a recording and an *Error for everything that ends a run; afterwards it
	// returns the same error again. The first unit of a run is a key unit.
	Next(ctx context.Context) (*AccessUnit, error)
	// Close ends the run and frees what it holds. It may be called at any time, more than
	// once, from any goroutine; a blocked Next returns.
	Close() error
}

// Error says what went wrong with a stream, and where: one line is enough to find the packet.
type Error struct {
	Camera bongsu.CameraID
	Run    bongsu.RunID
	Seq    uint64
	PTS    time.Duration
	Op     string             // "connect", "describe", "setup", "read", "decode", ...
	State  bongsu.CameraState // what the camera's state becomes
	Code   string             // stable word: "wrong-password", "silent", "no-parameter-sets", ...
	Err    error
}

// Error gives one line with the position.
func (e *Error) Error() string {
	return fmt.Sprintf("camera %s: %s: %v (run %s, unit %d, pts %s)", e.Camera, e.Op, e.Err, e.Run, e.Seq, e.PTS)
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Stable codes of Error.Code, the reasons a camera is not live.
const (
	ReasonBadURL        = "bad-url"
	ReasonUnreachable   = "unreachable"       // no connection: refused, no route, name unknown
	ReasonSilent        = "silent"            // connected, but no answer or no decodable picture in time
	ReasonWrongPassword = "wrong-password"    // 401 with the credentials given
	ReasonNeedPassword  = "need-password"     // 401 and no credentials are configured
	ReasonBasicRefused  = "basic-refused"     // the camera offers Basic only, on plain RTSP, and that is not allowed
	ReasonUntrusted     = "bad-certificate"   // the certificate of an rtsps:// camera is not the right one
	ReasonBusy          = "busy"              // 453, 503, or 401 after success
	ReasonNotFound      = "not-found"         // 404: wrong path
	ReasonNoVideo       = "no-video"          // no H.264 or H.265 track
	ReasonNoParameters  = "no-parameter-sets" // pictures, but SPS/PPS neither in SDP nor in band
	ReasonProtocol      = "protocol"          // the camera breaks RTSP beyond what can be borne
	ReasonEnded         = "ended"             // the camera closed the session
	ReasonClosed        = "closed"            // Close was called
	ReasonClockSet      = "clock-set"         // this box's clock was set: the run ends, a new one gets the new time
)

// ErrNeedMore says that a decoder or parser has nothing to give until it gets more input.
var ErrNeedMore = errors.New("streams: more input needed")
