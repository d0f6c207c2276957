package suite

import (
	"strings"
	"testing"

	"bongsu"
	"bongsu/streams/scene"
	"bongsu/streams/truth"
)

var square = []bongsu.Point{{X: 0.25, Y: 0.25}, {X: 0.75, Y: 0.25}, {X: 0.75, Y: 0.75}, {X: 0.25, Y: 0.75}}

// standing is a person whose foot point is at x, y, so many rows of 360 high.
func standing(id int, x, y, rows float32) truth.Object {
	return truth.Object{ID: id, Class: bongsu.ClassPerson, State: truth.StateStanding, Visibility: 1, Box: bongsu.Box{X0: x - 0.02, X1: x + 0.02, Y0: y - rows/heightPX, Y1: y}}
}

// played is a truth of 40 s in which during says what is in the picture at a second.
func played(during func(s float64) []truth.Object) *truth.Sequence {
	seq := &truth.Sequence{FPS: fps, DurationUS: 40e6}
	for i := range 40 * fps {
		seq.Frames = append(seq.Frames, truth.Frame{Index: i, PTSUS: int64(i) * 1e6 / fps, Objects: during(float64(i) / fps)})
	}
	return seq
}

func between(s, from, to float64, o ...truth.Object) []truth.Object {
	if s >= from && s < to {
		return o
	}
	return nil
}

// TestJudge has a row for each reason for which a draft is left out.
func TestJudge(t *testing.T) {
	event := func(from, to float64) []truth.Event {
		return []truth.Event{{Kind: scene.EventIntrusion, Category: truth.Intrusion, StartUS: int64(from * 1e6), EndUS: int64(to * 1e6), Objects: []int{1}}}
	}
	there := func(from, to float64, o truth.Object) *truth.Sequence {
		return played(func(s float64) []truth.Object { return between(s, from, to, o) })
	}
	hidden := standing(1, 0.5, 0.5, 60)
	hidden.Visibility = 0.3
	for _, row := range []struct {
		name    string
		happens bool
		seq     *truth.Sequence
		events  []truth.Event
		want    string
	}{
		{"right", true, there(10, 40, standing(1, 0.5, 0.5, 60)), event(10, 40), ""},
		{"quiet", false, there(10, 40, standing(1, 0.1, 0.5, 60)), nil, ""},
		{"nothing", true, there(10, 40, standing(1, 0.1, 0.5, 60)), nil, "nothing happens"},
		{"something", false, there(10, 40, standing(1, 0.5, 0.5, 60)), event(10, 40), "something happens"},
		{"another category", true, there(10, 40, standing(1, 0.1, 0.5, 60)), []truth.Event{{Category: truth.Falldown, StartUS: 10e6, EndUS: 40e6}}, "nothing happens"},
		{"too early", true, there(1, 40, standing(1, 0.5, 0.5, 60)), event(1, 40), "it happens at 1s"},
		{"too late", true, there(38, 40, standing(1, 0.5, 0.5, 60)), event(38, 40), "it happens at 38s"},
		{"too short", true, there(10, 12, standing(1, 0.5, 0.5, 60)), event(10, 12), "it lasts for 2.0 s only"},
		{"too small", true, there(10, 40, standing(1, 0.5, 0.5, 20)), event(10, 40), "only 20 rows high"},
		{"hidden", true, there(10, 40, hidden), event(10, 40), "it is hidden"},
		{"away at once", true, there(10, 10.5, standing(1, 0.5, 0.5, 60)), event(10, 40), "too few pictures"},
		{"doubtful stay", false, there(10, 11.4, standing(1, 0.5, 0.5, 60)), nil, "somebody is in the zone for 1.4 s"},
		{"doubtful once of two", false, played(func(s float64) []truth.Object {
			return append(between(s, 5, 7, standing(1, 0.5, 0.5, 60)), between(s, 20, 40, standing(1, 0.1, 0.5, 60))...)
		}), nil, "somebody is in the zone for 2.0 s"},
		{"one picture", false, there(10, 10.2, standing(1, 0.5, 0.5, 60)), nil, ""},
		{"an animal", false, there(10, 11.4, truth.Object{ID: 1, Class: bongsu.ClassAnimal, Visibility: 1, Box: bongsu.Box{X0: 0.4, Y0: 0.4, X1: 0.5, Y1: 0.5}}), nil, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := &plan{category: truth.Intrusion, events: row.happens, genre: genres[truth.Intrusion], scene: &scene.Scene{DurationS: 40}}
			p.clip.Rules = []bongsu.Rule{{Kind: bongsu.KindIntrusion, Zone: square}}
			row.seq.Events = row.events
			if got := p.judge(row.seq); row.want == "" && got != "" || !strings.Contains(got, row.want) {
				t.Errorf("got %q, want %q", got, row.want)
			}
		})
	}
}

