package bongsu

import "time"

// EventKind says what a rule watches for.
type EventKind string

// Kinds of event that rules produce.
const (
	KindIntrusion      EventKind = "intrusion"       // 침입: something is in a zone where it must not be
	KindLineCrossing   EventKind = "line-crossing"   // 선 통과: a line was crossed in the named direction
	KindLoitering      EventKind = "loitering"       // 배회: someone stays in a zone longer than allowed
	KindAbandonment    EventKind = "abandonment"     // 유기: a thing was left behind
	KindFall           EventKind = "fall"            // 쓰러짐: someone went down and stays down
	KindFire           EventKind = "fire"            // 방화: fire or smoke
	KindWrongWay       EventKind = "wrong-way"       // 역주행: against the arrow
	KindStoppedVehicle EventKind = "stopped-vehicle" // 정지 차량: a vehicle stands where none may
	KindClosedArea     EventKind = "closed-area"     // 폐쇄 구역: people in a place outside its hours
	KindLineCounting   EventKind = "line-counting"   // 통행량: how many crossed a line; a record, not an alarm
	KindFight          EventKind = "fight"           // 싸움: experimental
	KindCrowd          EventKind = "crowd"           // 밀집: experimental
)

// Priority orders events for the operator. The words and their service levels are those of
// the console: 긴급, 높음, 보통, 낮음.
type Priority string

// Priorities, the most urgent first.
const (
	PriorityCritical Priority = "critical"
	PriorityHigh     Priority = "high"
	PriorityMedium   Priority = "medium"
	PriorityLow      Priority = "low"
)

// DefaultPriority is the priority of a kind when the rule does not name one.
func DefaultPriority(k EventKind) Priority {
	if c := CategoryOf(k); c != nil {
		return c.Priority
	}
	return PriorityLow
}

// Rank is 0 for critical to 3 for low; an unknown priority ranks after low.
func (p Priority) Rank() int {
	switch p {
	case PriorityCritical:
		return 0
	case PriorityHigh:
		return 1
	case PriorityMedium:
		return 2
	case PriorityLow:
		return 3
	}
	return 4
}

// FiringPhase says where a rule's finding stands.
type FiringPhase uint8

// Phases of a firing.
const (
	FiringBegin FiringPhase = iota // the rule's condition has just been confirmed
	FiringHold                     // it still holds; sent at most once a second
	FiringEnd                      // it has ended, hysteresis included
	FiringPulse                    // it happened at one instant: begin and end in one
	FiringLost                     // there is no trustworthy picture any more to say whether it still holds
)

// Firing is what a rule says about one thing at one instant. Rules make firings, the event
// machine turns them into events. Stay is the same for all firings of one occurrence.
type Firing struct {
	Rule      RuleID
	Kind      EventKind
	Priority  Priority
	Phase     FiringPhase
	Stay      uint64    // numbers the occurrence within its rule and worker life
	At        time.Time // frame time (Frame.Wall) of the finding; of FiringEnd and FiringLost, when it was last so
	Since     time.Time // frame time at which what is found began, at or before At
	Track     Track     // the track as it stood
	Zone      []Point   // the rule's zone, nil for a line
	Line      []Point   // the rule's line, nil for a zone
	Direction string    // in which a line was crossed: DirectionLeftToRight or DirectionRightToLeft
	Trail     []TrailPoint
	Dwell     time.Duration // how long the thing has been in the zone
	Reasons   []Reason

	RuleVersion string          // which rule decided with which parameters, see Event.RuleVersion
	Frames      []DecidingFrame // that decided, oldest first, at most MaxDecidingFrames
}

// DecidingFrame is one picture that a rule's decision rests on.
type DecidingFrame struct {
	At    time.Time `json:"at"`     // frame time
	PTSUS int64     `json:"pts_us"` // media clock since the run began
	Seq   uint64    `json:"seq"`    // of the access unit within the run
	Box   Box       `json:"box"`    // of the thing in it
	Score float32   `json:"score"`  // of the thing in it; 0 where it was not seen and that decided
}

// MaxDecidingFrames is the most of its deciding pictures that an event names.
const MaxDecidingFrames = 8

// TrailPoint is where a track's foot point was.
type TrailPoint struct {
	At  time.Time `json:"at"`
	Box Box       `json:"box"`
}

// Reason is one measured quantity that decided, beside its threshold.
type Reason struct {
	Name      string  `json:"name"`                // "score", "dwell_s", "inside_s", ...
	Value     float64 `json:"value"`               // as measured, in the unit that Name ends with
	Threshold float64 `json:"threshold,omitempty"` // what it had to reach; 0 when there is none
}

// EventState says whether an event still goes on.
type EventState string

