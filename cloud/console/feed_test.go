package console

import (
	"strings"
	"testing"
)

// TestFeedIsBounded: the feed keeps so many messages and so many bytes, whichever is less, and knows
// from where on it has all.
func TestFeedIsBounded(t *testing.T) {
	f := newFeed(nil, 10, 1000)
	add := func(from, n, bytes int) {
		var messages []message
		for i := range n {
			messages = append(messages, message{int64(from + i), []byte(strings.Repeat("x", bytes))})
		}
		f.add(messages)
	}
	check := func(what string, kept, size int, from int64) {
		t.Helper()
		sum := 0
		for _, m := range f.kept {
			sum += len(m.data)
		}
		if len(f.kept) != kept || f.size != size || sum != size || f.from != from || f.kept[0].seq != from+1 {
			t.Errorf("%s: %d messages of %d (really %d) bytes after %d; want %d of %d after %d", what, len(f.kept), f.size, sum, f.from, kept, size, from)
		}
	}
	add(1, 9, 10)
	check("few", 9, 90, 0)
	add(10, 4, 10)
	check("too many", 10, 100, 3)
	add(14, 3, 300)
	check("too large together", 10, 970, 6)
	add(17, 1, 300)
	check("one more", 3, 900, 14)
	add(18, 1, 5000)
	check("one that is too large alone", 1, 5000, 17)
	add(19, 1, 10)
	check("and after it", 1, 10, 18)
}
