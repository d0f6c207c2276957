package bongsu

import (
	"encoding/json"
	"net/http"
)

// This file is the wire of setting cameras up from a browser: browser to cloud over HTTP, cloud to
// edge as a command over the control connection of live view, edge to cloud as an answer over HTTP.
// docs/design/setup.md has the whole way.

// Limits of setting up.
const (
	MaxCommandBytes = 64 << 10 // one command, a text message of the control connection
	MaxAnswerBytes  = 1 << 20  // the answer to one
)

// LiveTypeCommand is the type of a text message of the control connection, cloud to edge: do
// something and answer by POST /api/v1/edge/commands/{id}.
const LiveTypeCommand = "command"

// FeaturesHeader is where an edge says, when it opens its control connection, what it can do beyond
// live pictures: words of the Feature constants, with commas between.
const FeaturesHeader = "Bongsu-Features"

// Features of an edge.
const (
	FeatureCommands = "commands" // it takes commands
	FeatureBoxes    = "boxes"    // it sends what is found in a picture beside the picture
)

// Operations of a command.
const (
	OpCameras = "cameras" // SetupView: the cameras as they are configured; the body is empty
	OpProbe   = "probe"   // ProbeRequest to ProbeResult
	OpPut     = "put"     // PutCommand to PutResult
	OpRemove  = "remove"  // RemoveCommand to RemoveResult
)

// Codes of setting up, besides those of the camera that a probe gives.
const (
	CodeEdgeOffline Code = "edge-offline" // the edge is not connected
	CodeEdgeSilent  Code = "edge-silent"  // it did not answer in time: whether it did it is not known
	CodeEdgeOld     Code = "edge-too-old" // its release cannot do this
	CodeNotAllowed  Code = "not-allowed"  // its owner has switched it off
	CodeNotManaged  Code = "not-managed"  // the camera stands in edge.yaml, which is changed on the box only
	CodeBoxConfig   Code = "box-config"   // the configuration on the box has a mistake, which must be mended there first
	CodeUnknownOp   Code = "unknown-op"   // a command of a later release
)

// Codes of a probe that failed: why the camera gives no picture.
const (
	CodeAuthFailed     Code = "auth-failed"       // it refuses user and password
	CodeAuthNeeded     Code = "auth-needed"       // it asks for a login and none was given
	CodeBasicRefused   Code = "basic-refused"     // it takes the password readable on the network only
	CodeBadCertificate Code = "bad-certificate"   // rtsps: whoever answers is not trusted
	CodeNoRoute        Code = "no-route"          // nothing answers at the address
	CodeNotRTSP        Code = "not-rtsp"          // something answers that does not speak RTSP as it should
	CodeNoStream       Code = "no-stream"         // the camera has nothing at this path
	CodeNoVideo        Code = "no-video"          // what it offers has no H.264 or H.265 video
	CodeNoPicture      Code = "no-picture"        // video comes, but no picture can be made of it
	CodeCodec          Code = "codec-unsupported" // the decoder does not take the video
	CodeCameraBusy     Code = "busy"              // it has no session left
	CodeTimeout        Code = "timeout"           // connected, but nothing usable came in time
	CodeProbeCrashed   Code = "probe-crashed"     // what the camera sent ended the process that looked at it
)

// Command is what the cloud asks of an edge.
type Command struct {
	Type string          `json:"type"` // LiveTypeCommand
	ID   string          `json:"id"`   // a UUID
	Op   string          `json:"op"`
	Body json.RawMessage `json:"body,omitempty"` // may hold a password: never logged
}

// ParseCommand reads a command and holds it against what every operation needs. The error says
// nothing of the body.
func ParseCommand(b []byte) (Command, error) {
	var c Command
	if len(b) > MaxCommandBytes {
		return c, Errorf(CodeTooLarge, "a command of %d bytes, the limit is %d", len(b), MaxCommandBytes)
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return Command{}, Errorf(CodeInvalid, "a command that is no JSON object of ours")
	}
	switch {
	case c.Type != LiveTypeCommand:
		return Command{}, Errorf(CodeInvalid, "a command of type %.20q", c.Type)
	case !ValidUUID(c.ID):
		return Command{}, Errorf(CodeInvalid, "a command whose id is no UUID")
	case !ValidName(c.Op):
		return Command{}, Errorf(CodeInvalid, "a command without an operation")
	}
	return c, nil
}

// TextType reads the type of a text message of live view; "" when it is no JSON object that has one.
func TextType(b []byte) string {
	var t struct {
		Type string `json:"type"`
	}
	if json.Unmarshal(b, &t) != nil {
		return ""
	}
	return t.Type
}

// FieldFault says which field of a request is wrong, and how.
type FieldFault struct {
	Path    string `json:"path"` // such as rules[0].zone; "" for the whole
	Message string `json:"message"`
}

// Fault is why a command was not done.
type Fault struct {
	Code    Code         `json:"code"`
	Message string       `json:"message"`
	Fields  []FieldFault `json:"fields,omitempty"` // with CodeInvalid
}

// Answer is what an edge answers a command with: POST /api/v1/edge/commands/{id}, at most
// MaxAnswerBytes.
type Answer struct {
	Status int             `json:"status"`          // as of HTTP: 200, or 400 to 599
	Body   json.RawMessage `json:"body,omitempty"`  // with 200
	Error  *Fault          `json:"error,omitempty"` // without
}

