package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // a box without time zone files must know its zone, too

	"bongsu"
)

// Location gives the time zone of a name such as Asia/Seoul. The program brings the list of zones.
func Location(name string) (*time.Location, error) {
	loc, err := time.LoadLocation(name)
	if err != nil || name == "" || name == "Local" {
		return nil, fmt.Errorf("%q is no time zone: use a name such as Asia/Seoul or UTC", name)
	}
	return loc, nil
}

// weekdays as they are written; their place is the bit of a Span.
var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// everyDay has the bits of all of them.
const everyDay = 1<<7 - 1

// maxSpans is how many times a rule's schedule may name.
const maxSpans = 16

// spans reads a schedule.
func (v value) spans() (all []bongsu.Span) {
	items := v.items()
	switch {
	case len(items) == 0:
		v.fail("this names no time: list at least one, such as \"mon-fri 22:00-06:00\", or leave the key out")
	case len(items) > maxSpans:
		v.fail("this has %d times: at most %d can be named", len(items), maxSpans)
		return nil
	}
	for _, item := range items {
		var text string
		if !item.text(&text) {
			continue
		}
		s, err := parseSpan(text)
		if err != nil {
			item.fail("%q: %v", text, err)
			continue
		}
		all = append(all, s)
	}
	return all
}

// parseSpan reads times of the week such as "mon-fri 22:00-06:00", "sat,sun 00:00-24:00" or, for
// every day, "22:00-06:00". A span that ends before it begins ends on the next day.
func parseSpan(text string) (bongsu.Span, error) {
	words := strings.Fields(strings.ToLower(text))
	s := bongsu.Span{Days: everyDay}
	switch len(words) {
	case 1:
	case 2:
		days, err := parseDays(words[0])
		if err != nil {
			return s, err
		}
		s.Days, words = days, words[1:]
	default:
		return s, fmt.Errorf("write days and times with one blank between, such as mon-fri 22:00-06:00")
	}
	from, to, found := strings.Cut(words[0], "-")
	var err error
	if !found {
		return s, fmt.Errorf("a time of the day is written from-to, such as 22:00-06:00")
	}
	if s.From, err = parseMinute(from); err != nil {
		return s, err
	}
	if s.To, err = parseMinute(to); err != nil {
		return s, err
	}
	switch s.From {
	case 24 * 60:
		return s, fmt.Errorf("a day begins at 00:00, not at 24:00")
	case s.To:
		return s, fmt.Errorf("this begins and ends at the same time: a whole day is 00:00-24:00")
	}
	return s, nil
}

// parseDays reads "mon-fri", "sat,sun" or both mixed; a range may go over the end of the week.
func parseDays(text string) (days uint8, err error) {
	for part := range strings.SplitSeq(text, ",") {
		first, last, ranged := strings.Cut(part, "-")
		from := slices.Index(weekdays, first)
		to := from
		if ranged {
			to = slices.Index(weekdays, last)
		}
		if from < 0 || to < 0 {
			return 0, fmt.Errorf("%q is no day of the week: use mon, tue, wed, thu, fri, sat, sun, ranges such as mon-fri, and commas", part)
		}
		for day := from; ; day = (day + 1) % 7 {
			days |= 1 << day
			if day == to {
				break
			}
		}
	}
	return days, nil
}

// parseMinute reads 00:00 to 24:00 into minutes after midnight.
func parseMinute(text string) (int, error) {
	hour, minute, found := strings.Cut(text, ":")
	h, errH := strconv.ParseUint(hour, 10, 8)
	m, errM := strconv.ParseUint(minute, 10, 8)
	if !found || len(hour) != 2 || len(minute) != 2 || errH != nil || errM != nil || m > 59 || h > 24 || h == 24 && m > 0 {
		return 0, fmt.Errorf("%q is no time of the day: use 00:00 to 24:00", text)
	}
	return int(60*h + m), nil
}
