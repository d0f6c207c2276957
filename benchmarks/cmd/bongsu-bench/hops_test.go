package main

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"bongsu"
)

func TestQuantileIsTheNearestRank(t *testing.T) {
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	var hundred []time.Duration
	for i := range 100 {
		hundred = append(hundred, ms(i+1))
	}
	rand.Shuffle(100, func(i, j int) { hundred[i], hundred[j] = hundred[j], hundred[i] })
	for _, c := range []struct {
		of   []time.Duration
		q    float64
		want time.Duration
	}{
		{nil, 0.95, 0},
		{[]time.Duration{ms(7)}, 0.5, ms(7)},
		{[]time.Duration{ms(7)}, 0.95, ms(7)},
		{[]time.Duration{ms(2), ms(1)}, 0.5, ms(1)},
		{[]time.Duration{ms(3), ms(1), ms(2)}, 0.5, ms(2)},
		{hundred, 0.5, ms(50)},
		{hundred, 0.95, ms(95)},
		{hundred, 1, ms(100)},
		{hundred[:20], 0, newSpread(hundred[:20])[0]},
	} {
		if got := newSpread(c.of).quantile(c.q); got != c.want {
			t.Errorf("quantile %g of %d: %v, want %v", c.q, len(c.of), got, c.want)
		}
	}
}

func whole() bongsu.Stamps {
	return bongsu.Stamps{PacketUS: 1000, DecodedUS: 2000, InferredUS: 4000, FiredUS: 4000, DurableUS: 9000, SentUS: 10000, ReceivedUS: 12000, AlertedUS: 15000}
}

func TestFlawsOfStamps(t *testing.T) {
	late, missing := whole(), whole()
	late.SentUS, missing.DecodedUS = 8999, 0
	for _, c := range []struct {
		name    string
		s       bongsu.Stamps
		painted int64
		want    string
	}{
		{"whole", whole(), 20000, ""},
		{"joined a card", whole(), 0, ""},
		{"painted before the alert", whole(), 14999, "painted is stamped 1 µs before alerted"},
		{"sent before it was durable", late, 20000, "sent is stamped 1 µs before durable"},
		{"not decoded", missing, 20000, "decoded has no stamp"},
		{"nothing", bongsu.Stamps{}, 0, "last packet has no stamp"},
	} {
		if got := tripOf(c.s, c.painted).flaw(); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestHopsAddUp(t *testing.T) {
	trips := []trip{tripOf(whole(), 20000), tripOf(whole(), 0)}
	if s := between(trips, atPacket, atDurable); len(s) != 2 || s[1] != 8*time.Millisecond {
		t.Errorf("to durable: %v", s)
	}
	if s := between(trips, atPacket, atPainted); len(s) != 1 || s[0] != 19*time.Millisecond {
		t.Errorf("to painted: %v, want only the event that was painted", s)
	}
	sum := time.Duration(0)
	for i := 1; i < len(points); i++ {
		sum += between(trips[:1], i-1, i)[0]
	}
	if sum != 19*time.Millisecond {
		t.Errorf("the hops add up to %v", sum)
	}
	if points[atDecoded] != "decoded" || points[atDurable] != "durable" || points[atAlerted] != "alerted" || points[atPainted] != "painted" {
		t.Error("an index does not name its point")
	}
	text := hopTable(trips).text()
	for _, want := range []string{"last packet → decoded", "alerted → painted", "19.0", "8.0"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestTables(t *testing.T) {
	tab := table{head: []string{"what", "n"}, rows: [][]string{{"a → b", "1"}, {"c", "22"}}}
	if got, want := tab.text(), "  what    n\n  a → b   1\n  c      22\n"; got != want {
		t.Errorf("text\n%q, want\n%q", got, want)
	}
	if got, want := tab.markdown(), "| what | n |\n|---|---:|\n| a → b | 1 |\n| c | 22 |\n"; got != want {
		t.Errorf("Markdown\n%q, want\n%q", got, want)
	}
}
