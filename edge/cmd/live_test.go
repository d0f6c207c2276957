package cmd

import (
	"testing"
	"time"
)

func TestUrgency(t *testing.T) {
	waiting, now := 0, time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	u := &urgency{waiting: func() int { return waiting }, now: func() time.Time { return now }}
	for _, step := range []struct {
		after   time.Duration
		waiting int
		want    bool
	}{
		{0, 0, false},
		{time.Second, 100, false},             // they have only come
		{time.Second, 100, false},             // a second
		{time.Second, 100, true},              // two
		{100 * time.Millisecond, 0, true},     // not looked at yet
		{time.Second, yieldEvents - 1, false}, // a few are always on their way
		{time.Second, 100, false},
		{3 * time.Second, 100, true},
	} {
		now = now.Add(step.after)
		waiting = step.waiting
		if got := u.long(); got != step.want {
			t.Fatalf("%v with %d waiting: %v", now.Sub(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)), waiting, got)
		}
	}
}
