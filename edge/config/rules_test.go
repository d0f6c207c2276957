package config

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"bongsu"
	"bongsu/edge/link"
)

// everyKind is a file with a right rule of every kind and every key that it takes.
const everyKind = `edge: {timezone: Europe/London}
cameras:
  - id: a
    url: rtsp://192.0.2.10/s
    model: m
    purposes: [crime-prevention, facility-safety, fire-prevention, traffic-information]
    min_score: 0.35
    ground: {height_m: 5, tilt_deg: 30, roll_deg: 1, hfov_deg: 70, aspect: 1.3333}
    exclude: [[[0, 0], [0.2, 0], [0.2, 0.2]]]
    rules:
      - {id: r1, kind: intrusion, zone: [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]], confirm_s: 1, min_px_per_m: 20, schedule: ["mon-fri 22:00-06:00", "sat,sun 00:00-24:00"]}
      - {id: r2, kind: loitering, zone: [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]], dwell_s: 30, exclude: [[[0.5, 0.5], [0.6, 0.5], [0.6, 0.6]]]}
      - {id: r3, kind: abandonment, zone: [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]], dwell_s: 20, near_m: 3, owner_s: 15}
      - {id: r4, kind: fall, zone: [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]], confirm_s: 3}
      - {id: r5, kind: fire, min_score: 0.2}
      - {id: r6, kind: line-crossing, line: [[0.5, 0.1], [0.5, 0.9]], direction: left-to-right}
      - {id: r7, kind: line-counting, line: [[0.5, 0.1], [0.5, 0.9]], period_s: 600}
      - {id: r8, kind: wrong-way, line: [[0.5, 0.9], [0.5, 0.1]], zone: [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]]}
      - {id: r9, kind: stopped-vehicle, zone: [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]], dwell_s: 60, classes: [bus]}
      - {id: r10, kind: closed-area, zone: [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]], schedule: ["22:00-06:00"]}
      - {id: r11, kind: fight, zone: [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]]}
      - {id: r12, kind: crowd, zone: [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]], count: 30, per_m2: [2, 3, 5], priority: high}
`

func TestEveryKind(t *testing.T) {
	c, err := Parse("edge.yaml", []byte(everyKind))
	if err != nil {
		t.Fatal(err)
	}
	cam := c.Cameras[0]
	ground, _ := bongsu.GroundFromCamera(5, 30, 1, 70, 1.3333)
	corner := []bongsu.Point{{X: 0, Y: 0}, {X: 0.2, Y: 0}, {X: 0.2, Y: 0.2}}
	if !reflect.DeepEqual(cam.Ground, ground) || len(cam.Purposes) != 4 || !reflect.DeepEqual(cam.Exclude, [][]bongsu.Point{corner}) {
		t.Errorf("%+v", cam)
	}
	zone := []bongsu.Point{{X: 0.1, Y: 0.1}, {X: 0.9, Y: 0.1}, {X: 0.9, Y: 0.9}}
	upright := []bongsu.Point{{X: 0.5, Y: 0.1}, {X: 0.5, Y: 0.9}}
	ex := [][]bongsu.Point{corner}
	want := []Rule{
		{Kind: bongsu.KindIntrusion, Priority: bongsu.PriorityHigh, Zone: zone, Confirm: time.Second, MinPXPerM: 20, Schedule: []bongsu.Span{{Days: 0b0111110, From: 1320, To: 360}, {Days: 0b1000001, To: 1440}}},
		{Kind: bongsu.KindLoitering, Priority: bongsu.PriorityMedium, Zone: zone, Dwell: 30 * time.Second, Exclude: [][]bongsu.Point{corner, {{X: 0.5, Y: 0.5}, {X: 0.6, Y: 0.5}, {X: 0.6, Y: 0.6}}}},
		{Kind: bongsu.KindAbandonment, Priority: bongsu.PriorityMedium, Zone: zone, Dwell: 20 * time.Second, Near: 3, Owner: 15 * time.Second},
		{Kind: bongsu.KindFall, Priority: bongsu.PriorityCritical, Zone: zone, Confirm: 3 * time.Second},
		{Kind: bongsu.KindFire, Priority: bongsu.PriorityCritical, MinScore: 0.2},
		{Kind: bongsu.KindLineCrossing, Priority: bongsu.PriorityMedium, Line: upright, Direction: bongsu.DirectionLeftToRight},
		{Kind: bongsu.KindLineCounting, Priority: bongsu.PriorityLow, Line: upright, Direction: bongsu.DirectionBoth, Period: 10 * time.Minute},
		{Kind: bongsu.KindWrongWay, Priority: bongsu.PriorityHigh, Zone: zone, Line: []bongsu.Point{upright[1], upright[0]}},
		{Kind: bongsu.KindStoppedVehicle, Priority: bongsu.PriorityMedium, Zone: zone, Dwell: time.Minute, Classes: []bongsu.Class{"bus"}},
		{Kind: bongsu.KindClosedArea, Priority: bongsu.PriorityHigh, Zone: zone, Schedule: []bongsu.Span{{Days: 127, From: 1320, To: 360}}},
		{Kind: bongsu.KindFight, Priority: bongsu.PriorityCritical, Zone: zone},
		{Kind: bongsu.KindCrowd, Priority: bongsu.PriorityHigh, Zone: zone, Count: 30, PerM2: []float32{2, 3, 5}},
	}
	if len(cam.Rules) != len(want) {
		t.Fatalf("%d rules", len(cam.Rules))
	}
	for i, got := range cam.Rules {
		w := want[i]
		w.ID = got.ID
		if w.MinScore == 0 {
			w.MinScore = 0.35
		}
		if w.Exclude == nil {
			w.Exclude = ex
		}
		if !reflect.DeepEqual(got, w) {
			t.Errorf("got  %+v\nwant %+v", got, w)
		}
	}
	as, errs := c.Assignments(OS)
	if len(errs) > 0 || as[0].Timezone != "Europe/London" || as[0].Ground != cam.Ground {
		t.Errorf("%+v, %v", as, errs)
	}
}

