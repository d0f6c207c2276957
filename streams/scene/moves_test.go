package scene

import (
	"math"
	"strings"
	"testing"

	"bongsu"
	"bongsu/streams/truth"
)

func TestTimelineHasNoHoles(t *testing.T) {
	s := parsed(t, small+`actors:
  - id: a
    kind: person
    at: [-3, 12]
    from_s: 1
    do:
      - {act: walk, to: [[0, 12], [2, 10]]}
      - {act: loiter, for_s: 8}
      - {act: climb, to: [[2, 8.5]], height_m: 1.5}
      - {act: fall}
      - {act: rise}
      - {act: sit}
`)
	tl := newTimeline(&s.Actors[0], 60, newChance(3, "a"))
	for i := 1; i < len(tl.acts); i++ {
		if tl.acts[i].from != tl.acts[i-1].to {
			t.Errorf("act %d begins at %v, the one before ends at %v", i, tl.acts[i].from, tl.acts[i-1].to)
		}
	}
	last := tl.at(1)
	for now := 1.0; now < 60; now += 0.02 {
		m := tl.at(now)
		if d := m.at.sub(last.at).len(); d > 0.1 {
			t.Fatalf("at %.2f s, %s: it jumps by %.2f m", now, m.act.word, d)
		}
		last = m
	}
	if last.act.word != ActSit {
		t.Errorf("in the end it does %s", last.act.word)
	}
	if tl.present(0.5) || !tl.present(2) {
		t.Error("it is there from second 1 on")
	}
}

func TestLoiteringStaysAround(t *testing.T) {
	a := &Actor{ID: "a", Kind: KindPerson, At: Place{0, 10}, Do: []Step{{Act: ActLoiter, ForS: 60}}}
	tl := newTimeline(a, 60, newChance(8, "a"))
	far := 0.0
	for now := 0.0; now < 60; now += 0.1 {
		m := tl.at(now)
		far = math.Max(far, m.at.sub(vec{0, 10, 0}).len())
		if now < 59 && m.act.state != truth.StateLoitering {
			t.Fatalf("at %.1f s its state is %s", now, m.act.state)
		}
	}
	if far < 0.5 || far > 2 {
		t.Errorf("it goes %.1f m away", far)
	}
}

// TestFeetDoNotSlide follows the lower foot of a walker in the world: while it bears the body it
// must hardly move.
func TestFeetDoNotSlide(t *testing.T) {
	p := newPerson(newChance(5, "w"), nil)
	p.coat, p.skirt = false, false
	a := &Actor{ID: "w", Kind: KindPerson, Do: []Step{{Act: ActWalk, To: []Place{{0, 20}}}}}
	tl := newTimeline(a, 20, newChance(5, "w/steps"))
	slide, walked := 0.0, 0.0
	var last [2]vec
	for i := range 400 {
		now := 1 + float64(i)*0.02
		m := tl.at(now)
		q := p.strike(&m, now)
		var feet [2]vec
		k := 0
		for _, b := range p.bones(&q, nil) {
			if b.part == partShoes {
				feet[k] = b.a.turn(m.heading).add(m.at)
				k++
			}
		}
		if i > 0 {
			low := 0
			if feet[1].z < feet[0].z {
				low = 1
			}
			slide += math.Abs(feet[low].y - last[low].y)
			walked += m.speed * 0.02
		}
		last = feet
	}
	if share := slide / walked; share > 0.3 {
		t.Errorf("the foot on the ground moves %.0f %% as far as the body", 100*share)
	}
}

// TestBodiesStandOnTheGround checks that no pose sinks in or floats, and how high it is.
func TestBodiesStandOnTheGround(t *testing.T) {
	heights := map[string][2]float64{ActWalk: {0.9, 1.1}, ActRun: {0.8, 1.15}, ActStand: {0.95, 1.1}, ActSit: {0.5, 0.85}, ActCrouch: {0.35, 0.8}, ActLie: {0.08, 0.5}, ActFight: {0.75, 1.1}}
	for seed := range uint64(12) {
		p := newPerson(newChance(seed, "p"), nil)
		p.hat = false
		for word, want := range heights {
			a := &act{word: word, to: 100, before: ActFall}
			m := moment{act: a, age: 5.3, share: 0.5, run: 7.7}
			if word == ActWalk {
				m.speed = 1.3
			}
			if word == ActRun {
				m.speed = 3.4
			}
			q := p.strike(&m, 5.3)
			low, high := math.Inf(1), math.Inf(-1)
			for _, b := range p.bones(&q, nil) {
				low = math.Min(low, math.Min(b.a.z-b.ra, b.b.z-b.rb))
				high = math.Max(high, math.Max(b.a.z+b.ra, b.b.z+b.rb))
			}
			if low < -0.001 || low > 0.12 {
				t.Errorf("seed %d, %s: the lowest point is at %.2f m", seed, word, low)
			}
			if k := high / p.height; k < want[0] || k > want[1] {
				t.Errorf("seed %d, %s: the body is %.2f of its height, %v is right", seed, word, k, want)
			}
		}
	}
}

