package config

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"bongsu"
)

// ruleForm is which keys a kind of rule takes, besides those that all take. What the keys mean for
// it, and their defaults, stand in docs/ref/rules.md.
type ruleForm struct {
	kind     bongsu.EventKind
	zone     need
	line     need
	keys     []string // own ones
	required []string // those that have no default
	presence bool     // it asks who is where: classes, confirm_s and linger_s of camera and defaults are meant for it
}

// need says whether a kind has a zone or a line.
type need uint8

const (
	never need = iota
	maybe      // of a zone: without it the whole picture
	must
)

// ruleForms are the kinds of rule in the order in which they are named.
var ruleForms = []ruleForm{
	{kind: bongsu.KindIntrusion, zone: must, keys: []string{"confirm_s", "dwell_s"}, presence: true},
	{kind: bongsu.KindLoitering, zone: must, keys: []string{"dwell_s"}, required: []string{"dwell_s"}, presence: true},
	{kind: bongsu.KindAbandonment, zone: maybe, keys: []string{"dwell_s", "near_m", "owner_s"}},
	{kind: bongsu.KindFall, zone: maybe, keys: []string{"confirm_s", "dwell_s"}},
	{kind: bongsu.KindFire, zone: maybe, keys: []string{"confirm_s"}},
	{kind: bongsu.KindLineCrossing, line: must, keys: []string{"direction"}, presence: true},
	{kind: bongsu.KindLineCounting, line: must, keys: []string{"direction", "period_s"}, presence: true},
	{kind: bongsu.KindWrongWay, zone: must, line: must, keys: []string{"confirm_s"}},
	{kind: bongsu.KindStoppedVehicle, zone: must, keys: []string{"dwell_s"}},
	{kind: bongsu.KindClosedArea, zone: must, keys: []string{"confirm_s"}, required: []string{"schedule"}, presence: true},
	{kind: bongsu.KindFight, zone: maybe, keys: []string{"near_m", "confirm_s"}},
	{kind: bongsu.KindCrowd, zone: must, keys: []string{"count", "per_m2", "confirm_s"}},
}

var (
	// commonKeys are taken by every kind.
	commonKeys = []string{"classes", "min_score", "linger_s", "exclude", "schedule", "min_px_per_m", "priority"}
	// ruleKeys are all keys of a rule, in the order in which they are written.
	ruleKeys = []string{"id", "kind", "zone", "line", "direction", "dwell_s", "near_m", "owner_s", "count", "per_m2", "period_s",
		"classes", "min_score", "confirm_s", "linger_s", "min_px_per_m", "schedule", "exclude", "priority"}
)

func formOf(kind bongsu.EventKind) *ruleForm {
	for i := range ruleForms {
		if ruleForms[i].kind == kind {
			return &ruleForms[i]
		}
	}
	return nil
}

// knownKinds names the kinds for a sentence.
func knownKinds() string {
	return "use " + orWords(ruleForms, func(f ruleForm) string { return string(f.kind) })
}

func (cam *Camera) readRules(v value) {
	seen := map[bongsu.RuleID]int{}
	for _, item := range v.items() {
		rule := cam.readRule(item)
		if rule.ID != "" {
			if line, twice := seen[rule.ID]; twice {
				item.at("id").fail("another rule of this camera, on line %d, has the id %q already", line, string(rule.ID))
			} else {
				seen[rule.ID] = item.line
			}
		}
		cam.Rules = append(cam.Rules, rule)
	}
}

// ruleDraft is a rule while it is read.
type ruleDraft struct {
	Rule
	form *ruleForm
}

func (cam *Camera) readRule(v value) Rule {
	var rule ruleDraft
	if v.null() {
		v.fail("an empty entry: give the rule an id and a kind, or remove the dash")
		return rule.Rule
	}
	before := len(v.r.errs)
	f := v.fields(ruleKeys...)
	if f == nil && len(v.r.errs) > before {
		return rule.Rule
	}
	rule.ID = bongsu.RuleID(readID(v, f, "rule"))
	var kind string
	if k, ok := f["kind"]; !ok {
		v.at("kind").fail("this rule has no kind: %s", knownKinds())
	} else if k.text(&kind) {
		rule.Kind = bongsu.EventKind(kind)
		if rule.form = formOf(rule.Kind); rule.form == nil {
			k.fail("%q is no kind of rule: %s", kind, knownKinds())
		} else {
			k.check(cam.covers(rule.Kind))
		}
	}
	if rule.form != nil {
		rule.refuse(f)
		rule.readGeometry(v, f)
		rule.readOwn(v, f)
	}
	rule.readTuning(f, cam.Tuning)
	rule.readCommon(f, cam)
	return rule.Rule
}

