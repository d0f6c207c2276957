package scene

import (
	"errors"
	"strings"
	"testing"

	"bongsu"
)

const small = `schema: 1
name: small
title: 시험
duration_s: 5
camera: {height_m: 4, tilt_deg: 20}
light: {time: noon}
`

var refusals = map[string]struct{ in, want string }{
	"empty":         {"", "small.yaml: it is empty: docs/design/scene.md shows what a scene holds"},
	"list":          {"[1, 2]", "small.yaml:1: it is not a list of keys and values: docs/design/scene.md shows what a scene holds"},
	"no YAML":       {"a: [", "small.yaml:1: not readable as YAML: "},
	"schema":        {strings.Replace(small, "schema: 1", "schema: 2", 1), "small.yaml:1: schema: schema 2 is not known: this program reads schema 1"},
	"name":          {strings.Replace(small, "name: small", "name: Big Scene", 1), `small.yaml:2: name: "Big Scene" is no name: lower-case words joined by hyphens`},
	"unknown key":   {small + "colour: red\n", `small.yaml:7: colour: the key "colour" is not known here: docs/design/scene.md lists the keys`},
	"text":          {strings.Replace(small, "duration_s: 5", "duration_s: long", 1), `small.yaml:4: duration_s: "long" does not fit here: it must be a number`},
	"time of day":   {strings.Replace(small, "noon", "tea", 1), `small.yaml:6: light.time: there is no time of day "tea": say one of dawn, morning, noon, evening, night, night-ir`},
	"tilt":          {strings.Replace(small, "tilt_deg: 20", "tilt_deg: -3", 1), "small.yaml:5: camera.tilt_deg: -3 is out of range: it must be 2 to 85 degrees below the horizon"},
	"odd width":     {strings.Replace(small, "tilt_deg: 20", "tilt_deg: 20, width_px: 641, height_px: 360", 1), "small.yaml:5: camera.width_px: 641×360: both sides must be even"},
	"kind of actor": {small + "actors:\n  - id: a\n    kind: dragon\n", `small.yaml:9: actors[0].kind: there is no kind of actor "dragon": say one of person, crowd,`},
	"unknown actor": {small + "actors:\n  - {id: a, kind: person, at: [0, 10], do: [{act: fight, with: ghost}]}\n", `small.yaml:8: actors[0].do[0].with: there is no actor "ghost" in this scene`},
	"carried by":    {small + "actors:\n  - {id: b, kind: bag, carried_by: nobody}\n", `small.yaml:8: actors[0].carried_by: there is no actor "nobody" in this scene`},
	"not a bag":     {small + "actors:\n  - {id: a, kind: person, at: [0, 10], do: [{act: leave, with: a}]}\n", `small.yaml:8: actors[0].do[0].with: "a" is a person: a bag is needed`},
	"twice":         {small + "actors:\n  - {id: a, kind: car, at: [0, 10]}\n  - {id: a, kind: car, at: [2, 10]}\n", `small.yaml:9: actors[1].id: there is another actor "a"`},
	"negative size": {small + "actors:\n  - id: f\n    kind: fire\n    at: [0, 10]\n    size_m: -1\n", "small.yaml:11: actors[0].size_m: -1 is out of range: it must be 0 to 20 metres"},
	"negative wall": {small + "structures:\n  - {kind: building, at: [0, 30], width_m: -4, depth_m: 3, height_m: 3}\n", "small.yaml:8: structures[0].width_m: -4 is out of range: it must be 0.05 to 200 metres"},
	"outside":       {small + "actors:\n  - id: a\n    kind: person\n    at: [0, 10]\n    do:\n      - act: walk\n        to: [[1, 10], [40, 10]]\n", "small.yaml:13: actors[0].do[0].to[1]: [40, 10] lies outside the picture, at "},
	"behind":        {small + "actors:\n  - {id: a, kind: person, at: [0, -10]}\n", "small.yaml:8: actors[0].at: [0, -10] lies behind the camera, outside the picture"},
	"act":           {small + "actors:\n  - {id: a, kind: person, at: [0, 10], do: [{act: fly}]}\n", `small.yaml:8: actors[0].do[0].act: there is no act of a person "fly": say one of walk, run, stand,`},
	"act of a car":  {small + "actors:\n  - {id: a, kind: car, at: [0, 10], do: [{act: sit}]}\n", `small.yaml:8: actors[0].do[0].act: there is no act of a car "sit": say one of drive, stand`},
	"act of a bag":  {small + "actors:\n  - {id: a, kind: bag, at: [0, 10], do: [{act: stand}]}\n", "small.yaml:8: actors[0].do: a bag does nothing: leave it out"},
	"no way":        {small + "actors:\n  - {id: a, kind: person, at: [0, 10], do: [{act: walk}]}\n", "small.yaml:8: actors[0].do[0].act: walk needs the points of its way: to: [[x, y], ...]"},
	"way":           {small + "actors:\n  - {id: a, kind: person, at: [0, 10], do: [{act: sit, to: [[0, 9]]}]}\n", "small.yaml:8: actors[0].do[0].to: sit goes nowhere: leave the points out"},
	"speed":         {small + "actors:\n  - {id: a, kind: person, at: [0, 10], do: [{act: walk, to: [[1, 9]], speed_ms: -2}]}\n", "small.yaml:8: actors[0].do[0].speed_ms: -2 is out of range: it must be 0 to 40 metres a second"},
	"crowd":         {small + "actors:\n  - {id: a, kind: crowd, count: 500, area: [[0, 9], [2, 9], [1, 12]]}\n", "small.yaml:8: actors[0].count: 500 is out of range: it must be 1 to 120 persons"},
	"colour":        {small + "actors:\n  - {id: a, kind: person, at: [0, 10], look: {top: plaid}}\n", `small.yaml:8: actors[0].look.top: there is no colour "plaid": say one of beige, black,`},
	"material":      {small + "ground: {base: lava}\n", `small.yaml:7: ground.base: there is no material "lava": say one of asphalt,`},
	"few points":    {small + "ground:\n  areas:\n    - {material: dirt, polygon: [[0, 1], [2, 3]]}\n", "small.yaml:9: ground.areas[0].polygon: it has 2 points: 3 to 200 are needed"},
	"far":           {small + "ground:\n  marks:\n    - {path: [[0, 1], [2, 1e9]]}\n", "small.yaml:9: ground.marks[0].path[1]: [2, 1e+09] lies more than 300 metres away"},
	"structure":     {small + "structures:\n  - {kind: castle, at: [0, 30], height_m: 3}\n", `small.yaml:8: structures[0].kind: there is no kind of structure "castle": say one of building,`},
	"zone crosses":  {small + "zones:\n  - {name: z, kind: intrusion, polygon: [[0.1, 0.1], [0.9, 0.9], [0.9, 0.1], [0.1, 0.9]]}\n", "small.yaml:8: zones[0].polygon: polygon crosses itself"},
	"zone kind":     {small + "zones:\n  - {name: z, kind: nap, polygon: [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]]}\n", `small.yaml:8: zones[0].kind: there is no kind of zone "nap": say one of intrusion, loitering, detect, no-stopping, wrong-way, closed-area, crowd`},
	"arrow":         {small + "zones:\n  - {name: z, kind: wrong-way, polygon: [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]]}\n", "small.yaml:8: zones[0].points: the arrow along which one may go: "},
	"crowd of one":  {small + "zones:\n  - {name: z, kind: crowd, count: 1, polygon: [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]]}\n", "small.yaml:8: zones[0].count: 1 is out of range"},
	"mask crosses":  {small + "zones:\n  - {name: z, kind: intrusion, polygon: [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]], exclude: [[[0.1, 0.1], [0.9, 0.9], [0.9, 0.1], [0.1, 0.9]]]}\n", "small.yaml:8: zones[0].exclude[0]: polygon crosses itself"},
	"line kind":     {small + "lines:\n  - {name: l, kind: nap, points: [[0.1, 0.1], [0.9, 0.1]], forbidden: both}\n", `small.yaml:8: lines[0].kind: there is no kind of line "nap"`},
	"window":        {small + "structures:\n  - {kind: window, at: [0, 9], height_m: 2}\n", "small.yaml:8: structures[0].width_m: 0 is out of range"},
	"line":          {small + "lines:\n  - {name: l, points: [[0.1, 0.1], [0.9, 0.1]], forbidden: up}\n", `small.yaml:8: lines[0].forbidden: "up" is no direction: left-to-right, right-to-left or both`},
	"short line":    {small + "lines:\n  - {name: l, points: [[0.1, 0.1], [0.1, 0.1]], forbidden: both}\n", "small.yaml:8: lines[0].points: "},
	"alias":         {small + "weather: &w {rain: 1}\n", "small.yaml:7: weather: anchors, aliases, merge keys and tags are not used in a scene: write the value out"},
	"too much rain": {small + "weather: {rain: 2}\n", "small.yaml:7: weather.rain: 2 is out of range: it must be 0 to 1"},
	"not a number":  {small + "weather: {rain: .nan}\n", "small.yaml:7: weather.rain: NaN is out of range: it must be 0 to 1"},
	"three numbers": {small + "actors:\n  - {id: a, kind: person, at: [0, 10, 3]}\n", "small.yaml:8: actors[0].at: it has 3 values: a pair is needed"},
	"large":         {strings.Repeat("#", maxFile+1), "small.yaml: it has 1048577 bytes: a scene has at most 1048576"},
}

