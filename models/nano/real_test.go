package nano

import (
	"strings"
	"testing"
)

func TestRealFloor(t *testing.T) {
	for _, c := range []struct {
		r   Real
		met bool
		why string
	}{
		{Real{}, false, "never scored"},
		{Real{Pictures: 10, PersonAP50: 0.3, Beside: "other", BesideAP50: 0.5}, true, ""},
		{Real{Pictures: 10, PersonAP50: 0.31, Beside: "other", BesideAP50: 0.5}, true, ""},
		{Real{Pictures: 10, PersonAP50: 0.2, Beside: "other", BesideAP50: 0.5}, false, "AP50 0.20 on 10 real pictures, 40 % of other's 0.50, and 60 % are asked for"},
		{Real{Pictures: 10, PersonAP50: 0.2}, false, "0 %"},
	} {
		if met, why := c.r.Met(); met != c.met || !strings.Contains(why, c.why) {
			t.Errorf("%+v: %v, %q", c.r, met, why)
		}
	}
}

// TestOnReal holds the scores that the program decides by against what can be.
func TestOnReal(t *testing.T) {
	r, err := OnReal()
	if err != nil {
		t.Fatal(err)
	}
	if r.Pictures < 0 || r.PersonAP50 < 0 || r.PersonAP50 > 1 || r.BesideAP50 < 0 || r.BesideAP50 > 1 || r.Beside == "" {
		t.Errorf("real.json: %+v", r)
	}
}
