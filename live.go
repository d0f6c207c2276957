package bongsu

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// This file is the wire of live view, edge to cloud and cloud to browser alike:
// docs/design/live.md. Pictures are binary WebSocket messages of a 16-byte header and a payload,
// everything else is JSON in text messages.

// Limits of live view.
const (
	LiveHeaderBytes     = 16
	MaxLiveMessageBytes = 16 << 20  // one binary message: a key frame of a large picture
	MaxLiveTextBytes    = 4 << 10   // one text message
	MaxLiveJPEGBytes    = 200 << 10 // payload of a still
)

// LiveKind says what the payload of a binary message is.
type LiveKind uint8

// Kinds of payload.
const (
	LiveNone     LiveKind = iota // no payload: within the edge only, for text
	LiveInit                     // initialisation segment (ISO/IEC 14496-12, 8.16; Media Source Extensions byte stream format)
	LiveFragment                 // media segment of one access unit
	LiveJPEG                     // one still
	LiveNote                     // LiveBoxes as JSON: within the edge only, a text message elsewhere
)

// Flags of a binary message.
const (
	LiveKey     uint8 = 1 << iota // decoding can start here
	LiveTainted                   // data was lost since the last key frame
)

// Modes in which a camera is looked at.
const (
	LiveVideo = "video" // the coded pictures as they are
	LiveStill = "still" // one JPEG a second, for browsers that cannot decode the camera's codec
)

// LiveHeader is the head of every binary message.
type LiveHeader struct {
	Kind  LiveKind
	Flags uint8
	Sent  uint16        // ms of the sender's clock when it was sent, the low 16 bits: see LiveLag
	Age   time.Duration // of the newest picture in it when it was sent; ms on the wire
	Seq   uint64        // of the message within its session
}

// Key reports whether decoding can start with the message: a key frame, or any still.
func (h LiveHeader) Key() bool { return h.Flags&LiveKey != 0 || h.Kind == LiveJPEG }

// Append writes the header after dst. An age out of range is bent into it.
func (h LiveHeader) Append(dst []byte) []byte {
	ms := min(max(h.Age.Milliseconds(), 0), 1<<32-1)
	dst = append(dst, byte(h.Kind), h.Flags)
	dst = binary.BigEndian.AppendUint16(dst, h.Sent)
	dst = binary.BigEndian.AppendUint32(dst, uint32(ms))
	return binary.BigEndian.AppendUint64(dst, h.Seq)
}

// ParseLiveHeader splits a binary message into header and payload, which shares its memory.
// The error is CodeInvalid and says what is wrong with the bytes.
func ParseLiveHeader(message []byte) (LiveHeader, []byte, error) {
	var h LiveHeader
	if len(message) <= LiveHeaderBytes {
		return h, nil, Errorf(CodeInvalid, "a live message of %d bytes: %d of header and a payload are needed", len(message), LiveHeaderBytes)
	}
	h.Kind, h.Flags = LiveKind(message[0]), message[1]
	h.Sent = binary.BigEndian.Uint16(message[2:])
	h.Age = time.Duration(binary.BigEndian.Uint32(message[4:])) * time.Millisecond
	h.Seq = binary.BigEndian.Uint64(message[8:])
	payload := message[LiveHeaderBytes:]
	switch {
	case h.Kind < LiveInit || h.Kind > LiveJPEG:
		return h, nil, Errorf(CodeInvalid, "a live message of the unknown kind %d", message[0])
	case h.Flags&^(LiveKey|LiveTainted) != 0:
		return h, nil, Errorf(CodeInvalid, "a live message with bits set that have no meaning")
	case len(message) > MaxLiveMessageBytes:
		return h, nil, Errorf(CodeTooLarge, "a live message of %d bytes, the limit is %d", len(message), MaxLiveMessageBytes)
	case h.Kind == LiveJPEG && len(payload) > MaxLiveJPEGBytes:
		return h, nil, Errorf(CodeTooLarge, "a still of %d bytes, the limit is %d", len(payload), MaxLiveJPEGBytes)
	}
	return h, payload, nil
}

