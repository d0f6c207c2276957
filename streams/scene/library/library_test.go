package library

import (
	"slices"
	"strings"
	"testing"

	"bongsu"
	"bongsu/streams/scene"
)

// happens says which events each scene of the library has, in the order of their beginning; a scene
// that is not here must have none.
var happens = map[string][]string{
	"abandoned-bag-plaza":   {scene.EventAbandonment},
	"abandoned-bag-station": {scene.EventAbandonment},
	"fall-evening-rise":     {scene.EventFall},
	"fall-night-ir":         {scene.EventFall},
	"fall-noon":             {scene.EventFall},
	"fall-station":          {scene.EventFall},
	"fight-night":           {scene.EventFight},
	"fight-plaza-noon":      {scene.EventFight, scene.EventFall},
	"fire-evening":          {scene.EventFire},
	"fire-night-yard":       {scene.EventFire},
	"intruder-night":        {scene.EventClimb, scene.EventIntrusion},
	"intruder-night-ir":     {scene.EventIntrusion},
	"intruder-rain-night":   {scene.EventIntrusion},
	"intruders-two-dawn":    {scene.EventClimb, scene.EventIntrusion},
	"loiterer-evening":      {scene.EventLoitering},
	"loiterer-night":        {scene.EventLoitering},
	"smoke-noon":            {scene.EventFire},
	"wrong-way-morning":     {scene.EventWrongWay},
	"wrong-way-night":       {scene.EventWrongWay},
}

func TestEverySceneIsWhatItsNameSays(t *testing.T) {
	names := Names()
	if len(names) < 40 {
		t.Fatalf("only %d scenes", len(names))
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			s, err := Open(name)
			if err != nil {
				t.Fatal(err)
			}
			if s.Name != name || s.Title == "" {
				t.Errorf("the file %s.yaml holds the scene %q, %q", name, s.Name, s.Title)
			}
			r, err := scene.New(s, scene.Options{Width: 80, FPS: 3})
			if err != nil {
				t.Fatal(err)
			}
			seq, err := r.Truth(nil)
			if err != nil {
				t.Fatal(err)
			}
			var kinds []string
			for _, e := range seq.Events {
				if !slices.Contains(kinds, e.Kind) {
					kinds = append(kinds, e.Kind)
				}
			}
			if !slices.Equal(kinds, happens[name]) {
				t.Errorf("%s has the events %q, want %q", name, kinds, happens[name])
			}
			objects := 0
			for _, f := range seq.Frames {
				objects += len(f.Objects)
			}
			if objects == 0 {
				t.Error("nothing is ever seen in it")
			}
		})
	}
}

func TestUnknownScene(t *testing.T) {
	_, err := Open("no-such-scene")
	if bongsu.CodeOf(err) != bongsu.CodeNotFound || !strings.Contains(err.Error(), "no-such-scene") {
		t.Errorf("got %v", err)
	}
}