// ofKind is a rule of a kind with a right zone and more lines.
func ofKind(kind, more string) string {
	return rule("        kind: " + kind + "\n        zone: [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]]\n" + more)
}

func grounded(ground string) string { return camera("    ground: " + ground + "\n") }

var wrongRules = []wrongFile{
	{"purpose", camera("    purposes: [spying]\n"), []string{`edge.yaml:5: cameras[0].purposes[0]: "spying" is no purpose: use crime-prevention, facility-safety, fire-prevention, traffic-enforcement or traffic-information`}},
	{"rule beyond the purpose", camera("    purposes: [traffic-information]\n    rules:\n      - {id: r, kind: fall, zone: [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]]}\n"), []string{
		"edge.yaml:7: cameras[0].rules[0].kind: this camera is there for traffic-information, which does not cover fall: that takes crime-prevention or facility-safety",
	}},
	{"rule beyond two purposes", camera("    purposes: [crime-prevention, fire-prevention]\n    rules:\n      - id: r\n        kind: wrong-way\n        line: [[0.5, 0.9], [0.5, 0.1]]\n        zone: [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]]\n"), []string{
		"edge.yaml:8: cameras[0].rules[0].kind: this camera is there for crime-prevention and fire-prevention, which does not cover wrong-way: that takes facility-safety, traffic-enforcement or traffic-information",
	}},
	{"exclusion outside", camera("    exclude: [[[0, 0], [1.2, 0], [1, 1]]]\n"), []string{"edge.yaml:5: cameras[0].exclude[0][1][0]: 1.2 is out of range: it must be from 0 to 1; coordinates are parts of the picture's width and height, not pixels"}},
	{"exclusion of a rule crosses itself", ofKind("fall", "        exclude: [[[0, 0], [1, 1], [1, 0], [0, 1]]]\n"), []string{"edge.yaml:9: cameras[0].rules[0].exclude[0]: area 1 that is left out: polygon crosses itself: the edge after point 1 meets the edge after point 3; list the points in order around the zone"}},
	{"exclusion is one polygon", camera("    exclude: [[0, 0], [1, 0], [1, 1]]\n"), []string{
		"edge.yaml:5: cameras[0].exclude[0][0]: this must be a list, not a number",
		"edge.yaml:5: cameras[0].exclude[0][1]: this must be a list, not a number",
		"edge.yaml:5: cameras[0].exclude[1][0]: this must be a list, not a number",
		"edge.yaml:5: cameras[0].exclude[1][1]: this must be a list, not a number",
		"edge.yaml:5: cameras[0].exclude[2][0]: this must be a list, not a number",
		"edge.yaml:5: cameras[0].exclude[2][1]: this must be a list, not a number",
	}},
	{"too many exclusions", camera("    exclude: [" + strings.Repeat("[],", 17) + "]\n"), []string{"edge.yaml:5: cameras[0].exclude: there are 17 areas: at most 16 can be left out"}},
	{"zone of a fall outside", rule("        kind: fall\n        zone: [[0.1, 0.1], [0.9, -0.1], [0.9, 0.9]]\n"), []string{"edge.yaml:8: cameras[0].rules[0].zone[1][1]: -0.1 is out of range: it must be from 0 to 1; coordinates are parts of the picture's width and height, not pixels"}},
	{"density without ground", ofKind("crowd", "        per_m2: [2, 3]\n"), []string{"edge.yaml:9: cameras[0].rules[0].per_m2: this counts in metres, and the camera has no ground: give height_m, tilt_deg and hfov_deg, or four points with their places in metres: `bongsu-edge camera calibrate` helps"}},
	{"size without ground", ofKind("intrusion", "        min_px_per_m: 20\n"), []string{"edge.yaml:9: cameras[0].rules[0].min_px_per_m: this counts in metres, and the camera has no ground: give height_m, tilt_deg and hfov_deg, or four points with their places in metres: `bongsu-edge camera calibrate` helps"}},
	{"densities fall", camera("    ground: {height_m: 5, tilt_deg: 30, hfov_deg: 60}\n    rules:\n      - {id: r, kind: crowd, zone: [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]], per_m2: [3, 2]}\n"), []string{"edge.yaml:7: cameras[0].rules[0].per_m2[1]: 2 does not rise above the level before it: name the levels from the lowest on"}},
	{"density in the sky", camera("    ground: {height_m: 5, tilt_deg: 5, hfov_deg: 60}\n    rules:\n      - {id: r, kind: crowd, zone: [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]], per_m2: [2, 3]}\n"), []string{"edge.yaml:7: cameras[0].rules[0].per_m2: the zone's area on the ground is not known: keep it below the horizon and larger than 1 m²"}},
	{"no density", ofKind("crowd", "        per_m2: []\n"), []string{"edge.yaml:9: cameras[0].rules[0].per_m2: this has 0 levels: from 1 to 5 can be named, such as [2, 3, 5]"}},
	{"half a person", ofKind("crowd", "        count: 2.5\n"), []string{"edge.yaml:9: cameras[0].rules[0].count: 2.5 must be a whole number"}},
	{"dwell of a fire", ofKind("fire", "        dwell_s: 5\n"), []string{"edge.yaml:9: cameras[0].rules[0].dwell_s: a rule of kind fire has no dwell_s: remove it"}},
	{"owner of a fire", ofKind("fire", "        owner_s: 5\n        count: 2\n"), []string{
		"edge.yaml:9: cameras[0].rules[0].owner_s: a rule of kind fire has no owner_s: remove it",
		"edge.yaml:10: cameras[0].rules[0].count: a rule of kind fire has no count: remove it",
	}},
	{"direction of a zone", ofKind("stopped-vehicle", "        direction: both\n"), []string{"edge.yaml:9: cameras[0].rules[0].direction: a rule of kind stopped-vehicle has no direction: remove it"}},
	{"wrong way without an arrow", rule("        kind: wrong-way\n"), []string{
		"edge.yaml:6: cameras[0].rules[0].zone: a rule of kind wrong-way needs a zone: a list of [x, y] points, 0..1 of the picture",
		"edge.yaml:6: cameras[0].rules[0].line: a wrong-way rule needs a line, the arrow along which one may go: [[x, y], [x, y]], 0..1 of the picture",
	}},
	{"closed when?", ofKind("closed-area", ""), []string{`edge.yaml:6: cameras[0].rules[0].schedule: a closed-area rule needs schedule: the times at which the area is closed, such as ["mon-fri 22:00-06:00"]`}},
	{"never", ofKind("closed-area", "        schedule: []\n"), []string{`edge.yaml:9: cameras[0].rules[0].schedule: this names no time: list at least one, such as "mon-fri 22:00-06:00", or leave the key out`}},
	{"day", ofKind("fall", "        schedule: [\"mon-fry 22:00-06:00\"]\n"), []string{`edge.yaml:9: cameras[0].rules[0].schedule[0]: "mon-fry 22:00-06:00": "mon-fry" is no day of the week: use mon, tue, wed, thu, fri, sat, sun, ranges such as mon-fri, and commas`}},
	{"hour", ofKind("fall", "        schedule: [\"22:00-25:00\", \"9:00-10:00\", \"22:60-23:00\", \"10-12\"]\n"), []string{
		`edge.yaml:9: cameras[0].rules[0].schedule[0]: "22:00-25:00": "25:00" is no time of the day: use 00:00 to 24:00`,
		`edge.yaml:9: cameras[0].rules[0].schedule[1]: "9:00-10:00": "9:00" is no time of the day: use 00:00 to 24:00`,
		`edge.yaml:9: cameras[0].rules[0].schedule[2]: "22:60-23:00": "22:60" is no time of the day: use 00:00 to 24:00`,
		`edge.yaml:9: cameras[0].rules[0].schedule[3]: "10-12": "10" is no time of the day: use 00:00 to 24:00`,
	}},
	{"times", ofKind("fall", "        schedule: [\"sat\", \"10:00-10:00\", \"24:00-06:00\", \"mon 1:00 - 2:00\", 7]\n"), []string{
		`edge.yaml:9: cameras[0].rules[0].schedule[0]: "sat": a time of the day is written from-to, such as 22:00-06:00`,
		`edge.yaml:9: cameras[0].rules[0].schedule[1]: "10:00-10:00": this begins and ends at the same time: a whole day is 00:00-24:00`,
		`edge.yaml:9: cameras[0].rules[0].schedule[2]: "24:00-06:00": a day begins at 00:00, not at 24:00`,
		`edge.yaml:9: cameras[0].rules[0].schedule[3]: "mon 1:00 - 2:00": write days and times with one blank between, such as mon-fri 22:00-06:00`,
		`edge.yaml:9: cameras[0].rules[0].schedule[4]: "7": a time of the day is written from-to, such as 22:00-06:00`,
	}},
	{"time zone", "edge: {timezone: Seoul}\n", []string{`edge.yaml:1: edge.timezone: "Seoul" is no time zone: use a name such as Asia/Seoul or UTC`}},
	{"time zone of the box", "edge: {timezone: Local}\n", []string{`edge.yaml:1: edge.timezone: "Local" is no time zone: use a name such as Asia/Seoul or UTC`}},
	{"ground without a tilt", grounded("{height_m: 5, hfov_deg: 60}"), []string{"edge.yaml:5: cameras[0].ground.tilt_deg: the ground is not told: give height_m, tilt_deg and hfov_deg, or four points with their places in metres: `bongsu-edge camera calibrate` helps"}},
	{"ground far up", grounded("{height_m: 500, tilt_deg: 30, hfov_deg: 60}"), []string{"edge.yaml:5: cameras[0].ground.height_m: 500 is out of range: it must be from 0.5 to 200"}},
	{"ground unseen", grounded("{height_m: 200, tilt_deg: 0, hfov_deg: 1}"), []string{"edge.yaml:5: cameras[0].ground: no ground within 1000 m is seen in the lower half of the picture: the horizon lies too low"}},
	{"ground said twice", grounded("{height_m: 5, points: [[[0.2, 0.9], [0, 0]], [[0.8, 0.9], [4, 0]], [[0.7, 0.5], [4, 8]], [[0.3, 0.5], [0, 8]]]}"), []string{"edge.yaml:5: cameras[0].ground.height_m: this beside points says the same thing twice: keep one of the two"}},
	{"ground of three", grounded("{points: [[[0.2, 0.9], [0, 0]], [[0.8, 0.9], [4, 0]], [[0.7, 0.5], [4, 8]]]}"), []string{"edge.yaml:5: cameras[0].ground.points: this has 3 points: four are needed, each as [[x, y], [X, Y]] with x and y of the picture and X and Y in metres"}},
	{"ground on a line", grounded("{points: [[[0.2, 0.9], [0, 0]], [[0.8, 0.9], [4, 0]], [[0.7, 0.5], [8, 0]], [[0.3, 0.5], [0, 8]]]}"), []string{"edge.yaml:5: cameras[0].ground: points 1, 2 and 3 lie on one line on the ground: choose the corners of an area, far apart"}},
	{"ground of singles", grounded("{points: [[0.2, 0.9], [[0.8, 0.9], [4]], [[0.7, 0.5], [4, 8]], [[0.3, 0.5], [0, 8]]]}"), []string{
		"edge.yaml:5: cameras[0].ground.points[0][0]: this must be a list, not a number",
		"edge.yaml:5: cameras[0].ground.points[0][1]: this must be a list, not a number",
		"edge.yaml:5: cameras[0].ground.points[0]: a measured point is [[x, y], [X, Y]]: a place of the picture, and metres to the right and away",
		"edge.yaml:5: cameras[0].ground.points[1]: a measured point is [[x, y], [X, Y]]: a place of the picture, and metres to the right and away",
	}},
	{"ground key", grounded("{hight_m: 5}"), []string{
		`edge.yaml:5: cameras[0].ground.hight_m: unknown key; did you mean "height_m"?`,
	}},
	{"wrong ground, density", camera("    ground: {height_m: 5}\n    rules:\n      - {id: r, kind: crowd, zone: [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]], per_m2: [2]}\n"), []string{
		"edge.yaml:5: cameras[0].ground.tilt_deg: the ground is not told: give height_m, tilt_deg and hfov_deg, or four points with their places in metres: `bongsu-edge camera calibrate` helps",
	}},
}

