package bongsu

import (
	"strings"
	"testing"
	"time"
)

func TestNewUUID(t *testing.T) {
	at := time.Date(2026, 3, 1, 0, 0, 0, 123456789, time.UTC)
	seen := map[string]bool{}
	for range 1000 {
		id := NewUUID(at)
		if !ValidUUID(id) || id[14] != '7' || !strings.ContainsRune("89ab", rune(id[19])) || seen[id] {
			t.Fatalf("%s is no new UUIDv7", id)
		}
		seen[id] = true
	}
	// RFC 9562: the first 48 bits are Unix milliseconds, so that IDs sort by time.
	if id := NewUUID(time.UnixMilli(0x017F22E279B0)); !strings.HasPrefix(id, "017f22e2-79b0-7") {
		t.Errorf("%s does not begin with its time", id)
	}
	if a, b := NewEventID(at), NewEventID(at.Add(time.Millisecond)); a >= b {
		t.Errorf("%s, made later, sorts before %s", b, a)
	}
	if !ValidUUID(string(NewRunID(at))) || !ValidUUID(string(NewAlertID(at))) {
		t.Error("not a UUID")
	}
}

func TestValidUUID(t *testing.T) {
	good := "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"
	if !ValidUUID(good) {
		t.Error(good)
	}
	for _, s := range []string{"", strings.ToUpper(good), good[1:], good + "0", strings.ReplaceAll(good, "-", ""), "{" + good + "}", strings.Replace(good, "0", "g", 1), good + "\n"} {
		if ValidUUID(s) {
			t.Errorf("%q counts as a UUID", s)
		}
	}
}

func TestNames(t *testing.T) {
	for _, s := range []string{"a", "7", "gate-1", "north_yard", strings.Repeat("a", 64)} {
		if err := CheckName(s); err != nil {
			t.Error(err)
		}
	}
	for _, s := range []string{"", "-a", "a-", "_a", "Gate", "정문", "a b", "a/b", "..", "a.b", "a\n", strings.Repeat("a", 65)} {
		if ValidName(s) {
			t.Errorf("%q counts as a name", s)
		}
	}
	want := `"Main Gate" cannot be a name: use 1 to 64 of a-z, 0-9, '-' and '_', beginning and ending with a letter or digit`
	if err := CheckName("Main Gate"); err == nil || err.Error() != want {
		t.Error(err)
	}
}
