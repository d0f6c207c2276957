package pipeline

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"bongsu"
	"bongsu/streams"
)

func unitAt(seq int, at time.Duration, key bool) *streams.AccessUnit {
	return &streams.AccessUnit{Seq: uint64(seq), Wall: epoch.Add(at), Key: key}
}

// TestUnitQueueAgainstItsPromise plays random pushes and pops: units come out in order, a gap is
// followed by a key unit that says so, nothing older than the span waits behind a push, and
// every unit is either popped or counted as dropped.
func TestUnitQueueAgainstItsPromise(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 2))
	q := newUnitQueue(unitSpan, false)
	ended, cancel := context.WithCancel(t.Context())
	cancel() // Pop does not wait
	pushed, popped, dropped, next := 0, 0, 0, uint64(0)
	pop := func() bool {
		au, after, ok := q.Pop(ended)
		if !ok {
			return false
		}
		popped++
		if gap := au.Seq != next; gap != after {
			t.Fatalf("unit %d after %d: the gap is told as %v", au.Seq, next, after)
		} else if gap && !au.Key {
			t.Fatalf("unit %d after a gap is no key unit", au.Seq)
		}
		next = au.Seq + 1
		return true
	}
	at := time.Duration(0)
	for range 20_000 {
		if rng.IntN(5) < 3 {
			at += time.Duration(rng.IntN(200)) * time.Millisecond
			key := pushed == 0 || rng.IntN(12) == 0
			dropped += q.Push(ended, unitAt(pushed, at, key))
			pushed++
			if n := len(q.units); n > 0 && q.units[n-1].Wall.Sub(q.units[0].Wall) > unitSpan {
				t.Fatalf("%s of video wait, the queue holds %s", q.units[n-1].Wall.Sub(q.units[0].Wall), unitSpan)
			}
		} else {
			pop()
		}
	}
	for pop() {
	}
	if popped+dropped != pushed {
		t.Errorf("%d pushed, %d popped and %d dropped", pushed, popped, dropped)
	}
	if dropped == 0 || popped == 0 {
		t.Errorf("%d popped, %d dropped: this tried nothing", popped, dropped)
	}
}

func TestFullUnitQueueDropsUpToTheNextKeyUnit(t *testing.T) {
	q := newUnitQueue(unitSpan, false)
	for i := range 6 { // 0 s to 2 s, a key unit at 0 and 1.2 s
		if n := q.Push(t.Context(), unitAt(i, time.Duration(i)*400*time.Millisecond, i%3 == 0)); n != 0 {
			t.Fatalf("%d dropped with room left", n)
		}
	}
	if n := q.Push(t.Context(), unitAt(6, 2400*time.Millisecond, false)); n != 3 {
		t.Errorf("%d dropped, want the three before the second key unit", n)
	}
	if au, after, ok := q.Pop(t.Context()); !ok || !after || au.Seq != 3 {
		t.Errorf("popped %+v, after a gap %v", au, after)
	}
	// Without a key unit to go on from all goes, and what comes, until there is one.
	if n := q.Push(t.Context(), unitAt(7, 9*time.Second, false)); n != 4 {
		t.Errorf("%d dropped, want the three that waited and the one that came", n)
	}
	if n := q.Push(t.Context(), unitAt(8, 9*time.Second, false)); n != 1 {
		t.Errorf("%d dropped, want what is no key unit", n)
	}
	if n := q.Push(t.Context(), unitAt(9, 9*time.Second, true)); n != 0 {
		t.Errorf("%d dropped, want the key unit taken", n)
	}
	if au, after, ok := q.Pop(t.Context()); !ok || !after || au.Seq != 9 {
		t.Errorf("popped %+v, after a gap %v", au, after)
	}
	q.Close()
	if n := q.Push(t.Context(), unitAt(10, 9*time.Second, true)); n != 1 {
		t.Errorf("%d dropped by a closed queue, want 1", n)
	}
	if _, _, ok := q.Pop(t.Context()); ok {
		t.Error("a closed, empty queue gave a unit")
	}
}

// TestUnitQueueHoldsFloods: a camera that stamps its pictures a moment apart, however many and large
// they are, does not fill the memory, and what is left is whole from a key unit on.
func TestUnitQueueHoldsFloods(t *testing.T) {
	nal := make([]byte, 1<<20)
	for name, size := range map[string]int{"small": 1, "large": len(nal)} {
		q := newUnitQueue(unitSpan, false)
		dropped, most, bytes := 0, 0, 0
		for i := range 3000 {
			au := unitAt(i, time.Duration(i)*time.Microsecond, i%30 == 0)
			au.NALs = [][]byte{nal[:size]}
			dropped += q.Push(t.Context(), au)
			most, bytes = max(most, len(q.units)), max(bytes, q.bytes)
		}
		if most > queueUnits || bytes > queueBytes {
			t.Errorf("%s: %d units of %d bytes wait", name, most, bytes)
		}
		au, after, ok := q.Pop(t.Context())
		if !ok || !after || !au.Key {
			t.Fatalf("%s: popped %+v, after a gap %v", name, au, after)
		}
		if left := q.drain(); dropped+1+left != 3000 || left == 0 || q.bytes != 0 {
			t.Errorf("%s: %d dropped, %d left of 3000; %d bytes left", name, dropped, left, q.bytes)
		}
	}
}