func TestSchedules(t *testing.T) {
	for text, want := range map[string]bongsu.Span{
		"22:00-06:00":            {Days: 127, From: 1320, To: 360},
		"sat,sun 00:00-24:00":    {Days: 0b1000001, To: 1440},
		"fri-mon 08:30-12:00":    {Days: 0b1100011, From: 510, To: 720},
		"MON,wed-thu 1:00-02:00": {},
		"wed 23:59-00:00":        {Days: 0b0001000, From: 1439},
		"mon-mon 10:00-11:00":    {Days: 0b0000010, From: 600, To: 660},
	} {
		got, err := parseSpan(text)
		if (err == nil) != (want.Days != 0) || err == nil && got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
}

// FuzzSchedule: what is accepted is a time of the week.
func FuzzSchedule(f *testing.F) {
	for _, s := range []string{"mon-fri 22:00-06:00", "sat,sun 00:00-24:00", "22:00-06:00", "fri-mon 1:00-2:00", "--", ",", "mon- 00:00-00:00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parseSpan(text)
		if err == nil && (s.Days == 0 || s.Days > 127 || s.From < 0 || s.From >= 1440 || s.To < 0 || s.To > 1440 || s.From == s.To) {
			t.Errorf("%q is %+v", text, s)
		}
	})
}

