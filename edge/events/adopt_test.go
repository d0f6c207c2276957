package events

import (
	"testing"
	"time"

	"bongsu"
)

// left is an event as a lost worker left it.
func (b *box) left(id bongsu.EventID) bongsu.Event {
	return bongsu.Event{
		ID: id, Revision: 3, Camera: "gate", Rule: "yard", Kind: bongsu.KindIntrusion, State: bongsu.EventOpen, Zone: zone,
		Start: b.at(-20).UTC(), Fired: b.at(-19).UTC(), Score: 0.8, Box: bongsu.Box{X1: 0.2, Y1: 0.2},
		Trail: []bongsu.TrailPoint{{At: b.at(-19).UTC()}, {At: b.at(-3).UTC(), Box: bongsu.Box{X1: 0.1, Y1: 0.1}}},
	}
}

func TestAdoptedGoesOn(t *testing.T) {
	b := newBox(t, nil)
	b.m.Adopt([]bongsu.Event{b.left("old")})
	if evs := b.m.Tick(b.at(9.9)); len(evs) != 0 {
		t.Fatalf("%+v", evs)
	}
	ev := b.one(b.apply(5, b.firing(bongsu.FiringBegin, 1, 5)))
	if ev.ID != "old" || ev.Revision != 4 || ev.State != bongsu.EventOpen || ev.Start != b.at(-20).UTC() || ev.Fired != b.at(-19).UTC() || ev.Score != 0.8 || len(ev.Trail) != 4 {
		t.Errorf("%+v", ev)
	}
	if evs := b.m.Tick(b.at(100)); len(evs) != 0 {
		t.Errorf("interrupted though it goes on: %+v", evs)
	}
	ev = b.one(b.apply(8, b.firing(bongsu.FiringEnd, 1, 7)))
	if ev.ID != "old" || ev.Revision != 5 || ev.End != b.at(7).UTC() || ev.CloseReason != bongsu.CloseEnded {
		t.Errorf("%+v", ev)
	}
}

func TestAdoptedIsInterrupted(t *testing.T) {
	b := newBox(t, nil)
	b.m.Adopt([]bongsu.Event{b.left("old")})
	ev := b.one(b.m.Tick(b.at(10)))
	if ev.ID != "old" || ev.Revision != 4 || ev.State != bongsu.EventClosed || ev.CloseReason != bongsu.CloseInterrupted || ev.End != b.at(-3).UTC() {
		t.Errorf("%+v", ev)
	}
	ev = b.one(b.apply(11, b.firing(bongsu.FiringBegin, 1, 11)))
	if ev.ID != "id-1" || ev.Revision != 1 {
		t.Errorf("what fires too late is another event: %+v", ev)
	}
	bare := b.left("bare")
	bare.Trail = nil
	b.m.Adopt([]bongsu.Event{bare})
	if ev := b.one(b.m.Tick(b.now.Add(10 * time.Second))); ev.End != bare.Fired {
		t.Errorf("ends %s, last known of at %s", ev.End, bare.Fired)
	}
}

func TestAdoptsOnlyItsOwn(t *testing.T) {
	b := newBox(t, nil)
	other, closed, twice := b.left("other"), b.left("closed"), b.left("old")
	other.Camera, closed.State = "yard", bongsu.EventClosed
	b.m.Adopt([]bongsu.Event{other, closed, b.left("old"), twice})
	b.m.Adopt([]bongsu.Event{twice})
	if open := b.m.Open(); len(open) != 1 || open[0].ID != "old" {
		t.Errorf("%+v", open)
	}
	b.apply(2, b.firing(bongsu.FiringBegin, 1, 2))
	b.m.Adopt([]bongsu.Event{twice})
	if open := b.m.Open(); len(open) != 1 || open[0].Revision != 4 {
		t.Errorf("adopted again while it goes on: %+v", open)
	}
}

func TestAdoptionNeedsRuleAndZone(t *testing.T) {
	for name, change := range map[string]func(*bongsu.Firing){
		"rule":  func(f *bongsu.Firing) { f.Rule = "bench" },
		"kind":  func(f *bongsu.Firing) { f.Kind = bongsu.KindLoitering },
		"zone":  func(f *bongsu.Firing) { f.Zone = zone[:2] },
		"pulse": func(f *bongsu.Firing) { f.Phase = bongsu.FiringPulse },
	} {
		b := newBox(t, nil)
		b.m.Adopt([]bongsu.Event{b.left("old")})
		f := b.firing(bongsu.FiringBegin, 1, 2)
		change(&f)
		if ev := b.one(b.apply(2, f)); ev.ID != "id-1" || ev.Revision != 1 {
			t.Errorf("%s: %+v", name, ev)
		}
	}
}

func TestNearestIsAdopted(t *testing.T) {
	b := newBox(t, nil)
	far, close := b.left("far"), b.left("close")
	close.Trail[1].Box = bongsu.Box{X0: 0.41, Y0: 0.4, X1: 0.51, Y1: 0.7}
	b.m.Adopt([]bongsu.Event{far, close})
	evs := b.apply(2, b.firing(bongsu.FiringBegin, 1, 2), b.firing(bongsu.FiringBegin, 2, 2), b.firing(bongsu.FiringBegin, 3, 2))
	if len(evs) != 3 || evs[0].ID != "close" || evs[1].ID != "far" || evs[2].ID != "id-1" {
		t.Errorf("%+v", evs)
	}
}

func TestJoinTrails(t *testing.T) {
	b := newBox(t, nil)
	line := func(from, n int) []bongsu.TrailPoint {
		var out []bongsu.TrailPoint
		for i := range n {
			out = append(out, bongsu.TrailPoint{At: b.at(float64(from + i))})
		}
		return out
	}
	for _, c := range []struct {
		name      string
		old, more []bongsu.TrailPoint
		want      int
	}{
		{"nothing new", line(0, 5), nil, 5},
		{"nothing old", nil, line(0, 5), 5},
		{"the same, longer", line(0, 5), line(0, 9), 9},
		{"overlapping", line(0, 5), line(3, 5), 8},
		{"after a loss", line(0, 5), line(50, 5), 10},
		{"too long", line(0, 120), line(200, 100), 110 + 55},
	} {
		got := joinTrails(c.old, c.more)
		if c.name == "too long" {
			if len(got) > bongsu.MaxTrail || len(got) < bongsu.MaxTrail/2 || got[0].At != b.at(0) || got[len(got)-1].At != b.at(299) {
				t.Errorf("%s: %d points", c.name, len(got))
			}
			continue
		}
		if len(got) != c.want {
			t.Errorf("%s: %d points, want %d", c.name, len(got), c.want)
		}
		for i := 1; i < len(got); i++ {
			if !got[i].At.After(got[i-1].At) {
				t.Errorf("%s: not in order", c.name)
			}
		}
	}
}
