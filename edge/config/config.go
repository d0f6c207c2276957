// Package config reads edge.yaml: its types, defaults and checks, hot reload, and what each
// camera's worker is told. Start with Load; deploy/edge.yaml documents every key.
package config

import (
	"time"

	"bongsu"
)

// Config is edge.yaml with defaults filled in and every value checked. It holds no secret:
// passwords, tokens and credentials stay in files of their own, named here.
type Config struct {
	Edge      Edge
	DataDir   string // outbox, clips and identity of this edge
	ModelsDir string // model folders; <DataDir>/models when the file does not name one
	Cloud     Cloud
	Debug     Debug
	Workers   Workers
	Outbox    Outbox
	Defaults  Defaults
	Cameras   []Camera // in the order of the files: edge.yaml, then those set up in the browser

	listed     bool     // the file has the key cameras
	managed    bool     // it is the file of the cameras that were set up in the browser
	file       string   // as given to Parse
	edgeDigest [32]byte // SHA-256 of edge.yaml
	digest     [32]byte // of all files that this was read from
}

// Edge is how this box calls itself to operators, and where it stands.
type Edge struct {
	Name     string
	Timezone string // IANA's name of the zone in which schedules are meant
}

// Cloud says where events go. With an empty URL they stay on this box.
type Cloud struct {
	URL             string
	CredentialFile  string // written at enrolment; <DataDir>/credential when the file does not name one
	EnrolTokenFile  string // one-time token; "" when the edge is enrolled by hand
	CertificateFile string // ca_file: PEM of the authority that signed the cloud's certificate; "" for the system's
	SetsUpCameras   bool   // admins of the cloud may set cameras up in their browser
}

// Debug is the local status page.
type Debug struct {
	Listen string // loopback address and port; "" for none
}

// Workers says how cameras are spread over processes.
type Workers struct {
	CamerasPerWorker int
	MemoryBytes      int64 // that one worker may allocate; beyond it the worker dies, not the box
}

// Outbox bounds what waits on disk to be sent.
type Outbox struct {
	MaxBytes     int64 // of clips; the oldest of the lowest priority goes first
	ReserveBytes int64 // that stay free on the disk for events, which are never evicted
}

// Defaults are what a camera or rule gets that does not say otherwise.
type Defaults struct {
	Model     string
	InferPerS float64
	PreRoll   time.Duration
	PostRoll  time.Duration
	MaxClip   time.Duration
	Stall     time.Duration
	RingBytes int64
	MaxPixels int
	Tuning
}

// Tuning is what rules get that do not say otherwise, from defaults or from their camera. Zero is
// the default of a rule's kind. MinScore reaches rules of every kind; the others reach those that
// ask who is where, see ruleForm.
type Tuning struct {
	Classes  []bongsu.Class
	MinScore float32
	Confirm  time.Duration
	Linger   time.Duration
}

// Camera is one camera with its rules.
type Camera struct {
	ID           bongsu.CameraID
	Name         string
	URL          string // rtsp:// or rtsps://, without user and password
	DetectURL    string // smaller stream of the same camera for detection; "" for URL
	Username     string
	PasswordFile string
	AllowBasic   bool   // allow Basic login, which shows the password to the network, on plain RTSP
	Transport    string // TransportTCP or TransportUDP: how pictures come
	AnyUDPPort   bool   // UDP: take packets from other ports of the camera than those it named
	AllTracks    bool   // ask for the camera's sound, too: some send no pictures without
	TLS          TLS    // whom rtsps:// trusts
	Model        string
	InferPerS    float64 // inferences per second wanted
	PreRoll      time.Duration
	PostRoll     time.Duration
	MaxClip      time.Duration    // of one event, over all parts
	Stall        time.Duration    // without a decodable picture before the camera is connected anew
	RingBytes    int64            // most memory for pre-roll
	MaxPixels    int              // larger pictures are refused before decoding
	Tuning                        // of its rules that do not say otherwise
	Purposes     []bongsu.Purpose // what it is there for; none when nobody wrote it down
	Exclude      [][]bongsu.Point // areas in which nothing counts; Rules have them already
	Ground       *bongsu.Ground   // where the ground is; nil when it was not calibrated
	Rules        []Rule
	Managed      bool // set up in the browser; edge.yaml has the others

	origin
}

// origin is where a camera stands.
type origin struct {
	file       string
	line       int            // of the file
	index      int            // among the file's cameras
	ungrounded bool           // nothing was said of the ground, right or wrong
	written    map[string]any // see Written
}

// Transports of a camera's pictures.
const (
	TransportTCP = "tcp" // within the RTSP connection
	TransportUDP = "udp" // beside it: what is lost on the way stays lost
)

// TLS says whom a camera's rtsps:// trusts: the authorities of the system when both are empty.
type TLS struct {
	CAFile    string // PEM of the authority that signed the camera's certificate
	PinSHA256 string // of the certificate itself (DER), 64 lower-case hex digits; no authority is asked then
}

// Rule is one rule of a camera.
type Rule = bongsu.Rule

// Default is the configuration of an empty file; deploy/edge.yaml equals it.
func Default() Config {
	c := baseline()
	c.resolve()
	return c
}

// baseline is Default before empty paths are derived from DataDir.
func baseline() Config {
	return Config{
		Edge:    Edge{Name: "edge", Timezone: "Asia/Seoul"},
		DataDir: "/var/lib/bongsu-edge",
		Cloud:   Cloud{SetsUpCameras: true},
		Debug:   Debug{Listen: "127.0.0.1:9090"},
		Workers: Workers{CamerasPerWorker: 8, MemoryBytes: 2 << 30},
		Outbox:  Outbox{MaxBytes: 10 << 30, ReserveBytes: 512 << 20},
		Defaults: Defaults{
			InferPerS: 10,
			PreRoll:   5 * time.Second,
			PostRoll:  5 * time.Second,
			MaxClip:   5 * time.Minute,
			Stall:     8 * time.Second,
			RingBytes: 64 << 20,
			MaxPixels: 3840 * 2160,
		},
	}
}
