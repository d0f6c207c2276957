package archive

import (
	"strings"
	"testing"
	"time"

	"bongsu"
)

const id = "0190b000-0000-7000-8000-000000000001"

func TestCursor(t *testing.T) {
	for _, c := range []Cursor{
		{},
		{At: time.UnixMicro(0).UTC(), ID: id},
		{At: time.UnixMicro(-5).UTC(), ID: id},
		{At: time.Date(2026, 3, 1, 9, 0, 0, 123_456_000, time.UTC), ID: id},
	} {
		s := c.String()
		got, err := ParseCursor(s)
		if err != nil || got != c || c.IsZero() != (s == "") {
			t.Errorf("%+v became %q and then %+v, %v", c, s, got, err)
		}
	}
	whole := Cursor{At: time.UnixMicro(1).UTC(), ID: id}.String()
	for _, s := range []string{"x", "!!!", "MS4", whole + "A", whole[:20], strings.ToUpper(whole)} {
		if got, err := ParseCursor(s); bongsu.CodeOf(err) != bongsu.CodeInvalid || !strings.Contains(err.Error(), "next") {
			t.Errorf("%q was read as %+v, %v", s, got, err)
		}
	}
}

func TestKeys(t *testing.T) {
	if got, want := SnapshotKey(bongsu.EventKey{ID: id, Revision: 12}), "events/"+id+"/snapshot-12.jpg"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	hash := strings.Repeat("0123456789abcdef", 4)
	if got, want := ClipKey(bongsu.ClipKey{Event: id, Part: 3}, hash), "events/"+id+"/clip-3-0123456789abcdef.mp4"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if (&ClipRow{}).Complete() || !(&ClipRow{Completed: time.Unix(1, 0)}).Complete() {
		t.Error("Complete does not follow Completed")
	}
}

func FuzzParseCursor(f *testing.F) {
	f.Add("")
	f.Add(Cursor{At: time.UnixMicro(1).UTC(), ID: id}.String())
	f.Add("LTk5OTk5OTk5OTk5OTk5OTk5OTk5Lg")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := ParseCursor(s)
		if err != nil {
			return
		}
		if again, err := ParseCursor(c.String()); err != nil || again != c {
			t.Fatalf("%q: %+v, then %+v, %v", s, c, again, err)
		}
	})
}
