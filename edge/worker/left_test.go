package worker

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"bongsu"
	"bongsu/edge/link"
)

// leftOpen is an event that a former worker left open, seen last at its decision.
func leftOpen() bongsu.Event {
	ev := event(2)
	ev.State, ev.Rule, ev.Kind = bongsu.EventOpen, "r", bongsu.KindIntrusion
	ev.Start, ev.Fired = time.Unix(100, 0).UTC(), time.Unix(101, 0).UTC()
	return ev
}

func TestCameraThatCannotBeBuiltKeepsNoEventOpen(t *testing.T) {
	n := start(t, nil, func(link.Assignment) error { return errors.New("no such model") })
	left := leftOpen()
	n.send(link.Message{Type: link.TypeOpenEvents, Camera: "a", Open: []bongsu.Event{left}})
	n.send(link.Message{Type: link.TypeAssign, Assign: assignment("a")})
	got := n.next(link.TypeEvent).Event
	if got.ID != left.ID || got.Revision != 3 || got.State != bongsu.EventClosed || got.CloseReason != bongsu.CloseInterrupted || !got.End.Equal(left.Fired) {
		t.Errorf("closed as %+v", got)
	}
	n.stop()
}

func TestRemovedCameraThatWasNeverBuiltClosesItsEvents(t *testing.T) {
	building, fail := make(chan struct{}), make(chan struct{})
	n := start(t, nil, func(link.Assignment) error {
		building <- struct{}{}
		<-fail
		return errors.New("no such model")
	})
	left := leftOpen()
	n.send(link.Message{Type: link.TypeOpenEvents, Camera: "a", Open: []bongsu.Event{left}})
	n.send(link.Message{Type: link.TypeAssign, Assign: assignment("a")})
	<-building
	n.send(link.Message{Type: link.TypeUnassign, Camera: "a"})
	n.send(link.Message{Type: link.TypeNack, Ref: 1 << 40, Message: "x"}) // about nothing; answered for nobody, but read after the other
	close(fail)
	if got := n.next(link.TypeEvent).Event; got.ID != left.ID || got.CloseReason != bongsu.CloseRuleRemoved {
		t.Errorf("closed as %+v", got)
	}
	n.stop()
}

// Two changes of the configuration in a row: the assignment between them never runs.
func TestOpenEventsSurviveAnAssignmentThatNeverRuns(t *testing.T) {
	hold, building := make(chan struct{}), make(chan string)
	n := start(t, func(_ context.Context, r *fakeRunner) { r.open = r.env.Open }, func(a link.Assignment) error {
		building <- a.Name
		<-hold
		return nil
	})
	left := leftOpen()
	n.send(link.Message{Type: link.TypeOpenEvents, Camera: "a", Open: []bongsu.Event{left}})
	for _, name := range []string{"1", "2", "3"} {
		a := assignment("a")
		a.Name = name
		n.send(link.Message{Type: link.TypeAssign, Assign: a})
		if name == "1" {
			<-building
		}
	}
	n.send(link.Message{Type: link.TypeNack, Ref: 1 << 40, Message: "x"}) // read after the three
	close(hold)
	if name := <-building; name != "3" {
		t.Errorf("assignment %s was built, want the last", name)
	}
	last := n.runner(1)
	if len(last.env.Open) != 1 || last.env.Open[0].ID != left.ID {
		t.Errorf("the last run was given %+v, want the event that was left open", last.env.Open)
	}
	n.stop()
}

// A worker that is asked to end hands over what its cameras leave behind before it hangs up.
func TestStoppingWorkerHandsOverFirst(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	last, clip := event(1), bongsu.Clip{Event: bongsu.NewEventID(time.Now()), Camera: "a"}
	closed := make(chan error, 1)
	n := startUnder(ctx, t, func(ctx context.Context, r *fakeRunner) {
		<-ctx.Done()
		r.env.Put(last, nil)
		closed <- r.env.CloseClip(context.WithoutCancel(ctx), clip)
	}, nil)
	n.send(link.Message{Type: link.TypeAssign, Assign: assignment("a")})
	n.runner(0)
	stop()
	for range 2 {
		m := n.either(link.TypeEvent, link.TypeClipClosed)
		n.send(link.Message{Type: link.TypeAck, Ref: m.Seq})
	}
	if err := <-closed; err != nil {
		t.Errorf("the clip's end was not recorded: %v", err)
	}
	if err := <-n.done; err != nil {
		t.Errorf("Run returned %v", err)
	}
	n.conn.Close()
	for range n.got {
	}
}

// TestStoppingWorkerWithoutANodeEnds: nobody acknowledges, and nobody reads.
func TestStoppingWorkerWithoutANodeEnds(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	n := startUnder(ctx, t, func(ctx context.Context, r *fakeRunner) { r.env.Put(event(1), nil) }, nil)
	n.send(link.Message{Type: link.TypeAssign, Assign: assignment("a")})
	n.next(link.TypeEvent)
	stop()
	n.stop()
}

func TestPictureOfAnEventAfterTheEndIsNotHeld(t *testing.T) {
	h := newHandover(1<<20, nil, func(link.Message) (uint64, error) { return 0, io.EOF }, nil)
	owner := &countedFrame{}
	h.Put(event(1), &bongsu.Frame{Owner: owner})
	h.drop()
	h.Put(event(1), &bongsu.Frame{Owner: owner})
	if owner.refs != 0 || h.frames != 0 {
		t.Errorf("%d references, %d pictures held after the end", owner.refs, h.frames)
	}
}
