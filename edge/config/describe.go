package config

import (
	"math"
	"slices"
	"time"

	"bongsu"
)

// Keys gives the defaults as they would be written, all keys with their values.
func (d *Defaults) Keys() map[string]any {
	return map[string]any{
		"model": d.Model, "infer_per_s": d.InferPerS,
		"pre_roll_s": d.PreRoll.Seconds(), "post_roll_s": d.PostRoll.Seconds(), "max_clip_s": d.MaxClip.Seconds(), "stall_s": d.Stall.Seconds(),
		"ring_bytes": float64(d.RingBytes), "max_pixels": float64(d.MaxPixels),
		"classes": classWords(d.Classes), "min_score": shortFloat(d.MinScore), "confirm_s": d.Confirm.Seconds(), "linger_s": d.Linger.Seconds(),
	}
}

func classWords(classes []bongsu.Class) []any {
	out := make([]any, len(classes))
	for i, c := range classes {
		out[i] = string(c)
	}
	return out
}

// shortFloat gives 0.3 for the float32 that is closest to it, not 0.30000001192092896.
func shortFloat(f float32) float64 { return math.Round(float64(f)*1e6) / 1e6 }

// span is the range of a key of a rule, both ends allowed. Zero, where it is allowed, is the default
// of the rule's kind.
type span struct{ low, high float64 }

// The ranges of what rules are tuned with. Set-up in the browser tells them, the reader holds values
// to them.
var (
	scoreSpan   = span{0, 1}
	confirmSpan = span{0, 60}
	lingerSpan  = span{0, 600}
	dwellSpan   = span{1, 86400}
	pxSpan      = span{0, 1000}
	nearSpan    = span{0.1, 50}
	ownerSpan   = span{0, 3600}
	periodSpan  = span{10, 86400}
	countSpan   = span{1, 10000}
	densitySpan = span{0.1, 10}
)

// usualDwell is what a browser offers for a loitering rule's dwell_s, which each place needs for
// itself; that of the test is too short for any square.
const usualDwell = time.Minute

// priorities from the most urgent on.
var priorities = []string{string(bongsu.PriorityCritical), string(bongsu.PriorityHigh), string(bongsu.PriorityMedium), string(bongsu.PriorityLow)}

// RuleKinds describes the kinds of rule and the keys that each of them takes besides id, kind and
// its geometry, with the defaults that are in force. What a kind has where nobody says otherwise is
// given by usual, which knows it from the stage that judges; nil: zeros.
func (d *Defaults) RuleKinds(usual func(bongsu.EventKind) Rule) []bongsu.SetupRuleKind {
	out := make([]bongsu.SetupRuleKind, len(ruleForms))
	for i := range ruleForms {
		form := &ruleForms[i]
		r := Rule{Kind: form.kind}
		if usual != nil {
			r = usual(form.kind)
		}
		d.over(&r, form)
		k := bongsu.SetupRuleKind{Kind: form.kind, Geometry: "zone", Whole: form.zone == maybe, Experimental: form.kind.Experimental(), Purposes: bongsu.CategoryOf(form.kind).Purposes}
		if form.zone == never {
			k.Geometry = "line"
		} else if form.line == must {
			k.Keys = append(k.Keys, bongsu.SetupKey{Name: "line", Form: "arrow", Required: true})
		}
		for _, name := range ruleKeys {
			if slices.Contains(form.keys, name) || slices.Contains(commonKeys, name) {
				key := setupKey(name, &r)
				key.Required = slices.Contains(form.required, name)
				k.Keys = append(k.Keys, key)
			}
		}
		out[i] = k
	}
	return out
}

// over puts what is said here in the place of a kind's own.
func (t *Tuning) over(r *Rule, form *ruleForm) {
	if t.MinScore != 0 {
		r.MinScore = t.MinScore
	}
	if !form.presence {
		return
	}
	if len(t.Classes) > 0 {
		r.Classes = t.Classes
	}
	if t.Confirm != 0 {
		r.Confirm = t.Confirm
	}
	if t.Linger != 0 {
		r.Linger = t.Linger
	}
}

// setupKey describes a key; r has the value that counts where it is not given.
func setupKey(name string, r *Rule) bongsu.SetupKey {
	number := func(unit string, s span, def float64) bongsu.SetupKey {
		return bongsu.SetupKey{Name: name, Unit: unit, Default: def, Min: &s.low, Max: &s.high}
	}
	grounded := func(k bongsu.SetupKey) bongsu.SetupKey {
		k.Needs = "ground"
		return k
	}
	switch name {
	case "direction":
		return bongsu.SetupKey{Name: name, Default: bongsu.DirectionBoth, Values: []string{bongsu.DirectionBoth, bongsu.DirectionLeftToRight, bongsu.DirectionRightToLeft}}
	case "dwell_s":
		if r.Kind == bongsu.KindLoitering {
			r.Dwell = usualDwell
		}
		return number("s", dwellSpan, r.Dwell.Seconds())
	case "near_m":
		return number("m", nearSpan, shortFloat(r.Near))
	case "owner_s":
		return number("s", ownerSpan, r.Owner.Seconds())
	case "count":
		return number("", countSpan, float64(r.Count))
	case "per_m2":
		return grounded(bongsu.SetupKey{Name: name, Unit: "1/m²", Form: "numbers", Min: &densitySpan.low, Max: &densitySpan.high})
	case "period_s":
		return number("s", periodSpan, r.Period.Seconds())
	case "classes":
		return bongsu.SetupKey{Name: name, Form: "classes", Default: classWords(r.Classes)}
	case "min_score":
		return number("", scoreSpan, shortFloat(r.MinScore))
	case "confirm_s":
		return number("s", confirmSpan, r.Confirm.Seconds())
	case "linger_s":
		return number("s", lingerSpan, r.Linger.Seconds())
	case "min_px_per_m":
		return grounded(number("px/m", pxSpan, shortFloat(r.MinPXPerM)))
	case "schedule":
		return bongsu.SetupKey{Name: name, Form: "schedule"}
	case "exclude":
		return bongsu.SetupKey{Name: name, Form: "polygons"}
	}
	return bongsu.SetupKey{Name: name, Default: string(bongsu.DefaultPriority(r.Kind)), Values: priorities}
}