// States of an event.
const (
	EventOpen   EventState = "open"
	EventClosed EventState = "closed"
)

// Reasons for which an event closes.
const (
	CloseEnded       = "ended"        // the rule's condition ended
	CloseInterrupted = "interrupted"  // its worker, or all trust in the camera's pictures, was lost and nothing continued it
	CloseRuleRemoved = "rule-removed" // its rule or camera left the configuration
)

// Event is one thing that happened in front of one camera, as it is known at Revision. Each
// revision is whole: it replaces those before it. It is also the wire form (wire.go).
type Event struct {
	ID          EventID    `json:"id"`
	Revision    int        `json:"revision"` // 1, 2, ...
	Edge        EdgeID     `json:"edge,omitempty"`
	Camera      CameraID   `json:"camera"`
	CameraName  string     `json:"camera_name,omitempty"`
	Run         RunID      `json:"run,omitempty"`
	Rule        RuleID     `json:"rule"`
	Kind        EventKind  `json:"kind"`
	Priority    Priority   `json:"priority"`
	State       EventState `json:"state"`
	CloseReason string     `json:"close_reason,omitempty"`

	Start time.Time `json:"start"`        // when what is found began (edge wall clock, UTC)
	Fired time.Time `json:"fired"`        // frame time at which the rule was sure
	End   time.Time `json:"end,omitzero"` // when it ended; zero while open
	Clock Clock     `json:"clock"`

	Class     Class        `json:"class"`
	Score     float32      `json:"score"`
	Track     TrackID      `json:"track"`
	Box       Box          `json:"box"` // at the deciding frame
	Zone      []Point      `json:"zone,omitempty"`
	Line      []Point      `json:"line,omitempty"`
	Direction string       `json:"direction,omitempty"` // in which Line was crossed: "left-to-right" or "right-to-left"
	Trail     []TrailPoint `json:"trail,omitempty"`     // at most MaxTrail points, oldest dropped first by thinning
	Reasons   []Reason     `json:"reasons,omitempty"`
	Model     ModelRef     `json:"model"`

	RuleVersion string          `json:"rule_version,omitempty"` // 12 hex digits of a hash of the kind's code version and the rule's parameters, defaults filled in
	Frames      []DecidingFrame `json:"frames,omitempty"`       // that decided, oldest first, at most MaxDecidingFrames

	Count     int  `json:"count,omitempty"`      // so many findings of the rule in one event, because they were too many; 0: this is one
	ClipParts int  `json:"clip_parts,omitempty"` // parts known when this revision was made
	Tainted   bool `json:"tainted,omitempty"`    // the deciding frame came after data loss
	Unspooled bool `json:"unspooled,omitempty"`  // sent while the edge's disk could not be written: it never lay in the edge's store

	Stamps Stamps `json:"stamps"`
}

// MaxTrail is the most points that an event carries of a track's way.
const MaxTrail = 120

// ModelRef names the model that decided.
type ModelRef struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	SHA256  string `json:"sha256,omitempty"` // of the model file, lower-case hex
}

// Clock holds the three clocks that are recorded with an event, all for the instant Fired.
type Clock struct {
	CameraClaim time.Time `json:"camera_claim,omitzero"` // from sender reports; zero when the camera claims nothing
	MonotonicUS int64     `json:"monotonic_us"`          // edge's monotonic clock since its boot
	WallQuality string    `json:"wall_quality"`          // "synchronised", "unsynchronised" or "unknown"
	MediaPTSUS  int64     `json:"media_pts_us"`          // media clock since the run began
}

// Stamps are the instants at which the deciding frame and the event passed each hop, in Unix
// microseconds of the clock of the machine that stamped. 0: not passed or not known.
type Stamps struct {
	PacketUS   int64 `json:"packet_us,omitempty"`   // last RTP packet of the deciding frame came in
	DecodedUS  int64 `json:"decoded_us,omitempty"`  // its picture left the decoder
	InferredUS int64 `json:"inferred_us,omitempty"` // the model has answered
	FiredUS    int64 `json:"fired_us,omitempty"`    // the event left the rules
	DurableUS  int64 `json:"durable_us,omitempty"`  // fsynced on the edge
	SentUS     int64 `json:"sent_us,omitempty"`     // first sent to the cloud
	ReceivedUS int64 `json:"received_us,omitempty"` // the cloud writes it to its inbox
	AlertedUS  int64 `json:"alerted_us,omitempty"`  // the cloud writes its alert, which is published with the commit
}

// Key identifies one revision of one event, end to end.
func (e *Event) Key() EventKey { return EventKey{e.ID, e.Revision} }

// EventKey is the idempotency key of an event's revision.
type EventKey struct {
	ID       EventID `json:"id"`
	Revision int     `json:"revision"`
}
