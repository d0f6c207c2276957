package demo

import (
	"cmp"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	scenes "bongsu/streams/scene"
	"bongsu/streams/scene/library"
)

// Show is one camera of a demo: what it shows and what is watched for.
type Show struct {
	ID    string
	Name  string // Korean first: the operator reads it
	Scene string // of the library, behind it; "" for a file or a real camera
	File  string // MP4 behind it; "" for a scene or a real camera
	URL   string // set when it is served
	// DetectFile, when set, is served as the camera's smaller stream, which the model looks at.
	DetectFile, DetectURL string
	Rules                 string // YAML of the rules, indented by six blanks

	User, PasswordFile string // of a real camera
}

// part is a simulated camera of the story. What it watches for are the zones and lines of the scene
// itself, which the scene's truth is about, and rules of its own.
type part struct {
	id, name, scene string
	rules           string
	rings           string // what an operator will hear of; "" for a quiet camera
}

// story is a night and a day in a town's centre, as eight out of ten cameras see them: six of these
// ring within a minute, two stay quiet. Who rings first is rendered first.
var story = []part{
	{id: "yard", name: "자재 마당 동편", scene: "intruder-night", rings: "intrusion"},
	{id: "market", name: "시장길 일방통행", scene: "wrong-way-morning", rings: "line-crossing"},
	{id: "promenade", name: "산책로 느티나무", scene: "fall-noon", rules: someoneDown, rings: "fall"},
	{id: "plaza", name: "시청 앞 광장", scene: "abandoned-bag-plaza", rules: somethingLeft, rings: "abandonment"},
	{id: "recycling", name: "분리수거장", scene: "fire-evening", rules: somethingBurns, rings: "fire"},
	{id: "porch", name: "관리동 현관", scene: "loiterer-evening", rings: "loitering"},
	{id: "yard-north", name: "자재 마당 북편", scene: "yard-quiet-snow"},
	{id: "station", name: "역 대합실", scene: "station-crowd"},
}

// Rules of kinds that need no zone: they watch the whole picture, as their kinds do by default.
const (
	someoneDown = `
      - id: down
        kind: fall
`
	somethingLeft = `
      - id: left
        kind: abandonment
`
	somethingBurns = `
      - id: burns
        kind: fire
`
)

// showsOf makes the cameras of a story.
func showsOf(parts []part) ([]Show, error) {
	var out []Show
	for _, p := range parts {
		s, err := library.Open(p.scene)
		if err != nil {
			return nil, err
		}
		out = append(out, Show{ID: p.id, Name: p.name, Scene: p.scene, Rules: "\n" + rulesOf(s) + strings.TrimLeft(p.rules, "\n")})
	}
	return out, nil
}

// rulesOf writes the rules that tell of what the scene's truth calls an event.
func rulesOf(s *scenes.Scene) string {
	var b strings.Builder
	for _, z := range s.Zones {
		switch z.Kind {
		case scenes.EventIntrusion:
			fmt.Fprintf(&b, "      - id: %s\n        kind: intrusion\n        zone: %s\n        classes: [person]\n", z.Name, points(z.Polygon))
		case scenes.EventLoitering:
			fmt.Fprintf(&b, "      - id: %s\n        kind: loitering\n        zone: %s\n        dwell_s: %g\n        classes: [person]\n", z.Name, points(z.Polygon), cmp.Or(z.DwellS, 10))
		}
	}
	for _, l := range s.Lines {
		fmt.Fprintf(&b, "      - id: %s\n        kind: line-crossing\n        line: %s\n        direction: %s\n        classes: [car, bus, truck, motorcycle]\n",
			l.Name, points(l.Points[:]), l.Forbidden)
	}
	return b.String()
}

func points(of [][2]float32) string {
	var all []string
	for _, p := range of {
		all = append(all, fmt.Sprintf("[%g, %g]", p[0], p[1]))
	}
	return "[" + strings.Join(all, ", ") + "]"
}

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
