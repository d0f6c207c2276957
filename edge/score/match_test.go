package score

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func kisa(t testing.TB) *Profile {
	t.Helper()
	p, err := LoadProfile(DefaultProfile)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func secs(s ...float64) []time.Duration {
	var out []time.Duration
	for _, v := range s {
		out = append(out, time.Duration(math.Round(v*1000))*time.Millisecond)
	}
	return out
}

// selfTest are the vectors that the description of the scoring lists.
var selfTest = []struct {
	name       string
	gt, sa     []time.Duration
	mode       Mode // "" holds in both
	floatOnly  bool
	tp, fn, fp int
}{
	{"inside", secs(100), secs(105), "", false, 1, 0, 0},
	{"early edge", secs(100), secs(98), "", false, 1, 0, 0},
	{"late edge", secs(100), secs(110), "", false, 1, 0, 0},
	{"within eps", secs(100), secs(110.2), "", true, 1, 0, 0},
	{"just out", secs(100), secs(110.3), "", true, 0, 1, 1},
	{"far", secs(100), secs(200), "", false, 0, 1, 1},
	{"silent", secs(100), nil, "", false, 0, 1, 0},
	{"normal, alarm", nil, secs(50), "", false, 0, 0, 1},
	{"normal, quiet", nil, nil, "", false, 0, 0, 0},
	{"duplicate, strict", secs(100), secs(101, 104), ModeStrict, false, 1, 0, 1},
	{"duplicate, first", secs(100), secs(101, 104), ModeFirst, false, 1, 0, 0},
	{"early wrong then right, strict", secs(100), secs(50, 101), ModeStrict, false, 1, 0, 1},
	{"early wrong then right, first", secs(100), secs(50, 101), ModeFirst, false, 0, 1, 1},
	{"two events", secs(100, 105), secs(104, 106), "", false, 2, 0, 0},
	{"two events, one alarm", secs(100, 105), secs(104), "", false, 1, 1, 0},
}

func TestSelfTestVectors(t *testing.T) {
	p := kisa(t)
	for _, c := range selfTest {
		for _, mode := range []Mode{ModeStrict, ModeFirst} {
			for _, form := range []Form{FormXML, FormFloat} {
				if c.mode != "" && c.mode != mode || c.floatOnly && form == FormXML {
					continue
				}
				if m := p.Match(c.gt, c.sa, mode, form); m.Tally != (Tally{c.tp, c.fn, c.fp}) {
					t.Errorf("%s, %s, %s: %+v", c.name, mode, form, m.Tally)
				}
			}
		}
	}
}

func TestFormsDiffer(t *testing.T) {
	p := kisa(t)
	for _, c := range []struct {
		alarm      float64
		xml, float bool
	}{
		{110.2, true, true}, {110.3, true, false}, {110.499, true, false}, {110.5, false, false},
		{97.8, true, true}, {97.7, true, false}, {97.5, true, false}, {97.499, false, false},
	} {
		for form, right := range map[Form]bool{FormXML: c.xml, FormFloat: c.float} {
			if m := p.Match(secs(100), secs(c.alarm), ModeStrict, form); (m.TP == 1) != right {
				t.Errorf("alarm at %v as %s: %+v", c.alarm, form, m.Tally)
			}
		}
	}
}

func TestPrintedScores(t *testing.T) {
	for _, c := range []struct {
		t    Tally
		text string
		pass bool
	}{
		{Tally{26, 4, 0}, "92.86", true}, {Tally{24, 6, 0}, "88.89", false}, {Tally{9, 1, 1}, "90.00", true},
		{Tally{6, 4, 4}, "60.00", false}, {Tally{7, 3, 2}, "73.68", false},
		{Tally{9, 1, 0}, "94.74", true}, {Tally{25, 5, 0}, "90.91", true}, {Tally{24, 6, 0}, "88.89", false},
		{Tally{27, 3, 3}, "90.00", true}, {Tally{26, 4, 4}, "86.67", false},
		{Tally{82, 18, 0}, "90.11", true}, {Tally{81, 19, 0}, "89.50", false}, {Tally{90, 10, 10}, "90.00", true}, {Tally{89, 11, 11}, "89.00", false},
		{Tally{}, "n/a", false}, {Tally{0, 1, 0}, "0.00", false}, {Tally{1, 0, 0}, "100.00", true},
		{Tally{8999, 1000, 1000}, "90.00", false}, // 89.9990: rounds to the mark, and is below it
		{Tally{1, 0, 14}, "12.50", false}, {Tally{1, 0, 2}, "50.00", false}, {Tally{1, 1, 4}, "28.57", false},
		{Tally{1, 0, 62}, "3.13", false}, // 3.125: half up
	} {
		if got := c.t.Text(); got != c.text || c.t.Passes(9000) != c.pass {
			t.Errorf("%+v: %s, pass %v", c.t, got, c.t.Passes(9000))
		}
		if f := c.t.F1(); (f == nil) != (c.text == "n/a") {
			t.Errorf("%+v: %v", c.t, f)
		}
	}
}

// mostPairs tries every way to pair events and alarms.
func mostPairs(p *Profile, events, alarms []time.Duration, eps time.Duration) int {
	if len(events) == 0 {
		return 0
	}
	best := mostPairs(p, events[1:], alarms, eps)
	for j, a := range alarms {
		if a >= events[0]-p.Before-eps && a <= events[0]+p.After+eps {
			rest := slices.Delete(slices.Clone(alarms), j, j+1)
			best = max(best, 1+mostPairs(p, events[1:], rest, eps))
		}
	}
	return best
}

func TestGreedyIsOptimal(t *testing.T) {
	p := kisa(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	chance := func() []time.Duration {
		out := make([]time.Duration, rng.IntN(7))
		for i := range out {
			out[i] = time.Duration(rng.IntN(45_000)) * time.Millisecond
		}
		return out
	}
	for i := range 6000 {
		form := []Form{FormXML, FormFloat}[i%2]
		events, alarms := chance(), chance()
		m := p.Match(events, alarms, ModeStrict, form)
		want := mostPairs(p, m.Truth, m.Alarms, p.Eps(form))
		if m.TP != want || m.TP+m.FN != len(events) || m.TP+m.FP != len(alarms) {
			t.Fatalf("seed %d, case %d, %s: events %v, alarms %v: %+v, %d pairs are possible", seed, i, form, events, alarms, m.Tally, want)
		}
	}
}

func TestMissedAndFalse(t *testing.T) {
	m := kisa(t).Match(secs(20, 100), secs(104, 50, 60), ModeStrict, FormXML)
	if !slices.Equal(m.Missed(), secs(20)) || !slices.Equal(m.False(), secs(50, 60)) || !slices.Equal(m.Delays(), []float64{4}) {
		t.Errorf("%v %v %v", m.Missed(), m.False(), m.Delays())
	}
}

func TestWords(t *testing.T) {
	if _, err := ParseMode("loose"); err == nil || err.Error() != `"loose" is no mode: use strict or first` {
		t.Error(err)
	}
	if _, err := ParseForm("csv"); err == nil || err.Error() != `"csv" is no form: use xml or float` {
		t.Error(err)
	}
}

func TestQuantile(t *testing.T) {
	v := []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20}
	if Quantile(v, 0.95) != 19 || Quantile(v, 0.5) != 10 || Quantile(v[:1], 0.95) != 1 || !math.IsNaN(Quantile(nil, 0.5)) {
		t.Error(Quantile(v, 0.95), Quantile(v, 0.5))
	}
}
