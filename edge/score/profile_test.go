package score

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"bongsu/streams/truth"
)

func TestProfile(t *testing.T) {
	p := kisa(t)
	sum := sha256.Sum256(kisa2026)
	if p.SHA256 != hex.EncodeToString(sum[:]) || p.Name != DefaultProfile || p.Version != 1 {
		t.Errorf("%+v", p)
	}
	if p.MarkCents != 9000 || p.Before != 2*time.Second || p.After != 10*time.Second || p.XMLEps != 0 || p.FloatEps != 200*time.Millisecond {
		t.Errorf("%+v", p)
	}
	if p.IoU.Area != 0.5 || p.IoU.Rate != 0.3 || p.IoU.Match != 0.5 || strings.Join(p.IoU.Assumptions, " ") != "match mean" || p.Level != 0.95 {
		t.Errorf("%+v", p.IoU)
	}
	for word, offset := range map[string]time.Duration{"intrusion": 0, "LOITERING": 10 * time.Second, "FireDetection": 10 * time.Second,
		"Falldown": time.Second, "Abandonment": 0, "Violence": 0, "PeopleCounting": 0, "Queueing": 0, "wrong-way": 0} {
		c, err := p.Category(word)
		if err != nil || c.Offset != offset {
			t.Errorf("%s: %+v, %v", word, c, err)
		}
	}
	for _, c := range truth.Categories {
		if _, err := p.Category(string(c)); err != nil {
			t.Error(err)
		}
	}
	if _, err := p.Category("Parade"); err == nil || !strings.Contains(err.Error(), `has no category "Parade": use Intrusion, Loitering`) {
		t.Error(err)
	}
	if _, err := LoadProfile("kisa-1999"); err == nil || !strings.Contains(err.Error(), "kisa-2026") {
		t.Error(err)
	}
}

// profileWith is the profile of the program with one text in place of another.
func profileWith(t *testing.T, was, is string) []byte {
	t.Helper()
	if !strings.Contains(string(kisa2026), was) {
		t.Fatalf("the profile does not hold %q", was)
	}
	return []byte(strings.Replace(string(kisa2026), was, is, 1))
}

var brokenProfiles = []struct{ was, is, want string }{
	{"version    1", "version    0", `p:8: version: "0" is no version`},
	{"version    1", "", "p: version is missing"},
	{"version    1", "version 1 2", "p:8: version: one word belongs behind it"},
	{"version    1", "version 1\nversion 1", "p:9: version: it stands there twice"},
	{"mark       f1=90.00", "mark f1=101", "p:9: mark: f1=101 is no number from 0 to 100 with at most 2 decimals"},
	{"mark       f1=90.00", "mark f1=9e1", "p:9: mark: f1=9e1 is no number"},
	{"mark       f1=90.00", "mark f1=90 f2=3", "p:9: mark: f2= is not known here"},
	{"mark       f1=90.00", "mark f1=90 f1=91", "p:9: mark: f1 stands there twice"},
	{"before=2.0", "bevor=2.0", "p:10: window: before= is missing"},
	{"before=2.0", "before", `p:10: window: "before" is no key=value`},
	{"before=2.0", "before=-2", "p:10: window: before=-2 is no number"},
	{"window ", "windows ", "p:10: windows: the word is not known"},
	{"category Loitering ", "category intrusion ", "category: intrusion stands there twice"},
	{"method=iou", "method=guess", "method=guess is not known: use window or iou"},
	{"kind=fire ", "", "category: kind= is missing"},
	{"category Queueing        kind=-               method=window offset=0", "category Queueing", "category: write: category Word"},
}

func TestBrokenProfiles(t *testing.T) {
	for _, c := range brokenProfiles {
		_, err := ParseProfile("p", profileWith(t, c.was, c.is))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q for %q: %v, want %s", c.is, c.was, err, c.want)
		}
	}
	if _, err := ParseProfile("p", make([]byte, maxProfile+1)); err == nil {
		t.Error("a profile without bound was read")
	}
	head, _, _ := strings.Cut(string(kisa2026), "# Words of clip files")
	if _, err := ParseProfile("p", []byte(head)); err == nil || err.Error() != "p: no category is given" {
		t.Error(err)
	}
}

func TestParseDecimal(t *testing.T) {
	for _, c := range []struct {
		s      string
		digits int
		want   int64
		ok     bool
	}{{"10", 0, 10, true}, {"2.5", 3, 2500, true}, {"0.001", 3, 1, true}, {"90.00", 2, 9000, true}, {"90.005", 2, 0, false},
		{"", 2, 0, false}, {".5", 2, 0, false}, {"1.", 2, 0, false}, {"+1", 2, 0, false}, {"1e3", 2, 0, false}, {"1234567890123456", 2, 0, false}} {
		if got, ok := ParseDecimal(c.s, c.digits); got != c.want || ok != c.ok {
			t.Errorf("%q: %d, %v", c.s, got, ok)
		}
	}
}

func FuzzParseProfile(f *testing.F) {
	f.Add(kisa2026)
	for _, c := range brokenProfiles {
		f.Add([]byte(strings.Replace(string(kisa2026), c.was, c.is, 1)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := ParseProfile("p", data)
		if err != nil {
			return
		}
		if p.Name == "" || p.Version < 1 || len(p.Categories) == 0 || p.Before < 0 || p.After < 0 || p.Resamples < 0 || p.Resamples > 100_000 || p.MarkCents > 10_000 {
			t.Errorf("%+v", p)
		}
		p.Match([]time.Duration{time.Second}, []time.Duration{2 * time.Second}, ModeStrict, FormXML)
	})
}
