package worker

import (
	"time"

	"bongsu"
	"bongsu/edge/link"
	"bongsu/edge/rules"
)

// judgesOf makes what judges by an assignment's rules, and gives those rules with the defaults of
// their kinds filled in. Schedules are meant in the assignment's time zone, metres on its ground.
func judgesOf(a link.Assignment) (*rules.Set, []link.Rule, error) {
	in, err := time.LoadLocation(a.Timezone)
	if err != nil {
		return nil, nil, bongsu.Errorf(bongsu.CodeInvalid, "camera %s: %q is no time zone: use a name such as Asia/Seoul", a.Camera, a.Timezone)
	}
	whole := make([]link.Rule, len(a.Rules))
	for i, r := range a.Rules {
		whole[i] = rules.Complete(r)
	}
	set, err := rules.New(rules.Options{Rules: whole, Ground: a.Ground, Location: in})
	return set, whole, err
}
