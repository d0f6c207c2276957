package link

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"

	"bongsu"
)

// The media channel carries live pictures from worker to node: a uint32 big-endian length of
// what follows, a uint16 big-endian length of a JSON header, the header, and the payload. It is
// a channel of its own so that no picture, however large or late, can hold up an event.

// MediaFD is the file descriptor at which a worker finds its end of the media channel.
const MediaFD = 4

// Limits of one media frame.
const (
	maxMediaHeader = 8 << 10
	maxMediaBytes  = bongsu.MaxLiveMessageBytes
)

// MediaHeader says what a media frame is.
type MediaHeader struct {
	Session string           `json:"session"`
	Camera  bongsu.CameraID  `json:"camera"`
	Kind    bongsu.LiveKind  `json:"kind"`
	Flags   uint8            `json:"flags,omitempty"`
	AgeUS   int64            `json:"age_us,omitempty"` // of the newest picture in it, when it was written
	Text    *bongsu.LiveText `json:"text,omitempty"`   // format or state, that belongs before the payload
}

// check holds a header against what the node relies on.
func (h *MediaHeader) check(payload int) error {
	switch {
	case !bongsu.ValidUUID(h.Session):
		return broken("a media frame whose session is no UUID")
	case !bongsu.ValidName(string(h.Camera)):
		return broken("a media frame of %.80q, which is no camera's name", h.Camera)
	case h.Kind > bongsu.LiveNote:
		return broken("a media frame of the unknown kind %d", h.Kind)
	case (h.Kind == bongsu.LiveNone) != (payload == 0):
		return broken("a media frame of kind %d with %d bytes", h.Kind, payload)
	case h.Kind == bongsu.LiveNone && h.Text == nil:
		return broken("a media frame that says nothing")
	case h.AgeUS < 0:
		return broken("a media frame from the future")
	}
	return nil
}

// AppendMedia appends the head of a media frame whose payload has the given size; the payload
// follows it on the channel.
func AppendMedia(dst []byte, h *MediaHeader, payload int) ([]byte, error) {
	if err := h.check(payload); err != nil {
		return dst, err
	}
	j, err := json.Marshal(h)
	if err != nil {
		return dst, fmt.Errorf("a media header cannot be written as JSON: %w", err)
	}
	if len(j) > maxMediaHeader || 2+len(j)+payload > maxMediaBytes {
		return dst, fmt.Errorf("a media frame of %d bytes and a header of %d: the limits are %d and %d", payload, len(j), maxMediaBytes, maxMediaHeader)
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(2+len(j)+payload))
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(j)))
	return append(dst, j...), nil
}

// MediaReader reads media frames. It is for one goroutine.
type MediaReader struct{ r *bufio.Reader }

// NewMediaReader reads from r.
func NewMediaReader(r io.Reader) *MediaReader {
	return &MediaReader{bufio.NewReaderSize(r, keepBytes)}
}

// Next blocks for the next frame. The payload is the caller's. io.EOF comes between frames only;
// ErrProtocol is in the error when the worker broke the protocol, and nothing can be read then.
func (m *MediaReader) Next() (MediaHeader, []byte, error) {
	var h MediaHeader
	var head [headerBytes + 2]byte
	if _, err := io.ReadFull(m.r, head[:]); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = broken("the media channel ends inside a frame's length")
		}
		return h, nil, err
	}
	total, hn := int64(binary.BigEndian.Uint32(head[:])), int64(binary.BigEndian.Uint16(head[headerBytes:]))
	if hn > maxMediaHeader || total < 2+hn || total > maxMediaBytes {
		return h, nil, broken("a media frame of %d bytes with a header of %d", total, hn)
	}
	j := make([]byte, hn)
	if err := m.full(j); err != nil {
		return h, nil, err
	}
	if err := json.Unmarshal(j, &h); err != nil {
		return h, nil, broken("a media header that is not JSON: %s", safeReason(err))
	}
	if err := h.check(int(total - 2 - hn)); err != nil {
		return h, nil, err
	}
	if h.Text != nil {
		if _, err := bongsu.ParseLiveText(h.Text.Encode()); err != nil {
			return h, nil, broken("a media header: %v", err)
		}
	}
	if h.Kind == bongsu.LiveNone {
		return h, nil, nil
	}
	payload := make([]byte, total-2-hn)
	return h, payload, m.full(payload)
}

func (m *MediaReader) full(p []byte) error {
	if _, err := io.ReadFull(m.r, p); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return broken("the media channel ends inside a frame")
		}
		return err
	}
	return nil
}

// WriteMedia writes one frame and blocks while the node does not read, at most WriteTimeout.
// scratch is reused for the head and given back. After an error the channel is broken: the
// caller closes it.
func WriteMedia(c net.Conn, scratch []byte, h *MediaHeader, payload []byte) ([]byte, error) {
	out, err := AppendMedia(scratch[:0], h, len(payload))
	if err != nil {
		return out, err
	}
	if err := c.SetWriteDeadline(time.Now().Add(WriteTimeout)); err != nil {
		return out, err
	}
	parts := net.Buffers{out, payload}
	_, err = parts.WriteTo(c)
	return out, err
}

// MediaFromFD makes the worker's end of the media channel, nil when there is none. It looks
// before it takes: without one the number may be a file of the Go runtime's own.
func MediaFromFD(fd uintptr) net.Conn {
	domain, err := syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_DOMAIN)
	if err != nil || domain != syscall.AF_UNIX {
		return nil
	}
	c, err := FromFD(fd)
	if err != nil {
		return nil
	}
	return c
}
