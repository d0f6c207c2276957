// Package truth says what really happened in a recorded or rendered clip, and reads and writes
// it: the clip XML, the system's answer and the zone map of KISA-style scoring (clip.go,
// zones.go), frame by frame as JSON (json.go), COCO (coco.go) and MOT (mot.go).
//
// Everything here is a value or a codec. What is read is taken as hostile: sizes are bounded,
// numbers checked, and every error is a *FormatError that names line and column.
package truth

import (
	"fmt"
	"strings"
	"time"

	"bongsu"
)

// Category is the word of an alarm in clip files, written exactly as the constants are.
type Category string

// Categories that clip files are known to use.
const (
	Loitering      Category = "Loitering"
	Intrusion      Category = "Intrusion"
	Abandonment    Category = "Abandonment"
	FireDetection  Category = "FireDetection"
	Violence       Category = "Violence"
	Falldown       Category = "Falldown"
	PeopleCounting Category = "PeopleCounting"
	Queueing       Category = "Queueing"
)

// Categories whose words in clip files are not published: these are Bongsu's own.
const (
	LineCrossing   Category = "LineCrossing"
	WrongWay       Category = "WrongWay"
	StoppedVehicle Category = "StoppedVehicle"
	ClosedArea     Category = "ClosedArea"
	Crowd          Category = "Crowd"
)

// Categories lists the known words.
var Categories = []Category{Loitering, Intrusion, Abandonment, FireDetection, Violence, Falldown, PeopleCounting, Queueing, LineCrossing, WrongWay, StoppedVehicle, ClosedArea, Crowd}

// ParseCategory gives the known word that s is, whatever its case. A word that is not known is
// kept as it stands: newer categories have names that are not published.
func ParseCategory(s string) (c Category, known bool) {
	for _, c := range Categories {
		if strings.EqualFold(string(c), s) {
			return c, true
		}
	}
	return Category(s), false
}

// States of an object. Rules and training tell a person who walks from one who lies by them.
const (
	StateWalking   = "walking"
	StateRunning   = "running"
	StateStanding  = "standing"
	StateLoitering = "loitering"
	StateSitting   = "sitting"
	StateCrouching = "crouching"
	StateFalling   = "falling"
	StateFallen    = "fallen"
	StateFighting  = "fighting"
	StateClimbing  = "climbing"
	StateRiding    = "riding"
	StateMoving    = "moving"
	StateParked    = "parked"
	StateCarried   = "carried"
	StateLeft      = "left"
	StateBurning   = "burning"
)

// Object is one thing in one picture.
type Object struct {
	ID         int          `json:"id"`              // the same for the whole clip, from 1
	Actor      string       `json:"actor,omitempty"` // who it is in the scene file
	Class      bongsu.Class `json:"class"`
	Kind       string       `json:"kind,omitempty"` // a finer word than the class, such as van or dog
	State      string       `json:"state"`          // one of the State words
	Box        bongsu.Box   `json:"box"`            // all of it that lies in the picture, hidden parts too; 0..1
	Seen       bongsu.Box   `json:"seen"`           // what is not hidden; empty when all is
	Visibility float32      `json:"visibility"`     // 0..1: pixels seen over pixels in the picture if nothing hid it
	Truncated  bool         `json:"truncated,omitempty"`
}

// Frame is what is in one picture.
type Frame struct {
	Index   int      `json:"index"` // from 0
	PTSUS   int64    `json:"pts_us"`
	Objects []Object `json:"objects"`
}

// Event is one thing that happened, from Start until End.
type Event struct {
	Kind     string   `json:"kind"`               // what it is called here, such as fall or wrong-way
	Category Category `json:"category,omitempty"` // its word in clip files; "" when they have none
	StartUS  int64    `json:"start_us"`
	EndUS    int64    `json:"end_us"`
	Zone     string   `json:"zone,omitempty"` // or line
	Objects  []int    `json:"objects,omitempty"`
}

// Start is when the event begins, on the clip's clock.
func (e *Event) Start() time.Duration { return time.Duration(e.StartUS) * time.Microsecond }

// End is when it is over; the end of the clip when it goes on.
func (e *Event) End() time.Duration { return time.Duration(e.EndUS) * time.Microsecond }

// Sequence is the truth of one clip, frame by frame.
type Sequence struct {
	Name       string  `json:"name"`
	Seed       uint64  `json:"seed"`
	WidthPX    int     `json:"width_px"`
	HeightPX   int     `json:"height_px"`
	FPS        int     `json:"fps"`
	DurationUS int64   `json:"duration_us"`
	Frames     []Frame `json:"frames"`
	Events     []Event `json:"events"`
}

// Duration is the length of the clip.
func (s *Sequence) Duration() time.Duration { return time.Duration(s.DurationUS) * time.Microsecond }

// FormatError says what is wrong with a file and where.
type FormatError struct {
	Line    int    // from 1; 0 when the file as a whole is meant
	Column  int    // from 1; 0 when it is not known
	Path    string // such as KisaLibraryIndex/Library/Clip/Alarms/Alarm; "" when there is none
	Message string // what is wrong and what to do
	Err     error  // inner cause, such as what the reader returned; may be nil
}

// Error gives the place, the path and the sentence on one line.
func (e *FormatError) Error() string {
	var b strings.Builder
	if e.Line > 0 {
		fmt.Fprintf(&b, "line %d", e.Line)
		if e.Column > 0 {
			fmt.Fprintf(&b, ", column %d", e.Column)
		}
		b.WriteString(": ")
	}
	if e.Path != "" {
		b.WriteString(e.Path + ": ")
	}
	b.WriteString(e.Message)
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

// Unwrap gives the inner cause.
func (e *FormatError) Unwrap() error { return e.Err }
