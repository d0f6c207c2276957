package rules

import (
	"fmt"
	"time"

	"bongsu"
)

const dayMinutes = 24 * 60

// scheduled reports whether at lies in one of the spans, as the clock on the wall in that place shows
// it: where summer time skips an hour nothing of a span in it is left, where it repeats one a span in
// it lasts twice as long. No spans mean always.
func scheduled(spans []bongsu.Span, at time.Time, in *time.Location) bool {
	if len(spans) == 0 {
		return true
	}
	local := at.In(in)
	today := local.Weekday()
	hour, minute, _ := local.Clock()
	now := hour*60 + minute
	for _, s := range spans {
		switch {
		case s.From < s.To:
			if onDay(s, today) && now >= s.From && now < s.To {
				return true
			}
		case onDay(s, today) && now >= s.From, onDay(s, (today+6)%7) && now < s.To: // it ends on the next day
			return true
		}
	}
	return false
}

// checkSchedule says what is wrong with the spans of a rule, or nothing.
func checkSchedule(spans []bongsu.Span) error {
	for i, s := range spans {
		switch {
		case s.Days == 0 || s.Days > 0x7f:
			return fmt.Errorf("schedule %d: it is on no day of the week", i+1)
		case s.From < 0 || s.From >= dayMinutes || s.To < 0 || s.To > dayMinutes:
			return fmt.Errorf("schedule %d: minutes %d to %d are not within a day of %d", i+1, s.From, s.To, dayMinutes)
		}
	}
	return nil
}

func onDay(s bongsu.Span, day time.Weekday) bool { return s.Days>>day&1 == 1 }
