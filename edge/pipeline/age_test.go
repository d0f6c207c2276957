package pipeline

import (
	"context"
	"strings"
	"testing"
	"time"

	"bongsu"
	"bongsu/edge/events"
	"bongsu/edge/track"
	"bongsu/streams"
)

// aged is a camera with real rules and events on clocks that the test moves.
type aged struct {
	*Camera
	b      *bench
	steady time.Duration
	set    time.Duration // by how much the wall clock was set
}

func newAged(t *testing.T) *aged {
	a := &aged{b: newBench(0)}
	a.b.o.Lossless, a.b.o.Once = false, false
	a.b.o.Steady = func() time.Duration { return a.steady }
	a.b.o.Now = a.wall
	a.b.o.Tracker, a.b.o.Rules = track.New(track.Options{}), intrusionSet(t)
	a.b.o.Events = events.New(events.Options{Camera: "c", Now: a.wall, Monotonic: a.b.o.Steady, WallQuality: func() string { return "synchronised" }})
	a.b.o.Detector = &watchfulDetector{truth: map[time.Duration]bool{}}
	a.Camera = New(a.b.o)
	return a
}

func (a *aged) wall() time.Time { return epoch.Add(a.set + a.steady) }

// pictures has somebody in the zone for d, in the run of that name.
func (a *aged) pictures(ctx context.Context, run bongsu.RunID, d time.Duration) {
	for end := a.steady + d; a.steady < end; a.steady += 100 * time.Millisecond {
		f := &bongsu.Frame{Camera: "c", Run: run, Wall: a.wall(), Width: 64, Height: 48}
		a.status.picture(a.wall(), f)
		a.look(ctx, f)
	}
}

func (a *aged) tainted(d time.Duration) {
	for end := a.steady + d; a.steady < end; a.steady += time.Second {
		a.status.picture(a.wall(), &bongsu.Frame{Camera: "c", Wall: a.wall(), Tainted: true, Width: 64, Height: 48})
		a.age()
	}
}

func (a *aged) last() bongsu.Event { return a.b.sinks.events[len(a.b.sinks.events)-1] }

// TestTaintForLongEndsEvents: an event does not stay open for ever because its camera's pictures
// cannot be trusted, and the operator is told.
func TestTaintForLongEndsEvents(t *testing.T) {
	a := newAged(t)
	a.pictures(t.Context(), "run", 2*time.Second)
	a.tainted(8 * time.Second)
	if s := a.Status(); s.State != bongsu.CameraWaitingKey || s.Code != "tainted" {
		t.Errorf("after 8 s: %+v", s)
	}
	a.tainted(20 * time.Second)
	if s := a.Status(); s.State != bongsu.CameraWaitingKey || s.Code != codeBlind || !strings.Contains(s.Reason, "transport tcp") {
		t.Errorf("after 28 s: %+v", s)
	}
	if len(a.b.sinks.events) != 1 {
		t.Fatalf("after 28 s: %d revisions", len(a.b.sinks.events))
	}
	a.tainted(6 * time.Second)
	if ev := a.last(); ev.State != bongsu.EventClosed || ev.CloseReason != bongsu.CloseInterrupted || !ev.End.Equal(epoch.Add(1900*time.Millisecond)) || ev.Revision != 2 {
		t.Errorf("after 34 s: %+v", ev)
	}
	a.pictures(t.Context(), "run", 2*time.Second)
	if ev := a.last(); ev.Revision != 1 || a.Status().State != bongsu.CameraLive {
		t.Errorf("pictures again: %+v, %+v", ev, a.Status())
	}
}

// TestShortTaintIsOneEvent: what lasts less is bridged.
func TestShortTaintIsOneEvent(t *testing.T) {
	a := newAged(t)
	a.pictures(t.Context(), "run", 2*time.Second)
	a.tainted(25 * time.Second)
	a.pictures(t.Context(), "run", 2*time.Second)
	for _, ev := range a.b.sinks.events {
		if ev.ID != a.b.sinks.events[0].ID || ev.State != bongsu.EventOpen {
			t.Errorf("%+v", ev)
		}
	}
}

// TestClockSetBetweenRuns: the event goes on, on the clock as it is now.
func TestClockSetBetweenRuns(t *testing.T) {
	for _, d := range []time.Duration{time.Hour, -time.Hour, 56 * 365 * 24 * time.Hour} {
		a := newAged(t)
		a.pictures(t.Context(), "run-1", 2*time.Second)
		a.set = d
		a.steady += 3 * time.Second
		a.age()
		a.pictures(t.Context(), "run-2", 12*time.Second)
		if len(a.b.sinks.events) < 2 {
			t.Fatalf("%s: %d revisions", d, len(a.b.sinks.events))
		}
		ev := a.last()
		if ev.ID != a.b.sinks.events[0].ID || ev.State != bongsu.EventOpen || ev.Clock.WallQuality != "unsynchronised" || a.wall().Sub(ev.Start) > 20*time.Second {
			t.Errorf("%s: %+v at %s", d, ev, a.wall())
		}
	}
}

// TestEventsAgeWhileConnecting: a camera that takes long to answer does not keep events open.
func TestEventsAgeWhileConnecting(t *testing.T) {
	b := newBench(0)
	answer := make(chan struct{})
	b.o.Open = func(context.Context, bongsu.RunID) (streams.Source, error) {
		<-answer
		return b.source, nil
	}
	c := New(b.o)
	done := make(chan error, 1)
	ticked := make(chan struct{})
	b.stages.onTick = func() {
		select {
		case ticked <- struct{}{}:
		default:
		}
	}
	go func() { done <- c.Run(t.Context()) }()
	select {
	case <-ticked:
	case <-time.After(time.Minute):
		t.Error("no tick in a minute")
	}
	close(answer)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestHangIsKnown: a call into the decoder or the model that does not come back is told.
func TestHangIsKnown(t *testing.T) {
	a := newAged(t)
	a.steady = time.Second
	if stage, _ := a.Stuck(); stage != "" {
		t.Errorf("idle, but stuck in %q", stage)
	}
	a.work.begin(&a.work.decode)
	a.steady += decodeHangs
	if stage, _ := a.Stuck(); stage != "" {
		t.Errorf("stuck in %q too early", stage)
	}
	a.steady += time.Second
	if stage, since := a.Stuck(); stage != "decoding" || since != decodeHangs+time.Second {
		t.Errorf("stuck in %q for %s", stage, since)
	}
	a.work.end(&a.work.decode)
	a.work.begin(&a.work.detect)
	a.steady += detectHangs + time.Second
	if stage, _ := a.Stuck(); stage != "inference" {
		t.Errorf("stuck in %q", stage)
	}
}

// TestTapeSeesEveryUnit: a unit is on the tape before the decoder is, and off it afterwards.
func TestTapeSeesEveryUnit(t *testing.T) {
	b := newBench(20)
	tape := &fakeTape{}
	b.o.Tape = tape
	b.decoder.refuse = func(*streams.AccessUnit) error {
		if !tape.busy {
			t.Error("the decoder has a unit that is not on the tape")
		}
		return nil
	}
	if err := New(b.o).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if tape.units != 20 || tape.busy {
		t.Errorf("%+v", tape)
	}
}

type fakeTape struct {
	units int
	busy  bool
}

func (f *fakeTape) Begin(*streams.AccessUnit) { f.units, f.busy = f.units+1, true }
func (f *fakeTape) End()                      { f.busy = false }