func TestJudgeLooksAtMasks(t *testing.T) {
	p := &plan{category: truth.Intrusion, genre: genres[truth.Intrusion], scene: &scene.Scene{DurationS: 40}}
	p.clip.Rules = []bongsu.Rule{{Kind: bongsu.KindIntrusion, Zone: square, Exclude: [][]bongsu.Point{square}}}
	seq := played(func(s float64) []truth.Object { return between(s, 10, 11.4, standing(1, 0.5, 0.5, 60)) })
	if why := p.judge(seq); why != "" {
		t.Errorf("who walks on the masked path is asked about: %s", why)
	}
}

func TestSoakHasNoEvent(t *testing.T) {
	p := &plan{soak: true, genre: &genre{}, scene: &scene.Scene{DurationS: 40}}
	seq := played(func(float64) []truth.Object { return nil })
	if why := p.judge(seq); why != "" {
		t.Errorf("an empty soak: %s", why)
	}
	seq.Events = []truth.Event{{Kind: scene.EventFall, Category: truth.Falldown, StartUS: 5e6}}
	if why := p.judge(seq); why != "fall at 5s" {
		t.Errorf("got %q", why)
	}
	seq.Events[0].Category = "" // a climb is no category's event
	if why := p.judge(seq); why != "" {
		t.Errorf("got %q", why)
	}
}

// TestEveryStoryIsDrafted drafts each story often enough to see its rules: they are valid and stand in the
// scene's zones and lines as they do in the index.
func TestEveryStoryIsDrafted(t *testing.T) {
	for _, c := range Categories {
		seen := map[string]bool{}
		for n := range 48 {
			p := draft(PurposeTuning, c, 11, n, 0)
			seen[p.clip.Factors.Story] = true
			if len(p.clip.Rules) != 1 || p.clip.Rules[0].Kind != Kinds[c] {
				t.Fatalf("%s has the rules %+v", p.clip.Name, p.clip.Rules)
			}
			r := &p.clip.Rules[0]
			if r.MinScore != 0 || r.Confirm != 0 || r.Linger != 0 {
				t.Errorf("%s sets thresholds: they are to be tuned", p.clip.Name)
			}
			if len(p.scene.Zones)+len(p.scene.Lines) != 1 {
				t.Errorf("%s: %d zones and %d lines", p.clip.Name, len(p.scene.Zones), len(p.scene.Lines))
			}
			if len(p.clip.Factors.Distractor) == 0 {
				t.Errorf("%s has no distractor", p.clip.Name)
			}
			ids := map[string]bool{}
			for _, a := range p.scene.Actors {
				if ids[a.ID] {
					t.Errorf("%s has two actors %s", p.clip.Name, a.ID)
				}
				ids[a.ID] = true
			}
			if _, err := p.ground(); err != nil {
				t.Errorf("%s: %v", p.clip.Name, err)
			}
		}
		for _, s := range append(append([]story{}, genres[c].events...), genres[c].temptations...) {
			if !seen[s.name] {
				t.Errorf("%s: nobody tells %q", c, s.name)
			}
		}
	}
}

// TestDeal draws whole rounds and parts of them.
func TestDeal(t *testing.T) {
	deck := []string{"a", "b", "c", "d"}
	count := map[string]int{}
	same := true
	for n := range 40 {
		card := deal(9, n, deck, "x")
		count[card]++
		same = same && card == deal(9, n%4, deck, "x")
	}
	for _, card := range deck {
		if count[card] != 10 {
			t.Errorf("%d times %s", count[card], card)
		}
	}
	if same {
		t.Error("all rounds are dealt alike")
	}
}

// TestCameraSeesTheZone projects what the zone of each category holds: a person at the hub is as high as
// was asked for, and stands in the middle of the picture.
func TestCameraSeesTheZone(t *testing.T) {
	for seed := range uint64(200) {
		d := newDice(seed, "camera")
		s := &site{dice: d, s: &scene.Scene{}}
		away, rows := d.between(10, 29), d.between(32, 70)
		s.aim(away, rows)
		foot, depth := s.s.Camera.OnPicture(s.hub, 0)
		head, _ := s.s.Camera.OnPicture(s.hub, tall)
		high := float64(foot.Y-head.Y) * heightPX
		if depth < away || foot.Y < 0.45 || foot.Y > 0.75 || foot.X < 0.3 || foot.X > 0.7 {
			t.Errorf("seed %d: the hub is at %v, %.1f m away", seed, foot, depth)
		}
		if c := &s.s.Camera; c.FocalMM > 2.61 && c.FocalMM < 11.9 && (high < 0.88*rows || high > 1.12*rows) {
			t.Errorf("seed %d: a person at the hub has %.1f rows, %.1f were asked for", seed, high, rows)
		}
	}
}
