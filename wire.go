package bongsu

import "time"

// This file is the wire between edge and cloud: JSON over HTTPS under /api/v1/edge/. Every
// request but enrolment carries "Authorization: Bearer <edge credential>". Errors are
// WireError with the status that HTTPStatus gives.

// Limits of the wire.
const (
	MaxSnapshotBytes  = 64 << 10 // JPEG sent with an event
	MaxEventsPerPost  = 100
	MaxEventPostBytes = 16 << 20
	MaxClipBytes      = 256 << 20 // one part
	MaxMessageBytes   = 1 << 20   // one worker message, see edge/link
	ClipPieceBytes    = 5 << 20   // what a clip part is sent by where it goes straight to an object store
)

// WireError is the body of every answer that is not 2xx.
type WireError struct {
	Error struct {
		Code    Code         `json:"code"`
		Message string       `json:"message"`
		Fields  []FieldFault `json:"fields,omitempty"` // what is wrong, field by field, where a camera is set up
	} `json:"error"`
}

// EnrolRequest trades a one-time token for a credential: POST /api/v1/edge/enrol.
type EnrolRequest struct {
	Token string `json:"token"`
	Name  string `json:"name"` // what the edge calls itself, shown to operators
}

// EnrolResponse is given once; the cloud keeps a hash of the credential only.
type EnrolResponse struct {
	Edge       EdgeID `json:"edge"`
	Credential string `json:"credential"`
}

// EventRecord is one revision of an event with the JPEG of its deciding frame.
type EventRecord struct {
	Event    Event  `json:"event"`
	Snapshot []byte `json:"snapshot,omitempty"` // JPEG, at most MaxSnapshotBytes; only with the revision that first has it
}

// EventsRequest is the body of POST /api/v1/edge/events: at most MaxEventsPerPost records.
type EventsRequest struct {
	Events []EventRecord `json:"events"`
}

// EventsResponse answers each record in order. A 2xx means that every result marked stored
// or known is durable in the cloud; a rejected one must not be sent again unchanged.
type EventsResponse struct {
	Results []EventResult `json:"results"`
}

// Statuses of an EventResult.
const (
	EventStored   = "stored"
	EventKnown    = "known" // this revision was there already
	EventRejected = "rejected"
)

// EventResult is the answer to one record.
type EventResult struct {
	EventKey
	Status  string `json:"status"`
	Code    Code   `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
}

// ClipRequest declares a clip part: POST /api/v1/edge/clips. Its state is ready or torn, or
// evicted or failed for a part that will never come, which is answered as done. It is accepted
// before or after its event.
type ClipRequest struct {
	Clip Clip `json:"clip"`
	// Pieces are the SHA-256 of each ClipPieceBytes of a part that has more, the last piece being
	// what is left. Without them the bytes come through the cloud.
	Pieces []string `json:"pieces,omitempty"`
}

// ClipResponse says where the bytes go. When Done is true the part is already complete and
// nothing is to be sent. Otherwise send the bytes from Offset on, Bytes of them or all when that is
// 0, with Method to URL (absolute, or a path on the cloud's own address) with Headers added. While
// bytes are left after that, declare the part again; then POST /api/v1/edge/clips/{ID}/complete. An
// absolute URL is a permission by itself: for these bytes only, for five minutes at most.
type ClipResponse struct {
	ID      string            `json:"id"`
	Done    bool              `json:"done,omitempty"`
	Method  string            `json:"method"`
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers,omitempty"`
	Offset  int64             `json:"offset"`
	Bytes   int64             `json:"bytes,omitempty"`
}

// CamerasRequest is an edge's report on itself and its cameras: POST /api/v1/edge/cameras, sent
// every few seconds and on every change of state.
type CamerasRequest struct {
	Version string         `json:"version"`
	At      time.Time      `json:"at"`
	Cameras []CameraStatus `json:"cameras"` // all cameras of the edge; one that is absent is gone
	Pending Backlog        `json:"pending"`
}

// Backlog is what the edge still has to send.
type Backlog struct {
	Events       int   `json:"events"`
	Clips        int   `json:"clips"`
	ClipBytes    int64 `json:"clip_bytes"`
	ClipsEvicted int64 `json:"clips_evicted"` // since the outbox was made
}

// CameraState is the word for how a camera is.
type CameraState string

// States of a camera.
const (
	CameraStarting   CameraState = "starting"
	CameraLive       CameraState = "live"        // decodable pictures are analysed
	CameraWaitingKey CameraState = "waiting-key" // connected, waiting for a key frame
	CameraOffline    CameraState = "offline"     // no connection, or silent
	CameraBusy       CameraState = "busy"        // the camera refuses for want of sessions
	CameraDenied     CameraState = "denied"      // login refused
	CameraFailed     CameraState = "failed"      // something of ours: model, configuration, worker
)

// CameraStatus is how one camera is, with the reason in words.
type CameraStatus struct {
	ID      CameraID    `json:"id"`
	Name    string      `json:"name"`
	State   CameraState `json:"state"`
	Code    string      `json:"code,omitempty"`   // stable word for the reason, such as "wrong-password"
	Reason  string      `json:"reason,omitempty"` // one sentence, English, no secrets
	Since   time.Time   `json:"since"`
	FPS     float64     `json:"fps"`      // decoded pictures per second, last 5 s
	InferPS float64     `json:"infer_ps"` // inferences per second, last 5 s
	Width   int         `json:"width_px"`
	Height  int         `json:"height_px"`
	Codec   string      `json:"codec,omitempty"`
	Model   string      `json:"model,omitempty"`
	Still   []byte      `json:"still,omitempty"` // JPEG, at most MaxSnapshotBytes, now and then
	StillAt time.Time   `json:"still_at,omitzero"`
}
