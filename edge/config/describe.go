package config

import (
	"math"
	"slices"
	"time"

	"bongsu"
)

// Keys gives the defaults as they would be written, all keys with their values.
func (d *Defaults) Keys() map[string]any {
	classes := make([]any, len(d.Classes))
	for i, c := range d.Classes {
		classes[i] = string(c)
	}
	return map[string]any{
		"model": d.Model, "infer_per_s": d.InferPerS,
		"pre_roll_s": d.PreRoll.Seconds(), "post_roll_s": d.PostRoll.Seconds(), "max_clip_s": d.MaxClip.Seconds(), "stall_s": d.Stall.Seconds(),
		"ring_bytes": float64(d.RingBytes), "max_pixels": float64(d.MaxPixels),
		"classes": classes, "min_score": shortFloat(d.MinScore), "confirm_s": d.Confirm.Seconds(), "linger_s": d.Linger.Seconds(),
	}
}

// shortFloat gives 0.3 for the float32 that is closest to it, not 0.30000001192092896.
func shortFloat(f float32) float64 { return math.Round(float64(f)*1e6) / 1e6 }

// span is the range of a key of a rule, both ends allowed.
type span struct{ low, high float64 }

// The ranges of what rules are tuned with. Set-up in the browser tells them, readKind and readTuning
// hold values to them.
var (
	scoreSpan   = span{0, 1}
	confirmSpan = span{0, 60}
	lingerSpan  = span{0.1, 600}
	dwellSpan   = span{1, 86400}
)

// usualDwell is what a browser offers for a loitering rule's dwell_s, which has no default.
const usualDwell = time.Minute

// priorities from the most urgent on.
var priorities = []string{string(bongsu.PriorityCritical), string(bongsu.PriorityHigh), string(bongsu.PriorityMedium), string(bongsu.PriorityLow)}

// RuleKinds describes the kinds of rule and the keys that each of them takes besides id, kind and
// its geometry, with the defaults that are in force.
func (d *Defaults) RuleKinds() []bongsu.SetupRuleKind {
	keys := d.Keys()
	number := func(name, unit string, s span, def any) bongsu.SetupKey {
		return bongsu.SetupKey{Name: name, Unit: unit, Default: def, Min: &s.low, Max: &s.high}
	}
	common := func(kind bongsu.EventKind) []bongsu.SetupKey {
		return []bongsu.SetupKey{
			{Name: "classes", Default: keys["classes"]},
			number("min_score", "", scoreSpan, keys["min_score"]),
			number("linger_s", "s", lingerSpan, keys["linger_s"]),
			{Name: "priority", Default: string(bongsu.DefaultPriority(kind)), Values: priorities},
		}
	}
	dwell := number("dwell_s", "s", dwellSpan, usualDwell.Seconds())
	dwell.Required = true
	direction := bongsu.SetupKey{Name: "direction", Default: bongsu.DirectionBoth,
		Values: []string{bongsu.DirectionBoth, bongsu.DirectionLeftToRight, bongsu.DirectionRightToLeft}}
	return []bongsu.SetupRuleKind{
		{Kind: bongsu.KindIntrusion, Geometry: "zone", Keys: slices.Concat([]bongsu.SetupKey{number("confirm_s", "s", confirmSpan, keys["confirm_s"])}, common(bongsu.KindIntrusion))},
		{Kind: bongsu.KindLineCrossing, Geometry: "line", Keys: slices.Concat([]bongsu.SetupKey{direction}, common(bongsu.KindLineCrossing))},
		{Kind: bongsu.KindLoitering, Geometry: "zone", Keys: slices.Concat([]bongsu.SetupKey{dwell}, common(bongsu.KindLoitering))},
	}
}
