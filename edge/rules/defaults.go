package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"bongsu"
)

// need says whether a kind of rule has a zone, or a line.
type need uint8

const (
	none need = iota
	optional
	needed
)

// kind is what is known of a kind of rule.
type kind struct {
	kind       bongsu.EventKind
	code       int // raised when the same parameters judge differently: it is in every event's rule version
	zone, line need
	directed   bool // its line has a direction that is asked for
	relinks    bool // its Linger is also how long a thing out of sight is waited for
	defaults   Rule
	make       func(w watcher, o Options) judge
}

var (
	people   = []bongsu.Class{bongsu.ClassPerson}
	motors   = []bongsu.Class{bongsu.ClassCar, bongsu.ClassLargeVehicle, bongsu.ClassMotorcycle}
	vehicles = append(slices.Clone(motors), bongsu.ClassBicycle)
	traffic  = append(slices.Clone(people), vehicles...)
)

// kinds are all kinds of rule, each in the file of its name.
var kinds = []kind{
	{kind: bongsu.KindIntrusion, relinks: true, code: 2, zone: needed, make: newIntrusion, defaults: Rule{
		Classes: people, MinScore: 0.5, Confirm: 400 * time.Millisecond, Dwell: 2 * time.Second, Linger: 2 * time.Second}},
	{kind: bongsu.KindClosedArea, relinks: true, code: 1, zone: needed, make: newClosedArea, defaults: Rule{
		Classes: people, MinScore: 0.5, Confirm: time.Second, Linger: 5 * time.Second}},
	{kind: bongsu.KindLoitering, relinks: true, code: 1, zone: needed, make: newLoitering, defaults: Rule{
		Classes: people, MinScore: 0.5, Dwell: 10 * time.Second, Linger: 3 * time.Second}},
	{kind: bongsu.KindLineCrossing, relinks: true, code: 1, line: needed, directed: true, make: newLineCrossing, defaults: Rule{
		Classes: traffic, MinScore: 0.5, Direction: bongsu.DirectionBoth, Linger: 2 * time.Second}},
	{kind: bongsu.KindLineCounting, relinks: true, code: 1, line: needed, directed: true, make: newLineCounting, defaults: Rule{
		Classes: traffic, MinScore: 0.5, Direction: bongsu.DirectionBoth, Linger: 2 * time.Second, Period: 15 * time.Minute}},
	{kind: bongsu.KindWrongWay, relinks: true, code: 1, zone: needed, line: needed, make: newWrongWay, defaults: Rule{
		Classes: vehicles, MinScore: 0.5, Confirm: time.Second, Linger: 3 * time.Second}},
	{kind: bongsu.KindStoppedVehicle, relinks: true, code: 1, zone: needed, make: newStopped, defaults: Rule{
		Classes: motors, MinScore: 0.5, Dwell: 30 * time.Second, Linger: 6 * time.Second}},
	{kind: bongsu.KindAbandonment, code: 1, zone: optional, make: newAbandonment, defaults: Rule{
		Classes: []bongsu.Class{bongsu.ClassBag}, MinScore: 0.12, Near: 2, Dwell: 4 * time.Second, Owner: 5 * time.Second, Linger: 15 * time.Second}},
	{kind: bongsu.KindFall, code: 1, zone: optional, make: newFall, defaults: Rule{
		Classes: people, MinScore: 0.4, Confirm: 2 * time.Second, Dwell: 8 * time.Second, Linger: 30 * time.Second}},
	{kind: bongsu.KindFire, code: 1, zone: optional, make: newFire, defaults: Rule{
		Classes: []bongsu.Class{bongsu.ClassFire, bongsu.ClassSmoke}, MinScore: 0.4, Confirm: 8500 * time.Millisecond, Linger: 15 * time.Second}},
	{kind: bongsu.KindFight, code: 1, zone: optional, make: newFight, defaults: Rule{
		Classes: people, MinScore: 0.4, Near: 1.2, Confirm: 3 * time.Second, Linger: 5 * time.Second}},
	{kind: bongsu.KindCrowd, code: 1, zone: needed, make: newCrowd, defaults: Rule{
		Classes: people, MinScore: 0.4, Count: 10, Confirm: 5 * time.Second, Linger: 10 * time.Second}},
}

func kindOf(k bongsu.EventKind) *kind {
	for i := range kinds {
		if kinds[i].kind == k {
			return &kinds[i]
		}
	}
	return nil
}

// Kinds lists the kinds of rule.
func Kinds() []bongsu.EventKind {
	var out []bongsu.EventKind
	for i := range kinds {
		out = append(out, kinds[i].kind)
	}
	return out
}

// Defaults gives every parameter of a kind of rule that has a default; what a kind has no use for is
// zero. An unknown kind gives a Rule without parameters. docs/ref/rules.md has the same numbers.
func Defaults(k bongsu.EventKind) Rule {
	r := Rule{Kind: k, Priority: bongsu.DefaultPriority(k)}
	if d := kindOf(k); d != nil {
		r = d.defaults
		r.Kind, r.Priority, r.Classes = k, bongsu.DefaultPriority(k), slices.Clone(d.defaults.Classes)
	}
	return r
}

