package scene

import (
	"bytes"
	"math"
	"strings"
	"testing"
)

// still is a small place with everything whose look may differ.
const still = `schema: 1
name: still
seed: 3
duration_s: 2
camera: {height_m: 4, tilt_deg: 22, width_px: 192, height_px: 108, fps: 5, noise: 0}
light: {time: noon}
ground: {base: paving, areas: [{material: asphalt, polygon: [[-3, 4], [3, 4], [3, 8], [-3, 8]]}]}
structures:
  - {kind: building, at: [5, 20], width_m: 9, depth_m: 5, height_m: 7, material: brick}
actors:
  - {id: a, kind: person, at: [-1.5, 7]}
  - {id: b, kind: car, at: [2, 11], facing_deg: 70}
  - {id: c, kind: bag, at: [0, 6], size_m: 0.8}
  - {id: d, kind: dog, at: [1.2, 6.5]}
  - {id: e, kind: motorcycle, at: [-3, 9], facing_deg: 80}
  - {id: f, kind: bicycle, at: [-0.5, 9], facing_deg: 80}
`

func drawn(t *testing.T, look string, opt Options) (*Renderer, []byte) {
	t.Helper()
	text := still
	if look != "" {
		text = strings.Replace(text, "seed: 3", "seed: 3\nlook: "+look, 1)
	}
	s, err := Parse("still.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	r, err := New(s, opt)
	if err != nil {
		t.Fatal(err)
	}
	f := r.NewFrame()
	if seen := r.Draw(3, f); len(seen.Objects) != 6 {
		t.Fatalf("look %q shows %d objects of 6", look, len(seen.Objects))
	}
	return r, bytes.Clone(f.Planes[0].Data)
}

// apart is the mean difference of two planes.
func apart(a, b []byte) float64 {
	sum := 0.0
	for i := range a {
		sum += math.Abs(float64(a[i]) - float64(b[i]))
	}
	return sum / float64(len(a))
}

func TestLooksDifferAndThePlainOneIsTheUsual(t *testing.T) {
	_, usual := drawn(t, "", Options{})
	_, plain := drawn(t, LookPlain, Options{})
	_, train := drawn(t, LookTrain, Options{})
	_, held := drawn(t, LookHeldOut, Options{})
	_, again := drawn(t, LookHeldOut, Options{})
	if !bytes.Equal(usual, plain) {
		t.Error("the plain look is not what a scene without a look has")
	}
	if !bytes.Equal(held, again) {
		t.Error("the held-out look differs between two runs")
	}
	for name, d := range map[string]float64{"plain and train": apart(plain, train), "plain and held-out": apart(plain, held), "train and held-out": apart(train, held)} {
		if d < 3 {
			t.Errorf("%s differ by %.2f steps in the mean only", name, d)
		}
	}
}

func TestLookRefused(t *testing.T) {
	_, err := Parse("s.yaml", []byte(strings.Replace(still, "seed: 3", "look: fancy", 1)))
	if err == nil || !strings.Contains(err.Error(), `s.yaml:3: look: there is no look "fancy": say one of plain, train, held-out`) {
		t.Errorf("got %v", err)
	}
}

// TestHeldOutSharesNothing compares the tables of the looks.
func TestHeldOutSharesNothing(t *testing.T) {
	for _, set := range []struct{ usual, held map[string]material }{{groundMaterials, groundsHeldOut}, {wallMaterials, wallsHeldOut}} {
		for name, m := range set.usual {
			other, ok := set.held[name]
			if !ok {
				t.Errorf("the held-out look has no %s", name)
				continue
			}
			same := 0
			for i := range 200 {
				u, v := 0.37*float64(i), 0.11*float64(i)
				if m(7, u, v, 0.02) == other(7, u, v, 0.02) {
					same++
				}
			}
			if same > 0 {
				t.Errorf("%s is the same at %d of 200 places", name, same)
			}
		}
	}
	for kind, held := range buildsHeldOut {
		for i, b := range held {
			for k, usual := range append([]build{builds[kind]}, buildsTrain[kind]...) {
				if len(b.stations) == len(usual.stations) && b.stations[1] == usual.stations[1] {
					t.Errorf("%s: the held-out body %d is body %d of the others", kind, i, k)
				}
			}
		}
	}
	s := style{LookHeldOut, 5}
	for i := range 300 {
		p := newPerson(newChance(uint64(i), "p"), nil)
		s.dress(p, string(rune('a'+i)), nil)
		if o := p.outfit; o.shorts || o.vest || o.scarf || o.stripes > 0 || o.block > 0 || p.skirt || p.hat {
			t.Fatalf("person %d wears what the train look has: %+v", i, o)
		}
		q := newPerson(newChance(uint64(i), "p"), nil)
		style{LookTrain, 5}.dress(q, string(rune('a'+i)), nil)
		if o := q.outfit; o.hood || o.puffer || o.longCoat || o.longSkirt || o.brim || o.belly || o.apron {
			t.Fatalf("person %d wears what the held-out look has: %+v", i, o)
		}
	}
}

// TestJunkIsNothingToFind puts litter of all sizes before the camera: it is drawn, and not told.
func TestJunkIsNothingToFind(t *testing.T) {
	for _, look := range []string{LookTrain, LookHeldOut} {
		r, _ := drawn(t, look, Options{NoWords: true, NoClock: true, Rays: 1})
		f := r.NewFrame()
		r.Recast(nil, 1)
		r.Draw(3, f)
		empty := bytes.Clone(f.Planes[0].Data)
		shapes := map[int]bool{}
		for seed := range uint64(60) {
			r.Recast([]Actor{{ID: "j", Kind: KindLitter, At: Place{0, 6}, SizeM: 0.7}}, seed+1)
			shapes[r.cast[0].bag.junk] = true
			if seen := r.Draw(3, f); len(seen.Objects) != 0 {
				t.Fatalf("%s: junk is told as %+v", look, seen.Objects)
			}
			if apart(empty, f.Planes[0].Data) == 0 {
				t.Fatalf("%s, seed %d: the junk %d is not drawn", look, seed, r.cast[0].bag.junk)
			}
		}
		if len(shapes) != 5 || shapes[0] {
			t.Errorf("%s has the shapes %v", look, shapes)
		}
	}
}

// TestOneRayIsNearlyFour compares the cheap plate with the usual one.
func TestOneRayIsNearlyFour(t *testing.T) {
	_, four := drawn(t, "", Options{NoWords: true, NoClock: true})
	_, one := drawn(t, "", Options{NoWords: true, NoClock: true, Rays: 1})
	if d := apart(four, one); d > 4 {
		t.Errorf("one ray a pixel differs from four by %.2f steps in the mean", d)
	}
}

func TestRecastKeepsThePlace(t *testing.T) {
	r, first := drawn(t, LookTrain, Options{NoWords: true, NoClock: true})
	before := bytes.Clone(r.plate.y)
	actors := r.scene.Actors
	f := r.NewFrame()
	r.Recast(nil, 5)
	if seen := r.Draw(3, f); len(seen.Objects) != 0 {
		t.Errorf("an empty cast shows %d objects", len(seen.Objects))
	}
	r.Recast(actors, 5)
	r.Draw(3, f)
	if bytes.Equal(f.Planes[0].Data, first) {
		t.Error("another seed of the cast gives the same picture")
	}
	r.Recast(actors, r.seed)
	r.Draw(3, f)
	if !bytes.Equal(f.Planes[0].Data, first) {
		t.Error("the first cast again does not give the first picture")
	}
	if !bytes.Equal(before, r.plate.y) {
		t.Error("a new cast changes the plate")
	}
}

func TestReachAndOnPicture(t *testing.T) {
	r, _ := drawn(t, "", Options{})
	for _, c := range []struct {
		depth, across float64
		ok            bool
	}{{8, 0, true}, {12, -0.9, true}, {25, 0.5, true}, {2, 0, false}, {8, 1.5, false}} {
		p, ok := r.Reach(c.depth, c.across)
		if ok != c.ok {
			t.Errorf("depth %v, across %v: in the picture is %v", c.depth, c.across, ok)
		}
		if _, _, z := r.OnPicture(p, 0); ok && math.Abs(z-c.depth) > 1e-9 {
			t.Errorf("depth %v, across %v: lies at a depth of %v", c.depth, c.across, z)
		}
	}
	if !r.Free(Place{0, 5}, 0.5) || r.Free(Place{5, 20}, 0.5) || r.Free(Place{5, 17}, 1) {
		t.Error("what is free and what is built over is told wrongly")
	}
	if !r.InSight(Place{0, 10}, 1) || r.InSight(Place{5, 30}, 1) {
		t.Error("what can be seen and what a house hides is told wrongly")
	}
}

func TestDiscernible(t *testing.T) {
	r, _ := drawn(t, "", Options{})
	share := r.Discernible(8)
	for _, id := range []int{1, 2, 3, 4, 5, 7} { // 6 would be who rides the motorcycle
		if share[id] < 0.3 {
			t.Errorf("object %d in broad daylight: %.2f of it can be seen", id, share[id])
		}
	}
	for id, k := range r.Discernible(800)[1:] {
		if k != 0 {
			t.Errorf("object %d: %.2f of it differs by more than there is", id+1, k)
		}
	}
}

// TestBagsOfNoKindAreWhole: whatever chance makes of them, they stand on the ground and are about as
// large as a bag of that size.
func TestBagsOfNoKindAreWhole(t *testing.T) {
	for seed := range uint64(300) {
		bones := formless(newChance(seed, "bag"))
		if len(bones) < 3 {
			t.Fatalf("seed %d: %d limbs only", seed, len(bones))
		}
		low, high, wide := math.Inf(1), 0.0, 0.0
		for _, b := range bones {
			for _, e := range []struct {
				at vec
				r  float64
			}{{b.a, b.ra}, {b.b, b.rb}} {
				low, high = math.Min(low, e.at.z-e.r), math.Max(high, e.at.z+e.r)
				wide = math.Max(wide, math.Abs(e.at.x)+e.r)
			}
		}
		if low < -0.03 || low > 0.05 || high < 0.25 || high > 1.4 || wide > 0.62 {
			t.Errorf("seed %d: a bag from %.2f to %.2f m high, %.2f m to the side", seed, low, high, wide)
		}
	}
}

// TestTrainBodiesVary draws many people of the train look: most have nothing tied to them, some have.
func TestTrainBodiesVary(t *testing.T) {
	s := style{LookTrain, 5}
	tied, thin, thick := 0, 0, 0
	for i := range 200 {
		name := string(rune('a'+i%26)) + string(rune('a'+i/26))
		p := newPerson(newChance(5, name), nil)
		s.dress(p, name, nil)
		if len(p.outfit.lumps) > 0 {
			tied++
		}
		if p.outfit.arms < 0.95 {
			thin++
		}
		if p.outfit.arms > 1.15 {
			thick++
		}
	}
	if tied < 30 || tied > 90 || thin < 20 || thick < 20 {
		t.Errorf("of 200 people %d have lumps, %d thin arms, %d thick ones", tied, thin, thick)
	}
}
