package nano

import (
	_ "embed" // puts the file into the program
	"encoding/json"
	"fmt"
)

//go:embed real.json
var realText []byte

// RealShare is the share of the other model's score that bongsu-nano must reach on real pictures to be
// used on real cameras without being asked for.
const RealShare = 0.6

// Real is what people score on real pictures, none of which the model has learnt from, beside a public
// detector on the same pictures. CARD.md has the whole table and the command that prints it.
type Real struct {
	Pictures   int     `json:"pictures"`    // 0: it has not been scored on any
	PersonAP50 float64 `json:"person_ap50"` // 0..1
	Beside     string  `json:"beside"`      // the other model's name
	BesideAP50 float64 `json:"beside_ap50"` // the same of the other model, 0..1
}

// OnReal gives the scores on real pictures that come with the weights.
func OnReal() (Real, error) {
	var r Real
	if err := json.Unmarshal(realText, &r); err != nil {
		return Real{}, fmt.Errorf("models/nano/real.json: %w", err)
	}
	return r, nil
}

// Met says whether the model may be used on real cameras without being asked for, and otherwise why not.
func (r Real) Met() (met bool, why string) {
	switch {
	case r.Pictures == 0:
		return false, "it has learnt from rendered scenes alone and was never scored on real pictures"
	case r.BesideAP50 > 0 && r.PersonAP50 >= RealShare*r.BesideAP50:
		return true, ""
	}
	share := 0.0
	if r.BesideAP50 > 0 {
		share = 100 * r.PersonAP50 / r.BesideAP50
	}
	return false, fmt.Sprintf("it has learnt from rendered scenes alone; people score AP50 %.2f on %d real pictures, %.0f %% of %s's %.2f, and %.0f %% are asked for",
		r.PersonAP50, r.Pictures, share, r.Beside, r.BesideAP50, 100*RealShare)
}