// Complete gives r with the defaults of its kind in place of zeros. An owner who has longer than Dwell
// to come back is not asked for in a rule that sets Dwell only.
func Complete(r Rule) Rule {
	d := Defaults(r.Kind)
	fill(&r.Priority, d.Priority)
	fill(&r.Direction, d.Direction)
	fill(&r.MinScore, d.MinScore)
	fill(&r.Dwell, d.Dwell)
	fill(&r.Confirm, d.Confirm)
	fill(&r.Linger, d.Linger)
	fill(&r.Period, d.Period)
	fill(&r.Near, d.Near)
	fill(&r.Owner, d.Owner)
	if len(r.PerM2) == 0 {
		fill(&r.Count, d.Count)
	}
	if len(r.Classes) == 0 {
		r.Classes = d.Classes
	}
	return r
}

func fill[T comparable](v *T, otherwise T) {
	var zero T
	if *v == zero {
		*v = otherwise
	}
}

// version is a short hash of all that a rule decides by but the picture.
func version(r Rule, g *bongsu.Ground) string {
	k := kindOf(r.Kind)
	data, err := json.Marshal(struct {
		Code   int
		Rule   Rule
		Ground *bongsu.Ground
	}{k.code, r, g})
	if err != nil {
		return "" // cannot be: Check has seen to the numbers
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:6])
}

// Check says what is wrong with a complete rule of a camera with that ground plane (nil: not
// calibrated), or nothing.
func Check(r Rule, g *bongsu.Ground) error {
	k := kindOf(r.Kind)
	if k == nil {
		words := []string{}
		for i := range kinds {
			words = append(words, string(kinds[i].kind))
		}
		last := len(words) - 1
		return fmt.Errorf("%q is no kind of rule: use %s or %s", string(r.Kind), strings.Join(words[:last], ", "), words[last])
	}
	for _, err := range []error{k.checkPlaces(&r), checkExcluded(r.Exclude), checkSchedule(r.Schedule), checkNumbers(&r), checkGround(&r, g)} {
		if err != nil {
			return err
		}
	}
	return nil
}

func (k *kind) checkPlaces(r *Rule) error {
	switch {
	case k.zone == none && len(r.Zone) > 0:
		return fmt.Errorf("a %s rule has no zone: give it a line of two points", r.Kind)
	case k.line == none && len(r.Line) > 0:
		return fmt.Errorf("a %s rule has no line: give it a zone of at least three points", r.Kind)
	case k.directed && !bongsu.ValidDirection(r.Direction):
		return fmt.Errorf("%q is no direction: use left-to-right, right-to-left or both", r.Direction)
	}
	if k.zone == needed || len(r.Zone) > 0 {
		if err := bongsu.CheckZone(r.Zone); err != nil {
			return err
		}
	}
	if k.line == needed {
		return bongsu.CheckLine(r.Line)
	}
	return nil
}

func checkExcluded(polygons [][]bongsu.Point) error {
	for i, p := range polygons {
		if err := bongsu.CheckZone(p); err != nil {
			return fmt.Errorf("exclude %d: %w", i+1, err)
		}
	}
	return nil
}

func checkNumbers(r *Rule) error {
	for _, d := range []struct {
		name string
		v    time.Duration
	}{{"dwell", r.Dwell}, {"confirm", r.Confirm}, {"linger", r.Linger}, {"period", r.Period}, {"owner", r.Owner}} {
		if d.v < 0 {
			return fmt.Errorf("%s is %s: it must be above 0", d.name, d.v)
		}
	}
	if !(r.MinScore >= 0 && r.MinScore <= 1) {
		return fmt.Errorf("min_score is %g: it must be from 0 to 1", r.MinScore)
	}
	if !(r.Near >= 0 && r.Near <= 100) {
		return fmt.Errorf("near_m is %g: it must be from 0 to 100 m", r.Near)
	}
	if !(r.MinPXPerM >= 0) {
		return fmt.Errorf("min_px_per_m is %g: it must be above 0", r.MinPXPerM)
	}
	if r.Count < 0 {
		return fmt.Errorf("count is %d: it must be above 0", r.Count)
	}
	if r.Kind == bongsu.KindLineCounting && r.Period < time.Second {
		return fmt.Errorf("period is %s: it must be at least 1 s", r.Period)
	}
	last := float32(0)
	for i, v := range r.PerM2 {
		if !(v > last && v < 100) {
			return fmt.Errorf("per_m2: level %d is %g people per square metre: levels rise, above 0", i+1, v)
		}
		last = v
	}
	return nil
}

// checkGround refuses what nobody can know of a camera that is not calibrated.
func checkGround(r *Rule, g *bongsu.Ground) error {
	const calibrate = "calibrate the camera first (bongsu-edge camera calibrate, or in the browser's zone editor)"
	if err := g.Check(); err != nil {
		return err
	}
	switch {
	case r.MinPXPerM > 0 && g == nil:
		return fmt.Errorf("min_px_per_m needs a ground plane: %s", calibrate)
	case len(r.PerM2) > 0 && r.Kind != bongsu.KindCrowd:
		return fmt.Errorf("a %s rule has no per_m2: it is for crowd", r.Kind)
	case len(r.PerM2) > 0 && g == nil:
		return fmt.Errorf("people per square metre need a ground plane: %s, or use count", calibrate)
	case len(r.PerM2) > 0:
		if m2, ok := g.Area(r.Zone); !ok || m2 < 1 {
			return fmt.Errorf("the zone's area on the ground is not known: keep it below the horizon and larger than 1 m²")
		}
	}
	return nil
}