func TestRefusals(t *testing.T) {
	for name, c := range refusals {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("small.yaml", []byte(c.in))
			var fe *bongsu.FieldError
			if !errors.As(err, &fe) {
				t.Fatalf("got %v, want a *bongsu.FieldError", err)
			}
			if !strings.HasPrefix(fe.Error(), c.want) {
				t.Errorf("got  %s\nwant %s", fe, c.want)
			}
		})
	}
}

func TestDefaults(t *testing.T) {
	s, err := Parse("small.yaml", []byte(small))
	if err != nil {
		t.Fatal(err)
	}
	if c := s.Camera; c.WidthPX != 640 || c.HeightPX != 360 || c.FPS != 15 || c.FocalMM != 4 || c.Noise != 1 || c.Shutter != 0.4 {
		t.Errorf("camera %+v", c)
	}
	if s.Ground.Base != "asphalt" || s.Frames() != 75 || s.Duration().Seconds() != 5 {
		t.Errorf("%q, %d frames, %v", s.Ground.Base, s.Frames(), s.Duration())
	}
}

// FuzzParse feeds hostile files; what is accepted must be fit for rendering.
func FuzzParse(f *testing.F) {
	f.Add(small)
	f.Add(stage)
	for _, c := range refusals {
		if len(c.in) < 4096 {
			f.Add(c.in)
		}
	}
	f.Fuzz(func(t *testing.T, in string) {
		s, err := Parse("fuzz.yaml", []byte(in))
		if err != nil {
			var fe *bongsu.FieldError
			if !errors.As(err, &fe) || fe.Message == "" {
				t.Fatalf("not a *bongsu.FieldError with a sentence: %v", err)
			}
			return
		}
		if s.Frames() < 0 || s.Camera.WidthPX < 32 || s.Camera.FPS < 1 || len(s.Actors) > maxActors {
			t.Fatalf("accepted: %+v", s.Camera)
		}
	})
}
