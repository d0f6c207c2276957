package scene

import (
	"fmt"
	"strings"
	"testing"

	"bongsu/streams/truth"
)

const crossroads = `schema: 1
name: crossroads
title: 시험
duration_s: 30
camera: {height_m: 5, tilt_deg: 18, focal_mm: 4, width_px: 160, height_px: 90, fps: 5}
light: {time: noon}
actors:
ACTORS
`

// yardZone is the ground from 4 m left to 4 m right, 10 to 15 m away.
const yardZone = "polygon: [[0.23, 0.7], [0.31, 0.51], [0.69, 0.51], [0.77, 0.7]]"

// TestZonesAndLines has a row for each kind of zone and line: what is done, and which events that is.
func TestZonesAndLines(t *testing.T) {
	visitor := "  - {id: a, kind: person, at: [-9, 12.5], do: [{act: walk, to: [[0, 12.5]], speed_ms: 1.5}, {act: stand, for_s: 5}, {act: walk, to: [[9, 12.5]], speed_ms: 1.5}]}\n"
	car := "  - {id: c, kind: car, at: [-12, 12.5], do: [{act: drive, to: [[0, 12.5]], speed_ms: 6}, {act: stand, for_s: STANDS}, {act: drive, to: [[12, 12.5]], speed_ms: 6}]}\n"
	five := ""
	for _, id := range []string{"p", "q", "r", "s", "u"} {
		five += strings.ReplaceAll(visitor, "id: a,", "id: "+id+",")
	}
	carried := "  - {id: o, kind: person, at: [-4, 12], do: [{act: walk, to: [[0, 12]]}, {act: leave, with: b}, THEN]}\n  - {id: b, kind: bag, carried_by: o, size_m: 0.7}\n"
	for _, row := range []struct {
		name, scene string
		want        string // kinds and seconds of their beginnings
	}{
		{"closed all the time", visitor + "zones:\n  - {name: z, kind: closed-area, " + yardZone + "}\n", "closed-area 3"},
		{"closes while somebody is there", visitor + "zones:\n  - {name: z, kind: closed-area, from_s: 8, " + yardZone + "}\n", "closed-area 8"},
		{"open again", visitor + "zones:\n  - {name: z, kind: closed-area, from_s: 0, until_s: 2, " + yardZone + "}\n", ""},
		{"masked", visitor + "zones:\n  - {name: z, kind: intrusion, " + yardZone + ", exclude: [[[0, 0], [1, 0], [1, 1], [0, 1]]]}\n", ""},
		{"stops too long", strings.Replace(car, "STANDS", "12", 1) + "zones:\n  - {name: z, kind: no-stopping, " + yardZone + "}\n", "stopped-vehicle 2"},
		{"stops for a moment", strings.Replace(car, "STANDS", "4", 1) + "zones:\n  - {name: z, kind: no-stopping, " + yardZone + "}\n", ""},
		{"stops as long as one may", strings.Replace(car, "STANDS", "12", 1) + "zones:\n  - {name: z, kind: no-stopping, dwell_s: 20, " + yardZone + "}\n", ""},
		{"against the arrow", strings.Replace(car, "STANDS", "1", 1) + "zones:\n  - {name: z, kind: wrong-way, points: [[0.7, 0.6], [0.3, 0.6]], " + yardZone + "}\n", "wrong-way 1"},
		{"along the arrow", strings.Replace(car, "STANDS", "1", 1) + "zones:\n  - {name: z, kind: wrong-way, points: [[0.3, 0.6], [0.7, 0.6]], " + yardZone + "}\n", ""},
		{"five are a crowd", five + "zones:\n  - {name: z, kind: crowd, count: 5, " + yardZone + "}\n", "crowd 3"},
		{"five are none of six", five + "zones:\n  - {name: z, kind: crowd, count: 6, " + yardZone + "}\n", ""},
		{"crosses a line", visitor + "lines:\n  - {name: l, kind: crossing, points: [[0.44, 0.3], [0.44, 0.9]], forbidden: both}\n", "line-crossing 5"},
		{"a car crosses a line for people", strings.Replace(car, "STANDS", "1", 1) + "lines:\n  - {name: l, kind: crossing, points: [[0.45, 0.3], [0.45, 0.9]], forbidden: both}\n", ""},
		{"leaves a bag", strings.Replace(carried, "THEN", "{act: walk, to: [[9, 12]], speed_ms: 1.5}", 1), "abandoned-bag 6"},
		{"stays with the bag", strings.Replace(carried, "THEN", "{act: stand}", 1), ""},
		{"comes back to the bag", strings.Replace(carried, "THEN", "{act: walk, to: [[3, 12]], speed_ms: 1.5}, {act: walk, to: [[0.5, 12]], speed_ms: 1.5}, {act: stand}", 1), ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			r, err := New(parsed(t, strings.Replace(crossroads, "ACTORS\n", row.scene, 1)), Options{Rays: 1})
			if err != nil {
				t.Fatal(err)
			}
			seq, err := r.Truth(nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := told(seq); got != row.want {
				t.Errorf("got %q, want %q", got, row.want)
			}
		})
	}
}

// told are the events and the full seconds of their beginnings.
func told(seq *truth.Sequence) string {
	var out []string
	for i := range seq.Events {
		e := &seq.Events[i]
		out = append(out, fmt.Sprint(e.Kind, " ", int(e.Start().Seconds())))
	}
	return strings.Join(out, ", ")
}
