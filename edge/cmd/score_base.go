package cmd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"time"

	"bongsu"
	"bongsu/edge/score"
	"bongsu/streams/scene/suite"
)

// Baselines: what a suite must tell from ours.
const (
	baseNone   = "none"   // sees nothing
	baseRandom = "random" // fires at random, as often as there are events
	baseZone   = "zone"   // fires when anybody is in the zone
)

// tooEasy is the F1 of the plain zone rule from which a suite is too easy.
const tooEasy = 70

// randomDraws is how often the detector that fires at random is drawn; its F1 is the mean.
const randomDraws = 200

// randomAlarms fires at random moments, at so many alarms a clip in the mean.
func randomAlarms(rng *rand.Rand, perClip float64, whole time.Duration) []time.Duration {
	n, p := 0, rng.Float64()
	for limit := math.Exp(-perClip); p > limit; n++ { // Poisson, by Knuth's product of uniforms
		p *= rng.Float64()
	}
	out := make([]time.Duration, n)
	for i := range out {
		out[i] = time.Duration(rng.Float64() * float64(whole))
	}
	return out
}

// randomScore is the mean F1 of firing at random; false when there is nothing to score.
func randomScore(p *score.Profile, clips []score.Clip, whole []time.Duration) (float64, bool) {
	events := 0
	for i := range clips {
		events += len(clips[i].Events)
	}
	if events == 0 {
		return 0, false
	}
	rng, sum := rand.New(rand.NewPCG(p.Seed, 0x72616e64)), 0.0
	for range randomDraws {
		var t score.Tally
		for i := range clips {
			t.Add(p.Match(clips[i].Events, randomAlarms(rng, float64(events)/float64(len(clips)), whole[i]), score.ModeStrict, score.FormXML).Tally)
		}
		if f := t.F1(); f != nil {
			sum += *f
		}
	}
	return sum / randomDraws, true
}

// zoneRearm is how long nobody is in the zone before the plain rule fires again.
const zoneRearm = 5 * time.Second

// nearLine is how far from a line counts as on it, in heights of the picture.
const nearLine = 0.03

// zoneAlarms is the plain rule: a person in the zone, or on the line. Its alarms come the category's
// offset later, since it would otherwise be early wherever time must pass.
func zoneAlarms(r *bongsu.Rule, seen []sighting, high float32, offset time.Duration) []time.Duration {
	var out []time.Duration
	last := -time.Hour
	for i := range seen {
		at := time.Duration(seen[i].PTSUS) * time.Microsecond
		for _, d := range seen[i].Dets {
			if !d.Class.Is(bongsu.ClassPerson) || d.Score < high || !plainlyIn(r, d.Box.Foot()) {
				continue
			}
			if at-last > zoneRearm {
				out = append(out, at+offset)
			}
			last = at
			break
		}
	}
	return out
}

func plainlyIn(r *bongsu.Rule, p bongsu.Point) bool {
	if len(r.Zone) >= 3 {
		return bongsu.InZone(r.Zone, p)
	}
	if len(r.Line) != 2 {
		return true
	}
	along := bongsu.AlongLine(r.Line[0], r.Line[1], p)
	side := bongsu.SideOf(r.Line[0], r.Line[1], p)
	return along >= 0 && along <= 1 && side > -nearLine && side < nearLine
}

// tuning is what a run changes about rules and detector, to try it out.
type tuning struct {
	Detector struct {
		High float32 `json:"high"`
		Low  float32 `json:"low"`
	} `json:"detector"`
	Rules map[bongsu.EventKind]json.RawMessage `json:"rules"`
}

// readTuning reads a file such as {"detector":{"high":0.35},"rules":{"intrusion":{"min_score":0.4}}}.
func readTuning(path string) (t tuning, err error) {
	if path == "" {
		return t, nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return t, err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&t); err != nil {
		return t, fmt.Errorf("%s: %w", path, err)
	}
	for k := range t.Rules {
		if err := t.apply(&bongsu.Rule{Kind: k}); err != nil {
			return t, fmt.Errorf("%s: %w", path, err)
		}
	}
	return t, nil
}

// apply changes a rule.
func (t *tuning) apply(r *bongsu.Rule) error {
	change, ok := t.Rules[r.Kind]
	if !ok {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(change))
	d.DisallowUnknownFields()
	if err := d.Decode(r); err != nil {
		return fmt.Errorf("rules.%s: %w", r.Kind, err)
	}
	return nil
}

// overlap says what a scoring suite shares with the suite that was tuned on: a film, a layout, a seed.
func overlap(scoring, tuned *suite.Suite) error {
	both := suite.Overlap(tuned, scoring)
	seeds := map[uint64]string{}
	for i := range tuned.Clips {
		seeds[tuned.Clips[i].Seed] = tuned.Clips[i].Name
	}
	for i := range scoring.Clips {
		if n, ok := seeds[scoring.Clips[i].Seed]; ok {
			both = append(both, fmt.Sprintf("%s and %s have the same seed", n, scoring.Clips[i].Name))
		}
	}
	if len(both) == 0 {
		return nil
	}
	return fmt.Errorf("the suite %s cannot score what was tuned on %s: %s (%d in all); render one of them with another seed", scoring.Dir, tuned.Dir, both[0], len(both))
}
