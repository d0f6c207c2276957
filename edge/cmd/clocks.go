package cmd

import (
	"time"

	"golang.org/x/sys/unix"
)

// sinceBoot is the box's monotonic clock, suspended time included (CLOCK_BOOTTIME).
func sinceBoot() time.Duration {
	var ts unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts) != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}

// wallQuality asks the kernel whether a time service keeps the wall clock (adjtimex(2)).
func wallQuality() string {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	switch {
	case err != nil:
		return "unknown"
	case state == unix.TIME_ERROR || t.Status&unix.STA_UNSYNC != 0:
		return "unsynchronised"
	}
	return "synchronised"
}