// TestGroundAndZoneOfTimeAreChanges: cameras are told of both, and the node is not started anew for them.
func TestGroundAndZoneOfTimeAreChanges(t *testing.T) {
	read := func(file string) (Config, []link.Assignment) {
		c, err := Parse("edge.yaml", []byte(file))
		if err != nil {
			t.Fatal(err)
		}
		as, _ := c.Assignments(OS)
		return c, as
	}
	c, was := read(everyKind)
	for _, edit := range [][2]string{{"height_m: 5", "height_m: 6"}, {"Europe/London", "Asia/Seoul"}, {"count: 30", "count: 31"}, {"exclude: [[[0, 0]", "exclude: [[[0.1, 0]"}} {
		changed, is := read(strings.Replace(everyKind, edit[0], edit[1], 1))
		if d := Diff(was, is); len(d.Changed) != 1 || len(NeedsRestart(c, changed)) != 0 {
			t.Errorf("%v: %+v, %v", edit, d, NeedsRestart(c, changed))
		}
	}
	if _, same := read(everyKind); !Diff(was, same).Empty() {
		t.Error("the same file is a change")
	}
	if _, err := Parse("edge.yaml", []byte(strings.Replace(everyKind, "traffic-information", "traffic-enforcement", 1))); err != nil {
		t.Error(err)
	}
}

// TestCameraOfTheBrowserKeepsItsKeys: what is written down comes back as it was, whatever its form.
func TestCameraOfTheBrowserKeepsItsKeys(t *testing.T) {
	c, err := Parse("edge.yaml", []byte(everyKind))
	if err != nil {
		t.Fatal(err)
	}
	cam := &c.Cameras[0]
	text, err := writeCameras([]map[string]any{cam.Written()})
	if err != nil {
		t.Fatal(err)
	}
	again, err := parseManaged("cameras.yaml", text, c.Defaults)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if !reflect.DeepEqual(again[0].Rules, cam.Rules) || !reflect.DeepEqual(again[0].Written(), cam.Written()) || !reflect.DeepEqual(again[0].Ground, cam.Ground) {
		t.Errorf("%s", text)
	}
}
