package bongsu

import "time"

// Rule is one rule of a camera as everybody from the configuration to the stage that judges by it knows it.
// Which fields a kind needs, their units, ranges and defaults stand in docs/ref/rules.md; a field that a
// kind has no use for is zero. Points are 0..1 of the picture.
type Rule struct {
	ID        RuleID        `json:"id"`
	Kind      EventKind     `json:"kind"`
	Priority  Priority      `json:"priority"`
	Zone      []Point       `json:"zone,omitempty"`       // a polygon
	Line      []Point       `json:"line,omitempty"`       // two points: what is crossed, or of wrong-way the arrow along which one may go
	Direction string        `json:"direction,omitempty"`  // of a line: DirectionLeftToRight, DirectionRightToLeft or DirectionBoth
	Classes   []Class       `json:"classes"`              // what it watches for; none means what docs/ref/rules.md says of the kind
	MinScore  float32       `json:"min_score"`            // the best score of the thing while it counts must reach this
	Dwell     time.Duration `json:"dwell_ns,omitempty"`   // how long it must last before it is an event: a stay, a stop, a bag alone
	Confirm   time.Duration `json:"confirm_ns,omitempty"` // the condition must be seen for this long
	Linger    time.Duration `json:"linger_ns,omitempty"`  // and be gone this long before it ends

	Exclude   [][]Point     `json:"exclude,omitempty"`      // polygons in which a foot point counts for nothing
	Schedule  []Span        `json:"schedule,omitempty"`     // when it watches, local time; none means always
	MinPXPerM float32       `json:"min_px_per_m,omitempty"` // things where a metre has fewer pixels are too far off; needs a ground plane
	Count     int           `json:"count,omitempty"`        // crowd: people in the zone at which it begins
	PerM2     []float32     `json:"per_m2,omitempty"`       // crowd: rising densities of its levels, people per square metre; needs a ground plane
	Period    time.Duration `json:"period_ns,omitempty"`    // line-counting: one event with the counts of each such time
	Near      float32       `json:"near_m,omitempty"`       // abandonment: who is this near, metres, is with the bag; without a ground plane in body heights of 1.7 m
	Owner     time.Duration `json:"owner_ns,omitempty"`     // abandonment: a bag that its owner comes back to within this is none
}

// Span is a time of the week in which a rule watches: from From until To, minutes after local
// midnight, on the days whose bits are set (bit 0 is Sunday). To before From ends on the next day.
type Span struct {
	Days uint8 `json:"days"`
	From int   `json:"from_min"`
	To   int   `json:"to_min"`
}
