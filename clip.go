package bongsu

import "time"

// ClipState says what is known of a clip part's bytes.
type ClipState string

// States of a clip part.
const (
	ClipWriting ClipState = "writing" // its file is open
	ClipReady   ClipState = "ready"   // closed, fsynced, hash known
	ClipTorn    ClipState = "torn"    // the writer died; what could be salvaged is kept
	ClipEvicted ClipState = "evicted" // removed for lack of space before it was sent
	ClipFailed  ClipState = "failed"  // could not be written
)

// Clip is one part, of at most 60 s, of the video that belongs to an event.
type Clip struct {
	Event      EventID   `json:"event"`
	Part       int       `json:"part"` // 0, 1, ...
	Camera     CameraID  `json:"camera"`
	State      ClipState `json:"state"`
	SHA256     string    `json:"sha256,omitempty"` // lower-case hex
	Bytes      int64     `json:"bytes"`
	Codec      string    `json:"codec,omitempty"` // RFC 6381, such as "avc1.64001f"
	Start      time.Time `json:"start"`           // edge wall clock of the first sample
	DurationUS int64     `json:"duration_us"`
	Tainted    bool      `json:"tainted,omitempty"` // data was lost within it
}

// Lost reports that there will never be bytes of the part beyond its edge: it was evicted before
// it was sent, or could not be written.
func (c *Clip) Lost() bool { return c.State == ClipEvicted || c.State == ClipFailed }

// Key identifies a clip part.
func (c *Clip) Key() ClipKey { return ClipKey{c.Event, c.Part} }

// ClipKey is the idempotency key of a clip part.
type ClipKey struct {
	Event EventID `json:"event"`
	Part  int     `json:"part"`
}

// Duration is how long the part plays.
func (c *Clip) Duration() time.Duration { return time.Duration(c.DurationUS) * time.Microsecond }
