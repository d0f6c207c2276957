package pipeline

import (
	"testing"
	"time"
)

// TestExchange: other rules take over between two pictures, once, the last wish counts, and stream and
// tracker go on.
func TestExchange(t *testing.T) {
	b := newBench(40)
	next, at := &fakeStages{fire: func(n int) bool { return n == 5 }}, []time.Time{}
	var c *Camera
	b.stages.fire = func(n int) bool {
		if n == 10 {
			c.Exchange(func(time.Time) (Rules, Events) {
				t.Error("a wish that a later one replaced was made")
				return next, next
			})
			c.Exchange(func(when time.Time) (Rules, Events) {
				at = append(at, when)
				return next, next
			})
		}
		return n == 10 || n == 11
	}
	c = New(b.o)
	if err := c.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := b.settled(t, c); got.Inferred != 40 || got.Events != 2 {
		t.Errorf("counts %+v", got)
	}
	if b.stages.n != 10 || next.n != 30 || len(b.stages.times) != 40 || b.stages.resets != 0 {
		t.Errorf("the old rules saw %d pictures, the new ones %d, the tracker %d", b.stages.n, next.n, len(b.stages.times))
	}
	if len(at) != 1 || !at[0].Equal(epoch.Add(time.Second)) {
		t.Errorf("exchanged at %v", at)
	}
}

// TestExchangeWithoutPictures: a camera that is away takes other rules, too.
func TestExchangeWithoutPictures(t *testing.T) {
	b := newBench(0)
	c, next := New(b.o), &fakeStages{}
	c.Exchange(func(time.Time) (Rules, Events) { return next, next })
	c.age()
	c.age()
	if b.stages.ticks != 0 || next.ticks != 2 {
		t.Errorf("the old events were asked %d times, the new ones %d", b.stages.ticks, next.ticks)
	}
}

// TestExchangeCostsNothing on the way of a frame while nobody wants one.
func TestExchangeCostsNothing(t *testing.T) {
	c := New(newBench(0).o)
	if n := testing.AllocsPerRun(100, func() { c.exchanged(epoch) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
