// Package link is the protocol between node and worker: frames of a uint32 big-endian length
// and that many bytes of JSON, at most bongsu.MaxMessageBytes, over a socketpair that the
// worker inherits as file descriptor 3. codec.go reads and writes them. Live pictures go from
// worker to node over a second one, file descriptor 4: media.go.
package link

import (
	"time"

	"bongsu"
)

// ExitStuck is the exit status of a worker that ended itself because a call into the decoder or
// the model did not come back.
const ExitStuck = 70

// Version is the protocol version that both sides must speak.
const Version = 1

// Types of message. Down is node to worker, up is worker to node.
const (
	TypeAssign     = "assign"      // down: a camera to run, or a new configuration of one
	TypeUnassign   = "unassign"    // down: a camera to stop
	TypeOpenEvents = "open_events" // down: events that a lost worker left open; sent before assign
	TypeAck        = "ack"         // down: the message Ref is done and durable
	TypeNack       = "nack"        // down: the message Ref cannot be done; Message says why
	TypeLiveStart  = "live_start"  // down: send Camera's pictures over the media channel as Session, or change Boxes of a known one; see media.go
	TypeLiveStop   = "live_stop"   // down: end Session; one that is not known has ended already
	TypeHello      = "hello"       // up, first
	TypeEvent      = "event"       // up: one revision; acked when durable
	TypeClipOpen   = "clip_open"   // up: a part is about to be written; acked with its Path
	TypeClipClosed = "clip_closed" // up: a part is complete, failed or torn; acked when recorded
	TypeHealth     = "health"      // up: camera states, every second and on change; not acked
	TypeCounters   = "counters"    // up: metrics of the worker, every second; not acked
)

// Message is one message of any type; the fields that its type does not name stay empty.
// An unknown type or field is an error that closes the connection.
type Message struct {
	V    int    `json:"v"`
	Type string `json:"type"`
	Seq  uint64 `json:"seq"` // counts the sender's messages from 1

	Ref     uint64 `json:"ref,omitempty"`     // ack, nack: Seq of the message answered
	Message string `json:"message,omitempty"` // nack: one sentence
	Path    string `json:"path,omitempty"`    // ack of clip_open: the file to create

	Code bongsu.Code `json:"code,omitempty"` // nack: what the sender can decide by

	PID     int    `json:"pid,omitempty"`     // hello
	Program string `json:"program,omitempty"` // hello: version of the worker's binary

	Assign   *Assignment           `json:"assign,omitempty"`
	Camera   bongsu.CameraID       `json:"camera,omitempty"` // unassign, open_events, live_start
	Open     []bongsu.Event        `json:"open,omitempty"`   // open_events
	Event    *bongsu.Event         `json:"event,omitempty"`
	Snapshot []byte                `json:"snapshot,omitempty"` // event: JPEG ≤ bongsu.MaxSnapshotBytes
	Clip     *bongsu.Clip          `json:"clip,omitempty"`     // clip_open, clip_closed
	Health   []bongsu.CameraStatus `json:"health,omitempty"`
	Looks    []Look                `json:"looks,omitempty"` // health: for the node's own page
	Counters []Counter             `json:"counters,omitempty"`

	Session string `json:"session,omitempty"` // live_start, live_stop: a UUID
	Mode    string `json:"mode,omitempty"`    // live_start: bongsu.LiveVideo or bongsu.LiveStill
	Boxes   bool   `json:"boxes,omitempty"`   // live_start: send what is found in the pictures, too
}

// Assignment is everything a worker needs to run one camera. Secrets travel here, over the
// socketpair only, and never to a log.
type Assignment struct {
	Camera     bongsu.CameraID `json:"camera"`
	Name       string          `json:"name"`
	URL        string          `json:"url"`
	DetectURL  string          `json:"detect_url,omitempty"`
	Username   string          `json:"username,omitempty"`
	Password   string          `json:"password,omitempty"`
	AllowBasic bool            `json:"allow_basic,omitempty"`
	Transport  string          `json:"transport,omitempty"`    // "tcp" (also "") or "udp"
	AnyUDPPort bool            `json:"any_udp_port,omitempty"` // take packets from other ports of the camera than it named
	AllTracks  bool            `json:"all_tracks,omitempty"`   // ask for its sound, too, without which some cameras send nothing
	CAFile     string          `json:"ca_file,omitempty"`      // whom rtsps:// trusts; "" and no PinSHA256: the system's authorities
	CASum      string          `json:"ca_sum,omitempty"`       // SHA-256 of CAFile's content, so that a new one is a change
	PinSHA256  string          `json:"pin_sha256,omitempty"`   // of the camera's certificate, hex
	Model      string          `json:"model"`                  // name in the model folder
	InferPS    float64         `json:"infer_ps"`               // inferences per second wanted
	PreRoll    time.Duration   `json:"pre_roll_ns"`
	PostRoll   time.Duration   `json:"post_roll_ns"`
	MaxClip    time.Duration   `json:"max_clip_ns"` // of one event, over all parts
	RingBytes  int64           `json:"ring_bytes"`
	StallAfter time.Duration   `json:"stall_after_ns"`
	MaxPixels  int             `json:"max_pixels"` // larger pictures are refused before decoding
	Rules      []Rule          `json:"rules"`
	Ground     *bongsu.Ground  `json:"ground,omitempty"`   // of the camera; nil when it was not calibrated
	Timezone   string          `json:"timezone,omitempty"` // IANA's name of the zone in which rules' schedules are meant; "" is UTC
}

// Rule is one rule of a camera.
type Rule = bongsu.Rule

// Counter is one value of one metric. Name is a Prometheus name without labels; Value only
// rises within a worker's life unless Gauge is set.
type Counter struct {
	Name   string          `json:"name"`
	Camera bongsu.CameraID `json:"camera,omitempty"`
	Label  string          `json:"label,omitempty"` // "reason=..." when the metric has one
	Value  float64         `json:"value"`
	Gauge  bool            `json:"gauge,omitempty"`
}

// Look is the last picture of a camera with what was found in it drawn over, for the debug page
// of the box itself; it never leaves the box.
type Look struct {
	Camera bongsu.CameraID `json:"camera"`
	At     time.Time       `json:"at"`
	JPEG   []byte          `json:"jpeg"` // at most bongsu.MaxSnapshotBytes
}