// LiveLag tells by how much a connection delays its messages: bytes that were handed to the
// network may wait there for long, and their sender does not see it. It compares the sender's
// clock, of which each message carries 16 bits, with the receiver's; the fastest message of the
// last minutes counts as not delayed. The zero LiveLag is ready; it is for one goroutine.
type LiveLag struct {
	begun  bool
	sent   uint16    // of the last message
	at     time.Time // it came
	offset int64     // ms: arrival less sending, both from the first message on, of the last message
	least  [2]int64  // the least offset of this window and of the one before
	window time.Time // this one's beginning
}

// lagWindow is after how long a fast message is forgotten, at the latest twice that: clocks drift.
const lagWindow = 2 * time.Minute

// Late notes a message that was sent at the sender's instant and came at ours, in the order of
// the connection, and gives for how much longer than the fastest one it was on the way. Delays
// of up to half a minute more or less than that of the message before are told from the clock's
// wrapping around.
func (l *LiveLag) Late(sent uint16, at time.Time) time.Duration {
	if !l.begun {
		*l = LiveLag{begun: true, sent: sent, at: at, window: at}
		return 0
	}
	const wrap = 1 << 16
	elapsed, step := at.Sub(l.at).Milliseconds(), int64(sent-l.sent)
	if more := elapsed - step + wrap/2; more >= 0 {
		step += more / wrap * wrap
	} else {
		step -= wrap // an order that a connection does not have
	}
	l.offset += elapsed - step
	l.sent, l.at = sent, l.at.Add(time.Duration(elapsed)*time.Millisecond) // what is below a ms is not lost
	if at.Sub(l.window) > lagWindow {
		l.least[0], l.least[1], l.window = l.offset, l.least[0], at
	}
	l.least[0] = min(l.least[0], l.offset)
	return time.Duration(l.offset-min(l.least[0], l.least[1])) * time.Millisecond
}

// Types of text message.
const (
	LiveTypeStart   = "start"   // cloud to edge, control: begin a session
	LiveTypeStop    = "stop"    // cloud to edge, control: end it
	LiveTypeRefused = "refused" // edge to cloud, control: a session cannot be
	LiveTypeFormat  = "format"  // with the pictures, before every initialisation segment
	LiveTypeState   = "state"   // with the pictures, when something changes
)

// States that a viewer is told of.
const (
	LiveWaiting = "waiting" // no picture yet, or none any more; more is expected
	LiveLive    = "live"    // pictures flow
	LiveStale   = "stale"   // the newest picture is old
	LiveEnded   = "ended"   // no more will come on this connection
)

// Codes of a state: why it is so.
const (
	LiveStarting        = "starting"
	LiveWaitingKeyFrame = "waiting-keyframe"
	LiveCameraOffline   = "camera-offline"
	LiveEdgeOffline     = "edge-offline"
	LiveTooSlow         = "too-slow"
	LiveNoSuchCamera    = "no-such-camera"
	LiveRefused         = "refused"
	LiveEndedCode       = "ended"
)

// LiveText is any text message; the fields that its type does not name stay empty.
type LiveText struct {
	Type    string   `json:"type"`
	Camera  CameraID `json:"camera,omitempty"`  // start
	Session string   `json:"session,omitempty"` // start, stop, refused
	Mode    string   `json:"mode,omitempty"`    // start
	Boxes   bool     `json:"boxes,omitempty"`   // start: send what is found in the pictures, too; a start of a known session changes this alone

	State   string `json:"state,omitempty"`   // state
	Code    string `json:"code,omitempty"`    // state, refused
	Message string `json:"message,omitempty"` // state, refused: one sentence

	MIME   string  `json:"mime,omitempty"`     // format: for MediaSource.isTypeSupported
	Codec  string  `json:"codec,omitempty"`    // format: h264 or h265
	Width  int     `json:"width_px,omitempty"` // format; 0 when unknown
	Height int     `json:"height_px,omitempty"`
	FPS    float64 `json:"fps,omitempty"` // format; 0 when unknown
}