// covers refuses a rule that none of the camera's purposes allows.
func (cam *Camera) covers(kind bongsu.EventKind) error {
	if bongsu.Covers(cam.Purposes, kind) {
		return nil
	}
	word := func(p bongsu.Purpose) string { return string(p) }
	return fmt.Errorf("this camera is there for %s, which does not cover %s: that takes %s",
		strings.ReplaceAll(orWords(cam.Purposes, word), " or ", " and "), kind, orWords(bongsu.CategoryOf(kind).Purposes, word))
}

// refuse reports keys that a rule of this kind does not have.
func (rule *ruleDraft) refuse(f map[string]value) {
	form := rule.form
	for _, key := range ruleKeys {
		v, ok := f[key]
		switch {
		case !ok || key == "id" || key == "kind" || slices.Contains(commonKeys, key) || slices.Contains(form.keys, key):
		case key == "zone":
			if form.zone == never {
				v.fail("a %s rule has no zone: give it a line of two points", rule.Kind)
			}
		case key == "line":
			if form.line == never {
				v.fail("a rule of kind %s has no line: give it a zone of at least three points", rule.Kind)
			}
		default:
			v.fail("a rule of kind %s has no %s: remove it", rule.Kind, key)
		}
	}
}

func (rule *ruleDraft) readGeometry(v value, f map[string]value) {
	form := rule.form
	if z, ok := f["zone"]; ok && form.zone != never {
		if points, good := z.points(); good {
			rule.Zone = points
			z.check(bongsu.CheckZone(points))
		}
	} else if form.zone == must {
		v.at("zone").fail("a rule of kind %s needs a zone: a list of [x, y] points, 0..1 of the picture", rule.Kind)
	}
	if l, ok := f["line"]; ok && form.line != never {
		if points, good := l.points(); good {
			rule.Line = points
			l.check(bongsu.CheckLine(points))
		}
	} else if form.line == must {
		what := "a line"
		if rule.Kind == bongsu.KindWrongWay {
			what = "a line, the arrow along which one may go"
		}
		v.at("line").fail("a %s rule needs %s: [[x, y], [x, y]], 0..1 of the picture", rule.Kind, what)
	}
	if slices.Contains(form.keys, "direction") {
		rule.Direction = bongsu.DirectionBoth
		if d, ok := f["direction"]; ok && d.text(&rule.Direction) && !bongsu.ValidDirection(rule.Direction) {
			d.fail("%q is no direction: use left-to-right, right-to-left or both, as seen by who looks from the line's first point to its second", rule.Direction)
		}
	}
}

// readOwn reads the keys that only some kinds have.
func (rule *ruleDraft) readOwn(v value, f map[string]value) {
	for _, key := range rule.form.required {
		if _, ok := f[key]; !ok {
			v.at(key).fail("a %s rule needs %s: %s", rule.Kind, key, requiredFor[key])
		}
	}
	own := make(map[string]value, len(rule.form.keys))
	for _, key := range rule.form.keys {
		if x, ok := f[key]; ok {
			own[key] = x
		}
	}
	seconds(own, "dwell_s", dwellSpan.low, dwellSpan.high, &rule.Dwell)
	seconds(own, "period_s", periodSpan.low, periodSpan.high, &rule.Period)
	seconds(own, "owner_s", ownerSpan.low, ownerSpan.high, &rule.Owner)
	decimal(own, "near_m", nearSpan, &rule.Near)
	integer(own, "count", int64(countSpan.low), int64(countSpan.high), &rule.Count)
	if x, ok := own["per_m2"]; ok {
		rule.PerM2 = x.densities()
	}
}

// requiredFor says what a key without a default is for.
var requiredFor = map[string]string{
	"dwell_s":  "the seconds that someone may stay",
	"schedule": "the times at which the area is closed, such as [\"mon-fri 22:00-06:00\"]",
}