// ParseAnswer reads an answer and holds it against what it must have.
func ParseAnswer(b []byte) (Answer, error) {
	var a Answer
	if len(b) > MaxAnswerBytes {
		return a, Errorf(CodeTooLarge, "an answer of %d bytes, the limit is %d", len(b), MaxAnswerBytes)
	}
	if err := json.Unmarshal(b, &a); err != nil {
		return Answer{}, Errorf(CodeInvalid, "an answer that is no JSON object of ours")
	}
	good := a.Status == http.StatusOK && a.Error == nil && len(a.Body) > 0 && a.Body[0] == '{'
	bad := a.Status >= 400 && a.Status <= 599 && a.Error != nil && a.Error.Code != "" && len(a.Body) == 0
	if !good && !bad {
		return Answer{}, Errorf(CodeInvalid, "an answer with the status %d, which must have a body with 200 and an error otherwise", a.Status)
	}
	return a, nil
}

// Done makes the answer of a command that was done.
func Done(body any) Answer {
	b, err := json.Marshal(body)
	if err != nil {
		return Refuse(http.StatusInternalServerError, CodeInternal, "the answer cannot be written as JSON")
	}
	return Answer{Status: http.StatusOK, Body: b}
}

// Refuse makes the answer of a command that was not done. The message is shown to people.
func Refuse(status int, code Code, message string, fields ...FieldFault) Answer {
	return Answer{Status: status, Error: &Fault{Code: code, Message: message, Fields: fields}}
}

// SetupView is how the cameras of an edge are configured, and what there is to choose from.
type SetupView struct {
	Revision string `json:"revision"` // of the managed cameras; goes back with every change
	Allowed  bool   `json:"allowed"`  // cloud.sets_up_cameras of edge.yaml
	// Cameras have the keys of edge.yaml as they are written there, besides managed (it can be
	// changed here) and has_password; password_file is left out.
	Cameras   []map[string]any `json:"cameras"`
	Models    []SetupModel     `json:"models"`
	Defaults  map[string]any   `json:"defaults"` // all keys of defaults, with their values
	RuleKinds []SetupRuleKind  `json:"rule_kinds"`
	Purposes  []PurposeInfo    `json:"purposes,omitempty"` // that a camera may have
}

// SetupModel is an installed model.
type SetupModel struct {
	Name    string  `json:"name"`
	Classes []Class `json:"classes"`
}

// SetupRuleKind is a kind of rule and the keys that only it, or not every kind, has.
type SetupRuleKind struct {
	Kind         EventKind  `json:"kind"`
	Geometry     string     `json:"geometry"`               // zone or line: what it is drawn as
	Whole        bool       `json:"whole,omitempty"`        // the zone may be left out: the whole picture
	Experimental bool       `json:"experimental,omitempty"` // to be said wherever the kind is named
	Purposes     []Purpose  `json:"purposes,omitempty"`     // for any of which a camera may look out for it
	Keys         []SetupKey `json:"keys"`
}

// SetupKey is a key of a rule. Numbers have a range, words the values that they may have.
type SetupKey struct {
	Name     string   `json:"name"`
	Unit     string   `json:"unit,omitempty"`  // s, m, px/m; "" for a plain number or a word
	Form     string   `json:"form,omitempty"`  // classes, numbers, schedule, polygons or arrow (two points); "" for one number or word
	Needs    string   `json:"needs,omitempty"` // ground: the camera must be calibrated
	Required bool     `json:"required,omitempty"`
	Default  any      `json:"default,omitempty"`
	Min      *float64 `json:"min,omitempty"`
	Max      *float64 `json:"max,omitempty"`
	Values   []string `json:"values,omitempty"`
}

// ProbeRequest asks what a camera offers. Its keys mean what they mean in edge.yaml.
type ProbeRequest struct {
	URL        string    `json:"url"`
	Username   string    `json:"username,omitempty"`
	Password   *string   `json:"password,omitempty"` // without it that of Camera, at the same address only
	Camera     CameraID  `json:"camera,omitempty"`   // whose stored password to use
	Transport  string    `json:"transport,omitempty"`
	AllowBasic bool      `json:"allow_basic,omitempty"`
	AnyUDPPort bool      `json:"any_udp_port,omitempty"`
	AllTracks  bool      `json:"all_tracks,omitempty"`
	TLS        *ProbeTLS `json:"tls,omitempty"`
}

// ProbeTLS is whom a probe over rtsps:// trusts.
type ProbeTLS struct {
	CAFile    string `json:"ca_file,omitempty"` // only that of Camera
	PinSHA256 string `json:"pin_sha256,omitempty"`
}

// ProbeResult is what a camera offers.
type ProbeResult struct {
	Codec  string   `json:"codec"` // h264 or h265
	Width  int      `json:"width_px"`
	Height int      `json:"height_px"`
	FPS    float64  `json:"fps"`    // measured; 0 when too few pictures came
	Tracks []string `json:"tracks"` // in words, such as "video H264", "audio PCMU: not used, no video"
	Still  []byte   `json:"still"`  // JPEG of at most MaxLiveJPEGBytes
	TookMS int64    `json:"took_ms"`
}

// PutRequest makes or changes a camera.
type PutRequest struct {
	Revision string         `json:"revision"`           // as last seen; another one is a conflict
	Camera   map[string]any `json:"camera"`             // keys as in edge.yaml
	Password *string        `json:"password,omitempty"` // without it the stored one stays, at the same address only
}

// PutCommand is a PutRequest on its way to the edge.
type PutCommand struct {
	ID    CameraID `json:"id"`
	Check bool     `json:"check,omitempty"` // say what is wrong, change nothing
	PutRequest
}

// PutResult answers a PutCommand.
type PutResult struct {
	Revision string         `json:"revision"`
	Camera   map[string]any `json:"camera"` // as SetupView has it
}

// RemoveCommand takes a camera away.
type RemoveCommand struct {
	ID       CameraID `json:"id"`
	Revision string   `json:"revision"`
}

// RemoveResult answers a RemoveCommand.
type RemoveResult struct {
	Revision string `json:"revision"`
}