func TestWhoHasTheBag(t *testing.T) {
	r := rendered(t, TimeNoon, Options{Width: 64})
	var states []string
	for n := range r.Frames() {
		fr := r.Draw(n, r.NewFrame())
		for _, o := range fr.Objects {
			if o.Class == bongsu.ClassBag && (len(states) == 0 || states[len(states)-1] != o.State) {
				states = append(states, o.State)
			}
		}
	}
	if strings.Join(states, " ") != "carried left" {
		t.Errorf("the bag was %v", states)
	}
}

func TestHiddenBehindAWall(t *testing.T) {
	s := parsed(t, small+`structures: [{kind: block, at: [0, 9], width_m: 3, depth_m: 0.3, height_m: 1.2}]
actors:
  - {id: hidden, kind: person, at: [0, 10]}
  - {id: free, kind: person, at: [3, 10]}
`)
	r, err := New(s, Options{Width: 160})
	if err != nil {
		t.Fatal(err)
	}
	fr := r.Draw(0, r.NewFrame())
	if len(fr.Objects) != 2 {
		t.Fatalf("%d objects", len(fr.Objects))
	}
	hidden, free := fr.Objects[0], fr.Objects[1]
	if hidden.Visibility > 0.7 || hidden.Visibility < 0.1 || free.Visibility < 0.98 {
		t.Errorf("visibility %v behind the wall, %v beside it", hidden.Visibility, free.Visibility)
	}
	if hidden.Box.Y1 <= hidden.Seen.Y1 {
		t.Errorf("the box %v must reach to the hidden feet, below %v", hidden.Box, hidden.Seen)
	}
}

func TestEdgeOfThePicture(t *testing.T) {
	s := parsed(t, small+"actors: [{id: a, kind: car, at: [-7, 10], facing_deg: 90}]\n")
	r, err := New(s, Options{Width: 160})
	if err != nil {
		t.Fatal(err)
	}
	fr := r.Draw(0, r.NewFrame())
	if len(fr.Objects) != 1 || !fr.Objects[0].Truncated || fr.Objects[0].Box.X0 != 0 {
		t.Errorf("got %+v", fr.Objects)
	}
}

// TestShakeMovesBoxesToo compares boxes of a shaking camera with those of a still one.
func TestShakeMovesBoxesToo(t *testing.T) {
	text := small + "actors: [{id: a, kind: person, at: [0, 10]}]\nweather: {wind: 1}\n"
	still, errA := New(parsed(t, text), Options{Width: 320})
	shaken, errB := New(parsed(t, strings.Replace(text, "tilt_deg: 20", "tilt_deg: 20, shake_px: 8", 1)), Options{Width: 320})
	if errA != nil || errB != nil {
		t.Fatal(errA, errB)
	}
	moved := false
	for n := range 20 {
		now := float64(n) / 15
		o := shaken.sensor.shift(now)
		a, b := still.Draw(n, still.NewFrame()).Objects[0].Box, shaken.Draw(n, shaken.NewFrame()).Objects[0].Box
		if dx := float64(b.X0-a.X0)*320 - float64(o.x); math.Abs(dx) > 0.01 {
			t.Errorf("picture %d: the box moved by %v, the picture by %d", n, (b.X0-a.X0)*320, o.x)
		}
		moved = moved || o.x != 0
	}
	if !moved {
		t.Error("nothing shook")
	}
}

func TestCrossingDirections(t *testing.T) {
	// The line goes up the picture: looking along it, left is left.
	l := &Line{Points: [2][2]float32{{0.5, 0.9}, {0.5, 0.1}}}
	for _, c := range []struct {
		a, b bongsu.Point
		want string
	}{
		{bongsu.Point{X: 0.4, Y: 0.5}, bongsu.Point{X: 0.6, Y: 0.5}, bongsu.DirectionLeftToRight},
		{bongsu.Point{X: 0.6, Y: 0.5}, bongsu.Point{X: 0.4, Y: 0.5}, bongsu.DirectionRightToLeft},
		{bongsu.Point{X: 0.4, Y: 0.05}, bongsu.Point{X: 0.6, Y: 0.05}, ""},
		{bongsu.Point{X: 0.4, Y: 0.5}, bongsu.Point{X: 0.45, Y: 0.6}, ""},
	} {
		if got := crossing(l, c.a, c.b); got != c.want {
			t.Errorf("from %v to %v: %q, want %q", c.a, c.b, got, c.want)
		}
	}
}