// LiveState makes a state message.
func LiveState(state, code, message string) LiveText {
	return LiveText{Type: LiveTypeState, State: state, Code: code, Message: message}
}

// LiveFormat makes a format message. What a camera says of its pictures is left out where no
// picture is like that: fps is pictures a second.
func LiveFormat(mime, codec string, width, height int, fps float64) LiveText {
	t := LiveText{Type: LiveTypeFormat, MIME: mime, Codec: codec}
	if width > 0 && height > 0 && width <= maxSide && height <= maxSide {
		t.Width, t.Height = width, height
	}
	if fps >= 0 && fps <= maxLiveFPS {
		t.FPS = fps
	}
	return t
}

// maxLiveFPS bounds what is believed of a stream's rate.
const maxLiveFPS = 1000

// Encode gives the JSON of the message.
func (t LiveText) Encode() []byte {
	t.Message = cutText(t.Message, MaxLiveTextBytes/8) // six times as much where JSON escapes it
	b, err := json.Marshal(t)
	if err != nil {
		return nil // cannot be: texts and finite numbers, which ParseLiveText and the format's maker see to
	}
	return b
}

// cutText shortens s to at most n bytes, between characters.
func cutText(s string, n int) string {
	s = strings.ToValidUTF8(s, "")
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// ParseLiveText reads a text message and holds it against what its type needs. Fields that are
// not known are ignored: the other side may be of a later release.
func ParseLiveText(b []byte) (LiveText, error) {
	var t LiveText
	if len(b) > MaxLiveTextBytes {
		return t, Errorf(CodeTooLarge, "a live text of %d bytes, the limit is %d", len(b), MaxLiveTextBytes)
	}
	if err := json.Unmarshal(b, &t); err != nil {
		return t, Wrap(CodeInvalid, err, "a live text that is no JSON object of ours")
	}
	if why := t.wrong(); why != "" {
		return t, Errorf(CodeInvalid, "a live text of type %.20q: %s", t.Type, why)
	}
	return t, nil
}

// wrong says what is missing or out of range; "" when nothing is.
func (t *LiveText) wrong() string {
	session := ValidUUID(t.Session)
	switch t.Type {
	case LiveTypeStart:
		switch {
		case !session:
			return "session is no UUID"
		case !ValidName(string(t.Camera)):
			return "camera is no camera's name"
		case t.Mode != LiveVideo && t.Mode != LiveStill:
			return "mode is neither video nor still"
		}
	case LiveTypeStop:
		if !session {
			return "session is no UUID"
		}
	case LiveTypeRefused:
		if !session || t.Code == "" {
			return "session or code is missing"
		}
	case LiveTypeFormat:
		switch {
		case t.MIME == "" || t.Codec == "":
			return "mime or codec is missing"
		case t.Width < 0 || t.Height < 0 || t.Width > maxSide || t.Height > maxSide || !(t.FPS >= 0 && t.FPS <= maxLiveFPS):
			return fmt.Sprintf("%d×%d at %v a second is no picture", t.Width, t.Height, t.FPS)
		}
	case LiveTypeState:
		switch t.State {
		case LiveWaiting, LiveLive, LiveStale, LiveEnded:
		default:
			return "the state is unknown"
		}
	default:
		return "the type is unknown"
	}
	return ""
}

// LiveItem is a piece of a camera's live session within the edge.
type LiveItem struct {
	Kind    LiveKind      // LiveNone for Text alone
	Flags   uint8         // of the payload
	Age     time.Duration // of the newest picture in it when the item was handed over
	Text    *LiveText     // format or state, to be sent before the payload; may be nil
	Payload []byte        // immutable; nil with LiveNone
}