// maxLevels is how many levels of a crowd a rule may name.
const maxLevels = 5

// densities reads the rising levels of a crowd.
func (v value) densities() (all []float32) {
	items := v.items()
	if len(items) == 0 || len(items) > maxLevels {
		v.fail("this has %d levels: from 1 to %d can be named, such as [2, 3, 5]", len(items), maxLevels)
		return nil
	}
	for _, item := range items {
		n, ok := item.number(densitySpan.low, densitySpan.high)
		if !ok {
			continue
		}
		if len(all) > 0 && float32(n) <= all[len(all)-1] {
			item.fail("%s does not rise above the level before it: name the levels from the lowest on", plain(n))
			continue
		}
		all = append(all, float32(n))
	}
	return all
}

// readTuning reads what camera and defaults have, too; what they say counts where the rule is silent.
func (rule *ruleDraft) readTuning(f map[string]value, base Tuning) {
	t := Tuning{MinScore: base.MinScore}
	if rule.form == nil || rule.form.presence {
		t = base
	}
	if rule.form != nil && !slices.Contains(rule.form.keys, "confirm_s") {
		t.Confirm = 0
	}
	t.readTuning(f)
	rule.Classes, rule.MinScore, rule.Confirm, rule.Linger = t.Classes, t.MinScore, t.Confirm, t.Linger
	if v, ok := f["classes"]; ok && len(rule.Classes) == 0 && !v.wrongBelow() {
		v.fail("this names no class: list at least one, such as person")
	}
}

// wrongBelow reports whether a mistake at v or in it was found already.
func (v value) wrongBelow() bool {
	return slices.ContainsFunc(v.r.errs, func(e *bongsu.FieldError) bool { return strings.HasPrefix(e.Path, v.path) })
}

// readCommon reads what every kind has and only rules have.
func (rule *ruleDraft) readCommon(f map[string]value, cam *Camera) {
	rule.Exclude = cam.Exclude
	if x, ok := f["exclude"]; ok {
		rule.Exclude = slices.Concat(cam.Exclude, x.polygons())
	}
	if s, ok := f["schedule"]; ok {
		rule.Schedule = s.spans()
	}
	decimal(f, "min_px_per_m", pxSpan, &rule.MinPXPerM)
	for _, key := range []string{"min_px_per_m", "per_m2"} {
		if x, ok := f[key]; ok && cam.ungrounded && !x.wrongBelow() {
			x.fail("this counts in metres, and the camera has no ground: %s", groundForms)
		}
	}
	if x, ok := f["per_m2"]; ok && cam.Ground != nil && len(rule.Zone) > 0 {
		if m2, known := cam.Ground.Area(rule.Zone); !known || m2 < 1 {
			x.fail("the zone's area on the ground is not known: keep it below the horizon and larger than 1 m²")
		}
	}
	rule.Priority = bongsu.DefaultPriority(rule.Kind)
	var priority string
	if p, ok := f["priority"]; ok && p.text(&priority) {
		if rule.Priority = bongsu.Priority(priority); rule.Priority.Rank() > 3 {
			p.fail("%q is no priority: use critical, high, medium or low", priority)
		}
	}
}

// readTuning reads the keys of a Tuning.
func (t *Tuning) readTuning(f map[string]value) {
	if v, ok := f["classes"]; ok {
		t.Classes = nil
		for _, item := range v.items() {
			var class string
			if item.text(&class) {
				item.check(bongsu.CheckName(class))
				t.Classes = append(t.Classes, bongsu.Class(class))
			}
		}
	}
	decimal(f, "min_score", scoreSpan, &t.MinScore)
	seconds(f, "confirm_s", confirmSpan.low, confirmSpan.high, &t.Confirm)
	seconds(f, "linger_s", lingerSpan.low, lingerSpan.high, &t.Linger)
}

// decimal reads a number that is kept with few digits.
func decimal(f map[string]value, key string, s span, dst *float32) {
	if v, ok := f[key]; ok {
		if n, good := v.number(s.low, s.high); good {
			*dst = float32(math.Round(n*1e6) / 1e6)
		}
	}
}
