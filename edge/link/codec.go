package link

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"bongsu"
)

// headerBytes is the length of a frame's length field.
const headerBytes = 4

// Side is one end of the connection. It decides which messages may come in.
type Side uint8

// Sides of a connection.
const (
	Node   Side = iota // sends down, receives up
	Worker             // sends up, receives down
)

// String gives the side's name for sentences.
func (s Side) String() string {
	if s == Node {
		return "node"
	}
	return "worker"
}

// ErrProtocol is in the chain of every error that means the other side broke the protocol.
// The connection cannot be used any more.
var ErrProtocol = errors.New("worker protocol broken")

func broken(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrProtocol, fmt.Sprintf(format, args...))
}

// Encode appends the frame of m to dst and returns it. It fails when m breaks the protocol's
// own rules or is longer than bongsu.MaxMessageBytes; dst is unchanged then. It never puts
// the content of m into an error, because assignments hold passwords.
func Encode(dst []byte, m *Message) ([]byte, error) {
	if err := check(m); err != nil {
		return dst, err
	}
	body, err := json.Marshal(m)
	if err != nil {
		return dst, fmt.Errorf("message %q cannot be written as JSON: %w", m.Type, err)
	}
	if len(body) > bongsu.MaxMessageBytes {
		return dst, fmt.Errorf("message %q has %d bytes, the limit is %d", m.Type, len(body), bongsu.MaxMessageBytes)
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(body)))
	return append(dst, body...), nil
}

// Decode reads one message from the JSON of one frame. An unknown field, trailing bytes, an
// unknown type or a field that the type does not have are errors with ErrProtocol in them.
func Decode(body []byte) (*Message, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	m := new(Message)
	if err := d.Decode(m); err != nil {
		return nil, broken("not a message: %s", safeReason(err))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, broken("bytes after the message's end")
	}
	if err := check(m); err != nil {
		return nil, err
	}
	return m, nil
}

// safeReason says what encoding/json found without quoting values, which may be secret.
func safeReason(err error) string {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Sprintf("JSON syntax at byte %d", syntax.Offset)
	case errors.As(err, &kind):
		return fmt.Sprintf("field %q holds the wrong kind of value", kind.Field)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "JSON ends too early"
	}
	var stamp interface{ Timeout() bool }
	if errors.As(err, &stamp) {
		return "timed out"
	}
	if s := err.Error(); bytes.HasPrefix([]byte(s), []byte("json: unknown field ")) {
		return s[len("json: "):]
	}
	return "a value that cannot be read"
}

// readFrame reads one frame's body into buf, growing it as needed. io.EOF only comes between
// frames.
func readFrame(r io.Reader, buf []byte) ([]byte, error) {
	var head [headerBytes]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, broken("the stream ends inside a frame's length")
		}
		return nil, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n == 0 || n > bongsu.MaxMessageBytes {
		return nil, broken("a frame of %d bytes, allowed are 1 to %d", n, bongsu.MaxMessageBytes)
	}
	if cap(buf) < int(n) {
		buf = make([]byte, n)
	}
	buf = buf[:n]
	if _, err := io.ReadFull(r, buf); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, broken("the stream ends inside a frame")
		}
		return nil, err
	}
	return buf, nil
}

// field is a bit for each field of Message that only some types have.
type field uint32

const (
	fRef field = 1 << iota
	fMessage
	fPath
	fPID
	fProgram
	fAssign
	fCamera
	fOpen
	fEvent
	fSnapshot
	fClip
	fHealth
	fCounters
	fLooks
	fCode
	fSession
	fMode
	fBoxes
)

// fieldNames are the JSON names in the order of the bits.
var fieldNames = [...]string{"ref", "message", "path", "pid", "program", "assign", "camera", "open",
	"event", "snapshot", "clip", "health", "counters", "looks", "code", "session", "mode", "boxes"}

// shape says who sends a type, which fields it must have and which it may have.
type shape struct {
	from     Side
	must     field
	optional field
}

