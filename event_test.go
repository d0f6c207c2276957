package bongsu

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
)

// wholeEvent has every field set.
func wholeEvent() Event {
	at := time.Date(2026, 3, 1, 9, 0, 0, 123456000, time.UTC)
	return Event{
		ID: NewEventID(at), Revision: 3, Edge: "e", Camera: "gate", CameraName: "정문", Run: NewRunID(at), Rule: "yard",
		Kind: KindIntrusion, Priority: PriorityHigh, State: EventClosed, CloseReason: CloseEnded,
		Start: at, Fired: at.Add(time.Second), End: at.Add(time.Minute),
		Clock: Clock{CameraClaim: at.Add(-time.Hour), MonotonicUS: 5, WallQuality: "synchronised", MediaPTSUS: 6},
		Class: ClassPerson, Score: 0.75, Track: 1<<63 + 1, Box: Box{0.1, 0.2, 0.3, 0.4},
		Zone: []Point{{0, 0}, {1, 0}, {1, 1}}, Line: []Point{{0, 0}, {1, 1}}, Direction: DirectionLeftToRight,
		Trail: []TrailPoint{{At: at, Box: Box{0, 0, 0.5, 0.5}}}, Reasons: []Reason{{Name: "score", Value: 0.75, Threshold: 0.5}},
		Model:       ModelRef{Name: "m", Version: "1", SHA256: strings.Repeat("a", 64)},
		RuleVersion: "0123456789ab", Frames: []DecidingFrame{{At: at, PTSUS: 6, Seq: 7, Box: Box{0.1, 0.2, 0.3, 0.4}, Score: 0.75}}, Count: 3, ClipParts: 2, Tainted: true, Unspooled: true,
		Stamps: Stamps{1, 2, 3, 4, 5, 6, 7, 8},
	}
}

func TestEventGoesThroughJSONWhole(t *testing.T) {
	want := wholeEvent()
	v := reflect.ValueOf(want)
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			t.Fatalf("wholeEvent leaves %s empty: this test would not see it lost", v.Type().Field(i).Name)
		}
	}
	data, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got Event
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestEventFieldNames(t *testing.T) {
	data, err := json.Marshal(wholeEvent())
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{
		`"camera_name":"정문"`, `"kind":"intrusion"`, `"priority":"high"`, `"state":"closed"`, `"close_reason":"ended"`,
		`"start":"2026-03-01T09:00:00.123456Z"`, `"monotonic_us":5`, `"media_pts_us":6`, `"box":{"x0":0.1,"y0":0.2,"x1":0.3,"y1":0.4}`,
		`"direction":"left-to-right"`, `"reasons":[{"name":"score","value":0.75,"threshold":0.5}]`, `"packet_us":1`,
		`"rule_version":"0123456789ab"`, `"pts_us":6,"seq":7,`,
	} {
		if !strings.Contains(string(data), part) {
			t.Errorf("%s is not in %s", part, data)
		}
	}
	open := Event{ID: "i", Revision: 1, State: EventOpen}
	data, err = json.Marshal(open)
	if err != nil {
		t.Fatal(err)
	}
	for _, absent := range []string{`"end"`, `"camera_claim"`, `"zone"`, `"close_reason"`, `"edge"`} {
		if strings.Contains(string(data), absent) {
			t.Errorf("an open event says %s: %s", absent, data)
		}
	}
}

func TestKeys(t *testing.T) {
	e := wholeEvent()
	if e.Key() != (EventKey{e.ID, 3}) {
		t.Errorf("%+v", e.Key())
	}
	c := Clip{Event: e.ID, Part: 2, DurationUS: 1_500_000}
	if c.Key() != (ClipKey{e.ID, 2}) || c.Duration() != 1500*time.Millisecond {
		t.Errorf("%+v, %s", c.Key(), c.Duration())
	}
}

func TestPriorities(t *testing.T) {
	order := []Priority{PriorityCritical, PriorityHigh, PriorityMedium, PriorityLow, "unknown"}
	for i, p := range order {
		if p.Rank() != i {
			t.Errorf("%s ranks %d, want %d", p, p.Rank(), i)
		}
	}
	for kind, want := range map[EventKind]Priority{KindIntrusion: PriorityHigh, KindLineCrossing: PriorityMedium, KindLoitering: PriorityMedium, "other": PriorityLow} {
		if got := DefaultPriority(kind); got != want {
			t.Errorf("%s: %s, want %s", kind, got, want)
		}
	}
	seen := map[Verdict]bool{}
	for _, v := range Verdicts() {
		if v == "" || seen[v] {
			t.Errorf("verdict %q twice or empty", v)
		}
		seen[v] = true
	}
}

// owner counts what Frame does to it.
type owner struct{ held int }

func (o *owner) Retain()  { o.held++ }
func (o *owner) Release() { o.held-- }

func TestFrameCountsItsOwner(t *testing.T) {
	o := &owner{held: 1}
	f := Frame{Owner: o}
	f.Retain()
	f.Release()
	f.Release()
	if o.held != 0 {
		t.Errorf("%d references left", o.held)
	}
	plain := Frame{}
	plain.Retain()
	plain.Release()
}
