package demo

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
)

// Show is one camera of a demo: what it shows and what is watched for.
type Show struct {
	ID   string
	Name string // Korean first: the operator reads it
	File string // MP4 behind it; "" for a real camera
	URL  string // set when it is served
	// DetectFile, when set, is served as the camera's smaller stream, which the model looks at.
	DetectFile, DetectURL string
	Rules                 string // YAML of the rules, indented by six blanks

	User, PasswordFile string // of a real camera
}

// storyVideos are the videos of the data folder that the demo shows.
var storyVideos = []string{"one-by-one-person-detection.mp4", "pedestrian_survaillance.mp4", "vehicle_survaillance.mp4"}

// known are the rules drawn for videos that we know, in 0..1 of the picture.
var known = map[string]Show{
	"one-by-one-person-detection.mp4": {ID: "lobby", Name: "로비 안내대", Rules: `
      - id: desk
        kind: intrusion
        zone: [[0.02, 0.05], [0.98, 0.05], [0.98, 0.99], [0.02, 0.99]]
        classes: [person]
      - id: desk-stay
        kind: loitering
        zone: [[0.02, 0.05], [0.98, 0.05], [0.98, 0.99], [0.02, 0.99]]
        dwell_s: 10
        classes: [person]
`},
	"pedestrian_survaillance.mp4": {ID: "street", Name: "중앙로 보행로", Rules: `
      - id: crossing
        kind: line-crossing
        line: [[0.5, 0.0], [0.5, 0.997]]
        direction: left-to-right
        classes: [person]
`},
	"vehicle_survaillance.mp4": {ID: "road", Name: "시청 앞 도로", Rules: `
      - id: towards
        kind: line-crossing
        line: [[0.39, 0.653], [0.998, 0.653]]
        direction: left-to-right
        classes: [car, bus, truck]
        priority: low
`},
}

// otherRules watch the whole picture of a video that nobody has drawn rules for.
const otherRules = `
      - id: anyone
        kind: intrusion
        zone: [[0.01, 0.01], [0.99, 0.01], [0.99, 0.99], [0.01, 0.99]]
        classes: [person]
`

var notName = regexp.MustCompile(`[^a-z0-9]+`)

// showOf makes the camera of a video, with a name that no camera in others has.
func showOf(path string, others []Show) Show {
	base := filepath.Base(path)
	s, ok := known[base]
	if !ok {
		id := strings.Trim(notName.ReplaceAllString(strings.ToLower(strings.TrimSuffix(base, filepath.Ext(base))), "-"), "-")
		s = Show{ID: "cam-" + id, Name: strings.TrimSuffix(base, filepath.Ext(base)), Rules: otherRules}
		if len(s.ID) > 50 {
			s.ID = strings.Trim(s.ID[:50], "-")
		}
	}
	s.File = path
	for n, want := 2, s.ID; taken(others, s.ID); n++ {
		s.ID = fmt.Sprintf("%s-%d", want, n)
	}
	return s
}

func taken(shows []Show, id string) bool {
	for _, s := range shows {
		if s.ID == id {
			return true
		}
	}
	return false
}

func realCamera(o Options) Show {
	return Show{ID: "own-camera", Name: "내 카메라", URL: o.Camera, Rules: otherRules,
		User: o.CameraUser, PasswordFile: o.CameraPasswordFile}
}