func TestLosslessUnitQueueWaitsForRoom(t *testing.T) {
	q := newUnitQueue(unitSpan, true)
	q.Push(t.Context(), unitAt(0, 0, true))
	done := make(chan int, 1)
	go func() { done <- q.Push(t.Context(), unitAt(1, time.Minute, false)) }()
	if au, _, ok := q.Pop(t.Context()); !ok || au.Seq != 0 {
		t.Fatalf("popped %+v", au)
	}
	if n := <-done; n != 0 {
		t.Errorf("%d dropped", n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { done <- q.Push(ctx, unitAt(2, time.Hour, false)) }()
	cancel()
	if n := <-done; n != 1 {
		t.Errorf("%d dropped at the end of the context, want 1", n)
	}
	go func() { done <- q.Push(t.Context(), unitAt(3, time.Hour, false)) }()
	q.Close()
	if n := <-done; n != 1 {
		t.Errorf("%d dropped by a queue that was closed, want 1", n)
	}
}

// TestFrameQueueKeepsEachReference: a picture is either in the queue, popped, or displaced.
func TestFrameQueueKeepsEachReference(t *testing.T) {
	var live atomic.Int64
	frame := func(seq int) *bongsu.Frame {
		live.Add(1)
		return &bongsu.Frame{Seq: uint64(seq), Owner: fakeOwner{&live}}
	}
	q := newFrameQueue(false)
	for i := range 5 {
		old := q.Push(t.Context(), frame(i))
		switch {
		case i < 2 && old != nil:
			t.Errorf("picture %d displaced %d with room left", i, old.Seq)
		case i >= 2 && (old == nil || old.Seq != uint64(i-2)):
			t.Errorf("picture %d displaced %+v, want the oldest", i, old)
		}
		if old != nil {
			old.Release()
		}
	}
	for _, want := range []uint64{3, 4} {
		f, closed := q.Pop(t.Context(), nil)
		if f == nil || closed || f.Seq != want {
			t.Fatalf("popped %+v, %v, want %d", f, closed, want)
		}
		f.Release()
	}
	tick := make(chan time.Time, 1)
	tick <- epoch
	if f, closed := q.Pop(t.Context(), tick); f != nil || closed {
		t.Errorf("popped %+v, %v at a tick", f, closed)
	}
	q.Close()
	if f, closed := q.Pop(t.Context(), nil); f != nil || !closed {
		t.Errorf("popped %+v, %v of a closed queue", f, closed)
	}
	if n := live.Load(); n != 0 {
		t.Errorf("%d references left", n)
	}
}

func TestLosslessFrameQueueWaitsForRoom(t *testing.T) {
	q := newFrameQueue(true)
	for i := range 2 {
		q.Push(t.Context(), &bongsu.Frame{Seq: uint64(i)})
	}
	done := make(chan *bongsu.Frame, 1)
	go func() { done <- q.Push(t.Context(), &bongsu.Frame{Seq: 2}) }()
	if f, _ := q.Pop(t.Context(), nil); f.Seq != 0 {
		t.Errorf("popped %d", f.Seq)
	}
	if old := <-done; old != nil {
		t.Errorf("picture %d was displaced", old.Seq)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { done <- q.Push(ctx, &bongsu.Frame{Seq: 3}) }()
	cancel()
	if mine := <-done; mine == nil || mine.Seq != 3 {
		t.Errorf("at the end of the context %+v came back, want the picture itself", mine)
	}
}

func TestSamplerComesClosestToTheRate(t *testing.T) {
	for _, c := range []struct {
		camera, wanted float64 // a second
		least, most    int     // of 20 s
	}{
		{30, 10, 199, 201}, {25, 10, 195, 205}, {10, 10, 199, 200}, {5, 10, 99, 100}, {24, 0, 479, 480}, {12.5, 4, 76, 84},
	} {
		s, n := newSampler(c.wanted), 0
		for i := range int(20 * c.camera) {
			if s.Take(&bongsu.Frame{Wall: epoch.Add(time.Duration(float64(i) / c.camera * float64(time.Second)))}) {
				n++
			}
		}
		if n < c.least || n > c.most {
			t.Errorf("%g pictures a second, %g wanted: %d in 20 s, want %d to %d", c.camera, c.wanted, n, c.least, c.most)
		}
	}
}

func TestRateIsTheMeanOfTheLastSeconds(t *testing.T) {
	var r rate
	now := epoch
	for range 100 {
		now = now.Add(100 * time.Millisecond)
		r.add(now)
	}
	if got := r.perSecond(now); got < 9.5 || got > 10.5 {
		t.Errorf("%g a second, want 10", got)
	}
	if got := r.perSecond(now.Add(time.Minute)); got != 0 {
		t.Errorf("%g a second a minute after the last", got)
	}
}
