package rules

import (
	"testing"
	"time"

	"bongsu"
)

func TestScheduled(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Skip("no time zones on this machine: ", err)
	}
	at := func(s string) time.Time {
		v, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	everyDay := uint8(127)
	for _, c := range []struct {
		name  string
		spans []bongsu.Span
		at    time.Time
		want  bool
	}{
		{"no spans", nil, at("2026-03-01T00:00:00Z"), true},
		{"before", []bongsu.Span{{Days: everyDay, From: 540, To: 1080}}, at("2026-03-02T07:59:59Z"), false}, // 08:59:59
		{"its first minute", []bongsu.Span{{Days: everyDay, From: 540, To: 1080}}, at("2026-03-02T08:00:00Z"), true},
		{"its end is outside", []bongsu.Span{{Days: everyDay, From: 540, To: 1080}}, at("2026-03-02T17:00:00Z"), false},
		{"over midnight, before", []bongsu.Span{{Days: 1 << time.Friday, From: 1320, To: 300}}, at("2026-03-06T21:30:00Z"), true},
		{"over midnight, after", []bongsu.Span{{Days: 1 << time.Friday, From: 1320, To: 300}}, at("2026-03-07T03:30:00Z"), true},
		{"over midnight, the next night", []bongsu.Span{{Days: 1 << time.Friday, From: 1320, To: 300}}, at("2026-03-07T21:30:00Z"), false},
		{"a whole day", []bongsu.Span{{Days: 1 << time.Sunday, From: 0, To: 1440}}, at("2026-03-01T22:59:59Z"), true},
		{"and no more", []bongsu.Span{{Days: 1 << time.Sunday, From: 0, To: 1440}}, at("2026-03-01T23:00:00Z"), false},
		{"from and to the same minute is a day", []bongsu.Span{{Days: 1 << time.Sunday, From: 60, To: 60}}, at("2026-03-01T23:30:00Z"), true}, // Monday 00:30
		{"two spans", []bongsu.Span{{Days: everyDay, From: 0, To: 1}, {Days: everyDay, From: 600, To: 601}}, at("2026-03-02T09:00:30Z"), true},
		// In Paris the clock goes from 02:00 to 03:00 on 29 March 2026, and from 03:00 back to 02:00 on 25 October.
		{"the hour that is skipped", []bongsu.Span{{Days: everyDay, From: 120, To: 180}}, at("2026-03-29T01:00:00Z"), false}, // 03:00 already
		{"just before it", []bongsu.Span{{Days: everyDay, From: 60, To: 120}}, at("2026-03-29T00:59:59Z"), true},
		{"the hour that comes twice, first", []bongsu.Span{{Days: everyDay, From: 120, To: 180}}, at("2026-10-25T00:30:00Z"), true},
		{"the hour that comes twice, again", []bongsu.Span{{Days: everyDay, From: 120, To: 180}}, at("2026-10-25T01:30:00Z"), true},
		{"after both", []bongsu.Span{{Days: everyDay, From: 120, To: 180}}, at("2026-10-25T02:00:00Z"), false},
		{"a night over the change", []bongsu.Span{{Days: 1 << time.Saturday, From: 1320, To: 360}}, at("2026-03-29T03:59:59Z"), true}, // 05:59:59
		{"its end by the clock on the wall", []bongsu.Span{{Days: 1 << time.Saturday, From: 1320, To: 360}}, at("2026-03-29T04:00:00Z"), false},
	} {
		if got := scheduled(c.spans, c.at, paris); got != c.want {
			t.Errorf("%s: %v at %s", c.name, got, c.at.In(paris))
		}
	}
}

// TestScheduleCoversTheYear: of every day of a year with summer time, a span of two hours is watched
// for two hours, but for the days on which the clock is set.
func TestScheduleCoversTheYear(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Skip("no time zones on this machine: ", err)
	}
	span := []bongsu.Span{{Days: 127, From: 90, To: 210}} // 01:30 to 03:30
	minutes := map[int]int{}
	for at := time.Date(2026, 1, 1, 0, 0, 0, 0, paris); at.Year() == 2026; at = at.Add(time.Minute) {
		if scheduled(span, at, paris) {
			minutes[at.In(paris).YearDay()]++
		}
	}
	for day := 1; day <= 365; day++ {
		want := 120
		switch date := time.Date(2026, 1, day, 12, 0, 0, 0, paris); {
		case date.Month() == time.March && date.Day() == 29:
			want = 60
		case date.Month() == time.October && date.Day() == 25:
			want = 180
		}
		if minutes[day] != want {
			t.Errorf("day %d: %d minutes, want %d", day, minutes[day], want)
		}
	}
}

func TestCheckSchedule(t *testing.T) {
	for want, span := range map[string]bongsu.Span{
		"schedule 1: it is on no day of the week":                     {From: 1, To: 2},
		"schedule 1: minutes 1440 to 2 are not within a day of 1440":  {Days: 1, From: 1440, To: 2},
		"schedule 1: minutes 0 to 1441 are not within a day of 1440":  {Days: 1, To: 1441},
		"schedule 1: minutes -1 to 1440 are not within a day of 1440": {Days: 1, From: -1, To: 1440},
	} {
		if err := checkSchedule([]bongsu.Span{span}); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if err := checkSchedule([]bongsu.Span{{Days: 127, From: 0, To: 1440}}); err != nil {
		t.Error(err)
	}
}