var shapes = map[string]shape{
	TypeAssign:     {Node, fAssign, 0},
	TypeUnassign:   {Node, fCamera, 0},
	TypeOpenEvents: {Node, fCamera, fOpen},
	TypeAck:        {Node, fRef, fPath},
	TypeNack:       {Node, fRef | fMessage, fCode},
	TypeLiveStart:  {Node, fCamera | fSession | fMode, fBoxes},
	TypeLiveStop:   {Node, fSession, 0},
	TypeHello:      {Worker, fPID, fProgram},
	TypeEvent:      {Worker, fEvent, fSnapshot},
	TypeClipOpen:   {Worker, fClip, 0},
	TypeClipClosed: {Worker, fClip, 0},
	TypeHealth:     {Worker, 0, fHealth | fLooks},
	TypeCounters:   {Worker, 0, fCounters},
}

// fieldsOf gives the fields that m has set.
func fieldsOf(m *Message) field {
	set := [...]bool{m.Ref != 0, m.Message != "", m.Path != "", m.PID != 0, m.Program != "", m.Assign != nil,
		m.Camera != "", len(m.Open) > 0, m.Event != nil, len(m.Snapshot) > 0, m.Clip != nil, len(m.Health) > 0,
		len(m.Counters) > 0, len(m.Looks) > 0, m.Code != "", m.Session != "", m.Mode != "", m.Boxes}
	var f field
	for i, on := range set {
		if on {
			f |= 1 << i
		}
	}
	return f
}

// names lists the fields in f.
func names(f field) string {
	var s string
	for i, n := range fieldNames {
		if f&(1<<i) != 0 {
			if s != "" {
				s += ", "
			}
			s += n
		}
	}
	return s
}

// check holds a message against the table of shapes and the limits of what it carries.
func check(m *Message) error {
	if m.V != Version {
		return broken("version %d, this side speaks %d: install the same release everywhere", m.V, Version)
	}
	s, ok := shapes[m.Type]
	if !ok {
		return broken("unknown type %q", m.Type)
	}
	if m.Seq == 0 {
		return broken("message %q has no sequence number", m.Type)
	}
	has := fieldsOf(m)
	if missing := s.must &^ has; missing != 0 {
		return broken("message %q lacks %s", m.Type, names(missing))
	}
	if extra := has &^ (s.must | s.optional); extra != 0 {
		return broken("message %q must not carry %s", m.Type, names(extra))
	}
	return checkContent(m)
}

// checkContent holds what a message carries against the rules that the node relies on before
// it writes anything to disk.
func checkContent(m *Message) error {
	switch {
	case len(m.Snapshot) > bongsu.MaxSnapshotBytes:
		return broken("snapshot of %d bytes, the limit is %d", len(m.Snapshot), bongsu.MaxSnapshotBytes)
	case m.Assign != nil && !bongsu.ValidName(string(m.Assign.Camera)):
		return broken("an assignment for camera %.80q, which is no camera's name", m.Assign.Camera)
	case m.Session != "" && !bongsu.ValidUUID(m.Session):
		return broken("a live session that is no UUID")
	case m.Mode != "" && m.Mode != bongsu.LiveVideo && m.Mode != bongsu.LiveStill:
		return broken("a live session in the unknown mode %.20q", m.Mode)
	case m.Event != nil && (!bongsu.ValidUUID(string(m.Event.ID)) || m.Event.Revision < 1):
		return broken("an event without a UUID or a revision of 1 or more")
	case m.Clip != nil && (!bongsu.ValidUUID(string(m.Clip.Event)) || m.Clip.Part < 0):
		return broken("a clip without its event's UUID or a part of 0 or more")
	}
	return nil
}

// SplitOpen makes the open_events messages for one camera, each within
// bongsu.MaxMessageBytes. The receiver takes those of one camera together until the
// assignment of that camera arrives. There is always at least one.
func SplitOpen(camera bongsu.CameraID, open []bongsu.Event) []Message {
	const room = bongsu.MaxMessageBytes - 4096 // for the envelope
	var out []Message
	cur, size := Message{Type: TypeOpenEvents, Camera: camera}, 0
	for i := range open {
		b, err := json.Marshal(&open[i])
		if err != nil || len(b) > room {
			continue // cannot be: it came from a message or a record of the same size
		}
		if size+len(b)+1 > room {
			out = append(out, cur)
			cur, size = Message{Type: TypeOpenEvents, Camera: camera}, 0
		}
		cur.Open, size = append(cur.Open, open[i]), size+len(b)+1
	}
	return append(out, cur)
}
