package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"bongsu"
)

// points are where an event and its deciding frame are stamped, in the order in which they must
// be passed.
var points = []string{"last packet", "decoded", "inferred", "fired", "durable", "sent", "received", "alerted", "painted"}

// Indices of points that floors speak of.
const (
	atPacket  = 0
	atDecoded = 1
	atDurable = 4
	atAlerted = 7
	atPainted = 8
)

// trip is one event's stamps in Unix microseconds, by point; 0: not passed.
type trip [9]int64

// tripOf reads the stamps of an event's first revision; paintedUS is 0 for an event that joined
// a card that was there.
func tripOf(s bongsu.Stamps, paintedUS int64) trip {
	return trip{s.PacketUS, s.DecodedUS, s.InferredUS, s.FiredUS, s.DurableUS, s.SentUS, s.ReceivedUS, s.AlertedUS, paintedUS}
}

// flaw says which stamp is missing or earlier than the one before it; "" when none is. That an
// event was not painted is no flaw.
func (t trip) flaw() string {
	for i, at := range t {
		switch {
		case at == 0 && i == atPainted:
		case at == 0:
			return points[i] + " has no stamp"
		case i > 0 && at < t[i-1]:
			return fmt.Sprintf("%s is stamped %d µs before %s", points[i], t[i-1]-at, points[i-1])
		}
	}
	return ""
}

// spread is a set of durations in order.
type spread []time.Duration

// quantile is the smallest value that at least q of all are at or below: the nearest rank, so
// that it is one that was measured.
func (s spread) quantile(q float64) time.Duration {
	if len(s) == 0 {
		return 0
	}
	return s[max(int(math.Ceil(q*float64(len(s))))-1, 0)]
}

func newSpread(all []time.Duration) spread {
	s := spread(slices.Clone(all))
	slices.Sort(s)
	return s
}

// between gathers how long the trips took from one point to another.
func between(trips []trip, from, to int) spread {
	var all []time.Duration
	for _, t := range trips {
		if t[from] != 0 && t[to] != 0 {
			all = append(all, time.Duration(t[to]-t[from])*time.Microsecond)
		}
	}
	return newSpread(all)
}

// hopTable shows each hop and the sums. Those from the decoder on leave out the wait for pictures
// that are shown earlier but sent later, which is the stream's own.
func hopTable(trips []trip) table {
	t := table{head: []string{"hop", "p50 ms", "p95 ms", "max ms", "n"}}
	row := func(from, to int) {
		s := between(trips, from, to)
		t.rows = append(t.rows, []string{points[from] + " → " + points[to], millis(s.quantile(0.5)), millis(s.quantile(0.95)), millis(s.quantile(1)), fmt.Sprint(len(s))})
	}
	for i := 1; i < len(points); i++ {
		row(i-1, i)
	}
	row(atDecoded, atDurable)
	row(atDecoded, atPainted)
	row(atPacket, atDurable)
	row(atPacket, atAlerted)
	row(atPacket, atPainted)
	return t
}

func millis(d time.Duration) string {
	return fmt.Sprintf("%.1f", float64(d.Microseconds())/1000)
}

// table is a table for people.
type table struct {
	head []string
	rows [][]string
}

// text lines the columns up, the first to the left and the others to the right.
func (t table) text() string {
	widths := make([]int, len(t.head))
	all := append([][]string{t.head}, t.rows...)
	for _, row := range all {
		for i, cell := range row {
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	var b strings.Builder
	for _, row := range all {
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-len([]rune(cell)))
			if i == 0 {
				b.WriteString("  " + cell + pad)
			} else {
				b.WriteString("  " + pad + cell)
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// markdown is the same as a Markdown table.
func (t table) markdown() string {
	var b strings.Builder
	b.WriteString("| " + strings.Join(t.head, " | ") + " |\n|---" + strings.Repeat("|---:", len(t.head)-1) + "|\n")
	for _, row := range t.rows {
		b.WriteString("| " + strings.Join(row, " | ") + " |\n")
	}
	return b.String()
}
